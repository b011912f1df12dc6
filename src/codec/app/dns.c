/* SPDX-License-Identifier: Apache-2.0 */
/* codec: DNS messages, see dns.h. */
#include "codec/app/dns.h"

#include <string.h>

#include "base/rd.h"

/* header, RFC 1035 §4.1.1:
 *   0 id   2 QR, opcode (4), AA, TC, RD, RA, Z, AD, CD, rcode (4)   4 questions   6 answers
 *   8 authorities   10 additionals
 * record, §4.1.3: name, type 2, class 2, TTL 4, length 2, data */
enum { DNS_HEADER = 12, DNS_QUESTION = 4, DNS_RECORD = 10, QUESTION_MIN = 5, RECORD_MIN = 11 };
enum { POINTER = 0xc0, LABEL_MAX = 63, NAME_MAX = 255 };
enum { JUMPS_MAX = 16, QUESTIONS_MAX = 256, ANSWERS_MAX = 64 };
enum { F_RESPONSE = 0x8000, F_AA = 0x0400, F_TC = 0x0200, F_RA = 0x0080, F_Z = 0x0040 };
enum { OP_QUERY = 0, OP_NOTIFY = 4, OP_UPDATE = 5, OP_DSO = 6, OP_NB_MULTIHOMED = 15 };
enum { A_LEN = 4, LOOPBACK = 127 };
enum { TYPE_A = 1, TYPE_OPT = 41, RCODE_LAST = 11 };
enum { NETBIOS_LABEL = 32, NETBIOS_NAME = 15 };

static uint32_t opcode(uint16_t flags)
{
    return flags >> 11 & 15;
}

/* ---- names ---- */

static void put(struct ft_dns *out, uint8_t c)
{
    if (out->name_len < FT_DNS_NAME) {
        out->name[out->name_len++] = c;
    }
}

static void put_label(struct ft_dns *out, const uint8_t *p, uint8_t len)
{
    for (uint8_t i = 0; i < len; i++) {
        if (p[i] == '.' || p[i] == '\\') {
            put(out, '\\');
        }
        put(out, p[i]);
    }
}

static void put_hex(struct ft_dns *out, uint8_t c)
{
    static const char digits[] = "0123456789abcdef";

    put(out, '<');
    put(out, (uint8_t)digits[c >> 4]);
    put(out, (uint8_t)digits[c & 15]);
    put(out, '>');
}

/* A NetBIOS name's first label (RFC 1001 §14.1): 16 bytes, a letter from A to P for each half.
 * The sixteenth is what the name is for; the others are filled up with blanks, which go. */
static bool put_netbios(struct ft_dns *out, const uint8_t *p, uint8_t len)
{
    uint8_t name[NETBIOS_NAME + 1], n = NETBIOS_NAME;

    if (len != NETBIOS_LABEL) {
        return false;
    }
    for (int i = 0; i < NETBIOS_LABEL; i += 2) {
        uint8_t high = (uint8_t)(p[i] - 'A'), low = (uint8_t)(p[i + 1] - 'A');

        if (high > 15 || low > 15) {
            return false;
        }
        name[i / 2] = (uint8_t)(high << 4 | low);
    }
    while (n > 0 && name[n - 1] == ' ') {
        n--;
    }
    for (uint8_t i = 0; i < n; i++) {
        if (name[i] >= ' ' && name[i] <= '~') {
            put(out, name[i]);
        } else {
            put_hex(out, name[i]);
        }
    }
    put_hex(out, name[NETBIOS_NAME]);
    return true;
}

/* The name at rd, which goes behind it; msg: the message's begin. Pointers go back, each behind the
 * place that the last one came from, so that there is an end (RFC 1035 §4.1.4). out: NULL, or where
 * the text goes. */
static bool take_name(struct ft_rd *rd, const uint8_t *msg, enum ft_dns_kind kind,
                      struct ft_dns *out)
{
    struct ft_rd at = *rd;
    const uint8_t *start = rd->p; /* of what is read now */
    uint32_t wire = 0;
    int jumps = 0;

