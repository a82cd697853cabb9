/* SPDX-License-Identifier: Apache-2.0 */
#include "tdx/pck.h"

#include <string.h>

#include "crypto/der.h"

const cocos__pin cocos__tdx_pins[] = {
    {COCOS__TDX_CN_ROOT, {0xa0, 0xaf, 0x03, 0x12, 0x89, 0xf5, 0xd5, 0xd4, 0x13, 0x2f, 0x91,
                          0x86, 0x06, 0x8a, 0x7f, 0xc1, 0x36, 0x28, 0x63, 0x3b, 0xa2, 0x35,
                          0x77, 0x74, 0x72, 0xe2, 0x9b, 0x6b, 0x6c, 0x67, 0xa4, 0x9e}},
};
const size_t cocos__tdx_pins_n = COCOS__ARRAY_LEN(cocos__tdx_pins);

static const cocos__name_part intel[] = {
    {"O", "Intel Corporation"}, {"L", "Santa Clara"}, {"ST", "CA"}, {"C", "US"}};

/* Content bytes of 1.2.840.113741.1.13.1. */
#define SGX_OID 0x2a, 0x86, 0x48, 0x86, 0xf8, 0x4d, 0x01, 0x0d, 0x01

#define TCB_ITEMS  18
#define FIELDS_MAX 7

static const uint8_t sgx_oid[] = {SGX_OID};

/* One SEQUENCE { OID, value } whose OID is sgx_oid and then `suffix`: the reader stands at the
 * value. */
static int open_item(cocos__reader *list, cocos__reader *item, uint8_t *suffix, size_t depth)
{
    cocos__span seq = cocos__der_next(list, COCOS__DER_SEQUENCE);
    cocos__reader_init(item, seq.data, seq.len);
    cocos__span oid = cocos__der_next(item, COCOS__DER_OID);

    if (list->failed || item->failed || oid.len != sizeof sgx_oid + depth ||
        memcmp(oid.data, sgx_oid, sizeof sgx_oid) != 0)
        return -1;
    memcpy(suffix, oid.data + sizeof sgx_oid, depth);
    return 0;
}

static int read_tcb_item(cocos__reader *list, size_t i, cocos__tdx_sgx *s)
{
    cocos__reader item;
    uint8_t suffix[2];

    if (open_item(list, &item, suffix, 2) < 0 || suffix[0] != 2 || suffix[1] != i)
        return -1;
    if (i == TCB_ITEMS) {
        cocos__span cpu_svn = cocos__der_next(&item, COCOS__DER_OCTETS);
        return cpu_svn.len == 16 && cocos__reader_left(&item) == 0 ? 0 : -1;
    }
    int64_t svn = cocos__der_number(cocos__der_next(&item, COCOS__DER_INTEGER));
    if (svn < 0 || svn > (i == 17 ? 65535 : 255) || cocos__reader_left(&item) != 0)
        return -1;
    if (i == 17)
        s->pce_svn = (uint16_t)svn;
    else
        s->components[i - 1] = (uint8_t)svn;
    return 0;
}

static int read_tcb(cocos__reader *item, cocos__tdx_sgx *s)
{
    cocos__span seq = cocos__der_next(item, COCOS__DER_SEQUENCE);
    cocos__reader list;

    cocos__reader_init(&list, seq.data, seq.len);
    for (size_t i = 1; i <= TCB_ITEMS; i++) {
        if (read_tcb_item(&list, i, s) < 0)
            return -1;
    }
    return item->failed || cocos__reader_left(&list) != 0 ? -1 : 0;
}

static int read_octets(cocos__reader *item, uint8_t *out, size_t len)
{
    cocos__span value = cocos__der_next(item, COCOS__DER_OCTETS);

    if (value.len != len)
        return -1;
    memcpy(out, value.data, len);
    return 0;
}

/* .1 PPID, .2 TCB, .3 PCEID, .4 FMSPC, .5 type, .6 and .7 of the platform CA only */
static int read_field(cocos__reader *list, unsigned *seen, cocos__tdx_sgx *s)
{
    cocos__reader item;
    uint8_t which = 0;

    if (open_item(list, &item, &which, 1) < 0 || which < 1 || which > FIELDS_MAX ||
        (*seen >> which & 1))
        return -1;
    *seen |= 1u << which;
    switch (which) {
    case 2:
        return read_tcb(&item, s);
    case 3:
        return read_octets(&item, s->pce_id, sizeof s->pce_id);
    case 4:
        return read_octets(&item, s->fmspc, sizeof s->fmspc);
    default:
        return 0;
    }
}

