/* SPDX-License-Identifier: Apache-2.0 */
/* model: flows that came to nothing. */
#ifndef FT_MODEL_FAILED_H
#define FT_MODEL_FAILED_H

#include "model/record.h"

/* Did a flow come to nothing? Zeek's S0, REJ, RSTO and RSTR without data; UDP to one host that
 * had no answer. */
bool ft_flow_failed(const struct ft_flow_record *core);

/* Is it the address of one host: neither multicast nor the broadcast of all networks? Network
 * order, IPv4 in the first 4 bytes. */
bool ft_is_one_host(const uint8_t *addr, uint8_t ip_version);

#endif
