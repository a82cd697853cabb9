/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/testimony.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "attest/envelope.h"
#include "base/fd.h"
#include "base/log.h"

#define ROOM       8192 /* of buffers for whole files */
#define PATH_LEN   (COCOS__STATE_DIR_MAX + 128)
#define NONCE_MIN  8
#define NONCE_MAX  64
#define ASSETS_MAX COCOS__STATEMENT_ASSETS

/* One statement: index 0 for everybody but the consumers, i + 1 for consumer i. */
struct slot {
    cocos__buf statement; /* empty: not made */
    cocos__buf closure;
    uint8_t nonce[NONCE_MAX];
    size_t nonce_len;
};

struct cocos__testimony {
    cocos__testimony_about about;
    cocos_key *key; /* NULL: gone */
    uint8_t thumbprint[32];
    cocos_statement *facts; /* slot 0 as it was signed first, whoever signed it */
    cocos__buf evidence;
    int closed;
    size_t n;
    struct slot *slots;
};

/* ---- Files ---- */

static void path_of(const cocos__testimony *t, const char *what, size_t slot, char out[PATH_LEN])
{
    snprintf(out, PATH_LEN, "%s/%s.%zu", t->about.dir, what, slot);
}

static int keep(const cocos__testimony *t,
                const char *what,
                size_t slot,
                const cocos__buf *b,
                cocos_error **err)
{
    char path[PATH_LEN];

    path_of(t, what, slot, path);
    return cocos__write_file(path, b->data, b->len, 0600, err);
}

/* 1: there and read; 0: not there. */
static int
load(const cocos__testimony *t, const char *what, size_t slot, size_t max, cocos__buf *out)
{
    char path[PATH_LEN];

    path_of(t, what, slot, path);
    cocos__buf_done(out);
    cocos__buf_init(out, max + ROOM);
    if (cocos__read_file(path, max, out, NULL) == COCOS_OK && out->len > 0)
        return 1;
    cocos__buf_reset(out);
    return 0;
}

/* ---- Signing ---- */

static int
sign(cocos__testimony *t, size_t slot, const cocos__stating *s, cocos__buf *out, cocos_error **err)
{
    cocos__stating mine = *s;

    if (!t->key)
        return cocos__fail(err, COCOS_ERR_STATE, "statement.closed",
                           "the key of the statement is gone");
    size_t n = t->slots[slot].nonce_len;
    mine.consumer_nonce = (cocos__span){n ? t->slots[slot].nonce : NULL, n};
    cocos__buf_done(out);
    cocos__buf_init(out, COCOS__STATEMENT_MAX);
    int r = cocos__statement_sign(t->key, &mine, out, err);
    return r < 0 ? r : keep(t, "statement", slot, out, err);
}

/* ---- Life ---- */

static int new_key(cocos__testimony *t, cocos_error **err)
{
    int r = cocos_key_generate(COCOS_KEY_P256, &t->key, err);

    if (r == COCOS_OK)
        memcpy(t->thumbprint, cocos_key_thumbprint(t->key), sizeof t->thumbprint);
    return r;
}

static int take_facts(cocos__testimony *t, cocos_error **err)
{
    const cocos__buf *b = &t->slots[0].statement;

    cocos_statement_free(t->facts);
    t->facts = NULL;
    return cocos__statement_parse((cocos__span){b->data, b->len}, 1, &t->facts, err);
}

/* The closure of slot 0 is written last: with it everything is there. */
static void load_closed(cocos__testimony *t)
{
    for (size_t i = 0; i < t->n; i++) {
        load(t, "statement", i, COCOS__STATEMENT_MAX, &t->slots[i].statement);
        load(t, "closure", i, COCOS__STATEMENT_MAX, &t->slots[i].closure);
    }
    load(t, "evidence", 0, COCOS__ENVELOPE_MAX, &t->evidence);
    memcpy(t->thumbprint, cocos_key_thumbprint(t->facts->is.key), sizeof t->thumbprint);
    t->closed = 1;
}

static void drop_stale(const cocos__testimony *t, size_t slot)
{
    static const char *const whats[] = {"statement", "closure", "evidence"};
    char path[PATH_LEN];

    for (size_t i = slot == 0 ? 1 : 0; i < COCOS__ARRAY_LEN(whats); i++) { /* 0: the facts */
        path_of(t, whats[i], slot, path);
        unlink(path);
    }
}

static int resume(cocos__testimony *t, cocos_error **err)
{
    if (!load(t, "statement", 0, COCOS__STATEMENT_MAX, &t->slots[0].statement))
        return new_key(t, err);
    int r = take_facts(t, err);
    if (r < 0)
        return r;
    if (load(t, "closure", 0, COCOS__STATEMENT_MAX, &t->slots[0].closure)) {
        load_closed(t);
        return COCOS_OK;
    }
    /* The key of those statements, and its evidence, died with the process that signed them. */
    for (size_t i = 0; i < t->n; i++)
        drop_stale(t, i);
    cocos__buf_done(&t->slots[0].statement);
    cocos__buf_init(&t->slots[0].statement, COCOS__STATEMENT_MAX);
    return new_key(t, err);
}

