/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/digest.h"
#include "crypto/key.h"
#include "manifest/model.h"

#include "manifests.h"
#include "suite.h"

static cocos_manifest *read_ok(const char *form)
{
    cocos_manifest *m = NULL;
    cocos_error *err = NULL;

    assert_ok(manifest_read(form, &m, &err), err);
    return m;
}

START_TEST(tells_what_the_json_says)
{
    COCOS__CLEANUP(cocos__manifest_freep) cocos_manifest *m = read_ok(SAMPLE_MANIFEST);

    ck_assert_str_eq(cocos_manifest_id(m), "c-1");
    ck_assert_str_eq(cocos_manifest_name(m), "n");
    ck_assert_str_eq(cocos_manifest_description(m), "d");
    ck_assert_str_eq(cocos_manifest_algo_type(m), "python");
    ck_assert_uint_eq(cocos_manifest_algo_arg_count(m), 2);
    ck_assert_str_eq(cocos_manifest_algo_arg(m, 0), "-x");
    ck_assert_str_eq(cocos_manifest_algo_arg(m, 1), "");
    ck_assert_ptr_null(cocos_manifest_algo_arg(m, 2));

    ck_assert_uint_eq(cocos_manifest_asset_count(m, COCOS_ASSET_ALGORITHM), 1);
    ck_assert_uint_eq(cocos_manifest_asset_count(m, COCOS_ASSET_DATASET), 2);
    ck_assert_uint_eq(cocos_manifest_asset_count(m, COCOS_ASSET_REQUIREMENTS), 1);
    ck_assert_uint_eq(cocos_manifest_asset_count(m, 9), 0);
    ck_assert_uint_eq(cocos_manifest_asset_digest(m, COCOS_ASSET_DATASET, 1)[31], 31);
    ck_assert_ptr_null(cocos_manifest_asset_digest(m, COCOS_ASSET_DATASET, 2));
    ck_assert(cocos_manifest_asset_size(m, COCOS_ASSET_ALGORITHM, 0) == 12);
    ck_assert(cocos_manifest_asset_size(m, COCOS_ASSET_DATASET, 0) == 0);
    ck_assert(cocos_manifest_asset_size(m, COCOS_ASSET_DATASET, 1) == COCOS_SIZE_UNKNOWN);
    ck_assert_str_eq(cocos_manifest_asset_name(m, COCOS_ASSET_DATASET, 1), "b.zip");
    ck_assert_str_eq(cocos_manifest_asset_name(m, COCOS_ASSET_ALGORITHM, 0), "algorithm");
    ck_assert_str_eq(cocos_manifest_asset_name(m, COCOS_ASSET_REQUIREMENTS, 0), "requirements.txt");
    ck_assert_ptr_eq(cocos_manifest_asset_owner(m, COCOS_ASSET_REQUIREMENTS, 0),
                     cocos_manifest_asset_owner(m, COCOS_ASSET_ALGORITHM, 0));
    ck_assert_int_eq(cocos_manifest_dataset_decompress(m, 0), 0);
    ck_assert_int_eq(cocos_manifest_dataset_decompress(m, 1), 1);

    ck_assert_uint_eq(cocos_manifest_consumer_count(m), 1);
    ck_assert_ptr_nonnull(cocos_manifest_consumer(m, 0));
    ck_assert_ptr_null(cocos_manifest_consumer(m, 1));
    ck_assert_uint_eq(cocos_manifest_approval_count(m), 1);
    ck_assert_str_eq(cocos_manifest_approval(m, 0), "data-provider");
    ck_assert_str_eq(cocos_manifest_job_output(m), "parties");
    ck_assert_uint_eq(cocos_manifest_job_limit(m, COCOS_JOB_MEMORY), 256u << 20);
    ck_assert_uint_eq(cocos_manifest_job_limit(m, COCOS_JOB_CPU), 1500);
    ck_assert_uint_eq(cocos_manifest_job_limit(m, COCOS_JOB_PROCESSES), 7);
    ck_assert_uint_eq(cocos_manifest_job_limit(m, COCOS_JOB_DISK), UINT64_C(2) << 30);
    ck_assert_uint_eq(cocos_manifest_job_limit(m, COCOS_JOB_DEADLINE_MS), 5400000);
    ck_assert_str_eq(cocos_manifest_agent_config(m, COCOS_AGENT_CERT_FILE), "/etc/certs/cert.pem");
    ck_assert_str_eq(cocos_manifest_agent_config(m, COCOS_AGENT_PORT), "7002");
    ck_assert_int_eq(cocos_manifest_attested_tls(m), 1);
}
END_TEST

