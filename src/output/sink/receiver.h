/* SPDX-License-Identifier: Apache-2.0 */
/* output/sink: a receiver at the other end of a connection, and what a sink does while it is away:
 * shared by tcp, tls, unix, redis, nats and postgres.
 *
 * Theory of operation: a receiver that cannot be had, or that refuses everything (a wrong password,
 * a table that is not there), is waited for: the first time that a connection breaks it is made
 * anew at once; after that pauses grow from 0.1 s to 15 s, with jitter, until give_up(). What is
 * wrong is said once, and once that it works again. */
#ifndef FT_OUTPUT_SINK_RECEIVER_H
#define FT_OUTPUT_SINK_RECEIVER_H

#include <stdbool.h>
#include <stdint.h>

#include "output/output.h"

/* owner: the output's thread, but for gave_up and wake */
struct ft_receiver {
    struct ft_sink *sink; /* whose absent it sets */
    struct ft_log log;
    char *name; /* owned: the output's, for messages */
    int wake;   /* eventfd: readable from give_up() on */
    _Atomic bool gave_up;
    uint32_t failures; /* since something arrived */
    int64_t since_ms;  /* monotonic: of the first one that was said */
    bool said;
    char why[320]; /* ft_receiver_why()'s */
};

FT_NODISCARD int ft_receiver_init(struct ft_receiver *r, struct ft_sink *sink,
                                  const struct ft_output_url *url, const struct ft_output_env *env,
                                  struct ft_err *err);
void ft_receiver_fini(struct ft_receiver *r); /* also of zeros */

void ft_receiver_give_up(struct ft_receiver *r); /* any thread */
bool ft_receiver_gave_up(const struct ft_receiver *r);

/* Waits for events (of poll) of fd (-1: none) for at most ms. FT_OK: they are there; FT_E_AGAIN:
 * the time is over; FT_E_INTERRUPTED: it was given up. */
FT_NODISCARD int ft_receiver_wait(struct ft_receiver *r, int fd, short events, int64_t ms);

/* Notes in why what went wrong, the first line of what, which may be the other side's words;
 * advice: what to do about it, or NULL. */
void ft_receiver_why(struct ft_receiver *r, const char *what, const char *advice);

/* An attempt failed: says why, once, and returns how long the next one is to wait, ms. broke: there
 * was a connection, which ended: the first time the next attempt is due at once. */
int64_t ft_receiver_pause(struct ft_receiver *r, const char *why, bool broke);
/* The same, and waits for so long. FT_OK: the next attempt is due; FT_E_INTERRUPTED. */
FT_NODISCARD int ft_receiver_failed(struct ft_receiver *r, const char *why, bool broke);

/* There is a connection. */
void ft_receiver_is_there(struct ft_receiver *r);

/* Something arrived. */
void ft_receiver_works(struct ft_receiver *r);

/* The text of a secret parameter, "@FILE" or as it is, heap, NULL: there is no such parameter; it
 * goes with ft_secret_forget(). */
FT_NODISCARD int ft_receiver_secret(const struct ft_output_url *url, const char *key, char **out,
                                    struct ft_err *err);

/* Host and port of "//HOST[:PORT][/REST]", with [..] around an IPv6 address, cut out of a copy that
 * is *out_host's, to be freed with ft_mem_free; port: usual_port when there is none (NULL: there
 * must be one). rest: NULL: there is none. FT_E_USAGE: it is not that; FT_E_NOMEM. */
struct ft_target {
    char *host; /* owned */
    const char *port, *rest;
};
FT_NODISCARD int ft_target_split(const char *target, const char *usual_port, struct ft_target *out);

#endif
