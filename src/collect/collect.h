/* SPDX-License-Identifier: Apache-2.0 */
/* collect: flow-export datagrams to records, samples, counters and the health of exporters.
 *
 * Theory of operation: a collector takes datagrams in the order in which they came and calls back
 * for each thing that it finds. It keeps, for each exporter and domain: templates as compiled plans
 * (plan.h), sampling rates and names from options data, sequence numbers (exporter.h), and sets
 * that came before their template. All of it is bounded (ft_collect_limits). A collector belongs to
 * one thread; exporters are to be steered so that each always comes to the same one.
 *
 * Bytes are borrowed: what a callback gets is valid until it returns. */
#ifndef FT_COLLECT_COLLECT_H
#define FT_COLLECT_COLLECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"
#include "flowtap/errors.h"
#include "flowtap/log.h"
#include "model/export.h"
#include "model/packet.h"
#include "model/peer.h"

struct ft_cryptopan;

struct ft_collect_ops {
    void (*record)(void *cookie, const struct ft_export_record *r);
    /* a sampled packet; pkt NULL when it is not IP */
    void (*sample)(void *cookie, const struct ft_export_sample *s);
    void (*discard)(void *cookie, const struct ft_export_sample *s);
    void (*counters)(void *cookie, const struct ft_export_counters *c);
    void (*template_change)(void *cookie, const struct ft_template_change *t);
    void (*health)(void *cookie, const struct ft_exporter_health *h);
    /* n records, instead of each, when nobody reads them: ft_collector_read() */
    void (*count)(void *cookie, uint32_t n);
};

struct ft_collect_limits {
    uint32_t exporters;       /* exporters and domains together */
    uint32_t templates;       /* of one exporter and domain */
    uint32_t amplification;   /* most bytes of text for each byte of a datagram */
    uint32_t waiting;         /* bytes held for one exporter until a template comes, all told */
    int64_t template_life_ns; /* a template not sent again for this long ends; 0: never */
    bool by_port;             /* sessions are told apart by source port too (RFC 7011 §8) */
    bool keep_tunnels;        /* sampled headers: the outermost packet, else the innermost */
    const struct ft_tunnel_ports
        *ports; /* likewise: UDP ports of tunnels; NULL: IANA's. Borrowed */
    /* --anonymize: the saved state holds addresses as this maps them, and elements that exporters
     * describe (RFC 5610) keep their numbers; borrowed, of the same thread. NULL: as they are */
    struct ft_cryptopan *hide;
};

struct ft_collect_stats {
    uint64_t records, options_records, samples, counters, discards, templates, no_template;
    uint64_t messages[FT_XP__COUNT];
    uint64_t lost, reordered, duplicates, resets; /* by sequence numbers */
    uint64_t exporters, exporters_evicted;
};

struct ft_collector;

/* FT_E_NOMEM. ops and cookie are kept; seed is shared by the decoders of a pipeline. */
FT_NODISCARD int ft_collector_new(const struct ft_collect_limits *limits,
                                  const struct ft_hash_seed *seed, const struct ft_collect_ops *ops,
                                  void *cookie, struct ft_collector **out);
/* Most bytes that a collector may come to hold. */
size_t ft_collector_budget(const struct ft_collect_limits *limits);

void ft_collector_free(struct ft_collector *c); /* NULL is a no-op */

/* Whether records are read (at first they are): else they come as a number, by ops->count, and what
 * their values say is not looked at. */
void ft_collector_read(struct ft_collector *c, bool records);

/* limits.amplification, from the next datagram on. */
void ft_collector_amplify(struct ft_collector *c, uint32_t most);

/* Takes one datagram that came from peer at ts_ns. One verdict: FT_V_DECODED, or the first fault
 * that was found; what is valid is used all the same. */
enum ft_verdict ft_collector_take(struct ft_collector *c, const struct ft_peer *peer,
                                  const uint8_t *data, size_t len, int64_t ts_ns);

/* The same for a message of an IPFIX stream (TCP): templates may be withdrawn there. */
enum ft_verdict ft_collector_take_stream(struct ft_collector *c, const struct ft_peer *peer,
                                         const uint8_t *data, size_t len, int64_t ts_ns);

/* A stream ended: its templates are gone. */
void ft_collector_end_stream(struct ft_collector *c, const struct ft_peer *peer);

/* The end of the input: data that still waits for its template is given up, and counted. */
void ft_collector_finish(struct ft_collector *c);

/* Calls ops->health for each exporter that was heard, and ends templates whose life is over. */
void ft_collector_report(struct ft_collector *c, int64_t now_ns);

/* Two senders at one address with one domain, whose sequence numbers do not fit each other. */
struct ft_collect_clash {
    struct ft_exporter_info exporter;
    uint16_t port[2]; /* of two messages in a row */
};

/* The newest one that was found since the last call; each exporter is told of once. */
bool ft_collector_clash(struct ft_collector *c, struct ft_collect_clash *out);

void ft_collector_get_stats(const struct ft_collector *c, struct ft_collect_stats *out);

/* ---- state that survives a restart (state.c) ---- */

/* Appends templates and sampling rates as text to *buf (ft_mem memory, *len of *cap bytes used);
 * only of exporters heard since start, unless all. FT_E_NOMEM. */
FT_NODISCARD int ft_collector_save(const struct ft_collector *c, bool all, char **buf, size_t *len,
                                   size_t *cap);

/* Reads what ft_collector_save() wrote. Lines that cannot be are skipped; *out_bad is their number.
 * FT_E_FORMAT: it is no such file, or one of another key (limits.hide). */
FT_NODISCARD int ft_collector_load(struct ft_collector *c, const char *text, size_t len,
                                   int64_t now_ns, uint32_t *out_bad);

#endif
