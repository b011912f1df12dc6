/* SPDX-License-Identifier: Apache-2.0 */
/* output/sink: receivers, see receiver.h. */
#include "output/sink/receiver.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/secret.h"
#include "base/wait.h"

enum { PAUSE_FIRST_MS = 100, PAUSE_MOST_MS = 15000 };

int ft_receiver_init(struct ft_receiver *r, struct ft_sink *sink, const struct ft_output_url *url,
                     const struct ft_output_env *env, struct ft_err *err)
{
    *r = (struct ft_receiver){.sink = sink};
    if (env->log != NULL) {
        r->log = *env->log;
    }
    atomic_store_explicit(&sink->absent, true, memory_order_relaxed);
    r->name = ft_mem_strdup(url->text);
    r->wake = r->name != NULL ? eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) : -1;
    if (r->wake < 0) {
        ft_mem_free(r->name);
        r->name = NULL;
        return ft_err_set(err, FT_E_NOMEM, "output %s: out of memory", url->text);
    }
    return FT_OK;
}

void ft_receiver_fini(struct ft_receiver *r)
{
    if (r->name != NULL) {
        close(r->wake);
    }
    ft_mem_free(r->name);
    r->name = NULL;
}

void ft_receiver_give_up(struct ft_receiver *r)
{
    uint64_t one = 1;

    atomic_store_explicit(&r->gave_up, true, memory_order_relaxed);
    ft_ignore((int)write(r->wake, &one, sizeof one)); /* full: it is readable */
}

bool ft_receiver_gave_up(const struct ft_receiver *r)
{
    return atomic_load_explicit(&r->gave_up, memory_order_relaxed);
}

int ft_receiver_wait(struct ft_receiver *r, int fd, short events, int64_t ms)
{
    struct pollfd p[2] = {{.fd = r->wake, .events = POLLIN}, {.fd = fd, .events = events}};
    int n;

    do {
        n = poll(p, 2, ms > 0 ? (int)ms : 0);
    } while (n < 0 && errno == EINTR);
    if (ft_receiver_gave_up(r)) {
        return FT_E_INTERRUPTED;
    }
    return n > 0 && p[1].revents != 0 ? FT_OK : FT_E_AGAIN;
}

void ft_receiver_why(struct ft_receiver *r, const char *what, const char *advice)
{
    size_t len = strcspn(what, "\n");
    size_t n = (size_t)snprintf(r->why, sizeof r->why, "%.*s%s%s", (int)(len < 200 ? len : 200),
                                what, advice != NULL ? "; " : "", advice != NULL ? advice : "");

    for (size_t i = 0; i < n && i < sizeof r->why - 1; i++) {
        r->why[i] = (unsigned char)r->why[i] < ' ' || r->why[i] == 0x7f ? ' ' : r->why[i];
    }
}

/* Half of it to all of it, so that many do not come back at once. */
static int64_t jitter(int64_t ms)
{
    uint8_t random = 0;

    ft_ignore((int)getrandom(&random, sizeof random, GRND_NONBLOCK)); /* or all come at once */
    return ms - ms / 2 * random / 256;
}

int64_t ft_receiver_pause(struct ft_receiver *r, const char *why, bool broke)
{
    uint32_t n = r->failures++;
    int64_t ms = n < 8 ? (int64_t)PAUSE_FIRST_MS << n : PAUSE_MOST_MS;

    atomic_store_explicit(&r->sink->absent, true, memory_order_relaxed);
    if (n == 0 && broke) { /* it may have been idle for long, or have begun anew */
        return 0;
    }
    if (!r->said) {
        ft_log(&r->log, FT_LOG_WARN,
               "%s: %s; tried again until it works, with growing pauses, and events wait meanwhile",
               r->name, why);
        r->since_ms = ft_mono_ms();
        r->said = true;
    }
    return jitter(ms < PAUSE_MOST_MS ? ms : PAUSE_MOST_MS);
}

int ft_receiver_failed(struct ft_receiver *r, const char *why, bool broke)
{
    int rc = ft_receiver_wait(r, -1, 0, ft_receiver_pause(r, why, broke));

    return rc == FT_E_AGAIN ? FT_OK : rc;
}

void ft_receiver_is_there(struct ft_receiver *r)
{
    atomic_store_explicit(&r->sink->absent, false, memory_order_relaxed);
}

void ft_receiver_works(struct ft_receiver *r)
{
    if (r->said) {
        ft_log(&r->log, FT_LOG_WARN, "%s: works again after %.1f s", r->name,
               (double)(ft_mono_ms() - r->since_ms) / 1000);
    }
    r->said = false;
    r->failures = 0;
}

int ft_receiver_secret(const struct ft_output_url *url, const char *key, char **out,
                       struct ft_err *err)
{
    const char *value = ft_output_url_get(url, key);
    struct ft_err why;

    *out = NULL;
    int rc = value != NULL ? ft_secret_read(value, out, &why) : FT_OK;

    return rc == FT_OK ? rc : ft_err_set(err, rc, "output %s: %s=: %s", url->text, key, why.what);
}

/* Takes host, port and rest out of a text that is cut there. False: it is not of that form. */
static bool split(char *text, const char *usual_port, struct ft_target *out)
{
    char *host = text, *rest = strchr(text, '/'), *end, *port;

    if (rest != NULL) {
        *rest++ = '\0';
        out->rest = rest[0] != '\0' ? rest : NULL;
    }
    if (host[0] == '[') {
        host++;
        end = strchr(host, ']');
        if (end == NULL || (end[1] != '\0' && end[1] != ':')) {
            return false;
        }
        *end++ = '\0';
    } else {
        end = host + strcspn(host, ":");
    }
    port = *end == ':' ? end + 1 : NULL;
    *end = '\0';
    memmove(text, host, strlen(host) + 1);
    out->port = port != NULL ? port : usual_port;
    size_t digits = out->port != NULL ? strspn(out->port, "0123456789") : 0;

    return text[0] != '\0' && strpbrk(text, "@ ,;") == NULL && digits >= 1 && digits <= 5 &&
           out->port[digits] == '\0' && strtoul(out->port, NULL, 10) - 1 < 65535;
}

int ft_target_split(const char *target, const char *usual_port, struct ft_target *out)
{
    struct ft_target t = {NULL, NULL, NULL};

    if (strncmp(target, "//", 2) != 0) {
        return FT_E_USAGE;
    }
    t.host = ft_mem_strdup(target + 2);
    if (t.host == NULL) {
        return FT_E_NOMEM;
    }
    if (!split(t.host, usual_port, &t)) {
        ft_mem_free(t.host);
        return FT_E_USAGE;
    }
    *out = t;
    return FT_OK;
}
