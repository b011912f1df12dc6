/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes lines of `flowtap merge`. Properties: a line read by the shape of one before gives the
 * values that reading it as JSON gives; values lie in the line; each line that comes is merged,
 * passed, left out or malformed; and what is written are objects of JSON, line by line, whatever
 * the bound of flows is. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "flowtap/merge.h"
#include "merge/scan.h"
#include "must.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct ft__scan *out_scan;

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
    struct ft__record first, again;

    MUST(s != NULL);
    bool object = ft__scan_line(s, line, len, &first);

    MUST(ft__scan_line(s, line, len, &again) == object);
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
        struct ft__record r;

        MUST(end != NULL && ft__scan_line(out_scan, at, (size_t)(end - at), &r));
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

    MUST(rc == FT_OK || rc == FT_E_UNSUPPORTED); /* Arrow */
    ft_merge_get_stats(m, &s);
    MUST(rc != FT_OK || s.lines == s.merged + s.passed + s.late_left_out + s.malformed);
    ft_merge_free(m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = calloc(1, size + FT__SCAN_SLACK);
    int fd = memfd_create("lines", MFD_CLOEXEC);

    MUST(text != NULL && fd >= 0);
    out_scan = ft__scan_new();
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
    ft__scan_free(out_scan);
    close(fd);
    free(text);
    return 0;
}
