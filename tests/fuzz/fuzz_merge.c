/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes lines of `flowtap merge`. Properties: a line read by the shape of one before gives the
 * values that reading it as JSON gives; values lie in the line; each line that comes is merged,
 * passed, left out or malformed; and what is written are objects of JSON, line by line, whatever
 * the bound of flows is, or Arrow that is read again, of as many rows. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "codec/columnar/arrow_read.h"
#include "flowtap/merge.h"
#include "merge/scan.h"
#include "must.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct ft__scan *out_scan;
static struct ft__record out_record;

static void check_spans(const struct ft__record *r)
{
    for (int i = 0; i < FT__MERGE_SLOTS_N; i++) {
        const struct ft__span *s = &r->of[i];

        MUST(s->at == NULL || (s->at >= r->line && s->at + s->len <= r->line + r->len));
    }
}

/* Span by span: what stands in the padding of a struct is nobody's. */
static bool same_spans(const struct ft__record *a, const struct ft__record *b)
{
    for (int i = 0; i < FT__MERGE_SLOTS_N; i++) {
        const struct ft__span *x = &a->of[i], *y = &b->of[i];

        if (x->at != y->at || x->len != y->len || x->text != y->text) {
            return false;
        }
    }
    return true;
}

/* Twice: as JSON, then by its shape. */
static void check_line(const char *line, size_t len)
{
    struct ft__scan *s = ft__scan_new();
    static struct ft__record first, again;

    first = again = (struct ft__record){0};

    MUST(s != NULL);
    bool object = ft__scan_line(s, line, len, &first);

    /* as often as it takes to say what is the same in most lines, too */
    for (int i = 0; i < FT__SHAPE_FEW + 2; i++) {
        MUST(ft__scan_line(s, line, len, &again) == object);
    }
    if (object) {
        check_spans(&first);
        check_spans(&again);
        MUST(same_spans(&first, &again));
    }
    ft__scan_free(s);
}

static int check_output(void *cookie, const char *data, size_t len)
{
    char *text = malloc(len + FT__SCAN_SLACK);

    (void)cookie;
    MUST(text != NULL && len > 0 && data[len - 1] == '\n');
    memcpy(text, data, len);
    memset(text + len, 0, FT__SCAN_SLACK);
    for (char *at = text; at < text + len;) {
        char *end = memchr(at, '\n', (size_t)(text + len - at));
        MUST(end != NULL && ft__scan_line(out_scan, at, (size_t)(end - at), &out_record));
        at = end + 1;
    }
    free(text);
    return 0;
}

static void merge(int fd, uint32_t max_flows, enum ft_merge_how how)
{
    struct ft_merge_config cfg = {
        .window_ns = 1000000000, .tolerance_ns = 1000000, .max_flows = max_flows};
    struct ft_merge_stats s;
    struct ft_merge *m;
    struct ft_err err;
    char path[64];

    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    MUST(ft_merge_new(&cfg, &m, &err) == FT_OK);
    MUST(ft_merge_group(m, how, "*", &err) == FT_OK);
    MUST(ft_merge_input(m, path, &err) == FT_OK && ft_merge_input(m, path, &err) == FT_OK);
    int rc = ft_merge_run(m, check_output, NULL, &err);

    MUST(rc == FT_OK || rc == FT_E_UNSUPPORTED || rc == FT_E_CORRUPT ||
         rc == FT_E_TRUNCATED); /* Arrow */
    ft_merge_get_stats(m, &s);
    MUST(rc != FT_OK || s.lines == s.merged + s.passed + s.late_left_out + s.malformed);
    ft_merge_free(m);
}

/* A block of Arrow, which our own reader has to take. */
struct arrow {
    uint8_t *data;
    size_t len;
};

static int keep(void *cookie, const char *data, size_t len)
{
    struct arrow *a = cookie;

    a->data = realloc(a->data, a->len + len);
    MUST(a->data != NULL);
    memcpy(a->data + a->len, data, len);
    a->len += len;
    return 0;
}

static uint64_t count_rows(const struct arrow *a)
{
    struct ft_arrow *reader = ft_arrow_new();
    enum ft_arrow_event event = FT_ARROW_MORE;
    size_t used, need;
    uint64_t rows, all = 0;
    struct ft_err err;

    MUST(reader != NULL);
    for (size_t at = 0; event != FT_ARROW_END; at += used) {
        MUST(ft_arrow_take(reader, a->data + at, a->len - at, true, &event, &used, &need, &err) ==
             FT_OK);
        if (event == FT_ARROW_BATCH) {
            ft_arrow_columns(reader, &rows);
            all += rows;
        }
    }
    ft_arrow_free(reader);
    return all;
}

static void to_arrow(int fd, bool is_file)
{
    struct ft_merge_config cfg = {
        .window_ns = 1000000000, .tolerance_ns = 1000000, .max_flows = 1000};
    struct arrow out = {NULL, 0};
    struct ft_merge_stats s;
    struct ft_merge *m;
    struct ft_err err;
    char path[64];

    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    MUST(ft_merge_new(&cfg, &m, &err) == FT_OK);
    MUST(ft_merge_group(m, FT_MERGE_PARTS, "*", &err) == FT_OK);
    MUST(ft_merge_input(m, path, &err) == FT_OK);
    ft_merge_arrow(m, is_file);
    int rc = ft_merge_run(m, keep, &out, &err);

    MUST(rc == FT_OK || rc == FT_E_UNSUPPORTED || rc == FT_E_CORRUPT || rc == FT_E_TRUNCATED);
    ft_merge_get_stats(m, &s);
    MUST(count_rows(&out) == s.written + s.passed - s.events_left_out);
    ft_merge_free(m);
    free(out.data);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = calloc(1, size + FT__SCAN_SLACK);
    int fd = memfd_create("lines", MFD_CLOEXEC);

    MUST(text != NULL && fd >= 0);
    out_scan = ft__scan_new();
    out_record = (struct ft__record){0};
    MUST(out_scan != NULL);
    memcpy(text, data, size);
    for (size_t at = 0; at < size;) {
        size_t len = strcspn(text + at, "\n"); /* a NUL ends one, too */

        check_line(text + at, len);
        at += len + 1;
    }
    MUST(write(fd, data, size) == (ssize_t)size);
    merge(fd, 3, FT_MERGE_COPIES);
    merge(fd, 1000, FT_MERGE_PARTS);
    to_arrow(fd, false);
    to_arrow(fd, true);
    ft__scan_free(out_scan);
    close(fd);
    free(text);
    return 0;
}
