/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The deterministic zip: same files, names and permissions, same bytes. The layout is that of
 * protocol.md 4.7 (which other implementations hash), in terms of PKWARE APPNOTE 6.3.
 */
#include "compute/archive.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <zlib.h>

#include "base/bytes.h"
#include "base/fd.h"
#include "compute/tree.h"

#define SIG_LOCAL      0x04034b50u /* APPNOTE 4.3.7 */
#define SIG_DESCRIPTOR 0x08074b50u /* 4.3.9.3 */
#define SIG_CENTRAL    0x02014b50u /* 4.3.12 */
#define SIG_END        0x06054b50u /* 4.3.16 */

#define MADE_BY         0x0314 /* Unix, 2.0 */
#define VERSION_NEEDED  20
#define FLAG_DESCRIPTOR 0x0008
#define FLAG_UTF8       0x0800

/* 1970-01-01 00:00:00 UTC: seven bits of year hold 1970 - 1980 = -10 as 0x76 (protocol.md 4.7) */
#define DOS_TIME 0x0000
#define DOS_DATE 0xEC21

#define CHUNK 65536
/* Enough for one header with the longest name. */
#define HEADER_MAX (COCOS__TREE_PATH_MAX + 128)

struct zip {
    int dir;
    int follow;
    cocos__sink sink;
    void *user;
    uint64_t offset; /* bytes written */
    uint8_t *chunk;
    cocos__buf header;
    cocos__buf central;
};

static int too_large(cocos_error **err)
{
    return cocos__fail(err, COCOS_ERR_EXHAUSTED, "archive.size",
                       "the archive would exceed 4 GiB, which this format cannot hold");
}

static int emit(struct zip *z, const void *data, size_t len, cocos_error **err)
{
    /* 0xFFFFFFFF itself would announce zip64 (APPNOTE 4.4.8) */
    if (len >= UINT32_MAX - z->offset)
        return too_large(err);
    z->offset += len;
    return z->sink(z->user, data, len, err);
}

static int emit_header(struct zip *z, cocos_error **err)
{
    if (z->header.failed)
        return cocos__fail_memory(err);

    int r = emit(z, z->header.data, z->header.len, err);
    cocos__buf_reset(&z->header);
    return r;
}

/* Length of the well-formed UTF-8 sequence at s (RFC 3629), 0 when there is none. */
static size_t utf8_length(const unsigned char *s)
{
    if (s[0] < 0x80)
        return 1;

    size_t n = s[0] >= 0xF0 ? 4 : s[0] >= 0xE0 ? 3 : 2;
    if (s[0] < 0xC2 || s[0] > 0xF4)
        return 0;
    for (size_t i = 1; i < n; i++)
        if ((s[i] & 0xC0) != 0x80)
            return 0;
    if ((s[0] == 0xE0 && s[1] < 0xA0) || (s[0] == 0xED && s[1] > 0x9F) ||
        (s[0] == 0xF0 && s[1] < 0x90) || (s[0] == 0xF4 && s[1] > 0x8F))
        return 0;
    return n;
}

/*
 * The flag is set for UTF-8 that another code page would show differently: besides everything
 * beyond ASCII these are control characters, backslash, tilde and DEL, which EUC-KR and Shift-JIS
 * change.
 */
static uint16_t flags_of(const char *name)
{
    int special = 0;

    for (const unsigned char *s = (const unsigned char *)name; *s;) {
        size_t n = utf8_length(s);
        if (n == 0)
            return FLAG_DESCRIPTOR;
        special |= *s < 0x20 || *s > 0x7d || *s == '\\';
        s += n;
    }
    return special ? FLAG_DESCRIPTOR | FLAG_UTF8 : FLAG_DESCRIPTOR;
}

static void add_times(cocos__buf *b)
{
    cocos__buf_add_u16le(b, DOS_TIME);
    cocos__buf_add_u16le(b, DOS_DATE);
}

/* Extended timestamp (Info-ZIP "UT"): modification time only, which is 0. */
static void add_extra(cocos__buf *b)
{
    cocos__buf_add(b, "UT\x05\x00\x01\x00\x00\x00\x00", 9);
}

