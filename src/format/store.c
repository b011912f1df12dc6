/* SPDX-License-Identifier: Apache-2.0 */
/* format: events of several kinds as batches for a store, see store.h. */
#include "format/store.h"

#include <string.h>

#include "base/mem.h"
#include "base/range.h"
#include "format/row.h"
#include "format/table.h"

extern const struct ft_format_ops ft_format_store;

/* One kind's rows: what row.h hands its events to. */
static const struct ft_format_ops one_kind = {.row = ft__table_row};

struct store {
    struct ft_format format;
    struct ft__table table[FT_EVENT__COUNT]; /* those with a batch are there */
};

static const struct ft_format *kind(const struct ft_format *f, enum ft_event e)
{
    return &((const struct store *)(const void *)f)->table[e].format;
}

static size_t store_flow(const struct ft_format *f, uint8_t *p, const struct ft_flow_record *rec)
{
    return ft__row_flow(kind(f, FT_EVENT_FLOW), p, rec);
}

static size_t store_stats(const struct ft_format *f, uint8_t *p, const struct ft_stats *s)
{
    return ft__row_stats(kind(f, FT_EVENT_STATS), p, s);
}

static size_t store_export_flow(const struct ft_format *f, uint8_t *p, size_t room,
                                const struct ft_export_record *rec)
{
    return ft__row_export_flow(kind(f, FT_EVENT_FLOW), p, room, rec);
}

static size_t store_export_event(const struct ft_format *f, uint8_t *p, enum ft_event e,
                                 const void *event)
{
    return ft__row_export_event(kind(f, e), p, e, event);
}

static size_t store_seal(const struct ft_format *f, enum ft_event e, const uint8_t *rows,
                         uint32_t n, const struct ft_loss *lost, uint8_t *out)
{
    const struct ft__batch *b = ((const struct store *)(const void *)f)->table[e].batch;
    struct ft_store_rows head = {.n = n, .event = e};
    uint8_t *nodes = out + sizeof head,
            *buffers = nodes + b->n_nodes * sizeof(struct ft__batch_node);
    size_t at = ft_store_body_at(b->n_nodes, b->n_buffers);

    (void)lost; /* the accounts that come as events tell it */
    size_t body = ft__batch_lay(b, rows, n, out + at, (struct ft__batch_node *)(void *)nodes,
                                (struct ft__batch_buffer *)(void *)buffers);

    head.len = at + (body + 7) / 8 * 8;
    memset(out + at + body, 0, head.len - at - body);
    memcpy(out, &head, sizeof head);
    return head.len;
}

static uint8_t *put_table(uint8_t *p, enum ft_event e, const struct ft__batch *b)
{
    struct ft_store_table t = {.event = e, .n = b->n};

    memcpy(p, &t, sizeof t);
    p += sizeof t;
    for (uint32_t i = 0; i < b->n; i++) {
        const struct ft__batch_column *from = &b->col[i];
        struct ft_store_column c = {.type = from->of.field->type,
                                    .item = from->of.field->item,
                                    .cell = from->cell,
                                    .width = from->width};
        const char *name = ft_field_flat_name(from->of.field);

        memcpy(c.name, name, strlen(name));
        memcpy(p, &c, sizeof c);
        p += sizeof c;
    }
    return p;
}

static size_t store_header(const struct ft_format *f, uint8_t *p)
{
    const struct store *s = (const struct store *)(const void *)f;
    struct ft_store_head head = {0};
    uint8_t *at = p + sizeof head;

    for (enum ft_event e = 0; e < FT_EVENT__COUNT; e++) {
        if (s->table[e].batch != NULL) {
            at = put_table(at, e, s->table[e].batch);
            head.n_tables++;
        }
    }
    memcpy(p, &head, sizeof head);
    return (size_t)(at - p);
}

static void store_end(struct ft_format *f)
{
    struct store *s = (struct store *)(void *)f;

    for (enum ft_event e = 0; s != NULL && e < FT_EVENT__COUNT; e++) {
        ft__table_fini(&s->table[e]);
    }
    ft_mem_free(s);
}

static bool names_fit(const struct ft__batch *b)
{
    for (uint32_t i = 0; i < b->n; i++) {
        if (strlen(ft_field_flat_name(b->col[i].of.field)) >= FT_STORE_NAME) {
            return false;
        }
    }
    return true;
}

static int open_kind(struct store *s, const struct ft_format_config *cfg, enum ft_event e,
                     size_t *header)
{
    struct ft_format_config one = *cfg;
    struct ft__table *t = &s->table[e];

    one.events = 1u << e;
    one.binary_addresses = true;
    t->format.ops = &one_kind;
    int rc = ft__table_init(t, &one);

    if (rc != FT_OK) {
        return rc;
    }
    size_t more =
        ft_store_body_at(t->batch->n_nodes, t->batch->n_buffers) + ft__batch_room(t->batch) + 8;

    ft_most(&s->format.seal_room, more);
    ft_most(&s->format.flow_max, t->format.flow_max);
    *header += sizeof(struct ft_store_table) + t->batch->n * sizeof(struct ft_store_column);
    return names_fit(t->batch) && *header <= FT_FORMAT_HEADER_MAX ? FT_OK : FT_E_RANGE;
}

static int store_open(const struct ft_format_config *cfg, struct ft_format **out,
                      struct ft_err *err)
{
    struct store *s = ft_mem_alloc(1, sizeof *s);
    size_t header = sizeof(struct ft_store_head);
    int rc = s != NULL ? FT_OK : FT_E_NOMEM;

    for (enum ft_event e = 0; rc == FT_OK && e < FT_EVENT__COUNT; e++) {
        if ((cfg->events >> e & 1) != 0) {
            rc = open_kind(s, cfg, e, &header);
        }
    }
    if (rc != FT_OK) {
        store_end((struct ft_format *)s);
        return ft_err_set(err, rc, "the columns of an output: %s", ft_strerror(rc));
    }
    s->format.ops = &ft_format_store;
    *out = &s->format;
    return FT_OK;
}

const struct ft_format_ops ft_format_store = {
    .name = "store",
    .help = "a folder that keeps what was seen last, for flowtap query: compressed columns by "
            "time, and what the answers need to know of losses",
    .suffix = "",
    .transport = "store",
    .events =
        1u << FT_EVENT_FLOW | 1u << FT_EVENT_WINDOW | 1u << FT_EVENT_ALERT | 1u << FT_EVENT_STATS,
    .prefers_flows = true,
    .keeps_accounts = true,
    .open = store_open,
    .end = store_end,
    .header = store_header,
    .flow = store_flow,
    .stats = store_stats,
    .export_flow = store_export_flow,
    .export_event = store_export_event,
    .seal = store_seal,
};
