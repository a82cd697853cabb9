/* SPDX-License-Identifier: Apache-2.0 */
/* How to reach an agent and why to trust what answers. */
#include <string.h>

#include "base/fd.h"
#include "compute/client.h"
#include "compute/judge.h"

#define PEM_MAX (1024 * 1024)

COCOS__DEFINE_FREEP(options_freep, cocos_agent_options *, cocos_agent_options_free)

int cocos_agent_options_new(cocos_agent_options **ret, cocos_error **err)
{
    COCOS__CLEANUP(options_freep) cocos_agent_options *o = NULL;

    if (!ret)
        return cocos__fail(err, COCOS_ERR_USAGE, "usage.null", "ret is NULL");
    o = calloc(1, sizeof *o);
    if (!o)
        return cocos__fail_memory(err);

    cocos__buf_init(&o->ca, PEM_MAX);
    cocos__buf_init(&o->cert, PEM_MAX);
    cocos__buf_init(&o->key, PEM_MAX);
    *ret = COCOS__STEAL(o);
    return COCOS_OK;
}

int cocos_agent_options_set_address(cocos_agent_options *o, const char *address, cocos_error **err)
{
    if (!o || !address)
        return cocos__fail(err, COCOS_ERR_USAGE, "usage.null", "options or address is NULL");
    if (!*address || strlen(address) > 255)
        return cocos__fail(err, COCOS_ERR_USAGE, "agent.address",
                           "the agent's address is empty or longer than 255 bytes");

    char *copy = strdup(address);
    if (!copy)
        return cocos__fail_memory(err);
    free(o->address);
    o->address = copy;
    return COCOS_OK;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

int cocos_agent_options_set_pin(cocos_agent_options *o, const char *pin, cocos_error **err)
{
    static const char prefix[] = "sha256:";
    const size_t skip = sizeof prefix - 1;
    uint8_t bytes[32];

    if (!o || !pin)
        return cocos__fail(err, COCOS_ERR_USAGE, "usage.null", "options or pin is NULL");
    int bad = strncmp(pin, prefix, skip) != 0 || strlen(pin) != skip + 64;

    for (size_t i = 0; !bad && i < 32; i++) {
        int high = hex_digit(pin[skip + 2 * i]), low = hex_digit(pin[skip + 2 * i + 1]);

        bad = high < 0 || low < 0;
        bytes[i] = (uint8_t)(high * 16 + low);
    }
    if (bad)
        return cocos__fail(err, COCOS_ERR_USAGE, "agent.pin",
                           "a pin is 'sha256:' and 64 hex digits");
    memcpy(o->pin, bytes, sizeof bytes);
    o->has_pin = 1;
    return COCOS_OK;
}

static int set_pem(cocos__buf *b, const uint8_t *data, size_t len, cocos_error **err)
{
    if (!data || len == 0)
        return cocos__fail(err, COCOS_ERR_USAGE, "usage.null", "PEM text is empty");
    if (len > PEM_MAX)
        return cocos__fail(err, COCOS_ERR_MALFORMED, "file.size",
                           "PEM text has %zu bytes, at most %d are taken", len, PEM_MAX);

    cocos__buf_wipe_done(b);
    cocos__buf_init(b, PEM_MAX);
    cocos__buf_add(b, data, len);
    return b->failed ? cocos__fail_memory(err) : COCOS_OK;
}

int cocos_agent_options_set_ca(cocos_agent_options *o,
                               const uint8_t *pem,
                               size_t len,
                               cocos_error **err)
{
    if (!o)
        return cocos__fail(err, COCOS_ERR_USAGE, "usage.null", "options is NULL");
    return set_pem(&o->ca, pem, len, err);
}

int cocos_agent_options_set_client_cert(cocos_agent_options *o,
                                        const uint8_t *cert,
                                        size_t cert_len,
                                        const uint8_t *key,
                                        size_t key_len,
                                        cocos_error **err)
{
    if (!o)
        return cocos__fail(err, COCOS_ERR_USAGE, "usage.null", "options is NULL");

    int r = set_pem(&o->cert, cert, cert_len, err);
    return r < 0 ? r : set_pem(&o->key, key, key_len, err);
}

void cocos_agent_options_set_insecure(cocos_agent_options *o, int insecure)
{
    if (o)
        o->insecure = insecure != 0;
}

static int need_judge(cocos_agent_options *o, const void *what, cocos_error **err)
{
    if (!o || !what)
        return cocos__fail(err, COCOS_ERR_USAGE, "usage.null", "options or what is set is NULL");
    return o->judge ? COCOS_OK : cocos__judge_new(&o->judge, err);
}

int cocos_agent_options_set_policy(cocos_agent_options *o,
                                   const cocos_policy *policy,
                                   cocos_error **err)
{
    int r = need_judge(o, policy, err);

    return r < 0 ? r : cocos__judge_set_policy(o->judge, policy, err);
}

int cocos_agent_options_set_bundle(cocos_agent_options *o,
                                   const cocos_bundle *bundle,
                                   cocos_error **err)
{
    int r = need_judge(o, bundle, err);

    return r < 0 ? r : cocos__judge_set_bundle(o->judge, bundle, err);
}

void cocos_agent_options_set_insecure_no_attestation(cocos_agent_options *o, int yes)
{
    if (o)
        o->no_attestation = yes != 0;
}

void cocos_agent_options_set_manifest_digest(cocos_agent_options *o,
                                             const uint8_t digest[COCOS_DIGEST_SIZE])
{
    if (!o || !digest)
        return;
    memcpy(o->digest, digest, COCOS_DIGEST_SIZE);
    o->has_digest = 1;
}

void cocos_agent_options_free(cocos_agent_options *o)
{
    if (!o)
        return;
    free(o->address);
    cocos__judge_free(o->judge);
    cocos__buf_done(&o->ca);
    cocos__buf_done(&o->cert);
    cocos__buf_wipe_done(&o->key);
    free(o);
}
