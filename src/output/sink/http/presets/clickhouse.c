/* SPDX-License-Identifier: Apache-2.0 */
/* output/sink/http/presets: ClickHouse's HTTP interface: an INSERT a batch, in the formats that it
 * has. The token of a batch lets it see that it has got it before. */
#include <stdio.h>
#include <string.h>

#include "output/sink/http/presets/presets.h"

static void query(const struct ft_body *b, const char *format, char *out, size_t cap)
{
    static const char *const rows[][2] = {{"ndjson", "JSONEachRow"},
                                          {"csv", "CSVWithNames"},
                                          {"arrow", "ArrowStream"},
                                          {"parquet", "Parquet"}};
    const char *name = "";

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        name = strcmp(rows[i][0], format) == 0 ? rows[i][1] : name;
    }
    snprintf(out, cap,
             "?query=INSERT%%20INTO%%20%s%%20FORMAT%%20%s&insert_deduplication_token=%016llx-%llu"
             "&wait_end_of_query=1&date_time_input_format=best_effort"
             "&input_format_skip_unknown_fields=1&input_format_import_nested_json=1",
             b->into, name, (unsigned long long)b->producer, (unsigned long long)b->sequence);
}

const struct ft_preset ft_preset_clickhouse = {
    .name = "clickhouse",
    .formats = "ndjson csv arrow parquet",
    .method = "POST",
    .path = "/",
    .auth = "Authorization: Bearer ",
    .query = query,
};
