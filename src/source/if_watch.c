/* SPDX-License-Identifier: Apache-2.0 */
/* source: numbers and counters of interfaces, see if_watch.h. */
#include "source/if_watch.h"

#include <errno.h>
#include <net/if.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "flowtap/interfaces.h"
#include "source/source.h"

#ifdef __linux__
#include <linux/ethtool.h>
#include <linux/if_arp.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#endif

enum { ANSWER = 16384, MEGABIT = 1000000 };

struct ft_if_watch {
    int fd; /* NETLINK_ROUTE; -1: none */
    uint32_t n, asked;
    struct watched {
        char name[FT_IFACE_NAME];
        _Atomic uint32_t index;
        uint64_t speed; /* bits a second */
        uint8_t duplex;
    } at[FT_SOURCE_INTERFACES];
    uint8_t answer[ANSWER];
};

#ifdef __linux__

/* ifType (IANAifType-MIB) of a device. */
static uint32_t type_of(unsigned arphrd)
{
    static const struct {
        uint16_t arphrd, type;
    } types[] = {{ARPHRD_ETHER, 6},        {ARPHRD_LOOPBACK, 24}, {ARPHRD_PPP, 23},
                 {ARPHRD_IEEE80211, 71},   {ARPHRD_TUNNEL, 131},  {ARPHRD_TUNNEL6, 131},
                 {ARPHRD_INFINIBAND, 199}, {ARPHRD_SIT, 131},     {ARPHRD_IPGRE, 131},
                 {ARPHRD_IEEE1394, 144}};

    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (types[i].arphrd == arphrd) {
            return types[i].type;
        }
    }
    return 1; /* other */
}

/* Of a link that has some; the old request, which every driver answers. */
static void look_at_speed(struct watched *at)
{
    struct ethtool_cmd cmd = {.cmd = ETHTOOL_GSET};
    struct ifreq ifr = {.ifr_data = (void *)&cmd};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    at->speed = 0;
    at->duplex = 0;
    snprintf(ifr.ifr_name, sizeof ifr.ifr_name, "%s", at->name);
    if (fd >= 0 && ioctl(fd, SIOCETHTOOL, &ifr) == 0) {
        uint32_t megabits = ethtool_cmd_speed(&cmd);

        at->speed = megabits != (uint32_t)SPEED_UNKNOWN ? (uint64_t)megabits * MEGABIT : 0;
        at->duplex = cmd.duplex == DUPLEX_FULL ? 1 : cmd.duplex == DUPLEX_HALF ? 2 : 0;
    }
    if (fd >= 0) {
        close(fd);
    }
}

static int open_socket(void)
{
    struct sockaddr_nl any = {.nl_family = AF_NETLINK};
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

    if (fd >= 0 && connect(fd, (struct sockaddr *)(void *)&any, sizeof any) != 0) {
        close(fd);
        fd = -1;
    }
    return fd;
}

/* Asks for a link, by its index or, when that is 0, its name. */
static bool ask(struct ft_if_watch *w, uint32_t index, const char *name)
{
    struct {
        struct nlmsghdr head;
        struct ifinfomsg info;
        struct rtattr attr;
        char name[FT_IFACE_NAME];
    } q = {.head = {.nlmsg_len = NLMSG_LENGTH(sizeof(struct ifinfomsg)),
                    .nlmsg_type = RTM_GETLINK,
                    .nlmsg_flags = NLM_F_REQUEST,
                    .nlmsg_seq = ++w->asked},
           .info = {.ifi_family = AF_UNSPEC, .ifi_index = (int)index}};

    if (index == 0) {
        q.attr.rta_type = IFLA_IFNAME;
        q.attr.rta_len = (uint16_t)RTA_LENGTH(strlen(name) + 1);
        snprintf(q.name, sizeof q.name, "%s", name);
        q.head.nlmsg_len += RTA_ALIGN(q.attr.rta_len);
    }
    return send(w->fd, &q, q.head.nlmsg_len, MSG_NOSIGNAL) == (ssize_t)q.head.nlmsg_len;
}

static void take_stats(const struct rtattr *a, struct ft_if_counters *out)
{
    struct rtnl_link_stats64 s = {0};
    size_t len = RTA_PAYLOAD(a);

    memcpy(&s, RTA_DATA(a), len < sizeof s ? len : sizeof s);
    out->in_bytes = s.rx_bytes;
    out->in_packets = s.rx_packets;
    out->in_multicast = s.multicast;
    out->in_discards = s.rx_dropped;
    out->in_errors = s.rx_errors;
    out->out_bytes = s.tx_bytes;
    out->out_packets = s.tx_packets;
    out->out_discards = s.tx_dropped;
    out->out_errors = s.tx_errors;
}

