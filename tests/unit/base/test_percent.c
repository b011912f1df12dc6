/* SPDX-License-Identifier: Apache-2.0 */
/* base/percent: what is decoded, and what stays as it is. */
#include "base/percent.h"
#include "harness.h"

static void test_decode(void)
{
    static const char *const cases[][2] = {
        {"", ""},         {"a", "a"},       {"%41%62c", "Abc"}, {"%2f%2F", "//"},
        {"100%", "100%"}, {"%4", "%4"},     {"%zz", "%zz"},     {"%4g", "%4g"},
        {"%00", "%00"},   {"%2541", "%41"}, {"%26&", "&&"},     {"%ff", "\xff"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t len = strlen(cases[i][0]);
        char *in = malloc(len + 1), *out = malloc(len + 1); /* no byte more */

        memcpy(in, cases[i][0], len);
        CHECK_EQ(ft_percent_decode(in, len, out), strlen(cases[i][1]));
        CHECK_STR(out, cases[i][1]);
        free(in);
        free(out);
    }
}

int main(void)
{
    RUN(test_decode);
    return test_end();
}
