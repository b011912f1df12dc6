/* SPDX-License-Identifier: Apache-2.0 */
/* output/sink/s3: the sink's operations: events into the memory file, rotation; see s3_parts.h. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/secret.h"
#include "base/units.h"
#include "base/wait.h"
#include "output/sink/s3/s3_parts.h"

enum {
    KEPT_MOST = 64 << 20, /* bytes of an object's memory besides its next part: then it is ended */
    LOOK_MS = 5000,       /* the wall clock may be set meanwhile */
};

static struct s3_sink *s3_of(struct ft_sink *s)
{
    return (struct s3_sink *)(void *)s;
}

static int64_t wall_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_REALTIME, &ts);
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* ---- the memory file ---- */

/* What the file sink has told of events is known here, too. */
static void take_tallies(struct s3_sink *s)
{
    ft_tally_move(&s->held, &s->body->sink.arrived);
    ft_tally_move(&s->sink.lost, &s->body->sink.lost);
}

/* The end of what is in the memory file. */
static void end_body(struct s3_sink *s)
{
    if (s->begun) {
        ft__file_end(s->body);
    }
    s->begun = false;
}

/* The next object begins empty. */
static void reset(struct s3_sink *s)
{
    s->object = (struct ft__s3_object){.name = ""};
    s->n_pieces = 0;
    s->given_back = 0;
    s->begun = false;
    if (ftruncate(s->fd, 0) != 0 || lseek(s->fd, 0, SEEK_SET) != 0) {
        ft_log(&s->log, FT_LOG_ERROR, "%s: %s", s->text, strerror(errno));
    }
}

static int begin_body(struct s3_sink *s)
{
    int rc = s->begun ? FT_OK : ft__file_again(s->body);

    s->begun = s->begun || rc == FT_OK;
    return rc;
}

/* The file sink that writes into the memory file. */
static int open_body(struct s3_sink *s, const struct ft_output_url *from, struct ft_err *err)
{
    struct ft_output_url url = {
        .text = s->text, .format = from->format, .transport = from->transport};
    const char *compress = ft_output_url_get(from, "compress");
    struct ft_output_env env = s->env;
    struct ft_sink *body;
    char path[32], key[] = "compress", value[32];

    s->fd = memfd_create("flowtap-s3", 0);
    if (s->fd < 0) {
        return ft_err_set(err, FT_E_NOMEM, "output %s: out of memory", s->text);
    }
    snprintf(path, sizeof path, "/dev/fd/%d", s->fd);
    url.target = path;
    if (compress != NULL) {
        snprintf(value, sizeof value, "%s", compress);
        url.param[url.n_params].key = key;
        url.param[url.n_params++].value = value;
    }
    env.keep_earlier = env.needs_file = false; /* it is one, without a name */
    int rc = ft_sink_file.open(&url, &env, &body, err);

    if (rc == FT_OK) {
        s->body = (struct file_sink *)(void *)body;
        s->begun = true;
    }
    return rc;
}

static int flush_body(struct s3_sink *s)
{
    return ft_sink_file.flush(&s->body->sink);
}

/* One call of the file sink was made, since the file was so long: what it wrote is one piece. */
static void note_piece(struct s3_sink *s, uint64_t before)
{
    uint64_t size = ft__s3_body_size(s);

    take_tallies(s);
    if (size > before && s->n_pieces < FT__S3_PIECES) { /* what is not noted stays in memory */
        s->piece[s->n_pieces++] = (struct ft__s3_piece){before, size};
    }
}

/* ---- objects ---- */

/* The object cannot be made: its events are lost, and for a while what comes, too. */
static void lose_object(struct s3_sink *s)
{
    ft_ignore(flush_body(s)); /* what it holds in a frame */
    take_tallies(s);
    ft_http_lose(&s->outage, &s->sink, &s->held);
    ft__s3_abort(s);
    reset(s);
    ft_http_begin_pause(&s->outage, &s->log, s->text, "its object could not be made");
}

static void object_made(struct s3_sink *s)
{
    ft_tally_move(&s->sink.arrived, &s->held);
    s->sink.sealed++;
    s->objects += !s->object.published;
    s->object.published = true;
    ft_http_works(&s->outage, &s->log, s->text);
}

