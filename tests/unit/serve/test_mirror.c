/* SPDX-License-Identifier: Apache-2.0 */
#ifdef FT_HAVE_SERVE

#include "serve/mirror.h"

#include "harness.h"

static void test_plain(void)
{
    CHECK(ft_mirror_equals("top", "top"));
    CHECK(!ft_mirror_equals("top", "Top"));
    CHECK(!ft_mirror_equals("top", "top "));
    CHECK(!ft_mirror_equals("", "top"));
    CHECK(ft_mirror_equals("=?base64?", "=?base64?"));
    CHECK(!ft_mirror_equals("=?BASE64?dG9w?=", "top"));
}

static void test_encoded(void)
{
    CHECK(ft_mirror_equals("=?base64?dG9w?=", "top"));
    CHECK(ft_mirror_equals("=?base64?dG8=?=", "to"));
    CHECK(ft_mirror_equals("=?base64?dA==?=", "t"));
    CHECK(ft_mirror_equals("=?base64?"
                           "?=",
                           ""));
    CHECK(ft_mirror_equals("=?base64?w6l+?=", "\xc3\xa9~"));
    CHECK(ft_mirror_equals("=?base64?PT9iYXNlNjQ/eD89?=", "=?base64?x?="));
    CHECK(!ft_mirror_equals("=?base64?dG9w?=", "tops"));
    CHECK(!ft_mirror_equals("=?base64?dG9wcw==?=", "top"));
    CHECK(!ft_mirror_equals("=?base64?dG9?=", "to"));
    CHECK(!ft_mirror_equals("=?base64?dG 9w?=", "top"));
    CHECK(!ft_mirror_equals("=?base64?=?=", ""));
    CHECK(!ft_mirror_equals("=?base64?A===?=", ""));
    CHECK(!ft_mirror_equals("=?base64?dA==dA==?=", "tt"));
    CHECK(!ft_mirror_equals("=?base64?dG9wAA==?=", "top"));
    CHECK(!ft_mirror_equals("=?base64?dG9w?=", "=?base64?dG9w?="));
}

int main(void)
{
    RUN(test_plain);
    RUN(test_encoded);
    return test_end();
}

#else

int main(void)
{
    return 77; /* skipped: a build without what it takes */
}

#endif
