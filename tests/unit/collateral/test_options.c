/* SPDX-License-Identifier: Apache-2.0 */
/* Options of fetching: what is taken, what is refused, and what counts without them. */
#include "collateral/options.h"

#include <stdio.h>
#include <string.h>

#include "pki.h"
#include "suite.h"

static cocos_collateral_options *new_options(void)
{
    cocos_collateral_options *o = NULL;

    ck_assert_int_eq(cocos_collateral_options_new(&o, NULL), COCOS_OK);
    return o;
}

static int is_taken(const char *name, const char *value)
{
    cocos_collateral_options *o = new_options();
    cocos_error *err = NULL;

    int r = cocos_collateral_options_set(o, name, value, &err);
    if (r < 0) {
        ck_assert_int_eq(r, COCOS_ERR_USAGE);
        ck_assert_str_eq(cocos_error_code(err), "option.value");
        ck_assert_str_eq(cocos_error_check(err), name);
        ck_assert_ptr_nonnull(strstr(cocos_error_message(err), cocos_error_expected(err)));
        cocos_error_free(err);
    }
    cocos_collateral_options_free(o);
    return r == COCOS_OK;
}

START_TEST(takes_addresses_of_http_only)
{
    static const char *const good[] = {"https://kds", "http://127.0.0.1:80", "https://[::1]:8081/a",
                                       "https://h/a/b"};
    static const char *const bad[] = {"",
                                      "kdsintf.amd.com",
                                      "https://",
                                      "https:///x",
                                      "https://:80",
                                      "https://?",
                                      "https://h/",
                                      "https://h?q",
                                      "https://h#f",
                                      "https://u@h",
                                      "https://h\\x",
                                      "https://h h",
                                      "https://h\n",
                                      "https://h\"",
                                      "https://<h>",
                                      "https://caf\xc3\xa9",
                                      "ftp://h",
                                      "file:///etc/passwd",
                                      "HTTPS://h",
                                      " https://h"};
    static const char *const bases[] = {"kds", "pcs"};
    char long_url[600] = "https://";

    for (size_t b = 0; b < 2; b++) {
        for (size_t i = 0; i < sizeof good / sizeof *good; i++)
            ck_assert_msg(is_taken(bases[b], good[i]), "%s", good[i]);
        for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
            ck_assert_msg(!is_taken(bases[b], bad[i]), "%s", bad[i]);
    }
    /* That of the list is whole. */
    ck_assert(is_taken("root_crl", "https://h/x?y=z") && is_taken("root_crl", "https://h/x/"));
    ck_assert(!is_taken("root_crl", "https://u@h/x") && !is_taken("root_crl", "https://h/x#f"));
    memset(long_url + 8, 'a', 512 - 8);
    ck_assert(is_taken("kds", long_url));
    long_url[512] = 'a';
    ck_assert(!is_taken("kds", long_url));
}
END_TEST

START_TEST(takes_paths_that_are_absolute)
{
    char path[3002];

    memset(path, 'a', sizeof path - 1);
    path[0] = '/';
    path[3001] = '\0';
    ck_assert(!is_taken("cache", path) && !is_taken("ca", path));
    path[2999] = '\0';
    ck_assert(is_taken("cache", path) && is_taken("ca", path));
    ck_assert(is_taken("cache", "") && !is_taken("ca", ""));
    ck_assert(!is_taken("cache", "a/b") && !is_taken("ca", "./ca.pem"));
}
END_TEST

START_TEST(takes_numbers_within_their_bounds)
{
    static const char *const bad[] = {"", "-1", "+1", " 1", "1 ", "1.5", "1s", "0x1", "9999999"};

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ck_assert_msg(!is_taken("patience", bad[i]) && !is_taken("attempt", bad[i]), "%s", bad[i]);
    ck_assert(is_taken("patience", "0") && is_taken("patience", "3600"));
    ck_assert(!is_taken("patience", "3601"));
    ck_assert(!is_taken("attempt", "0") && is_taken("attempt", "1") && is_taken("attempt", "600"));
    ck_assert(!is_taken("attempt", "601"));
    ck_assert(is_taken("offline", "true") && is_taken("offline", "false"));
    ck_assert(!is_taken("offline", "yes") && !is_taken("offline", ""));
}
END_TEST

