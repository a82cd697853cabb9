/* SPDX-License-Identifier: Apache-2.0 */
/* One quote after the other; each must hold, and each bank gets its own row. */
#include <inttypes.h>
#include <stdio.h>

#include "crypto/digest.h"
#include "vtpm/checks.h"

static int sha1_allowed(const cocos__vtpm_policy *p)
{
    return p->allow_sha1.state == COCOS__RULE_ANY || p->allow_sha1.value;
}

unsigned cocos__vtpm_banks(const cocos__vtpm_state *s)
{
    unsigned banks = 0;

    for (int b = 0; b < COCOS__BANKS; b++) {
        if (s->believed[b] && (b != COCOS__BANK_SHA1 || sha1_allowed(s->policy)))
            banks |= 1u << b;
    }
    return banks;
}

static const char *in_bank(cocos__vtpm_state *s, const cocos__vtpm_quote *q, const char *what)
{
    return cocos__rows_printf(s->rows, "%s, quote of bank %s", what, cocos__bank_name(q->bank));
}

static int
wrong_algorithm(cocos__vtpm_state *s, const cocos__vtpm_quote *q, unsigned scheme, unsigned hash)
{
    cocos__row_fail(s->rows, VTPM_ALGORITHM, "vtpm.signature_algorithm",
                    (cocos__said){"scheme and hash of the key", "attestation key"},
                    (cocos__said){cocos__rows_printf(s->rows, "scheme 0x%04x, hash 0x%04x, bank %s",
                                                     scheme, hash, cocos__bank_name(q->bank)),
                                  BY_MESSAGE});
    return 0;
}

/* Before the rest of the structure is read, since its form depends on them. */
static int check_algorithm(cocos__vtpm_state *s, const cocos__vtpm_quote *q)
{
    if (q->signature.len < 4)
        return 1;
    unsigned scheme = cocos__u16be(q->signature.data);
    unsigned hash = cocos__u16be(q->signature.data + 2);
    if (scheme != s->public.scheme || hash != s->public.scheme_hash)
        return wrong_algorithm(s, q, scheme, hash);
    cocos__row_pass(s->rows, VTPM_ALGORITHM,
                    (cocos__said){"scheme and hash of the key", "attestation key"},
                    (cocos__said){"they are", BY_MESSAGE});
    return 1;
}

static int check_form(cocos__vtpm_state *s,
                      const cocos__vtpm_quote *q,
                      cocos__tpm_signature *sig,
                      cocos__tpm_attest *a)
{
    COCOS__CLEANUP(cocos__error_freep) cocos_error *why = NULL;

    if (q->bank != COCOS__BANK_NONE &&
        cocos__tpm_signature_read(q->signature, sig, &why) == COCOS_OK &&
        cocos__tpm_attest_read(q->attest, a, &why) == COCOS_OK)
        return 1;
    cocos__row_fail(
        s->rows, VTPM_FORM, "vtpm.format",
        (cocos__said){"readable structures of a known bank", "compiled in"},
        (cocos__said){in_bank(s, q, why ? cocos_error_message(why) : "unknown bank"), BY_MESSAGE});
    return 0;
}

int cocos__vtpm_signature(const cocos__pubkey *key,
                          cocos__span data,
                          const cocos__tpm_signature *sig,
                          cocos_error **err)
{
    int digest = cocos__bank_digest(cocos__bank_of_alg(sig->hash));

    if (sig->scheme == TPM_ALG_RSASSA)
        return cocos__rsassa_verify(key, digest, data, sig->sig, err);
    cocos__ecdsa_raw raw = {sig->r.data, sig->s.data, sig->r.len, sig->s.len, COCOS__BIG_ENDIAN};
    return cocos__ecdsa_verify(key, digest, data, &raw, err);
}

/* 1 or 0, or the failure to try. */
static int check_signature(cocos__vtpm_state *s,
                           const cocos__vtpm_quote *q,
                           const cocos__tpm_signature *sig,
                           cocos_error **err)
{
    COCOS__CLEANUP(cocos__error_freep) cocos_error *why = NULL;

    int v = cocos__vtpm_signature(s->key, q->attest, sig, &why);
    if (v < 0 && v != COCOS_ERR_REJECTED)
        return cocos__fail_cause(err, v, "vtpm.quote_signature", COCOS__STEAL(why),
                                 "the signature of a quote cannot be tried");
    return cocos__row_test(
        s->rows, VTPM_SIGNATURE, v == COCOS_OK, "vtpm.quote_signature",
        (cocos__said){"signed by the attestation key", "compiled in"},
        (cocos__said){v == COCOS_OK ? "it holds" : in_bank(s, q, "it does not hold"), BY_AK});
}

