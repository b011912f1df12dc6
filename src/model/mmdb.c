/* SPDX-License-Identifier: Apache-2.0 */
/* model: databases in MaxMind's format, see mmdb.h.
 *
 * A value begins with a control byte (specification, "data field format"):
 *
 *     t t t s s s s s          type 1..7, size 0..28; 29, 30, 31: 1, 2, 3 more bytes say it
 *     0 0 0 s s s s s | t - 7  type 8 and above
 *     0 0 1 n n v v v          pointer: n + 1 more bytes (3: four of them, and v is not used)
 */
#include "model/mmdb.h"

#include <string.h>

#include "base/mem.h"
#include "base/rd.h"

enum {
    SEPARATOR = 16,
    MARK_LEN = 14,
    METADATA_MOST = 128 * 1024,
    VALUES_MOST = 4096, /* of a record that are looked at */
    NODES_MOST = 1 << 28,
    TOP_BITS = 16,
    TOPS = 1 << TOP_BITS
};

enum type {
    POINTER = 1,
    STRING = 2,
    DOUBLE = 3,
    BYTES = 4,
    U16 = 5,
    U32 = 6,
    MAP = 7,
    I32 = 8,
    U64 = 9,
    U128 = 10,
    ARRAY = 11,
    BOOLEAN = 14,
    FLOAT = 15
};

/* Data that pointers count from. */
struct section {
    const uint8_t *p;
    size_t len;
    uint32_t left; /* values that may be looked at yet */
};

struct value {
    uint8_t type;
    uint32_t size;     /* bytes; of a map pairs, of an array values, of a boolean itself */
    struct ft_rd rest; /* what follows its head: text, number, or its values */
};

/* ---- values ---- */

static uint32_t big_endian(const uint8_t *p, uint32_t n)
{
    uint32_t v = 0;

    for (uint32_t i = 0; i < n; i++) {
        v = v << 8 | p[i];
    }
    return v;
}

static uint32_t take_number(struct ft_rd *rd, uint32_t n)
{
    const uint8_t *p = ft_rd_view(rd, n);

    return p != NULL ? big_endian(p, n) : 0;
}

/* The place that a pointer leads to; rd is behind its control byte. */
static uint32_t take_pointer(struct ft_rd *rd, uint8_t control)
{
    static const uint32_t least[] = {0, 2048, 526336, 0};
    uint32_t n = control >> 3 & 3, high = n == 3 ? 0 : (uint32_t)(control & 7) << (8 * (n + 1));

    return (high | take_number(rd, n + 1)) + least[n];
}

static uint32_t take_size(struct ft_rd *rd, uint8_t control)
{
    static const uint32_t least[] = {29, 285, 65821};
    uint32_t size = control & 31;

    return size < 29 ? size : least[size - 29] + take_number(rd, size - 28);
}

/* The head of the value at rd, which is behind it then; a pointer is one. */
static bool take_head(struct ft_rd *rd, struct value *out)
{
    uint8_t control = ft_rd_u8(rd);

    out->type = control >> 5;
    if (out->type == POINTER) {
        out->size = take_pointer(rd, control);
    } else {
        out->type = out->type != 0 ? out->type : (uint8_t)(ft_rd_u8(rd) + 7);
        out->size = take_size(rd, control);
    }
    out->rest = *rd;
    return ft_rd_ok(rd);
}

/* The value at rd, which is behind its head then; through a pointer, what that leads to. */
static bool take_value(struct section *s, struct ft_rd *rd, struct value *out)
{
    if (s->left == 0 || !take_head(rd, out)) {
        return false;
    }
    s->left--;
    if (out->type != POINTER) {
        return true;
    }
    if (out->size >= s->len) {
        return false;
    }
    struct ft_rd there = {.p = s->p + out->size, .end = s->p + s->len};

    return take_head(&there, out) && out->type != POINTER;
}

/* Goes behind the value at rd, and all that is in it, without following pointers. */
static bool skip(struct section *s, struct ft_rd *rd)
{
    uint64_t n = 1;

    for (; n > 0 && s->left > 0; n--, s->left--) {
        struct value v;

        if (!take_head(rd, &v)) {
            return false;
        }
        if (v.type == MAP) {
            n += 2 * (uint64_t)v.size;
        } else if (v.type == ARRAY) {
            n += v.size;
        } else if (v.type != POINTER && v.type != BOOLEAN && ft_rd_view(rd, v.size) == NULL) {
            return false;
        }
    }
    return n == 0;
}

