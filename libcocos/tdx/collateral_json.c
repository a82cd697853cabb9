/* SPDX-License-Identifier: Apache-2.0 */
/* TCB info and QE identity. Unknown members are Intel's to add; missing ones are errors. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "codec/hex.h"
#include "codec/json.h"
#include "tdx/tcb.h"

static int bad(cocos_error **err, const char *name)
{
    return cocos__fail(err, COCOS_ERR_MALFORMED, "tdx.collateral_format",
                       "the collateral's member \"%s\" is missing or malformed", name);
}

static int
read_hex(const cocos__json *o, const char *name, uint8_t *out, size_t len, cocos_error **err)
{
    cocos__json m = cocos__json_member(o, name);
    const char *text = NULL;

    if (cocos__json_text(&m, &text, NULL) < 0 ||
        cocos__hex_decode(text, strlen(text), out, len, NULL) < 0)
        return bad(err, name);
    return COCOS_OK;
}

static int
read_number(const cocos__json *o, const char *name, uint64_t max, uint64_t *ret, cocos_error **err)
{
    cocos__json m = cocos__json_member(o, name);

    if (cocos__json_uint(&m, ret, NULL) < 0 || *ret > max)
        return bad(err, name);
    return COCOS_OK;
}

static int read_id(const cocos__json *o, char out[16], cocos_error **err)
{
    cocos__json m = cocos__json_member(o, "id");
    const char *text = NULL;

    if (cocos__json_text(&m, &text, NULL) < 0 || strlen(text) > 15)
        return bad(err, "id");
    snprintf(out, 16, "%s", text);
    return COCOS_OK;
}

static int read_time(const cocos__json *o, const char *name, int64_t *ret, cocos_error **err)
{
    cocos__json m = cocos__json_member(o, name);
    const char *text = NULL;
    struct tm tm = {0};

    if (cocos__json_text(&m, &text, NULL) < 0)
        return bad(err, name);
    const char *end = strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm);
    if (!end || *end)
        return bad(err, name);
    *ret = cocos__seconds_of(&tm);
    return COCOS_OK;
}

static int
read_components(const cocos__json *tcb, const char *name, uint8_t out[16], cocos_error **err)
{
    cocos__json list = cocos__json_member(tcb, name);

    if (cocos__json_kind(&list) != COCOS__JSON_ARRAY || cocos__json_count(&list) != 16)
        return bad(err, name);
    for (size_t i = 0; i < 16; i++) {
        cocos__json item = cocos__json_item(&list, i);
        uint64_t svn = 0;
        int r = read_number(&item, "svn", 255, &svn, err);
        if (r < 0)
            return r;
        out[i] = (uint8_t)svn;
    }
    return COCOS_OK;
}

/* Advisory ids, joined; they are shown, nothing depends on them. */
static int read_advisories(const cocos__json *level, char *out, cocos_error **err)
{
    cocos__json list = cocos__json_member(level, "advisoryIDs");
    size_t n = cocos__json_count(&list);
    size_t used = 0;

    out[0] = '\0';
    if (cocos__json_kind(&list) == COCOS__JSON_ABSENT)
        return COCOS_OK;
    if (cocos__json_kind(&list) != COCOS__JSON_ARRAY)
        return bad(err, "advisoryIDs");
    for (size_t i = 0; i < n; i++) {
        cocos__json item = cocos__json_item(&list, i);
        const char *id = NULL;
        if (cocos__json_text(&item, &id, NULL) < 0)
            return bad(err, "advisoryIDs");
        if (used + strlen(id) + 2 > COCOS__TDX_ADVISORIES_MAX)
            return COCOS_OK;
        used += (size_t)snprintf(out + used, COCOS__TDX_ADVISORIES_MAX - used, "%s%s",
                                 used ? " " : "", id);
    }
    return COCOS_OK;
}

/* Module and enclave levels know three statuses, platform levels seven. */
static int read_status(const cocos__json *level, int platform, int *ret, cocos_error **err)
{
    cocos__json m = cocos__json_member(level, "tcbStatus");
    const char *text = NULL;

    if (cocos__json_text(&m, &text, NULL) < 0)
        return bad(err, "tcbStatus");
    *ret = cocos__tdx_status_by_name(text, strlen(text));
    if (*ret < 0 || *ret > COCOS__TDX_REVOKED)
        return bad(err, "tcbStatus");
    if (!platform && *ret != COCOS__TDX_UP_TO_DATE && *ret != COCOS__TDX_OUT_OF_DATE &&
        *ret != COCOS__TDX_REVOKED)
        return bad(err, "tcbStatus");
    return COCOS_OK;
}

