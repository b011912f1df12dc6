/* SPDX-License-Identifier: Apache-2.0 */
/* merge: files of lines. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "merge/internal.h"

enum { BUFFER = 128 * 1024 };

int ft__merge_input_open(const char *path, struct ft__input **out, struct ft_err *err)
{
    struct ft__input *in = ft_mem_alloc(1, sizeof *in);
    bool is_stdin = strcmp(path, "-") == 0;

    if (in == NULL) {
        return ft_err_set(err, FT_E_NOMEM, "out of memory");
    }
    in->fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    if (in->fd < 0) {
        int rc = ft_err_set(err, errno == ENOENT ? FT_E_NOT_FOUND : FT_E_IO, "%s: %s", path,
                            strerror(errno));

        ft__merge_input_free(in);
        return rc;
    }
    in->name = ft_mem_strdup(is_stdin ? "stdin" : path);
    in->buffer = ft_mem_alloc(1, BUFFER + FT__SCAN_SLACK);
    in->line = ft_mem_alloc(FT__AHEAD, sizeof *in->line);
    in->cap = BUFFER;
    if (in->name == NULL || in->buffer == NULL || in->line == NULL) {
        ft__merge_input_free(in);
        return ft_err_set(err, FT_E_NOMEM, "out of memory");
    }
    *out = in;
    return FT_OK;
}

void ft__merge_input_free(struct ft__input *in)
{
    if (in != NULL) {
        if (in->fd > STDIN_FILENO) {
            close(in->fd);
        }
        ft_mem_free(in->name);
        for (uint32_t i = 0; in->line != NULL && i < FT__AHEAD; i++) {
            ft_mem_free(in->line[i].text.at);
        }
        ft__arrow_input_free(in->arrow);
        ft_mem_free(in->buffer);
        ft_mem_free(in->line);
        ft_mem_free(in);
    }
}

/* More bytes behind those that are there, of which there are `most` at most. FT_E_FULL: there are.
 */
static int fill(struct ft__input *in, size_t most, struct ft_err *err)
{
    ssize_t n;

    if (in->begin > 0) {
        memmove(in->buffer, in->buffer + in->begin, in->end - in->begin);
        in->end -= in->begin;
        in->begin = 0;
    }
    if (in->end == in->cap) {
        size_t cap = in->cap * 2 < most ? in->cap * 2 : most;
        char *more = in->cap < most ? ft_mem_alloc(1, cap + FT__SCAN_SLACK) : NULL;

        if (more == NULL) {
            return FT_E_FULL;
        }
        memcpy(more, in->buffer, in->end);
        ft_mem_free(in->buffer);
        in->buffer = more;
        in->cap = cap;
    }
    do {
        n = read(in->fd, in->buffer + in->end, in->cap - in->end);
    } while (n < 0 && errno == EINTR);
    if (n < 0) {
        return ft_err_set(err, FT_E_IO, "%s: %s", in->name, strerror(errno));
    }
    in->ended = n == 0;
    in->end += (size_t)n;
    return FT_OK;
}

/* Could it be, as far as it is there? */
static bool maybe_arrow(const struct ft__input *in, const char *mark, size_t len)
{
    return memcmp(in->buffer, mark, in->end < len ? in->end : len) == 0;
}

/* The first bytes say what it is. */
static int begin_input(struct ft__input *in, struct ft_err *err)
{
    static const char stream[] = "\xff\xff\xff\xff", file[] = "ARROW1";
    int rc = FT_OK;

    while (rc == FT_OK && !in->ended && in->end < sizeof file - 1 &&
           (maybe_arrow(in, stream, sizeof stream - 1) || maybe_arrow(in, file, sizeof file - 1))) {
        rc = fill(in, FT__SCAN_LINE, err);
    }
    bool is_file = in->end >= sizeof file - 1 && maybe_arrow(in, file, sizeof file - 1);

    in->begun = rc == FT_OK;
    if (rc != FT_OK || !(is_file || (in->end >= sizeof stream - 1 &&
                                     maybe_arrow(in, stream, sizeof stream - 1)))) {
        return rc;
    }
    in->arrow = ft__arrow_input_new();
    if (in->arrow == NULL) {
        return ft_err_set(err, FT_E_NOMEM, "out of memory");
    }
    in->arrow->is_file = is_file;
    return FT_OK;
}

