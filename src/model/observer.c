/* SPDX-License-Identifier: Apache-2.0 */
/* model: names of observers, see observer.h. */
#include "model/observer.h"

#include <string.h>
#include <unistd.h>

#include "model/field.h"

const struct ft_observer ft_observer_none = {.id = ""};

static bool plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool allowed(char c)
{
    return plain(c) || (c != '\0' && strchr("._:-", c) != NULL);
}

bool ft_observer_valid(const char *id)
{
    size_t len = strlen(id);

    if (len == 0 || len > FT_OBSERVER_MAX || !plain(id[0])) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        if (!allowed(id[i])) {
            return false;
        }
    }
    return true;
}

void ft_observer_host(char out[FT_OBSERVER_MAX + 1])
{
    memset(out, 0, FT_OBSERVER_MAX + 1);
    if (gethostname(out, FT_OBSERVER_MAX) != 0 || !plain(out[0])) {
        memcpy(out, "unnamed", sizeof "unnamed");
    }
    for (char *c = out; *c != '\0'; c++) {
        *c = allowed(*c) ? *c : '_';
    }
}

void ft_observer_get_id(const void *observer, struct ft_value *out)
{
    out->s = ((const struct ft_observer *)observer)->id;
}
