/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_COLLATERAL_H
#define COCOS_COLLATERAL_H

/*
 * What a verifier needs besides the evidence: AMD's certificates and revocation lists (KDS),
 * Intel's TCB info, QE identity and revocation lists (PCS). Fetched, kept in a cache, and carried
 * to places without network as one file, a bundle. The verifier itself never fetches.
 */

#include <cocos/case.h>
#include <cocos/verifier.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Where collateral comes from, and how patiently. Not thread-safe while it is being changed. */
typedef struct cocos_collateral_options cocos_collateral_options;

/**
 * Make options with their defaults: the vendors' services, the user's cache, online.
 * @param ret  [out, owned] free with cocos_collateral_options_free().
 * @return COCOS_OK; COCOS_ERR_MEMORY.   @since 0.1
 */
COCOS_API COCOS_NODISCARD int cocos_collateral_options_new(cocos_collateral_options **ret,
                                                           cocos_error **err);

/**
 * Set one option.
 * @param name  one of
 *   "kds": base URL of AMD's service or a mirror (https://kdsintf.amd.com);
 *   "pcs": base URL of Intel's service or a mirror (https://api.trustedservices.intel.com);
 *   "root_crl": URL of the revocation list of Intel's root (Intel's own; with another "pcs" its
 *   /sgx/certification/v4/rootcacrl);
 *   "cache": absolute path of the cache directory ($XDG_CACHE_HOME/cocos), "" for none;
 *   "ca": absolute path of a PEM file with the roots that https servers must chain to (the
 *   system's);
 *   "offline": "true": only what the cache has ("false");
 *   "patience": seconds to spend on services that ask to come back later, 0 to 3600 (120);
 *   "attempt": seconds that one request may take, 1 to 600 (30).
 * @param value  URLs begin with https://; http:// is taken only where written so here.
 * @return COCOS_OK; COCOS_ERR_USAGE "option.name", "option.value"; COCOS_ERR_MEMORY.   @since 0.1
 */
COCOS_API COCOS_NODISCARD int cocos_collateral_options_set(cocos_collateral_options *options,
                                                           const char *name,
                                                           const char *value,
                                                           cocos_error **err);

/**
 * Take collateral that ends at these roots, and no other; without a call, at the vendors' roots.
 * @param data  PEM of one or more certificates, or one DER. May be called again to add more.
 * @return COCOS_OK; COCOS_ERR_MALFORMED "cert.form"; COCOS_ERR_EXHAUSTED "cert.count".
 * @since 0.1
 */
COCOS_API COCOS_NODISCARD int cocos_collateral_options_add_root(cocos_collateral_options *options,
                                                                const uint8_t *data,
                                                                size_t len,
                                                                cocos_error **err);

/** Free @p options; NULL is allowed.   @since 0.1 */
COCOS_API void cocos_collateral_options_free(cocos_collateral_options *options);

/** All that one evidence needs to be judged. Immutable; may be read from many threads. */
typedef struct cocos_bundle cocos_bundle;

/**
 * Fetch what @p evidence needs and does not bring along, from the cache where that is valid.
 * Everything is checked before it is kept or handed out: form, signatures up to a trusted root,
 * validity by this machine's clock, and that it is about this chip or platform. The evidence itself
 * is not judged. Blocks.
 * @param evidence     SNP, TDX, or an envelope with one of them.
 * @param options      may be NULL: all defaults. $https_proxy, $http_proxy, $no_proxy are obeyed.
 * @param deadline_ns  of cocos_deadline_in(); 0: none beyond the options' patience.
 * @param cancel       may be NULL.
 * @param ret  [out, owned] free with cocos_bundle_free().
 * @return COCOS_OK; COCOS_ERR_UNSUPPORTED: nothing can be fetched for such evidence, or the module
 *         is not installed; COCOS_ERR_MALFORMED: evidence or answer; COCOS_ERR_NOT_FOUND: the
 * service has no such thing, or offline the cache; COCOS_ERR_BUSY: it asks to come back later;
 *         COCOS_ERR_IO, COCOS_ERR_TIMEOUT, COCOS_ERR_EXHAUSTED, COCOS_ERR_DENIED;
 *         COCOS_ERR_CANCELLED; COCOS_ERR_MEMORY.   @since 0.1
 */
COCOS_API COCOS_NODISCARD int cocos_collateral_fetch(const cocos_evidence *evidence,
                                                     const cocos_collateral_options *options,
                                                     int64_t deadline_ns,
                                                     cocos_cancel *cancel,
                                                     cocos_bundle **ret,
                                                     cocos_error **err);

