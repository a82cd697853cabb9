/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_TESTS_CASES_H
#define COCOS_TESTS_CASES_H

/*
 * Whole cases for tests: a computation, its approvals, an SEV-SNP report of a test hierarchy that
 * vouches for the statement's key, statement and closure; and an authority that stamps the time.
 */

#include <openssl/ts.h>

#include "attest/envelope.h"
#include "manifest/casefile.h"
#include "snp_maker.h"
#include "statements.h"

#define CASE_SECONDS SNP_NOW /* when the guest says that the run ended */

/* What a test changes; what it does not change is correct. */
typedef struct case_plan {
    snp_authority *amd;
    struct parties *p;
    cocos_key *key;         /* of the statement */
    cocos_key *closure_key; /* NULL: the same */
    cocos__stating says;
    cocos__used assets[2];
    cocos__claims claims;
    int without_closure;
    cocos__wiped wiped[2];
    size_t n_wiped;
    int scratch_not_erased;
    int approvals;      /* how many of the three parties approve */
    int hide_approval;  /* the case does not hold what the statement names */
    int forget_name;    /* the statement does not name what the case holds */
    const char *option; /* of every approval; NULL: none */
    const char *value;
} case_plan;

static inline case_plan case_plan_new(snp_authority *amd, struct parties *p, cocos_key *key)
{
    case_plan c = {.amd = amd, .p = p, .key = key, .n_wiped = 2, .approvals = 3};

    c.says = a_statement(p->manifest, c.assets);
    c.says.start.wall_s = CASE_SECONDS - 4;
    c.says.end.wall_s = CASE_SECONDS;
    c.claims = (cocos__claims){.purpose = COCOS__PURPOSE_STATEMENT,
                               .statement_key = cocos_key_thumbprint(key),
                               .instance_id = an_instance,
                               .manifest = cocos_manifest_digest(p->manifest)};
    c.wiped[0] = (cocos__wiped){COCOS_ASSET_ALGORITHM, 0};
    c.wiped[1] = (cocos__wiped){COCOS_ASSET_DATASET, 0};
    return c;
}

/* The envelope, its certificates put into the case beside it. */
static inline void case_evidence(const case_plan *c, cocos__buf *envelope, pki_bytes certs[2])
{
    snp_plan s = snp_plan_new(c->amd, 3);
    EVP_PKEY *chip = pki_key_ec("P-384");
    cocos__buf claims;

    cocos__buf_init(&claims, COCOS__CLAIMS_MAX);
    PKI_NEED(cocos__claims_encode(&c->claims, &claims, NULL) == COCOS_OK);
    cocos__span encoded = {claims.data, claims.len};
    PKI_NEED(cocos__claims_report_data(encoded, s.report + 0x50, NULL) == COCOS_OK);
    X509 *vcek = snp_leaf(&s, chip);
    snp_sign(chip, s.report);
    cocos__envelope_part part = {COCOS__MEDIA_SNP_REPORT, {s.report, 1184}};
    PKI_NEED(cocos__envelope_encode(encoded, &part, 1, envelope, NULL) == COCOS_OK);
    certs[0] = pki_der(vcek);
    certs[1] = pki_der(c->amd->ask);
    X509_free(vcek);
    EVP_PKEY_free(chip);
    cocos__buf_done(&claims);
}

static inline cocos_approval *case_approval(const case_plan *c, int party)
{
    cocos_approval_options *o = NULL;
    cocos_approval *a = NULL;

    PKI_NEED(cocos_approval_options_new(&o, NULL) == COCOS_OK);
    PKI_NEED(!c->option || cocos_approval_options_set(o, c->option, c->value, NULL) == COCOS_OK);
    PKI_NEED(cocos_approval_sign(c->p->manifest, c->p->key[party], o, &a, NULL) == COCOS_OK);
    cocos_approval_options_free(o);
    return a;
}

static inline void case_close(const case_plan *c, cocos_case *file)
{
    cocos__closing closing = {file->statement->is.digest, c->wiped, c->n_wiped,
                              !c->scratch_not_erased};
    cocos__buf b;

    cocos__buf_init(&b, 1 << 16);
    PKI_NEED(cocos__closure_sign(c->closure_key ? c->closure_key : c->key, c->says.manifest,
                                 &closing, &b, NULL) == COCOS_OK);
    PKI_NEED(cocos_case_set_closure(file, b.data, b.len, NULL) == COCOS_OK);
    cocos__buf_done(&b);
}

