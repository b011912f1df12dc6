/* SPDX-License-Identifier: Apache-2.0 */
/* format: records of exporters again, see flow_relay.h. */
#include "format/flow_relay.h"

#include <string.h>

#include "base/rd.h"
#include "base/time.h"

enum {
    VARIABLE = 65535,
    LONG_LENGTH = 255,     /* RFC 7011 §7 */
    ELEMENT_MOST = 0x7fff, /* RFC 7011 §3.2 */
    OWN_MOST = 64,         /* bytes of the fields that are added */
};

/* Elements of IANA's. */
enum {
    LAST_UPTIME = 21,
    FIRST_UPTIME = 22,
    SAMPLING_INTERVAL = 34,
    EXPORTER_IPV4 = 130,
    EXPORTER_IPV6 = 131,
    START_MS = 152,
    END_MS = 153,
    START_DELTA_US = 158,
    END_DELTA_US = 159,
    SAMPLING_PACKET_INTERVAL = 305,
    ORIGINAL_DOMAIN = 405
};

struct relay {
    uint64_t key[FT__RELAY_KEY_WORDS]; /* digest, number of fields, fields */
    uint32_t n;
    uint8_t *p, *end;
    const uint8_t *run;     /* bytes of values that lie together, and go to p at once; */
    size_t run_len;         /* none: 0 */
    bool relative, sampled; /* the record has such times, says how it was sampled */
    bool full;
};

/* A field of so many bytes: its place in the key. False: there is none. */
FT_INLINE bool field(struct relay *x, uint32_t pen, uint16_t ie, uint16_t len)
{
    uint64_t word = (uint64_t)pen << 32 | (uint64_t)ie << 16 | len;

    if (x->n == FT__RELAY_FIELDS) {
        x->full = true;
        return false;
    }
    x->key[0] += (word + x->n) * UINT64_C(0x9e3779b97f4a7c15);
    x->key[2 + x->n++] = word;
    return true;
}

FT_INLINE void end_run(struct relay *x)
{
    memcpy(x->p, x->run, x->run_len);
    x->p += x->run_len;
    x->run_len = 0;
}

static void add_uint(struct relay *x, uint16_t ie, uint64_t v, uint16_t len)
{
    if (field(x, 0, ie, len)) {
        v = htobe64(v);
        memcpy(x->p, (const uint8_t *)&v + 8 - len, len);
        x->p += len;
    }
}

/* Values that hold only where they came from, or that are noted. */
static bool keep(struct relay *x, const struct ft_xvalue *v)
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
    case SAMPLING_INTERVAL:
    case SAMPLING_PACKET_INTERVAL:
        x->sampled = true;
        return true;
    default:
        return true;
    }
}

/* Text and bytes are of variable length, so that a template does not hang on them; few bytes may be
 * a number that no table has, and have the length that numbers have. */
static bool is_variable(const struct ft_xvalue *v)
{
    return v->type == FT_X_STRING || v->type == FT_X_BASIC_LIST ||
           (v->type == FT_X_OCTETS && v->len > 8);
}

static void put_variable(struct relay *x, const struct ft_xvalue *v, const uint8_t *from)
{
    if (!field(x, v->pen, v->ie, VARIABLE)) {
        return;
    }
    end_run(x);
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

FT_INLINE void put_value(struct relay *x, const struct ft_xvalue *v, const uint8_t *from)
{
    if (FT_UNLIKELY(is_variable(v))) {
        put_variable(x, v, from);
        return;
    }
    if (v->len == 0 || !field(x, v->pen, v->ie, v->len)) {
        return;
    }
    if (from != x->run + x->run_len) {
        end_run(x);
        x->run = from;
    }
    x->run_len += v->len;
}

static void put_own(struct relay *x, const struct ft_export_record *r)
{
    const struct ft_exporter_info *e = r->exporter;

    if (x->relative && r->first_ns >= 0) {
        add_uint(x, START_MS, (uint64_t)r->first_ns / 1000000, 8);
    }
    if (x->relative && r->last_ns >= 0) {
        add_uint(x, END_MS, (uint64_t)r->last_ns / 1000000, 8);
    }
    if (!x->sampled && r->sampling_rate > 0) {
        add_uint(x, SAMPLING_INTERVAL, r->sampling_rate, 4);
    }
    if (e == NULL) {
        return;
    }
    uint16_t len = e->ip_version == 4 ? 4 : 16;

    if (field(x, 0, len == 4 ? EXPORTER_IPV4 : EXPORTER_IPV6, len)) {
        memcpy(x->p, e->addr, len);
        x->p += len;
    }
    add_uint(x, ORIGINAL_DOMAIN, e->domain_id, 4);
}

static size_t specify(const void *cookie, const uint64_t *key, uint8_t *out, uint16_t *out_n)
{
    uint32_t n = (uint32_t)key[1];
    uint8_t *p = out;

    (void)cookie;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t pen = (uint32_t)(key[2 + i] >> 32), pen_be = htobe32(pen);
        uint16_t ie = htobe16((uint16_t)((key[2 + i] >> 16 & 0x7fff) | (pen != 0 ? 0x8000 : 0)));
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
    struct relay x;

    x.n = 0;
    x.p = out;
    x.end = out + room;
    x.run = r->base;
    x.run_len = 0;
    x.key[0] = 0;
    x.relative = x.sampled = x.full = false;
    for (uint32_t i = 0; i < r->n_values; i++) {
        const struct ft_xvalue *v = &r->values[i];

        if ((size_t)(x.end - x.p) < x.run_len + v->len + OWN_MOST) {
            return 0;
        }
        if (FT_LIKELY((v->flags & FT_XV_ABSENT) == 0) && keep(&x, v)) {
            put_value(&x, v, r->base + v->offset);
        }
    }
    end_run(&x);
    put_own(&x, r);
    if (x.full) {
        return 0;
    }
    x.key[1] = x.n;
    *out_template = ft_flow_templates_get(l, x.key, 2 + x.n, specify, NULL);
    return (size_t)(x.p - out);
}
