/* SPDX-License-Identifier: Apache-2.0 */
/* model: names of networks, see networks.h. */
#include "model/networks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/csv.h"
#include "base/hash.h"
#include "base/mem.h"
#include "model/prefix.h"

enum { CELL = 128, TOPS = 65536, DEPTH = 130, NO_NAME = 0 };

/* An address: IPv4 in the first 32 bits. */
struct key {
    uint64_t hi, lo;
};

/* Of one version. */
struct ranges {
    uint32_t n, cap;
    struct key *from;   /* [n], ascending, the first one 0; of IPv4 in the end NULL, and: */
    uint32_t *from4;    /* [n]: a cache line has the ranges of a whole neighbourhood */
    uint32_t *name;     /* [n], of names */
    uint32_t top[TOPS]; /* the last range that begins at or below these 16 bits and zeros */
};

struct name {
    uint32_t at, len; /* in text */
};

struct ft_networks {
    struct ranges of[2]; /* IPv4, IPv6 */
    uint32_t n_prefixes;
    uint32_t n_names, cap_names;
    struct name *names; /* [n_names], the first one none */
    char *text;
    size_t text_len, text_cap;
};

/* A line of the file. */
struct row {
    struct key from;
    uint32_t name, line;
    uint8_t bits;
};

struct reader {
    struct ft_csv csv;
    struct ft_networks *to;
    struct ft_hash_seed seed;
    struct row *rows[2]; /* [n[i]] of each version */
    uint32_t n[2], cap;
    uint32_t *slots; /* [mask + 1]: numbers of names by their hash */
    uint32_t mask;
    struct ft_err *err;
};

/* ---- keys ---- */

static struct key key_of(uint8_t ip_version, const uint8_t *addr)
{
    struct key k = {0};

    for (int i = 0; i < (ip_version == 4 ? 4 : 8); i++) {
        k.hi |= (uint64_t)addr[i] << (56 - 8 * i);
    }
    for (int i = 8; i < 16 && ip_version == 6; i++) {
        k.lo |= (uint64_t)addr[i] << (56 - 8 * (i - 8));
    }
    return k;
}

static int compare_keys(const struct key *a, const struct key *b)
{
    if (a->hi != b->hi) {
        return a->hi < b->hi ? -1 : 1;
    }
    return a->lo == b->lo ? 0 : a->lo < b->lo ? -1 : 1;
}

/* The bits behind the first so many. */
static struct key tail_bits(uint8_t bits)
{
    return (struct key){.hi = bits >= 64 ? 0 : UINT64_MAX >> bits,
                        .lo = bits <= 64    ? UINT64_MAX
                              : bits >= 128 ? 0
                                            : UINT64_MAX >> (bits - 64)};
}

/* The first address behind a prefix. False: there is none. */
static bool behind(const struct row *r, struct key *out)
{
    struct key tail = tail_bits(r->bits);

    out->hi = r->from.hi | tail.hi;
    out->lo = (r->from.lo | tail.lo) + 1;
    out->hi += out->lo == 0;
    return out->hi != 0 || out->lo != 0;
}

/* ---- lines ---- */

static int wrong(const struct reader *r, uint32_t line, const char *what)
{
    return ft_err_set(r->err, FT_E_FORMAT, "line %u: %s", line, what);
}

static uint64_t hash_of(const struct ft_hash_seed *seed, const char *text, uint32_t len)
{
    uint64_t hash = len;

    for (uint32_t i = 0; i < len; i += 8) {
        uint64_t word = 0;

        memcpy(&word, text + i, len - i < 8 ? len - i : 8);
        hash = ft_hash_16(seed, hash, word);
    }
    return hash;
}

