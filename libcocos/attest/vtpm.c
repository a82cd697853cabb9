/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/vtpm.h"

#include <string.h>

#include "attest/tee.h"
#include "attest/verdict.h"
#include "codec/cbor.h"
#include "snp/verify.h"
#include "tdx/verify.h"
#include "vtpm/golden.h"
#include "vtpm/hcl.h"
#include "vtpm/message.h"
#include "vtpm/verify.h"

#define CLAIM_AK 5 /* cocos-v1 section 1 */

static int length_fits(const cocos__match *m)
{
    return m->state != COCOS__RULE_GIVEN || m->size == 32 || m->size == 48 || m->size == 64;
}

int cocos__attest_vtpm_conflict(const cocos_policy *policy, cocos_error **err)
{
    const cocos__vtpm_policy *p = &policy->vtpm;
    int stated = p->nonce.state != COCOS__RULE_UNSET || policy->claims.state == COCOS__RULE_GIVEN;

    if (p->without_nonce.state == COCOS__RULE_GIVEN && p->without_nonce.value && stated)
        return cocos__fail(err, COCOS_ERR_USAGE, "policy.conflict",
                           "vtpm.without_nonce contradicts a nonce or claims");
    if (!length_fits(&p->boot.kernel) || !length_fits(&p->boot.command_line) ||
        !length_fits(&p->boot.initrd))
        return cocos__fail(
            err, COCOS_ERR_USAGE, "policy.conflict",
            "a digest of kernel, command line or initrd has none of 32, 48, 64 bytes");
    if (p->boot.command_line.state == COCOS__RULE_GIVEN &&
        p->boot.initrd.state == COCOS__RULE_GIVEN &&
        p->boot.command_line.size != p->boot.initrd.size)
        return cocos__fail(err, COCOS_ERR_USAGE, "policy.conflict",
                           "digests of command line and initrd are of two banks");
    return COCOS_OK;
}

void cocos__attest_vtpm_claims(cocos_policy *policy, const uint8_t *slot)
{
    cocos__vtpm_policy *p = &policy->vtpm;
    const uint8_t *ak = NULL;
    cocos__cbor root;

    p->has_claims = 1;
    memcpy(p->claims_slot, slot, sizeof p->claims_slot);
    /* Claims that name no key are good for everything but trust in one. */
    if (cocos__cbor_open(policy->claims.values, policy->claims.size, COCOS__CBOR_STRICT, &root,
                         NULL) < 0)
        return;
    cocos__cbor member = cocos__cbor_member(&root, CLAIM_AK);
    if (cocos__cbor_bytes_n(&member, sizeof p->claims_ak, &ak, NULL) == COCOS_OK) {
        p->has_claims_ak = 1;
        memcpy(p->claims_ak, ak, sizeof p->claims_ak);
    }
}

static int add_values(cocos_policy *policy, const cocos__pcr_values *v, cocos_error **err)
{
    int r = COCOS_OK;

    for (int b = 0; b < COCOS__BANKS; b++) {
        for (int i = 0; r == COCOS_OK && i < COCOS__PCRS; i++) {
            if (v->mask[b] & UINT32_C(1) << i)
                r = cocos__match_add(&policy->vtpm.pcr[b][i], v->value[b][i], cocos__bank_size(b),
                                     err);
        }
    }
    return r;
}

int cocos_policy_add_pcrs(cocos_policy *policy, const char *json, size_t len, cocos_error **err)
{
    COCOS__CLEANUP(cocos__policy_freep) cocos_policy *changed = NULL;
    cocos__pcr_values values;

    if (!policy || !json)
        return cocos__fail(err, COCOS_ERR_USAGE, "policy.value", "a policy and values are needed");
    int r = cocos__pcr_values_read((cocos__span){(const uint8_t *)json, len}, 1, &values, err);
    if (r == COCOS_OK)
        r = cocos__policy_copy(policy, &changed, err);
    if (r == COCOS_OK)
        r = add_values(changed, &values, err);
    if (r == COCOS_OK)
        cocos__policy_swap(policy, changed);
    return r;
}

