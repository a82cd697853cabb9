/* SPDX-License-Identifier: Apache-2.0 */
/* The only user of libzip: it inflates and checks; names, kinds and limits are judged by us. */
#include "compute/archive.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zip.h>

#include "base/fd.h"
#include "compute/tree.h"
#include "compute/zip_index.h"

#define CHUNK         65536
#define RATIO_DEFAULT 200
/* A tiny archive may unpack to this much, whatever the ratio. */
#define RATIO_FREE (1u << 20)

struct unpack {
    zip_t *zip;
    int dir;
    cocos__unzip_limits limits;
    uint64_t allowed; /* bytes in total: the smaller of limit and ratio */
    uint64_t total;
    uint8_t *chunk;
    cocos__tree made; /* what to remove on refusal; directories end with '/' */
    char parent[COCOS__TREE_PATH_MAX + 1];
    int parent_fd; /* -1: none open */
};

static int zip_fail(zip_error_t *e, uint64_t index, cocos_error **err)
{
    if (zip_error_code_zip(e) == ZIP_ER_MEMORY)
        return cocos__fail_memory(err);
    return cocos__fail(err, COCOS_ERR_MALFORMED, "archive.malformed", "entry %llu of the zip: %s",
                       (unsigned long long)index, zip_error_strerror(e));
}

/* Opens the directory of a path; what is before its last '/'. */
static int enter(struct unpack *u, const char *path, size_t len, cocos_error **err)
{
    if (u->parent_fd >= 0 && strlen(u->parent) == len && memcmp(u->parent, path, len) == 0)
        return COCOS_OK;
    if (u->parent_fd >= 0)
        close(u->parent_fd);

    memcpy(u->parent, path, len);
    u->parent[len] = '\0';
    u->parent_fd = cocos__tree_open(u->dir, len ? u->parent : ".", O_PATH | O_DIRECTORY, 0, 0);
    if (u->parent_fd < 0)
        return cocos__fail(err, COCOS_ERR_DENIED, "archive.duplicate",
                           "a directory of the archive is something else in the target: %s",
                           strerror(errno));
    return COCOS_OK;
}

static size_t parent_length(const char *path, size_t len)
{
    const char *slash = memrchr(path, '/', len);
    return slash ? (size_t)(slash - path) : 0;
}

