/* SPDX-License-Identifier: Apache-2.0 */
/* Manifests when memory runs out: an error each time, nothing left behind, no crash. */
#include "manifest/agree.h"
#include "manifest/model.h"

#include "allocfail.h"
#include "manifests.h"
#include "scratch.h"
#include "suite.h"

static int read_json(void *user, cocos_error **err)
{
    cocos_manifest *m = NULL;
    int r = cocos_manifest_from_json(user, strlen(user), NULL, &m, err);

    cocos_manifest_free(m);
    return r;
}

/* A bad one: the defects themselves need memory. */
static int refuse_json(void *user, cocos_error **err)
{
    cocos_manifest *m = NULL;
    cocos_error *e = NULL;
    int r = cocos_manifest_from_json(user, strlen(user), NULL, &m, &e);

    if (r == COCOS_OK)
        abort();
    if (r == COCOS_ERR_MEMORY) {
        *err = e;
        return r;
    }
    cocos_error_free(e);
    return COCOS_OK;
}

static int read_cbor(void *user, cocos_error **err)
{
    cocos_manifest *m = NULL;
    size_t len;
    const uint8_t *cbor = cocos_manifest_cbor(user, &len);
    int r = cocos_manifest_from_cbor(cbor, len, &m, err);

    cocos_manifest_free(m);
    return r;
}

static int write_json(void *user, cocos_error **err)
{
    char *json = NULL;
    int r = cocos_manifest_to_json(user, &json, err);

    cocos_free_text(json);
    return r;
}

static int read_file(void *user, cocos_error **err)
{
    cocos_manifest *m = NULL;
    int r = cocos_manifest_from_file(user, &m, err);

    cocos_manifest_free(m);
    return r;
}

static int never_read_file(void *user, cocos_error **err)
{
    return allocfail_refused(read_file(user, err), err);
}

static int agree(void *user, cocos_error **err)
{
    COCOS__CLEANUP(cocos__old_fields_done) cocos__old_fields old = {0};
    int r = cocos__manifest_old_fields(user, &old, err);

    return r < 0 ? r : cocos__manifest_agrees(user, &old, err);
}

START_TEST(reads_writes_and_compares)
{
    COCOS__CLEANUP(cocos__freep) char *text = manifest_text(SAMPLE_MANIFEST);
    COCOS__CLEANUP(cocos__manifest_freep) cocos_manifest *m = NULL;
    cocos_error *err = NULL;

    assert_ok(manifest_read(SAMPLE_MANIFEST, &m, &err), err);
    ck_assert_uint_gt(allocfail_sweep(read_json, text), 0);
    ck_assert_uint_gt(allocfail_sweep(read_cbor, m), 0);
    ck_assert_uint_gt(allocfail_sweep(write_json, m), 0);
    ck_assert_uint_gt(allocfail_sweep(agree, m), 0);
}
END_TEST

/* The second has lost its last brace, the third is not there. */
START_TEST(reads_files)
{
    static const char *const names[] = {"whole", "cut", "none"};
    COCOS__CLEANUP(cocos__freep) char *text = manifest_text(SAMPLE_MANIFEST);
    scratch s = scratch_new();
    char path[3][80];

    for (size_t i = 0; i < COCOS__ARRAY_LEN(names); i++)
        snprintf(path[i], sizeof path[i], "%s/%s", s.path, names[i]);
    scratch_write(&s, names[0], text, 0600);
    scratch_write_bytes(&s, names[1], text, strlen(text) - 1, 0600);
    ck_assert_uint_gt(allocfail_sweep(read_file, path[0]), 0);
    ck_assert_uint_gt(allocfail_sweep(never_read_file, path[1]), 0);
    ck_assert_uint_gt(allocfail_sweep(never_read_file, path[2]), 0);
    scratch_free(&s);
}
END_TEST

START_TEST(refuses_what_is_wrong)
{
    char bad[] = "{\"version\": 1, \"id\": \"a b\", \"who\": 1, \"algorithm\": {\"hash\": \"00\", "
                 "\"size\": \"x\"}, \"datasets\": [1]}";

    ck_assert_uint_gt(allocfail_sweep(refuse_json, bad), 0);
}
END_TEST

TEST_MAIN(memory, reads_writes_and_compares, reads_files, refuses_what_is_wrong)
