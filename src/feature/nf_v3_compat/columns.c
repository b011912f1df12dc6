/* SPDX-License-Identifier: Apache-2.0 */
/* feature/nf_v3_compat: the columns of the nf-v3-compat profile: those of nf-v3, as the published
 * files have them: 0 where there is nothing. */
#include <math.h>

#include "feature/nf_v3/rows.h"

#define PROFILE    "nf-v3-compat"
#define FIRST_RANK 13500
#define NONE(text) .null = NULL
#define NO_L7      .get = f_unknown
#define IP_MIN     "smallest IP packet; 0 when one side sent none"
#define DURATION                                                                                   \
    AT(duration_ms), .meaning = "--nf-compat 2: 2^32 us less the duration, in whole ms, but 0 "    \
                                "below 1 ms; 3: the duration"

#define SECOND_TYPE FT_T_F64
#define SECOND_UNIT "" /* digits of some, or bytes a millisecond */
#define SECOND_BYTES(dir)                                                                          \
    .get = (dir) ? f_second_out : f_second_in, .null = "not finite",                               \
    .meaning =                                                                                     \
        "--nf-compat 2: the IP bytes of each second of the clock with packets of the side, "       \
        "their decimal digits one behind the other; 3: IP bytes of the other side by the "         \
        "duration in ms, rounded down"
#define THROUGHPUT(dir)                                                                            \
    AT(maybe[FT_NF_THROUGHPUT_IN + (dir)]),                                                        \
        .meaning = "--nf-compat 2: IP bytes of the side's last second of the clock by the time "   \
                   "from that second's first packet to its last in ms, at least 1, rounded down, " \
                   "times 8000; 3: IP bits of the side by the duration and 1 ms, rounded down"

/* nDPI's number of what it does not know. */
static void f_unknown(const void *part, struct ft_value *v)
{
    (void)part;
    v->f = 0;
}

static void second(const struct ft_nf_v3_record *r, int d, struct ft_value *v)
{
    v->f = r->second[d];
    v->null = !isfinite(v->f);
}

static void f_second_in(const void *part, struct ft_value *v)
{
    second(part, FT_DIR_FWD, v);
}

static void f_second_out(const void *part, struct ft_value *v)
{
    second(part, FT_DIR_REV, v);
}

static const struct ft_field rows[] = {
#include "feature/nf_v3/rows.def"
};

static const struct ft_option options[] = {
    {.name = "nf-compat",
     .type = FT_OPT_UINT,
     .commands = FT_CMD_LIVE | FT_CMD_READ,
     .arg = "N",
     .defval = "2",
     .min = 2,
     .max = 3,
     .help = "nf-v3-compat has the faults of NF-*-v2 or NF-*-v3"},
};

const struct ft_column_set ft_columns_nf_v3_compat = {
    .profile = PROFILE,
    .meaning = "nf-v3 with the faults of the published files (--nf-compat)",
    .is_tool = true,
    .rules = &ft__nf_v3_rules,
    .rows = rows,
    .n = sizeof rows / sizeof rows[0],
    .part = FT_PART_NF_V3_COMPAT,
    .options = options,
    .n_options = sizeof options / sizeof options[0]};
