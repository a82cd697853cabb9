/* SPDX-License-Identifier: Apache-2.0 */
#include "vtpm/hcl.h"

#include <string.h>

#include "codec/base64.h"
#include "codec/json.h"
#include "crypto/digest.h"
#include "vtpm/checks.h"

#define MAGIC           0x414c4348u /* "HCLA" */
#define OFF_REPORT      0x020
#define REPORT_SIZE     0x4a0
#define OFF_RUNTIME     0x4c0
#define HASH_SHA256     1
#define CLAIMS_MAX      (64u << 10)
#define KEY_BYTES_MAX   1024
#define RSA_EXPONENT    65537
#define NAME_OF_THE_KEY "HCLAkPub"

static int malformed(cocos_error **err, const char *what)
{
    return cocos__fail(err, COCOS_ERR_MALFORMED, "vtpm.hcl_format", "paravisor report: %s", what);
}

int cocos__hcl_recognise(cocos__span data)
{
    return data.len >= 4 && cocos__u32le(data.data) == MAGIC;
}

int cocos__hcl_read(cocos__span data, cocos__hcl *ret, cocos_error **err)
{
    cocos__hcl hcl;
    cocos__reader r;

    cocos__reader_init(&r, data.data, data.len);
    uint32_t magic = cocos__read_u32le(&r);
    cocos__read_span(&r, OFF_REPORT - 4);
    hcl.report = cocos__read_span(&r, REPORT_SIZE);
    cocos__read_span(&r, OFF_RUNTIME - OFF_REPORT - REPORT_SIZE + 8); /* size and version too */
    hcl.type = (int)cocos__read_u32le(&r);
    uint32_t hash = cocos__read_u32le(&r);
    hcl.claims = cocos__read_span(&r, cocos__read_u32le(&r));
    if (r.failed || magic != MAGIC)
        return malformed(err, "it is cut, or does not begin with HCLA");
    if ((hcl.type != COCOS__HCL_SNP && hcl.type != COCOS__HCL_TDX) || hash != HASH_SHA256)
        return malformed(err, "neither an SNP nor a TDX report with claims under SHA-256");
    *ret = hcl;
    return COCOS_OK;
}

/* A member in base64url equals these bytes. */
static int member_is(const cocos__json *key, const char *name, cocos__span want)
{
    COCOS__CLEANUP(cocos__buf_done) cocos__buf b;
    cocos__json member = cocos__json_member(key, name);
    const char *text = NULL;

    cocos__buf_init(&b, KEY_BYTES_MAX);
    return cocos__json_text(&member, &text, NULL) == COCOS_OK &&
           cocos__base64_decode(COCOS__BASE64_URL, text, strlen(text), &b, NULL) == COCOS_OK &&
           b.len == want.len && memcmp(b.data, want.data, want.len) == 0;
}

static int text_is(const cocos__json *key, const char *name, const char *want)
{
    cocos__json member = cocos__json_member(key, name);
    const char *text = NULL;

    return cocos__json_text(&member, &text, NULL) == COCOS_OK && strcmp(text, want) == 0;
}

/* The exponent without leading zeros, as a JWK writes it. */
static int exponent_is(const cocos__json *key, uint32_t e)
{
    uint8_t be[4];
    size_t skip = 0;

    cocos__put_u32be(be, e ? e : RSA_EXPONENT);
    while (skip < 3 && be[skip] == 0)
        skip++;
    return member_is(key, "e", (cocos__span){be + skip, sizeof be - skip});
}

/* Exactly one key of the name, and it is this one. */
static int names_key(const cocos__json *root, const cocos__tpm_public *ak)
{
    cocos__json keys = cocos__json_member(root, "keys");
    size_t found = 0;
    int same = 0;

    for (size_t i = 0; i < cocos__json_count(&keys); i++) {
        cocos__json key = cocos__json_item(&keys, i);
        if (!text_is(&key, "kid", NAME_OF_THE_KEY))
            continue;
        found++;
        same = ak->type == TPM_ALG_RSA && text_is(&key, "kty", "RSA") &&
               member_is(&key, "n", ak->n) && exponent_is(&key, ak->exponent);
    }
    return found == 1 && same;
}

int cocos__hcl_binds(cocos__span data,
                     const cocos__tpm_public *ak,
                     uint8_t slot[32],
                     cocos_error **err)
{
    COCOS__CLEANUP(cocos__json_doc_freep) cocos__json_doc *doc = NULL;
    cocos__hcl hcl;

    int r = cocos__hcl_read(data, &hcl, err);
    if (r < 0)
        return r;
    r = cocos__json_parse((const char *)hcl.claims.data, hcl.claims.len, CLAIMS_MAX, &doc, NULL);
    if (r == COCOS_ERR_MEMORY)
        return cocos__fail_memory(err);
    if (r < 0)
        return malformed(err, "the runtime claims are no JSON");
    cocos__json root = cocos__json_root(doc);
    if (!names_key(&root, ak))
        return malformed(err, "the runtime claims do not name this attestation key");
    return cocos__digest(COCOS__SHA256, hcl.claims.data, hcl.claims.len, slot, err);
}