START_TEST(has_defaults_for_what_is_not_stated)
{
    COCOS__CLEANUP(cocos__manifest_freep) cocos_manifest *m = read_ok(SMALL_MANIFEST);

    ck_assert_str_eq(cocos_manifest_name(m), "");
    ck_assert_str_eq(cocos_manifest_algo_type(m), "bin");
    ck_assert_uint_eq(cocos_manifest_asset_count(m, COCOS_ASSET_DATASET), 0);
    ck_assert_uint_eq(cocos_manifest_asset_count(m, COCOS_ASSET_REQUIREMENTS), 0);
    ck_assert_str_eq(cocos_manifest_job_output(m), "consumers");
    ck_assert_uint_eq(cocos_manifest_job_limit(m, COCOS_JOB_MEMORY), 512u << 20);
    ck_assert_uint_eq(cocos_manifest_job_limit(m, COCOS_JOB_CPU), 1000);
    ck_assert_uint_eq(cocos_manifest_job_limit(m, COCOS_JOB_PROCESSES), 64);
    ck_assert_uint_eq(cocos_manifest_job_limit(m, COCOS_JOB_DISK), UINT64_C(1) << 30);
    ck_assert_uint_eq(cocos_manifest_job_limit(m, COCOS_JOB_DEADLINE_MS), 600000);
    ck_assert_str_eq(cocos_manifest_agent_config(m, COCOS_AGENT_LOG_LEVEL), "");
    ck_assert_int_eq(cocos_manifest_attested_tls(m), 0);
}
END_TEST

START_TEST(round_trips_through_cbor_and_json)
{
    static const char *const forms[] = {SAMPLE_MANIFEST, SMALL_MANIFEST};
    cocos_error *err = NULL;

    for (size_t i = 0; i < COCOS__ARRAY_LEN(forms); i++) {
        COCOS__CLEANUP(cocos__manifest_freep) cocos_manifest *m = read_ok(forms[i]);
        COCOS__CLEANUP(cocos__manifest_freep) cocos_manifest *from_cbor = NULL;
        COCOS__CLEANUP(cocos__manifest_freep) cocos_manifest *from_json = NULL;
        COCOS__CLEANUP(cocos__freep) char *json = NULL;
        uint8_t digest[32];
        size_t len;
        const uint8_t *cbor = cocos_manifest_cbor(m, &len);

        assert_ok(cocos__digest(COCOS__SHA3_256, cbor, len, digest, &err), err);
        ck_assert_mem_eq(digest, cocos_manifest_digest(m), 32);
        assert_ok(cocos_manifest_from_cbor(cbor, len, &from_cbor, &err), err);
        ck_assert_mem_eq(digest, cocos_manifest_digest(from_cbor), 32);
        assert_ok(cocos_manifest_to_json(from_cbor, &json, &err), err);
        assert_ok(cocos_manifest_from_json(json, strlen(json), NULL, &from_json, &err), err);
        ck_assert_mem_eq(digest, cocos_manifest_digest(from_json), 32);
    }
}
END_TEST

/* Frozen: whoever changes this changes the digest of every manifest that parties have confirmed. */
START_TEST(has_a_frozen_encoding)
{
    COCOS__CLEANUP(cocos__manifest_freep) cocos_manifest *m = read_ok(SMALL_MANIFEST);
    size_t len;
    const uint8_t *cbor = cocos_manifest_cbor(m, &len);
    size_t key_len;
    const uint8_t *key = cocos_key_spki(cocos_manifest_consumer(m, 0), &key_len);
    COCOS__CLEANUP(cocos__buf_done) cocos__buf want;

    /* RFC 8949 section 4.2.1: shorter names first. */
    cocos__buf_init(&want, 1000);
    cocos__buf_add_str(&want, "\xa4\x62id\x61"
                              "c\x67version\x01\x69"
                              "algorithm\xa2\x64hash\x58\x20");
    for (int i = 0; i < 32; i++)
        cocos__buf_add_u8(&want, (uint8_t)i);
    cocos__buf_add_str(&want, "\x68user_key\x58\x2c");
    cocos__buf_add(&want, key, key_len);
    cocos__buf_add_str(&want, "\x70result_consumers\x81\xa1\x68user_key\x58\x2c");
    cocos__buf_add(&want, key, key_len);
    ck_assert_uint_eq(key_len, 0x2c);
    ck_assert_uint_eq(len, want.len);
    ck_assert_mem_eq(cbor, want.data, len);
}
END_TEST