/* The number of a name, which is kept when it is new. */
static uint32_t intern(struct reader *r, const char *text, uint32_t len)
{
    struct ft_networks *to = r->to;
    uint64_t hash = hash_of(&r->seed, text, len);

    for (uint32_t i = (uint32_t)hash & r->mask;; i = (i + 1) & r->mask) {
        uint32_t no = r->slots[i];

        if (no == NO_NAME) {
            no = r->slots[i] = to->n_names++;
            to->names[no] = (struct name){(uint32_t)to->text_len, len};
            memcpy(to->text + to->text_len, text, len);
            to->text_len += len;
            return no;
        }
        if (to->names[no].len == len && memcmp(to->text + to->names[no].at, text, len) == 0) {
            return no;
        }
    }
}

/* What is wrong with a prefix, or NULL. */
static const char *check_prefix(const char *cell, struct ft_prefix *p, struct key *out)
{
    if (ft_prefix_parse(cell, p) != FT_OK) {
        return "allowed is a prefix like 10.0.0.0/8 or 2001:db8::/32, or an address";
    }
    *out = key_of(p->ip_version, p->addr);
    struct key tail = tail_bits(p->bits);

    return (out->hi & tail.hi) != 0 || (p->ip_version == 6 && (out->lo & tail.lo) != 0)
               ? "it has bits behind its length"
               : NULL;
}

static bool is_header(const struct reader *r, const char *prefix, const char *name)
{
    return r->n[0] + r->n[1] == 0 && strcasecmp(prefix, "prefix") == 0 &&
           strcasecmp(name, "name") == 0;
}

static int read_line(struct reader *r)
{
    char prefix[CELL], name[FT_NETWORK_NAME + 1], what[2 * CELL];
    struct ft_prefix p;
    struct key from;
    bool last = false;
    const char *why = ft_csv_cell(&r->csv, prefix, sizeof prefix, &last);

    why = why == NULL && last ? "there is no name: PREFIX,NAME is asked for" : why;
    why = why == NULL ? ft_csv_cell(&r->csv, name, sizeof name, &last) : why;
    why = why == NULL && !last ? "there are more cells than PREFIX,NAME" : why;
    if (why != NULL) {
        return wrong(r, r->csv.line, why);
    }
    if (is_header(r, prefix, name)) {
        return FT_OK;
    }
    why = check_prefix(prefix, &p, &from);
    if (why != NULL) {
        snprintf(what, sizeof what, "'%s': %s", prefix, why);
        return wrong(r, r->csv.line, what);
    }
    if (name[0] == '\0') {
        return wrong(r, r->csv.line, "the name is empty");
    }
    if (r->n[0] + r->n[1] == FT_NETWORKS_MOST) {
        return wrong(r, r->csv.line, "there are more than a million prefixes");
    }
    bool six = p.ip_version == 6;

    r->rows[six][r->n[six]++] = (struct row){.from = from,
                                             .bits = p.bits,
                                             .name = intern(r, name, (uint32_t)strlen(name)),
                                             .line = r->csv.line};
    return FT_OK;
}

/* ---- ranges ---- */

static int compare_rows(const void *a, const void *b)
{
    const struct row *x = a, *y = b;
    int order = compare_keys(&x->from, &y->from);

    if (order != 0) {
        return order;
    }
    return x->bits != y->bits ? (int)x->bits - (int)y->bits : x->line < y->line ? -1 : 1;
}

/* From here on it is this name. */
static void turn(struct ranges *g, struct key from, uint32_t name)
{
    if (g->n > 0 && compare_keys(&g->from[g->n - 1], &from) == 0) {
        g->n--;
    }
    if (g->n == 0 || g->name[g->n - 1] != name) {
        g->from[g->n] = from;
        g->name[g->n++] = name;
    }
}

/* Prefixes that are over before `at`, or all, give back to those around them. */
static uint32_t close_before(struct ranges *g, const struct row **open, uint32_t depth,
                             const struct key *at)
{
    while (depth > 0) {
        struct key end;
        bool more = behind(open[depth - 1], &end);

        if (at != NULL && (!more || compare_keys(&end, at) > 0)) {
            break;
        }
        depth--;
        if (more) {
            turn(g, end, depth > 0 ? open[depth - 1]->name : NO_NAME);
        }
    }
    return depth;
}

