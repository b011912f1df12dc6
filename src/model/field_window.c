/* SPDX-License-Identifier: Apache-2.0 */
/* model: the columns of the event `window`. */
#include "model/field_window.h"

#include <string.h>

#include "model/app.h"
#include "model/observer.h"
#include "model/vector.h"
#include "model/window.h"

double ft_window_null(void)
{
    double d;

    memset(&d, 0xff, sizeof d);
    return d;
}

const char *ft_entity_name(enum ft_entity e)
{
    static const char *const names[FT_ENTITY__COUNT] = {[FT_ENTITY_PAIR] = "pair",
                                                        [FT_ENTITY_SERVICE] = "service",
                                                        [FT_ENTITY_HOST] = "host",
                                                        [FT_ENTITY_EXPORTER] = "exporter"};

    return e < FT_ENTITY__COUNT ? names[e] : NULL;
}

#define WINDOW(name, stmt)                                                                         \
    static void w_##name(const void *event, struct ft_value *v)                                    \
    {                                                                                              \
        const struct ft_window_row *r = event;                                                     \
        stmt;                                                                                      \
    }

WINDOW(start, v->i = r->start_ns)
WINDOW(entity, v->s = ft_entity_name((enum ft_entity)r->entity))
WINDOW(address, v->ip_version = r->ip_version; v->addr = r->address)
WINDOW(peer, v->null = r->entity != FT_ENTITY_PAIR; v->ip_version = r->ip_version;
       v->addr = r->peer)
WINDOW(port, v->null = r->entity != FT_ENTITY_SERVICE; v->u = r->port)
WINDOW(proto, v->null = r->entity != FT_ENTITY_SERVICE; v->u = r->proto)
WINDOW(top_app, v->null = r->top_app == FT_APP_UNKNOWN; v->s = ft_app_name(r->top_app))
WINDOW(vector, v->null = r->vector == NULL; v->items = r->vector; v->n_items = FT_VECTOR)
WINDOW(vector_id, v->null = r->vector == NULL; v->s = r->vector_id)
WINDOW(at_most, v->u = r->packets[0] + r->packets[1] + r->error)

#define U64(key, of, member)                                                                       \
    .name = key, .type = FT_T_U64, .unit = of, .privacy = FT_PRIVACY_NONE,                         \
    FT_AT(struct ft_window_row, member)
#define MAYBE(key, of, member) U64(key, of, member), .absent = FT_ABSENT_ONES
#define F64(key, of, member)                                                                       \
    .name = key, .type = FT_T_F64, .unit = of, .privacy = FT_PRIVACY_NONE,                         \
    FT_AT(struct ft_window_row, member), .absent = FT_ABSENT_ONES
#define COLLECT "of collect"
#define LEARNT  "the entity was not in 8 windows of this span before"

