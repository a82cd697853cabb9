/* SPDX-License-Identifier: Apache-2.0 */
/* What a caller wants of a new enclave. Every field is checked here, for all backends alike. */
#include <stdio.h>
#include <string.h>

#include "codec/hex.h"
#include "crypto/digest.h"
#include "enclave/enclave.h"
#include "enclave/values.h"

#define PEM_SIZE_MAX 65536

int cocos_enclave_spec_new(cocos_enclave_spec **ret, cocos_error **err)
{
    cocos_enclave_spec *s = calloc(1, sizeof *s);
    if (!s)
        return cocos__fail_memory(err);
    strcpy(s->platform, "plain");
    *ret = s;
    return COCOS_OK;
}

void cocos_enclave_spec_free(cocos_enclave_spec *s)
{
    if (!s)
        return;
    for (int i = 0; i < COCOS__PEM_COUNT; i++)
        cocos__secret_free(s->pem[i]);
    free(s);
}

static int bad(cocos_error **err, const char *name, const char *expected)
{
    return cocos__fail_check(err, COCOS_ERR_USAGE, "option.value", name, expected, NULL,
                             "%s of an enclave must be %s", name, expected);
}

static int set_request_id(cocos_enclave_spec *s, const char *value, cocos_error **err)
{
    if (cocos__hex_decode(value, strlen(value), s->request_id, sizeof s->request_id, NULL) < 0)
        return bad(err, "request_id", "32 hex digits");
    s->has_request_id = 1;
    return COCOS_OK;
}

static int set_platform(cocos_enclave_spec *s, const char *value, cocos_error **err)
{
    static const char *const known[] = {"plain", "vtpm", "snp", "tdx"};

    for (size_t i = 0; i < COCOS__ARRAY_LEN(known); i++)
        if (strcmp(known[i], value) == 0) {
            strcpy(s->platform, value);
            return COCOS_OK;
        }
    return bad(err, "platform", "plain, vtpm, snp or tdx");
}

static int set_memory(cocos_enclave_spec *s, const char *value, cocos_error **err)
{
    uint64_t v;

    if (!cocos__value_size(value, &v))
        return bad(err, "memory", "a number of bytes, perhaps with K, M or G");
    s->memory = v;
    return COCOS_OK;
}

static int set_vcpus(cocos_enclave_spec *s, const char *value, cocos_error **err)
{
    uint64_t v;

    if (!cocos__value_number(value, 4096, &v))
        return bad(err, "vcpus", "a number up to 4096");
    s->vcpus = (uint32_t)v;
    return COCOS_OK;
}

static int set_ttl(cocos_enclave_spec *s, const char *value, cocos_error **err)
{
    int64_t v;

    if (!cocos__value_duration(value, &v))
        return bad(err, "ttl", "a duration such as 90s, 10m or 1h30m");
    s->ttl_ns = v;
    return COCOS_OK;
}

static int set_image(cocos_enclave_spec *s, const char *value, cocos_error **err)
{
    if (value[0] != '\0' && !cocos__value_name(value))
        return bad(err, "image", "1 to 64 characters of A-Z a-z 0-9 . _ -");
    strcpy(s->image, value);
    return COCOS_OK;
}

static int set_wait_ready(cocos_enclave_spec *s, const char *value, cocos_error **err)
{
    if (strcmp(value, "0") != 0 && strcmp(value, "1") != 0)
        return bad(err, "wait_ready", "0 or 1");
    s->wait_ready = value[0] == '1';
    return COCOS_OK;
}

/* It becomes a line of the guest's environment file, hence the narrow form. */
static int set_cvms_url(cocos_enclave_spec *s, const char *value, cocos_error **err)
{
    if (value[0] != '\0' && !cocos__value_endpoint(value))
        return bad(err, "cvms_url", "host:port, at most 1024 characters");
    strcpy(s->cvms_url, value);
    return COCOS_OK;
}

