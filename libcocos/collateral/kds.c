/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AMD's key distribution service (AMD 57230): chain and revocation list of a product line, and the
 * VCEK of one chip at one TCB.
 */
#include <stdio.h>
#include <string.h>

#include "attest/evidence.h"
#include "codec/hex.h"
#include "collateral/sources.h"
#include "snp/endorsement.h"
#include "snp/table.h"

#define CHAIN_MAX 65536
#define LEAF_MAX  65536
#define CRL_MAX   (1u << 20)
#define BLOBS_MAX COCOS__EVIDENCE_PARTS

typedef struct kds_case {
    cocos__session *s;
    cocos__bundle_draft *draft;
    cocos__snp_report report;
    int kind; /* enum cocos__snp_signing_key */
    int line;
    int has_leaf;       /* the evidence brings the endorsement certificate */
    cocos__certs chain; /* intermediate and root, verified */
} kds_case;

static int fail_evidence(cocos_error **err, const char *why)
{
    return cocos__fail(err, COCOS_ERR_UNSUPPORTED, "collateral.evidence",
                       "nothing can be fetched for this report: %s", why);
}

/* All certificates that come with the evidence; what cannot be read counts as not there. */
static void add_blob(cocos__certs *certs, cocos__span blob)
{
    (void)cocos__certs_add(certs, blob.data, blob.len, NULL);
}

static void own_certs(const cocos_evidence *ev, cocos__certs *certs)
{
    cocos__span blobs[BLOBS_MAX];
    cocos__span table = {NULL, 0};
    cocos__snp_table t;

    if (cocos__evidence_parts(ev, COCOS_PART_CERT_TABLE, &table, 1) == 0 &&
        ev->main.len > COCOS__SNP_REPORT_SIZE)
        table = (cocos__span){ev->main.data + COCOS__SNP_REPORT_SIZE,
                              ev->main.len - COCOS__SNP_REPORT_SIZE};
    if (table.len > 0 && cocos__snp_table_parse(table, &t, NULL) == COCOS_OK) {
        for (size_t i = 0; i < t.n; i++) {
            if (t.entry[i].kind >= COCOS__SNP_TABLE_VCEK && t.entry[i].kind <= COCOS__SNP_TABLE_ARK)
                add_blob(certs, t.entry[i].blob);
        }
    }
    size_t n = cocos__evidence_parts(ev, COCOS_PART_CERTIFICATES, blobs, BLOBS_MAX);
    for (size_t i = 0; i < n; i++)
        add_blob(certs, blobs[i]);
}

/* A Turin chip has 8 bytes of hardware id, the rest of CHIP_ID is zero (AMD 56860). */
static int has_short_chip_id(const cocos__snp_report *r)
{
    for (size_t i = 8; i < 64; i++) {
        if (r->chip_id[i])
            return 0;
    }
    return 1;
}

/*
 * The line by CPUID, by the issuer of the certificate that came along, or by the form of the chip
 * id. Version 2 of Milan and Genoa cannot be told apart without a certificate: unknown.
 */
static int find_line(const kds_case *k, const cocos__snp_endorsement *own)
{
    int line = cocos__snp_line_of_report(&k->report);

    if (line == COCOS__SNP_LINE_UNKNOWN && own->leaf)
        line = own->line;
    if (line == COCOS__SNP_LINE_UNKNOWN && !cocos__snp_chip_id_masked(&k->report) &&
        has_short_chip_id(&k->report))
        line = COCOS__SNP_TURIN;
    return line;
}

static int read_evidence(kds_case *k, const cocos_evidence *ev, cocos_error **err)
{
    cocos__snp_endorsement own;
    cocos__certs certs = {.n = 0};
    size_t len = ev->main.len < COCOS__SNP_REPORT_SIZE ? ev->main.len : COCOS__SNP_REPORT_SIZE;

    if (cocos__snp_report_read(ev->main.data, len, &k->report) < 0)
        return fail_evidence(err, "it is cut");
    if (!cocos__snp_version_known(k->report.version))
        return fail_evidence(err, "its version is unknown");
    k->kind = cocos__snp_signing_key(&k->report);
    if (k->kind != COCOS__SNP_VCEK && k->kind != COCOS__SNP_VLEK)
        return fail_evidence(err, "no key signed it");

    own_certs(ev, &certs);
    int r = cocos__snp_endorse(&certs, &k->report, k->s->roots, &own, err);
    cocos__certs_done(&certs);
    if (r < 0)
        return r;
    /* A VCEK of an older TCB is no use; a VLEK cannot be had from AMD anyway. */
    k->has_leaf = own.leaf && own.kind == k->kind &&
                  (k->kind == COCOS__SNP_VLEK ||
                   (!own.ext_defect && cocos__snp_leaf_is_for(&own.ext, &k->report)));
    k->line = find_line(k, &own);
    cocos__snp_endorsement_done(&own);
    if (k->line == COCOS__SNP_VENICE)
        return fail_evidence(err, "AMD has published no root for its product line");
    if (k->kind == COCOS__SNP_VLEK && !k->has_leaf)
        return fail_evidence(err, "only the provider can give its VLEK certificate");
    if (!k->has_leaf && cocos__snp_chip_id_masked(&k->report))
        return fail_evidence(err, "it does not name its chip (CHIP_ID is masked)");
    return COCOS_OK;
}

