/* SPDX-License-Identifier: Apache-2.0 */
/* output/sink/postgres: rows into a table of PostgreSQL's, by COPY, through libpq.
 *
 *     chunks of rows -> [COPY table (columns) FROM STDIN | rows ... | end] -> OK, or an error
 *
 * Theory of operation: the chunks of one write() are one COPY, which is a transaction: all of its
 * rows are there, or none. What the database refuses for what is in it (SQLSTATE of class 22, 23)
 * is lost, the whole batch, and said once. Anything else, a table that is not there too, is waited
 * for. When the connection ends after the rows and before the answer, they are sent again, and may
 * be there twice. All calls of libpq are those that do not wait; waiting is done here. */
#include "output/output.h"

#ifdef FT_HAVE_PQ

#include <libpq-fe.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/secret.h"
#include "base/wait.h"
#include "base/whole.h"
#include "flowtap/sandbox.h"
#include "output/sink/postgres/postgres_parts.h"
#include "output/sink/receiver.h"
#include "output/sink/tls.h"

enum {
    CONNECT_MS = 5000,
    ANSWER_MS = 60000, /* nothing moves for so long: it hangs */
    PIECE = 64 * 1024, /* handed to libpq at once */
};

/* A file that libpq reads at each connection, when there is no file system any more: one in memory,
 * by a name that is there as long as the process. */
struct held_file {
    int fd; /* -1: there is none */
    char name[32];
};

/* owner: the output's thread, but for give_up() */
struct postgres_sink {
    struct ft_sink sink;
    struct ft_receiver receiver;
    struct ft_target target;
    char *user, *password; /* owned; password: secret, NULL ok */
    const char *tls;       /* libpq's sslmode */
    struct held_file ca, cert, key;
    const char *database; /* in target */
    char *copy;           /* owned: COPY ... FROM STDIN */
    char *create;         /* owned: CREATE ...; or NULL */
    PGconn *c;            /* NULL: there is no connection */
    bool said_refused;
};

static struct postgres_sink *postgres_of(struct ft_sink *s)
{
    return (struct postgres_sink *)(void *)s;
}

/* ---- errors ---- */

/* The first line of a message, and what to do. */
static const char *advice_for(const char *state, const char *text)
{
    static const struct {
        const char *state, *text, *advice;
    } rows[] = {
        {"28", "password authentication failed", "check user= and password=@FILE"},
        {"28", "no password supplied", "set password=@FILE"},
        {"3D000", "database \"", "make the database first, or check its name"},
        {"42P01", NULL, "make the table first, or set create=true"},
        {"3F000", NULL, "make the schema first"},
        {"42703", NULL, "the table has other columns: choose with columns="},
        {"42501", NULL, "grant the role what it needs"},
        {"42704", NULL, "vector= needs the extension vector: CREATE EXTENSION vector"},
        {"0A000", NULL, "vector= needs pgvector, which is not installed there"},
        {"58P01", NULL, "vector= needs pgvector, which is not installed there"},
        {"-", "valid client certificate", "see cert= and key="},
        {"-", "does not support SSL", "it has no TLS: set tls=disable, or set it up there"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (state != NULL ? strncmp(state, rows[i].state, strlen(rows[i].state)) == 0
                          : rows[i].text != NULL && strstr(text, rows[i].text) != NULL) {
            return rows[i].advice;
        }
    }
    return state == NULL ? ft_tls_advice(text) : NULL;
}

/* What a result means that is not what was asked for. FT_E_FORMAT: of what is in the rows; FT_E_IO;
 * FT_E_CLOSED. */
static int failed(struct postgres_sink *s, const PGresult *r)
{
    const char *state = r != NULL ? PQresultErrorField(r, PG_DIAG_SQLSTATE) : NULL;
    const char *text = r != NULL && state != NULL ? PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY)
                                                  : PQerrorMessage(s->c);

    ft_receiver_why(&s->receiver, text != NULL && text[0] != '\0' ? text : "the connection ended",
                    advice_for(state, text != NULL ? text : ""));
    if (PQstatus(s->c) == CONNECTION_BAD || state == NULL) {
        return FT_E_CLOSED;
    }
    return strncmp(state, "22", 2) == 0 || strncmp(state, "23", 2) == 0 ? FT_E_FORMAT : FT_E_IO;
}

/* ---- waiting ---- */

