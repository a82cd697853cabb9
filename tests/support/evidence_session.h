/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_TESTS_EVIDENCE_SESSION_H
#define COCOS_TESTS_EVIDENCE_SESSION_H

/* Claims of a session that a test makes up, and what came back for them. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "evidence/evidence.h"
#include "suite.h"

static const uint8_t session_leaf[32] = {0x1e, 0xaf};
static const uint8_t session_instance[16] = {0x1d};
static const uint8_t session_challenge[32] = {'c', 'h', 'a', 'l', 'l', 'e', 'n', 'g', 'e'};

static inline cocos__claims session_claims(void)
{
    return (cocos__claims){.purpose = COCOS__PURPOSE_CHANNEL_SERVER,
                           .challenge = {session_challenge, sizeof session_challenge},
                           .leaf = session_leaf,
                           .instance_id = session_instance};
}

static inline cocos__span session_part(const cocos__envelope *e, const char *media_type)
{
    for (size_t i = 0; i < e->n; i++) {
        if (strcmp(e->parts[i].media_type, media_type) == 0)
            return e->parts[i].data;
    }
    return (cocos__span){NULL, 0};
}

/* The simulator's hierarchy of this build. */
static inline const char *session_simulator(void)
{
    static char path[4096];
    const char *root = getenv("COCOS_BUILD_ROOT");

    snprintf(path, sizeof path, "%s/sim", root ? root : "build");
    return path;
}

/* Evidence for the claims of the session, taken apart; it lives as long as bytes. */
static inline void
session_evidence(cocos__attester *a, cocos__buf *bytes, cocos__envelope *ret, cocos_error **err)
{
    cocos__claims claims = session_claims();

    cocos__buf_init(bytes, COCOS__ENVELOPE_MAX);
    assert_ok(cocos__attester_evidence(a, &claims, 0, NULL, bytes, err), *err);
    assert_ok(cocos__envelope_parse((cocos__span){bytes->data, bytes->len}, ret, err), *err);
}

#endif
