/* SPDX-License-Identifier: Apache-2.0 */
/* feature/tunnel: the columns of the tunnel profile: what the packets came in, fragments and marks
 * of the network. */
#include "model/columns.h"

#define AT(member) FT_AT(struct ft_tunnel_record, member)

#define TUNNEL(name, stmt)                                                                         \
    static void f_##name(const void *part, struct ft_value *v)                                     \
    {                                                                                              \
        const struct ft_tunnel_record *r = part;                                                   \
        stmt;                                                                                      \
    }

const struct ft_tunnel_record ft_tunnel_nothing = {0};

static void outer(const struct ft_tunnel_record *r, const uint8_t *addr, struct ft_value *v)
{
    v->null = r->version == 0;
    v->ip_version = r->version;
    v->addr = addr;
}

TUNNEL(tunnel_rev_id, v->u = r->rev_id; v->null = !r->has_rev_id)
TUNNEL(tunnel_src, outer(r, r->src, v))
TUNNEL(tunnel_dst, outer(r, r->dst, v))
TUNNEL(roce_opcode, v->u = r->roce_bth >> 24; v->null = !r->has_roce)
TUNNEL(roce_dest_qp, v->u = r->roce_bth & 0xffffff; v->null = !r->has_roce)

#define NO_ROCE "not RoCEv2"

#define ROW(at_rank, field, kind, of)                                                              \
    .name = field, .rank = at_rank, .group = FT_GROUP_FEATURES, .type = kind, .unit = of,          \
    .privacy = FT_PRIVACY_OF(kind), .profile = "tunnel"

static const struct ft_field rows[] = {
    {ROW(500, "tunnel_rev_id", FT_T_U32, ""), .tells_host = true, .get = f_tunnel_rev_id,
     .source = "RFC of the tunnel",
     .null = "no tunnel, or one without an id, or no packet came back",
     .meaning = "its id from the responder"},
    {ROW(510, "tunnel_src_ip", FT_T_ADDR, ""), .get = f_tunnel_src,
     .source = "IP header of the tunnel", .null = "no tunnel, or one below IP",
     .meaning = "outer address on the initiator's side"},
    {ROW(520, "tunnel_dst_ip", FT_T_ADDR, ""), .get = f_tunnel_dst,
     .source = "IP header of the tunnel", .null = "no tunnel, or one below IP",
     .meaning = "outer address on the responder's side"},
    {ROW(530, "tunnel_depth", FT_T_U8, ""), AT(depth), .source = "flowtap",
     .meaning = "tunnels around the packets; 0: none"},
    {ROW(540, "fwd_fragments", FT_T_U32, "packets"), AT(fragments[FT_DIR_FWD]),
     .source = "RFC 791, RFC 8200 §4.5",
     .meaning = "packets from the initiator that were fragments of IP datagrams"},
    {ROW(550, "rev_fragments", FT_T_U32, "packets"), AT(fragments[FT_DIR_REV]),
     .source = "RFC 791, RFC 8200 §4.5",
     .meaning = "packets from the responder that were fragments of IP datagrams"},
    {ROW(560, "fwd_ecn_ce_packets", FT_T_U32, "packets"), AT(ecn_ce[FT_DIR_FWD]),
     .source = "RFC 3168 §5",
     .meaning = "packets from the initiator marked: congestion experienced"},
    {ROW(570, "rev_ecn_ce_packets", FT_T_U32, "packets"), AT(ecn_ce[FT_DIR_REV]),
     .source = "RFC 3168 §5",
     .meaning = "packets from the responder marked: congestion experienced"},
    {ROW(580, "roce_opcode", FT_T_U8, ""), .get = f_roce_opcode, .source = "IBTA annex A17",
     .null = NO_ROCE, .meaning = "BTH opcode of the first RoCEv2 packet"},
    {ROW(590, "roce_dest_qp", FT_T_U32, ""), .tells_host = true, .get = f_roce_dest_qp,
     .source = "IBTA annex A17", .null = NO_ROCE,
     .meaning = "destination queue pair of the first RoCEv2 packet"},
};

const struct ft_column_set ft_columns_tunnel = {
    .profile = "tunnel",
    .meaning = "outer addresses and depth of tunnels, fragments, congestion marks, RoCE",
    .in_all = true,
    .rows = rows,
    .n = sizeof rows / sizeof rows[0],
    .part = FT_PART_TUNNEL,
    .nothing = &ft_tunnel_nothing};
