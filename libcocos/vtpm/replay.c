/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "crypto/digest.h"
#include "vtpm/log.h"

int cocos__pcr_extend(int bank, uint8_t *value, const uint8_t *digest, cocos_error **err)
{
    uint8_t both[2 * COCOS__PCR_MAX];
    size_t n = cocos__bank_size(bank);

    memcpy(both, value, n);
    memcpy(both + n, digest, n);
    return cocos__digest(cocos__bank_digest(bank), both, 2 * n, value, err);
}

#define STEPS 64

/* One hasher a bank, with the steps that wait for it: no allocation and few calls for a log. */
typedef struct hashers {
    cocos__hasher *at[COCOS__BANKS];
    size_t waiting[COCOS__BANKS];
    cocos__extension step[COCOS__BANKS][STEPS];
} hashers;

static void hashers_done(hashers *h)
{
    for (int b = 0; b < COCOS__BANKS; b++)
        cocos__hasher_free(h->at[b]);
}

static int hashers_init(hashers *h, unsigned banks, cocos_error **err)
{
    int r = COCOS_OK;

    memset(h->waiting, 0, sizeof h->waiting);
    for (int b = 0; r == COCOS_OK && b < COCOS__BANKS; b++) {
        if (banks & 1u << b)
            r = cocos__hasher_new(cocos__bank_digest(b), &h->at[b], err);
    }
    return r;
}

/*
 * EV_NO_ACTION "StartupLocality" says how PCR 0 began (TCG PC Client section 10.4.5.3). Other
 * records of this type say nothing that a PCR depends on.
 */
static int read_locality(const cocos__event *ev, int *known, cocos__replay *ret, cocos_error **err)
{
    static const char name[16] = "StartupLocality";

    if (ev->pcr != 0 || ev->data.len < sizeof name || memcmp(ev->data.data, name, sizeof name) != 0)
        return COCOS_OK;
    int locality = ev->data.len == sizeof name + 1 ? ev->data.data[sizeof name] : -1;
    if ((locality != 0 && locality != 3 && locality != 4) || (*known && ret->locality != locality))
        return cocos__fail(err, COCOS_ERR_MALFORMED, "vtpm.log_format",
                           "event log: a startup locality other than 0, 3 or 4, or two of them");
    *known = 1;
    ret->locality = locality;
    return COCOS_OK;
}

static int flush(hashers *h, int bank, cocos_error **err)
{
    size_t n = h->waiting[bank];

    h->waiting[bank] = 0;
    return n ? cocos__hasher_extend(h->at[bank], h->step[bank], n, err) : COCOS_OK;
}

static int flush_all(hashers *h, cocos_error **err)
{
    int r = COCOS_OK;

    for (int b = 0; r == COCOS_OK && b < COCOS__BANKS; b++)
        r = flush(h, b, err);
    return r;
}

static int apply(const cocos__event *ev, hashers *h, cocos__replay *ret, cocos_error **err)
{
    for (int b = 0; b < COCOS__BANKS; b++) {
        if (!(ret->banks & 1u << b) || !ev->digest[b])
            continue;
        ret->touched[b] |= UINT32_C(1) << ev->pcr;
        int r = h->waiting[b] == STEPS ? flush(h, b, err) : COCOS_OK;
        if (r < 0)
            return r;
        h->step[b][h->waiting[b]++] = (cocos__extension){ret->pcr[b][ev->pcr], ev->digest[b]};
    }
    return COCOS_OK;
}

static void begin(cocos__replay *ret, int locality)
{
    memset(ret->touched, 0, sizeof ret->touched);
    memset(ret->pcr, 0, sizeof ret->pcr);
    ret->events = 0;
    for (int b = 0; b < COCOS__BANKS; b++)
        ret->pcr[b][0][cocos__bank_size(b) - 1] = (uint8_t)locality;
}

/* Once over all records, from PCRs that began at the locality that is known so far. */
static int
pass(const cocos__log *opened, hashers *h, int *known, cocos__replay *ret, cocos_error **err)
{
    cocos__log log = *opened;
    cocos__event ev;
    int r = COCOS_OK;

    begin(ret, ret->locality);
    while (r == COCOS_OK && (r = cocos__log_next(&log, &ev, err)) > 0) {
        ret->events++;
        if (ev.type != EV_NO_ACTION) {
            r = apply(&ev, h, ret, err);
            continue;
        }
        r = read_locality(&ev, known, ret, err);
    }
    return r == COCOS_OK ? flush_all(h, err) : r;
}

int cocos__log_replay(cocos__span data, unsigned banks, cocos__replay *ret, cocos_error **err)
{
    COCOS__CLEANUP(hashers_done) hashers h;
    cocos__log log;
    int known = 0;

    memset(h.at, 0, sizeof h.at);
    ret->locality = 0;
    int r = cocos__log_open(&log, data, err);
    if (r < 0)
        return r;
    ret->banks = banks & log.banks;
    r = hashers_init(&h, ret->banks, err);
    if (r == COCOS_OK)
        r = pass(&log, &h, &known, ret, err);
    /* The record that says where PCR 0 began may come late: once more, from there. */
    return r == COCOS_OK && ret->locality ? pass(&log, &h, &known, ret, err) : r;
}
