/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_COLLATERAL_OPTIONS_H
#define COCOS_COLLATERAL_OPTIONS_H

#include <cocos/collateral.h>

#include "crypto/cert.h"

enum cocos__collateral_option {
    COCOS__COLLATERAL_KDS,
    COCOS__COLLATERAL_PCS,
    COCOS__COLLATERAL_ROOT_CRL,
    COCOS__COLLATERAL_CACHE,
    COCOS__COLLATERAL_CA,
    COCOS__COLLATERAL_OFFLINE,
    COCOS__COLLATERAL_PATIENCE,
    COCOS__COLLATERAL_ATTEMPT,
    COCOS__COLLATERAL_OPTIONS
};

struct cocos_collateral_options {
    char *values[COCOS__COLLATERAL_OPTIONS]; /* owned; NULL: the default */
    cocos__certs roots;                      /* none: the vendors' */
};

COCOS__DEFINE_FREEP(cocos__collateral_options_freep,
                    cocos_collateral_options *,
                    cocos_collateral_options_free)

/* The value, or the default ("" for those that have none); `o` may be NULL. */
const char *cocos__collateral_option(const cocos_collateral_options *o, int which);
/* NULL: the vendors'. */
const cocos__certs *cocos__collateral_roots(const cocos_collateral_options *o);
/* Whether it has the form of option "root_crl": an http or https URL with path and query. */
int cocos__collateral_is_url(const char *s);
int64_t cocos__collateral_seconds(const cocos_collateral_options *o, int which);

#endif
