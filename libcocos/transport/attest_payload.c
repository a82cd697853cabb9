/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/attest_payload.h"

#include <stdio.h>
#include <string.h>

#include "codec/base64.h"
#include "codec/json.h"

#define JSON_MAX 65536 /* the extension has less room */

/* Section 6.1: the entry's vector of extensions holds two lengths of two bytes and the type. */
#define CMW_MAX    65535u
#define VECTOR_MAX 65535u
#define AROUND_CMW 6u

void cocos__ea_payload_free(cocos__ea_payload *p)
{
    if (!p)
        return;
    cocos__buf_done(&p->evidence);
    cocos__buf_done(&p->aik_pub_hash);
    cocos__buf_done(&p->binding);
    free(p);
}

static int malformed(const char *what, cocos_error **err)
{
    return cocos__ea_fail(err, "atls.payload", "the document with the evidence: %s", what);
}

/* null leaves a member unset, as in the Go programs. */
static int is_unset(const cocos__json *c)
{
    int kind = cocos__json_kind(c);

    return kind == COCOS__JSON_ABSENT || kind == COCOS__JSON_NULL;
}

static int read_text(const cocos__json *c, const char **ret, cocos_error **err)
{
    *ret = "";
    if (is_unset(c))
        return COCOS_OK;
    return cocos__json_text(c, ret, NULL) < 0 ? malformed("a text is none", err) : COCOS_OK;
}

static int read_bytes(const cocos__json *c, cocos__buf *out, cocos_error **err)
{
    const char *text = "";
    int r = read_text(c, &text, err);

    if (r == COCOS_OK && cocos__base64_decode(COCOS__BASE64, text, strlen(text), out, NULL) < 0)
        r = out->failed ? cocos__fail_memory(err) : malformed("bytes are not base64", err);
    return r;
}

static int read_binder(const cocos__json *c, cocos__ea_payload *p, cocos_error **err)
{
    cocos__json label = cocos__json_member(c, "exporter_label");
    cocos__json aik = cocos__json_member(c, "aik_pub_hash");
    cocos__json binding = cocos__json_member(c, "binding");
    const char *text = NULL;

    if (!is_unset(c) && cocos__json_kind(c) != COCOS__JSON_OBJECT)
        return malformed("the binder is no object", err);
    int r = read_text(&label, &text, err);
    if (r == COCOS_OK)
        p->other_label = *text && strcmp(text, COCOS__EA_EVIDENCE_LABEL) != 0;
    if (r == COCOS_OK)
        r = read_bytes(&aik, &p->aik_pub_hash, err);
    if (r == COCOS_OK)
        r = read_bytes(&binding, &p->binding, err);
    return r;
}

static int read_members(const cocos__json *root, cocos__ea_payload *p, cocos_error **err)
{
    cocos__json version = cocos__json_member(root, "version");
    cocos__json type = cocos__json_member(root, "media_type");
    cocos__json evidence = cocos__json_member(root, "evidence");
    cocos__json results = cocos__json_member(root, "attestation_results");
    cocos__json binder = cocos__json_member(root, "binder");
    const char *text = NULL;

    if (cocos__json_kind(root) != COCOS__JSON_NULL && cocos__json_kind(root) != COCOS__JSON_OBJECT)
        return malformed("it is no object", err);
    if (!is_unset(&version) && cocos__json_int(&version, &p->version, NULL) < 0)
        return malformed("the version is no whole number", err);
    int r = read_text(&type, &text, err);
    if (r == COCOS_OK && strlen(text) >= sizeof p->media_type)
        r = malformed("the media type is too long", err);
    if (r == COCOS_OK)
        strcpy(p->media_type, text);
    if (r == COCOS_OK)
        r = read_bytes(&evidence, &p->evidence, err);
    if (r == COCOS_OK)
        r = read_text(&results, &text, err);
    if (r == COCOS_OK)
        p->has_results = *text != '\0';
    return r < 0 ? r : read_binder(&binder, p, err);
}

/*
 * A document written as above begins with {"version":N,"media_type":"T","evidence":" and its
 * evidence is most of it. That text is taken out and decoded alone, and what is left is read as
 * JSON, in which a second member of that name would be found as well; base64 has no quotes and no
 * escapes. Any other document is read whole. Returns the text that was taken out; empty: none.
 */
static cocos__span take_out(cocos__span json, cocos__buf *left)
{
    static const char name[] = "\",\"evidence\":\"";
    static const char version[] = "{\"version\":?,\"media_type\":\"";
    const size_t v = sizeof version - 1;
    size_t at = v;

    if (json.len < v || memcmp(json.data, version, 11) != 0 || json.data[11] < '0' ||
        json.data[11] > '9' || memcmp(json.data + 12, version + 12, v - 12) != 0)
        return (cocos__span){NULL, 0};
    while (at < json.len && json.data[at] != '"' && json.data[at] != '\\')
        at++;
    if (json.len - at < sizeof name - 1 || memcmp(json.data + at, name, sizeof name - 1) != 0)
        return (cocos__span){NULL, 0};
    at += sizeof name - 1;
    const uint8_t *end = memchr(json.data + at, '"', json.len - at);
    if (!end || memchr(json.data + at, '\\', (size_t)(end - json.data) - at))
        return (cocos__span){NULL, 0};
    cocos__buf_add(left, json.data, at);
    cocos__buf_add(left, end, json.len - (size_t)(end - json.data));
    return (cocos__span){json.data + at, (size_t)(end - json.data) - at};
}

static int parse_json(cocos__span json, cocos__json_doc **ret, cocos_error **err)
{
    COCOS__CLEANUP(cocos__error_freep) cocos_error *why = NULL;
    int r = cocos__json_parse((const char *)json.data, json.len, JSON_MAX, ret, &why);

    if (r == COCOS_ERR_MEMORY)
        return cocos__fail_memory(err);
    return r < 0 ? malformed(cocos_error_message(why), err) : COCOS_OK;
}

