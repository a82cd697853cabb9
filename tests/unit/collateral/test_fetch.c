/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The public call: from a cache that holds what the vendors' services say under the vendors' URLs,
 * and against services that say nothing. What they can say wrong: tests/integration.
 */
#include "collateral_maker.h"

#include <pthread.h>
#include <sys/socket.h>

#include "allocfail.h"
#include "base/clock.h"
#include "base/fd.h"
#include "collateral/session.h"
#include "envelope_maker.h"
#include "silent_port.h"
#include "suite.h"

static made_case cases[2];
static char dir[] = "/tmp/cocos-test-XXXXXX";

/* The cache as a fetch would leave it. */
static void fill(const made_case *c)
{
    cocos__session s = {.options = NULL};

    snprintf(s.cache, sizeof s.cache, "%s", dir);
    for (size_t i = 0; i < c->n; i++) {
        const made_item *it = &c->items[i];
        const pki_bytes *chain = it->has_chain == 1   ? &c->chain
                                 : it->has_chain == 2 ? &c->pck_chain
                                                      : NULL;
        cocos__resource q = {.url = it->url, .limit = 1u << 20};
        cocos__material m;

        if (it->part == COCOS_PART_TCB_CHAIN)
            continue;
        cocos__material_init(&m, 1u << 20);
        m.fetched_s = (int64_t)time(NULL);
        cocos__buf_add(&m.body, it->data.data, it->data.len);
        if (chain)
            cocos__buf_add(&m.chain, chain->data, chain->len);
        PKI_NEED(cocos__cache_store(&s, &q, &m, NULL) == COCOS_OK);
        cocos__material_done(&m);
    }
}

static cocos_collateral_options *options_for(const made_case *c, const char *offline)
{
    cocos_collateral_options *o = NULL;

    PKI_NEED(cocos_collateral_options_new(&o, NULL) == COCOS_OK);
    PKI_NEED(cocos_collateral_options_set(o, "cache", dir, NULL) == COCOS_OK);
    PKI_NEED(cocos_collateral_options_set(o, "offline", offline, NULL) == COCOS_OK);
    PKI_NEED(cocos_collateral_options_add_root(o, c->root.data, c->root.len, NULL) == COCOS_OK);
    return o;
}

START_TEST(finds_in_the_cache_what_the_vendors_said)
{
    for (int k = 0; k < 2; k++) {
        cocos_collateral_options *o = options_for(&cases[k], "true");
        cocos_bundle *want = made_bundle(&cases[k]);
        cocos_bundle *b = NULL;
        cocos_error *err = NULL;

        fill(&cases[k]);
        assert_ok(cocos_collateral_fetch(cases[k].ev, o, 0, NULL, &b, &err), err);
        ck_assert_uint_eq(cocos_bundle_count(b), cocos_bundle_count(want));
        for (size_t i = 0; i < cocos_bundle_count(b); i++) {
            size_t n;
            size_t m;
            const uint8_t *got = cocos_bundle_data(b, i, &n);
            const uint8_t *expected = cocos_bundle_data(want, i, &m);
            ck_assert_str_eq(cocos_bundle_source(b, i), cocos_bundle_source(want, i));
            ck_assert_int_eq(cocos_bundle_part(b, i), cocos_bundle_part(want, i));
            ck_assert_uint_eq(n, m);
            ck_assert_mem_eq(got, expected, n);
        }
        cocos_bundle_free(b);
        cocos_bundle_free(want);
        cocos_collateral_options_free(o);
    }
}
END_TEST

/* What travels by the protocol: claims, then report or quote under their media types. */
static cocos_evidence *in_envelope(const char *type, cocos__span data)
{
    static const uint8_t challenge[32];
    cocos__envelope_part part = {type, data};
    cocos__claims claims = {.purpose = COCOS__PURPOSE_RPC,
                            .challenge = {challenge, sizeof challenge},
                            .instance_id = challenge};

    return envelope_of(&claims, &part, 1);
}

