/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_AGENT_SERVICE_H
#define COCOS_AGENT_SERVICE_H

/*
 * The agent as one object. service.c puts it together, machine.c holds every change of state,
 * worker.c runs the job, link.c talks with the computation-management server, serve_*.c answer the
 * parties.
 */

#include <pthread.h>

#include <cocos/agent.h>
#include <cocos/manifest.h>

#include "agent/consent.h"
#include "agent/identity.h"
#include "agent/job.h"
#include "agent/options.h"
#include "agent/queue.h"
#include "agent/record.h"
#include "agent/ring.h"
#include "agent/state.h"
#include "agent/store.h"
#include "agent/testimony.h"
#include "evidence/evidence.h"
#include "evidence/throttle.h"
#include "rpc/rpc.h"
#include "transport/attested.h"

#define COCOS__SERVICE_PATH (COCOS__STATE_DIR_MAX + 64)

#define COCOS__CONSUMER_NONCE_MAX 64

/* One accepted manifest and what belongs to it. Counted references: a call may outlive a stop. */
typedef struct cocos__computation {
    unsigned refs; /* service lock */
    uint64_t run;  /* number of this run since boot */
    char dir[COCOS__SERVICE_PATH];
    cocos_manifest *manifest;
    cocos__store *store;
    cocos__ring ring; /* service lock */
    pthread_rwlock_t
        results; /* held for reading while a result is read; for writing to stop or wipe */
    int stopped; /* both locks; either suffices to read */
    int results_wiped;
    cocos__consent *consent;     /* service lock */
    cocos__testimony *testimony; /* service lock */
    pthread_mutex_t proving;     /* held while evidence for the statement is made */
    int assets_wiped;            /* service lock; and looked for afterwards */
    int withdrawn;               /* service lock; by a party, after the start */
} cocos__computation;

typedef struct cocos__link cocos__link;

struct cocos_agent_service {
    cocos_agent_service_options options; /* own copies */
    cocos__identity identity;
    cocos__attester *attester;
    cocos__throttle attest_throttle;
    uint8_t measurement[32]; /* SHA-256 of this program */
    cocos__queue *queue;
    cocos__rpc_server *server;
    cocos__rpc_listener *listener;
    cocos__link *link;
    char pin[80];
    char address[80];

    pthread_mutex_t lock;
    pthread_cond_t changed; /* events in a ring, work for the worker, the end */
    cocos__record record;
    cocos__computation *current; /* NULL while there is no manifest */
    int own_tls;                 /* the manifest's certificate is in use */
    cocos__job *job;             /* while one runs */
    int stopping;                /* a stop was asked for, the worker has it */
    int quitting;
    int worker_started;
    pthread_t worker;
};

/* ---- machine.c. Calls take the service's lock themselves. ---- */

/* Takes up what an earlier process of this boot left; a job that ran then has failed. */
int cocos__machine_open(cocos_agent_service *s, cocos_error **err);
void cocos__machine_close(cocos_agent_service *s);
/* Takes the manifest, also on failure. BUSY "agent.busy" while there is one. */
int cocos__machine_accept(cocos_agent_service *s, cocos_manifest *manifest_take, cocos_error **err);
/* After an upload was judged complete. */
void cocos__machine_asset_complete(cocos_agent_service *s,
                                   cocos__computation *c,
                                   const cocos__asset_status *a);
/* The consumer has the whole result. */
void cocos__machine_delivered(cocos_agent_service *s,
                              cocos__computation *c,
                              const cocos_key *consumer);
/* What the consumer sent with its request for the result, for the statement. */
void cocos__machine_note_nonce(cocos_agent_service *s,
                               cocos__computation *c,
                               const cocos_key *consumer,
                               cocos__span nonce);
/* Keeps an approval or withdrawal, taken also on failure. A withdrawal of a running job ends it.
 * STATE "approval.late"; ABORTED "computation.stopped"; as cocos__consent_add(). */
int cocos__machine_approve(cocos_agent_service *s,
                           cocos__computation *c,
                           cocos_approval *a_take,
                           cocos_error **err);
/* The job is over: failure "" or a code; results as far as there are some. Facts without start and
 * result, which the record knows. */
