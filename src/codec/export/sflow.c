/* SPDX-License-Identifier: Apache-2.0 */
/* codec: sFlow version 5: datagrams, samples, records (sflow_version_5.txt §5; sflow_drops.txt).
 *
 *   flow 1       sequence, source, rate, pool, drops, input, output, n records
 *   flow 3       sequence, class, index, rate, pool, drops, format, input, format, output,
 *                n records
 *   counters 2   sequence, source, n records
 *   counters 4   sequence, class, index, n records
 *   discard 5    sequence, class, index, drops, input, output, reason, n records
 *
 * A compact source is class << 24 | index, a compact interface format << 30 | value. */
#include "codec/export/sflow.h"

enum { VERSION = 5, ADDRESS_NONE = 0, ADDRESS_IP4 = 1, ADDRESS_IP6 = 2, TAG_LEN = 8 };

const char *ft_sflow_fault_name(enum ft_sflow_fault fault)
{
    static const char *const names[] = {
#define NAME(sym, metric, text) #metric,
        FT_SFLOW_FAULTS(NAME)
#undef NAME
    };

    return (unsigned)fault < FT_SFLOW_F__COUNT ? names[fault] : "?";
}

const char *ft_sflow_fault_text(enum ft_sflow_fault fault)
{
    static const char *const texts[] = {
#define TEXT(sym, metric, text) text,
        FT_SFLOW_FAULTS(TEXT)
#undef TEXT
    };

    return (unsigned)fault < FT_SFLOW_F__COUNT ? texts[fault] : "?";
}

/* Every fault of a datagram passes here. */
static FT_COLD int bad(struct ft_sflow_datagram *d, enum ft_sflow_fault fault)
{
    d->fault = (uint8_t)fault;
    return FT_E_CORRUPT;
}

int ft_sflow_begin(const uint8_t *data, size_t len, struct ft_sflow_datagram *out)
{
    struct ft_rd rd = ft_rd_make(data, len);
    uint32_t version = ft_rd_u32(&rd), type = ft_rd_u32(&rd);
    uint32_t agent_len = type == ADDRESS_IP4 ? 4 : type == ADDRESS_IP6 ? 16 : 0;
    const uint8_t *agent = ft_rd_view(&rd, agent_len);
    struct ft_sflow_datagram d = {.agent_version = agent_len == 16 ? 6 : (uint8_t)agent_len};

    if (len >= 4 && version != VERSION) {
        return bad(out, FT_SFLOW_F_VERSION);
    }
    if (len >= 8 && type > ADDRESS_IP6) {
        return bad(out, FT_SFLOW_F_AGENT_ADDRESS);
    }
    d.sub_agent = ft_rd_u32(&rd);
    d.sequence = ft_rd_u32(&rd);
    d.uptime_ms = ft_rd_u32(&rd);
    d.n_samples = ft_rd_u32(&rd);
    if (!ft_rd_ok(&rd)) {
        return bad(out, FT_SFLOW_F_DATAGRAM_SHORT);
    }
    memcpy(d.agent, agent, agent_len);
    d.rd = rd;
    *out = d;
    return FT_OK;
}

static enum ft_sflow_kind kind_of(uint32_t tag)
{
    switch (tag) {
    case 1:
    case 3:
        return FT_SFLOW_FLOW;
    case 2:
    case 4:
        return FT_SFLOW_COUNTERS;
    case 5:
        return FT_SFLOW_DISCARD;
    case FT_SFLOW_TAG(4300, 1002):
        return FT_SFLOW_RTMETRIC;
    case FT_SFLOW_TAG(4300, 1003):
        return FT_SFLOW_RTFLOW;
    default:
        return FT_SFLOW_UNKNOWN;
    }
}

FT_INLINE void read_source(struct ft_sflow_sample *s)
{
    uint32_t v = ft_rd_u32(&s->rd);

    s->source_class = s->expanded ? v : v >> 24;
    s->source_index = s->expanded ? ft_rd_u32(&s->rd) : v & 0xffffff;
}

