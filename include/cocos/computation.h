/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_COMPUTATION_H
#define COCOS_COMPUTATION_H

/*
 * What a party does with an agent: ask what it is and has, upload assets, follow the computation,
 * fetch the result.
 */

#include <cocos/case.h>
#include <cocos/collateral.h>
#include <cocos/error.h>
#include <cocos/key.h>
#include <cocos/manifest.h>
#include <cocos/verifier.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * SHA3-256 of a file, or, for a directory, of its deterministic zip.
 * @param digest  [out] 32 bytes.   @since 0.1
 */
COCOS_API COCOS_NODISCARD int cocos_checksum(const char *path,
                                             uint8_t digest[COCOS_DIGEST_SIZE],
                                             uint64_t *size,
                                             cocos_cancel *cancel,
                                             cocos_error **err);

/** How to reach an agent, and why to trust what answers. Not thread-safe. */
typedef struct cocos_agent_options cocos_agent_options;

/** Options that name no agent yet and trust nobody. @param ret [out, owned] free with
 * cocos_agent_options_free().   @since 0.1 */
COCOS_API COCOS_NODISCARD int cocos_agent_options_new(cocos_agent_options **ret, cocos_error **err);
/** "host:port" or "unix:/path". Copied.   @since 0.1 */
COCOS_API COCOS_NODISCARD int
cocos_agent_options_set_address(cocos_agent_options *o, const char *address, cocos_error **err);
/** Trust exactly the peer whose key's SubjectPublicKeyInfo has this SHA-256: "sha256:HEX". Copied.
 * @since 0.1 */
COCOS_API COCOS_NODISCARD int
cocos_agent_options_set_pin(cocos_agent_options *o, const char *pin, cocos_error **err);
/** Trust peers certified by the roots in this PEM text. Copied.   @since 0.1 */
COCOS_API COCOS_NODISCARD int cocos_agent_options_set_ca(cocos_agent_options *o,
                                                         const uint8_t *pem,
                                                         size_t len,
                                                         cocos_error **err);
/** Present this certificate chain, with its key, both PEM. Copied.   @since 0.1 */
COCOS_API COCOS_NODISCARD int cocos_agent_options_set_client_cert(cocos_agent_options *o,
                                                                  const uint8_t *cert,
                                                                  size_t cert_len,
                                                                  const uint8_t *key,
                                                                  size_t key_len,
                                                                  cocos_error **err);
/** Without attestation: trust whoever answers. Only for trials: everything sent may reach a
 * stranger.   @since 0.1 */
COCOS_API void cocos_agent_options_set_insecure(cocos_agent_options *o, int insecure);
/**
 * Talk only to an agent whose evidence this policy accepts, on every connection made with these
 * options. The certificates of accepted evidence are kept, so that the next connection costs less.
 * @param policy  copied.
 * @return COCOS_OK; COCOS_ERR_USAGE "policy.conflict"; COCOS_ERR_MEMORY.   @since 0.1
 */
COCOS_API COCOS_NODISCARD int cocos_agent_options_set_policy(cocos_agent_options *o,
                                                             const cocos_policy *policy,
                                                             cocos_error **err);
/** What the evidence needs to be judged and does not bring along. Copied.   @since 0.1 */
COCOS_API COCOS_NODISCARD int cocos_agent_options_set_bundle(cocos_agent_options *o,
                                                             const cocos_bundle *bundle,
                                                             cocos_error **err);
/**
 * Connect without evidence: NOT CONFIDENTIAL, nobody knows what runs there. Without this and
 * without a policy no connection is made.   @since 0.1
 */
COCOS_API void cocos_agent_options_set_insecure_no_attestation(cocos_agent_options *o, int yes);
/** The manifest that the caller means: nothing is signed for another one. 32 bytes, copied.
 * @since 0.1 */
COCOS_API void cocos_agent_options_set_manifest_digest(cocos_agent_options *o,
                                                       const uint8_t digest[COCOS_DIGEST_SIZE]);
