/* SPDX-License-Identifier: Apache-2.0 */
/* format: columns as fields, see flow_steps.h. */
#include "format/flow_steps.h"

#include <string.h>

#include "base/bounds.h"
#include "base/rd.h"
#include "base/time.h"
#include "model/elements/element.h"

enum kind {
    KIND_COPY, /* width bytes, big-endian */
    KIND_VALUE,
    KIND_SRC4,
    KIND_SRC6,
    KIND_DST4,
    KIND_DST6,
    KIND_SRC_PORT,
    KIND_DST_PORT,
    KIND_MS,
    KIND_US,
    KIND_NS,
    KIND_DURATION, /* us */
    KIND_REASON,
    KIND_ICMP4,
    KIND_ICMP6,
    KIND_ICMP4_BOTH, /* type and code */
    KIND_ICMP6_BOTH,
    KIND_MAC,
    KIND_ONE,   /* 1 in a byte */
    KIND_FIXED, /* the same in all records */
};

enum {
    PROTO_ICMP = 1,
    PROTO_ICMPV6 = 58,
    NTP_UNIX = 2208988800u, /* s from 1900 to 1970 */
    LONG_LENGTH = 255       /* RFC 7011 §7: lengths from here on take three bytes */
};

static const int64_t ns_in_s = 1000000000;

/* ---- values ---- */

FT_INLINE uint8_t *put_copy(uint8_t *p, const uint8_t *from, uint8_t width)
{
    uint64_t u64;
    uint32_t u32;
    uint16_t u16;

    switch (width) {
    case 1:
        *p = *from;
        return p + 1;
    case 2:
        memcpy(&u16, from, sizeof u16);
        u16 = htobe16(u16);
        memcpy(p, &u16, sizeof u16);
        return p + 2;
    case 4:
        memcpy(&u32, from, sizeof u32);
        u32 = htobe32(u32);
        memcpy(p, &u32, sizeof u32);
        return p + 4;
    default:
        memcpy(&u64, from, sizeof u64);
        u64 = htobe64(u64);
        memcpy(p, &u64, sizeof u64);
        return p + 8;
    }
}

/* The last len bytes of a number in network order. NULL: it is more than these hold. */
static uint8_t *put_uint(uint8_t *p, uint64_t v, uint16_t len)
{
    if (len < 8 && v >> (8 * len) != 0) {
        return NULL;
    }
    v = htobe64(v);
    memcpy(p, (const uint8_t *)&v + 8 - len, len);
    return p + len;
}

/* Times that lie before 1970 have no number. What is left is rounded up, so that it is what it was
 * when it is cut off again (RFC 7011 §6.1.9, §6.1.10). */
static uint8_t *put_time(uint8_t *p, int64_t ns, enum kind kind)
{
    if (ns < 0) {
        return NULL;
    }
    if (kind == KIND_MS) {
        return put_uint(p, (uint64_t)ns / 1000000, 8);
    }
    uint64_t s = (uint64_t)(ns / ns_in_s) + NTP_UNIX, rest = (uint64_t)(ns % ns_in_s);
    uint64_t part = ((rest << 32) + (uint64_t)ns_in_s - 1) / (uint64_t)ns_in_s;

    if (kind == KIND_US) {
        part = (((rest / 1000) << 32) + 999999) / 1000000;
        part = (part + 0x7ff) & ~UINT64_C(0x7ff);
    }
    return put_uint(p, (s & UINT32_MAX) << 32 | part, 8);
}

static uint8_t *put_bytes(uint8_t *p, const void *from, size_t len)
{
    if (len < LONG_LENGTH) {
        *p++ = (uint8_t)len;
    } else if (len <= UINT16_MAX) {
        *p++ = LONG_LENGTH;
        p = put_uint(p, len, 2);
    } else {
        return NULL;
    }
    memcpy(p, from, len);
    return p + len;
}

static uint8_t *put_address(uint8_t *p, const struct ft_value *v)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

    if (v->ip_version == 6) {
        memcpy(p, v->addr, 16);
    } else {
        memcpy(p, mapped, sizeof mapped);
        memcpy(p + sizeof mapped, v->addr, 4);
    }
    return p + 16;
}

