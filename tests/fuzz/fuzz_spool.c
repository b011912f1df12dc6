/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes the opening and reading of a spool. The first byte of the input says how.
 *
 * Even: the files of a good spool are damaged by edits of five bytes, file, place (two), kind and
 * value. Property: every frame that no edit touched is delivered, in order and unchanged; what is
 * not is told to the event; memory stays bounded by the files.
 *
 * Odd: the rest is frames and cursors, kind, length and fields, whose checks are made to hold.
 * Property: it ends, within memory; what is there is a whole frame; a reading that only looks, and
 * a start after it, agree. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "asan.h"
#include "must.h"
#include "output/spool/store_parts.h"

#ifdef FT_HAVE_XXHASH
#define XXH_INLINE_ALL
#include <xxhash.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    FRAMES = 24, /* of the good spool, over some segments */
    FIRST = 3,   /* frames that were delivered */
    FILES = 4,   /* 000.seg to 002.seg, cursor */
    FILE_MOST = 65536,
    FRAME_EVENTS = 2,
    MEMORY_MOST = FILES * FILE_MOST + 100000
};

#define NUMBERS (FT__NUMBER_MOST / 2) /* of frames; an append may follow each */

static char folder[64];
static const struct ft_spool_config cfg = {
    .folder = folder, .max_bytes = 32 * 4500, .frame_most = 4096, .shape = 7};

/* A file of the spool as it is on the disk. */
struct image {
    uint8_t byte[FILE_MOST];
    size_t len;
};

static struct image good[FILES], now[FILES];
/* Where frame i lies: what must be unchanged for it to be read. */
static struct {
    uint32_t file;
    size_t begin, end, fill, fill_end; /* what fills the data up is nobody's */
} place[FRAMES];

static const char *name_of(uint32_t file)
{
    static const char *const names[FILES] = {"000.seg", "001.seg", "002.seg", "cursor"};

    return names[file];
}

static void path_of(char out[128], const char *name)
{
    snprintf(out, 128, "%s/%s", folder, name);
}

