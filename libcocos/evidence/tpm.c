/* SPDX-License-Identifier: Apache-2.0 */
/* The TPM as a provider: quotes of all banks, the logs beside them, the list of extends. */
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "base/log.h"
#include "codec/cbor.h"
#include "evidence/evidence.h"
#include "evidence/tpm.h"

#define LOG_MAX   (1u << 20) /* bytes of event log, and of IMA list */
#define IMA_TRIES 4

static void tpm_close(void *state)
{
    cocos__tpm *t = state;

    cocos__tpm_disconnect(t);
    cocos__buf_done(&t->ak_pub);
    cocos__pubkey_free(t->ak_key);
    free(t);
}

COCOS__DEFINE_FREEP(tpm_closep, cocos__tpm *, tpm_close)

static int
tpm_open(const cocos__evidence_config *c, void **state, cocos__buf *how, cocos_error **err)
{
    COCOS__CLEANUP(tpm_closep) cocos__tpm *t = calloc(1, sizeof *t);
    int made = 0;

    if (!t)
        return cocos__fail_memory(err);
    t->config = c;
    t->ak = ESYS_TR_NONE;
    cocos__buf_init(&t->ak_pub, sizeof(TPMT_PUBLIC));
    int r = cocos__tpm_connect(t, err);
    if (r == COCOS_OK)
        r = cocos__tpm_load_ak(t, &made, err);
    if (r < 0)
        return r;
    cocos__buf_printf(how, "%zu banks, attestation key %s", t->n_banks, made ? "made" : "found");
    *state = COCOS__STEAL(t);
    return COCOS_OK;
}

static const uint8_t *tpm_key(const void *state)
{
    return ((const cocos__tpm *)state)->ak_digest;
}

/* After a failure nobody knows where the conversation stands, so it begins anew. */
static int reconnect(cocos__tpm *t, cocos_error **err)
{
    int made;

    if (t->tcti)
        return COCOS_OK;
    int r = cocos__tpm_connect(t, err);
    return r < 0 ? r : cocos__tpm_load_ak(t, &made, err);
}

/* ---- logs ---- */

/* Appends a log of the kernel; one that is not there, or does not fit, is left out: the verdict
 * then says what is not explained. */
static int read_log(const cocos__tpm *t, const char *name, cocos__buf *to, cocos_error **err)
{
    COCOS__CLEANUP(cocos__error_freep) cocos_error *why = NULL;
    char path[4096];

    if (snprintf(path, sizeof path, "%s/%s", t->config->security_dir, name) >= (int)sizeof path)
        return cocos__fail(err, COCOS_ERR_USAGE, "io.path", "the path of %s is too long", name);
    int r = cocos__read_file(path, LOG_MAX, to, &why);
    if (r == COCOS_OK || r == COCOS_ERR_NOT_FOUND)
        return COCOS_OK;
    if (r == COCOS_ERR_MEMORY)
        return cocos__fail_memory(err);
    if (r == COCOS_ERR_EXHAUSTED) {
        cocos__log_error(COCOS_LOG_WARN, "evidence", "a log is left out", why);
        cocos__buf_reset(to);
        return COCOS_OK;
    }
    return cocos__fail_cause(err, 0, "evidence.log", COCOS__STEAL(why),
                             "a log that belongs to the quotes cannot be read");
}

static int read_ima(const cocos__tpm *t, cocos__buf *to, cocos_error **err)
{
    cocos__buf_reset(to);
    return read_log(t, "integrity/ima/ascii_runtime_measurements", to, err);
}

static void drop_empty(cocos__ask *ask)
{
    if (ask->part[ask->n - 1].data.len > 0)
        return;
    cocos__buf_done(&ask->part[ask->n - 1].data);
    ask->n--;
}

/* ---- evidence ---- */

typedef struct quotes {
    cocos__tpm_quoted of[COCOS__TPM_BANKS];
} quotes;

static void quotes_done(quotes *q)
{
    for (size_t i = 0; i < COCOS__TPM_BANKS; i++)
        cocos__tpm_quoted_done(&q->of[i]);
}

static int quote_all(cocos__tpm *t, const cocos__ask *ask, quotes *q, cocos_error **err)
{
    int r = COCOS_OK;

    quotes_done(q);
    for (size_t i = 0; r == COCOS_OK && i < t->n_banks; i++)
        r = cocos__tpm_quote(t, &t->bank[i], ask, &q->of[i], err);
    return r;
}

