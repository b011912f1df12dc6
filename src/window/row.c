/* SPDX-License-Identifier: Apache-2.0 */
/* window: rows, from what was counted. */
#include <math.h>
#include <string.h>

#include "base/rd.h"
#include "model/field.h"
#include "window/close.h"
#include "window/usual.h"

static double ratio(uint64_t part, uint64_t whole)
{
    return whole > 0 ? (double)part / (double)whole : ft_window_null();
}

/* Mean and deviation of n values with this sum and sum of squares. */
static void moments(uint64_t n, uint64_t sum, unsigned __int128 squares, double *mean, double *std)
{
    struct ft_distribution d = {.n = n, .sum = sum, .squares = squares};

    *mean = n > 0 ? ft_distribution_mean(&d) : ft_window_null();
    *std = n > 1 ? ft_distribution_std(&d) : ft_window_null();
}

/* The same number of few, and of squares that are not large. */
static void few_moments(uint64_t n, uint64_t sum, uint64_t squares, double *mean, double *std)
{
    if (squares >> 56 != 0) {
        moments(n, sum, squares, mean, std);
        return;
    }
    *mean = n > 0 ? (double)sum / (double)n : ft_window_null();
    *std = n > 1 ? sqrt((double)(squares * n - sum * sum) / ((double)n * (double)(n - 1)))
                 : ft_window_null();
}

static double or_null(double entropy)
{
    return entropy >= 0 ? entropy : ft_window_null();
}

static void row_sets(struct ft_windows *t, const struct ft__acc *a, struct ft_window_row *r)
{
    bool host = r->entity == FT_ENTITY_HOST, service = r->entity == FT_ENTITY_SERVICE;
    bool pair = r->entity == FT_ENTITY_PAIR;

    r->peers[0] = r->peers[1] = r->ports = UINT64_MAX;
    r->port_entropy = ft_window_null();
    if (host) {
        r->peers[0] = ft__sets_size(&t->room, &a->sets, FT__PEERS_OUT);
    }
    if (host || service) {
        r->peers[1] = ft__sets_size(&t->room, &a->sets, FT__PEERS_IN);
    }
    if (host || pair) {
        r->ports = ft__sets_size(&t->room, &a->sets, FT__PORTS);
        r->port_entropy = or_null(ft__sets_entropy(&t->room, &a->sets));
    }
}

/* As an account of two ways. */
#define COUNTS_OF(from, r)                                                                         \
    for (int d = 0; d < 2; d++) {                                                                  \
        (r)->packets[d] = (from)->packets[d];                                                      \
        (r)->bytes[d] = (from)->bytes[d];                                                          \
        (r)->flows[d] = (from)->flows[d];                                                          \
        (r)->failed[d] = (from)->failed[d];                                                        \
        (r)->syn[d] = (from)->syn[d];                                                              \
        (r)->syn_ack[d] = (from)->syn_ack[d];                                                      \
        (r)->rst[d] = (from)->rst[d];                                                              \
    }                                                                                              \
    (r)->ended = (from)->ended;                                                                    \
    (r)->new_peers = (from)->new_peers

static void row_few(const struct ft_windows *t, const struct ft__few *few, struct ft_window_row *r)
{
    uint32_t sizes[FT_WINDOW_SIZES];

    COUNTS_OF(few, r);
    r->error = 0;
    if (r->packets[0] + r->packets[1] == 1 && few->gaps == 0) { /* so are most of a second */
        r->size_entropy = 0;
        r->size_mean = (double)(r->bytes[0] + r->bytes[1]);
        r->size_std = r->gap_mean = r->gap_std = ft_window_null();
        return;
    }
    for (int i = 0; i < FT_WINDOW_SIZES; i++) {
        sizes[i] = few->sizes[i];
    }
    r->size_entropy = or_null(ft__entropy(&t->room, sizes, FT_WINDOW_SIZES));
    few_moments(r->packets[0] + r->packets[1], r->bytes[0] + r->bytes[1], few->squares,
                &r->size_mean, &r->size_std);
    few_moments(few->gaps, few->gap_us, few->gap_squares, &r->gap_mean, &r->gap_std);
}

