/* SPDX-License-Identifier: Apache-2.0 */
/*
 * make-case DIR: writes a whole case of a test hierarchy whose keys are made on the spot, and its
 * parts: manifest.json, private keys, approvals, evidence, collateral, statement, closure, result,
 * case, a policy that accepts it as simulated, and a time-stamp authority. For tests that drive
 * programs and bindings, and for trying out without a confidential machine
 * (doc/guide/case-file.md).
 *
 * make-case --read KIND: reads objects, each behind its length in 4 bytes (big-endian), and prints
 * for each 1 when it has the form of its kind, else 0.
 */
#include "cases.h"

#include <errno.h>
#include <sys/stat.h>

static const char *top;

static void write_file(const char *name, const void *data, size_t len)
{
    char path[4096];

    PKI_NEED(snprintf(path, sizeof path, "%s/%s", top, name) < (int)sizeof path);
    FILE *f = fopen(path, "wbe");
    PKI_NEED(f && fwrite(data, 1, len, f) == len);
    PKI_NEED(fclose(f) == 0);
}

static void write_text(const char *name, char *text_take)
{
    write_file(name, text_take, strlen(text_take));
    cocos_free_text(text_take);
}

static void write_keys(const struct parties *p)
{
    static const char *const names[PARTIES] = {"algorithm.pem", "data.pem", "consumer.pem"};
    char *text = NULL;

    for (int i = 0; i < PARTIES; i++) {
        PKI_NEED(cocos_key_to_pem(p->key[i], 1, &text, NULL) == COCOS_OK);
        write_text(names[i], text);
    }
    PKI_NEED(cocos_manifest_to_json(p->manifest, &text, NULL) == COCOS_OK);
    write_text("manifest.json", text);
}

static void write_authority(const authority *a)
{
    pki_bytes pem = pki_pem(&a->root, 1);
    char *text = NULL;
    BIO *bio = BIO_new(BIO_s_mem());

    write_file("tsa-root.pem", pem.data, pem.len);
    free(pem.data);
    pem = pki_pem(&a->cert, 1);
    write_file("tsa.pem", pem.data, pem.len);
    free(pem.data);
    PKI_NEED(bio && PEM_write_bio_PrivateKey(bio, a->key, NULL, NULL, 0, NULL, NULL));
    long n = BIO_get_mem_data(bio, &text);
    write_file("tsa-key.pem", text, (size_t)n);
    BIO_free(bio);
}

static void write_parts(cocos_case *file)
{
    static const char *const certs[] = {"vcek.der", "ask.der"};
    char name[32];
    const uint8_t *data;
    size_t len;

    for (size_t i = 0; i < file->n_approvals; i++) {
        snprintf(name, sizeof name, "approval-%zu", i);
        write_file(name, file->approvals[i]->encoded, file->approvals[i]->len);
    }
    write_file("evidence", file->envelope.data, file->envelope.len);
    for (size_t i = 0; i < 2; i++)
        write_file(certs[i], file->collateral[i].data.data, file->collateral[i].data.len);
    write_file("statement", file->statement->encoded, file->statement->len);
    write_file("closure", file->closure->encoded, file->closure->len);
    PKI_NEED(cocos_case_cbor(file, &data, &len, NULL) == COCOS_OK);
    write_file("case", data, len);
}

/* Objects that a whole case does not show: every member of their forms that is null there. */
static void write_variants(case_plan *c, authority *a)
{
    cocos_case *file;
    cocos_approval *withdrawal;
    const uint8_t *request;
    size_t len;

    c->option = "withdraw";
    c->value = "true";
    withdrawal = case_approval(c, 0);
    write_file("withdrawal", withdrawal->encoded, withdrawal->len);
    cocos_approval_free(withdrawal);
    c->option = "policy";
    c->value = ONES;
    withdrawal = case_approval(c, 1);
    write_file("approval-policy", withdrawal->encoded, withdrawal->len);
    cocos_approval_free(withdrawal);

    c->option = NULL;
    c->without_closure = 1;
    c->says.agent_measurement = (cocos__span){a_result, 32};
    c->says.consumer_nonce = (cocos__span){NULL, 0};
    c->says.result = c->says.result_sha256 = NULL;
    c->says.exit_status = COCOS__NEVER;
    file = case_make(c);
    write_file("statement-without-result", file->statement->encoded, file->statement->len);
    PKI_NEED(cocos_case_anchor_request(file, &request, &len, NULL) == COCOS_OK);
    pki_bytes answer = authority_answer(a, request, len, SNP_NOW + 60);
    PKI_NEED(cocos_case_anchor(file, answer.data, answer.len, NULL) == COCOS_OK);
    free(answer.data);
    PKI_NEED(cocos_case_cbor(file, &request, &len, NULL) == COCOS_OK);
    write_file("case-anchored", request, len);
    cocos_case_free(file);
}

