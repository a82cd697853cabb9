/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_VTPM_LOG_H
#define COCOS_VTPM_LOG_H

/*
 * Event logs of the TCG PC Client profile, crypto-agile and SHA-1 form, and their replay.
 *
 * What may be believed in a log whose replay equals quoted PCRs: the sequence of digests of each
 * PCR, and nothing else. Which event a digest is said to belong to (its type, its data) is the word
 * of whoever sent the log. Data may be believed only where their own digest is the logged one
 * (cocos__log_data_measured()).
 */

#include "vtpm/tpm.h"

/* Event types, TCG PC Client Platform Firmware Profile section 10.4.1 */
#define EV_NO_ACTION                     0x00000003u
#define EV_SEPARATOR                     0x00000004u
#define EV_EVENT_TAG                     0x00000006u
#define EV_S_CRTM_VERSION                0x00000008u
#define EV_IPL                           0x0000000du
#define EV_EFI_VARIABLE_DRIVER_CONFIG    0x80000001u
#define EV_EFI_BOOT_SERVICES_APPLICATION 0x80000003u
#define EV_EFI_GPT_EVENT                 0x80000006u
#define EV_EFI_ACTION                    0x80000007u
#define EV_EFI_VARIABLE_AUTHORITY        0x800000e0u

#define COCOS__LOG_ALGS_MAX 16

typedef struct cocos__event {
    uint32_t pcr;
    uint32_t type;
    const uint8_t *digest[COCOS__BANKS]; /* NULL: none of that bank */
    cocos__span data;
} cocos__event;

typedef struct cocos__log {
    cocos__reader r;
    size_t padding; /* position of the unused rest */
    int agile;
    unsigned banks; /* mask of 1 << enum cocos__tpm_bank that the header announces */
    size_t n_algs;
    struct {
        uint16_t id;
        uint16_t size;
    } alg[COCOS__LOG_ALGS_MAX];
} cocos__log;

/*
 * Begins to read. MALFORMED "vtpm.log_format": cut, or a size that leads outside;
 * "vtpm.log_algorithm": a known algorithm with a wrong size, or one announced twice.
 */
int cocos__log_open(cocos__log *log, cocos__span data, cocos_error **err);
/* 1: *ev is the next record (the Spec ID header is none); 0: the end; errors as above. */
int cocos__log_next(cocos__log *log, cocos__event *ev, cocos_error **err);

/* PCRs of some banks after a log. */
typedef struct cocos__replay {
    unsigned banks;                 /* that were asked for and are in the log */
    uint32_t touched[COCOS__BANKS]; /* PCRs that have events */
    size_t events;
    int locality; /* that started the machine */
    uint8_t pcr[COCOS__BANKS][COCOS__PCRS][COCOS__PCR_MAX];
} cocos__replay;

/*
 * Replays the log for the banks of the mask. PCRs begin as zeros, PCR 0 with the locality of the
 * log. Errors of the reader; EV_NO_ACTION is never extended.
 */
int cocos__log_replay(cocos__span data, unsigned banks, cocos__replay *ret, cocos_error **err);

/* 1 when the type is one whose digest is that of its data, and it is. */
int cocos__log_data_measured(const cocos__event *ev, int bank, cocos_error **err);

/* value = H_bank(value || digest). */
int cocos__pcr_extend(int bank, uint8_t *value, const uint8_t *digest, cocos_error **err);

#endif
