/* SPDX-License-Identifier: Apache-2.0 */
/* serve: conditions as SQL, see filter.h. */
#include "serve/filter.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "model/where_parts.h"
#include "serve/veil.h"
#include "store/value.h"

enum { TOKENS_MOST = 64, WORD = 64, MAPPED = 12 };

/* Tokens of the text, and what stands for them in it. */
struct exchange {
    uint64_t secret[2]; /* of this call */
    uint32_t n;
    struct {
        bool flow;
        char value[48]; /* as the store has it */
    } token[TOKENS_MOST];
};

struct writer {
    struct ft_desk *d;
    enum ft__desk_table table;
    const struct ft_where *w;
    struct exchange *tokens;
    struct ft_text *sql;
    struct ft_err *err;
};

/* ---- tokens ---- */

static bool in_token(char c)
{
    return isalnum((unsigned char)c) || c == '-';
}

/* Is a word of the text a token? */
static bool is_token(const char *word, bool *out_flow)
{
    *out_flow = strncmp(word, "flow-", 5) == 0;
    return *out_flow || strstr(word, "-host-") != NULL;
}

static int put_token(const struct ft_desk *d, const char *word, bool flow, struct exchange *x,
                     struct ft_text *out, struct ft_err *err)
{
    if (x->n == TOKENS_MOST) {
        return ft_err_set(err, FT_E_USAGE, "filter: at most %d tokens are possible", TOKENS_MOST);
    }
    int rc = flow ? ft_veil_read_flow(d, word, x->token[x->n].value, err)
                  : ft_veil_read_address(d, word, x->token[x->n].value, err);

    x->token[x->n].flow = flow;
    if (flow) {
        ft_text_format(out, "%016llx", (unsigned long long)(x->secret[0] + x->n));
    } else {
        ft_text_format(out, "fd00:%x:%x:%x:%x:%x:%x:%x", (unsigned)(x->secret[0] & 0xffff),
                       (unsigned)(x->secret[0] >> 16 & 0xffff),
                       (unsigned)(x->secret[0] >> 32 & 0xffff), (unsigned)(x->secret[1] & 0xffff),
                       (unsigned)(x->secret[1] >> 16 & 0xffff),
                       (unsigned)(x->secret[1] >> 32 & 0xffff), x->n);
    }
    x->n++;
    return rc;
}

/* The text with tokens exchanged. */
static int exchange(const struct ft_desk *d, const char *text, struct exchange *x,
                    struct ft_text *out, struct ft_err *err)
{
    int rc = FT_OK;

    x->secret[0] = ft_random_id();
    x->secret[1] = ft_random_id();
    while (*text != '\0' && rc == FT_OK) {
        char word[WORD];
        size_t len = 0;
        bool flow = false;

        while (in_token(text[len])) {
            len++;
        }
        if (len > 0 && len < sizeof word && d->privacy >= FT_PRIVACY_MAPPED) {
            memcpy(word, text, len);
            word[len] = '\0';
            if (is_token(word, &flow) && (flow || d->privacy >= FT_PRIVACY_TOKENS)) {
                rc = put_token(d, word, flow, x, out, err);
                text += len;
                continue;
            }
        }
        len += len == 0;
        ft_text_add(out, text, len);
        text += len;
    }
    return rc;
}

/* The token that an address or id stands for, or NULL. */
static const char *token_of(const struct exchange *x, const struct ft__where_operand *o, bool flow)
{
    for (uint32_t i = 0; i < x->n; i++) {
        uint8_t a[16] = {0xfd,
                         0,
                         (uint8_t)(x->secret[0] >> 8),
                         (uint8_t)x->secret[0],
                         (uint8_t)(x->secret[0] >> 24),
                         (uint8_t)(x->secret[0] >> 16),
                         (uint8_t)(x->secret[0] >> 40),
                         (uint8_t)(x->secret[0] >> 32),
                         (uint8_t)(x->secret[1] >> 8),
                         (uint8_t)x->secret[1],
                         (uint8_t)(x->secret[1] >> 24),
                         (uint8_t)(x->secret[1] >> 16),
                         (uint8_t)(x->secret[1] >> 40),
                         (uint8_t)(x->secret[1] >> 32),
                         0,
                         (uint8_t)i};

        if (x->token[i].flow != flow) {
            continue;
        }
        if (flow ? o->whole == (ft__i128)(x->secret[0] + i)
                 : o->prefix.ip_version == 6 && o->prefix.bits == 128 &&
                       memcmp(a, o->prefix.addr, sizeof a) == 0) {
            return x->token[i].value;
        }
    }
    return NULL;
}

