/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one envelope of evidence costs, for the simulator and a TPM, beside the signature that it
 * cannot do without: microseconds, and its bytes. Prints one JSON line.
 *
 *     bench-evidence SIMULATOR [rounds [TCTI]]    default 200 rounds; of a TPM a tenth
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "crypto/key.h"
#include "evidence/evidence.h"

#define ROUNDS_MAX 10000

static void need(int r, cocos_error *err)
{
    if (r < 0) {
        fprintf(stderr, "bench-evidence: %s (%s)\n", cocos_error_message(err),
                cocos_error_code(err));
        exit(1);
    }
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *us, int n)
{
    qsort(us, (size_t)n, sizeof *us, compare);
    return us[n / 2];
}

/* The signature that an SNP report cannot do without. */
static double bare(int type, size_t len, int rounds)
{
    static double us[ROUNDS_MAX];
    static const uint8_t data[672];
    cocos_error *err = NULL;
    cocos_key *key = NULL;

    need(cocos_key_generate(type, &key, &err), err);
    for (int i = 0; i < rounds; i++) {
        cocos__buf sig;
        cocos__buf_init(&sig, 256);
        int64_t start = cocos__clock_mono_ns();
        need(cocos__key_sign(key, data, len, &sig, &err), err);
        us[i] = (double)(cocos__clock_mono_ns() - start) / 1000;
        cocos__buf_done(&sig);
    }
    cocos_key_free(key);
    return median(us, rounds);
}

static void measure(const char *providers, const char *simulator, const char *tcti, int rounds)
{
    static double us[ROUNDS_MAX];
    static const uint8_t instance[16];
    cocos__attester_options o = {
        .providers = providers, .simulator = simulator, .tcti = tcti, .vmpl = -1};
    uint8_t challenge[32] = {0};
    cocos__claims claims = {.purpose = COCOS__PURPOSE_RPC,
                            .challenge = {challenge, sizeof challenge},
                            .instance_id = instance};
    cocos__attester *a = NULL;
    cocos_error *err = NULL;
    size_t bytes = 0;

    int64_t opening = cocos__clock_mono_ns();
    need(cocos__attester_open(&o, &a, &err), err);
    opening = cocos__clock_mono_ns() - opening;
    for (int i = 0; i < rounds; i++) {
        cocos__buf envelope;
        cocos__buf_init(&envelope, COCOS__ENVELOPE_MAX);
        cocos__put_u32le(challenge, (uint32_t)i);
        int64_t start = cocos__clock_mono_ns();
        need(cocos__attester_evidence(a, &claims, 0, NULL, &envelope, &err), err);
        us[i] = (double)(cocos__clock_mono_ns() - start) / 1000;
        bytes = envelope.len;
        cocos__buf_done(&envelope);
    }
    cocos__attester_close(a);
    double half = median(us, rounds);
    printf(",\"%s\":{\"us\":%.1f,\"p99_us\":%.1f,\"bytes\":%zu,\"open_ms\":%.1f}", providers,
           half, us[rounds * 99 / 100], bytes, (double)opening / 1e6);
}

int main(int argc, char **argv)
{
    int rounds = argc > 2 ? atoi(argv[2]) : 200;
    int few = rounds / 10 > 0 ? rounds / 10 : 1;

    if (argc < 2 || rounds < 1 || rounds > ROUNDS_MAX)
        return 2;
    printf("{\"p384_signature_us\":%.1f,\"p256_signature_us\":%.1f",
           bare(COCOS_KEY_P384, 672, rounds), bare(COCOS_KEY_P256, 632, rounds));
    measure("sim-snp", argv[1], NULL, rounds);
    measure("sim-tdx", argv[1], NULL, rounds);
    if (argc > 3) {
        measure("tpm", argv[1], argv[3], few);
        measure("sim-snp,tpm", argv[1], argv[3], few);
    }
    printf("}\n");
    return 0;
}
