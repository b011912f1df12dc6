/* SPDX-License-Identifier: Apache-2.0 */
/* config: configuration files: what is taken, what is refused with which line, who wins. */
#include "harness.h"

#include <unistd.h>

#include "base/mem.h"
#include "config/options.h"

static struct ft_err err;

static int load(struct ft_config *cfg, const char *text)
{
    memset(&err, 0, sizeof err);
    return ft_config_load_text(cfg, "f.yaml", text, strlen(text), &err);
}

/* The message to a file for live, or "" when it is taken. */
static const char *said(const char *text)
{
    struct ft_config *cfg = ft_config_new(FT_CMD_LIVE);
    int rc = load(cfg, text);

    CHECK(rc == FT_OK || rc == FT_E_USAGE);
    CHECK_EQ(rc, err.code);
    ft_config_free(cfg);
    return err.what;
}

static void test_everything(void)
{
    struct ft_config *cfg = ft_config_new(FT_CMD_LIVE);

    CHECK_EQ(load(cfg, "# what a user writes\n"
                       "interface: [eth0, 3]\n"
                       "filter: \"tcp and port 80\"\n"
                       "output:\n"
                       "  - ndjson:/var/log/flows.ndjson?rotate=1h&compress=zstd\n"
                       "  - 'null:'\n"
                       "events: flow,stats\n"
                       "sample: 10\n"
                       "workers: 2\n"
                       "queue: 4096\n"
                       "overflow: drop\n"
                       "max-flows: 1000\n"
                       "idle-timeout: 1.5\n"
                       "active-timeout: 30\n"
                       "snapshot: 8,32\n"
                       "keep-tunnels: true\n"
                       "tunnel-port: [vxlan=8472, \"gue=6081,gre=7\"]\n"
                       "anonymize: key.hex\n"
                       "stats: 60\n"
                       "snaplen: 128\n"
                       "no-promiscuous: No\n"
                       "user: daemon\n"
                       "no-sandbox: True\n"
                       "log-format: json\n"
                       "quiet: yes\n"),
             FT_OK);
    CHECK_STR(err.what, "");
    CHECK_EQ(cfg->n_inputs, 2);
    CHECK_STR(cfg->inputs[0], "eth0");
    CHECK_STR(cfg->inputs[1], "3");
    CHECK_STR(cfg->filter, "tcp and port 80");
    CHECK_EQ(cfg->n_outputs, 2);
    CHECK_STR(cfg->outputs[0], "ndjson:/var/log/flows.ndjson?rotate=1h&compress=zstd");
    CHECK_EQ(cfg->events, 1u << FT_EVENT_FLOW | 1u << FT_EVENT_STATS);
    CHECK_EQ(cfg->sample_n, 10);
    CHECK_EQ(cfg->workers, 2);
    CHECK_EQ(cfg->queue, 4096);
    CHECK_EQ(cfg->overflow, FT_OVERFLOW_SET_DROP);
    CHECK_EQ(cfg->max_flows, 1000);
    CHECK_EQ(cfg->idle_ns, 1500000000);
    CHECK_EQ(cfg->active_ns, INT64_C(30000000000));
    CHECK_EQ(cfg->n_snapshots, 2);
    CHECK(cfg->keep_tunnels && cfg->no_sandbox && cfg->log_json && !cfg->no_promiscuous);
    CHECK_EQ(cfg->tunnel_ports.n, 3);
    CHECK_EQ(cfg->tunnel_ports.row[0].port, 8472);
    CHECK_EQ(cfg->tunnel_ports.row[0].how, FT_TUNNEL_UDP_VXLAN);
    CHECK_EQ(cfg->tunnel_ports.row[2].how, FT_TUNNEL_UDP_GRE);
    CHECK_STR(cfg->anonymize, "key.hex");
    CHECK_STR(cfg->user, "daemon");
    CHECK_EQ(cfg->stats_ns, INT64_C(60000000000));
    CHECK_EQ(cfg->snaplen, 128);
    CHECK_EQ(cfg->verbosity, -1);
    ft_config_free(cfg);
}

static void test_nothing(void)
{
    static const char *const empty[] = {"",   "\n", "# only words\n", "---\n", "---\n...\n",
                                        "{}", "~"};

    for (size_t i = 0; i < sizeof empty / sizeof empty[0]; i++) {
        CHECK_STR(said(empty[i]), "");
    }
}

