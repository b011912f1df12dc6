/* SPDX-License-Identifier: Apache-2.0 */
#if defined(FT_HAVE_SERVE) && defined(FT_HAVE_MICROHTTPD)

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/wait.h"
#include "harness.h"
#include "serve/catalogue_fake.h"
#include "serve/http.h"

#define META                                                                                       \
    "\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\","                       \
    "\"io.modelcontextprotocol/clientCapabilities\":{}}"
#define MODERN "MCP-Protocol-Version: 2026-07-28\r\n"
#define JSON   "Content-Type: application/json\r\nAccept: application/json, text/event-stream\r\n"

/* Two desks, of which a question may keep one for as long as it wants. */
static struct ft_desk desks[2];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static _Atomic int sleeps_ms;
static struct ft_web *web;
static uint16_t port;

static struct ft_desk *take(void *cookie)
{
    struct ft_desk *d = NULL;

    (void)cookie;
    pthread_mutex_lock(&lock);
    for (int i = 0; i < 2 && d == NULL; i++) {
        d = desks[i].busy ? NULL : &desks[i];
    }
    if (d != NULL) {
        d->busy = true;
    }
    pthread_mutex_unlock(&lock);
    return d;
}

static void give(void *cookie, struct ft_desk *d)
{
    (void)cookie;
    pthread_mutex_lock(&lock);
    d->busy = false;
    pthread_mutex_unlock(&lock);
}

static int slow(struct ft_desk *d, const cJSON *args, struct ft_text *out, struct ft_err *err)
{
    usleep((useconds_t)sleeps_ms * 1000);
    return fake_plain(d, args, out, err);
}

static const struct ft_tool tools[] = {
    {"slow", "Slow", "Slow", "{\"type\":\"object\",\"properties\":{}}", "{\"type\":\"object\"}",
     slow},
    {"top", "Top", "Top", "{\"type\":\"object\",\"properties\":{}}", "{\"type\":\"object\"}",
     fake_top},
};

static void change(uint64_t to)
{
    for (int i = 0; i < 2; i++) {
        __atomic_store_n(&desks[i].alerts, to, __ATOMIC_SEQ_CST);
    }
}

static void begin(struct ft_gate gate)
{
    static struct ft_catalogue catalogue;
    struct ft_rpc rpc = {.catalogue = &catalogue, .take = take, .give = give, .shared = true};
    struct ft_endpoint at;
    struct ft_err err = {0};

    catalogue = fake_catalogue;
    catalogue.tools = tools;
    memset(desks, 0, sizeof desks);
    CHECK(ft_endpoint_parse("127.0.0.1:0", &at));
    CHECK_EQ(ft_web_open(&at, &gate, &rpc, &web, &err), FT_OK);
    CHECK_EQ(ft_web_start(web, &err), FT_OK);
    port = (uint16_t)strtol(strchr(ft_web_address(web), ':') + 1, NULL, 10);
}

static void end(void)
{
    ft_web_free(web);
}

static int dial(void)
{
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    CHECK(connect(fd, (struct sockaddr *)(void *)&to, sizeof to) == 0);
    return fd;
}

