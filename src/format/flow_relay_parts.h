/* SPDX-License-Identifier: Apache-2.0 */
/* format: how relayed records are written: fields, their places in a template's key, runs of values
 * that are copied at once. */
#ifndef FT_FORMAT_FLOW_RELAY_PARTS_H
#define FT_FORMAT_FLOW_RELAY_PARTS_H

#include <string.h>

#include "base/rd.h"
#include "format/flow_relay.h"
#include "model/field.h"
#include "model/record.h"

enum { FT__RELAY_OWN = 64 }; /* bytes of the fields that are added */

/* Elements of IANA's. */
enum {
    FT__IE_SAMPLING_INTERVAL = 34,
    FT__IE_EXPORTER_IPV4 = 130,
    FT__IE_EXPORTER_IPV6 = 131,
    FT__IE_START_MS = 152,
    FT__IE_END_MS = 153,
    FT__IE_SAMPLING_PACKET_INTERVAL = 305,
    FT__IE_ORIGINAL_DOMAIN = 405
};

struct ft__relay {
    uint64_t key[FT__RELAY_KEY_WORDS]; /* digest, number of fields, fields */
    uint32_t n;
    uint8_t *p, *end;
    const uint8_t *run;     /* bytes of values that lie together, and go to p at once; */
    size_t run_len;         /* none: 0 */
    bool relative, sampled; /* the record has such times, says how it was sampled */
    bool full;
};

/* Text and bytes are of variable length, so that a template does not hang on them; few bytes may be
 * a number that no table has, and have the length that numbers have. */
FT_INLINE bool ft__relay_is_variable(const struct ft_xvalue *v)
{
    return v->type == FT_X_STRING || v->type == FT_X_BASIC_LIST ||
           (v->type == FT_X_OCTETS && v->len > 8);
}

/* A field of so many bytes: its place in the key. False: there is none. */
FT_INLINE bool ft__relay_field(struct ft__relay *x, uint32_t pen, uint16_t ie, uint16_t len)
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

FT_INLINE void ft__relay_end_run(struct ft__relay *x)
{
    memcpy(x->p, x->run, x->run_len);
    x->p += x->run_len;
    x->run_len = 0;
}

FT_INLINE void ft__relay_add_uint(struct ft__relay *x, uint16_t ie, uint64_t v, uint16_t len)
{
    if (ft__relay_field(x, 0, ie, len)) {
        v = htobe64(v);
        memcpy(x->p, (const uint8_t *)&v + 8 - len, len);
        x->p += len;
    }
}

FT_INLINE void ft__relay_begin(struct ft__relay *x, uint8_t *out, size_t room, const uint8_t *base)
{
    x->n = 0;
    x->p = out;
    x->end = out + room;
    x->run = base;
    x->run_len = 0;
    x->key[0] = 0;
    x->relative = x->sampled = x->full = false;
}

FT_INLINE void ft__relay_add_bytes(struct ft__relay *x, uint16_t ie, const uint8_t *from,
                                   uint16_t len)
{
    if (ft__relay_field(x, 0, ie, len)) {
        memcpy(x->p, from, len);
        x->p += len;
    }
}

/* Who sent it. */
FT_INLINE void ft__relay_add_exporter(struct ft__relay *x, uint8_t ip_version, const uint8_t *addr,
                                      uint32_t domain)
{
    bool v6 = ip_version == 6;

    ft__relay_add_bytes(x, v6 ? FT__IE_EXPORTER_IPV6 : FT__IE_EXPORTER_IPV4, addr, v6 ? 16 : 4);
    ft__relay_add_uint(x, FT__IE_ORIGINAL_DOMAIN, domain, 4);
}

/* ft_flow_fields_fn of such keys. */
ft_flow_fields_fn ft__relay_specify;

/* The record's template, and its bytes; 0: it has more fields than there is room for. */
FT_INLINE size_t ft__relay_end(struct ft__relay *x, struct ft_flow_template_list *l,
                               const uint8_t *out, uint32_t *out_template)
{
    if (x->full) {
        return 0;
    }
    x->key[1] = x->n;
    *out_template = ft_flow_templates_get(l, x->key, 2 + x->n, ft__relay_specify, NULL);
    return (size_t)(x->p - out);
}

#endif