FT_INLINE struct ft_sflow_port read_port(struct ft_sflow_sample *s)
{
    uint32_t v = ft_rd_u32(&s->rd);

    if (s->expanded) {
        return (struct ft_sflow_port){v, ft_rd_u32(&s->rd)};
    }
    return (struct ft_sflow_port){v >> 30, v & 0x3fffffff};
}

/* The fields in front of the records. Kinds without records leave an empty cursor. */
FT_INLINE void read_fields(struct ft_sflow_sample *s)
{
    switch (s->kind) {
    case FT_SFLOW_FLOW:
        s->sequence = ft_rd_u32(&s->rd);
        read_source(s);
        s->sampling_rate = ft_rd_u32(&s->rd);
        s->sample_pool = ft_rd_u32(&s->rd);
        s->drops = ft_rd_u32(&s->rd);
        s->input = read_port(s);
        s->output = read_port(s);
        break;
    case FT_SFLOW_COUNTERS:
        s->sequence = ft_rd_u32(&s->rd);
        read_source(s);
        break;
    case FT_SFLOW_DISCARD:
        s->sequence = ft_rd_u32(&s->rd);
        read_source(s);
        s->drops = ft_rd_u32(&s->rd);
        s->input.value = ft_rd_u32(&s->rd);
        s->output.value = ft_rd_u32(&s->rd);
        s->reason = ft_rd_u32(&s->rd);
        break;
    default:
        s->rd.p = s->rd.end;
        return;
    }
    s->n_records = ft_rd_u32(&s->rd);
}

/* The end of the samples: whether all came that were announced, and whether more bytes follow. */
static FT_COLD int end_samples(struct ft_sflow_datagram *d)
{
    size_t left = ft_rd_left(&d->rd);
    enum ft_sflow_fault fault = d->pending;

    d->rd.p = d->rd.end;
    d->pending = FT_SFLOW_F_NONE;
    if (fault == FT_SFLOW_F_NONE && d->n_seen < d->n_samples) {
        fault = left > 0 ? FT_SFLOW_F_SAMPLE_SHORT : FT_SFLOW_F_SAMPLES_MISSING;
    } else if (fault == FT_SFLOW_F_NONE && left >= TAG_LEN) {
        fault = FT_SFLOW_F_TRAILING;
    }
    d->n_samples = d->n_seen;
    return fault != FT_SFLOW_F_NONE ? bad(d, fault) : FT_E_EOF;
}

int ft_sflow_next(struct ft_sflow_datagram *d, struct ft_sflow_sample *out)
{
    size_t left = ft_rd_left(&d->rd);
    uint32_t tag, len, pad;

    if (FT_UNLIKELY(d->n_seen >= d->n_samples || left < TAG_LEN)) {
        return end_samples(d);
    }
    tag = ft_rd_u32(&d->rd);
    len = ft_rd_u32(&d->rd);
    left -= TAG_LEN;
    d->n_seen++;
    *out = (struct ft_sflow_sample){.tag = tag, .kind = (uint8_t)kind_of(tag)};
    out->expanded = tag == 3 || tag == 4 || tag == 5;
    if (FT_UNLIKELY(len > left)) {
        len = (uint32_t)left; /* what is there, then the fault */
        d->pending = FT_SFLOW_F_SAMPLE_LENGTH;
        d->n_samples = d->n_seen;
    }
    out->data = ft_rd_view(&d->rd, len);
    out->len = len;
    out->rd = ft_rd_make(out->data, len);
    left -= len;
    pad = -len & 3;
    ft_ignore(ft_rd_view(&d->rd, pad <= left ? pad : left) == NULL); /* is there: just compared */
    read_fields(out);
    if (FT_UNLIKELY(!ft_rd_ok(&out->rd))) {
        return d->pending != FT_SFLOW_F_NONE ? end_samples(d) : bad(d, FT_SFLOW_F_SAMPLE_HEADER);
    }
    return FT_OK;
}

