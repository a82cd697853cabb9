/* SPDX-License-Identifier: Apache-2.0 */
/* Evidence decoded for a person, as a table or as JSON. Nothing of it is verified. */
#include "snp/describe.h"
#include "attest/evidence.h"
#include "codec/json.h"
#include "tdx/describe.h"
#include "vtpm/describe.h"

#define TEXT_MAX (4u << 20)

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
    r = ev->kind == COCOS_EVIDENCE_TDX   ? cocos__tdx_describe(ev->main, &f, err)
        : ev->kind == COCOS_EVIDENCE_SNP ? cocos__snp_describe(ev->main, &f, err)
                                         : cocos__vtpm_describe(ev->main, &f, err);
    return r < 0 ? r : cocos__rows_status(text, err);
}

static const char *kind_name(int kind)
{
    return kind == COCOS_EVIDENCE_TDX ? "tdx" : kind == COCOS_EVIDENCE_SNP ? "snp" : "vtpm";
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
