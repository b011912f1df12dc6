/* SPDX-License-Identifier: Apache-2.0 */
/* decode: options data: what an exporter says of itself, applied to its records. */
#include <string.h>

#include "decode/collect_internal.h"
#include "decode/general.h"

/* IANA elements, and scope types of v9 (RFC 3954 §6.1), that options records are read for. */
enum {
    IE_INTERFACE = 10,
    IE_EGRESS_INTERFACE = 14,
    IE_SAMPLING_INTERVAL = 34,
    IE_SAMPLER_ID = 48,
    IE_SAMPLER_RANDOM_INTERVAL = 50,
    IE_INTERFACE_NAME = 82,
    IE_INTERFACE_DESCRIPTION = 83,
    IE_APPLICATION_ID = 95,
    IE_APPLICATION_NAME = 96,
    IE_SYSTEM_INIT_MS = 160,
    IE_INGRESS_VRFID = 234,
    IE_VRF_NAME = 236,
    IE_SELECTOR_ID = 302,
    IE_ELEMENT_ID = 303,
    IE_PACKET_INTERVAL = 305,
    IE_PACKET_SPACE = 306,
    IE_SIZE = 309,
    IE_POPULATION = 310,
    IE_PROBABILITY = 311,
    IE_ELEMENT_TYPE = 339,
    IE_ELEMENT_NAME = 341,
    IE_ELEMENT_PEN = 346,
    SCOPE_INTERFACE = 2
};

struct told {
    const uint8_t *p; /* NULL: not told */
    uint32_t len;
};

/* What one options record tells, by element. */
struct options {
    struct told interface, sampler, interval, space, size, population, probability;
    struct told if_name, if_description, vrf, vrf_name, app, app_name, init;
    struct told ie_id, ie_pen, ie_type, ie_name;
};

static struct told *place_of(struct options *o, const struct ft_template_field *f)
{
    if (f->scope) {
        return f->id == SCOPE_INTERFACE ? &o->interface : NULL;
    }
    if (f->pen != 0) {
        return NULL;
    }
    switch (f->id) {
    case IE_INTERFACE:
    case IE_EGRESS_INTERFACE:
        return &o->interface;
    case IE_SAMPLING_INTERVAL:
    case IE_SAMPLER_RANDOM_INTERVAL:
    case IE_PACKET_INTERVAL:
        return &o->interval;
    case IE_SAMPLER_ID:
    case IE_SELECTOR_ID:
        return &o->sampler;
    case IE_PACKET_SPACE:
        return &o->space;
    case IE_SIZE:
        return &o->size;
    case IE_POPULATION:
        return &o->population;
    case IE_PROBABILITY:
        return &o->probability;
    case IE_INTERFACE_NAME:
        return &o->if_name;
    case IE_INTERFACE_DESCRIPTION:
        return &o->if_description;
    case IE_INGRESS_VRFID:
        return &o->vrf;
    case IE_VRF_NAME:
        return &o->vrf_name;
    case IE_APPLICATION_ID:
        return &o->app;
    case IE_APPLICATION_NAME:
        return &o->app_name;
    case IE_SYSTEM_INIT_MS:
        return &o->init;
    case IE_ELEMENT_ID:
        return &o->ie_id;
    case IE_ELEMENT_PEN:
        return &o->ie_pen;
    case IE_ELEMENT_TYPE:
        return &o->ie_type;
    case IE_ELEMENT_NAME:
        return &o->ie_name;
    default:
        return NULL;
    }
}

static uint64_t number(const struct told *t)
{
    return t->p != NULL && t->len <= 8 ? ft__load_uint(t->p, t->len) : 0;
}

uint32_t ft__sampling_rate(uint64_t interval, bool has_space, uint64_t space, bool has_size,
                           uint64_t size)
{
    double rate = (double)interval;

    if (interval == 0) {
        return 0;
    }
    if (has_space) { /* 305 packets are taken, then 306 are not */
        rate = ((double)interval + (double)space) / (double)interval;
    } else if (has_size) { /* 309 of 310 are taken */
        rate = size > 0 ? (double)interval / (double)size : 0;
    }
    return rate < 1 ? 0 : rate > (double)UINT32_MAX ? UINT32_MAX : (uint32_t)(rate + 0.5);
}

