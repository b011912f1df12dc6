/* SPDX-License-Identifier: Apache-2.0 */
/* source/file: the ops, see file.h. */
#include "source/file/file.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/mem.h"
#include "source/file/parts.h"

static const struct ft_source_ops mapped_ops;

static void file_close(struct ft_source *source)
{
    struct ft__file *s = (struct ft__file *)source;

    if (s == NULL) {
        return;
    }
    for (uint32_t i = 0; s->inputs != NULL && i < s->n_inputs; i++) {
        ft__input_close(&s->inputs[i]);
    }
    ft__stream_free(s->stream);
    ft_filter_free(s->filter);
    ft_mem_free(s->ifaces);
    ft_mem_free(s->inputs);
    if (s->stop_fd >= 0) {
        close(s->stop_fd);
    }
    ft_mem_free(s);
}

/* Without a known link type (streams only) an expression has to be good for Ethernet or for IP. */
static int check_filter(struct ft__file *s, struct ft_err *err)
{
    static const uint16_t likely[] = {FT_LINK_ETHERNET, FT_LINK_RAW};
    bool none_known = s->filter_failed.code == FT_OK;

    if (s->filter == NULL || s->filter_usable) {
        return FT_OK;
    }
    for (size_t i = 0; none_known && i < sizeof likely / sizeof likely[0]; i++) {
        if (ft_filter_add(s->filter, likely[i], &s->filter_failed) == FT_OK) {
            return FT_OK;
        }
    }
    return ft_err_set(err, FT_E_USAGE, "%s", s->filter_failed.what);
}

/* What is wrong with one file and says nothing about the others. */
static bool of_one_file(int rc)
{
    return rc == FT_E_NOT_FOUND || rc == FT_E_IO || rc == FT_E_FORMAT || rc == FT_E_UNSUPPORTED;
}

/* A target that cannot be used: an error when it is the only one, else said and left out. */
static int leave_out(struct ft__file *s, struct ft__input *in, const struct ft_source_config *cfg,
                     int rc, struct ft_err *err)
{
    if (!of_one_file(rc) || cfg->n_targets == 1) {
        return rc;
    }
    ft_log(cfg->log, FT_LOG_ERROR, "%s: left out", err->what);
    if (s->base.left_out == NULL) {
        s->why_left_out = *err;
        s->base.left_out = &s->why_left_out;
    }
    ft__input_close(in);
    memset(in, 0, sizeof *in);
    s->n_inputs--;
    return FT_OK;
}

static int open_inputs(struct ft__file *s, const struct ft_source_config *cfg, struct ft_err *err)
{
    bool all_mapped = true, sized = true;

    for (uint32_t i = 0; i < cfg->n_targets; i++) {
        struct ft__input *in =
            &s->inputs[s->n_inputs++]; /* close() sees it when it fails half-way */
        int rc = ft__input_open(s, in, cfg->targets[i], err);

        if (rc != FT_OK) {
            rc = leave_out(s, in, cfg, rc, err);
            if (rc != FT_OK) {
                return rc;
            }
            continue;
        }
        all_mapped = all_mapped && in->map != NULL;
        sized = sized && in->size != 0;
        s->size += in->size;
    }
    if (s->n_inputs == 0) {
        return ft_err_set(err, s->why_left_out.code, "none of the %u inputs can be read",
                          cfg->n_targets);
    }
    if (!sized) {
        s->size = 0;
    }
    s->base.ops = all_mapped ? &mapped_ops : &ft_source_file;
    return check_filter(s, err);
}

