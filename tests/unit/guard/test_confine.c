/* SPDX-License-Identifier: Apache-2.0 */
/* guard: what a confined process can still do: each call is made in a child of its own. */
#include "guard/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "flowtap/sandbox.h"
#include "harness.h"

enum { KILLED = -1, UNCONFINED = 254 };

static char dir[64];
static bool landlock = true;

/* What fn makes of it as the confined main process: the errno that it returns, or KILLED. */
static int confined(unsigned needs, int (*fn)(void))
{
    pid_t pid = fork();
    int status = 0;

    if (pid == 0) {
        struct ft_err err;

        _exit(ft_sandbox_enter_with(needs, &err) == FT_OK ? fn() : UNCONFINED);
    }
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    if (WIFSIGNALED(status)) {
        CHECK_EQ(WTERMSIG(status), SIGSYS);
        return KILLED;
    }
    return WEXITSTATUS(status);
}

static int result(long rc)
{
    return rc < 0 ? errno : 0;
}

static int do_tiocsti(void)
{
    return result(ioctl(0, TIOCSTI, "x"));
}

/* The kernel looks at 32 bits of the number: more of them do not get past the filter. */
static int do_tiocsti_wide(void)
{
    return result(syscall(SYS_ioctl, 0, (unsigned long)TIOCSTI | 1ul << 40, "x"));
}

static int do_other_ioctl(void)
{
    return result(ioctl(0, TIOCNOTTY));
}

static int do_window_size(void)
{
    struct winsize ws;
    int error = result(ioctl(0, TIOCGWINSZ, &ws));

    return error == ENOTTY ? 0 : error;
}

static int do_interface_index(void)
{
    return result(ioctl(0, 0x8933 /* SIOCGIFINDEX */, NULL));
}

static int do_map_code(void)
{
    void *p = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    return p == MAP_FAILED ? errno : 0;
}

static int do_make_code(void)
{
    void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    return p == MAP_FAILED ? errno : result(mprotect(p, 4096, PROT_READ | PROT_EXEC));
}

static int do_map(void)
{
    void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    return p == MAP_FAILED ? errno : result(mprotect(p, 4096, PROT_NONE));
}

static int do_exec(void)
{
    char *argv[] = {(char *)(uintptr_t) "true", NULL};

    return result(execv("/bin/true", argv));
}

static int do_fork(void)
{
    return result(syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0));
}

static int do_clone3(void)
{
    return result(syscall(SYS_clone3, NULL, 0));
}

static void *nothing(void *arg)
{
    return arg;
}

static int do_thread(void)
{
    pthread_t t;
    int error = pthread_create(&t, NULL, nothing, NULL);

    return error != 0 ? error : pthread_join(t, NULL);
}

static int do_open(void)
{
    return result(open("/etc/hostname", O_RDONLY));
}

static int do_stat(void)
{
    struct stat st;

    return result(stat("/etc/hostname", &st));
}

static int do_fstat(void)
{
    struct stat st;

    return result(fstat(0, &st));
}

static int do_inet(void)
{
    return result(socket(AF_INET, SOCK_DGRAM, 0));
}

static int do_packet(void)
{
    int error = result(socket(AF_PACKET, SOCK_RAW, 0));

    return error == EPERM ? 0 : error; /* the kernel's own word */
}

static int do_accept(void)
{
    int error = result(accept4(0, NULL, NULL, 0));

    return error == ENOTSOCK ? 0 : error;
}

/* On a descriptor that cannot: the kernel's own word. */
static int do_truncate(void)
{
    int error = result(ftruncate(0, 0));

    return error == EINVAL ? 0 : error;
}

static int do_lock(void)
{
    return result(flock(0, LOCK_EX | LOCK_NB));
}

static int do_trace(void)
{
    return result(ptrace(PTRACE_TRACEME, 0, NULL, NULL));
}

static int do_kill(void)
{
    return result(kill(getppid(), 0));
}

static int do_unknown(void)
{
    return result(syscall(SYS_getcpu, NULL, NULL, NULL) * 0 + syscall(9999));
}