/* The evidence that was taken out, unless the rest has some too. */
static int read_taken(cocos__span taken, cocos__ea_payload *p, cocos_error **err)
{
    if (taken.len == 0)
        return COCOS_OK;
    if (cocos__base64_decode(COCOS__BASE64, (const char *)taken.data, taken.len, &p->evidence,
                             NULL) == COCOS_OK)
        return COCOS_OK;
    return p->evidence.failed ? cocos__fail_memory(err) : malformed("bytes are not base64", err);
}

int cocos__ea_payload_parse(cocos__span json, cocos__ea_payload **ret, cocos_error **err)
{
    COCOS__CLEANUP(cocos__ea_payload_freep) cocos__ea_payload *p = calloc(1, sizeof *p);
    COCOS__CLEANUP(cocos__json_doc_freep) cocos__json_doc *doc = NULL;
    COCOS__CLEANUP(cocos__buf_done) cocos__buf left;

    cocos__buf_init(&left, JSON_MAX);
    if (!p)
        return cocos__fail_memory(err);
    cocos__buf_init(&p->evidence, JSON_MAX);
    cocos__buf_init(&p->aik_pub_hash, JSON_MAX);
    cocos__buf_init(&p->binding, JSON_MAX);
    if (json.len > JSON_MAX)
        return malformed("it is too long", err);
    cocos__span taken = take_out(json, &left);
    if (left.failed)
        return cocos__fail_memory(err);
    int r = parse_json(taken.len ? (cocos__span){left.data, left.len} : json, &doc, err);
    if (r < 0)
        return r;
    cocos__json root = cocos__json_root(doc);
    r = read_members(&root, p, err);
    if (r == COCOS_OK)
        r = read_taken(taken, p, err);
    if (r < 0)
        return r;
    if (p->evidence.len == 0 && !p->has_results)
        return cocos__ea_fail(err, "atls.statement", "the document has no evidence");
    if (p->aik_pub_hash.len == 0 || p->binding.len == 0)
        return cocos__ea_fail(err, "atls.binder", "the document has no binder");
    *ret = COCOS__STEAL(p);
    return COCOS_OK;
}

static int is_hash(const cocos__buf *found, const uint8_t *expected, size_t len)
{
    return found->len == len && cocos__equal_ct(found->data, expected, len);
}

int cocos__ea_payload_check(const cocos__ea_payload *p,
                            const cocos__ea_binding *b,
                            cocos_error **err)
{
    if (p->other_label)
        return cocos__ea_fail(err, "atls.label", "the binder names another exporter than \"%s\"",
                              COCOS__EA_EVIDENCE_LABEL);
    if (!is_hash(&p->aik_pub_hash, b->aik_pub_hash, b->hash_len))
        return cocos__ea_fail(err, "atls.leaf", "the binder is of another key than the peer's");
    if (!is_hash(&p->binding, b->binding, b->hash_len))
        return cocos__ea_fail(err, "atls.binding", "the binder is of another connection");
    return COCOS_OK;
}

/* ---- Writing ---- */

static void add_base64(cocos__buf *out, const uint8_t *data, size_t len)
{
    cocos__buf_add_u8(out, '"');
    cocos__base64_add(out, COCOS__BASE64, data, len);
    cocos__buf_add_u8(out, '"');
}

int cocos__ea_payload_write(int version,
                            const char *media_type,
                            cocos__span evidence,
                            const cocos__ea_binding *b,
                            cocos__buf *out,
                            cocos_error **err)
{
    if (evidence.len == 0)
        return cocos__fail(err, COCOS_ERR_STATE, "atls.statement", "there is no evidence to send");
    cocos__buf_printf(out, "{\"version\":%d,\"media_type\":\"%s\",\"evidence\":", version,
                      media_type);
    add_base64(out, evidence.data, evidence.len);
    cocos__buf_printf(
        out, ",\"binder\":{\"exporter_label\":\"%s\",\"aik_pub_hash\":", COCOS__EA_EVIDENCE_LABEL);
    add_base64(out, b->aik_pub_hash, b->hash_len);
    cocos__buf_add_str(out, ",\"binding\":");
    add_base64(out, b->binding, b->hash_len);
    cocos__buf_add_str(out, "}}");
    return out->failed ? cocos__fail_memory(err) : COCOS_OK;
}

size_t cocos__ea_payload_room(const char *media_type, const cocos__ea_binding *b)
{
    static const char fixed[] =
        "{\"version\":1,\"media_type\":\"\",\"evidence\":\"\",\"binder\":{\"exporter_label\":\"\","
        "\"aik_pub_hash\":\"\",\"binding\":\"\"}}";
    size_t around = sizeof fixed - 1 + strlen(media_type) + strlen(COCOS__EA_EVIDENCE_LABEL) +
                    2 * ((b->hash_len + 2) / 3 * 4);

    return (VECTOR_MAX - AROUND_CMW - around) / 4 * 3;
}

int cocos__ea_payload_extension(cocos__span json, cocos__buf *out, cocos_error **err)
{
    if (json.len == 0 || json.len > CMW_MAX - 2)
        return cocos__ea_fail(err, "atls.length", "an extension cannot hold %zu bytes", json.len);
    cocos__buf_add_u16be(out, COCOS__EA_EXT_ATTESTATION);
    cocos__buf_add_u16be(out, (uint16_t)(json.len + 2));
    cocos__buf_add_u16be(out, (uint16_t)json.len);
    cocos__buf_add(out, json.data, json.len);
    return out->failed ? cocos__fail_memory(err) : COCOS_OK;
}
