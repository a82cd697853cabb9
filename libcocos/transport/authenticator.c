/* SPDX-License-Identifier: Apache-2.0 */
/* Requests, and what making and judging authenticators share. */
#include "transport/authenticator_impl.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/hmac.h>
#include <openssl/rsa.h>

#include "crypto/ossl.h"
#include "transport/attest_payload.h"

int cocos__ea_fail(cocos_error **err, const char *code, const char *fmt, ...)
{
    char text[512];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    return cocos__fail(err, COCOS_ERR_UNAUTHENTICATED, code, "%s", text);
}

/* ---- Extensions and requests (sections 5 and 5.1) ---- */

const cocos__ea_extension *cocos__ea_find(const cocos__ea_extensions *list, uint16_t type)
{
    for (size_t i = 0; i < list->n; i++) {
        if (list->at[i].type == type)
            return &list->at[i];
    }
    return NULL;
}

int cocos__ea_extensions_read(cocos__span vector,
                              cocos__ea_extensions *ret,
                              int *doubled,
                              cocos_error **err)
{
    cocos__reader r;

    cocos__reader_init(&r, vector.data, vector.len);
    ret->n = 0;
    *doubled = 0;
    while (cocos__reader_left(&r) > 0) {
        if (cocos__reader_left(&r) < 4)
            return cocos__ea_fail(err, "atls.truncated", "an extension ends within its head");
        uint16_t type = cocos__read_u16be(&r);
        uint16_t len = cocos__read_u16be(&r);
        if (len > cocos__reader_left(&r))
            return cocos__ea_fail(err, "atls.length", "extension %04x has %u bytes, %zu are there",
                                  type, len, cocos__reader_left(&r));
        if (ret->n == COCOS__EA_EXTENSIONS_MAX)
            return cocos__ea_fail(err, "atls.length", "there are more than %d extensions",
                                  COCOS__EA_EXTENSIONS_MAX);
        *doubled |= cocos__ea_find(ret, type) != NULL;
        ret->at[ret->n++] = (cocos__ea_extension){type, cocos__read_span(&r, len)};
    }
    return COCOS_OK;
}

/* v16<u16*>, exact and not empty; anything else counts as missing. */
static cocos__span read_schemes(const cocos__ea_extensions *list)
{
    const cocos__ea_extension *e = cocos__ea_find(list, COCOS__EA_EXT_SIGNATURES);
    size_t len = e && e->data.len >= 2 ? cocos__u16be(e->data.data) : 0;

    if (len < 2 || len % 2 != 0 || len != e->data.len - 2)
        return (cocos__span){NULL, 0};
    return (cocos__span){e->data.data + 2, len};
}

static int truncated_request(cocos_error **err)
{
    return cocos__ea_fail(err, "atls.truncated", "the request ends before it is whole");
}

static int read_request_body(cocos__span body, cocos__ea_request *rq, cocos_error **err)
{
    cocos__reader r;

    cocos__reader_init(&r, body.data, body.len);
    rq->context = cocos__read_span(&r, cocos__read_u8(&r));
    size_t len = cocos__read_u16be(&r);
    if (r.failed || len > cocos__reader_left(&r))
        return truncated_request(err);
    if (len < cocos__reader_left(&r))
        return cocos__ea_fail(err, "atls.length", "%zu bytes are left in the request",
                              cocos__reader_left(&r) - len);
    int status =
        cocos__ea_extensions_read(cocos__read_span(&r, len), &rq->extensions, &rq->doubled, err);
    rq->schemes = read_schemes(&rq->extensions);
    rq->offers = cocos__ea_find(&rq->extensions, COCOS__EA_EXT_ATTESTATION) != NULL;
    return status;
}

