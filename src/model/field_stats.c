/* SPDX-License-Identifier: Apache-2.0 */
/* model: the columns of pipeline_stats. */
#include "model/field_stats.h"

#include "codec/text/digits.h"
#include "codec/text/escape.h"
#include "flowtap/version.h"
#include "model/observer.h"

enum { TYPE_LLC = 4 };        /* 802.2, as Linux numbers it */
enum { NAME_MAX_SHOWN = 96 }; /* bytes of an output's name; FT_FORMAT_MAX rests on it */

#define STATS(name, stmt)                                                                          \
    static void p_##name(const void *event, struct ft_value *v)                                    \
    {                                                                                              \
        const struct ft_stats *s = event;                                                          \
        stmt;                                                                                      \
    }

STATS(timestamp, v->i = s->timestamp_ns)
STATS(schema_version, v->s = ((void)s, ft_schema_version()))
STATS(clock_offset, v->i = s->clock_offset_ns / 1000; v->null = !s->clock_known)
STATS(is_final, v->u = s->is_final)
STATS(elapsed, v->u = (uint64_t)(s->elapsed_ns / 1000000))
STATS(received, v->u = s->received)
STATS(kernel_dropped, v->u = s->kernel_dropped; v->null = !s->kernel_dropped_known)
STATS(captured, v->u = s->captured)
STATS(queue_dropped, v->u = s->queue_dropped)
STATS(decoded, v->u = s->verdict[FT_V_DECODED])
STATS(ignored, v->u = ft_stats_class(s, FT_CLASS_IGNORED))
STATS(malformed, v->u = ft_stats_class(s, FT_CLASS_MALFORMED))
STATS(received_bytes, v->u = s->received_bytes)
STATS(decoded_bytes, v->u = s->decoded_bytes)
STATS(clock_steps, v->u = s->clock_steps)
STATS(late_packets, v->u = s->late_packets)
STATS(fragments_held, v->u = s->fragments_held)
STATS(fragments_duplicate, v->u = s->fragments_duplicate)
STATS(fragments_unassembled, v->u = s->fragments_unassembled)
STATS(fragments_overlap, v->u = s->fragments_overlap)
STATS(app_packets, v->u = s->app_packets)
STATS(app_no_buffer, v->u = s->app_no_buffer)
STATS(where_left_out, v->u = s->where_left_out)
STATS(profile_skipped, v->u = s->profile_skipped)
STATS(labelled, v->u = s->labelled)
STATS(unlabelled, v->u = s->unlabelled)
STATS(labels_unclear, v->u = s->labels_unclear)
STATS(window_late, v->u = s->window_late)
STATS(window_untracked, v->u = s->window_untracked)
STATS(window_no_room, v->u = s->window_no_room)
STATS(alerts, v->u = s->alerts)
STATS(alerts_suppressed, v->u = s->alerts_suppressed)
STATS(alerts_no_room, v->u = s->alerts_no_room)
STATS(afterimage_evicted, v->u = s->afterimage_evicted)
STATS(interface_events, v->u = s->interface_events)
STATS(workers, v->u = s->n_workers)
STATS(queue_capacity, v->u = s->queue_cap)
STATS(memory, v->u = s->memory_budget)

/* "name":n with a comma before it unless it is the first of its object. */
static uint8_t *put_member(uint8_t *p, const char *name, uint64_t n, bool first)
{
    if (!first) {
        *p++ = ',';
    }
    *p++ = '"';
    p = ft_put_str(p, name);
    p = FT_PUT_LIT(p, "\":");
    return ft_put_u64(p, n);
}

static uint8_t *put_class(const struct ft_stats *s, enum ft_verdict_class class, uint8_t *p)
{
    bool first = true;

    *p++ = '{';
    for (enum ft_verdict v = 0; v < FT_V__COUNT; v++) {
        if (ft_verdict_class(v) == class) {
            p = put_member(p, ft_verdict_name(v), s->verdict[v], first);
            first = false;
        }
    }
    *p++ = '}';
    return p;
}

