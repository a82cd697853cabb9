/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Intel's provisioning certification service, version 4 (or a PCCS, which serves the same paths):
 * TCB info of a platform family, the identity of the quoting enclave, and revocation lists.
 */
#include <stdio.h>
#include <string.h>

#include "attest/evidence.h"
#include "codec/hex.h"
#include "collateral/fetcher.h"
#include "collateral/sources.h"
#include "crypto/digest.h"
#include "tdx/pck.h"
#include "tdx/quote.h"
#include "tdx/tcb.h"

#define CRL_MAX (1u << 20)

typedef struct pcs_case {
    cocos__session *s;
    cocos__bundle_draft *draft;
    cocos__tdx_pck pck;  /* of the quote, verified */
    cocos__buf chain;    /* PEM: the chain that came with the TCB info */
    const char *ca_name; /* "platform" or "processor" */
} pcs_case;

static int fail_evidence(cocos_error **err, const char *why)
{
    return cocos__fail(err, COCOS_ERR_UNSUPPORTED, "collateral.evidence",
                       "nothing can be fetched for this quote: %s", why);
}

static int read_evidence(pcs_case *k, const cocos_evidence *ev, cocos_error **err)
{
    cocos__tdx_quote q;
    int cut = 0;

    int r = cocos__tdx_quote_read(ev->main.data, ev->main.len, &q, &cut, err);
    if (r == COCOS_OK)
        r = cocos__tdx_pck_read(q.pck_chain, k->s->roots, &k->pck, err);
    if (r < 0)
        return r;
    if (k->pck.defect)
        return fail_evidence(err, k->pck.defect);
    if (!k->pck.root_name)
        return fail_evidence(err, "its PCK chain does not end at a trusted root");
    k->ca_name =
        strstr(cocos__cert_subject_cn(k->pck.chain.at[1]), "Platform") ? "platform" : "processor";
    return COCOS_OK;
}

/* The chain of a header: an issuer of this name and the root. */
static int read_chain(
    const pcs_case *k, const cocos__buf *pem, const char *cn, cocos__certs *ret, cocos_error **err)
{
    COCOS__CLEANUP(cocos__error_freep) cocos_error *why = NULL;
    int simulated = 0;

    if (pem->len == 0)
        return cocos__fail_wrong(err, "an answer without its issuer chain");
    int r = cocos__certs_add(ret, pem->data, pem->len, err);
    if (r < 0)
        return r;
    if (ret->n != 2 || !cocos__tdx_is_intel(ret->at[0], cn) ||
        !cocos__tdx_is_intel(ret->at[1], COCOS__TDX_CN_ROOT))
        return cocos__fail_wrong(err, "an issuer chain that is not Intel's for this");
    r = cocos__chain_verify(ret->at[0], NULL, 0, ret->at[1], &why);
    if (r == COCOS_ERR_MEMORY)
        return cocos__fail_memory(err);
    if (r < 0 || !cocos__tdx_root_name(ret->at[1], k->s->roots, &simulated))
        return cocos__fail_wrong(err, "an issuer chain that does not end at a trusted root");
    return cocos__check_validity(k->s, ret, err);
}

/* Chain, then signature over the exact bytes; the object may be read afterwards. */
static int check_signed(const pcs_case *k,
                        const cocos__material *m,
                        const char *name,
                        cocos__tdx_signed *ret,
                        cocos_error **err)
{
    COCOS__CLEANUP(cocos__certs_done) cocos__certs chain = {.n = 0};
    COCOS__CLEANUP(cocos__error_freep) cocos_error *why = NULL;

    int r = read_chain(k, &m->chain, COCOS__TDX_CN_TCB, &chain, err);
    if (r == COCOS_OK)
        r = cocos__tdx_signed_read((cocos__span){m->body.data, m->body.len}, name, ret, err);
    if (r < 0)
        return r;
    cocos__ecdsa_raw sig = {ret->signature, ret->signature + 32, 32, 32, COCOS__BIG_ENDIAN};
    r = cocos__ecdsa_verify(cocos__cert_key(chain.at[0]), COCOS__SHA256, ret->object, &sig, &why);
    if (r == COCOS_ERR_MEMORY)
        return cocos__fail_memory(err);
    return r < 0 ? cocos__fail_wrong(err, "an object whose signature does not hold") : COCOS_OK;
}

static int
check_span(const pcs_case *k, const char *what, int64_t from, int64_t to, cocos_error **err)
{
    return k->s->now_s >= from && k->s->now_s < to ? COCOS_OK : cocos__fail_stale(err, what);
}

