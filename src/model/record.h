/* SPDX-License-Identifier: Apache-2.0 */
/* model: what the flow stage says and the format stage writes: flow records and samples. */
#ifndef FT_MODEL_RECORD_H
#define FT_MODEL_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "flowtap/event.h"
#include "model/packet.h"

enum { FT_DIR_FWD = 0, FT_DIR_REV = 1 };

/* States of one side of a TCP connection, as Zeek's conn.log knows them. The odd ones have been
 * through a beginning and take data. */
enum ft_tcp_state {
    FT_TCP_INACTIVE = 0,
    FT_TCP_PARTIAL = 1, /* sent something, but no SYN was seen */
    FT_TCP_SYN_SENT = 2,
    FT_TCP_ESTABLISHED = 3,
    FT_TCP_SYN_ACK_SENT = 4,
    FT_TCP_CLOSED = 6, /* sent a FIN */
    FT_TCP_RESET = 8   /* sent a RST */
};

/* The numbers of one direction, in one unit: exact sums, from which mean and standard deviation are
 * worked out when somebody asks. */
struct ft_distribution {
    unsigned __int128 squares; /* sum of the squares */
    uint64_t sum;
    uint64_t n;
    uint64_t min, max; /* n > 0 */
};

/* n > 0. */
double ft_distribution_mean(const struct ft_distribution *d);
/* Standard deviation of the sample (divided by n - 1), rounded once. n > 1. */
double ft_distribution_std(const struct ft_distribution *d);

/* The parts of a flow record: the core, and what each feature knows. */
enum ft_part {
    FT_PART_CORE, /* struct ft_flow_record itself */
#define X(symbol, name) FT_PART_##symbol,
#include "model/parts.def"
#undef X
    FT_PARTS_MAX = 24
};

/* One flow record: all values, oriented forward (src is the initiator). Borrowed during the call.
 */
struct ft_flow_record {
    uint64_t flow_id;     /* stable over the life of the flow; deterministic for a capture */
    int64_t timestamp_ns; /* when the reason came true, packet time */
    int64_t first_ns;     /* earliest packet of the flow */
    int64_t last_ns;      /* latest packet so far */
    int64_t dir_first_ns[2], dir_last_ns[2]; /* of each direction that has packets */
    uint64_t packets[2];  /* [FT_DIR_*], cumulative over the flow_id; likewise below */
    uint64_t bytes[2];    /* wire bytes */
    uint64_t ip_bytes[2]; /* IP total length */
    uint64_t payload_bytes[2];
    /* since the record before of this flow_id */
    uint64_t packets_delta[2], bytes_delta[2], ip_bytes_delta[2];
    int64_t since_ns; /* first packet of these, by either direction; last_ns when there are none */
    int64_t dir_since_ns[2];     /* the later of since_ns and dir_first_ns, not after dir_last_ns */
    uint32_t segment;            /* 0 for the first record of a flow_id, then 1, 2, ... */
    uint32_t entry;              /* of the flow in its table: for what others keep about it */
    uint32_t tunnel_id;          /* of the forward direction */
    uint16_t src_port, dst_port; /* key ports; ICMP holds the Community ID mapping, printed as 0 */
    uint16_t scope;              /* as ft_key.scope */
    uint8_t proto;
    uint8_t ip_version;   /* 4 or 6 */
    uint8_t tcp_flags[2]; /* OR of all packets of the direction */
    uint8_t tcp_state[2]; /* TCP: enum ft_tcp_state */
    uint8_t reason;       /* enum ft_reason */
    uint8_t icmp_code;    /* ICMP, ICMPv6: of the first packet; the type is src_port */
    uint8_t tunnel;       /* enum ft_tunnel_type, of the first packet */
    bool is_final;
    bool no_ports;            /* the key has neither ports nor ICMP types: rules.few_ports */
    bool one_way;             /* ICMP type without a counterpart: the key has one direction */
    bool has_icmp_code;       /* icmp_code holds */
    bool has_tunnel_id;       /* tunnel_id holds */
    bool syn_then_reset;      /* TCP: the initiator sent a SYN, then a RST, and nothing between */
    bool truncated;           /* some frames were captured shorter than they were */
    uint8_t src[16], dst[16]; /* network order; IPv4 in the first 4 bytes */
    /* what features that are on say, by enum ft_part: NULL when they say nothing (their columns are
     * null); [FT_PART_CORE] is this record */
    const void *part[FT_PARTS_MAX];
    uint32_t dropped; /* the parts, a bit each, of tools that would not write this record */
};

