/* SPDX-License-Identifier: Apache-2.0 */
/* What the rows of each file of the set "atls" hold, those members too that nobody compares. */
#include "atls.h"

#include <string.h>

#define OUTCOME FLAG(MUST, "ok"), TEXT(MAY, "error_kind"), TEXT(MAY, "upstream_error")

static const shape outcome[] = {OUTCOME, END};
static const shape extension[] = {TEXT(MUST, "type"), TEXT(MUST, "data"), END};

static const shape identity_row[] = {TEXT(MUST, "id"),
                                     TEXT(MUST, "aik_pub_hash_sha256"),
                                     TEXT(MUST, "aik_pub_hash_sha384"),
                                     LIST(MAY, "chain_der_bytes", NULL),
                                     TEXT(MAY, "chain_pem"),
                                     TEXT(MAY, "key_pem"),
                                     TEXT(MAY, "roots_pem"),
                                     TEXT(MAY, "spki"),
                                     END};

static const shape export[] = {TEXT(MUST, "label"),          TEXT(MUST, "context"),
                               FLAG(MAY, "context_present"), NUMBER(MUST, "length"),
                               TEXT(MUST, "output"),         END};
static const shape session_row[] = {TEXT(MUST, "id"),
                                    TEXT(MUST, "exporter_secret"),
                                    LIST(MUST, "exports", export),
                                    TEXT(MAY, "alpn"),
                                    TEXT(MAY, "cipher_suite"),
                                    TEXT(MAY, "cipher_suite_name"),
                                    TEXT(MAY, "hash"),
                                    LIST(MAY, "keylog", NULL),
                                    TEXT(MAY, "tls_version"),
                                    END};

static const shape oid_filter[] = {TEXT(MUST, "oid"), TEXT(MUST, "values"), END};
static const shape request_expect[] = {OUTCOME,
                                       NUMBER(MAY, "type"),
                                       TEXT(MAY, "context"),
                                       LIST(MAY, "extensions", extension),
                                       FLAG(MAY, "offers_cmw"),
                                       TEXT(MAY, "rest"),
                                       LIST(MAY_NULL, "signature_schemes", NULL),
                                       FLAG(MAY, "signature_schemes_ok"),
                                       FLAG(MAY, "reencodes_identically"),
                                       LIST(MAY, "certificate_authorities", NULL),
                                       LIST(MAY, "oid_filters", oid_filter),
                                       END};
static const shape request_row[] = {TEXT(MUST, "name"), TEXT(MUST, "bytes"),
                                    OBJECT(MUST, "expect", request_expect), END};

static const shape create_row[] = {TEXT(MUST, "name"),
                                   TEXT(MUST, "session"),
                                   TEXT(MUST, "identity"),
                                   ONE_OF(MUST, "role", "client|server"),
                                   TEXT(MUST_NULL, "request"),
                                   LIST(MUST, "leaf_extensions", extension),
                                   FLAG(MUST, "deterministic"),
                                   TEXT(MAY, "authenticator"),
                                   OBJECT(MUST, "expect", outcome),
                                   END};

static const shape authenticator_expect[] = {OUTCOME,
                                             NUMBER(MAY, "chain_len"),
                                             FLAG(MAY, "empty"),
                                             TEXT(MAY, "cmw"),
                                             TEXT(MAY, "context"),
                                             TEXT(MAY, "evidence"),
                                             FLAG(MAY, "binding_verified"),
                                             FLAG(MAY, "evidence_verified"),
                                             FLAG(MAY, "results_verified"),
                                             END};
static const shape intermediate[] = {TEXT(MUST, "aik_pub_hash"),
                                     TEXT(MUST, "binding"),
                                     TEXT(MUST, "exported_value"),
                                     NUMBER(MAY, "certificate_len"),
                                     NUMBER(MAY, "certificate_verify_len"),
                                     TEXT(MAY, "cv_input"),
                                     TEXT(MAY, "finished_key"),
                                     TEXT(MAY, "handshake_context"),
                                     TEXT(MAY, "transcript_hash_cv"),
                                     TEXT(MAY, "transcript_hash_fin"),
                                     TEXT(MAY, "verify_data"),
                                     END};
static const shape authenticator_row[] = {TEXT(MUST, "name"),
                                          TEXT(MUST, "session"),
                                          TEXT(MUST, "authenticator"),
                                          ONE_OF(MUST, "evidence_verifier", "none|accept|reject"),
                                          ONE_OF(MUST, "results_verifier", "none|accept|reject"),
                                          ONE_OF(MUST, "role", "client|server"),
                                          TEXT(MUST_NULL, "request"),
                                          TEXT(MAY, "identity"),
                                          TEXT(MAY, "roots_pem"),
                                          OBJECT(MUST, "expect", authenticator_expect),
                                          OBJECT(MAY, "intermediate", intermediate),
                                          FLAG(MAY, "libcocos_must_reject"),
                                          OBJECT(MAY, "spontaneous_policy", NULL),
                                          TEXT(MAY, "note"),
                                          END};

