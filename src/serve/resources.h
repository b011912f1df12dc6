/* SPDX-License-Identifier: Apache-2.0 */
/* serve: what an agent can read by a URI, telemetry://. */
#ifndef FT_SERVE_RESOURCES_H
#define FT_SERVE_RESOURCES_H

#include "serve/desk.h"

int ft__read_schema(struct ft_desk *d, const char *uri, struct ft_text *out, struct ft_err *err);
int ft__read_health(struct ft_desk *d, const char *uri, struct ft_text *out, struct ft_err *err);
int ft__read_alerts(struct ft_desk *d, const char *uri, struct ft_text *out, struct ft_err *err);
int ft__read_baseline(struct ft_desk *d, const char *uri, struct ft_text *out, struct ft_err *err);

/* Another one when there are new alerts. */
uint64_t ft__alerts_version(struct ft_desk *d);

#endif
