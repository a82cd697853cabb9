/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The attestation key (vtpm.md section 1): a restricted signing key of the owner hierarchy, kept at
 * a persistent handle. What lies at the handle is used when it is such a key, otherwise replaced.
 */
#include <string.h>

#include <tss2/tss2_mu.h>

#include "base/log.h"
#include "crypto/digest.h"
#include "evidence/tpm.h"

#define AK_HANDLE 0x81008f01 /* RSA; the one that the Go programs use */

static const TPM2B_PUBLIC template = {
    .publicArea = {
        .type = TPM2_ALG_RSA,
        .nameAlg = TPM2_ALG_SHA256,
        .objectAttributes = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT |
                            TPMA_OBJECT_SENSITIVEDATAORIGIN | TPMA_OBJECT_USERWITHAUTH |
                            TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_SIGN_ENCRYPT,
        .parameters.rsaDetail = {.symmetric.algorithm = TPM2_ALG_NULL,
                                 .scheme = {.scheme = TPM2_ALG_RSASSA,
                                            .details.rsassa.hashAlg = TPM2_ALG_SHA256},
                                 .keyBits = 2048},
    }};

static int marshal(const TPMT_PUBLIC *p, uint8_t *out, size_t size, size_t *len, cocos_error **err)
{
    *len = 0;
    TSS2_RC rc = Tss2_MU_TPMT_PUBLIC_Marshal(p, out, size, len);
    return rc == TSS2_RC_SUCCESS ? COCOS_OK : cocos__tpm_fail(err, rc, "give a usable key");
}

/* The unique part is what makes it a key; all else must be the template's. */
static int is_ours(const TPMT_PUBLIC *found)
{
    uint8_t a[sizeof(TPMT_PUBLIC)];
    uint8_t b[sizeof(TPMT_PUBLIC)];
    size_t a_len = 0;
    size_t b_len = 0;
    TPMT_PUBLIC bare = *found;

    if (found->type != TPM2_ALG_RSA)
        return 0;
    bare.unique.rsa.size = 0;
    return marshal(&bare, a, sizeof a, &a_len, NULL) == COCOS_OK &&
           marshal(&template.publicArea, b, sizeof b, &b_len, NULL) == COCOS_OK && a_len == b_len &&
           memcmp(a, b, a_len) == 0;
}

static int evict(cocos__tpm *t, ESYS_TR object, ESYS_TR *ret, cocos_error **err)
{
    TSS2_RC rc = Esys_EvictControl(t->esys, ESYS_TR_RH_OWNER, object, ESYS_TR_PASSWORD,
                                   ESYS_TR_NONE, ESYS_TR_NONE, AK_HANDLE, ret);

    return rc == TSS2_RC_SUCCESS
               ? COCOS_OK
               : cocos__tpm_fail(err, rc, "keep or remove the key at handle 0x81008f01");
}

static int make(cocos__tpm *t, TPM2B_PUBLIC **public, cocos_error **err)
{
    TPM2B_SENSITIVE_CREATE sensitive = {.size = 0};
    TPM2B_DATA outside = {.size = 0};
    TPML_PCR_SELECTION creation = {.count = 0};
    ESYS_TR key = ESYS_TR_NONE;

    TSS2_RC rc = Esys_CreatePrimary(t->esys, ESYS_TR_RH_OWNER, ESYS_TR_PASSWORD, ESYS_TR_NONE,
                                    ESYS_TR_NONE, &sensitive, &template, &outside, &creation, &key,
                                    public, NULL, NULL, NULL);
    if (rc != TSS2_RC_SUCCESS)
        return cocos__tpm_fail(err, rc, "make an attestation key");
    int r = evict(t, key, &t->ak, err);
    rc = Esys_FlushContext(t->esys, key);
    if (r == COCOS_OK && rc != TSS2_RC_SUCCESS)
        r = cocos__tpm_fail(err, rc, "let go of the key's first handle");
    return r;
}

/* What is at the handle, when it is ours; *public stays NULL when there is nothing any more. */
static int find(cocos__tpm *t, TPM2B_PUBLIC **public, cocos_error **err)
{
    ESYS_TR found = ESYS_TR_NONE;
    ESYS_TR gone = ESYS_TR_NONE;

    TSS2_RC rc =
        Esys_TR_FromTPMPublic(t->esys, AK_HANDLE, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &found);
    /* Format-one codes carry the number of the handle that they are about in bits 8 to 11. */
    if ((rc & ~TPM2_RC_N_MASK) == TPM2_RC_HANDLE)
        return COCOS_OK;
    if (rc == TSS2_RC_SUCCESS)
        rc = Esys_ReadPublic(t->esys, found, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, public, NULL,
                             NULL);
    if (rc != TSS2_RC_SUCCESS)
        return cocos__tpm_fail(err, rc, "show the key at handle 0x81008f01");
    if (is_ours(&(*public)->publicArea)) {
        t->ak = found;
        return COCOS_OK;
    }
    cocos__log(COCOS_LOG_WARN, "evidence",
               "the object at the TPM's handle 0x81008f01 is no attestation key and is replaced");
    Esys_Free(*public);
    *public = NULL;
    return evict(t, found, &gone, err);
}

/* Bytes, digest and key of the public area; the same as before when there was one before. */
static int keep(cocos__tpm *t, const TPMT_PUBLIC *p, cocos_error **err)
{
    uint8_t digest[32];
    uint8_t area[sizeof *p];
    size_t len = 0;

    int r = marshal(p, area, sizeof area, &len, err);
    if (r == COCOS_OK)
        r = cocos__digest(COCOS__SHA256, area, len, digest, err);
    if (r < 0)
        return r;
    if (t->has_ak)
        return memcmp(digest, t->ak_digest, sizeof digest) == 0
                   ? COCOS_OK
                   : cocos__fail(
                         err, COCOS_ERR_IO, "evidence.device",
                         "the TPM has another attestation key than when this process began");
    cocos__span n = {p->unique.rsa.buffer, p->unique.rsa.size};
    r = cocos__pubkey_from_rsa(n, 65537, &t->ak_key, err);
    if (r < 0)
        return r;
    cocos__buf_add(&t->ak_pub, area, len);
    memcpy(t->ak_digest, digest, sizeof digest);
    t->has_ak = 1;
    return t->ak_pub.failed ? cocos__fail_memory(err) : COCOS_OK;
}

int cocos__tpm_load_ak(cocos__tpm *t, int *made, cocos_error **err)
{
    TPM2B_PUBLIC *public = NULL;

    *made = 0;
    int r = find(t, &public, err);
    if (r == COCOS_OK && !public) {
        *made = 1;
        r = make(t, &public, err);
    }
    if (r == COCOS_OK)
        r = keep(t, &public->publicArea, err);
    Esys_Free(public);
    return r;
}
