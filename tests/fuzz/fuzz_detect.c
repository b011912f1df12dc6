/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes the detectors: records of flows and of collect, packets, names and steps of the clock, in
 * any order, some of them many times with other addresses and ports. Properties: alerts are within
 * the bound of a second; what an alert says is null, or finite and not negative, and at least its
 * threshold; texts end; two workers between which all was dealt out say the same as one. */
#include <math.h>
#include <string.h>

#include "base/time.h"
#include "detect/names.h"
#include "detect/state.h"
#include "must.h"

enum { STEP = 16, STEPS_MAX = 256, ALERTS_MAX = 8192, PER_SECOND = 20, HOSTS = 64 };

static const int64_t second = 1000000000;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What an alert is told by. */
struct said {
    int64_t at_ns;
    const char *rule;
    uint8_t address[16], peer[16];
    double value;
    uint64_t flows, hosts, ports, packets, suppressed;
    char ids[FT_ALERT_IDS];
};

struct run {
    struct ft_detect *d;
    struct ft_detect_worker *w[2];
    uint32_t n_workers, next; /* next: note */
    int64_t now_ns;
    uint32_t epoch;
    int64_t in_second_of;
    uint32_t in_second, n;
    struct said said[ALERTS_MAX];
};

static struct run runs[2];

/* ---- what must hold of an alert ---- */

static void check_number(double v)
{
    MUST(isnan(v) || (isfinite(v) && v >= 0));
}

static void check_numbers(const struct ft_alert *a)
{
    const double all[] = {a->score,          a->value,       a->threshold,
                          a->packets_rate,   a->bits_rate,   a->flows_rate,
                          a->ratio,          a->usual,       a->z,
                          a->likelihood,     a->duration_s,  a->interval_s,
                          a->interval_mad_s, a->size_median, a->beacon[0],
                          a->beacon[1],      a->beacon[2],   a->beacon[3],
                          a->name_length,    a->name_entropy};

    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        check_number(all[i]);
    }
    MUST(isnan(a->value) || a->value >= a->threshold);
    MUST(isnan(a->score) || a->score <= 1);
    for (int i = 0; i < 4; i++) {
        MUST(isnan(a->beacon[i]) || a->beacon[i] <= 1);
    }
    MUST(a->failed == UINT64_MAX || (a->flows != UINT64_MAX && a->failed <= a->flows));
    MUST(a->hosts != 0 && a->ports != 0 && a->names != 0);
}

static void keep(void *cookie, const struct ft_alert *a)
{
    struct run *r = cookie;
    int64_t in = ft_time_floor(a->timestamp_ns, second);
    struct said *s = &r->said[r->n];

    MUST(r->n < ALERTS_MAX);
    r->in_second = r->n > 0 && in == r->in_second_of ? r->in_second + 1 : 1;
    r->in_second_of = in;
    MUST(r->in_second <= PER_SECOND);
    check_numbers(a);
    MUST(a->severity < FT_SEVERITY__COUNT && (a->ip_version == 4 || a->ip_version == 6));
    MUST(a->n_flow_ids <= FT_ALERT_FLOWS && a->name_len <= FT_ALERT_NAME);
    MUST(memchr(a->used, '\0', sizeof a->used) != NULL);
    MUST(memchr(a->ids, '\0', sizeof a->ids) != NULL);
    *s = (struct said){a->timestamp_ns, a->rule,  {0},        {0},           a->value, a->flows,
                       a->hosts,        a->ports, a->packets, a->suppressed, {0}};
    memcpy(s->address, a->address, sizeof s->address);
    memcpy(s->peer, a->peer, sizeof s->peer);
    memcpy(s->ids, a->ids, strlen(a->ids));
    r->n++;
}

/* ---- what comes in ---- */

static void set_host(uint8_t *addr, uint8_t version, uint8_t host, bool inside)
{
    const uint8_t v4[4] = {inside ? 10 : 203, 0, inside ? 0 : 113, host};
    const uint8_t v6[4] = {inside ? 0xfc : 0x20, 1, 0xd, 0xb8};

    memset(addr, 0, 16);
    memcpy(addr, version == 6 ? v6 : v4, 4);
    addr[15] = version == 6 ? host : 0;
    if (host == 255) { /* a group */
        addr[0] = version == 6 ? 0xff : 239;
    }
}

static uint8_t proto_of(uint8_t b)
{
    static const uint8_t protos[] = {6, 6, 17, 17, 1, 58, 132, 47};

    return protos[b % 8];
}

/* d: kind, version and sides, source, destination, protocol, flags each way, packets each way,
 * bytes each way, port, port, how long, step, times */
