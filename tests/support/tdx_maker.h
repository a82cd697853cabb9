/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_TESTS_TDX_MAKER_H
#define COCOS_TESTS_TDX_MAKER_H

/*
 * TDX evidence of a test hierarchy: Intel's names and formats, keys made on the spot. A test
 * changes the plan, then makes evidence from it; what the plan does not change is correct.
 */

#include <cocos/verifier.h>

#include "pki.h"

#define TDX_FROM INT64_C(1600000000)
#define TDX_NOW  INT64_C(1750000000) /* 2025-06-15T15:06:40Z */
#ifndef TDX_TO /* a program whose evidence is judged by the clock sets its own */
#define TDX_TO INT64_C(1900000000)
#endif
#define TDX_ARC 0x2a, 0x86, 0x48, 0x86, 0xf8, 0x4d, 0x01, 0x0d, 0x01

typedef struct tdx_authority {
    EVP_PKEY *root_key, *platform_key, *processor_key, *signer_key, *pck_key;
    X509 *root, *platform, *processor, *signer;
} tdx_authority;

typedef struct tdx_plan {
    const tdx_authority *ca;
    EVP_PKEY *attestation_key; /* NULL: made anew */
    int version;               /* 4 or 5 */
    int body_type;             /* 2, 3 or 4 */
    uint8_t body[885];
    uint8_t qe[384];
    uint8_t fmspc[6]; /* of the PCK certificate */
    uint8_t pce_id[2];
    uint8_t component; /* of every SGX TCB component */
    uint16_t pce_svn;
    int processor_ca;
    int64_t pck_to;
    int bad_extension;
    int reversed; /* the chain root first */
    int qe_signed_by_other;
    int keep_qe_data; /* leave REPORTDATA of the QE as it is */
    int flip_body, flip_signature;
    int without_collateral, without_crls;
    int crl_of_other_ca, crl_signed_by_other;
    int64_t crl_to;
    long revoke_root_list, revoke_pck_list;
    int tcb_signed_by_other, identity_signed_by_other;
    /* members of the collateral */
    const char *tcb_id, *tcb_fmspc, *tcb_pce_id, *tcb_next, *qe_id, *qe_next, *platform_status,
        *module_status, *qe_status;
    const char *module_id, *qe_prod_id, *miscselect, *module_signer_digit, *tcb_json, *issue_date;
    int status_pce_svn, module_svn, qe_svn;
} tdx_plan;

static inline X509 *tdx_cert(const char *cn,
                             EVP_PKEY *key,
                             X509 *issuer,
                             EVP_PKEY *issuer_key,
                             int ca,
                             long serial,
                             int64_t to,
                             const pki_ext *ext)
{
    pki_spec s = {.cn = cn,
                  .org = "Intel Corporation",
                  .location = "Santa Clara",
                  .key = key,
                  .issuer = issuer,
                  .issuer_key = issuer_key,
                  .scheme = PKI_ECDSA_SHA256,
                  .not_before = TDX_FROM,
                  .not_after = to,
                  .serial = serial,
                  .ca = ca,
                  .exts = ext,
                  .n_exts = ext ? 1 : 0};
    return pki_cert(&s);
}

static inline tdx_authority tdx_authority_new(void)
{
    tdx_authority a = {0};

    a.root_key = pki_key_ec("P-256");
    a.platform_key = pki_key_ec("P-256");
    a.processor_key = pki_key_ec("P-256");
    a.signer_key = pki_key_ec("P-256");
    a.pck_key = pki_key_ec("P-256");
    a.root = tdx_cert("Intel SGX Root CA", a.root_key, NULL, NULL, 1, 0x10, TDX_TO, NULL);
    a.platform = tdx_cert("Intel SGX PCK Platform CA", a.platform_key, a.root, a.root_key, 1, 0x11,
                          TDX_TO, NULL);
    a.processor = tdx_cert("Intel SGX PCK Processor CA", a.processor_key, a.root, a.root_key, 1,
                           0x12, TDX_TO, NULL);
    a.signer =
        tdx_cert("Intel SGX TCB Signing", a.signer_key, a.root, a.root_key, 0, 0x13, TDX_TO, NULL);
    return a;
}

static inline void tdx_authority_free(tdx_authority *a)
{
    EVP_PKEY *keys[] = {a->root_key, a->platform_key, a->processor_key, a->signer_key, a->pck_key};
    X509 *certs[] = {a->root, a->platform, a->processor, a->signer};

    for (size_t i = 0; i < 5; i++)
        EVP_PKEY_free(keys[i]);
    for (size_t i = 0; i < 4; i++)
        X509_free(certs[i]);
}

