/* SPDX-License-Identifier: Apache-2.0 */
/* Recorded connections of the Go programs: decrypted with their key log, and judged. */
#include "atls.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/hex.h"
#include "transport/attest_frame.h"

/* Content types and what an encrypted handshake ends with (RFC 8446 sections 5.1 and 4). */
enum { HANDSHAKE = 22, APPLICATION_DATA = 23, FINISHED = 20 };

typedef struct reader_keys {
    const EVP_CIPHER *cipher;
    int hash;
    uint8_t secrets[2][48]; /* of the handshake, of the application */
    int phase;
    uint8_t key[32];
    uint8_t iv[12];
    uint64_t sequence;
} reader_keys;

static void set_phase(reader_keys *k, int phase)
{
    k->phase = phase;
    k->sequence = 0;
    expand_label(k->hash, k->secrets[phase], "key", NULL, 0, k->key,
                 (size_t)EVP_CIPHER_get_key_length(k->cipher));
    expand_label(k->hash, k->secrets[phase], "iv", NULL, 0, k->iv, sizeof k->iv);
}

/* The secret of a line "LABEL client-random secret". */
static void find_secret(const json_t *log, const char *label, uint8_t out[48])
{
    json_t *line = NULL;
    size_t i = 0;

    json_array_foreach(log, i, line)
    {
        const char *text = json_string_value(line);
        const char *secret = strrchr(text, ' ') + 1;
        if (strncmp(text, label, strlen(label)) == 0)
            PKI_NEED(cocos__hex_decode(secret, strlen(secret), out, strlen(secret) / 2, NULL) ==
                     COCOS_OK);
    }
}

static reader_keys keys_of(const json_t *row, int server)
{
    const char *suite = text_of(row, "cipher_suite");
    const json_t *log = json_object_get(row, "keylog");
    reader_keys k = {.cipher = EVP_aes_128_gcm(), .hash = COCOS__SHA256};

    if (strcmp(suite, "1302") == 0) {
        k.cipher = EVP_aes_256_gcm();
        k.hash = COCOS__SHA384;
    } else if (strcmp(suite, "1303") == 0) {
        k.cipher = EVP_chacha20_poly1305();
    }
    find_secret(log, server ? "SERVER_HANDSHAKE" : "CLIENT_HANDSHAKE", k.secrets[0]);
    find_secret(log, server ? "SERVER_TRAFFIC" : "CLIENT_TRAFFIC", k.secrets[1]);
    set_phase(&k, 0);
    return k;
}

/* One record in place: its content; *type is the true one. -1 when it does not decrypt. */
static int open_record(reader_keys *k, const uint8_t *record, size_t len, uint8_t *out, int *type)
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    uint8_t nonce[12];
    int n = 0;
    int more = 0;

    memcpy(nonce, k->iv, sizeof nonce);
    for (int i = 0; i < 8; i++)
        nonce[11 - i] ^= (uint8_t)(k->sequence >> (8 * i));
    k->sequence++;
    int ok =
        len > 5 + 16 && EVP_DecryptInit_ex(ctx, k->cipher, NULL, k->key, nonce) == 1 &&
        EVP_DecryptUpdate(ctx, NULL, &n, record, 5) == 1 &&
        EVP_DecryptUpdate(ctx, out, &n, record + 5, (int)len - 5 - 16) == 1 &&
        EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, 16, (void *)(record + len - 16)) == 1 &&
        EVP_DecryptFinal_ex(ctx, out + n, &more) == 1;
    EVP_CIPHER_CTX_free(ctx);
    while (ok && n > 0 && out[n - 1] == 0)
        n--; /* padding */
    if (!ok || n == 0)
        return -1;
    *type = out[n - 1];
    return n - 1;
}

/* Handshake messages of one record; the last record of them ends with Finished. */
static int has_finished(const uint8_t *data, size_t len)
{
    for (size_t at = 0; at + 4 <= len;) {
        if (data[at] == FINISHED)
            return 1;
        at += 4 + ((size_t)data[at + 1] << 16 | (size_t)data[at + 2] << 8 | data[at + 3]);
    }
    return 0;
}

