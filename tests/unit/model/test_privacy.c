/* SPDX-License-Identifier: Apache-2.0 */
/* model/privacy: every column of every event and every exported element has a class; what is typed
 * as an address is one; what is named like one is looked at. */
#include "model/privacy.h"

#include "harness.h"
#include "model/columns.h"
#include "model/elements/element.h"
#include "model/field_export.h"

static bool ends_with(const char *s, const char *end)
{
    size_t n = strlen(s), m = strlen(end);

    return n >= m && strcmp(s + n - m, end) == 0;
}

/* Names that say: an address, or something made from addresses. */
static bool reads_like_identity(const char *name)
{
    static const char *const ends[] = {"_ip",      "_mac",         "mac_address",  "ipv4_address",
                                       "address",  "ipv6_address", "community_id", "_gateway",
                                       "next_hop", "flow_id"};

    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        if (ends_with(name, ends[i])) {
            return true;
        }
    }
    return strcmp(name, "agent") == 0;
}

/* Where an address is, whatever the type. */
static bool reads_like_where(const char *name)
{
    return ends_with(name, "_as") || ends_with(name, "_as_name") || ends_with(name, "_country");
}

/* Of flow records: names that say a port, a TTL, a VLAN. */
static bool reads_like_place(const char *name)
{
    static const char *const ends[] = {"_port",    " Port",   "_PORT",   "_ttl_min",
                                       "_ttl_max", "_TTL",    "orig_p",  "resp_p",
                                       "vlan_id",  "tcp_isn", "QUERY_ID"};

    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        if (ends_with(name, ends[i])) {
            return true;
        }
    }
    return false;
}

static void check_column(const char *event, const struct ft_field *f)
{
    bool good = f->privacy > FT_PRIVACY_UNSET && f->privacy < FT_PRIVACY__COUNT;

    if (reads_like_where(f->name)) {
        CHECK_EQ(f->privacy, FT_PRIVACY_PAYLOAD);
        return;
    }
    switch ((enum ft_type)f->type) {
    case FT_T_ADDR:
    case FT_T_ID:
        good &= f->privacy == FT_PRIVACY_IDENTITY;
        break;
    case FT_T_TEXT:
        good &= f->privacy == FT_PRIVACY_NAME ||
                (f->privacy == FT_PRIVACY_NONE && /* the user's */
                 (strcmp(f->name, "attack") == 0 || strcmp(f->name, "labels") == 0 ||
                  strcmp(f->name, "Label") == 0));
        break;
    case FT_T_LISTS: /* of numbers that packets are made into */
    case FT_T_BYTES:
        good &= f->privacy == FT_PRIVACY_PAYLOAD ||
                (f->privacy == FT_PRIVACY_NONE && strcmp(f->name, "nprint_lengths") == 0);
        break;
    case FT_T_TIME:
        good &= f->privacy == FT_PRIVACY_TIME;
        break;
    case FT_T_JSON: /* its row says it */
        good &= f->privacy == FT_PRIVACY_NONE || f->privacy == FT_PRIVACY_BY_VALUE;
        good &= f->privacy == FT_PRIVACY_BY_VALUE ||
                (strcmp(f->name, "features") != 0 && strcmp(f->name, "counters") != 0);
        break;
    case FT_T_I64:
        good &=
            f->privacy == (ends_with(f->name, "_MILLISECONDS") ? FT_PRIVACY_TIME : FT_PRIVACY_NONE);
        break;
    case FT_T_U64: /* tools have times as numbers */
        good &= f->privacy == (ends_with(f->name, "_seen_ms") ? FT_PRIVACY_TIME : FT_PRIVACY_NONE);
        break;
    default:
        good &= f->privacy == FT_PRIVACY_NONE ||
                (f->type == FT_T_STRING &&
                 (f->privacy == FT_PRIVACY_IDENTITY || f->privacy == FT_PRIVACY_TIME));
        break;
    }
    good &= !reads_like_identity(f->name) || f->privacy == FT_PRIVACY_IDENTITY;
    if (!good) {
        fprintf(stderr, "%s.%s: type %u has the class %u\n", event, f->name, f->type, f->privacy);
    }
    CHECK(good);
}

static void test_every_column_has_a_class(void)
{
    uint32_t n, columns = 0;
    const struct ft_field *f;

    for (enum ft_event e = 0; e < FT_EVENT__COUNT; e++) {
        f = ft_fields_export(e, &n);
        for (uint32_t i = 0; i < n; i++, columns++) {
            check_column(ft_event_type(e), &f[i]);
        }
    }
    for (enum ft_event e = FT_EVENT_SAMPLE; e <= FT_EVENT_STATS; e++) {
        if (e == FT_EVENT_FLOW) { /* below */
            continue;
        }
        f = ft_fields(e, &n);
        for (uint32_t i = 0; i < n; i++, columns++) {
            check_column(ft_event_type(e), &f[i]);
        }
    }
    struct ft_columns c;

    ft_columns_compose(UINT32_MAX, &c);
    for (uint32_t i = 0; i < c.n; i++, columns++) {
        check_column("flow", c.col[i].field);
    }
    CHECK(columns > 250);
}

