/* SPDX-License-Identifier: Apache-2.0 */
/* source/udp: what handshakes of TLS and DTLS may take, see udp.h.
 *
 * Theory of operation: a handshake costs this side a signature, so who begins many of them would
 * have the whole thread. All of them together get one part in SHAKE_PART of its time: what they did
 * not need is kept for SHAKE_SAVED_NS, what they took beyond it has to come in first. Meanwhile
 * connections wait in their sockets, and datagrams of handshakes are thrown away, which DTLS sends
 * again. */
#include <arpa/inet.h>

#include "source/udp/udp.h"

enum { SHAKE_PART = 4, SHAKE_SAVED_NS = 20000000 };

static const int64_t late_ns = (int64_t)10 * 1000000000, say_every_ns = 1000000000;

bool ft__shake_may(struct udp *u)
{
    int64_t more = (u->now_ns - u->shake_seen_ns) / SHAKE_PART;

    if (more > 0) {
        u->shake_seen_ns = u->now_ns;
        u->shake_ns += more;
        u->shake_ns = u->shake_ns < SHAKE_SAVED_NS ? u->shake_ns : SHAKE_SAVED_NS;
    }
    return u->shake_ns > 0;
}

void ft__shake_took(struct udp *u, int64_t since_ns)
{
    u->shake_ns -= ft__udp_mono_ns() - since_ns;
}

bool ft__shake_late(const struct udp *u, int64_t since_ns)
{
    return u->now_ns - since_ns >= late_ns;
}

void ft__shake_refuse(struct udp *u, const struct ft_peer *peer, const char *why)
{
    char text[INET6_ADDRSTRLEN] = "";

    ft_count_add(&u->refused, 1);
    if (u->now_ns < u->say_ns) {
        u->unsaid++;
        return;
    }
    inet_ntop(peer->ip_version == 4 ? AF_INET : AF_INET6, peer->addr, text, sizeof text);
    if (u->unsaid > 0) {
        ft_log(u->cfg.log, FT_LOG_WARN, "%s port %u: refused: %s (and %llu others in the meantime)",
               text, peer->port, why, (unsigned long long)u->unsaid);
    } else {
        ft_log(u->cfg.log, FT_LOG_WARN, "%s port %u: refused: %s", text, peer->port, why);
    }
    u->unsaid = 0;
    u->say_ns = u->now_ns + say_every_ns;
}
