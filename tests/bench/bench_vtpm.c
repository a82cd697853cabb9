/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What judging a TPM quote with a log of 100 events costs beside the work that cannot be spared:
 * the bare signature and the hashes (PCR digest, key, replay, in OpenSSL calls with contexts kept).
 * A verifier that never saw the key is held against bare work that makes the key from its numbers
 * too, the cheapest way there is; one that keeps it against bare work with the key kept. All in
 * turn in one run, so that the clock of the processor is the same; medians. One JSON line, whose
 * "new_key_over_us_kept_key" is a new key's verdict over the bare work with the key kept.
 *
 *     bench-vtpm [seconds]      default 3; for each kind of key
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cocos/verifier.h>

#include "tpm_maker.h"

#define EVENTS  100
#define TURN    20 /* calls that are timed together */
#define TURNS   4000
#define KEY_MAX 256

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
    EVP_PKEY_CTX *maker;     /* RSA: of keys from their numbers */
    EVP_PKEY *curve;         /* P-256: a key without a point */
    uint8_t number[KEY_MAX]; /* modulus as the machine has it, or the point */
    size_t number_len;
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

/* The cheapest way to a key from its numbers, of the calls that OpenSSL has not deprecated. */
static EVP_PKEY *make_key(bare *b)
{
    static unsigned int exponent = 65537;
    OSSL_PARAM rsa[] = {OSSL_PARAM_construct_BN("n", b->number, b->number_len),
                        OSSL_PARAM_construct_uint("e", &exponent), OSSL_PARAM_construct_end()};
    EVP_PKEY *key = NULL;

    if (b->maker)
        PKI_NEED(EVP_PKEY_fromdata(b->maker, &key, EVP_PKEY_PUBLIC_KEY, rsa) > 0);
    else
        PKI_NEED((key = EVP_PKEY_dup(b->curve)) &&
                 EVP_PKEY_set1_encoded_public_key(key, b->number, b->number_len) > 0);
    return key;
}

static void run_bare(bare *b, EVP_PKEY *key)
{
    uint8_t pcr[24][32] = {{0}};
    uint8_t out[32];
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();

    PKI_NEED(ctx && EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, key) > 0);
    PKI_NEED(EVP_DigestVerify(ctx, b->der, b->der_len, b->attest->data, b->attest->len) == 1);
    EVP_MD_CTX_free(ctx);
    hash(b, b->public->data, b->public->len, NULL, 0, out);
    hash(b, pcr, sizeof pcr, NULL, 0, out);
    for (unsigned i = 0; i < EVENTS; i++)
        hash(b, pcr[i % 10], 32, b->digest[i], 32, pcr[i % 10]);
}

static void bare_with_new_key(bare *b)
{
    EVP_PKEY *key = make_key(b);

    run_bare(b, key);
    EVP_PKEY_free(key);
}

static void maker_init(bare *b)
{
    char group[] = "P-256";
    OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string("group", group, 0),
                           OSSL_PARAM_construct_end()};
    int rsa = EVP_PKEY_is_a(b->key, "RSA");
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, rsa ? "RSA" : "EC", NULL);
    BIGNUM *n = NULL;

    PKI_NEED(ctx && EVP_PKEY_fromdata_init(ctx) > 0);
    if (rsa) {
        b->number_len = KEY_MAX;
        b->maker = ctx;
        PKI_NEED(EVP_PKEY_get_bn_param(b->key, "n", &n) &&
                 BN_bn2nativepad(n, b->number, KEY_MAX) > 0);
        BN_free(n);
        return;
    }
    PKI_NEED(EVP_PKEY_fromdata(ctx, &b->curve, EVP_PKEY_KEY_PARAMETERS, params) > 0 &&
             EVP_PKEY_get_octet_string_param(b->key, "pub", b->number, KEY_MAX, &b->number_len));
    EVP_PKEY_CTX_free(ctx);
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
    maker_init(b);
    for (unsigned i = 0; i < EVENTS; i++)
        tpm_hash(1, events[i].data, events[i].len, b->digest[i]);
}

static void bare_done(bare *b)
{
    EVP_MD_CTX_free(b->hash);
    EVP_MD_free(b->md);
    EVP_PKEY_CTX_free(b->maker);
    EVP_PKEY_free(b->curve);
}

