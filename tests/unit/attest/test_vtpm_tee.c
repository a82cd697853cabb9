/* SPDX-License-Identifier: Apache-2.0 */
/* Attestation keys that a SEV-SNP report vouches for, in each of the ways in which one may. */
#include <cocos/verifier.h>

#include <string.h>

#include "envelope_maker.h"
#include "judged.h"
#include "shown.h"
#include "snp_maker.h"
#include "suite.h"
#include "tdx_message.h"
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
    int simulated = 0;
    const char *code = verdict_code(policy, ev, SNP_NOW, &simulated);

    if (code[0] == '\0')
        ck_assert_int_eq(simulated, 1);
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
static void embed_fields(const snp_plan *s, const chip *c, cocos__buf *all)
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
    cocos__buf report, chain;
    X509 *const certs[] = {c->leaf, milan.ask, milan.ark};

    cocos__buf_init(&report, 1u << 16);
    cocos__buf_init(&chain, 1u << 16);
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
    tpm_field(all, 1, report.data, report.len);
    tpm_field(all, 2, chain.data, chain.len);
    cocos__buf_done(&report);
    cocos__buf_done(&chain);
}

static void embed(const snp_plan *s, const chip *c, cocos__buf *more)
{
    cocos__buf all;

    cocos__buf_init(&all, 1u << 16);
    embed_fields(s, c, &all);
    tpm_field(more, 8, all.data, all.len);
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

/* Quotes of a message that holds a TDX quote of this plan, with its collateral beside it. `flip` 1:
 * it names another key; 2: without collateral; 3: that too, and an SNP report names the right one.
 */
static const char *with_quote(tpm_plan *p, tdx_plan *plan, const tdx_authority *ca, int flip)
{
    snp_plan s = snp_plan_new(&milan, 3);
    static const char *const any[] = {
        "vtpm.pcrs",       "tdx.report_data",       "coverage.agent",
        "coverage.kernel", "coverage.command_line", "coverage.initrd"};
    tpm_parts *t = tpm_make(p);
    cocos_policy *policy = tdx_policy(ca);

    digest("SHA3-512", tee_nonce, 64, t->public.data, t->public.len, plan->body + 0x208);
    plan->body[0x208] ^= flip & 1;
    pki_bytes quote = tdx_quote(plan);
    cocos__buf inside = tdx_message(&quote);
    tpm_field(&t->more, 9, inside.data, inside.len);
    cocos_evidence *ev = tpm_evidence(t);
    if (flip == 3) {
        digest("SHA3-512", tee_nonce, 64, t->public.data, t->public.len, s.report + 0x50);
        chip c = chip_new(&s);
        embed(&s, &c, &t->more);
        chip_free(&c);
        cocos_evidence_free(ev);
        ev = tpm_evidence(t);
    }
    if (flip != 2) {
        tdx_add_collateral(ev, plan);
        tdx_add_crls(ev, plan);
    }
    for (size_t i = 0; i < sizeof any / sizeof *any; i++)
        tpm_rule(policy, any[i], "any");
    tpm_rule(policy, "vtpm.ak_trust", "tee");
    tpm_rule(policy, "vtpm.binding", "legacy");
    PKI_NEED(!cocos_policy_set_bytes(policy, "vtpm.tee_nonce", tee_nonce, 64, NULL));
    PKI_NEED(!cocos_policy_set_bytes(policy, "vtpm.nonce", p->nonce, p->nonce_len, NULL));
    cocos__buf_done(&inside);
    free(quote.data);
    tpm_parts_free(t);
    return code_of(policy, ev);
}

START_TEST(judges_the_quote_inside_a_message)
{
    tdx_authority ca = tdx_authority_new();
    tpm_plan p = tpm_plan_new(rsa);
    tdx_plan q = tdx_plan_new(&ca);

    q.version = 4;
    q.body_type = 2;
    tdx_plan good = q;
    ck_assert_str_eq(with_quote(&p, &good, &ca, 0), "");
    tdx_plan other = q;
    ck_assert_str_eq(with_quote(&p, &other, &ca, 1), "vtpm.tee_binding");
    tdx_plan bare = q;
    ck_assert_str_eq(with_quote(&p, &bare, &ca, 2), "undecided tdx.collateral_missing");
    /* A message holds one of the two. */
    tdx_plan both = q;
    ck_assert_str_eq(with_quote(&p, &both, &ca, 3), "undecided vtpm.format");
    tdx_plan wrong = q;
    wrong.body[0x88] ^= 1; /* MRTD */
    ck_assert_str_eq(with_quote(&p, &wrong, &ca, 0), "tdx.mrtd");
    tdx_plan forged = q;
    forged.flip_body = 0xb8;
    ck_assert_str_eq(with_quote(&p, &forged, &ca, 0), "tdx.quote_signature");
    tdx_authority_free(&ca);
}
END_TEST

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

/* ---- an SVSM at VMPL 0 and its virtual TPM ---- */

/* One boot of a guest under an SVSM: what is changed before svsm_judge() is judged. */
typedef struct svsm {
    tpm_plan plan; /* of the attestation key */
    tpm_plan ek;
    tpm_parts *quotes;
    snp_plan snp;
    cocos__buf manifest;
    cocos__buf attest;    /* TPM2_Certify */
    cocos__buf signature; /* over it */
    cocos__buf public;    /* that was certified */
    uint8_t nonce[64];
    int without_manifest, without_certified, wrapped;
} svsm;

static EVP_PKEY *ek_key;

static void put_manifest(svsm *v)
{
    cocos__buf_reset(&v->manifest);
    tpm_make_public(&v->ek, &v->manifest);
}

/* The manifest of all services: some other one, then the TPM. */
static void put_all_services(svsm *v)
{
    static const uint8_t all[16] = {0xbb, 0x9e, 0x84, 0x63, 0x92, 0x3d, 0x70, 0x46,
                                    0xa1, 0xff, 0x58, 0xf9, 0xc9, 0x4b, 0x87, 0xbb};
    static const uint8_t tpm[16] = {0xeb, 0xf1, 0x76, 0xc4, 0x23, 0x01, 0xa5, 0x45,
                                    0x96, 0x41, 0xb4, 0xe7, 0xdd, 0xe5, 0xbf, 0xe3};
    static const uint8_t other[16] = {1, 2, 3};
    cocos__buf ek;
    uint32_t table = 16 + 8 + 2 * 24;

    cocos__buf_init(&ek, 4096);
    tpm_make_public(&v->ek, &ek);
    cocos__buf_reset(&v->manifest);
    cocos__buf_add(&v->manifest, all, 16);
    cocos__buf_add_u32le(&v->manifest, (uint32_t)(table + 5 + ek.len));
    cocos__buf_add_u32le(&v->manifest, 2);
    cocos__buf_add(&v->manifest, other, 16);
    cocos__buf_add_u32le(&v->manifest, table);
    cocos__buf_add_u32le(&v->manifest, 5);
    cocos__buf_add(&v->manifest, tpm, 16);
    cocos__buf_add_u32le(&v->manifest, table + 5);
    cocos__buf_add_u32le(&v->manifest, (uint32_t)ek.len);
    cocos__buf_add(&v->manifest, "other", 5);
    cocos__buf_add(&v->manifest, ek.data, ek.len);
    cocos__buf_done(&ek);
}

/* What TPM2_Certify gives for the attestation key, signed by the endorsement key. */
static void certify(svsm *v, uint16_t type, uint32_t magic)
{
    uint8_t name[34] = {0x00, 0x0b};

    tpm_hash(1, v->public.data, v->public.len, name + 2);
    cocos__buf_reset(&v->attest);
    cocos__buf_add_u32be(&v->attest, magic);
    cocos__buf_add_u16be(&v->attest, type);
    tpm_sized(&v->attest, "\0\x0bname of the ek", 16);
    tpm_sized(&v->attest, NULL, 0);
    cocos__buf_add(&v->attest, "\0\0\0\0\0\0\0\1\0\0\0\1\0\0\0\1\1\0\0\0\0\0\0\0\1", 25);
    tpm_sized(&v->attest, name, sizeof name);
    tpm_sized(&v->attest, "\0\x0bqualified", 11);
    tpm_sign(&v->ek, &v->attest, &v->signature);
}

/* The report's data: nonce, then manifest. */
static void bind(svsm *v)
{
    digest("SHA512", v->nonce, 64, v->manifest.data, v->manifest.len, v->snp.report + 0x50);
}

static svsm svsm_new(void)
{
    svsm v = {
        .plan = tpm_plan_new(rsa), .ek = tpm_plan_new(ek_key), .snp = snp_plan_new(&milan, 3)};

    v.quotes = tpm_make(&v.plan);
    memset(v.nonce, 0x5a, 64);
    cocos__buf_init(&v.manifest, 1u << 16);
    cocos__buf_init(&v.attest, 4096);
    cocos__buf_init(&v.signature, 4096);
    cocos__buf_init(&v.public, 4096);
    cocos__buf_add(&v.public, v.quotes->public.data, v.quotes->public.len);
    put_manifest(&v);
    certify(&v, 0x8017, 0xff544347);
    bind(&v);
    return v;
}

static void certified_blob(const svsm *v, cocos__buf *b)
{
    tpm_field(b, 1, v->public.data, v->public.len);
    tpm_field(b, 2, v->attest.data, v->attest.len);
    tpm_field(b, 3, v->signature.data, v->signature.len);
}

/* attest.SevSnpSvsmAttestation of the quotes, with the report inside. */
static cocos_evidence *svsm_message(const svsm *v, const chip *c)
{
    cocos_evidence *ev = NULL;
    cocos__buf inner, snp, all;

    cocos__buf_init(&inner, 1u << 20);
    cocos__buf_init(&snp, 1u << 20);
    cocos__buf_init(&all, 1u << 20);
    tpm_message(v->quotes, &inner);
    embed_fields(&v->snp, c, &snp);
    tpm_field(&all, 1, inner.data, inner.len);
    tpm_field(&all, 2, snp.data, snp.len);
    tpm_field(&all, 3, v->manifest.data, v->manifest.len);
    tpm_field(&all, 4, "0", 1);
    PKI_NEED(cocos_evidence_new(0, all.data, all.len, &ev, NULL) == COCOS_OK);
    PKI_NEED(cocos_evidence_kind(ev) == COCOS_EVIDENCE_VTPM);
    cocos__buf_done(&inner);
    cocos__buf_done(&snp);
    cocos__buf_done(&all);
    return ev;
}

static cocos_evidence *svsm_evidence(svsm *v)
{
    chip c = chip_new(&v->snp);
    cocos_evidence *ev = v->wrapped ? svsm_message(v, &c) : tpm_evidence(v->quotes);
    cocos__buf blob;

    if (!v->wrapped) {
        add(ev, COCOS_PART_TEE_REPORT, v->snp.report, sizeof v->snp.report);
        snp_add_cert(ev, c.leaf);
        snp_add_cert(ev, milan.ask);
        snp_add_cert(ev, milan.ark);
        if (!v->without_manifest)
            add(ev, COCOS_PART_SVSM_MANIFEST, v->manifest.data, v->manifest.len);
    }
    cocos__buf_init(&blob, 1u << 16);
    certified_blob(v, &blob);
    if (!v->without_certified)
        add(ev, COCOS_PART_AK_CERTIFIED, blob.data, blob.len);
    cocos__buf_done(&blob);
    chip_free(&c);
    return ev;
}

static cocos_policy *svsm_policy(const svsm *v)
{
    cocos_policy *policy = policy_for(&v->plan, "claims");

    tpm_rule(policy, "vtpm.ak_trust", "svsm");
    PKI_NEED(cocos_policy_set_bytes(policy, "snp.report_data", v->nonce, 64, NULL) == COCOS_OK);
    return policy;
}

static void svsm_free(svsm *v)
{
    tpm_parts_free(v->quotes);
    cocos__buf_done(&v->manifest);
    cocos__buf_done(&v->attest);
    cocos__buf_done(&v->signature);
    cocos__buf_done(&v->public);
}

static void svsm_judge(svsm *v, const char *rule, const char *value, const char *code)
{
    cocos_policy *policy = svsm_policy(v);

    if (rule)
        tpm_rule(policy, rule, value);
    ck_assert_str_eq(code_of(policy, svsm_evidence(v)), code);
    svsm_free(v);
}

START_TEST(believes_a_key_of_the_virtual_tpm_of_an_svsm)
{
    svsm v = svsm_new();
    svsm_judge(&v, NULL, NULL, "");

    v = svsm_new();
    put_all_services(&v);
    bind(&v);
    svsm_judge(&v, NULL, NULL, "");

    v = svsm_new();
    v.wrapped = 1;
    svsm_judge(&v, NULL, NULL, "");

    /* The quotes are signed by the key of the manifest itself. */
    v = svsm_new();
    cocos__buf_reset(&v.manifest);
    cocos__buf_add(&v.manifest, v.public.data, v.public.len);
    bind(&v);
    v.without_certified = 1;
    svsm_judge(&v, NULL, NULL, "");

    /* The caller had the TPM activate a credential, and lists the key. */
    v = svsm_new();
    v.without_certified = 1;
    svsm_judge(&v, "vtpm.ak", tpm_digest_text(v.public.data, v.public.len), "");
}
END_TEST

START_TEST(wants_every_link_from_the_svsm_to_the_key)
{
    svsm v = svsm_new();
    v.snp.report[0x30] = 2;
    svsm_judge(&v, "snp.vmpl", "2", "vtpm.svsm_vmpl");
    v = svsm_new();
    v.without_manifest = 1;
    svsm_judge(&v, "snp.report_data", "any", "vtpm.svsm_missing");
    v = svsm_new();
    svsm_judge(&v, "snp.report_data", "any", "undecided policy.missing");
    v = svsm_new(); /* the nonce alone, as a guest without an SVSM puts it in */
    memcpy(v.snp.report + 0x50, v.nonce, 64);
    svsm_judge(&v, NULL, NULL, "snp.report_data");
    v = svsm_new(); /* a manifest that the report does not vouch for */
    v.manifest.data[v.manifest.len - 1] ^= 1;
    svsm_judge(&v, NULL, NULL, "snp.report_data");

    v = svsm_new();
    v.without_certified = 1;
    svsm_judge(&v, NULL, NULL, "vtpm.svsm_endorsement");
    v = svsm_new();
    v.without_certified = 1;
    svsm_judge(&v, "vtpm.ak", tpm_digest_text("another key", 11), "vtpm.svsm_endorsement");
    v = svsm_new(); /* signed by another key than the manifest's */
    v.ek.key = rsa;
    v.ek.rsa = 1;
    tpm_sign(&v.ek, &v.attest, &v.signature);
    svsm_judge(&v, NULL, NULL, "vtpm.svsm_endorsement");
    v = svsm_new();
    certify(&v, 0x8018, 0xff544347);
    svsm_judge(&v, NULL, NULL, "vtpm.svsm_endorsement");
    v = svsm_new();
    certify(&v, 0x8017, 0xff544348);
    svsm_judge(&v, NULL, NULL, "vtpm.svsm_endorsement");
    v = svsm_new(); /* of another key */
    v.public.data[v.public.len - 1] ^= 1;
    certify(&v, 0x8017, 0xff544347);
    svsm_judge(&v, NULL, NULL, "vtpm.svsm_endorsement");
    v = svsm_new(); /* of another key, passed off as this one */
    v.public.data[v.public.len - 1] ^= 1;
    certify(&v, 0x8017, 0xff544347);
    v.public.data[v.public.len - 1] ^= 1;
    svsm_judge(&v, NULL, NULL, "vtpm.svsm_endorsement");
}
END_TEST

/* A key that signs or decrypts whatever it is given proves nothing by its signature. */
START_TEST(believes_no_endorsement_key_that_signs_anything)
{
    static const uint32_t wrong[] = {0x10000, 0x2, 0x10, 0x20};

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        svsm v = svsm_new();
        v.ek.attributes ^= wrong[i];
        put_manifest(&v);
        bind(&v);
        svsm_judge(&v, NULL, NULL, "vtpm.svsm_endorsement");
    }
    svsm v = svsm_new(); /* as the TCG's template has it: it decrypts */
    v.ek.attributes = 0x000300b2;
    put_manifest(&v);
    bind(&v);
    svsm_judge(&v, NULL, NULL, "vtpm.svsm_endorsement");
}
END_TEST

