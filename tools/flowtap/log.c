/* SPDX-License-Identifier: Apache-2.0 */
/* flowtap: messages on stderr, as text or as JSON lines. */
#include <string.h>
#include <time.h>

#include "cli.h"

static const char *const levels[] = {"error", "warn", "info", "debug"};

static void json_string(const char *s)
{
    for (; *s != '\0'; s++) {
        if (*s == '"' || *s == '\\') {
            fputc('\\', stderr);
        }
        if ((unsigned char)*s < 0x20) {
            fprintf(stderr, "\\u%04x", (unsigned char)*s);
        } else {
            fputc(*s, stderr);
        }
    }
}

void cli_log(void *cookie, enum ft_log_level level, const char *message)
{
    struct cli_log *l = cookie;
    struct timespec ts;

    flockfile(stderr);
    if (l->json) {
        clock_gettime(CLOCK_REALTIME, &ts);
        fprintf(stderr, "{\"time\":%lld.%03ld,\"level\":\"%s\",\"message\":\"",
                (long long)ts.tv_sec, ts.tv_nsec / 1000000, levels[level]);
        json_string(message);
        fprintf(stderr, "\"}\n");
    } else {
        fprintf(stderr, "%sflowtap: %s%s\n", l->status_line ? "\r\033[K" : "",
                level == FT_LOG_ERROR  ? "error: "
                : level == FT_LOG_WARN ? "warning: "
                                       : "",
                message);
    }
    funlockfile(stderr);
}