static bool is_text(const struct value *v, const char *text)
{
    size_t len = strlen(text);

    return v->type == STRING && v->size == len && ft_rd_left(&v->rest) >= len &&
           memcmp(v->rest.p, text, len) == 0;
}

/* Takes a key of a map, at rd. False: it is none. */
static bool take_key(struct section *s, struct ft_rd *rd, struct value *out)
{
    struct ft_rd head = *rd;
    struct value plain;

    if (!take_value(s, rd, out) || out->type != STRING || ft_rd_left(&out->rest) < out->size) {
        return false;
    }
    if (!take_head(&head, &plain)) {
        return false;
    }
    return plain.type == POINTER || ft_rd_view(rd, out->size) != NULL;
}

static bool text_of(const struct value *v, const char **out, uint32_t *out_len)
{
    if (v->type != STRING || ft_rd_left(&v->rest) < v->size) {
        return false;
    }
    *out = (const char *)v->rest.p;
    *out_len = v->size;
    return true;
}

static bool number_of(const struct value *v, uint64_t *out)
{
    bool fits = (v->type == U16 && v->size <= 2) || (v->type == U32 && v->size <= 4) ||
                (v->type == U64 && v->size <= 8);

    *out = 0;
    for (uint32_t i = 0; fits && ft_rd_left(&v->rest) >= v->size && i < v->size; i++) {
        *out = *out << 8 | v->rest.p[i];
    }
    return fits && ft_rd_left(&v->rest) >= v->size;
}

/* ---- records ---- */

static void set_as(const struct value *v, struct ft_enrich_side *out)
{
    uint64_t as = 0;
    const char *text;
    uint32_t len;

    if (text_of(v, &text, &len)) { /* "AS64500" */
        for (uint32_t i = 2; len <= 12 && len > 2 && memcmp(text, "AS", 2) == 0 && i < len; i++) {
            as = text[i] >= '0' && text[i] <= '9' ? as * 10 + (uint64_t)(text[i] - '0')
                                                  : UINT64_MAX / 16;
        }
    } else if (!number_of(v, &as)) {
        return;
    }
    out->as = as <= UINT32_MAX ? (uint32_t)as : 0;
}

static void set_as_name(const struct value *v, struct ft_enrich_side *out)
{
    const char *text;
    uint32_t len;

    if (!text_of(v, &text, &len) || len == 0) {
        return;
    }
    if (len > FT_MMDB_TEXT) {
        len = FT_MMDB_TEXT;
        while (len > 0 && ((uint8_t)text[len] & 0xc0) == 0x80) { /* whole characters */
            len--;
        }
    }
    out->as_name = text;
    out->as_name_len = len;
}

static void set_country(const struct value *v, struct ft_enrich_side *out)
{
    const char *text;
    uint32_t len;

    if (text_of(v, &text, &len) && len == 2 && text[0] >= 'A' && text[0] <= 'Z' && text[1] >= 'A' &&
        text[1] <= 'Z') {
        memcpy(out->country, text, 2);
    }
}

/* What is asked of a record: MaxMind's keys, and those of others that use the format. */
static const struct wanted {
    const char *key, *in; /* in: of the map of that key */
    void (*set)(const struct value *v, struct ft_enrich_side *out);
} wanted[] = {
    {"autonomous_system_number", NULL, set_as},
    {"autonomous_system_organization", NULL, set_as_name},
    {"iso_code", "country", set_country},
    {"asn", NULL, set_as},
    {"as_name", NULL, set_as_name},
    {"country_code", NULL, set_country},
    {"country", NULL, set_country},
};

static bool read_map(struct section *s, const struct value *map, const char *in,
                     struct ft_enrich_side *out);

/* The value at rd of this key; rd is behind it then. */
static bool read_pair(struct section *s, struct ft_rd *rd, const struct value *key, const char *in,
                      struct ft_enrich_side *out)
{
    struct value v;

    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        const struct wanted *w = &wanted[i];
        struct ft_rd at = *rd;

