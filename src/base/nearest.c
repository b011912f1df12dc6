/* SPDX-License-Identifier: Apache-2.0 */
/* base: the nearest name, see nearest.h. */
#include "base/nearest.h"

#include <string.h>

enum { FAR_MOST = 3, PREFIX_MIN = 3, NAME_LEN = 64 };

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

/* How far a name that does not exist is from one that does: its beginning is near, too. */
static unsigned farness(const char *name, const char *option)
{
    unsigned d = distance(name, option);
    size_t len = strlen(name);

    if (d > FAR_MOST && len >= PREFIX_MIN && strncmp(name, option, len) == 0) {
        return FAR_MOST;
    }
    return d;
}

void ft_nearest_look(struct ft_nearest *n, const char *candidate)
{
    unsigned d = farness(n->name, candidate);

    if (d <= FAR_MOST && d < strlen(candidate) && (n->best == NULL || d < n->far)) {
        n->best = candidate;
        n->far = d;
    }
}
