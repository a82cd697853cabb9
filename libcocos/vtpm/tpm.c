/* SPDX-License-Identifier: Apache-2.0 */
#include "vtpm/tpm.h"

#include <string.h>

#include "crypto/digest.h"

/* Selections of one quote; a TPM has no more banks than that. */
#define SELECTIONS_MAX 16

static const struct {
    const char *name;
    uint16_t alg;
    int digest;
    size_t size;
} banks[COCOS__BANKS] = {
    [COCOS__BANK_SHA1] = {"sha1", TPM_ALG_SHA1, COCOS__SHA1, 20},
    [COCOS__BANK_SHA256] = {"sha256", TPM_ALG_SHA256, COCOS__SHA256, 32},
    [COCOS__BANK_SHA384] = {"sha384", TPM_ALG_SHA384, COCOS__SHA384, 48},
    [COCOS__BANK_SHA512] = {"sha512", TPM_ALG_SHA512, COCOS__SHA512, 64},
};

int cocos__bank_of_alg(uint32_t tpm_alg)
{
    for (int b = 0; b < COCOS__BANKS; b++) {
        if (banks[b].alg == tpm_alg)
            return b;
    }
    return COCOS__BANK_NONE;
}

int cocos__bank_by_name(const char *name, size_t len)
{
    for (int b = 0; b < COCOS__BANKS; b++) {
        if (strlen(banks[b].name) == len && memcmp(banks[b].name, name, len) == 0)
            return b;
    }
    return COCOS__BANK_NONE;
}

const char *cocos__bank_name(int bank)
{
    return bank >= 0 && bank < COCOS__BANKS ? banks[bank].name : "unknown";
}

size_t cocos__bank_size(int bank)
{
    return bank >= 0 && bank < COCOS__BANKS ? banks[bank].size : 0;
}

int cocos__bank_digest(int bank)
{
    return bank >= 0 && bank < COCOS__BANKS ? banks[bank].digest : 0;
}

static cocos__span read_sized(cocos__reader *r)
{
    return cocos__read_span(r, cocos__read_u16be(r));
}

static int whole(const cocos__reader *r, const char *what, cocos_error **err)
{
    if (r->failed)
        return cocos__fail(err, COCOS_ERR_MALFORMED, "vtpm.format",
                           "%s of %zu bytes is cut or has a wrong size inside", what, r->len);
    if (cocos__reader_left(r) > 0)
        return cocos__fail(err, COCOS_ERR_MALFORMED, "vtpm.format", "%zu bytes behind %s",
                           cocos__reader_left(r), what);
    return COCOS_OK;
}

/* TPMT_SYM_DEF_OBJECT: key bits and mode follow unless it is TPM_ALG_NULL (part 2 section 11.1.7).
 */
static void skip_symmetric(cocos__reader *r)
{
    if (cocos__read_u16be(r) != TPM_ALG_NULL)
        cocos__read_span(r, 4);
}

/* Schemes carry a hash, but for TPM_ALG_NULL and RSAES; ECDAA also a count (section 11.2). */
static void read_scheme(cocos__reader *r, uint16_t *scheme, uint16_t *hash)
{
    *scheme = cocos__read_u16be(r);
    *hash = TPM_ALG_NULL;
    if (*scheme != TPM_ALG_NULL && *scheme != TPM_ALG_RSAES)
        *hash = cocos__read_u16be(r);
    if (*scheme == TPM_ALG_ECDAA)
        cocos__read_u16be(r);
}

static void read_rsa(cocos__reader *r, cocos__tpm_public *p)
{
    skip_symmetric(r);
    read_scheme(r, &p->scheme, &p->scheme_hash);
    p->key_bits = cocos__read_u16be(r);
    p->exponent = cocos__read_u32be(r);
    p->n = read_sized(r);
}

static void read_ecc(cocos__reader *r, cocos__tpm_public *p)
{
    uint16_t kdf = 0;
    uint16_t kdf_hash = 0;

    skip_symmetric(r);
    read_scheme(r, &p->scheme, &p->scheme_hash);
    p->curve = cocos__read_u16be(r);
    read_scheme(r, &kdf, &kdf_hash);
    p->x = read_sized(r);
    p->y = read_sized(r);
}