static int check_tcb_info(void *user, const cocos__material *m, cocos_error **err)
{
    const pcs_case *k = user;
    cocos__tdx_signed s;
    cocos__tdx_tcb_info t;

    int r = check_signed(k, m, "tcbInfo", &s, err);
    if (r == COCOS_OK)
        r = cocos__tdx_tcb_info_read(s.object, &t, err);
    if (r < 0)
        return r;
    if (strcmp(t.id, "TDX") != 0 || memcmp(t.fmspc, k->pck.sgx.fmspc, 6) != 0 ||
        memcmp(t.pce_id, k->pck.sgx.pce_id, 2) != 0)
        r = cocos__fail_wrong(err, "the TCB info of another platform");
    else
        r = check_span(k, "the TCB info", t.issued, t.next_update, err);
    cocos__tdx_tcb_info_done(&t);
    return r;
}

static int check_qe_identity(void *user, const cocos__material *m, cocos_error **err)
{
    const pcs_case *k = user;
    cocos__tdx_signed s;
    cocos__tdx_qe_identity q;

    int r = check_signed(k, m, "enclaveIdentity", &s, err);
    if (r == COCOS_OK)
        r = cocos__tdx_qe_identity_read(s.object, &q, err);
    if (r < 0)
        return r;
    if (strcmp(q.id, "TD_QE") != 0)
        r = cocos__fail_wrong(err, "the identity of another enclave");
    else
        r = check_span(k, "the QE identity", q.issued, q.next_update, err);
    cocos__tdx_qe_identity_done(&q);
    return r;
}

/* The issuer chain of the header, whose key must be that of the quote's own intermediate. */
static int check_pck_crl(void *user, const cocos__material *m, cocos_error **err)
{
    const pcs_case *k = user;
    const cocos__cert *ca = k->pck.chain.at[1];
    COCOS__CLEANUP(cocos__certs_done) cocos__certs chain = {.n = 0};

    int r = read_chain(k, &m->chain, cocos__cert_subject_cn(ca), &chain, err);
    if (r < 0)
        return r;
    return cocos__check_crl(k->s, (cocos__span){m->body.data, m->body.len}, ca, err);
}

static int check_root_crl(void *user, const cocos__material *m, cocos_error **err)
{
    const pcs_case *k = user;

    return cocos__check_crl(k->s, (cocos__span){m->body.data, m->body.len}, k->pck.chain.at[2],
                            err);
}

static int
get(pcs_case *k, const cocos__resource *q, int part, cocos__material *m, cocos_error **err)
{
    cocos__material_init(m, q->limit);
    int r = cocos__material_get(k->s, q, m, err);
    if (r < 0)
        return r;
    return cocos__bundle_draft_add(k->draft, part, (cocos__span){m->body.data, m->body.len}, q->url,
                                   err);
}

static const char *base(const pcs_case *k)
{
    return cocos__collateral_option(k->s->options, COCOS__COLLATERAL_PCS);
}

/* Verifiers take one signing chain for both objects, so both must have come with the same one. */
static int keep_chain(pcs_case *k, const cocos__material *m, const char *url, cocos_error **err)
{
    cocos__span pem = {m->chain.data, m->chain.len};

    if (k->chain.len == 0) {
        cocos__buf_add(&k->chain, pem.data, pem.len);
        return k->chain.failed
                   ? cocos__fail_memory(err)
                   : cocos__bundle_draft_add(k->draft, COCOS_PART_TCB_CHAIN, pem, url, err);
    }
    if (k->chain.len != pem.len || memcmp(k->chain.data, pem.data, pem.len) != 0)
        return cocos__fail(err, COCOS_ERR_UNSUPPORTED, "collateral.chains",
                           "TCB info and QE identity are signed by two different signers");
    return COCOS_OK;
}

static int fetch_tcb_info(pcs_case *k, cocos_error **err)
{
    COCOS__CLEANUP(cocos__material_done) cocos__material m;
    char url[COCOS__COLLATERAL_URL_MAX];
    char fmspc[13];
    cocos__resource q = {.url = url,
                         .header = "TCB-Info-Issuer-Chain",
                         .limit = COCOS__TDX_COLLATERAL_MAX,
                         .renewed = 1,
                         .check = check_tcb_info,
                         .user = k};

    cocos__hex_encode(k->pck.sgx.fmspc, sizeof k->pck.sgx.fmspc, fmspc);
    snprintf(url, sizeof url, "%s/tdx/certification/v4/tcb?fmspc=%s", base(k), fmspc);
    int r = get(k, &q, COCOS_PART_TCB_INFO, &m, err);
    return r < 0 ? r : keep_chain(k, &m, url, err);
}

