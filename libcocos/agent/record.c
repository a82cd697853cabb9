/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/record.h"

#include <string.h>

#include "agent/checksum.h"
#include "agent/state.h"

#define MAGIC "cocosr2\n"

static void encode_file(const cocos__record_file *f, cocos__buf *out)
{
    cocos__buf_add_u8(out, (uint8_t)f->present);
    cocos__buf_add_u64le(out, f->size);
    cocos__buf_add(out, f->digest, sizeof f->digest);
}

void cocos__record_encode(const cocos__record *r, cocos__buf *out)
{
    size_t start = out->len;

    cocos__buf_add(out, MAGIC, 8);
    cocos__buf_add_u64le(out, r->runs);
    cocos__buf_add_u64le(out, r->next_event);
    cocos__buf_add_u64le(out, r->first_event);
    cocos__buf_add_u8(out, (uint8_t)r->state);
    cocos__buf_add_u8(out, (uint8_t)r->assets_wiped);
    cocos__buf_add_u64le(out, r->start_run);
    cocos__buf_add_u64le(out, r->start_mono_ns);
    cocos__buf_add_u64le(out, (uint64_t)r->start_wall_s);
    cocos__buf_add_u64le(out, (uint64_t)r->complete_boot_ns);
    cocos__buf_add(out, r->failure, COCOS__RECORD_FAILURE_MAX);
    encode_file(&r->result[0], out);
    encode_file(&r->result[1], out);
    cocos__buf_add(out, r->delivered, sizeof r->delivered);
    if (!out->failed)
        cocos__buf_add_u32le(out, cocos__crc32(0, out->data + start, out->len - start));
}

static void decode_file(cocos__reader *in, cocos__record_file *f)
{
    f->present = cocos__read_u8(in);
    f->size = cocos__read_u64le(in);
    cocos__read_copy(in, f->digest, sizeof f->digest);
}

static int is_flag(int v)
{
    return v == 0 || v == 1;
}

int cocos__record_decode(const uint8_t *data, size_t len, cocos__record *r, cocos_error **err)
{
    cocos__reader in;
    uint8_t magic[8];

    memset(r, 0, sizeof *r);
    cocos__reader_init(&in, data, len);
    cocos__read_copy(&in, magic, sizeof magic);
    r->runs = cocos__read_u64le(&in);
    r->next_event = cocos__read_u64le(&in);
    r->first_event = cocos__read_u64le(&in);
    r->state = cocos__read_u8(&in);
    r->assets_wiped = cocos__read_u8(&in);
    r->start_run = cocos__read_u64le(&in);
    r->start_mono_ns = cocos__read_u64le(&in);
    r->start_wall_s = (int64_t)cocos__read_u64le(&in);
    r->complete_boot_ns = (int64_t)cocos__read_u64le(&in);
    cocos__read_copy(&in, (uint8_t *)r->failure, COCOS__RECORD_FAILURE_MAX);
    decode_file(&in, &r->result[0]);
    decode_file(&in, &r->result[1]);
    cocos__read_copy(&in, r->delivered, sizeof r->delivered);
    size_t covered = in.pos;
    uint32_t crc = cocos__read_u32le(&in);

    if (!in.failed && cocos__reader_left(&in) == 0 && memcmp(magic, MAGIC, 8) == 0 &&
        crc == cocos__crc32(0, data, covered) && cocos__agent_state_valid(r->state) &&
        is_flag(r->assets_wiped) && is_flag(r->result[0].present) && is_flag(r->result[1].present))
        return COCOS_OK;
    memset(r, 0, sizeof *r);
    return cocos__fail(err, COCOS_ERR_MALFORMED, "agent.record",
                       "the stored state of %zu bytes is damaged", len);
}
