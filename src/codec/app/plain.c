/* SPDX-License-Identifier: Apache-2.0 */
/* codec: DNS, HTTP/1 and SSH, see plain.h. */
#include "codec/app/plain.h"

#include <string.h>
#include <strings.h>

#include "base/rd.h"
#include "codec/app/digest.h"

/* ---- DNS ---- */

enum { DNS_HEADER = 12, DNS_ANSWERS_MAX = 64, DNS_POINTER = 0xc0, DNS_LABEL_MAX = 63 };

/* A name as it stands there, without pointers. */
static bool take_name(struct ft_rd *rd, struct ft_dns *out)
{
    uint32_t at = 0;

    for (;;) { /* one byte less each time at least */
        uint8_t len;
        const uint8_t *p;

        if (ft_rd_left(rd) < 1) {
            return false;
        }
        len = ft_rd_u8(rd);
        if (len == 0) {
            break;
        }
        p = len <= DNS_LABEL_MAX ? ft_rd_view(rd, len) : NULL;
        if (p == NULL || at + len + 1u > FT_DNS_NAME) {
            return false;
        }
        if (at > 0) {
            out->name[at++] = '.';
        }
        memcpy(out->name + at, p, len);
        at += len;
    }
    if (at == 0) {
        out->name[at++] = '.';
    }
    out->name_len = (uint8_t)at;
    return true;
}

static bool skip_name(struct ft_rd *rd)
{
    while (ft_rd_left(rd) > 0) { /* one byte less each time */
        uint8_t len = ft_rd_u8(rd);

        if (len == 0) {
            return true;
        }
        if ((len & DNS_POINTER) == DNS_POINTER) {
            return ft_rd_view(rd, 1) != NULL;
        }
        if (len > DNS_LABEL_MAX || ft_rd_view(rd, len) == NULL) {
            return false;
        }
    }
    return false;
}

static void read_answers(struct ft_rd *rd, struct ft_dns *out)
{
    for (int i = 0; i < out->answers && i < DNS_ANSWERS_MAX; i++) {
        const uint8_t *p;

        if (!skip_name(rd)) {
            return;
        }
        p = ft_rd_view(rd, 10); /* type, class, TTL, length */
        if (p == NULL) {
            return;
        }
        uint32_t ttl = ft_load_be32(p + 4);

        out->ttl = !out->answers_read || ttl < out->ttl ? ttl : out->ttl;
        out->answers_read = true;
        if (ft_rd_view(rd, ft_load_be16(p + 8)) == NULL) {
            return;
        }
    }
}

bool ft_dns_read(const uint8_t *p, size_t len, struct ft_dns *out)
{
    struct ft_rd rd = ft_rd_make(p, len);
    uint16_t flags;

    memset(out, 0, sizeof *out);
    if (ft_rd_view(&rd, DNS_HEADER) == NULL) {
        return false;
    }
    flags = ft_load_be16(p + 2);
    out->response = flags >> 15;
    out->rcode = flags & 15;
    out->answers = ft_load_be16(p + 6);
    /* the reserved bit is 0, the opcode one that is assigned, the counts those of a message */
    if ((flags & 0x0040) || (flags >> 11 & 15) > 6 || ft_load_be16(p + 4) != 1 ||
        (!out->response && out->answers > 0 && ft_load_be16(p + 8) == 0 && out->rcode != 0)) {
        return false;
    }
    if (!take_name(&rd, out) || ft_rd_left(&rd) < 4) {
        return false;
    }
    out->qtype = ft_rd_u16(&rd);
    ft_ignore(ft_rd_view(&rd, 2) == NULL);
    if (out->response) {
        read_answers(&rd, out);
    }
    return true;
}

/* ---- HTTP ---- */

static struct ft_text take_until(struct ft_rd *rd, uint8_t end)
{
    const uint8_t *start = rd->p;

    while (ft_rd_left(rd) > 0 && *rd->p != end && *rd->p != '\r' && *rd->p != '\n') {
        rd->p++;
    }
    return (struct ft_text){start, (uint32_t)(rd->p - start)};
}

/* whole: the text is a method; else: one begins with it. */
static bool is_method(struct ft_text t, bool whole)
{
    static const char *const methods[] = {"GET",      "POST",      "HEAD",   "PUT",    "DELETE",
                                          "OPTIONS",  "CONNECT",   "TRACE",  "PATCH",  "LOCK",
                                          "UNLOCK",   "COPY",      "MOVE",   "MKCOL",  "REPORT",
                                          "PROPFIND", "PROPPATCH", "SEARCH", "M-POST", "SUBSCRIBE"};

    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        size_t len = strlen(methods[i]);

        if ((whole ? len == t.len : len >= t.len) && memcmp(methods[i], t.p, t.len) == 0) {
            return true;
        }
    }
    return false;
}

static bool named(struct ft_text t, const char *name)
{
    return t.len == strlen(name) && strncasecmp((const char *)t.p, name, t.len) == 0;
}

/* One header line; false when the head ends or the bytes do. */
static bool take_header(struct ft_rd *rd, bool *ended, struct ft_text *name, struct ft_text *value)
{
    *ended = false;
    if (ft_rd_left(rd) < 2) {
        return false;
    }
    if (rd->p[0] == '\n' || (rd->p[0] == '\r' && rd->p[1] == '\n')) {
        *ended = true;
        return false;
    }
    *name = take_until(rd, ':');
    if (ft_rd_left(rd) == 0) {
        return false;
    }
    while (ft_rd_left(rd) > 0 && (*rd->p == ':' || *rd->p == ' ' || *rd->p == '\t')) {
        rd->p++;
    }
    *value = take_until(rd, '\n');
    if (ft_rd_left(rd) > 0 && *rd->p == '\r') {
        rd->p++;
    }
    if (ft_rd_left(rd) == 0 || *rd->p != '\n') {
        return false;
    }
    rd->p++;
    return true;
}

