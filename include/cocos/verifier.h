/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_VERIFIER_H
#define COCOS_VERIFIER_H

/*
 * Evidence in, verdict out: no network, no clock, no files. A verdict is a list of checks, each
 * with what was expected and by whom, what was found and who signed it.
 */

#include <cocos/policy.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What a confidential machine shows to be believed, with the material to check it. */
typedef struct cocos_evidence cocos_evidence;

/** Kinds of evidence. */
enum cocos_evidence_kind {
    COCOS_EVIDENCE_SNP = 1,  /**< AMD SEV-SNP report, or extended report */
    COCOS_EVIDENCE_TDX = 2,  /**< Intel TDX quote, version 4 or 5 */
    COCOS_EVIDENCE_VTPM = 3, /**< TPM quotes: attest.Attestation (protobuf), or one TPMS_ATTEST */
    COCOS_EVIDENCE_ENVELOPE = 4, /**< application/vnd.cocos.evidence+cbor: claims, proof */
    COCOS_EVIDENCE_PART = 5,     /**< what comes beside evidence, alone: shown, not judged */
};

/** What may be put beside the evidence itself. */
enum cocos_evidence_part {
    COCOS_PART_CERTIFICATES = 1,   /**< one DER certificate, or PEM with several */
    COCOS_PART_CERT_TABLE = 2,     /**< AMD certificate table (auxblob); read before certificates */
    COCOS_PART_CRL = 3,            /**< revocation list, DER or PEM */
    COCOS_PART_TCB_INFO = 4,       /**< Intel PCS: body of the TDX TCB info response */
    COCOS_PART_QE_IDENTITY = 5,    /**< Intel PCS: body of the TD QE identity response */
    COCOS_PART_TCB_CHAIN = 6,      /**< Intel PCS: issuer chain of both, PEM: signer, root */
    COCOS_PART_EVENT_LOG = 32,     /**< event log of firmware: TCG PC Client, CCEL of TDX */
    COCOS_PART_IMA_LOG = 33,       /**< measurement list of Linux IMA, ASCII or binary */
    COCOS_PART_TPM_PUBLIC = 34,    /**< TPMT_PUBLIC of the key that signed a single TPMS_ATTEST */
    COCOS_PART_TPM_SIGNATURE = 35, /**< TPMT_SIGNATURE of a single TPMS_ATTEST */
    COCOS_PART_TPM_PCRS = 36,      /**< PCR values of it, JSON: {"sha256": {"0": "hex"}} */
    COCOS_PART_TEE_REPORT = 37,    /**< report that names the TPM's key, for ak_trust tee, svsm */
    COCOS_PART_HCL_REPORT = 38,    /**< Azure: contents of NV index 0x01400001 */
    COCOS_PART_SVSM_MANIFEST = 39, /**< services manifest of an SVSM, of one service or of all */
    COCOS_PART_AK_CERTIFIED = 40   /**< TPM2_Certify of the TPM's key by its endorsement key, as
                                        tpm.CertifiedBlob (protobuf) */
};

/**
 * Take evidence. Only its kind is looked at; everything else is for cocos_verifier_verify() to
 * judge.
 * @param kind  enum cocos_evidence_kind, or 0: recognise it by its content.
 * @param data  the bytes as the device gave them, at most 4 MiB. Copied.
 * @param len   bytes at @p data.
 * @param ret   [out, owned] free with cocos_evidence_free().
 * @return COCOS_OK; COCOS_ERR_UNSUPPORTED "evidence.kind": not recognised, or no such kind;
 *         COCOS_ERR_EXHAUSTED "evidence.size"; COCOS_ERR_MEMORY.   @since 0.1
 */
COCOS_API COCOS_NODISCARD int cocos_evidence_new(
    int kind, const uint8_t *data, size_t len, cocos_evidence **ret, cocos_error **err);

