/* SPDX-License-Identifier: Apache-2.0 */
/* One accepted manifest and what belongs to it: the object, without its states (machine.c). */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "agent/service.h"
#include "base/fd.h"
#include "base/thread.h"

void cocos__computation_free(cocos__computation *c)
{
    cocos__testimony_free(c->testimony);
    cocos__consent_close(c->consent);
    cocos__store_close(c->store);
    cocos_manifest_free(c->manifest);
    pthread_rwlock_destroy(&c->results);
    pthread_mutex_destroy(&c->proving);
    free(c);
}

cocos__computation *
cocos__computation_new(const cocos_agent_service *s, uint64_t run, cocos_manifest *manifest_take)
{
    cocos__computation *c = calloc(1, sizeof *c);

    if (!c) {
        cocos_manifest_free(manifest_take);
        return NULL;
    }
    *c = (cocos__computation){.refs = 1, .run = run, .manifest = manifest_take};
    pthread_rwlock_init(&c->results, NULL);
    pthread_mutex_init(&c->proving, NULL);
    snprintf(c->dir, sizeof c->dir, "%s/runs/%" PRIu64, s->options.state_dir, run);
    return c;
}

int cocos__computation_open_store(const cocos_agent_service *s,
                                  cocos__computation *c,
                                  int wiped,
                                  cocos_error **err)
{
    char dir[COCOS__SERVICE_PATH + 8];
    cocos__store_limits limits = {s->options.max_asset, s->options.max_total};

    snprintf(dir, sizeof dir, "%s/assets", c->dir);
    return cocos__store_open(dir, c->manifest, &limits, wiped, &c->store, err);
}

int cocos__computation_open_parties(const cocos_agent_service *s,
                                    cocos__computation *c,
                                    cocos_error **err)
{
    const cocos__testimony_about about = {.dir = c->dir,
                                          .manifest = c->manifest,
                                          .instance = s->identity.instance_id,
                                          .measurement = s->measurement,
                                          .store = c->store};
    int r = cocos__consent_open(s->options.state_dir, s->identity.instance_id, c->manifest,
                                &c->consent, err);

    return r < 0 ? r : cocos__testimony_open(&about, &c->testimony, err);
}

int cocos__computation_keep_manifest(const cocos__computation *c, cocos_error **err)
{
    char path[COCOS__SERVICE_PATH + 16];
    size_t len = 0;
    const uint8_t *cbor = cocos_manifest_cbor(c->manifest, &len);

    int r = cocos__mkdirs(c->dir, 0700, err);
    if (r < 0)
        return r;
    snprintf(path, sizeof path, "%s/manifest.cbor", c->dir);
    return cocos__write_file(path, cbor, len, 0600, err);
}

void cocos__computation_result_path(const cocos__computation *c,
                                    int part,
                                    char out[COCOS__SERVICE_PATH])
{
    snprintf(out, COCOS__SERVICE_PATH, "%.*s/%s", COCOS__SERVICE_PATH - 16, c->dir,
             part ? "output.zip" : "result.zip");
}

static int drop_ref(cocos_agent_service *s, cocos__computation *c)
{
    COCOS__LOCKED(&s->lock);
    return --c->refs == 0;
}

void cocos__computation_unref(cocos_agent_service *s, cocos__computation *c)
{
    if (c && drop_ref(s, c))
        cocos__computation_free(c);
}
