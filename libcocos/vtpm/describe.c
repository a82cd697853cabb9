/* SPDX-License-Identifier: Apache-2.0 */
/* Every field of TPM quotes and of what comes with them. Believes nothing and judges nothing. */
#include "vtpm/describe.h"

#include <inttypes.h>
#include <string.h>

#include "crypto/describe.h"
#include "crypto/digest.h"
#include "vtpm/message.h"
#include "vtpm/svsm.h"

static const char *scheme_name(uint16_t scheme)
{
    return scheme == TPM_ALG_RSASSA   ? "RSASSA"
           : scheme == TPM_ALG_RSAPSS ? "RSAPSS"
           : scheme == TPM_ALG_ECDSA  ? "ECDSA"
           : scheme == TPM_ALG_NULL   ? "none"
                                      : "another one";
}

static const char *alg_name(uint16_t alg)
{
    int bank = cocos__bank_of_alg(alg);
    return bank == COCOS__BANK_NONE ? "another algorithm" : cocos__bank_name(bank);
}

static const cocos__flag key_flags[] = {{1, "fixed to this TPM"},
                                        {2, "gone with a restart"},
                                        {4, "fixed to its parent"},
                                        {5, "made by the TPM"},
                                        {6, "used with a password"},
                                        {7, "managed by a policy"},
                                        {10, "no lockout"},
                                        {11, "duplicated encrypted only"},
                                        {16, "restricted"},
                                        {17, "decrypts"},
                                        {18, "signs"},
                                        {19, "signs X.509"}};

/* The digest of an attestation key is what a policy lists under vtpm.ak. */
int cocos__tpm_key_describe(cocos__span area,
                            const char *prefix,
                            const cocos__fields *outer,
                            cocos_error **err)
{
    cocos__under key = {outer, prefix};
    const cocos__fields under = cocos__fields_under(&key);
    const cocos__fields *f = &under;
    int is_ak = strcmp(prefix, "ak") == 0;
    const char *of = is_ak ? "of the attestation key" : "of the endorsement key";
    cocos__tpm_public k;
    uint8_t digest[32];

    if (area.len == 0)
        return COCOS_OK;
    int r = cocos__tpm_public_read(area, &k, err);
    if (r == COCOS_OK)
        r = cocos__digest(COCOS__SHA256, area.data, area.len, digest, err);
    if (r < 0)
        return r;
    cocos__fields_bytes(f, "digest", (cocos__span){digest, sizeof digest},
                        cocos__rows_printf(f->text, "SHA-256 of the public area %s%s", of,
                                           is_ak ? ", as vtpm.ak of a policy has it" : ""));
    f->put(f->user, "type",
           k.type == TPM_ALG_RSA
               ? cocos__rows_printf(f->text, "RSA, %u bits", k.key_bits)
               : cocos__rows_printf(f->text, "ECC, %s",
                                    k.curve == TPM_ECC_NIST_P256   ? "P-256"
                                    : k.curve == TPM_ECC_NIST_P384 ? "P-384"
                                                                   : "another curve"),
           k.scheme == TPM_ALG_NULL
               ? "names no scheme"
               : cocos__rows_printf(f->text, "signs by %s", scheme_name(k.scheme)));
    f->put(f->user, "attributes", cocos__rows_printf(f->text, "0x%" PRIx32, k.attributes),
           cocos__fields_flags(f, k.attributes, key_flags, COCOS__ARRAY_LEN(key_flags)));
    if (k.type == TPM_ALG_RSA) {
        cocos__fields_bytes(f, "modulus", k.n,
                            cocos__rows_printf(f->text, "%s; exponent %" PRIu32, of,
                                               k.exponent ? k.exponent : 65537));
        return COCOS_OK;
    }
    cocos__fields_bytes(f, "x", k.x, of);
    cocos__fields_bytes(f, "y", k.y, of);
    return COCOS_OK;
}

/* "0, 1, 7" */
static const char *mask_text(const cocos__fields *f, uint32_t mask)
{
    const char *text = "";

    for (unsigned i = 0; i < COCOS__PCRS; i++) {
        if (mask >> i & 1)
            text = cocos__rows_printf(f->text, "%s%s%u", text, text[0] ? ", " : "", i);
    }
    return text;
}

/* What every TPMS_ATTEST has; `as` says what its type makes of it. */
static void describe_attest(const cocos__fields *f, const char *as, const cocos__tpm_attest *a)
{
    f->put(f->user, "magic", cocos__rows_printf(f->text, "0x%" PRIx32, a->magic),
           a->magic == TPM_GENERATED_VALUE ? "made by a TPM" : "NOT of a TPM");
    f->put(f->user, "type", cocos__rows_printf(f->text, "0x%x", a->type), as);
    cocos__fields_bytes(f, "signer", a->signer, "qualified name of the key");
    cocos__fields_bytes(f, "nonce", a->extra, "what the asker put in");
    f->put(f->user, "clock", cocos__rows_printf(f->text, "%" PRIu64, a->clock),
           cocos__rows_printf(
               f->text, "milliseconds the TPM ran; %" PRIu32 " resets, %" PRIu32 " restarts; %s",
               a->resets, a->restarts, a->safe ? "never went back" : "may have gone back"));
    f->put(f->user, "firmware", cocos__rows_printf(f->text, "0x%" PRIx64, a->firmware),
           "version of the TPM's firmware");
}

