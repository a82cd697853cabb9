/* SPDX-License-Identifier: Apache-2.0 */
#include "manifest/approval.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "codec/hex.h"
#include "crypto/key.h"
#include "manifest/model.h"

#define TAG            "cocos.approval/1"
#define TAG_WITHDRAWAL "cocos.withdrawal/1"
#define PAYLOAD_MAX    512

enum {
    KEY_TAG = 1,
    KEY_MANIFEST = 2,
    KEY_ROLE = 3,
    KEY_NOT_AFTER = 4,
    KEY_MAX_RUNS = 5,
    KEY_POLICY = 6,
    KEY_INSTANCE = 7
};

static const char *const roles[] = {"algorithm-provider", "data-provider", "consumer", "approver"};
enum { ALGORITHM, DATA, CONSUMER };

/* Index of the role that this text names; COCOS__ARRAY_LEN(roles) for a thumbprint. */
static size_t role_index(const char *text)
{
    size_t i = 0;

    while (i < COCOS__ARRAY_LEN(roles) && strcmp(roles[i], text) != 0)
        i++;
    return i;
}

int cocos__is_role(const char *role)
{
    return role_index(role) < COCOS__ARRAY_LEN(roles);
}

static int fail_value(cocos_error **err, const char *why)
{
    return cocos__fail(err, COCOS_ERR_USAGE, "approval.value", "this cannot be approved: %s", why);
}

static void put_payload(const cocos__approving *a, cocos__buf *b)
{
    cocos__cbor_map m;

    cocos__cbor_map_begin(&m, b);
    cocos__cbor_map_key(&m, KEY_TAG);
    cocos__cbor_put_text(b, a->withdrawal ? TAG_WITHDRAWAL : TAG);
    cocos__cbor_map_key(&m, KEY_MANIFEST);
    cocos__cbor_put_bytes(b, a->manifest, 32);
    cocos__cbor_map_key(&m, KEY_ROLE);
    cocos__cbor_put_text(b, a->role);
    cocos__cbor_map_key(&m, KEY_NOT_AFTER);
    cocos__put_int_or_null(b, a->not_after_s, COCOS__NEVER);
    cocos__cbor_map_key(&m, KEY_MAX_RUNS);
    cocos__put_int_or_null(b, a->max_runs, -1);
    cocos__cbor_map_key(&m, KEY_POLICY);
    cocos__put_bytes_or_null(b, a->policy, 32);
    cocos__cbor_map_key(&m, KEY_INSTANCE);
    cocos__put_bytes_or_null(b, a->instance, 16);
    cocos__cbor_map_end(&m);
}

int cocos__approval_sign(const cocos_key *key,
                         const cocos__approving *a,
                         cocos__buf *out,
                         cocos_error **err)
{
    COCOS__CLEANUP(cocos__buf_done) cocos__buf payload;
    uint8_t id[16];
    cocos__cwt cwt = {a->not_after_s, a->not_before_s, {id, sizeof id}};

    cocos__buf_init(&payload, PAYLOAD_MAX);
    if (!a->role || !cocos__is_role(a->role))
        return fail_value(err, "no such role");
    if (a->max_runs < -1 || a->max_runs == 0)
        return fail_value(err, "runs are counted from 1");
    cocos__random(id, sizeof id);
    put_payload(a, &payload);
    if (payload.failed)
        return cocos__fail_memory(err);
    return cocos__signed_make(key, COCOS__TYPE_APPROVAL, a->manifest, &cwt,
                              (cocos__span){payload.data, payload.len}, out, err);
}

static int bad(cocos_error **err, const char *why)
{
    return cocos__fail(err, COCOS_ERR_MALFORMED, "approval.form", "not an approval: %s", why);
}

static int open_payload(cocos_approval *a, cocos__take *t, cocos_error **err)
{
    int r = cocos__signed_open(&a->is, TAG, KEY_INSTANCE, t, NULL);

    if (r == COCOS_ERR_UNSUPPORTED) {
        a->says.withdrawal = 1;
        r = cocos__signed_open(&a->is, TAG_WITHDRAWAL, KEY_INSTANCE, t, err);
    } else if (r < 0) {
        r = cocos__signed_open(&a->is, TAG, KEY_INSTANCE, t, err);
    }
    t->err = err;
    return r;
}

