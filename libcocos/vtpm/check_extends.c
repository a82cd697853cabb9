/* SPDX-License-Identifier: Apache-2.0 */
/* PCR 15 against the list of manifests that the agent says it extended (cocos-v1 section 1). */
#include <string.h>

#include "codec/cbor.h"
#include "crypto/digest.h"
#include "vtpm/checks.h"
#include "vtpm/describe.h"

#define PCR_MANIFEST 15
#define WHAT         "cocos-manifest/1"
#define LISTED_MAX   64

static const char *const list_form = "[[15, \"" WHAT "\", 32 bytes] ...], at most 64";

/* One entry; NULL: it has another form. */
static const uint8_t *entry(const cocos__cbor *item)
{
    cocos__cbor_iter it;
    cocos__cbor part[3];
    const uint8_t *digest;
    uint64_t pcr;
    size_t n = 0;

    if (cocos__cbor_kind(item) != COCOS__CBOR_ARRAY || cocos__cbor_count(item) != 3)
        return NULL;
    for (cocos__cbor_each(&it, item); n < 3 && cocos__cbor_next(&it, NULL, &part[n]);)
        n++;
    if (cocos__cbor_uint(&part[0], &pcr, NULL) < 0 || pcr != PCR_MANIFEST ||
        cocos__cbor_text_is(&part[1], WHAT, NULL) < 0 ||
        cocos__cbor_bytes_n(&part[2], 32, &digest, NULL) < 0)
        return NULL;
    return digest;
}

/* How many entries; 0: it is no such list. */
static size_t read_list(cocos__span list, const uint8_t *digests[LISTED_MAX])
{
    cocos__cbor_iter it;
    cocos__cbor root;
    cocos__cbor item;
    size_t n = 0;

    if (cocos__cbor_open(list.data, list.len, COCOS__CBOR_STRICT, &root, NULL) < 0 ||
        cocos__cbor_kind(&root) != COCOS__CBOR_ARRAY || cocos__cbor_count(&root) > LISTED_MAX)
        return 0;
    for (cocos__cbor_each(&it, &root); cocos__cbor_next(&it, NULL, &item); n++) {
        digests[n] = entry(&item);
        if (!digests[n])
            return 0;
    }
    return n;
}

int cocos__vtpm_extends_describe(cocos__span list, const cocos__fields *f, cocos_error **err)
{
    const uint8_t *digests[LISTED_MAX];
    size_t n = read_list(list, digests);

    for (size_t i = 0; i < n; i++)
        cocos__fields_bytes(f, "pcr15", (cocos__span){digests[i], 32},
                            "digest of a manifest that the agent says it extended");
    return n ? COCOS_OK
             : cocos__fail(err, COCOS_ERR_MALFORMED, "vtpm.extends", "not %s", list_form);
}

/* What the list makes of a register that was never extended before. */
static int
fold(int bank, const uint8_t *const *digests, size_t n, uint8_t *value, cocos_error **err)
{
    uint8_t text[sizeof WHAT + 32] = WHAT; /* the array's own NUL is the separator */
    uint8_t event[COCOS__PCR_MAX];
    int r = COCOS_OK;

    memset(value, 0, COCOS__PCR_MAX);
    for (size_t i = 0; r == COCOS_OK && i < n; i++) {
        memcpy(text + sizeof WHAT, digests[i], 32);
        r = cocos__digest(cocos__bank_digest(bank), text, sizeof text, event, err);
        if (r == COCOS_OK)
            r = cocos__pcr_extend(bank, value, event, err);
    }
    return r;
}

int cocos__vtpm_check_extends(cocos__vtpm_state *s, cocos_error **err)
{
    cocos__span list = s->ev->extends;
    cocos__said want = {"PCR 15 as the listed manifests make it, that of the claims the last",
                        "compiled in"};
    const uint8_t *digests[LISTED_MAX];
    uint8_t value[COCOS__PCR_MAX];
    int compared = 0;

    if (list.len == 0) {
        cocos__row_skip(s->rows, VTPM_EXTENDS, (cocos__said){"no list is demanded", "default"},
                        (cocos__said){"none", BY_MESSAGE});
        return COCOS_OK;
    }
    size_t n = read_list(list, digests);
    if (n == 0) {
        cocos__row_fail(s->rows, VTPM_EXTENDS, "vtpm.extends",
                        (cocos__said){list_form, "compiled in"},
                        (cocos__said){"another form", BY_MESSAGE});
        return COCOS_OK;
    }
    if (s->ev->manifest.len == 32)
        cocos__row_test(
            s->rows, VTPM_EXTENDS, memcmp(digests[n - 1], s->ev->manifest.data, 32) == 0,
            "vtpm.extends", want,
            (cocos__said){cocos__rows_printf(s->rows, "the last is %s",
                                             cocos__rows_hex(s->rows, digests[n - 1], 32)),
                          BY_MESSAGE});
    for (int b = 0; b < COCOS__BANKS; b++) {
        const cocos__vtpm_quote *q = s->believed[b];
        if (!q || !(q->mask & 1u << PCR_MANIFEST))
            continue;
        int r = fold(b, digests, n, value, err);
        if (r < 0)
            return r;
        compared |= (cocos__vtpm_banks(s) & 1u << b) != 0;
        cocos__row_test(
            s->rows, VTPM_EXTENDS,
            memcmp(value, q->pcr[PCR_MANIFEST].data, cocos__bank_size(b)) == 0, "vtpm.extends",
            want,
            (cocos__said){
                cocos__rows_printf(s->rows, "%zu listed, bank %s", n, cocos__bank_name(b)), BY_AK});
    }
    if (!compared)
        cocos__row_unknown(
            s->rows, VTPM_EXTENDS, "vtpm.extends", want,
            (cocos__said){"PCR 15 was not quoted in a bank that counts", BY_MESSAGE});
    return COCOS_OK;
}
