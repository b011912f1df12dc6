/* SPDX-License-Identifier: Apache-2.0 */
/* decode: the table behind fragment.h (internal): datagrams by what their fragments have in common,
 * the packets that wait, and the bytes of what is put together.
 *
 * Theory of operation: a datagram is in one of four lists, each in the order in which they joined
 * it, so that what is over stands at the head:
 *
 *     FIRST    its first fragment has not come; the later ones wait                       30 s
 *     REST     its ports are known, fragments pass; not all have come                     30 s
 *     CARRIER  it may be a tunnel's: all wait until it is whole                            2 s
 *     DONE     it was whole; copies of its fragments may come                             50 ms
 *
 * All memory is in one struct, mapped at once; what is not touched takes address space only. */
#ifndef FT_DECODE_FRAGMENT_TABLE_H
#define FT_DECODE_FRAGMENT_TABLE_H

#include "decode/fragment.h"

enum {
    FT__DATAGRAMS = 4096,
    FT__DATAGRAM_BUCKETS = 8192,
    FT__HELD_EACH = 64, /* packets that wait, of one datagram */
    FT__RANGES = 24,    /* stretches of bytes that came, apart from each other */
    FT__PIECES = 48,    /* fragments of a datagram that are known again: 64 KiB at 1480 bytes */
    FT__JOINS = FT_FRAGMENTS_HELD + 16, /* whoever keeps bytes holds a packet; and nested ones */
};

#define FT__NO_DATAGRAM UINT32_MAX /* nor packet, nor bytes */

enum ft__datagram_list { FT__G_FIRST, FT__G_REST, FT__G_CARRIER, FT__G_DONE, FT__G__COUNT };

/* Stretches [start, end) of bytes, apart from each other. Beyond FT__RANGES no more are noted. */
struct ft__ranges {
    uint16_t at[FT__RANGES][2];
    uint8_t n;
};

/* What the fragments of one datagram have in common. 48 bytes without padding, compared whole. */
struct ft__tag {
    uint8_t src[16], dst[16]; /* IPv4 in the first 4 */
    uint32_t id;
    uint32_t tunnel_id;
    uint16_t scope;
    uint8_t proto; /* 0 of IPv6, whose later fragments may not tell it */
    uint8_t version;
    uint8_t tunnel;
    uint8_t spare[3];
};

struct ft__piece {
    uint16_t start, len;
    uint32_t sum; /* of its bytes, and whether more follow */
};

struct ft__datagram {
    struct ft__tag tag;
    uint64_t hash;
    int64_t at_ns;       /* when it joined its list */
    int64_t since_ns;    /* its first fragment to come */
    uint32_t next;       /* in its bucket; of a free one: the next free */
    uint32_t prev, then; /* in its list */
    uint32_t held;       /* list of packets that wait, in order */
    uint32_t held_last;
    uint32_t join;    /* its bytes, or none */
    uint16_t n_held;  /* packets that wait */
    uint8_t list;     /* enum ft__datagram_list */
    bool joined;      /* DONE: it became one packet */
    bool given_up;    /* not put together any more, its fragments pass */
    uint8_t key_bits; /* known: FT_KEY_ONE_WAY or 0 */
    uint8_t proto;    /* known */
    uint8_t n_pieces;
    uint8_t n_early;  /* pieces that came before the first fragment */
    uint16_t port[2]; /* known: source, destination */
    uint16_t l4;      /* known: where the transport header begins */
    uint32_t end;     /* bytes of the whole, 0 while unknown */
    struct ft__ranges came;
    struct ft__piece piece[FT__PIECES];
};

/* A packet that waits. */
struct ft__held {
    struct ft_packet pkt;
    uint32_t next;
    bool copy; /* of one that came before */
};

/* The beginning of a datagram. */
struct ft__join {
    struct ft__ranges got;
    uint32_t next;
    uint8_t data[FT_FRAGMENTS_KEPT];
};

struct ft_fragments {
    struct ft_hash_seed seed;
    uint32_t bucket[FT__DATAGRAM_BUCKETS];
    uint32_t head[FT__G__COUNT], tail[FT__G__COUNT];
    uint32_t free, free_held, free_join;
    uint32_t used, used_held, used_join; /* those from here on were never used */
    int64_t now_ns;                      /* newest time of a fragment */
    struct ft__datagram datagram[FT__DATAGRAMS];
    struct ft__held held[FT_FRAGMENTS_HELD];
    struct ft__join join[FT__JOINS];
};

_Static_assert(sizeof(struct ft__tag) == 48, "a tag is compared as bytes");

/* What add says of a stretch of bytes. */
enum ft__overlap {
    FT__NEW,     /* none of them had come */
    FT__PARTLY,  /* some had */
    FT__ALL_CAME /* all had */
};

enum ft__overlap ft__ranges_add(struct ft__ranges *r, uint32_t start, uint32_t end);

/* True when all bytes from 0 to end came. */
FT_INLINE bool ft__ranges_whole(const struct ft__ranges *r, uint32_t end)
{
    return end > 0 && r->n == 1 && r->at[0][0] == 0 && r->at[0][1] == end;
}

/* Bytes from 0 on that came without a hole. */
uint32_t ft__ranges_first(const struct ft__ranges *r);

void ft__tag_make(const struct ft_packet *p, struct ft__tag *out);

/* The datagram of a tag, or NULL; *out_hash is the tag's. */
struct ft__datagram *ft__datagram_find(struct ft_fragments *f, const struct ft__tag *t,
                                       uint64_t *out_hash);
/* A new one in FIRST, or NULL when the table is full. */
struct ft__datagram *ft__datagram_add(struct ft_fragments *f, const struct ft__tag *t,
                                      uint64_t hash);
/* Forgets it. It holds no packets any more. */
void ft__datagram_remove(struct ft_fragments *f, struct ft__datagram *g);
/* Puts it at the end of a list, now. */
void ft__datagram_move(struct ft_fragments *f, struct ft__datagram *g, enum ft__datagram_list to);

/* The oldest of a list, or NULL. */
FT_INLINE struct ft__datagram *ft__datagram_oldest(struct ft_fragments *f, int list)
{
    return f->head[list] != FT__NO_DATAGRAM ? &f->datagram[f->head[list]] : NULL;
}

/* Keeps a copy of a packet, without its payload; false when there is no room. */
bool ft__datagram_hold(struct ft_fragments *f, struct ft__datagram *g, const struct ft_packet *p,
                       bool copy);
/* Gives back what one holds, packets and bytes. */
void ft__datagram_empty(struct ft_fragments *f, struct ft__datagram *g);

/* Keeps the bytes of a fragment. False: some that came before were others. */
bool ft__datagram_keep(struct ft_fragments *f, struct ft__datagram *g, const struct ft_packet *p);
/* Bytes are given back apart from their datagram. */
void ft__join_free(struct ft_fragments *f, uint32_t join);

#endif