START_TEST(refuses_manifests_that_are_none)
{
    static const struct {
        size_t at;
        uint8_t value;
    } wrong[] = {
        {16, 0xff},           /* another size */
        {20, 1},              /* the TPM is not in it */
        {20, 3},              /* its table is cut */
        {20, 65},             /* too many services */
        {24 + 24 + 16, 0},    /* a TPM inside the table */
        {24 + 24 + 17, 0xff}, /* outside */
        {24 + 24 + 21, 0xff}, /* longer than what there is */
        {24 + 24, 0},         /* another service */
    };

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        svsm v = svsm_new();
        put_all_services(&v);
        v.manifest.data[wrong[i].at] = wrong[i].value;
        bind(&v);
        svsm_judge(&v, NULL, NULL, "vtpm.svsm_format");
    }
    svsm v = svsm_new(); /* two TPMs */
    put_all_services(&v);
    memcpy(v.manifest.data + 24, v.manifest.data + 48, 16);
    bind(&v);
    svsm_judge(&v, NULL, NULL, "vtpm.svsm_format");
    v = svsm_new(); /* no key */
    v.manifest.len--;
    bind(&v);
    svsm_judge(&v, NULL, NULL, "vtpm.svsm_endorsement");
}
END_TEST

/* Every byte of manifest and certification counts. */
START_TEST(refuses_each_changed_byte_of_manifest_and_certification)
{
    svsm v = svsm_new();
    put_all_services(&v);
    bind(&v);
    cocos__buf *const all[] = {&v.manifest, &v.attest, &v.signature, &v.public};

    for (size_t k = 0; k < sizeof all / sizeof *all; k++) {
        for (size_t i = 0; i < all[k]->len; i++) {
            all[k]->data[i] ^= 0x10;
            const char *code = code_of(svsm_policy(&v), svsm_evidence(&v));
            ck_assert_msg(code[0] != '\0', "byte %zu of %zu does not count", i, k);
            all[k]->data[i] ^= 0x10;
        }
    }
    svsm_judge(&v, NULL, NULL, "");
}
END_TEST

