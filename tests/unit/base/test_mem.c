/* SPDX-License-Identifier: Apache-2.0 */
/* base: allocation: zeroed, aligned, limited; products that do not fit; failures on demand. */
#include "base/mem.h"

#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"

#define HUGE_LEN ((size_t)2 << 20)

/* The sanitizers' allocators shall fail as the system's does. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
__attribute__((visibility("default"))) const char *__asan_default_options(void);
__attribute__((visibility("default"))) const char *__tsan_default_options(void);

const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1";
}

const char *__tsan_default_options(void)
{
    return "allocator_may_return_null=1";
}
#else
#define SANITIZED 0
#endif

static bool all_zero(const uint8_t *p, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (p[i] != 0) {
            return false;
        }
    }
    return true;
}

static void test_alloc(void)
{
    for (int round = 0; round < 3; round++) { /* also when the heap hands out used memory again */
        uint8_t *p = ft_mem_alloc(100, 7);

        CHECK(p != NULL && all_zero(p, 700));
        memset(p, 0xEE, 700);
        ft_mem_free(p);
    }
    ft_mem_free(NULL);
    ft_map_free(NULL, 100);
}

static void test_strdup(void)
{
    char text[] = "eth0";
    char *copy = ft_mem_strdup(text), *empty = ft_mem_strdup("");

    text[0] = 'x';
    CHECK_STR(copy, "eth0");
    CHECK_STR(empty, "");
    ft_mem_free(copy);
    ft_mem_free(empty);
}

/* n * size beyond size_t must not become a small block. Volatile: the compiler would see it. */
static void test_products(void)
{
    static const size_t n[][2] = {
        {SIZE_MAX, 2},
        {2, SIZE_MAX},
        {SIZE_MAX / 2 + 1, 2},
        {SIZE_MAX, SIZE_MAX},
        {(size_t)1 << 32, (size_t)1 << 32},
        {SIZE_MAX / 3, 4},
    };
    volatile size_t a, b;
    size_t out = 42;

    for (size_t i = 0; i < sizeof n / sizeof n[0]; i++) {
        a = n[i][0];
        b = n[i][1];
        void *p = ft_mem_alloc(a, b);

        CHECK(p == NULL);
        ft_mem_free(p);
        CHECK(ft_mul_overflow(a, b, &out));
    }
    CHECK(!ft_mul_overflow(SIZE_MAX, 1, &out) && out == SIZE_MAX);
    CHECK(!ft_mul_overflow(0, SIZE_MAX, &out) && out == 0);
    CHECK(!ft_mul_overflow((size_t)1 << 31, 6, &out) && out == (size_t)6 << 31);
}

static void test_map(void)
{
    static const size_t lens[] = {
        1, 4095, 4096, 4097, HUGE_LEN - 1, HUGE_LEN, HUGE_LEN + 1, 5 * HUGE_LEN + 12345};

    for (size_t i = 0; i < sizeof lens / sizeof lens[0]; i++) {
        uint8_t *p = ft_map_alloc(lens[i]);

        CHECK(p != NULL);
        CHECK_EQ((uintptr_t)p & 4095, 0);
        CHECK(lens[i] < HUGE_LEN || ((uintptr_t)p + (256 << 10)) % HUGE_LEN == 0);
        CHECK(all_zero(p, lens[i]));
        memset(p, 0xEE, lens[i]); /* all of it is ours */
        ft_map_free(p, lens[i]);
    }
}

/* One byte at the beginning of a large map costs a page, not a huge one: small runs stay small. */
static void test_map_begins_small(void)
{
    size_t len = 8 * HUGE_LEN;
    uint8_t *p = ft_map_alloc(len);
    static unsigned char there[8 * HUGE_LEN / 4096];
    size_t n = 0;

    CHECK(p != NULL);
    p[5000] = 1;
    CHECK_EQ(mincore(p, len, there), 0);
    for (size_t i = 0; i < sizeof there; i++) {
        n += there[i] & 1;
    }
    CHECK_EQ(n, 1);
    ft_map_free(p, len);
}

/* Address space, in KiB. */
static long mapped_kb(void)
{
    FILE *f = fopen("/proc/self/statm", "re");
    long pages = 0;

    if (f != NULL) {
        if (fscanf(f, "%ld", &pages) != 1) {
            pages = 0;
        }
        fclose(f);
    }
    return pages * 4;
}

