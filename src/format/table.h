/* SPDX-License-Identifier: Apache-2.0 */
/* format: what the columnar formats share besides batches: whose events, which columns, what is
 * said of them, and their rows. */
#ifndef FT_FORMAT_TABLE_H
#define FT_FORMAT_TABLE_H

#include "format/batch.h"
#include "format/columnar.h"
#include "format/format.h"

enum { FT__TABLE_PAIRS = 5 };

/* A pair of metadata. */
struct ft__pair {
    const char *key, *value;
};

/* What an instance of such a format begins with. */
struct ft__table {
    struct ft_format format;
    struct ft__batch *batch;
    struct ft__pair pairs[FT__TABLE_PAIRS]; /* of a whole file */
    char profiles[FT__PROFILES_TEXT];
};

/* Fills what is behind ops. FT_E_NOMEM. */
FT_NODISCARD int ft__table_init(struct ft__table *t, const struct ft_format_config *cfg);
void ft__table_fini(struct ft__table *t);

/* Events as rows. */
size_t ft__table_sample(const struct ft_format *f, uint8_t *p, const struct ft_packet *pkt,
                        const struct ft_tuple_counts *counts);
size_t ft__table_flow(const struct ft_format *f, uint8_t *p, const struct ft_flow_record *rec);
size_t ft__table_stats(const struct ft_format *f, uint8_t *p, const struct ft_stats *s);
size_t ft__table_export_flow(const struct ft_format *f, uint8_t *p, size_t room,
                             const struct ft_export_record *rec);
size_t ft__table_export_event(const struct ft_format *f, uint8_t *p, enum ft_event e,
                              const void *event);

#endif
