/* SPDX-License-Identifier: Apache-2.0 */
/* format: the schema in its forms, each a walk over compositions of columns; flowtap/schema.h. */
#include "format/schema.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "flowtap/version.h"
#include "format/columnar.h"
#include "format/copy.h"
#include "model/columns.h"
#include "model/field_export.h"

enum { NAME_ROOM = 64 };

/* How a type is called in each form. */
static const struct {
    const char *name, *arrow, *clickhouse, *avro, *proto, *json;
} types[FT_T__COUNT] = {
    [FT_T_BOOL] = {"bool", "bool", "Bool", "\"boolean\"", "bool", "{\"type\":\"boolean\"}"},
    [FT_T_U8] = {"uint8", "uint8", "UInt8", "\"int\"", "uint32",
                 "{\"type\":\"integer\",\"minimum\":0,\"maximum\":255}"},
    [FT_T_U16] = {"uint16", "uint16", "UInt16", "\"int\"", "uint32",
                  "{\"type\":\"integer\",\"minimum\":0,\"maximum\":65535}"},
    [FT_T_U32] = {"uint32", "uint32", "UInt32", "\"long\"", "uint32",
                  "{\"type\":\"integer\",\"minimum\":0,\"maximum\":4294967295}"},
    [FT_T_U64] = {"uint64", "uint64", "UInt64",
                  "{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":20,\"scale\":0}",
                  "uint64", "{\"type\":\"integer\",\"minimum\":0}"},
    [FT_T_I64] = {"int64", "int64", "Int64", "\"long\"", "int64", "{\"type\":\"integer\"}"},
    [FT_T_F64] = {"float64", "double", "Float64", "\"double\"", "double", "{\"type\":\"number\"}"},
    [FT_T_TIME] = {"time", "timestamp[us, UTC]", "DateTime64(6)",
                   "{\"type\":\"long\",\"logicalType\":\"timestamp-micros\"}", "double",
                   "{\"type\":\"number\"}"},
    [FT_T_STRING] = {"string", "utf8", "LowCardinality(String)", "\"string\"", "string",
                     "{\"type\":\"string\"}"},
    [FT_T_TEXT] = {"untrusted text", "utf8", "String", "\"string\"", "string",
                   "{\"type\":\"string\",\"description\":\"untrusted: from packets\"}"},
    [FT_T_BYTES] = {"bytes", "binary", "String", "\"bytes\"", "string",
                    "{\"type\":\"string\",\"pattern\":\"^([0-9a-f]{2})*$\"}"},
    [FT_T_ID] = {"id", "utf8", "FixedString(16)", "\"string\"", "string",
                 "{\"type\":\"string\",\"pattern\":\"^[0-9a-f]{16}$\"}"},
    [FT_T_ADDR] = {"address", "utf8", "String", "\"string\"", "string", "{\"type\":\"string\"}"},
    [FT_T_F32] = {"float32", "float", "Float32", "\"float\"", "float", "{\"type\":\"number\"}"},
    [FT_T_JSON] = {"object", "utf8", "String", "\"string\"", "string", NULL},
};

/* What a column gives away, see model/privacy.h and docs/privacy.md. */
static const char *const classes[FT_PRIVACY__COUNT] = {
    [FT_PRIVACY_NONE] = "none", [FT_PRIVACY_IDENTITY] = "identity",
    [FT_PRIVACY_NAME] = "name", [FT_PRIVACY_PAYLOAD] = "payload",
    [FT_PRIVACY_TIME] = "time", [FT_PRIVACY_BY_VALUE] = "by value",
};

/* What stands in the schema: each event, and those that collect makes in a form of its own. */
struct kind {
    const char *name;
    enum ft_event event;
    bool collect;
};

