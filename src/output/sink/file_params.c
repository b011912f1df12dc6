/* SPDX-License-Identifier: Apache-2.0 */
/* output/sink: the parameters of the file sink. */
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "output/sink/file_parts.h"

#define FILES "files"

bool ft__file_parse_rows(const char *text, uint64_t *out)
{
    const char *rest;

    return ft_parse_number(text, out, &rest) && strcmp(rest, "rows") == 0 && *out > 0;
}

static bool valid_rotate(const char *value)
{
    uint64_t size;
    int64_t ns;

    return ft_parse_duration(value, &ns) || ft__file_parse_rows(value, &size) ||
           (ft_parse_size(value, &size) && size >= 1000);
}

static bool valid_keep(const char *value)
{
    struct ft_file_keep keep;

    return ft_parse_keep(value, &keep);
}

static bool valid_fsync(const char *value)
{
    int64_t ns;

    return strcmp(value, "no") == 0 || strcmp(value, "frame") == 0 || ft_parse_duration(value, &ns);
}

/* "640", "0600": rights that the owner can at least write with. */
static bool valid_mode(const char *value)
{
    size_t len = strlen(value);

    return len >= 3 && len <= 4 && strspn(value, "01234567") == len &&
           (len == 3 || value[0] == '0') && (strtoul(value, NULL, 8) & 0200) != 0;
}

static bool valid_group(const char *value)
{
    return value[0] != '\0';
}

static bool valid_compress(const char *value)
{
    uint64_t level;
    const char *rest, *colon = strchr(value, ':');
    size_t len = colon != NULL ? (size_t)(colon - value) : strlen(value);
    bool zstd = len == 4 && strncmp(value, "zstd", 4) == 0;

    if (!zstd && !(len == 4 && strncmp(value, "gzip", 4) == 0)) {
        return false;
    }
    return colon == NULL || (ft_parse_number(colon + 1, &level, &rest) && *rest == '\0' &&
                             level >= 1 && level <= (zstd ? 19 : 9));
}

static const struct ft_param rows[] = {
    {.row = {.name = "append",
             .of = FILES,
             .choices = "true|false",
             .help = "add to a file that is there, or begin a new one"}},
    {.row = {.name = "fsync",
             .of = FILES,
             .value = "no|frame|DURATION",
             .defval = "no",
             .help = "what a power cut may take: what the kernel had not written yet, nothing that "
                     "was counted as written, or at most so much time"},
     .check = valid_fsync,
     .allowed = "no, frame, or a duration such as 1s"},
    {.row = {.name = "group", .of = FILES, .value = "NAME", .help = "group of new files"},
     .check = valid_group,
     .allowed = "the name of a group"},
    {.row = {.name = "hive",
             .of = FILES,
             .choices = "hour|day",
             .help = "files lie in folders of the hour or day (UTC) that their events are of: "
                     "date=2026-11-23/hour=13/NAME"}},
    {.row = {.name = "keep",
             .of = FILES,
             .value = "N|DURATION|SIZE",
             .help = "how many, how long or how much of the rotated files stays; the oldest go"},
     .check = valid_keep,
     .allowed = "how many (10), how long (7d) or how much (20GB) of the rotated files stays"},
    {.row = {.name = "mode",
             .of = FILES,
             .value = "OCTAL",
             .defval = "0640 less the umask",
             .help = "rights of new files"},
     .check = valid_mode,
     .allowed = "octal rights such as 0640, with the owner's to write"},
};

const struct ft_params ft__file_params = {rows, sizeof rows / sizeof rows[0]};

/* What others have, too. */
static const struct ft_param compress[] = {
    {.row = {.name = "compress",
             .of = FILES ", s3, http, https",
             .value = "KIND[:LEVEL]",
             .help = "zstd or gzip, in frames that can be read alone"},
     .check = valid_compress,
     .allowed = "zstd[:1-19] or gzip[:1-9]"},
};

const struct ft_params ft__compress_params = {compress, sizeof compress / sizeof compress[0]};

static const struct ft_param rotate[] = {
    {.row = {.name = "rotate",
             .of = FILES ", s3",
             .value = "DURATION|SIZE|Nrows",
             .help = "begin a new file by time (1h: at whole hours), by size (100MB) or by number "
                     "of events (1000000rows)"},
     .check = valid_rotate,
     .allowed = "a duration such as 10m or 1h, a size such as 100MB, at least 1KB, or a number of "
                "events such as 1000000rows"},
};

const struct ft_params ft__rotate_params = {rotate, sizeof rotate / sizeof rotate[0]};