/* ---- lines ---- */

/* Reads on behind a line that is too long. */
static int skip_line(struct ft__input *in, struct ft_err *err)
{
    for (;;) {
        const char *newline = memchr(in->buffer + in->begin, '\n', in->end - in->begin);

        if (newline != NULL || in->ended) {
            in->begin = newline != NULL ? (size_t)(newline - in->buffer) + 1 : in->end;
            return FT_OK;
        }
        in->begin = in->end;
        int rc = fill(in, FT__SCAN_LINE, err);

        if (rc != FT_OK) {
            return rc;
        }
    }
}

/* Fills the buffer until a line is whole: *out_len, without its newline. FT_E_EOF. */
static int whole_line(struct ft_merge *m, struct ft__input *in, size_t *out_len, struct ft_err *err)
{
    size_t looked = 0;

    for (;;) {
        const char *from = in->buffer + in->begin;
        const char *newline = memchr(from + looked, '\n', in->end - in->begin - looked);

        if (newline != NULL) {
            *out_len = (size_t)(newline - from);
            return FT_OK;
        }
        looked = in->end - in->begin;
        if (in->ended) {
            *out_len = looked;
            return looked > 0 ? FT_OK : FT_E_EOF;
        }
        int rc = fill(in, FT__SCAN_LINE, err);

        if (rc == FT_E_FULL) {
            m->stats.lines++;
            m->stats.malformed++;
            looked = 0;
            rc = skip_line(in, err);
        }
        if (rc != FT_OK) {
            return rc;
        }
    }
}

/* Asks for what the line number i will need, whose bucket has been asked for. */
static void near_line(struct ft_merge *m, const struct ft__input *in, uint32_t i)
{
    if (i < FT__AHEAD && in->line[i].has_said) {
        ft__flows_near(&m->flows, &in->line[i].said);
    }
}

/* A line is in hand. */
static void take(struct ft_merge *m, struct ft__input *in, struct ft__line *line)
{
    line->has_time = ft__span_us(&line->record.of[FT__MERGE_TIMESTAMP], &line->time_us);
    ft__merge_look(m, in, line);
    near_line(m, in, in->n - 1);
    in->n++;
}

/* A line of len bytes in the buffer: another one in hand, unless there is nothing in it. */
static void take_line(struct ft_merge *m, struct ft__input *in, size_t len)
{
    const char *text = in->buffer + in->begin;
    struct ft__line *line = &in->line[in->n];

    in->begin += len + (in->begin + len < in->end);
    if (len == 0) {
        return;
    }
    m->stats.lines++;
    if (!ft__scan_line(m->scan, text, len, &line->record)) {
        m->stats.malformed++;
        return;
    }
    take(m, in, line);
}

/* Lines of text: FT_E_EOF: there are none any more. */
static int text_lines(struct ft_merge *m, struct ft__input *in, struct ft_err *err)
{
    while (in->n == 0) {
        size_t len;
        int rc = whole_line(m, in, &len, err);

        if (rc != FT_OK) {
            return rc;
        }
        take_line(m, in, len);
    }
    while (in->n < FT__AHEAD) { /* what is there already */
        const char *from = in->buffer + in->begin;
        const char *newline = memchr(from, '\n', in->end - in->begin);

        if (newline == NULL) {
            break;
        }
        take_line(m, in, (size_t)(newline - from));
    }
    return FT_OK;
}

/* ---- rows ---- */

