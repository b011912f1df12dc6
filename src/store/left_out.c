/* SPDX-License-Identifier: Apache-2.0 */
/* store: slices that a query leaves out, see read.h.
 *
 * Theory of operation: a query may come across a slice many times, as the inner one of a join does;
 * it is counted once. */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "store/read.h"

enum { BAD_NAME = FT_STORE_FILE + 8 };

static void bad_name(const struct ft__file *f, char out[BAD_NAME])
{
    snprintf(out, BAD_NAME, "%s.bad", f->name);
}

/* Where an id is, or has to be. */
static uint32_t place_of(const struct ft_store *s, int64_t id)
{
    uint32_t low = 0, high = s->n_told;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (s->told[middle] < id) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* Does the query leave it out for the first time? When there is no memory it may be said again. */
static bool first_time(struct ft_store *s, int64_t id)
{
    uint32_t at = place_of(s, id);

    if (at < s->n_told && s->told[at] == id) {
        return false;
    }
    if (s->n_told == s->cap_told) {
        uint32_t cap = s->cap_told > 0 ? s->cap_told * 2 : 64;
        int64_t *more = ft_mem_alloc(cap, sizeof *more);

        if (more == NULL) {
            return true;
        }
        if (s->n_told > 0) {
            memcpy(more, s->told, s->n_told * sizeof *more);
        }
        ft_mem_free(s->told);
        s->told = more;
        s->cap_told = cap;
    }
    memmove(&s->told[at + 1], &s->told[at], (s->n_told - at) * sizeof *s->told);
    s->told[at] = id;
    s->n_told++;
    return true;
}

void ft__left_bad(struct ft__scan *s, int64_t id, const char *why)
{
    struct ft_store_result *r = s->store->result;

    if (r != NULL && first_time(s->store, id) && r->slices_bad++ == 0) {
        snprintf(r->bad, sizeof r->bad, "%.*s", (int)sizeof r->bad - 1, why);
    }
}

void ft__left_aside(struct ft__scan *s, const struct ft__file *f, const char *why)
{
    char bad[BAD_NAME];

    bad_name(f, bad);
    renameat(s->store->dir, f->name, s->store->dir, bad); /* best effort: it may be another's */
    ft__left_bad(s, f->id, why);
}

void ft__left_gone(struct ft__scan *s, const struct ft__file *f)
{
    struct ft_store_result *r = s->store->result;
    char bad[BAD_NAME], why[BAD_NAME + 64];

    bad_name(f, bad);
    if (faccessat(s->store->dir, bad, F_OK, 0) == 0) {
        snprintf(why, sizeof why, "it was damaged, and is set aside as %s", bad);
        ft__left_bad(s, f->id, why);
    } else if (r != NULL && first_time(s->store, f->id)) {
        r->slices_gone++;
    }
}

bool ft__part_leave_out(struct ft__scan *s, const struct ft__part *p, int rc)
{
    const struct ft__file *f = &s->files[p->file];
    char why[160];

    if (rc == FT_E_CORRUPT) {
        snprintf(why, sizeof why, "%s: a block is damaged", f->name);
        ft__left_aside(s, f, why);
    } else if (rc == FT_E_IO) {
        snprintf(why, sizeof why, "%s: a block cannot be read", f->name);
        ft__left_bad(s, f->id, why);
    } else if (rc == FT_E_NOT_FOUND) {
        ft__left_gone(s, f);
    }
    return rc == FT_E_CORRUPT || rc == FT_E_IO || rc == FT_E_NOT_FOUND;
}

bool ft__scan_leave_out(struct ft__scan *s, int rc)
{
    return ft__part_leave_out(s, s->view->part, rc);
}
