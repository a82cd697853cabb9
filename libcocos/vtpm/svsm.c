/* SPDX-License-Identifier: Apache-2.0 */
#include "vtpm/svsm.h"

#include <string.h>

#include "codec/pbwire.h"

#define SERVICES_MAX 64
#define GUID_SIZE    16

/* GUIDs of AMD 58019 as they stand in memory: 63849ebb-3d92-4670-a1ff-58f9c94b87bb, all services;
 * c476f1eb-0123-45a5-9641-b4e7dde5bfe3, the vTPM. */
static const uint8_t all_services[GUID_SIZE] = {0xbb, 0x9e, 0x84, 0x63, 0x92, 0x3d, 0x70, 0x46,
                                                0xa1, 0xff, 0x58, 0xf9, 0xc9, 0x4b, 0x87, 0xbb};
static const uint8_t vtpm[GUID_SIZE] = {0xeb, 0xf1, 0x76, 0xc4, 0x23, 0x01, 0xa5, 0x45,
                                        0x96, 0x41, 0xb4, 0xe7, 0xdd, 0xe5, 0xbf, 0xe3};

static int malformed(cocos_error **err, const char *what)
{
    return cocos__fail(err, COCOS_ERR_MALFORMED, "vtpm.svsm_format", "%s", what);
}

/* An entry that leads inside the manifest, behind its table. */
static int entry_data(cocos__span all,
                      size_t table,
                      uint32_t offset,
                      uint32_t len,
                      cocos__span *ret,
                      cocos_error **err)
{
    if (offset < table || offset > all.len || len > all.len - offset)
        return malformed(err, "a service of the manifest lies outside it");
    *ret = (cocos__span){all.data + offset, len};
    return COCOS_OK;
}

static int read_table(cocos__span all, cocos__span *ret, cocos_error **err)
{
    cocos__span found = {NULL, 0};
    cocos__reader r;

    cocos__reader_init(&r, all.data, all.len);
    cocos__read_span(&r, GUID_SIZE);
    uint32_t size = cocos__read_u32le(&r);
    uint32_t n = cocos__read_u32le(&r);
    if (r.failed || size != all.len || n > SERVICES_MAX)
        return malformed(err, "the manifest has not the size that it says, or too many services");
    size_t table = r.pos + (size_t)n * (GUID_SIZE + 8);
    for (uint32_t i = 0; i < n; i++) {
        const uint8_t *guid = cocos__read_bytes(&r, GUID_SIZE);
        uint32_t offset = cocos__read_u32le(&r);
        uint32_t len = cocos__read_u32le(&r);
        cocos__span data;
        if (r.failed)
            return malformed(err, "the table of the manifest is cut");
        int s = entry_data(all, table, offset, len, &data, err);
        if (s < 0)
            return s;
        if (memcmp(guid, vtpm, GUID_SIZE) != 0)
            continue;
        if (found.data)
            return malformed(err, "two virtual TPMs in the manifest");
        found = data;
    }
    if (!found.data)
        return malformed(err, "no virtual TPM in the manifest");
    *ret = found;
    return COCOS_OK;
}

int cocos__svsm_endorsement(cocos__span manifest, cocos__span *ret, cocos_error **err)
{
    if (manifest.len >= GUID_SIZE && memcmp(manifest.data, all_services, GUID_SIZE) == 0)
        return read_table(manifest, ret, err);
    *ret = manifest;
    return COCOS_OK;
}

int cocos__svsm_certified_read(cocos__span data, cocos__svsm_certified *ret, cocos_error **err)
{
    cocos__span field[3] = {{NULL, 0}};
    cocos__pb_field f;
    cocos__pb pb;
    int r;

    cocos__pb_init(&pb, data);
    while ((r = cocos__pb_next(&pb, &f, NULL)) > 0) {
        if (f.number > 3)
            continue;
        if (f.type != COCOS__PB_BYTES || field[f.number - 1].data)
            return malformed(err, "a field of the certification stands twice or has another type");
        field[f.number - 1] = f.bytes;
    }
    if (r < 0)
        return malformed(err, "the certification of the key is cut or no protobuf");
    *ret = (cocos__svsm_certified){field[0], field[1], field[2]};
    return COCOS_OK;
}
