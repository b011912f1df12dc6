/* SPDX-License-Identifier: Apache-2.0 */
/* model/networks: files, right and wrong; the longest prefix says the name. */
#include "model/networks.h"

#include <arpa/inet.h>

#include "base/mem.h"
#include "harness.h"
#include "model/prefix.h"

static struct ft_networks *nets;

static int parse(const char *text, struct ft_err *err)
{
    ft_networks_free(nets);
    nets = NULL;
    return ft_networks_parse(text, strlen(text), &nets, err);
}

/* The name for an address; "": none. */
static const char *name_of(const char *text)
{
    static char out[FT_NETWORK_NAME + 1];
    uint8_t version = strchr(text, ':') != NULL ? 6 : 4, addr[16] = {0};
    uint32_t len = 0;
    const char *name;

    CHECK_EQ(inet_pton(version == 4 ? AF_INET : AF_INET6, text, addr), 1);
    name = ft_networks_find(nets, version, addr, &len);
    snprintf(out, sizeof out, "%.*s", name != NULL ? (int)len : 0, name != NULL ? name : "");
    return out;
}

static void test_longest(void)
{
    struct ft_err err = {0};

    CHECK_EQ(parse("\xef\xbb\xbfPrefix,Name\r\n"
                   "# ours\r\n"
                   "\r\n"
                   "10.0.0.0/8, ten \r\n"
                   "10.1.0.0/16,\"ten, \"\"one\"\"\"\n"
                   "10.1.2.3,host\n"
                   "10.1.255.0/24,last\n"
                   "2001:db8::/32,doc\n"
                   "2001:db8:0:1::/64,doc one\n"
                   "255.255.255.255/32,all\n"
                   "ffff::/16,top",
                   &err),
             FT_OK);
    CHECK_EQ(ft_networks_count(nets), 8);
    static const struct {
        const char *addr, *name;
    } cases[] = {
        {"9.255.255.255", ""},
        {"10.0.0.0", "ten"},
        {"10.0.255.255", "ten"},
        {"10.1.0.0", "ten, \"one\""},
        {"10.1.2.2", "ten, \"one\""},
        {"10.1.2.3", "host"},
        {"10.1.2.4", "ten, \"one\""},
        {"10.1.254.255", "ten, \"one\""},
        {"10.1.255.7", "last"},
        {"10.2.0.0", "ten"},
        {"10.255.255.255", "ten"},
        {"11.0.0.0", ""},
        {"0.0.0.0", ""},
        {"255.255.255.254", ""},
        {"255.255.255.255", "all"},
        {"2001:db7:ffff:ffff:ffff:ffff:ffff:ffff", ""},
        {"2001:db8::", "doc"},
        {"2001:db8:0:1::", "doc one"},
        {"2001:db8:0:1:ffff:ffff:ffff:ffff", "doc one"},
        {"2001:db8:0:2::", "doc"},
        {"2001:db9::", ""},
        {"::", ""},
        {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "top"},
        {"fffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff", ""},
        {"::ffff:10.1.2.3", ""},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CHECK_STR(name_of(cases[i].addr), cases[i].name);
    }
}

static void test_everything_has_a_name(void)
{
    struct ft_err err = {0};

    CHECK_EQ(parse("::/0,six\n0.0.0.0/0,four\n128.0.0.0/1,four\n128.0.0.0/2,half\n", &err), FT_OK);
    CHECK_STR(name_of("0.0.0.0"), "four");
    CHECK_STR(name_of("128.0.0.1"), "half");
    CHECK_STR(name_of("192.0.0.0"), "four");
    CHECK_STR(name_of("255.255.255.255"), "four");
    CHECK_STR(name_of("::"), "six");
    CHECK_STR(name_of("ffff::"), "six");
    CHECK(ft_networks_find(NULL, 4, (const uint8_t *)"\1\2\3\4", &(uint32_t){0}) == NULL);
}

static void test_wrong(void)
{
    static const struct {
        const char *text, *what;
    } cases[] = {
        {"", "there is no prefix in it"},
        {"prefix,name\n", "there is no prefix in it"},
        {"10.0.0.0/8\n", "line 1: there is no name: PREFIX,NAME is asked for"},
        {"\n10.0.0.0/8,\n", "line 2: the name is empty"},
        {"10.0.0.0/8,a,b\n", "line 1: there are more cells than PREFIX,NAME"},
        {"10.0.0.0/8,a\n10.0.0.0/33,b\n",
         "line 2: '10.0.0.0/33': allowed is a prefix like 10.0.0.0/8 or 2001:db8::/32, or an "
         "address"},
        {"10.0.0.1/8,a\n", "line 1: '10.0.0.1/8': it has bits behind its length"},
        {"2001:db8::1/127,a\n", "line 1: '2001:db8::1/127': it has bits behind its length"},
        {"2001:db8:1::/32,a\n", "line 1: '2001:db8:1::/32': it has bits behind its length"},
        {"10.0.0.0/8,a\n# x\n10.0.0.0/8,b\n", "line 3: the prefix has another name in line 1"},
        {"10.0.0.0/8,\"a\n", "line 1: a quoted cell has no end, or is too long"},
        {"10.0.0.0/8,0123456789012345678901234567890123456789012345678901234567890123x\n",
         "line 1: a cell is too long, or no text"},
        {"prefix,name\nprefix,name\n10.0.0.0/8,b",
         NULL}, /* headers may stand in front of what is put together */
        {"10.0.0.0/8,a\nprefix,name\n", "line 2: 'prefix': allowed is a prefix like 10.0.0.0/8 or "
                                        "2001:db8::/32, or an address"},
        {"10.0.0.0/8,a\n10.0.0.0/8,a\n", NULL},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ft_err err = {0};
        int rc = parse(cases[i].text, &err);

        CHECK_EQ(rc, cases[i].what == NULL ? FT_OK : FT_E_FORMAT);
        CHECK_STR(err.what, cases[i].what == NULL ? "" : cases[i].what);
    }
    static const char zero[] = "10.0.0.0/8,\"a\0b\"\n";
    struct ft_err err = {0};

    CHECK_EQ(ft_networks_parse(zero, sizeof zero - 1, &nets, &err), FT_E_FORMAT);
}

