/* SPDX-License-Identifier: Apache-2.0 */
#include "snp/verify.h"

#include <string.h>

#include "crypto/digest.h"
#include "snp/checks.h"
#include "snp/table.h"

#define OFF_SIGNATURE_R 0x2a0
#define OFF_SIGNATURE_S 0x2e8
#define NUMBER_SIZE     72 /* of which 48 are significant on P-384 */

#define ALGORITHM_ECDSA_P384_SHA384 1

void cocos__snp_policy_done(cocos__snp_policy *p)
{
    cocos__match *all[] = {&p->measurement, &p->report_data, &p->host_data,    &p->family_id,
                           &p->image_id,    &p->report_id,   &p->report_id_ma, &p->chip_id,
                           &p->id_keys,     &p->author_keys};

    for (size_t i = 0; i < COCOS__ARRAY_LEN(all); i++)
        cocos__match_done(all[i]);
}

int cocos__snp_recognise(const uint8_t *data, size_t len)
{
    return len >= 4 && len >= 64 && cocos__snp_version_known(cocos__u32le(data));
}

/* Report and table of an extended report, or of two files. */
static cocos__span table_of(const cocos__snp_evidence *ev)
{
    if (ev->table.len > 0)
        return ev->table;
    if (ev->report.len > COCOS__SNP_REPORT_SIZE)
        return (cocos__span){ev->report.data + COCOS__SNP_REPORT_SIZE,
                             ev->report.len - COCOS__SNP_REPORT_SIZE};
    return (cocos__span){NULL, 0};
}

static int read_table(cocos__span data, cocos__certs *certs, cocos_error **err)
{
    cocos__snp_table table;

    int r = cocos__snp_table_parse(data, &table, err);
    for (size_t i = 0; r == COCOS_OK && i < table.n; i++) {
        int kind = table.entry[i].kind;
        if (kind >= COCOS__SNP_TABLE_VCEK && kind <= COCOS__SNP_TABLE_ARK)
            r = cocos__certs_add(certs, table.entry[i].blob.data, table.entry[i].blob.len, err);
    }
    return r;
}

#define CRLS_MAX (COCOS__SNP_BLOBS_MAX + COCOS__SNP_TABLE_MAX)

/* All lists, a table's too beside a kept chain: revocation is of today. */
static int
all_crls(const cocos__snp_evidence *ev, cocos__span crls[CRLS_MAX], size_t *n, cocos_error **err)
{
    cocos__span data = table_of(ev);
    cocos__snp_table table;

    memcpy(crls, ev->crls, ev->n_crls * sizeof *crls);
    *n = ev->n_crls;
    int r = data.len > 0 ? cocos__snp_table_parse(data, &table, err) : 1;
    for (size_t i = 0; r == COCOS_OK && i < table.n; i++) {
        if (table.entry[i].kind == COCOS__SNP_TABLE_CRL && table.entry[i].blob.len > 0)
            crls[(*n)++] = table.entry[i].blob;
    }
    return r < 0 ? r : COCOS_OK;
}

static int read_certs(const cocos__snp_evidence *ev, cocos__certs *certs, cocos_error **err)
{
    cocos__span table = table_of(ev);
    int r = COCOS_OK;

    /* A provider's table may hold a VLEK alone; its chain then comes from elsewhere. */
    if (table.len > 0)
        r = read_table(table, certs, err);
    for (size_t i = 0; r == COCOS_OK && i < ev->n_certs; i++)
        r = cocos__certs_add(certs, ev->certs[i].data, ev->certs[i].len, err);
    return r;
}

#define CERT_RUNS (COCOS__SNP_BLOBS_MAX + 1)

/* All certificate bytes; gives how many runs. */
static size_t cert_runs(const cocos__snp_evidence *ev, cocos__span runs[CERT_RUNS])
{
    for (size_t i = 0; i < ev->n_certs; i++)
        runs[i] = ev->certs[i];
    runs[ev->n_certs] = table_of(ev);
    return ev->n_certs + 1;
}

/* The kept chain serves evidence without certificates of its own, and the same ones once more; of
 * these another key than the kept one may have been made for this report. */
