/* SPDX-License-Identifier: Apache-2.0 */
/* output: the parameters that every output has. */
#include "base/units.h"
#include "output/output.h"

static bool valid_queue(const char *value)
{
    uint64_t size;

    return ft_parse_size(value, &size) && size <= UINT64_C(64) << 30;
}

static const struct ft_param rows[] = {
    {.row = {.name = "overflow",
             .choices = "drop|block",
             .help = "when the queue is full: live and collect drop and count, read blocks"}},
    {.row = {.name = "queue",
             .value = "SIZE",
             .defval = "16MB",
             .help = "bound of the queue between the workers and the output's thread"},
     .check = valid_queue,
     .allowed = "a size such as 512KB or 64MB, at most 64GiB"},
};

const struct ft_params ft_output_params = {rows, sizeof rows / sizeof rows[0]};
