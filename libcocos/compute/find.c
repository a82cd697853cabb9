/* SPDX-License-Identifier: Apache-2.0 */
#include <cocos/computation.h>
#include <string.h>

#include "base/error.h"
#include "crypto/key.h"

/* What narrows the choice, in this order: each is used only when those before left several. */
struct wanted {
    const uint8_t *digest;
    const cocos_key *key;
    const char *name;
    size_t name_len;
};

static int has_digest(const cocos_manifest *m, size_t i, const struct wanted *w)
{
    return memcmp(cocos_manifest_asset_digest(m, COCOS_ASSET_DATASET, i), w->digest,
                  COCOS_DIGEST_SIZE) == 0;
}

static int has_key(const cocos_manifest *m, size_t i, const struct wanted *w)
{
    return cocos__key_equal(cocos_manifest_asset_owner(m, COCOS_ASSET_DATASET, i), w->key);
}

static int has_name(const cocos_manifest *m, size_t i, const struct wanted *w)
{
    const char *name = cocos_manifest_asset_name(m, COCOS_ASSET_DATASET, i);
    return strlen(name) == w->name_len && memcmp(name, w->name, w->name_len) == 0;
}

typedef int (*rule)(const cocos_manifest *m, size_t i, const struct wanted *w);

static const rule rules[] = {has_digest, has_key, has_name};

/* How many data sets fit the first n rules; the last of them in *index. */
static size_t count(const cocos_manifest *m, const struct wanted *w, size_t n, uint32_t *index)
{
    size_t all = cocos_manifest_asset_count(m, COCOS_ASSET_DATASET);
    size_t fit = 0;

    for (size_t i = 0; i < all; i++) {
        size_t k = 0;
        while (k < n && rules[k](m, i, w))
            k++;
        if (k == n) {
            fit++;
            *index = (uint32_t)i;
        }
    }
    return fit;
}

int cocos_manifest_find_dataset(const cocos_manifest *m,
                                const uint8_t digest[COCOS_DIGEST_SIZE],
                                const cocos_key *key,
                                const char *path,
                                uint32_t *index,
                                cocos_error **err)
{
    size_t end = strlen(path);
    while (end > 1 && path[end - 1] == '/')
        end--;
    size_t start = end;
    while (start > 0 && path[start - 1] != '/')
        start--;

    struct wanted w = {digest, key, path + start, end - start};
    size_t before = cocos_manifest_asset_count(m, COCOS_ASSET_DATASET);
    uint32_t found = 0;

    for (size_t n = 1; n <= COCOS__ARRAY_LEN(rules); n++) {
        size_t fit = count(m, &w, n, &found);
        if (fit == 1) {
            *index = found;
            return COCOS_OK;
        }
        if (fit == 0 && n == 1)
            return cocos__fail(err, COCOS_ERR_NOT_FOUND, "asset.none",
                               "the manifest has no data set with the digest of %s", path);
        if (fit == 0)
            break; /* a finer rule fits nothing: several stay */
        before = fit;
    }
    return cocos__fail(err, COCOS_ERR_USAGE, "asset.tie",
                       "%zu data sets of the manifest fit %s; name one by its index", before, path);
}
