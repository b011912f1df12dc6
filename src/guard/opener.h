/* SPDX-License-Identifier: Apache-2.0 */
/* guard: how the outputs reach the opener; its life is in flowtap/sandbox.h. */
#ifndef FT_GUARD_OPENER_H
#define FT_GUARD_OPENER_H

#include "base/files.h"
#include "flowtap/sandbox.h"

/* Files through the opener; valid until ft_opener_stop. Any thread, one place by one at a time. */
struct ft_files ft__opener_files(struct ft_opener *o);

#endif
