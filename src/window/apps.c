/* SPDX-License-Identifier: Apache-2.0 */
/* window: bytes of applications, see apps.h. */
#include "window/apps.h"

#include <string.h>

#include "base/mem.h"
#include "flowtap/errors.h"

_Static_assert((int)FT_APP__COUNT < FT__APP_SEVERAL - FT__APP_FIRST, "a byte says which");

size_t ft__apps_budget(uint32_t n)
{
    return sizeof(struct ft__app_bytes) * n;
}

int ft__apps_open(struct ft__apps *p, uint32_t n)
{
    p->n = n;
    p->bytes = ft_map_alloc(ft__apps_budget(n));
    return p->bytes != NULL ? FT_OK : FT_E_NOMEM;
}

void ft__apps_close(struct ft__apps *p)
{
    if (p->bytes != NULL) {
        ft_map_free(p->bytes, ft__apps_budget(p->n));
    }
    p->bytes = NULL;
}

/* A place, all zero: + 1; 0: there is none. */
static uint32_t take(struct ft__apps *p)
{
    uint32_t i = p->free;

    if (i != 0) {
        p->free = (uint32_t)p->bytes[i - 1].of[0];
        memset(&p->bytes[i - 1], 0, sizeof p->bytes[0]);
        return i;
    }
    return p->fresh < p->n ? ++p->fresh : 0;
}

/* What m has, into a place. */
static void add(struct ft__apps *p, struct ft__app_bytes *to, const struct ft__many *m)
{
    if (m->apps == 0) {
        to->of[ft__app_of(m->app)] += m->bytes[0] + m->bytes[1];
        return;
    }
    for (int i = 0; i < FT_APP__COUNT; i++) {
        to->of[i] += p->bytes[m->apps - 1].of[i];
    }
}

void ft__apps_add(struct ft__apps *p, struct ft__many *to, const struct ft__many *from)
{
    bool lost = to->app == FT__APP_SEVERAL && to->apps == 0;
    uint8_t app = ft__app_both(to->app, from->app);

    if (p->bytes != NULL && app == FT__APP_SEVERAL && !lost) {
        bool whole = from->app != FT__APP_SEVERAL || from->apps != 0;

        if (!whole) {
            ft__apps_clear(p, to);
        } else if (to->apps == 0) {
            uint32_t place = take(p);

            if (place != 0) {
                add(p, &p->bytes[place - 1], to);
            }
            to->apps = place;
        }
        if (to->apps != 0) {
            add(p, &p->bytes[to->apps - 1], from);
        }
    }
    to->app = app;
}

void ft__apps_clear(struct ft__apps *p, struct ft__many *m)
{
    if (m->apps != 0) {
        p->bytes[m->apps - 1].of[0] = p->free;
        p->free = m->apps;
        m->apps = 0;
    }
}

enum ft_app ft__apps_top(const struct ft__apps *p, const struct ft__many *m)
{
    int top = 0;

    if (m->apps == 0) {
        return ft__app_of(m->app);
    }
    for (int i = 1; i < FT_APP__COUNT; i++) {
        top = p->bytes[m->apps - 1].of[i] > p->bytes[m->apps - 1].of[top] ? i : top;
    }
    return (enum ft_app)top;
}
