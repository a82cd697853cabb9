/* SPDX-License-Identifier: Apache-2.0 */
/* Every change of state: the table of state.c, the record on disk, and who is told. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "agent/proof.h"
#include "agent/report.h"
#include "agent/service.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/thread.h"

#define RECORD_MAX   4096
#define ID_ROOM      65                      /* cocos-v1 section 2: ids have at most 64 bytes */
#define MANIFEST_MAX (1024 * 1024)           /* cocos-v1 section 2 */
#define RESULT_KEEP  (600 * COCOS__NS_PER_S) /* after Complete, cocos-v1 section 4 */

static void
state_path(const cocos_agent_service *s, const char *name, char out[COCOS__SERVICE_PATH])
{
    snprintf(out, COCOS__SERVICE_PATH, "%s/%s", s->options.state_dir, name);
}

/*
 * The record matters only to a process of the same boot, so nothing is flushed to a disk; the
 * rename makes it whole. On a full disk the agent goes on: a restart would then see an older state.
 */
static void save(cocos_agent_service *s)
{
    cocos__buf b __attribute__((cleanup(cocos__buf_done)));
    char path[COCOS__SERVICE_PATH];
    char fresh[COCOS__SERVICE_PATH];
    cocos_error *err = NULL;

    cocos__buf_init(&b, RECORD_MAX);
    cocos__record_encode(&s->record, &b);
    state_path(s, "record", path);
    state_path(s, "record.new", fresh);
    COCOS__CLEANUP(cocos__closep)
    int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 || cocos__write_full(fd, b.data, b.len, "the record", &err) < 0 ||
        rename(fresh, path) < 0) {
        cocos__log_fields(COCOS_LOG_ERROR, "agent", "the state could not be stored", "code",
                          "agent.record.disk", NULL);
        unlink(fresh);
    }
    cocos_error_free(err);
}

static void watchers_see(cocos_agent_service *s, const char *what, uint64_t bytes, int ok)
{
    cocos__watch_event e = {.time_ns = cocos__clock_wall_ns(),
                            .state = cocos__agent_state_name(s->record.state),
                            .what = what,
                            .bytes = bytes,
                            .ok = ok};

    cocos__ring_push(&s->current->ring, &e);
    s->record.next_event = s->current->ring.next;
    pthread_cond_broadcast(&s->changed);
}

/* One event to server and watchers. The state names the event. */
static void announce(cocos_agent_service *s, const char *status)
{
    cocos__report_event(s->queue, cocos_manifest_id(s->current->manifest),
                        cocos__agent_state_name(s->record.state), status);
    watchers_see(s, status, 0, strcmp(status, "Failed") != 0);
}

/* An event of the table; refused ones are a fault of ours that must not end the agent. */
static int enter(cocos_agent_service *s, int event)
{
    cocos_error *err = NULL;
    int r = cocos__agent_state_next(s->record.state, event, &s->record.state, &err);

    if (r < 0)
        cocos__log_error(COCOS_LOG_ERROR, "agent", "state unchanged", err);
    cocos_error_free(err);
    if (r == COCOS_OK && s->current && cocos__agent_state_status(s->record.state))
        announce(s, cocos__agent_state_status(s->record.state));
    return r;
}

/* The manifest's certificate replaces the port's own; connections under the old one end. */
static int use_tls(cocos_agent_service *s, const cocos_manifest *m, cocos_error **err)
{
    COCOS__CLEANUP(cocos__tls_config_unrefp) cocos__tls_config *tls = NULL;
    int r = cocos__certs_server_tls(s, m, &tls, err);

    if (r < 0)
        return r;
    if (s->listener)
        cocos__rpc_listener_require_attested(s->listener, cocos_manifest_attested_tls(m));
    if (!tls)
        return COCOS_OK;
    if (s->listener)
        cocos__rpc_listener_set_tls(s->listener, tls, 1);
    s->own_tls = 1;
    return COCOS_OK;
}

