/* SPDX-License-Identifier: Apache-2.0 */
/* Showing evidence: all of it when it is whole, an error and no fault when it is not. */
#include <cocos/verifier.h>

#include <string.h>

#include "attest/envelope.h"
#include "attest/evidence.h"
#include "codec/cbor.h"
#include "ima_maker.h"
#include "shown.h"
#include "snp_maker.h"
#include "suite.h"
#include "tdx_maker.h"
#include "tdx_message.h"
#include "tpm_maker.h"

static cocos__buf message(const char *curve)
{
    EVP_PKEY *key = pki_key_ec(curve);
    tpm_plan p = tpm_plan_new(key);
    tpm_parts *parts = tpm_make(&p);
    cocos__buf m;

    cocos__buf_init(&m, 1u << 20);
    tpm_message(parts, &m);
    tpm_parts_free(parts);
    EVP_PKEY_free(key);
    return m;
}

/* NULL: it could not be shown, or is of no known kind. */
static char *show_kind(int kind, const uint8_t *data, size_t len)
{
    uint8_t *exact = malloc(len ? len : 1); /* so that reading past the end is seen */
    cocos_evidence *ev = NULL;
    cocos_error *err = NULL;
    char *text = NULL;

    ck_assert_ptr_nonnull(exact);
    memcpy(exact, data, len);
    int r = cocos_evidence_new(kind, exact, len, &ev, &err);
    free(exact);
    if (r < 0) {
        ck_assert_int_eq(r, COCOS_ERR_UNSUPPORTED);
        cocos_error_free(err);
        return NULL;
    }
    r = cocos_evidence_to_table(ev, &text, &err);
    ck_assert_int_eq(r == COCOS_OK, text != NULL);
    ck_assert(r == COCOS_OK || r == COCOS_ERR_MALFORMED || r == COCOS_ERR_EXHAUSTED ||
              r == COCOS_ERR_UNSUPPORTED);
    cocos_error_free(err);
    cocos_evidence_free(ev);
    return text;
}

static char *show(const uint8_t *data, size_t len)
{
    return show_kind(COCOS_EVIDENCE_VTPM, data, len);
}

/* Shows it, found by its content, and demands each of the texts. */
static void shows(const uint8_t *data, size_t len, const char *const *parts, size_t n)
{
    char *text = show_kind(0, data, len);

    ck_assert_ptr_nonnull(text);
    ck_assert_ptr_null(strstr(text, ":\n"));
    holds(text, parts, n);
}
#define SHOWS(data, len, ...) shows(data, len, TEXTS(__VA_ARGS__))

/* Every cut and flipped byte of it; gives how many could be shown. */
static size_t survives(int kind, uint8_t *data, size_t len)
{
    size_t shown = 0;

    for (size_t i = 0; i < len; i += 1 + i / 200) {
        cocos_free_text(show_kind(kind, data, i));
        data[i] ^= 0x5a;
        char *text = show_kind(kind, data, len);
        data[i] ^= 0x5a;
        shown += text != NULL;
        cocos_free_text(text);
    }
    return shown;
}

START_TEST(shows_signature_and_key_flags_of_a_report)
{
    snp_authority ca = snp_authority_new("Milan");
    snp_plan p = snp_plan_new(&ca, 3);

    memset(p.report + 0x40, 0, 8);
    memset(p.report + 0x2a0, 0xe1, 48);
    memset(p.report + 0x2e8, 0xe2, 48);
    p.report[0x48] = 2;
    SHOWS(p.report, sizeof p.report, "signature_r", "e1e1e1", "signature_s", "e2e2e2", "key_info",
          "chip key masked", "none is set", "demanded: ");
    snp_authority_free(&ca);
}
END_TEST

START_TEST(shows_all_of_a_quote)
{
    tdx_authority ca = tdx_authority_new();

    for (int type = 2; type <= 4; type++) {
        tdx_plan p = tdx_plan_new(&ca);
        p.version = type == 2 ? 4 : 5;
        p.body_type = type;
        pki_bytes q = tdx_quote(&p);
        SHOWS(q.data, q.len, "attestation_key_type", "qe_vendor_id", "signature  ",
              "attestation_key  ", "qe_auth_data", "7777777777", "qe_cpu_svn", "qe_miscselect",
              "qe_attributes", "qe_xfrm", "qe_report_data", "qe_report_signature",
              "certification_data_type", "x87, SSE", "; serial ", "; valid 20",
              type == 2 ? "TD report 1.0" : "mrservicetd",
              type == 4 ? "service_attributes" : "rtmr3");
        if (type == 4)
            ck_assert_uint_gt(survives(0, q.data, q.len), 0);
        free(q.data);
    }
    tdx_authority_free(&ca);
}
END_TEST

