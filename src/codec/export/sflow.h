/* SPDX-License-Identifier: Apache-2.0 */
/* codec: sFlow version 5 datagrams (sflow_version_5.txt and the structures of sflow.org).
 *
 * Theory of operation: everything is XDR: big-endian, in units of four bytes. A datagram holds
 * samples, a sample holds records, and each of them says its tag and its length, so that what is
 * not known is stepped over. Three cursors, one in the other, none of which sees its neighbour:
 *
 *   ft_sflow_begin(datagram)                       agent, sub-agent, sequence, uptime
 *   while ft_sflow_next(datagram, sample) != EOF   flow, counters, discard, other
 *     while ft_sflow_record(sample, record) != EOF tag and bytes
 *       ft_sflow_header(record)                    the sampled packet, or
 *       ft_sflow_values(record)                    every field of a structure, as values
 *
 *   datagram  version 5 | agent type, address | sub-agent | sequence | uptime | samples | ...
 *   sample    enterprise << 12 | format | length | ...         record: the same
 *
 * Damage never hides what stands before it: next() and record() return FT_E_CORRUPT once for each
 * fault, with the reason in the cursor's fault, and can be called again; FT_E_EOF ends every walk.
 * A sample or record that claims more than is there is handed out as far as it goes, then the
 * fault. Loops end with the bytes, never with a count: each call takes 8 bytes or more, or ends.
 *
 * Taken as it comes: lengths that are no multiple of four (the padding is stepped over), padding
 * that is missing at the end of the datagram or of a sample, bytes behind the last record of a
 * sample, up to 7 bytes behind the last sample.
 *
 * Pure functions over borrowed bytes, no state, no allocation: any thread. */
#ifndef FT_CODEC_EXPORT_SFLOW_H
#define FT_CODEC_EXPORT_SFLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/rd.h"
#include "flowtap/errors.h"
#include "model/export.h"

/* What can be wrong: X(SYMBOL, metric, "meaning"). The first three end the datagram at its start.
 */
#define FT_SFLOW_FAULTS(X)                                                                         \
    X(NONE, none, "nothing is wrong")                                                              \
    X(DATAGRAM_SHORT, sflow_datagram_truncated, "ends inside the datagram header")                 \
    X(VERSION, sflow_version, "is not sFlow version 5")                                            \
    X(AGENT_ADDRESS, sflow_agent_address, "type of the agent address is not 0, 1 or 2")            \
    X(SAMPLE_SHORT, sflow_sample_truncated, "ends inside the tag and length of a sample")          \
    X(SAMPLE_LENGTH, sflow_sample_length, "sample length is beyond the datagram")                  \
    X(SAMPLE_HEADER, sflow_sample_header, "sample length is below that of its fixed fields")       \
    X(SAMPLES_MISSING, sflow_samples_missing, "fewer samples than the datagram announces")         \
    X(TRAILING, sflow_trailing_bytes, "more bytes behind the last announced sample")               \
    X(RECORD_SHORT, sflow_record_truncated, "sample ends inside the tag and length of a record")   \
    X(RECORD_LENGTH, sflow_record_length, "record length is beyond the sample")                    \
    X(RECORDS_MISSING, sflow_records_missing, "fewer records than the sample announces")           \
    X(STRUCT_SHORT, sflow_structure_truncated, "record ends before its structure does")            \
    X(STRUCT_ADDRESS, sflow_structure_address, "type of an address in a structure is unknown")     \
    X(HEADER_LENGTH, sflow_header_length, "sampled header is longer than its record")

enum ft_sflow_fault {
#define FT_SFLOW_ENUM(sym, metric, text) FT_SFLOW_F_##sym,
    FT_SFLOW_FAULTS(FT_SFLOW_ENUM)
#undef FT_SFLOW_ENUM
        FT_SFLOW_F__COUNT
};

/* Metric name (snake_case) and meaning of a fault. */
const char *ft_sflow_fault_name(enum ft_sflow_fault fault);
const char *ft_sflow_fault_text(enum ft_sflow_fault fault);

