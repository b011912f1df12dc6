/* SPDX-License-Identifier: Apache-2.0 */
/* config: FORMAT[+TRANSPORT]:TARGET[?key=value&...] taken apart and checked. */
#include "config/url.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/nearest.h"
#include "base/percent.h"
#include "base/whole.h"
#include "format/format.h"
#include "output/output.h"

enum { NAMED_MOST = 4 << 20 };

/* ---- parameters ---- */

static const struct ft_params *const of_all[] = {&ft_output_params, &ft_format_params};

enum { N_OF_ALL = sizeof of_all / sizeof of_all[0] };

/* Owner number i of rows: what every output has, formats, sinks, each once. False behind the last;
 * *out: NULL where there are no rows. */
static bool owner_at(size_t i, const struct ft_params **out)
{
    if (i < N_OF_ALL) {
        *out = of_all[i];
        return true;
    }
    i -= N_OF_ALL;
    const struct ft_sink_ops *ops = ft_sinks[i / FT_SINK_PARAMS];

    if (ops == NULL) {
        return false;
    }
    *out = ops->params[i % FT_SINK_PARAMS];
    for (size_t k = 0; k < i && *out != NULL; k++) {
        if (*out == ft_sinks[k / FT_SINK_PARAMS]->params[k % FT_SINK_PARAMS]) {
            *out = NULL;
        }
    }
    return true;
}

/* The rows one after the other. NULL behind the last. */
static const struct ft_param *param_at(uint32_t i)
{
    const struct ft_params *p;

    for (size_t k = 0; owner_at(k, &p); k++) {
        if (p != NULL && i < p->n) {
            return &p->rows[i];
        }
        i -= p != NULL ? p->n : 0;
    }
    return NULL;
}

const struct ft_output_parameter *ft_output_parameter_at(uint32_t i)
{
    const struct ft_param *p = param_at(i);

    return p != NULL ? &p->row : NULL;
}

/* Is it the row of a key? One whose name ends in .* is that of all keys that begin so. */
static bool is_row_of(const struct ft_param *p, const char *key)
{
    size_t len = strlen(p->row.name);

    return len > 2 && p->row.name[len - 1] == '*'
               ? strncmp(p->row.name, key, len - 1) == 0 && key[len - 1] != '\0'
               : strcmp(p->row.name, key) == 0;
}

static const struct ft_param *find_in(const struct ft_params *p, const char *key)
{
    for (uint32_t i = 0; p != NULL && i < p->n; i++) {
        if (is_row_of(&p->rows[i], key)) {
            return &p->rows[i];
        }
    }
    return NULL;
}

static const struct ft_sink_ops *find_sink(const char *name)
{
    for (size_t i = 0; ft_sinks[i] != NULL; i++) {
        if (strcmp(ft_sinks[i]->name, name) == 0) {
            return ft_sinks[i];
        }
    }
    return NULL;
}

/* Owner number i of the rows that outputs of this transport have; false behind the last. */
static bool own_owner_at(const struct ft_sink_ops *ops, size_t i, const struct ft_params **out)
{
    if (i >= N_OF_ALL + FT_SINK_PARAMS) {
        return false;
    }
    *out = i < N_OF_ALL ? of_all[i] : ops->params[i - N_OF_ALL];
    return true;
}

static const struct ft_param *find_own_param(const struct ft_output_url *u, const char *key)
{
    const struct ft_sink_ops *ops = find_sink(u->transport);
    const struct ft_param *p = NULL;
    const struct ft_params *owner;

    for (size_t k = 0; p == NULL && own_owner_at(ops, k, &owner); k++) {
        p = find_in(owner, key);
    }
    return p;
}

static const struct ft_param *find_any_param(const char *key)
{
    const struct ft_params *owner;
    const struct ft_param *p = NULL;

    for (size_t k = 0; p == NULL && owner_at(k, &owner); k++) {
        p = find_in(owner, key);
    }
    return p;
}

