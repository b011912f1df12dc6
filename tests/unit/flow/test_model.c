/* SPDX-License-Identifier: Apache-2.0 */
/* flow: random traffic through the table and through a slow, obvious model of the rules; every
 * record and every running count has to agree. The model knows no index, no timers and no carries.
 */
#define SINK_RECORDS 200000
#include "make.h"

enum { MODEL_FLOWS = 4096, RECORDS = 200000 };

struct model_flow {
    bool live, closed, syn, fresh;
    struct ft_key key;
    uint8_t fwd;
    uint32_t isn;
    int64_t first[2], last[2];
    bool seen[2];
    uint64_t packets[2], bytes[2], ip[2], payload[2];
    uint8_t flags[2];
    uint32_t segment;
    int64_t active_k;
};

static struct ft_table_config cfg;
static struct model_flow flows[MODEL_FLOWS];
static struct ft_flow_record want[RECORDS];
static uint32_t n_want;
static uint64_t state;

static uint64_t rng(void)
{
    uint64_t z = (state += 0x9e3779b97f4a7c15u);

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static int64_t last_of(const struct model_flow *f)
{
    return !f->seen[1] || (f->seen[0] && f->last[0] > f->last[1]) ? f->last[0] : f->last[1];
}

static int64_t first_of(const struct model_flow *f)
{
    return !f->seen[1] || (f->seen[0] && f->first[0] < f->first[1]) ? f->first[0] : f->first[1];
}

static void model_emit(struct model_flow *f, enum ft_reason reason, int64_t at, bool final)
{
    struct ft_flow_record *r = &want[n_want++];

    memset(r, 0, sizeof *r);
    r->timestamp_ns = at;
    r->first_ns = first_of(f);
    r->last_ns = last_of(f);
    for (int d = 0; d < 2; d++) {
        r->packets[d] = f->packets[d];
        r->bytes[d] = f->bytes[d];
        r->ip_bytes[d] = f->ip[d];
        r->payload_bytes[d] = f->payload[d];
        r->tcp_flags[d] = f->flags[d];
    }
    r->segment = f->segment++;
    r->src_port = f->key.port[f->fwd];
    r->dst_port = f->key.port[!f->fwd];
    r->proto = f->key.proto;
    r->reason = (uint8_t)reason;
    r->is_final = final;
    f->fresh = false;
    f->live = f->live && !final;
}

static bool model_settle(struct model_flow *f, int64_t now)
{
    int64_t end = last_of(f) + (f->closed ? cfg.linger_ns : cfg.rules.idle_ns);
    int64_t active = first_of(f) + (f->active_k + 1) * cfg.rules.active_ns;

    if (active <= now && active < end) {
        if (f->fresh) {
            model_emit(f, FT_REASON_ACTIVE, active, false);
        }
        while (first_of(f) + (f->active_k + 1) * cfg.rules.active_ns <=
               (now < end ? now : end - 1)) {
            f->active_k++;
        }
    }
    if (end <= now) {
        model_emit(f, f->closed ? FT_REASON_END : FT_REASON_IDLE, end, true);
        return true;
    }
    return false;
}

static struct model_flow *model_find(const struct ft_packet *p)
{
    for (int i = 0; i < MODEL_FLOWS; i++) {
        if (flows[i].live && memcmp(&flows[i].key, &p->key, sizeof p->key) == 0) {
            return &flows[i];
        }
    }
    return NULL;
}

static struct model_flow *model_new(const struct ft_packet *p)
{
    struct model_flow *f = flows;
    uint8_t syn = p->tcp_flags & (FT_TCP_SYN | FT_TCP_ACK);

    while (f->live) {
        f++;
    }
    memset(f, 0, sizeof *f);
    f->live = f->fresh = true;
    f->key = p->key;
    f->fwd = p->swap ^ (syn == (FT_TCP_SYN | FT_TCP_ACK));
    f->syn = syn == FT_TCP_SYN;
    f->isn = p->tcp_seq;
    return f;
}

static bool model_restarts(const struct model_flow *f, const struct ft_packet *p)
{
    bool forward = (p->swap ^ f->fwd) == 0;

    if ((p->tcp_flags & (FT_TCP_SYN | FT_TCP_ACK)) != FT_TCP_SYN ||
        (forward && f->syn && p->tcp_seq == f->isn)) {
        return false;
    }
    if (f->closed) {
        return true;
    }
    bool ack = f->flags[0] & FT_TCP_ACK, rev = f->flags[1] != 0;

    return forward ? ack || rev : ack && rev;
}

static void model_packet(const struct ft_packet *p, struct ft_tuple_counts *c)
{
    struct model_flow *f = model_find(p);

    if (f != NULL && model_settle(f, p->ts_ns)) {
        f = NULL;
    } else if (f != NULL && model_restarts(f, p) && (f->flags[1] & FT_TCP_SYN) &&
               !(f->flags[0] & FT_TCP_SYN) && p->swap == f->fwd && !f->closed &&
               p->ts_ns - f->first[1] < 2 * SEC) {
        f->syn = true; /* the SYN came after its answer */
        f->isn = p->tcp_seq;
    } else if (f != NULL && model_restarts(f, p)) {
        model_emit(f, f->closed ? FT_REASON_END : FT_REASON_REUSE, p->ts_ns, true);
        f = NULL;
    }
    if (f == NULL) {
        f = model_new(p);
    }
    int d = p->swap ^ f->fwd;

    f->first[d] = !f->seen[d] || p->ts_ns < f->first[d] ? p->ts_ns : f->first[d];
    f->last[d] = !f->seen[d] || p->ts_ns > f->last[d] ? p->ts_ns : f->last[d];
    f->seen[d] = f->fresh = true;
    f->packets[d]++;
    f->bytes[d] += p->frame_len;
    f->ip[d] += p->ip_len;
    f->payload[d] += p->payload_len;
    f->flags[d] |= p->tcp_flags;
    f->closed = f->closed || (f->flags[0] & f->flags[1] & FT_TCP_FIN) ||
                ((f->flags[0] | f->flags[1]) & FT_TCP_RST);
    *c = (struct ft_tuple_counts){f->packets[d], f->bytes[d], f->first[d]};
}

static void model_flush(int64_t end)
{
    for (int i = 0; i < MODEL_FLOWS; i++) {
        if (flows[i].live && !model_settle(&flows[i], end)) {
            model_emit(&flows[i], flows[i].closed ? FT_REASON_END : FT_REASON_EOF, end, true);
        }
    }
}

static int by_all(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct ft_flow_record));
}

