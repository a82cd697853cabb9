/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_AGENT_OPTIONS_H
#define COCOS_AGENT_OPTIONS_H

#include <cocos/agent.h>

#include "base/error.h"

/* Texts are never NULL. */
struct cocos_agent_service_options {
    char *state_dir;
    char *listen;
    char *unix_path;
    char *cvms_url;
    char *cvm_id;
    char *certs_dir;
    char *cvms_cert; /* names as the environment writes them: /etc/certs/NAME */
    char *cvms_key;
    char *cvms_ca;
    char *crun;
    char *evidence; /* providers, "" for whatever is there */
    char *require;
    char *tcti;
    char *tsm_dir;
    char *sev_guest;
    char *tdx_guest;
    char *security_dir;
    char *simulator;
    int vmpl; /* -1: the lowest that the guest may ask for */
    uint64_t max_asset;
    uint64_t max_total;
    int unlimited;
};

int cocos__agent_options_copy(const cocos_agent_service_options *from,
                              cocos_agent_service_options *to,
                              cocos_error **err);
void cocos__agent_options_done(cocos_agent_service_options *o);

#endif