static int
use_kept(const cocos__snp_evidence *ev, const cocos__snp_kept *kept, const cocos__snp_report *r)
{
    cocos__span runs[CERT_RUNS];
    const cocos__snp_endorsement *e = kept ? &kept->endorsement : NULL;

    if (!e || (e->kind == COCOS__SNP_VLEK) != (cocos__snp_signing_key(r) == COCOS__SNP_VLEK))
        return 0;
    if (ev->n_certs == 0 && table_of(ev).len == 0)
        return 1;
    return cocos__pack_is(&kept->bytes, runs, cert_runs(ev, runs)) &&
           cocos__snp_leaf_is_for(&e->ext, r);
}

static int endorse(const cocos__snp_evidence *ev,
                   const cocos__snp_report *report,
                   const cocos__certs *roots,
                   cocos__snp_endorsement *ret,
                   cocos_error **err)
{
    cocos__certs certs = {.n = 0};

    int r = read_certs(ev, &certs, err);
    if (r == COCOS_OK)
        r = cocos__snp_endorse(&certs, report, roots, ret, err);
    cocos__certs_done(&certs);
    return r;
}

static int read_report(const cocos__snp_evidence *ev, cocos__snp_report *ret)
{
    size_t len = ev->report.len;

    return cocos__snp_report_read(ev->report.data,
                                  len < COCOS__SNP_REPORT_SIZE ? len : COCOS__SNP_REPORT_SIZE, ret);
}

int cocos__snp_keep(const cocos__snp_evidence *ev,
                    const cocos__certs *roots,
                    cocos__snp_kept *ret,
                    cocos_error **err)
{
    cocos__snp_kept kept = {0};
    cocos__span runs[CERT_RUNS];
    cocos__snp_report report;
    int readable = read_report(ev, &report) == COCOS_OK;

    int r = cocos__pack_make(runs, cert_runs(ev, runs), &kept.bytes, err);
    if (r == COCOS_OK)
        r = endorse(ev, readable ? &report : NULL, roots, &kept.endorsement, err);
    if (r == COCOS_OK && !cocos__snp_endorsement_holds(&kept.endorsement))
        r = cocos__fail(err, COCOS_ERR_REJECTED, "snp.cert_chain",
                        "the certificates are no chain to a trusted root");
    if (r < 0) {
        cocos__snp_kept_done(&kept);
        return r;
    }
    *ret = kept;
    return COCOS_OK;
}

void cocos__snp_kept_done(cocos__snp_kept *k)
{
    cocos__snp_endorsement_done(&k->endorsement);
    cocos__pack_done(&k->bytes);
}

/* The rows that need no certificate; 1 when the report can be read on. */
static int check_form(const cocos__snp_evidence *ev, cocos__snp_report *r, cocos__rows *rows)
{
    cocos__said size = {cocos__rows_printf(rows, "%zu bytes", ev->report.len), "evidence"};
    cocos__said want = {"1184 bytes, or more with a certificate table", "compiled in"};

    if (read_report(ev, r) < 0) {
        cocos__row_unknown(rows, SNP_SIZE, "snp.format", want, size);
        return 0;
    }
    cocos__row_pass(rows, SNP_SIZE, want, size);

    cocos__said version = {cocos__rows_printf(rows, "%u", r->version), "evidence"};
    if (!cocos__row_test(rows, SNP_VERSION, cocos__snp_version_known(r->version), "snp.version",
                         (cocos__said){"2 to 5", "compiled in"}, version))
        return 0;

    const char *defect = cocos__snp_form_defect(r);
    if (!cocos__row_test(
            rows, SNP_FORM, !defect, "snp.format",
            (cocos__said){"reserved fields as specified", "compiled in"},
            (cocos__said){defect ? defect : "reserved fields as specified", "evidence"}))
        return 0;

    return cocos__row_test(
        rows, SNP_ALGORITHM, r->signature_algo == ALGORITHM_ECDSA_P384_SHA384,
        "snp.signature_algorithm", (cocos__said){"1, ECDSA P-384 with SHA-384", "compiled in"},
        (cocos__said){cocos__rows_printf(rows, "%u", r->signature_algo), "evidence"});
}