/* What the alignment cuts off is given back, and so is the rest: nothing is left after many. */
static void test_map_leaves_nothing(void)
{
    long before = mapped_kb();

    for (int i = 0; i < 200; i++) {
        size_t len = (size_t)(i % 7 + 1) * 777777;

        ft_map_free(ft_map_alloc(len), len);
    }
    CHECK(mapped_kb() - before < 4096);
}

static void test_map_too_much(void)
{
    static const size_t lens[] = {0, SIZE_MAX, SIZE_MAX - 4096, SIZE_MAX - HUGE_LEN, SIZE_MAX / 2};

    for (size_t i = 0; i < sizeof lens / sizeof lens[0]; i++) {
        CHECK(ft_map_alloc(lens[i]) == NULL);
    }
}

/* Under a limit of address space: NULL, and it works again once there is room. */
static void in_child(void)
{
    size_t len = (size_t)1 << 30, small = 1 << 20;
    struct rlimit limit = {(rlim_t)mapped_kb() * 1024 + (64 << 20), RLIM_INFINITY};
    void *p, *q;

    if (setrlimit(RLIMIT_AS, &limit) != 0) {
        _exit(77);
    }
    p = ft_map_alloc(len);
    q = ft_mem_alloc(len, 1);
    if (p != NULL || q != NULL) {
        _exit(1);
    }
    p = ft_map_alloc(small);
    q = ft_mem_alloc(small, 1);
    _exit(p != NULL && q != NULL ? 0 : 2);
}

static void test_limit(void)
{
    if (SANITIZED) {
        return; /* their shadow is address space, too */
    }
    pid_t pid = fork();
    int status = -1;

    if (pid == 0) {
        in_child();
    }
    CHECK(waitpid(pid, &status, 0) == pid);
    CHECK(WIFEXITED(status));
    CHECK_EQ(WEXITSTATUS(status), 0);
}

static void test_failures(void)
{
    for (uint64_t at = 1; at <= 6; at++) {
        uint64_t before = ft_mem_count();

        ft_mem_fail_at(at);
        for (uint64_t i = 1; i <= 6; i++) { /* all three kinds count and fail */
            void *p = i % 3 == 0   ? ft_map_alloc(4096)
                      : i % 3 == 1 ? ft_mem_alloc(1, 8)
                                   : (void *)ft_mem_strdup("x");

            CHECK((p == NULL) == (i == at));
            if (i % 3 == 0) {
                ft_map_free(p, 4096);
            } else {
                ft_mem_free(p);
            }
        }
        CHECK_EQ(ft_mem_count() - before, 6);
    }
    ft_mem_fail_at(1);
    ft_mem_fail_at(0); /* taken back */
    void *p = ft_mem_alloc(1, 1);

    CHECK(p != NULL);
    ft_mem_free(p);
}

static void *allocate(void *arg)
{
    uint64_t *failed = arg;

    for (int i = 0; i < 20000; i++) {
        void *p = ft_mem_alloc(1, 16);

        *failed += p == NULL;
        ft_mem_free(p);
    }
    return NULL;
}

/* Each of two threads' allocations is counted, and exactly one of them fails. */
static void test_failures_of_threads(void)
{
    uint64_t failed[2] = {0}, before = ft_mem_count();
    pthread_t thread[2];

    ft_mem_fail_at(15000);
    for (int i = 0; i < 2; i++) {
        CHECK_EQ(pthread_create(&thread[i], NULL, allocate, &failed[i]), 0);
    }
    for (int i = 0; i < 2; i++) {
        pthread_join(thread[i], NULL);
    }
    ft_mem_fail_at(0);
    CHECK_EQ(failed[0] + failed[1], 1);
    CHECK_EQ(ft_mem_count() - before, 40000);
}

int main(void)
{
    RUN(test_alloc);
    RUN(test_strdup);
    RUN(test_products);
    RUN(test_map);
    RUN(test_map_begins_small);
    RUN(test_map_leaves_nothing);
    RUN(test_map_too_much);
    RUN(test_limit);
    RUN(test_failures);
    RUN(test_failures_of_threads);
    return test_end();
}