static bool skip_line(struct ft_rd *rd)
{
    const uint8_t *end = memchr(rd->p, '\n', ft_rd_left(rd));

    if (end == NULL) {
        return false;
    }
    rd->p = end + 1;
    return true;
}

static enum ft_parse read_status(struct ft_rd *rd, struct ft_http *out)
{
    const uint8_t *p = ft_rd_view(rd, 12); /* "HTTP/1.1 200" */

    if (p == NULL) {
        return FT_PARSE_MORE;
    }
    for (int i = 9; i < 12; i++) {
        if (p[i] < '0' || p[i] > '9') {
            return FT_PARSE_NOT;
        }
        out->status = (uint16_t)(out->status * 10 + p[i] - '0');
    }
    out->response = true;
    return FT_PARSE_DONE;
}

static enum ft_parse read_request(struct ft_rd *rd, struct ft_http *out)
{
    out->method = take_until(rd, ' ');
    if (ft_rd_left(rd) == 0) {
        return is_method(out->method, false) ? FT_PARSE_MORE : FT_PARSE_NOT;
    }
    if (!is_method(out->method, true) || *rd->p != ' ') {
        return FT_PARSE_NOT;
    }
    rd->p++;
    out->target = take_until(rd, ' ');
    if (ft_rd_left(rd) < 7) {
        return FT_PARSE_MORE;
    }
    return memcmp(rd->p, " HTTP/", 6) == 0 ? FT_PARSE_DONE : FT_PARSE_NOT;
}

enum ft_parse ft_http_read(const uint8_t *p, size_t len, bool final, struct ft_http *out)
{
    struct ft_rd rd = ft_rd_make(p, len);
    struct ft_text name, value;
    bool ended;
    enum ft_parse rc;

    memset(out, 0, sizeof *out);
    if (len >= 7 && memcmp(p, "HTTP/1.", 7) == 0) {
        return read_status(&rd, out);
    }
    rc = read_request(&rd, out);
    if (rc != FT_PARSE_DONE) {
        return rc;
    }
    if (!skip_line(&rd)) {
        return final ? FT_PARSE_DONE : FT_PARSE_MORE;
    }
    while (take_header(&rd, &ended, &name, &value)) { /* a line less each time */
        if (named(name, "host")) {
            out->host = value;
        } else if (named(name, "user-agent")) {
            out->user_agent = value;
        } else if (named(name, "upgrade") && named(value, "websocket")) {
            out->websocket = true;
        }
    }
    return ended || final ? FT_PARSE_DONE : FT_PARSE_MORE;
}

/* ---- SSH ---- */

enum { SSH_BANNER_MAX = 255, SSH_KEXINIT = 20, SSH_COOKIE = 16, SSH_PACKET_MAX = 35000 };
enum { KEX = 0, ENC_C2S = 2, ENC_S2C = 3, MAC_C2S = 4, MAC_S2C = 5, COMP_C2S = 6, COMP_S2C = 7 };
enum { SSH_LISTS = 8 };

static bool make_hassh(const struct ft_text list[SSH_LISTS], bool client, char out[FT_MD5_TEXT])
{
    const int order[4] = {KEX, client ? ENC_C2S : ENC_S2C, client ? MAC_C2S : MAC_S2C,
                          client ? COMP_C2S : COMP_S2C};
    uint8_t text[FT_TLS_MESSAGE];
    size_t at = 0;

    for (int i = 0; i < 4; i++) {
        const struct ft_text *t = &list[order[i]];

        if (at + t->len + 1 > sizeof text) {
            return false;
        }
        if (i > 0) {
            text[at++] = ';';
        }
        memcpy(text + at, t->p, t->len);
        at += t->len;
    }
    return ft_md5_text(text, at, out);
}

enum ft_parse ft_ssh_read(const uint8_t *p, size_t len, bool client, struct ft_ssh *out)
{
    struct ft_rd rd = ft_rd_make(p, len), packet;
    struct ft_text list[SSH_LISTS];
    uint32_t size;
    uint8_t pad;

    memset(out, 0, sizeof *out);
    if (memcmp(p, "SSH-", len < 4 ? len : 4) != 0) {
        return FT_PARSE_NOT;
    }
    out->banner = take_until(&rd, '\n');
    if (!skip_line(&rd)) {
        out->banner.len = 0;
        return len <= SSH_BANNER_MAX ? FT_PARSE_MORE : FT_PARSE_NOT;
    }
    if (ft_rd_left(&rd) < 6) {
        return FT_PARSE_MORE;
    }
    size = ft_rd_u32(&rd);
    if (size < 2 || size > SSH_PACKET_MAX) {
        return FT_PARSE_DONE; /* a banner is what it has */
    }
    if (!ft_rd_sub(&rd, size, &packet)) {
        return FT_PARSE_MORE;
    }
    pad = ft_rd_u8(&packet);
    if (ft_rd_u8(&packet) != SSH_KEXINIT || pad > size || ft_rd_view(&packet, SSH_COOKIE) == NULL) {
        return FT_PARSE_DONE;
    }
    for (int i = 0; i < SSH_LISTS; i++) {
        struct ft_rd names;

        if (ft_rd_left(&packet) < 4 || !ft_rd_sub(&packet, ft_rd_u32(&packet), &names)) {
            return FT_PARSE_DONE;
        }
        list[i] = (struct ft_text){names.p, (uint32_t)ft_rd_left(&names)};
    }
    out->has_hassh = make_hassh(list, client, out->hassh);
    return FT_PARSE_DONE;
}