/* cocos-v1 section 1: with an SVSM the hash of the claims is its nonce. */
START_TEST(takes_the_hash_of_the_claims_as_the_nonce_of_an_svsm)
{
    static const uint8_t head[] = {0xa1, 0x05, 0x58, 0x20}; /* {5: 32 bytes} */
    static const char tag[] = "cocos-claims/1";
    static const char *const trust[] = {"svsm", "tee"};
    static const char *const any[] = {
        "snp.products",      "snp.measurement", "snp.revocation",
        "vtpm.pcrs",         "coverage.kernel", "coverage.initrd",
        "coverage.firmware", "coverage.agent",  "coverage.command_line"};

    for (int k = 0; k < 6; k++) {
        svsm v = svsm_new();
        uint8_t claims[36];
        char hex[73];
        cocos_policy *policy = NULL;
        memcpy(claims, head, 4);
        tpm_hash(1, v.public.data, v.public.len, claims + 4);
        claims[4] ^= k / 2 == 1; /* they name another key */
        digest("SHA512", tag, sizeof tag, claims, 36, v.nonce);
        digest("SHA256", tag, sizeof tag, claims, 36, v.plan.nonce);
        tpm_quote_again(&v.plan, v.quotes);
        v.nonce[0] ^= k / 2 == 2; /* the SVSM had another nonce */
        bind(&v);
        for (int i = 0; i < 36; i++)
            snprintf(hex + 2 * i, 3, "%02x", claims[i]);

        PKI_NEED(cocos_policy_new(&policy, NULL) == COCOS_OK);
        pki_bytes pem = pki_pem(&milan.ark, 1);
        PKI_NEED(cocos_policy_add_root(policy, pem.data, pem.len, NULL) == COCOS_OK);
        free(pem.data);
        for (size_t i = 0; i < sizeof any / sizeof *any; i++)
            tpm_rule(policy, any[i], "any");
        tpm_rule(policy, "claims", hex);
        tpm_rule(policy, "vtpm.ak_trust", trust[k % 2]);
        ck_assert_str_eq(code_of(policy, svsm_evidence(&v)), k / 2 == 0   ? ""
                                                             : k / 2 == 1 ? "vtpm.tee_binding"
                                                                          : "snp.report_data");
        svsm_free(&v);
    }
}
END_TEST

