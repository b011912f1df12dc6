/* SPDX-License-Identifier: Apache-2.0 */
/* guard: the loader, a child that reads the configuration again; flowtap/sandbox.h.
 *
 *     main ----- "load" ----> loader ----- names of output files -----> keeper of the opener
 *          <---- bundle -----
 *          <---- tables -----
 *
 * Theory of operation: main asks, without a word about what; the loader parses the configuration
 * with the command line that it was forked with, reads the files that it names, and gives back all
 * of what it read. So whoever takes over main learns what it would have learnt at the next start,
 * and cannot have other files opened than those that the configuration names. */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/big.h"
#include "base/mem.h"
#include "base/wait.h"
#include "base/whole.h"
#include "flowtap/config.h"
#include "flowtap/sandbox.h"
#include "guard/confine.h"
#include "guard/opener.h"
#include "guard/pass.h"

enum { ASK_SEAL, ASK_SEAL_SANDBOX, ASK_LOAD, ANSWER_MS = 10000, END_STEPS = 100 };

struct question {
    uint32_t number;
    int32_t what; /* ASK_... */
};

struct answer {
    uint32_t number; /* of the question: one that came too late must not answer the next */
    int32_t error;   /* 0 or errno */
    uint32_t len;    /* bytes of the bundle, whose descriptor comes with it */
    uint32_t tables; /* answers behind this one: struct ft_big_file, each with its descriptor */
};

/* One of them. */
struct table_answer {
    uint32_t number; /* of the question, likewise */
    struct ft_big_file file;
};

struct ft_loader {
    int fd; /* our end of the socket pair */
    pid_t pid;
    uint32_t asked;              /* number of the last question */
    struct ft_bundle bundle;     /* in use between load and done, like: */
    struct ft_big_table *tables; /* [n_tables], owned, and so are their descriptors */
    uint32_t n_tables;
};

/* ---- the child ---- */

struct child {
    int sock;
    struct ft__named named;
    struct ft_config *(*load)(void *cookie);
    void *cookie;
    char *names; /* of files that are written, each with its NUL; owned */
    size_t names_len;
    struct ft_big_table tables[FT_BIG_MOST]; /* [n_tables]: of the load in hand */
    uint32_t n_tables;
};

static void add_name(void *cookie, const char *path)
{
    struct child *c = cookie;
    size_t len = strlen(path) + 1;

    if (c->names_len + len < FT__NAMED_MOST) {
        memcpy(c->names + c->names_len, path, len);
        c->names_len += len;
    }
}

/* One that is named twice is handed over once. */
static void add_table(void *cookie, const char *path, uint64_t most)
{
    struct child *c = cookie;
    bool there = strlen(path) >= FT_BIG_PATH || c->n_tables == FT_BIG_MOST;

    for (uint32_t i = 0; i < c->n_tables && !there; i++) {
        there = strcmp(c->tables[i].file.path, path) == 0;
    }
    if (!there) {
        struct ft_big_table *t = &c->tables[c->n_tables++];

        t->fd = ft_big_copy(path, (size_t)most, &t->file);
    }
}

static bool send_tables(struct child *c, uint32_t number)
{
    struct table_answer a = {.number = number};
    bool sent = true;

    for (uint32_t i = 0; i < c->n_tables; i++) {
        struct ft_big_table *t = &c->tables[i];

        a.file = t->file;
        sent = sent && ft__pass_send(c->sock, &a, sizeof a, t->fd);
        if (t->fd >= 0) {
            close(t->fd);
        }
    }
    c->n_tables = 0;
    return sent;
}

/* A descriptor of the bundle's bytes, or -1 with errno. */
static int pack(const struct ft_bundle *b)
{
    int fd = memfd_create("configuration", MFD_CLOEXEC);
    size_t at = 0;
    ssize_t n = 0;

    while (fd >= 0 && at < b->len && (n = write(fd, b->data + at, b->len - at)) > 0) {
        at += (size_t)n;
    }
    if (fd >= 0 && at < b->len) {
        close(fd);
        fd = -1;
    }
    return fd;
}

