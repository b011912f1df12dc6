/* SPDX-License-Identifier: Apache-2.0 */
/* base: the tables behind flowtap/errors.h, walked from errors.def and verdicts.def. */
#include "flowtap/errors.h"

#include <stdarg.h>
#include <stdio.h>

static const struct {
    const char *metric;
    const char *text;
    enum ft_verdict_class class;
} verdicts[FT_V__COUNT] = {
#define X(sym, cls, name, meaning) [FT_V_##sym] = {#name, meaning, FT_CLASS_##cls},
#include "flowtap/verdicts.def"
#undef X
};

const char *ft_strerror(int code)
{
    switch (code) {
#define X(sym, value, text)                                                                        \
    case value:                                                                                    \
        return text;
#include "flowtap/errors.def"
#undef X
    default:
        return "unknown error";
    }
}

int ft_err_set(struct ft_err *err, int code, const char *fmt, ...)
{
    if (err != NULL) {
        va_list ap;

        err->code = code;
        err->off = 0;
        va_start(ap, fmt);
        vsnprintf(err->what, sizeof err->what, fmt, ap);
        va_end(ap);
        for (char *c = err->what; *c != '\0'; c++) { /* names come from files and from users */
            if ((unsigned char)*c < 0x20 || *c == 0x7f) {
                *c = '?';
            }
        }
    }
    return code;
}

const char *ft_verdict_name(enum ft_verdict v)
{
    return v < FT_V__COUNT ? verdicts[v].metric : "unknown";
}

enum ft_verdict_class ft_verdict_class(enum ft_verdict v)
{
    return v < FT_V__COUNT ? verdicts[v].class : FT_CLASS_MALFORMED;
}

const char *ft_verdict_text(enum ft_verdict v)
{
    return v < FT_V__COUNT ? verdicts[v].text : "unknown";
}