static void row_many(const struct ft_windows *t, const struct ft__many *many,
                     struct ft_window_row *r)
{
    COUNTS_OF(many, r);
    r->size_entropy = or_null(ft__entropy(&t->room, many->sizes, FT_WINDOW_SIZES));
    moments(r->packets[0] + r->packets[1], r->bytes[0] + r->bytes[1], many->squares, &r->size_mean,
            &r->size_std);
    moments(many->gaps, many->gap_us, many->gap_squares, &r->gap_mean, &r->gap_std);
    if (many->squares == UINT64_MAX) {
        r->size_std = ft_window_null();
    }
    r->error = (uint64_t)many->credit;
}

/* Of records of collect: nothing is known of single packets. */
static void row_told(const struct ft_windows *t, const struct ft__acc *a, struct ft_window_row *r)
{
    r->records = a->many != 0 ? t->manys[a->many - 1].gaps : a->few.gaps;
    r->size_entropy = r->size_mean = r->size_std = r->gap_mean = r->gap_std = ft_window_null();
    r->answered = r->reset = ft_window_null();
    for (int d = 0; d < 2; d++) {
        r->syn[d] = r->syn_ack[d] = r->rst[d] = UINT64_MAX;
    }
}

/* Of an entity that may have new peers: are they known to be so? */
static void row_new_peers(const struct ft_windows *t, const struct ft__window *w,
                          struct ft_window_row *r)
{
    bool none = r->entity == FT_ENTITY_SERVICE || r->entity == FT_ENTITY_EXPORTER;

    if (none || (r->entity == FT_ENTITY_HOST && !ft__window_knows_pairs(w))) {
        r->new_peers = UINT64_MAX;
    }
    r->new_peers_false = none ? ft_window_null() : t->closing.known_false;
}

static void row_usual(struct ft_windows *t, uint64_t key, struct ft_window_row *r)
{
    uint64_t now[2] = {r->bytes[0] + r->bytes[1], r->flows[0] + r->flows[1]};
    struct ft__usual_says usual;

    ft__usual_see(&t->usual, key, now, &usual);
    r->bytes_usual = usual.mean[0];
    r->bytes_z = usual.z[0];
    r->flows_usual = usual.mean[1];
    r->flows_z = usual.z[1];
}

void ft__row_make(struct ft_windows *t, const struct ft__coming *it, struct ft_window_row *r)
{
    const struct ft__acc *a = it->acc;
    const struct ft__window *w = &t->windows[a->window];

    r->span_s = t->cfg.span_s[w->span];
    r->start_ns = w->index * r->span_s * 1000000000;
    r->entity = ft__acc_kind(a);
    r->ip_version = a->kind >> 4;
    r->proto = a->proto;
    memcpy(r->address, a->name[0], sizeof r->address);
    if (r->entity == FT_ENTITY_PAIR) {
        memcpy(r->peer, a->name[1], sizeof r->peer);
    } else {
        memset(r->peer, 0, sizeof r->peer);
    }
    r->port = r->entity == FT_ENTITY_SERVICE ? ft_load_be16(a->name[1]) : 0;
    r->vector = NULL;
    r->vector_id = NULL;
    r->top_app = (uint8_t)(a->many != 0 ? ft__apps_top(&t->apps, &t->manys[a->many - 1])
                                        : ft__app_of(a->few.app));
    r->domain_id = r->entity == FT_ENTITY_EXPORTER ? ft_load_be32(a->name[1]) : UINT64_MAX;
    r->records = UINT64_MAX;
    if (a->many == 0) {
        row_few(t, &a->few, r);
    } else {
        row_many(t, &t->manys[a->many - 1], r);
    }
    r->answered = ratio(r->syn_ack[FT_WINDOW_IN], r->syn[FT_WINDOW_OUT]);
    r->reset = ratio(r->rst[0] + r->rst[1], r->packets[0] + r->packets[1]);
    if (t->cfg.told) {
        row_told(t, a, r);
    }
    row_sets(t, a, r);
    row_new_peers(t, w, r);
    row_usual(t, it->usual, r);
    r->error += w->owed[r->entity];
}
