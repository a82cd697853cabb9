/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/tee.h"

#include "crypto/digest.h"
#include "vtpm/boot.h"

/* AMD 58019, SVSM_ATTEST_SERVICES: REPORT_DATA = SHA-512(nonce || services manifest). */
static int bind(const uint8_t *nonce, cocos__span manifest, uint8_t *out, cocos_error **err)
{
    COCOS__CLEANUP(cocos__hasher_freep) cocos__hasher *h = NULL;

    int r = cocos__hasher_new(COCOS__SHA512, &h, err);
    if (r == COCOS_OK)
        r = cocos__hasher_update(h, nonce, 64, err);
    if (r == COCOS_OK)
        r = cocos__hasher_update(h, manifest.data, manifest.len, err);
    return r < 0 ? r : cocos__hasher_finish(h, out, err);
}

/* Nonces have 64 bytes by the table of rules: no two pairs of nonce and manifest run together. */
static int
bind_all(const cocos__match *nonces, cocos__span manifest, cocos__match *ret, cocos_error **err)
{
    cocos__match made = {.state = nonces->state, .by = nonces->by};
    uint8_t digest[64];
    int r = COCOS_OK;

    for (size_t i = 0; r == COCOS_OK && i < nonces->count; i++) {
        r = bind(nonces->values + i * nonces->size, manifest, digest, err);
        if (r == COCOS_OK)
            r = cocos__match_add(&made, digest, sizeof digest, err);
    }
    if (r < 0)
        cocos__match_done(&made);
    else
        *ret = made;
    return r;
}

int cocos__attest_snp(const cocos__snp_evidence *ev,
                      cocos__span manifest,
                      const cocos__snp_policy *policy,
                      const cocos__certs *roots,
                      const cocos__snp_kept *kept,
                      int64_t time_s,
                      cocos__rows *rows,
                      int *simulated,
                      cocos_error **err)
{
    if (manifest.len == 0)
        return cocos__snp_verify(ev, policy, roots, kept, time_s, rows, simulated, err);

    cocos__snp_policy bound = *policy;
    int r = bind_all(&policy->report_data, manifest, &bound.report_data, err);
    if (r < 0)
        return r;
    r = cocos__snp_verify(ev, &bound, roots, kept, time_s, rows, simulated, err);
    cocos__match_done(&bound.report_data);
    return r;
}

int cocos__attest_tdx(const cocos__tdx_evidence *ev,
                      cocos__span log,
                      const cocos__tdx_policy *policy,
                      const cocos__certs *roots,
                      const cocos__tdx_kept *kept,
                      int64_t time_s,
                      cocos__rows *rows,
                      int *simulated,
                      cocos_error **err)
{
    cocos__tdx_quote quote = {.rtmr = {NULL}};
    cocos__tdx_evidence asking = *ev;

    asking.believed = &quote;
    int r = cocos__tdx_verify(&asking, policy, roots, kept, time_s, rows, simulated, err);
    return r < 0 ? r : cocos__ccel_verify(log, quote.rtmr, &policy->boot, rows, err);
}
