/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_SNP_POLICY_H
#define COCOS_SNP_POLICY_H

/* What a policy says about SEV-SNP. Unset rules have the default named beside them. */

#include "base/rule.h"
#include "snp/report.h"

/* SMT allowed, nothing else; bit 17 is always 1. */
#define COCOS__SNP_GUEST_POLICY_DEFAULT UINT64_C(0x30000)

/* A least TCB: one number in the layout of the report's line, or components by name. */
typedef struct cocos__snp_min_tcb {
    int state; /* these two as in cocos__number */
    uint64_t value;
    unsigned named; /* mask of components that are stated; 0: the number is */
    uint8_t part[COCOS__SNP_TCB_PARTS];
} cocos__snp_min_tcb;

typedef struct cocos__snp_policy {
    cocos__number products;            /* mask of 1 << enum cocos__snp_line; must be stated */
    cocos__match measurement;          /* must be stated */
    cocos__match report_data;          /* must be stated */
    cocos__match host_data;            /* free */
    cocos__match family_id;            /* free */
    cocos__match image_id;             /* free */
    cocos__match report_id;            /* free */
    cocos__match report_id_ma;         /* free */
    cocos__match chip_id;              /* free; beside the check against the certificate */
    cocos__number guest_policy;        /* most that the guest may be allowed: the default above */
    cocos__number vmpl;                /* 0 */
    cocos__number min_guest_svn;       /* free */
    cocos__snp_min_tcb min_tcb;        /* free */
    cocos__snp_min_tcb min_launch_tcb; /* free */
    cocos__number min_build;           /* free */
    cocos__number min_version;         /* free; major << 8 | minor */
    cocos__number platform_info;       /* free */
    cocos__number provisional;         /* 0: committed must equal current */
    cocos__number require_id_block;    /* 0, or 1 when keys are listed */
    cocos__number require_author_key;  /* 0 */
    cocos__match id_keys;              /* SHA-384 digests */
    cocos__match author_keys;
    cocos__number launch_mitigations;  /* free; bits that must be set */
    cocos__number current_mitigations; /* free */
    cocos__number revocation;          /* demanded; only `any` lets a missing list pass */
} cocos__snp_policy;

void cocos__snp_policy_done(cocos__snp_policy *p);

#endif
