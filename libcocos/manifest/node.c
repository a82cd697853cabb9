/* SPDX-License-Identifier: Apache-2.0 */
#include "manifest/node.h"

#include <stdio.h>
#include <string.h>

#include "codec/hex.h"

int cocos__node_is_empty(const cocos__node *n)
{
    cocos__span s = {NULL, 0};
    int truth = 1;

    if (!n->is_cbor)
        return cocos__json_is_empty(&n->json);
    switch (cocos__cbor_kind(&n->cbor)) {
    case COCOS__CBOR_ABSENT:
    case COCOS__CBOR_NULL:
        return 1;
    case COCOS__CBOR_BOOL:
        (void)cocos__cbor_bool(&n->cbor, &truth, NULL);
        return !truth;
    case COCOS__CBOR_TEXT:
        (void)cocos__cbor_text(&n->cbor, &s, NULL);
        return s.len == 0;
    case COCOS__CBOR_ARRAY:
    case COCOS__CBOR_MAP:
        return cocos__cbor_count(&n->cbor) == 0;
    default:
        return 0;
    }
}

int cocos__node_expect_map(const cocos__node *n, cocos_error **err)
{
    return n->is_cbor ? cocos__cbor_expect(&n->cbor, COCOS__CBOR_MAP, err)
                      : cocos__json_expect(&n->json, COCOS__JSON_OBJECT, err);
}

int cocos__node_expect_list(const cocos__node *n, cocos_error **err)
{
    return n->is_cbor ? cocos__cbor_expect(&n->cbor, COCOS__CBOR_ARRAY, err)
                      : cocos__json_expect(&n->json, COCOS__JSON_ARRAY, err);
}

size_t cocos__node_count(const cocos__node *n)
{
    return n->is_cbor ? cocos__cbor_count(&n->cbor) : cocos__json_count(&n->json);
}

cocos__node cocos__node_member(const cocos__node *n, const char *name)
{
    cocos__node m = {.is_cbor = n->is_cbor};

    if (n->is_cbor)
        m.cbor = cocos__cbor_named(&n->cbor, name);
    else
        m.json = cocos__json_member(&n->json, name);
    return m;
}

cocos__node cocos__node_item(const cocos__node *n, size_t i)
{
    cocos__node m = {.is_cbor = n->is_cbor};

    if (n->is_cbor) {
        cocos__cbor_iter it;
        cocos__cbor_each(&it, &n->cbor);
        while (cocos__cbor_next(&it, NULL, &m.cbor) && i-- > 0)
            ;
    } else {
        m.json = cocos__json_item(&n->json, i);
    }
    return m;
}

static int is_known(const cocos__path *step, const char *const *names)
{
    for (; step->name && *names; names++) {
        if (strlen(*names) == step->name_len && memcmp(*names, step->name, step->name_len) == 0)
            return 1;
    }
    return 0;
}

void cocos__node_only(const cocos__node *n, const char *const *names, cocos__defects *d)
{
    char where[COCOS__POINTER_MAX];
    cocos__node m = {.is_cbor = n->is_cbor};
    cocos__cbor_iter it;
    void *state = NULL;

    if (n->is_cbor)
        cocos__cbor_each(&it, &n->cbor);
    while (n->is_cbor ? cocos__cbor_next(&it, NULL, &m.cbor)
                      : cocos__json_next(&n->json, &state, &m.json)) {
        if (is_known(&m.path, names))
            continue;
        cocos__path_print(&m.path, where, sizeof where);
        cocos__defect(d, "manifest.unknown", where, "the format has no such name");
    }
}

static int fail_value(const cocos__node *n, const char *code, const char *what, cocos_error **err)
{
    char where[COCOS__POINTER_MAX];

    cocos__path_print(&n->path, where, sizeof where);
    return cocos__fail_check(err, COCOS_ERR_MALFORMED, code, where, NULL, NULL, "%s: %s", where,
                             what);
}

int cocos__node_text(const cocos__node *n, char **ret, cocos_error **err)
{
    cocos__span s = {NULL, 0};
    const char *text = "";

    int r =
        n->is_cbor ? cocos__cbor_text(&n->cbor, &s, err) : cocos__json_text(&n->json, &text, err);
    if (r < 0)
        return r;
    if (n->is_cbor && memchr(s.data, 0, s.len))
        return fail_value(n, "manifest.text.nul", "the text holds a NUL", err);

    *ret = n->is_cbor ? strndup((const char *)s.data, s.len) : strdup(text);
    return *ret ? COCOS_OK : cocos__fail_memory(err);
}

int cocos__node_bool(const cocos__node *n, int *ret, cocos_error **err)
{
    return n->is_cbor ? cocos__cbor_bool(&n->cbor, ret, err) : cocos__json_bool(&n->json, ret, err);
}

int cocos__node_uint(const cocos__node *n, uint64_t *ret, cocos_error **err)
{
    return n->is_cbor ? cocos__cbor_uint(&n->cbor, ret, err) : cocos__json_uint(&n->json, ret, err);
}

