/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_POLICY_H
#define COCOS_POLICY_H

/*
 * What a relying party accepts as evidence. cocos-policy(5) describes the rules and the JSON form.
 */

#include <cocos/error.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * What a relying party accepts as evidence: a set of rules, each with a name such as
 * "snp.measurement" and, until it is set, a default that refuses (cocos-policy(5) lists all).
 * Not thread-safe while it is being changed; may be read from many threads afterwards.
 */
typedef struct cocos_policy cocos_policy;

/**
 * Make a policy in which no rule is set and only the compiled-in vendor roots are trusted.
 * @param ret  [out, owned] free with cocos_policy_free().
 * @return COCOS_OK; COCOS_ERR_MEMORY.   @since 0.1
 */
COCOS_API COCOS_NODISCARD int cocos_policy_new(cocos_policy **ret, cocos_error **err);

/**
 * Set one rule from text, replacing what it said before.
 * @param name   of the rule.
 * @param value  "any" (written out: this is not checked), a hex string, a number (decimal or 0x),
 * "true" or "false", a product line, the name of a register, the components of a TCB
 * ("tee=1,snp=24"), as the rule wants it. Rules of key digests also take a public key or
 * certificate in PEM.
 * @return COCOS_OK; COCOS_ERR_USAGE "policy.name": no such rule, "policy.value": not such a value
 *         (the message names what is taken), "policy.length": bytes of another length, "policy.key": no key that fits.   @since 0.1
 */
COCOS_API COCOS_NODISCARD int
cocos_policy_set(cocos_policy *policy, const char *name, const char *value, cocos_error **err);

/**
 * Add one more acceptable value to a rule that takes several (byte strings and product lines).
 * The first one replaces "any". Values and errors as in cocos_policy_set(); COCOS_ERR_USAGE
 * "policy.conflict": this rule takes one value only; COCOS_ERR_EXHAUSTED above 256.   @since 0.1
 */
COCOS_API COCOS_NODISCARD int
cocos_policy_add(cocos_policy *policy, const char *name, const char *value, cocos_error **err);

/**
 * Set one rule that takes bytes.
 * @param data  @p len bytes, copied; as many as the rule wants. For a rule of key digests also a
 * public key or certificate, DER or PEM.   @since 0.1
 */
COCOS_API COCOS_NODISCARD int cocos_policy_set_bytes(
    cocos_policy *policy, const char *name, const uint8_t *data, size_t len, cocos_error **err);

/**
 * Trust these roots and no others. Evidence that ends at a root which is no vendor's is judged
 * like any other, and its verdict says "simulated".
 * @param data  PEM of one or more certificates, or one DER. Self-signed ones become roots; others
 * are passed over, but one self-signed must be there. May be called again to add more.
 * @return COCOS_OK; COCOS_ERR_MALFORMED "policy.roots" or "cert.form"; COCOS_ERR_EXHAUSTED. @since
 * 0.1
 */
COCOS_API COCOS_NODISCARD int
cocos_policy_add_root(cocos_policy *policy, const uint8_t *data, size_t len, cocos_error **err);

/**
 * Read the JSON form (doc/schema/policy.schema.json). Unknown and doubled names are refused with
 * their JSON Pointer, which is also cocos_error_check(). Every defect is told: each is the cause
 * (cocos_error_cause()) of the one before.
 * @param text  UTF-8, at most 4 MiB. Borrowed.
 * @param ret   [out, owned] free with cocos_policy_free().
 * @return COCOS_OK; COCOS_ERR_MALFORMED: "json.…" not JSON, "policy.name", "policy.value",
 *         "policy.length", "policy.roots", "policy.version", "policy.missing": a section that
 * leaves out what has no default; COCOS_ERR_EXHAUSTED; COCOS_ERR_MEMORY.   @since 0.1
 */
COCOS_API COCOS_NODISCARD int
cocos_policy_from_json(const char *text, size_t len, cocos_policy **ret, cocos_error **err);

/**
 * Write the JSON form; reading it gives the same policy.
 * @param ret  [out, owned] text, free with cocos_free_text() of key.h.   @since 0.1
 */
COCOS_API COCOS_NODISCARD int
cocos_policy_to_json(const cocos_policy *policy, char **ret, cocos_error **err);

/**
 * Say in words what is demanded, what an "any" gives away, what is still open, and which defaults
 * count. Kinds of evidence that no rule mentions get one line.
 * @param ret  [out, owned] text, free with cocos_free_text() of key.h.   @since 0.1
 */
COCOS_API COCOS_NODISCARD int
cocos_policy_explain(const cocos_policy *policy, char **ret, cocos_error **err);

/**
 * The same as JSON: which kinds of evidence are judged, and for each rule its name, meaning, state
 * ("demanded", "given away", "open", "default", "not checked") and what it says. Values are cut
 * for reading: cocos_policy_to_json() has them whole.
 * @param ret  [out, owned] text, free with cocos_free_text() of key.h.   @since 0.1
 */
COCOS_API COCOS_NODISCARD int
cocos_policy_explain_json(const cocos_policy *policy, char **ret, cocos_error **err);

/**
 * Add golden PCR values as one more acceptable value each of the rules vtpm.pcr.BANK.INDEX. On
 * failure the policy stays as it was.
 * @param json  text, e.g. {"pcr_values": {"sha256": {"0": "hex", "7": "hex"}}}; no other member.
 * @param len   bytes at @p json.
 * @return COCOS_OK; COCOS_ERR_MALFORMED "vtpm.pcr_policy_format"; COCOS_ERR_EXHAUSTED
 *         "policy.count"; COCOS_ERR_MEMORY.   @since 0.1
 */
COCOS_API COCOS_NODISCARD int
cocos_policy_add_pcrs(cocos_policy *policy, const char *json, size_t len, cocos_error **err);

/** Free @p policy; NULL is allowed.   @since 0.1 */
COCOS_API void cocos_policy_free(cocos_policy *policy);

#ifdef __cplusplus
}
#endif
#endif
