/* SPDX-License-Identifier: Apache-2.0 */
/* pipeline: no memory. Whole runs, of every command and kind of output, in which the n-th
 * allocation fails, for every n until a run needs fewer: from the first of the configuration to the
 * last of the end. A start that fails says FT_E_NOMEM and what for; one that does not fail runs,
 * and its account adds up. That nothing leaks and nothing is used after free ASan sees. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "config/config.h"
#include "flowtap/pipeline.h"
#include "harness.h"

enum { MOST = 2000 };

struct setup {
    const char *name;
    enum ft_command command;
    const char *source;     /* or NULL: the command's own */
    const char *input[3];   /* %: the folder of the test, #: a port */
    const char *option[24]; /* name, value, ...; %: the folder */
    bool callback;          /* one output more */
    bool endless;           /* it is stopped */
    bool root;
};

static char dir[64];

/* "%/name" in that folder, ":#" a port of this process; one of a few buffers in turn. */
static const char *path(const char *text)
{
    static char buf[4][256];
    static unsigned turn;
    const char *at = strpbrk(text, "%#");

    if (at == NULL) {
        return text;
    }
    turn = (turn + 1) % 4;
    if (*at == '%') {
        snprintf(buf[turn], sizeof buf[turn], "%.*s%s%s", (int)(at - text), text, dir, at + 1);
    } else {
        snprintf(buf[turn], sizeof buf[turn], "%.*s%ld", (int)(at - text), text,
                 20000 + (long)getpid() % 10000);
    }
    return buf[turn];
}

static void write_file(const char *name, const void *data, size_t len)
{
    int fd = open(path(name), O_WRONLY | O_CREAT | O_TRUNC, 0644);

    CHECK(fd >= 0 && write(fd, data, len) == (ssize_t)len);
    close(fd);
}

/* A pcap of UDP to the ports of exporters, from several senders: one NetFlow v9 template, with data
 * of it and of others, so that collect has state to make. */
static size_t make_capture(uint8_t *out, size_t cap)
{
    static const uint8_t header[24] = {0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0,
                                       0,    0,    0,    0,    0, 0, 1, 0, 1, 0, 0, 0};
    static const uint8_t v9[] = {
        0, 9, 0, 2,  0,  0, 0, 9, 0x66, 0x7c, 0, 0, 0, 0,  0, 1, 0, 0, 0, 5, /* header */
        0, 0, 0, 16, 1,  0, 0, 2, 0,    8,    0, 4, 0, 12, 0, 4,             /* template */
        1, 0, 0, 12, 10, 0, 0, 1, 10,   0,    0, 2,                          /* data */
        1, 1, 0, 12, 10, 0, 0, 1, 10,   0,    0, 2,                          /* not known */
    };
    size_t at = sizeof header;

    memcpy(out, header, at);
    for (uint8_t i = 0; i < 40; i++) {
        uint8_t frame[42 + sizeof v9] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0, 0x45};
        uint8_t record[16] = {0x80, 0, 0x7c, 0x66, i, 0, 0, 0, sizeof frame, 0, 0, 0, sizeof frame};
        const uint16_t udp = 8 + sizeof v9, ip = 20 + udp;

        frame[17] = (uint8_t)ip;
        frame[22] = 64;
        frame[23] = 17;
        memcpy(frame + 26, (const uint8_t[8]){192, 0, 2, i % 8, 192, 0, 2, 200}, 8);
        memcpy(frame + 34, (const uint8_t[6]){0x10, i, 8, 7, 0, (uint8_t)udp}, 6);
        memcpy(frame + 42, v9, sizeof v9);
        frame[42 + 19] = i % 3; /* domains */
        CHECK(at + sizeof record + sizeof frame <= cap);
        memcpy(out + at, record, sizeof record);
        memcpy(out + at + sizeof record, frame, sizeof frame);
        at += sizeof record + sizeof frame;
    }
    return at;
}

