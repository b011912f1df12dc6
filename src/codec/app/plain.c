/* SPDX-License-Identifier: Apache-2.0 */
/* codec: HTTP/1 and SSH, see plain.h. */
#include "codec/app/plain.h"

#include <string.h>
#include <strings.h>

#include "base/rd.h"
#include "codec/app/digest.h"

/* ---- HTTP ---- */

enum { HTTP_STATUS = 12, HTTP_VERSION = 8, HTTP_METHOD_MAX = 24 };

/* A line without its end, which may be a bare LF (RFC 9112 §2.2). False: it has not ended. */
static bool take_line(struct ft_rd *rd, struct ft_text *out)
{
    const uint8_t *end = memchr(rd->p, '\n', ft_rd_left(rd));

    if (end == NULL) {
        return false;
    }
    *out = (struct ft_text){rd->p, (uint32_t)(end - rd->p)};
    if (out->len > 0 && end[-1] == '\r') {
        out->len--;
    }
    rd->p = end + 1;
    return true;
}

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static uint32_t word_end(struct ft_text t, uint32_t from)
{
    while (from < t.len && !is_blank(t.p[from])) {
        from++;
    }
    return from;
}

static struct ft_text trim(struct ft_text t)
{
    while (t.len > 0 && is_blank(t.p[t.len - 1])) {
        t.len--;
    }
    while (t.len > 0 && is_blank(*t.p)) {
        t.p++;
        t.len--;
    }
    return t;
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

/* Methods are for anybody to add (RFC 9110 §16.1): a word will do where the version follows. */
static bool is_word(struct ft_text t)
{
    for (uint32_t i = 0; i < t.len; i++) {
        uint8_t c = t.p[i] | 0x20;

        if (!(c >= 'a' && c <= 'z') && (i == 0 || (t.p[i] != '-' && t.p[i] != '_'))) {
            return false;
        }
    }
    return t.len > 0 && t.len <= HTTP_METHOD_MAX;
}

static bool named(struct ft_text t, const char *name)
{
    return t.len == strlen(name) && strncasecmp((const char *)t.p, name, t.len) == 0;
}

/* "HTTP/1.1 200", with # for any digit; what there is of it. */
static bool fits(const uint8_t *p, size_t len, const char *shape)
{
    for (size_t i = 0; i < len && shape[i] != '\0'; i++) {
        if (shape[i] == '#' ? p[i] < '0' || p[i] > '9' : p[i] != (uint8_t)shape[i]) {
            return false;
        }
    }
    return true;
}

/* "GET /where", before there were versions and heads (RFC 1945 §5). */
static bool read_old_request(struct ft_text line, struct ft_http *out)
{
    struct ft_text target = trim(line);
    uint32_t n = word_end(target, 0);

    if (n != 3 || memcmp(target.p, "GET", 3) != 0) {
        return false;
    }
    out->method = (struct ft_text){target.p, n};
    out->target = trim((struct ft_text){target.p + n, target.len - n});
    return out->target.len > 0 && *out->target.p == '/' &&
           word_end(out->target, 0) == out->target.len;
}

/* "GET /where HTTP/1.1": words with blanks between them; a target may hold some itself. */
static enum ft_parse read_request_line(struct ft_text line, struct ft_http *out)
{
    struct ft_text rest = trim(line);
    uint32_t n = word_end(rest, 0);

    out->method = (struct ft_text){rest.p, n};
    rest.p += n;
    rest.len -= n;
    if (!is_word(out->method) || rest.len < HTTP_VERSION + 1 ||
        !is_blank(rest.p[rest.len - HTTP_VERSION - 1]) ||
        !fits(rest.p + rest.len - HTTP_VERSION, HTTP_VERSION, "HTTP/#.#")) {
        return FT_PARSE_NOT;
    }
    if (!is_method(out->method, true) && rest.p[rest.len - 3] != '1') {
        return FT_PARSE_NOT; /* "PRI * HTTP/2.0" begins something else */
    }
    rest.len -= HTTP_VERSION;
    out->target = trim(rest);
    return out->target.len > 0 || is_method(out->method, true) ? FT_PARSE_DONE : FT_PARSE_NOT;
}

/* A target whose line was cut off: a path or a scheme (RFC 9112 §3.2), and no part of the version.
 */
static enum ft_parse read_cut_target(struct ft_text rest, struct ft_http *out)
{
    struct ft_text target = trim(rest);
    uint32_t last = 0;

    for (uint32_t n = word_end(target, 0); n < target.len; n = word_end(target, n + 1)) {
        last = n + 1;
    }
    if (last > 0 && target.len - last < HTTP_VERSION &&
        fits(target.p + last, target.len - last, "HTTP/#.#")) {
        target = trim((struct ft_text){target.p, last});
    }
    out->target = target;
    return target.len > 0 && (*target.p == '/' || fits(target.p, target.len, "http://") ||
                              fits(target.p, target.len, "https://"))
               ? FT_PARSE_DONE
               : FT_PARSE_NOT;
}

/* A request's line that has not ended. final: it will not; then its method is one of the known. */
static enum ft_parse read_begun_line(struct ft_text line, bool final, struct ft_http *out)
{
    uint32_t n = word_end(line, 0);
    bool known;

