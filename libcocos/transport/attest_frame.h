/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_TRANSPORT_ATTEST_FRAME_H
#define COCOS_TRANSPORT_ATTEST_FRAME_H

/*
 * Frames of the exchange (spec atls.md section 4): type, length in four bytes, payload. The format
 * allows 16 MiB; what each of ours may have is less, and is asked for before a byte is kept.
 */

#include "base/bytes.h"
#include "base/error.h"

/*
 * Frames 3 to 5 are ours. 3 comes when the evidence announces it. 4 comes exactly when the client's
 * request carried the extension COCOS__EA_EXT_CLIENT, so that no other client ever meets it.
 */
enum cocos__attest_frame {
    COCOS__FRAME_REQUEST = 1,       /* client to server */
    COCOS__FRAME_AUTHENTICATOR = 2, /* server to client */
    COCOS__FRAME_DETACHED = 3,      /* right behind it: parts of the evidence that did not fit */
    COCOS__FRAME_ASK_CLIENT = 4,    /* server to client: a request, or nothing: no need */
    COCOS__FRAME_CLIENT = 5         /* its answer; frame 3 may follow it too */
};

#define COCOS__FRAME_HEAD              5
#define COCOS__FRAME_MAX               (16u << 20)
#define COCOS__FRAME_REQUEST_MAX       (8u << 10)   /* a request of ours has at most 274 bytes */
#define COCOS__FRAME_AUTHENTICATOR_MAX (256u << 10) /* 64 KiB of evidence, and certificates */

/* UNAUTHENTICATED "atls.frame": type 0, or longer than any frame. */
int cocos__attest_frame_read(const uint8_t head[COCOS__FRAME_HEAD],
                             int *type,
                             size_t *len,
                             cocos_error **err);
/* The same for the one frame that has to come now, of at most `max` bytes. */
int cocos__attest_frame_expect(
    const uint8_t head[COCOS__FRAME_HEAD], int type, size_t max, size_t *len, cocos_error **err);
void cocos__attest_frame_write(uint8_t head[COCOS__FRAME_HEAD], int type, size_t len);

#endif
