/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_TDX_QUOTE_H
#define COCOS_TDX_QUOTE_H

/* Intel TDX quotes, versions 4 and 5 (Intel TDX DCAP Quoting Library API, appendix A3). */

#include "base/bytes.h"
#include "base/error.h"

#define COCOS__TDX_RTMRS 4

enum cocos__tdx_body {
    COCOS__TDX_BODY_10 = 2, /* TD report 1.0, 584 bytes */
    COCOS__TDX_BODY_15 = 3, /* TD report 1.5, 648 bytes */
    COCOS__TDX_BODY_15X = 4 /* TD report 1.5 extended, 885 bytes */
};

/* TDATTRIBUTES */
#define COCOS__TDX_ATTR_DEBUG (UINT64_C(1) << 0)
/* DEBUG, SEPT_VE_DISABLE, PKS, PERFMON: the bits that a quote may have. */
#define COCOS__TDX_ATTR_KNOWN                                                                      \
    (UINT64_C(1) | UINT64_C(1) << 28 | UINT64_C(1) << 30 | UINT64_C(1) << 63)
#define COCOS__TDX_XFAM_FIXED1 UINT64_C(0x3)
#define COCOS__TDX_XFAM_KNOWN  UINT64_C(0x0006dbe7)

/* Views into the caller's bytes; what is not in this body is empty. */
typedef struct cocos__tdx_quote {
    uint16_t version;
    int body_type;
    cocos__span signed_part; /* header and body */
    /* Which of the two numbers behind the TEE type is which is disputed (tdx.md); both are zero so
     * far. */
    uint16_t header_svn[2];
    const uint8_t *qe_vendor_id; /* 16 */
    const uint8_t *user_data;    /* 20 */

    const uint8_t *tee_tcb_svn;            /* 16 */
    const uint8_t *mrseam;                 /* 48 */
    const uint8_t *mrsignerseam;           /* 48 */
    const uint8_t *seam_attributes;        /* 8 */
    const uint8_t *td_attributes;          /* 8 */
    const uint8_t *xfam;                   /* 8 */
    const uint8_t *mrtd;                   /* 48 */
    const uint8_t *mrconfigid;             /* 48 */
    const uint8_t *mrowner;                /* 48 */
    const uint8_t *mrownerconfig;          /* 48 */
    const uint8_t *rtmr[COCOS__TDX_RTMRS]; /* 48 each */
    const uint8_t *report_data;            /* 64 */
    const uint8_t *tee_tcb_svn2;           /* 16, or NULL */
    const uint8_t *mrservicetd;            /* 48, or NULL */
    const uint8_t *extended;               /* 237 of the extended body, or NULL */

    const uint8_t *signature;           /* 64, r and s big-endian */
    const uint8_t *attestation_key;     /* 64, x and y big-endian */
    const uint8_t *qe_report;           /* 384 */
    const uint8_t *qe_report_signature; /* 64 */
    cocos__span qe_auth_data;
    cocos__span pck_chain; /* PEM */
} cocos__tdx_quote;

/* Hash and attributes of the service TDs bound at first and now, within `extended`. */
#define COCOS__TDX_SERVICE_FIRST 81
#define COCOS__TDX_SERVICE_NOW   181
#define COCOS__TDX_SERVICE_SIZE  56

#define COCOS__TDX_QE_REPORT_SIZE 384

/* The enclave report of the quoting enclave (Intel SDM, SGX REPORT body). */
typedef struct cocos__tdx_qe_report {
    const uint8_t *cpu_svn; /* 16 */
    uint32_t miscselect;
    const uint8_t *attributes; /* 16 */
    const uint8_t *mrenclave;  /* 32 */
    const uint8_t *mrsigner;   /* 32 */
    uint16_t isv_prod_id;
    uint16_t isv_svn;
    const uint8_t *report_data; /* 64 */
} cocos__tdx_qe_report;
cocos__tdx_qe_report cocos__tdx_qe_report_read(const uint8_t *raw);

/*
 * Finds the parts. MALFORMED "tdx.format" with cut set to 1 when bytes are missing at the end;
 * MALFORMED "tdx.format" for sizes that disagree; UNSUPPORTED "tdx.format" for versions, key types,
 * TEE types, body types, vendors and certification data that are not TDX by Intel's quoting
 * enclave.
 */
int cocos__tdx_quote_read(
    const uint8_t *data, size_t len, cocos__tdx_quote *ret, int *cut, cocos_error **err);

#endif
