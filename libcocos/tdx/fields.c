/* SPDX-License-Identifier: Apache-2.0 */
/* What a quote says, once its signatures hold, against the policy. */
#include <inttypes.h>
#include <string.h>

#include "tdx/checks.h"

#define BY "attestation key"

static cocos__said unruled(int state)
{
    return state == COCOS__RULE_ANY ? (cocos__said){"any", "policy"}
                                    : (cocos__said){"nothing stated", "default"};
}

static void check_debug(const cocos__tdx_case *k, uint64_t attributes)
{
    const cocos__number *rule = &k->policy->debug;
    int permitted =
        rule->state == COCOS__RULE_ANY || (rule->state == COCOS__RULE_GIVEN && rule->value);
    int set = (attributes & COCOS__TDX_ATTR_DEBUG) != 0;
    cocos__said found = {set ? "set" : "not set", BY};

    if (permitted)
        cocos__row_skip(k->rows, TDX_DEBUG, (cocos__said){"may be set", "policy"}, found);
    else
        cocos__row_test(
            k->rows, TDX_DEBUG, !set, "tdx.td_debug",
            (cocos__said){"not set", rule->state == COCOS__RULE_GIVEN ? "policy" : "default"},
            found);
}

/* Without a word from the policy the bits that the module fixes are held; a stated value is exact.
 */
static void check_bits(const cocos__tdx_case *k,
                       size_t id,
                       const char *code,
                       const cocos__match *rule,
                       const uint8_t *value,
                       uint64_t must,
                       uint64_t may)
{
    uint64_t bits = cocos__u64le(value);

    if (rule->state != COCOS__RULE_UNSET) {
        cocos__match_check(k->rows, id, code, rule, COCOS__UNSET_FREE, value, 8, BY);
        return;
    }
    cocos__said expected = {
        cocos__rows_printf(k->rows, "bits 0x%" PRIx64 " set, none outside 0x%" PRIx64, must, may),
        "default"};
    cocos__row_test(k->rows, id, (bits & must) == must && !(bits & ~may), code, expected,
                    (cocos__said){cocos__rows_hex(k->rows, value, 8), BY});
}

static void check_svn(const cocos__tdx_case *k)
{
    const cocos__match *rule = &k->policy->min_tee_tcb_svn;
    const uint8_t *is = k->quote->tee_tcb_svn;
    cocos__said found = {cocos__rows_hex(k->rows, is, 16), BY};
    int ok = 1;

    if (rule->state != COCOS__RULE_GIVEN) {
        cocos__row_skip(k->rows, TDX_TEE_TCB_SVN, unruled(rule->state), found);
        return;
    }
    for (size_t i = 0; i < 16; i++)
        ok &= is[i] >= rule->values[i];
    cocos__row_test(k->rows, TDX_TEE_TCB_SVN, ok, "tdx.tee_tcb_svn",
                    (cocos__said){cocos__rows_printf(k->rows, "each component at least that of %s",
                                                     cocos__rows_hex(k->rows, rule->values, 16)),
                                  "policy"},
                    found);
}

static int has_service(const cocos__tdx_quote *q)
{
    static const uint8_t zero[COCOS__TDX_SERVICE_SIZE];
    const uint8_t *x = q->extended;

    return memcmp(q->mrservicetd, zero, 48) != 0 ||
           (x && (memcmp(x + COCOS__TDX_SERVICE_FIRST, zero, sizeof zero) != 0 ||
                  memcmp(x + COCOS__TDX_SERVICE_NOW, zero, sizeof zero) != 0));
}

/* A service TD can migrate the guest's secrets: none, now or at first, unless the policy names it.
 */
