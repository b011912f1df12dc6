/* SPDX-License-Identifier: Apache-2.0 */
/* codec: DNS messages and their relatives: every prefix, every single damaged byte, names that have
 * no end. What is read lies in blocks of its exact size, where a sanitizer looks. */
#include "codec/app/dns.h"

#include "harness.h"

/* a.example A, answered from 1.2.3.4 for 60 s, with EDNS */
static const uint8_t answer[] = {
    0, 7,   0x81, 0x80, 0,   1,   0,   1,   0,   0,   0, 1, /* header */
    1, 'a', 7,    'e',  'x', 'a', 'm', 'p', 'l', 'e', 0, 0, 1,  0,    1,    0xc0, 12, 0, 1, 0, 1,
    0, 0,   0,    60,   0,   4,   1,   2,   3,   4,   0, 0, 41, 0x04, 0xd0, 0,    0,  0, 0, 0, 0,
};
enum { QUESTION_END = 27, FIRST_ANSWER_FIXED = 39 };

static uint8_t *exact(const uint8_t *p, size_t len)
{
    uint8_t *copy = malloc(len > 0 ? len : 1);

    CHECK(copy != NULL);
    memcpy(copy, p, len);
    return copy;
}

static void test_every_prefix(void)
{
    for (size_t len = 0; len <= sizeof answer; len++) {
        uint8_t *p = exact(answer, len);
        struct ft_dns d;

        CHECK_EQ(ft_dns_read(p, len, false, FT_DNS_PLAIN, &d), len >= QUESTION_END);
        if (len >= QUESTION_END) {
            CHECK(d.has_question && d.name_len == 9 && memcmp(d.name, "a.example", 9) == 0);
            CHECK_EQ(d.answers_read, len >= FIRST_ANSWER_FIXED);
            CHECK(!d.answers_read || d.ttl == 60);
        }
        CHECK_EQ(ft_dns_is(p, len, false), len == sizeof answer);
        CHECK_EQ(ft_dns_is(p, len, true), len >= QUESTION_END);
        CHECK(ft_dns_begins(p, len));
        ft_dns_read(p, len, true, FT_DNS_NETBIOS, &d);
        free(p);
    }
}

static void test_every_damaged_byte(void)
{
    uint8_t *p = exact(answer, sizeof answer);
    uint32_t taken = 0;

    for (size_t at = 0; at < sizeof answer; at++) {
        for (uint32_t v = 0; v < 256; v++) {
            struct ft_dns d;

            p[at] = (uint8_t)v;
            for (int kind = FT_DNS_PLAIN; kind <= FT_DNS_NETBIOS; kind++) {
                if (ft_dns_read(p, sizeof answer, v & 1, (enum ft_dns_kind)kind, &d)) {
                    CHECK(d.name_len <= FT_DNS_NAME);
                }
            }
            taken += ft_dns_is(p, sizeof answer, false) && at >= 2 && at < 12;
        }
        p[at] = answer[at];
    }
    /* of 10 header bytes' 2560 values: flags that a response may have, and the right counts */
    CHECK(taken < 300);
    free(p);
}

static void check_name(const uint8_t *name, size_t len, enum ft_dns_kind kind, const char *want)
{
    uint8_t message[600] = {0, 1, 1, 0, 0, 1};
    struct ft_dns d;
    bool read;

    memcpy(message + 12, name, len);
    memcpy(message + 12 + len, "\0\1\0\1", 4);
    uint8_t *p = exact(message, 12 + len + 4);

    read = ft_dns_read(p, 12 + len + 4, false, kind, &d);
    CHECK_EQ(read, want != NULL);
    if (read && want != NULL) {
        CHECK_EQ(d.name_len, strlen(want));
        CHECK(d.name_len == strlen(want) && memcmp(d.name, want, d.name_len) == 0);
    }
    free(p);
}

#define NAME(bytes, kind, want) check_name((const uint8_t *)(bytes), sizeof(bytes), kind, want)

static void test_names(void)
{
    NAME("\3www\1x", FT_DNS_PLAIN, "www.x");
    NAME("", FT_DNS_PLAIN, ".");
    NAME("\3a.b\1\\", FT_DNS_PLAIN, "a\\.b.\\\\");
    NAME("\x40"
         "a",
         FT_DNS_PLAIN, NULL);                /* neither a label nor a pointer */
    NAME("\1a\xc0\x0c", FT_DNS_PLAIN, NULL); /* to itself */
    NAME("\1a\xc0\x0e", FT_DNS_PLAIN, NULL); /* to the pointer */
    NAME("\1a\xc0\x00", FT_DNS_PLAIN, NULL); /* into the header */
    NAME("\1a\xff\xff", FT_DNS_PLAIN, NULL); /* out of the message */
    NAME("\x20"
         "FHEPFCELEHFCEPFFFACACACACACACABN",
         FT_DNS_NETBIOS, "WORKGROUP<1d>");
    NAME("\x20"
         "FHEPFCELEHFCEPFFFACACACACACACABN\2ab\1c",
         FT_DNS_NETBIOS, "WORKGROUP<1d>.ab.c");
    NAME("\x20"
         "FHEPFCELEHFCEPFFFACACACACACACABN",
         FT_DNS_PLAIN, "FHEPFCELEHFCEPFFFACACACACACACABN");
    NAME("\x20"
         "FHEPFCELEHFCEPFFFACACACACACACABZ",
         FT_DNS_NETBIOS, "FHEPFCELEHFCEPFFFACACACACACACABZ");
    NAME("\x20"
         "CKAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
         FT_DNS_NETBIOS, "*<00><00><00><00><00><00><00><00><00><00><00><00><00><00><00>");
}

/* Counts that a message's length gives the lie. */
static void test_counts(void)
{
    uint8_t p[40] = {0, 1, 0x84};
    struct ft_dns d;

    CHECK(!ft_dns_read(p, 40, false, FT_DNS_PLAIN, &d)); /* nothing in it, and more bytes */
    CHECK(ft_dns_read(p, 12, false, FT_DNS_PLAIN, &d));  /* a bare header answers */
    CHECK(d.response && !d.has_question && d.name_len == 0);
    p[5] = 200;
    CHECK(!ft_dns_read(p, 40, false, FT_DNS_PLAIN, &d));
    p[5] = 0;
    p[6] = 0xff;
    CHECK(!ft_dns_read(p, 40, false, FT_DNS_PLAIN, &d));
    p[6] = 0;
    p[7] = 1; /* a record for the root */
    CHECK(ft_dns_read(p, 40, false, FT_DNS_PLAIN, &d));
    CHECK(d.answers_read && d.name_len == 1 && d.name[0] == '.');
}

int main(void)
{
    RUN(test_every_prefix);
    RUN(test_every_damaged_byte);
    RUN(test_names);
    RUN(test_counts);
    return test_end();
}