/* attest.Attestation with something in field `number`. */
static cocos__buf message_with(unsigned number, const cocos__buf *inside)
{
    cocos__buf m = message("P-256");

    tpm_field(&m, number, inside->data, inside->len);
    ck_assert(!m.failed);
    return m;
}

START_TEST(shows_the_report_inside_a_message)
{
    cocos__buf report;
    cocos__buf outer;
    uint8_t bytes[64];

    cocos__buf_init(&report, 4096);
    cocos__buf_init(&outer, 4096);
    tpm_number(&report, 1, 3);
    memset(bytes, 0x3e, sizeof bytes);
    tpm_field(&report, 11, bytes, 64);
    tpm_field(&outer, 1, report.data, report.len);
    cocos__buf m = message_with(8, &outer);
    SHOWS(m.data, m.len, "tee.snp.report_data", "3e3e3e3e", "tee.snp.signature_r",
          "tee.snp.policy");
    cocos__buf_done(&m);
    cocos__buf_done(&report);
    cocos__buf_done(&outer);
}
END_TEST

START_TEST(shows_the_quote_inside_a_message)
{
    tdx_authority ca = tdx_authority_new();
    tdx_plan p = tdx_plan_new(&ca);

    p.version = 4;
    p.body_type = 2;
    pki_bytes q = tdx_quote(&p);
    cocos__buf inside = tdx_message(&q);
    cocos__buf m = message_with(9, &inside);
    SHOWS(m.data, m.len, "tee.tdx.mrtd", "tee.tdx.qe_mrsigner", "tee.tdx.certificate ",
          "tee.tdx.fmspc");
    inside.data[3] ^= 1;
    cocos__buf cut = message_with(9, &inside);
    SHOWS(cut.data, cut.len, "unreadable", "quote.nonce", "11 events");
    ck_assert_uint_gt(survives(COCOS_EVIDENCE_VTPM, m.data, m.len), 0);
    cocos__buf_done(&m);
    cocos__buf_done(&cut);
    cocos__buf_done(&inside);
    free(q.data);
    tdx_authority_free(&ca);
}
END_TEST

START_TEST(shows_an_event_log_by_itself)
{
    EVP_PKEY *key = pki_key_ec("P-256");
    tpm_plan p = tpm_plan_new(key);
    tpm_parts *parts = tpm_make(&p);
    cocos_evidence *ev = NULL;
    cocos_policy *policy = tpm_policy(&p);
    cocos_verifier *verifier = NULL;
    cocos_verdict *verdict = NULL;
    cocos_error *err = NULL;

    SHOWS(parts->log.data, parts->log.len, "part", "event.pcr4", "EFI_ACTION",
          "\"Exit Boot Services Invocation\"", "sha256:", "11 events");
    ck_assert_uint_gt(survives(0, parts->log.data, parts->log.len), 0);
    assert_ok(cocos_evidence_new(0, parts->log.data, parts->log.len, &ev, &err), err);
    ck_assert_int_eq(cocos_evidence_kind(ev), COCOS_EVIDENCE_PART);
    assert_ok(cocos_verifier_new(policy, &verifier, &err), err);
    assert_fails(cocos_verifier_verify(verifier, ev, 0, COCOS_TIME_CHOSEN, &verdict, &err),
                 COCOS_ERR_UNSUPPORTED, "evidence.kind", err);
    assert_fails(cocos_verifier_keep_chain(verifier, ev, &err), COCOS_ERR_UNSUPPORTED,
                 "evidence.kind", err);
    cocos_verifier_free(verifier);
    cocos_policy_free(policy);
    cocos_evidence_free(ev);
    tpm_parts_free(parts);
    EVP_PKEY_free(key);
}
END_TEST

/* What was put beside evidence, each file by itself. Frees it. */
static void shows_beside(cocos_evidence *ev, int kinds)
{
    int seen = 0;

    for (size_t i = 0; i < ev->n; i++) {
        uint8_t *data = (uint8_t *)ev->parts[i].data.data; /* ours, and about to be freed */
        size_t len = ev->parts[i].data.len;
        if (ev->parts[i].part == COCOS_PART_CERTIFICATES)
            SHOWS(data, len, "kind                     part", "certificate ", "; serial ",
                  "; valid 20");
        else if (ev->parts[i].part == COCOS_PART_CRL)
            SHOWS(data, len, "revocation list of this issuer; number ", "Z to 20");
        else if (ev->parts[i].part == COCOS_PART_TCB_INFO)
            SHOWS(data, len, "TCB info", "fmspc", "pce_id", "next_update", "module.base.mrsigner",
                  "module.TDX_01.level", "platform.level", "UpToDate", "INTEL-SA-", "signature");
        else if (ev->parts[i].part == COCOS_PART_QE_IDENTITY)
            SHOWS(data, len, "QE identity", "isv_prod_id", "miscselect", "attributes",
                  "enclave.level", "from ISV SVN ", "signature");
        else
            SHOWS(data, len, "Intel SGX TCB Signing", "Intel SGX Root CA");
        ck_assert_uint_gt(survives(0, data, len), 0);
        seen |= 1 << ev->parts[i].part;
    }
    ck_assert_int_eq(seen, kinds);
    cocos_evidence_free(ev);
}

