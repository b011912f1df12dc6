/* SPDX-License-Identifier: Apache-2.0 */
/* source: BPF for files, see filter.h. */
#include "source/filter.h"

#include "base/mem.h"

#ifdef FT_HAVE_PCAP

#include <pcap/pcap.h>
#include <stdatomic.h>

enum { PROGRAMS = 16, SNAPLEN = 262144 };

struct ft_filter {
    char *expression;
    struct {
        struct bpf_program program;
        uint16_t linktype;
        bool compiled; /* false: matches nothing */
    } of[PROGRAMS];
    _Atomic uint32_t n; /* programs that are ready; released after they are written */
};

static bool compile(const char *expression, uint16_t linktype, struct bpf_program *out, char *why,
                    size_t cap)
{
    pcap_t *p = pcap_open_dead(linktype == 101 ? DLT_RAW : linktype, SNAPLEN);

    if (p == NULL) {
        return false;
    }
    bool ok = pcap_compile(p, out, expression, 1, PCAP_NETMASK_UNKNOWN) == 0;

    if (!ok && why != NULL) {
        snprintf(why, cap, "%s", pcap_geterr(p));
    }
    pcap_close(p);
    return ok;
}

int ft_filter_new(const char *expression, struct ft_filter **out, struct ft_err *err)
{
    struct bpf_program program;
    char why[200] = "";

    if (!compile(expression, FT_LINK_ETHERNET, &program, why, sizeof why)) {
        return ft_err_set(err, FT_E_USAGE, "filter '%s': %s", expression, why);
    }
    pcap_freecode(&program);
    struct ft_filter *f = ft_mem_alloc(1, sizeof *f);

    if (f == NULL || (f->expression = ft_mem_strdup(expression)) == NULL) {
        ft_mem_free(f);
        return ft_err_set(err, FT_E_NOMEM, "filter: out of memory");
    }
    *out = f;
    return FT_OK;
}

void ft_filter_free(struct ft_filter *f)
{
    if (f == NULL) {
        return;
    }
    for (uint32_t i = 0; i < atomic_load_explicit(&f->n, memory_order_acquire); i++) {
        if (f->of[i].compiled) {
            pcap_freecode(&f->of[i].program);
        }
    }
    ft_mem_free(f->expression);
    ft_mem_free(f);
}

void ft_filter_prepare(struct ft_filter *f, uint16_t linktype)
{
    uint32_t n = atomic_load_explicit(&f->n, memory_order_relaxed);

    for (uint32_t i = 0; i < n; i++) {
        if (f->of[i].linktype == linktype) {
            return;
        }
    }
    if (n < PROGRAMS) {
        f->of[n].linktype = linktype;
        f->of[n].compiled = compile(f->expression, linktype, &f->of[n].program, NULL, 0);
        atomic_store_explicit(&f->n, n + 1, memory_order_release); /* pairs with match */
    }
}

bool ft_filter_match(const struct ft_filter *f, const struct ft_view *v)
{
    uint32_t n = atomic_load_explicit(&f->n, memory_order_acquire); /* pairs with prepare */

    for (uint32_t i = 0; i < n; i++) {
        if (f->of[i].linktype == v->linktype) {
            return f->of[i].compiled &&
                   bpf_filter(f->of[i].program.bf_insns, v->data, v->len, v->caplen) != 0;
        }
    }
    return false;
}

#else

int ft_filter_new(const char *expression, struct ft_filter **out, struct ft_err *err)
{
    (void)out;
    return ft_err_set(err, FT_E_UNSUPPORTED,
                      "filter '%s': this build has no filters: it was made without libpcap",
                      expression);
}

void ft_filter_free(struct ft_filter *f)
{
    (void)f;
}

void ft_filter_prepare(struct ft_filter *f, uint16_t linktype)
{
    (void)f;
    (void)linktype;
}

bool ft_filter_match(const struct ft_filter *f, const struct ft_view *v)
{
    (void)f;
    (void)v;
    return true;
}

#endif
