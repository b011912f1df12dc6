/* SPDX-License-Identifier: Apache-2.0 */
/* guard: system-call filters, Landlock, capabilities; see confine.h. */
#include "guard/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/sockios.h>
#include <sched.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "flowtap/sandbox.h"

#ifdef FT_HAVE_SECCOMP
#include <seccomp.h>
#endif

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) ||                         \
    __has_feature(memory_sanitizer)
#define SANITIZED 1
#endif
#endif

/* ---- capabilities ---- */

int ft__confine_caps(unsigned keep)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct have[2] = {{0}}, want[2] = {{0}};

    if (syscall(SYS_capget, &head, have) != 0) {
        return -1;
    }
    want[0].permitted = want[0].effective = have[0].permitted & keep;
    return (int)syscall(SYS_capset, &head, want);
}

/* ---- system calls ---- */

#if defined(FT_HAVE_SECCOMP) && !defined(SANITIZED)

enum {
    M = 1u << FT__ROLE_MAIN,
    K = 1u << FT__ROLE_KEEPER,
    O = 1u << FT__ROLE_OPENER,
    L = 1u << FT__ROLE_LOADER,
    S = 1u << FT__ROLE_STORE,
    V = 1u << FT__ROLE_SERVE,
    ANY_NEEDS = 0,
};

/* A call that is let through to some roles, the main process only when it has one of the needs. */
struct rule {
    int call;
    unsigned roles, needs;
};