/* FT_OK; FT_E_INTERRUPTED; FT_E_CLOSED: nothing happens any more. */
static int wait_for(struct postgres_sink *s, short events, int64_t ms)
{
    int rc = ft_receiver_wait(&s->receiver, PQsocket(s->c), events, ms);

    if (rc == FT_E_AGAIN) {
        ft_receiver_why(&s->receiver, "it does not answer", NULL);
        return FT_E_CLOSED;
    }
    return rc;
}

/* What libpq holds goes out. FT_OK, FT_E_INTERRUPTED, FT_E_CLOSED. */
static int flush(struct postgres_sink *s)
{
    int left, rc = FT_OK;

    while (rc == FT_OK && (left = PQflush(s->c)) != 0) {
        if (left < 0) {
            return failed(s, NULL);
        }
        rc = wait_for(s, POLLIN | POLLOUT, ANSWER_MS);
        if (rc == FT_OK && PQconsumeInput(s->c) == 0) {
            return failed(s, NULL);
        }
    }
    return rc;
}

/* The next result; *out: NULL: there is none any more. */
static int next_result(struct postgres_sink *s, PGresult **out)
{
    int rc = flush(s);

    while (rc == FT_OK && PQisBusy(s->c)) {
        rc = wait_for(s, POLLIN, ANSWER_MS);
        if (rc == FT_OK && PQconsumeInput(s->c) == 0) {
            return failed(s, NULL);
        }
    }
    *out = rc == FT_OK ? PQgetResult(s->c) : NULL;
    return rc;
}

/* Results of a command until there are none, or a COPY that wants rows. FT_OK: the last one is
 * want. */
static int results(struct postgres_sink *s, ExecStatusType want)
{
    PGresult *r;
    int rc = next_result(s, &r), found = FT_E_CLOSED;

    while (rc == FT_OK && r != NULL) {
        ExecStatusType status = PQresultStatus(r);

        found = status == want                           ? FT_OK
                : found == FT_OK || found == FT_E_CLOSED ? failed(s, r)
                                                         : found;
        PQclear(r);
        if (status == PGRES_COPY_IN) {
            return found;
        }
        rc = next_result(s, &r);
    }
    return rc == FT_OK ? found : rc;
}

static int command(struct postgres_sink *s, const char *text, ExecStatusType want)
{
    return PQsendQuery(s->c, text) == 1 ? results(s, want) : failed(s, NULL);
}

/* ---- the connection ---- */

static void hang_up(struct postgres_sink *s)
{
    PQfinish(s->c);
    s->c = NULL;
}

static void say_nothing(void *cookie, const char *text)
{
    (void)cookie, (void)text;
}

static int connect_steps(struct postgres_sink *s)
{
    int64_t until = ft_mono_ms() + CONNECT_MS;
    PostgresPollingStatusType step = PGRES_POLLING_WRITING;

    while (step != PGRES_POLLING_OK) {
        if (step == PGRES_POLLING_FAILED) {
            ft_receiver_why(&s->receiver, PQerrorMessage(s->c),
                            advice_for(NULL, PQerrorMessage(s->c)));
            return FT_E_IO;
        }
        int rc =
            wait_for(s, step == PGRES_POLLING_READING ? POLLIN : POLLOUT, until - ft_mono_ms());

        if (rc != FT_OK) {
            return rc == FT_E_CLOSED ? FT_E_IO : rc;
        }
        step = PQconnectPoll(s->c);
    }
    return FT_OK;
}

/* FT_OK, FT_E_INTERRUPTED, FT_E_IO. */
static int dial(struct postgres_sink *s)
{
    /* no file and no variable of whoever starts the program says anything */
    const char *const keys[] = {"host",     "port",       "dbname",           "user",
                                "sslmode",  "gssencmode", "application_name", "client_encoding",
                                "sslcert",  "sslkey",     "sslrootcert",      "sslcrl",
                                "passfile", "options",    "password",         NULL};
    const char *const values[] = {s->target.host,
                                  s->target.port,
                                  s->database,
                                  s->user,
                                  s->tls,
                                  "disable",
                                  "flowtap",
                                  "UTF8",
                                  s->cert.name,
                                  s->key.name,
                                  s->ca.name,
                                  "/dev/null/none",
                                  "/dev/null/none",
                                  "-c synchronous_commit=on",
                                  s->password != NULL ? s->password : "",
                                  NULL};
    int rc;

    if (s->c != NULL) {
        ft_receiver_is_there(&s->receiver);
        return FT_OK;
    }
    s->c = PQconnectStartParams(keys, values, 0);
    if (s->c == NULL || PQstatus(s->c) == CONNECTION_BAD) {
        ft_receiver_why(&s->receiver, s->c != NULL ? PQerrorMessage(s->c) : "out of memory", NULL);
        hang_up(s);
        return FT_E_IO;
    }
    PQsetNoticeProcessor(s->c, say_nothing, NULL);
    rc = connect_steps(s);
    if (rc == FT_OK && PQsetnonblocking(s->c, 1) != 0) {
        rc = FT_E_IO;
    }
    if (rc == FT_OK && s->create != NULL) {
        rc = command(s, s->create, PGRES_COMMAND_OK);
    }
    if (rc != FT_OK) {
        hang_up(s);
        return rc == FT_E_INTERRUPTED ? rc : FT_E_IO;
    }
    ft_receiver_is_there(&s->receiver);
    return FT_OK;
}