/* "drop|block" as "drop or block". */
static const char *join_choices(const char *choices, char *out, size_t cap)
{
    size_t at = 0;

    for (const char *c = choices; *c != '\0' && at + 8 < cap; c++) {
        const char *text = *c != '|' ? NULL : strchr(c + 1, '|') != NULL ? ", " : " or ";

        if (text == NULL) {
            out[at++] = *c;
        } else {
            memcpy(out + at, text, strlen(text));
            at += strlen(text);
        }
    }
    out[at] = '\0';
    return out;
}

static bool one_of(const char *value, const char *choices)
{
    size_t len = strlen(value);

    for (const char *c = choices;; c++) {
        size_t n = strcspn(c, "|");

        if (n == len && memcmp(c, value, n) == 0) {
            return true;
        }
        c += n;
        if (*c == '\0') {
            return false;
        }
    }
}

static int no_such_param(const struct ft_output_url *u, const char *key, struct ft_err *err)
{
    const struct ft_param *p = find_any_param(key);
    const struct ft_params *owner;
    struct ft_nearest near = {0};
    char all[256];
    size_t at = 0;

    if (p != NULL) {
        return ft_err_set(err, FT_E_USAGE, "output %s: %s= is for %s outputs", u->text, key,
                          p->row.of);
    }
    for (size_t k = 0; own_owner_at(find_sink(u->transport), k, &owner); k++) {
        for (uint32_t i = 0; owner != NULL && i < owner->n; i++) {
            const char *name = owner->rows[i].row.name;
            size_t len = strlen(name);

            ft_nearest_try(&near, key, name);
            if (at + len + 3 < sizeof all) {
                memcpy(all + at, "|", 1);
                memcpy(all + at + 1, name, len);
                at += len + 1;
            }
        }
    }
    all[at] = '\0';
    if (near.name != NULL) {
        return ft_err_set(err, FT_E_USAGE,
                          "output %s: there is no parameter '%s'; did you mean %s?", u->text, key,
                          near.name);
    }
    char list[512];

    return ft_err_set(err, FT_E_USAGE, "output %s: there is no parameter '%s' (there are: %s)",
                      u->text, key, join_choices(all + 1, list, sizeof list));
}

/* Are there formats that have it ("csv, arrow"), and this is none of them? */
static bool is_of_others(const char *of, const char *format)
{
    char name[16];
    bool formats = false;

    for (size_t len; of != NULL && *of != '\0'; of += len + strspn(of + len, ", ")) {
        len = strcspn(of, ",");
        snprintf(name, sizeof name, "%.*s", (int)len, of);
        formats = formats || ft_format_find(name) != NULL;
        if (strcmp(name, format) == 0) {
            return false;
        }
    }
    return formats;
}

static int check_param(const struct ft_output_url *u, const char *key, const char *value,
                       struct ft_err *err)
{
    const struct ft_param *p = find_own_param(u, key);
    char text[256];

    if (p == NULL) {
        return no_such_param(u, key, err);
    }
    if (is_of_others(p->row.of, u->format)) {
        return ft_err_set(err, FT_E_USAGE, "output %s: %s= is for %s outputs", u->text, key,
                          p->row.of);
    }
    if (p->check != NULL ? p->check(value) : one_of(value, p->row.choices)) {
        return FT_OK;
    }
    return ft_err_set(
        err, FT_E_USAGE, "output %s: %s=%s: allowed is %s", u->text, key, p->secret ? "" : value,
        p->check != NULL ? p->allowed : join_choices(p->row.choices, text, sizeof text));
}

/* ---- taking apart ---- */

/* len bytes with %XX decoded, as a heap copy, or NULL. */
static char *decode(const char *s, size_t len)
{
    char *out = ft_mem_alloc(1, len + 1);

    if (out != NULL) {
        ft_percent_decode(s, len, out);
    }
    return out;
}

