/* SPDX-License-Identifier: Apache-2.0 */
/* guard: what a process may still ask of the kernel, see flowtap/sandbox.h.
 *
 * Theory of operation: six kinds of processes, six lists of system calls. A call on the list is
 * let through, for some only with arguments that are looked at. What only an intruder makes ends
 * the process. Everything else, what a library merely probes for included, answers ENOSYS and is
 * logged by the kernel's audit. Landlock, where the kernel has it, takes the file system away
 * besides: all of it from the main process, all but the folders of its files from the opener and
 * from who keeps a store, all but reading from the loader. */
#ifndef FT_GUARD_CONFINE_H
#define FT_GUARD_CONFINE_H

#include <stdbool.h>

#include "flowtap/errors.h"

enum ft__role {
    FT__ROLE_MAIN,   /* captures, decodes, writes to what is open; opens nothing */
    FT__ROLE_KEEPER, /* starts the opener again when a folder was replaced */
    FT__ROLE_OPENER, /* opens and renames files in its folders */
    FT__ROLE_LOADER, /* reads files */
    FT__ROLE_STORE,  /* keeps a store: files and a database in its folder */
    FT__ROLE_SERVE,  /* reads a store, and answers agents */
    FT__ROLE__COUNT
};

/* Turns on the filter of a role; needs: FT_SANDBOX_... of the main process. FT_E_UNSUPPORTED: not
 * built in, or a sanitizer build; FT_E_PRIVILEGE. */
FT_NODISCARD int ft__confine_calls(enum ft__role role, unsigned needs, struct ft_err *err);

struct ft__folder {
    int fd;     /* handle, borrowed */
    bool grows; /* folders are made and removed below it, too */
};

/* What is left of the file system. */
struct ft__confine_left {
    const struct ft__folder *folders; /* below them files may be made, written, read and removed */
    int n;
    bool network; /* hosts may be connected to, and the files read that tell their addresses */
    bool reads;   /* every file may be read */
};

/* Leaves this process nothing else of the file system. FT_E_UNSUPPORTED: the kernel has no
 * Landlock, or a sanitizer build; FT_E_PRIVILEGE. no_new_privs is set before. */
FT_NODISCARD int ft__confine_files(const struct ft__confine_left *left, struct ft_err *err);

/* Gives up all capabilities but those in keep (bits of the first 32), for good. 0 or -1, errno. */
FT_NODISCARD int ft__confine_caps(unsigned keep);

#endif