static const struct rule rules[] = {
    /* what is open: read, written, closed */
    {SCMP_SYS(read), M | K | O | L | S | V, ANY_NEEDS},
    {SCMP_SYS(write), M | K | O | L | S | V, ANY_NEEDS},
    {SCMP_SYS(writev), M, FT_SANDBOX_FILES},
    {SCMP_SYS(pread64), M, ANY_NEEDS},
    {SCMP_SYS(pwritev), M, FT_SANDBOX_FILES},
    {SCMP_SYS(lseek), M | K | O | L | S | V, ANY_NEEDS},
    {SCMP_SYS(close), M | K | O | L | S | V, ANY_NEEDS},
    {SCMP_SYS(fsync), M, FT_SANDBOX_FILES},
    {SCMP_SYS(fdatasync), M, FT_SANDBOX_FILES},
    {SCMP_SYS(ftruncate), M, FT_SANDBOX_FILES | FT_SANDBOX_RELOAD},
    {SCMP_SYS(fallocate), M, FT_SANDBOX_FILES},
    {SCMP_SYS(fstat), M | K | O | L | S | V, ANY_NEEDS},
    {SCMP_SYS(poll), M | L, ANY_NEEDS},
    {SCMP_SYS(fstatfs), M, FT_SANDBOX_FILES},
    {SCMP_SYS(ppoll), M, ANY_NEEDS},
    /* the opener's socket */
    {SCMP_SYS(recvfrom), M | O | L, ANY_NEEDS},
    {SCMP_SYS(recvmsg), M | O, ANY_NEEDS},
    {SCMP_SYS(sendmsg), O | L, ANY_NEEDS},
    /* sources */
    {SCMP_SYS(recvmmsg), M, FT_SANDBOX_SOCKETS},
    {SCMP_SYS(setsockopt), M,
     FT_SANDBOX_SOCKETS | FT_SANDBOX_CAPTURE | FT_SANDBOX_NETWORK | FT_SANDBOX_METRICS},
    {SCMP_SYS(getsockopt), M, FT_SANDBOX_SOCKETS | FT_SANDBOX_CAPTURE | FT_SANDBOX_NETWORK},
    {SCMP_SYS(getsockname), M, FT_SANDBOX_SOCKETS | FT_SANDBOX_CAPTURE | FT_SANDBOX_NETWORK},
    {SCMP_SYS(getpeername), M, FT_SANDBOX_SOCKETS | FT_SANDBOX_NETWORK},
    {SCMP_SYS(accept4), M, FT_SANDBOX_SOCKETS | FT_SANDBOX_METRICS},
    {SCMP_SYS(shutdown), M, FT_SANDBOX_SOCKETS | FT_SANDBOX_NETWORK | FT_SANDBOX_METRICS},
    {SCMP_SYS(bind), M, FT_SANDBOX_CAPTURE},
    {SCMP_SYS(epoll_wait), M, FT_SANDBOX_METRICS},
    {SCMP_SYS(epoll_pwait), M, FT_SANDBOX_METRICS},
    {SCMP_SYS(epoll_ctl), M, FT_SANDBOX_METRICS},
    /* hosts, and their names: the C library's resolver, in a thread of libcurl's */
    {SCMP_SYS(connect), M, FT_SANDBOX_NETWORK},
    {SCMP_SYS(sendmmsg), M, FT_SANDBOX_NETWORK},
    {SCMP_SYS(newfstatat), M, FT_SANDBOX_NETWORK},
    {SCMP_SYS(sendmsg), M, FT_SANDBOX_BROKERS | FT_SANDBOX_REPLIES},
    {SCMP_SYS(pipe2), M, FT_SANDBOX_BROKERS},
    /* outputs that are opened later */
    {SCMP_SYS(eventfd2), M, FT_SANDBOX_RELOAD},
    {SCMP_SYS(epoll_create1), M, FT_SANDBOX_RELOAD},
    /* the files of the opener */
    {SCMP_SYS(openat), K | O, ANY_NEEDS},
    {SCMP_SYS(newfstatat), K | O | L, ANY_NEEDS},
    {SCMP_SYS(renameat), O, ANY_NEEDS},
    {SCMP_SYS(renameat2), O, ANY_NEEDS},
    {SCMP_SYS(unlinkat), O, ANY_NEEDS},
    {SCMP_SYS(mkdirat), O, ANY_NEEDS},
    {SCMP_SYS(getdents64), O, ANY_NEEDS},
    {SCMP_SYS(flock), O, ANY_NEEDS},
    {SCMP_SYS(flock), M, FT_SANDBOX_FILES},
    {SCMP_SYS(fchmod), O, ANY_NEEDS},
    {SCMP_SYS(fchown), O, ANY_NEEDS},
    {SCMP_SYS(memfd_create), L, ANY_NEEDS},
    {SCMP_SYS(memfd_create), M, FT_SANDBOX_RELOAD},
    {SCMP_SYS(fchmod), M, FT_SANDBOX_RELOAD},
    /* placing a file, starting the opener anew */
    {SCMP_SYS(readlink), K, ANY_NEEDS},
    {SCMP_SYS(readlinkat), K, ANY_NEEDS},
    {SCMP_SYS(getcwd), K, ANY_NEEDS},
    {SCMP_SYS(clone), K, ANY_NEEDS},
    {SCMP_SYS(prctl), K, ANY_NEEDS},
    {SCMP_SYS(seccomp), K, ANY_NEEDS},
    {SCMP_SYS(landlock_create_ruleset), K, ANY_NEEDS},
    {SCMP_SYS(landlock_add_rule), K, ANY_NEEDS},
    {SCMP_SYS(landlock_restrict_self), K, ANY_NEEDS},
    {SCMP_SYS(getppid), K, ANY_NEEDS},
    /* a store: files of its folder, and what SQLite asks for */
    {SCMP_SYS(openat), S | V, ANY_NEEDS},
    {SCMP_SYS(newfstatat), S | V, ANY_NEEDS},
    {SCMP_SYS(stat), S | V, ANY_NEEDS},
    {SCMP_SYS(lstat), S | V, ANY_NEEDS},
    {SCMP_SYS(access), S | V, ANY_NEEDS},
    {SCMP_SYS(faccessat), S | V, ANY_NEEDS},
    {SCMP_SYS(faccessat2), S | V, ANY_NEEDS},
    {SCMP_SYS(readlink), S | V, ANY_NEEDS},
    {SCMP_SYS(getcwd), S | V, ANY_NEEDS},
    {SCMP_SYS(renameat), S | V, ANY_NEEDS},
    {SCMP_SYS(renameat2), S | V, ANY_NEEDS},
    {SCMP_SYS(unlink), S | V, ANY_NEEDS},
    {SCMP_SYS(unlinkat), S | V, ANY_NEEDS},
    {SCMP_SYS(getdents64), S | V, ANY_NEEDS},
    {SCMP_SYS(pread64), S | V, ANY_NEEDS},
    {SCMP_SYS(pwrite64), S | V, ANY_NEEDS},
    {SCMP_SYS(fsync), S | V, ANY_NEEDS},
    {SCMP_SYS(fdatasync), S | V, ANY_NEEDS},
    {SCMP_SYS(ftruncate), S | V, ANY_NEEDS},
    {SCMP_SYS(fallocate), S | V, ANY_NEEDS},
    {SCMP_SYS(fchmod), S | V, ANY_NEEDS},
    {SCMP_SYS(fcntl), S | V, ANY_NEEDS},
    {SCMP_SYS(poll), S | V, ANY_NEEDS},
    {SCMP_SYS(ppoll), S | V, ANY_NEEDS},
    {SCMP_SYS(recvfrom), S | V, ANY_NEEDS},
    {SCMP_SYS(sendto), S, ANY_NEEDS},
    {SCMP_SYS(madvise), S | V, ANY_NEEDS},
    {SCMP_SYS(nanosleep), S | V, ANY_NEEDS},
    {SCMP_SYS(clock_nanosleep), S | V, ANY_NEEDS},
    {SCMP_SYS(gettimeofday), S | V, ANY_NEEDS},
    {SCMP_SYS(time), S | V, ANY_NEEDS},
    {SCMP_SYS(getuid), S | V, ANY_NEEDS},
    {SCMP_SYS(geteuid), S | V, ANY_NEEDS},
    {SCMP_SYS(getgid), S | V, ANY_NEEDS},
    {SCMP_SYS(getegid), S | V, ANY_NEEDS},
    {SCMP_SYS(sysinfo), S | V, ANY_NEEDS},
    {SCMP_SYS(uname), S | V, ANY_NEEDS},
    /* agents over HTTP: threads of libmicrohttpd, a connection each */
    {SCMP_SYS(accept4), V, ANY_NEEDS},
    {SCMP_SYS(shutdown), V, ANY_NEEDS},
    {SCMP_SYS(recvmsg), V, ANY_NEEDS},
    {SCMP_SYS(sendmsg), V, ANY_NEEDS},
    {SCMP_SYS(writev), V, ANY_NEEDS},
    {SCMP_SYS(setsockopt), V, ANY_NEEDS},
    {SCMP_SYS(getsockopt), V, ANY_NEEDS},
    {SCMP_SYS(getsockname), V, ANY_NEEDS},
    {SCMP_SYS(eventfd2), V, ANY_NEEDS},
    {SCMP_SYS(rt_sigaction), V, ANY_NEEDS},
    {SCMP_SYS(sched_yield), V, ANY_NEEDS},
    {SCMP_SYS(sched_getaffinity), V, ANY_NEEDS},
    /* memory, threads, time, signals */
    {SCMP_SYS(munmap), M | K | O | L | S | V, ANY_NEEDS},
    {SCMP_SYS(mremap), M | K | O | L | S | V, ANY_NEEDS},
    {SCMP_SYS(madvise), M, ANY_NEEDS},
    {SCMP_SYS(brk), M | K | O | L | S | V, ANY_NEEDS},
    {SCMP_SYS(futex), M | K | O | L | S | V, ANY_NEEDS},
    {SCMP_SYS(set_robust_list), M | K | O | L | S | V, ANY_NEEDS},
    {SCMP_SYS(rseq), M | K | O | L | S | V, ANY_NEEDS},
    {SCMP_SYS(sched_yield), M, ANY_NEEDS},
    {SCMP_SYS(sched_getaffinity), M, ANY_NEEDS},
    {SCMP_SYS(nanosleep), M, ANY_NEEDS},
    {SCMP_SYS(adjtimex), M, ANY_NEEDS},      /* to read; setting takes a capability that is gone */
    {SCMP_SYS(clock_adjtime), M, ANY_NEEDS}, /* likewise: glibc's adjtimex() */
    {SCMP_SYS(clock_nanosleep), M, ANY_NEEDS},
    {SCMP_SYS(clock_gettime), M | K | O | L | S | V, ANY_NEEDS},
    {SCMP_SYS(gettimeofday), M, ANY_NEEDS},
    {SCMP_SYS(time), M, ANY_NEEDS},
    {SCMP_SYS(rt_sigaction), M, ANY_NEEDS},
    {SCMP_SYS(rt_sigprocmask), M | K | O | L | S | V, ANY_NEEDS},
    {SCMP_SYS(rt_sigreturn), M | K | O | L | S | V, ANY_NEEDS},
    {SCMP_SYS(sigaltstack), M, ANY_NEEDS},
    {SCMP_SYS(restart_syscall), M | K | O | L | S | V, ANY_NEEDS},
    {SCMP_SYS(getpid), M | K | O | L | S | V, ANY_NEEDS},
    {SCMP_SYS(gettid), M | K | O | L | S | V, ANY_NEEDS},
    {SCMP_SYS(getrandom), M | K | O | L | S | V, ANY_NEEDS},
    {SCMP_SYS(getuid), M | K | O, ANY_NEEDS},
    {SCMP_SYS(geteuid), M | K | O, ANY_NEEDS},
    {SCMP_SYS(getgid), M | K | O, ANY_NEEDS},
    {SCMP_SYS(getegid), M | K | O, ANY_NEEDS},
    {SCMP_SYS(getrusage), M, ANY_NEEDS},
    {SCMP_SYS(uname), M, ANY_NEEDS},
    {SCMP_SYS(sysinfo), M, ANY_NEEDS},
    {SCMP_SYS(wait4), M | K, ANY_NEEDS},
    {SCMP_SYS(exit), M | K | O | L | S | V, ANY_NEEDS},
    {SCMP_SYS(exit_group), M | K | O | L | S | V, ANY_NEEDS},
};

