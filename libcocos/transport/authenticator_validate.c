/* SPDX-License-Identifier: Apache-2.0 */
/* The order of the checks is that of spec atls.md section 7; its numbers stand beside them. */
#include "transport/authenticator_impl.h"

#include <string.h>

#include <openssl/x509_vfy.h>

#include "crypto/ossl.h"
#include "transport/attest_payload.h"

COCOS__DEFINE_FREEP(store_ctx_freep, X509_STORE_CTX *, X509_STORE_CTX_free)

/* One message as it stands in the bytes. */
typedef struct message {
    int type;
    cocos__span all; /* with its head */
    cocos__span body;
} message;

typedef struct entry {
    cocos__span der;
    cocos__ea_extensions extensions;
    int doubled;
} entry;

/* What an authenticator says, form only. */
typedef struct parsed {
    message certificate;
    message verify;
    message finished;
    cocos__span context;
    size_t n;
    entry entries[COCOS__EA_CHAIN_MAX];
    uint16_t scheme;
    cocos__span signature;
} parsed;

/* Certificates in the order of the entries. */
typedef struct chain {
    X509 *leaf; /* borrowed from `all` */
    STACK_OF(X509) * all;
} chain;

static void chain_done(chain *c)
{
    sk_X509_pop_free(c->all, X509_free);
}

static int truncated(const char *what, cocos_error **err)
{
    return cocos__ea_fail(err, "atls.truncated", "%s ends before it is whole", what);
}

static int bad_length(const char *what, cocos_error **err)
{
    return cocos__ea_fail(err, "atls.length", "%s is not as long as it has to be", what);
}

/* 0 when no whole message follows. */
static int split(cocos__reader *r, message *ret)
{
    const uint8_t *start = r->data + r->pos;

    ret->type = cocos__read_u8(r);
    size_t len = (size_t)cocos__read_u8(r) << 16;
    len |= cocos__read_u16be(r);
    if (r->failed || len > cocos__reader_left(r))
        return 0;
    ret->body = cocos__read_span(r, len);
    ret->all = (cocos__span){start, 4 + len};
    return 1;
}

/* ---- Form: steps 3 to 10 ---- */

static int read_entry(cocos__reader *r, entry *e, cocos_error **err)
{
    size_t len = (size_t)cocos__read_u8(r) << 16;

    len |= cocos__read_u16be(r);
    e->der = cocos__read_span(r, len);
    size_t extensions = cocos__read_u16be(r);
    if (r->failed || extensions > cocos__reader_left(r))
        return truncated("a certificate's entry", err);
    if (len == 0)
        return bad_length("a certificate", err);
    return cocos__ea_extensions_read(cocos__read_span(r, extensions), &e->extensions, &e->doubled,
                                     err);
}

static int read_certificate(cocos__span body, parsed *p, cocos_error **err)
{
    cocos__reader r;

    cocos__reader_init(&r, body.data, body.len);
    p->context = cocos__read_span(&r, cocos__read_u8(&r));
    size_t list = (size_t)cocos__read_u8(&r) << 16;
    list |= cocos__read_u16be(&r);
    if (r.failed || list > cocos__reader_left(&r))
        return truncated("the list of certificates", err);
    if (list < cocos__reader_left(&r))
        return bad_length("the list of certificates", err);
    while (cocos__reader_left(&r) > 0) {
        if (p->n == COCOS__EA_CHAIN_MAX)
            return cocos__ea_fail(err, "atls.length", "there are more than %d certificates",
                                  COCOS__EA_CHAIN_MAX);
        int status = read_entry(&r, &p->entries[p->n++], err);
        if (status < 0)
            return status;
    }
    return COCOS_OK;
}

static int read_verify(cocos__span body, parsed *p, cocos_error **err)
{
    cocos__reader r;

    cocos__reader_init(&r, body.data, body.len);
    p->scheme = cocos__read_u16be(&r);
    size_t len = cocos__read_u16be(&r);
    if (r.failed || len > cocos__reader_left(&r))
        return truncated("the signature", err);
    if (len < cocos__reader_left(&r) || len == 0)
        return bad_length("the signature", err);
    p->signature = cocos__read_span(&r, len);
    return COCOS_OK;
}

