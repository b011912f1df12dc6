/* SPDX-License-Identifier: Apache-2.0 */
/* flowtap interfaces: what can be captured from, for people and as JSON. */
#include <string.h>

#include "cli.h"
#include "flowtap/interfaces.h"

static void print_json(const struct ft_interface *i, bool first)
{
    printf("%s{\"index\":%u,\"name\":\"%s\",\"addresses\":[", first ? "" : ",\n ", i->index,
           i->name);
    for (uint32_t k = 0; k < i->n_addresses; k++) {
        printf("%s\"%s\"", k > 0 ? "," : "", i->address[k]);
    }
    printf("],\"link_type\":\"%s\",\"state\":\"%s\",\"description\":\"%s\"}", i->link_type,
           i->up ? "up" : "down", i->description);
}

static void print_row(const struct ft_interface *i)
{
    printf("%5u  %-15s %-5s %-10s %-26s %s\n", i->index, i->name, i->up ? "up" : "down",
           i->link_type, i->n_addresses > 0 ? i->address[0] : "-", i->description);
    for (uint32_t k = 1; k < i->n_addresses; k++) {
        printf("%40s%s\n", "", i->address[k]);
    }
}

int cmd_interfaces(const struct command *c, int argc, char **argv)
{
    struct ft_interface *list = NULL;
    struct ft_err err;
    size_t n = 0;
    bool json = argc == 2 && strcmp(argv[1], "--json") == 0;

    if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        help_command(c, stdout);
        return EXIT_GOOD;
    }
    if (argc > 2 || (argc == 2 && !json)) {
        fprintf(stderr, "flowtap: interfaces: '%s': allowed is --json\n", argv[1]);
        return EXIT_WRONG;
    }
    if (ft_interfaces_list(&list, &n, &err) != FT_OK) {
        fprintf(stderr, "flowtap: error: %s\n", err.what);
        return EXIT_FAILED;
    }
    printf("%s", json ? "["
                      : "index  name            state link type  addresses                  "
                        "description\n");
    for (size_t i = 0; i < n; i++) {
        if (json) {
            print_json(&list[i], i == 0);
        } else {
            print_row(&list[i]);
        }
    }
    printf("%s", json ? "]\n" : "");
    ft_interfaces_free(list);
    return EXIT_GOOD;
}
