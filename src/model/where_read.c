/* SPDX-License-Identifier: Apache-2.0 */
/* model: conditions from text, see where.h for the grammar.
 *
 * Recursive descent, one token ahead, to a tree of nodes whose leaves are tests; then the tests are
 * told where they lead (lay). Every way in is bounded: tests, operands, depth. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/nearest.h"
#include "model/where_parts.h"

enum { SHOWN = 40 };

enum token {
    END,
    WORD,
    QUOTED,
    OPEN,
    CLOSE,
    LIST,
    LIST_END,
    COMMA,
    COMPARE,
    MATCH,
    AND,
    OR,
    NOT,
    IN
};

struct reader {
    const char *text, *at; /* the whole, and behind the token */
    enum token token;      /* the next one */
    const char *begin;     /* of the token, in text */
    const char *word;      /* WORD, QUOTED: without quotes, NUL-terminated */
    uint8_t wanted;        /* COMPARE: FT__BELOW, ... */
    bool turned;           /* MATCH: what does not match */
    char *words;           /* where the next word goes, in w->words */
    const struct ft_column *columns;
    uint32_t n_columns;
    struct ft_where *w;
    struct ft_err *err;
    uint32_t depth, n_nodes;
};

static int wrong(struct reader *r, const char *fmt, ...) FT_PRINTF(2, 3);

/* "at character 9, 'foo': what is wrong" */
static int wrong(struct reader *r, const char *fmt, ...)
{
    char what[160], near[SHOWN + 1] = "";
    size_t place = 1, n = 0, len = (size_t)(r->at - r->begin);
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(what, sizeof what, fmt, ap);
    va_end(ap);
    for (const char *p = r->text; p < r->begin; p++) {
        place += ((unsigned char)*p & 0xc0) != 0x80; /* characters, not bytes */
    }
    for (; n < len && n < SHOWN; n++) {
        near[n] = r->begin[n];
    }
    while (n < len && n > 0 && ((unsigned char)r->begin[n] & 0xc0) == 0x80) {
        n--; /* whole characters */
    }
    near[n] = '\0';
    if (r->token == END) {
        return ft_err_set(r->err, FT_E_USAGE, "at the end: %s", what);
    }
    return ft_err_set(r->err, FT_E_USAGE, "at character %zu, '%s': %s", place, near, what);
}

/* ---- tokens ---- */

static bool in_word(char c)
{
    return c != '\0' && strchr(" \t\r\n=!<>~&|()[],\"'", c) == NULL;
}

/* Signs, the longer ones first. */
static const struct sign {
    const char *text;
    uint8_t token, wanted;
    bool turned;
} signs[] = {
    {"==", COMPARE, FT__EQUAL, false},
    {"!=", COMPARE, FT__BELOW | FT__ABOVE, false},
    {"<>", COMPARE, FT__BELOW | FT__ABOVE, false},
    {"<=", COMPARE, FT__BELOW | FT__EQUAL, false},
    {">=", COMPARE, FT__ABOVE | FT__EQUAL, false},
    {"!~", MATCH, FT__EQUAL, true},
    {"&&", AND, 0, false},
    {"||", OR, 0, false},
    {"=", COMPARE, FT__EQUAL, false},
    {"<", COMPARE, FT__BELOW, false},
    {">", COMPARE, FT__ABOVE, false},
    {"~", MATCH, FT__EQUAL, false},
    {"!", NOT, 0, false},
    {"(", OPEN, 0, false},
    {")", CLOSE, 0, false},
    {"[", LIST, 0, false},
    {"]", LIST_END, 0, false},
    {",", COMMA, 0, false},
};

static const struct {
    const char *text;
    uint8_t token;
} keywords[] = {{"and", AND}, {"or", OR}, {"not", NOT}, {"in", IN}};

static void take_word(struct reader *r)
{
    char *out = r->words;

    r->word = out;
    while (in_word(*r->at)) {
        *out++ = *r->at++;
    }
    *out++ = '\0';
    r->words = out;
    r->token = WORD;
    for (size_t i = 0; i < sizeof keywords / sizeof keywords[0]; i++) {
        if (strcasecmp(r->word, keywords[i].text) == 0) {
            r->token = (enum token)keywords[i].token;
        }
    }
}