/* How the packets of a flow are distributed, by direction. */
struct ft_sizes_record {
    struct ft_distribution size[2]; /* IP bytes of the packets */
    struct ft_distribution gap[2];  /* ns between packets of one direction */
};

/* What the sequence numbers of a TCP flow tell; by direction where it is an array of two. */
struct ft_tcp_record {
    uint64_t retrans_bytes[2]; /* payload bytes sent again */
    uint64_t missed_bytes[2];  /* acknowledged by the peer, but not captured */
    uint32_t retrans[2];       /* segments sent again, fast ones included */
    uint32_t fast[2];          /* of them, asked for by duplicate acknowledgments */
    uint32_t out_of_order[2];
    uint32_t dup_acks[2];     /* sent by this direction */
    uint32_t dup_frames[2];   /* captured twice */
    uint32_t zero_windows[2]; /* segments that advertise a closed window */
    uint32_t probes[2];       /* zero-window probes */
    uint32_t keep_alives[2];
    uint32_t window_max[2];  /* bytes, scaled where the scale is known */
    uint32_t rtt_us[2];      /* of the handshake: to the client, to the server; UINT32_MAX: null */
    uint32_t init_window[2]; /* of the first SYN, as on the wire; UINT32_MAX: no SYN was seen */
    uint16_t mss[2];         /* 0: null */
    uint8_t scale[2];        /* UINT8_MAX: null */
    bool midstream;          /* it did not begin with a SYN */
    char history[52];        /* NUL-terminated */
};

/* What the packets came in, and what the network did with them. */
struct ft_tunnel_record {
    uint32_t rev_id;          /* of the tunnel from the responder: GTP and L2TP have one each way */
    uint32_t fragments[2];    /* packets that were fragments */
    uint32_t ecn_ce[2];       /* packets marked "congestion experienced", RFC 3168 */
    uint32_t roce_bth;        /* of the first packet: opcode << 24 | destination QP */
    uint8_t version;          /* 4 or 6; 0: src and dst hold nothing */
    uint8_t depth;            /* tunnels around the packets */
    bool has_rev_id;          /* rev_id holds */
    bool has_roce;            /* roce_bth holds */
    uint8_t src[16], dst[16]; /* outer addresses, as the forward direction has them */
};

/* What the rules of --labels say of a flow. */
struct ft_label_record {
    const char *attack; /* text_len bytes of UTF-8, in the rules; NULL: it has no name */
    uint8_t attack_len;
    uint8_t label;
};

/* What files say of the hosts of a flow (--geo, --networks), and what its interfaces are called.
 * Text has no NUL behind it, and stays for as long as the record. */
enum { FT_ENRICH_HIDDEN = 20 };
struct ft_enrich_side {
    uint32_t as;     /* 0: null */
    char country[4]; /* two letters, NUL-terminated; "": null */
    uint32_t as_name_len, network_len;
    const char *as_name, *network; /* NULL: null */
};
struct ft_enrich_record {
    struct ft_enrich_side side[2];    /* source, destination */
    const char *if_in, *if_out;       /* NUL-terminated; NULL: null */
    char hidden[4][FT_ENRICH_HIDDEN]; /* --anonymize: digits that stand for names */
};

