/* SPDX-License-Identifier: Apache-2.0 */
/* format: what the columnar formats share besides batches: whose events, which columns, what is
 * said of them, and their rows. */
#ifndef FT_FORMAT_TABLE_H
#define FT_FORMAT_TABLE_H

#include "format/batch.h"
#include "format/columnar.h"
#include "format/format.h"

enum { FT__TABLE_PAIRS = 6 /* at most */ };

/* A pair of metadata. */
struct ft__pair {
    const char *key, *value;
};

/* What an instance of such a format begins with. */
struct ft__table {
    struct ft_format format;
    struct ft__batch *batch;
    struct ft__pair pairs[FT__TABLE_PAIRS]; /* [n_pairs], of a whole file */
    uint32_t n_pairs;
    char profiles[FT__PROFILES_TEXT];
};

/* Fills what is behind ops. FT_E_NOMEM. */
FT_NODISCARD int ft__table_init(struct ft__table *t, const struct ft_format_config *cfg);
void ft__table_fini(struct ft__table *t);

/* An event as a row. */
size_t ft__table_row(const struct ft_format *f, uint8_t *p, const void *const *parts);

#endif
