/* SPDX-License-Identifier: Apache-2.0 */
/* model: composition of columns, see columns.h. */
#include "model/columns.h"

#include <pthread.h>

static const struct ft_column_set *const sets[] = {
    &ft_columns_base, &ft_columns_sizes, &ft_columns_tcp, &ft_columns_tunnel, &ft_columns_app,
};

static struct ft_columns all[2];
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* Into its place by rank. */
static void add(struct ft_columns *to, const struct ft_field *f, uint8_t part)
{
    uint32_t i = to->n++;

    for (; i > 0 && to->col[i - 1].field->rank > f->rank; i--) {
        to->col[i] = to->col[i - 1];
    }
    to->col[i] = (struct ft_column){f, part};
}

static void compose(void)
{
    for (int app = 0; app < 2; app++) {
        for (size_t k = 0; k < sizeof sets / sizeof sets[0] - !app; k++) {
            for (uint32_t i = 0; i < sets[k]->n; i++) {
                add(&all[app], &sets[k]->rows[i], sets[k]->part);
            }
        }
    }
}

const struct ft_columns *ft_columns_flow(bool app)
{
    pthread_once(&once, compose);
    return &all[app];
}
