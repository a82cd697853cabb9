/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_MEASURE_PE_H
#define COCOS_MEASURE_PE_H

/* Executables for EFI as firmware measures them. */

#include "base/bytes.h"
#include "base/error.h"

/*
 * The Authenticode digest of a PE32 or PE32+ image (Microsoft, "Windows Authenticode Portable
 * Executable Signature Format", calculating the PE image hash): all of the file but the checksum,
 * the entry of the certificate table, and that table. alg is an enum cocos__digest_alg. MALFORMED
 * "measure.kernel": no such image, or one whose sections overlap or lead outside.
 */
int cocos__pe_digest(cocos__span image, int alg, uint8_t *out, cocos_error **err);

#endif
