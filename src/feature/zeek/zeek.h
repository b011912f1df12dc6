/* SPDX-License-Identifier: Apache-2.0 */
/* feature/zeek: what Zeek's default scripts know of ports and networks. */
#ifndef FT_FEATURE_ZEEK_H
#define FT_FEATURE_ZEEK_H

#include <stdbool.h>
#include <stdint.h>

#include "model/record.h"

/* Is it a port of likely_server_ports, as the scripts of its protocols fill it? */
bool ft__zeek_is_server(uint8_t proto, uint16_t port);

/* Is the address in Site::local_nets, which is Site::private_address_space when nobody sets it? */
bool ft__zeek_is_local(uint8_t ip_version, const uint8_t addr[16]);

/* Puts what conn.log calls the application; "": nothing. info: NULL: it is not known. */
struct ft_app_info;
void ft__zeek_service(const struct ft_app_info *info, uint8_t proto, char out[FT_ZEEK_SERVICE]);

/* Zeek turns a flow round when its first packet seems to be a server's. Puts the history of a flow
 * that is not TCP, or what TCP's turns into, and says whether originator and responder are the
 * core's responder and initiator. *out_held: the flow began with a SYN-ACK, and nothing has shown
 * yet that it was an answer. history: of the tcp feature; "" when it is not TCP. */
bool ft__zeek_turn(const struct ft_flow_record *core, const char *history, bool *out_held,
                   char out[FT_ZEEK_HISTORY]);

#endif
