/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_TESTS_TPM_MAKER_H
#define COCOS_TESTS_TPM_MAKER_H

/*
 * TPM evidence of keys made on the spot: a machine's PCRs follow from its event log and IMA list by
 * code of our own; its quotes are signed with an attestation key. A test changes the plan before,
 * or the parts after they were made; what it does not change is correct.
 */

#include <cocos/verifier.h>

#include "base/bytes.h"
#include "pki.h"

#define TPM_NOW INT64_C(1750000000)

#define TPM_BANKS 4
static const struct {
    uint16_t alg;
    uint16_t size;
    const char *name;
} tpm_banks[TPM_BANKS] = {
    {0x04, 20, "SHA1"}, {0x0b, 32, "SHA256"}, {0x0c, 48, "SHA384"}, {0x0d, 64, "SHA512"}};

#define TPM_ALL_PCRS   0xffffffu
#define TPM_ATTRIBUTES 0x00050072u

typedef struct tpm_event {
    uint32_t pcr;
    uint32_t type;
    const char *data;
    size_t len;
} tpm_event;

typedef struct tpm_plan {
    EVP_PKEY *key;
    int rsa;
    uint16_t scheme;
    uint16_t hash;  /* TPM algorithm of scheme and signature */
    uint16_t curve; /* ECC */
    uint32_t attributes;
    unsigned banks;  /* that are quoted: bit i is tpm_banks[i] */
    unsigned logged; /* banks of the log */
    uint32_t mask;   /* PCRs quoted and sent */
    uint32_t magic;
    uint16_t type;
    uint8_t nonce[64];
    size_t nonce_len;
    int locality; /* -1: the log does not say */
    int without_log;
    const tpm_event *events;
    size_t n_events;
} tpm_plan;

/* What the machine measured: an EFI stub's direct boot. */
static const tpm_event tpm_usual[] = {
    {0, 0x00000008, "1\0.\0\0\0", 6},
    {0, 0x8000000a, "firmware blob", 13},
    {7, 0x80000001, "SecureBoot", 10},
    {0, 4, "\0\0\0\0", 4},
    {1, 4, "\0\0\0\0", 4},
    {4, 0x80000007, "Calling EFI Application from Boot Option", 40},
    {4, 4, "\0\0\0\0", 4},
    {4, 0x80000003, "kernel image", 12},
    {5, 0x80000007, "Exit Boot Services Invocation", 29},
    {9, 6, "command line", 12},
    {9, 6, "initial file system", 19},
};

static inline tpm_plan tpm_plan_new(EVP_PKEY *key)
{
    tpm_plan p = {.key = key,
                  .rsa = EVP_PKEY_is_a(key, "RSA"),
                  .hash = 0x000b,
                  .attributes = TPM_ATTRIBUTES,
                  .banks = 0x6,
                  .logged = 0x7,
                  .mask = TPM_ALL_PCRS,
                  .magic = 0xff544347,
                  .type = 0x8018,
                  .nonce_len = 32,
                  .locality = -1,
                  .events = tpm_usual,
                  .n_events = sizeof tpm_usual / sizeof *tpm_usual};

    p.scheme = p.rsa ? 0x0014 : 0x0018;
    p.curve = EVP_PKEY_get_bits(key) == 384 ? 0x0004 : 0x0003;
    memset(p.nonce, 0xd1, sizeof p.nonce);
    return p;
}

typedef struct tpm_parts {
    cocos__buf public;
    cocos__buf attest[TPM_BANKS];
    cocos__buf signature[TPM_BANKS];
    cocos__buf log;
    uint8_t pcr[TPM_BANKS][24][64];
    uint32_t values;           /* PCRs sent */
    uint16_t label[TPM_BANKS]; /* algorithm that the message says the values are of */
    size_t cut_value;          /* bytes left out of each value */
    unsigned banks;
    cocos__buf more; /* further fields of the message */
} tpm_parts;

static inline void tpm_hash(int bank, const void *data, size_t len, uint8_t *out)
{
    const EVP_MD *md = EVP_get_digestbyname(tpm_banks[bank].name);

    PKI_NEED(md && EVP_Digest(data, len, out, NULL, md, NULL));
}

static inline void tpm_extend(tpm_parts *t, int bank, uint32_t pcr, const uint8_t *digest)
{
    uint8_t both[128];
    size_t n = tpm_banks[bank].size;

    memcpy(both, t->pcr[bank][pcr], n);
    memcpy(both + n, digest, n);
    tpm_hash(bank, both, 2 * n, t->pcr[bank][pcr]);
}

