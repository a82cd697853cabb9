/* SPDX-License-Identifier: Apache-2.0 */
/* Which providers there are, and one envelope of what they give. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "evidence/evidence.h"
#include "evidence/lane.h"

#define DEVICE_NS (10 * COCOS__NS_PER_S)
#define OPEN_NS   (30 * COCOS__NS_PER_S) /* a TPM may have to make a key */
#define LANES_MAX 5

/* In the order in which they are named and their parts stand in the envelope. */
static const cocos__provider *const providers[] = {
    &cocos__provider_snp,     &cocos__provider_tdx, &cocos__provider_sim_snp,
    &cocos__provider_sim_tdx, &cocos__provider_tpm,
};

/* What is in use: a lane to a device, or a provider that has none. */
typedef struct source {
    const cocos__provider *provider;
    cocos__lane *lane; /* NULL: unshared */
    void *state;
} source;

struct cocos__attester {
    source source[LANES_MAX];
    size_t n;
    cocos__buf platform;
    cocos__buf reasons;
    const uint8_t *ak;
};

/* ---- choosing ---- */

/* 1 when the comma list names it; without a list whatever is no simulation. */
static int is_wanted(const char *list, const char *name)
{
    size_t n = strlen(name);

    if (!list)
        return strncmp(name, "sim-", 4) != 0;
    for (const char *p = list; p; p = strchr(p, ',') ? strchr(p, ',') + 1 : NULL) {
        p += strspn(p, " ");
        if (strncmp(p, name, n) == 0 && (p[n] == '\0' || p[n] == ',' || p[n] == ' '))
            return 1;
    }
    return 0;
}

static int check_names(const char *list, cocos_error **err)
{
    for (const char *p = list; p && *p;) {
        size_t n = strcspn(p, ", ");
        int known = n == 0;
        for (size_t i = 0; i < COCOS__ARRAY_LEN(providers); i++)
            known |= strlen(providers[i]->name) == n && strncmp(providers[i]->name, p, n) == 0;
        if (!known)
            return cocos__fail(err, COCOS_ERR_UNSUPPORTED, "evidence.provider",
                               "there is no provider of evidence called %.*s", (int)n, p);
        p += n + strspn(p + n, ", ");
    }
    return COCOS_OK;
}

static char *text_or(const char *text, const char *otherwise)
{
    return strdup(text ? text : otherwise);
}

static cocos__evidence_config *config_new(const cocos__attester_options *o)
{
    cocos__evidence_config *c = calloc(1, sizeof *c);

    if (!c)
        return NULL;
    c->tcti = text_or(o->tcti, "");
    c->tsm_dir = text_or(o->tsm_dir, "/sys/kernel/config/tsm/report");
    c->sev_guest = text_or(o->sev_guest, "/dev/sev-guest");
    c->tdx_guest = text_or(o->tdx_guest, "/dev/tdx_guest");
    c->security_dir = text_or(o->security_dir, "/sys/kernel/security");
    c->ccel = text_or(o->ccel, "/sys/firmware/acpi/tables/data/CCEL");
    c->simulator = text_or(o->simulator, "");
    c->vmpl = o->vmpl;
    if (c->tcti && c->tsm_dir && c->sev_guest && c->tdx_guest && c->security_dir && c->ccel &&
        c->simulator)
        return c;
    cocos__evidence_config_free(c);
    return NULL;
}

static int open_source(cocos__attester *a,
                       const cocos__provider *p,
                       const cocos__attester_options *o,
                       cocos__buf *how,
                       cocos_error **err)
{
    cocos__evidence_config *config = config_new(o);
    int64_t device_ns = o->device_ns > 0 ? o->device_ns : DEVICE_NS;
    source s = {.provider = p};
    int r;

    if (!config)
        return cocos__fail_memory(err);
    if (p->unshared) {
        r = p->open(config, &s.state, how, err);
        cocos__evidence_config_free(config);
    } else
        r = cocos__lane_open(p, config, o->device_ns > 0 ? o->device_ns : OPEN_NS, device_ns, how,
                             &s.lane, err);
    if (r < 0)
        return r;
    if (s.lane && cocos__lane_key(s.lane))
        a->ak = cocos__lane_key(s.lane);
    a->source[a->n++] = s;
    return COCOS_OK;
}

static void tell(cocos__attester *a, const char *name, const char *what, const char *why)
{
    cocos__buf_printf(&a->reasons, "%s%s: %s%s%s", a->reasons.len ? "; " : "", name, what,
                      *why ? ", " : "", why);
    cocos__log(COCOS_LOG_INFO, "evidence", "%s: %s%s%s", name, what, *why ? ", " : "", why);
}

