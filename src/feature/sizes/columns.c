/* SPDX-License-Identifier: Apache-2.0 */
/* feature/sizes: the columns of the sizes profile: the distributions of packet sizes and of gaps.
 */
#include "model/columns.h"

#define SIZES(name, stmt)                                                                          \
    static void f_##name(const void *part, struct ft_value *v)                                     \
    {                                                                                              \
        const struct ft_sizes_record *r = part;                                                    \
        stmt;                                                                                      \
    }

static void real(struct ft_value *v, bool known, double value)
{
    v->null = !known;
    v->f = value;
}

static void size_of(const struct ft_sizes_record *r, int d, uint64_t value, struct ft_value *v)
{
    v->u = value;
    v->null = r->size[d].n == 0;
}

static void gap_of(const struct ft_sizes_record *r, int d, uint64_t ns, struct ft_value *v)
{
    real(v, r->gap[d].n > 0, (double)ns / 1000);
}

SIZES(fwd_ip_bytes_min, size_of(r, 0, r->size[0].min, v))
SIZES(rev_ip_bytes_min, size_of(r, 1, r->size[1].min, v))
SIZES(fwd_ip_bytes_max, size_of(r, 0, r->size[0].max, v))
SIZES(rev_ip_bytes_max, size_of(r, 1, r->size[1].max, v))
SIZES(fwd_ip_bytes_mean, real(v, r->size[0].n > 0, ft_distribution_mean(&r->size[0])))
SIZES(rev_ip_bytes_mean, real(v, r->size[1].n > 0, ft_distribution_mean(&r->size[1])))
SIZES(fwd_ip_bytes_std, real(v, r->size[0].n > 1, ft_distribution_std(&r->size[0])))
SIZES(rev_ip_bytes_std, real(v, r->size[1].n > 1, ft_distribution_std(&r->size[1])))
SIZES(fwd_iat_min_us, gap_of(r, 0, r->gap[0].min, v))
SIZES(rev_iat_min_us, gap_of(r, 1, r->gap[1].min, v))
SIZES(fwd_iat_max_us, gap_of(r, 0, r->gap[0].max, v))
SIZES(rev_iat_max_us, gap_of(r, 1, r->gap[1].max, v))
SIZES(fwd_iat_mean_us, real(v, r->gap[0].n > 0, ft_distribution_mean(&r->gap[0]) / 1000))
SIZES(rev_iat_mean_us, real(v, r->gap[1].n > 0, ft_distribution_mean(&r->gap[1]) / 1000))
SIZES(fwd_iat_std_us, real(v, r->gap[0].n > 1, ft_distribution_std(&r->gap[0]) / 1000))
SIZES(rev_iat_std_us, real(v, r->gap[1].n > 1, ft_distribution_std(&r->gap[1]) / 1000))

#define NO_PACKETS  "no packet in this direction"
#define TWO_PACKETS "fewer than two packets in this direction"

#define ROW(at_rank, field, kind, of)                                                              \
    .name = field, .rank = at_rank, .group = FT_GROUP_FEATURES, .type = kind, .unit = of,          \
    .privacy = FT_PRIVACY_OF(kind), .profile = "sizes"

static const struct ft_field rows[] = {
    {ROW(320, "fwd_ip_bytes_min", FT_T_U64, "bytes"), .get = f_fwd_ip_bytes_min, .ie = 25,
     .source = "IP total length", .null = NO_PACKETS,
     .meaning = "smallest IP packet from the initiator"},
    {ROW(330, "rev_ip_bytes_min", FT_T_U64, "bytes"), .get = f_rev_ip_bytes_min, .ie = 25,
     .pen = FT_PEN_REVERSE, .source = "IP total length", .null = NO_PACKETS,
     .meaning = "smallest IP packet from the responder"},
    {ROW(340, "fwd_ip_bytes_max", FT_T_U64, "bytes"), .get = f_fwd_ip_bytes_max, .ie = 26,
     .source = "IP total length", .null = NO_PACKETS,
     .meaning = "largest IP packet from the initiator"},
    {ROW(350, "rev_ip_bytes_max", FT_T_U64, "bytes"), .get = f_rev_ip_bytes_max, .ie = 26,
     .pen = FT_PEN_REVERSE, .source = "IP total length", .null = NO_PACKETS,
     .meaning = "largest IP packet from the responder"},
    {ROW(360, "fwd_ip_bytes_mean", FT_T_F64, "bytes"), .get = f_fwd_ip_bytes_mean,
     .source = "IP total length", .null = NO_PACKETS,
     .meaning = "mean IP packet from the initiator"},
    {ROW(370, "rev_ip_bytes_mean", FT_T_F64, "bytes"), .get = f_rev_ip_bytes_mean,
     .source = "IP total length", .null = NO_PACKETS,
     .meaning = "mean IP packet from the responder"},
    {ROW(380, "fwd_ip_bytes_std", FT_T_F64, "bytes"), .get = f_fwd_ip_bytes_std,
     .source = "IP total length", .null = TWO_PACKETS,
     .meaning = "standard deviation of the IP packets from the initiator, of the sample (n - 1)"},
    {ROW(390, "rev_ip_bytes_std", FT_T_F64, "bytes"), .get = f_rev_ip_bytes_std,
     .source = "IP total length", .null = TWO_PACKETS,
     .meaning = "standard deviation of the IP packets from the responder, of the sample (n - 1)"},
    {ROW(400, "fwd_iat_min_us", FT_T_F64, "us"), .get = f_fwd_iat_min_us, .source = "flowtap",
     .null = TWO_PACKETS,
     .meaning = "shortest time between two packets from the initiator; 0 for one that came late"},
    {ROW(410, "rev_iat_min_us", FT_T_F64, "us"), .get = f_rev_iat_min_us, .source = "flowtap",
     .null = TWO_PACKETS,
     .meaning = "shortest time between two packets from the responder; 0 for one that came late"},
    {ROW(420, "fwd_iat_max_us", FT_T_F64, "us"), .get = f_fwd_iat_max_us, .source = "flowtap",
     .null = TWO_PACKETS, .meaning = "longest time between two packets from the initiator"},
    {ROW(430, "rev_iat_max_us", FT_T_F64, "us"), .get = f_rev_iat_max_us, .source = "flowtap",
     .null = TWO_PACKETS, .meaning = "longest time between two packets from the responder"},
    {ROW(440, "fwd_iat_mean_us", FT_T_F64, "us"), .get = f_fwd_iat_mean_us, .source = "flowtap",
     .null = TWO_PACKETS, .meaning = "mean time between two packets from the initiator"},
    {ROW(450, "rev_iat_mean_us", FT_T_F64, "us"), .get = f_rev_iat_mean_us, .source = "flowtap",
     .null = TWO_PACKETS, .meaning = "mean time between two packets from the responder"},
    {ROW(460, "fwd_iat_std_us", FT_T_F64, "us"), .get = f_fwd_iat_std_us, .source = "flowtap",
     .null = "fewer than three packets in this direction",
     .meaning = "standard deviation of those times, of the sample (n - 1), from the initiator"},
    {ROW(470, "rev_iat_std_us", FT_T_F64, "us"), .get = f_rev_iat_std_us, .source = "flowtap",
     .null = "fewer than three packets in this direction",
     .meaning = "standard deviation of those times, of the sample (n - 1), from the responder"},
};

const struct ft_column_set ft_columns_sizes = {
    .profile = "sizes", .rows = rows, .n = sizeof rows / sizeof rows[0], .part = FT_PART_SIZES};
