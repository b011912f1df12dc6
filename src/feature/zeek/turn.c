/* SPDX-License-Identifier: Apache-2.0 */
/* feature/zeek: who is the originator, see zeek.h.
 *
 * Theory of operation: forward is the sender of the first packet, but for a SYN-ACK, whose sender
 * answers. Zeek has it so:
 *
 *     a SYN                its sender is the originator
 *     a SYN-ACK            its sender is the responder when only its port is a server's; else the
 *                          originator, until a pure ACK or data tell that it was an answer
 *     anything else        its sender is the responder when its port is a server's and the other
 *                          is not; of TCP also when both are, and its own is the lower
 *
 * What was turned has a ^ in its history, which stands where it was turned. */
#include "feature/zeek/zeek.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum { PROTO_TCP = 6, PROTO_UDP = 17 };

/* The history as the other side has it. */
static void mirror(const char *from, char *to)
{
    for (; *from != '\0'; from++) {
        unsigned char c = (unsigned char)*from;

        *to++ = (char)(isupper(c) ? tolower(c) : toupper(c));
    }
    *to = '\0';
}

static bool is_broadcast(const struct ft_flow_record *core, const uint8_t *addr)
{
    static const uint8_t ones[4] = {255, 255, 255, 255};

    return core->ip_version == 4 && memcmp(addr, ones, sizeof ones) == 0;
}

/* Did the first packet, which the initiator of the core sent, come from a server? */
static bool from_server(const struct ft_flow_record *core)
{
    bool src = ft__zeek_is_server(core->proto, core->src_port);
    bool dst = ft__zeek_is_server(core->proto, core->dst_port);
    bool both = core->proto == PROTO_TCP && core->src_port < core->dst_port;

    return src && (!dst || both) && !is_broadcast(core, core->dst);
}

static bool turn_udp(const struct ft_flow_record *core, char *out)
{
    bool turned = from_server(core), replied = core->packets[FT_DIR_REV] > 0;

    snprintf(out, FT_ZEEK_HISTORY, "%s%s", turned ? "^d" : "D", !replied ? "" : turned ? "D" : "d");
    return turned;
}

/* A connection that began with a SYN-ACK: history is "^h" and what followed. */
static bool turn_answer(const struct ft_flow_record *core, const char *history, bool *out_held,
                        char *out)
{
    bool server = ft__zeek_is_server(core->proto, core->dst_port) &&
                  !ft__zeek_is_server(core->proto, core->src_port);

    if (server || (history[2] != '\0' && strchr("AaDd", history[2]) != NULL)) {
        snprintf(out, FT_ZEEK_HISTORY, "%s", history);
        return false;
    }
    if (history[2] == 'S') { /* the SYN came late */
        snprintf(out, FT_ZEEK_HISTORY, "Hs^%s", history + 3);
        return false;
    }
    *out_held = true;
    mirror(history + 1, out);
    return true;
}

static bool turn(const struct ft_flow_record *core, const char *history, bool *out_held, char *out)
{
    *out_held = false;
    out[0] = '\0';
    if (core->proto == PROTO_UDP) {
        return turn_udp(core, out);
    }
    if (core->proto != PROTO_TCP) {
        return false;
    }
    if (strncmp(history, "^h", 2) == 0) {
        return turn_answer(core, history, out_held, out);
    }
    if (history[0] == 'S' || !from_server(core)) {
        snprintf(out, FT_ZEEK_HISTORY, "%s", history);
        return false;
    }
    out[0] = '^';
    mirror(history, out + 1);
    return true;
}

/* What comes again and is the first that was seen of its side's data has both letters. Zeek looks
 * at what a segment is before it looks at where it lies. */
static void data_first(char *history, char data, char again)
{
    char *to = strchr(history, data);

    for (; to != NULL && to > history && to[-1] == again; to--) {
        to[0] = again;
        to[-1] = data;
    }
}

bool ft__zeek_turn(const struct ft_flow_record *core, const char *history, bool *out_held,
                   char out[FT_ZEEK_HISTORY])
{
    bool turned = turn(core, history, out_held, out);

    data_first(out, 'D', 'T');
    data_first(out, 'd', 't');
    return turned;
}