static void make_files(void)
{
    static const char yaml[] = "events: all\nworkers: 2\nfilter: udp\nsnapshot: 1,8\noutput:\n"
                               "  - ndjson:/dev/null?queue=1MB\n  - csv:/dev/null?event=stats\n";
    static uint8_t capture[16384], packed[16384 + 16];
    size_t len = make_capture(capture, sizeof capture);
    /* a zstd frame of one block as it is, its last */
    const uint32_t block = (uint32_t)len << 3 | 1;
    const uint8_t head[] = {0x28,
                            0xb5,
                            0x2f,
                            0xfd,
                            0,
                            7 << 3,
                            (uint8_t)block,
                            (uint8_t)(block >> 8),
                            (uint8_t)(block >> 16)};
    uint8_t key[32] = {1, 2, 3};

    memcpy(packed, head, sizeof head);
    memcpy(packed + sizeof head, capture, len);
    write_file("%/in.pcap", capture, len);
    write_file("%/in.zst", packed, len + sizeof head);
    write_file("%/key", key, sizeof key);
    write_file("%/run.yaml", yaml, sizeof yaml - 1);
}

static int on_events(void *cookie, const void *data, size_t len)
{
    (void)data;
    *(size_t *)cookie += len;
    return 0;
}

static int configure(const struct setup *s, struct ft_config **out, struct ft_err *err)
{
    struct ft_config *cfg = ft_config_new(s->command);
    int rc = cfg != NULL ? FT_OK : ft_err_set(err, FT_E_NOMEM, "no memory for a configuration");

    for (int i = 0; rc == FT_OK && s->option[i] != NULL; i += 2) {
        rc = ft_config_set(cfg, s->option[i], path(s->option[i + 1]), err);
    }
    for (int i = 0; rc == FT_OK && s->input[i] != NULL; i++) {
        rc = ft_config_add_input(cfg, path(s->input[i]), err);
    }
    if (rc != FT_OK) {
        ft_config_free(cfg);
        return rc;
    }
    cfg->source = s->source;
    *out = cfg;
    return FT_OK;
}

static void check_account(struct ft_pipeline *p)
{
    struct ft_stats st;

    ft_pipeline_get_stats(p, &st);
    CHECK_EQ(st.received, st.captured + st.kernel_dropped);
    for (uint32_t i = 0; i < st.n_outputs; i++) {
        for (int e = 0; e < FT_EVENT__COUNT; e++) {
            CHECK_EQ(st.output[i].made[e], st.output[i].written[e] + st.output[i].dropped[e]);
        }
    }
}

/* From start to end. */
static int go(const struct setup *s, struct ft_pipeline *p, struct ft_err *err)
{
    size_t taken = 0;
    int rc = s->callback ? ft_pipeline_add_callback(p, "callback", on_events, &taken, err) : FT_OK;

    rc = rc == FT_OK ? ft_pipeline_start(p, err) : rc;
    if (rc != FT_OK) {
        return rc;
    }
    if (s->endless) {
        ft_pipeline_stop(p);
    }
    while (ft_pipeline_wait(p, 1000) == FT_E_AGAIN) {
    }
    rc = ft_pipeline_finish(p, err);
    check_account(p);
    return rc;
}

static int run(const struct setup *s, struct ft_err *err)
{
    struct ft_config *cfg = NULL;
    struct ft_pipeline *p = NULL;
    int rc = configure(s, &cfg, err);

    if (rc == FT_OK) {
        rc = ft_pipeline_new(cfg, NULL, NULL, &p, err);
    }
    if (rc == FT_OK) {
        rc = go(s, p, err);
    }
    ft_pipeline_free(p);
    ft_config_free(cfg);
    return rc;
}