/* The application's plaintext of one direction. */
static int decrypt(const json_t *row, int server, cocos__buf *out)
{
    blob tls = hex_of(row, server ? "server_to_client_tls" : "client_to_server_tls");
    reader_keys k = keys_of(row, server);
    uint8_t *plain = malloc(tls.len);
    int failed = 0;

    for (size_t at = 0; !failed && at + 5 <= tls.len;) {
        size_t len = 5 + cocos__u16be(tls.data + at + 3);
        int type = 0;
        if (tls.data[at] == APPLICATION_DATA) {
            int n = open_record(&k, tls.data + at, len, plain, &type);
            failed = n < 0;
            if (!failed && type == APPLICATION_DATA)
                cocos__buf_add(out, plain, (size_t)n);
            if (!failed && type == HANDSHAKE && k.phase == 0 && has_finished(plain, (size_t)n))
                set_phase(&k, 1);
        }
        at += len;
    }
    free(plain);
    free(tls.data);
    return failed;
}

/* Frame of that type at the beginning, and that text behind it. */
static int
take_frame(const cocos__buf *b, int type, const json_t *row, const char *after, cocos__span *ret)
{
    blob text = hex_of(row, after);
    size_t len = 0;
    int ok = b->len >= COCOS__FRAME_HEAD &&
             cocos__attest_frame_expect(b->data, type, COCOS__FRAME_AUTHENTICATOR_MAX, &len,
                                        NULL) == COCOS_OK &&
             b->len == COCOS__FRAME_HEAD + len + text.len &&
             memcmp(b->data + COCOS__FRAME_HEAD + len, text.data, text.len) == 0;

    if (ok)
        *ret = (cocos__span){b->data + COCOS__FRAME_HEAD, len};
    free(text.data);
    return ok;
}

static int check(const json_t *row, cocos__span request, cocos__span authenticator)
{
    exporter e = {.hash = strcmp(text_of(row, "cipher_suite"), "1302") == 0 ? COCOS__SHA384
                                                                            : COCOS__SHA256};
    cocos__ea_session s = exporter_session(&e, NULL);
    blob secret = hex_of(row, "exporter_secret");
    blob frame = hex_of(row, "request_frame");
    blob cmw = hex_of(row, "cmw");
    cocos__ea_request rq;
    cocos__ea_result result = {0};
    size_t rest = 1;

    memcpy(e.secret, secret.data, secret.len);
    int ok = frame.len == 5 + request.len && memcmp(frame.data + 5, request.data, request.len) == 0;
    ok = ok && cocos__ea_request_parse(request, &rq, &rest, NULL) == COCOS_OK && rest == 0;
    cocos__ea_terms terms = {.role = COCOS__EA_SERVER, .request = &rq, .attested = 1};
    ok = ok && cocos__ea_validate(&s, &terms, authenticator, &result, NULL) == COCOS_OK;
    ok = ok && result.cmw.len == cmw.len && memcmp(result.cmw.data, cmw.data, cmw.len) == 0;
    cocos__ea_result_done(&result);
    free(secret.data);
    free(frame.data);
    free(cmw.data);
    return ok;
}

int run_transcript(const char *dir, const json_t *row)
{
    cocos__buf up, down;
    cocos__span request, authenticator;

    (void)dir;
    cocos__buf_init(&up, 1 << 20);
    cocos__buf_init(&down, 1 << 20);
    int ok =
        !decrypt(row, 0, &up) && !decrypt(row, 1, &down) &&
        take_frame(&up, COCOS__FRAME_REQUEST, row, "client_app_data", &request) &&
        take_frame(&down, COCOS__FRAME_AUTHENTICATOR, row, "server_app_data", &authenticator) &&
        check(row, request, authenticator);
    if (!ok)
        printf("transcripts %s: not decrypted, or not taken\n", text_of(row, "name"));
    cocos__buf_done(&up);
    cocos__buf_done(&down);
    return !ok;
}
