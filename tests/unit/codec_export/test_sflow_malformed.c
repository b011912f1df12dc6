/* SPDX-License-Identifier: Apache-2.0 */
/* codec/export/sflow: lies and damage. What stands before is used, what is wrong is named, nothing
 * is read that is not there, and every walk ends. */
#include "codec_export/sflow_make.h"

/* Two flow samples with a header each, one of counters. */
static struct made three_samples(void)
{
    struct made m = made_datagram(3);
    size_t at;

    for (int i = 0; i < 2; i++) {
        at = begin_flow(&m, 1);
        put_header(&m, 1, 1518, 64);
        end(&m, at);
    }
    at = begin_counters(&m, 0);
    end(&m, at);
    return m;
}

enum {
    N_SAMPLES = 24, /* places in three_samples() */
    SAMPLE = 28,    /* the first one's tag, then its length */
    N_RECORDS = 64, /* of the first sample */
    RECORD = 68,    /* its record's tag, then the length */
    HEADER_LEN = 88,
    SECOND = 156 /* the second sample's tag */
};

static void test_datagram_version(void)
{
    static const uint32_t versions[] = {0, 1, 2, 4, 6, 0x05000000, UINT32_MAX};

    for (unsigned i = 0; i < sizeof versions / sizeof versions[0]; i++) {
        struct made m = three_samples();
        struct walked w;

        set32(&m, 0, versions[i]);
        w = walk_made(&m);
        CHECK_EQ(w.begin_rc, FT_E_CORRUPT);
        CHECK_EQ(w.faults[FT_SFLOW_F_VERSION], 1);
    }
}

static void test_datagram_short(void)
{
    struct made m = three_samples();

    for (size_t len = 0; len < SAMPLE; len++) {
        struct walked w = walk(m.p, len);

        CHECK_EQ(w.begin_rc, FT_E_CORRUPT);
        CHECK_EQ(w.faults[FT_SFLOW_F_DATAGRAM_SHORT], 1);
    }
    CHECK_EQ(walk(m.p, SAMPLE).faults[FT_SFLOW_F_SAMPLES_MISSING], 1);
}

/* More samples announced than there are (CVE-2024-56072, nfdump fa1dd526): an end, not a loop. */
static void test_sample_count(void)
{
    static const uint32_t counts[] = {4, 1000, 0x20000000, UINT32_MAX};
    struct made m = three_samples();
    struct walked w;

    for (unsigned i = 0; i < 4; i++) {
        set32(&m, N_SAMPLES, counts[i]);
        w = walk_made(&m);
        CHECK_EQ(w.samples, 3);
        CHECK_EQ(w.faults[FT_SFLOW_F_SAMPLES_MISSING], 1);
        CHECK_EQ(faults_of(&w), 1);
    }
    set32(&m, N_SAMPLES, 2);
    w = walk_made(&m);
    CHECK_EQ(w.samples, 2);
    CHECK_EQ(w.faults[FT_SFLOW_F_TRAILING], 1);
    set32(&m, N_SAMPLES, 0);
    w = walk_made(&m);
    CHECK_EQ(w.samples, 0);
    CHECK_EQ(faults_of(&w), 1);
    w = walk(m.p, SAMPLE);
    CHECK_EQ(faults_of(&w), 0); /* none announced, none there */
    w = walk(m.p, SAMPLE + 7);
    CHECK_EQ(faults_of(&w), 0); /* a few bytes of padding */
}

static void test_sample_length(void)
{
    static const uint32_t lengths[] = {1000, 0x7ffffff8, 0xfffffff8, 0xfffffffd, UINT32_MAX};
    struct made m = three_samples();
    struct walked w;

    for (unsigned i = 0; i < 5; i++) {
        set32(&m, SAMPLE + 4, lengths[i]);
        w = walk_made(&m);
        CHECK_EQ(w.samples, 1); /* and its one record; no other can be found */
        CHECK_EQ(w.records, 1);
        CHECK_EQ(w.faults[FT_SFLOW_F_SAMPLE_LENGTH], 1);
        CHECK_EQ(faults_of(&w), 1);
    }
}

