/* SPDX-License-Identifier: Apache-2.0 */
/* Evidence decoded for a person, as a table or as JSON. Nothing of it is verified. */
#include "snp/describe.h"

#include <string.h>

#include "attest/envelope.h"
#include "attest/evidence.h"
#include "codec/json.h"
#include "crypto/describe.h"
#include "tdx/describe.h"
#include "vtpm/describe.h"
#include "vtpm/hcl.h"
#include "vtpm/message.h"
#include "vtpm/svsm.h"

#define TEXT_MAX   (64u << 20)
#define CLAIMS_MAX 4096 /* bytes of a paravisor's claims that are shown */

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

static int describe_inner_snp(cocos__span snp, const cocos__fields *f, cocos_error **err)
{
    cocos__vtpm_snp s;

    int r = cocos__vtpm_snp_rebuild(snp, &s, err);
    if (r == COCOS_OK)
        r = cocos__snp_describe((cocos__span){s.report, sizeof s.report}, f, err);
    for (size_t i = 0; r == COCOS_OK && i < s.n_certs; i++)
        r = cocos__snp_cert_describe(s.certs[i], f, err);
    return r;
}

static int describe_inner_tdx(cocos__span tdx, const cocos__fields *f, cocos_error **err)
{
    COCOS__CLEANUP(cocos__buf_done) cocos__buf b;

    cocos__buf_init(&b, COCOS__VTPM_TDX_MAX);
    int r = cocos__vtpm_tdx_rebuild(tdx, &b, err);
    return r < 0 ? r : cocos__tdx_describe((cocos__span){b.data, b.len}, f, err);
}

/* The public area of the endorsement key. */
static int describe_manifest(cocos__span data, const cocos__fields *f, cocos_error **err)
{
    cocos__span area;

    int r = cocos__svsm_endorsement(data, &area, err);
    return r < 0 ? r : cocos__tpm_key_describe(area, "ek", f, err);
}

static int describe_hcl(cocos__span data, const cocos__fields *f, cocos_error **err)
{
    cocos__hcl hcl;

    int r = cocos__hcl_read(data, &hcl, err);
    if (r < 0)
        return r;
    f->put(f->user, "hcl.type", hcl.type == COCOS__HCL_SNP ? "SNP" : "TDX",
           "kind of report that a paravisor of Azure holds");
    f->put(f->user, "hcl.claims",
           cocos__rows_foreign(f->text, (const char *)hcl.claims.data, hcl.claims.len, CLAIMS_MAX),
           "JSON whose SHA-256 is the first half of the report's data");
    if (hcl.type == COCOS__HCL_SNP)
        return cocos__snp_describe(hcl.report, f, err);
    cocos__fields_bytes(f, "hcl.report", hcl.report, "TDREPORT, which only its machine can check");
    return COCOS_OK;
}

/* Shows what is inside under a prefix. That it cannot be read is no reason to hide the rest. */
static int describe_inside(int (*show)(cocos__span, const cocos__fields *, cocos_error **),
                           cocos__span data,
                           const char *prefix,
                           const cocos__fields *f,
                           cocos_error **err)
{
    cocos__under inside = {f, prefix};
    const cocos__fields g = cocos__fields_under(&inside);
    cocos_error *why = NULL;

    int r = data.len ? show(data, &g, &why) : COCOS_OK;
    return cocos__fields_settle(f, r, prefix, why, err);
}

static int describe_vtpm(cocos__span data, const cocos__fields *f, cocos_error **err)
{
    cocos__vtpm_message m;

    int r = cocos__vtpm_describe(data, f, err);
    if (r < 0 || !cocos__vtpm_message_recognise(data.data, data.len))
        return r;
    r = cocos__vtpm_message_read(data, &m, err);
    if (r == COCOS_OK)
        r = describe_inside(describe_inner_snp, m.snp, "tee.snp", f, err);
    if (r == COCOS_OK)
        r = describe_inside(describe_inner_tdx, m.tdx, "tee.tdx", f, err);
    return r < 0 ? r : describe_inside(describe_manifest, m.svsm_manifest, "svsm", f, err);
}

static int describe_tcg_log(cocos__span data, const cocos__fields *f, cocos_error **err)
{
    return cocos__log_describe(data, "pcr", f, err);
}

static int describe_ccel(cocos__span data, const cocos__fields *f, cocos_error **err)
{
    return cocos__log_describe(data, "mr", f, err);
}