START_TEST(knows_no_other_option)
{
    cocos_collateral_options *o = new_options();
    cocos_error *err = NULL;

    assert_fails(cocos_collateral_options_set(o, "proxy", "x", &err), COCOS_ERR_USAGE,
                 "option.name", err);
    assert_fails(cocos_collateral_options_set(o, "KDS", "https://h", &err), COCOS_ERR_USAGE,
                 "option.name", err);
    assert_fails(cocos_collateral_options_set(o, NULL, "x", &err), COCOS_ERR_USAGE, "option.value",
                 err);
    assert_fails(cocos_collateral_options_set(o, "kds", NULL, &err), COCOS_ERR_USAGE,
                 "option.value", err);
    assert_fails(cocos_collateral_options_set(NULL, "kds", "https://h", &err), COCOS_ERR_USAGE,
                 "option.value", err);
    assert_fails(cocos_collateral_options_add_root(NULL, (const uint8_t *)"", 0, &err),
                 COCOS_ERR_USAGE, "option.value", err);
    assert_fails(cocos_collateral_options_add_root(o, NULL, 0, &err), COCOS_ERR_USAGE,
                 "option.value", err);
    cocos_collateral_options_free(o);
    cocos_collateral_options_free(NULL);
}
END_TEST

START_TEST(keeps_the_last_good_value)
{
    cocos_collateral_options *o = new_options();
    cocos_error *err = NULL;

    ck_assert_str_eq(cocos__collateral_option(NULL, COCOS__COLLATERAL_KDS),
                     "https://kdsintf.amd.com");
    ck_assert_str_eq(cocos__collateral_option(o, COCOS__COLLATERAL_PCS),
                     "https://api.trustedservices.intel.com");
    ck_assert_int_eq(cocos__collateral_seconds(o, COCOS__COLLATERAL_PATIENCE), 120);
    ck_assert_int_eq(cocos__collateral_seconds(NULL, COCOS__COLLATERAL_ATTEMPT), 30);
    assert_ok(cocos_collateral_options_set(o, "patience", "7", &err), err);
    assert_ok(cocos_collateral_options_set(o, "patience", "9", &err), err);
    assert_fails(cocos_collateral_options_set(o, "patience", "x", &err), COCOS_ERR_USAGE,
                 "option.value", err);
    ck_assert_int_eq(cocos__collateral_seconds(o, COCOS__COLLATERAL_PATIENCE), 9);
    cocos_collateral_options_free(o);
}
END_TEST

START_TEST(takes_roots_that_are_certificates)
{
    cocos_collateral_options *o = new_options();
    cocos_error *err = NULL;
    EVP_PKEY *key = pki_key_ec("P-256");
    pki_spec s = {.cn = "root", .key = key, .not_after = 2000000000, .ca = 1};
    X509 *x = pki_cert(&s);
    X509 *many[] = {x, x, x, x, x, x, x, x};
    pki_bytes pem = pki_pem(many, 8);
    pki_bytes der = pki_der(x);

    ck_assert_ptr_null(cocos__collateral_roots(NULL));
    ck_assert_ptr_null(cocos__collateral_roots(o));
    assert_fails(cocos_collateral_options_add_root(o, (const uint8_t *)"x", 1, &err),
                 COCOS_ERR_MALFORMED, "cert.form", err);
    assert_ok(cocos_collateral_options_add_root(o, der.data, der.len, &err), err);
    ck_assert_uint_eq(cocos__collateral_roots(o)->n, 1);
    assert_fails(cocos_collateral_options_add_root(o, pem.data, pem.len, &err), COCOS_ERR_EXHAUSTED,
                 "cert.count", err);
    free(pem.data);
    free(der.data);
    X509_free(x);
    EVP_PKEY_free(key);
    cocos_collateral_options_free(o);
}
END_TEST

TEST_MAIN(options,
          takes_addresses_of_http_only,
          takes_paths_that_are_absolute,
          takes_numbers_within_their_bounds,
          knows_no_other_option,
          keeps_the_last_good_value,
          takes_roots_that_are_certificates)
