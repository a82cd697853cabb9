/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The TEE report inside a message: its data slot, and for SNP the very bytes that were signed,
 * which the message carries field by field (sevsnp.Report of go-sev-guest).
 */
#include <string.h>

#include "codec/pbwire.h"
#include "vtpm/message.h"

#define TDX_MAX (COCOS__VTPM_TDX_MAX / 8) /* zeros that are left out are put back */

enum { A_REPORT = 1, A_CERTIFICATES = 2 }; /* sevsnp.Attestation */
enum { R_VMPL = 6, R_REPORT_DATA = 11, R_FMS = 29, R_FIELDS = 32 };
enum { T_BODY = 2, B_REPORT_DATA = 12 }; /* tdx.QuoteV4, tdx.TDQuoteBody */

/* Where a field of sevsnp.Report stands in ATTESTATION_REPORT (AMD 56860). size 0: not there. */
static const struct {
    uint16_t offset;
    uint16_t size;
    uint8_t bytes; /* else a number, little-endian */
} places[R_FIELDS] = {
    [1] = {0x000, 4, 0},   [2] = {0x004, 4, 0},   [3] = {0x008, 8, 0},   [4] = {0x010, 16, 1},
    [5] = {0x020, 16, 1},  [6] = {0x030, 4, 0},   [7] = {0x034, 4, 0},   [8] = {0x038, 8, 0},
    [9] = {0x040, 8, 0},   [10] = {0x048, 4, 0},  [11] = {0x050, 64, 1}, [12] = {0x090, 48, 1},
    [13] = {0x0c0, 32, 1}, [14] = {0x0e0, 48, 1}, [15] = {0x110, 48, 1}, [16] = {0x140, 32, 1},
    [17] = {0x160, 32, 1}, [18] = {0x180, 8, 0},  [19] = {0x1a0, 64, 1}, [20] = {0x1e0, 8, 0},
    [21] = {0x1e8, 1, 0},  [22] = {0x1e9, 1, 0},  [23] = {0x1ea, 1, 0},  [24] = {0x1ec, 1, 0},
    [25] = {0x1ed, 1, 0},  [26] = {0x1ee, 1, 0},  [27] = {0x1f0, 8, 0},  [28] = {0x2a0, 512, 1},
    [30] = {0x1f8, 8, 0},  [31] = {0x200, 8, 0},
};

static int malformed(cocos_error **err, const char *what)
{
    return cocos__fail(err, COCOS_ERR_MALFORMED, "vtpm.format", "%s", what);
}

/* The one field of bytes of this number; empty when there is none. */
static int find(cocos__span message, uint32_t number, cocos__span *ret, cocos_error **err)
{
    cocos__pb pb;
    cocos__pb_field f;
    int r;

    *ret = (cocos__span){NULL, 0};
    cocos__pb_init(&pb, message);
    while ((r = cocos__pb_next(&pb, &f, NULL)) > 0) {
        if (f.number != number)
            continue;
        if (f.type != COCOS__PB_BYTES || ret->data)
            return malformed(err, "a field of the report stands twice or has another type");
        *ret = f.bytes;
    }
    return r < 0 ? malformed(err, "the report in the message is cut") : COCOS_OK;
}

static int check_slot(cocos__span slot, cocos_error **err)
{
    return slot.len == 0 || slot.len == 64
               ? COCOS_OK
               : malformed(err, "the report's data slot does not have 64 bytes");
}

int cocos__vtpm_snp_slot(cocos__span snp, cocos__span *slot, uint64_t *vmpl, cocos_error **err)
{
    cocos__span report = {NULL, 0};
    cocos__pb pb;
    cocos__pb_field f;

    *slot = (cocos__span){NULL, 0};
    *vmpl = 0;
    int r = find(snp, A_REPORT, &report, err);
    if (r == COCOS_OK)
        r = find(report, R_REPORT_DATA, slot, err);
    if (r < 0)
        return r;
    cocos__pb_init(&pb, report);
    while (cocos__pb_next(&pb, &f, NULL) > 0) {
        if (f.number == R_VMPL && f.type == COCOS__PB_VARINT)
            *vmpl = f.value;
    }
    return check_slot(*slot, err);
}

int cocos__vtpm_tdx_slot(cocos__span tdx, cocos__span *slot, cocos_error **err)
{
    cocos__span body = {NULL, 0};

    *slot = (cocos__span){NULL, 0};
    int r = find(tdx, T_BODY, &body, err);
    if (r == COCOS_OK)
        r = find(body, B_REPORT_DATA, slot, err);
    return r < 0 ? r : check_slot(*slot, err);
}

static void put_number(uint8_t *at, size_t size, uint64_t v)
{
    for (size_t i = 0; i < size; i++)
        at[i] = (uint8_t)(v >> (8 * i));
}

/* CPUID leaf 1 EAX as the family, model and stepping bytes of version 3 and later. */
static void put_fms(uint8_t *report, uint64_t eax)
{
    report[0x188] = (uint8_t)(((eax >> 8) & 0xf) + ((eax >> 20) & 0xff));
    report[0x189] = (uint8_t)(((eax >> 4) & 0xf) | ((eax >> 16) & 0xf) << 4);
    report[0x18a] = (uint8_t)(eax & 0xf);
}

