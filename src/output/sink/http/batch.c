/* SPDX-License-Identifier: Apache-2.0 */
/* output/sink/http: what a body holds; see http_parts.h. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "base/bounds.h"
#include "base/mem.h"
#include "base/units.h"
#include "base/wait.h"
#include "output/sink/http/http_parts.h"

enum {
    BATCH_DEFAULT = 1 << 20,
    LINGER_DEFAULT_MS = 1000,
    TRAILER_PIECE = 256 * 1024, /* FT_FORMAT_TRAILER_ROOM */
};

static int64_t wall_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_REALTIME, &ts);
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static bool has_lines(const struct http_sink *s)
{
    return s->preset != NULL && s->preset->line != NULL;
}

/* ---- adding ---- */

static void begin_if_empty(struct http_sink *s)
{
    if (ft_tally_events(&s->held) > 0) {
        return;
    }
    s->begun_ms = ft_mono_ms();
    s->body.now_ns = wall_ns();
    if (s->env.late_header != NULL && !s->header_known) {
        s->header_len = s->env.late_header(s->env.header_cookie, s->header);
        s->header_known = true;
    }
    if (s->header_len > 0) {
        ft_body_put(&s->body, s->header, s->header_len);
    }
    if (s->preset != NULL && s->preset->begin != NULL) {
        s->preset->begin(&s->body);
    }
}

bool ft__http_batch_is_full(const struct http_sink *s)
{
    return (s->rows != NULL ? s->rows_len : s->body.len) >= s->batch_most ||
           (has_lines(s) && s->body.n == FT__HTTP_ITEMS);
}

/* The end of the first event behind offset at. */
static uint32_t next_end(const struct ft_chunk *c, uint32_t at)
{
    const uint8_t *newline = c->lines ? memchr(c->data + at, '\n', c->len - at) : NULL;

    for (uint32_t i = 0; newline == NULL && i < c->n; i++) {
        if (ft_chunk_mark(c, i)->end > at) {
            return ft_chunk_mark(c, i)->end;
        }
    }
    return newline != NULL ? (uint32_t)(newline + 1 - c->data) : c->len;
}

/* Bytes as they are. */
static uint32_t add_bytes(struct http_sink *s, const struct ft_chunk *c, uint32_t at)
{
    uint8_t *out = s->rows != NULL ? s->rows + s->rows_len : s->body.data + s->body.len;
    size_t *len = s->rows != NULL ? &s->rows_len : &s->body.len;
    size_t room = s->batch_most > *len ? s->batch_most - *len : 0;
    uint32_t end = c->len;

    if (c->len - at > room) {
        end = ft_chunk_whole(c, at + room);
        if (end <= at && ft_tally_events(&s->held) > 0) {
            return at;
        }
        end = end > at ? end : next_end(c, at);
    }
    memcpy(out, c->data + at, end - at); /* there is room: a chunk more than batch_most */
    *len += end - at;
    ft_tally_chunk(&s->held, c, at, end);
    return end;
}

static void add_line(struct http_sink *s, const uint8_t *text, size_t len, uint8_t event)
{
    s->preset->line(&s->body, text, len - 1);
    s->line[s->body.n++] = (struct ft__http_line){(uint32_t)s->body.len, (uint32_t)len, event};
    s->held.n[event]++;
    s->held.bytes += len;
}

/* Line by line, as the preset wants them. */
static uint32_t add_lines(struct http_sink *s, const struct ft_chunk *c, uint32_t at)
{
    for (uint32_t i = 0; i < c->n && at < c->len; i++) {
        const struct ft_mark *m = ft_chunk_mark(c, i);

        while (at < m->end && !ft__http_batch_is_full(s)) {
            uint32_t end = next_end(c, at);

            add_line(s, c->data + at, end - at, m->event);
            at = end;
        }
        if (at < m->end) {
            break;
        }
    }
    return at;
}

uint32_t ft__http_batch_add(struct http_sink *s, const struct ft_chunk *c, uint32_t at)
{
    if (ft__http_batch_is_full(s)) {
        return at;
    }
    begin_if_empty(s);
    return has_lines(s) ? add_lines(s, c, at) : add_bytes(s, c, at);
}

/* ---- closing ---- */

/* Rows become a piece of a table. */
static int pack_rows(struct http_sink *s)
{
    const uint8_t *data;
    size_t len;
    int rc = s->rows_len > 0
                 ? s->env.pack(s->env.pack_cookie, s->rows, s->rows_len, s->body.len, &data, &len)
                 : FT_OK;

    if (rc == FT_OK && s->rows_len > 0) {
        ft_body_put(&s->body, data, len);
    }
    s->rows_len = 0;
    return rc;
}

static void put_trailer(struct http_sink *s)
{
    struct ft_trailer t = {.fd = s->fd, .size = s->body.len};
    size_t len;

    if (s->trailer == NULL) {
        return;
    }
    while ((len = s->env.trailer(s->env.trailer_cookie, &t, s->trailer, TRAILER_PIECE)) > 0) {
        ft_body_put(&s->body, s->trailer, len);
    }
}

int ft__http_batch_again(struct http_sink *s, const uint8_t **out, size_t *out_len)
{
    if (s->body.full) {
        return FT_E_FULL;
    }
    *out = s->body.data;
    *out_len = s->body.len;
    if (s->turned != NULL) {
        *out = s->turned;
        *out_len = s->preset->turn(&s->body, s->turned, s->turned_cap);
    }
    if (*out_len == 0) {
        return FT_E_FULL;
    }
    return s->z != NULL ? ft_compress(s->z, *out, *out_len, out, out_len) : FT_OK;
}