/* A TPM2B: its length as two bytes, then the bytes. */
static inline void tpm_sized(cocos__buf *b, const void *data, size_t len)
{
    cocos__buf_add_u16be(b, (uint16_t)len);
    cocos__buf_add(b, data, len);
}

static inline void tpm_make_public(const tpm_plan *p, cocos__buf *b)
{
    uint8_t point[96];
    uint8_t n[512];
    BIGNUM *bn = NULL;
    int half = p->curve == 0x0004 ? 48 : 32;

    cocos__buf_add_u16be(b, p->rsa ? 0x0001 : 0x0023);
    cocos__buf_add_u16be(b, 0x000b);
    cocos__buf_add_u32be(b, p->attributes);
    tpm_sized(b, NULL, 0);
    cocos__buf_add_u16be(b, 0x0010);
    cocos__buf_add_u16be(b, p->scheme);
    cocos__buf_add_u16be(b, p->hash);
    if (p->rsa) {
        PKI_NEED(EVP_PKEY_get_bn_param(p->key, "n", &bn));
        int len = BN_bn2bin(bn, n);
        cocos__buf_add_u16be(b, (uint16_t)EVP_PKEY_get_bits(p->key));
        cocos__buf_add_u32be(b, 0);
        tpm_sized(b, n, (size_t)len);
        BN_free(bn);
        return;
    }
    pki_point(p->key, point, half);
    cocos__buf_add_u16be(b, p->curve);
    cocos__buf_add_u16be(b, 0x0010);
    tpm_sized(b, point, (size_t)half);
    tpm_sized(b, point + half, (size_t)half);
}

static inline void tpm_log_header(const tpm_plan *p, cocos__buf *b)
{
    static const uint8_t zeros[20];
    unsigned n = 0;

    for (int k = 0; k < TPM_BANKS; k++)
        n += p->logged >> k & 1;
    cocos__buf_add_u32le(b, 0);
    cocos__buf_add_u32le(b, 3);
    cocos__buf_add(b, zeros, 20);
    cocos__buf_add_u32le(b, 16 + 8 + 4 + 4 * n + 1);
    cocos__buf_add(b, "Spec ID Event03", 16);
    cocos__buf_add(b, "\0\0\0\0\0\2\0\2", 8);
    cocos__buf_add_u32le(b, n);
    for (int k = 0; k < TPM_BANKS; k++) {
        if (p->logged >> k & 1) {
            cocos__buf_add_u16le(b, tpm_banks[k].alg);
            cocos__buf_add_u16le(b, tpm_banks[k].size);
        }
    }
    cocos__buf_add_u8(b, 0);
}

static inline void tpm_log_event(const tpm_plan *p, const tpm_event *e, cocos__buf *b)
{
    uint8_t digest[64];
    unsigned n = 0;

    for (int k = 0; k < TPM_BANKS; k++)
        n += p->logged >> k & 1;
    cocos__buf_add_u32le(b, e->pcr);
    cocos__buf_add_u32le(b, e->type);
    cocos__buf_add_u32le(b, n);
    for (int k = 0; k < TPM_BANKS; k++) {
        if (!(p->logged >> k & 1))
            continue;
        tpm_hash(k, e->data, e->len, digest);
        cocos__buf_add_u16le(b, tpm_banks[k].alg);
        cocos__buf_add(b, digest, tpm_banks[k].size);
    }
    cocos__buf_add_u32le(b, (uint32_t)e->len);
    cocos__buf_add(b, e->data, e->len);
}

static inline void tpm_boot(const tpm_plan *p, tpm_parts *t)
{
    uint8_t digest[64];
    char started[17] = "StartupLocality";

    for (int k = 0; k < TPM_BANKS; k++) {
        memset(&t->pcr[k][17], 0xff, 6 * sizeof t->pcr[k][17]);
        t->pcr[k][0][tpm_banks[k].size - 1] = p->locality > 0 ? (uint8_t)p->locality : 0;
    }
    tpm_log_header(p, &t->log);
    if (p->locality >= 0) {
        started[16] = (char)p->locality;
        tpm_log_event(p, &(tpm_event){0, 3, started, 17}, &t->log);
    }
    for (size_t i = 0; i < p->n_events; i++) {
        tpm_log_event(p, &p->events[i], &t->log);
        for (int k = 0; p->events[i].type != 3 && k < TPM_BANKS; k++) {
            tpm_hash(k, p->events[i].data, p->events[i].len, digest);
            tpm_extend(t, k, p->events[i].pcr, digest);
        }
    }
}

static inline int tpm_bank_of(uint16_t alg)
{
    for (int k = 0; k < TPM_BANKS; k++) {
        if (tpm_banks[k].alg == alg)
            return k;
    }
    return 0;
}

