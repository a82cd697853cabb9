/* SPDX-License-Identifier: Apache-2.0 */
/* The rows about the endorsement key: what it is, who vouches for it, until when. */
#include <inttypes.h>
#include <string.h>

#include "snp/checks.h"

static const char *key_name(int kind)
{
    return kind == COCOS__SNP_VCEK ? "SEV-VCEK" : kind == COCOS__SNP_VLEK ? "SEV-VLEK" : "none";
}

/* A report without a key, or one whose key was not given, cannot be verified. */
static int
check_kind(const cocos__snp_endorsement *e, const cocos__snp_report *r, cocos__rows *rows)
{
    int want = cocos__snp_signing_key(r);
    cocos__said expected = {key_name(want), "report, not yet verified"};

    if (want == COCOS__SNP_NO_KEY) {
        cocos__row_fail(rows, SNP_KEY_KIND, "snp.key_kind",
                        (cocos__said){"VCEK or VLEK", "compiled in"},
                        (cocos__said){"a report without a signature", "nobody"});
        return 0;
    }
    if (!e->leaf) {
        cocos__row_unknown(rows, SNP_KEY_KIND, "snp.key_kind", expected,
                           (cocos__said){"no endorsement certificate", "evidence"});
        return 0;
    }
    cocos__said found = {cocos__rows_printf(rows, "%s", cocos__cert_subject_cn(e->leaf)),
                         "evidence"};
    if (e->kind >= 0 && e->kind != want) {
        cocos__row_unknown(rows, SNP_KEY_KIND, "snp.key_kind", expected, found);
        return 0;
    }
    if (e->kind >= 0)
        cocos__row_pass(rows, SNP_KEY_KIND, expected, found);
    return 1;
}

static void check_chain(const cocos__snp_endorsement *e, cocos__rows *rows)
{
    cocos__said expected = {"a signed path from the endorsement key to the root", "compiled in"};
    cocos__said found = {e->chain_defect, "evidence"};

    if (!e->chain_defect) {
        found.text =
            cocos__rows_printf(rows, "%s, %s, %s", cocos__cert_subject_cn(e->leaf),
                               cocos__cert_subject_cn(e->mid), cocos__cert_subject_cn(e->root));
        cocos__row_pass(rows, SNP_CHAIN, expected, found);
    } else if (e->chain_complete) {
        cocos__row_fail(rows, SNP_CHAIN, "snp.cert_chain", expected, found);
    } else {
        cocos__row_unknown(rows, SNP_CHAIN, "snp.cert_chain", expected, found);
    }
}

static void check_root(const cocos__snp_endorsement *e, cocos__rows *rows)
{
    cocos__said expected = e->own_roots ? (cocos__said){"a root of the policy", "policy"}
                                        : (cocos__said){"a root of AMD", "compiled in"};

    if (!e->root)
        return;
    const char *pin = cocos__rows_hex(rows, cocos__cert_spki_sha256(e->root), 32);
    const char *text =
        cocos__rows_printf(rows, "%s, key SHA-256 %s", cocos__cert_subject_cn(e->root), pin);
    cocos__row_test(rows, SNP_ROOT, e->root_name != NULL, "snp.root_untrusted", expected,
                    (cocos__said){text, "itself"});
}

static void check_validity(const cocos__snp_endorsement *e, int64_t time_s, cocos__rows *rows)
{
    const cocos__cert *all[] = {e->leaf, e->mid, e->root};
    cocos__said at = {cocos__rows_time(rows, time_s), "caller"};

    for (size_t i = 0; i < COCOS__ARRAY_LEN(all); i++) {
        int when = all[i] ? cocos__cert_when(all[i], time_s) : 0;
        if (when == 0)
            continue;
        const char *code = when < 0 ? "snp.cert_not_yet_valid" : "snp.cert_expired";
        const char *text =
            cocos__rows_printf(rows, "%s: %s to %s", cocos__cert_subject_cn(all[i]),
                               cocos__rows_time(rows, cocos__cert_not_before(all[i])),
                               cocos__rows_time(rows, cocos__cert_not_after(all[i])));
        cocos__row_fail(rows, SNP_VALIDITY, code, at, (cocos__said){text, "its issuer"});
        return;
    }
    const char *text =
        cocos__rows_printf(rows, "%s valid until %s", cocos__cert_subject_cn(e->leaf),
                           cocos__rows_time(rows, cocos__cert_not_after(e->leaf)));
    cocos__row_pass(rows, SNP_VALIDITY, at, (cocos__said){text, "its issuer"});
}

