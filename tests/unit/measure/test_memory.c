/* SPDX-License-Identifier: Apache-2.0 */
/* Boots and their expectations when memory runs out: an error each time, nothing left behind, and a
 * policy that could not be changed says what it said before. */
#include <cocos/key.h>
#include <cocos/measure.h>

#include <string.h>

#include "allocfail.h"
#include "kernel_maker.h"
#include "suite.h"
#include "tpm_maker.h"

#define M512   (UINT64_C(512) << 20)
#define INITRD "not a cpio archive, but measured as if"
#define LINE   "console=ttyS0 quiet"

static uint8_t kernel[KERNEL_SIZE];
static cocos__buf log_bytes;
static char *empty_json;

static void make(void)
{
    EVP_PKEY *key = pki_key_ec("P-256");
    tpm_plan plan = tpm_plan_new(key);
    tpm_parts *t = tpm_make(&plan);
    cocos_policy *empty = NULL;

    kernel_make(kernel);
    cocos__buf_init(&log_bytes, 1u << 20);
    cocos__buf_add(&log_bytes, t->log.data, t->log.len);
    PKI_NEED(!log_bytes.failed && cocos_policy_new(&empty, NULL) == COCOS_OK &&
             cocos_policy_to_json(empty, &empty_json, NULL) == COCOS_OK);
    cocos_policy_free(empty);
    tpm_parts_free(t);
    EVP_PKEY_free(key);
}

static int build(cocos_boot **ret, cocos_error **err)
{
    int r = cocos_boot_new(ret, err);

    if (r == COCOS_OK)
        r = cocos_boot_add(*ret, COCOS_BOOT_KERNEL, kernel, sizeof kernel, err);
    if (r == COCOS_OK)
        r = cocos_boot_add(*ret, COCOS_BOOT_INITRD, (const uint8_t *)INITRD, strlen(INITRD), err);
    if (r == COCOS_OK)
        r = cocos_boot_add(*ret, COCOS_BOOT_COMMAND_LINE, (const uint8_t *)LINE, strlen(LINE), err);
    if (r == COCOS_OK)
        r = cocos_boot_add(*ret, COCOS_BOOT_EVENT_LOG, log_bytes.data, log_bytes.len, err);
    return r < 0 ? r : cocos_boot_add_memory(*ret, M512, err);
}

static int add_parts(void *user, cocos_error **err)
{
    cocos_boot *boot = NULL;
    int r = build(&boot, err);

    (void)user;
    /* In place of the one that is there. */
    if (r == COCOS_OK)
        r = cocos_boot_add(boot, COCOS_BOOT_KERNEL, kernel, sizeof kernel, err);
    cocos_boot_free(boot);
    return r;
}

static int write_json(void *user, cocos_error **err)
{
    char *text = NULL;
    int r = cocos_boot_to_json(user, &text, err);

    cocos_free_text(text);
    return r;
}

static int add_to_policy(void *user, cocos_error **err)
{
    cocos_policy *policy = NULL;
    char *text = NULL;
    int r = cocos_policy_new(&policy, err);

    if (r == COCOS_OK) {
        r = cocos_policy_add_boot(policy, user, "sha256", err);
        if (r < 0 && (cocos_policy_to_json(policy, &text, NULL) < 0 || strcmp(text, empty_json)))
            abort();
    }
    cocos_free_text(text);
    cocos_policy_free(policy);
    return r;
}

static int never_add(void *user, cocos_error **err)
{
    cocos_boot *boot = user;

    allocfail_refused(cocos_boot_add(boot, COCOS_BOOT_KERNEL, kernel, 64, err), err);
    allocfail_refused(cocos_boot_add(boot, COCOS_BOOT_EVENT_LOG, log_bytes.data, 40, err), err);
    return allocfail_refused(
        cocos_boot_add(boot, COCOS_BOOT_COMMAND_LINE, (const uint8_t *)"a\nb", 3, err), err);
}

/* The kernel is not prepared by QEMU in the known way, and the log has no SHA-1 that may count. */
static int never_expect(void *user, cocos_error **err)
{
    cocos_policy *policy = NULL;
    char *text = NULL;

    allocfail_refused(cocos_boot_to_json(user, &text, err), err);
    int r = cocos_policy_new(&policy, err);
    if (r < 0)
        return r;
    allocfail_refused(cocos_policy_add_boot(policy, user, "sha256", err), err);
    r = allocfail_refused(cocos_policy_add_boot(policy, user, "sha1", err), err);
    cocos_policy_free(policy);
    return r;
}

START_TEST(expects_what_a_boot_measures)
{
    cocos_boot *boot = NULL;
    cocos_error *err = NULL;

    make();
    assert_ok(build(&boot, &err), err);
    ck_assert_uint_gt(allocfail_sweep(add_parts, NULL), 0);
    ck_assert_uint_gt(allocfail_sweep(write_json, boot), 0);
    ck_assert_uint_gt(allocfail_sweep(add_to_policy, boot), 0);
    cocos_boot_free(boot);
    cocos__buf_done(&log_bytes);
    cocos_free_text(empty_json);
}
END_TEST

START_TEST(never_expects_what_cannot_be_booted_so)
{
    cocos_boot *boot = NULL;
    cocos_error *err = NULL;

    make();
    assert_ok(build(&boot, &err), err);
    kernel[0x211] = 0;
    assert_ok(cocos_boot_add(boot, COCOS_BOOT_KERNEL, kernel, sizeof kernel, &err), err);
    ck_assert_uint_gt(allocfail_sweep(never_add, boot), 0);
    ck_assert_uint_gt(allocfail_sweep(never_expect, boot), 0);
    cocos_boot_free(boot);
    cocos__buf_done(&log_bytes);
    cocos_free_text(empty_json);
}
END_TEST

TEST_MAIN(memory, expects_what_a_boot_measures, never_expects_what_cannot_be_booted_so)
