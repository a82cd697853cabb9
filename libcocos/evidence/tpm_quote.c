/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Quotes and the values they are of. A wrong answer is found here, where the TPM can be named, and
 * not by the peer: each quote is held against what was asked for.
 */
#include <string.h>

#include <tss2/tss2_mu.h>

#include "crypto/digest.h"
#include "evidence/tpm.h"

#define TRIES 8 /* PCRs may change between quote and reading */

void cocos__tpm_quoted_done(cocos__tpm_quoted *q)
{
    Esys_Free(q->attest);
    Esys_Free(q->signature);
    q->attest = NULL;
    q->signature = NULL;
}

static int bad_answer(cocos_error **err, const char *what)
{
    return cocos__fail(err, COCOS_ERR_IO, "evidence.device", "the TPM answered wrongly: %s", what);
}

static TPML_PCR_SELECTION selection(const cocos__tpm_bank *bank, const uint8_t select[3])
{
    TPML_PCR_SELECTION s = {.count = 1};

    s.pcrSelections[0].hash = bank->alg;
    s.pcrSelections[0].sizeofSelect = 3;
    memcpy(s.pcrSelections[0].pcrSelect, select, 3);
    return s;
}

static uint32_t mask_of(const uint8_t select[3])
{
    return select[0] | (uint32_t)select[1] << 8 | (uint32_t)select[2] << 16;
}

/* One answer: values of the PCRs that it says it is of, at least one, and only wanted ones. */
static int take_values(const cocos__tpm_bank *bank,
                       const TPML_PCR_SELECTION *of,
                       const TPML_DIGEST *values,
                       uint32_t *wanted,
                       cocos__tpm_quoted *q)
{
    size_t size = cocos__tpm_bank_size(bank);
    uint32_t n = 0;

    if (of->count != 1 || of->pcrSelections[0].hash != bank->alg ||
        of->pcrSelections[0].sizeofSelect != 3)
        return 0;
    uint32_t mask = mask_of(of->pcrSelections[0].pcrSelect);
    if (mask == 0 || (mask & ~*wanted))
        return 0;
    for (int i = 0; i < COCOS__TPM_PCRS; i++) {
        if (!(mask & UINT32_C(1) << i))
            continue;
        if (n >= values->count || n >= COCOS__ARRAY_LEN(values->digests) ||
            values->digests[n].size != size)
            return 0;
        memcpy(q->pcr[i], values->digests[n++].buffer, size);
    }
    *wanted &= ~mask;
    return n == values->count;
}

/* A TPM gives eight values or so at a time. */
int cocos__tpm_read_pcrs(cocos__tpm *t,
                         const cocos__tpm_bank *bank,
                         const uint8_t select[3],
                         cocos__tpm_quoted *q,
                         cocos_error **err)
{
    uint32_t wanted = mask_of(select);

    q->mask = wanted;
    while (wanted) {
        uint8_t rest[3] = {(uint8_t)wanted, (uint8_t)(wanted >> 8), (uint8_t)(wanted >> 16)};
        TPML_PCR_SELECTION in = selection(bank, rest);
        TPML_PCR_SELECTION *out = NULL;
        TPML_DIGEST *values = NULL;
        uint32_t counter;

        TSS2_RC rc = Esys_PCR_Read(t->esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &in, &counter,
                                   &out, &values);
        if (rc != TSS2_RC_SUCCESS)
            return cocos__tpm_fail(err, rc, "read its PCRs");
        int ok = take_values(bank, out, values, &wanted, q);
        Esys_Free(out);
        Esys_Free(values);
        if (!ok)
            return bad_answer(err, "other PCRs than those that were to be read");
    }
    return COCOS_OK;
}

/* Digest over the values, in the hash of the signature (vtpm.md section 3, step 4). */
static int values_digest(const cocos__tpm_bank *bank,
                         const cocos__tpm_quoted *q,
                         uint8_t out[32],
                         cocos_error **err)
{
    size_t size = cocos__tpm_bank_size(bank);
    uint8_t all[COCOS__TPM_PCRS * 64];
    size_t n = 0;

    for (int i = 0; i < COCOS__TPM_PCRS; i++) {
        if (q->mask & UINT32_C(1) << i) {
            memcpy(all + n, q->pcr[i], size);
            n += size;
        }
    }
    return cocos__digest(COCOS__SHA256, all, n, out, err);
}

