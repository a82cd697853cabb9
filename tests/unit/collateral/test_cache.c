/* SPDX-License-Identifier: Apache-2.0 */
/* The cache on disk, and the header that is kept beside an answer. */
#include "collateral/session.h"

#include <signal.h>
#include <string.h>
#include <sys/resource.h>

#include "codec/cbor.h"
#include "scratch.h"
#include "suite.h"

#define URL "https://kds/vcek"

static const cocos__resource wanted = {.url = URL, .limit = 4096};
static scratch dir;
static cocos__session session;
static cocos__material m;

static void start(void)
{
    dir = scratch_new();
    snprintf(session.cache, sizeof session.cache, "%s/a/b", dir.path);
    cocos__material_init(&m, 4096);
    cocos__buf_add_str(&m.body, "body");
    cocos__buf_add_str(&m.chain, "chain");
    m.fetched_s = 1700000000;
}

static void end(void)
{
    cocos__material_done(&m);
    scratch_free(&dir);
}

/* The file of the one entry, relative to the scratch directory. */
static const char *entry(void)
{
    static char name[400];
    struct dirent *e;
    DIR *d = opendir(session.cache);

    name[0] = '\0';
    while (d && (e = readdir(d))) {
        if (e->d_name[0] != '.')
            snprintf(name, sizeof name, "a/b/%s", e->d_name);
    }
    if (d)
        closedir(d);
    return name;
}

static int load(const cocos__resource *q, cocos_error **err)
{
    cocos__material got;

    cocos__material_init(&got, q->limit);
    int r = cocos__cache_load(&session, q, &got, err);
    if (r == COCOS_OK) {
        ck_assert_uint_eq(got.body.len, m.body.len);
        ck_assert_mem_eq(got.body.data, m.body.data, m.body.len);
        ck_assert_mem_eq(got.chain.data, "chain", 5);
        ck_assert_int_eq(got.fetched_s, 1700000000);
    }
    cocos__material_done(&got);
    return r;
}

START_TEST(gives_back_what_was_stored_under_the_same_url_only)
{
    cocos_error *err = NULL;
    cocos__resource other = wanted;
    struct stat st;

    other.url = URL "2";
    assert_fails(load(&wanted, &err), COCOS_ERR_NOT_FOUND, "collateral.cache", err);
    assert_ok(cocos__cache_store(&session, &wanted, &m, &err), err);
    assert_ok(load(&wanted, &err), err);
    assert_fails(load(&other, &err), COCOS_ERR_NOT_FOUND, "collateral.cache", err);
    ck_assert_int_eq(scratch_count(session.cache), 1);
    ck_assert_int_eq(fstatat(dir.fd, entry(), &st, 0), 0);
    ck_assert_int_eq(st.st_mode & 07777, 0600);
    ck_assert_int_eq(stat(session.cache, &st), 0);
    ck_assert_int_eq(st.st_mode & 07777, 0700);
}
END_TEST

START_TEST(replaces_an_entry_by_rename)
{
    cocos_error *err = NULL;
    char before[500];
    char link_name[500];

    assert_ok(cocos__cache_store(&session, &wanted, &m, &err), err);
    snprintf(before, sizeof before, "%s/%s", dir.path, entry());
    snprintf(link_name, sizeof link_name, "%s/link", dir.path);
    char *old = scratch_read(&dir, entry());
    ck_assert_int_eq(link(before, link_name), 0);
    cocos__buf_add_str(&m.body, " and more");
    assert_ok(cocos__cache_store(&session, &wanted, &m, &err), err);
    assert_ok(load(&wanted, &err), err);
    char *kept = scratch_read(&dir, "link");
    ck_assert_mem_eq(kept, old, 40);
    ck_assert_int_eq(scratch_count(session.cache), 1);
    free(kept);
    free(old);
}
END_TEST

START_TEST(refuses_an_entry_that_is_changed_cut_or_larger_than_its_kind)
{
    cocos_error *err = NULL;
    cocos__resource small = wanted;
    uint8_t data[512];
    char name[400];

    small.limit = 3;
    assert_ok(cocos__cache_store(&session, &wanted, &m, &err), err);
    assert_fails(load(&small, &err), COCOS_ERR_MALFORMED, "collateral.cache", err);
    snprintf(name, sizeof name, "%s", entry());
    int fd = openat(dir.fd, name, O_RDONLY | O_CLOEXEC);
    ssize_t len = read(fd, data, sizeof data);
    close(fd);
    ck_assert_int_gt(len, 30);
    for (size_t i = 0; i < (size_t)len; i++) {
        cocos__material got;
        scratch_write_bytes(&dir, name, data, i, 0600);
        assert_fails(load(&wanted, &err), COCOS_ERR_MALFORMED, "collateral.cache", err);
        data[i] ^= 1;
        scratch_write_bytes(&dir, name, data, (size_t)len, 0600);
        cocos__material_init(&got, 4096);
        int r = cocos__cache_load(&session, &wanted, &got, &err);
        /* Only the date, the body and the chain can read otherwise; the last two are checked. */
        ck_assert(r == COCOS_ERR_MALFORMED || got.fetched_s != m.fetched_s ||
                  memcmp(got.body.data, "body", 4) != 0 || memcmp(got.chain.data, "chain", 5) != 0);
        cocos__material_done(&got);
        cocos_error_free(err);
        err = NULL;
        data[i] ^= 1;
    }
    ck_assert_int_eq(unlinkat(dir.fd, name, 0), 0);
    ck_assert_int_eq(mkfifoat(dir.fd, name, 0600), 0);
    assert_fails(load(&wanted, &err), COCOS_ERR_MALFORMED, "collateral.cache", err);
    assert_ok(cocos__cache_store(&session, &wanted, &m, &err), err);
    assert_ok(load(&wanted, &err), err);
}
END_TEST

