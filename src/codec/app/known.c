/* SPDX-License-Identifier: Apache-2.0 */
/* codec: first bytes of applications, see known.h. Each rule names its document. */
#include "codec/app/known.h"

#include <string.h>

#include "base/rd.h"
#include "codec/app/dtls.h"

#define BEGINS(p, len, s) ((len) >= sizeof(s) - 1 && memcmp((p), (s), sizeof(s) - 1) == 0)

enum { PROTO_TCP = 6, PROTO_UDP = 17 };

static uint32_t load_le32(const uint8_t *p)
{
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static bool contains(const uint8_t *p, size_t len, const char *s)
{
    return memmem(p, len, s, strlen(s)) != NULL;
}

/* ---- TCP ---- */

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

/* Lines that a server greets with; which of the protocols it is, the port or the words tell. */
static enum ft_app greeting(const uint8_t *p, size_t len, uint16_t port)
{
    if (BEGINS(p, len, "220 ") || BEGINS(p, len, "220-")) { /* RFC 5321 §4.2, RFC 959 §4.2 */
        if (port == 21 || contains(p, len, "FTP")) {
            return FT_APP_FTP;
        }
        return port == 25 || port == 587 || contains(p, len, "SMTP") ? FT_APP_SMTP : FT_APP_UNKNOWN;
    }
    if (BEGINS(p, len, "* OK") || BEGINS(p, len, "* PREAUTH")) { /* RFC 3501 §7.1 */
        return FT_APP_IMAP;
    }
    if (BEGINS(p, len, "+OK")) { /* RFC 1939 §3; redis says +OK too, but not first */
        return port == 110 || contains(p, len, "POP") ? FT_APP_POP3 : FT_APP_UNKNOWN;
    }
    if (BEGINS(p, len, "RFB 00")) { /* RFC 6143 §7.1.1 */
        return FT_APP_VNC;
    }
    /* MySQL protocol::HandshakeV10: length 3, sequence 0, version 10, text: "8.0.1", "11.4.2" */
    if (len >= 12 && p[3] == 0 && p[4] == 10 && is_digit(p[5]) &&
        (p[6] == '.' || (is_digit(p[6]) && p[7] == '.')) &&
        (uint32_t)(load_le32(p) & 0xffffff) + 4 == len) {
        return FT_APP_MYSQL;
    }
    return FT_APP_UNKNOWN;
}

static enum ft_app text_protocols(const uint8_t *p, size_t len)
{
    if (BEGINS(p, len,
               "\x13"
               "BitTorrent protocol")) { /* BEP 3 */
        return FT_APP_BITTORRENT;
    }
    if (BEGINS(p, len, "PRI * HTTP/2.0\r\n")) { /* RFC 9113 §3.4 */
        return FT_APP_HTTP2;
    }
    if (BEGINS(p, len, "AMQP\x00") || BEGINS(p, len, "AMQP\x03")) { /* OASIS AMQP 1.0 §2.2 */
        return FT_APP_AMQP;
    }
    if (p[0] == '<' && contains(p, len < 256 ? len : 256, "<stream:stream")) { /* RFC 6120 §4.7 */
        return FT_APP_XMPP;
    }
    if (BEGINS(p, len, "EHLO ") || BEGINS(p, len, "HELO ")) { /* RFC 5321 §4.1.1.1 */
        return FT_APP_SMTP;
    }
    if (contains(p, len < 256 ? len : 256, " SIP/2.0\r\n") || BEGINS(p, len, "SIP/2.0 ")) {
        return FT_APP_SIP; /* RFC 3261 §7 */
    }
    if (contains(p, len < 256 ? len : 256, " RTSP/1.0\r\n") || BEGINS(p, len, "RTSP/1.0 ")) {
        return FT_APP_RTSP; /* RFC 2326 §4 */
    }
    if (len >= 8 && p[0] == '*' && p[1] >= '1' && p[1] <= '9' && contains(p, 8, "\r\n$")) {
        return FT_APP_REDIS; /* RESP: an array of bulk strings */
    }
    return FT_APP_UNKNOWN;
}

/* A sequence with a message id and [APPLICATION 0], a bind request (RFC 4511 §4.2), or
 * [APPLICATION 23] with the name of StartTLS (§4.14.1). Lengths may be long (X.690 §8.1.3.5). */
static bool is_ldap(const uint8_t *p, size_t len)
{
    size_t at = 2, id;

    if (len < 7 || p[0] != 0x30) {
        return false;
    }
    if (p[1] >= 0x80) {
        at += p[1] & 0x7f;
        if (at == 2 || at > 6) {
            return false;
        }
    }
    if (at + 3 > len || p[at] != 2) {
        return false;
    }
    id = p[at + 1];
    if (id < 1 || id > 4 || at + 2 + id >= len) {
        return false;
    }
    return p[at + 2 + id] == 0x60 ||
           (p[at + 2 + id] == 0x77 && contains(p, len, "1.3.6.1.4.1.1466.20037"));
}

/* The first message of a client of PostgreSQL (§55.7): StartupMessage of version 3.0 or 3.2,
 * CancelRequest, SSLRequest, GSSENCRequest. */
static bool is_postgresql(const uint8_t *p, size_t len)
{
    uint32_t code;

    if (len < 8 || ft_load_be32(p) != len) {
        return false;
    }
    code = ft_load_be32(p + 4);
    return code == 0x00030000 || code == 0x00030002 || (code >= 80877102 && code <= 80877104);
}

static enum ft_app binary_protocols(const uint8_t *p, size_t len, uint16_t port)
{
    if (len >= 8 && p[0] == 0 && /* direct TCP transport, MS-SMB2 §2.1 */
        (memcmp(p + 4,
                "\xff"
                "SMB",
                4) == 0 ||
         memcmp(p + 4,
                "\xfe"
                "SMB",
                4) == 0)) {
        return FT_APP_SMB;
    }
    /* TPKT (RFC 1006) with an X.224 connection request or confirm */
    if (len >= 7 && p[0] == 3 && p[1] == 0 && ft_load_be16(p + 2) == len &&
        (p[5] == 0xe0 || p[5] == 0xd0) && p[4] == len - 5 && port != 102) {
        return FT_APP_RDP;
    }
    /* CONNECT of MQTT (OASIS 3.1.1 §3.1) */
    if (len >= 12 && p[0] == 0x10 &&
        (memcmp(p + 2, "\x00\x04MQTT", 6) == 0 || memcmp(p + 2, "\x00\x06MQIsdp", 8) == 0)) {
        return FT_APP_MQTT;
    }
    if (is_postgresql(p, len)) {
        return FT_APP_POSTGRESQL;
    }
    /* MongoDB wire protocol: length, request, response to, opcode OP_MSG or OP_QUERY */
    if (len >= 16 && load_le32(p) == len &&
        (load_le32(p + 12) == 2013 || load_le32(p + 12) == 2004)) {
        return FT_APP_MONGODB;
    }
    if (len >= 19 &&
        memcmp(p, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 16) == 0 &&
        p[18] >= 1 && p[18] <= 5) { /* RFC 4271 §4.1 */
        return FT_APP_BGP;
    }
    if (is_ldap(p, len)) {
        return FT_APP_LDAP;
    }
    /* MBAP header: protocol 0, length fits (Modbus Messaging on TCP/IP §3.1) */
    if (port == 502 && len >= 8 && ft_load_be16(p + 2) == 0 && ft_load_be16(p + 4) == len - 6) {
        return FT_APP_MODBUS;
    }
    /* IAC WILL, WONT, DO, DONT (RFC 854) */
    if (len >= 3 && p[0] == 0xff && p[1] >= 0xfb && p[1] <= 0xfe && p[2] < 50) {
        return FT_APP_TELNET;
    }
    if (port == 1080 && len >= 3 && p[0] == 5 && p[1] == len - 2) { /* RFC 1928 §3 */
        return FT_APP_SOCKS;
    }
    /* version 10, and the message is as long as it says (RFC 7011 §3.1) */
    if (len >= 16 && ft_load_be16(p) == 10 && ft_load_be16(p + 2) >= 16 && port == 4739) {
        return FT_APP_IPFIX;
    }
    return FT_APP_UNKNOWN;
}

enum ft_app ft_known_tcp(const uint8_t *p, size_t len, bool server, uint16_t port)
{
    enum ft_app app = server ? greeting(p, len, port) : FT_APP_UNKNOWN;

    app = app != FT_APP_UNKNOWN ? app : text_protocols(p, len);
    return app != FT_APP_UNKNOWN ? app : binary_protocols(p, len, port);
}

/* ---- UDP ---- */

static bool either(uint16_t a, uint16_t b, uint16_t port)
{
    return a == port || b == port;
}

/* RFC 8489 §5: two zero bits, a length that fits, the magic cookie */
static bool is_stun(const uint8_t *p, size_t len)
{
    return len >= 20 && p[0] < 0x40 && (ft_load_be16(p + 2) & 3) == 0 &&
           ft_load_be16(p + 2) + 20u == len && ft_load_be32(p + 4) == 0x2112a442;
}

static bool is_wireguard(const uint8_t *p, size_t len)
{
    if (len < 32 || p[1] != 0 || p[2] != 0 || p[3] != 0) {
        return false;
    }
    return (p[0] == 1 && len == 148) || (p[0] == 2 && len == 92) || (p[0] == 3 && len == 64);
}

/* BEP 5 (bencoded dictionary) or BEP 29 (uTP: type and version 1, extension 0 to 2, 20 bytes) */
static bool is_bittorrent(const uint8_t *p, size_t len)
{
    return BEGINS(p, len, "d1:ad2:id20:") || BEGINS(p, len, "d1:rd2:id20:") ||
           BEGINS(p, len, "d1:el") || (len == 20 && p[0] == 0x41 && p[1] == 0); /* ST_SYN */
}

static enum ft_app by_datagram(const uint8_t *p, size_t len)
{
    if (is_stun(p, len)) {
        return FT_APP_STUN;
    }
    if (ft_dtls_is(p, len)) {
        return FT_APP_DTLS;
    }
    if (is_wireguard(p, len)) {
        return FT_APP_WIREGUARD;
    }
    if (is_bittorrent(p, len)) {
        return FT_APP_BITTORRENT;
    }
    /* RFC 2131 §2: op, Ethernet, the magic cookie at 236 */
    if (len >= 240 && (p[0] == 1 || p[0] == 2) && ft_load_be32(p + 236) == 0x63825363) {
        return FT_APP_DHCP;
    }
    if (BEGINS(p, len, "M-SEARCH * HTTP/1.1") || BEGINS(p, len, "NOTIFY * HTTP/1.1")) {
        return FT_APP_SSDP;
    }
    if (contains(p, len < 256 ? len : 256, " SIP/2.0\r\n") || BEGINS(p, len, "SIP/2.0 ")) {
        return FT_APP_SIP;
    }
    return FT_APP_UNKNOWN;
}

/* Protocols whose messages look like others': the port has to agree. */
static enum ft_app by_port_and_shape(const uint8_t *p, size_t len, uint16_t s, uint16_t d)
{
    if (either(s, d, 123) && len >= 48 && (p[0] >> 3 & 7) >= 1 && (p[0] >> 3 & 7) <= 4 &&
        (p[0] & 7) != 0) { /* RFC 5905 §7.3: version, mode */
        return FT_APP_NTP;
    }
    if ((either(s, d, 161) || either(s, d, 162)) && len >= 8 && p[0] == 0x30) { /* RFC 1157 */
        return FT_APP_SNMP;
    }
    if ((either(s, d, 546) || either(s, d, 547)) && len >= 4 && p[0] >= 1 && p[0] <= 13) {
        return FT_APP_DHCPV6; /* RFC 8415 §8 */
    }
    if (either(s, d, 514) && len >= 4 && p[0] == '<' && p[1] >= '0' && p[1] <= '9') {
        return FT_APP_SYSLOG; /* RFC 5424 §6 */
    }
    if ((either(s, d, 1812) || either(s, d, 1813)) && len >= 20 && ft_load_be16(p + 2) == len) {
        return FT_APP_RADIUS; /* RFC 2865 §3 */
    }
    if (d == 69 && len >= 6 && p[0] == 0 && (p[1] == 1 || p[1] == 2)) {
        return FT_APP_TFTP; /* RFC 1350 §5 */
    }
    if ((either(s, d, 5683)) && len >= 4 && p[0] >> 6 == 1 && (p[0] & 15) <= 8) {
        return FT_APP_COAP; /* RFC 7252 §3 */
    }
    if ((either(s, d, 500) || either(s, d, 4500)) && len >= 28) { /* RFC 7296 §3.1, RFC 3948 */
        const uint8_t *h = ft_load_be32(p) == 0 && len >= 32 ? p + 4 : p;

        return (h[17] == 0x10 || h[17] == 0x20) ? FT_APP_IKE : FT_APP_UNKNOWN;
    }
    if (either(s, d, 1194) && len >= 14 && (p[0] >> 3 == 7 || p[0] >> 3 == 8 || p[0] >> 3 == 10)) {
        return FT_APP_OPENVPN; /* hard reset client, server */
    }
    if (either(s, d, 88) && len >= 10 && (p[0] & 0xe0) == 0x60) {
        return FT_APP_KERBEROS; /* RFC 4120: [APPLICATION n] */
    }
    if (either(s, d, 6343) && len >= 28 && ft_load_be32(p) == 5) {
        return FT_APP_SFLOW;
    }
    if (len >= 16 && ft_load_be16(p) == 10 && ft_load_be16(p + 2) == len) {
        return either(s, d, 4739) || either(s, d, 2055) ? FT_APP_IPFIX : FT_APP_UNKNOWN;
    }
    if (either(s, d, 2055) && len >= 20 && (ft_load_be16(p) == 9 || ft_load_be16(p) == 5)) {
        return FT_APP_NETFLOW;
    }
    return FT_APP_UNKNOWN;
}

enum ft_app ft_known_udp(const uint8_t *p, size_t len, uint16_t sport, uint16_t dport)
{
    enum ft_app app = by_datagram(p, len);

    return app != FT_APP_UNKNOWN ? app : by_port_and_shape(p, len, sport, dport);
}

/* ---- ports ---- */

static const struct {
    uint16_t port;
    uint8_t proto; /* 0: both */
    uint8_t app;
} ports[] = {
    {20, PROTO_TCP, FT_APP_FTP},
    {21, PROTO_TCP, FT_APP_FTP},
    {22, PROTO_TCP, FT_APP_SSH},
    {23, PROTO_TCP, FT_APP_TELNET},
    {25, PROTO_TCP, FT_APP_SMTP},
    {53, 0, FT_APP_DNS},
    {67, PROTO_UDP, FT_APP_DHCP},
    {68, PROTO_UDP, FT_APP_DHCP},
    {69, PROTO_UDP, FT_APP_TFTP},
    {80, PROTO_TCP, FT_APP_HTTP},
    {88, 0, FT_APP_KERBEROS},
    {110, PROTO_TCP, FT_APP_POP3},
    {123, PROTO_UDP, FT_APP_NTP},
    {137, PROTO_UDP, FT_APP_NBNS},
    {143, PROTO_TCP, FT_APP_IMAP},
    {161, PROTO_UDP, FT_APP_SNMP},
    {162, PROTO_UDP, FT_APP_SNMP},
    {179, PROTO_TCP, FT_APP_BGP},
    {389, PROTO_TCP, FT_APP_LDAP},
    {443, PROTO_TCP, FT_APP_TLS},
    {443, PROTO_UDP, FT_APP_QUIC},
    {445, PROTO_TCP, FT_APP_SMB},
    {465, PROTO_TCP, FT_APP_TLS},
    {500, PROTO_UDP, FT_APP_IKE},
    {502, PROTO_TCP, FT_APP_MODBUS},
    {514, PROTO_UDP, FT_APP_SYSLOG},
    {546, PROTO_UDP, FT_APP_DHCPV6},
    {547, PROTO_UDP, FT_APP_DHCPV6},
    {554, PROTO_TCP, FT_APP_RTSP},
    {587, PROTO_TCP, FT_APP_SMTP},
    {636, PROTO_TCP, FT_APP_TLS},
    {853, PROTO_TCP, FT_APP_TLS},
    {993, PROTO_TCP, FT_APP_TLS},
    {995, PROTO_TCP, FT_APP_TLS},
    {1080, PROTO_TCP, FT_APP_SOCKS},
    {1194, PROTO_UDP, FT_APP_OPENVPN},
    {1812, PROTO_UDP, FT_APP_RADIUS},
    {1813, PROTO_UDP, FT_APP_RADIUS},
    {1883, PROTO_TCP, FT_APP_MQTT},
    {1900, PROTO_UDP, FT_APP_SSDP},
    {2055, PROTO_UDP, FT_APP_NETFLOW},
    {3306, PROTO_TCP, FT_APP_MYSQL},
    {3389, PROTO_TCP, FT_APP_RDP},
    {3478, PROTO_UDP, FT_APP_STUN},
    {4500, PROTO_UDP, FT_APP_IKE},
    {4739, 0, FT_APP_IPFIX},
    {5060, 0, FT_APP_SIP},
    {5222, PROTO_TCP, FT_APP_XMPP},
    {5223, PROTO_TCP, FT_APP_TLS},
    {5269, PROTO_TCP, FT_APP_XMPP},
    {5353, PROTO_UDP, FT_APP_MDNS},
    {5355, PROTO_UDP, FT_APP_LLMNR},
    {5432, PROTO_TCP, FT_APP_POSTGRESQL},
    {5672, PROTO_TCP, FT_APP_AMQP},
    {5683, PROTO_UDP, FT_APP_COAP},
    {5900, PROTO_TCP, FT_APP_VNC},
    {6343, PROTO_UDP, FT_APP_SFLOW},
    {6379, PROTO_TCP, FT_APP_REDIS},
    {6881, 0, FT_APP_BITTORRENT},
    {8883, PROTO_TCP, FT_APP_TLS},
    {11211, 0, FT_APP_MEMCACHED},
    {27017, PROTO_TCP, FT_APP_MONGODB},
    {51820, PROTO_UDP, FT_APP_WIREGUARD},
};

enum ft_app ft_known_port(uint8_t proto, uint16_t port)
{
    for (size_t i = 0; i < sizeof ports / sizeof *ports; i++) {
        if (ports[i].port == port && (ports[i].proto == 0 || ports[i].proto == proto)) {
            return (enum ft_app)ports[i].app;
        }
    }
    return FT_APP_UNKNOWN;
}