#define FT_SFLOW_TAG(enterprise, format) ((uint32_t)(enterprise) << 12 | (uint32_t)(format))

enum ft_sflow_kind {
    FT_SFLOW_FLOW,     /* formats 1 and 3: a sampled packet or transaction */
    FT_SFLOW_COUNTERS, /* formats 2 and 4 */
    FT_SFLOW_DISCARD,  /* format 5: a discarded packet, not sampled and not to be scaled */
    FT_SFLOW_RTMETRIC, /* 4300:1002, has no records: see data and len */
    FT_SFLOW_RTFLOW,   /* 4300:1003, likewise */
    FT_SFLOW_UNKNOWN,  /* any other tag, likewise */
    FT_SFLOW_KIND__COUNT
};

struct ft_sflow_datagram {
    struct ft_rd rd;    /* the samples that are still to come */
    uint32_t sub_agent; /* sequences count by (agent, sub-agent) */
    uint32_t sequence;  /* of datagrams */
    uint32_t uptime_ms; /* since the agent started; steps back when it restarts */
    uint32_t n_samples; /* as announced; more or fewer may be there */
    uint32_t n_seen;    /* samples taken so far */
    uint8_t agent[16];  /* network order, IPv4 in the first 4 bytes; may differ from the sender */
    uint8_t agent_version; /* 4, 6; 0: the agent does not know its address */
    uint8_t fault;         /* enum ft_sflow_fault of the last FT_E_CORRUPT */
    uint8_t pending;       /* enum ft_sflow_fault that the next call reports */
};

/* An interface that a packet came in or went out by. */
enum ft_sflow_port_format {
    FT_SFLOW_PORT_INDEX,    /* value is the ifIndex, 0: not known, FT_SFLOW_PORT_LOCAL */
    FT_SFLOW_PORT_DROPPED,  /* output only: value is a reason code, see ft_sflow_drop_reason_name */
    FT_SFLOW_PORT_MULTIPLE, /* output only: value is the number of interfaces, 0: more than one */
};

enum { FT_SFLOW_PORT_LOCAL = 0x3fffffff }; /* the device itself is the source or destination */

struct ft_sflow_port {
    uint32_t format; /* enum ft_sflow_port_format; expanded samples may hold any number */
    uint32_t value;
};

struct ft_sflow_sample {
    struct ft_rd rd;       /* the records that are still to come */
    const uint8_t *data;   /* the sample behind its tag and length; borrowed from the datagram */
    uint32_t len;          /* bytes that are there, padding not counted */
    uint32_t tag;          /* enterprise << 12 | format */
    uint8_t kind;          /* enum ft_sflow_kind; the fields below are 0 where a kind has none */
    uint8_t fault;         /* enum ft_sflow_fault of the last FT_E_CORRUPT of ft_sflow_record */
    uint8_t pending;       /* enum ft_sflow_fault that the next ft_sflow_record reports */
    bool expanded;         /* formats 3, 4 and 5: full 32-bit source, interfaces and formats */
    uint32_t sequence;     /* of samples of this kind and source */
    uint32_t source_class; /* 0 ifIndex, 1 VLAN, 2 physical entity, 3 logical entity */
    uint32_t source_index;
    uint32_t sampling_rate;      /* 1 in N; 0: the agent does not say */
    uint32_t sample_pool;        /* packets that could have been sampled, modulo 2^32 */
    uint32_t drops;              /* samples that the agent lost, since it started */
    struct ft_sflow_port input;  /* discard: format 0, the ifIndex */
    struct ft_sflow_port output; /* likewise */
    uint32_t reason;             /* discard: why; ft_sflow_drop_reason_name */
    uint32_t n_records;          /* as announced */
    uint32_t n_seen;             /* records taken so far */
};

enum { FT_SFLOW_NAME = 24 };

