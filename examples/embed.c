/* SPDX-License-Identifier: Apache-2.0 */
/* Embedding libflowtap: reads a capture and hands every flow record to a callback of ours.
 *
 *     cc embed.c $(pkg-config --cflags --libs --static flowtap) -o embed && ./embed sample.pcap
 */
#include <stdio.h>
#include <string.h>

#include "flowtap/pipeline.h"

/* Takes whole NDJSON lines; counts them and shows the first. */
static int on_events(void *cookie, const void *data, size_t len)
{
    unsigned *lines = cookie;
    const char *p = data, *end = p + len;

    for (const char *nl; (nl = memchr(p, '\n', (size_t)(end - p))) != NULL; p = nl + 1) {
        if ((*lines)++ == 0) {
            printf("%.*s\n", (int)(nl - p), p);
        }
    }
    return 0; /* anything else ends this output */
}

int main(int argc, char **argv)
{
    struct ft_config *cfg = ft_config_new(FT_CMD_READ);
    struct ft_pipeline *pipe = NULL;
    struct ft_stats stats;
    struct ft_err err = {0};
    unsigned lines = 0;
    int rc = FT_E_USAGE;

    if (argc == 2 && cfg != NULL && ft_config_add_input(cfg, argv[1], &err) == FT_OK &&
        ft_config_set(cfg, "events", "flow", &err) == FT_OK &&
        ft_pipeline_new(cfg, NULL, NULL, &pipe, &err) == FT_OK &&
        ft_pipeline_add_callback(pipe, "mine", on_events, &lines, &err) == FT_OK &&
        ft_pipeline_start(pipe, &err) == FT_OK) {
        while (ft_pipeline_wait(pipe, 1000) == FT_E_AGAIN) {
        }
        rc = ft_pipeline_finish(pipe, &err);
        ft_pipeline_get_stats(pipe, &stats);
        printf("%u flow records, %llu packets\n", lines,
               (unsigned long long)stats.verdict[FT_V_DECODED]);
    }
    if (rc != FT_OK) {
        fprintf(stderr, "embed: %s\n", argc == 2 ? err.what : "usage: embed FILE");
    }
    ft_pipeline_free(pipe);
    ft_config_free(cfg);
    return rc == FT_OK ? 0 : 1;
}