int ft__http_batch_close(struct http_sink *s, const uint8_t **out, size_t *out_len)
{
    int rc = pack_rows(s);

    if (rc != FT_OK) {
        return rc;
    }
    put_trailer(s);
    if (s->preset != NULL && s->preset->end != NULL) {
        s->preset->end(&s->body);
    }
    return ft__http_batch_again(s, out, out_len);
}

void ft__http_batch_reset(struct http_sink *s)
{
    s->body.len = 0;
    s->body.n = 0;
    s->body.full = false;
    s->rows_len = 0;
    s->body.sequence++;
}

/* ---- life ---- */

static int64_t duration_ms(const struct ft_output_url *url, const char *key, int64_t usual_ms)
{
    const char *value = ft_output_url_get(url, key);
    int64_t ns;

    return value != NULL && ft_parse_duration(value, &ns) ? ns / 1000000 : usual_ms;
}

static void configure(struct http_sink *s, const struct ft_output_url *url)
{
    const char *batch = ft_output_url_get(url, "batch");
    uint64_t size = BATCH_DEFAULT;

    if (s->env.pack != NULL) {
        size = FT_PACK_MOST - s->env.chunk_most;
        s->rows_cap = FT_PACK_MOST;
    }
    if (batch != NULL) {
        uint64_t most = size;

        ft_ignore(ft_parse_size(batch, &size)); /* it was checked with the URL */
        size = s->env.pack != NULL && size > most ? most : size;
    }
    if (s->spooled && s->env.pack == NULL) { /* no chunk is divided */
        size = s->env.chunk_most + 1;
    }
    s->batch_most = (size_t)size;
    s->linger_ms =
        duration_ms(url, "linger", s->env.pack != NULL ? s->env.pack_ms : LINGER_DEFAULT_MS);
    /* twice the largest chunk, since a preset may write a line twice */
    s->body.cap = (s->env.pack != NULL ? 2 * (size_t)FT_PACK_MOST : s->batch_most) +
                  2 * (size_t)s->env.chunk_most + s->env.header_len + s->env.trailer_room +
                  2 * TRAILER_PIECE;
    s->turned_cap =
        s->preset != NULL && s->preset->turn != NULL ? 2 * s->body.cap + FT_PRESET_ROOM : 0;
}

/* A file of memory, mapped. */
static int map_body(struct http_sink *s)
{
    void *p;

    s->fd = memfd_create("flowtap-http", MFD_CLOEXEC);
    if (s->fd < 0 || ftruncate(s->fd, (off_t)s->body.cap) != 0) {
        return FT_E_NOMEM;
    }
    p = mmap(NULL, s->body.cap, PROT_READ | PROT_WRITE, MAP_SHARED, s->fd, 0);
    if (p == MAP_FAILED) {
        return FT_E_NOMEM;
    }
    s->body.data = p;
    return FT_OK;
}

static int map_all(struct http_sink *s)
{
    size_t header = s->env.header_len > 0        ? s->env.header_len
                    : s->env.late_header != NULL ? FT_LATE_HEADER
                                                 : 0;
    int rc = map_body(s);

    s->header = header > 0 ? ft_mem_alloc(1, header) : NULL;
    s->trailer = s->env.trailer != NULL ? ft_mem_alloc(1, TRAILER_PIECE) : NULL;
    s->rows = s->rows_cap > 0 ? ft_map_alloc_sparse(s->rows_cap) : NULL;
    s->turned = s->turned_cap > 0 ? ft_map_alloc_sparse(s->turned_cap) : NULL;
    if (has_lines(s)) {
        s->line = ft_mem_alloc(FT__HTTP_ITEMS, sizeof *s->line);
        s->item = ft_mem_alloc(FT__HTTP_ITEMS, 1);
    }
    if (rc != FT_OK || (header > 0 && s->header == NULL) ||
        (s->env.trailer != NULL && s->trailer == NULL) || (s->rows_cap > 0 && s->rows == NULL) ||
        (s->turned_cap > 0 && s->turned == NULL) ||
        (has_lines(s) && (s->line == NULL || s->item == NULL))) {
        return FT_E_NOMEM;
    }
    if (s->env.header_len > 0) {
        memcpy(s->header, s->env.header, s->env.header_len);
        s->header_len = s->env.header_len;
    }
    return FT_OK;
}

int ft__http_batch_init(struct http_sink *s, const struct ft_output_url *url, struct ft_err *err)
{
    const char *compress = ft_output_url_get(url, "compress");

    s->fd = -1;
    configure(s, url);
    int rc = map_all(s);

    if (rc == FT_OK && compress != NULL) {
        rc = ft_compressor_new(compress, s->turned_cap > 0 ? s->turned_cap : s->body.cap, &s->z);
    }
    s->sink.memory = s->batch_most + s->rows_cap;
    return rc == FT_OK ? rc
                       : ft_err_set(err, rc, "output %s: %s%s", url->text,
                                    rc == FT_E_UNSUPPORTED ? "this build lacks the library of "
                                                           : ft_strerror(rc),
                                    rc == FT_E_UNSUPPORTED ? compress : "");
}

void ft__http_batch_fini(struct http_sink *s)
{
    if (s->body.data != NULL) {
        munmap(s->body.data, s->body.cap);
    }
    if (s->fd >= 0) {
        close(s->fd);
    }
    ft_compressor_free(s->z);
    ft_map_free(s->rows, s->rows_cap);
    ft_map_free(s->turned, s->turned_cap);
    ft_mem_free(s->header);
    ft_mem_free(s->trailer);
    ft_mem_free(s->line);
    ft_mem_free(s->item);
}