static int parse_params(const char *s, struct ft_output_url *u, struct ft_err *err)
{
    while (*s != '\0') {
        size_t len = strcspn(s, "&");
        const char *eq = memchr(s, '=', len);

        if (eq == NULL || u->n_params == sizeof u->param / sizeof u->param[0]) {
            return ft_err_set(err, FT_E_USAGE,
                              eq == NULL
                                  ? "output %s: '%.*s' is not key=value (& in a value is %%26)"
                                  : "output %s: '%.*s' is one parameter too many",
                              u->text, (int)len, s);
        }
        char *key = decode(s, (size_t)(eq - s));
        char *value = decode(eq + 1, len - (size_t)(eq - s) - 1);

        u->param[u->n_params].key = key;
        u->param[u->n_params++].value = value;
        if (key == NULL || value == NULL) {
            return ft_err_set(err, FT_E_NOMEM, "output %s: out of memory", u->text);
        }
        int rc = check_param(u, key, value, err);

        if (rc != FT_OK) {
            return rc;
        }
        s += len + (s[len] == '&');
    }
    return FT_OK;
}

/* The names of what there is, for a message. */
static const char *all_names(bool formats, char *out, size_t cap)
{
    size_t at = 0;

    for (size_t i = 0; formats ? ft_formats[i] != NULL : ft_sinks[i] != NULL; i++) {
        int n = snprintf(out + at, cap - at, "%s%s", i > 0 ? ", " : "",
                         formats ? ft_formats[i]->name : ft_sinks[i]->name);

        at += n > 0 && (size_t)n < cap - at ? (size_t)n : 0;
    }
    return out;
}

/* The format of TRANSPORT://TARGET?format=..., or its usual one; NULL: no memory. */
static char *format_of(const char *text, const char *usual)
{
    const char *q = strchr(text, '?');

    while (q != NULL && strncmp(q + 1, "format=", 7) != 0) {
        q = strchr(q + 1, '&');
    }
    return q == NULL ? ft_mem_strdup(usual) : decode(q + 8, strcspn(q + 8, "&"));
}

/* The format of a head that is a transport and may stand alone; NULL: it is none. */
static const char *usual_format(const char *text, size_t len)
{
    for (size_t i = 0; ft_sinks[i] != NULL; i++) {
        if (ft_sinks[i]->alone && strlen(ft_sinks[i]->name) == len &&
            memcmp(ft_sinks[i]->name, text, len) == 0) {
            return ft_sinks[i]->usual != NULL ? ft_sinks[i]->usual : "ndjson";
        }
    }
    return NULL;
}

static int parse_head(const char *text, size_t len, struct ft_output_url *u, struct ft_err *err)
{
    const char *plus = memchr(text, '+', len);
    size_t flen = plus != NULL ? (size_t)(plus - text) : len;
    const char *alone = plus == NULL ? usual_format(text, len) : NULL;
    char names[256] = "";

    u->format = alone != NULL ? format_of(text, alone) : decode(text, flen);
    const struct ft_format_ops *format = u->format != NULL ? ft_format_find(u->format) : NULL;

    u->transport = alone != NULL  ? decode(text, len)
                   : plus != NULL ? decode(plus + 1, len - flen - 1)
                                  : ft_mem_strdup(format != NULL && format->transport != NULL
                                                      ? format->transport
                                                      : "file");
    if (u->format == NULL || u->transport == NULL) {
        return ft_err_set(err, FT_E_NOMEM, "output %s: out of memory", u->text);
    }
    if (ft_format_find(u->format) == NULL) {
        return ft_err_set(err, FT_E_USAGE, "output %s: there is no format '%s' (there are: %s)",
                          u->text, u->format, all_names(true, names, sizeof names));
    }
    if (format->transport != NULL && strcmp(format->transport, u->transport) != 0) {
        return ft_err_set(err, FT_E_USAGE, "output %s: %s is written %s:TARGET", u->text, u->format,
                          u->format);
    }
    if (find_sink(u->transport) == NULL) {
        return ft_err_set(err, FT_E_USAGE, "output %s: there is no transport '%s' (there are: %s)",
                          u->text, u->transport, all_names(false, names, sizeof names));
    }
    return FT_OK;
}

