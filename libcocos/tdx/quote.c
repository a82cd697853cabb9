/* SPDX-License-Identifier: Apache-2.0 */
#include "tdx/quote.h"

#include <string.h>

#define KEY_TYPE_P256  2
#define TEE_TYPE_TDX   0x81
#define CERT_QE_REPORT 6 /* certification data types, DCAP table A.3.9 */
#define CERT_PCK_CHAIN 5
#define SIZE_BODY_10   584
#define SIZE_BODY_15   648
#define SIZE_BODY_15X  885
#define HEADER_SIZE    48
#define HEADER_SIZE_V5 54

static const uint8_t intel_vendor_id[16] = {0x93, 0x9a, 0x72, 0x33, 0xf7, 0x9c, 0x4c, 0xa9,
                                            0x94, 0x0a, 0x0d, 0xb3, 0x95, 0x7f, 0x06, 0x07};

static int bad(cocos_error **err, int status, const char *what, unsigned long found)
{
    return cocos__fail(err, status, "tdx.format", "%s %lu", what, found);
}

static int read_header(cocos__reader *r, cocos__tdx_quote *q, cocos_error **err)
{
    q->version = cocos__read_u16le(r);
    uint16_t key_type = cocos__read_u16le(r);
    uint32_t tee_type = cocos__read_u32le(r);
    q->header_svn[0] = cocos__read_u16le(r);
    q->header_svn[1] = cocos__read_u16le(r);
    q->qe_vendor_id = cocos__read_bytes(r, 16);
    q->user_data = cocos__read_bytes(r, 20);
    if (r->failed)
        return COCOS_OK;

    if (q->version != 4 && q->version != 5)
        return bad(err, COCOS_ERR_UNSUPPORTED, "quote version", q->version);
    if (key_type != KEY_TYPE_P256)
        return bad(err, COCOS_ERR_UNSUPPORTED, "attestation key type", key_type);
    if (tee_type != TEE_TYPE_TDX)
        return bad(err, COCOS_ERR_UNSUPPORTED, "TEE type", tee_type);
    if (memcmp(q->qe_vendor_id, intel_vendor_id, sizeof intel_vendor_id) != 0)
        return cocos__fail(err, COCOS_ERR_UNSUPPORTED, "tdx.format",
                           "the quoting enclave is not Intel's");
    return COCOS_OK;
}

static size_t body_size(int type)
{
    switch (type) {
    case COCOS__TDX_BODY_10:
        return SIZE_BODY_10;
    case COCOS__TDX_BODY_15:
        return SIZE_BODY_15;
    case COCOS__TDX_BODY_15X:
        return SIZE_BODY_15X;
    default:
        return 0;
    }
}

/* Version 5 names its body; version 4 has the one of TDX 1.0. */
static int read_body_type(cocos__reader *r, cocos__tdx_quote *q, cocos_error **err)
{
    q->body_type = COCOS__TDX_BODY_10;
    if (q->version != 5)
        return COCOS_OK;

    q->body_type = cocos__read_u16le(r);
    uint32_t size = cocos__read_u32le(r);
    if (r->failed)
        return COCOS_OK;
    if (body_size(q->body_type) == 0)
        return bad(err, COCOS_ERR_UNSUPPORTED, "body type", (unsigned long)q->body_type);
    if (size != body_size(q->body_type))
        return bad(err, COCOS_ERR_MALFORMED, "a body size that is not its type's:", size);
    return COCOS_OK;
}

static void read_body(cocos__reader *r, cocos__tdx_quote *q)
{
    q->tee_tcb_svn = cocos__read_bytes(r, 16);
    q->mrseam = cocos__read_bytes(r, 48);
    q->mrsignerseam = cocos__read_bytes(r, 48);
    q->seam_attributes = cocos__read_bytes(r, 8);
    q->td_attributes = cocos__read_bytes(r, 8);
    q->xfam = cocos__read_bytes(r, 8);
    q->mrtd = cocos__read_bytes(r, 48);
    q->mrconfigid = cocos__read_bytes(r, 48);
    q->mrowner = cocos__read_bytes(r, 48);
    q->mrownerconfig = cocos__read_bytes(r, 48);
    for (size_t i = 0; i < COCOS__TDX_RTMRS; i++)
        q->rtmr[i] = cocos__read_bytes(r, 48);
    q->report_data = cocos__read_bytes(r, 64);
    if (q->body_type == COCOS__TDX_BODY_10)
        return;
    q->tee_tcb_svn2 = cocos__read_bytes(r, 16);
    q->mrservicetd = cocos__read_bytes(r, 48);
    if (q->body_type == COCOS__TDX_BODY_15X)
        q->extended = cocos__read_bytes(r, SIZE_BODY_15X - SIZE_BODY_15);
}

