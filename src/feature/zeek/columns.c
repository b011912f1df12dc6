/* SPDX-License-Identifier: Apache-2.0 */
/* feature/zeek: the columns of the zeek profile: those of Zeek's conn.log, in its order. */
#include "model/columns.h"

enum { BASE = 62, UID_DIGITS = 11 /* of 64 bits */ };

#define GET(name, stmt)                                                                            \
    static void f_##name(const void *part, struct ft_value *v)                                     \
    {                                                                                              \
        const struct ft_zeek_record *r = part;                                                     \
        stmt;                                                                                      \
    }

static bool has_duration(const struct ft_zeek_record *r)
{
    return r->duration_us > 0;
}

static void address(const struct ft_zeek_record *r, int side, struct ft_value *v)
{
    v->ip_version = r->ip_version;
    v->addr = r->addr[side];
}

static void bytes(const struct ft_zeek_record *r, int side, struct ft_value *v)
{
    v->u = r->bytes[side];
    v->null = !has_duration(r);
}

static void uid(const struct ft_zeek_record *r, struct ft_value *v)
{
    static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    uint64_t n = r->flow_id;

    v->buf[0] = 'C';
    for (int i = UID_DIGITS; i > 0; i--, n /= BASE) {
        v->buf[i] = digits[n % BASE];
    }
    v->buf[UID_DIGITS + 1] = '\0';
    v->s = v->buf;
}

GET(ts, v->i = r->first_ns)
GET(uid, uid(r, v))
GET(orig_h, address(r, 0, v))
GET(resp_h, address(r, 1, v))
GET(proto, v->s = r->proto)
GET(service, v->s = r->service; v->null = r->service[0] == '\0')
GET(duration, v->f = (double)r->duration_us / 1e6; v->null = !has_duration(r))
GET(orig_bytes, bytes(r, 0, v))
GET(resp_bytes, bytes(r, 1, v))
GET(conn_state, v->s = r->conn_state)
GET(history, v->s = r->history; v->null = r->history[0] == '\0')
GET(tunnel_parents, (void)r; v->null = true)

#define AT(member) FT_AT(struct ft_zeek_record, member)

#define ROW(at_rank, field, kind, of)                                                              \
    .name = field, .rank = at_rank, .group = FT_GROUP_FEATURES, .type = kind, .unit = of,          \
    .privacy = FT_PRIVACY_OF(kind), .profile = "zeek"

#define SOURCE      "Zeek conn.log"
#define NO_DURATION "the flow has no duration"

