/* SPDX-License-Identifier: Apache-2.0 */
/* config: FORMAT[+TRANSPORT]:TARGET[?key=value&...] taken apart and checked. */
#include "config/url.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/units.h"

#define FORMATS "ndjson, csv, null"
#define PARAMETERS                                                                                 \
    "append, columns, compress, event, fsync, group, keep, mode, null, overflow, profile, queue, " \
    "rotate, schema, spreadsheet"

/* "640", "0600": rights that the owner can at least write with. */
static bool valid_mode(const char *text)
{
    size_t len = strlen(text);

    return len >= 3 && len <= 4 && strspn(text, "01234567") == len &&
           (len == 3 || text[0] == '0') && (strtoul(text, NULL, 8) & 0200) != 0;
}

static bool one_of(const char *value, const char *const *words)
{
    for (int i = 0; words[i] != NULL; i++) {
        if (strcmp(value, words[i]) == 0) {
            return true;
        }
    }
    return false;
}

static bool valid_compress(const char *value)
{
    uint64_t level;
    const char *rest, *colon = strchr(value, ':');
    size_t len = colon != NULL ? (size_t)(colon - value) : strlen(value);
    bool zstd = len == 4 && strncmp(value, "zstd", 4) == 0;

    if (!zstd && !(len == 4 && strncmp(value, "gzip", 4) == 0)) {
        return false;
    }
    return colon == NULL || (ft_parse_number(colon + 1, &level, &rest) && *rest == '\0' &&
                             level >= 1 && level <= (zstd ? 19 : 9));
}

/* What is allowed for a key, or NULL when the value is fine; *out_known tells whether the key is.
 * These say what is written, the next where it goes. */
static const char *check_what(const char *key, const char *value, bool *out_known)
{
    static const char *const kinds[] = {"sample",  "flow",    "stats",    "template",
                                        "counter", "discard", "exporter", NULL};
    static const char *const schemas[] = {"goflow2", "ecs",    "ocsf",     "otel",
                                          "pmacct",  "nfdump", "akvorado", NULL};

    *out_known = true;
    if (strcmp(key, "event") == 0) {
        return one_of(value, kinds) ? NULL : "sample, flow, stats, or an event of collect";
    }
    if (strcmp(key, "schema") == 0) {
        return one_of(value, schemas) ? NULL
                                      : "goflow2, ecs, ocsf, otel, pmacct, nfdump or akvorado";
    }
    if (strcmp(key, "columns") == 0 || strcmp(key, "profile") == 0) {
        return value[0] != '\0' ? NULL : "a list of names, with commas"; /* which: the pipeline */
    }
    if (strcmp(key, "null") == 0) {
        return strcmp(value, "omit") == 0 ? NULL : "omit";
    }
    if (strcmp(key, "spreadsheet") == 0) {
        return strcmp(value, "safe") == 0 ? NULL : "safe";
    }
    *out_known = false;
    return NULL;
}

static const char *check_where(const char *key, const char *value, bool *out_known)
{
    static const char *const yes_no[] = {"true", "false", NULL};
    static const char *const policies[] = {"drop", "block", NULL};
    struct ft_file_keep keep;
    uint64_t size;
    int64_t ns;

    *out_known = true;
    if (strcmp(key, "overflow") == 0) {
        return one_of(value, policies) ? NULL : "drop or block";
    }
    if (strcmp(key, "append") == 0) {
        return one_of(value, yes_no) ? NULL : "true or false";
    }
    if (strcmp(key, "queue") == 0) {
        return ft_parse_size(value, &size) && size <= UINT64_C(64) << 30
                   ? NULL
                   : "a size such as 512KB or 64MB, at most 64GiB";
    }
    if (strcmp(key, "rotate") == 0) {
        return ft_parse_duration(value, &ns) || (ft_parse_size(value, &size) && size >= 1000)
                   ? NULL
                   : "a duration such as 10m or 1h, or a size such as 100MB, at least 1KB";
    }
    if (strcmp(key, "keep") == 0) {
        return ft_parse_keep(value, &keep)
                   ? NULL
                   : "how many (10), how long (7d) or how much (20GB) of the rotated files stays";
    }
    if (strcmp(key, "fsync") == 0) {
        return strcmp(value, "no") == 0 || strcmp(value, "frame") == 0 ||
                       ft_parse_duration(value, &ns)
                   ? NULL
                   : "no, frame, or a duration such as 1s";
    }
    if (strcmp(key, "mode") == 0) {
        return valid_mode(value) ? NULL : "octal rights such as 0640, with the owner's to write";
    }
    if (strcmp(key, "group") == 0) {
        return value[0] != '\0' ? NULL : "the name of a group";
    }
    if (strcmp(key, "compress") == 0) {
        return valid_compress(value) ? NULL : "zstd[:1-19] or gzip[:1-9]";
    }
    *out_known = false;
    return NULL;
}