static const struct kind kinds[] = {
    {"network_flow_sample", FT_EVENT_SAMPLE, false},
    {"network_flow_record", FT_EVENT_FLOW, false},
    {"pipeline_stats", FT_EVENT_STATS, false},
    {"window", FT_EVENT_WINDOW, false},
    {"alert", FT_EVENT_ALERT, false},
    {"template_change", FT_EVENT_TEMPLATE, true},
    {"counter_sample", FT_EVENT_COUNTER, true},
    {"discarded_packet", FT_EVENT_DISCARD, true},
    {"exporter_health", FT_EVENT_EXPORTER, true},
    {"network_flow_sample_of_collect", FT_EVENT_SAMPLE, true},
    {"network_flow_record_of_collect", FT_EVENT_FLOW, true},
    {"afterimage", FT_EVENT_AFTERIMAGE, false}, /* where its profile is named; the last */
};

enum { N_KINDS = sizeof kinds / sizeof kinds[0] };

/* One schema while it is made. */
struct schema {
    FILE *to;
    bool every;               /* no profile was named: what base has not may be missing */
    const struct kind *kinds; /* [n] */
    uint32_t n;
    struct kind left[N_KINDS];
    struct ft_columns columns[N_KINDS]; /* likewise */
};

static void compose(struct schema *s, uint32_t sets)
{
    s->kinds = kinds;
    s->n = sets >> FT_PROFILE_AFTERIMAGE & 1 ? N_KINDS : N_KINDS - 1;
    for (uint32_t k = 0; k < s->n; k++) {
        uint32_t n;

        if (kinds[k].event == FT_EVENT_FLOW && !kinds[k].collect) {
            ft_columns_compose(sets, &s->columns[k]);
        } else if (kinds[k].event == FT_EVENT_FLOW) {
            ft_columns_exported((sets & ft_column_set_bit(&ft_columns_enrich)) != 0,
                                &s->columns[k]);
        } else if (kinds[k].event == FT_EVENT_WINDOW) {
            ft_columns_windows((sets & ft_column_set_bit(&ft_columns_vector)) != 0, &s->columns[k]);
        } else {
            const struct ft_field *f = kinds[k].collect ? ft_fields_export(kinds[k].event, &n)
                                                        : ft_fields(kinds[k].event, &n);

            ft_columns_rows(f, n, &s->columns[k]);
        }
    }
}

/* Not in each event of its kind. */
static bool optional(const struct schema *s, const struct ft_column *c)
{
    return s->every && c->set != NULL && c->set != ft_column_sets[0];
}

static bool nullable(const struct schema *s, const struct ft_column *c)
{
    return c->field->null != NULL || optional(s, c);
}

/* How many lists are around a value. */
static uint32_t lists_of(const struct ft_field *f)
{
    return f->type == FT_T_LISTS ? 2 : f->type == FT_T_LIST || f->type == FT_T_VECTOR ? 1 : 0;
}

/* The type of a value, of lists their items'. */
static uint8_t kind_of(const struct ft_field *f)
{
    return lists_of(f) > 0 ? f->item : f->type;
}

/* The text once for each list around a value. */
static void around(FILE *to, const struct ft_field *f, const char *text)
{
    for (uint32_t i = 0; i < lists_of(f); i++) {
        fputs(text, to);
    }
}

static void type_name(FILE *to, const struct ft_field *f)
{
    if (f->type == FT_T_VECTOR) {
        fprintf(to, "list of %u ", f->most);
    }
    fputs(f->type == FT_T_LISTS ? "list of lists of " : f->type == FT_T_LIST ? "list of " : "", to);
    fputs(types[kind_of(f)].name, to);
}

/* Text inside of double quotes. */
static void quoted(FILE *to, const char *text)
{
    for (; *text != '\0'; text++) {
        fprintf(to, *text == '"' || *text == '\\' ? "\\%c" : "%c", *text);
    }
}

/* ---- JSON Schema ---- */

