/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_ENCLAVE_VMM_H
#define COCOS_ENCLAVE_VMM_H

/*
 * What the private module libcocos-host.so offers: virtual machines through libvirt, and nothing of
 * what an enclave is. Records, shares, ports, deadlines and owners are the business of the callers;
 * they travel through libvirt as the pairs of a domain's metadata.
 */

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

#define COCOS__VMM_ID_LEN 36 /* a UUID in its text form; also the domain's UUID */

typedef struct cocos__vmm cocos__vmm;

typedef struct cocos__vmm_pair {
    const char *name; /* [a-z_]+ */
    const char *value;
} cocos__vmm_pair;

enum cocos__vmm_event {
    COCOS__VMM_GONE = 1,  /* no QEMU any more; detail says how it ended */
    COCOS__VMM_PAUSED = 2 /* QEMU lives, the guest does not run: ask broken() */
};

/* From a thread of the module, which must not be held up; texts live for the call. */
typedef void (*cocos__vmm_event_fn)(void *user,
                                    const char *id,
                                    enum cocos__vmm_event what,
                                    const char *detail);

typedef struct cocos__vmm_config {
    const char
        *uri; /* "auto": the system's daemon if it answers, else embedded; or a libvirt URI */
    const char *root; /* directory of the embedded driver, 0700 */
    const char
        *instance; /* domains of others (their pair "instance" differs) are not ours to see */
    cocos__vmm_event_fn event;
    void *user;
} cocos__vmm_config;

typedef struct cocos__vmm_machine {
    const char *id;
    const char *platform; /* "plain" or "vtpm"; render_platform() decides about others */
    const char *emulator;
    int kvm;
    uint64_t memory; /* bytes, whole MiB */
    uint32_t vcpus;
    const char *kernel;
    const char *initrd;
    const char *cmdline;
    const char *firmware;      /* NULL: SeaBIOS, else a flash image of OVMF code */
    const char *firmware_vars; /* template of its variables */
    const char *nvram;         /* where the machine's own copy of them goes */
    const char *env_dir;
    const char *certs_dir;
    const char *console_socket; /* QEMU listens here */
    int tpm;
    const char *label; /* "+UID:+GID" that QEMU must run as under a system daemon; NULL: as it is */
    const cocos__vmm_pair *pairs;
    size_t n_pairs;
} cocos__vmm_machine;

/* One machine that runs; texts live for the call. A negative return ends the listing. */
typedef int (*cocos__vmm_list_fn)(void *user,
                                  const char *id,
                                  const cocos__vmm_pair *pairs,
                                  size_t n_pairs);

typedef struct cocos__vmm_ops {
    const char *version; /* cocos_version() of the build; any other is refused */

    int (*open)(const cocos__vmm_config *config, cocos__vmm **ret, cocos_error **err);
    void (*close)(cocos__vmm *v); /* machines go on */
    /* 1 when the driver runs inside this process, so that nobody else watches its children. */
    int (*embedded)(const cocos__vmm *v);
    int (*alive)(cocos__vmm *v); /* 0 once the connection to libvirt is lost */
    int (*start)(cocos__vmm *v, const cocos__vmm_machine *m, cocos_error **err);
    /*
     * Forward host_address:port to the guest's port. The forward is the reservation: *taken is 1
     * (and the result OK) when somebody else has that port.
     */
    int (*forward)(cocos__vmm *v,
                   const char *id,
                   const char *host_address,
                   uint16_t port,
                   uint16_t guest_port,
                   int *taken,
                   cocos_error **err);
    /* Replace the metadata. */
    int (*annotate)(cocos__vmm *v,
                    const char *id,
                    const cocos__vmm_pair *pairs,
                    size_t n_pairs,
                    cocos_error **err);
    /* Machines of our instance; under the embedded driver all machines (without pairs: not made by
     * us). */
    int (*list)(cocos__vmm *v, cocos__vmm_list_fn fn, void *user, cocos_error **err);
    /* Press the power button; whether the guest follows shows in an event. */
    void (*shutdown)(cocos__vmm *v, const char *id);
    /* Terminate, and kill when that takes too long; OK when it does not exist. */
    int (*stop)(cocos__vmm *v, const char *id, cocos_error **err);
    int (*exists)(cocos__vmm *v, const char *id);
    /* 1 when the guest cannot go on (QEMU's own state of it, e.g. "internal-error", in why), else
     * 0. */
    int (*broken)(cocos__vmm *v, const char *id, char why[64]);
    /* The domain document that start() would use; caller frees. */
    int (*render)(const cocos__vmm_machine *m, char **ret, cocos_error **err);
} cocos__vmm_ops;

/* The one function that the module exports. */
#define COCOS__VMM_ENTRY "cocos__host_module"
const cocos__vmm_ops *cocos__host_module(void);

/* Loads the module on first use. */
int cocos__vmm_ops_get(const cocos__vmm_ops **ret, cocos_error **err);

#endif