/* What nothing of ours asks for, not even to see whether it is there. */
static const int deadly[] = {
    SCMP_SYS(execve),
    SCMP_SYS(execveat),
    SCMP_SYS(ptrace),
    SCMP_SYS(process_vm_readv),
    SCMP_SYS(process_vm_writev),
    SCMP_SYS(pidfd_getfd),
    SCMP_SYS(kill),
    SCMP_SYS(tkill),
    SCMP_SYS(pidfd_send_signal),
    SCMP_SYS(rt_sigqueueinfo),
    SCMP_SYS(mount),
    SCMP_SYS(umount2),
    SCMP_SYS(pivot_root),
    SCMP_SYS(chroot),
    SCMP_SYS(setns),
    SCMP_SYS(unshare),
    SCMP_SYS(bpf),
    SCMP_SYS(perf_event_open),
    SCMP_SYS(keyctl),
    SCMP_SYS(add_key),
    SCMP_SYS(request_key),
    SCMP_SYS(userfaultfd),
    SCMP_SYS(io_uring_setup),
    SCMP_SYS(open_by_handle_at),
    SCMP_SYS(init_module),
    SCMP_SYS(finit_module),
    SCMP_SYS(delete_module),
    SCMP_SYS(kexec_load),
    SCMP_SYS(kexec_file_load),
    SCMP_SYS(reboot),
    SCMP_SYS(swapon),
    SCMP_SYS(swapoff),
    SCMP_SYS(setuid),
    SCMP_SYS(setresuid),
    SCMP_SYS(setgid),
    SCMP_SYS(setresgid),
    SCMP_SYS(personality),
    SCMP_SYS(vmsplice),
};