static int fetch_qe_identity(pcs_case *k, cocos_error **err)
{
    COCOS__CLEANUP(cocos__material_done) cocos__material m;
    char url[COCOS__COLLATERAL_URL_MAX];
    cocos__resource q = {.url = url,
                         .header = "SGX-Enclave-Identity-Issuer-Chain",
                         .limit = COCOS__TDX_COLLATERAL_MAX,
                         .renewed = 1,
                         .check = check_qe_identity,
                         .user = k};

    snprintf(url, sizeof url, "%s/tdx/certification/v4/qe/identity", base(k));
    int r = get(k, &q, COCOS_PART_QE_IDENTITY, &m, err);
    return r < 0 ? r : keep_chain(k, &m, url, err);
}

static int fetch_pck_crl(pcs_case *k, cocos_error **err)
{
    COCOS__CLEANUP(cocos__material_done) cocos__material m;
    char url[COCOS__COLLATERAL_URL_MAX];
    cocos__resource q = {.url = url,
                         .header = "SGX-PCK-CRL-Issuer-Chain",
                         .limit = CRL_MAX,
                         .renewed = 1,
                         .check = check_pck_crl,
                         .user = k};

    snprintf(url, sizeof url, "%s/sgx/certification/v4/pckcrl?ca=%s&encoding=der", base(k),
             k->ca_name);
    return get(k, &q, COCOS_PART_CRL, &m, err);
}

/* Never where the certificate in the evidence says: that is the attacker's to choose. */
static int fetch_root_crl(pcs_case *k, cocos_error **err)
{
    const cocos_collateral_options *o = k->s->options;
    COCOS__CLEANUP(cocos__material_done) cocos__material m;
    char url[COCOS__COLLATERAL_URL_MAX];
    cocos__resource q = {.url = url,
                         .limit = CRL_MAX,
                         .renewed = 1,
                         .may_be_hex = 1,
                         .check = check_root_crl,
                         .user = k};

    if (o && o->values[COCOS__COLLATERAL_PCS] && !o->values[COCOS__COLLATERAL_ROOT_CRL])
        snprintf(url, sizeof url, "%s/sgx/certification/v4/rootcacrl", base(k));
    else
        snprintf(url, sizeof url, "%s", cocos__collateral_option(o, COCOS__COLLATERAL_ROOT_CRL));
    return get(k, &q, COCOS_PART_CRL, &m, err);
}

/*
 * When Intel changes its signer, a copy of yesterday and an answer of today have different chains:
 * then both are asked for.
 */
static int fetch_signed(pcs_case *k, cocos_error **err)
{
    cocos__session *s = k->s;
    cocos_error *why = NULL;

    int r = fetch_tcb_info(k, &why);
    if (r == COCOS_OK)
        r = fetch_qe_identity(k, &why);
    if (r < 0 && strcmp(cocos_error_code(why), "collateral.chains") == 0 && s->cache[0] &&
        !s->offline && !s->anew) {
        cocos_error_free(why);
        cocos__bundle_draft_done(k->draft);
        cocos__buf_reset(&k->chain);
        s->anew = 1;
        r = fetch_signed(k, err);
        s->anew = 0;
        return r;
    }
    if (err)
        *err = why;
    else
        cocos_error_free(why);
    return r;
}

int cocos__pcs_fetch(cocos__session *s,
                     const cocos_evidence *ev,
                     cocos__bundle_draft *draft,
                     cocos_error **err)
{
    pcs_case k = {.s = s, .draft = draft};
    char fmspc[13];

    cocos__buf_init(&k.chain, COCOS__HTTP_HEADER_MAX);
    int r = read_evidence(&k, ev, err);
    if (r == COCOS_OK)
        r = fetch_signed(&k, err);
    if (r == COCOS_OK)
        r = fetch_pck_crl(&k, err);
    if (r == COCOS_OK)
        r = fetch_root_crl(&k, err);
    if (r == COCOS_OK) {
        cocos__hex_encode(k.pck.sgx.fmspc, sizeof k.pck.sgx.fmspc, fmspc);
        snprintf(draft->subject, sizeof draft->subject, "TDX, FMSPC %s, PCK of the %s CA", fmspc,
                 k.ca_name);
    }
    cocos__buf_done(&k.chain);
    cocos__tdx_pck_done(&k.pck);
    return r;
}