/**
 * Read a bundle: deterministic CBOR (doc/schema/bundle.cddl), at most 16 MiB. Checks form only,
 * that of every item too; whether to believe it is for the verifier to judge.
 * @param data  copied.
 * @param ret  [out, owned] free with cocos_bundle_free().
 * @return COCOS_OK; COCOS_ERR_MALFORMED, COCOS_ERR_EXHAUSTED, COCOS_ERR_UNSUPPORTED
 *         "collateral.bundle" or the code of the item; COCOS_ERR_MEMORY.   @since 0.1
 */
COCOS_API COCOS_NODISCARD int
cocos_bundle_parse(const uint8_t *data, size_t len, cocos_bundle **ret, cocos_error **err);

/** The bundle as it is written to a file. Borrowed; lives as long as @p bundle.   @since 0.1 */
COCOS_API const uint8_t *cocos_bundle_cbor(const cocos_bundle *bundle, size_t *len);

/** enum cocos_evidence_kind that it is for, COCOS_EVIDENCE_SNP or COCOS_EVIDENCE_TDX.   @since 0.1 */
COCOS_API int cocos_bundle_kind(const cocos_bundle *bundle);

/** What it was fetched for, such as line and chip, for people. Borrowed.   @since 0.1 */
COCOS_API const char *cocos_bundle_subject(const cocos_bundle *bundle);

/** Number of its items.   @since 0.1 */
COCOS_API size_t cocos_bundle_count(const cocos_bundle *bundle);

/** enum cocos_evidence_part of item @p i, 0 when there is no such item.   @since 0.1 */
COCOS_API int cocos_bundle_part(const cocos_bundle *bundle, size_t i);

/** Bytes of item @p i, NULL when there is no such item. Borrowed.   @since 0.1 */
COCOS_API const uint8_t *cocos_bundle_data(const cocos_bundle *bundle, size_t i, size_t *len);

/** URL that item @p i was fetched from, "" when there is no such item. Borrowed.   @since 0.1 */
COCOS_API const char *cocos_bundle_source(const cocos_bundle *bundle, size_t i);

/**
 * Until when item @p i says that it holds: nextUpdate, or the end of the first certificate that
 * ends; nanoseconds since 1970, 0 when it does not say.   @since 0.1
 */
COCOS_API int64_t cocos_bundle_until_ns(const cocos_bundle *bundle, size_t i);

/**
 * Put every item of @p bundle beside @p evidence, as cocos_evidence_add() does. An envelope takes
 * a bundle for what is in it.
 * @return COCOS_OK; COCOS_ERR_USAGE "collateral.kind": the bundle is for another kind of evidence;
 *         as cocos_evidence_add().   @since 0.1
 */
COCOS_API COCOS_NODISCARD int
cocos_evidence_add_bundle(cocos_evidence *evidence, const cocos_bundle *bundle, cocos_error **err);

/** Free @p bundle; NULL is allowed.   @since 0.1 */
COCOS_API void cocos_bundle_free(cocos_bundle *bundle);

/**
 * Have a time-stamp authority certify when the statement of @p file was signed: sends
 * cocos_case_anchor_request() to it and gives its answer to cocos_case_anchor(). Only a hash of the
 * signature leaves this machine. A service that asks to come back later is asked again, as for
 * cocos_collateral_fetch(). Blocks. @p file is as it was after a failure.
 * @param url      of the authority, http:// or https://.
 * @param options  "ca", "patience", "attempt" and "offline" of them; may be NULL.
 * @param deadline_ns  of cocos_deadline_in(); 0: none beyond the options' patience.
 * @param cancel       may be NULL.
 * @return COCOS_OK; as cocos_case_anchor(); COCOS_ERR_USAGE "option.value"; COCOS_ERR_MALFORMED
 *         "collateral.type": the answer is no application/timestamp-reply; else as
 *         cocos_collateral_fetch().
 * @source RFC 3161 section 3.4   @since 0.1
 */
COCOS_API COCOS_NODISCARD int cocos_case_anchor_fetch(cocos_case *file,
                                                      const char *url,
                                                      const cocos_collateral_options *options,
                                                      int64_t deadline_ns,
                                                      cocos_cancel *cancel,
                                                      cocos_error **err);

#ifdef __cplusplus
}
#endif
#endif