static const struct ft_field rows[] = {
    {ROW(14000, "ts", FT_T_TIME, "s"), .get = f_ts, .source = SOURCE,
     .meaning = "time of the first packet"},
    {.name = "uid",
     .rank = 14010,
     .group = FT_GROUP_FEATURES,
     .type = FT_T_STRING,
     .privacy = FT_PRIVACY_IDENTITY,
     .unit = "",
     .profile = "zeek",
     .get = f_uid,
     .source = "flowtap",
     .meaning = "C and eleven digits of base 62, which are the flow_id: the same in every run, and "
                "never what Zeek draws"},
    {ROW(14020, "id.orig_h", FT_T_ADDR, ""), .get = f_orig_h, .source = SOURCE,
     .meaning = "originator's address: the sender of the first SYN, else of the first packet, but "
                "where that seems to come from a server's port"},
    {ROW(14030, "id.orig_p", FT_T_U16, ""), AT(port[0]), .tells_host = true, .source = SOURCE,
     .meaning = "originator's port; of ICMP the type; 0 of others"},
    {ROW(14040, "id.resp_h", FT_T_ADDR, ""), .get = f_resp_h, .source = SOURCE,
     .meaning = "responder's address"},
    {ROW(14050, "id.resp_p", FT_T_U16, ""), AT(port[1]), .tells_host = true, .source = SOURCE,
     .meaning =
         "responder's port; of ICMP the type of the answer, or the code where there is none"},
    {ROW(14060, "proto", FT_T_STRING, ""), .get = f_proto, .source = SOURCE,
     .meaning = "tcp, udp, icmp (of IPv6, too) or unknown_transport"},
    {ROW(14070, "service", FT_T_STRING, ""), .get = f_service, .source = SOURCE,
     .null = "not known, or Zeek has no analyzer for it",
     .meaning =
         "application protocol as the app profile has it, in Zeek's words; never by the port "
         "alone"},
    {ROW(14080, "duration", FT_T_F64, "s"), .get = f_duration, .source = SOURCE,
     .null = "one packet, or none later than the first",
     .meaning = "from the first packet to the last; of TCP to the last before both sides had "
                "closed: the ACK of the last FIN is not in it"},
    {ROW(14090, "orig_bytes", FT_T_U64, "bytes"), .get = f_orig_bytes, .source = SOURCE,
     .null = NO_DURATION,
     .meaning = "payload of the originator; of TCP by the sequence numbers, what was not captured "
                "included"},
    {ROW(14100, "resp_bytes", FT_T_U64, "bytes"), .get = f_resp_bytes, .source = SOURCE,
     .null = NO_DURATION, .meaning = "payload of the responder, likewise"},
    {ROW(14110, "conn_state", FT_T_STRING, ""), .get = f_conn_state, .source = SOURCE,
     .meaning = "S0, S1, SF, REJ, S2, S3, RSTO, RSTR, RSTOS0, RSTRH, SH, SHR or OTH"},
    {ROW(14120, "local_orig", FT_T_BOOL, ""), AT(local[0]), .tells_host = true, .source = SOURCE,
     .meaning = "the originator is in Zeek's default local networks: private and special-purpose "
                "ones"},
    {ROW(14130, "local_resp", FT_T_BOOL, ""), AT(local[1]), .tells_host = true, .source = SOURCE,
     .meaning = "the responder is, likewise"},
    {ROW(14140, "missed_bytes", FT_T_U64, "bytes"), AT(missed_bytes), .source = SOURCE,
     .meaning = "bytes of both sides that were acknowledged and never captured"},
    {ROW(14150, "history", FT_T_STRING, ""), .get = f_history, .source = SOURCE,
     .null = "neither TCP nor UDP",
     .meaning =
         "what was seen, in order; upper case from the originator: s SYN, h SYN-ACK, a ACK, d "
         "data, f FIN, r RST, t retransmission, w zero window, g gap, i and q odd flags, ^ "
         "turned round"},
    {ROW(14160, "orig_pkts", FT_T_U64, "packets"), AT(packets[0]), .source = SOURCE,
     .meaning = "packets of the originator"},
    {ROW(14170, "orig_ip_bytes", FT_T_U64, "bytes"), AT(ip_bytes[0]), .source = SOURCE,
     .meaning = "IP total length of them"},
    {ROW(14180, "resp_pkts", FT_T_U64, "packets"), AT(packets[1]), .source = SOURCE,
     .meaning = "packets of the responder"},
    {ROW(14190, "resp_ip_bytes", FT_T_U64, "bytes"), AT(ip_bytes[1]), .source = SOURCE,
     .meaning = "IP total length of them"},
    {ROW(14200, "tunnel_parents", FT_T_STRING, ""), .get = f_tunnel_parents, .source = SOURCE,
     .null = "always: no record is made of a tunnel itself whose uid could stand here",
     .meaning = "uids of the flows that the packets came in"},
    {ROW(14210, "ip_proto", FT_T_U8, ""), AT(ip_proto), .source = SOURCE,
     .meaning = "protocol of the IP header"},
};

#define SEC INT64_C(1000000000)

static const struct ft_flow_rules rules = {
    .name = "zeek",
    .idle_ns = 300 * SEC,
    .idle_else_ns = 60 * SEC,
    .login_idle_ns = 3600 * SEC,
    .attempt_ns = 5 * SEC,
    .names_every_ns = 10 * SEC,
    .names_quiet_ns = 9 * SEC,
    .active_ns = INT64_MAX,
    .fins_end = true,
    .linger_fixed = true,
    .syn_begins = true,
    .five_tuple = true,
};

const struct ft_column_set ft_columns_zeek = {
    .profile = "zeek",
    .meaning = "Zeek's conn.log, by its rules: states, history, sizes by sequence numbers",
    .is_tool = true,
    .rules = &rules,
    .rows = rows,
    .n = sizeof rows / sizeof rows[0],
    .part = FT_PART_ZEEK};
