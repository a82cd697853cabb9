/* SPDX-License-Identifier: Apache-2.0 */
/* libcocos-fetch.so: libcurl brings 33 libraries, which only those who fetch shall pay for. */
#include "collateral/fetcher.h"

#if defined(COCOS__LINK_FETCH_MODULE)

int cocos__fetcher_get(const cocos__fetcher **ret, cocos_error **err)
{
    (void)err;
    *ret = cocos__fetch_module();
    return COCOS_OK;
}

#elif defined(COCOS__NO_FETCH_MODULE)

int cocos__fetcher_get(const cocos__fetcher **ret, cocos_error **err)
{
    (void)ret;
    return cocos__fail(err, COCOS_ERR_UNSUPPORTED, "collateral.module",
                       "this library was built without fetching of collateral");
}

#else

#include "base/module.h"

COCOS__DLOPEN_NOTE(
    "[{\"feature\":\"fetch\",\"description\":\"Fetches certificates and TCB data of AMD and Intel\","
    "\"priority\":\"recommended\",\"soname\":[\"cocos/libcocos-fetch.so\"]}]");

int cocos__fetcher_get(const cocos__fetcher **ret, cocos_error **err)
{
    static cocos__module fetch = {.file = "libcocos-fetch.so",
                                  .entry = COCOS__FETCHER_ENTRY,
                                  .package = "libcocos-fetch",
                                  .purpose = "fetching of collateral needs",
                                  .code = "collateral.module"};
    const void *table = NULL;

    int r = cocos__module_get(&fetch, &table, err);
    if (r == COCOS_OK)
        *ret = table;
    return r;
}

#endif
