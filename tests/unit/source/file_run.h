/* SPDX-License-Identifier: Apache-2.0 */
/* Runs the file source over files that a test makes, and keeps a copy of everything that it says.
 */
#ifndef FT_TEST_FILE_RUN_H
#define FT_TEST_FILE_RUN_H

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#ifdef FT_HAVE_ZLIB
#include <zlib.h>
#endif
#ifdef FT_HAVE_ZSTD
#include <zstd.h>
#endif

#include "codec_file/captures.h"
#include "harness.h"
#include "source/file/file.h"

static char tmp_dir[64];

static inline void tmp_make(void)
{
    strcpy(tmp_dir, "/tmp/flowtap-test-XXXXXX");
    if (mkdtemp(tmp_dir) == NULL) {
        perror("mkdtemp");
        exit(1);
    }
}

static inline const char *tmp_path(const char *name)
{
    static char paths[8][128];
    static unsigned next;
    char *p = paths[next++ % 8];

    snprintf(p, sizeof paths[0], "%s/%s", tmp_dir, name);
    return p;
}

static inline const char *tmp_write(const char *name, const void *p, size_t len)
{
    const char *path = tmp_path(name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    if (fd < 0 || (len > 0 && write(fd, p, len) != (ssize_t)len)) {
        perror(path);
        exit(1);
    }
    close(fd);
    return path;
}

static inline void tmp_remove(void)
{
    char command[96];

    snprintf(command, sizeof command, "rm -rf %s", tmp_dir);
    if (system(command) != 0) {
        perror(command);
    }
}

/* One packet as it came: a view without its memory. */
struct seen {
    int64_t ts_ns;
    uint32_t caplen, len;
    uint16_t linktype, iface, flags, unused; /* no padding: compared as bytes */
    uint64_t sum;                            /* of the bytes, place counted */
};

struct told {
    int code;
    uint64_t off;
    char what[320];
    uint64_t after; /* packets before it */
};

struct result {
    int open_code;
    char open_what[320];
    struct seen *seen;
    size_t n, room;
    struct told told[8];
    unsigned n_told;
    struct ft_source_stats stats;
    unsigned flags;
};

static inline uint64_t sum_bytes(const uint8_t *p, size_t n)
{
    uint64_t h = 1469598103934665603u;

    for (size_t i = 0; i < n; i++) {
        h = (h ^ p[i]) * 1099511628211u;
    }
    return h;
}

static inline void keep(struct result *r, const struct ft_view *v)
{
    if (r->n == r->room) {
        r->room = r->room * 2 + 64;
        r->seen = realloc(r->seen, r->room * sizeof *r->seen);
    }
    r->seen[r->n++] = (struct seen){.ts_ns = v->ts_ns,
                                    .caplen = v->caplen,
                                    .len = v->len,
                                    .linktype = v->linktype,
                                    .iface = v->iface,
                                    .flags = v->flags,
                                    .sum = sum_bytes(v->data, v->caplen)};
}

/* Reads until the end or a fatal code; release may lag by `lag` batches (0..31). */
static inline void drain(struct ft_source *s, uint32_t cap, unsigned lag, struct result *r)
{
    struct ft_view views[4096];
    struct ft_batch b = {.views = views, .cap = cap};
    uint64_t tokens[32];
    unsigned held = 0, idle = 0;

    while (r->n_told < 8 && idle < 1000) {
        struct ft_err err = {0};
        int rc = s->ops->read(s, &b, 100, &err);

        if (rc == FT_E_EOF) {
            break;
        }
        if (rc == FT_E_AGAIN && held > 0) { /* too much is out: give the oldest back */
            s->ops->release(s, tokens[0]);
            memmove(tokens, tokens + 1, --held * sizeof tokens[0]);
            continue;
        }
        if (rc != FT_OK) {
            struct told *t = &r->told[r->n_told++];

            t->code = rc;
            t->off = err.off;
            t->after = r->n;
            memcpy(t->what, err.what, sizeof t->what);
            CHECK_EQ(rc, err.code);
            continue;
        }
        idle = b.n == 0 ? idle + 1 : 0;
        for (uint32_t i = 0; i < b.n; i++) {
            keep(r, &views[i]);
        }
        tokens[held++] = b.token;
        while (held > lag) {
            s->ops->release(s, tokens[0]);
            memmove(tokens, tokens + 1, --held * sizeof tokens[0]);
        }
    }
    while (held > 0) {
        s->ops->release(s, tokens[--held]);
    }
    CHECK(idle < 1000);
}

static inline struct result run_config(const struct ft_source_config *cfg, uint32_t cap,
                                       unsigned lag)
{
    struct ft_source *s = NULL;
    struct ft_err err = {0};
    struct result r = {0};

    r.open_code = ft_source_file.open(cfg, &s, &err);
    if (r.open_code != FT_OK) {
        CHECK_EQ(err.code, r.open_code);
        memcpy(r.open_what, err.what, sizeof r.open_what);
        CHECK(s == NULL);
        return r;
    }
    r.flags = s->ops->flags;
    drain(s, cap, lag, &r);
    s->ops->stats(s, &r.stats);
    s->ops->close(s);
    return r;
}

static inline struct result run_files(const char *const *names, uint32_t n, uint32_t cap,
                                      unsigned lag)
{
    struct ft_source_config cfg = {.targets = names, .n_targets = n};

    return run_config(&cfg, cap, lag);
}

static inline struct result run_file(const char *name)
{
    return run_files(&name, 1, 64, 0);
}

static inline void result_fini(struct result *r)
{
    free(r->seen);
    *r = (struct result){0};
}

/* The same packets in the same order? */
static inline bool same_seen(const struct result *a, const struct result *b)
{
    return a->n == b->n && (a->n == 0 || memcmp(a->seen, b->seen, a->n * sizeof *a->seen) == 0);
}

#ifdef FT_HAVE_ZLIB
static inline struct cap pack_gzip(const uint8_t *p, size_t len)
{
    struct cap c = {0};
    z_stream z = {0};

    if (deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
        abort();
    }
    c.room = deflateBound(&z, (uLong)len) + 64;
    c.p = malloc(c.room);
    z.next_in = (Bytef *)(uintptr_t)p;
    z.avail_in = (uInt)len;
    z.next_out = c.p;
    z.avail_out = (uInt)c.room;
    if (deflate(&z, Z_FINISH) != Z_STREAM_END) {
        abort();
    }
    c.len = c.room - z.avail_out;
    deflateEnd(&z);
    return c;
}
#endif

#ifdef FT_HAVE_ZSTD
static inline struct cap pack_zstd(const uint8_t *p, size_t len)
{
    struct cap c = {.room = ZSTD_compressBound(len)};
    ZSTD_CCtx *z = ZSTD_createCCtx();

    c.p = malloc(c.room);
    ZSTD_CCtx_setParameter(z, ZSTD_c_checksumFlag, 1);
    c.len = ZSTD_compress2(z, c.p, c.room, p, len);
    if (ZSTD_isError(c.len)) {
        abort();
    }
    ZSTD_freeCCtx(z);
    return c;
}
#endif

/* n packets of sizes 0..max, classic pcap or pcapng of two link types. */
static inline struct cap make_capture(bool ng, bool be, uint32_t n, uint32_t max)
{
    struct cap c = {.be = be};

    if (ng) {
        cap_shb(&c);
        cap_idb(&c, 1, 0, 9, 0);
        cap_idb(&c, 101, 0, -1, 0);
    } else {
        cap_pcap(&c, 0xa1b23c4d, 4, 262144, 1);
    }
    for (uint32_t i = 0; i < n; i++) {
        uint32_t size = max == 0 ? 0 : (i * 2654435761u >> 7) % (max + 1);

        if (!ng) {
            cap_record(&c, 1700000000 + i, i, size, size + i % 3, i);
        } else if (i % 7 == 3) {
            cap_other(&c, 5, size);
            cap_epb(&c, 1, 1700000000000000ull + i, size, size, i);
        } else {
            cap_epb(&c, 0, 1700000000000000000ull + i, size, size + i % 3, i);
        }
    }
    return c;
}

#endif