static void judge(const cocos_verifier *verifier, const cocos_evidence *ev)
{
    cocos_verdict *verdict = NULL;

    PKI_NEED(cocos_verifier_verify(verifier, ev, TPM_NOW * 1000000000, COCOS_TIME_CHOSEN, &verdict,
                                   NULL) == COCOS_OK);
    cocos_verdict_free(verdict);
}

/* What takes turns: the whole verdict, and the bare work, each with a new key and a kept one. */
enum { WHOLE, WHOLE_KEPT, BARE, BARE_KEPT, SIDES };

typedef struct sides {
    cocos_verifier *verifier[2]; /* the second keeps the key */
    cocos_evidence *evidence;
    bare bare;
} sides;

static void run(sides *s, int side)
{
    if (side == WHOLE || side == WHOLE_KEPT)
        judge(s->verifier[side], s->evidence);
    else if (side == BARE)
        bare_with_new_key(&s->bare);
    else
        run_bare(&s->bare, s->bare.key);
}

/* Microseconds of one call of each side. */
static void run_turn(sides *s, double *took)
{
    for (int side = 0; side < SIDES; side++) {
        double from = now();
        for (int i = 0; i < TURN; i++)
            run(s, side);
        took[side] = (now() - from) / TURN * 1e6;
    }
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;

    return (x > y) - (x < y);
}

/* Of the turns, of one side over another that ran beside it; `less` below 0: of the side itself. */
static double median(double (*took)[SIDES], size_t n, int side, int less)
{
    static double all[TURNS];

    for (size_t i = 0; i < n; i++)
        all[i] = took[i][side] - (less < 0 ? 0 : took[i][less]);
    qsort(all, n, sizeof *all, compare);
    return all[n / 2];
}

static void measure(sides *s, double seconds)
{
    static double took[TURNS][SIDES];
    size_t n = 0;

    for (double end = now() + seconds; n < TURNS && (n == 0 || now() < end); n++)
        run_turn(s, took[n]);
    printf("{\"verdict_us\": %.1f, \"bare_us\": %.1f, \"over_us\": %.1f, "
           "\"verdict_us_kept_key\": %.1f, \"bare_us_kept_key\": %.1f, "
           "\"over_us_kept_key\": %.1f, \"new_key_over_us_kept_key\": %.1f}",
           median(took, n, WHOLE, -1), median(took, n, BARE, -1), median(took, n, WHOLE, BARE),
           median(took, n, WHOLE_KEPT, -1), median(took, n, BARE_KEPT, -1),
           median(took, n, WHOLE_KEPT, BARE_KEPT), median(took, n, WHOLE, BARE_KEPT));
}

static void bench(EVP_PKEY *key, double seconds)
{
    tpm_plan p = make_plan(key);
    tpm_parts *t = tpm_make(&p);
    cocos_policy *policy = tpm_policy(&p);
    sides s = {.evidence = tpm_evidence(t)};

    tpm_rule(policy, "vtpm.require_event_log", "true");
    PKI_NEED(cocos_verifier_new(policy, &s.verifier[WHOLE], NULL) == COCOS_OK &&
             cocos_verifier_new(policy, &s.verifier[WHOLE_KEPT], NULL) == COCOS_OK &&
             cocos_verifier_keep_chain(s.verifier[WHOLE_KEPT], s.evidence, NULL) == COCOS_OK);
    bare_init(&s.bare, &p, t);
    measure(&s, seconds);
    bare_done(&s.bare);
    cocos_verifier_free(s.verifier[WHOLE]);
    cocos_verifier_free(s.verifier[WHOLE_KEPT]);
    cocos_evidence_free(s.evidence);
    cocos_policy_free(policy);
    tpm_parts_free(t);
}

int main(int argc, char **argv)
{
    double seconds = argc > 1 ? atof(argv[1]) : 3;
    EVP_PKEY *keys[] = {pki_key_rsa(2048), pki_key_ec("P-256")};

    printf("{\"events\": %d, \"rsa2048\": ", EVENTS);
    bench(keys[0], seconds);
    printf(", \"p256\": ");
    bench(keys[1], seconds);
    printf("}\n");
    EVP_PKEY_free(keys[0]);
    EVP_PKEY_free(keys[1]);
    return 0;
}
