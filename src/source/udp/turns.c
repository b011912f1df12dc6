/* SPDX-License-Identifier: Apache-2.0 */
/* source/udp: who gives how much of a batch.
 *
 * Theory of operation: deficit round robin in a tree, so that nobody gets more by opening more
 * connections or by sending bigger messages:
 *
 *   all -+- datagrams -- each UDP socket
 *        +- streams ---- each source of connections -- each of its connections
 *
 * Each group has a queue of those that have something. In a round each may give a quantum of
 * bytes, in turns of so many messages as fall to each of the group in a batch. Who gave more, which
 * a long message may, is in debt, and pays that off in the next rounds. So datagrams get half of
 * the bytes when connections want all they can get (they cannot wait: what does not fit into the
 * socket's buffer is lost), a source as much as another one, and of it a connection as much as
 * another one. What one does not need, the others get: the round is over when nobody who has
 * something may give it, and who is alone has no bound.
 *
 * Turns go on where the batch ended, so that nobody waits longer than all others take for one turn
 * each, however small the batch is. Its bytes are bounded, too: what comes while it is worked on
 * waits in the kernel. */
#include <stddef.h>

#include "source/udp/udp.h"

enum { QUANTUM = 16 << 10, BATCH_BYTES = 256 << 10 };

static void append(struct udp_party *group, struct udp_party *p)
{
    p->next = NULL;
    *(group->first != NULL ? &group->last->next : &group->first) = p;
    group->last = p;
}

void ft__party_wait(struct udp_party *p)
{
    for (; p->group != NULL && !p->waits; p = p->group) {
        p->waits = true;
        p->group->n++;
        append(p->group, p);
    }
}

static struct udp_party *take_first(struct udp_party *group)
{
    struct udp_party *p = group->first;

    group->first = p->next;
    return p;
}

static void end_turn(struct udp_party *group)
{
    group->first->left = 0;
    append(group, take_first(group));
}

/* The first one has nothing more. What it may give, and its debt, stay: to have nothing for a
 * moment is no way out. */
static void leave(struct udp *u, struct udp_party *group)
{
    struct udp_party *p = take_first(group);

    group->n--;
    p->waits = false;
    p->left = 0;
    if (p->left_queue != NULL) {
        p->left_queue(u, p);
    }
}

/* False: it has nothing to give in this round. */
static bool begin_turn(struct udp_party *p, uint32_t share)
{
    p->credit += (int64_t)(p->group->rounds - p->round) * QUANTUM;
    p->credit = p->credit < QUANTUM ? p->credit : QUANTUM;
    p->round = p->group->rounds;
    p->left = share > 0 ? share : 1;
    return p->credit > 0;
}

/* The first one has a turn, or the one behind it: when none may give anything, the next round
 * begins. */
static void begin_some(struct udp_party *group, uint32_t share)
{
    uint32_t skipped = 0;

    while (!begin_turn(group->first, share)) {
        end_turn(group);
        if (++skipped == group->n) {
            group->rounds++;
            skipped = 0;
        }
    }
}

static void narrow(struct udp_room *room, const struct udp_party *p, uint32_t n, int64_t bytes)
{
    if (n + p->left < room->n) {
        room->n = n + p->left;
    }
    if (bytes + p->credit < room->bytes) {
        room->bytes = bytes + p->credit;
    }
}

/* Fills b from a group; share: messages of a batch, to be shared by it. Each level of the tree is
 * one call deeper: three. */
static void take(struct udp *u, struct udp_party *group, struct ft_batch *b, uint32_t share,
                 const struct udp_room *most)
{
    while (group->first != NULL && b->n < most->n && u->bytes < most->bytes) {
        struct udp_room room = *most;
        struct udp_party *p;
        bool alone = group->n == 1, more;
        uint32_t n = b->n, part = share / group->n;
        int64_t bytes = u->bytes;

        if (!alone && group->first->left == 0) {
            begin_some(group, part);
        }
        p = group->first;
        if (!alone) {
            narrow(&room, p, n, bytes);
        }
        if (p->give != NULL) {
            more = p->give(u, p, b, &room);
        } else {
            take(u, p, b, part, &room);
            more = p->first != NULL;
        }
        if (!alone) {
            p->left -= b->n - n;
            p->credit -= u->bytes - bytes;
        }
        if (!more) {
            leave(u, group);
        } else if (!alone && (p->left == 0 || p->credit <= 0)) {
            end_turn(group);
        }
    }
}

void ft__turns_take(struct udp *u, struct ft_batch *b, uint32_t cap)
{
    const struct udp_room room = {.n = cap, .bytes = BATCH_BYTES};

    u->bytes = 0;
    take(u, &u->all, b, cap, &room);
}
