/* SPDX-License-Identifier: Apache-2.0 */
/* feature/app: the columns of names on flows, see field.h and app.h. */
#include <stddef.h>

#include "model/app.h"
#include "model/columns.h"

const char *ft_app_name(enum ft_app app)
{
    static const char *const names[FT_APP__COUNT] = {
#define X(sym, name) [FT_APP_##sym] = name,
        FT_APPS(X)
#undef X
    };

    return app < FT_APP__COUNT ? names[app] : NULL;
}

static void text(bool there, struct ft_app_text t, const uint8_t *bytes, struct ft_value *v)
{
    v->null = !there || t.len == 0;
    v->text = bytes;
    v->text_len = t.len;
}

static void name_of(const struct ft_app_info *i, enum ft_app_part part, struct ft_value *v)
{
    text(i->part == part, i->name, i->name_text, v);
}

static bool has_tls(const struct ft_app_info *i)
{
    return i->tls.has_client || i->tls.has_server;
}

/* With TLS behind it, the request to a proxy is known by its target. */
static void host(const struct ft_app_info *i, struct ft_value *v)
{
    if (i->tls.has_client) {
        text(true, i->http.target, i->http.target_text, v);
    } else {
        name_of(i, FT_APP_PART_HTTP, v);
    }
}

static void dns(const struct ft_app_info *i, struct ft_value *v, bool known, uint64_t n)
{
    v->u = n;
    v->null = i->part != FT_APP_PART_DNS || !known;
}

static void digest(bool there, const char *hex, struct ft_value *v)
{
    v->s = hex;
    v->null = !there || hex[0] == '\0';
}

/* Its ALPN part is two bytes of the client's own. */
static void ja4(const struct ft_app_info *i, struct ft_value *v)
{
    v->null = i->tls.ja4[0] == '\0';
    v->text = (const uint8_t *)i->tls.ja4;
    v->text_len = sizeof i->tls.ja4 - 1;
}

/* A column of one part: its fields hold nothing of another's. */
#define PART(name, which, stmt)                                                                    \
    APP(                                                                                           \
        name, if (i->part != which) { v->null = true; } else { stmt; })
#define TLS(name, stmt)                                                                            \
    APP(                                                                                           \
        name, if (!has_tls(i)) { v->null = true; } else { stmt; })

#define APP(name, stmt)                                                                            \
    static void a_##name(const void *part, struct ft_value *v)                                     \
    {                                                                                              \
        const struct ft_app_info *i = part;                                                        \
        stmt;                                                                                      \
    }

APP(app, v->s = ft_app_name((enum ft_app)i->app); v->null = v->s == NULL)
APP(app_confidence, v->u = i->confidence; v->null = i->confidence == 0)
TLS(tls_version, v->u = i->tls.version)
TLS(tls_sni, text(i->tls.has_client, i->name, i->name_text, v))
TLS(tls_alpn, text(true, i->tls.alpn, i->tls.alpn_text, v))
TLS(tls_cipher, v->u = i->tls.cipher; v->null = !i->tls.has_server)
TLS(tls_ech, v->u = i->tls.ech; v->null = !i->tls.has_client)
TLS(tls_ja3, digest(true, i->tls.ja3, v))
TLS(tls_ja3s, digest(true, i->tls.ja3s, v))
TLS(tls_ja4, ja4(i, v))
TLS(quic_version, v->u = i->tls.quic_version; v->null = i->tls.quic_version == 0)
PART(dns_query, FT_APP_PART_DNS, name_of(i, FT_APP_PART_DNS, v))
PART(dns_qtype, FT_APP_PART_DNS, dns(i, v, i->dns.has_question, i->dns.qtype))
PART(dns_rcode, FT_APP_PART_DNS, dns(i, v, i->dns.has_answer, i->dns.rcode))
PART(dns_answers, FT_APP_PART_DNS, dns(i, v, i->dns.has_answer, i->dns.answers))
PART(dns_answer_ttl, FT_APP_PART_DNS, dns(i, v, i->dns.has_ttl, i->dns.ttl))
PART(http_method, FT_APP_PART_HTTP,
     text(i->part == FT_APP_PART_HTTP, i->http.method, i->http.method_text, v))
PART(http_host, FT_APP_PART_HTTP, host(i, v))
PART(http_target, FT_APP_PART_HTTP,
     text(i->part == FT_APP_PART_HTTP, i->http.target, i->http.target_text, v))
PART(http_user_agent, FT_APP_PART_HTTP,
     text(i->part == FT_APP_PART_HTTP, i->http.agent, i->http.agent_text, v))
PART(http_status, FT_APP_PART_HTTP, v->u = i->http.status;
     v->null = i->part != FT_APP_PART_HTTP || v->u == 0)
PART(ssh_client, FT_APP_PART_SSH,
     text(i->part == FT_APP_PART_SSH, i->ssh.banner[0], i->ssh.banner_text[0], v))
PART(ssh_server, FT_APP_PART_SSH,
     text(i->part == FT_APP_PART_SSH, i->ssh.banner[1], i->ssh.banner_text[1], v))
