/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/proof.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"

/* 1 when the list "snp, tpm" has this name; a simulated platform is none. */
static int has_platform(const char *platforms, const char *name, size_t len)
{
    for (const char *p = platforms; *p; p += strspn(p, ", ")) {
        size_t n = strcspn(p, ", ");
        if (n == len && memcmp(p, name, n) == 0)
            return 1;
        p += n;
    }
    return 0;
}

static int check_required(const cocos_agent_service *s, cocos_error **err)
{
    const char *have = cocos__attester_platform(s->attester);

    for (const char *p = s->options.require; *p; p += strspn(p, ", ")) {
        size_t n = strcspn(p, ", ");
        if (n > 0 && !has_platform(have, p, n))
            return cocos__fail(err, COCOS_ERR_UNSUPPORTED, "evidence.required",
                               "evidence by %.*s is required; this machine has: %s (%s)", (int)n, p,
                               have, cocos__attester_reasons(s->attester));
        p += n;
    }
    return COCOS_OK;
}

static const char *given(const char *text)
{
    return *text ? text : NULL;
}

int cocos__proof_open(cocos_agent_service *s, cocos_error **err)
{
    cocos__attester_options o = {.providers = given(s->options.evidence),
                                 .tcti = given(s->options.tcti),
                                 .tsm_dir = given(s->options.tsm_dir),
                                 .sev_guest = given(s->options.sev_guest),
                                 .tdx_guest = given(s->options.tdx_guest),
                                 .security_dir = given(s->options.security_dir),
                                 .simulator = given(s->options.simulator),
                                 .vmpl = s->options.vmpl};
    int r = cocos__attester_open(&o, &s->attester, err);

    if (r == COCOS_OK)
        r = check_required(s, err);
    if (r == COCOS_OK)
        cocos__log_fields(COCOS_LOG_INFO, "agent", "platform of evidence", "platform",
                          cocos__attester_platform(s->attester), NULL);
    return r;
}

void cocos__proof_close(cocos_agent_service *s)
{
    cocos__attester_close(s->attester);
    s->attester = NULL;
}

int cocos__proof_possible(const cocos_agent_service *s)
{
    return strcmp(cocos__attester_platform(s->attester), "none") != 0;
}

int cocos__proof_make(cocos_agent_service *s,
                      const cocos__proof *p,
                      int64_t deadline_ns,
                      cocos__buf *envelope,
                      cocos_error **err)
{
    cocos__computation *c = cocos__machine_current(s);
    cocos__claims claims = {.purpose = p->purpose,
                            .challenge = p->challenge,
                            .leaf = p->leaf,
                            .statement_key = p->statement_key,
                            .instance_id = s->identity.instance_id,
                            .manifest = p->manifest ? p->manifest
                                        : c         ? cocos_manifest_digest(c->manifest)
                                                    : NULL};
    int64_t latest = cocos_deadline_in(COCOS__PROOF_NS);

    if (deadline_ns == 0 || deadline_ns > latest)
        deadline_ns = latest;
    int r = cocos__attester_evidence(s->attester, &claims, deadline_ns, NULL, envelope, err);
    cocos__computation_unref(s, c);
    return r;
}

/* 1 when it is there already; the key's digest else. */
static int has_evidence(cocos_agent_service *s, cocos__computation *c, uint8_t key[32])
{
    COCOS__LOCKED(&s->lock);
    memcpy(key, cocos__testimony_key(c->testimony), 32);
    return cocos__testimony_evidence(c->testimony).len > 0;
}

static int
put_evidence(cocos_agent_service *s, cocos__computation *c, cocos__span e, cocos_error **err)
{
    COCOS__LOCKED(&s->lock);
    return c->stopped ? COCOS_OK : cocos__testimony_set_evidence(c->testimony, e, err);
}

int cocos__proof_testimony(cocos_agent_service *s, cocos__computation *c, cocos_error **err)
{
    COCOS__CLEANUP(cocos__buf_done) cocos__buf envelope;
    uint8_t key[32];

    cocos__buf_init(&envelope, COCOS__ENVELOPE_MAX);
    if (!cocos__proof_possible(s))
        return COCOS_OK;
    COCOS__LOCKED(&c->proving);
    if (has_evidence(s, c, key))
        return COCOS_OK;
    const cocos__proof p = {.purpose = COCOS__PURPOSE_STATEMENT,
                            .statement_key = key,
                            .manifest = cocos_manifest_digest(c->manifest)};
    int r = cocos__proof_make(s, &p, 0, &envelope, err);
    return r < 0 ? r : put_evidence(s, c, (cocos__span){envelope.data, envelope.len}, err);
}

int cocos__proof_channel(void *user,
                         const cocos__attest_binding *b,
                         int64_t deadline_ns,
                         int *version,
                         cocos__buf *envelope,
                         cocos_error **err)
{
    const cocos__proof p = {.purpose = COCOS__PURPOSE_CHANNEL_SERVER,
                            .challenge = {b->exported, COCOS__CHALLENGE_CHANNEL},
                            .leaf = b->leaf};

    *version = 2;
    return cocos__proof_make(user, &p, deadline_ns, envelope, err);
}