static void test_shapes(void)
{
    CHECK_STR(said("interface: eth0"), "");
    CHECK_STR(said("{workers: 2, queue: 64}"), "");
    CHECK_STR(said("workers: \"2\""), "");
    CHECK_STR(said("filter: ''"), ""); /* said aloud: every packet */
    CHECK_STR(said("output: []"), "");
}

/* Message and line of each kind of mistake. */
static void test_mistakes(void)
{
    static const struct {
        const char *text, *what;
        unsigned line;
    } cases[] = {
        {"queue: 64\nworkers: 3000\n",
         "f.yaml:2: workers: '3000': allowed is a whole number from 1 to 128", 2},
        {"\n\nworker: 3\n", "f.yaml:3: worker: there is no such option; did you mean workers?", 3},
        {"xyzzyxyzzy: 3\n", "f.yaml:1: xyzzyxyzzy: there is no such option", 1},
        {"config: other.yaml\n", "f.yaml:1: config: belongs on the command line", 1},
        {"queue: 64\n\nqueue: 128\n", "f.yaml:3: queue: stands here twice", 3},
        {"workers: [1, 2]\n", "f.yaml:1: workers: allowed is one plain value", 1},
        {"workers:\n  n: 1\n", "f.yaml:2: workers: allowed is one plain value", 2},
        {"output:\n  a: b\n", "f.yaml:2: output: allowed is one plain value or a list of them", 2},
        {"output:\n- null:x\n- [a]\n", "f.yaml:3: a list holds something else than plain values",
         3},
        {"output:\n- 'null:'\n- flows\n",
         "f.yaml:3: output 'flows' has no format: write ndjson:flows, csv:flows or null:", 3},
        {"output:\n- 'null:'\n- ~\n", "f.yaml:3: output: a value is missing (URL)", 3},
        {"workers:\n", "f.yaml:1: workers: a value is missing (N)", 1},
        {"quiet: null\n", "f.yaml:1: quiet: a value is missing (true or false)", 1},
        {"user: ''\n", "f.yaml:1: user: '': allowed is NAME", 1},
        {"quiet: 2\n", "f.yaml:1: quiet: '2': allowed is true or false", 1},
        {"- workers\n", "f.yaml:1: expected one mapping of option names to values", 1},
        {"workers\n", "f.yaml:1: expected one mapping of option names to values", 1},
        {"? [a]\n: 1\n", "f.yaml:1: expected one mapping of option names to values", 1},
        {"queue: &q 64\n", "f.yaml:1: anchors are not used here", 1},
        {"queue: 64\nworkers: *q\n", "f.yaml:2: workers: allowed is one plain value", 2},
        {"queue: !!int 64\n", "f.yaml:1: tags are not used here", 1},
        {"queue: 64\n---\nworkers: 1\n", "f.yaml:2: a second document begins here", 2},
        {"queue: \"6\\04\"\n", "f.yaml:1: a name or value holds a NUL byte", 1},
        {"\"queue\\0\": 64\n", "f.yaml:1: a name or value holds a NUL byte", 1},
        {"filter: \"a\\nb\"\nworkers: \"x\\ny\\e[2J\"\n",
         "f.yaml:2: workers: 'x?y?[2J': allowed is a whole number from 1 to 128", 2},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CHECK_STR(said(cases[i].text), cases[i].what);
        CHECK_EQ(err.off, cases[i].line);
    }
    struct ft_config *cfg = ft_config_new(FT_CMD_READ);

    CHECK_EQ(load(cfg, "interface: eth0\n"), FT_E_USAGE);
    CHECK_STR(err.what, "f.yaml:1: interface: is not an option of 'read'");
    CHECK_EQ(ft_config_load_text(cfg, "f", "queue: 1", 8, NULL), FT_E_USAGE); /* err may be NULL */
    ft_config_free(cfg);
}

/* What is not YAML at all: the words are the parser's, the place is ours. */
static void test_not_yaml(void)
{
    static const struct {
        const char *text, *where;
    } cases[] = {
        {"queue: 64\nfilter: \"a\n", "f.yaml:3: "},
        {"queue: 64\n\tworkers: 1\n", "f.yaml:2: "},
        {"queue: 64\n\nuser: \xff\n", "f.yaml:3: "},
        {"queue: 64\n\nuser: \x01\n", "f.yaml:3: "},
        {"queue: [\n}", "f.yaml:1: "}, /* no list for this one, before the bracket is missed */
        {"output: [\n}", "f.yaml:2: "},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *what = said(cases[i].text);
        size_t len = strlen(cases[i].where);

        CHECK_EQ(err.code, FT_E_USAGE);
        CHECK(strncmp(what, cases[i].where, len) == 0 && strlen(what) > len + 10);
        CHECK_EQ(err.off, (uint64_t)(cases[i].where[7] - '0'));
    }
}

