/* SPDX-License-Identifier: Apache-2.0 */
/* serve: questions that are worth asking, as messages. */
#ifndef FT_SERVE_PROMPTS_H
#define FT_SERVE_PROMPTS_H

#include "serve/desk.h"

int ft__prompt_triage(struct ft_desk *d, const cJSON *args, struct ft_text *out,
                      struct ft_err *err);
int ft__prompt_report(struct ft_desk *d, const cJSON *args, struct ft_text *out,
                      struct ft_err *err);
int ft__prompt_beacon(struct ft_desk *d, const cJSON *args, struct ft_text *out,
                      struct ft_err *err);

#endif
