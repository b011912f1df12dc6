/* SPDX-License-Identifier: Apache-2.0 */
/* feature/nprint: the columns of the nprint profile. */
#include "model/columns.h"

static void f_nprint(const void *part, struct ft_value *v)
{
    const struct ft_nprint_record *r = part;

    v->null = r->n == 0;
    v->text = r->bytes;
    v->text_len = r->n;
}

static void f_lengths(const void *part, struct ft_value *v)
{
    const struct ft_nprint_record *r = part;

    v->text = r->lengths[0];
    v->text_len = (uint32_t)(r->most * sizeof r->lengths[0]);
}

enum { PACKETS, PAYLOAD };

static uint32_t asked_nprint(const uint64_t *option)
{
    return (uint32_t)(option[PACKETS] * (FT_NPRINT_HEADERS + option[PAYLOAD]));
}

static uint32_t asked_lengths(const uint64_t *option)
{
    return (uint32_t)(option[PACKETS] * FT_NPRINT__COUNT);
}

static const struct ft_field rows[] = {
    {.name = "nprint_packets",
     .rank = 15200,
     .group = FT_GROUP_FEATURES,
     .type = FT_T_U8,
     .unit = "packets",
     .privacy = FT_PRIVACY_NONE,
     .profile = "nprint",
     FT_AT(struct ft_nprint_record, packets),
     .source = "flowtap",
     .meaning = "how many packets nprint and nprint_lengths tell of; what comes behind them is "
                "zeros"},
    {.name = "nprint",
     .rank = 15210,
     .group = FT_GROUP_FEATURES,
     .type = FT_T_BYTES,
     .most = FT_NPRINT_PACKETS * (FT_NPRINT_HEADERS + FT_NPRINT_PAYLOAD),
     .asked = asked_nprint,
     .unit = "",
     .privacy = FT_PRIVACY_OF(FT_T_BYTES),
     .profile = "nprint",
     .get = f_nprint,
     .source = "nPrint",
     .null = "--anonymize",
     .meaning = "of each of the first packets 60 bytes for its IPv4 header, 40 for IPv6, 60 for "
                "TCP, 8 for UDP, 8 for ICMP, and those of --nprint-payload; what is not there is "
                "zeros"},
    {.name = "nprint_lengths",
     .rank = 15220,
     .group = FT_GROUP_FEATURES,
     .type = FT_T_BYTES,
     .most = FT_NPRINT_PACKETS * FT_NPRINT__COUNT,
     .asked = asked_lengths,
     .unit = "bytes",
     .privacy = FT_PRIVACY_NONE,
     .profile = "nprint",
     .get = f_lengths,
     .source = "flowtap",
     .meaning = "of each of the first packets how many bytes there are of these six in nprint, a "
                "byte for each; the bits of all others are nPrint's -1"},
};

static const struct ft_option options[] = {
    {.name = "nprint-packets",
     .type = FT_OPT_UINT,
     .commands = FT_CMD_LIVE | FT_CMD_READ,
     .arg = "N",
     .defval = "10",
     .min = 1,
     .max = FT_NPRINT_PACKETS,
     .help = "Of how many packets of a flow the nprint profile has the headers: its first N"},
    {.name = "nprint-payload",
     .type = FT_OPT_UINT,
     .commands = FT_CMD_LIVE | FT_CMD_READ,
     .arg = "N",
     .defval = "0",
     .min = 0,
     .max = FT_NPRINT_PAYLOAD,
     .help = "And how many bytes of the payload of each"},
    {.name = "nprint-masked",
     .type = FT_OPT_FLAG,
     .commands = FT_CMD_LIVE | FT_CMD_READ,
     .help = "In it, zeros for addresses and ports"},
};

const struct ft_column_set ft_columns_nprint = {
    .profile = "nprint",
    .meaning = "nPrint: header bits of the first packets (--nprint-*)",
    .rows = rows,
    .n = sizeof rows / sizeof rows[0],
    .part = FT_PART_NPRINT,
    .is_tool = true,
    .options = options,
    .n_options = sizeof options / sizeof options[0]};
