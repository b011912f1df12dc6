/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes codec/export/sflow. Properties: every walk ends, within the bytes that there are; samples,
 * records and headers lie inside the datagram, in order; every value lies inside its record, has a
 * key and a length that fits its type; the same record read into less room gives the same
 * beginning; a prefix of the datagram gives no more samples than the whole. */
#include "codec/export/sflow.h"

#include <stdlib.h>
#include <string.h>

#include "mutate.h"

MUTATE_AS(mutate_sflow);

enum { VALUES = 512 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
    if (!ok) {
        abort();
    }
}

static void check_value(const struct ft_sflow_record *rec, const uint8_t *base,
                        const struct ft_xvalue *v)
{
    static const uint8_t widths[] = {
        [FT_X_FLOAT] = 4, [FT_X_MAC] = 6, [FT_X_IPV4] = 4, [FT_X_IPV6] = 16};
    size_t at = (size_t)(rec->data - base);

    must(v->key != NULL && v->key_len > 0 && strlen(v->key) == v->key_len);
    must(v->offset >= at && v->offset <= at + rec->len);
    must(v->len <= at + rec->len - v->offset);
    if ((v->flags & (FT_XV_ABSENT | FT_XV_WRONG)) != 0) {
        return;
    }
    if (v->type < sizeof widths && widths[v->type] != 0) {
        must(v->len == widths[v->type]);
    }
    must((v->type != FT_X_UINT && v->type != FT_X_INT) || v->len == 1 || v->len == 4 ||
         v->len == 8);
    must(v->type != FT_X_UINT32_LIST || v->len % 4 == 0);
}

static void check_values(enum ft_sflow_kind kind, struct ft_sflow_record *rec, const uint8_t *base)
{
    static struct ft_xvalue all[VALUES], some[VALUES];
    uint32_t n = 0, less = 0;
    int rc = ft_sflow_values(kind, rec, base, all, VALUES, &n);

    must(n <= VALUES && (rc != FT_E_FULL || n == VALUES));
    for (uint32_t i = 0; i < n; i++) {
        check_value(rec, base, &all[i]);
        must((all[i].flags & FT_XV_MORE) == 0 || (i > 0 && all[i - 1].key == all[i].key));
    }
    if (n > 0) {
        must(ft_sflow_values(kind, rec, base, some, n / 2, &less) == FT_E_FULL);
        must(less == n / 2 && memcmp(all, some, less * sizeof all[0]) == 0);
    }
}

static void check_record(enum ft_sflow_kind kind, struct ft_sflow_record *rec, const uint8_t *base)
{
    struct ft_sflow_ethernet frame;
    struct ft_sflow_header h;
    struct ft_sflow_ip ip;

    if (kind != FT_SFLOW_COUNTERS && rec->tag == FT_SFLOW_HEADER &&
        ft_sflow_header(rec, &h) == FT_OK) {
        must(h.data == rec->data + 16 && h.len <= rec->len - 16);
        must(h.len == h.header_len || (h.cut && h.len < h.header_len));
    }
    ft_ignore(ft_sflow_ethernet(rec, &frame) != FT_OK); /* must only not read too far */
    ft_ignore(ft_sflow_ip(rec, &ip) != FT_OK);          /* likewise */
    check_values(kind, rec, base);
}

static uint32_t walk(const uint8_t *data, size_t size)
{
    struct ft_sflow_datagram d;
    struct ft_sflow_sample s;
    struct ft_sflow_record rec;
    size_t calls = 0;
    uint32_t samples = 0;
    int rc;

    if (ft_sflow_begin(data, size, &d) != FT_OK) {
        must(d.fault > FT_SFLOW_F_NONE && d.fault <= FT_SFLOW_F_AGENT_ADDRESS);
        return 0;
    }
    while ((rc = ft_sflow_next(&d, &s)) != FT_E_EOF) {
        must(++calls <= size / 8 + 2);
        must(rc == FT_OK || (d.fault > FT_SFLOW_F_NONE && d.fault < FT_SFLOW_F__COUNT));
        if (rc != FT_OK) {
            continue;
        }
        samples++;
        must(s.data > data && s.len <= (size_t)(data + size - s.data));
        must(s.kind < FT_SFLOW_KIND__COUNT);
        for (size_t records = 0; (rc = ft_sflow_record(&s, &rec)) != FT_E_EOF; records++) {
            must(records <= s.len / 8 + 1);
            must(rc == FT_OK || (s.fault > FT_SFLOW_F_NONE && s.fault < FT_SFLOW_F__COUNT));
            if (rc == FT_OK) {
                must(rec.data >= s.data && rec.len <= (size_t)(s.data + s.len - rec.data));
                check_record(s.kind, &rec, data);
            }
        }
    }
    must(ft_sflow_next(&d, &s) == FT_E_EOF);
    return samples;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint32_t all = walk(data, size);
    uint8_t *half = malloc(size / 2 + 1);

    if (half == NULL) {
        return 0;
    }
    memcpy(half + 1, data, size / 2); /* unaligned, and ends where its block ends */
    must(walk(half + 1, size / 2) <= all);
    free(half);
    return 0;
}
