/* SPDX-License-Identifier: Apache-2.0 */
/* format: what was built in. A new format is a row here. */
#include <string.h>

#include "base/mem.h"
#include "format/format.h"

extern const struct ft_format_ops ft_format_ndjson;
extern const struct ft_format_ops ft_format_csv;
extern const struct ft_format_ops ft_format_pcap;
extern const struct ft_format_ops ft_format_datagram;
extern const struct ft_format_ops ft_format_arrow;
extern const struct ft_format_ops ft_format_parquet;
extern const struct ft_format_ops ft_format_npy;
extern const struct ft_format_ops ft_format_copy;
extern const struct ft_format_ops ft_format_avro;
extern const struct ft_format_ops ft_format_ipfix;
extern const struct ft_format_ops ft_format_netflow9;
extern const struct ft_format_ops ft_format_netflow5;
extern const struct ft_format_ops ft_format_sflow;
extern const struct ft_format_ops ft_format_store;

static const struct ft_format_ops format_null;

static int null_open(const struct ft_format_config *cfg, struct ft_format **out, struct ft_err *err)
{
    struct ft_format *f = ft_mem_alloc(1, sizeof *f);

    (void)cfg;
    if (f == NULL) {
        return ft_err_set(err, FT_E_NOMEM, "out of memory");
    }
    f->ops = &format_null;
    *out = f;
    return FT_OK;
}

static void null_end(struct ft_format *f)
{
    ft_mem_free(f);
}

/* null: events are counted, no byte of them is made */
static const struct ft_format_ops format_null = {
    .open = null_open,
    .end = null_end,
    .name = "null",
    .help = "nothing: events are counted and thrown away (for measuring)",
    .suffix = "",
    .events = FT_FORMAT_EVENTS,
};

const struct ft_format_ops *const ft_formats[] = {
    &ft_format_ndjson,   &ft_format_csv,      &ft_format_arrow, &ft_format_parquet,
    &ft_format_npy,      &ft_format_copy,     &ft_format_avro,  &ft_format_ipfix,
    &ft_format_netflow9, &ft_format_netflow5, &ft_format_sflow, &ft_format_pcap,
    &ft_format_datagram, &ft_format_store,    &format_null,     NULL,
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

int ft_format_flow_max(const struct ft_format_config *cfg, size_t *out, struct ft_err *err)
{
    bool flows = (cfg->events >> FT_EVENT_FLOW & 1) != 0 && cfg->columns != NULL;

    *out = FT_FORMAT_FLOW_MIN + (flows ? ft_columns_lists_room(cfg->columns, cfg->options) : 0);
    if (*out > FT_FORMAT_MAX) {
        return ft_err_set(err, FT_E_USAGE,
                          "the lists and bytes of these columns may take %zu bytes of text, and %d "
                          "is most: name fewer columns or profiles, or take arrow or parquet",
                          *out, FT_FORMAT_MAX);
    }
    return FT_OK;
}