/* The data around the PCK chain: every size within the one that holds it. */
static int read_certification(cocos__reader *r, cocos__tdx_quote *q, cocos_error **err)
{
    uint16_t type = cocos__read_u16le(r);
    uint32_t size = cocos__read_u32le(r);
    if (!r->failed && type != CERT_QE_REPORT)
        return bad(err, COCOS_ERR_UNSUPPORTED, "certification data type", type);
    if (!r->failed && size != cocos__reader_left(r))
        return bad(err, COCOS_ERR_MALFORMED,
                   "certification data that do not fill the signature data:", size);

    q->qe_report = cocos__read_bytes(r, COCOS__TDX_QE_REPORT_SIZE);
    q->qe_report_signature = cocos__read_bytes(r, 64);
    q->qe_auth_data = cocos__read_span(r, cocos__read_u16le(r));
    type = cocos__read_u16le(r);
    q->pck_chain = cocos__read_span(r, cocos__read_u32le(r));
    if (r->failed)
        return cocos__fail(err, COCOS_ERR_MALFORMED, "tdx.format",
                           "a size within the signature data reaches past its end");
    if (type != CERT_PCK_CHAIN)
        return bad(err, COCOS_ERR_UNSUPPORTED, "inner certification data type", type);
    if (cocos__reader_left(r) != 0)
        return bad(err, COCOS_ERR_MALFORMED,
                   "bytes behind the certificate chain:", cocos__reader_left(r));
    return COCOS_OK;
}

static int read_signature_data(cocos__reader *outer, cocos__tdx_quote *q, cocos_error **err)
{
    uint32_t size = cocos__read_u32le(outer);
    cocos__span data = cocos__read_span(outer, size);
    cocos__reader r;

    if (outer->failed)
        return COCOS_OK;
    cocos__reader_init(&r, data.data, data.len);
    q->signature = cocos__read_bytes(&r, 64);
    q->attestation_key = cocos__read_bytes(&r, 64);
    return read_certification(&r, q, err);
}

int cocos__tdx_quote_read(
    const uint8_t *data, size_t len, cocos__tdx_quote *ret, int *cut, cocos_error **err)
{
    cocos__tdx_quote q = {0};
    cocos__reader r;

    *cut = 0;
    cocos__reader_init(&r, data, len);
    int s = read_header(&r, &q, err);
    if (s == COCOS_OK)
        s = read_body_type(&r, &q, err);
    if (s < 0)
        return s;
    read_body(&r, &q);
    q.signed_part = (cocos__span){data, (q.version == 5 ? HEADER_SIZE_V5 : HEADER_SIZE) +
                                            body_size(q.body_type)};
    s = read_signature_data(&r, &q, err);
    if (s < 0)
        return s;
    if (r.failed) {
        *cut = 1;
        return cocos__fail(err, COCOS_ERR_MALFORMED, "tdx.format",
                           "the quote ends before its parts do, after %zu bytes", len);
    }
    *ret = q;
    return COCOS_OK;
}

cocos__tdx_qe_report cocos__tdx_qe_report_read(const uint8_t *raw)
{
    return (cocos__tdx_qe_report){
        .cpu_svn = raw,
        .miscselect = cocos__u32le(raw + 16),
        .attributes = raw + 48,
        .mrenclave = raw + 64,
        .mrsigner = raw + 128,
        .isv_prod_id = cocos__u16le(raw + 256),
        .isv_svn = cocos__u16le(raw + 258),
        .report_data = raw + 320,
    };
}
