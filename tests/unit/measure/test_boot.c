/* SPDX-License-Identifier: Apache-2.0 */
#include "measure/boot.h"

#include <cocos/key.h>
#include <openssl/evp.h>
#include <string.h>

#include "attest/policy.h"
#include "crypto/digest.h"
#include "kernel_maker.h"
#include "measure/linux.h"
#include "measure/pe.h"
#include "suite.h"

#define M512   (UINT64_C(512) << 20)
#define INITRD "not a cpio archive, but measured as if"
#define LINE   "console=ttyS0 quiet"

static uint8_t kernel[KERNEL_SIZE];

static void add(cocos_boot *b, int part, const void *data, size_t len)
{
    cocos_error *err = NULL;
    assert_ok(cocos_boot_add(b, part, data, len, &err), err);
}

static cocos_boot *usual(void)
{
    cocos_boot *b = NULL;
    cocos_error *err = NULL;

    kernel_make(kernel);
    assert_ok(cocos_boot_new(&b, &err), err);
    add(b, COCOS_BOOT_KERNEL, kernel, sizeof kernel);
    add(b, COCOS_BOOT_INITRD, INITRD, strlen(INITRD));
    add(b, COCOS_BOOT_COMMAND_LINE, LINE, strlen(LINE));
    assert_ok(cocos_boot_add_memory(b, M512, &err), err);
    return b;
}

static void sha256(const void *data, size_t len, uint8_t out[32])
{
    ck_assert_int_eq(EVP_Digest(data, len, out, NULL, EVP_sha256(), NULL), 1);
}

START_TEST(kernel_is_expected_as_in_the_file_and_as_qemu_changes_it)
{
    cocos_boot *b = usual();
    cocos_error *err = NULL;
    uint8_t got[64];
    uint8_t want[64];
    uint8_t changed[KERNEL_SIZE];

    assert_ok(cocos__boot_kernel(b, 0, COCOS__BANK_SHA384, got, &err), err);
    assert_ok(cocos__pe_digest((cocos__span){kernel, sizeof kernel}, COCOS__SHA384, want, &err),
              err);
    ck_assert_mem_eq(got, want, 48);

    memcpy(changed, kernel, sizeof changed);
    changed[0x210] = 0xb0;
    changed[0x211] = 0x81;
    cocos__put_u32le(changed + 0x218, (uint32_t)(M512 - 0x28000 - 0x1000));
    cocos__put_u32le(changed + 0x21c, (uint32_t)strlen(INITRD));
    cocos__put_u16le(changed + 0x224, 0xfe00);
    cocos__put_u32le(changed + 0x228, 0x20000);
    assert_ok(cocos__boot_kernel(b, 1, COCOS__BANK_SHA256, got, &err), err);
    assert_ok(cocos__pe_digest((cocos__span){changed, sizeof changed}, COCOS__SHA256, want, &err),
              err);
    ck_assert_mem_eq(got, want, 32);
    cocos_boot_free(b);
}
END_TEST

START_TEST(much_memory_is_split_below_4_gib)
{
    cocos_error *err = NULL;

    kernel_make(kernel);
    assert_ok(cocos__linux_fill_header(kernel, sizeof kernel, UINT64_C(0xb0000000), 4096, &err),
              err);
    ck_assert_uint_eq(cocos__u32le(kernel + 0x218), (0x80000000u - 0x28000 - 1 - 4096) & ~0xfffu);
    assert_ok(cocos__linux_fill_header(kernel, sizeof kernel, UINT64_C(0xaff00000), 4096, &err),
              err);
    ck_assert_uint_eq(cocos__u32le(kernel + 0x218), (0xaff00000u - 0x28000 - 1 - 4096) & ~0xfffu);
}
END_TEST

