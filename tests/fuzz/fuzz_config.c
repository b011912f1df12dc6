/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes the YAML configuration: any bytes are either taken, and then within every bound, or
 * refused with a message of one clean line that begins with file and line. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"

#define MUST(cond)                                                                                 \
    do {                                                                                           \
        if (!(cond)) {                                                                             \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #cond);                             \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

static void check_refused(const struct ft_err *err, int rc, const uint8_t *data, size_t size)
{
    uint64_t lines = 1;
    char where[64];

    MUST(err->code == rc);
    MUST(strlen(err->what) < sizeof err->what);
    for (const char *c = err->what; *c != '\0'; c++) {
        MUST((unsigned char)*c >= 0x20 && *c != 0x7f);
    }
    for (size_t i = 0; i < size; i++) {
        lines += data[i] == '\n' || data[i] == '\r' || data[i] >= 0x80 || data[i] == 0;
    }
    MUST(err->off >= 1 && err->off <= lines + 1); /* YAML has more line ends than these */
    snprintf(where, sizeof where, "fuzz.yaml:%llu: ", (unsigned long long)err->off);
    MUST(strncmp(err->what, where, strlen(where)) == 0 && strlen(err->what) > strlen(where));
}

static void check_taken(const struct ft_config *cfg)
{
    MUST(cfg->n_inputs <= FT_MAX_INPUTS && cfg->n_outputs <= FT_MAX_OUTPUTS);
    MUST(cfg->events != 0 && cfg->events < 1u << FT_EVENT__COUNT);
    MUST(cfg->sample_n >= 1 && cfg->workers <= FT_MAX_WORKERS);
    MUST(cfg->queue >= 64 && cfg->queue <= 1 << 24);
    MUST(cfg->max_flows >= 1 && cfg->max_flows <= 1 << 27);
    MUST(cfg->idle_ns >= 1000000 && cfg->active_ns >= 1000000 && cfg->stats_ns >= 0);
    MUST(cfg->n_snapshots <= FT_CONFIG_SNAPSHOTS);
    for (uint32_t i = 1; i < cfg->n_snapshots; i++) {
        MUST(cfg->snapshots[i - 1] < cfg->snapshots[i]);
    }
    for (size_t i = 0; i < sizeof cfg->set; i++) {
        MUST(!cfg->set[i]); /* a file is not the command line */
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ft_config *cfg = ft_config_new(size % 2 ? FT_CMD_LIVE : FT_CMD_READ);
    struct ft_err err = {0};

    if (cfg == NULL) {
        return 0;
    }
    int rc = ft_config_load_text(cfg, "fuzz.yaml", (const char *)data, size, &err);

    if (rc == FT_OK) {
        check_taken(cfg);
    } else if (size <= 1 << 20) {
        check_refused(&err, rc, data, size);
    }
    ft_config_free(cfg);
    return 0;
}
