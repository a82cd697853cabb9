/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fields.h"

#include <inttypes.h>

static uint64_t number_of(const uint8_t *data, size_t len)
{
    uint64_t v = 0;

    while (len > 0)
        v = v << 8 | data[--len];
    return v;
}

void cocos__fields_bytes(const cocos__fields *f, const char *name, cocos__span v, const char *says)
{
    f->put(f->user, name, cocos__rows_hex(f->text, v.data, v.len), says);
}

void cocos__fields_put(const cocos__fields *f, const uint8_t *data, const cocos__place *p, size_t n)
{
    for (; n > 0; n--, p++) {
        const uint8_t *at = data + p->at;
        if (p->number)
            f->put(f->user, p->name, cocos__rows_printf(f->text, "%" PRIu64, number_of(at, p->len)),
                   p->meaning);
        else
            cocos__fields_bytes(f, p->name, (cocos__span){at, p->len}, p->meaning);
    }
}

const char *
cocos__fields_flags(const cocos__fields *f, uint64_t v, const cocos__flag *flags, size_t n)
{
    const char *text = "";

    for (size_t i = 0; i < n; i++) {
        uint64_t bit = UINT64_C(1) << flags[i].bit;
        if (v & bit)
            text = cocos__rows_printf(f->text, "%s%s%s", text, text[0] ? ", " : "", flags[i].name);
        v &= ~bit;
    }
    if (v)
        text = cocos__rows_printf(f->text, "%s%sunknown 0x%" PRIx64, text, text[0] ? ", " : "", v);
    return text[0] ? text : "none is set";
}

static void put_under(void *user, const char *name, const char *value, const char *meaning)
{
    const cocos__under *u = user;

    u->outer->put(u->outer->user, cocos__rows_printf(u->outer->text, "%s.%s", u->prefix, name),
                  value, meaning);
}

cocos__fields cocos__fields_under(cocos__under *u)
{
    return (cocos__fields){u->outer->text, put_under, u};
}

int cocos__fields_settle(
    const cocos__fields *f, int r, const char *name, cocos_error *why_take, cocos_error **err)
{
    if (r < 0 && r != COCOS_ERR_MEMORY)
        f->put(f->user, name, "unreadable", cocos_error_message(why_take));
    cocos_error_free(why_take);
    return r == COCOS_ERR_MEMORY ? cocos__fail_memory(err) : COCOS_OK;
}
