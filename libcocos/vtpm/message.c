/* SPDX-License-Identifier: Apache-2.0 */
/*
 * attest.Attestation of go-tpm-tools (proto3). Unknown fields are skipped, as the format has it; a
 * field that may stand once and stands twice is refused, since readers differ on which one counts.
 */
#include "vtpm/message.h"

#include "codec/pbwire.h"

/* Fields of attest.Attestation */
enum {
    F_AK_PUB = 1,
    F_QUOTES = 2,
    F_EVENT_LOG = 3,
    F_AK_CERT = 6,
    F_INTERMEDIATES = 7,
    F_SNP = 8,
    F_TDX = 9
};
/* Fields of attest.SevSnpSvsmAttestation */
enum { S_ATTESTATION = 1, S_SNP = 2, S_MANIFEST = 3, S_VERSION = 4 };
/* Fields of tpm.Quote, of tpm.PCRs and of an entry of its map */
enum { Q_ATTEST = 1, Q_SIGNATURE = 2, Q_PCRS = 3 };
enum { P_HASH = 1, P_PCRS = 2 };
enum { M_KEY = 1, M_VALUE = 2 };

static int malformed(cocos_error **err, const char *what)
{
    return cocos__fail(err, COCOS_ERR_MALFORMED, "vtpm.format", "%s", what);
}

/* The next field; what is no protobuf is "vtpm.format". */
static int next(cocos__pb *pb, cocos__pb_field *f, cocos_error **err)
{
    int r = cocos__pb_next(pb, f, NULL);

    return r < 0 ? malformed(err, "the message is cut or no protobuf") : r;
}

/* Takes a field of bytes that may stand once. */
static int once(const cocos__pb_field *f, cocos__span *ret, cocos_error **err)
{
    if (f->type != COCOS__PB_BYTES)
        return malformed(err, "a field of the message has another type");
    if (ret->data)
        return malformed(err, "a field that may stand once stands twice");
    *ret = f->bytes;
    return COCOS_OK;
}

static int read_entry(cocos__span entry, cocos__vtpm_quote *q, cocos_error **err)
{
    cocos__pb pb;
    cocos__pb_field f;
    cocos__span value = {NULL, 0};
    uint64_t key = 0; /* proto3 leaves a zero out */
    int r;

    cocos__pb_init(&pb, entry);
    while ((r = next(&pb, &f, err)) > 0) {
        if (f.number == M_KEY && f.type == COCOS__PB_VARINT)
            key = f.value;
        else if (f.number == M_VALUE && (r = once(&f, &value, err)) < 0)
            return r;
    }
    if (r < 0)
        return r;
    if (key >= COCOS__PCRS) {
        q->beyond = 1;
        return COCOS_OK;
    }
    if (q->mask & UINT32_C(1) << key)
        return malformed(err, "a PCR has two values");
    q->mask |= UINT32_C(1) << key;
    q->pcr[key] = value;
    return COCOS_OK;
}

static int read_pcrs(cocos__span pcrs, cocos__vtpm_quote *q, cocos_error **err)
{
    cocos__pb pb;
    cocos__pb_field f;
    int r;

    cocos__pb_init(&pb, pcrs);
    while ((r = next(&pb, &f, err)) > 0) {
        if (f.number == P_HASH && f.type == COCOS__PB_VARINT)
            q->bank =
                f.value > UINT16_MAX ? COCOS__BANK_NONE : cocos__bank_of_alg((uint32_t)f.value);
        else if (f.number == P_PCRS && f.type != COCOS__PB_BYTES)
            return malformed(err, "a PCR value of another type");
        else if (f.number == P_PCRS && (r = read_entry(f.bytes, q, err)) < 0)
            return r;
    }
    return r;
}

static int read_quote(cocos__span quote, cocos__vtpm_quote *ret, cocos_error **err)
{
    cocos__span pcrs = {NULL, 0};
    cocos__pb pb;
    cocos__pb_field f;
    int r;

    *ret = (cocos__vtpm_quote){.bank = COCOS__BANK_NONE};
    cocos__pb_init(&pb, quote);
    while ((r = next(&pb, &f, err)) > 0) {
        int s = f.number == Q_ATTEST      ? once(&f, &ret->attest, err)
                : f.number == Q_SIGNATURE ? once(&f, &ret->signature, err)
                : f.number == Q_PCRS      ? once(&f, &pcrs, err)
                                          : COCOS_OK;
        if (s < 0)
            return s;
    }
    return r < 0 ? r : read_pcrs(pcrs, ret, err);
}

static int too_many(cocos_error **err, const char *what, size_t max)
{
    return cocos__fail(err, COCOS_ERR_EXHAUSTED, "vtpm.count", "more than %zu %s", max, what);
}

