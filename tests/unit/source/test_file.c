/* SPDX-License-Identifier: Apache-2.0 */
/* source/file, mapped: every format, several files, refusals, account, stop, failing allocations.
 */
#include "base/mem.h"
#include "source/file_run.h"

static void test_formats(void)
{
    for (unsigned i = 0; i < 4; i++) {
        struct cap c = make_capture(i & 1, i & 2, 1000, 300);
        struct result r = run_file(tmp_write("a.pcap", c.p, c.len));

        CHECK_EQ(r.open_code, FT_OK);
        CHECK_EQ(r.n, 1000);
        CHECK_EQ(r.n_told, 0);
        CHECK_EQ(r.flags, FT_SOURCE_STABLE);
        CHECK_EQ(r.stats.input_pos, c.len);
        CHECK_EQ(r.stats.input_size, c.len);
        CHECK(!r.stats.dropped_known);
        for (uint32_t k = 0; k < r.n; k++) {
            bool second = (i & 1) && k % 7 == 3;

            CHECK_EQ(r.seen[k].linktype, second ? 101 : 1);
            CHECK_EQ(r.seen[k].iface, second);
            CHECK_EQ(r.seen[k].len, r.seen[k].caplen + (second ? 0 : k % 3));
            CHECK_EQ(r.seen[k].ts_ns, i & 1 ? 1700000000000000000 + k * (second ? 1000 : 1)
                                            : (1700000000ll + k) * 1000000000 + k);
        }
        result_fini(&r);
        cap_fini(&c);
    }
}

/* The batch size changes nothing. */
static void test_batch_sizes(void)
{
    static const uint32_t caps[] = {1, 2, 63, 256, 4096};

    for (unsigned ng = 0; ng < 2; ng++) {
        struct cap c = make_capture(ng, false, 500, 1500);
        const char *name = tmp_write("a.pcap", c.p, c.len);
        struct result want = run_file(name);

        CHECK_EQ(want.n, 500);
        for (unsigned i = 0; i < sizeof caps / sizeof caps[0]; i++) {
            struct result r = run_files(&name, 1, caps[i], 0);

            CHECK(same_seen(&want, &r));
            result_fini(&r);
        }
        result_fini(&want);
        cap_fini(&c);
    }
}

static void test_no_packets(void)
{
    struct cap c = make_capture(false, false, 0, 0), ng = make_capture(true, true, 0, 0);
    struct result r = run_file(tmp_write("a.pcap", c.p, c.len));

    CHECK_EQ(r.open_code, FT_OK);
    CHECK_EQ(r.n + r.n_told, 0);
    r = run_file(tmp_write("a.pcap", ng.p, ng.len));
    CHECK_EQ(r.open_code, FT_OK);
    CHECK_EQ(r.n + r.n_told, 0);
    cap_fini(&c);
    cap_fini(&ng);
}

static void test_several_files(void)
{
    struct cap a = make_capture(false, true, 10, 90), b = make_capture(true, false, 20, 90);
    const char *names[3] = {tmp_write("a", a.p, a.len), tmp_write("b", b.p, b.len - 3)};
    struct result r;

    names[2] = names[0];
    r = run_files(names, 3, 4096, 0);
    CHECK_EQ(r.n, 39);
    CHECK_EQ(r.n_told, 1);
    CHECK_EQ(r.told[0].code, FT_E_TRUNCATED);
    CHECK_EQ(r.told[0].after, 29);
    CHECK(strstr(r.told[0].what, names[1]) == r.told[0].what);
    CHECK_EQ(r.stats.input_pos, 2 * a.len + b.len - 3);
    CHECK_EQ(r.stats.input_size, 2 * a.len + b.len - 3);
    CHECK_EQ(r.seen[0].sum, r.seen[29].sum);
    result_fini(&r);
    cap_fini(&a);
    cap_fini(&b);
}

static void check_refused(const char *path, int code, const char *what)
{
    struct result r = run_file(path);
    char want[400];

    snprintf(want, sizeof want, "%s: %s", path, what);
    CHECK_EQ(r.open_code, code);
    CHECK_STR(r.open_what, want);
    result_fini(&r);
}

static void test_refusals(void)
{
    check_refused(tmp_write("x", "", 0), FT_E_FORMAT, "empty file");
    check_refused(tmp_write("x", "\xd4\xc3\xb2", 3), FT_E_FORMAT,
                  "too short for a capture (3 bytes)");
    check_refused(tmp_write("x", "a,b,c\n1,2,3\n", 12), FT_E_FORMAT,
                  "not a pcap or pcapng capture but text");
    check_refused(tmp_write("x",
                            "\xfd"
                            "7zXZ\0........................",
                            30),
                  FT_E_FORMAT, "not a pcap or pcapng capture but an xz archive (unpack it first)");
    check_refused(tmp_write("x", "\1\2\3\4\5\6\7\10", 8), FT_E_FORMAT,
                  "not a pcap or pcapng capture but something else");
    check_refused(tmp_path("not-there"), FT_E_NOT_FOUND, "No such file or directory");
    check_refused(tmp_dir, FT_E_IO, "Is a directory");
}

static bool only_ethernet(uint16_t linktype)
{
    return linktype == 1;
}

static const char *names_of(uint16_t linktype)
{
    return linktype == 105 ? "IEEE802_11" : NULL;
}

static struct result run_ethernet(const struct cap *c)
{
    const char *name = tmp_write("x", c->p, c->len);
    struct ft_source_config cfg = {
        .targets = &name, .n_targets = 1, .linktype_ok = only_ethernet, .linktype_name = names_of};

