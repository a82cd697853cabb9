/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/evidence.h"

#include "attest/envelope.h"

#include <string.h>

#include "base/error.h"
#include "snp/verify.h"
#include "tdx/verify.h"
#include "vtpm/verify.h"

/* By magic and version only; whether it is well formed is for the verdict to say. */
static int recognise(const uint8_t *data, size_t len)
{
    if (cocos__envelope_recognise(data, len))
        return COCOS_EVIDENCE_ENVELOPE;
    if (cocos__tdx_recognise(data, len))
        return COCOS_EVIDENCE_TDX;
    if (cocos__vtpm_recognise(data, len))
        return COCOS_EVIDENCE_VTPM;
    return cocos__snp_recognise(data, len) ? COCOS_EVIDENCE_SNP : 0;
}

static int copy(const uint8_t *data, size_t len, cocos__span *ret, cocos_error **err)
{
    if (len > COCOS__EVIDENCE_MAX)
        return cocos__fail(err, COCOS_ERR_EXHAUSTED, "evidence.size",
                           "%zu bytes of evidence, the limit is %u", len, COCOS__EVIDENCE_MAX);
    uint8_t *bytes = malloc(len ? len : 1);
    if (!bytes)
        return cocos__fail_memory(err);
    if (len)
        memcpy(bytes, data, len);
    *ret = (cocos__span){bytes, len};
    return COCOS_OK;
}

int cocos_evidence_new(
    int kind, const uint8_t *data, size_t len, cocos_evidence **ret, cocos_error **err)
{
    if (!data && len)
        return cocos__fail(err, COCOS_ERR_USAGE, "evidence.part", "evidence is needed");
    if (kind == 0)
        kind = recognise(data, len);
    if (kind < COCOS_EVIDENCE_SNP || kind > COCOS_EVIDENCE_ENVELOPE)
        return cocos__fail(err, COCOS_ERR_UNSUPPORTED, "evidence.kind",
                           "%zu bytes that are no evidence of a known kind", len);

    COCOS__CLEANUP(cocos__evidence_freep) cocos_evidence *ev = calloc(1, sizeof *ev);
    if (!ev)
        return cocos__fail_memory(err);
    ev->kind = kind;
    int r = copy(data, len, &ev->main, err);
    if (r < 0)
        return r;

    *ret = COCOS__STEAL(ev);
    return COCOS_OK;
}

static int is_part(int part)
{
    return (part >= COCOS_PART_CERTIFICATES && part <= COCOS_PART_TCB_CHAIN) ||
           (part >= COCOS_PART_EVENT_LOG && part <= COCOS_PART_AK_CERTIFIED);
}

int cocos_evidence_add(
    cocos_evidence *ev, int part, const uint8_t *data, size_t len, cocos_error **err)
{
    if (!ev || !data || !is_part(part))
        return cocos__fail(err, COCOS_ERR_USAGE, "evidence.part", "no part %d of evidence", part);
    if (ev->n == COCOS__EVIDENCE_PARTS)
        return cocos__fail(err, COCOS_ERR_EXHAUSTED, "evidence.parts",
                           "more than %d parts beside the evidence", COCOS__EVIDENCE_PARTS);

    int r = copy(data, len, &ev->parts[ev->n].data, err);
    if (r < 0)
        return r;
    ev->parts[ev->n++].part = part;
    return COCOS_OK;
}

/* Bytes that a claim has; 0: as many as its value. */
static int claim_size(int claim, size_t *size)
{
    static const size_t sizes[COCOS__CLAIM_COUNT] = {
        [COCOS_CLAIM_LEAF] = 32,          [COCOS_CLAIM_DICE] = 64,     [COCOS_CLAIM_AK] = 32,
        [COCOS_CLAIM_STATEMENT_KEY] = 32, [COCOS_CLAIM_INSTANCE] = 16, [COCOS_CLAIM_MANIFEST] = 32};

    if (claim < COCOS_CLAIM_PURPOSE || claim >= COCOS__CLAIM_COUNT)
        return 0;
    *size = sizes[claim];
    return 1;
}