/* TPMS_ATTEST of a quote of bank `k`. */
static inline void tpm_make_attest(const tpm_plan *p, const tpm_parts *t, int k, cocos__buf *b)
{
    uint8_t values[24 * 64];
    uint8_t digest[64];
    int h = tpm_bank_of(p->hash);
    size_t n = 0;

    for (int i = 0; i < 24; i++) {
        if (!(p->mask >> i & 1))
            continue;
        memcpy(values + n, t->pcr[k][i], tpm_banks[k].size);
        n += tpm_banks[k].size;
    }
    tpm_hash(h, values, n, digest);
    cocos__buf_add_u32be(b, p->magic);
    cocos__buf_add_u16be(b, p->type);
    tpm_sized(b, "\0\x0bname of the key", 17);
    tpm_sized(b, p->nonce, p->nonce_len);
    cocos__buf_add_u64be(b, 12345);
    cocos__buf_add_u32be(b, 1);
    cocos__buf_add_u32be(b, 2);
    cocos__buf_add_u8(b, 1);
    cocos__buf_add_u64be(b, 0x2019110600163636);
    cocos__buf_add_u32be(b, 1);
    cocos__buf_add_u16be(b, tpm_banks[k].alg);
    cocos__buf_add_u8(b, 3);
    cocos__buf_add_u8(b, (uint8_t)p->mask);
    cocos__buf_add_u8(b, (uint8_t)(p->mask >> 8));
    cocos__buf_add_u8(b, (uint8_t)(p->mask >> 16));
    tpm_sized(b, digest, tpm_banks[h].size);
}

/* TPMT_SIGNATURE over the bytes of `attest`. */
static inline void tpm_sign(const tpm_plan *p, const cocos__buf *attest, cocos__buf *b)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    uint8_t sig[600];
    uint8_t raw[96];
    size_t len = sizeof sig;
    const uint8_t *at = sig;
    int half = p->curve == 0x0004 ? 48 : 32;
    EVP_PKEY_CTX *pctx = NULL;

    PKI_NEED(ctx && EVP_DigestSignInit(ctx, &pctx,
                                       EVP_get_digestbyname(tpm_banks[tpm_bank_of(p->hash)].name),
                                       NULL, p->key) > 0);
    if (p->scheme == 0x0016)
        PKI_NEED(EVP_PKEY_CTX_set_rsa_padding(pctx, RSA_PKCS1_PSS_PADDING) > 0);
    PKI_NEED(EVP_DigestSign(ctx, sig, &len, attest->data, attest->len) > 0);
    EVP_MD_CTX_free(ctx);
    cocos__buf_reset(b);
    cocos__buf_add_u16be(b, p->scheme);
    cocos__buf_add_u16be(b, p->hash);
    if (p->rsa) {
        tpm_sized(b, sig, len);
        return;
    }
    ECDSA_SIG *s = d2i_ECDSA_SIG(NULL, &at, (long)len);
    PKI_NEED(s && BN_bn2binpad(ECDSA_SIG_get0_r(s), raw, half) == half &&
             BN_bn2binpad(ECDSA_SIG_get0_s(s), raw + half, half) == half);
    tpm_sized(b, raw, (size_t)half);
    tpm_sized(b, raw + half, (size_t)half);
    ECDSA_SIG_free(s);
}

static inline tpm_parts *tpm_make(const tpm_plan *p)
{
    tpm_parts *t = calloc(1, sizeof *t);

    PKI_NEED(t);
    cocos__buf_init(&t->public, 4096);
    cocos__buf_init(&t->log, 1u << 20);
    cocos__buf_init(&t->more, 1u << 20);
    tpm_make_public(p, &t->public);
    tpm_boot(p, t);
    for (int k = 0; k < TPM_BANKS; k++) {
        cocos__buf_init(&t->attest[k], 4096);
        cocos__buf_init(&t->signature[k], 4096);
        tpm_make_attest(p, t, k, &t->attest[k]);
        tpm_sign(p, &t->attest[k], &t->signature[k]);
        t->label[k] = tpm_banks[k].alg;
    }
    t->values = p->mask;
    t->banks = p->banks;
    if (p->without_log)
        cocos__buf_reset(&t->log);
    return t;
}

/* Makes and signs the quotes anew, after PCRs were changed. */
static inline void tpm_quote_again(const tpm_plan *p, tpm_parts *t)
{
    for (int k = 0; k < TPM_BANKS; k++) {
        cocos__buf_reset(&t->attest[k]);
        tpm_make_attest(p, t, k, &t->attest[k]);
        tpm_sign(p, &t->attest[k], &t->signature[k]);
    }
}