struct ft_sflow_record {
    const uint8_t *data;      /* borrowed from the datagram */
    uint32_t tag;             /* enterprise << 12 | format */
    uint32_t len;             /* bytes that are there, padding not counted */
    bool cut;                 /* its length says more than is there */
    char name[FT_SFLOW_NAME]; /* scratch of ft_sflow_values: the key of an unknown structure */
};

/* Reads the header of a datagram of len bytes, which stay borrowed by all that comes from it.
 * FT_OK; FT_E_CORRUPT: out->fault is DATAGRAM_SHORT, VERSION or AGENT_ADDRESS, nothing else in it
 * is set. */
FT_NODISCARD int ft_sflow_begin(const uint8_t *data, size_t len, struct ft_sflow_datagram *out);

/* The next sample. FT_OK; FT_E_EOF: no more; FT_E_CORRUPT: d->fault says what is wrong here, *out
 * is unspecified; go on calling. */
FT_NODISCARD int ft_sflow_next(struct ft_sflow_datagram *d, struct ft_sflow_sample *out);

/* Ends the records of a sample: the cold part of ft_sflow_record. */
FT_NODISCARD int ft__sflow_record_end(struct ft_sflow_sample *s, struct ft_sflow_record *out);

/* The next record. FT_OK; FT_E_EOF: no more; FT_E_CORRUPT: s->fault says what is wrong, *out is
 * unspecified; go on calling. */
FT_NODISCARD FT_INLINE int ft_sflow_record(struct ft_sflow_sample *s, struct ft_sflow_record *out)
{
    size_t left = ft_rd_left(&s->rd);
    uint32_t len;

    if (FT_UNLIKELY(s->n_seen >= s->n_records || left < 8)) {
        return ft__sflow_record_end(s, out);
    }
    len = ft_load_be32(s->rd.p + 4);
    left -= 8;
    if (FT_UNLIKELY(len > left)) {
        return ft__sflow_record_end(s, out);
    }
    s->n_seen++;
    out->tag = ft_rd_u32(&s->rd);
    out->len = ft_rd_u32(&s->rd);
    out->data = ft_rd_view(&s->rd, len);
    out->cut = false;
    left -= len;
    len = -len & 3; /* padding; the last record may lack it */
    ft_ignore(ft_rd_view(&s->rd, len <= left ? len : left) == NULL); /* is there: just compared */
    return FT_OK;
}

/* --- what a flow or discard sample says of its packet --- */

enum {
    FT_SFLOW_HEADER = 1, /* record tags of packets, enterprise 0 */
    FT_SFLOW_ETHERNET = 2,
    FT_SFLOW_IPV4 = 3,
    FT_SFLOW_IPV6 = 4
};

enum { FT_SFLOW_LINK_NONE = 0xffff }; /* no link type says what these bytes are */

struct ft_sflow_header {
    const uint8_t *data; /* the packet's first bytes; borrowed from the datagram, never NULL */
    uint32_t len;        /* of them, in the record */
    uint32_t header_len; /* as announced: more than len when cut */
    uint32_t protocol;   /* 1 Ethernet, 7 PPP, 11 IPv4, 12 IPv6, 13 MPLS, ... */
    uint32_t frame_len;  /* bytes on the wire with the FCS; may be below len if the agent lies */
    uint32_t stripped;   /* of frame_len, bytes that were taken off the front or the end */
    uint16_t linktype;   /* LINKTYPE_* of data, or FT_SFLOW_LINK_NONE */
    bool cut;            /* header_len is beyond the record: count FT_SFLOW_F_HEADER_LENGTH */
};

/* The LINKTYPE_* of a header protocol other than Ethernet, or FT_SFLOW_LINK_NONE. */
uint16_t ft_sflow_linktype(uint32_t protocol);

/* A record with tag FT_SFLOW_HEADER. FT_OK; FT_E_TRUNCATED: it ends before the header's length,
 * *out is untouched (count FT_SFLOW_F_STRUCT_SHORT). */