START_TEST(without_initrd_its_fields_stay)
{
    cocos_error *err = NULL;

    kernel_make(kernel);
    cocos__put_u32le(kernel + 0x218, 0x11223344);
    assert_ok(cocos__linux_fill_header(kernel, sizeof kernel, M512, 0, &err), err);
    ck_assert_uint_eq(cocos__u32le(kernel + 0x218), 0x11223344);
    ck_assert_uint_eq(kernel[0x210], 0xb0);
}
END_TEST

START_TEST(command_line_is_measured_in_utf16_with_what_firmware_adds)
{
    static const uint8_t wide[] = "a\0 \0i\0n\0i\0t\0r\0d\0=\0i\0n\0i\0t\0r\0d\0\0"; /* and a NUL */
    cocos_boot *b = usual();
    cocos_error *err = NULL;
    uint8_t got[64];
    uint8_t want[32];

    add(b, COCOS_BOOT_COMMAND_LINE, "a", 1);
    assert_ok(cocos__boot_line(b, COCOS__BANK_SHA256, got, &err), err);
    sha256(wide, sizeof wide, want);
    ck_assert_mem_eq(got, want, 32);
    cocos_boot_free(b);

    assert_ok(cocos_boot_new(&b, &err), err);
    add(b, COCOS_BOOT_COMMAND_LINE, "a", 1);
    assert_ok(cocos__boot_line(b, COCOS__BANK_SHA256, got, &err), err);
    sha256("a\0\0", 4, want);
    ck_assert_mem_eq(got, want, 32);
    cocos_boot_free(b);
}
END_TEST

static void refuse(int part, const void *data, size_t len, int status, const char *code)
{
    cocos_boot *b = NULL;
    cocos_error *err = NULL;

    assert_ok(cocos_boot_new(&b, &err), err);
    assert_fails(cocos_boot_add(b, part, data, len, &err), status, code, err);
    cocos_boot_free(b);
}

START_TEST(refuses_parts_that_cannot_be_booted_so)
{
    char longest[COCOS__BOOT_LINE_MAX + 1];

    memset(longest, 'x', sizeof longest);
    refuse(COCOS_BOOT_KERNEL, "ELF", 3, COCOS_ERR_MALFORMED, "measure.kernel");
    refuse(COCOS_BOOT_INITRD, "", 0, COCOS_ERR_MALFORMED, "measure.initrd");
    refuse(COCOS_BOOT_COMMAND_LINE, "", 0, COCOS_ERR_MALFORMED, "measure.command_line");
    refuse(COCOS_BOOT_COMMAND_LINE, "a\nb", 3, COCOS_ERR_MALFORMED, "measure.command_line");
    refuse(COCOS_BOOT_COMMAND_LINE, "\xc3\xa4", 2, COCOS_ERR_MALFORMED, "measure.command_line");
    refuse(COCOS_BOOT_COMMAND_LINE, "a vga=ask", 9, COCOS_ERR_MALFORMED, "measure.command_line");
    refuse(COCOS_BOOT_COMMAND_LINE, longest, sizeof longest, COCOS_ERR_MALFORMED,
           "measure.command_line");
    refuse(COCOS_BOOT_EVENT_LOG, "log", 3, COCOS_ERR_MALFORMED, "vtpm.log_format");
    refuse(5, "x", 1, COCOS_ERR_USAGE, "measure.part");
    refuse(0, "x", 1, COCOS_ERR_USAGE, "measure.part");
}
END_TEST

START_TEST(refuses_kernels_that_qemu_prepares_otherwise_and_too_little_memory)
{
    cocos_boot *b = usual();
    cocos_error *err = NULL;
    char *text = NULL;
    static const struct {
        size_t at;
        uint8_t value;
    } bad[] = {{0x202, 'h'}, {0x206, 0x0b}, {0x211, 0}, {0x236, 0x7d}};

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        kernel_make(kernel);
        kernel[bad[i].at] = bad[i].value;
        add(b, COCOS_BOOT_KERNEL, kernel, sizeof kernel);
        assert_fails(cocos_boot_to_json(b, &text, &err), COCOS_ERR_UNSUPPORTED, "measure.kernel",
                     err);
    }
    kernel_make(kernel);
    assert_fails(cocos__linux_fill_header(kernel, sizeof kernel, M512, M512 - 0x28000 - 1, &err),
                 COCOS_ERR_MALFORMED, "measure.memory", err);
    assert_fails(cocos_boot_add_memory(b, M512 / 8 - 1, &err), COCOS_ERR_USAGE, "measure.memory",
                 err);
    for (size_t i = 1; i < COCOS__BOOT_COUNT_MAX; i++)
        assert_ok(cocos_boot_add_memory(b, M512, &err), err);
    assert_fails(cocos_boot_add_memory(b, M512, &err), COCOS_ERR_EXHAUSTED, "measure.count", err);
    cocos_boot_free(b);
}
END_TEST