static cocos__span part(const cocos_evidence *ev, int kind)
{
    cocos__span s = {NULL, 0};

    cocos__evidence_parts(ev, kind, &s, 1);
    return s;
}

cocos__vtpm_evidence cocos__evidence_vtpm(const cocos_evidence *ev)
{
    cocos__vtpm_evidence t = {.main = ev->main,
                              .ak_pub = part(ev, COCOS_PART_TPM_PUBLIC),
                              .signature = part(ev, COCOS_PART_TPM_SIGNATURE),
                              .pcrs = part(ev, COCOS_PART_TPM_PCRS),
                              .event_log = part(ev, COCOS_PART_EVENT_LOG),
                              .ima_log = part(ev, COCOS_PART_IMA_LOG),
                              .hcl = part(ev, COCOS_PART_HCL_REPORT),
                              .svsm_manifest = part(ev, COCOS_PART_SVSM_MANIFEST),
                              .certified = part(ev, COCOS_PART_AK_CERTIFIED),
                              .tee_vmpl = -1};

    t.n_certs = cocos__evidence_parts(ev, COCOS_PART_CERTIFICATES, t.certs, COCOS__VTPM_BLOBS_MAX);
    return t;
}

/* A TEE report found with the quotes. */
typedef struct tee {
    cocos__snp_evidence snp; /* report.len 0: no SNP report */
    cocos__tdx_evidence tdx; /* quote.len 0: no TDX quote in the form that was signed */
    cocos__span slot;
    const char *name;
    int64_t vmpl;         /* -1: no SNP report */
    cocos__span manifest; /* of an SVSM, from the message */
    cocos__vtpm_snp rebuilt;
    cocos__buf quote; /* likewise */
} tee;

static void tee_freep(tee **t)
{
    if (*t)
        cocos__buf_done(&(*t)->quote);
    free(*t);
}

#define OFF_REPORT_DATA 0x50 /* AMD 56860 */

/* Intel TDX DCAP quote: header of 48 bytes, then the TD report, at its end REPORTDATA. */
#define OFF_TDX_DATA_V4 (48 + 520)
#define OFF_TDX_DATA_V5 (48 + 6 + 520) /* type and size of the body go before it */

/* Where the request for a report came from says how much it proves about the key it names. */
static const char *name_of(const uint8_t *report, size_t len)
{
    if (len < COCOS__SNP_REPORT_SIZE)
        return "SEV-SNP report";
    return cocos__attest_vmpl((cocos__span){report, len}) == 0
               ? "SEV-SNP report asked for at VMPL 0"
               : "SEV-SNP report asked for by the guest itself";
}

static void use_snp(tee *t, cocos__span report)
{
    t->snp.report = report;
    t->name = name_of(report.data, report.len);
    if (report.len < COCOS__SNP_REPORT_SIZE)
        return;
    t->slot = (cocos__span){report.data + OFF_REPORT_DATA, 64};
    t->vmpl = cocos__attest_vmpl(report);
}

static void use_tdx(tee *t, const cocos_evidence *ev, cocos__span quote)
{
    size_t at = quote.len >= 2 && cocos__u16le(quote.data) >= 5 ? OFF_TDX_DATA_V5 : OFF_TDX_DATA_V4;

    t->tdx.quote = quote;
    t->tdx.tcb_info = part(ev, COCOS_PART_TCB_INFO);
    t->tdx.qe_identity = part(ev, COCOS_PART_QE_IDENTITY);
    t->tdx.signing_chain = part(ev, COCOS_PART_TCB_CHAIN);
    t->tdx.n_crls = cocos__evidence_parts(ev, COCOS_PART_CRL, t->tdx.crls, COCOS__TDX_CRLS_MAX);
    t->name = "TDX quote";
    if (quote.len >= at + 64)
        t->slot = (cocos__span){quote.data + at, 64};
}

