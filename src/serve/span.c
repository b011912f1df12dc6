/* SPDX-License-Identifier: Apache-2.0 */
/* serve: windows of time from words.
 *
 * A window that is only so long ends with the newest record, not now: stores of old captures are
 * asked the same way. Records that claim to be of the future do not move it. */
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/time.h"
#include "model/where_parts.h"
#include "serve/desk_parts.h"

enum { LONGEST_S = 400 * 86400 };

static const int64_t MINUTE_US = 60000000;

/* "10m" in seconds; 0: it is none. */
static int64_t length_s(const char *text)
{
    static const struct {
        char unit;
        int64_t s;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
    char *end;

    if (!isdigit((unsigned char)text[0]) || strlen(text) > 8) {
        return 0;
    }
    int64_t n = strtoll(text, &end, 10);

    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (end[0] == units[i].unit && end[1] == '\0') {
            n *= units[i].s;
            return n <= LONGEST_S ? n : 0;
        }
    }
    return 0;
}

/* Whole seconds: finer ones would tell more of times than is shown. */
static bool point(const char *text, size_t len, int64_t *out_us)
{
    char word[40];
    struct ft__where_operand o = {0};
    enum ft__where_kind kind;

    if (len >= sizeof word) {
        return false;
    }
    memcpy(word, text, len);
    word[len] = '\0';
    if (!ft__where_value(FT_T_TIME, word, &o, &kind) || o.whole < INT64_MIN / 4 ||
        o.whole > INT64_MAX / 4) {
        return false;
    }
    *out_us = (int64_t)o.whole / 1000000 * 1000000;
    return true;
}

static int64_t newest_us(const struct ft_desk *d)
{
    double newest = isnan(d->last_s) ? d->now : d->last_s; /* nothing is stored: now */

    return (int64_t)llround(newest * 1e6);
}

/* The second that begins behind the newest record. */
static int64_t end_us(const struct ft_desk *d)
{
    return (newest_us(d) / 1000000 + 1) * 1000000;
}

int ft__span_read(struct ft_desk *d, const char *text, const char *fallback, struct ft__span *out,
                  struct ft_err *err)
{
    const char *word = text != NULL ? text : fallback;
    const char *slash = strchr(word, '/');
    int64_t s = length_s(word);

    out->to_us = end_us(d); /* times before it are of what is said */
    if (strcmp(word, "all") == 0) {
        double first = d->first_s < d->now ? d->first_s : d->now - 1;

        out->from_us = (int64_t)floor(first) * 1000000;
        return FT_OK;
    }
    if (s > 0) {
        out->from_us = out->to_us - s * 1000000;
        return FT_OK;
    }
    if (slash != NULL && point(word, (size_t)(slash - word), &out->from_us) &&
        point(slash + 1, strlen(slash + 1), &out->to_us) && out->from_us < out->to_us) {
        return FT_OK;
    }
    return ft_err_set(err, FT_E_USAGE,
                      "window: write 10m, 1h, 7d, all, or 2026-11-29T13:00Z/2026-11-29T14:00Z");
}

void ft__span_minutes(const struct ft_desk *d, struct ft__span *s)
{
    int64_t end = -ft_time_floor(-s->to_us, MINUTE_US) * MINUTE_US, newest = end_us(d);

    s->from_us = ft_time_floor(s->from_us, MINUTE_US) * MINUTE_US;
    if (s->to_us < newest) {
        s->to_us = end < newest ? end : newest;
    }
}

double ft__span_stored_s(const struct ft_desk *d, const struct ft__span *s, int64_t unit_us)
{
    int64_t first = isnan(d->first_s) ? s->from_us
                                      : ft_time_floor(llround(d->first_s * 1e6), unit_us) * unit_us;
    int64_t from = first > s->from_us && first < s->to_us ? first : s->from_us;

    return (double)(s->to_us - from) / 1e6;
}

double ft__span_s(const struct ft__span *s)
{
    return (double)(s->to_us - s->from_us) / 1e6;
}

/* Half a microsecond before a time: no record is of it, however the number is rounded. */
static void put_before(struct ft_text *sql, int64_t us)
{
    int64_t s = us / 1000000 - (us % 1000000 < 0), rest = us - s * 1000000;

    s -= rest == 0;
    rest = rest == 0 ? 999999 : rest - 1;
    if (s >= 0) {
        ft_text_format(sql, "%lld.%06lld5", (long long)s, (long long)rest);
    } else {
        ft_text_format(sql, "(%lld + 0.%06lld5)", (long long)s, (long long)rest);
    }
}

void ft__span_sql(const struct ft__span *s, struct ft_text *sql)
{
    ft_text_put(sql, "timestamp > ");
    put_before(sql, s->from_us);
    ft_text_put(sql, " AND timestamp < ");
    put_before(sql, s->to_us);
}
