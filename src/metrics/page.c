/* SPDX-License-Identifier: Apache-2.0 */
/* metrics: an account as a page of text, see page.h. Prometheus text 0.0.4, OpenMetrics 1.0. */
#include "metrics/page.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "codec/text/escape.h"

enum { PAGE_FIRST = 64 * 1024, LABEL_MAX = 512, READY_LAG_S = 30 };

/* ---- text ---- */

static bool has_room(struct ft__page *p, size_t more)
{
    if (p->failed || p->len + more <= p->cap) {
        return !p->failed;
    }
    size_t cap = p->cap > 0 ? p->cap : PAGE_FIRST;

    while (cap < p->len + more) {
        cap *= 2;
    }
    char *text = ft_mem_alloc(1, cap);

    if (text == NULL) {
        p->failed = true;
        return false;
    }
    memcpy(text, p->text != NULL ? p->text : "", p->len);
    ft_mem_free(p->text);
    p->text = text;
    p->cap = cap;
    return true;
}

static void add(struct ft__page *p, const char *s, size_t len)
{
    if (has_room(p, len)) {
        memcpy(p->text + p->len, s, len);
        p->len += len;
    }
}

static void add_text(struct ft__page *p, const char *s)
{
    add(p, s, strlen(s));
}

size_t ft__page_label(char *out, size_t cap, const char *name, const char *value)
{
    uint8_t text[3 * LABEL_MAX];
    size_t len = (size_t)snprintf(out, cap, "%s=\"", name), n = strnlen(value, LABEL_MAX);
    const uint8_t *end = ft_put_utf8(text, (const uint8_t *)value, (uint32_t)n);

    for (const uint8_t *s = text; s < end && len + 3 < cap; s++) {
        if (*s == '"' || *s == '\\') {
            out[len++] = '\\';
        }
        out[len++] = *s < 0x20 || *s == 0x7f ? ' ' : (char)*s;
    }
    while (len + 2 > cap) {
        len--;
    }
    out[len++] = '"';
    out[len] = '\0';
    return len;
}

/* ---- series ---- */

void ft__page_series(struct ft__page *p, const char *labels, uint64_t value)
{
    char number[24];
    int n = snprintf(number, sizeof number, " %llu\n", (unsigned long long)value);

    add_text(p, p->row->name);
    add_text(p, labels);
    add(p, number, (size_t)n);
}

void ft__page_seconds(struct ft__page *p, const char *labels, int64_t ns)
{
    char number[40];
    int n = snprintf(number, sizeof number, " %lld.%03lld\n", (long long)(ns / 1000000000),
                     (long long)(ns / 1000000 % 1000));

    add_text(p, p->row->name);
    add_text(p, labels);
    add(p, number, (size_t)n);
}

static void add_head(struct ft__page *p)
{
    const struct ft_metric *m = p->row;
    size_t len = strlen(m->name);

    if (p->openmetrics && strcmp(m->type, "counter") == 0) {
        len -= strlen("_total");
    }
    add_text(p, "# HELP ");
    add(p, m->name, len);
    add_text(p, " ");
    add_text(p, m->help);
    add_text(p, ".\n# TYPE ");
    add(p, m->name, len);
    add_text(p, " ");
    add_text(p, m->type);
    if (p->openmetrics && m->unit != NULL) {
        add_text(p, "\n# UNIT ");
        add(p, m->name, len);
        add_text(p, " ");
        add_text(p, m->unit);
    }
    add_text(p, "\n");
}

bool ft__page_make(struct ft__page *out, const struct ft_stats *s, bool openmetrics)
{
    const struct ft__metric_row *row;

    *out = (struct ft__page){.openmetrics = openmetrics};
    for (uint32_t i = 0; (row = ft__metric_row(i)) != NULL; i++) {
        out->row = &row->metric;
        size_t before = out->len;

        add_head(out);
        size_t head = out->len;

        row->write(out, s, row->at);
        if (out->len == head) { /* no series: no family */
            out->len = before;
        }
    }
    if (openmetrics) {
        add_text(out, "# EOF\n");
    }
    if (out->failed) {
        ft__page_fini(out);
        return false;
    }
    return true;
}

void ft__page_fini(struct ft__page *p)
{
    ft_mem_free(p->text);
    *p = (struct ft__page){.text = NULL};
}

/* ---- which form: RFC 9110 §12.5.1 ---- */

/* A range "TYPE;PARAM=VALUE" of len bytes: what it asks for and how much (0..1000). */
static int quality(const char *s, size_t len, bool *out_open, bool *out_plain)
{
    const char *end = s + len, *p = s;
    int q = 1000;
    bool version_ok = true;

    s += strspn(s, " \t");
    size_t type = strcspn(s, "; \t,");
    bool open = type == strlen("application/openmetrics-text") &&
                strncasecmp(s, "application/openmetrics-text", type) == 0;
    bool plain = (type == 10 && strncasecmp(s, "text/plain", 10) == 0) ||
                 (type == 6 && strncasecmp(s, "text/*", 6) == 0) ||
                 (type == 3 && strncmp(s, "*/*", 3) == 0);

    while ((p = memchr(p, ';', (size_t)(end - p))) != NULL) {
        p++;
        p += strspn(p, " \t");
        if (strncasecmp(p, "q=", 2) == 0) {
            q = (int)(strtod(p + 2, NULL) * 1000);
        } else if (open && strncasecmp(p, "version=", 8) == 0) {
            p += 8;
            p += *p == '"';
            version_ok = strncmp(p, "1.0.0", 5) == 0;
        }
    }
    *out_open = open && version_ok;
    *out_plain = plain;
    return q < 0 ? 0 : q;
}

bool ft__page_wants_openmetrics(const char *accept)
{
    int best_open = 0, best_plain = 0;

    for (const char *p = accept; p != NULL && *p != '\0';) {
        size_t len = strcspn(p, ",");
        bool open, plain;
        int q = quality(p, len, &open, &plain);

        best_open = open && q > best_open ? q : best_open;
        best_plain = plain && q > best_plain ? q : best_plain;
        p += len + (p[len] == ',');
    }
    return best_open > 0 && best_open >= best_plain;
}

/* ---- ready ---- */

static size_t say(char *out, size_t cap, size_t at, const char *name, const char *what, int64_t s)
{
    char number[32] = "";

    if (s > 0) {
        snprintf(number, sizeof number, " for %lld s", (long long)s);
    }
    int n = snprintf(out + at, cap - at, "%.200s %s%s\n", name, what, number);

    return n < 0 || (size_t)n >= cap - at ? cap - 1 : at + (size_t)n;
}

bool ft__page_ready(const struct ft_stats *s, char *out, size_t cap)
{
    size_t at = 0;
    bool ended = s->n_workers > 0;

    out[0] = '\0';
    for (uint32_t i = 0; i < s->n_workers; i++) {
        ended = ended && s->worker_ended[i];
    }
    if (ended) {
        at = say(out, cap, at, "the input", "has ended", 0);
    }
    if (s->interfaces_down > 0) {
        at = say(out, cap, at, "an interface", "is down or gone", 0);
    }
    for (uint32_t i = 0; i < s->n_outputs; i++) {
        const struct ft_output_stats *o = &s->output[i];
        int64_t lag_s = o->lag_ns / 1000000000;

        if (o->failed) {
            at = say(out, cap, at, o->name, "is gone", 0);
        } else if (lag_s >= READY_LAG_S) {
            at = say(out, cap, at, o->name, "takes nothing", lag_s);
        }
    }
    return at == 0;
}