static int is_absent(int status)
{
    return status == COCOS_ERR_NOT_FOUND || status == COCOS_ERR_UNSUPPORTED ||
           status == COCOS_ERR_DENIED;
}

/* A real and a simulated one of a kind: their parts could not be told apart. */
static int check_twin(const cocos__attester *a, const cocos__provider *p, cocos_error **err)
{
    for (size_t i = 0; i < a->n; i++) {
        const char *other = a->source[i].provider->name;
        if (strncmp(p->name, "sim-", 4) == 0 && strcmp(p->name + 4, other) == 0)
            return cocos__fail(err, COCOS_ERR_UNSUPPORTED, "evidence.provider",
                               "evidence is by %s or by %s, not by both", other, p->name);
    }
    return COCOS_OK;
}

/* What was named must work, and so must what is there: evidence without it would say less. */
static int open_wanted(cocos__attester *a,
                       const cocos__provider *p,
                       const cocos__attester_options *o,
                       cocos_error **err)
{
    COCOS__CLEANUP(cocos__error_freep) cocos_error *why = NULL;
    COCOS__CLEANUP(cocos__buf_done) cocos__buf how;

    cocos__buf_init(&how, 1024);
    int r = check_twin(a, p, &why);
    if (r == COCOS_OK)
        r = open_source(a, p, o, &how, &why);
    if (r == COCOS_OK) {
        cocos__buf_printf(&a->platform, "%s%s", a->platform.len ? ", " : "", p->name);
        tell(a, p->name, "in use", how.len ? cocos__buf_cstr(&how) : "");
        return COCOS_OK;
    }
    if (r == COCOS_ERR_MEMORY)
        return cocos__fail_memory(err);
    tell(a, p->name, "not in use", cocos_error_message(why));
    if (!o->providers && is_absent(r))
        return COCOS_OK;
    return cocos__fail_cause(err, is_absent(r) ? COCOS_ERR_UNSUPPORTED : r, "evidence.provider",
                             COCOS__STEAL(why), "evidence by %s is wanted and cannot be had",
                             p->name);
}

int cocos__attester_open(const cocos__attester_options *o, cocos__attester **ret, cocos_error **err)
{
    COCOS__CLEANUP(cocos__attester_closep) cocos__attester *a = NULL;

    int r = check_names(o->providers, err);
    if (r < 0)
        return r;
    a = calloc(1, sizeof *a);
    if (!a)
        return cocos__fail_memory(err);
    cocos__buf_init(&a->platform, 256);
    cocos__buf_init(&a->reasons, 8192);
    for (size_t i = 0; r == COCOS_OK && i < COCOS__ARRAY_LEN(providers); i++) {
        if (is_wanted(o->providers, providers[i]->name))
            r = open_wanted(a, providers[i], o, err);
    }
    if (r < 0)
        return r;
    if (a->n == 0)
        cocos__buf_add_str(&a->platform, "none");
    if (!cocos__buf_cstr(&a->platform) || !cocos__buf_cstr(&a->reasons))
        return cocos__fail_memory(err);
    *ret = COCOS__STEAL(a);
    return COCOS_OK;
}

void cocos__attester_close(cocos__attester *a)
{
    if (!a)
        return;
    for (size_t i = 0; i < a->n; i++) {
        if (a->source[i].lane)
            cocos__lane_close(a->source[i].lane);
        else
            a->source[i].provider->close(a->source[i].state);
    }
    cocos__buf_done(&a->platform);
    cocos__buf_done(&a->reasons);
    free(a);
}

const char *cocos__attester_platform(const cocos__attester *a)
{
    return (const char *)a->platform.data;
}

const char *cocos__attester_reasons(const cocos__attester *a)
{
    return (const char *)a->reasons.data;
}

const uint8_t *cocos__attester_ak(const cocos__attester *a)
{
    return a->ak;
}

size_t cocos__attester_abandoned(const cocos__attester *a)
{
    size_t n = 0;

    for (size_t i = 0; i < a->n; i++)
        n += a->source[i].lane && cocos__lane_abandoned(a->source[i].lane);
    return n;
}

/* ---- evidence ---- */

/* Requests to all devices at once, since each takes its time. */
typedef struct round {
    cocos__attester *a;
    cocos__ask ask; /* what each is asked */
    cocos__errand *errand[LANES_MAX];
    cocos__ask own[LANES_MAX]; /* of sources without a lane */
    cocos__envelope_part part[COCOS__ENVELOPE_PARTS];
    size_t n;
} round_trip;

