/* SPDX-License-Identifier: Apache-2.0 */
/* Mutations that keep lengths and checksums plausible, so that what was changed is met by the
 * decoders and not only by the checks in front of them.
 *
 * Theory of operation: a layout says where the parts of an input lie (records of a capture,
 * datagrams, samples) and where their lengths stand. libFuzzer's own mutation is given one part,
 * whose length is then written anew, or the parts are doubled, dropped and exchanged, or the whole
 * input is its to change; then the lengths and checksums inside the parts are repaired, each with a
 * probability that leaves some of them wrong. One input in eight is not repaired at all.
 *
 * A target says MUTATE_AS(layout) once, behind its includes. Built without libFuzzer, that is
 * nothing, and so is this file. */
#ifndef FT_TESTS_FUZZ_MUTATE_H
#define FT_TESTS_FUZZ_MUTATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What repairs know of an input while they go through it. */
struct mutate {
    uint32_t random;
    uint16_t ids[4]; /* of templates that came */
    bool big;        /* numbers of a capture are big-endian */
    bool pcapng;
};

/* [head, body) length and others, [body, body + len) what it holds, then to end a trailer. */
struct mutate_part {
    size_t head, body, len, end;
};

struct mutate_layout {
    /* Where the first part begins; notes what kind of file it is. */
    size_t (*first)(struct mutate *m, const uint8_t *data, size_t size);
    /* The part whose head is there; one that goes beyond the input is cut. False: there is none. */
    bool (*part)(const struct mutate *m, const uint8_t *data, size_t size, size_t at,
                 struct mutate_part *out);
    /* Writes its length where it stands. */
    void (*set_len)(struct mutate *m, uint8_t *data, const struct mutate_part *p);
    /* Repairs what the part holds. */
    void (*repair)(struct mutate *m, uint8_t *data, const struct mutate_part *p);
    size_t align; /* lengths of bodies are multiples of it */
};

extern const struct mutate_layout mutate_capture;   /* 2 bytes, a pcap or pcapng file */
extern const struct mutate_layout mutate_frame;     /* 2 bytes, a frame */
extern const struct mutate_layout mutate_exports;   /* 1 byte, [control 1][length 2][datagram] */
extern const struct mutate_layout mutate_datagrams; /* [link 1][clock 1][length 2][packet] */
extern const struct mutate_layout mutate_sflow;     /* a datagram of sFlow v5 */

#ifdef FT_FUZZER
extern const struct mutate_layout *const mutate_as; /* the target's */
#define MUTATE_AS(layout) const struct mutate_layout *const mutate_as = &(layout)
#else
#define MUTATE_AS(layout) extern const struct mutate_layout layout
#endif

/* Repairs all parts of an input. */
void mutate_repair(const struct mutate_layout *layout, struct mutate *m, uint8_t *data,
                   size_t size);

/* Doubles, drops or exchanges parts. Returns the new size, at most max_size. */
size_t mutate_shuffle(const struct mutate_layout *layout, struct mutate *m, uint8_t *data,
                      size_t size, size_t max_size);

#endif