static void test_what_only_an_intruder_does_ends_it(void)
{
    CHECK_EQ(confined(0, do_tiocsti), KILLED);
    CHECK_EQ(confined(FT_SANDBOX_CAPTURE | FT_SANDBOX_SOCKETS, do_tiocsti), KILLED);
    CHECK(confined(0, do_tiocsti_wide) != 0);
    CHECK_EQ(confined(0, do_map_code), KILLED);
    CHECK_EQ(confined(0, do_make_code), KILLED);
    CHECK_EQ(confined(0, do_exec), KILLED);
    CHECK_EQ(confined(0, do_trace), KILLED);
    CHECK_EQ(confined(0, do_kill), KILLED);
}

static void test_the_rest_is_not_there(void)
{
    CHECK_EQ(confined(0, do_other_ioctl), ENOSYS);
    CHECK_EQ(confined(0, do_fork), ENOSYS);
    CHECK_EQ(confined(0, do_clone3), ENOSYS);
    CHECK_EQ(confined(0, do_open), ENOSYS);
    CHECK_EQ(confined(0, do_stat), ENOSYS);
    CHECK_EQ(confined(FT_SANDBOX_CAPTURE | FT_SANDBOX_SOCKETS, do_inet), ENOSYS);
    CHECK_EQ(confined(0, do_unknown), ENOSYS);
}

static void test_what_is_needed_works(void)
{
    CHECK_EQ(confined(0, do_map), 0);
    CHECK_EQ(confined(0, do_thread), 0);
    CHECK_EQ(confined(0, do_fstat), 0);
    CHECK_EQ(confined(0, do_window_size), 0);
}

static void test_needs(void)
{
    CHECK_EQ(confined(0, do_packet), ENOSYS);
    CHECK_EQ(confined(FT_SANDBOX_SOCKETS, do_packet), ENOSYS);
    CHECK_EQ(confined(FT_SANDBOX_CAPTURE, do_packet), 0);
    CHECK_EQ(confined(0, do_interface_index), ENOSYS);
    CHECK(confined(FT_SANDBOX_CAPTURE, do_interface_index) != ENOSYS);
    CHECK_EQ(confined(0, do_accept), ENOSYS);
    CHECK_EQ(confined(FT_SANDBOX_CAPTURE, do_accept), ENOSYS);
    CHECK_EQ(confined(FT_SANDBOX_SOCKETS, do_accept), 0);
    CHECK_EQ(confined(0, do_truncate), ENOSYS);
    CHECK_EQ(confined(0, do_lock), ENOSYS);
    CHECK_EQ(confined(FT_SANDBOX_FILES, do_truncate), 0);
    CHECK_EQ(confined(FT_SANDBOX_FILES, do_lock), 0);
}

/* Landlock alone: as the opener has it, with one folder. flags: of a file that is opened; -1: a
 * folder is made, and removed again. */
static int in_folder(const char *path, int flags, bool grows)
{
    pid_t pid = fork();
    int status = 0;

    if (pid == 0) {
        struct ft_err err;
        struct ft__folder folder = {.fd = open(dir, O_PATH | O_DIRECTORY), .grows = grows};
        bool good = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
                    ft__confine_files(&(struct ft__confine_left){.folders = &folder, .n = 1},
                                      &err) == FT_OK;

        if (good && flags < 0) {
            _exit(result(mkdir(path, 0700) == 0 ? rmdir(path) : -1));
        }
        _exit(good ? result(open(path, flags, 0600)) : UNCONFINED);
    }
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : KILLED;
}

static void test_landlock_leaves_the_folder(void)
{
    char inside[128], outside[128];

    snprintf(dir, sizeof dir, "/tmp/ft-confine-XXXXXX");
    CHECK(mkdtemp(dir) != NULL);
    snprintf(inside, sizeof inside, "%s/x", dir);
    snprintf(outside, sizeof outside, "%s.x", dir);
    int rc = in_folder(inside, O_RDWR | O_CREAT, false);

    if (rc == UNCONFINED) {
        printf("no Landlock in this kernel\n");
        landlock = false;
    } else {
        CHECK_EQ(rc, 0);
        CHECK_EQ(in_folder(inside, O_RDWR | O_TRUNC, false), 0);
        CHECK_EQ(in_folder(outside, O_RDWR | O_CREAT, false), EACCES);
        CHECK_EQ(in_folder("/etc/hostname", O_RDONLY, false), EACCES);
        unlink(inside);
        CHECK_EQ(in_folder(inside, -1, true), 0);
        CHECK_EQ(in_folder(inside, -1, false), EACCES);
        CHECK_EQ(in_folder(outside, -1, true), EACCES);
    }
    unlink(inside);
    rmdir(dir);
}

