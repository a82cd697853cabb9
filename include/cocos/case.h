/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_CASE_H
#define COCOS_CASE_H

/*
 * What makes a result checkable years later: approvals of the parties, the statement and closure of
 * the guest, the case file that holds all of it with its evidence. Bytes in, objects out: no
 * network, no clock, no files.
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

/**
 * All that makes one result checkable: manifest, approvals, evidence with what it takes to judge
 * it, statement and closure. Not thread-safe while it is being changed.
 */
typedef struct cocos_case cocos_case;

/**
 * Begin a case. Everything is held to its form; signatures are for cocos_case_verify().
 * @param envelope   evidence of purpose "statement", as the agent gave it with the statement.
 * @param statement  the result statement.
 * @param ret  [out, owned] free with cocos_case_free().
 * @return COCOS_OK; COCOS_ERR_MALFORMED, COCOS_ERR_UNSUPPORTED, COCOS_ERR_EXHAUSTED;
 *         COCOS_ERR_USAGE "case.usage"; COCOS_ERR_MEMORY.   @since 0.1
 */
COCOS_API COCOS_NODISCARD int cocos_case_new(const cocos_manifest *manifest,
                                             const uint8_t *envelope,
                                             size_t envelope_len,
                                             const uint8_t *statement,
                                             size_t statement_len,
                                             cocos_case **ret,
                                             cocos_error **err);

/** Add an approval or withdrawal, at most 128.
 *  @return as cocos_approval_parse(); COCOS_ERR_EXHAUSTED "case.size".   @since 0.1 */
COCOS_API COCOS_NODISCARD int
cocos_case_add_approval(cocos_case *file, const uint8_t *data, size_t len, cocos_error **err);

/**
 * Add what the evidence needs to be judged and does not bring along, as it was valid at signing:
 * certificates, revocation lists, Intel's collateral; at most 32 pieces.
 * @param part  enum cocos_evidence_part from COCOS_PART_CERTIFICATES to COCOS_PART_TCB_CHAIN.
 * @return COCOS_OK; COCOS_ERR_MALFORMED "case.form"; COCOS_ERR_EXHAUSTED "case.size".   @since 0.1
 */
COCOS_API COCOS_NODISCARD int cocos_case_add_collateral(
    cocos_case *file, int part, const uint8_t *data, size_t len, cocos_error **err);

/** Put the closure in, in place of one that is there.
 *  @return as cocos_closure_parse().   @since 0.1 */
COCOS_API COCOS_NODISCARD int
cocos_case_set_closure(cocos_case *file, const uint8_t *data, size_t len, cocos_error **err);

/**
 * Read a case file (doc/schema/case.cddl), at most 16 MiB. Checks form only.
 * @param data  copied.
 * @param ret  [out, owned] free with cocos_case_free().
 * @return COCOS_OK; COCOS_ERR_MALFORMED; COCOS_ERR_UNSUPPORTED: another version;
 *         COCOS_ERR_EXHAUSTED; COCOS_ERR_MEMORY.   @since 0.1
 */
COCOS_API COCOS_NODISCARD int
cocos_case_parse(const uint8_t *data, size_t len, cocos_case **ret, cocos_error **err);

/**
 * The case as it is written to a file.
 * @param data  [out] borrowed; until the next call on @p file that is not a getter.
 * @return COCOS_OK; COCOS_ERR_EXHAUSTED "case.size": over 16 MiB; COCOS_ERR_MEMORY.   @since 0.1
 */
COCOS_API COCOS_NODISCARD int
cocos_case_cbor(cocos_case *file, const uint8_t **data, size_t *len, cocos_error **err);

/** The manifest. Borrowed; lives as long as @p file.   @since 0.1 */
COCOS_API const cocos_manifest *cocos_case_manifest(const cocos_case *file);
/** The statement. Borrowed; until cocos_case_anchor().   @since 0.1 */
COCOS_API const cocos_statement *cocos_case_statement(const cocos_case *file);
/** The closure, NULL when there is none. Borrowed.   @since 0.1 */
COCOS_API const cocos_closure *cocos_case_closure(const cocos_case *file);
/** Number of approvals and withdrawals.   @since 0.1 */
COCOS_API size_t cocos_case_approval_count(const cocos_case *file);
/** Approval or withdrawal @p i, NULL past the end. Borrowed.   @since 0.1 */
COCOS_API const cocos_approval *cocos_case_approval(const cocos_case *file, size_t i);

/**
 * What to send to a time-stamp authority: a TimeStampReq over the signature of the statement.
 * @param data  [out] borrowed; until the next call on @p file that is not a getter.
 * @source RFC 3161 section 2.4.1, RFC 9921 section 3.1   @since 0.1
 */
