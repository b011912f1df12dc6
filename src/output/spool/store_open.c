/* SPDX-License-Identifier: Apache-2.0 */
/* output/spool: a spool is opened, what is in it is found, and it is closed; see store.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bounds.h"
#include "base/hash.h"
#include "base/mem.h"
#include "output/spool/store_parts.h"

static int failed(const struct ft_spool *s, struct ft_err *err, const char *what)
{
    return ft_err_set(err, FT_E_IO, "spool %s: %s: %s", s->cfg.folder, what, strerror(errno));
}

static int open_file(struct ft_spool *s, const char *name)
{
    int how = (s->cfg.look ? O_RDONLY : O_RDWR | O_CREAT) | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
    int fd = openat(s->folder_fd, name, how, 0640);
    struct stat st;

    /* what else lies there, or is a file somewhere else, too, somebody has planted */
    if (fd >= 0 && (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_nlink != 1)) {
        close(fd);
        errno = EPERM;
        return -1;
    }
    return fd;
}

/* Whether what is at an offset of a file may be ours: it begins with magic, or was never written,
 * which is also what a power cut leaves of it. */
static bool may_be_ours(int fd, uint64_t at, const char magic[8])
{
    static const char zeros[8];
    char there[8];
    ssize_t n = pread(fd, there, sizeof there, (off_t)at);

    return n >= 0 && (memcmp(there, magic, (size_t)n) == 0 || memcmp(there, zeros, (size_t)n) == 0);
}

static int not_ours(const struct ft_spool *s, struct ft_err *err, const char *name)
{
    return ft_err_set(
        err, FT_E_FORMAT,
        "spool %s: %s is not of this version of a spool, or of none: it is left as it "
        "is; name another folder",
        s->cfg.folder, name);
}

/* ---- what is there ---- */

static int other_shape(const struct ft_spool *s, struct ft_err *err)
{
    return ft_err_set(err, FT_E_FORMAT,
                      "spool %s: it holds events of another format or of other columns: "
                      "deliver them with the options that they were made with, or name another "
                      "folder",
                      s->cfg.folder);
}

/* A frame that is there: of the newest one comes what follows, of the oldest what was before when
 * the cursor is lost. */
static void note_frame(struct ft_spool *s, const struct ft__frame_header *h)
{
    bool no_cursor = s->cursor.generation == 0;

    if (s->cfg.upto > 0 && h->number >= s->cfg.upto) {
        return;
    }
    if (h->number >= s->cursor.next) {
        s->cursor.next = h->number + 1;
        s->cursor.next_before = ft__totals_behind(h);
        s->cursor.producer = no_cursor ? h->producer : s->cursor.producer;
    }
    if (no_cursor && (s->found.frames == 0 || h->number < s->oldest)) {
        s->oldest = h->number;
        s->cursor.first_before = h->before;
        s->cursor.orderly = 0;
    }
    if (h->number < s->cursor.first) {
        return;
    }
    s->found.frames++;
    s->found.shape = h->shape;
    s->found.tally.bytes += h->data_len;
    for (enum ft_event e = 0; e < FT_EVENT__COUNT; e++) {
        s->found.tally.n[e] += h->events[e];
    }
    if (s->found.oldest_ns == 0 || h->made_ns < s->found.oldest_ns) {
        s->found.oldest_ns = h->made_ns;
    }
}

/* Goes over the frames of a segment to the last that is whole by its header and the file's size. */
static void walk_segment(struct ft_spool *s, struct ft__segment *g, uint64_t size)
{
    struct ft__frame_header h;
    uint64_t end = FT__SEGMENT_HEADER, at, gaps = 0;

    while (ft__frame_find(g->fd, end, size, &h, &at)) {
        gaps += at - end;
        note_frame(s, &h);
        if (ft__frame_len(&h) - sizeof h > s->frame_room) {
            s->frame_room = ft__frame_len(&h) - sizeof h;
        }
        g->number = g->number == 0 ? h.number : g->number;
        end = at + ft__frame_len(&h);
    }
    s->found.damaged += gaps > 0 || end != size;
    if (end != size && !s->cfg.look) {
        ft_ignore(ftruncate(g->fd, (off_t)end)); /* what stays is passed over */
    }
    g->size = end;
    s->bytes += end;
}

