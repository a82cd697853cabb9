/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/service.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/proof.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/thread.h"
#include "crypto/digest.h"

#define STRANGERS_MAX 64 /* calls of nobody that the manifest names, 1 MiB of message each */
/* A connection that is open and says nothing costs some 110 KiB; many guests have 512 MiB. */
#define CONNECTIONS_MAX    400
#define UPLOAD_MESSAGE_MAX (1024 * 1024 + 64) /* a piece and its tag */
#define APPROVE_MAX        (16 * 1024 + 64)
#define ATTEST_BURST       16 /* of strangers' questions for evidence, then one each... */
#define ATTEST_EVERY_NS    (250 * COCOS__NS_PER_MS)

static const cocos__rpc_method methods[] = {
    {"/cocos.v1.Agent/Describe", cocos__serve_describe, NULL, 0},
    {"/cocos.v1.Agent/Approve", cocos__serve_approve, NULL, APPROVE_MAX},
    {"/cocos.v1.Agent/Upload", cocos__serve_upload, NULL, UPLOAD_MESSAGE_MAX},
    {"/cocos.v1.Agent/UploadStatus", cocos__serve_upload_status, NULL, 0},
    {"/cocos.v1.Agent/Attest", cocos__serve_attest, NULL, 0},
    {"/cocos.v1.Agent/Download", cocos__serve_download, NULL, 0},
    {"/cocos.v1.Agent/Statement", cocos__serve_statement, NULL, 0},
    {"/cocos.v1.Agent/Watch", cocos__serve_watch, NULL, 0},
};

static const char *const health_names[] = {"agent", "cocos.v1.Agent", NULL};

static int listen_on(cocos_agent_service *s, cocos_error **err)
{
    const cocos__attest_options attest = {.make = cocos__proof_channel, .user = s};
    cocos__rpc_server_options o = {.methods = methods,
                                   .n_methods = COCOS__ARRAY_LEN(methods),
                                   .user = s,
                                   .max_strangers = STRANGERS_MAX,
                                   .max_connections = CONNECTIONS_MAX,
                                   .health = health_names,
                                   .attest = cocos__proof_possible(s) ? &attest : NULL,
                                   .reflection = 1};
    char local[128];

    int r = cocos__rpc_server_new(&o, &s->server, err);
    if (r == COCOS_OK)
        r = cocos__rpc_server_listen(s->server, s->options.listen, s->identity.tls, &s->listener,
                                     err);
    if (r == COCOS_OK && *s->options.unix_path) {
        if ((size_t)snprintf(local, sizeof local, "unix:%s", s->options.unix_path) >= sizeof local)
            return cocos__fail(err, COCOS_ERR_USAGE, "io.path", "the socket's path is too long");
        r = cocos__rpc_server_listen(s->server, local, NULL, NULL, err);
    }
    if (r == COCOS_OK)
        snprintf(s->address, sizeof s->address, "%s", cocos__rpc_listener_address(s->listener));
    return r;
}

static void name_pin(cocos_agent_service *s)
{
    size_t n = (size_t)snprintf(s->pin, sizeof s->pin, "sha256:");

    for (size_t i = 0; i < sizeof s->identity.pin; i++)
        n += (size_t)snprintf(s->pin + n, sizeof s->pin - n, "%02x", s->identity.pin[i]);
}

/* The manifest that was resumed may have its own certificate: then the port had none of ours to
 * begin with. */
static int apply_manifest_tls(cocos_agent_service *s, cocos_error **err)
{
    COCOS__CLEANUP(cocos__tls_config_unrefp) cocos__tls_config *tls = NULL;

    if (s->current)
        cocos__rpc_listener_require_attested(s->listener,
                                             cocos_manifest_attested_tls(s->current->manifest));
    if (!s->current || !s->own_tls)
        return COCOS_OK;
    int r = cocos__certs_server_tls(s, s->current->manifest, &tls, err);
    if (r == COCOS_OK && tls)
        cocos__rpc_listener_set_tls(s->listener, tls, 1);
    return r;
}

