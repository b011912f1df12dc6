/* SPDX-License-Identifier: Apache-2.0 */
/* feature: segments whose sequence numbers are half the number space away from the stream's
 * beginning (found by fuzz_e2e): they are old, and what comes in order is still read. */
#include "feature/app/app.h"

#include "harness.h"
#include "model/record.h"

static const char request[] = "GET / HTTP/1.1\r\nHost: example.com\r\n\r\n";

static bool see(struct ft_apps *a, uint32_t seq, uint32_t from, uint32_t len)
{
    struct ft_app_packet p = {.data = (const uint8_t *)request + from,
                              .cap = len,
                              .len = len,
                              .seq = seq,
                              .start = 1000,
                              .src_port = 50000,
                              .dst_port = 80,
                              .dir = FT_DIR_FWD,
                              .proto = 6,
                              .start_known = true};

    return ft_apps_see(a, 0, &p);
}

static void test_half_way_round(void)
{
    static const uint32_t far[] = {1u << 31, (1u << 31) + 1, UINT32_MAX - 40};
    struct ft_apps *a;

    CHECK_EQ(ft_apps_new(1, &a), FT_OK);
    for (size_t i = 0; i < sizeof far / sizeof far[0]; i++) {
        const struct ft_app_info *info;

        see(a, 1000, 0, 10);
        see(a, 1000 + far[i], 0, 30);
        see(a, 1010, 10, sizeof request - 11);
        info = ft_apps_get(a, 0);
        CHECK(info != NULL && info->app == FT_APP_HTTP);
        CHECK(info != NULL && info->part == FT_APP_PART_HTTP && info->name.len == 11 &&
              memcmp(info->name_text, "example.com", 11) == 0);
        ft_apps_end(a, 0);
    }
    ft_apps_free(a);
}

int main(void)
{
    RUN(test_half_way_round);
    return test_end();
}
