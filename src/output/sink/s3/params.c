/* SPDX-License-Identifier: Apache-2.0 */
/* output/sink/s3: the parameters of the sink. */
#include <string.h>

#include "base/units.h"
#include "output/sink/s3/s3_parts.h"

#define S3 "s3"

/* "http://HOST[:PORT]", "https://...": no user, no query. */
static bool valid_endpoint(const char *value)
{
    const char *host = strstr(value, "://");

    return host != NULL && host[3] != '\0' && host[3] != '/' && strpbrk(value, "@?# ") == NULL &&
           (strncmp(value, "http://", 7) == 0 || strncmp(value, "https://", 8) == 0);
}

static bool valid_region(const char *value)
{
    size_t len = strlen(value);

    return len > 0 && len < 64 && strspn(value, "abcdefghijklmnopqrstuvwxyz0123456789-") == len;
}

static bool valid_part(const char *value)
{
    uint64_t size;

    return ft_parse_size(value, &size) && size >= FT__S3_PART_LEAST && size <= UINT64_C(1) << 30;
}

static bool valid_credentials(const char *value)
{
    return value[0] != '\0' && strcmp(value, "@") != 0;
}

static const struct ft_param rows[] = {
    {.row = {.name = "credentials",
             .of = S3,
             .value = "@FILE",
             .defval = "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or ~/.aws/credentials",
             .help = "a file as ~/.aws/credentials, or one line ID:SECRET"},
     .check = valid_credentials,
     .allowed = "@FILE",
     .secret = true},
    {.row = {.name = "endpoint",
             .of = S3,
             .value = "URL",
             .defval = "AWS of the region",
             .help = "who speaks the protocol, when it is not AWS; buckets are folders there"},
     .check = valid_endpoint,
     .allowed = "http://HOST[:PORT] or https://HOST[:PORT]"},
    {.row = {.name = "part",
             .of = S3,
             .value = "SIZE",
             .defval = "8MiB",
             .help = "bytes that go up at once; an object has 10000 parts at most"},
     .check = valid_part,
     .allowed = "a size from 5MiB to 1GiB"},
    {.row = {.name = "region",
             .of = S3,
             .value = "NAME",
             .defval = "AWS_REGION, or us-east-1",
             .help = "where the bucket is, for the signature"},
     .check = valid_region,
     .allowed = "the name of a region such as eu-central-1"},
};

const struct ft_params ft__s3_params = {rows, sizeof rows / sizeof rows[0]};