/* What the loader can do with a file, as opener() of the folder above: errno. */
static int loader_opens(const char *path, int flags)
{
    pid_t pid = fork();
    int status = 0;

    if (pid == 0) {
        struct ft_err err;
        int rc = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);

        rc = rc == 0 ? ft__confine_files(&(struct ft__confine_left){.reads = true}, &err) : rc;
        rc = rc == FT_E_UNSUPPORTED ? FT_OK : rc; /* the filter alone does it, too */
        rc = rc == FT_OK ? ft__confine_calls(FT__ROLE_LOADER, 0, &err) : rc;
        _exit(rc == FT_OK ? result(open(path, flags, 0600)) : UNCONFINED);
    }
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : KILLED;
}

static void test_the_loader_reads(void)
{
    char path[128];

    snprintf(path, sizeof path, "/tmp/ft-confine-%d", (int)getpid());
    CHECK_EQ(loader_opens("/etc/hostname", O_RDONLY), 0);
    CHECK_EQ(loader_opens("/etc/hostname", O_RDWR), ENOSYS);
    CHECK_EQ(loader_opens(path, O_WRONLY | O_CREAT), ENOSYS);
    CHECK_EQ(loader_opens("/dev/null", O_WRONLY), ENOSYS);
    CHECK(access(path, F_OK) != 0);
}

/* As who answers agents from a store in folder. */
static int serving(const char *folder, int (*fn)(void))
{
    pid_t pid = fork();
    int status = 0;

    if (pid == 0) {
        struct ft_err err;

        _exit(ft_sandbox_enter_serve(folder, &err) == FT_OK ? fn() : UNCONFINED);
    }
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : KILLED;
}

static char store_file[96];

static int do_open_inside(void)
{
    return result(open(store_file, O_RDWR | O_CREAT, 0600));
}

static int do_open_outside(void)
{
    return result(open("/etc/hostname", O_RDONLY));
}

static void test_who_answers_agents(void)
{
    char folder[] = "/tmp/ft-serve-XXXXXX";

    CHECK(mkdtemp(folder) != NULL);
    snprintf(store_file, sizeof store_file, "%s/x", folder);
    CHECK_EQ(serving(folder, do_open_inside), 0);
    int outside = serving(folder, do_open_outside);

    CHECK(outside == EACCES || (outside == 0 && !landlock));
    CHECK_EQ(serving(folder, do_thread), 0);
    CHECK_EQ(serving(folder, do_accept), 0);
    CHECK_EQ(serving(folder, do_inet), ENOSYS);
    CHECK_EQ(serving(folder, do_fork), ENOSYS);
    CHECK_EQ(serving(folder, do_exec), KILLED);
    CHECK_EQ(serving(folder, do_trace), KILLED);
    CHECK_EQ(serving(folder, do_map_code), KILLED);
    CHECK_EQ(serving("/does/not/exist", do_thread), UNCONFINED);
    unlink(store_file);
    rmdir(folder);
}

int main(void)
{
    int null = open("/dev/null", O_RDWR);

    dup2(null, STDIN_FILENO);
    if (confined(0, do_fstat) == UNCONFINED) {
        return test_skip("this build has no system-call filter");
    }
    RUN(test_what_only_an_intruder_does_ends_it);
    RUN(test_the_rest_is_not_there);
    RUN(test_what_is_needed_works);
    RUN(test_needs);
    RUN(test_landlock_leaves_the_folder);
    RUN(test_the_loader_reads);
    RUN(test_who_answers_agents);
    return test_end();
}