static inline void tdx_le(uint8_t *p, uint64_t v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        p[i] = (uint8_t)(v >> (8 * i));
}

static inline tdx_plan tdx_plan_new(const tdx_authority *ca)
{
    tdx_plan p = {.ca = ca,
                  .version = 4,
                  .body_type = 2,
                  .fmspc = {0, 0x80, 0x6f, 5, 0, 0},
                  .component = 5,
                  .pce_svn = 11,
                  .pck_to = TDX_TO,
                  .flip_body = -1,
                  .flip_signature = -1,
                  .crl_to = TDX_TO,
                  .tcb_id = "TDX",
                  .tcb_fmspc = "00806F050000",
                  .tcb_pce_id = "0000",
                  .tcb_next = "2025-07-01T00:00:00Z",
                  .issue_date = "2025-06-01T00:00:00Z",
                  .qe_id = "TD_QE",
                  .qe_next = "2025-07-01T00:00:00Z",
                  .platform_status = "UpToDate",
                  .module_status = "UpToDate",
                  .qe_status = "UpToDate",
                  .module_id = "TDX_01",
                  .qe_prod_id = "2",
                  .miscselect = "00000000",
                  .module_signer_digit = "0",
                  .status_pce_svn = 11,
                  .module_svn = 4,
                  .qe_svn = 4};

    memcpy(p.body, (uint8_t[16]){4, 1, 2}, 16);    /* TEE_TCB_SVN: module 1, SVN 4 */
    memset(p.body + 0x010, 0x5e, 48);              /* MRSEAM */
    tdx_le(p.body + 0x078, UINT64_C(1) << 28, 8);  /* SEPT_VE_DISABLE */
    tdx_le(p.body + 0x080, 0x00000000000000e7, 8); /* XFAM */
    memset(p.body + 0x088, 0xa1, 48);              /* MRTD */
    for (int i = 0; i < 4; i++)
        memset(p.body + 0x148 + 48 * i, 0xb0 + i, 48);
    memset(p.body + 0x208, 0xd1, 64);                   /* REPORTDATA */
    memcpy(p.body + 0x248, (uint8_t[16]){4, 1, 2}, 16); /* TEE_TCB_SVN_2 */
    p.qe[48] = 0x11;                                    /* ATTRIBUTES */
    memset(p.qe + 128, 0xdc, 32);                       /* MRSIGNER */
    tdx_le(p.qe + 256, 2, 2);
    tdx_le(p.qe + 258, 4, 2);
    return p;
}

/* ---- the SGX extension ---- */

typedef struct tdx_der {
    uint8_t b[1024];
    size_t n;
} tdx_der;

static inline void tdx_tlv(tdx_der *d, uint8_t tag, const uint8_t *v, size_t n)
{
    d->b[d->n++] = tag;
    if (n > 127) {
        d->b[d->n++] = 0x82;
        d->b[d->n++] = (uint8_t)(n >> 8);
    }
    d->b[d->n++] = (uint8_t)n;
    memcpy(d->b + d->n, v, n);
    d->n += n;
}

/* SEQUENCE { arc.suffix…, value } */
static inline void
tdx_item(tdx_der *d, const uint8_t *suffix, size_t depth, uint8_t tag, const uint8_t *v, size_t n)
{
    uint8_t oid[12] = {TDX_ARC};
    tdx_der in = {.n = 0};

    memcpy(oid + 9, suffix, depth);
    tdx_tlv(&in, 6, oid, 9 + depth);
    tdx_tlv(&in, tag, v, n);
    tdx_tlv(d, 0x30, in.b, in.n);
}

static inline tdx_der tdx_extension(const tdx_plan *p)
{
    tdx_der tcb = {.n = 0};
    tdx_der all = {.n = 0};
    tdx_der out = {.n = 0};
    uint8_t zero[16] = {0};

    for (uint8_t i = 1; i <= 16; i++)
        tdx_item(&tcb, (uint8_t[]){2, i}, 2, 2, &p->component, 1);
    tdx_item(&tcb, (uint8_t[]){2, 17}, 2, 2, (uint8_t[]){(uint8_t)p->pce_svn}, 1);
    tdx_item(&tcb, (uint8_t[]){2, 18}, 2, 4, zero, 16);
    tdx_item(&all, (uint8_t[]){1}, 1, 4, zero, 16);
    tdx_item(&all, (uint8_t[]){2}, 1, 0x30, tcb.b, tcb.n);
    tdx_item(&all, (uint8_t[]){3}, 1, 4, p->pce_id, 2);
    if (!p->bad_extension)
        tdx_item(&all, (uint8_t[]){4}, 1, 4, p->fmspc, 6);
    tdx_item(&all, (uint8_t[]){5}, 1, 10, (uint8_t[]){1}, 1);
    tdx_tlv(&out, 0x30, all.b, all.n);
    return out;
}

