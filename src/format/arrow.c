/* SPDX-License-Identifier: Apache-2.0 */
/* format: Arrow IPC, one kind of event in a file: a stream, or where the name ends in .arrow, a
 * file with its footer, but for netFound. Rows are written by the workers (batch.h), which make a
 * record batch of each chunk of them; whoever writes the file puts the schema before and the end
 * behind. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "format/arrow_message.h"
#include "format/row.h"
#include "format/table.h"

extern const struct ft_format_ops ft_format_arrow;

enum { ROOM_COLUMN = 512, ROOM = 4096 };

struct arrow {
    struct ft__table table;
    bool file; /* with a footer */
    struct ft__arrow_batch template;
    uint32_t header_len, footer_len, footer_count;
    uint8_t *header, *footer, *meta; /* one block, owned by header */
};

static const uint8_t magic[FT__ARROW_MAGIC] = "ARROW1\0";
static const uint8_t end_of_stream[] = {0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0};

static const struct arrow *self(const struct ft_format *f)
{
    return (const struct arrow *)f;
}

/* ---- batches ---- */

static void put64(uint8_t *data, uint32_t at, uint64_t v)
{
    memcpy(data + at, &v, sizeof v);
}

static uint64_t get64(const uint8_t *p)
{
    uint64_t v;

    memcpy(&v, p, sizeof v);
    return v;
}

static void put_count(uint8_t *data, uint32_t at, uint64_t count)
{
    char text[FT__ARROW_COUNT + 1];
    int len = snprintf(text, sizeof text, "%llu", (unsigned long long)count);

    ft_flat_set_string(data, at, text, (uint32_t)len);
}

static size_t arrow_seal(const struct ft_format *f, enum ft_event e, const uint8_t *rows,
                         uint32_t n, const struct ft_loss *lost, uint8_t *out)
{
    const struct arrow *a = self(f);
    const struct ft__arrow_batch *t = &a->template;

    (void)e;
    memcpy(out, t->data, t->len);
    /* places in the template are such that both lie as their structs */
    size_t body = ft__batch_lay(a->table.batch, rows, n, out + t->len,
                                (struct ft__batch_node *)(void *)(out + t->nodes),
                                (struct ft__batch_buffer *)(void *)(out + t->buffers));

    put64(out, t->rows, n);
    put64(out, t->body, body);
    put_count(out, t->events_lost, lost->events);
    put_count(out, t->packets_lost, lost->packets);
    return t->len + body;
}

/* ---- files ---- */

static size_t arrow_header(const struct ft_format *f, uint8_t *p)
{
    const struct arrow *a = self(f);
    size_t at = a->file ? sizeof magic : 0;

    memcpy(p, magic, at);
    memcpy(p + at, a->header, a->header_len);
    return at + a->header_len;
}

/* The body of the batch at an offset of the file; false: there is none. */
static bool body_at(const struct arrow *a, const struct ft_trailer *t, uint64_t at,
                    uint64_t *out_body)
{
    uint8_t body[sizeof(uint64_t)];

    if (at + a->template.len > t->size ||
        pread(t->fd, body, sizeof body, (off_t)(at + a->template.body)) != (ssize_t)sizeof body) {
        return false;
    }
    *out_body = get64(body);
    return *out_body <= t->size - at - a->template.len;
}

static uint64_t first_batch(const struct arrow *a)
{
    return sizeof magic + a->header_len;
}

enum { TRAILER_BEGIN, TRAILER_BLOCKS, TRAILER_END, TRAILER_OVER };

/* The end of the stream, and the footer as far as it is the same for all files but for a number. */
static size_t trailer_begin(const struct arrow *a, struct ft_trailer *t, uint8_t *out)
{
    uint64_t body;
    uint32_t count;

    memcpy(out, end_of_stream, sizeof end_of_stream);
    if (!a->file) {
        t->state = TRAILER_OVER;
        return sizeof end_of_stream;
    }
    t->at = first_batch(a);
    for (uint64_t at = t->at; body_at(a, t, at, &body); at += a->template.len + body) {
        t->n++;
    }
    t->left = t->n;
    t->state = TRAILER_BLOCKS;
    count = (uint32_t)t->n;
    memcpy(out + sizeof end_of_stream, a->footer, a->footer_len);
    memcpy(out + sizeof end_of_stream + a->footer_count, &count, sizeof count);
    return sizeof end_of_stream + a->footer_len;
}

/* Where batches are, and how long. */
static size_t trailer_blocks(const struct arrow *a, struct ft_trailer *t, uint8_t *out, size_t room)
{
    size_t len = 0;
    uint64_t body;

    for (; t->left > 0 && len + FT__ARROW_BLOCK <= room && body_at(a, t, t->at, &body); t->left--) {
        put64(out + len, 0, t->at);
        put64(out + len, 8, a->template.len); /* of four bytes, and four of padding */
        put64(out + len, 16, body);
        len += FT__ARROW_BLOCK;
        t->at += a->template.len + body;
    }
    return len;
}