static void json_type(FILE *to, const struct ft_field *f)
{
    if (f->type == FT_T_VECTOR) {
        fprintf(to, "{\"type\":\"array\",\"minItems\":%u,\"maxItems\":%u,\"items\":", f->most,
                f->most);
    } else {
        around(to, f, "{\"type\":\"array\",\"items\":");
    }
    fputs(f->type == FT_T_JSON ? f->json_schema : types[kind_of(f)].json, to);
    around(to, f, "}");
}

static void json_null(FILE *to, const struct ft_field *f)
{
    if (f->null != NULL) {
        fputs("{\"anyOf\":[", to);
        json_type(to, f);
        fputs(",{\"type\":\"null\"}]}", to);
    } else {
        json_type(to, f);
    }
}

static void json_group(const struct schema *s, const struct ft_columns *c, uint8_t group)
{
    bool first = true;

    fprintf(s->to, "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{");
    for (uint32_t i = 0; i < c->n; i++) {
        if (c->col[i].field->group == group) {
            fprintf(s->to, "%s\"%s\":", first ? "" : ",", c->col[i].field->name);
            json_null(s->to, c->col[i].field);
            first = false;
        }
    }
    fprintf(s->to, "},\"required\":[");
    first = true;
    for (uint32_t i = 0; i < c->n; i++) {
        if (c->col[i].field->group == group && !optional(s, &c->col[i])) {
            fprintf(s->to, "%s\"%s\"", first ? "" : ",", c->col[i].field->name);
            first = false;
        }
    }
    fprintf(s->to, "]}");
}

/* Has the object of column i no column that is in each event? */
static bool optional_group(const struct schema *s, const struct ft_columns *c, uint32_t i)
{
    bool all = true;

    for (uint32_t k = i; k < c->n && c->col[k].field->group == c->col[i].field->group; k++) {
        all = all && optional(s, &c->col[k]);
    }
    return all;
}

static void json_event(const struct schema *s, const struct kind *k, const struct ft_columns *c)
{
    uint8_t group = FT_GROUP_TOP;

    fprintf(s->to,
            "\"%s\":{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{"
            "\"event_type\":{\"const\":\"%s\"}",
            k->name, ft_event_type(k->event));
    for (uint32_t i = 0; i < c->n; i++) {
        const struct ft_field *f = c->col[i].field;

        if (f->group == FT_GROUP_TOP) {
            fprintf(s->to, ",\"%s\":", f->name);
            json_null(s->to, f);
        } else if (f->group != group) {
            fprintf(s->to, ",\"%s\":", ft_group_name(f->group));
            json_group(s, c, f->group);
        }
        group = f->group;
    }
    fprintf(s->to, "},\"required\":[\"event_type\"");
    group = FT_GROUP_TOP;
    for (uint32_t i = 0; i < c->n; i++) {
        const struct ft_field *f = c->col[i].field;

        if (f->group == FT_GROUP_TOP) {
            if (!optional(s, &c->col[i])) {
                fprintf(s->to, ",\"%s\"", f->name);
            }
        } else if (f->group != group && !optional_group(s, c, i)) {
            fprintf(s->to, ",\"%s\"", ft_group_name(f->group));
        }
        group = f->group;
    }
    fprintf(s->to, "]}");
}

static void make_json_schema(const struct schema *s)
{
    fprintf(s->to,
            "{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\","
            "\"$id\":\"urn:flowtap:events:%s\","
            "\"title\":\"flowtap events\",\"oneOf\":[",
            ft_schema_version());
    for (uint32_t i = 0; i < s->n; i++) {
        fprintf(s->to, "%s{\"$ref\":\"#/$defs/%s\"}", i > 0 ? "," : "", s->kinds[i].name);
    }
    fprintf(s->to, "],\"$defs\":{");
    for (uint32_t i = 0; i < s->n; i++) {
        fputs(i > 0 ? ",\n" : "\n", s->to);
        json_event(s, &s->kinds[i], &s->columns[i]);
    }
    fprintf(s->to, "\n}}\n");
}

/* ---- tables ---- */

