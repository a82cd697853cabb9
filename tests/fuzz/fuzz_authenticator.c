/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Authenticators on one fixed connection: what is taken as attested has evidence, answers the
 * request, and is not the empty one.
 */
#include <stdlib.h>
#include <string.h>

#include "exporter.h"
#include "transport/attest_payload.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t request[] = {0x11, 0, 0, 0x1b, 4, 1, 2, 3,    4, 0, 0x14, 0, 0x0d, 0, 8, 0,
                                      6,    4, 3, 8,    4, 8, 7, 0xff, 0, 0, 0,    0, 0x0a, 0, 0};
    static exporter e = {.hash = COCOS__SHA256};
    cocos__ea_contexts used = {0};
    cocos__ea_session s = exporter_session(&e, &used);
    cocos__ea_request rq;
    cocos__ea_result result = {0};
    size_t rest = 0;

    PKI_NEED(cocos__ea_request_parse((cocos__span){request, sizeof request}, &rq, &rest, NULL) ==
                 COCOS_OK &&
             rest == 0);
    cocos__ea_terms terms = {.role = COCOS__EA_SERVER, .request = &rq, .attested = 1};
    if (cocos__ea_validate(&s, &terms, (cocos__span){data, size}, &result, NULL) == COCOS_OK &&
        (result.empty || !result.payload || result.payload->evidence.len == 0 ||
         result.context.len != 4 || memcmp(result.context.data, rq.context.data, 4) != 0))
        abort();
    cocos__ea_result_done(&result);
    return 0;
}
