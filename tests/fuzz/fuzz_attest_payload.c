/* SPDX-License-Identifier: Apache-2.0 */
/* A document that is taken has evidence or results, and a binder; written anew it says the same. */
#include <stdlib.h>
#include <string.h>

#include "transport/attest_payload.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_anew(const cocos__ea_payload *p)
{
    cocos__ea_binding b = {.hash_len = p->binding.len};
    cocos__ea_payload *q = NULL;
    cocos__buf json;

    memcpy(b.binding, p->binding.data, b.hash_len);
    memcpy(b.aik_pub_hash, p->aik_pub_hash.data, b.hash_len);
    cocos__buf_init(&json, 1 << 20);
    if (cocos__ea_payload_write((int)p->version, "application/x",
                                (cocos__span){p->evidence.data, p->evidence.len}, &b, &json,
                                NULL) < 0 ||
        cocos__ea_payload_parse((cocos__span){json.data, json.len}, &q, NULL) < 0 ||
        cocos__ea_payload_check(q, &b, NULL) < 0 || q->evidence.len != p->evidence.len ||
        memcmp(q->evidence.data, p->evidence.data, p->evidence.len) != 0)
        abort();
    cocos__ea_payload_free(q);
    cocos__buf_done(&json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cocos__ea_payload *p = NULL;

    if (size > 49152 || cocos__ea_payload_parse((cocos__span){data, size}, &p, NULL) < 0)
        return 0;
    if ((p->evidence.len == 0 && !p->has_results) || p->binding.len == 0)
        abort();
    if (p->evidence.len && p->version >= 0 && p->version < 10 &&
        (p->binding.len == 32 || p->binding.len == 48) && p->aik_pub_hash.len == p->binding.len)
        write_anew(p);
    cocos__ea_payload_free(p);
    return 0;
}