/**
 * Put material beside the evidence: copied, not read before verification.
 * @param part  enum cocos_evidence_part.
 * @return COCOS_OK; COCOS_ERR_USAGE "evidence.part": no such part, an empty one, or one that this
 *         kind of evidence has no use for; COCOS_ERR_EXHAUSTED "evidence.size", "evidence.parts":
 *         more than 32, or two of what is neither certificates nor a list; COCOS_ERR_UNSUPPORTED
 *         "evidence.kind": @p evidence is itself such material; COCOS_ERR_MEMORY.
 * @since 0.1
 */
COCOS_API COCOS_NODISCARD int cocos_evidence_add(
    cocos_evidence *evidence, int part, const uint8_t *data, size_t len, cocos_error **err);

/** What evidence in an envelope claims; its hash is what the hardware signed (cocos-v1 section 1).
 */
enum cocos_claim {
    COCOS_CLAIM_PURPOSE = 1, /**< "channel-server", "channel-client", "rpc", "cvms", "statement" */
    COCOS_CLAIM_CHALLENGE = 2,     /**< 8 to 64 bytes: what makes it fresh */
    COCOS_CLAIM_LEAF = 3,          /**< 32 bytes: SHA-256 of the TLS key (SubjectPublicKeyInfo) */
    COCOS_CLAIM_DICE = 4,          /**< 64 bytes: SHA-512 of the DICE root's COSE_Key */
    COCOS_CLAIM_AK = 5,            /**< 32 bytes: SHA-256 of the TPM key's public area */
    COCOS_CLAIM_STATEMENT_KEY = 6, /**< 32 bytes: SHA-256 of the key that signs statements */
    COCOS_CLAIM_INSTANCE = 7,      /**< 16 bytes: the agent's instance id */
    COCOS_CLAIM_MANIFEST = 8       /**< 32 bytes: digest of the manifest */
};

/**
 * Say what this evidence must claim, as far as the caller knows it from its session and no policy
 * can: the verdict shows it as expected by the caller. Stated again it replaces. Evidence in an
 * envelope is undecided unless purpose and challenge are stated, here or by the policy. Evidence of
 * other kinds has no claims; there the challenge is the whole data slot of a report or quote (64
 * bytes) or the nonce of TPM quotes (1 to 64): where the policy states another, nothing is
 * accepted.
 * @param claim  enum cocos_claim.
 * @param data   its value, as long as the claim wants; text without NUL. Copied.
 * @return COCOS_OK; COCOS_ERR_USAGE "evidence.claim": no such claim of this kind of evidence, or
 *         another length; COCOS_ERR_MEMORY.   @since 0.1
 */
COCOS_API COCOS_NODISCARD int cocos_evidence_expect(
    cocos_evidence *evidence, int claim, const uint8_t *data, size_t len, cocos_error **err);

/**
 * What evidence in an envelope claims. Believe it only after cocos_verifier_verify() accepted.
 * @param data  [out] borrowed; lives as long as @p evidence.
 * @return COCOS_OK; COCOS_ERR_NOT_FOUND "evidence.claim": it is null; COCOS_ERR_USAGE
 * "evidence.claim": no envelope, no such claim; COCOS_ERR_MALFORMED: the envelope cannot be read.
 * @since 0.1
 */
COCOS_API COCOS_NODISCARD int cocos_evidence_claim(const cocos_evidence *evidence,
                                                   int claim,
                                                   const uint8_t **data,
                                                   size_t *len,
                                                   cocos_error **err);

/**
 * One part of an envelope, e.g. "application/vnd.cocos.ima-log".
 * @param data  [out] borrowed; lives as long as @p evidence.
 * @return COCOS_OK; COCOS_ERR_NOT_FOUND "evidence.part": it has none; COCOS_ERR_USAGE
 * "evidence.part": no envelope; COCOS_ERR_MALFORMED: it cannot be read.   @since 0.1
 */