static void describe_pcrs(const cocos__fields *f, const cocos__tpm_attest *a)
{
    f->put(f->user, "pcrs", a->mask ? mask_text(f, a->mask) : "none",
           cocos__rows_printf(f->text, "quoted PCRs, bank %s, of %" PRIu32 " selection(s)",
                              alg_name(a->bank_alg), a->selections));
    cocos__fields_bytes(f, "pcr_digest", a->pcr_digest, "digest of their values");
}

/* Values come beside the quote; only its digest ties them to it. */
static void describe_values(const cocos__fields *f, const cocos__vtpm_quote *q)
{
    const char *bank = q->bank == COCOS__BANK_NONE ? "unknown" : cocos__bank_name(q->bank);

    for (unsigned i = 0; i < COCOS__PCRS; i++) {
        if (q->mask >> i & 1)
            cocos__fields_bytes(f, cocos__rows_printf(f->text, "pcr.%s.%u", bank, i), q->pcr[i],
                                "value that came beside the quote");
    }
}

static void put_part(const cocos__fields *f, const char *name, cocos__span v)
{
    if (v.len)
        cocos__fields_bytes(f, name, v, "of the signature");
}

static int describe_signature(cocos__span signature, const cocos__fields *f, cocos_error **err)
{
    cocos__tpm_signature s;

    if (signature.len == 0)
        return COCOS_OK;
    int r = cocos__tpm_signature_read(signature, &s, err);
    if (r < 0)
        return r;
    f->put(f->user, "signature", scheme_name(s.scheme),
           cocos__rows_printf(f->text, "over all of it, with %s", alg_name(s.hash)));
    put_part(f, "signature.rsa", s.sig);
    put_part(f, "signature.r", s.r);
    put_part(f, "signature.s", s.s);
    return COCOS_OK;
}

static int describe_quote(const cocos__fields *f, const cocos__vtpm_quote *q, cocos_error **err)
{
    cocos__under inside = {f, "quote"};
    const cocos__fields g = cocos__fields_under(&inside);
    cocos__tpm_attest a;

    int r = cocos__tpm_attest_read(q->attest, &a, err);
    if (r < 0)
        return r;
    int is_quote = cocos__tpm_attests(&a, TPM_ST_ATTEST_QUOTE);
    describe_attest(&g, is_quote ? "a quote" : "NOT a quote", &a);
    if (is_quote)
        describe_pcrs(&g, &a);
    r = describe_signature(q->signature, &g, err);
    if (r == COCOS_OK)
        describe_values(f, q);
    return r;
}

int cocos__svsm_certified_describe(cocos__span data, const cocos__fields *f, cocos_error **err)
{
    cocos__under inside = {f, "attest"};
    const cocos__fields g = cocos__fields_under(&inside);
    cocos__svsm_certified c;
    cocos__tpm_attest a;
    cocos__span name;

    int r = cocos__svsm_certified_read(data, &c, err);
    if (r == COCOS_OK)
        r = cocos__tpm_key_describe(c.public, "ak", f, err);
    if (r < 0 || c.attest.len == 0)
        return r;
    r = cocos__tpm_attest_read(c.attest, &a, err);
    if (r < 0)
        return r;
    int certifies = cocos__tpm_attests(&a, TPM_ST_ATTEST_CERTIFY);
    describe_attest(&g, certifies ? "certifies a key" : "certifies NO key", &a);
    if (certifies) {
        r = cocos__tpm_certify_read(a.rest, &name, err);
        if (r < 0)
            return r;
        cocos__fields_bytes(&g, "name", name,
                            "of the certified key: algorithm, then digest of its public area");
    }
    return describe_signature(c.signature, &g, err);
}

static void size_of(const cocos__fields *f, const char *name, cocos__span v, const char *meaning)
{
    if (v.len)
        f->put(f->user, name, cocos__rows_printf(f->text, "%zu bytes", v.len), meaning);
}

int cocos__vtpm_describe(cocos__span evidence, const cocos__fields *f, cocos_error **err)
{
    cocos__vtpm_message m = {.n_quotes = 1, .quote[0] = {.attest = evidence}};

    if (!cocos__vtpm_message_recognise(evidence.data, evidence.len))
        return describe_quote(f, &m.quote[0], err);
    int r = cocos__vtpm_message_read(evidence, &m, err);
    if (r == COCOS_OK)
        r = cocos__tpm_key_describe(m.ak_pub, "ak", f, err);
    for (size_t i = 0; r == COCOS_OK && i < m.n_quotes; i++)
        r = describe_quote(f, &m.quote[i], err);
    if (r < 0)
        return r;
    if (m.ak_cert.len)
        r = cocos__certs_describe(f, "ak.certificate", m.ak_cert, err);
    for (size_t i = 0; r == COCOS_OK && i < m.n_intermediates; i++)
        r = cocos__certs_describe(f, "ak.intermediate", m.intermediate[i], err);
    size_of(f, "tee.snp", m.snp, "SNP attestation inside the message");
    size_of(f, "tee.tdx", m.tdx, "TDX quote inside the message");
    size_of(f, "svsm.manifest", m.svsm_manifest, "services manifest of an SVSM");
    return r < 0 || m.event_log.len == 0 ? r : cocos__log_describe(m.event_log, "pcr", f, err);
}
