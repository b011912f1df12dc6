/* SPDX-License-Identifier: Apache-2.0 */
#include "base/endpoint.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "harness.h"

#define TEN_BYTES "aaaaaaaaa."
#define LONG_NAME                                                                                  \
    TEN_BYTES TEN_BYTES TEN_BYTES TEN_BYTES TEN_BYTES TEN_BYTES TEN_BYTES TEN_BYTES TEN_BYTES

/* "host port" of an endpoint, or "". */
static const char *shown(const char *text, char out[80], bool *out_loopback)
{
    struct ft_endpoint e;
    char host[64] = "";
    unsigned port;

    out[0] = '\0';
    if (!ft_endpoint_parse(text, &e)) {
        return out;
    }
    if (e.addr.ss_family == AF_INET) {
        const struct sockaddr_in *in = (const void *)&e.addr;

        CHECK_EQ(e.len, sizeof *in);
        inet_ntop(AF_INET, &in->sin_addr, host, sizeof host);
        port = ntohs(in->sin_port);
    } else {
        const struct sockaddr_in6 *in6 = (const void *)&e.addr;

        CHECK_EQ(e.len, sizeof *in6);
        inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof host);
        port = ntohs(in6->sin6_port);
    }
    *out_loopback = e.loopback;
    snprintf(out, 80, "%s %u", host, port);
    return out;
}

static void test_parse(void)
{
    static const struct {
        const char *text, *want;
        bool loopback;
    } cases[] = {
        {":9090", "127.0.0.1 9090", true},    {"9090", "127.0.0.1 9090", true},
        {"localhost:1", "127.0.0.1 1", true}, {"127.8.0.1:65535", "127.8.0.1 65535", true},
        {"0.0.0.0:0", "0.0.0.0 0", false},    {"10.1.2.3:80", "10.1.2.3 80", false},
        {"[::1]:80", "::1 80", true},         {"[::]:80", ":: 80", false},
    };
    char out[80];
    bool loopback = false;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CHECK_STR(shown(cases[i].text, out, &loopback), cases[i].want);
        CHECK_EQ(loopback, cases[i].loopback);
    }
}

static void test_wrong(void)
{
    static const char *const wrong[] = {"",         ":",        "x",           ":65536",
                                        ":-1",      ":1x",      "host:1",      "1.2.3:1",
                                        "::1:9090", "[::1]",    "[]:1",        "[1.2.3.4]:1",
                                        "[::1]:",   "1.2.3.4:", "[::g]:1",     "127.0.0.1 :1",
                                        ":000001",  "[::1:1",   LONG_NAME ":1"};
    struct ft_endpoint e;

    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        if (ft_endpoint_parse(wrong[i], &e)) {
            CHECK_STR(wrong[i], "refused");
        }
    }
}

int main(void)
{
    RUN(test_parse);
    RUN(test_wrong);
    return test_end();
}
