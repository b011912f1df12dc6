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
        ft_mem_free(in->buffer);
        ft_mem_free(in->line);
        ft_mem_free(in);
    }
}

/* More bytes behind those that are there. FT_E_FULL: a line is longer than lines may be. */
static int fill(struct ft__input *in, struct ft_err *err)
{
    ssize_t n;

    if (in->begin > 0) {
        memmove(in->buffer, in->buffer + in->begin, in->end - in->begin);
        in->end -= in->begin;
        in->begin = 0;
    }
    if (in->end == in->cap) {
        char *more = in->cap < FT__SCAN_LINE ? ft_mem_alloc(1, in->cap * 2 + FT__SCAN_SLACK) : NULL;

        if (more == NULL) {
            return FT_E_FULL;
        }
        memcpy(more, in->buffer, in->end);
        ft_mem_free(in->buffer);
        in->buffer = more;
        in->cap *= 2;
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

static bool is_arrow(const struct ft__input *in)
{
    return in->end >= 6 &&
           (memcmp(in->buffer, "ARROW1", 6) == 0 || memcmp(in->buffer, "\xff\xff\xff\xff", 4) == 0);
}

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
        int rc = fill(in, err);

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
        int rc = fill(in, err);

        if (rc == FT_E_FULL) {
            m->stats.lines++;
            m->stats.malformed++;
            looked = 0;
            rc = skip_line(in, err);
        } else if (rc == FT_OK && looked == 0 && is_arrow(in)) {
            rc = ft_err_set(err, FT_E_UNSUPPORTED, "%s: is Arrow; merge reads NDJSON", in->name);
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
    line->has_time = ft__span_us(&line->record.of[FT__MERGE_TIMESTAMP], &line->time_us);
    ft__merge_look(m, in, line);
    near_line(m, in, in->n - 1);
    in->n++;
}

bool ft__merge_input_lines(struct ft_merge *m, struct ft__input *in, struct ft_err *err)
{
    in->at = in->n = 0;
    while (in->n == 0) {
        size_t len;
        int rc = whole_line(m, in, &len, err);

        if (rc != FT_OK) {
            err->code = rc == FT_E_EOF ? FT_OK : rc;
            return false;
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
    near_line(m, in, in->n - 1);
    return true;
}
