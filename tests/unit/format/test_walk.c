/* SPDX-License-Identifier: Apache-2.0 */
/* format/walk: the compiled walk and a plain one write the same bytes: of all columns of flow
 * records in any composition, of every type at its ends, of lists, of parts that say nothing. */
#include "format/walk.h"

#include "harness.h"
#include "lines.h"
#include "model/app.h"

static uint8_t one[FT_FORMAT_MAX], two[FT_FORMAT_MAX];
static uint64_t state = 1;

static uint64_t any(void)
{
    state = state * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return state >> 11;
}

static void compare(enum ft_event e, const struct ft_columns *c, const void *const *parts)
{
    for (int omit = 0; omit < 2; omit++) {
        struct ft__walk *w = NULL;

        CHECK_EQ(ft__walk_new(e, c, omit, &w), FT_OK);
        size_t n = ft__walk_put(w, parts, one), m = lines_walk(e, c, parts, omit, two);

        CHECK_EQ(n, m);
        CHECK_MEM(one, two, n);
        if (n != m || memcmp(one, two, n) != 0) {
            fprintf(stderr, "%.*s%.*s", (int)n, (char *)one, (int)m, (char *)two);
        }
        ft__walk_free(w);
    }
}

/* ---- types: rows of the test's own ---- */

struct values {
    uint8_t flag, u8;
    uint16_t u16;
    uint32_t u32;
    uint64_t u64, id;
    int64_t i64, time;
    double f64;
    uint32_t zero[4];
    const void *list;
    uint32_t n_list;
    const char *text;
    uint8_t addr[16];
    bool null;
};

#define GET(name, stmt)                                                                            \
    static void g_##name(const void *part, struct ft_value *v)                                     \
    {                                                                                              \
        const struct values *r = part;                                                             \
        stmt;                                                                                      \
        v->null = r->null;                                                                         \
    }

GET(f64, v->f = r->f64)
GET(u64, v->u = r->u64)
GET(list, v->items = r->list; v->n_items = r->n_list)
GET(string, v->s = r->text)
GET(text, v->text = (const uint8_t *)r->text; v->text_len = (uint32_t)strlen(r->text))
GET(ip4, v->addr = r->addr; v->ip_version = 4)
GET(ip6, v->addr = r->addr; v->ip_version = 6)

static uint8_t *put_object(const void *part, uint8_t *p)
{
    (void)part;
    return FT_PUT_LIT(p, "{\"a\":[]}");
}

#define AT(member) FT_AT(struct values, member)
#define IN(g)      .group = FT_GROUP_##g

static const struct ft_field rows[] = {
    {.name = "flag", .type = FT_T_BOOL, AT(flag)},
    {.name = "u8", IN(FLOW_KEY), .type = FT_T_U8, AT(u8)},
    {.name = "u16", IN(FLOW_KEY), .type = FT_T_U16, AT(u16)},
    {.name = "u32_or_0", IN(AGGREGATE), .type = FT_T_U32, AT(u32), .absent = FT_ABSENT_ZERO},
    {.name = "u32", IN(FEATURES), .type = FT_T_U32, AT(u32)},
    {.name = "u64", IN(FEATURES), .type = FT_T_U64, AT(u64)},
    {.name = "u64_or_ones", .type = FT_T_U64, AT(u64), .absent = FT_ABSENT_ONES},
    {.name = "u8_or_ones", .type = FT_T_U8, AT(u8), .absent = FT_ABSENT_ONES},
    {.name = "id", IN(EXPORTER), .type = FT_T_ID, AT(id)},
    {.name = "i64", .type = FT_T_I64, AT(i64)},
    {.name = "time", .type = FT_T_TIME, AT(time)},
    {.name = "t", .type = FT_T_TIME, AT(time)},
    {.name = "a_name_as_long_as_any_that_has_room_before_its", .type = FT_T_U64, AT(u64)},
    {.name = "f64", .type = FT_T_F64, .get = g_f64},
    {.name = "u64_got", .type = FT_T_U64, .get = g_u64},
    {.name = "zero0", .type = FT_T_U32, AT(zero[0])},
    {.name = "zero1", .type = FT_T_U32, AT(zero[1])},
    {.name = "zero2", .type = FT_T_U32, AT(zero[2])},
    {.name = "zero3", .type = FT_T_U32, AT(zero[3])},
    {.name = "list", IN(FEATURES), .type = FT_T_LIST, .item = FT_T_U8, .get = g_list},
    {.name = "string", IN(FEATURES), .type = FT_T_STRING, .get = g_string},
    {.name = "text", .type = FT_T_TEXT, .get = g_text},
    {.name = "ip4", .type = FT_T_ADDR, .get = g_ip4},
    {.name = "ip6", .type = FT_T_ADDR, .get = g_ip6},
    {.name = "object", .type = FT_T_JSON, .json = put_object},
};

