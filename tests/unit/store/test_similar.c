/* SPDX-License-Identifier: Apache-2.0 */
/* store: the nearest vectors: the same bits with and without AVX2; the same ids as sorting all of
 * them; what is of another transform, span or time, null, no number, or damaged. */
#include "harness.h"

#ifdef FT_HAVE_STORE
#include <fcntl.h>
#include <math.h>
#include <unistd.h>

#include "base/rd.h"
#include "base/wr.h"
#include "flowtap/store.h"
#include "store/catalog.h"
#include "store/dot.h"
#include "store/nearest.h"

enum { WIDTH = FT_STORE_VECTOR, ROWS = 3000, K = 25 };

static uint64_t state = 88172645463325252u;

static uint64_t rnd(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static void random_unit(float v[WIDTH])
{
    double sum = 0;

    for (int i = 0; i < WIDTH; i++) {
        v[i] = (float)((double)(int64_t)rnd() / 9e18);
        sum += (double)v[i] * (double)v[i];
    }
    for (int i = 0; i < WIDTH; i++) {
        v[i] = (float)((double)v[i] / sqrt(sum));
    }
}

/* ---- products ---- */

static void test_same_bits(void)
{
    enum { N = 5000 };
    static float rows[N][WIDTH], plain[N], best[N];
    float q[WIDTH];

    random_unit(q);
    for (int i = 0; i < N; i++) {
        random_unit(rows[i]);
        for (int k = 0; k < WIDTH && i % 3 == 0; k++) { /* of all sizes */
            rows[i][k] *= ldexpf(1, (int)(rnd() % 200) - 100);
        }
    }
    rows[7][3] = NAN;
    rows[8][31] = INFINITY;
    ft_store_dot_plain(q, rows[0], N, plain);
    ft_store_dot()(q, rows[0], N, best);
    CHECK_MEM(plain, best, sizeof plain);
    CHECK(isnan(plain[7]) && !isfinite(plain[8]));
    for (int i = 0; i < N; i++) {
        double sum = 0, most = 0;

        for (int k = 0; k < WIDTH; k++) {
            sum += (double)q[k] * (double)rows[i][k];
            most += fabs((double)q[k] * (double)rows[i][k]);
        }
        CHECK(i == 7 || i == 8 || fabs((double)plain[i] - sum) <= most * 1e-6);
    }
}

/* ---- the nearest ---- */

static int by_order(const void *x, const void *y)
{
    const struct ft_store_near *a = x, *b = y;

    return a->score > b->score   ? -1
           : a->score < b->score ? 1
           : a->at_us > b->at_us ? -1
           : a->at_us < b->at_us ? 1
                                 : memcmp(a->id, b->id, sizeof a->id);
}

/* Few scores, times and ids: many that are as near, and many records of one. */
static void test_nearest(void)
{
    static struct ft_store_near all[ROWS], got[K + 1];

    for (int round = 0; round < 40; round++) {
        uint32_t k = 1 + (uint32_t)rnd() % K, found = 0, kinds = 1 + (uint32_t)rnd() % 60;
        struct ft_store_nearest t = {.v = got, .k = k};

        got[k].score = 77;
        for (int i = 0; i < ROWS; i++) {
            all[i] = (struct ft_store_near){
                .score = (float)(rnd() % 50) / 64, .at_us = (int64_t)(rnd() % 5), .id_len = 4};
            memcpy(all[i].id, &(uint32_t){(uint32_t)rnd() % kinds}, 4);
            ft_store_nearest_add(&t, &all[i]);
        }
        qsort(all, ROWS, sizeof all[0], by_order);
        for (int i = 0; i < ROWS && found < k; i++) {
            bool known = false;

            for (uint32_t g = 0; g < found; g++) {
                known |= memcmp(got[g].id, all[i].id, 4) == 0;
            }
            if (!known && found < t.n) {
                CHECK(memcmp(got[found].id, all[i].id, 4) == 0 &&
                      got[found].score == all[i].score && got[found].at_us == all[i].at_us);
                found++;
            }
        }
        CHECK_EQ(found, t.n);
        CHECK_EQ(t.n, k < kinds ? k : kinds);
        CHECK(got[k].score == 77);
    }
}

/* ---- a store ---- */

static const struct ft_store_column of_flows[] = {
    {.name = "timestamp", .type = FT_T_TIME, .cell = FT__CELL_FIXED, .width = 8},
    {.name = "flow_id", .type = FT_T_ID, .cell = FT__CELL_TEXT, .width = 1},
    {.name = "vector", .type = FT_T_VECTOR, .cell = FT__CELL_VECTOR, .width = WIDTH * 4},
    {.name = "vector_id", .type = FT_T_STRING, .cell = FT__CELL_TEXT, .width = 1},
};

/* A record of the store that is made here. */
struct made {
    uint64_t flow, at_us;
    float v[WIDTH];
    const char *transform; /* NULL: it has no vector */
};

static struct made made[ROWS];
static uint32_t first_of; /* the block that is written is from here */
static char folder[] = "/tmp/flowtap-similar-XXXXXX";
static struct ft_store_coder *coder;

static void add_text(struct ft_store_values *out, const char *text)
{
    uint32_t end;

    ft_store_buf_add(&out->bytes, text, strlen(text));
    end = (uint32_t)out->bytes.len;
    ft_store_buf_add(&out->end, &end, sizeof end);
}

static int fill(void *cookie, uint32_t column, struct ft_store_values *out)
{
    uint32_t n = *(const uint32_t *)cookie, zero = 0;

    out->n = n;
    out->nulls = 0;
    out->num.len = out->bytes.len = out->end.len = out->valid.len = 0;
    ft_store_buf_add(&out->end, &zero, sizeof zero);
    for (uint32_t i = 0; i < n; i++) {
        const struct made *m = &made[first_of + i];
        uint8_t valid = column < 2 || m->transform != NULL;
        char id[17];

        snprintf(id, sizeof id, "%016llx", (unsigned long long)m->flow);
        out->nulls += valid == 0;
        ft_store_buf_add(&out->valid, &valid, 1);
        if (column == 0) {
            ft_store_buf_add(&out->num, &m->at_us, sizeof m->at_us);
        } else if (column == 2) {
            ft_store_buf_add(&out->bytes, m->v, sizeof m->v);
        } else {
            add_text(out, column == 1 ? id : valid ? m->transform : "");
        }
    }
    return FT_OK;
}

/* Rows of made become a file, in blocks of so many; columns: without vectors 2. */
static void write_slice(int dir, uint32_t number, uint32_t first, uint32_t n, uint32_t block,
                        uint32_t columns)
{
    struct ft_slice_writer w = {.coder = coder, .dir = dir};
    char name[FT_STORE_FILE];

    snprintf(name, sizeof name, "flow-%012u.fts", number);
    CHECK_EQ(ft_slice_begin(&w, name, of_flows, columns), FT_OK);
    CHECK_EQ(w.version, columns > 2 ? 2 : 1);
    for (first_of = first; first_of < first + n; first_of += block) {
        uint32_t rows = first + n - first_of < block ? first + n - first_of : block;

        CHECK_EQ(ft_slice_add(&w, rows, fill, &rows), FT_OK);
    }
    CHECK_EQ(ft_slice_end(&w), FT_OK);
    ft_slice_writer_fini(&w);
}

static void make_rows(void)
{
    for (uint32_t i = 0; i < ROWS; i++) {
        made[i] = (struct made){.flow = rnd() % (ROWS / 3), .at_us = 1000000u * (1000 + i / 7)};
        random_unit(made[i].v);
        if (i % 10 == 1) { /* as near as another */
            memcpy(made[i].v, made[rnd() % i].v, sizeof made[i].v);
        }
        made[i].transform = i % 11 == 3  ? NULL
                            : i % 5 == 2 ? "flowtap-flow-1:other"
                                         : "flowtap-flow-1:one";
    }
}

static struct ft_store *open_store(int dir)
{
    struct ft_catalog c;
    struct ft_store *s = NULL;
    struct ft_err err = {0};
    char text[256];

    CHECK_EQ(ft_catalog_open(folder, dir, &c, &err), FT_OK);
    CHECK_EQ(ft_catalog_recover(&c, coder, 1, text, sizeof text), FT_OK);
    ft_catalog_close(&c);
    CHECK_EQ(ft_store_open(folder, &s, &err), FT_OK);
    return s;
}

static void remove_store(int dir)
{
    char command[128];

    snprintf(command, sizeof command, "rm -rf %s", folder);
    CHECK_EQ(system(command), 0);
    close(dir);
}

static int make_folder(void)
{
    strcpy(folder + strlen(folder) - 6, "XXXXXX");
    CHECK(mkdtemp(folder) != NULL);
    int dir = open(folder, O_RDONLY | O_DIRECTORY);

    CHECK(dir >= 0);
    return dir;
}

/* What was handed out. */
struct got {
    uint32_t n;
    uint64_t flow[K];
    double score[K], at[K];
};

static int take_columns(void *cookie, const struct ft_store_heading *h, uint32_t n)
{
    (void)cookie;
    CHECK_EQ(n, 3);
    CHECK_STR(h[0].name, "similarity");
    CHECK_STR(h[1].name, "timestamp");
    CHECK_EQ(h[1].form, FT_STORE_TIME);
    CHECK_STR(h[2].name, "flow_id");
    return 0;
}

static int take_row(void *cookie, const struct ft_store_cell *c, uint32_t n)
{
    struct got *g = cookie;
    char id[17] = "";

    CHECK(n == 3 && c[2].len == 16);
    memcpy(id, c[2].text, c[2].len < 16 ? c[2].len : 16);
    if (g->n < K) {
        g->score[g->n] = c[0].f;
        g->at[g->n] = c[1].f;
        g->flow[g->n++] = strtoull(id, NULL, 16);
    }
    return 0;
}

static int ask(struct ft_store *s, uint64_t flow, double from, double to, struct got *g,
               struct ft_store_origin *origin, struct ft_store_result *r)
{
    char id[17];
    struct ft_store_similar a = {.id = id, .k = K, .from = from, .to = to};
    struct ft_store_limits limits = {.timeout_ms = 60000};
    struct ft_store_take take = {take_columns, take_row, g};
    struct ft_err err = {0};

    g->n = 0;
    snprintf(id, sizeof id, "%016llx", (unsigned long long)flow);
    return ft_store_similar(s, &a, &limits, &take, origin, r, &err);
}

/* The same by sorting: rows from `first` on. */
static void check_exact(const struct got *g, uint64_t flow, uint32_t first, double from, double to)
{
    static struct ft_store_near all[ROWS];
    uint32_t n = 0, found = 0;
    const struct made *of = NULL;

    for (uint32_t i = first; i < ROWS; i++) {
        of = made[i].flow == flow && made[i].transform != NULL ? &made[i] : of;
    }
    for (uint32_t i = first; i < ROWS; i++) {
        const struct made *m = &made[i];
        double at = (double)m->at_us / 1e6;

        if (m->flow != flow && m->transform != NULL && strcmp(m->transform, of->transform) == 0 &&
            at >= from && at < to) {
            all[n] = (struct ft_store_near){.at_us = (int64_t)m->at_us};
            ft_store_dot_plain(of->v, m->v, 1, &all[n].score);
            all[n].score = all[n].score > 1 ? 1 : all[n].score;
            ft_store_be64(all[n++].id, m->flow);
        }
    }
    qsort(all, n, sizeof all[0], by_order);
    for (uint32_t i = 0; i < n && found < K; i++) {
        uint64_t id = ft_load_be64(all[i].id);
        bool known = false;

        for (uint32_t k = 0; k < found; k++) {
            known |= g->flow[k] == id;
        }
        if (!known && found < g->n) {
            CHECK_EQ(g->flow[found], id);
            CHECK(g->score[found] == (double)all[i].score);
            CHECK(g->at[found] == (double)all[i].at_us / 1e6);
            found++;
        }
    }
    CHECK_EQ(found, g->n);
    CHECK(g->n == K || n < 4 * K);
}

static void test_store(void)
{
    int dir = make_folder();
    struct got g;
    struct ft_store_origin o;
    struct ft_store_result r;

    make_rows();
    write_slice(dir, 1, 0, 100, 50, 2); /* of before there were vectors */
    write_slice(dir, 2, 100, 1400, 500, 4);
    write_slice(dir, 3, 1500, ROWS - 1500, ROWS, 4);
    struct ft_store *s = open_store(dir);

    for (int i = 0; i < 60; i++) {
        const struct made *m = &made[1500 + rnd() % (ROWS - 1500)];
        bool all = i % 2 == 0;
        double from = all ? 0 : 1100 + (double)(rnd() % 100), to = all ? 1e12 : from + 150;

        if (m->transform != NULL) {
            CHECK_EQ(ask(s, m->flow, from, to, &g, &o, &r), FT_OK);
            check_exact(&g, m->flow, 100, from, to);
            CHECK_EQ(r.rows, g.n);
            CHECK_EQ(r.slices_bad, 0);
        }
    }
    CHECK_EQ(ask(s, ROWS, 0, 1e12, &g, &o, &r), FT_E_NOT_FOUND);
    ft_store_close(s);
    remove_store(dir);
}

/* Slices whose sums are right and whose vectors are not: they are left out, and said. */
static void test_hostile(void)
{
    static const float values[] = {NAN, INFINITY, 1e30F, -3};

    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        int dir = make_folder();
        struct got g;
        struct ft_store_origin o;
        struct ft_store_result r;

        make_rows();
        for (int row = 100; row < 900; row++) { /* the last block of the slice is the bad one */
            made[row].transform = "flowtap-flow-1:one";
        }
        for (int k = 0; k < WIDTH; k++) {
            made[880].v[k] = values[i];
        }
        for (int row = 0; row < ROWS; row++) {
            made[row].flow = (uint64_t)row; /* whose they are does not matter */
        }
        made[2000].transform = "flowtap-flow-1:one";
        for (int k = 0; k < WIDTH; k++) {
            made[2000].v[k] = sqrtf(1.0F / WIDTH) * (i == 3 ? -1 : 1);
        }
        write_slice(dir, 1, 0, 900, 200, 4);
        write_slice(dir, 2, 900, ROWS - 900, 700, 4);
        struct ft_store *s = open_store(dir);

        CHECK_EQ(ask(s, 2000, 0, 1e12, &g, &o, &r), FT_OK);
        CHECK_EQ(r.slices_bad, 1);
        check_exact(&g, 2000, 900, 0, 1e12);
        CHECK(faccessat(dir, "flow-000000000001.fts.bad", F_OK, 0) == 0);
        CHECK_EQ(ask(s, 2000, 0, 1e12, &g, &o, &r), FT_OK);
        check_exact(&g, 2000, 900, 0, 1e12);
        ft_store_close(s);
        remove_store(dir);
    }
}

int main(void)
{
    coder = ft_store_coder_new();
    RUN(test_same_bits);
    RUN(test_nearest);
    RUN(test_store);
    RUN(test_hostile);
    ft_store_coder_free(coder);
    return test_end();
}

#else

int main(void)
{
    return test_skip("a build without SQLite or zstd");
}

#endif
