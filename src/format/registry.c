/* SPDX-License-Identifier: Apache-2.0 */
/* format: what was built in. A new format is a row here. Variants that an option chooses (?schema=,
 * ?spreadsheet=) are not in it. */
#include <string.h>

#include "format/format.h"

extern const struct ft_format_ops ft_format_ndjson;
extern const struct ft_format_ops ft_format_csv;
extern const struct ft_format_ops ft_format_pcap;

/* null: events are counted, no byte of them is made */
static const struct ft_format_ops format_null = {
    .name = "null",
    .help = "nothing: events are counted and thrown away (for measuring)",
    .suffix = "",
    .events = (1u << FT_EVENT_PACKET) - 1,
};

const struct ft_format_ops *const ft_formats[] = {
    &ft_format_ndjson, &ft_format_csv, &ft_format_pcap, &format_null, NULL,
};

const struct ft_format_ops *ft_format_find(const char *name)
{
    for (int i = 0; ft_formats[i] != NULL; i++) {
        if (strcmp(ft_formats[i]->name, name) == 0) {
            return ft_formats[i];
        }
    }
    return NULL;
}