int cocos__ea_request_parse(cocos__span bytes,
                            cocos__ea_request *ret,
                            size_t *rest,
                            cocos_error **err)
{
    cocos__reader r;

    cocos__reader_init(&r, bytes.data, bytes.len);
    *ret = (cocos__ea_request){.type = cocos__read_u8(&r)};
    size_t len = (size_t)cocos__read_u8(&r) << 16;
    len |= cocos__read_u16be(&r);
    if (r.failed)
        return truncated_request(err);
    if (ret->type != COCOS__EA_REQUEST_BY_CLIENT && ret->type != COCOS__EA_REQUEST_BY_SERVER)
        return cocos__ea_fail(err, "atls.message", "a request has type 13 or 17, not %d",
                              ret->type);
    if (len > cocos__reader_left(&r))
        return truncated_request(err);
    ret->bytes = (cocos__span){bytes.data, 4 + len};
    int status = read_request_body(cocos__read_span(&r, len), ret, err);
    *rest = cocos__reader_left(&r);
    return status;
}

void cocos__ea_add_u24(cocos__buf *out, size_t v)
{
    cocos__buf_add_u8(out, (uint8_t)(v >> 16));
    cocos__buf_add_u16be(out, (uint16_t)v);
}

int cocos__ea_request_write(
    int type, cocos__span context, int client, cocos__buf *out, cocos_error **err)
{
    static const uint8_t extensions[] = {
        0x00, 0x0d, 0x00, 0x04, 0x00, 0x02, 0x04, 0x03, /* signature_algorithms */
        0xff, 0x00, 0x00, 0x00,                         /* cmw_attestation: an offer */
        0xff, 0x01, 0x00, 0x00,                         /* COCOS__EA_EXT_CLIENT */
    };
    size_t n = client ? sizeof extensions : sizeof extensions - 4;

    if (context.len == 0 || context.len > COCOS__EA_CONTEXT_MAX)
        return cocos__fail(err, COCOS_ERR_USAGE, "atls.context",
                           "a context has 1 to %d bytes, not %zu", COCOS__EA_CONTEXT_MAX,
                           context.len);
    cocos__buf_add_u8(out, (uint8_t)type);
    cocos__ea_add_u24(out, 1 + context.len + 2 + n);
    cocos__buf_add_u8(out, (uint8_t)context.len);
    cocos__buf_add(out, context.data, context.len);
    cocos__buf_add_u16be(out, (uint16_t)n);
    cocos__buf_add(out, extensions, n);
    return out->failed ? cocos__fail_memory(err) : COCOS_OK;
}

/* ---- Contexts ---- */

int cocos__ea_context_fresh(const cocos__ea_contexts *used, cocos__span context, cocos_error **err)
{
    if (!used)
        return COCOS_OK;
    if (used->n == COCOS__ARRAY_LEN(used->len))
        return cocos__ea_fail(err, "atls.replay", "%zu exchanges on one connection are enough",
                              used->n);
    for (size_t i = 0; i < used->n; i++) {
        if (used->len[i] == context.len && memcmp(used->at[i], context.data, context.len) == 0)
            return cocos__ea_fail(err, "atls.replay",
                                  "the context was used on this connection before");
    }
    return COCOS_OK;
}

void cocos__ea_context_mark(cocos__ea_contexts *used, cocos__span context)
{
    if (!used)
        return;
    used->len[used->n] = (uint8_t)context.len;
    if (context.len)
        memcpy(used->at[used->n], context.data, context.len);
    used->n++;
}

/* ---- Keys and transcripts (section 5.5) ---- */

static const EVP_MD *md_of(const cocos__ea_session *s)
{
    return s->hash == COCOS__SHA384 ? EVP_sha384() : EVP_sha256();
}

int cocos__ea_keys_get(const cocos__ea_session *s, int role, cocos__ea_keys *ret, cocos_error **err)
{
    static const char *const labels[2][2] = {
        {"EXPORTER-server authenticator handshake context",
         "EXPORTER-server authenticator finished key"},
        {"EXPORTER-client authenticator handshake context",
         "EXPORTER-client authenticator finished key"},
    };
    const char *const *l = labels[role == COCOS__EA_CLIENT];
    cocos__span none = {NULL, 0};

    if (s->hash != COCOS__SHA256 && s->hash != COCOS__SHA384)
        return cocos__ea_fail(err, "atls.suite", "the cipher suite is none of TLS 1.3");
    ret->len = cocos__digest_size(s->hash);
    int r = s->exporter(s->user, l[0], none, ret->context, ret->len, err);
    return r < 0 ? r : s->exporter(s->user, l[1], none, ret->finished, ret->len, err);
}