/* A crypto-agile log with one event of PCR 0 in one bank. */
static size_t make_log(uint8_t out[256], uint16_t alg, uint16_t size, uint32_t pcr)
{
    cocos__buf b;
    static const uint8_t zeros[64];

    cocos__buf_init(&b, 256);
    cocos__buf_add_u32le(&b, 0);
    cocos__buf_add_u32le(&b, EV_NO_ACTION);
    cocos__buf_add(&b, zeros, 20);
    cocos__buf_add_u32le(&b, 16 + 8 + 4 + 4 + 1);
    cocos__buf_add(&b, "Spec ID Event03", 16);
    cocos__buf_add(&b, "\0\0\0\0\0\2\0\2", 8);
    cocos__buf_add_u32le(&b, 1);
    cocos__buf_add_u16le(&b, alg);
    cocos__buf_add_u16le(&b, size);
    cocos__buf_add_u8(&b, 0);
    cocos__buf_add_u32le(&b, pcr);
    cocos__buf_add_u32le(&b, EV_S_CRTM_VERSION);
    cocos__buf_add_u32le(&b, 1);
    cocos__buf_add_u16le(&b, alg);
    cocos__buf_add(&b, zeros, size);
    cocos__buf_add_u32le(&b, 0);
    ck_assert_int_eq(b.failed, 0);
    memcpy(out, b.data, b.len);
    size_t len = b.len;
    cocos__buf_done(&b);
    return len;
}

START_TEST(policy_accepts_the_boot_and_names_a_register_for_each_layer)
{
    static const uint8_t zeros[64];
    cocos_boot *b = usual();
    cocos_policy *p = NULL;
    cocos_error *err = NULL;
    uint8_t log[256];
    uint8_t want[64];

    add(b, COCOS_BOOT_EVENT_LOG, log, make_log(log, 0x0b, 32, 0));
    assert_ok(cocos_policy_new(&p, &err), err);
    assert_ok(cocos_policy_add_boot(p, b, "sha256", &err), err);

    ck_assert_uint_eq(p->vtpm.boot.kernel.count, 2);
    ck_assert_uint_eq(p->vtpm.boot.initrd.count, 1);
    sha256(INITRD, strlen(INITRD), want);
    ck_assert_int_eq(cocos__match_has(&p->vtpm.boot.initrd, want, 32), 1);
    assert_ok(cocos__boot_line(b, COCOS__BANK_SHA256, want, &err), err);
    ck_assert_int_eq(cocos__match_has(&p->vtpm.boot.command_line, want, 32), 1);
    sha256(zeros, 64, want);
    ck_assert_int_eq(cocos__match_has(&p->vtpm.pcr[COCOS__BANK_SHA256][0], want, 32), 1);
    ck_assert_str_eq(p->coverage[COCOS__LAYER_FIRMWARE].text, "vtpm.pcr.0");
    ck_assert_str_eq(p->coverage[COCOS__LAYER_KERNEL].text, "vtpm.kernel");
    ck_assert_str_eq(p->coverage[COCOS__LAYER_CMDLINE].text, "vtpm.command_line");
    ck_assert_str_eq(p->coverage[COCOS__LAYER_INITRD].text, "vtpm.initrd");
    ck_assert_str_eq(p->coverage[COCOS__LAYER_AGENT].text, "vtpm.initrd");

    /* The log has no other bank, and no bank has SHA-1's name. */
    assert_fails(cocos_policy_add_boot(p, b, "sha384", &err), COCOS_ERR_USAGE, "policy.length",
                 err);
    assert_fails(cocos_policy_add_boot(p, b, "sha1", &err), COCOS_ERR_USAGE, "measure.bank", err);
    assert_fails(cocos_policy_add_boot(p, b, NULL, &err), COCOS_ERR_USAGE, "measure.bank", err);
    cocos_policy_free(p);
    p = NULL;
    assert_ok(cocos_policy_new(&p, &err), err);
    assert_fails(cocos_policy_add_boot(p, b, "sha384", &err), COCOS_ERR_MALFORMED, "measure.log",
                 err);
    cocos_policy_free(p);
    cocos_boot_free(b);
}
END_TEST

