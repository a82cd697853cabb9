/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_TESTS_EXPORTER_H
#define COCOS_TESTS_EXPORTER_H

/*
 * The exporter of a TLS 1.3 connection that is known by its exporter secret alone (RFC 8446
 * sections 7.1 and 7.5), for authenticators without a connection.
 */

#include <string.h>

#include <openssl/err.h>
#include <openssl/hmac.h>

#include "pki.h"
#include "transport/authenticator.h"

typedef struct exporter {
    int hash; /* COCOS__SHA256 or COCOS__SHA384 */
    uint8_t secret[48];
} exporter;

static inline const EVP_MD *exporter_md(int hash)
{
    return hash == COCOS__SHA384 ? EVP_sha384() : EVP_sha256();
}

/* HKDF-Expand-Label with the prefix "tls13 ". */
static inline void expand_label(int hash,
                                const uint8_t *secret,
                                const char *label,
                                const uint8_t *context,
                                size_t context_len,
                                uint8_t *out,
                                size_t n)
{
    uint8_t info[64 + 600]; /* the block before, length, label, context, counter */
    uint8_t block[64];
    unsigned int len = 0;
    size_t label_len = strlen(label);
    size_t size = cocos__digest_size(hash);
    uint8_t *p = info + size;

    PKI_NEED(n <= 255 * size && label_len < 240 && context_len < 256);
    *p++ = (uint8_t)(n >> 8);
    *p++ = (uint8_t)n;
    *p++ = (uint8_t)(6 + label_len);
    memcpy(p, "tls13 ", 6);
    memcpy(p + 6, label, label_len);
    p += 6 + label_len;
    *p++ = (uint8_t)context_len;
    if (context_len)
        memcpy(p, context, context_len);
    p += context_len;
    for (size_t done = 0, i = 1; done < n; done += size, i++) {
        const uint8_t *from = i == 1 ? info + size : info;
        *p = (uint8_t)i;
        PKI_NEED(
            HMAC(exporter_md(hash), secret, (int)size, from, (size_t)(p + 1 - from), block, &len));
        memcpy(out + done, block, n - done < size ? n - done : size);
        memcpy(info, block, size);
    }
}

static inline int exporter_value(
    void *user, const char *label, cocos__span context, uint8_t *out, size_t len, cocos_error **err)
{
    const exporter *e = user;
    size_t n = cocos__digest_size(e->hash);
    uint8_t derived[48];
    uint8_t hash[48];

    int r = cocos__digest(e->hash, NULL, 0, hash, err);
    if (r < 0)
        return r;
    expand_label(e->hash, e->secret, label, hash, n, derived, n);
    r = cocos__digest(e->hash, context.data, context.len, hash, err);
    if (r == COCOS_OK)
        expand_label(e->hash, derived, "exporter", hash, n, out, len);
    return r;
}

static inline cocos__ea_session exporter_session(exporter *e, cocos__ea_contexts *used)
{
    return (cocos__ea_session){
        .hash = e->hash, .exporter = exporter_value, .user = e, .used = used};
}

#endif