static void element(FILE *to, const struct ft_field *f, const char *none)
{
    if (f->ie == 0) {
        fputs(none, to);
    } else if (f->pen != 0) {
        fprintf(to, "%u/%u", f->pen, f->ie);
    } else {
        fprintf(to, "%u", f->ie);
    }
}

static void make_markdown(const struct schema *s)
{
    for (uint32_t k = 0; k < s->n; k++) {
        const struct ft_columns *c = &s->columns[k];

        fprintf(s->to,
                "%s## %s\n\n| column | object | type | unit | profile | element | meaning | null | "
                "source |\n|---|---|---|---|---|---|---|---|---|\n",
                k > 0 ? "\n" : "", s->kinds[k].name);
        for (uint32_t i = 0; i < c->n; i++) {
            const struct ft_field *f = c->col[i].field;

            fprintf(s->to, "| `%s` | %s | ", f->name, ft_group_name(f->group));
            type_name(s->to, f);
            fprintf(s->to, " | %s | %s | ", f->unit, c->col[i].set != NULL ? f->profile : "");
            element(s->to, f, "");
            fprintf(s->to, " | %s | %s | %s |\n", f->meaning, f->null != NULL ? f->null : "never",
                    f->source);
        }
    }
}

static void csv_text(FILE *to, const char *s)
{
    fputc('"', to);
    for (; *s != '\0'; s++) {
        if (*s == '"') {
            fputc('"', to);
        }
        fputc(*s, to);
    }
    fputc('"', to);
}

static void csv_row(const struct schema *s, const struct kind *k, const struct ft_field *f)
{
    fprintf(s->to, "%s,%s,%s,", k->name, ft_group_name(f->group), f->name);
    type_name(s->to, f);
    fprintf(s->to, ",%s,", f->unit);
    element(s->to, f, "");
    fprintf(s->to, ",%s,%s,", f->null != NULL ? "true" : "false",
            f->profile != NULL ? f->profile : "base");
    csv_text(s->to, f->meaning);
    fputc(',', s->to);
    csv_text(s->to, f->null != NULL ? f->null : "");
    fputc(',', s->to);
    csv_text(s->to, f->source);
    fprintf(s->to, ",%s\n", classes[f->privacy]);
}

static void make_csv(const struct schema *s)
{
    fprintf(s->to, "event,object,column,type,unit,element,nullable,profile,meaning,null_rule,"
                   "source,class\n");
    for (uint32_t k = 0; k < s->n; k++) {
        for (uint32_t i = 0; i < s->columns[k].n; i++) {
            csv_row(s, &s->kinds[k], s->columns[k].col[i].field);
        }
    }
}

/* ---- tables of others ---- */

static void clickhouse_column(const struct schema *s, const struct ft_column *c)
{
    const struct ft_field *f = c->field;
    bool null = lists_of(f) == 0 && nullable(s, c);
    bool low = f->type == FT_T_STRING && null; /* the other way round is no type */

    fprintf(s->to, "    `%s` ", ft_field_flat_name(f));
    around(s->to, f, "Array(");
    fprintf(s->to, "%s%s%s",
            low    ? "LowCardinality(Nullable("
            : null ? "Nullable("
                   : "",
            low ? "String" : types[kind_of(f)].clickhouse,
            low    ? "))"
            : null ? ")"
                   : "");
    around(s->to, f, ")");
    fprintf(s->to, " COMMENT '");
    for (const char *text = f->meaning; *text != '\0'; text++) {
        fprintf(s->to, *text == '\'' ? "''" : "%c", *text);
    }
    fprintf(s->to, "'");
}

/* What rows are looked for by: the time of the event. Without one they are in no order. */
static const char *clickhouse_key(const struct schema *s, const struct ft_columns *c)
{
    for (uint32_t i = 0; i < c->n; i++) {
        const struct ft_field *f = c->col[i].field;

        if (strcmp(f->name, "timestamp") == 0 && f->type == FT_T_TIME &&
            !nullable(s, &c->col[i])) { /* a key is never Nullable */
            return f->name;
        }
    }
    return "tuple()";
}