static int read_payload(cocos_approval *a, cocos_error **err)
{
    cocos__approving *s = &a->says;
    cocos__take t;

    int r = open_payload(a, &t, err);
    if (r < 0)
        return r;
    s->manifest = cocos__take_bytes(&t, KEY_MANIFEST, 32, COCOS__REQUIRED);
    cocos__span role = cocos__take_text(&t, KEY_ROLE, COCOS__ROLE_MAX);
    s->not_after_s = cocos__take_int(&t, KEY_NOT_AFTER, COCOS__NEVER, COCOS__OPTIONAL);
    s->max_runs = cocos__take_int(&t, KEY_MAX_RUNS, -1, COCOS__OPTIONAL);
    s->policy = cocos__take_bytes(&t, KEY_POLICY, 32, COCOS__OPTIONAL);
    s->instance = cocos__take_bytes(&t, KEY_INSTANCE, 16, COCOS__OPTIONAL);
    if (t.status < 0)
        return t.status;
    memcpy(a->role, role.data, role.len);
    s->role = a->role;
    if (!cocos__is_role(a->role))
        return bad(err, "no such role");
    if (s->max_runs < -1 || s->max_runs == 0)
        return bad(err, "a number of runs that is none");
    if (s->not_after_s != a->is.cwt.expires_s)
        return bad(err, "its end and the claim exp are two times");
    if (memcmp(s->manifest, a->is.manifest, 32) != 0)
        return bad(err, "its manifest and the claim sub are two");
    s->not_before_s = a->is.cwt.not_before_s;
    return COCOS_OK;
}

int cocos__approval_parse(cocos__span data, int lenient, cocos_approval **ret, cocos_error **err)
{
    return cocos__approval_read(data, lenient, NULL, ret, err);
}

int cocos__approval_read(cocos__span data,
                         int lenient,
                         const cocos__known *known,
                         cocos_approval **ret,
                         cocos_error **err)
{
    COCOS__CLEANUP(cocos__approval_freep) cocos_approval *a = calloc(1, sizeof *a);

    if (!a)
        return cocos__fail_memory(err);
    int r = cocos__signed_parse(data, COCOS__APPROVAL_MAX, COCOS__TYPE_APPROVAL, lenient, known,
                                &a->is, err);
    if (r == COCOS_OK)
        r = read_payload(a, err);
    if (r < 0)
        return r;
    a->encoded = malloc(data.len);
    if (!a->encoded)
        return cocos__fail_memory(err);
    memcpy(a->encoded, data.data, data.len);
    a->len = data.len;
    *ret = COCOS__STEAL(a);
    return COCOS_OK;
}

int cocos_approval_parse(const uint8_t *data, size_t len, cocos_approval **ret, cocos_error **err)
{
    return cocos__approval_parse((cocos__span){data, len}, 0, ret, err);
}

const uint8_t *cocos_approval_cbor(const cocos_approval *a, size_t *len)
{
    *len = a->len;
    return a->encoded;
}

int cocos_approval_is_withdrawal(const cocos_approval *a)
{
    return a->says.withdrawal;
}

const char *cocos_approval_role(const cocos_approval *a)
{
    return a->role;
}

const uint8_t *cocos_approval_signer(const cocos_approval *a)
{
    return cocos_key_thumbprint(a->is.key);
}

const uint8_t *cocos_approval_manifest_digest(const cocos_approval *a)
{
    return a->says.manifest;
}

int cocos_approval_verify(const cocos_approval *a, const cocos_manifest *m, cocos_error **err)
{
    return a && m ? cocos__approval_check(a, m, err)
                  : cocos__fail(err, COCOS_ERR_USAGE, "approval.value",
                                "an approval and a manifest are needed");
}

void cocos_approval_free(cocos_approval *a)
{
    if (!a)
        return;
    cocos__signed_done(&a->is);
    free(a->encoded);
    free(a);
}

/* ---- who has to sign ---- */

/* Key i of a role, NULL past the end. */
static const cocos_key *key_of_role(const cocos_manifest *m, size_t role, size_t i)
{
    switch (role) {
    case ALGORITHM:
        return i == 0 ? cocos_manifest_asset_owner(m, COCOS_ASSET_ALGORITHM, 0) : NULL;
    case DATA:
        return cocos_manifest_asset_owner(m, COCOS_ASSET_DATASET, i);
    case CONSUMER:
        return cocos_manifest_consumer(m, i);
    default:
        return NULL;
    }
}

static int role_has(const cocos_manifest *m, size_t role, const uint8_t thumbprint[32])
{
    const cocos_key *key;

    for (size_t i = 0; (key = key_of_role(m, role, i)); i++) {
        if (memcmp(cocos_key_thumbprint(key), thumbprint, 32) == 0)
            return 1;
    }
    return 0;
}