START_TEST(opens_an_envelope)
{
    static const char *const types[] = {COCOS__MEDIA_SNP_REPORT, COCOS__MEDIA_TDX_QUOTE};
    cocos_error *err = NULL;
    cocos_bundle *b = NULL;

    for (int k = 0; k < 2; k++) {
        cocos_collateral_options *o = options_for(&cases[k], "true");
        cocos_evidence *ev = in_envelope(types[k], cases[k].ev->main);
        cocos__span parts[2];

        fill(&cases[k]);
        assert_ok(cocos_collateral_fetch(ev, o, 0, NULL, &b, &err), err);
        ck_assert_int_eq(cocos_bundle_kind(b), cocos_evidence_kind(cases[k].ev));
        ck_assert_uint_eq(cocos_bundle_count(b), cases[k].n);
        assert_ok(cocos_evidence_add_bundle(ev, b, &err), err);
        ck_assert_uint_eq(cocos__evidence_parts(ev, COCOS_PART_CRL, parts, 2), k ? 2 : 1);
        cocos_bundle_free(b);
        cocos_evidence_free(ev);
        cocos_collateral_options_free(o);
    }
    cocos_evidence *none = in_envelope(COCOS__MEDIA_IMA_LOG, (cocos__span){(const uint8_t *)"", 0});
    assert_fails(cocos_collateral_fetch(none, NULL, 0, NULL, &b, &err), COCOS_ERR_UNSUPPORTED,
                 "collateral.evidence", err);
    cocos_evidence_free(none);
}
END_TEST

START_TEST(does_not_believe_a_cache_for_other_roots)
{
    cocos_collateral_options *o = options_for(&cases[1], "true");
    cocos_bundle *b = NULL;
    cocos_error *err = NULL;

    fill(&cases[0]);
    assert_fails(cocos_collateral_fetch(cases[0].ev, o, 0, NULL, &b, &err), COCOS_ERR_NOT_FOUND,
                 "collateral.offline", err);
    cocos_collateral_options_free(o);
}
END_TEST

START_TEST(wants_evidence_of_a_kind_that_services_know)
{
    cocos_bundle *b = NULL;
    cocos_error *err = NULL;
    cocos_evidence *ev = NULL;

    assert_fails(cocos_collateral_fetch(NULL, NULL, 0, NULL, &b, &err), COCOS_ERR_USAGE,
                 "collateral.kind", err);
    assert_ok(cocos_evidence_new(COCOS_EVIDENCE_VTPM, (const uint8_t *)"x", 1, &ev, &err), err);
    assert_fails(cocos_collateral_fetch(ev, NULL, 0, NULL, &b, &err), COCOS_ERR_UNSUPPORTED,
                 "collateral.kind", err);
    cocos_evidence_free(ev);
    for (int kind = COCOS_EVIDENCE_SNP; kind <= COCOS_EVIDENCE_TDX; kind++) {
        const made_case *c = &cases[kind - 1];
        for (size_t len = 0; len < c->ev->main.len; len += 41) {
            assert_ok(cocos_evidence_new(kind, c->ev->main.data, len, &ev, &err), err);
            int r = cocos_collateral_fetch(ev, NULL, 0, NULL, &b, &err);
            ck_assert(r == COCOS_ERR_UNSUPPORTED || r == COCOS_ERR_MALFORMED);
            cocos_error_free(err);
            err = NULL;
            cocos_evidence_free(ev);
        }
    }
}
END_TEST

static cocos_collateral_options *silent_options(int *fd)
{
    cocos_collateral_options *o = options_for(&cases[0], "false");
    char url[64];

    *fd = silent_port(url);
    PKI_NEED(cocos_collateral_options_set(o, "kds", url, NULL) == COCOS_OK);
    return o;
}

