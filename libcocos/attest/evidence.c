/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/evidence.h"

#include <string.h>

#include "base/error.h"
#include "snp/verify.h"
#include "tdx/verify.h"
#include "vtpm/verify.h"

/* By magic and version only; whether it is well formed is for the verdict to say. */
static int recognise(const uint8_t *data, size_t len)
{
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
    if (kind != COCOS_EVIDENCE_SNP && kind != COCOS_EVIDENCE_TDX && kind != COCOS_EVIDENCE_VTPM)
        return cocos__fail(err, COCOS_ERR_UNSUPPORTED, "evidence.kind",
                           "%zu bytes that are no evidence of a known kind", len);

    COCOS__CLEANUP(cocos__evidence_freep) cocos_evidence *ev = malloc(sizeof *ev);
    if (!ev)
        return cocos__fail_memory(err);
    ev->kind = kind;
    ev->main = (cocos__span){NULL, 0};
    ev->n = 0;
    int r = copy(data, len, &ev->main, err);
    if (r < 0)
        return r;

    *ret = COCOS__STEAL(ev);
    return COCOS_OK;
}

static int is_part(int part)
{
    return (part >= COCOS_PART_CERTIFICATES && part <= COCOS_PART_TCB_CHAIN) ||
           (part >= COCOS_PART_EVENT_LOG && part <= COCOS_PART_HCL_REPORT);
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
    free((void *)(uintptr_t)ev->main.data);
    free(ev);
}