/* All that was handed over becomes an object. One of lines that was small enough to go up at once
 * stays open, unless over is said: when more comes it is put again, whole. */
static void end_object(struct s3_sink *s, bool over)
{
    uint64_t before = ft__s3_body_size(s);
    int rc = FT_OK;

    if (!s->begun) {
        return;
    }
    ft_ignore(flush_body(s)); /* told by its counts */
    note_piece(s, before);
    over = over || s->env.trailer != NULL || s->object.parts > 0;
    if (ft_tally_events(&s->held) > 0) {
        if (over) {
            end_body(s);
        }
        rc = ft__s3_complete(s);
        if (rc == FT_OK) {
            object_made(s);
        } else {
            lose_object(s);
        }
    }
    if (rc == FT_OK && over) {
        reset(s);
    }
}

/* Parts that are whole go up; what has grown too large in memory is ended. */
static void send_parts(struct s3_sink *s)
{
    uint64_t size;

    if (ft__s3_send_parts(s, false) != FT_OK) {
        lose_object(s);
        return;
    }
    size = ft__s3_body_size(s);
    if (size - s->given_back > KEPT_MOST + s->part ||
        s->object.parts + 2 + size / s->part - s->object.sent / s->part > FT__S3_PARTS_MOST) {
        end_object(s, true);
    }
}

/* ---- rotation ---- */

static void next_rotation(struct s3_sink *s)
{
    if (s->rotate_ns > 0) {
        s->rotate_at = (wall_ns() / s->rotate_ns + 1) * s->rotate_ns;
    }
}

/* Milliseconds until the time to rotate, -1: there is none. */
static int64_t rotate_in(const struct s3_sink *s)
{
    int64_t left = s->rotate_at - wall_ns();

    if (s->rotate_ns == 0) {
        return -1;
    }
    if (left <= 0 || left > s->rotate_ns) { /* or the clock was set back */
        return 0;
    }
    left = left / 1000000 + 1;
    return left < LOOK_MS ? left : LOOK_MS;
}

static void rotate_if_due(struct s3_sink *s, uint64_t more)
{
    bool late = rotate_in(s) == 0;

    if (late || (s->rotate_size > 0 && ft_tally_events(&s->held) > 0 &&
                 ft__s3_body_size(s) + more > s->rotate_size)) {
        end_object(s, true);
    }
    if (late) {
        next_rotation(s);
    }
}

/* ---- the sink's operations ---- */

static int write_chunk(struct s3_sink *s, const struct ft_chunk *c)
{
    uint32_t one = 1;

    if (ft_http_pauses(&s->outage, &s->sink, c, 0)) {
        return FT_OK;
    }
    rotate_if_due(s, s->body->frame != NULL ? c->len / 4 : c->len);
    int rc = s->outage.until_ms == 0 ? begin_body(s) : FT_E_IO;

    if (rc != FT_OK) {
        ft_http_lose_chunk(&s->outage, &s->sink, c, 0);
        return rc == FT_E_NOMEM ? rc : FT_OK;
    }
    uint64_t before = ft__s3_body_size(s);

    if (ft_tally_events(&s->held) == 0 && !s->object.published) {
        s->object.begun_s = wall_ns() / 1000000000;
    }
    rc = ft_sink_file.write(&s->body->sink, c, &one);
    note_piece(s, before);
    send_parts(s);
    return rc;
}

static int s3_write(struct ft_sink *sink, const struct ft_chunk *chunks, uint32_t *n)
{
    for (uint32_t i = 0; i < *n; i++) {
        int rc = write_chunk(s3_of(sink), &chunks[i]);

        if (rc != FT_OK) {
            *n = i + 1;
            return rc;
        }
    }
    return FT_OK;
}

static int s3_flush(struct ft_sink *sink)
{
    end_object(s3_of(sink), false);
    return FT_OK;
}

