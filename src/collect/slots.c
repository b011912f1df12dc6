/* SPDX-License-Identifier: Apache-2.0 */
/* collect: the steps of a plan, and the plans of protocols that send no templates. */
#include "collect/slots.h"

#include "collect/protocol.h"
#include "collect/rates.h"
#include "collect/record_key.h"

_Static_assert(FT__SLOT_SELECT_LAST == FT__SLOT_SELECT + FT__SELECT__COUNT - 1, "a slot for each");

/* One way to fill a slot; of several in a template the lowest rank wins. Element numbers: IANA. */
struct candidate {
    uint32_t pen;
    uint16_t id;
    uint8_t slot;
    uint8_t rank;
    uint8_t clock;
    uint8_t min, max; /* lengths that it can have; max 0: any */
};

#define REVERSE FT_NF_REVERSE_PEN
#define CISCO   9

/* Ranks of FIRST and LAST from here on are times of an observation, not of a start or an end. */
enum { OBSERVED = 6 };

/* sampling...: what ft__selection names */
#define SELECT(id, what, min)                                                                      \
    {                                                                                              \
        0, id, FT__SLOT_SELECT + FT__SELECT_##what, 0, 0, min, 8                                   \
    }

static const struct candidate candidates[] = {
    {0, 8, FT__SLOT_SRC4, 0, 0, 4, 4},                   /* sourceIPv4Address */
    {0, 12, FT__SLOT_DST4, 0, 0, 4, 4},                  /* destinationIPv4Address */
    {0, 27, FT__SLOT_SRC6, 0, 0, 16, 16},                /* sourceIPv6Address */
    {0, 28, FT__SLOT_DST6, 0, 0, 16, 16},                /* destinationIPv6Address */
    {0, 44, FT__SLOT_SRC4, 1, 0, 4, 4},                  /* sourceIPv4Prefix */
    {0, 45, FT__SLOT_DST4, 1, 0, 4, 4},                  /* destinationIPv4Prefix */
    {0, 170, FT__SLOT_SRC6, 1, 0, 16, 16},               /* sourceIPv6Prefix */
    {0, 169, FT__SLOT_DST6, 1, 0, 16, 16},               /* destinationIPv6Prefix */
    {0, 7, FT__SLOT_SPORT, 0, 0, 1, 8},                  /* sourceTransportPort */
    {0, 180, FT__SLOT_SPORT, 1, 0, 1, 8},                /* udpSourcePort */
    {0, 182, FT__SLOT_SPORT, 2, 0, 1, 8},                /* tcpSourcePort */
    {0, 11, FT__SLOT_DPORT, 0, 0, 1, 8},                 /* destinationTransportPort */
    {0, 181, FT__SLOT_DPORT, 1, 0, 1, 8},                /* udpDestinationPort */
    {0, 183, FT__SLOT_DPORT, 2, 0, 1, 8},                /* tcpDestinationPort */
    {0, 4, FT__SLOT_PROTO, 0, 0, 1, 8},                  /* protocolIdentifier */
    {0, 6, FT__SLOT_FLAGS, 0, 0, 1, 8},                  /* tcpControlBits */
    {0, 160, FT__SLOT_INIT, 0, FT__CLOCK_MS, 8, 8},      /* systemInitTimeMilliseconds */
    {0, 156, FT__SLOT_FIRST, 0, FT__CLOCK_NTP_NS, 8, 8}, /* flowStartNanoseconds */
    {0, 154, FT__SLOT_FIRST, 1, FT__CLOCK_NTP_US, 8, 8},
    {0, 152, FT__SLOT_FIRST, 2, FT__CLOCK_MS, 8, 8},
    {0, 150, FT__SLOT_FIRST, 3, FT__CLOCK_S, 4, 4},
    {0, 158, FT__SLOT_FIRST, 4, FT__CLOCK_BEFORE_US, 1, 4}, /* flowStartDeltaMicroseconds */
    {0, 22, FT__SLOT_FIRST, 5, FT__CLOCK_UPTIME_MS, 1, 4},  /* flowStartSysUpTime */
    {0, 325, FT__SLOT_FIRST, 6, FT__CLOCK_NTP_NS, 8, 8},    /* observationTime... */
    {0, 324, FT__SLOT_FIRST, 7, FT__CLOCK_NTP_US, 8, 8},
    {0, 323, FT__SLOT_FIRST, 8, FT__CLOCK_MS, 8, 8},
    {0, 322, FT__SLOT_FIRST, 9, FT__CLOCK_S, 4, 4},
    {0, 157, FT__SLOT_LAST, 0, FT__CLOCK_NTP_NS, 8, 8}, /* flowEndNanoseconds */
    {0, 155, FT__SLOT_LAST, 1, FT__CLOCK_NTP_US, 8, 8},
    {0, 153, FT__SLOT_LAST, 2, FT__CLOCK_MS, 8, 8},
    {0, 151, FT__SLOT_LAST, 3, FT__CLOCK_S, 4, 4},
    {0, 159, FT__SLOT_LAST, 4, FT__CLOCK_BEFORE_US, 1, 4},
    {0, 21, FT__SLOT_LAST, 5, FT__CLOCK_UPTIME_MS, 1, 4},
    {0, 325, FT__SLOT_LAST, 6, FT__CLOCK_NTP_NS, 8, 8},
    {0, 324, FT__SLOT_LAST, 7, FT__CLOCK_NTP_US, 8, 8},
    {0, 323, FT__SLOT_LAST, 8, FT__CLOCK_MS, 8, 8},
    {0, 322, FT__SLOT_LAST, 9, FT__CLOCK_S, 4, 4},
    {0, 161, FT__SLOT_DURATION, 1, FT__CLOCK_MS, 1, 8}, /* flowDurationMilliseconds */
    {0, 162, FT__SLOT_DURATION, 0, FT__CLOCK_US, 1, 8}, /* flowDurationMicroseconds */
    {0, 233, FT__SLOT_FIREWALL, 0, 0, 1, 8},            /* firewallEvent */
    {CISCO, 7237, FT__SLOT_FIREWALL, 1, 0, 1, 8},       /* 40005 in v9 */
    {0, 136, FT__SLOT_END, 0, 0, 1, 8},                 /* flowEndReason */
    {0, 48, FT__SLOT_SAMPLER, 0, 0, 1, 8},              /* samplerId */
    {0, 302, FT__SLOT_SAMPLER, 1, 0, 1, 8},             /* selectorId */
    SELECT(311, PROBABILITY, 4),
    SELECT(310, POPULATION, 1),
    SELECT(309, SIZE, 1),
    SELECT(305, TAKEN, 1),
    SELECT(306, SPACE, 1),
    SELECT(50, RANDOM, 1),
    SELECT(34, INTERVAL, 1),
    {0, 10, FT__SLOT_IF_IN, 0, 0, 1, 8},     /* ingressInterface */
    {0, 14, FT__SLOT_IF_OUT, 0, 0, 1, 8},    /* egressInterface */
    {0, 61, FT__SLOT_DIRECTION, 0, 0, 1, 8}, /* flowDirection */
    {0, 234, FT__SLOT_VRF_IN, 0, 0, 1, 8},   /* ingressVRFID */
    {0, 235, FT__SLOT_VRF_OUT, 0, 0, 1, 8},  /* egressVRFID */
    {0, 95, FT__SLOT_APP, 0, 0, 1, 0},       /* applicationId */
    {0, 315, FT__SLOT_FRAME, 0, 0, 1, 0},    /* dataLinkFrameSection */
    {0, 104, FT__SLOT_FRAME, 1, 0, 1, 0},    /* layer2packetSectionData */
    {0, 313, FT__SLOT_IP, 0, 0, 1, 0},       /* ipHeaderPacketSection */
};

