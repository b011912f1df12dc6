/* SPDX-License-Identifier: Apache-2.0 */
/* source: listing and choosing interfaces, see flowtap/interfaces.h. */
#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "flowtap/interfaces.h"
#include "source/iface.h"

#ifndef __linux__

const char *ft_iface_arphrd_name(unsigned arphrd)
{
    (void)arphrd;
    return "";
}

static void read_sys(struct ft_interface *i)
{
    (void)i;
}

#else

static const struct {
    unsigned arphrd;
    const char *name;
} arphrd_names[] = {
    {1, "EN10MB"}, {24, "IEEE1394"}, {32, "INFINIBAND"},  {280, "CAN"},
    {512, "PPP"},  {768, "RAW"},     {769, "RAW"},        {772, "EN10MB"},
    {776, "RAW"},  {778, "RAW"},     {801, "IEEE802_11"}, {803, "IEEE802_11_RADIO"},
    {823, "RAW"},  {824, "NETLINK"}, {65534, "RAW"},
};

const char *ft_iface_arphrd_name(unsigned arphrd)
{
    for (size_t i = 0; i < sizeof arphrd_names / sizeof arphrd_names[0]; i++) {
        if (arphrd_names[i].arphrd == arphrd) {
            return arphrd_names[i].name;
        }
    }
    return "unknown";
}

/* Link type and a description from /sys/class/net. */
static void read_sys(struct ft_interface *i)
{
    char path[160], target[256];
    unsigned arphrd = 0;

    snprintf(path, sizeof path, "/sys/class/net/%s/type", i->name);
    FILE *f = fopen(path, "re");

    if (f != NULL) {
        if (fscanf(f, "%u", &arphrd) == 1) {
            snprintf(i->link_type, sizeof i->link_type, "%s", ft_iface_arphrd_name(arphrd));
        }
        fclose(f);
    }
    snprintf(path, sizeof path, "/sys/class/net/%s/device/driver", i->name);
    ssize_t n = readlink(path, target, sizeof target - 1);

    if (n > 0) {
        target[n] = '\0';
        const char *slash = strrchr(target, '/');

        snprintf(i->description, sizeof i->description, "%.60s",
                 slash != NULL ? slash + 1 : target);
    }
}

#endif

static unsigned prefix_len(const struct sockaddr *mask, size_t off, size_t len)
{
    const uint8_t *p = (const uint8_t *)mask + off;
    unsigned bits = 0;

    for (size_t i = 0; mask != NULL && i < len; i++) {
        bits += (unsigned)__builtin_popcount(p[i]);
    }
    return bits;
}

static void add_address(struct ft_interface *i, const struct ifaddrs *a)
{
    char text[INET6_ADDRSTRLEN];
    bool v6 = a->ifa_addr->sa_family == AF_INET6;
    size_t off =
        v6 ? offsetof(struct sockaddr_in6, sin6_addr) : offsetof(struct sockaddr_in, sin_addr);

    if (i->n_addresses < FT_IFACE_ADDRESSES &&
        inet_ntop(a->ifa_addr->sa_family, (const char *)a->ifa_addr + off, text, sizeof text)) {
        snprintf(i->address[i->n_addresses++], FT_IFACE_ADDRESS, "%s/%u", text,
                 prefix_len(a->ifa_netmask, off, v6 ? 16 : 4));
    }
}

static struct ft_interface *entry_of(struct ft_interface *list, size_t *n, const struct ifaddrs *a)
{
    for (size_t k = 0; k < *n; k++) {
        if (strcmp(list[k].name, a->ifa_name) == 0) {
            return &list[k];
        }
    }
    struct ft_interface *i = &list[(*n)++];

    snprintf(i->name, sizeof i->name, "%s", a->ifa_name);
    i->index = if_nametoindex(a->ifa_name);
    i->up = (a->ifa_flags & IFF_UP) && (a->ifa_flags & IFF_RUNNING);
    i->loopback = (a->ifa_flags & IFF_LOOPBACK) != 0;
    read_sys(i);
    if (i->loopback) {
        snprintf(i->description, sizeof i->description, "loopback");
    }
    return i;
}

static int by_index(const void *a, const void *b)
{
    const struct ft_interface *x = a, *y = b;

    return (x->index > y->index) - (x->index < y->index);
}