int cocos__tpm_public_read(cocos__span data, cocos__tpm_public *ret, cocos_error **err)
{
    cocos__tpm_public p = {0};
    cocos__reader r;

    cocos__reader_init(&r, data.data, data.len);
    p.type = cocos__read_u16be(&r);
    p.name_alg = cocos__read_u16be(&r);
    p.attributes = cocos__read_u32be(&r);
    read_sized(&r); /* authPolicy */
    if (p.type == TPM_ALG_RSA)
        read_rsa(&r, &p);
    else if (p.type == TPM_ALG_ECC)
        read_ecc(&r, &p);
    else
        return cocos__fail(err, COCOS_ERR_MALFORMED, "vtpm.format",
                           "a public area of type 0x%04x, neither RSA nor ECC", p.type);
    int s = whole(&r, "the public area", err);
    if (s == COCOS_OK)
        *ret = p;
    return s;
}

int cocos__tpm_signature_read(cocos__span data, cocos__tpm_signature *ret, cocos_error **err)
{
    cocos__tpm_signature sig = {0};
    cocos__reader r;

    cocos__reader_init(&r, data.data, data.len);
    sig.scheme = cocos__read_u16be(&r);
    sig.hash = cocos__read_u16be(&r);
    if (sig.scheme == TPM_ALG_RSASSA || sig.scheme == TPM_ALG_RSAPSS) {
        sig.sig = read_sized(&r);
    } else if (sig.scheme == TPM_ALG_ECDSA) {
        sig.r = read_sized(&r);
        sig.s = read_sized(&r);
    } else {
        return cocos__fail(err, COCOS_ERR_MALFORMED, "vtpm.format",
                           "a signature of scheme 0x%04x, neither RSASSA, RSAPSS nor ECDSA",
                           sig.scheme);
    }
    int s = whole(&r, "the signature", err);
    if (s == COCOS_OK)
        *ret = sig;
    return s;
}

/* TPMS_PCR_SELECTION: hash, bytes of the bitmap, bitmap; PCR i is bit i % 8 of byte i / 8. */
static void read_selection(cocos__reader *r, uint16_t *alg, uint32_t *mask)
{
    *alg = cocos__read_u16be(r);
    uint8_t size = cocos__read_u8(r);
    cocos__span bits = cocos__read_span(r, size);

    *mask = 0;
    for (size_t i = 0; i < bits.len; i++) {
        if (i < 4)
            *mask |= (uint32_t)bits.data[i] << (8 * i);
        else if (bits.data[i])
            r->failed = 1;
    }
}

static void read_quote(cocos__reader *r, cocos__tpm_attest *a)
{
    a->selections = cocos__read_u32be(r);
    if (a->selections > SELECTIONS_MAX)
        r->failed = 1;
    for (uint32_t i = 0; i < a->selections && !r->failed; i++) {
        uint16_t alg = 0;
        uint32_t mask = 0;
        read_selection(r, &alg, &mask);
        if (i == 0) {
            a->bank_alg = alg;
            a->mask = mask;
        }
    }
    a->pcr_digest = read_sized(r);
}

int cocos__tpm_attest_read(cocos__span data, cocos__tpm_attest *ret, cocos_error **err)
{
    cocos__tpm_attest a = {0};
    cocos__reader r;

    cocos__reader_init(&r, data.data, data.len);
    a.magic = cocos__read_u32be(&r);
    a.type = cocos__read_u16be(&r);
    a.signer = read_sized(&r);
    a.extra = read_sized(&r);
    a.clock = cocos__read_u64be(&r);
    a.resets = cocos__read_u32be(&r);
    a.restarts = cocos__read_u32be(&r);
    a.safe = cocos__read_u8(&r);
    a.firmware = cocos__read_u64be(&r);
    /* Other structures end in another way; the caller refuses them by magic and type. */
    if (cocos__tpm_attests(&a, TPM_ST_ATTEST_QUOTE))
        read_quote(&r, &a);
    else
        a.rest = cocos__read_span(&r, cocos__reader_left(&r));
    int s = whole(&r, "the attested structure", err);
    if (s == COCOS_OK)
        *ret = a;
    return s;
}

int cocos__tpm_certify_read(cocos__span data, cocos__span *name, cocos_error **err)
{
    cocos__reader r;

    cocos__reader_init(&r, data.data, data.len);
    cocos__span n = read_sized(&r);
    read_sized(&r); /* qualified name */
    int s = whole(&r, "the certification", err);
    if (s == COCOS_OK)
        *name = n;
    return s;
}