static void fill_tops(struct ranges *g)
{
    uint32_t k = 0;

    for (uint32_t i = 0; i < TOPS; i++) {
        struct key at = {.hi = (uint64_t)i << 48};

        while (k + 1 < g->n && compare_keys(&g->from[k + 1], &at) <= 0) {
            k++;
        }
        g->top[i] = k;
    }
}

static int make_ranges(struct reader *r, int six)
{
    struct ranges *g = &r->to->of[six];
    const struct row *open[DEPTH]; /* each within the one before */
    uint32_t depth = 0, n = r->n[six];
    char what[96];

    g->cap = 2 * n + 1;
    g->from = ft_map_alloc(sizeof *g->from * g->cap);
    g->name = ft_map_alloc(sizeof *g->name * g->cap);
    if (g->from == NULL || g->name == NULL) {
        return ft_err_set(r->err, FT_E_NOMEM, "out of memory");
    }
    qsort(r->rows[six], n, sizeof r->rows[six][0], compare_rows);
    turn(g, (struct key){0}, NO_NAME);
    for (uint32_t i = 0; i < n; i++) {
        const struct row *row = &r->rows[six][i], *before = i > 0 ? row - 1 : NULL;

        if (before != NULL && before->bits == row->bits &&
            compare_keys(&before->from, &row->from) == 0) {
            if (before->name != row->name) {
                snprintf(what, sizeof what, "the prefix has another name in line %u", before->line);
                return wrong(r, row->line, what);
            }
            continue;
        }
        depth = close_before(g, open, depth, &row->from);
        turn(g, row->from, row->name);
        open[depth++] = row;
    }
    close_before(g, open, depth, NULL);
    fill_tops(g);
    return FT_OK;
}

/* IPv4 alone needs 32 bits of a key. */
static int shorten(struct reader *r)
{
    struct ranges *g = &r->to->of[0];

    g->from4 = ft_map_alloc(sizeof *g->from4 * g->cap);
    if (g->from4 == NULL) {
        return ft_err_set(r->err, FT_E_NOMEM, "out of memory");
    }
    for (uint32_t i = 0; i < g->n; i++) {
        g->from4[i] = (uint32_t)(g->from[i].hi >> 32);
    }
    ft_map_free(g->from, sizeof *g->from * g->cap);
    g->from = NULL;
    return FT_OK;
}

/* ---- life ---- */

static void free_ranges(struct ranges *g)
{
    ft_map_free(g->from4, sizeof *g->from4 * g->cap);
    ft_map_free(g->from, sizeof *g->from * g->cap);
    ft_map_free(g->name, sizeof *g->name * g->cap);
}

void ft_networks_free(struct ft_networks *n)
{
    if (n != NULL) {
        free_ranges(&n->of[0]);
        free_ranges(&n->of[1]);
        ft_map_free(n->names, sizeof *n->names * n->cap_names);
        ft_map_free(n->text, n->text_cap);
        ft_map_free(n, sizeof *n);
    }
}

static uint32_t lines_of(const char *text, size_t len)
{
    uint32_t n = 1;

    for (const char *p = text; n < FT_NETWORKS_MOST; n++) {
        p = memchr(p, '\n', len - (size_t)(p - text));
        if (p == NULL) {
            break;
        }
        p++;
    }
    return n;
}

