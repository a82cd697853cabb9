/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_TRANSPORT_H2_WATCH_H
#define COCOS_TRANSPORT_H2_WATCH_H

/*
 * Watches the frames of HTTP/2 (RFC 9113 section 4.1) for header blocks without end. gRPC core
 * collects a block of any number of CONTINUATION frames, and holds its own limit on metadata only
 * once the peer has acknowledged the settings that announce it: a peer that never does so could
 * fill the memory before anybody has seen who it is.
 */

#include <stddef.h>
#include <stdint.h>

typedef struct cocos__h2_watch {
    size_t max_block; /* bytes of one header block; 0: nothing is watched */
    size_t block;     /* of the one that is open */
    size_t skip;      /* of the preface, or of a frame's payload */
    uint8_t head[9];
    size_t n_head;
} cocos__h2_watch;

/* What a server receives begins with the preface (section 3.4). */
void cocos__h2_watch_init(cocos__h2_watch *w, size_t max_block, int from_client);

/* The next bytes of the stream. 0 once a header block is larger than it may be. */
int cocos__h2_watch_feed(cocos__h2_watch *w, const uint8_t *data, size_t len);

#endif
