/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/timestamp.h"

#include <string.h>

#include <openssl/pkcs7.h>
#include <openssl/ts.h>

#include "crypto/cert_impl.h"
#include "crypto/digest.h"
#include "crypto/ossl.h"

COCOS__DEFINE_FREEP(resp_freep, TS_RESP *, TS_RESP_free)
COCOS__DEFINE_FREEP(req_freep, TS_REQ *, TS_REQ_free)
COCOS__DEFINE_FREEP(token_freep, PKCS7 *, PKCS7_free)
COCOS__DEFINE_FREEP(info_freep, TS_TST_INFO *, TS_TST_INFO_free)
COCOS__DEFINE_FREEP(verify_freep, TS_VERIFY_CTX *, TS_VERIFY_CTX_free)
COCOS__DEFINE_FREEP(store_freep, X509_STORE *, X509_STORE_free)

static inline void signers_freep(STACK_OF(X509) * *s)
{
    sk_X509_free(*s);
}

int cocos__timestamp_request(cocos__span message, cocos__buf *out, cocos_error **err)
{
    /* RFC 3161 section 2.4.1: version 1, imprint of SHA-256, certReq true. */
    static const uint8_t head[] = {0x30, 0x39, 0x02, 0x01, 0x01, 0x30, 0x31, 0x30,
                                   0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65,
                                   0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20};
    static const uint8_t tail[] = {0x01, 0x01, 0xff};
    uint8_t digest[32];

    int r = cocos__digest(COCOS__SHA256, message.data, message.len, digest, err);
    if (r < 0)
        return r;
    cocos__buf_add(out, head, sizeof head);
    cocos__buf_add(out, digest, sizeof digest);
    cocos__buf_add(out, tail, sizeof tail);
    return out->failed ? cocos__fail_memory(err) : COCOS_OK;
}

/* `before`: as for cocos__ossl_out_of_memory(). */
static int bad_form(unsigned long before, cocos_error **err)
{
    return cocos__ossl_out_of_memory(before)
               ? cocos__fail_memory(err)
               : cocos__fail_ossl(err, COCOS_ERR_MALFORMED, "timestamp.form",
                                  "not a time-stamp of RFC 3161");
}

static PKCS7 *read_token(cocos__span der)
{
    const uint8_t *p = der.data;
    PKCS7 *token =
        der.len > 0 && der.len <= COCOS__TIMESTAMP_MAX ? d2i_PKCS7(NULL, &p, (long)der.len) : NULL;

    if (token && (p != der.data + der.len || !PKCS7_type_is_signed(token))) {
        PKCS7_free(token);
        return NULL;
    }
    return token;
}

static int put_token(PKCS7 *token, cocos__buf *out, cocos_error **err)
{
    int len = i2d_PKCS7(token, NULL);
    uint8_t *p = len > 0 ? cocos__buf_room(out, (size_t)len) : NULL;

    return p && i2d_PKCS7(token, &p) == len ? COCOS_OK : cocos__fail_memory(err);
}

int cocos__timestamp_token(cocos__span reply, cocos__buf *out, cocos_error **err)
{
    COCOS__OSSL_SCOPE;
    unsigned long before = ERR_peek_error();
    COCOS__CLEANUP(token_freep) PKCS7 *bare = read_token(reply);
    COCOS__CLEANUP(resp_freep) TS_RESP *resp = NULL;
    const uint8_t *p = reply.data;

    if (bare)
        return put_token(bare, out, err);
    if (reply.len > 0 && reply.len <= COCOS__TIMESTAMP_MAX)
        resp = d2i_TS_RESP(NULL, &p, (long)reply.len);
    if (!resp || p != reply.data + reply.len)
        return bad_form(before, err);
    /* RFC 3161 section 2.4.2: 0 granted, 1 granted with modifications. */
    int64_t status = -1;
    if (!ASN1_INTEGER_get_int64(&status,
                                TS_STATUS_INFO_get0_status(TS_RESP_get_status_info(resp))) ||
        (status != 0 && status != 1) || !TS_RESP_get_token(resp))
        return cocos__fail(err, COCOS_ERR_DENIED, "timestamp.refused",
                           "the time-stamp authority did not grant the request (status %lld)",
                           (long long)status);
    return put_token(TS_RESP_get_token(resp), out, err);
}

int cocos__timestamp_is_over(cocos__span der, cocos__span message, cocos_error **err)
{
    COCOS__OSSL_SCOPE;
    unsigned long before = ERR_peek_error();
    COCOS__CLEANUP(token_freep) PKCS7 *token = read_token(der);
    COCOS__CLEANUP(info_freep) TS_TST_INFO *info = token ? PKCS7_to_TS_TST_INFO(token) : NULL;
    uint8_t digest[32];

    if (!info)
        return bad_form(before, err);
    int r = cocos__digest(COCOS__SHA256, message.data, message.len, digest, err);
    if (r < 0)
        return r;
    const ASN1_OCTET_STRING *found = TS_MSG_IMPRINT_get_msg(TS_TST_INFO_get_msg_imprint(info));
    if (ASN1_STRING_length(found) != sizeof digest ||
        memcmp(ASN1_STRING_get0_data(found), digest, sizeof digest) != 0)
        return cocos__fail(err, COCOS_ERR_REJECTED, "timestamp.imprint",
                           "the time-stamp is over something else");
    return COCOS_OK;
}

