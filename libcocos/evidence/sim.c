/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The simulator: SNP reports and TDX quotes as hardware would sign them, under a hierarchy that
 * was made with this build (sim/make_sim.c). No policy accepts them but one that lists its roots,
 * and then the verdict says "simulated".
 */
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "crypto/key.h"
#include "evidence/provider.h"

#define REPORT_SIZE   1184 /* AMD 56860, ATTESTATION_REPORT */
#define REPORT_DATA   0x050
#define REPORT_VMPL   0x030
#define REPORT_SIGNED 0x2a0
#define REPORT_R      0x2a0
#define REPORT_S      0x2e8
#define REPORT_NUMBER 48 /* significant bytes of R and S, little-endian */
#define CERTS_MAX     16384

/* Intel TDX DCAP quote, version 4: header, TD report body, then the signature data. */
#define QUOTE_SIGNED    632
#define QUOTE_DATA      (48 + 520)
#define QUOTE_SIGNATURE 64
#define TAIL_MAX        16384 /* key, QE report and its signature, PCK chain */

typedef struct sim {
    cocos_key *key;
    cocos__buf template; /* what is signed but for the data slot */
    cocos__buf rest;     /* certificates; signature data behind the signature */
} sim;

static void sim_close(void *state)
{
    sim *s = state;

    cocos_key_free(s->key);
    cocos__buf_done(&s->template);
    cocos__buf_done(&s->rest);
    free(s);
}

COCOS__DEFINE_FREEP(sim_closep, sim *, sim_close)

static int read_part(const cocos__evidence_config *c,
                     const char *name,
                     size_t limit,
                     cocos__buf *to,
                     cocos_error **err)
{
    char path[4096];

    if (!*c->simulator)
        return cocos__fail(err, COCOS_ERR_UNSUPPORTED, "evidence.simulator",
                           "the directory of the simulator's keys is not given");
    if (snprintf(path, sizeof path, "%s/%s", c->simulator, name) >= (int)sizeof path)
        return cocos__fail(err, COCOS_ERR_USAGE, "io.path",
                           "the simulator's directory is too long");
    return cocos__read_file(path, limit, to, err);
}

static int read_key(
    const cocos__evidence_config *c, const char *name, int type, cocos_key **ret, cocos_error **err)
{
    COCOS__CLEANUP(cocos__key_freep) cocos_key *key = NULL;
    COCOS__CLEANUP(cocos__buf_wipe_done) cocos__buf pem;

    cocos__buf_init(&pem, 8192);
    int r = read_part(c, name, 4096, &pem, err);
    if (r == COCOS_OK)
        r = cocos_key_from_pem(pem.data, pem.len, &key, err);
    if (r < 0)
        return r;
    if (cocos_key_type(key) != type || !cocos_key_is_private(key))
        return cocos__fail(err, COCOS_ERR_MALFORMED, "evidence.simulator",
                           "%s/%s is not the private key that signs", c->simulator, name);
    *ret = COCOS__STEAL(key);
    return COCOS_OK;
}

static int sim_open(const cocos__evidence_config *c,
                    const char *prefix,
                    int key_type,
                    size_t template_size,
                    void **state,
                    cocos__buf *how,
                    cocos_error **err)
{
    COCOS__CLEANUP(sim_closep) sim *s = calloc(1, sizeof *s);
    char name[32];

    if (!s)
        return cocos__fail_memory(err);
    cocos__buf_init(&s->template, REPORT_SIZE + 4096);
    cocos__buf_init(&s->rest, CERTS_MAX + 4096);
    snprintf(name, sizeof name, "%s-key.pem", prefix);
    int r = read_key(c, name, key_type, &s->key, err);
    snprintf(name, sizeof name, "%s-template.bin", prefix);
    if (r == COCOS_OK)
        r = read_part(c, name, template_size, &s->template, err);
    snprintf(name, sizeof name, "%s-rest.bin", prefix);
    if (r == COCOS_OK)
        r = read_part(c, name, CERTS_MAX, &s->rest, err);
    if (r < 0)
        return r;
    if (s->template.len != template_size)
        return cocos__fail(err, COCOS_ERR_MALFORMED, "evidence.simulator",
                           "%s/%s-template.bin has %zu bytes, not %zu", c->simulator, prefix,
                           s->template.len, template_size);
    cocos__buf_printf(how, "SIMULATED, proves nothing; keys in %s", c->simulator);
    *state = COCOS__STEAL(s);
    return COCOS_OK;
}