static int walk_file(struct ft_spool *s, struct ft__segment *g, struct ft_err *err)
{
    struct stat st;
    uint64_t before = s->found.frames;

    if (fstat(g->fd, &st) != 0) {
        return failed(s, err, "a segment");
    }
    if (st.st_size >= FT__SEGMENT_HEADER) {
        walk_segment(s, g, (uint64_t)st.st_size);
    } else {
        s->found.damaged += st.st_size > 0;
    }
    if (s->found.frames == before) { /* nothing, or all was delivered */
        if (!s->cfg.look && st.st_size > 0) {
            ft_ignore(ftruncate(g->fd, 0)); /* it is written from its start */
        }
        s->bytes -= s->cfg.look ? 0 : g->size;
        *g = (struct ft__segment){.fd = g->fd};
        return FT_OK;
    }
    s->found.segments++;
    return !s->cfg.look && s->found.shape != s->cfg.shape ? other_shape(s, err) : FT_OK;
}

/* The newer one of the two that are whole; all zeros: none is. */
static struct ft__cursor newest_cursor(const struct ft_spool *s)
{
    struct ft__cursor c, newest = {.generation = 0};

    for (uint64_t i = 0; i < 2; i++) {
        if (ft__read_at(s->cursor_fd, &c, sizeof c, i * FT__CURSOR_PLACE) && ft__cursor_sound(&c) &&
            c.generation > newest.generation) {
            newest = c;
        }
    }
    return newest;
}

bool ft_spool_moved(const struct ft_spool *s)
{
    return newest_cursor(s).generation != s->generation;
}

static void read_cursor(struct ft_spool *s)
{
    s->cursor = newest_cursor(s);
    s->generation = s->cursor.generation;
    if (s->cfg.upto > 0 && s->cfg.upto < s->cursor.next) {
        s->cfg.upto = s->cursor.next; /* they were all there before the files are gone over */
    }
    if (s->cursor.generation == 0) {
        s->cursor = (struct ft__cursor){.magic = FT__CURSOR_MAGIC,
                                        .producer = ft_random_id(),
                                        .first = 1,
                                        .next = 1,
                                        .orderly = 1};
    }
}

/* ---- files ---- */