/* Parts of an envelope that are not listed are named only. */
static int
describe_part(const char *type, cocos__span data, const cocos__fields *f, cocos_error **err)
{
    static const struct {
        const char *type;
        const char *prefix; /* NULL: evidence by itself, which has to be readable */
        int (*show)(cocos__span, const cocos__fields *, cocos_error **);
    } known[] = {{COCOS__MEDIA_SNP_REPORT, NULL, cocos__snp_describe},
                 {COCOS__MEDIA_TDX_QUOTE, NULL, cocos__tdx_describe},
                 {COCOS__MEDIA_TPM_QUOTES, NULL, describe_vtpm},
                 {COCOS__MEDIA_SNP_CERTS, "snp_certs", cocos__snp_table_describe},
                 {COCOS__MEDIA_CCEL, "ccel", describe_ccel},
                 {COCOS__MEDIA_EVENT_LOG, "log", describe_tcg_log},
                 {COCOS__MEDIA_IMA_LOG, "log", cocos__ima_describe},
                 {COCOS__MEDIA_EXTENDS, "extends", cocos__vtpm_extends_describe},
                 {COCOS__MEDIA_SVSM_MANIFEST, "svsm", describe_manifest},
                 {COCOS__MEDIA_AK_CERTIFIED, "certified", cocos__svsm_certified_describe}};

    f->put(f->user, "part", type, cocos__rows_printf(f->text, "%zu bytes", data.len));
    for (size_t i = 0; i < COCOS__ARRAY_LEN(known); i++) {
        if (strcmp(type, known[i].type) == 0)
            return known[i].prefix ? describe_inside(known[i].show, data, known[i].prefix, f, err)
                                   : known[i].show(data, f, err);
    }
    return COCOS_OK;
}

static int describe_certs(cocos__span data, const cocos__fields *f, cocos_error **err)
{
    cocos__certs list = {.n = 0};
    cocos_error *why = NULL;

    int r = cocos__certs_add(&list, data.data, data.len, &why);
    for (size_t i = 0; i < list.n; i++) {
        cocos__cert_describe(f, "certificate", list.at[i]);
        cocos__snp_extensions_describe(f, list.at[i]);
        cocos__tdx_extension_describe(f, list.at[i]);
    }
    cocos__certs_done(&list);
    return cocos__fields_settle(f, r, "certificate", why, err);
}

static int describe_crl(cocos__span data, const cocos__fields *f, cocos_error **err)
{
    return cocos__crl_describe(f, data, err);
}

/* What comes beside evidence, recognised by its first bytes. */
static const struct {
    int (*recognise)(cocos__span);
    int (*show)(cocos__span, const cocos__fields *, cocos_error **);
    const char *name;
} alone[] = {
    {cocos__log_recognise, describe_tcg_log, "an event log"},
    {cocos__hcl_recognise, describe_hcl, "an HCL report"},
    {cocos__certs_recognise, describe_certs, "a certificate"},
    {cocos__crl_recognise, describe_crl, "a revocation list"},
    {cocos__tdx_collateral_recognise, cocos__tdx_collateral_describe, "Intel's collateral"},
    {cocos__snp_table_recognise, cocos__snp_table_describe, "a certificate table"},
    {cocos__ima_recognise, cocos__ima_describe, "an IMA list"},
};

static size_t find_alone(cocos__span data)
{
    size_t i = 0;

    while (i < COCOS__ARRAY_LEN(alone) && !alone[i].recognise(data))
        i++;
    return i;
}

int cocos__evidence_is_part(cocos__span data)
{
    return find_alone(data) < COCOS__ARRAY_LEN(alone);
}

int cocos__evidence_refuse_part(cocos__span data, cocos_error **err)
{
    size_t i = find_alone(data);

    return cocos__fail(err, COCOS_ERR_UNSUPPORTED, "evidence.kind",
                       "%s comes beside evidence and is none by itself",
                       i < COCOS__ARRAY_LEN(alone) ? alone[i].name : "a part");
}

/* Its maker may have named the kind without looking. */
static int describe_alone(cocos__span data, const cocos__fields *f, cocos_error **err)
{
    size_t i = find_alone(data);

    return i < COCOS__ARRAY_LEN(alone)
               ? alone[i].show(data, f, err)
               : cocos__fail(err, COCOS_ERR_UNSUPPORTED, "evidence.kind",
                             "%zu bytes that are no part of a known kind", data.len);
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
        : ev->kind == COCOS_EVIDENCE_PART     ? describe_alone(ev->main, &f, err)
                                              : describe_vtpm(ev->main, &f, err);
    return r < 0 ? r : cocos__rows_status(text, err);
}

static const char *kind_name(int kind)
{
    static const char *const names[] = {[COCOS_EVIDENCE_SNP] = "snp",
                                        [COCOS_EVIDENCE_TDX] = "tdx",
                                        [COCOS_EVIDENCE_VTPM] = "vtpm",
                                        [COCOS_EVIDENCE_ENVELOPE] = "envelope",
                                        [COCOS_EVIDENCE_PART] = "part"};
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
