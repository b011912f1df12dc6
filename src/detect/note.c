/* SPDX-License-Identifier: Apache-2.0 */
/* detect: from a record to a note, see note.h. */
#include "detect/note.h"

#include <string.h>

#include "model/failed.h"
#include "model/field.h"

void ft_note_of(const struct ft_flow_record *core, struct ft_note *out)
{
    bool ports = ft_proto_has_ports(core->proto) && !core->no_ports;
    size_t width = core->ip_version == 6 ? 16 : 4;

    memset(out, 0, sizeof *out);
    out->at_ns = core->timestamp_ns;
    out->first_ns = core->first_ns;
    out->last_ns = core->last_ns;
    out->flow_id = core->flow_id;
    for (int i = 0; i < 2; i++) {
        out->bytes[i] = core->bytes[i];
        out->packets[i] = core->packets[i];
    }
    out->port[0] = ports ? core->src_port : 0;
    out->port[1] = ports ? core->dst_port : 0;
    out->proto = core->proto;
    out->ip_version = core->ip_version;
    memcpy(out->addr[0], core->src, width);
    memcpy(out->addr[1], core->dst, width);
    out->bits = (uint8_t)((core->is_final && ft_flow_failed(core) ? FT_NOTE_FAILED : 0) |
                          (core->is_final ? 0 : FT_NOTE_ON) |
                          (ft_is_one_host(core->dst, core->ip_version) ? 0 : FT_NOTE_GROUP));
}
