/* SPDX-License-Identifier: Apache-2.0 */
/* format: the schema in its forms, each a walk over the field table; flowtap/schema.h. */
#include "flowtap/schema.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/columns.h"
#include "model/field_export.h"

/* How a type is called in each form. */
static const struct {
    const char *name, *arrow, *clickhouse, *json;
} types[FT_T__COUNT] = {
    [FT_T_BOOL] = {"bool", "bool", "Bool", "{\"type\":\"boolean\"}"},
    [FT_T_U8] = {"uint8", "uint8", "UInt8", "{\"type\":\"integer\",\"minimum\":0,\"maximum\":255}"},
    [FT_T_U16] = {"uint16", "uint16", "UInt16",
                  "{\"type\":\"integer\",\"minimum\":0,\"maximum\":65535}"},
    [FT_T_U32] = {"uint32", "uint32", "UInt32",
                  "{\"type\":\"integer\",\"minimum\":0,\"maximum\":4294967295}"},
    [FT_T_U64] = {"uint64", "uint64", "UInt64", "{\"type\":\"integer\",\"minimum\":0}"},
    [FT_T_I64] = {"int64", "int64", "Int64", "{\"type\":\"integer\"}"},
    [FT_T_F64] = {"float64", "double", "Float64", "{\"type\":\"number\"}"},
    [FT_T_TIME] = {"time", "timestamp[ns, UTC]", "DateTime64(6)", "{\"type\":\"number\"}"},
    [FT_T_STRING] = {"string", "utf8", "LowCardinality(String)", "{\"type\":\"string\"}"},
    [FT_T_TEXT] = {"untrusted text", "utf8", "String",
                   "{\"type\":\"string\",\"description\":\"untrusted: from packets\"}"},
    [FT_T_ID] = {"id", "utf8", "FixedString(16)",
                 "{\"type\":\"string\",\"pattern\":\"^[0-9a-f]{16}$\"}"},
    [FT_T_ADDR] = {"address", "utf8", "String", "{\"type\":\"string\"}"},
    [FT_T_JSON] = {"object", "utf8", "String", NULL},
};

static const char *const groups[] = {
    [FT_GROUP_TOP] = "",
    [FT_GROUP_FLOW_KEY] = "flow_key",
    [FT_GROUP_AGGREGATE] = "aggregate_metrics",
    [FT_GROUP_FEATURES] = "features",
    [FT_GROUP_EXPORTER] = "exporter",
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
    const struct ft_field *(*fields)(enum ft_event e, uint32_t *out_n);
};

/* Rows of flow records, in the order of their columns. */
static struct ft_field flow_rows[2][FT_COLUMNS_MAX];
static pthread_once_t flow_once = PTHREAD_ONCE_INIT;

static void copy_rows(void)
{
    for (int app = 0; app < 2; app++) {
        const struct ft_columns *c = ft_columns_flow(app);

        for (uint32_t i = 0; i < c->n; i++) {
            flow_rows[app][i] = *c->col[i].field;
        }
    }
}

static const struct ft_field *fields_flow(enum ft_event e, uint32_t *out_n)
{
    (void)e;
    pthread_once(&flow_once, copy_rows);
    *out_n = ft_columns_flow(false)->n;
    return flow_rows[0];
}

/* A flow record of a run with --app. */
static const struct ft_field *fields_with_app(enum ft_event e, uint32_t *out_n)
{
    (void)e;
    pthread_once(&flow_once, copy_rows);
    *out_n = ft_columns_flow(true)->n;
    return flow_rows[1];
}

static const struct kind kinds[] = {
    {"network_flow_sample", FT_EVENT_SAMPLE, ft_fields},
    {"network_flow_record", FT_EVENT_FLOW, fields_flow},
    {"network_flow_record_with_app", FT_EVENT_FLOW, fields_with_app},
    {"pipeline_stats", FT_EVENT_STATS, ft_fields},
    {"template_change", FT_EVENT_TEMPLATE, ft_fields_export},
    {"counter_sample", FT_EVENT_COUNTER, ft_fields_export},
    {"discarded_packet", FT_EVENT_DISCARD, ft_fields_export},
    {"exporter_health", FT_EVENT_EXPORTER, ft_fields_export},
    {"network_flow_sample_of_collect", FT_EVENT_SAMPLE, ft_fields_export},
    {"network_flow_record_of_collect", FT_EVENT_FLOW, ft_fields_export},
};

