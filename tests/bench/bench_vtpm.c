/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What judging a TPM quote with a log of 100 events costs beside the work that cannot be spared:
 * the bare signature and the hashes (PCR digest, key, replay, in OpenSSL calls with contexts and the
 * key kept): with a verifier that never saw the key, and with one that keeps it. All in turn in one
 * run, so that the clock of the processor is the same. One JSON line.
 *
 *     bench-vtpm [seconds]
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cocos/verifier.h>

#include "tpm_maker.h"

#define EVENTS 100
#define ROUNDS 50

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static tpm_event events[EVENTS];

static tpm_plan make_plan(EVP_PKEY *key)
{
    static char text[EVENTS][16];
    tpm_plan p = tpm_plan_new(key);

    for (unsigned i = 0; i < EVENTS; i++) {
        snprintf(text[i], sizeof text[i], "event %u", i);
        events[i] = (tpm_event){i % 10, 0x80000008, text[i], 16};
    }
    p.events = events;
    p.n_events = EVENTS;
    p.banks = 2;
    p.logged = 2;
    return p;
}

/* The work that is left when a program already knows where everything is. */
typedef struct bare {
    EVP_PKEY *key;
    EVP_MD_CTX *hash;
    EVP_MD *md;
    uint8_t der[600];
    size_t der_len;
    const cocos__buf *attest;
    const cocos__buf *public;
    uint8_t digest[EVENTS][32];
} bare;

static void hash(bare *b, const void *x, size_t n, const void *y, size_t m, uint8_t *out)
{
    PKI_NEED(EVP_DigestInit_ex2(b->hash, b->md, NULL) && EVP_DigestUpdate(b->hash, x, n) &&
             (m == 0 || EVP_DigestUpdate(b->hash, y, m)) && EVP_DigestFinal_ex(b->hash, out, NULL));
}

static void run_bare(bare *b)
{
    uint8_t pcr[24][32] = {{0}};
    uint8_t out[32];
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();

    PKI_NEED(ctx && EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, b->key) > 0);
    PKI_NEED(EVP_DigestVerify(ctx, b->der, b->der_len, b->attest->data, b->attest->len) == 1);
    EVP_MD_CTX_free(ctx);
    hash(b, b->public->data, b->public->len, NULL, 0, out);
    hash(b, pcr, sizeof pcr, NULL, 0, out);
    for (unsigned i = 0; i < EVENTS; i++)
        hash(b, pcr[i % 10], 32, b->digest[i], 32, pcr[i % 10]);
}

static void bare_init(bare *b, const tpm_plan *p, const tpm_parts *t)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();

    *b = (bare){.key = p->key, .attest = &t->attest[1], .public = &t->public};
    b->hash = EVP_MD_CTX_new();
    b->md = EVP_MD_fetch(NULL, "SHA256", NULL);
    b->der_len = sizeof b->der;
    PKI_NEED(ctx && b->hash && b->md &&
             EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, p->key) > 0 &&
             EVP_DigestSign(ctx, b->der, &b->der_len, t->attest[1].data, t->attest[1].len) > 0);
    EVP_MD_CTX_free(ctx);
    for (unsigned i = 0; i < EVENTS; i++)
        tpm_hash(1, events[i].data, events[i].len, b->digest[i]);
}

static void judge(const cocos_verifier *verifier, const cocos_evidence *ev)
{
    cocos_verdict *verdict = NULL;

    PKI_NEED(cocos_verifier_verify(verifier, ev, TPM_NOW * 1000000000, COCOS_TIME_CHOSEN, &verdict,
                                   NULL) == COCOS_OK);
    cocos_verdict_free(verdict);
}

static void least_of(double *least, double from)
{
    double took = (now() - from) / ROUNDS;

    *least = took < *least ? took : *least;
}

/* Microseconds each: the whole verdict and the bare work, in turns of ROUNDS. */
static void measure(const char *name, EVP_PKEY *key, double seconds, int last)
{
    tpm_plan p = make_plan(key);
    tpm_parts *t = tpm_make(&p);
    cocos_policy *policy = tpm_policy(&p);
    cocos_evidence *ev = tpm_evidence(t);
    cocos_verifier *verifiers[2] = {NULL, NULL}; /* the second keeps the key */
    double whole[2] = {1e9, 1e9};
    double least = 1e9;
    bare b;

    tpm_rule(policy, "vtpm.require_event_log", "true");
    PKI_NEED(cocos_verifier_new(policy, &verifiers[0], NULL) == COCOS_OK &&
             cocos_verifier_new(policy, &verifiers[1], NULL) == COCOS_OK &&
             cocos_verifier_keep_chain(verifiers[1], ev, NULL) == COCOS_OK);
    bare_init(&b, &p, t);
    for (double end = now() + seconds; now() < end;) {
        for (int k = 0; k < 2; k++) {
            double from = now();
            for (int i = 0; i < ROUNDS; i++)
                judge(verifiers[k], ev);
            least_of(&whole[k], from);
        }
        double from = now();
        for (int i = 0; i < ROUNDS; i++)
            run_bare(&b);
        least_of(&least, from);
    }
    printf("\"%s\": {\"verdict_us\": %.1f, \"bare_us\": %.1f, \"over_us\": %.1f, "
           "\"over_us_kept_key\": %.1f}%s",
           name, whole[0] * 1e6, least * 1e6, (whole[0] - least) * 1e6, (whole[1] - least) * 1e6,
           last ? "" : ", ");
    EVP_MD_CTX_free(b.hash);
    EVP_MD_free(b.md);
    cocos_verifier_free(verifiers[0]);
    cocos_verifier_free(verifiers[1]);
    cocos_evidence_free(ev);
    cocos_policy_free(policy);
    tpm_parts_free(t);
}

int main(int argc, char **argv)
{
    double seconds = argc > 1 ? atof(argv[1]) : 3;
    EVP_PKEY *keys[] = {pki_key_rsa(2048), pki_key_ec("P-256")};

    printf("{\"events\": %d, ", EVENTS);
    measure("rsa2048", keys[0], seconds, 0);
    measure("p256", keys[1], seconds, 1);
    printf("}\n");
    EVP_PKEY_free(keys[0]);
    EVP_PKEY_free(keys[1]);
    return 0;
}