/* Lists are never Nullable: ClickHouse has no such type; without one they are empty. */
static void make_clickhouse(const struct schema *s)
{
    for (uint32_t k = 0; k < s->n; k++) {
        const struct ft_columns *c = &s->columns[k];

        fprintf(s->to, "%sCREATE TABLE %s\n(\n", k > 0 ? "\n" : "", s->kinds[k].name);
        for (uint32_t i = 0; i < c->n; i++) {
            clickhouse_column(s, &c->col[i]);
            fprintf(s->to, "%s\n", i + 1 < c->n ? "," : "");
        }
        fprintf(s->to, ")\nENGINE = MergeTree\nORDER BY %s;\n", clickhouse_key(s, c));
    }
}

/* As the format copy has them: objects are left out. */
static void make_postgres(const struct schema *s)
{
    for (uint32_t k = 0; k < s->n; k++) {
        const struct ft_columns *c = &s->columns[k];
        const char *end = NULL; /* what stands behind the column before */

        /* in quotes: window is a word of SQL's */
        fprintf(s->to, "%sCREATE TABLE \"%s\"\n(\n", k > 0 ? "\n" : "", s->kinds[k].name);
        for (uint32_t i = 0; i < c->n; i++) {
            const struct ft_field *f = c->col[i].field;
            bool list = f->type == FT_T_LIST || f->type == FT_T_VECTOR;

            if (f->type == FT_T_JSON) {
                continue;
            }
            if (end != NULL) {
                fprintf(s->to, ", -- %s\n", end);
            }
            fprintf(s->to, "    \"%s\" %s%s%s", ft_field_flat_name(f),
                    ft__postgres_type((enum ft_type)(list ? f->item : f->type)), list ? "[]" : "",
                    nullable(s, &c->col[i]) ? "" : " NOT NULL");
            end = f->meaning;
        }
        fprintf(s->to, " -- %s\n);\n", end != NULL ? end : "");
    }
}

/* As Arrow outputs have them: whatever says null in a batch, a column has one type. */
static void make_arrow(const struct schema *s)
{
    fprintf(s->to, "{");
    for (uint32_t k = 0; k < s->n; k++) {
        const struct ft_columns *c = &s->columns[k];

        fprintf(s->to, "%s\"%s\":[\n", k > 0 ? ",\n" : "\n", s->kinds[k].name);
        for (uint32_t i = 0; i < c->n; i++) {
            const struct ft_field *f = c->col[i].field;

            fprintf(s->to, "  {\"name\":\"%s\",\"type\":\"", ft_field_flat_name(f));
            around(s->to, f, f->type == FT_T_VECTOR ? "fixed_size_list<" : "list<");
            fputs(types[kind_of(f)].arrow, s->to);
            around(s->to, f, ">");
            if (f->type == FT_T_VECTOR) {
                fprintf(s->to, "[%u]", f->most);
            }
            fprintf(s->to,
                    "\",\"nullable\":true,\"metadata\":{\"unit\":\"%s\",\"object\":\"%s\","
                    "\"element\":\"",
                    f->unit, ft_group_name(f->group));
            element(s->to, f, "");
            fprintf(s->to, "\"}}%s\n", i + 1 < c->n ? "," : "");
        }
        fprintf(s->to, "]");
    }
    fprintf(s->to, "\n}\n");
}

/* Where a name is a word of a language: "id.orig_h" as "id_orig_h". */
static const char *word_of(const struct ft_field *f, char out[NAME_ROOM])
{
    size_t n = 0;

    for (; f->name[n] != '\0' && n + 1 < NAME_ROOM; n++) {
        out[n] = f->name[n];
        if (!isalnum((unsigned char)out[n])) {
            out[n] = '_';
        }
    }
    out[n] = '\0';
    return out;
}

