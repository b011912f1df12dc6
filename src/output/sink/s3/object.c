/* SPDX-License-Identifier: Apache-2.0 */
/* output/sink/s3: bytes of the memory file to objects: one PUT, or an upload of parts. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "output/sink/s3/s3_parts.h"

enum { NAMES_MOST = 100, COMPLETE_TRIES = 5, PAGE = 4096 };

#define XML_BEGIN "<CompleteMultipartUpload>"
#define XML_END   "</CompleteMultipartUpload>"

/* ---- texts ---- */

/* As S3 wants it in URLs and signs it: everything but letters, digits and -._~ (and slashes). */
static bool put_encoded(const char *s, bool slashes, char *out, size_t cap)
{
    static const char hex[] = "0123456789ABCDEF";
    size_t at = 0;

    for (; *s != '\0'; s++) {
        unsigned char c = (unsigned char)*s;
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     strchr("-._~", c) != NULL || (slashes && c == '/');

        if (at + 4 > cap) {
            return false;
        }
        if (plain) {
            out[at++] = (char)c;
        } else {
            out[at++] = '%';
            out[at++] = hex[c >> 4];
            out[at++] = hex[c & 15];
        }
    }
    out[at] = '\0';
    return true;
}

/* What stands between <tag> and </tag>; false: nothing, or too much. */
static bool element(const char *xml, const char *tag, char *out, size_t cap)
{
    char begin[64];

    snprintf(begin, sizeof begin, "<%s>", tag);
    const char *at = strstr(xml, begin);

    if (at == NULL) {
        return false;
    }
    at += strlen(begin);
    size_t len = strcspn(at, "<");

    if (len == 0 || len >= cap) {
        return false;
    }
    memcpy(out, at, len);
    out[len] = '\0';
    return true;
}

const char *ft__s3_advice(int status, const char *body)
{
    static const struct {
        const char *code, *advice;
    } rows[] = {
        {"InvalidAccessKeyId", "check credentials=@FILE, or AWS_ACCESS_KEY_ID"},
        {"InvalidClientTokenId", "check credentials=@FILE, or AWS_ACCESS_KEY_ID"},
        {"SignatureDoesNotMatch", "check the secret key in credentials=@FILE, or "
                                  "AWS_SECRET_ACCESS_KEY"},
        {"ExpiredToken", "the session's credentials have expired; start again with new ones"},
        {"RequestTimeTooSkewed", "the clock of this machine is wrong"},
        {"NoSuchBucket", "there is no such bucket; make it first"},
        {"PermanentRedirect", "the bucket is in another region; set region="},
        {"AuthorizationHeaderMalformed", "the bucket is in another region; set region="},
        {"AccessDenied", "these credentials may not write there"},
    };
    char code[64];

    if (!element(body, "Code", code, sizeof code)) {
        return status == 403       ? "check credentials=@FILE and what they may do"
               : status == 404     ? "check endpoint= and the bucket's name"
               : status / 100 == 3 ? "the bucket is somewhere else; set region= or endpoint="
                                   : NULL;
    }
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (strcmp(rows[i].code, code) == 0) {
            return rows[i].advice;
        }
    }
    return NULL;
}

/* ---- requests ---- */

uint64_t ft__s3_body_size(const struct s3_sink *s)
{
    struct stat st;

    return fstat(s->fd, &st) == 0 ? (uint64_t)st.st_size : 0;
}

/* A request for the object, with a query or "". */
static int ask(struct s3_sink *s, struct ft_http_request *r, const char *query,
               struct ft_http_reply *out)
{
    char url[FT__S3_NAME + FT__S3_UPLOAD_ID * 3 + 1024];
    int n = snprintf(url, sizeof url, "%s/%s%s", s->base, s->object.name, query), h = 0;

    if (n < 0 || (size_t)n >= sizeof url) {
        return FT_E_RANGE;
    }
    while (r->header[h] != NULL) {
        h++;
    }
    r->header[h++] = "x-amz-content-sha256: UNSIGNED-PAYLOAD"; /* TLS protects it, or nothing */
    r->header[h] = s->token_header;
    r->url = url;
    return ft_http_send(s->http, r, out);
}

/* ---- the name ---- */

