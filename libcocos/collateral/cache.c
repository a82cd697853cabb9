/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cache on disk. An entry says what it is a copy of, so that one under a wrong name is noticed;
 * everything else about it is for the check of its kind, which runs at every use.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "codec/cbor.h"
#include "codec/hex.h"
#include "collateral/session.h"
#include "crypto/digest.h"

#define ENTRY_VERSION 1
#define ENTRY_EXTRA   (128 * 1024) /* what an entry has besides the body */

enum { KEY_VERSION = 1, KEY_URL = 2, KEY_FETCHED = 3, KEY_BODY = 4, KEY_CHAIN = 5 };

void cocos__cache_default_dir(char *out, size_t size)
{
    const char *xdg = secure_getenv("XDG_CACHE_HOME");
    const char *home = secure_getenv("HOME");
    int n = 0;

    out[0] = '\0';
    if (xdg && xdg[0] == '/') /* XDG Base Directory: relative paths are to be ignored */
        n = snprintf(out, size, "%s/cocos", xdg);
    else if (home && home[0] == '/')
        n = snprintf(out, size, "%s/.cache/cocos", home);
    if ((size_t)n >= size)
        out[0] = '\0';
}

static int entry_path(const cocos__session *s, const char *url, char *out, cocos_error **err)
{
    uint8_t digest[32];
    char hex[65];

    int r = cocos__digest(COCOS__SHA256, url, strlen(url), digest, err);
    if (r < 0)
        return r;
    cocos__hex_encode(digest, sizeof digest, hex);
    if (snprintf(out, PATH_MAX, "%s/%s.cbor", s->cache, hex) >= PATH_MAX)
        return cocos__fail(err, COCOS_ERR_USAGE, "io.path", "the path of the cache is too long");
    return COCOS_OK;
}

static int read_entry(const cocos__cbor *root,
                      const cocos__resource *q,
                      cocos__material *ret,
                      cocos_error **err)
{
    cocos__cbor version = cocos__cbor_member(root, KEY_VERSION);
    cocos__cbor url = cocos__cbor_member(root, KEY_URL);
    cocos__cbor fetched = cocos__cbor_member(root, KEY_FETCHED);
    cocos__cbor body = cocos__cbor_member(root, KEY_BODY);
    cocos__cbor chain = cocos__cbor_member(root, KEY_CHAIN);
    cocos__span body_data = {NULL, 0};
    cocos__span chain_data = {NULL, 0};
    uint64_t number = 0;
    uint64_t when = 0;

    int r = cocos__cbor_only(root, KEY_VERSION, KEY_CHAIN, err);
    if (r == COCOS_OK)
        r = cocos__cbor_uint(&version, &number, err);
    if (r == COCOS_OK)
        r = cocos__cbor_text_is(&url, q->url, err);
    if (r == COCOS_OK)
        r = cocos__cbor_uint(&fetched, &when, err);
    if (r == COCOS_OK)
        r = cocos__cbor_bytes(&body, &body_data, err);
    if (r == COCOS_OK)
        r = cocos__cbor_bytes(&chain, &chain_data, err);
    if (r < 0)
        return r;
    if (number != ENTRY_VERSION || when > INT64_MAX / 2 || body_data.len > q->limit)
        return cocos__fail(err, COCOS_ERR_MALFORMED, "collateral.cache",
                           "no entry of version %d with at most %zu bytes", ENTRY_VERSION,
                           q->limit);
    ret->fetched_s = (int64_t)when;
    cocos__buf_add(&ret->body, body_data.data, body_data.len);
    cocos__buf_add(&ret->chain, chain_data.data, chain_data.len);
    return ret->body.failed || ret->chain.failed ? cocos__fail_memory(err) : COCOS_OK;
}

int cocos__cache_load(const cocos__session *s,
                      const cocos__resource *q,
                      cocos__material *ret,
                      cocos_error **err)
{
    COCOS__CLEANUP(cocos__buf_done) cocos__buf file;
    COCOS__CLEANUP(cocos__error_freep) cocos_error *why = NULL;
    cocos__cbor root;
    char path[PATH_MAX];

    cocos__buf_init(&file, q->limit + ENTRY_EXTRA);
    if (!s->cache[0])
        return cocos__fail(err, COCOS_ERR_NOT_FOUND, "collateral.cache", "there is no cache");
    int r = entry_path(s, q->url, path, err);
    if (r < 0)
        return r;
    /* What is no file, a FIFO say, must not keep us waiting: it reads as nothing. */
    COCOS__CLEANUP(cocos__closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    r = fd < 0 ? cocos__fail_errno(&why, errno, "io.open", "cannot open %s", path)
               : cocos__read_fd(fd, path, q->limit + ENTRY_EXTRA, &file, &why);
    if (r == COCOS_OK)
        r = cocos__cbor_open(file.data, file.len, COCOS__CBOR_STRICT, &root, &why);
    if (r == COCOS_OK)
        r = read_entry(&root, q, ret, &why);
    if (r == COCOS_ERR_MEMORY)
        return cocos__fail_memory(err);
    return r < 0 ? cocos__fail_cause(err, r == COCOS_ERR_NOT_FOUND ? r : COCOS_ERR_MALFORMED,
                                     "collateral.cache", COCOS__STEAL(why), "%s is no copy of %s",
                                     path, q->url)
                 : COCOS_OK;
}

int cocos__cache_store(const cocos__session *s,
                       const cocos__resource *q,
                       const cocos__material *m,
                       cocos_error **err)
{
    COCOS__CLEANUP(cocos__buf_done) cocos__buf file;
    cocos__cbor_map map;
    char path[PATH_MAX];

    cocos__buf_init(&file, q->limit + ENTRY_EXTRA);
    if (!s->cache[0])
        return COCOS_OK;
    cocos__cbor_map_begin(&map, &file);
    cocos__cbor_map_key(&map, KEY_VERSION);
    cocos__cbor_put_uint(&file, ENTRY_VERSION);
    cocos__cbor_map_key(&map, KEY_URL);
    cocos__cbor_put_text(&file, q->url);
    cocos__cbor_map_key(&map, KEY_FETCHED);
    cocos__cbor_put_uint(&file, (uint64_t)m->fetched_s);
    cocos__cbor_map_key(&map, KEY_BODY);
    cocos__cbor_put_bytes(&file, m->body.data, m->body.len);
    cocos__cbor_map_key(&map, KEY_CHAIN);
    cocos__cbor_put_bytes(&file, m->chain.data, m->chain.len);
    cocos__cbor_map_end(&map);
    if (file.failed)
        return cocos__fail_memory(err);

    int r = cocos__mkdirs(s->cache, 0700, err);
    if (r == COCOS_OK)
        r = entry_path(s, q->url, path, err);
    return r < 0 ? r : cocos__write_file(path, file.data, file.len, 0600, err);
}
