/* SPDX-License-Identifier: Apache-2.0 */
/* Logging: the library never prints; messages go to the embedder's callback. */
#ifndef FLOWTAP_LOG_H
#define FLOWTAP_LOG_H

#include "flowtap/macros.h"

#ifdef __cplusplus
extern "C" {
#endif

enum ft_log_level { FT_LOG_ERROR, FT_LOG_WARN, FT_LOG_INFO, FT_LOG_DEBUG };

/* Called with one message without a newline. May be called from several threads at once; must not
 * block for long and must not call back into the pipeline. */
typedef void (*ft_log_fn)(void *cookie, enum ft_log_level level, const char *message);

struct ft_log {
    ft_log_fn fn;            /* NULL: messages are thrown away */
    void *cookie;            /* handed to fn; owned by the embedder */
    enum ft_log_level level; /* messages above this level are not made */
};

/* Formats and hands on one message; log may be NULL. Never on the packet path without a rate limit.
 */
FT_API void ft_log(const struct ft_log *log, enum ft_log_level level, const char *fmt, ...)
    FT_PRINTF(3, 4);

#ifdef __cplusplus
}
#endif

#endif
