/* SPDX-License-Identifier: Apache-2.0 */
/* base: files as a whole, see whole.h. */
#include "base/whole.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"

enum { PIPE_MS = 5000 };

/* Before the path and the bytes of a file, both of which have a NUL behind them. */
struct head {
    int32_t error; /* 0 or errno */
    uint32_t path, len;
};

static _Thread_local struct ft_bundle *recorded;
static _Thread_local const struct ft_bundle *used;

void ft_whole_forget(char *text, size_t len)
{
    if (text != NULL) {
        explicit_bzero(text, len);
        ft_mem_free(text);
    }
}

/* ---- bundles ---- */

static bool make_room(struct ft_bundle *b, size_t more)
{
    size_t cap = b->cap == 0 ? 64 * 1024 : b->cap;

    while (cap < b->len + more) {
        cap *= 2;
    }
    if (cap > FT_BUNDLE_MOST) {
        return false;
    }
    if (cap > b->cap) {
        uint8_t *data = ft_mem_alloc(1, cap);

        if (data == NULL) {
            return false;
        }
        if (b->data != NULL) {
            memcpy(data, b->data, b->len);
            ft_whole_forget((char *)b->data, b->len);
        }
        b->data = data;
        b->cap = cap;
    }
    return true;
}

static void put(struct ft_bundle *b, const void *from, size_t n)
{
    if (n > 0) {
        memcpy(b->data + b->len, from, n);
    }
    b->len += n;
}

static void record(struct ft_bundle *b, const char *path, int error, const char *text, size_t len)
{
    struct head h = {.error = error, .path = (uint32_t)strlen(path), .len = (uint32_t)len};

    if (b->full || !make_room(b, sizeof h + h.path + 1 + len + 1)) {
        b->full = true;
        return;
    }
    put(b, &h, sizeof h);
    put(b, path, h.path + 1);
    put(b, text, len);
    put(b, "", 1);
}

/* The file at *at of a bundle, and where the next one is. False: there is none. */
static bool next(const uint8_t *data, size_t len, size_t *at, struct head *out, const char **path,
                 const char **text)
{
    if (len - *at < sizeof *out) {
        return false;
    }
    memcpy(out, data + *at, sizeof *out);

    size_t left = len - *at - sizeof *out, want = (size_t)out->path + 1 + out->len + 1;

    if (left < want) {
        return false;
    }
    *path = (const char *)data + *at + sizeof *out;
    *text = *path + out->path + 1;
    *at += sizeof *out + want;
    return (*path)[out->path] == '\0' && (*text)[out->len] == '\0';
}

bool ft_bundle_valid(const uint8_t *data, size_t len)
{
    const char *path, *text;
    struct head h;
    size_t at = 0;

    while (at < len) {
        if (!next(data, len, &at, &h, &path, &text)) {
            return false;
        }
    }
    return true;
}

void ft_bundle_fini(struct ft_bundle *b)
{
    ft_whole_forget((char *)b->data, b->len);
    *b = (struct ft_bundle){0};
}

void ft_bundle_record(struct ft_bundle *b)
{
    recorded = b;
}

void ft_bundle_use(const struct ft_bundle *b)
{
    used = b;
}

/* ---- reading ---- */

/* What the bundle in use says of a file; false: nothing. */
static bool told(const char *path, size_t most, char **out, size_t *out_len, int *out_error)
{
    const char *name, *text;
    struct head h;
    size_t at = 0;

    while (used != NULL && next(used->data, used->len, &at, &h, &name, &text)) {
        if (strcmp(name, path) != 0) {
            continue;
        }
        *out = h.error == 0 && h.len < most ? ft_mem_alloc(1, (size_t)h.len + 1) : NULL;
        *out_error = h.error != 0 ? h.error : h.len >= most ? EFBIG : *out == NULL ? ENOMEM : 0;
        *out_len = h.len;
        if (*out != NULL) {
            memcpy(*out, text, (size_t)h.len + 1);
        }
        return true;
    }
    return false;
}

/* read(2); of a pipe, what its writer is slow to say is waited for. */
static ssize_t read_some(int fd, char *to, size_t room)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    ssize_t n = read(fd, to, room);

    return n < 0 && errno == EAGAIN && poll(&p, 1, PIPE_MS) > 0 ? read(fd, to, room) : n;
}

/* 0 or errno. */
static int from_disk(const char *path, size_t most, char **out, size_t *out_len)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    char *text = fd >= 0 ? ft_mem_alloc(1, most + 1) : NULL;
    size_t len = 0;
    ssize_t n = -1;
    int error = fd < 0 ? errno : ENOMEM;

    if (text != NULL) {
        while (len < most && (n = read_some(fd, text + len, most - len)) > 0) {
            len += (size_t)n;
        }
        error = n < 0 ? errno : len == most ? EFBIG : 0;
    }
    if (fd >= 0) {
        close(fd);
    }
    if (error != 0) {
        ft_whole_forget(text, len);
        text = NULL;
    }
    *out = text;
    *out_len = len;
    return error;
}

char *ft_whole_read(const char *path, size_t most, size_t *out_len)
{
    char *text = NULL;
    int error;

    if (!told(path, most, &text, out_len, &error)) {
        error = from_disk(path, most, &text, out_len);
    }
    if (recorded != NULL) {
        record(recorded, path, error, text, error == 0 ? *out_len : 0);
    }
    errno = error;
    return text;
}

bool ft_whole_there(const char *path)
{
    const char *name, *text;
    struct head h;
    size_t at = 0;

    while (used != NULL && next(used->data, used->len, &at, &h, &name, &text)) {
        if (strcmp(name, path) == 0) {
            return h.error == 0;
        }
    }
    return access(path, R_OK) == 0;
}

const char *ft_whole_authorities(void)
{
    static const char *const usual[] = {
        "/etc/ssl/certs/ca-certificates.crt", /* Debian */
        "/etc/pki/tls/certs/ca-bundle.crt",   /* Fedora */
        "/etc/ssl/ca-bundle.pem",             /* openSUSE */
        "/etc/ssl/cert.pem",                  /* Alpine */
    };

    for (size_t i = 0; i < sizeof usual / sizeof usual[0]; i++) {
        if (ft_whole_there(usual[i])) {
            return usual[i];
        }
    }
    return NULL;
}
