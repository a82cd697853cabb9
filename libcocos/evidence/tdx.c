/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TDX as a provider: quotes by configfs-tsm, the log of the firmware beside them. The device alone
 * gives a TDREPORT, which only this machine's own quoting enclave can check; so it does not do.
 */
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "evidence/tsm.h"

#define LOG_MAX (1u << 20)

/* tdx.md section 1: the header, in version 5 type and size of the body, then the body. */
#define HEADER      48
#define BODY_HEAD   6
#define REPORT_DATA 0x208

typedef struct tdx {
    const cocos__evidence_config *config; /* lives as long as the lane */
} tdx;

static void tdx_close(void *state)
{
    free(state);
}

static int
tdx_open(const cocos__evidence_config *c, void **state, cocos__buf *how, cocos_error **err)
{
    tdx *t;
    int svsm;

    int r = cocos__tsm_probe(c->tsm_dir, "tdx_guest", &svsm, err);
    if (r == COCOS_ERR_NOT_FOUND && access(c->tdx_guest, F_OK) == 0)
        return cocos__fail(err, COCOS_ERR_UNSUPPORTED, "evidence.device",
                           "%s alone gives no quotes: they need %s, which Linux 6.7 or later has",
                           c->tdx_guest, c->tsm_dir);
    if (r < 0)
        return r;
    t = calloc(1, sizeof *t);
    if (!t)
        return cocos__fail_memory(err);
    t->config = c;
    cocos__buf_printf(how, "by %s", c->tsm_dir);
    *state = t;
    return COCOS_OK;
}

/* A wrong answer is found here, where the device can be named, and not by the peer. */
static int check_quote(const cocos__ask *ask, const cocos__buf *quote, cocos_error **err)
{
    size_t at = HEADER + REPORT_DATA;

    if (quote->len >= HEADER && cocos__u16le(quote->data) >= 5)
        at += BODY_HEAD;
    if (quote->len < at + 64)
        return cocos__fail(err, COCOS_ERR_IO, "evidence.device",
                           "the quote has %zu bytes, which is no quote", quote->len);
    if (memcmp(quote->data + at, ask->report_data, 64) != 0)
        return cocos__fail(err, COCOS_ERR_IO, "evidence.device",
                           "the quote is for other data than it was asked for");
    return COCOS_OK;
}

/* The log is not signed: without it the verdict says that the registers are not explained. */
static int add_log(const tdx *t, cocos__ask *ask, cocos_error **err)
{
    COCOS__CLEANUP(cocos__error_freep) cocos_error *why = NULL;
    COCOS__CLEANUP(cocos__buf_done) cocos__buf log;

    cocos__buf_init(&log, LOG_MAX + 4096);
    int r = cocos__read_file(t->config->ccel, LOG_MAX, &log, &why);
    if (r == COCOS_ERR_MEMORY)
        return cocos__fail_memory(err);
    if (r < 0)
        cocos__log_error(r == COCOS_ERR_NOT_FOUND ? COCOS_LOG_DEBUG : COCOS_LOG_WARN, "evidence",
                         "the log of TDX's registers is left out", why);
    else if (log.len > 0)
        cocos__buf_add(cocos__ask_part(ask, COCOS__MEDIA_CCEL, LOG_MAX), log.data, log.len);
    return COCOS_OK;
}

static int tdx_collect(void *state, cocos__ask *ask, cocos_error **err)
{
    COCOS__CLEANUP(cocos__tsm_answer_done) cocos__tsm_answer a;
    const tdx *t = state;

    cocos__tsm_answer_init(&a);
    int r = cocos__tsm_report(t->config->tsm_dir, ask, -1, 0, &a, err);
    if (r == COCOS_OK)
        r = check_quote(ask, &a.report, err);
    if (r < 0)
        return r;
    cocos__buf_add(cocos__ask_part(ask, COCOS__MEDIA_TDX_QUOTE, COCOS__TSM_BLOB_MAX + 4096),
                   a.report.data, a.report.len);
    return add_log(t, ask, err);
}

const cocos__provider cocos__provider_tdx = {
    .name = "tdx",
    .open = tdx_open,
    .collect = tdx_collect,
    .close = tdx_close,
};
