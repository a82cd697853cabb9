/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_TDX_PCK_H
#define COCOS_TDX_PCK_H

/* Intel's certificates: the PCK chain of a quote, and the trusted root. */

#include "crypto/chain.h"

/* Intel SGX Root CA, compiled in. */
extern const cocos__pin cocos__tdx_pins[];
extern const size_t cocos__tdx_pins_n;

/* The SGX extension of a PCK certificate (Intel SGX PCK Certificate and CRL Profile). */
typedef struct cocos__tdx_sgx {
    uint8_t components[16]; /* TCB component SVNs in order */
    uint16_t pce_svn;
    uint8_t pce_id[2];
    uint8_t fmspc[6];
} cocos__tdx_sgx;

/* NULL, or what is wrong. Static. */
const char *cocos__tdx_sgx_read(const cocos__cert *cert, cocos__tdx_sgx *ret);

typedef struct cocos__tdx_pck {
    cocos__certs chain; /* leaf, intermediate, root */
    cocos__tdx_sgx sgx;
    const char *defect;    /* of form, names, extension or signatures; NULL: none */
    const char *root_name; /* NULL: the root is not trusted */
    int simulated;
    int own_roots; /* the policy's were asked for, not Intel's */
} cocos__tdx_pck;

/* Defects are noted: COCOS_OK or MEMORY. `roots` NULL: Intel's. */
int cocos__tdx_pck_read(cocos__span pem,
                        const cocos__certs *roots,
                        cocos__tdx_pck *ret,
                        cocos_error **err);
void cocos__tdx_pck_done(cocos__tdx_pck *p);

/* The trusted root's name, or NULL; *simulated when it is not Intel's. */
const char *
cocos__tdx_root_name(const cocos__cert *root, const cocos__certs *roots, int *simulated);
/* Version 3, ECDSA with SHA-256 on P-256, Intel's names, this subject. */
int cocos__tdx_is_intel(const cocos__cert *cert, const char *cn);

#define COCOS__TDX_CN_ROOT "Intel SGX Root CA"
#define COCOS__TDX_CN_TCB  "Intel SGX TCB Signing"

#endif
