/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_GO_BRIDGE_H
#define COCOS_GO_BRIDGE_H

/* Calls with callbacks into Go. What the library keeps is a cgo.Handle: a number, no pointer. */

#include <cocos/computation.h>
#include <stdint.h>

int cocos_go_set_reader(
    cocos_upload *u, uintptr_t handle, int seekable, uint64_t size, cocos_error **err);

void cocos_go_set_progress(cocos_upload *u, uintptr_t handle);

int cocos_go_download(cocos_agent_conn *c,
                      uint32_t part,
                      const char *path,
                      const cocos_key *key,
                      uintptr_t handle,
                      int64_t deadline_ns,
                      cocos_cancel *cancel,
                      uint64_t *size,
                      cocos_error **err);

int cocos_go_watch(cocos_agent_conn *c,
                   const cocos_key *key,
                   uint64_t since,
                   uintptr_t handle,
                   int64_t deadline_ns,
                   cocos_cancel *cancel,
                   cocos_error **err);

#endif
