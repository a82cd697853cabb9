/* SPDX-License-Identifier: Apache-2.0 */
/* Authenticode digests. Offsets are those of the PE format specification (Microsoft), sections
 * "COFF File Header" and "Optional Header". */
#include "measure/pe.h"

#include <stdlib.h>

#include "crypto/digest.h"

#define DOS_MAGIC     0x5a4d     /* "MZ" */
#define PE_OFFSET_AT  0x3c       /* in the DOS header */
#define PE_MAGIC      0x00004550 /* "PE\0\0" */
#define COFF_SIZE     20
#define PE32          0x10b
#define PE32_PLUS     0x20b
#define HEADERS_AT    60 /* SizeOfHeaders, in the optional header of both forms */
#define CHECKSUM_AT   64
#define CHECKSUM_SIZE 4
#define COUNT_AT_32   92  /* NumberOfRvaAndSizes */
#define COUNT_AT_PLUS 108 /* the same of PE32+ */
#define ENTRY_SIZE    8   /* of one data directory */
#define SECURITY      4   /* its index: the certificate table */
#define SECTION_SIZE  40
#define RAW_SIZE_AT   16 /* SizeOfRawData, in a section header */

/* "The Windows loader limits the number of sections to 96." */
#define SECTIONS_MAX 96

typedef struct range {
    uint32_t at;
    uint32_t size;
} range;

typedef struct layout {
    size_t checksum;          /* where CheckSum is */
    size_t security;          /* where the entry of the certificate table is; 0: there is none */
    uint32_t headers;         /* SizeOfHeaders */
    uint32_t certificates;    /* bytes at the end that are not hashed */
    range body[SECTIONS_MAX]; /* by place in the file */
    size_t n;
} layout;

static int refuse(cocos_error **err, const char *why)
{
    return cocos__fail(err, COCOS_ERR_MALFORMED, "measure.kernel",
                       "the kernel is no EFI executable: %s", why);
}

static int by_place(const void *a, const void *b)
{
    const range *x = a;
    const range *y = b;
    return x->at < y->at ? -1 : x->at > y->at;
}

static int read_sections(cocos__reader *r, unsigned n, layout *l, cocos_error **err)
{
    for (unsigned i = 0; i < n; i++) {
        cocos__read_span(r, RAW_SIZE_AT);
        range one = {.size = cocos__read_u32le(r)};
        one.at = cocos__read_u32le(r);
        cocos__read_span(r, SECTION_SIZE - RAW_SIZE_AT - 8);
        if (one.size > 0)
            l->body[l->n++] = one;
    }
    if (r->failed)
        return refuse(err, "its section headers are cut");
    qsort(l->body, l->n, sizeof l->body[0], by_place);
    return COCOS_OK;
}

/* Reads the optional header at `at`, which has `size` bytes. */
static int read_optional(cocos__span image, size_t at, uint16_t size, layout *l, cocos_error **err)
{
    cocos__reader r;

    if (size < COUNT_AT_PLUS + 4 || at + size > image.len)
        return refuse(err, "its optional header is cut");
    const uint8_t *p = image.data + at;
    uint16_t magic = cocos__u16le(p);
    if (magic != PE32 && magic != PE32_PLUS)
        return refuse(err, "its optional header is neither that of PE32 nor that of PE32+");

    size_t count_at = magic == PE32 ? COUNT_AT_32 : COUNT_AT_PLUS;
    uint32_t entries = cocos__u32le(p + count_at);
    size_t entry = count_at + 4 + SECURITY * ENTRY_SIZE;
    l->headers = cocos__u32le(p + HEADERS_AT);
    l->checksum = at + CHECKSUM_AT;
    if (entries <= SECURITY)
        return COCOS_OK;
    if (entry + ENTRY_SIZE > size)
        return refuse(err, "its data directories are cut");
    cocos__reader_init(&r, p + entry, ENTRY_SIZE);
    cocos__read_u32le(&r);
    l->certificates = cocos__read_u32le(&r);
    l->security = at + entry;
    return COCOS_OK;
}

