/* SPDX-License-Identifier: Apache-2.0 */
/* model: what a flow's payload says of itself: application, names, fingerprints.
 *
 * Theory of operation: everything here was written by strangers. Texts are bytes with a length, cut
 * at the room they have, never NUL-terminated, and may hold anything; formats escape them and the
 * schema marks them as untrusted. Names of different protocols share room: which part holds is told
 * by part. What TLS says stands beside it, for TLS may lie in something else. */
#ifndef FT_MODEL_APP_H
#define FT_MODEL_APP_H

#include <stdbool.h>
#include <stdint.h>

/* X(SYMBOL, "name") */
#define FT_APPS(X)                                                                                 \
    X(TLS, "tls")                                                                                  \
    X(QUIC, "quic")                                                                                \
    X(DTLS, "dtls")                                                                                \
    X(DNS, "dns")                                                                                  \
    X(MDNS, "mdns")                                                                                \
    X(LLMNR, "llmnr")                                                                              \
    X(NBNS, "nbns")                                                                                \
    X(HTTP, "http")                                                                                \
    X(HTTP2, "http2")                                                                              \
    X(WEBSOCKET, "websocket")                                                                      \
    X(SSH, "ssh")                                                                                  \
    X(DHCP, "dhcp")                                                                                \
    X(DHCPV6, "dhcpv6")                                                                            \
    X(NTP, "ntp")                                                                                  \
    X(STUN, "stun")                                                                                \
    X(BITTORRENT, "bittorrent")                                                                    \
    X(SMTP, "smtp")                                                                                \
    X(IMAP, "imap")                                                                                \
    X(POP3, "pop3")                                                                                \
    X(XMPP, "xmpp")                                                                                \
    X(FTP, "ftp")                                                                                  \
    X(TELNET, "telnet")                                                                            \
    X(RDP, "rdp")                                                                                  \
    X(SMB, "smb")                                                                                  \
    X(SNMP, "snmp")                                                                                \
    X(SIP, "sip")                                                                                  \
    X(RTSP, "rtsp")                                                                                \
    X(MQTT, "mqtt")                                                                                \
    X(MYSQL, "mysql")                                                                              \
    X(POSTGRESQL, "postgresql")                                                                    \
    X(REDIS, "redis")                                                                              \
    X(MONGODB, "mongodb")                                                                          \
    X(LDAP, "ldap")                                                                                \
    X(KERBEROS, "kerberos")                                                                        \
    X(SYSLOG, "syslog")                                                                            \
    X(RADIUS, "radius")                                                                            \
    X(TFTP, "tftp")                                                                                \
    X(SSDP, "ssdp")                                                                                \
    X(COAP, "coap")                                                                                \
    X(WIREGUARD, "wireguard")                                                                      \
    X(OPENVPN, "openvpn")                                                                          \
    X(IKE, "ike")                                                                                  \
    X(MEMCACHED, "memcached")                                                                      \
    X(MODBUS, "modbus")                                                                            \
    X(BGP, "bgp")                                                                                  \
    X(VNC, "vnc")                                                                                  \
    X(SOCKS, "socks")                                                                              \
    X(AMQP, "amqp")                                                                                \
    X(NETFLOW, "netflow")                                                                          \
    X(IPFIX, "ipfix")                                                                              \
    X(SFLOW, "sflow")

enum ft_app {
    FT_APP_UNKNOWN,
#define X(sym, name) FT_APP_##sym,
    FT_APPS(X)
#undef X
        FT_APP__COUNT
};

/* How sure the application is. */
enum {
    FT_APP_BY_PORT = 30,      /* nothing but the port */
    FT_APP_BY_PATTERN = 60,   /* bytes that this protocol begins with */
    FT_APP_BY_MESSAGE = 90,   /* a message of it was read in one direction */
    FT_APP_BY_EXCHANGE = 100, /* in both */
};

enum { FT_APP_NAME = 254, FT_APP_SHORT = 64, FT_APP_LONG = 128 };

/* A short or a long text. */
struct ft_app_text {
    uint8_t len;
    uint8_t cut; /* 1: there was more */
};

enum ft_app_part {
    FT_APP_PART_NONE,
    FT_APP_PART_TLS,  /* TLS alone; name: SNI */
    FT_APP_PART_DNS,  /* name: query name */
    FT_APP_PART_HTTP, /* name: host; or SNI when TLS lies in it, and the target names the host */
    FT_APP_PART_SSH
};

/* With has_client or has_server; else nothing holds. */
struct ft_app_tls {
    uint16_t version; /* the server's choice, else the highest that the client offers */
    uint16_t cipher;  /* with has_server */
    bool has_client, has_server, ech;
    uint32_t quic_version; /* 0: not QUIC */
    struct ft_app_text alpn;
    uint8_t alpn_text[FT_APP_SHORT]; /* the client's first offer */
    char ja3[33], ja3s[33], ja4[37]; /* "": not known */
};

struct ft_app_dns {
    uint16_t id, qtype; /* of the question */
    uint8_t rcode;
    bool has_question, has_answer, has_ttl;
    uint16_t answers;
    uint32_t ttl;
};

struct ft_app_http {
    uint16_t status; /* 0: no answer seen */
    struct ft_app_text method, target, agent;
    uint8_t method_text[16];
    uint8_t target_text[FT_APP_LONG];
    uint8_t agent_text[FT_APP_LONG];
};

struct ft_app_ssh {
    struct ft_app_text banner[2]; /* the client's, the server's */
    uint8_t banner_text[2][FT_APP_SHORT];
    char hassh[2][33];
};

/* One flow's. */
struct ft_app_info {
    uint8_t app;        /* enum ft_app */
    uint8_t confidence; /* FT_APP_BY_*; 0 with FT_APP_UNKNOWN */
    uint8_t part;       /* enum ft_app_part */
    struct ft_app_text name;
    uint8_t name_text[FT_APP_NAME];
    struct ft_app_tls tls;
    union {
        struct ft_app_dns dns;
        struct ft_app_http http;
        struct ft_app_ssh ssh;
    };
};

_Static_assert(sizeof(struct ft_app_info) <= 736, "what an inspected flow may take");

/* "tls", "dns", ...; NULL for FT_APP_UNKNOWN. Static text. */
const char *ft_app_name(enum ft_app app);

#endif
