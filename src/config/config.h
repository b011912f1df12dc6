/* SPDX-License-Identifier: Apache-2.0 */
/* config: the values behind flowtap/config.h, as the pipeline uses them. */
#ifndef FT_CONFIG_CONFIG_H
#define FT_CONFIG_CONFIG_H

#include "codec/net/tunnel.h"
#include "flowtap/config.h"
#include "flowtap/event.h"
#include "flowtap/log.h"
#include "flowtap/stats.h"
#include "model/columns.h"
#include "model/packet.h"
#include "model/window.h"

enum { FT_GEO_MOST = 8, FT_GEO_BYTES = 1 << 30 };
enum { FT_MAX_INPUTS = 4096, FT_CONFIG_SNAPSHOTS = 8 };
enum { FT_OVERFLOW_AUTO = 0, FT_OVERFLOW_SET_DROP = 1, FT_OVERFLOW_SET_BLOCK = 2 };

struct ft_config {
    enum ft_command command;
    char **inputs; /* files or interfaces (-i), owned */
    uint32_t n_inputs;
    char *outputs[FT_MAX_OUTPUTS]; /* -o URLs as given, owned; none: ndjson:- */
    uint32_t n_outputs;
    char *filter;                /* -f, owned, or NULL */
    char *where;                 /* --where, owned, or NULL */
    unsigned events;             /* bit per enum ft_event */
    bool events_given;           /* not the default */
    uint32_t sample_n;           /* -s: a sample for 1 in N packets */
    enum ft_direction direction; /* packets that go this way only */
    uint64_t count;              /* packets to take; 0: all */
    int64_t duration_ns;         /* live: of wall time, else of capture time; 0: to the end */
    uint32_t workers;            /* 0: the CPUs this process may use */
    uint32_t queue;              /* packets */
    uint8_t overflow;            /* FT_OVERFLOW_AUTO, ... */
    uint32_t max_flows;          /* all workers together */
    int64_t idle_ns, active_ns;
    uint64_t snapshots[FT_CONFIG_SNAPSHOTS];
    uint32_t n_snapshots;
    uint32_t window_s[FT_WINDOW_SPANS]; /* --window: ascending, each a multiple of the one before */
    uint32_t n_windows;
    char *rules;        /* --rules: of detectors, a file, owned, or NULL */
    uint32_t max_hosts; /* of each kind of entity in a window */
    bool keep_tunnels;
    struct ft_tunnel_ports tunnel_ports;
    uint32_t profiles;             /* -p: a bit for each of ft_column_sets */
    struct ft_set_options options; /* of the owners of profiles */
    char *labels;                  /* rules file, owned, or NULL */
    char *vector_fit;              /* file, builtin or raw, owned, or NULL */
    char *networks;                /* names of prefixes, a file, owned, or NULL */
    char *geo[FT_GEO_MOST];        /* databases of addresses, files, owned */
    uint32_t n_geo;
    char *anonymize;  /* key file, owned, or NULL */
    bool no_identity; /* columns that tell of hosts, networks or times are left out */
    bool hash_names;  /* with anonymize: digests of names, else they are left out */
    int64_t stats_ns; /* 0: at the end only */
    int64_t drain_ns; /* for an output that takes nothing any more */
    char *user;       /* --user, owned, or NULL: nobody when started as root */
    char *observer;   /* --observer, owned, or NULL: the host's name */
    uint32_t observation_domain;
    char *metrics; /* --metrics, owned, or NULL */
    bool no_sandbox;
    bool log_json;
    bool has_secret;     /* an input or an output may hold one */
    int verbosity;       /* -1 quiet, 0, 1.. per -v */
    uint32_t snaplen;    /* live: bytes of a packet to keep; 0: the source's default */
    bool no_promiscuous; /* live */
    /* collect */
    char *allow; /* prefixes, owned, or NULL: everybody */
    char *state; /* file, owned, or NULL */
    uint32_t max_exporters, max_templates, max_amplification, pending_bytes;
    int64_t template_life_ns, tcp_idle_ns;
    bool session_port;
    const char *source; /* tests: a back end by name, instead of what the command implies */
    bool set[192];      /* by number of the option: given by ft_config_set() */
    bool given[128];    /* or by a configuration file: no default */
    char *file;         /* that was read, owned, or NULL */
    uint32_t line[128]; /* of it, by number of the option; 0: the value is not from there */
    uint32_t output_line[FT_MAX_OUTPUTS];
    struct ft_log tell; /* hears all that is wrong in a file; without fn the first ends it */
};

enum { FT_PLACE_LEN = 160 };

/* Where the option of this name got its value: "FILE:LINE: ", or "--" and its name and ": ".
 * output: its number, of --output. */
void ft_config_place(const struct ft_config *cfg, const char *name, uint32_t output,
                     char out[FT_PLACE_LEN]);

/* The first option, of those that no run takes up another value of (ft_option.reloads), whose value
 * is not the same in both; NULL: there is none. */
const char *ft_config_fixed_change(const struct ft_config *a, const struct ft_config *b);

/* Is there a file that says something of addresses? */
bool ft_config_enriches(const struct ft_config *cfg);

/* Was the option of this name given, not only a default? */
bool ft_config_given(const struct ft_config *cfg, const char *name);

#endif