/* ---- values ---- */

static void put_whole(struct ft_text *sql, ft__i128 v)
{
    char digits[48];
    size_t n = sizeof digits;
    bool negative = v<0, wide = v> INT64_MAX || v < -INT64_MAX;

    digits[--n] = '\0';
    v = negative ? -v : v;
    do {
        digits[--n] = (char)('0' + (int)(v % 10));
        v /= 10;
    } while (v > 0);
    ft_text_format(sql, "%s%s%s%s", negative ? "(-" : "", digits + n, wide ? ".0" : "",
                   negative ? ")" : "");
}

static void put_quoted(struct ft_text *sql, const char *text, size_t len, bool lower)
{
    ft_text_put(sql, "'");
    for (size_t i = 0; i < len; i++) {
        char c = text[i];

        c = lower && c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
        ft_text_add(sql, &c, 1);
        if (c == '\'') {
            ft_text_add(sql, &c, 1);
        }
    }
    ft_text_put(sql, "'");
}

/* What * and GLOB have in common is *; the rest of GLOB's signs are letters. */
static void put_glob(struct ft_text *sql, const char *text, size_t len)
{
    struct ft_text pattern = {0};

    for (size_t i = 0; i < len; i++) {
        if (text[i] == '?' || text[i] == '[') {
            ft_text_format(&pattern, "[%c]", text[i]);
        } else {
            ft_text_add(&pattern, text + i, 1);
        }
    }
    sql->failed |= pattern.failed;
    if (!pattern.failed) {
        put_quoted(sql, pattern.p != NULL ? pattern.p : "", pattern.len, true);
    }
    ft_text_fini(&pattern);
}

/* ---- tests ---- */

static const char *comparison(uint8_t wanted)
{
    switch (wanted) {
    case FT__BELOW:
        return "<";
    case FT__BELOW | FT__EQUAL:
        return "<=";
    case FT__ABOVE:
        return ">";
    case FT__ABOVE | FT__EQUAL:
        return ">=";
    case FT__BELOW | FT__ABOVE:
        return "<>";
    default:
        return "=";
    }
}

/* What lies behind the point of an operand is between this number and the next. */
static void put_number(struct writer *w, const char *name, const struct ft__where_operand *o,
                       uint8_t wanted)
{
    bool below = (wanted & FT__BELOW) != 0, above = (wanted & FT__ABOVE) != 0;

    if (!o->more) {
        ft_text_format(w->sql, "%s %s ", name, comparison(wanted));
    } else if (below == above) {
        ft_text_format(w->sql, below ? "%s IS NOT NULL" : "%s IS NOT NULL AND 0", name);
        return;
    } else {
        ft_text_format(w->sql, "%s %s ", name, below ? "<=" : ">");
    }
    put_whole(w->sql, o->whole);
}

/* Half a microsecond before or behind one: no time is of it, however it is rounded. */
static void put_half(struct ft_text *sql, ft__i128 us)
{
    const ft__i128 most = INT64_MAX / 4;
    int64_t v = (int64_t)(us > most ? most : us < -most ? -most : us);
    int64_t s = v / 1000000 - (v % 1000000 < 0), rest = v - s * 1000000;

    ft_text_format(sql, "(%lld + 0.%06lld5)", (long long)s, (long long)rest);
}

static void put_time(struct writer *w, const char *name, const struct ft__where_operand *o,
                     uint8_t wanted)
{
    ft__i128 below = o->whole - !o->more; /* what is below it ends half a one behind this */
    bool equal = (wanted & FT__EQUAL) != 0;

    if (wanted == FT__EQUAL || wanted == (FT__BELOW | FT__ABOVE)) {
        ft_text_format(w->sql, "%s (%s > ", equal ? "" : "NOT", name);
        put_half(w->sql, below);
        ft_text_format(w->sql, " AND %s < ", name);
        put_half(w->sql, o->whole);
        ft_text_put(w->sql, ")");
        return;
    }
    bool is_below = (wanted & FT__BELOW) != 0;

    ft_text_format(w->sql, "%s %s ", name, is_below ? "<" : ">");
    put_half(w->sql, is_below == equal ? o->whole : below);
}

