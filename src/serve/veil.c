/* SPDX-License-Identifier: Apache-2.0 */
/* serve: what may be shown, see veil.h. */
#include "serve/veil.h"

#include <string.h>

#include "base/mem.h"
#include "serve/token.h"
#include "serve/veil_key.h"
#include "store/value.h"

struct ft_veil {
    struct ft_cryptopan *pan;
};

enum { ID_DIGITS = 16, IDS_MOST = 3, MAPPED = 12 };

int ft_veil_open(const char *folder, struct ft_veil **out, struct ft_err *err)
{
    uint8_t key[FT_VEIL_KEY] = {0};
    struct ft_veil *v;
    int rc = ft_veil_key(folder, key, err);

    if (rc != FT_OK) {
        return rc;
    }
    v = ft_mem_alloc(1, sizeof *v);
    rc = v != NULL ? ft_cryptopan_new(key, &v->pan) : FT_E_NOMEM;
    explicit_bzero(key, sizeof key);
    if (rc != FT_OK) {
        ft_mem_free(v);
        return rc == FT_E_UNSUPPORTED
                   ? ft_err_set(err, rc,
                                "--privacy %d and beyond need OpenSSL, which this build "
                                "does not have",
                                FT_PRIVACY_MAPPED)
                   : ft_err_set(err, rc, "out of memory");
    }
    *out = v;
    return FT_OK;
}

void ft_veil_close(struct ft_veil *v)
{
    if (v != NULL) {
        ft_cryptopan_free(v->pan);
        ft_mem_free(v);
    }
}

/* ---- classes ---- */

/* Text of others, also where its class is no name: a label, for instance. */
static enum ft_veiled as_text(const struct ft__desk_column *c)
{
    bool words = c->field != NULL && c->field->type == FT_T_STRING;
    bool numbers = c->form == FT_STORE_BOOL || c->form == FT_STORE_TIME;

    if (c->field == NULL || c->field->type == FT_T_TEXT || c->field->type == FT_T_JSON ||
        c->privacy == FT_PRIVACY_BY_VALUE) {
        return FT_VEILED_TEXT;
    }
    return words || numbers || c->field->type != FT_T_BYTES ? FT_VEILED_PLAIN : FT_VEILED_TEXT;
}

/* Ids and addresses have a form that can be mapped; other columns that tell who it is have not. */
static enum ft_veiled as_identity(const struct ft_desk *d, const struct ft__desk_column *c)
{
    if (c->field->type == FT_T_ADDR) {
        return FT_VEILED_ADDRESS;
    }
    if (c->field->type == FT_T_ID) {
        return FT_VEILED_FLOW;
    }
    if (c->field->type == FT_T_STRING && d->privacy >= FT_PRIVACY_MAPPED) {
        return FT_VEILED_FLOW; /* if it is ids with semicolons; else it is shown as null */
    }
    return d->privacy >= FT_PRIVACY_MAPPED ? FT_VEILED_NOT : as_text(c);
}

/* Some profiles have times as numbers of their own, or as text: they are as fine as they are. */
static enum ft_veiled as_time(const struct ft_desk *d, const struct ft__desk_column *c)
{
    if (c->form == FT_STORE_TIME) {
        return FT_VEILED_TIME;
    }
    return d->privacy >= FT_PRIVACY_MAPPED ? FT_VEILED_NOT : as_text(c);
}

enum ft_veiled ft_veil_shows(const struct ft_desk *d, const struct ft__desk_column *c)
{
    bool one = d->privacy < FT_PRIVACY_AGGREGATES;

    switch ((enum ft_privacy)c->privacy) {
    case FT_PRIVACY_NONE:
        return as_text(c);
    case FT_PRIVACY_TIME:
        return as_time(d, c);
    case FT_PRIVACY_IDENTITY:
        return one ? as_identity(d, c) : FT_VEILED_NOT;
    case FT_PRIVACY_NAME:
    case FT_PRIVACY_PAYLOAD:
    case FT_PRIVACY_BY_VALUE:
    case FT_PRIVACY_UNSET:
    case FT_PRIVACY__COUNT:
        break;
    }
    return d->privacy == FT_PRIVACY_RAW ? as_text(c) : FT_VEILED_NOT;
}

bool ft_veil_asks(const struct ft_desk *d, const struct ft__desk_column *c)
{
    enum ft_veiled how = ft_veil_shows(d, c);
    bool mapped = c->privacy == FT_PRIVACY_IDENTITY && d->privacy >= FT_PRIVACY_MAPPED;

    return how != FT_VEILED_NOT &&
           (!mapped || c->field->type == FT_T_ADDR || c->field->type == FT_T_ID);
}

/* ---- out ---- */

static void map(struct ft_cryptopan *pan, uint8_t a[16],
                void (*how)(struct ft_cryptopan *, uint8_t *, size_t))
{
    static const uint8_t mapped[MAPPED] = {[10] = 0xff, [11] = 0xff};
    bool v4 = memcmp(a, mapped, MAPPED) == 0;

    how(pan, v4 ? a + MAPPED : a, v4 ? 4 : 16);
}

