/* SPDX-License-Identifier: Apache-2.0 */
/* serve: the checker of arguments; see schema.h. */
#include "serve/schema.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { NAME = 48 };

static const double whole_most = 9007199254740992.0; /* 2^53 */

static const cJSON *get(const cJSON *o, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(o, name);
}

/* A name that a sender chose, for a sentence. */
static const char *shown(const char *name, char out[NAME])
{
    size_t n = 0;

    for (; name[n] != '\0' && n < NAME - 1; n++) {
        out[n] = name[n] >= 0x20 && name[n] < 0x7f ? name[n] : '?';
    }
    out[n] = '\0';
    return out;
}

static bool is_whole(const cJSON *v)
{
    return cJSON_IsNumber(v) && fabs(v->valuedouble) <= whole_most &&
           v->valuedouble == floor(v->valuedouble);
}

static bool is_type(const cJSON *v, const char *type)
{
    return strcmp(type, "string") == 0    ? cJSON_IsString(v)
           : strcmp(type, "integer") == 0 ? is_whole(v)
           : strcmp(type, "number") == 0  ? cJSON_IsNumber(v) && isfinite(v->valuedouble)
           : strcmp(type, "boolean") == 0 ? cJSON_IsBool(v)
           : strcmp(type, "array") == 0   ? cJSON_IsArray(v)
                                          : strcmp(type, "object") == 0 && cJSON_IsObject(v);
}

static size_t characters(const char *s)
{
    size_t n = 0;

    for (; *s != '\0'; s++) {
        n += ((uint8_t)*s & 0xc0) != 0x80;
    }
    return n;
}

static enum ft_schema_verdict check_enum(const cJSON *allowed, const cJSON *v, const char *name,
                                         char why[FT_SCHEMA_WHY])
{
    const cJSON *a;
    size_t at = (size_t)snprintf(why, FT_SCHEMA_WHY, "%s: allowed is ", name);

    cJSON_ArrayForEach(a, allowed)
    {
        if (cJSON_Compare(a, v, true)) {
            return FT_SCHEMA_FITS;
        }
        if (cJSON_IsString(a) && at < FT_SCHEMA_WHY) {
            at += (size_t)snprintf(why + at, FT_SCHEMA_WHY - at, "%s%s",
                                   a == allowed->child ? "" : ", ", a->valuestring);
        }
    }
    return FT_SCHEMA_VALUE;
}

static enum ft_schema_verdict check_bounds(const cJSON *schema, const cJSON *v, const char *name,
                                           char why[FT_SCHEMA_WHY])
{
    const cJSON *least = get(schema, "minimum"), *most = get(schema, "maximum"),
                *length = get(schema, "maxLength"), *items = get(schema, "maxItems");

    if (cJSON_IsNumber(v) && cJSON_IsNumber(least) && v->valuedouble < least->valuedouble) {
        snprintf(why, FT_SCHEMA_WHY, "%s: at least %.15g", name, least->valuedouble);
        return FT_SCHEMA_VALUE;
    }
    if (cJSON_IsNumber(v) && cJSON_IsNumber(most) && v->valuedouble > most->valuedouble) {
        snprintf(why, FT_SCHEMA_WHY, "%s: at most %.15g", name, most->valuedouble);
        return FT_SCHEMA_VALUE;
    }
    if (cJSON_IsString(v) && cJSON_IsNumber(length) &&
        (double)characters(v->valuestring) > length->valuedouble) {
        snprintf(why, FT_SCHEMA_WHY, "%s: at most %.15g characters", name, length->valuedouble);
        return FT_SCHEMA_VALUE;
    }
    if (cJSON_IsArray(v) && cJSON_IsNumber(items) && cJSON_GetArraySize(v) > items->valuedouble) {
        snprintf(why, FT_SCHEMA_WHY, "%s: at most %.15g", name, items->valuedouble);
        return FT_SCHEMA_VALUE;
    }
    return FT_SCHEMA_FITS;
}

static enum ft_schema_verdict check(const cJSON *schema, const cJSON *v, const char *name,
                                    char why[FT_SCHEMA_WHY]);

