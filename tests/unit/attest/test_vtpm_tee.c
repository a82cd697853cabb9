/* SPDX-License-Identifier: Apache-2.0 */
/* Attestation keys that a SEV-SNP report vouches for, in each of the ways in which one may. */
#include <cocos/verifier.h>

#include <string.h>

#include "snp_maker.h"
#include "suite.h"
#include "tpm_maker.h"

static snp_authority milan;
static EVP_PKEY *rsa;

static const uint8_t tee_nonce[64] = {7, 7, 7};

/* Digest of up to three runs of bytes. */
static void digest(const char *alg, const void *a, size_t n, const void *b, size_t m, uint8_t *out)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();

    PKI_NEED(ctx && EVP_DigestInit_ex2(ctx, EVP_get_digestbyname(alg), NULL) &&
             EVP_DigestUpdate(ctx, a, n) && EVP_DigestUpdate(ctx, b, m) &&
             EVP_DigestFinal_ex(ctx, out, NULL));
    EVP_MD_CTX_free(ctx);
}

static cocos_policy *policy_for(const tpm_plan *p, const char *binding)
{
    cocos_policy *policy = snp_policy(&milan);
    static const char *const any[] = {"vtpm.pcrs",       "snp.report_data",
                                      "coverage.kernel", "coverage.command_line",
                                      "coverage.initrd", "coverage.agent"};

    for (size_t i = 0; i < sizeof any / sizeof *any; i++)
        tpm_rule(policy, any[i], "any");
    tpm_rule(policy, "vtpm.ak_trust", "tee");
    tpm_rule(policy, "vtpm.binding", binding);
    PKI_NEED(cocos_policy_set_bytes(policy, "vtpm.tee_nonce", tee_nonce, 64, NULL) == COCOS_OK);
    PKI_NEED(cocos_policy_set_bytes(policy, "vtpm.nonce", p->nonce, p->nonce_len, NULL) ==
             COCOS_OK);
    return policy;
}

/* The code of the verdict; evidence ending at the test root must be called simulated. */
static const char *code_of(cocos_policy *policy, cocos_evidence *ev)
{
    static char code[80];
    cocos_verifier *verifier = NULL;
    cocos_verdict *verdict = NULL;
    cocos_error *err = NULL;

    assert_ok(cocos_verifier_new(policy, &verifier, &err), err);
    int r = cocos_verifier_verify(verifier, ev, SNP_NOW * 1000000000, COCOS_TIME_CHOSEN, &verdict,
                                  &err);
    ck_assert_ptr_nonnull(verdict);
    if (r == COCOS_OK)
        ck_assert_int_eq(cocos_verdict_simulated(verdict), 1);
    snprintf(code, sizeof code, "%s%s", r == COCOS_ERR_UNDECIDED ? "undecided " : "",
             cocos_verdict_reason(verdict));
    cocos_error_free(err);
    cocos_verdict_free(verdict);
    cocos_verifier_free(verifier);
    cocos_policy_free(policy);
    cocos_evidence_free(ev);
    return code;
}

static void add(cocos_evidence *ev, int part, const void *data, size_t len)
{
    PKI_NEED(cocos_evidence_add(ev, part, data, len, NULL) == COCOS_OK);
}

/* Certificates of the report's chip, as DER, in the order leaf, intermediate, root. */
typedef struct chip {
    EVP_PKEY *key;
    X509 *leaf;
} chip;

static chip chip_new(snp_plan *s)
{
    chip c = {pki_key_ec("P-384"), NULL};

    c.leaf = snp_leaf(s, c.key);
    snp_sign(c.key, s->report);
    return c;
}

static void chip_free(chip *c)
{
    X509_free(c->leaf);
    EVP_PKEY_free(c->key);
}

/* Quotes with the report beside them. */
static cocos_evidence *beside(const tpm_parts *t, snp_plan *s, int part, const cocos__buf *wrapped)
{
    cocos_evidence *ev = tpm_evidence(t);
    chip c = chip_new(s);

    if (part == COCOS_PART_TEE_REPORT)
        add(ev, part, s->report, sizeof s->report);
    else {
        memcpy(wrapped->data + 0x20, s->report, sizeof s->report);
        add(ev, part, wrapped->data, wrapped->len);
    }
    snp_add_cert(ev, c.leaf);
    snp_add_cert(ev, milan.ask);
    snp_add_cert(ev, milan.ark);
    chip_free(&c);
    return ev;
}

