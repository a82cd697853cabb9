/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_BASE_RULE_H
#define COCOS_BASE_RULE_H

/*
 * The small rules that policies are made of, and the check of each that writes its row. A rule is
 * unset (the default of its field holds), `any` (written out by the policy) or given.
 */

#include "base/rows.h"

enum cocos__rule_state { COCOS__RULE_UNSET = 0, COCOS__RULE_ANY = 1, COCOS__RULE_GIVEN = 2 };

/* A byte string must be one of `count` values of `size` bytes each. */
typedef struct cocos__match {
    int state;
    size_t size;
    size_t count;    /* 0 where no value fits */
    uint8_t *values; /* owned */
    const char *by;  /* who states them; static, NULL: the policy */
} cocos__match;

#define COCOS__MATCH_MAX 256 /* values of one rule */

void cocos__match_done(cocos__match *m);
void cocos__match_any(cocos__match *m);
/* Adds one value; USAGE "policy.length" when it is not as long as the others, EXHAUSTED
 * "policy.count". */
int cocos__match_add(cocos__match *m, const uint8_t *value, size_t size, cocos_error **err);
int cocos__match_has(const cocos__match *m, const uint8_t *value, size_t size);

/* One number: a minimum, a mask or an exact value, as its field says. */
typedef struct cocos__number {
    int state;
    uint64_t value;
} cocos__number;

/* What a policy says about the log of a boot, of whatever kind of machine. */
typedef struct cocos__boot_rules {
    cocos__number require_log; /* 0; a stated layer needs the log in any case */
    cocos__match kernel;       /* free; digests of the images that firmware started */
    cocos__match command_line; /* free; digests */
    cocos__match initrd;       /* free; digests */
} cocos__boot_rules;

/* What an unset rule means for its row. */
enum cocos__unset {
    COCOS__UNSET_FREE = 0, /* not checked */
    COCOS__UNSET_MISSING =
        1 /* could not tell: the policy has to say something ("policy.missing") */
};

/* Row `id`: `value` against the rule. Returns 0 when it failed. */
int cocos__match_check(cocos__rows *rows,
                       size_t id,
                       const char *code,
                       const cocos__match *rule,
                       int unset,
                       const uint8_t *value,
                       size_t size,
                       const char *signer);

/* Row `id`: found >= the rule's value. */
int cocos__least_check(cocos__rows *rows,
                       size_t id,
                       const char *code,
                       const cocos__number *rule,
                       uint64_t found,
                       const char *signer);

#endif
