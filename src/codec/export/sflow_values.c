/* SPDX-License-Identifier: Apache-2.0 */
/* codec: sFlow structures as values: one reader for all layouts of sflow_structs.h. */
#include "codec/export/sflow_structs.h"

enum { LANE_LEN = 40, LANE_FIELDS = 10, ADDRESS_IP4 = 1, ADDRESS_IP6 = 2 };

/* What one call reads and writes. */
struct reader {
    struct ft_rd rd;
    const uint8_t *base; /* what offsets count from */
    struct ft_xvalue *out;
    uint32_t cap;
    uint32_t n;
    const struct ft__sflow_field *field; /* the one that is read */
    uint32_t mac_len;                    /* bytes that a MAC takes: 8, or 6 from some agents */
};

/* How a kind of fixed length lies on the wire. */
struct layout {
    uint8_t wire; /* bytes */
    uint8_t len;  /* of them, the value */
    uint8_t type; /* enum ft_xtype */
};

static const struct layout layouts[FT__SFLOW__FIXED] = {
    [FT__SFLOW_U8] = {1, 1, FT_X_UINT},    [FT__SFLOW_U32] = {4, 4, FT_X_UINT},
    [FT__SFLOW_U64] = {8, 8, FT_X_UINT},   [FT__SFLOW_C32] = {4, 4, FT_X_UINT},
    [FT__SFLOW_C64] = {8, 8, FT_X_UINT},   [FT__SFLOW_I32] = {4, 4, FT_X_INT},
    [FT__SFLOW_PCT] = {4, 4, FT_X_INT},    [FT__SFLOW_LOAD] = {4, 4, FT_X_FLOAT},
    [FT__SFLOW_MAC] = {8, 6, FT_X_MAC},    [FT__SFLOW_IP4] = {4, 4, FT_X_IPV4},
    [FT__SFLOW_IP6] = {16, 16, FT_X_IPV6}, [FT__SFLOW_ID16] = {16, 16, FT_X_OCTETS},
};

/* The end of all values: FT_E_FULL, or the value is there. A length beyond 16 bits, which no UDP
 * datagram can hold, is marked as wrong. */
static int put(struct reader *r, uint8_t type, const uint8_t *p, size_t len, uint8_t flags)
{
    if (r->n >= r->cap) {
        return FT_E_FULL;
    }
    r->out[r->n++] = (struct ft_xvalue){
        .key = r->field->name,
        .offset = (uint32_t)(p - r->base),
        .len = len <= UINT16_MAX ? (uint16_t)len : 0,
        .key_len = r->field->name_len,
        .type = type,
        .flags = len <= UINT16_MAX ? flags : flags | FT_XV_WRONG,
    };
    return FT_OK;
}

/* Steps over the padding behind len bytes; a record that ends without it is taken. */
static void skip_padding(struct reader *r, uint32_t len)
{
    size_t pad = -len & 3, left = ft_rd_left(&r->rd);

    ft_ignore(ft_rd_view(&r->rd, pad <= left ? pad : left) == NULL); /* is there: just compared */
}

static bool is_absent(uint8_t kind, const uint8_t *p)
{
    switch (kind) {
    case FT__SFLOW_C32:
    case FT__SFLOW_PCT:
        return ft_load_be32(p) == UINT32_MAX;
    case FT__SFLOW_C64:
        return ft_load_be64(p) == UINT64_MAX;
    case FT__SFLOW_LOAD:
        return ft_load_be32(p) == 0xbf800000; /* -1.0 */
    default:
        return false;
    }
}

static int take_fixed(struct reader *r, uint8_t kind, uint8_t flags)
{
    const struct layout *l = &layouts[kind];
    size_t left = ft_rd_left(&r->rd), wire = kind == FT__SFLOW_MAC ? r->mac_len : l->wire;
    const uint8_t *p;

    if (left < l->len) {
        return FT_E_TRUNCATED;
    }
    p = ft_rd_view(&r->rd, wire <= left ? wire : left); /* the last MAC may lack its padding */
    return put(r, l->type, p, l->len, is_absent(kind, p) ? flags | FT_XV_ABSENT : flags);
}

