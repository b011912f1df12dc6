/* SPDX-License-Identifier: Apache-2.0 */
/* base: formats log messages for the embedder's callback. */
#include "flowtap/log.h"

#include <stdarg.h>
#include <stdio.h>

void ft_log(const struct ft_log *log, enum ft_log_level level, const char *fmt, ...)
{
    char line[1024];
    va_list ap;

    if (log == NULL || log->fn == NULL || level > log->level) {
        return;
    }
    va_start(ap, fmt);
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    log->fn(log->cookie, level, line);
}
