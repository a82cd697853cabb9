/* SPDX-License-Identifier: Apache-2.0 */
#include "suite.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/queue.h"
#include "base/fd.h"

static char dir[64];
static char path[96];

static void enter(void)
{
    strcpy(dir, "/tmp/cocos-queue-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/events", dir);
}

static void leave(void)
{
    ck_assert_int_eq(cocos__remove_tree(dir, 0, NULL), COCOS_OK);
}

static cocos__queue *opened(size_t max)
{
    cocos__queue *q = NULL;
    cocos_error *err = NULL;
    assert_ok(cocos__queue_open(path, max, &q, &err), err);
    return q;
}

/* The number that stands in the oldest message, or -1. Removes it. */
static int pop(cocos__queue *q)
{
    cocos__buf b;
    uint64_t sequence;
    uint64_t lost;
    int number = -1;

    cocos__buf_init(&b, 8192);
    if (cocos__queue_peek(q, &b, &sequence, &lost)) {
        ck_assert_int_eq(sscanf(cocos__buf_cstr(&b), "message %d", &number), 1);
        cocos__queue_drop(q, sequence, lost);
    }
    cocos__buf_done(&b);
    return number;
}

static uint64_t push(cocos__queue *q, int number)
{
    char text[64];
    int n = snprintf(text, sizeof text, "message %d", number);
    return cocos__queue_push(q, text, (size_t)n);
}

START_TEST(gives_messages_back_in_order_and_after_a_restart)
{
    enter();
    cocos__queue *q = opened(0);
    for (int i = 0; i < 10; i++)
        ck_assert_uint_eq(push(q, i), (uint64_t)i + 1);
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(pop(q), i);
    cocos__queue_close(q);

    q = opened(0);
    ck_assert_uint_eq(cocos__queue_count(q), 6);
    ck_assert_uint_eq(push(q, 10), 11);
    for (int i = 4; i < 11; i++)
        ck_assert_int_eq(pop(q), i);
    ck_assert_int_eq(pop(q), -1);
    cocos__queue_close(q);

    q = opened(0);
    ck_assert_uint_eq(cocos__queue_count(q), 0);
    ck_assert_uint_eq(cocos__queue_next(q), 12);
    cocos__queue_close(q);
    leave();
}
END_TEST

START_TEST(drops_the_oldest_and_counts_them)
{
    enter();
    cocos__queue *q = opened(1000);
    cocos__buf b;
    uint64_t sequence;
    uint64_t lost;

    for (int i = 0; i < 1000; i++)
        push(q, i);
    cocos__queue_close(q);

    q = opened(1000);
    cocos__buf_init(&b, 8192);
    ck_assert(cocos__queue_peek(q, &b, &sequence, &lost));
    ck_assert_uint_gt(lost, 900);
    ck_assert_uint_eq(sequence, lost + 1);
    cocos__queue_drop(q, sequence, lost);
    cocos__buf_reset(&b);
    ck_assert(cocos__queue_peek(q, &b, &sequence, &lost));
    ck_assert_uint_eq(lost, 0);
    cocos__buf_done(&b);

    struct stat st;
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_int_lt(st.st_size, 4096);
    cocos__queue_close(q);
    leave();
}
END_TEST

START_TEST(stays_small_on_disk_over_many_messages)
{
    enter();
    cocos__queue *q = opened(1000);
    struct stat st;

    for (int i = 0; i < 5000; i++) {
        push(q, i);
        push(q, i);
        pop(q);
        ck_assert_int_eq(stat(path, &st), 0);
        ck_assert_int_lt(st.st_size, 4096);
    }
    cocos__queue_close(q);
    leave();
}
END_TEST

static size_t read_all(uint8_t *out, size_t cap)
{
    FILE *f = fopen(path, "rb");
    size_t n = fread(out, 1, cap, f);
    fclose(f);
    return n;
}

static void write_all(const uint8_t *data, size_t n)
{
    FILE *f = fopen(path, "wb");
    ck_assert_uint_eq(fwrite(data, 1, n, f), n);
    fclose(f);
}

/* What is left after damage must be a run of the messages in order, and the queue must work on. */
static void check_damaged(size_t at)
{
    cocos__queue *q = opened(0);
    int last = -1;
    size_t count = cocos__queue_count(q);

    ck_assert_uint_le(count, 5);
    for (size_t i = 0; i < count; i++) {
        int n = pop(q);
        ck_assert_msg(n > last && n < 5, "byte %zu: message %d after %d", at, n, last);
        last = n;
    }
    push(q, 77);
    cocos__queue_close(q);
    q = opened(0);
    ck_assert_int_eq(pop(q), 77);
    cocos__queue_close(q);
}

START_TEST(survives_truncation_and_garbage_at_every_byte)
{
    static const uint8_t garbage[] = {0x00, 0xff, 0x80, 0x01};
    uint8_t good[2048];
    uint8_t bad[2048];

    enter();
    cocos__queue *q = opened(0);
    for (int i = 0; i < 5; i++)
        push(q, i);
    cocos__queue_close(q);
    size_t n = read_all(good, sizeof good);

    for (size_t at = 0; at < n; at++) {
        write_all(good, at);
        check_damaged(at);
        for (size_t g = 0; g < sizeof garbage; g++) {
            memcpy(bad, good, n);
            bad[at] ^= garbage[g] ? garbage[g] : 0x10;
            write_all(bad, n);
            check_damaged(at);
        }
    }
    leave();
}
END_TEST

START_TEST(keeps_what_precedes_the_damage)
{
    uint8_t data[2048];

    enter();
    cocos__queue *q = opened(0);
    for (int i = 0; i < 5; i++)
        push(q, i);
    cocos__queue_close(q);
    size_t n = read_all(data, sizeof data);
    data[n - 1] ^= 1;
    write_all(data, n);

    q = opened(0);
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(pop(q), i);
    ck_assert_int_eq(pop(q), -1);
    cocos__queue_close(q);
    leave();
}
END_TEST

START_TEST(works_on_in_memory_while_the_disk_is_full_and_catches_up)
{
    struct rlimit old;
    struct rlimit tight;

    enter();
    signal(SIGXFSZ, SIG_IGN);
    cocos__queue *q = opened(0);
    push(q, 0);
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &old), 0);
    tight = old;
    tight.rlim_cur = 100; /* inside the second record */
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &tight), 0);
    for (int i = 1; i < 50; i++)
        push(q, i);
    ck_assert_int_eq(pop(q), 0);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &old), 0);
    push(q, 50);
    cocos__queue_close(q);

    q = opened(0);
    for (int i = 1; i <= 50; i++)
        ck_assert_int_eq(pop(q), i);
    cocos__queue_close(q);
    leave();
}
END_TEST

START_TEST(refuses_to_follow_a_link)
{
    cocos__queue *q = NULL;
    cocos_error *err = NULL;

    enter();
    ck_assert_int_eq(symlink("/dev/null", path), 0);
    assert_fails(cocos__queue_open(path, 0, &q, &err), COCOS_ERR_IO, "io.open", err);
    leave();
}
END_TEST

TEST_MAIN(queue,
          gives_messages_back_in_order_and_after_a_restart,
          drops_the_oldest_and_counts_them,
          stays_small_on_disk_over_many_messages,
          survives_truncation_and_garbage_at_every_byte,
          keeps_what_precedes_the_damage,
          works_on_in_memory_while_the_disk_is_full_and_catches_up,
          refuses_to_follow_a_link)
