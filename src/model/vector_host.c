/* SPDX-License-Identifier: Apache-2.0 */
/* model: the components of a host's window, see vector.h. */
#include <string.h>

#include "model/vector.h"
#include "model/window.h"

static double real(double v, double none)
{
    return v == v ? v : none; /* null is a NaN */
}

static double whole(uint64_t v)
{
    return v != UINT64_MAX ? (double)v : 0;
}

static double within(double v, double most)
{
    v = v < most ? v : most;
    return v > -most ? v : -most;
}

/* (a - b) / (a + b) */
static double ratio(uint64_t a, uint64_t b)
{
    double sum = (double)a + (double)b;

    return sum > 0 ? ((double)a - (double)b) / sum : 0;
}

void ft_vector_host(const struct ft_window_row *row, double out[FT_VECTOR])
{
    const double x[FT_VECTOR] = {
        (double)row->packets[0],
        (double)row->packets[1],
        (double)row->bytes[0],
        (double)row->bytes[1],
        whole(row->flows[0]),
        whole(row->flows[1]),
        whole(row->ended),
        whole(row->failed[0]),
        whole(row->failed[1]),
        whole(row->peers[0]),
        whole(row->peers[1]),
        whole(row->ports),
        whole(row->new_peers),
        whole(row->syn[0]),
        whole(row->syn[1]),
        whole(row->syn_ack[0]),
        whole(row->syn_ack[1]),
        whole(row->rst[0]),
        whole(row->rst[1]),
        real(row->size_mean, 0),
        real(row->size_std, 0),
        real(row->gap_mean, 0),
        real(row->gap_std, 0),
        real(row->port_entropy, 0),
        real(row->size_entropy, 0),
        within(real(row->answered, 1), 1),
        real(row->reset, 0),
        ratio(row->packets[0], row->packets[1]),
        ratio(row->bytes[0], row->bytes[1]),
        within(real(row->bytes_z, 0), FT_VECTOR_MOST),
        within(real(row->flows_z, 0), FT_VECTOR_MOST),
        1,
    };

    memcpy(out, x, sizeof x);
    ft_vector_logs(&ft_vector_specs[FT_VECTOR_HOST], out);
}
