/* SPDX-License-Identifier: Apache-2.0 */
/* feature/app: what was read of a flow's messages, into its record; internal to the folder.
 *
 * The first of each kind stays: parts share room, so a message of another part begins it anew. */
#ifndef FT_FEATURE_APP_KEEP_H
#define FT_FEATURE_APP_KEEP_H

#include "codec/app/dns.h"
#include "codec/app/plain.h"
#include "model/app.h"

/* Copies what there is room for. */
struct ft_app_text ft__app_keep(struct ft_text from, uint8_t *room, uint32_t size);
void ft__app_keep_name(struct ft_app_info *i, struct ft_text name);

void ft__app_keep_http(struct ft_app_info *i, const struct ft_http *h);
/* Of a flow whose client said a hello of TLS: the status of an answer beside it. False: it is no
 * answer. */
bool ft__app_keep_answer(struct ft_app_info *i, const struct ft_http *h);
/* role: FT_DIR_FWD the client's, FT_DIR_REV the server's. */
void ft__app_keep_ssh(struct ft_app_info *i, const struct ft_ssh *s, int role);

/* The first question, and the answer to it in whatever order answers come; without any question,
 * what is said first. */
void ft__app_keep_dns(struct ft_app_info *i, const struct ft_dns *d);
/* Nothing that comes later can add to it. */
bool ft__app_dns_over(const struct ft_app_info *i);

#endif