COCOS_API COCOS_NODISCARD int cocos_evidence_find(const cocos_evidence *evidence,
                                                  const char *media_type,
                                                  const uint8_t **data,
                                                  size_t *len,
                                                  cocos_error **err);

/** The bytes that it was made of, without what was put beside. Borrowed.   @since 0.1 */
COCOS_API const uint8_t *cocos_evidence_data(const cocos_evidence *evidence, size_t *len);

/** enum cocos_evidence_kind of @p evidence.   @since 0.1 */
COCOS_API int cocos_evidence_kind(const cocos_evidence *evidence);

/**
 * Every field of @p evidence with what it means, as a table for people. Nothing of it is verified.
 * @param ret  [out, owned] text, free with cocos_free_text() of key.h.
 * @return COCOS_OK; COCOS_ERR_MALFORMED, COCOS_ERR_UNSUPPORTED: it cannot be read.   @since 0.1
 */
COCOS_API COCOS_NODISCARD int
cocos_evidence_to_table(const cocos_evidence *evidence, char **ret, cocos_error **err);

/** The same as JSON: kind, "verified": false, and fields with name, value, meaning.   @since 0.1 */
COCOS_API COCOS_NODISCARD int
cocos_evidence_to_json(const cocos_evidence *evidence, char **ret, cocos_error **err);

/** Free @p evidence; NULL is allowed.   @since 0.1 */
COCOS_API void cocos_evidence_free(cocos_evidence *evidence);

/** A policy made ready to judge. May be used from many threads at once after it was made. */
typedef struct cocos_verifier cocos_verifier;

/**
 * Make a verifier from a copy of @p policy.
 * @param ret  [out, owned] free with cocos_verifier_free().
 * @return COCOS_OK; COCOS_ERR_USAGE "policy.conflict": rules that contradict each other;
 *         COCOS_ERR_MEMORY.   @since 0.1
 */
COCOS_API COCOS_NODISCARD int
cocos_verifier_new(const cocos_policy *policy, cocos_verifier **ret, cocos_error **err);

/**
 * Verify the certificates of @p evidence, and Intel's collateral beside it, now and keep them, so
 * that later evidence with the same ones, or (but for the certificates of a quote) with none, is
 * judged without doing that again. Validity and revocation are looked at every time. Of a TPM's
 * quotes the attestation key is kept in the form that signatures are verified with; whether it is
 * trusted is decided every time. Call before other threads use @p verifier.
 * @return COCOS_OK; COCOS_ERR_REJECTED: they are no chain to a trusted root; COCOS_ERR_MALFORMED,
 *         COCOS_ERR_EXHAUSTED: they cannot be read; COCOS_ERR_MEMORY.   @since 0.1
 */
COCOS_API COCOS_NODISCARD int cocos_verifier_keep_chain(cocos_verifier *verifier,
                                                        const cocos_evidence *evidence,
                                                        cocos_error **err);

/** Free @p verifier; NULL is allowed.   @since 0.1 */
COCOS_API void cocos_verifier_free(cocos_verifier *verifier);

/** Where the time of a verification comes from; the verdict shows it. */
enum cocos_time_source {
    COCOS_TIME_CLOCK = 1, /**< the caller's clock */
    COCOS_TIME_CHOSEN = 2 /**< chosen by the caller, for evidence of the past */
};

/** The judgement over evidence. Immutable; may be read from many threads. */
typedef struct cocos_verdict cocos_verdict;

/**
 * Judge evidence. Every check that can still be decided is made; those behind a signature that does
 * not hold read "not checked".
 * @param time_ns      nanoseconds since 1970 at which certificates and lists must be valid.
 * @param time_source  enum cocos_time_source.
 * @param ret  [out, owned] free with cocos_verdict_free(). Written whenever a judgement was
 * reached, that is also with REJECTED and UNDECIDED.
 * @param err  [out, owned, optional] names the primary reason.
 * @return COCOS_OK: accepted. COCOS_ERR_REJECTED: do not believe it. COCOS_ERR_UNDECIDED: it could
 * not be judged; refuse too. Any other value: no judgement was reached, @p ret is untouched. @since
 * 0.1
 */