int ft__sflow_record_end(struct ft_sflow_sample *s, struct ft_sflow_record *out)
{
    size_t left = ft_rd_left(&s->rd);

    if (s->n_seen < s->n_records && left >= TAG_LEN) { /* beyond the sample: what is there of it */
        out->tag = ft_rd_u32(&s->rd);
        ft_ignore(ft_rd_u32(&s->rd) == 0); /* its length, which the caller compared */
        out->len = (uint32_t)ft_rd_left(&s->rd);
        out->data = ft_rd_view(&s->rd, out->len);
        out->cut = true;
        s->pending = FT_SFLOW_F_RECORD_LENGTH;
        s->n_records = ++s->n_seen;
        return FT_OK;
    }
    s->fault = s->pending;
    if (s->fault == FT_SFLOW_F_NONE && s->n_seen < s->n_records) {
        s->fault = left > 0 ? FT_SFLOW_F_RECORD_SHORT : FT_SFLOW_F_RECORDS_MISSING;
    }
    s->pending = FT_SFLOW_F_NONE;
    s->rd.p = s->rd.end;
    s->n_records = s->n_seen;
    return s->fault != FT_SFLOW_F_NONE ? FT_E_CORRUPT : FT_E_EOF;
}

uint16_t ft_sflow_linktype(uint32_t protocol)
{
    switch (protocol) {
    case 3:
        return 6; /* token ring */
    case 4:
        return 10; /* FDDI */
    case 5:
        return 107; /* frame relay */
    case 7:
        return 9; /* PPP */
    case 11:
        return FT_LINK_IPV4;
    case 12:
        return FT_LINK_IPV6;
    case 13:
        return 219; /* MPLS */
    case 14:
        return 50; /* packet over SONET: PPP in HDLC framing */
    case 15:
        return 105; /* 802.11 */
    case 18:
        return 247; /* InfiniBand */
    default:
        return FT_SFLOW_LINK_NONE; /* token bus, X.25, SMDS, AAL5, parts of 802.11 aggregates */
    }
}

int ft_sflow_ethernet(const struct ft_sflow_record *rec, struct ft_sflow_ethernet *out)
{
    struct ft_rd rd = ft_rd_make(rec->data, rec->len);
    size_t stride = rec->len == 4 + 6 + 6 + 4 && !rec->cut ? 6 : 8;
    uint32_t length = ft_rd_u32(&rd), type;
    const uint8_t *src = ft_rd_view(&rd, stride), *dst = ft_rd_view(&rd, stride);

    type = ft_rd_u32(&rd);
    if (!ft_rd_ok(&rd)) {
        return FT_E_TRUNCATED;
    }
    out->length = length;
    out->type = type;
    memcpy(out->src, src, sizeof out->src);
    memcpy(out->dst, dst, sizeof out->dst);
    return FT_OK;
}

int ft_sflow_ip(const struct ft_sflow_record *rec, struct ft_sflow_ip *out)
{
    struct ft_rd rd = ft_rd_make(rec->data, rec->len);
    size_t addr_len = rec->tag == FT_SFLOW_IPV6 ? 16 : 4;
    struct ft_sflow_ip ip = {.version = rec->tag == FT_SFLOW_IPV6 ? 6 : 4};
    const uint8_t *src, *dst;

    ip.length = ft_rd_u32(&rd);
    ip.protocol = ft_rd_u32(&rd);
    src = ft_rd_view(&rd, addr_len);
    dst = ft_rd_view(&rd, addr_len);
    ip.src_port = ft_rd_u32(&rd);
    ip.dst_port = ft_rd_u32(&rd);
    ip.tcp_flags = ft_rd_u32(&rd);
    ip.tos = ft_rd_u32(&rd);
    if (!ft_rd_ok(&rd)) {
        return FT_E_TRUNCATED;
    }
    memcpy(ip.src, src, addr_len);
    memcpy(ip.dst, dst, addr_len);
    *out = ip;
    return FT_OK;
}