/* A call with one argument that is looked at. */
struct arg_rule {
    int call;
    struct scmp_arg_cmp arg;
    unsigned roles, needs;
};

#define EQUALS(n, value)                                                                           \
    {                                                                                              \
        .arg = (n), .op = SCMP_CMP_EQ, .datum_a = (scmp_datum_t)(value)                            \
    }
#define BITS(n, mask, value)                                                                       \
    {                                                                                              \
        .arg = (n), .op = SCMP_CMP_MASKED_EQ, .datum_a = (scmp_datum_t)(mask),                     \
        .datum_b = (scmp_datum_t)(value)                                                           \
    }

static const struct arg_rule arg_rules[] = {
    /* memory is never made executable */
    {SCMP_SYS(mmap), BITS(2, PROT_EXEC, 0), M | K | O | L | S | V, ANY_NEEDS},
    {SCMP_SYS(mprotect), BITS(2, PROT_EXEC, 0), M | K | O | L | S | V, ANY_NEEDS},
    /* threads, not processes */
    {SCMP_SYS(clone), BITS(0, CLONE_THREAD, CLONE_THREAD), M | V, ANY_NEEDS},
    {SCMP_SYS(prctl), EQUALS(0, PR_SET_NAME), V, ANY_NEEDS},
    /* send(2): to whom a socket is connected, nobody else */
    {SCMP_SYS(sendto), EQUALS(4, 0), M | L | V, ANY_NEEDS},
    /* fstat(2) as the C library makes it; that no path comes with it cannot be looked at */
    {SCMP_SYS(newfstatat), BITS(3, AT_EMPTY_PATH, AT_EMPTY_PATH), M, ANY_NEEDS},
    {SCMP_SYS(ioctl), EQUALS(1, TIOCGWINSZ), M, ANY_NEEDS},
    {SCMP_SYS(ioctl), EQUALS(1, TCGETS), M, ANY_NEEDS},
    {SCMP_SYS(ioctl), EQUALS(1, SIOCGIFFLAGS), M, FT_SANDBOX_CAPTURE},
    {SCMP_SYS(ioctl), EQUALS(1, SIOCGIFINDEX), M, FT_SANDBOX_CAPTURE},
    {SCMP_SYS(ioctl), EQUALS(1, SIOCGIFNAME), M, FT_SANDBOX_CAPTURE},
    {SCMP_SYS(ioctl), EQUALS(1, SIOCGIFHWADDR), M, FT_SANDBOX_CAPTURE},
    {SCMP_SYS(fcntl), EQUALS(1, F_GETFD), M | K | O, ANY_NEEDS},
    {SCMP_SYS(fcntl), EQUALS(1, F_SETFD), M | K | O, ANY_NEEDS},
    {SCMP_SYS(fcntl), EQUALS(1, F_GETFL), M | K | O, ANY_NEEDS},
    {SCMP_SYS(fcntl), EQUALS(1, F_SETFL), M, ANY_NEEDS},
    {SCMP_SYS(fcntl), EQUALS(1, F_SETPIPE_SZ), M, FT_SANDBOX_FILES},
    {SCMP_SYS(socket), EQUALS(0, AF_PACKET), M, FT_SANDBOX_CAPTURE},
    {SCMP_SYS(socket), EQUALS(0, AF_UNIX), M, FT_SANDBOX_NETWORK},
    {SCMP_SYS(ioctl), EQUALS(1, SIOCOUTQ), M, FT_SANDBOX_NETWORK},
    {SCMP_SYS(socket), EQUALS(0, AF_INET), M, FT_SANDBOX_NETWORK},
    {SCMP_SYS(socket), EQUALS(0, AF_INET6), M, FT_SANDBOX_NETWORK},
    {SCMP_SYS(socketpair), EQUALS(0, AF_UNIX), M, FT_SANDBOX_NETWORK},
    {SCMP_SYS(openat), BITS(2, O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY), M, FT_SANDBOX_NETWORK},
    {SCMP_SYS(ioctl), EQUALS(1, FIONREAD), M, FT_SANDBOX_NETWORK},
    {SCMP_SYS(openat), BITS(2, O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY), L, ANY_NEEDS},
};

