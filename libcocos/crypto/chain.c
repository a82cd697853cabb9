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

/* What X509_verify_cert() found. `before`: as for cocos__ossl_out_of_memory(). */
static int bad_chain_of(X509_STORE_CTX *ctx, unsigned long before, cocos_error **err)
{
    int why = X509_STORE_CTX_get_error(ctx);

    if (why == X509_V_ERR_OUT_OF_MEM || cocos__ossl_out_of_memory(before))
        return cocos__fail_memory(err);
    return bad_chain(err, X509_verify_cert_error_string(why));
}

/*
 * Only the one root is trusted, so a chain that OpenSSL accepts is leaf … root. The depth makes it
 * use every intermediate, otherwise a leaf signed by the root itself would pass beside one.
 */
static int run(X509_STORE_CTX *ctx, size_t n, int self_signed, cocos_error **err)
{
    X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(ctx);

    /* A signature that was found to hold once still does: certificates do not change. */
    X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_NO_CHECK_TIME |
                                           (self_signed ? 0 : X509_V_FLAG_CHECK_SS_SIGNATURE));
    X509_VERIFY_PARAM_set_depth(param, (int)n);
    unsigned long before = ERR_peek_error();
    if (X509_verify_cert(ctx) != 1)
        return bad_chain_of(ctx, before, err);
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
    int r = run(ctx, n, atomic_load(&root->self_signed), err);
    if (r == COCOS_OK)
        atomic_store(&((cocos__cert *)(uintptr_t)root)->self_signed, 1);
    return r;
}

static int push_all(STACK_OF(X509) * stack, const cocos__certs *list)
{
    for (size_t i = 0; i < list->n; i++) {
        if (sk_X509_push(stack, list->at[i]->x509) <= 0)
            return 0;
    }
    return 1;
}

static cocos__cert *owner(const cocos__certs *list, const X509 *x509)
{
    for (size_t i = 0; i < list->n; i++) {
        if (list->at[i]->x509 == x509)
            return list->at[i];
    }
    return NULL;
}

/* The chain that OpenSSL built, as our objects. */
static int give_chain(X509_STORE_CTX *ctx,
                      const cocos__cert *leaf,
                      const cocos__certs *pool,
                      const cocos__certs *roots,
                      cocos__cert **chain,
                      size_t *n,
                      cocos_error **err)
{
    STACK_OF(X509) *built = X509_STORE_CTX_get0_chain(ctx);
    int count = sk_X509_num(built);

    if (count < 2 || count > COCOS__CERTS_MAX + 2)
        return bad_chain(err, "it is longer than it may be, or the leaf itself is a root");
    for (int i = 0; i < count; i++) {
        X509 *x509 = sk_X509_value(built, i);
        cocos__cert *c = x509 == leaf->x509 ? (cocos__cert *)(uintptr_t)leaf : owner(roots, x509);
        chain[i] = c ? c : owner(pool, x509);
        if (!chain[i])
            return bad_chain(err, "it has a certificate that nobody gave");
    }
    *n = (size_t)count;
    return COCOS_OK;
}

int cocos__chain_find(const cocos__cert *leaf,
                      const cocos__certs *pool,
                      const cocos__certs *roots,
                      cocos__cert **chain,
                      size_t *n,
                      cocos_error **err)
{
    COCOS__OSSL_SCOPE;
    COCOS__CLEANUP(store_ctx_freep) X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    COCOS__CLEANUP(stack_freep) STACK_OF(X509) *trusted = sk_X509_new_null();
    COCOS__CLEANUP(stack_freep) STACK_OF(X509) *untrusted = sk_X509_new_null();

    if (!ctx || !trusted || !untrusted || !push_all(trusted, roots) || !push_all(untrusted, pool) ||
        !X509_STORE_CTX_init(ctx, NULL, leaf->x509, untrusted))
        return cocos__fail_memory(err);
    X509_STORE_CTX_set0_trusted_stack(ctx, trusted);
    X509_VERIFY_PARAM_set_flags(X509_STORE_CTX_get0_param(ctx),
                                X509_V_FLAG_NO_CHECK_TIME | X509_V_FLAG_CHECK_SS_SIGNATURE);
    unsigned long before = ERR_peek_error();
    if (X509_verify_cert(ctx) != 1)
        return bad_chain_of(ctx, before, err);
    return give_chain(ctx, leaf, pool, roots, chain, n, err);
}
