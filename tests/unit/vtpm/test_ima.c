/* SPDX-License-Identifier: Apache-2.0 */
#include "vtpm/ima.h"

#include <string.h>

#include "ima_maker.h"
#include "suite.h"

static int replay(const cocos__buf *b, int form, cocos__ima_result *ret, cocos_error **err)
{
    cocos__span s = {b->data, b->len};

    ck_assert_int_eq(cocos__ima_form_of(s), form);
    return cocos__ima_replay(s, form, 0xf, 0, ret, err);
}

static void usual(ima_list *l)
{
    ima_list_init(l);
    ima_list_add(l, IMA_NG, "boot_aggregate", 0);
    ima_list_add(l, IMA_SIG, "/usr/bin/agent", 0);
    ima_list_add(l, IMA_OLD, "/sbin/init", 0);
    ima_list_add(l, IMA_SIG, "/tmp/changed", 1);
    ima_list_add(l, IMA_NG, "/etc/passwd", 1);
}

START_TEST(replays_every_template_in_both_forms)
{
    cocos__ima_result r;
    cocos_error *err = NULL;
    ima_list l;

    usual(&l);
    for (int form = COCOS__IMA_ASCII; form <= COCOS__IMA_BINARY; form++) {
        assert_ok(replay(form == COCOS__IMA_ASCII ? &l.ascii : &l.binary, form, &r, &err), err);
        ck_assert_uint_eq(r.entries, 5);
        ck_assert_uint_eq(r.violations, 2);
        ck_assert_uint_eq(r.violation[0], 3);
        ck_assert_uint_eq(r.violation[1], 4);
        for (int k = 0; k < TPM_BANKS; k++)
            ck_assert_mem_eq(r.pcr10[k], l.pcrs.pcr[k][10], tpm_banks[k].size);
    }
    ima_list_done(&l);
}
END_TEST

/* Nothing is proven of entries that a rule of the guest's own sent elsewhere. */
START_TEST(counts_entries_of_other_registers_apart)
{
    cocos__ima_result r;
    cocos_error *err = NULL;
    ima_list l;

    usual(&l);
    size_t len = l.binary.len;
    ima_list_add(&l, IMA_NG, "/usr/bin/elsewhere", 0);
    l.binary.data[len] = 11;
    size_t second = l.binary.len;
    ima_list_add(&l, IMA_NG, "/usr/bin/elsewhere-too", 1);
    l.binary.data[second] = 11;
    assert_ok(replay(&l.binary, COCOS__IMA_BINARY, &r, &err), err);
    ck_assert_uint_eq(r.entries, 5);
    ck_assert_uint_eq(r.others, 2);
    ck_assert_uint_eq(r.violations, 2);
    l.binary.data[len + 4] ^= 1; /* their hashes are looked at all the same */
    assert_fails(replay(&l.binary, COCOS__IMA_BINARY, &r, &err), COCOS_ERR_REJECTED,
                 "vtpm.ima_template_hash", err);
    ima_list_done(&l);
}
END_TEST

START_TEST(pads_sha1_hashes_for_old_kernels)
{
    cocos__ima_result r;
    uint8_t padded[64] = {0};
    tpm_parts t = {0};
    ima_list l;

    ima_list_init(&l);
    ima_list_add(&l, IMA_NG, "boot_aggregate", 0);
    memcpy(padded, l.binary.data + 4, 20);
    tpm_extend(&t, 1, 10, padded);
    assert_ok(cocos__ima_replay((cocos__span){l.binary.data, l.binary.len}, COCOS__IMA_BINARY, 2, 1,
                                &r, NULL),
              NULL);
    ck_assert_mem_eq(r.pcr10[1], t.pcr[1][10], 32);
    ima_list_done(&l);
}
END_TEST

START_TEST(leaves_other_registers_out_of_the_replay)
{
    cocos__ima_result r;
    ima_list l;
    static const uint8_t zeros[32];

    ima_list_init(&l);
    ima_list_add(&l, IMA_NG, "boot_aggregate", 0);
    l.binary.data[0] = 11;
    assert_ok(replay(&l.binary, COCOS__IMA_BINARY, &r, NULL), NULL);
    ck_assert_mem_eq(r.pcr10[1], zeros, 32);
    ima_list_done(&l);
}
END_TEST

