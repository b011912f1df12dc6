/* SPDX-License-Identifier: Apache-2.0 */
/* format: flow records as data records of IPFIX (RFC 7011), NetFlow v9 (RFC 3954) and NetFlow v5.
 *
 * Theory of operation: an event is one row, see model/flow_templates.h, of which a sink makes
 * messages; of NetFlow, and with biflow=false, it is two when packets went both ways: a record is
 * of one direction. A record of IPFIX and v9 has the columns that are not null in it
 * (flow_steps.h); one of v5 has what v5 has:
 *
 *     0 source  4 destination  8 next hop  12 in  14 out  16 packets  20 octets  24 first  28 last
 *     32 source port  34 destination port  36 -  37 TCP flags  38 protocol  39 TOS  40 AS  42 AS
 *     44 mask  45 mask  46 -                                                           48 bytes */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rd.h"
#include "base/time.h"
#include "base/wr.h"
#include "format/flow_collect.h"
#include "format/flow_options.h"
#include "format/flow_relay.h"
#include "format/flow_steps.h"
#include "format/format.h"

extern const struct ft_format_ops ft_format_ipfix, ft_format_netflow9, ft_format_netflow5;

enum {
    V9_TIMES = 8,  /* first and last, before the other fields */
    V9_FIRST = 22, /* FIRST_SWITCHED, RFC 3954 §8 */
    V9_LAST = 21,
    V5_RECORD = 48,
    PROTO_ICMP = 1
};

static const int64_t ns_in_ms = 1000000;

struct exporter {
    struct ft_format format;
    struct ft_flow_template_list templates;
    struct ft__flow_program program[2]; /* by direction; of biflows one */
    bool biflow;
    uint16_t v5_rate, v5_interface; /* v5: 1 in so many packets, where they came in; 0: not known */
};

static struct exporter *self(const struct ft_format *f)
{
    return (struct exporter *)(uintptr_t)f; /* its templates have a lock of their own */
}

static struct ft_flow_head head_of(const struct ft_flow_record *r)
{
    return (struct ft_flow_head){.time_s =
                                     (uint32_t)ft_time_floor(r->timestamp_ns, (int64_t)1000000000)};
}

/* Its length is known now; the row is there. */
static size_t finish(struct ft_flow_head *h, uint8_t *row, size_t len)
{
    if (len > FT__FLOW_ROW_MOST) {
        return FT_FORMAT_UNFIT(FT_UNFIT_LENGTH);
    }
    h->len = (uint16_t)len;
    memcpy(row, h, sizeof *h);
    return len;
}

/* ---- IPFIX ---- */

static size_t put_biflow(const struct ft_format *f, uint8_t *row, const struct ft_flow_record *r)
{
    struct exporter *x = self(f);
    struct ft_flow_head h = head_of(r);
    uint64_t key[FT__FLOW_KEY_WORDS];
    size_t len = sizeof h + ft__flow_program_put(&x->program[0], r->part, row + sizeof h, key);
    uint32_t t = ft_flow_templates_get(&x->templates, key, x->templates.key_words,
                                       ft__flow_program_specify, &x->program[0]);

    h.template = (uint16_t)t;
    return FT_LIKELY(t != FT_FLOW_TEMPLATES_FULL) ? finish(&h, row, len)
                                                  : FT_FORMAT_UNFIT(FT_UNFIT_TEMPLATES);
}

/* ---- NetFlow ---- */

/* When the packets of one direction were. */
static void set_times(struct ft_flow_head *h, const struct ft_flow_record *r, int d)
{
    h->first_ms = ft_time_floor(r->dir_since_ns[d], ns_in_ms);
    h->last_ms = ft_time_floor(r->dir_last_ns[d], ns_in_ms);
}

/* What all records of one direction cannot say. */
static size_t why_unfit(const struct exporter *x, const struct ft_flow_record *r)
{
    enum { DAY_S = 86400 };

    if (r->packets_delta[FT_DIR_FWD] + r->packets_delta[FT_DIR_REV] == 0) {
        return FT_FORMAT_UNFIT(FT_UNFIT_NOTHING);
    }
    if (x->templates.version == FT_FLOW_IPFIX) {
        return 0;
    }
    /* a message's clock is the newest of its records, and may be some time before the first */
    if (r->timestamp_ns - r->since_ns > (UINT32_MAX / 1000 - 2 * DAY_S) * INT64_C(1000000000)) {
        return FT_FORMAT_UNFIT(FT_UNFIT_TIME);
    }
    return 0;
}

