/* SPDX-License-Identifier: Apache-2.0 */
/* collect: the state of a collector as text.
 *
 *     flowtap-collect-state 1
 *     exporter ipfix 10.0.0.1 0 256 1000          protocol, address, port, domain, its rate
 *     up 3600000 1700000000000                    of the exporter above: its uptime, when, in ms
 *     sequence 4711                               IPFIX: the next one of it
 *     sampler 3 0 100                             of the exporter above: id, at what, rate; so
 *                                                 too interface, sampler-at, part, template-rate
 *     template 256 0 0 0:8:4 0:12:4 0:2:8         id, options, scopes; PEN:id:length[:s] ...
 *     end 1c2f...                                 a hash of all lines before
 *
 * With --anonymize the first line names the key, and addresses are mapped under it:
 *
 *     flowtap-collect-state 1 anonymized 8f0e...
 *
 * Each worker adds a part of its own, the first one with what nobody heard since the start: of an
 * exporter that is in several, the last one holds.
 *
 * What one line says wrong costs that line. A file without its end, or with another hash, was cut
 * or changed: nothing of it is used. */
#include <arpa/inet.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "codec/net/cryptopan.h"
#include "collect/internal.h"

enum { MAGIC_MAX = 64 };

/* The first line of a state; a state with another one is not ours. Returns its length. */
static size_t make_magic(const struct ft_collector *c, char out[MAGIC_MAX])
{
    static const uint8_t what[] = "flowtap-collect-state";
    int n;

    if (c->limits.hide == NULL) {
        n = snprintf(out, MAGIC_MAX, "flowtap-collect-state 1\n");
    } else {
        n = snprintf(out, MAGIC_MAX, "flowtap-collect-state 1 anonymized %016" PRIx64 "\n",
                     ft_cryptopan_digest(c->limits.hide, what, sizeof what));
    }
    return (size_t)n;
}

struct text {
    char *buf;
    size_t len, cap;
    bool failed;
};

FT_PRINTF(2, 3) static void put(struct text *t, const char *fmt, ...)
{
    va_list ap;
    int n;

    if (t->cap - t->len < 256) {
        size_t cap = t->cap == 0 ? 65536 : t->cap * 2;
        char *more = ft_mem_alloc(1, cap);

        if (more == NULL) {
            t->failed = true;
            return;
        }
        if (t->len > 0) {
            memcpy(more, t->buf, t->len);
        }
        ft_mem_free(t->buf);
        t->buf = more;
        t->cap = cap;
    }
    va_start(ap, fmt);
    n = vsnprintf(t->buf + t->len, t->cap - t->len, fmt, ap);
    va_end(ap);
    t->len += n > 0 ? (size_t)n : 0;
}

static void put_template(struct text *t, const struct ft__template *tmpl)
{
    const struct ft__template_plan *plan = tmpl->plan;

    put(t, "template %u %u %u", tmpl->id, plan->options, plan->n_scope);
    for (uint32_t k = 0; k < plan->n_fields; k++) {
        const struct ft_template_field *f = &plan->fields[k];

        put(t, " %u:%u:%u%s", f->pen, f->id, f->len, f->scope ? ":s" : "");
    }
    put(t, "\n");
}

static void put_exporter(struct text *t, struct ft_cryptopan *hide, const struct ft__exporter *e)
{
    uint8_t addr[16];
    char shown[INET6_ADDRSTRLEN];

    memcpy(addr, e->info.addr, sizeof addr);
    if (hide != NULL) {
        ft_cryptopan_map(hide, addr, e->info.ip_version == 4 ? 4 : 16);
    }
    inet_ntop(e->info.ip_version == 4 ? AF_INET : AF_INET6, addr, shown, sizeof shown);
    put(t, "exporter %s %s %u %u %u\n",
        ft_export_protocol_name((enum ft_export_protocol)e->info.protocol), shown, e->info.port,
        e->info.domain_id, e->rates.domain);
    if (e->clock_known) {
        put(t, "up %u %" PRIu64 "\n", e->uptime_ms, (uint64_t)e->heard_ns / 1000000);
    }
    if (e->info.protocol == FT_XP_IPFIX && ft__restart_sequence(e) != 0) {
        put(t, "sequence %u\n", ft__restart_sequence(e));
    }
    for (uint32_t i = 0; i < e->rates.n_told; i++) {
        const struct ft__rate *r = &e->rates.told[i];

        if (!r->derived) {
            put(t, "%s %" PRIu64 " %u %u\n", ft__rate_kind_name(r->kind), r->id, r->at, r->n);
        }
    }
    for (uint32_t n = e->oldest_template; n != 0; n = e->templates[n - 1].newer) {
        const struct ft__template *tmpl = &e->templates[n - 1];

        if (!ft__restart_stale(e, tmpl)) {
            put_template(t, tmpl);
        }
    }
}

