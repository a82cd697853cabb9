/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_CASE_H
#define COCOS_CASE_H

/*
 * What makes a result checkable years later: approvals of the parties, the statement and closure of
 * the guest. Bytes in, objects out: no network, no clock, no files.
 */

#include <cocos/manifest.h>
#include <cocos/verifier.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A time that is not stated, in nanoseconds since 1970. */
#define COCOS_TIME_NONE INT64_MIN

/** What to approve, and within which bounds. Not thread-safe while it is being changed. */
typedef struct cocos_approval_options cocos_approval_options;

/**
 * Make options with their defaults: an approval, in the first role that the key has in the
 * manifest, without bounds.
 * @param ret  [out, owned] free with cocos_approval_options_free().
 * @return COCOS_OK; COCOS_ERR_MEMORY.   @since 0.1
 */
COCOS_API COCOS_NODISCARD int cocos_approval_options_new(cocos_approval_options **ret,
                                                         cocos_error **err);

/**
 * Set one option.
 * @param name  one of
 *   "role": algorithm-provider, data-provider, consumer, or approver: for a key that the manifest
 *   asks for by its thumbprint alone;
 *   "not_after", "not_before": seconds since 1970; compared with the guest's clock, which is its
 *   host's word;
 *   "max_runs": runs of one boot that are approved, from 1;
 *   "policy": SHA3-256 of the policy file that the approver used, hex;
 *   "instance": id of the one instance that may run it, hex of 16 bytes;
 *   "withdraw": "true": take back an approval ("false").
 * @return COCOS_OK; COCOS_ERR_USAGE "option.name", "option.value"; COCOS_ERR_MEMORY.   @since 0.1
 */
COCOS_API COCOS_NODISCARD int cocos_approval_options_set(cocos_approval_options *options,
                                                         const char *name,
                                                         const char *value,
                                                         cocos_error **err);

/** Free @p options; NULL is allowed.   @since 0.1 */
COCOS_API void cocos_approval_options_free(cocos_approval_options *options);

/** A signed approval or withdrawal. Immutable; may be read from many threads. */
typedef struct cocos_approval cocos_approval;

/**
 * Sign an approval of exactly this manifest.
 * @param key      private key of the approver.
 * @param options  may be NULL: all defaults.
 * @param ret  [out, owned] free with cocos_approval_free().
 * @return COCOS_OK; COCOS_ERR_USAGE "approval.value", "key.private"; COCOS_ERR_DENIED
 *         "approval.signer": the manifest does not name this key for that role; COCOS_ERR_MEMORY.
 * @source cocos-v1 section 4   @since 0.1
 */
COCOS_API COCOS_NODISCARD int cocos_approval_sign(const cocos_manifest *manifest,
                                                  const cocos_key *key,
                                                  const cocos_approval_options *options,
                                                  cocos_approval **ret,
                                                  cocos_error **err);

/**
 * Read an approval or withdrawal (doc/schema/approval.cddl), at most 16 KiB. Checks form only.
 * @param data  copied.
 * @param ret  [out, owned] free with cocos_approval_free().
 * @return COCOS_OK; COCOS_ERR_MALFORMED; COCOS_ERR_UNSUPPORTED: another version;
 *         COCOS_ERR_EXHAUSTED "signed.size"; COCOS_ERR_MEMORY.   @since 0.1
 */
COCOS_API COCOS_NODISCARD int
cocos_approval_parse(const uint8_t *data, size_t len, cocos_approval **ret, cocos_error **err);

/**
 * Is it signed by a key that @p manifest names for this role, and for this very manifest?
 * @return COCOS_OK; COCOS_ERR_UNAUTHENTICATED "cose.signature", "approval.manifest";
 *         COCOS_ERR_DENIED "approval.signer".   @since 0.1
 */
COCOS_API COCOS_NODISCARD int cocos_approval_verify(const cocos_approval *approval,
                                                    const cocos_manifest *manifest,
                                                    cocos_error **err);

