/* SPDX-License-Identifier: Apache-2.0 */
/* codec/text: structured lists as JSON, see lists.h. */
#include "codec/text/lists.h"

#include <string.h>

#include "base/rd.h"
#include "codec/text/digits.h"
#include "codec/text/exported.h"

enum { VARIABLE = 65535, REVERSE_PEN = 29305, DATA_SHOWN = 1024, RECORDS_SHOWN = 1024 };

/* Room before end, which the tail may have passed. */
static size_t left(const uint8_t *p, const uint8_t *end)
{
    return p < end ? (size_t)(end - p) : 0;
}

/* RFC 6313 §4.4 */
static uint8_t *put_semantic(uint8_t *p, uint8_t semantic)
{
    static const char *const names[] = {"none_of", "exactly_one_of", "one_or_more_of", "all_of",
                                        "ordered"};

    p = FT_PUT_LIT(p, "{\"semantic\":\"");
    p = ft_put_str(p, semantic < 5 ? names[semantic] : "undefined");
    *p++ = '"';
    return p;
}

static uint8_t *put_data(uint8_t *p, const uint8_t *end, const uint8_t *at, size_t len)
{
    struct ft_xvalue v = {.type = FT_X_OCTETS};
    size_t room = left(p, end) / 2;

    v.len = (uint16_t)(len < room ? len : room);
    v.len = v.len < DATA_SHOWN ? v.len : DATA_SHOWN;
    p = FT_PUT_LIT(p, ",\"data\":");
    return ft_xvalue_put(p, at, &v, NULL);
}

static uint8_t *put_cut(uint8_t *p)
{
    return FT_PUT_LIT(p, ",\"cut\":true");
}

static bool is_list(uint8_t type)
{
    return type == FT_X_BASIC_LIST || type == FT_X_SUBTEMPLATE_LIST ||
           type == FT_X_SUBTEMPLATE_MULTI_LIST;
}

/* One value; a list goes one level deeper. */
static uint8_t *put_value(uint8_t *p, const uint8_t *end, const uint8_t *base,
                          const struct ft_xvalue *v, const struct ft_export_lists *lists,
                          uint32_t depth)
{
    if (is_list(v->type) && (v->flags & (FT_XV_WRONG | FT_XV_ABSENT)) == 0) {
        return ft_lists_put(p, end, base + v->offset, v->len, v->type, lists, depth + 1);
    }
    return ft_xvalue_put(p, base, v, NULL);
}

/* What one value needs at least: lists cut themselves. */
static size_t value_room(const struct ft_xvalue *v)
{
    return is_list(v->type) ? v->key_len + 128u : ft_xvalue_room(v);
}

/* RFC 6313 §4.5.1: element, its length, then values. */
static uint8_t *put_basic(uint8_t *p, const uint8_t *end, struct ft_rd rd,
                          const struct ft_export_lists *lists, uint32_t depth)
{
    uint16_t id = ft_rd_u16(&rd), size = ft_rd_u16(&rd);
    uint32_t pen = (id & 0x8000) != 0 ? ft_rd_u32(&rd) : 0;
    const struct ft_element *e = ft_element_find(pen, id & 0x7fff);
    struct ft_xvalue v = {.type = e != NULL ? e->type : FT_X_OCTETS};
    const uint8_t *base = rd.p;
    bool first = true, cut = false;

    if (!ft_rd_ok(&rd)) {
        return put_data(p, end, base, 0);
    }
    p = FT_PUT_LIT(p, ",\"element\":\"");
    if (e != NULL) {
        p = pen == REVERSE_PEN ? FT_PUT_LIT(p, "reverse_") : p;
        p = ft_put_str(p, e->name);
    } else {
        p = pen != 0 ? ft_put_u64(FT_PUT_LIT(p, "pen_"), pen) : p;
        p = pen != 0 ? FT_PUT_LIT(p, "_ie_") : FT_PUT_LIT(p, "ie_");
        p = ft_put_u64(p, id & 0x7fff);
    }
    p = FT_PUT_LIT(p, "\",\"values\":[");
    while (ft_rd_left(&rd) > 0) {
        uint32_t len = size;

        if (size == VARIABLE) {
            len = ft_rd_u8(&rd);
            len = len == 255 ? ft_rd_u16(&rd) : len;
        }
        v.offset = (uint32_t)(rd.p - base);
        v.len = (uint16_t)len;
        v.flags = ft_xvalue_fits(v.type, v.len) ? 0 : FT_XV_WRONG;
        if ((len == 0 && size != VARIABLE) || ft_rd_view(&rd, len) == NULL) {
            cut = true; /* elements of no bytes would never end; or longer than the list */
            break;
        }
        if (left(p, end) < value_room(&v)) {
            cut = true;
            break;
        }
        if (!first) {
            *p++ = ',';
        }
        first = false;
        p = put_value(p, end, base, &v, lists, depth);
    }
    *p++ = ']';
    return cut ? put_cut(p) : p;
}

