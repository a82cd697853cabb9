/* SPDX-License-Identifier: Apache-2.0 */
#include "vtpm/verify.h"

#include <string.h>

#include "vtpm/checks.h"

static int is_quote(const uint8_t *data, size_t len)
{
    return len >= 6 && cocos__u32be(data) == TPM_GENERATED_VALUE;
}

int cocos__vtpm_recognise(const uint8_t *data, size_t len)
{
    return is_quote(data, len) || cocos__vtpm_message_recognise(data, len);
}

/* One TPMS_ATTEST with key, signature and values beside it, as tpm2-tools write them. */
static int read_single(cocos__vtpm_state *s, cocos_error **err)
{
    const cocos__vtpm_evidence *ev = s->ev;
    cocos__vtpm_quote *q = &s->message.quote[0];
    cocos__tpm_attest a;

    s->message = (cocos__vtpm_message){.ak_pub = ev->ak_pub, .n_quotes = 1};
    if (ev->ak_pub.len == 0 || ev->signature.len == 0 || ev->pcrs.len == 0)
        return cocos__fail(
            err, COCOS_ERR_MALFORMED, "vtpm.format",
            "a single TPMS_ATTEST without public area, signature or PCR values beside it");
    int r = cocos__tpm_attest_read(ev->main, &a, err);
    if (r == COCOS_OK)
        r = cocos__pcr_values_read(ev->pcrs, 0, &s->beside, err);
    if (r < 0)
        return r;
    *q = (cocos__vtpm_quote){.attest = ev->main, .signature = ev->signature};
    q->bank = cocos__bank_of_alg(a.bank_alg);
    /* Of another structure than a quote the bank is unknown; its type is refused later. */
    for (int b = COCOS__BANKS - 1; q->bank == COCOS__BANK_NONE && b >= 0; b--)
        q->bank = s->beside.mask[b] ? b : COCOS__BANK_NONE;
    for (int i = 0; q->bank != COCOS__BANK_NONE && i < COCOS__PCRS; i++)
        q->pcr[i] = (cocos__span){s->beside.value[q->bank][i], cocos__bank_size(q->bank)};
    if (q->bank != COCOS__BANK_NONE)
        q->mask = s->beside.mask[q->bank];
    return COCOS_OK;
}

static int read_all(cocos__vtpm_state *s, cocos_error **err)
{
    /* A structure with another magic is no quote, but with a signature beside it nothing else. */
    int single = s->ev->signature.len > 0 || is_quote(s->ev->main.data, s->ev->main.len);
    int r = single ? read_single(s, err) : cocos__vtpm_message_read(s->ev->main, &s->message, err);
    if (r < 0)
        return r;
    return cocos__tpm_public_read(s->message.ak_pub, &s->public, err);
}

/* 1 when there is something to judge. What is cut leaves the question open. */
static int check_form(cocos__vtpm_state *s, int *status, cocos_error **err)
{
    COCOS__CLEANUP(cocos__error_freep) cocos_error *why = NULL;
    cocos__said want = {"a readable message, public area and structures", "compiled in"};

    *status = COCOS_OK;
    if (read_all(s, &why) < 0) {
        const char *text = cocos_error_message(why);
        if (cocos_error_status(why) == COCOS_ERR_MEMORY)
            *status = cocos__fail_memory(err);
        cocos__row_unknown(
            s->rows, VTPM_FORM, "vtpm.format", want,
            (cocos__said){cocos__rows_foreign(s->rows, text, strlen(text), 200), BY_MESSAGE});
        return 0;
    }
    if (s->message.n_quotes == 0) {
        cocos__row_fail(s->rows, VTPM_FORM, "vtpm.no_quote",
                        (cocos__said){"a quote", "compiled in"}, (cocos__said){"none", BY_MESSAGE});
        return 0;
    }
    cocos__row_pass(s->rows, VTPM_FORM, want, (cocos__said){"they are", BY_MESSAGE});
    return 1;
}

/* From here on only what quotes vouch for, and only when their key may be believed. */
static int check_registers(cocos__vtpm_state *s, cocos_error **err)
{
    int any = 0;

    for (int b = 0; b < COCOS__BANKS; b++)
        any |= s->believed[b] != NULL;
    if (!any || cocos__row_outcome(s->rows, VTPM_AK_TRUST) == COCOS__FAILED ||
        cocos__row_outcome(s->rows, VTPM_AK_CERTIFICATE) == COCOS__FAILED)
        return COCOS_OK;
    int r = cocos__vtpm_check_log(s, err);
    if (r == COCOS_OK)
        r = cocos__vtpm_check_ima(s, err);
    if (r == COCOS_OK)
        r = cocos__vtpm_check_extends(s, err);
    if (r == COCOS_OK)
        cocos__vtpm_check_pcrs(s);
    return r;
}

static int judge(cocos__vtpm_state *s, const cocos__certs *roots, int64_t time_s, cocos_error **err)
{
    int status;

    if (!check_form(s, &status, err) || !cocos__vtpm_check_public(s, &status, err))
        return status;
    int r = cocos__vtpm_check_trust(s, roots, time_s, err);
    if (r == COCOS_OK)
        r = cocos__vtpm_check_quotes(s, err);
    return r < 0 ? r : check_registers(s, err);
}

int cocos__vtpm_verify(const cocos__vtpm_evidence *ev,
                       const cocos__vtpm_policy *policy,
                       const cocos__certs *roots,
                       const cocos__vtpm_kept *kept,
                       int64_t time_s,
                       cocos__rows *rows,
                       cocos_error **err)
{
    cocos__vtpm_state *s = malloc(sizeof *s); /* 14 kB: too much for a small thread's stack */
    if (!s)
        return cocos__fail_memory(err);

    s->ev = ev;
    s->policy = policy;
    s->rows = rows;
    s->kept = kept;
    s->key = s->own_key = NULL;
    memset(s->believed, 0, sizeof s->believed);
    cocos__rows_begin(rows, cocos__vtpm_checks, VTPM_CHECKS);
    int r = judge(s, roots, time_s, err);
    cocos__pubkey_free(s->own_key);
    free(s);
    return r;
}

static int keep(cocos__vtpm_state *s, cocos__vtpm_kept *ret, cocos_error **err)
{
    cocos__vtpm_kept kept = {{NULL, 0}, NULL};

    int r = read_all(s, err);
    if (r < 0)
        return r;
    const char *defect = cocos__vtpm_public_defect(&s->public, 1);
    if (defect)
        return cocos__fail(err, COCOS_ERR_MALFORMED, "vtpm.ak_public", "%s", defect);
    r = cocos__vtpm_key(&s->public, &kept.key, err);
    if (r == COCOS_OK)
        r = cocos__pack_make(&s->message.ak_pub, 1, &kept.public, err);
    if (r < 0)
        cocos__pubkey_free(kept.key);
    else
        *ret = kept;
    return r;
}

int cocos__vtpm_keep(const cocos__vtpm_evidence *ev, cocos__vtpm_kept *ret, cocos_error **err)
{
    cocos__vtpm_state *s = malloc(sizeof *s);
    if (!s)
        return cocos__fail_memory(err);

    s->ev = ev;
    int r = keep(s, ret, err);
    free(s);
    return r;
}

void cocos__vtpm_kept_done(cocos__vtpm_kept *kept)
{
    cocos__pubkey_free(kept->key);
    cocos__pack_done(&kept->public);
    kept->key = NULL;
}
