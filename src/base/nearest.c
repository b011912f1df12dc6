/* SPDX-License-Identifier: Apache-2.0 */
/* base: distances of names, see nearest.h. */
#include "base/nearest.h"

#include <string.h>

enum { PREFIX_MIN = 3, NAME_LEN = 64 };

/* Edit distance of two short words. */
static unsigned distance(const char *a, const char *b)
{
    unsigned row[NAME_LEN + 1], n = (unsigned)strlen(b);

    if (n > NAME_LEN || strlen(a) > NAME_LEN) {
        return NAME_LEN;
    }
    for (unsigned j = 0; j <= n; j++) {
        row[j] = j;
    }
    for (unsigned i = 1; a[i - 1] != '\0'; i++) {
        unsigned diagonal = row[0]++;

        for (unsigned j = 1; j <= n; j++) {
            unsigned best = diagonal + (a[i - 1] != b[j - 1]);

            diagonal = row[j];
            best = best < row[j] + 1 ? best : row[j] + 1;
            row[j] = best < row[j - 1] + 1 ? best : row[j - 1] + 1;
        }
    }
    return row[n];
}

unsigned ft_name_distance(const char *name, const char *other)
{
    unsigned d = distance(name, other);
    size_t len = strlen(name);

    if (d > FT_NEAREST_MAX && len >= PREFIX_MIN && strncmp(name, other, len) == 0) {
        return FT_NEAREST_MAX;
    }
    return d;
}

void ft_nearest_try(struct ft_nearest *n, const char *name, const char *other)
{
    unsigned d = ft_name_distance(name, other);

    if (d <= FT_NEAREST_MAX && d < strlen(other) && (n->name == NULL || d < n->distance)) {
        n->name = other;
        n->distance = d;
    }
}