static uint8_t *put_record(uint8_t *p, const uint8_t *end, const uint8_t *base,
                           const struct ft_xvalue *v, uint32_t n,
                           const struct ft_export_lists *lists, uint32_t depth)
{
    bool first = true;

    *p++ = '{';
    for (uint32_t i = 0; i < n && left(p, end) >= value_room(&v[i]) + 8; i++) {
        if (v[i].flags & FT_XV_MORE) {
            continue; /* within lists, the first of several values of an element is shown */
        }
        if (!first) {
            *p++ = ',';
        }
        first = false;
        *p++ = '"';
        memcpy(p, v[i].key, v[i].key_len);
        p += v[i].key_len;
        p = FT_PUT_LIT(p, "\":");
        p = put_value(p, end, base, &v[i], lists, depth);
    }
    *p++ = '}';
    return p;
}

/* Records of one template: "template_id":N,"records":[...] */
static uint8_t *put_records(uint8_t *p, const uint8_t *end, uint16_t id, struct ft_rd rd,
                            const struct ft_export_lists *lists, uint32_t depth)
{
    struct ft_xvalue values[FT_LIST_VALUES];
    struct ft_list_template t;
    bool cut = false;
    uint32_t n = 0;

    p = FT_PUT_LIT(p, "\"template_id\":");
    p = ft_put_u64(p, id);
    if (lists == NULL || !lists->find(lists->cookie, id, &t) || t.n_values > FT_LIST_VALUES) {
        return put_data(p, end, rd.p, ft_rd_left(&rd));
    }
    p = FT_PUT_LIT(p, ",\"records\":[");
    while (ft_rd_left(&rd) >= t.record_len) {
        uint32_t len = lists->measure(t.plan, rd.p, ft_rd_left(&rd), values);

        if (len == 0 || n == RECORDS_SHOWN || left(p, end) < 64) {
            cut = true;
            break;
        }
        if (n++ > 0) {
            *p++ = ',';
        }
        p = put_record(p, end, rd.p, values, t.n_values, lists, depth);
        rd.p += len;
    }
    *p++ = ']';
    return cut ? put_cut(p) : p;
}

/* RFC 6313 §4.5.3: template id, length with these four bytes, records; and again. */
static uint8_t *put_multi(uint8_t *p, const uint8_t *end, struct ft_rd rd,
                          const struct ft_export_lists *lists, uint32_t depth)
{
    bool first = true, cut = false;

    p = FT_PUT_LIT(p, ",\"lists\":[");
    while (ft_rd_left(&rd) > 0) {
        uint16_t id = ft_rd_u16(&rd), len = ft_rd_u16(&rd);
        struct ft_rd part;

        if (!ft_rd_ok(&rd) || len < 4 || !ft_rd_sub(&rd, len - 4u, &part) || left(p, end) < 128) {
            cut = true;
            break;
        }
        if (!first) {
            *p++ = ',';
        }
        first = false;
        *p++ = '{';
        p = put_records(p, end, id, part, lists, depth);
        *p++ = '}';
    }
    *p++ = ']';
    return cut ? put_cut(p) : p;
}

uint8_t *ft_lists_put(uint8_t *p, const uint8_t *end, const uint8_t *at, uint32_t len, uint8_t type,
                      const struct ft_export_lists *lists, uint32_t depth)
{
    struct ft_rd rd = ft_rd_make(at, len);
    uint8_t semantic = ft_rd_u8(&rd);

    if (!ft_rd_ok(&rd)) {
        return FT_PUT_LIT(p, "null");
    }
    p = put_semantic(p, semantic);
    if (depth >= FT_LISTS_DEPTH) {
        p = put_data(p, end, rd.p, ft_rd_left(&rd));
    } else if (type == FT_X_BASIC_LIST) {
        p = put_basic(p, end, rd, lists, depth);
    } else if (type == FT_X_SUBTEMPLATE_LIST) {
        uint16_t id = ft_rd_u16(&rd);

        *p++ = ',';
        p = put_records(p, end, id, rd, lists, depth);
    } else {
        p = put_multi(p, end, rd, lists, depth);
    }
    *p++ = '}';
    return p;
}
