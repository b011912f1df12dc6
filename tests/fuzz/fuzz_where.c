/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes conditions (--where). Properties: what is refused has a message that ends, and leaves
 * nothing behind; what is taken answers for a record of any values, the same each time; turned
 * around it answers the opposite, and beside itself the same. The first 64 bytes are the values. */
#include <math.h>
#include <string.h>

#include "model/where.h"
#include "must.h"

enum { TEXT_MAX = 2048, VALUES_LEN = 64 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t load(const void *part)
{
    uint64_t v;

    memcpy(&v, part, sizeof v);
    return v;
}

static void get_number(const void *part, struct ft_value *v)
{
    v->u = load(part); /* i and id likewise */
}

static void get_byte(const void *part, struct ft_value *v)
{
    v->u = load(part) & 255;
}

static void get_bool(const void *part, struct ft_value *v)
{
    v->u = load(part) & 1;
}

static void get_real(const void *part, struct ft_value *v)
{
    memcpy(&v->f, part, sizeof v->f);
    v->null = !isfinite(v->f);
}

static void get_text(const void *part, struct ft_value *v)
{
    v->text = (const uint8_t *)part + 32;
    v->text_len = load(part) % 33;
}

static void get_string(const void *part, struct ft_value *v)
{
    memcpy(v->buf, (const uint8_t *)part + 8, 40);
    v->buf[40] = '\0';
    v->s = v->buf;
}

static void get_addr(const void *part, struct ft_value *v)
{
    v->ip_version = load(part) & 1 ? 4 : 6;
    v->addr = (const uint8_t *)part + 16;
}

static void get_null(const void *part, struct ft_value *v)
{
    (void)part;
    v->null = true;
}

static const struct ft_field rows[] = {
    {.name = "u8", .type = FT_T_U8, .get = get_byte},
    {.name = "u64", .type = FT_T_U64, .get = get_number},
    {.name = "i64", .type = FT_T_I64, .get = get_number},
    {.name = "time", .type = FT_T_TIME, .get = get_number},
    {.name = "f64", .type = FT_T_F64, .get = get_real},
    {.name = "yes", .type = FT_T_BOOL, .get = get_bool},
    {.name = "id", .type = FT_T_ID, .get = get_number},
    {.name = "text", .type = FT_T_TEXT, .get = get_text, .group = FT_GROUP_FEATURES},
    {.name = "string", .type = FT_T_STRING, .get = get_string},
    {.name = "addr", .type = FT_T_ADDR, .get = get_addr, .group = FT_GROUP_FLOW_KEY},
    {.name = "none", .type = FT_T_U32, .get = get_null},
    {.name = "object", .type = FT_T_JSON},
};
enum { N_ROWS = sizeof rows / sizeof rows[0] };

static struct ft_column columns[N_ROWS]; /* of two parts */

static struct ft_where *make(const char *text)
{
    struct ft_where *w = NULL;
    struct ft_err err;

    memset(&err, 0xa5, sizeof err);
    for (uint32_t i = 0; i < N_ROWS; i++) {
        columns[i] = (struct ft_column){.field = &rows[i], .part = i >= N_ROWS / 2};
    }
    if (ft_where_new(text, columns, N_ROWS, &w, &err) != FT_OK) {
        MUST(w == NULL && err.code == FT_E_USAGE && err.what[0] == 'a'); /* at ... */
        MUST(memchr(err.what, 0, sizeof err.what) != NULL);
        return NULL;
    }
    MUST(w != NULL);
    return w;
}

static bool ask(struct ft_where *w, const uint8_t *values, bool second)
{
    const void *parts[] = {values, second ? values : NULL};
    bool holds = ft_where_holds(w, parts);

    MUST(ft_where_holds(w, parts) == holds);
    return holds;
}

/* The same condition in other ones, if it is not too long or deep for them. */
static void check_other(const char *format, const char *text, const uint8_t *values, bool want[2])
{
    static char other[3 * TEXT_MAX];
    struct ft_where *w;

    snprintf(other, sizeof other, format, text, text);
    w = make(other);
    for (int k = 0; w != NULL && k < 2; k++) {
        MUST(ask(w, values, k == 1) == want[k]);
    }
    ft_where_free(w);
}

static void check_uses(const struct ft_where *w)
{
    uint32_t i = 0;

    for (const struct ft_column *c; (c = ft_where_uses(w, i)) != NULL; i++) {
        MUST(c->field >= rows && c->field < rows + N_ROWS);
        MUST(c->part == (c->field >= rows + N_ROWS / 2) && c->field->type != FT_T_JSON);
    }
    MUST(i >= 1 && i <= FT_WHERE_TESTS);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t values[VALUES_LEN];
    struct ft_where *w;
    char *text;

    if (size < VALUES_LEN || size - VALUES_LEN >= TEXT_MAX) {
        return 0;
    }
    memcpy(values, data, sizeof values);
    size -= VALUES_LEN;
    text = malloc(size + 1);
    MUST(text != NULL);
    memcpy(text, data + VALUES_LEN, size);
    text[size] = '\0';
    w = make(text);
    if (w != NULL) {
        bool holds[2] = {ask(w, values, false), ask(w, values, true)};
        bool turned[2] = {!holds[0], !holds[1]};

        check_uses(w);
        check_other("not (%s)", text, values, turned);
        check_other("(%s) and (%s)", text, values, holds);
        check_other("! ! (%s) || (%s)", text, values, holds);
    }
    ft_where_free(w);
    free(text);
    return 0;
}