static int
open_snp(const cocos__evidence_config *c, void **state, cocos__buf *how, cocos_error **err)
{
    int r = sim_open(c, "snp", COCOS_KEY_P384, REPORT_SIZE, state, how, err);

    if (r == COCOS_OK && c->vmpl >= 0)
        cocos__put_u32le(((sim *)*state)->template.data + REPORT_VMPL, (uint32_t)c->vmpl);
    return r;
}

static int
open_tdx(const cocos__evidence_config *c, void **state, cocos__buf *how, cocos_error **err)
{
    return sim_open(c, "tdx", COCOS_KEY_P256, QUOTE_SIGNED, state, how, err);
}

/* R and S stand little-endian in the report (AMD 56860, table of the signature). */
static void put_signature(uint8_t *report, const uint8_t *rs)
{
    for (size_t i = 0; i < REPORT_NUMBER; i++) {
        report[REPORT_R + i] = rs[REPORT_NUMBER - 1 - i];
        report[REPORT_S + i] = rs[2 * REPORT_NUMBER - 1 - i];
    }
}

static int collect_snp(void *state, cocos__ask *ask, cocos_error **err)
{
    COCOS__CLEANUP(cocos__buf_done) cocos__buf rs;
    const sim *s = state;
    cocos__buf *out = cocos__ask_part(ask, COCOS__MEDIA_SNP_REPORT, REPORT_SIZE);
    cocos__buf *certs = cocos__ask_part(ask, COCOS__MEDIA_SNP_CERTS, CERTS_MAX);
    uint8_t *report = cocos__buf_room(out, REPORT_SIZE);

    cocos__buf_init(&rs, 2 * REPORT_NUMBER);
    cocos__buf_add(certs, s->rest.data, s->rest.len);
    if (!report)
        return cocos__fail_memory(err);
    memcpy(report, s->template.data, REPORT_SIZE);
    memcpy(report + REPORT_DATA, ask->report_data, sizeof ask->report_data);
    int r = cocos__key_sign(s->key, report, REPORT_SIGNED, &rs, err);
    if (r == COCOS_OK)
        put_signature(report, rs.data);
    return r;
}

static int collect_tdx(void *state, cocos__ask *ask, cocos_error **err)
{
    const sim *s = state;
    cocos__buf *out = cocos__ask_part(ask, COCOS__MEDIA_TDX_QUOTE, QUOTE_SIGNED + 4 + TAIL_MAX);
    uint8_t *signed_part = cocos__buf_room(out, QUOTE_SIGNED);

    if (!signed_part)
        return cocos__fail_memory(err);
    memcpy(signed_part, s->template.data, QUOTE_SIGNED);
    memcpy(signed_part + QUOTE_DATA, ask->report_data, sizeof ask->report_data);
    cocos__buf_add_u32le(out, (uint32_t)(QUOTE_SIGNATURE + s->rest.len));
    int r = cocos__key_sign(s->key, out->data, QUOTE_SIGNED, out, err);
    cocos__buf_add(out, s->rest.data, s->rest.len);
    return r;
}

const cocos__provider cocos__provider_sim_snp = {
    .name = "sim-snp",
    .unshared = 1,
    .open = open_snp,
    .collect = collect_snp,
    .close = sim_close,
};

const cocos__provider cocos__provider_sim_tdx = {
    .name = "sim-tdx",
    .unshared = 1,
    .open = open_tdx,
    .collect = collect_tdx,
    .close = sim_close,
};
