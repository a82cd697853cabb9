/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/chain.h"

#include <string.h>

#include "crypto/digest.h"
#include "pki.h"
#include "suite.h"

#define FROM  INT64_C(1600000000)
#define TO    INT64_C(1900000000)
#define URL   "https://example.org/crl"
#define CERTS 4

/* root -> mid -> leaf, and other: a self-made root with the same names. */
static X509 *root, *mid, *leaf, *other;
static EVP_PKEY *root_key, *mid_key, *leaf_key, *other_key;
static cocos__cert *c_root, *c_mid, *c_leaf, *c_other;

static X509 *
make(const char *cn, EVP_PKEY *key, X509 *issuer, EVP_PKEY *issuer_key, int ca, long serial)
{
    pki_spec s = {.cn = cn,
                  .org = "Test",
                  .location = "Here",
                  .key = key,
                  .issuer = issuer,
                  .issuer_key = issuer_key,
                  .scheme = PKI_ECDSA_SHA384,
                  .not_before = FROM,
                  .not_after = TO,
                  .serial = serial,
                  .ca = ca,
                  .crl_url = ca ? URL : NULL};
    return pki_cert(&s);
}

static cocos__cert *parsed(X509 *x)
{
    pki_bytes der = pki_der(x);
    cocos__cert *cert = NULL;

    PKI_NEED(cocos__cert_parse(der.data, der.len, &cert, NULL) == COCOS_OK);
    free(der.data);
    return cert;
}

static void make_all(void)
{
    root_key = pki_key_ec("P-384");
    mid_key = pki_key_ec("P-256");
    leaf_key = pki_key_ec("P-384");
    other_key = pki_key_ec("P-384");
    root = make("root", root_key, NULL, NULL, 1, 1);
    mid = make("mid", mid_key, root, root_key, 1, 2);
    leaf = make("leaf", leaf_key, mid, mid_key, 0, 3);
    other = make("root", other_key, NULL, NULL, 1, 1);
    c_root = parsed(root);
    c_mid = parsed(mid);
    c_leaf = parsed(leaf);
    c_other = parsed(other);
}

static void drop_all(void)
{
    X509 *x[CERTS] = {root, mid, leaf, other};
    EVP_PKEY *k[CERTS] = {root_key, mid_key, leaf_key, other_key};
    cocos__cert *c[CERTS] = {c_root, c_mid, c_leaf, c_other};

    for (int i = 0; i < CERTS; i++) {
        X509_free(x[i]);
        EVP_PKEY_free(k[i]);
        cocos__cert_free(c[i]);
    }
}

START_TEST(reads_what_a_certificate_says)
{
    static const cocos__name_part here[] = {{"O", "Test"}, {"L", "Here"}, {"C", "US"}};
    static const cocos__name_part there[] = {{"O", "Test"}, {"L", "There"}};

    ck_assert_str_eq(cocos__cert_subject_cn(c_mid), "mid");
    ck_assert_str_eq(cocos__cert_issuer_cn(c_mid), "root");
    ck_assert(cocos__cert_has_crl_url(c_mid, URL) && !cocos__cert_has_crl_url(c_mid, URL "x"));
    ck_assert(!cocos__cert_has_crl_url(c_leaf, ""));
    ck_assert_int_eq(cocos__cert_signature_kind(c_mid), COCOS__SIG_ECDSA_SHA384);
    ck_assert_int_eq(cocos__pubkey_kind(cocos__cert_key(c_mid)), COCOS__KEY_EC_P256);
    ck_assert(cocos__cert_name_has(c_mid, COCOS__SUBJECT, here, 3));
    ck_assert(!cocos__cert_name_has(c_mid, COCOS__ISSUER, there, 2));
    ck_assert(cocos__cert_is_v3(c_mid));
    ck_assert(cocos__cert_is_self_issued(c_root) && !cocos__cert_is_self_issued(c_mid));
}
END_TEST