START_TEST(believes_a_key_that_the_report_hashes_with_its_nonce)
{
    tpm_plan p = tpm_plan_new(rsa);
    tpm_parts *t = tpm_make(&p);
    snp_plan s = snp_plan_new(&milan, 3);

    digest("SHA3-512", tee_nonce, 64, t->public.data, t->public.len, s.report + 0x50);
    ck_assert_str_eq(code_of(policy_for(&p, "legacy"), beside(t, &s, COCOS_PART_TEE_REPORT, NULL)),
                     "");
    ck_assert_str_eq(code_of(policy_for(&p, "claims"), beside(t, &s, COCOS_PART_TEE_REPORT, NULL)),
                     "undecided policy.missing");

    s = snp_plan_new(&milan, 3);
    digest("SHA512", tee_nonce, 64, t->public.data, t->public.len, s.report + 0x50);
    ck_assert_str_eq(code_of(policy_for(&p, "legacy"), beside(t, &s, COCOS_PART_TEE_REPORT, NULL)),
                     "vtpm.tee_binding");
    s = snp_plan_new(&milan, 3);
    digest("SHA3-512", tee_nonce, 63, t->public.data, t->public.len, s.report + 0x50);
    ck_assert_str_eq(code_of(policy_for(&p, "legacy"), beside(t, &s, COCOS_PART_TEE_REPORT, NULL)),
                     "vtpm.tee_binding");

    /* The report is judged like any other. */
    s = snp_plan_new(&milan, 3);
    digest("SHA3-512", tee_nonce, 64, t->public.data, t->public.len, s.report + 0x50);
    s.report[0x90] ^= 1;
    ck_assert_str_eq(code_of(policy_for(&p, "legacy"), beside(t, &s, COCOS_PART_TEE_REPORT, NULL)),
                     "snp.measurement");
    tpm_parts_free(t);
}
END_TEST

START_TEST(believes_a_key_that_the_claims_of_the_report_name)
{
    static const uint8_t head[] = {0xa1, 0x05, 0x58, 0x20}; /* {5: 32 bytes} */
    static const char tag[] = "cocos-claims/1";
    tpm_plan p = tpm_plan_new(rsa);
    snp_plan s = snp_plan_new(&milan, 3);
    uint8_t claims[36];
    char hex[73];

    for (int honest = 0; honest < 3; honest++) {
        tpm_parts *t = tpm_make(&p);
        memcpy(claims, head, 4);
        tpm_hash(1, t->public.data, t->public.len, claims + 4);
        claims[4] ^= honest == 0;
        digest("SHA512", tag, sizeof tag, claims, 36, s.report + 0x50);
        if (honest == 1)
            s.report[0x50] ^= 1;
        digest("SHA256", tag, sizeof tag, claims, 36, p.nonce);
        tpm_quote_again(&p, t);
        for (int i = 0; i < 36; i++)
            snprintf(hex + 2 * i, 3, "%02x", claims[i]);

        cocos_policy *plain = NULL;
        PKI_NEED(cocos_policy_new(&plain, NULL) == COCOS_OK);
        pki_bytes pem = pki_pem(&milan.ark, 1);
        PKI_NEED(cocos_policy_add_root(plain, pem.data, pem.len, NULL) == COCOS_OK);
        free(pem.data);
        static const char *const any[] = {
            "snp.products",      "snp.measurement", "snp.revocation",        "vtpm.pcrs",
            "coverage.firmware", "coverage.kernel", "coverage.command_line", "coverage.initrd",
            "coverage.agent"};
        for (size_t i = 0; i < sizeof any / sizeof *any; i++)
            tpm_rule(plain, any[i], "any");
        tpm_rule(plain, "claims", hex);
        tpm_rule(plain, "vtpm.ak_trust", "tee");
        ck_assert_str_eq(code_of(plain, beside(t, &s, COCOS_PART_TEE_REPORT, NULL)),
                         honest == 2   ? ""
                         : honest == 1 ? "snp.report_data"
                                       : "vtpm.tee_binding");
        tpm_parts_free(t);
    }
}
END_TEST

