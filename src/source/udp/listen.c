/* SPDX-License-Identifier: Apache-2.0 */
/* source/udp: listen addresses, see listen.h. */
#include "source/udp/listen.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/percent.h"

static const struct scheme {
    const char *prefix;
    const char *port; /* NULL: must be given */
    enum ft__transport transport;
} schemes[] = {
    {"netflow://", "2055", FT__LISTEN_UDP},     {"ipfix://", "4739", FT__LISTEN_UDP},
    {"sflow://", "6343", FT__LISTEN_UDP},       {"udp://", NULL, FT__LISTEN_UDP},
    {"ipfix+tcp://", "4739", FT__LISTEN_TCP},   {"ipfix+tls://", "4740", FT__LISTEN_TLS},
    {"ipfix+dtls://", "4740", FT__LISTEN_DTLS}, {"ipfix+sctp://", "4739", FT__LISTEN_SCTP},
};

static int bad(const char *url, const char *why, struct ft_err *err)
{
    return ft_err_set(err, FT_E_USAGE,
                      "listen: '%.100s': %s; allowed is netflow://HOST:PORT, ipfix://, sflow://, "
                      "udp://, ipfix+tcp://, +tls://, +dtls://, +sctp://, with a numeric HOST, "
                      "IPv6 in brackets, or pcap:FILE, ipfix:FILE",
                      url, why);
}

/* "HOST:PORT", "[HOST]:PORT", either part may be missing. */
static bool split(const char *text, char host[64], char port[8])
{
    const char *end = text[0] == '[' ? strchr(text, ']') : strrchr(text, ':');
    const char *from = text[0] == '[' ? text + 1 : text, *colon;

    if (text[0] == '[' && end == NULL) {
        return false;
    }
    end = end != NULL ? end : text + strlen(text);
    if ((size_t)(end - from) >= 64) {
        return false;
    }
    memcpy(host, from, (size_t)(end - from));
    host[end - from] = '\0';
    colon = *end == ']' ? end + 1 : end;
    if (*colon == '\0') {
        return true;
    }
    if (*colon != ':' || strlen(colon + 1) > 5) {
        return false;
    }
    memcpy(port, colon + 1, strlen(colon + 1) + 1);
    return true;
}

static bool set_address(const char *host, unsigned long port, struct ft__listen *out)
{
    struct sockaddr_in *in = (struct sockaddr_in *)(void *)&out->addr;
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)(void *)&out->addr;

    if (inet_pton(AF_INET, host, &in->sin_addr) == 1) {
        in->sin_family = AF_INET;
        in->sin_port = htons((uint16_t)port);
        out->addr_len = sizeof *in;
        return true;
    }
    if (inet_pton(AF_INET6, host[0] != '\0' ? host : "::", &in6->sin6_addr) == 1) {
        in6->sin6_family = AF_INET6;
        in6->sin6_port = htons((uint16_t)port);
        out->addr_len = sizeof *in6;
        return true;
    }
    return false;
}

/* ---- parameters ---- */

/* len bytes with %XX decoded, and a NUL. False: they are too many, or none. */
static bool decode(const char *s, size_t len, char out[FT__LISTEN_TEXT])
{
    return len < FT__LISTEN_TEXT && ft_percent_decode(s, len, out) > 0;
}

static int take_param(const char *url, const char *s, size_t len, struct ft__listen *out,
                      struct ft_err *err)
{
    const struct {
        const char *name;
        char *to;
    } texts[] = {
        {"cert=", out->cert}, {"key=", out->key}, {"ca=", out->ca}, {"peers=", out->peers}};

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        size_t n = strlen(texts[i].name);

        if (len >= n && strncmp(s, texts[i].name, n) == 0) {
            return decode(s + n, len - n, texts[i].to)
                       ? FT_OK
                       : ft_err_set(err, FT_E_USAGE,
                                    "listen: '%.100s': %s has no value, or one above %d bytes", url,
                                    texts[i].name, FT__LISTEN_TEXT - 1);
        }
    }
    if (len == 11 && strncmp(s, "verify=true", len) == 0) {
        out->verify = true;
    } else if (len == 12 && strncmp(s, "verify=false", len) == 0) {
        out->verify = false;
    } else {
        return ft_err_set(err, FT_E_USAGE,
                          "listen: '%.100s': there is no parameter '%.*s' (there are: cert=FILE, "
                          "key=FILE, ca=FILE, verify=true|false, peers=NAME,...)",
                          url, (int)(len < 60 ? len : 60), s);
    }
    return FT_OK;
}

/* What stands behind the "?", and whether it is enough. */
static int take_params(const char *url, const char *s, struct ft__listen *out, struct ft_err *err)
{
    bool secure = out->transport == FT__LISTEN_TLS || out->transport == FT__LISTEN_DTLS;
    int rc = FT_OK;

    out->verify = secure;
    if (!secure) {
        return s == NULL ? FT_OK : bad(url, "parameters are for ipfix+tls and ipfix+dtls", err);
    }
    while (s != NULL && *s != '\0' && rc == FT_OK) {
        size_t len = strcspn(s, "&");

        rc = take_param(url, s, len, out, err);
        s += len + (s[len] == '&');
    }
    if (rc == FT_OK && out->cert[0] == '\0') {
        rc = ft_err_set(err, FT_E_USAGE,
                        "listen: '%.100s': give our certificate: ?cert=FILE&key=FILE", url);
    }
    if (rc == FT_OK && out->verify && out->ca[0] == '\0') {
        rc = ft_err_set(err, FT_E_USAGE,
                        "listen: '%.100s': give ca=FILE, the authority of the exporters' "
                        "certificates (verify=false takes anybody)",
                        url);
    }
    if (rc == FT_OK && !out->verify && (out->ca[0] != '\0' || out->peers[0] != '\0')) {
        rc = ft_err_set(err, FT_E_USAGE, "listen: '%.100s': ca= and peers= are for verify=true",
                        url);
    }
    return rc;
}

int ft__listen_parse(const char *url, struct ft__listen *out, struct ft_err *err)
{
    const char *query = strchr(url, '?');
    const struct scheme *s = NULL;
    char at[128], host[64], port[8] = "", *end;
    size_t len = query != NULL ? (size_t)(query - url) : strlen(url);
    unsigned long number;

    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        if (strncmp(url, schemes[i].prefix, strlen(schemes[i].prefix)) == 0) {
            s = &schemes[i];
        }
    }
    if (s == NULL) {
        return bad(url, "there is no such scheme", err);
    }
    len -= len < strlen(s->prefix) ? len : strlen(s->prefix);
    if (len >= sizeof at) {
        return bad(url, "host and port cannot be read", err);
    }
    memcpy(at, url + strlen(s->prefix), len);
    at[len] = '\0';
    if (!split(at, host, port)) {
        return bad(url, "host and port cannot be read", err);
    }
    if (port[0] == '\0' && s->port != NULL) {
        memcpy(port, s->port, strlen(s->port) + 1);
    }
    number = strtoul(port, &end, 10);
    if (port[0] < '0' || port[0] > '9' || *end != '\0' || number == 0 || number > 65535) {
        return bad(url, "the port is a number from 1 to 65535", err);
    }
    memset(out, 0, sizeof *out);
    out->transport = s->transport;
    out->stream = s->transport != FT__LISTEN_UDP && s->transport != FT__LISTEN_DTLS;
    if (!set_address(host, number, out)) {
        return bad(url, "the host is no numeric address", err);
    }
    return take_params(url, query != NULL ? query + 1 : NULL, out, err);
}