/* As --where compares reals: to one part in 10^15. */
static void put_real(struct writer *w, const char *name, const struct ft__where_operand *o,
                     uint8_t wanted)
{
    double near = 1e-15 * (o->real < 0 ? -o->real : o->real);
    double low = o->real - near, high = o->real + near;

    switch (wanted) {
    case FT__BELOW:
        ft_text_format(w->sql, "%s < %.17e", name, low);
        return;
    case FT__BELOW | FT__EQUAL:
        ft_text_format(w->sql, "%s <= %.17e", name, high);
        return;
    case FT__ABOVE:
        ft_text_format(w->sql, "%s > %.17e", name, high);
        return;
    case FT__ABOVE | FT__EQUAL:
        ft_text_format(w->sql, "%s >= %.17e", name, low);
        return;
    default:
        ft_text_format(w->sql, "%s %sBETWEEN %.17e AND %.17e", name,
                       wanted == FT__EQUAL ? "" : "NOT ", low, high);
    }
}

static void put_text(struct writer *w, const char *name, const struct ft__where_test *t,
                     const struct ft__where_operand *o)
{
    if (t->kind == FT__WHERE_HOLDS) {
        ft_text_format(w->sql, "instr(lower(%s), ", name);
        put_quoted(w->sql, o->text, o->len, true);
        ft_text_put(w->sql, ") > 0");
    } else if (t->kind == FT__WHERE_GLOB) {
        ft_text_format(w->sql, "lower(%s) GLOB ", name);
        put_glob(w->sql, o->text, o->len);
    } else {
        ft_text_format(w->sql, "%s %s ", name, comparison(t->wanted));
        put_quoted(w->sql, o->text, o->len, false);
    }
}

static int put_id(struct writer *w, const char *name, const struct ft__where_test *t,
                  const struct ft__where_operand *o)
{
    const char *token = token_of(w->tokens, o, true);

    if (w->d->privacy >= FT_PRIVACY_MAPPED && token == NULL) {
        return ft_err_set(w->err, FT_E_USAGE,
                          "filter: at privacy level %d %s is asked by a token, "
                          "flow- and 15 letters",
                          w->d->privacy, name);
    }
    ft_text_format(w->sql, "%s %s ", name, comparison(t->wanted));
    if (token != NULL) {
        ft_text_format(w->sql, "'%s'", token);
    } else {
        ft_text_format(w->sql, "'%016llx'", (unsigned long long)o->whole);
    }
    return FT_OK;
}

/* An address of the text as the store has it. */
static int true_prefix(struct writer *w, const struct ft__where_operand *o, struct ft_prefix *out)
{
    const char *token = token_of(w->tokens, o, false);

    *out = o->prefix;
    if (token != NULL) {
        ft_ignore(ft_prefix_parse(token, out) == FT_OK); /* it is an address */
        return FT_OK;
    }
    return w->d->privacy >= FT_PRIVACY_MAPPED ? ft_veil_read_prefix(w->d, out, w->err) : FT_OK;
}

static int put_address(struct writer *w, const char *name, const struct ft__where_test *t,
                       const struct ft__where_operand *o)
{
    static const uint8_t mapped[MAPPED] = {[10] = 0xff, [11] = 0xff};
    uint8_t a[16];
    char text[FT_STORE_ADDRESS];
    struct ft_prefix p;
    int rc = true_prefix(w, o, &p);
    bool v4 = p.ip_version == 4;

    memcpy(a, mapped, sizeof mapped);
    memcpy(v4 ? a + MAPPED : a, p.addr, v4 ? 4 : 16);
    ft_store_put_address(a, text);
    if (t->wanted != FT__EQUAL) {
        ft_text_format(w->sql, "%s IS NOT NULL AND NOT ", name);
    }
    if (p.bits == (v4 ? 32 : 128)) {
        ft_text_format(w->sql, "(%s = '%s')", name, text);
    } else {
        ft_text_format(w->sql, "in_prefix(%s, '%s/%u')", name, text, p.bits);
    }
    return rc;
}

static int put_operand(struct writer *w, const char *name, const struct ft__where_test *t,
                       const struct ft__where_operand *o)
{
    bool fine = t->kind == FT__WHERE_WHOLE && t->column.field->type == FT_T_TIME &&
                (o->more || o->whole % 1000000 != 0);

    if (fine && w->d->privacy >= FT_PRIVACY_MAPPED) {
        return ft_err_set(w->err, FT_E_USAGE,
                          "filter: at privacy level %d times are compared with whole seconds",
                          w->d->privacy);
    }
    switch (t->kind) {
    case FT__WHERE_WHOLE:
        if (t->column.field->type == FT_T_ID) {
            return put_id(w, name, t, o);
        }
        if (t->column.field->type == FT_T_TIME) {
            put_time(w, name, o, t->wanted);
        } else {
            put_number(w, name, o, t->wanted);
        }
        return FT_OK;
    case FT__WHERE_REAL:
        put_real(w, name, o, t->wanted);
        return FT_OK;
    case FT__WHERE_ADDR:
        return put_address(w, name, t, o);
    default:
        put_text(w, name, t, o);
        return FT_OK;
    }
}