static double float_of(const struct told *t)
{
    if (t->len == 4) {
        uint32_t u = ft_load_be32(t->p);
        float f;

        memcpy(&f, &u, sizeof f);
        return (double)f;
    }
    uint64_t u = t->len == 8 ? ft_load_be64(t->p) : 0;
    double d;

    memcpy(&d, &u, sizeof d);
    return d;
}

static uint32_t rate_of(const struct options *o)
{
    if (o->probability.p != NULL) {
        double p = float_of(&o->probability);

        return p > 0 && p <= 1 && 1 / p <= (double)UINT32_MAX ? (uint32_t)(1 / p + 0.5) : 0;
    }
    if (o->population.p != NULL) {
        return ft__sampling_rate(number(&o->population), false, 0, o->size.p != NULL,
                                 number(&o->size));
    }
    return ft__sampling_rate(number(&o->interval), o->space.p != NULL, number(&o->space), false, 0);
}

/* The one rate of a domain: that of all its samplers, when they agree; a guess between several
 * would be a wrong number. */
static uint32_t common_rate(const struct ft__exporter *e)
{
    for (uint32_t i = 1; i < e->n_samplers; i++) {
        if (e->samplers[i].rate != e->samplers[0].rate) {
            return 0;
        }
    }
    return e->n_samplers > 0 ? e->samplers[0].rate : 0;
}

/* A rate belongs to the sampler that the record names, else to its interface, else to the domain.
 */
static void take_sampling(struct ft__exporter *e, const struct options *o)
{
    uint32_t rate = rate_of(o);
    bool interface = o->sampler.p == NULL && o->interface.p != NULL;
    uint64_t id =
        interface ? FT__SAMPLER_INTERFACE | (uint32_t)number(&o->interface) : number(&o->sampler);
    bool changed;

    if (rate == 0) {
        return;
    }
    if (o->sampler.p == NULL && !interface) {
        e->sampling_rate = rate;
        return;
    }
    if (ft__exporter_set_sampler(e, id, rate, &changed) != FT_OK) {
        return; /* too many: the domain's rate stands for those */
    }
    e->by_interface |= interface;
    if (changed) {
        e->sampling_rate = common_rate(e);
    }
}

static bool is_named(const struct ft__names *names, enum ft__name_kind kind, const struct told *id)
{
    return kind == FT__NAME_APPLICATION ? ft__names_application(names, id->p, id->len) != NULL
                                        : ft__names_get(names, kind, number(id)) != NULL;
}

static int set_name(struct ft_collector *c, enum ft__name_kind kind, const struct told *id,
                    const struct told *name)
{
    struct ft__names **names = &c->exporter->names;

    if (kind == FT__NAME_APPLICATION) {
        return ft__names_set_application(names, &c->exporters.seed, id->p, id->len, name->p,
                                         name->len);
    }
    return ft__names_set(names, &c->exporters.seed, kind, number(id), name->p, name->len);
}

static void take_name(struct ft_collector *c, enum ft__name_kind kind, const struct told *id,
                      const struct told *name)
{
    struct ft__exporter *e = c->exporter;
    uint32_t before = ft__names_count(e->names);
    const struct ft__common of = {FT__IN_HOLDS_NAMES, &c->exporters.names, FT__NAMES_ALL,
                                  e->origin->names, FT__NAMES_ALL / FT__SHARE_PARTS};

    if (id->p == NULL || name->p == NULL || (id->len > 8 && kind != FT__NAME_APPLICATION)) {
        return;
    }
    bool room = is_named(e->names, kind, id) || ft__collect_room(c, &of, 1); /* may change */

    if (!room || set_name(c, kind, id, name) != FT_OK) {
        e->h.malformed++; /* more names than may be kept */
    }
    before = ft__names_count(e->names) - before;
    c->exporters.names += before;
    e->origin->names += before;
    ft__exporter_holds(&c->exporters, e);
}

