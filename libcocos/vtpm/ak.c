/* SPDX-License-Identifier: Apache-2.0 */
/* The attestation key: is its public area one that can only sign what the TPM made, and whose is
 * it? */
#include <string.h>

#include "crypto/chain.h"
#include "crypto/digest.h"
#include "vtpm/checks.h"

#define RSA_BITS_MIN 2048
#define RSA_EXPONENT 65537 /* what 0 stands for (part 2 section 12.2.3.5) */

#define ATTRIBUTES_SET                                                                             \
    (TPMA_FIXED_TPM | TPMA_FIXED_PARENT | TPMA_SENSITIVE_DATA_ORIGIN | TPMA_RESTRICTED | TPMA_SIGN)

/* Only a restricted key refuses to sign outside data that look like a quote (part 1 section 25). */
static const char *attribute_defect(uint32_t a)
{
    if ((a & ATTRIBUTES_SET) != ATTRIBUTES_SET)
        return "not all of fixedTPM, fixedParent, sensitiveDataOrigin, restricted and sign are set";
    return a & TPMA_DECRYPT ? "decrypt is set" : NULL;
}

static const char *rsa_defect(const cocos__tpm_public *p)
{
    if (p->key_bits < RSA_BITS_MIN || p->n.len * 8 != p->key_bits)
        return "an RSA key below 2048 bits, or of another size than it says";
    return p->scheme == TPM_ALG_RSASSA ? NULL : "the scheme of an RSA key is not RSASSA";
}

static const char *ecc_defect(const cocos__tpm_public *p)
{
    size_t size = p->curve == TPM_ECC_NIST_P256 ? 32 : p->curve == TPM_ECC_NIST_P384 ? 48 : 0;

    if (size == 0)
        return "the curve is neither P-256 nor P-384";
    if (p->x.len > size || p->y.len > size)
        return "a coordinate is longer than its curve's";
    return p->scheme == TPM_ALG_ECDSA ? NULL : "the scheme of an ECC key is not ECDSA";
}

const char *cocos__vtpm_public_defect(const cocos__tpm_public *p, int allow_sha1)
{
    const char *defect = attribute_defect(p->attributes);
    int bank = cocos__bank_of_alg(p->scheme_hash);

    if (!defect)
        defect = p->type == TPM_ALG_RSA ? rsa_defect(p) : ecc_defect(p);
    if (!defect && (bank == COCOS__BANK_NONE || (bank == COCOS__BANK_SHA1 && !allow_sha1)))
        defect = "the scheme's hash is not SHA-256, SHA-384 or SHA-512";
    return defect;
}

static int make_ecc(const cocos__tpm_public *p, cocos__pubkey **ret, cocos_error **err)
{
    int p256 = p->curve == TPM_ECC_NIST_P256;
    size_t size = p256 ? 32 : 48;
    uint8_t x[48] = {0};
    uint8_t y[48] = {0};

    /* A TPM may leave leading zeros out. */
    if (p->x.len > 0)
        memcpy(x + size - p->x.len, p->x.data, p->x.len);
    if (p->y.len > 0)
        memcpy(y + size - p->y.len, p->y.data, p->y.len);
    return cocos__pubkey_from_point(p256 ? COCOS__KEY_EC_P256 : COCOS__KEY_EC_P384, x, y, ret, err);
}

int cocos__vtpm_key(const cocos__tpm_public *p, cocos__pubkey **ret, cocos_error **err)
{
    if (p->type == TPM_ALG_ECC)
        return make_ecc(p, ret, err);
    return cocos__pubkey_from_rsa(p->n, p->exponent ? p->exponent : RSA_EXPONENT, ret, err);
}

/* The same bytes are the same key; whatever else is asked of it is asked again. */
static int take_key(cocos__vtpm_state *s, cocos_error **err)
{
    if (s->kept && s->kept->key && cocos__pack_is(&s->kept->public, &s->message.ak_pub, 1)) {
        s->key = s->kept->key;
        return COCOS_OK;
    }
    int r = cocos__vtpm_key(&s->public, &s->own_key, err);
    s->key = s->own_key;
    return r;
}

