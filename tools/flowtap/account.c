/* SPDX-License-Identifier: Apache-2.0 */
/* flowtap: the account at the end, as a table for people or one line of JSON. Every number in it is
 * part of a sum that is checked. */
#include <string.h>

#include "cli.h"

enum { TYPE_LLC = 4 };

static uint64_t ended(const struct ft_stats *s)
{
    uint64_t n = 0;

    for (enum ft_reason r = 0; r < FT_REASON__COUNT; r++) {
        n += s->flows_ended[r];
    }
    return n;
}

/* ---- what has to hold ---- */

static bool received_holds(const struct ft_stats *s)
{
    return s->received == s->captured + s->kernel_dropped;
}

static bool captured_holds(const struct ft_stats *s)
{
    return s->captured == s->queue_dropped + s->verdict[FT_V_DECODED] +
                              ft_stats_class(s, FT_CLASS_IGNORED) +
                              ft_stats_class(s, FT_CLASS_MALFORMED);
}

static bool flows_hold(const struct ft_stats *s)
{
    return s->flows_created == ended(s) + s->flows_active;
}

static bool packets_hold(const struct ft_stats *s)
{
    if (s->collecting) { /* what is decoded are datagrams; flows are the exporters' */
        return true;
    }
    return s->verdict[FT_V_DECODED] == s->packets_final + s->packets_active &&
           s->decoded_bytes == s->bytes_final + s->bytes_active;
}

static bool event_holds(const struct ft_output_stats *o, enum ft_event e)
{
    return o->made[e] == o->written[e] + o->dropped[e] + o->lost[e] + o->spooled[e];
}

bool account_holds(const struct ft_stats *s)
{
    bool all = received_holds(s) && captured_holds(s) && flows_hold(s) && packets_hold(s);

    for (uint32_t i = 0; i < s->n_outputs; i++) {
        for (enum ft_event e = 0; e < FT_EVENT__COUNT; e++) {
            all = all && event_holds(&s->output[i], e);
        }
    }
    return all;
}

/* ---- the table ---- */

static void row(const char *name, uint64_t n, const char *note)
{
    fprintf(stderr, "  %-22s %14llu%s%s\n", name, (unsigned long long)n, note[0] ? "  " : "", note);
}

/* A row that is the sum of what follows. */
static void sum(const char *name, uint64_t n, bool holds, const char *of)
{
    row(name, n, holds ? of : "DOES NOT ADD UP");
}

static const char *const unfit_names[FT_UNFIT__COUNT] = {
#define X(symbol, name, meaning) "unfit_" #name,
    FT_UNFIT(X)
#undef X
};

static void maybe(const char *name, uint64_t n, const char *note)
{
    if (n > 0) {
        row(name, n, note);
    }
}

/* What people know a type as, or "". */
static const char *ethertype_text(uint16_t type)
{
    static const struct {
        uint16_t type;
        const char *name;
    } names[] = {
        {TYPE_LLC, "802.2: STP, IS-IS, ..."},
        {0x0806, "ARP"},
        {0x22f0, "AVTP"},
        {0x22f3, "TRILL"},
        {0x8035, "RARP"},
        {0x809b, "AppleTalk"},
        {0x80f3, "AppleTalk ARP"},
        {0x8137, "IPX"},
        {0x8808, "Ethernet flow control"},
        {0x8809, "slow protocols: LACP, OAM"},
        {0x8847, "MPLS that carries no IP"},
        {0x8863, "PPPoE discovery"},
        {0x8864, "PPPoE session control"},
        {0x887b, "HomePlug"},
        {0x888e, "802.1X"},
        {0x8892, "PROFINET"},
        {0x88a4, "EtherCAT"},
        {0x88b8, "GOOSE"},
        {0x88ba, "sampled values (IEC 61850)"},
        {0x88cc, "LLDP"},
        {0x88e5, "MACsec"},
        {0x88f7, "PTP"},
        {0x8902, "CFM"},
        {0x8906, "FCoE"},
        {0x8915, "RoCE version 1"},
        {0x88fb, "PRP supervision"},
        {0x894f, "NSH that carries no IP"},
        {0x9000, "loopback test"},
    };

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (names[i].type == type) {
            return names[i].name;
        }
    }
    return "";
}

