/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_TESTS_MANIFESTS_H
#define COCOS_TESTS_MANIFESTS_H

/* Manifests for tests: JSON texts in which @ stands for a public key as a JSON text. */

#include <stdio.h>
#include <string.h>

#include <check.h>

#include <cocos/manifest.h>

#define SAMPLE_HASH "\"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\""

#define SAMPLE_MANIFEST                                                                                                           \
    "{\"version\": 1, \"id\": \"c-1\", \"name\": \"n\", \"description\": \"d\","                                                  \
    " \"algorithm\": {\"hash\": " SAMPLE_HASH ", \"size\": 12, \"user_key\": @,"                                                  \
    "  \"algo_type\": \"python\", \"algo_args\": [\"-x\", \"\"],"                                                                 \
    "  \"requirements\": {\"hash\": " SAMPLE_HASH "},"                                                                            \
    "  \"source\": {\"type\": \"https\", \"url\": \"https://a.example/x\", \"encrypted\": true,"                                  \
    "   \"kbs_resource_path\": \"a/b/c\"}, \"kbs\": {\"url\": \"https://k.example\", \"enabled\": true}},"                        \
    " \"datasets\": [{\"filename\": \"a.csv\", \"hash\": " SAMPLE_HASH                                                            \
    ", \"size\": 0, \"user_key\": @},"                                                                                            \
    "  {\"filename\": \"b.zip\", \"hash\": " SAMPLE_HASH                                                                          \
    ", \"user_key\": @, \"decompress\": true}],"                                                                                  \
    " \"result_consumers\": [{\"user_key\": @}],"                                                                                 \
    " \"approvals\": [\"data-provider\"],"                                                                                        \
    " \"job\": {\"output\": \"parties\", \"network\": [\"a.example:443\"], \"memory\": \"256M\", \"cpu\": 1.5, \"processes\": 7," \
    "  \"disk\": \"2G\", \"deadline\": \"1h30m\"},"                                                                               \
    " \"agent_config\": {\"port\": \"7002\", \"attested_tls\": true, \"cert_file\": \"/etc/certs/cert.pem\","                     \
    "  \"key_file\": \"/etc/certs/key.pem\", \"client_ca_file\": \"/etc/certs/ca.pem\", \"log_level\": \"info\"}}"

/* The least that a manifest has. */
#define SMALL_MANIFEST                                                                             \
    "{\"version\": 1, \"id\": \"c\", \"algorithm\": {\"hash\": " SAMPLE_HASH ", \"user_key\": @}," \
    " \"result_consumers\": [{\"user_key\": @}]}"

/* A public key made by us; its private half was thrown away. */
#define SAMPLE_KEY                                                                                 \
    "\"-----BEGIN PUBLIC KEY-----\\n"                                                              \
    "MCowBQYDK2VwAyEA5Gz5m4QZcXc/0N6d24wNyDlc9X7J/KrojDLg57fEeSY=\\n"                              \
    "-----END PUBLIC KEY-----\\n\""

/* The text with keys in place; free with free(). */
static inline char *manifest_text(const char *form)
{
    size_t cap = strlen(form) + 1000 * sizeof SAMPLE_KEY;
    char *out = malloc(cap);
    size_t n = 0;

    if (!out)
        abort();
    for (; *form; form++) {
        if (*form == '@')
            n += (size_t)snprintf(out + n, cap - n, "%s", SAMPLE_KEY);
        else
            out[n++] = *form;
    }
    out[n] = '\0';
    return out;
}

/* The first `from` in the text replaced by `to`; free with free(). */
static inline char *manifest_change(const char *form, const char *from, const char *to)
{
    const char *at = strstr(form, from);
    char *out = malloc(strlen(form) + strlen(to) + 1);

    if (!at || !out)
        abort();
    sprintf(out, "%.*s%s%s", (int)(at - form), form, to, at + strlen(from));
    return out;
}

/* The chain of defects, told as lines `code: text`. */
static inline void assert_defects(const cocos_error *err, const char *lines)
{
    char text[8192] = "";

    for (size_t n = 0; err && n < sizeof text; err = cocos_error_cause(err))
        n += (size_t)snprintf(text + n, sizeof text - n, "%s: %s\n", cocos_error_code(err),
                              cocos_error_message(err));
    ck_assert_str_eq(text, lines);
}

static inline int manifest_read(const char *form, cocos_manifest **ret, cocos_error **err)
{
    char *text = manifest_text(form);
    int r = cocos_manifest_from_json(text, strlen(text), NULL, ret, err);

    free(text);
    return r;
}

#endif