void ft_veil_address(const struct ft_desk *d, const char *text, size_t len, struct ft_text *out)
{
    char word[FT_STORE_ADDRESS] = "";
    uint8_t a[16];

    if (len < sizeof word) {
        memcpy(word, text, len);
        word[len] = '\0';
    }
    if (d->privacy >= FT_PRIVACY_AGGREGATES || !ft_store_parse_address(word, a)) {
        ft_text_put(out, "null");
        return;
    }
    if (d->privacy == FT_PRIVACY_TOKENS) {
        char token[FT_TOKEN];

        ft_token_address(d->veil->pan, a, token);
        ft_text_format(out, "\"%s\"", token);
        return;
    }
    if (d->privacy == FT_PRIVACY_MAPPED) {
        map(d->veil->pan, a, ft_cryptopan_map);
    }
    ft_store_put_address(a, word);
    ft_text_format(out, "\"%s\"", word);
}

uint64_t ft_veil_order_key(const struct ft_desk *d)
{
    static const uint8_t text[16] = "order";

    return d->privacy < FT_PRIVACY_MAPPED
               ? 0
               : ft_cryptopan_digest(d->veil->pan, text, sizeof text) >> 1 | 1;
}

void ft_veil_order(const struct ft_desk *d, const char *column, const char *second,
                   struct ft_text *sql)
{
    if (d->privacy >= FT_PRIVACY_MAPPED) {
        ft_text_format(sql, ", mixed(%s%s%s, %lld)", column, second != NULL ? " || ' ' || " : "",
                       second != NULL ? second : "", (long long)ft_veil_order_key(d));
    }
}

static bool read_id(const char *text, size_t len, uint64_t *out)
{
    uint64_t v = 0;

    for (size_t i = 0; i < len; i++) {
        static const char digits[] = "0123456789abcdef";
        const char *at = text[i] != '\0' ? strchr(digits, text[i]) : NULL;

        if (at == NULL) {
            return false;
        }
        v = v << 4 | (uint64_t)(at - digits);
    }
    *out = v;
    return len == ID_DIGITS;
}

void ft_veil_flow(const struct ft_desk *d, const char *text, size_t len, struct ft_text *out)
{
    size_t from = out->len, before = out->len;

    ft_text_put(out, "\"");
    for (size_t at = 0; at <= len && at < IDS_MOST * (ID_DIGITS + 1); at += ID_DIGITS + 1) {
        char token[FT_TOKEN];
        uint64_t id;
        size_t n = len - at < ID_DIGITS ? len - at : ID_DIGITS;

        if (d->privacy >= FT_PRIVACY_AGGREGATES || !read_id(text + at, n, &id) ||
            (at + n < len && text[at + n] != ';')) {
            out->len = before; /* it is none */
            ft_text_put(out, "null");
            return;
        }
        ft_text_put(out, out->len > from + 1 ? ";" : "");
        if (d->privacy >= FT_PRIVACY_MAPPED) {
            ft_token_flow(d->veil->pan, id, token);
            ft_text_put(out, token);
        } else {
            ft_text_add(out, text + at, n);
        }
    }
    ft_text_put(out, "\"");
}

/* ---- text of others ---- */

/* Bytes of the character at p, of up to len; 0: it is none. */
static size_t character(const uint8_t *p, size_t len, uint32_t *out)
{
    size_t n = p[0] < 0x80 ? 1 : p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
    uint32_t v = n == 1 ? p[0] : n > 0 ? p[0] & (0x7fu >> n) : 0;

    if (n == 0 || n > len || p[0] > 0xf4) {
        return 0;
    }
    for (size_t i = 1; i < n; i++) {
        if ((p[i] & 0xc0) != 0x80) {
            return 0;
        }
        v = v << 6 | (p[i] & 0x3f);
    }
    *out = v;
    bool shortest = n < 3 || v >= (n == 3 ? 0x800u : 0x10000u);

    return shortest && v <= 0x10ffff && (v < 0xd800 || v > 0xdfff) ? n : 0;
}

/* Controls, marks of direction, characters that take no room, line and paragraph ends, tags,
 * private use: what a reader does not see, or sees where it is not. */
static bool is_hidden(uint32_t v)
{
    static const uint32_t ranges[][2] = {
        {0x00, 0x1f},       {0x7f, 0x9f},       {0xad, 0xad},       {0x34f, 0x34f},
        {0x600, 0x605},     {0x61c, 0x61c},     {0x6dd, 0x6dd},     {0x70f, 0x70f},
        {0x115f, 0x1160},   {0x17b4, 0x17b5},   {0x180b, 0x180f},   {0x200b, 0x200f},
        {0x2028, 0x202e},   {0x2060, 0x206f},   {0x3164, 0x3164},   {0xe000, 0xf8ff},
        {0xfe00, 0xfe0f},   {0xfeff, 0xfeff},   {0xffa0, 0xffa0},   {0xfff0, 0xfffb},
        {0xfffe, 0xffff},   {0x1bca0, 0x1bca3}, {0x1d173, 0x1d17a}, {0xe0000, 0xe0fff},
        {0xf0000, 0x10ffff}};

    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++) {
        if (v >= ranges[i][0] && v <= ranges[i][1]) {
            return true;
        }
    }
    return false;
}

