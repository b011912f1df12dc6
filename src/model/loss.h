/* SPDX-License-Identifier: Apache-2.0 */
/* model: what was lost until now, as it is told beside rows of data. */
#ifndef FT_MODEL_LOSS_H
#define FT_MODEL_LOSS_H

#include <stdint.h>

struct ft_loss {
    uint64_t events;  /* that one output dropped or lost */
    uint64_t packets; /* that the kernel or full queues dropped */
};

#endif