int cocos__vtpm_check_public(cocos__vtpm_state *s, int *status, cocos_error **err)
{
    cocos__said want = {"restricted signing key of this TPM, RSASSA 2048 or ECDSA P-256, P-384",
                        "compiled in"};
    COCOS__CLEANUP(cocos__error_freep) cocos_error *why = NULL;
    int allow = s->policy->allow_sha1.state == COCOS__RULE_ANY || s->policy->allow_sha1.value;
    const char *defect = cocos__vtpm_public_defect(&s->public, allow);

    *status = COCOS_OK;
    if (!defect && take_key(s, &why) < 0) {
        if (cocos_error_status(why) != COCOS_ERR_MALFORMED)
            *status = cocos__fail_cause(err, cocos_error_status(why), "vtpm.ak_public",
                                        COCOS__STEAL(why), "the attestation key cannot be made");
        defect = "the numbers are no key";
    }
    return cocos__row_test(s->rows, VTPM_AK_PUBLIC, !defect, "vtpm.ak_public", want,
                           (cocos__said){defect ? defect : "such a key", BY_MESSAGE}) &&
           *status == COCOS_OK;
}

static void no_certificate(cocos__vtpm_state *s, const char *found)
{
    cocos__row_fail(s->rows, VTPM_AK_CERTIFICATE, "vtpm.ak_cert",
                    (cocos__said){"a certificate for this key, to a listed root", "policy"},
                    (cocos__said){found, BY_MESSAGE});
}

static void
check_validity(cocos__vtpm_state *s, cocos__cert *const *chain, size_t n, int64_t time_s)
{
    cocos__said want = {"every certificate of the chain is valid", "compiled in"};

    for (size_t i = 0; i < n; i++) {
        int when = cocos__cert_when(chain[i], time_s);
        if (when != 0) {
            cocos__row_fail(s->rows, VTPM_AK_VALIDITY,
                            when < 0 ? "vtpm.cert_not_yet_valid" : "vtpm.cert_expired", want,
                            (cocos__said){cocos__rows_printf(
                                              s->rows, "%s is %s", cocos__cert_subject_cn(chain[i]),
                                              when < 0 ? "not yet valid" : "expired"),
                                          "AK certificate chain"});
            return;
        }
    }
    cocos__row_pass(s->rows, VTPM_AK_VALIDITY, want,
                    (cocos__said){"they are", "AK certificate chain"});
}

/* Certificates of message and parts; what cannot be read is left out and leaves the chain short. */
static int read_intermediates(const cocos__vtpm_state *s, cocos__certs *pool, cocos_error **err)
{
    const cocos__vtpm_message *m = &s->message;
    int r = COCOS_OK;

    for (size_t i = 0; r != COCOS_ERR_MEMORY && i < m->n_intermediates; i++)
        r = cocos__certs_add(pool, m->intermediate[i].data, m->intermediate[i].len, NULL);
    for (size_t i = 0; r != COCOS_ERR_MEMORY && i < s->ev->n_certs; i++)
        r = cocos__certs_add(pool, s->ev->certs[i].data, s->ev->certs[i].len, NULL);
    return r == COCOS_ERR_MEMORY ? cocos__fail_memory(err) : COCOS_OK;
}

static int check_chain(cocos__vtpm_state *s,
                       const cocos__cert *leaf,
                       const cocos__certs *roots,
                       int64_t time_s,
                       cocos_error **err)
{
    cocos__said want = {"a chain to a listed root", "policy"};
    cocos__cert *chain[COCOS__CERTS_MAX + 2];
    cocos__certs pool = {.n = 0};
    size_t n = 0;

    if (!roots || roots->n == 0) {
        cocos__row_unknown(s->rows, VTPM_AK_CERTIFICATE, "vtpm.ak_cert", want,
                           (cocos__said){"the policy lists no roots", "policy"});
        return COCOS_OK;
    }
    int r = read_intermediates(s, &pool, err);
    if (r == COCOS_OK)
        r = cocos__chain_find(leaf, &pool, roots, chain, &n, err);
    if (r == COCOS_OK) {
        cocos__row_pass(s->rows, VTPM_AK_CERTIFICATE, want,
                        (cocos__said){cocos__rows_printf(s->rows, "it ends at %s",
                                                         cocos__cert_subject_cn(chain[n - 1])),
                                      "AK certificate chain"});
        check_validity(s, chain, n, time_s);
    } else if (r == COCOS_ERR_REJECTED) {
        no_certificate(s, "the chain does not reach a listed root");
        if (err) {
            cocos_error_free(*err);
            *err = NULL;
        }
        r = COCOS_OK;
    }
    cocos__certs_done(&pool);
    return r;
}

