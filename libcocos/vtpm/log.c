/* SPDX-License-Identifier: Apache-2.0 */
/* TCG PC Client Platform Firmware Profile, section 10: the records of an event log. */
#include "vtpm/log.h"

#include <string.h>

#include "crypto/digest.h"

#define SHA1_SIZE 20

static int malformed(const cocos__log *log, cocos_error **err, const char *what)
{
    return cocos__fail(err, COCOS_ERR_MALFORMED, "vtpm.log_format",
                       "event log: %s near byte %zu of %zu", what, log->r.pos, log->r.len);
}

static int wrong_algorithm(cocos_error **err, unsigned id, const char *what)
{
    return cocos__fail(err, COCOS_ERR_MALFORMED, "vtpm.log_algorithm",
                       "event log: algorithm 0x%04x %s", id, what);
}

/* Sizes of the algorithms we know; 0 for others, which are skipped by the announced size. */
static size_t known_size(uint16_t id)
{
    return id == TPM_ALG_SM3 ? 32 : cocos__bank_size(cocos__bank_of_alg(id));
}

static size_t announced_size(const cocos__log *log, uint16_t id)
{
    for (size_t i = 0; i < log->n_algs; i++) {
        if (log->alg[i].id == id)
            return log->alg[i].size;
    }
    return 0;
}

static int read_alg(cocos__log *log, cocos__reader *r, cocos_error **err)
{
    uint16_t id = cocos__read_u16le(r);
    uint16_t size = cocos__read_u16le(r);
    int bank = cocos__bank_of_alg(id);

    if (r->failed)
        return malformed(log, err, "the header is cut");
    if (announced_size(log, id))
        return wrong_algorithm(err, id, "is announced twice");
    if (size == 0 || size > 1024 || (known_size(id) && known_size(id) != size))
        return wrong_algorithm(err, id, "is announced with a wrong size");
    log->alg[log->n_algs].id = id;
    log->alg[log->n_algs++].size = size;
    if (bank != COCOS__BANK_NONE)
        log->banks |= 1u << bank;
    return COCOS_OK;
}

/* TCG_EfiSpecIDEvent behind its signature. */
static int read_spec_id(cocos__log *log, cocos__reader *r, cocos_error **err)
{
    cocos__read_span(r, 4 + 4); /* platform class; minor, major, errata, size of UINTN */
    uint32_t n = cocos__read_u32le(r);

    if (r->failed || n == 0 || n > COCOS__LOG_ALGS_MAX)
        return malformed(log, err, "the header announces no, or too many, algorithms");
    for (uint32_t i = 0; i < n; i++) {
        int s = read_alg(log, r, err);
        if (s < 0)
            return s;
    }
    cocos__read_span(r, cocos__read_u8(r)); /* vendor info */
    if (r->failed || cocos__reader_left(r) > 0)
        return malformed(log, err, "the header does not have the size that it says");
    return COCOS_OK;
}

/* The SHA-1 form of a record, TCG_PCClientPCREvent. */
static int read_old(cocos__log *log, cocos__event *ev, cocos_error **err)
{
    cocos__reader *r = &log->r;

    *ev = (cocos__event){0};
    ev->pcr = cocos__read_u32le(r);
    ev->type = cocos__read_u32le(r);
    ev->digest[COCOS__BANK_SHA1] = cocos__read_bytes(r, SHA1_SIZE);
    ev->data = cocos__read_span(r, cocos__read_u32le(r));
    return r->failed ? malformed(log, err, "a record is cut") : 1;
}

static int read_digest(cocos__log *log, cocos__event *ev, uint32_t *seen, cocos_error **err)
{
    cocos__reader *r = &log->r;
    uint16_t id = cocos__read_u16le(r);
    size_t i = 0;

    if (r->failed)
        return malformed(log, err, "a record is cut");
    while (i < log->n_algs && log->alg[i].id != id)
        i++;
    if (i == log->n_algs)
        return wrong_algorithm(err, id, "is not announced");
    if (*seen & UINT32_C(1) << i)
        return wrong_algorithm(err, id, "stands twice in one event");
    *seen |= UINT32_C(1) << i;

    const uint8_t *digest = cocos__read_bytes(r, log->alg[i].size);
    int bank = cocos__bank_of_alg(id);
    if (bank != COCOS__BANK_NONE)
        ev->digest[bank] = digest;
    return COCOS_OK;
}

