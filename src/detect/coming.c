/* SPDX-License-Identifier: Apache-2.0 */
/* detect: what a note will be looked for by, some notes ahead, see state.h. */
#include "detect/state.h"

/* It may be looked for in a table. */
static void look_in(const struct ft_detect *d, struct ft__coming *c, enum ft__table_id id,
                    uint64_t hash)
{
    c->tables |= 1u << id;
    c->in[id] = hash;
    ft__hosts_ask(&d->tables[id], hash);
}

static void plan_flow(const struct ft_detect *d, struct ft__coming *c, const struct ft_note *note)
{
    const struct ft_hash_seed *seed = &d->cfg.seed;
    struct ft__host_key host = ft__key_of(note, 0), pair = ft__pair_of(note);
    uint64_t of_host = ft__key_hash(seed, &host);

    c->pair = ft__key_hash(seed, &pair);
    ft__seen_ask(&d->contacts, c->pair);
    c->goes_out = ft__goes_out(d, note);
    if ((note->bits & FT_NOTE_SYN) != 0) {
        look_in(d, c, FT__WALKS, of_host);
    }
    if (c->goes_out) {
        look_in(d, c, FT__SENDERS, of_host);
        ft__seen_ask(&d->met, c->pair);
        if (ft__is_connection(note)) {
            look_in(d, c, FT__BEACONS, c->pair);
        }
    }
    if (ft__may_last(note)) {
        struct ft__host_key key = ft__lasting_key(note);

        look_in(d, c, FT__LASTING, ft__key_hash(seed, &key));
    }
    if (ft__is_scan(note)) {
        host.port = note->port[1];
        host.proto = note->proto;
        pair.proto = note->proto;
        look_in(d, c, FT__PORT_SCANS, ft__key_hash(seed, &pair));
        look_in(d, c, FT__ADDRESS_SCANS, ft__key_hash(seed, &host));
    }
    c->firsts = ft__first_keys(d, note, c->first);
    for (int i = 0; i < FT__FIRSTS; i++) {
        if ((c->firsts >> i & 1) != 0) {
            ft__seen_ask(&d->known, c->first[i]);
        }
    }
}

void ft__coming_plan(struct ft_detect *d, uint32_t i)
{
    const struct ft_note *note = &d->pool.notes[d->order[i].note];
    struct ft__coming *c = &d->ring[i % FT__COMING];

    c->tables = 0;
    c->firsts = 0;
    if ((note->bits & (FT_NOTE_BURST | FT_NOTE_NAME)) == 0) {
        plan_flow(d, c, note);
    }
}

void ft__coming_go_on(const struct ft_detect *d, uint32_t i)
{
    const struct ft__coming *c = &d->ring[i % FT__COMING];

    for (uint32_t left = c->tables; left != 0; left &= left - 1) {
        int id = __builtin_ctz(left);

        ft__hosts_ask_entity(&d->tables[id], c->in[id]);
    }
}
