/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An attestation key of the virtual TPM of an SVSM. The chain, each link of which must be there:
 * hardware, report at VMPL 0, nonce and services manifest in its data, endorsement key in the
 * manifest, attestation key. That a report at another VMPL names a key proves less: software of the
 * guest chose the key.
 */
#include <string.h>

#include "crypto/digest.h"
#include "vtpm/checks.h"
#include "vtpm/svsm.h"

#define SVSM "SVSM"

static const cocos__said want = {"a key of the virtual TPM that an SVSM at VMPL 0 vouches for",
                                 "policy"};

static int fails(cocos__vtpm_state *s, const char *code, const char *found)
{
    cocos__row_fail(s->rows, VTPM_AK_TRUST, code, want, (cocos__said){found, s->ev->tee_name});
    return COCOS_OK;
}

/* The name of a key, nameAlg || digest of its public area (part 1 section 16), and nothing else. */
static int is_name(
    cocos__span name, const cocos__tpm_public *key, cocos__span area, int *ret, cocos_error **err)
{
    int bank = cocos__bank_of_alg(key->name_alg);
    uint8_t digest[COCOS__DIGEST_MAX];

    *ret = 0;
    if (bank == COCOS__BANK_NONE || bank == COCOS__BANK_SHA1 ||
        name.len != 2 + cocos__bank_size(bank) || cocos__u16be(name.data) != key->name_alg)
        return COCOS_OK;
    int r = cocos__digest(cocos__bank_digest(bank), area.data, area.len, digest, err);
    *ret = r == COCOS_OK && memcmp(digest, name.data + 2, cocos__bank_size(bank)) == 0;
    return r;
}

/* TPM2_Certify over this key; the signature is checked after. */
static int is_certification(const cocos__vtpm_state *s,
                            const cocos__svsm_certified *c,
                            int *ret,
                            cocos_error **err)
{
    cocos__span ak = s->message.ak_pub;
    cocos__tpm_attest a;
    cocos__span name;

    *ret = 0;
    if (c->public.len != ak.len || memcmp(c->public.data, ak.data, ak.len) != 0 ||
        cocos__tpm_attest_read(c->attest, &a, NULL) < 0 ||
        !cocos__tpm_attests(&a, TPM_ST_ATTEST_CERTIFY) ||
        cocos__tpm_certify_read(a.rest, &name, NULL) < 0)
        return COCOS_OK;
    return is_name(name, &s->public, ak, ret, err);
}

/* *ret: 1 when the endorsement key signed it. Other outcomes than yes and no are failures to try.
 */
static int
is_signed(const cocos__svsm_certified *c, const cocos__tpm_public *ek, int *ret, cocos_error **err)
{
    COCOS__CLEANUP(cocos__pubkey_freep) cocos__pubkey *key = NULL;
    cocos__tpm_signature sig;

    *ret = 0;
    if (cocos__tpm_signature_read(c->signature, &sig, NULL) < 0 || sig.scheme != ek->scheme ||
        sig.hash != ek->scheme_hash)
        return COCOS_OK;
    int r = cocos__vtpm_key(ek, &key, NULL);
    if (r == COCOS_OK)
        r = cocos__vtpm_signature(key, c->attest, &sig, NULL);
    *ret = r == COCOS_OK;
    return r == COCOS_ERR_MEMORY ? cocos__fail_memory(err) : COCOS_OK;
}

/* NULL when the certification beside the evidence holds; else what is wrong. */
static int
certify(const cocos__vtpm_state *s, cocos__span area, const char **why, cocos_error **err)
{
    cocos__svsm_certified c;
    cocos__tpm_public ek;
    int ok = 0;

    *why = "the manifest holds no readable endorsement key";
    if (cocos__tpm_public_read(area, &ek, NULL) < 0)
        return COCOS_OK;
    *why = "nothing here shows that both keys are of one TPM";
    if (s->ev->certified.len == 0)
        return COCOS_OK;
    *why = "the endorsement key is none that signs only what its TPM made";
    if (cocos__vtpm_public_defect(&ek, 0))
        return COCOS_OK;
    *why = "the certification is not for this key";
    if (cocos__svsm_certified_read(s->ev->certified, &c, NULL) < 0)
        return COCOS_OK;
    int r = is_certification(s, &c, &ok, err);
    if (r < 0 || !ok)
        return r;
    *why = "the endorsement key did not sign the certification";
    r = is_signed(&c, &ek, &ok, err);
    if (ok)
        *why = NULL;
    return r;
}

static void passes(cocos__vtpm_state *s, const char *found)
{
    cocos__row_pass(s->rows, VTPM_AK_TRUST, want, (cocos__said){found, SVSM});
}

/* From the endorsement key to the attestation key. */
static int
check_link(cocos__vtpm_state *s, cocos__span ek, const uint8_t *ak_sha256, cocos_error **err)
{
    cocos__span ak = s->message.ak_pub;
    const char *why = NULL;

    if (ek.len == ak.len && memcmp(ek.data, ak.data, ek.len) == 0) {
        passes(s, "it is the key of the manifest");
        return COCOS_OK;
    }
    /* Whoever lists it has seen the TPM activate a credential, which evidence cannot carry. */
    if (cocos__match_has(&s->policy->ak, ak_sha256, 32)) {
        passes(s, "the policy lists it as a key of this TPM");
        return COCOS_OK;
    }
    int r = certify(s, ek, &why, err);
    if (r == COCOS_OK && why)
        return fails(s, "vtpm.svsm_endorsement", why);
    if (r == COCOS_OK)
        passes(s, "the key of the manifest certified it");
    return r;
}

static int other_claims(const cocos__vtpm_policy *p, const uint8_t *ak_sha256)
{
    return p->has_claims_ak && memcmp(p->claims_ak, ak_sha256, 32) != 0;
}

int cocos__vtpm_check_svsm(cocos__vtpm_state *s, const uint8_t *ak_sha256, cocos_error **err)
{
    const cocos__vtpm_evidence *ev = s->ev;
    cocos__span ek = {NULL, 0};

    if (ev->tee_vmpl != 0)
        return fails(s, "vtpm.svsm_vmpl",
                     "the report was not asked for at VMPL 0, the guest can have chosen the key");
    if (ev->svsm_manifest.len == 0)
        return fails(s, "vtpm.svsm_missing", "no services manifest");
    if (cocos__svsm_endorsement(ev->svsm_manifest, &ek, NULL) < 0)
        return fails(s, "vtpm.svsm_format", "a services manifest that cannot be read");
    if (ev->tee_data == COCOS__FAILED || other_claims(s->policy, ak_sha256))
        return fails(s, "vtpm.tee_binding",
                     "the report does not carry nonce and manifest, or the "
                     "claims name another key");
    if (ev->tee_data != COCOS__PASSED) {
        cocos__row_unknown(
            s->rows, VTPM_AK_TRUST, "policy.missing", want,
            (cocos__said){"the data of the report were not held to a nonce", "policy"});
        return COCOS_OK;
    }
    return check_link(s, ek, ak_sha256, err);
}
