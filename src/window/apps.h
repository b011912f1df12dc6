/* SPDX-License-Identifier: Apache-2.0 */
/* window: bytes of each application of an entity; for src/window only.
 *
 * Theory of operation: most entities of a window have flows of one application: a byte says which.
 * Of those with several, when they are asked for, all have a place of a pool, with the bytes of
 * each, which do not depend on order. An empty pool makes them lost. */
#ifndef FT_WINDOW_APPS_H
#define FT_WINDOW_APPS_H

#include <stddef.h>

#include "flowtap/macros.h"
#include "model/app.h"
#include "window/counts.h"

struct ft__app_bytes {
    uint64_t of[FT_APP__COUNT];
};

struct ft__apps {
    struct ft__app_bytes *bytes; /* [n], mapped; NULL: not asked for */
    uint32_t n, fresh, free;     /* free: + 1, by of[0] */
};

size_t ft__apps_budget(uint32_t n);
FT_NODISCARD int ft__apps_open(struct ft__apps *p, uint32_t n);
void ft__apps_close(struct ft__apps *p);

/* Applications of `from` into `to`: before bytes are. */
void ft__apps_add(struct ft__apps *p, struct ft__many *to, const struct ft__many *from);

/* Gives back what it has. */
void ft__apps_clear(struct ft__apps *p, struct ft__many *m);

/* That with the most bytes, of equal ones the first; FT_APP_UNKNOWN: it is none that is known. */
enum ft_app ft__apps_top(const struct ft__apps *p, const struct ft__many *m);

/* Of one, or of several that are not kept. */
FT_INLINE enum ft_app ft__app_of(uint8_t app)
{
    return app == FT__APP_NONE || app == FT__APP_SEVERAL ? FT_APP_UNKNOWN
                                                         : (enum ft_app)(app - FT__APP_FIRST);
}

#endif
