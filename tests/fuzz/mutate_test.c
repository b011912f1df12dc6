/* SPDX-License-Identifier: Apache-2.0 */
/* The mutations of the fuzz targets: what is broken becomes plausible, mostly, and what is done to
 * parts stays within the input. */
#include "mutate.h"

#include "base/rd.h"
#include "harness.h"

enum { SEEDS = 1000, HEAD = 2 + 24, RECORD = 16, IP = 28 + 8 };

/* A record of a pcap file: an IPv4 packet with a UDP datagram of 8 bytes. */
static size_t put_record(uint8_t *p)
{
    static const uint8_t record[RECORD + IP] = {
        [8] = IP,         [12] = IP, /* little-endian: caplen, len */
        [16] = 0x45,      [19] = IP, /* total length */
        [24] = 64,        [25] = 17, [28] = 192, [31] = 1, [32] = 192, [35] = 2,
        [16 + 20] = 0x13, 0x88,      0,          53,       0,          16, /* ports, UDP length */
    };

    memcpy(p, record, sizeof record);
    return sizeof record;
}

static size_t put_capture(uint8_t *p, int n)
{
    static const uint8_t head[HEAD] = {[2] = 0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, [22] = 101};
    size_t size = sizeof head;

    memcpy(p, head, sizeof head);
    for (int i = 0; i < n; i++) {
        size += put_record(p + size);
    }
    return size;
}

static uint32_t checksum(const uint8_t *p)
{
    uint32_t sum = 0;

    for (int i = 0; i < 20; i += 2) {
        sum += ft_load_be16(p + i);
    }
    return (sum & 0xffff) + (sum >> 16);
}

/* Lengths and checksum are right afterwards, but not always. */
static void test_packet(void)
{
    int total = 0, udp = 0, sums = 0, caplen = 0;

    for (uint32_t i = 0; i < SEEDS; i++) {
        struct mutate m = {.random = i};
        uint8_t data[200];
        size_t size = put_capture(data, 1);
        uint8_t *ip = data + HEAD + RECORD;

        data[HEAD + 9] = 0xff; /* caplen beyond the file */
        ip[2] = 0xee;          /* total length beyond the packet */
        ip[24] = 0xdd;         /* UDP length */
        mutate_repair(&mutate_capture, &m, data, size);
        caplen += data[HEAD + 8] == IP && data[HEAD + 9] == 0;
        total += ft_load_be16(ip + 2) == IP;
        udp += ft_load_be16(ip + 24) == 16;
        sums += checksum(ip) == 0xffff;
    }
    CHECK_EQ(caplen, SEEDS);
    CHECK(total > SEEDS * 8 / 10 && total < SEEDS);
    CHECK(udp > SEEDS * 7 / 10 && udp < SEEDS);
    CHECK(sums > SEEDS * 8 / 10 && sums < SEEDS);
}

/* A capture of whole records is one afterwards, whatever was done to its records. */
static void test_shuffle(void)
{
    static uint8_t data[4096];
    int sizes[3] = {0};

    for (uint32_t i = 0; i < SEEDS; i++) {
        struct mutate m = {.random = i};
        struct mutate_part p;
        size_t size = put_capture(data, 3), at;

        size = mutate_shuffle(&mutate_capture, &m, data, size, sizeof data);
        CHECK((size - HEAD) % (RECORD + IP) == 0);
        sizes[(size - HEAD) / (RECORD + IP) - 2]++;
        at = HEAD;
        while (mutate_capture.part(&m, data, size, at, &p)) {
            CHECK_EQ(p.len, IP);
            at = p.end;
        }
        CHECK_EQ(at, size);
    }
    CHECK(sizes[0] > 100 && sizes[1] > 100 && sizes[2] > 100); /* dropped, exchanged, doubled */

    struct mutate m = {.random = 1};
    size_t size = put_capture(data, 3);

    for (int i = 0; i < SEEDS; i++) {
        CHECK(mutate_shuffle(&mutate_capture, &m, data, size, size) <= size);
    }
}

/* An IPFIX message in a part: its length and that of its set; a data set gets an id that is known.
 */
static void test_export(void)
{
    int lengths = 0, known = 0;

    for (uint32_t i = 0; i < SEEDS; i++) {
        struct mutate m = {.random = i, .ids = {300, 300, 300, 300}};
        uint8_t data[] = {0,          /* limits */
                          0, 0,  200, /* control, length: beyond the input */
                          0, 10, 9,    9,    0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, /* message */
                          1, 0,  0xff, 0xff, 1, 2, 3, 4};                        /* set 256 */

        mutate_repair(&mutate_exports, &m, data, sizeof data);
        CHECK_EQ(ft_load_be16(data + 2), 24);
        lengths += ft_load_be16(data + 6) == 24 && ft_load_be16(data + 22) == 8;
        known += ft_load_be16(data + 20) == 300;
    }
    CHECK(lengths > SEEDS * 8 / 10 && lengths < SEEDS);
    CHECK(known > SEEDS / 2 && known < SEEDS);
}

/* Every layout takes any bytes: the sanitizer looks. */
static void test_any_bytes(void)
{
    static const struct mutate_layout *const layouts[] = {
        &mutate_capture, &mutate_frame, &mutate_exports, &mutate_datagrams, &mutate_sflow};
    static const uint8_t starts[][4] = {
        {0, 0, 0x0a, 0x0d}, {0, 0, 0xa1, 0xb2}, {0, 0, 0, 5}, {0, 0, 0, 20}, {0, 0, 0x45, 0}};

    for (uint32_t i = 0; i < 20 * SEEDS; i++) {
        const struct mutate_layout *l = layouts[i % 5];
        struct mutate m = {.random = i};
        size_t size = i / 5 % 300, max = 400;
        uint8_t *data = malloc(max);

        for (size_t k = 0; k < size; k++) {
            m.random = m.random * 1103515245u + 12345u;
            data[k] = m.random >> 30 ? (uint8_t)(m.random >> 24 & 0x45) : (uint8_t)(m.random >> 16);
        }
        memcpy(data, starts[i / 7 % 5], size < 4 ? size : 4);
        data = realloc(data, size > 0 ? size : 1); /* ends where it ends */
        mutate_repair(l, &m, data, size);
        data = realloc(data, max);
        CHECK(mutate_shuffle(l, &m, data, size, max) <= max);
        free(data);
    }
}

int main(void)
{
    RUN(test_packet);
    RUN(test_shuffle);
    RUN(test_export);
    RUN(test_any_bytes);
    return test_end();
}