/* ---- against asking each prefix ---- */

enum { SOME = 400, ASKED = 4000 };

static uint64_t random_state = 1;

static uint32_t number(uint32_t below)
{
    random_state = random_state * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return (uint32_t)(random_state >> 33) % below;
}

/* Few bits vary, so that prefixes lie in each other and addresses in prefixes. */
static void make_address(uint8_t version, uint8_t addr[16])
{
    memset(addr, 0, 16);
    for (int i = 0; i < (version == 4 ? 4 : 16); i++) {
        addr[i] = (uint8_t)(number(4) == 0 ? 0xff : number(4) == 0 ? number(256) : 0);
    }
}

static void cut(struct ft_prefix *p)
{
    for (uint32_t i = p->bits; i < 128; i++) {
        p->addr[i / 8] &= (uint8_t) ~(0x80 >> i % 8);
    }
}

static void make_prefixes(struct ft_prefix p[SOME], char *text)
{
    for (int i = 0; i < SOME; i++) {
        char addr[64];
        bool twice = true;

        while (twice) {
            p[i].ip_version = number(2) ? 4 : 6;
            make_address(p[i].ip_version, p[i].addr);
            p[i].bits = (uint8_t)number(p[i].ip_version == 4 ? 33 : 129);
            cut(&p[i]);
            twice = false;
            for (int k = 0; k < i; k++) {
                twice = twice || memcmp(&p[k], &p[i], sizeof p[k]) == 0;
            }
        }
        inet_ntop(p[i].ip_version == 4 ? AF_INET : AF_INET6, p[i].addr, addr, sizeof addr);
        text += sprintf(text, "%s/%u,n%d\n", addr, p[i].bits, i % 50);
    }
}

static void test_against_each_prefix(void)
{
    static struct ft_prefix p[SOME];
    static char text[SOME * 80];
    struct ft_err err = {0};

    make_prefixes(p, text);
    CHECK_EQ(parse(text, &err), FT_OK);
    for (int n = 0; n < ASKED; n++) {
        uint8_t version = number(2) ? 4 : 6, addr[16];
        char want[16] = "", got[16] = "", shown[64];
        int best = -1;
        uint32_t len = 0;

        if (number(2)) {
            make_address(version, addr);
        } else {
            const struct ft_prefix *one = &p[number(SOME)]; /* an end of one, or beside it */

            version = one->ip_version;
            memcpy(addr, one->addr, sizeof addr);
            addr[version == 4 ? 3 : 15] = (uint8_t)(addr[version == 4 ? 3 : 15] - number(3));
        }
        for (int i = 0; i < SOME; i++) {
            if (ft_prefix_holds(&p[i], version, addr) && (best < 0 || p[i].bits > p[best].bits)) {
                best = i;
            }
        }
        if (best >= 0) {
            snprintf(want, sizeof want, "n%d", best % 50);
        }
        const char *name = ft_networks_find(nets, version, addr, &len);

        snprintf(got, sizeof got, "%.*s", name != NULL ? (int)len : 0, name != NULL ? name : "");
        inet_ntop(version == 4 ? AF_INET : AF_INET6, addr, shown, sizeof shown);
        if (strcmp(got, want) != 0) {
            fprintf(stderr, "%s: %s, wanted %s\n", shown, got, want);
            CHECK(false);
            return;
        }
    }
}

static void test_out_of_memory(void)
{
    static const char text[] = "10.0.0.0/8,a\n2001:db8::/32,b\n";
    int rc = FT_E_NOMEM;
    struct ft_err err;

    ft_networks_free(nets);
    nets = NULL;
    for (uint64_t i = 1; rc != FT_OK && i < 100; i++) {
        ft_mem_fail_at(i);
        rc = ft_networks_parse(text, sizeof text - 1, &nets, &err);
        ft_mem_fail_at(0);
        CHECK(rc == FT_OK || rc == FT_E_NOMEM);
    }
    CHECK_EQ(rc, FT_OK);
    CHECK_STR(name_of("10.1.1.1"), "a");
}

int main(void)
{
    RUN(test_longest);
    RUN(test_everything_has_a_name);
    RUN(test_wrong);
    RUN(test_against_each_prefix);
    RUN(test_out_of_memory);
    ft_networks_free(nets);
    return test_end();
}