static int put_test(struct writer *w, const struct ft__where_test *t)
{
    const struct ft__desk_column *c = ft__desk_find(w->d, w->table, t->column.field->name);
    char name[FT__DESK_NAME + 2];
    int rc = FT_OK;

    snprintf(name, sizeof name, "\"%s\"", t->column.field->name);

    if (c == NULL || !ft_veil_asks(w->d, c)) {
        return ft_err_set(w->err, FT_E_USAGE,
                          "filter: %s is not shown at privacy level %d, and cannot be asked",
                          t->column.field->name, w->d->privacy);
    }
    if (t->kind == FT__WHERE_NULL) {
        ft_text_format(w->sql, "%s IS %sNULL", name, t->wanted == FT__EQUAL ? "" : "NOT ");
        return FT_OK;
    }
    for (uint32_t i = 0; i < t->n && rc == FT_OK; i++) {
        ft_text_put(w->sql, i > 0 ? " OR " : "");
        rc = put_operand(w, name, t, &w->w->operands[t->first + i]);
    }
    return rc;
}

/* At most FT__WHERE_NODES deep, as the condition is: a chain leans to the left. SQLite's own depth
 * of an expression is 1000. */
static int put_node(struct writer *w, uint16_t at)
{
    const struct ft__where_node *n = &w->w->nodes[at];
    int rc;

    ft_text_put(w->sql, "(");
    switch (n->kind) {
    case FT__NODE_TEST:
        rc = put_test(w, &w->w->tests[n->a]);
        break;
    case FT__NODE_NOT:
        rc = put_node(w, n->a);
        ft_text_put(w->sql, " IS NOT TRUE");
        break;
    default:
        rc = put_node(w, n->a);
        ft_text_put(w->sql, n->kind == FT__NODE_AND ? " AND " : " OR ");
        rc = rc == FT_OK ? put_node(w, n->b) : rc;
    }
    ft_text_put(w->sql, ")");
    return rc;
}

/* ---- all of it ---- */

/* The columns of the table that a row describes. */
static uint32_t columns_of(const struct ft_desk *d, enum ft__desk_table t, struct ft_column *out)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < d->table[t].n && n < FT_COLUMNS_MAX; i++) {
        const struct ft__desk_column *c = &d->table[t].column[i];

        if (c->field != NULL && strcmp(c->field->name, c->name) == 0) {
            out[n++] = (struct ft_column){.field = c->field};
        }
    }
    return n;
}

static int read_where(struct ft_desk *d, enum ft__desk_table t, const char *text,
                      struct ft_where **out, struct ft_err *err)
{
    struct ft_column *columns = ft_mem_alloc(FT_COLUMNS_MAX, sizeof *columns);
    struct ft_err why = {0};
    int rc = FT_E_NOMEM;

    if (columns != NULL) {
        rc = ft_where_new(text, columns, columns_of(d, t, columns), out, &why);
    }
    ft_mem_free(columns);
    return rc == FT_OK ? rc : ft_err_set(err, rc, "filter: %s", columns != NULL ? why.what : "");
}

int ft__filter_sql(struct ft_desk *d, enum ft__desk_table t, const char *text, struct ft_text *sql,
                   struct ft_err *err)
{
    struct exchange x = {.n = 0};
    struct ft_text plain = {0};
    struct ft_where *where = NULL;

    if (text == NULL || text[0] == '\0') {
        return FT_OK;
    }
    if (d->privacy >= FT_PRIVACY_AGGREGATES) {
        return ft_err_set(err, FT_E_USAGE,
                          "at privacy level %d there are no filters: differences of sums tell of "
                          "one host",
                          d->privacy);
    }
    int rc = exchange(d, text, &x, &plain, err);

    rc = rc == FT_OK ? ft__desk_done(&plain, err) : rc;
    rc = rc == FT_OK ? read_where(d, t, plain.p != NULL ? plain.p : "", &where, err) : rc;
    if (rc == FT_OK) {
        struct writer w = {d, t, where, &x, sql, err};

        ft_text_put(sql, " AND ");
        rc = put_node(&w, where->root);
    }
    ft_where_free(where);
    ft_text_fini(&plain);
    explicit_bzero(&x, sizeof x);
    return rc == FT_OK ? ft__desk_done(sql, err) : rc;
}