/* ---- the quote ---- */

static inline pki_bytes tdx_chain(const tdx_plan *p)
{
    tdx_der d = tdx_extension(p);
    pki_ext ext = {"1.2.840.113741.1.13.1", d.b, d.n, 0};
    X509 *mid = p->processor_ca ? p->ca->processor : p->ca->platform;
    X509 *pck = tdx_cert("Intel SGX PCK Certificate", p->ca->pck_key, mid,
                         p->processor_ca ? p->ca->processor_key : p->ca->platform_key, 0, 0x20,
                         p->pck_to, &ext);
    X509 *forward[] = {pck, mid, p->ca->root};
    X509 *backward[] = {p->ca->root, mid, pck};
    pki_bytes pem = pki_pem(p->reversed ? backward : forward, 3);

    X509_free(pck);
    return pem;
}

/* Signed quote; free(data). */
static inline pki_bytes tdx_quote(tdx_plan *p)
{
    static const uint8_t vendor[16] = {0x93, 0x9a, 0x72, 0x33, 0xf7, 0x9c, 0x4c, 0xa9,
                                       0x94, 0x0a, 0x0d, 0xb3, 0x95, 0x7f, 0x06, 0x07};
    EVP_PKEY *attestation = p->attestation_key ? p->attestation_key : pki_key_ec("P-256");
    EVP_PKEY *other = pki_key_ec("P-256");
    pki_bytes pem = tdx_chain(p);
    pki_bytes q = {calloc(1, 16384), 0};
    size_t size = p->body_type == 4 ? 885 : p->body_type == 3 ? 648 : 584;
    uint8_t hashed[96] = {0};
    unsigned len = 32;
    uint8_t *o = q.data;

    PKI_NEED(o);
    tdx_le(o, (uint64_t)p->version, 2);
    tdx_le(o + 2, 2, 2);
    tdx_le(o + 4, 0x81, 4);
    memcpy(o + 12, vendor, 16);
    size_t at = 48;
    if (p->version == 5) {
        tdx_le(o + 48, (uint64_t)p->body_type, 2);
        tdx_le(o + 50, size, 4);
        at = 54;
    }
    memcpy(o + at, p->body, size);
    at += size;
    uint8_t *s = o + at + 4;
    pki_point(attestation, s + 64, 32);
    pki_sign_raw(attestation, PKI_ECDSA_SHA256, o, at, s, 32);
    if (p->flip_body >= 0)
        o[p->flip_body] ^= 1;
    if (p->flip_signature >= 0)
        s[p->flip_signature] ^= 1;
    memcpy(hashed, s + 64, 64);
    memset(hashed + 64, 0x77, 32);
    if (!p->keep_qe_data)
        PKI_NEED(EVP_Digest(hashed, 96, p->qe + 320, &len, EVP_sha256(), NULL));

    size_t inner = 384 + 64 + 2 + 32 + 6 + pem.len + 1;
    tdx_le(o + at, 128 + 6 + inner, 4);
    tdx_le(s + 128, 6, 2);
    tdx_le(s + 130, inner, 4);
    memcpy(s + 134, p->qe, 384);
    pki_sign_raw(p->qe_signed_by_other ? other : p->ca->pck_key, PKI_ECDSA_SHA256, p->qe, 384,
                 s + 518, 32);
    tdx_le(s + 582, 32, 2);
    memset(s + 584, 0x77, 32);
    tdx_le(s + 616, 5, 2);
    tdx_le(s + 618, pem.len + 1, 4);
    memcpy(s + 622, pem.data, pem.len);
    q.len = at + 4 + 128 + 6 + inner;
    free(pem.data);
    if (!p->attestation_key)
        EVP_PKEY_free(attestation);
    EVP_PKEY_free(other);
    return q;
}

/* ---- the collateral ---- */

