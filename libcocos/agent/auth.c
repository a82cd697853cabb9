/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/auth.h"

#include <string.h>

#include "base/log.h"
#include "base/thread.h"
#include "crypto/digest.h"

#define NONCES_MAX 4096 /* a connection, cocos-v1 section 3 row 7 */
#define NONCE_LEN  16

/* ---- What a connection remembers ---- */

struct nonces {
    pthread_mutex_t lock;
    uint8_t (*seen)[NONCE_LEN];
    size_t count;
    size_t cap;
};

static void *nonces_new(void)
{
    struct nonces *n = calloc(1, sizeof *n);

    if (n)
        pthread_mutex_init(&n->lock, NULL);
    return n;
}

static void nonces_free(void *user)
{
    struct nonces *n = user;

    if (!n)
        return;
    pthread_mutex_destroy(&n->lock);
    free(n->seen);
    free(n);
}

static int grow(struct nonces *n)
{
    size_t cap = n->cap ? n->cap * 2 : 16;
    void *seen = realloc(n->seen, cap * NONCE_LEN);

    if (!seen)
        return -1;
    n->seen = seen;
    n->cap = cap;
    return 0;
}

static int remember(struct nonces *n, const uint8_t nonce[NONCE_LEN], int *full, cocos_error **err)
{
    COCOS__LOCKED(&n->lock);

    for (size_t i = 0; i < n->count; i++) {
        if (memcmp(n->seen[i], nonce, NONCE_LEN) == 0)
            return cocos__fail(err, COCOS_ERR_UNAUTHENTICATED, "auth.replay",
                               "row 7: this request was seen before on this connection");
    }
    *full = n->count == NONCES_MAX;
    if (*full)
        return cocos__fail(err, COCOS_ERR_UNAUTHENTICATED, "auth.nonces",
                           "row 7: this connection has made %d signed requests and is closed",
                           NONCES_MAX);
    if (n->count == n->cap && grow(n) < 0)
        return cocos__fail_memory(err);
    memcpy(n->seen[n->count++], nonce, NONCE_LEN);
    return COCOS_OK;
}

static int
check_nonce(const cocos__rpc_call *call, const uint8_t nonce[NONCE_LEN], cocos_error **err)
{
    struct nonces *n = cocos__conn_slot(cocos__rpc_conn(call), nonces_new, nonces_free);

    if (!n)
        return cocos__fail_memory(err);
    int full = 0;
    int r = remember(n, nonce, &full, err);
    if (full)
        cocos__rpc_kill_conn(call);
    return r;
}

/* ---- Keys and rights ---- */

static int same(const cocos_key *key, const uint8_t *kid)
{
    return key && memcmp(cocos_key_thumbprint(key), kid, 32) == 0;
}

static const cocos_key *find_party(const cocos_manifest *m, const uint8_t *kid)
{
    if (same(cocos_manifest_asset_owner(m, COCOS_ASSET_ALGORITHM, 0), kid))
        return cocos_manifest_asset_owner(m, COCOS_ASSET_ALGORITHM, 0);
    for (size_t i = 0; i < cocos_manifest_asset_count(m, COCOS_ASSET_DATASET); i++) {
        const cocos_key *k = cocos_manifest_asset_owner(m, COCOS_ASSET_DATASET, i);
        if (same(k, kid))
            return k;
    }
    for (size_t i = 0; i < cocos_manifest_consumer_count(m); i++) {
        if (same(cocos_manifest_consumer(m, i), kid))
            return cocos_manifest_consumer(m, i);
    }
    return NULL;
}

static int is_consumer(const cocos_manifest *m, const uint8_t *kid)
{
    for (size_t i = 0; i < cocos_manifest_consumer_count(m); i++) {
        if (same(cocos_manifest_consumer(m, i), kid))
            return 1;
    }
    return 0;
}

static int is_data_provider(const cocos_manifest *m, const uint8_t *kid)
{
    for (size_t i = 0; i < cocos_manifest_asset_count(m, COCOS_ASSET_DATASET); i++) {
        if (same(cocos_manifest_asset_owner(m, COCOS_ASSET_DATASET, i), kid))
            return 1;
    }
    return 0;
}

/* Row 3: is the key entitled to the role that it claims? */
static int holds_role(const cocos_manifest *m, const uint8_t *kid, const char *role)
{
    if (strcmp(role, "algorithm-provider") == 0)
        return same(cocos_manifest_asset_owner(m, COCOS_ASSET_ALGORITHM, 0), kid);
    if (strcmp(role, "data-provider") == 0)
        return is_data_provider(m, kid);
    if (strcmp(role, "consumer") == 0)
        return is_consumer(m, kid);
    return strcmp(role, "observer") == 0; /* any party, and this key is one's */
}

static int role_fits(const cocos__auth_want *want, const char *role)
{
    switch (want->right) {
    case COCOS__RIGHT_OWNER:
        return strcmp(role, want->kind == COCOS_ASSET_DATASET ? "data-provider"
                                                              : "algorithm-provider") == 0;
    case COCOS__RIGHT_CONSUMER:
        return strcmp(role, "consumer") == 0;
    default:
        return 1;
    }
}

