/* SPDX-License-Identifier: Apache-2.0 */
/* Information elements by number and name as an installed Wireshark has them: a second, independent
 * copy of the registry. Below 217 it has NetFlow's names, and nothing newer than its release.
 * Skipped without tshark. */
#include "harness.h"
#include "model/elements/element.h"

enum { NTOP_PEN = 35632, IANA_FROM = 217, IANA_TO = 491, ENOUGH = 200 };

static uint32_t compared[2];

/* Whether two names have the same letters and digits, of either case. */
static bool same_name(const char *a, const char *b)
{
    for (;;) {
        a += strcspn(a, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789");
        b += strcspn(b, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789");
        if ((*a | 0x20) != (*b | 0x20) || *a == '\0' || *b == '\0') {
            return *a == *b;
        }
        a++;
        b++;
    }
}

/* Wireshark has a name of its own, or none: not compared. */
static bool renamed(uint32_t pen, uint32_t id)
{
    if (pen == NTOP_PEN) { /* SRC_TO_SRC_..., where nProbe's manual has DST_TO_SRC_... */
        return id >= 85 && id <= 87;
    }
    return id < IANA_FROM || id > IANA_TO || id == 313 || id == 314 || id == 416 || id == 419;
}

static void compare(uint32_t pen, uint32_t id, const char *name)
{
    const struct ft_element *e;
    const char *here;

    if (id > INT16_MAX || renamed(pen, id)) {
        return;
    }
    e = ft_element_find(pen, (uint16_t)id);
    here = e == NULL ? "" : e->name;
    here += strncmp(here, "ntop_", 5) == 0 ? 5 : 0; /* the name of one of IANA's without it */
    if (!same_name(here, name)) {
        fprintf(stderr, "%u %u: %s here, %s there\n", pen, id, here, name);
    }
    CHECK(same_name(here, name));
    compared[pen != 0]++;
}

static void test_against_wireshark(void)
{
    FILE *f = popen("tshark -G values 2>/dev/null", "r");
    char line[512], field[128], name[256];
    uint32_t id;

    CHECK(f != NULL);
    while (f != NULL && fgets(line, sizeof line, f) != NULL) {
        if (sscanf(line, "V\t%127[^\t]\t%" SCNu32 "\t%255[^\n]", field, &id, name) != 3) {
            continue;
        }
        if (strcmp(field, "cflow.template_ipfix_field_type") == 0) {
            compare(0, id, name);
        } else if (strcmp(field, "cflow.template_ntop_field_type") == 0) {
            compare(NTOP_PEN, id, name);
        }
    }
    if (f != NULL) {
        CHECK_EQ(pclose(f), 0);
    }
    CHECK(compared[0] > ENOUGH);
    CHECK(compared[1] > ENOUGH);
}

int main(void)
{
    if (system("tshark -v >/dev/null 2>&1") != 0) {
        return test_skip("no tshark");
    }
    CHECK(same_name("post_nat_ipv4", "postNATIPv4") && same_name("a", "A") && same_name("", "_"));
    CHECK(!same_name("ab", "a") && !same_name("a", "ab") && !same_name("a1", "a2"));
    RUN(test_against_wireshark);
    return test_end();
}