static int local_header(struct zip *z, const char *name, uint16_t flags, cocos_error **err)
{
    cocos__buf *b = &z->header;

    cocos__buf_add_u32le(b, SIG_LOCAL);
    cocos__buf_add_u16le(b, VERSION_NEEDED);
    cocos__buf_add_u16le(b, flags);
    cocos__buf_add_u16le(b, 0); /* stored */
    add_times(b);
    cocos__buf_add(b, "\0\0\0\0\0\0\0\0\0\0\0\0", 12); /* CRC and sizes are in the descriptor */
    cocos__buf_add_u16le(b, (uint16_t)strlen(name));
    cocos__buf_add_u16le(b, 9);
    cocos__buf_add_str(b, name);
    add_extra(b);
    return emit_header(z, err);
}

static int descriptor(struct zip *z, uint32_t crc, uint32_t size, cocos_error **err)
{
    cocos__buf_add_u32le(&z->header, SIG_DESCRIPTOR);
    cocos__buf_add_u32le(&z->header, crc);
    cocos__buf_add_u32le(&z->header, size);
    cocos__buf_add_u32le(&z->header, size);
    return emit_header(z, err);
}

struct entry {
    const char *name;
    uint16_t flags;
    uint32_t crc;
    uint32_t size;
    uint32_t mode;
    uint32_t offset;
};

static int central_header(struct zip *z, const struct entry *e, cocos_error **err)
{
    cocos__buf *b = &z->central;

    cocos__buf_add_u32le(b, SIG_CENTRAL);
    cocos__buf_add_u16le(b, MADE_BY);
    cocos__buf_add_u16le(b, VERSION_NEEDED);
    cocos__buf_add_u16le(b, e->flags);
    cocos__buf_add_u16le(b, 0);
    add_times(b);
    cocos__buf_add_u32le(b, e->crc);
    cocos__buf_add_u32le(b, e->size);
    cocos__buf_add_u32le(b, e->size);
    cocos__buf_add_u16le(b, (uint16_t)strlen(e->name));
    cocos__buf_add_u16le(b, 9);
    cocos__buf_add(b, "\0\0\0\0\0\0", 6); /* comment, disk, internal attributes */
    cocos__buf_add_u32le(b, e->mode << 16);
    cocos__buf_add_u32le(b, e->offset);
    cocos__buf_add_str(b, e->name);
    add_extra(b);
    return b->failed ? cocos__fail_memory(err) : COCOS_OK;
}

