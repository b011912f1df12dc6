/* SPDX-License-Identifier: Apache-2.0 */
/* source: which way packets of files went, see direction.h.
 *
 *     LINUX_SLL      0  packet type, 16 bits   0 to us, 1 broadcast, 2 multicast, 3 to another
 *     LINUX_SLL2    10  packet type, 8 bits    host, 4 from us
 *     *_WITH_DIR     0  8 bits                 0 received, else sent
 *     PPP_PPPD       0  8 bits                 0 received, 1 sent */
#include "source/direction.h"

#include "base/rd.h"

enum { SLL_OTHERHOST = 3, SLL_OUTGOING = 4, SLL2_TYPE = 10 };

bool ft_direction_told(uint16_t linktype)
{
    switch (linktype) {
    case FT_LINK_LINUX_SLL:
    case FT_LINK_LINUX_SLL2:
    case FT_LINK_PPP_WITH_DIR:
    case FT_LINK_C_HDLC_WITH_DIR:
    case FT_LINK_FRELAY_WITH_DIR:
    case FT_LINK_PPP_PPPD:
        return true;
    default:
        return false;
    }
}

static enum ft_direction of_cooked(uint32_t type)
{
    return type <= SLL_OTHERHOST  ? FT_DIRECTION_IN
           : type == SLL_OUTGOING ? FT_DIRECTION_OUT
                                  : FT_DIRECTION_ANY;
}

/* FT_DIRECTION_ANY: it does not tell. */
static enum ft_direction of_view(const struct ft_view *v)
{
    if (v->flags & (FT_VIEW_IN | FT_VIEW_OUT)) {
        return v->flags & FT_VIEW_IN ? FT_DIRECTION_IN : FT_DIRECTION_OUT;
    }
    if (!ft_direction_told(v->linktype) || v->caplen <= SLL2_TYPE) {
        return FT_DIRECTION_ANY;
    }
    switch (v->linktype) {
    case FT_LINK_LINUX_SLL:
        return of_cooked(ft_load_be16(v->data));
    case FT_LINK_LINUX_SLL2:
        return of_cooked(v->data[SLL2_TYPE]);
    case FT_LINK_PPP_PPPD:
        return v->data[0] > 1 ? FT_DIRECTION_ANY
                              : (v->data[0] == 0 ? FT_DIRECTION_IN : FT_DIRECTION_OUT);
    default:
        return v->data[0] == 0 ? FT_DIRECTION_IN : FT_DIRECTION_OUT;
    }
}

void ft_direction_mark(enum ft_direction wanted, struct ft_view *views, uint32_t n)
{
    for (uint32_t i = 0; wanted != FT_DIRECTION_ANY && i < n; i++) {
        if (of_view(&views[i]) != wanted) {
            views[i].flags |= FT_VIEW_OTHER_WAY;
        }
    }
}
