/* SPDX-License-Identifier: Apache-2.0 */
/* flowtap: the commands and the way to them. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "flowtap/version.h"

const struct command commands[] = {
    {"live", "[-i NAME|INDEX]... [-f BPF] [OPTIONS]", "Packets from interfaces", FT_CMD_LIVE,
     cmd_data, false},
    {"read", "[OPTIONS] FILE... | -",
     "Packets from pcap and pcapng files (.gz, .zst too; - is stdin)", FT_CMD_READ, cmd_data,
     false},
    {"collect", "[-l URL]... [OPTIONS]", "NetFlow, IPFIX and sFlow datagrams from exporters",
     FT_CMD_COLLECT, cmd_data, false},
    {"label", "--rules FILE [OPTIONS] FILE... | -",
     "Flow records of captures with the labels of a data set; read -e flow --labels", FT_CMD_READ,
     cmd_label, false},
    {"check", "[live|read|collect] -c FILE [OPTIONS]",
     "Check a configuration: every option, output, column and condition, and the files it names; "
     "nothing is opened or written. Without the command's name, for the one that takes the file",
     0, cmd_check, false},
    {"interfaces", "[--json]", "List the interfaces that can be captured from", 0, cmd_interfaces,
     false},
    {"schema",
     "[--format markdown|json-schema|arrow|clickhouse|postgres|avro|protobuf|csv] [-p LIST] "
     "[--no-identity]",
     "Describe every column of every event", 0, cmd_schema, false},
    {"spool", "FOLDER [--json|--events]",
     "What waits on disk for a receiver (outputs with overflow=spool); --events: the events", 0,
     cmd_spool, false},
    {"merge",
     "[INPUT...|-] [-o [arrow:]OUTPUT] [--copies [NAME=]A,B,...]... [--parts [NAME=]A,B,...]... "
     "[--sampled A=N]... [--window S] [--tolerance S] [--max-flows N] [--quiet]",
     "Flow records of many observers (NDJSON and Arrow) as one stream: what several say of one "
     "flow becomes "
     "one record. --copies: they see the same packets, the larger count holds; --parts: they add "
     "up; A may be a pattern",
     0, cmd_merge, false},
    {"query",
     "DIR 'SELECT ...' [--format ndjson|csv|table] [--timeout S] [--limit N] [--quiet] | DIR "
     "--similar ID [--k N] [--span S] [--table flow|window] [--from T] [--to T] | DIR --parquet "
     "FILE [--table NAME] [--from T] [--to T]",
     "SQL over what -o store:DIR keeps: tables flow, window, alert, top_minute, baseline, slices, "
     "account; it reads, and nothing else. --timeout: 10, --limit: 1000 rows; 0: none. --similar: "
     "the N (10) flows or hosts whose vectors (-p vector) are nearest to those of a flow_id or an "
     "address. --parquet: the rows of a time as a file, all of them unless these are told",
     0, cmd_query, false},
    {"mcp", "--store DIR [--privacy 0|1|2|3|4]",
     "Answers an agent that started it: Model Context Protocol over stdin and stdout, from what -o "
     "store:DIR keeps. --privacy: 0, all (the default here), to 4, aggregates",
     0, cmd_mcp, false},
    {"serve",
     "--store DIR --http ADDR:PORT [--token-file FILE] [--privacy 0|1|2|3|4] [--origin URL]...",
     "Answers agents over HTTP: Model Context Protocol at http://ADDR:PORT/mcp. --token-file: what "
     "they have to show, a must for an address that others reach; --privacy: 0, all, on loopback, "
     "3, tokens in place of addresses, beyond; --origin: a page that may ask",
     0, cmd_serve, false},
    {"fit", "INPUT... -o FILE [--whiten] [--rows N] [--window LIST] [--workers N] [--quiet]",
     "What feature vectors are centred and scaled by (--vector-fit), from captures, or from "
     "records "
     "(NDJSON, Arrow) that were written with -p vector --vector-fit raw; - is stdin, records. "
     "--whiten: and a matrix that makes them uncorrelated; --rows: a sample of so many, 262144 "
     "unless told",
     0, cmd_fit, false},
    {"help", "[COMMAND]", "Explain a command", 0, cmd_help, false},
    {"__dump-options", "man|bash|md|json", "The option table, for man page, completion and docs", 0,
     cmd_dump, true},
    {NULL, NULL, NULL, 0, NULL, false},
};

const struct command *command_find(const char *name)
{
    for (const struct command *c = commands; c->name != NULL; c++) {
        if (strcmp(c->name, name) == 0) {
            return c;
        }
    }
    return NULL;
}

/* What was printed has arrived: a full disk is a failure here, too. */
static int stdout_taken(void)
{
    if (fflush(stdout) == 0 && !ferror(stdout)) {
        return EXIT_GOOD;
    }
    say("error: stdout: %s", errno != 0 ? strerror(errno) : "it could not be written");
    return EXIT_FAILED;
}

/* Descriptors 0 to 2 that are closed would be given to the next thing that is opened, and events or
 * messages would go there. */
static void fill_descriptors(void)
{
    int fd;

    do {
        fd = open("/dev/null", O_RDWR);
    } while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd > STDERR_FILENO) {
        close(fd);
    }
}

static int no_command(const char *name)
{
    char there_are[256] = "";

    for (const struct command *c = commands; c->name != NULL; c++) {
        if (!c->hidden) {
            size_t len = strlen(there_are);

            snprintf(there_are + len, sizeof there_are - len, " %s", c->name);
        }
    }
    say("there is no command '%s'; there are:%s", name, there_are);
    return EXIT_WRONG;
}

int main(int argc, char **argv)
{
    fill_descriptors();
    setvbuf(stderr, NULL, _IOLBF, BUFSIZ); /* a line of the log is one write */
    if (argc < 2) {
        help_general(stderr);
        return EXIT_WRONG;
    }
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
        printf("flowtap %s\nfeatures: %s\nschema: %s\n", ft_version(), ft_features(),
               ft_schema_version());
        return stdout_taken();
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        help_general(stdout);
        return stdout_taken();
    }
    const struct command *c = command_find(argv[1]);

    if (c == NULL) {
        return no_command(argv[1]);
    }
    int status = c->run(c, argc - 1, argv + 1);

    return status == EXIT_GOOD ? stdout_taken() : status;
}
