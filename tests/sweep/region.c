/* SPDX-License-Identifier: Apache-2.0 */
#include "region.h"

#include <cocos/verifier.h>

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/pem.h>

#include "snp/table.h"
#include "tdx/quote.h"
#include "vtpm/log.h"
#include "vtpm/message.h"

static void name(regions *r, size_t at, size_t n, const char *text)
{
    for (size_t i = 0; i < n && at + i < r->len; i++)
        r->of[at + i] = text;
}

static void name_span(regions *r, cocos__span whole, cocos__span s, const char *text)
{
    if (s.len)
        name(r, (size_t)(s.data - whole.data), s.len, text);
}

/* Is the certificate in this armour one that signed itself? */
static int is_root(const char *from, size_t len)
{
    BIO *bio = BIO_new_mem_buf(from, (int)len);
    X509 *x = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    int root = x && X509_NAME_cmp(X509_get_subject_name(x), X509_get_issuer_name(x)) == 0;

    X509_free(x);
    BIO_free(bio);
    return root;
}

/* Armour, line ends and digits of one certificate. */
static void name_armour(regions *r, size_t at, const char *from, size_t len)
{
    const char *digits = "PEM: certificate";
    int dashed = 1;

    if (is_root(from, len)) {
        name(r, at, len, "PEM: root certificate");
        return;
    }
    for (size_t i = 0; i < len; i++) {
        if (i == 0 || from[i - 1] == '\n')
            dashed = from[i] == '-';
        r->of[at + i] = isspace((unsigned char)from[i]) ? "PEM: line end"
                        : dashed                        ? "PEM: armour"
                                                        : digits;
    }
}

/* Is DER of this part a certificate that signed itself? */
static int is_root_der(cocos__span data)
{
    const uint8_t *p = data.data;
    X509 *x = d2i_X509(NULL, &p, (long)data.len);
    int root = x && X509_NAME_cmp(X509_get_subject_name(x), X509_get_issuer_name(x)) == 0;

    X509_free(x);
    return root;
}

static void name_pem(regions *r, cocos__span whole, cocos__span pem)
{
    static const char begin[] = "-----BEGIN ";
    static const char end[] = "-----END CERTIFICATE-----";
    size_t base = (size_t)(pem.data - whole.data);
    const char *text = (const char *)pem.data;
    const char *stop = text + pem.len;

    name(r, base, pem.len, "PEM: behind the certificates");
    for (const char *at = text; at < stop;) {
        const char *from = memmem(at, (size_t)(stop - at), begin, sizeof begin - 1);
        const char *to = from ? memmem(from, (size_t)(stop - from), end, sizeof end - 1) : NULL;
        if (!to)
            break;
        to += sizeof end - 1;
        if (to < stop && memmem(to, (size_t)(stop - to), begin, sizeof begin - 1))
            to++; /* the line end before the next one */
        name_armour(r, base + (size_t)(from - text), from, (size_t)(to - from));
        at = to;
    }
}

static void name_table(regions *r, cocos__span data)
{
    cocos__snp_table t;

    if (cocos__snp_table_parse(data, &t, NULL) < 0)
        abort();
    name(r, 0, data.len, "table: places and lengths");
    for (size_t i = 0; i < t.n; i++) {
        cocos__span blob = t.entry[i].blob;
        if (memmem(blob.data, blob.len, "-----BEGIN", 10))
            name_pem(r, data, blob);
        else
            name_span(r, data, blob, "DER: certificate");
    }
}

static void name_certificates(regions *r, cocos__span data)
{
    if (memmem(data.data, data.len, "-----BEGIN", 10))
        name_pem(r, data, data);
    else
        name(r, 0, data.len, is_root_der(data) ? "DER: root certificate" : "DER: certificate");
}

/* {"name":OBJECT,"signature":"HEX"} and what stands between. */
static void name_signed_json(regions *r, cocos__span data)
{
    const uint8_t *hex = memmem(data.data, data.len, "\"signature\"", 11);

    name(r, 0, data.len, "JSON: object and its frame");
    if (!hex)
        return;
    size_t at = (size_t)(hex - data.data) + 11;
    for (size_t i = at; i < data.len; i++)
        r->of[i] = isxdigit(data.data[i]) ? "JSON: digits of the signature" : r->of[i];
}

static void name_quote(regions *r, cocos__span data)
{
    cocos__tdx_quote q;
    int cut = 0;
    size_t end;

    if (cocos__tdx_quote_read(data.data, data.len, &q, &cut, NULL) < 0)
        abort();
    end = (size_t)(q.pck_chain.data - data.data) + q.pck_chain.len;
    name(r, 0, end, "quote: lengths and types of its parts");
    name(r, end, data.len - end, "quote: behind its end");
    name_span(r, data, q.signed_part, "quote: header and body");
    name(r, (size_t)(q.signature - data.data), 64, "quote: signature");
    name(r, (size_t)(q.attestation_key - data.data), 64, "quote: attestation key");
    name(r, (size_t)(q.qe_report - data.data), 384, "quote: report of the quoting enclave");
    name(r, (size_t)(q.qe_report_signature - data.data), 64, "quote: signature of that report");
    name_span(r, data, q.qe_auth_data, "quote: authentication data");
    name_pem(r, data, q.pck_chain);
}

/* Where a log lies in a message, and of which banks there are quotes. */
typedef struct place {
    size_t base;
    const uint8_t *log;
    unsigned quoted;
} place;

