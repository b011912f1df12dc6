/* SPDX-License-Identifier: Apache-2.0 */
/* output/sink/http/presets: what presets look up in lines of ours: objects of one level that are
 * looked into, others that are stepped over. */
#ifndef FT_OUTPUT_SINK_HTTP_JSON_H
#define FT_OUTPUT_SINK_HTTP_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ft_json_pair {
    const uint8_t *key, *value;
    size_t key_len, value_len; /* key without its quotes, value with all it has */
};

/* The pair at *at of an object (0: the first), which moves behind it. False: there is none. */
bool ft_json_next(const uint8_t *line, size_t len, size_t *at, struct ft_json_pair *out);

#endif
