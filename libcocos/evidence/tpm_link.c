/* SPDX-License-Identifier: Apache-2.0 */
/* The way to the TPM: transport, context, what it can do. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <tss2/tss2_tcti_device.h>
#include <tss2/tss2_tcti_swtpm.h>

#include "crypto/digest.h"
#include "evidence/tpm.h"

typedef TSS2_RC (*tcti_init)(TSS2_TCTI_CONTEXT *context, size_t *size, const char *conf);

/* Those that we link; nothing is loaded at run time. */
static const struct {
    const char *prefix;
    tcti_init init;
} transports[] = {{"device:", Tss2_Tcti_Device_Init}, {"swtpm:", Tss2_Tcti_Swtpm_Init}};

int cocos__tpm_fail(cocos_error **err, TSS2_RC rc, const char *what)
{
    /* Layers of TSS2_RC: 0 is the TPM itself, 10 the transport (TCG TSS 2.0 Overview, section 6).
     */
    unsigned layer = (rc >> 16) & 0xff;

    if ((rc & 0xffff) == TSS2_BASE_RC_MEMORY && layer)
        return cocos__fail_memory(err);
    return cocos__fail(err, COCOS_ERR_IO, "evidence.device", "the TPM did not %s: %s 0x%08x", what,
                       layer == 0    ? "its answer was"
                       : layer == 10 ? "its transport said"
                                     : "the TSS said",
                       (unsigned)rc);
}

size_t cocos__tpm_bank_size(const cocos__tpm_bank *bank)
{
    return cocos__digest_size(bank->digest);
}

/* /dev/tpm0 only where there is no resource manager (vtpm.md section 1). */
static const char *conf_of(const cocos__evidence_config *c)
{
    if (*c->tcti)
        return c->tcti;
    return access("/dev/tpmrm0", F_OK) < 0 && access("/dev/tpm0", F_OK) == 0 ? "device:/dev/tpm0"
                                                                             : "device:/dev/tpmrm0";
}

static int open_transport(cocos__tpm *t, tcti_init init, const char *conf, cocos_error **err)
{
    size_t size = 0;

    TSS2_RC rc = init(NULL, &size, conf);
    if (rc != TSS2_RC_SUCCESS)
        return cocos__tpm_fail(err, rc, "get a transport");
    t->tcti = calloc(1, size);
    if (!t->tcti)
        return cocos__fail_memory(err);
    rc = init(t->tcti, &size, conf);
    if (rc == TSS2_RC_SUCCESS)
        return COCOS_OK;
    free(t->tcti);
    t->tcti = NULL;
    return cocos__tpm_fail(err, rc, "let us connect");
}

static int check_device(const char *path, cocos_error **err)
{
    if (access(path, R_OK | W_OK) == 0)
        return COCOS_OK;
    return cocos__fail_errno(err, errno, "evidence.device", "cannot use %s", path);
}

static int connect_transport(cocos__tpm *t, cocos_error **err)
{
    const char *conf = conf_of(t->config);

    for (size_t i = 0; i < COCOS__ARRAY_LEN(transports); i++) {
        size_t n = strlen(transports[i].prefix);
        if (strncmp(conf, transports[i].prefix, n) != 0)
            continue;
        int r = i == 0 ? check_device(conf + n, err) : COCOS_OK;
        return r < 0 ? r : open_transport(t, transports[i].init, conf + n, err);
    }
    return cocos__fail(err, COCOS_ERR_UNSUPPORTED, "evidence.tcti",
                       "a TPM is named device:PATH, swtpm:path=SOCKET or swtpm:host=NAME,port=N, "
                       "not %s",
                       conf);
}

/* ---- banks ---- */

static int digest_of(TPMI_ALG_HASH alg)
{
    switch (alg) {
    case TPM2_ALG_SHA1:
        return COCOS__SHA1;
    case TPM2_ALG_SHA256:
        return COCOS__SHA256;
    case TPM2_ALG_SHA384:
        return COCOS__SHA384;
    case TPM2_ALG_SHA512:
        return COCOS__SHA512;
    default:
        return 0;
    }
}

/* A bank without PCRs is not active; one of another algorithm is neither quoted nor extended. */
static void add_bank(cocos__tpm *t, const TPMS_PCR_SELECTION *s)
{
    cocos__tpm_bank b = {.alg = s->hash, .digest = digest_of(s->hash)};

    for (size_t i = 0; i < sizeof b.select && i < s->sizeofSelect; i++)
        b.select[i] = s->pcrSelect[i];
    if (b.digest && (b.select[0] | b.select[1] | b.select[2]) && t->n_banks < COCOS__TPM_BANKS)
        t->bank[t->n_banks++] = b;
}

static int learn_banks(cocos__tpm *t, cocos_error **err)
{
    TPMS_CAPABILITY_DATA *data = NULL;
    TPMI_YES_NO more = 0;

    TSS2_RC rc = Esys_GetCapability(t->esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
                                    TPM2_CAP_PCRS, 0, 1, &more, &data);
    if (rc != TSS2_RC_SUCCESS)
        return cocos__tpm_fail(err, rc, "tell its PCR banks");
    t->n_banks = 0;
    for (uint32_t i = 0; i < data->data.assignedPCR.count && i < TPM2_NUM_PCR_BANKS; i++)
        add_bank(t, &data->data.assignedPCR.pcrSelections[i]);
    Esys_Free(data);
    return t->n_banks > 0 ? COCOS_OK
                          : cocos__fail(err, COCOS_ERR_UNSUPPORTED, "evidence.device",
                                        "the TPM has no active PCR bank of a known algorithm");
}

static int start(cocos__tpm *t, cocos_error **err)
{
    TSS2_RC rc = Esys_Initialize(&t->esys, t->tcti, NULL);

    if (rc != TSS2_RC_SUCCESS)
        return cocos__tpm_fail(err, rc, "give a context");
    rc = Esys_Startup(t->esys, TPM2_SU_CLEAR);
    if (rc != TSS2_RC_SUCCESS && rc != TPM2_RC_INITIALIZE) /* firmware or kernel did it before */
        return cocos__tpm_fail(err, rc, "start");
    return learn_banks(t, err);
}

int cocos__tpm_connect(cocos__tpm *t, cocos_error **err)
{
    int r = connect_transport(t, err);

    if (r == COCOS_OK)
        r = start(t, err);
    if (r < 0)
        cocos__tpm_disconnect(t);
    return r;
}

void cocos__tpm_disconnect(cocos__tpm *t)
{
    if (t->esys)
        Esys_Finalize(&t->esys);
    if (t->tcti) {
        Tss2_Tcti_Finalize(t->tcti);
        free(t->tcti);
    }
    t->tcti = NULL;
    t->ak = ESYS_TR_NONE;
}