/* Where the parameters begin: the last '?' that is followed by a word and '='. */
static const char *find_params(const char *target)
{
    const char *q = strrchr(target, '?');

    if (q != NULL) {
        size_t word = strspn(q + 1, "abcdefghijklmnopqrstuvwxyz_.");

        if (word > 0 && q[1 + word] == '=') {
            return q;
        }
    }
    return NULL;
}

/* A name that nobody declared: misspelled, or a library's own. */
static bool sounds_secret(const char *key)
{
    static const char *const parts[] = {"pas", "secr", "tok", "key", "cred", "auth"};

    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        if (strstr(key, parts[i]) != NULL) {
            return true;
        }
    }
    return false;
}

/* Whether it is the name of a secret, whatever the transport: an error may name the URL. */
static bool is_secret(const char *s, size_t len)
{
    const struct ft_param *p;
    char key[64] = "";
    bool secret = false, known = false;

    if (len < sizeof key) { /* none has so long a name */
        ft_percent_decode(s, len, key);
    }
    for (uint32_t i = 0; !secret && (p = param_at(i)) != NULL; i++) {
        if (strcmp(p->row.name, key) == 0) {
            secret = p->secret;
            known = true;
        }
    }
    return secret || (!known && sounds_secret(key));
}

/* The URL as it may be shown: *** for a secret that is no @FILE, and for who a host is asked as. */
static char *shown(const char *text)
{
    const char *colon = strchr(text, ':'), *q = colon != NULL ? find_params(colon + 1) : NULL;
    size_t len = strlen(text), at = 0;
    char *out = ft_mem_alloc(1, 2 * len + sizeof "***");
    const char *host = colon != NULL ? strstr(colon, "//") : NULL;
    size_t user = host != NULL ? strcspn(host + 2, "@/?") : 0;

    for (const char *s = text; out != NULL && *s != '\0';) {
        size_t skip = 0;

        if (host != NULL && s == host + 2 && s[user] == '@') {
            skip = user;
        } else if (q != NULL && s > q && s[-1] == '=' && s[0] != '@') {
            const char *key = s - 1;

            while (key - 1 > q && key[-1] != '&') {
                key--;
            }
            skip = is_secret(key, (size_t)(s - 1 - key)) ? strcspn(s, "&") : 0;
        }
        if (skip > 0) {
            memcpy(out + at, "***", 3);
            at += 3;
            s += skip;
        } else {
            out[at++] = *s++;
        }
    }
    return out;
}

const char *ft_output_url_bare_secret(const struct ft_output_url *u)
{
    for (uint32_t i = 0; i < u->n_params; i++) {
        if (u->param[i].value[0] != '@' && find_own_param(u, u->param[i].key)->secret) {
            return u->param[i].key;
        }
    }
    return NULL;
}

static const char *const files[] = {"ca", "cert", "key"};

const char *ft_output_url_file(const struct ft_output_url *u, uint32_t i)
{
    const char *value = u->param[i].value;

    size_t len = strlen(u->param[i].key), location = sizeof ".location" - 1;

    if (value[0] == '@') {
        return value + 1;
    }
    if (len > location && strcmp(u->param[i].key + len - location, ".location") == 0) {
        return value; /* of librdkafka's settings */
    }
    for (size_t k = 0; k < sizeof files / sizeof files[0]; k++) {
        if (strcmp(u->param[i].key, files[k]) == 0 && value[0] != '\0') {
            return value;
        }
    }
    return NULL;
}

void ft_output_url_read(const struct ft_output_url *u)
{
    struct ft_hash_seed seed = {{0}};

    ft_ignore(ft_output_url_digest(u, &seed) == 0);
}

