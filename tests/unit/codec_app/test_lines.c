/* SPDX-License-Identifier: Apache-2.0 */
/* codec: HTTP/1, SSH and the PROXY protocol: every prefix and every single damaged byte, in blocks
 * of their exact size, where a sanitizer looks. */
#include "codec/app/plain.h"
#include "codec/app/proxy.h"
#include "harness.h"

static const char *const messages[] = {
    "\r\nGET /where HTTP/1.1\r\nHost: \t a.example \r\nUser-Agent: u\r\n v\r\n\r\n",
    "POST http://a/b HTTP/1.0\nHost:\n a\n\n",
    "HTTP/1.1 200 OK\r\n\r\n",
    "SSH-2.0-name comment\r\n\0\0\0\x0c",
    "Welcome\r\n to this\r\nSSH-2.0-x\r\n",
    "PROXY TCP4 192.0.2.1 192.0.2.2 56324 443\r\nGET / HTTP/1.1\r\n\r\n",
    "\r\n\r\n",
};
static const char proxy2[] = "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c"
                             "abcdefghijklGET / HTTP/1.1\r\n\r\n";

static void read_all(const uint8_t *p, size_t len)
{
    struct ft_http h;
    struct ft_ssh s;
    size_t skip = 0;

    for (int final = 0; final < 2; final++) {
        if (ft_http_read(p, len, final, &h) == FT_PARSE_DONE) {
            struct ft_text texts[] = {h.method, h.target, h.host, h.user_agent};

            for (size_t i = 0; i < 4; i++) {
                CHECK(texts[i].len == 0 ||
                      (texts[i].p >= p && texts[i].p + texts[i].len <= p + len));
            }
        }
    }
    ft_ssh_read(p, len, true, &s);
    CHECK(s.banner.len <= len);
    if (ft_ssh_text(p, len, &skip) == FT_PARSE_DONE) {
        CHECK(skip < len);
    }
    if (ft_proxy_read(p, len, &skip) == FT_PARSE_DONE) {
        CHECK(skip <= len);
    }
}

static void vary(const char *text, size_t len)
{
    for (size_t n = 1; n <= len; n++) {
        uint8_t *p = malloc(n);

        CHECK(p != NULL);
        memcpy(p, text, n);
        read_all(p, n);
        for (uint32_t v = 0; v < 256; v++) { /* the last one; before it are the shorter prefixes' */
            p[n - 1] = (uint8_t)v;
            read_all(p, n);
        }
        free(p);
    }
}

static void test_prefixes_and_damage(void)
{
    for (size_t i = 0; i < sizeof messages / sizeof messages[0]; i++) {
        vary(messages[i], strlen(messages[i]) + (i == 3 ? 4 : 0));
    }
    vary(proxy2, sizeof proxy2 - 1);
}

/* Only a whole head is done, and only with what cannot be one it is over. */
static void test_heads(void)
{
    const char *m = messages[0];
    struct ft_http h;

    for (size_t n = 1; n < strlen(m); n++) {
        CHECK_EQ(ft_http_read((const uint8_t *)m, n, false, &h), FT_PARSE_MORE);
    }
    CHECK_EQ(ft_http_read((const uint8_t *)m, strlen(m), false, &h), FT_PARSE_DONE);
    CHECK(h.host.len == 9 && memcmp(h.host.p, "a.example", 9) == 0);
    CHECK_EQ(h.user_agent.len, 5); /* with its fold */
    for (size_t n = 1; n < 12; n++) {
        CHECK_EQ(ft_http_read((const uint8_t *)messages[2], n, false, &h), FT_PARSE_MORE);
        CHECK_EQ(ft_http_read((const uint8_t *)messages[2], n, true, &h), FT_PARSE_NOT);
    }
    CHECK_EQ(ft_http_read((const uint8_t *)messages[2], 12, false, &h), FT_PARSE_DONE);
    CHECK_EQ(h.status, 200);
}

static void test_proxy_header(void)
{
    const char *v1 = messages[5];
    size_t skip = 0;

    for (size_t n = 1; n < 42; n++) {
        CHECK_EQ(ft_proxy_read((const uint8_t *)v1, n, &skip), FT_PARSE_MORE);
    }
    CHECK_EQ(ft_proxy_read((const uint8_t *)v1, 42, &skip), FT_PARSE_DONE);
    CHECK_EQ(skip, 42);
    for (size_t n = 1; n < 28; n++) {
        CHECK_EQ(ft_proxy_read((const uint8_t *)proxy2, n, &skip), FT_PARSE_MORE);
    }
    CHECK_EQ(ft_proxy_read((const uint8_t *)proxy2, 28, &skip), FT_PARSE_DONE);
    CHECK_EQ(skip, 28);
    CHECK_EQ(ft_proxy_read((const uint8_t *)"PROXY \r\n", 8, &skip), FT_PARSE_NOT);
    CHECK_EQ(ft_proxy_read((const uint8_t *)"GET / HTTP/1.1", 14, &skip), FT_PARSE_NOT);
}

int main(void)
{
    RUN(test_prefixes_and_damage);
    RUN(test_heads);
    RUN(test_proxy_header);
    return test_end();
}