static void put(int fd, const char *text)
{
    CHECK_EQ(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* What comes until something is there, or the end, or ms are over. */
static const char *got(int fd, const char *something, int ms)
{
    static char text[65536];
    int64_t until = ft_mono_ms() + ms;
    size_t have = 0;

    text[0] = '\0';
    while (something == NULL || strstr(text, something) == NULL) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        int64_t left = until - ft_mono_ms();

        if (left <= 0 || poll(&p, 1, (int)left) <= 0) {
            break;
        }
        ssize_t n = recv(fd, text + have, sizeof text - 1 - have, 0);

        if (n <= 0) {
            break;
        }
        have += (size_t)n;
        text[have] = '\0';
    }
    return text;
}

static void request(int fd, const char *head, const char *headers, const char *body)
{
    char text[4096];

    snprintf(text, sizeof text, "%s HTTP/1.1\r\n%sContent-Length: %zu\r\n\r\n%s", head, headers,
             strlen(body), body);
    put(fd, text);
}

/* The status of one request. */
static int status_of(const char *head, const char *headers, const char *body)
{
    int fd = dial();

    request(fd, head, headers, body);
    const char *text = got(fd, "\r\n\r\n", 5000);
    int status = strlen(text) > 12 ? (int)strtol(text + 9, NULL, 10) : 0;

    close(fd);
    return status;
}

#define LIST "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\",\"params\":{" META "}}"
#define OLD  "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\"}"
#define HOST "Host: localhost\r\n"

static void test_statuses(void)
{
    static const struct {
        int status;
        const char *head, *headers, *body;
    } cases[] = {
        {200, "POST /mcp", HOST JSON MODERN "Mcp-Method: tools/list\r\n", LIST},
        {200, "POST /mcp", HOST JSON, OLD},
        {200, "POST /mcp", HOST JSON "MCP-Protocol-Version: 2025-11-25\r\n", OLD},
        {200, "GET /health", HOST, ""},
        {202, "POST /mcp", HOST JSON, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/x\"}"},
        {202, "POST /mcp", HOST JSON MODERN, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}"},
        {400, "POST /mcp", HOST JSON, "{"},
        {400, "POST /mcp", HOST JSON, ""},
        {400, "POST /mcp", HOST JSON, "[" OLD "]"},
        {400, "POST /mcp", HOST JSON MODERN, LIST},
        {400, "POST /mcp", HOST JSON "Mcp-Method: tools/list\r\n", LIST},
        {400, "POST /mcp", HOST JSON MODERN "Mcp-Method: tools/list\r\nmcp-method: tools/list\r\n",
         LIST},
        {400, "POST /mcp", HOST JSON MODERN "Mcp-Method: tools/list\r\n", OLD},
        {400, "POST /mcp", HOST JSON "MCP-Protocol-Version: 1999-01-01\r\n", OLD},
        {403, "POST /mcp", "Host: evil.example\r\n" JSON, OLD},
        {403, "POST /mcp", HOST JSON "Origin: http://evil.example\r\n", OLD},
        {403, "GET /health", HOST "Origin: null\r\n", ""},
        {404, "POST /", HOST JSON, OLD},
        {404, "POST /mcp", HOST JSON MODERN "Mcp-Method: none\r\n",
         "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"none\",\"params\":{" META "}}"},
        {200, "POST /mcp", HOST JSON, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"none\"}"},
        {405, "GET /mcp", HOST, ""},
        {405, "DELETE /mcp", HOST, ""},
        {405, "OPTIONS /mcp", HOST, ""},
        {406, "POST /mcp", HOST "Content-Type: application/json\r\nAccept: text/html\r\n", OLD},
        {406, "POST /mcp", HOST "Content-Type: application/json\r\n", OLD},
        {415, "POST /mcp", HOST "Accept: */*\r\nContent-Type: text/plain\r\n", OLD},
        {415, "POST /mcp", HOST "Accept: */*\r\n", OLD},
    };

    begin((struct ft_gate){.loopback = true});
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int status = status_of(cases[i].head, cases[i].headers, cases[i].body);

        if (status != cases[i].status) {
            printf("case %zu: %s\n", i, cases[i].head);
        }
        CHECK_EQ(status, cases[i].status);
    }
    end();
}

/* By its length, and by how much of it comes. */
static void test_too_large(void)
{
    static char piece[8192];
    int fd, chunks = 0;

    begin((struct ft_gate){.loopback = true});
    fd = dial();
    put(fd, "POST /mcp HTTP/1.1\r\n" HOST JSON "Content-Length: 262145\r\n\r\n");
    CHECK(strncmp(got(fd, "\r\n\r\n", 5000), "HTTP/1.1 413", 12) == 0);
    close(fd);
    fd = dial();
    put(fd, "POST /mcp HTTP/1.1\r\n" HOST JSON "Transfer-Encoding: chunked\r\n\r\n");
    memset(piece, ' ', sizeof piece);
    memcpy(piece, "1ff8\r\n", 6);
    memcpy(piece + sizeof piece - 2, "\r\n", 2);
    while (chunks++ < 40) {
        CHECK_EQ(send(fd, piece, sizeof piece, MSG_NOSIGNAL), sizeof piece);
    }
    put(fd, "0\r\n\r\n");
    CHECK(strncmp(got(fd, "\r\n\r\n", 5000), "HTTP/1.1 413", 12) == 0);
    close(fd);
    end();
}

static void test_token(void)
{
    struct ft_gate gate = {.loopback = true, .token = strdup("0123456789abcdef")};

    begin(gate);
    CHECK_EQ(status_of("POST /mcp", HOST JSON, OLD), 401);
    CHECK_EQ(status_of("GET /mcp", HOST, ""), 401);
    CHECK_EQ(status_of("GET /health", HOST, ""), 200);
    CHECK_EQ(status_of("POST /mcp", HOST JSON "Authorization: Bearer 0123456789abcdeF\r\n", OLD),
             401);
    CHECK_EQ(status_of("POST /mcp", HOST JSON "Authorization: Bearer 0123456789abcdef\r\n", OLD),
             200);
    int fd = dial();

    request(fd, "POST /mcp", HOST JSON, OLD);
    CHECK(strstr(got(fd, "\r\n\r\n", 5000), "WWW-Authenticate: Bearer") != NULL);
    close(fd);
    end();
}

/* Many requests on one connection. */
static void test_kept_alive(void)
{
    begin((struct ft_gate){.loopback = true});
    int fd = dial();

    for (int i = 0; i < 50; i++) {
        request(fd, "POST /mcp", HOST JSON, OLD);
        CHECK(strstr(got(fd, "}]}}", 5000), "\"tools\":[") != NULL);
    }
    close(fd);
    end();
}

#define CALL(name)                                                                                 \
    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"" name "\"}}"