/* The first message is read already. Steps 4 and 5. */
static int read_rest(cocos__reader *r, parsed *p, cocos_error **err)
{
    if (!split(r, &p->verify) || p->verify.type != COCOS__EA_CERTIFICATE_VERIFY)
        return cocos__ea_fail(err, "atls.message", "no signature follows the certificates");
    if (!split(r, &p->finished) || p->finished.type != COCOS__EA_FINISHED ||
        cocos__reader_left(r) > 0)
        return cocos__ea_fail(err, "atls.length", "the authenticator does not end as it has to");
    int status = read_certificate(p->certificate.body, p, err);
    if (status == COCOS_OK)
        status = read_verify(p->verify.body, p, err);
    if (status == COCOS_OK && p->finished.body.len == 0)
        status = bad_length("the last message", err);
    return status;
}

static int is_same(cocos__span a, cocos__span b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

/* Steps 6 to 9. */
static int check_entries(const parsed *p, const cocos__ea_request *rq, cocos_error **err)
{
    if (rq && !is_same(p->context, rq->context))
        return cocos__ea_fail(err, "atls.context", "the authenticator answers another request");
    if (p->n == 0)
        return cocos__ea_fail(err, "atls.message", "the list of certificates is empty");
    for (size_t i = 0; i < p->n; i++) {
        const entry *e = &p->entries[i];
        if (e->doubled || (i > 0 && cocos__ea_find(&e->extensions, COCOS__EA_EXT_ATTESTATION)))
            return cocos__ea_fail(err, "atls.request",
                                  "evidence stands at another place than in the first entry");
        for (size_t j = 0; rq && j < e->extensions.n; j++) {
            if (!cocos__ea_find(&rq->extensions, e->extensions.at[j].type))
                return cocos__ea_fail(err, "atls.request", "extension %04x was not asked for",
                                      e->extensions.at[j].type);
        }
    }
    return COCOS_OK;
}

/* Step 10: v16<cmw>, at least one byte, nothing behind it (section 6.1). */
static int read_cmw(const parsed *p, cocos__span *ret, cocos_error **err)
{
    const cocos__ea_extension *e =
        cocos__ea_find(&p->entries[0].extensions, COCOS__EA_EXT_ATTESTATION);

    *ret = (cocos__span){NULL, 0};
    if (!e)
        return COCOS_OK;
    if (e->data.len < 3 || cocos__u16be(e->data.data) != e->data.len - 2)
        return bad_length("the extension with the evidence", err);
    *ret = (cocos__span){e->data.data + 2, e->data.len - 2};
    return COCOS_OK;
}

/* ---- Steps 11 to 15 ---- */

/* Of the handshake as a rule; to read a key costs more than to check its signature. */
static X509 *reuse(X509 *known, cocos__span der)
{
    uint8_t *bytes = NULL;
    int len = known ? i2d_X509(known, &bytes) : -1;
    X509 *same = NULL;

    if (len >= 0 && (size_t)len == der.len && memcmp(bytes, der.data, der.len) == 0 &&
        X509_up_ref(known) == 1)
        same = known;
    OPENSSL_free(bytes);
    return same;
}

static int read_chain(const parsed *p, X509 *known, chain *c, cocos_error **err)
{
    c->all = sk_X509_new_null();
    if (!c->all)
        return cocos__fail_memory(err);
    for (size_t i = 0; i < p->n; i++) {
        const uint8_t *at = p->entries[i].der.data;
        size_t len = p->entries[i].der.len;
        X509 *cert = i == 0 ? reuse(known, p->entries[i].der) : NULL;
        if (cert)
            at += len;
        else
            cert = d2i_X509(NULL, &at, (long)len);
        if (!cert || at != p->entries[i].der.data + len || !X509_get0_pubkey(cert)) {
            X509_free(cert);
            return cocos__ea_fail(err, "atls.certificate", "entry %zu is no certificate", i);
        }
        if (sk_X509_push(c->all, cert) <= 0) {
            X509_free(cert);
            return cocos__fail_memory(err);
        }
    }
    c->leaf = sk_X509_value(c->all, 0);
    return COCOS_OK;
}

static int check_signature(const parsed *p,
                           const cocos__ea_request *rq,
                           const chain *c,
                           const uint8_t *hash,
                           size_t hash_len,
                           cocos_error **err)
{
    EVP_PKEY *key = X509_get0_pubkey(c->leaf);
    uint8_t input[COCOS__EA_SIGNED_MAX];
    size_t n = cocos__ea_signed(hash, hash_len, input);

    if ((rq && !cocos__ea_scheme_offered(rq, p->scheme)) || !cocos__ea_scheme_fits(p->scheme, key))
        return cocos__ea_fail(err, "atls.scheme",
                              "signature scheme %04x was not offered, or is not for this key",
                              p->scheme);
    COCOS__CLEANUP(cocos__md_ctx_freep) EVP_MD_CTX *ctx = cocos__ea_signer(p->scheme, key, 1);
    if (!ctx)
        return cocos__fail_ossl(err, COCOS_ERR_INTERNAL, "atls.crypto", "cannot check a signature");
    if (EVP_DigestVerify(ctx, p->signature.data, p->signature.len, input, n) != 1)
        return cocos__ea_fail(err, "atls.signature",
                              "the signature is not of this key, connection and request");
    return COCOS_OK;
}

static int check_finished(const cocos__ea_session *s,
                          const cocos__ea_keys *k,
                          const EVP_MD_CTX *transcript,
                          cocos__span found,
                          cocos_error **err)
{
    uint8_t hash[48];
    uint8_t mac[48];

    int r = cocos__ea_transcript_hash(transcript, hash, err);
    if (r == COCOS_OK)
        r = cocos__ea_mac(s, k, hash, mac, err);
    if (r < 0)
        return r;
    if (found.len != k->len || !cocos__equal_ct(found.data, mac, k->len))
        return cocos__ea_fail(err, "atls.finished",
                              "the authenticator is not of this connection, side and request");
    return COCOS_OK;
}

/* Steps 12 to 14. */
static int check_proofs(const cocos__ea_session *s,
                        const cocos__ea_terms *t,
                        const cocos__ea_keys *k,
                        EVP_MD_CTX *transcript,
                        const parsed *p,
                        const chain *c,
                        cocos_error **err)
{
    uint8_t hash[48];

    int r = cocos__ea_transcript_add(transcript, p->certificate.all, err);
    if (r == COCOS_OK)
        r = cocos__ea_transcript_hash(transcript, hash, err);
    if (r == COCOS_OK)
        r = check_signature(p, t->request, c, hash, k->len, err);
    if (r == COCOS_OK)
        r = cocos__ea_transcript_add(transcript, p->verify.all, err);
    return r < 0 ? r : check_finished(s, k, transcript, p->finished.body, err);
}

/* Step 15: chain, dates and purpose, no name: that was the handshake's to check. */
static int check_chain(const cocos__ea_terms *t, const chain *c, cocos_error **err)
{
    COCOS__CLEANUP(store_ctx_freep) X509_STORE_CTX *ctx = NULL;

    if (!t->roots)
        return COCOS_OK;
    ctx = X509_STORE_CTX_new();
    if (!ctx || X509_STORE_CTX_init(ctx, t->roots, c->leaf, c->all) != 1 ||
        X509_STORE_CTX_set_default(ctx,
                                   t->role == COCOS__EA_SERVER ? "ssl_server" : "ssl_client") != 1)
        return cocos__fail_ossl(err, COCOS_ERR_INTERNAL, "atls.crypto", "cannot check a chain");
    if (X509_verify_cert(ctx) != 1)
        return cocos__ea_fail(err, "atls.chain", "the authenticator's certificate: %s",
                              X509_verify_cert_error_string(X509_STORE_CTX_get_error(ctx)));
    return COCOS_OK;
}

/* ---- The whole ---- */

static int validate_empty(const cocos__ea_session *s,
                          const cocos__ea_terms *t,
                          const cocos__ea_keys *k,
                          EVP_MD_CTX *transcript,
                          const message *finished,
                          cocos__ea_result *ret,
                          cocos_error **err)
{
    COCOS__CLEANUP(cocos__buf_done) cocos__buf certificate;

    if (!t->request)
        return cocos__ea_fail(err, "atls.request", "nobody asked, and nobody is named");
    cocos__buf_init(&certificate, 512);
    int r = cocos__ea_empty_certificate(t->request->context, &certificate, err);
    if (r == COCOS_OK)
        r = cocos__ea_transcript_add(transcript, (cocos__span){certificate.data, certificate.len},
                                     err);
    if (r == COCOS_OK)
        r = check_finished(s, k, transcript, finished->body, err);
    if (r < 0)
        return r;
    /* Everybody who ended the handshake can make one: it says no, and is never a proof. */
    if (t->attested || t->roots)
        return cocos__ea_fail(err, "atls.unattested", "the peer declines to authenticate itself");
    *ret = (cocos__ea_result){.empty = 1, .context = t->request->context};
    return COCOS_OK;
}

/* Steps 16 to 18. */
static int check_evidence(const cocos__ea_terms *t, cocos__ea_result *ret, cocos_error **err)
{
    COCOS__CLEANUP(cocos__ea_payload_freep) cocos__ea_payload *p = NULL;

    if (!ret->cmw.data)
        return t->attested ? cocos__ea_fail(err, "atls.unattested", "the peer sends no evidence")
                           : COCOS_OK;
    int r = cocos__ea_payload_parse(ret->cmw, &p, err);
    if (r == COCOS_OK)
        r = cocos__ea_payload_check(p, &ret->binding, err);
    if (r == COCOS_OK && p->has_results)
        r = cocos__ea_fail(err, "atls.results",
                           "the peer sends results of somebody else's judgement");
    if (r == COCOS_OK)
        ret->payload = COCOS__STEAL(p);
    return r;
}

static int validate_full(const cocos__ea_session *s,
                         const cocos__ea_terms *t,
                         const cocos__ea_keys *k,
                         EVP_MD_CTX *transcript,
                         parsed *p,
                         cocos__ea_result *ret,
                         cocos_error **err)
{
    COCOS__CLEANUP(chain_done) chain c = {NULL, NULL};
    cocos__ea_result result = {.context = p->context, .chain_len = p->n};

    int r = check_entries(p, t->request, err);
    if (r == COCOS_OK)
        r = read_cmw(p, &result.cmw, err);
    if (r == COCOS_OK)
        r = read_chain(p, t->known, &c, err);
    if (r == COCOS_OK)
        r = check_proofs(s, t, k, transcript, p, &c, err);
    if (r == COCOS_OK)
        r = check_chain(t, &c, err);
    if (r == COCOS_OK)
        r = cocos__ea_context_fresh(s->used, p->context, err);
    if (r < 0)
        return r;
    cocos__ea_context_mark(s->used, p->context);
    r = cocos__ea_bind(s, p->context, c.leaf, &result.binding, err);
    if (r == COCOS_OK)
        r = check_evidence(t, &result, err);
    if (r == COCOS_OK)
        *ret = result;
    return r;
}

int cocos__ea_validate(const cocos__ea_session *s,
                       const cocos__ea_terms *terms,
                       cocos__span authenticator,
                       cocos__ea_result *ret,
                       cocos_error **err)
{
    COCOS__OSSL_SCOPE;
    COCOS__CLEANUP(cocos__ea_keys_wipe) cocos__ea_keys keys = {0};
    COCOS__CLEANUP(cocos__md_ctx_freep) EVP_MD_CTX *transcript = NULL;
    const cocos__ea_request *rq = terms->request;
    cocos__reader reader;

    if (!rq && terms->role != COCOS__EA_SERVER)
        return cocos__ea_fail(err, "atls.request", "only a server speaks unasked");
    int r = cocos__ea_keys_get(s, terms->role, &keys, err); /* step 1 */
    if (r < 0)
        return r;
    if (rq && (rq->schemes.len == 0 || rq->doubled)) /* step 2 */
        return cocos__ea_fail(err, "atls.request",
                              "the request names no signature schemes, or an extension twice");
    COCOS__CLEANUP(cocos__freep) parsed *p = calloc(1, sizeof *p);
    if (!p)
        return cocos__fail_memory(err);
    cocos__reader_init(&reader, authenticator.data, authenticator.len);
    if (!split(&reader, &p->certificate)) /* step 3 */
        return truncated("the authenticator", err);
    r = cocos__ea_transcript_new(s, &keys, rq ? rq->bytes : (cocos__span){NULL, 0}, &transcript,
                                 err);
    if (r < 0)
        return r;
    if (p->certificate.type == COCOS__EA_FINISHED && cocos__reader_left(&reader) == 0)
        return validate_empty(s, terms, &keys, transcript, &p->certificate, ret, err);
    if (p->certificate.type != COCOS__EA_CERTIFICATE)
        return cocos__ea_fail(err, "atls.message", "an authenticator begins with certificates");
    r = read_rest(&reader, p, err);
    return r < 0 ? r : validate_full(s, terms, &keys, transcript, p, ret, err);
}

void cocos__ea_result_done(cocos__ea_result *r)
{
    cocos__ea_payload_free(r->payload);
    r->payload = NULL;
}
