/* SPDX-License-Identifier: Apache-2.0 */
/* A record as name-value pairs in its domain's metadata, where it survives a restart. No secrets.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "codec/hex.h"
#include "enclave/local.h"
#include "enclave/values.h"

static void add(cocos__tags *t, const char *name, const char *value)
{
    t->pairs[t->n++] = (cocos__vmm_pair){name, value};
}

__attribute__((format(printf, 3, 4))) static void
add_text(cocos__tags *t, const char *name, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(t->text[t->n], sizeof t->text[0], fmt, ap);
    va_end(ap);
    add(t, name, t->text[t->n]);
}

static void add_hex(cocos__tags *t, const char *name, const uint8_t *data, size_t len)
{
    cocos__hex_encode(data, len, t->text[t->n]);
    add(t, name, t->text[t->n]);
}

void cocos__tags_fill(const cocos__local *l, const cocos__record *r, int complete, cocos__tags *t)
{
    t->n = 0;
    add(t, "instance", l->instance);
    add(t, "complete", complete ? "1" : "0");
    add(t, "id", r->id);
    add(t, "owner", r->owner);
    add_hex(t, "request_id", r->request_id, sizeof r->request_id);
    add_hex(t, "fields", r->fields, sizeof r->fields);
    add(t, "platform", r->platform);
    add(t, "image", r->image);
    add_text(t, "memory", "%llu", (unsigned long long)r->memory);
    add_text(t, "vcpus", "%u", (unsigned)r->vcpus);
    add_text(t, "port", "%u", (unsigned)r->port);
    add(t, "bind", r->bind);
    add_text(t, "created", "%lld", (long long)r->created_ns);
    add_text(t, "deadline_wall", "%lld", (long long)r->deadline_wall_ns);
    add_text(t, "deadline_boot", "%lld", (long long)r->deadline_boot_ns);
    add(t, "boot_id", l->config.boot_id);
    add_text(t, "own", "%lld", (long long)r->create_own_ns);
    if (r->has_pin)
        add_hex(t, "pin", r->pin, sizeof r->pin);
}

static const char *value_of(const cocos__vmm_pair *pairs, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(pairs[i].name, name) == 0)
            return pairs[i].value;
    return "";
}

static int
take_hex(const cocos__vmm_pair *pairs, size_t n, const char *name, uint8_t *out, size_t len)
{
    const char *text = value_of(pairs, n, name);
    return cocos__hex_decode(text, strlen(text), out, len, NULL) == COCOS_OK;
}

static int
take_number(const cocos__vmm_pair *pairs, size_t n, const char *name, uint64_t max, uint64_t *ret)
{
    return cocos__value_number(value_of(pairs, n, name), max, ret);
}

static int take_time(const cocos__vmm_pair *pairs, size_t n, const char *name, int64_t *ret)
{
    uint64_t v;

    if (!take_number(pairs, n, name, INT64_MAX, &v))
        return 0;
    *ret = (int64_t)v;
    return 1;
}

static int take_sizes(const cocos__vmm_pair *pairs, size_t n, cocos__record *r)
{
    uint64_t vcpus;
    uint64_t port;

    if (!take_number(pairs, n, "memory", UINT64_MAX, &r->memory) ||
        !take_number(pairs, n, "vcpus", UINT32_MAX, &vcpus) ||
        !take_number(pairs, n, "port", 65535, &port))
        return 0;
    r->vcpus = (uint32_t)vcpus;
    r->port = (uint16_t)port;
    return port != 0;
}

static int take_name(const char *value, size_t min, char *out, size_t size)
{
    if (!cocos__value_printable(value, min, size - 1))
        return 0;
    strcpy(out, value);
    return 1;
}

int cocos__tags_read(const cocos__local *l,
                     const cocos__vmm_pair *pairs,
                     size_t n,
                     cocos__record *r)
{
    if (strcmp(value_of(pairs, n, "complete"), "1") != 0 ||
        strcmp(value_of(pairs, n, "id"), r->id) != 0)
        return 0;
    r->has_pin = take_hex(pairs, n, "pin", r->pin, sizeof r->pin);
    int ok = take_name(value_of(pairs, n, "owner"), 1, r->owner, sizeof r->owner) &&
             cocos__value_ipv4(value_of(pairs, n, "bind")) &&
             take_name(value_of(pairs, n, "bind"), 7, r->bind, sizeof r->bind) &&
             take_name(value_of(pairs, n, "platform"), 1, r->platform, sizeof r->platform) &&
             take_name(value_of(pairs, n, "image"), 0, r->image, sizeof r->image) &&
             take_hex(pairs, n, "request_id", r->request_id, sizeof r->request_id) &&
             take_hex(pairs, n, "fields", r->fields, sizeof r->fields) && take_sizes(pairs, n, r) &&
             take_time(pairs, n, "created", &r->created_ns) &&
             take_time(pairs, n, "deadline_wall", &r->deadline_wall_ns) &&
             take_time(pairs, n, "deadline_boot", &r->deadline_boot_ns) &&
             take_time(pairs, n, "own", &r->create_own_ns);
    /* CLOCK_BOOTTIME began anew: a machine of another boot of this host cannot live anyway. */
    return ok && strcmp(value_of(pairs, n, "boot_id"), l->config.boot_id) == 0;
}
