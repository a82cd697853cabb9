/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_AGENT_RUN_REQUEST_H
#define COCOS_AGENT_RUN_REQUEST_H

/* A run request of the computation-management server, judged as a whole before anything is done. */

#include <cocos/manifest.h>

#include "base/bytes.h"
#include "base/error.h"

#define COCOS__RUN_DEFECTS_MAX (64 * 1024) /* cocos-v1 section 2: text of run_res.error */

/*
 * The manifest of a serialised ComputationRunReq. On failure `defects` holds all that is wrong, a
 * line `code: text` each, and the error names the first. `id` receives the request's computation id
 * as far as it has one that one can answer to, else "".
 */
int cocos__run_request_read(
    cocos__span request, char id[65], cocos_manifest **ret, cocos__buf *defects, cocos_error **err);

/* What is well formed but not done by this version: UNSUPPORTED, a line each. */
int cocos__run_request_supported(const cocos_manifest *m, cocos__buf *defects, cocos_error **err);

/* Appends an error and its causes, a line `code: message` each. */
void cocos__run_request_describe(const cocos_error *e, cocos__buf *defects);

#endif
