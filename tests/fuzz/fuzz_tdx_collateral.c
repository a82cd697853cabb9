/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "tdx/tcb.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_objects(cocos__span object)
{
    static const uint8_t svn[16] = {4, 1, 2};
    cocos__tdx_tcb_info info;
    cocos__tdx_qe_identity identity;
    cocos__tdx_sgx sgx = {{0}, 0, {0}, {0}};

    int have_info = cocos__tdx_tcb_info_read(object, &info, NULL) == COCOS_OK;
    int have_identity = cocos__tdx_qe_identity_read(object, &identity, NULL) == COCOS_OK;
    if (have_info && have_identity)
        (void)cocos__tdx_evaluate(&info, &identity, &sgx, svn, 4);
    if (have_info)
        cocos__tdx_tcb_info_done(&info);
    if (have_identity)
        cocos__tdx_qe_identity_done(&identity);
}

/* What is taken for the signed object lies within the body and is one. */
static void read_body(cocos__span body, const char *name)
{
    cocos__tdx_signed s;

    if (cocos__tdx_signed_read(body, name, &s, NULL) < 0)
        return;
    if (s.object.data < body.data ||
        s.object.len > (size_t)(body.data + body.len - s.object.data) || s.object.data[0] != '{' ||
        s.object.data[s.object.len - 1] != '}')
        abort();
    read_objects(s.object);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    read_body((cocos__span){data, size}, "tcbInfo");
    read_body((cocos__span){data, size}, "enclaveIdentity");
    read_objects((cocos__span){data, size});
    return 0;
}