static int set_up(cocos_agent_service *s, cocos__computation *c, cocos_error **err)
{
    int r = cocos__computation_keep_manifest(c, err);
    if (r == COCOS_OK)
        r = cocos__computation_open_store(s, c, 0, err);
    if (r == COCOS_OK)
        r = cocos__computation_open_parties(s, c, err);
    if (r == COCOS_OK)
        r = use_tls(s, c->manifest, err);
    if (r < 0)
        (void)cocos__remove_tree(c->dir, 0, NULL);
    return r;
}

/* With the lock held. */
static int check_idle(const cocos_agent_service *s, cocos_error **err)
{
    if (s->record.state == COCOS__AGENT_RECEIVING_MANIFEST)
        return COCOS_OK;
    return cocos__fail(err, COCOS_ERR_BUSY, "agent.busy", "another computation is in state %s",
                       cocos__agent_state_name(s->record.state));
}

/* Before the manifest is acted on it is in PCR 15 (cocos-v1 section 1). Without the lock: a TPM
 * takes its time. Manifests come from one thread only. */
static int measure(cocos_agent_service *s, const cocos_manifest *m, cocos_error **err)
{
    pthread_mutex_lock(&s->lock);
    int r = check_idle(s, err);
    pthread_mutex_unlock(&s->lock);

    if (r == COCOS_OK && cocos_manifest_attested_tls(m) && !cocos__proof_possible(s))
        r = cocos__fail(err, COCOS_ERR_UNSUPPORTED, "agent.attestation.none",
                        "the manifest asks for attested TLS, and this machine has no evidence: %s",
                        cocos__attester_reasons(s->attester));
    if (r == COCOS_OK)
        r = cocos__attester_extend_manifest(s->attester, cocos_manifest_digest(m),
                                            cocos_deadline_in(COCOS__PROOF_NS), err);
    return r;
}

static int take_manifest(cocos_agent_service *s, cocos_manifest *manifest_take, cocos_error **err)
{
    COCOS__LOCKED(&s->lock);

    if (check_idle(s, err) < 0) {
        cocos_manifest_free(manifest_take);
        return COCOS_ERR_BUSY;
    }
    cocos__computation *c = cocos__computation_new(s, s->record.runs + 1, manifest_take);
    if (!c)
        return cocos__fail_memory(err);
    int r = set_up(s, c, err);
    if (r < 0) {
        cocos__computation_free(c);
        return r;
    }
    s->current = c;
    s->record = (cocos__record){.runs = c->run,
                                .state = s->record.state,
                                .next_event = s->record.next_event,
                                .first_event = s->record.next_event};
    cocos__ring_init(&c->ring, s->record.first_event, s->record.next_event);
    cocos__report_log(s->queue, COCOS__REPORT_MANIFEST_ACCEPTED, cocos_manifest_id(c->manifest),
                      NULL, c->run, cocos__store_count(c->store));
    enter(s, COCOS__AGENT_MANIFEST);
    save(s);
    return COCOS_OK;
}

int cocos__machine_accept(cocos_agent_service *s, cocos_manifest *manifest_take, cocos_error **err)
{
    int r = measure(s, manifest_take, err);

    if (r < 0) {
        cocos_manifest_free(manifest_take);
        return r;
    }
    return take_manifest(s, manifest_take, err);
}

/* The start is counted once, in the record together with the new state, then with the manifest:
 * resume() makes up for a kill in between. */
static void start_run(cocos_agent_service *s)
{
    cocos__consent *consent = s->current->consent;
    cocos_error *err = NULL;

    s->record.start_run = consent->runs + 1;
    enter(s, COCOS__AGENT_ASSETS);
    save(s);
    if (cocos__consent_count(consent, s->record.start_run, &err) < 0)
        cocos__log_error(COCOS_LOG_ERROR, "agent", "the number of runs could not be stored", err);
    cocos_error_free(err);
}

/* What the assets and approvals that are there allow. An agent that is ending leaves it to the next
 * start. */
static void advance(cocos_agent_service *s)
{
    int waiting = s->record.state == COCOS__AGENT_RECEIVING_ALGORITHM ||
                  s->record.state == COCOS__AGENT_RECEIVING_DATA;

    if (waiting && !s->quitting && cocos__store_complete(s->current->store) &&
        cocos__consent_given(s->current->consent))
        start_run(s);
    else if (s->record.state == COCOS__AGENT_RECEIVING_ALGORITHM &&
             cocos__store_code_complete(s->current->store))
        enter(s, COCOS__AGENT_ALGORITHM);
}

