/* SPDX-License-Identifier: Apache-2.0 */
/* pipeline: allocating and freeing what a pipeline is made of. */
#ifndef FT_PIPELINE_BUILD_H
#define FT_PIPELINE_BUILD_H

#include "pipeline/internal.h"

/* Opens the output of an -o URL and routes the asked-for events to it. */
FT_NODISCARD int ft__build_output(struct ft_pipeline *p, const char *url, struct ft_err *err);

/* The same for a route of its own, and gives back what a route holds; its output is closed, if that
 * has not been done. */
FT_NODISCARD int ft__build_route(struct ft_pipeline *p, const struct ft_output_url *url,
                                 struct ft_route *out, struct ft_err *err);
void ft__build_close_route(struct ft_route *r);

/* A pipeline without anything, or NULL. Freed with ft__build_free. */
FT_NODISCARD struct ft_pipeline *ft__build_empty(const struct ft_config *cfg,
                                                 const struct ft_log *log);

/* Reads the key of --anonymize; the rules of --labels. */
FT_NODISCARD int ft__build_key(const char *path, uint8_t key[FT_CRYPTOPAN_KEY], struct ft_err *err);
FT_NODISCARD int ft__build_labels(struct ft_pipeline *p, const char *path, struct ft_err *err);

/* The rules of detectors from a file; NULL: as they are without. Caller frees with ft_rules_free().
 */
FT_NODISCARD int ft__build_rules(const char *path, struct ft_rules **out, struct ft_err *err);

/* What a worker keeps of flows for windows, notes of them, and the clock of what it takes out of
 * lanes. FT_E_NOMEM. */
FT_NODISCARD int ft__build_timed(struct ft_pipeline *p, struct ft_worker *w);

/* -e alert: the detectors of all workers, or none. */
FT_NODISCARD int ft__build_detect(struct ft_pipeline *p, const struct ft_config *cfg,
                                  struct ft_err *err);

/* Reads the condition of --where and makes the plan; labels have been read. */
FT_NODISCARD int ft__build_plan(struct ft_pipeline *p, const struct ft_config *cfg,
                                struct ft_err *err);

/* FT_E_USAGE: what this format writes cannot be anonymised, and is to be. name: of the output. */
FT_NODISCARD int ft__build_check_raw(bool anonymize, const char *name,
                                     const struct ft_format_ops *format, struct ft_err *err);

/* With --anonymize: maps the addresses in what is returned to the caller (err may be NULL). */
void ft__build_error(const struct ft_pipeline *p, struct ft_err *err);

/* Sums up what the pipeline may come to use, and says it on the log. */
void ft__build_budget(struct ft_pipeline *p);

/* How long route i may stand still at the end: ms, or -1 for ever (block, and nobody asked to
 * stop). */
int ft__build_patience(struct ft_pipeline *p, uint32_t i);

/* Frees everything; also a half-built pipeline. No thread runs any more. */
void ft__build_free(struct ft_pipeline *p);

/* A name that lasts as long as the pipeline; outputs that come and go share theirs. NULL: no
 * memory.
 */
const char *ft__build_name(struct ft_pipeline *p, const char *text);

#endif