static void name_event(regions *r, const place *p, size_t from, size_t to, const cocos__event *ev)
{
    size_t base = p->base;

    if (ev->type == EV_NO_ACTION) {
        name(r, base + from, to - from, "log: record that is not measured");
        return;
    }
    name(r, base + from, to - from, "log: register, algorithms and lengths");
    name(r, base + from + 4, 4, "log: type of an event");
    for (int b = 0; b < COCOS__BANKS; b++) {
        if (ev->digest[b])
            name(r, base + (size_t)(ev->digest[b] - p->log), cocos__bank_size(b),
                 p->quoted >> b & 1 ? "log: digest" : "log: digest of a bank without a quote");
    }
    if (ev->data.len)
        name(r, base + (size_t)(ev->data.data - p->log), ev->data.len, "log: data of an event");
}

static void name_log(regions *r, cocos__span whole, cocos__span data, unsigned quoted)
{
    place p = {(size_t)(data.data - whole.data), data.data, quoted};
    cocos__log log;
    cocos__event ev;

    if (cocos__log_open(&log, data, NULL) < 0)
        abort();
    name(r, p.base, data.len, "log: header");
    for (size_t from = log.r.pos; cocos__log_next(&log, &ev, NULL) > 0; from = log.r.pos)
        name_event(r, &p, from, log.r.pos, &ev);
    name(r, p.base + log.r.pos, data.len - log.r.pos, "log: behind its end");
}

static void name_message(regions *r, cocos__span data)
{
    cocos__vtpm_message m;
    unsigned quoted = 0;

    if (cocos__vtpm_message_read(data, &m, NULL) < 0) {
        name(r, 0, data.len, "TPM: quote"); /* a single TPMS_ATTEST */
        return;
    }
    name(r, 0, data.len, "message: names and lengths of its parts");
    name_span(r, data, m.ak_pub, "TPM: public area of the key");
    name_span(r, data, m.ak_cert, "message: certificate of the key");
    name_span(r, data, m.snp, "message: report");
    name_span(r, data, m.tdx, "message: report");
    for (size_t i = 0; i < m.n_intermediates; i++)
        name_span(r, data, m.intermediate[i], "message: certificate above it");
    for (size_t i = 0; i < m.n_quotes; i++) {
        int weak = m.quote[i].bank == COCOS__BANK_SHA1;
        if (m.quote[i].bank != COCOS__BANK_NONE)
            quoted |= 1u << m.quote[i].bank;
        name_span(r, data, m.quote[i].attest, weak ? "TPM: SHA-1 quote" : "TPM: quote");
        name_span(r, data, m.quote[i].signature, weak ? "TPM: SHA-1 signature" : "TPM: signature");
        for (int p = 0; p < COCOS__PCRS; p++)
            name_span(r, data, m.quote[i].pcr[p], weak ? "TPM: SHA-1 value" : "TPM: value");
    }
    if (m.event_log.len)
        name_log(r, data, m.event_log, quoted);
}

static int digit64(int c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = c ? strchr(digits, c) : NULL;

    return at ? (int)(at - digits) : -1;
}

/* Of the last digit before one = two bits mean nothing, before two = four. */
static int is_unused(cocos__span data, size_t at, int flipped)
{
    int was = digit64(data.data[at]);
    int is = digit64(flipped);
    int pads = 0;

    while (at + 1 + (size_t)pads < data.len && data.data[at + 1 + (size_t)pads] == '=')
        pads++;
    return was >= 0 && is >= 0 && pads > 0 && (was ^ is) < 1 << 2 * pads;
}

const char *region_of_bit(const regions *r, cocos__span data, size_t bit)
{
    const char *text = r->of[bit / 8];
    int was = data.data[bit / 8];
    int flipped = was ^ 1 << bit % 8;

    if ((strcmp(text, "PEM: certificate") == 0 || strcmp(text, "PEM: root certificate") == 0) &&
        is_unused(data, bit / 8, flipped))
        return "PEM: unused bit of a last digit";
    if (strcmp(text, "JSON: digits of the signature") == 0 && isalpha(was) &&
        toupper(was) == toupper(flipped))
        return "JSON: case of a digit of the signature";
    if (strcmp(text, "TPM: values as JSON") == 0 && isalpha(was) &&
        toupper(was) == toupper(flipped))
        return "TPM: case of a digit of a value";
    return text;
}

regions regions_of(int kind, int part, cocos__span data)
{
    regions r = {calloc(data.len + 1, sizeof *r.of), data.len};

    if (!r.of)
        abort();
    if (part == 0 && kind == COCOS_EVIDENCE_SNP)
        name(&r, 0, data.len, "report");
    else if (part == 0 && kind == COCOS_EVIDENCE_TDX)
        name_quote(&r, data);
    else if (part == 0)
        name_message(&r, data);
    else if (part == COCOS_PART_CERTIFICATES || part == COCOS_PART_TCB_CHAIN)
        name_certificates(&r, data);
    else if (part == COCOS_PART_TCB_INFO || part == COCOS_PART_QE_IDENTITY)
        name_signed_json(&r, data);
    else if (part == COCOS_PART_CRL)
        name(&r, 0, data.len, "revocation list");
    else if (part == COCOS_PART_EVENT_LOG && kind == COCOS_EVIDENCE_TDX)
        name_log(&r, data, data, 1u << COCOS__BANK_SHA384); /* CCEL, for RTMRs */
    else if (part == COCOS_PART_CERT_TABLE)
        name_table(&r, data);
    else if (part == COCOS_PART_TPM_PUBLIC)
        name(&r, 0, data.len, "TPM: public area of the key");
    else if (part == COCOS_PART_TPM_SIGNATURE)
        name(&r, 0, data.len, "TPM: signature");
    else if (part == COCOS_PART_TPM_PCRS)
        name(&r, 0, data.len, "TPM: values as JSON");
    else
        name(&r, 0, data.len, "something else");
    return r;
}

void regions_free(regions *r)
{
    free(r->of);
    r->of = NULL;
}