static void test_command_line_wins(void)
{
    struct ft_config *cfg = ft_config_new(FT_CMD_LIVE);

    CHECK_EQ(ft_config_set(cfg, "workers", "2", &err), FT_OK);
    CHECK_EQ(ft_config_set(cfg, "output", "null:", &err), FT_OK);
    CHECK_EQ(ft_config_set(cfg, "no-sandbox", "false", &err), FT_OK);
    CHECK_EQ(ft_config_set(cfg, "verbose", "true", &err), FT_OK);
    CHECK_EQ(load(cfg, "workers: 4\nqueue: 128\nno-sandbox: true\nquiet: true\n"
                       "output: [ndjson:a, ndjson:b]\n"),
             FT_OK);
    CHECK_EQ(cfg->workers, 2);
    CHECK_EQ(cfg->queue, 128);
    CHECK(!cfg->no_sandbox);
    CHECK_EQ(cfg->n_outputs, 1);
    CHECK_STR(cfg->outputs[0], "null:");
    CHECK_EQ(cfg->verbosity, 1);
    /* what the file said is not what the command line said */
    CHECK_EQ(load(cfg, "queue: 256\n"), FT_OK);
    CHECK_EQ(cfg->queue, 256);
    ft_config_free(cfg);
}

static void test_size(void)
{
    size_t len = (1 << 20) + 1;
    char *text = malloc(len + 1);
    struct ft_config *cfg = ft_config_new(FT_CMD_LIVE);

    memset(text, '#', len);
    CHECK_EQ(ft_config_load_text(cfg, "f.yaml", text, len - 1, &err), FT_OK);
    CHECK_EQ(ft_config_load_text(cfg, "f.yaml", text, len, &err), FT_E_USAGE);
    CHECK_STR(err.what, "f.yaml: longer than 1 MiB");
    memset(text, '[', len); /* as deep as it is long */
    CHECK_EQ(ft_config_load_text(cfg, "f.yaml", text, len - 1, &err), FT_E_USAGE);
    memset(text, '{', len);
    CHECK_EQ(ft_config_load_text(cfg, "f.yaml", text, len - 1, &err), FT_E_USAGE);
    memset(text, ' ', len); /* a list longer than anything may be */
    memcpy(text, "output: [", 9);
    for (size_t i = 9; i + 6 < len - 1; i += 6) {
        memcpy(text + i, "null:,", 6);
    }
    CHECK_EQ(ft_config_load_text(cfg, "f.yaml", text, len - 1, &err), FT_E_USAGE);
    ft_config_free(cfg);
    free(text);
}

static void test_files(void)
{
    struct ft_config *cfg = ft_config_new(FT_CMD_LIVE);
    char path[] = "/tmp/flowtap-config-XXXXXX", want[128];
    int fd = mkstemp(path);

    CHECK(fd >= 0);
    CHECK_EQ(write(fd, "queue: 64\nworkers: x\n", 21), 21);
    CHECK_EQ(ft_config_set(cfg, "config", path, &err), FT_E_USAGE);
    snprintf(want, sizeof want, "%s:2: workers: 'x': allowed is a whole number from 1 to 128",
             path);
    CHECK_STR(err.what, want);
    CHECK_EQ(cfg->queue, 64);
    close(fd);
    unlink(path);
    CHECK_EQ(ft_config_load(cfg, path, &err), FT_E_USAGE);
    snprintf(want, sizeof want, "config: %s: No such file or directory", path);
    CHECK_STR(err.what, want);
    CHECK_EQ(ft_config_load(cfg, "/", &err), FT_E_USAGE);
    CHECK_STR(err.what, "config: /: Is a directory");
    ft_config_free(cfg);
}

int main(void)
{
#ifndef FT_HAVE_YAML
    return test_skip("built without libyaml");
#endif
    RUN(test_everything);
    RUN(test_nothing);
    RUN(test_shapes);
    RUN(test_mistakes);
    RUN(test_not_yaml);
    RUN(test_command_line_wins);
    RUN(test_size);
    RUN(test_files);
    return test_end();
}
