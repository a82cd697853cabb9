/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_ENCLAVE_ENCLAVE_H
#define COCOS_ENCLAVE_ENCLAVE_H

/* The objects behind <cocos/enclave.h>, and what a backend (this host, or a manager) must offer. */

#include <cocos/enclave.h>

#include "base/bytes.h"
#include "base/cancel.h"
#include "base/error.h"
#include "base/secret.h"

#define COCOS__OWNER_MAX      256
#define COCOS__REASON_MAX     1024
#define COCOS__EVENTS_OF_INFO 8

/* ---- Host options (options.c): texts that were checked when they were set ---- */

enum cocos__host_option {
    COCOS__OPT_MANAGER,
    COCOS__OPT_CA,
    COCOS__OPT_CERT,
    COCOS__OPT_KEY,
    COCOS__OPT_STATE_DIR,
    COCOS__OPT_RUNTIME_DIR,
    COCOS__OPT_LIBVIRT_URI,
    COCOS__OPT_EMULATOR,
    COCOS__OPT_KERNEL,
    COCOS__OPT_INITRD,
    COCOS__OPT_IMAGES,
    COCOS__OPT_CMDLINE,
    COCOS__OPT_CMDLINE_EXTRA,
    COCOS__OPT_FIRMWARE,
    COCOS__OPT_OVMF,
    COCOS__OPT_FIRMWARE_VARS,
    COCOS__OPT_BIND,
    COCOS__OPT_PORT_RANGE,
    COCOS__OPT_PORTS_TAKEN,
    COCOS__OPT_MAX_VMS,
    COCOS__OPT_MAX_VMS_PER_OWNER,
    COCOS__OPT_ACCEL,
    COCOS__OPT_MEMORY,
    COCOS__OPT_VCPUS,
    COCOS__OPT_MAX_MEMORY,
    COCOS__OPT_MAX_VCPUS,
    COCOS__OPT_TTL,
    COCOS__OPT_MAX_TTL,
    COCOS__OPT_BOOT_TIMEOUT,
    COCOS__OPT_STOP_GRACE,
    COCOS__OPT_TPM,
    COCOS__OPT_OWNER,
    COCOS__OPT_COUNT
};

struct cocos_host_options {
    char *values[COCOS__OPT_COUNT]; /* NULL: not set */
};

/* The value that was set, or the default (which may be NULL or ""). */
const char *cocos__host_option(const cocos_host_options *o, enum cocos__host_option which);

/* ---- What is wanted of an enclave (spec.c) ---- */

enum cocos__pem { COCOS__PEM_CA, COCOS__PEM_CERT, COCOS__PEM_KEY, COCOS__PEM_COUNT };

struct cocos_enclave_spec {
    uint8_t request_id[16];
    int has_request_id;
    char platform[33];
    uint64_t memory; /* 0: the host's default */
    uint32_t vcpus;  /* 0: the host's default */
    int64_t ttl_ns;  /* 0: the host's default */
    char image[65];
    int wait_ready;
    char cvms_url[1025];
    char log_level[17];
    cocos__secret *pem[COCOS__PEM_COUNT];
};

/* Bytes of a PEM file; the text must be printable with line ends. */
int cocos__spec_set_pem(
    cocos_enclave_spec *s, enum cocos__pem which, const void *data, size_t len, cocos_error **err);
/* Digest of all fields, by which a repeated request id is told from a misused one. */
int cocos__spec_digest(const cocos_enclave_spec *s, uint8_t sha256[32], cocos_error **err);

COCOS__DEFINE_FREEP(cocos__spec_freep, cocos_enclave_spec *, cocos_enclave_spec_free)

/* ---- What is known of an enclave (info.c) ---- */

typedef struct cocos__event {
    uint64_t sequence;
    int64_t time_ns; /* wall clock */
    char id[37];
    char owner[COCOS__OWNER_MAX + 1];
    const char *state; /* static */
    char reason[COCOS__REASON_MAX];
} cocos__event;

