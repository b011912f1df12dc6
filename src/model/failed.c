/* SPDX-License-Identifier: Apache-2.0 */
/* model: flows that came to nothing, see failed.h. */
#include "model/failed.h"

#include <string.h>

enum { PROTO_TCP = 6, PROTO_UDP = 17 };

bool ft_is_one_host(const uint8_t *addr, uint8_t ip_version)
{
    static const uint8_t all[4] = {255, 255, 255, 255};

    return ip_version == 6 ? addr[0] != 0xff : addr[0] >> 4 != 14 && memcmp(addr, all, 4) != 0;
}

bool ft_flow_failed(const struct ft_flow_record *core)
{
    if (core->proto == PROTO_UDP) {
        return core->packets[FT_DIR_REV] == 0 && ft_is_one_host(core->dst, core->ip_version);
    }
    if (core->proto != PROTO_TCP || (core->tcp_flags[FT_DIR_FWD] & FT_TCP_SYN) == 0) {
        return false;
    }
    bool reset = ((core->tcp_flags[0] | core->tcp_flags[1]) & FT_TCP_RST) != 0;

    return core->packets[FT_DIR_REV] == 0 ||
           (reset && core->payload_bytes[0] == 0 && core->payload_bytes[1] == 0);
}
