/* SPDX-License-Identifier: Apache-2.0 */
/* Bundles: one encoding, each item of its form, caps, and nothing that is believed. */
#include "collateral_maker.h"

#include "allocfail.h"
#include "codec/cbor.h"
#include "suite.h"

static made_case cases[2];

/* A bundle to be written member by member; what a test does not change is good. */
typedef struct plan {
    uint64_t version, kind;
    const char *subject; /* NULL: left out */
    size_t n;
    struct {
        uint64_t part;
        cocos__span data;
        const char *source; /* NULL: left out */
        int extra;
    } items[17];
    int extra, items_as_map;
} plan;

static plan plan_of(const made_case *c)
{
    plan p = {.version = 1, .kind = (uint64_t)cocos_evidence_kind(c->ev), .subject = "chip"};
    cocos_bundle *b = made_bundle(c);

    for (size_t i = 0; i < cocos_bundle_count(b); i++) {
        size_t len;
        const uint8_t *data = cocos_bundle_data(b, i, &len);
        p.items[p.n].part = (uint64_t)cocos_bundle_part(b, i);
        p.items[p.n].source = strdup(cocos_bundle_source(b, i));
        p.items[p.n++].data = (cocos__span){made_copy((cocos__span){data, len}).data, len};
    }
    cocos_bundle_free(b);
    return p;
}

static void plan_done(const plan *p)
{
    for (size_t i = 0; i < p->n; i++) {
        free((void *)(uintptr_t)p->items[i].source);
        free((void *)(uintptr_t)p->items[i].data.data);
    }
}

static void write_plan(const plan *p, cocos__buf *b)
{
    cocos__cbor_map root;
    cocos__cbor_map item;

    cocos__cbor_map_begin(&root, b);
    cocos__cbor_map_key(&root, 1);
    cocos__cbor_put_uint(b, p->version);
    cocos__cbor_map_key(&root, 2);
    cocos__cbor_put_uint(b, p->kind);
    if (p->subject) {
        cocos__cbor_map_key(&root, 3);
        cocos__cbor_put_text(b, p->subject);
    }
    cocos__cbor_map_key(&root, 4);
    if (p->items_as_map)
        cocos__cbor_put_uint(b, 0);
    else
        cocos__cbor_put_array(b, p->n);
    for (size_t i = 0; !p->items_as_map && i < p->n; i++) {
        cocos__cbor_map_begin(&item, b);
        cocos__cbor_map_key(&item, 1);
        cocos__cbor_put_uint(b, p->items[i].part);
        cocos__cbor_map_key(&item, 2);
        cocos__cbor_put_bytes(b, p->items[i].data.data, p->items[i].data.len);
        if (p->items[i].source) {
            cocos__cbor_map_key(&item, 3);
            cocos__cbor_put_text(b, p->items[i].source);
        }
        if (p->items[i].extra) {
            cocos__cbor_map_key(&item, 4);
            cocos__cbor_put_uint(b, 0);
        }
        cocos__cbor_map_end(&item);
    }
    if (p->extra) {
        cocos__cbor_map_key(&root, 5);
        cocos__cbor_put_uint(b, 0);
    }
    cocos__cbor_map_end(&root);
    ck_assert(!b->failed);
}

static int parse(const plan *p, cocos_error **err)
{
    COCOS__CLEANUP(cocos__buf_done) cocos__buf b;
    COCOS__CLEANUP(cocos__bundle_freep) cocos_bundle *bundle = NULL;

    cocos__buf_init(&b, 1u << 20);
    write_plan(p, &b);
    return cocos_bundle_parse(b.data, b.len, &bundle, err);
}

START_TEST(gives_what_was_put_in)
{
    for (int k = 0; k < 2; k++) {
        const made_case *c = &cases[k];
        cocos_bundle *b = made_bundle(c);
        cocos_bundle *again = NULL;
        cocos_error *err = NULL;
        size_t len;
        size_t len2;
        const uint8_t *cbor = cocos_bundle_cbor(b, &len);

        assert_ok(cocos_bundle_parse(cbor, len, &again, &err), err);
        ck_assert_int_eq(cocos_bundle_kind(again), cocos_evidence_kind(c->ev));
        ck_assert_str_eq(cocos_bundle_subject(again), "made by a test");
        ck_assert_uint_eq(cocos_bundle_count(again), c->n);
        ck_assert_mem_eq(cocos_bundle_cbor(again, &len2), cbor, len);
        ck_assert_uint_eq(len2, len);
        for (size_t i = 0; i < c->n; i++) {
            int found = 0;
            for (size_t j = 0; j < c->n; j++) {
                const uint8_t *data = cocos_bundle_data(again, i, &len);
                const made_item *it = &c->items[j];
                found += cocos_bundle_part(again, i) == it->part && len == it->data.len &&
                         memcmp(data, it->data.data, len) == 0 &&
                         strcmp(cocos_bundle_source(again, i), it->url) == 0;
            }
            ck_assert_int_eq(found, 1);
            int64_t left = cocos_bundle_until_ns(again, i) / 1000000000 - (int64_t)time(NULL);
            ck_assert_int_gt(left, 364 * 86400);
            ck_assert_int_le(left, 365 * 86400);
        }
        cocos_bundle_free(again);
        cocos_bundle_free(b);
    }
}
END_TEST

