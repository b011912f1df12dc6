/* SPDX-License-Identifier: Apache-2.0 */
/* base: sizes, durations and what is kept, as people write them. */
#ifndef FT_BASE_UNITS_H
#define FT_BASE_UNITS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/files.h"

/* Decimal digits; *out_rest: what stands behind them. false when there are none, or too many. */
bool ft_parse_number(const char *text, uint64_t *out, const char **out_rest);

/* "512KB", "100MB", "1GiB", "4096": bytes; KB = 1000, KiB = 1024. false when it is none. */
bool ft_parse_size(const char *text, uint64_t *out);

/* "30s", "10m", "1h", "1d": ns. false when it is none, or 0. */
bool ft_parse_duration(const char *text, int64_t *out_ns);

/* "10": files; "7d": time; "20GB": bytes. false when it is none, or 0. */
bool ft_parse_keep(const char *text, struct ft_file_keep *out);

#endif