/* "aa:bb:cc:dd:ee:ff" */
static uint8_t *put_mac(uint8_t *p, const char *s)
{
    for (int i = 0; i < 6; i++, s += 3) {
        uint8_t byte = 0;

        for (int k = 0; k < 2; k++) {
            char c = s[k];

            byte = (uint8_t)(byte << 4 | (c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10));
        }
        *p++ = byte;
    }
    return p;
}

/* By the column's type; NULL: it is null, or more than the element holds. */
static uint8_t *put_value(uint8_t *p, const struct ft__flow_step *s, const void *part)
{
    struct ft_value v;
    uint64_t bits;

    ft_field_get(s->field, part, &v);
    if (v.null) {
        return NULL;
    }
    switch ((enum ft_type)s->field->type) {
    case FT_T_BOOL:
        *p = v.u != 0 ? 1 : 2; /* RFC 7011 §6.1.5 */
        return p + 1;
    case FT_T_F64:
        memcpy(&bits, &v.f, sizeof bits);
        return put_uint(p, bits, 8);
    case FT_T_STRING:
        return s->kind == KIND_MAC ? put_mac(p, v.s) : put_bytes(p, v.s, strlen(v.s));
    case FT_T_TEXT:
    case FT_T_BYTES:
        return put_bytes(p, v.text, v.text_len);
    case FT_T_ADDR:
        return put_address(p, &v);
    case FT_T_TIME:
        return put_time(p, v.i, KIND_NS);
    default:
        return put_uint(p, v.u, s->len);
    }
}

/* RFC 5102 §5.11.3 */
static uint8_t end_reason(uint8_t reason)
{
    static const uint8_t codes[FT_REASON__COUNT] = {
        [FT_REASON_END] = 3,      [FT_REASON_IDLE] = 1,    [FT_REASON_ACTIVE] = 2,
        [FT_REASON_SNAPSHOT] = 2, [FT_REASON_EVICTED] = 5, [FT_REASON_SHUTDOWN] = 4,
        [FT_REASON_EOF] = 4,      [FT_REASON_REUSE] = 3,
    };

    return codes[reason];
}

/* Type and code of the first packet, RFC 5102 §5.5.9 */
static uint8_t *put_icmp(uint8_t *p, const struct ft_flow_record *r, uint8_t proto)
{
    bool there = r->proto == proto && !r->no_ports;

    return there ? put_uint(p, (uint64_t)(r->src_port & 0xff) << 8 | r->icmp_code, 2) : NULL;
}

static uint8_t *put_fixed(uint8_t *p, const uint8_t *from, size_t len, bool there)
{
    memcpy(p, from, len);
    return there ? p + len : NULL;
}

/* What has to be asked; NULL: nothing is written. */
static uint8_t *put_asked(uint8_t *p, const struct ft__flow_step *s, const uint8_t *part)
{
    const struct ft_flow_record *r = (const void *)part;
    int64_t ns;

    switch ((enum kind)s->kind) {
    case KIND_SRC4:
        return put_fixed(p, r->src, 4, r->ip_version == 4);
    case KIND_DST4:
        return put_fixed(p, r->dst, 4, r->ip_version == 4);
    case KIND_SRC6:
        return put_fixed(p, r->src, 16, r->ip_version == 6);
    case KIND_DST6:
        return put_fixed(p, r->dst, 16, r->ip_version == 6);
    case KIND_SRC_PORT:
        return put_uint(p, ft_proto_has_ports(r->proto) ? r->src_port : 0, 2);
    case KIND_DST_PORT:
        return put_uint(p, ft_proto_has_ports(r->proto) ? r->dst_port : 0, 2);
    case KIND_MS:
    case KIND_US:
    case KIND_NS:
        memcpy(&ns, part + s->at, sizeof ns);
        return put_time(p, ns, (enum kind)s->kind);
    case KIND_DURATION:
        return put_uint(p,
                        (uint64_t)ft_time_floor(r->last_ns, 1000) -
                            (uint64_t)ft_time_floor(r->since_ns, 1000),
                        4);
    case KIND_REASON:
        *p = end_reason(r->reason);
        return p + 1;
    case KIND_ICMP4:
        return r->ip_version == 4 ? put_value(p, s, part) : NULL;
    case KIND_ICMP6:
        return r->ip_version == 6 ? put_value(p, s, part) : NULL;
    case KIND_ICMP4_BOTH:
        return put_icmp(p, r, PROTO_ICMP);
    case KIND_ICMP6_BOTH:
        return put_icmp(p, r, PROTO_ICMPV6);
    case KIND_ONE:
        *p = 1;
        return p + 1;
    case KIND_FIXED:
        return put_uint(p, s->fixed, s->len);
    default:
        return put_value(p, s, part);
    }
}