/* ---- taking apart ---- */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* A heap copy of len bytes with %XX decoded, or NULL. */
static char *decode(const char *s, size_t len)
{
    char *out = ft_mem_alloc(1, len + 1);
    size_t at = 0;

    for (size_t i = 0; out != NULL && i < len; i++) {
        int hi = -1, lo = -1;

        if (s[i] == '%' && i + 2 < len) {
            hi = hex_digit(s[i + 1]);
            lo = hex_digit(s[i + 2]);
        }
        if (hi >= 0 && lo >= 0 && (hi | lo) != 0) {
            out[at++] = (char)(hi << 4 | lo);
            i += 2;
        } else {
            out[at++] = s[i];
        }
    }
    return out;
}

static int parse_params(const char *s, struct ft_output_url *u, struct ft_err *err)
{
    while (*s != '\0') {
        size_t len = strcspn(s, "&");
        const char *eq = memchr(s, '=', len);
        bool known;

        if (eq == NULL || u->n_params == sizeof u->param / sizeof u->param[0]) {
            return ft_err_set(err, FT_E_USAGE, "output %s: '%.*s' is not key=value (keys: %s)",
                              u->text, (int)len, s, PARAMETERS);
        }
        char *key = decode(s, (size_t)(eq - s));
        char *value = decode(eq + 1, len - (size_t)(eq - s) - 1);

        u->param[u->n_params].key = key;
        u->param[u->n_params++].value = value;
        if (key == NULL || value == NULL) {
            return ft_err_set(err, FT_E_NOMEM, "output %s: out of memory", u->text);
        }
        const char *allowed = check_what(key, value, &known);

        if (!known) {
            allowed = check_where(key, value, &known);
        }
        if (!known) {
            return ft_err_set(err, FT_E_USAGE,
                              "output %s: there is no parameter '%s' (there are: %s)", u->text, key,
                              PARAMETERS);
        }
        if (allowed != NULL) {
            return ft_err_set(err, FT_E_USAGE, "output %s: %s=%s: allowed is %s", u->text, key,
                              value, allowed);
        }
        s += len + (s[len] == '&');
    }
    return FT_OK;
}

static int parse_head(const char *text, size_t len, struct ft_output_url *u, struct ft_err *err)
{
    static const char *const formats[] = {"ndjson", "csv", "null", NULL};
    const char *plus = memchr(text, '+', len);
    size_t flen = plus != NULL ? (size_t)(plus - text) : len;

    u->format = decode(text, flen);
    u->transport = plus != NULL ? decode(plus + 1, len - flen - 1) : ft_mem_strdup("file");
    if (u->format == NULL || u->transport == NULL) {
        return ft_err_set(err, FT_E_NOMEM, "output %s: out of memory", u->text);
    }
    if (!one_of(u->format, formats)) {
        return ft_err_set(err, FT_E_USAGE, "output %s: there is no format '%s' (there are: %s)",
                          u->text, u->format, FORMATS);
    }
    if (strcmp(u->transport, "file") != 0) {
        return ft_err_set(err, FT_E_USAGE, "output %s: there is no transport '%s' (there is: file)",
                          u->text, u->transport);
    }
    return FT_OK;
}

/* Where the parameters begin: the last '?' that is followed by a word and '='. */
static const char *find_params(const char *target)
{
    const char *q = strrchr(target, '?');

    if (q != NULL) {
        size_t word = strspn(q + 1, "abcdefghijklmnopqrstuvwxyz_");

        if (word > 0 && q[1 + word] == '=') {
            return q;
        }
    }
    return NULL;
}

static int parse(const char *text, struct ft_output_url *u, struct ft_err *err)
{
    const char *colon = strchr(text, ':');

    u->text = ft_mem_strdup(text);
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
        return ft_err_set(err, FT_E_NOMEM, "output %s: out of memory", text);
    }
    if (u->target[0] == '\0' && strcmp(u->format, "null") != 0) {
        return ft_err_set(err, FT_E_USAGE, "output %s: a file name is missing; - is stdout", text);
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
