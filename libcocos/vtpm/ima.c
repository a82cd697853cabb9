/* SPDX-License-Identifier: Apache-2.0 */
#include "vtpm/ima.h"

#include <string.h>

#include "crypto/digest.h"
#include "vtpm/ima_fields.h"
#include "vtpm/log.h"

#define IMA_PCR   10
#define BUILT_MAX (256u << 10)

size_t cocos__ima_digest_size(const uint8_t *name, size_t len)
{
    static const struct {
        const char *name;
        size_t size;
    } algs[] = {{"md5", 16},    {"sha1", 20},   {"sha224", 28},  {"sha256", 32},
                {"sha384", 48}, {"sha512", 64}, {"sm3-256", 32}, {"sm3", 32}};

    for (size_t i = 0; i < COCOS__ARRAY_LEN(algs); i++) {
        if (strlen(algs[i].name) == len && memcmp(algs[i].name, name, len) == 0)
            return algs[i].size;
    }
    return 0;
}

const char *cocos__ima_template(cocos__span name)
{
    static const char *const known[] = {"ima", "ima-ng", "ima-sig"};

    for (size_t i = 0; i < COCOS__ARRAY_LEN(known); i++) {
        if (name.len == strlen(known[i]) && memcmp(name.data, known[i], name.len) == 0)
            return known[i];
    }
    return NULL;
}

/* A binary list begins with the PCR as a number, an ASCII list with its digits. */
int cocos__ima_form_of(cocos__span data)
{
    return data.len >= 4 && data.data[0] < COCOS__PCRS && cocos__u32le(data.data) < COCOS__PCRS
               ? COCOS__IMA_BINARY
               : COCOS__IMA_ASCII;
}

void cocos__ima_open(cocos__ima *ima, cocos__span data, int form)
{
    ima->form = form;
    cocos__reader_init(&ima->r, data.data, data.len);
    cocos__buf_init(&ima->built, BUILT_MAX);
}

void cocos__ima_done(cocos__ima *ima)
{
    cocos__buf_done(&ima->built);
}

int cocos__ima_next(cocos__ima *ima, cocos__ima_entry *entry, cocos_error **err)
{
    return ima->form == COCOS__IMA_BINARY ? cocos__ima_next_binary(ima, entry, err)
                                          : cocos__ima_next_ascii(ima, entry, err);
}

static int is_violation(const cocos__ima_entry *e)
{
    static const uint8_t zeros[sizeof e->hash];
    return memcmp(e->hash, zeros, sizeof zeros) == 0;
}

/* What this bank was extended with. A violation extends ones, so that no list can explain it. */
static int
extension(const cocos__ima_entry *e, int bank, int padded, uint8_t *out, cocos_error **err)
{
    size_t n = cocos__bank_size(bank);

    if (is_violation(e)) {
        memset(out, 0xff, n);
        return COCOS_OK;
    }
    if (bank != COCOS__BANK_SHA1 && !padded)
        return cocos__digest(cocos__bank_digest(bank), e->data.data, e->data.len, out, err);
    memset(out, 0, n);
    memcpy(out, e->hash, sizeof e->hash);
    return COCOS_OK;
}

static int check_hash(const cocos__ima_entry *e, size_t at, cocos_error **err)
{
    uint8_t digest[20];

    int r = cocos__digest(COCOS__SHA1, e->data.data, e->data.len, digest, err);
    if (r == COCOS_OK && memcmp(digest, e->hash, sizeof digest) != 0)
        r = cocos__fail(err, COCOS_ERR_REJECTED, "vtpm.ima_template_hash",
                        "IMA list: the hash of entry %zu is not that of its fields", at);
    return r;
}

static int take(const cocos__ima_entry *e,
                unsigned banks,
                int padded,
                cocos__ima_result *ret,
                cocos_error **err)
{
    uint8_t value[COCOS__PCR_MAX];
    int violation = is_violation(e);
    int r = violation ? COCOS_OK : check_hash(e, ret->entries + ret->others, err);

    if (e->pcr != IMA_PCR) {
        ret->others++;
        return r;
    }
    if (violation && ret->violations++ < COCOS__IMA_VIOLATIONS_MAX)
        ret->violation[ret->violations - 1] = ret->entries;
    ret->entries++;
    for (int b = 0; r == COCOS_OK && b < COCOS__BANKS; b++) {
        if (!(banks & 1u << b))
            continue;
        r = extension(e, b, padded, value, err);
        if (r == COCOS_OK)
            r = cocos__pcr_extend(b, ret->pcr10[b], value, err);
    }
    return r;
}

int cocos__ima_replay(cocos__span data,
                      int form,
                      unsigned banks,
                      int padded,
                      cocos__ima_result *ret,
                      cocos_error **err)
{
    cocos__ima_entry entry = {0};
    cocos__ima ima;
    int r = COCOS_OK;

    memset(ret, 0, sizeof *ret);
    cocos__ima_open(&ima, data, form);
    while (r == COCOS_OK && (r = cocos__ima_next(&ima, &entry, err)) > 0)
        r = take(&entry, banks, padded, ret, err);
    cocos__ima_done(&ima);
    return r;
}