static int set_log_level(cocos_enclave_spec *s, const char *value, cocos_error **err)
{
    static const char *const known[] = {"", "debug", "info", "warn", "error"};

    for (size_t i = 0; i < COCOS__ARRAY_LEN(known); i++)
        if (strcmp(known[i], value) == 0) {
            strcpy(s->log_level, value);
            return COCOS_OK;
        }
    return bad(err, "log_level", "debug, info, warn or error");
}

static int is_pem_text(const uint8_t *p, size_t len)
{
    static const char begin[] = "-----BEGIN ";

    for (size_t i = 0; i < len; i++)
        if ((p[i] < 0x20 && p[i] != '\n' && p[i] != '\r' && p[i] != '\t') || p[i] > 0x7e)
            return 0;
    return memmem(p, len, begin, sizeof begin - 1) != NULL;
}

static const char *const pem_names[COCOS__PEM_COUNT] = {"cvms_ca", "cvms_client_cert",
                                                        "cvms_client_key"};

int cocos__spec_set_pem(
    cocos_enclave_spec *s, enum cocos__pem which, const void *data, size_t len, cocos_error **err)
{
    COCOS__CLEANUP(cocos__secret_freep) cocos__secret *fresh = NULL;

    if (len > PEM_SIZE_MAX || (len > 0 && !is_pem_text(data, len)))
        return bad(err, pem_names[which], "a PEM file of at most 64 KiB");
    if (len > 0) {
        int r = cocos__secret_new(len, &fresh, err);
        if (r < 0)
            return r;
        memcpy(cocos__secret_data(fresh), data, len);
    }
    cocos__secret_free(s->pem[which]);
    s->pem[which] = COCOS__STEAL(fresh);
    return COCOS_OK;
}

static const struct member {
    const char *name;
    int (*set)(cocos_enclave_spec *s, const char *value, cocos_error **err);
} members[] = {
    {"request_id", set_request_id}, {"platform", set_platform}, {"memory", set_memory},
    {"vcpus", set_vcpus},           {"ttl", set_ttl},           {"image", set_image},
    {"wait_ready", set_wait_ready}, {"cvms_url", set_cvms_url}, {"log_level", set_log_level},
};

int cocos_enclave_spec_set(cocos_enclave_spec *s,
                           const char *name,
                           const char *value,
                           cocos_error **err)
{
    if (!s || !name || !value)
        return cocos__fail(err, COCOS_ERR_USAGE, "option.value", "spec, name and value are needed");
    for (size_t i = 0; i < COCOS__ARRAY_LEN(members); i++)
        if (strcmp(members[i].name, name) == 0)
            return members[i].set(s, value, err);
    for (int i = 0; i < COCOS__PEM_COUNT; i++)
        if (strcmp(pem_names[i], name) == 0)
            return cocos__spec_set_pem(s, (enum cocos__pem)i, value, strlen(value), err);
    return cocos__fail(err, COCOS_ERR_USAGE, "option.name", "an enclave has no member \"%.64s\"",
                       name);
}

int cocos__spec_digest(const cocos_enclave_spec *s, uint8_t sha256[32], cocos_error **err)
{
    COCOS__CLEANUP(cocos__buf_wipe_done) cocos__buf b = {0};
    cocos__buf_init(&b, 4 * PEM_SIZE_MAX);

    cocos__buf_printf(&b, "cocos-create/1\n%s\n%llu\n%u\n%lld\n%s\n%s\n%s\n", s->platform,
                      (unsigned long long)s->memory, (unsigned)s->vcpus, (long long)s->ttl_ns,
                      s->image, s->cvms_url, s->log_level);
    for (int i = 0; i < COCOS__PEM_COUNT; i++) {
        size_t len = s->pem[i] ? cocos__secret_len(s->pem[i]) : 0;
        cocos__buf_add_u32be(&b, (uint32_t)len);
        if (len)
            cocos__buf_add(&b, cocos__secret_data(s->pem[i]), len);
    }
    if (b.failed)
        return cocos__fail_memory(err);
    return cocos__digest(COCOS__SHA256, b.data, b.len, sha256, err);
}
