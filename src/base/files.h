/* SPDX-License-Identifier: Apache-2.0 */
/* base: the files that are written, each below a directory handle that is held from the start.
 *
 *     place (before privileges go) -> [ open | aside | sweep | replace ]*
 *
 * Theory of operation: who owns the folder of an output may plant links, pipes and other people's
 * files in it, and may replace the folder itself, while a process with more rights than he has goes
 * on opening files there. So the path is walked once: place() resolves the folder, links and all,
 * and keeps a handle of it; everything later happens relative to that handle and never follows a
 * link. What is opened must be a regular file, a FIFO or /dev/null (/dev/full) that belongs to us,
 * to the folder's owner, or to who owned it at the start, unless the folder is one in which others
 * may make files: there, only the first two. A folder that was replaced meanwhile is taken
 * again only when it has the same owner, group and mode; that is told. Nothing here blocks: a FIFO
 * without a reader is ENXIO.
 *
 * A place may be parted: files lie in folders below it that the calls name ("date=2026-11-23/
 * hour=13"), and that are made when a file is opened there.
 *
 * The same calls are answered in this process (struct ft_places) or, through struct ft_files, by
 * the opener, a child that has the right to open files when this process has given it up. */
#ifndef FT_BASE_FILES_H
#define FT_BASE_FILES_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "flowtap/macros.h"

enum { FT_FILE_PATH = 4096, FT_FILE_NAME = 256, FT_FILES_MAX = 192 };
enum { FT_FILE_FOLDERS = 80 }; /* bytes of the folders of a time, with their NUL */

/* Modes of new files: as asked for, or 0640 less what the umask takes. */
enum { FT_FILE_MODE_DEFAULT = 0640 };

#define FT_FILE_PART ".part" /* behind the name of a file that is not whole yet */

/* What a file is for decides what may be done to it: written to and rotated, or replaced. */
enum ft_file_kind { FT_FILE_OUTPUT, FT_FILE_STATE };

enum ft_file_op {
    FT_FILE_PLACE,    /* path, kind, mode, mode_exact, group, keep: it gets a number; not opened */
    FT_FILE_OPEN,     /* id: for reading and appending, made when it is not there */
    FT_FILE_OPEN_NEW, /* id: NAME.new, empty, never one that was there */
    FT_FILE_REPLACE,  /* id: NAME.new becomes NAME, as one step */
    FT_FILE_ASIDE,    /* id, now_s: NAME is renamed to its rotated name, which is never taken */
    FT_FILE_PUBLISH,  /* id, of NAME.part: it becomes NAME, as one step */
    FT_FILE_SWEEP,    /* id, now_s: rotated files beyond what is kept are removed */
    FT_FILE__COUNT
};

/* What is kept of the rotated files; 0: no bound of that kind. */
struct ft_file_keep {
    uint64_t files;
    int64_t age_s;
    uint64_t bytes;
};

struct ft_file_call {
    int32_t op;
    int32_t id;                 /* number of the place; all but PLACE */
    int64_t now_s;              /* wall clock, seconds since 1970 */
    uint32_t mode;              /* PLACE: of new files */
    int32_t group;              /* PLACE: of new files; -1: the process's */
    int32_t kind;               /* PLACE: enum ft_file_kind */
    bool mode_exact;            /* PLACE: whatever the umask says */
    bool parted;                /* PLACE */
    struct ft_file_keep keep;   /* PLACE */
    char part[FT_FILE_FOLDERS]; /* id, of a parted place: folders below it */
    char path[FT_FILE_PATH];    /* PLACE */
};

/* Things that happened besides. */
enum {
    FT_FILE_FOLDER_REPLACED = 1, /* and the new one is used */
    FT_FILE_FOLDER_FOREIGN = 2,  /* by one that is not used */
    FT_FILE_RENEW = 4            /* with ESTALE: a process that is not confined yet could take it */
};

struct ft_file_answer {
    int32_t error;           /* 0 or errno */
    int32_t id;              /* PLACE */
    uint32_t notes;          /* FT_FILE_FOLDER_... */
    uint32_t n;              /* SWEEP: files removed */
    char name[FT_FILE_NAME]; /* ASIDE: the new name, within the folder */
};

/* Who answers. out_fd is set to the opened file (owned by the caller) or -1. */
struct ft_files {
    void (*call)(void *cookie, const struct ft_file_call *c, struct ft_file_answer *out,
                 int *out_fd);
    void *cookie;
};

/* ---- in this process ---- */

struct ft_places;

/* confined: folders that were replaced cannot be reached any more by this process; they are
 * answered with ESTALE when a new process could take them. NULL: no memory. */
FT_NODISCARD struct ft_places *ft_places_new(void);
void ft_places_free(struct ft_places *s); /* NULL is a no-op */
void ft_places_confine(struct ft_places *s);

/* From now on nothing is placed, and times are this process's own. */
void ft_places_seal(struct ft_places *s);

/* Places a file though it is sealed, by who has made sure that it may; a file that has a place
 * keeps its number. As a PLACE call. When all places are taken, the one that was added first of
 * those that are not kept, as who calls says, gives way: its number is that of no place then. */
struct ft_places_adder {
    bool (*kept)(void *cookie, const char *path);
    void *cookie;
};
void ft_places_add(struct ft_places *s, const struct ft_file_call *c,
                   const struct ft_places_adder *by, struct ft_file_answer *out);

/* Who may own what is opened, besides the folder's owner and this process: -1 for nobody. */
void ft_places_trust(struct ft_places *s, uid_t uid);

/* struct ft_files' call; cookie is the struct ft_places. One thread for each place. */
void ft_places_call(void *cookie, const struct ft_file_call *c, struct ft_file_answer *out,
                    int *out_fd);

/* Whether folders are made below a place. */
bool ft_places_parted(const struct ft_places *s, int32_t id);

/* Number of places, the directory handle of one (borrowed), and the group it wants (-1: none). */
int32_t ft_places_count(const struct ft_places *s);
int ft_places_folder(const struct ft_places *s, int32_t id);
int32_t ft_places_group(const struct ft_places *s, int32_t id);

/* Takes every folder that was replaced by one of the same owner, group and mode. */
void ft_places_renew(struct ft_places *s);

/* ---- what a rotated file is called ---- */

/* "x.ndjson.zst" of 2026-11-23 13:15:00 UTC: "x-20261123T131500.ndjson.zst", n > 0: with "-n" after
 * the time. false when it does not fit. */
bool ft_file_rotated_name(const char *name, int64_t now_s, unsigned n, char out[FT_FILE_NAME]);

/* Whether a name is a rotated one of name, with its time and number. */
bool ft_file_is_rotated(const char *name, const char *other, int64_t *out_s, unsigned *out_n);

#endif
