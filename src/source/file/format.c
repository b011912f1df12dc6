/* SPDX-License-Identifier: Apache-2.0 */
/* source/file: pcap, pcapng or IPFIX over a window, see parts.h. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "model/peer.h"
#include "source/direction.h"
#include "source/file/parts.h"

int ft__file_err(struct ft_err *err, int code, uint64_t off, const char *fmt, ...)
{
    if (err != NULL) {
        va_list ap;

        err->code = code;
        err->off = off;
        va_start(ap, fmt);
        vsnprintf(err->what, sizeof err->what, fmt, ap);
        va_end(ap);
    }
    return code;
}

/* What files that are given by mistake start with. */
static const struct {
    uint8_t len;
    const char *bytes;
    const char *name;
} others[] = {
    {6,
     "\xfd"
     "7zXZ\0",
     "an xz archive (unpack it first)"},
    {3, "BZh", "a bzip2 archive (unpack it first)"},
    {4, "\x04\x22\x4d\x18", "an lz4 archive (unpack it first)"},
    {4, "PK\x03\x04", "a zip archive (unpack it first)"},
    {6, "7z\xbc\xaf\x27\x1c", "a 7z archive (unpack it first)"},
    {8, "snoop\0\0\0", "a snoop capture (convert it: editcap -F pcapng)"},
    {4, "RTSS", "a Network Monitor 1 capture (convert it: editcap -F pcapng)"},
    {4, "GMBU", "a Network Monitor 2 capture (convert it: editcap -F pcapng)"},
    {4, "\x1c\x00\x01\xac", "an IXIA lcap capture (convert it: editcap -F pcapng)"},
    {4, "\x1c\x00\x01\xab", "an IXIA lcap capture (convert it: editcap -F pcapng)"},
    {4, "\xac\x01\x00\x1c", "an IXIA lcap capture (convert it: editcap -F pcapng)"},
    {4, "\xab\x01\x00\x1c", "an IXIA lcap capture (convert it: editcap -F pcapng)"},
    {2, "\xa5\x0c", "an nfdump file"},
    {2, "\x0c\xa5", "an nfdump file"},
    {4, "\177ELF", "an ELF program"},
    {6, "ARROW1", "an Arrow file"},
    {4, "PAR1", "a Parquet file"},
};

const char *ft__format_guess(const uint8_t *p, size_t len)
{
    size_t text = 0;

    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        if (len >= others[i].len && memcmp(p, others[i].bytes, others[i].len) == 0) {
            return others[i].name;
        }
    }
    while (text < len && text < 64 &&
           ((p[text] >= 0x20 && p[text] < 0x7f) || (p[text] >= '\t' && p[text] <= '\r'))) {
        text++;
    }
    return len > 0 && (text == len || text == 64) ? "text" : "something else";
}

/* IPFIX files are taken where it is said that they are: no packets stand in them. */
static bool messages_ok(const struct ft__file *s)
{
    return s->linktype_ok != NULL && s->linktype_ok(FT_LINK_MESSAGE);
}

int ft__format_begin(struct ft__file *s, const struct ft__input *in, const uint8_t *p, size_t len,
                     size_t *out_used, struct ft_err *err)
{
    struct ft__format *f = &s->format;
    int rc;

    f->kind = FT__FORMAT_NONE;
    f->vetted = false;
    f->joined_at = 0;
    if (len < 4) {
        *out_used = 4;
        return FT_E_TRUNCATED;
    }
    if (ft_pcapng_is_magic(p)) {
        f->kind = FT__FORMAT_PCAPNG;
        ft_pcapng_init(&f->ng, s->ifaces, FT__IFACES_CAP);
        f->ng.directions = s->direction != FT_DIRECTION_ANY;
        *out_used = 0;
        return FT_OK;
    }
    if (messages_ok(s) && ft_ipfix_is_magic(p)) {
        f->kind = FT__FORMAT_IPFIX;
        f->input = (uint16_t)(in - s->inputs);
        *out_used = 0;
        return FT_OK;
    }
    if (!ft_pcap_is_magic(p)) {
        return ft_err_set(err, FT_E_FORMAT, "%s: not a pcap or pcapng capture%s but %s", in->name,
                          messages_ok(s) ? " or an IPFIX file" : "", ft__format_guess(p, len));
    }
    *out_used = FT_PCAP_HEADER_LEN;
    rc = ft_pcap_parse(p, len, &f->pcap);
    if (rc == FT_E_UNSUPPORTED) {
        return ft_err_set(err, rc, "%s: pcap version %u.%u is not supported", in->name,
                          f->pcap.major, f->pcap.minor);
    }
    if (rc == FT_OK) {
        f->kind = FT__FORMAT_PCAP;
    }
    return rc;
}

