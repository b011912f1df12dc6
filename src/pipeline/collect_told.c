/* SPDX-License-Identifier: Apache-2.0 */
/* pipeline: from records and samples to windows, see collect_told.h. */
#include "pipeline/collect_told.h"

#include <string.h>

#include "detect/note.h"
#include "model/field.h"
#include "model/field_export.h"

enum { WELL_KNOWN = 1024, PROTO_TCP = 6 };

static void set_exporter(const struct ft_exporter_info *e, int64_t at_ns,
                         struct ft_window_told *out)
{
    memset(out, 0, sizeof *out);
    out->at_ns = at_ns;
    memcpy(out->exporter, e->addr, e->ip_version == 6 ? 16 : 4);
    out->exporter_version = e->ip_version;
    out->domain_id = e->domain_id;
}

/* What was forth is back. */
static void turn(struct ft_window_told *out)
{
    struct ft_window_told was = *out;

    for (int i = 0; i < 2; i++) {
        memcpy(out->addr[i], was.addr[1 - i], sizeof out->addr[i]);
        out->packets[i] = was.packets[1 - i];
        out->bytes[i] = was.bytes[1 - i];
    }
}

static uint64_t estimate(uint64_t n, uint32_t rate)
{
    return rate > 1 ? ft_export_estimate(n, rate) : n;
}

static void set_counters(const struct ft_export_record *r, struct ft_window_told *out)
{
    uint32_t rate = r->sampling_rate;

    out->packets[0] = (r->has & FT_XR_PACKETS) != 0 ? estimate(r->packets, rate) : 0;
    out->bytes[0] = (r->has & FT_XR_BYTES) != 0 ? estimate(r->bytes, rate) : 0;
    out->packets[1] = estimate(r->rev_packets, rate);
    out->bytes[1] = estimate(r->rev_bytes, rate);
}

/* Does a packet, or a record of one direction, come from the side that did not begin? Of high ports
 * the lower one is the service's, unless a SYN says who began; detectors do not go by that, which
 * would miss what goes out to a port above the client's. */
static bool is_answer(uint16_t from, uint16_t to, uint8_t proto, uint16_t tcp_flags)
{
    bool begins = proto == PROTO_TCP && (tcp_flags & (FT_TCP_SYN | FT_TCP_ACK)) == FT_TCP_SYN;

    return to >= WELL_KNOWN && (from < WELL_KNOWN || (from < to && !begins));
}

static bool record_answers(const struct ft_export_record *r, const struct ft_note *n)
{
    uint16_t flags = (r->has & FT_XR_TCP_FLAGS) != 0 ? r->tcp_flags : 0;

    if ((n->bits & FT_NOTE_ANSWER) != 0) {
        return true;
    }
    return (r->has & FT_XR_BIFLOW) == 0 && (r->has & FT_XR_PORTS) == FT_XR_PORTS &&
           ft_proto_has_ports(r->proto) && is_answer(n->port[0], n->port[1], r->proto, flags);
}

void ft__told_of_record(const struct ft_export_record *r, int64_t at_ns, struct ft_window_told *out)
{
    struct ft_note n;

    set_exporter(r->exporter, at_ns, out);
    out->flow = ft_export_is_final(r);
    if (out->flow || (r->has & FT_XR_TOTALS) == 0) {
        set_counters(r, out);
    }
    if (!ft_note_of_export(r, at_ns, &n)) {
        return;
    }
    out->ip_version = n.ip_version;
    out->proto = n.proto;
    out->port = n.port[1];
    memcpy(out->addr, n.addr, sizeof out->addr);
    if (record_answers(r, &n)) {
        turn(out);
        out->port = n.port[0];
        out->flow = false;
    }
    out->failed = out->flow && (n.bits & FT_NOTE_FAILED) != 0;
}

static void set_ends(const struct ft_packet *p, struct ft_window_told *out)
{
    out->ip_version = (p->key.bits & FT_KEY_V6) != 0 ? 6 : 4;
    out->proto = p->key.proto;
    for (int i = 0; i < 2; i++) {
        int side = i == 0 ? p->swap : !p->swap;

        if (out->ip_version == 6) {
            memcpy(out->addr[i], p->addr6 + 16 * side, 16);
        } else {
            memcpy(out->addr[i], &p->key.addr[side], 4);
        }
    }
}

void ft__told_of_sample(const struct ft_export_sample *s, int64_t at_ns, struct ft_window_told *out)
{
    const struct ft_packet *p = s->pkt;
    bool known = s->est_packets != 0;

    set_exporter(s->exporter, at_ns, out);
    out->packets[0] = known ? s->est_packets : 1;
    out->bytes[0] = known ? s->est_bytes : s->frame_len;
    if (p == NULL) {
        return;
    }
    set_ends(p, out);
    if (ft_proto_has_ports(out->proto)) {
        uint16_t from = p->key.port[p->swap];

        out->port = p->key.port[!p->swap];
        if (is_answer(from, out->port, out->proto, p->tcp_flags)) {
            out->port = from;
            turn(out);
        }
    }
}