/* ---- a batch ---- */

static int put_rows(struct postgres_sink *s, const struct ft_chunk *c)
{
    int rc = FT_OK;

    for (uint32_t at = 0; at < c->len && rc == FT_OK;) {
        uint32_t len = c->len - at < PIECE ? c->len - at : PIECE;
        int taken = PQputCopyData(s->c, (const char *)c->data + at, (int)len);

        if (taken < 0) {
            return failed(s, NULL);
        }
        at += taken > 0 ? len : 0;
        atomic_fetch_add_explicit(&s->sink.moved, taken > 0 ? len : 0, memory_order_relaxed);
        rc = flush(s);
    }
    return rc;
}

/* FT_OK; FT_E_FORMAT: refused; FT_E_IO: not possible now; FT_E_CLOSED; FT_E_INTERRUPTED. */
static int copy_batch(struct postgres_sink *s, const struct ft_chunk *chunks, uint32_t n)
{
    int rc = command(s, s->copy, PGRES_COPY_IN);

    for (uint32_t i = 0; i < n && rc == FT_OK; i++) {
        rc = put_rows(s, &chunks[i]);
    }
    if (rc == FT_OK && PQputCopyEnd(s->c, NULL) < 0) {
        rc = failed(s, NULL);
    }
    return rc == FT_OK ? results(s, PGRES_COMMAND_OK) : rc;
}

static void settle(struct ft_tally *to, const struct ft_chunk *chunks, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        ft_tally_chunk(to, &chunks[i], 0, chunks[i].len);
    }
}

static void say_refused(struct postgres_sink *s)
{
    if (!s->said_refused) {
        ft_log(&s->receiver.log, FT_LOG_ERROR,
               "%s: %s; the batch that has such a row is lost, and counted, as others will be",
               s->receiver.name, s->receiver.why);
    }
    s->said_refused = true;
}

/* ---- the sink's operations ---- */

static int postgres_write(struct ft_sink *sink, const struct ft_chunk *chunks, uint32_t *n)
{
    struct postgres_sink *s = postgres_of(sink);
    int rc;

    for (;;) {
        rc = dial(s);
        rc = rc == FT_OK ? copy_batch(s, chunks, *n) : rc;
        if (rc == FT_OK || rc == FT_E_FORMAT || rc == FT_E_INTERRUPTED) {
            break;
        }
        hang_up(s);
        rc = ft_receiver_failed(&s->receiver, s->receiver.why, rc == FT_E_CLOSED);
        if (rc != FT_OK) {
            break;
        }
    }
    if (rc == FT_E_FORMAT) {
        say_refused(s);
        rc = FT_OK;
        settle(&s->sink.lost, chunks, *n);
    } else if (rc == FT_OK) {
        ft_receiver_works(&s->receiver);
        settle(&s->sink.arrived, chunks, *n);
    } else {
        hang_up(s);
        settle(&s->sink.lost, chunks, *n);
    }
    return rc;
}

static void postgres_give_up(struct ft_sink *sink)
{
    ft_receiver_give_up(&postgres_of(sink)->receiver);
}

static void drop_file(struct held_file *f)
{
    if (f->fd >= 0) {
        close(f->fd);
    }
    f->fd = -1;
}

static int postgres_close(struct ft_sink *sink)
{
    struct postgres_sink *s = postgres_of(sink);

    hang_up(s);
    ft_receiver_fini(&s->receiver);
    ft_secret_forget(s->password);
    ft_mem_free(s->target.host);
    ft_mem_free(s->user);
    drop_file(&s->ca);
    drop_file(&s->cert);
    drop_file(&s->key);
    ft_mem_free(s->copy);
    ft_mem_free(s->create);
    ft_mem_free(s);
    return FT_OK;
}

