/* SPDX-License-Identifier: Apache-2.0 */
#include "manifest/agree.h"

#include <string.h>

#include "manifest/model.h"

#include "manifests.h"
#include "suite.h"

static cocos_manifest *sample(void)
{
    cocos_manifest *m = NULL;
    cocos_error *err = NULL;

    assert_ok(manifest_read(SAMPLE_MANIFEST, &m, &err), err);
    return m;
}

START_TEST(agrees_with_the_fields_it_gives)
{
    static const char *const forms[] = {SAMPLE_MANIFEST, SMALL_MANIFEST};
    cocos_error *err = NULL;

    for (size_t i = 0; i < COCOS__ARRAY_LEN(forms); i++) {
        COCOS__CLEANUP(cocos__manifest_freep) cocos_manifest *m = NULL;
        COCOS__CLEANUP(cocos__old_fields_done) cocos__old_fields old = {0};
        assert_ok(manifest_read(forms[i], &m, &err), err);
        assert_ok(cocos__manifest_old_fields(m, &old, &err), err);
        assert_ok(cocos__manifest_agrees(m, &old, &err), err);
    }
}
END_TEST

static const uint8_t other_bytes[44] = {1, 2, 3};

/* One field each. */
static void disturb(cocos__old_fields *old, int which)
{
    const char **texts[] = {&old->id,
                            &old->name,
                            &old->description,
                            &old->algo_type,
                            &old->algo_args[1],
                            &old->algorithm.source.type,
                            &old->algorithm.source.url,
                            &old->algorithm.source.kbs_resource_path,
                            &old->algorithm.kbs_url,
                            &old->datasets[1].filename,
                            &old->datasets[0].source.url,
                            &old->datasets[0].kbs_url,
                            &old->port,
                            &old->cert_file,
                            &old->key_file,
                            &old->client_ca_file,
                            &old->server_ca_file,
                            &old->log_level};
    int *truths[] = {&old->algorithm.source.encrypted, &old->algorithm.kbs_enabled,
                     &old->datasets[1].decompress, &old->datasets[0].source.encrypted,
                     &old->attested_tls};
    cocos__span *spans[] = {&old->algorithm.hash, &old->algorithm.user_key, &old->datasets[0].hash,
                            &old->datasets[1].user_key, &old->consumers[0]};
    size_t *counts[] = {&old->n_algo_args, &old->n_datasets, &old->n_consumers};
    const size_t n_texts = COCOS__ARRAY_LEN(texts);
    const size_t n_truths = COCOS__ARRAY_LEN(truths);
    const size_t n_spans = COCOS__ARRAY_LEN(spans);
    size_t w = (size_t)which;

    if (w < n_texts)
        *texts[w] = "other";
    else if (w < n_texts + n_truths)
        *truths[w - n_texts] = !*truths[w - n_texts];
    else if (w < n_texts + n_truths + n_spans)
        spans[w - n_texts - n_truths]->data = other_bytes;
    else
        --*counts[w - n_texts - n_truths - n_spans];
}

#define FIELDS 31

START_TEST(sees_a_difference_in_every_field)
{
    COCOS__CLEANUP(cocos__manifest_freep) cocos_manifest *m = sample();
    cocos_error *err = NULL;

    for (int which = 0; which < FIELDS; which++) {
        COCOS__CLEANUP(cocos__old_fields_done) cocos__old_fields old = {0};
        assert_ok(cocos__manifest_old_fields(m, &old, &err), err);
        disturb(&old, which);
        int r = cocos__manifest_agrees(m, &old, &err);
        ck_assert_msg(r == COCOS_ERR_MALFORMED, "field %d", which);
        ck_assert_str_eq(cocos_error_code(err), "manifest.disagrees");
        ck_assert_ptr_null(cocos_error_cause(err));
        cocos_error_free(err);
        err = NULL;
    }
}
END_TEST

START_TEST(lists_every_difference)
{
    COCOS__CLEANUP(cocos__manifest_freep) cocos_manifest *m = sample();
    COCOS__CLEANUP(cocos__old_fields_done) cocos__old_fields old = {0};
    cocos_error *err = NULL;

    assert_ok(cocos__manifest_old_fields(m, &old, &err), err);
    old.name = "x\n";
    old.server_ca_file = "ca";
    old.n_consumers = 0;
    ck_assert_int_eq(cocos__manifest_agrees(m, &old, &err), COCOS_ERR_MALFORMED);
    assert_defects(
        err,
        "manifest.disagrees: name: the manifest has \"n\", the old field \"x \"\n"
        "manifest.disagrees: result_consumers: the manifest has 1, the old field 0\n"
        "manifest.disagrees: agent_config.server_ca_file: the manifest has \"\", the old field \"ca\"\n");
    cocos_error_free(err);
}
END_TEST

TEST_MAIN(agree,
          agrees_with_the_fields_it_gives,
          sees_a_difference_in_every_field,
          lists_every_difference)