enum { N_KINDS = sizeof kinds / sizeof kinds[0] };

/* ---- JSON Schema ---- */

static void json_null(FILE *to, const struct ft_field *f)
{
    const char *schema = f->type == FT_T_JSON ? f->json_schema : types[f->type].json;

    if (f->null != NULL) {
        fprintf(to, "{\"anyOf\":[%s,{\"type\":\"null\"}]}", schema);
    } else {
        fputs(schema, to);
    }
}

static void json_group(FILE *to, const struct ft_field *f, uint32_t n, uint8_t group)
{
    bool first = true;

    fprintf(to, "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{");
    for (uint32_t i = 0; i < n; i++) {
        if (f[i].group == group) {
            fprintf(to, "%s\"%s\":", first ? "" : ",", f[i].name);
            json_null(to, &f[i]);
            first = false;
        }
    }
    fprintf(to, "},\"required\":[");
    first = true;
    for (uint32_t i = 0; i < n; i++) {
        if (f[i].group == group) {
            fprintf(to, "%s\"%s\"", first ? "" : ",", f[i].name);
            first = false;
        }
    }
    fprintf(to, "]}");
}

static void json_event(FILE *to, const struct kind *k)
{
    uint32_t n;
    const struct ft_field *f = k->fields(k->event, &n);
    uint8_t group = FT_GROUP_TOP;

    fprintf(to,
            "\"%s\":{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{"
            "\"event_type\":{\"const\":\"%s\"}",
            k->name, ft_event_type(k->event));
    for (uint32_t i = 0; i < n; i++) {
        if (f[i].group == FT_GROUP_TOP) {
            fprintf(to, ",\"%s\":", f[i].name);
            json_null(to, &f[i]);
        } else if (f[i].group != group) {
            fprintf(to, ",\"%s\":", groups[f[i].group]);
            json_group(to, f, n, f[i].group);
        }
        group = f[i].group;
    }
    fprintf(to, "},\"required\":[\"event_type\"");
    group = FT_GROUP_TOP;
    for (uint32_t i = 0; i < n; i++) {
        if (f[i].group == FT_GROUP_TOP) {
            fprintf(to, ",\"%s\"", f[i].name);
        } else if (f[i].group != group) {
            fprintf(to, ",\"%s\"", groups[f[i].group]);
        }
        group = f[i].group;
    }
    fprintf(to, "]}");
}

