/* SPDX-License-Identifier: Apache-2.0 */
/* What mutate.c and mutate_repair.c share. All of it stays within the bytes that it is given. */
#ifndef FT_TESTS_FUZZ_MUTATE_PARTS_H
#define FT_TESTS_FUZZ_MUTATE_PARTS_H

#include "mutate.h"

uint32_t mutate_random(struct mutate *m);

static inline void mutate_put16(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

/* A frame of any link layer: the IP packet in it, and those in its tunnels. */
void mutate_repair_frame(struct mutate *m, uint8_t *p, size_t len);

/* A datagram of NetFlow, IPFIX or sFlow. */
void mutate_repair_export(struct mutate *m, uint8_t *p, size_t len);

/* Bytes in front of the samples of a datagram of sFlow; the length when there are none. */
size_t mutate_sflow_head(const uint8_t *p, size_t len);

/* The body of a sample of a format. */
void mutate_repair_sample(struct mutate *m, uint32_t format, uint8_t *p, size_t len);

#endif
