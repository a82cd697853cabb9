/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_MANIFEST_H
#define COCOS_MANIFEST_H

/*
 * Manifests: what the parties of a computation agree on, parsed and checked.
 */

#include <cocos/error.h>
#include <cocos/key.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Bytes of every digest of the protocol: SHA3-256. */
#define COCOS_DIGEST_SIZE 32

/** Kinds of assets, as on the wire (cocos.v1 AssetKind). */
enum cocos_asset_kind {
    COCOS_ASSET_ALGORITHM = 1,
    COCOS_ASSET_DATASET = 2,
    COCOS_ASSET_REQUIREMENTS = 3
};

/** The size of an asset that its manifest does not state. */
#define COCOS_SIZE_UNKNOWN UINT64_MAX

/**
 * What a computation is: who brings what, what runs, who gets the result. Immutable; may be read
 * from many threads. A manifest that exists is valid: both parsers check every rule of the format.
 */
typedef struct cocos_manifest cocos_manifest;

/**
 * Parse and check the JSON form. All defects are reported: the error is the first, and each further
 * one is the cause of the one before (cocos_error_cause()); its check is the JSON Pointer.
 * @param json  UTF-8 text of at most 2 MiB. Borrowed.
 * @param base  directory against which relative `file` and `user_key` paths are read, or NULL:
 * paths are refused and user_key must be PEM text.
 * @param ret   [out, owned] free with cocos_manifest_free(). Untouched on failure.
 * @param err   [out, owned, optional].
 * @return COCOS_OK; COCOS_ERR_MALFORMED: a defect; COCOS_ERR_UNSUPPORTED; COCOS_ERR_MEMORY; errors
 * of reading files.   @since 0.1
 */
COCOS_API COCOS_NODISCARD int cocos_manifest_from_json(
    const char *json, size_t len, const char *base, cocos_manifest **ret, cocos_error **err);

/** Read a JSON manifest file; paths in it are relative to its directory.   @since 0.1 */
COCOS_API COCOS_NODISCARD int
cocos_manifest_from_file(const char *path, cocos_manifest **ret, cocos_error **err);

/**
 * Parse the deterministic CBOR form, of at most 1 MiB. Bytes that are not exactly what
 * cocos_manifest_cbor() would give are refused ("manifest.encoding").   @since 0.1
 */
COCOS_API COCOS_NODISCARD int
cocos_manifest_from_cbor(const uint8_t *data, size_t len, cocos_manifest **ret, cocos_error **err);

/** Deterministic CBOR form. Borrowed; lives as long as @p m.   @since 0.1 */
COCOS_API const uint8_t *cocos_manifest_cbor(const cocos_manifest *m, size_t *len);

/** SHA3-256 of the CBOR form: the manifest digest, 32 bytes. Borrowed.   @since 0.1 */
COCOS_API const uint8_t *cocos_manifest_digest(const cocos_manifest *m);

/**
 * The manifest digest as people can compare it aloud: eight groups of five digits, 132 bits. Nobody
 * makes two manifests with the same one in fewer than some 2^66 tries. Borrowed; lives as long as
 * @p m.   @since 0.1
 */
COCOS_API const char *cocos_manifest_fingerprint(const cocos_manifest *m);

/** The JSON form, normalised, ended by a newline. @param ret [out, owned] cocos_free_text(). @since
 * 0.1 */
COCOS_API COCOS_NODISCARD int
cocos_manifest_to_json(const cocos_manifest *m, char **ret, cocos_error **err);

/** Computation id. Borrowed, never NULL.   @since 0.1 */
COCOS_API const char *cocos_manifest_id(const cocos_manifest *m);
/** Name, "" when absent. Borrowed.   @since 0.1 */
COCOS_API const char *cocos_manifest_name(const cocos_manifest *m);
/** Description, "" when absent. Borrowed.   @since 0.1 */
COCOS_API const char *cocos_manifest_description(const cocos_manifest *m);

