/* SPDX-License-Identifier: Apache-2.0 */
#ifdef FT_HAVE_SERVE

#include "serve/gate.h"

#include <unistd.h>

#include "harness.h"

static struct ft_err err;

static void test_host(void)
{
    static const char *const good[] = {"localhost",      "LOCALHOST:1", "127.0.0.1",
                                       "127.0.0.1:8600", "[::1]",       "[::1]:8600"};
    static const char *const bad[] = {
        "",
        "evil.example",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "evil:8600",
        "127.0.0.1:8600x",
        "127.0.0.1:86:00",
        "[::1",
        "[::1]x",
        "[::2]",
        "127.0.0.2",
        "localhost:8600@evil",
        "::1",
        "0.0.0.0",
    };
    struct ft_gate g = {.loopback = true};

    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        CHECK(ft_gate_host(&g, good[i]));
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        CHECK(!ft_gate_host(&g, bad[i]));
    }
    CHECK(!ft_gate_host(&g, NULL));
    CHECK_EQ(ft_gate_origin(&g, "https://flows.example", &err), FT_OK);
    CHECK(ft_gate_host(&g, "flows.example:443") && ft_gate_host(&g, "FLOWS.example"));
    CHECK(!ft_gate_host(&g, "flows.example.evil") && !ft_gate_host(&g, ""));
    g.loopback = false;
    CHECK(ft_gate_host(&g, "anything") && ft_gate_host(&g, NULL));
    ft_gate_fini(&g);
}

static void test_page(void)
{
    static const char *const bad[] = {
        "null",
        "",
        "http://evil.example",
        "http://localhost.evil.example",
        "file://localhost",
        "https://flows.example",
        "http://127.0.0.1@evil.example",
        "http://localhost:80/x",
        "http://",
    };
    struct ft_gate g = {.loopback = true};

    CHECK(ft_gate_page(&g, NULL));
    CHECK(ft_gate_page(&g, "http://localhost:6274") && ft_gate_page(&g, "https://127.0.0.1"));
    CHECK(ft_gate_page(&g, "http://[::1]:9"));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        CHECK(!ft_gate_page(&g, bad[i]));
    }
    CHECK_EQ(ft_gate_origin(&g, "https://flows.example", &err), FT_OK);
    CHECK(ft_gate_page(&g, "https://flows.example") && ft_gate_page(&g, "HTTPS://Flows.example"));
    CHECK(!ft_gate_page(&g, "http://flows.example"));
    CHECK(!ft_gate_page(&g, "https://flows.example:444"));
    g.loopback = false;
    CHECK(!ft_gate_page(&g, "http://localhost:6274"));
    ft_gate_fini(&g);
}

static void test_origins(void)
{
    static const char *const bad[] = {"",         "*",           "flows.example",
                                      "https://", "https://a/",  "https://a@b",
                                      "ftp://a",  "https://*.a", "https://a b"};
    struct ft_gate g = {.loopback = true};

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        CHECK_EQ(ft_gate_origin(&g, bad[i], &err), FT_E_USAGE);
    }
    for (int i = 0; i < FT_GATE_ORIGINS; i++) {
        CHECK_EQ(ft_gate_origin(&g, "https://a", &err), FT_OK);
    }
    CHECK_EQ(ft_gate_origin(&g, "https://a", &err), FT_E_USAGE);
    ft_gate_fini(&g);
    CHECK_EQ(g.n, 0);
}

static int read_token(struct ft_gate *g, const char *text)
{
    char path[] = "/tmp/test_gate_XXXXXX";
    int fd = mkstemp(path);

    CHECK(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);
    int rc = ft_gate_token(g, path, &err);

    unlink(path);
    return rc;
}

static void test_token(void)
{
    static const char *const bad[] = {"", "short", "\n", "two words of a token",
                                      "0123456789abcd\xc3\xa9"};
    struct ft_gate g = {.loopback = false};

    CHECK(ft_gate_shown(&g, NULL)); /* none is asked for */
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        CHECK(read_token(&g, bad[i]) != FT_OK);
        ft_gate_fini(&g);
    }
    CHECK(ft_gate_token(&g, "/does/not/exist", &err) != FT_OK);
    CHECK_EQ(read_token(&g, "0123456789abcdef\n"), FT_OK);
    CHECK(ft_gate_shown(&g, "Bearer 0123456789abcdef"));
    CHECK(ft_gate_shown(&g, "bearer 0123456789abcdef"));
    CHECK(!ft_gate_shown(&g, NULL) && !ft_gate_shown(&g, "") && !ft_gate_shown(&g, "Bearer "));
    CHECK(!ft_gate_shown(&g, "0123456789abcdef") && !ft_gate_shown(&g, "Basic 0123456789abcdef"));
    CHECK(!ft_gate_shown(&g, "Bearer 0123456789abcdeF"));
    CHECK(!ft_gate_shown(&g, "Bearer 0123456789abcde"));
    CHECK(!ft_gate_shown(&g, "Bearer 0123456789abcdef0"));
    CHECK(!ft_gate_shown(&g, "Bearer  0123456789abcdef"));
    ft_gate_fini(&g);
}

static void test_types(void)
{
    static const char json[] = "application/json";

    CHECK(ft_gate_names("application/json", json, false));
    CHECK(ft_gate_names("Application/JSON; charset=utf-8", json, false));
    CHECK(!ft_gate_names("*/*", json, false) && !ft_gate_names("text/plain", json, false));
    CHECK(!ft_gate_names("application/jsonx", json, false) && !ft_gate_names("", json, false));
    CHECK(ft_gate_names("text/event-stream, application/json", json, true));
    CHECK(ft_gate_names("text/html;q=1,*/*;q=0.1", json, true));
    CHECK(ft_gate_names("application/*", json, true));
    CHECK(!ft_gate_names("text/*", json, true) && !ft_gate_names(",;,", json, true));
}

int main(void)
{
    RUN(test_host);
    RUN(test_page);
    RUN(test_origins);
    RUN(test_token);
    RUN(test_types);
    return test_end();
}

#else

int main(void)
{
    return 77; /* skipped: a build without what it takes */
}

#endif
