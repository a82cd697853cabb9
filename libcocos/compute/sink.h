/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_COMPUTE_SINK_H
#define COCOS_COMPUTE_SINK_H

/*
 * The other end of a download: received messages are written and hashed by a thread of their own,
 * so that the connection is read meanwhile. A few messages are held at most.
 */

#include "rpc/rpc.h"

typedef struct cocos__sink_file cocos__sink_file;

/* Appends to fd, which holds `offset` bytes already: these are hashed first. fd is borrowed. */
int cocos__sink_file_open(
    int fd, uint64_t offset, cocos_cancel *cancel, cocos__sink_file **ret, cocos_error **err);
/* Takes the message, of which `content` is written. Waits while too many are held. Fails once
 * writing failed. */
int cocos__sink_file_add(cocos__sink_file *s,
                         cocos__rpc_msg *msg_take,
                         cocos__span content,
                         cocos_error **err);
/* Waits until all is written; the digest of everything in the file. */
int cocos__sink_file_finish(cocos__sink_file *s, uint8_t digest[32], cocos_error **err);
void cocos__sink_file_free(cocos__sink_file *s); /* drops what is held; NULL allowed */
COCOS__DEFINE_FREEP(cocos__sink_file_freep, cocos__sink_file *, cocos__sink_file_free)

#endif