/* The fields of a template of v9, the times first. */
static size_t specify_v9(const void *cookie, const uint64_t *key, uint8_t *out, uint16_t *out_n)
{
    static const uint8_t times[] = {0, V9_FIRST, 0, 4, 0, V9_LAST, 0, 4};
    /* the key's last word says which direction it is of */
    const struct exporter *x = cookie;
    const struct ft__flow_program *p = &x->program[key[x->templates.key_words - 1]];
    uint16_t n = x->templates.version == FT_FLOW_NETFLOW_9 ? 2 : 0;

    memcpy(out, times, n * sizeof times / 2);
    out += n * sizeof times / 2;
    size_t len = ft__flow_program_specify(p, key, out, out_n);

    *out_n = (uint16_t)(*out_n + n);
    return n * sizeof times / 2 + len;
}

/* Of IPFIX, too: then the times are fields like others. */
static size_t put_v9(struct exporter *x, uint8_t *row, const struct ft_flow_record *r, int d)
{
    bool v9 = x->templates.version == FT_FLOW_NETFLOW_9;
    struct ft_flow_head h = head_of(r);
    uint64_t key[FT__FLOW_KEY_WORDS + 1] = {0};
    size_t len = sizeof h + (v9 ? V9_TIMES : 0);

    if (v9) {
        set_times(&h, r, d);
    }
    len += ft__flow_program_put(&x->program[d], r->part, row + len, key);
    key[x->templates.key_words - 1] = (uint64_t)d;
    uint32_t t = ft_flow_templates_get(&x->templates, key, x->templates.key_words, specify_v9, x);

    h.template = (uint16_t)t;
    return t != FT_FLOW_TEMPLATES_FULL ? finish(&h, row, len) : FT_FORMAT_UNFIT(FT_UNFIT_TEMPLATES);
}

static size_t put_v5(struct exporter *x, uint8_t *row, const struct ft_flow_record *r, int d)
{
    struct ft_flow_head h = head_of(r);
    uint8_t *p = row + sizeof h;
    uint16_t port[2] = {r->src_port, r->dst_port};

    if (r->packets_delta[d] > UINT32_MAX || r->ip_bytes_delta[d] > UINT32_MAX) {
        return FT_FORMAT_UNFIT(FT_UNFIT_COUNTER);
    }
    set_times(&h, r, d);
    h.template = x->v5_rate;
    memset(p, 0, V5_RECORD);
    memcpy(p, d == FT_DIR_FWD ? r->src : r->dst, 4);
    memcpy(p + 4, d == FT_DIR_FWD ? r->dst : r->src, 4);
    ft_store_be16(p + 12, x->v5_interface);
    ft_store_be32(p + 16, r->packets_delta[d]);
    ft_store_be32(p + 20, r->ip_bytes_delta[d]);
    if (ft_proto_has_ports(r->proto)) {
        ft_store_be16(p + 32, port[d]);
        ft_store_be16(p + 34, port[!d]);
    } else if (r->proto == PROTO_ICMP && !r->no_ports) { /* type and code in place of the port */
        ft_store_be16(p + 34, (uint16_t)(port[d] << 8 | (d == FT_DIR_FWD ? r->icmp_code : 0)));
    }
    p[37] = r->tcp_flags[d];
    p[38] = r->proto;
    return finish(&h, row, sizeof h + V5_RECORD);
}

/* A row for each direction that has packets since the record before. */
static size_t put_both(const struct ft_format *f, uint8_t *out, const struct ft_flow_record *r,
                       size_t (*put)(struct exporter *x, uint8_t *row,
                                     const struct ft_flow_record *r, int d))
{
    size_t at = 0, unfit = why_unfit(self(f), r);

    for (int d = FT_DIR_FWD; unfit == 0 && d <= FT_DIR_REV; d++) {
        if (r->packets_delta[d] > 0) {
            size_t len = put(self(f), out + at, r, d);

            unfit = len > FT__FLOW_ROW_MOST ? len : 0;
            at += unfit == 0 ? len : 0;
        }
    }
    return unfit == 0 ? at : unfit;
}

static size_t ipfix_flow(const struct ft_format *f, uint8_t *out, const struct ft_flow_record *r)
{
    return FT_LIKELY(self(f)->biflow) ? put_biflow(f, out, r) : put_both(f, out, r, put_v9);
}

static size_t netflow9_flow(const struct ft_format *f, uint8_t *out, const struct ft_flow_record *r)
{
    return put_both(f, out, r, put_v9);
}