/* "NAME: why" becomes what it means for a capture inside an input. */
static int leave_out(const struct ft__input *in, uint64_t off, const char *what, struct ft_err *err)
{
    size_t skip = strlen(in->name) + 2;
    char why[sizeof err->what];

    snprintf(why, sizeof why, "%s", strlen(err->what) > skip ? err->what + skip : err->what);
    return ft__file_err(err, err->code, off,
                        "%s: another capture begins at offset %" PRIu64 ", and %s: %.200s",
                        in->name, off, what, why);
}

void ft__format_tell_join(const struct ft__file *s, struct ft__input *in, uint64_t off)
{
    ft_log(s->log, in->joined ? FT_LOG_DEBUG : FT_LOG_WARN,
           "%s: another capture begins at offset %" PRIu64 "; it is read on with", in->name, off);
    in->joined = true;
}

int ft__format_join(struct ft__file *s, struct ft__input *in, struct ft_err *err)
{
    uint64_t off = ft__format_offset(s);
    size_t used = 0;
    int rc = ft__format_begin(s, in, s->walk.p, ft_walk_left(&s->walk), &used, err);

    if (rc != FT_OK) {
        return leave_out(in, off, "is left out with all behind it", err);
    }
    s->walk.p += used;
    s->format.joined_at = off;
    ft__format_tell_join(s, in, off);
    return FT_OK;
}

int ft__format_walk(struct ft__format *f, struct ft_walk *w, struct ft_view *views, uint32_t cap,
                    uint32_t *n)
{
    if (f->kind == FT__FORMAT_PCAP) {
        return ft_pcap_walk(&f->pcap, w, views, cap, n);
    }
    if (f->kind == FT__FORMAT_IPFIX) {
        return ft_ipfix_walk(f->input, w, views, cap, n);
    }
    return ft_pcapng_walk(&f->ng, w, views, cap, n);
}

static bool linktype_ok(const struct ft__file *s, uint16_t linktype)
{
    return s->linktype_ok == NULL || s->linktype_ok(linktype);
}

static int refuse_linktype(const struct ft__file *s, const struct ft__input *in, uint16_t linktype,
                           struct ft_err *err)
{
    const char *name = s->linktype_name != NULL ? s->linktype_name(linktype) : NULL;

    if (name == NULL) {
        return ft_err_set(err, FT_E_UNSUPPORTED, "%s: link type %u is not supported", in->name,
                          linktype);
    }
    return ft_err_set(err, FT_E_UNSUPPORTED, "%s: link type %u (%s) is not supported", in->name,
                      linktype, name);
}

/* Compiles the filter for one more link type. That it cannot be is not an error here: open() looks
 * whether it could be for any. */
static int filter_add(struct ft__file *s, const struct ft__input *in, uint16_t linktype,
                      struct ft_err *err)
{
    struct ft_err why;
    int rc;

    if (s->filter == NULL || ft_filter_has(s->filter, linktype)) {
        return FT_OK;
    }
    rc = ft_filter_add(s->filter, linktype, &why);
    if (rc == FT_E_USAGE) {
        ft_log(s->log, FT_LOG_WARN, "%s: link type %u: %s: none of its packets match", in->name,
               linktype, why.what);
        s->filter_failed = why;
        return FT_OK;
    }
    if (rc != FT_OK) {
        return ft_err_set(err, rc, "%s: %s", in->name, why.what);
    }
    s->filter_usable = true;
    return FT_OK;
}

static int vet_pcapng(struct ft__file *s, const struct ft__input *in, struct ft_err *err)
{
    const struct ft_pcapng *ng = &s->format.ng;
    bool any = ng->n == 0;

    for (uint32_t i = 0; i < ng->n; i++) {
        uint16_t linktype = ng->ifaces[i].linktype;
        int rc;

        if (!linktype_ok(s, linktype)) {
            continue;
        }
        any = true;
        rc = filter_add(s, in, linktype, err);
        if (rc != FT_OK) {
            return rc;
        }
    }
    return any ? FT_OK : refuse_linktype(s, in, ng->ifaces[0].linktype, err);
}

