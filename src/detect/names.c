/* SPDX-License-Identifier: Apache-2.0 */
/* detect: what a name is made of, see names.h. What can be registered is the last two labels, or
 * three where the last is of a country and the one before is short or a word such as com, gov and
 * ac: an estimate of the public suffix list, which is not read. */
#include "detect/names.h"

#include <math.h>
#include <string.h>

#include "base/rd.h"

enum { LETTERS = 26, ODD_PAIR = 6, LABELS = 128 };

/* Bits of a letter (column) behind another (row) in English prose, 9 and more as 9. */
static const char pairs[LETTERS][LETTERS + 1] = {
    "95449659596343949343667859", "37792779469387369448397959", "39693893593579269553699989",
    "46742969378677469437599969", "48435669799453868234856679", "49674399296399379455597979",
    "47992964399645469345589998", "27862999399979289565599979", "55444559997452359543959696",
    "48882888888888288826388888", "47861986399994889835686999", "39852799396389289945589969",
    "25872999399756439958599999", "49533539496785469833579969", "66557669796442559344364899",
    "38663787597388349344468969", "88868888888386668685088888", "39652669396666379534667959",
    "49592794496666447742586969", "39662783399688469435596959", "55554769599442749333999896",
    "39891969399576799579999799", "39953993399564389446999999", "39573599499459929992979659",
    "46784799799444439923995995", "68881888388688588838888883",
};

struct label {
    uint32_t at, len;
};

static bool is_second_level(const uint8_t *p, uint32_t len)
{
    static const char *const words[] = {"com", "net", "org", "gov", "edu", "mil", "gob", "nom"};

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (len == 3 && memcmp(p, words[i], 3) == 0) {
            return true;
        }
    }
    return len <= 2;
}

/* The labels of a name; a dot behind a backslash is of a label. */
static uint32_t split(const uint8_t *name, uint32_t len, struct label *out)
{
    uint32_t n = 0, from = 0;

    for (uint32_t i = 0; i <= len; i++) {
        if (i < len && name[i] == '\\') {
            i++;
        } else if (i == len || name[i] == '.') {
            if (n == LABELS) {
                return 0;
            }
            out[n++] = (struct label){from, i - from};
            from = i + 1;
        }
    }
    return n;
}

static uint64_t hash_of(const struct ft_hash_seed *seed, const uint8_t *p, uint32_t len)
{
    uint64_t h = len;

    for (uint32_t i = 0; i < len; i += 8) {
        uint64_t word = 0;

        memcpy(&word, p + i, len - i < 8 ? len - i : 8);
        h = ft_hash_16(seed, h, word);
    }
    return h;
}

static float entropy_of(const uint8_t *p, uint32_t len)
{
    uint16_t counts[256] = {0};
    uint32_t n = 0;
    double h = 0;

    for (uint32_t i = 0; i < len; i++) {
        counts[p[i]] += p[i] != '.';
        n += p[i] != '.';
    }
    for (uint32_t i = 0; i < 256; i++) {
        if (counts[i] > 0) {
            h -= (double)counts[i] / n * log2((double)counts[i] / n);
        }
    }
    return (float)h;
}

static bool is_letter(uint8_t c)
{
    return c >= 'a' && c <= 'z';
}

static float surprise_of(const uint8_t *p, uint32_t len)
{
    uint32_t sum = 0;

    for (uint32_t i = 1; i < len; i++) {
        sum += is_letter(p[i - 1]) && is_letter(p[i])
                   ? (uint32_t)(pairs[p[i - 1] - 'a'][p[i] - 'a'] - '0')
                   : ODD_PAIR;
    }
    return len > 1 ? (float)sum / (float)(len - 1) : 0;
}

/* A label of so many characters at most, all of them digits of this base. */
static bool is_number(const uint8_t *p, uint32_t len, uint32_t most, bool hex)
{
    for (uint32_t i = 0; i < len; i++) {
        if (!((p[i] >= '0' && p[i] <= '9') || (hex && p[i] >= 'a' && p[i] <= 'f'))) {
            return false;
        }
    }
    return len > 0 && len <= most;
}

/* An address turned round: RFC 1035 section 3.5, RFC 3596, RFC 5782. */
static bool is_reverse(const uint8_t *name, const struct label *l, uint32_t n)
{
    uint32_t bytes = 0, nibbles = 0;

    while (bytes < n && is_number(name + l[bytes].at, l[bytes].len, 3, false)) {
        bytes++;
    }
    while (nibbles < n && is_number(name + l[nibbles].at, l[nibbles].len, 1, true)) {
        nibbles++;
    }
    return bytes >= 4 || nibbles >= 32 ||
           (l[n - 1].len == 4 && memcmp(name + l[n - 1].at, "arpa", 4) == 0);
}

bool ft__name_read(const struct ft_hash_seed *seed, uint8_t *name, uint32_t len,
                   struct ft_note_name *out)
{
    struct label labels[LABELS];
    uint32_t n, first;

    for (uint32_t i = 0; i < len; i++) {
        name[i] = name[i] >= 'A' && name[i] <= 'Z' ? name[i] | 0x20 : name[i];
    }
    len -= len > 0 && name[len - 1] == '.' && (len == 1 || name[len - 2] != '\\');
    n = split(name, len, labels);
    if (n < 2) {
        return false;
    }
    first = n - 2;
    if (n > 2 && labels[n - 1].len == 2 &&
        is_second_level(name + labels[n - 2].at, labels[n - 2].len)) {
        first = n - 3;
    }
    const struct label *l = &labels[first];
    uint32_t sub = l->at > 0 ? l->at - 1 : 0, rest = len - l->at;

    memset(out, 0, sizeof *out);
    out->looked_up = is_reverse(name, labels, n);
    out->domain = hash_of(seed, name + l->at, rest);
    out->sub = hash_of(seed, name, sub);
    out->sub_len = (uint8_t)(sub < FT__NAME_MOST ? sub : FT__NAME_MOST);
    out->sub_entropy = entropy_of(name, sub);
    out->label_len = (uint8_t)(l->len < FT__NAME_MOST ? l->len : FT__NAME_MOST);
    out->surprise = surprise_of(name + l->at, l->len);
    out->text_len = (uint8_t)(rest < FT__NAME_SHOWN ? rest : FT__NAME_SHOWN);
    memcpy(out->text, name + l->at, out->text_len);
    return true;
}