int cocos__node_hash(const cocos__node *n, uint8_t ret[COCOS_DIGEST_SIZE], cocos_error **err)
{
    cocos__span s = {NULL, 0};
    const char *text = "";
    char what[96];

    int r =
        n->is_cbor ? cocos__cbor_bytes(&n->cbor, &s, err) : cocos__json_text(&n->json, &text, err);
    if (r < 0)
        return r;

    size_t len = n->is_cbor ? s.len : strlen(text);
    if (len != (n->is_cbor ? COCOS_DIGEST_SIZE : 2 * COCOS_DIGEST_SIZE)) {
        snprintf(what, sizeof what, "a SHA3-256 has %s, found %zu",
                 n->is_cbor ? "32 bytes" : "64 hex digits", len);
        return fail_value(n, "manifest.hash.length", what, err);
    }
    if (n->is_cbor)
        memcpy(ret, s.data, COCOS_DIGEST_SIZE);
    else if (cocos__hex_decode(text, len, ret, COCOS_DIGEST_SIZE, NULL) < 0)
        return fail_value(n, "manifest.hash.digit", "a character is not a hex digit", err);
    return COCOS_OK;
}

/* The key's own refusal says what is wrong; the place is ours to tell. */
static int fail_key(const cocos__node *n, cocos_error *cause_take, cocos_error **err)
{
    COCOS__CLEANUP(cocos__error_freep) cocos_error *cause = cause_take;
    char where[COCOS__POINTER_MAX];

    if (cocos_error_status(cause) == COCOS_ERR_MEMORY)
        return cocos__fail_memory(err);
    cocos__path_print(&n->path, where, sizeof where);
    return cocos__fail_check(err, cocos_error_status(cause), "manifest.user_key", where, NULL, NULL,
                             "%s: %s (%s)", where, cocos_error_message(cause),
                             cocos_error_code(cause));
}

static int key_of_path(const char *base, const char *path, cocos_key **ret, cocos_error **err)
{
    COCOS__CLEANUP(cocos__freep) char *full = NULL;

    if (path[0] == '/')
        return cocos_key_from_file(path, ret, err);
    if (asprintf(&full, "%s/%s", base, path) < 0) {
        full = NULL;
        return cocos__fail_memory(err);
    }
    return cocos_key_from_file(full, ret, err);
}

int cocos__node_key(const cocos__node *n, const char *base, cocos_key **ret, cocos_error **err)
{
    cocos_error *cause = NULL;
    cocos__span s = {NULL, 0};
    const char *text = "";

    int r =
        n->is_cbor ? cocos__cbor_bytes(&n->cbor, &s, err) : cocos__json_text(&n->json, &text, err);
    if (r < 0)
        return r;

    if (n->is_cbor)
        r = cocos_key_from_spki(s.data, s.len, ret, &cause);
    else if (strstr(text, "-----BEGIN "))
        r = cocos_key_from_pem((const uint8_t *)text, strlen(text), ret, &cause);
    else if (base)
        r = key_of_path(base, text, ret, &cause);
    else
        return fail_value(n, "manifest.user_key", "not PEM text, and paths are not read here", err);
    return r < 0 ? fail_key(n, cause, err) : COCOS_OK;
}

int cocos__node_bytes(const cocos__node *n, uint64_t *ret, cocos_error **err)
{
    const char *text = NULL;

    if (n->is_cbor || cocos__json_kind(&n->json) != COCOS__JSON_TEXT)
        return cocos__node_uint(n, ret, err);
    (void)cocos__json_text(&n->json, &text, NULL);
    if (text && cocos__bytes_parse(text, ret))
        return COCOS_OK;
    return fail_value(n, "manifest.bytes", "not a number of bytes such as 4096 or \"512M\"", err);
}

int cocos__node_duration(const cocos__node *n, uint64_t *ms, cocos_error **err)
{
    const char *text = "";

    if (n->is_cbor)
        return cocos__cbor_uint(&n->cbor, ms, err);
    int r = cocos__json_text(&n->json, &text, err);
    if (r < 0)
        return r;
    if (cocos__duration_parse(text, ms))
        return COCOS_OK;
    return fail_value(n, "manifest.duration",
                      "not a duration of whole milliseconds such as \"10m\" or \"1h30m\"", err);
}

#define CORES_MAX 1e6

int cocos__node_cpu(const cocos__node *n, uint64_t *milli, cocos_error **err)
{
    double cores = 0;

    if (n->is_cbor)
        return cocos__cbor_uint(&n->cbor, milli, err);
    int r = cocos__json_number(&n->json, &cores, err);
    if (r < 0)
        return r;

    if (cores >= 0 && cores <= CORES_MAX) {
        uint64_t nearest = (uint64_t)(cores * 1000 + 0.5);
        double off = cores * 1000 - (double)nearest;
        if (off < 1e-6 && off > -1e-6) {
            *milli = nearest;
            return COCOS_OK;
        }
    }
    return fail_value(n, "manifest.job.cpu", "not a number of cores in thousandths", err);
}
