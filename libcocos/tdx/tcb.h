/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_TDX_TCB_H
#define COCOS_TDX_TCB_H

/*
 * Intel's collateral for TDX (provisioning certification service, version 4): TCB info and the
 * identity of the quoting enclave, and the status that follows for a platform.
 */

#include "base/bytes.h"
#include "base/error.h"
#include "tdx/pck.h"

enum cocos__tdx_status {
    COCOS__TDX_UP_TO_DATE = 0,
    COCOS__TDX_SW_HARDENING = 1,
    COCOS__TDX_CONFIGURATION = 2,
    COCOS__TDX_CONFIGURATION_SW_HARDENING = 3,
    COCOS__TDX_OUT_OF_DATE = 4,
    COCOS__TDX_OUT_OF_DATE_CONFIGURATION = 5,
    COCOS__TDX_REVOKED = 6,
    /* computed, never served: */
    COCOS__TDX_NOT_SUPPORTED = 7,
    COCOS__TDX_RELAUNCH = 8,
    COCOS__TDX_RELAUNCH_CONFIGURATION = 9
};
#define COCOS__TDX_STATUSES 10
const char *cocos__tdx_status_name(int status);
int cocos__tdx_status_by_name(const char *name, size_t len); /* -1: none */

#define COCOS__TDX_LEVELS_MAX     64
#define COCOS__TDX_MODULES_MAX    16
#define COCOS__TDX_ADVISORIES_MAX 256 /* bytes of the ids of one level, joined */

/* One level of platform, module or enclave; unused parts are zero. */
typedef struct cocos__tdx_level {
    uint8_t sgx[16];
    uint8_t tdx[16];
    uint16_t pce_svn;
    uint16_t isv_svn;
    int status;
    char advisories[COCOS__TDX_ADVISORIES_MAX]; /* joined by spaces */
} cocos__tdx_level;

typedef struct cocos__tdx_levels {
    cocos__tdx_level *at; /* best first */
    size_t n;
} cocos__tdx_levels;

typedef struct cocos__tdx_module {
    char id[16]; /* "TDX_03"; "" for the one of version 0 */
    uint8_t mrsigner[48];
    uint8_t attributes[8];
    uint8_t mask[8];
    cocos__tdx_levels levels; /* none for version 0 */
} cocos__tdx_module;

typedef struct cocos__tdx_tcb_info {
    char id[16];
    int64_t issued;
    int64_t next_update;
    uint8_t fmspc[6];
    uint8_t pce_id[2];
    uint64_t evaluation_number;
    cocos__tdx_module base; /* tdxModule */
    cocos__tdx_module modules[COCOS__TDX_MODULES_MAX];
    size_t n_modules;
    cocos__tdx_levels levels;
} cocos__tdx_tcb_info;

typedef struct cocos__tdx_qe_identity {
    char id[16];
    int64_t issued;
    int64_t next_update;
    uint64_t evaluation_number;
    uint32_t miscselect;
    uint32_t miscselect_mask;
    uint8_t attributes[16];
    uint8_t attributes_mask[16];
    uint8_t mrsigner[32];
    uint16_t isv_prod_id;
    cocos__tdx_levels levels;
} cocos__tdx_qe_identity;

/*
 * A response body: the exact bytes of its object `name` and its signature. MALFORMED
 * "tdx.collateral_format". The object is not looked at.
 */
typedef struct cocos__tdx_signed {
    cocos__span object;
    uint8_t signature[64];
} cocos__tdx_signed;
#define COCOS__TDX_COLLATERAL_MAX (1u << 20)
int cocos__tdx_signed_read(cocos__span body,
                           const char *name,
                           cocos__tdx_signed *ret,
                           cocos_error **err);

/* Objects, read strictly. MALFORMED "tdx.collateral_format"; EXHAUSTED; MEMORY. */
int cocos__tdx_tcb_info_read(cocos__span object, cocos__tdx_tcb_info *ret, cocos_error **err);
void cocos__tdx_tcb_info_done(cocos__tdx_tcb_info *t);
int cocos__tdx_qe_identity_read(cocos__span object, cocos__tdx_qe_identity *ret, cocos_error **err);
void cocos__tdx_qe_identity_done(cocos__tdx_qe_identity *q);

/* The identity for TEE_TCB_SVN: `base` for module version 0, else TDX_NN; NULL: none. */
const cocos__tdx_module *cocos__tdx_module_of(const cocos__tdx_tcb_info *t,
                                              const uint8_t tee_tcb_svn[16]);

/* What levels matched, for the row. */
typedef struct cocos__tdx_evaluation {
    int status; /* converged */
    const cocos__tdx_level *platform;
    const cocos__tdx_level *module;
    const cocos__tdx_level *enclave;
} cocos__tdx_evaluation;

/* Platform, module and enclave converged for one TEE_TCB_SVN. */
cocos__tdx_evaluation cocos__tdx_evaluate(const cocos__tdx_tcb_info *t,
                                          const cocos__tdx_qe_identity *q,
                                          const cocos__tdx_sgx *sgx,
                                          const uint8_t tee_tcb_svn[16],
                                          uint16_t qe_isv_svn);
/* The launch status in the light of the current one (TDX 1.5). */
int cocos__tdx_relaunch(int launch, int current);

#endif
