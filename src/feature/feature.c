/* SPDX-License-Identifier: Apache-2.0 */
/* feature: the state of a feature, see feature.h. */
#include "feature/feature.h"

#include <string.h>

#include "base/mem.h"

const char ft__record_dropped;

static size_t array_bytes(const struct ft_feature_array *a, const struct ft_feature_config *cfg)
{
    size_t times = a->times != NULL ? a->times(cfg) : 1;

    return a->item == 0 ? ((size_t)cfg->entries + 63) / 64 * sizeof(uint64_t)
                        : times * a->item * cfg->entries;
}

static void *array_get(const struct ft_feature_array *a, const void *state)
{
    void *p;

    memcpy(&p, (const char *)state + a->at, sizeof p);
    return p;
}

size_t ft_feature_budget(const struct ft_feature *f, const struct ft_feature_config *cfg,
                         uint32_t *out_flow)
{
    size_t sum = f->state;
    uint32_t more = 0, flow = 0;

    for (uint32_t i = 0; i < f->n_arrays; i++) {
        const struct ft_feature_array *a = &f->arrays[i];

        sum += array_bytes(a, cfg);
        flow += a->use == FT_ARRAY_FEW ? 0 : a->item * (a->times != NULL ? a->times(cfg) : 1);
    }
    sum += f->budget != NULL ? f->budget(cfg, &more) : 0;
    *out_flow = flow + more;
    return sum;
}

void ft_feature_close(const struct ft_feature *f, const struct ft_feature_config *cfg, void *state)
{
    if (state == NULL) {
        return;
    }
    if (f->close != NULL) {
        f->close(state);
    }
    for (uint32_t i = 0; i < f->n_arrays; i++) {
        ft_map_free(array_get(&f->arrays[i], state), array_bytes(&f->arrays[i], cfg));
    }
    ft_mem_free(state);
}

int ft_feature_open(const struct ft_feature *f, const struct ft_feature_config *cfg, void **out)
{
    char *state = ft_mem_alloc(1, f->state > 0 ? f->state : 1);
    int rc = state != NULL ? FT_OK : FT_E_NOMEM;

    for (uint32_t i = 0; rc == FT_OK && i < f->n_arrays; i++) {
        const struct ft_feature_array *a = &f->arrays[i];
        size_t bytes = array_bytes(a, cfg);
        void *p = a->use == FT_ARRAY_EVERY ? ft_map_alloc(bytes) : ft_map_alloc_sparse(bytes);

        memcpy(state + a->at, &p, sizeof p);
        rc = p != NULL ? FT_OK : FT_E_NOMEM;
    }
    if (rc == FT_OK && f->open != NULL) {
        rc = f->open(state, cfg);
    }
    if (rc != FT_OK) {
        ft_feature_close(f, cfg, state);
        return rc;
    }
    *out = state;
    return FT_OK;
}