static int take_address(struct reader *r)
{
    uint32_t type = ft_rd_u32(&r->rd), len;
    const uint8_t *p;

    if (!ft_rd_ok(&r->rd)) {
        return FT_E_TRUNCATED;
    }
    if (type > ADDRESS_IP6) {
        return FT_E_CORRUPT;
    }
    len = type == ADDRESS_IP4 ? 4 : type == ADDRESS_IP6 ? 16 : 0;
    p = ft_rd_view(&r->rd, len);
    if (p == NULL) {
        return FT_E_TRUNCATED;
    }
    return put(r, type == ADDRESS_IP6 ? FT_X_IPV6 : FT_X_IPV4, p, len, len ? 0 : FT_XV_ABSENT);
}

/* A length and as many bytes. */
static int take_opaque(struct reader *r, uint8_t type)
{
    uint32_t len = ft_rd_u32(&r->rd);
    const uint8_t *p = ft_rd_view(&r->rd, len);

    if (p == NULL) {
        return FT_E_TRUNCATED;
    }
    skip_padding(r, len);
    return put(r, type, p, len, 0);
}

/* A count and as many words; their bytes, or NULL. */
static const uint8_t *view_words(struct reader *r, uint32_t *count)
{
    *count = ft_rd_u32(&r->rd);
    if (*count > ft_rd_left(&r->rd) / 4) {
        return NULL;
    }
    return ft_rd_view(&r->rd, (size_t)*count * 4);
}

static int take_list(struct reader *r)
{
    uint32_t count;
    const uint8_t *p = view_words(r, &count);

    return p != NULL ? put(r, FT_X_UINT32_LIST, p, (size_t)count * 4, 0) : FT_E_TRUNCATED;
}

static int take_percentages(struct reader *r)
{
    uint32_t count = ft_rd_u32(&r->rd);
    int rc = ft_rd_ok(&r->rd) ? FT_OK : FT_E_TRUNCATED;

    for (uint32_t i = 0; i < count && rc == FT_OK; i++) {
        rc = take_fixed(r, FT__SFLOW_PCT, i == 0 ? FT_XV_FIRST : FT_XV_MORE);
    }
    return rc;
}

/* dst_as_path<>: segments of a type (1 set, 2 sequence) and a list. First all lists, then all types
 * under dst_as_path_type, so that both are arrays. One segment gives one list and one type. */
static int take_path(struct reader *r)
{
    static const struct ft__sflow_field type_field = FT__SFLOW_F(U32, "dst_as_path_segment_type");
    uint32_t segments = ft_rd_u32(&r->rd), count, i;
    const struct ft__sflow_field *path_field = r->field;
    struct ft_rd start = r->rd;
    int rc = ft_rd_ok(&r->rd) ? FT_OK : FT_E_TRUNCATED;

    if (rc == FT_OK && segments == 0) {
        return put(r, FT_X_UINT32_LIST, r->rd.p, 0, 0);
    }
    for (unsigned pass = 0; pass < 2 && rc == FT_OK; pass++) {
        r->rd = start;
        r->field = pass == 0 ? path_field : &type_field;
        for (i = 0; i < segments && rc == FT_OK; i++) { /* each takes 8 bytes or ends it */
            uint8_t flags = segments == 1 ? 0 : i == 0 ? FT_XV_FIRST : FT_XV_MORE;
            const uint8_t *type = ft_rd_view(&r->rd, 4), *p = view_words(r, &count);

            if (type == NULL || p == NULL) {
                rc = FT_E_TRUNCATED;
            } else if (pass == 0) {
                rc = put(r, FT_X_UINT32_LIST, p, (size_t)count * 4, flags);
            } else {
                rc = put(r, FT_X_UINT, type, 4, flags);
            }
        }
    }
    return rc;
}