static int s3_tick(struct ft_sink *sink, int64_t *out_next_ms)
{
    struct s3_sink *s = s3_of(sink);
    int64_t rotate, next = -1;

    rotate_if_due(s, 0);
    if (s->begun) {
        uint64_t before = ft__s3_body_size(s);

        ft_ignore(ft_sink_file.tick(&s->body->sink, &next)); /* told by its counts */
        note_piece(s, before);
        send_parts(s);
    }
    rotate = rotate_in(s);
    *out_next_ms = next < 0 || (rotate >= 0 && rotate < next) ? rotate : next;
    return FT_OK;
}

static int s3_reopen(struct ft_sink *sink)
{
    end_object(s3_of(sink), true);
    return FT_OK;
}

static void s3_give_up(struct ft_sink *sink)
{
    ft_http_give_up(s3_of(sink)->http);
}

static int s3_close(struct ft_sink *sink)
{
    struct s3_sink *s = s3_of(sink);

    if (s->body != NULL) {
        s->body->at.begun = false;                     /* no end of nothing */
        ft_ignore(ft_sink_file.close(&s->body->sink)); /* memory is not lost by closing it */
    }
    if (s->fd >= 0) {
        close(s->fd);
    }
    ft_http_free(s->http);
    ft_map_free(s->xml, FT__S3_XML);
    ft_secret_forget(s->token_header);
    ft_mem_free(s->text);
    ft_mem_free(s->base);
    ft_mem_free(s->key);
    ft_mem_free(s);
    return FT_OK;
}

/* ---- configuration ---- */

static const char *region_of(const struct ft_output_url *url)
{
    const char *region = ft_output_url_get(url, "region");

    region = region != NULL ? region : getenv("AWS_REGION");
    region = region != NULL && region[0] != '\0' ? region : getenv("AWS_DEFAULT_REGION");
    return region != NULL && region[0] != '\0' ? region : "us-east-1";
}

/* BUCKET and KEY of //BUCKET/KEY: NULL, or what is wrong. */
static const char *split_target(struct s3_sink *s, const char *target, char *bucket, size_t cap)
{
    const char *at = strncmp(target, "//", 2) == 0 ? target + 2 : "";
    size_t len = strcspn(at, "/");

    if (len < 3 || len >= cap || strspn(at, "abcdefghijklmnopqrstuvwxyz0123456789.-") != len) {
        return "write s3://BUCKET/KEY; a bucket's name is of small letters, digits, dots and "
               "hyphens";
    }
    if (at[len] == '\0' || at[len + 1] == '\0' || at[strlen(at) - 1] == '/') {
        return "write s3://BUCKET/KEY; the key of the object is missing";
    }
    if (strlen(at + len + 1) > FT__S3_KEY_MOST) {
        return "the key is longer than 1024 bytes";
    }
    snprintf(bucket, cap, "%.*s", (int)len, at);
    s->key = ft_mem_strdup(at + len + 1);
    return NULL;
}

/* The URL of the bucket: of AWS's own, or below the endpoint. */
static int make_base(struct s3_sink *s, const struct ft_output_url *url, struct ft_err *err)
{
    const char *endpoint = ft_output_url_get(url, "endpoint"), *region = region_of(url), *why;
    char bucket[64];
    size_t cap = (endpoint != NULL ? strlen(endpoint) : 0) + strlen(region) + 128;

    why = split_target(s, url->target, bucket, sizeof bucket);
    if (why != NULL) {
        return ft_err_set(err, FT_E_USAGE, "output %s: %s", url->text, why);
    }
    s->base = ft_mem_alloc(1, cap);
    if (s->base == NULL || s->key == NULL) {
        return ft_err_set(err, FT_E_NOMEM, "output %s: out of memory", url->text);
    }
    if (endpoint != NULL) {
        size_t len = strlen(endpoint);

        snprintf(s->base, cap, "%.*s/%s", (int)(len - (endpoint[len - 1] == '/')), endpoint,
                 bucket);
    } else if (strchr(bucket, '.') != NULL) {
        snprintf(s->base, cap, "https://s3.%s.amazonaws.com/%s", region, bucket);
    } else {
        snprintf(s->base, cap, "https://%s.s3.%s.amazonaws.com", bucket, region);
    }
    return FT_OK;
}