int cocos__snp_check_endorsement(const cocos__snp_endorsement *e,
                                 const cocos__snp_report *r,
                                 int64_t time_s,
                                 cocos__rows *rows)
{
    cocos__said made = {"as AMD makes them", "compiled in"};

    if (!check_kind(e, r, rows))
        return 0;
    cocos__row_test(
        rows, SNP_PROFILE, !e->profile_defect, "snp.cert_profile", made,
        (cocos__said){e->profile_defect ? e->profile_defect : "as AMD makes them", "evidence"});
    cocos__row_test(rows, SNP_EXTENSIONS, !e->ext_defect, "snp.cert_extensions", made,
                    (cocos__said){e->ext_defect ? e->ext_defect
                                                : cocos__rows_foreign(rows, e->ext.product,
                                                                      strlen(e->ext.product), 32),
                                  "evidence"});
    check_chain(e, rows);
    check_root(e, rows);
    check_validity(e, time_s, rows);
    return cocos__snp_endorsement_holds(e);
}

static const cocos__said no_revocation = {"a current list of the root that does not name the chain",
                                          "default"};

static void no_list(const cocos__snp_policy *policy, int others, cocos__rows *rows)
{
    if (others)
        cocos__row_fail(rows, SNP_REVOCATION, "snp.crl_signature", no_revocation,
                        (cocos__said){"a list that is not of this root", "evidence"});
    else if (policy->revocation.state == COCOS__RULE_ANY)
        cocos__row_skip(rows, SNP_REVOCATION, (cocos__said){"any", "policy"},
                        (cocos__said){"no list", "evidence"});
    else
        cocos__row_unknown(rows, SNP_REVOCATION, "snp.crl_missing",
                           (cocos__said){"a revocation list", "default"},
                           (cocos__said){"none", "evidence"});
}

static void conclude(const cocos__snp_endorsement *e, const cocos__crl_found *f, cocos__rows *rows)
{
    const char *root = cocos__rows_printf(rows, "%s", cocos__cert_subject_cn(e->root));
    cocos__said span = {cocos__rows_printf(rows, "from %s to %s", cocos__rows_time(rows, f->from_s),
                                           f->until_s ? cocos__rows_time(rows, f->until_s)
                                                      : "no day that it names"),
                        root};

    if (f->state == COCOS__CRL_CURRENT)
        cocos__row_pass(rows, SNP_REVOCATION, no_revocation, span);
    else if (f->state == COCOS__CRL_STALE)
        cocos__row_fail(rows, SNP_REVOCATION, "snp.crl_expired", no_revocation, span);
    else if (f->state == COCOS__CRL_FORGED)
        cocos__row_fail(rows, SNP_REVOCATION, "snp.crl_signature", no_revocation,
                        (cocos__said){"a list that this root did not sign", "evidence"});
    else
        cocos__row_fail(rows, SNP_REVOCATION, "snp.revoked", no_revocation,
                        (cocos__said){cocos__rows_printf(rows, "%s is on the list",
                                                         cocos__cert_subject_cn(f->revoked)),
                                      root});
}

/* The root signs all lists of its line; what lists of others say is of no concern beside its own.
 */
int cocos__snp_check_revocation(const cocos__snp_endorsement *e,
                                const cocos__span *crls,
                                size_t n,
                                const cocos__snp_policy *policy,
                                int64_t time_s,
                                cocos__rows *rows,
                                cocos_error **err)
{
    const cocos__cert *chain[] = {e->mid, e->root};
    cocos__crl_found found = {.state = COCOS__CRL_NONE};
    int others = 0;

    for (size_t i = 0; i < n; i++) {
        COCOS__CLEANUP(cocos__crl_freep) cocos__crl *crl = NULL;
        int r = cocos__crl_parse(crls[i].data, crls[i].len, &crl, NULL);
        if (r == COCOS_ERR_MEMORY)
            return cocos__fail_memory(err);
        if (r < 0) {
            cocos__row_unknown(rows, SNP_REVOCATION, "snp.crl_format",
                               (cocos__said){"a revocation list", "default"},
                               (cocos__said){"not one", "evidence"});
            continue;
        }
        r = cocos__crl_take(&found, crl, e->root, chain, COCOS__ARRAY_LEN(chain), time_s, err);
        if (r < 0)
            return r;
        others += r == 0;
    }
    if (found.state == COCOS__CRL_NONE)
        no_list(policy, others, rows);
    else
        conclude(e, &found, rows);
    return COCOS_OK;
}
