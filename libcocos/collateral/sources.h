/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_COLLATERAL_SOURCES_H
#define COCOS_COLLATERAL_SOURCES_H

/* The two services, each for one kind of evidence, and what their checks share. */

#include "collateral/bundle.h"
#include "collateral/session.h"

/* AMD key distribution service (AMD 57230). */
int cocos__kds_fetch(cocos__session *s,
                     const cocos_evidence *ev,
                     cocos__bundle_draft *draft,
                     cocos_error **err);

/* Intel provisioning certification service, version 4, or a cache of it. */
int cocos__pcs_fetch(cocos__session *s,
                     const cocos_evidence *ev,
                     cocos__bundle_draft *draft,
                     cocos_error **err);

/* Every certificate is valid now. MALFORMED "collateral.stale". */
int cocos__check_validity(const cocos__session *s, const cocos__certs *certs, cocos_error **err);

/* The list is this issuer's, signed by it and current. MALFORMED "collateral.wrong", "…stale". */
int cocos__check_crl(const cocos__session *s,
                     cocos__span data,
                     const cocos__cert *issuer,
                     cocos_error **err);

/* MALFORMED "collateral.wrong": what came is not what was asked for. */
int cocos__fail_wrong(cocos_error **err, const char *what);
int cocos__fail_stale(cocos_error **err, const char *what);

#endif