/* Between quotes of either kind; a backslash takes the next byte as it is. */
static int take_quoted(struct reader *r)
{
    char quote = *r->at++, *out = r->words;

    r->word = out;
    while (*r->at != quote) {
        r->at += *r->at == '\\' && r->at[1] != '\0';
        if (*r->at == '\0') {
            r->token = QUOTED;
            return wrong(r, "the quote does not end");
        }
        *out++ = *r->at++;
    }
    r->at++;
    *out++ = '\0';
    r->words = out;
    r->token = QUOTED;
    return FT_OK;
}

/* The next token. */
static int advance(struct reader *r)
{
    r->at += strspn(r->at, " \t\r\n");
    r->begin = r->at;
    if (*r->at == '\0') {
        r->token = END;
        return FT_OK;
    }
    if (*r->at == '"' || *r->at == '\'') {
        return take_quoted(r);
    }
    if (in_word(*r->at)) {
        take_word(r);
        return FT_OK;
    }
    for (size_t i = 0; i < sizeof signs / sizeof signs[0]; i++) {
        size_t len = strlen(signs[i].text);

        if (strncmp(r->at, signs[i].text, len) == 0) {
            r->at += len;
            r->token = (enum token)signs[i].token;
            r->wanted = signs[i].wanted;
            r->turned = signs[i].turned;
            return FT_OK;
        }
    }
    r->at++; /* a single & or | */
    r->token = WORD;
    return wrong(r, "write && or and, || or or");
}

/* ---- columns ---- */

/* A column by its name, or by object.name: two objects of an event may have the same one. */
static bool is_named(const struct ft_field *f, const char *word)
{
    const char *group = ft_group_name(f->group);
    size_t len = strlen(group);

    return strcmp(f->name, word) == 0 || (len > 0 && strncmp(word, group, len) == 0 &&
                                          word[len] == '.' && strcmp(f->name, word + len + 1) == 0);
}

static int no_column(struct reader *r)
{
    struct ft_nearest nearest = {0};

    for (uint32_t i = 0; i < r->n_columns; i++) {
        ft_nearest_try(&nearest, r->word, r->columns[i].field->name);
    }
    if (nearest.name != NULL) {
        return wrong(r, "there is no such column; did you mean %s?", nearest.name);
    }
    return wrong(r, "there is no such column (flowtap schema has them all)");
}

static int find_column(struct reader *r, struct ft__where_test *t)
{
    if (r->token != WORD) {
        return wrong(r, "here a column is to stand");
    }
    for (uint32_t i = 0; i < r->n_columns; i++) {
        const struct ft_field *f = r->columns[i].field;

        if (is_named(f, r->word)) {
            t->column = r->columns[i];
            return ft__where_value_name((enum ft_type)f->type) != NULL
                       ? FT_OK
                       : wrong(r, "it holds many values, which a condition cannot ask");
        }
    }
    return no_column(r);
}

/* ---- tests ---- */

/* Which comparisons a type knows besides = and !=. */
static bool has_order(enum ft_type type)
{
    return type != FT_T_BOOL && type != FT_T_ID && type != FT_T_ADDR && type != FT_T_STRING &&
           type != FT_T_TEXT;
}

static bool is_text(enum ft_type type)
{
    return type == FT_T_STRING || type == FT_T_TEXT;
}

static int add_operand(struct reader *r, struct ft__where_test *t)
{
    struct ft_where *w = r->w;
    enum ft_type type = (enum ft_type)t->column.field->type;
    enum ft__where_kind kind;
    struct ft__where_operand o = {0};

    if (r->token != WORD && r->token != QUOTED) {
        return wrong(r, "here %s is to stand%s", ft__where_value_name(type),
                     r->token >= AND ? ", in quotes if it reads so" : "");
    }
    if (!ft__where_value(type, r->word, &o, &kind)) {
        return wrong(r, "%s is compared with %s", t->column.field->name,
                     ft__where_value_name(type));
    }
    if (w->n_operands == w->cap_operands) {
        return wrong(r, "at most %d values are possible", FT_WHERE_OPERANDS);
    }
    t->kind = (uint8_t)kind;
    w->operands[w->n_operands++] = o;
    t->n++;
    return advance(r);
}

/* column < value, column = null */
static int read_compare(struct reader *r, struct ft__where_test *t)
{
    bool equality = t->wanted == FT__EQUAL || t->wanted == (FT__BELOW | FT__ABOVE);

    if (!equality && !has_order((enum ft_type)t->column.field->type)) {
        return wrong(r, "%s knows = and != only, %s", t->column.field->name,
                     is_text((enum ft_type)t->column.field->type) ? "~ and in" : "and in");
    }
    int rc = advance(r);

    if (rc != FT_OK) {
        return rc;
    }
    if (r->token == WORD && strcasecmp(r->word, "null") == 0) {
        t->kind = FT__WHERE_NULL;
        return equality ? advance(r) : wrong(r, "with null, = and != are possible");
    }
    return add_operand(r, t);
}

