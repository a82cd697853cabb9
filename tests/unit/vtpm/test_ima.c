/* SPDX-License-Identifier: Apache-2.0 */
#include "vtpm/ima.h"

#include <string.h>

#include "suite.h"
#include "tpm_maker.h"

/* A list under construction in both forms, with the PCR 10 that it leads to, by code of our own. */
typedef struct list {
    cocos__buf ascii;
    cocos__buf binary;
    tpm_parts pcrs;
} list;

static void list_init(list *l)
{
    memset(l, 0, sizeof *l);
    cocos__buf_init(&l->ascii, 1u << 16);
    cocos__buf_init(&l->binary, 1u << 16);
}

static void list_done(list *l)
{
    cocos__buf_done(&l->ascii);
    cocos__buf_done(&l->binary);
}

static void hex(cocos__buf *b, const uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len; i++)
        cocos__buf_printf(b, "%02x", data[i]);
}

enum { NG, SIG, OLD };

/* Hashes of the template's bytes, or what a violation leaves. */
static void finish(list *l, const char *name, const cocos__buf *data, int violation, int has_length)
{
    uint8_t digest[64] = {0};

    for (int k = 0; k < TPM_BANKS; k++) {
        memset(digest, 0xff, sizeof digest);
        if (!violation)
            tpm_hash(k, data->data, data->len, digest);
        tpm_extend(&l->pcrs, k, 10, digest);
    }
    memset(digest, 0, 20);
    if (!violation)
        tpm_hash(0, data->data, data->len, digest);
    cocos__buf_printf(&l->ascii, "10 ");
    hex(&l->ascii, digest, 20);
    cocos__buf_printf(&l->ascii, " %s ", name);
    cocos__buf_add_u32le(&l->binary, 10);
    cocos__buf_add(&l->binary, digest, 20);
    cocos__buf_add_u32le(&l->binary, (uint32_t)strlen(name));
    cocos__buf_add_str(&l->binary, name);
    if (has_length) {
        cocos__buf_add_u32le(&l->binary, (uint32_t)data->len);
        cocos__buf_add(&l->binary, data->data, data->len);
    }
}

static void add(list *l, int template, const char *path, int violation)
{
    uint8_t file[32];
    cocos__buf data;

    cocos__buf_init(&data, 4096);
    tpm_hash(1, path, strlen(path), file);
    if (template == OLD) {
        char name[256] = {0};
        memcpy(name, path, strlen(path));
        cocos__buf_add(&data, file, 20);
        cocos__buf_add(&data, name, sizeof name);
        finish(l, "ima", &data, violation, 0);
        cocos__buf_add(&l->binary, file, 20);
        cocos__buf_add_u32le(&l->binary, (uint32_t)strlen(path));
        cocos__buf_add_str(&l->binary, path);
        hex(&l->ascii, file, 20);
        cocos__buf_printf(&l->ascii, " %s\n", path);
        cocos__buf_done(&data);
        return;
    }
    cocos__buf_add_u32le(&data, 8 + 32);
    cocos__buf_add(&data, "sha256:", 8);
    cocos__buf_add(&data, file, 32);
    cocos__buf_add_u32le(&data, (uint32_t)strlen(path) + 1);
    cocos__buf_add(&data, path, strlen(path) + 1);
    if (template == SIG) {
        cocos__buf_add_u32le(&data, violation ? 0 : 4);
        cocos__buf_add(&data, "\3\2\4x", violation ? 0 : 4);
    }
    finish(l, template == SIG ? "ima-sig" : "ima-ng", &data, violation, 1);
    cocos__buf_printf(&l->ascii, "sha256:");
    hex(&l->ascii, file, 32);
    cocos__buf_printf(&l->ascii, " %s%s\n", path,
                      template == NG ? ""
                      : violation    ? " "
                                     : " 03020478");
    cocos__buf_done(&data);
}

static int replay(const cocos__buf *b, int form, cocos__ima_result *ret, cocos_error **err)
{
    cocos__span s = {b->data, b->len};

    ck_assert_int_eq(cocos__ima_form_of(s), form);
    return cocos__ima_replay(s, form, 0xf, 0, ret, err);
}

static void usual(list *l)
{
    list_init(l);
    add(l, NG, "boot_aggregate", 0);
    add(l, SIG, "/usr/bin/agent", 0);
    add(l, OLD, "/sbin/init", 0);
    add(l, SIG, "/tmp/changed", 1);
    add(l, NG, "/etc/passwd", 1);
}

START_TEST(replays_every_template_in_both_forms)
{
    cocos__ima_result r;
    cocos_error *err = NULL;
    list l;

    usual(&l);
    for (int form = COCOS__IMA_ASCII; form <= COCOS__IMA_BINARY; form++) {
        assert_ok(replay(form == COCOS__IMA_ASCII ? &l.ascii : &l.binary, form, &r, &err), err);
        ck_assert_uint_eq(r.entries, 5);
        ck_assert_uint_eq(r.violations, 2);
        ck_assert_uint_eq(r.violation[0], 3);
        ck_assert_uint_eq(r.violation[1], 4);
        for (int k = 0; k < TPM_BANKS; k++)
            ck_assert_mem_eq(r.pcr10[k], l.pcrs.pcr[k][10], tpm_banks[k].size);
    }
    list_done(&l);
}
END_TEST