/* The quote inside the message; what has only its data slot is judged by nobody. */
static int tdx_from_message(const cocos_evidence *ev, cocos__span tdx, tee *t, cocos_error **err)
{
    if (tdx.len && cocos__vtpm_tdx_slot(tdx, &t->slot, NULL) == COCOS_OK)
        t->name = "TDX quote";
    cocos__buf_init(&t->quote, COCOS__VTPM_TDX_MAX);
    int r = tdx.len ? cocos__vtpm_tdx_rebuild(tdx, &t->quote, NULL) : COCOS_ERR_MALFORMED;
    if (r == COCOS_ERR_MEMORY)
        return cocos__fail_memory(err);
    if (r == COCOS_OK && cocos__tdx_recognise(t->quote.data, t->quote.len))
        use_tdx(t, ev, (cocos__span){t->quote.data, t->quote.len});
    return COCOS_OK;
}

/* The report inside the message, put back into the bytes that were signed. */
static void snp_from_message(const cocos__vtpm_message *m, tee *t)
{
    t->manifest = m->svsm_manifest;
    if (!m->snp.len || cocos__vtpm_snp_rebuild(m->snp, &t->rebuilt, NULL) < 0)
        return;
    use_snp(t, (cocos__span){t->rebuilt.report, sizeof t->rebuilt.report});
    for (size_t i = 0; i < t->rebuilt.n_certs; i++)
        t->snp.certs[t->snp.n_certs++] = t->rebuilt.certs[i];
}

static void from_hcl(cocos__span data, tee *t)
{
    cocos__hcl hcl;

    if (cocos__hcl_read(data, &hcl, NULL) == COCOS_OK && hcl.type == COCOS__HCL_SNP)
        use_snp(t, hcl.report);
}

/* Of several places the part beside the evidence counts first, then Azure's, then the message. */
static int find_tee(const cocos_evidence *ev, tee *t, cocos_error **err)
{
    cocos__span report = part(ev, COCOS_PART_TEE_REPORT);
    cocos__span hcl = part(ev, COCOS_PART_HCL_REPORT);
    cocos__vtpm_message m;
    int r = COCOS_OK;

    cocos__evidence_parts(ev, COCOS_PART_CERT_TABLE, &t->snp.table, 1);
    t->snp.n_crls = cocos__evidence_parts(ev, COCOS_PART_CRL, t->snp.crls, COCOS__SNP_BLOBS_MAX);
    if (report.len && cocos__tdx_recognise(report.data, report.len))
        use_tdx(t, ev, report);
    else if (report.len && cocos__snp_recognise(report.data, report.len))
        use_snp(t, report);
    else if (hcl.len)
        from_hcl(hcl, t);
    else if (cocos__vtpm_message_read(ev->main, &m, NULL) == COCOS_OK) {
        snp_from_message(&m, t);
        /* One report is judged, and the slot that counts is its own. */
        if (t->snp.report.len == 0)
            r = tdx_from_message(ev, m.tdx, t, err);
    }
    if (t->snp.n_certs == 0)
        t->snp.n_certs =
            cocos__evidence_parts(ev, COCOS_PART_CERTIFICATES, t->snp.certs, COCOS__SNP_BLOBS_MAX);
    return r;
}

static int judge_tee(const cocos_policy *policy,
                     const cocos_evidence *ev,
                     const cocos__certs *roots,
                     int64_t time_s,
                     cocos__vtpm_evidence *tpm,
                     tee *t,
                     cocos__rows *rows,
                     int *simulated,
                     cocos_error **err)
{
    /* The formulas of other bindings know no SVSM. */
    int bound = policy->vtpm.ak_trust.value == COCOS__AK_SVSM ||
                policy->vtpm.binding.value == COCOS__BINDING_CLAIMS;

    t->vmpl = -1;
    int r = find_tee(ev, t, err);
    if (r < 0)
        return r;
    tpm->tee_slot = t->slot;
    tpm->tee_name = t->name;
    tpm->tee_vmpl = t->vmpl;
    if (tpm->svsm_manifest.len == 0)
        tpm->svsm_manifest = t->manifest;
    if (!bound)
        tpm->svsm_manifest = (cocos__span){NULL, 0};
    if (t->tdx.quote.len > 0) {
        tpm->tee_rows = "tdx.mrtd";
        return cocos__tdx_verify(&t->tdx, &policy->tdx, roots, NULL, time_s, rows, simulated, err);
    }
    if (t->snp.report.len == 0)
        return COCOS_OK;
    tpm->tee_rows = "snp.measurement";
    r = cocos__attest_snp(&t->snp, tpm->svsm_manifest, &policy->snp, roots, NULL, time_s, rows,
                          simulated, err);
    const cocos__row *data = cocos__rows_find(rows, "snp.report_data");
    tpm->tee_data = data ? data->outcome : COCOS__UNKNOWN;
    return r;
}