/* Shorter than its own fields: this one is lost, those behind it are found. */
static void test_sample_length_zero(void)
{
    for (uint32_t tag = 1; tag <= 6; tag++) {
        struct made m = made_datagram(2);
        size_t at = begin(&m, tag);
        struct walked w;

        end(&m, at);
        at = begin_flow(&m, 1);
        put_header(&m, 1, 64, 60);
        end(&m, at);
        w = walk_made(&m);
        CHECK_EQ(w.samples, tag == 6 ? 2 : 1);
        CHECK_EQ(w.faults[FT_SFLOW_F_SAMPLE_HEADER], tag < 6);
        CHECK_EQ(w.kinds[FT_SFLOW_FLOW], 1);
        CHECK_EQ(faults_of(&w), tag < 6);
    }
}

/* A sample cannot hold a sample: its bytes are records or nothing. */
static void test_nested_sample(void)
{
    struct made m = made_datagram(1);
    size_t at = begin_flow(&m, 1), inner = begin_flow(&m, 1);
    struct walked w;

    put_header(&m, 1, 64, 60);
    end(&m, inner);
    end(&m, at);
    w = walk_made(&m);
    CHECK_EQ(w.samples, 1);
    CHECK_EQ(w.records, 1); /* of tag 1: a header of protocol 41 */
    CHECK_EQ(w.last_record.tag, FT_SFLOW_HEADER);
}

static void test_record_count(void)
{
    static const uint32_t counts[] = {2, 1000, 0x20000000, UINT32_MAX};
    struct made m = three_samples();
    struct walked w;

    for (unsigned i = 0; i < 4; i++) {
        set32(&m, N_RECORDS, counts[i]);
        w = walk_made(&m);
        CHECK_EQ(w.samples, 3);
        CHECK_EQ(w.records, 2);
        CHECK_EQ(w.faults[FT_SFLOW_F_RECORDS_MISSING], 1);
        CHECK_EQ(faults_of(&w), 1);
    }
    set32(&m, N_RECORDS, 0); /* bytes behind the last record of a sample are stepped over */
    w = walk_made(&m);
    CHECK_EQ(w.samples, 3);
    CHECK_EQ(w.records, 1);
    CHECK_EQ(faults_of(&w), 0);
}

/* Expanded samples too, which goflow2 once forgot to bound. */
static void test_record_count_expanded(void)
{
    for (uint32_t tag = 3; tag <= 5; tag++) {
        struct made m = made_datagram(1);
        size_t at = begin(&m, tag);
        struct walked w;

        for (uint32_t i = 0; i < (tag == 3 ? 10 : tag == 4 ? 3 : 7); i++) {
            put32(&m, i);
        }
        put32(&m, UINT32_MAX);
        end(&m, at);
        w = walk_made(&m);
        CHECK_EQ(w.samples, 1);
        CHECK_EQ(w.records, 0);
        CHECK_EQ(w.faults[FT_SFLOW_F_RECORDS_MISSING], 1);
    }
}

static void test_record_length(void)
{
    static const uint32_t lengths[] = {84, 88, 0x7ffffff8, 0xfffffff8, 0xfffffffd, UINT32_MAX};
    struct made m = three_samples();
    struct walked w;

    for (unsigned i = 0; i < 6; i++) {
        set32(&m, RECORD + 4, lengths[i]);
        w = walk_made(&m);
        CHECK_EQ(w.samples, 3); /* a sample's records are its own affair */
        CHECK_EQ(w.records, 2);
        CHECK_EQ(w.faults[FT_SFLOW_F_RECORD_LENGTH], 1);
        CHECK_EQ(faults_of(&w), 1);
    }
    set32(&m, RECORD + 4, 0);
    w = walk_made(&m);
    CHECK_EQ(w.samples, 3);
    CHECK_EQ(w.records, 2);
    CHECK_EQ(w.faults[FT_SFLOW_F_STRUCT_SHORT], 1);
}

