/* SPDX-License-Identifier: Apache-2.0 */
/* collect: the protocols that are taken, see protocol.h. */
#include "collect/protocol.h"

#include "collect/internal.h"

/* ---- NetFlow v1, v5, v7: Cisco's record layouts as templates; 210 is padding ---- */

static const struct ft_template_field v5_fields[] = {
    {.id = 8, .len = 4},  {.id = 12, .len = 4}, {.id = 15, .len = 4}, {.id = 10, .len = 2},
    {.id = 14, .len = 2}, {.id = 2, .len = 4},  {.id = 1, .len = 4},  {.id = 22, .len = 4},
    {.id = 21, .len = 4}, {.id = 7, .len = 2},  {.id = 11, .len = 2}, {.id = 210, .len = 1},
    {.id = 6, .len = 1},  {.id = 4, .len = 1},  {.id = 5, .len = 1},  {.id = 16, .len = 2},
    {.id = 17, .len = 2}, {.id = 9, .len = 1},  {.id = 13, .len = 1}, {.id = 210, .len = 2},
};

static const struct ft_template_field v1_fields[] = {
    {.id = 8, .len = 4},  {.id = 12, .len = 4}, {.id = 15, .len = 4}, {.id = 10, .len = 2},
    {.id = 14, .len = 2}, {.id = 2, .len = 4},  {.id = 1, .len = 4},  {.id = 22, .len = 4},
    {.id = 21, .len = 4}, {.id = 7, .len = 2},  {.id = 11, .len = 2}, {.id = 210, .len = 2},
    {.id = 4, .len = 1},  {.id = 5, .len = 1},  {.id = 6, .len = 1},  {.id = 210, .len = 11},
};

/* as v5, but the flags byte is "flags", then TCP flags; the router's address ends the record */
static const struct ft_template_field v7_fields[] = {
    {.id = 8, .len = 4},   {.id = 12, .len = 4}, {.id = 15, .len = 4}, {.id = 10, .len = 2},
    {.id = 14, .len = 2},  {.id = 2, .len = 4},  {.id = 1, .len = 4},  {.id = 22, .len = 4},
    {.id = 21, .len = 4},  {.id = 7, .len = 2},  {.id = 11, .len = 2}, {.id = 210, .len = 1},
    {.id = 6, .len = 1},   {.id = 4, .len = 1},  {.id = 5, .len = 1},  {.id = 16, .len = 2},
    {.id = 17, .len = 2},  {.id = 9, .len = 1},  {.id = 13, .len = 1}, {.id = 210, .len = 2},
    {.id = 130, .len = 4}, /* the router that was bypassed: exporterIPv4Address */
};

#define FIELDS(f) .fields = (f), .n_fields = sizeof(f) / sizeof(f)[0]

const struct ft__protocol ft__protocols[FT_XP__COUNT] = {
    [FT_XP_NETFLOW_V1] = {.version = 1,
                          .version_len = 2,
                          .take = ft__messages_take,
                          .begin = ft_nf_begin_v1,
                          .body = ft__old_records_take,
                          FIELDS(v1_fields),
                          .unit = FT_SEQUENCE_NONE},
    [FT_XP_NETFLOW_V5] = {.version = 5,
                          .version_len = 2,
                          .take = ft__messages_take,
                          .begin = ft_nf_begin_v5,
                          .body = ft__old_records_take,
                          FIELDS(v5_fields),
                          .unit = FT_SEQUENCE_RECORDS},
    [FT_XP_NETFLOW_V7] = {.version = 7,
                          .version_len = 2,
                          .take = ft__messages_take,
                          .begin = ft_nf_begin_v7,
                          .body = ft__old_records_take,
                          FIELDS(v7_fields),
                          .unit = FT_SEQUENCE_RECORDS},
    [FT_XP_NETFLOW_V9] = {.version = 9,
                          .version_len = 2,
                          .take = ft__messages_take,
                          .begin = ft_nf_begin_v9,
                          .body = ft__sets_take,
                          .sets = true,
                          .template_set = FT_NF_V9_TEMPLATES,
                          .options_set = FT_NF_V9_OPTIONS,
                          .unit = FT_SEQUENCE_MESSAGES},
    [FT_XP_IPFIX] = {.version = 10,
                     .version_len = 2,
                     .take = ft__messages_take,
                     .begin = ft_nf_begin_ipfix,
                     .body = ft__sets_take,
                     .sets = true,
                     .template_set = FT_NF_IPFIX_TEMPLATES,
                     .options_set = FT_NF_IPFIX_OPTIONS,
                     .several = true,
                     .unit = FT_SEQUENCE_RECORDS},
    [FT_XP_SFLOW_V5] = {.version = 5,
                        .version_len = 4,
                        .least = 8,
                        .take = ft__sflow_take,
                        .unit = FT_SEQUENCE_MESSAGES},
};

const struct ft__protocol *ft__protocol_of(const uint8_t *data, size_t len)
{
    for (uint32_t i = 0; i < FT_XP__COUNT; i++) {
        const struct ft__protocol *p = &ft__protocols[i];

        if (len >= p->version_len && len >= p->least &&
            ft__load_uint(data, p->version_len) == p->version) {
            return p;
        }
    }
    return NULL;
}