/* A record, its columns side by side. Whatever says null in an event, a column has one type. */
static void avro_record(const struct schema *s, uint32_t k)
{
    const struct ft_columns *c = &s->columns[k];

    fprintf(s->to, "{\"type\":\"record\",\"name\":\"%s\",\"namespace\":\"flowtap\",\"fields\":[\n",
            s->kinds[k].name);
    for (uint32_t i = 0; i < c->n; i++) {
        const struct ft_field *f = c->col[i].field;
        char word[NAME_ROOM];

        fprintf(s->to, "  {\"name\":\"%s\",\"type\":[\"null\",", word_of(f, word));
        around(s->to, f, "{\"type\":\"array\",\"items\":");
        fputs(types[kind_of(f)].avro, s->to);
        around(s->to, f, "}");
        fprintf(s->to, "],\"default\":null,\"doc\":\"");
        quoted(s->to, f->meaning);
        fprintf(s->to, "\"}%s\n", i + 1 < c->n ? "," : "");
    }
    fprintf(s->to, "]}");
}

static void make_avro(const struct schema *s)
{
    fprintf(s->to, "[");
    for (uint32_t k = 0; k < s->n; k++) {
        fputs(k > 0 ? ",\n" : "\n", s->to);
        avro_record(s, k);
    }
    fprintf(s->to, "\n]\n");
}

/* "network_flow_record" as "NetworkFlowRecord". */
static void message_name(FILE *to, const char *name)
{
    for (bool up = true; *name != '\0'; name++) {
        if (*name != '_') {
            fputc(up ? *name - 'a' + 'A' : *name, to);
        }
        up = *name == '_';
    }
}

/* Numbers of fields are those of the columns' ranks: the same whatever the profiles. */
static void make_protobuf(const struct schema *s)
{
    fprintf(s->to, "syntax = \"proto3\";\n\npackage flowtap;\n");
    for (uint32_t k = 0; k < s->n; k++) {
        const struct ft_columns *c = &s->columns[k];

        fprintf(s->to, "\nmessage ");
        message_name(s->to, s->kinds[k].name);
        fprintf(s->to, " {\n");
        for (uint32_t i = 0; i < c->n; i++) {
            const struct ft_field *f = c->col[i].field;
            bool null = nullable(s, &c->col[i]);
            char word[NAME_ROOM];

            if (f->type == FT_T_LISTS) { /* nothing is repeated twice: a list is a message */
                fprintf(s->to, "  message ");
                message_name(s->to, word_of(f, word));
                fprintf(s->to, " {\n    repeated %s item = 1;\n  }\n", types[f->item].proto);
            }
            fprintf(s->to, "  %s", lists_of(f) > 0 ? "repeated " : null ? "optional " : "");
            if (f->type == FT_T_LISTS) {
                message_name(s->to, word_of(f, word));
            } else {
                fputs(types[kind_of(f)].proto, s->to);
            }
            fprintf(s->to, " %s = %u; // %s\n", word_of(f, word),
                    c->col[i].set != NULL ? f->rank + 1u : i + 1u, f->meaning);
        }
        fprintf(s->to, "}\n");
    }
}

static const struct {
    const char *name;
    void (*make)(const struct schema *s);
    bool flat; /* without objects: of columns of one name there is the last, as in tables */
} forms[] = {
    {"markdown", make_markdown, false}, {"json-schema", make_json_schema, false},
    {"arrow", make_arrow, true},        {"clickhouse", make_clickhouse, true},
    {"postgres", make_postgres, true},  {"avro", make_avro, true},
    {"protobuf", make_protobuf, true},  {"csv", make_csv, false},
};

