/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_ENCLAVE_CONSOLE_H
#define COCOS_ENCLAVE_CONSOLE_H

/*
 * Console log of one guest: a file of bounded size that keeps the beginning (how it booted) and the
 * end (how it ended) of what may be an endless stream. Bytes are named by their offset in the
 * stream.
 */

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define COCOS__CONSOLE_HEAD (512u << 10)
#define COCOS__CONSOLE_RING (512u << 10)

typedef struct cocos__console {
    int socket; /* QEMU's end of the serial port; -1: not connected */
    int file;   /* -1: none */
    uint64_t total;
    char last[64]; /* the last bytes, for patterns across two reads */
    size_t n_last;
    int panicked; /* the kernel said so, at this offset */
    uint64_t panic_at;
} cocos__console;

void cocos__console_init(cocos__console *c);
void cocos__console_close(cocos__console *c);
/* Opens or makes the log; an existing one is continued. */
int cocos__console_open_log(cocos__console *c, const char *path, cocos_error **err);
/* Connects to the socket on which QEMU listens. */
int cocos__console_connect(cocos__console *c, const char *path, cocos_error **err);
/* Moves what is there into the log. 1: more may come; 0: the other end closed. Sets *panic on a
 * kernel panic. */
int cocos__console_pump(cocos__console *c, int *panic);
void cocos__console_append(cocos__console *c, const uint8_t *data, size_t len, int *panic);

/*
 * Reading of the log file, also while it grows. Reads at most `room` bytes from *offset, which
 * moves on; *lost tells how many were overwritten before. 0 bytes: nothing more for now.
 */
int cocos__console_read(int file,
                        uint64_t *offset,
                        uint8_t *out,
                        size_t room,
                        size_t *len,
                        uint64_t *lost,
                        cocos_error **err);

/* What the log has from an offset on, as one line of printable text. */
void cocos__console_text(int file, uint64_t offset, char *out, size_t size);
/* The end of the log in that form, e.g. for the reason of a crash. */
void cocos__console_tail(int file, char *out, size_t size);

#endif
