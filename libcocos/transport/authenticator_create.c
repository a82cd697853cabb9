/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/authenticator_impl.h"

#include <string.h>

#include "base/fd.h"
#include "crypto/ossl.h"

#define VECTOR_MAX    65535u    /* of one entry's extensions */
#define BODY_MAX      0xffffffu /* of a message */
#define SIGNATURE_MAX 1024      /* RSA of 8192 bits */

/* Every extension has to have been asked for (RFC 9261 section 5.2.1). */
static int check_extensions(const cocos__ea_request *rq, cocos__span encoded, cocos_error **err)
{
    cocos__ea_extensions list;
    int doubled = 0;

    if (encoded.len > VECTOR_MAX)
        return cocos__ea_fail(err, "atls.length", "%zu bytes of extensions do not fit",
                              encoded.len);
    int r = cocos__ea_extensions_read(encoded, &list, &doubled, err);
    for (size_t i = 0; r == COCOS_OK && i < list.n; i++) {
        if (!rq || doubled || !cocos__ea_find(&rq->extensions, list.at[i].type))
            r = cocos__ea_fail(err, "atls.request", "extension %04x was not asked for once",
                               list.at[i].type);
    }
    return r;
}

static int add_entry(X509 *cert, cocos__span extensions, cocos__buf *out, cocos_error **err)
{
    uint8_t *der = NULL;
    int len = i2d_X509(cert, &der);

    if (len <= 0)
        return cocos__fail_ossl(err, COCOS_ERR_INTERNAL, "atls.crypto",
                                "cannot encode a certificate");
    cocos__ea_add_u24(out, (size_t)len);
    cocos__buf_add(out, der, (size_t)len);
    cocos__buf_add_u16be(out, (uint16_t)extensions.len);
    cocos__buf_add(out, extensions.data, extensions.len);
    OPENSSL_free(der);
    return COCOS_OK;
}

static void put_u24(uint8_t *p, size_t v)
{
    p[0] = (uint8_t)(v >> 16);
    cocos__put_u16be(p + 1, (uint16_t)v);
}

/* The Certificate message; lengths are filled in when they are known. */
static int add_certificate(const cocos__ea_identity *id,
                           cocos__span context,
                           cocos__span extensions,
                           cocos__buf *out,
                           cocos_error **err)
{
    size_t start = out->len;

    cocos__buf_add_u8(out, COCOS__EA_CERTIFICATE);
    cocos__ea_add_u24(out, 0);
    cocos__buf_add_u8(out, (uint8_t)context.len);
    cocos__buf_add(out, context.data, context.len);
    size_t list = out->len;
    cocos__ea_add_u24(out, 0);
    int r = add_entry(id->leaf, extensions, out, err);
    for (int i = 0; r == COCOS_OK && i < sk_X509_num(id->chain); i++)
        r = add_entry(sk_X509_value(id->chain, i), (cocos__span){NULL, 0}, out, err);
    if (r < 0)
        return r;
    if (out->failed)
        return cocos__fail_memory(err);
    if (out->len - start - 4 > BODY_MAX)
        return cocos__ea_fail(err, "atls.length", "the certificates are too long");
    put_u24(out->data + start + 1, out->len - start - 4);
    put_u24(out->data + list, out->len - list - 3);
    return COCOS_OK;
}

static int add_verify(const cocos__ea_identity *id,
                      uint16_t scheme,
                      const uint8_t *hash,
                      size_t hash_len,
                      cocos__buf *out,
                      cocos_error **err)
{
    COCOS__CLEANUP(cocos__md_ctx_freep) EVP_MD_CTX *ctx = cocos__ea_signer(scheme, id->key, 0);
    uint8_t input[COCOS__EA_SIGNED_MAX];
    uint8_t sig[SIGNATURE_MAX];
    size_t len = sizeof sig;
    size_t n = cocos__ea_signed(hash, hash_len, input);

    if (!ctx || EVP_DigestSign(ctx, sig, &len, input, n) != 1)
        return cocos__fail_ossl(err, COCOS_ERR_INTERNAL, "atls.crypto", "cannot sign");
    cocos__buf_add_u8(out, COCOS__EA_CERTIFICATE_VERIFY);
    cocos__ea_add_u24(out, 4 + len);
    cocos__buf_add_u16be(out, scheme);
    cocos__buf_add_u16be(out, (uint16_t)len);
    cocos__buf_add(out, sig, len);
    return out->failed ? cocos__fail_memory(err) : COCOS_OK;
}