/* Steps from..to, at most 64, whose bits are *out_bits. */
FT_INLINE uint8_t *put_word(const struct ft__flow_program *prog, uint32_t from, uint32_t to,
                            const void *const *parts, bool both, uint8_t *p, uint64_t *out_bits)
{
    uint64_t bits = 0;

    for (uint32_t i = from; i < to; i++) {
        const struct ft__flow_step *s = &prog->step[i];
        const uint8_t *part = parts[s->part];

        if (FT_UNLIKELY(part == NULL) || (s->reverse && !both)) {
            continue;
        }
        if (FT_LIKELY(s->kind == KIND_COPY)) {
            p = put_copy(p, part + s->at, s->width);
            bits |= UINT64_C(1) << (i - from);
            continue;
        }
        uint8_t *end = put_asked(p, s, part);

        if (end != NULL) {
            p = end;
            bits |= UINT64_C(1) << (i - from);
        }
    }
    *out_bits = bits;
    return p;
}

size_t ft__flow_program_put(const struct ft__flow_program *prog, const void *const *parts,
                            uint8_t *out, uint64_t *key)
{
    const struct ft_flow_record *r = parts[FT_PART_CORE];
    bool both = r->packets[FT_DIR_REV] > 0;
    uint8_t *p = out;

    for (uint32_t from = 0, w = 0; from < prog->n; from += 64, w++) {
        uint32_t to = prog->n - from < 64 ? prog->n : from + 64;

        p = put_word(prog, from, to, parts, both, p, &key[w]);
    }
    return (size_t)(p - out);
}

/* ---- templates ---- */

size_t ft__flow_program_specify(const void *cookie, const uint64_t *key, uint8_t *out,
                                uint16_t *out_n)
{
    const struct ft__flow_program *prog = cookie;
    uint8_t *p = out;

    *out_n = 0;
    for (uint32_t i = 0; i < prog->n; i++) {
        const struct ft__flow_step *s = &prog->step[i];

        if ((key[i / 64] >> i % 64 & 1) == 0) {
            continue;
        }
        p = put_uint(p, (s->pen != 0 ? 0x8000u : 0u) | s->ie, 2);
        p = put_uint(p, s->len, 2);
        p = s->pen != 0 ? put_uint(p, s->pen, 4) : p;
        ++*out_n;
    }
    return (size_t)(p - out);
}

uint32_t ft__flow_program_fields(const struct ft__flow_program *p)
{
    return 8 * p->n;
}

/* ---- making ---- */

struct maker {
    struct ft__flow_program *p;
    const struct ft__flow_program_config *cfg;
};

/* Of columns that say the same the first one stands. */
static void add(struct maker *m, struct ft__flow_step s)
{
    for (uint32_t i = 0; i < m->p->n; i++) {
        if (m->p->step[i].ie == s.ie && m->p->step[i].pen == s.pen) {
            return;
        }
    }
    m->p->step[m->p->n++] = s; /* there is room: FT__FLOW_STEPS_MOST */
}

/* An address of the core: that of the other side in records of the other direction. */
static void add_address(struct maker *m, bool src)
{
    bool from = src != (m->cfg->direction == FT_DIR_REV);

    add(m,
        (struct ft__flow_step){.ie = src ? 8 : 12, .len = 4, .kind = from ? KIND_SRC4 : KIND_DST4});
    add(m, (struct ft__flow_step){
               .ie = src ? 27 : 28, .len = 16, .kind = from ? KIND_SRC6 : KIND_DST6});
}

static void add_port(struct maker *m, bool src)
{
    bool from = src != (m->cfg->direction == FT_DIR_REV);

    add(m, (struct ft__flow_step){
               .ie = src ? 7 : 11, .len = 2, .kind = from ? KIND_SRC_PORT : KIND_DST_PORT});
}

/* A time of the core, by the element of its milliseconds; those of other units are two and four
 * more, of the observation one and two. */
static void add_time(struct maker *m, uint16_t ie_ms, uint16_t next, size_t at)
{
    static const uint8_t kinds[] = {KIND_MS, KIND_US, KIND_NS};

    if (m->cfg->version == FT_FLOW_IPFIX) { /* NetFlow: they stand first in each record */
        add(m, (struct ft__flow_step){.ie = (uint16_t)(ie_ms + next * m->cfg->times),
                                      .len = 8,
                                      .at = (uint16_t)at,
                                      .kind = kinds[m->cfg->times]});
    }
}

