/* SPDX-License-Identifier: Apache-2.0 */
/* store: the values of a row of SQLite's as those of an answer. */
#ifndef FT_STORE_CELLS_H
#define FT_STORE_CELLS_H

#include <sqlite3.h>

#include "flowtap/store.h"
#include "store/buf.h"

/* Begins zeroed. */
struct ft_store_cells {
    struct ft_store_cell *cell; /* [n] owned: the row */
    uint32_t n;
    struct ft_store_buf text; /* of the row */
};

/* Room for the columns of a statement. FT_E_NOMEM. */
FT_NODISCARD int ft_store_cells_init(struct ft_store_cells *c, sqlite3_stmt *q);
void ft_store_cells_fini(struct ft_store_cells *c);

/* Takes the statement's row. Texts are UTF-8: what is none becomes U+FFFD, a byte each; bytes are
 * shown as hex. FT_E_NOMEM. */
FT_NODISCARD int ft_store_cells_take(struct ft_store_cells *c, sqlite3_stmt *q);

#endif
