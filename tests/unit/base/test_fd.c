/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fd.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "suite.h"

static char dir[64];

static const char *at(const char *name)
{
    static char path[4096];

    snprintf(path, sizeof path, "%s/%s", dir, name);
    return path;
}

static void setup(void)
{
    strcpy(dir, "/tmp/cocos-fd-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
}

static void teardown(void)
{
    ck_assert_int_eq(cocos__remove_tree(dir, 0, NULL), COCOS_OK);
    ck_assert_int_ne(access(dir, F_OK), 0);
}

static void put(const char *name, const char *text, mode_t mode)
{
    cocos_error *err = NULL;
    assert_ok(cocos__write_file(at(name), text, strlen(text), mode, &err), err);
}

START_TEST(writes_a_file_with_its_mode_and_reads_it_back)
{
    cocos_error *err = NULL;
    struct stat st;
    cocos__buf b;

    setup();
    put("a", "hello", 0600);
    ck_assert_int_eq(stat(at("a"), &st), 0);
    ck_assert_uint_eq(st.st_mode & 07777, 0600);
    cocos__buf_init(&b, 65536);
    assert_ok(cocos__read_file(at("a"), 100, &b, &err), err);
    ck_assert_str_eq(cocos__buf_cstr(&b), "hello");
    cocos__buf_done(&b);
    teardown();
}
END_TEST

START_TEST(refuses_a_file_over_the_limit)
{
    cocos_error *err = NULL;
    cocos__secret *s = NULL;
    cocos__buf b;

    setup();
    put("a", "hello", 0600);
    cocos__buf_init(&b, 65536);
    assert_fails(cocos__read_file(at("a"), 4, &b, &err), COCOS_ERR_EXHAUSTED, "file.size", err);
    assert_fails(cocos__read_file_secret(at("a"), 4, &s, &err), COCOS_ERR_EXHAUSTED, "file.size",
                 err);
    ck_assert_ptr_null(s);
    assert_ok(cocos__read_file_secret(at("a"), 5, &s, &err), err);
    ck_assert_uint_eq(cocos__secret_len(s), 5);
    cocos__secret_free(s);
    assert_fails(cocos__read_file(at("none"), 4, &b, &err), COCOS_ERR_NOT_FOUND, "io.open", err);
    cocos__buf_done(&b);
    teardown();
}
END_TEST

START_TEST(leaves_the_old_file_when_a_write_fails)
{
    cocos_error *err = NULL;
    struct rlimit tiny = {3, RLIM_INFINITY};
    struct rlimit old;
    cocos__buf b;

    setup();
    put("a", "old", 0600);
    signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &old), 0);
    tiny.rlim_max = old.rlim_max;
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &tiny), 0);
    int r = cocos__write_file(at("a"), "much longer", 11, 0600, &err);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_fails(r, COCOS_ERR_EXHAUSTED, "io.write", err);
    cocos__buf_init(&b, 65536);
    assert_ok(cocos__read_file(at("a"), 100, &b, &err), err);
    ck_assert_str_eq(cocos__buf_cstr(&b), "old");
    cocos__buf_done(&b);
    teardown();
}
END_TEST

START_TEST(wipes_the_bytes_before_the_name_goes)
{
    cocos_error *err = NULL;
    uint8_t seen[6] = {1, 1, 1, 1, 1, 1};

    setup();
    put("key", "secret", 0400);
    int fd = open(at("key"), O_RDONLY | O_CLOEXEC); /* keeps the inode visible */
    assert_ok(cocos__wipe_file(at("key"), &err), err);
    ck_assert_int_ne(access(at("key"), F_OK), 0);
    assert_ok(cocos__pread_full(fd, seen, 6, 0, "key", &err), err);
    ck_assert_mem_eq(seen, "\0\0\0\0\0\0", 6);
    close(fd);
    assert_ok(cocos__wipe_file(at("key"), &err), err);
    teardown();
}
END_TEST

START_TEST(removes_a_tree_of_any_depth_without_following_links)
{
    cocos_error *err = NULL;
    char outside[] = "/tmp/cocos-out-XXXXXX";

    setup();
    ck_assert_ptr_nonnull(mkdtemp(outside));
    ck_assert_int_eq(mkdir(at("t"), 0700), 0);
    int fd = open(at("t"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ck_assert_int_eq(symlinkat(outside, fd, "link"), 0);
    for (int i = 0; i < 5000; i++) { /* far beyond PATH_MAX and the descriptor limit */
        ck_assert_int_eq(mkdirat(fd, "d", 0700), 0);
        int next = openat(fd, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        close(fd);
        fd = next;
        ck_assert_int_ge(fd, 0);
    }
    close(fd);
    assert_ok(cocos__remove_tree(at("t"), 1, &err), err);
    ck_assert_int_ne(access(at("t"), F_OK), 0);
    ck_assert_int_eq(access(outside, F_OK), 0);
    ck_assert_int_eq(rmdir(outside), 0);
    assert_ok(cocos__remove_tree(at("t"), 1, &err), err);
    teardown();
}
END_TEST

START_TEST(makes_directories_that_exist_or_not)
{
    cocos_error *err = NULL;
    uint64_t space = 0;

    setup();
    assert_ok(cocos__mkdirs(at("x/y/z"), 0700, &err), err);
    assert_ok(cocos__mkdirs(at("x/y/z"), 0700, &err), err);
    assert_ok(cocos__free_space(at("x"), &space, &err), err);
    ck_assert_uint_gt(space, 0);
    put("f", "", 0600);
    ck_assert_int_lt(cocos__mkdirs(at("f/g"), 0700, &err), 0);
    cocos_error_free(err);
    teardown();
}
END_TEST

TEST_MAIN(fd,
          writes_a_file_with_its_mode_and_reads_it_back,
          refuses_a_file_over_the_limit,
          leaves_the_old_file_when_a_write_fails,
          wipes_the_bytes_before_the_name_goes,
          removes_a_tree_of_any_depth_without_following_links,
          makes_directories_that_exist_or_not)