static uint8_t *json_ignored(const void *event, uint8_t *p)
{
    return put_class(event, FT_CLASS_IGNORED, p);
}

static uint8_t *json_malformed(const void *event, uint8_t *p)
{
    return put_class(event, FT_CLASS_MALFORMED, p);
}

/* "0x0806":n, ... , "llc":n, "other":n */
static uint8_t *json_not_ip(const void *event, uint8_t *p)
{
    static const char digits[] = "0123456789abcdef";
    const struct ft_not_ip_stats *t = &((const struct ft_stats *)event)->not_ip;

    *p++ = '{';
    for (uint32_t i = 0; i < t->n; i++) {
        uint16_t type = t->type[i];
        const char name[] = {'0',
                             'x',
                             digits[type >> 12],
                             digits[type >> 8 & 15],
                             digits[type >> 4 & 15],
                             digits[type & 15],
                             '\0'};

        p = put_member(p, type == TYPE_LLC ? "llc" : name, t->packets[i], i == 0);
    }
    p = put_member(p, "other", t->other, t->n == 0);
    *p++ = '}';
    return p;
}

static bool is_interim(enum ft_reason r)
{
    return r == FT_REASON_ACTIVE || r == FT_REASON_SNAPSHOT;
}

static uint8_t *json_flows(const void *event, uint8_t *p)
{
    const struct ft_stats *s = event;
    uint64_t ended = 0;
    bool first = true;

    for (enum ft_reason r = 0; r < FT_REASON__COUNT; r++) {
        ended += s->flows_ended[r];
    }
    *p++ = '{';
    p = put_member(p, "created", s->flows_created, true);
    p = put_member(p, "active", s->flows_active, false);
    p = put_member(p, "max", s->flows_max, false);
    p = put_member(p, "ended", ended, false);
    p = FT_PUT_LIT(p, ",\"ended_by_reason\":{");
    for (enum ft_reason r = 0; r < FT_REASON__COUNT; r++) {
        if (!is_interim(r)) {
            p = put_member(p, ft_reason_name(r), s->flows_ended[r], first);
            first = false;
        }
    }
    *p++ = '}';
    p = put_member(p, "updates", s->flow_updates, false);
    p = put_member(p, "packets_final", s->packets_final, false);
    p = put_member(p, "packets_active", s->packets_active, false);
    p = put_member(p, "bytes_final", s->bytes_final, false);
    p = put_member(p, "bytes_active", s->bytes_active, false);
    *p++ = '}';
    return p;
}

static uint8_t *json_queues(const void *event, uint8_t *p)
{
    const struct ft_stats *s = event;

    *p++ = '[';
    for (uint32_t i = 0; i < s->n_workers; i++) {
        if (i > 0) {
            *p++ = ',';
        }
        *p++ = '{';
        p = put_member(p, "worker", i, true);
        p = put_member(p, "waiting", s->worker_queue[i], false);
        p = put_member(p, "dropped", s->worker_dropped[i], false);
        *p++ = '}';
    }
    *p++ = ']';
    return p;
}

/* Reasons that there were. */
static uint8_t *put_unfit(const struct ft_output_stats *o, uint8_t *p)
{
    static const char *const names[FT_UNFIT__COUNT] = {
#define X(symbol, name, meaning) #name,
        FT_UNFIT(X)
#undef X
    };
    bool first = true;

    p = FT_PUT_LIT(p, ",\"unfit\":{");
    for (enum ft_unfit u = 0; u < FT_UNFIT__COUNT; u++) {
        if (o->unfit[u] > 0) {
            p = first ? FT_PUT_LIT(p, "\"") : FT_PUT_LIT(p, ",\"");
            p = ft_put_str(p, names[u]);
            p = FT_PUT_LIT(p, "\":");
            p = ft_put_u64(p, o->unfit[u]);
            first = false;
        }
    }
    *p++ = '}';
    return p;
}

