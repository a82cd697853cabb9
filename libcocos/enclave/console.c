/* SPDX-License-Identifier: Apache-2.0 */
#include "enclave/console.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/fd.h"

/* Layout: magic, bytes written so far (little-endian), then the head and behind it the ring. */
#define MAGIC       "COCOSLG1"
#define HEADER_SIZE 16

static const char panic_text[] = "Kernel panic - not syncing";

void cocos__console_init(cocos__console *c)
{
    memset(c, 0, sizeof *c);
    c->socket = c->file = -1;
}

void cocos__console_close(cocos__console *c)
{
    if (c->socket >= 0)
        close(c->socket);
    if (c->file >= 0)
        close(c->file);
    c->socket = c->file = -1;
}

static int read_header(int file, uint64_t *total)
{
    uint8_t header[HEADER_SIZE];

    if (pread(file, header, sizeof header, 0) != HEADER_SIZE || memcmp(header, MAGIC, 8) != 0)
        return 0;
    *total = cocos__u64le(header + 8);
    return 1;
}

static void write_header(const cocos__console *c)
{
    uint8_t header[HEADER_SIZE];

    memcpy(header, MAGIC, 8);
    cocos__put_u64le(header + 8, c->total);
    /* A full disk costs log lines, not the guest. */
    (void)!pwrite(c->file, header, sizeof header, 0);
}

int cocos__console_open_log(cocos__console *c, const char *path, cocos_error **err)
{
    c->file = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (c->file < 0)
        return cocos__fail_errno(err, errno, "io.create", "cannot make the console log %s", path);
    if (!read_header(c->file, &c->total)) {
        c->total = 0;
        write_header(c);
    }
    return COCOS_OK;
}

int cocos__console_connect(cocos__console *c, const char *path, cocos_error **err)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};

    if (strlen(path) >= sizeof a.sun_path)
        return cocos__fail(err, COCOS_ERR_USAGE, "io.path",
                           "path of the console socket is too long");
    strcpy(a.sun_path, path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&a, sizeof a) < 0) {
        int e = errno;
        if (fd >= 0)
            close(fd);
        return cocos__fail_errno(err, e, "enclave.console",
                                 "cannot connect to the guest's console");
    }
    c->socket = fd;
    return COCOS_OK;
}

/* Where in the file a byte of the stream is, and how many of its neighbours follow it there. */
static uint64_t place(uint64_t offset, size_t *run)
{
    uint64_t in_ring;

    if (offset < COCOS__CONSOLE_HEAD) {
        *run = (size_t)(COCOS__CONSOLE_HEAD - offset);
        return HEADER_SIZE + offset;
    }
    in_ring = (offset - COCOS__CONSOLE_HEAD) % COCOS__CONSOLE_RING;
    *run = (size_t)(COCOS__CONSOLE_RING - in_ring);
    return HEADER_SIZE + COCOS__CONSOLE_HEAD + in_ring;
}

static void note_panic(cocos__console *c, const void *found, const void *start, uint64_t start_at)
{
    if (!found || c->panicked)
        return;
    c->panicked = 1;
    c->panic_at = start_at + (uint64_t)((const char *)found - (const char *)start);
}

/* Looks for the kernel's last words, which may be split between two reads. */
static void look_for_panic(cocos__console *c, const uint8_t *data, size_t len)
{
    char joint[sizeof c->last * 2];
    size_t n = len < sizeof c->last ? len : sizeof c->last;
    const size_t want = sizeof panic_text - 1;

    memcpy(joint, c->last, c->n_last);
    memcpy(joint + c->n_last, data, n);
    size_t all = c->n_last + n;
    note_panic(c, memmem(joint, all, panic_text, want), joint, c->total - c->n_last);
    note_panic(c, memmem(data, len, panic_text, want), data, c->total);

    size_t keep = len + c->n_last < sizeof c->last ? len + c->n_last : sizeof c->last;
    if (len >= keep)
        memcpy(c->last, data + len - keep, keep);
    else
        memmove(c->last, joint + all - keep, keep);
    c->n_last = keep;
}

void cocos__console_append(cocos__console *c, const uint8_t *data, size_t len, int *panic)
{
    if (len == 0)
        return;
    look_for_panic(c, data, len);
    *panic |= c->panicked;
    while (len > 0) {
        size_t run;
        uint64_t at = place(c->total, &run);
        size_t n = len < run ? len : run;
        (void)!pwrite(c->file, data, n, (off_t)at);
        c->total += n;
        data += n;
        len -= n;
    }
    write_header(c);
}

int cocos__console_pump(cocos__console *c, int *panic)
{
    uint8_t buf[4096];

    /* Bounded: a guest that writes without end must not keep the supervisor from the others. */
    for (int i = 0; i < 16; i++) {
        ssize_t n = read(c->socket, buf, sizeof buf);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno == EAGAIN;
        if (n == 0)
            return 0;
        cocos__console_append(c, buf, (size_t)n, panic);
    }
    return 1;
}

int cocos__console_read(int file,
                        uint64_t *offset,
                        uint8_t *out,
                        size_t room,
                        size_t *len,
                        uint64_t *lost,
                        cocos_error **err)
{
    uint64_t total;
    size_t run;

    *len = 0;
    *lost = 0;
    if (!read_header(file, &total))
        return cocos__fail(err, COCOS_ERR_IO, "enclave.console", "the console log is damaged");
    if (*offset >= COCOS__CONSOLE_HEAD && total - *offset > COCOS__CONSOLE_RING &&
        total > *offset) {
        *lost = total - COCOS__CONSOLE_RING - *offset;
        *offset += *lost;
    }
    if (*offset >= total)
        return COCOS_OK;

    uint64_t at = place(*offset, &run);
    size_t n = room < run ? room : run;
    if (n > total - *offset)
        n = (size_t)(total - *offset);
    int r = cocos__pread_full(file, out, n, at, "console log", err);
    if (r < 0)
        return r;
    *offset += n;
    *len = n;
    return COCOS_OK;
}

void cocos__console_text(int file, uint64_t offset, char *out, size_t size)
{
    size_t used = 0;

    while (used < size - 1) {
        size_t n;
        uint64_t lost;
        if (cocos__console_read(file, &offset, (uint8_t *)out + used, size - 1 - used, &n, &lost,
                                NULL) < 0 ||
            n == 0)
            break;
        used += n;
    }
    out[used] = '\0';
    for (size_t i = 0; i < used; i++)
        if ((unsigned char)out[i] < 0x20 || (unsigned char)out[i] > 0x7e)
            out[i] = out[i] == '\n' ? '|' : ' ';
}

void cocos__console_tail(int file, char *out, size_t size)
{
    uint64_t total;

    out[0] = '\0';
    if (file >= 0 && read_header(file, &total))
        cocos__console_text(file, total > size - 1 ? total - (size - 1) : 0, out, size);
}