START_TEST(ends_at_its_deadline_and_after_one_attempt)
{
    cocos_error *err = NULL;
    cocos_bundle *b = NULL;
    int fd;
    cocos_collateral_options *o = silent_options(&fd);

    assert_fails(cocos_collateral_fetch(cases[0].ev, o, cocos_deadline_in(100 * COCOS__NS_PER_MS),
                                        NULL, &b, &err),
                 COCOS_ERR_TIMEOUT, "collateral.timeout", err);
    assert_fails(cocos_collateral_fetch(cases[0].ev, o, 1, NULL, &b, &err), COCOS_ERR_TIMEOUT,
                 "collateral.timeout", err);
    assert_ok(cocos_collateral_options_set(o, "attempt", "1", &err), err);
    assert_fails(cocos_collateral_fetch(cases[0].ev, o, 0, NULL, &b, &err), COCOS_ERR_TIMEOUT,
                 "collateral.timeout", err);
    cocos_collateral_options_free(o);
    close(fd);
}
END_TEST

/* Once the request is there, so that the call does wait. */
static void *cancel_when_asked(void *user)
{
    void **args = user;
    int fd = accept(*(int *)args[0], NULL, NULL);
    char c;

    PKI_NEED(fd >= 0 && read(fd, &c, 1) == 1);
    cocos_cancel_trigger(args[1]);
    return (void *)(intptr_t)fd;
}

START_TEST(ends_when_it_is_cancelled)
{
    cocos_error *err = NULL;
    cocos_bundle *b = NULL;
    cocos_cancel *cancel = cocos_cancel_new();
    int fd;
    cocos_collateral_options *o = silent_options(&fd);
    void *args[] = {&fd, cancel};
    void *accepted;
    pthread_t thread;

    ck_assert_int_eq(pthread_create(&thread, NULL, cancel_when_asked, args), 0);
    assert_fails(cocos_collateral_fetch(cases[0].ev, o, 0, cancel, &b, &err), COCOS_ERR_CANCELLED,
                 "cancelled", err);
    pthread_join(thread, &accepted);
    close((int)(intptr_t)accepted);
    assert_fails(cocos_collateral_fetch(cases[0].ev, o, 0, cancel, &b, &err), COCOS_ERR_CANCELLED,
                 "cancelled", err);
    cocos_cancel_free(cancel);
    cocos_collateral_options_free(o);
    close(fd);
}
END_TEST

static int fetch_offline(void *user, cocos_error **err)
{
    const made_case *c = user;
    cocos_collateral_options *o = NULL;
    cocos_bundle *b = NULL;

    int r = cocos_collateral_options_new(&o, err);
    if (r == COCOS_OK)
        r = cocos_collateral_options_set(o, "cache", dir, err);
    if (r == COCOS_OK)
        r = cocos_collateral_options_set(o, "offline", "true", err);
    if (r == COCOS_OK)
        r = cocos_collateral_options_add_root(o, c->root.data, c->root.len, err);
    if (r == COCOS_OK)
        r = cocos_collateral_fetch(c->ev, o, 0, NULL, &b, err);
    cocos_bundle_free(b);
    cocos_collateral_options_free(o);
    return r;
}

/* Each of the first, and some of the thousands that OpenSSL needs for the signatures. */
START_TEST(survives_a_lack_of_memory)
{
    for (int k = 0; k < 2; k++) {
        fill(&cases[k]);
        ck_assert_uint_gt(allocfail_sweep_some(fetch_offline, &cases[k], 50, 61), 0);
    }
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {finds_in_the_cache_what_the_vendors_said,
                                  opens_an_envelope,
                                  does_not_believe_a_cache_for_other_roots,
                                  wants_evidence_of_a_kind_that_services_know,
                                  ends_at_its_deadline_and_after_one_attempt,
                                  ends_when_it_is_cancelled,
                                  survives_a_lack_of_memory,
                                  NULL};

    PKI_NEED(mkdtemp(dir));
    cases[0] = made_snp();
    cases[1] = made_tdx();
    int failed = run_suite("fetch", tests, 120);
    made_free(&cases[0]);
    made_free(&cases[1]);
    PKI_NEED(cocos__remove_tree(dir, 0, NULL) == COCOS_OK);
    return failed;
}