static const struct ft_field window_fields[] = {
    {.name = "timestamp",
     .type = FT_T_TIME,
     .privacy = FT_PRIVACY_TIME,
     .unit = "s",
     .get = w_start,
     .source = "flowtap",
     .meaning = "where the span begins, in packet time: a multiple of it since 1970"},
    {.name = "span_s",
     .type = FT_T_U32,
     .privacy = FT_PRIVACY_NONE,
     .unit = "s",
     FT_AT(struct ft_window_row, span_s),
     .source = "--window",
     .meaning = "how long the span is"},
    {.name = "entity",
     .type = FT_T_STRING,
     .privacy = FT_PRIVACY_NONE,
     .unit = "",
     .get = w_entity,
     .source = "flowtap",
     .meaning =
         "what the row is about: host (an address), pair (an initiator and a responder of "
         "flows), service (a responder's address, port and protocol); of collect also exporter "
         "(an address and an observation domain)"},
    {.name = "address",
     .type = FT_T_ADDR,
     .privacy = FT_PRIVACY_IDENTITY,
     .unit = "",
     .get = w_address,
     .source = "IPv4/IPv6 header",
     .meaning = "the host; the initiator of the pair; where the service is; the exporter"},
    {.name = "peer",
     .type = FT_T_ADDR,
     .privacy = FT_PRIVACY_IDENTITY,
     .unit = "",
     .get = w_peer,
     .source = "IPv4/IPv6 header",
     .null = "not a pair",
     .meaning = "the responder of the pair"},
    {.name = "port",
     .type = FT_T_U16,
     .privacy = FT_PRIVACY_NONE,
     .tells_host = true,
     .unit = "",
     .get = w_port,
     .source = "transport header",
     .null = "not a service",
     .meaning = "port of the service; 0 for protocols without ports"},
    {.name = "protocol",
     .type = FT_T_U8,
     .privacy = FT_PRIVACY_NONE,
     .unit = "",
     .get = w_proto,
     .source = "IP header",
     .null = "not a service",
     .meaning = "IP protocol of the service"},
    {U64("packets_out", "packets", packets[0]), .source = "flowtap",
     .meaning = "sent by the host, by the initiator of the pair, by the service; all that the "
                "exporter told of; of collect by its estimates, where the rate is known"},
    {U64("packets_in", "packets", packets[1]), .source = "flowtap", .meaning = "received by it"},
    {U64("bytes_out", "bytes", bytes[0]), .source = "flowtap",
     .meaning = "wire bytes of packets_out; of collect as counted by the exporter"},
    {U64("bytes_in", "bytes", bytes[1]), .source = "flowtap",
     .meaning = "wire bytes of packets_in"},
    {U64("flows_out", "flows", flows[0]), .source = "flowtap",
     .meaning = "flows that it began: whose first packet is in the span; of collect flows whose "
                "last record is"},
    {U64("flows_in", "flows", flows[1]), .source = "flowtap",
     .meaning = "flows that others began to it"},
    {U64("flows_ended", "flows", ended), .source = "flowtap",
     .meaning = "flows of both that ended: whose final record is of the span"},
    {U64("flows_failed_out", "flows", failed[0]), .source = "Zeek conn.log: S0, REJ, RSTO and RSTR",
     .meaning = "of those that it began and that ended: TCP whose SYN had no answer, or that was "
                "reset before any data; UDP to one host without an answer"},
    {U64("flows_failed_in", "flows", failed[1]), .source = "flowtap",
     .meaning = "likewise, of those begun to it"},
    {MAYBE("peers_out", "", peers[0]), .source = "HyperLogLog, 1024 registers",
     .null = "not a host, or the room for such counts was full",
     .meaning = "fan-out: distinct responders of its flows that had packets; exact up to 32, then "
                "an estimate with a standard error of 3.3 %"},
    {MAYBE("peers_in", "", peers[1]), .source = "HyperLogLog, 1024 registers",
     .null = "a pair, an exporter, or the room for such counts was full",
     .meaning = "fan-in: distinct initiators of flows to it, likewise"},
    {MAYBE("ports", "", ports), .source = "HyperLogLog, 1024 registers",
     .null = "a service, an exporter, or the room for such counts was full",
     .meaning = "distinct responders' ports of the flows that it began, likewise"},
    {F64("port_entropy", "bits", port_entropy), .source = "Shannon",
     .null = "a service, an exporter, no such packets, or the room for such counts was full",
     .meaning = "of the responders' ports of the flows that it began, by their packets; exact up "
                "to 32 ports, then that of 64 classes of them: at most 6"},
    {F64("size_entropy", "bits", size_entropy), .source = "Shannon",
     .null = "no packets, or of collect",
     .meaning = "of the frames' sizes in 8 classes: up to 64, 128, 256, 512, 1024, 2048, 4096 "
                "bytes, and longer"},
    {MAYBE("new_peers", "", new_peers), .source = "rotating Bloom filters",
     .null = "a service, an exporter, or the table of pairs was full",
     .meaning = "responders that it had no flow with in the last hour or two; of a pair: 1 if it "
                "is such a one"},
    {F64("new_peers_false", "", new_peers_false), .source = "Bloom, 1970",
     .null = "a service or exporter",
     .meaning = "probability that a new one was taken for a known one"},
    {MAYBE("syn_out", "packets", syn[0]), .source = "flowtap", .null = COLLECT,
     .meaning = "SYNs without ACK that it sent"},
    {MAYBE("syn_in", "packets", syn[1]), .source = "flowtap", .null = COLLECT,
     .meaning = "SYNs without ACK that it received"},
    {MAYBE("syn_ack_out", "packets", syn_ack[0]), .source = "flowtap", .null = COLLECT,
     .meaning = "SYN-ACKs that it sent"},
    {MAYBE("syn_ack_in", "packets", syn_ack[1]), .source = "flowtap", .null = COLLECT,
     .meaning = "SYN-ACKs that it received"},
    {MAYBE("rst_out", "packets", rst[0]), .source = "flowtap", .null = COLLECT,
     .meaning = "RSTs that it sent"},
    {MAYBE("rst_in", "packets", rst[1]), .source = "flowtap", .null = COLLECT,
     .meaning = "RSTs that it received"},
    {F64("answered_ratio", "", answered), .source = "flowtap",
     .null = "it sent no SYN, or of collect",
     .meaning = "syn_ack_in / syn_out: near 0 where nobody answers"},
    {F64("reset_ratio", "", reset), .source = "flowtap", .null = "no packets, or of collect",
     .meaning = "(rst_out + rst_in) / (packets_out + packets_in)"},
    {F64("size_mean", "bytes", size_mean), .source = "flowtap", .null = "no packets, or of collect",
     .meaning = "mean of the frames' sizes, both ways"},
    {F64("size_std", "bytes", size_std), .source = "flowtap",
     .null = "fewer than 2 packets, or of collect", .meaning = "their standard deviation (n - 1)"},
    {F64("gap_mean_us", "us", gap_mean), .source = "flowtap", .null = "no gaps, or of collect",
     .meaning = "mean time from the packet of the same flow before, either way"},
    {F64("gap_std_us", "us", gap_std), .source = "flowtap",
     .null = "fewer than 2 gaps, or of collect", .meaning = "its standard deviation (n - 1)"},
    {F64("bytes_usual", "bytes", bytes_usual), .source = "EWMA, alpha 0.1", .null = LEARNT,
     .meaning = "moving mean of bytes_out + bytes_in over the windows before in which it was seen"},
    {F64("bytes_z", "", bytes_z), .source = "EWMA, alpha 0.1",
     .null = LEARNT ", or they were all alike",
     .meaning = "(bytes_out + bytes_in - bytes_usual) / moving standard deviation"},
    {F64("flows_usual", "flows", flows_usual), .source = "EWMA, alpha 0.1", .null = LEARNT,
     .meaning = "moving mean of flows_out + flows_in, likewise"},
    {F64("flows_z", "", flows_z), .source = "EWMA, alpha 0.1",
     .null = LEARNT ", or they were all alike", .meaning = "likewise, of flows_out + flows_in"},
    {.name = "packets_at_most",
     .type = FT_T_U64,
     .privacy = FT_PRIVACY_NONE,
     .unit = "packets",
     .get = w_at_most,
     .source = "Space-Saving (Metwally 2005)",
     .meaning = "packets_out + packets_in + packets_error: the true number is between this less "
                "packets_error and this"},
    {U64("packets_error", "packets", error), .source = "Space-Saving (Metwally 2005)",
     .meaning = "0 unless the table was full (--max-hosts): it may have had so many packets more, "
                "before it took the place of the one with the fewest; its other columns are of "
                "the time since"},
    {.name = "top_app",
     .type = FT_T_STRING,
     .privacy = FT_PRIVACY_NONE,
     .unit = "",
     .get = w_top_app,
     .source = "flowtap",
     .null = "it is not known; without -p app also of several applications",
     .meaning = "application with the most bytes: by what flows say of themselves with -p app, "
                "else by the responders' ports"},
    {MAYBE("records", "records", records), .source = "flowtap", .null = "of packets",
     .meaning = "flow records and samples of collect that are in it"},
    {MAYBE("domain_id", "", domain_id),
     .source = "observation domain, source id, engine, sub-agent", .null = "not an exporter",
     .meaning = "of the exporter, as in its records"},
    FT_OBSERVER_ROWS,
};

const struct ft_field *ft__fields_window(uint32_t *out_n)
{
    *out_n = sizeof window_fields / sizeof window_fields[0];
    return window_fields;
}

static const struct ft_field vector_fields[] = {
    {.name = "vector",
     .rank = 17000,
     .type = FT_T_VECTOR,
     .item = FT_T_F32,
     .most = FT_VECTOR,
     .privacy = FT_PRIVACY_NONE,
     .unit = "",
     .profile = "vector",
     .get = w_vector,
     .source = "flowtap",
     .null = "not a host",
     .meaning = "what the host did, as 32 numbers of Euclidean length 1: hosts that did alike are "
                "near each other (docs/vectors.md)"},
    {.name = "vector_id",
     .rank = 17010,
     .type = FT_T_STRING,
     .privacy = FT_PRIVACY_NONE,
     .unit = "",
     .profile = "vector",
     .get = w_vector_id,
     .source = "flowtap",
     .null = "not a host",
     .meaning = "the transform's version and what it was fitted on (--vector-fit): only vectors of "
                "the same one can be compared"},
};

const struct ft_field *ft_fields_window_vector(uint32_t *out_n)
{
    *out_n = sizeof vector_fields / sizeof vector_fields[0];
    return vector_fields;
}
