/* SPDX-License-Identifier: Apache-2.0 */
/* base: numbers with units, see units.h. */
#include "base/units.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

bool ft_parse_number(const char *text, uint64_t *out, const char **out_rest)
{
    char *end;

    if (!isdigit((unsigned char)text[0])) {
        return false;
    }
    errno = 0;
    *out = strtoull(text, &end, 10);
    *out_rest = end;
    return errno == 0;
}

bool ft_parse_size(const char *text, uint64_t *out)
{
    static const struct {
        const char *unit;
        uint64_t factor;
    } units[] = {
        {"", 1},
        {"B", 1},
        {"KB", 1000},
        {"K", 1024},
        {"KiB", 1024},
        {"MB", 1000000},
        {"M", 1048576},
        {"MiB", 1048576},
        {"GB", 1000000000},
        {"G", 1073741824},
        {"GiB", 1073741824},
    };
    const char *rest;
    uint64_t n;

    if (!ft_parse_number(text, &n, &rest)) {
        return false;
    }
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (strcmp(rest, units[i].unit) == 0) {
            return !__builtin_mul_overflow(n, units[i].factor, out);
        }
    }
    return false;
}

bool ft_parse_duration(const char *text, int64_t *out_ns)
{
    const char *rest;
    uint64_t n;
    int64_t unit;

    if (!ft_parse_number(text, &n, &rest) || n == 0 || n > 86400 * 365 || rest[0] == '\0' ||
        rest[1] != '\0') {
        return false;
    }
    switch (rest[0]) {
    case 's':
        unit = 1;
        break;
    case 'm':
        unit = 60;
        break;
    case 'h':
        unit = 3600;
        break;
    case 'd':
        unit = 86400;
        break;
    default:
        return false;
    }
    return !__builtin_mul_overflow((int64_t)n * unit, INT64_C(1000000000), out_ns);
}

bool ft_parse_keep(const char *text, struct ft_file_keep *out)
{
    struct ft_file_keep keep = {0};
    const char *rest;
    uint64_t n;
    int64_t ns;

    if (ft_parse_duration(text, &ns)) {
        keep.age_s = ns / INT64_C(1000000000);
    } else if (ft_parse_number(text, &n, &rest) && *rest == '\0') {
        keep.files = n;
    } else if (!ft_parse_size(text, &keep.bytes)) {
        return false;
    }
    *out = keep;
    return keep.files > 0 || keep.age_s > 0 || keep.bytes > 0;
}