START_TEST(answers_about_items_that_are_not_there)
{
    cocos_bundle *b = made_bundle(&cases[0]);
    size_t len = 1;

    ck_assert_int_eq(cocos_bundle_part(b, 3), 0);
    ck_assert_ptr_null(cocos_bundle_data(b, 3, &len));
    ck_assert_uint_eq(len, 0);
    ck_assert_str_eq(cocos_bundle_source(b, SIZE_MAX), "");
    ck_assert_int_eq(cocos_bundle_until_ns(b, 3), 0);
    cocos_bundle_free(b);
    cocos_bundle_free(NULL);
}
END_TEST

START_TEST(puts_its_items_beside_evidence_of_its_kind_only)
{
    cocos_bundle *b = made_bundle(&cases[0]);
    cocos_error *err = NULL;
    cocos__span certs[3];

    assert_ok(cocos_evidence_add_bundle(cases[0].ev, b, &err), err);
    ck_assert_uint_eq(cocos__evidence_parts(cases[0].ev, COCOS_PART_CERTIFICATES, certs, 3), 2);
    ck_assert_uint_eq(cocos__evidence_parts(cases[0].ev, COCOS_PART_CRL, certs, 3), 1);
    assert_fails(cocos_evidence_add_bundle(cases[1].ev, b, &err), COCOS_ERR_USAGE,
                 "collateral.kind", err);
    assert_fails(cocos_evidence_add_bundle(NULL, b, &err), COCOS_ERR_USAGE, "collateral.kind", err);
    assert_fails(cocos_evidence_add_bundle(cases[0].ev, NULL, &err), COCOS_ERR_USAGE,
                 "collateral.kind", err);
    for (int i = 0; i < 9; i++)
        assert_ok(cocos_evidence_add_bundle(cases[0].ev, b, &err), err);
    assert_fails(cocos_evidence_add_bundle(cases[0].ev, b, &err), COCOS_ERR_EXHAUSTED,
                 "evidence.parts", err);
    cocos_bundle_free(b);
}
END_TEST

