/* SPDX-License-Identifier: Apache-2.0 */
/* References are to PKWARE APPNOTE 6.3. */
#include "compute/zip_index.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/bytes.h"
#include "base/fd.h"

#define SIG_CENTRAL       0x02014b50u /* 4.3.12 */
#define SIG_END           0x06054b50u /* 4.3.16 */
#define SIG_END64         0x06064b50u /* 4.3.14 */
#define SIG_END64_LOCATOR 0x07064b50u /* 4.3.15 */

#define END_SIZE           22
#define END64_SIZE         56
#define END64_LOCATOR_SIZE 20
#define CENTRAL_SIZE       46
#define COMMENT_MAX        65535

#define FLAG_ENCRYPTED 0x0001
#define FLAG_STRONG    0x0040 /* strong encryption, 4.4.4 */
#define FLAG_MASKED    0x2000 /* encrypted central directory */
#define METHOD_STORE   0
#define METHOD_DEFLATE 8

#define DIRECTORY_MAX (32u << 20)
#define PATH_BYTES    1024
#define PATH_PARTS    64

struct directory {
    uint64_t offset;
    uint64_t size;
    uint64_t entries;
};

static int malformed(cocos_error **err, const char *what)
{
    return cocos__fail(err, COCOS_ERR_MALFORMED, "archive.malformed", "not a valid zip: %s", what);
}

void cocos__zip_index_done(cocos__zip_index *index)
{
    for (size_t i = 0; i < index->n; i++)
        free(index->names[i].path);
    free(index->names);
    *index = (cocos__zip_index){0};
}

/* Offset in the file of the end record whose comment ends with the file, or an error. */
static int find_end(int fd, uint64_t size, uint64_t *end, cocos_error **err)
{
    size_t n = size < END_SIZE + COMMENT_MAX ? (size_t)size : END_SIZE + COMMENT_MAX;
    COCOS__CLEANUP(cocos__freep) uint8_t *tail = malloc(n ? n : 1);

    if (!tail)
        return cocos__fail_memory(err);
    int r = cocos__pread_full(fd, tail, n, size - n, "archive", err);
    if (r < 0)
        return r;
    for (size_t back = END_SIZE; back <= n; back++) {
        const uint8_t *p = tail + n - back;
        if (cocos__u32le(p) == SIG_END && cocos__u16le(p + 20) == back - END_SIZE) {
            *end = size - back;
            return COCOS_OK;
        }
    }
    return malformed(err, "no end record");
}

/* The zip64 end record when a locator stands before `end`; *end moves to it. */
static int read_end64(int fd, uint64_t *end, struct directory *d, cocos_error **err)
{
    uint8_t raw[END64_SIZE];

    if (*end < END64_LOCATOR_SIZE + END64_SIZE)
        return COCOS_OK;
    int r =
        cocos__pread_full(fd, raw, END64_LOCATOR_SIZE, *end - END64_LOCATOR_SIZE, "archive", err);
    if (r < 0 || cocos__u32le(raw) != SIG_END64_LOCATOR)
        return r;

    uint64_t at = cocos__u64le(raw + 8);
    if (at > *end - END64_LOCATOR_SIZE - END64_SIZE)
        return malformed(err, "zip64 end record out of place");
    r = cocos__pread_full(fd, raw, sizeof raw, at, "archive", err);
    if (r < 0)
        return r;
    if (cocos__u32le(raw) != SIG_END64)
        return malformed(err, "no zip64 end record where the locator points");
    *d = (struct directory){cocos__u64le(raw + 48), cocos__u64le(raw + 40), cocos__u64le(raw + 32)};
    *end = at;
    return COCOS_OK;
}

static int find_directory(int fd, uint64_t size, struct directory *d, cocos_error **err)
{
    uint8_t raw[END_SIZE];
    uint64_t end = 0;

    int r = find_end(fd, size, &end, err);
    if (r == COCOS_OK)
        r = cocos__pread_full(fd, raw, sizeof raw, end, "archive", err);
    if (r < 0)
        return r;

    *d = (struct directory){cocos__u32le(raw + 16), cocos__u32le(raw + 12), cocos__u16le(raw + 10)};
    r = read_end64(fd, &end, d, err);
    if (r < 0)
        return r;
    if (d->size > end || d->offset != end - d->size)
        return malformed(err, "the central directory does not end where the end record starts");
    return COCOS_OK;
}

static int is_bad_part(const char *part, size_t len)
{
    return len == 0 || len > 255 || (len == 1 && part[0] == '.') ||
           (len == 2 && part[0] == '.' && part[1] == '.');
}

/* Only names that mean the same everywhere; the caller has taken the '/' off the end. */
static int is_bad_path(const char *path, size_t len)
{
    size_t parts = 0;

    if (len == 0 || len > PATH_BYTES)
        return 1;
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)path[i] < 0x20 || path[i] == 0x7f || path[i] == '\\')
            return 1;
    for (size_t start = 0; start <= len; parts++) {
        const char *slash = memchr(path + start, '/', len - start);
        size_t stop = slash ? (size_t)(slash - path) : len;
        if (is_bad_part(path + start, stop - start))
            return 1;
        start = stop + 1;
    }
    return parts > PATH_PARTS;
}

/* Unix systems store st_mode in the upper half (3, "host"); elsewhere these bits are 0. */
static int check_kind(uint32_t attributes, int is_dir, size_t i, cocos_error **err)
{
    uint32_t kind = (attributes >> 16) & S_IFMT;

    if (kind != 0 && kind != (is_dir ? S_IFDIR : S_IFREG))
        return cocos__fail(err, COCOS_ERR_DENIED, "archive.kind",
                           "entry %zu is a link, a device or not what its name says (mode %o)", i,
                           attributes >> 16);
    return COCOS_OK;
}

