/* SPDX-License-Identifier: Apache-2.0 */
/* pipeline: lanes over one mapped pcap file.
 *
 * Theory of operation: workers claim stretches of the file, decode them from a guessed start, and
 * whoever is done verifies what is done, in order:
 *
 *     |-- verified --|expect                     |at
 *     |==============|== done ==|  ...  |= done =|----- to be claimed, len at a time -----|
 *
 * How long a stretch is follows what the file holds: as much as fills about half a slot. Where
 * records become smaller, a slot may be full before its stretch ends; then what it holds is taken,
 * what others have claimed beyond is thrown away, and claiming goes on from there with shorter
 * stretches. They may grow again, but not to what did not fit before SETTLED stretches have passed,
 * so that a file of changing sizes costs little. The shortest always fits. */
#include <string.h>

#include "pipeline/lanes_parts.h"

enum {
    SPLIT_MIN = FT_LANE_PACKETS * 16, /* no more record headers begin in it */
    SPLIT_MAX = 4 << 20,
    FIRST_LOOK = 1024, /* records that the first length is taken from */
    SETTLED = 64
};

static uint64_t between(uint64_t n, uint64_t low, uint64_t high)
{
    return n < low ? low : n > high ? high : n;
}

void ft__lanes_split(struct ft_lanes *l)
{
    struct ft_err err;
    uint64_t start, next = 0, joined = 0;
    uint32_t n = 0;

    if (ft_file_split_open(l->source, &l->split) != FT_OK) {
        return;
    }
    start = ft_file_split_begin(l->split);
    if (ft_file_split_walk(l->split, start, UINT64_MAX, l->views, FIRST_LOOK, &n, &next, &joined,
                           &err) != FT_OK) {
        ft_file_split_close(l->split); /* empty or damaged at once: the source's reader says so */
        l->split = NULL;
        return;
    }
    l->at = l->expect = start;
    l->len_max = SPLIT_MAX;
    l->len = between((next - start) / n * (FT_LANE_PACKETS / 2), SPLIT_MIN, SPLIT_MAX);
}

/* Walks a slot's chunk from start and decodes it, a batch at a time while its headers are in the
 * cache; what that counts is kept in the slot. */
static void walk_chunk(struct ft_lanes *l, struct ft__slot *s, uint64_t start)
{
    struct ft_view views[FT_BATCH];
    struct ft_decoder dec;

    s->start = s->next = start;
    s->n = s->walked = 0;
    s->n_tail = 0;
    s->joined = 0;
    s->rc = start == UINT64_MAX ? FT_E_EOF : FT_OK;
    s->fragments = false;
    ft__decoder_start(l->p, &dec);
    while (s->rc == FT_OK && s->walked < FT_LANE_PACKETS) {
        uint32_t room = FT_LANE_PACKETS - s->walked, n = 0, decoded = 0;
        uint64_t at = s->next;

        s->rc = ft_file_split_walk(l->split, s->next, s->limit, views,
                                   room < FT_BATCH ? room : FT_BATCH, &n, &s->next, &s->joined,
                                   &s->err);
        if (s->rc == FT_OK) {
            s->tail = at;
            s->n_tail = n;
            ft_decode_batch(&dec, views, n, s->pkts + s->n, &decoded);
            s->n += decoded;
            s->fragments |= dec.fragments;
            s->walked += n;
        }
    }
    if (s->rc == FT_OK && s->next >= s->limit) {
        s->rc = FT_E_EOF;
    }
    ft__slot_sort(s, l->n_workers);
    memcpy(s->verdict, dec.verdict, sizeof s->verdict);
    if (dec.verdict[FT_V_NOT_IP] > 0) {
        s->types = dec.types;
    }
    s->bytes = dec.bytes;
    s->decoded_bytes = dec.decoded_bytes;
}

/* With the lock: a slot's chunk is right. It is counted and can be taken. */
static void accept_chunk(struct ft_lanes *l, struct ft_worker *w, struct ft__slot *s)
{
    for (int v = 0; v < FT_V__COUNT; v++) {
        w->dec.verdict[v] += s->verdict[v];
    }
    if (s->verdict[FT_V_NOT_IP] > 0) {
        ft_ethertypes_merge(&w->dec.types, &s->types);
    }
    w->dec.bytes += s->bytes;
    w->dec.decoded_bytes += s->decoded_bytes;
    s->done = false;
    l->expect = s->next;
    l->verified++;
    ft_file_split_done(l->split, s->next);
    if (s->joined != 0) {
        ft_file_split_tell(l->split, s->joined);
    }
    ft__slot_publish(l, w, s, s->chunk);
}

/* With the lock: claiming goes on behind what was verified; what others decoded beyond is thrown
 * away, and what they are decoding will be. */
static void throw_away(struct ft_lanes *l)
{
    l->work.cuts++;
    l->next = l->verified;
    l->at = l->expect;
    ft__lanes_forget(l);
}

/* With the lock: a chunk, accepted as far as it goes, held more packets than a slot. What fits is
 * told by its last records: those before them may have been larger, and one more cut would be due
 * at once. */
