/* SPDX-License-Identifier: Apache-2.0 */
/* feature/cic: columns that are text, see text.h. */
#include "feature/cic/text.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <time.h>

enum { ADDR_TEXT = 46, DAY_HALF = 12 };

_Static_assert(2 * ADDR_TEXT + 2 * 6 + 4 < sizeof((struct ft_value *)0)->buf, "an id fits");

static void addr_text(const struct ft_cic_record *r, const uint8_t *addr, char out[ADDR_TEXT])
{
    if (inet_ntop(r->version == 6 ? AF_INET6 : AF_INET, addr, out, ADDR_TEXT) == NULL) {
        out[0] = '\0';
    }
}

void ft__cic_flow_id(const void *part, struct ft_value *v)
{
    const struct ft_cic_record *r = part;
    char src[ADDR_TEXT], dst[ADDR_TEXT];

    addr_text(r, r->src, src);
    addr_text(r, r->dst, dst);
    snprintf(v->buf, sizeof v->buf, "%s-%s-%u-%u-%u", src, dst, r->port[0], r->port[1],
             r->protocol);
    v->s = v->buf;
}

void ft__cic_src_ip(const void *part, struct ft_value *v)
{
    const struct ft_cic_record *r = part;

    v->ip_version = r->version;
    v->addr = r->src;
}

void ft__cic_dst_ip(const void *part, struct ft_value *v)
{
    const struct ft_cic_record *r = part;

    v->ip_version = r->version;
    v->addr = r->dst;
}

void ft__cic_label(const void *part, struct ft_value *v)
{
    const struct ft_cic_record *r = part;

    v->text = (const uint8_t *)r->label;
    v->text_len = r->label_len;
}

/* Splits us into a date and its rest, 0..999999. */
static int split(int64_t us, struct tm *out)
{
    int64_t rest = us % 1000000;
    time_t s = us / 1000000 - (rest < 0);

    gmtime_r(&s, out);
    return (int)(rest < 0 ? rest + 1000000 : rest);
}

void ft__cic_time_am_pm(int64_t us, char *out)
{
    struct tm t = {0};
    int hour;

    split(us, &t);
    hour = t.tm_hour % DAY_HALF;
    snprintf(out, FT__CIC_TIME, "%02d/%02d/%04d %02d:%02d:%02d %s", t.tm_mday, t.tm_mon + 1,
             t.tm_year + 1900, hour == 0 ? DAY_HALF : hour, t.tm_min, t.tm_sec,
             t.tm_hour < DAY_HALF ? "AM" : "PM");
}

void ft__cic_time_iso(int64_t us, char *out)
{
    struct tm t = {0};
    int rest = split(us, &t);
    int n = snprintf(out, FT__CIC_TIME, "%04d-%02d-%02d %02d:%02d:%02d", t.tm_year + 1900,
                     t.tm_mon + 1, t.tm_mday, t.tm_hour, t.tm_min, t.tm_sec);

    if (rest % 1000 != 0) {
        snprintf(out + n, (size_t)(FT__CIC_TIME - n), ".%06d", rest);
    } else if (rest != 0) {
        snprintf(out + n, (size_t)(FT__CIC_TIME - n), ".%03d", rest / 1000);
    }
}
