/* SPDX-License-Identifier: Apache-2.0 */
/* format: options data of flow export, see flow_options.h. */
#include "format/flow_options.h"

#include <string.h>

#include "base/rd.h"

enum {
    VARIABLE = 65535,
    NAME_MOST = 200, /* bytes of a text: one byte says its length */
    V9_NAME = 32,    /* v9 has no variable lengths */
    V9_DESCRIPTION = 64,
    V9_SYSTEM = 1, /* scopes, RFC 3954 §6.1 */
    V9_INTERFACE = 2,
    RANDOM_N_OF_N = 3, /* selectorAlgorithm: Random n-out-of-N, RFC 5477 §8.2.1 */
    RANDOM = 2,        /* samplingAlgorithm, RFC 3954 §8 */
    SELECTOR = 1       /* selectorId */
};

/* Elements of IANA's. */
enum {
    IE_INTERFACE = 10,
    IE_SAMPLING_INTERVAL = 34,
    IE_SAMPLING_ALGORITHM = 35,
    IE_INTERFACE_NAME = 82,
    IE_INTERFACE_DESCRIPTION = 83,
    IE_DOMAIN = 149,
    IE_SELECTOR_ID = 302,
    IE_ELEMENT_ID = 303,
    IE_SELECTOR_ALGORITHM = 304,
    IE_SIZE = 309,
    IE_POPULATION = 310,
    IE_ELEMENT_TYPE = 339,
    IE_ELEMENT_NAME = 341,
    IE_ELEMENT_SEMANTICS = 344,
    IE_ELEMENT_PEN = 346
};

struct spec {
    uint16_t id, len;
};

/* A kind: its scopes first. n_scope 0: there is none. */
struct kind {
    uint16_t n_scope, n;
    struct spec of[8];
};

/* clang-format off */
static const struct kind ipfix[FT_FLOW_OPTION__KINDS] = {
    [FT_FLOW_OPTION_SAMPLING] = {1, 7, {{IE_DOMAIN, 4}, {IE_SELECTOR_ID, 8},
                                        {IE_SELECTOR_ALGORITHM, 2}, {IE_SIZE, 4},
                                        {IE_POPULATION, 4}, {IE_SAMPLING_INTERVAL, 4},
                                        {IE_SAMPLING_ALGORITHM, 1}}},
    [FT_FLOW_OPTION_INTERFACE] = {1, 3, {{IE_INTERFACE, 4}, {IE_INTERFACE_NAME, VARIABLE},
                                         {IE_INTERFACE_DESCRIPTION, VARIABLE}}},
    [FT_FLOW_OPTION_TYPE] = {2, 5, {{IE_ELEMENT_ID, 2}, {IE_ELEMENT_PEN, 4}, {IE_ELEMENT_TYPE, 1},
                                    {IE_ELEMENT_SEMANTICS, 1}, {IE_ELEMENT_NAME, VARIABLE}}},
};

static const struct kind v9[FT_FLOW_OPTION__KINDS] = {
    [FT_FLOW_OPTION_SAMPLING] = {1, 3, {{V9_SYSTEM, 4}, {IE_SAMPLING_INTERVAL, 4},
                                        {IE_SAMPLING_ALGORITHM, 1}}},
    [FT_FLOW_OPTION_INTERFACE] = {1, 3, {{V9_INTERFACE, 4}, {IE_INTERFACE_NAME, V9_NAME},
                                         {IE_INTERFACE_DESCRIPTION, V9_DESCRIPTION}}},
};
/* clang-format on */

/* A record that is written. */
struct out {
    uint8_t bytes[FT_FLOW_OPTION_MOST];
    size_t len;
};

static void put(struct out *o, uint64_t v, size_t len)
{
    v = htobe64(v);
    memcpy(o->bytes + o->len, (const uint8_t *)&v + sizeof v - len, len);
    o->len += len;
}

/* Bytes of a text that are at most so many, and end with a whole character. */
static size_t whole_len(const char *text, size_t most)
{
    size_t len = strlen(text);

    if (len <= most) {
        return len;
    }
    for (len = most; len > 0 && ((uint8_t)text[len] & 0xc0) == 0x80; len--) {
    }
    return len;
}

/* A text, NULL is an empty one; v9: in so many bytes. */
static void put_text(struct out *o, const struct ft_flow_template_list *l, const char *text,
                     size_t width)
{
    bool fixed = l->version == FT_FLOW_NETFLOW_9;
    size_t len = text != NULL ? whole_len(text, fixed ? width : NAME_MOST) : 0;

    if (!fixed) {
        put(o, len, 1);
    }
    memcpy(o->bytes + o->len, text != NULL ? text : "", len);
    o->len += len;
    if (fixed) {
        memset(o->bytes + o->len, 0, width - len);
        o->len += width - len;
    }
}

static void add(struct ft_flow_template_list *l, enum ft_flow_option_kind kind, const struct out *o)
{
    ft_flow_options_add(&l->options, kind, o->bytes, o->len);
}