static void cut_short(struct ft_lanes *l, const struct ft__slot *s)
{
    uint64_t fits = (s->next - s->tail) / s->n_tail * (FT_LANE_PACKETS / 2);

    l->len = l->len_max = between(fits, SPLIT_MIN, l->len > SPLIT_MIN ? l->len / 2 : SPLIT_MIN);
    l->calm = 0;
    throw_away(l);
}

/* With the lock: another kind of capture begins where the last right chunk ends. The source reads
 * on from there. */
static void leave_split(struct ft_lanes *l)
{
    throw_away(l);
    ft_file_split_leave(l->split, l->expect);
    atomic_store_explicit(&l->left, true, memory_order_relaxed);
}

/* With the lock: the length follows a chunk that was verified, if it had the length of now. */
static void adapt(struct ft_lanes *l, const struct ft__slot *s)
{
    if (++l->calm == SETTLED) {
        l->len_max = between(l->len_max * 2, SPLIT_MIN, SPLIT_MAX);
        l->calm = 0;
    }
    if (s->limit - s->from != l->len) {
        return;
    }
    if (s->walked > FT_LANE_PACKETS / 4 * 3) {
        l->len = between(l->len / 2, SPLIT_MIN, SPLIT_MAX);
    } else if (s->walked < FT_LANE_PACKETS / 8 && l->len * 2 <= l->len_max) {
        l->len *= 2;
    }
}

/* With the lock: takes the next chunk, which is decoded; true when there may be another. */
static bool verify_chunk(struct ft_lanes *l, struct ft_worker *w, struct ft__slot *s)
{
    bool wrong = s->start != l->expect;

    if (wrong) { /* the guess */
        l->work.thrown += s->walked;
        walk_chunk(l, s, l->expect);
    }
    *(wrong ? &l->work.locked : &l->work.apart) += s->walked;

    int rc = s->rc;
    struct ft_err err = s->err;

    accept_chunk(l, w, s);
    if (rc == FT_OK) {
        cut_short(l, s);
        return false;
    }
    if (rc == FT_E_FORMAT) {
        leave_split(l);
        return false;
    }
    if (rc != FT_E_EOF) {
        ft_ignore(ft__source_over(l->p, rc, &err)); /* said and kept; there is no next file */
        ft__lanes_end_at(l, w, l->verified);
        return false;
    }
    adapt(l, s);
    return true;
}

/* With the lock: checks what is decoded, in order, as far as it goes. */
static void verify_chunks(struct ft_lanes *l, struct ft_worker *w)
{
    struct ft__slot *s;
    bool claimable;

    do {
        s = &l->slots[l->verified % l->n_slots];
    } while (!l->eof && s->done && s->chunk == l->verified && verify_chunk(l, w, s));
    claimable = l->at < ft_file_split_end(l->split) &&
                !atomic_load_explicit(&l->stopped, memory_order_relaxed);
    if (!l->eof && !claimable && l->verified == l->next) {
        ft__lanes_end_at(l, w, l->verified);
    }
}

/* With the lock: a chunk to guess at, marked as taken. What is claimed when it is stopped is still
 * finished. */
static struct ft__slot *claim_chunk(struct ft_lanes *l)
{
    struct ft__slot *s = &l->slots[l->next % l->n_slots];
    uint64_t end = ft_file_split_end(l->split);

    if (l->eof || l->at >= end || atomic_load_explicit(&l->stopped, memory_order_relaxed) ||
        atomic_load_explicit(&s->users, memory_order_acquire) != 0) {
        return NULL;
    }
    atomic_store_explicit(&s->users, SLOT_CLAIMED, memory_order_relaxed);
    s->chunk = l->next++;
    s->done = false;
    s->from = l->at;
    s->limit = l->at = end - l->at > l->len ? l->at + l->len : end;
    l->walking++;
    return s;
}

int ft__lanes_split_decode(struct ft_lanes *l, struct ft_worker *w)
{
    uint64_t start = UINT64_MAX;
    struct ft__slot *s;
    uint32_t cuts;

    pthread_mutex_lock(&l->claim);
    ft__lanes_end(l, w);
    if (atomic_load_explicit(&l->left, memory_order_relaxed)) { /* meanwhile */
        pthread_mutex_unlock(&l->claim);
        return FT_E_AGAIN;
    }
    s = claim_chunk(l);
    cuts = l->work.cuts;
    if (s == NULL) {
        verify_chunks(l, w); /* it may have been stopped */
    }
    pthread_mutex_unlock(&l->claim);
    if (s == NULL) {
        return FT_E_AGAIN;
    }
    if (ft_file_split_guess(l->split, s->from, s->limit, &start) != FT_OK) {
        start = UINT64_MAX;
    }
    walk_chunk(l, s, start);
    pthread_mutex_lock(&l->claim);
    l->walking--;
    if (cuts != l->work.cuts || l->ended) { /* meanwhile it was thrown away, or is beyond the end */
        l->work.thrown += s->walked;
        atomic_store_explicit(&s->users, 0, memory_order_release);
    } else {
        s->done = true;
        verify_chunks(l, w);
    }
    pthread_mutex_unlock(&l->claim);
    return FT_OK;
}
