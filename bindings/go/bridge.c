/* SPDX-License-Identifier: Apache-2.0 */
#include "bridge.h"

#include "_cgo_export.h"

static int on_read(void *user, uint8_t *data, size_t len, size_t *got)
{
    return cocosGoRead((uintptr_t)user, data, len, got);
}

static int on_seek(void *user, uint64_t offset)
{
    return cocosGoSeek((uintptr_t)user, offset);
}

static int on_progress(void *user, uint64_t done, uint64_t total)
{
    return cocosGoProgress((uintptr_t)user, done, total);
}

static int on_event(void *user,
                    uint64_t sequence,
                    int64_t time_ns,
                    const char *state,
                    const char *what,
                    uint64_t bytes,
                    int ok,
                    uint64_t lost)
{
    return cocosGoEvent((uintptr_t)user, sequence, time_ns, (char *)state, (char *)what, bytes, ok,
                        lost);
}

int cocos_go_set_reader(
    cocos_upload *u, uintptr_t handle, int seekable, uint64_t size, cocos_error **err)
{
    return cocos_upload_set_reader(u, on_read, seekable ? on_seek : NULL, (void *)handle, size,
                                   err);
}

void cocos_go_set_progress(cocos_upload *u, uintptr_t handle)
{
    cocos_upload_set_progress(u, on_progress, (void *)handle);
}

int cocos_go_download(cocos_agent_conn *c,
                      uint32_t part,
                      const char *path,
                      const cocos_key *key,
                      uintptr_t handle,
                      int64_t deadline_ns,
                      cocos_cancel *cancel,
                      uint64_t *size,
                      cocos_error **err)
{
    return cocos_agent_download(c, part, path, key, on_progress, (void *)handle, deadline_ns,
                                cancel, size, err);
}

int cocos_go_watch(cocos_agent_conn *c,
                   const cocos_key *key,
                   uint64_t since,
                   uintptr_t handle,
                   int64_t deadline_ns,
                   cocos_cancel *cancel,
                   cocos_error **err)
{
    return cocos_agent_watch(c, key, since, on_event, (void *)handle, deadline_ns, cancel, err);
}