void cocos__ea_keys_wipe(cocos__ea_keys *k)
{
    OPENSSL_cleanse(k, sizeof *k);
}

static int no_hash(cocos_error **err)
{
    return cocos__fail_ossl(err, COCOS_ERR_INTERNAL, "atls.crypto", "cannot hash the exchange");
}

int cocos__ea_transcript_new(const cocos__ea_session *s,
                             const cocos__ea_keys *k,
                             cocos__span request,
                             EVP_MD_CTX **ret,
                             cocos_error **err)
{
    COCOS__CLEANUP(cocos__md_ctx_freep) EVP_MD_CTX *t = EVP_MD_CTX_new();

    if (!t || EVP_DigestInit_ex(t, md_of(s), NULL) != 1 ||
        EVP_DigestUpdate(t, k->context, k->len) != 1 ||
        (request.len && EVP_DigestUpdate(t, request.data, request.len) != 1))
        return no_hash(err);
    *ret = COCOS__STEAL(t);
    return COCOS_OK;
}

int cocos__ea_transcript_add(EVP_MD_CTX *t, cocos__span message, cocos_error **err)
{
    return EVP_DigestUpdate(t, message.data, message.len) == 1 ? COCOS_OK : no_hash(err);
}

int cocos__ea_transcript_hash(const EVP_MD_CTX *t, uint8_t out[48], cocos_error **err)
{
    COCOS__CLEANUP(cocos__md_ctx_freep) EVP_MD_CTX *copy = EVP_MD_CTX_new();
    unsigned int n = 0;

    if (!copy || EVP_MD_CTX_copy_ex(copy, t) != 1 || EVP_DigestFinal_ex(copy, out, &n) != 1)
        return no_hash(err);
    return COCOS_OK;
}

int cocos__ea_mac(const cocos__ea_session *s,
                  const cocos__ea_keys *k,
                  const uint8_t hash[48],
                  uint8_t out[48],
                  cocos_error **err)
{
    unsigned int n = 0;

    if (!HMAC(md_of(s), k->finished, (int)k->len, hash, k->len, out, &n))
        return no_hash(err);
    return COCOS_OK;
}

int cocos__ea_empty_certificate(cocos__span context, cocos__buf *out, cocos_error **err)
{
    cocos__buf_add_u8(out, COCOS__EA_CERTIFICATE);
    cocos__ea_add_u24(out, 1 + context.len + 3);
    cocos__buf_add_u8(out, (uint8_t)context.len);
    cocos__buf_add(out, context.data, context.len);
    cocos__ea_add_u24(out, 0);
    return out->failed ? cocos__fail_memory(err) : COCOS_OK;
}

/* ---- Signatures (section 5.3) ---- */

size_t cocos__ea_signed(const uint8_t *hash, size_t len, uint8_t out[COCOS__EA_SIGNED_MAX])
{
    static const char label[] = "Exported Authenticator"; /* with its zero byte */

    memset(out, 0x20, 64);
    memcpy(out + 64, label, sizeof label);
    memcpy(out + 64 + sizeof label, hash, len);
    return 64 + sizeof label + len;
}

static int is_p256(const EVP_PKEY *key)
{
    char name[32] = "";
    size_t n = 0;

    return EVP_PKEY_get_base_id(key) == EVP_PKEY_EC &&
           EVP_PKEY_get_group_name(key, name, sizeof name, &n) == 1 &&
           (strcmp(name, "prime256v1") == 0 || strcmp(name, "P-256") == 0);
}

int cocos__ea_scheme_fits(uint16_t scheme, const EVP_PKEY *key)
{
    switch (scheme) {
    case COCOS__EA_ECDSA_P256:
        return is_p256(key);
    case COCOS__EA_RSA_PSS:
        return EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA;
    case COCOS__EA_ED25519:
        return EVP_PKEY_get_base_id(key) == EVP_PKEY_ED25519;
    default:
        return 0;
    }
}

int cocos__ea_scheme_offered(const cocos__ea_request *rq, uint16_t scheme)
{
    for (size_t i = 0; i < rq->schemes.len; i += 2) {
        if (cocos__u16be(rq->schemes.data + i) == scheme)
            return 1;
    }
    return 0;
}

