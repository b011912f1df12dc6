/* SPDX-License-Identifier: Apache-2.0 */
/* pipeline: the file of --vector-fit, see vectors.h. */
#include "pipeline/vectors.h"

#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "base/whole.h"

static bool is(const struct ft_config *cfg, const char *word)
{
    return cfg->vector_fit != NULL && strcmp(cfg->vector_fit, word) == 0;
}

int ft__vectors_load(const struct ft_config *cfg, struct ft_vector_fits **out, struct ft_err *err)
{
    const char *path = cfg->vector_fit;
    struct ft_err why = {0};
    size_t len = 0;

    *out = NULL;
    if (path == NULL || is(cfg, "builtin") || is(cfg, "raw")) {
        return FT_OK;
    }
    char *text = ft_whole_read(path, FT_VECTOR_FILE, &len);

    if (text == NULL) {
        return ft_err_set(err, errno == EFBIG ? FT_E_USAGE : FT_E_IO, "vector-fit: %.200s: %s",
                          path, errno == EFBIG ? "is larger than 1 MiB" : strerror(errno));
    }
    int rc = ft_vector_parse(text, len, out, &why);

    ft_mem_free(text);
    return rc == FT_OK ? rc
                       : ft_err_set(err, rc == FT_E_FORMAT ? FT_E_USAGE : rc,
                                    "vector-fit: %.200s: %s", path, why.what);
}

const struct ft_vector_fits *ft__vectors_of(const struct ft_config *cfg,
                                            const struct ft_vector_fits *loaded)
{
    return loaded != NULL ? loaded : is(cfg, "raw") ? &ft_vector_raw : &ft_vector_builtin;
}

void ft__vectors_window(const struct ft_plan *plan, struct ft_window_row *row,
                        float vector[FT_VECTOR])
{
    const struct ft_vector_fit *fit = &plan->options.vectors->of[FT_VECTOR_HOST];
    double x[FT_VECTOR];

    ft_vector_host(row, x);
    ft_vector_make(fit, x, vector);
    row->vector = vector;
    row->vector_id = fit->id;
}