/** `bin`, `python`, `wasm` or `docker`. Borrowed.   @since 0.1 */
COCOS_API const char *cocos_manifest_algo_type(const cocos_manifest *m);
/** Number of the algorithm's arguments.   @since 0.1 */
COCOS_API size_t cocos_manifest_algo_arg_count(const cocos_manifest *m);
/** Argument @p i, NULL past the end. Borrowed.   @since 0.1 */
COCOS_API const char *cocos_manifest_algo_arg(const cocos_manifest *m, size_t i);

/** How many assets of @p kind (enum cocos_asset_kind) the manifest has; requirements: 0 or 1.
 * @since 0.1 */
COCOS_API size_t cocos_manifest_asset_count(const cocos_manifest *m, int kind);
/** Digest of an asset, 32 bytes, NULL when there is none. Borrowed.   @since 0.1 */
COCOS_API const uint8_t *
cocos_manifest_asset_digest(const cocos_manifest *m, int kind, size_t index);
/** Size in bytes that the manifest states, or COCOS_SIZE_UNKNOWN.   @since 0.1 */
COCOS_API uint64_t cocos_manifest_asset_size(const cocos_manifest *m, int kind, size_t index);
/** Key of the asset's owner (requirements: the algorithm's), NULL when there is none. Borrowed.
 * @since 0.1 */
COCOS_API const cocos_key *
cocos_manifest_asset_owner(const cocos_manifest *m, int kind, size_t index);
/** File name (data sets), "algorithm" or "requirements.txt" otherwise. Borrowed.   @since 0.1 */
COCOS_API const char *cocos_manifest_asset_name(const cocos_manifest *m, int kind, size_t index);
/** 1 when the data set is an archive to be unpacked.   @since 0.1 */
COCOS_API int cocos_manifest_dataset_decompress(const cocos_manifest *m, size_t index);

/** Number of result consumers, at least 1.   @since 0.1 */
COCOS_API size_t cocos_manifest_consumer_count(const cocos_manifest *m);
/** Key of consumer @p i, NULL past the end. Borrowed.   @since 0.1 */
COCOS_API const cocos_key *cocos_manifest_consumer(const cocos_manifest *m, size_t i);

/** Number of approvals asked for.   @since 0.1 */
COCOS_API size_t cocos_manifest_approval_count(const cocos_manifest *m);
/** Approval @p i: a role or a thumbprint in hex. Borrowed.   @since 0.1 */
COCOS_API const char *cocos_manifest_approval(const cocos_manifest *m, size_t i);

/** Limits and rights of the job, as in `job` of the manifest. */
enum cocos_job_limit {
    COCOS_JOB_MEMORY = 1,     /**< bytes; default 512 MiB */
    COCOS_JOB_CPU = 2,        /**< thousandths of a core; default 1000 */
    COCOS_JOB_PROCESSES = 3,  /**< default 64 */
    COCOS_JOB_DISK = 4,       /**< bytes; default 1 GiB */
    COCOS_JOB_DEADLINE_MS = 5 /**< milliseconds; default 600000 */
};
/** A limit, the default when the manifest has none.   @since 0.1 */
COCOS_API uint64_t cocos_manifest_job_limit(const cocos_manifest *m, int limit);
/** `consumers` (default), `parties` or `none`. Borrowed.   @since 0.1 */
COCOS_API const char *cocos_manifest_job_output(const cocos_manifest *m);
/** Number of network permissions.   @since 0.1 */
COCOS_API size_t cocos_manifest_job_network_count(const cocos_manifest *m);

/** Values of agent_config. */
enum cocos_agent_config {
    COCOS_AGENT_CERT_FILE = 1,
    COCOS_AGENT_KEY_FILE = 2,
    COCOS_AGENT_CLIENT_CA_FILE = 3,
    COCOS_AGENT_LOG_LEVEL = 4,
    COCOS_AGENT_PORT = 5
};
/** A text of agent_config, "" when absent. Borrowed.   @since 0.1 */
COCOS_API const char *cocos_manifest_agent_config(const cocos_manifest *m, int which);
/** 1 when the manifest asks for attested TLS.   @since 0.1 */
COCOS_API int cocos_manifest_attested_tls(const cocos_manifest *m);

/** Free @p m; NULL is allowed.   @since 0.1 */
COCOS_API void cocos_manifest_free(cocos_manifest *m);

#ifdef __cplusplus
}
#endif
#endif