/* What --no-identity leaves: records of flows, and the account, which tells of none. */
static void leave_identity_out(struct schema *s)
{
    uint32_t n = 0;

    for (uint32_t k = 0; k < N_KINDS; k++) {
        if (!kinds[k].collect &&
            (kinds[k].event == FT_EVENT_FLOW || kinds[k].event == FT_EVENT_STATS)) {
            s->left[n] = kinds[k];
            s->columns[n] = s->columns[k];
            if (kinds[k].event == FT_EVENT_FLOW) {
                ft_columns_no_identity(&s->columns[n]);
            }
            n++;
        }
    }
    s->kinds = s->left;
    s->n = n;
}

/* Where one is made, or NULL. */
static struct schema *begin(char **out, size_t *out_len)
{
    struct schema *s = ft_mem_alloc(1, sizeof *s);

    if (s != NULL) {
        s->to = open_memstream(out, out_len);
        if (s->to == NULL) {
            ft_mem_free(s);
            s = NULL;
        }
    }
    return s;
}

/* Makes it in a form and frees it. */
static int make(struct schema *s, const char *form, char **out, struct ft_err *err)
{
    int rc = FT_E_USAGE;

    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        if (strcmp(forms[i].name, form) != 0) {
            continue;
        }
        for (uint32_t k = 0; forms[i].flat && k < s->n; k++) {
            ft_columns_flatten(&s->columns[k]);
        }
        forms[i].make(s);
        rc = FT_OK;
    }
    if (rc != FT_OK) {
        ft_err_set(err, rc,
                   "--format: '%s': allowed is markdown, json-schema, arrow, clickhouse, postgres, "
                   "avro, protobuf or csv",
                   form);
    }
    if (fclose(s->to) != 0 && rc == FT_OK) {
        rc = ft_err_set(err, FT_E_NOMEM, "out of memory");
    }
    if (rc != FT_OK) {
        free(*out);
    }
    ft_mem_free(s);
    return rc;
}

int ft_schema_make(const char *form, const char *profiles, bool no_identity, char **out,
                   size_t *out_len, struct ft_err *err)
{
    struct ft_err why = {0};
    uint32_t sets = ft_column_sets_own();
    struct schema *s;

    if (profiles != NULL && ft_profiles_parse(profiles, &sets, &why) != FT_OK) {
        return ft_err_set(err, FT_E_USAGE, "--profile: %s", why.what);
    }
    s = begin(out, out_len);
    if (s == NULL) {
        return ft_err_set(err, FT_E_NOMEM, "out of memory");
    }
    s->every = profiles == NULL;
    compose(s, sets);
    if (no_identity) {
        leave_identity_out(s);
    }
    return make(s, form, out, err);
}

int ft__schema_of(const char *form, const struct ft_columns *columns, char **out, size_t *out_len,
                  struct ft_err *err)
{
    static const struct kind record = {"network_flow_record", FT_EVENT_FLOW, false};
    struct schema *s = begin(out, out_len);

    if (s == NULL) {
        return ft_err_set(err, FT_E_NOMEM, "out of memory");
    }
    s->kinds = &record;
    s->n = 1;
    s->columns[0] = *columns;
    return make(s, form, out, err);
}

int ft__schema_avro(enum ft_event e, bool collect, const struct ft_columns *columns, char **out,
                    size_t *out_len, struct ft_err *err)
{
    struct schema *s = begin(out, out_len);
    int rc = FT_OK;

    if (s == NULL) {
        return ft_err_set(err, FT_E_NOMEM, "out of memory");
    }
    for (uint32_t k = 0; k < N_KINDS; k++) {
        if (kinds[k].event == e && (kinds[k].collect == collect || s->kinds == NULL)) {
            s->kinds = &kinds[k]; /* what has one form only stands there once */
        }
    }
    s->n = 1;
    s->columns[0] = *columns;
    avro_record(s, 0);
    if (fclose(s->to) != 0) {
        free(*out);
        *out = NULL;
        rc = ft_err_set(err, FT_E_NOMEM, "out of memory");
    }
    ft_mem_free(s);
    return rc;
}

void ft_schema_free(char *text)
{
    free(text);
}