START_TEST(refuses_every_flipped_bit_of_measured_entries)
{
    cocos__ima_result r;
    cocos__ima_result good;
    ima_list l;

    ima_list_init(&l);
    ima_list_add(&l, IMA_NG, "boot_aggregate", 0);
    ima_list_add(&l, IMA_SIG, "/usr/bin/agent", 0);
    ima_list_add(&l, IMA_OLD, "/sbin/init", 0);
    assert_ok(replay(&l.binary, COCOS__IMA_BINARY, &good, NULL), NULL);
    for (size_t bit = 0; bit < 8 * l.binary.len; bit++) {
        l.binary.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        int s = cocos__ima_replay((cocos__span){l.binary.data, l.binary.len}, COCOS__IMA_BINARY,
                                  0xf, 0, &r, NULL);
        ck_assert_msg(s != COCOS_OK || memcmp(r.pcr10[1], good.pcr10[1], 32) != 0, "bit %zu", bit);
        l.binary.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    ima_list_done(&l);
}
END_TEST

START_TEST(refuses_lists_cut_within_an_entry)
{
    cocos__ima_result r;
    size_t whole = 0;
    ima_list l;

    usual(&l);
    for (size_t n = 0; n < l.binary.len; n++) {
        uint8_t *copy = malloc(n ? n : 1);
        memcpy(copy, l.binary.data, n);
        whole += cocos__ima_replay((cocos__span){copy, n}, COCOS__IMA_BINARY, 2, 0, &r, NULL) ==
                 COCOS_OK;
        free(copy);
    }
    ck_assert_uint_eq(whole, 5); /* before each entry */
    ima_list_done(&l);
}
END_TEST

static void refuse_line(const char *line, int status, const char *code)
{
    cocos__ima_result r;
    cocos_error *err = NULL;

    assert_fails(cocos__ima_replay((cocos__span){(const uint8_t *)line, strlen(line)},
                                   COCOS__IMA_ASCII, 2, 0, &r, &err),
                 status, code, err);
}

#define HASH "0123456789012345678901234567890123456789"
#define FILE32                                                                                     \
    "sha256:"                                                                                      \
    "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

START_TEST(refuses_lines_of_another_form)
{
    static const char *const bad[] = {
        "\n",
        "10\n",
        "10 " HASH "\n",
        "10 " HASH " ima-ng\n",
        "10 " HASH " ima-ng " FILE32 "\n",
        "10 " HASH " ima-ng " FILE32 " \n",
        "10 " HASH " ima-ng " FILE32 " a b\n",
        "10 " HASH " ima-ng sha256:00 a\n",
        "10 " HASH " ima-ng sha257:00 a\n",
        "10 " HASH " ima-ng 00 a\n",
        "10 " HASH " ima-ngv2 " FILE32 " a\n",
        "10 " HASH " ima-sig " FILE32 " a 0\n",
        "10 " HASH " ima-sig " FILE32 " a xx\n",
        "10 " HASH " ima 00 a\n",
        "10 " HASH " ima " HASH "\n",
        "10 012345 ima-ng " FILE32 " a\n",
        "1x " HASH " ima-ng " FILE32 " a\n",
        "100 " HASH " ima-ng " FILE32 " a\n",
    };

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        refuse_line(bad[i], COCOS_ERR_MALFORMED, "vtpm.ima_format");
    refuse_line("10 " HASH " ima-ng " FILE32 " a\n", COCOS_ERR_REJECTED, "vtpm.ima_template_hash");
}
END_TEST

TEST_MAIN(ima,
          replays_every_template_in_both_forms,
          counts_entries_of_other_registers_apart,
          pads_sha1_hashes_for_old_kernels,
          leaves_other_registers_out_of_the_replay,
          refuses_every_flipped_bit_of_measured_entries,
          refuses_lists_cut_within_an_entry,
          refuses_lines_of_another_form)
