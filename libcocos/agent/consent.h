/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_AGENT_CONSENT_H
#define COCOS_AGENT_CONSENT_H

/*
 * What the parties have signed about one manifest within this boot, and how often it was started
 * (cocos-v1 section 4). Kept in files below the state directory, beyond the end of a run, so that
 * neither kill -9 nor the same manifest once more makes anybody forget a withdrawal or a run.
 * Guarded by the service's lock.
 */

#include <cocos/case.h>

#include "agent/identity.h"
#include "manifest/approval.h"

#define COCOS__CONSENT_MAX 1024 /* approvals and withdrawals, as many as a statement can name */

typedef struct cocos__consent {
    char dir[COCOS__STATE_DIR_MAX + 96];
    const cocos_manifest *manifest; /* borrowed */
    const uint8_t *instance;        /* borrowed, 16 bytes */
    cocos__required *required;
    size_t n_required;
    cocos_approval **all; /* in the order in which they came */
    size_t n;
    uint64_t runs; /* starts so far */
    uint64_t run;  /* which of them is that of this computation; 0: not yet */
} cocos__consent;

/* Takes up what is there. EXHAUSTED "agent.manifests": too many in this boot. */
int cocos__consent_open(const char *state_dir,
                        const uint8_t instance[16],
                        const cocos_manifest *m,
                        cocos__consent **ret,
                        cocos_error **err);
void cocos__consent_close(cocos__consent *c); /* NULL allowed */

/*
 * Form, signature, signer, manifest, instance. *ret owned. Without the lock. As
 * cocos__approval_parse(), cocos__approval_check(), and DENIED "approval.instance".
 */
int cocos__consent_read(const cocos__consent *c,
                        cocos__span data,
                        cocos_approval **ret,
                        cocos_error **err);
/* Keeps it, taken also on failure; one that is there already changes nothing. DENIED
 * "approval.withdrawn": its signer has withdrawn; EXHAUSTED "approval.count". */
int cocos__consent_add(cocos__consent *c, cocos_approval *a_take, cocos_error **err);

/* Who withdrew first; NULL: nobody did. */
const cocos_approval *cocos__consent_withdrawal(const cocos__consent *c);
/* The approval that answers required signature i at the next start; NULL when it is missing. */
const cocos_approval *cocos__consent_answer(const cocos__consent *c, size_t i);
/* 1 when the job may start as far as the parties go. */
int cocos__consent_given(const cocos__consent *c);

#define COCOS__CONSENT_TEXT 128
/* What still stands in the way, at most `max` texts: "data-provider THUMBPRINT", "withdrawn by
 * THUMBPRINT". How many there are. */
size_t
cocos__consent_missing(const cocos__consent *c, char (*out)[COCOS__CONSENT_TEXT], size_t max);

/* It starts, as number `run`; kept. */
int cocos__consent_count(cocos__consent *c, uint64_t run, cocos_error **err);

#endif
