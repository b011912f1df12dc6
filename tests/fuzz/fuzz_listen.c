/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes the listen addresses of collect. Properties: what is taken is an IPv4 or IPv6 address of
 * the size that its family has, with a port that is not 0, and what is to be verified has an
 * authority; what is not has a message of one line
 * that ends. */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "source/udp/listen.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
    if (!ok) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *url = malloc(size + 1);
    struct ft__listen l;
    struct ft_err err;

    must(url != NULL);
    memcpy(url, data, size);
    url[size] = '\0';
    memset(&l, 0xa5, sizeof l);
    memset(&err, 0, sizeof err);
    if (ft__listen_parse(url, &l, &err) == FT_OK) {
        const struct sockaddr_in *in = (const void *)&l.addr;
        const struct sockaddr_in6 *in6 = (const void *)&l.addr;
        bool v4 = l.addr.ss_family == AF_INET;

        must(v4 || l.addr.ss_family == AF_INET6);
        must(l.addr_len == (v4 ? sizeof *in : sizeof *in6));
        must((v4 ? in->sin_port : in6->sin6_port) != 0);
        must(memchr(l.cert, 0, sizeof l.cert) && memchr(l.key, 0, sizeof l.key) &&
             memchr(l.ca, 0, sizeof l.ca) && memchr(l.peers, 0, sizeof l.peers));
        must(!l.verify || (l.cert[0] != '\0' && l.ca[0] != '\0'));
        must(v4 || (in6->sin6_flowinfo == 0 && in6->sin6_scope_id == 0));
    } else {
        must(err.code == FT_E_USAGE && memchr(err.what, 0, sizeof err.what) != NULL);
    }
    free(url);
    return 0;
}