    for (;;) { /* NAME_MAX bytes, JUMPS_MAX pointers */
        uint8_t len = ft_rd_u8(&at);
        const uint8_t *p;

        if (!ft_rd_ok(&at)) {
            return false;
        }
        if (len >= POINTER) {
            uint32_t to = (len & 0x3fu) << 8 | ft_rd_u8(&at);

            if (!ft_rd_ok(&at) || to < DNS_HEADER || to >= (size_t)(start - msg) ||
                ++jumps > JUMPS_MAX) {
                return false;
            }
            if (jumps == 1) {
                rd->p = at.p;
            }
            start = at.p = msg + to;
            continue;
        }
        p = len <= LABEL_MAX ? ft_rd_view(&at, len) : NULL;
        wire += len + 1u;
        if (p == NULL || wire > NAME_MAX) {
            return false;
        }
        if (len == 0) {
            break;
        }
        if (out != NULL && out->name_len > 0) {
            put(out, '.');
        }
        if (out != NULL &&
            !(kind == FT_DNS_NETBIOS && wire == len + 1u && put_netbios(out, p, len))) {
            put_label(out, p, len);
        }
    }
    if (out != NULL && out->name_len == 0) {
        put(out, '.');
    }
    if (jumps == 0) {
        rd->p = at.p;
    }
    return true;
}

/* ---- where a port says that it is DNS ---- */

/* A response without a question: its first answer's owner stands for it. False: there is none. */
static bool read_answers(struct ft_rd *rd, const uint8_t *msg, enum ft_dns_kind kind,
                         struct ft_dns *out)
{
    for (int i = 0; i < out->answers && i < ANSWERS_MAX; i++) {
        const uint8_t *p, *data;
        bool owner = i == 0 && !out->has_question, first_a;
        uint32_t ttl;

        if (!take_name(rd, msg, kind, owner ? out : NULL)) {
            out->name_len = owner ? 0 : out->name_len;
            return i > 0;
        }
        p = ft_rd_view(rd, DNS_RECORD);
        if (p == NULL) {
            return i > 0;
        }
        out->qtype = owner ? ft_load_be16(p) : out->qtype;
        ttl = ft_load_be32(p + 4);
        out->ttl = !out->answers_read || ttl < out->ttl ? ttl : out->ttl;
        out->answers_read = true;
        first_a = ft_load_be16(p) == TYPE_A && !out->has_a;
        if (first_a) {
            out->has_a = true;
            out->a_ttl = ttl;
        }
        data = ft_rd_view(rd, ft_load_be16(p + 8));
        if (data == NULL) {
            break;
        }
        if (first_a && ft_load_be16(p + 8) == A_LEN) {
            out->a_listed = data[0] == LOOPBACK;
        }
    }
    return true;
}

/* The reserved bit is 0, the opcode one that is assigned. */
static bool flags_fit(uint16_t flags, enum ft_dns_kind kind)
{
    uint32_t op = opcode(flags);

    if (kind == FT_DNS_NETBIOS) { /* RFC 1002 §4.2.1.1, and the multi-homed registration */
        return (flags & 0x0060) == 0 && (op == 0 || (op >= 5 && op <= 9) || op == OP_NB_MULTIHOMED);
    }
    return (flags & F_Z) == 0 && op <= OP_DSO;
}

static bool skip_questions(struct ft_rd *rd, const uint8_t *msg, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        if (i == QUESTIONS_MAX || !take_name(rd, msg, FT_DNS_PLAIN, NULL) ||
            ft_rd_view(rd, DNS_QUESTION) == NULL) {
            return false;
        }
    }
    return true;
}

/* A message with one question is what all the world sends. Any other has to hold what it counts, or
 * be cut: without that nearly anything would be one. */
static bool counts_fit(const uint8_t *p, size_t left, bool cut)
{
    uint32_t questions = ft_load_be16(p + 4);
    uint32_t records = ft_load_be16(p + 6) + ft_load_be16(p + 8) + (uint32_t)ft_load_be16(p + 10);

    return questions == 1 || (questions + records > 0 &&
                              (cut || questions * QUESTION_MIN + records * RECORD_MIN <= left));
}

