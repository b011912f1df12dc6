/* SPDX-License-Identifier: Apache-2.0 */
/* model: operands of conditions from words, see where.h.
 *
 *     numbers   [+-]1234.5e-6 with k, M, G, T (thousands) or Ki, Mi, Gi, Ti (1024) behind; 0x1f
 *     times     seconds since 1970, as numbers; 2024-06-26, 2024-06-26T13:29[:31[.5]][Z], UTC
 *
 * Whole numbers are compared exactly, whatever the notation: a number becomes what it is rounded
 * down, and whether there was more. */
#include <ctype.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/date.h"
#include "model/where_parts.h"

enum { DIGITS_MAX = 24, EXPONENT_MAX = 60, WORD_MAX = 128 };

static const ft__i128 huge = (ft__i128)1000000000000000 * 1000000000000000; /* beyond 64 bits */

const char *ft__where_value_name(enum ft_type type)
{
    switch (type) {
    case FT_T_BOOL:
        return "true or false";
    case FT_T_U8:
    case FT_T_U16:
    case FT_T_U32:
    case FT_T_U64:
    case FT_T_I64:
    case FT_T_F64:
        return "a number";
    case FT_T_TIME:
        return "a time: seconds since 1970, or like 2024-06-26T13:29:31";
    case FT_T_STRING:
    case FT_T_TEXT:
        return "a text";
    case FT_T_ID:
        return "an id of 16 hex digits";
    case FT_T_ADDR:
        return "an address or prefix like 10.0.0.0/8";
    default:
        return NULL;
    }
}

/* ---- numbers ---- */

/* m * 10^exponent, or with an exponent below 0 what is lost in *more; and with a sign. */
struct number {
    ft__i128 m;
    int exponent;
    bool more, negative;
};

/* Digits with a point; false: none. Those that are beyond every column's are rounded. */
static bool read_digits(const char **p, struct number *n)
{
    int digits = 0, kept = 0;
    bool point = false;

    for (;; (*p)++) {
        if (**p == '.' && !point) {
            point = true;
            continue;
        }
        if (!isdigit((unsigned char)**p)) {
            return digits > 0;
        }
        digits++;
        if (kept < DIGITS_MAX) {
            n->m = n->m * 10 + (**p - '0');
            kept += n->m != 0;
            n->exponent -= point;
        } else {
            n->more |= **p != '0';
            n->exponent += !point;
        }
    }
}

/* e-6, or nothing. False: an e without digits. */
static bool read_exponent(const char **p, struct number *n)
{
    const char *s = *p + 1;
    bool negative = *s == '-';
    int e = 0;

    if (**p != 'e' && **p != 'E') {
        return true;
    }
    s += *s == '-' || *s == '+';
    if (!isdigit((unsigned char)*s)) {
        return false;
    }
    for (; isdigit((unsigned char)*s); s++) {
        e = e < 10000 ? e * 10 + (*s - '0') : e;
    }
    n->exponent += negative ? -e : e;
    *p = s;
    return true;
}

/* k, M, G, T, or Ki, Mi, Gi, Ti, or nothing. */
static void read_suffix(const char **p, struct number *n, double *out_factor)
{
    static const char letters[] = "kMGT";
    const char *at = **p != '\0' ? strchr(letters, **p == 'K' ? 'k' : **p) : NULL;

    *out_factor = 1;
    if (at == NULL) {
        return;
    }
    bool binary = (*p)[1] == 'i';

    for (long i = at - letters; i >= 0; i--) {
        n->m *= binary ? 1024 : 1;
        n->exponent += binary ? 0 : 3;
        *out_factor *= binary ? 1024 : 1000;
    }
    *p += binary ? 2 : 1;
}

/* The number rounded down, saturated where no column reaches. */
static void round_down(const struct number *n, struct ft__where_operand *out)
{
    ft__i128 m = n->m;
    bool more = n->more;
    int e = n->exponent;

    for (; e > 0 && m != 0 && m < huge; e--) {
        m *= 10;
    }
    for (; e < 0 && m != 0 && e > -2 * EXPONENT_MAX; e++) {
        more |= m % 10 != 0;
        m /= 10;
    }
    if (e < 0) {
        more |= m != 0;
        m = 0;
    }
    m = m < huge ? m : huge;
    out->more = more;
    out->whole = n->negative ? -m - more : m;
}

static bool read_hex(const char *word, struct ft__where_operand *out)
{
    uint64_t v = 0;
    size_t n = strlen(word);

    if (n == 0 || n > 16 || strspn(word, "0123456789abcdefABCDEF") != n) {
        return false;
    }
    v = strtoull(word, NULL, 16);
    out->whole = v;
    out->more = false;
    return true;
}

