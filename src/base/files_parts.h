/* SPDX-License-Identifier: Apache-2.0 */
/* base: what files.c and files_rotate.c share. */
#ifndef FT_BASE_FILES_PARTS_H
#define FT_BASE_FILES_PARTS_H

#include <sys/stat.h>

#include "base/files.h"

/* Room that a rotated name needs beyond the name: "-20261123T131500-4294967295", ".new", '\0'. */
enum { FT__ROTATED_MORE = 32 };

/* owner: the thread of its output */
struct ft__place {
    char *folder;            /* absolute, without links; owned */
    int dir;                 /* handle of it, O_PATH; owned */
    struct stat seen;        /* of the folder behind the handle */
    char name[FT_FILE_NAME]; /* the last component */
    mode_t mode;             /* of new files */
    bool mode_exact;
    int32_t group;            /* -1: none asked for */
    bool parted;              /* files lie in folders below it, which are made as they are named */
    uid_t owner;              /* who owned it when it was placed; we, when it was not there */
    int32_t kind;             /* enum ft_file_kind */
    struct ft_file_keep keep; /* of the rotated files */
    char *given;              /* the path that it was added by (ft_places_add()); NULL: before */
    uint64_t added;           /* the how many-th of those */
    int32_t turn;             /* how many had its slot before */
    uint32_t notes;           /* to be told with the next answer */
    int64_t last_s;           /* time of the last rotated name */
    unsigned last_n;          /* and its number */
};

/* The place as it is in a folder below it, that is made when it is not there; given back by
 * _leave(). 0 or errno. trusted: who may own it, too. */
int ft__place_enter(const struct ft__place *p, uid_t trusted, const char *part, bool make,
                    struct ft__place *out);
void ft__place_leave(struct ft__place *p, const struct ft__place *in);

/* 0 or errno. */
int ft__place_aside(struct ft__place *p, int64_t now_s, char out_name[FT_FILE_NAME]);

/* What has been seen of the files that are kept; folders of several times share it, the newest
 * first. */
struct ft__sweep {
    int64_t now_s;
    int64_t end_s; /* of the folder's time; 0: files have a time each */
    uint64_t files, bytes;
    uint32_t removed;
};
int ft__place_sweep(const struct ft__place *p, struct ft__sweep *w);
/* Of all folders below a parted place that come before one; those that are empty then go, too. */
int ft__place_sweep_folders(const struct ft__place *p, uid_t trusted, const char *before,
                            struct ft__sweep *w);

#endif
