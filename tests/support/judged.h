/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_TESTS_JUDGED_H
#define COCOS_TESTS_JUDGED_H

/* What a policy makes of evidence, as one code. */

#include <cocos/verifier.h>

#include <check.h>
#include <stdio.h>

#include "suite.h"

/* The code of the verdict over the evidence, after "undecided " when it is that; "" when accepted.
 * Valid until the next call. `simulated`: may be NULL. */
static inline const char *
verdict_code(const cocos_policy *policy, const cocos_evidence *ev, int64_t time_s, int *simulated)
{
    static char code[80];
    cocos_verifier *verifier = NULL;
    cocos_verdict *verdict = NULL;
    cocos_error *err = NULL;

    assert_ok(cocos_verifier_new(policy, &verifier, &err), err);
    int r =
        cocos_verifier_verify(verifier, ev, time_s * 1000000000, COCOS_TIME_CHOSEN, &verdict, &err);
    ck_assert_msg(verdict != NULL, "%s", cocos_error_message(err));
    ck_assert_int_eq(r == COCOS_OK, cocos_verdict_judgement(verdict) == COCOS_ACCEPTED);
    ck_assert_str_eq(cocos_verdict_reason(verdict), r == COCOS_OK ? "" : cocos_error_code(err));
    snprintf(code, sizeof code, "%s%s", r == COCOS_ERR_UNDECIDED ? "undecided " : "",
             cocos_verdict_reason(verdict));
    if (simulated)
        *simulated = cocos_verdict_simulated(verdict);
    cocos_error_free(err);
    cocos_verdict_free(verdict);
    cocos_verifier_free(verifier);
    return code;
}

#endif