enum { N_ROWS = sizeof rows / sizeof rows[0] };

static const struct values nothing = {.text = ""};
static const struct ft_column_set sets[2] = {
    {.profile = "core", .part = FT_PART_CORE},
    {.profile = "own", .part = 3, .nothing = &nothing},
};

/* All rows, of the core or of a feature, flat or not. */
static void columns_of(struct ft_columns *c, int which, bool flat)
{
    ft_columns_rows(rows, N_ROWS, c);
    c->flat = flat;
    for (uint32_t i = 0; i < c->n; i++) {
        bool own = which == 1 || (which == 2 && i / 4 % 2 == 1);

        own &= rows[i].type != FT_T_JSON; /* an object is of an event that is one struct */
        c->col[i].set = &sets[own];
        c->col[i].part = sets[own].part;
    }
}

static void compare_values(const struct values *v)
{
    const void *parts[FT_PARTS_MAX] = {v};
    struct ft_columns c;

    for (int which = 0; which < 3; which++) {
        for (int flat = 0; flat < 2; flat++) {
            columns_of(&c, which, flat);
            parts[3] = v;
            compare(FT_EVENT_FLOW, &c, parts);
            parts[3] = &nothing;
            compare(FT_EVENT_FLOW, &c, parts);
            parts[3] = NULL;
            compare(FT_EVENT_FLOW, &c, parts);
        }
    }
}

static void test_ends_of_types(void)
{
    static const uint64_t ends[] = {0,
                                    1,
                                    9,
                                    10,
                                    99,
                                    100,
                                    255,
                                    256,
                                    65535,
                                    65536,
                                    99999999,
                                    100000000,
                                    INT64_MAX,
                                    UINT32_MAX,
                                    UINT64_MAX,
                                    UINT64_MAX - 1,
                                    (uint64_t)INT64_MIN,
                                    10000000000,
                                    1719409375420000000u};
    static const double reals[] = {0, -0.0, 1, 0.1, -2.5, 1e300, 5e-324, 123456.789, 1e15, 3e-7};
    static const char *const texts[] = {"", "a", "\"\\\n\x7f", "\xff\xfe", "caf\xc3\xa9"};

    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        uint64_t e = ends[i];
        struct values v = {.flag = (uint8_t)(e & 1),
                           .u8 = (uint8_t)e,
                           .u16 = (uint16_t)e,
                           .u32 = (uint32_t)e,
                           .u64 = e,
                           .id = e,
                           .i64 = (int64_t)e,
                           .time = (int64_t)e,
                           .f64 = reals[i % (sizeof reals / sizeof reals[0])],
                           .text = texts[i % 5],
                           .null = i % 7 == 3};

        memset(v.addr, (int)i * 13, sizeof v.addr);
        v.zero[i % 4] = i % 3 == 0 ? (uint32_t)e : 0;
        compare_values(&v);
    }
}

