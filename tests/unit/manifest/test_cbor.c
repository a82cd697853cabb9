/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "codec/cbor.h"
#include "crypto/key.h"
#include "manifest/agree.h"
#include "manifest/model.h"
#include "suite.h"

static cocos_key *key_of(int type)
{
    static cocos_key *keys[5];
    cocos_key *copy = NULL;
    cocos_error *err = NULL;
    size_t len;

    if (!keys[type])
        assert_ok(cocos_key_generate(type, &keys[type], &err), err);
    const uint8_t *spki = cocos_key_spki(keys[type], &len);
    assert_ok(cocos_key_from_spki(spki, len, &copy, &err), err);
    return copy;
}

static char **texts(const char *a, const char *b)
{
    char **list = calloc(2, sizeof *list);
    list[0] = strdup(a);
    list[1] = strdup(b);
    return list;
}

/* Every member of the format is in it. */
static cocos_manifest *full(void)
{
    cocos_manifest *m = NULL;
    cocos_error *err = NULL;

    assert_ok(cocos__manifest_new(&m, &err), err);
    m->version = 1;
    m->id = strdup("job-1");
    m->name = strdup("name");
    m->description = strdup("description");
    m->has_algorithm = 1;
    memset(m->algorithm.hash, 1, 32);
    m->algorithm.has_hash = 1;
    m->algorithm.size = 0;
    m->algorithm.owner = key_of(COCOS_KEY_ED25519);
    m->algorithm.source.type = strdup("https");
    m->algorithm.source.url = strdup("https://example.org/a");
    m->algorithm.source.encrypted = 1;
    m->algorithm.kbs_url = strdup("https://example.org/k");
    m->algorithm.kbs_enabled = 1;
    m->algo_type = strdup("bin");
    m->algo_args.items = texts("--rounds", "10");
    m->algo_args.n = 2;
    m->has_requirements = 1;
    m->requirements.has_hash = 1;
    assert_ok(cocos__manifest_set_datasets(m, 2, &err), err);
    for (size_t i = 0; i < 2; i++) {
        m->datasets[i].has_hash = 1;
        m->datasets[i].hash[0] = (uint8_t)i;
        m->datasets[i].size = 1000;
        m->datasets[i].owner = key_of(COCOS_KEY_P256);
        m->datasets[i].filename = strdup(i ? "b.csv" : "a.csv");
        m->datasets[i].decompress = (int)i;
    }
    assert_ok(cocos__manifest_set_consumers(m, 1, &err), err);
    m->consumers[0] = key_of(COCOS_KEY_P384);
    m->approvals.items = texts("consumer", "data-provider");
    m->approvals.n = 2;
    m->output = strdup("parties");
    m->network.items = texts("a.example:443", "b.example:443");
    m->network.n = 2;
    for (int i = COCOS_JOB_MEMORY; i <= COCOS_JOB_DEADLINE_MS; i++)
        m->limits[i] = (uint64_t)i * 100;
    m->config[COCOS_AGENT_PORT] = strdup("7002");
    m->config[COCOS_AGENT_CERT_FILE] = strdup("/etc/certs/cert.pem");
    m->config[COCOS_AGENT_KEY_FILE] = strdup("/etc/certs/key.pem");
    m->config[COCOS_AGENT_CLIENT_CA_FILE] = strdup("/etc/certs/ca.pem");
    m->config[COCOS_AGENT_LOG_LEVEL] = strdup("info");
    m->attested_tls = 1;
    return m;
}

static cocos_manifest *finish(cocos_manifest *m)
{
    cocos__defects d = {.n = 0};
    cocos_manifest *done = NULL;
    cocos_error *err = NULL;

    assert_ok(cocos__manifest_finish(m, &d, &done, &err), err);
    return done;
}

