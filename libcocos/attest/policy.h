/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_ATTEST_POLICY_H
#define COCOS_ATTEST_POLICY_H

/* The inside of a policy, and its rules, from which setters and JSON work. */

#include <cocos/policy.h>

#include "crypto/cert.h"
#include "snp/policy.h"
#include "tdx/policy.h"
#include "vtpm/policy.h"

/* A word of a closed or checked set, such as the name of a register. */
typedef struct cocos__word {
    int state; /* enum cocos__rule_state */
    char text[32];
} cocos__word;

enum cocos__layer {
    COCOS__LAYER_FIRMWARE,
    COCOS__LAYER_KERNEL,
    COCOS__LAYER_CMDLINE,
    COCOS__LAYER_INITRD,
    COCOS__LAYER_AGENT,
    COCOS__LAYERS
};

/* Of evidence in an envelope: what its claims may say. Unset rules have the default named beside.
 */
typedef struct cocos__envelope_policy {
    cocos__number purpose;  /* must be stated, here or by the caller; enum cocos__purpose - 1 */
    cocos__match challenge; /* must be stated, here or by the caller */
    cocos__match instance;  /* free */
    cocos__match manifest;  /* free */
    cocos__number compat;   /* 0 */
} cocos__envelope_policy;

struct cocos_policy {
    cocos__certs roots; /* none: the vendors' */
    cocos__match claims;
    cocos__envelope_policy envelope;
    cocos__word coverage[COCOS__LAYERS];
    cocos__snp_policy snp;
    cocos__tdx_policy tdx;
    cocos__vtpm_policy vtpm;
};

enum cocos__rule_type {
    COCOS__RULE_BYTES = 1,    /* cocos__match; hex, one or several */
    COCOS__RULE_NUMBER = 2,   /* cocos__number */
    COCOS__RULE_FLAG = 3,     /* cocos__number, true or false */
    COCOS__RULE_LINES = 4,    /* cocos__number, a mask of AMD product lines */
    COCOS__RULE_WORD = 5,     /* cocos__word */
    COCOS__RULE_STATUSES = 7, /* cocos__number, a mask of TDX TCB statuses */
    COCOS__RULE_ONLY_ANY = 6, /* cocos__number: nothing but "any" can be said */
    COCOS__RULE_CHOICE = 8,   /* cocos__number: which of cocos__rule_choices() */
    COCOS__RULE_TCB = 9       /* cocos__snp_min_tcb: a number, or "name=0..255,..." */
};

typedef struct cocos__rule {
    char name[32]; /* "section.rule" */
    int type;
    size_t offset; /* in struct cocos_policy */
    size_t size;   /* bytes of a value (0: 1 to 65536), or the largest number */
    const char *meaning;
    const char *unset; /* what holds when it is not set */
    int single;        /* one value only, of a type that could have several */
} cocos__rule;

/* All rules, in their order. */
extern const size_t cocos__rules_n;
cocos__rule cocos__rule_at(size_t i);
/* 1 with the rule of this name; 0: there is none. */
int cocos__rule_find(const char *name, cocos__rule *ret);
/* The words of a COCOS__RULE_CHOICE, "a|b|c"; NULL for other rules. */
const char *cocos__rule_choices(const cocos__rule *rule);
/* The word that stands for `value`, in buf. */
const char *cocos__rule_choice(const cocos__rule *rule, uint64_t value, char *buf, size_t size);
/* What values a rule takes, for people, in buf. */
const char *cocos__rule_takes(const cocos__rule *rule, char *buf, size_t size);
/* USAGE "policy.conflict": rules that cannot hold together. */
int cocos__policy_conflict(const cocos_policy *policy, cocos_error **err);
void *cocos__rule_in(cocos_policy *policy, const cocos__rule *rule);
int cocos__rule_state_of(const cocos_policy *policy, const cocos__rule *rule);
/* 1 when a rule of this section ("snp") says anything. */
int cocos__policy_mentions(const cocos_policy *policy, const char *section);

/* Deep copy. */
int cocos__policy_copy(const cocos_policy *policy, cocos_policy **ret, cocos_error **err);
/* For changes of several steps: made in a copy, which takes the place of the policy when all are.
 */
void cocos__policy_swap(cocos_policy *a, cocos_policy *b);
COCOS__DEFINE_FREEP(cocos__policy_freep, cocos_policy *, cocos_policy_free)

#endif
