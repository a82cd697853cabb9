/* SPDX-License-Identifier: Apache-2.0 */
/* Intel's collateral decoded for a person. Neither its signature nor its dates are judged. */
#include <inttypes.h>
#include <string.h>

#include "tdx/describe.h"
#include "tdx/tcb.h"

#define TCB_INFO    "tcbInfo"
#define QE_IDENTITY "enclaveIdentity"

/* Its first member is an object of this name; space between is what JSON allows. */
static int begins(cocos__span body, const char *name)
{
    const char *expected[] = {"{", "\"", name, "\""};
    size_t at = 0;

    for (size_t i = 0; i < COCOS__ARRAY_LEN(expected); i++) {
        size_t len = strlen(expected[i]);
        while (i < 2 && at < body.len && memchr(" \t\r\n", body.data[at], 4))
            at++;
        if (len > body.len - at || memcmp(body.data + at, expected[i], len) != 0)
            return 0;
        at += len;
    }
    return 1;
}

int cocos__tdx_collateral_recognise(cocos__span body)
{
    return begins(body, TCB_INFO) || begins(body, QE_IDENTITY);
}

static void
put_dates(const cocos__fields *f, const char *id, int64_t issued, int64_t next, uint64_t evaluation)
{
    f->put(f->user, "id", cocos__rows_foreign(f->text, id, strlen(id), strlen(id)),
           "what the collateral is for");
    f->put(f->user, "issued", cocos__rows_time(f->text, issued), "not before this time");
    f->put(f->user, "next_update", cocos__rows_time(f->text, next), "stale from this time on");
    f->put(f->user, "tcb_evaluation_number", cocos__rows_printf(f->text, "%" PRIu64, evaluation),
           "Intel's count of TCB recoveries");
}

/* Best first. A platform has components, a module and an enclave have one number. */
static void
put_levels(const cocos__fields *f, const char *name, int platform, const cocos__tdx_levels *levels)
{
    for (size_t i = 0; i < levels->n; i++) {
        const cocos__tdx_level *l = &levels->at[i];
        const char *from =
            platform ? cocos__rows_printf(f->text, "from PCE SVN %u, SGX %s, TDX %s", l->pce_svn,
                                          cocos__rows_hex(f->text, l->sgx, sizeof l->sgx),
                                          cocos__rows_hex(f->text, l->tdx, sizeof l->tdx))
                     : cocos__rows_printf(f->text, "from ISV SVN %u", l->isv_svn);
        f->put(f->user, name, cocos__tdx_status_name(l->status),
               l->advisories[0] ? cocos__rows_printf(f->text, "%s; %s", from,
                                                     cocos__rows_foreign(f->text, l->advisories,
                                                                         strlen(l->advisories),
                                                                         sizeof l->advisories))
                                : from);
    }
}

static void put_module(const cocos__fields *outer, const cocos__tdx_module *m)
{
    const char *name =
        m->id[0] ? cocos__rows_foreign(outer->text, m->id, strlen(m->id), sizeof m->id) : "base";
    cocos__under module = {outer, cocos__rows_printf(outer->text, "module.%s", name)};
    const cocos__fields f = cocos__fields_under(&module);

    cocos__fields_bytes(&f, "mrsigner", (cocos__span){m->mrsigner, sizeof m->mrsigner},
                        "signer that the TDX module must have");
    cocos__fields_bytes(&f, "attributes", (cocos__span){m->attributes, sizeof m->attributes},
                        cocos__rows_printf(f.text, "of the TDX module, under the mask %s",
                                           cocos__rows_hex(f.text, m->mask, sizeof m->mask)));
    put_levels(&f, "level", 0, &m->levels);
}

static int describe_tcb_info(cocos__span object, const cocos__fields *f, cocos_error **err)
{
    cocos__tdx_tcb_info t;

    int r = cocos__tdx_tcb_info_read(object, &t, err);
    if (r < 0)
        return r;
    put_dates(f, t.id, t.issued, t.next_update, t.evaluation_number);
    cocos__fields_bytes(f, "fmspc", (cocos__span){t.fmspc, sizeof t.fmspc}, "platform family");
    cocos__fields_bytes(f, "pce_id", (cocos__span){t.pce_id, sizeof t.pce_id},
                        "provisioning enclave");
    put_module(f, &t.base);
    for (size_t i = 0; i < t.n_modules; i++)
        put_module(f, &t.modules[i]);
    put_levels(f, "platform.level", 1, &t.levels);
    cocos__tdx_tcb_info_done(&t);
    return COCOS_OK;
}

static int describe_identity(cocos__span object, const cocos__fields *f, cocos_error **err)
{
    cocos__tdx_qe_identity q;

    int r = cocos__tdx_qe_identity_read(object, &q, err);
    if (r < 0)
        return r;
    put_dates(f, q.id, q.issued, q.next_update, q.evaluation_number);
    f->put(f->user, "miscselect", cocos__rows_printf(f->text, "0x%08" PRIx32, q.miscselect),
           cocos__rows_printf(f->text, "of the quoting enclave, under the mask 0x%08" PRIx32,
                              q.miscselect_mask));
    cocos__fields_bytes(
        f, "attributes", (cocos__span){q.attributes, sizeof q.attributes},
        cocos__rows_printf(f->text, "of the quoting enclave, under the mask %s",
                           cocos__rows_hex(f->text, q.attributes_mask, sizeof q.attributes_mask)));
    cocos__fields_bytes(f, "mrsigner", (cocos__span){q.mrsigner, sizeof q.mrsigner},
                        "signer that the quoting enclave must have");
    f->put(f->user, "isv_prod_id", cocos__rows_printf(f->text, "%u", q.isv_prod_id),
           "product that the quoting enclave must be");
    put_levels(f, "enclave.level", 0, &q.levels);
    cocos__tdx_qe_identity_done(&q);
    return COCOS_OK;
}

int cocos__tdx_collateral_describe(cocos__span body, const cocos__fields *f, cocos_error **err)
{
    int is_info = begins(body, TCB_INFO);
    cocos__tdx_signed s;

    int r = cocos__tdx_signed_read(body, is_info ? TCB_INFO : QE_IDENTITY, &s, err);
    if (r < 0)
        return r;
    f->put(f->user, "collateral", is_info ? "TCB info" : "QE identity",
           "of Intel's provisioning certification service");
    r = is_info ? describe_tcb_info(s.object, f, err) : describe_identity(s.object, f, err);
    if (r == COCOS_OK)
        cocos__fields_bytes(f, "signature", (cocos__span){s.signature, sizeof s.signature},
                            "r and s over the object's exact bytes, by Intel's TCB signing key");
    return r;
}