static uint8_t *put_output(const struct ft_output_stats *o, uint8_t *p)
{
    uint64_t made = 0, written = 0, dropped = 0, lost = 0, spooled = 0;
    uint64_t replayed = 0, too_old = 0, damaged = 0, left = 0; /* of earlier runs */

    for (enum ft_event e = 0; e < FT_EVENT__COUNT; e++) {
        made += o->made[e];
        written += o->written[e];
        dropped += o->dropped[e];
        lost += o->lost[e];
        spooled += o->spooled[e];
        replayed += o->replayed[e];
        too_old += o->earlier_dropped[e];
        damaged += o->earlier_lost[e];
        left += o->earlier_spooled[e];
    }
    uint64_t accounted = written + dropped + lost + spooled;

    p = FT_PUT_LIT(p, "{\"output\":");
    p = ft_put_json_string(p, o->name, NAME_MAX_SHOWN);
    p = put_member(p, "events_made", made, false);
    p = put_member(p, "events_written", written, false);
    p = put_member(p, "events_dropped", dropped, false);
    p = put_member(p, "events_lost", lost, false);
    p = put_member(p, "events_spooled", spooled, false);
    p = put_member(p, "events_waiting", made > accounted ? made - accounted : 0, false);
    p = FT_PUT_LIT(p, ",\"by_event\":{");
    for (enum ft_event e = 0; e < FT_EVENT__COUNT; e++) {
        if (e > FT_EVENT_STATS && o->made[e] == 0) {
            continue; /* those of collect, where they come */
        }
        p = e > 0 ? FT_PUT_LIT(p, ",\"") : FT_PUT_LIT(p, "\"");
        p = ft_put_str(p, ft_event_word(e));
        p = FT_PUT_LIT(p, "\":{");
        p = put_member(p, "made", o->made[e], true);
        p = put_member(p, "written", o->written[e], false);
        p = put_member(p, "dropped", o->dropped[e], false);
        p = put_member(p, "lost", o->lost[e], false);
        p = put_member(p, "spooled", o->spooled[e], false);
        *p++ = '}';
    }
    *p++ = '}';
    p = put_member(p, "where_left_out", o->where_left_out, false);
    p = put_unfit(o, p);
    p = put_member(p, "bytes", o->bytes, false);
    p = put_member(p, "events_replayed", replayed, false);
    p = FT_PUT_LIT(p, ",\"earlier\":{");
    p = put_member(p, "dropped", too_old, true);
    p = put_member(p, "lost", damaged, false);
    p = put_member(p, "spooled", left, false);
    *p++ = '}';
    p = put_member(p, "folder_changes", o->folder_changes, false);
    p = o->failed ? FT_PUT_LIT(p, ",\"failed\":true}") : FT_PUT_LIT(p, ",\"failed\":false}");
    return p;
}

static uint8_t *json_outputs(const void *event, uint8_t *p)
{
    const struct ft_stats *s = event;

    *p++ = '[';
    for (uint32_t i = 0; i < s->n_outputs; i++) {
        if (i > 0) {
            *p++ = ',';
        }
        p = put_output(&s->output[i], p);
    }
    *p++ = ']';
    return p;
}

static uint8_t *json_collect(const void *event, uint8_t *p)
{
    static const char *const names[] = {
#define NAME(sym, name, text) #name,
        FT_COLLECT_COUNTS(NAME)
#undef NAME
    };
    const struct ft_stats *s = event;

    if (!s->collecting) {
        return FT_PUT_LIT(p, "null");
    }
    *p++ = '{';
    for (uint32_t i = 0; i < FT_COLLECT__COUNT; i++) {
        p = put_member(p, names[i], s->collected[i], i == 0);
    }
    *p++ = '}';
    return p;
}

#define COUNTS "{\"type\":\"object\",\"additionalProperties\":{\"type\":\"integer\",\"minimum\":0}}"
#define OBJECT(key, fn, schema)                                                                    \
    .name = key, .type = FT_T_JSON, .unit = "", .json = fn, .json_schema = schema,                 \
    .privacy = FT_PRIVACY_NONE