/** NULL is allowed.   @since 0.1 */
COCOS_API void cocos_agent_options_free(cocos_agent_options *o);

/**
 * A connection to an agent. Calls block until done, deadline or cancel; one thread at a time,
 * except cocos_agent_conn_close(), which needs all others to have returned.
 */
typedef struct cocos_agent_conn cocos_agent_conn;

/**
 * Connect, judge the evidence of whoever answers, and learn what it does (Describe without a
 * signature). With a policy nothing but the question for evidence is sent before it was accepted.
 * @return COCOS_OK; COCOS_ERR_USAGE "agent.policy.none": neither a policy nor the wish to do
 * without, "agent.trust": without attestation neither pin, CA, nor insecure; COCOS_ERR_IO;
 * COCOS_ERR_TIMEOUT; COCOS_ERR_UNAUTHENTICATED: another key or certificate, or "atls.…";
 * COCOS_ERR_REJECTED, COCOS_ERR_UNDECIDED: the evidence was not accepted; @p err says why, and
 * cocos_verdict_of_error() row by row.
 * @since 0.1
 */
COCOS_API COCOS_NODISCARD int cocos_agent_connect(const cocos_agent_options *o,
                                                  int64_t deadline_ns,
                                                  cocos_cancel *cancel,
                                                  cocos_agent_conn **ret,
                                                  cocos_error **err);
/** NULL is allowed.   @since 0.1 */
COCOS_API void cocos_agent_conn_close(cocos_agent_conn *c);
/** The judgement over the agent at the other end; NULL without attestation. Borrowed from the
 * connection.   @since 0.1 */
COCOS_API const cocos_verdict *cocos_agent_conn_verdict(const cocos_agent_conn *c);
/** The evidence that was judged, an envelope; NULL without attestation. Borrowed from the
 * connection.   @since 0.1 */
COCOS_API const uint8_t *cocos_agent_conn_evidence(const cocos_agent_conn *c, size_t *len);
/**
 * Confirm the manifest: from here on requests are signed for this one, and for no other. An
 * attested connection signs nothing but Describe before.
 * @param digest  32 bytes.
 * @return COCOS_OK; COCOS_ERR_STATE "agent.manifest.other": the agent has another one.   @since 0.1
 */
COCOS_API COCOS_NODISCARD int cocos_agent_confirm_manifest(cocos_agent_conn *c,
                                                           const uint8_t digest[COCOS_DIGEST_SIZE],
                                                           cocos_error **err);

/**
 * Ask for fresh evidence over a nonce (Attest), to be kept or judged elsewhere. It says nothing
 * about this connection. That it is for this nonce is expected of it already.
 * @param nonce  8 to 64 bytes.
 * @param ret    [out, owned] free with cocos_evidence_free().
 * @return COCOS_OK; COCOS_ERR_USAGE "attest.nonce"; COCOS_ERR_UNSUPPORTED "evidence.none": the
 * machine has none; COCOS_ERR_EXHAUSTED "attest.rate": later; others as above.   @since 0.1
 */
COCOS_API COCOS_NODISCARD int cocos_agent_attest(cocos_agent_conn *c,
                                                 const uint8_t *nonce,
                                                 size_t len,
                                                 int64_t deadline_ns,
                                                 cocos_cancel *cancel,
                                                 cocos_evidence **ret,
                                                 cocos_error **err);

/**
 * Bring an approval or withdrawal, whoever signed it. A withdrawal is final until the machine boots
 * anew; after the start it ends the job.
 * @param missing  [out, optional] how many still stand in the way of the start.
 * @return COCOS_OK; COCOS_ERR_UNAUTHENTICATED, COCOS_ERR_DENIED "approval.…"; COCOS_ERR_STATE
 * "approval.late"; others as above.   @since 0.1
 */
COCOS_API COCOS_NODISCARD int cocos_agent_approve(cocos_agent_conn *c,
                                                  const cocos_approval *approval,
                                                  int64_t deadline_ns,
                                                  cocos_cancel *cancel,
                                                  size_t *missing,
                                                  cocos_error **err);

