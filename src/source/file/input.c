/* SPDX-License-Identifier: Apache-2.0 */
/* source/file: opens one target, see parts.h. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "source/file/parts.h"

static int open_failed(const struct ft__input *in, int error, struct ft_err *err)
{
    int code = FT_E_IO;

    if (error == ENOENT) {
        code = FT_E_NOT_FOUND;
    } else if (error == EMFILE || error == ENFILE || error == ENOMEM) {
        code = FT_E_NOMEM; /* nothing is wrong with the file */
    }
    return ft_err_set(err, code, "%s: %s", in->name, strerror(error));
}

/* Maps the file. That it cannot be mapped is no error: it is read as a stream then. */
static void map_input(struct ft__input *in)
{
    void *p;

    if (in->size > SIZE_MAX) {
        return;
    }
    p = mmap(NULL, (size_t)in->size, PROT_READ, MAP_SHARED, in->fd, 0);
    if (p == MAP_FAILED) {
        return;
    }
    in->map = p;
    in->map_len = (size_t)in->size;
}

/* Looks at the header and the link types of a mapped file. A header that is cut short and damage
 * further on are left for read() to report. */
static int vet_mapped(struct ft__file *s, struct ft__input *in, struct ft_err *err)
{
    size_t used;
    int rc;

    if (in->map_len < 4) {
        return ft_err_set(err, FT_E_FORMAT, "%s: too short for a capture (%zu bytes)", in->name,
                          in->map_len);
    }
    rc = ft__format_begin(s, in, in->map, in->map_len, &used, err);
    if (rc != FT_OK) {
        return rc == FT_E_TRUNCATED ? FT_OK : rc;
    }
    ft_walk_set(&s->walk, in->map + used, in->map_len - used);
    rc = ft__format_vet(s, in, err);
    in->vetted = true;
    return rc == FT_E_AGAIN ? FT_OK : rc;
}

/* A regular file: mapped when it is not packed, else looked into through the unpacker. */
static int open_regular(struct ft__file *s, struct ft__input *in, struct ft_err *err)
{
    uint8_t magic[4];
    ssize_t n;

    if (in->size == 0) {
        return ft_err_set(err, FT_E_FORMAT, "%s: empty file", in->name);
    }
    n = pread(in->fd, magic, sizeof magic, 0);
    if (n < 0) {
        return open_failed(in, errno, err);
    }
    if (n < (ssize_t)sizeof magic || ft__unpack_detect(magic) == FT__PACK_NONE) {
        map_input(in);
    }
    if (in->map != NULL) {
        return vet_mapped(s, in, err);
    }
    if (s->stream == NULL && ft__stream_new(&s->stream) != FT_OK) {
        return ft_err_set(err, FT_E_NOMEM, "no memory for the read buffers");
    }
    return ft__stream_peek(s, in, err);
}

int ft__input_open(struct ft__file *s, struct ft__input *in, const char *target, struct ft_err *err)
{
    bool is_stdin = strcmp(target, "-") == 0;
    struct stat st;

    in->fd = -1;
    in->name = ft_mem_strdup(is_stdin ? "standard input" : target);
    if (in->name == NULL) {
        return ft_err_set(err, FT_E_NOMEM, "no memory for the input %s", target);
    }
    in->fd = is_stdin ? STDIN_FILENO : open(target, O_RDONLY | O_CLOEXEC);
    if (in->fd < 0 || fstat(in->fd, &st) != 0) {
        return open_failed(in, errno, err);
    }
    if (S_ISDIR(st.st_mode)) {
        return open_failed(in, EISDIR, err);
    }
    in->live = !S_ISREG(st.st_mode);
    if (!is_stdin && S_ISREG(st.st_mode)) {
        in->size = (uint64_t)st.st_size;
        return open_regular(s, in, err);
    }
    if (s->stream == NULL && ft__stream_new(&s->stream) != FT_OK) {
        return ft_err_set(err, FT_E_NOMEM, "no memory for the read buffers");
    }
    return FT_OK;
}

void ft__input_close(struct ft__input *in)
{
    if (in->map != NULL) {
        munmap(in->map, in->map_len);
        in->map = NULL;
    }
    if (in->fd > STDIN_FILENO) {
        close(in->fd);
    }
    in->fd = -1;
    ft_mem_free(in->name);
    in->name = NULL;
}
