/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "manifest/model.h"

#include "manifests.h"
#include "suite.h"

/* One change to a good manifest, and the code that must be the first to refuse it. */
static const struct {
    const char *from;
    const char *to;
    const char *code;
} changes[] = {
    {"\"version\": 1, ", "", "json.absent"},
    {"\"version\": 1", "\"version\": \"1\"", "json.type"},
    {"\"id\": \"c-1\"", "\"id\": \"\"", "manifest.required"},
    {"\"id\": \"c-1\"", "\"id\": \"a b\"", "manifest.id"},
    {"\"id\": \"c-1\"", "\"id\": \"../x\"", "manifest.id"},
    {"\"id\": \"c-1\"",
     "\"id\": \"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"",
     "manifest.id"},
    {"\"id\": \"c-1\"", "\"id\": 5", "json.type"},
    {"\"name\": \"n\"", "\"name\": \"n\", \"more\": 1", "manifest.unknown"},
    {"\"size\": 12", "\"size\": 12, \"sizes\": 1", "manifest.unknown"},
    {"\"filename\": \"a.csv\"", "\"filename\": \"a.csv\", \"algo_type\": \"bin\"",
     "manifest.unknown"},
    {"\"output\": \"parties\"", "\"outputs\": \"parties\"", "manifest.unknown"},
    {"\"port\": \"7002\"", "\"server_ca_file\": \"x\"", "manifest.unknown"},
    {"\"name\": \"n\"", "\"name\": \"n\", \"name\": \"n\"", "json.double"},
    {"\"hash\": \"000102", "\"hash\": \"0102", "manifest.hash.length"},
    {"\"hash\": \"000102", "\"hash\": \"00000102", "manifest.hash.length"},
    {"\"hash\": \"000102", "\"hash\": \"0001zz", "manifest.hash.digit"},
    {"\"hash\": " SAMPLE_HASH ", ", "", "manifest.required"},
    {"\"hash\": " SAMPLE_HASH, "\"hash\": [1,2]", "json.type"},
    {"\"size\": 12", "\"size\": -1", "json.range"},
    {"\"size\": 12", "\"size\": \"12X\"", "manifest.bytes"},
    {"\"size\": 12", "\"size\": 1.5", "json.type"},
    {"\"size\": 12", "\"size\": \"9223372036854775808\"", "manifest.size"},
    {"\"user_key\": @", "\"user_key\": \"key.pem\"", "manifest.user_key"},
    {"\"user_key\": @", "\"user_key\": \"-----BEGIN PUBLIC KEY-----\"", "manifest.user_key"},
    {"\"user_key\": @,", "", "manifest.required"},
    {"\"algo_type\": \"python\"", "\"algo_type\": \"Bin\"", "manifest.algo_type"},
    {"\"algo_args\": [\"-x\", \"\"]", "\"algo_args\": \"-x\"", "json.type"},
    {"\"algo_args\": [\"-x\", \"\"]", "\"algo_args\": [1]", "json.type"},
    {"\"requirements\": {\"hash\": " SAMPLE_HASH "}", "\"requirements\": {\"hash\": \"00\"}",
     "manifest.hash.length"},
    {"\"requirements\": {\"hash\": " SAMPLE_HASH "}", "\"requirements\": {\"size\": 1}",
     "manifest.unknown"},
    {"\"type\": \"https\"", "\"type\": \"ftp\"", "manifest.source.type"},
    {"\"url\": \"https://a.example/x\", ", "", "manifest.source.url"},
    {"\"kbs_resource_path\": \"a/b/c\"", "\"kbs_resource_path\": \"\"", "manifest.source.key"},
    {"\"url\": \"https://k.example\", ", "", "manifest.kbs.url"},
    {"\"filename\": \"a.csv\", ", "", "manifest.required"},
    {"\"filename\": \"a.csv\"", "\"filename\": \"a/b\"", "manifest.filename"},
    {"\"filename\": \"a.csv\"", "\"filename\": \".\"", "manifest.filename"},
    {"\"filename\": \"a.csv\"", "\"filename\": \"..\"", "manifest.filename"},
    {"\"filename\": \"a.csv\"", "\"filename\": \"b.zip\"", "manifest.filename.double"},
    {"\"decompress\": true", "\"decompress\": 1", "json.type"},
    {"\"result_consumers\": [{\"user_key\": @}]", "\"result_consumers\": []", "manifest.required"},
    {"\"result_consumers\": [{\"user_key\": @}]", "\"result_consumers\": [1]", "json.type"},
    {"\"result_consumers\": [{\"user_key\": @}]", "\"result_consumers\": [{}]",
     "manifest.required"},
    {"\"approvals\": [\"data-provider\"]", "\"approvals\": [\"somebody\"]", "manifest.approvals"},
    {"\"approvals\": [\"data-provider\"]", "\"approvals\": [\"consumer\", \"consumer\"]",
     "manifest.approvals"},
    {"\"output\": \"parties\"", "\"output\": \"all\"", "manifest.job.output"},
    {"\"memory\": \"256M\"", "\"memory\": 0", "manifest.job.limit"},
    {"\"memory\": \"256M\"", "\"memory\": \"256m\"", "manifest.bytes"},
    {"\"cpu\": 1.5", "\"cpu\": 0.0001", "manifest.job.cpu"},
    {"\"cpu\": 1.5", "\"cpu\": -1", "manifest.job.cpu"},
    {"\"cpu\": 1.5", "\"cpu\": 0", "manifest.job.limit"},
    {"\"processes\": 7", "\"processes\": 0", "manifest.job.limit"},
    {"\"deadline\": \"1h30m\"", "\"deadline\": \"90\"", "manifest.duration"},
    {"\"deadline\": \"1h30m\"", "\"deadline\": \"0s\"", "manifest.job.limit"},
    {"\"deadline\": \"1h30m\"", "\"deadline\": 90", "json.type"},
    {"\"port\": \"7002\"", "\"port\": \"7003\"", "manifest.agent_config.port"},
    {"/etc/certs/cert.pem", "/etc/passwd", "manifest.agent_config.path"},
    {"/etc/certs/cert.pem", "/etc/certs/../passwd", "manifest.agent_config.path"},
    {"/etc/certs/key.pem", "-----BEGIN PRIVATE KEY-----", "manifest.agent_config.path"},
    {"\"key_file\": \"/etc/certs/key.pem\", ", "", "manifest.agent_config.pair"},
    {"\"processes\": 7", "\"processes\": 4194305", "manifest.job.limit"},
    {"\"log_level\": \"info\"", "\"log_level\": \"verbose\"", "manifest.agent_config.log_level"},
    {"\"job\": {", "\"job\": [1], \"job_\": {", "manifest.unknown"},
};