/* Shapes before values: of several mistakes the graver one is told. */
static enum ft_schema_verdict check_object(const cJSON *schema, const cJSON *v,
                                           char why[FT_SCHEMA_WHY])
{
    const cJSON *properties = get(schema, "properties"), *item;
    char name[NAME];

    cJSON_ArrayForEach(item, get(schema, "required"))
    {
        if (cJSON_IsString(item) && get(v, item->valuestring) == NULL) {
            snprintf(why, FT_SCHEMA_WHY, "%s: it is missing", item->valuestring);
            return FT_SCHEMA_SHAPE;
        }
    }
    enum ft_schema_verdict found = FT_SCHEMA_FITS;

    cJSON_ArrayForEach(item, v)
    {
        const cJSON *own = get(properties, item->string);
        char other[FT_SCHEMA_WHY];

        if (own == NULL && !cJSON_IsFalse(get(schema, "additionalProperties"))) {
            continue;
        }
        if (own == NULL) {
            snprintf(why, FT_SCHEMA_WHY, "%s: there is no such argument",
                     shown(item->string, name));
            return FT_SCHEMA_SHAPE;
        }
        enum ft_schema_verdict verdict =
            check(own, item, own->string, found == FT_SCHEMA_FITS ? why : other);

        if (verdict == FT_SCHEMA_SHAPE) {
            memmove(why, found == FT_SCHEMA_FITS ? why : other, FT_SCHEMA_WHY);
            return verdict;
        }
        found = verdict == FT_SCHEMA_VALUE ? verdict : found;
    }
    return found;
}

static enum ft_schema_verdict check_items(const cJSON *schema, const cJSON *v, const char *name,
                                          char why[FT_SCHEMA_WHY])
{
    const cJSON *items = get(schema, "items"), *item;
    enum ft_schema_verdict found = FT_SCHEMA_FITS;

    cJSON_ArrayForEach(item, v)
    {
        found = items != NULL ? check(items, item, name, why) : found;
        if (found != FT_SCHEMA_FITS) {
            break;
        }
    }
    return found;
}

static enum ft_schema_verdict check(const cJSON *schema, const cJSON *v, const char *name,
                                    char why[FT_SCHEMA_WHY])
{
    const char *type = cJSON_GetStringValue(get(schema, "type"));
    const cJSON *allowed = get(schema, "enum");
    enum ft_schema_verdict found = FT_SCHEMA_FITS;

    if (type != NULL && !is_type(v, type)) {
        snprintf(why, FT_SCHEMA_WHY, "%s: it wants type %s", name, type);
        return FT_SCHEMA_SHAPE;
    }
    if (cJSON_IsObject(v)) {
        found = check_object(schema, v, why);
    } else if (cJSON_IsArray(v)) {
        found = check_items(schema, v, name, why);
    }
    if (found == FT_SCHEMA_FITS && allowed != NULL) {
        found = check_enum(allowed, v, name, why);
    }
    return found != FT_SCHEMA_FITS ? found : check_bounds(schema, v, name, why);
}

enum ft_schema_verdict ft_schema_check(const cJSON *schema, const cJSON *value,
                                       char why[FT_SCHEMA_WHY])
{
    why[0] = '\0';
    return check(schema, value, "arguments", why);
}

const char *ft_schema_strange(const cJSON *schema)
{
    static const char *const words[] = {
        "type",       "properties",           "required", "title",   "items",   "maxItems",
        "enum",       "additionalProperties", "minimum",  "maximum", "default", "maxLength",
        "description"};
    const cJSON *item, *property;

    cJSON_ArrayForEach(item, schema)
    {
        bool known = false;

        for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
            known |= strcmp(item->string, words[i]) == 0;
        }
        if (!known) {
            return item->string;
        }
    }
    const char *strange =
        get(schema, "items") != NULL ? ft_schema_strange(get(schema, "items")) : NULL;

    cJSON_ArrayForEach(property, get(schema, "properties"))
    {
        strange = strange != NULL ? strange : ft_schema_strange(property);
    }
    return strange;
}
