/* SPDX-License-Identifier: Apache-2.0 */
/* detect: from a record to a note, see note.h. */
#include "detect/note.h"

#include <string.h>

#include "model/failed.h"
#include "model/field.h"

enum { PROTO_ICMP = 1, PROTO_TCP = 6, PROTO_ICMP6 = 58, ECHO = 8, ECHO6 = 128 };
enum { WELL_KNOWN = 1024, ACTIVE_TIMEOUT = 2 };

/* TCP of which the initiator sent neither SYN nor ACK nor RST, which no connection has (RFC 9293
 * section 3.10); an echo request that nobody answers. */
static bool is_probe(const struct ft_flow_record *core)
{
    bool six = core->proto == PROTO_ICMP6;

    if (core->no_ports || !core->is_final) {
        return false;
    }
    if (core->proto == PROTO_TCP) {
        return (core->tcp_flags[FT_DIR_FWD] & (FT_TCP_SYN | FT_TCP_ACK | FT_TCP_RST)) == 0;
    }
    return (six || core->proto == PROTO_ICMP) && core->src_port == (six ? ECHO6 : ECHO) &&
           core->packets[FT_DIR_REV] == 0;
}

void ft_note_of(const struct ft_flow_record *core, struct ft_note *out)
{
    bool ports = ft_proto_has_ports(core->proto) && !core->no_ports;
    size_t width = core->ip_version == 6 ? 16 : 4;

    memset(out, 0, sizeof *out);
    out->at_ns = core->timestamp_ns;
    out->first_ns = core->first_ns;
    out->last_ns = core->last_ns;
    out->flow_id = core->flow_id;
    for (int i = 0; i < 2; i++) {
        out->bytes[i] = core->bytes[i];
        out->packets[i] = core->packets[i];
    }
    out->port[0] = ports ? core->src_port : 0;
    out->port[1] = ports ? core->dst_port : 0;
    out->proto = core->proto;
    out->ip_version = core->ip_version;
    memcpy(out->addr[0], core->src, width);
    memcpy(out->addr[1], core->dst, width);
    bool syn = core->proto == PROTO_TCP && (core->tcp_flags[FT_DIR_FWD] & FT_TCP_SYN) != 0;

    bool ended = ((core->tcp_flags[0] | core->tcp_flags[1]) & (FT_TCP_FIN | FT_TCP_RST)) != 0;
    bool open = core->proto == PROTO_TCP && core->packets[0] > 0 && core->packets[1] > 0 && !ended;

    out->bits = (uint16_t)((syn ? FT_NOTE_SYN : 0) |
                           (core->is_final && ft_flow_failed(core) ? FT_NOTE_FAILED : 0) |
                           (is_probe(core) ? FT_NOTE_PROBE : 0) |
                           (core->is_final ? 0 : FT_NOTE_ON) | (open ? FT_NOTE_OPEN : 0) |
                           (ft_is_one_host(core->dst, core->ip_version) ? 0 : FT_NOTE_GROUP));
}

/* A record of one direction: is it the one that answers? */
static bool answers(const struct ft_export_record *rec)
{
    uint16_t syn_ack = FT_TCP_SYN | FT_TCP_ACK;

    if ((rec->has & FT_XR_BIFLOW) != 0 || (rec->has & FT_XR_PORTS) != FT_XR_PORTS) {
        return false;
    }
    if (rec->src_port < WELL_KNOWN && rec->dst_port >= WELL_KNOWN) {
        return true;
    }
    return rec->dst_port >= WELL_KNOWN && rec->proto == PROTO_TCP &&
           (rec->tcp_flags & (syn_ack | FT_TCP_RST)) == (FT_TCP_RST | FT_TCP_ACK);
}

/* The initiator of a connection sends an ACK as soon as there is an answer to its SYN. */
static bool failed(const struct ft_export_record *rec)
{
    return rec->proto == PROTO_TCP && (rec->has & FT_XR_TCP_FLAGS) != 0 &&
           (rec->tcp_flags & (FT_TCP_SYN | FT_TCP_ACK)) == FT_TCP_SYN;
}

static bool begins(const struct ft_export_record *rec)
{
    return rec->proto == PROTO_TCP && (rec->has & FT_XR_TCP_FLAGS) != 0 &&
           (rec->tcp_flags & FT_TCP_SYN) != 0;
}

static bool is_open(const struct ft_export_record *rec)
{
    return rec->proto == PROTO_TCP &&
           (rec->end_reason == ACTIVE_TIMEOUT ||
            ((rec->has & FT_XR_TCP_FLAGS) != 0 && (rec->tcp_flags & FT_TCP_ACK) != 0 &&
             (rec->tcp_flags & (FT_TCP_FIN | FT_TCP_RST)) == 0));
}

bool ft_note_of_export(const struct ft_export_record *rec, int64_t now_ns, struct ft_note *out)
{
    size_t width = rec->ip_version == 6 ? 16 : 4;

    if ((rec->has & FT_XR_ADDRESSES) != FT_XR_ADDRESSES || rec->ip_version == 0) {
        return false;
    }
    memset(out, 0, sizeof *out);
    out->at_ns = now_ns;
    out->first_ns = rec->first_ns != INT64_MIN ? rec->first_ns : now_ns;
    out->last_ns = rec->last_ns != INT64_MIN ? rec->last_ns : now_ns;
    out->bytes[0] = (rec->has & FT_XR_BYTES) != 0 ? rec->bytes : 0;
    out->packets[0] = (rec->has & FT_XR_PACKETS) != 0 ? rec->packets : 0;
    out->bytes[1] = rec->rev_bytes;
    out->packets[1] = rec->rev_packets;
    out->proto = rec->proto;
    out->ip_version = rec->ip_version;
    out->port[0] = ft_proto_has_ports(rec->proto) ? rec->src_port : 0;
    out->port[1] = ft_proto_has_ports(rec->proto) ? rec->dst_port : 0;
    memcpy(out->addr[0], rec->src, width);
    memcpy(out->addr[1], rec->dst, width);
    out->bits = (uint16_t)(FT_NOTE_EXPORTED | (is_open(rec) ? FT_NOTE_OPEN : 0) |
                           (failed(rec) ? FT_NOTE_FAILED : 0) | (begins(rec) ? FT_NOTE_SYN : 0) |
                           (rec->end_reason == ACTIVE_TIMEOUT ? FT_NOTE_ON : 0) |
                           (answers(rec) ? FT_NOTE_ANSWER : 0) |
                           (ft_is_one_host(rec->dst, rec->ip_version) ? 0 : FT_NOTE_GROUP));
    return true;
}