START_TEST(does_not_encode_what_is_empty)
{
    COCOS__CLEANUP(cocos__manifest_freep) cocos_manifest *small = read_ok(SMALL_MANIFEST);
    COCOS__CLEANUP(cocos__freep)
    char *form = manifest_change(
        SMALL_MANIFEST, "\"user_key\": @}",
        "\"user_key\": @, \"algo_type\": \"\", \"algo_args\": [], \"requirements\": {},"
        " \"source\": {\"type\": null, \"encrypted\": false}, \"kbs\": {\"url\": \"\"}},"
        " \"name\": null, \"datasets\": [], \"approvals\": [], \"job\": {\"network\": []},"
        " \"agent_config\": {\"attested_tls\": false}");
    COCOS__CLEANUP(cocos__manifest_freep) cocos_manifest *m = read_ok(form);

    ck_assert_mem_eq(cocos_manifest_digest(m), cocos_manifest_digest(small), 32);
}
END_TEST

START_TEST(refuses_cbor_in_another_encoding)
{
    COCOS__CLEANUP(cocos__manifest_freep) cocos_manifest *m = read_ok(SMALL_MANIFEST);
    COCOS__CLEANUP(cocos__buf_done) cocos__buf b;
    cocos_manifest *other = NULL;
    cocos_error *err = NULL;
    size_t len;
    const uint8_t *cbor = cocos_manifest_cbor(m, &len);

    /* An empty name added at its place: a5, id, name "", version ... */
    cocos__buf_init(&b, 10000);
    cocos__buf_add_u8(&b, 0xa5);
    cocos__buf_add(&b, cbor + 1, 5);
    cocos__buf_add(&b, "\x64name\x60", 6);
    cocos__buf_add(&b, cbor + 6, len - 6);
    assert_fails(cocos_manifest_from_cbor(b.data, b.len, &other, &err), COCOS_ERR_MALFORMED,
                 "manifest.encoding", err);
    b.data[11] = 0xf6; /* null instead of "" */
    assert_fails(cocos_manifest_from_cbor(b.data, b.len, &other, &err), COCOS_ERR_MALFORMED,
                 "manifest.encoding", err);
    assert_fails(cocos_manifest_from_cbor(cbor, len - 1, &other, &err), COCOS_ERR_MALFORMED,
                 "cbor.short", err);
    cocos__buf_reset(&b);
    cocos__buf_add(&b, cbor, len);
    cocos__buf_add_u8(&b, 0);
    assert_fails(cocos_manifest_from_cbor(b.data, b.len, &other, &err), COCOS_ERR_MALFORMED,
                 "cbor.trailing", err);
}
END_TEST

START_TEST(never_reads_changed_cbor_as_the_same_manifest)
{
    COCOS__CLEANUP(cocos__manifest_freep) cocos_manifest *m = read_ok(SAMPLE_MANIFEST);
    size_t len;
    const uint8_t *cbor = cocos_manifest_cbor(m, &len);
    uint8_t *copy = malloc(len);

    memcpy(copy, cbor, len);
    for (size_t i = 0; i < len; i++) {
        COCOS__CLEANUP(cocos__manifest_freep) cocos_manifest *other = NULL;
        copy[i] ^= (uint8_t)(1u << i % 8);
        if (cocos_manifest_from_cbor(copy, len, &other, NULL) == COCOS_OK)
            ck_assert_mem_ne(cocos_manifest_digest(other), cocos_manifest_digest(m), 32);
        copy[i] ^= (uint8_t)(1u << i % 8);
    }
    free(copy);
}
END_TEST