START_TEST(refuses_each_broken_rule_by_its_code)
{
    for (size_t i = 0; i < COCOS__ARRAY_LEN(changes); i++) {
        COCOS__CLEANUP(cocos__freep)
        char *form = manifest_change(SAMPLE_MANIFEST, changes[i].from, changes[i].to);
        cocos_manifest *m = NULL;
        cocos_error *err = NULL;
        int r = manifest_read(form, &m, &err);

        ck_assert_msg(r == COCOS_ERR_MALFORMED, "%s -> %s: %s", changes[i].from, changes[i].to,
                      cocos_status_name(r));
        ck_assert_msg(strcmp(cocos_error_code(err), changes[i].code) == 0, "%s -> %s: %s, %s",
                      changes[i].from, changes[i].to, cocos_error_code(err),
                      cocos_error_message(err));
        cocos_error_free(err);
    }
}
END_TEST

START_TEST(accepts_names_at_their_longest)
{
    char to[400] = "\"filename\": \"";
    cocos_error *err = NULL;

    for (int len = 255; len <= 256; len++) {
        cocos_manifest *m = NULL;
        memset(to + 13, 'x', (size_t)len);
        strcpy(to + 13 + len, "\"");
        COCOS__CLEANUP(cocos__freep)
        char *form = manifest_change(SAMPLE_MANIFEST, "\"filename\": \"a.csv\"", to);
        if (len == 255)
            assert_ok(manifest_read(form, &m, &err), err);
        else
            assert_fails(manifest_read(form, &m, &err), COCOS_ERR_MALFORMED, "manifest.filename",
                         err);
        cocos_manifest_free(m);
    }
}
END_TEST

START_TEST(reports_every_defect_at_once)
{
    static const char form[] =
        "{\"version\": 1, \"id\": \"a b\", \"who\": 1, \"algorithm\": {\"hash\": \"00\", "
        "\"user_key\": @, \"algo_type\": \"x\"}, \"job\": {\"memory\": 0}}";
    cocos_manifest *m = NULL;
    cocos_error *err = NULL;

    ck_assert_int_eq(manifest_read(form, &m, &err), COCOS_ERR_MALFORMED);
    ck_assert_str_eq(cocos_error_code(err), "manifest.unknown");
    assert_defects(err,
                   "manifest.unknown: /who: the format has no such name\n"
                   "manifest.hash.length: /algorithm/hash: a SHA3-256 has 64 hex digits, found 2\n"
                   "manifest.required: /result_consumers: a computation has at least one consumer\n"
                   "manifest.id: /id: only letters, digits, '.', '_' and '-' are allowed\n"
                   "manifest.algo_type: /algorithm/algo_type: \"x\" is none of the allowed values\n"
                   "manifest.job.limit: /job/memory: is 0, must be from 1 to 1125899906842624\n");
    cocos_error_free(err);
}
END_TEST

