/* SPDX-License-Identifier: Apache-2.0 */
#include "snp/endorsement.h"

#include <stdio.h>
#include <string.h>

const cocos__pin cocos__snp_pins[] = {
    {"ARK-Milan", {0x9f, 0x05, 0x6b, 0xee, 0x44, 0x37, 0x7e, 0x29, 0x30, 0x8c, 0xb5,
                   0xff, 0xa8, 0x95, 0xbd, 0xfb, 0x62, 0xd1, 0x88, 0x81, 0xfa, 0x6b,
                   0xed, 0x8d, 0x6f, 0x07, 0x5b, 0x02, 0x04, 0x08, 0x9c, 0xb9}},
    {"ARK-Genoa", {0x42, 0x9a, 0x69, 0xc9, 0x42, 0x2a, 0xa2, 0x58, 0xee, 0x4d, 0x8d,
                   0xb5, 0xfc, 0xda, 0x9c, 0x64, 0x70, 0xef, 0x15, 0xf8, 0xcd, 0x5a,
                   0x9c, 0xeb, 0xd6, 0xcb, 0xc7, 0xd9, 0x0b, 0x86, 0x38, 0x31}},
    {"ARK-Turin", {0x4f, 0x12, 0x54, 0x10, 0x56, 0x3a, 0x2a, 0xb9, 0xa5, 0x03, 0x56,
                   0xf9, 0x24, 0x3f, 0x6f, 0xe0, 0xb6, 0xf7, 0x3d, 0xe9, 0x86, 0x03,
                   0xf5, 0x3f, 0x90, 0x33, 0x9c, 0x70, 0xe9, 0xd7, 0xad, 0x08}},
};
const size_t cocos__snp_pins_n = COCOS__ARRAY_LEN(cocos__snp_pins);

/* spec AMD 57230: names of all certificates of the hierarchy. */
static const cocos__name_part amd[] = {
    {"OU", "Engineering"},           {"C", "US"}, {"L", "Santa Clara"}, {"ST", "CA"},
    {"O", "Advanced Micro Devices"},
};

#define URL_BASE "https://kdsintf.amd.com/"

int cocos__snp_leaf_kind(const cocos__cert *c)
{
    const char *cn = cocos__cert_subject_cn(c);
    return strcmp(cn, "SEV-VCEK") == 0   ? COCOS__SNP_VCEK
           : strcmp(cn, "SEV-VLEK") == 0 ? COCOS__SNP_VLEK
                                         : -1;
}

static int is_for(const cocos__cert *c, int kind, const cocos__snp_report *report)
{
    cocos__snp_leaf leaf;

    return report && !cocos__snp_leaf_read(c, kind, &leaf) && cocos__snp_leaf_is_for(&leaf, report);
}

/* Endorsement keys are the only EC keys of the hierarchy. Of several, the one that fits best. */
static cocos__cert *find_leaf(const cocos__certs *certs, int kind, const cocos__snp_report *report)
{
    cocos__cert *any = NULL;
    cocos__cert *of_kind = NULL;

    for (size_t i = 0; i < certs->n; i++) {
        cocos__cert *c = certs->at[i];
        const cocos__pubkey *key = cocos__cert_key(c);
        if (!key || cocos__pubkey_kind(key) == COCOS__KEY_RSA_ANY)
            continue;
        if (!any)
            any = c;
        if (cocos__snp_leaf_kind(c) != kind)
            continue;
        if (!of_kind || (!is_for(of_kind, kind, report) && is_for(c, kind, report)))
            of_kind = c;
    }
    return of_kind ? of_kind : any;
}

static cocos__cert *find_subject(const cocos__certs *certs, const char *cn, int self_issued)
{
    for (size_t i = 0; cn[0] && certs && i < certs->n; i++) {
        if (strcmp(cocos__cert_subject_cn(certs->at[i]), cn) == 0 &&
            cocos__cert_is_self_issued(certs->at[i]) == self_issued)
            return certs->at[i];
    }
    return NULL;
}

static int is_amd_profile(const cocos__cert *c)
{
    return cocos__cert_is_v3(c) && cocos__cert_signature_kind(c) == COCOS__SIG_PSS_SHA384 &&
           cocos__cert_name_has(c, COCOS__SUBJECT, amd, COCOS__ARRAY_LEN(amd)) &&
           cocos__cert_name_has(c, COCOS__ISSUER, amd, COCOS__ARRAY_LEN(amd));
}

static int has_url(const cocos__cert *c, const char *service, int line)
{
    char want[96];

    snprintf(want, sizeof want, URL_BASE "%s/v1/%s/crl", service, cocos__snp_line_name(line));
    return cocos__cert_has_crl_url(c, want);
}

