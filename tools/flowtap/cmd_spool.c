/* SPDX-License-Identifier: Apache-2.0 */
/* flowtap spool: what waits in the folder of an output with overflow=spool. */
#include <string.h>
#include <time.h>

#include "cli.h"
#include "flowtap/spool.h"

static int print_batch(void *cookie, const void *data, size_t len)
{
    (void)cookie;
    return fwrite(data, 1, len, stdout) == len ? 0 : 1;
}

static uint64_t all_events(const struct ft_spool_info *s)
{
    uint64_t n = 0;

    for (enum ft_event e = 0; e < FT_EVENT__COUNT; e++) {
        n += s->events[e];
    }
    return n;
}

static void print_json(const struct ft_spool_info *s)
{
    const char *comma = "";

    printf("{\"events\":{");
    for (enum ft_event e = 0; e < FT_EVENT__COUNT; e++) {
        if (s->events[e] > 0) {
            printf("%s\"%s\":%llu", comma, ft_event_word(e), (unsigned long long)s->events[e]);
            comma = ",";
        }
    }
    printf("},\"bytes\":%llu,\"batches\":%llu,\"first_batch\":%llu,\"next_batch\":%llu,"
           "\"producer\":\"%016llx\"",
           (unsigned long long)s->bytes, (unsigned long long)s->frames,
           (unsigned long long)s->first_frame, (unsigned long long)s->next_frame,
           (unsigned long long)s->producer);
    if (s->oldest_ns != 0) {
        printf(",\"oldest\":%.6f", (double)s->oldest_ns / 1e9);
    } else {
        printf(",\"oldest\":null");
    }
    printf(",\"segments\":%u,\"disk_bytes\":%llu,\"damaged_segments\":%llu,"
           "\"damaged_batches\":%llu,\"missing_events\":%llu,\"orderly\":%s}\n",
           s->segments, (unsigned long long)s->disk_bytes, (unsigned long long)s->damaged_segments,
           (unsigned long long)s->damaged_frames, (unsigned long long)s->missing_events,
           s->orderly ? "true" : "false");
}

static void print_table(const struct ft_spool_info *s)
{
    printf("events waiting   %14llu\n", (unsigned long long)all_events(s));
    for (enum ft_event e = 0; e < FT_EVENT__COUNT; e++) {
        if (s->events[e] > 0) {
            printf("  %-14s %14llu\n", ft_event_word(e), (unsigned long long)s->events[e]);
        }
    }
    printf("bytes            %14llu\n", (unsigned long long)s->bytes);
    printf("batches          %14llu  numbers %llu to %llu of producer %016llx\n",
           (unsigned long long)s->frames, (unsigned long long)s->first_frame,
           (unsigned long long)s->next_frame - 1, (unsigned long long)s->producer);
    if (s->oldest_ns != 0) {
        time_t t = (time_t)(s->oldest_ns / 1000000000);
        struct tm tm;
        char text[32];

        gmtime_r(&t, &tm);
        strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm);
        printf("oldest           %s\n", text);
    }
    printf("on disk          %14llu  bytes in %u files\n", (unsigned long long)s->disk_bytes,
           s->segments);
    if (s->damaged_segments + s->damaged_frames > 0) {
        printf("damaged          %14llu  batches, and the ends of %llu files\n",
               (unsigned long long)s->damaged_frames, (unsigned long long)s->damaged_segments);
    }
    if (s->missing_events > 0) {
        printf("missing          %14llu  events, of batches that are damaged or gone\n",
               (unsigned long long)s->missing_events);
    }
    if (!s->orderly) {
        printf("who writes it runs still, or was killed\n");
    }
}

int cmd_spool(const struct command *c, int argc, char **argv)
{
    bool json = false, events = false;
    const char *folder = NULL;
    struct ft_spool_info info;
    struct ft_err err;

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            help_command(c, stdout);
            return EXIT_GOOD;
        }
        if (strcmp(argv[i], "--json") == 0) {
            json = true;
        } else if (strcmp(argv[i], "--events") == 0) {
            events = true;
        } else if (argv[i][0] != '-' && folder == NULL) {
            folder = argv[i];
        } else {
            say("spool: '%s': allowed is FOLDER, --json, --events", argv[i]);
            return EXIT_WRONG;
        }
    }
    if (folder == NULL) {
        say("spool: which folder? It is spool= of the output");
        return EXIT_WRONG;
    }
    int rc = events ? ft_spool_each(folder, print_batch, NULL, &err)
                    : ft_spool_look(folder, &info, &err);

    if (rc != FT_OK) {
        say("error: %s", err.what);
        return EXIT_FAILED;
    }
    if (!events && json) {
        print_json(&info);
    } else if (!events) {
        print_table(&info);
    }
    return EXIT_GOOD;
}
