/* SPDX-License-Identifier: Apache-2.0 */
#include "snp/report.h"

#include <string.h>

/* AMD 56860, ATTESTATION_REPORT: offsets. */
#define OFF_VERSION           0x000
#define OFF_GUEST_SVN         0x004
#define OFF_POLICY            0x008
#define OFF_FAMILY_ID         0x010
#define OFF_IMAGE_ID          0x020
#define OFF_VMPL              0x030
#define OFF_SIGNATURE_ALGO    0x034
#define OFF_CURRENT_TCB       0x038
#define OFF_PLATFORM_INFO     0x040
#define OFF_KEY_INFO          0x048
#define OFF_RESERVED_4C       0x04c
#define OFF_REPORT_DATA       0x050
#define OFF_MEASUREMENT       0x090
#define OFF_HOST_DATA         0x0c0
#define OFF_ID_KEY_DIGEST     0x0e0
#define OFF_AUTHOR_KEY_DIGEST 0x110
#define OFF_REPORT_ID         0x140
#define OFF_REPORT_ID_MA      0x160
#define OFF_REPORTED_TCB      0x180
#define OFF_CPUID             0x188
#define OFF_CHIP_ID           0x1a0
#define OFF_COMMITTED_TCB     0x1e0
#define OFF_CURRENT           0x1e8
#define OFF_COMMITTED         0x1ec
#define OFF_LAUNCH_TCB        0x1f0
#define OFF_LAUNCH_MIT        0x1f8
#define OFF_CURRENT_MIT       0x200
#define OFF_RESERVED_208      0x208
#define OFF_SIGNATURE_END     0x330

#define VERSION_MIN 2
#define VERSION_MAX 5

#define KEY_INFO_AUTHOR   0x01u
#define KEY_INFO_RESERVED 0xffffffe0u
#define POLICY_KNOWN_BITS UINT64_C(0x3ffffff) /* 25:0 */

/* build, minor, major: one byte each */
static void read_firmware(const uint8_t *p, uint32_t *build, uint32_t *version)
{
    *build = p[0];
    *version = (uint32_t)p[2] << 8 | p[1];
}

int cocos__snp_report_read(const uint8_t *data, size_t len, cocos__snp_report *ret)
{
    if (len != COCOS__SNP_REPORT_SIZE)
        return -1;

    *ret = (cocos__snp_report){
        .raw = data,
        .version = cocos__u32le(data + OFF_VERSION),
        .guest_svn = cocos__u32le(data + OFF_GUEST_SVN),
        .policy = cocos__u64le(data + OFF_POLICY),
        .family_id = data + OFF_FAMILY_ID,
        .image_id = data + OFF_IMAGE_ID,
        .vmpl = cocos__u32le(data + OFF_VMPL),
        .signature_algo = cocos__u32le(data + OFF_SIGNATURE_ALGO),
        .current_tcb = cocos__u64le(data + OFF_CURRENT_TCB),
        .platform_info = cocos__u64le(data + OFF_PLATFORM_INFO),
        .key_info = cocos__u32le(data + OFF_KEY_INFO),
        .report_data = data + OFF_REPORT_DATA,
        .measurement = data + OFF_MEASUREMENT,
        .host_data = data + OFF_HOST_DATA,
        .id_key_digest = data + OFF_ID_KEY_DIGEST,
        .author_key_digest = data + OFF_AUTHOR_KEY_DIGEST,
        .report_id = data + OFF_REPORT_ID,
        .report_id_ma = data + OFF_REPORT_ID_MA,
        .reported_tcb = cocos__u64le(data + OFF_REPORTED_TCB),
        .chip_id = data + OFF_CHIP_ID,
        .committed_tcb = cocos__u64le(data + OFF_COMMITTED_TCB),
        .launch_tcb = cocos__u64le(data + OFF_LAUNCH_TCB),
    };
    read_firmware(data + OFF_CURRENT, &ret->current_build, &ret->current_version);
    read_firmware(data + OFF_COMMITTED, &ret->committed_build, &ret->committed_version);
    if (ret->version >= 3) {
        ret->family = data[OFF_CPUID];
        ret->model = data[OFF_CPUID + 1];
        ret->stepping = data[OFF_CPUID + 2];
    }
    if (ret->version >= 5) {
        ret->launch_mit = cocos__u64le(data + OFF_LAUNCH_MIT);
        ret->current_mit = cocos__u64le(data + OFF_CURRENT_MIT);
    }
    return 0;
}

int cocos__snp_version_known(uint32_t version)
{
    return version >= VERSION_MIN && version <= VERSION_MAX;
}

static int all_zero(const uint8_t *p, size_t from, size_t to)
{
    uint8_t any = 0;

    for (size_t i = from; i < to; i++)
        any |= p[i];
    return any == 0;
}

const char *cocos__snp_form_defect(const cocos__snp_report *r)
{
    int key = cocos__snp_signing_key(r);

    if (!(r->policy & COCOS__SNP_POLICY_ONE))
        return "bit 17 of the guest policy is 0";
    if (r->policy & ~POLICY_KNOWN_BITS)
        return "reserved bits of the guest policy are set";
    if (r->key_info & KEY_INFO_RESERVED)
        return "reserved bits of the key information are set";
    if (key != COCOS__SNP_VCEK && key != COCOS__SNP_VLEK && key != COCOS__SNP_NO_KEY)
        return "the signing key is of a reserved kind";
    if (!all_zero(r->raw, OFF_RESERVED_4C, OFF_REPORT_DATA))
        return "0x4c to 0x4f are not zero";
    if (!all_zero(r->raw, r->version < 3 ? OFF_CPUID : OFF_CPUID + 3, OFF_CHIP_ID))
        return "the range before the chip id is not zero";
    if (r->raw[OFF_CURRENT + 3] || r->raw[OFF_COMMITTED + 3])
        return "0x1eb or 0x1ef is not zero";
    if (!all_zero(r->raw, r->version < 5 ? OFF_LAUNCH_MIT : OFF_RESERVED_208,
                  COCOS__SNP_SIGNED_SIZE))
        return "the range before the signature is not zero";
    if (!all_zero(r->raw, OFF_SIGNATURE_END, COCOS__SNP_REPORT_SIZE))
        return "the range behind the signature is not zero";
    return NULL;
}

int cocos__snp_author_key_enabled(const cocos__snp_report *r)
{
    return (r->key_info & KEY_INFO_AUTHOR) != 0;
}

int cocos__snp_chip_id_masked(const cocos__snp_report *r)
{
    return all_zero(r->chip_id, 0, 64);
}

int cocos__snp_signing_key(const cocos__snp_report *r)
{
    return (int)(r->key_info >> 2 & 7);
}
