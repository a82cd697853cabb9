/* SPDX-License-Identifier: Apache-2.0 */
/* Approvals and cases when memory runs out: an error each time, nothing left behind, no crash. */
#include "allocfail.h"

#include "cases.h"
#include "suite.h"

static snp_authority milan;
static struct parties p;
static uint8_t *bytes;
static size_t len;

static int approve(void *user, cocos_error **err)
{
    cocos_approval *a = NULL;
    int r = cocos_approval_sign(p.manifest, p.key[0], user, &a, err);

    cocos_approval_free(a);
    return r;
}

static int parse(void *user, cocos_error **err)
{
    cocos_case *file = NULL;
    int r = cocos_case_parse(bytes, len, &file, err);

    (void)user;
    cocos_case_free(file);
    return r;
}

static int request(void *user, cocos_error **err)
{
    const uint8_t *data;
    size_t n;

    return cocos_case_anchor_request(user, &data, &n, err);
}

static int explain(void *user, cocos_error **err)
{
    char *text = NULL;
    int r = cocos_case_explain(user, NULL, &text, err);

    cocos_free_text(text);
    return r;
}

static int explain_json(void *user, cocos_error **err)
{
    char *text = NULL;
    int r = cocos_case_explain_json(user, NULL, &text, err);

    cocos_free_text(text);
    return r;
}

static int show_statement(void *user, cocos_error **err)
{
    char *text = NULL;
    int r = cocos_statement_to_json(cocos_case_statement(user), &text, err);

    cocos_free_text(text);
    return r;
}

START_TEST(no_failed_allocation_is_missed)
{
    static int (*const calls[])(void *, cocos_error **) = {explain, explain_json, show_statement,
                                                           request};
    cocos_key *guest = NULL;
    const uint8_t *data;

    milan = snp_authority_new("Milan");
    parties_make(&p, "[\"algorithm-provider\"]");
    PKI_NEED(cocos_key_generate(COCOS_KEY_ED25519, &guest, NULL) == COCOS_OK);
    case_plan c = case_plan_new(&milan, &p, guest);
    cocos_case *file = case_make(&c);
    PKI_NEED(cocos_case_cbor(file, &data, &len, NULL) == COCOS_OK);
    bytes = malloc(len);
    memcpy(bytes, data, len);

    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
        ck_assert_uint_gt(allocfail_sweep(calls[i], file), 0);
    ck_assert_uint_gt(allocfail_sweep(approve, NULL), 0);
    ck_assert_uint_gt(allocfail_sweep(parse, NULL), 0);
    free(bytes);
    cocos_case_free(file);
    cocos_key_free(guest);
    parties_done(&p);
    snp_authority_free(&milan);
}
END_TEST

TEST_MAIN(case_memory, no_failed_allocation_is_missed)
