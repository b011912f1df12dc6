/* SPDX-License-Identifier: Apache-2.0 */
/* afterimage: Kitsune's features of frames, see afterimage.h. */
#include "afterimage/afterimage.h"

#include "afterimage/frame.h"
#include "base/mem.h"

enum kind { MI, HH, JIT, HPHP, KINDS };

struct ft_afterimage {
    struct ft__streams of[KINDS];
    struct ft__frame frame; /* the one in hand */
};

struct bound {
    uint32_t streams, pairs;
};

static struct bound bound_of(const struct ft_afterimage_config *cfg, enum kind k)
{
    uint32_t flows = cfg->max_flows < 2 ? 2 : cfg->max_flows;
    bool pairs = k == HH || k == HPHP;

    return (struct bound){.streams = k == MI || k == HH ? cfg->max_hosts : flows,
                          .pairs = pairs ? flows : 0};
}

size_t ft_afterimage_budget(const struct ft_afterimage_config *cfg)
{
    size_t sum = sizeof(struct ft_afterimage);

    for (enum kind k = 0; k < KINDS; k++) {
        struct bound b = bound_of(cfg, k);

        sum += ft__image_budget(b.streams, b.pairs);
    }
    return sum;
}

int ft_afterimage_new(const struct ft_afterimage_config *cfg, struct ft_afterimage **out)
{
    struct ft_afterimage *a = ft_mem_alloc(1, sizeof *a);
    int rc = a != NULL ? FT_OK : FT_E_NOMEM;

    for (enum kind k = 0; rc == FT_OK && k < KINDS; k++) {
        struct bound b = bound_of(cfg, k);

        rc = ft__image_open(&a->of[k], b.streams, b.pairs, &cfg->seed);
    }
    if (rc != FT_OK) {
        ft_afterimage_free(a);
        return rc;
    }
    *out = a;
    return FT_OK;
}

void ft_afterimage_free(struct ft_afterimage *a)
{
    for (enum kind k = 0; a != NULL && k < KINDS; k++) {
        ft__image_close(&a->of[k]);
    }
    ft_mem_free(a);
}

/* For what the frame in hand will touch. */
static void ask(struct ft_afterimage *a, struct ft__frame *f)
{
    const struct {
        enum kind kind;
        struct ft__name *name;
    } names[] = {{MI, &f->mac_host}, {HH, &f->host[0]},  {HH, &f->host[1]},
                 {JIT, &f->channel}, {HPHP, &f->end[0]}, {HPHP, &f->end[1]}};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        ft__image_ask(&a->of[names[i].kind], names[i].name);
    }
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        ft__image_ask_again(&a->of[names[i].kind], names[i].name);
    }
}

void ft_afterimage_see(struct ft_afterimage *a, const struct ft_view *v,
                       struct ft_afterimage_row *out)
{
    struct ft__frame *f = &a->frame;
    double t_s = ft__image_stat_seconds(v->ts_ns), len;

    ft__image_read(v, f);
    len = f->len;
    ask(a, f);
    out->timestamp_ns = v->ts_ns;
    ft__image_one(&a->of[MI], &f->mac_host, t_s, len, false, out->v + FT_AFTERIMAGE_MI);
    ft__image_two(&a->of[HH], &f->host[0], &f->host[1], t_s, len, out->v + FT_AFTERIMAGE_HH);
    ft__image_one(&a->of[JIT], &f->channel, t_s, 0, true, out->v + FT_AFTERIMAGE_JIT);
    ft__image_two(&a->of[HPHP], &f->end[0], &f->end[1], t_s, len, out->v + FT_AFTERIMAGE_HPHP);
}

uint64_t ft_afterimage_evicted(const struct ft_afterimage *a)
{
    uint64_t n = 0;

    for (enum kind k = 0; k < KINDS; k++) {
        n += a->of[k].evicted + a->of[k].evicted_pairs;
    }
    return n;
}
