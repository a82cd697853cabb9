/* SPDX-License-Identifier: Apache-2.0 */
#include "progress.h"

#include <string.h>
#include <unistd.h>

#include "suite.h"

#define MIB (UINT64_C(1) << 20)

START_TEST(tells_share_size_rate_and_time_left)
{
    char line[128];

    tool_progress_line(line, sizeof line, 0, "Uploading", 256 * MIB, 1024 * MIB, 256 * MIB,
                       2000000000);
    ck_assert_str_eq(line, "Uploading   25%  256.0 MiB of 1.0 GiB  128.0 MiB/s  6.0 s left");
}
END_TEST

START_TEST(counts_only_what_moved_now_for_the_rate)
{
    char line[128];

    tool_progress_line(line, sizeof line, 0, "U", 512 * MIB, 1024 * MIB, 2 * MIB, 1000000000);
    ck_assert_ptr_nonnull(strstr(line, "2.0 MiB/s"));
}
END_TEST

START_TEST(survives_nothing_and_the_impossible)
{
    char line[128];

    tool_progress_line(line, sizeof line, 0, "U", 0, 0, 0, 0);
    ck_assert_str_eq(line, "U  100%  0 B of 0 B  -/s  - left");
    tool_progress_line(line, sizeof line, 0, "U", 20, 10, 20, 1);
    ck_assert_ptr_nonnull(strstr(line, "200%"));
    tool_progress_line(line, sizeof line, 10, "Uploading", 1, 2, 1, 1);
    ck_assert_uint_eq(strlen(line), 10);
}
END_TEST

/* What a run of updates writes when stderr is a file. */
static size_t lines_written(int verbose, int quiet, int json)
{
    tool t = {.verbose = verbose, .quiet = quiet, .json = json};
    tool_progress p;
    size_t lines = 0;
    char buf[4096];
    int saved = dup(STDERR_FILENO);
    FILE *f = tmpfile();

    ck_assert_ptr_nonnull(f);
    dup2(fileno(f), STDERR_FILENO);
    tool_progress_start(&p, &t, "U");
    for (uint64_t i = 0; i <= 1000; i++)
        ck_assert_int_eq(tool_progress_update(&p, i, 1000), 0);
    tool_progress_end(&p);
    fflush(stderr);
    dup2(saved, STDERR_FILENO);
    rewind(f);
    size_t n = fread(buf, 1, sizeof buf, f);
    for (size_t i = 0; i < n; i++)
        lines += buf[i] == '\n';
    fclose(f);
    close(saved);
    return lines;
}

START_TEST(writes_ten_lines_without_a_terminal_and_only_when_asked)
{
    ck_assert_uint_eq(lines_written(1, 0, 0), 10);
    ck_assert_uint_eq(lines_written(0, 0, 0), 0);
    ck_assert_uint_eq(lines_written(1, 1, 0), 0);
    ck_assert_uint_eq(lines_written(1, 0, 1), 0);
}
END_TEST

TEST_MAIN(progress,
          tells_share_size_rate_and_time_left,
          counts_only_what_moved_now_for_the_rate,
          survives_nothing_and_the_impossible,
          writes_ten_lines_without_a_terminal_and_only_when_asked)
