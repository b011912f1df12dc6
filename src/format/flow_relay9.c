/* SPDX-License-Identifier: Apache-2.0 */
/* format: records of exporters as data records of NetFlow v9, see flow_relay.h. */
#include "format/flow_relay_parts.h"

enum {
    LAST_UPTIME = 21,
    FIRST_UPTIME = 22,
    START_SECONDS = 150,
    END_DELTA_US = 159, /* from 150 on: first and last in all units */
    BIFLOW_DIRECTION = 239,
    CISCO = 9,
    CISCO_FIRST = 0x8000,
    NTOP = 35632,
    NTOP_FIRST = 57472,
    TYPE_MOST = 0xffff,
    WIDTH_LEAST = 16, /* v9 has no variable lengths */
    TEXT_MOST = 256,
    BYTES_MOST = 32768
};

/* The type of a value in v9; 0: it has none. */
static uint16_t type_of(const struct ft_xvalue *v)
{
    if (v->pen == 0) {
        return v->ie < CISCO_FIRST ? v->ie : 0;
    }
    uint32_t type = v->pen == CISCO && v->ie < CISCO_FIRST ? (uint32_t)v->ie + CISCO_FIRST
                    : v->pen == NTOP                       ? (uint32_t)v->ie + NTOP_FIRST
                                                           : 0;

    return type <= TYPE_MOST ? (uint16_t)type : 0;
}

/* What of a record is copied; timed: it has times of its own before all others. */
static bool keep(struct ft__relay *x, const struct ft_xvalue *v, uint16_t type, bool timed)
{
    if (type == 0 || v->len == 0 || v->type == FT_X_BASIC_LIST ||
        v->type == FT_X_SUBTEMPLATE_LIST || v->type == FT_X_SUBTEMPLATE_MULTI_LIST) {
        return false;
    }
    if (type == LAST_UPTIME || type == FIRST_UPTIME) {
        return false;
    }
    if (type >= START_SECONDS && type <= END_DELTA_US) {
        return !timed && type < END_DELTA_US - 1;
    }
    x->sampled |= type == FT__IE_SAMPLING_INTERVAL || type == FT__IE_SAMPLING_PACKET_INTERVAL;
    return type != BIFLOW_DIRECTION;
}

/* Text and bytes of lengths that differ have one of a few, filled with zeros, so that there are few
 * templates. */
static void put_filled(struct ft__relay *x, uint16_t type, const uint8_t *from, uint16_t len)
{
    uint16_t width = WIDTH_LEAST;

    while (width < len) {
        width = (uint16_t)(width * 2);
    }
    ft__relay_end_run(x);
    if (ft__relay_field(x, 0, type, width)) {
        memcpy(x->p, from, len);
        memset(x->p + len, 0, width - len);
        x->p += width;
    }
}

FT_INLINE void put_value(struct ft__relay *x, const struct ft_xvalue *v, uint16_t type,
                         const uint8_t *from)
{
    if (FT_UNLIKELY(ft__relay_is_variable(v))) {
        if (v->len <= (v->type == FT_X_STRING ? TEXT_MOST : BYTES_MOST)) {
            put_filled(x, type, from, v->len);
        }
        return;
    }
    if (!ft__relay_field(x, 0, type, v->len)) {
        return;
    }
    if (from != x->run + x->run_len) {
        ft__relay_end_run(x);
        x->run = from;
    }
    x->run_len += v->len;
}

static void put_own(struct ft__relay *x, const struct ft_export_record *r)
{
    if (!x->sampled && r->sampling_rate > 0) {
        ft__relay_add_uint(x, FT__IE_SAMPLING_INTERVAL, r->sampling_rate, 4);
    }
    if (r->exporter != NULL) {
        ft__relay_add_exporter(x, r->exporter->ip_version, r->exporter->addr,
                               r->exporter->domain_id);
    }
}

/* First and last, which are filled in with the message. */
static void put_times(struct ft__relay *x, bool timed)
{
    if (timed) {
        ft__relay_add_uint(x, FIRST_UPTIME, 0, 4);
        ft__relay_add_uint(x, LAST_UPTIME, 0, 4);
    }
}

size_t ft__flow_relay9_put(struct ft_flow_template_list *l, const struct ft_export_record *r,
                           bool timed, uint8_t *out, size_t room, uint32_t *out_template)
{
    struct ft__relay x;

    ft__relay_begin(&x, out, room, r->base);
    put_times(&x, timed);
    for (uint32_t i = 0; i < r->n_values; i++) {
        const struct ft_xvalue *v = &r->values[i];
        uint16_t type = type_of(v);

        if ((size_t)(x.end - x.p) < x.run_len + 2u * v->len + FT__RELAY_OWN) {
            return 0;
        }
        if (FT_LIKELY((v->flags & FT_XV_ABSENT) == 0) && keep(&x, v, type, timed)) {
            put_value(&x, v, type, r->base + v->offset);
        }
    }
    ft__relay_end_run(&x);
    put_own(&x, r);
    return ft__relay_end(&x, l, out, out_template);
}

size_t ft__flow_relay9_reverse(struct ft_flow_template_list *l, const struct ft_export_record *r,
                               bool timed, uint8_t *out, size_t room, uint32_t *out_template)
{
    bool v6 = r->ip_version == 6;
    uint16_t len = v6 ? 16 : 4;
    struct ft__relay x;

    ft__relay_begin(&x, out, room, r->base);
    put_times(&x, timed);
    if (r->has & FT_XR_DST_ADDR) {
        ft__relay_add_bytes(&x, v6 ? 27 : 8, r->dst, len);
    }
    if (r->has & FT_XR_SRC_ADDR) {
        ft__relay_add_bytes(&x, v6 ? 28 : 12, r->src, len);
    }
    if (r->has & FT_XR_DST_PORT) {
        ft__relay_add_uint(&x, 7, r->dst_port, 2);
    }
    if (r->has & FT_XR_SRC_PORT) {
        ft__relay_add_uint(&x, 11, r->src_port, 2);
    }
    if (r->has & FT_XR_PROTO) {
        ft__relay_add_uint(&x, 4, r->proto, 1);
    }
    ft__relay_add_uint(&x, 2, r->rev_packets, 8);
    ft__relay_add_uint(&x, 1, r->rev_bytes, 8);
    for (uint32_t i = 0; i < r->n_values; i++) {
        const struct ft_xvalue *v = &r->values[i];

        if (v->pen == FT_PEN_REVERSE && v->ie == 6 && v->len <= 2) { /* tcpControlBits */
            ft__relay_add_bytes(&x, 6, r->base + v->offset, v->len);
        }
    }
    put_own(&x, r);
    return ft__relay_end(&x, l, out, out_template);
}
