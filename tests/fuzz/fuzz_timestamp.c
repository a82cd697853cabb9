/* SPDX-License-Identifier: Apache-2.0 */
/* Answers of time-stamp authorities, and tokens. */
#include "crypto/timestamp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cocos__span bytes = {data, size};
    cocos__certs none = {.n = 0};
    cocos__timestamp stamp;
    cocos__buf token;

    cocos__buf_init(&token, COCOS__TIMESTAMP_MAX);
    (void)!cocos__timestamp_token(bytes, &token, NULL);
    (void)!cocos__timestamp_is_over(bytes, bytes, NULL);
    (void)!cocos__timestamp_verify(bytes, bytes, &none, &stamp, NULL);
    cocos__buf_done(&token);
    return 0;
}
