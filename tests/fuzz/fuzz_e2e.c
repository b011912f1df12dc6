/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes the whole walk of a capture: packets -> decode -> fragments -> flow table with names on
 * flows, and windows -> text.
 *
 *   byte 0   bits 0-2 flows that the table holds, 3 and 4 idle and active timeout of a millisecond,
 *            5 no linger, 6 snapshots and windows of few hosts, 7 the clock runs ahead after each
 *            batch
 *   byte 1   bit 0 --keep-tunnels, 1 times are scrambled, 2-7 packets of a batch
 *   rest     a pcap or a pcapng file
 *
 * Properties: every view has one verdict; what sFlow makes of it is read back as it was; what was
 * decoded is in the final records, once, packets and bytes; every flow that began ends; the numbers
 * of a record fit each other; each event is whole lines of NDJSON and CSV within the promised room;
 * each packet was sent by a host of a window, or came too late for it, or was a host's that had to
 * go; the same packets give the same events however they are cut into batches, as long as no table
 * is full, no packet is later than the timers wait for it, and the clock does not step back by more
 * than the idle timeout: there, what the timers have ended already counts. */
#include <string.h>

#include "asan.h"
#include "base/time.h"
#include "codec/export/sflow.h"
#include "codec/file/pcap.h"
#include "codec/file/pcapng.h"
#include "decode/decode.h"
#include "decode/fragment.h"
#include "format/format.h"
#include "format/sflow.h"
#include "json_check.h"
#include "lines.h"
#include "must.h"
#include "mutate.h"
#include "options.h"
#include "pipeline/meter.h"

MUTATE_AS(mutate_capture);

enum { VIEWS = 64, IFACES = 16, FLOWS_MAX = 2000, SLACK = 64, HEAD = 2, TIMERS = 16, FORMATS = 16 };

struct run {
    struct ft_decoder decoder;
    struct ft_fragments *fragments;
    struct ft_meter meter;
    struct ft_windows *windows;
    uint64_t window_sent;       /* packets in rows of hosts */
    bool window_full;           /* who came first decides what is in rows */
    uint64_t views, view_bytes; /* that were walked over */
    uint64_t samples, sample_bytes;
    uint64_t final_packets, final_bytes;
    uint64_t text; /* sum of the hashes of all lines, whatever their order */
    int64_t newest_ns;
    bool by_timers; /* when the timers looked decides what was written */
};

/* The file and how it is read. */
struct input {
    const uint8_t *data;
    size_t len;
    uint8_t control, control2;
};