/* RFC 5610 §3.1: data types by number. */
static uint8_t type_of(uint64_t n)
{
    static const uint8_t types[] = {FT_X_OCTETS,
                                    FT_X_UINT,
                                    FT_X_UINT,
                                    FT_X_UINT,
                                    FT_X_UINT,
                                    FT_X_INT,
                                    FT_X_INT,
                                    FT_X_INT,
                                    FT_X_INT,
                                    FT_X_FLOAT,
                                    FT_X_FLOAT,
                                    FT_X_BOOL,
                                    FT_X_MAC,
                                    FT_X_STRING,
                                    FT_X_SECONDS,
                                    FT_X_MILLISECONDS,
                                    FT_X_MICROSECONDS,
                                    FT_X_NANOSECONDS,
                                    FT_X_IPV4,
                                    FT_X_IPV6,
                                    FT_X_BASIC_LIST,
                                    FT_X_SUBTEMPLATE_LIST,
                                    FT_X_SUBTEMPLATE_MULTI_LIST,
                                    FT_X_UINT256};

    return n < sizeof types ? types[n] : FT_X_OCTETS;
}

static void learn_type(struct ft_collector *c, const struct options *o)
{
    struct ft_element e = {
        .pen = (uint32_t)number(&o->ie_pen),
        .id = (uint16_t)(number(&o->ie_id) & 0x7fff),
        .type = type_of(o->ie_type.p != NULL ? number(&o->ie_type) : 0),
    };

    ft_ignore(ft__types_learn(&c->plans, &c->exporter->origin->types, c->exporter->proven, &e,
                              o->ie_name.p, o->ie_name.len)); /* unknown ones stay bytes */
}

void ft__options_take(struct ft_collector *c, const struct ft__xplan *plan,
                      const struct ft_xvalue *values, const uint8_t *record)
{
    struct options o;

    memset(&o, 0, sizeof o);
    for (uint32_t i = 0; i < plan->n_fields; i++) {
        struct told *t = place_of(&o, &plan->fields[i]);

        if (t != NULL && plan->value_of[i] != UINT16_MAX && t->p == NULL) {
            const struct ft_xvalue *v = &values[plan->value_of[i]];

            *t = (struct told){record + v->offset, v->len};
        }
    }
    take_sampling(c->exporter, &o);
    take_name(c, FT__NAME_INTERFACE, &o.interface,
              o.if_name.p != NULL ? &o.if_name : &o.if_description);
    take_name(c, FT__NAME_VRF, &o.vrf, &o.vrf_name);
    take_name(c, FT__NAME_APPLICATION, &o.app, &o.app_name);
    if (o.init.len == 8) {
        c->exporter->init_ns = ft__init_time(number(&o.init));
    }
    if (o.ie_id.p != NULL && o.ie_pen.p != NULL && o.ie_name.p != NULL) {
        learn_type(c, &o);
    }
}

void ft__section_take(struct ft_collector *c, const uint8_t *data, size_t len, uint16_t linktype,
                      struct ft_export_record *r)
{
    struct ft_packet pkt;
    uint32_t wire = len < 65536 ? 65536 : (uint32_t)len; /* the section is the packet's front */
    struct ft_view v = {
        .data = data, .caplen = (uint32_t)len, .len = wire, .linktype = linktype, .ts_ns = 0};

    if (r->has & FT_XR_ADDRESSES) {
        return; /* the exporter's own word counts */
    }
    if (ft__decode_general(&c->packets.seed, c->packets.keep_tunnels, &v, &pkt) != FT_V_DECODED) {
        return;
    }
    bool v6 = (pkt.key.bits & FT_KEY_V6) != 0;
    int from = pkt.swap, to = !pkt.swap;

    r->ip_version = v6 ? 6 : 4;
    memcpy(r->src, v6 ? pkt.addr6 + 16 * from : (const uint8_t *)&pkt.key.addr[from], v6 ? 16 : 4);
    memcpy(r->dst, v6 ? pkt.addr6 + 16 * to : (const uint8_t *)&pkt.key.addr[to], v6 ? 16 : 4);
    r->src_port = pkt.key.port[from];
    r->dst_port = pkt.key.port[to];
    r->proto = pkt.key.proto;
    r->tcp_flags = pkt.tcp_flags;
    r->has |= FT_XR_ADDRESSES | FT_XR_PORTS | FT_XR_PROTO;
    if (pkt.key.proto == 6) {
        r->has |= FT_XR_TCP_FLAGS;
    }
    if ((r->has & FT_XR_PACKETS) == 0) { /* one sampled packet */
        r->packets = 1;
        r->bytes = (r->has & FT_XR_BYTES) ? r->bytes : pkt.ip_len;
        r->has |= FT_XR_PACKETS | FT_XR_BYTES;
    }
}