/* Counts what is really read: the file may change while we read it. */
static int content(struct zip *z, int fd, struct entry *e, cocos_error **err)
{
    uLong crc = crc32(0, NULL, 0);

    for (off_t at = 0;;) {
        ssize_t n = pread(fd, z->chunk, CHUNK, at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return cocos__fail_errno(err, errno, "archive.read", "cannot read %s", e->name);
        if (n == 0)
            break;
        int r = emit(z, z->chunk, (size_t)n, err);
        if (r < 0)
            return r;
        crc = crc32(crc, z->chunk, (uInt)n);
        at += n;
        e->size += (uint32_t)n;
    }
    e->crc = (uint32_t)crc;
    return COCOS_OK;
}

static int put_file(struct zip *z, const char *name, int fd, cocos_error **err)
{
    struct entry e = {.name = name, .flags = flags_of(name), .offset = (uint32_t)z->offset};
    struct stat st;

    if (fstat(fd, &st) < 0)
        return cocos__fail_errno(err, errno, "archive.read", "cannot look at %s", name);
    if (!S_ISREG(st.st_mode)) /* it was one when it was listed */
        return cocos__fail(err, COCOS_ERR_DENIED, "archive.kind", "%s is not a file", name);
    if (st.st_size >= (off_t)(UINT32_MAX - z->offset))
        return too_large(err); /* before hours of reading */
    e.mode = st.st_mode;

    int r = local_header(z, name, e.flags, err);
    if (r == COCOS_OK)
        r = content(z, fd, &e, err);
    if (r == COCOS_OK)
        r = descriptor(z, e.crc, e.size, err);
    if (r == COCOS_OK)
        r = central_header(z, &e, err);
    return r;
}

static int put_entry(struct zip *z, const cocos__tree_file *f, cocos_error **err)
{
    if (f->fd >= 0)
        return put_file(z, f->path, f->fd, err);

    COCOS__CLEANUP(cocos__closep)
    int fd = cocos__tree_open(z->dir, f->path, O_RDONLY, 0, z->follow);
    if (fd < 0)
        return cocos__fail_errno(err, errno, "archive.read", "cannot open %s", f->path);
    return put_file(z, f->path, fd, err);
}

static int end_record(struct zip *z, size_t n, cocos_error **err)
{
    uint32_t start = (uint32_t)z->offset;

    int r = emit(z, z->central.data ? z->central.data : (const uint8_t *)"", z->central.len, err);
    if (r < 0)
        return r;

    cocos__buf_add_u32le(&z->header, SIG_END);
    cocos__buf_add_u32le(&z->header, 0); /* disks */
    cocos__buf_add_u16le(&z->header, (uint16_t)n);
    cocos__buf_add_u16le(&z->header, (uint16_t)n);
    cocos__buf_add_u32le(&z->header, (uint32_t)z->central.len);
    cocos__buf_add_u32le(&z->header, start);
    cocos__buf_add_u16le(&z->header, 0); /* comment */
    return emit_header(z, err);
}

static int by_path(const void *a, const void *b)
{
    /* strcmp compares as unsigned char: bytewise */
    return strcmp(((const cocos__tree_file *)a)->path, ((const cocos__tree_file *)b)->path);
}

static int refuse_duplicates(const cocos__tree *tree, cocos_error **err)
{
    for (size_t i = 1; i < tree->n_files; i++)
        if (strcmp(tree->files[i - 1].path, tree->files[i].path) == 0)
            return cocos__fail(err, COCOS_ERR_STATE, "archive.duplicate",
                               "%s is in the directory already", tree->files[i].path);
    return COCOS_OK;
}

/* An added "a/b" beside a file "a" of the tree would make an archive that cannot be unpacked. */
static int refuse_hidden(const cocos__tree *tree, const char *name, cocos_error **err)
{
    for (size_t i = 0; i < tree->n_files; i++) {
        size_t len = strlen(tree->files[i].path);
        if (strncmp(name, tree->files[i].path, len) == 0 && name[len] == '/')
            return cocos__fail(err, COCOS_ERR_STATE, "archive.duplicate",
                               "%s is a file, and a directory is needed there",
                               tree->files[i].path);
    }
    return COCOS_OK;
}

static int collect(struct zip *z,
                   const cocos__zip_extra *extra,
                   size_t n_extra,
                   cocos__tree *tree,
                   cocos_error **err)
{
    int r = z->dir < 0 ? COCOS_OK : cocos__tree_list(z->dir, z->follow, tree, err);

    for (size_t i = 0; r == COCOS_OK && i < n_extra; i++) {
        r = refuse_hidden(tree, extra[i].name, err);
        if (r == COCOS_OK)
            r = cocos__tree_add(tree, extra[i].name, extra[i].fd, err);
    }
    if (r < 0)
        return r;
    if (tree->n_files > 1)
        qsort(tree->files, tree->n_files, sizeof *tree->files, by_path);
    return refuse_duplicates(tree, err);
}

int cocos__zip_write(int dir_fd,
                     const cocos__zip_extra *extra,
                     size_t n_extra,
                     int follow_links,
                     cocos__sink sink,
                     void *user,
                     cocos_error **err)
{
    COCOS__CLEANUP(cocos__tree_done) cocos__tree tree = {0};
    COCOS__CLEANUP(cocos__freep) uint8_t *chunk = malloc(CHUNK);
    struct zip z = {dir_fd, follow_links, sink, user, 0, chunk, {0}, {0}};

    if (!chunk)
        return cocos__fail_memory(err);
    int r = collect(&z, extra, n_extra, &tree, err);
    if (r < 0)
        return r;

    cocos__buf_init(&z.header, HEADER_MAX);
    cocos__buf_init(&z.central, tree.n_files * 64 + tree.name_bytes);
    for (size_t i = 0; r == COCOS_OK && i < tree.n_files; i++)
        r = put_entry(&z, &tree.files[i], err);
    if (r == COCOS_OK)
        r = end_record(&z, tree.n_files, err);
    cocos__buf_done(&z.header);
    cocos__buf_done(&z.central);
    return r;
}