static uint64_t hash_text(const char *text, size_t len)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325); /* FNV-1a: against damage, not against malice */

    for (size_t i = 0; i < len; i++) {
        h = (h ^ (uint8_t)text[i]) * UINT64_C(0x100000001b3);
    }
    return h;
}

static bool has_layout(const struct ft__exporter *e)
{
    for (uint32_t i = 0; i < e->n_templates; i++) {
        if (!ft__restart_stale(e, &e->templates[i])) {
            return true;
        }
    }
    return false;
}

/* Also one of which an older state says what no longer holds. */
static bool worth_saving(const struct ft__exporter *e)
{
    return has_layout(e) || e->rates.domain != 0 || e->rates.n_told > 0 ||
           (e->loaded && e->touched);
}

int ft_collector_save(const struct ft_collector *c, bool all, char **buf, size_t *len, size_t *cap)
{
    struct text t = {*buf, *len, *cap, false};
    size_t start = t.len;
    char magic[MAGIC_MAX];

    make_magic(c, magic);
    put(&t, "%s", magic);
    for (int list = 0; list < 2; list++) {
        const struct ft__exporter *e = c->exporters.all[list].oldest;

        for (; e != NULL; e = e->link[FT__IN_ALL].newer) {
            if ((all || e->touched) && !e->info.stream && e->info.protocol != FT_XP_SFLOW_V5 &&
                worth_saving(e) && !t.failed) {
                put_exporter(&t, c->limits.hide, e);
            }
        }
    }
    if (!t.failed) {
        put(&t, "end %016" PRIx64 "\n", hash_text(t.buf + start, t.len - start));
    }
    *buf = t.buf;
    *len = t.len;
    *cap = t.cap;
    return t.failed ? FT_E_NOMEM : FT_OK;
}

/* ---- loading ---- */

/* One word of a line: *out_len bytes, 0 at its end. */
static const char *word(const char **at, const char *end, size_t *out_len)
{
    const char *p = *at, *start;

    while (p < end && *p == ' ') {
        p++;
    }
    start = p;
    while (p < end && *p != ' ') {
        p++;
    }
    *at = p;
    *out_len = (size_t)(p - start);
    return start;
}

static bool number(const char **at, const char *end, uint64_t max, uint64_t *out)
{
    size_t len;
    const char *w = word(at, end, &len);
    uint64_t v = 0;

    if (len == 0 || len > 20) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        if (w[i] < '0' || w[i] > '9' || __builtin_mul_overflow(v, UINT64_C(10), &v) ||
            __builtin_add_overflow(v, (uint64_t)(w[i] - '0'), &v)) {
            return false;
        }
    }
    *out = v;
    return v <= max;
}

/* What another part of the file said of e: this one is of the worker that heard it since. */
static void forget(struct ft_collector *c, struct ft__exporter *e)
{
    while (e->n_templates > 0) {
        struct ft__template *last = &e->templates[e->n_templates - 1];

        ft__template_plan_put(&c->plans, ft__exporter_unset(&c->exporters, e, last));
    }
    ft__rates_fini(&e->rates);
    e->clock_known = false;
    e->sequence_saved = 0;
}