START_TEST(reads_back_what_it_writes)
{
    cocos_manifest *m = finish(full());
    cocos_manifest *again = NULL;
    cocos_error *err = NULL;
    size_t len;
    const uint8_t *cbor = cocos_manifest_cbor(m, &len);

    assert_ok(cocos_manifest_from_cbor(cbor, len, &again, &err), err);
    ck_assert_mem_eq(cocos_manifest_digest(again), cocos_manifest_digest(m), 32);
    ck_assert_str_eq(cocos_manifest_id(again), "job-1");
    ck_assert_str_eq(cocos_manifest_algo_arg(again, 1), "10");
    ck_assert_ptr_null(cocos_manifest_algo_arg(again, 2));
    ck_assert_uint_eq(cocos_manifest_asset_count(again, COCOS_ASSET_DATASET), 2);
    ck_assert_str_eq(cocos_manifest_asset_name(again, COCOS_ASSET_DATASET, 1), "b.csv");
    ck_assert_uint_eq(cocos_manifest_asset_size(again, COCOS_ASSET_ALGORITHM, 0), 0);
    ck_assert_uint_eq(cocos_manifest_asset_size(again, COCOS_ASSET_REQUIREMENTS, 0),
                      COCOS_SIZE_UNKNOWN);
    ck_assert(cocos__key_equal(cocos_manifest_asset_owner(again, COCOS_ASSET_REQUIREMENTS, 0),
                               cocos_manifest_asset_owner(again, COCOS_ASSET_ALGORITHM, 0)));
    ck_assert_int_eq(cocos_manifest_dataset_decompress(again, 1), 1);
    ck_assert_int_eq(cocos_key_type(cocos_manifest_consumer(again, 0)), COCOS_KEY_P384);
    ck_assert_str_eq(cocos_manifest_approval(again, 1), "data-provider");
    ck_assert_uint_eq(cocos_manifest_job_limit(again, COCOS_JOB_CPU), 200);
    ck_assert_str_eq(cocos_manifest_job_output(again), "parties");
    ck_assert_uint_eq(cocos_manifest_job_network_count(again), 2);
    ck_assert_str_eq(cocos_manifest_agent_config(again, COCOS_AGENT_KEY_FILE),
                     "/etc/certs/key.pem");
    ck_assert_int_eq(cocos_manifest_attested_tls(again), 1);
    cocos_manifest_free(again);
    cocos_manifest_free(m);
}
END_TEST

