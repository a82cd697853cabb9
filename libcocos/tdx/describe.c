/* SPDX-License-Identifier: Apache-2.0 */
/* Every field of a quote with what it means. Believes nothing and judges nothing. */
#include "tdx/describe.h"

#include <inttypes.h>

#include "crypto/describe.h"
#include "tdx/pck.h"
#include "tdx/quote.h"

#define HEADER_V4 48
#define HEADER_V5 54
#define BODY_10   584 /* sizes of the bodies; each begins with the one before */
#define BODY_15   648

static const cocos__place header[] = {
    {2, 2, 1, "attestation_key_type", "2: ECDSA on P-256 with SHA-256"},
    {4, 4, 0, "tee_type", "81000000: TDX"},
    {8, 2, 1, "header_svn_1", "SVN of the quoting or the provisioning enclave"},
    {10, 2, 1, "header_svn_2", "SVN of the other of the two"},
    {12, 16, 0, "qe_vendor_id", "Intel's quoting enclave"},
    {28, 20, 0, "user_data", "of the quoting enclave"},
};

static const cocos__place body[] = {
    {136, 48, 0, "mrtd", "launch measurement of the guest's first memory"},
    {328, 48, 0, "rtmr0", "usually: firmware's configuration"},
    {376, 48, 0, "rtmr1", "usually: boot loader and kernel"},
    {424, 48, 0, "rtmr2", "usually: command line, initrd, run time"},
    {472, 48, 0, "rtmr3", "usually: the application"},
    {520, 64, 0, "report_data", "what the guest put in: nonce or hash of claims"},
    {184, 48, 0, "mrconfigid", "what the host put in at launch: configuration"},
    {232, 48, 0, "mrowner", "what the host put in at launch: owner"},
    {280, 48, 0, "mrownerconfig", "what the host put in at launch: owner's configuration"},
    {16, 48, 0, "mrseam", "measurement of the TDX module"},
    {64, 48, 0, "mrsignerseam", "signer of the TDX module; zero: Intel"},
    {112, 8, 0, "seam_attributes", "attributes of the TDX module"},
};

static const cocos__place body_15[] = {
    {584, 16, 0, "tee_tcb_svn_2", "of the TDX module that runs now"},
    {600, 48, 0, "mrservicetd", "service TDs that may handle this one; zero: none"},
};

static const cocos__place body_15x[] = {
    {648, 1, 1, "vm_id", "number of the guest under its TDX module; 0: the guest itself"},
    {649, 32, 0, "td_id", "this guest, for the length of its life"},
    {681, 48, 0, "device_info", "devices that are bound to the guest"},
    {729, 48, 0, "first_service_td", "hash of the service TDs bound at first; zero: none"},
    {777, 8, 0, "first_service_attributes", "attributes of the service TDs bound at first"},
    {785, 16, 0, "first_cpu_svn", "of the processor where the guest was built"},
    {801, 16, 0, "first_tee_tcb_svn", "of the TDX module where the guest was built"},
    {817, 12, 0, "first_fmspc", "platform family where the guest was built"},
    {829, 48, 0, "service_td", "hash of the service TDs bound now; zero: none"},
    {877, 8, 0, "service_attributes", "attributes of the service TDs bound now"},
};

static const cocos__place enclave[] = {
    {128, 32, 0, "qe_mrsigner", "signer of the quoting enclave"},
    {64, 32, 0, "qe_mrenclave", "measurement of the quoting enclave"},
    {256, 2, 1, "qe_isv_prod_id", "product of the quoting enclave"},
    {258, 2, 1, "qe_isv_svn", "security version of the quoting enclave"},
    {0, 16, 0, "qe_cpu_svn", "of the processor that runs the quoting enclave"},
    {16, 4, 0, "qe_miscselect", "optional state that is saved when the quoting enclave is left"},
    {320, 64, 0, "qe_report_data",
     "first half: SHA-256 over attestation key and QE authentication data"},
};

static const cocos__flag td_flags[] = {
    {0, "DEBUG"}, {28, "SEPT_VE_DISABLE"}, {30, "PKS"}, {31, "KL"}, {63, "PERFMON"}};

static const cocos__flag enclave_flags[] = {
    {0, "INIT"},           {1, "DEBUG"}, {2, "64 bits"}, {4, "PROVISIONING KEY"},
    {5, "EINITTOKEN KEY"}, {6, "CET"},   {7, "KSS"},     {10, "AEX notify"}};

/* Bits of XFAM and XFRM, which are those of XCR0 and IA32_XSS. */
static const cocos__flag features[] = {
    {0, "x87"},       {1, "SSE"},       {2, "AVX"},         {3, "MPX bounds"}, {4, "MPX control"},
    {5, "AVX-512 k"}, {6, "AVX-512 h"}, {7, "AVX-512 z"},   {8, "PT"},         {9, "PKRU"},
    {10, "PASID"},    {11, "CET user"}, {12, "CET kernel"}, {13, "HDC"},       {14, "UINTR"},
    {15, "LBR"},      {16, "HWP"},      {17, "AMX tiles"},  {18, "AMX data"},  {19, "APX"}};

