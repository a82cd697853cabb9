/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The message attest.Attestation (vtpm.md section 2), written field by field: protobuf-c belongs to
 * the modules that speak gRPC.
 */
#include <tss2/tss2_mu.h>

#include "evidence/tpm.h"

enum { ATTESTATION_AK_PUB = 1, ATTESTATION_QUOTES = 2 };
enum { QUOTE_QUOTE = 1, QUOTE_RAW_SIG = 2, QUOTE_PCRS = 3 };
enum { PCRS_HASH = 1, PCRS_PCRS = 2 };
enum { ENTRY_KEY = 1, ENTRY_VALUE = 2 };

static void put_varint(cocos__buf *b, uint64_t v)
{
    for (; v >= 0x80; v >>= 7)
        cocos__buf_add_u8(b, (uint8_t)(v | 0x80));
    cocos__buf_add_u8(b, (uint8_t)v);
}

static void put_number(cocos__buf *b, unsigned field, uint64_t v)
{
    put_varint(b, field << 3);
    put_varint(b, v);
}

static void put_bytes(cocos__buf *b, unsigned field, const void *data, size_t len)
{
    put_varint(b, field << 3 | 2);
    put_varint(b, len);
    cocos__buf_add(b, data, len);
}

/* A message within a message; 0 when it had no room. */
static int put_message(cocos__buf *b, unsigned field, const cocos__buf *inner)
{
    put_bytes(b, field, inner->data, inner->len);
    return !inner->failed;
}

/* The map's entries in rising order, each a message of its own; a key of 0 is written too. */
static void put_values(cocos__buf *out, const cocos__tpm_quoted *q, size_t size)
{
    for (unsigned i = 0; i < COCOS__TPM_PCRS; i++) {
        COCOS__CLEANUP(cocos__buf_done) cocos__buf entry;

        if (!(q->mask & UINT32_C(1) << i))
            continue;
        cocos__buf_init(&entry, 128);
        put_number(&entry, ENTRY_KEY, i);
        put_bytes(&entry, ENTRY_VALUE, q->pcr[i], size);
        out->failed |= !put_message(out, PCRS_PCRS, &entry);
    }
}

static int put_quote(cocos__buf *out,
                     const cocos__tpm_bank *bank,
                     const cocos__tpm_quoted *q,
                     cocos_error **err)
{
    COCOS__CLEANUP(cocos__buf_done) cocos__buf quote;
    COCOS__CLEANUP(cocos__buf_done) cocos__buf pcrs;
    uint8_t signature[sizeof(TPMT_SIGNATURE)];
    size_t len = 0;

    cocos__buf_init(&quote, COCOS__TPM_MESSAGE_MAX);
    cocos__buf_init(&pcrs, COCOS__TPM_MESSAGE_MAX);
    TSS2_RC rc = Tss2_MU_TPMT_SIGNATURE_Marshal(q->signature, signature, sizeof signature, &len);
    if (rc != TSS2_RC_SUCCESS)
        return cocos__tpm_fail(err, rc, "give a usable signature");
    put_bytes(&quote, QUOTE_QUOTE, q->attest->attestationData, q->attest->size);
    put_bytes(&quote, QUOTE_RAW_SIG, signature, len);
    put_number(&pcrs, PCRS_HASH, bank->alg);
    put_values(&pcrs, q, cocos__tpm_bank_size(bank));
    if (!put_message(&quote, QUOTE_PCRS, &pcrs) || !put_message(out, ATTESTATION_QUOTES, &quote))
        return cocos__fail_memory(err);
    return COCOS_OK;
}

int cocos__tpm_message(const cocos__tpm *t,
                       const cocos__tpm_quoted *quoted,
                       cocos__buf *out,
                       cocos_error **err)
{
    int r = COCOS_OK;

    put_bytes(out, ATTESTATION_AK_PUB, t->ak_pub.data, t->ak_pub.len);
    for (size_t i = 0; r == COCOS_OK && i < t->n_banks; i++)
        r = put_quote(out, &t->bank[i], &quoted[i], err);
    return r == COCOS_OK && out->failed ? cocos__fail_memory(err) : r;
}