static const char *kind_word(int kind)
{
    return kind == COCOS_ASSET_ALGORITHM ? "algorithm"
           : kind == COCOS_ASSET_DATASET ? "data set"
                                         : "requirements";
}

void cocos__machine_asset_complete(cocos_agent_service *s,
                                   cocos__computation *c,
                                   const cocos__asset_status *a)
{
    COCOS__LOCKED(&s->lock);

    if (s->current != c || c->stopped)
        return;
    watchers_see(s, "asset.complete", a->size, 1);
    cocos__report_log(s->queue, COCOS__REPORT_ASSET_COMPLETE, cocos_manifest_id(c->manifest),
                      kind_word(a->kind), a->index, a->size);
    advance(s);
    save(s);
}

/* With the lock held: may something still be signed about this computation? */
static int check_open(const cocos_agent_service *s, const cocos__computation *c, cocos_error **err)
{
    if (s->current != c || c->stopped)
        return cocos__fail(err, COCOS_ERR_ABORTED, "computation.stopped",
                           "the computation was stopped");
    return COCOS_OK;
}

static int check_late(const cocos_agent_service *s, const cocos_approval *a, cocos_error **err)
{
    int running = s->record.state == COCOS__AGENT_RUNNING;
    int before = s->record.state == COCOS__AGENT_RECEIVING_ALGORITHM ||
                 s->record.state == COCOS__AGENT_RECEIVING_DATA;

    if (before || (running && cocos_approval_is_withdrawal(a)))
        return COCOS_OK;
    return cocos__fail(err, COCOS_ERR_STATE, "approval.late",
                       "in state %s an %s changes nothing any more",
                       cocos__agent_state_name(s->record.state),
                       cocos_approval_is_withdrawal(a) ? "withdrawal" : "approval");
}

static void end_run(cocos_agent_service *s)
{
    s->current->withdrawn = 1;
    if (s->job)
        cocos__job_stop(s->job);
}

int cocos__machine_approve(cocos_agent_service *s,
                           cocos__computation *c,
                           cocos_approval *a_take,
                           cocos_error **err)
{
    COCOS__CLEANUP(cocos__approval_freep) cocos_approval *a = a_take;
    int withdrawal = cocos_approval_is_withdrawal(a);
    const char *id = cocos_manifest_id(c->manifest);

    COCOS__LOCKED(&s->lock);
    int r = check_open(s, c, err);
    if (r == COCOS_OK)
        r = check_late(s, a, err);
    if (r == COCOS_OK)
        r = cocos__consent_add(c->consent, COCOS__STEAL(a), err);
    if (r < 0)
        return r;
    watchers_see(s, withdrawal ? "withdrawal" : "approval", 0, !withdrawal);
    cocos__report_log(s->queue, withdrawal ? COCOS__REPORT_WITHDRAWAL : COCOS__REPORT_APPROVAL, id,
                      NULL, cocos__consent_missing(c->consent, NULL, 0), 0);
    if (s->record.state == COCOS__AGENT_RUNNING)
        end_run(s);
    else
        advance(s);
    save(s);
    return COCOS_OK;
}

void cocos__machine_job_started(cocos_agent_service *s, cocos__computation *c)
{
    COCOS__LOCKED(&s->lock);

    if (s->current != c)
        return;
    s->record.start_mono_ns = (uint64_t)cocos__clock_mono_ns();
    s->record.start_wall_s = cocos__clock_wall_ns() / COCOS__NS_PER_S;
    announce(s, "InProgress");
    save(s);
}

/* ---- Statement and closure ---- */

static void unproven(cocos_agent_service *s, const cocos__computation *c, cocos_error *err_take)
{
    cocos__report_log(s->queue, COCOS__REPORT_UNPROVEN, cocos_manifest_id(c->manifest),
                      cocos_error_code(err_take), 0, 0);
    cocos_error_free(err_take);
}