PART(ssh_hassh, FT_APP_PART_SSH, digest(i->part == FT_APP_PART_SSH, i->ssh.hassh[0], v))
PART(ssh_hassh_server, FT_APP_PART_SSH, digest(i->part == FT_APP_PART_SSH, i->ssh.hassh[1], v))

#define NO_TLS    "not TLS or QUIC, not seen, or not said"
#define NO_DNS    "not DNS, or no question seen"
#define NO_ANSWER "not DNS, or no answer seen"
#define NO_HTTP   "not HTTP/1, not seen, or not said"
#define NO_SSH    "not SSH, or not seen"
#define ROW(at_rank, column, kind, where, nulls, text)                                             \
    {                                                                                              \
        .name = #column, .rank = at_rank, .group = FT_GROUP_FEATURES, .type = kind, .unit = "",    \
        .get = a_##column, .source = where, .null = nulls, .meaning = text, .profile = "app",      \
        .privacy = FT_PRIVACY_OF(kind)                                                             \
    }

static const struct ft_field rows[] = {
    ROW(1000, app, FT_T_STRING, "flowtap", "nothing recognised, or no payload seen",
        "application: tls, quic, dns, http, ssh, ..."),
    ROW(1010, app_confidence, FT_T_U8, "flowtap", "nothing recognised, or no payload seen",
        "100 messages of both directions were read, 90 of one, 60 first bytes match, 30 the port "
        "alone"),
    ROW(1020, tls_version, FT_T_U16, "RFC 8446", NO_TLS,
        "version number: the server's choice, else the client's highest offer (772: TLS 1.3)"),
    ROW(1030, tls_sni, FT_T_TEXT, "RFC 8446", NO_TLS, "server name that the client asks for"),
    ROW(1040, tls_alpn, FT_T_TEXT, "RFC 8446", NO_TLS,
        "first application protocol that the client offers"),
    ROW(1050, tls_cipher, FT_T_U16, "RFC 8446", NO_TLS, "the server's choice of cipher suite"),
    ROW(1060, tls_ech, FT_T_BOOL, "RFC 8446", NO_TLS,
        "the client hides its true hello (encrypted_client_hello)"),
    ROW(1070, tls_ja3, FT_T_STRING, "salesforce/ja3", NO_TLS, "JA3 of the client's hello"),
    ROW(1080, tls_ja3s, FT_T_STRING, "salesforce/ja3", NO_TLS, "JA3S of the server's hello"),
    ROW(1090, tls_ja4, FT_T_TEXT, "FoxIO JA4", NO_TLS, "JA4 of the client's hello"),
    ROW(1100, quic_version, FT_T_U32, "RFC 9000", "not QUIC, or no Initial could be opened",
        "version number of QUIC: the server's, else the client's"),
    ROW(1110, dns_query, FT_T_TEXT, "RFC 1035", NO_DNS, "name in the first question"),
    ROW(1120, dns_qtype, FT_T_U16, "RFC 1035", NO_DNS,
        "type of the first question (1: A, 28: AAAA)"),
    ROW(1130, dns_rcode, FT_T_U8, "RFC 1035", NO_ANSWER,
        "response code of its answer (0: no error, 3: no such name)"),
    ROW(1140, dns_answers, FT_T_U16, "RFC 1035", NO_ANSWER, "number of records in its answer"),
    ROW(1150, dns_answer_ttl, FT_T_U32, "RFC 1035", NO_ANSWER,
        "lowest time to live of them, seconds"),
    ROW(1160, http_method, FT_T_TEXT, "RFC 9110", NO_HTTP, "method of the first request"),
    ROW(1170, http_host, FT_T_TEXT, "RFC 9110", NO_HTTP,
        "Host of the first request; with TLS behind a CONNECT its target"),
    ROW(1180, http_target, FT_T_TEXT, "RFC 9110", NO_HTTP,
        "target of the first request, cut at 128 bytes"),
    ROW(1190, http_user_agent, FT_T_TEXT, "RFC 9110", NO_HTTP,
        "User-Agent of the first request, cut at 128 bytes"),
    ROW(1200, http_status, FT_T_U16, "RFC 9110", NO_HTTP,
        "status of the first answer that is no interim one"),
    ROW(1210, ssh_client, FT_T_TEXT, "RFC 4253", NO_SSH, "the client's identification line"),
    ROW(1220, ssh_server, FT_T_TEXT, "RFC 4253", NO_SSH, "the server's identification line"),
    ROW(1230, ssh_hassh, FT_T_STRING, "salesforce/hassh", NO_SSH,
        "HASSH of the client's key exchange offer"),
    ROW(1240, ssh_hassh_server, FT_T_STRING, "salesforce/hassh", NO_SSH,
        "hasshServer of the server's"),
};

const struct ft_column_set ft_columns_app = {
    .profile = "app", .rows = rows, .n = sizeof rows / sizeof rows[0], .part = FT_PART_APP};
