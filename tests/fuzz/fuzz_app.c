/* SPDX-License-Identifier: Apache-2.0 */
/* Names on flows from any payloads in any order.
 *
 *   the input: (control 1, length 1, bytes) ...
 *   control:   entry 2 bits, direction 1, TCP 1, sequence number (on, back, half way round) 2,
 *              ports 2
 *
 * Whatever comes, nothing is read beyond a payload, and the record is one line of JSON. */
#include <stdlib.h>
#include <string.h>

#include "feature/app/app.h"
#include "format/format.h"
#include "json_check.h"
#include "model/record.h"

enum { ENTRIES = 4 };

static const uint32_t steps[4] = {UINT32_C(0) - 7, 0, 7, UINT32_C(1) << 31};
static const uint16_t ports[4] = {443, 53, 137, 40000};

static void must(bool ok)
{
    if (!ok) {
        abort();
    }
}

static void check_record(struct ft_apps *a, uint32_t entry)
{
    static uint8_t out[FT_FORMAT_FLOW_MAX + 64];
    static struct ft_flow_record r;

    memset(&r, 0, sizeof r);
    r.ip_version = 4;
    r.app_on = true;
    r.part[FT_PART_CORE] = &r;
    r.part[FT_PART_APP] = ft_apps_get(a, entry);

    size_t n = ft_format_find("ndjson")->flow(out, &r);

    must(n > 2 && n <= FT_FORMAT_FLOW_MAX && out[n - 1] == '\n');
    must(memchr(out, '\n', n - 1) == NULL);
    must(json_line(out, n));
    must(ft_format_find("csv")->flow(out, &r) <= FT_FORMAT_FLOW_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct ft_apps *a; /* of all inputs: every flow ends, so it holds nothing of the last */
    uint32_t seq[ENTRIES][2] = {0};

    if (a == NULL && ft_apps_new(ENTRIES, &a) != FT_OK) {
        return 0;
    }
    for (size_t at = 0; at + 3 <= size;) {
        uint8_t c = data[at], entry = c & 3, dir = c >> 2 & 1;
        uint32_t len = data[at + 1] * 6u;

        len = len < size - at - 2 ? len : (uint32_t)(size - at - 2);
        len = len > 0 ? len : 1;
        uint8_t *copy = malloc(len); /* its end is where the sanitizer looks */

        if (copy == NULL) {
            break;
        }
        memcpy(copy, data + at + 2, len);
        struct ft_app_packet p = {
            .data = copy,
            .cap = len,
            .len = len + (c >> 7),
            .seq = seq[entry][dir] + steps[c >> 4 & 3],
            .src_port = 50000,
            .dst_port = ports[c >> 6],
            .dir = dir,
            .proto = c & 8 ? 6 : 17,
            .start_known = dir == 0,
        };

        ft_apps_see(a, entry, &p);
        seq[entry][dir] += len;
        free(copy);
        if (c % 11 == 0) {
            check_record(a, entry);
            ft_apps_end(a, entry);
        }
        at += 2 + len;
    }
    for (uint32_t i = 0; i < ENTRIES; i++) {
        check_record(a, i);
        ft_apps_end(a, i);
    }
    return 0;
}