/* Arguments that end the process: typing into somebody's terminal, code made at run time. */
static const struct arg_rule deadly_args[] = {
    {SCMP_SYS(ioctl), EQUALS(1, TIOCSTI), M | K | O | L | S | V, ANY_NEEDS},
    {SCMP_SYS(ioctl), EQUALS(1, TIOCLINUX), M | K | O | L | S | V, ANY_NEEDS},
    {SCMP_SYS(mprotect), BITS(2, PROT_EXEC, PROT_EXEC), M | K | O | L | S | V, ANY_NEEDS},
};

/* Likewise, but where names are looked up: the resolver tries its modules, and goes on without. */
static const struct arg_rule deadly_but_for_names[] = {
    {SCMP_SYS(mmap), BITS(2, PROT_EXEC, PROT_EXEC), M | K | O | L | S | V, ANY_NEEDS},
};

/* A call that this architecture or this libseccomp does not know is none. */
static int known_only(int rc)
{
    return rc == -EDOM || rc == -EOPNOTSUPP ? 0 : rc;
}

/* The opener runs under the keeper's filter, too. */
static unsigned roles_of(enum ft__role role)
{
    return 1u << role | (role == FT__ROLE_KEEPER ? O : 0);
}

static int add_args(scmp_filter_ctx ctx, uint32_t action, const struct arg_rule *r, size_t n,
                    unsigned roles, unsigned needs)
{
    int rc = 0;

    for (size_t i = 0; i < n && rc == 0; i++) {
        if ((r[i].roles & roles) != 0 && (r[i].needs == ANY_NEEDS || (r[i].needs & needs) != 0)) {
            rc = known_only(seccomp_rule_add_array(ctx, action, r[i].call, 1, &r[i].arg));
        }
    }
    return rc;
}

