/* SPDX-License-Identifier: Apache-2.0 */
/* format: durations of ?schema= where the clocks of a record are centuries apart. */
#include "format/map.h"

#include "harness.h"

/* The line of one schema. */
static const char *line(const char *schema, const struct ft_export_record *r)
{
    static uint8_t text[2 * FT_FORMAT_EXPORT_MIN + 1];
    size_t n = ft__map_flow(ft__map_find(schema), text, sizeof text - 1, r);

    text[n] = '\0';
    return (const char *)text;
}

/* flowStartMicroseconds reaches back to 1968, flowEndMilliseconds ahead to 2262. */
static void test_duration_of_centuries(void)
{
    static const struct ft_exporter_info from = {.text = "192.0.2.1", .protocol = FT_XP_IPFIX};
    struct ft_export_record r = {
        .exporter = &from, .first_ns = -INT64_C(61505152) * 1000000000, .last_ns = INT64_MAX};

    CHECK(strstr(line("ecs", &r), "\"duration\":9284877188854775807") != NULL);
    CHECK(strstr(line("ocsf", &r), "\"duration\":9284877188854,") != NULL);
    r.first_ns = 5;
    CHECK(strstr(line("ecs", &r), "\"duration\":9223372036854775802") != NULL);
}

int main(void)
{
    RUN(test_duration_of_centuries);
    return test_end();
}