/* KEY, or with the time of the object's beginning in it, n > 0: and a number. */
static bool put_name(struct s3_sink *s, bool timed, unsigned n)
{
    char key[FT__S3_KEY_MOST + FT_FILE_NAME], name[FT_FILE_NAME];
    const char *slash = strrchr(s->key, '/');
    const char *last = slash != NULL ? slash + 1 : s->key;
    size_t folder = (size_t)(last - s->key);

    if (timed && !ft_file_rotated_name(last, s->object.begun_s, n, name)) {
        return false;
    }
    snprintf(key, sizeof key, "%.*s%s", (int)folder, s->key, timed ? name : last);
    return put_encoded(key, true, s->object.name, sizeof s->object.name);
}

/* Whether there is an object of this name already. Who may not ask is told that there is none. */
static int is_taken(struct s3_sink *s, bool *out)
{
    struct ft_http_request r = {.method = "HEAD", .takes_refusal = true};
    struct ft_http_reply reply;
    int rc = ask(s, &r, "", &reply);

    *out = rc == FT_OK && reply.status < 300;
    return rc;
}

/* A name that nobody has; that of the output is taken over from an earlier run by read only. */
static int choose_name(struct s3_sink *s)
{
    bool timed = s->rotate_size > 0 || s->rotate_ns > 0 || s->objects > 0, taken = true;
    int rc = FT_OK;

    if (s->object.name[0] != '\0') {
        return FT_OK;
    }
    if (!timed) {
        rc = put_name(s, false, 0) ? FT_OK : FT_E_RANGE;
        if (rc != FT_OK || !s->env.keep_earlier) {
            return rc;
        }
        rc = is_taken(s, &taken);
        if (rc == FT_OK && taken) {
            ft_log(&s->log, FT_LOG_WARN,
                   "%s: there is an object of this name; this one gets a name with its time",
                   s->text);
        }
    }
    for (unsigned n = 0; rc == FT_OK && taken && n < NAMES_MOST; n++) {
        rc = put_name(s, true, n) ? is_taken(s, &taken) : FT_E_RANGE;
    }
    rc = rc == FT_OK && taken ? FT_E_RANGE : rc;
    if (rc != FT_OK) {
        s->object.name[0] = '\0';
    }
    return rc;
}

/* ---- parts ---- */

/* There is room: of each part's, and of the ends. */
static void put_xml(struct s3_sink *s, const char *text)
{
    size_t len = strlen(text);

    memcpy(s->xml + s->object.xml_len, text, len);
    s->object.xml_len += len;
}

static int begin_upload(struct s3_sink *s)
{
    struct ft_http_request r = {.method = "POST",
                                .header = {"Content-Type: application/octet-stream"}};
    struct ft_http_reply reply;
    char id[FT__S3_UPLOAD_ID];
    int rc = choose_name(s);

    if (s->object.upload[0] != '\0' || rc != FT_OK) {
        return rc;
    }
    rc = ask(s, &r, "?uploads=", &reply);
    if (rc != FT_OK) {
        return rc;
    }
    if (!element(reply.body, "UploadId", id, sizeof id) ||
        !put_encoded(id, false, s->object.upload, sizeof s->object.upload)) {
        ft_log(&s->log, FT_LOG_ERROR, "%s: the other side does not speak S3's protocol", s->text);
        return FT_E_FORMAT;
    }
    s->object.xml_len = 0;
    put_xml(s, XML_BEGIN);
    return FT_OK;
}

static int send_part(struct s3_sink *s, uint64_t len)
{
    struct ft_http_request r = {.method = "PUT", .fd = s->fd, .offset = s->object.sent, .len = len};
    struct ft_http_reply reply;
    char query[FT__S3_UPLOAD_ID * 3 + 64], xml[FT__S3_PART_XML];

    snprintf(query, sizeof query, "?partNumber=%u&uploadId=%s", s->object.parts + 1,
             s->object.upload);
    int rc = ask(s, &r, query, &reply);

    if (rc != FT_OK) {
        return rc;
    }
    if (reply.etag[0] == '\0' || strpbrk(reply.etag, "<&") != NULL) {
        ft_log(&s->log, FT_LOG_ERROR, "%s: the other side does not speak S3's protocol", s->text);
        return FT_E_FORMAT;
    }
    s->object.parts++;
    s->object.sent += len;
    snprintf(xml, sizeof xml, "<Part><PartNumber>%u</PartNumber><ETag>%s</ETag></Part>",
             s->object.parts, reply.etag);
    put_xml(s, xml);
    return FT_OK;
}