static void write_text(const char *dir, const char *name, const char *text)
{
    char path[256];

    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "w");
    ck_assert_ptr_nonnull(f);
    fputs(text, f);
    fclose(f);
}

START_TEST(reads_keys_and_files_beside_the_manifest)
{
    static const char form[] =
        "{\"version\": 1, \"id\": \"c\", \"algorithm\": {\"file\": \"algo\", "
        "\"user_key\": \"key.pem\"}, \"result_consumers\": [{\"user_key\": \"key.pem\"}]}";
    COCOS__CLEANUP(cocos__key_freep) cocos_key *key = NULL;
    COCOS__CLEANUP(cocos__manifest_freep) cocos_manifest *m = NULL;
    char dir[] = "/tmp/cocos-manifest-XXXXXX";
    char path[128];
    char command[128];
    char *pem = NULL;
    uint8_t digest[32];
    cocos_error *err = NULL;

    ck_assert_ptr_nonnull(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/m.json", dir);
    assert_fails(cocos_manifest_from_file(path, &m, &err), COCOS_ERR_NOT_FOUND, "io.open", err);
    write_text(dir, "m.json", form);
    assert_fails(cocos_manifest_from_file(path, &m, &err), COCOS_ERR_NOT_FOUND, "manifest.file",
                 err);

    assert_ok(cocos_key_generate(COCOS_KEY_ED25519, &key, &err), err);
    assert_ok(cocos_key_to_pem(key, 1, &pem, &err), err);
    write_text(dir, "algo", "abc");
    write_text(dir, "key.pem", pem);
    cocos_free_text(pem);
    assert_ok(cocos_manifest_from_file(path, &m, &err), err);
    assert_ok(cocos__digest(COCOS__SHA3_256, "abc", 3, digest, &err), err);
    ck_assert_mem_eq(digest, cocos_manifest_asset_digest(m, COCOS_ASSET_ALGORITHM, 0), 32);
    ck_assert_int_eq(cocos__key_equal(key, cocos_manifest_consumer(m, 0)), 1);
    ck_assert_int_eq(cocos_key_is_private(cocos_manifest_consumer(m, 0)), 0);

    cocos_manifest *other = NULL;
    snprintf(path, sizeof path, "%s/algo", dir);
    unlink(path);
    mkdir(path, 0700);
    ck_assert_int_eq(cocos_manifest_from_json(form, strlen(form), dir, &other, &err),
                     COCOS_ERR_UNSUPPORTED);
    ck_assert_str_eq(cocos_error_code(err), "manifest.file");
    cocos_error_free(err);
    err = NULL;
    assert_fails(cocos_manifest_from_json(form, strlen(form), NULL, &other, &err),
                 COCOS_ERR_MALFORMED, "manifest.required", err);
    snprintf(command, sizeof command, "rm -r %s", dir);
    ck_assert_int_eq(system(command), 0);
}
END_TEST

START_TEST(refuses_calls_without_arguments)
{
    cocos_manifest *m = NULL;
    cocos_error *err = NULL;
    char *json = NULL;

    assert_fails(cocos_manifest_from_json(NULL, 1, NULL, &m, &err), COCOS_ERR_USAGE,
                 "manifest.usage", err);
    assert_fails(cocos_manifest_from_cbor(NULL, 1, &m, &err), COCOS_ERR_USAGE, "manifest.usage",
                 err);
    assert_fails(cocos_manifest_from_file(NULL, &m, &err), COCOS_ERR_USAGE, "manifest.usage", err);
    assert_fails(cocos_manifest_to_json(NULL, &json, &err), COCOS_ERR_USAGE, "manifest.usage", err);
    cocos_manifest_free(NULL);
}
END_TEST

TEST_MAIN(manifest,
          tells_what_the_json_says,
          has_defaults_for_what_is_not_stated,
          round_trips_through_cbor_and_json,
          has_a_frozen_encoding,
          does_not_encode_what_is_empty,
          refuses_cbor_in_another_encoding,
          never_reads_changed_cbor_as_the_same_manifest,
          reads_keys_and_files_beside_the_manifest,
          refuses_calls_without_arguments)