int cocos__ea_scheme(const cocos__ea_request *rq,
                     const EVP_PKEY *key,
                     uint16_t *ret,
                     cocos_error **err)
{
    if (rq->schemes.len == 0)
        return cocos__ea_fail(err, "atls.request", "the request names no signature schemes");
    for (size_t i = 0; i < rq->schemes.len; i += 2) {
        uint16_t scheme = cocos__u16be(rq->schemes.data + i);
        if (cocos__ea_scheme_fits(scheme, key)) {
            *ret = scheme;
            return COCOS_OK;
        }
    }
    return cocos__ea_fail(err, "atls.scheme", "the request has no signature scheme for our key");
}

static int set_pss(EVP_PKEY_CTX *p)
{
    return EVP_PKEY_CTX_set_rsa_padding(p, RSA_PKCS1_PSS_PADDING) == 1 &&
           EVP_PKEY_CTX_set_rsa_pss_saltlen(p, RSA_PSS_SALTLEN_DIGEST) == 1 &&
           EVP_PKEY_CTX_set_rsa_mgf1_md(p, EVP_sha256()) == 1;
}

EVP_MD_CTX *cocos__ea_signer(uint16_t scheme, EVP_PKEY *key, int verify)
{
    COCOS__CLEANUP(cocos__md_ctx_freep) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    const EVP_MD *md = scheme == COCOS__EA_ED25519 ? NULL : EVP_sha256();
    EVP_PKEY_CTX *p = NULL;

    if (!ctx)
        return NULL;
    int ok = verify ? EVP_DigestVerifyInit(ctx, &p, md, NULL, key)
                    : EVP_DigestSignInit(ctx, &p, md, NULL, key);
    if (ok != 1 || (scheme == COCOS__EA_RSA_PSS && !set_pss(p)))
        return NULL;
    return COCOS__STEAL(ctx);
}

/* ---- The binder (sections 6.3 and 6.4) ---- */

/* H(spki || exported). */
static int hash_pair(const cocos__ea_session *s,
                     cocos__span spki,
                     const uint8_t exported[COCOS__EA_EXPORTED],
                     uint8_t *out,
                     cocos_error **err)
{
    COCOS__CLEANUP(cocos__md_ctx_freep) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    unsigned int n = 0;

    if (!ctx || EVP_DigestInit_ex(ctx, md_of(s), NULL) != 1 ||
        EVP_DigestUpdate(ctx, spki.data, spki.len) != 1 ||
        EVP_DigestUpdate(ctx, exported, COCOS__EA_EXPORTED) != 1 ||
        EVP_DigestFinal_ex(ctx, out, &n) != 1)
        return no_hash(err);
    return COCOS_OK;
}

static int bind_spki(const cocos__ea_session *s,
                     cocos__span context,
                     cocos__span spki,
                     cocos__ea_binding *b,
                     cocos_error **err)
{
    b->hash_len = cocos__digest_size(s->hash);
    int r = s->exporter(s->user, COCOS__EA_EVIDENCE_LABEL, context, b->exported, sizeof b->exported,
                        err);
    if (r == COCOS_OK)
        r = cocos__digest(COCOS__SHA256, spki.data, spki.len, b->leaf, err);
    if (r == COCOS_OK)
        r = cocos__digest(s->hash, spki.data, spki.len, b->aik_pub_hash, err);
    if (r == COCOS_OK)
        r = hash_pair(s, spki, b->exported, b->binding, err);
    if (r == COCOS_OK)
        r = cocos__digest(COCOS__SHA512, b->binding, b->hash_len, b->report_data, err);
    return r < 0 ? r : cocos__digest(COCOS__SHA256, b->exported, sizeof b->exported, b->nonce, err);
}

int cocos__ea_bind(const cocos__ea_session *s,
                   cocos__span context,
                   const X509 *leaf,
                   cocos__ea_binding *ret,
                   cocos_error **err)
{
    uint8_t *der = NULL;
    int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(leaf), &der);

    if (len <= 0)
        return cocos__fail_ossl(err, COCOS_ERR_INTERNAL, "atls.crypto", "cannot encode a key");
    int r = bind_spki(s, context, (cocos__span){der, (size_t)len}, ret, err);
    OPENSSL_free(der);
    return r;
}
