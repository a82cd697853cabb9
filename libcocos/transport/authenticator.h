/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_TRANSPORT_AUTHENTICATOR_H
#define COCOS_TRANSPORT_AUTHENTICATOR_H

/*
 * Exported authenticators (RFC 9261) with evidence in their first certificate entry: requests,
 * authenticators, and the order in which they are judged (spec atls.md sections 5 to 7). Knows
 * nothing of connections; what belongs to one comes through a callback. Whatever is wrong with
 * bytes of the peer is UNAUTHENTICATED with a code "atls.…"; the codes stand for the error kinds of
 * the specification, see doc/errors.md.
 */

#include <openssl/x509.h>

#include "base/bytes.h"
#include "base/error.h"
#include "crypto/digest.h"

/* Types of the messages (RFC 8446 section 4, RFC 9261 section 4). */
enum cocos__ea_type {
    COCOS__EA_CERTIFICATE = 11,
    COCOS__EA_REQUEST_BY_SERVER = 13, /* CertificateRequest */
    COCOS__EA_CERTIFICATE_VERIFY = 15,
    COCOS__EA_REQUEST_BY_CLIENT = 17, /* ClientCertificateRequest */
    COCOS__EA_FINISHED = 20
};

/* Whose authenticator it is: this chooses the labels of the exporter, and nothing else does. */
enum cocos__ea_role { COCOS__EA_SERVER = 1, COCOS__EA_CLIENT = 2 };

#define COCOS__EA_EXT_SIGNATURES  0x000d
#define COCOS__EA_EXT_ATTESTATION 0xff00
#define COCOS__EA_EXT_CLIENT      0xff01 /* ours, private range: the client can attest itself */

#define COCOS__EA_ECDSA_P256 0x0403
#define COCOS__EA_RSA_PSS    0x0804
#define COCOS__EA_ED25519    0x0807

#define COCOS__EA_CONTEXT_MAX    255
#define COCOS__EA_EXPORTED       32
#define COCOS__EA_EXTENSIONS_MAX 32 /* of one vector */
#define COCOS__EA_CHAIN_MAX      17 /* certificates of one authenticator */

/* ---- One connection, as authenticators know it ---- */

/* Contexts that were used on a connection, so that none is used twice (RFC 9261 section 4). */
typedef struct cocos__ea_contexts {
    size_t n;
    uint8_t len[8];
    uint8_t at[8][COCOS__EA_CONTEXT_MAX];
} cocos__ea_contexts;

typedef struct cocos__ea_session {
    int hash; /* of the cipher suite: COCOS__SHA256 or COCOS__SHA384 */
    /* RFC 8446 section 7.5 exporter; an empty context and none give the same. */
    int (*exporter)(void *user,
                    const char *label,
                    cocos__span context,
                    uint8_t *out,
                    size_t len,
                    cocos_error **err);
    void *user;
    cocos__ea_contexts *used; /* NULL: not looked at */
} cocos__ea_session;

/* ---- Requests ---- */

typedef struct cocos__ea_extension {
    uint16_t type;
    cocos__span data;
} cocos__ea_extension;

typedef struct cocos__ea_extensions {
    size_t n;
    cocos__ea_extension at[COCOS__EA_EXTENSIONS_MAX];
} cocos__ea_extensions;

/* Everything is borrowed from the bytes. */
typedef struct cocos__ea_request {
    cocos__span bytes; /* the whole message, as it goes into the transcript */
    int type;          /* 13 or 17; either asks either side (section 5.1) */
    cocos__span context;
    cocos__ea_extensions extensions;
    cocos__span schemes; /* two bytes each; empty: missing or malformed */
    int offers;          /* evidence may come */
    int doubled;         /* some extension occurs twice: parsed, but not answered */
} cocos__ea_request;

/* One request, exact; bytes behind it are counted in *rest. */
int cocos__ea_request_parse(cocos__span bytes,
                            cocos__ea_request *ret,
                            size_t *rest,
                            cocos_error **err);
/*
 * Appends the request that we send: P-256 signatures, evidence; `client` != 0: the client offers to
 * attest itself. The context has 1 to 255 bytes.
 */
int cocos__ea_request_write(
    int type, cocos__span context, int client, cocos__buf *out, cocos_error **err);
const cocos__ea_extension *cocos__ea_find(const cocos__ea_extensions *list, uint16_t type);

/* ---- What ties evidence to a connection ---- */

typedef struct cocos__ea_binding {
    uint8_t exported[COCOS__EA_EXPORTED];
    uint8_t leaf[32]; /* SHA-256 of the leaf's SubjectPublicKeyInfo */
    uint8_t aik_pub_hash[48];
    uint8_t binding[48];
    size_t hash_len; /* of the last two */
    uint8_t report_data[64];
    uint8_t nonce[32];
} cocos__ea_binding;

int cocos__ea_bind(const cocos__ea_session *s,
                   cocos__span context,
                   const X509 *leaf,
                   cocos__ea_binding *ret,
                   cocos_error **err);

/* ---- Making ---- */

typedef struct cocos__ea_identity {
    X509 *leaf;             /* all borrowed */
    STACK_OF(X509) * chain; /* behind the leaf; NULL: none */
    EVP_PKEY *key;
} cocos__ea_identity;

/* The first scheme of the request that fits the key. "atls.request", "atls.scheme". */
int cocos__ea_scheme(const cocos__ea_request *rq,
                     const EVP_PKEY *key,
                     uint16_t *ret,
                     cocos_error **err);

/*
 * Appends an authenticator. `rq` NULL: unasked for, by a server only, with a context of its own.
 * `id` NULL: the empty one, which says no to a request. `extensions`: those of the leaf's entry,
 * encoded one behind the other.
 */
int cocos__ea_create(const cocos__ea_session *s,
                     int role,
                     const cocos__ea_request *rq,
                     const cocos__ea_identity *id,
                     cocos__span extensions,
                     cocos__buf *out,
                     cocos_error **err);

/* ---- Judging ---- */

/* What the judge asks for. */
typedef struct cocos__ea_terms {
    int role;
    const cocos__ea_request *request; /* NULL: unasked for, by a server only */
    X509_STORE *roots;                /* NULL: no chain is looked at */
    X509 *known; /* a certificate that was read already: its bytes are not read again; NULL: none */
    int attested; /* evidence must be there */
} cocos__ea_terms;

typedef struct cocos__ea_payload cocos__ea_payload;

typedef struct cocos__ea_result {
    int empty;           /* nobody is authenticated; never with roots or evidence asked for */
    cocos__span context; /* borrowed from the authenticator */
    cocos__span cmw;     /* likewise: the document in the leaf's entry; data NULL: none */
    size_t chain_len;
    cocos__ea_binding binding; /* unless empty */
    cocos__ea_payload *payload;
} cocos__ea_result;

/*
 * Is this an authenticator of that role, in answer to that request, on this connection? With
 * evidence its binder is checked too (section 7, steps 1 to 18); the evidence itself is for the
 * caller. *ret is valid only after COCOS_OK; end it with cocos__ea_result_done().
 */
int cocos__ea_validate(const cocos__ea_session *s,
                       const cocos__ea_terms *terms,
                       cocos__span authenticator,
                       cocos__ea_result *ret,
                       cocos_error **err);
void cocos__ea_result_done(cocos__ea_result *r);

/* For the files of this module: a refusal. */
int cocos__ea_fail(cocos_error **err, const char *code, const char *fmt, ...) COCOS__PRINTF(3, 4);

#endif