void ft_veil_text(const char *text, size_t len, struct ft_text *out)
{
    static const char instead[] = "\xef\xbf\xbd", more[] = "\xe2\x80\xa6";
    char shown[FT__DESK_TEXT * 4 + 1];
    const uint8_t *p = (const uint8_t *)text, *end = p + len;
    size_t at = 0, n = 0, last = 0;

    for (; p < end && n < FT__DESK_TEXT; n++) {
        uint32_t v = 0;
        size_t bytes = character(p, (size_t)(end - p), &v);
        bool good = bytes > 0 && !is_hidden(v);

        last = at;
        memcpy(shown + at, good ? (const char *)p : instead, good ? bytes : 3);
        at += good ? bytes : 3;
        p += bytes > 0 ? bytes : 1;
    }
    if (p < end) { /* the last one gives way to three dots */
        memcpy(shown + last, more, 3);
        at = last + 3;
    }
    ft_text_json(out, shown, at);
}

/* ---- in ---- */

static int other_key(const char *text, struct ft_err *err)
{
    return ft_err_set(
        err, FT_E_USAGE,
        "'%.40s' is a token of another store's key, or made up: take one of an answer", text);
}

int ft_veil_read_address(const struct ft_desk *d, const char *text, char out[48],
                         struct ft_err *err)
{
    uint8_t a[16];
    enum ft_token_kind kind;

    if (d->privacy >= FT_PRIVACY_AGGREGATES) {
        return ft_err_set(err, FT_E_USAGE, "at privacy level %d nothing is said of one host",
                          d->privacy);
    }
    if (d->privacy == FT_PRIVACY_TOKENS) {
        kind = ft_token_read_address(d->veil->pan, text, a);
        if (kind != FT_TOKEN_GOOD) {
            return kind == FT_TOKEN_OTHER ? other_key(text, err)
                                          : ft_err_set(err, FT_E_USAGE,
                                                       "at privacy level %d a host is asked for by "
                                                       "its token, like int-host-k3f9x2mda",
                                                       d->privacy);
        }
    } else if (!ft_store_parse_address(text, a)) {
        return ft_err_set(err, FT_E_USAGE, "it is no address: write one like 10.0.0.1");
    }
    if (d->privacy == FT_PRIVACY_MAPPED) {
        map(d->veil->pan, a, ft_cryptopan_unmap);
    }
    ft_store_put_address(a, out);
    return FT_OK;
}

int ft_veil_read_flow(const struct ft_desk *d, const char *text, char out[17], struct ft_err *err)
{
    uint64_t id;

    if (d->privacy >= FT_PRIVACY_AGGREGATES) {
        return ft_err_set(err, FT_E_USAGE, "at privacy level %d nothing is said of one flow",
                          d->privacy);
    }
    if (d->privacy < FT_PRIVACY_MAPPED) {
        if (!read_id(text, strlen(text), &id)) {
            return ft_err_set(err, FT_E_USAGE, "a flow_id has 16 hex digits");
        }
        memcpy(out, text, ID_DIGITS + 1);
        return FT_OK;
    }
    enum ft_token_kind kind = ft_token_read_flow(d->veil->pan, text, &id);

    if (kind != FT_TOKEN_GOOD) {
        return kind == FT_TOKEN_OTHER ? other_key(text, err)
                                      : ft_err_set(err, FT_E_USAGE,
                                                   "at privacy level %d a flow is asked for by its "
                                                   "token, flow- and 15 letters",
                                                   d->privacy);
    }
    for (int i = ID_DIGITS; i-- > 0; id >>= 4) {
        out[i] = "0123456789abcdef"[id & 15];
    }
    out[ID_DIGITS] = '\0';
    return FT_OK;
}

int ft_veil_read_prefix(const struct ft_desk *d, struct ft_prefix *p, struct ft_err *err)
{
    size_t len = p->ip_version == 4 ? 4 : 16;

    if (d->privacy >= FT_PRIVACY_TOKENS) {
        return ft_err_set(err, FT_E_USAGE,
                          "at privacy level %d an address is asked for by its "
                          "token, and networks not at all",
                          d->privacy);
    }
    if (d->privacy == FT_PRIVACY_MAPPED) {
        ft_cryptopan_unmap(d->veil->pan, p->addr, len);
        for (size_t bit = p->bits; bit < len * 8; bit++) {
            p->addr[bit / 8] &= (uint8_t) ~(0x80 >> bit % 8);
        }
    }
    return FT_OK;
}