/* Type or code; and before the type both in one, which is what most collectors read. */
static void add_icmp(struct maker *m, uint16_t ie, const struct ft_field *f)
{
    if (m->cfg->direction == FT_DIR_FWD) { /* they are of its first packet */
        if (ie == 176) {
            add(m, (struct ft__flow_step){.ie = 32, .len = 2, .kind = KIND_ICMP4_BOTH});
            add(m, (struct ft__flow_step){.ie = 139, .len = 2, .kind = KIND_ICMP6_BOTH});
        }
        add(m, (struct ft__flow_step){.field = f, .ie = ie, .len = 1, .kind = KIND_ICMP4});
        add(m, (struct ft__flow_step){
                   .field = f, .ie = (uint16_t)(ie + 2), .len = 1, .kind = KIND_ICMP6});
    }
}

#define FIRST offsetof(struct ft_flow_record, dir_since_ns)
#define LAST  offsetof(struct ft_flow_record, dir_last_ns)

/* Where a time of the record's direction lies. */
static size_t of_side(const struct maker *m, size_t at)
{
    return at + (m->cfg->direction == FT_DIR_REV ? sizeof(int64_t) : 0);
}

/* Columns of the core whose elements are not just their values. False: it is another one. */
static bool add_special(struct maker *m, const struct ft_column *c)
{
    const char *name = c->field->name;

    if (c->part != FT_PART_CORE || c->field->ie == 0) {
        return false;
    }
    if (strcmp(name, "src_ip") == 0 || strcmp(name, "dst_ip") == 0) {
        add_address(m, name[0] == 's');
    } else if (strcmp(name, "src_port") == 0 || strcmp(name, "dst_port") == 0) {
        add_port(m, name[0] == 's');
    } else if (strcmp(name, "first_seen") == 0) {
        add_time(m, 152, 2,
                 m->cfg->biflow ? offsetof(struct ft_flow_record, since_ns) : of_side(m, FIRST));
    } else if (strcmp(name, "last_seen") == 0) {
        add_time(m, 153, 2, m->cfg->biflow ? c->field->at : of_side(m, LAST));
    } else if (strcmp(name, "timestamp") == 0) {
        add_time(m, 323, 1, c->field->at);
    } else if (strcmp(name, "reason") == 0) {
        add(m, (struct ft__flow_step){.field = c->field, .ie = 136, .len = 1, .kind = KIND_REASON});
    } else if (strcmp(name, "flow_id") == 0 && m->cfg->version == FT_FLOW_NETFLOW_9) {
        return true; /* collectors of v9 take it for a firewall's connection, Cisco's NSEL */
    } else if (strcmp(name, "duration_us") == 0) {
        if (m->cfg->biflow) { /* it is that of both directions */
            add(m, (struct ft__flow_step){.ie = c->field->ie, .len = 4, .kind = KIND_DURATION});
        }
    } else if (strncmp(name, "icmp_", 5) == 0) {
        add_icmp(m, c->field->ie, c->field);
    } else {
        /* of both directions together: no element means that, what they are of each one does */
        return strcmp(name, "packet_count") == 0 || strcmp(name, "byte_count") == 0;
    }
    return true;
}

/* Bytes of a value of this type; 0: it has no place in a record. */
static uint16_t len_of(const struct ft_field *f)
{
    static const uint16_t lens[FT_T__COUNT] = {[FT_T_BOOL] = 1,
                                               [FT_T_U8] = 1,
                                               [FT_T_U16] = 2,
                                               [FT_T_U32] = 4,
                                               [FT_T_U64] = 8,
                                               [FT_T_I64] = 8,
                                               [FT_T_F64] = 8,
                                               [FT_T_TIME] = 8,
                                               [FT_T_STRING] = FT__FLOW_VARIABLE,
                                               [FT_T_ID] = 8,
                                               [FT_T_ADDR] = 16,
                                               [FT_T_TEXT] = FT__FLOW_VARIABLE,
                                               [FT_T_BYTES] = FT__FLOW_VARIABLE};

    return lens[f->type];
}

