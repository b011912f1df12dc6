/* SPDX-License-Identifier: Apache-2.0 */
/* model: options data of an output, see flow_options.h. */
#include "model/flow_options.h"

#include <assert.h>
#include <string.h>

#include "base/mem.h"
#include "base/rd.h"

void ft_flow_options_template(struct ft_flow_options *o, enum ft_flow_option_kind kind,
                              const uint8_t *record, size_t len)
{
    assert(len <= sizeof o->template[kind].record);
    memcpy(o->template[kind].record, record, len);
    o->template[kind].len = (uint16_t)len;
    o->template[kind].id = ft_load_be16(record);
}

int ft_flow_options_init(struct ft_flow_options *o, uint32_t most)
{
    o->cap = most;
    o->of = ft_mem_alloc(most, sizeof *o->of);
    o->bytes = ft_map_alloc_sparse((size_t)most * FT_FLOW_OPTION_MOST);
    return o->of != NULL && o->bytes != NULL ? FT_OK : FT_E_NOMEM;
}

void ft_flow_options_add(struct ft_flow_options *o, enum ft_flow_option_kind kind,
                         const uint8_t *record, size_t len)
{
    assert(o->n < o->cap && len <= FT_FLOW_OPTION_MOST);
    memcpy(o->bytes + o->len, record, len);
    o->of[o->n++] =
        (struct ft_flow_option){.at = o->len, .len = (uint16_t)len, .kind = (uint8_t)kind};
    o->len += (uint32_t)len;
}

void ft_flow_options_fini(struct ft_flow_options *o)
{
    if (o->bytes != NULL) {
        ft_map_free(o->bytes, (size_t)o->cap * FT_FLOW_OPTION_MOST);
    }
    ft_mem_free(o->of);
    *o = (struct ft_flow_options){0};
}