/* The part of a flow in no tunnel, whose packets the network left alone. */
extern const struct ft_tunnel_record ft_tunnel_nothing;

/* What the packets of a flow say besides. */
struct ft_packets_record {
    struct ft_distribution payload[2]; /* bytes after the transport header */
    struct ft_distribution gap;      /* ns between packets of the flow, whatever their direction */
    uint64_t flags[2][8];            /* TCP: packets with each flag, FIN first */
    int64_t first_ns[2], last_ns[2]; /* payload[].n > 0; likewise: */
    uint8_t ttl_min[2], ttl_max[2];
    uint8_t tos[2]; /* of the first packet */
    bool tcp;
    bool has_isn[2];
    uint32_t isn[2]; /* of the first SYN */
};

/* What the frames of a flow's first packets say. */
struct ft_link_record {
    uint8_t mac[2][6];      /* of the first packet, on the initiator's side and on the other */
    uint32_t flow_label[2]; /* of the first packet of each direction; UINT32_MAX: null */
};

/* The first packets of a flow, in the order of their coming. */
enum { FT_SPLT_MAX = 255 };
struct ft_splt_record {
    uint64_t gap_us[FT_SPLT_MAX]; /* [n], since the newest packet of the flow before; likewise: */
    uint32_t ip_bytes[FT_SPLT_MAX], payload_bytes[FT_SPLT_MAX];
    uint16_t tcp_window[FT_SPLT_MAX]; /* as on the wire; 0: not TCP, likewise the flags */
    uint8_t direction[FT_SPLT_MAX];   /* FT_DIR_* */
    uint8_t tcp_flags[FT_SPLT_MAX];
    uint32_t n;
};

/* What CICFlowMeter says of a flow, in one form or the other. Times in us, sizes in bytes of the
 * transport's payload; by direction where it is an array of two. */
struct ft_cic_stats {
    double mean, std;
    int64_t max, min;
};
struct ft_cic_record {
    uint64_t packets[2];
    uint64_t payload_sum[2];
    uint64_t header_sum[2];
    uint64_t psh[2], urg[2], rst[2];
    uint64_t flags[8]; /* packets with each flag, FIN first */
    uint64_t with_data[2];
    uint64_t header_min[2];
    uint64_t window[2];
    uint64_t retrans[3]; /* of both directions, too */
    int64_t first_us, duration_us, connection_us;
    int64_t gap_sum[2];
    struct ft_cic_stats payload[2], gap[2];
    struct ft_cic_stats all_gaps, all_payload, active, idle;
    double all_variance; /* of payloads */
    /* per second; those of the flow NaN of all bits for null */
    double bytes_rate, packets_rate, side_rate[2];
    double down_up, average, segment[2];
    double bulk_bytes[2], bulk_packets[2], bulk_rate[2];
    double subflow_packets[2], subflow_bytes[2];
    const char *label; /* text; as long as the record stands */
    uint8_t label_len;
    uint8_t nonfinite; /* what the tool writes for both rates: 'I' Infinity, 'N' NaN and Infinity */
    uint8_t version;   /* 4 or 6 */
    uint8_t protocol;  /* as the tool writes it */
    uint8_t icmp_type, icmp_code;
    bool has_icmp;
    uint16_t port[2];         /* source, destination; likewise: */
    uint8_t src[16], dst[16]; /* IPv4 in the first 4 bytes */
};

/* A flow as Zeek's conn.log has it: 0 is the originator, 1 the responder, which need not be the
 * forward and the reverse direction of the core. */