START_TEST(holds_both_ends_of_the_validity)
{
    ck_assert_int_eq(cocos__cert_when(c_leaf, FROM - 1), -1);
    ck_assert_int_eq(cocos__cert_when(c_leaf, FROM), 0);
    ck_assert_int_eq(cocos__cert_when(c_leaf, TO), 0);
    ck_assert_int_eq(cocos__cert_when(c_leaf, TO + 1), 1);
}
END_TEST

START_TEST(accepts_a_chain_through_its_intermediate)
{
    cocos_error *err = NULL;
    assert_ok(cocos__chain_verify(c_leaf, &c_mid, 1, c_root, &err), err);
    assert_ok(cocos__chain_verify(c_mid, NULL, 0, c_root, &err), err);
}
END_TEST

START_TEST(refuses_a_root_with_the_right_name_and_another_key)
{
    cocos_error *err = NULL;
    assert_fails(cocos__chain_verify(c_leaf, &c_mid, 1, c_other, &err), COCOS_ERR_REJECTED,
                 "chain.bad", err);
}
END_TEST

START_TEST(refuses_chains_of_another_length)
{
    cocos_error *err = NULL;
    cocos__cert *two[] = {c_mid, c_other};

    assert_fails(cocos__chain_verify(c_leaf, NULL, 0, c_root, &err), COCOS_ERR_REJECTED,
                 "chain.bad", err);
    assert_fails(cocos__chain_verify(c_mid, two, 1, c_root, &err), COCOS_ERR_REJECTED, "chain.bad",
                 err);
    assert_fails(cocos__chain_verify(c_leaf, two, 2, c_root, &err), COCOS_ERR_REJECTED, "chain.bad",
                 err);
}
END_TEST

START_TEST(refuses_an_issuer_that_is_no_authority)
{
    cocos_error *err = NULL;
    EVP_PKEY *key = pki_key_ec("P-256");
    X509 *below = make("below", key, leaf, leaf_key, 0, 9);
    cocos__cert *c = parsed(below);
    cocos__cert *two[] = {c_leaf, c_mid};

    assert_fails(cocos__chain_verify(c, two, 2, c_root, &err), COCOS_ERR_REJECTED, "chain.bad",
                 err);
    cocos__cert_free(c);
    X509_free(below);
    EVP_PKEY_free(key);
}
END_TEST

