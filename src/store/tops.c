/* SPDX-License-Identifier: Apache-2.0 */
/* store: who had most in each minute, see tops.h. */
#include "store/tops.h"

#include "base/time.h"

enum { MINUTE_US = 60000000 };

struct minute {
    int64_t number;
    uint64_t touched; /* by the how many-th record */
    bool open;
    struct ft_heavy heavy[FT_TOPS__COUNT];
};

struct row {
    int64_t minute;
    uint8_t kind;
    bool other;
    struct ft_heavy_count c;
};

struct ft_tops {
    struct minute minute[FT_TOPS_MINUTES];
    struct row *rows; /* [FT_TOPS_PENDING + what the open minutes have] */
    uint32_t n;
    uint64_t records;
    struct minute *last;
};

enum { PER_MINUTE = FT_TOPS__COUNT * (FT_TOPS_ROWS + 1) };
enum { ROWS_MOST = FT_TOPS_PENDING + PER_MINUTE * (FT_TOPS_MINUTES + 1) };

_Static_assert((int)ROWS_MOST <= (int)FT_STORE_BLOCK, "they are one block");

struct ft_tops *ft_tops_new(void)
{
    struct ft_tops *t = ft_mem_alloc(1, sizeof *t);
    bool good = t != NULL;

    for (uint32_t i = 0; good && i < FT_TOPS_MINUTES; i++) {
        for (uint32_t k = 0; good && k < FT_TOPS__COUNT; k++) {
            good = ft_heavy_init(&t->minute[i].heavy[k], FT_TOPS_COUNTERS) == FT_OK;
        }
    }
    if (good) {
        t->rows = ft_map_alloc_sparse(ROWS_MOST * sizeof *t->rows);
    }
    if (!good || t->rows == NULL) {
        ft_tops_free(t);
        return NULL;
    }
    return t;
}

void ft_tops_free(struct ft_tops *t)
{
    for (uint32_t i = 0; t != NULL && i < FT_TOPS_MINUTES; i++) {
        for (uint32_t k = 0; k < FT_TOPS__COUNT; k++) {
            ft_heavy_fini(&t->minute[i].heavy[k]);
        }
    }
    if (t != NULL) {
        ft_map_free(t->rows, ROWS_MOST * sizeof *t->rows);
    }
    ft_mem_free(t);
}

/* Its first ones, and the others as one row, which is there when there are such. */
static void write_kind(struct ft_tops *t, const struct minute *m, uint8_t kind,
                       struct ft_heavy *heavy)
{
    uint32_t first[FT_TOPS_ROWS];
    struct row other = {
        .minute = m->number,
        .kind = kind,
        .other = true,
        .c = {.bytes = heavy->bytes, .packets = heavy->packets, .flows = heavy->flows}};
    bool others = heavy->n > FT_TOPS_ROWS;
    uint32_t n = ft_heavy_most(heavy, FT_TOPS_ROWS, first);

    for (uint32_t i = 0; i < n; i++) {
        const struct ft_heavy_count *c = &heavy->count[first[i]];

        t->rows[t->n++] = (struct row){.minute = m->number, .kind = kind, .c = *c};
        other.c.bytes -= c->bytes;
        other.c.packets -= c->packets;
        other.c.flows -= c->flows;
    }
    if (others || other.c.packets > 0 || other.c.flows > 0) {
        t->rows[t->n++] = other;
    }
    ft_heavy_clear(heavy);
}

static void close_minute(struct ft_tops *t, struct minute *m)
{
    for (uint8_t k = 0; k < FT_TOPS__COUNT; k++) {
        write_kind(t, m, k, &m->heavy[k]);
    }
    m->open = false;
}

static struct minute *minute_of(struct ft_tops *t, int64_t number)
{
    struct minute *oldest = &t->minute[0];

    if (t->last != NULL && t->last->open && t->last->number == number) {
        return t->last;
    }
    for (uint32_t i = 0; i < FT_TOPS_MINUTES; i++) {
        struct minute *m = &t->minute[i];

        if (m->open && m->number == number) {
            return m;
        }
        if (oldest->open && (!m->open || m->touched < oldest->touched)) {
            oldest = m;
        }
    }
    if (oldest->open) {
        if (ft_tops_full(t)) { /* nobody looked: it is of another minute than it says */
            return oldest;
        }
        close_minute(t, oldest);
    }
    oldest->open = true;
    oldest->number = number;
    return oldest;
}

void ft_tops_add(struct ft_tops *t, const struct ft_tops_flow *f)
{
    uint8_t key[FT_HEAVY_KEY] = {0};
    struct minute *m = minute_of(t, ft_time_floor(f->at_us, MINUTE_US));

    m->touched = ++t->records;
    t->last = m;
    if (f->has_addresses) {
        memcpy(key, f->src, 16);
        ft_heavy_add(&m->heavy[FT_TOPS_SRC], key, f->bytes, f->packets, f->flows);
        memcpy(key + 16, f->dst, 16);
        ft_heavy_add(&m->heavy[FT_TOPS_PAIR], key, f->bytes, f->packets, f->flows);
        memset(key, 0, 32);
        memcpy(key, f->dst, 16);
        ft_heavy_add(&m->heavy[FT_TOPS_DST], key, f->bytes, f->packets, f->flows);
        memset(key, 0, 16);
    }
    memcpy(key, &f->port, sizeof f->port);
    key[2] = f->proto;
    ft_heavy_add(&m->heavy[FT_TOPS_PORT], key, f->bytes, f->packets, f->flows);
}

