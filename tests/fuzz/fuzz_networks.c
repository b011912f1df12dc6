/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes files of --networks. Properties: what is refused has a message of one line, and leaves
 * nothing behind; of what is taken each address gets the name of the longest prefix that holds it,
 * found by asking each, as a simple reader of the same lines has them; the same names come of the
 * file behind a byte order mark. */
#include <string.h>

#include "base/csv.h"
#include "model/networks.h"
#include "model/prefix.h"
#include "must.h"

enum { LINES = 64, TEXT_MAX = 8192 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct line {
    struct ft_prefix prefix;
    char name[FT_NETWORK_NAME + 1];
};

/* The prefixes of a file that was taken; more than LINES are left out, and *out_all says so. */
static uint32_t read_lines(const char *text, size_t len, struct line *lines, bool *out_all)
{
    struct ft_csv c = ft_csv_of(text, len);
    uint32_t n = 0;
    char cell[128];
    bool last;

    *out_all = true;
    while (ft_csv_next(&c)) {
        if (n == LINES) {
            *out_all = false;
            break;
        }
        MUST(ft_csv_cell(&c, cell, sizeof cell, &last) == NULL && !last);
        MUST(ft_csv_cell(&c, lines[n].name, sizeof lines[n].name, &last) == NULL && last);
        n += ft_prefix_parse(cell, &lines[n].prefix) == FT_OK; /* else it is a header */
    }
    return n;
}

static void check_address(const struct ft_networks *nets, const struct line *lines, uint32_t n,
                          uint8_t version, const uint8_t addr[16])
{
    const struct line *best = NULL;
    uint32_t len = 0;
    const char *name = ft_networks_find(nets, version, addr, &len);

    for (uint32_t i = 0; i < n; i++) {
        const struct ft_prefix *p = &lines[i].prefix;

        if (ft_prefix_holds(p, version, addr) && (best == NULL || p->bits > best->prefix.bits)) {
            best = &lines[i];
        }
    }
    MUST((best == NULL) == (name == NULL));
    MUST(name == NULL || (len == strlen(best->name) && memcmp(name, best->name, len) == 0));
}

/* The first and last address of each prefix, and those beside them. */
static void check_around(const struct ft_networks *nets, const struct line *lines, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        const struct ft_prefix *p = &lines[i].prefix;
        int bytes = p->ip_version == 4 ? 4 : 16;

        for (int end = 0; end < 2; end++) {
            uint8_t addr[16] = {0}, beside[16];

            memcpy(addr, p->addr, (size_t)bytes);
            for (int b = p->bits; end == 1 && b < 8 * bytes; b++) {
                addr[b / 8] |= (uint8_t)(0x80 >> b % 8);
            }
            memcpy(beside, addr, sizeof beside);
            for (int b = bytes - 1; b >= 0; b--) { /* one more, or one less */
                uint8_t was = beside[b];

                beside[b] = (uint8_t)(end == 1 ? was + 1 : was - 1);
                if (was != (end == 1 ? 0xff : 0)) {
                    break;
                }
            }
            check_address(nets, lines, n, p->ip_version, addr);
            check_address(nets, lines, n, p->ip_version, beside);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct line lines[LINES];
    static char marked[TEXT_MAX + 3];
    struct ft_networks *nets = NULL, *again = NULL;
    struct ft_err err = {0};
    bool all;

    size = size < TEXT_MAX ? size : TEXT_MAX;
    int rc = ft_networks_parse((const char *)data, size, &nets, &err);

    MUST(rc == FT_OK || rc == FT_E_FORMAT);
    MUST(rc == FT_OK || (nets == NULL && err.what[0] != '\0' && strchr(err.what, '\n') == NULL));
    if (rc != FT_OK) {
        return 0;
    }
    uint32_t n = read_lines((const char *)data, size, lines, &all);

    if (all) {
        MUST(ft_networks_count(nets) == n);
        check_around(nets, lines, n);
    }
    if (size < 3 || memcmp(data, "\xef\xbb\xbf", 3) != 0) {
        memcpy(marked, "\xef\xbb\xbf", 3);
        memcpy(marked + 3, data, size);
        MUST(ft_networks_parse(marked, size + 3, &again, &err) == FT_OK);
        MUST(ft_networks_count(again) == ft_networks_count(nets));
        ft_networks_free(again);
    }
    ft_networks_free(nets);
    return 0;
}
