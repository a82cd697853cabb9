/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_MANIFEST_APPROVAL_H
#define COCOS_MANIFEST_APPROVAL_H

/* Approvals and withdrawals (cocos-v1 section 4): made offline by a party, sent by anyone. */

#include <cocos/case.h>

#include "manifest/signed.h"

#define COCOS__APPROVAL_MAX (16 * 1024) /* bytes; with a time-stamp */
#define COCOS__ROLE_MAX     31

/* What is said. Borrowed; of a parsed one, as long as the object lives. */
typedef struct cocos__approving {
    int withdrawal;          /* of what was approved: tag cocos.withdrawal/1 */
    const uint8_t *manifest; /* 2: 32 bytes */
    const char *role;      /* 3: one of the manifest's three, or "approver": by thumbprint alone */
    int64_t not_after_s;   /* 4, and exp: COCOS__NEVER: none */
    int64_t not_before_s;  /* nbf: COCOS__NEVER: none */
    int64_t max_runs;      /* 5: -1: no limit */
    const uint8_t *policy; /* 6: 32 bytes, SHA3-256 of a policy file; NULL: none named */
    const uint8_t *instance; /* 7: 16 bytes; NULL: any */
} cocos__approving;

/* Appends the COSE_Sign1, with a new id of its own (cti). USAGE "approval.value". */
int cocos__approval_sign(const cocos_key *key,
                         const cocos__approving *a,
                         cocos__buf *out,
                         cocos_error **err);

struct cocos_approval {
    uint8_t *encoded; /* as it came */
    size_t len;
    cocos__signed is;
    cocos__approving says;
    char role[COCOS__ROLE_MAX + 1];
};
COCOS__DEFINE_FREEP(cocos__approval_freep, cocos_approval *, cocos_approval_free)

/* As cocos_approval_parse(), passing over unprotected headers that we do not know. */
int cocos__approval_parse(cocos__span data, int lenient, cocos_approval **ret, cocos_error **err);
int cocos__approval_read(cocos__span data,
                         int lenient,
                         const cocos__known *known,
                         cocos_approval **ret,
                         cocos_error **err);

/* One signature that the manifest asks for. A role stands for every key that has it. */
typedef struct cocos__required {
    const char *role; /* NULL: named by its thumbprint, in whatever role */
    uint8_t signer[32];
} cocos__required;

/* Everything that must be signed before the job starts, each key of a role once.
 * @param ret [out] array, freed by the caller; never NULL. */
int cocos__manifest_required(const cocos_manifest *m,
                             cocos__required **ret,
                             size_t *n,
                             cocos_error **err);
/* The role in which this key signs when nobody says another: one that the manifest asks for if it
 * has one, else any that it has, else "approver". */
const char *cocos__role_of(const cocos_manifest *m, const uint8_t signer[32]);
int cocos__is_role(const char *role);
/* 1 when this signature is the one asked for; it must have been verified. */
int cocos__approval_answers(const cocos_approval *a, const cocos__required *what);

/* What an approval is held to at the start of run number `run` (1, 2, …) of this boot. */
typedef struct cocos__start {
    const uint8_t *instance; /* 16 bytes; NULL: not known */
    uint64_t run;
    int64_t time_s; /* COCOS__NEVER: not known */
} cocos__start;

/*
 * Is it signed by a key that the manifest lets approve in this role, and for this manifest?
 * UNAUTHENTICATED "cose.signature", "approval.manifest"; DENIED "approval.signer".
 */
int cocos__approval_check(const cocos_approval *a, const cocos_manifest *m, cocos_error **err);
/* Does it hold for this start? DENIED "approval.instance", "approval.runs", "approval.time". */
int cocos__approval_holds(const cocos_approval *a, const cocos__start *start, cocos_error **err);

#endif
