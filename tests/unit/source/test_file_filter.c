/* SPDX-License-Identifier: Apache-2.0 */
/* source/filter and the file source with it: per link type, bad expressions, link types met late.
 */
#include "source/filter.h"

#include "source/file_run.h"

#ifdef FT_HAVE_PCAP

/* An Ethernet or raw IPv4 UDP packet to a port. */
static size_t udp(uint8_t *p, bool ethernet, uint16_t port)
{
    static const uint8_t ip[28] = {0x45, 0, 0,  28, 0, 0, 0,  0, 64, 17,
                                   0,    0, 10, 0,  0, 1, 10, 0, 0,  2};
    size_t at = ethernet ? 14 : 0;

    memset(p, 0, at);
    if (ethernet) {
        p[12] = 8;
    }
    memcpy(p + at, ip, sizeof ip);
    p[at + 22] = (uint8_t)(port >> 8);
    p[at + 23] = (uint8_t)port;
    p[at + 25] = 8;
    return at + 28;
}

static void add_udp(struct cap *c, uint32_t iface, bool ethernet, uint16_t port)
{
    uint8_t p[64] = {0};
    size_t n = udp(p, ethernet, port), at = cap_block(c, 6);

    cap_u32(c, iface);
    cap_u32(c, 0);
    cap_u32(c, port);
    cap_u32(c, (uint32_t)n);
    cap_u32(c, (uint32_t)n);
    cap_bytes(c, p, n);
    cap_block_end(c, at);
}

static struct result run_filter(const struct cap *c, const char *expr, const struct ft_log *log)
{
    const char *name = tmp_write("f", c->p, c->len);
    struct ft_source_config cfg = {.targets = &name, .n_targets = 1, .filter = expr, .log = log};

    return run_config(&cfg, 64, 0);
}

static void test_per_link_type(void)
{
    struct cap c = {0};
    struct result r;

    cap_shb(&c);
    cap_idb(&c, 1, 0, -1, 0);
    add_udp(&c, 0, true, 53);
    add_udp(&c, 0, true, 54);
    cap_idb(&c, 101, 0, -1, 0); /* met when packets have been read */
    add_udp(&c, 1, false, 53);
    add_udp(&c, 1, false, 54);
    add_udp(&c, 0, true, 53);
    r = run_filter(&c, "udp dst port 53", NULL);
    CHECK_EQ(r.n, 5);
    CHECK_EQ(r.seen[0].flags, 0);
    CHECK_EQ(r.seen[1].flags, FT_VIEW_FILTERED);
    CHECK_EQ(r.seen[2].flags, 0);
    CHECK_EQ(r.seen[3].flags, FT_VIEW_FILTERED);
    CHECK_EQ(r.seen[4].flags, 0);
    result_fini(&r);
    cap_fini(&c);
}

static void count_log(void *cookie, enum ft_log_level level, const char *message)
{
    unsigned *n = cookie;

    *n += level == FT_LOG_WARN && strstr(message, "none of its packets match") != NULL;
}

/* Makes sense on Ethernet only: the raw packets match nothing, said once. */
static void test_no_sense(void)
{
    unsigned logged = 0;
    struct ft_log log = {.fn = count_log, .cookie = &logged, .level = FT_LOG_INFO};
    struct cap c = {0};
    struct result r;

    cap_shb(&c);
    cap_idb(&c, 101, 0, -1, 0);
    cap_idb(&c, 1, 0, -1, 0);
    for (unsigned i = 0; i < 100; i++) {
        add_udp(&c, 0, false, 53);
        add_udp(&c, 1, true, 53);
    }
    r = run_filter(&c, "ether dst 00:00:00:00:00:00", &log);
    CHECK_EQ(r.open_code, FT_OK);
    CHECK_EQ(r.n, 200);
    CHECK_EQ(r.seen[0].flags, FT_VIEW_FILTERED);
    CHECK_EQ(r.seen[1].flags, 0);
    CHECK_EQ(logged, 1);
    result_fini(&r);
    cap_fini(&c);
}

static void test_bad_expressions(void)
{
    struct cap c = make_capture(false, false, 1, 10);
    struct ft_source_config cfg = {.n_targets = 1, .filter = "tcp prot 80"};
    const char *name = "-";
    struct result r = run_filter(&c, "tcp prot 80", NULL);

    CHECK_EQ(r.open_code, FT_E_USAGE);
    CHECK(strstr(r.open_what, "filter \"tcp prot 80\": ") == r.open_what);
    CHECK(strstr(r.open_what, "syntax error") != NULL);
    cfg.targets = &name; /* no link type is known yet */
    r = run_config(&cfg, 1, 0);
    CHECK_EQ(r.open_code, FT_E_USAGE);
    CHECK(strstr(r.open_what, "filter \"tcp prot 80\": ") == r.open_what);
    cap_fini(&c);
}

static void test_link_type_limit(void)
{
    const struct ft_filter_wait wait = {0};
    struct ft_filter *f;
    struct ft_err err;

    CHECK_EQ(ft_filter_new("greater 10", &wait, &f, &err), FT_OK);
    for (uint16_t i = 0; i < FT_FILTER_LINKTYPES_MAX; i++) {
        int rc = ft_filter_add(f, i, &err);

        CHECK(rc == FT_OK || rc == FT_E_USAGE); /* libpcap does not know every number */
        CHECK(ft_filter_has(f, i));
    }
    CHECK_EQ(ft_filter_add(f, 1, &err), FT_OK);
    CHECK_EQ(ft_filter_add(f, 1000, &err), FT_E_FULL);
    ft_filter_free(f);
    ft_filter_free(NULL);
}

int main(void)
{
    tmp_make();
    RUN(test_per_link_type);
    RUN(test_no_sense);
    RUN(test_bad_expressions);
    RUN(test_link_type_limit);
    tmp_remove();
    return test_end();
}

#else

int main(void)
{
    return test_skip("built without libpcap");
}

#endif