static int check_kind(cocos__vtpm_state *s, const cocos__vtpm_quote *q, const cocos__tpm_attest *a)
{
    int magic =
        cocos__row_test(s->rows, VTPM_MAGIC, a->magic == TPM_GENERATED_VALUE, "vtpm.attest_magic",
                        (cocos__said){"0xff544347, made by the TPM itself", "compiled in"},
                        (cocos__said){a->magic == TPM_GENERATED_VALUE
                                          ? "it is"
                                          : cocos__rows_printf(s->rows, "0x%08" PRIx32 ", bank %s",
                                                               a->magic, cocos__bank_name(q->bank)),
                                      BY_AK});
    int type =
        cocos__row_test(s->rows, VTPM_TYPE, a->type == TPM_ST_ATTEST_QUOTE, "vtpm.attest_type",
                        (cocos__said){"0x8018, a quote", "compiled in"},
                        (cocos__said){a->type == TPM_ST_ATTEST_QUOTE
                                          ? "it is"
                                          : cocos__rows_printf(s->rows, "0x%04x, bank %s", a->type,
                                                               cocos__bank_name(q->bank)),
                                      BY_AK});
    return magic && type;
}

static int check_nonce(cocos__vtpm_state *s, const cocos__tpm_attest *a)
{
    const cocos__vtpm_policy *p = s->policy;

    if (p->without_nonce.state == COCOS__RULE_GIVEN && p->without_nonce.value)
        return cocos__row_test(
            s->rows, VTPM_NONCE, a->extra.len == 0, "vtpm.nonce",
            (cocos__said){"no bytes", "policy"},
            (cocos__said){cocos__rows_hex(s->rows, a->extra.data, a->extra.len), BY_AK});
    return cocos__match_check(s->rows, VTPM_NONCE, "vtpm.nonce", &p->nonce, COCOS__UNSET_MISSING,
                              a->extra.data, a->extra.len, BY_AK);
}

static int
check_selection(cocos__vtpm_state *s, const cocos__vtpm_quote *q, const cocos__tpm_attest *a)
{
    int ok = a->selections == 1 && cocos__bank_of_alg(a->bank_alg) == q->bank && !q->beyond &&
             a->mask == q->mask && a->mask != 0;
    cocos__said want = {"one selection, of the bank and PCRs that have values", "evidence"};

    if (ok)
        return cocos__row_test(s->rows, VTPM_SELECTION, 1, NULL, want,
                               (cocos__said){"it is", BY_AK});
    return cocos__row_test(
        s->rows, VTPM_SELECTION, 0, "vtpm.pcr_selection", want,
        (cocos__said){cocos__rows_printf(
                          s->rows,
                          "%" PRIu32 " selections, the first of algorithm 0x%04x and "
                          "PCRs 0x%06" PRIx32 "; values of bank %s, PCRs 0x%06" PRIx32,
                          a->selections, a->bank_alg, a->mask, cocos__bank_name(q->bank), q->mask),
                      BY_AK});
}

static int check_values(cocos__vtpm_state *s, const cocos__vtpm_quote *q)
{
    cocos__said want = {"values of the bank's length", "compiled in"};

    for (int i = 0; i < COCOS__PCRS; i++) {
        if (!(q->mask & UINT32_C(1) << i) || q->pcr[i].len == cocos__bank_size(q->bank))
            continue;
        return cocos__row_test(
            s->rows, VTPM_VALUES, 0, "vtpm.pcr_value", want,
            (cocos__said){cocos__rows_printf(s->rows, "PCR %d has %zu bytes, bank %s", i,
                                             q->pcr[i].len, cocos__bank_name(q->bank)),
                          BY_MESSAGE});
    }
    return cocos__row_test(s->rows, VTPM_VALUES, 1, NULL, want,
                           (cocos__said){"they are", BY_MESSAGE});
}

/* The digest is made with the hash of the signature, not of the bank (part 3, TPM2_Quote). */
static int digest_values(const cocos__vtpm_quote *q, int alg, uint8_t *out, cocos_error **err)
{
    uint8_t all[COCOS__PCRS * COCOS__PCR_MAX];
    size_t n = 0;

    for (int i = 0; i < COCOS__PCRS; i++) {
        for (size_t k = 0; q->mask & UINT32_C(1) << i && k < q->pcr[i].len; k++)
            all[n++] = q->pcr[i].data[k];
    }
    return cocos__digest(alg, all, n, out, err);
}

