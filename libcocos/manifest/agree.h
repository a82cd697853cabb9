/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_MANIFEST_AGREE_H
#define COCOS_MANIFEST_AGREE_H

/*
 * The old fields of a run request (cvms.proto, ComputationRunReq) as plain C: the server fills them
 * from a manifest, the agent checks that those it received agree with the manifest beside them.
 * Texts are never NULL: absent is "". A source or kbs with all members empty is absent.
 */

#include <cocos/manifest.h>

#include "base/bytes.h"

typedef struct cocos__old_source {
    const char *type;
    const char *url;
    const char *kbs_resource_path;
    int encrypted;
} cocos__old_source;

typedef struct cocos__old_asset {
    cocos__span hash;
    cocos__span user_key; /* DER SubjectPublicKeyInfo */
    const char *filename; /* data sets */
    int decompress;       /* data sets */
    cocos__old_source source;
    const char *kbs_url;
    int kbs_enabled;
} cocos__old_asset;

typedef struct cocos__old_fields {
    const char *id;
    const char *name;
    const char *description;
    cocos__old_asset algorithm;
    const char *algo_type;
    const char **algo_args; /* array owned by the struct, texts borrowed */
    size_t n_algo_args;
    cocos__old_asset *datasets; /* array owned by the struct */
    size_t n_datasets;
    cocos__span *consumers; /* user keys; array owned by the struct */
    size_t n_consumers;
    const char *port;
    const char *cert_file;
    const char *key_file;
    const char *client_ca_file;
    const char *server_ca_file;
    const char *log_level;
    int attested_tls;
} cocos__old_fields;

/* What the old fields beside this manifest must be. Everything borrowed from m but the arrays. */
int cocos__manifest_old_fields(const cocos_manifest *m, cocos__old_fields *old, cocos_error **err);
/* Frees the arrays. */
void cocos__old_fields_done(cocos__old_fields *old);

/*
 * Every old field equals its twin, and none is missing. MALFORMED "manifest.disagrees"; each
 * further disagreement is the cause of the one before.
 */
int cocos__manifest_agrees(const cocos_manifest *m,
                           const cocos__old_fields *old,
                           cocos_error **err);

#endif