static const struct candidate *candidate_for(const struct ft_template_field *f, uint32_t from)
{
    for (uint32_t i = from; i < sizeof candidates / sizeof candidates[0]; i++) {
        const struct candidate *c = &candidates[i];
        bool variable = f->len == FT_NF_VARIABLE;

        if (c->pen == f->pen && c->id == f->id &&
            (c->max == 0 || (!variable && f->len >= c->min && f->len <= c->max))) {
            return c;
        }
    }
    return NULL;
}

/* A counter of both directions, or of one when the template has no more. */
struct pair {
    uint16_t forward;
    uint16_t reverse;
    uint32_t reverse_pen;
};

static const struct pair of_packets[] = {
    {2, 2, REVERSE},   /* packetDeltaCount */
    {86, 86, REVERSE}, /* packetTotalCount */
    {298, 299, 0},     /* initiatorPackets, responderPackets */
    {24, 24, REVERSE}, /* postPacketDeltaCount */
};

static const struct pair of_bytes[] = {
    {1, 1, REVERSE},     /* octetDeltaCount */
    {85, 85, REVERSE},   /* octetTotalCount */
    {231, 232, 0},       /* initiatorOctets, responderOctets */
    {23, 23, REVERSE},   /* postOctetDeltaCount */
    {352, 352, REVERSE}, /* layer2OctetDeltaCount */
};