/* Only the caller's roots, at the time that the token itself gives: its certificate may have ended
 * since, which takes nothing from what was signed before. */
static X509_STORE *make_store(const cocos__certs *roots, int64_t time_s)
{
    COCOS__CLEANUP(store_freep) X509_STORE *store = X509_STORE_new();

    /* Where OpenSSL's time has 32 bits, later ones cannot be judged. */
    if (!store || (time_t)time_s != time_s)
        return NULL;
    for (size_t i = 0; i < roots->n; i++) {
        if (!X509_STORE_add_cert(store, roots->at[i]->x509))
            return NULL;
    }
    X509_VERIFY_PARAM_set_time(X509_STORE_get0_param(store), (time_t)time_s);
    X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);
    return COCOS__STEAL(store);
}

/* What the token must be over is what we would have asked about. */
static TS_VERIFY_CTX *make_context(cocos__span message, X509_STORE **store_take, cocos_error **err)
{
    COCOS__CLEANUP(cocos__buf_done) cocos__buf b;
    COCOS__CLEANUP(req_freep) TS_REQ *req = NULL;

    cocos__buf_init(&b, 128);
    if (cocos__timestamp_request(message, &b, err) < 0)
        return NULL;
    const uint8_t *p = b.data;
    req = d2i_TS_REQ(NULL, &p, (long)b.len);
    TS_VERIFY_CTX *ctx = req ? TS_REQ_to_TS_VERIFY_CTX(req, NULL) : NULL;
    if (!ctx)
        return NULL;
    TS_VERIFY_CTX_add_flags(ctx, TS_VFY_SIGNATURE);
    TS_VERIFY_CTX_set_store(ctx, COCOS__STEAL(*store_take));
    return ctx;
}

/* 0: out of memory, since a token that holds has a signer. */
static int name_authority(PKCS7 *token, cocos__timestamp *ret)
{
    COCOS__CLEANUP(signers_freep) STACK_OF(X509) *signers = PKCS7_get0_signers(token, NULL, 0);
    X509 *signer = signers ? sk_X509_value(signers, 0) : NULL;

    ret->authority[0] = '\0';
    if (signer)
        X509_NAME_get_text_by_NID(X509_get_subject_name(signer), NID_commonName, ret->authority,
                                  sizeof ret->authority);
    for (char *c = ret->authority; *c; c++) {
        if (*c < ' ' || *c > '~')
            *c = '?';
    }
    return signer != NULL;
}

static int verify(cocos__span der,
                  cocos__span message,
                  const cocos__certs *roots,
                  cocos__timestamp *ret,
                  cocos_error **err)
{
    COCOS__OSSL_SCOPE;
    unsigned long before = ERR_peek_error();
    COCOS__CLEANUP(token_freep) PKCS7 *token = read_token(der);
    COCOS__CLEANUP(info_freep) TS_TST_INFO *info = token ? PKCS7_to_TS_TST_INFO(token) : NULL;
    COCOS__CLEANUP(store_freep) X509_STORE *store = NULL;
    COCOS__CLEANUP(verify_freep) TS_VERIFY_CTX *ctx = NULL;

    if (!info || cocos__asn1_seconds(TS_TST_INFO_get_time(info), &ret->time_s) != 0)
        return bad_form(before, err);
    store = make_store(roots, ret->time_s);
    ctx = store ? make_context(message, &store, err) : NULL;
    if (!ctx)
        return cocos__fail_memory(err);
    if (TS_RESP_verify_token(ctx, token) != 1)
        return cocos__ossl_out_of_memory(before)
                   ? cocos__fail_memory(err)
                   : cocos__fail_ossl(err, COCOS_ERR_REJECTED, "timestamp.bad",
                                      "the time-stamp does not hold");
    return name_authority(token, ret) ? COCOS_OK : cocos__fail_memory(err);
}

/*
 * OpenSSL says no, often without that reason, when it runs out of memory; then the guest's own time
 * would count, which its host chooses. So a token is refused only by two attempts.
 */
int cocos__timestamp_verify(cocos__span der,
                            cocos__span message,
                            const cocos__certs *roots,
                            cocos__timestamp *ret,
                            cocos_error **err)
{
    int r = verify(der, message, roots, ret, NULL);

    return r == COCOS_OK ? r : verify(der, message, roots, ret, err);
}
