/* SPDX-License-Identifier: Apache-2.0 */
/* Showing evidence: all of it when it is whole, an error and no fault when it is not. */
#include <cocos/key.h>
#include <cocos/verifier.h>

#include <string.h>

#include "suite.h"
#include "tpm_maker.h"

static cocos__buf message(const char *curve)
{
    EVP_PKEY *key = pki_key_ec(curve);
    tpm_plan p = tpm_plan_new(key);
    tpm_parts *parts = tpm_make(&p);
    cocos__buf m;

    cocos__buf_init(&m, 1u << 20);
    tpm_message(parts, &m);
    tpm_parts_free(parts);
    EVP_PKEY_free(key);
    return m;
}

/* NULL: it could not be shown. */
static char *show(const uint8_t *data, size_t len)
{
    uint8_t *exact = malloc(len ? len : 1); /* so that reading past the end is seen */
    cocos_evidence *ev = NULL;
    cocos_error *err = NULL;
    char *text = NULL;

    ck_assert_ptr_nonnull(exact);
    memcpy(exact, data, len);
    assert_ok(cocos_evidence_new(COCOS_EVIDENCE_VTPM, exact, len, &ev, &err), err);
    free(exact);
    int r = cocos_evidence_to_table(ev, &text, &err);
    ck_assert_int_eq(r == COCOS_OK, text != NULL);
    ck_assert(r == COCOS_OK || r == COCOS_ERR_MALFORMED || r == COCOS_ERR_EXHAUSTED);
    cocos_error_free(err);
    cocos_evidence_free(ev);
    return text;
}

START_TEST(shows_all_of_a_tpm_message)
{
    static const char *const parts[] = {"NOT VERIFIED", "ak.digest",     "ECC, P-384",
                                        "restricted",   "quote.nonce",   "made by a TPM",
                                        "ECDSA",        "pcr.sha256.23", "11 events"};
    cocos__buf m = message("P-384");
    char *text = show(m.data, m.len);

    ck_assert_ptr_nonnull(text);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        ck_assert_msg(strstr(text, parts[i]) != NULL, "%s is not in\n%s", parts[i], text);
    cocos_free_text(text);
    cocos__buf_done(&m);
}
END_TEST

START_TEST(survives_every_cut_and_flipped_byte_of_it)
{
    cocos__buf m = message("P-256");
    size_t shown = 0;

    for (size_t i = 0; i < m.len; i += 1 + i / 200) {
        char *text = show(m.data, i);
        cocos_free_text(text);
        m.data[i] ^= 0x5a;
        text = show(m.data, m.len);
        m.data[i] ^= 0x5a;
        shown += text != NULL;
        cocos_free_text(text);
    }
    ck_assert_uint_gt(shown, 0); /* most bytes are values, and nothing here judges values */
    cocos__buf_done(&m);
}
END_TEST

TEST_MAIN(describe, shows_all_of_a_tpm_message, survives_every_cut_and_flipped_byte_of_it)
