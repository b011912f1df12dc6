/* SPDX-License-Identifier: Apache-2.0 */
/* Feeds files, and the files of directories, to a fuzz target without a fuzzer; each one also cut
 * at every length up to 512 bytes. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned runs;

/* From an exact-size heap block, so that a sanitizer sees every read beyond it. */
static void feed(const uint8_t *data, size_t len)
{
    uint8_t *copy = malloc(len > 0 ? len : 1);

    memcpy(copy, data, len);
    LLVMFuzzerTestOneInput(copy, len);
    free(copy);
    runs++;
}

static int feed_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    uint8_t *data = malloc(1 << 20);

    if (f == NULL || data == NULL) {
        fprintf(stderr, "%s: cannot be read\n", path);
        return 1;
    }
    size_t n = fread(data, 1, 1 << 20, f);

    fclose(f);
    for (size_t len = 0; len < n && len < 512; len++) {
        feed(data, len);
    }
    feed(data, n);
    free(data);
    return 0;
}

static int feed_path(const char *path)
{
    struct stat st;
    struct dirent *e;
    int rc = 0;

    if (stat(path, &st) != 0 || !S_ISDIR(st.st_mode)) {
        return feed_file(path);
    }
    DIR *d = opendir(path);

    while (d != NULL && (e = readdir(d)) != NULL) {
        char name[4096];

        if (e->d_name[0] != '.') {
            snprintf(name, sizeof name, "%s/%s", path, e->d_name);
            rc |= feed_file(name);
        }
    }
    if (d != NULL) {
        closedir(d);
    }
    return rc;
}

int main(int argc, char **argv)
{
    int rc = argc < 2;

    for (int i = 1; i < argc; i++) {
        rc |= feed_path(argv[i]);
    }
    printf("%u inputs replayed\n", runs);
    return rc != 0 || runs == 0;
}