struct cocos_enclave_info {
    char id[37];
    char owner[COCOS__OWNER_MAX + 1];
    const char *state; /* static */
    char address[64];
    char platform[33];
    char image[65];
    char reason[COCOS__REASON_MAX];
    uint8_t pin[32];
    int has_pin;
    char pin_text[7 + 64 + 1]; /* "sha256:HEX" */
    uint64_t memory;
    uint32_t vcpus;
    int64_t created_ns;
    int64_t since_ns;
    int64_t deadline_ns;
    int64_t create_own_ns;
    size_t n_events;
    struct {
        uint64_t sequence;
        int64_t time_ns;
        const char *state;
        char reason[COCOS__REASON_MAX];
    } events[COCOS__EVENTS_OF_INFO];
};

struct cocos_enclave_list {
    size_t count;
    cocos_enclave_info **items;
};

COCOS__DEFINE_FREEP(cocos__info_freep, cocos_enclave_info *, cocos_enclave_info_free)
COCOS__DEFINE_FREEP(cocos__list_freep, cocos_enclave_list *, cocos_enclave_list_free)

void cocos__info_set_pin(cocos_enclave_info *i, const uint8_t pin[32]);

/* The static name of a state that came as text; "unknown" for others. */
const char *cocos__state_name(const char *text);

/* ---- Backends ---- */

/* On whose behalf a call is made. all: may see and end enclaves of every owner. */
typedef struct cocos__caller {
    const char *owner;
    int all;
} cocos__caller;

typedef struct cocos__call {
    cocos__caller who;
    int64_t deadline_ns;
    cocos_cancel *cancel;
} cocos__call;

typedef int (*cocos__event_fn)(void *user, const cocos__event *e, uint64_t lost);

typedef struct cocos__host_ops {
    int (*create)(cocos_host *h,
                  const cocos__call *call,
                  const cocos_enclave_spec *s,
                  cocos_enclave_info **ret,
                  cocos_error **err);
    int (*get)(cocos_host *h,
               const cocos__call *call,
               const char *id,
               cocos_enclave_info **ret,
               cocos_error **err);
    int (*list)(cocos_host *h,
                const cocos__call *call,
                cocos_enclave_list **ret,
                cocos_error **err);
    int (*watch)(cocos_host *h,
                 const cocos__call *call,
                 const char *id,
                 uint64_t since,
                 cocos__event_fn fn,
                 void *user,
                 cocos_error **err);
    int (*console)(cocos_host *h,
                   const cocos__call *call,
                   const char *id,
                   int follow,
                   cocos_enclave_console_fn fn,
                   void *user,
                   cocos_error **err);
    int (*destroy)(
        cocos_host *h, const cocos__call *call, const char *id, char **record, cocos_error **err);
    void (*close)(cocos_host *h);
} cocos__host_ops;

/* First member of every backend. */
struct cocos_host {
    const cocos__host_ops *ops;
    char owner[COCOS__OWNER_MAX + 1]; /* for calls of <cocos/enclave.h> */
};

int cocos__local_open(const cocos_host_options *o,
                      int64_t deadline_ns,
                      cocos_cancel *cancel,
                      cocos_host **ret,
                      cocos_error **err);
int cocos__remote_open(const cocos_host_options *o,
                       int64_t deadline_ns,
                       cocos_cancel *cancel,
                       cocos_host **ret,
                       cocos_error **err);

/* Counters of a local host, for the manager's metrics; 0 for a remote one. */
typedef struct cocos__host_stats {
    uint64_t by_state[8]; /* in the order of cocos__state_at() */
    int alive;            /* the connection to libvirt holds */
} cocos__host_stats;
const char *cocos__state_at(size_t i); /* NULL past the last */
void cocos__host_stats_get(cocos_host *h, cocos__host_stats *ret);

#endif