enum { NO_FIELD = UINT32_MAX };

/* The first field with a counter, or NO_FIELD. */
static uint32_t counter(const struct ft__template_plan *plan, uint32_t pen, uint16_t id)
{
    for (uint32_t i = plan->n_scope; i < plan->n_fields; i++) {
        const struct ft_template_field *f = &plan->fields[i];

        if (f->pen == pen && f->id == id && !f->scope && f->len >= 1 && f->len <= 8) {
            return i;
        }
    }
    return NO_FIELD;
}

/* Both directions come from one pair: forward of one and backward of another would count packets
 * twice, since an element without a reverse one may be of the whole flow (Cisco's 1 and 2 beside
 * 231, 232, 298 and 299 are). A pair of RFC 5103 with both directions comes before all others. */
static void choose_pair(const struct ft__template_plan *plan, const struct pair *pairs, uint32_t n,
                        uint32_t *out_forward, uint32_t *out_reverse)
{
    *out_forward = *out_reverse = NO_FIELD;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t forward = counter(plan, 0, pairs[i].forward);
        uint32_t reverse = counter(plan, pairs[i].reverse_pen, pairs[i].reverse);
        bool biflow = forward != NO_FIELD && reverse != NO_FIELD && pairs[i].reverse_pen != 0;

        if (biflow || (*out_forward == NO_FIELD && forward != NO_FIELD)) {
            *out_forward = forward;
            *out_reverse = reverse;
        }
        if (biflow) {
            return;
        }
    }
}

/* What fills the slots. */
struct choice {
    uint32_t field[FT__SLOT__COUNT];
    uint8_t rank[FT__SLOT__COUNT], clock[FT__SLOT__COUNT];
    bool filled[FT__SLOT__COUNT];
};

static void fill(struct choice *to, uint8_t slot, uint32_t field)
{
    to->filled[slot] = field != NO_FIELD;
    to->field[slot] = field;
    to->clock[slot] = 0;
}

/* The best field of each slot; those of `without` are left out. */
static void choose_fields(const struct ft__template_plan *plan, const struct ft__field_set *without,
                          struct choice *to)
{
    for (uint32_t i = plan->n_scope; i < plan->n_fields; i++) {
        const struct ft_template_field *f = &plan->fields[i];
        bool out = f->scope || (without != NULL && ft__field_in(without, i));
        const struct candidate *c = out ? NULL : candidate_for(f, 0);

        while (c != NULL) {
            if (!to->filled[c->slot] || c->rank < to->rank[c->slot]) {
                fill(to, c->slot, i);
                to->rank[c->slot] = c->rank;
                to->clock[c->slot] = c->clock;
            }
            c = candidate_for(f, (uint32_t)(c - candidates) + 1);
        }
    }
}

static void choose_counters(const struct ft__template_plan *plan, struct choice *to)
{
    uint32_t forward, reverse;

    choose_pair(plan, of_packets, sizeof of_packets / sizeof of_packets[0], &forward, &reverse);
    fill(to, FT__SLOT_PACKETS, forward);
    fill(to, FT__SLOT_REV_PACKETS, reverse);
    choose_pair(plan, of_bytes, sizeof of_bytes / sizeof of_bytes[0], &forward, &reverse);
    fill(to, FT__SLOT_BYTES, forward);
    fill(to, FT__SLOT_REV_BYTES, reverse);
}

/* Are the counters those since the flow began? */
static bool counts_totals(const struct ft__template_plan *plan, const struct choice *to)
{
    enum { OCTETS = 85, PACKETS = 86 };
    bool totals = false;

    for (int i = 0; i < 2; i++) {
        enum ft__slot s = i == 0 ? FT__SLOT_PACKETS : FT__SLOT_BYTES;
        const struct ft_template_field *f = &plan->fields[to->field[s]];

        totals |= to->filled[s] && f->pen == 0 && f->id == (i == 0 ? PACKETS : OCTETS);
    }
    return totals;
}

