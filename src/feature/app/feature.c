/* SPDX-License-Identifier: Apache-2.0 */
/* feature/app: app: which packets are looked into, and the part of a record. */
#include "feature/app/state.h"

/* owner: the table's thread */
struct app {
    struct ft_apps *apps;
    uint64_t *wants; /* bits by entry: the flow wants more packets; mapped */
};

static const struct ft_feature_array arrays[] = {
    FT_FEATURE_BITS(struct app, wants),
};

static size_t app_budget(const struct ft_feature_config *cfg, uint32_t *out_flow)
{
    *out_flow = sizeof(struct state);
    return ft_apps_budget(cfg->entries);
}

static void app_close(void *state)
{
    ft_apps_free(((struct app *)state)->apps);
}

static int app_open(void *state, const struct ft_feature_config *cfg)
{
    return ft_apps_new(cfg->entries, &((struct app *)state)->apps);
}

/* Looks into a packet. False: no more of this flow. */
static bool see(struct app *a, const struct ft_packet *pkt, const struct ft_counted *at)
{
    bool known = (at->bits & FT_AT_ISN) != 0;
    int from = pkt->swap;
    struct ft_app_packet p = {
        .data = pkt->payload,
        .cap = pkt->payload_cap,
        .len = pkt->payload_len,
        /* what a SYN carries lies behind it (RFC 7413) */
        .seq = pkt->tcp_seq + ((pkt->tcp_flags & FT_TCP_SYN) != 0),
        .start = at->isn + 1,
        .src_port = pkt->key.port[at->dir == FT_DIR_FWD ? from : !from],
        .dst_port = pkt->key.port[at->dir == FT_DIR_FWD ? !from : from],
        .dir = at->dir,
        .proto = pkt->key.proto,
        .start_known = at->dir == FT_DIR_FWD && known,
        .midstream = !known,
    };

    return ft_apps_see(a->apps, at->entry, &p);
}

static void app_packets(void *state, const struct ft_packet *pkts, const struct ft_counted *at,
                        uint32_t n)
{
    struct app *a = state;

    for (uint32_t k = 0; k < n; k++) {
        if (at[k].bits & FT_AT_NEW) {
            ft_bit_set(a->wants, at[k].entry);
        }
        if (pkts[k].payload_cap > 0 && pkts[k].frag == FT_FRAG_NONE &&
            ft_bit_get(a->wants, at[k].entry) && !see(a, &pkts[k], &at[k])) {
            ft_bit_clear(a->wants, at[k].entry);
        }
    }
}

static const void *app_record(void *state, uint32_t entry, const struct ft_flow_record *core)
{
    (void)core;
    return ft_apps_get(((struct app *)state)->apps, entry);
}

static void app_end(void *state, uint32_t entry)
{
    ft_apps_end(((struct app *)state)->apps, entry);
}

uint8_t ft_app_so_far(const void *state, uint32_t entry)
{
    return (uint8_t)ft_apps_so_far(((const struct app *)state)->apps, entry);
}

void ft_app_stats(const void *state, struct ft_apps_stats *out)
{
    ft_apps_get_stats(((const struct app *)state)->apps, out);
}

const struct ft_feature ft_feature_app = {
    .name = "app",
    .meaning = "names: the application, TLS, QUIC, HTTP, DNS, from the first packets",
    .columns = &ft_columns_app,
    .payload = true,
    .state = sizeof(struct app),
    .arrays = arrays,
    .n_arrays = sizeof arrays / sizeof *arrays,
    .budget = app_budget,
    .open = app_open,
    .close = app_close,
    .packets = app_packets,
    .record = app_record,
    .end = app_end,
    .hide = ft__app_hide,
    .part = sizeof(struct ft_app_info),
};