/* Every bit of leaf, intermediate and root: it no longer parses, or the chain no longer holds. */
START_TEST(refuses_every_flipped_bit_of_a_chain)
{
    X509 *certs[] = {leaf, mid, root};

    for (size_t which = 0; which < 3; which++) {
        pki_bytes der = pki_der(certs[which]);
        for (size_t bit = 0; bit < der.len * 8; bit++) {
            cocos__cert *c[3] = {c_leaf, c_mid, c_root};
            cocos__cert *flipped = NULL;
            der.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
            int r = cocos__cert_parse(der.data, der.len, &flipped, NULL);
            if (r == COCOS_OK) {
                c[which] = flipped;
                r = cocos__chain_verify(c[0], &c[1], 1, c[2], NULL);
            }
            ck_assert_msg(r != COCOS_OK, "certificate %zu, bit %zu", which, bit);
            cocos__cert_free(flipped);
            der.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
        free(der.data);
    }
}
END_TEST

START_TEST(reads_lists_in_pem_and_der_and_caps_them)
{
    X509 *both[] = {mid, root};
    pki_bytes pem = pki_pem(both, 2);
    pki_bytes der = pki_der(leaf);
    cocos__certs list = {0};
    cocos_error *err = NULL;

    assert_ok(cocos__certs_add(&list, der.data, der.len, &err), err);
    assert_ok(cocos__certs_add(&list, pem.data, pem.len + 1, &err), err);
    ck_assert_uint_eq(list.n, 3);
    ck_assert_str_eq(cocos__cert_subject_cn(list.at[1]), "mid");
    assert_fails(cocos__certs_add(&list, pem.data, 0, &err), COCOS_ERR_MALFORMED, "cert.form", err);
    assert_fails(cocos__certs_add(&list, pem.data, pem.len - 40, &err), COCOS_ERR_MALFORMED,
                 "cert.form", err);
    while (list.n < COCOS__CERTS_MAX)
        assert_ok(cocos__certs_add(&list, der.data, der.len, &err), err);
    assert_fails(cocos__certs_add(&list, der.data, der.len, &err), COCOS_ERR_EXHAUSTED,
                 "cert.count", err);
    assert_fails(cocos__certs_add(&list, der.data, der.len - 1, &err), COCOS_ERR_EXHAUSTED,
                 "cert.count", err);
    cocos__certs_done(&list);
    free(pem.data);
    free(der.data);
}
END_TEST

/* Of OpenSSL's reader, a certificate whose last line is damaged takes the next one along. */
START_TEST(loses_no_certificate_to_a_damaged_end_of_the_one_before)
{
    pki_bytes pem = pki_pem((X509 *const[]){mid, root}, 2);
    char *end = strstr((char *)pem.data, "-----END CERTIFICATE-----");
    int refused = 0;

    for (size_t bit = 0; bit < 25 * 8; bit++) {
        cocos__certs list = {.n = 0};
        end[bit / 8] ^= (char)(1u << bit % 8);
        int r = cocos__certs_add(&list, pem.data, pem.len, NULL);
        ck_assert_msg(r == COCOS_ERR_MALFORMED || (r == COCOS_OK && list.n == 2), "bit %zu", bit);
        refused += r < 0;
        end[bit / 8] ^= (char)(1u << bit % 8);
        cocos__certs_done(&list);
    }
    ck_assert_int_gt(refused, 190);
    free(pem.data);
}
END_TEST

START_TEST(refuses_bytes_behind_a_certificate)
{
    pki_bytes der = pki_der(leaf);
    uint8_t *more = calloc(1, der.len + 1);
    cocos__cert *cert = NULL;
    cocos_error *err = NULL;

    memcpy(more, der.data, der.len);
    assert_fails(cocos__cert_parse(more, der.len + 1, &cert, &err), COCOS_ERR_MALFORMED,
                 "cert.form", err);
    assert_fails(cocos__cert_parse(more, 0, &cert, &err), COCOS_ERR_MALFORMED, "cert.form", err);
    assert_fails(cocos__cert_parse(more, COCOS__CERT_DER_MAX + 1, &cert, &err), COCOS_ERR_EXHAUSTED,
                 "cert.size", err);
    free(more);
    free(der.data);
}
END_TEST

static cocos__crl *crl_of(X509 *issuer, EVP_PKEY *key, int64_t from, int64_t to, long serial)
{
    pki_bytes der = pki_crl(issuer, key, PKI_ECDSA_SHA384, from, to, serial);
    cocos__crl *crl = NULL;
    cocos_error *err = NULL;

    assert_ok(cocos__crl_parse(der.data, der.len, &crl, &err), err);
    assert_fails(cocos__crl_parse(der.data, der.len - 1, &(cocos__crl *){NULL}, &err),
                 COCOS_ERR_MALFORMED, "crl.form", err);
    free(der.data);
    return crl;
}

START_TEST(finds_a_revoked_serial_on_a_signed_list)
{
    cocos__crl *crl = crl_of(root, root_key, FROM, TO, 2);
    cocos_error *err = NULL;

    assert_ok(cocos__crl_verify(crl, c_root, &err), err);
    ck_assert(cocos__crl_issued_by(crl, c_root) && !cocos__crl_issued_by(crl, c_mid));
    ck_assert(cocos__crl_revokes(crl, c_mid) && !cocos__crl_revokes(crl, c_root));
    assert_fails(cocos__crl_verify(crl, c_other, &err), COCOS_ERR_REJECTED, "crl.bad", err);
    ck_assert_int_eq(cocos__crl_when(crl, FROM - 1), -1);
    ck_assert_int_eq(cocos__crl_when(crl, FROM), 0);
    ck_assert_int_eq(cocos__crl_when(crl, TO - 1), 0);
    ck_assert_int_eq(cocos__crl_when(crl, TO), 1);
    cocos__crl_free(crl);
}
END_TEST

static int verify_raw(const cocos__pubkey *key, const uint8_t *rs, size_t n, int endian)
{
    cocos__ecdsa_raw sig = {rs, rs + n, n, n, endian};
    return cocos__ecdsa_verify(key, COCOS__SHA384, (cocos__span){(const uint8_t *)"text", 4}, &sig,
                               NULL);
}

START_TEST(verifies_raw_numbers_of_either_endian)
{
    uint8_t rs[144] = {0};
    uint8_t be[96];
    uint8_t xy[96];
    cocos__pubkey *key = NULL;
    cocos_error *err = NULL;

    pki_sign_raw(leaf_key, PKI_ECDSA_SHA384, (const uint8_t *)"text", 4, be, 48);
    pki_point(leaf_key, xy, 48);
    assert_ok(cocos__pubkey_from_point(COCOS__KEY_EC_P384, xy, xy + 48, &key, &err), err);
    ck_assert(cocos__pubkey_equal(key, cocos__cert_key(c_leaf)));
    ck_assert_int_eq(verify_raw(key, be, 48, COCOS__BIG_ENDIAN), COCOS_OK);
    for (int i = 0; i < 48; i++) {
        rs[i] = be[47 - i];
        rs[72 + i] = be[95 - i];
    }
    ck_assert_int_eq(verify_raw(key, rs, 72, COCOS__LITTLE_ENDIAN), COCOS_OK);
    ck_assert_int_eq(verify_raw(key, rs, 72, COCOS__BIG_ENDIAN), COCOS_ERR_REJECTED);
    rs[71] = 1; /* above the group order */
    ck_assert_int_eq(verify_raw(key, rs, 72, COCOS__LITTLE_ENDIAN), COCOS_ERR_REJECTED);
    memset(rs, 0, sizeof rs);
    ck_assert_int_eq(verify_raw(key, rs, 72, COCOS__LITTLE_ENDIAN), COCOS_ERR_REJECTED);
    cocos__pubkey_free(key);
}
END_TEST

START_TEST(refuses_a_point_off_the_curve)
{
    uint8_t xy[64];
    cocos__pubkey *key = NULL;
    cocos_error *err = NULL;

    pki_point(mid_key, xy, 32);
    xy[63] ^= 1;
    assert_fails(cocos__pubkey_from_point(COCOS__KEY_EC_P256, xy, xy + 32, &key, &err),
                 COCOS_ERR_MALFORMED, "pubkey.point", err);
    memset(xy, 0, sizeof xy);
    assert_fails(cocos__pubkey_from_point(COCOS__KEY_EC_P256, xy, xy + 32, &key, &err),
                 COCOS_ERR_MALFORMED, "pubkey.point", err);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {reads_what_a_certificate_says,
                                  holds_both_ends_of_the_validity,
                                  accepts_a_chain_through_its_intermediate,
                                  refuses_a_root_with_the_right_name_and_another_key,
                                  refuses_chains_of_another_length,
                                  refuses_an_issuer_that_is_no_authority,
                                  refuses_every_flipped_bit_of_a_chain,
                                  reads_lists_in_pem_and_der_and_caps_them,
                                  loses_no_certificate_to_a_damaged_end_of_the_one_before,
                                  refuses_bytes_behind_a_certificate,
                                  finds_a_revoked_serial_on_a_signed_list,
                                  verifies_raw_numbers_of_either_endian,
                                  refuses_a_point_off_the_curve,
                                  NULL};
    make_all();
    int failed = run_suite("chain", tests, 60);
    drop_all();
    return failed;
}