static void table_not_ip(const struct ft_stats *s)
{
    const struct ft_not_ip_stats *t = &s->not_ip;

    for (uint32_t i = 0; i < t->n; i++) {
        char name[64];

        snprintf(name, sizeof name, "      0x%04x", t->type[i]);
        row(t->type[i] == TYPE_LLC ? "      llc" : name, t->packets[i], ethertype_text(t->type[i]));
    }
    if (t->n > 0) {
        maybe("      other", t->other, "other EtherTypes, or none");
    }
}

static void reasons(const struct ft_stats *s, enum ft_verdict_class class)
{
    for (enum ft_verdict v = 0; v < FT_V__COUNT; v++) {
        if (ft_verdict_class(v) == class) {
            char name[64];

            snprintf(name, sizeof name, "    %s", ft_verdict_name(v));
            maybe(name, s->verdict[v], ft_verdict_text(v));
            if (v == FT_V_NOT_IP) {
                table_not_ip(s);
            }
        }
    }
}

static void table_packets(const struct ft_stats *s)
{
    sum(s->collecting ? "datagrams received" : "packets received", s->received, received_holds(s),
        "= captured + kernel dropped");
    row("  kernel dropped", s->kernel_dropped, s->kernel_dropped_known ? "" : "(not known here)");
    sum("  captured", s->captured, captured_holds(s),
        "= queue dropped + decoded + ignored + malformed");
    row("  queue dropped", s->queue_dropped, "");
    row("  decoded", s->verdict[FT_V_DECODED], "");
    row("  ignored", ft_stats_class(s, FT_CLASS_IGNORED), "");
    reasons(s, FT_CLASS_IGNORED);
    row("  malformed", ft_stats_class(s, FT_CLASS_MALFORMED), "");
    reasons(s, FT_CLASS_MALFORMED);
    maybe("late packets", s->late_packets, "older than their flow's newest");
    maybe("clock steps", s->clock_steps, "packet time went back by more than the idle timeout");
    maybe("interface events", s->interface_events, "down, gone or back");
}

static void table_collected(const struct ft_stats *s)
{
    static const struct {
        const char *name, *text;
    } rows[] = {
#define ROW(sym, name, text) {#name, text},
        FT_COLLECT_COUNTS(ROW)
#undef ROW
    };

    for (int i = 0; i < FT_COLLECT__COUNT; i++) {
        char name[64];
        size_t n = 0;

        for (; rows[i].name[n] != '\0' && n < sizeof name - 1; n++) {
            name[n] = rows[i].name[n] == '_' ? ' ' : rows[i].name[n];
        }
        name[n] = '\0';
        maybe(name, s->collected[i], rows[i].text);
    }
}

static void table_flows(const struct ft_stats *s)
{
    sum("flows", s->flows_created, flows_hold(s), "= ended + in the table");
    sum("  packets in them", s->packets_final + s->packets_active, packets_hold(s), "= decoded");
    for (enum ft_reason r = 0; r < FT_REASON__COUNT; r++) {
        char name[64];

        snprintf(name, sizeof name, "  ended: %s", ft_reason_name(r));
        maybe(name, s->flows_ended[r], "");
    }
    maybe("  in the table", s->flows_active, "");
    maybe("  interim records", s->flow_updates, "");
}

static void output_name(const struct ft_output_stats *o)
{
    fputs("  ", stderr);
    text_print(stderr, o->name);
    fprintf(stderr, "%*s ", strlen(o->name) < 22 ? (int)(22 - strlen(o->name)) : 0, "");
}

static void table_earlier(const struct ft_output_stats *o, uint64_t n, enum ft_event e,
                          const char *what)
{
    if (n > 0) {
        output_name(o);
        fprintf(stderr, "%14llu %s events of an earlier run, %s\n", (unsigned long long)n,
                ft_event_word(e), what);
    }
}