static const cocos__check parts_check[] = {{"vtpm.parts", "cocos-policy(5)"}};

/* Parts that only a judgement of a TEE would look at, and none is made; or of which the evidence
 * itself has another. */
static int is_unused(int part, int with_tee, int message)
{
    switch (part) {
    case COCOS_PART_TPM_PUBLIC:
    case COCOS_PART_TPM_SIGNATURE:
    case COCOS_PART_TPM_PCRS:
        return message;
    case COCOS_PART_CERTIFICATES:
    case COCOS_PART_EVENT_LOG:
    case COCOS_PART_IMA_LOG:
        return 0;
    default:
        return !with_tee;
    }
}

static void name_unused(const cocos_evidence *ev, int with_tee, int message, cocos__rows *rows)
{
    const char *text = "";

    for (size_t i = 0; i < ev->n; i++) {
        int part = ev->parts[i].part;
        if (is_unused(part, with_tee, message))
            text = cocos__rows_printf(rows, "%s%s%s", text, text[0] ? ", " : "",
                                      cocos__evidence_part_name(part));
    }
    cocos__rows_begin(rows, parts_check, 1);
    cocos__row_skip(
        rows, 0, (cocos__said){"the policy has a use for all parts", "compiled in"},
        (cocos__said){text[0] ? cocos__rows_printf(rows, "passed over: %s", text) : "it has",
                      "evidence"});
}

/* The policy with the nonce that the caller states; left alone when it states none. */
static int own_nonce(const cocos_policy *policy,
                     const cocos_evidence *ev,
                     cocos__vtpm_policy **ret,
                     cocos_error **err)
{
    if (!ev->expected[COCOS_CLAIM_CHALLENGE].data)
        return COCOS_OK;
    *ret = malloc(sizeof **ret);
    if (!*ret)
        return cocos__fail_memory(err);
    **ret = policy->vtpm;
    (*ret)->nonce = cocos__evidence_slot(ev, &policy->vtpm.nonce);
    return COCOS_OK;
}

int cocos__attest_vtpm(const cocos_policy *policy,
                       const cocos_evidence *ev,
                       const cocos__vtpm_kept *kept,
                       int64_t time_s,
                       cocos__rows *rows,
                       int *simulated,
                       cocos_error **err)
{
    const cocos__certs *roots = policy->roots.n ? &policy->roots : NULL;
    const cocos__number *trust = &policy->vtpm.ak_trust;
    cocos__vtpm_evidence tpm = cocos__evidence_vtpm(ev);
    COCOS__CLEANUP(cocos__freep) cocos__vtpm_policy *own = NULL;
    COCOS__CLEANUP(tee_freep) tee *t = NULL;
    int r = own_nonce(policy, ev, &own, err);

    if (r < 0)
        return r;
    *simulated = COCOS__UNROOTED;
    int with_tee = trust->state == COCOS__RULE_GIVEN && trust->value >= COCOS__AK_TEE;
    int message =
        tpm.signature.len == 0 && cocos__vtpm_message_recognise(ev->main.data, ev->main.len);
    name_unused(ev, with_tee, message, rows);
    if (with_tee) {
        t = calloc(1, sizeof *t);
        if (!t)
            return cocos__fail_memory(err);
        *simulated = 0;
        r = judge_tee(policy, ev, roots, time_s, &tpm, t, rows, simulated, err);
    }
    if (r == COCOS_OK)
        r = cocos__vtpm_verify(&tpm, own ? own : &policy->vtpm, roots, kept, time_s, rows, err);
    if (r == COCOS_OK)
        cocos__verdict_coverage(rows, policy, tpm.tee_rows ? tpm.tee_rows : "vtpm.pcr.0",
                                *simulated);
    return r;
}
