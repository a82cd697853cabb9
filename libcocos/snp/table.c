/* SPDX-License-Identifier: Apache-2.0 */
#include "snp/table.h"

#include <string.h>

#define ENTRY_SIZE 24
#define GUID_SIZE  16

/* GUIDs in text order: the first byte of the text is the first byte of the entry. */
static const struct {
    uint8_t guid[GUID_SIZE];
    int kind;
} known[] = {
    {{0x63, 0xda, 0x75, 0x8d, 0xe6, 0x64, 0x45, 0x64, 0xad, 0xc5, 0xf4, 0xb9, 0x3b, 0xe8, 0xac,
      0xcd},
     COCOS__SNP_TABLE_VCEK},
    {{0xa8, 0x07, 0x4b, 0xc2, 0xa2, 0x5a, 0x48, 0x3e, 0xaa, 0xe6, 0x39, 0xc0, 0x45, 0xa0, 0xb8,
      0xa1},
     COCOS__SNP_TABLE_VLEK},
    {{0x4a, 0xb7, 0xb3, 0x79, 0xbb, 0xac, 0x4f, 0xe4, 0xa0, 0x2f, 0x05, 0xae, 0xf3, 0x27, 0xc7,
      0x82},
     COCOS__SNP_TABLE_ASK},
    {{0xc0, 0xb4, 0x06, 0xa4, 0xa8, 0x03, 0x49, 0x52, 0x97, 0x43, 0x3f, 0xb6, 0x01, 0x4c, 0xd0,
      0xae},
     COCOS__SNP_TABLE_ARK},
    {{0x92, 0xf8, 0x1b, 0xc3, 0x58, 0x11, 0x4d, 0x3d, 0x97, 0xff, 0xd1, 0x9f, 0x88, 0xdc, 0x67,
      0xea},
     COCOS__SNP_TABLE_CRL},
    {{0xec, 0xae, 0x0c, 0x0f, 0x95, 0x02, 0x43, 0xb1, 0xaf, 0xa2, 0x0a, 0xe2, 0xe0, 0xd5, 0x65,
      0xb6},
     COCOS__SNP_TABLE_PLATFORM},
};

static int kind_of(const uint8_t *guid)
{
    for (size_t i = 0; i < COCOS__ARRAY_LEN(known); i++) {
        if (memcmp(guid, known[i].guid, GUID_SIZE) == 0)
            return known[i].kind;
    }
    return COCOS__SNP_TABLE_OTHER;
}

/* Entries up to the all-zero one; gives the size of the header with it. */
static int read_entries(cocos__span data, cocos__snp_table *t, size_t *header, cocos_error **err)
{
    static const uint8_t zero[ENTRY_SIZE];
    cocos__reader r;

    cocos__reader_init(&r, data.data, data.len);
    for (;;) {
        const uint8_t *e = cocos__read_bytes(&r, ENTRY_SIZE);
        if (!e)
            return cocos__fail(err, COCOS_ERR_MALFORMED, "snp.cert_table",
                               "the certificate table has no terminator");
        if (memcmp(e, zero, ENTRY_SIZE) == 0)
            break;
        if (t->n == COCOS__SNP_TABLE_MAX)
            return cocos__fail(err, COCOS_ERR_EXHAUSTED, "snp.cert_table",
                               "more than %d entries in the certificate table",
                               COCOS__SNP_TABLE_MAX);

        /* Offset and length stay numbers until the header's end is known. */
        t->entry[t->n].kind = kind_of(e);
        t->entry[t->n].guid = e;
        t->n++;
    }
    *header = r.pos;
    return COCOS_OK;
}

int cocos__snp_table_parse(cocos__span data, cocos__snp_table *ret, cocos_error **err)
{
    cocos__snp_table t = {.n = 0};
    size_t header = 0;

    int r = read_entries(data, &t, &header, err);
    if (r < 0)
        return r;
    for (size_t i = 0; i < t.n; i++) {
        size_t offset = cocos__u32le(t.entry[i].guid + GUID_SIZE);
        size_t len = cocos__u32le(t.entry[i].guid + GUID_SIZE + 4);
        if (offset < header || offset > data.len || len > data.len - offset)
            return cocos__fail(
                err, COCOS_ERR_MALFORMED, "snp.cert_table",
                "entry %zu of the certificate table, offset %zu, length %zu, lies outside %zu to %zu",
                i, offset, len, header, data.len);
        t.entry[i].blob = (cocos__span){data.data + offset, len};
    }
    *ret = t;
    return COCOS_OK;
}
