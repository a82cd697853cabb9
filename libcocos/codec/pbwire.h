/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_CODEC_PBWIRE_H
#define COCOS_CODEC_PBWIRE_H

/*
 * Protobuf wire format, field by field, for evidence that comes in this form. Groups and what is
 * out of range are refused; fields may come in any order and repeat, as the format has it: a caller
 * that wants a field once says so.
 */

#include "base/bytes.h"
#include "base/error.h"

enum cocos__pb_type {
    COCOS__PB_VARINT = 0,
    COCOS__PB_FIXED64 = 1,
    COCOS__PB_BYTES = 2,
    COCOS__PB_FIXED32 = 5
};

typedef struct cocos__pb_field {
    uint32_t number;
    int type;          /* enum cocos__pb_type */
    uint64_t value;    /* all types but bytes */
    cocos__span bytes; /* bytes, text, messages and packed values; borrowed */
} cocos__pb_field;

typedef struct cocos__pb {
    cocos__reader r;
} cocos__pb;

void cocos__pb_init(cocos__pb *pb, cocos__span message);

/* 1: *f is the next field; 0: the end; MALFORMED "protobuf.form". */
int cocos__pb_next(cocos__pb *pb, cocos__pb_field *f, cocos_error **err);

/* MALFORMED "protobuf.type" unless the field is of that type. */
int cocos__pb_expect(const cocos__pb_field *f, int type, cocos_error **err);

#endif
