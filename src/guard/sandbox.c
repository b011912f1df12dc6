/* SPDX-License-Identifier: Apache-2.0 */
/* guard: giving up privileges, see flowtap/sandbox.h. */
#include "flowtap/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "guard/confine.h"

enum { NOBODY = 65534, CAPS = 64 };

int ft_sandbox_user(const char *user, unsigned *out_uid, unsigned *out_gid, struct ft_err *err)
{
    struct passwd *pw = getpwnam(user != NULL ? user : "nobody");

    if (pw == NULL && user != NULL) {
        return ft_err_set(err, FT_E_USAGE, "--user: there is no user '%s'", user);
    }
    *out_uid = pw != NULL ? pw->pw_uid : NOBODY;
    *out_gid = pw != NULL ? pw->pw_gid : NOBODY;
    return FT_OK;
}

void ft_sandbox_protect(void)
{
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); /* cannot fail with these arguments */
}

int ft_sandbox_drop_user(const char *user, int keep_net_raw, struct ft_err *err)
{
    unsigned uid = 0, gid = 0;
    bool root = geteuid() == 0;

    if (!root && user != NULL) {
        return ft_err_set(err, FT_E_USAGE, "--user: '%s': only root can become another user", user);
    }
    int rc = root ? ft_sandbox_user(user, &uid, &gid, err) : FT_OK;

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
    if ((!root || uid != 0) && ft__confine_caps(keep_net_raw ? 1u << CAP_NET_RAW : 0) != 0) {
        return ft_err_set(err, FT_E_PRIVILEGE, "cannot give up capabilities: %s", strerror(errno));
    }
    if (root) { /* a way to root's file rights stays open, and others run as that user, too */
        ft_sandbox_protect();
    }
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        return ft_err_set(err, FT_E_PRIVILEGE, "no_new_privs: %s", strerror(errno));
    }
    return FT_OK;
}

int ft_sandbox_enter(struct ft_err *err)
{
    return ft_sandbox_enter_with(0, err);
}

int ft_sandbox_enter_with(unsigned needs, struct ft_err *err)
{
    int rc;

    tzset(); /* reads its file now */
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        return ft_err_set(err, FT_E_PRIVILEGE, "no_new_privs: %s", strerror(errno));
    }
    struct ft__confine_left left = {.network = (needs & FT_SANDBOX_NETWORK) != 0};

    rc = ft__confine_files(&left, err);
    if (rc != FT_OK && rc != FT_E_UNSUPPORTED) {
        return rc;
    }
    return ft__confine_calls(FT__ROLE_MAIN, needs, err);
}

int ft_sandbox_enter_serve(const char *store, struct ft_err *err)
{
    struct ft__folder folder = {.fd = open(store, O_PATH | O_DIRECTORY | O_CLOEXEC)};
    struct ft__confine_left left = {.folders = &folder, .n = 1};
    int rc;

    tzset(); /* reads its file now */
    if (folder.fd < 0) {
        return ft_err_set(err, FT_E_IO, "%.200s: %s", store, strerror(errno));
    }
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        close(folder.fd);
        return ft_err_set(err, FT_E_PRIVILEGE, "no_new_privs: %s", strerror(errno));
    }
    rc = ft__confine_files(&left, err);
    close(folder.fd);
    return rc == FT_OK || rc == FT_E_UNSUPPORTED ? ft__confine_calls(FT__ROLE_SERVE, 0, err) : rc;
}
