/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_VTPM_IMA_H
#define COCOS_VTPM_IMA_H

/*
 * Measurement lists of Linux IMA, templates ima, ima-ng and ima-sig, in the ASCII and the binary
 * form, and their replay into PCR 10. The template hash of every entry is computed from its fields,
 * so that a list can only be believed whole.
 */

#include "vtpm/tpm.h"

enum cocos__ima_form { COCOS__IMA_ASCII = 1, COCOS__IMA_BINARY = 2 };

/* One entry; `data` is the template's bytes, as the kernel hashed them. Valid until the next one.
 */
typedef struct cocos__ima_entry {
    uint32_t pcr;
    const char *template; /* static */
    uint8_t hash[20];     /* SHA-1 over `data` */
    cocos__span data;
} cocos__ima_entry;

typedef struct cocos__ima {
    cocos__reader r;
    int form;
    cocos__buf built; /* template bytes of an ASCII entry, or the padded name of template "ima" */
} cocos__ima;

int cocos__ima_form_of(cocos__span data); /* by the first bytes */
void cocos__ima_open(cocos__ima *ima, cocos__span data, int form);
/* 1: an entry; 0: the end; MALFORMED "vtpm.ima_format". */
int cocos__ima_next(cocos__ima *ima, cocos__ima_entry *entry, cocos_error **err);
void cocos__ima_done(cocos__ima *ima);

/* The two readers behind cocos__ima_next(). */
int cocos__ima_next_ascii(cocos__ima *ima, cocos__ima_entry *entry, cocos_error **err);
int cocos__ima_next_binary(cocos__ima *ima, cocos__ima_entry *entry, cocos_error **err);

#define COCOS__IMA_VIOLATIONS_MAX 16

typedef struct cocos__ima_result {
    uint8_t pcr10[COCOS__BANKS][COCOS__PCR_MAX];
    size_t entries;                              /* of PCR 10; only of these anything is proven */
    size_t others;                               /* of other PCRs, by a rule of the guest's own */
    size_t violations;                           /* of PCR 10 with an all-zero template hash */
    size_t violation[COCOS__IMA_VIOLATIONS_MAX]; /* the first of them, from 0 */
} cocos__ima_result;

/*
 * Replays the entries of PCR 10 for the banks of the mask. `padded`: banks other than SHA-1 were
 * extended with the SHA-1 hash and zeros (kernels before 5.8), else with the bank's own hash.
 * MALFORMED "vtpm.ima_format"; REJECTED "vtpm.ima_template_hash": an entry's hash is not that of
 * its fields.
 */
int cocos__ima_replay(cocos__span data,
                      int form,
                      unsigned banks,
                      int padded,
                      cocos__ima_result *ret,
                      cocos_error **err);

#endif