/* The element of IANA's. False: it has none that can hold it. */
static bool step_of_element(struct ft__flow_step *s, const struct ft_field *f)
{
    const struct ft_element *e = f->ie != 0 ? ft_element_find(f->pen, f->ie) : NULL;

    /* what of these has one is special */
    if (e == NULL || f->type == FT_T_ADDR || f->type == FT_T_TIME) {
        return false;
    }
    s->ie = f->ie;
    s->pen = f->pen;
    if (e->type == FT_X_MAC && f->type == FT_T_STRING) {
        s->kind = KIND_MAC;
        s->len = 6;
        return true;
    }
    s->len = len_of(f);
    if (e->width != 0 && s->len > e->width && s->len != FT__FLOW_VARIABLE) {
        s->len = e->width; /* a value that is more is left out */
    }
    return (e->width != 0) == (s->len != FT__FLOW_VARIABLE);
}

/* What is the responder's is an element of the other direction. False: it is not of this one. */
static bool turn(const struct ft__flow_program_config *cfg, struct ft__flow_step *s,
                 const struct ft_field *f)
{
    bool reverse = s->pen == FT_PEN_REVERSE, of_fwd = strncmp(f->name, "fwd_", 4) == 0;

    if (cfg->biflow) {
        s->reverse = reverse;
        return true;
    }
    s->pen = 0;
    return cfg->direction == FT_DIR_REV ? !of_fwd : !reverse;
}

static void add_plain(struct maker *m, const struct ft_column *c)
{
    const struct ft_field *f = c->field;
    struct ft__flow_step s = {.field = f, .part = c->part, .kind = KIND_VALUE};

    if (f->of_observer) { /* the domain is in each header; a name in each record would be the same
                           */
        return;
    }
    if (!step_of_element(&s, f)) {
        s = (struct ft__flow_step){.field = f,
                                   .part = c->part,
                                   .kind = KIND_VALUE,
                                   .pen = m->cfg->pen,
                                   .ie = (uint16_t)(f->rank + 1),
                                   .len = len_of(f)};
        if (m->cfg->pen == 0 || s.len == 0 || f->rank >= 0x7fff ||
            m->cfg->version != FT_FLOW_IPFIX) {
            m->p->left_out++;
            return;
        }
    } else if (!turn(m->cfg, &s, f)) {
        return;
    }
    if (f->width > 0 && f->absent == FT_ABSENT_NEVER && s.len == f->width && f->type >= FT_T_U8 &&
        (f->type <= FT_T_U64 || f->type == FT_T_ID)) {
        s.kind = KIND_COPY;
        s.at = f->at;
        s.width = f->width;
    }
    add(m, s);
}

/* Octets of IP packets since the record before, where there are packets since then. */
static void add_octets(struct maker *m, const struct ft_column *c)
{
    bool reverse = c->field->pen == FT_PEN_REVERSE;
    struct ft__flow_step s = {
        .ie = 1, .len = 8, .kind = KIND_COPY, .width = 8, .pen = c->field->pen};

    if (c->part == FT_PART_CORE && c->field->ie == 2 && turn(m->cfg, &s, c->field)) {
        s.at = (uint16_t)(offsetof(struct ft_flow_record, ip_bytes_delta) +
                          (reverse ? sizeof(uint64_t) : 0));
        add(m, s);
    }
}

int ft__flow_program_make(struct ft__flow_program *p, const struct ft__flow_program_config *cfg)
{
    struct maker m = {p, cfg};
    bool reverse = false;

    p->n = p->left_out = 0;
    for (uint32_t i = 0; i < cfg->columns->n; i++) {
        if (!add_special(&m, &cfg->columns->col[i])) {
            add_plain(&m, &cfg->columns->col[i]);
            add_octets(&m, &cfg->columns->col[i]);
        }
    }
    for (uint32_t i = 0; i < p->n; i++) {
        reverse |= p->step[i].reverse;
    }
    if (cfg->ingress != 0 && p->n > 0) {
        add(&m,
            (struct ft__flow_step){.ie = 10, .len = 4, .kind = KIND_FIXED, .fixed = cfg->ingress});
    }
    if (reverse) { /* RFC 5103 §6.3: the source is the initiator */
        add(&m, (struct ft__flow_step){.ie = 239, .len = 1, .kind = KIND_ONE, .reverse = true});
    }
    p->key_words = (p->n + 63) / 64;
    return p->n > 0 ? FT_OK : FT_E_USAGE;
}
