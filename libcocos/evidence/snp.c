/* SPDX-License-Identifier: Apache-2.0 */
/* SEV-SNP as a provider: by configfs-tsm, or by the device where the kernel has only that. */
#include <string.h>

#include "crypto/digest.h"
#include "evidence/snp_device.h"
#include "evidence/tsm.h"
#include "snp/table.h"

#define REPORT_SIZE 1184 /* AMD 56860, ATTESTATION_REPORT */
#define REPORT_DATA 0x050
#define REPORT_VMPL 0x030

typedef struct snp {
    const cocos__evidence_config *config; /* lives as long as the lane */
    int fd;                               /* of the device; -1: configfs-tsm */
    int svsm;
    int level; /* VMPL that the device took; -1: not known yet */
} snp;

static void snp_close(void *state)
{
    snp *s = state;

    if (s->fd >= 0)
        cocos__snp_device_close(s->fd);
    free(s);
}

COCOS__DEFINE_FREEP(snp_closep, snp *, snp_close)

static int is_absent(int r)
{
    return r == COCOS_ERR_NOT_FOUND || r == COCOS_ERR_DENIED || r == COCOS_ERR_UNSUPPORTED;
}

/* An SVSM speaks for the lowest level, so one that wants another level does not want the SVSM. */
static int open_tsm(snp *s, cocos__buf *how, cocos_error **err)
{
    int r = cocos__tsm_probe(s->config->tsm_dir, "sev_guest", &s->svsm, err);

    if (r < 0)
        return r;
    s->svsm = s->svsm && s->config->vmpl <= 0;
    cocos__buf_printf(how, "by %s%s", s->config->tsm_dir, s->svsm ? ", asked for by the SVSM" : "");
    return COCOS_OK;
}

static int open_device(snp *s, cocos_error *tsm, cocos__buf *how, cocos_error **err)
{
    int r = cocos__snp_device_open(s->config->sev_guest, &s->fd, err);

    if (r < 0) {
        if (err && *err)
            cocos__error_set_cause(*err, tsm);
        else
            cocos_error_free(tsm);
        return r;
    }
    cocos__buf_printf(how, "by %s, since %s", s->config->sev_guest, cocos_error_message(tsm));
    cocos_error_free(tsm);
    return COCOS_OK;
}

static int
snp_open(const cocos__evidence_config *c, void **state, cocos__buf *how, cocos_error **err)
{
    COCOS__CLEANUP(snp_closep) snp *s = calloc(1, sizeof *s);
    COCOS__CLEANUP(cocos__error_freep) cocos_error *why = NULL;

    if (!s)
        return cocos__fail_memory(err);
    s->config = c;
    s->fd = -1;
    s->level = c->vmpl;
    int r = open_tsm(s, how, &why);
    if (is_absent(r))
        r = open_device(s, COCOS__STEAL(why), how, err);
    else if (r < 0 && err)
        *err = COCOS__STEAL(why);
    if (r < 0)
        return r;
    *state = COCOS__STEAL(s);
    return COCOS_OK;
}

/* ---- a report ---- */

/* What must stand in the data slot: with an SVSM it is bound to its manifest (vtpm.md section 4).
 */
static int wanted_data(
    const cocos__ask *ask, const cocos__buf *manifest, int svsm, uint8_t out[64], cocos_error **err)
{
    COCOS__CLEANUP(cocos__hasher_freep) cocos__hasher *h = NULL;

    memcpy(out, ask->report_data, 64);
    if (!svsm)
        return COCOS_OK;
    int r = cocos__hasher_new(COCOS__SHA512, &h, err);
    if (r == COCOS_OK)
        r = cocos__hasher_update(h, ask->report_data, 64, err);
    if (r == COCOS_OK)
        r = cocos__hasher_update(h, manifest->data, manifest->len, err);
    return r < 0 ? r : cocos__hasher_finish(h, out, err);
}

/* A wrong answer is found here, where the device can be named, and not by the peer. */
static int
check_report(const snp *s, const cocos__ask *ask, const cocos__tsm_answer *a, cocos_error **err)
{
    uint8_t want[64];

    if (a->report.len != REPORT_SIZE)
        return cocos__fail(err, COCOS_ERR_IO, "evidence.device",
                           "the report of the processor has %zu bytes, not %d", a->report.len,
                           REPORT_SIZE);
    int r = wanted_data(ask, &a->manifest, s->svsm, want, err);
    if (r < 0)
        return r;
    if (memcmp(a->report.data + REPORT_DATA, want, sizeof want) != 0)
        return cocos__fail(err, COCOS_ERR_IO, "evidence.device",
                           "the report of the processor is for other data than it was asked for");
    uint32_t level = cocos__u32le(a->report.data + REPORT_VMPL);
    if (s->level >= 0 && !s->svsm && level != (uint32_t)s->level)
        return cocos__fail(err, COCOS_ERR_IO, "evidence.device",
                           "the report of the processor is for VMPL %u, not %d", level, s->level);
    return COCOS_OK;
}

/* A table comes in whole pages, a device without certificates gives zeros. */
static size_t table_length(const cocos__buf *b)
{
    cocos__snp_table table;
    size_t end = 0;

    if (cocos__snp_table_parse((cocos__span){b->data, b->len}, &table, NULL) < 0)
        return b->len; /* the verifier will say what is wrong with it */
    for (size_t i = 0; i < table.n; i++) {
        size_t to = (size_t)(table.entry[i].blob.data - b->data) + table.entry[i].blob.len;
        end = to > end ? to : end;
    }
    return end;
}

static void add_part(cocos__ask *ask, const char *media_type, const cocos__buf *b, size_t len)
{
    if (len > 0)
        cocos__buf_add(cocos__ask_part(ask, media_type, COCOS__TSM_BLOB_MAX + 4096), b->data, len);
}

static int snp_collect(void *state, cocos__ask *ask, cocos_error **err)
{
    COCOS__CLEANUP(cocos__tsm_answer_done) cocos__tsm_answer a;
    snp *s = state;

    cocos__tsm_answer_init(&a);
    int r = s->fd < 0
                ? cocos__tsm_report(s->config->tsm_dir, ask, s->config->vmpl, s->svsm, &a, err)
                : cocos__snp_device_report(s->fd, ask, &s->level, &a.report, &a.extra, err);
    if (r == COCOS_OK)
        r = check_report(s, ask, &a, err);
    if (r < 0)
        return r;
    add_part(ask, COCOS__MEDIA_SNP_REPORT, &a.report, a.report.len);
    add_part(ask, COCOS__MEDIA_SNP_CERTS, &a.extra, a.extra.len ? table_length(&a.extra) : 0);
    add_part(ask, COCOS__MEDIA_SVSM_MANIFEST, &a.manifest, a.manifest.len);
    return COCOS_OK;
}

const cocos__provider cocos__provider_snp = {
    .name = "snp",
    .open = snp_open,
    .collect = snp_collect,
    .close = snp_close,
};
