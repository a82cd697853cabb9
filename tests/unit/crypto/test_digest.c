/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/digest.h"

#include <stdio.h>
#include <string.h>

#include "suite.h"

static const char *hex(const uint8_t *p, size_t n)
{
    static char text[2 * COCOS__DIGEST_MAX + 1];

    for (size_t i = 0; i < n; i++)
        snprintf(text + 2 * i, 3, "%02x", p[i]);
    return text;
}

/* The values for "abc": FIPS 180-4 and FIPS 202 example files of NIST. */
static const struct {
    int alg;
    const char *abc;
} examples[] = {
    {COCOS__SHA1, "a9993e364706816aba3e25717850c26c9cd0d89d"},
    {COCOS__SHA256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    {COCOS__SHA384, "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed"
                    "8086072ba1e7cc2358baeca134c825a7"},
    {COCOS__SHA512, "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
                    "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"},
    {COCOS__SHA3_256, "3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532"},
    {COCOS__SHA3_384, "ec01498288516fc926459f58e2c6ad8df9b473cb0fc08c2596da7cf0e49be4b2"
                      "98d88cea927ac7f539f1edf228376d25"},
    {COCOS__SHA3_512, "b751850b1a57168a5693cd924b6b096e08f621827444f70d884f5d0240d2712e"
                      "10e116e9192af3c91a7ec57647e3934057340b4cf408d5a56592f8274eec53f0"},
};

START_TEST(gives_the_published_values)
{
    cocos_error *err = NULL;
    uint8_t out[COCOS__DIGEST_MAX];

    for (size_t i = 0; i < COCOS__ARRAY_LEN(examples); i++) {
        assert_ok(cocos__digest(examples[i].alg, "abc", 3, out, &err), err);
        ck_assert_str_eq(hex(out, cocos__digest_size(examples[i].alg)), examples[i].abc);
    }
}
END_TEST

START_TEST(gives_the_same_in_pieces_and_after_reset)
{
    cocos_error *err = NULL;
    uint8_t out[COCOS__DIGEST_MAX];

    for (size_t i = 0; i < COCOS__ARRAY_LEN(examples); i++) {
        COCOS__CLEANUP(cocos__hasher_freep) cocos__hasher *h = NULL;
        assert_ok(cocos__hasher_new(examples[i].alg, &h, &err), err);
        assert_ok(cocos__hasher_update(h, "other", 5, &err), err);
        for (int again = 0; again < 2; again++) {
            assert_ok(cocos__hasher_reset(h, &err), err);
            assert_ok(cocos__hasher_update(h, "a", 1, &err), err);
            assert_ok(cocos__hasher_update(h, NULL, 0, &err), err);
            assert_ok(cocos__hasher_update(h, "bc", 2, &err), err);
            assert_ok(cocos__hasher_finish(h, out, &err), err);
            ck_assert_str_eq(hex(out, cocos__digest_size(examples[i].alg)), examples[i].abc);
        }
    }
}
END_TEST

START_TEST(digests_nothing)
{
    cocos_error *err = NULL;
    uint8_t out[COCOS__DIGEST_MAX];

    assert_ok(cocos__digest(COCOS__SHA3_256, NULL, 0, out, &err), err);
    ck_assert_str_eq(hex(out, 32),
                     "a7ffc6f8bf1ed76651c14756a061d662f580ff4de43b49fa82d80a4b80f8434a");
}
END_TEST

START_TEST(refuses_unknown_algorithm)
{
    cocos_error *err = NULL;
    cocos__hasher *h = NULL;
    uint8_t out[COCOS__DIGEST_MAX];

    for (int alg = -1; alg < 20; alg++) {
        if (alg >= COCOS__SHA1 && alg <= COCOS__SHA3_512)
            continue;
        ck_assert_uint_eq(cocos__digest_size(alg), 0);
        assert_fails(cocos__digest(alg, "", 0, out, &err), COCOS_ERR_USAGE, "digest.algorithm",
                     err);
        assert_fails(cocos__hasher_new(alg, &h, &err), COCOS_ERR_USAGE, "digest.algorithm", err);
    }
}
END_TEST

/* Two registers in turn, against plain digests of both halves. */
START_TEST(extends_values_step_by_step)
{
    COCOS__CLEANUP(cocos__hasher_freep) cocos__hasher *h = NULL;
    uint8_t more[2][32] = {{1}, {2}};
    uint8_t value[2][32] = {{0}};
    uint8_t want[64] = {0};
    cocos__extension steps[] = {{value[0], more[0]}, {value[1], more[1]}, {value[0], more[1]}};
    cocos_error *err = NULL;

    assert_ok(cocos__hasher_new(COCOS__SHA256, &h, &err), err);
    assert_ok(cocos__hasher_extend(h, steps, 3, &err), err);
    memcpy(want + 32, more[0], 32);
    assert_ok(cocos__digest(COCOS__SHA256, want, 64, want, &err), err);
    memcpy(want + 32, more[1], 32);
    assert_ok(cocos__digest(COCOS__SHA256, want, 64, want, &err), err);
    ck_assert_mem_eq(value[0], want, 32);
}
END_TEST

TEST_MAIN(digest,
          gives_the_published_values,
          gives_the_same_in_pieces_and_after_reset,
          digests_nothing,
          extends_values_step_by_step,
          refuses_unknown_algorithm)
