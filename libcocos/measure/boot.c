/* SPDX-License-Identifier: Apache-2.0 */
#include "measure/boot.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/json.h"
#include "crypto/digest.h"
#include "measure/linux.h"
#include "measure/pe.h"

#define KERNEL_MAX (UINT64_C(256) << 20)
#define INITRD_MAX (UINT64_C(2) << 30) /* QEMU's own limit: an int */
#define LOG_MAX    (UINT64_C(4) << 20)
#define MEMORY_MIN (UINT64_C(64) << 20)

/* QemuLoadImageLib of OVMF adds it to the command line when QEMU has an initrd. */
#define INITRD_WORD " initrd=initrd"

/* Banks that are worth an expectation. */
#define FIRST_BANK COCOS__BANK_SHA256

int cocos_boot_new(cocos_boot **ret, cocos_error **err)
{
    if (!ret)
        return cocos__fail(err, COCOS_ERR_USAGE, "measure.part", "ret is needed");
    cocos_boot *b = calloc(1, sizeof *b);
    if (!b)
        return cocos__fail_memory(err);
    *ret = b;
    return COCOS_OK;
}

void cocos_boot_free(cocos_boot *boot)
{
    if (!boot)
        return;
    free(boot->kernel);
    free(boot);
}

static int too_large(cocos_error **err, const char *what, uint64_t limit)
{
    return cocos__fail(err, COCOS_ERR_EXHAUSTED, "measure.size", "the %s has more than %llu bytes",
                       what, (unsigned long long)limit);
}

static int set_kernel(cocos_boot *b, cocos__span data, cocos_error **err)
{
    uint8_t digest[COCOS__DIGEST_MAX];

    if (data.len > KERNEL_MAX)
        return too_large(err, "kernel", KERNEL_MAX);
    int r = cocos__pe_digest(data, COCOS__SHA256, digest, err);
    if (r < 0)
        return r;
    uint8_t *copy = malloc(data.len);
    if (!copy)
        return cocos__fail_memory(err);
    memcpy(copy, data.data, data.len);
    free(b->kernel);
    b->kernel = copy;
    b->kernel_len = data.len;
    return COCOS_OK;
}

static int set_initrd(cocos_boot *b, cocos__span data, cocos_error **err)
{
    if (data.len == 0)
        return cocos__fail(err, COCOS_ERR_MALFORMED, "measure.initrd", "the initrd is empty");
    if (data.len >= INITRD_MAX)
        return too_large(err, "initrd", INITRD_MAX - 1);
    for (int bank = FIRST_BANK; bank < COCOS__BANKS; bank++) {
        int r = cocos__digest(cocos__bank_digest(bank), data.data, data.len, b->initrd[bank], err);
        if (r < 0)
            return r;
    }
    b->initrd_len = data.len;
    return COCOS_OK;
}

/* "vga=" is more than text: QEMU puts its value into the kernel's header. */
static int set_line(cocos_boot *b, cocos__span data, cocos_error **err)
{
    if (data.len == 0 || data.len > COCOS__BOOT_LINE_MAX)
        return cocos__fail(err, COCOS_ERR_MALFORMED, "measure.command_line",
                           "the command line has %zu characters; expected 1 to %d", data.len,
                           COCOS__BOOT_LINE_MAX);
    for (size_t i = 0; i < data.len; i++) {
        if (data.data[i] < ' ' || data.data[i] > '~')
            return cocos__fail(err, COCOS_ERR_MALFORMED, "measure.command_line",
                               "character %zu of the command line is not printable ASCII", i);
    }
    if (memmem(data.data, data.len, "vga=", 4))
        return cocos__fail(err, COCOS_ERR_MALFORMED, "measure.command_line",
                           "the command line has vga=, which changes the kernel too");
    memcpy(b->line, data.data, data.len);
    b->line[data.len] = '\0';
    b->has_line = 1;
    return COCOS_OK;
}

static int add_log(cocos_boot *b, cocos__span data, cocos_error **err)
{
    cocos__replay replay;

    if (data.len > LOG_MAX)
        return too_large(err, "event log", LOG_MAX);
    if (b->n_firmware == COCOS__BOOT_COUNT_MAX)
        return cocos__fail(err, COCOS_ERR_EXHAUSTED, "measure.count", "more than %d event logs",
                           COCOS__BOOT_COUNT_MAX);
    int r = cocos__log_replay(data, (1u << COCOS__BANKS) - (1u << FIRST_BANK), &replay, err);
    if (r < 0)
        return r;
    for (int bank = FIRST_BANK; bank < COCOS__BANKS; bank++) {
        if (!(replay.banks & 1u << bank) || !(replay.touched[bank] & 1))
            continue;
        memcpy(b->firmware[b->n_firmware].pcr0[bank], replay.pcr[bank][0], COCOS__PCR_MAX);
        b->firmware[b->n_firmware].banks |= 1u << bank;
    }
    if (b->firmware[b->n_firmware].banks == 0)
        return cocos__fail(err, COCOS_ERR_MALFORMED, "measure.log",
                           "the event log has nothing of PCR 0 in a bank of SHA-2");
    b->n_firmware++;
    return COCOS_OK;
}

int cocos_boot_add(cocos_boot *boot, int part, const uint8_t *data, size_t len, cocos_error **err)
{
    cocos__span s = {data, len};

    if (!boot || (!data && len > 0))
        return cocos__fail(err, COCOS_ERR_USAGE, "measure.part", "an object and bytes are needed");
    switch (part) {
    case COCOS_BOOT_KERNEL:
        return set_kernel(boot, s, err);
    case COCOS_BOOT_INITRD:
        return set_initrd(boot, s, err);
    case COCOS_BOOT_COMMAND_LINE:
        return set_line(boot, s, err);
    case COCOS_BOOT_EVENT_LOG:
        return add_log(boot, s, err);
    }
    return cocos__fail(err, COCOS_ERR_USAGE, "measure.part", "there is no part %d of a boot", part);
}