/** What an agent testifies about one run. Immutable. */
typedef struct cocos_agent_testimony cocos_agent_testimony;

/**
 * Fetch the statement, with its evidence and the approvals that the agent has. Its signature is
 * checked, and that it is about this manifest and instance; whether to believe the key that signed
 * it is for cocos_case_verify().
 * @param key  private key of a party.
 * @param ret  [out, owned] free with cocos_agent_testimony_free().
 * @return COCOS_OK; COCOS_ERR_STATE "statement.early"; others as above.   @since 0.1
 */
COCOS_API COCOS_NODISCARD int cocos_agent_statement(cocos_agent_conn *c,
                                                    const cocos_key *key,
                                                    int64_t deadline_ns,
                                                    cocos_cancel *cancel,
                                                    cocos_agent_testimony **ret,
                                                    cocos_error **err);
/** Borrowed.   @since 0.1 */
COCOS_API const cocos_statement *cocos_agent_testimony_statement(const cocos_agent_testimony *t);
/** NULL before every consumer has the result and the assets are wiped. Borrowed.   @since 0.1 */
COCOS_API const cocos_closure *cocos_agent_testimony_closure(const cocos_agent_testimony *t);
/** The evidence for the key that signed, an envelope; NULL where the machine has none. Borrowed.
 * @since 0.1 */
COCOS_API const uint8_t *cocos_agent_testimony_evidence(const cocos_agent_testimony *t,
                                                        size_t *len);
/** Number of approvals and withdrawals.   @since 0.1 */
COCOS_API size_t cocos_agent_testimony_approval_count(const cocos_agent_testimony *t);
/** Number @p i of them, NULL past the end. Borrowed.   @since 0.1 */
COCOS_API const cocos_approval *cocos_agent_testimony_approval(const cocos_agent_testimony *t,
                                                               size_t i);
/** NULL is allowed.   @since 0.1 */
COCOS_API void cocos_agent_testimony_free(cocos_agent_testimony *t);

/** What an agent says about itself and its computation. Immutable. */
typedef struct cocos_agent_info cocos_agent_info;

/**
 * Ask the agent for its state. With @p key (a party's private key) also for the manifest and the
 * assets.
 * @param key  NULL: what anyone may know.
 * @param ret  [out, owned] free with cocos_agent_info_free().   @since 0.1
 */
COCOS_API COCOS_NODISCARD int cocos_agent_describe(cocos_agent_conn *c,
                                                   const cocos_key *key,
                                                   int64_t deadline_ns,
                                                   cocos_cancel *cancel,
                                                   cocos_agent_info **ret,
                                                   cocos_error **err);
/** 16 bytes, new at every boot. Borrowed.   @since 0.1 */
COCOS_API const uint8_t *cocos_agent_info_instance_id(const cocos_agent_info *i);
/** e.g. "ReceivingData". Borrowed.   @since 0.1 */
COCOS_API const char *cocos_agent_info_state(const cocos_agent_info *i);
/** "" before there is a manifest. Borrowed.   @since 0.1 */
COCOS_API const char *cocos_agent_info_computation_id(const cocos_agent_info *i);
/** 32 bytes, or NULL before there is a manifest. Borrowed.   @since 0.1 */
COCOS_API const uint8_t *cocos_agent_info_manifest_digest(const cocos_agent_info *i);
/** The manifest, for a party; else NULL. Its digest is the one above. Borrowed.   @since 0.1 */
COCOS_API const cocos_manifest *cocos_agent_info_manifest(const cocos_agent_info *i);
/** Version of the agent. Borrowed.   @since 0.1 */
COCOS_API const char *cocos_agent_info_version(const cocos_agent_info *i);
/** 1 when the agent runs in compat mode.   @since 0.1 */
COCOS_API int cocos_agent_info_compat(const cocos_agent_info *i);
/** Number of signatures that the start still waits for (parties only).   @since 0.1 */
COCOS_API size_t cocos_agent_info_missing_count(const cocos_agent_info *i);
/** Number @p n of them: a role and the thumbprint of a key, or who has withdrawn; "" past the end.
 * Borrowed.   @since 0.1 */
