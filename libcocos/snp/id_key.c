/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of ID blocks as the firmware hashes them (AMD 56860, ID authentication information). */
#include "snp/id_key.h"

#include <string.h>

#include "crypto/cert.h"
#include "crypto/digest.h"
#include "crypto/key.h"

/* The format of ECDSA keys: curve, then QX and QY with 72 bytes each, little-endian, zeros. */
#define KEY_SIZE   0x404
#define OFF_QX     0x04
#define OFF_QY     0x4c
#define CURVE_P384 2
#define COORDINATE 48

static int refuse(cocos_error **err, const char *found)
{
    return cocos__fail(err, COCOS_ERR_USAGE, "policy.key",
                       "expected a public key on P-384 or a certificate for one, found %s", found);
}

static int refused(int status, cocos_error **err, const char *found)
{
    return status == COCOS_ERR_MEMORY ? cocos__fail_memory(err) : refuse(err, found);
}

/* x and y big-endian, one after the other. */
static int point_of_cert(cocos__span data, uint8_t *point, cocos_error **err)
{
    cocos__certs list = {.n = 0};
    int r = cocos__certs_add(&list, data.data, data.len, NULL);
    const cocos__pubkey *key = r == COCOS_OK && list.n == 1 ? cocos__cert_key(list.at[0]) : NULL;

    if (r < 0)
        r = refused(r, err, "neither");
    else if (!key || cocos__pubkey_kind(key) != COCOS__KEY_EC_P384)
        r = refuse(err, list.n == 1 ? "a certificate for another kind of key" : "several");
    else
        r = cocos__pubkey_point(key, point, point + COORDINATE, err);
    cocos__certs_done(&list);
    return r;
}

static int point_of_key(const cocos_key *key, uint8_t *point, cocos_error **err)
{
    size_t len = 0;
    const uint8_t *spki = cocos_key_spki(key, &len);

    if (cocos_key_is_private(key))
        return refuse(err, "a private key, which does not belong into a policy");
    if (cocos_key_type(key) != COCOS_KEY_P384 || len < 2 * COORDINATE)
        return refuse(err, "another kind of key");
    /* A SubjectPublicKeyInfo ends with its point, which keys here hold uncompressed. */
    memcpy(point, spki + len - 2 * COORDINATE, 2 * COORDINATE);
    return COCOS_OK;
}

static int is_pem(cocos__span data)
{
    return data.len > 11 && memcmp(data.data, "-----BEGIN ", 11) == 0;
}

static int find_point(cocos__span data, uint8_t *point, cocos_error **err)
{
    COCOS__CLEANUP(cocos__key_freep) cocos_key *key = NULL;
    int r = is_pem(data) ? cocos_key_from_pem(data.data, data.len, &key, NULL)
                         : cocos_key_from_spki(data.data, data.len, &key, NULL);

    if (r == COCOS_OK)
        return point_of_key(key, point, err);
    if (r == COCOS_ERR_UNSUPPORTED || r == COCOS_ERR_MEMORY)
        return refused(r, err, "another kind of key");
    return point_of_cert(data, point, err);
}

int cocos__snp_key_digest(cocos__span data, uint8_t out[COCOS__SNP_KEY_DIGEST], cocos_error **err)
{
    uint8_t point[2 * COORDINATE];
    uint8_t form[KEY_SIZE] = {CURVE_P384};

    int r = find_point(data, point, err);
    if (r < 0)
        return r;
    for (size_t i = 0; i < COORDINATE; i++) {
        form[OFF_QX + i] = point[COORDINATE - 1 - i];
        form[OFF_QY + i] = point[2 * COORDINATE - 1 - i];
    }
    return cocos__digest(COCOS__SHA384, form, sizeof form, out, err);
}