static const char *service(const kds_case *k)
{
    return k->kind == COCOS__SNP_VLEK ? "vlek" : "vcek";
}

static int is_trusted(const kds_case *k, const cocos__cert *root)
{
    const cocos__certs *roots = k->s->roots;

    if (!roots)
        return cocos__pin_find(cocos__snp_pins, cocos__snp_pins_n, root) != NULL;
    for (size_t i = 0; i < roots->n; i++) {
        if (memcmp(cocos__cert_spki_sha256(roots->at[i]), cocos__cert_spki_sha256(root), 32) == 0)
            return 1;
    }
    return 0;
}

/* Exactly the intermediate of this line and kind, then the root. */
static int check_names(const kds_case *k, const cocos__certs *c, cocos_error **err)
{
    const char *line = cocos__snp_line_name(k->line);
    char mid[32];
    char root[32];

    snprintf(mid, sizeof mid, "SEV-%s%s", k->kind == COCOS__SNP_VLEK ? "VLEK-" : "", line);
    snprintf(root, sizeof root, "ARK-%s", line);
    if (c->n != 2 || strcmp(cocos__cert_subject_cn(c->at[0]), mid) != 0 ||
        strcmp(cocos__cert_subject_cn(c->at[1]), root) != 0)
        return cocos__fail(err, COCOS_ERR_MALFORMED, "collateral.wrong",
                           "the chain is not %s and %s", mid, root);
    return COCOS_OK;
}

static int check_chain(void *user, const cocos__material *m, cocos_error **err)
{
    kds_case *k = user;
    COCOS__CLEANUP(cocos__certs_done) cocos__certs c = {.n = 0};
    COCOS__CLEANUP(cocos__error_freep) cocos_error *why = NULL;

    int r = cocos__certs_add(&c, m->body.data, m->body.len, err);
    if (r == COCOS_OK)
        r = check_names(k, &c, err);
    if (r < 0)
        return r;
    r = cocos__chain_verify(c.at[0], NULL, 0, c.at[1], &why);
    if (r == COCOS_ERR_MEMORY)
        return cocos__fail_memory(err);
    if (r < 0 || !is_trusted(k, c.at[1]))
        return cocos__fail_wrong(err, "the chain does not end at a trusted root");
    r = cocos__check_validity(k->s, &c, err);
    if (r < 0)
        return r;
    cocos__certs_done(&k->chain);
    k->chain = c;
    c.n = 0;
    return COCOS_OK;
}

static int check_list(void *user, const cocos__material *m, cocos_error **err)
{
    kds_case *k = user;

    return cocos__check_crl(k->s, (cocos__span){m->body.data, m->body.len}, k->chain.at[1], err);
}

/* The certificate of this chip at this TCB, signed by the intermediate that was fetched. */
static int check_leaf(void *user, const cocos__material *m, cocos_error **err)
{
    kds_case *k = user;
    COCOS__CLEANUP(cocos__certs_done) cocos__certs c = {.n = 0};
    COCOS__CLEANUP(cocos__error_freep) cocos_error *why = NULL;
    cocos__snp_leaf leaf = {.line = 0};

    int r = cocos__cert_parse(m->body.data, m->body.len, &c.at[0], err);
    if (r < 0)
        return r;
    c.n = 1;
    const char *defect = cocos__snp_leaf_read(c.at[0], COCOS__SNP_VCEK, &leaf);
    if (defect)
        return cocos__fail_wrong(err, defect);
    if (leaf.line != k->line || !cocos__snp_leaf_is_for(&leaf, &k->report))
        return cocos__fail_wrong(err, "a certificate for another chip or another TCB");
    r = cocos__chain_verify(c.at[0], &k->chain.at[0], 1, k->chain.at[1], &why);
    if (r == COCOS_ERR_MEMORY)
        return cocos__fail_memory(err);
    if (r < 0)
        return cocos__fail_wrong(err, "a certificate that the line's intermediate did not sign");
    return cocos__check_validity(k->s, &c, err);
}