int cocos__testimony_open(const cocos__testimony_about *about,
                          cocos__testimony **ret,
                          cocos_error **err)
{
    cocos__testimony *t = calloc(1, sizeof *t);

    if (!t)
        return cocos__fail_memory(err);
    t->about = *about;
    cocos__buf_init(&t->evidence, COCOS__ENVELOPE_MAX);
    t->slots = calloc(cocos_manifest_consumer_count(about->manifest) + 1, sizeof *t->slots);
    if (!t->slots) {
        cocos__testimony_free(t);
        return cocos__fail_memory(err);
    }
    t->n = cocos_manifest_consumer_count(about->manifest) + 1;
    for (size_t i = 0; i < t->n; i++) {
        cocos__buf_init(&t->slots[i].statement, COCOS__STATEMENT_MAX);
        cocos__buf_init(&t->slots[i].closure, COCOS__STATEMENT_MAX);
    }
    int r = resume(t, err);
    if (r < 0) {
        cocos__testimony_free(t);
        return r;
    }
    *ret = t;
    return COCOS_OK;
}

void cocos__testimony_free(cocos__testimony *t)
{
    if (!t)
        return;
    cocos_key_free(t->key);
    cocos_statement_free(t->facts);
    cocos__buf_done(&t->evidence);
    for (size_t i = 0; i < t->n; i++) {
        cocos__buf_done(&t->slots[i].statement);
        cocos__buf_done(&t->slots[i].closure);
    }
    free(t->slots);
    free(t);
}

const uint8_t *cocos__testimony_key(const cocos__testimony *t)
{
    return t->thumbprint;
}

int cocos__testimony_stated(const cocos__testimony *t)
{
    return t->facts != NULL;
}

int cocos__testimony_closed(const cocos__testimony *t)
{
    return t->closed;
}

/* ---- The statement ---- */

static size_t fill_assets(const cocos__testimony_about *about, cocos__used out[ASSETS_MAX])
{
    const cocos_manifest *m = about->manifest;
    static const int kinds[] = {COCOS_ASSET_ALGORITHM, COCOS_ASSET_REQUIREMENTS,
                                COCOS_ASSET_DATASET};
    size_t n = 0;

    for (size_t k = 0; k < COCOS__ARRAY_LEN(kinds); k++) {
        for (size_t i = 0; i < cocos_manifest_asset_count(m, kinds[k]); i++) {
            const char *name = cocos_manifest_asset_name(m, kinds[k], i);
            cocos__asset_status st = {.size = cocos_manifest_asset_size(m, kinds[k], i)};

            (void)!cocos__store_status(about->store, kinds[k], (uint32_t)i, &st, NULL);
            out[n++] = (cocos__used){kinds[k],
                                     {(const uint8_t *)name, strlen(name)},
                                     cocos_manifest_asset_digest(m, kinds[k], i),
                                     st.size};
        }
    }
    return n;
}

/* What the start rested on, and every withdrawal: who stopped it. */
static size_t
fill_named(const cocos__consent *c, uint64_t run, cocos__named out[COCOS__CONSENT_MAX])
{
    const cocos__start start = {c->instance, run, COCOS__NEVER};
    size_t n = 0;

    for (size_t i = 0; i < c->n; i++) {
        if (!c->all[i]->says.withdrawal &&
            cocos__approval_holds(c->all[i], &start, NULL) != COCOS_OK)
            continue;
        out[n++] = (cocos__named){c->all[i]->says.withdrawal, cocos_approval_signer(c->all[i]),
                                  c->all[i]->is.digest};
    }
    return n;
}

int cocos__testimony_state(cocos__testimony *t,
                           uint64_t run,
                           const cocos__consent *consent,
                           const cocos__facts *facts,
                           cocos_error **err)
{
    COCOS__CLEANUP(cocos__freep) cocos__used *assets = calloc(ASSETS_MAX, sizeof *assets);
    COCOS__CLEANUP(cocos__freep) cocos__named *named = calloc(COCOS__CONSENT_MAX, sizeof *named);
    const cocos_manifest *m = t->about.manifest;
    const char *id = cocos_manifest_id(m);
    const char *version = cocos_version();

    if (!assets || !named)
        return cocos__fail_memory(err);
    cocos__stating s = {.computation_id = {(const uint8_t *)id, strlen(id)},
                        .instance = t->about.instance,
                        .run = run,
                        .manifest = cocos_manifest_digest(m),
                        .assets = assets,
                        .n_assets = fill_assets(&t->about, assets),
                        .named = named,
                        .n_named = fill_named(consent, run, named),
                        .result = facts->result,
                        .result_sha256 = facts->result ? facts->result_sha256 : NULL,
                        .result_size = facts->result ? facts->result_size : 0,
                        .exit_status = facts->exit_status,
                        .start = facts->start,
                        .end = facts->end,
                        .limits_enforced = facts->limits_enforced,
                        .network_used = 0, /* jobs have none */
                        .agent_version = {(const uint8_t *)version, strlen(version)},
                        .agent_measurement = {t->about.measurement, 32}};
    int r = sign(t, 0, &s, &t->slots[0].statement, err);
    return r < 0 ? r : take_facts(t, err);
}