START_TEST(policy_says_nothing_of_what_was_not_added)
{
    cocos_boot *b = NULL;
    cocos_policy *p = NULL;
    cocos_error *err = NULL;

    assert_ok(cocos_boot_new(&b, &err), err);
    assert_ok(cocos_policy_new(&p, &err), err);
    add(b, COCOS_BOOT_INITRD, INITRD, strlen(INITRD));
    assert_ok(cocos_policy_add_boot(p, b, "sha512", &err), err);
    ck_assert_uint_eq(p->vtpm.boot.initrd.size, 64);
    ck_assert_int_eq(p->vtpm.boot.kernel.state, COCOS__RULE_UNSET);
    ck_assert_int_eq(p->coverage[COCOS__LAYER_KERNEL].state, COCOS__RULE_UNSET);
    ck_assert_int_eq(p->coverage[COCOS__LAYER_FIRMWARE].state, COCOS__RULE_UNSET);
    cocos_policy_free(p);
    cocos_boot_free(b);
}
END_TEST

START_TEST(log_without_pcr_0_or_with_sha1_alone_is_refused)
{
    uint8_t log[256];

    refuse(COCOS_BOOT_EVENT_LOG, log, make_log(log, 0x0b, 32, 1), COCOS_ERR_MALFORMED,
           "measure.log");
    refuse(COCOS_BOOT_EVENT_LOG, log, make_log(log, 0x04, 20, 0), COCOS_ERR_MALFORMED,
           "measure.log");
}
END_TEST

START_TEST(json_has_every_part_in_every_bank)
{
    cocos_boot *b = usual();
    cocos_error *err = NULL;
    char *text = NULL;
    uint8_t log[256];

    add(b, COCOS_BOOT_EVENT_LOG, log, make_log(log, 0x0c, 48, 0));
    assert_ok(cocos_boot_to_json(b, &text, &err), err);
    static const char *const parts[] = {"\"kernel\"",
                                        "\"changed by QEMU\"",
                                        "\"memory\": 536870912",
                                        "\"text\": \"" LINE " initrd=initrd\"",
                                        "\"initrd\"",
                                        "\"firmware\"",
                                        "\"sha512\""};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        ck_assert_msg(strstr(text, parts[i]) != NULL, "%s is not in %s", parts[i], text);
    cocos_free_text(text);
    cocos_boot_free(b);
    cocos_boot_free(NULL);
}
END_TEST

TEST_MAIN(boot,
          kernel_is_expected_as_in_the_file_and_as_qemu_changes_it,
          much_memory_is_split_below_4_gib,
          without_initrd_its_fields_stay,
          command_line_is_measured_in_utf16_with_what_firmware_adds,
          refuses_parts_that_cannot_be_booted_so,
          refuses_kernels_that_qemu_prepares_otherwise_and_too_little_memory,
          policy_accepts_the_boot_and_names_a_register_for_each_layer,
          policy_says_nothing_of_what_was_not_added,
          log_without_pcr_0_or_with_sha1_alone_is_refused,
          json_has_every_part_in_every_bank)
