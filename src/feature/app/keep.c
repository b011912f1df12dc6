/* SPDX-License-Identifier: Apache-2.0 */
/* feature/app: what was read of a flow's messages, see keep.h. */
#include "feature/app/keep.h"

#include <string.h>
#include <strings.h>

struct ft_app_text ft__app_keep(struct ft_text from, uint8_t *room, uint32_t size)
{
    uint32_t len = from.len < size ? from.len : size;

    if (len > 0) {
        memcpy(room, from.p, len);
    }
    return (struct ft_app_text){.len = (uint8_t)len, .cut = from.len > size};
}

void ft__app_keep_name(struct ft_app_info *i, struct ft_text name)
{
    i->name = ft__app_keep(name, i->name_text, FT_APP_NAME);
}

/* Another part's fields are no text of this one. The name of a hello stays: TLS lies beside them.
 */
static void begin(struct ft_app_info *i, enum ft_app_part part, void *fields, size_t size)
{
    if (i->part != part) {
        i->part = (uint8_t)part;
        i->name = i->tls.has_client ? i->name : (struct ft_app_text){0};
        memset(fields, 0, size);
    }
}

/* ---- HTTP ---- */

static bool is_fold(uint8_t c)
{
    return c == '\r' || c == '\n';
}

/* A line end and the blanks around it are one blank (RFC 9112 §5.2). */
static struct ft_app_text keep_unfolded(struct ft_text from, uint8_t *room, uint32_t size)
{
    uint32_t len = 0, i = 0;

    while (i < from.len && len < size) {
        uint32_t blanks = 0;
        bool fold = false;

        while (i + blanks < from.len && (from.p[i + blanks] == ' ' || from.p[i + blanks] == '\t' ||
                                         is_fold(from.p[i + blanks]))) {
            fold |= is_fold(from.p[i + blanks]);
            blanks++;
        }
        if (fold) {
            room[len++] = ' ';
            i += blanks;
        } else {
            room[len++] = from.p[i++];
        }
    }
    return (struct ft_app_text){.len = (uint8_t)len, .cut = i < from.len};
}

void ft__app_keep_http(struct ft_app_info *i, const struct ft_http *h)
{
    struct ft_app_http *out = &i->http;

    begin(i, FT_APP_PART_HTTP, out, sizeof *out);
    if (h->response) {
        out->status = h->status;
        return;
    }
    i->name = keep_unfolded(h->host, i->name_text, FT_APP_NAME);
    out->method = ft__app_keep(h->method, out->method_text, sizeof out->method_text);
    out->target = ft__app_keep(h->target, out->target_text, sizeof out->target_text);
    out->agent = keep_unfolded(h->user_agent, out->agent_text, sizeof out->agent_text);
}

bool ft__app_keep_answer(struct ft_app_info *i, const struct ft_http *h)
{
    if (h->response) {
        begin(i, FT_APP_PART_HTTP, &i->http, sizeof i->http);
        i->http.status = h->status;
    }
    return h->response;
}

/* ---- SSH ---- */

void ft__app_keep_ssh(struct ft_app_info *i, const struct ft_ssh *s, int role)
{
    struct ft_app_ssh *out = &i->ssh;

    begin(i, FT_APP_PART_SSH, out, sizeof *out);
    out->banner[role] =
        ft__app_keep(s->banner, out->banner_text[role], sizeof out->banner_text[role]);
    memcpy(out->hassh[role], s->has_hassh ? s->hassh : "", s->has_hassh ? sizeof s->hassh : 1);
}

/* ---- DNS ---- */

/* Names are the same in either case (RFC 1035 §2.3.3); both cut where there is no more room. */
static bool same_name(const struct ft_app_info *i, const struct ft_dns *d)
{
    uint32_t len = d->name_len < FT_APP_NAME ? d->name_len : FT_APP_NAME;

    if (i->name.len != len) {
        return false;
    }
    for (uint32_t at = 0; at < len; at++) {
        uint8_t a = i->name_text[at], b = d->name[at];

        a = a >= 'A' && a <= 'Z' ? a | 0x20 : a;
        b = b >= 'A' && b <= 'Z' ? b | 0x20 : b;
        if (a != b) {
            return false;
        }
    }
    return true;
}

/* Whether a response is one to the question; without its own question the owner of its first
 * answer tells (mDNS, NetBIOS), and the number where there is no answer (RFC 1035 §4.1.1). */
static bool answers(const struct ft_app_info *i, const struct ft_dns *d)
{
    if (!i->dns.has_question) {
        return true;
    }
    if (d->has_question) {
        return d->qtype == i->dns.qtype && same_name(i, d);
    }
    return d->name_len > 0 ? same_name(i, d) : d->id == i->dns.id;
}

void ft__app_keep_dns(struct ft_app_info *i, const struct ft_dns *d)
{
    struct ft_app_dns *out = &i->dns;

    begin(i, FT_APP_PART_DNS, out, sizeof *out);
    if (d->has_question && !out->has_question) {
        memset(out, 0, sizeof *out); /* what was announced before is no answer to it */
        ft__app_keep_name(i, (struct ft_text){d->name, d->name_len});
        out->has_question = true;
        out->qtype = d->qtype;
        out->id = d->id;
    }
    if (d->response && !out->has_answer && answers(i, d)) {
        out->has_answer = true;
        out->rcode = d->rcode;
        out->answers = d->answers;
        out->has_ttl = d->answers_read;
        out->ttl = d->ttl;
    }
}

bool ft__app_dns_over(const struct ft_app_info *i)
{
    return i->part == FT_APP_PART_DNS && i->dns.has_question && i->dns.has_answer;
}
