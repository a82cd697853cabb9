/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long a case file takes from its bytes to the verdict, with a chain as long as AMD's; and, in
 * the same run, what a bare check of one P-384 signature takes, which is most of it. Prints one
 * JSON line, milliseconds of this thread's processor time.
 *
 *     bench-case [rounds]        default 200
 */
#define SNP_RSA_BITS 4096

#include <time.h>

#include "cases.h"

static double now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;

    return (x > y) - (x < y);
}

static void judge(const uint8_t *data, size_t len, const cocos_verifier *verifier)
{
    cocos_case *file = NULL;
    cocos_verdict *verdict = NULL;

    PKI_NEED(cocos_case_parse(data, len, &file, NULL) == COCOS_OK);
    PKI_NEED(cocos_case_verify(file, verifier, NULL, &verdict, NULL) == COCOS_OK);
    cocos_verdict_free(verdict);
    cocos_case_free(file);
}

static double median(double *times, size_t n)
{
    qsort(times, n, sizeof *times, compare);
    return times[n / 2];
}

static double bare_signature(size_t rounds, double *times)
{
    cocos_key *key = NULL;
    cocos__buf sig;

    cocos__buf_init(&sig, 200);
    PKI_NEED(cocos_key_generate(COCOS_KEY_P384, &key, NULL) == COCOS_OK);
    PKI_NEED(cocos__key_sign(key, a_result, 32, &sig, NULL) == COCOS_OK);
    for (size_t i = 0; i < rounds; i++) {
        double start = now_ms();
        PKI_NEED(cocos__key_verify(key, a_result, 32, (cocos__span){sig.data, sig.len}, NULL) == 0);
        times[i] = now_ms() - start;
    }
    cocos_key_free(key);
    cocos__buf_done(&sig);
    return median(times, rounds);
}

int main(int argc, char **argv)
{
    size_t rounds = argc > 1 ? strtoul(argv[1], NULL, 10) : 200;
    double *times = calloc(rounds + 1, sizeof *times);
    struct parties p;
    cocos_key *guest = NULL;
    cocos_verifier *verifier = NULL;
    const uint8_t *data;
    size_t len;

    PKI_NEED(times && rounds > 0);
    snp_authority amd = snp_authority_new("Milan");
    parties_make(&p, "[\"algorithm-provider\",\"data-provider\"]");
    PKI_NEED(cocos_key_generate(COCOS_KEY_ED25519, &guest, NULL) == COCOS_OK);
    case_plan c = case_plan_new(&amd, &p, guest);
    c.approvals = 2;
    cocos_case *file = case_make(&c);
    cocos_policy *policy = case_policy(&amd);
    PKI_NEED(cocos_verifier_new(policy, &verifier, NULL) == COCOS_OK);
    PKI_NEED(cocos_case_cbor(file, &data, &len, NULL) == COCOS_OK);
    for (size_t i = 0; i < rounds; i++) {
        double start = now_ms();
        judge(data, len, verifier);
        times[i] = now_ms() - start;
    }
    double p50 = median(times, rounds);
    double p99 = times[rounds * 99 / 100];
    printf(
        "{\"case_bytes\": %zu, \"approvals\": 2, \"verify_p50_ms\": %.3f, \"verify_p99_ms\": %.3f, "
        "\"bare_p384_ms\": %.3f}\n",
        len, p50, p99, bare_signature(rounds, times));
    cocos_verifier_free(verifier);
    cocos_policy_free(policy);
    cocos_case_free(file);
    cocos_key_free(guest);
    parties_done(&p);
    snp_authority_free(&amd);
    free(times);
    return 0;
}
