/* SPDX-License-Identifier: Apache-2.0 */
/* output/sink/streams: each source its own, and the one that was silent for longest is forgotten.
 */
#include "output/sink/streams.h"

#include "harness.h"

static struct ft_flow_source source(uint32_t i, uint8_t version)
{
    return (struct ft_flow_source){version, {192, 0, (uint8_t)(i >> 8), (uint8_t)i}};
}

static struct ft__stream *get(struct ft__streams *t, uint32_t i, bool is_new)
{
    struct ft_flow_source s = source(i, 4);
    bool found = !is_new;
    struct ft__stream *stream = ft__streams_get(t, &s, &found);

    CHECK_EQ(found, is_new);
    return stream;
}

static void test_own(void)
{
    struct ft__streams *t = ft__streams_new();
    struct ft_flow_source six = source(1, 6);
    bool is_new;

    CHECK(t != NULL);
    get(t, 1, true)->sequence = 11;
    get(t, 2, true)->sequence = 22;
    ft__streams_get(t, &six, &is_new)->sequence = 66; /* the same bytes */
    CHECK(is_new);
    CHECK_EQ(get(t, 1, false)->sequence, 11);
    CHECK_EQ(get(t, 2, false)->sequence, 22);
    CHECK_EQ(ft__streams_get(t, &six, &is_new)->sequence, 66);
    CHECK_EQ(ft__streams_forgotten(t), 0);
    ft__streams_free(t);
}

static void test_oldest(void)
{
    struct ft__streams *t = ft__streams_new();

    CHECK(t != NULL);
    for (uint32_t i = 0; i < FT__STREAMS_MOST; i++) {
        struct ft__stream *s = get(t, i, true);

        s->sequence = i + 1;
        s->told[5] = true;
    }
    for (uint32_t i = 0; i < FT__STREAMS_MOST; i += 2) { /* the even ones are used again */
        CHECK_EQ(get(t, i, false)->sequence, i + 1);
    }
    for (uint32_t i = 0; i < FT__STREAMS_MOST / 2; i++) { /* take the places of the odd ones */
        struct ft__stream *s = get(t, 10000 + i, true);

        CHECK_EQ(s->sequence, 0);
        CHECK(!s->told[5]);
    }
    CHECK_EQ(ft__streams_forgotten(t), FT__STREAMS_MOST / 2);
    for (uint32_t i = 0; i < FT__STREAMS_MOST; i += 2) {
        CHECK_EQ(get(t, i, false)->sequence, i + 1);
    }
    get(t, 1, true);
    CHECK_EQ(ft__streams_forgotten(t), FT__STREAMS_MOST / 2 + 1);
    get(t, 10000, true); /* that one was the oldest */
    get(t, 0, false);
    ft__streams_free(t);
}

int main(void)
{
    RUN(test_own);
    RUN(test_oldest);
    return test_end();
}
