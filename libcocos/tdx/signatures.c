/* SPDX-License-Identifier: Apache-2.0 */
/* From the PCK certificate over the quoting enclave's report to the quote: three links. */
#include <string.h>

#include "crypto/digest.h"
#include "tdx/checks.h"

#define PCK "Intel SGX PCK Certificate"

/* A row from a signature check; *held on a pass. COCOS_OK or the failure to try. */
static int row_of(const cocos__tdx_case *c,
                  size_t id,
                  const char *code,
                  int r,
                  const char *signer,
                  int *held,
                  cocos_error **why,
                  cocos_error **err)
{
    cocos__said expected = {"a signature that holds", "compiled in"};

    if (r < 0 && r != COCOS_ERR_REJECTED && r != COCOS_ERR_MALFORMED) {
        if (err) {
            cocos_error_free(*err);
            *err = *why;
            *why = NULL;
        }
        return r;
    }
    *held = cocos__row_test(c->rows, id, r == COCOS_OK, code, expected,
                            (cocos__said){r == COCOS_OK ? "it holds" : "it does not hold", signer});
    return COCOS_OK;
}

static int
verify_raw(const cocos__pubkey *key, cocos__span data, const uint8_t *sig, cocos_error **why)
{
    cocos__ecdsa_raw raw = {sig, sig + 32, 32, 32, COCOS__BIG_ENDIAN};
    return cocos__ecdsa_verify(key, COCOS__SHA256, data, &raw, why);
}

static int check_qe_signature(const cocos__tdx_case *c, int *held, cocos_error **err)
{
    COCOS__CLEANUP(cocos__error_freep) cocos_error *why = NULL;
    const cocos__pubkey *key = cocos__cert_key(c->pck->chain.at[0]);

    int r = verify_raw(key, (cocos__span){c->quote->qe_report, COCOS__TDX_QE_REPORT_SIZE},
                       c->quote->qe_report_signature, &why);
    return row_of(c, TDX_QE_SIGNATURE, "tdx.qe_report_signature", r, PCK, held, &why, err);
}

/* REPORTDATA = SHA-256(attestation key || authentication data) || 32 zero bytes: all 64 are
 * compared. */
static int check_qe_data(const cocos__tdx_case *c, int *held, cocos_error **err)
{
    COCOS__CLEANUP(cocos__hasher_freep) cocos__hasher *h = NULL;
    uint8_t want[64] = {0};

    int r = cocos__hasher_new(COCOS__SHA256, &h, err);
    if (r == COCOS_OK)
        r = cocos__hasher_update(h, c->quote->attestation_key, 64, err);
    if (r == COCOS_OK)
        r = cocos__hasher_update(h, c->quote->qe_auth_data.data, c->quote->qe_auth_data.len, err);
    if (r == COCOS_OK)
        r = cocos__hasher_finish(h, want, err);
    if (r < 0)
        return r;

    const uint8_t *is = cocos__tdx_qe_report_read(c->quote->qe_report).report_data;
    *held = cocos__row_test(
        c->rows, TDX_QE_DATA, cocos__equal_ct(want, is, 64), "tdx.qe_report_data",
        (cocos__said){cocos__rows_hex(c->rows, want, 64), "hash of the attestation key"},
        (cocos__said){cocos__rows_hex(c->rows, is, 64), PCK});
    return COCOS_OK;
}

static int check_quote_signature(const cocos__tdx_case *c, int *held, cocos_error **err)
{
    COCOS__CLEANUP(cocos__error_freep) cocos_error *why = NULL;
    COCOS__CLEANUP(cocos__pubkey_freep) cocos__pubkey *key = NULL;
    const uint8_t *point = c->quote->attestation_key;

    int r = cocos__pubkey_from_point(COCOS__KEY_EC_P256, point, point + 32, &key, &why);
    if (r == COCOS_OK)
        r = verify_raw(key, c->quote->signed_part, c->quote->signature, &why);
    return row_of(c, TDX_SIGNATURE, "tdx.quote_signature", r,
                  "attestation key of the quoting enclave", held, &why, err);
}

static void check_chain(const cocos__tdx_case *c)
{
    const cocos__tdx_pck *p = c->pck;

    cocos__row_test(
        c->rows, TDX_PCK_CHAIN, !p->defect, "tdx.pck_chain",
        (cocos__said){"a signed path from the PCK certificate to the root", "compiled in"},
        (cocos__said){p->defect ? p->defect : "three certificates, each signed by the next",
                      "evidence"});
    if (p->chain.n != 3)
        return;
    const char *pin = cocos__rows_hex(c->rows, cocos__cert_spki_sha256(p->chain.at[2]), 32);
    cocos__row_test(c->rows, TDX_ROOT, p->root_name != NULL, "tdx.root_untrusted",
                    p->own_roots ? (cocos__said){"a root of the policy", "policy"}
                                 : (cocos__said){"the root of Intel", "compiled in"},
                    (cocos__said){cocos__rows_printf(c->rows, "%s, key SHA-256 %s",
                                                     cocos__cert_subject_cn(p->chain.at[2]), pin),
                                  "itself"});
}

static void check_validity(const cocos__tdx_case *c)
{
    cocos__said at = {cocos__rows_time(c->rows, c->time_s), "caller"};

    for (size_t i = 0; i < c->pck->chain.n; i++) {
        const cocos__cert *cert = c->pck->chain.at[i];
        int when = cocos__cert_when(cert, c->time_s);
        if (when == 0)
            continue;
        const char *text =
            cocos__rows_printf(c->rows, "%s: %s to %s", cocos__cert_subject_cn(cert),
                               cocos__rows_time(c->rows, cocos__cert_not_before(cert)),
                               cocos__rows_time(c->rows, cocos__cert_not_after(cert)));
        cocos__row_fail(c->rows, TDX_VALIDITY,
                        when < 0 ? "tdx.cert_not_yet_valid" : "tdx.cert_expired", at,
                        (cocos__said){text, "its issuer"});
    }
    const char *text =
        cocos__rows_printf(c->rows, "PCK valid until %s",
                           cocos__rows_time(c->rows, cocos__cert_not_after(c->pck->chain.at[0])));
    cocos__row_pass(c->rows, TDX_VALIDITY, at, (cocos__said){text, "its issuer"});
}

int cocos__tdx_check_signatures(const cocos__tdx_case *c, int *holds, cocos_error **err)
{
    int qe = 0;
    int data = 0;
    int quote = 0;

    *holds = 0;
    check_chain(c);
    if (c->pck->defect)
        return COCOS_OK;
    check_validity(c);
    int r = check_qe_signature(c, &qe, err);
    if (r == COCOS_OK && qe)
        r = check_qe_data(c, &data, err);
    if (r == COCOS_OK && data)
        r = check_quote_signature(c, &quote, err);
    *holds = r == COCOS_OK && quote && c->pck->root_name;
    return r;
}
