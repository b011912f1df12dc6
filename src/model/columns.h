/* SPDX-License-Identifier: Apache-2.0 */
/* model: the columns of events, put together from those of several owners.
 *
 * Theory of operation: base and each feature have a set of rows (struct ft_field), which see that
 * owner's part of a flow record. A composition is one list of rows, each with its owner; it is made
 * once, at the start, and walked by NDJSON, CSV and the schema alike:
 *
 *     -p base,tcp        rows of those sets in ascending rank: the order is the same whoever owns
 *                        them, and whatever the order of the names
 *     ?columns=a,b,c     those rows in the order of the names, in no objects: flat
 *
 * The parts that its rows look at are what has to be known of a flow: the rest is not computed. */
#ifndef FT_MODEL_COLUMNS_H
#define FT_MODEL_COLUMNS_H

#include "flowtap/config.h"
#include "flowtap/errors.h"
#include "model/field.h"
#include "model/observer.h"
#include "model/rules.h"

enum { FT_COLUMNS_MAX = 512, FT_COLUMN_SETS_MAX = 32, FT_SET_OPTIONS_MAX = 4 };

struct ft_labels;
struct ft_enrich;
struct ft_vector_fits;

/* The columns of one owner: a profile. */
struct ft_column_set {
    const char *profile;
    const char *meaning;         /* one line, for help and docs */
    const struct ft_field *rows; /* [n] */
    uint32_t n;
    uint8_t part; /* enum ft_part */
    bool in_all;  /* -p all has it */
    /* named for a tool, whose names may be those of other sets: its columns are there only where
     * the set was asked for, and then they are what these names mean */
    bool is_tool;
    /* a part at this address says what this one does: its text may be prepared; or NULL */
    const void *nothing;
    const struct ft_flow_rules
        *rules; /* its columns are of flows that end by these; NULL: by any */
    /* its owner's options, numbers with a default; they stand in the table of options behind
     * --profile and --app */
    const struct ft_option *options; /* [n_options], at most FT_SET_OPTIONS_MAX */
    uint32_t n_options;
};

/* What the options of all owners say. */
struct ft_set_options {
    uint64_t of[FT_PARTS_MAX][FT_SET_OPTIONS_MAX];
    const struct ft_labels *labels;       /* --labels, or NULL */
    const struct ft_enrich *enrich;       /* --geo and --networks, or NULL */
    const struct ft_vector_fits *vectors; /* --vector-fit; NULL: that of the program */
    const char *interface;                /* live, of one interface: its name; or NULL */
};

/* All sets, base first, NULL behind the last. */
extern const struct ft_column_set *const ft_column_sets[];

extern const struct ft_column_set ft_columns_base;
#define X(symbol, name) extern const struct ft_column_set ft_columns_##name;
#include "model/parts.def"
#undef X

struct ft_column {
    const struct ft_field *field;
    const struct ft_column_set *set; /* NULL: of an event that has no parts but itself */
    const void *fixed; /* what it looks at instead of the event's part: it says always the same; or
                          NULL */
    uint8_t part;
};

/* A composition. */
struct ft_columns {
    uint32_t n;
    bool flat; /* chosen by name: objects of the event are not written */
    struct ft_column col[FT_COLUMNS_MAX];
};

/* ---- names ---- */

/* A profile whose columns are of frames: it asks for an event of its own, and adds none to flow
 * records. Its place among sets is behind all of those. */
enum { FT_PROFILE_AFTERIMAGE = FT_COLUMN_SETS_MAX - 1 };

/* Name and meaning of profile i, the one of frames last. NULL behind it. */
const char *ft_profile_name(uint32_t i, const char **out_meaning);

/* The sets that a list of profiles means, a bit for each place in ft_column_sets: "base,tcp",
 * "all"; base is always in it. FT_E_USAGE: err tells which name is wrong, and the nearest. */
FT_NODISCARD int ft_profiles_parse(const char *list, uint32_t *out_sets, struct ft_err *err);

/* ---- compositions ---- */

/* The bit of a set. */
uint32_t ft_column_set_bit(const struct ft_column_set *set);

/* The sets that are no tool's: names of columns are theirs alone. */
uint32_t ft_column_sets_own(void);

/* The columns of those sets. A tool's column takes the place of one of its name in the same object;
 * in another object both stay. */
void ft_columns_compose(uint32_t sets, struct ft_columns *out);

/* The set of this name that is a tool's. FT_E_USAGE: there is none, err has the nearest one. */
FT_NODISCARD int ft_column_set_tool(const char *profile, const struct ft_column_set **out,
                                    struct ft_err *err);

/* The columns of one set, in its order, in no objects: a table as the tool writes it. */
void ft_columns_table(const struct ft_column_set *set, struct ft_columns *out);

/* Leaves one column of each name, the last one in the place of the first: for forms in which
 * columns stand in no objects. */
void ft_columns_flatten(struct ft_columns *c);

/* Gives it the observer that its columns tell of, which lives as long; NULL: none. */
void ft_columns_observe(struct ft_columns *c, const struct ft_observer *observer);

/* Does a column tell of hosts, networks or times: what a model must not learn by heart? */
bool ft_column_tells(const struct ft_column *c);

/* Leaves those out that do. */
void ft_columns_no_identity(struct ft_columns *c);

/* The columns of a list of names, in its order: those of the sets, else of any set. FT_E_USAGE: err
 * tells which name is wrong or comes twice, and the nearest. */
FT_NODISCARD int ft_columns_pick(const char *list, uint32_t sets, struct ft_columns *out,
                                 struct ft_err *err);

/* The columns of an event that is one struct: part 0. */
void ft_columns_rows(const struct ft_field *rows, uint32_t n, struct ft_columns *out);

/* The columns of windows; vectors: and those of the vector profile. */
void ft_columns_windows(bool vectors, struct ft_columns *out);
FT_NODISCARD int ft_columns_pick_windows(const char *list, struct ft_columns *out,
                                         struct ft_err *err);

/* Bytes of text that lists and bytes among the columns take at most, when the options of their
 * owners are these; NULL: whatever they are. */
size_t ft_columns_lists_room(const struct ft_columns *c, const struct ft_set_options *options);

/* The parts that the columns look at, a bit for each enum ft_part. */
uint32_t ft_columns_parts(const struct ft_columns *c);

FT_NODISCARD int ft_columns_pick_rows(const struct ft_field *rows, uint32_t n, const char *list,
                                      struct ft_columns *out, struct ft_err *err);

/* The columns of flow records as collect makes them; enriched: and those of the enrich profile. */
void ft_columns_exported(bool enriched, struct ft_columns *out);
FT_NODISCARD int ft_columns_pick_exported(const char *list, struct ft_columns *out,
                                          struct ft_err *err);

/* What a column says of an event's parts; a part that is NULL says null. */
FT_INLINE void ft_column_get(const struct ft_column *c, const void *const *parts,
                             struct ft_value *out)
{
    const void *part = c->fixed != NULL ? c->fixed : parts[c->part];

    if (part == NULL) {
        out->null = true;
        out->nonfinite = 0;
        return;
    }
    ft_field_get(c->field, part, out);
}

#endif