        if (w->in == in && is_text(key, w->key)) {
            if (!take_value(s, &at, &v)) {
                return false;
            }
            w->set(&v, out);
        } else if (in == NULL && w->in != NULL && is_text(key, w->in)) {
            if (!take_value(s, &at, &v) ||
                (v.type == MAP && !read_map(s, &v, w->in, out))) { /* once: in is not NULL there */
                return false;
            }
        }
    }
    return skip(s, rd);
}

/* in: the key that this map has in the record; NULL: it is the record. */
static bool read_map(struct section *s, const struct value *map, const char *in,
                     struct ft_enrich_side *out)
{
    struct ft_rd rd = map->rest;
    bool good = true;

    for (uint32_t i = 0; good && i < map->size; i++) {
        struct value key;

        good = take_key(s, &rd, &key) && read_pair(s, &rd, &key, in, out);
    }
    return good;
}

/* The record at a place of the data. False: it is damaged. */
static bool read_record(const struct ft_mmdb *db, uint32_t at, struct ft_enrich_side *out)
{
    struct section s = {db->data, db->data_len, VALUES_MOST};
    struct ft_rd rd = {.p = db->data + at, .end = db->data + db->data_len};
    struct value v;

    return take_value(&s, &rd, &v) && (v.type != MAP || read_map(&s, &v, NULL, out));
}

/* ---- the tree ---- */

static uint32_t record_of(const struct ft_mmdb *db, uint32_t node, uint32_t bit)
{
    const uint8_t *p = db->tree + (size_t)node * (db->record_bits / 4);

    switch (db->record_bits) {
    case 24:
        return big_endian(p + 3 * bit, 3);
    case 28: /* the middle byte has the high bits of both */
        return bit == 0 ? (uint32_t)(p[3] >> 4) << 24 | big_endian(p, 3)
                        : (uint32_t)(p[3] & 15) << 24 | big_endian(p + 4, 3);
    default:
        return big_endian(p + 4 * bit, 4);
    }
}

/* Down the tree by bits `from` to `to`; ends at a node that has no number below n_nodes. */
static uint32_t walk(const struct ft_mmdb *db, uint32_t node, const uint8_t *addr, uint32_t from,
                     uint32_t to)
{
    for (uint32_t i = from; i < to && node < db->n_nodes; i++) {
        node = record_of(db, node, addr[i / 8] >> (7 - i % 8) & 1);
    }
    return node;
}

static uint32_t slot_of(const struct ft_mmdb *db, uint32_t at)
{
    uint32_t i = (uint32_t)(at * UINT32_C(2654435769)) & db->mask;

    while (db->slots[i].at != 0 && db->slots[i].at != at + 1) {
        i = (i + 1) & db->mask;
    }
    return i;
}

void ft_mmdb_find(const struct ft_mmdb *db, uint8_t ip_version, const uint8_t *addr,
                  struct ft_enrich_side *out)
{
    bool six = ip_version == 6;
    uint32_t node = db->top[six] != NULL ? db->top[six][addr[0] << 8 | addr[1]] : db->n_nodes;

    node = walk(db, node, addr, TOP_BITS, six ? 128 : 32);
    if (node <= db->n_nodes) {
        return;
    }
    const struct ft_mmdb_slot *slot = &db->slots[slot_of(db, node - db->n_nodes - SEPARATOR)];
    const struct ft_mmdb_says *got = &db->says[slot->no]; /* all of the tree are there */

    if (out->as == 0) {
        out->as = got->as;
    }
    if (out->as_name == NULL) {
        out->as_name = got->as_name;
        out->as_name_len = got->as_name_len;
    }
    if (out->country[0] == '\0') {
        memcpy(out->country, got->country, sizeof got->country);
    }
}

/* ---- opening ---- */

static int wrong(struct ft_err *err, const char *what)
{
    return ft_err_set(err, FT_E_FORMAT, "%s", what);
}

static const uint8_t mark[MARK_LEN + 1] = "\xab\xcd\xefMaxMind.com";

/* Where the metadata begins: behind the last mark. NULL: there is none. */
static const uint8_t *metadata_of(const uint8_t *bytes, size_t len)
{
    const size_t n = MARK_LEN;
    size_t least = len > METADATA_MOST ? len - METADATA_MOST : 0;

    for (size_t at = len; at >= least + n; at--) {
        if (memcmp(bytes + at - n, mark, n) == 0) {
            return bytes + at;
        }
    }
    return NULL;
}

/* What is asked of the metadata. */
struct metadata {
    uint64_t nodes, bits, version, major;
};