/* What the plain walk shares with the compiled one is looked at itself. */
static void test_lists(void)
{
    static const uint8_t u8[] = {0, 9, 255};
    static const uint16_t u16[] = {0, 65535};
    static const uint32_t u32[] = {7, UINT32_MAX};
    static const uint64_t u64[] = {UINT64_MAX, 1};
    static const int64_t i64[] = {INT64_MIN, -1, 0, INT64_MAX};
    static const double f64[] = {0.5, -3, 1e22};
    static const uint8_t truths[] = {1, 0};
    static const struct {
        enum ft_type item;
        const void *items;
        uint32_t n;
        const char *json, *csv;
    } lists[] = {
        {FT_T_U8, u8, 3, "[0,9,255]", "0;9;255"},
        {FT_T_U8, u8, 0, "[]", "[]"},
        {FT_T_U8, u8, 1, "[0]", "0"},
        {FT_T_U16, u16, 2, "[0,65535]", "0;65535"},
        {FT_T_U32, u32, 2, "[7,4294967295]", "7;4294967295"},
        {FT_T_U64, u64, 2, "[18446744073709551615,1]", "18446744073709551615;1"},
        {FT_T_I64, i64, 4, "[-9223372036854775808,-1,0,9223372036854775807]",
         "-9223372036854775808;-1;0;9223372036854775807"},
        {FT_T_F64, f64, 3, "[0.5,-3,1e+22]", "0.5;-3;1e+22"},
        {FT_T_BOOL, truths, 2, "[true,false]", "true;false"},
    };

    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        struct ft_field row = {
            .name = "l", .type = FT_T_LIST, .item = (uint8_t)lists[i].item, .get = g_list};
        struct values r = {.list = lists[i].items, .n_list = lists[i].n};
        const void *part[1] = {&r};
        struct ft_value v;
        struct ft_columns c;
        char want[128];

        ft_field_get(&row, &r, &v);
        *ft_put_value(one, FT_T_LIST, &v, true) = 0;
        CHECK_STR((char *)one, lists[i].json);
        *ft_put_value(one, FT_T_LIST, &v, false) = 0;
        CHECK_STR((char *)one, lists[i].csv);
        ft_columns_rows(&row, 1, &c);
        compare(FT_EVENT_FLOW, &c, part);
        snprintf(want, sizeof want, "{\"event_type\":\"network_flow_record\",\"l\":%s}\n",
                 lists[i].json);
        CHECK_MEM(two, want, strlen(want));
    }
}

