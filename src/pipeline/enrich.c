/* SPDX-License-Identifier: Apache-2.0 */
/* pipeline: the files of --geo and --networks, see enrich.h. */
#include "pipeline/enrich.h"

#include <errno.h>
#include <string.h>

#include "base/big.h"
#include "base/mem.h"

_Static_assert((int)FT_ENRICH_GEO >= (int)FT_GEO_MOST, "there is room for all of --geo");

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

static int load_geo(const char *path, struct ft_geo *out, struct ft_err *err)
{
    struct ft_err why = {0};
    int error = ft_big_read(path, FT_GEO_BYTES, &out->file);

    if (error != 0) {
        return ft_err_set(err, error == EFBIG ? FT_E_USAGE : FT_E_IO, "geo: %.200s: %s", path,
                          error == EFBIG ? "is larger than 1 GiB" : strerror(error));
    }
    int rc = ft_mmdb_open(out->file.data, out->file.len, &out->db, &why);

    return rc == FT_OK ? rc
                       : ft_err_set(err, rc == FT_E_FORMAT ? FT_E_USAGE : rc, "geo: %.200s: %s",
                                    path, why.what);
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
    for (uint32_t i = 0; rc == FT_OK && i < cfg->n_geo; i++) {
        rc = load_geo(cfg->geo[i], &e->geo[e->n_geo++], err);
    }
    if (rc == FT_OK && cfg->networks != NULL) {
        rc = load_networks(cfg->networks, &e->networks, err);
    }
    if (rc != FT_OK) {
        ft_enrich_free(e);
        return rc;
    }
    *out = e;
    return FT_OK;
}

void ft__enrich_free_retired(struct ft_enrich *e)
{
    while (e != NULL) {
        struct ft_enrich *next = e->next;

        ft_enrich_free(e);
        e = next;
    }
}

struct ft_enrich *ft__enrich_take_retired(struct ft_enrich **list, uint32_t now)
{
    struct ft_enrich *taken = NULL;

    while (*list != NULL) {
        struct ft_enrich *e = *list;

        if (e->retired > now) {
            list = &e->next;
        } else {
            *list = e->next;
            e->next = taken;
            taken = e;
        }
    }
    return taken;
}