static void flags(
    const cocos__fields *f, const char *name, const uint8_t *at, const cocos__flag *names, size_t n)
{
    cocos__fields_bytes(f, name, (cocos__span){at, 8},
                        cocos__fields_flags(f, cocos__u64le(at), names, n));
}

static void describe_body(const cocos__fields *f, const cocos__tdx_quote *q)
{
    size_t at = q->version == 5 ? HEADER_V5 : HEADER_V4;
    const uint8_t *data = q->signed_part.data + at;
    size_t len = q->signed_part.len - at;

    cocos__fields_put(f, data, body, COCOS__ARRAY_LEN(body));
    flags(f, "td_attributes", q->td_attributes, td_flags, COCOS__ARRAY_LEN(td_flags));
    flags(f, "xfam", q->xfam, features, COCOS__ARRAY_LEN(features));
    cocos__fields_bytes(f, "tee_tcb_svn", (cocos__span){q->tee_tcb_svn, 16},
                        cocos__rows_printf(f->text, "module version %u, SVN %u, at launch",
                                           q->tee_tcb_svn[1], q->tee_tcb_svn[0]));
    if (len > BODY_10)
        cocos__fields_put(f, data, body_15, COCOS__ARRAY_LEN(body_15));
    if (len > BODY_15)
        cocos__fields_put(f, data, body_15x, COCOS__ARRAY_LEN(body_15x));
}

static void describe_signature(const cocos__fields *f, const cocos__tdx_quote *q)
{
    cocos__fields_bytes(f, "signature", (cocos__span){q->signature, 64},
                        "r and s over header and body, by the attestation key");
    cocos__fields_bytes(f, "attestation_key", (cocos__span){q->attestation_key, 64},
                        "x and y of the quoting enclave's key");
    cocos__fields_put(f, q->qe_report, enclave, COCOS__ARRAY_LEN(enclave));
    flags(f, "qe_attributes", q->qe_report + 48, enclave_flags, COCOS__ARRAY_LEN(enclave_flags));
    flags(f, "qe_xfrm", q->qe_report + 56, features, COCOS__ARRAY_LEN(features));
    cocos__fields_bytes(f, "qe_report_signature", (cocos__span){q->qe_report_signature, 64},
                        "r and s over the report of the quoting enclave, by the PCK");
    cocos__fields_bytes(f, "qe_auth_data", q->qe_auth_data, "of the quoting enclave's own choice");
    f->put(f->user, "certification_data_type", "6, 5",
           "report of the quoting enclave, then the PCK's certificates in PEM");
}

void cocos__tdx_extension_describe(const cocos__fields *f, const cocos__cert *cert)
{
    cocos__tdx_sgx sgx;

    if (cocos__tdx_sgx_read(cert, &sgx))
        return;
    cocos__fields_bytes(f, "fmspc", (cocos__span){sgx.fmspc, sizeof sgx.fmspc}, "platform family");
    cocos__fields_bytes(f, "pce_id", (cocos__span){sgx.pce_id, sizeof sgx.pce_id},
                        "provisioning enclave");
    cocos__fields_bytes(
        f, "tcb_components", (cocos__span){sgx.components, sizeof sgx.components},
        cocos__rows_printf(f->text, "SVNs of the platform; PCE SVN %u", sgx.pce_svn));
}

static int describe_chain(const cocos__fields *f, const cocos__tdx_quote *q, cocos_error **err)
{
    cocos__certs chain = {.n = 0};
    cocos_error *why = NULL;

    int r = cocos__certs_add(&chain, q->pck_chain.data, q->pck_chain.len, &why);
    for (size_t i = 0; i < chain.n; i++) {
        cocos__cert_describe(f, "certificate", chain.at[i]);
        cocos__tdx_extension_describe(f, chain.at[i]);
    }
    cocos__certs_done(&chain);
    return cocos__fields_settle(f, r, "pck_chain", why, err);
}

int cocos__tdx_describe(cocos__span evidence, const cocos__fields *f, cocos_error **err)
{
    static const char *const bodies[] = {[COCOS__TDX_BODY_10] = "TD report 1.0",
                                         [COCOS__TDX_BODY_15] = "TD report 1.5",
                                         [COCOS__TDX_BODY_15X] = "TD report 1.5 extended"};
    cocos__tdx_quote q;
    int cut = 0;

    int r = cocos__tdx_quote_read(evidence.data, evidence.len, &q, &cut, err);
    if (r < 0)
        return r;
    f->put(f->user, "version", cocos__rows_printf(f->text, "%u", q.version),
           "of the quote's layout");
    f->put(f->user, "body_type", cocos__rows_printf(f->text, "%d", q.body_type),
           bodies[q.body_type]);
    cocos__fields_put(f, evidence.data, header, COCOS__ARRAY_LEN(header));
    describe_body(f, &q);
    describe_signature(f, &q);
    return describe_chain(f, &q, err);
}