static int make_client(struct s3_sink *s, const struct ft_output_url *url, struct ft_err *err)
{
    struct ft_http_config cfg = {
        .url = url, .log = s->env.log, .moved = &s->sink.moved, .advice = ft__s3_advice};
    static const char token[] = "x-amz-security-token: ";
    struct ft__s3_keys keys = {NULL, NULL};
    struct ft_err why;
    char sign[128];
    int rc = ft__s3_keys_find(ft_output_url_get(url, "credentials"), &keys, &why);

    if (rc != FT_OK) {
        return ft_err_set(err, rc, "output %s: %s", url->text, why.what);
    }
    if (keys.token != NULL) {
        size_t cap = sizeof token + strlen(keys.token);

        s->token_header = ft_mem_alloc(1, cap);
        if (s->token_header == NULL) {
            ft__s3_keys_fini(&keys);
            return ft_err_set(err, FT_E_NOMEM, "output %s: out of memory", url->text);
        }
        snprintf(s->token_header, cap, "%s%s", token, keys.token);
    }
    snprintf(sign, sizeof sign, "aws:amz:%s:s3", region_of(url));
    cfg.sign = sign;
    cfg.sign_key = keys.text;
    rc = ft_http_new(&cfg, &s->http, err);
    ft__s3_keys_fini(&keys);
    return rc;
}

/* Their texts were checked with the URL; an object of so many events is not made. */
static int configure(struct s3_sink *s, const struct ft_output_url *url, struct ft_err *err)
{
    const char *rotate = ft_output_url_get(url, "rotate"), *part = ft_output_url_get(url, "part");

    s->part = FT__S3_PART_DEFAULT;
    if (part != NULL) {
        ft_ignore(ft_parse_size(part, &s->part));
    }
    if (rotate != NULL && !ft_parse_duration(rotate, &s->rotate_ns) &&
        !ft_parse_size(rotate, &s->rotate_size)) {
        return ft_err_set(err, FT_E_USAGE,
                          "output %s: rotate=: objects are rotated by time or size", url->text);
    }
    next_rotation(s);
    return FT_OK;
}

static int s3_open(const struct ft_output_url *url, const struct ft_output_env *env,
                   struct ft_sink **out, struct ft_err *err)
{
    struct s3_sink *s = ft_mem_alloc(1, sizeof *s);

    if (s == NULL) {
        return ft_err_set(err, FT_E_NOMEM, "output %s: out of memory", url->text);
    }
    s->sink.ops = &ft_sink_s3;
    s->env = *env;
    s->fd = -1;
    if (env->log != NULL) {
        s->log = *env->log;
    }
    s->text = ft_mem_strdup(url->text);
    s->xml = ft_map_alloc_sparse(FT__S3_XML);
    int rc = s->text == NULL || s->xml == NULL
                 ? ft_err_set(err, FT_E_NOMEM, "output %s: out of memory", url->text)
             : env->sidecar != NULL
                 ? ft_err_set(err, FT_E_USAGE, "output %s: %s needs a file", url->text, url->format)
                 : make_base(s, url, err);

    rc = rc == FT_OK ? configure(s, url, err) : rc;
    rc = rc == FT_OK ? make_client(s, url, err) : rc;
    rc = rc == FT_OK ? open_body(s, url, err) : rc;
    if (rc != FT_OK) {
        s3_close(&s->sink);
        return rc;
    }
    s->sink.memory = s->body->sink.memory + KEPT_MOST + 2 * s->part;
    *out = &s->sink;
    return FT_OK;
}

const struct ft_sink_ops ft_sink_s3 = {
    .name = "s3",
    .help = "objects in S3, or in what speaks its protocol: //BUCKET/KEY",
    .params = {&ft__s3_params, &ft_http_params, &ft_tls_params, &ft__compress_params,
               &ft__rotate_params},
    .needs = FT_SANDBOX_FILES | FT_SANDBOX_NETWORK,
    .open = s3_open,
    .write = s3_write,
    .flush = s3_flush,
    .tick = s3_tick,
    .reopen = s3_reopen,
    .give_up = s3_give_up,
    .close = s3_close,
};