static const shape provider_row[] = {TEXT(MUST, "name"),
                                     TEXT(MUST, "session"),
                                     TEXT(MUST, "identity"),
                                     TEXT(MUST, "context"),
                                     TEXT(MUST, "evidence"),
                                     TEXT(MUST, "exported_value"),
                                     TEXT(MUST, "aik_pub_hash"),
                                     TEXT(MUST, "binding"),
                                     TEXT(MUST, "report_data"),
                                     TEXT(MUST, "nonce"),
                                     TEXT(MUST, "extension"),
                                     TEXT(MUST, "payload_json"),
                                     END};
static const shape limit[] = {NUMBER(MUST, "evidence_len"), NUMBER(MAY, "extension_data_len"),
                              OBJECT(MUST, "expect", outcome), OBJECT(MAY, "create", outcome), END};
static const shape limits_row[] = {TEXT(MUST, "name"), LIST(MUST, "cases", limit), END};

static const shape payload_expect[] = {OUTCOME,
                                       NUMBER(MAY, "version"),
                                       TEXT(MAY, "media_type"),
                                       TEXT(MAY, "evidence"),
                                       TEXT(MAY, "aik_pub_hash"),
                                       TEXT(MAY, "binding"),
                                       TEXT(MAY, "attestation_results"),
                                       TEXT(MAY, "exporter_label"),
                                       TEXT(MAY, "reencoded"),
                                       END};
static const shape payload_row[] = {TEXT(MAY, "name"), TEXT(MUST, "raw_hex"), TEXT(MAY, "note"),
                                    OBJECT(MUST, "expect", payload_expect), END};

static const shape step[] = {ONE_OF(MUST, "op", "create|validate"),
                             ONE_OF(MUST, "store", "A|B|C|D|E|F"),
                             ONE_OF(MAY, "evidence_verifier", "none|accept|reject"),
                             TEXT(MAY, "tamper"),
                             OBJECT(MUST, "expect", outcome),
                             TEXT(MAY, "note"),
                             END};
static const shape sequence_row[] = {
    TEXT(MUST, "name"),          TEXT(MUST, "session"),
    TEXT(MUST, "identity"),      TEXT(MUST, "request"),
    TEXT(MUST, "authenticator"), LIST(MUST, "leaf_extensions", extension),
    LIST(MUST, "steps", step),   END};

static const shape frame_row[] = {TEXT(MUST, "name"), TEXT(MUST, "bytes"), FLAG(MUST, "ok"),
                                  TEXT(MUST, "note"), END};

static const shape transcript_row[] = {TEXT(MUST, "name"),
                                       TEXT(MUST, "cipher_suite"),
                                       TEXT(MUST, "client_app_data"),
                                       TEXT(MUST, "client_to_server_tls"),
                                       TEXT(MUST, "server_app_data"),
                                       TEXT(MUST, "server_to_client_tls"),
                                       TEXT(MUST, "cmw"),
                                       TEXT(MUST, "exporter_secret"),
                                       LIST(MUST, "keylog", NULL),
                                       TEXT(MUST, "request_frame"),
                                       TEXT(MAY, "context"),
                                       TEXT(MAY, "identity"),
                                       END};

static const shape reply[] = {OUTCOME, NUMBER(MAY, "reply_bytes"), NUMBER(MAY, "reply_frame_len"),
                              NUMBER(MAY, "reply_frame_type"), END};
static const shape live_server_row[] = {TEXT(MUST, "name"), TEXT(MUST, "client_plaintext"),
                                        OBJECT(MUST, "expect", reply), END};
static const shape live_client_row[] = {TEXT(MUST, "name"), FLAG(MAY, "attestation_required"),
                                        FLAG(MAY, "libcocos_must_reject"),
                                        OBJECT(MUST, "expect", outcome), END};

const shape *atls_shape(const char *file, const json_t *row)
{
    static const struct {
        const char *file;
        const shape *shapes;
    } files[] = {
        {"identities.json", identity_row},
        {"sessions.json", session_row},
        {"requests.json", request_row},
        {"create.json", create_row},
        {"authenticators.json", authenticator_row},
        {"provider.json", provider_row},
        {"payloads.json", payload_row},
        {"sequences.json", sequence_row},
        {"frames.json", frame_row},
        {"transcripts.json", transcript_row},
        {"live-server.json", live_server_row},
        {"live-client.json", live_client_row},
    };
    size_t i = 0;

    while (strcmp(files[i].file, file) != 0)
        i++;
    return files[i].shapes == provider_row && json_object_get(row, "cases") ? limits_row
                                                                            : files[i].shapes;
}
