/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_SNP_ENDORSEMENT_H
#define COCOS_SNP_ENDORSEMENT_H

/*
 * The key that endorses reports (VCEK or VLEK) with its chain to AMD's root (AMD 57230). Building
 * one does the expensive work, so that a verifier can keep it; what depends on the time is checked
 * anew at every use.
 */

#include "base/rows.h"
#include "crypto/chain.h"
#include "snp/report.h"

/* SHA-256 of the SubjectPublicKeyInfo of the ARKs, compiled in. */
extern const cocos__pin cocos__snp_pins[];
extern const size_t cocos__snp_pins_n;

/* What the endorsement certificate's extensions say. */
typedef struct cocos__snp_leaf {
    int line; /* of the product name */
    cocos__snp_tcb tcb;
    cocos__span hwid;   /* VCEK: 64 or 8 bytes */
    cocos__span csp_id; /* VLEK */
    char product[32];
} cocos__snp_leaf;

/* COCOS__SNP_VCEK or COCOS__SNP_VLEK by its subject; -1: it is the key of no chip or provider. */
int cocos__snp_leaf_kind(const cocos__cert *cert);
/* Reads the extensions; NULL, or what is wrong with them. Static. */
const char *cocos__snp_leaf_read(const cocos__cert *cert, int kind, cocos__snp_leaf *ret);

/* 1 when it was made for the TCB and, where both say it, the chip that the report names. */
int cocos__snp_leaf_is_for(const cocos__snp_leaf *leaf, const cocos__snp_report *report);

typedef struct cocos__snp_endorsement {
    cocos__cert *leaf; /* NULL: none of the right kind was given */
    cocos__cert *mid;
    cocos__cert *root;
    int kind; /* enum cocos__snp_signing_key that the leaf names; -1 when it names neither */
    int line; /* by the leaf's issuer */
    cocos__snp_leaf ext;
    const char *profile_defect; /* static; NULL: as AMD makes them */
    const char *ext_defect;
    const char *chain_defect; /* NULL: every signature up to `root` holds */
    int chain_complete;       /* intermediate and root were there */
    const char *root_name;    /* NULL: the root is not trusted */
    int simulated;            /* trusted, but not one of AMD's */
    int own_roots;            /* the policy's were asked for, not AMD's */
} cocos__snp_endorsement;

/*
 * Sorts certificates into a chain for `report` and verifies its signatures. Of several keys of its
 * kind the one made for it is taken, else the first. NULL: no report can be read, and a VCEK is
 * looked for. `roots` NULL: AMD's pins. Otherwise exactly these certificates' keys are trusted;
 * they also serve as roots that `certs` lacks. Defects are noted, not returned: COCOS_OK, or
 * MEMORY.
 */
int cocos__snp_endorse(const cocos__certs *certs,
                       const cocos__snp_report *report,
                       const cocos__certs *roots,
                       cocos__snp_endorsement *ret,
                       cocos_error **err);
void cocos__snp_endorsement_done(cocos__snp_endorsement *e);

/* 1 when the key may be believed, the time apart. */
int cocos__snp_endorsement_holds(const cocos__snp_endorsement *e);

#endif