START_TEST(looks_no_further_at_another_version)
{
    cocos_manifest *m = NULL;
    cocos_error *err = NULL;

    ck_assert_int_eq(manifest_read("{\"version\": 2, \"new\": 1}", &m, &err),
                     COCOS_ERR_UNSUPPORTED);
    ck_assert_str_eq(cocos_error_code(err), "manifest.version");
    cocos_error_free(err);
    err = NULL;
    assert_fails(manifest_read("[]", &m, &err), COCOS_ERR_MALFORMED, "manifest.required", err);
    assert_fails(manifest_read("5", &m, &err), COCOS_ERR_MALFORMED, "json.type", err);
    assert_fails(manifest_read("", &m, &err), COCOS_ERR_MALFORMED, "json.syntax", err);
}
END_TEST

/* A list of n entries; # in the entry becomes its number. */
static char *many(const char *list, const char *entry, int n)
{
    size_t cap = strlen(list) + (size_t)n * (strlen(entry) + 16) + 8;
    char *out = malloc(cap);
    const char *number = strchr(entry, '#');
    int before = number ? (int)(number - entry) : 0;
    size_t at = (size_t)snprintf(out, cap, "%s: [", list);

    for (int i = 0; i < n; i++) {
        at += (size_t)snprintf(out + at, cap - at, "%s%.*s", i ? ", " : "", before, entry);
        if (number)
            at += (size_t)snprintf(out + at, cap - at, "%d", i);
        at += (size_t)snprintf(out + at, cap - at, "%s", number ? number + 1 : entry);
    }
    snprintf(out + at, cap - at, "]");
    return out;
}

START_TEST(has_room_for_256_and_no_more)
{
    cocos_error *err = NULL;

    for (int n = 256; n <= 257; n++) {
        COCOS__CLEANUP(cocos__freep)
        char *consumers = many("\"result_consumers\"", "{\"user_key\": @}", n);
        COCOS__CLEANUP(cocos__freep)
        char *form = manifest_change(SAMPLE_MANIFEST, "\"result_consumers\": [{\"user_key\": @}]",
                                     consumers);
        COCOS__CLEANUP(cocos__manifest_freep) cocos_manifest *m = NULL;
        COCOS__CLEANUP(cocos__manifest_freep) cocos_manifest *again = NULL;
        if (n == 257) {
            assert_fails(manifest_read(form, &m, &err), COCOS_ERR_MALFORMED, "manifest.count", err);
            continue;
        }
        assert_ok(manifest_read(form, &m, &err), err);
        size_t len;
        const uint8_t *cbor = cocos_manifest_cbor(m, &len);
        assert_ok(cocos_manifest_from_cbor(cbor, len, &again, &err), err);
        ck_assert_uint_eq(cocos_manifest_consumer_count(again), 256);
    }
    for (int n = 256; n <= 257; n++) {
        COCOS__CLEANUP(cocos__freep)
        char *datasets =
            many("\"result_consumers\": [{\"user_key\": @}], \"datasets\"",
                 "{\"filename\": \"#\", \"hash\": " SAMPLE_HASH ", \"user_key\": @}", n);
        COCOS__CLEANUP(cocos__freep)
        char *form =
            manifest_change(SMALL_MANIFEST, "\"result_consumers\": [{\"user_key\": @}]", datasets);
        COCOS__CLEANUP(cocos__manifest_freep) cocos_manifest *m = NULL;
        if (n == 257)
            assert_fails(manifest_read(form, &m, &err), COCOS_ERR_MALFORMED, "manifest.count", err);
        else
            assert_ok(manifest_read(form, &m, &err), err);
    }
}
END_TEST

START_TEST(bounds_the_size_of_both_forms)
{
    size_t len = 2 * 1024 * 1024 + 1;
    char *text = calloc(1, len + 1);
    cocos_manifest *m = NULL;
    cocos_error *err = NULL;

    memset(text, ' ', len);
    assert_fails(cocos_manifest_from_json(text, len, NULL, &m, &err), COCOS_ERR_MALFORMED,
                 "json.size", err);
    assert_fails(cocos_manifest_from_cbor((uint8_t *)text, 1024 * 1024 + 1, &m, &err),
                 COCOS_ERR_MALFORMED, "manifest.size", err);
    free(text);
}
END_TEST

TEST_MAIN(rules,
          refuses_each_broken_rule_by_its_code,
          accepts_names_at_their_longest,
          reports_every_defect_at_once,
          looks_no_further_at_another_version,
          has_room_for_256_and_no_more,
          bounds_the_size_of_both_forms)
