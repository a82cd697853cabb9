/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of the local backend that work without a virtual machine. */
#include "enclave/local.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "suite.h"

#define ID "1b4e28ba-2fa1-41d2-883f-0016d3cca427"

static char dir[64];

static void make_dir(void)
{
    strcpy(dir, "/tmp/cocos-unit-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
}

static void remove_dir(void)
{
    ck_assert_int_eq(cocos__remove_tree(dir, 0, NULL), COCOS_OK);
}

static cocos__local host(void)
{
    cocos__local l;

    memset(&l, 0, sizeof l);
    snprintf(l.config.state_dir, sizeof l.config.state_dir, "%s", dir);
    snprintf(l.config.runtime_dir, sizeof l.config.runtime_dir, "%s", dir);
    strcpy(l.config.boot_id, "00000000-0000-4000-8000-000000000001");
    strcpy(l.instance, "00000000-0000-4000-8000-000000000002");
    l.config.bind = "127.0.0.1";
    return l;
}

static cocos__record *record(const cocos__local *l)
{
    cocos__record *r = cocos__record_new(l, ID);

    ck_assert_ptr_nonnull(r);
    strcpy(r->owner, "uid:7");
    strcpy(r->platform, "plain");
    r->memory = UINT64_C(512) << 20;
    r->vcpus = 2;
    r->port = 6101;
    r->created_ns = 11;
    r->deadline_wall_ns = 22;
    r->deadline_boot_ns = 33;
    memset(r->request_id, 0xaa, sizeof r->request_id);
    memset(r->fields, 0xbb, sizeof r->fields);
    return r;
}

static cocos_enclave_spec *spec(void)
{
    cocos_enclave_spec *s = NULL;
    ck_assert_int_eq(cocos_enclave_spec_new(&s, NULL), COCOS_OK);
    return s;
}

#define SET(s, name, value) ck_assert_int_eq(cocos_enclave_spec_set(s, name, value, NULL), COCOS_OK)

/* ---- environment ---- */

START_TEST(writes_only_the_names_that_a_strict_guest_takes)
{
    cocos_enclave_spec *s = spec();
    cocos__buf b;

    SET(s, "cvms_url", "10.0.2.2:7001");
    SET(s, "log_level", "debug");
    SET(s, "cvms_ca", "-----BEGIN CERTIFICATE-----\n");
    cocos__buf_init(&b, 8192);
    ck_assert_int_eq(cocos__environment(ID, s, &b, NULL), COCOS_OK);
    ck_assert_str_eq(cocos__buf_cstr(&b), "AGENT_CVM_ID=" ID "\n"
                                          "AGENT_CVM_GRPC_URL=10.0.2.2:7001\n"
                                          "AGENT_LOG_LEVEL=debug\n"
                                          "AGENT_CVM_GRPC_SERVER_CA_CERTS=/etc/certs/ca.pem\n");
    cocos__buf_done(&b);
    cocos_enclave_spec_free(s);
}
END_TEST

START_TEST(never_lets_a_value_begin_another_line)
{
    cocos_enclave_spec *s = spec();
    cocos_error *err = NULL;
    cocos__buf b;

    /* Past the check of the setter, as if a backend had filled the field itself. */
    strcpy(s->cvms_url, "h:1\nAWS_SECRET_ACCESS_KEY=x");
    cocos__buf_init(&b, 8192);
    assert_fails(cocos__environment(ID, s, &b, &err), COCOS_ERR_MALFORMED, "enclave.environment",
                 err);
    cocos__buf_done(&b);
    cocos_enclave_spec_free(s);
}
END_TEST

START_TEST(makes_shares_that_nobody_else_can_read)
{
    cocos__record *r;
    cocos_enclave_spec *s = spec();
    cocos_error *err = NULL;
    struct stat st;
    char path[400];

    make_dir();
    cocos__local l = host();
    r = record(&l);
    SET(s, "cvms_client_key", "-----BEGIN PRIVATE KEY-----\nx\n");
    snprintf(path, sizeof path, "%s/vm", dir);
    ck_assert_int_eq(mkdir(path, 0700), 0);
    assert_ok(cocos__share_make(&l, r, s, &err), err);
    ck_assert(stat(r->dir, &st) == 0 && (st.st_mode & 0777) == 0700);
    snprintf(path, sizeof path, "%s/certs/key.pem", r->dir);
    ck_assert(stat(path, &st) == 0 && (st.st_mode & 0777) == 0600 && st.st_size == 30);
    snprintf(path, sizeof path, "%s/env/environment", r->dir);
    ck_assert(stat(path, &st) == 0 && (st.st_mode & 0777) == 0600);
    cocos__record_free(r);
    cocos_enclave_spec_free(s);
    remove_dir();
}
END_TEST

/* ---- specification ---- */

START_TEST(refuses_hostile_values_in_every_member)
{
    static const char *const bad[][2] = {
        {"request_id", "zz"},
        {"request_id", "aabb"},
        {"platform", "sev"},
        {"memory", "-1"},
        {"memory", "1e9"},
        {"vcpus", "9999999"},
        {"ttl", "soon"},
        {"image", "../../etc"},
        {"image", "a/b"},
        {"wait_ready", "yes"},
        {"cvms_url", "a b:1"},
        {"cvms_url", "h:1\nX=1"},
        {"log_level", "info\nX=1"},
        {"cvms_ca", "no PEM"},
        {"cvms_client_key", "\x01-----BEGIN "},
        {"cvms_client_cert", "\x1b]0;x"},
    };
    cocos_enclave_spec *s = spec();
    cocos_error *err = NULL;

    for (size_t i = 0; i < COCOS__ARRAY_LEN(bad); i++)
        assert_fails(cocos_enclave_spec_set(s, bad[i][0], bad[i][1], &err), COCOS_ERR_USAGE,
                     "option.value", err);
    assert_fails(cocos_enclave_spec_set(s, "owner", "root", &err), COCOS_ERR_USAGE, "option.name",
                 err);
    cocos_enclave_spec_free(s);
}
END_TEST

START_TEST(tells_two_specifications_apart_by_any_field)
{
    static const char *const changes[][2] = {
        {"memory", "512M"},
        {"vcpus", "3"},
        {"ttl", "5s"},
        {"image", "x"},
        {"cvms_url", "h:1"},
        {"log_level", "warn"},
        {"cvms_ca", "-----BEGIN A"},
        {"cvms_client_cert", "-----BEGIN A"},
        {"cvms_client_key", "-----BEGIN A"},
    };
    uint8_t digests[COCOS__ARRAY_LEN(changes) + 1][32];
    size_t n = COCOS__ARRAY_LEN(changes);

    for (size_t i = 0; i <= n; i++) {
        cocos_enclave_spec *s = spec();
        if (i < n)
            SET(s, changes[i][0], changes[i][1]);
        ck_assert_int_eq(cocos__spec_digest(s, digests[i], NULL), COCOS_OK);
        for (size_t k = 0; k < i; k++)
            ck_assert_msg(memcmp(digests[k], digests[i], 32) != 0, "%zu and %zu", k, i);
        cocos_enclave_spec_free(s);
    }
}
END_TEST

/* ---- journal ---- */

START_TEST(journal_entry_survives_and_goes)
{
    cocos_error *err = NULL;
    cocos__buf b;
    char path[200];
    char found[300];

    make_dir();
    cocos__local l = host();
    cocos__record *r = record(&l);
    snprintf(path, sizeof path, "%s/journal", dir);
    ck_assert_int_eq(mkdir(path, 0700), 0);
    assert_ok(cocos__journal_add(&l, r, &err), err);
    snprintf(path, sizeof path, "%s/journal/" ID, dir);
    cocos__buf_init(&b, 8192);
    assert_ok(cocos__read_file(path, 4000, &b, &err), err);
    ck_assert(cocos__journal_parse((const char *)b.data, b.len, ID, found));
    ck_assert_str_eq(found, r->dir);
    assert_ok(cocos__journal_remove(&l, ID, &err), err);
    ck_assert_int_ne(access(path, F_OK), 0);
    assert_ok(cocos__journal_remove(&l, ID, &err), err);
    cocos__buf_done(&b);
    cocos__record_free(r);
    remove_dir();
}
END_TEST

START_TEST(journal_never_names_a_directory_that_is_not_an_enclaves)
{
    static const char *const bad[] = {
        "",
        "cocos-journal/1\ndir=",
        "cocos-journal/1\ndir=/run/cocos/vm/" ID,
        "cocos-journal/1\ndir=/etc\n",
        "cocos-journal/1\ndir=vm/" ID "\n",
        "cocos-journal/2\ndir=/run/cocos/vm/" ID "\n",
        "cocos-journal/1\ndir=/run/../vm/" ID "\n",
        "cocos-journal/1\ndir=/run/vm/" ID "\nx\n",
        "cocos-journal/1\ndir=/run/vm/00000000-0000-4000-8000-000000000000\n",
    };
    static const char good[] = "cocos-journal/1\ndir=/r/vm/" ID "\n";
    char found[300];

    ck_assert(cocos__journal_parse(good, strlen(good), ID, found));
    for (size_t i = 0; i < COCOS__ARRAY_LEN(bad); i++)
        ck_assert_msg(!cocos__journal_parse(bad[i], strlen(bad[i]), ID, found), "%s", bad[i]);
}
END_TEST

/* ---- metadata ---- */

START_TEST(a_record_comes_back_from_its_tags)
{
    cocos__tags tags;

    make_dir();
    cocos__local l = host();
    cocos__record *r = record(&l);
    cocos__record *back = cocos__record_new(&l, ID);

    memset(r->pin, 0xcc, sizeof r->pin);
    r->has_pin = 1;
    cocos__tags_fill(&l, r, 1, &tags);
    ck_assert_uint_le(tags.n, COCOS__TAGS_MAX);
    ck_assert(cocos__tags_read(&l, tags.pairs, tags.n, back));
    ck_assert_str_eq(back->owner, "uid:7");
    ck_assert_uint_eq(back->memory, r->memory);
    ck_assert_uint_eq(back->port, 6101);
    ck_assert_int_eq(back->deadline_boot_ns, 33);
    ck_assert(back->has_pin && memcmp(back->pin, r->pin, 32) == 0);
    ck_assert(memcmp(back->fields, r->fields, 32) == 0);
    cocos__record_free(r);
    cocos__record_free(back);
    remove_dir();
}
END_TEST

START_TEST(a_machine_whose_creation_was_cut_short_is_not_adopted)
{
    cocos__tags tags;

    make_dir();
    cocos__local l = host();
    cocos__record *r = record(&l);
    cocos__record *back = cocos__record_new(&l, ID);

    cocos__tags_fill(&l, r, 0, &tags);
    ck_assert(!cocos__tags_read(&l, tags.pairs, tags.n, back));
    /* Nor is one with a tag that is missing or broken. */
    cocos__tags_fill(&l, r, 1, &tags);
    for (size_t i = 0; i < tags.n; i++) {
        cocos__tags broken = tags;
        broken.pairs[i].value = "\n";
        if (strcmp(broken.pairs[i].name, "instance") != 0)
            ck_assert_msg(!cocos__tags_read(&l, broken.pairs, broken.n, back), "%s",
                          broken.pairs[i].name);
    }
    cocos__record_free(r);
    cocos__record_free(back);
    remove_dir();
}
END_TEST

START_TEST(tags_carry_no_secret)
{
    cocos__tags tags;

    make_dir();
    cocos__local l = host();
    cocos__record *r = record(&l);
    cocos__tags_fill(&l, r, 1, &tags);
    for (size_t i = 0; i < tags.n; i++) {
        ck_assert_ptr_null(strstr(tags.pairs[i].value, "BEGIN"));
        ck_assert_str_ne(tags.pairs[i].name, "cvms_client_key");
    }
    cocos__record_free(r);
    remove_dir();
}
END_TEST

/* ---- leftovers ---- */

static void count(void *user, const char *path, int gone)
{
    (void)path;
    *(int *)user += gone;
}

static void touch(const char *rel)
{
    char path[300];

    snprintf(path, sizeof path, "%s/%s", dir, rel);
    char *slash = strrchr(path, '/');
    *slash = '\0';
    ck_assert_int_eq(cocos__mkdirs(path, 0700, NULL), COCOS_OK);
    *slash = '/';
    ck_assert_int_eq(cocos__write_file(path, "x", 1, 0600, NULL), COCOS_OK);
}

START_TEST(removes_what_has_the_id_in_its_name_and_nothing_else)
{
    int n = 0;
    char path[200];

    make_dir();
    touch("log/qemu/cocos-" ID ".log");
    touch("lib/swtpm/" ID "/tpm2/state");
    touch("lib/qemu/domain-3-cocos-1b4e28ba-2fa1-/master-key.aes");
    touch("lib/qemu/domain-4-cocos-2b4e28ba-2fa1-/master-key.aes");
    touch("log/qemu/cocos-00000000-0000-4000-8000-000000000000.log");
    touch("etc/qemu.conf");
    cocos__leftovers(dir, ID, count, &n);
    ck_assert_int_eq(n, 3);
    snprintf(path, sizeof path, "%s/lib/qemu/domain-4-cocos-2b4e28ba-2fa1-/master-key.aes", dir);
    ck_assert_int_eq(access(path, F_OK), 0);
    snprintf(path, sizeof path, "%s/etc/qemu.conf", dir);
    ck_assert_int_eq(access(path, F_OK), 0);
    remove_dir();
}
END_TEST

/* ---- acceleration ---- */

START_TEST(the_tiny_guest_runs_to_its_end_under_emulation)
{
    if (access("/usr/bin/qemu-system-x86_64", X_OK) != 0)
        return; /* nothing to run it with */
    ck_assert(cocos__tiny_guest_runs("/usr/bin/qemu-system-x86_64", "tcg"));
    ck_assert(!cocos__tiny_guest_runs("/usr/bin/qemu-system-x86_64", "no-such-accelerator"));
    ck_assert(!cocos__tiny_guest_runs("/bin/true", "tcg"));
    ck_assert(!cocos__tiny_guest_runs("/nonexistent", "tcg"));
}
END_TEST

TEST_MAIN(local,
          writes_only_the_names_that_a_strict_guest_takes,
          never_lets_a_value_begin_another_line,
          makes_shares_that_nobody_else_can_read,
          refuses_hostile_values_in_every_member,
          tells_two_specifications_apart_by_any_field,
          journal_entry_survives_and_goes,
          journal_never_names_a_directory_that_is_not_an_enclaves,
          a_record_comes_back_from_its_tags,
          a_machine_whose_creation_was_cut_short_is_not_adopted,
          tags_carry_no_secret,
          removes_what_has_the_id_in_its_name_and_nothing_else,
          the_tiny_guest_runs_to_its_end_under_emulation)