static void take_link(const struct nlmsghdr *h, struct ft_if_counters *out)
{
    const struct ifinfomsg *info = NLMSG_DATA(h);
    const struct rtattr *a = IFLA_RTA(info);
    int left = (int)IFLA_PAYLOAD(h);
    uint32_t promiscuity = 0;

    out->index = (uint32_t)info->ifi_index;
    out->type = type_of(info->ifi_type);
    out->up = (info->ifi_flags & IFF_UP) != 0;
    out->running = (info->ifi_flags & IFF_RUNNING) != 0;
    for (; RTA_OK(a, left); a = RTA_NEXT(a, left)) {
        if (a->rta_type == IFLA_STATS64) {
            take_stats(a, out);
        } else if (a->rta_type == IFLA_PROMISCUITY && RTA_PAYLOAD(a) >= sizeof promiscuity) {
            memcpy(&promiscuity, RTA_DATA(a), sizeof promiscuity);
        }
    }
    out->promiscuous = promiscuity > 0;
}

/* The answer, which is there when the question was taken. False: there is no such link. */
static bool hear(struct ft_if_watch *w, struct ft_if_counters *out)
{
    ssize_t n;

    while ((n = recv(w->fd, w->answer, sizeof w->answer, MSG_DONTWAIT)) > 0) {
        const struct nlmsghdr *h = (const struct nlmsghdr *)(const void *)w->answer;

        for (unsigned len = (unsigned)n; NLMSG_OK(h, len); h = NLMSG_NEXT(h, len)) {
            if (h->nlmsg_seq == w->asked && h->nlmsg_type == RTM_NEWLINK) {
                take_link(h, out);
                return true;
            }
        }
    }
    return false;
}

bool ft_if_watch_read(struct ft_if_watch *w, uint32_t i, struct ft_if_counters *out)
{
    struct watched *at = &w->at[i];
    struct ft_if_counters c = {.in_bytes = UINT64_MAX,
                               .in_packets = UINT64_MAX,
                               .in_multicast = UINT64_MAX,
                               .in_discards = UINT64_MAX,
                               .in_errors = UINT64_MAX,
                               .out_bytes = UINT64_MAX,
                               .out_packets = UINT64_MAX,
                               .out_discards = UINT64_MAX,
                               .out_errors = UINT64_MAX};
    uint32_t index = atomic_load_explicit(&at->index, memory_order_relaxed);

    if (w->fd < 0 || strcmp(at->name, "any") == 0) {
        return false;
    }
    bool there = index != 0 && ask(w, index, NULL) && hear(w, &c);

    if (!there && (!ask(w, 0, at->name) || !hear(w, &c))) {
        return false;
    }
    atomic_store_explicit(&at->index, c.index, memory_order_relaxed);
    c.speed = at->speed;
    c.duplex = at->duplex;
    *out = c;
    return true;
}

#else

static void look_at_speed(struct watched *at)
{
    (void)at;
}

static int open_socket(void)
{
    return -1;
}

bool ft_if_watch_read(struct ft_if_watch *w, uint32_t i, struct ft_if_counters *out)
{
    (void)w;
    (void)i;
    (void)out;
    return false;
}

#endif

int ft_if_watch_new(const char *const *names, uint32_t n, struct ft_if_watch **out)
{
    struct ft_if_watch *w = ft_mem_alloc(1, sizeof *w);

    if (w == NULL) {
        return FT_E_NOMEM;
    }
    w->n = n < FT_SOURCE_INTERFACES ? n : FT_SOURCE_INTERFACES;
    w->fd = open_socket();
    for (uint32_t i = 0; i < w->n; i++) {
        snprintf(w->at[i].name, sizeof w->at[i].name, "%s", names[i]);
        atomic_store_explicit(&w->at[i].index, if_nametoindex(names[i]), memory_order_relaxed);
        look_at_speed(&w->at[i]);
    }
    *out = w;
    return FT_OK;
}

void ft_if_watch_free(struct ft_if_watch *w)
{
    if (w != NULL && w->fd >= 0) {
        close(w->fd);
    }
    ft_mem_free(w);
}

uint32_t ft_if_watch_n(const struct ft_if_watch *w)
{
    return w->n;
}

uint32_t ft_if_watch_index(const struct ft_if_watch *w, uint32_t i)
{
    return atomic_load_explicit(&w->at[i].index, memory_order_relaxed);
}
