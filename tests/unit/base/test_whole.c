/* SPDX-License-Identifier: Apache-2.0 */
/* base: files as a whole, from the disk and from a bundle of what another process has read. */
#include "base/whole.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "harness.h"

static char dir[64];

static const char *path_of(const char *name)
{
    static char path[128];

    snprintf(path, sizeof path, "%s/%s", dir, name);
    return path;
}

static void make(const char *name, const char *text)
{
    FILE *f = fopen(path_of(name), "w");

    CHECK(f != NULL);
    CHECK(fputs(text, f) >= 0);
    CHECK_EQ(fclose(f), 0);
}

/* What reading it comes to: its text, or errno as a number. */
static const char *reads(const char *name, size_t most)
{
    static char out[128];
    size_t len = 0;
    char *text = ft_whole_read(path_of(name), most, &len);

    if (text == NULL) {
        snprintf(out, sizeof out, "%d", errno);
    } else {
        CHECK_EQ(text[len], 0);
        snprintf(out, sizeof out, "%s", text);
    }
    ft_whole_forget(text, len);
    return out;
}

static const char *number(int n)
{
    static char out[16];

    snprintf(out, sizeof out, "%d", n);
    return out;
}

static void start(void)
{
    snprintf(dir, sizeof dir, "/tmp/ft-whole-XXXXXX");
    CHECK(mkdtemp(dir) != NULL);
    make("a", "one");
    make("empty", "");
}

static void end(void)
{
    static const char *const names[] = {"a", "b", "empty"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        unlink(path_of(names[i]));
    }
    CHECK_EQ(rmdir(dir), 0);
}

static void test_from_disk(void)
{
    start();
    CHECK_STR(reads("a", 100), "one");
    CHECK_STR(reads("a", 4), "one");
    CHECK_STR(reads("a", 3), number(EFBIG));
    CHECK_STR(reads("empty", 100), "");
    CHECK_STR(reads("missing", 100), number(ENOENT));
    CHECK_STR(reads(".", 100), number(EISDIR));
    end();
}

/* A writer that takes its time is waited for. */
static void test_from_a_pipe(void)
{
    int ends[2];
    char path[32];
    size_t len;

    CHECK_EQ(pipe(ends), 0);
    pid_t pid = fork();

    if (pid == 0) {
        close(ends[0]);
        usleep(50000);
        _exit(write(ends[1], "slow", 4) == 4 ? 0 : 1);
    }
    close(ends[1]);
    snprintf(path, sizeof path, "/proc/self/fd/%d", ends[0]);
    char *text = ft_whole_read(path, 100, &len);

    CHECK_STR(text, "slow");
    ft_mem_free(text);
    close(ends[0]);
}

/* Who uses a bundle finds what was found when it was recorded, whatever is there now. */
static void test_bundle(void)
{
    struct ft_bundle b = {0};

    start();
    ft_bundle_record(&b);
    CHECK_STR(reads("a", 100), "one");
    CHECK_STR(reads("missing", 100), number(ENOENT));
    CHECK_STR(reads("empty", 100), "");
    ft_bundle_record(NULL);
    make("a", "two");
    make("missing", "is there");
    make("b", "besides");
    CHECK(ft_bundle_valid(b.data, b.len));
    ft_bundle_use(&b);
    CHECK_STR(reads("a", 100), "one");
    CHECK_STR(reads("a", 3), number(EFBIG));
    CHECK_STR(reads("missing", 100), number(ENOENT));
    CHECK_STR(reads("empty", 100), "");
    CHECK_STR(reads("b", 100), "besides"); /* nobody has said anything about it */
    ft_bundle_use(NULL);
    CHECK_STR(reads("a", 100), "two");
    unlink(path_of("missing"));
    ft_bundle_fini(&b);
    CHECK(b.data == NULL);
    end();
}

/* Every cut of one, and every byte of it that is another, is refused or is one. */
static void test_foreign_bundles(void)
{
    struct ft_bundle b = {0};

    start();
    ft_bundle_record(&b);
    CHECK_STR(reads("a", 100), "one");
    CHECK_STR(reads("empty", 100), "");
    ft_bundle_record(NULL);
    uint32_t whole = 0;

    for (size_t len = 0; len <= b.len; len++) {
        whole += ft_bundle_valid(b.data, len);
    }
    CHECK_EQ(whole, 3); /* none, one, two files */
    for (size_t i = 0; i < b.len * 8; i++) {
        struct ft_bundle other = b;

        b.data[i / 8] ^= (uint8_t)(1u << i % 8);
        if (ft_bundle_valid(b.data, b.len)) {
            ft_bundle_use(&other);
            CHECK(strlen(reads("a", 100)) < 100);
            ft_bundle_use(NULL);
        }
        b.data[i / 8] ^= (uint8_t)(1u << i % 8);
    }
    ft_bundle_fini(&b);
    end();
}

static void test_no_memory(void)
{
    bool done = false;

    start();
    for (int n = 1; !done && n < 20; n++) {
        struct ft_bundle b = {0};

        ft_bundle_record(&b);
        ft_mem_fail_at(n);
        const char *got = reads("a", 100);

        ft_mem_fail_at(0);
        ft_bundle_record(NULL);
        done = strcmp(got, "one") == 0 && !b.full;
        CHECK(done || b.full || strcmp(got, number(ENOMEM)) == 0);
        ft_bundle_fini(&b);
    }
    CHECK(done);
    end();
}

int main(void)
{
    RUN(test_from_disk);
    RUN(test_from_a_pipe);
    RUN(test_bundle);
    RUN(test_foreign_bundles);
    RUN(test_no_memory);
    return test_end();
}
