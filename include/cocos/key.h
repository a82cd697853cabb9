/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_KEY_H
#define COCOS_KEY_H

/*
 * Keys of parties: make, read and write them, and tell them apart.
 */

#include <cocos/error.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A private or public key of a party. Immutable; may be used from many threads. */
typedef struct cocos_key cocos_key;

/** Kinds of keys, each with exactly one signature algorithm (cocos-v1, RFC 9053). */
enum cocos_key_type {
    COCOS_KEY_ED25519 = 1, /**< EdDSA */
    COCOS_KEY_P256 = 2,    /**< ES256 */
    COCOS_KEY_P384 = 3,    /**< ES384 */
    COCOS_KEY_RSA = 4      /**< PS256; 3072 bits or more; new ones have 4096 */
};

/**
 * Make a new private key.
 * @param type  enum cocos_key_type.
 * @param ret   [out, owned] free with cocos_key_free(). Untouched on failure.
 * @param err   [out, owned, optional].
 * @return COCOS_OK; COCOS_ERR_USAGE: unknown type; COCOS_ERR_MEMORY; COCOS_ERR_INTERNAL.   @since
 * 0.1
 */
COCOS_API COCOS_NODISCARD int cocos_key_generate(int type, cocos_key **ret, cocos_error **err);

/**
 * Read a key from PEM: PKCS#8, PKCS#1 (also under the label PRIVATE KEY, as older tools write it),
 * SEC1, SubjectPublicKeyInfo. Encrypted keys are refused by name.
 * @param data  PEM text of at most 64 KiB. Borrowed.
 * @param len   bytes at @p data.
 * @param ret   [out, owned] free with cocos_key_free(). Untouched on failure.
 * @param err   [out, owned, optional].
 * @return COCOS_OK; COCOS_ERR_MALFORMED: no key in it; COCOS_ERR_UNSUPPORTED: another kind of key,
 * RSA below 3072 bits, or encrypted; COCOS_ERR_MEMORY.   @since 0.1
 */
COCOS_API COCOS_NODISCARD int
cocos_key_from_pem(const uint8_t *data, size_t len, cocos_key **ret, cocos_error **err);

/** Read a key file of at most 64 KiB as cocos_key_from_pem() does; its bytes are wiped afterwards.
 *  @return also COCOS_ERR_NOT_FOUND, COCOS_ERR_DENIED, COCOS_ERR_IO.   @since 0.1 */
COCOS_API COCOS_NODISCARD int
cocos_key_from_file(const char *path, cocos_key **ret, cocos_error **err);

/**
 * Read a public key from DER SubjectPublicKeyInfo.
 * @param data  DER, nothing behind it. Borrowed.   @since 0.1
 */
COCOS_API COCOS_NODISCARD int
cocos_key_from_spki(const uint8_t *data, size_t len, cocos_key **ret, cocos_error **err);

/** enum cocos_key_type of @p key.   @since 0.1 */
COCOS_API int cocos_key_type(const cocos_key *key);

/** 1 when @p key can sign, 0 when it only verifies.   @since 0.1 */
COCOS_API int cocos_key_is_private(const cocos_key *key);

/** DER SubjectPublicKeyInfo of @p key. Borrowed; lives as long as @p key.   @since 0.1 */
COCOS_API const uint8_t *cocos_key_spki(const cocos_key *key, size_t *len);

/** Thumbprint: SHA-256 of the SubjectPublicKeyInfo, 32 bytes. Borrowed.   @since 0.1 */
COCOS_API const uint8_t *cocos_key_thumbprint(const cocos_key *key);

/**
 * Write the key as PEM: PKCS#8 for a private, SubjectPublicKeyInfo for a public key.
 * @param private_part  1: the private key (USAGE when there is none); 0: the public key.
 * @param ret [out, owned] NUL-terminated text, free with cocos_free_text().   @since 0.1
 */
COCOS_API COCOS_NODISCARD int
cocos_key_to_pem(const cocos_key *key, int private_part, char **ret, cocos_error **err);

/** Wipe and free a text that the library returned; NULL is allowed.   @since 0.1 */
COCOS_API void cocos_free_text(char *text);

/** Wipe and free @p key; NULL is allowed.   @since 0.1 */
COCOS_API void cocos_key_free(cocos_key *key);

#ifdef __cplusplus
}
#endif
#endif
