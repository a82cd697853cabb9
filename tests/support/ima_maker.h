/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_TESTS_IMA_MAKER_H
#define COCOS_TESTS_IMA_MAKER_H

/* Measurement lists of Linux IMA, made by code of our own. */

#include <string.h>

#include "tpm_maker.h"

/* A list under construction in both forms, with the PCR 10 that it leads to, by code of our own. */
typedef struct ima_list {
    cocos__buf ascii;
    cocos__buf binary;
    tpm_parts pcrs;
} ima_list;

static inline void ima_list_init(ima_list *l)
{
    memset(l, 0, sizeof *l);
    cocos__buf_init(&l->ascii, 1u << 16);
    cocos__buf_init(&l->binary, 1u << 16);
}

static inline void ima_list_done(ima_list *l)
{
    cocos__buf_done(&l->ascii);
    cocos__buf_done(&l->binary);
}

static inline void ima_list_hex(cocos__buf *b, const uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len; i++)
        cocos__buf_printf(b, "%02x", data[i]);
}

enum { IMA_NG, IMA_SIG, IMA_OLD };

/* Hashes of the template's bytes, or what a violation leaves. */
static inline void ima_list_finish(
    ima_list *l, const char *name, const cocos__buf *data, int violation, int has_length)
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
    ima_list_hex(&l->ascii, digest, 20);
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

static inline void ima_list_add(ima_list *l, int template, const char *path, int violation)
{
    uint8_t file[32];
    cocos__buf data;

    cocos__buf_init(&data, 4096);
    tpm_hash(1, path, strlen(path), file);
    if (template == IMA_OLD) {
        char name[256] = {0};
        memcpy(name, path, strlen(path));
        cocos__buf_add(&data, file, 20);
        cocos__buf_add(&data, name, sizeof name);
        ima_list_finish(l, "ima", &data, violation, 0);
        cocos__buf_add(&l->binary, file, 20);
        cocos__buf_add_u32le(&l->binary, (uint32_t)strlen(path));
        cocos__buf_add_str(&l->binary, path);
        ima_list_hex(&l->ascii, file, 20);
        cocos__buf_printf(&l->ascii, " %s\n", path);
        cocos__buf_done(&data);
        return;
    }
    cocos__buf_add_u32le(&data, 8 + 32);
    cocos__buf_add(&data, "sha256:", 8);
    cocos__buf_add(&data, file, 32);
    cocos__buf_add_u32le(&data, (uint32_t)strlen(path) + 1);
    cocos__buf_add(&data, path, strlen(path) + 1);
    if (template == IMA_SIG) {
        cocos__buf_add_u32le(&data, violation ? 0 : 4);
        cocos__buf_add(&data, "\3\2\4x", violation ? 0 : 4);
    }
    ima_list_finish(l, template == IMA_SIG ? "ima-sig" : "ima-ng", &data, violation, 1);
    cocos__buf_printf(&l->ascii, "sha256:");
    ima_list_hex(&l->ascii, file, 32);
    cocos__buf_printf(&l->ascii, " %s%s\n", path,
                      template == IMA_NG ? ""
                      : violation        ? " "
                                         : " 03020478");
    cocos__buf_done(&data);
}

#endif
