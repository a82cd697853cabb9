/* SPDX-License-Identifier: Apache-2.0 */
/* Extensions of VCEK and VLEK certificates (AMD 57230, table of custom OIDs). */
#include <string.h>

#include "crypto/der.h"
#include "snp/endorsement.h"

/* Content bytes of 1.3.6.1.4.1.3704.1. */
#define ARC 0x2b, 0x06, 0x01, 0x04, 0x01, 0x9c, 0x78, 0x01

#define HWID_SIZE       64
#define HWID_SIZE_TURIN 8
#define SPL_MAX         127

typedef struct ext_oid {
    uint8_t bytes[10];
    uint8_t len;
} ext_oid;

static const ext_oid oid_version = {{ARC, 1}, 9};
static const ext_oid oid_product = {{ARC, 2}, 9};
static const ext_oid oid_hwid = {{ARC, 4}, 9};
static const ext_oid oid_csp = {{ARC, 5}, 9};

/* Which component an SPL extension holds, .3.1 to .3.9. */
enum spl {
    SPL_BOOT_LOADER = 1,
    SPL_TEE = 2,
    SPL_SNP = 3,
    SPL_4 = 4,
    SPL_MICROCODE = 8,
    SPL_FMC = 9
};

static int find(const cocos__cert *cert, const ext_oid *oid, cocos__span *value)
{
    return cocos__cert_ext_find(cert, oid->bytes, oid->len, value);
}

/* -1: bad, -2: absent */
static int read_spl(const cocos__cert *cert, int which, int max)
{
    const ext_oid oid = {{ARC, 3, (uint8_t)which}, 10};
    cocos__span value;
    cocos__span content;
    int n = find(cert, &oid, &value);

    if (n == 0)
        return -2;
    if (n > 1 || cocos__der_only(value, COCOS__DER_INTEGER, &content) < 0)
        return -1;

    int64_t spl = cocos__der_number(content);
    return spl < 0 || spl > max ? -1 : (int)spl;
}

static const char *read_tcb(const cocos__cert *cert, cocos__snp_leaf *ret)
{
    int v[SPL_FMC + 1];
    int turin = ret->line == COCOS__SNP_TURIN || ret->line == COCOS__SNP_VENICE;

    for (int i = 1; i <= SPL_FMC; i++) {
        v[i] = read_spl(cert, i, i == SPL_MICROCODE ? 255 : SPL_MAX);
        if (v[i] == -1)
            return "a TCB extension is not one small number";
    }
    if (v[SPL_BOOT_LOADER] < 0 || v[SPL_TEE] < 0 || v[SPL_SNP] < 0 || v[SPL_MICROCODE] < 0)
        return "a TCB extension is missing";
    if ((v[SPL_FMC] >= 0) != turin)
        return "the FMC extension is there on another line than Turin, or not there on Turin";

    ret->tcb = (cocos__snp_tcb){
        .fmc = (uint8_t)(turin ? v[SPL_FMC] : 0),
        .boot_loader = (uint8_t)v[SPL_BOOT_LOADER],
        .tee = (uint8_t)v[SPL_TEE],
        .snp = (uint8_t)v[SPL_SNP],
        .microcode = (uint8_t)v[SPL_MICROCODE],
    };
    /* Turin's certificates have three reserved components, .3.5 to .3.7, the others four. */
    int first = turin ? SPL_4 + 1 : SPL_4;
    for (int i = first; i < SPL_MICROCODE; i++)
        ret->tcb.reserved[i - first] = (uint8_t)(v[i] < 0 ? 0 : v[i]);
    return NULL;
}

/* "Milan-B0", "Genoa", …: the stepping is not binding (snp.md section 4). */
static const char *read_product(const cocos__cert *cert, cocos__snp_leaf *ret)
{
    cocos__span value;
    cocos__span text;

    if (find(cert, &oid_product, &value) != 1 ||
        cocos__der_only(value, COCOS__DER_IA5, &text) < 0 || text.len == 0 ||
        text.len >= sizeof ret->product)
        return "the product name is missing or malformed";

    const uint8_t *dash = memchr(text.data, '-', text.len);
    size_t len = dash ? (size_t)(dash - text.data) : text.len;
    ret->line = cocos__snp_line_by_name((const char *)text.data, len);
    if (ret->line == COCOS__SNP_LINE_UNKNOWN)
        return "the product name is of no known line";
    memcpy(ret->product, text.data, text.len);
    return NULL;
}

static const char *read_hwid(const cocos__cert *cert, cocos__snp_leaf *ret)
{
    size_t want = ret->line == COCOS__SNP_TURIN || ret->line == COCOS__SNP_VENICE ? HWID_SIZE_TURIN
                                                                                  : HWID_SIZE;
    cocos__span value;
    cocos__span inner;

    if (find(cert, &oid_hwid, &value) != 1)
        return "a VCEK without one hardware id";
    /* Raw bytes in practice; some issuers wrap them in an OCTET STRING. */
    if (value.len != want && cocos__der_only(value, COCOS__DER_OCTETS, &inner) == 0)
        value = inner;
    if (value.len != want)
        return "the hardware id has another length than its line's";
    ret->hwid = value;
    return NULL;
}

static const char *read_identity(const cocos__cert *cert, int kind, cocos__snp_leaf *ret)
{
    cocos__span value;

    if (kind == COCOS__SNP_VCEK)
        return find(cert, &oid_csp, &value) != 0 ? "a VCEK with a provider's id"
                                                 : read_hwid(cert, ret);
    if (find(cert, &oid_hwid, &value) != 0)
        return "a VLEK with a hardware id";
    if (find(cert, &oid_csp, &value) != 1 ||
        cocos__der_only(value, COCOS__DER_IA5, &ret->csp_id) < 0)
        return "a VLEK without one provider's id";
    return NULL;
}

const char *cocos__snp_leaf_read(const cocos__cert *cert, int kind, cocos__snp_leaf *ret)
{
    cocos__snp_leaf leaf = {0};
    cocos__span value;
    cocos__span number;

    if (cocos__cert_ext_doubled(cert))
        return "an extension is there twice";
    if (find(cert, &oid_version, &value) != 1 ||
        cocos__der_only(value, COCOS__DER_INTEGER, &number) < 0)
        return "the structure version is missing";

    const char *defect = read_product(cert, &leaf);
    if (!defect)
        defect = read_tcb(cert, &leaf);
    if (!defect)
        defect = read_identity(cert, kind, &leaf);
    if (!defect)
        *ret = leaf;
    return defect;
}

int cocos__snp_leaf_is_for(const cocos__snp_leaf *leaf, const cocos__snp_report *report)
{
    cocos__snp_tcb tcb = cocos__snp_tcb_split(report->reported_tcb, leaf->line);
    int has_chip = leaf->hwid.len > 0 && !cocos__snp_chip_id_masked(report);

    return memcmp(&leaf->tcb, &tcb, sizeof tcb) == 0 &&
           (!has_chip || memcmp(leaf->hwid.data, report->chip_id, leaf->hwid.len) == 0);
}
