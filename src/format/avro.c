/* SPDX-License-Identifier: Apache-2.0 */
/* format: Avro's object container files, of one kind of event. A row is a record of the schema that
 * `flowtap schema --format avro` has:
 *
 *     "Obj" 1, metadata (schema, codec), sync marker | rows, bytes, the rows, sync marker | ...
 *
 * Each column is a union with null: what a flow has not is the branch 0, a byte. Numbers of 64 bits
 * without a sign are decimals, since Avro's longest number has a sign. The marker is drawn from the
 * schema: files of one schema may be put together block by block. Until a chunk is sealed a row has
 * its length before it. Source: Apache Avro 1.12 specification, "Object Container Files".
 *
 * In messages with schema_id= each record is alone, as the clients of a schema registry have it:
 *
 *     0 | schema id, 4 bytes, the highest first | the record
 *
 * Source: Confluent Schema Registry, "Wire format". */
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "base/time.h"
#include "codec/text/column.h"
#include "codec/text/escape.h"
#include "flowtap/version.h"
#include "format/avro_codec.h"
#include "format/columnar.h"
#include "format/format.h"
#include "format/row.h"
#include "format/schema.h"

extern const struct ft_format_ops ft_format_avro;
static const struct ft_format_ops framed, packed;

enum {
    HEADER_ROOM = 1024,
    BLOCK_ROOM = 2 * FT__AVRO_LONG + FT__AVRO_SYNC,
    FRAME_LEN = 5,
    PACK_MS = 1000, /* rows wait no longer for their block */
};

struct avro {
    struct ft_format format;
    struct ft_columns columns;
    uint8_t *header; /* owned */
    size_t header_len;
    uint8_t sync[FT__AVRO_SYNC];
    uint8_t frame[FRAME_LEN];     /* before each event that is alone */
    struct ft__avro_codec *codec; /* NULL: blocks are not packed; owner: the output's thread */
};

static const struct avro *self(const struct ft_format *f)
{
    return (const struct avro *)f;
}

/* ---- values ---- */

static uint8_t *put_bytes(uint8_t *p, const void *data, size_t len)
{
    p = ft__avro_put_long(p, (int64_t)len);
    memcpy(p, data, len);
    return p + len;
}

/* What stands FT__AVRO_LONG bytes behind p, up to end, gets its length before it. */
static uint8_t *put_made(uint8_t *p, const uint8_t *end)
{
    const uint8_t *from = p + FT__AVRO_LONG;
    size_t len = (size_t)(end - from);

    p = ft__avro_put_long(p, (int64_t)len);
    memmove(p, from, len);
    return p + len;
}

/* Two's complement, the highest byte first, as few as hold it. */
static uint8_t *put_decimal(uint8_t *p, uint64_t v)
{
    uint32_t n = 1;

    while (n <= 8 && v >> (8 * n - 1) != 0) { /* the sign has a bit, too */
        n++;
    }
    p = ft__avro_put_long(p, n);
    for (uint32_t i = n; i-- > 0;) {
        *p++ = i < 8 ? (uint8_t)(v >> 8 * i) : 0;
    }
    return p;
}

static uint8_t *put_double(uint8_t *p, double v)
{
    uint64_t bits;

    memcpy(&bits, &v, sizeof bits);
    for (uint32_t i = 0; i < sizeof bits; i++) {
        *p++ = (uint8_t)(bits >> 8 * i);
    }
    return p;
}

static uint8_t *put_float(uint8_t *p, float v)
{
    uint32_t bits;

    memcpy(&bits, &v, sizeof bits);
    for (uint32_t i = 0; i < sizeof bits; i++) {
        *p++ = (uint8_t)(bits >> 8 * i);
    }
    return p;
}

