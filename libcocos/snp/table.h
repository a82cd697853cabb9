/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_SNP_TABLE_H
#define COCOS_SNP_TABLE_H

/* The certificate table of an extended report (AMD 56421, GHCB: SNP Extended Guest Request). */

#include "base/bytes.h"
#include "base/error.h"

enum cocos__snp_table_kind {
    COCOS__SNP_TABLE_OTHER = 0,
    COCOS__SNP_TABLE_VCEK = 1,
    COCOS__SNP_TABLE_VLEK = 2,
    COCOS__SNP_TABLE_ASK = 3,
    COCOS__SNP_TABLE_ARK = 4,
    COCOS__SNP_TABLE_CRL = 5,
    COCOS__SNP_TABLE_PLATFORM = 6
};

#define COCOS__SNP_TABLE_MAX 16 /* entries */

typedef struct cocos__snp_table {
    struct {
        int kind;
        const uint8_t *guid; /* 16 bytes */
        cocos__span blob;
    } entry[COCOS__SNP_TABLE_MAX];
    size_t n;
} cocos__snp_table;

/* MALFORMED "snp.cert_table": no terminator, or an entry that points outside; EXHAUSTED: too many.
 */
int cocos__snp_table_parse(cocos__span data, cocos__snp_table *ret, cocos_error **err);

#endif