static bool load_exporter(struct ft_collector *c, const char *at, const char *end)
{
    struct ft_exporter_info key = {0};
    char text[64];
    size_t len;
    const char *w = word(&at, end, &len);
    uint64_t port, domain, rate;
    int protocol = -1;

    for (int i = 0; i < FT_XP_SFLOW_V5; i++) {
        const char *name = ft_export_protocol_name((enum ft_export_protocol)i);

        if (strlen(name) == len && memcmp(name, w, len) == 0) {
            protocol = i;
        }
    }
    w = word(&at, end, &len);
    if (protocol < 0 || len == 0 || len >= sizeof text || !number(&at, end, UINT16_MAX, &port) ||
        !number(&at, end, UINT32_MAX, &domain) || !number(&at, end, UINT32_MAX, &rate)) {
        return false;
    }
    memcpy(text, w, len);
    text[len] = '\0';
    key.ip_version = strchr(text, ':') != NULL ? 6 : 4;
    if (inet_pton(key.ip_version == 4 ? AF_INET : AF_INET6, text, key.addr) != 1) {
        return false;
    }
    if (c->limits.hide != NULL) {
        ft_cryptopan_unmap(c->limits.hide, key.addr, key.ip_version == 4 ? 4 : 16);
    }
    key.protocol = (uint8_t)protocol;
    key.port = (uint16_t)port;
    key.domain_id = (uint32_t)domain;
    c->exporter = ft__exporter_find(&c->exporters, &key, true, c->now_ns);
    if (c->exporter == NULL) {
        return false;
    }
    if (c->exporter->loaded) {
        forget(c, c->exporter);
    }
    ft__rates_tell_domain(&c->exporter->rates, (uint32_t)rate);
    c->exporter->loaded = true;
    return true;
}

static bool load_field(const char **at, const char *end, struct ft_template_field *f)
{
    unsigned long v[3];
    size_t len;
    char text[48], *p = text;
    const char *w = word(at, end, &len);

    if (len == 0 || len >= sizeof text) {
        return false;
    }
    memcpy(text, w, len);
    text[len] = '\0';
    for (int i = 0; i < 3; i++) {
        if (*p < '0' || *p > '9') {
            return false;
        }
        v[i] = strtoul(p, &p, 10);
        if (i < 2 && *p++ != ':') {
            return false;
        }
    }
    *f = (struct ft_template_field){
        .pen = (uint32_t)v[0], .id = (uint16_t)v[1], .len = (uint16_t)v[2]};
    f->scope = strcmp(p, ":s") == 0;
    return v[0] <= UINT32_MAX && v[1] <= UINT16_MAX && v[2] <= UINT16_MAX &&
           (*p == '\0' || f->scope);
}

static bool load_template(struct ft_collector *c, const char *at, const char *end)
{
    struct ft_template_field *fields;
    struct ft__template_plan *plan = NULL, *before;
    uint64_t id, options, n_scope;
    uint32_t n = 0;
    bool good;

    if (c->exporter == NULL || !number(&at, end, UINT16_MAX, &id) || id < FT_NF_DATA_MIN ||
        !number(&at, end, 1, &options) || !number(&at, end, FT__PLAN_FIELDS_MAX, &n_scope)) {
        return false;
    }
    fields = ft_mem_alloc(FT__PLAN_FIELDS_MAX, sizeof *fields);
    if (fields == NULL) {
        return false;
    }
    while (at < end && n < FT__PLAN_FIELDS_MAX && load_field(&at, end, &fields[n])) {
        n++;
    }
    good =
        at >= end && n > 0 && n_scope <= n &&
        ft__template_plan_make(&c->plans, &c->exporter->origin->types, c->exporter->info.protocol,
                               options != 0, (uint16_t)n_scope, fields, n, &plan) == FT_OK;
    ft_mem_free(fields);
    if (!good) {
        return false;
    }
    if (c->exporters.templates >= FT__TEMPLATES_ALL ||
        ft__exporter_set(&c->exporters, c->exporter, (uint16_t)id, plan, c->now_ns,
                         c->limits.templates, &before) != FT_OK) {
        ft__template_plan_put(&c->plans, plan);
        return false;
    }
    ft__template_plan_put(&c->plans, before);
    return true;
}