/* column ~ text */
static int read_match(struct reader *r, struct ft__where_test *t)
{
    if (!is_text((enum ft_type)t->column.field->type)) {
        return wrong(r, "%s is no text", t->column.field->name);
    }
    int rc = advance(r);

    rc = rc == FT_OK ? add_operand(r, t) : rc;
    if (rc == FT_OK) {
        bool glob = strchr(r->w->operands[t->first].text, '*') != NULL;

        t->kind = glob ? FT__WHERE_GLOB : FT__WHERE_HOLDS;
    }
    return rc;
}

/* column in [value, ...]; the word in is the token. */
static int read_list(struct reader *r, struct ft__where_test *t)
{
    int rc = advance(r);
    enum token end = r->token == OPEN ? CLOSE : LIST_END;

    if (rc != FT_OK || (r->token != LIST && r->token != OPEN)) {
        return rc != FT_OK ? rc : wrong(r, "here a list like [1, 2] is to stand");
    }
    do {
        rc = advance(r);
        rc = rc == FT_OK ? add_operand(r, t) : rc;
    } while (rc == FT_OK && r->token == COMMA);
    if (rc == FT_OK && r->token != end) {
        return wrong(r, "here , or %s is to stand", end == CLOSE ? ")" : "]");
    }
    return rc == FT_OK ? advance(r) : rc;
}

static int add_node(struct reader *r, enum ft__where_node_kind kind, uint16_t a, uint16_t b,
                    uint16_t *out)
{
    if (r->n_nodes == FT__WHERE_NODES) {
        return wrong(r, "it is too long");
    }
    r->w->nodes[r->n_nodes] = (struct ft__where_node){.kind = (uint8_t)kind, .a = a, .b = b};
    *out = (uint16_t)r->n_nodes++;
    return FT_OK;
}

/* What stands behind the column; *out_turned: the test is to be turned around. */
static int read_operator(struct reader *r, struct ft__where_test *t, bool *out_turned)
{
    int rc;

    t->wanted = FT__EQUAL;
    switch (r->token) {
    case COMPARE:
        t->wanted = r->wanted;
        return read_compare(r, t);
    case MATCH:
        *out_turned = r->turned;
        return read_match(r, t);
    case NOT: /* not in */
        *out_turned = true;
        rc = advance(r);
        if (rc != FT_OK || r->token != IN) {
            return rc != FT_OK ? rc : wrong(r, "here in is to stand");
        }
        return read_list(r, t);
    case IN:
        return read_list(r, t);
    default:
        return wrong(r, "behind %s, an operator is to stand: = != < <= > >= ~ in",
                     t->column.field->name);
    }
}

static bool ends_test(enum token token)
{
    return token == END || token == CLOSE || token == AND || token == OR;
}

static int read_test(struct reader *r, uint16_t *out)
{
    struct ft_where *w = r->w;
    struct ft__where_test *t = &w->tests[w->n_tests];
    bool turned = false;

    if (w->n_tests == FT_WHERE_TESTS) {
        return wrong(r, "at most %d tests are possible", FT_WHERE_TESTS);
    }
    *t = (struct ft__where_test){.first = w->n_operands};
    int rc = find_column(r, t);

    rc = rc == FT_OK ? advance(r) : rc;
    if (rc != FT_OK) {
        return rc;
    }
    if (t->column.field->type == FT_T_BOOL && ends_test(r->token)) {
        t->kind = FT__WHERE_WHOLE;
        t->wanted = FT__EQUAL;
        t->n = 1;
        if (w->n_operands == w->cap_operands) {
            return wrong(r, "at most %d values are possible", FT_WHERE_OPERANDS);
        }
        w->operands[w->n_operands++] = (struct ft__where_operand){.whole = 1};
    } else {
        rc = read_operator(r, t, &turned);
    }
    rc = rc == FT_OK ? add_node(r, FT__NODE_TEST, (uint16_t)w->n_tests++, 0, out) : rc;
    return rc == FT_OK && turned ? add_node(r, FT__NODE_NOT, *out, 0, out) : rc;
}

/* ---- and, or, not ---- */