static void check_service(const cocos__tdx_case *k)
{
    const cocos__match *rule = &k->policy->mrservicetd;
    const uint8_t *is = k->quote->mrservicetd;

    if (!is)
        cocos__row_skip(k->rows, TDX_MRSERVICETD, unruled(rule->state),
                        (cocos__said){"this quote has no such field", BY});
    else if (rule->state != COCOS__RULE_UNSET)
        cocos__match_check(k->rows, TDX_MRSERVICETD, "tdx.mrservicetd", rule, COCOS__UNSET_FREE, is,
                           48, BY);
    else
        cocos__row_test(k->rows, TDX_MRSERVICETD, !has_service(k->quote), "tdx.mrservicetd",
                        (cocos__said){"no service TD, also none at first", "default"},
                        (cocos__said){cocos__rows_hex(k->rows, is, 48), BY});
}

static void check_values(const cocos__tdx_case *k)
{
    const cocos__tdx_quote *q = k->quote;
    const cocos__tdx_policy *p = k->policy;
    const struct {
        size_t id;
        const char *code;
        const cocos__match *rule;
        int unset;
        const uint8_t *value;
        size_t size;
    } all[] = {
        {TDX_MRSEAM, "tdx.mrseam", &p->mrseam, COCOS__UNSET_FREE, q->mrseam, 48},
        {TDX_MRTD, "tdx.mrtd", &p->mrtd, COCOS__UNSET_MISSING, q->mrtd, 48},
        {TDX_REPORT_DATA, "tdx.report_data", &p->report_data, COCOS__UNSET_MISSING, q->report_data,
         64},
        {TDX_RTMR0, "tdx.rtmr", &p->rtmr[0], COCOS__UNSET_FREE, q->rtmr[0], 48},
        {TDX_RTMR0 + 1, "tdx.rtmr", &p->rtmr[1], COCOS__UNSET_FREE, q->rtmr[1], 48},
        {TDX_RTMR0 + 2, "tdx.rtmr", &p->rtmr[2], COCOS__UNSET_FREE, q->rtmr[2], 48},
        {TDX_RTMR3, "tdx.rtmr", &p->rtmr[3], COCOS__UNSET_FREE, q->rtmr[3], 48},
        {TDX_MRCONFIGID, "tdx.mrconfigid", &p->mrconfigid, COCOS__UNSET_FREE, q->mrconfigid, 48},
        {TDX_MROWNER, "tdx.mrowner", &p->mrowner, COCOS__UNSET_FREE, q->mrowner, 48},
        {TDX_MROWNERCONFIG, "tdx.mrownerconfig", &p->mrownerconfig, COCOS__UNSET_FREE,
         q->mrownerconfig, 48},
    };

    for (size_t i = 0; i < COCOS__ARRAY_LEN(all); i++)
        cocos__match_check(k->rows, all[i].id, all[i].code, all[i].rule, all[i].unset, all[i].value,
                           all[i].size, BY);
}

void cocos__tdx_check_fields(const cocos__tdx_case *k)
{
    cocos__match_check(k->rows, TDX_PLATFORM, "tdx.fmspc", &k->policy->fmspc, COCOS__UNSET_MISSING,
                       k->pck->sgx.fmspc, 6, "PCK certificate's issuer");
    check_debug(k, cocos__u64le(k->quote->td_attributes));
    check_bits(k, TDX_ATTRIBUTES, "tdx.td_attributes", &k->policy->td_attributes,
               k->quote->td_attributes, 0, COCOS__TDX_ATTR_KNOWN);
    check_bits(k, TDX_XFAM, "tdx.xfam", &k->policy->xfam, k->quote->xfam, COCOS__TDX_XFAM_FIXED1,
               COCOS__TDX_XFAM_KNOWN);
    check_svn(k);
    cocos__least_check(k->rows, TDX_QE_SVN, "tdx.qe_svn", &k->policy->min_qe_svn,
                       cocos__tdx_qe_report_read(k->quote->qe_report).isv_svn, "PCK");
    cocos__least_check(k->rows, TDX_PCE_SVN, "tdx.pce_svn", &k->policy->min_pce_svn,
                       k->pck->sgx.pce_svn, "PCK certificate's issuer");
    check_values(k);
    check_service(k);
}