static void table_outputs(const struct ft_stats *s)
{
    for (uint32_t i = 0; i < s->n_outputs; i++) {
        const struct ft_output_stats *o = &s->output[i];

        for (enum ft_event e = 0; e < FT_EVENT__COUNT; e++) {
            table_earlier(o, o->replayed[e], e, "written besides");
            table_earlier(o, o->earlier_dropped[e], e, "dropped: older than spool_age");
            table_earlier(o, o->earlier_lost[e], e, "lost: damaged or refused");
            table_earlier(o, o->earlier_spooled[e], e, "spooled still");
            if (o->made[e] == 0) {
                continue;
            }
            output_name(o);
            fprintf(stderr, "%14llu %s events = %llu written + %llu dropped",
                    (unsigned long long)o->made[e], ft_event_word(e),
                    (unsigned long long)o->written[e], (unsigned long long)o->dropped[e]);
            if (o->lost[e] > 0) {
                fprintf(stderr, " + %llu lost", (unsigned long long)o->lost[e]);
            }
            if (o->spooled[e] > 0) {
                fprintf(stderr, " + %llu spooled", (unsigned long long)o->spooled[e]);
            }
            fputs(event_holds(o, e) ? "\n" : "  DOES NOT ADD UP\n", stderr);
        }
        maybe("  left out by its where=", o->where_left_out, "flow records");
#define X(symbol, name, meaning) maybe("  unfit: " #name, o->unfit[FT_UNFIT_##symbol], meaning);
        FT_UNFIT(X)
#undef X
    }
}

static void table_labels(const struct ft_stats *s)
{
    maybe("labelled", s->labelled, "flows");
    maybe("unlabelled", s->unlabelled, "flows, of which no rule of --labels knows anything");
    maybe("labelled, unclear", s->labels_unclear,
          "flows, of which another rule says something else than the first");
}

void account_table(const struct ft_stats *s)
{
    table_packets(s);
    if (s->collecting) {
        table_collected(s);
    } else {
        table_flows(s);
    }
    maybe("too late for windows", s->window_late, "packets, in none");
    maybe("windows full", s->window_untracked, "packets of hosts without a row");
    maybe("windows without room", s->window_no_room, "counts of distinct values");
    maybe("alerts", s->alerts, "made");
    maybe("alerts kept back", s->alerts_suppressed, "of entities that had one, or too many");
    maybe("detectors without room", s->alerts_no_room, "flows or entities");
    maybe("afterimage full", s->afterimage_evicted, "streams and pairs made room for others");
    maybe("left out by --where", s->where_left_out, "flow records");
    maybe("dropped by the profile", s->profile_skipped, "flow records");
    table_labels(s);
    table_outputs(s);
}

/* ---- JSON ---- */

static void member(const char *name, uint64_t n)
{
    fprintf(stderr, ",\"%s\":%llu", name, (unsigned long long)n);
}

static void json_reasons(const char *name, const struct ft_stats *s, enum ft_verdict_class class)
{
    const char *comma = "";

    fprintf(stderr, ",\"%s\":{", name);
    for (enum ft_verdict v = 0; v < FT_V__COUNT; v++) {
        if (ft_verdict_class(v) == class && s->verdict[v] > 0) {
            fprintf(stderr, "%s\"%s\":%llu", comma, ft_verdict_name(v),
                    (unsigned long long)s->verdict[v]);
            comma = ",";
        }
    }
    fputc('}', stderr);
}

static void json_not_ip(const struct ft_stats *s)
{
    const struct ft_not_ip_stats *t = &s->not_ip;

    fputs(",\"not_ip_by_ethertype\":{", stderr);
    for (uint32_t i = 0; i < t->n; i++) {
        if (t->type[i] == TYPE_LLC) {
            fputs("\"llc\"", stderr);
        } else {
            fprintf(stderr, "\"0x%04x\"", t->type[i]);
        }
        fprintf(stderr, ":%llu,", (unsigned long long)t->packets[i]);
    }
    fprintf(stderr, "\"other\":%llu}", (unsigned long long)t->other);
}

static void json_collected(const struct ft_stats *s)
{
    static const char *const names[] = {
#define NAME(sym, name, text) #name,
        FT_COLLECT_COUNTS(NAME)
#undef NAME
    };

    for (int i = 0; i < FT_COLLECT__COUNT; i++) {
        member(names[i], s->collected[i]);
    }
}

