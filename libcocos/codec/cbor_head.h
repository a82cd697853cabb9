/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_CODEC_CBOR_HEAD_H
#define COCOS_CODEC_CBOR_HEAD_H

/* Heads of items, shared by the check and the cursors. */

#include "codec/cbor.h"

struct cocos__cbor_head {
    int kind;       /* enum cocos__cbor_kind; ABSENT: undefined */
    int indefinite; /* indefinite length, or a break */
    uint64_t value; /* number, length, count, tag, truth */
    size_t size;    /* bytes of the head, and of the string behind it */
};

enum cocos__cbor_head_result {
    COCOS__CBOR_HEAD_OK = 0,
    COCOS__CBOR_HEAD_SHORT = 1, /* the input ends within it */
    COCOS__CBOR_HEAD_BAD = 2    /* reserved bits */
};

int cocos__cbor_head_read(const uint8_t *data, size_t len, struct cocos__cbor_head *h);

/* Where an item of checked bytes ends. */
size_t cocos__cbor_item_size(const uint8_t *data, size_t len);

#endif
