/* SPDX-License-Identifier: Apache-2.0 */
/* detect: long_connection, by RITA's bands: a connection is told when it reaches each. A TCP
 * connection that was quiet for longer than the idle timeout comes in pieces, all but the first
 * without a SYN and each with whoever spoke first as its initiator: they are one, as long as none
 * comes later than keep-alives do (RFC 1122 section 4.2.3.6: two hours). */
#include <string.h>

#include "base/time.h"
#include "detect/state.h"

enum { PROTO_TCP = 6 };

static const int64_t quiet_ns = INT64_C(1000000000) * 7800, idle_ns = INT64_C(1000000000) * 10;

/* A connection. */
struct lasting {
    struct ft__entity head;
    int64_t first_ns, last_ns;
    int64_t piece_ns;                       /* where the newest piece began */
    uint64_t packets, bytes[2];             /* of the pieces before, by FT_DIR_*; likewise: */
    uint64_t piece_packets, piece_bytes[2]; /* of the newest piece */
    uint32_t pieces;
    uint8_t bands;         /* that were told */
    uint8_t initiator[16]; /* of the first piece; likewise: */
    uint16_t client_port;
};

size_t ft__lasting_entity(size_t *out_clear)
{
    *out_clear = sizeof(struct lasting);
    return sizeof(struct lasting);
}

/* Bands that a duration has reached: up to FT_SEVERITY__COUNT. */
static uint32_t bands_of(const struct ft_detect *d, double duration_s)
{
    uint32_t n = 0;

    while (n < FT_SEVERITY__COUNT && duration_s >= ft__value(d, FT_RULE_LONG_CONNECTION, (int)n)) {
        n++;
    }
    return n;
}

static double seconds(int64_t from_ns, int64_t to_ns)
{
    return (double)ft_time_sub(to_ns, from_ns) / 1e9;
}

/* The lower address, with its port, comes first: pieces begin from either side. */
struct ft__host_key ft__lasting_key(const struct ft_note *note)
{
    int order = memcmp(note->addr[0], note->addr[1], sizeof note->addr[0]);
    int low = order > 0 || (order == 0 && note->port[0] > note->port[1]);
    struct ft__host_key key = ft__key_of(note, low);

    memcpy(key.peer, note->addr[!low], sizeof key.peer);
    key.port = note->port[low];
    key.proto = note->proto;
    key.rule = note->port[!low];
    return key;
}

static bool goes_on(const struct lasting *l, const struct ft_note *note)
{
    if (note->first_ns == l->piece_ns) {
        return true; /* the same piece, told before */
    }
    return note->proto == PROTO_TCP && (note->bits & FT_NOTE_SYN) == 0 &&
           note->first_ns > l->piece_ns && ft_time_sub(note->first_ns, l->last_ns) <= quiet_ns;
}

static void begin(struct lasting *l, const struct ft_note *note)
{
    struct ft__entity head = l->head;

    *l = (struct lasting){.head = head, .first_ns = note->first_ns, .piece_ns = note->first_ns};
    memcpy(l->initiator, note->addr[0], sizeof l->initiator);
    l->client_port = note->port[0];
    l->pieces = 1;
}

/* Whose is it? The side of the note that is the connection's initiator. */
static int initiator(const struct lasting *l, const struct ft_note *note)
{
    return memcmp(l->initiator, note->addr[0], sizeof l->initiator) != 0 ||
           l->client_port != note->port[0];
}

static void count(struct lasting *l, const struct ft_note *note)
{
    int from = initiator(l, note);

    if (note->first_ns != l->piece_ns) {
        l->packets += l->piece_packets;
        l->bytes[0] += l->piece_bytes[0];
        l->bytes[1] += l->piece_bytes[1];
        l->piece_ns = note->first_ns;
        l->pieces++;
    }
    l->piece_packets = note->packets[0] + note->packets[1];
    l->piece_bytes[0] = note->bytes[from];
    l->piece_bytes[1] = note->bytes[!from];
    l->last_ns = note->last_ns;
}

static void say(struct ft_detect *d, const struct lasting *l, const struct ft_note *note,
                uint32_t band)
{
    int from = initiator(l, note);
    struct ft_alert a;

    ft__alert_begin(d, FT_RULE_LONG_CONNECTION, note, from, &a);
    ft__alert_band(d, FT_RULE_LONG_CONNECTION, band, &a);
    a.first_ns = l->first_ns;
    a.has_port = true;
    a.port = note->port[!from];
    a.value = a.duration_s = seconds(l->first_ns, l->last_ns);
    a.threshold = ft__value(d, FT_RULE_LONG_CONNECTION, (int)band);
    a.flows = l->pieces;
    a.packets = l->packets + l->piece_packets;
    a.bytes_out = l->bytes[0] + l->piece_bytes[0];
    a.bytes_in = l->bytes[1] + l->piece_bytes[1];
    a.n_flow_ids = note->flow_id != 0;
    a.flow_id[0] = note->flow_id;
    ft__raise(d, FT_RULE_LONG_CONNECTION, &a);
}

/* Its end was not seen: it goes on, or was quiet for so long that it was taken for over. */
bool ft__may_last(const struct ft_note *note)
{
    return (note->bits & FT_NOTE_OPEN) != 0 &&
           ((note->bits & (FT_NOTE_ON | FT_NOTE_EXPORTED)) != 0 ||
            ft_time_sub(note->at_ns, note->last_ns) >= idle_ns);
}

void ft__detect_lasting(struct ft_detect *d, const struct ft_note *note)
{
    uint32_t bands = bands_of(d, seconds(note->first_ns, note->last_ns));
    bool piece = note->proto == PROTO_TCP && (note->bits & FT_NOTE_SYN) == 0;
    bool keep = bands > 0 || ft__may_last(note), fresh;
    struct ft__host_key key;
    struct lasting *l;

    if ((!keep && !piece) || (note->bits & (FT_NOTE_GROUP | FT_NOTE_ANSWER)) != 0 ||
        !ft__is_watched(d, FT_RULE_LONG_CONNECTION, note, 0)) {
        return;
    }
    key = ft__lasting_key(note);
    if (!keep && ft__entity_find(d, FT__LASTING, &key, note->at_ns) == NULL) {
        return; /* it ends, and nothing was before it */
    }
    l = ft__entity_get(d, FT__LASTING, &key, note->at_ns, &fresh);
    if (fresh || !goes_on(l, note)) {
        begin(l, note);
    }
    count(l, note);
    bands = bands_of(d, seconds(l->first_ns, l->last_ns));
    if (bands > l->bands) {
        l->bands = l->head.weight = bands;
        say(d, l, note, bands - 1);
    }
}
