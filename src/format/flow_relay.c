/* SPDX-License-Identifier: Apache-2.0 */
/* format: records of exporters again, see flow_relay.h. */
#include "format/flow_relay.h"

#include "format/flow_relay_parts.h"

enum {
    VARIABLE = 65535,
    LONG_LENGTH = 255,     /* RFC 7011 §7 */
    ELEMENT_MOST = 0x7fff, /* RFC 7011 §3.2 */
};

/* Elements of IANA's. */
enum { LAST_UPTIME = 21, FIRST_UPTIME = 22, START_DELTA_US = 158, END_DELTA_US = 159 };

/* Values that hold only where they came from, or that are noted. */
static bool keep(struct ft__relay *x, const struct ft_xvalue *v)
{
    if (v->type == FT_X_SUBTEMPLATE_LIST || v->type == FT_X_SUBTEMPLATE_MULTI_LIST || v->ie == 0 ||
        v->ie > ELEMENT_MOST) { /* Palo Alto's of v9 are no numbers that IPFIX has */
        return false;
    }
    if (v->pen != 0) {
        return true;
    }
    switch (v->ie) {
    case LAST_UPTIME:
    case FIRST_UPTIME:
    case START_DELTA_US:
    case END_DELTA_US:
        x->relative = true;
        return false;
    case FT__IE_SAMPLING_INTERVAL:
    case FT__IE_SAMPLING_PACKET_INTERVAL:
        x->sampled = true;
        return true;
    default:
        return true;
    }
}

static void put_variable(struct ft__relay *x, const struct ft_xvalue *v, const uint8_t *from)
{
    if (!ft__relay_field(x, v->pen, v->ie, VARIABLE)) {
        return;
    }
    ft__relay_end_run(x);
    if (v->len < LONG_LENGTH) {
        *x->p++ = (uint8_t)v->len;
    } else {
        uint16_t len = htobe16(v->len);

        *x->p++ = LONG_LENGTH;
        memcpy(x->p, &len, sizeof len);
        x->p += sizeof len;
    }
    memcpy(x->p, from, v->len);
    x->p += v->len;
}

FT_INLINE void put_value(struct ft__relay *x, const struct ft_xvalue *v, const uint8_t *from)
{
    if (FT_UNLIKELY(ft__relay_is_variable(v))) {
        put_variable(x, v, from);
        return;
    }
    if (v->len == 0 || !ft__relay_field(x, v->pen, v->ie, v->len)) {
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
    if (x->relative && r->first_ns >= 0) {
        ft__relay_add_uint(x, FT__IE_START_MS, (uint64_t)r->first_ns / 1000000, 8);
    }
    if (x->relative && r->last_ns >= 0) {
        ft__relay_add_uint(x, FT__IE_END_MS, (uint64_t)r->last_ns / 1000000, 8);
    }
    if (!x->sampled && r->sampling_rate > 0) {
        ft__relay_add_uint(x, FT__IE_SAMPLING_INTERVAL, r->sampling_rate, 4);
    }
    if (r->exporter != NULL) {
        ft__relay_add_exporter(x, r->exporter->ip_version, r->exporter->addr,
                               r->exporter->domain_id);
    }
}

size_t ft__relay_specify(const void *cookie, const uint64_t *key, uint8_t *out, uint16_t *out_n)
{
    uint32_t n = (uint32_t)key[1];
    uint8_t *p = out;

    (void)cookie;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t pen = (uint32_t)(key[2 + i] >> 32), pen_be = htobe32(pen);
        uint16_t ie = htobe16((uint16_t)(key[2 + i] >> 16) | (pen != 0 ? 0x8000 : 0));
        uint16_t len = htobe16((uint16_t)key[2 + i]);

        memcpy(p, &ie, sizeof ie);
        memcpy(p + 2, &len, sizeof len);
        p += 4;
        if (pen != 0) {
            memcpy(p, &pen_be, sizeof pen_be);
            p += 4;
        }
    }
    *out_n = (uint16_t)n;
    return (size_t)(p - out);
}

size_t ft__flow_relay_put(struct ft_flow_template_list *l, const struct ft_export_record *r,
                          uint8_t *out, size_t room, uint32_t *out_template)
{
    struct ft__relay x;

    ft__relay_begin(&x, out, room, r->base);
    for (uint32_t i = 0; i < r->n_values; i++) {
        const struct ft_xvalue *v = &r->values[i];

        if ((size_t)(x.end - x.p) < x.run_len + v->len + FT__RELAY_OWN) {
            return 0;
        }
        if (FT_LIKELY((v->flags & FT_XV_ABSENT) == 0) && keep(&x, v)) {
            put_value(&x, v, r->base + v->offset);
        }
    }
    ft__relay_end_run(&x);
    put_own(&x, r);
    return ft__relay_end(&x, l, out, out_template);
}