static void json_flows(const struct ft_stats *s)
{
    const char *comma = "";

    member("flows_created", s->flows_created);
    member("flows_active", s->flows_active);
    fputs(",\"flows_ended\":{", stderr);
    for (enum ft_reason r = 0; r < FT_REASON__COUNT; r++) {
        fprintf(stderr, "%s\"%s\":%llu", comma, ft_reason_name(r),
                (unsigned long long)s->flows_ended[r]);
        comma = ",";
    }
    fputc('}', stderr);
}

/* Events that earlier runs had left on disk. */
static uint64_t earlier(const struct ft_output_stats *o, enum ft_event e)
{
    return o->replayed[e] + o->earlier_dropped[e] + o->earlier_lost[e] + o->earlier_spooled[e];
}

static void json_outputs(const struct ft_stats *s)
{
    fputs(",\"outputs\":[", stderr);
    for (uint32_t i = 0; i < s->n_outputs; i++) {
        const struct ft_output_stats *o = &s->output[i];

        fprintf(stderr, "%s{\"name\":", i > 0 ? "," : "");
        json_print(stderr, o->name);
        for (enum ft_event e = 0; e < FT_EVENT__COUNT; e++) {
            if (o->made[e] > 0 || earlier(o, e) > 0) {
                fprintf(stderr,
                        ",\"%s\":{\"made\":%llu,\"written\":%llu,\"dropped\":%llu,\"lost\":%llu",
                        ft_event_word(e), (unsigned long long)o->made[e],
                        (unsigned long long)o->written[e], (unsigned long long)o->dropped[e],
                        (unsigned long long)o->lost[e]);
                if (o->spooled[e] > 0 || earlier(o, e) > 0) {
                    member("spooled", o->spooled[e]);
                    member("replayed", o->replayed[e]);
                }
                if (earlier(o, e) > o->replayed[e]) {
                    member("earlier_dropped", o->earlier_dropped[e]);
                    member("earlier_lost", o->earlier_lost[e]);
                    member("earlier_spooled", o->earlier_spooled[e]);
                }
                fputc('}', stderr);
            }
        }
        fprintf(stderr, ",\"where_left_out\":%llu", (unsigned long long)o->where_left_out);
        for (enum ft_unfit u = 0; u < FT_UNFIT__COUNT; u++) {
            if (o->unfit[u] > 0) {
                member(unfit_names[u], o->unfit[u]);
            }
        }
        fputc('}', stderr);
    }
    fputc(']', stderr);
}

void account_json(const struct ft_stats *s, const char *input)
{
    flockfile(stderr);
    json_log_begin(stderr, FT_LOG_INFO, "account");
    fputs(",\"input\":", stderr);
    json_print(stderr, input);
    fprintf(stderr, ",\"seconds\":%.3f", (double)s->elapsed_ns / 1e9);
    member("workers", s->n_workers);
    member("received", s->received);
    member("captured", s->captured);
    if (s->kernel_dropped_known) {
        member("kernel_dropped", s->kernel_dropped);
    } else {
        fputs(",\"kernel_dropped\":null", stderr);
    }
    member("queue_dropped", s->queue_dropped);
    member("decoded", s->verdict[FT_V_DECODED]);
    json_reasons("ignored", s, FT_CLASS_IGNORED);
    json_reasons("malformed", s, FT_CLASS_MALFORMED);
    json_not_ip(s);
    if (s->collecting) {
        json_collected(s);
    } else {
        json_flows(s);
    }
    member("window_late_packets", s->window_late);
    member("window_untracked_packets", s->window_untracked);
    member("window_no_room", s->window_no_room);
    member("alerts", s->alerts);
    member("alerts_suppressed", s->alerts_suppressed);
    member("alerts_no_room", s->alerts_no_room);
    member("afterimage_evicted", s->afterimage_evicted);
    member("where_left_out", s->where_left_out);
    member("profile_skipped", s->profile_skipped);
    member("labelled", s->labelled);
    member("unlabelled", s->unlabelled);
    member("labels_unclear", s->labels_unclear);
    json_outputs(s);
    fprintf(stderr, ",\"adds_up\":%s}\n", account_holds(s) ? "true" : "false");
    fflush(stderr);
    funlockfile(stderr);
}
