/* SPDX-License-Identifier: Apache-2.0 */
/* base: files below directory handles: what is opened, what is not, and what rotated files are
 * called and kept. */
#include "base/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness.h"

static char dir[64];
static struct ft_places *places;

static const char *path_of(const char *name)
{
    static char path[4][256];
    static unsigned turn;
    char *p = path[turn++ % 4];

    snprintf(p, sizeof path[0], "%s/%s", dir, name);
    return p;
}

static struct ft_file_answer call(enum ft_file_op op, int32_t id, int *out_fd)
{
    struct ft_file_call c = {.op = op, .id = id, .now_s = 1763903700};
    struct ft_file_answer a;

    ft_places_call(places, &c, &a, out_fd);
    return a;
}

static int32_t place_as(const char *path, enum ft_file_kind kind, struct ft_file_keep keep)
{
    struct ft_file_call c = {
        .op = FT_FILE_PLACE, .kind = kind, .keep = keep, .mode = FT_FILE_MODE_DEFAULT, .group = -1};
    struct ft_file_answer a;
    int fd;

    snprintf(c.path, sizeof c.path, "%s", path);
    ft_places_call(places, &c, &a, &fd);
    CHECK_EQ(a.error, 0);
    return a.id;
}

static int32_t place(const char *path)
{
    return place_as(path, FT_FILE_OUTPUT, (struct ft_file_keep){0});
}

static int open_error(int32_t id)
{
    int fd;
    struct ft_file_answer a = call(FT_FILE_OPEN, id, &fd);

    if (fd >= 0) {
        close(fd);
    }
    return a.error;
}

static bool exists(const char *name)
{
    struct stat st;

    return lstat(path_of(name), &st) == 0;
}

static void touch(const char *name)
{
    int fd = open(path_of(name), O_WRONLY | O_CREAT, 0600);

    CHECK(fd >= 0);
    CHECK_EQ(write(fd, "0123456789", 10), 10);
    close(fd);
}

static void start(void)
{
    snprintf(dir, sizeof dir, "/tmp/ft-files-XXXXXX");
    CHECK(mkdtemp(dir) != NULL);
    places = ft_places_new();
    CHECK(places != NULL);
}

static void end(void)
{
    char command[128];

    ft_places_free(places);
    snprintf(command, sizeof command, "rm -rf '%s'", dir);
    CHECK_EQ(system(command), 0);
}

static void test_new_files_are_private(void)
{
    struct stat st;

    start();
    umask(022);
    CHECK_EQ(open_error(place(path_of("a"))), 0);
    CHECK_EQ(stat(path_of("a"), &st), 0);
    CHECK_EQ(st.st_mode & 07777, 0640);
    end();
}

static void test_links_are_not_followed(void)
{
    start();
    touch("victim");
    int32_t id = place(path_of("a"));

    CHECK_EQ(open_error(id), 0);
    CHECK_EQ(unlink(path_of("a")), 0);
    CHECK_EQ(symlink("victim", path_of("a")), 0);
    CHECK_EQ(open_error(id), ELOOP);
    CHECK_EQ(unlink(path_of("a")), 0);
    CHECK_EQ(symlink("nowhere", path_of("a")), 0);
    CHECK_EQ(open_error(id), ELOOP);
    CHECK(!exists("nowhere"));
    end();
}