FT_NODISCARD FT_INLINE int ft_sflow_header(const struct ft_sflow_record *rec,
                                           struct ft_sflow_header *out)
{
    struct ft_rd rd = ft_rd_make(rec->data, rec->len);
    uint32_t protocol = ft_rd_u32(&rd), frame_len = ft_rd_u32(&rd), stripped = ft_rd_u32(&rd);
    uint32_t header_len = ft_rd_u32(&rd), left;

    if (FT_UNLIKELY(!ft_rd_ok(&rd))) {
        return FT_E_TRUNCATED;
    }
    left = (uint32_t)ft_rd_left(&rd);
    out->data = rd.p;
    out->len = header_len <= left ? header_len : left;
    out->header_len = header_len;
    out->protocol = protocol;
    out->frame_len = frame_len;
    out->stripped = stripped;
    out->linktype = FT_LIKELY(protocol == 1) ? FT_LINK_ETHERNET : ft_sflow_linktype(protocol);
    out->cut = header_len > left;
    return FT_OK;
}

/* Records FT_SFLOW_ETHERNET: what an agent that keeps no header tells of a frame. */
struct ft_sflow_ethernet {
    uint32_t length; /* bytes on the wire with the FCS */
    uint32_t type;   /* EtherType */
    uint8_t src[6], dst[6];
};

/* FT_OK; FT_E_TRUNCATED: *out is untouched. MACs without their XDR padding are read too. */
FT_NODISCARD int ft_sflow_ethernet(const struct ft_sflow_record *rec,
                                   struct ft_sflow_ethernet *out);

/* Records FT_SFLOW_IPV4 and FT_SFLOW_IPV6, likewise. */
struct ft_sflow_ip {
    uint8_t version; /* 4, 6 */
    uint32_t length; /* of the IP packet */
    uint32_t protocol;
    uint8_t src[16], dst[16]; /* network order; IPv4 in the first 4 bytes */
    uint32_t src_port, dst_port;
    uint32_t tcp_flags;
    uint32_t tos; /* IPv6: the traffic class */
};

FT_NODISCARD int ft_sflow_ip(const struct ft_sflow_record *rec, struct ft_sflow_ip *out);

/* --- structures as values --- */

enum { FT_SFLOW_VALUES_USUAL = 64 }; /* no fixed structure has more fields */

/* snake_case name of a structure in samples of a kind (discards have those of flows): "generic",
 * "extended_switch"; static. NULL: not known. */
const char *ft_sflow_struct_name(enum ft_sflow_kind kind, uint32_t tag);

/* Appends the fields of a record to out[*n..cap) and counts *n up; offsets count from base, which
 * is at or before the record in the same datagram. An unknown structure gives one FT_X_OCTETS value
 * "struct_<enterprise>_<format>", whose key lies in rec->name: keep rec as long as the value. Names
 * are unique within a structure, not between structures. Arrays are consecutive values of one key,
 * FT_XV_FIRST and FT_XV_MORE; an array of lists (dst_as_path of several segments) likewise.
 * Counters that the agent does not have (all ones, percentages and loads of -1) and addresses of
 * type 0 are FT_XV_ABSENT. FT_OK (bytes behind the known fields are a newer version's);
 * FT_E_TRUNCATED: the record ends first (FT_SFLOW_F_STRUCT_SHORT); FT_E_CORRUPT: an address has an
 * unknown type, so that the rest cannot be found (FT_SFLOW_F_STRUCT_ADDRESS); FT_E_FULL: cap is
 * reached. The fields before that are given on every code. */
FT_NODISCARD int ft_sflow_values(enum ft_sflow_kind kind, struct ft_sflow_record *rec,
                                 const uint8_t *base, struct ft_xvalue *out, uint32_t cap,
                                 uint32_t *n);

/* sflow.org's name of a drop reason: 0 to 15 are ICMP unreachable codes. NULL: not known. 33 and 36
 * are what agents in the field send for dev_hdr (332) and tc_egress (366). */
const char *ft_sflow_drop_reason_name(uint32_t code);

#endif
