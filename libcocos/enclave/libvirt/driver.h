/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_ENCLAVE_LIBVIRT_DRIVER_H
#define COCOS_ENCLAVE_LIBVIRT_DRIVER_H

#include <libvirt/libvirt.h>

#include "enclave/vmm.h"

struct cocos__vmm {
    virConnectPtr conn;
    int embedded;
    int lifecycle; /* callback ids, -1: none */
    int io_error;
    char *instance;
    cocos__vmm_event_fn event;
    void *user;
};

COCOS__DEFINE_FREEP(cocos__domain_freep, virDomainPtr, virDomainFree)

/* The last error of this thread's libvirt call, as one of ours. */
int cocos__fail_libvirt(cocos_error **err, const char *code, const char *what);

int cocos__vmm_open(const cocos__vmm_config *config, cocos__vmm **ret, cocos_error **err);
void cocos__vmm_close(cocos__vmm *v);

/* unfinished.c: before the embedded driver opens, removes the state of domains whose start was cut
 * short. */
void cocos__vmm_forget_unfinished(const char *root);

/* Registers for what happens to domains. */
int cocos__vmm_events_start(cocos__vmm *v, cocos_error **err);
void cocos__vmm_events_stop(cocos__vmm *v);

/* The domain with this id, or NULL. */
virDomainPtr cocos__vmm_domain(cocos__vmm *v, const char *id);

int cocos__vmm_start(cocos__vmm *v, const cocos__vmm_machine *m, cocos_error **err);
int cocos__vmm_forward(cocos__vmm *v,
                       const char *id,
                       const char *host_address,
                       uint16_t port,
                       uint16_t guest_port,
                       int *taken,
                       cocos_error **err);
int cocos__vmm_annotate(
    cocos__vmm *v, const char *id, const cocos__vmm_pair *pairs, size_t n_pairs, cocos_error **err);
int cocos__vmm_list(cocos__vmm *v, cocos__vmm_list_fn fn, void *user, cocos_error **err);
void cocos__vmm_shutdown(cocos__vmm *v, const char *id);
int cocos__vmm_stop(cocos__vmm *v, const char *id, cocos_error **err);
int cocos__vmm_exists(cocos__vmm *v, const char *id);
int cocos__vmm_broken(cocos__vmm *v, const char *id, char why[64]);

#endif