#define NUMBER(key, of, fn)                                                                        \
    .name = key, .type = FT_T_U64, .unit = of, .get = fn, .source = "flowtap",                     \
    .privacy = FT_PRIVACY_NONE

static const struct ft_field stats_fields[] = {
    {.name = "timestamp",
     .type = FT_T_TIME,
     .privacy = FT_PRIVACY_TIME,
     .unit = "s",
     .get = p_timestamp,
     .source = "flowtap",
     .meaning = "when the account was taken: wall clock live, newest packet on replay"},
    {.name = "is_final",
     .type = FT_T_BOOL,
     .privacy = FT_PRIVACY_NONE,
     .unit = "",
     .get = p_is_final,
     .source = "flowtap",
     .meaning = "nothing is in flight any more: the numbers are exact"},
    {.name = "schema_version",
     .unit = "",
     .type = FT_T_STRING,
     .get = p_schema_version,
     .privacy = FT_PRIVACY_NONE,
     .source = "flowtap",
     .meaning = "of the columns of all events: MAJOR.MINOR; a minor version only adds columns"},
    {NUMBER("elapsed_ms", "ms", p_elapsed), .meaning = "since the start, by the monotonic clock"},
    {NUMBER("received", "packets", p_received), .meaning = "captured + kernel_dropped"},
    {NUMBER("kernel_dropped", "packets", p_kernel_dropped),
     .null = "the source cannot know (files)",
     .meaning = "lost in the kernel for want of room in its ring"},
    {NUMBER("captured", "packets", p_captured),
     .meaning = "queue_dropped + decoded + ignored + malformed"},
    {NUMBER("queue_dropped", "packets", p_queue_dropped),
     .meaning = "lost at full hand-off queues"},
    {NUMBER("decoded", "packets", p_decoded), .meaning = "IP packets counted in a flow"},
    {NUMBER("ignored", "packets", p_ignored), .meaning = "sum of ignored_by_reason"},
    {NUMBER("malformed", "packets", p_malformed), .meaning = "sum of malformed_by_reason"},
    {NUMBER("received_bytes", "bytes", p_received_bytes),
     .meaning = "wire bytes of the captured packets"},
    {NUMBER("decoded_bytes", "bytes", p_decoded_bytes),
     .meaning = "wire bytes of the decoded packets"},
    {OBJECT("ignored_by_reason", json_ignored, COUNTS), .source = "flowtap",
     .meaning = "packets that are not decoded, by reason"},
    {OBJECT("not_ip_by_ethertype", json_not_ip, COUNTS), .source = "IEEE 802 numbers",
     .meaning =
         "ignored_by_reason.not_ip by EtherType: the 16 most frequent, llc for 802.2 without "
         "one, other for all others and for packets without either"},
    {OBJECT("malformed_by_reason", json_malformed, COUNTS), .source = "flowtap",
     .meaning = "packets that break their protocol's rules, by reason"},
    {OBJECT("flows", json_flows, "{\"type\":\"object\"}"), .source = "flowtap",
     .meaning =
         "created, active, max, ended (final records, by reason), updates (interim records), "
         "packets and bytes in final records and of flows in the table"},
    {OBJECT("collect", json_collect, COUNTS), .source = "flowtap",
     .null = "the input is packets, not datagrams of exporters",
     .meaning = "records, options records, samples, counter samples, discards, templates, sets "
                "without a template, lost, reordered and repeated messages, restarts, exporters; "
                "received, captured, decoded, ignored and malformed count datagrams then"},
    {NUMBER("clock_steps", "", p_clock_steps),
     .meaning = "times the packet clock went back by more than the idle timeout"},
    {NUMBER("late_packets", "packets", p_late_packets),
     .meaning = "older than their flow's newest packet"},
    {NUMBER("fragments_held", "packets", p_fragments_held),
     .meaning = "fragments that waited for the first of their datagram"},
    {NUMBER("fragments_duplicate", "packets", p_fragments_duplicate),
     .meaning = "fragments whose bytes had all come before"},
    {NUMBER("fragments_overlap", "packets", p_fragments_overlap),
     .meaning = "fragments of which some bytes had come before"},
    {NUMBER("fragments_unassembled", "packets", p_fragments_unassembled),
     .meaning = "fragments of packets that may be a tunnel's and could not be put together: they "
                "count for the carrier"},
    {NUMBER("app_packets", "packets", p_app_packets), .meaning = "looked into for names (--app)"},
    {NUMBER("app_no_buffer", "", p_app_no_buffer),
     .meaning = "streams whose names were given up because all buffers were taken (--app)"},
    {NUMBER("where_left_out", "records", p_where_left_out),
     .meaning = "flow records that do not satisfy --where: no output has them"},
    {NUMBER("profile_skipped", "records", p_profile_skipped),
     .meaning = "flow records that the tool drops that a profile is named for: outputs with its "
                "columns have them not"},
    {NUMBER("labelled", "flows", p_labelled),
     .meaning = "final flow records that a rule of --labels knows"},
    {NUMBER("unlabelled", "flows", p_unlabelled), .meaning = "those that no rule knows (--labels)"},
    {NUMBER("labels_unclear", "flows", p_labels_unclear),
     .meaning = "of the labelled: another rule says something else; the first one's stands"},
    {NUMBER("window_late_packets", "packets", p_window_late),
     .meaning = "packets that came too late for their window: they are in none (-e window)"},
    {NUMBER("window_untracked_packets", "packets", p_window_untracked),
     .meaning =
         "packets of hosts that others took the place of in a full window: they are in no row "
         "(-e window)"},
    {NUMBER("window_no_room", "", p_window_no_room),
     .meaning =
         "distinct values or ends of flows that found no room: null, or not counted, in their "
         "rows (-e window)"},
    {NUMBER("alerts", "", p_alerts), .meaning = "alerts that were made (-e alert)"},
    {NUMBER("alerts_suppressed", "", p_alerts_suppressed),
     .meaning = "alerts that were kept back: of a rule and an entity that had one not long ago, or "
                "too many in a second (-e alert)"},
    {NUMBER("alerts_no_room", "", p_alerts_no_room),
     .meaning = "ended flows that detectors were not told of, and entities that others took the "
                "place of in their full tables (-e alert)"},
    {NUMBER("afterimage_evicted", "", p_afterimage_evicted),
     .meaning = "streams, and pairs of streams, that made room for others: they begin anew when "
                "they come again (-p afterimage)"},
    {NUMBER("interface_events", "", p_interface_events),
     .meaning = "times an interface went down, vanished or came back"},
    {NUMBER("workers", "", p_workers), .meaning = "threads that keep flows"},
    {NUMBER("queue_capacity", "packets", p_queue_capacity), .meaning = "bound of each queue"},
    {OBJECT("queues", json_queues, "{\"type\":\"array\",\"items\":" COUNTS "}"),
     .source = "flowtap", .meaning = "by worker: packets waiting now, packets dropped"},
    {NUMBER("memory_budget_bytes", "bytes", p_memory), .meaning = "as planned at the start"},
    {OBJECT("outputs", json_outputs, "{\"type\":\"array\",\"items\":{\"type\":\"object\"}}"),
     .source = "flowtap",
     .meaning = "by output: events made, written, dropped (its queue was full), lost (its target "
                "refused or lost them) and waiting, also by event; bytes; whether it is gone. The "
                "event that carries the numbers is not in them"},
    {.name = "clock_offset_us",
     .type = FT_T_I64,
     .privacy = FT_PRIVACY_NONE,
     .unit = "us",
     .get = p_clock_offset,
     .source = "adjtimex(2)",
     .null = "the kernel is not told that anybody keeps its clock right",
     .meaning = "what the clock of this host still has to be corrected by: reference less clock"},
    FT_OBSERVER_ROWS,
};

const struct ft_field *ft__fields_stats(uint32_t *out_n)
{
    *out_n = sizeof stats_fields / sizeof stats_fields[0];
    return stats_fields;
}