/* Quotes between two readings of a list that did not grow: PCR 10 is what the list makes of it. */
static int
quote_with_ima(cocos__tpm *t, const cocos__ask *ask, quotes *q, cocos__buf *ima, cocos_error **err)
{
    COCOS__CLEANUP(cocos__buf_done) cocos__buf before;

    cocos__buf_init(&before, LOG_MAX + 4096);
    int r = read_ima(t, ima, err);
    for (int i = 0; r == COCOS_OK && i < IMA_TRIES; i++) {
        cocos__buf_reset(&before);
        cocos__buf_add(&before, ima->data, ima->len);
        r = quote_all(t, ask, q, err);
        if (r == COCOS_OK)
            r = read_ima(t, ima, err);
        if (r == COCOS_OK && before.len == ima->len && !before.failed)
            return COCOS_OK;
    }
    if (r == COCOS_OK)
        cocos__log(COCOS_LOG_WARN, "evidence",
                   "the kernel's list of measured files grew with each quote");
    return r;
}

/* [[PCR, what, digest] ...], in the order in which they were done. */
static void put_extends(const cocos__tpm *t, cocos__buf *b)
{
    cocos__cbor_put_array(b, t->n_extended);
    for (size_t i = 0; i < t->n_extended; i++) {
        cocos__cbor_put_array(b, 3);
        cocos__cbor_put_uint(b, COCOS__PCR_MANIFEST);
        cocos__cbor_put_text(b, COCOS__EXTEND_MANIFEST);
        cocos__cbor_put_bytes(b, t->extended[i], sizeof t->extended[i]);
    }
}

static int collect(cocos__tpm *t, cocos__ask *ask, cocos_error **err)
{
    COCOS__CLEANUP(cocos__freep) quotes *q = calloc(1, sizeof *q);
    cocos__buf *message = cocos__ask_part(ask, COCOS__MEDIA_TPM_QUOTES, COCOS__TPM_MESSAGE_MAX);

    if (!q)
        return cocos__fail_memory(err);
    /* In the order of the envelope, the IMA list last so that it may be left out. */
    cocos__buf *log = cocos__ask_part(ask, COCOS__MEDIA_EVENT_LOG, LOG_MAX + 4096);
    int r = read_log(t, "tpm0/binary_bios_measurements", log, err);
    drop_empty(ask);
    cocos__buf *ima = cocos__ask_part(ask, COCOS__MEDIA_IMA_LOG, LOG_MAX + 4096);
    if (r == COCOS_OK)
        r = quote_with_ima(t, ask, q, ima, err);
    drop_empty(ask);
    if (r == COCOS_OK)
        r = cocos__tpm_message(t, q->of, message, err);
    quotes_done(q);
    if (r == COCOS_OK && t->n_extended > 0)
        put_extends(t, cocos__ask_part(ask, COCOS__MEDIA_EXTENDS, 8192));
    return r;
}

static int tpm_collect(void *state, cocos__ask *ask, cocos_error **err)
{
    cocos__tpm *t = state;

    int r = reconnect(t, err);
    if (r == COCOS_OK)
        r = collect(t, ask, err);
    if (r < 0)
        cocos__tpm_disconnect(t);
    return r;
}

static int tpm_extend(void *state, cocos__ask *ask, cocos_error **err)
{
    cocos__tpm *t = state;
    int r = COCOS_OK;

    if (t->n_extended == COCOS__TPM_EXTENDS_MAX)
        return cocos__fail(err, COCOS_ERR_EXHAUSTED, "evidence.extends",
                           "%d manifests were measured since this machine started",
                           COCOS__TPM_EXTENDS_MAX);
    if (ask->what == COCOS__ASK_EXTEND) {
        r = reconnect(t, err);
        if (r == COCOS_OK)
            r = cocos__tpm_extend(t, ask->manifest, err);
        if (r < 0)
            cocos__tpm_disconnect(t);
    }
    if (r == COCOS_OK)
        memcpy(t->extended[t->n_extended++], ask->manifest, sizeof ask->manifest);
    return r;
}

const cocos__provider cocos__provider_tpm = {
    .name = "tpm",
    .open = tpm_open,
    .collect = tpm_collect,
    .extend = tpm_extend,
    .key = tpm_key,
    .close = tpm_close,
};