/* FastNetMon GHSA-852r-3wcv-pjx2, goflow2#251, gopacket#1228. */
static void test_header_length(void)
{
    static const uint32_t lengths[] = {65, 128, 0x7fffffff, 0xfffffff0, UINT32_MAX};
    struct made m = three_samples();
    struct walked w;

    for (unsigned i = 0; i < 5; i++) {
        set32(&m, HEADER_LEN, lengths[i]);
        w = walk_made(&m);
        CHECK_EQ(w.samples, 3);
        CHECK_EQ(w.records, 2);
        CHECK_EQ(w.faults[FT_SFLOW_F_HEADER_LENGTH], 1);
    }
    set32(&m, HEADER_LEN, 0);
    w = walk_made(&m);
    CHECK_EQ(faults_of(&w), 0);
}

/* Frame length below the header's, more stripped than there was: told as they came. */
static void test_header_lies(void)
{
    struct made m = three_samples();
    struct ft_sflow_datagram d = {.n_seen = 0};
    struct ft_sflow_sample s = {.tag = 0};
    struct ft_sflow_record rec = {.tag = 0};
    struct ft_sflow_header h = {.data = NULL};

    set32(&m, HEADER_LEN - 8, 20);
    set32(&m, HEADER_LEN - 4, UINT32_MAX);
    CHECK_EQ(ft_sflow_begin(m.p, m.len, &d), FT_OK);
    CHECK_EQ(ft_sflow_next(&d, &s), FT_OK);
    CHECK_EQ(ft_sflow_record(&s, &rec), FT_OK);
    CHECK_EQ(ft_sflow_header(&rec, &h), FT_OK);
    CHECK_EQ(h.frame_len, 20);
    CHECK_EQ(h.stripped, UINT32_MAX);
    CHECK_EQ(h.len, 64);
    CHECK_EQ(h.cut, false);
}

/* Padding that is missing at the very end, as it was seen in the field. */
static void test_missing_last_padding(void)
{
    for (uint32_t n = 61; n < 64; n++) {
        struct made m = made_datagram(1);
        size_t at = begin_flow(&m, 1), len;
        struct walked w;

        put_header(&m, 1, 1518, n);
        end(&m, at);
        len = 32 + 8 + 16 + n; /* lengths that say so */
        set32(&m, at - 4, (uint32_t)len);
        set32(&m, at + 32 + 4, 16 + n);
        w = walk(m.p, at + len);
        CHECK_EQ(w.samples, 1);
        CHECK_EQ(w.records, 1);
        CHECK_EQ(faults_of(&w), 0);
    }
}

static void test_sampling_rate_zero(void)
{
    struct made m = three_samples();
    struct walked w;

    set32(&m, SAMPLE + 16, 0);
    w = walk_made(&m);
    CHECK_EQ(w.samples, 3);
    CHECK_EQ(faults_of(&w), 0);
}

static void test_bytes_between(void)
{
    struct made m = three_samples();
    struct walked w = walk(m.p, SECOND + 7);

    CHECK_EQ(w.samples, 1);
    CHECK_EQ(w.faults[FT_SFLOW_F_SAMPLE_SHORT], 1);
    set32(&m, SAMPLE + 4, 32 + 7);
    w = walk(m.p, SAMPLE + 8 + 32 + 7);
    CHECK_EQ(w.samples, 1);
    CHECK_EQ(w.faults[FT_SFLOW_F_RECORD_SHORT], 1);
    CHECK_EQ(w.faults[FT_SFLOW_F_SAMPLES_MISSING], 1);
}

/* A datagram with a structure of every sort of field. */
static struct made rich_datagram(void)
{
    struct made m = made_datagram(3);
    size_t at = begin_flow(&m, 4), rec = begin(&m, 1003);

