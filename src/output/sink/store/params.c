/* SPDX-License-Identifier: Apache-2.0 */
/* output/sink/store: the parameters. */
#include "base/units.h"
#include "output/sink/store/store_parts.h"

enum { MAX_LEAST = 1000 * 1000 };

static bool valid_keep(const char *value)
{
    int64_t ns;

    return ft_parse_duration(value, &ns);
}

static bool valid_max(const char *value)
{
    uint64_t size;

    return ft_parse_size(value, &size) && size >= MAX_LEAST;
}

static bool valid_slice(const char *value)
{
    int64_t ns;

    return ft_parse_duration(value, &ns) && ns >= 1000000000 &&
           ns <= FT__STORE_SLICE_MOST_S * INT64_C(1000000000);
}

static const struct ft_param rows[] = {
    {.row = {.name = "keep",
             .of = "store",
             .value = "TIME",
             .defval = "7d",
             .help = "slices that were written longer ago are dropped, but for the newest"},
     .check = valid_keep,
     .allowed = "a time such as 12h or 7d"},
    {.row = {.name = "max",
             .of = "store",
             .value = "SIZE",
             .defval = "20GB",
             .help = "bytes of all slices; the oldest are dropped"},
     .check = valid_max,
     .allowed = "a size of at least 1MB, such as 20GB"},
    {.row = {.name = "slice",
             .of = "store",
             .value = "TIME",
             .defval = "60s",
             .help = "rows wait no longer until they are on disk, where readers find them"},
     .check = valid_slice,
     .allowed = "a time from 1s to 1h"},
};

const struct ft_params ft__store_params = {rows, sizeof rows / sizeof rows[0]};