static void test_lists_of_lists(void)
{
    static const uint16_t items[] = {1, 2, 65535};
    static const struct {
        uint32_t n, ends[3];
        const char *json, *csv;
    } cases[] = {
        {3, {2, 2, 3}, "[[1,2],[],[65535]]", "1;2|[]|65535"},
        {1, {3}, "[[1,2,65535]]", "1;2;65535"},
        {1, {0}, "[[]]", "[]"},
        {0, {0}, "[]", "[]"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ft_value v = {
            .item = FT_T_U16, .items = items, .ends = cases[i].ends, .n_items = cases[i].n};

        *ft_put_value(one, FT_T_LISTS, &v, true) = 0;
        CHECK_STR((char *)one, cases[i].json);
        *ft_put_value(one, FT_T_LISTS, &v, false) = 0;
        CHECK_STR((char *)one, cases[i].csv);
    }
}

/* Literally, so that both walks together cannot be wrong. */
static void test_literally(void)
{
    static const char *const want[] = {
        ("{\"event_type\":\"network_flow_record\",\"flag\":true,\"flow_key\":{\"u8\":7},"
         "\"u64_got\":null}\n"),
        "{\"event_type\":\"network_flow_record\",\"flag\":true,\"flow_key\":{\"u8\":7}}\n",
        "{\"event_type\":\"network_flow_record\",\"flag\":true,\"u8\":7,\"u64_got\":null}\n",
        "{\"event_type\":\"network_flow_record\",\"flag\":true,\"u8\":7}\n",
    };
    struct values v = {.flag = 1, .u8 = 7, .null = true};
    const void *part[1] = {&v};
    struct ft_columns c;

    for (int i = 0; i < 4; i++) {
        struct ft__walk *w = NULL;

        ft_columns_rows(rows, 2, &c);
        c.col[c.n++] = (struct ft_column){.field = &rows[14], .set = NULL, .part = 0};
        c.flat = i >= 2;
        CHECK_STR(rows[14].name, "u64_got");
        CHECK_EQ(ft__walk_new(FT_EVENT_FLOW, &c, i % 2, &w), FT_OK);
        one[ft__walk_put(w, part, one)] = 0;
        CHECK_STR((char *)one, want[i]);
        ft__walk_free(w);
    }
}

/* ---- flow records ---- */

static void random_bytes(void *to, size_t len, uint64_t kind)
{
    uint8_t *p = to;

    for (size_t i = 0; i < len; i++) {
        uint64_t r = any();

        p[i] = kind == 0   ? 0
               : kind == 1 ? 0xff
               : kind == 2 ? (uint8_t)(r % 8 == 0 ? r >> 8 : 0)
                           : (uint8_t)(r >> 8);
    }
}

/* Enums, flags and ends of text hold what they may. */
static void random_record(struct ft_flow_record *r, struct ft_sizes_record *s,
                          struct ft_tcp_record *t, struct ft_tunnel_record *u,
                          struct ft_app_info *a)
{
    static const uint8_t protos[] = {1, 6, 17, 58, 132, 47};
    uint64_t kind = any() % 4;

    random_bytes(r, sizeof *r, kind);
    random_bytes(t, sizeof *t, kind);
    random_bytes(u, sizeof *u, kind);
    random_bytes(s, sizeof *s, 0);
    for (int d = 0; d < 2; d++) {
        s->size[d].n = any() % 4;
        s->size[d].sum = any() % 100000;
        s->size[d].squares = any();
        s->gap[d].n = any() % 3;
        s->gap[d].sum = any();
        s->gap[d].min = any() % 5;
    }
    r->proto = protos[any() % 6];
    r->reason = (uint8_t)(any() % FT_REASON__COUNT);
    r->tunnel = (uint8_t)(any() % FT_TUNNEL__COUNT);
    r->ip_version = any() % 2 ? 4 : 6;
    r->tcp_state[0] = (uint8_t)(any() % 9);
    r->tcp_state[1] = (uint8_t)(any() % 9);
    r->is_final = any() & 1;
    r->one_way = any() & 1;
    r->no_ports = any() & 1;
    r->has_icmp_code = any() & 1;
    r->has_tunnel_id = any() & 1;
    r->syn_then_reset = any() & 1;
    r->truncated = any() & 1;
    t->midstream = any() & 1;
    snprintf(t->history, sizeof t->history, "%s", any() & 1 ? "ShADadFf" : "");
    u->version = any() % 3 == 0 ? 0 : any() % 2 ? 4 : 6;
    u->has_rev_id = any() & 1;
    u->has_roce = any() & 1;
    *a = (struct ft_app_info){.app = FT_APP_DNS,
                              .confidence = 90,
                              .part = FT_APP_PART_DNS,
                              .name = {.len = 3},
                              .name_text = "a\"\x01"};
    memset(r->part, 0, sizeof r->part);
    r->part[FT_PART_CORE] = r;
    r->part[FT_PART_SIZES] = any() % 4 ? s : NULL;
    r->part[FT_PART_TCP] = any() % 2 ? t : NULL;
    r->part[FT_PART_TUNNEL] = any() % 2 ? (const void *)u : &ft_tunnel_nothing;
    r->part[FT_PART_APP] = any() % 2 ? a : NULL;
}

static void test_flow_records(void)
{
    static const char *const profiles[] = {"base", "all", "all,app", "tcp", "app,sizes", "tunnel"};
    static struct ft_flow_record r;
    static struct ft_sizes_record s;
    static struct ft_tcp_record t;
    static struct ft_tunnel_record u;
    static struct ft_app_info a;
    struct ft_columns c;
    struct ft_err err;
    uint32_t which;

    for (int i = 0; i < 3000; i++) {
        CHECK_EQ(ft_profiles_parse(profiles[i % 6], &which, &err), FT_OK);
        ft_columns_compose(which, &c);
        c.flat = i % 5 == 0;
        random_record(&r, &s, &t, &u, &a);
        compare(FT_EVENT_FLOW, &c, r.part);
    }
}

static void test_other_events(void)
{
    static struct ft_stats s;
    const void *part[1] = {&s};
    struct ft_columns c;
    uint32_t n;
    const struct ft_field *f = ft_fields(FT_EVENT_STATS, &n);

    s.n_workers = s.n_outputs = 1;
    s.output[0].name = "x";
    ft_columns_rows(f, n, &c);
    compare(FT_EVENT_STATS, &c, part);
}

int main(void)
{
    RUN(test_literally);
    RUN(test_lists);
    RUN(test_lists_of_lists);
    RUN(test_ends_of_types);
    RUN(test_flow_records);
    RUN(test_other_events);
    return test_end();
}
