/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/chain.h"

#include <string.h>

#include <openssl/x509_vfy.h>

#include "crypto/cert_impl.h"
#include "crypto/ossl.h"

COCOS__DEFINE_FREEP(store_ctx_freep, X509_STORE_CTX *, X509_STORE_CTX_free)

static inline void stack_freep(STACK_OF(X509) * *s)
{
    sk_X509_free(*s);
}

const cocos__pin *cocos__pin_find(const cocos__pin *pins, size_t n, const cocos__cert *cert)
{
    for (size_t i = 0; i < n; i++) {
        if (memcmp(pins[i].spki_sha256, cert->spki_sha256, sizeof cert->spki_sha256) == 0)
            return &pins[i];
    }
    return NULL;
}

static int bad_chain(cocos_error **err, const char *why)
{
    return cocos__fail(err, COCOS_ERR_REJECTED, "chain.bad",
                       "the certificate chain does not hold: %s", why);
}

/*
 * Only the one root is trusted, so a chain that OpenSSL accepts is leaf … root. The depth makes it
 * use every intermediate, otherwise a leaf signed by the root itself would pass beside one.
 */
static int run(X509_STORE_CTX *ctx, size_t n, cocos_error **err)
{
    X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(ctx);

    X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_NO_CHECK_TIME | X509_V_FLAG_CHECK_SS_SIGNATURE);
    X509_VERIFY_PARAM_set_depth(param, (int)n);
    if (X509_verify_cert(ctx) != 1) {
        int why = X509_STORE_CTX_get_error(ctx);
        if (why == X509_V_ERR_OUT_OF_MEM)
            return cocos__fail_memory(err);
        return bad_chain(err, X509_verify_cert_error_string(why));
    }
    if ((size_t)sk_X509_num(X509_STORE_CTX_get0_chain(ctx)) != n + 2)
        return bad_chain(err, "it is shorter than its kind");
    return COCOS_OK;
}

int cocos__chain_verify(const cocos__cert *leaf,
                        cocos__cert *const *intermediates,
                        size_t n,
                        const cocos__cert *root,
                        cocos_error **err)
{
    COCOS__OSSL_SCOPE;
    COCOS__CLEANUP(store_ctx_freep) X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    COCOS__CLEANUP(stack_freep) STACK_OF(X509) *trusted = sk_X509_new_null();
    COCOS__CLEANUP(stack_freep) STACK_OF(X509) *untrusted = sk_X509_new_null();
    int ok = ctx && trusted && untrusted && sk_X509_push(trusted, root->x509) > 0;

    for (size_t i = 0; ok && i < n; i++)
        ok = sk_X509_push(untrusted, intermediates[i]->x509) > 0;
    if (!ok || !X509_STORE_CTX_init(ctx, NULL, leaf->x509, untrusted))
        return cocos__fail_memory(err);
    X509_STORE_CTX_set0_trusted_stack(ctx, trusted);

    if (!cocos__cert_is_self_issued(root))
        return bad_chain(err, "the root is not self-signed");
    return run(ctx, n, err);
}