void cocos__machine_job_started(cocos_agent_service *s, cocos__computation *c);
void cocos__machine_job_ended(cocos_agent_service *s,
                              cocos__computation *c,
                              const char *failure,
                              const cocos__record_file results[2],
                              const cocos__facts *facts);
/* Asks for a stop; the worker does it. NOT_FOUND "computation.unknown" when `id` is not the current
 * one. */
int cocos__machine_stop(cocos_agent_service *s, const char *id, cocos_error **err);
/* The worker's part: everything of the computation is wiped, the next manifest may come. */
void cocos__machine_stopped(cocos_agent_service *s);
/* When the result is to be wiped (CLOCK_MONOTONIC; 0: never), and doing it. With the lock held /
 * not held. */
int64_t cocos__machine_wipe_due(const cocos_agent_service *s);
void cocos__machine_wipe_result(cocos_agent_service *s);

int cocos__machine_state(cocos_agent_service *s);
/* The current computation with a reference, or NULL. */
cocos__computation *cocos__machine_current(cocos_agent_service *s);

/* ---- computation.c ---- */

/* Takes the manifest, also on failure; NULL when out of memory. One reference. */
cocos__computation *
cocos__computation_new(const cocos_agent_service *s, uint64_t run, cocos_manifest *manifest_take);
/* `wiped`: its assets were complete and are gone. */
int cocos__computation_open_store(const cocos_agent_service *s,
                                  cocos__computation *c,
                                  int wiped,
                                  cocos_error **err);
/* What the parties have signed, and what is testified; after the store. */
int cocos__computation_open_parties(const cocos_agent_service *s,
                                    cocos__computation *c,
                                    cocos_error **err);
int cocos__computation_keep_manifest(const cocos__computation *c, cocos_error **err);
void cocos__computation_free(cocos__computation *c);
void cocos__computation_unref(cocos_agent_service *s, cocos__computation *c);
/* Path of part 0 or 1 of the result. */
void cocos__computation_result_path(const cocos__computation *c,
                                    int part,
                                    char out[COCOS__SERVICE_PATH]);

/* ---- worker.c ---- */
int cocos__worker_start(cocos_agent_service *s, cocos_error **err);
void cocos__worker_stop(cocos_agent_service *s);

/* ---- certs.c ---- */

/*
 * Reads a file of the share by its name in the guest, /etc/certs/NAME: a regular file of at most
 * 64 KiB directly in the options' certs_dir, links not followed. MALFORMED "certs.path" for other
 * names.
 */
int cocos__certs_read(const cocos_agent_service *s,
                      const char *name,
                      cocos__buf *out,
                      cocos_error **err);
/* What the manifest says about the port's certificate: NULL in *ret when it says nothing. */
int cocos__certs_server_tls(const cocos_agent_service *s,
                            const cocos_manifest *m,
                            cocos__tls_config **ret,
                            cocos_error **err);
/* For the computation-management server, NULL in *ret for plaintext (protocol.md 3.1). */
int cocos__certs_client_tls(const cocos_agent_service *s,
                            cocos__tls_config **ret,
                            cocos_error **err);

/* ---- link.c ---- */
int cocos__link_start(cocos_agent_service *s, cocos__link **ret, cocos_error **err);
void cocos__link_stop(cocos__link *l); /* NULL allowed */
/* A computation was stopped: tells the server, if it asked. */
void cocos__link_stopped(cocos__link *l, const char *id);

/* ---- serve_*.c: one method of cocos.v1.Agent each; user is the service ---- */
int cocos__serve_describe(cocos__rpc_call *call, void *user, cocos_error **err);
int cocos__serve_approve(cocos__rpc_call *call, void *user, cocos_error **err);
int cocos__serve_upload(cocos__rpc_call *call, void *user, cocos_error **err);
int cocos__serve_upload_status(cocos__rpc_call *call, void *user, cocos_error **err);
int cocos__serve_download(cocos__rpc_call *call, void *user, cocos_error **err);
int cocos__serve_attest(cocos__rpc_call *call, void *user, cocos_error **err);
int cocos__serve_statement(cocos__rpc_call *call, void *user, cocos_error **err);
int cocos__serve_watch(cocos__rpc_call *call, void *user, cocos_error **err);

#endif
