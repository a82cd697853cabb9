/* SPDX-License-Identifier: Apache-2.0 */
/* Evidence decoded for a person, as a table or as JSON. Nothing of it is verified. */
#include "snp/describe.h"

#include <string.h>

#include "attest/envelope.h"
#include "attest/evidence.h"
#include "codec/json.h"
#include "tdx/describe.h"
#include "vtpm/describe.h"

#define TEXT_MAX (4u << 20)

static void put_claim(const cocos__fields *f, const cocos__claims *c, int number)
{
    static const char *const names[COCOS__CLAIM_COUNT][2] = {
        [COCOS_CLAIM_PURPOSE] = {"claim.purpose", "what the evidence was made for"},
        [COCOS_CLAIM_CHALLENGE] = {"claim.challenge", "what makes it fresh"},
        [COCOS_CLAIM_LEAF] = {"claim.leaf", "SHA-256 of the TLS key of the channel"},
        [COCOS_CLAIM_DICE] = {"claim.dice", "SHA-512 of the DICE root's key"},
        [COCOS_CLAIM_AK] = {"claim.ak", "SHA-256 of the TPM key's public area"},
        [COCOS_CLAIM_STATEMENT_KEY] = {"claim.statement_key",
                                       "SHA-256 of the key that signs statements"},
        [COCOS_CLAIM_INSTANCE] = {"claim.instance", "the agent's instance id, new at every boot"},
        [COCOS_CLAIM_MANIFEST] = {"claim.manifest", "digest of the manifest"},
    };
    cocos__span v = cocos__claims_value(c, number);

    f->put(f->user, names[number][0],
           !v.data                         ? "null"
           : number == COCOS_CLAIM_PURPOSE ? (const char *)v.data
                                           : cocos__rows_hex(f->text, v.data, v.len),
           names[number][1]);
}

/* A part that is evidence by itself; the others are named only. */
static int
describe_part(const char *type, cocos__span data, const cocos__fields *f, cocos_error **err)
{
    f->put(f->user, "part", type, cocos__rows_printf(f->text, "%zu bytes", data.len));
    if (strcmp(type, COCOS__MEDIA_SNP_REPORT) == 0)
        return cocos__snp_describe(data, f, err);
    if (strcmp(type, COCOS__MEDIA_TDX_QUOTE) == 0)
        return cocos__tdx_describe(data, f, err);
    if (strcmp(type, COCOS__MEDIA_TPM_QUOTES) == 0)
        return cocos__vtpm_describe(data, f, err);
    return COCOS_OK;
}

static int describe_envelope(cocos__span bytes, const cocos__fields *f, cocos_error **err)
{
    cocos__envelope e;
    cocos__claims c;

    int r = cocos__envelope_parse(bytes, &e, err);
    if (r == COCOS_OK)
        r = cocos__claims_parse(e.claims, &c, err);
    if (r < 0)
        return r;
    for (int i = COCOS_CLAIM_PURPOSE; i < COCOS__CLAIM_COUNT; i++)
        put_claim(f, &c, i);
    f->put(f->user, "claim.compat", c.compat ? "true" : "false", "the old, weaker protocol");
    for (size_t i = 0; r == COCOS_OK && i < e.n; i++)
        r = describe_part(e.parts[i].media_type, e.parts[i].data, f, err);
    return r;
}

static int describe(const cocos_evidence *ev,
                    void (*put)(void *, const char *, const char *, const char *),
                    void *user,
                    cocos_error **err)
{
    COCOS__CLEANUP(cocos__rows_freep) cocos__rows *text = NULL;

    int r = cocos__rows_new(&text, err);
    if (r < 0)
        return r;
    const cocos__fields f = {text, put, user};
    r = ev->kind == COCOS_EVIDENCE_TDX        ? cocos__tdx_describe(ev->main, &f, err)
        : ev->kind == COCOS_EVIDENCE_SNP      ? cocos__snp_describe(ev->main, &f, err)
        : ev->kind == COCOS_EVIDENCE_ENVELOPE ? describe_envelope(ev->main, &f, err)
                                              : cocos__vtpm_describe(ev->main, &f, err);
    return r < 0 ? r : cocos__rows_status(text, err);
}

static const char *kind_name(int kind)
{
    static const char *const names[] = {[COCOS_EVIDENCE_SNP] = "snp",
                                        [COCOS_EVIDENCE_TDX] = "tdx",
                                        [COCOS_EVIDENCE_VTPM] = "vtpm",
                                        [COCOS_EVIDENCE_ENVELOPE] = "envelope"};
    return names[kind];
}

static void put_line(void *user, const char *name, const char *value, const char *meaning)
{
    cocos__buf_printf(user, "%-24s %s\n%-24s   %s\n", name, value, "", meaning);
}

int cocos_evidence_to_table(const cocos_evidence *ev, char **ret, cocos_error **err)
{
    COCOS__CLEANUP(cocos__buf_done) cocos__buf b;
    size_t len = 0;

    cocos__buf_init(&b, TEXT_MAX);
    cocos__buf_printf(&b, "%-24s %s\n%-24s   NOT VERIFIED: fields as they stand in the evidence\n",
                      "kind", kind_name(ev->kind), "");
    int r = describe(ev, put_line, &b, err);
    if (r < 0)
        return r;
    char *text = (char *)cocos__buf_steal(&b, &len);
    if (!text)
        return cocos__fail_memory(err);
    *ret = text;
    return COCOS_OK;
}

static void put_member(void *user, const char *name, const char *value, const char *meaning)
{
    cocos__json_put_object(user, NULL);
    cocos__json_put_text(user, "name", name);
    cocos__json_put_text(user, "value", value);
    cocos__json_put_text(user, "meaning", meaning);
    cocos__json_put_end(user);
}

int cocos_evidence_to_json(const cocos_evidence *ev, char **ret, cocos_error **err)
{
    COCOS__CLEANUP(cocos__json_out_freep) cocos__json_out *o = NULL;

    int r = cocos__json_out_new(&o, err);
    if (r < 0)
        return r;
    cocos__json_put_object(o, NULL);
    cocos__json_put_text(o, "kind", kind_name(ev->kind));
    cocos__json_put_bool(o, "verified", 0);
    cocos__json_put_array(o, "fields");
    r = describe(ev, put_member, o, err);
    if (r < 0)
        return r;
    cocos__json_put_end(o);
    cocos__json_put_end(o);
    return cocos__json_finish(o, 1, ret, err);
}