void cocos__testimony_nonce(cocos__testimony *t, size_t consumer, cocos__span nonce)
{
    if (t->closed || consumer + 1 >= t->n || nonce.len < NONCE_MIN || nonce.len > NONCE_MAX)
        return;
    struct slot *s = &t->slots[consumer + 1];
    if (s->nonce_len == nonce.len && memcmp(s->nonce, nonce.data, nonce.len) == 0)
        return;
    memcpy(s->nonce, nonce.data, nonce.len);
    s->nonce_len = nonce.len;
    cocos__buf_reset(&s->statement);
}

/* Consumers without a nonce have the statement of everybody. */
static size_t slot_of(const cocos__testimony *t, size_t consumer)
{
    if (consumer == COCOS__NO_CONSUMER || consumer + 1 >= t->n)
        return 0;
    if (t->closed ? t->slots[consumer + 1].statement.len == 0
                  : t->slots[consumer + 1].nonce_len == 0)
        return 0;
    return consumer + 1;
}

static int make(cocos__testimony *t, size_t slot, cocos_error **err)
{
    struct slot *s = &t->slots[slot];

    return s->statement.len > 0 ? COCOS_OK : sign(t, slot, &t->facts->says, &s->statement, err);
}

int cocos__testimony_give(cocos__testimony *t,
                          size_t consumer,
                          cocos__span *statement,
                          cocos__span *closure,
                          cocos_error **err)
{
    if (!t->facts)
        return cocos__fail(err, COCOS_ERR_STATE, "statement.early",
                           "there is no statement before the job has ended");
    size_t slot = slot_of(t, consumer);
    int r = make(t, slot, err);
    if (r < 0)
        return r;
    const struct slot *s = &t->slots[slot];
    *statement = (cocos__span){s->statement.data, s->statement.len};
    *closure = (cocos__span){s->closure.data, s->closure.len};
    return COCOS_OK;
}

/* ---- The closure ---- */

static size_t fill_wiped(const cocos_manifest *m, cocos__wiped out[ASSETS_MAX])
{
    static const int kinds[] = {COCOS_ASSET_ALGORITHM, COCOS_ASSET_REQUIREMENTS,
                                COCOS_ASSET_DATASET};
    size_t n = 0;

    for (size_t k = 0; k < COCOS__ARRAY_LEN(kinds); k++) {
        for (size_t i = 0; i < cocos_manifest_asset_count(m, kinds[k]); i++)
            out[n++] = (cocos__wiped){kinds[k], (uint32_t)i};
    }
    return n;
}

static int close_slot(cocos__testimony *t, size_t slot, cocos_error **err)
{
    COCOS__CLEANUP(cocos__statement_freep) cocos_statement *s = NULL;
    struct slot *at = &t->slots[slot];
    cocos__wiped wiped[ASSETS_MAX];

    int r = make(t, slot, err);
    if (r == COCOS_OK)
        r = cocos__statement_parse((cocos__span){at->statement.data, at->statement.len}, 1, &s,
                                   err);
    if (r < 0)
        return r;
    /* Scratch space is a tmpfs of its own without any key: it is gone with the job. */
    const cocos__closing c = {.statement = s->is.digest,
                              .wiped = wiped,
                              .n_wiped = fill_wiped(t->about.manifest, wiped),
                              .scratch_key_erased = 1};
    cocos__buf_reset(&at->closure);
    r = cocos__closure_sign(t->key, cocos_manifest_digest(t->about.manifest), &c, &at->closure,
                            err);
    return r < 0 ? r : keep(t, "closure", slot, &at->closure, err);
}

int cocos__testimony_close(cocos__testimony *t, cocos_error **err)
{
    int r = COCOS_OK;

    if (t->closed || !t->facts)
        return COCOS_OK;
    for (size_t i = t->n; r == COCOS_OK && i-- > 0;) {
        if (i == 0 || t->slots[i].nonce_len > 0)
            r = close_slot(t, i, err);
    }
    if (r < 0)
        return r;
    t->closed = 1;
    cocos_key_free(t->key);
    t->key = NULL;
    return COCOS_OK;
}

/* ---- Evidence ---- */

cocos__span cocos__testimony_evidence(const cocos__testimony *t)
{
    return (cocos__span){t->evidence.data, t->evidence.len};
}

int cocos__testimony_set_evidence(cocos__testimony *t, cocos__span envelope, cocos_error **err)
{
    cocos__buf_reset(&t->evidence);
    cocos__buf_add(&t->evidence, envelope.data, envelope.len);
    if (t->evidence.failed)
        return cocos__fail_memory(err);
    return keep(t, "evidence", 0, &t->evidence, err);
}