static bool read_metadata(const uint8_t *p, size_t len, struct metadata *m, struct ft_mmdb *out)
{
    const struct {
        const char *key;
        uint64_t *to;
    } numbers[] = {{"node_count", &m->nodes},
                   {"record_size", &m->bits},
                   {"ip_version", &m->version},
                   {"binary_format_major_version", &m->major},
                   {"build_epoch", &out->epoch}};
    struct section s = {p, len, VALUES_MOST};
    struct ft_rd rd = {.p = p, .end = p + len};
    struct value map, key, v;
    bool good = take_value(&s, &rd, &map) && map.type == MAP;

    rd = map.rest;
    for (uint32_t i = 0; good && i < map.size; i++) {
        good = take_key(&s, &rd, &key);
        struct ft_rd at = rd;

        good = good && take_value(&s, &at, &v);
        for (size_t k = 0; good && k < sizeof numbers / sizeof numbers[0]; k++) {
            good = !is_text(&key, numbers[k].key) || number_of(&v, numbers[k].to);
        }
        if (good && is_text(&key, "database_type") && v.type == STRING) {
            uint32_t n = v.size < sizeof out->type ? v.size : (uint32_t)sizeof out->type - 1;

            memcpy(out->type, v.rest.p, ft_rd_left(&v.rest) >= n ? n : 0);
        }
        good = good && skip(&s, &rd);
    }
    return good;
}

/* Keeps what the record at a place says. */
static int keep_record(struct ft_mmdb *db, uint32_t at, struct ft_err *err)
{
    struct ft_enrich_side side = {0};
    struct ft_mmdb_says *says = &db->says[db->n_says];

    if (!read_record(db, at, &side)) {
        return ft_err_set(err, FT_E_FORMAT, "the record at %u of its data cannot be read", at);
    }
    says->as = side.as;
    says->as_name = side.as_name;
    says->as_name_len = (uint8_t)side.as_name_len;
    memcpy(says->country, side.country, sizeof says->country);
    db->n_says++;
    db->knows_as |= side.as != 0 || side.as_name != NULL;
    db->knows_country |= side.country[0] != '\0';
    return FT_OK;
}

/* A place of the data is looked at the first time that it is pointed to. */
static int check_place(struct ft_mmdb *db, uint64_t *seen, uint32_t *places, uint32_t node,
                       uint32_t value, struct ft_err *err)
{
    uint32_t at = value - db->n_nodes - SEPARATOR;

    if (value - db->n_nodes < SEPARATOR || at >= db->data_len) {
        return ft_err_set(err, FT_E_FORMAT, "what node %u points to is not there", node);
    }
    if (seen[at / 64] >> (at % 64) & 1) {
        return FT_OK;
    }
    seen[at / 64] |= UINT64_C(1) << (at % 64);
    places[db->n_says] = at;
    return keep_record(db, at, err);
}

/* places: [cap_says], of what is in says. */
static int check_nodes(struct ft_mmdb *db, uint64_t *seen, uint32_t *places, struct ft_err *err)
{
    int rc = FT_OK;

    for (uint32_t node = 0; rc == FT_OK && node < db->n_nodes; node++) {
        for (uint32_t bit = 0; rc == FT_OK && bit < 2; bit++) {
            uint32_t value = record_of(db, node, bit);

            rc = value > db->n_nodes ? check_place(db, seen, places, node, value, err) : FT_OK;
        }
    }
    return rc;
}

static bool make_slots(struct ft_mmdb *db, const uint32_t *places)
{
    for (db->mask = 1; db->mask < 2 * db->n_says;) {
        db->mask = 2 * db->mask + 1;
    }
    db->slots = ft_map_alloc(((size_t)db->mask + 1) * sizeof *db->slots);
    for (uint32_t i = 0; db->slots != NULL && i < db->n_says; i++) {
        db->slots[slot_of(db, places[i])] = (struct ft_mmdb_slot){places[i] + 1, i};
    }
    return db->slots != NULL;
}