/* Headers, sections and certificates lie one behind the other in the file. */
static int check_order(cocos__span image, const layout *l, cocos_error **err)
{
    size_t skipped = l->security ? l->security + ENTRY_SIZE : l->checksum + CHECKSUM_SIZE;
    uint64_t end = l->headers;

    if (l->headers < skipped || l->headers > image.len)
        return refuse(err, "its headers end outside of it");
    for (size_t i = 0; i < l->n; i++) {
        if (l->body[i].at < end)
            return refuse(err, "its sections overlap");
        end = (uint64_t)l->body[i].at + l->body[i].size;
    }
    if (end + l->certificates > image.len)
        return refuse(err, "its sections or certificates end outside of it");
    return COCOS_OK;
}

static int read_layout(cocos__span image, layout *l, cocos_error **err)
{
    cocos__reader r;

    if (image.len < PE_OFFSET_AT + 4 || cocos__u16le(image.data) != DOS_MAGIC)
        return refuse(err, "it does not begin with MZ");
    size_t pe = cocos__u32le(image.data + PE_OFFSET_AT);
    if (pe > image.len)
        return refuse(err, "its PE header is outside of it");
    cocos__reader_init(&r, image.data + pe, image.len - pe);
    uint32_t magic = cocos__read_u32le(&r);
    cocos__read_u16le(&r); /* Machine */
    unsigned n = cocos__read_u16le(&r);
    cocos__read_span(&r, COFF_SIZE - 8); /* up to SizeOfOptionalHeader */
    uint16_t optional = cocos__read_u16le(&r);
    cocos__read_u16le(&r); /* Characteristics */
    if (r.failed || magic != PE_MAGIC)
        return refuse(err, "it has no PE header");
    if (n > SECTIONS_MAX)
        return refuse(err, "it has more than 96 sections");

    int e = read_optional(image, pe + r.pos, optional, l, err);
    if (e < 0)
        return e;
    cocos__read_span(&r, optional);
    e = read_sections(&r, n, l, err);
    return e < 0 ? e : check_order(image, l, err);
}

/*
 * What firmware hashes: headers without the two places that signing changes, sections by their
 * place, and what is behind as many bytes as headers and sections have, up to the certificates.
 */
static int hash(cocos__span image, const layout *l, cocos__hasher *h, cocos_error **err)
{
    size_t from = l->checksum + CHECKSUM_SIZE;
    size_t hashed = l->headers;

    int r = cocos__hasher_update(h, image.data, l->checksum, err);
    if (r == COCOS_OK && l->security) {
        r = cocos__hasher_update(h, image.data + from, l->security - from, err);
        from = l->security + ENTRY_SIZE;
    }
    if (r == COCOS_OK)
        r = cocos__hasher_update(h, image.data + from, l->headers - from, err);
    for (size_t i = 0; r == COCOS_OK && i < l->n; i++) {
        r = cocos__hasher_update(h, image.data + l->body[i].at, l->body[i].size, err);
        hashed += l->body[i].size;
    }
    if (r == COCOS_OK && image.len - l->certificates > hashed)
        r = cocos__hasher_update(h, image.data + hashed, image.len - l->certificates - hashed, err);
    return r;
}

int cocos__pe_digest(cocos__span image, int alg, uint8_t *out, cocos_error **err)
{
    COCOS__CLEANUP(cocos__hasher_freep) cocos__hasher *h = NULL;
    layout l = {0};

    int r = read_layout(image, &l, err);
    if (r == COCOS_OK)
        r = cocos__hasher_new(alg, &h, err);
    if (r == COCOS_OK)
        r = hash(image, &l, h, err);
    return r == COCOS_OK ? cocos__hasher_finish(h, out, err) : r;
}