static inline void tdx_add(cocos_evidence *ev, int part, const void *data, size_t len)
{
    PKI_NEED(cocos_evidence_add(ev, part, data, len, NULL) == COCOS_OK);
}

static inline void
tdx_add_signed(cocos_evidence *ev, int part, const char *name, const char *object, EVP_PKEY *key)
{
    uint8_t rs[64];
    char hex[129];
    char body[16384];

    pki_sign_raw(key, PKI_ECDSA_SHA256, (const uint8_t *)object, strlen(object), rs, 32);
    for (int i = 0; i < 64; i++)
        snprintf(hex + 2 * i, 3, "%02x", rs[i]);
    snprintf(body, sizeof body, "{\"%s\":%s,\"signature\":\"%s\"}", name, object, hex);
    tdx_add(ev, part, body, strlen(body));
}

static inline void tdx_components(char *out, size_t size, int svn)
{
    size_t n = 0;

    for (int i = 0; i < 16; i++)
        n += (size_t)snprintf(out + n, size - n, "%s{\"svn\":%d}", i ? "," : "", svn);
}

static inline void tdx_tcb_info(const tdx_plan *p, char *out, size_t size)
{
    char sgx[512];
    char tdx[512];
    char zero[512];
    char signer[97];

    tdx_components(sgx, sizeof sgx, 5);
    tdx_components(tdx, sizeof tdx, 0);
    tdx_components(zero, sizeof zero, 0);
    memset(signer, p->module_signer_digit[0], 96);
    signer[96] = '\0';
    snprintf(
        out, size,
        "{\"id\":\"%s\",\"version\":3,\"issueDate\":\"%s\",\"nextUpdate\":\"%s\",\"fmspc\":\"%s\",\"pceId\":\"%s\",\"tcbType\":0,"
        "\"tcbEvaluationDataNumber\":17,\"tdxModule\":{\"mrsigner\":\"%s\",\"attributes\":\"0000000000000000\",\"attributesMask\":\"FFFFFFFFFFFFFFFF\"},"
        "\"tdxModuleIdentities\":[{\"id\":\"%s\",\"mrsigner\":\"%s\",\"attributes\":\"0000000000000000\",\"attributesMask\":\"FFFFFFFFFFFFFFFF\","
        "\"tcbLevels\":[{\"tcb\":{\"isvsvn\":%d},\"tcbDate\":\"2024-03-13T00:00:00Z\",\"tcbStatus\":\"%s\"},"
        "{\"tcb\":{\"isvsvn\":2},\"tcbDate\":\"2023-03-13T00:00:00Z\",\"tcbStatus\":\"OutOfDate\"}]}],"
        "\"tcbLevels\":[{\"tcb\":{\"sgxtcbcomponents\":[%s],\"pcesvn\":%d,\"tdxtcbcomponents\":[%s]},\"tcbDate\":\"2024-03-13T00:00:00Z\","
        "\"tcbStatus\":\"%s\",\"advisoryIDs\":[\"INTEL-SA-00001\"]},"
        "{\"tcb\":{\"sgxtcbcomponents\":[%s],\"pcesvn\":5,\"tdxtcbcomponents\":[%s]},\"tcbDate\":\"2023-03-13T00:00:00Z\",\"tcbStatus\":\"OutOfDate\"}]}",
        p->tcb_id, p->issue_date, p->tcb_next, p->tcb_fmspc, p->tcb_pce_id, signer, p->module_id,
        signer, p->module_svn, p->module_status, sgx, p->status_pce_svn, tdx, p->platform_status,
        zero, zero);
}

static inline void tdx_identity(const tdx_plan *p, char *out, size_t size)
{
    char signer[65];

    for (int i = 0; i < 32; i++)
        snprintf(signer + 2 * i, 3, "DC");
    snprintf(
        out, size,
        "{\"id\":\"%s\",\"version\":2,\"issueDate\":\"2025-06-01T00:00:00Z\",\"nextUpdate\":\"%s\",\"tcbEvaluationDataNumber\":17,"
        "\"miscselect\":\"%s\",\"miscselectMask\":\"FFFFFFFF\",\"attributes\":\"11000000000000000000000000000000\","
        "\"attributesMask\":\"FBFFFFFFFFFFFFFF0000000000000000\",\"mrsigner\":\"%s\",\"isvprodid\":%s,"
        "\"tcbLevels\":[{\"tcb\":{\"isvsvn\":%d},\"tcbDate\":\"2024-03-13T00:00:00Z\",\"tcbStatus\":\"%s\"},"
        "{\"tcb\":{\"isvsvn\":1},\"tcbDate\":\"2023-03-13T00:00:00Z\",\"tcbStatus\":\"OutOfDate\"}]}",
        p->qe_id, p->qe_next, p->miscselect, signer, p->qe_prod_id, p->qe_svn, p->qe_status);
}

