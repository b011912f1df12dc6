/* SPDX-License-Identifier: Apache-2.0 */
/* pipeline: collect: datagrams from exporters to events.
 *
 * Theory of operation: a worker has a source of its own (UDP sockets that the kernel steers by
 * exporter, or the one capture file) and a collector of its own; what the collector finds is
 * written to the outputs at once. sFlow samples go through a flow table first, for the running
 * counts of their 5-tuples. */
#ifndef FT_PIPELINE_COLLECT_H
#define FT_PIPELINE_COLLECT_H

#include "pipeline/internal.h"

enum { FT_COLLECT_DEFAULTS = 3 }; /* addresses listened on when none is named */

/* The plan's part for collect: source, workers, listeners. FT_E_USAGE. */
FT_NODISCARD int ft__collect_plan(const struct ft_config *cfg, struct ft_plan *plan,
                                  struct ft_err *err);
/* The file that a --listen names (pcap:FILE, ipfix:FILE), or NULL: it is none. Points into target.
 * What stands in it, its first bytes say. */
const char *ft__collect_file(const char *target);

/* A --listen that names topics of Kafka. */
bool ft__collect_topics(const char *target);

/* What the datagrams of a file may come in. */
bool ft__collect_linktype(uint16_t linktype);

/* Names of what is listened on or read, into names[]; *out_n of them. */
void ft__collect_targets(const struct ft_config *cfg, const char **names, uint32_t *out_n);

/* Makes a worker's collector and loads saved state. */
FT_NODISCARD int ft__collect_build(struct ft_worker *w, const struct ft_config *cfg,
                                   struct ft_err *err);
void ft__collect_free(struct ft_worker *w);
/* Most bytes that its collector may come to hold. */
size_t ft__collect_budget(const struct ft_worker *w);

/* Thread body; arg is the struct ft_worker. */
/* Its outputs, rates or who may speak are others than before. */
void ft__collect_adopt(struct ft_worker *w);

void *ft__worker_collect(void *arg);

/* Opens the file that the state will be written to, so that it can be opened later, too, and a
 * wrong path is known at the start. FT_E_IO. */
FT_NODISCARD int ft__collect_try_state(struct ft_pipeline *p, struct ft_err *err);

/* Writes the state of all workers to --state: as one step, by who opens files (p->files). Control
 * thread, or after the workers have ended. */
void ft__collect_save(struct ft_pipeline *p);

#endif
