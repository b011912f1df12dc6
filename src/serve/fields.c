/* SPDX-License-Identifier: Apache-2.0 */
/* serve: what a column of the store is, see fields.h. */
#include "serve/fields.h"

#include <string.h>

#include "serve/veil.h"

static const char *type_name(const struct ft__desk_column *c)
{
    switch ((enum ft_type)c->field->type) {
    case FT_T_BOOL:
        return "bool";
    case FT_T_F64:
    case FT_T_F32:
        return "real";
    case FT_T_TIME:
        return "time";
    case FT_T_STRING:
        return "word";
    case FT_T_TEXT:
    case FT_T_BYTES:
        return "untrusted text";
    case FT_T_ID:
        return "id";
    case FT_T_ADDR:
        return "address";
    case FT_T_JSON:
        return "object";
    case FT_T_LIST:
    case FT_T_LISTS:
    case FT_T_VECTOR:
        return "list";
    default:
        return "number";
    }
}

static void put_text(struct ft_text *out, const char *key, const char *text)
{
    if (text != NULL && text[0] != '\0') {
        ft_text_format(out, ",\"%s\":", key);
        ft_text_json(out, text, strlen(text));
    }
}

void ft__fields_put(const struct ft_desk *d, enum ft__desk_table t, const struct ft__desk_column *c,
                    struct ft_text *out)
{
    static const char *const tables[FT__TABLES] = {"flow", "window", "alert"};

    ft_text_format(out, "{\"name\":\"%s\",\"of\":\"%s\"", c->name, tables[t]);
    if (c->field != NULL) {
        put_text(out, "type", type_name(c));
        put_text(out, "unit", c->field->unit);
        put_text(out, "meaning", c->field->meaning);
        put_text(out, "null_when", c->field->null);
    }
    if (ft_veil_shows(d, c) == FT_VEILED_NOT) {
        ft_text_format(out, ",\"hidden_at_level\":%d", d->privacy);
    }
    ft_text_put(out, "}");
}