static inline void tdx_add_collateral(cocos_evidence *ev, const tdx_plan *p)
{
    char object[8192];
    X509 *chain[] = {p->ca->signer, p->ca->root};
    pki_bytes pem = pki_pem(chain, 2);

    tdx_add(ev, COCOS_PART_TCB_CHAIN, pem.data, pem.len);
    free(pem.data);
    tdx_tcb_info(p, object, sizeof object);
    tdx_add_signed(ev, COCOS_PART_TCB_INFO, "tcbInfo", p->tcb_json ? p->tcb_json : object,
                   p->tcb_signed_by_other ? p->ca->pck_key : p->ca->signer_key);
    tdx_identity(p, object, sizeof object);
    tdx_add_signed(ev, COCOS_PART_QE_IDENTITY, "enclaveIdentity", object,
                   p->identity_signed_by_other ? p->ca->pck_key : p->ca->signer_key);
}

static inline void tdx_add_crls(cocos_evidence *ev, const tdx_plan *p)
{
    int processor = p->processor_ca ^ p->crl_of_other_ca;
    pki_bytes root = pki_crl(p->ca->root, p->ca->root_key, PKI_ECDSA_SHA256, TDX_FROM, p->crl_to,
                             p->revoke_root_list);
    pki_bytes pck = pki_crl(processor ? p->ca->processor : p->ca->platform,
                            p->crl_signed_by_other ? p->ca->pck_key
                            : processor            ? p->ca->processor_key
                                                   : p->ca->platform_key,
                            PKI_ECDSA_SHA256, TDX_FROM, TDX_TO, p->revoke_pck_list);

    tdx_add(ev, COCOS_PART_CRL, root.data, root.len);
    tdx_add(ev, COCOS_PART_CRL, pck.data, pck.len);
    free(root.data);
    free(pck.data);
}

static inline cocos_evidence *tdx_make(tdx_plan *p)
{
    pki_bytes q = tdx_quote(p);
    cocos_evidence *ev = NULL;

    PKI_NEED(cocos_evidence_new(COCOS_EVIDENCE_TDX, q.data, q.len, &ev, NULL) == COCOS_OK);
    free(q.data);
    if (!p->without_collateral)
        tdx_add_collateral(ev, p);
    if (!p->without_crls)
        tdx_add_crls(ev, p);
    return ev;
}

/* What a plan's evidence has, stated; the root of the test authority (NULL: Intel's). */
static inline cocos_policy *tdx_policy(const tdx_authority *ca)
{
    static const char *const rules[][2] = {{"tdx.fmspc", "00806f050000"},
                                           {"coverage.kernel", "tdx.rtmr1"},
                                           {"coverage.command_line", "tdx.rtmr2"},
                                           {"coverage.initrd", "tdx.rtmr2"},
                                           {"coverage.agent", "tdx.rtmr2"}};
    uint8_t value[64];
    cocos_policy *policy = NULL;

    PKI_NEED(cocos_policy_new(&policy, NULL) == COCOS_OK);
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        PKI_NEED(cocos_policy_set(policy, rules[i][0], rules[i][1], NULL) == COCOS_OK);
    memset(value, 0xa1, 48);
    PKI_NEED(cocos_policy_set_bytes(policy, "tdx.mrtd", value, 48, NULL) == COCOS_OK);
    memset(value, 0xb1, 48);
    PKI_NEED(cocos_policy_set_bytes(policy, "tdx.rtmr1", value, 48, NULL) == COCOS_OK);
    memset(value, 0xb2, 48);
    PKI_NEED(cocos_policy_set_bytes(policy, "tdx.rtmr2", value, 48, NULL) == COCOS_OK);
    memset(value, 0xd1, 64);
    PKI_NEED(cocos_policy_set_bytes(policy, "tdx.report_data", value, 64, NULL) == COCOS_OK);
    if (ca) {
        pki_bytes pem = pki_pem(&ca->root, 1);
        PKI_NEED(cocos_policy_add_root(policy, pem.data, pem.len, NULL) == COCOS_OK);
        free(pem.data);
    }
    return policy;
}

#endif