const char *cocos__tdx_sgx_read(const cocos__cert *cert, cocos__tdx_sgx *ret)
{
    cocos__tdx_sgx s = {{0}, 0, {0}, {0}};
    cocos__span value;
    cocos__span seq;
    cocos__reader list;
    unsigned seen = 0;

    if (cocos__cert_ext_doubled(cert))
        return "an extension of the PCK certificate is there twice";
    if (cocos__cert_ext_find(cert, sgx_oid, sizeof sgx_oid, &value) != 1 ||
        cocos__der_only(value, COCOS__DER_SEQUENCE, &seq) < 0)
        return "the PCK certificate has no SGX extension";
    cocos__reader_init(&list, seq.data, seq.len);
    while (cocos__reader_left(&list) > 0) {
        if (read_field(&list, &seen, &s) < 0)
            return "the SGX extension of the PCK certificate is malformed";
    }
    if ((seen & 0x3e) != 0x3e)
        return "the SGX extension of the PCK certificate lacks a field";
    *ret = s;
    return NULL;
}

int cocos__tdx_is_intel(const cocos__cert *cert, const char *cn)
{
    const cocos__pubkey *key = cocos__cert_key(cert);

    return cocos__cert_is_v3(cert) && cocos__cert_signature_kind(cert) == COCOS__SIG_ECDSA_SHA256 &&
           key && cocos__pubkey_kind(key) == COCOS__KEY_EC_P256 &&
           strcmp(cocos__cert_subject_cn(cert), cn) == 0 &&
           cocos__cert_name_has(cert, COCOS__SUBJECT, intel, COCOS__ARRAY_LEN(intel)) &&
           cocos__cert_name_has(cert, COCOS__ISSUER, intel, COCOS__ARRAY_LEN(intel));
}

const char *cocos__tdx_root_name(const cocos__cert *root, const cocos__certs *roots, int *simulated)
{
    const cocos__pin *pin = cocos__pin_find(cocos__tdx_pins, cocos__tdx_pins_n, root);

    *simulated = 0;
    if (!roots)
        return pin ? pin->name : NULL;
    for (size_t i = 0; i < roots->n; i++) {
        if (memcmp(cocos__cert_spki_sha256(roots->at[i]), cocos__cert_spki_sha256(root), 32) == 0) {
            *simulated = pin == NULL;
            return COCOS__TDX_CN_ROOT;
        }
    }
    return NULL;
}

static const char *chain_defect(const cocos__tdx_pck *p)
{
    const cocos__certs *c = &p->chain;

    if (c->n != 3)
        return "the PCK chain has not three certificates";
    if (!cocos__tdx_is_intel(c->at[0], "Intel SGX PCK Certificate"))
        return "the first certificate is not a PCK certificate";
    if (!cocos__tdx_is_intel(c->at[1], "Intel SGX PCK Platform CA") &&
        !cocos__tdx_is_intel(c->at[1], "Intel SGX PCK Processor CA"))
        return "the second certificate is neither the platform nor the processor CA";
    if (!cocos__tdx_is_intel(c->at[2], COCOS__TDX_CN_ROOT))
        return "the third certificate is not the root";
    return NULL;
}

int cocos__tdx_pck_read(cocos__span pem,
                        const cocos__certs *roots,
                        cocos__tdx_pck *ret,
                        cocos_error **err)
{
    COCOS__CLEANUP(cocos__error_freep) cocos_error *why = NULL;
    cocos__tdx_pck p = {.chain = {.n = 0}};

    int r = cocos__certs_add(&p.chain, pem.data, pem.len, &why);
    if (r < 0)
        p.defect = "the PCK chain cannot be read";
    if (r == COCOS_OK)
        p.defect = chain_defect(&p);
    if (r == COCOS_OK && !p.defect)
        p.defect = cocos__tdx_sgx_read(p.chain.at[0], &p.sgx);
    if (r == COCOS_OK && !p.defect) {
        r = cocos__chain_verify(p.chain.at[0], &p.chain.at[1], 1, p.chain.at[2], &why);
        if (r < 0)
            p.defect = "a signature or constraint of the PCK chain does not hold";
    }
    if (r == COCOS_ERR_MEMORY) {
        cocos__tdx_pck_done(&p);
        return cocos__fail_memory(err);
    }
    p.own_roots = roots != NULL;
    if (p.chain.n == 3)
        p.root_name = cocos__tdx_root_name(p.chain.at[2], roots, &p.simulated);
    *ret = p;
    return COCOS_OK;
}

void cocos__tdx_pck_done(cocos__tdx_pck *p)
{
    cocos__certs_done(&p->chain);
}