static int open_folder(struct ft_spool *s, struct ft_err *err)
{
    if (!s->cfg.look && mkdir(s->cfg.folder, 0750) != 0 && errno != EEXIST) {
        return failed(s, err, "cannot be made");
    }
    s->folder_fd = open(s->cfg.folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (s->folder_fd < 0) {
        return failed(s, err, "cannot be opened");
    }
    s->cursor_fd = open_file(s, "cursor");
    if (s->cursor_fd < 0) {
        return failed(s, err, "its cursor cannot be opened");
    }
    if (!s->cfg.look && flock(s->cursor_fd, LOCK_EX | LOCK_NB) != 0) {
        return ft_err_set(
            err, FT_E_USAGE,
            "spool %s: another output or another process uses it: each output needs a "
            "folder of its own (spool=FOLDER)",
            s->cfg.folder);
    }
    return may_be_ours(s->cursor_fd, 0, FT__CURSOR_MAGIC) &&
                   may_be_ours(s->cursor_fd, FT__CURSOR_PLACE, FT__CURSOR_MAGIC)
               ? FT_OK
               : not_ours(s, err, "cursor");
}

static int open_segments(struct ft_spool *s, struct ft_err *err)
{
    char name[16];

    for (uint32_t i = 0; i < FT_SPOOL_SEGMENTS; i++) {

        snprintf(name, sizeof name, "%03u.seg", i);
        s->segment[i].fd = open_file(s, name);
        if (s->segment[i].fd < 0 && !(s->cfg.look && errno == ENOENT)) {
            return failed(s, err, "a segment cannot be opened");
        }
        if (s->segment[i].fd >= 0 && !may_be_ours(s->segment[i].fd, 0, FT__SEGMENT_MAGIC)) {
            return not_ours(s, err, name);
        }
    }
    return FT_OK;
}

static int walk_segments(struct ft_spool *s, struct ft_err *err)
{
    int rc = FT_OK;

    for (uint32_t i = 0; i < FT_SPOOL_SEGMENTS && rc == FT_OK; i++) {
        rc = s->segment[i].fd >= 0 ? walk_file(s, &s->segment[i], err) : FT_OK;
    }
    return rc;
}

/* Tells one boot of the machine from another; 0: it cannot be told. */
static uint64_t boot_number(void)
{
    char text[32] = {0};
    uint64_t n = 0;
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    ssize_t len = fd >= 0 ? read(fd, text, sizeof text) : 0;

    for (ssize_t i = 0; i < len; i++) {
        n = n * 31 + (uint8_t)text[i];
    }
    if (fd >= 0) {
        close(fd);
    }
    return n;
}

/* It is read from the first segment on; the one with the highest number is appended to. */
static void begin(struct ft_spool *s)
{
    struct ft__segment *newest = NULL;
    uint64_t boot = boot_number();

    for (uint32_t i = 0; i < FT_SPOOL_SEGMENTS; i++) {
        struct ft__segment *g = &s->segment[i];

        if (g->number != 0 && (newest == NULL || g->number > newest->number)) {
            newest = g;
        }
    }
    struct ft_tally all;

    s->newest = newest;
    s->at_segment = 1;
    s->at = FT__SEGMENT_HEADER;
    s->read_to = s->cursor.first;
    s->before = s->cursor.first_before;
    s->border = s->cursor.next_before;
    if (ft__totals_between(&s->before, &s->border, &all)) {
        for (enum ft_event e = 0; e < FT_EVENT__COUNT; e++) {
            s->found.missing.n[e] =
                all.n[e] > s->found.tally.n[e] ? all.n[e] - s->found.tally.n[e] : 0;
        }
    }
    s->found.orderly = s->cursor.orderly != 0;
    if (!s->found.orderly) { /* a gap, for what was in memory only */
        s->cursor.next += s->cursor.boot == boot ? 1 : FT__NUMBERS_LEFT_OUT;
    }
    s->cursor.boot = boot;
    s->found.first = s->cursor.first;
    s->found.next = s->cursor.next;
    s->found.producer = s->cursor.producer;
    s->found.disk_bytes = s->bytes;
}

int ft_spool_open(const struct ft_spool_config *cfg, struct ft_spool **out, struct ft_err *err)
{
#ifndef FT_HAVE_XXHASH
    return ft_err_set(err, FT_E_UNSUPPORTED, "spool %s: this build lacks xxHash (libxxhash-dev)",
                      cfg->folder);
#endif
    struct ft_spool *s = ft_mem_alloc(1, sizeof *s);
    int rc;

    if (s == NULL) {
        return ft_err_set(err, FT_E_NOMEM, "spool %s: out of memory", cfg->folder);
    }
    s->cfg = *cfg;
    s->cfg.folder = ft_mem_strdup(cfg->folder);
    s->folder_fd = s->cursor_fd = -1;
    s->frame_room = cfg->frame_most + sizeof(uint64_t); /* what fills the data up to eight bytes */
    s->run = ft_random_id();
    pthread_mutex_init(&s->lock, NULL);
    for (uint32_t i = 0; i < FT_SPOOL_SEGMENTS; i++) {
        s->segment[i].fd = -1;
    }
    rc = s->cfg.folder != NULL ? open_folder(s, err) : FT_E_NOMEM;
    if (rc == FT_OK) {
        read_cursor(s);
        rc = open_segments(s, err);
    }
    if (rc == FT_OK) { /* all of it may be ours: from here on something may be cut */
        rc = walk_segments(s, err);
    }
    if (rc == FT_OK) {
        s->frame = ft_mem_alloc(1, s->frame_room);
        rc = s->frame != NULL ? FT_OK
                              : ft_err_set(err, FT_E_NOMEM, "spool %s: out of memory", cfg->folder);
    }
    if (rc != FT_OK) {
        s->cfg.look = true; /* the cursor is left as it is */
        ft_spool_close(s, false);
        return rc;
    }
    begin(s);
    if (!s->cfg.look) { /* on a disk that is full later, it can still be written */
        ft_ignore(posix_fallocate(s->cursor_fd, 0, 2 * FT__CURSOR_PLACE));
    }
    ft_ignore(ft__cursor_write(s, false));
    *out = s;
    return FT_OK;
}

void ft_spool_close(struct ft_spool *s, bool orderly)
{
    if (s == NULL) {
        return;
    }
    if (!s->cfg.look) {
        ft_ignore(ft__cursor_write(s, orderly));
    }
    bool empty = !s->cfg.look && s->cursor.first == s->cursor.next;

    for (uint32_t i = 0; i < FT_SPOOL_SEGMENTS; i++) {
        if (s->segment[i].fd >= 0) {
            if (empty && s->segment[i].size > 0) {
                ft_ignore(ftruncate(s->segment[i].fd, 0)); /* all was delivered */
            }
            close(s->segment[i].fd);
        }
    }
    if (s->cursor_fd >= 0) {
        close(s->cursor_fd);
    }
    if (s->folder_fd >= 0) {
        close(s->folder_fd);
    }
    pthread_mutex_destroy(&s->lock);
    ft_mem_free((char *)(uintptr_t)s->cfg.folder);
    ft_mem_free(s->frame);
    ft_mem_free(s);
}