int cocos_evidence_expect(
    cocos_evidence *ev, int claim, const uint8_t *data, size_t len, cocos_error **err)
{
    size_t size = 0;
    cocos__span value;

    if (!ev || !data || !claim_size(claim, &size))
        return cocos__fail(err, COCOS_ERR_USAGE, "evidence.claim", "no claim %d of evidence",
                           claim);
    if (size ? len != size : len == 0 || len > COCOS__CHALLENGE_MAX)
        return cocos__fail(err, COCOS_ERR_USAGE, "evidence.claim",
                           "claim %d has %zu bytes, not %zu", claim, size, len);
    int r = copy(data, len, &value, err);
    if (r < 0)
        return r;
    free((void *)(uintptr_t)ev->expected[claim].data);
    ev->expected[claim] = value;
    return COCOS_OK;
}

int cocos_evidence_claim(
    const cocos_evidence *ev, int claim, const uint8_t **data, size_t *len, cocos_error **err)
{
    cocos__envelope e;
    cocos__claims c = {0};
    size_t size = 0;

    if (!ev || !data || !len || ev->kind != COCOS_EVIDENCE_ENVELOPE || !claim_size(claim, &size))
        return cocos__fail(err, COCOS_ERR_USAGE, "evidence.claim",
                           "only evidence in an envelope has claims, and none has claim %d", claim);
    int r = cocos__envelope_parse(ev->main, &e, err);
    if (r == COCOS_OK)
        r = cocos__claims_parse(e.claims, &c, err);
    if (r < 0)
        return r;
    cocos__span value = cocos__claims_value(&c, claim);
    if (!value.data)
        return cocos__fail(err, COCOS_ERR_NOT_FOUND, "evidence.claim", "claim %d is null", claim);
    *data = value.data;
    *len = value.len;
    return COCOS_OK;
}

int cocos_evidence_find(const cocos_evidence *ev,
                        const char *media_type,
                        const uint8_t **data,
                        size_t *len,
                        cocos_error **err)
{
    cocos__envelope e;

    if (!ev || !media_type || !data || !len || ev->kind != COCOS_EVIDENCE_ENVELOPE)
        return cocos__fail(err, COCOS_ERR_USAGE, "evidence.part",
                           "only evidence in an envelope has parts by media type");
    int r = cocos__envelope_parse(ev->main, &e, err);
    if (r < 0)
        return r;
    cocos__span part = cocos__envelope_find(&e, media_type);
    if (!part.data)
        return cocos__fail(err, COCOS_ERR_NOT_FOUND, "evidence.part",
                           "the envelope has no such part");
    *data = part.data;
    *len = part.len;
    return COCOS_OK;
}

const uint8_t *cocos_evidence_data(const cocos_evidence *ev, size_t *len)
{
    *len = ev->main.len;
    return ev->main.data;
}

int cocos_evidence_kind(const cocos_evidence *ev)
{
    return ev->kind;
}

size_t cocos__evidence_parts(const cocos_evidence *ev, int part, cocos__span *out, size_t max)
{
    size_t n = 0;

    for (size_t i = 0; i < ev->n && n < max; i++) {
        if (ev->parts[i].part == part)
            out[n++] = ev->parts[i].data;
    }
    return n;
}

void cocos_evidence_free(cocos_evidence *ev)
{
    if (!ev)
        return;
    for (size_t i = 0; i < ev->n; i++)
        free((void *)(uintptr_t)ev->parts[i].data.data);
    for (size_t i = 0; i < COCOS__CLAIM_COUNT; i++)
        free((void *)(uintptr_t)ev->expected[i].data);
    free((void *)(uintptr_t)ev->main.data);
    free(ev);
}