START_TEST(leaves_nothing_when_the_disk_is_full)
{
    cocos_error *err = NULL;
    struct rlimit none = {20, RLIM_INFINITY};
    struct rlimit old;

    assert_ok(cocos__cache_store(&session, &wanted, &m, &err), err);
    /* Writing stops in the midst of the file, as on a disk without room. */
    signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &old), 0);
    none.rlim_max = old.rlim_max;
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &none), 0);
    int r = cocos__cache_store(&session, &wanted, &m, &err);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_fails(r, COCOS_ERR_EXHAUSTED, "io.write", err);
    ck_assert_int_eq(scratch_count(session.cache), 1);
    assert_ok(load(&wanted, &err), err);
}
END_TEST

START_TEST(tells_when_its_place_is_none)
{
    cocos_error *err = NULL;

    scratch_write(&dir, "file", "", 0600);
    snprintf(session.cache, sizeof session.cache, "%s/file/x", dir.path);
    ck_assert_int_lt(cocos__cache_store(&session, &wanted, &m, &err), 0);
    cocos_error_free(err);
    err = NULL;
    memset(session.cache, 'a', sizeof session.cache - 20);
    session.cache[0] = '/';
    session.cache[sizeof session.cache - 20] = '\0';
    assert_fails(load(&wanted, &err), COCOS_ERR_USAGE, "io.path", err);
    session.cache[0] = '\0';
    assert_fails(load(&wanted, &err), COCOS_ERR_NOT_FOUND, "collateral.cache", err);
    assert_ok(cocos__cache_store(&session, &wanted, &m, &err), err);
}
END_TEST

START_TEST(is_by_default_where_the_user_has_such_things)
{
    char out[64];

    setenv("XDG_CACHE_HOME", "/x", 1);
    setenv("HOME", "/h", 1);
    cocos__cache_default_dir(out, sizeof out);
    ck_assert_str_eq(out, "/x/cocos");
    setenv("XDG_CACHE_HOME", "relative", 1);
    cocos__cache_default_dir(out, sizeof out);
    ck_assert_str_eq(out, "/h/.cache/cocos");
    unsetenv("XDG_CACHE_HOME");
    cocos__cache_default_dir(out, sizeof out);
    ck_assert_str_eq(out, "/h/.cache/cocos");
    cocos__cache_default_dir(out, 15);
    ck_assert_str_eq(out, "");
    unsetenv("HOME");
    cocos__cache_default_dir(out, sizeof out);
    ck_assert_str_eq(out, "");
}
END_TEST

START_TEST(decodes_percents_and_nothing_else)
{
    static const char *const same[][2] = {
        {"", ""}, {"a+b c", "a+b c"}, {"%2b%2B%0a", "++\n"}, {"%25%32%35", "%25"}};
    static const char *const bad[] = {"%", "a%", "a%4", "%zz", "%4z", "%z4", "%%41", "% 41"};
    COCOS__CLEANUP(cocos__buf_done) cocos__buf out;
    cocos_error *err = NULL;

    cocos__buf_init(&out, 16);
    for (size_t i = 0; i < 4; i++) {
        cocos__span in = {(const uint8_t *)same[i][0], strlen(same[i][0])};
        assert_ok(cocos__percent_decode(in, &out, &err), err);
        ck_assert_uint_eq(out.len, strlen(same[i][1]));
        ck_assert_mem_eq(cocos__buf_cstr(&out), same[i][1], out.len);
    }
    for (size_t i = 0; i < 8; i++) {
        cocos__span in = {(const uint8_t *)bad[i], strlen(bad[i])};
        assert_fails(cocos__percent_decode(in, &out, &err), COCOS_ERR_MALFORMED,
                     "collateral.header", err);
    }
    cocos__span nul = {(const uint8_t *)"%00", 3};
    assert_ok(cocos__percent_decode(nul, &out, &err), err);
    ck_assert(out.len == 1 && out.data[0] == 0);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {gives_back_what_was_stored_under_the_same_url_only,
                                  replaces_an_entry_by_rename,
                                  refuses_an_entry_that_is_changed_cut_or_larger_than_its_kind,
                                  leaves_nothing_when_the_disk_is_full,
                                  tells_when_its_place_is_none,
                                  is_by_default_where_the_user_has_such_things,
                                  decodes_percents_and_nothing_else};
    Suite *suite = suite_create("cache");
    TCase *tc = tcase_create("cache");

    tcase_add_checked_fixture(tc, start, end);
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
        tcase_add_test(tc, tests[i]);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
