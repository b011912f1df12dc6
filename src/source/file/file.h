/* SPDX-License-Identifier: Apache-2.0 */
/* source/file: packets from pcap and pcapng files, plain or packed, and from streams of them.
 *
 * Theory of operation: every target is opened, and looked at where that is possible, in open(). A
 * regular, uncompressed file is mapped and walked in place: nothing is copied, the pages behind the
 * walk are given back to the kernel (resident: some 20 MiB whatever the file's size) and come back
 * by themselves if a view is still looked at, so its views are valid until close. Everything else
 * (gzip, zstd, "-" for standard input, FIFOs, devices) is read into a pool of buffers:
 *
 *     buffers of 256 KiB:  [ ####views of batch 1#### | ##batch 2## | part of a record -> ]
 *
 * A batch's views lie in one buffer and hold it; a full buffer is left to its batches, and the
 * partial record at its end is copied to the start of a free one. Two buffers of 17 MiB (address
 * space until used) take records that are longer than 256 KiB.
 *
 * Of several targets, those that cannot be opened (missing, not allowed, a directory, empty, no
 * capture, of a link type that is not decoded) are said and left out; the rest is read. One alone,
 * or all of them, is an error of open(). That memory or descriptors run out is one always.
 *
 * Batches end at the end of a file. The source's ops->flags (of the instance, not of the registry's
 * row) have FT_SOURCE_STABLE when all targets are mapped; else each batch has to be released.
 *
 * A mapped file that somebody truncates meanwhile is noticed once every 4 MiB and reported as
 * truncated; cutting it below the walk inside such a step raises SIGBUS as with any mapping.
 *
 * Codes of read() beyond source.h: FT_E_TRUNCATED also for a stream that ends before its first
 * header; FT_E_FORMAT, FT_E_UNSUPPORTED when a stream turns out not to be a capture or to be of a
 * link type that is not decoded: reading on gives the next file. Where one capture ends and another
 * begins, of whatever kind, the walk goes on with that one (said once a file); if its link type is
 * not decoded, FT_E_UNSUPPORTED says so, and reading on gives its packets, to be counted. An error
 * of read(2) is FT_E_CORRUPT: that file ends there. Offsets (err->off) of packed files are those of
 * the unpacked bytes. */
#ifndef FT_SOURCE_FILE_FILE_H
#define FT_SOURCE_FILE_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "source/source.h"

extern const struct ft_source_ops ft_source_file; /* "file" */

/* Splitting: several threads walk one mapped pcap file.
 *
 * The caller cuts the file into chunks, one behind the other, as long as it likes. A chunk
 * [from, limit) stands for the records that START in it. Where its first record starts can only be
 * known exactly from the chunk before it; ft_file_split_guess() finds a likely place by looking for
 * a chain of plausible record headers, so that work on the chunk can begin before that. The result
 * of a chunk is exact if, and only if, its guess equals the place where the chunk before it (itself
 * exact) ended:
 *
 *     true start of the first chunk = its from = ft_file_split_begin()
 *     true start of another         = out_next of the last ft_file_split_walk() of the one before,
 *                                     walked from its true start to its end
 *
 * The CALLER compares, in order of the chunks, and where the guess was wrong throws away what was
 * made of the chunk and walks it again from the true start. Damage that a walk from a guess reports
 * is hearsay until then, too. A chunk may be empty (one record covers it whole).
 *
 * A capture that begins behind another one and is read in the same way is passed over by the walk.
 * One of another kind ends it (FT_E_FORMAT): ft_file_split_leave() gives the rest to the source.
 *
 * guess and walk only read the mapping and their arguments: any number of threads. Ask for 256
 * views or more at a time: each call starts its prefetching anew. That the file is cut meanwhile is
 * not looked for. */
struct ft_file_split;

/* Of a source with one target, mapped, classic pcap, not read yet; from now on the source's read()
 * is not to be called, close() only after ft_file_split_close(). FT_E_UNSUPPORTED: not such a
 * source (or not a file source at all); FT_E_STATE: read already; FT_E_NOMEM. */
FT_NODISCARD int ft_file_split_open(struct ft_source *s, struct ft_file_split **out);
void ft_file_split_close(struct ft_file_split *sp); /* NULL is a no-op */

/* The offsets of the first record, and of the end of the file: equal, or the end smaller, when
 * there are none. */
uint64_t ft_file_split_begin(const struct ft_file_split *sp);
uint64_t ft_file_split_end(const struct ft_file_split *sp);

/* A likely offset of the first record that starts in [from, limit); of the first chunk the true
 * one. Also asks the kernel for the chunk's pages, so that a file on disk comes in large pieces,
 * and gives those far behind back. FT_E_NOT_FOUND: no place in the chunk looks like a record.
 * O(chunk) at worst, some ten records usually. */
FT_NODISCARD int ft_file_split_guess(struct ft_file_split *sp, uint64_t from, uint64_t limit,
                                     uint64_t *out_start);

/* Fills up to cap views with the records from offset start that start below limit, with
 * FT_VIEW_FILTERED as read() does. FT_OK: *out_n > 0, *out_next is where to go on; FT_E_EOF: no
 * record starts in [start, limit), *out_next = start or behind a file header there; FT_E_TRUNCATED,
 * FT_E_CORRUPT: damage at start, err as from read(); FT_E_FORMAT: another kind of capture begins at
 * *out_next. *out_joined is 0 at first, and the offset of the first file header passed over.
 * Views are valid until the source is closed. */
FT_NODISCARD int ft_file_split_walk(const struct ft_file_split *sp, uint64_t start, uint64_t limit,
                                    struct ft_view *views, uint32_t cap, uint32_t *out_n,
                                    uint64_t *out_next, uint64_t *out_joined, struct ft_err *err);

/* A file header was passed over at off, for sure. One thread at a time. */
void ft_file_split_tell(struct ft_file_split *sp, uint64_t off);

/* Ends the splitting at off, a true start: the source's read() goes on from there. Walks of other
 * threads may still be under way; close() remains to be called. One thread. */
void ft_file_split_leave(struct ft_file_split *sp, uint64_t off);

/* Everything before offset `to` was dealt with for good: so the source's stats say. One thread at a
 * time. */
void ft_file_split_done(struct ft_file_split *sp, uint64_t to);

#endif
