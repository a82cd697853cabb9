/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The exact bytes that Intel signed within a response body: {"name": {…}, "signature": "hex"}. A
 * parser forgets where an object begins and ends, so the wrapper is walked here; the object itself
 * is parsed strictly once its signature holds. Nothing but these two members may stand beside it.
 */
#include <string.h>

#include "codec/hex.h"
#include "tdx/tcb.h"

static size_t skip_space(cocos__span s, size_t at)
{
    while (at < s.len &&
           (s.data[at] == ' ' || s.data[at] == '\t' || s.data[at] == '\n' || s.data[at] == '\r'))
        at++;
    return at;
}

/* From the opening quote to behind the closing one. */
static size_t skip_string(cocos__span s, size_t at)
{
    for (at++; at < s.len && s.data[at] != '"'; at++) {
        if (s.data[at] == '\\')
            at++;
    }
    return at + 1;
}

static size_t skip_value(cocos__span s, size_t at)
{
    size_t depth = 0;

    for (; at < s.len; at++) {
        uint8_t c = s.data[at];
        if (c == '"')
            at = skip_string(s, at) - 1;
        else if (c == '{' || c == '[')
            depth++;
        else if ((c == ',' || c == '}' || c == ']') && depth == 0)
            return at;
        else if ((c == '}' || c == ']') && --depth == 0)
            return at + 1;
        if (c == '"' && depth == 0)
            return at + 1;
    }
    return s.len;
}

/* One `"name": value` with the space around it; gives where the next thing stands, 0 when it is
 * none. */
static size_t read_member(cocos__span s, size_t at, cocos__span *name, cocos__span *value)
{
    size_t key = skip_space(s, at);
    if (key >= s.len || s.data[key] != '"')
        return 0;
    size_t end = skip_string(s, key);
    size_t colon = skip_space(s, end);
    if (colon >= s.len || s.data[colon] != ':')
        return 0;
    size_t from = skip_space(s, colon + 1);
    size_t to = from < s.len ? skip_value(s, from) : s.len;
    if (from >= to || to > s.len)
        return 0;

    *name = (cocos__span){s.data + key + 1, end - key - 2};
    *value = (cocos__span){s.data + from, to - from};
    return skip_space(s, to);
}

static int is_name(cocos__span name, const char *want)
{
    return name.len == strlen(want) && memcmp(name.data, want, name.len) == 0;
}

static int read_value(
    cocos__span name, cocos__span value, const char *object, cocos__tdx_signed *ret, int *seen)
{
    if (is_name(name, object) && !(*seen & 1)) {
        *seen |= 1;
        ret->object = value;
        return value.data[0] == '{' && value.data[value.len - 1] == '}';
    }
    if (!is_name(name, "signature") || (*seen & 2) || value.len < 2 || value.data[0] != '"')
        return 0;
    *seen |= 2;
    return cocos__hex_decode((const char *)value.data + 1, value.len - 2, ret->signature,
                             sizeof ret->signature, NULL) == COCOS_OK;
}

/* 1 when the body is the object and its signature, in either order, and nothing else. */
static int read_wrapper(cocos__span body, const char *object, cocos__tdx_signed *ret)
{
    size_t at = skip_space(body, 0);
    int seen = 0;

    if (at >= body.len || body.data[at] != '{')
        return 0;
    /* `at` stands at the brace or comma before a member. */
    do {
        cocos__span name;
        cocos__span value;
        at = read_member(body, at + 1, &name, &value);
        if (at == 0 || at >= body.len || !read_value(name, value, object, ret, &seen))
            return 0;
    } while (body.data[at] == ',');
    if (body.data[at] != '}')
        return 0;
    return seen == 3 && skip_space(body, at + 1) == body.len;
}

int cocos__tdx_signed_read(cocos__span body,
                           const char *name,
                           cocos__tdx_signed *ret,
                           cocos_error **err)
{
    if (body.len > COCOS__TDX_COLLATERAL_MAX || !read_wrapper(body, name, ret))
        return cocos__fail(err, COCOS_ERR_MALFORMED, "tdx.collateral_format",
                           "not an object \"%s\" with a signature of 64 bytes in hex", name);
    return COCOS_OK;
}
