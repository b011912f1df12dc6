/* SPDX-License-Identifier: Apache-2.0 */
/* store: baselines of hosts, see usual.h. */
#include "store/usual.h"

#include <math.h>
#include <stdio.h>

#include "base/time.h"
#include "store/heavy.h"
#include "store/value.h"

static const double spans[FT_USUAL_SPANS] = {7 * 24.0, 30 * 24.0}; /* hours */
static const int64_t hour_us = INT64_C(3600000000);

enum { GAP_MOST = 5 * 720 /* hours after which nothing of what was before counts */ };

struct ft_usual {
    struct ft_catalog *catalog;
    struct ft_heavy heavy;
    int64_t hour; /* INT64_MIN: none yet */
};

/* What is saved of a host in the hour. */
struct saved {
    uint8_t host[16];
    uint64_t bytes;
};

/* ---- one host ---- */

static unsigned bin_of(uint64_t bytes)
{
    double half = bytes > 0 ? 1 + floor(2 * log2((double)bytes)) : 0;

    return half < FT_USUAL_BINS - 1 ? (unsigned)half : FT_USUAL_BINS - 1;
}

static void add(struct ft_usual_span *s, double span, uint64_t bytes)
{
    double keep = 1 - 1 / span, before = s->mean;

    for (unsigned i = 0; i < FT_USUAL_BINS; i++) {
        s->bin[i] *= (float)keep;
    }
    s->bin[bin_of(bytes)] += 1;
    s->weight = s->weight * keep + 1;
    s->mean += ((double)bytes - before) / s->weight;
    s->dev2 = s->dev2 * keep + ((double)bytes - before) * ((double)bytes - s->mean);
}

void ft_usual_turn(struct ft_usual_host *h, int64_t hour, uint64_t bytes)
{
    int64_t gap = h->hours > 0 ? hour - h->hour - 1 : 0;

    if (h->hours > 0 && hour <= h->hour) {
        return;
    }
    if (gap > GAP_MOST) {
        *h = (struct ft_usual_host){0};
        gap = 0;
    }
    for (unsigned i = 0; i < FT_USUAL_SPANS; i++) {
        for (int64_t k = 0; k < gap; k++) {
            add(&h->span[i], spans[i], 0);
        }
        add(&h->span[i], spans[i], bytes);
    }
    h->hours += gap + 1;
    h->hour = hour;
}

double ft_usual_deviation(const struct ft_usual_span *s)
{
    return s->weight > 1 && s->dev2 > 0 ? sqrt(s->dev2 / s->weight) : 0;
}

double ft_usual_quantile(const struct ft_usual_span *s, double part)
{
    double all = 0, below = 0;

    for (unsigned i = 0; i < FT_USUAL_BINS; i++) {
        all += (double)s->bin[i];
    }
    for (unsigned i = 0; i < FT_USUAL_BINS; i++) {
        double bin = (double)s->bin[i], want = part * all - below;

        if (bin > 0 && want <= bin) { /* within the bin as if its hours lay even */
            return i == 0 ? 0 : exp2((i - 1 + want / bin) / 2);
        }
        below += bin;
    }
    return 0;
}

/* ---- rows ---- */

static void bind_host(sqlite3_stmt *s, const uint8_t *host)
{
    char text[FT_STORE_ADDRESS];

    ft_store_put_address(host, text);
    sqlite3_bind_text(s, 1, text, -1, SQLITE_TRANSIENT);
}

static int read_row(sqlite3_stmt *find, const uint8_t *host, struct ft_usual_host *out)
{
    *out = (struct ft_usual_host){0};
    bind_host(find, host);
    if (sqlite3_step(find) == SQLITE_ROW && sqlite3_column_bytes(find, 0) == sizeof *out) {
        memcpy(out, sqlite3_column_blob(find, 0), sizeof *out);
    }
    return sqlite3_reset(find) == SQLITE_OK ? FT_OK : FT_E_IO;
}

static int write_row(sqlite3_stmt *put, const uint8_t *host, const struct ft_usual_host *h)
{
    bind_host(put, host);
    sqlite3_bind_int64(put, 2, h->hour);
    sqlite3_bind_int64(put, 3, h->hours);
    for (int i = 0; i < FT_USUAL_SPANS; i++) {
        sqlite3_bind_double(put, 4 + 3 * i, h->span[i].mean);
        sqlite3_bind_double(put, 5 + 3 * i, ft_usual_deviation(&h->span[i]));
        sqlite3_bind_double(put, 6 + 3 * i, ft_usual_quantile(&h->span[i], 0.95));
    }
    sqlite3_bind_blob(put, 10, h, sizeof *h, SQLITE_STATIC);
    int rc = sqlite3_step(put);

    sqlite3_reset(put);
    return rc == SQLITE_DONE ? FT_OK : FT_E_IO;
}

static int turn_all(struct ft_usual *u, sqlite3_stmt *find, sqlite3_stmt *put)
{
    int rc = find != NULL && put != NULL ? FT_OK : FT_E_IO;

    for (uint32_t i = 0; rc == FT_OK && i < u->heavy.n; i++) {
        const struct ft_heavy_count *c = &u->heavy.count[i];
        struct ft_usual_host h;

        rc = read_row(find, c->key, &h);
        ft_usual_turn(&h, u->hour, c->bytes - c->error);
        rc = rc == FT_OK ? write_row(put, c->key, &h) : rc;
    }
    return rc;
}