static bool make_room(struct reader *r, const char *text, size_t len)
{
    struct ft_networks *to = r->to;

    r->cap = lines_of(text, len);
    for (r->mask = 1; r->mask < 2 * r->cap;) {
        r->mask = 2 * r->mask + 1;
    }
    to->cap_names = r->cap + 1;
    to->text_cap = len + 1;
    r->rows[0] = ft_map_alloc_sparse(sizeof *r->rows[0] * r->cap);
    r->rows[1] = ft_map_alloc_sparse(sizeof *r->rows[1] * r->cap);
    r->slots = ft_map_alloc(sizeof *r->slots * (r->mask + 1));
    to->names = ft_map_alloc_sparse(sizeof *to->names * to->cap_names);
    to->text = ft_map_alloc_sparse(to->text_cap);
    to->n_names = 1;
    ft_hash_seed_random(&r->seed);
    return r->rows[0] != NULL && r->rows[1] != NULL && r->slots != NULL && to->names != NULL &&
           to->text != NULL;
}

static int read_all(struct reader *r)
{
    int rc = FT_OK;

    while (rc == FT_OK && ft_csv_next(&r->csv)) {
        rc = read_line(r);
    }
    r->to->n_prefixes = r->n[0] + r->n[1];
    for (int six = 0; rc == FT_OK && six < 2; six++) {
        rc = make_ranges(r, six);
    }
    rc = rc == FT_OK ? shorten(r) : rc;
    return rc == FT_OK && r->to->n_prefixes == 0
               ? ft_err_set(r->err, FT_E_FORMAT, "there is no prefix in it")
               : rc;
}

int ft_networks_parse(const char *text, size_t len, struct ft_networks **out, struct ft_err *err)
{
    struct reader r = {.csv = ft_csv_of(text, len), .err = err};
    int rc;

    r.to = ft_map_alloc(sizeof *r.to);
    rc = r.to != NULL && make_room(&r, text, len) ? read_all(&r)
                                                  : ft_err_set(err, FT_E_NOMEM, "out of memory");
    ft_map_free(r.rows[0], sizeof *r.rows[0] * r.cap);
    ft_map_free(r.rows[1], sizeof *r.rows[1] * r.cap);
    ft_map_free(r.slots, sizeof *r.slots * ((size_t)r.mask + 1));
    if (rc != FT_OK) {
        ft_networks_free(r.to);
        return rc;
    }
    *out = r.to;
    return FT_OK;
}

uint32_t ft_networks_count(const struct ft_networks *n)
{
    return n->n_prefixes;
}

size_t ft_networks_bytes(const struct ft_networks *n)
{
    return sizeof *n + n->of[0].n * 2 * sizeof(uint32_t) +
           n->of[1].n * (sizeof(struct key) + sizeof(uint32_t)) + n->n_names * sizeof(struct name) +
           n->text_len;
}

/* ---- asking ---- */

/* The last of the ranges lo to hi that begins at or below an address; that of lo does. */
static uint32_t last_below4(const uint32_t *from, uint32_t lo, uint32_t hi, uint32_t at)
{
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo + 1) / 2;

        if (from[mid] <= at) {
            lo = mid;
        } else {
            hi = mid - 1;
        }
    }
    return lo;
}

static uint32_t last_below(const struct key *from, uint32_t lo, uint32_t hi, const struct key *at)
{
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo + 1) / 2;

        if (compare_keys(&from[mid], at) <= 0) {
            lo = mid;
        } else {
            hi = mid - 1;
        }
    }
    return lo;
}

const char *ft_networks_find(const struct ft_networks *n, uint8_t ip_version, const uint8_t *addr,
                             uint32_t *out_len)
{
    if (n == NULL) {
        return NULL;
    }
    const struct ranges *g = &n->of[ip_version == 6];
    struct key at = key_of(ip_version, addr);
    uint32_t top = (uint32_t)(at.hi >> 48);
    uint32_t lo = g->top[top], hi = top + 1 < TOPS ? g->top[top + 1] : g->n - 1;

    lo = ip_version == 6 ? last_below(g->from, lo, hi, &at)
                         : last_below4(g->from4, lo, hi, (uint32_t)(at.hi >> 32));
    const struct name *name = &n->names[g->name[lo]];

    *out_len = name->len;
    return g->name[lo] != NO_NAME ? n->text + name->at : NULL;
}