START_TEST(pads_sha1_hashes_for_old_kernels)
{
    cocos__ima_result r;
    uint8_t padded[64] = {0};
    tpm_parts t = {0};
    list l;

    list_init(&l);
    add(&l, NG, "boot_aggregate", 0);
    memcpy(padded, l.binary.data + 4, 20);
    tpm_extend(&t, 1, 10, padded);
    assert_ok(cocos__ima_replay((cocos__span){l.binary.data, l.binary.len}, COCOS__IMA_BINARY, 2, 1,
                                &r, NULL),
              NULL);
    ck_assert_mem_eq(r.pcr10[1], t.pcr[1][10], 32);
    list_done(&l);
}
END_TEST

START_TEST(leaves_other_registers_out_of_the_replay)
{
    cocos__ima_result r;
    list l;
    static const uint8_t zeros[32];

    list_init(&l);
    add(&l, NG, "boot_aggregate", 0);
    l.binary.data[0] = 11;
    assert_ok(replay(&l.binary, COCOS__IMA_BINARY, &r, NULL), NULL);
    ck_assert_mem_eq(r.pcr10[1], zeros, 32);
    list_done(&l);
}
END_TEST

START_TEST(refuses_every_flipped_bit_of_measured_entries)
{
    cocos__ima_result r;
    cocos__ima_result good;
    list l;

    list_init(&l);
    add(&l, NG, "boot_aggregate", 0);
    add(&l, SIG, "/usr/bin/agent", 0);
    add(&l, OLD, "/sbin/init", 0);
    assert_ok(replay(&l.binary, COCOS__IMA_BINARY, &good, NULL), NULL);
    for (size_t bit = 0; bit < 8 * l.binary.len; bit++) {
        l.binary.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        int s = cocos__ima_replay((cocos__span){l.binary.data, l.binary.len}, COCOS__IMA_BINARY,
                                  0xf, 0, &r, NULL);
        ck_assert_msg(s != COCOS_OK || memcmp(r.pcr10[1], good.pcr10[1], 32) != 0, "bit %zu", bit);
        l.binary.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    list_done(&l);
}
END_TEST

START_TEST(refuses_lists_cut_within_an_entry)
{
    cocos__ima_result r;
    size_t whole = 0;
    list l;

    usual(&l);
    for (size_t n = 0; n < l.binary.len; n++) {
        uint8_t *copy = malloc(n ? n : 1);
        memcpy(copy, l.binary.data, n);
        whole += cocos__ima_replay((cocos__span){copy, n}, COCOS__IMA_BINARY, 2, 0, &r, NULL) ==
                 COCOS_OK;
        free(copy);
    }
    ck_assert_uint_eq(whole, 5); /* before each entry */
    list_done(&l);
}
END_TEST

static void refuse_line(const char *line, int status, const char *code)
{
    cocos__ima_result r;
    cocos_error *err = NULL;

    assert_fails(cocos__ima_replay((cocos__span){(const uint8_t *)line, strlen(line)},
                                   COCOS__IMA_ASCII, 2, 0, &r, &err),
                 status, code, err);
}

#define HASH "0123456789012345678901234567890123456789"
#define FILE32                                                                                     \
    "sha256:"                                                                                      \
    "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

START_TEST(refuses_lines_of_another_form)
{
    static const char *const bad[] = {
        "\n",
        "10\n",
        "10 " HASH "\n",
        "10 " HASH " ima-ng\n",
        "10 " HASH " ima-ng " FILE32 "\n",
        "10 " HASH " ima-ng " FILE32 " \n",
        "10 " HASH " ima-ng " FILE32 " a b\n",
        "10 " HASH " ima-ng sha256:00 a\n",
        "10 " HASH " ima-ng sha257:00 a\n",
        "10 " HASH " ima-ng 00 a\n",
        "10 " HASH " ima-ngv2 " FILE32 " a\n",
        "10 " HASH " ima-sig " FILE32 " a 0\n",
        "10 " HASH " ima-sig " FILE32 " a xx\n",
        "10 " HASH " ima 00 a\n",
        "10 " HASH " ima " HASH "\n",
        "10 012345 ima-ng " FILE32 " a\n",
        "1x " HASH " ima-ng " FILE32 " a\n",
        "100 " HASH " ima-ng " FILE32 " a\n",
    };

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        refuse_line(bad[i], COCOS_ERR_MALFORMED, "vtpm.ima_format");
    refuse_line("10 " HASH " ima-ng " FILE32 " a\n", COCOS_ERR_REJECTED, "vtpm.ima_template_hash");
}
END_TEST

TEST_MAIN(ima,
          replays_every_template_in_both_forms,
          pads_sha1_hashes_for_old_kernels,
          leaves_other_registers_out_of_the_replay,
          refuses_every_flipped_bit_of_measured_entries,
          refuses_lists_cut_within_an_entry,
          refuses_lines_of_another_form)
