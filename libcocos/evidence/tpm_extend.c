/* SPDX-License-Identifier: Apache-2.0 */
/* The manifest in PCR 15, before it is acted on (cocos-v1 section 1). */
#include <string.h>

#include "crypto/digest.h"
#include "evidence/evidence.h"
#include "evidence/tpm.h"

/* H_bank("cocos-manifest/1" || 0x00 || digest); the array's own NUL is the separator. */
static int
event_of(const cocos__tpm_bank *bank, const uint8_t manifest[32], uint8_t *out, cocos_error **err)
{
    uint8_t text[sizeof COCOS__EXTEND_MANIFEST + 32] = COCOS__EXTEND_MANIFEST;

    memcpy(text + sizeof COCOS__EXTEND_MANIFEST, manifest, 32);
    return cocos__digest(bank->digest, text, sizeof text, out, err);
}

/* 1: the register is what this manifest alone makes of one that was never extended. */
static int
has_it(cocos__tpm *t, const cocos__tpm_bank *bank, const uint8_t manifest[32], cocos_error **err)
{
    static const uint8_t only[3] = {0, 1 << (COCOS__PCR_MANIFEST - 8), 0};
    size_t size = cocos__tpm_bank_size(bank);
    cocos__tpm_quoted now = {.mask = 0};
    uint8_t folded[2 * 64] = {0};
    uint8_t want[64];

    int r = event_of(bank, manifest, folded + size, err);
    if (r == COCOS_OK)
        r = cocos__digest(bank->digest, folded, 2 * size, want, err);
    if (r == COCOS_OK)
        r = cocos__tpm_read_pcrs(t, bank, only, &now, err);
    return r < 0 ? r : memcmp(now.pcr[COCOS__PCR_MANIFEST], want, size) == 0;
}

/* An agent that started anew, in the same boot, does not know that its predecessor extended. */
static int is_done(cocos__tpm *t, const uint8_t manifest[32], cocos_error **err)
{
    int r = t->n_extended == 0;

    for (size_t i = 0; r == 1 && i < t->n_banks; i++)
        r = has_it(t, &t->bank[i], manifest, err);
    return r;
}

/* All banks in one command: either all have it or none. */
int cocos__tpm_extend(cocos__tpm *t, const uint8_t manifest[32], cocos_error **err)
{
    TPML_DIGEST_VALUES values = {.count = (uint32_t)t->n_banks};

    int r = is_done(t, manifest, err);
    if (r != 0)
        return r < 0 ? r : COCOS_OK;
    for (size_t i = 0; r == COCOS_OK && i < t->n_banks; i++) {
        values.digests[i].hashAlg = t->bank[i].alg;
        r = event_of(&t->bank[i], manifest, (uint8_t *)&values.digests[i].digest, err);
    }
    if (r < 0)
        return r;
    TSS2_RC rc = Esys_PCR_Extend(t->esys, ESYS_TR_PCR15, ESYS_TR_PASSWORD, ESYS_TR_NONE,
                                 ESYS_TR_NONE, &values);
    return rc == TSS2_RC_SUCCESS ? COCOS_OK : cocos__tpm_fail(err, rc, "extend PCR 15");
}
