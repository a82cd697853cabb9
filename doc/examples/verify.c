/* SPDX-License-Identifier: Apache-2.0 */
/*
 * verify POLICY EVIDENCE [cert|crl=FILE]...: judges evidence and prints the verdict; exit code 0
 * accepted, 3 rejected, 4 undecided or unreadable.
 *
 *     cc verify.c $(pkg-config --cflags --libs libcocos-verify) -o verify
 *     ./verify policy.json report.bin cert=vcek.der cert=ask.der crl=crl-0.der
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cocos/key.h>
#include <cocos/verifier.h>

#define FILE_MAX (4u << 20)

static uint8_t buffer[FILE_MAX]; /* every call below copies what it is given */

static size_t load(const char *path)
{
    FILE *f = fopen(path, "rb");
    size_t len = f ? fread(buffer, 1, sizeof buffer, f) : 0;

    if (!f || ferror(f) || !feof(f)) {
        fprintf(stderr, "%s cannot be read, or is too large\n", path);
        exit(4);
    }
    fclose(f);
    return len;
}

/* Every error has a stable code and one sentence. */
static void need(int status, const cocos_error *err)
{
    if (status == COCOS_OK)
        return;
    fprintf(stderr, "%s (%s)\n", cocos_error_message(err), cocos_error_code(err));
    exit(cocos_status_exit_code(status));
}

static void add_part(cocos_evidence *evidence, const char *argument)
{
    const char *equals = strchr(argument, '=');
    int part = strncmp(argument, "crl=", 4) == 0 ? COCOS_PART_CRL : COCOS_PART_CERTIFICATES;
    cocos_error *err = NULL;
    size_t len = load(equals ? equals + 1 : argument);

    need(cocos_evidence_add(evidence, part, buffer, len, &err), err);
}

int main(int argc, char **argv)
{
    cocos_policy *policy = NULL;
    cocos_verifier *verifier = NULL;
    cocos_evidence *evidence = NULL;
    cocos_verdict *verdict = NULL;
    cocos_error *err = NULL;
    char *table = NULL;

    if (argc < 3) {
        fprintf(stderr, "usage: verify POLICY EVIDENCE [cert=FILE|crl=FILE]...\n");
        return 2;
    }
    size_t len = load(argv[1]);
    need(cocos_policy_from_json((const char *)buffer, len, &policy, &err), err);
    need(cocos_verifier_new(policy, &verifier, &err), err);
    len = load(argv[2]);
    need(cocos_evidence_new(0, buffer, len, &evidence, &err), err);
    for (int i = 3; i < argc; i++)
        add_part(evidence, argv[i]);

    int r = cocos_verifier_verify(verifier, evidence, (int64_t)time(NULL) * 1000000000,
                                  COCOS_TIME_CLOCK, &verdict, &err);
    if (!verdict)
        need(r, err); /* no judgement was reached: refuse too */
    if (cocos_verdict_to_table(verdict, &table, NULL) == COCOS_OK)
        fputs(table, stdout);
    cocos_free_text(table);
    cocos_error_free(err);
    cocos_verdict_free(verdict);
    cocos_evidence_free(evidence);
    cocos_verifier_free(verifier);
    cocos_policy_free(policy);
    return cocos_status_exit_code(r);
}