int cocos_boot_add_memory(cocos_boot *boot, uint64_t bytes, cocos_error **err)
{
    if (!boot || bytes < MEMORY_MIN)
        return cocos__fail(err, COCOS_ERR_USAGE, "measure.memory",
                           "a machine has %llu bytes of memory; expected 64 MiB or more",
                           (unsigned long long)bytes);
    if (boot->n_memory == COCOS__BOOT_COUNT_MAX)
        return cocos__fail(err, COCOS_ERR_EXHAUSTED, "measure.count",
                           "more than %d sizes of memory", COCOS__BOOT_COUNT_MAX);
    boot->memory[boot->n_memory++] = bytes;
    return COCOS_OK;
}

int cocos__boot_kernel(const cocos_boot *b, size_t i, int bank, uint8_t *out, cocos_error **err)
{
    cocos__span image = {b->kernel, b->kernel_len};
    COCOS__CLEANUP(cocos__freep) uint8_t *changed = NULL;

    if (i > 0) {
        changed = malloc(b->kernel_len);
        if (!changed)
            return cocos__fail_memory(err);
        memcpy(changed, b->kernel, b->kernel_len);
        int r =
            cocos__linux_fill_header(changed, b->kernel_len, b->memory[i - 1], b->initrd_len, err);
        if (r < 0)
            return r;
        image.data = changed;
    }
    return cocos__pe_digest(image, cocos__bank_digest(bank), out, err);
}

int cocos__boot_line(const cocos_boot *b, int bank, uint8_t *out, cocos_error **err)
{
    COCOS__CLEANUP(cocos__buf_done) cocos__buf wide = {0};

    cocos__buf_init(&wide, 8192);
    cocos__linux_load_options(b->line, b->initrd_len ? INITRD_WORD : "", &wide);
    if (wide.failed)
        return cocos__fail_memory(err);
    return cocos__digest(cocos__bank_digest(bank), wide.data, wide.len, out, err);
}

/* ---- JSON ---- */

static void put_digest(cocos__json_out *o, int bank, const uint8_t *digest)
{
    cocos__json_put_hex(o, cocos__bank_name(bank), digest, cocos__bank_size(bank));
}

static int put_kernels(cocos__json_out *o, const cocos_boot *b, cocos_error **err)
{
    uint8_t digest[COCOS__DIGEST_MAX];

    cocos__json_put_array(o, "kernel");
    for (size_t i = 0; i <= b->n_memory; i++) {
        cocos__json_put_object(o, NULL);
        cocos__json_put_text(o, "form", i ? "changed by QEMU" : "file");
        if (i)
            cocos__json_put_int(o, "memory", (int64_t)b->memory[i - 1]);
        for (int bank = FIRST_BANK; bank < COCOS__BANKS; bank++) {
            int r = cocos__boot_kernel(b, i, bank, digest, err);
            if (r < 0)
                return r;
            put_digest(o, bank, digest);
        }
        cocos__json_put_end(o);
    }
    cocos__json_put_end(o);
    return COCOS_OK;
}

static int put_line(cocos__json_out *o, const cocos_boot *b, cocos_error **err)
{
    uint8_t digest[COCOS__DIGEST_MAX];
    char text[COCOS__BOOT_LINE_MAX + sizeof INITRD_WORD];

    snprintf(text, sizeof text, "%s%s", b->line, b->initrd_len ? INITRD_WORD : "");
    cocos__json_put_object(o, "command_line");
    cocos__json_put_text(o, "text", text);
    for (int bank = FIRST_BANK; bank < COCOS__BANKS; bank++) {
        int r = cocos__boot_line(b, bank, digest, err);
        if (r < 0)
            return r;
        put_digest(o, bank, digest);
    }
    cocos__json_put_end(o);
    return COCOS_OK;
}

static void put_initrd(cocos__json_out *o, const cocos_boot *b)
{
    cocos__json_put_object(o, "initrd");
    cocos__json_put_int(o, "size", (int64_t)b->initrd_len);
    for (int bank = FIRST_BANK; bank < COCOS__BANKS; bank++)
        put_digest(o, bank, b->initrd[bank]);
    cocos__json_put_end(o);
}

static void put_firmware(cocos__json_out *o, const cocos_boot *b)
{
    cocos__json_put_array(o, "firmware");
    for (size_t i = 0; i < b->n_firmware; i++) {
        cocos__json_put_object(o, NULL);
        for (int bank = FIRST_BANK; bank < COCOS__BANKS; bank++) {
            if (b->firmware[i].banks & 1u << bank)
                put_digest(o, bank, b->firmware[i].pcr0[bank]);
        }
        cocos__json_put_end(o);
    }
    cocos__json_put_end(o);
}

int cocos_boot_to_json(const cocos_boot *boot, char **ret, cocos_error **err)
{
    COCOS__CLEANUP(cocos__json_out_freep) cocos__json_out *o = NULL;

    if (!boot || !ret)
        return cocos__fail(err, COCOS_ERR_USAGE, "measure.part", "an object and ret are needed");
    int r = cocos__json_out_new(&o, err);
    if (r < 0)
        return r;
    cocos__json_put_object(o, NULL);
    if (boot->kernel)
        r = put_kernels(o, boot, err);
    if (r == COCOS_OK && boot->has_line)
        r = put_line(o, boot, err);
    if (r < 0)
        return r;
    if (boot->initrd_len)
        put_initrd(o, boot);
    if (boot->n_firmware)
        put_firmware(o, boot);
    cocos__json_put_end(o);
    return cocos__json_finish(o, 1, ret, err);
}
