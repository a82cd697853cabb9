/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "cocos/v1/agent.pb-c.h"
#include "cocos/v1/manager.pb-c.h"
#include "rpc/rpc.h"
#include "suite.h"

static const size_t sizes[] = {0, 1, 127, 128, 16383, 16384, 1 << 20, (1 << 21) - 1, 1 << 21};

START_TEST(writes_the_head_that_protobuf_c_writes)
{
    uint8_t head[16];

    for (size_t i = 1; i < COCOS__ARRAY_LEN(sizes); i++) {
        Cocos__V1__UploadRequest m = COCOS__V1__UPLOAD_REQUEST__INIT;
        m.part_case = COCOS__V1__UPLOAD_REQUEST__PART_DATA;
        m.data.data = calloc(1, sizes[i]);
        m.data.len = sizes[i];
        size_t packed_len = protobuf_c_message_get_packed_size(&m.base);
        uint8_t *packed = malloc(packed_len);
        protobuf_c_message_pack(&m.base, packed);
        size_t n = cocos__pb_bytes_head(head, 2, sizes[i]);
        ck_assert_uint_eq(n + sizes[i], packed_len);
        ck_assert_mem_eq(head, packed, n);
        free(m.data.data);
        free(packed);
    }
}
END_TEST

START_TEST(finds_the_content_in_place)
{
    uint8_t message[16 + 300];
    cocos__span content;

    for (size_t len = 0; len <= 300; len++) {
        size_t n = cocos__pb_bytes_head(message, 7, len);
        ck_assert_int_eq(cocos__pb_only_bytes((cocos__span){message, n + len}, 7, &content), 1);
        ck_assert_ptr_eq(content.data, message + n);
        ck_assert_uint_eq(content.len, len);
    }
}
END_TEST

START_TEST(refuses_everything_else)
{
    static const struct {
        const char *bytes;
        size_t len;
    } bad[] = {
        {"", 0},
        {"\x12", 1},
        {"\x12\x05hell", 6},
        {"\x12\x05hello\x00", 8},
        {"\x12\x01x\x12\x01y", 6},
        {"\x0a\x01x", 3},
        {"\x10\x01", 2},
        {"\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01x", 12},
        {"\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01x", 13},
        {"\x92", 1},
    };
    cocos__span content = {NULL, 99};

    for (size_t i = 0; i < COCOS__ARRAY_LEN(bad); i++) {
        cocos__span s = {(const uint8_t *)bad[i].bytes, bad[i].len};
        ck_assert_int_eq(cocos__pb_only_bytes(s, 2, &content), 0);
    }
    ck_assert_uint_eq(content.len, 99);
}
END_TEST

static int
unpacks(const ProtobufCMessageDescriptor *type, const char *bytes, size_t len, size_t max)
{
    ProtobufCMessage *m = cocos__pb_unpack(type, (cocos__span){(const uint8_t *)bytes, len}, max);

    protobuf_c_message_free_unpacked(m, NULL);
    return m != NULL;
}

/* GetRequest has a text as field 1, EnclaveWatchRequest too; GetResponse an enclave with texts. */
START_TEST(refuses_text_with_zero_bytes_or_not_in_utf8_at_any_depth)
{
    const ProtobufCMessageDescriptor *get = &cocos__v1__get_request__descriptor;
    const ProtobufCMessageDescriptor *rsp = &cocos__v1__get_response__descriptor;

    ck_assert(unpacks(get,
                      "\x0a\x03"
                      "abc",
                      5, 4096));
    ck_assert(unpacks(get, "\x0a\x02\xc3\xa9", 4, 4096));
    ck_assert(unpacks(get, "", 0, 4096));
    ck_assert(unpacks(get,
                      "\x1a\x03"
                      "a\0b",
                      5, 4096)); /* an unknown field */
    ck_assert(!unpacks(get,
                       "\x0a\x03"
                       "a\0b",
                       5, 4096));
    ck_assert(!unpacks(get, "\x0a\x02\xff\xfe", 4, 4096));
    ck_assert(!unpacks(get, "\x0a\x01", 2, 4096));
    ck_assert(unpacks(rsp,
                      "\x0a\x04\x0a\x02"
                      "ab",
                      6, 4096));
    ck_assert(!unpacks(rsp,
                       "\x0a\x04\x0a\x02"
                       "a\0",
                       6, 4096));
    ck_assert(!unpacks(rsp,
                       "\x0a\x04\x0a\x03"
                       "ab",
                       6, 4096));
}
END_TEST

START_TEST(spends_no_more_memory_than_it_is_given)
{
    const ProtobufCMessageDescriptor *list = &cocos__v1__list_response__descriptor;
    char tiny[2000];

    for (size_t i = 0; i < sizeof tiny; i += 2)
        memcpy(tiny + i, "\x0a\x00", 2); /* an empty enclave */
    ck_assert(!unpacks(list, tiny, sizeof tiny, COCOS__PB_MEMORY(sizeof tiny)));
    ck_assert(unpacks(list, tiny, sizeof tiny, 1 << 20));
    for (size_t i = 0; i < sizeof tiny; i += 2)
        memcpy(tiny + i, "\x78\x00", 2); /* unknown fields are kept too */
    ck_assert(!unpacks(list, tiny, sizeof tiny, COCOS__PB_MEMORY(sizeof tiny)));
    for (size_t max = 0; max < 4096; max += 16)
        unpacks(list,
                "\x0a\x04\x0a\x02"
                "ab\x0a\x04\x0a\x02"
                "ab",
                12, max); /* at every place */
}
END_TEST

TEST_MAIN(wire,
          writes_the_head_that_protobuf_c_writes,
          finds_the_content_in_place,
          refuses_everything_else,
          refuses_text_with_zero_bytes_or_not_in_utf8_at_any_depth,
          spends_no_more_memory_than_it_is_given)