/* A duration is better than an observation for the end or the start that is not told; beside an
 * observation alone, that is the end: nobody knows a duration before. */
static void choose_times(struct choice *to)
{
    bool *filled = to->filled;
    bool first = filled[FT__SLOT_FIRST] && to->rank[FT__SLOT_FIRST] < OBSERVED;
    bool last = filled[FT__SLOT_LAST] && to->rank[FT__SLOT_LAST] < OBSERVED;

    if (filled[FT__SLOT_DURATION]) {
        filled[FT__SLOT_LAST] = last || (filled[FT__SLOT_LAST] && !first);
        filled[FT__SLOT_FIRST] = first;
    }
    if (first && last && to->clock[FT__SLOT_FIRST] == FT__CLOCK_UPTIME_MS &&
        to->clock[FT__SLOT_LAST] == FT__CLOCK_UPTIME_MS) {
        to->clock[FT__SLOT_FIRST] = FT__CLOCK_SPAN_MS;
    }
}

static uint8_t addresses_of(const bool *filled, enum ft__slot src, enum ft__slot dst)
{
    return (uint8_t)((filled[src] ? FT_XR_SRC_ADDR : 0) | (filled[dst] ? FT_XR_DST_ADDR : 0));
}

static void note_kinds(struct ft__template_plan *plan, const bool *filled)
{
    uint16_t has = 0;

    plan->v4 = addresses_of(filled, FT__SLOT_SRC4, FT__SLOT_DST4);
    plan->v6 = addresses_of(filled, FT__SLOT_SRC6, FT__SLOT_DST6);
    has |= filled[FT__SLOT_PACKETS] ? FT_XR_PACKETS : 0;
    has |= filled[FT__SLOT_BYTES] ? FT_XR_BYTES : 0;
    has |= filled[FT__SLOT_SPORT] ? FT_XR_SRC_PORT : 0;
    has |= filled[FT__SLOT_DPORT] ? FT_XR_DST_PORT : 0;
    has |= filled[FT__SLOT_PROTO] ? FT_XR_PROTO : 0;
    has |= filled[FT__SLOT_REV_PACKETS] || filled[FT__SLOT_REV_BYTES] ? FT_XR_BIFLOW : 0;
    has |= filled[FT__SLOT_FLAGS] ? FT_XR_TCP_FLAGS : 0;
    plan->has = (uint16_t)(has | plan->v4 | plan->v6);
    plan->rare = filled[FT__SLOT_INIT];
    for (uint32_t s = FT__SLOT_END; s < FT__SLOT__COUNT; s++) {
        plan->rare |= filled[s];
    }
}

void ft__template_plan_steps(struct ft__template_plan *plan, bool outermost)
{
    struct choice to = {.filled = {false}};
    struct ft__field_set others;
    bool several = ft__key_of_others(plan, outermost, &others);

    choose_fields(plan, several ? &others : NULL, &to);
    choose_counters(plan, &to);
    choose_times(&to);
    plan->n_steps = 0;
    for (uint32_t s = 0; s < FT__SLOT__COUNT; s++) {
        if (to.filled[s] && plan->value_of[to.field[s]] != UINT16_MAX) {
            uint16_t len = plan->fields[to.field[s]].len;
            uint16_t value = plan->value_of[to.field[s]];

            plan->steps[plan->n_steps++] = (struct ft__step){
                .slot = (uint8_t)s,
                .clock = to.clock[s],
                .len = len == FT_NF_VARIABLE ? 0 : len,
                .offset = plan->fixed ? plan->values[value].offset : value,
            };
        }
    }
    note_kinds(plan, to.filled);
    plan->has |= counts_totals(plan, &to) ? FT_XR_TOTALS : 0;
}

int ft__builtin_plans(struct ft__template_plans *p)
{
    int rc = FT_OK;

    for (uint8_t i = 0; rc == FT_OK && i < FT_XP__COUNT; i++) {
        const struct ft__protocol *of = &ft__protocols[i];

        if (of->fields != NULL) {
            rc = ft__template_plan_make(p, NULL, i, false, 0, of->fields, of->n_fields,
                                        &p->builtin[i]);
        }
    }
    return rc;
}
