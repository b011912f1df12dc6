/* SPDX-License-Identifier: Apache-2.0 */
/* flowtap interfaces: what can be captured from, for people and as JSON. */
#include <string.h>

#include "cli.h"
#include "flowtap/interfaces.h"

static void member(const char *name, const char *value)
{
    printf(",\"%s\":", name);
    json_print(stdout, value);
}

static void print_json(const struct ft_interface *i, bool first)
{
    printf("%s{\"index\":%u", first ? "" : ",\n ", i->index);
    member("name", i->name);
    printf(",\"addresses\":[");
    for (uint32_t k = 0; k < i->n_addresses; k++) {
        printf("%s", k > 0 ? "," : "");
        json_print(stdout, i->address[k]);
    }
    printf("]");
    member("link_type", i->link_type);
    member("state", i->up ? "up" : "down");
    member("description", i->description);
    printf("}");
}

static void print_row(const struct ft_interface *i)
{
    printf("%5u  ", i->index);
    int shown = text_print(stdout, i->name);

    printf("%*s %-5s %-10s %-26s%s", shown < 15 ? 15 - shown : 0, "", i->up ? "up" : "down",
           i->link_type, i->n_addresses > 0 ? i->address[0] : "-",
           i->description[0] != '\0' ? " " : "");
    text_print(stdout, i->description);
    printf("\n");
    for (uint32_t k = 1; k < i->n_addresses; k++) {
        printf("%40s%s\n", "", i->address[k]);
    }
}

int cmd_interfaces(const struct command *c, int argc, char **argv)
{
    struct ft_interface *list = NULL;
    struct ft_err err;
    size_t n = 0;
    bool json = false;

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            help_command(c, stdout);
            return EXIT_GOOD;
        }
        if (strcmp(argv[i], "--json") != 0) {
            say("interfaces: '%s': allowed is --json", argv[i]);
            return EXIT_WRONG;
        }
        json = true;
    }
    if (ft_interfaces_list(&list, &n, &err) != FT_OK) {
        say("error: %s", err.what);
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