static int take(const cocos__pb_field *f, cocos__vtpm_message *m, cocos_error **err)
{
    switch (f->number) {
    case F_AK_PUB:
        return once(f, &m->ak_pub, err);
    case F_QUOTES:
        if (f->type != COCOS__PB_BYTES)
            return malformed(err, "a quote of another type");
        if (m->n_quotes == COCOS__QUOTES_MAX)
            return too_many(err, "quotes", COCOS__QUOTES_MAX);
        return read_quote(f->bytes, &m->quote[m->n_quotes++], err);
    case F_EVENT_LOG:
        return once(f, &m->event_log, err);
    case F_AK_CERT:
        return once(f, &m->ak_cert, err);
    case F_INTERMEDIATES:
        if (f->type != COCOS__PB_BYTES)
            return malformed(err, "a certificate of another type");
        if (m->n_intermediates == COCOS__INTERMEDIATES_MAX)
            return too_many(err, "intermediate certificates", COCOS__INTERMEDIATES_MAX);
        m->intermediate[m->n_intermediates++] = f->bytes;
        return COCOS_OK;
    case F_SNP:
        return once(f, &m->snp, err);
    case F_TDX:
        return once(f, &m->tdx, err);
    default:
        return COCOS_OK;
    }
}

static int read_message(cocos__span data, cocos__vtpm_message *ret, cocos_error **err)
{
    cocos__pb pb;
    cocos__pb_field f;
    int r;

    ret->ak_pub = ret->event_log = ret->ak_cert = ret->snp = ret->tdx = (cocos__span){NULL, 0};
    ret->svsm_manifest = (cocos__span){NULL, 0};
    ret->n_quotes = ret->n_intermediates = 0;
    cocos__pb_init(&pb, data);
    while ((r = next(&pb, &f, err)) > 0) {
        if ((r = take(&f, ret, err)) < 0)
            return r;
    }
    if (r == 0 && ret->snp.data && ret->tdx.data)
        return malformed(err, "reports of two kinds in one message");
    return r;
}

static int recognise(const uint8_t *data, size_t len)
{
    cocos__pb pb;
    cocos__pb_field f;

    cocos__pb_init(&pb, (cocos__span){data, len});
    if (cocos__pb_next(&pb, &f, NULL) <= 0 || f.type != COCOS__PB_BYTES || f.bytes.len < 8)
        return 0;
    if (f.number == F_AK_PUB) {
        uint16_t type = cocos__u16be(f.bytes.data);
        return (type == TPM_ALG_RSA || type == TPM_ALG_ECC) &&
               cocos__bank_of_alg(cocos__u16be(f.bytes.data + 2)) != COCOS__BANK_NONE;
    }
    if (f.number != F_QUOTES)
        return 0;
    cocos__pb_init(&pb, f.bytes);
    return cocos__pb_next(&pb, &f, NULL) > 0 && f.number == Q_ATTEST && f.type == COCOS__PB_BYTES &&
           f.bytes.len >= 4 && cocos__u32be(f.bytes.data) == TPM_GENERATED_VALUE;
}

/* A public area cannot be taken for a message: it begins with the type of its key. */
static int is_wrapped(const uint8_t *data, size_t len)
{
    cocos__pb pb;
    cocos__pb_field f;

    cocos__pb_init(&pb, (cocos__span){data, len});
    return cocos__pb_next(&pb, &f, NULL) > 0 && f.number == S_ATTESTATION &&
           f.type == COCOS__PB_BYTES && recognise(f.bytes.data, f.bytes.len);
}

/* An attestation with the report and the manifest of an SVSM around it. */
static int read_wrapped(cocos__span data, cocos__vtpm_message *ret, cocos_error **err)
{
    cocos__span part[S_VERSION] = {{NULL, 0}};
    cocos__pb pb;
    cocos__pb_field f;
    int r;

    cocos__pb_init(&pb, data);
    while ((r = next(&pb, &f, err)) > 0) {
        if (f.number <= S_VERSION && (r = once(&f, &part[f.number - 1], err)) < 0)
            return r;
    }
    cocos__span version = part[S_VERSION - 1];
    if (r == 0 && version.len && (version.len != 1 || version.data[0] != '0'))
        return malformed(err, "a services manifest of another version than 0");
    if (r == 0)
        r = read_message(part[S_ATTESTATION - 1], ret, err);
    if (r == 0 && (ret->snp.data || ret->tdx.data))
        return malformed(err, "two reports in one message");
    ret->snp = part[S_SNP - 1];
    ret->svsm_manifest = part[S_MANIFEST - 1];
    return r;
}

int cocos__vtpm_message_read(cocos__span data, cocos__vtpm_message *ret, cocos_error **err)
{
    return is_wrapped(data.data, data.len) ? read_wrapped(data, ret, err)
                                           : read_message(data, ret, err);
}

int cocos__vtpm_message_recognise(const uint8_t *data, size_t len)
{
    return recognise(data, len) || is_wrapped(data, len);
}
