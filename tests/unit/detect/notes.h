/* SPDX-License-Identifier: Apache-2.0 */
/* Detectors of one worker, told of flows made by hand. */
#ifndef FT_TEST_NOTES_H
#define FT_TEST_NOTES_H

#include "detect/detect.h"

#include "harness.h"

static const int64_t s = 1000000000;

enum { ALERTS = 4096, MAX_HOSTS = 4096 };

static struct ft_alert alerts[ALERTS];
static uint32_t n_alerts;
static struct ft_detect *detect;
static struct ft_detect_worker *worker;
static uint64_t last_flow;

static inline void keep(void *cookie, const struct ft_alert *a)
{
    (void)cookie;
    CHECK(n_alerts < ALERTS);
    alerts[n_alerts++ % ALERTS] = *a;
}

/* Only one rule is on, with a rules file over it; 10.0.0.0/16 is internal. */
static inline void begin(enum ft_rule_id rule, const char *yaml)
{
    struct ft_detect_config cfg = {.max_hosts = MAX_HOSTS, .max_flows = 65536, .n_workers = 1};
    struct ft_rules *rules = ft_rules_new();
    struct ft_err err = {0};

    for (int i = 0; i < FT_RULE__COUNT; i++) {
        rules->rule[i].on = i == (int)rule;
    }
    rules->internal.n = 1;
    CHECK_EQ(ft_prefix_parse("10.0.0.0/16", &rules->internal.list[0]), FT_OK);
    CHECK_EQ(ft_rules_parse(rules, yaml, strlen(yaml), &err), FT_OK);
    ft_hash_seed_fixed(&cfg.seed, 1);
    CHECK_EQ(ft_detect_new(&cfg, rules, &detect), FT_OK);
    CHECK_EQ(ft_detect_worker_new(detect, 0, &worker), FT_OK);
    n_alerts = 0;
    last_flow = 0;
}

/* All that there is is shown. Returns the number of alerts so far. */
static inline uint32_t end(void)
{
    ft_detect_finish(worker, keep, NULL);
    ft_detect_worker_free(worker);
    ft_detect_free(detect);
    return n_alerts;
}

/* A TCP flow of 10.0.a.b to 10.1.c.d with both directions and 10 packets each, over at once. */
static inline struct ft_note flow(int64_t ts, uint32_t from, uint32_t to, uint16_t port)
{
    last_flow++;
    struct ft_note n = {.at_ns = ts + 5 * s,
                        .flow_id = last_flow,
                        .first_ns = ts,
                        .last_ns = ts + s / 10,
                        .bytes = {1000, 2000},
                        .packets = {10, 10},
                        .port = {(uint16_t)(1024 + last_flow % 60000), port},
                        .proto = 6,
                        .ip_version = 4,
                        .bits = FT_NOTE_SYN};
    uint8_t a[4] = {10, 0, (uint8_t)(from >> 8), (uint8_t)from};
    uint8_t b[4] = {10, 1, (uint8_t)(to >> 8), (uint8_t)to};

    memcpy(n.addr[0], a, 4);
    memcpy(n.addr[1], b, 4);
    return n;
}

static inline void tell(struct ft_note n)
{
    ft_detect_note(worker, &n);
}

/* A SYN that nobody answers. */
static inline void try_it(int64_t ts, uint32_t from, uint32_t to, uint16_t port)
{
    struct ft_note n = flow(ts, from, to, port);

    n.bits |= FT_NOTE_FAILED;
    n.packets[0] = 1;
    n.packets[1] = n.bytes[1] = 0;
    tell(n);
}

#endif
