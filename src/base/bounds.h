/* SPDX-License-Identifier: Apache-2.0 */
/* base: the most bytes that one event may take; formats promise it, outputs keep that much room. */
#ifndef FT_BASE_BOUNDS_H
#define FT_BASE_BOUNDS_H

enum {
    FT_EVENT_ROOM = 64 * 1024, /* any event */
    FT_PACK_MOST = 32 << 20,   /* bytes of chunks that are held to become one piece of a file */
    FT_EVENT_SLACK = 64,       /* bytes after an event that its writer may overwrite */
};

#endif