COCOS_API COCOS_NODISCARD int
cocos_case_anchor_request(cocos_case *file, const uint8_t **data, size_t *len, cocos_error **err);

/**
 * Put the authority's answer into the statement's unprotected headers, in place of one that is
 * there. That it is about this statement is checked; whether to believe it is for
 * cocos_case_verify().
 * @param reply  TimeStampResp or TimeStampToken, at most 64 KiB.
 * @return COCOS_OK; COCOS_ERR_MALFORMED "timestamp.form"; COCOS_ERR_DENIED "timestamp.refused": the
 *         authority refused; COCOS_ERR_REJECTED "timestamp.imprint": over something else.
 * @since 0.1
 */
COCOS_API COCOS_NODISCARD int
cocos_case_anchor(cocos_case *file, const uint8_t *reply, size_t len, cocos_error **err);

/** Free @p file; NULL is allowed.   @since 0.1 */
COCOS_API void cocos_case_free(cocos_case *file);

/** What a judge brings beside the policy. Not thread-safe while it is being changed. */
typedef struct cocos_case_terms cocos_case_terms;

/** Make terms with their defaults: no authority, no result file, the time of the case.
 *  @param ret  [out, owned] free with cocos_case_terms_free().   @since 0.1 */
COCOS_API COCOS_NODISCARD int cocos_case_terms_new(cocos_case_terms **ret, cocos_error **err);

/**
 * Believe time-stamps that end at these certificates. May be called again to add more, 8 in all. On
 * failure none of them is believed.
 * @param data  PEM of one or more certificates, or one DER.
 * @return COCOS_OK; COCOS_ERR_MALFORMED "cert.form"; COCOS_ERR_EXHAUSTED "cert.count".
 * @since 0.1
 */
COCOS_API COCOS_NODISCARD int cocos_case_terms_add_tsa_root(cocos_case_terms *terms,
                                                            const uint8_t *data,
                                                            size_t len,
                                                            cocos_error **err);

/**
 * Judge the evidence at this time. Default: that of the time-stamp if it is believed, else the one
 * that the statement claims.
 * @param time_ns  nanoseconds since 1970.   @since 0.1
 */
COCOS_API COCOS_NODISCARD int
cocos_case_terms_set_time(cocos_case_terms *terms, int64_t time_ns, cocos_error **err);

/**
 * Hold the case against a result file.
 * @param digest  SHA3-256 of the file, 32 bytes.
 * @param size    bytes of the file.   @since 0.1
 */
COCOS_API COCOS_NODISCARD int cocos_case_terms_set_result(cocos_case_terms *terms,
                                                          const uint8_t *digest,
                                                          uint64_t size,
                                                          cocos_error **err);

/** Free @p terms; NULL is allowed.   @since 0.1 */
COCOS_API void cocos_case_terms_free(cocos_case_terms *terms);

/**
 * Judge a case offline. Two rows sum up: "case.sound", whether all checks that were made passed,
 * and "case.result", whether the result file at hand is the one. Rows "not checked" are no success.
 * A time-stamp, receipt or header that is missing, broken or unknown never turns the verdict.
 * @param terms  may be NULL: all defaults.
 * @param ret  [out, owned] free with cocos_verdict_free(). Written as by cocos_verifier_verify().
 * @return COCOS_OK: sound, and the result, if one was given, is the one. COCOS_ERR_REJECTED,
 *         COCOS_ERR_UNDECIDED. COCOS_ERR_USAGE "case.time": the case says no time and neither do
 *         the terms. Any other value: no judgement was reached.   @since 0.1
 */
COCOS_API COCOS_NODISCARD int cocos_case_verify(const cocos_case *file,
                                                const cocos_verifier *verifier,
                                                const cocos_case_terms *terms,
                                                cocos_verdict **ret,
                                                cocos_error **err);

/**
 * The case in plain words under five headings (people, project, setting, data, output), and what is
 * not proven.
 * @param verdict  of cocos_case_verify() on this case; NULL: not judged, which the text then says.
 * @param ret  [out, owned] text, free with cocos_free_text() of key.h.   @since 0.1
 */
COCOS_API COCOS_NODISCARD int cocos_case_explain(const cocos_case *file,
                                                 const cocos_verdict *verdict,
                                                 char **ret,
                                                 cocos_error **err);

/** The same as JSON: for each heading a list of sentences.   @since 0.1 */
COCOS_API COCOS_NODISCARD int cocos_case_explain_json(const cocos_case *file,
                                                      const cocos_verdict *verdict,
                                                      char **ret,
                                                      cocos_error **err);

#ifdef __cplusplus
}
#endif
#endif