/* ---- configuration ---- */

/* Writes a name in quotes; there is room for twice its bytes and two. */
static char *put_name(char *out, const char *name, size_t len)
{
    *out++ = '"';
    for (size_t i = 0; i < len; i++) {
        if (name[i] == '"') {
            *out++ = '"';
        }
        *out++ = name[i];
    }
    *out++ = '"';
    *out = '\0';
    return out;
}

/* TABLE or SCHEMA.TABLE. */
static char *put_table(char *out, const char *table)
{
    const char *dot = strchr(table, '.');

    if (dot != NULL) {
        out = put_name(out, table, (size_t)(dot - table));
        *out++ = '.';
        table = dot + 1;
    }
    return put_name(out, table, strlen(table));
}

/* The commands. The names of the columns are in the header, with tabs between them. */
static int make_commands(struct postgres_sink *s, const struct ft_output_url *url,
                         const struct ft_output_env *env, const char *table, struct ft_err *err)
{
    const char *create = ft_output_url_get(url, "create");
    const char *header = (const char *)env->header, *end = header + env->header_len - 1;
    const char *extension = strstr(env->table, "\"vector\" vector") != NULL
                                ? "CREATE EXTENSION IF NOT EXISTS vector; "
                                : "";
    size_t cap = 2 * strlen(table) + 4 * env->header_len + strlen(env->table) + 256;
    char *name = ft_mem_alloc(1, cap), *at;

    s->copy = ft_mem_alloc(1, cap);
    s->create = create != NULL && strcmp(create, "true") == 0 ? ft_mem_alloc(1, cap) : NULL;
    if (name == NULL || s->copy == NULL ||
        (create != NULL && strcmp(create, "true") == 0 && s->create == NULL)) {
        ft_mem_free(name);
        return ft_err_set(err, FT_E_NOMEM, "output %s: out of memory", url->text);
    }
    put_table(name, table);
    at = s->copy + snprintf(s->copy, cap, "COPY %s (", name);
    for (const char *column = header; column < end;) {
        size_t len = strcspn(column, "\t\n");

        at = put_name(at, column, len);
        *at++ = ',';
        column += len + 1;
    }
    snprintf(at - 1, cap - (size_t)(at - 1 - s->copy), ") FROM STDIN");
    if (s->create != NULL) {
        snprintf(s->create, cap, "%sCREATE TABLE IF NOT EXISTS %s (%s)", extension, name,
                 env->table);
    }
    ft_mem_free(name);
    return FT_OK;
}

/* Whether it is DATABASE/TABLE; cuts it there. */
static bool split_rest(struct postgres_sink *s, const char **out_table)
{
    char *rest = s->target.rest != NULL ? s->target.host + (s->target.rest - s->target.host) : NULL;
    char *slash = rest != NULL ? strchr(rest, '/') : NULL;

    if (slash == NULL || slash == rest || slash[1] == '\0' || strchr(slash + 1, '/') != NULL) {
        return false;
    }
    *slash = '\0';
    s->database = rest;
    *out_table = slash + 1;
    return slash[1] != '.' && slash[strlen(slash + 1)] != '.';
}

/* The file at path is held. A key is its owner's, or libpq does not take it: of who reads it. */
static int hold_file(struct held_file *f, const struct ft_output_url *url, const char *path,
                     const char *user, struct ft_err *err)
{
    unsigned uid, gid;
    char *text;
    size_t len;
    int rc = ft_tls_read(url, path, &text, &len, err);

    if (rc != FT_OK) {
        return rc;
    }
    f->fd = memfd_create("flowtap-tls", MFD_CLOEXEC);
    if (f->fd < 0 || write(f->fd, text, len) != (ssize_t)len || fchmod(f->fd, 0400) != 0) {
        rc = ft_err_set(err, FT_E_NOMEM, "output %s: out of memory", url->text);
    } else if (geteuid() == 0) {
        rc = ft_sandbox_user(user, &uid, &gid, err);
        ft_ignore(rc == FT_OK ? fchown(f->fd, uid, gid) : 0); /* it is said when it connects */
    }
    ft_whole_forget(text, len);
    snprintf(f->name, sizeof f->name, "/proc/self/fd/%d", f->fd);
    return rc;
}