static const char *profile_defect(const cocos__snp_endorsement *e)
{
    const cocos__pubkey *key = cocos__cert_key(e->leaf);

    if (!key || cocos__pubkey_kind(key) != COCOS__KEY_EC_P384)
        return "the endorsement key is not on P-384";
    if (e->kind < 0)
        return "its subject is neither SEV-VCEK nor SEV-VLEK";
    if (!is_amd_profile(e->leaf))
        return "the endorsement certificate is not version 3, RSASSA-PSS with SHA-384, with AMD's names";
    if (e->mid && !is_amd_profile(e->mid))
        return "the intermediate certificate is not version 3, RSASSA-PSS with SHA-384, with AMD's names";
    if (e->root && !is_amd_profile(e->root))
        return "the root certificate is not version 3, RSASSA-PSS with SHA-384, with AMD's names";
    if (e->mid && e->line &&
        !has_url(e->mid, e->kind == COCOS__SNP_VLEK ? "vlek" : "vcek", e->line))
        return "the intermediate's CRL distribution point is not AMD's";
    if (e->root && e->line && !has_url(e->root, "vcek", e->line))
        return "the root's CRL distribution point is not AMD's";
    return NULL;
}

/* "SEV-Milan" for a VCEK, "SEV-VLEK-Milan" for a VLEK: the line, or unknown. */
static int line_of_issuer(const char *cn, int kind)
{
    const char *prefix = kind == COCOS__SNP_VLEK ? "SEV-VLEK-" : "SEV-";
    size_t n = strlen(prefix);

    return strncmp(cn, prefix, n) == 0 ? cocos__snp_line_by_name(cn + n, strlen(cn + n))
                                       : COCOS__SNP_LINE_UNKNOWN;
}

/* COCOS_OK, or the failure to find out. */
static int check_chain(cocos__snp_endorsement *e, cocos_error **err)
{
    char ark[32];
    int r = COCOS_OK;

    snprintf(ark, sizeof ark, "ARK-%s", cocos__snp_line_name(e->line));
    if (e->line == COCOS__SNP_LINE_UNKNOWN)
        e->chain_defect =
            "the issuer is not the intermediate authority of a product line for this kind of key";
    else if (!e->mid)
        e->chain_defect = "the intermediate certificate is missing";
    else if (strcmp(cocos__cert_issuer_cn(e->mid), ark) != 0)
        e->chain_defect = "the intermediate is not issued by the root of its line";
    else if (!e->root)
        e->chain_defect = "the root certificate is missing";
    else
        r = cocos__chain_verify(e->leaf, &e->mid, 1, e->root, err);
    if (r < 0 && r != COCOS_ERR_REJECTED)
        return r;
    if (r < 0)
        e->chain_defect = "a signature or constraint of the chain does not hold";
    /* Missing parts leave the question open; everything else is an answer. */
    e->chain_complete = e->line == COCOS__SNP_LINE_UNKNOWN || (e->mid && e->root);
    return COCOS_OK;
}

static void judge_root(cocos__snp_endorsement *e, const cocos__certs *roots)
{
    const cocos__pin *pin =
        e->root ? cocos__pin_find(cocos__snp_pins, cocos__snp_pins_n, e->root) : NULL;

    e->own_roots = roots != NULL;
    if (!e->root)
        return;
    if (!roots) {
        e->root_name = pin ? pin->name : NULL;
        return;
    }
    for (size_t i = 0; i < roots->n; i++) {
        if (memcmp(cocos__cert_spki_sha256(roots->at[i]), cocos__cert_spki_sha256(e->root), 32) ==
            0)
            e->root_name = cocos__cert_subject_cn(e->root);
    }
    e->simulated = e->root_name && !pin;
}

static cocos__cert *held(cocos__cert *c)
{
    return c ? cocos__cert_ref(c) : NULL;
}

int cocos__snp_endorse(const cocos__certs *certs,
                       const cocos__snp_report *report,
                       const cocos__certs *roots,
                       cocos__snp_endorsement *ret,
                       cocos_error **err)
{
    int kind = report && cocos__snp_signing_key(report) == COCOS__SNP_VLEK ? COCOS__SNP_VLEK
                                                                           : COCOS__SNP_VCEK;
    cocos__snp_endorsement e = {.leaf = held(find_leaf(certs, kind, report))};

    if (!e.leaf) {
        *ret = e;
        return COCOS_OK;
    }
    e.kind = cocos__snp_leaf_kind(e.leaf);
    e.line = line_of_issuer(cocos__cert_issuer_cn(e.leaf), e.kind);
    e.mid = held(find_subject(certs, cocos__cert_issuer_cn(e.leaf), 0));
    if (e.mid) {
        cocos__cert *root = find_subject(certs, cocos__cert_issuer_cn(e.mid), 1);
        e.root = held(root ? root : find_subject(roots, cocos__cert_issuer_cn(e.mid), 1));
    }
    e.profile_defect = profile_defect(&e);
    e.ext_defect = cocos__snp_leaf_read(e.leaf, e.kind, &e.ext);
    judge_root(&e, roots);
    int r = check_chain(&e, err);
    if (r < 0) {
        cocos__snp_endorsement_done(&e);
        return r;
    }
    *ret = e;
    return COCOS_OK;
}

void cocos__snp_endorsement_done(cocos__snp_endorsement *e)
{
    cocos__cert_free(e->leaf);
    cocos__cert_free(e->mid);
    cocos__cert_free(e->root);
    *e = (cocos__snp_endorsement){0};
}

int cocos__snp_endorsement_holds(const cocos__snp_endorsement *e)
{
    return e->leaf && !e->profile_defect && !e->ext_defect && !e->chain_defect &&
           e->chain_complete && e->root_name;
}
