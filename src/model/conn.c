/* SPDX-License-Identifier: Apache-2.0 */
/* model: conn_state and tunnel names, see conn.h. */
#include "model/conn.h"

enum { PROTO_TCP = 6, PROTO_UDP = 17 };

static bool silent(uint8_t state)
{
    return state == FT_TCP_INACTIVE || state == FT_TCP_PARTIAL;
}

static const char *after_reset(const struct ft_flow_record *r, uint8_t orig, uint8_t resp)
{
    if (resp == FT_TCP_RESET) {
        bool nothing = r->payload_bytes[0] == 0 && r->payload_bytes[1] == 0;

        if (orig == FT_TCP_SYN_SENT || orig == FT_TCP_SYN_ACK_SENT ||
            (orig == FT_TCP_RESET && nothing)) {
            return "REJ";
        }
        return silent(orig) ? "RSTRH" : "RSTR";
    }
    if (!silent(resp)) {
        return "RSTO";
    }
    return r->syn_then_reset ? "RSTOS0" : "OTH";
}

static const char *tcp_state(const struct ft_flow_record *r)
{
    uint8_t orig = r->tcp_state[FT_DIR_FWD], resp = r->tcp_state[FT_DIR_REV];

    if (orig == FT_TCP_RESET || resp == FT_TCP_RESET) {
        return after_reset(r, orig, resp);
    }
    if (orig == FT_TCP_CLOSED && resp == FT_TCP_CLOSED) {
        return "SF";
    }
    if (orig == FT_TCP_CLOSED) {
        return silent(resp) ? "SH" : "S2";
    }
    if (resp == FT_TCP_CLOSED) {
        return silent(orig) ? "SHR" : "S3";
    }
    if (orig == FT_TCP_SYN_SENT && resp == FT_TCP_INACTIVE) {
        return "S0";
    }
    return orig == FT_TCP_ESTABLISHED && resp == FT_TCP_ESTABLISHED ? "S1" : "OTH";
}

const char *ft_conn_state(const struct ft_flow_record *r)
{
    if (r->proto == PROTO_TCP) {
        return tcp_state(r);
    }
    if (r->proto != PROTO_UDP) {
        return "OTH";
    }
    if (r->packets[FT_DIR_FWD] > 0) {
        return r->packets[FT_DIR_REV] > 0 ? "SF" : "S0";
    }
    return "SHR";
}

const char *ft_tunnel_name(enum ft_tunnel_type t)
{
    static const char *const names[FT_TUNNEL__COUNT] = {
        [FT_TUNNEL_NONE] = "",         [FT_TUNNEL_IPIP] = "ipip",
        [FT_TUNNEL_SIXIN4] = "6in4",   [FT_TUNNEL_IP4IN6] = "4in6",
        [FT_TUNNEL_IP6IN6] = "6in6",   [FT_TUNNEL_GRE] = "gre",
        [FT_TUNNEL_PPTP] = "pptp",     [FT_TUNNEL_NVGRE] = "nvgre",
        [FT_TUNNEL_ERSPAN] = "erspan", [FT_TUNNEL_VXLAN] = "vxlan",
        [FT_TUNNEL_GENEVE] = "geneve", [FT_TUNNEL_GTPU] = "gtpu",
        [FT_TUNNEL_MPLS] = "mpls",     [FT_TUNNEL_PPPOE] = "pppoe",
        [FT_TUNNEL_L2TP] = "l2tp",     [FT_TUNNEL_TEREDO] = "teredo",
        [FT_TUNNEL_AYIYA] = "ayiya",   [FT_TUNNEL_ETHERIP] = "etherip",
        [FT_TUNNEL_PBB] = "pbb",       [FT_TUNNEL_GUE] = "gue",
        [FT_TUNNEL_FOU] = "fou",       [FT_TUNNEL_CAPWAP] = "capwap",
        [FT_TUNNEL_LISP] = "lisp",     [FT_TUNNEL_TZSP] = "tzsp",
    };

    return t < FT_TUNNEL__COUNT ? names[t] : "";
}