    return run_config(&cfg, 64, 0);
}

static void test_link_types(void)
{
    struct cap c = {0};
    struct result r;

    cap_pcap(&c, 0xa1b2c3d4, 4, 0, 105);
    r = run_ethernet(&c);
    CHECK_EQ(r.open_code, FT_E_UNSUPPORTED);
    CHECK(strstr(r.open_what, "x: link type 105 (IEEE802_11) is not supported") != NULL);
    c.len = 0;
    cap_pcap(&c, 0xa1b2c3d4, 9, 0, 1);
    r = run_ethernet(&c);
    CHECK_EQ(r.open_code, FT_E_UNSUPPORTED);
    CHECK(strstr(r.open_what, "x: pcap version 2.9 is not supported") != NULL);
    c.len = 0;
    cap_shb(&c);
    cap_idb(&c, 147, 0, -1, 0);
    cap_idb(&c, 105, 0, -1, 0);
    cap_epb(&c, 0, 1, 1, 1, 1);
    cap_idb(&c, 1, 0, -1, 0); /* too late: behind the first packet */
    r = run_ethernet(&c);
    CHECK_EQ(r.open_code, FT_E_UNSUPPORTED);
    CHECK(strstr(r.open_what, "x: link type 147 is not supported") != NULL);
    c.len = 0;
    cap_shb(&c);
    cap_idb(&c, 147, 0, -1, 0);
    cap_idb(&c, 1, 0, -1, 0);
    cap_epb(&c, 0, 1, 1, 1, 1);
    cap_epb(&c, 1, 1, 1, 1, 1);
    r = run_ethernet(
        &c); /* one of two is known: the other's packets are for the decoder to count */
    CHECK_EQ(r.open_code, FT_OK);
    CHECK_EQ(r.n, 2);
    CHECK_EQ(r.seen[0].linktype, 147);
    result_fini(&r);
    cap_fini(&c);
}

static void test_stop(void)
{
    struct cap c = make_capture(false, false, 100, 60);
    const char *name = tmp_write("a", c.p, c.len);
    struct ft_source_config cfg = {.targets = &name, .n_targets = 1};
    struct ft_view views[10];
    struct ft_batch b = {.views = views, .cap = 10};
    struct ft_source *s;
    struct ft_err err;

    CHECK_EQ(ft_source_file.open(&cfg, &s, &err), FT_OK);
    CHECK_EQ(s->ops->read(s, &b, 0, &err), FT_OK);
    CHECK_EQ(b.n, 10);
    s->ops->stop(s);
    CHECK_EQ(s->ops->read(s, &b, 0, &err), FT_E_EOF);
    CHECK_EQ(views[9].data[0], cap_fill(9, 0)); /* still there */
    s->ops->close(s);
    ft_source_file.close(NULL);
    cap_fini(&c);
}

/* Views stay valid when pages behind the walk were given back; a file cut meanwhile is noticed. */
static void test_big_and_cut(void)
{
    struct cap c = make_capture(false, false, 26000, 3000);
    const char *name = tmp_write("big", c.p, c.len);
    struct ft_source_config cfg = {.targets = &name, .n_targets = 1};
    struct ft_view *views = calloc(26001, sizeof *views);
    struct ft_batch b = {.views = views, .cap = 26};
    struct ft_source *s;
    struct ft_err err = {0};
    uint32_t n = 0, wrong = 0;
    int rc;

    CHECK(c.len > 36 << 20);
    CHECK_EQ(ft_source_file.open(&cfg, &s, &err), FT_OK);
    while ((rc = s->ops->read(s, &b, 0, &err)) == FT_OK) {
        n += b.n;
        b.views += b.n;
        if (n == 5200 && truncate(name, (off_t)c.len - 1) != 0) {
            perror("truncate");
        }
    }
    CHECK_EQ(rc, FT_E_TRUNCATED);
    CHECK_EQ(n, 25999);
    for (uint32_t i = 0; i < n; i++) {
        wrong += views[i].caplen > 0 && views[i].data[0] != cap_fill(i, 0);
    }
    CHECK_EQ(wrong, 0);
    s->ops->close(s);
    free(views);
    cap_fini(&c);
}

/* open() with the n-th allocation failing: an error, nothing leaked (ASan), never a crash. */
static void test_no_memory(void)
{
    struct cap c = make_capture(false, false, 1, 60);
    const char *names[2] = {tmp_write("a", c.p, c.len), "-"};
    struct ft_source_config cfg = {.targets = names, .n_targets = 2, .filter = "ip"};
    bool done = false;

    for (uint64_t n = 1; !done && n < 50; n++) {
        struct ft_source *s = NULL;
        struct ft_err err = {0};
        int rc;

        ft_mem_fail_at(n);
        rc = ft_source_file.open(&cfg, &s, &err);
        ft_mem_fail_at(0);
        if (rc == FT_E_UNSUPPORTED) { /* no libpcap in this build */
            break;
        }
        CHECK(rc == FT_E_NOMEM || rc == FT_OK);
        done = rc == FT_OK;
        if (done) {
            CHECK(n > 5);
            s->ops->close(s);
        }
    }
    cap_fini(&c);
}

int main(void)
{
    tmp_make();
    RUN(test_formats);
    RUN(test_batch_sizes);
    RUN(test_no_packets);
    RUN(test_several_files);
    RUN(test_refusals);
    RUN(test_link_types);
    RUN(test_stop);
    RUN(test_big_and_cut);
    RUN(test_no_memory);
    tmp_remove();
    return test_end();
}