static inline cocos_case *case_make(case_plan *c)
{
    cocos_approval *a[PARTIES] = {NULL};
    cocos__named named[PARTIES];
    cocos__buf envelope;
    cocos__buf statement;
    pki_bytes certs[2];
    cocos_case *file = NULL;
    cocos_error *err = NULL;

    cocos__buf_init(&envelope, COCOS__ENVELOPE_MAX);
    cocos__buf_init(&statement, COCOS__STATEMENT_MAX);
    for (int i = 0; i < c->approvals; i++) {
        a[i] = case_approval(c, i);
        named[i] =
            (cocos__named){a[i]->says.withdrawal, cocos_approval_signer(a[i]), a[i]->is.digest};
    }
    c->says.assets = c->assets; /* the plan may have been copied */
    c->says.named = named;
    c->says.n_named = c->forget_name ? 0 : (size_t)c->approvals;
    PKI_NEED(cocos__statement_sign(c->key, &c->says, &statement, NULL) == COCOS_OK);
    case_evidence(c, &envelope, certs);
    if (cocos_case_new(c->p->manifest, envelope.data, envelope.len, statement.data, statement.len,
                       &file, &err) < 0)
        ck_abort_msg("%s", cocos_error_message(err));
    for (int i = c->hide_approval; i < c->approvals; i++)
        PKI_NEED(cocos_case_add_approval(file, a[i]->encoded, a[i]->len, NULL) == COCOS_OK);
    for (int i = 0; i < 2; i++) {
        PKI_NEED(cocos_case_add_collateral(file, COCOS_PART_CERTIFICATES, certs[i].data,
                                           certs[i].len, NULL) == COCOS_OK);
        free(certs[i].data);
    }
    if (!c->without_closure)
        case_close(c, file);
    for (int i = 0; i < c->approvals; i++)
        cocos_approval_free(a[i]);
    cocos__buf_done(&envelope);
    cocos__buf_done(&statement);
    return file;
}

/* A policy that accepts the report of case_evidence() for whatever claims. */
static inline cocos_policy *case_policy(const snp_authority *amd)
{
    cocos_policy *policy = snp_policy(amd);

    PKI_NEED(cocos_policy_set(policy, "snp.report_data", "any", NULL) == COCOS_OK);
    return policy;
}

/* ---- a time-stamp authority ---- */

typedef struct authority {
    EVP_PKEY *root_key;
    X509 *root;
    EVP_PKEY *key;
    X509 *cert;
} authority;

static inline authority authority_new(const char *purpose)
{
    authority a = {pki_key_ec("P-256"), NULL, pki_key_ec("P-256"), NULL};
    pki_spec root = {.cn = "Test Time Root",
                     .key = a.root_key,
                     .scheme = PKI_ECDSA_SHA256,
                     .not_before = SNP_FROM,
                     .not_after = SNP_TO,
                     .serial = 1,
                     .ca = 1};
    a.root = pki_cert(&root);
    pki_spec leaf = {.cn = "Test Time Stamping",
                     .key = a.key,
                     .issuer = a.root,
                     .issuer_key = a.root_key,
                     .scheme = PKI_ECDSA_SHA256,
                     .not_before = SNP_FROM,
                     .not_after = SNP_TO,
                     .serial = 2};
    a.cert = pki_cert(&leaf);
    /* RFC 3161 section 2.3: exactly this purpose, critical. */
    pki_ext_add(a.cert, a.root, NID_ext_key_usage, purpose);
    PKI_NEED(X509_sign(a.cert, a.root_key, EVP_sha256()));
    return a;
}

static inline void authority_free(authority *a)
{
    X509_free(a->root);
    X509_free(a->cert);
    EVP_PKEY_free(a->root_key);
    EVP_PKEY_free(a->key);
}

static inline int stamp_time(struct TS_resp_ctx *ctx, void *user, long *sec, long *usec)
{
    (void)ctx;
    *sec = (long)*(int64_t *)user;
    *usec = 0;
    return 1;
}

static inline ASN1_INTEGER *stamp_serial(struct TS_resp_ctx *ctx, void *user)
{
    ASN1_INTEGER *n = ASN1_INTEGER_new();

    (void)ctx;
    (void)user;
    PKI_NEED(n && ASN1_INTEGER_set(n, 77));
    return n;
}

/* The answer of the authority at `time_s` to a request; policy 1.2.3.4. */
static inline pki_bytes
authority_answer(const authority *a, const uint8_t *request, size_t len, int64_t time_s)
{
    TS_RESP_CTX *ctx = TS_RESP_CTX_new();
    ASN1_OBJECT *policy = OBJ_txt2obj("1.2.3.4", 1);
    BIO *in = BIO_new_mem_buf(request, (int)len);
    pki_bytes out = {NULL, 0};

    PKI_NEED(ctx && policy && in && TS_RESP_CTX_set_signer_cert(ctx, a->cert) &&
             TS_RESP_CTX_set_signer_key(ctx, a->key) &&
             TS_RESP_CTX_set_signer_digest(ctx, EVP_sha256()) &&
             TS_RESP_CTX_set_def_policy(ctx, policy) && TS_RESP_CTX_add_md(ctx, EVP_sha256()));
    TS_RESP_CTX_set_time_cb(ctx, stamp_time, &time_s);
    TS_RESP_CTX_set_serial_cb(ctx, stamp_serial, NULL);
    TS_RESP *resp = TS_RESP_create_response(ctx, in);
    PKI_NEED(resp);
    int n = i2d_TS_RESP(resp, &out.data);
    PKI_NEED(n > 0);
    out.len = (size_t)n;
    TS_RESP_free(resp);
    BIO_free(in);
    ASN1_OBJECT_free(policy);
    TS_RESP_CTX_free(ctx);
    return out;
}

#endif
