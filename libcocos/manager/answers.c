/* SPDX-License-Identifier: Apache-2.0 */
/* What the manager says over HTTP. */
#include <string.h>

#include "codec/json.h"
#include "manager/manager.h"

static int answer_livez(cocos_manager *m, int *status, const char **type, cocos__buf *body)
{
    (void)m;
    (void)type;
    *status = 200;
    cocos__buf_add_str(body, "ok\n");
    return 1;
}

static int answer_readyz(cocos_manager *m, int *status, const char **type, cocos__buf *body)
{
    cocos__host_stats stats;
    int stopping = __atomic_load_n(&m->stopping, __ATOMIC_RELAXED);
    (void)type;

    cocos__host_stats_get(m->host, &stats);
    *status = stats.alive && !stopping ? 200 : 503;
    cocos__buf_add_str(body, stopping ? "stopping\n" : stats.alive ? "ok\n" : "no libvirt\n");
    return 1;
}

static int answer_metrics(cocos_manager *m, int *status, const char **type, cocos__buf *body)
{
    cocos__host_stats stats;

    cocos__host_stats_get(m->host, &stats);
    *status = 200;
    *type = "text/plain; version=0.0.4; charset=utf-8"; /* Prometheus exposition formats, text */
    cocos__metrics_text(&m->metrics, &stats, body);
    return 1;
}

/* The path that the Go manager had (protocol.md 2.8). */
static int answer_health(cocos_manager *m, int *status, const char **type, cocos__buf *body)
{
    COCOS__CLEANUP(cocos__json_out_freep) cocos__json_out *o = NULL;
    COCOS__CLEANUP(cocos__freep) char *text = NULL;

    *status = 503;
    if (cocos__json_out_new(&o, NULL) < 0)
        return 1;
    cocos__json_put_object(o, NULL);
    cocos__json_put_text(o, "status", "pass");
    cocos__json_put_text(o, "version", cocos_version());
    cocos__json_put_text(o, "description", "manager service");
    cocos__json_put_text(o, "instance_id", m->instance_id ? m->instance_id : "");
    cocos__json_put_end(o);
    if (cocos__json_finish(o, 0, &text, NULL) < 0)
        return 1;
    *status = 200;
    *type = "application/health+json";
    cocos__buf_add_str(body, text);
    return 1;
}

static const struct path {
    const char *path;
    int (*answer)(cocos_manager *m, int *status, const char **type, cocos__buf *body);
} paths[] = {
    {"/livez", answer_livez},
    {"/readyz", answer_readyz},
    {"/metrics", answer_metrics},
    {"/health", answer_health},
};

int cocos__manager_answer(
    void *user, const char *path, int *status, const char **type, cocos__buf *body)
{
    for (size_t i = 0; i < COCOS__ARRAY_LEN(paths); i++)
        if (strcmp(paths[i].path, path) == 0)
            return paths[i].answer(user, status, type, body);
    return 0;
}
