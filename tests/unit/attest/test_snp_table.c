/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates that come in AMD's table: behind the report, or as a file of its own. */
#include <cocos/verifier.h>

#include <string.h>

#include "base/bytes.h"
#include "snp_maker.h"
#include "suite.h"

static snp_authority milan;

/* AMD 56421, certificate table: VCEK, ASK, ARK, and the list of revoked ones. */
static const uint8_t guids[4][16] = {
    {0x63, 0xda, 0x75, 0x8d, 0xe6, 0x64, 0x45, 0x64, 0xad, 0xc5, 0xf4, 0xb9, 0x3b, 0xe8, 0xac,
     0xcd},
    {0x4a, 0xb7, 0xb3, 0x79, 0xbb, 0xac, 0x4f, 0xe4, 0xa0, 0x2f, 0x05, 0xae, 0xf3, 0x27, 0xc7,
     0x82},
    {0xc0, 0xb4, 0x06, 0xa4, 0xa8, 0x03, 0x49, 0x52, 0x97, 0x43, 0x3f, 0xb6, 0x01, 0x4c, 0xd0,
     0xae},
    {0x92, 0xf8, 0x1b, 0xc3, 0x58, 0x11, 0x4d, 0x3d, 0x97, 0xff, 0xd1, 0x9f, 0x88, 0xdc, 0x67,
     0xea},
};

/* A signed report with a table of `n` of: VCEK, ASK, ARK, a list without entries, one with the ASK.
 */
static void make(cocos__buf *report, cocos__buf *table, size_t n)
{
    snp_plan plan = snp_plan_new(&milan, 3);
    EVP_PKEY *key = pki_key_ec("P-384");
    X509 *leaf = snp_leaf(&plan, key);
    pki_bytes blobs[5] = {
        pki_der(leaf), pki_der(milan.ask), pki_der(milan.ark),
        pki_crl(milan.ark, milan.ark_key, PKI_PSS_SHA384, SNP_FROM, SNP_TO, 0),
        pki_crl(milan.ark, milan.ark_key, PKI_PSS_SHA384, SNP_FROM, SNP_TO, 0x101)};
    uint32_t at = (uint32_t)(24 * (n + 1));

    snp_sign(key, plan.report);
    cocos__buf_init(report, 1u << 16);
    cocos__buf_init(table, 1u << 16);
    cocos__buf_add(report, plan.report, sizeof plan.report);
    for (size_t i = 0; i < n; i++) {
        cocos__buf_add(table, guids[i < 4 ? i : 3], 16);
        cocos__buf_add_u32le(table, at);
        cocos__buf_add_u32le(table, (uint32_t)blobs[i].len);
        at += (uint32_t)blobs[i].len;
    }
    cocos__buf_add(table, (const uint8_t[24]){0}, 24);
    for (size_t i = 0; i < 5; i++) {
        if (i < n)
            cocos__buf_add(table, blobs[i].data, blobs[i].len);
        free(blobs[i].data);
    }
    X509_free(leaf);
    EVP_PKEY_free(key);
}

/* Judged with the table behind the report, and beside it, each also with its chain kept where that
 * holds: a list counts all the same. Frees both. */
static void expect(cocos__buf *report, cocos__buf *table, const char *code)
{
    for (int beside = 0; beside < 2; beside++) {
        cocos_policy *policy = snp_policy(&milan);
        cocos_verifier *verifier = NULL;
        cocos_verdict *verdict = NULL;
        cocos_evidence *ev = NULL;
        cocos__buf whole;

        cocos__buf_init(&whole, 1u << 17);
        cocos__buf_add(&whole, report->data, report->len);
        if (!beside)
            cocos__buf_add(&whole, table->data, table->len);
        ck_assert_int_eq(cocos_evidence_new(COCOS_EVIDENCE_SNP, whole.data, whole.len, &ev, NULL),
                         COCOS_OK);
        if (beside)
            ck_assert_int_eq(
                cocos_evidence_add(ev, COCOS_PART_CERT_TABLE, table->data, table->len, NULL),
                COCOS_OK);
        ck_assert_int_eq(cocos_verifier_new(policy, &verifier, NULL), COCOS_OK);
        for (int kept = 0; kept < 2; kept++) {
            int r = cocos_verifier_verify(verifier, ev, SNP_NOW * 1000000000, COCOS_TIME_CHOSEN,
                                          &verdict, NULL);
            ck_assert_str_eq(cocos_verdict_reason(verdict), code);
            ck_assert_int_eq(r == COCOS_OK, code[0] == '\0');
            cocos_verdict_free(verdict);
            (void)!cocos_verifier_keep_chain(verifier, ev, NULL);
        }
        cocos_verifier_free(verifier);
        cocos_policy_free(policy);
        cocos_evidence_free(ev);
        cocos__buf_done(&whole);
    }
    cocos__buf_done(report);
    cocos__buf_done(table);
}

START_TEST(takes_certificates_and_lists_from_a_table)
{
    cocos__buf report;
    cocos__buf table;

    for (size_t n = 2; n <= 4; n++) { /* the root is the verifier's own */
        make(&report, &table, n);
        expect(&report, &table, "");
    }
}
END_TEST

START_TEST(cannot_tell_with_a_table_that_lacks_a_key)
{
    cocos__buf report;
    cocos__buf table;

    make(&report, &table, 0);
    expect(&report, &table, "snp.key_kind");
}
END_TEST

START_TEST(refuses_tables_and_certificates_in_them_that_cannot_be_read)
{
    cocos__buf report;
    cocos__buf table;

    make(&report, &table, 3);
    table.data[19] = 0x80; /* far outside */
    expect(&report, &table, "snp.cert_table");
    make(&report, &table, 3);
    table.data[24 * 4] = 0x31; /* no SEQUENCE */
    expect(&report, &table, "snp.cert_chain");
}
END_TEST

/* Whatever their order. */
START_TEST(looks_at_every_list_of_a_table)
{
    cocos__buf report;
    cocos__buf table;

    make(&report, &table, 5);
    expect(&report, &table, "snp.revoked");
    make(&report, &table, 5);
    uint8_t last[8];
    memcpy(last, table.data + 24 * 4 + 16, sizeof last);
    memcpy(table.data + 24 * 4 + 16, table.data + 24 * 3 + 16, sizeof last);
    memcpy(table.data + 24 * 3 + 16, last, sizeof last);
    expect(&report, &table, "snp.revoked");
}
END_TEST

int main(void)
{
    milan = snp_authority_new("Milan");
    const TTest *const tests[] = {takes_certificates_and_lists_from_a_table,
                                  cannot_tell_with_a_table_that_lacks_a_key,
                                  refuses_tables_and_certificates_in_them_that_cannot_be_read,
                                  looks_at_every_list_of_a_table, NULL};
    int r = run_suite("snp_table", tests, 60);
    snp_authority_free(&milan);
    return r;
}
