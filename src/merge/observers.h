/* SPDX-License-Identifier: Apache-2.0 */
/* merge: who saw a record, and which group that is of. */
#ifndef FT_MERGE_OBSERVERS_H
#define FT_MERGE_OBSERVERS_H

#include <stdbool.h>
#include <stdint.h>

#include "flowtap/merge.h"
#include "merge/scan.h"

enum { FT__OBSERVERS = 4096, FT__OBSERVER_TEXT = 128, FT__GROUPS = 64, FT__SAMPLED = 256 };

struct ft__observer {
    char name[FT__OBSERVER_TEXT]; /* as shown: NAME, NAME/DOMAIN, of exporters ADDRESS */
    uint32_t len;
    uint32_t group;     /* FT__GROUPS: none */
    uint32_t rate;      /* of --sampled; 0: as its records say */
    uint32_t seen_rate; /* of its last record of a flow, 1 at least */
    bool seen;          /* one of its records came into hand */
};

struct ft__group {
    char *name, *patterns; /* of the merged records; comma-separated; owned */
    enum ft_merge_how how;
};

struct ft__observers {
    uint32_t n, n_groups, n_sampled;
    struct ft__observer of[FT__OBSERVERS];
    uint16_t place[4 * FT__OBSERVERS]; /* by hash: number + 1, or 0 */
    struct ft__group group[FT__GROUPS];
    struct {
        char *pattern; /* owned */
        uint32_t rate;
    } sampled[FT__SAMPLED];
    uint32_t last;
};

void ft__observers_fini(struct ft__observers *o);
FT_NODISCARD int ft__observers_group(struct ft__observers *o, enum ft_merge_how how,
                                     const char *text, struct ft_err *err);
FT_NODISCARD int ft__observers_sampled(struct ft__observers *o, const char *text,
                                       struct ft_err *err);

/* The observer of a record: its exporter, else its observer_id and domain, else its input. NULL:
 * there are too many. */
struct ft__observer *ft__observers_of(struct ft__observers *o, const struct ft__record *r,
                                      const char *input);

#endif
