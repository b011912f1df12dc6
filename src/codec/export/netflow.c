/* SPDX-License-Identifier: Apache-2.0 */
/* codec: NetFlow and IPFIX frames, see netflow.h. */
#include "codec/export/netflow.h"

enum {
    V1_HEADER = 16,
    V5_HEADER = 24,
    V9_HEADER = 20,
    V1_RECORD = 52,
    V5_RECORD = 48,
    V7_RECORD = 52,
    ENTERPRISE_BIT = 0x8000,
    SECOND = 1000000000
};

uint32_t ft_nf_record_len(uint8_t protocol)
{
    return protocol == FT_XP_NETFLOW_V5 ? V5_RECORD : V1_RECORD;
}

_Static_assert((int)V1_RECORD == (int)V7_RECORD, "ft_nf_record_len knows two lengths");

/* v1, v5 and v7 share the front of their headers; v1 ends before the sequence. */
static enum ft_verdict begin_old(struct ft_rd rd, uint16_t version, struct ft_nf_message *out)
{
    static const uint16_t most[] = {[1] = 24, [5] = 30, [7] = 28};

    out->protocol = version == 1   ? FT_XP_NETFLOW_V1
                    : version == 5 ? FT_XP_NETFLOW_V5
                                   : FT_XP_NETFLOW_V7;
    if (ft_rd_left(&rd) + 2 < (size_t)(version == 1 ? V1_HEADER : V5_HEADER)) {
        return FT_V_EXPORT_SHORT;
    }
    out->count = ft_rd_u16(&rd);
    out->uptime_ms = ft_rd_u32(&rd);
    out->export_ns = (int64_t)ft_rd_u32(&rd) * SECOND;
    out->export_ns += ft_rd_u32(&rd) % SECOND;
    if (version != 1) {
        out->sequence = ft_rd_u32(&rd);
        out->domain_id = ft_rd_u16(&rd); /* v7: reserved, as the next two bytes */
        uint16_t sampling = ft_rd_u16(&rd);

        if (version == 5) {
            out->sampling_rate = sampling & 0x3fff;
        } else {
            out->domain_id = 0;
        }
    }
    out->body = rd;
    uint32_t room = (uint32_t)(ft_rd_left(&rd) / ft_nf_record_len(out->protocol));
    uint32_t fit = room < most[version] ? room : most[version];

    if (out->count > fit) {
        out->count = (uint16_t)fit;
        return FT_V_EXPORT_COUNT;
    }
    return FT_V_DECODED;
}

static enum ft_verdict begin_v9(struct ft_rd rd, struct ft_nf_message *out)
{
    out->protocol = FT_XP_NETFLOW_V9;
    if (ft_rd_left(&rd) + 2 < V9_HEADER) {
        return FT_V_EXPORT_SHORT;
    }
    out->count = ft_rd_u16(&rd);
    out->uptime_ms = ft_rd_u32(&rd);
    out->export_ns = (int64_t)ft_rd_u32(&rd) * SECOND;
    out->sequence = ft_rd_u32(&rd);
    out->domain_id = ft_rd_u32(&rd);
    out->body = rd;
    return FT_V_DECODED;
}

static enum ft_verdict begin_ipfix(struct ft_rd rd, struct ft_nf_message *out)
{
    out->protocol = FT_XP_IPFIX;
    if (ft_rd_left(&rd) + 2 < FT_NF_IPFIX_HEADER) {
        return FT_V_EXPORT_SHORT;
    }
    uint16_t len = ft_rd_u16(&rd);

    out->export_ns = (int64_t)ft_rd_u32(&rd) * SECOND;
    out->sequence = ft_rd_u32(&rd);
    out->domain_id = ft_rd_u32(&rd);
    if (len < FT_NF_IPFIX_HEADER || len > out->len) { /* its sets say how long they are */
        out->body = rd;
        return FT_V_EXPORT_LENGTH;
    }
    out->len = len;
    rd.end = out->base + len;
    out->body = rd;
    return FT_V_DECODED;
}

enum ft_verdict ft_nf_begin(const uint8_t *data, size_t len, struct ft_nf_message *out)
{
    struct ft_rd rd = ft_rd_make(data, len);

    *out = (struct ft_nf_message){.base = data, .limit = data + len, .len = (uint32_t)len};
    switch (ft_rd_u16(&rd)) {
    case 1:
        return begin_old(rd, 1, out);
    case 5:
        return begin_old(rd, 5, out);
    case 7:
        return begin_old(rd, 7, out);
    case 9:
        return begin_v9(rd, out);
    case 10:
        return begin_ipfix(rd, out);
    default:
        return ft_rd_ok(&rd) ? FT_V_EXPORT_VERSION : FT_V_EXPORT_SHORT;
    }
}

/* Some exporters fill the datagram up with zeros: a set with id 0 and length 0. */
static bool all_zero(const struct ft_rd *rd)
{
    for (const uint8_t *p = rd->p; p < rd->end; p++) {
        if (*p != 0) {
            return false;
        }
    }
    return true;
}

/* Another IPFIX message begins where this one says to end. */
static bool another_behind(const struct ft_nf_message *m)
{
    const uint8_t *p = m->body.end;

    return m->limit - p >= FT_NF_IPFIX_HEADER && ft_load_be16(p) == 10 &&
           ft_load_be16(p + 2) >= FT_NF_IPFIX_HEADER;
}

