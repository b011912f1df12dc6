/* SPDX-License-Identifier: Apache-2.0 */
/* source: BPF expressions, see filter.h. */
#include "source/filter.h"

#include "base/mem.h"

#ifdef FT_HAVE_PCAP

#include <pcap/pcap.h>
#include <string.h>

#define FILTER_SNAPLEN 262144

struct ft_filter {
    char *expr;
    uint32_t n;
    struct {
        struct bpf_program prog; /* bf_insns NULL: matches nothing */
        uint16_t linktype;
    } rows[FT_FILTER_LINKTYPES_MAX];
};

int ft_filter_new(const char *expr, struct ft_filter **out, struct ft_err *err)
{
    struct ft_filter *f = ft_mem_alloc(1, sizeof *f);

    if (f != NULL) {
        f->expr = ft_mem_strdup(expr);
    }
    if (f == NULL || f->expr == NULL) {
        ft_filter_free(f);
        return ft_err_set(err, FT_E_NOMEM, "no memory for the filter");
    }
    *out = f;
    return FT_OK;
}

void ft_filter_free(struct ft_filter *f)
{
    if (f == NULL) {
        return;
    }
    for (uint32_t i = 0; i < f->n; i++) {
        pcap_freecode(&f->rows[i].prog);
    }
    ft_mem_free(f->expr);
    ft_mem_free(f);
}

static int find(const struct ft_filter *f, uint16_t linktype)
{
    for (uint32_t i = 0; i < f->n; i++) {
        if (f->rows[i].linktype == linktype) {
            return (int)i;
        }
    }
    return -1;
}

bool ft_filter_has(const struct ft_filter *f, uint16_t linktype)
{
    return find(f, linktype) >= 0;
}

/* The number that libpcap uses for a link type in memory: raw IP differs from that in files. */
static int dlt_of(uint16_t linktype)
{
    switch (linktype) {
    case FT_LINK_RAW_BSD:
    case FT_LINK_RAW_OPENBSD:
    case FT_LINK_RAW:
        return DLT_RAW;
    default:
        return linktype;
    }
}

int ft_filter_add(struct ft_filter *f, uint16_t linktype, struct ft_err *err)
{
    struct bpf_program prog = {0};
    int rc = FT_OK;
    pcap_t *p;

    if (ft_filter_has(f, linktype)) {
        return FT_OK;
    }
    if (f->n == FT_FILTER_LINKTYPES_MAX) {
        return ft_err_set(err, FT_E_FULL, "filter \"%s\": more than %d link types", f->expr,
                          FT_FILTER_LINKTYPES_MAX);
    }
    p = pcap_open_dead(dlt_of(linktype), FILTER_SNAPLEN);
    if (p == NULL) {
        return ft_err_set(err, FT_E_NOMEM, "no memory for the filter");
    }
    if (pcap_compile(p, &prog, f->expr, 1, PCAP_NETMASK_UNKNOWN) != 0) {
        rc = ft_err_set(err, FT_E_USAGE, "filter \"%s\": %s", f->expr, pcap_geterr(p));
        prog = (struct bpf_program){0};
    }
    pcap_close(p);
    f->rows[f->n].linktype = linktype;
    f->rows[f->n++].prog = prog;
    return rc;
}

void ft_filter_mark(const struct ft_filter *f, struct ft_view *views, uint32_t n)
{
    const struct bpf_insn *insns = NULL;
    uint32_t linktype = UINT32_MAX; /* of insns; the same one for most batches */

    for (uint32_t i = 0; i < n; i++) {
        struct ft_view *v = &views[i];

        if (v->linktype != linktype) {
            int row = find(f, v->linktype);

            insns = row >= 0 ? f->rows[row].prog.bf_insns : NULL;
            linktype = v->linktype;
        }
        if (insns == NULL || bpf_filter(insns, v->data, v->len, v->caplen) == 0) {
            v->flags |= FT_VIEW_FILTERED;
        }
    }
}

#else

int ft_filter_new(const char *expr, struct ft_filter **out, struct ft_err *err)
{
    (void)out;
    return ft_err_set(err, FT_E_UNSUPPORTED, "filter \"%s\": this build has no libpcap", expr);
}

void ft_filter_free(struct ft_filter *f)
{
    (void)f;
}

int ft_filter_add(struct ft_filter *f, uint16_t linktype, struct ft_err *err)
{
    (void)f;
    (void)linktype;
    return ft_err_set(err, FT_E_UNSUPPORTED, "this build has no libpcap");
}

bool ft_filter_has(const struct ft_filter *f, uint16_t linktype)
{
    (void)f;
    (void)linktype;
    return false;
}

void ft_filter_mark(const struct ft_filter *f, struct ft_view *views, uint32_t n)
{
    (void)f;
    (void)views;
    (void)n;
}

#endif
