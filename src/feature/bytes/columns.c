/* SPDX-License-Identifier: Apache-2.0 */
/* feature/bytes: the columns of the bytes profile. */
#include "model/columns.h"

static void f_bytes(const void *part, struct ft_value *v)
{
    const struct ft_bytes_record *r = part;

    v->null = r->n == 0;
    v->text = r->bytes;
    v->text_len = r->n;
}

static const struct ft_field rows[] = {
    {.name = "bytes_packets",
     .rank = 15100,
     .group = FT_GROUP_FEATURES,
     .type = FT_T_U8,
     .unit = "packets",
     .privacy = FT_PRIVACY_NONE,
     .profile = "bytes",
     FT_AT(struct ft_bytes_record, packets),
     .source = "flowtap",
     .meaning = "how many packets bytes holds; what comes behind them is zeros"},
    {.name = "bytes",
     .rank = 15110,
     .group = FT_GROUP_FEATURES,
     .type = FT_T_BYTES,
     .most = FT_BYTES_MAX,
     .unit = "",
     .privacy = FT_PRIVACY_OF(FT_T_BYTES),
     .profile = "bytes",
     .get = f_bytes,
     .source = "flowtap",
     .null = "--anonymize",
     .meaning = "of each of the first packets the first bytes of its headers, from the IP header "
                "on, then those of its payload; filled up with zeros, always as long"},
};

static const struct ft_option options[] = {
    {.name = "bytes-packets",
     .type = FT_OPT_UINT,
     .commands = FT_CMD_LIVE | FT_CMD_READ,
     .arg = "N",
     .defval = "5",
     .min = 1,
     .max = FT_BYTES_PACKETS,
     .help = "Of how many packets of a flow the bytes profile has bytes: its first N"},
    {.name = "bytes-header",
     .type = FT_OPT_UINT,
     .commands = FT_CMD_LIVE | FT_CMD_READ,
     .arg = "N",
     .defval = "80",
     .min = 1,
     .max = FT_BYTES_HEADER,
     .help = "How many bytes it has of the headers of each, from the IP header on"},
    {.name = "bytes-payload",
     .type = FT_OPT_UINT,
     .commands = FT_CMD_LIVE | FT_CMD_READ,
     .arg = "N",
     .defval = "240",
     .min = 0,
     .max = FT_BYTES_PAYLOAD,
     .help = "And how many of the payload of each"},
    {.name = "bytes-masked",
     .type = FT_OPT_FLAG,
     .commands = FT_CMD_LIVE | FT_CMD_READ,
     .help = "In it, zeros for addresses and ports"},
};

const struct ft_column_set ft_columns_bytes = {
    .profile = "bytes",
    .meaning = "the first bytes of the first packets, as one string of fixed length (--bytes-*)",
    .rows = rows,
    .n = sizeof rows / sizeof rows[0],
    .part = FT_PART_BYTES,
    .options = options,
    .n_options = sizeof options / sizeof options[0]};
