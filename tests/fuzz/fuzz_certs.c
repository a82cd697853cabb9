/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates and lists from strangers, and the extensions of Intel's and AMD's. */
#include "crypto/chain.h"
#include "snp/endorsement.h"
#include "tdx/pck.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cocos__certs list = {.n = 0};
    cocos__crl *crl = NULL;
    cocos__snp_leaf leaf;
    cocos__tdx_sgx sgx;

    (void)cocos__certs_add(&list, data, size, NULL);
    for (size_t i = 0; i < list.n; i++) {
        (void)cocos__snp_leaf_read(list.at[i], COCOS__SNP_VCEK, &leaf);
        (void)cocos__snp_leaf_read(list.at[i], COCOS__SNP_VLEK, &leaf);
        (void)cocos__tdx_sgx_read(list.at[i], &sgx);
    }
    if (list.n > 1)
        (void)cocos__chain_verify(list.at[0], &list.at[1], list.n - 2, list.at[list.n - 1], NULL);
    cocos__certs_done(&list);

    if (cocos__crl_parse(data, size, &crl, NULL) == COCOS_OK) {
        (void)cocos__crl_when(crl, 0);
        cocos__crl_free(crl);
    }
    return 0;
}