static void make_json_schema(FILE *to)
{
    fprintf(to, "{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\","
                "\"title\":\"flowtap events\",\"oneOf\":[");
    for (uint32_t i = 0; i < N_KINDS; i++) {
        fprintf(to, "%s{\"$ref\":\"#/$defs/%s\"}", i > 0 ? "," : "", kinds[i].name);
    }
    fprintf(to, "],\"$defs\":{");
    for (uint32_t i = 0; i < N_KINDS; i++) {
        fputs(i > 0 ? ",\n" : "\n", to);
        json_event(to, &kinds[i]);
    }
    fprintf(to, "\n}}\n");
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

static void make_markdown(FILE *to)
{
    for (uint32_t k = 0; k < N_KINDS; k++) {
        uint32_t n;
        const struct ft_field *f = kinds[k].fields(kinds[k].event, &n);

        fprintf(to,
                "%s## %s\n\n| column | object | type | unit | element | meaning | null | source |\n"
                "|---|---|---|---|---|---|---|---|\n",
                k > 0 ? "\n" : "", kinds[k].name);
        for (uint32_t i = 0; i < n; i++) {
            fprintf(to, "| `%s` | %s | %s | %s | ", f[i].name, groups[f[i].group],
                    types[f[i].type].name, f[i].unit);
            element(to, &f[i], "");
            fprintf(to, " | %s | %s | %s |\n", f[i].meaning,
                    f[i].null != NULL ? f[i].null : "never", f[i].source);
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

static void make_csv(FILE *to)
{
    fprintf(to, "event,object,column,type,unit,element,nullable,profile,meaning,null_rule,source,"
                "class\n");
    for (uint32_t k = 0; k < N_KINDS; k++) {
        uint32_t n;
        const struct ft_field *f = kinds[k].fields(kinds[k].event, &n);

        for (uint32_t i = 0; i < n; i++) {
            fprintf(to, "%s,%s,%s,%s,%s,", kinds[k].name, groups[f[i].group], f[i].name,
                    types[f[i].type].name, f[i].unit);
            element(to, &f[i], "");
            fprintf(to, ",%s,%s,", f[i].null != NULL ? "true" : "false",
                    f[i].profile != NULL && strcmp(f[i].profile, "app") == 0 ? "app" : "base");
            csv_text(to, f[i].meaning);
            fputc(',', to);
            csv_text(to, f[i].null != NULL ? f[i].null : "");
            fputc(',', to);
            csv_text(to, f[i].source);
            fprintf(to, ",%s\n", classes[f[i].privacy]);
        }
    }
}

static void make_clickhouse(FILE *to)
{
    for (uint32_t k = 0; k < N_KINDS; k++) {
        uint32_t n;
        const struct ft_field *f = kinds[k].fields(kinds[k].event, &n);

        fprintf(to, "%sCREATE TABLE %s\n(\n", k > 0 ? "\n" : "", kinds[k].name);
        for (uint32_t i = 0; i < n; i++) {
            bool null = f[i].null != NULL;

            fprintf(to, "    `%s` %s%s%s COMMENT '", f[i].name, null ? "Nullable(" : "",
                    types[f[i].type].clickhouse, null ? ")" : "");
            for (const char *s = f[i].meaning; *s != '\0'; s++) {
                fprintf(to, *s == '\'' ? "''" : "%c", *s);
            }
            fprintf(to, "'%s\n", i + 1 < n ? "," : "");
        }
        fprintf(to, ")\nENGINE = MergeTree\nORDER BY timestamp;\n");
    }
}

static void make_arrow(FILE *to)
{
    fprintf(to, "{");
    for (uint32_t k = 0; k < N_KINDS; k++) {
        uint32_t n;
        const struct ft_field *f = kinds[k].fields(kinds[k].event, &n);

        fprintf(to, "%s\"%s\":[\n", k > 0 ? ",\n" : "\n", kinds[k].name);
        for (uint32_t i = 0; i < n; i++) {
            fprintf(to,
                    "  {\"name\":\"%s\",\"type\":\"%s\",\"nullable\":%s,\"metadata\":{"
                    "\"unit\":\"%s\",\"object\":\"%s\",\"element\":\"",
                    f[i].name, types[f[i].type].arrow, f[i].null != NULL ? "true" : "false",
                    f[i].unit, groups[f[i].group]);
            element(to, &f[i], "");
            fprintf(to, "\"}}%s\n", i + 1 < n ? "," : "");
        }
        fprintf(to, "]");
    }
    fprintf(to, "\n}\n");
}

static const struct {
    const char *name;
    void (*make)(FILE *to);
} forms[] = {
    {"markdown", make_markdown}, {"json-schema", make_json_schema},
    {"arrow", make_arrow},       {"clickhouse", make_clickhouse},
    {"csv", make_csv},
};

int ft_schema_make(const char *form, char **out, size_t *out_len, struct ft_err *err)
{
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        if (strcmp(forms[i].name, form) == 0) {
            FILE *to = open_memstream(out, out_len);

            if (to == NULL) {
                return ft_err_set(err, FT_E_NOMEM, "out of memory");
            }
            forms[i].make(to);
            return fclose(to) == 0 ? FT_OK : ft_err_set(err, FT_E_NOMEM, "out of memory");
        }
    }
    return ft_err_set(err, FT_E_USAGE,
                      "--format: '%s': allowed is markdown, json-schema, arrow, clickhouse or csv",
                      form);
}

void ft_schema_free(char *text)
{
    free(text);
}
