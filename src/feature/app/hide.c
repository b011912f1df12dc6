/* SPDX-License-Identifier: Apache-2.0 */
/* feature/app: app: what others wrote does not leave under --anonymize. */
#include "feature/app/state.h"

struct hiding {
    struct ft_cryptopan *map;
    enum ft_names names;
};

static void hide_text(const struct hiding *h, struct ft_app_text *t, uint8_t *text)
{
    if (t->len > 0 && h->names == FT_NAMES_HASH) {
        ft_cryptopan_name(h->map, text, t->len, text, FT_CRYPTOPAN_NAME);
        t->len = FT_CRYPTOPAN_NAME;
    } else {
        t->len = 0;
    }
    t->cut = 0;
}

_Static_assert(sizeof((struct ft_app_http *)0)->method_text >= FT_CRYPTOPAN_NAME,
               "the shortest text has room");

/* JA4 ends in hex of the client's choices but has two bytes of its text inside. */
static void hide_ja4(const struct hiding *h, char ja4[37])
{
    if (ja4[0] != '\0' && h->names == FT_NAMES_HASH) {
        ft_cryptopan_name(h->map, (const uint8_t *)ja4, 36, (uint8_t *)ja4, 36);
    } else {
        ja4[0] = '\0';
    }
}

void ft__app_hide(struct ft_cryptopan *map, enum ft_names names, void *part)
{
    const struct hiding h = {map, names};
    struct ft_app_info *i = part;

    hide_text(&h, &i->name, i->name_text);
    hide_text(&h, &i->tls.alpn, i->tls.alpn_text);
    hide_ja4(&h, i->tls.ja4);
    switch ((enum ft_app_part)i->part) {
    case FT_APP_PART_HTTP:
        hide_text(&h, &i->http.method, i->http.method_text);
        hide_text(&h, &i->http.target, i->http.target_text);
        hide_text(&h, &i->http.agent, i->http.agent_text);
        break;
    case FT_APP_PART_SSH:
        hide_text(&h, &i->ssh.banner[0], i->ssh.banner_text[0]);
        hide_text(&h, &i->ssh.banner[1], i->ssh.banner_text[1]);
        break;
    case FT_APP_PART_TLS:
    case FT_APP_PART_DNS:
    case FT_APP_PART_NONE:
        break;
    }
}
