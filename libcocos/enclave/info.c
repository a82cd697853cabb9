/* SPDX-License-Identifier: Apache-2.0 */
/* Snapshots of what is known of enclaves. */
#include <stdio.h>
#include <string.h>

#include "codec/hex.h"
#include "codec/json.h"
#include "enclave/enclave.h"

static const char *const states[] = {"creating", "booting",   "ready",   "degraded",
                                     "stopping", "destroyed", "crashed", NULL};

const char *cocos__state_at(size_t i)
{
    return i < COCOS__ARRAY_LEN(states) ? states[i] : NULL;
}

const char *cocos__state_name(const char *text)
{
    for (size_t i = 0; states[i]; i++)
        if (strcmp(states[i], text) == 0)
            return states[i];
    return "unknown";
}

static const struct member {
    const char *name;
    size_t offset;
} texts[] = {
    {"id", offsetof(cocos_enclave_info, id)},
    {"owner", offsetof(cocos_enclave_info, owner)},
    {"address", offsetof(cocos_enclave_info, address)},
    {"platform", offsetof(cocos_enclave_info, platform)},
    {"image", offsetof(cocos_enclave_info, image)},
    {"reason", offsetof(cocos_enclave_info, reason)},
};

const char *cocos_enclave_info_text(const cocos_enclave_info *i, const char *name)
{
    if (!i || !name)
        return "";
    if (strcmp(name, "state") == 0)
        return i->state ? i->state : "";
    if (strcmp(name, "agent_pin") == 0)
        return i->pin_text;
    for (size_t k = 0; k < COCOS__ARRAY_LEN(texts); k++)
        if (strcmp(texts[k].name, name) == 0)
            return (const char *)i + texts[k].offset;
    return "";
}

int64_t cocos_enclave_info_number(const cocos_enclave_info *i, const char *name)
{
    if (!i || !name)
        return 0;
    const struct {
        const char *name;
        int64_t value;
    } numbers[] = {
        {"memory", (int64_t)i->memory},  {"vcpus", i->vcpus},
        {"created_ns", i->created_ns},   {"since_ns", i->since_ns},
        {"deadline_ns", i->deadline_ns}, {"create_own_ns", i->create_own_ns},
    };
    for (size_t k = 0; k < COCOS__ARRAY_LEN(numbers); k++)
        if (strcmp(numbers[k].name, name) == 0)
            return numbers[k].value;
    return 0;
}

static void put_events(cocos__json_out *o, const cocos_enclave_info *i)
{
    cocos__json_put_array(o, "events");
    for (size_t k = 0; k < i->n_events; k++) {
        cocos__json_put_object(o, NULL);
        cocos__json_put_int(o, "sequence", (int64_t)i->events[k].sequence);
        cocos__json_put_int(o, "time_ns", i->events[k].time_ns);
        cocos__json_put_text(o, "state", i->events[k].state);
        cocos__json_put_text(o, "reason", i->events[k].reason);
        cocos__json_put_end(o);
    }
    cocos__json_put_end(o);
}

int cocos_enclave_info_json(const cocos_enclave_info *i, char **ret, cocos_error **err)
{
    static const char *const text_names[] = {"id",       "owner", "state",  "address",
                                             "platform", "image", "reason", "agent_pin"};
    static const char *const number_names[] = {"memory",   "vcpus",       "created_ns",
                                               "since_ns", "deadline_ns", "create_own_ns"};
    COCOS__CLEANUP(cocos__json_out_freep) cocos__json_out *o = NULL;

    if (!i || !ret)
        return cocos__fail(err, COCOS_ERR_USAGE, "enclave.argument", "an argument is NULL");
    int r = cocos__json_out_new(&o, err);
    if (r < 0)
        return r;
    cocos__json_put_object(o, NULL);
    for (size_t k = 0; k < COCOS__ARRAY_LEN(text_names); k++)
        cocos__json_put_text(o, text_names[k], cocos_enclave_info_text(i, text_names[k]));
    for (size_t k = 0; k < COCOS__ARRAY_LEN(number_names); k++)
        cocos__json_put_int(o, number_names[k], cocos_enclave_info_number(i, number_names[k]));
    put_events(o, i);
    cocos__json_put_end(o);
    return cocos__json_finish(o, 0, ret, err);
}

void cocos_enclave_info_free(cocos_enclave_info *i)
{
    free(i);
}

size_t cocos_enclave_list_count(const cocos_enclave_list *l)
{
    return l ? l->count : 0;
}

const cocos_enclave_info *cocos_enclave_list_at(const cocos_enclave_list *l, size_t i)
{
    return l && i < l->count ? l->items[i] : NULL;
}

void cocos_enclave_list_free(cocos_enclave_list *l)
{
    if (!l)
        return;
    for (size_t i = 0; i < l->count; i++)
        cocos_enclave_info_free(l->items[i]);
    free(l->items);
    free(l);
}

void cocos__info_set_pin(cocos_enclave_info *i, const uint8_t pin[32])
{
    memcpy(i->pin, pin, 32);
    i->has_pin = 1;
    strcpy(i->pin_text, "sha256:");
    cocos__hex_encode(pin, 32, i->pin_text + 7);
}