/* The row that says who chose the key, of a verdict over this evidence. */
static void shows_form(cocos_policy *policy, cocos_evidence *ev, const char *want)
{
    cocos_verifier *verifier = NULL;
    cocos_verdict *verdict = NULL;
    const char *found = "";

    assert_ok(cocos_verifier_new(policy, &verifier, NULL), NULL);
    (void)!cocos_verifier_verify(verifier, ev, SNP_NOW * 1000000000, COCOS_TIME_CHOSEN, &verdict,
                                 NULL);
    for (size_t i = 0; i < cocos_verdict_row_count(verdict); i++) {
        if (strcmp(cocos_verdict_row_text(verdict, i, COCOS_ROW_NAME), "vtpm.tee.form") == 0)
            found = cocos_verdict_row_text(verdict, i, COCOS_ROW_FOUND);
    }
    ck_assert_msg(strstr(found, want) != NULL, "\"%s\" is not in \"%s\"", want, found);
    cocos_verdict_free(verdict);
    cocos_verifier_free(verifier);
    cocos_policy_free(policy);
    cocos_evidence_free(ev);
}

START_TEST(says_who_chose_the_key)
{
    svsm v = svsm_new();
    shows_form(svsm_policy(&v), svsm_evidence(&v), "VMPL 0 with the services manifest of an SVSM");
    v.snp.report[0x30] = 2;
    cocos_policy *policy = policy_for(&v.plan, "legacy");
    tpm_rule(policy, "snp.vmpl", "2");
    shows_form(policy, svsm_evidence(&v), "VMPL 2: software of the guest can have chosen the key");
    v.snp.report[0x30] = 0;
    shows_form(policy_for(&v.plan, "legacy"), svsm_evidence(&v), "weaker than an SVSM's word");
    svsm_free(&v);
}
END_TEST

