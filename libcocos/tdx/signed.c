/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The exact bytes that Intel signed within a response body. The body is parsed first, so that this
 * walk meets well-formed JSON only; it finds where the object begins and ends, which a parser
 * forgets.
 */
#include <string.h>

#include "codec/hex.h"
#include "codec/json.h"
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

/* The value of a member of the outermost object, written plainly as "name". */
static cocos__span find_member(cocos__span s, const char *name)
{
    size_t len = strlen(name);
    size_t at = skip_space(s, 0);

    while (at < s.len && s.data[at] != '}') {
        size_t key = skip_space(s, at + 1); /* behind { or , */
        if (key >= s.len || s.data[key] != '"')
            break;
        size_t end = skip_string(s, key);
        size_t value = skip_space(s, skip_space(s, end) + 1); /* behind : */
        size_t stop = skip_value(s, value);
        if (end <= s.len && end - key == len + 2 && memcmp(s.data + key + 1, name, len) == 0 &&
            value < stop && stop <= s.len)
            return (cocos__span){s.data + value, stop - value};
        at = skip_space(s, stop);
    }
    return (cocos__span){NULL, 0};
}

static int bad(cocos_error **err, const char *name)
{
    return cocos__fail(err, COCOS_ERR_MALFORMED, "tdx.collateral_format",
                       "not an object \"%s\" with a signature of 64 bytes in hex", name);
}

int cocos__tdx_signed_read(cocos__span body,
                           const char *name,
                           cocos__tdx_signed *ret,
                           cocos_error **err)
{
    COCOS__CLEANUP(cocos__json_doc_freep) cocos__json_doc *doc = NULL;
    const char *hex = NULL;

    int r =
        cocos__json_parse((const char *)body.data, body.len, COCOS__TDX_COLLATERAL_MAX, &doc, NULL);
    if (r == COCOS_ERR_MEMORY)
        return cocos__fail_memory(err);
    if (r < 0)
        return bad(err, name);

    cocos__json root = cocos__json_root(doc);
    cocos__json object = cocos__json_member(&root, name);
    cocos__json signature = cocos__json_member(&root, "signature");
    if (cocos__json_kind(&object) != COCOS__JSON_OBJECT ||
        cocos__json_text(&signature, &hex, NULL) < 0 ||
        cocos__hex_decode(hex, strlen(hex), ret->signature, sizeof ret->signature, NULL) < 0)
        return bad(err, name);
    ret->object = find_member(body, name);
    return ret->object.len > 0 && ret->object.data[0] == '{' ? COCOS_OK : bad(err, name);
}