/* abort(3) signals the own process, and nobody signals another. */
static int allow_own_signal(scmp_filter_ctx ctx)
{
    struct scmp_arg_cmp own = EQUALS(0, getpid());

    return seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1, &own);
}

static int add_rules(scmp_filter_ctx ctx, enum ft__role role, unsigned needs)
{
    unsigned roles = roles_of(role);
    int rc = role == FT__ROLE_MAIN || role == FT__ROLE_SERVE ? allow_own_signal(ctx) : 0;

    for (size_t i = 0; i < sizeof rules / sizeof rules[0] && rc == 0; i++) {
        const struct rule *r = &rules[i];

        if ((r->roles & roles) != 0 && (r->needs == ANY_NEEDS || (r->needs & needs) != 0)) {
            rc = known_only(seccomp_rule_add(ctx, SCMP_ACT_ALLOW, r->call, 0));
        }
    }
    for (size_t i = 0; i < sizeof deadly / sizeof deadly[0] && rc == 0; i++) {
        rc = known_only(seccomp_rule_add(ctx, SCMP_ACT_KILL_PROCESS, deadly[i], 0));
    }
    if (rc == 0) {
        rc = add_args(ctx, SCMP_ACT_ALLOW, arg_rules, sizeof arg_rules / sizeof arg_rules[0], roles,
                      needs);
    }
    if (rc == 0 && (needs & FT_SANDBOX_NETWORK) == 0) {
        rc = add_args(ctx, SCMP_ACT_KILL_PROCESS, deadly_but_for_names, 1, roles, needs);
    }
    return rc != 0 ? rc
                   : add_args(ctx, SCMP_ACT_KILL_PROCESS, deadly_args,
                              sizeof deadly_args / sizeof deadly_args[0], roles, needs);
}

int ft__confine_calls(enum ft__role role, unsigned needs, struct ft_err *err)
{
    scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
    int rc = ctx == NULL ? -ENOMEM : add_rules(ctx, role, needs);

    if (rc == 0) { /* a refused call is told to the kernel's audit; old kernels cannot */
        seccomp_attr_set(ctx, SCMP_FLTATR_CTL_LOG, 1);
        rc = seccomp_load(ctx);
    }
    if (rc == -EINVAL) {
        seccomp_attr_set(ctx, SCMP_FLTATR_CTL_LOG, 0);
        rc = seccomp_load(ctx);
    }
    if (ctx != NULL) {
        seccomp_release(ctx);
    }
    return rc == 0 ? FT_OK
                   : ft_err_set(err, FT_E_PRIVILEGE, "the system-call filter was refused: %s",
                                strerror(-rc));
}

#else

int ft__confine_calls(enum ft__role role, unsigned needs, struct ft_err *err)
{
    (void)role;
    (void)needs;
#ifdef SANITIZED
    return ft_err_set(err, FT_E_UNSUPPORTED, "this is a sanitizer build");
#else
    return ft_err_set(err, FT_E_UNSUPPORTED, "this build was made without libseccomp");
#endif
}

#endif

/* ---- Landlock: constants of linux/landlock.h that older headers lack ---- */

#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_add_rule       445
#define SYS_landlock_restrict_self  446
#endif

enum {
    LL_EXECUTE = 1 << 0,
    LL_WRITE_FILE = 1 << 1,
    LL_READ_FILE = 1 << 2,
    LL_READ_DIR = 1 << 3,
    LL_REMOVE_DIR = 1 << 4,
    LL_REMOVE_FILE = 1 << 5,
    LL_MAKE_DIR = 1 << 7,
    LL_MAKE_REG = 1 << 8,
    LL_TRUNCATE = 1 << 14, /* ABI 3 */
    LL_NET_BIND = 1,       /* ABI 4: of TCP */
    LL_NET_CONNECT = 2,
    LL_SCOPE_BOTH = 3, /* ABI 6: abstract sockets, signals */
    LL_RULE_PATH_BENEATH = 1,
    LL_VERSION = 1,
    LL_FOLDER = LL_WRITE_FILE | LL_READ_FILE | LL_READ_DIR | LL_REMOVE_FILE | LL_MAKE_REG,
};