START_TEST(shows_what_comes_beside_a_quote)
{
    tdx_authority ca = tdx_authority_new();
    tdx_plan p = tdx_plan_new(&ca);
    pki_bytes chain = tdx_chain(&p);

    shows_beside(tdx_make(&p), 1 << COCOS_PART_CRL | 1 << COCOS_PART_TCB_INFO |
                                   1 << COCOS_PART_QE_IDENTITY | 1 << COCOS_PART_TCB_CHAIN);
    SHOWS(chain.data, chain.len, "Intel SGX PCK Certificate", "fmspc", "tcb_components", "PCE SVN");
    free(chain.data);
    tdx_authority_free(&ca);
}
END_TEST

START_TEST(shows_what_comes_beside_a_report)
{
    static const uint8_t vcek[16] = {0x63, 0xda, 0x75, 0x8d, 0xe6, 0x64, 0x45, 0x64,
                                     0xad, 0xc5, 0xf4, 0xb9, 0x3b, 0xe8, 0xac, 0xcd};
    static const uint8_t crl[16] = {0x92, 0xf8, 0x1b, 0xc3, 0x58, 0x11, 0x4d, 0x3d,
                                    0x97, 0xff, 0xd1, 0x9f, 0x88, 0xdc, 0x67, 0xea};
    snp_authority ca = snp_authority_new("Milan");
    snp_plan p = snp_plan_new(&ca, 3);
    EVP_PKEY *key = pki_key_ec("P-384");
    X509 *leaf = snp_leaf(&p, key);
    pki_bytes cert = pki_der(leaf);
    pki_bytes list = pki_crl(ca.ark, ca.ark_key, PKI_PSS_SHA384, SNP_FROM, SNP_TO, 0x1a2b);
    cocos__buf table;

    shows_beside(snp_make(&p), 1 << COCOS_PART_CERTIFICATES);
    SHOWS(cert.data, cert.len, "SEV-VCEK", "certificate.product", "Milan", "certificate.tcb",
          "certificate.hwid");
    SHOWS(list.data, list.len, "ARK-Milan", "revoked                  1a2b");
    cocos__buf_init(&table, 1u << 16);
    cocos__buf_add(&table, vcek, 16);
    cocos__buf_add_u32le(&table, 72);
    cocos__buf_add_u32le(&table, (uint32_t)cert.len);
    cocos__buf_add(&table, crl, 16);
    cocos__buf_add_u32le(&table, 72 + (uint32_t)cert.len);
    cocos__buf_add_u32le(&table, (uint32_t)list.len);
    cocos__buf_add(&table, (const uint8_t[24]){0}, 24);
    cocos__buf_add(&table, cert.data, cert.len);
    cocos__buf_add(&table, list.data, list.len);
    SHOWS(table.data, table.len, "VCEK, ", "certificate.tcb", "CRL, ", "1a2b");
    ck_assert_uint_gt(survives(0, table.data, table.len), 0);
    cocos__buf_done(&table);
    free(cert.data);
    free(list.data);
    X509_free(leaf);
    EVP_PKEY_free(key);
    snp_authority_free(&ca);
}
END_TEST

/* The issuer of VLEKs has VLEK in its name and is no VLEK. */
START_TEST(calls_an_intermediate_no_bad_leaf)
{
    EVP_PKEY *key = pki_key_ec("P-384");
    const pki_spec s = {.cn = "SEV-VLEK-Milan",
                        .key = key,
                        .ca = 1,
                        .scheme = PKI_ECDSA_SHA384,
                        .not_before = SNP_FROM,
                        .not_after = SNP_TO};
    X509 *cert = pki_cert(&s);
    pki_bytes der = pki_der(cert);
    char *text = show_kind(0, der.data, der.len);

    ck_assert_ptr_nonnull(strstr(text, "SEV-VLEK-Milan"));
    ck_assert_ptr_null(strstr(text, "defect"));
    cocos_free_text(text);
    free(der.data);
    X509_free(cert);
    EVP_PKEY_free(key);
}
END_TEST

