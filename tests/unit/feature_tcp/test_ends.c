/* SPDX-License-Identifier: Apache-2.0 */
/* feature/tcp: a side that ends closes its window, which is no news; unless it was cut off. */
#include "segments.h"

/* After ways of ending: does the responder's closed window stand in the history? */
static void check_end(const uint8_t (*ends)[2], uint32_t n, const char *history)
{
    uint32_t next[2] = {101, 900};

    begin();
    segment(0, SYN, 100, 0, 0);
    segment(1, SYN | ACK, 899, 101, 10);
    segment(0, ACK, 101, 900, 10);
    for (uint32_t i = 0; i < n; i++) {
        int d = ends[i][0];

        segment(d, ends[i][1] | ACK, next[d], next[!d], 10);
        next[d] += (ends[i][1] & FIN) != 0;
    }
    window = 0;
    segment(1, ACK, next[1], next[0], 10);
    CHECK_STR(record()->history, history);
    ft_feature_close(&ft_feature_tcp, &cfg, tcp);
}

static void test_closed_windows(void)
{
    static const uint8_t both[][2] = {{0, FIN}, {1, FIN}};
    static const uint8_t both_then_reset[][2] = {{0, FIN}, {1, FIN}, {0, RST}};
    static const uint8_t cut[][2] = {{0, FIN}, {0, RST}};
    static const uint8_t cut_then_closed[][2] = {{0, FIN}, {0, RST}, {1, FIN}};
    static const uint8_t reset[][2] = {{1, RST}};

    check_end(NULL, 0, "ShAaw");
    check_end(both, 2, "ShAFfa");
    check_end(both_then_reset, 3, "ShAFfRa");
    check_end(cut, 2, "ShAFRaw");
    check_end(cut_then_closed, 3, "ShAFRfa");
    check_end(reset, 1, "ShAra");
}

int main(void)
{
    RUN(test_closed_windows);
    return test_end();
}
