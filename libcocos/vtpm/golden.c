/* SPDX-License-Identifier: Apache-2.0 */
#include "vtpm/golden.h"

#include <string.h>

#include "codec/hex.h"
#include "codec/json.h"

#define TEXT_MAX (256u << 10)

static int malformed(cocos_error **err, const cocos__json *c, const char *what)
{
    char at[COCOS__POINTER_MAX] = "";

    if (c)
        cocos__path_print(&c->path, at, sizeof at);
    return cocos__fail(err, COCOS_ERR_MALFORMED, "vtpm.pcr_policy_format", "PCR values: %s%s%s", at,
                       at[0] ? ": " : "", what);
}

/* A number from 0 to 23, without sign or leading zero. */
static int index_of(const cocos__json *c)
{
    const char *name = c->path.name;
    int n = 0;

    if (c->path.name_len == 0 || c->path.name_len > 2 || (c->path.name_len == 2 && name[0] == '0'))
        return -1;
    for (size_t i = 0; i < c->path.name_len; i++) {
        if (name[i] < '0' || name[i] > '9')
            return -1;
        n = n * 10 + (name[i] - '0');
    }
    return n < COCOS__PCRS ? n : -1;
}

static int read_value(const cocos__json *c, int bank, cocos__pcr_values *v, cocos_error **err)
{
    int i = index_of(c);
    size_t size = cocos__bank_size(bank);
    const char *text = NULL;

    if (i < 0)
        return malformed(err, c, "not a PCR from 0 to 23");
    if (cocos__json_text(c, &text, NULL) < 0 ||
        cocos__hex_decode(text, strlen(text), v->value[bank][i], size, NULL) < 0)
        return malformed(err, c, "not a hex value of the bank's length");
    v->mask[bank] |= UINT32_C(1) << i;
    return COCOS_OK;
}

static int read_bank(const cocos__json *c, cocos__pcr_values *v, cocos_error **err)
{
    int bank = cocos__bank_by_name(c->path.name, c->path.name_len);
    cocos__json member;
    void *state = NULL;

    if (bank == COCOS__BANK_NONE)
        return malformed(err, c, "no bank of this name");
    if (cocos__json_kind(c) != COCOS__JSON_OBJECT)
        return malformed(err, c, "not an object of PCRs");
    while (cocos__json_next(c, &state, &member)) {
        int r = read_value(&member, bank, v, err);
        if (r < 0)
            return r;
    }
    return COCOS_OK;
}

int cocos__pcr_values_read(cocos__span text, int wrapped, cocos__pcr_values *ret, cocos_error **err)
{
    static const char *const names[] = {"pcr_values", NULL};
    COCOS__CLEANUP(cocos__json_doc_freep) cocos__json_doc *doc = NULL;
    cocos__json member;
    void *state = NULL;

    memset(ret, 0, sizeof *ret);
    int r = cocos__json_parse((const char *)text.data, text.len, TEXT_MAX, &doc, NULL);
    if (r == COCOS_ERR_MEMORY)
        return cocos__fail_memory(err);
    if (r < 0)
        return malformed(err, NULL, "not JSON");

    cocos__json root = cocos__json_root(doc);
    if (wrapped && cocos__json_only(&root, names, NULL) < 0)
        return malformed(err, NULL, "a member other than pcr_values");
    cocos__json banks = wrapped ? cocos__json_member(&root, "pcr_values") : root;
    if (cocos__json_kind(&banks) != COCOS__JSON_OBJECT)
        return malformed(err, NULL, "not an object of banks");
    while (cocos__json_next(&banks, &state, &member)) {
        r = read_bank(&member, ret, err);
        if (r < 0)
            return r;
    }
    return COCOS_OK;
}