START_TEST(refuses_every_cut_and_gives_every_changed_bit_another_digest)
{
    cocos_manifest *m = finish(full());
    size_t len;
    const uint8_t *cbor = cocos_manifest_cbor(m, &len);
    uint8_t *copy = malloc(len);

    memcpy(copy, cbor, len);
    for (size_t n = 0; n < len; n++)
        ck_assert_int_lt(cocos_manifest_from_cbor(copy, n, &(cocos_manifest *){NULL}, NULL), 0);
    for (size_t bit = 0; bit < len * 8; bit++) {
        cocos_manifest *other = NULL;
        copy[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        if (cocos_manifest_from_cbor(copy, len, &other, NULL) == COCOS_OK)
            ck_assert_mem_ne(cocos_manifest_digest(other), cocos_manifest_digest(m), 32);
        cocos_manifest_free(other);
        copy[bit / 8] ^= (uint8_t)(1u << (bit % 8));
    }
    free(copy);
    cocos_manifest_free(m);
}
END_TEST

START_TEST(refuses_a_default_that_is_written_out)
{
    COCOS__CLEANUP(cocos__buf_done) cocos__buf b;
    cocos_manifest *m = finish(full());
    cocos_error *err = NULL;
    size_t len;
    const uint8_t *cbor = cocos_manifest_cbor(m, &len);

    /* The last member of the outer map would be "result_consumers"; a longer key may follow it. */
    cocos__buf_init(&b, 65536);
    cocos__buf_add(&b, cbor, len);
    b.data[0]++;
    cocos__cbor_put_text(&b, "result_consumers2");
    cocos__cbor_put_text(&b, "");
    assert_fails(cocos_manifest_from_cbor(b.data, b.len, &m, &err), COCOS_ERR_MALFORMED,
                 "cbor.unknown", err);
    cocos_manifest_free(m);

    m = full();
    free(m->name);
    m->name = NULL;
    m = finish(m);
    cbor = cocos_manifest_cbor(m, &len);
    cocos__buf_reset(&b);
    /* "id" is the shortest key and comes first: {id: .., job: .., name: ""}; put name where it
     * belongs. */
    const uint8_t *at = memmem(cbor, len, "gversion", 8);
    ck_assert_ptr_nonnull(at);
    cocos__buf_add(&b, cbor, (size_t)(at - cbor));
    cocos__cbor_put_text(&b, "name");
    cocos__cbor_put_text(&b, "");
    cocos__buf_add(&b, at, len - (size_t)(at - cbor));
    b.data[0]++;
    assert_fails(cocos_manifest_from_cbor(b.data, b.len, &(cocos_manifest *){NULL}, &err),
                 COCOS_ERR_MALFORMED, "manifest.encoding", err);
    cocos_manifest_free(m);
}
END_TEST

static void breaks(cocos_manifest *m, const char *code)
{
    cocos__defects d = {.n = 0};
    cocos_manifest *done = NULL;
    cocos_error *err = NULL;

    ck_assert_int_lt(cocos__manifest_finish(m, &d, &done, &err), 0);
    ck_assert_ptr_null(done);
    ck_assert_str_eq(cocos_error_code(err), code);
    ck_assert_msg(!cocos_error_cause(err), "second defect: %s",
                  cocos_error_message(cocos_error_cause(err)));
    cocos_error_free(err);
}

static void replace(char **text, const char *by)
{
    free(*text);
    *text = by ? strdup(by) : NULL;
}

START_TEST(refuses_each_broken_rule_by_its_code)
{
    static char long_name[2000];
    cocos_manifest *m;

    memset(long_name, 'x', sizeof long_name - 1);
#define CASE(change, code)                                                                         \
    m = full();                                                                                    \
    change;                                                                                        \
    breaks(m, code)
    CASE(m->version = 2, "manifest.version");
    CASE(replace(&m->id, NULL), "manifest.id");
    CASE(replace(&m->id, "a/b"), "manifest.id");
    CASE(replace(&m->id, long_name), "manifest.id");
    CASE(replace(&m->name, long_name), "manifest.text.length");
    CASE(m->algorithm.has_hash = 0, "manifest.hash.missing");
    CASE((cocos_key_free(m->algorithm.owner), m->algorithm.owner = NULL), "manifest.key.missing");
    CASE(replace(&m->algo_type, NULL), "manifest.choice");
    CASE(replace(&m->algo_type, "exe"), "manifest.choice");
    CASE(replace(&m->algorithm.source.type, "ftp"), "manifest.choice");
    CASE(m->requirements.has_hash = 0, "manifest.hash.missing");
    CASE(replace(&m->datasets[0].filename, NULL), "manifest.filename");
    CASE(replace(&m->datasets[0].filename, ".."), "manifest.filename");
    CASE(replace(&m->datasets[0].filename, "a/b"), "manifest.filename");
    CASE(replace(&m->datasets[0].filename, long_name), "manifest.filename");
    CASE(replace(&m->datasets[1].filename, "a.csv"), "manifest.filename.double");
    CASE((cocos_key_free(m->consumers[0]), m->consumers[0] = NULL), "manifest.key.missing");
    CASE(replace(&m->approvals.items[0], "boss"), "manifest.approval");
    CASE(replace(&m->output, "everybody"), "manifest.choice");
    CASE(m->limits[COCOS_JOB_DEADLINE_MS] = UINT64_MAX, "manifest.limit");
    CASE(replace(&m->config[COCOS_AGENT_CERT_FILE], "/etc/passwd"), "manifest.certs");
    CASE(replace(&m->config[COCOS_AGENT_CERT_FILE], "/etc/certs/../passwd"), "manifest.certs");
    CASE(replace(&m->config[COCOS_AGENT_CERT_FILE], "/etc/certs/.."), "manifest.certs");
    CASE(replace(&m->config[COCOS_AGENT_KEY_FILE], NULL), "manifest.certs.pair");
    CASE(replace(&m->config[COCOS_AGENT_PORT], "7003"), "manifest.port");
    CASE(replace(&m->config[COCOS_AGENT_LOG_LEVEL], "loud"), "manifest.choice");
    CASE(replace(&m->server_ca_file, "x"), "manifest.server_ca");
#undef CASE
}
END_TEST

START_TEST(tells_all_defects_at_once)
{
    cocos__defects d = {.n = 0};
    cocos_manifest *m = NULL;
    cocos_error *err = NULL;
    size_t n = 0;

    assert_ok(cocos__manifest_new(&m, &err), err);
    ck_assert_int_eq(cocos__manifest_finish(m, &d, &m, &err), COCOS_ERR_UNSUPPORTED);
    for (const cocos_error *e = err; e; e = cocos_error_cause(e))
        n++;
    ck_assert_uint_eq(n, 4); /* version, id, algorithm, consumers */
    ck_assert_str_eq(cocos_error_check(cocos_error_cause(err)), "/id");
    cocos_error_free(err);
}
END_TEST

START_TEST(gives_defaults_for_what_a_manifest_does_not_state)
{
    cocos_manifest *m = full();

    memset(m->limits, 0, sizeof m->limits);
    replace(&m->output, NULL);
    m = finish(m);
    ck_assert_uint_eq(cocos_manifest_job_limit(m, COCOS_JOB_MEMORY), UINT64_C(512) << 20);
    ck_assert_uint_eq(cocos_manifest_job_limit(m, COCOS_JOB_DEADLINE_MS), 600000);
    ck_assert_uint_eq(cocos_manifest_job_limit(m, 99), 0);
    ck_assert_str_eq(cocos_manifest_job_output(m), "consumers");
    cocos_manifest_free(m);
}
END_TEST

START_TEST(agrees_with_its_own_old_fields_and_with_no_others)
{
    cocos_manifest *m = finish(full());
    cocos__old_fields old = {0};
    cocos_error *err = NULL;

    assert_ok(cocos__manifest_old_fields(m, &old, &err), err);
    assert_ok(cocos__manifest_agrees(m, &old, &err), err);
#define CASE(member, value)                                                                        \
    do {                                                                                           \
        __typeof__(old.member) kept = old.member;                                                  \
        old.member = value;                                                                        \
        assert_fails(cocos__manifest_agrees(m, &old, &err), COCOS_ERR_MALFORMED,                   \
                     "manifest.disagrees", err);                                                   \
        old.member = kept;                                                                         \
    } while (0)
    CASE(id, "other");
    CASE(name, "");
    CASE(description, "x");
    CASE(algo_type, "python");
    CASE(algo_args[0], "--other");
    CASE(n_algo_args, 1);
    CASE(n_datasets, 1);
    CASE(n_consumers, 0);
    CASE(algorithm.hash.len, 31);
    CASE(algorithm.user_key, ((cocos__span){NULL, 0}));
    CASE(algorithm.source.url, "https://evil.example/");
    CASE(algorithm.source.encrypted, 0);
    CASE(algorithm.kbs_enabled, 0);
    CASE(datasets[1].filename, "");
    CASE(datasets[1].decompress, 0);
    CASE(datasets[0].hash.data, old.datasets[1].hash.data);
    CASE(consumers[0].len, 3);
    CASE(port, "");
    CASE(server_ca_file, "x");
    CASE(log_level, "debug");
    CASE(attested_tls, 0);
#undef CASE
    cocos__old_fields_done(&old);
    cocos_manifest_free(m);
}
END_TEST

TEST_MAIN(cbor,
          reads_back_what_it_writes,
          refuses_every_cut_and_gives_every_changed_bit_another_digest,
          refuses_a_default_that_is_written_out,
          refuses_each_broken_rule_by_its_code,
          tells_all_defects_at_once,
          gives_defaults_for_what_a_manifest_does_not_state,
          agrees_with_its_own_old_fields_and_with_no_others)