static int measure_program(uint8_t sha256[32], cocos_error **err)
{
    COCOS__CLEANUP(cocos__hasher_freep) cocos__hasher *h = NULL;
    COCOS__CLEANUP(cocos__closep) int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    uint8_t buf[65536];
    ssize_t n = 0;

    if (fd < 0)
        return cocos__fail_errno(err, errno, "io.open", "cannot read this program's own file");
    int r = cocos__hasher_new(COCOS__SHA256, &h, err);
    while (r == COCOS_OK && (n = read(fd, buf, sizeof buf)) > 0)
        r = cocos__hasher_update(h, buf, (size_t)n, err);
    if (r == COCOS_OK && n < 0)
        return cocos__fail_errno(err, errno, "io.read", "cannot read this program's own file");
    return r < 0 ? r : cocos__hasher_finish(h, sha256, err);
}

static int start(cocos_agent_service *s, cocos_error **err)
{
    int r = cocos__identity_open(s->options.state_dir, &s->identity, err);
    if (r < 0)
        return r;
    name_pin(s);
    r = measure_program(s->measurement, err);
    if (r == COCOS_OK)
        r = cocos__proof_open(s, err);
    if (r == COCOS_OK)
        r = cocos__machine_open(s, err);
    if (r == COCOS_OK)
        r = listen_on(s, err);
    if (r == COCOS_OK)
        r = apply_manifest_tls(s, err);
    if (r == COCOS_OK)
        r = cocos__worker_start(s, err);
    if (r == COCOS_OK && *s->options.cvms_url)
        r = cocos__link_start(s, &s->link, err);
    return r;
}

int cocos_agent_service_start(const cocos_agent_service_options *o,
                              cocos_agent_service **ret,
                              cocos_error **err)
{
    cocos_agent_service *s = calloc(1, sizeof *s);

    if (!s)
        return cocos__fail_memory(err);
    s->identity.lock_fd = -1;
    pthread_mutex_init(&s->lock, NULL);
    cocos__cond_init(&s->changed);
    cocos__throttle_init(&s->attest_throttle, ATTEST_BURST, ATTEST_EVERY_NS);
    int r = cocos__agent_options_copy(o, &s->options, err);
    if (r == COCOS_OK)
        r = start(s, err);
    if (r < 0) {
        cocos_agent_service_free(s);
        return r;
    }
    *ret = s;
    return COCOS_OK;
}

const char *cocos_agent_service_pin(const cocos_agent_service *s)
{
    return s->pin;
}

const char *cocos_agent_service_platform(const cocos_agent_service *s)
{
    return cocos__attester_platform(s->attester);
}

const char *cocos_agent_service_address(const cocos_agent_service *s)
{
    return s->address;
}

/*
 * First who answers stops (the worker), then who asks for them (the link), then the calls. Events
 * of the last calls stay in the queue for the next start.
 */
void cocos_agent_service_stop(cocos_agent_service *s, int64_t deadline_ns)
{
    if (!s)
        return;
    cocos__worker_stop(s); /* also ends Watch */
    cocos__link_stop(s->link);
    s->link = NULL;
    if (s->server)
        cocos__rpc_server_shutdown(s->server, deadline_ns);
    cocos__rpc_server_free(s->server);
    s->server = NULL;
    s->listener = NULL;
}

void cocos_agent_service_free(cocos_agent_service *s)
{
    if (!s)
        return;
    cocos_agent_service_stop(s, cocos_deadline_in(0));
    cocos__machine_close(s);
    cocos__proof_close(s);
    cocos__throttle_done(&s->attest_throttle);
    cocos__identity_close(&s->identity);
    cocos__agent_options_done(&s->options);
    pthread_cond_destroy(&s->changed);
    pthread_mutex_destroy(&s->lock);
    free(s);
}