/* Copies the fields into zeroed memory, so that padding compares equal. */
static void normalize(struct ft_flow_record *list, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        struct ft_flow_record r = list[i], z;

        memset(&z, 0, sizeof z);
        z.timestamp_ns = r.timestamp_ns;
        z.first_ns = r.first_ns;
        z.last_ns = r.last_ns;
        memcpy(z.packets, r.packets, sizeof z.packets);
        memcpy(z.bytes, r.bytes, sizeof z.bytes);
        memcpy(z.ip_bytes, r.ip_bytes, sizeof z.ip_bytes);
        memcpy(z.payload_bytes, r.payload_bytes, sizeof z.payload_bytes);
        memcpy(z.tcp_flags, r.tcp_flags, 2);
        z.segment = r.segment;
        z.src_port = r.src_port;
        z.dst_port = r.dst_port;
        z.proto = r.proto;
        z.reason = r.reason;
        z.is_final = r.is_final;
        memcpy(&list[i], &z, sizeof z);
    }
    qsort(list, n, sizeof *list, by_all);
}

static struct ft_packet random_packet(int64_t *now, uint32_t tuples)
{
    static const uint8_t flags[] = {FT_TCP_ACK,
                                    FT_TCP_ACK,
                                    FT_TCP_ACK,
                                    FT_TCP_SYN,
                                    FT_TCP_SYN | FT_TCP_ACK,
                                    FT_TCP_FIN | FT_TCP_ACK,
                                    FT_TCP_RST,
                                    0};
    bool tcp = rng() & 1;
    struct ft_packet p;

    *now += (int64_t)(rng() % (3 * SEC / tuples));
    if (rng() % 97 == 0) {
        *now += (int64_t)(rng() % (4 * SEC)); /* a pause */
    }
    p = make_packet((uint16_t)(rng() % tuples), rng() & 1, *now, tcp ? 6 : 17,
                    tcp ? flags[rng() % 8] : 0);
    p.tcp_seq = tcp ? (uint32_t)(rng() % 3) : 0;
    p.ts_ns -= rng() % 50 == 0 ? (int64_t)(rng() % (SEC / 2)) : 0; /* a little late */
    p.frame_len = 60 + (uint32_t)(rng() % 70000);
    p.ip_len = p.frame_len - 14;
    p.payload_len = (uint32_t)(rng() % p.ip_len);
    return p;
}

static void run(uint64_t seed, uint32_t tuples, int batch)
{
    struct ft_table *t = NULL;
    struct ft_packet pkts[64];
    struct ft_tuple_counts mine[64], theirs[64];
    int64_t now = BASE;
    uint32_t wrong = 0;

    state = seed;
    n_want = out.n = 0;
    memset(flows, 0, sizeof flows);
    cfg = (struct ft_table_config){.max_flows = MODEL_FLOWS,
                                   .rules.idle_ns = 2 * SEC,
                                   .rules.active_ns = 3 * SEC,
                                   .linger_ns = SEC};
    CHECK_EQ(ft_table_new(&cfg, &t), FT_OK);
    for (int i = 0; i < 40000; i += batch) {
        for (int k = 0; k < batch; k++) {
            pkts[k] = random_packet(&now, tuples);
            model_packet(&pkts[k], &mine[k]);
        }
        take_packets(t, &out, pkts, (uint32_t)batch, theirs);
        for (int k = 0; k < batch; k++) {
            wrong += mine[k].packets != theirs[k].packets || mine[k].bytes != theirs[k].bytes ||
                     mine[k].first_ns != theirs[k].first_ns;
        }
    }
    CHECK_EQ(wrong, 0);
    take_flush(t, &out, now + SEC, FT_REASON_EOF);
    model_flush(now + SEC);
    CHECK_EQ(out.n, n_want);
    normalize(out.rec, out.n);
    normalize(want, n_want);
    for (uint32_t i = 0; i < out.n && i < n_want; i++) {
        if (memcmp(&out.rec[i], &want[i], sizeof out.rec[i]) != 0) {
            fprintf(stderr, "record %u of %u differs: reason %d, model %d\n", i, out.n,
                    out.rec[i].reason, want[i].reason);
            CHECK(false);
            break;
        }
    }
    ft_table_free(t);
}

static void test_random(void)
{
    for (uint64_t seed = 1; seed <= 4; seed++) {
        run(seed, 5, 1);
        run(seed, 40, 64);
        run(seed, 300, 7);
    }
}

int main(void)
{
    RUN(test_random);
    return test_end();
}