enum { FT_ZEEK_HISTORY = 56, FT_ZEEK_SERVICE = 24 };
struct ft_zeek_record {
    uint64_t bytes[2]; /* payload; TCP: by the sequence numbers */
    uint64_t packets[2], ip_bytes[2];
    uint64_t missed_bytes;
    int64_t first_ns;
    int64_t duration_us;    /* 0 and less: it has none, nor has it bytes */
    uint64_t flow_id;       /* what the uid is made of */
    const char *conn_state; /* static text, as the next */
    const char *proto;
    uint16_t port[2];
    uint8_t ip_version;
    uint8_t ip_proto;
    bool local[2];
    uint8_t addr[2][16];
    char history[FT_ZEEK_HISTORY]; /* NUL-terminated, as the next; "": it has none */
    char service[FT_ZEEK_SERVICE];
};

/* A flow as NFStream tells of it: its packets of both directions, and of each. */
enum { FT_NFSTREAM_BOTH, FT_NFSTREAM_FWD, FT_NFSTREAM_REV, FT_NFSTREAM_SIDES };
enum { FT_NFSTREAM_SPLT_MAX = 255 };
struct ft_nfstream_side {
    struct ft_distribution size;             /* bytes of the frames; min and max are 0 of none */
    struct ft_distribution gap;              /* ms, likewise */
    uint64_t flags[8];                       /* packets with each TCP flag, FIN first */
    uint64_t first_ms, last_ms, duration_ms; /* 0: no packets */
};
struct ft_nfstream_record {
    struct ft_nfstream_side side[FT_NFSTREAM_SIDES];
    uint64_t id;           /* the core's flow_id */
    int64_t expiration_id; /* 0 idle, the end of the packets, or none yet, 1 active, -1 cut by
                              flowtap */
    uint8_t src[16], dst[16];
    uint8_t mac[2][6]; /* zeros: not known */
    uint16_t src_port, dst_port, vlan_id;
    uint8_t proto, ip_version, tunnel_id;
    uint32_t n_splt; /* items of each of these; -1: there is no such packet */
    int64_t splt_direction[FT_NFSTREAM_SPLT_MAX];
    int64_t splt_ps[FT_NFSTREAM_SPLT_MAX];
    int64_t splt_piat_ms[FT_NFSTREAM_SPLT_MAX];
};

/* The first bytes of a flow's first packets. */
enum { FT_BYTES_PACKETS = 10, FT_BYTES_HEADER = 120, FT_BYTES_PAYLOAD = 480 };
enum { FT_BYTES_MAX = FT_BYTES_PACKETS * (FT_BYTES_HEADER + FT_BYTES_PAYLOAD) };
struct ft_bytes_record {
    uint32_t n;      /* bytes; 0: hidden */
    uint8_t packets; /* that they are of */
    uint8_t bytes[FT_BYTES_MAX];
};

/* The headers of a flow's first packets as nPrint lays them out: of each packet the longest that
 * IPv4, IPv6, TCP, UDP and ICMP may be, then the payload; a header has zeros behind what there is
 * of it. */
enum { FT_NPRINT_PACKETS = 20, FT_NPRINT_HEADERS = 176, FT_NPRINT_PAYLOAD = 64 };
enum ft_nprint_part {
    FT_NPRINT_IP4,
    FT_NPRINT_IP6,
    FT_NPRINT_TCP,
    FT_NPRINT_UDP,
    FT_NPRINT_ICMP,
    FT_NPRINT_DATA,
    FT_NPRINT__COUNT
};
struct ft_nprint_record {
    uint32_t n;            /* bytes at `bytes`, of so many packets as were asked for; 0: hidden */
    uint8_t packets, most; /* that they are of; that were asked for */
    uint8_t payload;       /* bytes of each that were asked for */
    uint8_t bytes[FT_NPRINT_PACKETS * (FT_NPRINT_HEADERS + FT_NPRINT_PAYLOAD)];
    uint8_t lengths[FT_NPRINT_PACKETS][FT_NPRINT__COUNT]; /* how many bytes there are of each */
};

/* Bytes that each of them takes; the payload, as many as were asked for. */
static const uint8_t ft_nprint_widths[FT_NPRINT__COUNT] = {60, 40, 60, 8, 8, 0};