/* A row of the batch in hand: another line, unless it is too long. */
static int take_row(struct ft_merge *m, struct ft__input *in)
{
    struct ft__line *line = &in->line[in->n];
    int rc = ft__arrow_row(in->arrow, &line->text, &line->record);

    if (rc == FT_E_NOMEM) {
        return rc;
    }
    m->stats.lines++;
    if (rc != FT_OK) {
        m->stats.malformed++;
        return FT_OK;
    }
    if (line->record.shape == NULL) {
        line->record.shape = in->arrow->shape;
        ft__record_hold(&line->record);
    }
    m->stats.by_shape++;
    take(m, in, line);
    return FT_OK;
}

/* Behind the end of a stream there is nothing: another one would be left out in silence. */
static int end_of_rows(struct ft__input *in, struct ft_err *err)
{
    enum { MARK = 8 };
    int rc = FT_OK;

    while (rc == FT_OK && !in->arrow->is_file && !in->ended && in->end - in->begin <= MARK) {
        rc = fill(in, in->cap, err);
    }
    if (rc == FT_OK && !in->arrow->is_file && in->end - in->begin > MARK) {
        return ft_err_set(err, FT_E_CORRUPT, "it goes on behind the end of its stream");
    }
    in->arrow->over = true;
    return rc == FT_OK ? FT_E_EOF : rc;
}

static int event_of(struct ft__input *in, enum ft_arrow_event event, struct ft_err *err)
{
    struct ft__arrow_input *a = in->arrow;

    if (event == FT_ARROW_BATCH) {
        ft_arrow_columns(a->reader, &a->rows);
    }
    return event == FT_ARROW_SCHEMA ? ft__arrow_layout(a, err)
           : event == FT_ARROW_END  ? end_of_rows(in, err)
                                    : FT_OK;
}

/* The next message. FT_E_EOF: there is none. */
static int take_message(struct ft__input *in, struct ft_err *err)
{
    struct ft__arrow_input *a = in->arrow;
    enum ft_arrow_event event;
    size_t need = 0;

    in->begin += a->message;
    a->message = 0;
    a->row = a->rows = 0;
    for (;;) {
        int rc = ft_arrow_take(a->reader, (const uint8_t *)in->buffer + in->begin,
                               in->end - in->begin, in->ended, &event, &a->message, &need, err);

        if (rc != FT_OK) {
            return rc;
        }
        if (event != FT_ARROW_MORE) {
            return event_of(in, event, err);
        }
        rc = fill(in, need > in->cap ? need : in->cap, err);
        if (rc != FT_OK) {
            return rc == FT_E_FULL ? ft_err_set(err, FT_E_NOMEM, "out of memory") : rc;
        }
    }
}

/* Rows of the batch in hand, else of the next one that has some. */
static int rows(struct ft_merge *m, struct ft__input *in, struct ft_err *err)
{
    struct ft__arrow_input *a = in->arrow;
    int rc = FT_OK;

    while (rc == FT_OK && in->n == 0) {
        if (a->row == a->rows) {
            rc = a->over ? FT_E_EOF : take_message(in, err);
        }
        while (rc == FT_OK && in->n < FT__AHEAD && a->row < a->rows) {
            rc = take_row(m, in);
        }
    }
    return rc == FT_E_NOMEM ? ft_err_set(err, rc, "out of memory") : rc;
}

/* ---- both ---- */

bool ft__merge_input_lines(struct ft_merge *m, struct ft__input *in, struct ft_err *err)
{
    struct ft_err why = {0};
    int rc = in->begun ? FT_OK : begin_input(in, &why);

    in->at = in->n = 0;
    if (rc == FT_OK) {
        rc = in->arrow != NULL ? rows(m, in, &why) : text_lines(m, in, &why);
    }
    if (rc != FT_OK && rc != FT_E_EOF) {
        *err = why;
        if (in->arrow != NULL && rc != FT_E_IO) {
            ft_err_set(err, rc, "%s: %s", in->name, why.what);
        }
        return false;
    }
    near_line(m, in, in->n - 1);
    return rc == FT_OK;
}
