/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/descriptor.h"

#include <stdio.h>
#include <string.h>

/* Generated from proto/ (proto/meson.build). */
extern const uint8_t cocos__proto_descriptor[];
extern const size_t cocos__proto_descriptor_len;

/* Field numbers of google/protobuf/descriptor.proto. */
#define SET_FILE       1
#define FILE_NAME      1
#define FILE_PACKAGE   2
#define FILE_MESSAGE   4
#define FILE_ENUM      5
#define FILE_SERVICE   6
#define ANY_NAME       1 /* of a message, enum, service, method, field, enum value */
#define MESSAGE_FIELD  2 /* also the methods of a service and the values of an enum */
#define MESSAGE_NESTED 3
#define MESSAGE_ENUM   4
#define MESSAGE_ONEOF  8
#define DEPTH_MAX      8
#define WIRE_LEN       2

static uint64_t read_varint(cocos__reader *r)
{
    uint64_t v = 0;

    for (unsigned shift = 0; shift < 64 && !r->failed; shift += 7) {
        uint8_t b = cocos__read_u8(r);
        v |= (uint64_t)(b & 0x7f) << shift;
        if (!(b & 0x80))
            return v;
    }
    r->failed = 1;
    return 0;
}

/* The next length-delimited field, others are passed over; 0 at the end. */
static int next_field(cocos__reader *r, uint32_t *field, cocos__span *content)
{
    while (cocos__reader_left(r) > 0) {
        uint64_t tag = read_varint(r);
        uint64_t v = read_varint(r); /* a length, or the value: the set has varints besides */
        if (r->failed || ((tag & 7) != WIRE_LEN && (tag & 7) != 0))
            return 0;
        if ((tag & 7) == 0)
            continue;
        *content = cocos__read_span(r, (size_t)v);
        *field = (uint32_t)(tag >> 3);
        return !r->failed;
    }
    return 0;
}

static cocos__span first(cocos__span message, uint32_t wanted)
{
    cocos__reader r;
    cocos__span content;
    uint32_t field;

    cocos__reader_init(&r, message.data, message.len);
    while (next_field(&r, &field, &content)) {
        if (field == wanted)
            return content;
    }
    return (cocos__span){NULL, 0};
}

static int is_text(cocos__span s, const char *text)
{
    return s.len == strlen(text) && memcmp(s.data, text, s.len) == 0;
}

/* What is left of `symbol` behind "name" or "name."; NULL when it begins differently. */
static const char *behind(const char *symbol, cocos__span name)
{
    if (strncmp(symbol, (const char *)name.data, name.len) != 0)
        return NULL;
    symbol += name.len;
    if (*symbol == '.' && symbol[1])
        return symbol + 1;
    return *symbol ? NULL : symbol;
}

/* Whether `element` is called `symbol` or holds something of that name. Depth is bounded. */
static int holds(cocos__span element, const char *symbol, int depth)
{
    cocos__reader r;
    cocos__span content;
    uint32_t field;
    const char *rest = behind(symbol, first(element, ANY_NAME));

    if (!rest || depth > DEPTH_MAX)
        return 0;
    if (!*rest)
        return 1;
    cocos__reader_init(&r, element.data, element.len);
    while (next_field(&r, &field, &content)) {
        int named = field == MESSAGE_FIELD || field == MESSAGE_NESTED || field == MESSAGE_ENUM ||
                    field == MESSAGE_ONEOF;
        if (named && holds(content, rest, depth + 1))
            return 1;
    }
    return 0;
}

static int file_holds(cocos__span file, const char *symbol)
{
    cocos__reader r;
    cocos__span content;
    uint32_t field;
    cocos__span package = first(file, FILE_PACKAGE);
    const char *rest = package.len > 0 ? behind(symbol, package) : symbol;

    if (!rest || !*rest)
        return 0;
    cocos__reader_init(&r, file.data, file.len);
    while (next_field(&r, &field, &content)) {
        if ((field == FILE_MESSAGE || field == FILE_ENUM || field == FILE_SERVICE) &&
            holds(content, rest, 0))
            return 1;
    }
    return 0;
}

static cocos__span find(const char *text, int (*match)(cocos__span file, const char *text))
{
    cocos__reader r;
    cocos__span file;
    uint32_t field;

    cocos__reader_init(&r, cocos__proto_descriptor, cocos__proto_descriptor_len);
    while (next_field(&r, &field, &file)) {
        if (field == SET_FILE && match(file, text))
            return file;
    }
    return (cocos__span){NULL, 0};
}

static int file_is(cocos__span file, const char *name)
{
    return is_text(first(file, FILE_NAME), name);
}

cocos__span cocos__descriptor_by_name(const char *file)
{
    return find(file, file_is);
}

cocos__span cocos__descriptor_by_symbol(const char *symbol)
{
    return find(symbol, file_holds);
}