static int read_or(struct reader *r, uint16_t *out);

static int read_one(struct reader *r, uint16_t *out)
{
    enum token token = r->token;
    int rc;

    if (token != NOT && token != OPEN) {
        return read_test(r, out);
    }
    if (++r->depth > FT_WHERE_DEPTH) {
        return wrong(r, "more than %d parentheses and nots in one another", FT_WHERE_DEPTH);
    }
    rc = advance(r);
    if (rc == FT_OK && token == NOT) {
        rc = read_one(r, out);
        rc = rc == FT_OK ? add_node(r, FT__NODE_NOT, *out, 0, out) : rc;
    } else if (rc == FT_OK) {
        rc = read_or(r, out);
        rc = rc == FT_OK && r->token != CLOSE ? wrong(r, "here ), and or or is to stand") : rc;
        rc = rc == FT_OK ? advance(r) : rc;
    }
    r->depth--;
    return rc;
}

static int read_chain(struct reader *r, enum token sign, enum ft__where_node_kind kind,
                      int (*part)(struct reader *, uint16_t *), uint16_t *out)
{
    uint16_t next = 0;
    int rc = part(r, out);

    while (rc == FT_OK && r->token == sign) {
        rc = advance(r);
        rc = rc == FT_OK ? part(r, &next) : rc;
        rc = rc == FT_OK ? add_node(r, kind, *out, next, out) : rc;
    }
    return rc;
}

static int read_and(struct reader *r, uint16_t *out)
{
    return read_chain(r, AND, FT__NODE_AND, read_one, out);
}

static int read_or(struct reader *r, uint16_t *out)
{
    return read_chain(r, OR, FT__NODE_OR, read_and, out);
}

/* Tells the tests of a node where they lead; returns the first of them. At most FT__WHERE_NODES
 * deep: a chain leans to the left. */
static uint16_t lay(const struct reader *r, uint16_t at, uint16_t yes, uint16_t no)
{
    const struct ft__where_node *n = &r->w->nodes[at];

    switch (n->kind) {
    case FT__NODE_AND:
        return lay(r, n->a, lay(r, n->b, yes, no), no);
    case FT__NODE_OR:
        return lay(r, n->a, yes, lay(r, n->b, yes, no));
    case FT__NODE_NOT:
        return lay(r, n->a, no, yes);
    default:
        r->w->tests[n->a].yes = yes;
        r->w->tests[n->a].no = no;
        return n->a;
    }
}

static int read_all(struct reader *r)
{
    uint16_t root = 0;
    int rc = advance(r);

    if (rc == FT_OK && r->token == END) {
        return wrong(r, "there is no condition");
    }
    rc = rc == FT_OK ? read_or(r, &root) : rc;
    if (rc == FT_OK && r->token != END) {
        return wrong(r, "here and, or or the end is to stand");
    }
    if (rc == FT_OK) {
        r->w->root = root;
        r->w->start = lay(r, root, FT__WHERE_YES, FT__WHERE_NO);
    }
    return rc;
}

/* An empty condition with room for what a text of this length may hold. */
static struct ft_where *make(size_t len)
{
    struct ft_where *w = ft_mem_alloc(1, sizeof *w);

    if (w == NULL) {
        return NULL;
    }
    w->cap_operands = len < FT_WHERE_OPERANDS ? (uint32_t)len + 1 : FT_WHERE_OPERANDS;
    w->operands = ft_mem_alloc(w->cap_operands, sizeof *w->operands);
    w->words = ft_mem_alloc(len + 1, 2); /* of each byte, and an end */
    if (w->operands == NULL || w->words == NULL) {
        ft_where_free(w);
        return NULL;
    }
    return w;
}

int ft_where_new(const char *text, const struct ft_column *columns, uint32_t n,
                 struct ft_where **out, struct ft_err *err)
{
    struct ft_where *w = make(strlen(text));
    struct reader *r = ft_mem_alloc(1, sizeof *r);
    int rc = FT_E_NOMEM;

    if (w == NULL || r == NULL) {
        ft_err_set(err, rc, "no memory for the condition");
        goto out;
    }
    r->text = r->at = r->begin = text;
    r->words = w->words;
    r->columns = columns;
    r->n_columns = n;
    r->w = w;
    r->err = err;
    rc = read_all(r);
    if (rc == FT_OK) {
        *out = w;
        w = NULL;
    }
out:
    ft_where_free(w);
    ft_mem_free(r);
    return rc;
}
