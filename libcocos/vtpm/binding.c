/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An attestation key that the data slot of a TEE report names. The report itself is judged by the
 * section of its own kind; here it is only asked what it says.
 */
#include <inttypes.h>
#include <string.h>

#include "crypto/digest.h"
#include "vtpm/checks.h"

/* cocos-v1 section 1: the slot is the hash of the claims, whose key 5 is the hash of the key. */
static void check_claims(cocos__vtpm_state *s, cocos__span slot, const uint8_t *ak_sha256)
{
    const cocos__vtpm_policy *p = s->policy;
    cocos__said want = {"claims in the report that name this key", "policy"};

    if (!p->has_claims) {
        cocos__row_unknown(s->rows, VTPM_AK_TRUST, "policy.missing", want,
                           (cocos__said){"the policy holds no claims", "policy"});
        return;
    }
    int named = p->has_claims_ak && memcmp(p->claims_ak, ak_sha256, 32) == 0;
    /* An SVSM's report carries them together with its manifest; its own row compared them. */
    int bound = s->ev->svsm_manifest.len ? s->ev->tee_data == COCOS__PASSED
                                         : memcmp(slot.data, p->claims_slot, 64) == 0;
    cocos__row_test(s->rows, VTPM_AK_TRUST, named && bound, "vtpm.tee_binding", want,
                    (cocos__said){!named  ? "the claims name another key, or none"
                                  : bound ? "the report carries the claims, they name the key"
                                          : "the report does not carry the claims",
                                  s->ev->tee_name});
}

/* The Go programs: SHA3-512(nonce || TPMT_PUBLIC). */
static int check_legacy(cocos__vtpm_state *s, cocos__span slot, cocos_error **err)
{
    const cocos__match *nonce = &s->policy->tee_nonce;
    COCOS__CLEANUP(cocos__hasher_freep) cocos__hasher *h = NULL;
    cocos__said want = {"SHA3-512 of nonce and key in the report (legacy)", "policy"};
    uint8_t digest[64];

    if (nonce->state != COCOS__RULE_GIVEN || nonce->count != 1) {
        cocos__row_unknown(
            s->rows, VTPM_AK_TRUST, "policy.missing", want,
            (cocos__said){"the policy holds not exactly one vtpm.tee_nonce", "policy"});
        return COCOS_OK;
    }
    int r = cocos__hasher_new(COCOS__SHA3_512, &h, err);
    if (r == COCOS_OK)
        r = cocos__hasher_update(h, nonce->values, nonce->size, err);
    if (r == COCOS_OK)
        r = cocos__hasher_update(h, s->message.ak_pub.data, s->message.ak_pub.len, err);
    if (r == COCOS_OK)
        r = cocos__hasher_finish(h, digest, err);
    if (r < 0)
        return r;
    int bound = cocos__equal_ct(digest, slot.data, sizeof digest);
    cocos__row_test(s->rows, VTPM_AK_TRUST, bound, "vtpm.tee_binding", want,
                    (cocos__said){bound ? "that hash" : "another value", s->ev->tee_name});
    return COCOS_OK;
}

/* Azure: the first half of the slot is the hash of claims in which the paravisor names the key. */
static int check_azure(cocos__vtpm_state *s, cocos__span slot, cocos_error **err)
{
    COCOS__CLEANUP(cocos__error_freep) cocos_error *why = NULL;
    cocos__said want = {"runtime claims in the report that name this key (azure)", "policy"};
    uint8_t digest[32];

    int r = cocos__hcl_binds(s->ev->hcl, &s->public, digest, &why);
    if (r == COCOS_ERR_MEMORY)
        return cocos__fail_memory(err);
    int bound = r == COCOS_OK && memcmp(digest, slot.data, sizeof digest) == 0;
    const char *text = r < 0 ? cocos_error_message(why) : "";
    cocos__row_test(s->rows, VTPM_AK_TRUST, bound, "vtpm.tee_binding", want,
                    (cocos__said){bound   ? "they name it"
                                  : r < 0 ? cocos__rows_foreign(s->rows, text, strlen(text), 160)
                                          : "the report carries other claims",
                                  s->ev->tee_name});
    return COCOS_OK;
}

static void check_report(cocos__vtpm_state *s)
{
    cocos__said want = {"the report that names the key is genuine", "compiled in"};

    if (s->ev->tee_rows)
        cocos__row_skip(s->rows, VTPM_TEE_REPORT, want,
                        (cocos__said){"judged by the rows of its own kind", s->ev->tee_name});
    else
        cocos__row_unknown(s->rows, VTPM_TEE_REPORT, "vtpm.tee_unverified", want,
                           (cocos__said){"nothing here judged it", "nobody"});
}

static int binding_of(const cocos__vtpm_policy *p)
{
    return p->binding.state == COCOS__RULE_GIVEN ? (int)p->binding.value : COCOS__BINDING_CLAIMS;
}

/* Who chose the key that the report names. Only an SVSM's word for its own TPM says more. */
static void show_form(cocos__vtpm_state *s, int svsm)
{
    const cocos__vtpm_evidence *ev = s->ev;
    cocos__said found = {
        "software of the guest can have chosen the key: weaker than an SVSM's word", ev->tee_name};

    if (ev->tee_vmpl > 0)
        found.text = cocos__rows_printf(
            s->rows,
            "VMPL %" PRId64
            ": software of the guest can have chosen the key: weaker than an SVSM's word",
            ev->tee_vmpl);
    else if (ev->tee_vmpl == 0 && ev->svsm_manifest.len > 0 && svsm)
        found.text = "VMPL 0 with the services manifest of an SVSM";
    else if (binding_of(s->policy) == COCOS__BINDING_AZURE && !svsm)
        found.text = "a paravisor's runtime claims";
    cocos__row_skip(
        s->rows, VTPM_TEE_FORM,
        (cocos__said){"an SVSM at VMPL 0, or who else asked for the report", "compiled in"}, found);
}

int cocos__vtpm_check_binding(cocos__vtpm_state *s, const uint8_t *ak_sha256, cocos_error **err)
{
    int svsm = s->policy->ak_trust.value == COCOS__AK_SVSM;
    cocos__span slot = s->ev->tee_slot;

    if (slot.len != 64) {
        cocos__row_fail(s->rows, VTPM_AK_TRUST, "vtpm.tee_missing",
                        (cocos__said){"a TEE report that names this key", "policy"},
                        (cocos__said){"no report", BY_MESSAGE});
        return COCOS_OK;
    }
    check_report(s);
    show_form(s, svsm);
    if (svsm)
        return cocos__vtpm_check_svsm(s, ak_sha256, err);
    switch (binding_of(s->policy)) {
    case COCOS__BINDING_LEGACY:
        return check_legacy(s, slot, err);
    case COCOS__BINDING_AZURE:
        return check_azure(s, slot, err);
    default:
        check_claims(s, slot, ak_sha256);
        return COCOS_OK;
    }
}