/* lane<> of the SFP structure: each field of all lanes is one array. */
static int take_lanes(struct reader *r)
{
    static const struct ft__sflow_field fields[LANE_FIELDS] = {
        FT__SFLOW_F(U32, "lane_index"),           FT__SFLOW_F(U32, "lane_tx_bias_current_ua"),
        FT__SFLOW_F(U32, "lane_tx_power_uw"),     FT__SFLOW_F(U32, "lane_tx_power_min_uw"),
        FT__SFLOW_F(U32, "lane_tx_power_max_uw"), FT__SFLOW_F(U32, "lane_tx_wavelength_nm"),
        FT__SFLOW_F(U32, "lane_rx_power_uw"),     FT__SFLOW_F(U32, "lane_rx_power_min_uw"),
        FT__SFLOW_F(U32, "lane_rx_power_max_uw"), FT__SFLOW_F(U32, "lane_rx_wavelength_nm"),
    };
    uint32_t count = ft_rd_u32(&r->rd), there = (uint32_t)(ft_rd_left(&r->rd) / LANE_LEN);
    bool all = ft_rd_ok(&r->rd) && count <= there;
    uint32_t n = count <= there ? count : there;
    const uint8_t *p = ft_rd_view(&r->rd, (size_t)n * LANE_LEN);
    int rc = FT_OK;

    for (unsigned f = 0; f < LANE_FIELDS && rc == FT_OK; f++) {
        r->field = &fields[f];
        for (uint32_t i = 0; i < n && rc == FT_OK; i++) {
            rc = put(r, FT_X_UINT, p + (size_t)i * LANE_LEN + (size_t)f * 4, 4,
                     i == 0 ? FT_XV_FIRST : FT_XV_MORE);
        }
    }
    return rc != FT_OK || all ? rc : FT_E_TRUNCATED;
}

/* adapter<> of a host: an ifIndex and its MACs each. Three arrays: the indices, how many MACs each
 * has, and all MACs. */
static int take_adapters(struct reader *r)
{
    static const struct ft__sflow_field fields[] = {
        FT__SFLOW_F(U32, "adapter_if_index"),
        FT__SFLOW_F(U32, "adapter_mac_count"),
        FT__SFLOW_F(MAC, "adapter_mac_address"),
    };
    uint32_t count = ft_rd_u32(&r->rd);
    struct ft_rd start = r->rd;
    int rc = FT_OK, end = ft_rd_ok(&r->rd) ? FT_OK : FT_E_TRUNCATED;

    for (unsigned f = 0; f < 3 && rc == FT_OK; f++) {
        uint8_t flags = FT_XV_FIRST;

        r->rd = start;
        r->field = &fields[f];
        for (uint32_t i = 0; i < count && rc == FT_OK; i++) { /* each takes 8 bytes or ends it */
            const uint8_t *p = ft_rd_view(&r->rd, 8);
            uint32_t macs = p != NULL ? ft_load_be32(p + 4) : 0;

            if (p == NULL) {
                end = FT_E_TRUNCATED;
                break;
            }
            if (f < 2) {
                rc = put(r, FT_X_UINT, p + (size_t)f * 4, 4, flags);
                flags = FT_XV_MORE;
            }
            for (uint32_t m = 0; m < macs && rc == FT_OK; m++) {
                size_t left = ft_rd_left(&r->rd);

                p = left >= 6 ? ft_rd_view(&r->rd, left < 8 ? left : 8) : NULL;
                if (p == NULL) {
                    r->rd.bad = true; /* no adapter behind it can be found */
                    break;
                }
                if (f == 2) {
                    rc = put(r, FT_X_MAC, p, 6, flags);
                    flags = FT_XV_MORE;
                }
            }
        }
        end = r->rd.bad ? FT_E_TRUNCATED : end;
    }
    return rc != FT_OK ? rc : end;
}

