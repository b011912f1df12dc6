/* SPDX-License-Identifier: Apache-2.0 */
/* flowtap: messages on stderr, as text or as JSON lines.
 *
 * File names and interface names come from outside, so neither form lets a control character or
 * broken UTF-8 through: a terminal is not steered, a line of JSON stays one. */
#include <stdarg.h>
#include <string.h>
#include <time.h>

#include "cli.h"

static const char *const levels[] = {"error", "warn", "info", "debug"};

/* Bytes of the UTF-8 character at s, 0 when there is none. */
static int utf8_len(const unsigned char *s)
{
    int n = s[0] < 0x80                    ? 1
            : s[0] >= 0xc2 && s[0] <= 0xdf ? 2
            : (s[0] & 0xf0) == 0xe0        ? 3
            : s[0] >= 0xf0 && s[0] <= 0xf4 ? 4
                                           : 0;

    for (int i = 1; i < n; i++) {
        if ((s[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
        (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f)) {
        return 0; /* longer than needed, a surrogate, or beyond Unicode */
    }
    return n;
}

/* C0, DEL and C1. */
static bool is_control(const unsigned char *s)
{
    return s[0] < 0x20 || s[0] == 0x7f || (s[0] == 0xc2 && s[1] < 0xa0);
}

/* What changes the order or the lines of what is shown: marks, embeddings, isolates, separators. */
static bool is_mischief(const unsigned char *s)
{
    if (s[0] != 0xe2) {
        return s[0] == 0xd8 && s[1] == 0x9c; /* U+061C */
    }
    return (s[1] == 0x80 && (s[2] == 0x8e || s[2] == 0x8f || (s[2] >= 0xa8 && s[2] <= 0xae))) ||
           (s[1] == 0x81 && s[2] >= 0xa6 && s[2] <= 0xa9); /* U+200E, 200F, 2028-202E, 2066-2069 */
}

int text_print(FILE *to, const char *text)
{
    int shown = 0;

    for (const unsigned char *s = (const unsigned char *)text; *s != '\0';) {
        int n = utf8_len(s);

        if (n == 0 || is_control(s) || is_mischief(s)) {
            fputc('?', to);
        } else {
            fwrite(s, 1, (size_t)n, to);
        }
        s += n > 0 ? n : 1;
        shown++;
    }
    return shown;
}

void json_print(FILE *to, const char *text)
{
    fputc('"', to);
    for (const unsigned char *s = (const unsigned char *)text; *s != '\0';) {
        int n = utf8_len(s);

        if (n == 0) {
            fputs("\\ufffd", to);
        } else if (*s == '"' || *s == '\\') {
            fprintf(to, "\\%c", *s);
        } else if (is_control(s)) {
            fprintf(to, "\\u%04x", n == 1 ? s[0] : s[1]);
        } else {
            fwrite(s, 1, (size_t)n, to);
        }
        s += n > 0 ? n : 1;
    }
    fputc('"', to);
}

void json_log_begin(FILE *to, enum ft_log_level level, const char *message)
{
    struct timespec ts;

    clock_gettime(CLOCK_REALTIME, &ts);
    fprintf(to, "{\"time\":%lld.%03ld,\"level\":\"%s\",\"message\":", (long long)ts.tv_sec,
            ts.tv_nsec / 1000000, levels[level]);
    json_print(to, message);
}

void cli_log(void *cookie, enum ft_log_level level, const char *message)
{
    struct cli_log *l = cookie;

    flockfile(stderr);
    if (l->json) {
        json_log_begin(stderr, level, message);
        fputs("}\n", stderr);
    } else {
        fprintf(stderr, "%sflowtap: %s", l->status_line ? "\r\033[K" : "",
                level == FT_LOG_ERROR  ? "error: "
                : level == FT_LOG_WARN ? "warning: "
                                       : "");
        text_print(stderr, message);
        fputc('\n', stderr);
        l->status_line = false;
    }
    fflush(stderr);
    funlockfile(stderr);
}

static bool said_as_json;

void say_as_json(bool json)
{
    said_as_json = json;
}

void say(const char *fmt, ...)
{
    char line[4096];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    flockfile(stderr);
    if (said_as_json) {
        json_log_begin(stderr, FT_LOG_ERROR, line);
        fputs("}\n", stderr);
    } else {
        fputs("flowtap: ", stderr);
        text_print(stderr, line);
        fputc('\n', stderr);
    }
    funlockfile(stderr);
}