/** The object as it is sent and kept. Borrowed; lives as long as @p approval.   @since 0.1 */
COCOS_API const uint8_t *cocos_approval_cbor(const cocos_approval *approval, size_t *len);
/** 1 for a withdrawal, 0 for an approval.   @since 0.1 */
COCOS_API int cocos_approval_is_withdrawal(const cocos_approval *approval);
/** Role in which it was signed. Borrowed.   @since 0.1 */
COCOS_API const char *cocos_approval_role(const cocos_approval *approval);
/** Thumbprint of the key that signed, 32 bytes. Borrowed.   @since 0.1 */
COCOS_API const uint8_t *cocos_approval_signer(const cocos_approval *approval);
/** Digest of the manifest that it is for, 32 bytes. Borrowed.   @since 0.1 */
COCOS_API const uint8_t *cocos_approval_manifest_digest(const cocos_approval *approval);

/** All that it says, as JSON; nothing of it is verified.
 *  @param ret  [out, owned] text, free with cocos_free_text() of key.h.   @since 0.1 */
COCOS_API COCOS_NODISCARD int
cocos_approval_to_json(const cocos_approval *approval, char **ret, cocos_error **err);

/** Free @p approval; NULL is allowed.   @since 0.1 */
COCOS_API void cocos_approval_free(cocos_approval *approval);

/** What the guest says about one run, and what came out. Immutable; may be read from many threads.
 */
typedef struct cocos_statement cocos_statement;

/**
 * Read a result statement (doc/schema/statement.cddl), at most 1 MiB. Checks form only; whether to
 * believe it takes its evidence, see cocos_case_verify().
 * @param data  copied.
 * @param ret  [out, owned] free with cocos_statement_free().
 * @return COCOS_OK; COCOS_ERR_MALFORMED; COCOS_ERR_UNSUPPORTED: another version;
 *         COCOS_ERR_EXHAUSTED "signed.size"; COCOS_ERR_MEMORY.   @since 0.1
 */
COCOS_API COCOS_NODISCARD int
cocos_statement_parse(const uint8_t *data, size_t len, cocos_statement **ret, cocos_error **err);

/** The object as it is sent and kept. Borrowed; lives as long as @p statement.   @since 0.1 */
COCOS_API const uint8_t *cocos_statement_cbor(const cocos_statement *statement, size_t *len);
/** SHA3-256 of the result, 32 bytes; NULL when there is none. Borrowed.   @since 0.1 */
COCOS_API const uint8_t *cocos_statement_result_digest(const cocos_statement *statement);
/** Bytes of the result; 0 when there is none.   @since 0.1 */
COCOS_API uint64_t cocos_statement_result_size(const cocos_statement *statement);

/** All that it says, as JSON; nothing of it is verified.
 *  @param ret  [out, owned] text, free with cocos_free_text() of key.h.   @since 0.1 */
COCOS_API COCOS_NODISCARD int
cocos_statement_to_json(const cocos_statement *statement, char **ret, cocos_error **err);

/** Free @p statement; NULL is allowed.   @since 0.1 */
COCOS_API void cocos_statement_free(cocos_statement *statement);

/** What the guest wiped before it ended. Immutable; may be read from many threads. */
typedef struct cocos_closure cocos_closure;

/** Read a closure (doc/schema/statement.cddl) as cocos_statement_parse() reads a statement.
 *  @param ret  [out, owned] free with cocos_closure_free().   @since 0.1 */
COCOS_API COCOS_NODISCARD int
cocos_closure_parse(const uint8_t *data, size_t len, cocos_closure **ret, cocos_error **err);

/** The object as it is sent and kept. Borrowed; lives as long as @p closure.   @since 0.1 */
COCOS_API const uint8_t *cocos_closure_cbor(const cocos_closure *closure, size_t *len);

/** All that it says, as JSON; nothing of it is verified.
 *  @param ret  [out, owned] text, free with cocos_free_text() of key.h.   @since 0.1 */
COCOS_API COCOS_NODISCARD int
cocos_closure_to_json(const cocos_closure *closure, char **ret, cocos_error **err);

/** Free @p closure; NULL is allowed.   @since 0.1 */
COCOS_API void cocos_closure_free(cocos_closure *closure);

#ifdef __cplusplus
}
#endif
#endif