static int take(struct reader *r)
{
    const uint8_t *p;

    switch (r->field->kind) {
    case FT__SFLOW_ADDR:
        return take_address(r);
    case FT__SFLOW_STR:
        return take_opaque(r, FT_X_STRING);
    case FT__SFLOW_OPQ:
        return take_opaque(r, FT_X_OCTETS);
    case FT__SFLOW_REST:
        p = r->rd.p;
        r->rd.p = r->rd.end;
        return put(r, FT_X_OCTETS, p, (size_t)(r->rd.end - p), 0);
    case FT__SFLOW_LIST:
        return take_list(r);
    case FT__SFLOW_PCTS:
        return take_percentages(r);
    case FT__SFLOW_PATH:
        return take_path(r);
    case FT__SFLOW_LANES:
        return take_lanes(r);
    case FT__SFLOW_MACS:
        return take_adapters(r);
    default:
        return take_fixed(r, r->field->kind, 0);
    }
}

/* Bytes that a MAC takes from field i on: 6 when the rest of the record is exactly as long as it is
 * without padding, which some agents forget. */
static uint32_t mac_len(const struct ft__sflow_struct *st, unsigned i, size_t left)
{
    size_t sum = 0;

    for (; i < st->n_fields; i++) {
        uint8_t kind = st->fields[i].kind;

        if (kind >= FT__SFLOW__FIXED) {
            return 8;
        }
        sum += kind == FT__SFLOW_MAC ? 6 : layouts[kind].wire;
    }
    return left == sum ? 6 : 8;
}

static const struct ft__sflow_struct *find(enum ft_sflow_kind kind, uint32_t tag)
{
    uint32_t lo = 0, hi;
    const struct ft__sflow_struct *all =
        kind == FT_SFLOW_COUNTERS ? ft__sflow_counter_structs(&hi) : ft__sflow_flow_structs(&hi);

    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;

        if (all[mid].tag == tag) {
            return &all[mid];
        }
        if (all[mid].tag < tag) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    return NULL;
}

const char *ft_sflow_struct_name(enum ft_sflow_kind kind, uint32_t tag)
{
    const struct ft__sflow_struct *st = find(kind, tag);

    return st != NULL ? st->name : NULL;
}

static char *put_decimal(char *to, uint32_t v)
{
    uint32_t unit = 1;

    while (v / unit >= 10) {
        unit *= 10;
    }
    for (; unit > 0; unit /= 10) {
        *to++ = (char)('0' + v / unit % 10);
    }
    return to;
}

static int unknown(struct reader *r, struct ft_sflow_record *rec)
{
    struct ft__sflow_field field = {.name = rec->name};
    char *to = rec->name;

    memcpy(to, "struct_", 7);
    to = put_decimal(to + 7, rec->tag >> 12);
    *to++ = '_';
    to = put_decimal(to, rec->tag & 0xfff); /* struct_1048575_4095 at most */
    *to = '\0';
    field.name_len = (uint8_t)(to - rec->name);
    r->field = &field;
    return put(r, FT_X_OCTETS, rec->data, rec->len, 0);
}

int ft_sflow_values(enum ft_sflow_kind kind, struct ft_sflow_record *rec, const uint8_t *base,
                    struct ft_xvalue *out, uint32_t cap, uint32_t *n)
{
    const struct ft__sflow_struct *st = find(kind, rec->tag);
    struct reader r = {
        .rd = ft_rd_make(rec->data, rec->len), .base = base, .out = out, .cap = cap, .n = *n};
    int rc = FT_OK;

    if (st == NULL) {
        rc = unknown(&r, rec);
        *n = r.n;
        return rc != FT_OK || !rec->cut ? rc : FT_E_TRUNCATED;
    }
    for (unsigned i = 0; i < st->n_fields && rc == FT_OK; i++) {
        if (i + st->n_optional >= st->n_fields && ft_rd_left(&r.rd) == 0) {
            break; /* an older version of the structure ends here */
        }
        r.field = &st->fields[i];
        if (r.field->kind == FT__SFLOW_MAC && r.mac_len == 0) {
            r.mac_len = rec->cut ? 8 : mac_len(st, i, ft_rd_left(&r.rd));
        }
        rc = take(&r);
    }
    *n = r.n;
    return rc;
}
