/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/attest_frame.h"

int cocos__attest_frame_read(const uint8_t head[COCOS__FRAME_HEAD],
                             int *type,
                             size_t *len,
                             cocos_error **err)
{
    uint32_t n = cocos__u32be(head + 1);

    if (head[0] == 0)
        return cocos__fail(err, COCOS_ERR_UNAUTHENTICATED, "atls.frame",
                           "the peer sends something else than the exchange of attested TLS");
    if (n > COCOS__FRAME_MAX)
        return cocos__fail(err, COCOS_ERR_UNAUTHENTICATED, "atls.frame",
                           "a frame of %u bytes, at most %u are allowed", n, COCOS__FRAME_MAX);
    *type = head[0];
    *len = n;
    return COCOS_OK;
}

int cocos__attest_frame_expect(
    const uint8_t head[COCOS__FRAME_HEAD], int type, size_t max, size_t *len, cocos_error **err)
{
    int found = 0;

    int r = cocos__attest_frame_read(head, &found, len, err);
    if (r < 0)
        return r;
    if (found != type)
        return cocos__fail(err, COCOS_ERR_UNAUTHENTICATED, "atls.frame",
                           "a frame of type %d, expected %d", found, type);
    if (*len > max)
        return cocos__fail(err, COCOS_ERR_UNAUTHENTICATED, "atls.frame",
                           "a frame of type %d has %zu bytes, at most %zu are taken", type, *len,
                           max);
    return COCOS_OK;
}

void cocos__attest_frame_write(uint8_t head[COCOS__FRAME_HEAD], int type, size_t len)
{
    head[0] = (uint8_t)type;
    cocos__put_u32be(head + 1, (uint32_t)len);
}