static int file_open(const struct ft_source_config *cfg, struct ft_source **out, struct ft_err *err)
{
    struct ft__file *s;
    int rc;

    if (cfg->n_targets == 0) {
        return ft_err_set(err, FT_E_USAGE, "no file to read");
    }
    s = ft_mem_alloc(1, sizeof *s);
    if (s == NULL) {
        return ft_err_set(err, FT_E_NOMEM, "no memory for the file source");
    }
    const struct ft_filter_wait wait = {.log = cfg->log, .stop = &s->stop};

    s->linktype_ok = cfg->linktype_ok;
    s->linktype_name = cfg->linktype_name;
    s->log = cfg->log;
    s->direction = cfg->direction;
    s->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    s->inputs = ft_mem_alloc(cfg->n_targets, sizeof *s->inputs);
    s->ifaces = ft_mem_alloc(FT__IFACES_CAP, sizeof *s->ifaces);
    if (s->stop_fd < 0) {
        rc = ft_err_set(err, FT_E_IO, "eventfd: %s", strerror(errno));
    } else if (s->inputs == NULL || s->ifaces == NULL) {
        rc = ft_err_set(err, FT_E_NOMEM, "no memory for the file source");
    } else {
        rc = cfg->filter != NULL ? ft_filter_new(cfg->filter, &wait, &s->filter, err) : FT_OK;
    }
    if (rc == FT_OK) {
        rc = open_inputs(s, cfg, err);
    }
    if (rc != FT_OK) {
        file_close(&s->base);
        return rc;
    }
    *out = &s->base;
    return FT_OK;
}

static void next_input(struct ft__file *s, struct ft__input *in)
{
    s->done += in->size;
    if (in->size != 0) {
        ft_count_set(&s->pos, s->done);
    } else {
        s->done = ft_count_get(&s->pos);
    }
    if (s->stream != NULL) {
        ft__stream_end(s->stream);
    }
    s->begun = false;
    s->cur++;
}

static int file_read(struct ft_source *source, struct ft_batch *b, int timeout_ms,
                     struct ft_err *err)
{
    struct ft__file *s = (struct ft__file *)source;

    b->n = 0;
    b->token = 0;
    if (s->split) {
        return ft_err_set(err, FT_E_STATE, "%s: read while it is split", s->inputs[0].name);
    }
    while (b->cap > 0 && s->cur < s->n_inputs &&
           !atomic_load_explicit(&s->stop, memory_order_relaxed)) {
        struct ft__input *in = &s->inputs[s->cur];
        int rc = in->map != NULL ? ft__map_read(s, in, b, err)
                                 : ft__stream_read(s, in, b, timeout_ms, err);

        if (rc == FT_OK || rc == FT_E_AGAIN) {
            return rc;
        }
        if (s->goes_on) {
            s->goes_on = false;
            b->n = 0;
            return rc;
        }
        next_input(s, in);
        if (rc != FT_E_EOF) {
            b->n = 0;
            return rc == FT_E_INTERRUPTED ? FT_E_EOF : rc; /* stop came meanwhile */
        }
    }
    return b->cap > 0 ? FT_E_EOF : FT_OK;
}

static void file_release(struct ft_source *source, uint64_t token)
{
    struct ft__file *s = (struct ft__file *)source;

    if (token != 0) {
        ft__stream_release(s->stream, token);
    }
}

static void file_stop(struct ft_source *source)
{
    struct ft__file *s = (struct ft__file *)source;
    uint64_t one = 1;
    int saved = errno; /* a signal handler may be the caller */

    atomic_store_explicit(&s->stop, true, memory_order_relaxed);
    if (write(s->stop_fd, &one, sizeof one) < 0) {
        errno = saved; /* full: it was stopped before */
    }
}

static void file_stats(struct ft_source *source, struct ft_source_stats *out)
{
    struct ft__file *s = (struct ft__file *)source;

    *out = (struct ft_source_stats){.input_pos = ft_count_get(&s->pos),
                                    .input_size = s->size,
                                    .unpacked = ft_count_get(&s->unpacked)};
}

#define FILE_OPS                                                                                   \
    .name = "file",                                                                                \
    .help = "pcap, pcapng and IPFIX files, also gzip or zstd; - is standard input",                \
    .open = file_open, .read = file_read, .release = file_release, .stop = file_stop,              \
    .stats = file_stats, .close = file_close

const struct ft_source_ops ft_source_file = {FILE_OPS};

/* Of instances that have mapped all their targets. */
static const struct ft_source_ops mapped_ops = {FILE_OPS, .flags = FT_SOURCE_STABLE};