/* One thing checked and put into the bundle. */
static int add(kds_case *k, const cocos__resource *q, int part, cocos_error **err)
{
    COCOS__CLEANUP(cocos__material_done) cocos__material m;

    cocos__material_init(&m, q->limit);
    int r = cocos__material_get(k->s, q, &m, err);
    if (r < 0)
        return r;
    return cocos__bundle_draft_add(k->draft, part, (cocos__span){m.body.data, m.body.len}, q->url,
                                   err);
}

static void leaf_url(const kds_case *k, char *url, size_t size)
{
    cocos__snp_tcb t = cocos__snp_tcb_split(k->report.reported_tcb, k->line);
    int turin = k->line == COCOS__SNP_TURIN;
    char hwid[129];
    char fmc[16] = "";

    cocos__hex_encode(k->report.chip_id, turin ? 8 : 64, hwid);
    if (turin)
        snprintf(fmc, sizeof fmc, "fmcSPL=%02u&", t.fmc);
    snprintf(url, size, "%s/vcek/v1/%s/%s?%sblSPL=%02u&teeSPL=%02u&snpSPL=%02u&ucodeSPL=%02u",
             cocos__collateral_option(k->s->options, COCOS__COLLATERAL_KDS),
             cocos__snp_line_name(k->line), hwid, fmc, t.boot_loader, t.tee, t.snp, t.microcode);
}

static void line_url(const kds_case *k, const char *what, char *url, size_t size)
{
    snprintf(url, size, "%s/%s/v1/%s/%s",
             cocos__collateral_option(k->s->options, COCOS__COLLATERAL_KDS), service(k),
             cocos__snp_line_name(k->line), what);
}

static int fetch_line(kds_case *k, cocos_error **err)
{
    char url[COCOS__COLLATERAL_URL_MAX];
    cocos__resource chain = {.url = url, .limit = CHAIN_MAX, .check = check_chain, .user = k};
    cocos__resource leaf = {.url = url, .limit = LEAF_MAX, .check = check_leaf, .user = k};
    cocos__resource crl = {
        .url = url, .limit = CRL_MAX, .renewed = 1, .check = check_list, .user = k};

    line_url(k, "cert_chain", url, sizeof url);
    int r = add(k, &chain, COCOS_PART_CERTIFICATES, err);
    if (r == COCOS_OK && !k->has_leaf) {
        leaf_url(k, url, sizeof url);
        r = add(k, &leaf, COCOS_PART_CERTIFICATES, err);
    }
    if (r == COCOS_OK) {
        line_url(k, "crl", url, sizeof url);
        r = add(k, &crl, COCOS_PART_CRL, err);
    }
    return r;
}

/* A report that does not say its line: the one whose service knows the chip. */
static int fetch_either(kds_case *k, cocos_error **err)
{
    COCOS__CLEANUP(cocos__error_freep) cocos_error *why = NULL;

    k->line = COCOS__SNP_MILAN;
    int r = fetch_line(k, &why);
    if (r != COCOS_ERR_NOT_FOUND) {
        if (err && r < 0)
            *err = COCOS__STEAL(why);
        return r;
    }
    cocos__bundle_draft_done(k->draft);
    k->line = COCOS__SNP_GENOA;
    return fetch_line(k, err);
}

int cocos__kds_fetch(cocos__session *s,
                     const cocos_evidence *ev,
                     cocos__bundle_draft *draft,
                     cocos_error **err)
{
    kds_case k = {.s = s, .draft = draft};
    char chip[17] = "";

    int r = read_evidence(&k, ev, err);
    if (r == COCOS_OK)
        r = k.line == COCOS__SNP_LINE_UNKNOWN ? fetch_either(&k, err) : fetch_line(&k, err);
    cocos__certs_done(&k.chain);
    if (r < 0)
        return r;
    cocos__hex_encode(k.report.chip_id, 8, chip);
    snprintf(draft->subject, sizeof draft->subject, "SEV-SNP %s, %s, chip %s..., TCB %016llx",
             cocos__snp_line_name(k.line), k.kind == COCOS__SNP_VLEK ? "VLEK" : "VCEK", chip,
             (unsigned long long)k.report.reported_tcb);
    return COCOS_OK;
}
