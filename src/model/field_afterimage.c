/* SPDX-License-Identifier: Apache-2.0 */
/* model: the columns of the event `afterimage`: names and order are Kitsune's. */
#include "model/field_afterimage.h"

#include "model/afterimage.h"
#include "model/observer.h"

static void a_timestamp(const void *event, struct ft_value *v)
{
    v->i = ((const struct ft_afterimage_row *)event)->timestamp_ns;
}

#define ROW(key, at, of, text)                                                                     \
    {                                                                                              \
        .name = key, .group = FT_GROUP_FEATURES, .type = FT_T_F64, .unit = of,                     \
        .privacy = FT_PRIVACY_NONE, .profile = "afterimage",                                       \
        FT_AT(struct ft_afterimage_row, v[at]), .source = "Kitsune-py AfterImage.py",              \
        .meaning = text                                                                            \
    }

/* A stream at one rate: its name, what ends the names of its columns, of what its values are. */
#define ONE(name, end, at, rate, of, of2, who, what)                                               \
    ROW(name "_weight" end, at, "packets",                                                         \
        "frames " who ", each counting 2^(-" rate " t) after t seconds, this one included"),       \
        ROW(name "_mean" end, (at) + 1, of, "mean of " what ", weighted like that"),               \
        ROW(name "_std" end, (at) + 2, of2,                                                        \
            "its variance, whatever the name says, weighted like that")

#define TWO(name, at, rate, who, other)                                                            \
    ONE(name, "_0", at, rate, "bytes", "bytes^2", who, "their sizes"),                             \
        ROW(name "_radius_0_1", (at) + 3, "bytes^2",                                               \
            "root of the sum of the squares of both variances: this one and that of " other),      \
        ROW(name "_magnitude_0_1", (at) + 4, "bytes",                                              \
            "root of the sum of the squares of both means"),                                       \
        ROW(name "_covariance_0_1", (at) + 5, "bytes^2",                                           \
            "mean product of the residual of each frame with the other one's last, weighted like " \
            "that"),                                                                               \
        ROW(name "_pcc_0_1", (at) + 6, "",                                                         \
            "covariance by both standard deviations; 0 where one of them is; may be beyond 1")

#define MI(rate, i)                                                                                \
    ONE("MI_dir_" rate, "", FT_AFTERIMAGE_MI + (i)*FT_AFTERIMAGE_ONE, rate, "bytes", "bytes^2",    \
        "with its source MAC and IP address", "their sizes")
#define HH(rate, i)                                                                                \
    TWO("HH_" rate, FT_AFTERIMAGE_HH + (i)*FT_AFTERIMAGE_TWO, rate,                                \
        "from its source address, to whomever", "its destination address")
#define JIT(rate, i)                                                                               \
    ONE("HH_jit_" rate, "", FT_AFTERIMAGE_JIT + (i)*FT_AFTERIMAGE_ONE, rate, "s", "s^2",           \
        "from its source to its destination address", "the gaps between them")
#define HPHP(rate, i)                                                                              \
    TWO("HpHp_" rate, FT_AFTERIMAGE_HPHP + (i)*FT_AFTERIMAGE_TWO, rate,                            \
        "from its source address and port, to whomever (ARP: from its source MAC address)",        \
        "its destination's")
#define RATES(of) of("5", 0), of("3", 1), of("1", 2), of("0.1", 3), of("0.01", 4)

static const struct ft_field afterimage_fields[] = {
    {.name = "timestamp",
     .type = FT_T_TIME,
     .privacy = FT_PRIVACY_TIME,
     .unit = "s",
     .get = a_timestamp,
     .source = "capture",
     .meaning = "time of the frame"},
    RATES(MI),
    RATES(HH),
    RATES(JIT),
    RATES(HPHP),
    FT_OBSERVER_ROWS,
};

const struct ft_field *ft__fields_afterimage(uint32_t *out_n)
{
    *out_n = sizeof afterimage_fields / sizeof afterimage_fields[0];
    return afterimage_fields;
}