static void
add_required(cocos__required *list, size_t *n, const char *role, const uint8_t signer[32])
{
    for (size_t i = 0; i < *n; i++) {
        if (list[i].role == role && memcmp(list[i].signer, signer, 32) == 0)
            return;
    }
    list[*n].role = role;
    memcpy(list[(*n)++].signer, signer, 32);
}

static void add_role(const cocos_manifest *m, size_t role, cocos__required *list, size_t *n)
{
    const cocos_key *key;

    for (size_t i = 0; (key = key_of_role(m, role, i)); i++)
        add_required(list, n, roles[role], cocos_key_thumbprint(key));
}

int cocos__manifest_required(const cocos_manifest *m,
                             cocos__required **ret,
                             size_t *n,
                             cocos_error **err)
{
    cocos__required *list =
        calloc(m->approvals.n + 1 + m->n_datasets + m->n_consumers, sizeof *list);

    if (!list)
        return cocos__fail_memory(err);
    *n = 0;
    for (size_t i = 0; i < m->approvals.n; i++) {
        uint8_t thumbprint[32];
        size_t role = role_index(m->approvals.item[i]);
        if (role < COCOS__ARRAY_LEN(roles))
            add_role(m, role, list, n);
        else if (cocos__hex_decode(m->approvals.item[i], 64, thumbprint, 32, err) == COCOS_OK)
            add_required(list, n, NULL, thumbprint);
    }
    *ret = list;
    return COCOS_OK;
}

static int asks_for_role(const cocos_manifest *m, size_t role)
{
    for (size_t i = 0; i < m->approvals.n; i++) {
        if (role_index(m->approvals.item[i]) == role)
            return 1;
    }
    return 0;
}

const char *cocos__role_of(const cocos_manifest *m, const uint8_t signer[32])
{
    const char *any = roles[COCOS__ARRAY_LEN(roles) - 1];

    for (size_t role = CONSUMER + 1; role-- > 0;) {
        if (!role_has(m, role, signer))
            continue;
        any = roles[role];
        if (asks_for_role(m, role))
            return any;
    }
    return any;
}

int cocos__approval_answers(const cocos_approval *a, const cocos__required *what)
{
    return !a->says.withdrawal && (!what->role || strcmp(what->role, a->role) == 0) &&
           memcmp(what->signer, cocos_key_thumbprint(a->is.key), 32) == 0;
}

/* ---- does it count ---- */

static int is_named(const cocos_approval *a, const cocos_manifest *m)
{
    const uint8_t *signer = cocos_key_thumbprint(a->is.key);
    size_t role = role_index(a->role);
    char hex[65];

    if (role <= CONSUMER)
        return role_has(m, role, signer);
    cocos__hex_encode(signer, 32, hex);
    for (size_t i = 0; i < m->approvals.n; i++) {
        if (strcmp(m->approvals.item[i], hex) == 0)
            return 1;
    }
    return 0;
}

int cocos__approval_check(const cocos_approval *a, const cocos_manifest *m, cocos_error **err)
{
    char hex[65];

    int r = cocos__signed_verify(&a->is, COCOS__TYPE_APPROVAL, err);
    if (r < 0)
        return r;
    if (memcmp(a->says.manifest, m->digest, sizeof m->digest) != 0)
        return cocos__fail(err, COCOS_ERR_UNAUTHENTICATED, "approval.manifest",
                           "it was signed for another manifest");
    if (!is_named(a, m)) {
        cocos__hex_encode(cocos_key_thumbprint(a->is.key), 32, hex);
        return cocos__fail(err, COCOS_ERR_DENIED, "approval.signer",
                           "the manifest names no key %s for the role %s", hex, a->role);
    }
    return COCOS_OK;
}

int cocos__approval_holds(const cocos_approval *a, const cocos__start *start, cocos_error **err)
{
    const cocos__approving *s = &a->says;

    if (s->instance && start->instance && memcmp(s->instance, start->instance, 16) != 0)
        return cocos__fail(err, COCOS_ERR_DENIED, "approval.instance",
                           "it was signed for another instance");
    if (s->max_runs >= 0 && start->run > (uint64_t)s->max_runs)
        return cocos__fail(err, COCOS_ERR_DENIED, "approval.runs",
                           "run %" PRIu64 " of this boot; %" PRId64 " were approved", start->run,
                           s->max_runs);
    if (start->time_s == COCOS__NEVER)
        return COCOS_OK;
    if ((s->not_after_s != COCOS__NEVER && start->time_s > s->not_after_s) ||
        (s->not_before_s != COCOS__NEVER && start->time_s < s->not_before_s))
        return cocos__fail(err, COCOS_ERR_DENIED, "approval.time",
                           "the time is outside of those for which it was signed");
    return COCOS_OK;
}
