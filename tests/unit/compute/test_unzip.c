/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/archive.h"

#include <zlib.h>

#include "base/bytes.h"
#include "scratch.h"
#include "suite.h"

/* One entry of an archive made by hand; fields that are 0 get what an honest zip has. */
struct item {
    const char *name;
    size_t name_len;
    const char *data;
    size_t size;   /* 0: strlen(data) */
    uint32_t mode; /* 0: a regular file, or a directory when the name ends with '/' */
    uint16_t flags;
    uint16_t method;
    uint32_t says;          /* size that the headers claim */
    const char *local_name; /* another name in the local header, of the same length */
    int deflate;
};

static const cocos__unzip_limits wide = {64 << 20, 32 << 20, 100, 0};

static size_t packed(const struct item *it, uint8_t *out, size_t room)
{
    size_t size = it->size ? it->size : strlen(it->data);
    z_stream z = {0};

    if (!it->deflate) {
        memcpy(out, it->data, size);
        return size;
    }
    ck_assert_int_eq(deflateInit2(&z, 9, Z_DEFLATED, -15, 9, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = (Bytef *)(uintptr_t)it->data;
    z.avail_in = (uInt)size;
    z.next_out = out;
    z.avail_out = (uInt)room;
    ck_assert_int_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
    deflateEnd(&z);
    return z.total_out;
}

static void common(cocos__buf *b, const struct item *it, size_t n)
{
    size_t size = it->size ? it->size : strlen(it->data);

    cocos__buf_add_u16le(b, 20);
    cocos__buf_add_u16le(b, it->flags);
    cocos__buf_add_u16le(b, it->deflate ? 8 : it->method);
    cocos__buf_add_u32le(b, 0x00210000);
    cocos__buf_add_u32le(b, (uint32_t)crc32(0, (const Bytef *)it->data, (uInt)size));
    cocos__buf_add_u32le(b, (uint32_t)n);
    cocos__buf_add_u32le(b, it->says ? it->says : (uint32_t)size);
    cocos__buf_add_u16le(b, (uint16_t)(it->name_len ? it->name_len : strlen(it->name)));
    cocos__buf_add_u16le(b, 0);
}

static void zip_items(cocos__buf *b, const struct item *items, size_t n)
{
    cocos__buf central;
    uint8_t *tmp = malloc(1 << 20);

    cocos__buf_init(b, 8 << 20);
    cocos__buf_init(&central, 1 << 20);
    for (size_t i = 0; i < n; i++) {
        const struct item *it = &items[i];
        size_t len = it->name_len ? it->name_len : strlen(it->name);
        size_t size = packed(it, tmp, 1 << 20);
        uint32_t at = (uint32_t)b->len;
        cocos__buf_add_u32le(b, 0x04034b50);
        common(b, it, size);
        cocos__buf_add(b, it->local_name ? it->local_name : it->name, len);
        cocos__buf_add(b, tmp, size);

        cocos__buf_add_u32le(&central, 0x02014b50);
        cocos__buf_add_u16le(&central, 0x0314);
        common(&central, it, size);
        cocos__buf_add(&central, "\0\0\0\0\0\0", 6);
        uint32_t mode = it->mode ? it->mode : it->name[len - 1] == '/' ? 040755 : 0100644;
        cocos__buf_add_u32le(&central, mode << 16);
        cocos__buf_add_u32le(&central, at);
        cocos__buf_add(&central, it->name, len);
    }
    uint32_t start = (uint32_t)b->len;
    cocos__buf_add(b, central.data, central.len);
    cocos__buf_add(b, "PK\5\6\0\0\0\0", 8);
    cocos__buf_add_u16le(b, (uint16_t)n);
    cocos__buf_add_u16le(b, (uint16_t)n);
    cocos__buf_add_u32le(b, (uint32_t)central.len);
    cocos__buf_add_u32le(b, start);
    cocos__buf_add_u16le(b, 0);
    ck_assert(!b->failed && !central.failed);
    cocos__buf_done(&central);
    free(tmp);
}

static int unzip_bytes(const scratch *out,
                       const void *data,
                       size_t n,
                       const cocos__unzip_limits *limits,
                       cocos_error **err)
{
    FILE *f = tmpfile();

    ck_assert_uint_eq(fwrite(data, 1, n, f), n);
    ck_assert_int_eq(fflush(f), 0);
    int r = cocos__unzip(fileno(f), out->fd, limits, err);
    fclose(f);
    return r;
}

static int unzip_items(const scratch *out,
                       const struct item *items,
                       size_t n,
                       const cocos__unzip_limits *limits,
                       cocos_error **err)
{
    cocos__buf b;

    zip_items(&b, items, n);
    int r = unzip_bytes(out, b.data, b.len, limits, err);
    cocos__buf_done(&b);
    return r;
}

static void assert_file(const scratch *s, const char *name, const char *text)
{
    char *found = scratch_read(s, name);
    struct stat st;

    ck_assert_ptr_nonnull(found);
    ck_assert_str_eq(found, text);
    free(found);
    ck_assert_int_eq(fstatat(s->fd, name, &st, AT_SYMLINK_NOFOLLOW), 0);
    ck_assert_uint_eq(st.st_mode, 0100644);
}

START_TEST(unpacks_stored_and_deflated_files_and_directories)
{
    const struct item items[] = {
        {.name = "data/deep/b.csv", .data = "1,2\n", .deflate = 1},
        {.name = "a.csv", .data = "3,4\n", .mode = 0104777},
        {.name = "data/", .data = ""},
        {.name = "empty/", .data = ""},
        {.name = "data/zero", .data = ""},
    };
    scratch out = scratch_new();
    cocos_error *err = NULL;

    umask(077);
    assert_ok(unzip_items(&out, items, COCOS__ARRAY_LEN(items), &wide, &err), err);
    assert_file(&out, "a.csv", "3,4\n");
    assert_file(&out, "data/deep/b.csv", "1,2\n");
    assert_file(&out, "data/zero", "");
    struct stat st;
    ck_assert_int_eq(fstatat(out.fd, "empty", &st, 0), 0);
    ck_assert_uint_eq(st.st_mode, 040755);
    scratch_free(&out);
}
END_TEST

START_TEST(unpacks_what_zip_write_makes)
{
    scratch in = scratch_new();
    scratch out = scratch_new();
    cocos_error *err = NULL;

    scratch_write(&in, "d/one", "first", 0640);
    scratch_write(&in, "two", "second", 0755);
    int fd = openat(out.fd, "t.zip", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    int sink(void *user, const void *data, size_t len, cocos_error **e)
    {
        return cocos__write_full(*(int *)user, data, len, "zip", e);
    }
    assert_ok(cocos__zip_write(in.fd, NULL, 0, 0, sink, &fd, &err), err);
    assert_ok(cocos__unzip(fd, out.fd, &wide, &err), err);
    close(fd);
    assert_file(&out, "d/one", "first");
    assert_file(&out, "two", "second");
    scratch_free(&in);
    scratch_free(&out);
}
END_TEST

/* The bad item comes last in the archive and in the order of names: good ones were written before.
 */
static void refused(struct item bad, const cocos__unzip_limits *limits, const char *code)
{
    const struct item items[] = {
        {.name = "+dir/good", .data = "good"}, {.name = "+x", .data = "x"}, bad};
    scratch out = scratch_new();
    cocos_error *err = NULL;

    scratch_write(&out, "taken", "keep", 0644);
    ck_assert_int_lt(unzip_items(&out, items, 3, limits, &err), 0);
    ck_assert_str_eq(cocos_error_code(err), code);
    cocos_error_free(err);
    ck_assert_int_eq(scratch_count(out.path), 1);
    assert_file(&out, "taken", "keep");
    scratch_free(&out);
}

START_TEST(refuses_names_that_leave_the_directory_or_mislead)
{
    static const char *const names[] = {"/abs",  "../up", "a/../../up", "a/..", "..",     ".",
                                        "./a",   "a//b",  "",           "a\\b", "..\\up", "a\nb",
                                        "a\x7f", "a\x01", "//",         "/"};

    for (size_t i = 0; i < COCOS__ARRAY_LEN(names); i++)
        refused((struct item){.name = names[i][0] ? names[i] : "\0/",
                              .name_len = names[i][0] ? 0 : 2,
                              .data = "x"},
                &wide, "archive.name");
    refused((struct item){.name = "a\0.txt", .name_len = 6, .data = "x"}, &wide, "archive.name");
    char deep[200];
    for (size_t i = 0; i < sizeof deep; i++)
        deep[i] = i % 2 ? '/' : 'd';
    refused((struct item){.name = deep, .name_len = 199, .data = "x"}, &wide, "archive.name");
}
END_TEST

START_TEST(refuses_doubled_names)
{
    refused((struct item){.name = "+x", .data = "again"}, &wide, "archive.duplicate");
    refused((struct item){.name = "+x/", .data = ""}, &wide, "archive.duplicate");
    refused((struct item){.name = "+x/below", .data = "x"}, &wide, "archive.duplicate");
    refused((struct item){.name = "+dir", .data = "x"}, &wide, "archive.duplicate");
    refused((struct item){.name = "taken", .data = "over"}, &wide, "archive.duplicate");
    refused((struct item){.name = "taken/", .data = ""}, &wide, "archive.duplicate");
    refused((struct item){.name = "taken/x", .data = "x"}, &wide, "archive.duplicate");
}
END_TEST

START_TEST(refuses_to_write_through_a_link_that_is_there)
{
    const struct item item = {.name = "link/x", .data = "x"};
    scratch out = scratch_new();
    scratch other = scratch_new();
    cocos_error *err = NULL;

    ck_assert_int_eq(symlinkat(other.path, out.fd, "link"), 0);
    ck_assert_int_lt(unzip_items(&out, &item, 1, &wide, &err), 0);
    ck_assert_str_eq(cocos_error_code(err), "archive.duplicate");
    cocos_error_free(err);
    ck_assert_int_eq(scratch_count(other.path), 0);
    scratch_free(&out);
    scratch_free(&other);
}
END_TEST

START_TEST(refuses_links_devices_encryption_and_unknown_methods)
{
    refused((struct item){.name = "l", .data = "/etc", .mode = 0120777}, &wide, "archive.kind");
    refused((struct item){.name = "c", .data = "", .mode = 0020666}, &wide, "archive.kind");
    refused((struct item){.name = "f", .data = "", .mode = 0010666}, &wide, "archive.kind");
    refused((struct item){.name = "d", .data = "", .mode = 0040755}, &wide, "archive.kind");
    refused((struct item){.name = "d/", .data = "", .mode = 0100644}, &wide, "archive.kind");
    refused((struct item){.name = "e", .data = "x", .flags = 1}, &wide, "archive.encrypted");
    refused((struct item){.name = "m", .data = "x", .method = 12}, &wide, "archive.method");
}
END_TEST

START_TEST(refuses_headers_that_disagree_or_lie)
{
    refused((struct item){.name = "abc", .data = "x", .local_name = "xyz"}, &wide,
            "archive.malformed");
    refused((struct item){.name = "s", .data = "xyz", .says = 2, .deflate = 1}, &wide,
            "archive.malformed");
    refused((struct item){.name = "s", .data = "xyz", .says = 1 << 20, .deflate = 1}, &wide,
            "archive.malformed");
}
END_TEST

START_TEST(refuses_bombs_by_bytes_that_come_out)
{
    size_t n = 4 << 20;
    char *zeros = calloc(1, n);
    struct item bomb = {.name = "z", .data = zeros, .size = n, .deflate = 1};
    cocos__unzip_limits l = wide;

    refused(bomb, &l, "archive.limit"); /* about 1000 : 1 */
    l.ratio = 5000;
    l.file = n - 1;
    refused(bomb, &l, "archive.limit");
    l.file = wide.file;
    l.total = n + 4; /* the good files are 5 bytes */
    refused(bomb, &l, "archive.limit");
    bomb.says = 10; /* a small claim does not help */
    refused(bomb, &l, "archive.limit");
    l.total = n + 5;
    bomb.says = 0;

    scratch out = scratch_new();
    cocos_error *err = NULL;
    const struct item items[] = {{.name = "five!", .data = "12345"}, bomb};
    assert_ok(unzip_items(&out, items, 2, &l, &err), err);
    scratch_free(&out);
    l.entries = 2;
    refused((struct item){.name = "z", .data = "x"}, &l, "archive.limit");
    free(zeros);
}
END_TEST

START_TEST(refuses_every_truncation_and_leaves_nothing)
{
    const struct item items[] = {{.name = "d/a", .data = "aaaaaaaaaaaaaaaaa", .deflate = 1},
                                 {.name = "b", .data = "bbb"}};
    scratch out = scratch_new();
    cocos__buf b;

    zip_items(&b, items, 2);
    for (size_t n = 0; n < b.len; n++) {
        cocos_error *err = NULL;
        ck_assert_int_lt(unzip_bytes(&out, b.data, n, &wide, &err), 0);
        cocos_error_free(err);
        ck_assert_int_eq(scratch_count(out.path), 0);
    }
    cocos__buf_done(&b);
    scratch_free(&out);
}
END_TEST

START_TEST(notices_changed_content)
{
    const struct item item = {.name = "a", .data = "content to be changed"};
    scratch out = scratch_new();
    cocos__buf b;

    zip_items(&b, &item, 1);
    uint8_t *p = memmem(b.data, b.len, "changed", 7);
    for (size_t i = 0; i < 7; i++) {
        cocos_error *err = NULL;
        p[i] ^= 4;
        assert_fails(unzip_bytes(&out, b.data, b.len, &wide, &err), COCOS_ERR_MALFORMED,
                     "archive.malformed", err);
        p[i] ^= 4;
        ck_assert_int_eq(scratch_count(out.path), 0);
    }
    cocos__buf_done(&b);
    scratch_free(&out);
}
END_TEST

TEST_MAIN(unzip,
          unpacks_stored_and_deflated_files_and_directories,
          unpacks_what_zip_write_makes,
          refuses_names_that_leave_the_directory_or_mislead,
          refuses_doubled_names,
          refuses_to_write_through_a_link_that_is_there,
          refuses_links_devices_encryption_and_unknown_methods,
          refuses_headers_that_disagree_or_lie,
          refuses_bombs_by_bytes_that_come_out,
          refuses_every_truncation_and_leaves_nothing,
          notices_changed_content)