/* 1 or 0, or the failure to try. */
static int check_digest(cocos__vtpm_state *s,
                        const cocos__vtpm_quote *q,
                        const cocos__tpm_attest *a,
                        int alg,
                        cocos_error **err)
{
    uint8_t digest[COCOS__DIGEST_MAX];

    int r = digest_values(q, alg, digest, err);
    if (r < 0)
        return r;
    int ok = a->pcr_digest.len == cocos__digest_size(alg) &&
             cocos__equal_ct(digest, a->pcr_digest.data, a->pcr_digest.len);
    return cocos__row_test(s->rows, VTPM_DIGEST, ok, "vtpm.pcr_digest",
                           (cocos__said){"the digest of the values", "evidence"},
                           (cocos__said){ok ? "it is" : in_bank(s, q, "another digest"), BY_AK});
}

/* 1: every check of this quote passed, or was let off; 0; or the failure to try. */
static int check_one(cocos__vtpm_state *s, const cocos__vtpm_quote *q, cocos_error **err)
{
    cocos__tpm_signature sig;
    cocos__tpm_attest a;

    if (!check_algorithm(s, q) || !check_form(s, q, &sig, &a))
        return 0;
    int r = check_signature(s, q, &sig, err);
    if (r <= 0)
        return r;
    if (!check_kind(s, q, &a))
        return 0;
    int ok = check_nonce(s, &a);
    /* Both rows, since both defects are worth knowing; the digest only over values of right size.
     */
    int selected = check_selection(s, q, &a);
    int sized = check_values(s, q);
    if (!selected || !sized)
        return 0;
    r = check_digest(s, q, &a, cocos__bank_digest(cocos__bank_of_alg(sig.hash)), err);
    return r < 0 ? r : r && ok;
}

static void bank_row(cocos__vtpm_state *s, const cocos__vtpm_quote *q, int held)
{
    cocos__said want = {"every check of its quote", "compiled in"};

    if (held)
        cocos__row_pass(s->rows, VTPM_BANK + (size_t)q->bank, want,
                        (cocos__said){"they passed", BY_AK});
    else
        cocos__row_skip(s->rows, VTPM_BANK + (size_t)q->bank, want,
                        (cocos__said){"one did not pass, see above", BY_MESSAGE});
}

static void check_banks(cocos__vtpm_state *s, unsigned quoted)
{
    const cocos__number *demanded = &s->policy->bank;
    unsigned strong = quoted & ~(1u << COCOS__BANK_SHA1);
    cocos__said found = {cocos__rows_printf(s->rows, "%s%s%s%s", quoted & 1 ? "sha1 " : "",
                                            quoted & 2 ? "sha256 " : "",
                                            quoted & 4 ? "sha384 " : "",
                                            quoted & 8 ? "sha512" : ""),
                         BY_MESSAGE};

    if (sha1_allowed(s->policy))
        cocos__row_skip(s->rows, VTPM_STRONG, (cocos__said){"any bank, SHA-1 too", "policy"},
                        found);
    else
        cocos__row_test(s->rows, VTPM_STRONG, strong != 0, "vtpm.bank_weak",
                        (cocos__said){"a bank stronger than SHA-1", "default"}, found);
    if (demanded->state != COCOS__RULE_GIVEN)
        return;
    cocos__row_test(s->rows, VTPM_DEMANDED, (quoted >> demanded->value & 1) != 0,
                    "vtpm.pcr_bank_missing",
                    (cocos__said){cocos__bank_name((int)demanded->value), "policy"}, found);
}

int cocos__vtpm_check_quotes(cocos__vtpm_state *s, cocos_error **err)
{
    unsigned quoted = 0;

    for (size_t i = 0; i < s->message.n_quotes; i++) {
        const cocos__vtpm_quote *q = &s->message.quote[i];
        int held = check_one(s, q, err);
        if (held < 0)
            return held;
        if (q->bank == COCOS__BANK_NONE)
            continue;
        /* Two quotes of a bank may differ in their PCRs; there is no saying which one counts. */
        if (quoted & 1u << q->bank)
            cocos__row_fail(s->rows, VTPM_FORM, "vtpm.format",
                            (cocos__said){"one quote a bank", "compiled in"},
                            (cocos__said){in_bank(s, q, "a second"), BY_MESSAGE});
        quoted |= 1u << q->bank;
        if (held)
            s->believed[q->bank] = q;
        bank_row(s, q, held);
    }
    check_banks(s, quoted);
    return COCOS_OK;
}
