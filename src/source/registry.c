/* SPDX-License-Identifier: Apache-2.0 */
/* source: the back ends that were built in. A new one is a row here; who takes it, by its name, is
 * decided in pipeline/plan.c and pipeline/collect.c. */
#include <string.h>

#include "source/source.h"

const struct ft_source_ops *const ft_sources[] = {
    &ft_source_file,
#ifdef __linux__
    &ft_source_afpacket,
#endif
#ifdef FT_HAVE_PCAP
    &ft_source_pcap,
#endif
    &ft_source_kafka,    &ft_source_udp, &ft_source_mock, NULL,
};

const struct ft_source_ops *ft_source_find(const char *name)
{
    for (int i = 0; ft_sources[i] != NULL; i++) {
        if (strcmp(ft_sources[i]->name, name) == 0) {
            return ft_sources[i];
        }
    }
    return NULL;
}