static void state_facts(cocos_agent_service *s, cocos__computation *c, const cocos__facts *facts)
{
    cocos__facts all = *facts;
    int started = s->record.start_mono_ns != 0;
    cocos_error *err = NULL;

    all.start =
        (cocos__moment){s->record.start_mono_ns, started ? s->record.start_wall_s : COCOS__NEVER};
    all.end =
        (cocos__moment){(uint64_t)cocos__clock_mono_ns(), cocos__clock_wall_ns() / COCOS__NS_PER_S};
    all.result = s->record.result[0].present ? s->record.result[0].digest : NULL;
    all.result_size = s->record.result[0].size;
    if (cocos__testimony_state(c->testimony, s->record.start_run, c->consent, &all, &err) < 0)
        unproven(s, c, err);
    else
        cocos__report_log(s->queue, COCOS__REPORT_STATED, cocos_manifest_id(c->manifest), NULL,
                          s->record.start_run, 0);
}

/* Everybody has the result, or there is none, and the assets are wiped: the last words. */
static void close_testimony(cocos_agent_service *s, cocos__computation *c)
{
    cocos_error *err = NULL;

    if (!c->assets_wiped || !cocos__testimony_stated(c->testimony) ||
        cocos__testimony_closed(c->testimony))
        return;
    if (cocos__testimony_close(c->testimony, &err) < 0)
        unproven(s, c, err);
    else
        cocos__report_log(s->queue, COCOS__REPORT_CLOSED, cocos_manifest_id(c->manifest), NULL, 0,
                          0);
}

static void wipe_result_files(cocos_agent_service *s, const cocos__computation *c);

void cocos__machine_job_ended(cocos_agent_service *s,
                              cocos__computation *c,
                              const char *failure,
                              const cocos__record_file results[2],
                              const cocos__facts *facts)
{
    COCOS__LOCKED(&s->lock);
    const char *id = cocos_manifest_id(c->manifest);

    if (c->withdrawn)
        failure = "job.withdrawn";
    snprintf(s->record.failure, sizeof s->record.failure, "%s", failure);
    s->record.assets_wiped = 1;
    for (int part = 0; part < 2; part++)
        s->record.result[part] = c->withdrawn ? (cocos__record_file){0} : results[part];
    if (c->withdrawn)
        wipe_result_files(s, c);
    results = s->record.result;
    state_facts(s, c, facts);
    if (!results[0].present)
        close_testimony(s, c);
    cocos__report_log(s->queue, COCOS__REPORT_JOB_ENDED, id, *failure ? failure : "ok", 0, 0);
    announce(s, *failure ? "Failed" : "Completed");
    if (results[0].present)
        cocos__report_log(s->queue, COCOS__REPORT_RESULT_READY, id, NULL, results[0].size, 0);
    enter(s, *failure ? COCOS__AGENT_JOB_FAILED : COCOS__AGENT_JOB_DONE);
    save(s);
}

static int all_delivered(const cocos_agent_service *s)
{
    for (size_t i = 0; i < cocos_manifest_consumer_count(s->current->manifest); i++) {
        if (!(s->record.delivered[i / 8] & (1u << (i % 8))))
            return 0;
    }
    return 1;
}

/* One key may stand for several consumers. Returns the place of the first that is new, or -1. */
static int mark_delivered(cocos_agent_service *s, const cocos_key *consumer)
{
    int first = -1;

    for (size_t i = 0; i < cocos_manifest_consumer_count(s->current->manifest); i++) {
        const cocos_key *k = cocos_manifest_consumer(s->current->manifest, i);
        uint8_t bit = (uint8_t)(1u << (i % 8));
        if (memcmp(cocos_key_thumbprint(k), cocos_key_thumbprint(consumer), 32) != 0 ||
            (s->record.delivered[i / 8] & bit))
            continue;
        s->record.delivered[i / 8] |= bit;
        first = first < 0 ? (int)i : first;
    }
    return first;
}