static void round_done(round_trip *t)
{
    for (size_t i = 0; i < LANES_MAX; i++) {
        cocos__errand_free(t->errand[i]);
        cocos__ask_done(&t->own[i]);
    }
}

static int ask_all(round_trip *t, int64_t deadline_ns, cocos_cancel *cancel, cocos_error **err)
{
    int r = COCOS_OK;

    for (size_t i = 0; r == COCOS_OK && i < t->a->n; i++) {
        if (t->a->source[i].lane)
            r = cocos__lane_send(t->a->source[i].lane, &t->ask, deadline_ns, cancel, &t->errand[i],
                                 err);
    }
    return r;
}

static int add_parts(round_trip *t, const cocos__ask *answer, cocos_error **err)
{
    for (size_t i = 0; i < answer->n; i++) {
        if (answer->part[i].data.failed)
            return cocos__fail_memory(err);
        if (t->n == COCOS__ENVELOPE_PARTS)
            return cocos__fail(err, COCOS_ERR_INTERNAL, "envelope.part",
                               "evidence has more than %d parts", COCOS__ENVELOPE_PARTS);
        t->part[t->n++] = (cocos__envelope_part){
            answer->part[i].media_type, {answer->part[i].data.data, answer->part[i].data.len}};
    }
    return COCOS_OK;
}

static int gather(round_trip *t, size_t i, cocos_error **err)
{
    const source *s = &t->a->source[i];
    cocos__ask *answer = &t->own[i];
    int r;

    if (s->lane)
        r = cocos__errand_wait(t->errand[i], &answer, err);
    else {
        *answer = t->ask;
        r = s->provider->collect(s->state, answer, err);
    }
    return r < 0 ? r : add_parts(t, answer, err);
}

int cocos__attester_evidence(cocos__attester *a,
                             const cocos__claims *claims,
                             int64_t deadline_ns,
                             cocos_cancel *cancel,
                             cocos__buf *envelope,
                             cocos_error **err)
{
    COCOS__CLEANUP(cocos__buf_done) cocos__buf encoded;
    COCOS__CLEANUP(round_done) round_trip t = {.a = a};
    cocos__claims full = *claims;

    cocos__buf_init(&encoded, COCOS__CLAIMS_MAX);
    if (a->n == 0)
        return cocos__fail(err, COCOS_ERR_UNSUPPORTED, "evidence.none",
                           "this machine has nothing that makes evidence (%s)",
                           cocos__attester_reasons(a));
    full.ak = a->ak;
    int r = cocos__claims_encode(&full, &encoded, err);
    cocos__span c = {encoded.data, encoded.len};
    if (r == COCOS_OK)
        r = cocos__claims_report_data(c, t.ask.report_data, err);
    if (r == COCOS_OK)
        r = cocos__claims_nonce(c, t.ask.nonce, err);
    if (r == COCOS_OK)
        r = ask_all(&t, deadline_ns, cancel, err);
    for (size_t i = 0; r == COCOS_OK && i < a->n; i++)
        r = gather(&t, i, err);
    return r < 0 ? r : cocos__envelope_encode(c, t.part, t.n, envelope, err);
}

/* ---- registers ---- */

static int extend(
    cocos__lane *lane, int what, const uint8_t digest[32], int64_t deadline_ns, cocos_error **err)
{
    cocos__errand *errand = NULL;
    cocos__ask *answer = NULL;
    cocos__ask ask = {.what = what};

    memcpy(ask.manifest, digest, 32);
    int r = cocos__lane_send(lane, &ask, deadline_ns, NULL, &errand, err);
    if (r == COCOS_OK)
        r = cocos__errand_wait(errand, &answer, err);
    cocos__errand_free(errand);
    return r;
}

/* Every source that has registers. */
static int extend_all(
    cocos__attester *a, int what, const uint8_t digest[32], int64_t deadline_ns, cocos_error **err)
{
    int r = COCOS_OK;

    for (size_t i = 0; r == COCOS_OK && i < a->n; i++) {
        if (a->source[i].provider->extend)
            r = extend(a->source[i].lane, what, digest, deadline_ns, err);
    }
    return r;
}

int cocos__attester_extend_manifest(cocos__attester *a,
                                    const uint8_t digest[32],
                                    int64_t deadline_ns,
                                    cocos_error **err)
{
    return extend_all(a, COCOS__ASK_EXTEND, digest, deadline_ns, err);
}

int cocos__attester_note_manifest(cocos__attester *a,
                                  const uint8_t digest[32],
                                  int64_t deadline_ns,
                                  cocos_error **err)
{
    return extend_all(a, COCOS__ASK_NOTE, digest, deadline_ns, err);
}
