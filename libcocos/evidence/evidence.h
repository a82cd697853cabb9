/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_EVIDENCE_EVIDENCE_H
#define COCOS_EVIDENCE_EVIDENCE_H

/*
 * Evidence from the devices of a guest. One attester a process: it chooses its providers when it is
 * opened, lets one caller at a time to a device, and waits for no device longer than its caller.
 */

#include "attest/envelope.h"
#include "base/cancel.h"

typedef struct cocos__attester cocos__attester; /* thread-safe */

/* NULL or 0: the default, which is that of the running system. */
typedef struct cocos__attester_options {
    const char *providers;    /* comma list of "tpm", "snp", "tdx", "sim-snp", "sim-tdx"; NULL:
                                 whatever is there, never sim */
    const char *tcti;         /* of the TPM: "device:/dev/tpmrm0", "swtpm:path=…" */
    const char *tsm_dir;      /* /sys/kernel/config/tsm/report */
    const char *sev_guest;    /* /dev/sev-guest */
    const char *tdx_guest;    /* /dev/tdx_guest */
    const char *security_dir; /* /sys/kernel/security: event log, IMA list */
    const char *ccel;         /* /sys/firmware/acpi/tables/data/CCEL: event log of TDX */
    const char *simulator;    /* directory with the keys of the simulator's hierarchy */
    int vmpl;                 /* of the SNP report; -1: the lowest that the guest may ask for */
    int64_t device_ns;        /* longest wait for one device; 0: 10 s, and 30 s to open it */
} cocos__attester_options;

/*
 * Opens what is there; why each provider is or is not in use goes to the log, and to reasons.
 * UNSUPPORTED "evidence.provider": one was named and is not there. A device that is there and does
 * not work is a failure too, with its own kind under "evidence.provider": evidence without it would
 * say less than this machine can. Without any device it succeeds, and making evidence fails with
 * UNSUPPORTED "evidence.none".
 */
int cocos__attester_open(const cocos__attester_options *o,
                         cocos__attester **ret,
                         cocos_error **err);
void cocos__attester_close(cocos__attester *a); /* NULL allowed */
COCOS__DEFINE_FREEP(cocos__attester_closep, cocos__attester *, cocos__attester_close)

/* "snp, tpm", "none"; one line for people on why. Borrowed. */
const char *cocos__attester_platform(const cocos__attester *a);
const char *cocos__attester_reasons(const cocos__attester *a);
/* SHA-256 of the TPM key's public area; NULL without a TPM. 32 bytes, borrowed. */
const uint8_t *cocos__attester_ak(const cocos__attester *a);

/*
 * Appends an envelope that vouches for the claims; key 5 is filled in here. Blocks.
 * TIMEOUT "evidence.timeout", IO "evidence.device", BUSY "evidence.busy": too many wait already,
 * CANCELLED, UNSUPPORTED "evidence.none".
 */
int cocos__attester_evidence(cocos__attester *a,
                             const cocos__claims *claims,
                             int64_t deadline_ns,
                             cocos_cancel *cancel,
                             cocos__buf *envelope,
                             cocos_error **err);

/* How many devices serve a request for which nobody waits any longer, its time being up. */
size_t cocos__attester_abandoned(const cocos__attester *a);

#define COCOS__EXTEND_MANIFEST "cocos-manifest/1"

/*
 * PCR 15 of every active bank, before a manifest is acted on: H_bank("cocos-manifest/1" || 0x00 ||
 * digest). Remembered for the part COCOS__MEDIA_EXTENDS. Nothing to do without a TPM. A register
 * that is exactly what this manifest alone makes of it is left as it is: an agent that started anew
 * within one boot does not extend twice.
 */
int cocos__attester_extend_manifest(cocos__attester *a,
                                    const uint8_t digest[32],
                                    int64_t deadline_ns,
                                    cocos_error **err);
/* Remembers what was extended before this process began. Both: EXHAUSTED "evidence.extends". */
int cocos__attester_note_manifest(cocos__attester *a,
                                  const uint8_t digest[32],
                                  int64_t deadline_ns,
                                  cocos_error **err);

#endif