static bool make_tops(struct ft_mmdb *db)
{
    static const uint8_t zero[16];
    uint32_t four = db->ip_version == 6 ? walk(db, 0, zero, 0, 96) : 0;

    for (int six = 0; six < (db->ip_version == 6 ? 2 : 1); six++) {
        db->top[six] = ft_map_alloc(TOPS * sizeof *db->top[six]);
        for (uint32_t i = 0; db->top[six] != NULL && i < TOPS; i++) {
            const uint8_t addr[2] = {(uint8_t)(i >> 8), (uint8_t)i};

            db->top[six][i] = walk(db, six ? 0 : four, addr, 0, TOP_BITS);
        }
    }
    return db->top[0] != NULL && (db->ip_version == 4 || db->top[1] != NULL);
}

static int check_tree(struct ft_mmdb *db, struct ft_err *err)
{
    size_t room = db->data_len / 64 + 1;
    uint64_t *seen = ft_map_alloc_sparse(room * sizeof *seen);
    uint32_t *places;
    int rc;

    db->cap_says =
        db->data_len < 2 * (size_t)db->n_nodes ? (uint32_t)db->data_len + 1 : 2 * db->n_nodes;
    db->says = ft_map_alloc(db->cap_says * sizeof *db->says);
    places = ft_map_alloc_sparse(db->cap_says * sizeof *places);
    rc = seen != NULL && db->says != NULL && places != NULL ? check_nodes(db, seen, places, err)
                                                            : FT_E_NOMEM;
    if (rc == FT_OK && (!make_slots(db, places) || !make_tops(db))) {
        rc = FT_E_NOMEM;
    }
    ft_map_free(seen, room * sizeof *seen);
    ft_map_free(places, db->cap_says * sizeof *places);
    return rc == FT_E_NOMEM ? ft_err_set(err, rc, "out of memory") : rc;
}

static int check_metadata(const struct metadata *m, struct ft_err *err)
{
    if (m->major != 2) {
        return ft_err_set(err, FT_E_FORMAT, "its format has version %llu, and 2 is known",
                          (unsigned long long)m->major);
    }
    if ((m->bits != 24 && m->bits != 28 && m->bits != 32) || (m->version != 4 && m->version != 6) ||
        m->nodes == 0 || m->nodes > NODES_MOST) {
        return wrong(err, "its metadata cannot be: record_size 24, 28 or 32, ip_version 4 or 6");
    }
    return FT_OK;
}

int ft_mmdb_open(const uint8_t *bytes, size_t len, struct ft_mmdb *out, struct ft_err *err)
{
    static const uint8_t zero[16];
    const uint8_t *at = metadata_of(bytes, len);
    struct metadata m = {0};

    *out = (struct ft_mmdb){0};
    if (at == NULL) {
        return wrong(err, "it is no database of MaxMind's format: there is no metadata");
    }
    if (!read_metadata(at, len - (size_t)(at - bytes), &m, out)) {
        return wrong(err, "its metadata cannot be read");
    }
    int rc = check_metadata(&m, err);

    if (rc != FT_OK) {
        return rc;
    }
    size_t tree = (size_t)m.nodes * (m.bits / 4), end = (size_t)(at - bytes) - MARK_LEN;

    if (tree + SEPARATOR > end || memcmp(bytes + tree, zero, SEPARATOR) != 0) {
        return wrong(err, "its tree has not the length that its metadata says");
    }
    out->tree = bytes;
    out->data = bytes + tree + SEPARATOR;
    out->data_len = end - tree - SEPARATOR;
    out->n_nodes = (uint32_t)m.nodes;
    out->record_bits = (uint8_t)m.bits;
    out->ip_version = (uint8_t)m.version;
    rc = check_tree(out, err);
    if (rc == FT_OK && !out->knows_as && !out->knows_country) {
        rc = wrong(err, "it knows neither AS nor country of any address");
    }
    if (rc != FT_OK) {
        ft_mmdb_close(out);
    }
    return rc;
}

void ft_mmdb_close(struct ft_mmdb *db)
{
    ft_map_free(db->top[0], TOPS * sizeof *db->top[0]);
    ft_map_free(db->top[1], TOPS * sizeof *db->top[1]);
    ft_map_free(db->says, db->cap_says * sizeof *db->says);
    ft_map_free(db->slots, ((size_t)db->mask + 1) * sizeof *db->slots);
    *db = (struct ft_mmdb){0};
}

size_t ft_mmdb_memory(const struct ft_mmdb *db)
{
    return db->n_says * sizeof *db->says + ((size_t)db->mask + 1) * sizeof *db->slots +
           2 * TOPS * sizeof *db->top[0];
}