static inline void tpm_parts_free(tpm_parts *t)
{
    cocos__buf_done(&t->public);
    cocos__buf_done(&t->log);
    cocos__buf_done(&t->more);
    for (int k = 0; k < TPM_BANKS; k++) {
        cocos__buf_done(&t->attest[k]);
        cocos__buf_done(&t->signature[k]);
    }
    free(t);
}

static inline void tpm_varint(cocos__buf *b, uint64_t v)
{
    for (; v >= 0x80; v >>= 7)
        cocos__buf_add_u8(b, (uint8_t)(v | 0x80));
    cocos__buf_add_u8(b, (uint8_t)v);
}

static inline void tpm_field(cocos__buf *b, unsigned number, const void *data, size_t len)
{
    tpm_varint(b, number << 3 | 2);
    tpm_varint(b, len);
    cocos__buf_add(b, data, len);
}

static inline void tpm_number(cocos__buf *b, unsigned number, uint64_t v)
{
    tpm_varint(b, number << 3);
    tpm_varint(b, v);
}

static inline void tpm_add_values(const tpm_parts *t, int k, cocos__buf *b)
{
    tpm_number(b, 1, t->label[k]);
    for (unsigned i = 24; i-- > 0;) { /* a map has no order */
        cocos__buf entry;
        if (!(t->values >> i & 1))
            continue;
        cocos__buf_init(&entry, 256);
        if (i > 0)
            tpm_number(&entry, 1, i);
        tpm_field(&entry, 2, t->pcr[k][i], tpm_banks[k].size - t->cut_value);
        tpm_field(b, 2, entry.data, entry.len);
        cocos__buf_done(&entry);
    }
}

/* attest.Attestation of the parts. */
static inline void tpm_message(const tpm_parts *t, cocos__buf *m)
{
    tpm_field(m, 1, t->public.data, t->public.len);
    for (int k = 0; k < TPM_BANKS; k++) {
        cocos__buf quote;
        cocos__buf values;
        if (!(t->banks >> k & 1))
            continue;
        cocos__buf_init(&quote, 1u << 16);
        cocos__buf_init(&values, 1u << 16);
        tpm_field(&quote, 1, t->attest[k].data, t->attest[k].len);
        tpm_field(&quote, 2, t->signature[k].data, t->signature[k].len);
        tpm_add_values(t, k, &values);
        tpm_field(&quote, 3, values.data, values.len);
        tpm_field(m, 2, quote.data, quote.len);
        cocos__buf_done(&quote);
        cocos__buf_done(&values);
    }
    if (t->log.len)
        tpm_field(m, 3, t->log.data, t->log.len);
    cocos__buf_add(m, t->more.data, t->more.len);
    PKI_NEED(!m->failed);
}

static inline cocos_evidence *tpm_evidence(const tpm_parts *t)
{
    cocos_evidence *ev = NULL;
    cocos__buf m;

    cocos__buf_init(&m, 1u << 20);
    tpm_message(t, &m);
    PKI_NEED(cocos_evidence_new(COCOS_EVIDENCE_VTPM, m.data, m.len, &ev, NULL) == COCOS_OK);
    cocos__buf_done(&m);
    return ev;
}

static inline void tpm_rule(cocos_policy *policy, const char *name, const char *value)
{
    PKI_NEED(cocos_policy_set(policy, name, value, NULL) == COCOS_OK);
}

/* The digest of some bytes in bank SHA-256, as a rule wants it. */
static inline const char *tpm_digest_text(const void *data, size_t len)
{
    static char text[65];
    uint8_t digest[32];

    tpm_hash(1, data, len, digest);
    for (int i = 0; i < 32; i++)
        snprintf(text + 2 * i, 3, "%02x", digest[i]);
    return text;
}

/* What a plan's evidence has, stated. */
static inline cocos_policy *tpm_policy(const tpm_plan *p)
{
    static const char *const layers[] = {"coverage.firmware", "coverage.kernel",
                                         "coverage.command_line", "coverage.initrd",
                                         "coverage.agent"};
    cocos_policy *policy = NULL;
    cocos__buf b;

    PKI_NEED(cocos_policy_new(&policy, NULL) == COCOS_OK);
    for (size_t i = 0; i < sizeof layers / sizeof *layers; i++)
        tpm_rule(policy, layers[i], "any");
    tpm_rule(policy, "vtpm.pcrs", "any");
    cocos__buf_init(&b, 4096);
    tpm_make_public(p, &b);
    tpm_rule(policy, "vtpm.ak", tpm_digest_text(b.data, b.len));
    cocos__buf_done(&b);
    PKI_NEED(cocos_policy_set_bytes(policy, "vtpm.nonce", p->nonce, p->nonce_len, NULL) ==
             COCOS_OK);
    return policy;
}

#endif