static size_t netflow5_flow(const struct ft_format *f, uint8_t *out, const struct ft_flow_record *r)
{
    return r->ip_version == 4 ? put_both(f, out, r, put_v5) : FT_FORMAT_UNFIT(FT_UNFIT_IPV6);
}

/* ---- collect ---- */

static size_t relay(const struct ft_format *f, uint8_t *row, size_t room,
                    const struct ft_export_record *r)
{
    return ft__flow_collect_record(&self(f)->templates, r, row, room);
}

static size_t relay_event(const struct ft_format *f, uint8_t *row, enum ft_event e,
                          const void *event)
{
    return e == FT_EVENT_SAMPLE
               ? ft__flow_collect_sample(&self(f)->templates, event, row, FT_FORMAT_MAX)
               : 0;
}

/* ---- life ---- */

static void exporter_end(struct ft_format *f)
{
    struct exporter *x = (struct exporter *)f;

    if (x != NULL) {
        ft_flow_templates_fini(&x->templates);
        ft_mem_free(x);
    }
}

/* The number of a parameter that was checked with the URL; 0 without it. */
static uint32_t number(const char *text)
{
    return text != NULL ? (uint32_t)strtoul(text, NULL, 10) : 0;
}

/* domain=, else --observation-domain. */
static uint32_t domain_of(const struct ft_format_config *cfg)
{
    return cfg->domain == NULL && cfg->observer != NULL ? cfg->observer->domain
                                                        : number(cfg->domain);
}

/* Of one interface it is the one of all records. */
static uint32_t ingress_of(const struct ft_format_config *cfg)
{
    return cfg->n_interfaces == 1 ? cfg->interfaces[0].number : 0;
}

static int make_options(struct exporter *x, const struct ft_format_config *cfg, struct ft_err *err)
{
    uint32_t ingress = ingress_of(cfg), rate = number(cfg->sampling);
    bool says = !cfg->no_options;
    const struct ft__flow_says what = {.sampling = rate,
                                       .interfaces = cfg->interfaces,
                                       .n_interfaces = says ? cfg->n_interfaces : 0,
                                       .program = says && cfg->pen != NULL ? x->program : NULL};

    if (x->templates.version == FT_FLOW_NETFLOW_5 && rate > FT_FLOW_V5_RATE) {
        return ft_err_set(err, FT_E_USAGE, "sampling=%u: netflow5 has 14 bits for it, at most %d",
                          rate, FT_FLOW_V5_RATE);
    }
    x->v5_rate = (uint16_t)(rate <= FT_FLOW_V5_RATE ? rate : 0);
    x->v5_interface = (uint16_t)(ingress <= UINT16_MAX ? ingress : 0);
    int rc = ft__flow_options_make(&x->templates, &what);

    return rc == FT_OK ? rc : ft_err_set(err, rc, "the options data of an output: out of memory");
}

static int make_programs(struct exporter *x, enum ft_flow_version version,
                         const struct ft_format_config *cfg, struct ft_err *err)
{
    int n = version == FT_FLOW_NETFLOW_5 ? 0 : x->biflow ? 1 : 2;
    uint32_t words = 1, fields = 0;

    for (int d = 0; d < n; d++) {
        struct ft__flow_program_config p = {.columns = cfg->columns,
                                            .version = version,
                                            .biflow = x->biflow,
                                            .direction = d,
                                            .times = FT__TIMES_MS,
                                            .pen = number(cfg->pen),
                                            .ingress = ingress_of(cfg)};

        if (cfg->times != NULL) {
            p.times = cfg->times[0] == 'u'   ? FT__TIMES_US
                      : cfg->times[0] == 'n' ? FT__TIMES_NS
                                             : FT__TIMES_MS;
        }
        if (ft__flow_program_make(&x->program[d], &p) != FT_OK) {
            return ft_err_set(err, FT_E_USAGE, "none of the columns has an information element");
        }
        words = x->program[d].key_words > words ? x->program[d].key_words : words;
        fields = ft__flow_program_fields(&x->program[d]) > fields
                     ? ft__flow_program_fields(&x->program[d])
                     : fields;
    }
    int rc = ft_flow_templates_init(&x->templates, version, domain_of(cfg), words + !x->biflow,
                                    fields + V9_TIMES);

    return rc == FT_OK ? make_options(x, cfg, err)
                       : ft_err_set(err, rc, "the templates of an output: out of memory");
}

