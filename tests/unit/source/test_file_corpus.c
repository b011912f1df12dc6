/* SPDX-License-Identifier: Apache-2.0 */
/* source/file over a corpus of real captures (FT_CORPUS): each opens or is refused cleanly, and has
 * as many packets as capinfos counts, where that is installed. */
#include <ftw.h>

#include "source/file_run.h"

enum { FILES_MAX = 8192 };

static char *files[FILES_MAX];
static unsigned n_files;

static int note(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    const char *dot = strrchr(path, '.');

    (void)ftw;
    if (type == FTW_F && st->st_size < 64 << 20 && n_files < FILES_MAX && dot != NULL &&
        (strstr(dot, "cap") != NULL || strcmp(dot, ".1") == 0)) {
        files[n_files++] = strdup(path);
    }
    return 0;
}

/* Packets by capinfos, -1: not installed or it does not say. */
static long capinfos(const char *path)
{
    char command[1200], line[256];
    long n = -1;
    FILE *f;

    snprintf(command, sizeof command, "capinfos -crTmQ '%s' 2>/dev/null", path);
    f = popen(command, "r");
    while (f != NULL && fgets(line, sizeof line, f) != NULL) {
        const char *comma = strrchr(line, ',');

        n = comma != NULL && comma[1] != '\0' ? strtol(comma + 2, NULL, 10) : n; /* ,"12" */
    }
    return f != NULL && pclose(f) == 0 ? n : -1;
}

static unsigned opened, refused, damaged, counted, differ;

static void check_file(const char *path)
{
    struct result r = run_file(path);
    long want;

    if (r.open_code != FT_OK) {
        refused++;
        printf("refused: %s\n", r.open_what);
        CHECK(r.open_code == FT_E_FORMAT || r.open_code == FT_E_UNSUPPORTED);
        return;
    }
    opened++;
    damaged += r.n_told > 0;
    for (unsigned i = 0; i < r.n_told; i++) {
        printf("damaged: %s\n", r.told[i].what);
        CHECK(r.told[i].code == FT_E_TRUNCATED || r.told[i].code == FT_E_CORRUPT);
    }
    want = r.n_told == 0 ? capinfos(path) : -1;
    counted += want >= 0;
    if (want >= 0 && (uint64_t)want != r.n) {
        differ++;
        printf("differs: %s: capinfos counts %ld, here %zu\n", path, want, r.n);
    }
    result_fini(&r);
}

static void test_corpus(void)
{
    for (unsigned i = 0; i < n_files; i++) {
        check_file(files[i]);
        free(files[i]);
    }
    printf("%u files: %u opened, %u refused, %u damaged, %u counted by capinfos, %u differ\n",
           n_files, opened, refused, damaged, counted, differ);
    CHECK_EQ(differ, 0);
}

int main(void)
{
    const char *root = getenv("FT_CORPUS"), *here = strrchr(__FILE__, '/');
    char beside[512], path[1024];

    if (root == NULL) { /* beside the source tree */
        snprintf(beside, sizeof beside, "%.*s/../../../../shared/corpus/public",
                 here != NULL ? (int)(here - __FILE__) : 1, here != NULL ? __FILE__ : ".");
        root = beside;
    }
    for (unsigned i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/%s", root, i == 0 ? "packets" : "malformed");
        if (nftw(path, note, 16, FTW_PHYS) != 0) {
            continue; /* not there, or not all of it: what was noted is checked */
        }
    }
    if (n_files == 0) {
        return test_skip("no corpus (set FT_CORPUS)");
    }
    RUN(test_corpus);
    return test_end();
}
