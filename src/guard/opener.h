/* SPDX-License-Identifier: Apache-2.0 */
/* guard: how the outputs reach the opener; its life is in flowtap/sandbox.h. */
#ifndef FT_GUARD_OPENER_H
#define FT_GUARD_OPENER_H

#include "base/files.h"
#include "flowtap/sandbox.h"

/* Where a loader says, before the seal and after it, which files may be placed after it: a message
 * of their names, each with its NUL, at most FT__NAMED_MOST bytes. The newest holds: the keeper
 * reads them only when a file is placed, so whoever sends one takes away those that lie there, by
 * the keeper's end. Both are taken away from the opener, owned by the caller; -1, -1: they are
 * given away. */
enum { FT__NAMED_MOST = 80 * 1024 };
struct ft__named {
    int ours, keepers;
};
struct ft__named ft__opener_named(struct ft_opener *o);

/* Files through the opener; valid until ft_opener_stop. Any thread, one place by one at a time. */
struct ft_files ft__opener_files(struct ft_opener *o);

#endif