void cocos__machine_delivered(cocos_agent_service *s,
                              cocos__computation *c,
                              const cocos_key *consumer)
{
    COCOS__LOCKED(&s->lock);

    if (s->current != c || c->stopped)
        return;
    int first = mark_delivered(s, consumer);
    if (first < 0)
        return;
    watchers_see(s, "result.fetched", s->record.result[0].size, 1);
    cocos__report_log(s->queue, COCOS__REPORT_RESULT_FETCHED, cocos_manifest_id(c->manifest), NULL,
                      (uint64_t)first + 1, cocos_manifest_consumer_count(c->manifest));
    if (all_delivered(s)) {
        s->record.complete_boot_ns = cocos__clock_boot_ns();
        if (s->record.state == COCOS__AGENT_CONSUMING_RESULTS)
            enter(s, COCOS__AGENT_DELIVERED);
        close_testimony(s, c);
    }
    save(s);
    pthread_cond_broadcast(&s->changed);
}

void cocos__machine_note_nonce(cocos_agent_service *s,
                               cocos__computation *c,
                               const cocos_key *consumer,
                               cocos__span nonce)
{
    COCOS__LOCKED(&s->lock);

    for (size_t i = 0; i < cocos_manifest_consumer_count(c->manifest); i++) {
        const cocos_key *k = cocos_manifest_consumer(c->manifest, i);
        if (memcmp(cocos_key_thumbprint(k), cocos_key_thumbprint(consumer), 32) == 0)
            cocos__testimony_nonce(c->testimony, i, nonce);
    }
}

int64_t cocos__machine_wipe_due(const cocos_agent_service *s)
{
    int there = s->current && (s->record.result[0].present || s->record.result[1].present);

    if (!there || s->record.complete_boot_ns == 0)
        return 0;
    int64_t left = s->record.complete_boot_ns + RESULT_KEEP - cocos__clock_boot_ns();
    return cocos__clock_mono_ns() + (left > 0 ? left : 0);
}

/* Overwrites and removes; what cannot be is said, with its code, and removed as far as it can. */
static int wipe_tree(cocos_agent_service *s, const char *computation, const char *path)
{
    cocos_error *err = NULL;
    int r = cocos__remove_tree(path, 1, &err);

    if (r < 0)
        cocos__report_log(s->queue, COCOS__REPORT_WIPE_FAILED, computation, cocos_error_code(err),
                          0, 0);
    cocos_error_free(err);
    return r;
}

static void wipe_result_files(cocos_agent_service *s, const cocos__computation *c)
{
    char path[COCOS__SERVICE_PATH];

    for (int part = 0; part < 2; part++) {
        cocos__computation_result_path(c, part, path);
        wipe_tree(s, cocos_manifest_id(c->manifest), path);
    }
}

void cocos__machine_wipe_result(cocos_agent_service *s)
{
    COCOS__LOCKED(&s->lock);
    cocos__computation *c = s->current;

    if (!c || c->stopped)
        return;
    /* The record first: what it does not mention is never served again, also after a kill in
     * between. */
    s->record.result[0].present = 0;
    s->record.result[1].present = 0;
    save(s);
    pthread_rwlock_wrlock(&c->results);
    c->results_wiped = 1;
    pthread_rwlock_unlock(&c->results);
    wipe_result_files(s, c);
    watchers_see(s, "result.wiped", 0, 1);
    cocos__report_log(s->queue, COCOS__REPORT_RESULT_WIPED, cocos_manifest_id(c->manifest), NULL, 0,
                      0);
}

int cocos__machine_stop(cocos_agent_service *s, const char *id, cocos_error **err)
{
    COCOS__LOCKED(&s->lock);

    if (!s->current || strcmp(id, cocos_manifest_id(s->current->manifest)) != 0)
        return cocos__fail(err, COCOS_ERR_NOT_FOUND, "computation.unknown",
                           "there is no such computation here");
    s->stopping = 1;
    if (s->job)
        cocos__job_stop(s->job);
    pthread_cond_broadcast(&s->changed);
    return COCOS_OK;
}

/*
 * Nobody may read or write the computation's files from here on, and the record no longer knows
 * them: a kill in between leaves files that the next start wipes. The next manifest may come at
 * once.
 */