int ft_interfaces_list(struct ft_interface **out, size_t *out_n, struct ft_err *err)
{
    struct ifaddrs *all, *a;
    size_t n = 0, most = 0;

    if (getifaddrs(&all) != 0) {
        return ft_err_set(err, FT_E_IO, "the interfaces cannot be listed: %s", strerror(errno));
    }
    for (a = all; a != NULL; a = a->ifa_next) {
        most++;
    }
    struct ft_interface *list = ft_mem_alloc(most + 1, sizeof *list);

    if (list == NULL) {
        freeifaddrs(all);
        return ft_err_set(err, FT_E_NOMEM, "out of memory");
    }
    for (a = all; a != NULL; a = a->ifa_next) {
        struct ft_interface *i = entry_of(list, &n, a);

        if (a->ifa_addr != NULL &&
            (a->ifa_addr->sa_family == AF_INET || a->ifa_addr->sa_family == AF_INET6)) {
            add_address(i, a);
        }
    }
    freeifaddrs(all);
    qsort(list, n, sizeof *list, by_index);
    *out = list;
    *out_n = n;
    return FT_OK;
}

void ft_interfaces_free(struct ft_interface *list)
{
    ft_mem_free(list);
}

int ft_interface_resolve(const char *text, char out_name[FT_IFACE_NAME], struct ft_err *err)
{
    struct ft_interface *list = NULL;
    size_t n = 0, at = 0;
    char names[256] = "";
    int rc = ft_interfaces_list(&list, &n, err);

    if (rc != FT_OK) {
        return rc;
    }
    char *end;
    unsigned long index = strtoul(text, &end, 10);
    bool number = *text != '\0' && *end == '\0';

    rc = FT_E_NOT_FOUND;
    for (size_t i = 0; i < n && rc != FT_OK; i++) {
        if (strcmp(list[i].name, text) == 0 || (number && list[i].index == index)) {
            memcpy(out_name, list[i].name, FT_IFACE_NAME);
            rc = FT_OK;
        }
        at += (size_t)snprintf(names + at, sizeof names - at, " %s", list[i].name);
        at = at < sizeof names ? at : sizeof names - 1;
    }
    ft_interfaces_free(list);
    if (rc != FT_OK && strcmp(text, "any") == 0) {
        snprintf(out_name, FT_IFACE_NAME, "any");
        return FT_OK;
    }
    return rc == FT_OK ? rc
                       : ft_err_set(err, FT_E_NOT_FOUND,
                                    "--interface: there is no interface '%s' (there are:%s, any)",
                                    text, names);
}

/* The interface of the IPv4 or IPv6 default route with the lowest metric. */
static bool default_route(char out_name[FT_IFACE_NAME])
{
    char line[512], name[FT_IFACE_NAME];
    unsigned long dest, gateway, flags, metric, mask, best = ~0ul;
    FILE *f = fopen("/proc/net/route", "re");

    while (f != NULL && fgets(line, sizeof line, f) != NULL) {
        if (sscanf(line, "%63s %lx %lx %lx %*s %*s %lu %lx", name, &dest, &gateway, &flags, &metric,
                   &mask) == 6 &&
            dest == 0 && mask == 0 && (flags & 1) && metric < best) {
            best = metric;
            memcpy(out_name, name, FT_IFACE_NAME);
        }
    }
    if (f != NULL) {
        fclose(f);
    }
    f = best == ~0ul ? fopen("/proc/net/ipv6_route", "re") : NULL;
    while (f != NULL && fgets(line, sizeof line, f) != NULL) {
        char to[40];

        if (sscanf(line, "%39s %lx %*s %*s %*s %lx %*s %*s %lx %63s", to, &mask, &metric, &flags,
                   name) == 5 &&
            mask == 0 && strspn(to, "0") == 32 && strcmp(name, "lo") != 0 && metric < best) {
            best = metric;
            memcpy(out_name, name, FT_IFACE_NAME);
        }
    }
    if (f != NULL) {
        fclose(f);
    }
    return best != ~0ul;
}

int ft_interface_default(char out_name[FT_IFACE_NAME], const char **out_why, struct ft_err *err)
{
    struct ft_interface *list = NULL;
    size_t n = 0;
    int rc;

    if (default_route(out_name)) {
        *out_why = "it has the default route";
        return FT_OK;
    }
    rc = ft_interfaces_list(&list, &n, err);
    if (rc != FT_OK) {
        return rc;
    }
    rc = FT_E_NOT_FOUND;
    for (size_t i = 0; i < n && rc != FT_OK; i++) {
        if (list[i].up && !list[i].loopback) {
            memcpy(out_name, list[i].name, FT_IFACE_NAME);
            *out_why = "there is no default route, and it is the first that is up";
            rc = FT_OK;
        }
    }
    ft_interfaces_free(list);
    return rc == FT_OK ? rc
                       : ft_err_set(err, rc,
                                    "no interface is up but loopback; name one with -i (flowtap "
                                    "interfaces lists them)");
}