static int put_field(const cocos__pb_field *f, uint8_t *report, cocos_error **err)
{
    if (f->number == R_FMS && f->type == COCOS__PB_VARINT) {
        put_fms(report, f->value);
        return COCOS_OK;
    }
    if (f->number >= R_FIELDS || places[f->number].size == 0)
        return COCOS_OK;

    size_t size = places[f->number].size;
    uint8_t *at = report + places[f->number].offset;
    if (places[f->number].bytes) {
        if (f->type != COCOS__PB_BYTES || f->bytes.len != size)
            return malformed(err, "a field of the report has another length");
        memcpy(at, f->bytes.data, size);
        return COCOS_OK;
    }
    if (f->type == COCOS__PB_BYTES || (size < 8 && f->value >> (8 * size)))
        return malformed(err, "a number of the report is out of range");
    put_number(at, size, f->value);
    return COCOS_OK;
}

/* sevsnp.CertificateChain: VCEK 1, ASK 2, ARK 3, VLEK 6; what is empty is not there. */
static int take_certs(cocos__span chain, cocos__vtpm_snp *s, cocos_error **err)
{
    cocos__pb pb;
    cocos__pb_field f;
    int r;

    cocos__pb_init(&pb, chain);
    while ((r = cocos__pb_next(&pb, &f, NULL)) > 0) {
        int wanted = f.number <= 3 || f.number == 6;
        if (!wanted || f.type != COCOS__PB_BYTES || f.bytes.len == 0)
            continue;
        if (s->n_certs == COCOS__VTPM_SNP_CERTS)
            return malformed(err, "a certificate of the report stands twice");
        s->certs[s->n_certs++] = f.bytes;
    }
    return r < 0 ? malformed(err, "the certificates in the message are cut") : COCOS_OK;
}

int cocos__vtpm_snp_rebuild(cocos__span snp, cocos__vtpm_snp *ret, cocos_error **err)
{
    cocos__span report = {NULL, 0};
    cocos__span chain = {NULL, 0};
    cocos__pb pb;
    cocos__pb_field f;

    memset(ret->report, 0, sizeof ret->report);
    ret->n_certs = 0;
    int r = find(snp, A_REPORT, &report, err);
    if (r == COCOS_OK)
        r = find(snp, A_CERTIFICATES, &chain, err);
    if (r < 0)
        return r;
    cocos__pb_init(&pb, report);
    while ((r = cocos__pb_next(&pb, &f, NULL)) > 0) {
        if ((r = put_field(&f, ret->report, err)) < 0)
            return r;
    }
    return r < 0 ? malformed(err, "the report in the message is cut") : take_certs(chain, ret, err);
}

/*
 * The messages under tdx.QuoteV4, each with the fields of number 1 and on in the order of the
 * quote's own bytes: b bytes, 2 and 4 a number of so many bytes, an upper-case letter the message
 * of that place in this list.
 */
static const char *const tdx_forms[] = {
    "BC4Db",        /* A QuoteV4 */
    "224bbbb",      /* B Header */
    "bbbbbbbbbbbb", /* C TDQuoteBody */
    "bbE",          /* D Ecdsa256BitQuoteV4AuthData */
    "24F",          /* E CertificationData */
    "GbHI",         /* F QEReportCertificationData */
    "b4bbbbbb22bb", /* G EnclaveReport */
    "2b",           /* H QeAuthData */
    "24b",          /* I PCKCertificateChainData */
};

/* Each form names later ones only, so this ends. proto3 leaves a zero out. */
static int put_message(cocos__span message, size_t form, cocos__buf *out, cocos_error **err)
{
    for (uint32_t i = 0; tdx_forms[form][i]; i++) {
        char kind = tdx_forms[form][i];
        int number = kind == '2' || kind == '4';
        uint64_t value = 0;
        cocos__pb_field f;
        cocos__pb pb;
        int r;

        cocos__pb_init(&pb, message);
        while ((r = cocos__pb_next(&pb, &f, NULL)) > 0) {
            if (f.number != i + 1)
                continue;
            if (number == (f.type == COCOS__PB_BYTES))
                return malformed(err, "a field of the quote has another type");
            value = f.value;
            if (kind == 'b')
                cocos__buf_add(out, f.bytes.data, f.bytes.len);
            else if (!number && (r = put_message(f.bytes, (size_t)(kind - 'A'), out, err)) < 0)
                return r;
        }
        if (r < 0)
            return malformed(err, "the quote in the message is cut");
        if (number && (kind == '4' ? value > UINT32_MAX : value > UINT16_MAX))
            return malformed(err, "a number of the quote is out of range");
        if (kind == '4')
            cocos__buf_add_u32le(out, (uint32_t)value);
        else if (kind == '2')
            cocos__buf_add_u16le(out, (uint16_t)value);
    }
    return COCOS_OK;
}

int cocos__vtpm_tdx_rebuild(cocos__span tdx, cocos__buf *out, cocos_error **err)
{
    if (tdx.len > TDX_MAX)
        return malformed(err, "the quote in the message is too long");
    int r = put_message(tdx, 0, out, err);

    return r == COCOS_OK && out->failed ? cocos__fail_memory(err) : r;
}
