/* SPDX-License-Identifier: Apache-2.0 */
#ifdef FT_HAVE_SERVE

#include "serve/stdio.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "harness.h"
#include "serve/catalogue_fake.h"

#define PING(id) "{\"jsonrpc\":\"2.0\",\"id\":" id ",\"method\":\"ping\"}"
#define PONG(id) "{\"jsonrpc\":\"2.0\",\"id\":" id ",\"result\":{}}\n"

static struct ft_desk desk;
static const struct ft_rpc rpc = {&fake_catalogue, fake_take, fake_give, &desk, false};
static int to[2], from[2], stop[2];
static pthread_t thread;
static int returned;

static void *run(void *arg)
{
    struct ft_stdio io = {to[0], from[1], stop[0]};
    struct ft_err err;

    (void)arg;
    returned = ft_stdio_run(&rpc, &io, &err);
    close(from[1]);
    return NULL;
}

static void begin(void)
{
    desk = (struct ft_desk){0};
    CHECK(pipe(to) == 0 && pipe(from) == 0 && pipe(stop) == 0);
    CHECK(pthread_create(&thread, NULL, run, NULL) == 0);
}

static void put(const char *text)
{
    CHECK_EQ(write(to[1], text, strlen(text)), strlen(text));
}

/* What is said until n bytes, or the end. */
static const char *got(size_t n)
{
    static char text[65536];
    size_t have = 0;
    ssize_t k;

    while (have < n && (k = read(from[0], text + have, n - have)) > 0) {
        have += (size_t)k;
    }
    text[have] = '\0';
    return text;
}

static void end(void)
{
    pthread_join(thread, NULL);
    CHECK_EQ(returned, FT_OK);
    close(to[0]);
    close(from[0]);
    close(stop[0]);
    close(stop[1]);
}

static void test_lines(void)
{
    begin();
    put(PING("1") "\n" PING("2") "\r\n\n  \n{\"jsonrpc\":\"2.0\",\"method\":\"none\"}\n");
    CHECK_STR(got(strlen(PONG("1") PONG("2"))), PONG("1") PONG("2"));
    put("{\"jsonrpc\":\"2.0\",");
    put("\"id\":3,\"method\":\"ping\"}\n" PING("4")); /* the last without an end */
    close(to[1]);
    CHECK_STR(got(4096), PONG("3") PONG("4"));
    end();
}

static void test_empty(void)
{
    begin();
    close(to[1]);
    CHECK_STR(got(4096), "");
    end();
}

static void test_damaged(void)
{
    begin();
    put("{{{\n\xff\xfe\n[1,2]\n" PING("5") "\n");
    close(to[1]);
    const char *text = got(4096);

    CHECK(strstr(text, "-32700") != NULL && strstr(text, "-32600") != NULL);
    CHECK(strlen(text) > strlen(PONG("5")) &&
          strcmp(text + strlen(text) - strlen(PONG("5")), PONG("5")) == 0);
    end();
}

/* A line that is too long is answered when that is known, and the next one is read. */
static void test_long_line(void)
{
    static const char refused[] = "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32700,";
    static char piece[4096];

    begin();
    memset(piece, 'x', sizeof piece);
    for (int i = 0; i < 3 * FT_RPC_MESSAGE / 4096; i++) {
        CHECK_EQ(write(to[1], piece, sizeof piece), sizeof piece);
    }
    put("\n" PING("6") "\n");
    close(to[1]);
    const char *text = got(4096), *next = strchr(text, '\n');

    CHECK(strncmp(text, refused, strlen(refused)) == 0);
    CHECK(next != NULL);
    CHECK_STR(next != NULL ? next + 1 : "", PONG("6"));
    end();
}

static void test_longest_line(void)
{
    static char line[FT_RPC_MESSAGE + 2];

    memset(line, ' ', sizeof line);
    memcpy(line, PING("7"), strlen(PING("7")));
    line[FT_RPC_MESSAGE] = '\n';
    line[FT_RPC_MESSAGE + 1] = '\0';
    begin();
    put(line);
    close(to[1]);
    CHECK_STR(got(4096), PONG("7"));
    end();
}

static void test_stop(void)
{
    begin();
    put(PING("8") "\n");
    CHECK_STR(got(strlen(PONG("8"))), PONG("8"));
    CHECK_EQ(write(stop[1], "x", 1), 1);
    end();
    close(to[1]);
}

/* Who does not read is not read: what is asked stays in the pipe. And a stop is heard. */
static void test_slow_reader(void)
{
    struct pollfd room;
    size_t taken = 0;

    begin();
    CHECK(fcntl(to[1], F_SETFL, O_NONBLOCK) == 0);
    room = (struct pollfd){.fd = to[1], .events = POLLOUT};
    while (poll(&room, 1, 500) > 0) {
        ssize_t n = write(to[1], PING("9") "\n", strlen(PING("9") "\n"));

        taken += n > 0 ? (size_t)n : 0;
        if (taken > 16 << 20) {
            break;
        }
    }
    CHECK(taken < 1 << 20); /* two pipes and a line */
    CHECK_EQ(write(stop[1], "x", 1), 1);
    end();
    close(to[1]);
}

static void test_reader_gone(void)
{
    begin();
    close(from[0]);
    put(PING("1") "\n" PING("2") "\n");
    pthread_join(thread, NULL);
    CHECK_EQ(returned, FT_OK);
    from[0] = -1;
    close(to[0]);
    close(to[1]);
    close(stop[0]);
    close(stop[1]);
}

/* Told within a second or two, once, and of the end. */
static void test_told(void)
{
#define TAG "\"_meta\":{\"io.modelcontextprotocol/subscriptionId\":\"s\"}"
    static const char ack[] =
        "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/subscriptions/"
        "acknowledged\",\"params\":{" TAG
        ",\"notifications\":{\"resourceSubscriptions\":[\"fake://alerts\"]}}}\n";
    static const char update[] =
        "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/resources/updated\",\"params\":{\"uri\":"
        "\"fake://alerts\"," TAG "}}\n";
    static const char last[] = "{\"jsonrpc\":\"2.0\",\"id\":\"s\",\"result\":{\"resultType\":"
                               "\"complete\"," TAG "}}\n";

    begin();
    put("{\"jsonrpc\":\"2.0\",\"id\":\"s\",\"method\":\"subscriptions/listen\",\"params\":{"
        "\"notifications\":{\"resourceSubscriptions\":[\"fake://alerts\"]},\"_meta\":{"
        "\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\","
        "\"io.modelcontextprotocol/clientCapabilities\":{}}}}\n");
    CHECK_STR(got(strlen(ack)), ack);
    __atomic_store_n(&desk.alerts, 3, __ATOMIC_SEQ_CST);
    CHECK_STR(got(strlen(update)), update);
    put(PING("1") "\n");
    CHECK_STR(got(strlen(PONG("1"))), PONG("1"));
    close(to[1]);
    CHECK_STR(got(4096), last);
    end();
}

int main(void)
{
    struct sigaction sa = {.sa_handler = SIG_IGN};

    sigaction(SIGPIPE, &sa, NULL);
    RUN(test_lines);
    RUN(test_empty);
    RUN(test_damaged);
    RUN(test_long_line);
    RUN(test_longest_line);
    RUN(test_stop);
    RUN(test_slow_reader);
    RUN(test_reader_gone);
    RUN(test_told);
    return test_end();
}

#else

int main(void)
{
    return 77; /* skipped: a build without what it takes */
}

#endif
