/* SPDX-License-Identifier: Apache-2.0 */
/* Every field of a quote with what it means. Believes nothing and judges nothing. */
#include "tdx/describe.h"

#include "tdx/pck.h"
#include "tdx/quote.h"

static void bytes(
    const cocos__fields *f, const char *name, const uint8_t *data, size_t len, const char *meaning)
{
    if (data)
        f->put(f->user, name, cocos__rows_hex(f->text, data, len), meaning);
}

static const char *attributes_meaning(const cocos__fields *f, uint64_t a)
{
    return cocos__rows_printf(
        f->text, "%s%s%s%s%s", a & COCOS__TDX_ATTR_DEBUG ? "DEBUG " : "no debug ",
        a >> 28 & 1 ? "SEPT_VE_DISABLE " : "", a >> 30 & 1 ? "PKS " : "", a >> 63 ? "PERFMON " : "",
        a & ~COCOS__TDX_ATTR_KNOWN ? "RESERVED BITS" : "");
}

static void describe_body(const cocos__fields *f, const cocos__tdx_quote *q)
{
    static const char *const rtmrs[] = {"rtmr0", "rtmr1", "rtmr2", "rtmr3"};
    static const char *const uses[] = {
        "usually: firmware's configuration", "usually: boot loader and kernel",
        "usually: command line, initrd, run time", "usually: the application"};

    bytes(f, "mrtd", q->mrtd, 48, "launch measurement of the guest's first memory");
    for (size_t i = 0; i < COCOS__TDX_RTMRS; i++)
        bytes(f, rtmrs[i], q->rtmr[i], 48, uses[i]);
    bytes(f, "report_data", q->report_data, 64, "what the guest put in: nonce or hash of claims");
    bytes(f, "td_attributes", q->td_attributes, 8,
          attributes_meaning(f, cocos__u64le(q->td_attributes)));
    bytes(f, "xfam", q->xfam, 8, "processor features that the guest may use");
    bytes(f, "mrconfigid", q->mrconfigid, 48, "what the host put in at launch: configuration");
    bytes(f, "mrowner", q->mrowner, 48, "what the host put in at launch: owner");
    bytes(f, "mrownerconfig", q->mrownerconfig, 48,
          "what the host put in at launch: owner's configuration");
    bytes(f, "mrseam", q->mrseam, 48, "measurement of the TDX module");
    bytes(f, "mrsignerseam", q->mrsignerseam, 48, "signer of the TDX module; zero: Intel");
    bytes(f, "seam_attributes", q->seam_attributes, 8, "attributes of the TDX module");
    bytes(f, "tee_tcb_svn", q->tee_tcb_svn, 16,
          cocos__rows_printf(f->text, "module version %u, SVN %u, at launch", q->tee_tcb_svn[1],
                             q->tee_tcb_svn[0]));
    bytes(f, "tee_tcb_svn_2", q->tee_tcb_svn2, 16, "of the TDX module that runs now");
    bytes(f, "mrservicetd", q->mrservicetd, 48, "service TDs that may handle this one; zero: none");
}

static void describe_chain(const cocos__fields *f, const cocos__tdx_quote *q)
{
    cocos__certs chain = {.n = 0};
    cocos__tdx_sgx sgx;

    if (cocos__certs_add(&chain, q->pck_chain.data, q->pck_chain.len, NULL) < 0)
        f->put(f->user, "pck_chain", "unreadable", "certificates of the platform");
    for (size_t i = 0; i < chain.n; i++)
        f->put(f->user, "certificate",
               cocos__rows_printf(f->text, "%s", cocos__cert_subject_cn(chain.at[i])),
               cocos__rows_printf(f->text, "issued by %s", cocos__cert_issuer_cn(chain.at[i])));
    if (chain.n > 0 && !cocos__tdx_sgx_read(chain.at[0], &sgx)) {
        bytes(f, "fmspc", sgx.fmspc, sizeof sgx.fmspc, "platform family");
        bytes(f, "pce_id", sgx.pce_id, sizeof sgx.pce_id, "provisioning enclave");
        bytes(f, "tcb_components", sgx.components, sizeof sgx.components,
              cocos__rows_printf(f->text, "SVNs of the platform; PCE SVN %u", sgx.pce_svn));
    }
    cocos__certs_done(&chain);
}

int cocos__tdx_describe(cocos__span evidence, const cocos__fields *f, cocos_error **err)
{
    cocos__tdx_quote q;
    int cut = 0;

    int r = cocos__tdx_quote_read(evidence.data, evidence.len, &q, &cut, err);
    if (r < 0)
        return r;
    f->put(f->user, "version", cocos__rows_printf(f->text, "%u", q.version),
           q.body_type == COCOS__TDX_BODY_10 ? "TD report 1.0" : "TD report 1.5");
    bytes(f, "qe_vendor_id", q.qe_vendor_id, 16, "Intel's quoting enclave");
    bytes(f, "user_data", q.user_data, 20, "of the quoting enclave");
    describe_body(f, &q);

    cocos__tdx_qe_report qe = cocos__tdx_qe_report_read(q.qe_report);
    bytes(f, "qe_mrsigner", qe.mrsigner, 32, "signer of the quoting enclave");
    bytes(f, "qe_mrenclave", qe.mrenclave, 32, "measurement of the quoting enclave");
    f->put(f->user, "qe_isv_svn", cocos__rows_printf(f->text, "%u", qe.isv_svn),
           cocos__rows_printf(f->text, "product %u", qe.isv_prod_id));
    describe_chain(f, &q);
    return COCOS_OK;
}
