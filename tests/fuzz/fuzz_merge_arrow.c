/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes Arrow as an input of `flowtap merge`. Properties: what is read lies within what was given,
 * however it is divided; each row is one line, an object of JSON whose values are those that
 * reading it as JSON gives; and a merge of it accounts for every row. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "flowtap/merge.h"
#include "merge/arrow.h"
#include "must.h"

enum { ROWS = 512 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct ft__record row, json;

/* A line whose values are known, beside the same read as text. */
static void check_row(struct ft__scan *scan, const struct ft__arrow_input *a)
{
    row.shape = a->shape;
    MUST(memchr(row.line, '\n', row.len) == NULL);
    MUST(ft__scan_line(scan, row.line, row.len, &json));
    MUST(json.own_len == row.own_len);
    for (int i = 0; i < FT__MERGE_SLOTS_N; i++) {
        const struct ft__span *x = &row.of[i], *y = &json.of[i];

        MUST(x->at == y->at && x->len == y->len && x->text == y->text);
    }
}

static void check_batch(struct ft__scan *scan, struct ft__arrow_input *a,
                        struct ft__arrow_text *text)
{
    ft_arrow_columns(a->reader, &a->rows);
    for (a->row = 0; a->row < a->rows && a->row < ROWS;) {
        int rc = ft__arrow_row(a, text, &row);

        MUST(rc == FT_OK || rc == FT_E_RANGE);
        if (rc == FT_OK) {
            check_row(scan, a);
        }
    }
}

/* Message by message, each from a block of its own length. Returns its rows; UINT64_MAX: more than
 * a merge should be asked to go through. */
static uint64_t read_all(const uint8_t *data, size_t size)
{
    struct ft__arrow_input *a = ft__arrow_input_new();
    struct ft__scan *scan = ft__scan_new();
    struct ft__arrow_text text = {0};
    enum ft_arrow_event event = FT_ARROW_MORE;
    size_t at = 0, have = 0, used, need;
    struct ft_err err;
    uint64_t rows = 0;

    MUST(a != NULL && scan != NULL);
    row = json = (struct ft__record){0};
    while (event != FT_ARROW_END && rows != UINT64_MAX) {
        uint8_t *block = malloc(have > 0 ? have : 1);

        MUST(block != NULL);
        memcpy(block, data + at, have);
        int rc =
            ft_arrow_take(a->reader, block, have, at + have == size, &event, &used, &need, &err);

        MUST(rc != FT_OK || used <= have);
        if (rc == FT_OK && event == FT_ARROW_SCHEMA) {
            rc = ft__arrow_layout(a, &err);
        } else if (rc == FT_OK && event == FT_ARROW_BATCH) {
            check_batch(scan, a, &text);
            rows = a->rows > ROWS ? UINT64_MAX : rows + a->rows;
        }
        if (rc != FT_OK) {
            MUST(rc == FT_E_CORRUPT || rc == FT_E_UNSUPPORTED || rc == FT_E_TRUNCATED);
            event = FT_ARROW_END;
        }
        at += rc == FT_OK ? used : 0;
        have = event == FT_ARROW_MORE ? (need < size - at ? need : size - at) : 0;
        free(block);
    }
    free(text.at);
    row.shape = NULL;
    ft__arrow_input_free(a);
    ft__scan_free(scan);
    return rows;
}

static int count_lines(void *cookie, const char *data, size_t len)
{
    uint64_t *lines = cookie;

    for (size_t i = 0; i < len; i++) {
        *lines += data[i] == '\n';
    }
    return 0;
}

static void merge(int fd, enum ft_merge_how how)
{
    struct ft_merge_config cfg = {
        .window_ns = 1000000000, .tolerance_ns = 1000000, .max_flows = 100};
    struct ft_merge_stats s;
    struct ft_merge *m;
    struct ft_err err;
    uint64_t lines = 0;
    char path[64];

    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    MUST(ft_merge_new(&cfg, &m, &err) == FT_OK);
    MUST(ft_merge_group(m, how, "*", &err) == FT_OK);
    MUST(ft_merge_input(m, path, &err) == FT_OK && ft_merge_input(m, path, &err) == FT_OK);
    int rc = ft_merge_run(m, count_lines, &lines, &err);

    MUST(rc == FT_OK || rc == FT_E_CORRUPT || rc == FT_E_UNSUPPORTED || rc == FT_E_TRUNCATED);
    ft_merge_get_stats(m, &s);
    MUST(s.lines == s.merged + s.passed + s.late_left_out + s.malformed);
    MUST(lines == s.written + s.passed);
    ft_merge_free(m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (read_all(data, size) == UINT64_MAX) {
        return 0;
    }
    int fd = memfd_create("rows", MFD_CLOEXEC);

    MUST(fd >= 0 && write(fd, data, size) == (ssize_t)size);
    merge(fd, FT_MERGE_COPIES);
    merge(fd, FT_MERGE_PARTS);
    close(fd);
    return 0;
}
