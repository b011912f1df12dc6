/* SPDX-License-Identifier: Apache-2.0 */
/* model: who saw an event: the name of this flowtap among others, and its observation domain.
 *
 * Theory of operation: the columns observer_id and observation_domain say the same in every event
 * of a run, so their values lie in no event. A row that is `of_observer` (field.h) looks at a
 * struct ft_observer; a composition holds which one (columns.h), and what writes lines makes text
 * of it once, when an output opens. */
#ifndef FT_MODEL_OBSERVER_H
#define FT_MODEL_OBSERVER_H

#include <stdbool.h>
#include <stdint.h>

enum { FT_OBSERVER_MAX = 64 }; /* bytes of a name: as long as Linux lets a host's be */

/* As long as the outputs that say it. */
struct ft_observer {
    char id[FT_OBSERVER_MAX + 1];
    uint32_t domain; /* observationDomainId, IPFIX element 149 */
};

/* Of no name, in domain 0: that of a composition nobody has given one. */
extern const struct ft_observer ft_observer_none;

/* 1 to FT_OBSERVER_MAX letters, digits and . _ : - of ASCII, the first one a letter or digit: a
 * word in a shell, a file's name and a spreadsheet's cell. */
bool ft_observer_valid(const char *id);

/* The host's name, in which what is not valid is _; "unnamed" where there is none. */
void ft_observer_host(char out[FT_OBSERVER_MAX + 1]);

/* get() of the rows. */
struct ft_value;
void ft_observer_get_id(const void *observer, struct ft_value *out);

#define FT_OBSERVER_ID                                                                             \
    .name = "observer_id", .type = FT_T_STRING, .privacy = FT_PRIVACY_IDENTITY, .unit = "",        \
    .get = ft_observer_get_id, .of_observer = true, .source = "--observer",                        \
    .meaning = "who saw it: the name of this flowtap, the host's unless told"

#define FT_OBSERVER_DOMAIN                                                                         \
    .name = "observation_domain", .type = FT_T_U32, .privacy = FT_PRIVACY_NONE,                    \
    .tells_host = true, .unit = "", FT_AT(struct ft_observer, domain), .ie = 149,                  \
    .of_observer = true, .source = "--observation-domain",                                         \
    .meaning = "what it watches, where one name watches several: 0 unless told"

/* The last rows of every event. */
#define FT_OBSERVER_ROWS                                                                           \
    {FT_OBSERVER_ID},                                                                              \
    {                                                                                              \
        FT_OBSERVER_DOMAIN                                                                         \
    }

#endif
