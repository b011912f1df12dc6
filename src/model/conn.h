/* SPDX-License-Identifier: Apache-2.0 */
/* model: how a connection went, in Zeek's terms; and the names of tunnels. */
#ifndef FT_MODEL_CONN_H
#define FT_MODEL_CONN_H

#include "model/record.h"

/* The conn_state of Zeek's conn.log (base/protocols/conn): of TCP by the states of both sides, of
 * UDP by which sides sent, "OTH" for everything else. Static text, never NULL. */
const char *ft_conn_state(const struct ft_flow_record *r);

/* "gre", "vxlan", ...; "" for FT_TUNNEL_NONE. Static text. */
const char *ft_tunnel_name(enum ft_tunnel_type t);

#endif