static int add_finished(const cocos__ea_session *s,
                        const cocos__ea_keys *k,
                        const EVP_MD_CTX *transcript,
                        cocos__buf *out,
                        cocos_error **err)
{
    uint8_t hash[48];
    uint8_t mac[48];

    int r = cocos__ea_transcript_hash(transcript, hash, err);
    if (r == COCOS_OK)
        r = cocos__ea_mac(s, k, hash, mac, err);
    if (r < 0)
        return r;
    cocos__buf_add_u8(out, COCOS__EA_FINISHED);
    cocos__ea_add_u24(out, k->len);
    cocos__buf_add(out, mac, k->len);
    return out->failed ? cocos__fail_memory(err) : COCOS_OK;
}

/* Certificate, CertificateVerify, Finished. */
static int add_all(const cocos__ea_session *s,
                   const cocos__ea_keys *k,
                   EVP_MD_CTX *transcript,
                   const cocos__ea_identity *id,
                   uint16_t scheme,
                   cocos__span context,
                   cocos__span extensions,
                   cocos__buf *out,
                   cocos_error **err)
{
    uint8_t hash[48];
    size_t at = out->len;

    int r = add_certificate(id, context, extensions, out, err);
    if (r == COCOS_OK)
        r = cocos__ea_transcript_add(transcript, (cocos__span){out->data + at, out->len - at}, err);
    if (r == COCOS_OK)
        r = cocos__ea_transcript_hash(transcript, hash, err);
    if (r < 0)
        return r;
    at = out->len;
    r = add_verify(id, scheme, hash, k->len, out, err);
    if (r == COCOS_OK)
        r = cocos__ea_transcript_add(transcript, (cocos__span){out->data + at, out->len - at}, err);
    return r < 0 ? r : add_finished(s, k, transcript, out, err);
}

/* Section 5.6: the certificates that are not there are part of the transcript only. */
static int add_empty(const cocos__ea_session *s,
                     const cocos__ea_keys *k,
                     EVP_MD_CTX *transcript,
                     cocos__span context,
                     cocos__buf *out,
                     cocos_error **err)
{
    COCOS__CLEANUP(cocos__buf_done) cocos__buf certificate;

    cocos__buf_init(&certificate, 512);
    int r = cocos__ea_empty_certificate(context, &certificate, err);
    if (r == COCOS_OK)
        r = cocos__ea_transcript_add(transcript, (cocos__span){certificate.data, certificate.len},
                                     err);
    return r < 0 ? r : add_finished(s, k, transcript, out, err);
}

static int check_terms(const cocos__ea_request *rq,
                       const cocos__ea_identity *id,
                       int role,
                       cocos__span extensions,
                       uint16_t *scheme,
                       cocos_error **err)
{
    *scheme = COCOS__EA_ECDSA_P256;
    if (!rq && (!id || role != COCOS__EA_SERVER))
        return cocos__ea_fail(err, "atls.request",
                              "only a server speaks unasked, and then of itself");
    if (rq && (rq->schemes.len == 0 || rq->doubled))
        return cocos__ea_fail(err, "atls.request",
                              "the request names no signature schemes, or an extension twice");
    int r = rq && id ? cocos__ea_scheme(rq, id->key, scheme, err) : COCOS_OK;
    if (r == COCOS_OK && !rq && !cocos__ea_scheme_fits(*scheme, id->key))
        r = cocos__ea_fail(err, "atls.scheme", "unasked, only a P-256 key signs");
    return r < 0 ? r : check_extensions(rq, extensions, err);
}

int cocos__ea_create(const cocos__ea_session *s,
                     int role,
                     const cocos__ea_request *rq,
                     const cocos__ea_identity *id,
                     cocos__span extensions,
                     cocos__buf *out,
                     cocos_error **err)
{
    COCOS__OSSL_SCOPE;
    COCOS__CLEANUP(cocos__md_ctx_freep) EVP_MD_CTX *transcript = NULL;
    COCOS__CLEANUP(cocos__ea_keys_wipe) cocos__ea_keys keys = {0};
    uint8_t own[32];
    cocos__span context = rq ? rq->context : (cocos__span){own, sizeof own};
    uint16_t scheme = 0;

    int r = check_terms(rq, id, role, extensions, &scheme, err);
    if (r < 0)
        return r;
    cocos__random(own, sizeof own);
    r = cocos__ea_context_fresh(s->used, context, err);
    if (r == COCOS_OK)
        r = cocos__ea_keys_get(s, role, &keys, err);
    if (r == COCOS_OK)
        r = cocos__ea_transcript_new(s, &keys, rq ? rq->bytes : (cocos__span){NULL, 0}, &transcript,
                                     err);
    if (r < 0)
        return r;
    r = id ? add_all(s, &keys, transcript, id, scheme, context, extensions, out, err)
           : add_empty(s, &keys, transcript, context, out, err);
    if (r == COCOS_OK)
        cocos__ea_context_mark(s->used, context);
    return r;
}
