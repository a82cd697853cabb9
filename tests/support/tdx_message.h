/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_TESTS_TDX_MESSAGE_H
#define COCOS_TESTS_TDX_MESSAGE_H

/* A quote as a message of the Go programs holds it, taken apart by code of our own. */

#include "tdx_maker.h"
#include "tpm_maker.h"

/* One message from pieces of a quote: sizes, 0 ends; negative: a number of so many bytes. */
static inline cocos__buf tdx_message_fields(const uint8_t **at, const int *sizes)
{
    cocos__buf b;

    cocos__buf_init(&b, 1u << 16);
    for (unsigned i = 0; sizes[i]; i++) {
        uint64_t v = 0;
        for (int k = -sizes[i]; k > 0; k--)
            v = v << 8 | (*at)[k - 1];
        if (sizes[i] < 0)
            tpm_number(&b, i + 1, v);
        else
            tpm_field(&b, i + 1, *at, (size_t)sizes[i]);
        *at += sizes[i] < 0 ? -sizes[i] : sizes[i];
    }
    return b;
}

/* tdx.QuoteV4 of a quote of version 4. */
static inline cocos__buf tdx_message(const pki_bytes *q)
{
    const uint8_t *at = q->data;
    cocos__buf all;
    cocos__buf head = tdx_message_fields(&at, (const int[]){-2, -2, -4, 2, 2, 16, 20, 0});
    cocos__buf td =
        tdx_message_fields(&at, (const int[]){16, 48, 48, 8, 8, 8, 48, 48, 48, 48, 192, 64, 0});
    uint32_t size = cocos__u32le(at);
    at += 4;
    cocos__buf data = tdx_message_fields(&at, (const int[]){64, 64, 0});
    cocos__buf cert = tdx_message_fields(&at, (const int[]){-2, -4, 0});
    cocos__buf inner;
    cocos__buf qe =
        tdx_message_fields(&at, (const int[]){16, -4, 28, 16, 32, 32, 32, 96, -2, -2, 60, 64, 0});
    cocos__buf auth;
    cocos__buf chain;

    cocos__buf_init(&all, 1u << 16);
    cocos__buf_init(&inner, 1u << 16);
    tpm_field(&inner, 1, qe.data, qe.len);
    tpm_field(&inner, 2, at, 64);
    at += 64;
    auth = tdx_message_fields(&at, (const int[]){-2, 32, 0});
    tpm_field(&inner, 3, auth.data, auth.len);
    chain = tdx_message_fields(&at, (const int[]){-2, -4, 0});
    tpm_field(&chain, 3, at, q->len - (size_t)(at - q->data));
    tpm_field(&inner, 4, chain.data, chain.len);
    tpm_field(&cert, 3, inner.data, inner.len);
    tpm_field(&data, 3, cert.data, cert.len);
    tpm_field(&all, 1, head.data, head.len);
    tpm_field(&all, 2, td.data, td.len);
    tpm_number(&all, 3, size);
    tpm_field(&all, 4, data.data, data.len);
    cocos__buf *const used[] = {&head, &td, &data, &cert, &inner, &qe, &auth, &chain};
    for (size_t i = 0; i < sizeof used / sizeof *used; i++)
        cocos__buf_done(used[i]);
    return all;
}

#endif