/* The crypto-agile form, TCG_PCR_EVENT2. */
static int read_agile(cocos__log *log, cocos__event *ev, cocos_error **err)
{
    cocos__reader *r = &log->r;
    uint32_t seen = 0;

    *ev = (cocos__event){0};
    ev->pcr = cocos__read_u32le(r);
    ev->type = cocos__read_u32le(r);
    uint32_t n = cocos__read_u32le(r);
    if (r->failed || n > log->n_algs)
        return malformed(log, err, "a record is cut or has more digests than the header announces");
    if (n == 0 && ev->type != EV_NO_ACTION)
        return malformed(log, err, "a record has no digest");
    for (uint32_t i = 0; i < n; i++) {
        int s = read_digest(log, ev, &seen, err);
        if (s < 0)
            return s;
    }
    ev->data = cocos__read_span(r, cocos__read_u32le(r));
    return r->failed ? malformed(log, err, "a record is cut") : 1;
}

/*
 * Where the zeros or ones to the end begin: the unused rest of a log area (CCEL). Some firmware
 * writes a register 0xffffffff, of which there is none, before zeros.
 */
static size_t padding_of(cocos__span data)
{
    size_t at = data.len;
    uint8_t last = at ? data.data[at - 1] : 1;

    if (last != 0x00 && last != 0xff)
        return at;
    while (at > 0 && data.data[at - 1] == last)
        at--;
    int marked = at >= 4 && at < data.len && cocos__u32le(data.data + at - 4) == UINT32_MAX;
    return marked ? at - 4 : at;
}

int cocos__log_open(cocos__log *log, cocos__span data, cocos_error **err)
{
    static const char agile[16] = "Spec ID Event03";
    static const char old[16] = "Spec ID Event00";
    cocos__event first;
    cocos__reader r;

    *log = (cocos__log){.banks = 1u << COCOS__BANK_SHA1, .padding = padding_of(data)};
    cocos__reader_init(&log->r, data.data, data.len);
    if (data.len == 0)
        return malformed(log, err, "it is empty");
    int s = read_old(log, &first, err);
    if (s < 0)
        return s;
    int named = first.type == EV_NO_ACTION && first.data.len >= sizeof agile;
    if (named && memcmp(first.data.data, agile, sizeof agile) == 0) {
        log->agile = 1;
        log->banks = 0;
        cocos__reader_init(&r, first.data.data + sizeof agile, first.data.len - sizeof agile);
        return read_spec_id(log, &r, err);
    }
    /* Without that header the first record is an event like any other. */
    if (!named || memcmp(first.data.data, old, sizeof old) != 0)
        cocos__reader_init(&log->r, data.data, data.len);
    return COCOS_OK;
}

int cocos__log_next(cocos__log *log, cocos__event *ev, cocos_error **err)
{
    if (cocos__reader_left(&log->r) == 0 || log->r.pos >= log->padding)
        return 0;
    int s = log->agile ? read_agile(log, ev, err) : read_old(log, ev, err);
    if (s > 0 && ev->type != EV_NO_ACTION && ev->pcr >= COCOS__PCRS)
        return malformed(log, err, "a record extends a PCR above 23");
    return s;
}

int cocos__log_data_measured(const cocos__event *ev, int bank, cocos_error **err)
{
    uint8_t digest[COCOS__PCR_MAX];

    switch (ev->type) {
    case EV_SEPARATOR:
    case EV_S_CRTM_VERSION:
    case EV_EFI_VARIABLE_DRIVER_CONFIG:
    case EV_EFI_GPT_EVENT:
    case EV_EFI_ACTION:
    case EV_EFI_VARIABLE_AUTHORITY:
        break;
    default:
        return 0;
    }
    if (!ev->digest[bank])
        return 0;
    int r = cocos__digest(cocos__bank_digest(bank), ev->data.data, ev->data.len, digest, err);
    return r < 0 ? r : memcmp(digest, ev->digest[bank], cocos__bank_size(bank)) == 0;
}
