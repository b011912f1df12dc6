/* SPDX-License-Identifier: Apache-2.0 */
/* What is in a spool: the folder of an output with overflow=spool. */
#ifndef FLOWTAP_SPOOL_H
#define FLOWTAP_SPOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flowtap/errors.h"
#include "flowtap/event.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What is in it and not known to be delivered. */
struct ft_spool_info {
    uint64_t events[FT_EVENT__COUNT];
    uint64_t bytes;       /* of the events */
    uint64_t frames;      /* batches that they lie in */
    uint64_t first_frame; /* number of the first; that of the next to be made is next_frame */
    uint64_t next_frame;
    uint64_t producer;         /* as receivers see it */
    int64_t oldest_ns;         /* wall clock, since 1970; 0: it is empty */
    uint64_t disk_bytes;       /* of its files */
    uint32_t segments;         /* files in use */
    uint64_t damaged_segments; /* whose end, or more, is not whole */
    uint64_t damaged_frames;   /* whose bytes are not those that were written */
    uint64_t missing_events;   /* of frames that are not there any more, or have no whole header */
    bool orderly;              /* who wrote it last has ended in order */
};

/* Looks into the spool in a folder and changes nothing; who uses it may go on. FT_E_IO, FT_E_NOMEM,
 * FT_E_UNSUPPORTED. */
FT_API FT_NODISCARD int ft_spool_look(const char *folder, struct ft_spool_info *out,
                                      struct ft_err *err);

/* Hands the bytes of each batch that is not known to be delivered to fn, in order, until it returns
 * something else than 0. Errors as above. */
FT_API FT_NODISCARD int ft_spool_each(const char *folder,
                                      int (*fn)(void *cookie, const void *data, size_t len),
                                      void *cookie, struct ft_err *err);

#ifdef __cplusplus
}
#endif

#endif