/* sevsnp.Attestation of a signed report, field by field, as the Go programs send it. */
static void embed(const snp_plan *s, const chip *c, cocos__buf *more)
{
    static const struct {
        uint16_t offset, size;
        uint8_t number, bytes;
    } f[] = {{0, 4, 1, 0},       {4, 4, 2, 0},      {8, 8, 3, 0},       {0x10, 16, 4, 1},
             {0x20, 16, 5, 1},   {0x30, 4, 6, 0},   {0x34, 4, 7, 0},    {0x38, 8, 8, 0},
             {0x40, 8, 9, 0},    {0x48, 4, 10, 0},  {0x50, 64, 11, 1},  {0x90, 48, 12, 1},
             {0xc0, 32, 13, 1},  {0xe0, 48, 14, 1}, {0x110, 48, 15, 1}, {0x140, 32, 16, 1},
             {0x160, 32, 17, 1}, {0x180, 8, 18, 0}, {0x1a0, 64, 19, 1}, {0x1e0, 8, 20, 0},
             {0x1e8, 1, 21, 0},  {0x1e9, 1, 22, 0}, {0x1ea, 1, 23, 0},  {0x1ec, 1, 24, 0},
             {0x1ed, 1, 25, 0},  {0x1ee, 1, 26, 0}, {0x1f0, 8, 27, 0},  {0x2a0, 512, 28, 1}};
    cocos__buf report, chain, all;
    X509 *const certs[] = {c->leaf, milan.ask, milan.ark};

    cocos__buf_init(&report, 1u << 16);
    cocos__buf_init(&chain, 1u << 16);
    cocos__buf_init(&all, 1u << 16);
    for (size_t i = 0; i < sizeof f / sizeof *f; i++) {
        uint64_t v = 0;
        for (int k = f[i].bytes ? 0 : f[i].size; k-- > 0;)
            v = v << 8 | s->report[f[i].offset + k];
        if (f[i].bytes)
            tpm_field(&report, f[i].number, s->report + f[i].offset, f[i].size);
        else if (v)
            tpm_number(&report, f[i].number, v);
    }
    tpm_number(&report, 29, 0x00a00f11); /* family 19h, model 01h, stepping 1 */
    for (unsigned i = 0; i < 3; i++) {
        pki_bytes der = pki_der(certs[i]);
        tpm_field(&chain, i + 1, der.data, der.len);
        free(der.data);
    }
    tpm_field(&all, 1, report.data, report.len);
    tpm_field(&all, 2, chain.data, chain.len);
    tpm_field(more, 8, all.data, all.len);
    cocos__buf_done(&report);
    cocos__buf_done(&chain);
    cocos__buf_done(&all);
}

START_TEST(judges_the_report_inside_a_message)
{
    tpm_plan p = tpm_plan_new(rsa);
    tpm_parts *t = tpm_make(&p);
    snp_plan s = snp_plan_new(&milan, 3);

    digest("SHA3-512", tee_nonce, 64, t->public.data, t->public.len, s.report + 0x50);
    chip c = chip_new(&s);
    embed(&s, &c, &t->more);
    ck_assert_str_eq(code_of(policy_for(&p, "legacy"), tpm_evidence(t)), "");

    cocos__buf_reset(&t->more);
    s.report[0x50] ^= 1; /* after it was signed */
    embed(&s, &c, &t->more);
    ck_assert_str_eq(code_of(policy_for(&p, "legacy"), tpm_evidence(t)), "snp.report_signature");
    chip_free(&c);
    tpm_parts_free(t);
}
END_TEST

static char *base64url(const uint8_t *data, size_t len)
{
    char *text = malloc(4 * len / 3 + 8);

    PKI_NEED(text);
    EVP_EncodeBlock((uint8_t *)text, data, (int)len);
    for (char *c = text; *c; c++)
        *c = (char)(*c == '+' ? '-' : *c == '/' ? '_' : *c == '=' ? '\0' : *c);
    return text;
}