/* IPFIX: id, fields, scopes, fields ... (RFC 7011 §3.4.2.2); v9: id, bytes of the scopes, bytes of
 * the other fields ... (RFC 3954 §6.1) */
static void add_template(struct ft_flow_template_list *l, enum ft_flow_option_kind kind)
{
    const struct kind *k = l->version == FT_FLOW_NETFLOW_9 ? &v9[kind] : &ipfix[kind];
    struct out o = {.len = 0};

    put(&o, FT_FLOW_OPTIONS_FIRST + 1u + kind, 2); /* behind the report of messages */
    if (l->version == FT_FLOW_NETFLOW_9) {
        put(&o, 4u * k->n_scope, 2);
        put(&o, 4u * (k->n - k->n_scope), 2);
    } else {
        put(&o, k->n, 2);
        put(&o, k->n_scope, 2);
    }
    for (uint16_t i = 0; i < k->n; i++) {
        put(&o, k->of[i].id, 2);
        put(&o, k->of[i].len, 2);
    }
    ft_flow_options_template(&l->options, kind, o.bytes, o.len);
}

static void add_sampling(struct ft_flow_template_list *l, uint32_t rate)
{
    struct out o = {.len = 0};

    add_template(l, FT_FLOW_OPTION_SAMPLING);
    put(&o, l->domain, 4); /* v9: of the system there is one */
    if (l->version == FT_FLOW_IPFIX) {
        put(&o, SELECTOR, 8);
        put(&o, RANDOM_N_OF_N, 2);
        put(&o, 1, 4);
        put(&o, rate, 4);
    }
    put(&o, rate, 4);
    put(&o, RANDOM, 1);
    add(l, FT_FLOW_OPTION_SAMPLING, &o);
}

static void add_interfaces(struct ft_flow_template_list *l, const struct ft__flow_says *says)
{
    add_template(l, FT_FLOW_OPTION_INTERFACE);
    for (uint32_t i = 0; i < says->n_interfaces; i++) {
        const struct ft_flow_interface *f = &says->interfaces[i];
        struct out o = {.len = 0};

        put(&o, f->number, 4);
        put_text(&o, l, f->name, V9_NAME);
        put_text(&o, l, f->description, V9_DESCRIPTION);
        add(l, FT_FLOW_OPTION_INTERFACE, &o);
    }
}

/* RFC 5610 §3.1 */
static uint8_t data_type(enum ft_type t)
{
    static const uint8_t types[FT_T__COUNT] = {
        [FT_T_BOOL] = 11, [FT_T_U8] = 1,    [FT_T_U16] = 2,   [FT_T_U32] = 3,     [FT_T_U64] = 4,
        [FT_T_I64] = 8,   [FT_T_F64] = 10,  [FT_T_TIME] = 17, [FT_T_STRING] = 13, [FT_T_ID] = 4,
        [FT_T_ADDR] = 19, [FT_T_TEXT] = 13, [FT_T_BYTES] = 0,
    };

    return types[t];
}

static bool is_enterprise(const struct ft__flow_step *s)
{
    return s->pen != 0 && s->pen != FT_PEN_REVERSE && s->field != NULL;
}

static uint32_t count_types(const struct ft__flow_says *says)
{
    uint32_t n = 0;

    for (uint32_t i = 0; says->program != NULL && i < says->program->n; i++) {
        n += is_enterprise(&says->program->step[i]);
    }
    return n;
}

static void add_types(struct ft_flow_template_list *l, const struct ft__flow_program *p)
{
    add_template(l, FT_FLOW_OPTION_TYPE);
    for (uint32_t i = 0; i < p->n; i++) {
        const struct ft__flow_step *s = &p->step[i];
        struct out o = {.len = 0};

        if (is_enterprise(s)) {
            put(&o, s->ie, 2);
            put(&o, s->pen, 4);
            put(&o, data_type((enum ft_type)s->field->type), 1);
            put(&o, 0, 1); /* semantics: default */
            put_text(&o, l, s->field->name, 0);
            add(l, FT_FLOW_OPTION_TYPE, &o);
        }
    }
}

int ft__flow_options_make(struct ft_flow_template_list *l, const struct ft__flow_says *says)
{
    uint32_t types = l->version == FT_FLOW_IPFIX ? count_types(says) : 0;
    uint32_t n = (says->sampling > 0) + says->n_interfaces + types;

    if (n == 0 || l->version == FT_FLOW_NETFLOW_5) {
        return FT_OK;
    }
    if (ft_flow_options_init(&l->options, n) != FT_OK) {
        return FT_E_NOMEM;
    }
    if (says->sampling > 0) {
        add_sampling(l, says->sampling);
    }
    if (says->n_interfaces > 0) {
        add_interfaces(l, says);
    }
    if (types > 0) {
        add_types(l, says->program);
    }
    return FT_OK;
}