static void make_all(void)
{
    static const char result[] = "what came out of it\n";
    static uint8_t digests[2][32];
    struct parties p;
    snp_authority amd = snp_authority_new("Milan");
    authority tsa = authority_new("critical,timeStamping");
    cocos_key *guest = NULL;
    char *text = NULL;

    parties_make(&p, "[\"algorithm-provider\",\"data-provider\",\"consumer\"]");
    PKI_NEED(cocos_key_generate(COCOS_KEY_P384, &guest, NULL) == COCOS_OK);
    PKI_NEED(cocos__digest(COCOS__SHA3_256, result, sizeof result - 1, digests[0], NULL) == 0);
    PKI_NEED(cocos__digest(COCOS__SHA256, result, sizeof result - 1, digests[1], NULL) == 0);
    case_plan c = case_plan_new(&amd, &p, guest);
    c.says.result = digests[0];
    c.says.result_sha256 = digests[1];
    c.says.result_size = sizeof result - 1;
    write_file("result", result, sizeof result - 1);
    write_keys(&p);
    write_authority(&tsa);
    cocos_case *file = case_make(&c);
    write_parts(file);
    write_variants(&c, &tsa);
    cocos_policy *policy = case_policy(&amd);
    PKI_NEED(cocos_policy_to_json(policy, &text, NULL) == COCOS_OK);
    write_text("policy.json", text);
    cocos_policy_free(policy);
    cocos_case_free(file);
    cocos_key_free(guest);
    parties_done(&p);
    snp_authority_free(&amd);
    authority_free(&tsa);
}

static int has_form(const char *kind, const uint8_t *data, size_t len)
{
    COCOS__CLEANUP(cocos__approval_freep) cocos_approval *a = NULL;
    COCOS__CLEANUP(cocos__statement_freep) cocos_statement *s = NULL;
    COCOS__CLEANUP(cocos__closure_freep) cocos_closure *c = NULL;
    COCOS__CLEANUP(cocos__case_freep) cocos_case *file = NULL;
    cocos__envelope e;
    cocos__claims claims;

    if (strcmp(kind, "approval") == 0)
        return cocos_approval_parse(data, len, &a, NULL) == COCOS_OK;
    if (strcmp(kind, "statement") == 0)
        return cocos_statement_parse(data, len, &s, NULL) == COCOS_OK;
    if (strcmp(kind, "closure") == 0)
        return cocos_closure_parse(data, len, &c, NULL) == COCOS_OK;
    if (strcmp(kind, "case") == 0)
        return cocos_case_parse(data, len, &file, NULL) == COCOS_OK;
    return cocos__envelope_parse((cocos__span){data, len}, &e, NULL) == COCOS_OK &&
           cocos__claims_parse(e.claims, &claims, NULL) == COCOS_OK;
}

static void read_all(const char *kind)
{
    uint8_t head[4];

    while (fread(head, 1, 4, stdin) == 4) {
        size_t len = cocos__u32be(head);
        uint8_t *data = malloc(len ? len : 1);
        PKI_NEED(data && fread(data, 1, len, stdin) == len);
        PKI_NEED(putchar(has_form(kind, data, len) ? '1' : '0') != EOF);
        free(data);
    }
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "--read") == 0) {
        read_all(argv[2]);
        return 0;
    }
    if (argc != 2) {
        fprintf(stderr, "usage: make-case DIR\n");
        return 2;
    }
    top = argv[1];
    PKI_NEED(mkdir(top, 0777) == 0 || errno == EEXIST);
    make_all();
    return 0;
}
