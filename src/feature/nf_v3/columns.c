/* SPDX-License-Identifier: Apache-2.0 */
/* feature/nf_v3: the columns of the nf-v3 profile: what the names of the NF-*-v3 data sets say,
 * with null where there is nothing. */
#include "feature/nf_v3/rows.h"

#define PROFILE    "nf-v3"
#define FIRST_RANK 13000
#define NONE(text) .null = (text)
#define NO_L7      .get = f_null, NONE("always")
#define IP_MIN     "smallest IP packet"
#define DURATION   AT(duration_ms), .meaning = "from the first packet to the last, whole milliseconds"

#define SECOND_TYPE FT_T_U64
#define SECOND_UNIT "bytes"
#define SECOND_BYTES(dir)                                                                          \
    MAYBE(FT_NF_SECOND_IN + (dir)), NONE((dir) ? "no packets of the server" : "no packets of it"), \
        .meaning = (dir) ? "most IP bytes of the server in a second of the clock"                  \
                         : "most IP bytes of the client in a second of the clock"
#define THROUGHPUT(dir)                                                                            \
    MAYBE(FT_NF_THROUGHPUT_IN + (dir)), NONE("the flow has no duration, in microseconds"),         \
        .meaning = (dir) ? "IP bits of the server by the duration of the flow, rounded down"       \
                         : "IP bits of the client by the duration of the flow, rounded down"

static void f_null(const void *part, struct ft_value *v)
{
    (void)part;
    v->null = true;
}

static const struct ft_field rows[] = {
#include "feature/nf_v3/rows.def"
};

#define SEC INT64_C(1000000000)

const struct ft_flow_rules ft__nf_v3_rules = {.name = "nf-v3",
                                              .idle_ns = 30 * SEC,
                                              .active_ns = 120 * SEC,
                                              .active_ends = true,
                                              .first_is_fwd = true};

const struct ft_column_set ft_columns_nf_v3 = {
    .profile = PROFILE,
    .meaning = "the 53 columns of the NF-*-v3 data sets, as nProbe's words mean them",
    .is_tool = true,
    .rules = &ft__nf_v3_rules,
    .rows = rows,
    .n = sizeof rows / sizeof rows[0],
    .part = FT_PART_NF_V3};