/* A certificate that is there must be for this key, whether anybody asked for one or not. */
static int check_certificate(cocos__vtpm_state *s,
                             int demanded,
                             const cocos__certs *roots,
                             int64_t time_s,
                             cocos_error **err)
{
    COCOS__CLEANUP(cocos__cert_freep) cocos__cert *leaf = NULL;
    cocos__span der = s->message.ak_cert;

    if (der.len == 0) {
        if (demanded)
            no_certificate(s, "there is none");
        return COCOS_OK;
    }
    int r = cocos__cert_parse(der.data, der.len, &leaf, NULL);
    if (r == COCOS_ERR_MEMORY)
        return cocos__fail_memory(err);
    if (r < 0 || !cocos__pubkey_equal(cocos__cert_key(leaf), s->key)) {
        no_certificate(s, r < 0 ? "it cannot be read" : "it is for another key");
        return COCOS_OK;
    }
    return demanded ? check_chain(s, leaf, roots, time_s, err) : COCOS_OK;
}

static void check_pin(cocos__vtpm_state *s, const uint8_t *digest)
{
    cocos__match_check(s->rows, VTPM_AK_TRUST, "vtpm.ak_untrusted", &s->policy->ak,
                       COCOS__UNSET_MISSING, digest, 32, BY_MESSAGE);
}

static void trust_by_certificate(cocos__vtpm_state *s)
{
    int ok = cocos__row_outcome(s->rows, VTPM_AK_CERTIFICATE) == COCOS__PASSED &&
             cocos__row_outcome(s->rows, VTPM_AK_VALIDITY) == COCOS__PASSED;

    if (ok)
        cocos__row_pass(s->rows, VTPM_AK_TRUST, (cocos__said){"certified", "policy"},
                        (cocos__said){"by the certificate above", "AK certificate chain"});
    else
        cocos__row_skip(s->rows, VTPM_AK_TRUST, (cocos__said){"certified", "policy"},
                        (cocos__said){"see the certificate above", "nobody"});
}

/* The policy's word, or `pinned` when it lists keys; -1: it says nothing. */
static int wanted(const cocos__vtpm_policy *p)
{
    if (p->ak_trust.state == COCOS__RULE_GIVEN)
        return (int)p->ak_trust.value;
    return p->ak.state == COCOS__RULE_GIVEN ? COCOS__AK_PINNED : -1;
}

int cocos__vtpm_check_trust(cocos__vtpm_state *s,
                            const cocos__certs *roots,
                            int64_t time_s,
                            cocos_error **err)
{
    uint8_t digest[32];
    int want = wanted(s->policy);

    int r =
        cocos__digest(COCOS__SHA256, s->message.ak_pub.data, s->message.ak_pub.len, digest, err);
    if (r == COCOS_OK)
        r = check_certificate(s, want == COCOS__AK_CERTIFICATE, roots, time_s, err);
    if (r < 0)
        return r;
    if (s->policy->ak_trust.state == COCOS__RULE_ANY)
        cocos__row_skip(s->rows, VTPM_AK_TRUST, (cocos__said){"any", "policy"},
                        (cocos__said){cocos__rows_hex(s->rows, digest, 32), BY_MESSAGE});
    else if (want == COCOS__AK_TEE || want == COCOS__AK_SVSM)
        return cocos__vtpm_check_binding(s, digest, err);
    else if (want == COCOS__AK_CERTIFICATE)
        trust_by_certificate(s);
    else
        check_pin(s, digest);
    return COCOS_OK;
}
