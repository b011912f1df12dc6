/* SPDX-License-Identifier: Apache-2.0 */
/* decode: the steps of a plan, and the templates that older protocols do not send. */
#include "decode/xslots.h"

#include "decode/rates.h"

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

/* sampling...: what ft__selection names */
#define SELECT(id, what, min)                                                                      \
    {                                                                                              \
        0, id, FT__SLOT_SELECT + FT__SELECT_##what, 0, 0, min, 8                                   \
    }

static const struct candidate candidates[] = {
    {0, 8, FT__SLOT_SRC4, 0, 0, 4, 4},      /* sourceIPv4Address */
    {0, 12, FT__SLOT_DST4, 0, 0, 4, 4},     /* destinationIPv4Address */
    {0, 27, FT__SLOT_SRC6, 0, 0, 16, 16},   /* sourceIPv6Address */
    {0, 28, FT__SLOT_DST6, 0, 0, 16, 16},   /* destinationIPv6Address */
    {0, 7, FT__SLOT_SPORT, 0, 0, 1, 8},     /* sourceTransportPort */
    {0, 180, FT__SLOT_SPORT, 1, 0, 1, 8},   /* udpSourcePort */
    {0, 182, FT__SLOT_SPORT, 2, 0, 1, 8},   /* tcpSourcePort */
    {0, 11, FT__SLOT_DPORT, 0, 0, 1, 8},    /* destinationTransportPort */
    {0, 181, FT__SLOT_DPORT, 1, 0, 1, 8},   /* udpDestinationPort */
    {0, 183, FT__SLOT_DPORT, 2, 0, 1, 8},   /* tcpDestinationPort */
    {0, 4, FT__SLOT_PROTO, 0, 0, 1, 8},     /* protocolIdentifier */
    {0, 6, FT__SLOT_FLAGS, 0, 0, 1, 8},     /* tcpControlBits */
    {0, 2, FT__SLOT_PACKETS, 0, 0, 1, 8},   /* packetDeltaCount */
    {0, 86, FT__SLOT_PACKETS, 1, 0, 1, 8},  /* packetTotalCount */
    {0, 298, FT__SLOT_PACKETS, 2, 0, 1, 8}, /* initiatorPackets */
    {0, 24, FT__SLOT_PACKETS, 3, 0, 1, 8},  /* postPacketDeltaCount */
    {0, 1, FT__SLOT_BYTES, 0, 0, 1, 8},     /* octetDeltaCount */
    {0, 85, FT__SLOT_BYTES, 1, 0, 1, 8},    /* octetTotalCount */
    {0, 231, FT__SLOT_BYTES, 2, 0, 1, 8},   /* initiatorOctets */
    {0, 23, FT__SLOT_BYTES, 3, 0, 1, 8},    /* postOctetDeltaCount */
    {0, 352, FT__SLOT_BYTES, 4, 0, 1, 8},   /* layer2OctetDeltaCount */
    {REVERSE, 2, FT__SLOT_REV_PACKETS, 0, 0, 1, 8},
    {REVERSE, 86, FT__SLOT_REV_PACKETS, 1, 0, 1, 8},
    {0, 299, FT__SLOT_REV_PACKETS, 2, 0, 1, 8}, /* responderPackets */
    {REVERSE, 1, FT__SLOT_REV_BYTES, 0, 0, 1, 8},
    {REVERSE, 85, FT__SLOT_REV_BYTES, 1, 0, 1, 8},
    {0, 232, FT__SLOT_REV_BYTES, 2, 0, 1, 8},            /* responderOctets */
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
    {0, 136, FT__SLOT_END, 0, 0, 1, 8},     /* flowEndReason */
    {0, 48, FT__SLOT_SAMPLER, 0, 0, 1, 8},  /* samplerId */
    {0, 302, FT__SLOT_SAMPLER, 1, 0, 1, 8}, /* selectorId */
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

static uint16_t has_of(const bool *filled)
{
    uint16_t has = 0;

    has |= filled[FT__SLOT_PACKETS] ? FT_XR_PACKETS : 0;
    has |= filled[FT__SLOT_BYTES] ? FT_XR_BYTES : 0;
    has |= filled[FT__SLOT_SPORT] && filled[FT__SLOT_DPORT] ? FT_XR_PORTS : 0;
    has |= filled[FT__SLOT_PROTO] ? FT_XR_PROTO : 0;
    has |= filled[FT__SLOT_SRC4] && filled[FT__SLOT_DST4] ? FT_XR_ADDRESSES : 0;
    has |= filled[FT__SLOT_SRC6] && filled[FT__SLOT_DST6] ? FT_XR_ADDRESSES : 0;
    has |= filled[FT__SLOT_REV_PACKETS] || filled[FT__SLOT_REV_BYTES] ? FT_XR_BIFLOW : 0;
    has |= filled[FT__SLOT_FLAGS] ? FT_XR_TCP_FLAGS : 0;
    return has;
}

void ft__xplan_steps(struct ft__xplan *plan)
{
    uint32_t best[FT__SLOT__COUNT]; /* field */
    uint8_t rank[FT__SLOT__COUNT], clock[FT__SLOT__COUNT];
    bool filled[FT__SLOT__COUNT] = {false};

    for (uint32_t i = plan->n_scope; i < plan->n_fields; i++) {
        const struct ft_template_field *f = &plan->fields[i];
        const struct candidate *c = f->scope ? NULL : candidate_for(f, 0);

        while (c != NULL) {
            if (!filled[c->slot] || c->rank < rank[c->slot]) {
                filled[c->slot] = true;
                rank[c->slot] = c->rank;
                best[c->slot] = i;
                clock[c->slot] = c->clock;
            }
            c = candidate_for(f, (uint32_t)(c - candidates) + 1);
        }
    }
    plan->n_steps = 0;
    for (uint32_t s = 0; s < FT__SLOT__COUNT; s++) {
        if (filled[s] && plan->value_of[best[s]] != UINT16_MAX) {
            uint16_t len = plan->fields[best[s]].len;
            uint16_t value = plan->value_of[best[s]];

            plan->steps[plan->n_steps++] = (struct ft__step){
                .slot = (uint8_t)s,
                .clock = clock[s],
                .len = len == FT_NF_VARIABLE ? 0 : len,
                .offset = plan->fixed ? plan->values[value].offset : value,
            };
        }
    }
    plan->has = has_of(filled);
    plan->v4 = filled[FT__SLOT_SRC4] || filled[FT__SLOT_DST4];
    plan->v6 = filled[FT__SLOT_SRC6] || filled[FT__SLOT_DST6];
    plan->rare = filled[FT__SLOT_INIT];
    for (uint32_t s = FT__SLOT_END; s < FT__SLOT__COUNT; s++) {
        plan->rare |= filled[s];
    }
}

/* ---- NetFlow v1, v5, v7: Cisco's record layouts as templates ---- */

/* 210 is padding */
static const struct ft_template_field v5_fields[] = {
    {.id = 8, .len = 4},  {.id = 12, .len = 4}, {.id = 15, .len = 4}, {.id = 10, .len = 2},
    {.id = 14, .len = 2}, {.id = 2, .len = 4},  {.id = 1, .len = 4},  {.id = 22, .len = 4},
    {.id = 21, .len = 4}, {.id = 7, .len = 2},  {.id = 11, .len = 2}, {.id = 210, .len = 1},
    {.id = 6, .len = 1},  {.id = 4, .len = 1},  {.id = 5, .len = 1},  {.id = 16, .len = 2},
    {.id = 17, .len = 2}, {.id = 9, .len = 1},  {.id = 13, .len = 1}, {.id = 210, .len = 2},
};

static const struct ft_template_field v1_fields[] = {
    {.id = 8, .len = 4},  {.id = 12, .len = 4}, {.id = 15, .len = 4}, {.id = 10, .len = 2},
    {.id = 14, .len = 2}, {.id = 2, .len = 4},  {.id = 1, .len = 4},  {.id = 22, .len = 4},
    {.id = 21, .len = 4}, {.id = 7, .len = 2},  {.id = 11, .len = 2}, {.id = 210, .len = 2},
    {.id = 4, .len = 1},  {.id = 5, .len = 1},  {.id = 6, .len = 1},  {.id = 210, .len = 11},
};

/* as v5, but the flags byte is "flags", then TCP flags; the router's address ends the record */
static const struct ft_template_field v7_fields[] = {
    {.id = 8, .len = 4},   {.id = 12, .len = 4}, {.id = 15, .len = 4}, {.id = 10, .len = 2},
    {.id = 14, .len = 2},  {.id = 2, .len = 4},  {.id = 1, .len = 4},  {.id = 22, .len = 4},
    {.id = 21, .len = 4},  {.id = 7, .len = 2},  {.id = 11, .len = 2}, {.id = 210, .len = 1},
    {.id = 6, .len = 1},   {.id = 4, .len = 1},  {.id = 5, .len = 1},  {.id = 16, .len = 2},
    {.id = 17, .len = 2},  {.id = 9, .len = 1},  {.id = 13, .len = 1}, {.id = 210, .len = 2},
    {.id = 130, .len = 4}, /* the router that was bypassed: exporterIPv4Address */
};

#define N_FIELDS(f) (sizeof(f) / sizeof(f)[0])

int ft__builtin_plans(struct ft__xplans *p)
{
    int rc = ft__xplan_make(p, NULL, FT_XP_NETFLOW_V1, false, 0, v1_fields, N_FIELDS(v1_fields),
                            &p->builtin[FT_XP_NETFLOW_V1]);

    if (rc == FT_OK) {
        rc = ft__xplan_make(p, NULL, FT_XP_NETFLOW_V5, false, 0, v5_fields, N_FIELDS(v5_fields),
                            &p->builtin[FT_XP_NETFLOW_V5]);
    }
    if (rc == FT_OK) {
        rc = ft__xplan_make(p, NULL, FT_XP_NETFLOW_V7, false, 0, v7_fields, N_FIELDS(v7_fields),
                            &p->builtin[FT_XP_NETFLOW_V7]);
    }
    return rc;
}
