/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_MANIFEST_CASEFILE_H
#define COCOS_MANIFEST_CASEFILE_H

/* The inside of a case file (cocos-v1 section 5), for what makes, judges and explains it. */

#include "attest/evidence.h"
#include "base/rows.h"
#include "crypto/cert.h"
#include "manifest/approval.h"
#include "manifest/model.h"
#include "manifest/statement.h"

#define COCOS__CASE_MAX       (16u << 20) /* bytes */
#define COCOS__CASE_APPROVALS 128         /* with withdrawals */

struct cocos_case {
    cocos_manifest *manifest;
    cocos_approval *approvals[COCOS__CASE_APPROVALS];
    size_t n_approvals;
    cocos__span envelope; /* owned */
    struct {
        int part;         /* enum cocos_evidence_part */
        cocos__span data; /* owned */
    } collateral[COCOS__EVIDENCE_PARTS];
    size_t n_collateral;
    cocos_statement *statement;
    cocos_closure *closure; /* NULL: none */
    uint8_t *encoded;       /* of the last cocos_case_cbor() */
};
COCOS__DEFINE_FREEP(cocos__case_freep, cocos_case *, cocos_case_free)

struct cocos_case_terms {
    cocos__certs tsa_roots;
    int64_t time_s; /* COCOS__NEVER: that of the time-stamp, else the claimed one */
    int has_result;
    uint8_t result[32];
    uint64_t result_size;
};

/* Names of the rows that the explanation looks for. */
#define COCOS__CASE_SOUND  "case.sound"
#define COCOS__CASE_TIME   "case.time"
#define COCOS__CASE_RESULT "case.result"

/* The approval in the file with this digest, or NULL. */
const cocos_approval *cocos__case_find(const cocos_case *c, const uint8_t digest[32]);
/* All that the manifest has, in the order algorithm, requirements, data sets: asset number i.
 * 0 past the end. */
int cocos__manifest_asset_at(const cocos_manifest *m, size_t i, int *kind, size_t *index);

#endif
