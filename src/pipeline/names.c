/* SPDX-License-Identifier: Apache-2.0 */
/* pipeline: names of outputs, see build.h. */
#include <string.h>

#include "base/mem.h"
#include "pipeline/build.h"

const char *ft__build_name(struct ft_pipeline *p, const char *text)
{
    size_t len = strlen(text) + 1;

    for (const struct ft_output_name *n = p->names; n != NULL; n = n->next) {
        if (strcmp(n->text, text) == 0) {
            return n->text;
        }
    }
    struct ft_output_name *n = ft_mem_alloc(1, sizeof *n + len);

    if (n != NULL) {
        memcpy(n->text, text, len);
        n->next = p->names;
        p->names = n;
    }
    return n != NULL ? n->text : NULL;
}