START_TEST(refuses_what_is_not_its_form)
{
    cocos_error *err = NULL;
    plan good = plan_of(&cases[0]);
    plan p;

#define REFUSED(status, code, change)                                                              \
    do {                                                                                           \
        p = good;                                                                                  \
        change;                                                                                    \
        assert_fails(parse(&p, &err), COCOS_ERR_##status, code, err);                              \
    } while (0)
    char long_text[1027];
    memset(long_text, 'a', sizeof long_text);
    long_text[1025] = '\0';
    assert_ok(parse(&good, &err), err);
    REFUSED(UNSUPPORTED, "collateral.bundle", p.version = 2);
    REFUSED(UNSUPPORTED, "collateral.bundle", p.version = 0);
    REFUSED(MALFORMED, "collateral.bundle", p.kind = 0);
    REFUSED(MALFORMED, "collateral.bundle", p.kind = 3);
    REFUSED(MALFORMED, "collateral.bundle", p.kind = UINT64_C(0x100000001));
    REFUSED(MALFORMED, "collateral.bundle", p.subject = "");
    REFUSED(MALFORMED, "collateral.bundle", p.subject = long_text + 1025 - 257);
    REFUSED(MALFORMED, "collateral.bundle", p.subject = "line\nbreak");
    REFUSED(MALFORMED, "collateral.bundle", p.subject = "\x1b[2J");
    REFUSED(MALFORMED, "collateral.bundle", p.subject = "caf\xc3\xa9");
    REFUSED(MALFORMED, "cbor.absent", p.subject = NULL);
    REFUSED(MALFORMED, "cbor.unknown", p.extra = 1);
    REFUSED(MALFORMED, "cbor.type", p.items_as_map = 1);
    REFUSED(MALFORMED, "collateral.bundle", p.n = 0);
    REFUSED(MALFORMED, "cbor.unknown", p.items[1].extra = 1);
    REFUSED(MALFORMED, "cbor.absent", p.items[1].source = NULL);
    REFUSED(MALFORMED, "collateral.bundle", p.items[1].source = "");
    REFUSED(MALFORMED, "collateral.bundle", p.items[1].source = long_text);
    REFUSED(MALFORMED, "collateral.bundle", p.items[1].source = "a\tb");
    REFUSED(MALFORMED, "collateral.bundle", p.items[2].part = 2);
    REFUSED(MALFORMED, "collateral.bundle", p.items[2].part = 7);
    REFUSED(MALFORMED, "collateral.bundle", p.items[2].part = 0);
    REFUSED(MALFORMED, "collateral.bundle", p.items[2].part = UINT64_C(0x100000003));
    REFUSED(MALFORMED, "collateral.bundle", p.items[2].part = 4);
    REFUSED(MALFORMED, "collateral.bundle", p.items[2].part = 5);
    REFUSED(MALFORMED, "collateral.bundle", p.items[2].part = 6);
    REFUSED(MALFORMED, "crl.form", p.items[2].data.len--);
    REFUSED(MALFORMED, "crl.form", p.items[2].data = p.items[0].data);
    REFUSED(MALFORMED, "cert.form", p.items[0].data = p.items[2].data);
    REFUSED(MALFORMED, "cert.form", p.items[0].data.len = 0);
    REFUSED(MALFORMED, "collateral.bundle", p.items[1] = p.items[0]); /* twice */
    REFUSED(MALFORMED, "collateral.bundle", p.items[0].source = "z"); /* not ascending */
    REFUSED(MALFORMED, "collateral.bundle", p.items[0] = good.items[2]; p.items[2] = good.items[0]);
    p = good;
    p.items[0].source = long_text + 1;
    p.subject = long_text + 1025 - 256;
    assert_ok(parse(&p, &err), err);
    p.items[0].source = "A";
    for (p.n = 1; p.n < 17; p.n++) {
        static char names[17][2];
        names[p.n][0] = (char)('A' + p.n);
        p.items[p.n] = p.items[0];
        p.items[p.n].source = names[p.n];
    }
    assert_fails(parse(&p, &err), COCOS_ERR_MALFORMED, "collateral.bundle", err);
    p.n = 16;
    assert_ok(parse(&p, &err), err);
#undef REFUSED
    plan_done(&good);
}
END_TEST

START_TEST(refuses_of_tdx_what_is_not_its_form)
{
    cocos_error *err = NULL;
    plan good = plan_of(&cases[1]);
    plan p;

    /* In order: two revocation lists, TCB info, QE identity, chain. */
#define REFUSED(code, change)                                                                      \
    do {                                                                                           \
        p = good;                                                                                  \
        change;                                                                                    \
        assert_fails(parse(&p, &err), COCOS_ERR_MALFORMED, code, err);                             \
    } while (0)
    assert_ok(parse(&good, &err), err);
    REFUSED("collateral.bundle", p.items[0].part = 1; p.items[0].data = good.items[4].data);
    REFUSED("tdx.collateral_format", p.items[2].data = good.items[3].data);
    REFUSED("tdx.collateral_format", p.items[3].data = good.items[2].data);
    REFUSED("tdx.collateral_format", p.items[2].data.len--);
    REFUSED("cert.form", p.items[4].data = good.items[3].data);
    REFUSED("collateral.bundle", p.items[4].data.data = cases[1].root.data;
            p.items[4].data.len = cases[1].root.len); /* one certificate, not two */
    REFUSED("collateral.bundle", p.n = 6; p.items[5] = good.items[4]; p.items[5].source = "z");
    REFUSED("collateral.bundle", p.kind = COCOS_EVIDENCE_SNP);
#undef REFUSED
    plan_done(&good);
}
END_TEST

START_TEST(refuses_more_than_its_limits)
{
    static uint8_t huge[COCOS__BUNDLE_MAX + 1];
    cocos__bundle_draft d = {.kind = COCOS_EVIDENCE_SNP, .subject = "x"};
    cocos_bundle *b = NULL;
    cocos_error *err = NULL;
    char url[] = "a";

    assert_fails(cocos_bundle_parse(huge, sizeof huge, &b, &err), COCOS_ERR_EXHAUSTED,
                 "collateral.bundle", err);
    assert_fails(cocos_bundle_parse(NULL, 0, &b, &err), COCOS_ERR_MALFORMED, "collateral.bundle",
                 err);
    for (; d.n < COCOS__BUNDLE_ITEMS; url[0]++)
        assert_ok(cocos__bundle_draft_add(&d, COCOS_PART_CRL, (cocos__span){huge, 1}, url, &err),
                  err);
    assert_fails(cocos__bundle_draft_add(&d, COCOS_PART_CRL, (cocos__span){huge, 1}, url, &err),
                 COCOS_ERR_EXHAUSTED, "collateral.bundle", err);
    cocos__bundle_draft_done(&d);
    for (; d.n < 3; url[0]++)
        assert_ok(
            cocos__bundle_draft_add(&d, COCOS_PART_CRL, (cocos__span){huge, 6u << 20}, url, &err),
            err);
    assert_fails(cocos__bundle_finish(&d, &b, &err), COCOS_ERR_EXHAUSTED, "collateral.bundle", err);
    cocos__bundle_draft_done(&d);
    ck_assert_ptr_null(b);
}
END_TEST

/* What is read is written again as the same bytes: there is no second encoding of anything. */
START_TEST(takes_no_changed_byte_for_another_encoding)
{
    for (int k = 0; k < 2; k++) {
        cocos_bundle *b = made_bundle(&cases[k]);
        size_t len;
        uint8_t *copy = made_copy((cocos__span){cocos_bundle_cbor(b, &len), len}).data;
        size_t taken = 0;

        for (size_t i = 0; i < len * 8; i += 25) { /* a bit of every third byte, another in each */
            cocos_bundle *other = NULL;
            cocos__bundle_draft d = {.n = 0};
            copy[i / 8] ^= (uint8_t)(1u << i % 8);
            if (cocos_bundle_parse(copy, len, &other, NULL) == COCOS_OK) {
                cocos_bundle *again = NULL;
                size_t n;
                d.kind = cocos_bundle_kind(other);
                snprintf(d.subject, sizeof d.subject, "%s", cocos_bundle_subject(other));
                for (size_t j = 0; j < cocos_bundle_count(other); j++) {
                    const uint8_t *data = cocos_bundle_data(other, j, &n);
                    ck_assert_int_eq(cocos__bundle_draft_add(&d, cocos_bundle_part(other, j),
                                                             (cocos__span){data, n},
                                                             cocos_bundle_source(other, j), NULL),
                                     COCOS_OK);
                }
                ck_assert_int_eq(cocos__bundle_finish(&d, &again, NULL), COCOS_OK);
                ck_assert_mem_eq(cocos_bundle_cbor(again, &n), copy, len);
                ck_assert_uint_eq(n, len);
                cocos_bundle_free(again);
                taken++;
            }
            copy[i / 8] ^= (uint8_t)(1u << i % 8);
            cocos__bundle_draft_done(&d);
            cocos_bundle_free(other);
        }
        ck_assert_uint_gt(taken, 0); /* texts, signatures */
        for (size_t i = 0; i < len; i++) {
            cocos_bundle *cut = NULL;
            ck_assert_int_lt(cocos_bundle_parse(copy, i, &cut, NULL), 0);
        }
        free(copy);
        cocos_bundle_free(b);
    }
}
END_TEST

static int make_read_and_add(void *user, cocos_error **err)
{
    const made_case *c = user;
    cocos__bundle_draft d = {.kind = cocos_evidence_kind(c->ev), .subject = "x"};
    cocos_bundle *b = NULL;
    cocos_evidence *ev = NULL;
    int r = COCOS_OK;

    for (size_t i = 0; r == COCOS_OK && i < c->n; i++)
        r = cocos__bundle_draft_add(&d, c->items[i].part,
                                    (cocos__span){c->items[i].data.data, c->items[i].data.len},
                                    c->items[i].url, err);
    if (r == COCOS_OK)
        r = cocos__bundle_finish(&d, &b, err);
    if (r == COCOS_OK)
        r = cocos_evidence_new(cocos_evidence_kind(c->ev), c->ev->main.data, c->ev->main.len, &ev,
                               err);
    if (r == COCOS_OK)
        r = cocos_evidence_add_bundle(ev, b, err);
    cocos_evidence_free(ev);
    cocos_bundle_free(b);
    cocos__bundle_draft_done(&d);
    return r;
}

START_TEST(survives_a_lack_of_memory)
{
    ck_assert_uint_gt(allocfail_sweep_some(make_read_and_add, &cases[0], 60, 23), 0);
    ck_assert_uint_gt(allocfail_sweep_some(make_read_and_add, &cases[1], 60, 23), 0);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {gives_what_was_put_in,
                                  answers_about_items_that_are_not_there,
                                  puts_its_items_beside_evidence_of_its_kind_only,
                                  refuses_what_is_not_its_form,
                                  refuses_of_tdx_what_is_not_its_form,
                                  refuses_more_than_its_limits,
                                  takes_no_changed_byte_for_another_encoding,
                                  survives_a_lack_of_memory,
                                  NULL};

    cases[0] = made_snp();
    cases[1] = made_tdx();
    int failed = run_suite("bundle", tests, 60);
    made_free(&cases[0]);
    made_free(&cases[1]);
    return failed;
}
