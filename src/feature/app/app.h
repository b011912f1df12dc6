/* SPDX-License-Identifier: Apache-2.0 */
/* feature/app: names on flows, from the first bytes that each side sends.
 *
 * Theory of operation: a flow's state lies at its entry number, in address space that costs memory
 * when it is first touched. The first payloads of each direction are looked at, in place where they
 * are whole; a hello that lies across segments is put together in one of a few buffers, which is
 * given back as soon as it is read. After a few packets, whatever came of them, the flow says that
 * it wants no more.
 *
 *     packet -> stream (by sequence number) -> bytes from the beginning -> TLS, SSH, HTTP, DNS
 *                                              (of it, or behind a PROXY header)
 *                                           -> behind STARTTLS, a proxy's request -> TLS
 *            -> datagram -> QUIC (CRYPTO frames by offset), DTLS (fragments by offset), DNS
 *            -> otherwise: first bytes, then ports
 *
 * What is found depends on the packets and their order alone. Owner thread. */
#ifndef FT_FEATURE_APP_APP_H
#define FT_FEATURE_APP_APP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "feature/feature.h"
#include "model/app.h"

enum { FT_APP_BUFFERS = 512 }; /* of 20 KiB, for hellos that are not whole yet */

struct ft_app_packet {
    const uint8_t *data;         /* captured payload, cap bytes; borrowed */
    uint32_t cap;                /* above 0 */
    uint32_t len;                /* payload on the wire */
    uint32_t seq;                /* TCP */
    uint32_t start;              /* TCP, with start_known: sequence number of the first byte */
    uint16_t src_port, dst_port; /* of the flow, forward */
    uint8_t dir;                 /* FT_DIR_*: who sent this one */
    uint8_t proto;
    bool start_known;
    bool midstream; /* TCP: the connection's beginning was not seen */
};

struct ft_apps_stats {
    uint64_t inspected; /* packets that were looked into */
    uint64_t no_buffer; /* streams given up because all buffers were taken */
};

struct ft_apps;

/* Bytes of address space for so many flows. */
size_t ft_apps_budget(uint32_t max_flows);

/* On success *out is the caller's, freed with ft_apps_free. FT_E_NOMEM. */
FT_NODISCARD int ft_apps_new(uint32_t max_flows, struct ft_apps **out);
void ft_apps_free(struct ft_apps *a);

/* Looks into a packet of the flow in this entry. False: no more of this flow. */
bool ft_apps_see(struct ft_apps *a, uint32_t entry, const struct ft_app_packet *p);

/* What is known now, or NULL; valid until the next call for this entry. */
const struct ft_app_info *ft_apps_get(struct ft_apps *a, uint32_t entry);

/* Likewise its application, though more of it may come. */
enum ft_app ft_apps_so_far(const struct ft_apps *a, uint32_t entry);

/* The flow is over; its entry may be another's from now on. */
void ft_apps_end(struct ft_apps *a, uint32_t entry);

void ft_apps_get_stats(const struct ft_apps *a, struct ft_apps_stats *out);

/* Of a state of that feature: the application (enum ft_app) of a flow as far as it is known. */
uint8_t ft_app_so_far(const void *state, uint32_t entry);

/* The counts of a state of that feature. */
void ft_app_stats(const void *state, struct ft_apps_stats *out);

#endif