static int check_signature(const cocos__tpm *t, const cocos__tpm_quoted *q, cocos_error **err)
{
    const TPMS_SIGNATURE_RSA *s = &q->signature->signature.rsassa;
    cocos__span data = {q->attest->attestationData, q->attest->size};
    cocos__span sig = {s->sig.buffer, s->sig.size};

    if (q->signature->sigAlg != TPM2_ALG_RSASSA || s->hash != TPM2_ALG_SHA256)
        return bad_answer(err, "a signature of another kind");
    int r = cocos__rsassa_verify(t->ak_key, COCOS__SHA256, data, sig, NULL);
    if (r == COCOS_ERR_MEMORY)
        return cocos__fail_memory(err);
    return r == COCOS_OK ? COCOS_OK : bad_answer(err, "a signature that does not hold");
}

/* 1: the values are those that were quoted; 0: they changed meanwhile. */
static int check_quote(const cocos__tpm *t,
                       const cocos__tpm_bank *bank,
                       const uint8_t nonce[32],
                       const cocos__tpm_quoted *q,
                       cocos_error **err)
{
    TPMS_ATTEST a;
    uint8_t digest[32];
    size_t at = 0;

    TSS2_RC rc =
        Tss2_MU_TPMS_ATTEST_Unmarshal(q->attest->attestationData, q->attest->size, &at, &a);
    if (rc != TSS2_RC_SUCCESS || at != q->attest->size || a.magic != TPM2_GENERATED_VALUE ||
        a.type != TPM2_ST_ATTEST_QUOTE)
        return bad_answer(err, "no quote");
    if (a.extraData.size != 32 || memcmp(a.extraData.buffer, nonce, 32) != 0)
        return bad_answer(err, "a quote for other claims");
    const TPML_PCR_SELECTION *s = &a.attested.quote.pcrSelect;
    if (s->count != 1 || s->pcrSelections[0].hash != bank->alg ||
        s->pcrSelections[0].sizeofSelect != 3 ||
        memcmp(s->pcrSelections[0].pcrSelect, bank->select, 3) != 0)
        return bad_answer(err, "a quote of other PCRs");
    int r = check_signature(t, q, err);
    if (r == COCOS_OK)
        r = values_digest(bank, q, digest, err);
    if (r < 0)
        return r;
    return a.attested.quote.pcrDigest.size == 32 &&
           memcmp(a.attested.quote.pcrDigest.buffer, digest, 32) == 0;
}

static int quote_once(cocos__tpm *t,
                      const cocos__tpm_bank *bank,
                      const uint8_t nonce[32],
                      cocos__tpm_quoted *q,
                      cocos_error **err)
{
    TPML_PCR_SELECTION select = selection(bank, bank->select);
    TPMT_SIG_SCHEME own = {.scheme = TPM2_ALG_NULL};
    TPM2B_DATA data = {.size = 32};

    memcpy(data.buffer, nonce, 32);
    TSS2_RC rc = Esys_Quote(t->esys, t->ak, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, &data,
                            &own, &select, &q->attest, &q->signature);
    if (rc != TSS2_RC_SUCCESS)
        return cocos__tpm_fail(err, rc, "quote its PCRs");
    int r = cocos__tpm_read_pcrs(t, bank, bank->select, q, err);
    return r < 0 ? r : check_quote(t, bank, nonce, q, err);
}

int cocos__tpm_quote(cocos__tpm *t,
                     const cocos__tpm_bank *bank,
                     const cocos__ask *ask,
                     cocos__tpm_quoted *ret,
                     cocos_error **err)
{
    for (int i = 0; i < TRIES; i++) {
        int r = cocos__ask_goes_on(ask, err);
        if (r == COCOS_OK)
            r = quote_once(t, bank, ask->nonce, ret, err);
        if (r != 0)
            return r < 0 ? r : COCOS_OK;
        cocos__tpm_quoted_done(ret);
    }
    return bad_answer(err, "its PCRs were never those that it had just quoted");
}