static int
read_level(const cocos__json *level, int platform, cocos__tdx_level *out, cocos_error **err)
{
    cocos__json tcb = cocos__json_member(level, "tcb");
    uint64_t svn = 0;
    int64_t date = 0;

    int r = read_number(&tcb, platform ? "pcesvn" : "isvsvn", 65535, &svn, err);
    if (r == COCOS_OK && platform)
        r = read_components(&tcb, "sgxtcbcomponents", out->sgx, err);
    if (r == COCOS_OK && platform)
        r = read_components(&tcb, "tdxtcbcomponents", out->tdx, err);
    if (r == COCOS_OK)
        r = read_time(level, "tcbDate", &date, err);
    if (r == COCOS_OK)
        r = read_status(level, platform, &out->status, err);
    if (r == COCOS_OK)
        r = read_advisories(level, out->advisories, err);
    if (platform)
        out->pce_svn = (uint16_t)svn;
    else
        out->isv_svn = (uint16_t)svn;
    return r;
}

/* Best first: SGX components, PCESVN, TDX components; then ISVSVN. */
static int compare(const void *a, const void *b)
{
    const cocos__tdx_level *x = a;
    const cocos__tdx_level *y = b;
    int c = memcmp(y->sgx, x->sgx, sizeof x->sgx);

    if (c == 0)
        c = (int)y->pce_svn - (int)x->pce_svn;
    if (c == 0)
        c = memcmp(y->tdx, x->tdx, sizeof x->tdx);
    return c ? c : (int)y->isv_svn - (int)x->isv_svn;
}

static int
read_levels(const cocos__json *o, int platform, cocos__tdx_levels *ret, cocos_error **err)
{
    cocos__json list = cocos__json_member(o, "tcbLevels");
    size_t n = cocos__json_count(&list);

    if (cocos__json_kind(&list) != COCOS__JSON_ARRAY || n == 0 || n > COCOS__TDX_LEVELS_MAX)
        return bad(err, "tcbLevels");
    ret->at = calloc(n, sizeof *ret->at);
    if (!ret->at)
        return cocos__fail_memory(err);
    for (ret->n = 0; ret->n < n; ret->n++) {
        cocos__json item = cocos__json_item(&list, ret->n);
        int r = read_level(&item, platform, &ret->at[ret->n], err);
        if (r < 0)
            return r;
    }
    qsort(ret->at, n, sizeof *ret->at, compare);
    for (size_t i = 1; i < n; i++) {
        if (compare(&ret->at[i - 1], &ret->at[i]) == 0)
            return bad(err, "tcbLevels");
    }
    return COCOS_OK;
}

static int read_module(const cocos__json *o, cocos__tdx_module *m, cocos_error **err)
{
    int r = read_hex(o, "mrsigner", m->mrsigner, sizeof m->mrsigner, err);
    if (r == COCOS_OK)
        r = read_hex(o, "attributes", m->attributes, sizeof m->attributes, err);
    return r < 0 ? r : read_hex(o, "attributesMask", m->mask, sizeof m->mask, err);
}

static int read_modules(const cocos__json *o, cocos__tdx_tcb_info *t, cocos_error **err)
{
    cocos__json base = cocos__json_member(o, "tdxModule");
    cocos__json list = cocos__json_member(o, "tdxModuleIdentities");
    size_t n = cocos__json_count(&list);

    int r = read_module(&base, &t->base, err);
    if (r < 0 || cocos__json_kind(&list) == COCOS__JSON_ABSENT)
        return r;
    if (cocos__json_kind(&list) != COCOS__JSON_ARRAY || n > COCOS__TDX_MODULES_MAX)
        return bad(err, "tdxModuleIdentities");
    while (r == COCOS_OK && t->n_modules < n) {
        cocos__json item = cocos__json_item(&list, t->n_modules);
        cocos__tdx_module *m = &t->modules[t->n_modules++];
        r = read_id(&item, m->id, err);
        if (r == COCOS_OK)
            r = read_module(&item, m, err);
        if (r == COCOS_OK)
            r = read_levels(&item, 0, &m->levels, err);
    }
    return r;
}

static int read_common(const cocos__json *o,
                       char id[16],
                       uint64_t version_min,
                       uint64_t version_max,
                       int64_t *issued,
                       int64_t *next,
                       uint64_t *evaluation,
                       cocos_error **err)
{
    uint64_t version = 0;

    int r = read_id(o, id, err);
    if (r == COCOS_OK)
        r = read_number(o, "version", version_max, &version, err);
    if (r == COCOS_OK && version < version_min)
        r = bad(err, "version");
    if (r == COCOS_OK)
        r = read_time(o, "issueDate", issued, err);
    if (r == COCOS_OK)
        r = read_time(o, "nextUpdate", next, err);
    return r < 0 ? r : read_number(o, "tcbEvaluationDataNumber", UINT32_MAX, evaluation, err);
}

