/* SPDX-License-Identifier: Apache-2.0 */
#include "enclave/console.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "suite.h"

static char path[64];

static void open_log(cocos__console *c)
{
    cocos_error *err = NULL;

    cocos__console_init(c);
    assert_ok(cocos__console_open_log(c, path, &err), err);
}

static void fresh_log(cocos__console *c)
{
    strcpy(path, "/tmp/cocos-unit-XXXXXX");
    close(mkstemp(path));
    unlink(path);
    open_log(c);
}

static void done(cocos__console *c)
{
    cocos__console_close(c);
    unlink(path);
}

static int write_text(cocos__console *c, const char *text)
{
    int panic = 0;
    cocos__console_append(c, (const uint8_t *)text, strlen(text), &panic);
    return panic;
}

/* The byte that belongs at an offset of the test's stream. */
static uint8_t byte_at(uint64_t offset)
{
    return (uint8_t)('!' + offset % 89);
}

static void write_stream(cocos__console *c, uint64_t n)
{
    uint8_t buf[4096];
    int panic = 0;

    while (n > 0) {
        size_t k = n < sizeof buf ? (size_t)n : sizeof buf;
        for (size_t i = 0; i < k; i++)
            buf[i] = byte_at(c->total + i);
        cocos__console_append(c, buf, k, &panic);
        n -= k;
    }
}

/* Reads everything from `offset`; checks each byte; returns how many, *lost in total. */
static uint64_t read_all(const cocos__console *c, uint64_t offset, uint64_t *lost)
{
    uint8_t buf[4096];
    uint64_t got = 0;

    *lost = 0;
    for (;;) {
        size_t n;
        uint64_t skipped;
        uint64_t before = offset;
        ck_assert_int_eq(cocos__console_read(c->file, &offset, buf, sizeof buf, &n, &skipped, NULL),
                         COCOS_OK);
        *lost += skipped;
        for (size_t i = 0; i < n; i++)
            ck_assert_uint_eq(buf[i], byte_at(before + skipped + i));
        got += n;
        if (n == 0)
            return got;
    }
}

START_TEST(keeps_a_short_log_whole)
{
    cocos__console c;
    uint64_t lost;

    fresh_log(&c);
    write_stream(&c, 100000);
    ck_assert_uint_eq(read_all(&c, 0, &lost), 100000);
    ck_assert_uint_eq(lost, 0);
    done(&c);
}
END_TEST

START_TEST(keeps_beginning_and_end_of_an_endless_one_within_its_bound)
{
    cocos__console c;
    uint64_t lost;
    struct stat st;
    const uint64_t n = 5 * (COCOS__CONSOLE_HEAD + COCOS__CONSOLE_RING) + 123;

    fresh_log(&c);
    write_stream(&c, n);
    ck_assert_uint_eq(read_all(&c, 0, &lost), COCOS__CONSOLE_HEAD + COCOS__CONSOLE_RING);
    ck_assert_uint_eq(lost, n - COCOS__CONSOLE_HEAD - COCOS__CONSOLE_RING);
    ck_assert_int_eq(fstat(c.file, &st), 0);
    ck_assert_int_le(st.st_size, COCOS__CONSOLE_HEAD + COCOS__CONSOLE_RING + 16);
    done(&c);
}
END_TEST

START_TEST(goes_on_where_it_was_after_a_restart)
{
    cocos__console c;
    uint64_t lost;

    fresh_log(&c);
    write_stream(&c, COCOS__CONSOLE_HEAD + 10);
    cocos__console_close(&c);
    open_log(&c);
    ck_assert_uint_eq(c.total, COCOS__CONSOLE_HEAD + 10);
    write_stream(&c, 10);
    ck_assert_uint_eq(read_all(&c, 0, &lost), COCOS__CONSOLE_HEAD + 20);
    done(&c);
}
END_TEST

START_TEST(sees_a_panic_that_is_split_between_two_reads)
{
    cocos__console c;

    fresh_log(&c);
    ck_assert(!write_text(&c, "[    1.2] Kernel panic - "));
    ck_assert(write_text(&c, "not syncing: No working init found."));
    done(&c);

    fresh_log(&c);
    int seen = 0;
    for (const char *s = "x Kernel panic - not syncing: y"; *s; s++) {
        char one[2] = {*s, 0};
        seen |= write_text(&c, one);
    }
    ck_assert(seen);
    done(&c);
}
END_TEST

START_TEST(sees_no_panic_where_there_is_none)
{
    cocos__console c;

    fresh_log(&c);
    ck_assert(!write_text(&c, "Kernel panic - "));
    ck_assert(!write_text(&c, "Kernel panic - "));
    ck_assert(!write_text(&c, "not at all"));
    done(&c);
}
END_TEST

START_TEST(tells_the_end_in_one_printable_line)
{
    cocos__console c;
    char tail[20];

    fresh_log(&c);
    write_text(&c, "begin\nlast \x1b[31mwords\nend\n");
    cocos__console_tail(c.file, tail, sizeof tail);
    ck_assert_str_eq(tail, "ast  [31mwords|end|");
    done(&c);
}
END_TEST

START_TEST(refuses_a_log_whose_head_is_damaged)
{
    cocos__console c;
    cocos_error *err = NULL;
    uint8_t buf[16];
    uint64_t offset = 0;
    uint64_t lost;
    size_t n;

    fresh_log(&c);
    ck_assert_int_eq(pwrite(c.file, "X", 1, 0), 1);
    assert_fails(cocos__console_read(c.file, &offset, buf, sizeof buf, &n, &lost, &err),
                 COCOS_ERR_IO, "enclave.console", err);
    done(&c);
}
END_TEST

TEST_MAIN(console,
          keeps_a_short_log_whole,
          keeps_beginning_and_end_of_an_endless_one_within_its_bound,
          goes_on_where_it_was_after_a_restart,
          sees_a_panic_that_is_split_between_two_reads,
          sees_no_panic_where_there_is_none,
          tells_the_end_in_one_printable_line,
          refuses_a_log_whose_head_is_damaged)