static uint8_t *put_item(uint8_t *p, uint8_t type, const void *items, uint32_t i)
{
    switch (type) {
    case FT_T_BOOL:
        *p++ = ((const uint8_t *)items)[i] != 0;
        return p;
    case FT_T_U8:
        return ft__avro_put_long(p, ((const uint8_t *)items)[i]);
    case FT_T_U16:
        return ft__avro_put_long(p, ((const uint16_t *)items)[i]);
    case FT_T_U32:
        return ft__avro_put_long(p, ((const uint32_t *)items)[i]);
    case FT_T_U64:
        return put_decimal(p, ((const uint64_t *)items)[i]);
    case FT_T_I64:
        return ft__avro_put_long(p, ((const int64_t *)items)[i]);
    case FT_T_F32:
        return put_float(p, ((const float *)items)[i]);
    default:
        return put_double(p, ((const double *)items)[i]);
    }
}

/* Items from begin to end: one block of all, and the empty one that ends each array. */
static uint8_t *put_items(uint8_t *p, const struct ft_value *v, uint32_t begin, uint32_t end)
{
    if (end > begin) {
        p = ft__avro_put_long(p, end - begin);
        for (uint32_t i = begin; i < end; i++) {
            p = put_item(p, v->item, v->items, i);
        }
    }
    return ft__avro_put_long(p, 0);
}

static uint8_t *put_lists(uint8_t *p, const struct ft_value *v)
{
    if (v->n_items > 0) {
        p = ft__avro_put_long(p, v->n_items);
        for (uint32_t i = 0; i < v->n_items; i++) {
            p = put_items(p, v, i > 0 ? v->ends[i - 1] : 0, v->ends[i]);
        }
    }
    return ft__avro_put_long(p, 0);
}

static uint8_t *put_value(uint8_t *p, uint8_t type, const struct ft_value *v)
{
    switch (type) {
    case FT_T_BOOL:
        *p++ = v->u != 0;
        return p;
    case FT_T_U8:
    case FT_T_U16:
    case FT_T_U32:
        return ft__avro_put_long(p, (int64_t)v->u);
    case FT_T_U64:
        return put_decimal(p, v->u);
    case FT_T_I64:
        return ft__avro_put_long(p, v->i);
    case FT_T_F64:
        return put_double(p, v->f);
    case FT_T_TIME:
        return ft__avro_put_long(p, ft_time_floor(v->i, 1000));
    case FT_T_STRING:
        return put_bytes(p, v->s, strlen(v->s));
    case FT_T_TEXT:
        return put_made(p, ft_put_utf8(p + FT__AVRO_LONG, v->text, v->text_len));
    case FT_T_BYTES:
        return put_bytes(p, v->text, v->text_len);
    case FT_T_LIST:
    case FT_T_VECTOR:
        return put_items(p, v, 0, v->n_items);
    case FT_T_LISTS:
        return put_lists(p, v);
    default: /* FT_T_ID, FT_T_ADDR */
        return put_made(p, ft_put_value(p + FT__AVRO_LONG, (enum ft_type)type, v, false));
    }
}

/* ---- rows ---- */

/* An object of the event is its JSON. */
static uint8_t *put_object(uint8_t *p, const struct ft_field *f, const void *part)
{
    uint8_t *from = p + 1 + FT__AVRO_LONG;
    uint8_t *end = f->json(part, from);

    if (end - from == 4 && memcmp(from, "null", 4) == 0) {
        return ft__avro_put_long(p, 0);
    }
    return put_made(ft__avro_put_long(p, 1), end);
}

static uint8_t *put_column(uint8_t *p, const struct ft_column *c, const void *const *parts)
{
    struct ft_value v;

    if (c->field->type == FT_T_JSON && parts[c->part] != NULL) {
        return put_object(p, c->field, parts[c->part]);
    }
    ft_column_get(c, parts, &v);
    return v.null ? ft__avro_put_long(p, 0)
                  : put_value(ft__avro_put_long(p, 1), c->field->type, &v);
}

static uint8_t *put_record(uint8_t *p, const struct avro *a, const void *const *parts)
{
    for (uint32_t i = 0; i < a->columns.n; i++) {
        p = put_column(p, &a->columns.col[i], parts);
    }
    return p;
}

