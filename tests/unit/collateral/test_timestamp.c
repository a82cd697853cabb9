/* SPDX-License-Identifier: Apache-2.0 */
/* Asking a time-stamp authority: what is refused before, and who stops it. A real one, and what it
 * can say wrong: tests/integration/test_case_cli.py. */
#include <cocos/collateral.h>

#include <unistd.h>

#include "base/clock.h"
#include "cases.h"
#include "silent_port.h"
#include "suite.h"

static snp_authority milan;
static struct parties p;
static cocos_key *guest;
static cocos_case *file;

START_TEST(wants_a_case_and_a_url)
{
    static const char *const bad[] = {NULL, "", "tsa.example", "ftp://tsa.example", "https://",
                                      "https://u@tsa.example", "https://tsa.example/#x"};
    cocos_error *err = NULL;

    for (size_t i = 0; i < COCOS__ARRAY_LEN(bad); i++)
        assert_fails(cocos_case_anchor_fetch(file, bad[i], NULL, 0, NULL, &err), COCOS_ERR_USAGE,
                     "option.value", err);
    assert_fails(cocos_case_anchor_fetch(NULL, "https://tsa.example", NULL, 0, NULL, &err),
                 COCOS_ERR_USAGE, "option.value", err);
}
END_TEST

START_TEST(asks_nobody_offline)
{
    cocos_collateral_options *o = NULL;
    cocos_error *err = NULL;

    assert_ok(cocos_collateral_options_new(&o, &err), err);
    assert_ok(cocos_collateral_options_set(o, "offline", "true", &err), err);
    assert_fails(cocos_case_anchor_fetch(file, "https://tsa.example", o, 0, NULL, &err),
                 COCOS_ERR_NOT_FOUND, "collateral.offline", err);
    cocos_collateral_options_free(o);
}
END_TEST

START_TEST(ends_at_its_deadline_and_when_cancelled)
{
    cocos_cancel *cancel = cocos_cancel_new();
    cocos_error *err = NULL;
    char url[64];
    int fd = silent_port(url);

    assert_fails(cocos_case_anchor_fetch(file, url, NULL, cocos_deadline_in(100 * COCOS__NS_PER_MS),
                                         NULL, &err),
                 COCOS_ERR_TIMEOUT, "collateral.timeout", err);
    cocos_cancel_trigger(cancel);
    assert_fails(cocos_case_anchor_fetch(file, url, NULL, 0, cancel, &err), COCOS_ERR_CANCELLED,
                 "cancelled", err);
    cocos_cancel_free(cancel);
    close(fd);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {wants_a_case_and_a_url, asks_nobody_offline,
                                  ends_at_its_deadline_and_when_cancelled, NULL};

    milan = snp_authority_new("Milan");
    parties_make(&p, "[]");
    PKI_NEED(cocos_key_generate(COCOS_KEY_ED25519, &guest, NULL) == COCOS_OK);
    case_plan c = case_plan_new(&milan, &p, guest);
    c.approvals = 0;
    file = case_make(&c);
    int failed = run_suite("timestamp", tests, 60);
    cocos_case_free(file);
    cocos_key_free(guest);
    parties_done(&p);
    snp_authority_free(&milan);
    return failed != 0;
}