COCOS_API const char *cocos_agent_info_missing(const cocos_agent_info *i, size_t n);
/** Number of assets listed (parties only).   @since 0.1 */
COCOS_API size_t cocos_agent_info_asset_count(const cocos_agent_info *i);
/** Kind, index, received bytes and completeness of listed asset @p n. Outputs may be NULL.
 *  @return COCOS_OK; COCOS_ERR_NOT_FOUND.   @since 0.1 */
COCOS_API COCOS_NODISCARD int cocos_agent_info_asset(const cocos_agent_info *i,
                                                     size_t n,
                                                     int *kind,
                                                     uint32_t *index,
                                                     uint64_t *size,
                                                     uint64_t *received,
                                                     int *complete);
/** NULL is allowed.   @since 0.1 */
COCOS_API void cocos_agent_info_free(cocos_agent_info *i);

/** Told of progress, in the calling thread. @return 0 to go on; anything else cancels. */
typedef int (*cocos_progress_fn)(void *user, uint64_t done, uint64_t total);

/** One upload. Not thread-safe. Unset members: kind must be set, the rest defaults. */
typedef struct cocos_upload cocos_upload;
/** An upload of asset @p index of @p kind (enum cocos_asset_kind). @param ret [out, owned] free
 * with cocos_upload_free().   @since 0.1 */
COCOS_API COCOS_NODISCARD int
cocos_upload_new(int kind, uint32_t index, cocos_upload **ret, cocos_error **err);
/** A file, or a directory (sent as its deterministic zip). Copied.   @since 0.1 */
COCOS_API COCOS_NODISCARD int
cocos_upload_set_path(cocos_upload *u, const char *path, cocos_error **err);
/**
 * Gives the next bytes of an asset, in the thread of cocos_agent_upload(). A deadline or cancel is
 * noticed when it has returned.
 * @param data  room for @p len bytes, at least one. Borrowed for the callback.
 * @param got   [out] bytes written there; 0: there are no more.
 * @return 0 to go on; a negative enum cocos_status ends the upload with it.
 */
typedef int (*cocos_read_fn)(void *user, uint8_t *data, size_t len, size_t *got);
/**
 * Makes the next cocos_read_fn go on at byte @p offset of the asset.
 * @return 0 to go on; a negative enum cocos_status ends the upload with it.
 */
typedef int (*cocos_seek_fn)(void *user, uint64_t offset);
/**
 * Take the bytes from @p read, in place of a path: in constant memory, at most one part beyond what
 * is sent. What the agent has already is passed over by @p seek, without one by reading. To go back
 * takes @p seek: without one, a lost connection ends the upload as "asset.rewind", and only a new
 * upload, that gets the asset from its first byte, can go on. The agent must know digest and size
 * beforehand: unless cocos_upload_set_digest() and @p size say them they are those of the manifest,
 * for which cocos_agent_upload() then asks.
 * @param read  its first byte is that of the asset.
 * @param seek  NULL: cannot go back.
 * @param user  handed to both.
 * @param size  bytes of the asset, or COCOS_SIZE_UNKNOWN: the manifest states it. More than these
 * are not read.
 * @return COCOS_OK; COCOS_ERR_USAGE; COCOS_ERR_MEMORY.   @since 0.1
 */
COCOS_API COCOS_NODISCARD int cocos_upload_set_reader(cocos_upload *u,
                                                      cocos_read_fn read,
                                                      cocos_seek_fn seek,
                                                      void *user,
                                                      uint64_t size,
                                                      cocos_error **err);
/** The SHA3-256 that the caller knows already, so that the file is read only once. 32 bytes,
 * copied.   @since 0.1 */
COCOS_API void cocos_upload_set_digest(cocos_upload *u, const uint8_t digest[COCOS_DIGEST_SIZE]);
/** @p fn is called at most ten times a second.   @since 0.1 */
COCOS_API void cocos_upload_set_progress(cocos_upload *u, cocos_progress_fn fn, void *user);
/** NULL is allowed.   @since 0.1 */
COCOS_API void cocos_upload_free(cocos_upload *u);