/* Tells the keeper the names, in place of those that it has not looked at. 0 or errno. */
static int tell_names(struct child *c)
{
    char taken;

    while (recv(c->named.keepers, &taken, sizeof taken, MSG_DONTWAIT) > 0) {
    }
    return c->names_len == 0 ||
                   send(c->named.ours, c->names, c->names_len, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0
               ? 0
               : errno;
}

static bool answer_load(struct child *c, uint32_t number)
{
    struct ft_bundle b = {0};
    struct answer a = {.number = number};

    c->names_len = 0;
    ft_bundle_record(&b);
    struct ft_config *cfg = c->load(c->cookie);

    if (cfg != NULL) { /* else main reads the same, and says what is wrong */
        ft_config_files(cfg, add_name, c);
        ft_config_tables(cfg, add_table, c);
        ft_config_free(cfg);
    }
    ft_bundle_record(NULL);
    int fd = b.full ? -1 : pack(&b);

    a.error = b.full ? EFBIG : fd < 0 ? errno : 0;
    a.len = (uint32_t)b.len;
    a.tables = c->n_tables;
    ft_bundle_fini(&b);
    int untold = tell_names(c);

    a.error = a.error != 0 ? a.error : untold;
    bool sent = ft__pass_send(c->sock, &a, sizeof a, fd);

    if (fd >= 0) {
        close(fd);
    }
    return send_tables(c, number) && sent;
}

/* Reading is all that is left. 0 or errno; *out_missing: there is no filter in this build. */
static int confine(bool root, bool sandbox)
{
    struct ft_err err;
    int rc;

    for (int cap = 0; root && cap < 64; cap++) { /* best effort: there may be fewer */
        prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
    }
    if (ft__confine_caps(root ? 1u << CAP_DAC_READ_SEARCH : 0) != 0 ||
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        return errno;
    }
    if (!sandbox) {
        return 0;
    }
    rc = ft__confine_files(&(struct ft__confine_left){.reads = true}, &err);
    if (rc != FT_OK && rc != FT_E_UNSUPPORTED) {
        return EPERM;
    }
    rc = ft__confine_calls(FT__ROLE_LOADER, 0, &err);
    return rc == FT_OK || rc == FT_E_UNSUPPORTED ? 0 : EPERM;
}

static void child_run(struct child *c)
{
    const int keep[] = {c->sock, c->named.ours, c->named.keepers};
    bool root = geteuid() == 0, more = true;
    struct question q;

    ft__pass_keep_on();
    ft_sandbox_protect();
    c->names = ft_mem_alloc(1, FT__NAMED_MOST);
    if (c->names == NULL || !ft__pass_detach(keep, 3)) {
        _exit(1);
    }
    while (more) {
        ssize_t n = recv(c->sock, &q, sizeof q, 0);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n != (ssize_t)sizeof q) {
            _exit(0); /* the main process is gone */
        }
        if (q.what == ASK_LOAD) {
            more = answer_load(c, q.number);
        } else {
            struct answer a = {.number = q.number,
                               .error = confine(root, q.what == ASK_SEAL_SANDBOX)};

            more = ft__pass_send(c->sock, &a, sizeof a, -1) && a.error == 0;
        }
    }
    _exit(1);
}

/* ---- the main process ---- */

int ft_loader_start(struct ft_opener *opener, struct ft_config *(*load)(void *cookie), void *cookie,
                    struct ft_loader **out, struct ft_err *err)
{
    struct ft_loader *l = ft_mem_alloc(1, sizeof *l);
    int pair[2];

    if (l == NULL) {
        return ft_err_set(err, FT_E_NOMEM, "the loader could not be started: out of memory");
    }
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
        int error = errno;

        ft_mem_free(l);
        return ft_err_set(err, FT_E_IO, "the loader could not be started: %s", strerror(error));
    }
    struct child c = {
        .sock = pair[1], .named = ft__opener_named(opener), .load = load, .cookie = cookie};

    l->pid = fork();
    if (l->pid == 0) {
        child_run(&c);
    }
    int error = errno;

    close(pair[1]);
    close(c.named.ours);
    close(c.named.keepers);
    l->fd = pair[0];
    if (l->pid < 0) {
        ft_loader_stop(l);
        return ft_err_set(err, FT_E_IO, "the loader could not be started: %s", strerror(error));
    }
    *out = l;
    return FT_OK;
}

