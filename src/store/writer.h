/* SPDX-License-Identifier: Apache-2.0 */
/* store: a store that is written.
 *
 * Theory of operation: chunks of rows are held by table until they are a block, which goes into the
 * table's file of the slice; when the slice is over (its first row has waited long enough, it has
 * many rows, or it has seen many minutes) the files end, and a transaction makes them part of the
 * store, all of them or none. Only then their events arrived.
 *
 *     chunk -> held -> block -> flow-N.fts.part -> sync, name -> row in store.db
 *                        |-> minutes (tops.h) -> top_minute-N.fts -^
 *                        |-> hours of hosts (usual.h) -------------^
 *
 * One process writes a store at a time: it holds a lock on the file `lock`, which has its number.
 */
#ifndef FT_STORE_WRITER_H
#define FT_STORE_WRITER_H

#include "model/store_wire.h"

struct ft_store_writer;

/* Opens a store of this folder, making it when it is not there. text: what there is to say, or "".
 * FT_E_STATE: another process writes it; FT_E_UNSUPPORTED: it is of a newer version; FT_E_IO,
 * FT_E_CORRUPT, FT_E_NOMEM. */
FT_NODISCARD int ft_store_writer_open(const struct ft_store_ask *ask, char text[FT_STORE_TEXT],
                                      struct ft_store_writer **out, struct ft_err *err);
/* What is held goes to disk. */
void ft_store_writer_close(struct ft_store_writer *w, struct ft_store_answer *told);

/* Where a chunk of len bytes is to be put before it is taken; NULL: no memory. */
uint8_t *ft_store_writer_room(struct ft_store_writer *w, size_t len);
/* Takes the chunk that is there. told: what became of events; nothing: its rc, text and counts are
 * zeros. FT_E_CORRUPT: it is none. */
FT_NODISCARD int ft_store_writer_take(struct ft_store_writer *w, size_t len,
                                      struct ft_store_answer *told);

/* Milliseconds until the slice is over, or -1. */
int ft_store_writer_due_ms(const struct ft_store_writer *w);
/* The slice is over. */
void ft_store_writer_commit(struct ft_store_writer *w, struct ft_store_answer *told);

/* The folder, for who confines the process. Borrowed. */
int ft_store_writer_folder(const struct ft_store_writer *w);

#endif