static void fence(cocos_agent_service *s, cocos__computation *c)
{
    pthread_mutex_lock(&s->lock);
    cocos__report_event(s->queue, cocos_manifest_id(c->manifest), "Stopped", "Stopped");
    watchers_see(s, "Stopped", 0, 1);
    pthread_rwlock_wrlock(&c->results);
    c->stopped = 1;
    pthread_rwlock_unlock(&c->results);
    s->record = (cocos__record){
        .runs = s->record.runs, .state = s->record.state, .next_event = s->record.next_event};
    s->current = NULL;
    s->stopping = 0;
    if (s->listener)
        cocos__rpc_listener_require_attested(s->listener, 0);
    if (s->own_tls && s->listener)
        cocos__rpc_listener_set_tls(s->listener, s->identity.tls, 1);
    s->own_tls = 0;
    enter(s, COCOS__AGENT_STOP);
    save(s);
    pthread_mutex_unlock(&s->lock);
    cocos__store_stop(c->store);
}

void cocos__machine_stopped(cocos_agent_service *s)
{
    cocos__computation *c = s->current; /* only this thread takes it away */
    char id[ID_ROOM];

    snprintf(id, sizeof id, "%s", cocos_manifest_id(c->manifest));
    fence(s, c);
    wipe_tree(s, id, c->dir);
    cocos__report_log(s->queue, COCOS__REPORT_STOPPED, id, NULL, 0, 0);

    cocos__computation_unref(s, c);
    cocos__link_stopped(s->link, id);
}

int cocos__machine_state(cocos_agent_service *s)
{
    COCOS__LOCKED(&s->lock);
    return s->record.state;
}

cocos__computation *cocos__machine_current(cocos_agent_service *s)
{
    COCOS__LOCKED(&s->lock);

    if (s->current)
        s->current->refs++;
    return s->current;
}

/* ---- Taking up what an earlier process of this boot left ---- */

static void load_record(cocos_agent_service *s)
{
    cocos__buf b __attribute__((cleanup(cocos__buf_done)));
    char path[COCOS__SERVICE_PATH];
    cocos_error *err = NULL;

    cocos__buf_init(&b, RECORD_MAX + 8192);
    state_path(s, "record", path);
    int r = cocos__read_file(path, RECORD_MAX, &b, &err);
    if (r == COCOS_OK)
        r = cocos__record_decode(b.data, b.len, &s->record, &err);
    if (r < 0 && r != COCOS_ERR_NOT_FOUND)
        cocos__log_error(COCOS_LOG_ERROR, "agent", "the stored state is given up", err);
    cocos_error_free(err);
    if (s->record.next_event == 0)
        s->record.next_event = 1;
}

static int load_computation(cocos_agent_service *s, cocos__computation **ret, cocos_error **err)
{
    cocos__buf b __attribute__((cleanup(cocos__buf_done)));
    char path[COCOS__SERVICE_PATH];
    cocos_manifest *m = NULL;

    cocos__buf_init(&b, MANIFEST_MAX + 8192);
    snprintf(path, sizeof path, "%s/runs/%" PRIu64 "/manifest.cbor", s->options.state_dir,
             s->record.runs);
    int r = cocos__read_file(path, MANIFEST_MAX, &b, err);
    if (r == COCOS_OK)
        r = cocos_manifest_from_cbor(b.data, b.len, &m, err);
    if (r < 0)
        return r;
    cocos__computation *c = cocos__computation_new(s, s->record.runs, m);
    if (!c)
        return cocos__fail_memory(err);
    r = cocos__computation_open_store(s, c, s->record.assets_wiped, err);
    if (r == COCOS_OK)
        r = cocos__computation_open_parties(s, c, err);
    if (r == COCOS_OK && s->record.start_run > c->consent->runs)
        r = cocos__consent_count(c->consent, s->record.start_run, err);
    if (r == COCOS_OK)
        c->consent->run = s->record.start_run;
    if (r == COCOS_OK)
        r = cocos__attester_note_manifest(s->attester, cocos_manifest_digest(c->manifest),
                                          cocos_deadline_in(COCOS__PROOF_NS), err);
    if (r == COCOS_OK)
        r = use_tls(s, c->manifest, err);
    if (r < 0) {
        cocos__computation_free(c);
        return r;
    }
    cocos__ring_init(&c->ring, s->record.first_event, s->record.next_event);
    *ret = c;
    return COCOS_OK;
}