static void test_places_are_told_of(void)
{
    struct ft_columns c;
    uint32_t places = 0;

    for (uint32_t k = 0; ft_column_sets[k] != NULL; k++) {
        ft_columns_table(ft_column_sets[k], &c);
        for (uint32_t i = 0; i < c.n; i++) {
            if (reads_like_place(c.col[i].field->name)) {
                CHECK(ft_column_tells(&c.col[i]));
                places++;
            }
        }
    }
    CHECK(places > 25);
}

/* Elements that are numbers, and no addresses of hosts although they are called so. */
static bool is_known_number(const char *name)
{
    static const char *const numbers[] = {
        "dnp3_source_address", /* stations on a serial line: 16 bits */
        "dnp3_destination_address",
        "iec104_asdu_address",
        "distinct_count_of_source_ip_address", /* how many */
        "distinct_count_of_destination_ip_address",
        "distinct_count_of_source_ipv4_address",
        "distinct_count_of_destination_ipv4_address",
        "distinct_count_of_source_ipv6_address",
        "distinct_count_of_destination_ipv6_address",
        "alg_control_flow_id",
        "flow_id", /* a number that the exporter made up */
    };

    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        if (strcmp(name, numbers[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* Numbers that say in their names: a user, a subscriber, a machine, or where one of them is. */
static bool reads_like_one(const char *name)
{
    static const char *const words[] = {
        "imsi",      "imei",     "msisdn",     "subscriber", "_uid",      "user_id", "serial_no",
        "device_id", "ue_s1ap",  "unique_",    "gpon_gem",   "_cell_ci",  "cell_id", "latitude",
        "longitude", "customer", "account_id", "login_id",   "machine_id"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strstr(name, words[i]) != NULL) {
            return strstr(name, "dot1q_customer") == NULL && /* tags of a service */
                   strncmp(name, "max_", 4) != 0;            /* how many may be */
        }
    }
    return false;
}

static void test_numbers_that_name_one(void)
{
    static const struct {
        uint32_t pen;
        uint16_t id;
    } known[] = {{35632, 425}, {35632, 426}, {35632, 589}, {5951, 247},  {15397, 29}, {15397, 30},
                 {15397, 32},  {2011, 1},    {35632, 407}, {35632, 282}, {3054, 126}, {6871, 552}};
    enum { IXIA = 3054, IXIA_DEVICE_KIND = 160 }; /* which sort of device */
    const struct ft_element *e;

    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        e = ft_element_find(known[i].pen, known[i].id);
        CHECK(e != NULL);
        CHECK_EQ(ft_element_privacy(e), FT_PRIVACY_PAYLOAD);
    }
    for (uint32_t n = 0; (e = ft_element_at(n)) != NULL; n++) {
        enum ft_privacy class = ft_element_privacy(e);

        if ((class == FT_PRIVACY_NONE || class == FT_PRIVACY_TIME) && reads_like_one(e->name) &&
            (e->pen != IXIA || e->id != IXIA_DEVICE_KIND)) {
            fprintf(stderr, "%u/%u %s: leaves as it is\n", e->pen, e->id, e->name);
            CHECK(false);
        }
    }
}

static void test_every_element_has_a_class(void)
{
    const struct ft_element *e;
    uint32_t n = 0, identities = 0, names = 0;

    for (; (e = ft_element_at(n)) != NULL; n++) {
        enum ft_privacy class = ft_element_privacy(e);
        bool address = e->type == FT_X_IPV4 || e->type == FT_X_IPV6 || e->type == FT_X_MAC;
        bool leaves = class == FT_PRIVACY_NONE || class == FT_PRIVACY_TIME;

        CHECK(class > FT_PRIVACY_UNSET && class < FT_PRIVACY_BY_VALUE);
        CHECK(!address || class == FT_PRIVACY_IDENTITY);
        CHECK(e->type != FT_X_STRING || class == FT_PRIVACY_NAME);
        CHECK(e->type != FT_X_OCTETS || class == FT_PRIVACY_PAYLOAD);
        if (leaves && reads_like_identity(e->name) && !is_known_number(e->name)) {
            fprintf(stderr, "%u/%u %s: leaves as it is\n", e->pen, e->id, e->name);
            CHECK(false);
        }
        identities += class == FT_PRIVACY_IDENTITY;
        names += class == FT_PRIVACY_NAME;
    }
    CHECK_EQ(n, 2161);
    CHECK(identities > 100 && names > 400);
    CHECK_EQ(ft_element_privacy(NULL), FT_PRIVACY_PAYLOAD); /* unknown ones are bytes */
    CHECK_EQ(ft_element_privacy(ft_element_find(0, 326)), FT_PRIVACY_PAYLOAD);
    CHECK_EQ(ft_element_privacy(ft_element_find(15397, 30)), FT_PRIVACY_PAYLOAD);
}

static void test_every_type_has_a_class(void)
{
    for (int t = 0; t <= FT_X_UINT32_LIST; t++) {
        enum ft_privacy class = ft_xtype_privacy((enum ft_xtype)t);

        CHECK(class > FT_PRIVACY_UNSET && class < FT_PRIVACY_BY_VALUE);
    }
    CHECK_EQ(ft_xtype_privacy((enum ft_xtype)(FT_X_UINT32_LIST + 1)), FT_PRIVACY_PAYLOAD);
}

int main(void)
{
    RUN(test_every_column_has_a_class);
    RUN(test_places_are_told_of);
    RUN(test_every_element_has_a_class);
    RUN(test_numbers_that_name_one);
    RUN(test_every_type_has_a_class);
    return test_end();
}