static const struct setup setups[] = {
    {.name = "read, one",
     .command = FT_CMD_READ,
     .input = {"%/in.pcap"},
     .option = {"workers", "1", "output", "ndjson:%/a?compress=zstd", "events", "all"}},
    {.name = "read, lanes",
     .command = FT_CMD_READ,
     .input = {"%/in.pcap"},
     .option = {"workers", "3", "output", "csv:%/a?compress=gzip&rotate=1h", "app", "true"}},
    {.name = "read, hand-off",
     .command = FT_CMD_READ,
     .input = {"%/in.pcap", "%/in.zst"},
     .option = {"workers", "2", "overflow", "drop", "app", "true", "anonymize", "%/key", "output",
                "null:"}},
    {.name = "read, packed and filtered",
     .command = FT_CMD_READ,
     .input = {"%/in.zst"},
     .option = {"workers", "2", "filter", "udp", "output", "ndjson:%/a", "count", "30", "duration",
                "3600", "where", "dst_port in [1, 2055] or dst_ip=192.0.2.0/24 and reason ~ 'e*'"}},
    {.name = "read, by file",
     .command = FT_CMD_READ,
     .input = {"%/in.pcap"},
     .option = {"config", "%/run.yaml"},
     .callback = true},
    {.name = "collect, capture",
     .command = FT_CMD_COLLECT,
     .input = {"pcap:%/in.pcap"},
     .option = {"events", "all", "state", "%/state", "output", "ndjson:%/a?schema=ecs", "output",
                "csv:%/b?event=flow&spreadsheet=safe"},
     .callback = true},
    {.name = "collect, sockets",
     .command = FT_CMD_COLLECT,
     .input = {"netflow://127.0.0.1:#", "ipfix+tcp://127.0.0.1:#"},
     .option = {"workers", "2", "state", "%/state", "output", "null:", "allow", "192.0.2.0/24",
                "where", "packet_count > 1k", "count", "5"},
     .endless = true},
    {.name = "live, made up",
     .command = FT_CMD_LIVE,
     .source = "mock",
     .input = {"packets=1000,live=1"},
     .option = {"workers", "3", "app", "true", "events", "all", "output", "ndjson:%/a"},
     .endless = true},
    {.name = "live, lo",
     .command = FT_CMD_LIVE,
     .input = {"lo"},
     .option = {"workers", "2", "filter", "udp port 9", "output", "null:"},
     .endless = true,
     .root = true},
    {.name = "live, any",
     .command = FT_CMD_LIVE,
     .input = {"any"},
     .option = {"workers", "2", "filter", "udp port 9", "output", "null:"},
     .endless = true,
     .root = true},
};

static void test_every_allocation(void)
{
    for (size_t k = 0; k < sizeof setups / sizeof setups[0]; k++) {
        const struct setup *s = &setups[k];
        struct ft_err err = {0};
        uint64_t n, failed = 0, used = 0;

        if (s->root && geteuid() != 0) {
            continue;
        }
        int rc = run(s, &err);

        if (rc == FT_E_UNSUPPORTED ||
            rc == FT_E_PRIVILEGE) { /* built without a library, or caged */
            printf("     %s: left out: %s\n", s->name, err.what);
            continue;
        }
        if (rc != FT_OK) {
            fprintf(stderr, "%s: %s\n", s->name, err.what);
        }
        CHECK_EQ(rc, FT_OK);
        for (n = 1; n < MOST && (n == 1 || used >= n - 1); n++) {
            uint64_t before = ft_mem_count();

            memset(&err, 0, sizeof err);
            ft_mem_fail_at(n);
            rc = run(s, &err);
            ft_mem_fail_at(0);
            used = ft_mem_count() - before;
            failed += rc != FT_OK;
            if (rc != FT_OK &&
                (rc != FT_E_NOMEM || err.what[0] == '\0' || strstr(err.what, "Success") != NULL)) {
                fprintf(stderr, "%s, allocation %" PRIu64 ": %d \"%s\"\n", s->name, n, rc,
                        err.what);
                CHECK_EQ(rc, FT_E_NOMEM);
            }
        }
        CHECK(n < MOST);
        CHECK_EQ(rc, FT_OK); /* the last one had all it asked for */
        CHECK(failed > 10);
        printf("     %s: %" PRIu64 " allocations, %" PRIu64 " ended it\n", s->name, n - 2, failed);
    }
}

int main(void)
{
    snprintf(dir, sizeof dir, "/tmp/ft-no-memory-%ld", (long)getpid());
    CHECK_EQ(mkdir(dir, 0700), 0);
    make_files();
    RUN(test_every_allocation);
    for (int i = 0; i < 7; i++) {
        static const char *const made[] = {"%/in.pcap", "%/in.zst", "%/key",  "%/run.yaml",
                                           "%/a",       "%/b",      "%/state"};

        unlink(path(made[i]));
    }
    rmdir(dir);
    return test_end();
}
