/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_TESTS_COLLATERAL_MAKER_H
#define COCOS_TESTS_COLLATERAL_MAKER_H

/*
 * Evidence of a test hierarchy, bare, and what the vendors' services would say about it, with the
 * URLs of the vendors. Valid by this machine's clock. Include before the makers of evidence.
 */

#include <time.h>

#ifndef SNP_RSA_BITS
#define SNP_RSA_BITS 1024
#endif
#define SNP_TO ((int64_t)time(NULL) + 365 * 86400)
#define TDX_TO ((int64_t)time(NULL) + 365 * 86400)

#include "attest/evidence.h"
#include "collateral/bundle.h"
#include "snp_maker.h"
#include "tdx_maker.h"

#define KDS_URL      "https://kdsintf.amd.com/vcek/v1/Milan/"
#define PCS_URL      "https://api.trustedservices.intel.com/"
#define C1X16        "c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1"
#define VCEK_URL     KDS_URL C1X16 C1X16 C1X16 C1X16 "?blSPL=04&teeSPL=01&snpSPL=24&ucodeSPL=219"
#define ROOT_CRL_URL "https://certificates.trustedservices.intel.com/IntelSGXRootCA.der"

typedef struct made_item {
    int part;
    const char *url;
    pki_bytes data;
    int has_chain; /* a header brings made_case.chain (1), made_case.pck_chain (2) */
} made_item;

typedef struct made_case {
    cocos_evidence *ev; /* nothing beside it */
    pki_bytes root, chain, pck_chain;
    made_item items[5];
    size_t n;
} made_case;

static inline pki_bytes made_copy(cocos__span s)
{
    pki_bytes b = {malloc(s.len + 1), s.len};

    PKI_NEED(b.data);
    memcpy(b.data, s.data, s.len);
    return b;
}

static inline void
made_add(made_case *c, int part, const char *url, pki_bytes data_take, int has_chain)
{
    c->items[c->n++] = (made_item){part, url, data_take, has_chain};
}

static inline made_case made_snp(void)
{
    snp_authority ca = snp_authority_new("Milan");
    snp_plan p = snp_plan_new(&ca, 3);
    EVP_PKEY *key = pki_key_ec("P-384");
    X509 *leaf = snp_leaf(&p, key);
    X509 *chain[] = {ca.ask, ca.ark};
    made_case c = {.root = pki_pem(&ca.ark, 1)};

    snp_sign(key, p.report);
    PKI_NEED(cocos_evidence_new(COCOS_EVIDENCE_SNP, p.report, 1184, &c.ev, NULL) == COCOS_OK);
    made_add(&c, COCOS_PART_CERTIFICATES, KDS_URL "cert_chain", pki_pem(chain, 2), 0);
    made_add(&c, COCOS_PART_CERTIFICATES, VCEK_URL, pki_der(leaf), 0);
    made_add(&c, COCOS_PART_CRL, KDS_URL "crl",
             pki_crl(ca.ark, ca.ark_key, PKI_PSS_SHA384, SNP_FROM, SNP_TO, 0), 0);
    X509_free(leaf);
    EVP_PKEY_free(key);
    snp_authority_free(&ca);
    return c;
}

static inline pki_bytes made_part(const cocos_evidence *ev, int part, size_t i)
{
    cocos__span s[2];

    PKI_NEED(cocos__evidence_parts(ev, part, s, 2) > i);
    return made_copy(s[i]);
}

static inline made_case made_tdx(void)
{
    tdx_authority ca = tdx_authority_new();
    tdx_plan p = tdx_plan_new(&ca);
    X509 *pck[] = {ca.platform, ca.root};
    made_case c = {.root = pki_pem(&ca.root, 1), .pck_chain = pki_pem(pck, 2)};
    time_t end = TDX_TO;
    struct tm tm;
    char later[32];

    PKI_NEED(gmtime_r(&end, &tm) && strftime(later, sizeof later, "%Y-%m-%dT%H:%M:%SZ", &tm));
    p.tcb_next = p.qe_next = later;
    cocos_evidence *all = tdx_make(&p);
    PKI_NEED(cocos_evidence_new(COCOS_EVIDENCE_TDX, all->main.data, all->main.len, &c.ev, NULL) ==
             COCOS_OK);
    c.chain = made_part(all, COCOS_PART_TCB_CHAIN, 0);
    made_add(&c, COCOS_PART_TCB_INFO, PCS_URL "tdx/certification/v4/tcb?fmspc=00806f050000",
             made_part(all, COCOS_PART_TCB_INFO, 0), 1);
    made_add(&c, COCOS_PART_QE_IDENTITY, PCS_URL "tdx/certification/v4/qe/identity",
             made_part(all, COCOS_PART_QE_IDENTITY, 0), 1);
    made_add(&c, COCOS_PART_CRL, PCS_URL "sgx/certification/v4/pckcrl?ca=platform&encoding=der",
             made_part(all, COCOS_PART_CRL, 1), 2);
    made_add(&c, COCOS_PART_CRL, ROOT_CRL_URL, made_part(all, COCOS_PART_CRL, 0), 0);
    made_add(&c, COCOS_PART_TCB_CHAIN, PCS_URL "tdx/certification/v4/tcb?fmspc=00806f050000",
             made_copy((cocos__span){c.chain.data, c.chain.len}), 0);
    cocos_evidence_free(all);
    tdx_authority_free(&ca);
    return c;
}

static inline void made_free(made_case *c)
{
    for (size_t i = 0; i < c->n; i++)
        free(c->items[i].data.data);
    free(c->root.data);
    free(c->chain.data);
    free(c->pck_chain.data);
    cocos_evidence_free(c->ev);
}

/* The bundle that fetching would give. */
static inline cocos_bundle *made_bundle(const made_case *c)
{
    cocos__bundle_draft d = {.kind = cocos_evidence_kind(c->ev), .subject = "made by a test"};
    cocos_bundle *b = NULL;

    for (size_t i = 0; i < c->n; i++)
        PKI_NEED(cocos__bundle_draft_add(&d, c->items[i].part,
                                         (cocos__span){c->items[i].data.data, c->items[i].data.len},
                                         c->items[i].url, NULL) == COCOS_OK);
    PKI_NEED(cocos__bundle_finish(&d, &b, NULL) == COCOS_OK);
    cocos__bundle_draft_done(&d);
    return b;
}

#endif
