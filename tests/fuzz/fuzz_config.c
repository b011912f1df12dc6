/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes the YAML configuration: any bytes are either taken or refused with a message and a line.
 */
#include <stdint.h>
#include <stdlib.h>

#include "flowtap/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ft_config *cfg = ft_config_new(size % 2 ? FT_CMD_LIVE : FT_CMD_READ);
    struct ft_err err = {0};

    if (cfg == NULL) {
        return 0;
    }
    int rc = ft_config_load_text(cfg, "fuzz.yaml", (const char *)data, size, &err);

    if (rc != FT_OK && (err.what[0] == '\0' || err.code != rc)) {
        abort();
    }
    ft_config_free(cfg);
    return 0;
}