static int check_right(const cocos_manifest *m,
                       const uint8_t *kid,
                       const char *role,
                       const cocos__auth_want *want,
                       cocos_error **err)
{
    int ok = role_fits(want, role) && holds_role(m, kid, role);

    /* An asset that does not exist has no owner: the call itself then says so. */
    if (ok && want->right == COCOS__RIGHT_OWNER &&
        want->index < cocos_manifest_asset_count(m, want->kind))
        ok = same(cocos_manifest_asset_owner(m, want->kind, want->index), kid);
    if (!ok)
        return cocos__fail(err, COCOS_ERR_DENIED, "auth.right",
                           "row 3: this key does not have the right to this call");
    return COCOS_OK;
}

/* ---- Rows ---- */

static int
bind(const cocos__rpc_call *call, cocos__request *expected, uint8_t binding[32], cocos_error **err)
{
    const cocos__conn *conn = cocos__rpc_conn(call);

    if (cocos__conn_kind(conn) == COCOS__CONN_UNIX) {
        expected->local = 1;
        return COCOS_OK;
    }
    if (cocos__conn_kind(conn) != COCOS__CONN_TLS)
        return cocos__fail(err, COCOS_ERR_UNAUTHENTICATED, "auth.binding",
                           "row 6: this connection cannot be bound to");
    expected->binding = binding;
    return cocos__conn_exporter(conn, COCOS__EXPORTER_LABEL, NULL, 0, binding, 32, err);
}

static int expect(const cocos_agent_service *s,
                  const cocos__rpc_call *call,
                  const cocos__computation *c,
                  const cocos__auth_want *want,
                  cocos__request *e,
                  cocos_error **err)
{
    e->method = cocos__rpc_method_path(call);
    e->computation_id = cocos_manifest_id(c->manifest);
    e->manifest_digest = cocos_manifest_digest(c->manifest);
    e->instance_id = s->identity.instance_id;
    e->kind = want->kind;
    e->index = want->index;
    e->has_index = want->kind != 0;
    e->size = want->size ? *want->size : 0;
    e->has_size = want->size != NULL;
    e->offset = want->offset ? *want->offset : 0;
    e->has_offset = want->offset != NULL;
    if (!want->digest)
        return cocos__digest(COCOS__SHA3_256, want->message.data, want->message.len, e->digest,
                             err);
    memcpy(e->digest, want->digest, sizeof e->digest);
    return COCOS_OK;
}

int cocos__auth_present(const cocos__rpc_call *call)
{
    return cocos__rpc_metadata_count(call, COCOS__AUTH_KEY) > 0;
}

static int parse(const cocos__rpc_call *call, cocos__signed_request **ret, cocos_error **err)
{
    size_t len = 0;
    const uint8_t *data = cocos__rpc_metadata(call, COCOS__AUTH_KEY, &len);
    size_t count = cocos__rpc_metadata_count(call, COCOS__AUTH_KEY);

    if (!data || count != 1 || len > COCOS__AUTH_MAX)
        return cocos__fail(
            err, COCOS_ERR_UNAUTHENTICATED, "auth.missing",
            "metadata %s must be there once with at most %d bytes, it is there %zu times",
            COCOS__AUTH_KEY, COCOS__AUTH_MAX, count);
    cocos_error *cause = NULL;
    if (cocos__signed_request_parse(data, len, ret, &cause) < 0)
        return cocos__fail_cause(err, COCOS_ERR_UNAUTHENTICATED, "auth.form", cause,
                                 "the signed request has not its form");
    return COCOS_OK;
}

/* Before it knows the manifest, a party may sign Describe without its digest (row 5). */
static void allow_unknown_manifest(const cocos__request *signed_rq, cocos__request *expected)
{
    if (!signed_rq->manifest_digest && strcmp(expected->method, "/cocos.v1.Agent/Describe") == 0)
        expected->manifest_digest = NULL;
}

int cocos__auth_check(const cocos_agent_service *s,
                      const cocos__rpc_call *call,
                      const cocos__computation *c,
                      const cocos__auth_want *want,
                      const cocos_key **key,
                      cocos_error **err)
{
    COCOS__CLEANUP(cocos__signed_request_freep) cocos__signed_request *rq = NULL;
    cocos__request expected = {0};
    uint8_t binding[32];

    int r = parse(call, &rq, err);
    if (r < 0)
        return r;
    const cocos_key *party = find_party(c->manifest, cocos__signed_request_kid(rq));
    if (!party)
        return cocos__fail(err, COCOS_ERR_UNAUTHENTICATED, "auth.key",
                           "the manifest names no party with this key");
    const cocos__request *view = cocos__signed_request_view(rq);
    r = bind(call, &expected, binding, err);
    if (r == COCOS_OK)
        r = expect(s, call, c, want, &expected, err);
    if (r < 0)
        return r;
    allow_unknown_manifest(view, &expected);
    r = cocos__signed_request_verify(rq, party, &expected, err);
    if (r == COCOS_OK)
        r = check_nonce(call, view->nonce, err);
    if (r == COCOS_OK)
        r = check_right(c->manifest, cocos__signed_request_kid(rq), view->role, want, err);
    if (r < 0)
        return r;
    cocos__rpc_call_known(call);
    if (key)
        *key = party;
    return r;
}
