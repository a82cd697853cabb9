/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/evidence.h"

#include <string.h>

#include "attest/envelope.h"
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
    if (cocos__snp_recognise(data, len))
        return COCOS_EVIDENCE_SNP;
    return cocos__evidence_is_part((cocos__span){data, len}) ? COCOS_EVIDENCE_PART : 0;
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
    if (kind < COCOS_EVIDENCE_SNP || kind > COCOS_EVIDENCE_PART)
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

#define OF(kind)   (1u << COCOS_EVIDENCE_##kind)
#define ANY_OF_TEE (OF(VTPM) | OF(ENVELOPE)) /* both may hold a report of whatever TEE */

/* What each part is called, the kinds of evidence that have a use for it, and how many. */
static const struct part_rule {
    uint8_t part, kinds, most;
    const char *name;
} part_rules[] = {
    {COCOS_PART_CERTIFICATES, OF(SNP) | ANY_OF_TEE, COCOS__EVIDENCE_PARTS, "certificates"},
    {COCOS_PART_CERT_TABLE, OF(SNP) | ANY_OF_TEE, 1, "certificate table"},
    {COCOS_PART_CRL, OF(SNP) | OF(TDX) | ANY_OF_TEE, COCOS__EVIDENCE_PARTS, "revocation list"},
    {COCOS_PART_TCB_INFO, OF(TDX) | ANY_OF_TEE, 1, "TCB info"},
    {COCOS_PART_QE_IDENTITY, OF(TDX) | ANY_OF_TEE, 1, "QE identity"},
    {COCOS_PART_TCB_CHAIN, OF(TDX) | ANY_OF_TEE, 1, "TCB issuer chain"},
    {COCOS_PART_EVENT_LOG, OF(TDX) | OF(VTPM), 1, "event log"},
    {COCOS_PART_IMA_LOG, OF(VTPM), 1, "IMA list"},
    {COCOS_PART_TPM_PUBLIC, OF(VTPM), 1, "TPM public area"},
    {COCOS_PART_TPM_SIGNATURE, OF(VTPM), 1, "TPM signature"},
    {COCOS_PART_TPM_PCRS, OF(VTPM), 1, "PCR values"},
    {COCOS_PART_TEE_REPORT, OF(VTPM), 1, "TEE report"},
    {COCOS_PART_HCL_REPORT, OF(VTPM), 1, "HCL report"},
    {COCOS_PART_SVSM_MANIFEST, OF(SNP) | OF(VTPM), 1, "services manifest"},
    {COCOS_PART_AK_CERTIFIED, OF(VTPM), 1, "certification of the AK"},
};

static const struct part_rule *rule_of(int part)
{
    for (size_t i = 0; i < COCOS__ARRAY_LEN(part_rules); i++) {
        if (part_rules[i].part == part)
            return &part_rules[i];
    }
    return NULL;
}

const char *cocos__evidence_part_name(int part)
{
    const struct part_rule *rule = rule_of(part);
    return rule ? rule->name : "part";
}

/* Nothing that somebody gives is passed over in silence, so it is refused where it has no use. */
static int check_part(const cocos_evidence *ev, int part, size_t len, cocos_error **err)
{
    static const char *const kinds[] = {[COCOS_EVIDENCE_SNP] = "a SEV-SNP report",
                                        [COCOS_EVIDENCE_TDX] = "a TDX quote",
                                        [COCOS_EVIDENCE_VTPM] = "TPM quotes",
                                        [COCOS_EVIDENCE_ENVELOPE] = "an envelope"};
    const struct part_rule *rule = rule_of(part);
    cocos__span same[COCOS__EVIDENCE_PARTS];

    if (ev->kind == COCOS_EVIDENCE_PART)
        return cocos__evidence_refuse_part(ev->main, err);
    if (!rule)
        return cocos__fail(err, COCOS_ERR_USAGE, "evidence.part", "no part %d of evidence", part);
    if (!(rule->kinds >> ev->kind & 1))
        return cocos__fail(err, COCOS_ERR_USAGE, "evidence.part", "%s: %s has no use for it",
                           rule->name, kinds[ev->kind]);
    if (len == 0)
        return cocos__fail(err, COCOS_ERR_USAGE, "evidence.part", "%s: it is empty", rule->name);
    if (ev->n == COCOS__EVIDENCE_PARTS ||
        cocos__evidence_parts(ev, part, same, rule->most) == rule->most)
        return cocos__fail(err, COCOS_ERR_EXHAUSTED, "evidence.parts",
                           "%s: more than %d beside the evidence, or %d parts of all kinds",
                           rule->name, rule->most, COCOS__EVIDENCE_PARTS);
    return COCOS_OK;
}

int cocos_evidence_add(
    cocos_evidence *ev, int part, const uint8_t *data, size_t len, cocos_error **err)
{
    if (!ev || !data)
        return cocos__fail(err, COCOS_ERR_USAGE, "evidence.part",
                           "evidence and a part of it are needed");
    int r = check_part(ev, part, len, err);
    if (r == COCOS_OK)
        r = copy(data, len, &ev->parts[ev->n].data, err);
    if (r == COCOS_OK)
        ev->parts[ev->n++].part = part;
    return r;
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

    if (!ev || !data || !claim_size(claim, &size) ||
        (ev->kind != COCOS_EVIDENCE_ENVELOPE && claim != COCOS_CLAIM_CHALLENGE))
        return cocos__fail(err, COCOS_ERR_USAGE, "evidence.claim",
                           "no claim %d of this kind of evidence", claim);
    if (ev->kind == COCOS_EVIDENCE_SNP || ev->kind == COCOS_EVIDENCE_TDX)
        size = COCOS__CHALLENGE_MAX; /* of the data slot */
    if (size ? len != size : len == 0 || len > COCOS__CHALLENGE_MAX)
        return cocos__fail(
            err, COCOS_ERR_USAGE, "evidence.claim", "%s %d wants %s%zu bytes, not %zu",
            claim == COCOS_CLAIM_CHALLENGE ? "nonce, data slot or challenge: claim" : "claim",
            claim, size ? "" : "1 to ", size ? size : COCOS__CHALLENGE_MAX, len);
    int r = copy(data, len, &value, err);
    if (r < 0)
        return r;
    free((void *)(uintptr_t)ev->expected[claim].data);
    ev->expected[claim] = value;
    return COCOS_OK;
}

cocos__match cocos__evidence_slot(const cocos_evidence *ev, const cocos__match *stated)
{
    cocos__span v = ev->expected[COCOS_CLAIM_CHALLENGE];
    int both = stated->state != COCOS__RULE_GIVEN || cocos__match_has(stated, v.data, v.len);

    if (!v.data)
        return *stated;
    return (cocos__match){COCOS__RULE_GIVEN, v.len, both ? 1 : 0, (uint8_t *)(uintptr_t)v.data,
                          "caller"};
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
