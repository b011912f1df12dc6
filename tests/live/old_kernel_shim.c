/* SPDX-License-Identifier: Apache-2.0 */
/* Preloaded: a kernel before 4.12, which does not number the groups that share packets. */
#include <errno.h>
#include <linux/if_packet.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { UNIQUEID = 0x2000 };

__attribute__((visibility("default"))) int setsockopt(int fd, int level, int name,
                                                      const void *value, socklen_t len)
{
    uint32_t group = 0;

    if (level == SOL_PACKET && name == PACKET_FANOUT && len == sizeof group) {
        memcpy(&group, value, sizeof group);
        if ((group >> 16 & UNIQUEID) != 0) {
            errno = EINVAL;
            return -1;
        }
    }
    return (int)syscall(SYS_setsockopt, fd, level, name, value, len);
}
