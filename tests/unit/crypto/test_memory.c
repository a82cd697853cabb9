/* SPDX-License-Identifier: Apache-2.0 */
/* Keys when memory runs out: an error each time, nothing left behind, no crash. */
#include <string.h>

#include "crypto/cose.h"
#include "crypto/key.h"

#include "allocfail.h"
#include "scratch.h"
#include "suite.h"

static cocos_key *keys[2];

static void make_keys(void)
{
    cocos_error *err = NULL;

    assert_ok(cocos_key_generate(COCOS_KEY_P256, &keys[0], &err), err);
    assert_ok(cocos_key_generate(COCOS_KEY_ED25519, &keys[1], &err), err);
}

static int write_and_read(void *user, cocos_error **err)
{
    cocos_key *again = NULL;
    char *pem = NULL;
    int r = cocos_key_to_pem(user, 1, &pem, err);

    if (r == COCOS_OK)
        r = cocos_key_from_pem((const uint8_t *)pem, strlen(pem), &again, err);
    if (r == COCOS_OK && !cocos__key_equal(user, again))
        abort();
    cocos_key_free(again);
    cocos_free_text(pem);
    return r;
}

static int read_spki(void *user, cocos_error **err)
{
    cocos_key *again = NULL;
    size_t len;
    const uint8_t *spki = cocos_key_spki(user, &len);
    int r = cocos_key_from_spki(spki, len, &again, err);

    cocos_key_free(again);
    return r;
}

static int read_file(void *user, cocos_error **err)
{
    cocos_key *again = NULL;
    int r = cocos_key_from_file(user, &again, err);

    cocos_key_free(again);
    return r;
}

static int never_read_file(void *user, cocos_error **err)
{
    return allocfail_refused(read_file(user, err), err);
}

static int sign_and_verify(void *user, cocos_error **err)
{
    COCOS__CLEANUP(cocos__buf_done) cocos__buf b;
    COCOS__CLEANUP(cocos__cose_freep) cocos__cose *c = NULL;

    cocos__buf_init(&b, 4096);
    int r = cocos__cose_sign(user, "application/x", (const uint8_t *)"x", 1, &b, err);
    if (r == COCOS_OK)
        r = cocos__cose_parse(b.data, b.len, &c, err);
    return r < 0 ? r : cocos__cose_verify(c, user, "application/x", err);
}

START_TEST(reads_and_writes_keys)
{
    make_keys();
    for (size_t i = 0; i < COCOS__ARRAY_LEN(keys); i++) {
        ck_assert_uint_gt(allocfail_sweep(write_and_read, keys[i]), 0);
        ck_assert_uint_gt(allocfail_sweep(read_spki, keys[i]), 0);
    }
}
END_TEST

/* The second file has lost its last line, the third is not there. */
START_TEST(reads_key_files)
{
    static const char *const names[] = {"whole", "cut", "none"};
    scratch s = scratch_new();
    cocos_error *err = NULL;
    char *pem = NULL;
    char path[3][80];

    make_keys();
    assert_ok(cocos_key_to_pem(keys[0], 1, &pem, &err), err);
    for (size_t i = 0; i < COCOS__ARRAY_LEN(names); i++)
        snprintf(path[i], sizeof path[i], "%s/%s", s.path, names[i]);
    scratch_write(&s, names[0], pem, 0600);
    scratch_write_bytes(&s, names[1], pem, strlen(pem) - strlen("-----END PRIVATE KEY-----\n"),
                        0600);
    cocos_free_text(pem);
    ck_assert_uint_gt(allocfail_sweep(read_file, path[0]), 0);
    ck_assert_uint_gt(allocfail_sweep(never_read_file, path[1]), 0);
    ck_assert_uint_gt(allocfail_sweep(never_read_file, path[2]), 0);
    scratch_free(&s);
}
END_TEST

START_TEST(signs_and_verifies)
{
    make_keys();
    for (size_t i = 0; i < COCOS__ARRAY_LEN(keys); i++)
        ck_assert_uint_gt(allocfail_sweep(sign_and_verify, keys[i]), 0);
}
END_TEST

TEST_MAIN(memory, reads_and_writes_keys, reads_key_files, signs_and_verifies)