/* A number times 10^scale. */
static bool read_whole(const char *word, int scale, struct ft__where_operand *out)
{
    struct number n = {.exponent = scale, .negative = word[0] == '-'};
    const char *p = word + (word[0] == '-' || word[0] == '+');
    double factor;

    if (p[0] == '0' && (p[1] == 'x' || p[1] == 'X')) {
        return scale == 0 && p == word && read_hex(word + 2, out);
    }
    if (!read_digits(&p, &n) || !read_exponent(&p, &n)) {
        return false;
    }
    read_suffix(&p, &n, &factor);
    if (*p != '\0') {
        return false;
    }
    round_down(&n, out);
    return true;
}

/* The nearest double, as JSON's readers make it. */
static bool read_real(const char *word, struct ft__where_operand *out)
{
    struct number n = {0};
    const char *p = word + (word[0] == '-' || word[0] == '+');
    char plain[WORD_MAX], *end;
    double factor;

    if (!read_digits(&p, &n) || !read_exponent(&p, &n) || p - word >= WORD_MAX) {
        return false;
    }
    memcpy(plain, word, (size_t)(p - word));
    plain[p - word] = '\0';
    read_suffix(&p, &n, &factor);
    if (*p != '\0') {
        return false;
    }
    locale_t c = newlocale(LC_ALL_MASK, "C", NULL); /* the embedder's may have another point */

    if (c == NULL) {
        return false;
    }
    out->real = strtod_l(plain, &end, c) * factor;
    freelocale(c);
    return true;
}

/* ---- times ---- */

/* n digits at *p, and what has to stand behind them ('\0': anything); false: they are none. */
static bool take(const char **p, int n, char behind, int *out)
{
    *out = 0;
    for (; n > 0; n--, (*p)++) {
        if (!isdigit((unsigned char)**p)) {
            return false;
        }
        *out = *out * 10 + (**p - '0');
    }
    if (behind != '\0' && *(*p)++ != behind) {
        return false;
    }
    return true;
}

/* T13:29[:31[.5]][Z] as what is behind the day, in microseconds and more. */
static bool read_clock(const char *p, ft__i128 *us, bool *more)
{
    struct number n = {.exponent = 6};
    struct ft__where_operand seconds = {.whole = 0, .more = false};
    int hour = 0, minute = 0;

    if (*p == 'T') {
        p++;
        if (!take(&p, 2, ':', &hour) || !take(&p, 2, '\0', &minute) || hour > 23 || minute > 59) {
            return false;
        }
        if (*p == ':') {
            p++;
            if (!isdigit((unsigned char)p[0]) || !isdigit((unsigned char)p[1]) ||
                (p[2] != '\0' && p[2] != '.' && p[2] != 'Z') || !read_digits(&p, &n)) {
                return false;
            }
            round_down(&n, &seconds);
        }
        p += *p == 'Z';
    }
    *us = (ft__i128)(hour * 3600 + minute * 60) * 1000000 + seconds.whole;
    *more = seconds.more;
    return *p == '\0' && seconds.whole < 61 * 1000000;
}

static bool read_time(const char *word, struct ft__where_operand *out)
{
    const char *p = word;
    int year, month, day;
    ft__i128 us;

    if (!take(&p, 4, '-', &year)) {
        return read_whole(word, 6, out);
    }
    if (!take(&p, 2, '-', &month) || !take(&p, 2, '\0', &day) || !ft_date_is(year, month, day) ||
        !read_clock(p, &us, &out->more)) {
        return false;
    }
    out->whole = (ft__i128)ft_date_days(year, month, day) * 86400 * 1000000 + us;
    return true;
}

/* ---- all of them ---- */

static bool read_bool(const char *word, struct ft__where_operand *out)
{
    out->whole = strcasecmp(word, "true") == 0;
    out->more = false;
    return out->whole != 0 || strcasecmp(word, "false") == 0;
}

bool ft__where_value(enum ft_type type, const char *word, struct ft__where_operand *out,
                     enum ft__where_kind *out_kind)
{
    *out_kind = FT__WHERE_WHOLE;
    switch (type) {
    case FT_T_BOOL:
        return read_bool(word, out);
    case FT_T_ID:
        return strlen(word) == 16 && read_hex(word, out);
    case FT_T_TIME:
        return read_time(word, out);
    case FT_T_F64:
        *out_kind = FT__WHERE_REAL;
        return read_real(word, out);
    case FT_T_ADDR:
        *out_kind = FT__WHERE_ADDR;
        return ft_prefix_parse(word, &out->prefix) == FT_OK;
    case FT_T_STRING:
    case FT_T_TEXT:
        *out_kind = FT__WHERE_TEXT;
        out->text = word;
        out->len = (uint32_t)strlen(word);
        return true;
    default:
        return read_whole(word, 0, out);
    }
}
