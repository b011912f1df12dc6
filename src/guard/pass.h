/* SPDX-License-Identifier: Apache-2.0 */
/* guard: what a process and its helpers (opener, loader) say to each other over socket pairs. */
#ifndef FT_GUARD_PASS_H
#define FT_GUARD_PASS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* One message, with a descriptor unless fd is -1, which stays open here. */
bool ft__pass_send(int sock, const void *data, size_t len, int fd);

/* Takes the message that is there: its bytes, 0 at the end of the other side, or -1. *out_fd: the
 * descriptor that came, owned by the caller, or -1. *out_cut: one came, and there was no number
 * for it. */
ssize_t ft__pass_recv(int sock, void *out, size_t len, int *out_fd, bool *out_cut);

/* Waits until something is there, or the other side has ended. False: not within ms. */
bool ft__pass_wait(int sock, int ms);

/* In a new child: it ends with its parent, not by signals that are meant for that. */
void ft__pass_keep_on(void);

/* In a new child: nothing of what its parent had open stays open, but these n. */
bool ft__pass_detach(const int *keep, int n);

#endif
