/* SPDX-License-Identifier: Apache-2.0 */
/* feature/link: the columns of the link profile: what the frames of the first packets say. */
#include "model/columns.h"

#include <stdio.h>

static void mac_of(const struct ft_link_record *r, int side, struct ft_value *v)
{
    const uint8_t *m = r->mac[side];

    snprintf(v->buf, sizeof v->buf, "%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4],
             m[5]);
    v->s = v->buf;
}

static void f_src_mac(const void *part, struct ft_value *v)
{
    mac_of(part, 0, v);
}

static void f_dst_mac(const void *part, struct ft_value *v)
{
    mac_of(part, 1, v);
}

#define AT(member) FT_AT(struct ft_link_record, member)

#define NO_FRAME "no Ethernet, or a tunnel"
#define NO_LABEL "not IPv6 straight on Ethernet, or no packet in this direction"

#define ROW(at_rank, field, kind, class)                                                           \
    .name = field, .rank = at_rank, .group = FT_GROUP_FEATURES, .type = kind, .unit = "",          \
    .privacy = class, .profile = "link"

static const struct ft_field rows[] = {
    {ROW(2500, "src_mac", FT_T_STRING, FT_PRIVACY_IDENTITY), .get = f_src_mac, .ie = 56,
     .source = "IEEE 802.3", .null = NO_FRAME,
     .meaning = "MAC address on the initiator's side of the flow's first packet"},
    {ROW(2510, "dst_mac", FT_T_STRING, FT_PRIVACY_IDENTITY), .get = f_dst_mac, .ie = 80,
     .source = "IEEE 802.3", .null = NO_FRAME,
     .meaning = "MAC address on the responder's side of the flow's first packet"},
    {ROW(2520, "fwd_flow_label", FT_T_U32, FT_PRIVACY_NONE), .tells_host = true,
     AT(flow_label[FT_DIR_FWD]), .absent = FT_ABSENT_ONES, .ie = 31, .source = "RFC 8200 §6",
     .null = NO_LABEL, .meaning = "IPv6 flow label of the first packet from the initiator"},
    {ROW(2530, "rev_flow_label", FT_T_U32, FT_PRIVACY_NONE), .tells_host = true,
     AT(flow_label[FT_DIR_REV]), .absent = FT_ABSENT_ONES, .ie = 31, .pen = FT_PEN_REVERSE,
     .source = "RFC 8200 §6", .null = NO_LABEL,
     .meaning = "IPv6 flow label of the first packet from the responder"},
};

const struct ft_column_set ft_columns_link = {
    .profile = "link",
    .meaning = "MAC addresses and IPv6 flow labels of the first packets",
    .rows = rows,
    .n = sizeof rows / sizeof rows[0],
    .part = FT_PART_LINK};
