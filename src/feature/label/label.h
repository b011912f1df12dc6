/* SPDX-License-Identifier: Apache-2.0 */
/* feature/label: what the rules of --labels say, counted. */
#ifndef FT_FEATURE_LABEL_LABEL_H
#define FT_FEATURE_LABEL_LABEL_H

#include <stdint.h>

/* Of final records. */
struct ft_label_stats {
    uint64_t labelled, unlabelled;
    uint64_t unclear; /* of the labelled: another rule says something else */
};

/* The counts of a state of that feature. */
void ft_label_stats(const void *state, struct ft_label_stats *out);

#endif