static int already_there(struct unpack *u, const char *name, cocos_error **err)
{
    struct stat st;

    if (fstatat(u->parent_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISDIR(st.st_mode))
        return cocos__fail(err, COCOS_ERR_DENIED, "archive.duplicate",
                           "a directory of the archive is a file in the target");
    return COCOS_OK;
}

/* One directory whose parent exists. One that is there already is shared. */
static int make_dir(struct unpack *u, const char *path, size_t len, cocos_error **err)
{
    char name[COCOS__TREE_PATH_MAX + 2];
    size_t up = parent_length(path, len);

    int r = enter(u, path, up, err);
    if (r < 0)
        return r;
    memcpy(name, path, len);
    name[len] = '\0';
    const char *last = name + up + (up > 0);
    int made = mkdirat(u->parent_fd, last, 0755);
    if (made < 0 && errno == EEXIST)
        return already_there(u, last, err);
    if (made < 0 || fchmodat(u->parent_fd, last, 0755, 0) < 0) /* against the umask */
        return cocos__fail_errno(err, errno, "archive.write",
                                 "cannot make a directory of the archive");
    memcpy(name + len, "/", 2);
    return cocos__tree_add(&u->made, name, -1, err);
}

static int make_dirs(struct unpack *u, const char *path, size_t len, cocos_error **err)
{
    int r = COCOS_OK;

    if (u->parent_fd >= 0 && strlen(u->parent) == len && memcmp(u->parent, path, len) == 0)
        return COCOS_OK; /* entries are sorted: mostly the one before was in the same directory */
    for (size_t i = 1; r == COCOS_OK && i <= len; i++)
        if (i == len || path[i] == '/')
            r = make_dir(u, path, i, err);
    return r;
}

static int count(struct unpack *u, uint64_t n, uint64_t *file, cocos_error **err)
{
    *file += n;
    u->total += n;
    if (*file > u->limits.file)
        return cocos__fail(err, COCOS_ERR_EXHAUSTED, "archive.limit",
                           "a file of the archive unpacks to more than %llu bytes",
                           (unsigned long long)u->limits.file);
    if (u->total > u->allowed)
        return cocos__fail(err, COCOS_ERR_EXHAUSTED, "archive.limit",
                           "the archive unpacks to more than %llu bytes",
                           (unsigned long long)u->allowed);
    return COCOS_OK;
}

/* The central directory's claim, which decided nothing so far. */
static int check_size(struct unpack *u, uint64_t index, uint64_t size, cocos_error **err)
{
    zip_stat_t st;

    if (zip_stat_index(u->zip, index, 0, &st) < 0)
        return zip_fail(zip_get_error(u->zip), index, err);
    if (!(st.valid & ZIP_STAT_SIZE) || st.size != size)
        return cocos__fail(err, COCOS_ERR_MALFORMED, "archive.malformed",
                           "entry %llu of the zip holds %llu bytes, its header says otherwise",
                           (unsigned long long)index, (unsigned long long)size);
    return COCOS_OK;
}

static int copy_out(struct unpack *u, zip_file_t *in, uint64_t index, int out, cocos_error **err)
{
    uint64_t file = 0;

    for (;;) {
        zip_int64_t n = zip_fread(in, u->chunk, CHUNK);
        if (n < 0)
            return zip_fail(zip_file_get_error(in), index, err);
        if (n == 0)
            return check_size(u, index, file, err);
        int r = count(u, (uint64_t)n, &file, err);
        if (r == COCOS_OK)
            r = cocos__write_full(out, u->chunk, (size_t)n, "a file of the archive", err);
        if (r < 0)
            return r;
    }
}

static void zip_file_freep(zip_file_t **f)
{
    if (*f)
        zip_fclose(*f);
}

static int make_file(struct unpack *u, const cocos__zip_name *name, cocos_error **err)
{
    size_t up = parent_length(name->path, strlen(name->path));

    int r = enter(u, name->path, up, err);
    if (r < 0)
        return r;
    COCOS__CLEANUP(zip_file_freep) zip_file_t *in = zip_fopen_index(u->zip, name->index, 0);
    if (!in)
        return zip_fail(zip_get_error(u->zip), name->index, err);

    COCOS__CLEANUP(cocos__closep)
    int out = openat(u->parent_fd, name->path + up + (up > 0),
                     O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (out < 0 && errno == EEXIST)
        return cocos__fail(err, COCOS_ERR_DENIED, "archive.duplicate",
                           "entry %llu of the archive is in the target already",
                           (unsigned long long)name->index);
    if (out < 0)
        return cocos__fail_errno(err, errno, "archive.write", "cannot make a file of the archive");
    r = cocos__tree_add(&u->made, name->path, -1, err);
    if (r < 0) {
        (void)unlinkat(u->parent_fd, name->path + up + (up > 0), 0);
        return r;
    }
    (void)fchmod(out, 0644);
    return copy_out(u, in, name->index, out, err);
}

/* libzip must have read the same names as we did, byte for byte. */
static int same_entry(struct unpack *u, const cocos__zip_name *name, cocos_error **err)
{
    const char *theirs = zip_get_name(u->zip, name->index, ZIP_FL_ENC_RAW);
    size_t len = strlen(name->path);

    if (!theirs || strncmp(theirs, name->path, len) != 0 ||
        strcmp(theirs + len, name->is_dir ? "/" : "") != 0)
        return cocos__fail(err, COCOS_ERR_MALFORMED, "archive.malformed",
                           "entry %llu of the zip can be read in two ways",
                           (unsigned long long)name->index);
    return COCOS_OK;
}

static int unpack_entry(struct unpack *u, const cocos__zip_name *name, cocos_error **err)
{
    size_t len = strlen(name->path);

    int r = same_entry(u, name, err);
    if (r < 0)
        return r;
    r = make_dirs(u, name->path, name->is_dir ? len : parent_length(name->path, len), err);
    return r < 0 || name->is_dir ? r : make_file(u, name, err);
}

static void undo(struct unpack *u)
{
    for (size_t i = u->made.n_files; i-- > 0;) {
        char *path = u->made.files[i].path;
        size_t len = strlen(path);
        int is_dir = path[len - 1] == '/';

        path[len - (size_t)is_dir] = '\0';
        size_t up = parent_length(path, strlen(path));
        if (enter(u, path, up, NULL) == COCOS_OK)
            (void)unlinkat(u->parent_fd, path + up + (up > 0), is_dir ? AT_REMOVEDIR : 0);
    }
}

static void zip_freep(zip_t **z)
{
    if (*z)
        zip_discard(*z);
}

/* libzip takes the descriptor over when it succeeds. */
static int open_zip(int fd, zip_t **ret, cocos_error **err)
{
    int code = 0;
    int own = fcntl(fd, F_DUPFD_CLOEXEC, 0);

    if (own < 0)
        return cocos__fail_errno(err, errno, "archive.read", "cannot open the archive once more");
    *ret = zip_fdopen(own, ZIP_CHECKCONS, &code);
    if (*ret)
        return COCOS_OK;
    close(own);

    zip_error_t e;
    zip_error_init_with_code(&e, code);
    int r = zip_fail(&e, 0, err);
    zip_error_fini(&e);
    return r;
}

static uint64_t allowed_total(const cocos__unzip_limits *limits, uint64_t packed)
{
    uint64_t ratio = limits->ratio ? limits->ratio : RATIO_DEFAULT;
    uint64_t by_ratio = packed > UINT64_MAX / ratio ? UINT64_MAX : packed * ratio;

    if (by_ratio < RATIO_FREE)
        by_ratio = RATIO_FREE;
    return by_ratio < limits->total ? by_ratio : limits->total;
}

int cocos__unzip(int fd, int dir_fd, const cocos__unzip_limits *limits, cocos_error **err)
{
    COCOS__CLEANUP(cocos__zip_index_done) cocos__zip_index index = {0};
    COCOS__CLEANUP(zip_freep) zip_t *zip = NULL;
    COCOS__CLEANUP(cocos__freep) uint8_t *chunk = malloc(CHUNK);

    if (!chunk)
        return cocos__fail_memory(err);
    int r = cocos__zip_index_read(fd, limits->entries, &index, err);
    if (r < 0 || index.n == 0)
        return r;
    r = open_zip(fd, &zip, err);
    if (r < 0)
        return r;
    if (zip_get_num_entries(zip, 0) != (zip_int64_t)index.n)
        return cocos__fail(err, COCOS_ERR_MALFORMED, "archive.malformed",
                           "the zip can be read as %zu or as %lld entries", index.n,
                           (long long)zip_get_num_entries(zip, 0));

    struct unpack u = {
        .zip = zip, .dir = dir_fd, .limits = *limits, .chunk = chunk, .parent_fd = -1};
    u.allowed = allowed_total(limits, index.size);
    for (size_t i = 0; r == COCOS_OK && i < index.n; i++)
        r = unpack_entry(&u, &index.names[i], err);
    if (r < 0)
        undo(&u);
    if (u.parent_fd >= 0)
        close(u.parent_fd);
    cocos__tree_done(&u.made);
    return r;
}