    for (uint32_t i = 0; i < 16; i++) {
        static const uint32_t words[] = {1, 7, 1, 2, 3, 2, 2, 1, 100, 1, 1, 200, 1, 9, 150, 0};

        put32(&m, words[i]);
    }
    end(&m, rec);
    put_header(&m, 1, 64, 61);
    rec = begin(&m, 1041);
    put_string(&m, "group");
    put_string(&m, "trap");
    end(&m, rec);
    rec = begin(&m, 2);
    put_bytes(&m, "\0\0\5\xdc\1\2\3\4\5\6\0\0\1\2\3\4\5\7\0\0\0\0\10\0", 24);
    end(&m, rec);
    end(&m, at);
    at = begin_counters(&m, 3);
    rec = begin(&m, 2001);
    put_bytes(&m, "\0\0\0\1\0\0\0\1\0\0\0\1\1\2\3\4\5\6\0\0", 20);
    end(&m, rec);
    rec = begin(&m, 10);
    for (uint32_t i = 0; i < 15; i++) {
        put32(&m, 1);
    }
    end(&m, rec);
    rec = begin(&m, FT_SFLOW_TAG(4413, 2));
    for (uint32_t i = 0; i < 8; i++) {
        put32(&m, 1);
    }
    end(&m, rec);
    end(&m, at);
    at = begin(&m, 5);
    for (uint32_t i = 0; i < 8; i++) {
        put32(&m, 0);
    }
    end(&m, at);
    return m;
}

static void every_prefix_and_corruption(const struct made *m)
{
    struct walked whole = walk_made(m), w;
    struct made bad = *m;

    CHECK_EQ(faults_of(&whole), 0);
    for (size_t len = 0; len < m->len; len++) {
        w = walk(m->p, len);
        CHECK(w.samples <= whole.samples && w.records <= whole.records);
        CHECK(w.values <= whole.values);
        CHECK(faults_of(&w) > 0);
    }
    for (size_t i = 0; i < m->len; i++) {
        static const uint8_t flips[] = {0xff, 0x80, 0x01, 0x04};

        for (unsigned k = 0; k < 4; k++) {
            bad.p[i] = m->p[i] ^ flips[k];
            w = walk_made(&bad);
            CHECK(w.samples <= m->len / 8 && w.records <= m->len / 8);
        }
        bad.p[i] = m->p[i];
    }
}

static void test_every_prefix_flow(void)
{
    struct made m = three_samples();

    every_prefix_and_corruption(&m);
}

static void test_every_prefix_rich(void)
{
    struct made m = rich_datagram();
    struct walked w = walk_made(&m);

    CHECK_EQ(w.records, 7);
    every_prefix_and_corruption(&m);
}

static void test_every_prefix_expanded(void)
{
    struct made m = made_datagram(2);
    size_t at = begin(&m, 3), rec;

    for (uint32_t i = 0; i < 10; i++) {
        put32(&m, i);
    }
    put32(&m, 1);
    put_header(&m, 12, 1500, 100);
    end(&m, at);
    at = begin(&m, 4);
    for (uint32_t i = 0; i < 3; i++) {
        put32(&m, i);
    }
    put32(&m, 1);
    rec = begin(&m, 1);
    for (uint32_t i = 0; i < 22; i++) {
        put32(&m, i);
    }
    end(&m, rec);
    end(&m, at);
    every_prefix_and_corruption(&m);
}

/* Bytes from a fixed generator, with a header that is right. */
static void test_noise(void)
{
    uint64_t state = 1;

    for (int round = 0; round < 2000; round++) {
        struct made m = made_datagram(5);
        struct walked w;

        while (m.len < 600) {
            state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
            put32(&m, (uint32_t)(state >> 33) % (round % 2 == 0 ? 64 : UINT32_MAX));
        }
        w = walk_made(&m);
        CHECK(w.samples <= 5);
    }
}

int main(void)
{
    RUN(test_datagram_version);
    RUN(test_datagram_short);
    RUN(test_sample_count);
    RUN(test_sample_length);
    RUN(test_sample_length_zero);
    RUN(test_nested_sample);
    RUN(test_record_count);
    RUN(test_record_count_expanded);
    RUN(test_record_length);
    RUN(test_header_length);
    RUN(test_header_lies);
    RUN(test_missing_last_padding);
    RUN(test_sampling_rate_zero);
    RUN(test_bytes_between);
    RUN(test_every_prefix_flow);
    RUN(test_every_prefix_rich);
    RUN(test_every_prefix_expanded);
    RUN(test_noise);
    return test_end();
}