COCOS_API COCOS_NODISCARD int cocos_verifier_verify(const cocos_verifier *verifier,
                                                    const cocos_evidence *evidence,
                                                    int64_t time_ns,
                                                    int time_source,
                                                    cocos_verdict **ret,
                                                    cocos_error **err);

/** Overall judgements. */
enum cocos_judgement { COCOS_ACCEPTED = 1, COCOS_REJECTED = 2, COCOS_UNDECIDED = 3 };

/** Outcomes of one check. */
enum cocos_outcome {
    COCOS_OUTCOME_PASSED = 1,
    COCOS_OUTCOME_FAILED = 2,
    COCOS_OUTCOME_NOT_CHECKED = 3,
    COCOS_OUTCOME_UNKNOWN = 4 /**< could not tell */
};

/** enum cocos_judgement.   @since 0.1 */
COCOS_API int cocos_verdict_judgement(const cocos_verdict *verdict);

/** Code of the primary reason, as in doc/errors.md; "" when accepted. Borrowed.   @since 0.1 */
COCOS_API const char *cocos_verdict_reason(const cocos_verdict *verdict);

/** 1 when the evidence ends at a root that is no vendor's.   @since 0.1 */
COCOS_API int cocos_verdict_simulated(const cocos_verdict *verdict);

/** Number of rows; one for each check, in a fixed order.   @since 0.1 */
COCOS_API size_t cocos_verdict_row_count(const cocos_verdict *verdict);

/** Texts of a row. */
enum cocos_row_text {
    COCOS_ROW_NAME = 1,     /**< "snp.measurement" */
    COCOS_ROW_EXPECTED = 2, /**< what was expected */
    COCOS_ROW_ORIGIN = 3,   /**< where the expectation comes from */
    COCOS_ROW_FOUND = 4,    /**< what was found */
    COCOS_ROW_SIGNER = 5,   /**< who signed what was found */
    COCOS_ROW_SOURCE = 6,   /**< the document that asks for the check */
    COCOS_ROW_CODE = 7      /**< code of the failure */
};

/** enum cocos_outcome of row @p i; COCOS_OUTCOME_UNKNOWN when there is no such row.   @since 0.1 */
COCOS_API int cocos_verdict_row_outcome(const cocos_verdict *verdict, size_t i);

/** One text of row @p i (enum cocos_row_text), "" when there is none. Borrowed.   @since 0.1 */
COCOS_API const char *cocos_verdict_row_text(const cocos_verdict *verdict, size_t i, int text);

/**
 * The verdict as a table for people.
 * @param ret  [out, owned] text, free with cocos_free_text() of key.h.   @since 0.1
 */
COCOS_API COCOS_NODISCARD int
cocos_verdict_to_table(const cocos_verdict *verdict, char **ret, cocos_error **err);

/**
 * The verdict as JSON (doc/schema/verdict.schema.json).
 * @param ret  [out, owned] text, free with cocos_free_text() of key.h.   @since 0.1
 */
COCOS_API COCOS_NODISCARD int
cocos_verdict_to_json(const cocos_verdict *verdict, char **ret, cocos_error **err);

/**
 * The verdict behind a refusal, of a call that judges on the way and has no other place for it,
 * such as cocos_agent_connect(); NULL when @p err, or what it was caused by, is no such refusal.
 * Borrowed from the error.   @since 0.1
 */
COCOS_API const cocos_verdict *cocos_verdict_of_error(const cocos_error *err);

/** Free @p verdict; NULL is allowed.   @since 0.1 */
COCOS_API void cocos_verdict_free(cocos_verdict *verdict);

#ifdef __cplusplus
}
#endif
#endif
