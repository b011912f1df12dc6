/* SPDX-License-Identifier: Apache-2.0 */
/* bench_decode: what decoding costs, without a source or a flow table.
 *
 *   cc -O3 -D_GNU_SOURCE -Isrc -Iinclude -o bench_decode bench/bench_decode.c libflowtap.a
 *   bench_decode FILE.pcap [ROUNDS]
 *
 * The file (classic pcap, this machine's byte order) is mapped and touched. Then it is walked in
 * batches of 256: "cold" is views and decoding over the whole file, memory behind it; "warm" the
 * same over its first packets that fit the cache, and "general" those without the fast path. Each
 * prints the best round in ns per packet. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "decode/decode.h"
#include "decode/general.h"

enum { BATCH = 256, WARM_PACKETS = 256, WARM_LOOPS = 2000 };

struct file {
    const uint8_t *p, *end; /* records */
    uint16_t linktype;
    bool nano;
};

static double now_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static bool map_file(const char *path, struct file *out)
{
    int fd = open(path, O_RDONLY);
    struct stat st;
    const uint8_t *m;
    uint32_t magic;

    if (fd < 0 || fstat(fd, &st) != 0 || st.st_size < 24) {
        perror(path);
        return false;
    }
    m = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
    close(fd);
    if (m == MAP_FAILED) {
        perror(path);
        return false;
    }
    magic = ft_load_u32(m);
    if (magic != 0xa1b2c3d4 && magic != 0xa1b23c4d) {
        fprintf(stderr, "%s: not a pcap of this machine's byte order\n", path);
        return false;
    }
    *out = (struct file){.p = m + 24,
                         .end = m + st.st_size,
                         .linktype = (uint16_t)ft_load_u32(m + 20),
                         .nano = magic == 0xa1b23c4d};
    return true;
}

/* The next records as views; 0 at the end of the file. */
static uint32_t next_views(struct file *f, struct ft_view *views, uint32_t max)
{
    uint32_t n = 0;

    while (n < max && f->end - f->p >= 16) {
        uint32_t cap = ft_load_u32(f->p + 8);

        if (cap > (size_t)(f->end - f->p) - 16) {
            break;
        }
        views[n++] = (struct ft_view){
            .data = f->p + 16,
            .ts_ns = (int64_t)ft_load_u32(f->p) * 1000000000 +
                     (int64_t)ft_load_u32(f->p + 4) * (f->nano ? 1 : 1000),
            .caplen = cap,
            .len = ft_load_u32(f->p + 12),
            .linktype = f->linktype,
        };
        __builtin_prefetch(f->p + 4096);
        f->p += 16 + cap;
    }
    return n;
}

static struct ft_packet packets[BATCH];

static double run_cold(struct file f, struct ft_decoder *d, bool decode)
{
    struct ft_view views[BATCH];
    uint64_t total = 0;
    uint32_t n, n_out;
    double start = now_ns();

    while ((n = next_views(&f, views, BATCH)) > 0) {
        if (decode) {
            ft_decode_batch(d, views, n, packets, &n_out);
        }
        total += n;
    }
    return (now_ns() - start) / (double)(total > 0 ? total : 1);
}

static double run_warm(struct file f, struct ft_decoder *d, bool general)
{
    struct ft_view views[WARM_PACKETS];
    uint32_t n = next_views(&f, views, WARM_PACKETS), n_out;
    double start = now_ns();

    for (int i = 0; i < WARM_LOOPS; i++) {
        if (!general) {
            ft_decode_batch(d, views, n, packets, &n_out);
            continue;
        }
        for (uint32_t k = 0; k < n; k++) {
            d->verdict[ft__decode_general(d, &views[k], &packets[k])]++;
        }
    }
    return (now_ns() - start) / WARM_LOOPS / (n > 0 ? n : 1);
}

static double best(double a, double b)
{
    return a < b ? a : b;
}

int main(int argc, char **argv)
{
    int rounds = argc > 2 ? atoi(argv[2]) : 5;
    double walk = 1e9, cold = 1e9, warm = 1e9, general = 1e9;
    struct ft_hash_seed seed;
    struct ft_decoder d;
    struct file f;

    if (argc < 2 || !map_file(argv[1], &f)) {
        fprintf(stderr, "usage: bench_decode FILE.pcap [ROUNDS]\n");
        return 2;
    }
    ft_hash_seed_fixed(&seed, 1);
    ft_decoder_init(&d, &seed);
    for (int i = 0; i < rounds; i++) {
        walk = best(walk, run_cold(f, &d, false));
        cold = best(cold, run_cold(f, &d, true));
    }
    for (int v = 0; v < FT_V__COUNT; v++) {
        if (d.verdict[v] > 0) {
            printf("%s %llu\n", ft_verdict_name(v), (unsigned long long)d.verdict[v] / rounds);
        }
    }
    for (int i = 0; i < rounds; i++) {
        warm = best(warm, run_warm(f, &d, false));
        general = best(general, run_warm(f, &d, true));
    }
    printf("ns/packet: views %.1f, views+decode %.1f, decode warm %.1f, general warm %.1f\n", walk,
           cold, warm, general);
    return 0;
}