static int open_relay(struct exporter *x, enum ft_flow_version version,
                      const struct ft_format_config *cfg, struct ft_err *err)
{
    if (cfg->uniflow || cfg->times != NULL || cfg->pen != NULL || cfg->sampling != NULL ||
        cfg->picked) {
        return ft_err_set(err, FT_E_USAGE,
                          "%s: records of collect are relayed as they came: columns=, biflow=, "
                          "times=, pen= and sampling= are for live and read",
                          x->format.ops->name);
    }
    bool spoofs = cfg->spoof != NULL && strcmp(cfg->spoof, "true") == 0;

    if (spoofs && cfg->hidden) {
        return ft_err_set(err, FT_E_USAGE,
                          "spoof=true: it shows the exporters' addresses: not with --anonymize or "
                          "--no-identity");
    }
    int rc = ft_flow_templates_init(&x->templates, version, domain_of(cfg), FT__RELAY_KEY_WORDS,
                                    FT__RELAY_FIELDS_ROOM);

    x->templates.relayed = true;
    x->templates.sources = spoofs;
    return rc == FT_OK ? rc : ft_err_set(err, rc, "the templates of an output: out of memory");
}

static int open_version(enum ft_flow_version version, const struct ft_format_ops *ops,
                        const struct ft_format_config *cfg, struct ft_format **out,
                        struct ft_err *err)
{
    struct exporter *x = ft_mem_alloc(1, sizeof *x);
    int rc;

    if (x == NULL) {
        return ft_err_set(err, FT_E_NOMEM, "the columns of an output: out of memory");
    }
    x->format.ops = ops;
    x->biflow = version == FT_FLOW_IPFIX && !cfg->uniflow;
    rc =
        version == FT_FLOW_NETFLOW_5 && domain_of(cfg) > UINT16_MAX
            ? ft_err_set(err, FT_E_USAGE,
                         "netflow5 has 16 bits for a domain, engine type and id: domain=0 to 65535")
            : ft_format_flow_max(cfg, &x->format.flow_max, err);
    if (rc == FT_OK && cfg->spoof != NULL && !cfg->collect) {
        rc = ft_err_set(err, FT_E_USAGE,
                        "spoof=: only collect has exporters, whose addresses it may send from; "
                        "live and read send from their own");
    } else if (rc == FT_OK && cfg->collect) {
        rc = open_relay(x, version, cfg, err);
    } else if (rc == FT_OK) {
        rc = make_programs(x, version, cfg, err);
    }
    if (rc != FT_OK) {
        exporter_end(&x->format);
        return rc;
    }
    x->format.templates = &x->templates;
    *out = &x->format;
    return FT_OK;
}

static int ipfix_open(const struct ft_format_config *cfg, struct ft_format **out,
                      struct ft_err *err)
{
    return open_version(FT_FLOW_IPFIX, &ft_format_ipfix, cfg, out, err);
}

static int netflow9_open(const struct ft_format_config *cfg, struct ft_format **out,
                         struct ft_err *err)
{
    return open_version(FT_FLOW_NETFLOW_9, &ft_format_netflow9, cfg, out, err);
}

static int netflow5_open(const struct ft_format_config *cfg, struct ft_format **out,
                         struct ft_err *err)
{
    return open_version(FT_FLOW_NETFLOW_5, &ft_format_netflow5, cfg, out, err);
}

#define EXPORT(of_flow)                                                                            \
    .events = 1u << FT_EVENT_FLOW | 1u << FT_EVENT_SAMPLE, .prefers_flows = true,                  \
    .samples_of_collect = true, .end = exporter_end, .flow = of_flow, .export_flow = relay,        \
    .export_event = relay_event

const struct ft_format_ops ft_format_ipfix = {.name = "ipfix",
                                              .help = "flow records as IPFIX messages, RFC 7011",
                                              .suffix = ".ipfix",
                                              .open = ipfix_open,
                                              EXPORT(ipfix_flow)};

const struct ft_format_ops ft_format_netflow9 = {.name = "netflow9",
                                                 .help = "flow records as NetFlow v9, RFC 3954",
                                                 .suffix = ".netflow",
                                                 .open = netflow9_open,
                                                 EXPORT(netflow9_flow)};

const struct ft_format_ops ft_format_netflow5 = {.name = "netflow5",
                                                 .help = "flow records as NetFlow v5",
                                                 .suffix = ".netflow",
                                                 .open = netflow5_open,
                                                 EXPORT(netflow5_flow)};