/* The hour is over: a transaction of its own. What fails is told by nobody: the next hour's comes.
 */
static void close_hour(struct ft_usual *u)
{
    struct ft_catalog *c = u->catalog;
    char trim[192];

    if (ft_catalog_begin(c) != FT_OK) {
        return;
    }
    sqlite3_stmt *find = ft_catalog_prepare(c, "SELECT state FROM _usual WHERE host = ?1");
    sqlite3_stmt *put = ft_catalog_prepare(
        c, "INSERT OR REPLACE INTO _usual VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)");
    int rc = turn_all(u, find, put);

    sqlite3_finalize(find);
    sqlite3_finalize(put);
    snprintf(trim, sizeof trim,
             "DELETE FROM _usual WHERE host NOT IN (SELECT host FROM _usual ORDER BY hour DESC, "
             "mean30 DESC LIMIT %d)",
             FT_USUAL_ROWS);
    rc = rc == FT_OK ? ft_catalog_run(c, trim) : rc;
    rc = rc == FT_OK ? ft_catalog_commit(c) : rc;
    if (rc != FT_OK) {
        ft_catalog_rollback(c);
    }
}

/* ---- the hour ---- */

void ft_usual_add(struct ft_usual *u, const uint8_t host[16], int64_t at_us, uint64_t bytes)
{
    int64_t hour = ft_time_floor(at_us, hour_us);
    uint8_t key[FT_HEAVY_KEY] = {0};

    if (u->hour != INT64_MIN && hour < u->hour - 1) {
        return;
    }
    if (u->hour == INT64_MIN || hour > u->hour) {
        if (u->hour != INT64_MIN) {
            close_hour(u);
        }
        ft_heavy_clear(&u->heavy);
        u->hour = hour;
    }
    memcpy(key, host, 16);
    ft_heavy_add(&u->heavy, key, bytes, 0, 0);
}

int ft_usual_save(struct ft_usual *u)
{
    sqlite3_stmt *s = ft_catalog_prepare(
        u->catalog, "INSERT OR REPLACE INTO _meta VALUES('hour', ?1), ('hour_hosts', ?2)");
    struct saved *all = ft_mem_alloc(u->heavy.n + 1, sizeof *all);

    for (uint32_t i = 0; all != NULL && i < u->heavy.n; i++) {
        memcpy(all[i].host, u->heavy.count[i].key, sizeof all[i].host);
        all[i].bytes = u->heavy.count[i].bytes - u->heavy.count[i].error;
    }
    if (s == NULL || all == NULL) {
        sqlite3_finalize(s);
        ft_mem_free(all);
        return s == NULL ? FT_E_IO : FT_E_NOMEM;
    }
    sqlite3_bind_int64(s, 1, u->hour);
    sqlite3_bind_blob(s, 2, all, (int)(u->heavy.n * sizeof *all), SQLITE_STATIC);
    int rc = ft_catalog_step(s);

    ft_mem_free(all);
    return rc;
}

static void take_up(struct ft_usual *u)
{
    sqlite3_stmt *s = ft_catalog_prepare(
        u->catalog, "SELECT a.value, b.value FROM _meta a, _meta b WHERE a.key = 'hour' AND b.key "
                    "= 'hour_hosts'");

    if (s != NULL && sqlite3_step(s) == SQLITE_ROW) {
        const uint8_t *p = sqlite3_column_blob(s, 1);
        size_t n = (size_t)sqlite3_column_bytes(s, 1) / sizeof(struct saved);

        u->hour = sqlite3_column_int64(s, 0);
        for (size_t i = 0; p != NULL && i < n; i++) {
            uint8_t key[FT_HEAVY_KEY] = {0};
            struct saved one;

            memcpy(&one, p + i * sizeof one, sizeof one);
            memcpy(key, one.host, sizeof one.host);
            ft_heavy_add(&u->heavy, key, one.bytes, 0, 0);
        }
    }
    sqlite3_finalize(s);
}

struct ft_usual *ft_usual_new(struct ft_catalog *c)
{
    struct ft_usual *u = ft_mem_alloc(1, sizeof *u);

    if (u == NULL) {
        return NULL;
    }
    u->catalog = c;
    u->hour = INT64_MIN;
    if (ft_heavy_init(&u->heavy, FT_USUAL_HOSTS) != FT_OK) {
        ft_mem_free(u);
        return NULL;
    }
    take_up(u);
    return u;
}

void ft_usual_undo(struct ft_usual *u)
{
    int64_t hour = u->hour;

    ft_heavy_clear(&u->heavy);
    u->hour = INT64_MIN;
    take_up(u);
    if (u->hour != hour) { /* which began since */
        ft_heavy_clear(&u->heavy);
        u->hour = hour;
    }
}

void ft_usual_free(struct ft_usual *u)
{
    if (u != NULL) {
        ft_heavy_fini(&u->heavy);
    }
    ft_mem_free(u);
}
