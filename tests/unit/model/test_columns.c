/* SPDX-License-Identifier: Apache-2.0 */
/* model/columns: profiles by name, the order of columns, choosing by name, what has to be known. */
#include "model/columns.h"

#include "harness.h"

static uint32_t sets_of(const char *list)
{
    uint32_t sets = 0;
    struct ft_err err;

    CHECK_EQ(ft_profiles_parse(list, &sets, &err), FT_OK);
    return sets;
}

static void test_profiles(void)
{
    struct ft_err err;
    uint32_t sets = 77;

    CHECK_EQ(sets_of("base"), 1);
    CHECK_EQ(sets_of("tcp"), sets_of("tcp,base"));
    CHECK_EQ(sets_of("tcp,sizes"), sets_of("sizes,base,tcp,sizes"));
    CHECK_EQ(sets_of("all"), sets_of("base,sizes,tcp,tunnel"));
    CHECK_EQ(sets_of("all") | sets_of("app"), sets_of("app,all"));
    CHECK_EQ(ft_profiles_parse("tcpp", &sets, &err), FT_E_USAGE);
    CHECK_STR(err.what, "'tcpp': there is no such profile; did you mean tcp?");
    CHECK_EQ(ft_profiles_parse("base,", &sets, &err), FT_E_USAGE);
    CHECK_EQ(ft_profiles_parse("", &sets, &err), FT_E_USAGE);
    CHECK_EQ(
        ft_profiles_parse("qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq",
                          &sets, &err),
        FT_E_USAGE);
    CHECK(strstr(err.what, "(there are: base, sizes, tcp, tunnel, app") != NULL);
    CHECK_EQ(sets, 77); /* on success only */
}

static void test_order(void)
{
    struct ft_columns all, some;
    uint32_t at = 0;

    ft_columns_compose(ft_column_sets_own(), &all);
    CHECK(all.n > 100 && all.n < FT_COLUMNS_MAX && !all.flat);
    for (uint32_t i = 1; i < all.n; i++) {
        CHECK(all.col[i - 1].field->rank < all.col[i].field->rank);
    }
    ft_columns_compose(sets_of("tunnel,tcp"), &some);
    for (uint32_t i = 0; i < some.n; i++, at++) { /* those of all, in its order */
        while (at < all.n && all.col[at].field != some.col[i].field) {
            at++;
        }
        CHECK(at < all.n);
    }
    ft_columns_compose(1, &some);
    CHECK(some.n <= 40);
}

/* A tool's column comes in the place of one of its name in the same object; flat forms have one of
 * a name wherever it stands. */
static void test_flatten(void)
{
    static const struct ft_field rows[] = {{.name = "a", .group = FT_GROUP_FLOW_KEY},
                                           {.name = "b", .group = FT_GROUP_FEATURES},
                                           {.name = "a", .group = FT_GROUP_FEATURES},
                                           {.name = "c", .group = FT_GROUP_FEATURES},
                                           {.name = "b", .group = FT_GROUP_TOP}};
    struct ft_columns c;

    ft_columns_rows(rows, 5, &c);
    ft_columns_flatten(&c);
    CHECK_EQ(c.n, 3);
    CHECK(c.col[0].field == &rows[2]);
    CHECK(c.col[1].field == &rows[4]);
    CHECK(c.col[2].field == &rows[3]);
}

static void test_names(void)
{
    struct ft_columns all;

    ft_columns_compose(ft_column_sets_own(), &all);
    for (uint32_t i = 0; i < all.n; i++) {
        const struct ft_field *f = all.col[i].field;

        CHECK_STR(f->profile, all.col[i].set->profile);
        CHECK((f->width == 0) == (f->get != NULL));
        CHECK(f->absent == FT_ABSENT_NEVER || f->null != NULL);
        for (uint32_t k = 0; k < i; k++) {
            CHECK(strcmp(f->name, all.col[k].field->name) != 0);
        }
    }
}

static void test_pick(void)
{
    static const char *const wrong[][2] = {
        {"src_ipp", "'src_ipp': there is no such column; did you mean src_ip?"},
        {"src_ip,", "'': there is no such column (flowtap schema lists them)"},
        {"src_ip,dst_ip,src_ip", "'src_ip': is named twice"},
        {"event_typo", "'event_typo': there is no such column (flowtap schema lists them)"},
    };
    struct ft_columns c;
    struct ft_err err;

    CHECK_EQ(ft_columns_pick("fwd_mss,src_ip,tls_sni", 1, &c, &err), FT_OK);
    CHECK_EQ(c.n, 3);
    CHECK(c.flat);
    CHECK_STR(c.col[0].field->name, "fwd_mss");
    CHECK_STR(c.col[1].field->name, "src_ip");
    CHECK_STR(c.col[2].field->name, "tls_sni");
    CHECK_EQ(ft_columns_parts(&c), 1u << FT_PART_CORE | 1u << FT_PART_TCP | 1u << FT_PART_APP);
    CHECK_EQ(ft_columns_pick("src_ip", 1, &c, &err), FT_OK);
    CHECK_EQ(ft_columns_parts(&c), 1u << FT_PART_CORE);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        CHECK_EQ(ft_columns_pick(wrong[i][0], 1, &c, &err), FT_E_USAGE);
        CHECK_STR(err.what, wrong[i][1]);
    }
}

static void test_places(void)
{
    static const struct ft_field rows[] = {
        {.name = "a", .type = FT_T_U8, .at = 0, .width = 1, .absent = FT_ABSENT_ONES},
        {.name = "b", .type = FT_T_U16, .at = 2, .width = 2, .absent = FT_ABSENT_ZERO},
        {.name = "c", .type = FT_T_U32, .at = 4, .width = 4, .absent = FT_ABSENT_ONES},
        {.name = "d", .type = FT_T_U64, .at = 8, .width = 8},
    };
    struct {
        uint8_t a, pad;
        uint16_t b;
        uint32_t c;
        uint64_t d;
    } part = {255, 0, 0, UINT32_MAX, UINT64_MAX};
    struct ft_value v;

    for (int i = 0; i < 3; i++) {
        ft_field_get(&rows[i], &part, &v);
        CHECK(v.null);
    }
    ft_field_get(&rows[3], &part, &v);
    CHECK(!v.null && v.u == UINT64_MAX);
    part.a = 0;
    part.b = 65535;
    part.c = 0;
    for (int i = 0; i < 3; i++) {
        ft_field_get(&rows[i], &part, &v);
        CHECK(!v.null && v.u == (i == 1 ? 65535 : 0));
    }
}

int main(void)
{
    RUN(test_profiles);
    RUN(test_order);
    RUN(test_flatten);
    RUN(test_names);
    RUN(test_pick);
    RUN(test_places);
    return test_end();
}
