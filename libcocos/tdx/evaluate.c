/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TCB status as Intel's quote verification library computes it (tdxEvaluateTCB): the platform's
 * level counts even when the module has one of its own.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "tdx/tcb.h"

static const char *const names[COCOS__TDX_STATUSES] = {
    "UpToDate",
    "SWHardeningNeeded",
    "ConfigurationNeeded",
    "ConfigurationAndSWHardeningNeeded",
    "OutOfDate",
    "OutOfDateConfigurationNeeded",
    "Revoked",
    "NotSupported",
    "TDRelaunchAdvised",
    "TDRelaunchAdvisedConfigurationNeeded",
};

const char *cocos__tdx_status_name(int status)
{
    return status >= 0 && status < COCOS__TDX_STATUSES ? names[status] : "unknown";
}

int cocos__tdx_status_by_name(const char *name, size_t len)
{
    for (int i = 0; i < COCOS__TDX_STATUSES; i++) {
        if (strlen(names[i]) == len && memcmp(names[i], name, len) == 0)
            return i;
    }
    return -1;
}

const cocos__tdx_module *cocos__tdx_module_of(const cocos__tdx_tcb_info *t,
                                              const uint8_t tee_tcb_svn[16])
{
    char id[16];

    if (tee_tcb_svn[1] == 0)
        return &t->base;
    snprintf(id, sizeof id, "TDX_%02x", tee_tcb_svn[1]);
    for (size_t i = 0; i < t->n_modules; i++) {
        if (strcasecmp(t->modules[i].id, id) == 0)
            return &t->modules[i];
    }
    return NULL;
}

static int at_least(const uint8_t *a, const uint8_t *b, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++) {
        if (a[i] < b[i])
            return 0;
    }
    return 1;
}

/* With a module version, components 0 and 1 are the module's and judged by its own levels. */
static const cocos__tdx_level *
platform_level(const cocos__tdx_levels *levels, const cocos__tdx_sgx *sgx, const uint8_t *svn)
{
    for (size_t i = 0; i < levels->n; i++) {
        const cocos__tdx_level *l = &levels->at[i];
        if (at_least(sgx->components, l->sgx, 0, 16) && sgx->pce_svn >= l->pce_svn &&
            at_least(svn, l->tdx, svn[1] > 0 ? 2 : 0, 16))
            return l;
    }
    return NULL;
}

static const cocos__tdx_level *svn_level(const cocos__tdx_levels *levels, uint16_t svn)
{
    for (size_t i = 0; i < levels->n; i++) {
        if (svn >= levels->at[i].isv_svn)
            return &levels->at[i];
    }
    return NULL;
}

static int converge(int platform, int module, int enclave)
{
    if (module == COCOS__TDX_REVOKED || enclave == COCOS__TDX_REVOKED)
        return COCOS__TDX_REVOKED;
    if (module != COCOS__TDX_OUT_OF_DATE && enclave != COCOS__TDX_OUT_OF_DATE)
        return platform;
    if (platform == COCOS__TDX_UP_TO_DATE || platform == COCOS__TDX_SW_HARDENING)
        return COCOS__TDX_OUT_OF_DATE;
    if (platform == COCOS__TDX_CONFIGURATION || platform == COCOS__TDX_CONFIGURATION_SW_HARDENING)
        return COCOS__TDX_OUT_OF_DATE_CONFIGURATION;
    return platform;
}

cocos__tdx_evaluation cocos__tdx_evaluate(const cocos__tdx_tcb_info *t,
                                          const cocos__tdx_qe_identity *q,
                                          const cocos__tdx_sgx *sgx,
                                          const uint8_t tee_tcb_svn[16],
                                          uint16_t qe_isv_svn)
{
    cocos__tdx_evaluation e = {.status = COCOS__TDX_NOT_SUPPORTED};
    int module = COCOS__TDX_UP_TO_DATE;

    e.platform = platform_level(&t->levels, sgx, tee_tcb_svn);
    e.enclave = svn_level(&q->levels, qe_isv_svn);
    if (tee_tcb_svn[1] > 0) {
        const cocos__tdx_module *m = cocos__tdx_module_of(t, tee_tcb_svn);
        e.module = m ? svn_level(&m->levels, tee_tcb_svn[0]) : NULL;
        if (!e.module)
            return e;
        module = e.module->status;
    }
    if (e.platform && e.enclave)
        e.status = converge(e.platform->status, module, e.enclave->status);
    return e;
}

int cocos__tdx_relaunch(int launch, int current)
{
    if (launch == COCOS__TDX_NOT_SUPPORTED || current == COCOS__TDX_NOT_SUPPORTED)
        return COCOS__TDX_NOT_SUPPORTED;
    if ((launch != COCOS__TDX_OUT_OF_DATE && launch != COCOS__TDX_OUT_OF_DATE_CONFIGURATION) ||
        current > COCOS__TDX_CONFIGURATION_SW_HARDENING)
        return launch;
    if (launch == COCOS__TDX_OUT_OF_DATE_CONFIGURATION || current == COCOS__TDX_CONFIGURATION ||
        current == COCOS__TDX_CONFIGURATION_SW_HARDENING)
        return COCOS__TDX_RELAUNCH_CONFIGURATION;
    return COCOS__TDX_RELAUNCH;
}