/* One question, one answer. FT_E_IO: the loader is gone, or does not answer. */
static int ask(struct ft_loader *l, int32_t what, struct answer *out, int *out_fd)
{
    const struct question q = {.number = ++l->asked, .what = what};
    int64_t end = ft_mono_ms() + ANSWER_MS, left = ANSWER_MS;
    struct answer a;
    bool cut;

    *out_fd = -1;
    if (send(l->fd, &q, sizeof q, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
        return FT_E_IO;
    }
    while (left > 0 && ft__pass_wait(l->fd, (int)left) &&
           ft__pass_recv(l->fd, &a, sizeof a, out_fd, &cut) == (ssize_t)sizeof a) {
        if (a.number == q.number) {
            *out = a;
            return FT_OK;
        }
        if (*out_fd >= 0) { /* of a question that was given up */
            close(*out_fd);
            *out_fd = -1;
        }
        left = end - ft_mono_ms();
    }
    return FT_E_IO;
}

int ft_loader_seal(struct ft_loader *l, int sandbox, struct ft_err *err)
{
    struct answer a = {.error = EIO};
    int fd, rc = ask(l, sandbox != 0 ? ASK_SEAL_SANDBOX : ASK_SEAL, &a, &fd);

    return rc == FT_OK && a.error == 0
               ? FT_OK
               : ft_err_set(err, FT_E_PRIVILEGE, "the loader could not be confined: %s",
                            strerror(a.error));
}

/* The bytes behind a descriptor. 0 or errno. */
static int take(struct ft_bundle *b, int fd, size_t len)
{
    size_t at = 0;
    ssize_t n = 0;

    b->data = len <= FT_BUNDLE_MOST ? ft_mem_alloc(1, len + 1) : NULL;
    while (b->data != NULL && at < len && (n = pread(fd, b->data + at, len - at, (off_t)at)) > 0) {
        at += (size_t)n;
    }
    b->len = at;
    b->cap = len + 1;
    return b->data == NULL ? ENOMEM : at < len || !ft_bundle_valid(b->data, len) ? EIO : 0;
}

/* What comes behind the answer. 0 or errno. */
static int take_tables(struct ft_loader *l, uint32_t n)
{
    bool cut = false;

    if (n > FT_BIG_MOST) {
        return EIO;
    }
    l->tables = n > 0 ? ft_mem_alloc(n, sizeof *l->tables) : NULL;
    if (n > 0 && l->tables == NULL) {
        return ENOMEM;
    }
    for (; l->n_tables < n; l->n_tables++) {
        struct ft_big_table *t = &l->tables[l->n_tables];
        struct table_answer a;
        int fd = -1;

        if (!ft__pass_wait(l->fd, ANSWER_MS) ||
            ft__pass_recv(l->fd, &a, sizeof a, &fd, &cut) != (ssize_t)sizeof a ||
            a.number != l->asked || memchr(a.file.path, '\0', sizeof a.file.path) == NULL ||
            (fd < 0) != (a.file.error != 0)) {
            if (fd >= 0) {
                close(fd);
            }
            return cut ? EMFILE : EIO;
        }
        t->file = a.file;
        t->fd = fd;
    }
    return 0;
}

int ft_loader_load(struct ft_loader *l, struct ft_err *err)
{
    struct answer a = {.error = EIO};
    int fd, rc = ask(l, ASK_LOAD, &a, &fd);
    int error = rc != FT_OK ? EIO : a.error;

    ft_loader_done(l);
    if (rc == FT_OK) { /* also of one that failed: the next answer is not to be behind them */
        int of_tables = take_tables(l, a.tables);

        error = error != 0 ? error : of_tables;
    }
    if (error == 0) {
        error = fd >= 0 ? take(&l->bundle, fd, a.len) : EMFILE;
    }
    if (fd >= 0) {
        close(fd);
    }
    if (error != 0) {
        ft_loader_done(l);
        return ft_err_set(err, FT_E_IO, "the files of the configuration cannot be read: %s",
                          error == EFBIG ? "they are larger than 32 MiB"
                          : rc != FT_OK  ? "who reads them is gone, or takes too long"
                                         : strerror(error));
    }
    ft_bundle_use(&l->bundle);
    ft_big_use(l->tables, l->n_tables);
    return FT_OK;
}

void ft_loader_done(struct ft_loader *l)
{
    ft_bundle_use(NULL);
    ft_bundle_fini(&l->bundle);
    ft_big_use(NULL, 0);
    for (uint32_t i = 0; i < l->n_tables; i++) {
        if (l->tables[i].fd >= 0) {
            close(l->tables[i].fd);
        }
    }
    ft_mem_free(l->tables);
    l->tables = NULL;
    l->n_tables = 0;
}

void ft_loader_stop(struct ft_loader *l)
{
    if (l == NULL) {
        return;
    }
    ft_loader_done(l);
    close(l->fd);
    for (int i = 0; l->pid > 0 && i < END_STEPS && waitpid(l->pid, NULL, WNOHANG) == 0; i++) {
        struct timespec step = {.tv_nsec = 1000000 << (i < 4 ? i : 4)};

        nanosleep(&step, NULL); /* it sees the end of the socket; stuck, it is left to init */
    }
    ft_mem_free(l);
}
