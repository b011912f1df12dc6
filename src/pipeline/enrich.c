/* SPDX-License-Identifier: Apache-2.0 */
/* pipeline: the files of --geo and --networks, see enrich.h. */
#include "pipeline/enrich.h"

#include <errno.h>
#include <string.h>

#include "base/big.h"
#include "base/mem.h"

static int load_networks(const char *path, struct ft_networks **out, struct ft_err *err)
{
    struct ft_err why = {0};
    struct ft_big file;
    int error = ft_big_read(path, FT_NETWORKS_BYTES, &file);

    if (error != 0) {
        return ft_err_set(err, error == EFBIG ? FT_E_USAGE : FT_E_IO, "networks: %.200s: %s", path,
                          error == EFBIG ? "is larger than 128 MiB" : strerror(error));
    }
    int rc = ft_networks_parse((const char *)file.data, file.len, out, &why);

    ft_big_free(&file);
    return rc == FT_OK ? rc
                       : ft_err_set(err, rc == FT_E_FORMAT ? FT_E_USAGE : rc,
                                    "networks: %.200s: %s", path, why.what);
}

int ft__enrich_load(const struct ft_config *cfg, struct ft_enrich **out, struct ft_err *err)
{
    struct ft_enrich *e;
    int rc = FT_OK;

    *out = NULL;
    if (!ft_config_enriches(cfg)) {
        return FT_OK;
    }
    e = ft_mem_alloc(1, sizeof *e);
    if (e == NULL) {
        return ft_err_set(err, FT_E_NOMEM, "no memory for --geo and --networks");
    }
    if (cfg->networks != NULL) {
        rc = load_networks(cfg->networks, &e->networks, err);
    }
    if (rc != FT_OK) {
        ft_enrich_free(e);
        return rc;
    }
    *out = e;
    return FT_OK;
}
