/* SPDX-License-Identifier: Apache-2.0 */
/* Statements and closures. */
#include "manifest/statement.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cocos__span bytes = {data, size};
    cocos_statement *s = NULL;
    cocos_closure *c = NULL;
    char *json = NULL;

    if (cocos__statement_parse(bytes, 1, &s, NULL) == COCOS_OK &&
        cocos_statement_to_json(s, &json, NULL) == COCOS_OK)
        cocos_free_text(json);
    json = NULL;
    if (cocos__closure_parse(bytes, 1, NULL, &c, NULL) == COCOS_OK &&
        cocos_closure_to_json(c, &json, NULL) == COCOS_OK)
        cocos_free_text(json);
    cocos_statement_free(s);
    cocos_closure_free(c);
    return 0;
}
