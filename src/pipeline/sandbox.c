/* SPDX-License-Identifier: Apache-2.0 */
/* pipeline: dropping privileges and the system-call filter, see flowtap/sandbox.h. */
#include "flowtap/sandbox.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifdef FT_HAVE_SECCOMP
#include <seccomp.h>
#endif

enum { NOBODY = 65534, CAPS = 64 };

/* Sets the capability sets to exactly one capability, or none. */
static int set_caps(int keep_net_raw)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct have[2] = {{0}}, want[2] = {{0}};

    if (syscall(SYS_capget, &head, have) != 0) {
        return -1;
    }
    if (keep_net_raw) {
        want[0].permitted = want[0].effective = have[0].permitted & (1u << CAP_NET_RAW);
    }
    return (int)syscall(SYS_capset, &head, want);
}

/* The user's ids. FT_OK or FT_E_USAGE. */
static int find_user(const char *user, uid_t *uid, gid_t *gid, struct ft_err *err)
{
    struct passwd *pw = getpwnam(user != NULL ? user : "nobody");

    if (pw == NULL && user != NULL) {
        return ft_err_set(err, FT_E_USAGE, "--user: there is no user '%s'", user);
    }
    *uid = pw != NULL ? pw->pw_uid : NOBODY;
    *gid = pw != NULL ? pw->pw_gid : NOBODY;
    return FT_OK;
}

int ft_sandbox_drop_user(const char *user, int keep_net_raw, struct ft_err *err)
{
    uid_t uid = 0;
    gid_t gid = 0;
    bool root = geteuid() == 0;

    if (!root && user != NULL) {
        return ft_err_set(err, FT_E_USAGE, "--user: '%s': only root can become another user", user);
    }
    int rc = root ? find_user(user, &uid, &gid, err) : FT_OK;

    if (rc != FT_OK) {
        return rc;
    }
    if (root && uid != 0) {
        for (int cap = 0; cap < CAPS; cap++) { /* best effort: there may be fewer */
            prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
        }
        prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0);
        if (setgroups(0, NULL) != 0 || setresgid(gid, gid, gid) != 0 ||
            setresuid(uid, uid, uid) != 0) {
            return ft_err_set(err, FT_E_PRIVILEGE, "cannot become user '%s': %s",
                              user != NULL ? user : "nobody", strerror(errno));
        }
    }
    if ((!root || uid != 0) && set_caps(keep_net_raw) != 0) {
        return ft_err_set(err, FT_E_PRIVILEGE, "cannot give up capabilities: %s", strerror(errno));
    }
    prctl(PR_SET_DUMPABLE, 1, 0, 0, 0); /* the memory holds packets, but no secrets of root's */
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        return ft_err_set(err, FT_E_PRIVILEGE, "no_new_privs: %s", strerror(errno));
    }
    return FT_OK;
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) ||                         \
    __has_feature(memory_sanitizer)
#define SANITIZED 1
#endif
#endif

#if defined(FT_HAVE_SECCOMP) && !defined(SANITIZED)