static int parse(cocos__span object, cocos__json_doc **doc, cocos_error **err)
{
    int r = cocos__json_parse((const char *)object.data, object.len, COCOS__TDX_COLLATERAL_MAX, doc,
                              NULL);

    if (r == COCOS_ERR_MEMORY)
        return cocos__fail_memory(err);
    return r < 0 ? bad(err, "") : COCOS_OK;
}

int cocos__tdx_tcb_info_read(cocos__span object, cocos__tdx_tcb_info *ret, cocos_error **err)
{
    COCOS__CLEANUP(cocos__json_doc_freep) cocos__json_doc *doc = NULL;
    cocos__tdx_tcb_info t = {.n_modules = 0};
    uint64_t type = 0;

    int r = parse(object, &doc, err);
    if (r < 0)
        return r;
    cocos__json o = cocos__json_root(doc);
    r = read_common(&o, t.id, 3, 3, &t.issued, &t.next_update, &t.evaluation_number, err);
    if (r == COCOS_OK)
        r = read_hex(&o, "fmspc", t.fmspc, sizeof t.fmspc, err);
    if (r == COCOS_OK)
        r = read_hex(&o, "pceId", t.pce_id, sizeof t.pce_id, err);
    if (r == COCOS_OK)
        r = read_number(&o, "tcbType", 0, &type, err);
    /* Of another TEE the rest has another form; that it is another is for the match to say. */
    if (r == COCOS_OK && strcmp(t.id, "TDX") == 0)
        r = read_modules(&o, &t, err);
    if (r == COCOS_OK && strcmp(t.id, "TDX") == 0)
        r = read_levels(&o, 1, &t.levels, err);
    if (r < 0) {
        cocos__tdx_tcb_info_done(&t);
        return r;
    }
    *ret = t;
    return COCOS_OK;
}

void cocos__tdx_tcb_info_done(cocos__tdx_tcb_info *t)
{
    for (size_t i = 0; i < t->n_modules; i++)
        free(t->modules[i].levels.at);
    free(t->levels.at);
    t->n_modules = 0;
    t->levels = (cocos__tdx_levels){NULL, 0};
}

/* A number in hex is written as its bytes lie in memory. */
static int read_hex_u32(const cocos__json *o, const char *name, uint32_t *ret, cocos_error **err)
{
    uint8_t bytes[4];
    int r = read_hex(o, name, bytes, sizeof bytes, err);

    if (r == COCOS_OK)
        *ret = cocos__u32le(bytes);
    return r;
}

int cocos__tdx_qe_identity_read(cocos__span object, cocos__tdx_qe_identity *ret, cocos_error **err)
{
    COCOS__CLEANUP(cocos__json_doc_freep) cocos__json_doc *doc = NULL;
    cocos__tdx_qe_identity q = {.levels = {NULL, 0}};
    uint64_t prod_id = 0;

    int r = parse(object, &doc, err);
    if (r < 0)
        return r;
    cocos__json o = cocos__json_root(doc);
    r = read_common(&o, q.id, 2, 3, &q.issued, &q.next_update, &q.evaluation_number, err);
    if (r == COCOS_OK)
        r = read_hex_u32(&o, "miscselect", &q.miscselect, err);
    if (r == COCOS_OK)
        r = read_hex_u32(&o, "miscselectMask", &q.miscselect_mask, err);
    if (r == COCOS_OK)
        r = read_hex(&o, "attributes", q.attributes, sizeof q.attributes, err);
    if (r == COCOS_OK)
        r = read_hex(&o, "attributesMask", q.attributes_mask, sizeof q.attributes_mask, err);
    if (r == COCOS_OK)
        r = read_hex(&o, "mrsigner", q.mrsigner, sizeof q.mrsigner, err);
    if (r == COCOS_OK)
        r = read_number(&o, "isvprodid", 65535, &prod_id, err);
    if (r == COCOS_OK)
        r = read_levels(&o, 0, &q.levels, err);
    q.isv_prod_id = (uint16_t)prod_id;
    if (r < 0) {
        cocos__tdx_qe_identity_done(&q);
        return r;
    }
    *ret = q;
    return COCOS_OK;
}

void cocos__tdx_qe_identity_done(cocos__tdx_qe_identity *q)
{
    free(q->levels.at);
    q->levels = (cocos__tdx_levels){NULL, 0};
}
