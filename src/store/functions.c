/* SPDX-License-Identifier: Apache-2.0 */
/* store: functions of its SQL beside SQLite's. */
#include <string.h>

#include "model/prefix.h"
#include "store/mixed.h"
#include "store/read.h"
#include "store/value.h"

enum { MAPPED = 12 };

/* in_prefix(address, prefix): 1 or 0; null when there is no address. The prefix is read once, when
 * it is a constant. */
static void in_prefix(sqlite3_context *ctx, int n, sqlite3_value **v)
{
    static const uint8_t mapped[MAPPED] = {[10] = 0xff, [11] = 0xff};
    struct ft_prefix *p = sqlite3_get_auxdata(ctx, 1);
    const char *text = (const char *)sqlite3_value_text(v[0]);
    uint8_t a[16];

    (void)n;
    if (p == NULL) {
        const char *prefix = (const char *)sqlite3_value_text(v[1]);
        struct ft_prefix read;

        if (prefix == NULL || ft_prefix_parse(prefix, &read) != FT_OK) {
            sqlite3_result_error(ctx, "in_prefix: it is no prefix like 10.0.0.0/8", -1);
            return;
        }
        p = sqlite3_malloc(sizeof *p);
        if (p == NULL) {
            sqlite3_result_error_nomem(ctx);
            return;
        }
        *p = read;
        sqlite3_set_auxdata(ctx, 1, p, sqlite3_free);
        p = sqlite3_get_auxdata(ctx, 1);
    }
    if (p != NULL && text != NULL && ft_store_parse_address(text, a)) {
        bool v4 = memcmp(a, mapped, sizeof mapped) == 0;

        sqlite3_result_int(ctx, ft_prefix_holds(p, v4 ? 4 : 6, v4 ? a + MAPPED : a));
    }
}

int ft__store_find_function(sqlite3_vtab *table, int n, const char *name,
                            void (**out)(sqlite3_context *, int, sqlite3_value **), void **out_arg)
{
    (void)table;
    if (n != 2 || sqlite3_stricmp(name, "in_prefix") != 0) {
        return 0;
    }
    *out = in_prefix;
    *out_arg = NULL;
    return FT__BOUND_PREFIX;
}

/* mixed(text, key): a number that depends on both; null when there is no text. */
static void mixed(sqlite3_context *ctx, int n, sqlite3_value **v)
{
    const uint8_t *text = sqlite3_value_text(v[0]);

    (void)n;
    if (text != NULL) {
        sqlite3_result_int64(ctx, (int64_t)ft_store_mixed(text, (size_t)sqlite3_value_bytes(v[0]),
                                                          (uint64_t)sqlite3_value_int64(v[1])));
    }
}

int ft__store_functions_make(struct ft_store *s)
{
    enum { FLAGS = SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_DIRECTONLY };
    int rc =
        sqlite3_create_function_v2(s->db, "in_prefix", 2, FLAGS, NULL, in_prefix, NULL, NULL, NULL);

    if (rc == SQLITE_OK) {
        rc = sqlite3_create_function_v2(s->db, "mixed", 2, FLAGS, NULL, mixed, NULL, NULL, NULL);
    }
    return rc == SQLITE_OK ? FT_OK : FT_E_IO;
}