    out->method = (struct ft_text){line.p, n};
    known = is_method(out->method, n < line.len);
    if (final) {
        return known && n < line.len
                   ? read_cut_target((struct ft_text){line.p + n, line.len - n}, out)
                   : FT_PARSE_NOT;
    }
    for (uint32_t i = n; i < line.len && !known; i++) {
        if (line.p[i] < ' ' && !is_blank(line.p[i])) {
            return FT_PARSE_NOT;
        }
    }
    return known || is_word(out->method) ? FT_PARSE_MORE : FT_PARSE_NOT;
}

/* The line and those that go on with it: they begin with a blank (RFC 9112 §5.2). */
static bool take_field(struct ft_rd *rd, struct ft_text *out)
{
    struct ft_text more;

    if (!take_line(rd, out)) {
        return false;
    }
    while (out->len > 0 && ft_rd_left(rd) > 0 && (*rd->p == ' ' || *rd->p == '\t') &&
           take_line(rd, &more)) { /* a line less each time */
        out->len = (uint32_t)(more.p + more.len - out->p);
    }
    return true;
}

/* The fields behind the first line; false: the head has not ended. */
static bool read_fields(struct ft_rd *rd, struct ft_http *out)
{
    struct ft_text line;

    while (take_field(rd, &line)) { /* a line less each time */
        const uint8_t *colon = memchr(line.p, ':', line.len);
        struct ft_text name, value;

        if (line.len == 0) {
            return true;
        }
        if (colon == NULL) {
            continue;
        }
        name = trim((struct ft_text){line.p, (uint32_t)(colon - line.p)});
        value = trim((struct ft_text){colon + 1, (uint32_t)(line.p + line.len - colon - 1)});
        if (named(name, "host")) {
            out->host = value;
        } else if (named(name, "user-agent")) {
            out->user_agent = value;
        } else if (named(name, "upgrade") && named(value, "websocket")) {
            out->websocket = true;
        }
    }
    return false;
}

/* Answers up to the one that is no interim one (RFC 9110 §15.2; 101 ends HTTP, so it is none).
 * Where no more comes the interim one is what there is. */
static enum ft_parse read_answer(struct ft_rd *rd, bool final, struct ft_http *out)
{
    for (;;) { /* a head less each time */
        const uint8_t *p =
            fits(rd->p, ft_rd_left(rd), "HTTP/#.# ###") ? ft_rd_view(rd, HTTP_STATUS) : NULL;

        if (p == NULL) {
            return !final ? FT_PARSE_MORE : out->response ? FT_PARSE_DONE : FT_PARSE_NOT;
        }
        out->response = true;
        out->status = (uint16_t)((p[9] - '0') * 100 + (p[10] - '0') * 10 + p[11] - '0');
        if (out->status / 100 != 1 || out->status == 101) {
            return FT_PARSE_DONE;
        }
        if (!read_fields(rd, out)) {
            return final ? FT_PARSE_DONE : FT_PARSE_MORE;
        }
    }
}

enum ft_parse ft_http_read(const uint8_t *p, size_t len, bool final, struct ft_http *out)
{
    struct ft_rd rd = ft_rd_make(p, len);
    struct ft_text line;
    enum ft_parse rc;

    memset(out, 0, sizeof *out);
    while (ft_rd_left(&rd) > 0 && (*rd.p == '\r' || *rd.p == '\n')) { /* empty lines, §2.2 */
        rd.p++;
    }
    if (ft_rd_left(&rd) == 0) {
        return final ? FT_PARSE_NOT : FT_PARSE_MORE;
    }
    if (fits(rd.p, ft_rd_left(&rd), "HTTP/#.# ###")) {
        return read_answer(&rd, final, out);
    }
    if (!take_line(&rd, &line)) {
        return read_begun_line((struct ft_text){rd.p, (uint32_t)ft_rd_left(&rd)}, final, out);
    }
    if (read_old_request(line, out)) {
        return FT_PARSE_DONE;
    }
    rc = read_request_line(line, out);
    if (rc != FT_PARSE_DONE) {
        return rc;
    }
    out->sure = true;
    return read_fields(&rd, out) || final ? FT_PARSE_DONE : FT_PARSE_MORE;
}

/* ---- SSH ---- */

enum {
    SSH_BANNER_MAX = 255,
    SSH_TEXT_MAX = 4096,
    SSH_KEXINIT = 20,
    SSH_COOKIE = 16,
    SSH_PACKET_MAX = 35000
};
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
    if (!take_line(&rd, &out->banner)) {
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

/* Text, in whatever encoding. */
static bool is_text(const uint8_t *p, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if ((p[i] < ' ' && !is_blank(p[i])) || p[i] == 0x7f) {
            return false;
        }
    }
    return true;
}

enum ft_parse ft_ssh_text(const uint8_t *p, size_t len, size_t *out_skip)
{
    struct ft_rd rd = ft_rd_make(p, len);
    struct ft_text line;

    do { /* a line less each time */
        size_t left = ft_rd_left(&rd);

        if (left >= 4 && memcmp(rd.p, "SSH-", 4) == 0) {
            *out_skip = (size_t)(rd.p - p);
            return FT_PARSE_DONE;
        }
        if (!take_line(&rd, &line)) {
            return is_text(rd.p, left) && len <= SSH_TEXT_MAX ? FT_PARSE_MORE : FT_PARSE_NOT;
        }
    } while (is_text(line.p, line.len));
    return FT_PARSE_NOT;
}