static bool load_rate(struct ft_collector *c, enum ft__rate_kind kind, const char *at,
                      const char *end)
{
    uint64_t id, of, n;
    struct ft__rate rate = {.kind = (uint8_t)kind};

    if (c->exporter == NULL || !number(&at, end, UINT64_MAX, &id) ||
        !number(&at, end, UINT32_MAX, &of) || !number(&at, end, UINT32_MAX, &n)) {
        return false;
    }
    rate.id = id;
    rate.at = (uint32_t)of;
    rate.n = (uint32_t)n;
    return ft__rates_put(&c->exporter->rates, &rate) == FT_OK;
}

/* So that a restart is seen that came meanwhile. */
static bool load_up(struct ft_collector *c, const char *at, const char *end)
{
    uint64_t uptime_ms, heard_ms;

    if (c->exporter == NULL || !number(&at, end, UINT32_MAX, &uptime_ms) ||
        !number(&at, end, INT64_MAX / 1000000, &heard_ms)) {
        return false;
    }
    c->exporter->uptime_ms = (uint32_t)uptime_ms;
    c->exporter->heard_ns = (int64_t)heard_ms * 1000000;
    c->exporter->clock_known = true;
    return true;
}

static bool load_sequence(struct ft_collector *c, const char *at, const char *end)
{
    uint64_t sequence;

    if (c->exporter == NULL || !number(&at, end, UINT32_MAX, &sequence)) {
        return false;
    }
    c->exporter->sequence_saved = (uint32_t)sequence;
    return true;
}

static bool load_line(struct ft_collector *c, const char *line, const char *end)
{
    size_t len;
    const char *at = line, *w = word(&at, end, &len);

    if (len == 8 && memcmp(w, "exporter", 8) == 0) {
        c->exporter = NULL;
        return load_exporter(c, at, end);
    }
    if (len == 8 && memcmp(w, "template", 8) == 0) {
        return load_template(c, at, end);
    }
    if (len == 2 && memcmp(w, "up", 2) == 0) {
        return load_up(c, at, end);
    }
    if (len == 8 && memcmp(w, "sequence", 8) == 0) {
        return load_sequence(c, at, end);
    }
    for (int i = 0; i < FT__RATE__COUNT; i++) {
        const char *name = ft__rate_kind_name((enum ft__rate_kind)i);

        if (strlen(name) == len && memcmp(name, w, len) == 0) {
            return load_rate(c, (enum ft__rate_kind)i, at, end);
        }
    }
    return false;
}

/* One part of the file, from its magic line to its end line. FT_E_FORMAT: it has none that fits. */
static int load_part(struct ft_collector *c, const char **text, const char *end, size_t magic_len,
                     uint32_t *bad)
{
    const char *start = *text, *p = start + magic_len, *line;
    char want[32];

    for (line = p; line < end; line = p) {
        const char *nl = memchr(line, '\n', (size_t)(end - line));

        if (nl == NULL) {
            return FT_E_FORMAT;
        }
        p = nl + 1;
        if (nl - line > 4 && memcmp(line, "end ", 4) == 0) {
            break;
        }
    }
    snprintf(want, sizeof want, "end %016" PRIx64 "\n", hash_text(start, (size_t)(line - start)));
    if (line >= end || (size_t)(p - line) != strlen(want) ||
        memcmp(line, want, strlen(want)) != 0) {
        return FT_E_FORMAT;
    }
    *text = p;
    p = start + magic_len;
    while (p < line) {
        const char *nl = memchr(p, '\n', (size_t)(line - p));

        *bad += !load_line(c, p, nl);
        p = nl + 1;
    }
    return FT_OK;
}

int ft_collector_load(struct ft_collector *c, const char *text, size_t len, int64_t now_ns,
                      uint32_t *out_bad)
{
    const char *end = text + len;
    char magic[MAGIC_MAX];
    size_t magic_len = make_magic(c, magic);
    int rc = FT_E_FORMAT;

    *out_bad = 0;
    c->now_ns = now_ns;
    while ((size_t)(end - text) > magic_len && memcmp(text, magic, magic_len) == 0) {
        rc = load_part(c, &text, end, magic_len, out_bad);
        if (rc != FT_OK) {
            return rc;
        }
    }
    c->exporter = NULL;
    return rc;
}