/* Its place while it is read. */
struct reader {
    struct ft_walk walk;
    struct ft_pcap pcap;
    struct ft_pcapng pcapng;
    struct ft_pcapng_iface ifaces[IFACES];
    bool is_pcapng;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint64_t late_ns = (uint64_t)2 * 1000000000; /* the timers run so far behind */

static uint8_t room[FT_FORMAT_MAX + SLACK];
/* Features of all inputs: names take 8 MiB to set up, which for each input would be most of the
 * time. All flows have ended, so they hold nothing of the last. */
static struct ft_meter features;

/* ---- text ---- */

static void begin_text(size_t max)
{
    memset(room + max, CANARY, SLACK);
}

/* An instance of each format for one event, made when it is first asked for. */
static const struct ft_format *format_of(uint32_t i, enum ft_event e)
{
    static struct ft_format *all[FORMATS][FT_EVENT__COUNT];

    MUST(i < FORMATS);
    if (all[i][e] == NULL) {
        all[i][e] = lines_open_asked(
            ft_formats[i]->name, 1u << e,
            "all,app,splt,zeek,nfstream,bytes,nprint,nf-v3,nf-v3-compat,cic,netfound", NULL,
            default_options());
    }
    return all[i][e];
}

static void end_text(struct run *r, const struct ft_format *f, size_t n, size_t max)
{
    uint64_t hash = 14695981039346656037u;

    MUST(canary_lives(room + max, SLACK));
    if (lines_unfit(n)) { /* flow export: it holds no such flows */
        MUST(f->templates != NULL);
        return;
    }
    MUST(n > 0 && n <= max && (!lines_are(f) || room[n - 1] == '\n'));
    if (strcmp(f->ops->name, "ndjson") == 0) {
        MUST(json_line(room, n));
    }
    for (size_t i = 0; i < n; i++) {
        hash = (hash ^ room[i]) * 1099511628211u;
    }
    r->text += hash;
}

static void write_flow(struct run *r, const struct ft_flow_record *rec)
{
    for (uint32_t i = 0; ft_formats[i] != NULL; i++) {
        if (ft_formats[i]->flow != NULL) {
            const struct ft_format *f = format_of(i, FT_EVENT_FLOW);

            begin_text(f->flow_max);
            end_text(r, f, f->ops->flow(f, room, rec), f->flow_max);
        }
    }
}

static void write_sample(struct run *r, const struct ft_packet *pkt,
                         const struct ft_tuple_counts *counts)
{
    for (uint32_t i = 0; ft_formats[i] != NULL; i++) {
        if (ft_formats[i]->sample != NULL) {
            const struct ft_format *f = format_of(i, FT_EVENT_SAMPLE);

            begin_text(FT_FORMAT_SAMPLE_MAX);
            end_text(r, f, f->ops->sample(f, room, pkt, counts), FT_FORMAT_SAMPLE_MAX);
        }
    }
}

/* ---- windows ---- */

static void on_row(void *cookie, const struct ft_window_row *row)
{
    struct run *r = cookie;

    MUST(row->entity < FT_ENTITY__COUNT && (row->span_s == 1 || row->span_s == 3));
    MUST(row->size_mean >= 0 || row->packets[0] + row->packets[1] == 0);
    r->window_sent += row->entity == FT_ENTITY_HOST && row->span_s == 1 ? row->packets[0] : 0;
    r->window_full |= row->error > 0;
    for (uint32_t i = 0; ft_formats[i] != NULL; i++) {
        if (ft_formats[i]->export_event != NULL && (ft_formats[i]->events >> FT_EVENT_WINDOW & 1)) {
            const struct ft_format *f = format_of(i, FT_EVENT_WINDOW);

            begin_text(FT_FORMAT_FLOW_MIN);
            end_text(r, f, f->ops->export_event(f, room, FT_EVENT_WINDOW, row), FT_FORMAT_FLOW_MIN);
        }
    }
}

static void open_windows(struct run *r, const struct input *in, const struct ft_table_config *table)
{
    struct ft_windows_config cfg = {.span_s = {1, 3},
                                    .n_spans = 2,
                                    .max_hosts = (in->control & 64) ? 16 : 1024,
                                    .n_workers = 1,
                                    .step_ns = table->rules.idle_ns};

    cfg.step_ns = cfg.step_ns > FT_WINDOW_GRACE_NS ? cfg.step_ns : FT_WINDOW_GRACE_NS;
    ft_hash_seed_fixed(&cfg.seed, 1);
    MUST(ft_windows_new(&cfg, &r->windows) == FT_OK);
    MUST(ft_window_worker_new(r->windows, 0, ft_table_entries(table->max_flows),
                              &r->meter.window) == FT_OK);
}

static void turn_windows(struct run *r)
{
    int64_t now_ns = ft_table_now(r->meter.table);

    ft_window_turn(r->meter.window,
                   r->meter.caught_up ? ft_time_sub(now_ns, FT_WINDOW_GRACE_NS) : INT64_MIN, on_row,
                   r);
}

static void close_windows(struct run *r)
{
    struct ft_windows_stats w;

    ft_window_finish(r->meter.window, on_row, r);
    ft_windows_get_stats(r->windows, &w);
    MUST(r->window_sent + w.late + w.untracked == r->decoder.verdict[FT_V_DECODED]);
    r->by_timers |= r->window_full || w.untracked > 0 || w.no_room > 0 || w.late > 0 || w.steps > 0;
    ft_window_worker_free(r->meter.window);
    ft_windows_free(r->windows);
}

/* A frame as a sample of sFlow, and read again. */
static void write_frame(const struct ft_view *v)
{
    enum { BYTES = 60, FCS = 4 };
    struct ft_sflow_row head = {.rate = 1};
    struct ft_sflow_datagram d = {.n_samples = 1};
    struct ft_sflow_sample s;
    struct ft_sflow_record rec;
    struct ft_sflow_header h;

    begin_text(FT_SFLOW_ROW_MOST + BYTES);
    size_t n = ft_sflow_put_packet(room, v, head, v->iface, BYTES);

    MUST(canary_lives(room + FT_SFLOW_ROW_MOST + BYTES, SLACK));
    if (n == 0) {
        MUST(v->linktype != FT_LINK_ETHERNET);
        return;
    }
    memcpy(&head, room, sizeof head);
    MUST(head.len == n && head.ts_ns == v->ts_ns);
    d.rd = ft_rd_make(room + sizeof head, n - sizeof head);
    MUST(ft_sflow_next(&d, &s) == FT_OK && s.kind == FT_SFLOW_FLOW && ft_rd_left(&d.rd) == 0);
    MUST(ft_sflow_record(&s, &rec) == FT_OK && ft_sflow_header(&rec, &h) == FT_OK && !h.cut);
    MUST(h.len <= BYTES && h.len <= v->caplen && h.len <= h.frame_len);
    MUST(h.frame_len - h.stripped <= v->len && h.stripped == (h.protocol == 1 ? FCS : 0));
    if (v->len < UINT32_MAX / 2) { /* what is longer is not said to the byte */
        MUST(memcmp(h.data, v->data + (v->len + h.stripped - h.frame_len), h.len) == 0);
    }
}

/* ---- records ---- */

static void check_direction(const struct ft_flow_record *rec, int d)
{
    const struct ft_sizes_record *sizes = rec->part[FT_PART_SIZES];
    const struct ft_tunnel_record *tunnel = rec->part[FT_PART_TUNNEL];
    const struct ft_tcp_record *tcp = rec->part[FT_PART_TCP];

    MUST(rec->packets[d] >= rec->packets_delta[d] && rec->bytes[d] >= rec->bytes_delta[d]);
    MUST(rec->payload_bytes[d] <= rec->ip_bytes[d]);
    MUST(sizes->size[d].n == rec->packets[d] && sizes->size[d].sum == rec->ip_bytes[d]);
    MUST(rec->packets[d] == 0 || sizes->size[d].min <= sizes->size[d].max);
    MUST(rec->packets[d] == 0 || sizes->gap[d].n == rec->packets[d] - 1);
    MUST(tunnel->fragments[d] <= rec->packets[d] && tunnel->ecn_ce[d] <= rec->packets[d]);
    if (tcp != NULL) {
        MUST(tcp->retrans[d] <= rec->packets[d] && tcp->fast[d] <= tcp->retrans[d]);
        MUST(tcp->retrans_bytes[d] <= rec->payload_bytes[d]);
    }
}

static void on_flow(void *cookie, const struct ft_flow_record *rec)
{
    struct run *r = cookie;

    MUST(rec->first_ns <= rec->last_ns && rec->reason < FT_REASON__COUNT);
    check_direction(rec, FT_DIR_FWD);
    check_direction(rec, FT_DIR_REV);
    if (rec->is_final) {
        r->final_packets += rec->packets[0] + rec->packets[1];
        r->final_bytes += rec->bytes[0] + rec->bytes[1];
    }
    write_flow(r, rec);
}

/* ---- the walk ---- */

static bool open_file(const struct input *in, struct reader *f)
{
    size_t head = FT_PCAP_HEADER_LEN;

    f->is_pcapng = in->len >= 4 && ft_pcapng_is_magic(in->data);
    if (f->is_pcapng) {
        ft_pcapng_init(&f->pcapng, f->ifaces, IFACES);
        head = 0;
    } else if (ft_pcap_parse(in->data, in->len, &f->pcap) != FT_OK) {
        return false;
    }
    ft_walk_set(&f->walk, in->data + head, in->len - head);
    return true;
}

static uint32_t next_views(struct reader *f, struct ft_view *v, uint32_t cap)
{
    uint32_t n = 0;

    /* why it stopped is for the targets of the files: what came before is good */
    if (f->is_pcapng) {
        ft_ignore(ft_pcapng_walk(&f->pcapng, &f->walk, v, cap, &n));
    } else {
        ft_ignore(ft_pcap_walk(&f->pcap, &f->walk, v, cap, &n));
    }
    return n;
}

static void open_run(struct run *r, const struct input *in)
{
    static const uint32_t flows[] = {1, 2, 3, 7, 16, 64, 500, FLOWS_MAX};
    uint8_t c = in->control;
    struct ft_hash_seed seed;
    struct ft_table_config cfg = {
        .max_flows = flows[c & 7],
        .rules.idle_ns = c & 8 ? 1000000 : INT64_C(30000000000),
        .rules.active_ns = c & 16 ? 1000000 : INT64_C(60000000000),
        .linger_ns = c & 32 ? 1 : INT64_C(5000000000),
        .snapshots = {1, 3},
        .n_snapshots = c & 64 ? 2 : 0,
    };

    memset(r, 0, sizeof *r);
    r->newest_ns = INT64_MIN;
    ft_hash_seed_fixed(&seed, 1);
    ft_decoder_init(&r->decoder, &seed);
    r->decoder.keep_tunnels = (in->control2 & 1) != 0;
    r->decoder.payloads = r->decoder.heads = true;
    if (features.n_on == 0) {
        struct ft_table_config most = cfg;

        most.max_flows = FLOWS_MAX;
        MUST(ft_meter_open(&features, &most, UINT32_MAX, default_options()) == FT_OK);
        ft_table_free(features.table);
    }
    r->meter = features;
    r->meter.emit = on_flow;
    r->meter.cookie = r;
    MUST(ft_table_new(&cfg, &r->meter.table) == FT_OK);
    open_windows(r, in, &cfg);
}

/* Fragments that were held back come late, too. */
static void note_time(struct run *r, int64_t ts_ns)
{
    if (ts_ns > r->newest_ns) {
        r->newest_ns = ts_ns;
    } else if ((uint64_t)r->newest_ns - (uint64_t)ts_ns > late_ns) {
        r->by_timers = true;
    }
}

static void count_packets(struct run *r, const struct ft_packet *pkts, uint32_t n)
{
    struct ft_tuple_counts counts[VIEWS];
    struct ft_counted at[VIEWS];

    ft_meter_count(&r->meter, pkts, n, at, counts);
    turn_windows(r);
    for (uint32_t i = 0; i < n; i++) {
        MUST(counts[i].packets > 0 && counts[i].bytes >= pkts[i].frame_len);
        note_time(r, pkts[i].ts_ns);
        r->samples++;
        r->sample_bytes += pkts[i].frame_len;
        write_sample(r, &pkts[i], &counts[i]);
    }
}

static void take_batch(struct run *r, const struct input *in, struct ft_view *v, uint32_t n)
{
    static FT_ALIGNED(64) struct ft_packet pkts[VIEWS + FT_FRAGMENTS_HELD];
    uint32_t m = 0;

    for (uint32_t i = 0; i < n; i++) {
        if (in->control2 & 2) {
            v[i].ts_ns = (int64_t)((uint64_t)v[i].ts_ns * 2654435761u >> 1);
        }
        r->view_bytes += v[i].len;
        write_frame(&v[i]);
    }
    r->views += n;
    r->decoder.lookup = ft_table_lookup(r->meter.table, &r->decoder.lookup_n);
    ft_decode_batch(&r->decoder, v, n, pkts, &m);
    MUST(m <= n);
    if (r->decoder.fragments || (r->fragments != NULL && ft_fragments_waiting(r->fragments))) {
        if (r->fragments == NULL) { /* few inputs need it, and it is large */
            MUST(ft_fragments_new(&r->decoder.seed, &r->fragments) == FT_OK);
        }
        static uint8_t joined[VIEWS * FT_FRAGMENTS_KEPT];

        m = ft_fragments_run(r->fragments, &r->decoder, pkts, m, joined);
        MUST(m <= n + FT_FRAGMENTS_HELD);
    }
    for (uint32_t at = 0; at < m; at += VIEWS) {
        count_packets(r, pkts + at, m - at < VIEWS ? m - at : VIEWS);
    }
    if ((in->control & 128) && ft_table_now(r->meter.table) < INT64_MAX / 2) {
        ft_meter_idle(&r->meter, ft_table_now(r->meter.table) + 1000000000, TIMERS);
    }
}

static void check_sums(struct run *r)
{
    uint64_t verdicts = 0, ended = 0;
    struct ft_table_stats t;

    for (int i = 0; i < FT_V__COUNT; i++) {
        verdicts += r->decoder.verdict[i];
    }
    ft_table_get_stats(r->meter.table, &t);
    for (int i = 0; i < FT_REASON__COUNT; i++) {
        ended += t.ended[i];
    }
    MUST(verdicts == r->views && r->decoder.bytes == r->view_bytes);
    MUST(r->final_packets == r->decoder.verdict[FT_V_DECODED]);
    MUST(r->final_bytes == r->decoder.decoded_bytes);
    MUST(r->samples == r->final_packets && r->sample_bytes == r->final_bytes);
    MUST(t.packets == t.packets_final && t.packets_final == r->final_packets);
    MUST(t.bytes == t.bytes_final && t.bytes_final == r->final_bytes);
    MUST(t.active == 0 && ended == t.created);
    r->by_timers |= t.clock_steps > 0 || t.ended[FT_REASON_EVICTED] > 0;
}

/* Reads all of it in batches of so many packets; false: it is no capture. */
static bool read_all(struct run *r, const struct input *in, uint32_t batch)
{
    struct ft_view v[VIEWS];
    struct reader f;
    uint32_t n;

    if (!open_file(in, &f)) {
        return false;
    }
    open_run(r, in);
    while ((n = next_views(&f, v, batch)) > 0) {
        take_batch(r, in, v, n);
    }
    if (r->fragments != NULL) {
        static FT_ALIGNED(64) struct ft_packet pkts[FT_FRAGMENTS_HELD];
        uint32_t n_held = ft_fragments_end(r->fragments, &r->decoder, pkts);

        for (uint32_t at = 0; at < n_held; at += VIEWS) {
            count_packets(r, pkts + at, n_held - at < VIEWS ? n_held - at : VIEWS);
        }
    }
    ft_meter_flush(&r->meter, ft_table_now(r->meter.table), FT_REASON_EOF);
    check_sums(r);
    close_windows(r);
    ft_table_free(r->meter.table);
    ft_fragments_free(r->fragments);
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *copy;

    if (size < HEAD + 4) {
        return 0;
    }
    copy = malloc(size - HEAD);
    MUST(copy != NULL);
    memcpy(copy, data + HEAD, size - HEAD);
    struct input in = {.data = copy, .len = size - HEAD, .control = data[0], .control2 = data[1]};
    struct run one, other;

    /* with the clock ahead after each batch, the batches decide how time passes */
    if (read_all(&one, &in, 1 + (data[1] >> 2) % VIEWS) && (data[0] & 128) == 0 && !one.by_timers &&
        read_all(&other, &in, VIEWS)) {
        MUST(one.text == other.text);
    }
    free(copy);
    return 0;
}