/* A report alone, of a machine with an SVSM. */
START_TEST(takes_the_nonce_of_an_svsm_in_a_bare_report_too)
{
    for (int k = 0; k < 3; k++) {
        svsm v = svsm_new();
        cocos_evidence *ev = NULL;
        v.manifest.data[0] ^= k == 1;
        chip c = chip_new(&v.snp);
        PKI_NEED(cocos_evidence_new(COCOS_EVIDENCE_SNP, v.snp.report, sizeof v.snp.report, &ev,
                                    NULL) == COCOS_OK);
        snp_add_cert(ev, c.leaf);
        snp_add_cert(ev, milan.ask);
        if (k < 2)
            add(ev, COCOS_PART_SVSM_MANIFEST, v.manifest.data, v.manifest.len);
        ck_assert_str_eq(code_of(svsm_policy(&v), ev), k ? "snp.report_data" : "");
        chip_free(&c);
        svsm_free(&v);
    }
}
END_TEST

/* ---- decoded for a person ---- */

static void shows(cocos_evidence *ev, const char *const *parts, size_t n)
{
    char *text = NULL;

    assert_ok(cocos_evidence_to_table(ev, &text, NULL), NULL);
    holds(text, parts, n);
    cocos_evidence_free(ev);
}

static cocos_evidence *paravisor_alone(const cocos__buf *b)
{
    cocos_evidence *ev = NULL;

    PKI_NEED(cocos_evidence_new(0, b->data, b->len, &ev, NULL) == COCOS_OK);
    ck_assert_int_eq(cocos_evidence_kind(ev), COCOS_EVIDENCE_PART);
    return ev;
}

