/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_SNP_CHECKS_H
#define COCOS_SNP_CHECKS_H

/* The rows of a SEV-SNP section in their fixed order, and the halves of the work. */

#include "snp/verify.h"

enum {
    SNP_SIZE,
    SNP_VERSION,
    SNP_FORM,
    SNP_ALGORITHM,
    SNP_CERTIFICATES,
    SNP_KEY_KIND,
    SNP_PROFILE,
    SNP_EXTENSIONS,
    SNP_CHAIN,
    SNP_ROOT,
    SNP_SIGNATURE,
    SNP_VALIDITY,
    SNP_REVOCATION,
    SNP_PRODUCT,
    SNP_CHIP,
    SNP_TCB_CERTIFICATE,
    SNP_TCB_ORDER,
    SNP_TCB_MINIMUM,
    SNP_TCB_LAUNCH,
    SNP_FIRMWARE,
    SNP_PROVISIONAL,
    SNP_POLICY_ABI,
    SNP_POLICY_DEBUG,
    SNP_POLICY_MIGRATION,
    SNP_POLICY_SMT,
    SNP_POLICY_CXL,
    SNP_POLICY_SINGLE_SOCKET,
    SNP_POLICY_AES256,
    SNP_POLICY_RAPL,
    SNP_POLICY_CIPHERTEXT,
    SNP_POLICY_PAGE_SWAP,
    SNP_PLATFORM,
    SNP_VMPL,
    SNP_GUEST_SVN,
    SNP_MEASUREMENT,
    SNP_REPORT_DATA,
    SNP_HOST_DATA,
    SNP_FAMILY_ID,
    SNP_IMAGE_ID,
    SNP_REPORT_ID,
    SNP_REPORT_ID_MA,
    SNP_ID_KEY,
    SNP_AUTHOR_KEY,
    SNP_MIT_LAUNCH,
    SNP_MIT_CURRENT,
    SNP_CHECKS
};

extern const cocos__check cocos__snp_checks[SNP_CHECKS];

/* The rows of the certificates; 1 when the key may be believed. */
int cocos__snp_check_endorsement(const cocos__snp_endorsement *e,
                                 const cocos__snp_report *r,
                                 int64_t time_s,
                                 cocos__rows *rows);

/* SNP_REVOCATION. */
int cocos__snp_check_revocation(const cocos__snp_endorsement *e,
                                const cocos__span *crls,
                                size_t n,
                                const cocos__snp_policy *policy,
                                int64_t time_s,
                                cocos__rows *rows,
                                cocos_error **err);

/* Everything behind the signature. */
void cocos__snp_check_fields(const cocos__snp_report *r,
                             const cocos__snp_endorsement *e,
                             const cocos__snp_policy *p,
                             cocos__rows *rows);

#endif