static void flow(struct run *r, const uint8_t *d, uint32_t i)
{
    struct ft_flow_record f = {.timestamp_ns = r->now_ns, .is_final = d[0] < 224};
    struct ft_note n;

    f.ip_version = (d[1] & 1) != 0 ? 6 : 4;
    set_host(f.src, f.ip_version, d[2], (d[1] & 2) != 0);
    set_host(f.dst, f.ip_version, (uint8_t)(d[3] + ((d[14] & 1) != 0 ? i : 0)), (d[1] & 4) != 0);
    f.proto = proto_of(d[4]);
    f.flow_id = r->next + 1;
    for (int k = 0; k < 2; k++) {
        f.tcp_flags[k] = f.proto == 6 ? d[5 + k] : 0;
        f.packets[k] = d[7 + k] == 255 ? UINT64_MAX / 4 : d[7 + k];
        f.bytes[k] = f.packets[k] == 0 ? 0 : UINT64_C(1) << d[9 + k] % 62;
        f.payload_bytes[k] = f.bytes[k] > 100 ? f.bytes[k] - 100 : 0;
    }
    f.src_port = (uint16_t)(d[11] * 256 + i);
    f.dst_port = (uint16_t)(d[12] + ((d[14] & 2) != 0 ? i : 0) + (d[14] & 4) * 4000);
    f.last_ns = ft_time_sub(r->now_ns, (d[14] >> 3) * second);
    f.first_ns = ft_time_sub(f.last_ns, (second << d[13] % 32) / 1024);
    ft_note_of(&f, &n);
    ft_detect_note(r->w[r->next++ % r->n_workers], &n);
}

static void told(struct run *r, const uint8_t *d, uint32_t i)
{
    struct ft_export_record x = {.has = FT_XR_ADDRESSES | FT_XR_PORTS | FT_XR_PACKETS |
                                        FT_XR_BYTES | FT_XR_TCP_FLAGS,
                                 .first_ns = INT64_MIN,
                                 .last_ns = INT64_MIN};
    struct ft_note n;

    x.ip_version = (d[1] & 1) != 0 ? 6 : 4;
    set_host(x.src, x.ip_version, d[2], (d[1] & 2) != 0);
    set_host(x.dst, x.ip_version, (uint8_t)(d[3] + ((d[14] & 1) != 0 ? i : 0)), (d[1] & 4) != 0);
    x.proto = proto_of(d[4]);
    x.tcp_flags = d[5];
    x.end_reason = d[6] % 6;
    x.packets = d[7];
    x.bytes = UINT64_C(1) << d[9] % 64;
    x.src_port = (uint16_t)(d[11] * 256 + i);
    x.dst_port = (uint16_t)(d[12] + ((d[14] & 2) != 0 ? i : 0));
    if ((d[13] & 128) != 0) { /* of a clock of its own */
        x.last_ns = ft_time_sub(r->now_ns, d[8] * second);
        x.first_ns = ft_time_sub(x.last_ns, (second << d[13] % 32) / 1024);
    }
    if (ft_note_of_export(&x, r->now_ns, &n)) {
        n.flow_id = r->next + 1; /* an order, for the comparison */
        ft_detect_note(r->w[r->next % r->n_workers], &n);
    }
    r->next++;
}

static void packets(struct run *r, const uint8_t *d, uint32_t i)
{
    struct ft_packet p = {.ts_ns = r->now_ns, .frame_len = d[5] * 257u + 1};
    struct ft_counted at = {.bits = d[6]};

    p.key.proto = proto_of(d[4]);
    p.key.bits = (d[1] & 1) != 0 ? FT_KEY_V6 : 0;
    p.swap = d[1] >> 1 & 1;
    p.key.addr[0] = d[2];
    p.key.addr[1] = d[3];
    set_host(p.addr6, 6, d[2], true);
    set_host(p.addr6 + 16, 6, d[3], false);
    p.key.port[0] = d[7];
    p.key.port[1] = (uint16_t)(d[8] + ((d[14] & 2) != 0 ? i : 0));
    p.tcp_flags = p.key.proto == 6 ? d[9] : 0;
    ft_detect_packets(r->w[0], &p, &at, 1);
}

static void name(struct run *r, const uint8_t *d, uint32_t i)
{
    struct ft_note n = {.at_ns = r->now_ns,
                        .flow_id = r->next + 1,
                        .proto = 17,
                        .ip_version = 4,
                        .bits = FT_NOTE_NAME,
                        .port = {4000, 53}};
    struct ft_hash_seed seed;
    struct ft_note_name what;
    uint8_t text[64];
    int len = snprintf((char *)text, sizeof text, "%08x%.6s.%.6s%04x.com", i * 2654435761u,
                       &"qxzkjvwqpg"[d[4] % 4], &"abcdefghij"[d[5] % 6], (d[14] & 1) != 0 ? i : 0);

    memcpy(text + 2, d + 6, d[14] % 8);
    ft_hash_seed_fixed(&seed, 1);
    set_host(n.addr[0], 4, d[2], true);
    set_host(n.addr[1], 4, 53, true);
    if (ft__name_read(&seed, text, (uint32_t)len, &what)) {
        what.rcode = d[3] % 6;
        ft__note_name(r->w[r->next % r->n_workers], &n, &what);
    }
    r->next++;
}