START_TEST(shows_what_a_paravisor_holds)
{
    snp_plan s = snp_plan_new(&milan, 3);
    cocos_error *err = NULL;
    char *text = NULL;
    cocos__buf b;

    cocos__buf_init(&b, 1u << 16);
    paravisor(rsa, "HCLAkPub", &b);
    uint8_t *type = b.data + 0x20 + 0x4a0 + 8;
    memcpy(b.data + 0x20, s.report, sizeof s.report);
    shows(paravisor_alone(&b),
          TEXTS("hcl.type                 SNP\n", "\"kid\":\"HCLAkPub\"", "vmpl", "measurement"));
    *type = 4;
    shows(paravisor_alone(&b),
          TEXTS("hcl.type                 TDX\n", "\"kid\":\"HCLAkPub\"", "hcl.report"));
    *type = 3; /* of neither kind */
    cocos_evidence *ev = paravisor_alone(&b);
    assert_fails(cocos_evidence_to_table(ev, &text, &err), COCOS_ERR_MALFORMED, "vtpm.hcl_format",
                 err);
    cocos_evidence_free(ev);
    cocos__buf_done(&b);
}
END_TEST

/* An envelope with a TPM under an SVSM. */
static cocos_evidence *svsm_envelope(const svsm *v)
{
    static const uint8_t instance[16] = {7};
    const cocos__claims claims = {.purpose = COCOS__PURPOSE_STATEMENT, .instance_id = instance};
    cocos__buf blob, quotes;

    cocos__buf_init(&blob, 1u << 16);
    cocos__buf_init(&quotes, 1u << 20);
    certified_blob(v, &blob);
    tpm_message(v->quotes, &quotes);
    const cocos__envelope_part parts[] = {
        {COCOS__MEDIA_TPM_QUOTES, {quotes.data, quotes.len}},
        {COCOS__MEDIA_SVSM_MANIFEST, {v->manifest.data, v->manifest.len}},
        {COCOS__MEDIA_AK_CERTIFIED, {blob.data, blob.len}},
    };
    cocos_evidence *ev = envelope_of(&claims, parts, 3);
    cocos__buf_done(&blob);
    cocos__buf_done(&quotes);
    return ev;
}