START_TEST(shows_the_list_of_extends_of_an_envelope)
{
    static const uint8_t bytes[64] = {7};
    const cocos__claims claims = {.purpose = COCOS__PURPOSE_STATEMENT, .instance_id = bytes};
    cocos_error *err = NULL;
    cocos__buf c, list, envelope;

    cocos__buf_init(&c, COCOS__CLAIMS_MAX);
    cocos__buf_init(&list, 1024);
    cocos__buf_init(&envelope, COCOS__ENVELOPE_MAX);
    assert_ok(cocos__claims_encode(&claims, &c, &err), err);
    for (int good = 0; good < 2; good++) {
        cocos__buf_reset(&list);
        cocos__cbor_put_array(&list, 1);
        cocos__cbor_put_array(&list, 3);
        cocos__cbor_put_uint(&list, good ? 15 : 14);
        cocos__cbor_put_text(&list, "cocos-manifest/1");
        cocos__cbor_put_bytes(&list, (const uint8_t[32]){0xab, 0xcd}, 32);
        const cocos__envelope_part part = {COCOS__MEDIA_EXTENDS, {list.data, list.len}};
        cocos__buf_reset(&envelope);
        assert_ok(cocos__envelope_encode((cocos__span){c.data, c.len}, &part, 1, &envelope, &err),
                  err);
        if (good)
            SHOWS(envelope.data, envelope.len, "extends.pcr15", "abcd0000");
        else
            SHOWS(envelope.data, envelope.len, "extends", "unreadable", "not [[15, ");
    }
    cocos__buf_done(&c);
    cocos__buf_done(&list);
    cocos__buf_done(&envelope);
}
END_TEST

START_TEST(shows_an_ima_list_in_both_forms)
{
    ima_list l;

    ima_list_init(&l);
    ima_list_add(&l, IMA_NG, "boot_aggregate", 0);
    ima_list_add(&l, IMA_SIG, "/usr/bin/init", 0);
    ima_list_add(&l, IMA_OLD, "/etc/\x1b[2J", 0);
    cocos__buf *const forms[] = {&l.ascii, &l.binary};
    for (size_t i = 0; i < 2; i++) {
        SHOWS(forms[i]->data, forms[i]->len, "ima.pcr10", "ima-ng: file \"boot_aggregate\"",
              "ima-sig: file \"/usr/bin/init\"", "ima: file \"/etc/?[2J\"",
              "sha256:", "sha1:", "3 entries");
        ck_assert_uint_gt(survives(0, forms[i]->data, forms[i]->len), 0);
    }
    ima_list_done(&l);
}
END_TEST

START_TEST(says_how_much_of_a_long_log_is_not_listed)
{
    cocos__buf b;

    cocos__buf_init(&b, 4u << 20);
    for (int i = 0; i < 8195; i++)
        cocos__buf_printf(&b, "10 %040d ima %040d f\n", 0, 0);
    SHOWS(b.data, b.len, "8195 entries", "the first 8192 are listed, 3 more are not");
    cocos__buf_done(&b);
}
END_TEST

START_TEST(shows_all_of_a_tpm_message)
{
    static const char *const parts[] = {"NOT VERIFIED", "ak.digest",     "ECC, P-384",
                                        "restricted",   "quote.nonce",   "made by a TPM",
                                        "ECDSA",        "pcr.sha256.23", "11 events"};
    cocos__buf m = message("P-384");
    char *text = show(m.data, m.len);

    ck_assert_ptr_nonnull(text);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        ck_assert_msg(strstr(text, parts[i]) != NULL, "%s is not in\n%s", parts[i], text);
    cocos_free_text(text);
    cocos__buf_done(&m);
}
END_TEST

START_TEST(survives_every_cut_and_flipped_byte_of_it)
{
    cocos__buf m = message("P-256");

    ck_assert_uint_gt(survives(COCOS_EVIDENCE_VTPM, m.data, m.len),
                      0); /* most bytes are values, and nothing here judges values */
    cocos__buf_done(&m);
}
END_TEST

TEST_MAIN(describe,
          shows_all_of_a_tpm_message,
          survives_every_cut_and_flipped_byte_of_it,
          shows_signature_and_key_flags_of_a_report,
          shows_all_of_a_quote,
          shows_the_report_inside_a_message,
          shows_the_quote_inside_a_message,
          shows_an_event_log_by_itself,
          shows_what_comes_beside_a_quote,
          shows_what_comes_beside_a_report,
          calls_an_intermediate_no_bad_leaf,
          shows_the_list_of_extends_of_an_envelope,
          shows_an_ima_list_in_both_forms,
          says_how_much_of_a_long_log_is_not_listed)
