/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_EVIDENCE_TSM_H
#define COCOS_EVIDENCE_TSM_H

/*
 * configfs-tsm (Linux, Documentation/ABI/testing/configfs-tsm-report): a directory is made for a
 * request, which is written into it, and the report is read out of it.
 */

#include "evidence/provider.h"

#define COCOS__TSM_BLOB_MAX 65536

typedef struct cocos__tsm_answer {
    cocos__buf report;   /* outblob */
    cocos__buf extra;    /* auxblob: certificates; may be empty */
    cocos__buf manifest; /* manifestblob: of the SVSM's services; empty without an SVSM */
} cocos__tsm_answer;
void cocos__tsm_answer_init(cocos__tsm_answer *a);
void cocos__tsm_answer_done(cocos__tsm_answer *a);

/*
 * Is this directory there, and served by this driver ("sev_guest", "tdx_guest")? NOT_FOUND, DENIED
 * or UNSUPPORTED "evidence.device" when not. `svsm` becomes 1 when reports come from an SVSM.
 */
int cocos__tsm_probe(const char *dir, const char *driver, int *svsm, cocos_error **err);

/*
 * One report for ask->report_data. vmpl: privilege level, -1: the lowest that may be asked for;
 * with `svsm` the SVSM asks, at level 0. IO "evidence.device"; TIMEOUT "evidence.timeout" when the
 * driver was busy for too long; UNSUPPORTED "evidence.vmpl".
 */
int cocos__tsm_report(const char *dir,
                      const cocos__ask *ask,
                      int vmpl,
                      int svsm,
                      cocos__tsm_answer *ret,
                      cocos_error **err);

#endif