/* A message of one event. */
static size_t put_framed(const struct ft_format *f, uint8_t *out, const void *const *parts)
{
    const struct avro *a = self(f);

    memcpy(out, a->frame, FRAME_LEN);
    return (size_t)(put_record(out + FRAME_LEN, a, parts) - out);
}

static size_t put_row(const struct ft_format *f, uint8_t *out, const void *const *parts)
{
    uint32_t len;
    const uint8_t *p = put_record(out + sizeof len, self(f), parts);

    len = (uint32_t)(p - out - sizeof len);
    memcpy(out, &len, sizeof len);
    return (size_t)(p - out);
}

/* A block. */
static size_t avro_seal(const struct ft_format *f, enum ft_event e, const uint8_t *rows, uint32_t n,
                        const struct ft_loss *lost, uint8_t *out)
{
    const uint8_t *row = rows;
    uint8_t *p = out;
    size_t all = 0;
    uint32_t len;

    (void)e;
    (void)lost;
    for (uint32_t i = 0; i < n; i++) {
        memcpy(&len, row, sizeof len);
        row += sizeof len + len;
        all += len;
    }
    p = ft__avro_put_long(p, n);
    p = ft__avro_put_long(p, (int64_t)all);
    row = rows;
    for (uint32_t i = 0; i < n; i++) {
        memcpy(&len, row, sizeof len);
        memcpy(p, row + sizeof len, len);
        row += sizeof len + len;
        p += len;
    }
    memcpy(p, self(f)->sync, FT__AVRO_SYNC);
    return (size_t)(p + FT__AVRO_SYNC - out);
}

static int avro_pack(struct ft_format *f, const uint8_t *held, size_t len, uint64_t at,
                     const uint8_t **out, size_t *out_len)
{
    const struct avro *a = self(f);

    (void)at;
    return ft__avro_codec_pack(a->codec, held, len, a->sync, out, out_len);
}

static size_t avro_header(const struct ft_format *f, uint8_t *p)
{
    memcpy(p, self(f)->header, self(f)->header_len);
    return self(f)->header_len;
}

/* ---- life ---- */

static void avro_end(struct ft_format *f)
{
    struct avro *a = (struct avro *)f;

    if (a != NULL) {
        ft__avro_codec_free(a->codec);
        ft_mem_free(a->header);
        ft_mem_free(a);
    }
}

static void make_sync(struct avro *a, const char *schema, size_t len)
{
    for (uint64_t half = 0; half < FT__AVRO_SYNC / sizeof half; half++) {
        struct ft_hash_seed seed;
        uint64_t h = len;

        ft_hash_seed_fixed(&seed, half);
        for (size_t i = 0; i < len; i++) {
            h = ft_hash_16(&seed, h, (uint8_t)schema[i]);
        }
        memcpy(a->sync + half * sizeof h, &h, sizeof h);
    }
}

static uint8_t *put_pair(uint8_t *p, const char *key, const char *value, size_t len)
{
    return put_bytes(put_bytes(p, key, strlen(key)), value, len);
}

static int make_header(struct avro *a, const struct ft_format_config *cfg, const char *schema,
                       size_t len)
{
    char profiles[FT__PROFILES_TEXT] = "";
    const char *pairs[][2] = {{"avro.codec", cfg->codec != NULL ? cfg->codec : "null"},
                              {"flowtap.schema", ft_schema_version()},
                              {"flowtap.profile", profiles},
                              {"flowtap.variant", cfg->aligned ? "aligned" : "own"},
                              {"flowtap.version", ft_version()}};
    size_t n = sizeof pairs / sizeof pairs[0];

    ft__columnar_profiles(&a->columns, profiles);
    make_sync(a, schema, len);
    a->header = ft_mem_alloc(1, HEADER_ROOM + sizeof profiles + len);
    if (a->header == NULL) {
        return FT_E_NOMEM;
    }
    memcpy(a->header, "Obj\1", 4);
    uint8_t *p = ft__avro_put_long(a->header + 4, (int64_t)n + 1);

    p = put_pair(p, "avro.schema", schema, len);
    for (size_t i = 0; i < n; i++) {
        p = put_pair(p, pairs[i][0], pairs[i][1], strlen(pairs[i][1]));
    }
    p = ft__avro_put_long(p, 0);
    memcpy(p, a->sync, FT__AVRO_SYNC);
    a->header_len = (size_t)(p + FT__AVRO_SYNC - a->header);
    return a->header_len <= FT_FORMAT_HEADER_MAX ? FT_OK : FT_E_RANGE;
}