static void test_what_is_opened(void)
{
    int fd, r;

    start();
    CHECK_EQ(mkdir(path_of("d"), 0700), 0);
    CHECK_EQ(open_error(place(path_of("d"))), EISDIR);
    CHECK_EQ(mkfifo(path_of("f"), 0600), 0);
    int32_t id = place(path_of("f"));

    CHECK_EQ(open_error(id), ENXIO); /* nobody reads: and nothing waits */
    r = open(path_of("f"), O_RDONLY | O_NONBLOCK);
    CHECK_EQ(call(FT_FILE_OPEN, id, &fd).error, 0);
    CHECK((fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
    close(fd);
    close(r);
    CHECK_EQ(open_error(place("/dev/null")), 0);
    CHECK_EQ(open_error(place("/dev/zero")), ENODEV);
    CHECK_EQ(open_error(place("/dev/tty")), ENODEV);
    end();
}

static void test_a_folder_that_is_a_link_is_followed_once(void)
{
    int fd;

    start();
    CHECK_EQ(mkdir(path_of("one"), 0700), 0);
    CHECK_EQ(mkdir(path_of("two"), 0700), 0);
    CHECK_EQ(symlink("one", path_of("link")), 0);
    int32_t id = place(path_of("link/x"));

    CHECK_EQ(open_error(id), 0);
    CHECK(exists("one/x"));
    CHECK_EQ(unlink(path_of("link")), 0);
    CHECK_EQ(symlink("two", path_of("link")), 0);
    CHECK_EQ(call(FT_FILE_ASIDE, id, &fd).error, 0);
    CHECK_EQ(open_error(id), 0);
    CHECK(exists("one/x") && !exists("two/x"));
    end();
}

static void test_a_folder_that_was_replaced(void)
{
    int fd;

    start();
    CHECK_EQ(mkdir(path_of("o"), 0700), 0);
    int32_t id = place(path_of("o/x"));

    CHECK_EQ(open_error(id), 0);
    CHECK_EQ(rename(path_of("o"), path_of("old")), 0);
    CHECK_EQ(open_error(id), ENOENT);
    CHECK_EQ(mkdir(path_of("o"), 0777), 0);
    CHECK_EQ(chmod(path_of("o"), 0777), 0);
    struct ft_file_answer a = call(FT_FILE_OPEN, id, &fd);

    CHECK_EQ(a.error, EPERM); /* another mode */
    CHECK_EQ(a.notes, FT_FILE_FOLDER_FOREIGN);
    CHECK_EQ(chmod(path_of("o"), 0700), 0);
    a = call(FT_FILE_OPEN, id, &fd);
    CHECK_EQ(a.error, 0);
    CHECK_EQ(a.notes, FT_FILE_FOLDER_REPLACED);
    CHECK(exists("o/x"));
    close(fd);
    a = call(FT_FILE_OPEN, id, &fd);
    CHECK_EQ(a.notes, 0); /* said once */
    close(fd);
    CHECK_EQ(rename(path_of("o"), path_of("older")), 0);
    CHECK_EQ(symlink("older", path_of("o")), 0);
    CHECK_EQ(open_error(id), ENOTDIR);
    end();
}

static void test_another_process_takes_a_replaced_folder(void)
{
    int fd;

    start();
    CHECK_EQ(mkdir(path_of("o"), 0700), 0);
    int32_t id = place(path_of("o/x"));

    ft_places_confine(places);
    CHECK_EQ(open_error(id), 0);
    CHECK_EQ(rename(path_of("o"), path_of("old")), 0);
    CHECK_EQ(mkdir(path_of("o"), 0700), 0);
    struct ft_file_answer a = call(FT_FILE_OPEN, id, &fd);

    CHECK_EQ(a.error, ESTALE);
    CHECK_EQ(a.notes, FT_FILE_RENEW);
    ft_places_renew(places);
    a = call(FT_FILE_OPEN, id, &fd);
    CHECK_EQ(a.error, 0);
    CHECK_EQ(a.notes, FT_FILE_FOLDER_REPLACED);
    close(fd);
    end();
}

/* As root, in another user's folder: his files are taken, a third one's and hard links are not. */
static void test_owners(void)
{
    if (geteuid() != 0) {
        return;
    }
    start();
    CHECK_EQ(mkdir(path_of("o"), 0755), 0);
    CHECK_EQ(chown(path_of("o"), 65534, 65534), 0);
    int32_t id = place(path_of("o/x"));

    CHECK_EQ(open_error(id), 0);
    CHECK_EQ(unlink(path_of("o/x")), 0);
    touch("o/x");
    CHECK_EQ(chown(path_of("o/x"), 65534, 65534), 0);
    CHECK_EQ(open_error(id), 0);
    CHECK_EQ(chown(path_of("o/x"), 12345, 12345), 0);
    CHECK_EQ(open_error(id), EPERM);
    ft_places_trust(places, 12345);
    CHECK_EQ(open_error(id), 0);
    CHECK_EQ(unlink(path_of("o/x")), 0);
    touch("victim");
    CHECK_EQ(link(path_of("victim"), path_of("o/x")), 0);
    CHECK_EQ(open_error(id), EMLINK);
    end();
}

/* Where others may make files, what stands there may be anybody's: also at the start. */
static void test_owners_where_others_may_write(void)
{
    if (geteuid() != 0) {
        return;
    }
    start();
    CHECK_EQ(mkdir(path_of("t"), 0700), 0);
    CHECK_EQ(chmod(path_of("t"), 01777), 0);
    touch("t/x");
    CHECK_EQ(chown(path_of("t/x"), 12345, 12345), 0);
    CHECK_EQ(open_error(place(path_of("t/x"))), EPERM);
    CHECK_EQ(chown(path_of("t/x"), 0, 0), 0);
    CHECK_EQ(open_error(place(path_of("t/x"))), 0);
    CHECK_EQ(link(path_of("t/x"), path_of("t/y")), 0);
    CHECK_EQ(open_error(place(path_of("t/x"))), EMLINK);
    CHECK_EQ(mkfifo(path_of("t/f"), 0600), 0);
    CHECK_EQ(chown(path_of("t/f"), 12345, 12345), 0);
    CHECK_EQ(open_error(place(path_of("t/f"))), EPERM);
    end();
}

/* A FIFO that was never opened, because nobody read it, is no open door for what comes after. */
static void test_owner_after_a_fifo(void)
{
    if (geteuid() != 0) {
        return;
    }
    start();
    CHECK_EQ(mkdir(path_of("o"), 0755), 0);
    CHECK_EQ(chown(path_of("o"), 65534, 65534), 0);
    CHECK_EQ(mkfifo(path_of("o/f"), 0600), 0);
    CHECK_EQ(chown(path_of("o/f"), 65534, 65534), 0);
    int32_t id = place(path_of("o/f"));

    CHECK_EQ(open_error(id), ENXIO);
    CHECK_EQ(unlink(path_of("o/f")), 0);
    touch("victim");
    CHECK_EQ(chown(path_of("victim"), 12345, 12345), 0);
    CHECK_EQ(link(path_of("victim"), path_of("o/f")), 0);
    CHECK_EQ(open_error(id), EPERM);
    end();
}

/* What a caller that was taken over could ask for is less than what the calls can do. */
static void test_a_kind_is_not_treated_as_another(void)
{
    int fd;

    start();
    int32_t out = place(path_of("x.json"));
    int32_t st = place_as(path_of("st"), FT_FILE_STATE, (struct ft_file_keep){0});

    touch("x-20251123T131500.json");
    CHECK_EQ(call(FT_FILE_OPEN_NEW, out, &fd).error, EPERM);
    CHECK_EQ(call(FT_FILE_REPLACE, out, &fd).error, EPERM);
    CHECK_EQ(call(FT_FILE_OPEN, st, &fd).error, EPERM);
    CHECK_EQ(call(FT_FILE_SWEEP, st, &fd).error, EPERM);
    struct ft_file_call c = {.op = FT_FILE_SWEEP, .id = out, .keep = {.files = 1, .bytes = 1}};
    struct ft_file_answer a;

    ft_places_call(places, &c, &a, &fd);
    CHECK_EQ(a.error, 0);
    CHECK_EQ(a.n, 0); /* what is kept was said when it was placed */
    CHECK(exists("x-20251123T131500.json"));
    ft_places_seal(places);
    c = (struct ft_file_call){.op = FT_FILE_PLACE, .mode = 0640, .group = -1};
    snprintf(c.path, sizeof c.path, "%s", path_of("other"));
    ft_places_call(places, &c, &a, &fd);
    CHECK_EQ(a.error, EPERM);
    end();
}

static bool is_kept(void *cookie, const char *path)
{
    return strcmp(path, cookie) == 0;
}

/* A place that is added after the seal; its error or number. */
static int32_t add(const char *path, const char *kept, int *out_error)
{
    struct ft_file_call c = {.op = FT_FILE_PLACE, .mode = FT_FILE_MODE_DEFAULT, .group = -1};
    struct ft_file_answer a;

    snprintf(c.path, sizeof c.path, "%s", path);
    ft_places_add(places, &c, &(struct ft_places_adder){is_kept, (void *)(uintptr_t)kept}, &a);
    *out_error = a.error;
    return a.id;
}

/* Places without end: who was added first gives way, and nobody gets another one's by its number.
 */
static void test_added_places_give_way(void)
{
    char kept[128], name[32];
    int error, fd;

    start();
    int32_t first = place(path_of("first"));

    ft_places_seal(places);
    snprintf(kept, sizeof kept, "%s", path_of("kept"));
    int32_t id_kept = add(kept, kept, &error), old = -1;

    for (int i = 0; i < 3 * FT_FILES_MAX; i++) {
        snprintf(name, sizeof name, "n%d", i);
        int32_t id = add(path_of(name), kept, &error);

        CHECK_EQ(error, 0);
        CHECK_EQ(add(path_of(name), kept, &error), id); /* it has it already */
        old = i == 0 ? id : old;
    }
    CHECK_EQ(ft_places_count(places), FT_FILES_MAX);
    CHECK_EQ(open_error(first), 0); /* of before the seal */
    CHECK_EQ(open_error(id_kept), 0);
    CHECK(exists("kept"));
    CHECK_EQ(call(FT_FILE_OPEN, old, &fd).error, EBADF);
    CHECK(!exists("n0"));
    CHECK_EQ(call(FT_FILE_OPEN, INT32_MAX, &fd).error, EBADF);
    CHECK_EQ(call(FT_FILE_OPEN, -5, &fd).error, EBADF);
    snprintf(name, sizeof name, "n%d", 3 * FT_FILES_MAX - 1);
    CHECK_EQ(open_error(add(path_of(name), kept, &error)), 0);
    CHECK(exists(name));
    end();
}

static void test_one_writer(void)
{
    int fd;

    start();
    int32_t id = place(path_of("x"));
    struct ft_file_answer a = call(FT_FILE_OPEN, id, &fd);

    CHECK_EQ(a.error, 0);
    CHECK_EQ(open_error(place(path_of("x"))), EBUSY);
    close(fd);
    CHECK_EQ(open_error(id), 0);
    end();
}

static void test_rotated_names(void)
{
    char name[FT_FILE_NAME];
    int64_t s;
    unsigned n;

    CHECK(ft_file_rotated_name("x.ndjson.zst", 1763903700, 0, name));
    CHECK_STR(name, "x-20251123T131500.ndjson.zst");
    CHECK(ft_file_rotated_name(".x", 1763903700, 3, name));
    CHECK_STR(name, ".x-20251123T131500-3");
    CHECK(ft_file_is_rotated("x.csv", "x-20251123T131500-12.csv", &s, &n));
    CHECK_EQ(s, 1763903700);
    CHECK_EQ(n, 12);
    CHECK(!ft_file_is_rotated("x.csv", "x.csv", &s, &n));
    CHECK(!ft_file_is_rotated("x.csv", "x-2025.csv", &s, &n));
    CHECK(!ft_file_is_rotated("x.csv", "x-20251123T131500.csv.bak", &s, &n));
    CHECK(!ft_file_is_rotated("x.csv", "x-20251123T131500-.csv", &s, &n));
    CHECK(!ft_file_is_rotated("x.csv", "x-20251323T131500.csv", &s, &n));
}

static void test_aside_never_replaces(void)
{
    int fd;

    start();
    int32_t id = place(path_of("x.json"));

    touch("x-20251123T131500.json"); /* somebody else's */
    for (unsigned i = 1; i <= 3; i++) {
        char want[64];

        CHECK_EQ(open_error(id), 0);
        struct ft_file_answer a = call(FT_FILE_ASIDE, id, &fd);

        snprintf(want, sizeof want, "x-20251123T131500-%u.json", i);
        CHECK_EQ(a.error, 0);
        CHECK_STR(a.name, want);
        CHECK(exists(want));
    }
    CHECK_EQ(call(FT_FILE_ASIDE, id, &fd).error, ENOENT);
    end();
}

static void sweep(struct ft_file_keep keep, uint32_t removed)
{
    struct ft_file_call c = {.op = FT_FILE_SWEEP,
                             .id = place_as(path_of("x.json"), FT_FILE_OUTPUT, keep),
                             .now_s = 1763903700 + 3600};
    struct ft_file_answer a;
    int fd;

    ft_places_call(places, &c, &a, &fd);
    CHECK_EQ(a.error, 0);
    CHECK_EQ(a.n, removed);
}

static void test_what_is_kept(void)
{
    start();
    int32_t id = place(path_of("x.json"));

    CHECK_EQ(open_error(id), 0);
    for (int i = 0; i < 6; i++) {
        char name[64];

        snprintf(name, sizeof name, "x-20251123T13150%d.json", i);
        touch(name);
    }
    touch("x-20251123T131505-1.json");
    touch("x-other.json");
    CHECK_EQ(mkdir(path_of("x-20251123T131400.json"), 0700), 0);
    sweep((struct ft_file_keep){.files = 5}, 2);
    CHECK(!exists("x-20251123T131501.json") && exists("x-20251123T131502.json"));
    sweep((struct ft_file_keep){.bytes = 45}, 1);
    CHECK(!exists("x-20251123T131502.json") && exists("x-20251123T131503.json"));
    sweep((struct ft_file_keep){.age_s = 3596}, 1);
    CHECK(!exists("x-20251123T131503.json") && exists("x-20251123T131504.json"));
    CHECK(exists("x-20251123T131505-1.json") && exists("x-other.json") && exists("x.json"));
    CHECK(exists("x-20251123T131400.json"));
    end();
}

static void test_replacing(void)
{
    int fd;

    start();
    touch("st");
    touch("st.new"); /* of a run that died */
    int32_t id = place_as(path_of("st"), FT_FILE_STATE, (struct ft_file_keep){0});
    struct ft_file_answer a = call(FT_FILE_OPEN_NEW, id, &fd);

    CHECK_EQ(a.error, 0);
    CHECK_EQ(lseek(fd, 0, SEEK_END), 0);
    CHECK_EQ(write(fd, "new", 3), 3);
    close(fd);
    CHECK_EQ(call(FT_FILE_REPLACE, id, &fd).error, 0);
    CHECK(!exists("st.new"));
    fd = open(path_of("st"), O_RDONLY);
    CHECK_EQ(lseek(fd, 0, SEEK_END), 3);
    close(fd);
    touch("victim");
    CHECK_EQ(symlink("victim", path_of("st.new")), 0);
    CHECK_EQ(call(FT_FILE_REPLACE, id, &fd).error, EPERM);
    a = call(FT_FILE_OPEN_NEW, id, &fd); /* the link goes, its target stays */
    CHECK_EQ(a.error, 0);
    close(fd);
    fd = open(path_of("victim"), O_RDONLY);
    CHECK_EQ(lseek(fd, 0, SEEK_END), 10);
    close(fd);
    end();
}

/* ---- folders of a time ---- */

static int32_t place_parted(const char *path, struct ft_file_keep keep, uint32_t mode)
{
    struct ft_file_call c = {.op = FT_FILE_PLACE,
                             .kind = FT_FILE_OUTPUT,
                             .keep = keep,
                             .mode = mode,
                             .mode_exact = true,
                             .parted = true,
                             .group = -1};
    struct ft_file_answer a;
    int fd;

    snprintf(c.path, sizeof c.path, "%s", path);
    ft_places_call(places, &c, &a, &fd);
    CHECK_EQ(a.error, 0);
    return a.id;
}

static struct ft_file_answer call_in(enum ft_file_op op, int32_t id, const char *folders)
{
    struct ft_file_call c = {.op = op, .id = id, .now_s = 1763903700};
    struct ft_file_answer a;
    int fd;

    snprintf(c.part, sizeof c.part, "%s", folders);
    ft_places_call(places, &c, &a, &fd);
    if (fd >= 0) {
        close(fd);
    }
    return a;
}

static void test_folders_are_made(void)
{
    struct stat st;

    start();
    int32_t x = place_parted(path_of("x"), (struct ft_file_keep){0}, 0640);

    CHECK_EQ(call_in(FT_FILE_ASIDE, x, "date=2025-11-23/hour=13").error, ENOENT);
    CHECK(!exists("date=2025-11-23")); /* only what is opened makes them */
    CHECK_EQ(call_in(FT_FILE_OPEN, x, "date=2025-11-23/hour=13").error, 0);
    CHECK_EQ(call_in(FT_FILE_OPEN, x, "date=2025-11-23").error, 0);
    CHECK(exists("date=2025-11-23/hour=13/x"));
    CHECK(exists("date=2025-11-23/x"));
    CHECK(!exists("x"));
    CHECK_EQ(stat(path_of("date=2025-11-23/hour=13"), &st), 0);
    CHECK_EQ(st.st_mode & 07777, 0750);
    CHECK_EQ(call_in(FT_FILE_ASIDE, x, "date=2025-11-23/hour=13").error, 0);
    CHECK(exists("date=2025-11-23/hour=13/x-20251123T131500"));
    end();
}

/* What leads elsewhere is no folder of a time; and a place is parted or it is not. */
static void test_folders_lead_nowhere_else(void)
{
    static const char *const wrong[] = {
        "",         "..",       "../date=1", "date=..",  "date=1/../..",    "/date=1",
        "date=1//", "date",     "=1",        "date=1/x", "date=/etc",       "date=1/hour=2/min=3",
        "date=a",   "date=1 2", "date=.",    "Date=1",   "date=1/hour=../", "date=",
    };

    start();
    int32_t x = place_parted(path_of("x"), (struct ft_file_keep){0}, 0640), y = place(path_of("y"));

    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        CHECK(call_in(FT_FILE_OPEN, x, wrong[i]).error != 0);
    }
    CHECK_EQ(call_in(FT_FILE_OPEN, y, "date=2025-11-23").error, 0); /* y has no folders */
    CHECK(exists("y"));
    CHECK_EQ(symlink("/tmp", path_of("date=2025-11-24")), 0);
    CHECK(call_in(FT_FILE_OPEN, x, "date=2025-11-24").error != 0);
    touch("date=2025-11-25");
    CHECK_EQ(call_in(FT_FILE_OPEN, x, "date=2025-11-25").error, ENOTDIR);
    CHECK(!exists("../x"));
    if (geteuid() == 0) {
        CHECK_EQ(mkdir(path_of("date=2025-11-26"), 0777), 0);
        CHECK_EQ(chown(path_of("date=2025-11-26"), 65534, 65534), 0);
        CHECK_EQ(call_in(FT_FILE_OPEN, x, "date=2025-11-26").error, EPERM);
    }
    end();
}

static void make_hours(int32_t x)
{
    char name[64];

    for (int i = 0; i < 10; i++) {
        snprintf(name, sizeof name, "date=2025-11-%02d/hour=%02d", 22 + i / 5, 10 + i % 5);
        CHECK_EQ(call_in(FT_FILE_OPEN, x, name).error, 0);
        snprintf(name, sizeof name, "date=2025-11-%02d/hour=%02d/x-20251123T131500", 22 + i / 5,
                 10 + i % 5);
        touch(name);
    }
    touch("date=2025-11-22/hour=11/other");
    CHECK_EQ(mkdir(path_of("date=2025-11-21"), 0700), 0); /* empty, and not of our making */
}

static void test_what_is_kept_in_folders(void)
{
    static const struct {
        struct ft_file_keep keep;
        uint32_t gone;
        bool last, first; /* is there: the last folder before, its neighbour's rotated file */
    } cases[] = {
        {{.files = 3}, 15, true, true},    {{.files = 1}, 17, true, false},
        {{.bytes = 25}, 13, true, true}, /* files that were opened have no bytes */
        {{.age_s = 86400}, 6, true, true}, {{.age_s = 1}, 16, true, true},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        start();
        int32_t x = place_parted(path_of("x"), cases[i].keep, 0640);

        make_hours(x);
        struct ft_file_answer a = call_in(FT_FILE_SWEEP, x, "date=2025-11-23/hour=14");

        CHECK_EQ(a.error, 0);
        CHECK_EQ(a.n, cases[i].gone);
        CHECK(exists("date=2025-11-23/hour=14/x")); /* it is open */
        CHECK_EQ(exists("date=2025-11-23/hour=13/x"), cases[i].last);
        CHECK_EQ(exists("date=2025-11-23/hour=13/x-20251123T131500"), cases[i].first);
        CHECK(!exists("date=2025-11-22/hour=10"));
        CHECK(exists("date=2025-11-22/hour=11/other"));
        CHECK(exists("date=2025-11-21"));
        end();
    }
}

int main(void)
{
    RUN(test_new_files_are_private);
    RUN(test_links_are_not_followed);
    RUN(test_what_is_opened);
    RUN(test_a_folder_that_is_a_link_is_followed_once);
    RUN(test_a_folder_that_was_replaced);
    RUN(test_another_process_takes_a_replaced_folder);
    RUN(test_owners);
    RUN(test_owners_where_others_may_write);
    RUN(test_owner_after_a_fifo);
    RUN(test_a_kind_is_not_treated_as_another);
    RUN(test_added_places_give_way);
    RUN(test_one_writer);
    RUN(test_rotated_names);
    RUN(test_aside_never_replaces);
    RUN(test_what_is_kept);
    RUN(test_replacing);
    RUN(test_folders_are_made);
    RUN(test_folders_lead_nowhere_else);
    RUN(test_what_is_kept_in_folders);
    return test_end();
}
