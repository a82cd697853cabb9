/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collateral/bundle.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What was read is written as the same bytes, and every item can be put beside evidence. */
static void write_again(const cocos_bundle *b, const uint8_t *data, size_t size)
{
    cocos__bundle_draft d = {.kind = cocos_bundle_kind(b)};
    cocos_bundle *again = NULL;
    cocos_evidence *ev = NULL;
    size_t len;

    snprintf(d.subject, sizeof d.subject, "%s", cocos_bundle_subject(b));
    for (size_t i = 0; i < cocos_bundle_count(b); i++) {
        const uint8_t *item = cocos_bundle_data(b, i, &len);
        if (cocos__bundle_draft_add(&d, cocos_bundle_part(b, i), (cocos__span){item, len},
                                    cocos_bundle_source(b, i), NULL) < 0 ||
            cocos_bundle_until_ns(b, i) < 0)
            abort();
    }
    if (cocos__bundle_finish(&d, &again, NULL) < 0)
        abort();
    const uint8_t *cbor = cocos_bundle_cbor(again, &len);
    if (len != size || memcmp(cbor, data, size) != 0)
        abort();
    if (cocos_evidence_new(d.kind, data, 1, &ev, NULL) < 0 ||
        cocos_evidence_add_bundle(ev, again, NULL) < 0)
        abort();
    cocos_evidence_free(ev);
    cocos_bundle_free(again);
    cocos__bundle_draft_done(&d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cocos_bundle *b = NULL;

    if (cocos_bundle_parse(data, size, &b, NULL) == COCOS_OK)
        write_again(b, data, size);
    cocos_bundle_free(b);
    return 0;
}
