/* SPDX-License-Identifier: Apache-2.0 */
/* feature/zeek: ports, networks and names, see zeek.h. */
#include "feature/zeek/zeek.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "model/app.h"

enum { PROTO_TCP = 6, PROTO_UDP = 17, SIX_TO_FOUR_BITS = 16 };

/* ---- ports ---- */

/* Ascending. */
static const uint16_t tcp_ports[] = {21,   22,   25,   53,   79,   80,   81,   88,   135,  139,
                                     143,  389,  443,  445,  465,  502,  514,  563,  585,  587,
                                     614,  631,  636,  989,  990,  992,  993,  995,  1080, 1434,
                                     1883, 2811, 3128, 3268, 3306, 3389, 5222, 5223, 5269, 5432,
                                     6379, 6666, 6667, 6668, 6669, 8000, 8080, 8888, 20000};
static const uint16_t udp_ports[] = {53,   67,   88,   123,  137,  161,  162,  389,
                                     443,  514,  1812, 2123, 2152, 3389, 3544, 4011,
                                     4754, 4789, 5060, 5072, 5353, 5355, 6081, 20000};

static bool holds(const uint16_t *ports, size_t n, uint16_t port)
{
    for (size_t i = 0; i < n && ports[i] <= port; i++) {
        if (ports[i] == port) {
            return true;
        }
    }
    return false;
}

bool ft__zeek_is_server(uint8_t proto, uint16_t port)
{
    if (proto == PROTO_TCP) {
        return holds(tcp_ports, sizeof tcp_ports / sizeof tcp_ports[0], port);
    }
    return proto == PROTO_UDP && holds(udp_ports, sizeof udp_ports / sizeof udp_ports[0], port);
}

/* ---- networks ---- */

struct net {
    uint8_t addr[6]; /* the rest of it is 0 */
    uint8_t bits;
};

/* IANA's special-purpose registries, IPv4. Each is local as an address of 6to4, too. */
static const struct net nets4[] = {
    {{0}, 8},             /* RFC 791 */
    {{10}, 8},            /* RFC 1918 */
    {{100, 64}, 10},      /* RFC 6598 */
    {{127}, 8},           /* RFC 1122 */
    {{169, 254}, 16},     /* RFC 3927 */
    {{172, 16}, 12},      /* RFC 1918 */
    {{192, 0, 0}, 24},    /* RFC 6890 */
    {{192, 0, 2}, 24},    /* RFC 5737 */
    {{192, 168}, 16},     /* RFC 1918 */
    {{198, 18}, 15},      /* RFC 2544 */
    {{198, 51, 100}, 24}, /* RFC 5737 */
    {{203, 0, 113}, 24},  /* RFC 5737 */
    {{224, 0, 0}, 24},    /* RFC 5771 */
    {{239}, 8},           /* RFC 2365 */
    {{240}, 4},           /* RFC 1112, and the broadcast address */
};

/* IPv6; the address of all zeros and the loopback are looked at apart. */
static const struct net nets6[] = {
    {{0x00, 0x64, 0xff, 0x9b, 0x00, 0x01}, 48}, /* RFC 8215 */
    {{0x01, 0x00}, 64},                         /* RFC 6666 */
    {{0x20, 0x01, 0x00}, 23},                   /* RFC 2928 */
    {{0x20, 0x01, 0x00, 0x02}, 48},             /* RFC 5180 */
    {{0x20, 0x01, 0x0d, 0xb8}, 32},             /* RFC 3849 */
    {{0xfc}, 7},                                /* RFC 4193 */
    {{0xfe, 0x80}, 10},                         /* RFC 4291 */
    {{0xfe, 0xc0}, 10},                         /* RFC 3879 */
};