static const int allowed[] = {
    /* input and output */
    SCMP_SYS(read),
    SCMP_SYS(write),
    SCMP_SYS(writev),
    SCMP_SYS(pread64),
    SCMP_SYS(pwrite64),
    SCMP_SYS(lseek),
    SCMP_SYS(close),
    SCMP_SYS(fcntl),
    SCMP_SYS(ioctl),
    SCMP_SYS(fsync),
    SCMP_SYS(fdatasync),
    SCMP_SYS(ftruncate),
    SCMP_SYS(openat),
    SCMP_SYS(rename),
    SCMP_SYS(renameat),
    SCMP_SYS(renameat2),
    SCMP_SYS(access),
    SCMP_SYS(faccessat),
    SCMP_SYS(faccessat2),
    SCMP_SYS(fstat),
    SCMP_SYS(stat),
    SCMP_SYS(lstat),
    SCMP_SYS(newfstatat),
    SCMP_SYS(readlink),
    SCMP_SYS(readlinkat),
    SCMP_SYS(dup),
    SCMP_SYS(poll),
    SCMP_SYS(ppoll),
    SCMP_SYS(select),
    SCMP_SYS(pselect6),
    SCMP_SYS(eventfd2),
    /* capture and the opener */
    SCMP_SYS(setsockopt),
    SCMP_SYS(getsockopt),
    SCMP_SYS(bind),
    SCMP_SYS(getsockname),
    SCMP_SYS(recvfrom),
    SCMP_SYS(recvmsg),
    SCMP_SYS(recvmmsg),
    SCMP_SYS(accept4),
    SCMP_SYS(sendto),
    SCMP_SYS(sendmsg),
    SCMP_SYS(shutdown),
    /* memory, threads, time, signals */
    SCMP_SYS(mmap),
    SCMP_SYS(munmap),
    SCMP_SYS(mprotect),
    SCMP_SYS(mremap),
    SCMP_SYS(madvise),
    SCMP_SYS(brk),
    SCMP_SYS(futex),
    SCMP_SYS(clone),
    SCMP_SYS(clone3),
    SCMP_SYS(set_robust_list),
    SCMP_SYS(rseq),
    SCMP_SYS(sched_yield),
    SCMP_SYS(sched_getaffinity),
    SCMP_SYS(nanosleep),
    SCMP_SYS(clock_nanosleep),
    SCMP_SYS(clock_gettime),
    SCMP_SYS(gettimeofday),
    SCMP_SYS(time),
    SCMP_SYS(rt_sigaction),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(sigaltstack),
    SCMP_SYS(restart_syscall),
    SCMP_SYS(tgkill),
    SCMP_SYS(getpid),
    SCMP_SYS(gettid),
    SCMP_SYS(getrandom),
    SCMP_SYS(getuid),
    SCMP_SYS(geteuid),
    SCMP_SYS(getgid),
    SCMP_SYS(getegid),
    SCMP_SYS(getrusage),
    SCMP_SYS(uname),
    SCMP_SYS(sysinfo),
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
    SCMP_SYS(wait4),
};

/* Sockets only of the kinds that capturing makes. */
static int allow_sockets(scmp_filter_ctx ctx)
{
    static const int domains[] = {AF_PACKET, AF_NETLINK};
    int rc = 0;

    for (size_t i = 0; i < sizeof domains / sizeof domains[0] && rc == 0; i++) {
        struct scmp_arg_cmp domain = {
            .arg = 0, .op = SCMP_CMP_EQ, .datum_a = (scmp_datum_t)domains[i]};

        rc = seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1, &domain);
    }
    return rc;
}

int ft_sandbox_enter(struct ft_err *err)
{
    scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_KILL_PROCESS);
    int rc = ctx == NULL ? -ENOMEM : 0;

    for (size_t i = 0; i < sizeof allowed / sizeof allowed[0] && rc == 0; i++) {
        rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, allowed[i], 0);
        rc = rc == -EDOM ? 0 : rc; /* a call that this architecture does not have */
    }
    rc = rc == 0 ? allow_sockets(ctx) : rc;
    rc = rc == 0 ? seccomp_load(ctx) : rc;
    if (ctx != NULL) {
        seccomp_release(ctx);
    }
    if (rc != 0) {
        return ft_err_set(err, FT_E_PRIVILEGE, "the system-call filter was refused: %s",
                          strerror(-rc));
    }
    return FT_OK;
}

#else

int ft_sandbox_enter(struct ft_err *err)
{
#ifdef SANITIZED
    return ft_err_set(err, FT_E_UNSUPPORTED, "this is a sanitizer build");
#else
    return ft_err_set(err, FT_E_UNSUPPORTED, "this build was made without libseccomp");
#endif
}

#endif
