/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_ENCLAVE_LOCAL_H
#define COCOS_ENCLAVE_LOCAL_H

/*
 * Enclaves of this machine. Lock order: one lock (cocos__local.lock) guards the list of records and
 * everything in them that is marked [L]; nothing slow runs under it. libvirt is the record of what
 * runs (design: doc/adr); a restart rebuilds the list from it (adopt.c).
 *
 * Threads: the supervisor (supervise.c) reads all consoles and notices deadlines and ends; the
 * reaper (reap.c) does the slow part of that; each enclave has a prober (probe.c) that asks its
 * agent's port.
 */

#include <pthread.h>

#include "codec/json.h"
#include "enclave/console.h"
#include "enclave/enclave.h"
#include "enclave/vmm.h"

#define COCOS__GUEST_PORT   7002 /* protocol.md 4.1: the agent listens there, always */
#define COCOS__EVENTS_KEPT  256
#define COCOS__CRASHED_KEPT 64

enum cocos__state {
    COCOS__CREATING,
    COCOS__BOOTING,
    COCOS__READY,
    COCOS__DEGRADED,
    COCOS__STOPPING,
    COCOS__DESTROYED,
    COCOS__CRASHED
};

typedef struct cocos__local_config {
    char state_dir[208];
    char runtime_dir[208];
    char root[240]; /* of the embedded driver: STATE/libvirt */
    char boot_id[37];
    const char *uri;
    const char *emulator;
    const char *kernel;
    const char *initrd;
    const char *images;
    const char *firmware; /* of platform "plain"; NULL: SeaBIOS */
    const char *ovmf;     /* of platform "vtpm" */
    const char *firmware_vars;
    const char *bind;
    const char *ports_taken;
    char cmdline[4096];
    uint16_t port_low;
    uint16_t port_high;
    unsigned max_vms;           /* 0: no limit */
    unsigned max_vms_per_owner; /* 0: no limit */
    uint64_t memory;
    uint64_t max_memory;
    uint32_t vcpus;
    uint32_t max_vcpus;
    int64_t ttl_ns; /* 0: none */
    int64_t max_ttl_ns;
    int64_t boot_timeout_ns;
    int64_t stop_grace_ns;
    int tpm;
    int kvm;
} cocos__local_config;

typedef struct cocos__record {
    struct cocos__record *next; /* [L] */
    int refs;                   /* [L] */

    /* Fixed once the record is in the list. */
    char id[37];
    char owner[COCOS__OWNER_MAX + 1];
    uint8_t request_id[16];
    uint8_t fields[32];
    char platform[33];
    char image[65];
    uint64_t memory;
    uint32_t vcpus;
    int64_t created_ns;       /* wall clock */
    int64_t deadline_wall_ns; /* for show; 0: none */
    int64_t deadline_boot_ns; /* what counts: CLOCK_BOOTTIME does not follow clock steps */
    char dir[300];            /* RUNTIME/vm/ID */
    char bind[16];            /* host address of the forward */

    enum cocos__state state;        /* [L] */
    char reason[COCOS__REASON_MAX]; /* [L] */
    int64_t since_ns;               /* [L] */
    int64_t create_own_ns;          /* [L] */
    uint16_t port;                  /* [L] 0: none */
    uint8_t pin[32];                /* [L] */
    int has_pin;                    /* [L] */
    unsigned waiters;               /* [L] calls that wait for it to become ready */
    int gone;                       /* [L] libvirt said that QEMU ended */
    char gone_text[128];            /* [L] */
    int paused;                     /* [L] to be asked by the reaper */
    int reap;                       /* [L] the reaper shall take it: crashed or past its deadline */
    int taken;                      /* [L] somebody is releasing it */
    int released;     /* [L] nothing of it is left but this record and its console log */
    int panic_seen;   /* supervisor only */
    int64_t panic_ns; /* supervisor only */

    cocos__console console; /* supervisor only while console_on is 1 */
    int console_on;         /* [L] */
    int console_stop;       /* [L] asks the supervisor to let go */

    pthread_t prober;
    int probing; /* prober was started and not joined; owner of `taken`, or create */
    cocos_cancel *probe_cancel;
} cocos__record;

typedef struct cocos__local {
    cocos_host base;
    cocos_host_options *options; /* texts behind config */
    cocos__local_config config;
    const cocos__vmm_ops *ops;
    cocos__vmm *vmm;
    int lock_fd;
    char instance[37];

    pthread_mutex_t lock;
    pthread_cond_t changed; /* any [L] */
    cocos__record *records; /* [L] */
    cocos__event *events;   /* [L] ring */
    uint64_t next_sequence; /* [L] */
    uint16_t next_port;     /* [L] */
    int closing;            /* [L] */
    int wake_fd;            /* eventfd: the supervisor looks again */
    int threads;            /* started: bit 1 supervisor, bit 2 reaper */
    pthread_t supervisor;
    pthread_t reaper;
} cocos__local;