/* What is up and is not read again leaves memory: of pieces all but their beginnings and ends. */
static void give_back(struct s3_sink *s)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < s->n_pieces; i++) {
        struct ft__s3_piece p = s->piece[i];
        uint64_t begin = (p.begin + s->env.trailer_head + PAGE - 1) / PAGE * PAGE;
        uint64_t end = p.end - (s->env.trailer_tail < p.end ? s->env.trailer_tail : p.end);

        if (p.end > s->object.sent) {
            s->piece[kept++] = p;
            continue;
        }
        end = end / PAGE * PAGE;
        if (end > begin && fallocate(s->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                                     (off_t)begin, (off_t)(end - begin)) == 0) {
            s->given_back += end - begin;
        }
    }
    s->n_pieces = kept;
}

int ft__s3_send_parts(struct s3_sink *s, bool rest)
{
    uint64_t size = ft__s3_body_size(s), left;
    int rc = FT_OK;

    while (rc == FT_OK && (left = size - s->object.sent) > 0 && (left >= s->part || rest)) {
        rc = begin_upload(s);
        if (rc == FT_OK && s->object.parts == FT__S3_PARTS_MOST) {
            rc = FT_E_RANGE;
        }
        if (rc == FT_OK) { /* of equal length, as some want it, but for the last */
            rc = send_part(s, left < s->part ? left : s->part);
        }
        give_back(s);
    }
    return rc;
}

/* ---- the end ---- */

static int put_whole(struct s3_sink *s)
{
    struct ft_http_request r = {.method = "PUT",
                                .header = {"Content-Type: application/octet-stream"},
                                .fd = s->fd,
                                .len = ft__s3_body_size(s)};
    struct ft_http_reply reply;
    int rc = choose_name(s);

    return rc == FT_OK ? ask(s, &r, "", &reply) : rc;
}

/* After an answer that never came: the object of our parts is there, its tag says how many. */
static bool is_complete(struct s3_sink *s)
{
    struct ft_http_request r = {.method = "HEAD", .takes_refusal = true};
    struct ft_http_reply reply;
    char end[32];
    size_t len = (size_t)snprintf(end, sizeof end, "-%u\"", s->object.parts), tag;

    if (ask(s, &r, "", &reply) != FT_OK || reply.status >= 300) {
        return false;
    }
    tag = strlen(reply.etag);
    return tag > len && strcmp(reply.etag + tag - len, end) == 0;
}

static int complete_upload(struct s3_sink *s)
{
    struct ft_http_reply reply;
    char query[FT__S3_UPLOAD_ID * 3 + 64];
    int rc = FT_E_IO;

    snprintf(query, sizeof query, "?uploadId=%s", s->object.upload);
    put_xml(s, XML_END);

    for (int i = 0; i < COMPLETE_TRIES; i++) { /* it may say 200 and, later, that it failed */
        struct ft_http_request r = {.method = "POST",
                                    .header = {"Content-Type: application/xml"},
                                    .body = (const uint8_t *)s->xml,
                                    .len = s->object.xml_len,
                                    .takes_404 = true};

        rc = ask(s, &r, query, &reply);
        if (rc != FT_OK || (reply.status < 300 && strstr(reply.body, "<Error>") == NULL)) {
            return rc;
        }
        if (reply.status == 404) {
            return is_complete(s) ? FT_OK : FT_E_FORMAT;
        }
        rc = FT_E_IO;
    }
    return rc;
}

int ft__s3_complete(struct s3_sink *s)
{
    if (s->object.parts == 0) {
        return put_whole(s);
    }
    int rc = ft__s3_send_parts(s, true);

    return rc == FT_OK ? complete_upload(s) : rc;
}

void ft__s3_abort(struct s3_sink *s)
{
    struct ft_http_request r = {.method = "DELETE", .last = true};
    struct ft_http_reply reply;
    char query[FT__S3_UPLOAD_ID * 3 + 64];

    if (s->object.upload[0] == '\0') {
        return;
    }
    snprintf(query, sizeof query, "?uploadId=%s", s->object.upload);
    ft_ignore(ask(s, &r, query, &reply)); /* best effort: nobody sees what is left of it */
}