static void test_slow(void)
{
    begin((struct ft_gate){.loopback = true});
    sleeps_ms = 1500;
    int fd = dial();
    int64_t start = ft_mono_ms();

    request(fd, "POST /mcp", HOST JSON, CALL("slow"));
    usleep(100 * 1000);
    for (int i = 0; i < 10; i++) {
        CHECK_EQ(status_of("POST /mcp", HOST JSON, CALL("top")), 200);
    }
    CHECK(ft_mono_ms() - start < 1500);
    CHECK(strstr(got(fd, "}}", 5000), "\"result\"") != NULL);
    CHECK(ft_mono_ms() - start >= 1500);
    close(fd);
    end();
}

#define LISTEN(id)                                                                                 \
    "{\"jsonrpc\":\"2.0\",\"id\":" id ",\"method\":\"subscriptions/listen\",\"params\":{"          \
    "\"notifications\":{\"resourceSubscriptions\":[\"fake://alerts\"]}," META "}}"
#define TAG(id) "\"io.modelcontextprotocol/subscriptionId\":" id "}"

static int listen_for(const char *body)
{
    int fd = dial();

    request(fd, "POST /mcp", HOST JSON MODERN "Mcp-Method: subscriptions/listen\r\n", body);
    return fd;
}

static void test_stream(void)
{
    begin((struct ft_gate){.loopback = true});
    int a = listen_for(LISTEN("7")), b = listen_for(LISTEN("\"b\""));
    const char *text = got(a, "]}}}\n\n", 5000);

    CHECK(strncmp(text, "HTTP/1.1 200", 12) == 0);
    CHECK(strstr(text, "Content-Type: text/event-stream\r\n") != NULL);
    CHECK(strstr(text, "X-Accel-Buffering: no\r\n") != NULL);
    CHECK(strstr(text, "event: message\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/"
                       "subscriptions/acknowledged\"") != NULL);
    CHECK(strstr(got(b, "]}}}\n\n", 5000), TAG("\"b\"")) != NULL);
    change(5);
    text = got(a, "}}}\n\n", 5000);
    CHECK(strstr(text, "notifications/resources/updated") != NULL && strstr(text, TAG("7")));
    CHECK(strstr(got(b, "}}}\n\n", 5000), TAG("\"b\"")) != NULL);
    CHECK_STR(got(a, NULL, 1500), ""); /* once */
    close(b);
    change(6);
    CHECK(strstr(got(a, "}}}\n\n", 5000), "notifications/resources/updated") != NULL);
    ft_web_free(web); /* in order: the result, and the end */
    text = got(a, NULL, 5000);
    CHECK(strstr(text, "\"id\":7,\"result\":{\"resultType\":\"complete\",\"_meta\":{" TAG("7")) !=
          NULL);
    CHECK(strstr(text, "\r\n0\r\n") != NULL);
    close(a);
}

/* Streams leave places for questions, and there are so many; those that went are none. */
static void test_many_streams(void)
{
    int fds[25], refused = 0;

    begin((struct ft_gate){.loopback = true});
    for (int i = 0; i < 25; i++) {
        fds[i] = listen_for(LISTEN("1"));
        const char *text = got(fds[i], "\r\n\r\n", 5000);

        refused += strncmp(text, "HTTP/1.1 503", 12) == 0;
    }
    CHECK_EQ(refused, 1);
    CHECK_EQ(status_of("POST /mcp", HOST JSON, OLD), 200);
    for (int i = 0; i < 25; i++) {
        close(fds[i]);
    }
    CHECK_EQ(status_of("POST /mcp",
                       HOST "Content-Type: application/json\r\nAccept: application/json\r\n" MODERN
                            "Mcp-Method: subscriptions/listen\r\n",
                       LISTEN("1")),
             406);
    end();
}

/* Who says nothing keeps nobody out. */
static void test_silent(void)
{
    int fds[200];

    begin((struct ft_gate){.loopback = true});
    for (int i = 0; i < 200; i++) {
        fds[i] = dial();
        put(fds[i], "POST /mcp HTTP/1.1\r\n");
        if (i % 20 == 0) {
            CHECK_EQ(status_of("POST /mcp", HOST JSON, OLD), 200);
        }
    }
    CHECK_EQ(status_of("POST /mcp", HOST JSON, OLD), 200);
    for (int i = 0; i < 200; i++) {
        close(fds[i]);
    }
    end();
}

static void test_taken_address(void)
{
    struct ft_gate gate = {.loopback = true};
    struct ft_rpc rpc = {.catalogue = &fake_catalogue, .take = take, .give = give, .shared = true};
    struct ft_endpoint at;
    struct ft_web *other;
    struct ft_err err;

    begin(gate);
    CHECK(ft_endpoint_parse(ft_web_address(web), &at));
    CHECK_EQ(ft_web_open(&at, &gate, &rpc, &other, &err), FT_E_IO);
    end();
}

int main(void)
{
    RUN(test_statuses);
    RUN(test_too_large);
    RUN(test_token);
    RUN(test_kept_alive);
    RUN(test_slow);
    RUN(test_stream);
    RUN(test_many_streams);
    RUN(test_silent);
    RUN(test_taken_address);
    return test_end();
}

#else

int main(void)
{
    return 77; /* skipped: a build without what it takes */
}

#endif