/* config.c */
int cocos__local_configure(cocos__local *l, const cocos_host_options *o, cocos_error **err);

/* records.c: all under the lock, except _new and _free */
cocos__record *cocos__record_new(const cocos__local *l, const char *id);
void cocos__record_free(cocos__record *r);
void cocos__record_insert(cocos__local *l, cocos__record *r);
void cocos__record_remove(cocos__local *l, cocos__record *r); /* drops the list's reference */
void cocos__record_unref(cocos__record *r);
cocos__record *cocos__record_find(cocos__local *l, const char *id);
void cocos__record_state(cocos__local *l,
                         cocos__record *r,
                         enum cocos__state state,
                         const char *reason);
int cocos__record_lives(const cocos__record *r); /* counts against limits */
int cocos__record_visible(const cocos__record *r, const cocos__caller *who);
cocos_enclave_info *cocos__record_info(const cocos__local *l, const cocos__record *r);
/* Copies one pending event after `since` that the caller may see; 0 when there is none. */
int cocos__events_next(cocos__local *l,
                       const cocos__caller *who,
                       const char *id,
                       uint64_t since,
                       cocos__event *ret,
                       uint64_t *lost);
void cocos__local_wake(cocos__local *l);

/* share.c: files that the guest reads */
int cocos__share_make(const cocos__local *l,
                      const cocos__record *r,
                      const cocos_enclave_spec *s,
                      cocos_error **err);
int cocos__environment(const char *id,
                       const cocos_enclave_spec *s,
                       cocos__buf *out,
                       cocos_error **err);

/* journal.c */
int cocos__journal_add(const cocos__local *l, const cocos__record *r, cocos_error **err);
int cocos__journal_remove(const cocos__local *l, const char *id, cocos_error **err);
/* Path of the runtime directory in a journal entry's text; 0 when it is no such entry. */
int cocos__journal_parse(const char *text, size_t len, const char *id, char dir[300]);

/* tags.c: a record as pairs of a domain's metadata and back */
#define COCOS__TAGS_MAX 20
typedef struct cocos__tags {
    cocos__vmm_pair pairs[COCOS__TAGS_MAX];
    size_t n;
    char text[COCOS__TAGS_MAX][80];
} cocos__tags;
void cocos__tags_fill(const cocos__local *l,
                      const cocos__record *r,
                      int complete,
                      cocos__tags *ret);
/* 1 and the record filled when the pairs describe an enclave whose creation was completed. */
int cocos__tags_read(const cocos__local *l,
                     const cocos__vmm_pair *pairs,
                     size_t n,
                     cocos__record *r);

/* create.c, destroy.c */
int cocos__local_create(cocos_host *h,
                        const cocos__call *call,
                        const cocos_enclave_spec *s,
                        cocos_enclave_info **ret,
                        cocos_error **err);
int cocos__local_destroy(
    cocos_host *h, const cocos__call *call, const char *id, char **record, cocos_error **err);
/* Ends everything of a record that the caller has marked `taken`. keep_console: a crashed one stays
 * readable. */
void cocos__release(
    cocos__local *l, cocos__record *r, int keep_console, cocos__json_out *rows, int *complete);
/* The host record around the rows that cocos__release() writes; it takes NULL for no record. */
int cocos__host_record_new(const cocos__record *r, cocos__json_out **ret, cocos_error **err);
int cocos__host_record_finish(cocos__json_out *o, int complete, char **ret, cocos_error **err);

/* adopt.c */
int cocos__adopt(cocos__local *l, cocos_error **err);
/* Removes every file below the embedded driver's root whose name has this id; reports each. */
typedef void (*cocos__leftover_fn)(void *user, const char *path, int gone);
void cocos__leftovers(const char *root, const char *id, cocos__leftover_fn fn, void *user);

/* supervise.c, reap.c, probe.c */
int cocos__supervisor_start(cocos__local *l, cocos_error **err);
int cocos__reaper_start(cocos__local *l, cocos_error **err);
int cocos__prober_start(cocos__local *l, cocos__record *r, cocos_error **err);
void cocos__prober_stop(cocos__local *l, cocos__record *r);
void cocos__on_vmm_event(void *user,
                         const char *id,
                         enum cocos__vmm_event what,
                         const char *detail);

/* accel.c: 1 when a tiny guest runs to its end under KVM */
int cocos__kvm_works(const char *emulator, const char *state_dir, const char *boot_id);
int cocos__tiny_guest_runs(const char *emulator, const char *accel);

/* processes.c: processes with `needle` in their command line; killed by a handle, never by number
 */
typedef int (*cocos__process_fn)(void *user, int pid, const char *args, size_t len);
void cocos__processes(const char *needle, cocos__process_fn fn, void *user);
int cocos__process_kill(int pid, const char *needle);

#endif