/* COCOS_OK with the row filled, or the failure to try. */
static int check_signature(const cocos__snp_report *r,
                           const cocos__snp_endorsement *e,
                           cocos__rows *rows,
                           cocos_error **err)
{
    cocos__ecdsa_raw sig = {r->raw + OFF_SIGNATURE_R, r->raw + OFF_SIGNATURE_S, NUMBER_SIZE,
                            NUMBER_SIZE, COCOS__LITTLE_ENDIAN};
    cocos__said expected = {"signed by the endorsement key", "compiled in"};

    int v = cocos__ecdsa_verify(cocos__cert_key(e->leaf), COCOS__SHA384,
                                (cocos__span){r->raw, COCOS__SNP_SIGNED_SIZE}, &sig, err);
    if (v < 0 && v != COCOS_ERR_REJECTED)
        return v;
    if (v < 0 && err) {
        cocos_error_free(*err);
        *err = NULL;
    }
    cocos__row_test(rows, SNP_SIGNATURE, v == COCOS_OK, "snp.report_signature", expected,
                    (cocos__said){v == COCOS_OK ? "it holds" : "it does not hold",
                                  e->kind == COCOS__SNP_VLEK ? "SEV-VLEK" : "SEV-VCEK"});
    return COCOS_OK;
}

/* From a readable report and its endorsement to the end. */
static int check_rest(const cocos__snp_report *r,
                      const cocos__snp_endorsement *e,
                      const cocos__span *crls,
                      size_t n_crls,
                      const cocos__snp_policy *policy,
                      int64_t time_s,
                      cocos__rows *rows,
                      cocos_error **err)
{
    if (!cocos__snp_check_endorsement(e, r, time_s, rows))
        return COCOS_OK;
    int s = cocos__snp_check_revocation(e, crls, n_crls, policy, time_s, rows, err);
    if (s == COCOS_OK)
        s = check_signature(r, e, rows, err);
    if (s == COCOS_OK && cocos__row_outcome(rows, SNP_SIGNATURE) == COCOS__PASSED)
        cocos__snp_check_fields(r, e, policy, rows);
    return s;
}

static int unreadable_certs(cocos__rows *rows, int r, cocos_error **why, cocos_error **err)
{
    if (r == COCOS_ERR_MEMORY)
        return cocos__fail_memory(err);

    const char *text = cocos_error_message(*why);
    const char *code =
        strcmp(cocos_error_code(*why), "snp.cert_table") == 0 ? "snp.cert_table" : "snp.cert_chain";
    cocos__row_fail(rows, SNP_CERTIFICATES, code,
                    (cocos__said){"readable certificates", "compiled in"},
                    (cocos__said){cocos__rows_foreign(rows, text, strlen(text), 200), "evidence"});
    return COCOS_OK;
}

int cocos__snp_verify(const cocos__snp_evidence *ev,
                      const cocos__snp_policy *policy,
                      const cocos__certs *roots,
                      const cocos__snp_kept *kept,
                      int64_t time_s,
                      cocos__rows *rows,
                      int *simulated,
                      cocos_error **err)
{
    COCOS__CLEANUP(cocos__error_freep) cocos_error *why = NULL;
    cocos__snp_endorsement made = {0};
    cocos__span crls[CRLS_MAX];
    size_t n_crls = 0;
    cocos__snp_report report;

    cocos__rows_begin(rows, cocos__snp_checks, SNP_CHECKS);
    if (!check_form(ev, &report, rows))
        return COCOS_OK;

    int use = use_kept(ev, kept, &report);
    int r = use ? COCOS_OK : endorse(ev, &report, roots, &made, &why);
    if (r == COCOS_OK)
        r = all_crls(ev, crls, &n_crls, &why);
    if (r < 0)
        return unreadable_certs(rows, r, &why, err);

    const cocos__snp_endorsement *e = use ? &kept->endorsement : &made;
    cocos__row_pass(rows, SNP_CERTIFICATES, (cocos__said){"readable certificates", "compiled in"},
                    (cocos__said){use ? "a chain kept from before" : "readable", "evidence"});
    r = check_rest(&report, e, crls, n_crls, policy, time_s, rows, err);
    *simulated |= e->simulated;
    cocos__snp_endorsement_done(&made);
    return r;
}