static void make_frame(struct avro *a, uint32_t schema_id)
{
    a->format.ops = &framed;
    for (uint32_t i = 1; i < FRAME_LEN; i++) { /* behind the magic byte, 0 */
        a->frame[i] = (uint8_t)(schema_id >> 8 * (FRAME_LEN - 1 - i));
    }
}

/* What is asked for besides containers whose blocks are as they are. */
static int choose_ops(struct avro *a, const struct ft_format_config *cfg, struct ft_err *err)
{
    int rc = FT_OK;

    if (cfg->framed) {
        make_frame(a, cfg->schema_id);
    } else if (cfg->codec != NULL && strcmp(cfg->codec, "null") != 0) {
        a->format.ops = &packed;
        a->format.pack_ms = PACK_MS;
        rc = ft__avro_codec_new(cfg->codec, &a->codec);
    }
    return rc == FT_OK ? rc : ft_err_set(err, rc, "codec=%s: %s", cfg->codec, ft_strerror(rc));
}

static int avro_open(const struct ft_format_config *cfg, struct ft_format **out, struct ft_err *err)
{
    struct avro *a = ft_mem_alloc(1, sizeof *a);
    enum ft_event e = ft__columnar_event(cfg);
    char *schema = NULL;
    size_t len = 0;

    if (a == NULL) {
        return ft_err_set(err, FT_E_NOMEM, "the columns of an output: out of memory");
    }
    a->format.ops = &ft_format_avro;
    ft__columnar_columns(cfg, e, &a->columns);
    int rc = ft_format_flow_max(cfg, &a->format.flow_max, err);

    rc = rc == FT_OK ? ft__schema_avro(e, cfg->collect, &a->columns, &schema, &len, err) : rc;
    if (rc == FT_OK) {
        rc = make_header(a, cfg, schema, len);
        rc =
            rc == FT_OK ? rc : ft_err_set(err, rc, "the columns of an output: %s", ft_strerror(rc));
    }
    ft_schema_free(schema);
    rc = rc == FT_OK ? choose_ops(a, cfg, err) : rc;
    if (rc != FT_OK) {
        avro_end(&a->format);
        return rc;
    }
    a->format.seal_room = BLOCK_ROOM;
    *out = &a->format;
    return FT_OK;
}

#define AVRO_OPS                                                                                   \
    .name = "avro",                                                                                \
    .help = "Avro: an object container file; one kind of event (?event=), flow records without "   \
            "--events",                                                                            \
    .suffix = ".avro", .events = FT_FORMAT_EVENTS, .single_event = true, .prefers_flows = true,    \
    .open = avro_open, .end = avro_end, .sample = ft__row_sample, .flow = ft__row_flow,            \
    .stats = ft__row_stats, .export_flow = ft__row_export_flow,                                    \
    .export_event = ft__row_export_event

const struct ft_format_ops ft_format_avro = {
    AVRO_OPS,
    .header = avro_header,
    .row = put_row,
    .seal = avro_seal,
};

/* Of an instance only: blocks are packed. */
static const struct ft_format_ops packed = {
    AVRO_OPS, .header = avro_header, .row = put_row, .seal = avro_seal, .pack = avro_pack,
};

/* Likewise: events are alone. */
static const struct ft_format_ops framed = {
    AVRO_OPS,
    .binary = true,
    .row = put_framed,
};