/* Time goes on, or steps back; all workers say so. */
static void go_on(struct run *r, const uint8_t *d)
{
    int64_t by = (second << d[1] % 20) / 64;

    if (d[2] < 8) {
        r->now_ns = ft_time_sub(r->now_ns, 4 * by + 60 * second);
        r->epoch++;
    } else {
        r->now_ns = ft_time_add(r->now_ns, by);
    }
    for (uint32_t i = r->n_workers; i-- > 0;) {
        ft_detect_turn(r->w[i], r->epoch, r->now_ns, keep, r);
    }
}

/* ---- a run ---- */

static struct ft_rules *rules(uint8_t kind)
{
    static const char yaml[] =
        "address_scan: {hosts: 4}\nport_scan: {ports: 4}\namplification: {bytes: 1000}\n"
        "syn_flood: {syns_per_second: 3}\nvolume_flood: {packets_per_second: 10}\n"
        "beacon: {flows: 4, score: 0.5, span_s: 3}\nexfiltration: {bytes: 1000, learn_s: 0, z: 0}\n"
        "new_host: {learn_s: 0}\nnew_peer: {learn_s: 0}\nnew_service: {learn_s: 0}\n"
        "long_connection: {low_s: 10}\ndga: {names: 3, surprise: 1}\n"
        "dns_tunnel: {low_names: 4, length: 2, entropy: 0}\npolicy: {deny: [{port: 23}]}\n"
        "limits: {per_second: 20, entity_s: 10}\n";
    struct ft_rules *r = ft_rules_new();
    struct ft_err err;

    MUST(r != NULL);
    int rc = ft_rules_parse(r, yaml, sizeof yaml - 1, &err);

    MUST(rc == FT_OK || rc == FT_E_UNSUPPORTED);
    r->per_second = PER_SECOND;
    r->internal.n = (kind & 1) != 0 ? 0 : r->internal.n;
    return r;
}

static void take(struct run *r, const uint8_t *d)
{
    static void (*const kinds[])(struct run * r, const uint8_t *d, uint32_t i) = {flow, told, name,
                                                                                  packets};

    if (d[0] % 8 >= 6) {
        go_on(r, d);
        return;
    }
    for (uint32_t i = 0; i <= d[15] % 32u; i++) {
        kinds[d[0] % 8 < 4 ? d[0] % 8 : 0](r, d, i);
    }
}

/* With several workers nothing is said of floods: whose they are depends on the order in which
 * packets fall to them (burst.h). */
static void run(struct run *r, const uint8_t *data, size_t size, uint32_t workers, bool floods)
{
    struct ft_detect_config cfg = {.max_hosts = HOSTS, .max_flows = 1024, .n_workers = workers};
    struct ft_rules *by = rules(data[0]);

    by->rule[FT_RULE_SYN_FLOOD].on = by->rule[FT_RULE_VOLUME_FLOOD].on = floods;
    r->n_workers = workers;
    r->next = r->n = r->epoch = 0;
    r->now_ns = INT64_C(1700000000) * second;
    ft_hash_seed_fixed(&cfg.seed, 1);
    MUST(ft_detect_new(&cfg, by, &r->d) == FT_OK);
    for (uint32_t i = 0; i < workers; i++) {
        MUST(ft_detect_worker_new(r->d, i, &r->w[i]) == FT_OK);
    }
    for (size_t at = 1; at + STEP <= size && at / STEP < STEPS_MAX; at += STEP) {
        take(r, data + at);
    }
    for (uint32_t i = workers; i-- > 0;) {
        ft_detect_finish(r->w[i], keep, r);
        ft_detect_worker_free(r->w[i]);
    }
    ft_detect_free(r->d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bool floods;

    if (size < 1 + STEP) {
        return 0;
    }
    floods = (data[0] & 2) != 0;
    memset(runs, 0, sizeof runs);
    run(&runs[0], data, size, 1, floods);
    run(&runs[1], data, size, floods ? 1 : 2, floods);
    MUST(runs[0].n == runs[1].n);
    MUST(memcmp(runs[0].said, runs[1].said, runs[0].n * sizeof runs[0].said[0]) == 0);
    return 0;
}
