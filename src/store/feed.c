/* SPDX-License-Identifier: Apache-2.0 */
/* store: records to minutes and hours, see feed.h. */
#include "store/feed.h"

/* What stands for a role: the first of these that there is. Deltas count each packet once; flow
 * export has them by itself, and estimates where it is known to be sampled. */
static const char *const names[FT_FEED__COUNT][3] = {
    [FT_FEED_TIME] = {"timestamp"},
    [FT_FEED_SRC] = {"src_ip"},
    [FT_FEED_DST] = {"dst_ip"},
    [FT_FEED_PORT] = {"dst_port"},
    [FT_FEED_PROTO] = {"protocol"},
    [FT_FEED_SEGMENT] = {"segment"},
    [FT_FEED_BYTES] = {"fwd_bytes_delta", "estimated_bytes", "byte_count"},
    [FT_FEED_BYTES_ELSE] = {"byte_count"},
    [FT_FEED_BYTES_REV] = {"rev_bytes_delta"},
    [FT_FEED_PACKETS] = {"fwd_packets_delta", "estimated_packets", "packet_count"},
    [FT_FEED_PACKETS_ELSE] = {"packet_count"},
    [FT_FEED_PACKETS_REV] = {"rev_packets_delta"},
};

void ft_feed_init(struct ft_feed *f, const struct ft_gather *g)
{
    for (int r = 0; r < FT_FEED__COUNT; r++) {
        f->column[r] = -1;
        for (int i = 0; i < 3 && f->column[r] < 0 && names[r][i] != NULL; i++) {
            int c = ft_gather_find(g, names[r][i]);
            bool address = r == FT_FEED_SRC || r == FT_FEED_DST;

            if (c >= 0 && (address ? ft_store_is_address(&g->column[c])
                                   : ft_store_is_number(&g->column[c]))) {
                f->column[r] = c;
            }
        }
    }
    f->on = f->column[FT_FEED_TIME] >= 0 && f->column[FT_FEED_BYTES] >= 0 &&
            f->column[FT_FEED_PACKETS] >= 0;
}

void ft_feed_fini(struct ft_feed *f)
{
    for (int r = 0; r < FT_FEED__COUNT; r++) {
        ft_store_values_fini(&f->values[r]);
    }
}

static uint64_t number(const struct ft_feed *f, enum ft_feed_role r, uint32_t row)
{
    const struct ft_store_values *v = &f->values[r];

    return f->column[r] < 0 || ft_store_value_null(v, row) ? 0 : ft_store_buf_u64(&v->num)[row];
}

/* A count, or what stands for it where it is null. */
static uint64_t number_or(const struct ft_feed *f, enum ft_feed_role r, enum ft_feed_role other,
                          uint32_t row)
{
    return number(f, ft_store_value_null(&f->values[r], row) ? other : r, row);
}

static bool address(const struct ft_feed *f, enum ft_feed_role r, uint32_t row, uint8_t out[16])
{
    const struct ft_store_values *v = &f->values[r];

    if (f->column[r] < 0 || ft_store_value_null(v, row)) {
        return false;
    }
    memcpy(out, v->bytes.p + (size_t)row * 16, 16);
    return true;
}

int ft_feed_rows(struct ft_feed *f, struct ft_gather *g, struct ft_tops *tops,
                 struct ft_usual *usual)
{
    for (int r = 0; r < FT_FEED__COUNT; r++) {
        int rc =
            f->column[r] >= 0 ? ft_gather_fill(g, (uint32_t)f->column[r], &f->values[r]) : FT_OK;

        if (rc != FT_OK) {
            return rc;
        }
    }
    for (uint32_t i = 0; i < g->rows; i++) {
        struct ft_tops_flow flow = {.at_us = (int64_t)number(f, FT_FEED_TIME, i),
                                    .port = (uint16_t)number(f, FT_FEED_PORT, i),
                                    .proto = (uint8_t)number(f, FT_FEED_PROTO, i),
                                    .bytes = number_or(f, FT_FEED_BYTES, FT_FEED_BYTES_ELSE, i) +
                                             number(f, FT_FEED_BYTES_REV, i),
                                    .packets =
                                        number_or(f, FT_FEED_PACKETS, FT_FEED_PACKETS_ELSE, i) +
                                        number(f, FT_FEED_PACKETS_REV, i),
                                    .flows = number(f, FT_FEED_SEGMENT, i) == 0};

        flow.has_addresses = address(f, FT_FEED_SRC, i, flow.src);
        flow.has_addresses &= address(f, FT_FEED_DST, i, flow.dst);
        ft_tops_add(tops, &flow);
        if (flow.has_addresses) {
            ft_usual_add(usual, flow.src, flow.at_us, flow.bytes);
            ft_usual_add(usual, flow.dst, flow.at_us, flow.bytes);
        }
    }
    return FT_OK;
}