static int vet_pcap(struct ft__file *s, const struct ft__input *in, uint16_t linktype,
                    struct ft_err *err)
{
    if (!linktype_ok(s, linktype)) {
        return refuse_linktype(s, in, linktype, err);
    }
    if (s->direction != FT_DIRECTION_ANY && !ft_direction_told(linktype)) {
        const char *name = s->linktype_name != NULL ? s->linktype_name(linktype) : "";

        return ft_err_set(err, FT_E_UNSUPPORTED,
                          "%s: does not tell which way its packets went (--direction): pcapng and "
                          "Linux cooked captures do, pcap of link type %u (%s) does not",
                          in->name, linktype, name);
    }
    return filter_add(s, in, linktype, err);
}

int ft__format_vet(struct ft__file *s, const struct ft__input *in, struct ft_err *err)
{
    struct ft__format *f = &s->format;
    uint32_t none = 0;
    int rc;

    if (f->vetted || f->kind == FT__FORMAT_IPFIX) {
        return FT_OK;
    }
    if (f->kind == FT__FORMAT_PCAP) {
        rc = vet_pcap(s, in, f->pcap.linktype, err);
    } else {
        rc = ft_pcapng_walk(&f->ng, &s->walk, NULL, 0, &none);
        if (rc == FT_E_AGAIN) {
            return rc;
        }
        rc = vet_pcapng(s, in, err);
    }
    f->vetted = rc == FT_OK;
    if (rc == FT_E_UNSUPPORTED && f->joined_at != 0) { /* those before and behind it are good */
        s->goes_on = f->vetted = true;
        return leave_out(in, f->joined_at, "its packets are ignored", err);
    }
    return rc;
}

int ft__format_filter(struct ft__file *s, const struct ft__input *in, struct ft_view *views,
                      uint32_t n, struct ft_err *err)
{
    uint32_t linktype = UINT32_MAX;

    ft_direction_mark(s->direction, views, n);
    if (s->filter == NULL) {
        return FT_OK;
    }
    for (uint32_t i = 0; i < n; i++) {
        if (views[i].linktype != linktype) {
            int rc = filter_add(s, in, views[i].linktype, err);

            if (rc != FT_OK) {
                return rc;
            }
            linktype = views[i].linktype;
        }
    }
    ft_filter_mark(s->filter, views, n);
    return FT_OK;
}

uint64_t ft__format_offset(const struct ft__file *s)
{
    uint64_t off = s->win_off + (uint64_t)(s->walk.p - s->win);

    return s->format.kind == FT__FORMAT_PCAPNG ? off - s->format.ng.passed : off;
}

bool ft__format_whole(const struct ft__file *s)
{
    return ft_walk_left(&s->walk) == 0 &&
           (s->format.kind != FT__FORMAT_PCAPNG || s->format.ng.passed == 0);
}

static const char *record_name(const struct ft__file *s)
{
    return s->format.kind == FT__FORMAT_PCAPNG  ? "block"
           : s->format.kind == FT__FORMAT_IPFIX ? "message"
                                                : "record";
}

int ft__format_truncated(const struct ft__file *s, const struct ft__input *in, struct ft_err *err)
{
    uint64_t off = ft__format_offset(s), need = s->walk.need, left = ft_walk_left(&s->walk);

    if (s->format.kind == FT__FORMAT_PCAPNG && s->format.ng.trailer != 0) {
        need = s->format.ng.trailer;
        left += s->format.ng.passed;
    }
    return ft__file_err(err, FT_E_TRUNCATED, off,
                        "%s: %s at offset %" PRIu64 " is truncated: needs %" PRIu64
                        " bytes, %" PRIu64 " left",
                        in->name, record_name(s), off, need, left);
}

int ft__format_corrupt(const struct ft__file *s, const struct ft__input *in, struct ft_err *err)
{
    uint64_t off = ft__format_offset(s);

    return ft__file_err(err, FT_E_CORRUPT, off,
                        "%s: %s at offset %" PRIu64 " is damaged: %s (%" PRIu64 ")", in->name,
                        record_name(s), off, s->walk.what, s->walk.value);
}