bool ft_tops_full(const struct ft_tops *t)
{
    return t->n >= FT_TOPS_PENDING;
}

uint32_t ft_tops_close(struct ft_tops *t)
{
    for (uint32_t i = 0; i < FT_TOPS_MINUTES; i++) {
        if (t->minute[i].open) {
            close_minute(t, &t->minute[i]);
        }
    }
    return t->n;
}

void ft_tops_clear(struct ft_tops *t)
{
    t->n = 0;
}

/* ---- as columns ---- */

enum {
    C_TIME,
    C_KIND,
    C_SRC,
    C_DST,
    C_PORT,
    C_PROTO,
    C_BYTES,
    C_PACKETS,
    C_FLOWS,
    C_ERROR,
    C_OTHER,
    C__COUNT
};

#define NUMBER(name_, type_, width_)                                                               \
    {                                                                                              \
        .name = (name_), .type = (type_), .cell = FT__CELL_FIXED, .width = (width_)                \
    }

static const struct ft_store_column columns[C__COUNT] = {
    [C_TIME] = NUMBER("timestamp", FT_T_TIME, 8),
    [C_KIND] = {.name = "kind", .type = FT_T_STRING, .cell = FT__CELL_TEXT, .width = 1},
    [C_SRC] = NUMBER("src_ip", FT_T_ADDR, 16),
    [C_DST] = NUMBER("dst_ip", FT_T_ADDR, 16),
    [C_PORT] = NUMBER("dst_port", FT_T_U16, 2),
    [C_PROTO] = NUMBER("protocol", FT_T_U8, 1),
    [C_BYTES] = NUMBER("bytes", FT_T_U64, 8),
    [C_PACKETS] = NUMBER("packets", FT_T_U64, 8),
    [C_FLOWS] = NUMBER("flows", FT_T_U64, 8),
    [C_ERROR] = NUMBER("bytes_error", FT_T_U64, 8),
    [C_OTHER] = {.name = "is_other", .type = FT_T_BOOL, .cell = FT__CELL_BOOL, .width = 1},
};

const struct ft_store_column *ft_tops_columns(uint32_t *out_n)
{
    *out_n = C__COUNT;
    return columns;
}

static const char *const kinds[FT_TOPS__COUNT] = {"src", "dst", "pair", "port"};

static bool has(uint32_t column, const struct row *r)
{
    switch (column) {
    case C_SRC:
        return !r->other && (r->kind == FT_TOPS_SRC || r->kind == FT_TOPS_PAIR);
    case C_DST:
        return !r->other && (r->kind == FT_TOPS_DST || r->kind == FT_TOPS_PAIR);
    case C_PORT:
    case C_PROTO:
        return !r->other && r->kind == FT_TOPS_PORT;
    default:
        return true;
    }
}

static uint64_t number(uint32_t column, const struct row *r)
{
    uint16_t port;

    switch (column) {
    case C_TIME:
        return (uint64_t)(r->minute * MINUTE_US);
    case C_PORT:
        memcpy(&port, r->c.key, sizeof port);
        return port;
    case C_PROTO:
        return r->c.key[2];
    case C_BYTES:
        return r->c.bytes;
    case C_PACKETS:
        return r->c.packets;
    case C_FLOWS:
        return r->c.flows;
    case C_ERROR:
        return r->c.error;
    default:
        return r->other;
    }
}

static bool fill_row(uint32_t column, const struct row *r, bool valid, struct ft_store_values *out)
{
    static const uint8_t nothing[16];
    bool second = r->kind == FT_TOPS_PAIR && column == C_DST;

    if (column == C_KIND) {
        uint32_t end = (uint32_t)(out->bytes.len + strlen(kinds[r->kind]));

        return ft_store_buf_add(&out->bytes, kinds[r->kind], strlen(kinds[r->kind])) &&
               ft_store_buf_add(&out->end, &end, sizeof end);
    }
    if (column == C_SRC || column == C_DST) {
        return ft_store_buf_add(&out->bytes, valid ? r->c.key + (second ? 16 : 0) : nothing, 16);
    }
    uint64_t v = valid ? number(column, r) : 0;

    return ft_store_buf_add(&out->num, &v, sizeof v);
}

int ft_tops_fill(void *tops, uint32_t column, struct ft_store_values *out)
{
    const struct ft_tops *t = tops;
    uint32_t zero = 0;

    out->n = t->n;
    out->nulls = 0;
    out->num.len = out->bytes.len = out->end.len = 0;
    if (!ft_store_buf_set(&out->valid, t->n) || !ft_store_buf_add(&out->end, &zero, sizeof zero)) {
        return FT_E_NOMEM;
    }
    for (uint32_t i = 0; i < t->n; i++) {
        bool valid = has(column, &t->rows[i]);

        out->valid.p[i] = valid;
        out->nulls += !valid;
        if (!fill_row(column, &t->rows[i], valid, out)) {
            return FT_E_NOMEM;
        }
    }
    return FT_OK;
}
