/* SPDX-License-Identifier: Apache-2.0 */
/* format: the messages of Arrow's IPC format, metadata version 5, and the footer of its files.
 *
 *     stream   schema | batch ... | end of stream
 *     file     ARROW1 | schema | batch ... | end of stream | footer | its length | ARROW1
 *     message  FFFFFFFF | length | flatbuffer, padded | body
 *
 * The metadata of all batches of a schema is of one length: it is made once, as a template, in
 * which numbers are changed in place. Reference: arrow.apache.org/docs/format/Columnar.html and the
 * .fbs files beside it. */
#ifndef FT_FORMAT_ARROW_MESSAGE_H
#define FT_FORMAT_ARROW_MESSAGE_H

#include "codec/columnar/flatbuffer.h"
#include "format/table.h"

enum {
    FT__ARROW_PREFIX = 8, /* of a message: the mark, and the length of what follows but the body */
    FT__ARROW_MAGIC = 8,  /* at the beginning of a file, padded */
    FT__ARROW_MAGIC_END = 6,
    FT__ARROW_BLOCK = 24, /* of the footer, for each batch */
    FT__ARROW_COUNT = 20  /* digits of a count in metadata */
};

/* Where the numbers of a batch stand in its template. */
struct ft__arrow_batch {
    uint8_t *data; /* a whole message but for its body: len bytes */
    uint32_t len;
    uint32_t body, rows, nodes, buffers, events_lost, packets_lost;
};

/* A schema message into b, which is empty. */
void ft__arrow_put_schema(struct ft_flat *b, const struct ft__batch *batch,
                          const struct ft__pair *pairs, uint32_t n_pairs);

/* The template of a batch into b, which is empty, with its places. */
void ft__arrow_put_batch(struct ft_flat *b, const struct ft__batch *batch,
                         struct ft__arrow_batch *out);

/* A footer up to its blocks, of which there will be some; *out_count is where their number goes. */
void ft__arrow_put_footer(struct ft_flat *b, const struct ft__batch *batch,
                          const struct ft__pair *pairs, uint32_t n_pairs, uint32_t *out_count);

#endif