static bool lies_in(const struct net *net, const uint8_t *addr, size_t len)
{
    for (uint32_t i = 0; i * 8 < net->bits && i < len; i++) {
        uint32_t left = net->bits - i * 8;
        uint8_t mask = left >= 8 ? 0xff : (uint8_t)(0xff << (8 - left));
        uint8_t want = i < sizeof net->addr ? net->addr[i] : 0;

        if ((addr[i] & mask) != want) {
            return false;
        }
    }
    return true;
}

static bool is_local4(const uint8_t addr[4])
{
    for (size_t i = 0; i < sizeof nets4 / sizeof nets4[0]; i++) {
        if (lies_in(&nets4[i], addr, 4)) {
            return true;
        }
    }
    return false;
}

bool ft__zeek_is_local(uint8_t ip_version, const uint8_t addr[16])
{
    static const uint8_t zeros[15];

    if (ip_version == 4) {
        return is_local4(addr);
    }
    if (memcmp(addr, zeros, sizeof zeros) == 0 && addr[15] <= 1) {
        return true;
    }
    if (addr[0] == 0x20 && addr[1] == 0x02) {
        return is_local4(addr + SIX_TO_FOUR_BITS / 8);
    }
    for (size_t i = 0; i < sizeof nets6 / sizeof nets6[0]; i++) {
        if (lies_in(&nets6[i], addr, 16)) {
            return true;
        }
    }
    return false;
}

/* ---- names ---- */

static const char *const services[FT_APP__COUNT] = {
    [FT_APP_TLS] = "ssl",       [FT_APP_QUIC] = "quic",     [FT_APP_DTLS] = "dtls",
    [FT_APP_DNS] = "dns",       [FT_APP_MDNS] = "dns",      [FT_APP_LLMNR] = "dns",
    [FT_APP_NBNS] = "dns",      [FT_APP_HTTP] = "http",     [FT_APP_WEBSOCKET] = "http,websocket",
    [FT_APP_SSH] = "ssh",       [FT_APP_DHCP] = "dhcp",     [FT_APP_NTP] = "ntp",
    [FT_APP_SMTP] = "smtp",     [FT_APP_IMAP] = "imap",     [FT_APP_POP3] = "pop3",
    [FT_APP_XMPP] = "xmpp",     [FT_APP_FTP] = "ftp",       [FT_APP_RDP] = "rdp",
    [FT_APP_SMB] = "smb",       [FT_APP_SNMP] = "snmp",     [FT_APP_SIP] = "sip",
    [FT_APP_MQTT] = "mqtt",     [FT_APP_MYSQL] = "mysql",   [FT_APP_POSTGRESQL] = "postgresql",
    [FT_APP_REDIS] = "redis",   [FT_APP_LDAP] = "ldap",     [FT_APP_KERBEROS] = "krb",
    [FT_APP_SYSLOG] = "syslog", [FT_APP_RADIUS] = "radius", [FT_APP_MODBUS] = "modbus",
    [FT_APP_VNC] = "rfb",       [FT_APP_SOCKS] = "socks",   [FT_APP_BITTORRENT] = "bittorrent",
};

void ft__zeek_service(const struct ft_app_info *info, uint8_t proto, char out[FT_ZEEK_SERVICE])
{
    const char *name = NULL, *transport = "", *tls = "";

    if (info != NULL && info->confidence > FT_APP_BY_PORT && info->app < FT_APP__COUNT) {
        name = services[info->app];
    }
    if (name == NULL) {
        out[0] = '\0';
        return;
    }
    if (info->app == FT_APP_LDAP) {
        transport = proto == PROTO_TCP ? "_tcp" : "_udp";
    } else if (info->app == FT_APP_KERBEROS) {
        transport = proto == PROTO_TCP ? "_tcp" : "";
    }
    if (info->tls.has_client && info->app != FT_APP_TLS && info->app != FT_APP_DTLS) {
        tls = ",ssl"; /* it went over to TLS, or begins with a handshake of it */
    }
    snprintf(out, FT_ZEEK_SERVICE, "%s%s%s", name, transport, tls);
}