static int check_coding(uint16_t flags, uint16_t method, size_t i, cocos_error **err)
{
    if (flags & (FLAG_ENCRYPTED | FLAG_STRONG | FLAG_MASKED))
        return cocos__fail(err, COCOS_ERR_UNSUPPORTED, "archive.encrypted",
                           "entry %zu is encrypted", i);
    if (method != METHOD_STORE && method != METHOD_DEFLATE)
        return cocos__fail(err, COCOS_ERR_UNSUPPORTED, "archive.method",
                           "entry %zu has compression method %u, expected 0 or 8", i, method);
    return COCOS_OK;
}

static int read_entry(cocos__reader *r, size_t i, cocos__zip_name *out, cocos_error **err)
{
    cocos__span head = cocos__read_span(r, CENTRAL_SIZE);
    if (!head.data || cocos__u32le(head.data) != SIG_CENTRAL)
        return malformed(err, "the central directory holds fewer entries than announced");

    size_t len = cocos__u16le(head.data + 28);
    const char *name = (const char *)cocos__read_bytes(r, len);
    cocos__read_bytes(r, (size_t)cocos__u16le(head.data + 30) + cocos__u16le(head.data + 32));
    if (r->failed)
        return malformed(err, "the central directory is cut short");

    int is_dir = len > 0 && name[len - 1] == '/';
    len -= (size_t)is_dir;
    if (is_bad_path(name, len))
        return cocos__fail(err, COCOS_ERR_DENIED, "archive.name",
                           "the name of entry %zu is absolute, too long or deep, or holds \"..\", "
                           "an empty part, a backslash or a control character",
                           i);

    int s = check_coding(cocos__u16le(head.data + 8), cocos__u16le(head.data + 10), i, err);
    if (s == COCOS_OK)
        s = check_kind(cocos__u32le(head.data + 38), is_dir, i, err);
    if (s < 0)
        return s;

    out->path = strndup(name, len);
    out->index = i;
    out->is_dir = is_dir;
    return out->path ? COCOS_OK : cocos__fail_memory(err);
}

/* Bytewise, but '/' before all else (control characters are refused): "a", "a/b", "a-b". */
static int by_path(const void *pa, const void *pb)
{
    const char *a = ((const cocos__zip_name *)pa)->path;
    const char *b = ((const cocos__zip_name *)pb)->path;

    while (*a && *a == *b)
        a++, b++;
    int ca = *a == '/' ? 1 : (unsigned char)*a;
    int cb = *b == '/' ? 1 : (unsigned char)*b;
    return ca - cb;
}

static int refuse_duplicates(const cocos__zip_index *index, cocos_error **err)
{
    for (size_t i = 1; i < index->n; i++) {
        const cocos__zip_name *a = &index->names[i - 1];
        const char *b = index->names[i].path;
        size_t len = strlen(a->path);
        if (strncmp(a->path, b, len) == 0 && (b[len] == '\0' || (b[len] == '/' && !a->is_dir)))
            return cocos__fail(err, COCOS_ERR_DENIED, "archive.duplicate",
                               "entry %zu has the name of another one, or goes through a file",
                               (size_t)index->names[i].index);
    }
    return COCOS_OK;
}

static int read_entries(const uint8_t *data,
                        const struct directory *d,
                        cocos__zip_index *index,
                        cocos_error **err)
{
    cocos__reader reader;
    int r = COCOS_OK;

    index->names = calloc(d->entries ? (size_t)d->entries : 1, sizeof *index->names);
    if (!index->names)
        return cocos__fail_memory(err);
    cocos__reader_init(&reader, data, (size_t)d->size);
    for (; r == COCOS_OK && index->n < d->entries; index->n += r == COCOS_OK)
        r = read_entry(&reader, index->n, &index->names[index->n], err);
    if (r == COCOS_OK && cocos__reader_left(&reader) > 0)
        r = malformed(err, "the central directory holds more than the announced entries");
    if (r < 0)
        return r;
    qsort(index->names, index->n, sizeof *index->names, by_path);
    return refuse_duplicates(index, err);
}

int cocos__zip_index_read(int fd, size_t max_entries, cocos__zip_index *index, cocos_error **err)
{
    struct directory d = {0};
    struct stat st;

    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
        return cocos__fail(err, COCOS_ERR_USAGE, "archive.read",
                           "an archive must be a regular file");
    index->size = (uint64_t)st.st_size;
    if (index->size < END_SIZE)
        return malformed(err, "shorter than an end record");

    int r = find_directory(fd, index->size, &d, err);
    if (r < 0)
        return r;
    if (d.entries > max_entries || d.size > DIRECTORY_MAX)
        return cocos__fail(
            err, COCOS_ERR_EXHAUSTED, "archive.limit",
            "%llu entries in a directory of %llu bytes; at most %zu in %u are accepted",
            (unsigned long long)d.entries, (unsigned long long)d.size, max_entries, DIRECTORY_MAX);
    if (d.entries > d.size / CENTRAL_SIZE)
        return malformed(err, "the central directory is too short for its entries");

    COCOS__CLEANUP(cocos__freep) uint8_t *data = malloc(d.size ? (size_t)d.size : 1);
    if (!data)
        return cocos__fail_memory(err);
    r = cocos__pread_full(fd, data, (size_t)d.size, d.offset, "archive", err);
    return r < 0 ? r : read_entries(data, &d, index, err);
}