static size_t arrow_trailer(const struct ft_format *f, struct ft_trailer *t, uint8_t *out,
                            size_t room)
{
    const struct arrow *a = self(f);
    uint32_t footer;

    if (t->state == TRAILER_BEGIN) {
        return trailer_begin(a, t, out);
    }
    if (t->state == TRAILER_BLOCKS) {
        size_t len = trailer_blocks(a, t, out, room);

        if (len > 0) {
            return len;
        }
        footer = a->footer_len + (uint32_t)t->n * FT__ARROW_BLOCK;
        memcpy(out, &footer, sizeof footer);
        memcpy(out + sizeof footer, magic, FT__ARROW_MAGIC_END);
        t->state = TRAILER_OVER;
        return sizeof footer + FT__ARROW_MAGIC_END;
    }
    return 0;
}

/* ---- life ---- */

static void arrow_end(struct ft_format *f)
{
    struct arrow *a = (struct arrow *)f;

    if (a != NULL) {
        ft__table_fini(&a->table);
        ft_mem_free(a->header);
        ft_mem_free(a);
    }
}

static int make_messages(struct arrow *a)
{
    uint32_t room = ROOM + ROOM_COLUMN * a->table.batch->n;
    struct ft_flat header, footer, meta;

    a->header = ft_mem_alloc(3, room);
    if (a->header == NULL) {
        return FT_E_NOMEM;
    }
    a->footer = a->header + room;
    a->meta = a->footer + room;
    header = (struct ft_flat){.data = a->header, .cap = room};
    footer = (struct ft_flat){.data = a->footer, .cap = room};
    meta = (struct ft_flat){.data = a->meta, .cap = room};
    ft__arrow_put_schema(&header, a->table.batch, a->table.pairs, a->table.n_pairs);
    ft__arrow_put_footer(&footer, a->table.batch, a->table.pairs, a->table.n_pairs,
                         &a->footer_count);
    ft__arrow_put_batch(&meta, a->table.batch, &a->template);
    a->header_len = header.len;
    a->footer_len = footer.len;
    if (header.full || footer.full || meta.full ||
        header.len + sizeof magic > FT_FORMAT_HEADER_MAX) {
        return FT_E_RANGE;
    }
    return FT_OK;
}

static bool ends_in(const char *text, const char *end)
{
    size_t n = text != NULL ? strlen(text) : 0, len = strlen(end);

    return n >= len && strcmp(text + n - len, end) == 0;
}

/* netFound takes files of that name for streams. */
static bool reads_streams(const char *dialect)
{
    return dialect != NULL && strcmp(dialect, "netfound") == 0;
}

static int arrow_open(const struct ft_format_config *cfg, struct ft_format **out,
                      struct ft_err *err)
{
    struct arrow *a = ft_mem_alloc(1, sizeof *a);
    int rc = FT_E_NOMEM;

    if (a != NULL) {
        a->table.format.ops = &ft_format_arrow;
        a->file = ends_in(cfg->target, ".arrow") && !reads_streams(cfg->dialect);
        rc = ft__table_init(&a->table, cfg);
        rc = rc == FT_OK ? make_messages(a) : rc;
    }
    if (rc != FT_OK) {
        arrow_end((struct ft_format *)a);
        return ft_err_set(err, rc, "the columns of an output: %s", ft_strerror(rc));
    }
    a->table.format.seal_room = a->template.len + ft__batch_room(a->table.batch);
    a->table.format.trailer_room = sizeof end_of_stream;
    a->table.format.needs_file = a->file;
    if (a->file) {
        a->table.format.trailer_room += a->footer_len + sizeof(uint32_t) + FT__ARROW_MAGIC_END;
        a->table.format.trailer_each = FT__ARROW_BLOCK;
        a->table.format.trailer_head = a->template.body + sizeof(uint64_t);
    }
    *out = &a->table.format;
    return FT_OK;
}

const struct ft_format_ops ft_format_arrow = {
    .name = "arrow",
    .help = "Arrow IPC: a stream, or where the name ends in .arrow a file; one kind of event "
            "(?event=), flow records without --events",
    .suffix = ".arrows",
    .events = FT_FORMAT_EVENTS,
    .single_event = true,
    .prefers_flows = true,
    .open = arrow_open,
    .end = arrow_end,
    .header = arrow_header,
    .row = ft__table_row,
    .sample = ft__row_sample,
    .flow = ft__row_flow,
    .stats = ft__row_stats,
    .export_flow = ft__row_export_flow,
    .export_event = ft__row_export_event,
    .seal = arrow_seal,
    .trailer = arrow_trailer,
};