/* tls=require, or any of the parameters of TLS: as everywhere, the certificate has to fit. */
static int configure_tls(struct postgres_sink *s, const struct ft_output_url *url, const char *user,
                         struct ft_err *err)
{
    const char *tls = ft_output_url_get(url, "tls");
    struct ft_tls_files f;
    int rc = ft_tls_files_of(url, true, &f, err);

    if (rc != FT_OK) {
        return rc;
    }
    if (f.given && tls != NULL && strcmp(tls, "require") != 0) {
        return ft_err_set(err, FT_E_USAGE,
                          "output %s: tls=%s: ca=, cert=, key= and verify= need tls=require",
                          url->text, tls);
    }
    if (!f.given && (tls == NULL || strcmp(tls, "require") != 0)) {
        s->tls = tls != NULL && strcmp(tls, "disable") == 0 ? "disable" : "prefer";
        return FT_OK;
    }
    s->tls = f.any ? "require" : "verify-full";
    f.ca = f.ca != NULL ? f.ca : ft_whole_authorities();
    if (!f.any && f.ca != NULL) {
        rc = hold_file(&s->ca, url, f.ca, user, err);
    }
    rc = rc == FT_OK ? ft_tls_fits(url, &f, err) : rc;
    if (rc == FT_OK && f.cert != NULL) {
        rc = hold_file(&s->cert, url, f.cert, user, err);
        rc = rc == FT_OK ? hold_file(&s->key, url, f.key, user, err) : rc;
    }
    return rc;
}

static int configure(struct postgres_sink *s, const struct ft_output_url *url,
                     const struct ft_output_env *env, struct ft_err *err)
{
    const char *user = ft_output_url_get(url, "user");
    const char *table = NULL;
    int rc = ft_target_split(url->target, "5432", &s->target);

    if (rc == FT_E_USAGE || (rc == FT_OK && !split_rest(s, &table))) {
        return ft_err_set(err, FT_E_USAGE, "output %s: write postgres://HOST[:PORT]/DATABASE/TABLE",
                          url->text);
    }
    if (env->table == NULL) {
        return ft_err_set(err, FT_E_USAGE, "output %s: postgres:// takes the format copy",
                          url->text);
    }
    s->user = ft_mem_strdup(user != NULL ? user : "postgres");
    if (rc != FT_OK || s->user == NULL) {
        return ft_err_set(err, FT_E_NOMEM, "output %s: out of memory", url->text);
    }
    rc = ft_receiver_secret(url, "password", &s->password, err);
    rc = rc == FT_OK ? configure_tls(s, url, env->user, err) : rc;
    return rc == FT_OK ? make_commands(s, url, env, table, err) : rc;
}

static int postgres_open(const struct ft_output_url *url, const struct ft_output_env *env,
                         struct ft_sink **out, struct ft_err *err)
{
    struct postgres_sink *s = ft_mem_alloc(1, sizeof *s);

    if (s == NULL) {
        return ft_err_set(err, FT_E_NOMEM, "output %s: out of memory", url->text);
    }
    s->sink.ops = &ft_sink_postgres;
    s->ca = s->cert = s->key = (struct held_file){.fd = -1, .name = "/dev/null/none"};
    int rc = ft_receiver_init(&s->receiver, &s->sink, url, env, err);

    rc = rc == FT_OK ? configure(s, url, env, err) : rc;
    if (rc != FT_OK) {
        postgres_close(&s->sink);
        return rc;
    }
    *out = &s->sink;
    return FT_OK;
}

#else

#include "output/sink/postgres/postgres_parts.h"

static int postgres_open(const struct ft_output_url *url, const struct ft_output_env *env,
                         struct ft_sink **out, struct ft_err *err)
{
    (void)env, (void)out;
    return ft_err_set(err, FT_E_UNSUPPORTED, "output %s: this build lacks libpq (libpq-dev)",
                      url->text);
}

#define postgres_write   NULL
#define postgres_give_up NULL
#define postgres_close   NULL

#endif

const struct ft_sink_ops ft_sink_postgres = {
    .name = "postgres",
    .help = "rows of a table of PostgreSQL, by COPY: //HOST[:PORT]/DATABASE/TABLE",
    .params = {&ft__postgres_params, &ft_tls_params},
    .needs = FT_SANDBOX_NETWORK,
    .alone = true,
    .usual = "copy",
    .waits = true,
    .open = postgres_open,
    .write = postgres_write,
    .give_up = postgres_give_up,
    .close = postgres_close,
};