bool ft_dns_read(const uint8_t *p, size_t len, bool cut, enum ft_dns_kind kind, struct ft_dns *out)
{
    struct ft_rd rd = ft_rd_make(p, len);
    uint16_t flags, questions;

    memset(out, 0, sizeof *out);
    if (ft_rd_view(&rd, DNS_HEADER) == NULL) {
        return false;
    }
    flags = ft_load_be16(p + 2);
    questions = ft_load_be16(p + 4);
    cut |= (flags & F_TC) != 0;
    out->id = ft_load_be16(p);
    out->response = (flags & F_RESPONSE) != 0;
    out->rcode = flags & 15;
    out->answers = ft_load_be16(p + 6);
    if (!flags_fit(flags, kind) ||
        (!counts_fit(p, ft_rd_left(&rd), cut) && !(out->response && len == DNS_HEADER))) {
        return false;
    }
    if (questions > 0) {
        if (!take_name(&rd, p, kind, out) || ft_rd_left(&rd) < DNS_QUESTION) {
            return false;
        }
        out->has_question = true;
        out->qtype = ft_rd_u16(&rd);
        ft_ignore(ft_rd_u16(&rd)); /* class */
        if (!skip_questions(&rd, p, questions - 1u)) {
            return cut;
        }
    }
    return !out->response || read_answers(&rd, p, kind, out) || out->has_question || cut;
}

/* ---- where no port says so ---- */

static bool class_fits(uint16_t dclass)
{
    return dclass == 1 || dclass == 3 || dclass == 4 || dclass >= 254; /* IN, CH, HS, NONE, ANY */
}

/* Flags and counts of a message with one question (RFC 1035 §4.1.1, RFC 1996 §3, RFC 2136 §2.2). */
static bool header_fits(uint16_t flags, uint16_t questions, uint16_t answers, uint16_t authorities,
                        uint16_t additionals)
{
    uint32_t op = opcode(flags);

    if (questions != 1 || (flags & F_Z) || (op != OP_QUERY && op != OP_NOTIFY && op != OP_UPDATE)) {
        return false;
    }
    if (flags & F_RESPONSE) {
        return (flags & 15) <= RCODE_LAST;
    }
    if ((flags & 15) != 0 || (flags & (F_TC | F_RA)) || additionals > 2) {
        return false;
    }
    return op != OP_QUERY || (!(flags & F_AA) && answers == 0 && authorities <= 1);
}

bool ft_dns_begins(const uint8_t *p, size_t len)
{
    if (len < 4) {
        return true;
    }
    /* counts that are not there yet are taken for the least */
    return header_fits(ft_load_be16(p + 2), len >= 6 ? ft_load_be16(p + 4) : 1,
                       len >= 8 ? ft_load_be16(p + 6) : 0, len >= 10 ? ft_load_be16(p + 8) : 0,
                       len >= 12 ? ft_load_be16(p + 10) : 0);
}

static bool record_fits(struct ft_rd *rd, const uint8_t *msg)
{
    const uint8_t *p;

    if (!take_name(rd, msg, FT_DNS_PLAIN, NULL)) {
        return false;
    }
    p = ft_rd_view(rd, DNS_RECORD);
    if (p == NULL || ft_load_be16(p) == 0) {
        return false;
    }
    if (ft_load_be16(p) != TYPE_OPT && !class_fits(ft_load_be16(p + 2))) {
        return false;
    }
    return ft_rd_view(rd, ft_load_be16(p + 8)) != NULL;
}

bool ft_dns_is(const uint8_t *p, size_t len, bool cut)
{
    struct ft_rd rd = ft_rd_make(p, len);
    uint32_t records;
    const uint8_t *q;

    if (ft_rd_view(&rd, DNS_HEADER) == NULL || !ft_dns_begins(p, len) ||
        !take_name(&rd, p, FT_DNS_PLAIN, NULL)) {
        return false;
    }
    q = ft_rd_view(&rd, DNS_QUESTION);
    if (q == NULL || ft_load_be16(q) == 0 || !class_fits(ft_load_be16(q + 2))) {
        return false;
    }
    records = ft_load_be16(p + 6) + ft_load_be16(p + 8) + (uint32_t)ft_load_be16(p + 10);
    for (uint32_t i = 0; i < records; i++) { /* each takes eleven bytes at least */
        if (!record_fits(&rd, p)) {
            return cut;
        }
    }
    return cut || ft_rd_left(&rd) == 0;
}
