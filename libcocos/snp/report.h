/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_SNP_REPORT_H
#define COCOS_SNP_REPORT_H

/* AMD SEV-SNP ATTESTATION_REPORT (AMD 56860, table 23): reading its fields and checking its form.
 */

#include "base/bytes.h"
#include "base/error.h"

#define COCOS__SNP_REPORT_SIZE 1184
#define COCOS__SNP_SIGNED_SIZE 672 /* 0x000..0x29f */

enum cocos__snp_signing_key { COCOS__SNP_VCEK = 0, COCOS__SNP_VLEK = 1, COCOS__SNP_NO_KEY = 7 };

/* Product lines, each with its own root and layout of TCB_VERSION. */
enum cocos__snp_line {
    COCOS__SNP_LINE_UNKNOWN = 0,
    COCOS__SNP_MILAN = 1,
    COCOS__SNP_GENOA = 2,
    COCOS__SNP_TURIN = 3,
    COCOS__SNP_VENICE = 4 /* known by its CPUID; no root is published */
};
#define COCOS__SNP_LINES 5

/* POLICY, bits of the guest's launch policy. */
#define COCOS__SNP_POLICY_SMT           (UINT64_C(1) << 16)
#define COCOS__SNP_POLICY_ONE           (UINT64_C(1) << 17)
#define COCOS__SNP_POLICY_MIGRATE_MA    (UINT64_C(1) << 18)
#define COCOS__SNP_POLICY_DEBUG         (UINT64_C(1) << 19)
#define COCOS__SNP_POLICY_SINGLE_SOCKET (UINT64_C(1) << 20)
#define COCOS__SNP_POLICY_CXL           (UINT64_C(1) << 21)
#define COCOS__SNP_POLICY_AES256        (UINT64_C(1) << 22)
#define COCOS__SNP_POLICY_RAPL          (UINT64_C(1) << 23)
#define COCOS__SNP_POLICY_CIPHERTEXT    (UINT64_C(1) << 24)
#define COCOS__SNP_POLICY_PAGE_SWAP     (UINT64_C(1) << 25)

/* A report of the right size. Pointers go into the caller's bytes. */
typedef struct cocos__snp_report {
    const uint8_t *raw;
    uint32_t version;
    uint32_t guest_svn;
    uint64_t policy;
    const uint8_t *family_id; /* 16 */
    const uint8_t *image_id;  /* 16 */
    uint32_t vmpl;
    uint32_t signature_algo;
    uint64_t current_tcb;
    uint64_t platform_info;
    uint32_t key_info;
    const uint8_t *report_data;       /* 64 */
    const uint8_t *measurement;       /* 48 */
    const uint8_t *host_data;         /* 32 */
    const uint8_t *id_key_digest;     /* 48 */
    const uint8_t *author_key_digest; /* 48 */
    const uint8_t *report_id;         /* 32 */
    const uint8_t *report_id_ma;      /* 32 */
    uint64_t reported_tcb;
    uint8_t family; /* version 3 and later */
    uint8_t model;
    uint8_t stepping;
    const uint8_t *chip_id; /* 64 */
    uint64_t committed_tcb;
    uint32_t current_build; /* build, and version as major << 8 | minor */
    uint32_t current_version;
    uint32_t committed_build;
    uint32_t committed_version;
    uint64_t launch_tcb;
    uint64_t launch_mit; /* version 5 */
    uint64_t current_mit;
} cocos__snp_report;

/* Finds the fields; 0, or -1 when the size is not COCOS__SNP_REPORT_SIZE. Believes nothing. */
int cocos__snp_report_read(const uint8_t *data, size_t len, cocos__snp_report *ret);

/* 1 for the versions whose layout is known: 2 to 5. */
int cocos__snp_version_known(uint32_t version);

/* What is wrong with bits and ranges that this version fixes, or NULL. Static. */
const char *cocos__snp_form_defect(const cocos__snp_report *r);

int cocos__snp_author_key_enabled(const cocos__snp_report *r);
int cocos__snp_chip_id_masked(const cocos__snp_report *r); /* CHIP_ID is all zero */
int cocos__snp_signing_key(const cocos__snp_report *r);

/* The line by CPUID (version 3 and later), else COCOS__SNP_LINE_UNKNOWN. */
int cocos__snp_line_of_report(const cocos__snp_report *r);
const char *cocos__snp_line_name(int line);                /* "Milan"; "unknown" */
int cocos__snp_line_by_name(const char *name, size_t len); /* exact name, else unknown */

/* TCB_VERSION by the line's layout (AMD 57230). All components by name; unused ones are 0. */
typedef struct cocos__snp_tcb {
    uint8_t fmc;
    uint8_t boot_loader;
    uint8_t tee;
    uint8_t snp;
    uint8_t microcode;
    uint8_t reserved[4];
} cocos__snp_tcb;
cocos__snp_tcb cocos__snp_tcb_split(uint64_t tcb, int line);
/* Components by name, in the order of the members above but with the FMC last, which only lines of
 * Turin's layout have. */
#define COCOS__SNP_TCB_PARTS 5
#define COCOS__SNP_TCB_FMC   4
extern const char *const cocos__snp_tcb_names[COCOS__SNP_TCB_PARTS];
int cocos__snp_line_has_fmc(int line);
/* a <= b in every component. */
int cocos__snp_tcb_at_most(uint64_t a, uint64_t b);

#endif