/* A flow as netFound reads it. */
enum { FT_NETFOUND_BURSTS = 12, FT_NETFOUND_EACH = 6, FT_NETFOUND_TOKENS = 38 };
enum { FT_NETFOUND_MOST = FT_NETFOUND_BURSTS * FT_NETFOUND_EACH * FT_NETFOUND_TOKENS };
struct ft_netfound_record {
    uint64_t flow_duration;            /* us */
    uint64_t iats[FT_NETFOUND_BURSTS]; /* [n], us; likewise: */
    uint32_t bytes[FT_NETFOUND_BURSTS], counts[FT_NETFOUND_BURSTS];
    uint32_t ends[FT_NETFOUND_BURSTS];      /* tokens up to the end of each */
    uint8_t directions[FT_NETFOUND_BURSTS]; /* 1: forward */
    uint32_t n;                             /* bursts */
    uint32_t each;                          /* tokens of a packet */
    const char *label;                      /* label_len bytes, in the rules or static; or NULL */
    uint32_t label_len;
    uint16_t protocol;
    bool hidden; /* the tokens are */
    uint16_t tokens[FT_NETFOUND_MOST];
};

/* What may be null of the columns of nf-v3. */
enum ft_nf_v3_maybe {
    FT_NF_TCP_FLAGS,
    FT_NF_CLIENT_FLAGS,
    FT_NF_SERVER_FLAGS,
    FT_NF_DURATION_IN,
    FT_NF_DURATION_OUT,
    FT_NF_RETRANS_IN_BYTES,
    FT_NF_RETRANS_IN_PKTS,
    FT_NF_RETRANS_OUT_BYTES,
    FT_NF_RETRANS_OUT_PKTS,
    FT_NF_WINDOW_IN,
    FT_NF_WINDOW_OUT,
    FT_NF_ICMP_TYPE,
    FT_NF_ICMP4_TYPE,
    FT_NF_DNS_ID,
    FT_NF_DNS_TYPE,
    FT_NF_DNS_TTL,
    FT_NF_FTP_CODE,
    FT_NF_IAT_IN, /* least, most, mean, deviation */
    FT_NF_IAT_OUT = FT_NF_IAT_IN + 4,
    FT_NF_SECOND_IN = FT_NF_IAT_OUT + 4,
    FT_NF_SECOND_OUT,
    FT_NF_THROUGHPUT_IN,
    FT_NF_THROUGHPUT_OUT,
    FT_NF_MAYBE
};

/* A flow as nProbe says it for the NF data sets; by direction where it is an array of two. */
struct ft_nf_v3_record {
    int64_t start_ms, end_ms;
    uint64_t packets[2], bytes[2];
    uint64_t duration_us, duration_ms;
    uint64_t sized[5];           /* packets up to 128, 256, 512, 1024, 1514 bytes */
    uint64_t maybe[FT_NF_MAYBE]; /* UINT64_MAX: null */
    uint64_t digits[2];      /* the bytes of each second, one behind the other: up to 18 digits */
    uint32_t digits_more[2]; /* and how many there are behind them */
    uint64_t last_bytes[2], last_ms[2]; /* of the last second: bytes, time between its packets */
    double second[2];                   /* of nf-v3-compat; NaN: null */
    uint32_t longest, shortest, ip_min, ip_max; /* bytes */
    uint16_t port[2];
    uint8_t ttl_min, ttl_max;
    uint8_t proto, ip_version;
    uint8_t src[16], dst[16];
};

/* What kind of flow it is, see vector.h. */
struct ft_vector_record {
    const char *id; /* of the transform and its fit; as long as the record stands */
    float vector[32];
};

/* The running counts of a packet's own 5-tuple in its own direction, that packet included. */
struct ft_tuple_counts {
    uint64_t packets;
    uint64_t bytes;   /* wire bytes */
    int64_t first_ns; /* earliest packet of this direction */
};

#endif
