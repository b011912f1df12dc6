/* SPDX-License-Identifier: Apache-2.0 */
/* base/big: files as they are, from disk and handed over. */
#include "base/big.h"

#include <errno.h>
#include <unistd.h>

#include "harness.h"

static char path[] = "/tmp/flowtap-big-XXXXXX";

static void write_file(const char *text, size_t len)
{
    int fd = mkstemp(path);

    CHECK(fd >= 0);
    CHECK_EQ(write(fd, text, len), (ssize_t)len);
    close(fd);
}

static void test_read(void)
{
    struct ft_big b;

    CHECK_EQ(ft_big_read(path, 100, &b), 0);
    CHECK_EQ(b.len, 5);
    CHECK_MEM(b.data, "hello", 5);
    ft_big_free(&b);
    CHECK(b.data == NULL);
    CHECK_EQ(ft_big_read(path, 5, &b), EFBIG);
    CHECK_EQ(ft_big_read(path, 6, &b), 0);
    ft_big_free(&b);
    CHECK_EQ(ft_big_read("/nowhere/at/all", 100, &b), ENOENT);
    CHECK(b.data == NULL);
    CHECK_EQ(ft_big_read("/", 100, &b), EISDIR);
}

/* The file is as it was when it was copied, whatever becomes of it. */
static void test_handed(void)
{
    static struct ft_big_table t[3];
    struct ft_big b;

    t[0].fd = ft_big_copy(path, 100, &t[0].file);
    t[1].fd = ft_big_copy("/nowhere/at/all", 100, &t[1].file);
    t[2].fd = ft_big_copy("/dev/null", 100, &t[2].file);
    CHECK(t[0].fd >= 0 && t[0].file.error == 0 && t[0].file.len == 5);
    CHECK(t[1].fd < 0 && t[1].file.error == ENOENT);
    CHECK(t[2].fd >= 0 && t[2].file.len == 0);
    CHECK_EQ(truncate(path, 1), 0);
    ft_big_use(t, 3);
    CHECK_EQ(ft_big_read(path, 100, &b), 0);
    CHECK_EQ(b.len, 5);
    CHECK_MEM(b.data, "hello", 5);
    close(t[0].fd); /* it stays until it is freed */
    CHECK_MEM(b.data, "hello", 5);
    ft_big_free(&b);
    CHECK_EQ(ft_big_read(path, 5, &b), EFBIG);
    CHECK_EQ(ft_big_read("/nowhere/at/all", 100, &b), ENOENT);
    CHECK_EQ(ft_big_read("/dev/null", 100, &b), 0);
    CHECK_EQ(b.len, 0);
    ft_big_free(&b);
    ft_big_use(NULL, 0);
    CHECK_EQ(ft_big_read(path, 100, &b), 0);
    CHECK_EQ(b.len, 1);
    ft_big_free(&b);
    close(t[2].fd);
    CHECK_EQ(ft_big_copy(path, 1, &t[0].file), -1);
    CHECK_EQ(t[0].file.error, EFBIG);
}

int main(void)
{
    write_file("hello", 5);
    RUN(test_read);
    RUN(test_handed);
    unlink(path);
    return test_end();
}