/* What NV index 0x01400001 of an Azure machine holds, with the key of the plan. */
static void paravisor(EVP_PKEY *key, const char *kid, cocos__buf *b)
{
    uint8_t n[256];
    char claims[1024];
    BIGNUM *bn = NULL;
    static const uint8_t zeros[0x4a0];

    PKI_NEED(EVP_PKEY_get_bn_param(key, "n", &bn) && BN_bn2binpad(bn, n, 256) == 256);
    char *text = base64url(n, 256);
    snprintf(claims, sizeof claims,
             "{\"keys\":[{\"kid\":\"%s\",\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\"%s\"},"
             "{\"kid\":\"HCLEkPub\",\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\"AQAB\"}]}",
             kid, text);
    free(text);
    BN_free(bn);
    cocos__buf_add(b, "HCLA", 4);
    cocos__buf_add(b, zeros, 0x1c);
    cocos__buf_add(b, zeros, 0x4a0);
    cocos__buf_add_u32le(b, (uint32_t)strlen(claims) + 0x14);
    cocos__buf_add_u32le(b, 1);
    cocos__buf_add_u32le(b, 2);
    cocos__buf_add_u32le(b, 1);
    cocos__buf_add_u32le(b, (uint32_t)strlen(claims));
    cocos__buf_add(b, claims, strlen(claims));
}

static const char *azure(EVP_PKEY *named, const char *kid, int spoil)
{
    tpm_plan p = tpm_plan_new(rsa);
    tpm_parts *t = tpm_make(&p);
    snp_plan s = snp_plan_new(&milan, 3);
    cocos__buf b;

    cocos__buf_init(&b, 1u << 16);
    paravisor(named, kid, &b);
    memset(s.report + 0x50, 0, 64);
    tpm_hash(1, b.data + 0x4d4, b.len - 0x4d4, s.report + 0x50);
    if (spoil)
        b.data[b.len - 1 - (size_t)spoil] ^= 1;
    const char *code = code_of(policy_for(&p, "azure"), beside(t, &s, COCOS_PART_HCL_REPORT, &b));
    cocos__buf_done(&b);
    tpm_parts_free(t);
    return code;
}

START_TEST(believes_a_key_that_the_paravisor_names)
{
    EVP_PKEY *other = pki_key_rsa(2048);

    ck_assert_str_eq(azure(rsa, "HCLAkPub", 0), "");
    ck_assert_str_eq(azure(other, "HCLAkPub", 0), "vtpm.tee_binding");
    ck_assert_str_eq(azure(rsa, "HCLOther", 0), "vtpm.tee_binding");
    ck_assert_str_eq(azure(rsa, "HCLAkPub", 30), "vtpm.tee_binding");
    EVP_PKEY_free(other);
}
END_TEST

START_TEST(cannot_tell_about_a_report_that_nobody_judges)
{
    tpm_plan p = tpm_plan_new(rsa);
    tpm_parts *t = tpm_make(&p);
    uint8_t slot[64];
    cocos__buf body, quote;

    digest("SHA3-512", tee_nonce, 64, t->public.data, t->public.len, slot);
    cocos__buf_init(&body, 4096);
    cocos__buf_init(&quote, 4096);
    tpm_field(&body, 12, slot, 64);
    tpm_field(&quote, 2, body.data, body.len);
    tpm_field(&t->more, 9, quote.data, quote.len);
    cocos_policy *policy = policy_for(&p, "legacy");
    tpm_rule(policy, "coverage.firmware", "any");
    ck_assert_str_eq(code_of(policy, tpm_evidence(t)), "undecided vtpm.tee_unverified");
    cocos__buf_done(&body);
    cocos__buf_done(&quote);
    tpm_parts_free(t);
}
END_TEST

int main(void)
{
    milan = snp_authority_new("Milan");
    rsa = pki_key_rsa(2048);
    const TTest *const tests[] = {believes_a_key_that_the_report_hashes_with_its_nonce,
                                  believes_a_key_that_the_claims_of_the_report_name,
                                  judges_the_report_inside_a_message,
                                  believes_a_key_that_the_paravisor_names,
                                  cannot_tell_about_a_report_that_nobody_judges,
                                  NULL};
    int r = run_suite("vtpm_tee", tests, 60);
    snp_authority_free(&milan);
    EVP_PKEY_free(rsa);
    return r;
}