/* One parameter of a -l URL: does it name a file? */
static bool listen_file(const char *s, size_t len, bool read)
{
    const char *eq = memchr(s, '=', len);
    size_t key = eq != NULL ? (size_t)(eq - s) : 0, size = 0;
    bool is = false;

    for (size_t k = 0; k < sizeof files / sizeof files[0]; k++) {
        is |= key > 0 && strlen(files[k]) == key && memcmp(files[k], s, key) == 0;
    }
    char *path = is && read ? decode(eq + 1, len - key - 1) : NULL;

    if (path != NULL) {
        char *text = ft_whole_read(path, NAMED_MOST, &size);

        ft_whole_forget(text, size);
        ft_mem_free(path);
    }
    return is;
}

uint32_t ft_listen_url_files(const char *url, bool read)
{
    uint32_t n = 0;

    for (const char *s = strchr(url, '?'); s != NULL && *s != '\0';) {
        size_t len = strcspn(++s, "&");

        n += listen_file(s, len, read);
        s += len;
    }
    return n;
}

static uint64_t add_text(const struct ft_hash_seed *seed, uint64_t digest, const char *text,
                         size_t len)
{
    for (size_t at = 0; at < len; at += 8) {
        uint64_t word = 0;

        memcpy(&word, text + at, len - at < 8 ? len - at : 8);
        digest = ft_hash_16(seed, digest, word);
    }
    return ft_hash_16(seed, digest, len);
}

uint64_t ft_output_url_digest(const struct ft_output_url *u, const struct ft_hash_seed *seed)
{
    uint64_t digest = add_text(seed, 0, u->target, strlen(u->target));

    for (uint32_t i = 0; i < u->n_params; i++) {
        const char *value = u->param[i].value, *path = ft_output_url_file(u, i);
        size_t len = 0;
        char *text = path != NULL ? ft_whole_read(path, NAMED_MOST, &len) : NULL;

        digest = add_text(seed, digest, value, strlen(value));
        digest = text != NULL ? add_text(seed, digest, text, len) : digest;
        ft_whole_forget(text, len);
    }
    return digest;
}

unsigned ft_output_url_needs(const struct ft_output_url *u)
{
    const struct ft_sink_ops *ops = find_sink(u->transport);

    return ops != NULL && strcmp(u->format, "null") != 0 ? ops->needs : 0;
}

static int parse(const char *text, struct ft_output_url *u, struct ft_err *err)
{
    const char *colon = strchr(text, ':');

    u->text = shown(text);
    if (u->text == NULL) {
        return ft_err_set(err, FT_E_NOMEM, "output: out of memory");
    }
    if (colon == NULL) {
        return ft_err_set(err, FT_E_USAGE,
                          "output '%s' has no format: write ndjson:%s, csv:%s or null:", text, text,
                          text);
    }
    int rc = parse_head(text, (size_t)(colon - text), u, err);

    if (rc != FT_OK) {
        return rc;
    }
    const char *q = find_params(colon + 1);
    size_t len = q != NULL ? (size_t)(q - colon - 1) : strlen(colon + 1);

    u->target = decode(colon + 1, len);
    if (u->target == NULL) {
        return ft_err_set(err, FT_E_NOMEM, "output %s: out of memory", u->text);
    }
    if (u->target[0] == '\0' && strcmp(u->format, "null") != 0) {
        return ft_err_set(err, FT_E_USAGE, "output %s: a file name is missing; - is stdout",
                          u->text);
    }
    return q != NULL ? parse_params(q + 1, u, err) : FT_OK;
}

int ft_output_url_parse(const char *text, struct ft_output_url *out, struct ft_err *err)
{
    struct ft_output_url u = {0};
    int rc = parse(text, &u, err);

    if (rc != FT_OK) {
        ft_output_url_fini(&u);
        return rc;
    }
    *out = u;
    return FT_OK;
}

void ft_output_url_fini(struct ft_output_url *u)
{
    ft_mem_free(u->text);
    ft_mem_free(u->format);
    ft_mem_free(u->transport);
    ft_mem_free(u->target);
    for (uint32_t i = 0; i < u->n_params; i++) {
        ft_mem_free(u->param[i].key);
        ft_mem_free(u->param[i].value);
    }
    memset(u, 0, sizeof *u);
}