START_TEST(shows_the_keys_of_an_svsm)
{
    svsm v = svsm_new();
    chip c = chip_new(&v.snp);

    shows(svsm_envelope(&v),
          TEXTS("svsm.ek.type             ECC, P-256\n", "certified.ak.type        RSA, 2048",
                "certifies a key", "certified.attest.name    000b",
                "certified.attest.signature ECDSA\n"));
    shows(svsm_message(&v, &c), TEXTS("svsm.ek.type", "tee.snp.measurement"));

    /* What cannot be read hides nothing else. */
    v.manifest.data[0] ^= 0xff;
    v.signature.data[0] ^= 0xff;
    shows(svsm_envelope(&v), TEXTS("svsm                     unreadable\n", "certified.attest.name",
                                   "certified                unreadable\n"));
    put_manifest(&v);
    certify(&v, 0x8018, 0xff544347);
    shows(svsm_envelope(&v), TEXTS("svsm.ek.type", "certified                unreadable\n"));
    certify(&v, 0x8017, 0xff544346);
    shows(svsm_envelope(&v), TEXTS("certified.attest.magic   0xff544346\n", "certifies NO key"));
    chip_free(&c);
    svsm_free(&v);
}
END_TEST

int main(void)
{
    ek_key = pki_key_ec("P-256");
    milan = snp_authority_new("Milan");
    rsa = pki_key_rsa(2048);
    const TTest *const tests[] = {believes_a_key_that_the_report_hashes_with_its_nonce,
                                  believes_a_key_that_the_claims_of_the_report_name,
                                  judges_the_report_inside_a_message,
                                  judges_the_quote_inside_a_message,
                                  believes_a_key_that_the_paravisor_names,
                                  cannot_tell_about_a_report_that_nobody_judges,
                                  believes_a_key_of_the_virtual_tpm_of_an_svsm,
                                  wants_every_link_from_the_svsm_to_the_key,
                                  believes_no_endorsement_key_that_signs_anything,
                                  refuses_manifests_that_are_none,
                                  refuses_each_changed_byte_of_manifest_and_certification,
                                  takes_the_hash_of_the_claims_as_the_nonce_of_an_svsm,
                                  says_who_chose_the_key,
                                  takes_the_nonce_of_an_svsm_in_a_bare_report_too,
                                  shows_what_a_paravisor_holds,
                                  shows_the_keys_of_an_svsm,
                                  NULL};
    int r = run_suite("vtpm_tee", tests, 60);
    snp_authority_free(&milan);
    EVP_PKEY_free(rsa);
    EVP_PKEY_free(ek_key);
    return r;
}