/* As the kernel's; older ones take its beginning. */
struct ll_ruleset {
    uint64_t fs, net, scoped;
};

struct ll_beneath {
    uint64_t allowed;
    int32_t parent_fd;
} __attribute__((packed));

/* All rights that an ABI knows of. */
static struct ll_ruleset all_rights(long abi, bool network, size_t *out_size)
{
    static const int fs_bits[] = {0, 13, 14, 15, 15, 16};
    long known = abi < 5 ? abi : 5;
    struct ll_ruleset r = {.fs = (UINT64_C(1) << fs_bits[known]) - 1};

    r.net = abi < 4 ? 0 : network ? LL_NET_BIND : LL_NET_BIND | LL_NET_CONNECT;
    r.scoped = abi >= 6 ? LL_SCOPE_BOTH : 0;
    *out_size = abi >= 6 ? sizeof r : abi >= 4 ? 2 * sizeof r.fs : sizeof r.fs;
    return r;
}

static int allow_beneath(int set, int fd, uint64_t rights)
{
    struct ll_beneath rule = {.allowed = rights, .parent_fd = fd};

    return syscall(SYS_landlock_add_rule, set, LL_RULE_PATH_BENEATH, &rule, 0) == 0 ? 0 : errno;
}

/* What the C library's resolver reads, each as it is now; where resolv.conf is made anew by
 * somebody in a folder of his own, that folder. What is not there is not read. errno or 0. */
static int allow_names(int set)
{
    static const char *const files[] = {"/etc/resolv.conf", "/etc/hosts",    "/etc/nsswitch.conf",
                                        "/etc/host.conf",   "/etc/gai.conf", "/etc/services"};
    char path[PATH_MAX];
    int error = 0;

    for (size_t i = 0; i < sizeof files / sizeof files[0] && error == 0; i++) {
        if (realpath(files[i], path) == NULL) {
            continue;
        }
        if (i == 0 && strncmp(path, "/run/", 5) == 0) {
            *strrchr(path, '/') = '\0';
        }
        int fd = open(path, O_PATH | O_CLOEXEC);

        if (fd >= 0) {
            error = allow_beneath(set, fd, LL_READ_FILE);
            close(fd);
        }
    }
    return error;
}

static int allow_reading(int set)
{
    int fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    int error = fd >= 0 ? allow_beneath(set, fd, LL_READ_FILE) : errno;

    if (fd >= 0) {
        close(fd);
    }
    return error;
}

static int restrict_to(int set, const struct ft__confine_left *left, uint64_t rights)
{
    int error = left->network ? allow_names(set) : 0;

    error = error == 0 && left->reads ? allow_reading(set) : error;

    for (int i = 0; i < left->n && error == 0; i++) {
        uint64_t more = left->folders[i].grows ? LL_MAKE_DIR | LL_REMOVE_DIR : 0;

        error = allow_beneath(set, left->folders[i].fd, rights | more);
    }
    if (error != 0) {
        return error;
    }
    return syscall(SYS_landlock_restrict_self, set, 0) == 0 ? 0 : errno;
}

int ft__confine_files(const struct ft__confine_left *left, struct ft_err *err)
{
#ifdef SANITIZED
    (void)left;
    (void)all_rights, (void)restrict_to;
    return ft_err_set(err, FT_E_UNSUPPORTED, "this is a sanitizer build");
#else
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LL_VERSION);

    if (abi < 1) {
        return ft_err_set(err, FT_E_UNSUPPORTED, "this kernel has no Landlock");
    }
    size_t size;
    struct ll_ruleset all = all_rights(abi, left->network, &size);
    int set = (int)syscall(SYS_landlock_create_ruleset, &all, size, 0);
    int error = set < 0 ? errno : restrict_to(set, left, (LL_FOLDER | LL_TRUNCATE) & all.fs);

    if (set >= 0) {
        close(set);
    }
    return error == 0
               ? FT_OK
               : ft_err_set(err, FT_E_PRIVILEGE, "Landlock was refused: %s", strerror(error));
#endif
}