enum ft_verdict ft_nf_next_set(struct ft_nf_message *m, struct ft_nf_set *out)
{
    size_t left = ft_rd_left(&m->body), len;

    if (left < FT_NF_SET_HEADER) {
        return FT_V__COUNT;
    }
    len = ft_load_be16(m->body.p + 2);
    out->id = ft_load_be16(m->body.p);
    out->cut = false;
    if (len < FT_NF_SET_HEADER) {
        return len == 0 && out->id == 0 && all_zero(&m->body) ? FT_V__COUNT : FT_V_EXPORT_SET;
    }
    if (len > left && len <= (size_t)(m->limit - m->body.p) && !another_behind(m)) {
        m->grown = true;
        m->body.end = m->limit;
        m->len = (uint32_t)(m->limit - m->base);
    } else if (len > left) {
        out->cut = true;
        len = left;
    }
    out->body = ft_rd_make(m->body.p + FT_NF_SET_HEADER, len - FT_NF_SET_HEADER);
    m->body.p += len;
    return FT_V_DECODED;
}

/* The next n specifiers; in IPFIX some are 8 bytes long. False when they do not fit: *out has those
 * that do. */
static bool take_fields(const struct ft_nf_message *m, struct ft_rd *rd, uint32_t n,
                        struct ft_rd *out)
{
    const uint8_t *start = rd->p;

    *out = ft_rd_make(start, 0);
    for (uint32_t i = 0; i < n; i++) {
        uint16_t id = ft_rd_u16(rd);

        ft_rd_u16(rd);
        if (m->protocol == FT_XP_IPFIX && (id & ENTERPRISE_BIT) != 0) {
            ft_rd_u32(rd);
        }
        if (!ft_rd_ok(rd)) {
            return false;
        }
        out->end = rd->p;
    }
    return true;
}

static enum ft_verdict v9_options(const struct ft_nf_message *m, struct ft_rd *rd,
                                  struct ft_nf_template *out)
{
    uint16_t scope_len = ft_rd_u16(rd), option_len = ft_rd_u16(rd);
    uint32_t n = ((uint32_t)scope_len + option_len) / 4;

    if (!ft_rd_ok(rd) || scope_len % 4 != 0 || option_len % 4 != 0 || n == 0) {
        out->invalid = ft_rd_ok(rd);
        return FT_V_EXPORT_TEMPLATE;
    }
    out->n_scope = scope_len / 4;
    out->n_fields = (uint16_t)n;
    return take_fields(m, rd, n, &out->fields) ? FT_V_DECODED : FT_V_EXPORT_TEMPLATE;
}

enum ft_verdict ft_nf_next_template(const struct ft_nf_message *m, struct ft_nf_set *set,
                                    struct ft_nf_template *out)
{
    struct ft_rd *rd = &set->body;

    if (ft_rd_left(rd) < 4 || all_zero(rd)) {
        return FT_V__COUNT;
    }
    *out = (struct ft_nf_template){.options = set->id == FT_NF_V9_OPTIONS ||
                                              set->id == FT_NF_IPFIX_OPTIONS};
    out->id = ft_rd_u16(rd);
    if (out->options && m->protocol == FT_XP_NETFLOW_V9) {
        return out->id >= FT_NF_DATA_MIN ? v9_options(m, rd, out) : FT_V_EXPORT_TEMPLATE;
    }
    out->n_fields = ft_rd_u16(rd);
    bool all = m->protocol == FT_XP_IPFIX && out->n_fields == 0 && out->id == set->id;

    if (out->id < FT_NF_DATA_MIN && !all) {
        return FT_V_EXPORT_TEMPLATE;
    }
    if (out->n_fields == 0) { /* IPFIX: a withdrawal (RFC 7011 §8.1), without a scope count */
        out->invalid = m->protocol != FT_XP_IPFIX;
        return out->invalid ? FT_V_EXPORT_TEMPLATE : FT_V_DECODED;
    }
    if (out->options) {
        out->n_scope = ft_rd_u16(rd);
        if (out->n_scope == 0 || out->n_scope > out->n_fields) {
            out->invalid = ft_rd_ok(rd);
            return FT_V_EXPORT_TEMPLATE;
        }
    }
    return take_fields(m, rd, out->n_fields, &out->fields) ? FT_V_DECODED : FT_V_EXPORT_TEMPLATE;
}

/* Vendors' numbers in v9, which has no enterprise bit. */
static void v9_vendor(struct ft_template_field *f)
{
    const struct ft_element *e = ft_element_v9(f->id);

    if (e != NULL) {
        f->pen = e->pen;
        f->id = e->id;
    }
}

void ft_nf_next_field(const struct ft_nf_message *m, struct ft_nf_template *t, uint32_t i,
                      struct ft_template_field *out)
{
    *out = (struct ft_template_field){.id = ft_rd_u16(&t->fields)};
    out->len = ft_rd_u16(&t->fields);
    if (m->protocol == FT_XP_IPFIX) {
        if (out->id & ENTERPRISE_BIT) {
            out->id &= (uint16_t)~ENTERPRISE_BIT;
            out->pen = ft_rd_u32(&t->fields);
        }
    } else if (t->options && i < t->n_scope) {
        out->scope = true;
    } else if (out->id & ENTERPRISE_BIT) {
        v9_vendor(out);
    }
}