/**
 * Send an asset in constant memory; what the agent has already is not sent again. Returns once the
 * agent has checked the digest.
 * @param key  private key of the asset's owner.
 * @return COCOS_OK: complete there. COCOS_ERR_DENIED "auth.right"; COCOS_ERR_MALFORMED
 * "asset.digest"; COCOS_ERR_ABORTED "upload.fenced": a newer upload of the same asset took over;
 * COCOS_ERR_EXHAUSTED; COCOS_ERR_IO: connection lost, connect anew and call again to resume. With a
 * reader also COCOS_ERR_STATE "asset.rewind", COCOS_ERR_MALFORMED "asset.size": it ended early;
 * COCOS_ERR_USAGE "asset.size": nobody states the size; COCOS_ERR_NOT_FOUND "asset.none"; what it
 * returned itself, "asset.read".   @since 0.1
 */
COCOS_API COCOS_NODISCARD int cocos_agent_upload(cocos_agent_conn *c,
                                                 const cocos_upload *u,
                                                 const cocos_key *key,
                                                 int64_t deadline_ns,
                                                 cocos_cancel *cancel,
                                                 cocos_error **err);

/**
 * Which asset of @p m a path is: by digest, then by the owner's key, then by file name.
 * @param kind    COCOS_ASSET_DATASET.
 * @param index   [out]
 * @return COCOS_OK; COCOS_ERR_NOT_FOUND "asset.none"; COCOS_ERR_USAGE "asset.tie": several fit.
 * @since 0.1
 */
COCOS_API COCOS_NODISCARD int cocos_manifest_find_dataset(const cocos_manifest *m,
                                                          const uint8_t digest[COCOS_DIGEST_SIZE],
                                                          const cocos_key *key,
                                                          const char *path,
                                                          uint32_t *index,
                                                          cocos_error **err);

/** A nonce that the statement for this consumer will carry, sent with the next download: whoever
 * has the statement can show which download it was made for. 8 to 64 bytes, copied; other lengths
 * are nothing.   @since 0.1 */
COCOS_API void
cocos_agent_conn_set_consumer_nonce(cocos_agent_conn *c, const uint8_t *nonce, size_t len);

/**
 * Fetch the result into a file: written beside it, checked against the digest that the agent
 * states, then renamed; a partial file from an earlier call is continued.
 * @param part  0: result; 1: job output.
 * @param key   private key of a consumer.
 * @param size  [out, optional] bytes of the result.
 * @return COCOS_OK; COCOS_ERR_STATE "result.early" or "job.failed"; COCOS_ERR_DENIED; others as
 * above.   @since 0.1
 */
COCOS_API COCOS_NODISCARD int cocos_agent_download(cocos_agent_conn *c,
                                                   uint32_t part,
                                                   const char *path,
                                                   const cocos_key *key,
                                                   cocos_progress_fn progress,
                                                   void *user,
                                                   int64_t deadline_ns,
                                                   cocos_cancel *cancel,
                                                   uint64_t *size,
                                                   cocos_error **err);

/** One event of a computation. Texts are borrowed for the callback. */
typedef int (*cocos_agent_event_fn)(void *user,
                                    uint64_t sequence,
                                    int64_t time_ns,
                                    const char *state,
                                    const char *what,
                                    uint64_t bytes,
                                    int ok,
                                    uint64_t lost);

/**
 * Follow a computation's events, from the first one after @p since, until the callback returns
 * non-zero (then COCOS_OK), deadline, cancel, or loss of the connection.   @since 0.1
 */
COCOS_API COCOS_NODISCARD int cocos_agent_watch(cocos_agent_conn *c,
                                                const cocos_key *key,
                                                uint64_t since,
                                                cocos_agent_event_fn fn,
                                                void *user,
                                                int64_t deadline_ns,
                                                cocos_cancel *cancel,
                                                cocos_error **err);

#ifdef __cplusplus
}
#endif
#endif