static void put_file(const char *name, const uint8_t *data, size_t len)
{
    char path[128];

    path_of(path, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    MUST(fd >= 0 && write(fd, data, len) == (ssize_t)len);
    close(fd);
}

static void get_file(const char *name, struct image *out)
{
    char path[128];

    path_of(path, name);
    int fd = open(path, O_RDONLY);
    ssize_t n = fd >= 0 ? read(fd, out->byte, sizeof out->byte) : 0;

    MUST(n >= 0 && n < (ssize_t)sizeof out->byte);
    out->len = (size_t)n;
    if (fd >= 0) {
        close(fd);
    }
}

static void append(struct ft_spool *s, uint32_t n)
{
    static uint8_t data[512];
    uint32_t len = 20 + n * 17 % 400;
    struct ft_mark marks[2] = {{.end = len, .count = 1, .event = FT_EVENT_FLOW},
                               {.end = 9, .count = 1, .event = FT_EVENT_SAMPLE}};
    struct ft_chunk c = {.data = data, .len = len, .n = 2, .behind = marks + 2};

    memset(data, 'a' + (int)n, len);
    MUST(ft_spool_append(s, &c) == FT_OK);
}

/* Notes where the frames of the good spool lie. */
static void find_places(void)
{
    uint32_t found = 0;

    for (uint32_t file = 0; file + 1 < FILES; file++) {
        size_t at = FT__SEGMENT_HEADER;

        while (at < good[file].len) {
            struct ft__frame_header h;

            memcpy(&h, good[file].byte + at, sizeof h);
            uint32_t i = (uint32_t)h.number - 1;

            MUST(i < FRAMES);
            place[i].file = file;
            place[i].begin = at;
            place[i].fill = at + sizeof h + h.data_len;
            place[i].fill_end = at + sizeof h + ((h.data_len + 7) & ~7u);
            at += ft__frame_len(&h);
            place[i].end = at;
            found++;
        }
    }
    MUST(found == FRAMES);
}

static void remove_folder(void)
{
    char path[128], name[16];

    for (uint32_t i = 0; i < FT_SPOOL_SEGMENTS; i++) {
        snprintf(name, sizeof name, "%03u.seg", i);
        path_of(path, name);
        ft_ignore(unlink(path));
    }
    path_of(path, "cursor");
    ft_ignore(unlink(path));
    ft_ignore(rmdir(folder));
}

static void prepare(void)
{
    struct ft_spool_frame f;
    struct ft_err err;
    struct ft_spool *s;
    struct stat st;

    /* in memory, where there is such a place */
    snprintf(folder, sizeof folder, "%s/ft-fuzz-spool-XXXXXX",
             stat("/dev/shm", &st) == 0 ? "/dev/shm" : "/tmp");
    MUST(mkdtemp(folder) != NULL);
    atexit(remove_folder);
    MUST(ft_spool_open(&cfg, &s, &err) == FT_OK);
    for (uint32_t i = 0; i < FRAMES; i++) {
        append(s, i);
        if (i + 1 == FIRST) {
            while (ft_spool_next(s, &f) == FT_OK) {
            }
            ft_spool_done(s);
        }
    }
    ft_spool_close(s, true);
    for (uint32_t i = 0; i < FILES; i++) {
        get_file(name_of(i), &good[i]);
        MUST(good[i].len > 0);
    }
    find_places();
}

/* ---- damage ---- */

static void edit(const uint8_t *e)
{
    struct image *m = &now[e[0] % FILES];
    size_t at = m->len > 0 ? (size_t)(e[1] | e[2] << 8) % m->len : 0;

    switch (e[3] % 4) {
    case 0:
        m->byte[at] ^= e[4];
        break;
    case 1: /* from elsewhere in it, but no frame to where one may begin */
        at |= 1;
        if (at < m->len) {
            memmove(m->byte + at, m->byte + (size_t)e[4] * 8 % m->len / 8 * 8,
                    m->len - at < 300 ? m->len - at : 300);
        }
        break;
    case 2:
        memset(m->byte + at, e[4], m->len - at < 64 ? m->len - at : 64);
        break;
    default:
        m->len = e[4] % 4 == 0 ? at : m->len; /* seldom is it cut */
        break;
    }
}

static bool untouched(uint32_t i)
{
    const struct image *g = &good[place[i].file], *m = &now[place[i].file];
    size_t b = place[i].begin, f = place[i].fill, fe = place[i].fill_end, e = place[i].end;

    return m->len >= e && memcmp(g->byte + b, m->byte + b, f - b) == 0 &&
           memcmp(g->byte + fe, m->byte + fe, e - fe) == 0;
}

/* Frames and what is told as lost until there is nothing more. */
struct reading {
    bool seen[FRAMES + 1];
    uint64_t whole, lost;
};

static void read_all(struct ft_spool *s, struct reading *out)
{
    struct ft_spool_frame f;
    uint64_t last = 0;

    *out = (struct reading){.whole = 0};
    while (ft_spool_next(s, &f) == FT_OK) {
        MUST(f.chunk.number > last || f.state == FT_SPOOL_MISSING);
        if (f.state != FT_SPOOL_WHOLE) {
            out->lost += ft_tally_events(&f.tally);
            continue;
        }
        uint32_t i = (uint32_t)f.chunk.number - 1;

        MUST(f.chunk.number <= FRAMES && f.chunk.len == 20 + i * 17 % 400);
        MUST(f.chunk.data[0] == 'a' + i && f.chunk.data[f.chunk.len - 1] == 'a' + i);
        last = f.chunk.number;
        out->seen[i] = true;
        out->whole++;
    }
}

/* The one that counts; all zeros: there is none. */
static struct ft__cursor newest_cursor(void)
{
    struct ft__cursor c, best = {.generation = 0};

    for (size_t i = 0; i < 2; i++) {
        size_t at = i * FT__CURSOR_PLACE;

        if (now[FILES - 1].len >= at + sizeof c) {
            memcpy(&c, now[FILES - 1].byte + at, sizeof c);
            if (ft__cursor_sound(&c) && c.generation > best.generation) {
                best = c;
            }
        }
    }
    return best;
}

static bool is_refused(void)
{
    static const uint8_t zeros[8];
    bool refused = false;

    for (uint32_t i = 0; i < FILES; i++) {
        const char *magic = i + 1 < FILES ? FT__SEGMENT_MAGIC : FT__CURSOR_MAGIC;

        for (size_t at = 0; at <= (i + 1 < FILES ? 0 : FT__CURSOR_PLACE); at += FT__CURSOR_PLACE) {
            size_t len = now[i].len > at ? now[i].len - at : 0;

            len = len < 8 ? len : 8;
            refused = refused || (memcmp(now[i].byte + at, magic, len) != 0 &&
                                  memcmp(now[i].byte + at, zeros, len) != 0);
        }
    }
    return refused;
}

static void damage(const uint8_t *data, size_t size)
{
    struct reading r, looked;
    struct ft_spool_config look = cfg;
    struct ft_spool *s;
    struct ft_err err;

    memcpy(now, good, sizeof now);
    for (; size >= 5 && size < 500; data += 5, size -= 5) {
        edit(data);
    }
    for (uint32_t i = 0; i < FILES; i++) {
        put_file(name_of(i), now[i].byte, now[i].len);
    }
    struct ft__cursor c = newest_cursor();
    int rc;

    look.look = true;
    if (ft_spool_open(&look, &s, &err) == FT_OK) {
        read_all(s, &looked);
        ft_spool_close(s, false);
    } else {
        MUST(is_refused());
    }
    size_t before = heap_bytes();

    rc = ft_spool_open(&cfg, &s, &err);
    MUST((rc == FT_OK) != is_refused());
    if (rc != FT_OK) {
        return;
    }
    MUST(heap_bytes() - before <= MEMORY_MOST);
    read_all(s, &r);
    for (uint32_t i = 0; i < FRAMES; i++) {
        MUST(r.seen[i] || i + 1 < c.first || !untouched(i));
        MUST(r.seen[i] == looked.seen[i]);
    }
    /* an older cursor, or none: of what is missing at the ends, nobody knows */
    if (c.next == FRAMES + 1) {
        MUST(r.whole + r.lost / FRAME_EVENTS == FRAMES + 1 - c.first);
    }
    MUST(r.whole + r.lost / FRAME_EVENTS <= FRAMES);
    MUST(r.lost % FRAME_EVENTS == 0);
    append(s, FRAMES); /* and it goes on */
    struct ft_spool_frame f;

    MUST(ft_spool_next(s, &f) == FT_OK && f.state == FT_SPOOL_WHOLE && f.run == ft_spool_run(s));
    ft_spool_done(s);
    ft_spool_close(s, true);
}

/* ---- made up ---- */

static size_t put_frame(uint8_t *to, size_t room, const uint8_t *e, size_t n)
{
    struct ft__frame_header h = {.magic = FT__FRAME_MAGIC, .shape = 7};
    size_t fields = n < sizeof h - 8 ? n : sizeof h - 8;

    memcpy((uint8_t *)&h + 4, e, fields);
    h.number %= NUMBERS;
    h.shape = fields > 60 && e[60] == 0xff ? 8 : 7;
    h.data_len = e[0] == 0xff ? h.data_len : h.data_len % 200;
    h.n_marks = e[0] == 0xff ? h.n_marks : h.n_marks % 4;
    uint8_t body[512] = {0};
    size_t data_len = h.data_len < 200 ? h.data_len : 200, at = (data_len + 7) & ~(size_t)7;
    size_t marks = h.n_marks < 4 ? h.n_marks : 4;

    for (size_t i = 0; i < marks; i++) {
        struct ft_mark m = {.end = (uint32_t)data_len, .count = 1, .event = i < n ? e[i] % 16 : 0};

        memcpy(body + at + i * sizeof m, &m, sizeof m);
    }
    uint64_t parts[2] = {XXH3_64bits(body, data_len), XXH3_64bits(body + at, marks * 16)};

    h.body_check = XXH3_64bits(parts, sizeof parts);
    h.check = XXH3_64bits(&h, offsetof(struct ft__frame_header, check));
    at += marks * 16;
    if (room < sizeof h + at) {
        return 0;
    }
    memcpy(to, &h, sizeof h);
    memcpy(to + sizeof h, body, at);
    return sizeof h + at;
}

static void put_cursor(const uint8_t *e, size_t n)
{
    struct ft__cursor c = {.magic = FT__CURSOR_MAGIC};

    memcpy((uint8_t *)&c + 8, e, n < sizeof c - 16 ? n : sizeof c - 16);
    c.generation %= 1000;
    c.first %= NUMBERS;
    c.next %= NUMBERS;
    c.check = XXH3_64bits(&c, offsetof(struct ft__cursor, check));
    memset(now[FILES - 1].byte, 0, 2 * FT__CURSOR_PLACE);
    memcpy(now[FILES - 1].byte + (n % 2) * FT__CURSOR_PLACE, &c, sizeof c);
    now[FILES - 1].len = 2 * FT__CURSOR_PLACE;
}

static void make_up(const uint8_t *data, size_t size)
{
    for (uint32_t i = 0; i < FILES; i++) {
        now[i].len = i + 1 < FILES ? FT__SEGMENT_HEADER : 0;
        memcpy(now[i].byte, FT__SEGMENT_MAGIC, FT__SEGMENT_HEADER);
    }
    while (size >= 2) {
        size_t n = (size_t)data[1] + 1 < size - 1 ? (size_t)data[1] + 1 : size - 1;
        struct image *m = &now[data[0] % (FILES - 1)];
        const uint8_t *e = data + 1;

        if (data[0] % 16 == 15) {
            put_cursor(e, n);
        } else if (data[0] % 16 == 14) { /* bytes as they are */
            n = n < sizeof m->byte - m->len ? n : sizeof m->byte - m->len;
            memcpy(m->byte + m->len, e, n);
            m->len += n;
        } else {
            m->len += put_frame(m->byte + m->len, sizeof m->byte - m->len, e, n);
        }
        data += 1 + n;
        size -= 1 + n;
    }
}

/* Reads until there is nothing more; frames that are whole, all their bytes looked at. */
static uint64_t count_whole(struct ft_spool *s)
{
    struct ft_spool_frame f;
    uint64_t whole = 0, turns = 0, sum = 0;

    while (ft_spool_next(s, &f) == FT_OK) {
        MUST(++turns < 2 * FILES * FILE_MOST / sizeof(struct ft__frame_header));
        for (uint32_t i = 0; f.state == FT_SPOOL_WHOLE && i < f.chunk.len; i++) {
            sum += f.chunk.data[i];
        }
        whole += f.state == FT_SPOOL_WHOLE;
    }
    MUST(sum == 0);
    return whole;
}

static void made_up(const uint8_t *data, size_t size)
{
    struct ft_spool_config look = cfg;
    struct ft_spool *s;
    struct ft_err err;

    make_up(data, size);
    for (uint32_t i = 0; i < FILES; i++) {
        put_file(name_of(i), now[i].byte, now[i].len);
    }
    look.look = true;
    size_t before = heap_bytes();

    MUST(ft_spool_open(&look, &s, &err) == FT_OK);
    MUST(heap_bytes() - before <= MEMORY_MOST);
    uint64_t whole = count_whole(s);

    ft_spool_close(s, false);
    if (ft_spool_open(&cfg, &s, &err) != FT_OK) {
        return; /* of another shape */
    }
    MUST(count_whole(s) == whole);
    append(s, 0);
    struct ft_spool_frame f;

    MUST(ft_spool_next(s, &f) == FT_OK && f.run == ft_spool_run(s));
    MUST(f.state == FT_SPOOL_WHOLE);
    ft_spool_done(s);
    ft_spool_close(s, true);
    MUST(ft_spool_open(&cfg, &s, &err) == FT_OK);
    MUST(ft_spool_next(s, &f) == FT_E_AGAIN);
    ft_spool_close(s, true);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (folder[0] == '\0') {
        prepare();
    }
    if (size > 0) {
        (data[0] % 2 == 0 ? damage : made_up)(data + 1, size - 1);
    }
    return 0;
}
#else
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    (void)data, (void)size; /* built without xxHash: a spool does not open */
    return 0;
}
#endif