static void sweep_results(cocos_agent_service *s)
{
    char path[COCOS__SERVICE_PATH];

    for (int part = 0; part < 2; part++) {
        cocos__computation_result_path(s->current, part, path);
        if (!s->record.result[part].present)
            wipe_tree(s, cocos_manifest_id(s->current->manifest), path);
    }
}

/* Everything that no record speaks for: earlier runs, a job's directory, assets of a job that
 * ended. */
static void sweep(cocos_agent_service *s)
{
    char path[COCOS__SERVICE_PATH + 16];
    cocos__computation *c = s->current;

    if (!c) {
        state_path(s, "runs", path);
        wipe_tree(s, "", path);
        return;
    }
    for (uint64_t run = c->run > 8 ? c->run - 8 : 1; run < c->run; run++) {
        snprintf(path, sizeof path, "%s/runs/%" PRIu64, s->options.state_dir, run);
        wipe_tree(s, "", path);
    }
    snprintf(path, sizeof path, "%s/job", c->dir);
    wipe_tree(s, cocos_manifest_id(c->manifest), path);
    if (s->record.assets_wiped) {
        snprintf(path, sizeof path, "%s/assets", c->dir);
        c->assets_wiped = wipe_tree(s, cocos_manifest_id(c->manifest), path) == COCOS_OK;
    }
    sweep_results(s);
}

static void interrupt_job(cocos_agent_service *s)
{
    const cocos__facts facts = {.exit_status = COCOS__NEVER};

    snprintf(s->record.failure, sizeof s->record.failure, "job.interrupted");
    s->record.assets_wiped = 1;
    cocos__report_log(s->queue, COCOS__REPORT_JOB_ENDED, cocos_manifest_id(s->current->manifest),
                      s->record.failure, 0, 0);
    state_facts(s, s->current, &facts);
    announce(s, "Failed");
    enter(s, COCOS__AGENT_JOB_FAILED);
}

static void resume(cocos_agent_service *s)
{
    cocos_error *err = NULL;

    if (load_computation(s, &s->current, &err) < 0) {
        cocos__log_error(COCOS_LOG_ERROR, "agent", "the stored computation is given up", err);
        cocos_error_free(err);
        s->record = (cocos__record){.runs = s->record.runs, .next_event = s->record.next_event};
        enter(s, COCOS__AGENT_START);
        return;
    }
    cocos__report_log(s->queue, COCOS__REPORT_RESUMED, cocos_manifest_id(s->current->manifest),
                      cocos__agent_state_name(s->record.state), 0, 0);
    if (s->record.state == COCOS__AGENT_RUNNING)
        interrupt_job(s);
    else
        advance(s);
}

int cocos__machine_open(cocos_agent_service *s, cocos_error **err)
{
    char path[COCOS__SERVICE_PATH];

    COCOS__LOCKED(&s->lock);
    state_path(s, "events", path);
    int r = cocos__queue_open(path, 0, &s->queue, err);
    if (r < 0)
        return r;
    load_record(s);
    if (s->record.state == COCOS__AGENT_IDLE) {
        cocos__report_log(s->queue, COCOS__REPORT_STARTED, "", NULL, 0, 0);
        enter(s, COCOS__AGENT_START);
    } else if (s->record.state != COCOS__AGENT_RECEIVING_MANIFEST) {
        resume(s);
    }
    sweep(s);
    if (s->current && (s->record.complete_boot_ns != 0 || !s->record.result[0].present))
        close_testimony(s, s->current);
    save(s);
    return COCOS_OK;
}

void cocos__machine_close(cocos_agent_service *s)
{
    if (s->current)
        cocos__computation_free(s->current);
    s->current = NULL;
    cocos__queue_close(s->queue);
    s->queue = NULL;
}
