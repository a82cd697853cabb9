/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_COMPUTE_PARTS_H
#define COCOS_COMPUTE_PARTS_H

/*
 * Buffers of one part of an upload, used again when the wire is done with them: a fresh mapping for
 * each would cost more page faults than the copy that send_parts saves.
 */

#include <stddef.h>
#include <stdint.h>

typedef struct cocos__parts cocos__parts; /* reference counted: the wire may outlive the upload */

typedef struct cocos__part {
    cocos__parts *pool;
    struct cocos__part *next;
    uint8_t *data; /* COCOS__PART_SIZE bytes */
} cocos__part;

cocos__parts *cocos__parts_new(void); /* NULL: out of memory */
void cocos__parts_unref(cocos__parts *p);
cocos__part *cocos__part_take(cocos__parts *p); /* NULL: out of memory */
void cocos__part_give(void *part);              /* from any thread */

#endif
