/* SPDX-License-Identifier: Apache-2.0 */
/* What a report says, once its signature holds, against the certificate and the policy. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "snp/checks.h"

/* One view of the work, so that the checks below read alike. */
struct fields {
    const cocos__snp_report *r;
    const cocos__snp_endorsement *e;
    const cocos__snp_policy *p;
    cocos__rows *rows;
    const char *by; /* who signed the report */
};

static const cocos__said stated_any = {"any", "policy"};
static const cocos__said stated_nothing = {"nothing stated", "default"};

static cocos__said unruled(const cocos__number *rule)
{
    return rule->state == COCOS__RULE_ANY ? stated_any : stated_nothing;
}

static const char *tcb_text(cocos__rows *rows, cocos__snp_tcb t, int line)
{
    if (line == COCOS__SNP_TURIN)
        return cocos__rows_printf(rows, "FMC %u, boot loader %u, TEE %u, SNP %u, microcode %u",
                                  t.fmc, t.boot_loader, t.tee, t.snp, t.microcode);
    return cocos__rows_printf(rows, "boot loader %u, TEE %u, SNP %u, microcode %u", t.boot_loader,
                              t.tee, t.snp, t.microcode);
}

static const char *tcb_of(const struct fields *f, uint64_t tcb)
{
    return tcb_text(f->rows, cocos__snp_tcb_split(tcb, f->e->line), f->e->line);
}

static const char *allowed_lines(cocos__rows *rows, uint64_t mask)
{
    char text[64];
    size_t n = 0;

    text[0] = '\0';
    for (int i = 1; i < COCOS__SNP_LINES; i++) {
        if (mask >> i & 1)
            n += (size_t)snprintf(text + n, sizeof text - n, "%s%s", n ? ", " : "",
                                  cocos__snp_line_name(i));
    }
    return cocos__rows_printf(rows, "%s", text);
}

/* Report, certificate and chain must be of one line, and that one allowed. */
static void check_product(const struct fields *f)
{
    int by_report = cocos__snp_line_of_report(f->r);
    int line = f->e->line;
    const char *name = cocos__snp_line_name(line);
    const char *text =
        f->r->version < 3
            ? cocos__rows_printf(f->rows, "%s by its certificates", name)
            : cocos__rows_printf(f->rows, "%s by its certificates, %s by family 0x%x model 0x%x",
                                 name, cocos__snp_line_name(by_report), f->r->family, f->r->model);
    cocos__said found = {text, f->by};

    if (f->e->ext.line != line || (f->r->version >= 3 && by_report != line))
        cocos__row_fail(f->rows, SNP_PRODUCT, "snp.product_mismatch",
                        (cocos__said){"report and certificates of one line", "compiled in"}, found);
    else if (f->p->products.state == COCOS__RULE_GIVEN)
        cocos__row_test(
            f->rows, SNP_PRODUCT, f->p->products.value >> line & 1, "snp.product_refused",
            (cocos__said){allowed_lines(f->rows, f->p->products.value), "policy"}, found);
    else if (f->p->products.state == COCOS__RULE_ANY)
        cocos__row_skip(f->rows, SNP_PRODUCT, stated_any, found);
    else
        cocos__row_unknown(f->rows, SNP_PRODUCT, "policy.missing",
                           (cocos__said){"product lines, or any", "default"}, found);
}

/* A VCEK is made for one chip; a VLEK is not, and a masked id says nothing. */
static void check_chip(const struct fields *f)
{
    cocos__span hwid = f->e->ext.hwid;
    cocos__said found = {cocos__rows_hex(f->rows, f->r->chip_id, 64), f->by};
    uint8_t want[64] = {0};

    if (f->e->kind == COCOS__SNP_VCEK && !cocos__snp_chip_id_masked(f->r)) {
        memcpy(want, hwid.data, hwid.len < sizeof want ? hwid.len : sizeof want);
        cocos__said expected = {cocos__rows_hex(f->rows, want, sizeof want), "VCEK certificate"};
        if (!cocos__row_test(f->rows, SNP_CHIP, memcmp(want, f->r->chip_id, sizeof want) == 0,
                             "snp.chip_id", expected, found))
            return;
    } else {
        cocos__row_skip(f->rows, SNP_CHIP,
                        (cocos__said){"nothing to compare with", f->e->kind == COCOS__SNP_VLEK
                                                                     ? "a VLEK has no chip"
                                                                     : "the chip id is masked"},
                        found);
    }
    if (f->p->chip_id.state == COCOS__RULE_GIVEN)
        cocos__match_check(f->rows, SNP_CHIP, "snp.chip_id", &f->p->chip_id, COCOS__UNSET_FREE,
                           f->r->chip_id, 64, f->by);
}

static int same_tcb(const cocos__snp_tcb *a, const cocos__snp_tcb *b)
{
    return a->fmc == b->fmc && a->boot_loader == b->boot_loader && a->tee == b->tee &&
           a->snp == b->snp && a->microcode == b->microcode &&
           memcmp(a->reserved, b->reserved, sizeof a->reserved) == 0;
}

static int tcb_components_at_most(const cocos__snp_tcb *a, const cocos__snp_tcb *b)
{
    return a->fmc <= b->fmc && a->boot_loader <= b->boot_loader && a->tee <= b->tee &&
           a->snp <= b->snp && a->microcode <= b->microcode;
}

/* A component that the line does not have is below every minimum. */
static int tcb_suffices(const cocos__snp_min_tcb *least, uint64_t tcb, int line)
{
    cocos__snp_tcb t = cocos__snp_tcb_split(tcb, line);
    const uint8_t is[COCOS__SNP_TCB_PARTS] = {t.boot_loader, t.tee, t.snp, t.microcode, t.fmc};
    unsigned there = cocos__snp_line_has_fmc(line) ? 0x1f : 0x0f;

    if (!least->named)
        return cocos__snp_tcb_at_most(least->value, tcb);
    for (size_t i = 0; i < COCOS__SNP_TCB_PARTS; i++) {
        if ((least->named >> i & 1) && (is[i] < least->part[i] || !(there >> i & 1)))
            return 0;
    }
    return 1;
}

static const char *least_text(const struct fields *f, const cocos__snp_min_tcb *least)
{
    const char *text = "at least";

    if (!least->named)
        return cocos__rows_printf(f->rows, "at least %s", tcb_of(f, least->value));
    for (size_t i = 0; i < COCOS__SNP_TCB_PARTS; i++) {
        if (least->named >> i & 1)
            text = cocos__rows_printf(f->rows, "%s %s %u", text, cocos__snp_tcb_names[i],
                                      least->part[i]);
    }
    return text;
}

static void check_tcb_minimum(const struct fields *f,
                              size_t id,
                              const char *code,
                              const cocos__snp_min_tcb *rule,
                              uint64_t tcb)
{
    cocos__said found = {tcb_of(f, tcb), f->by};

    if (rule->state == COCOS__RULE_GIVEN)
        cocos__row_test(f->rows, id, tcb_suffices(rule, tcb, f->e->line), code,
                        (cocos__said){least_text(f, rule), "policy"}, found);
    else
        cocos__row_skip(f->rows, id, rule->state == COCOS__RULE_ANY ? stated_any : stated_nothing,
                        found);
}

static void check_tcb(const struct fields *f)
{
    const cocos__snp_tcb *cert = &f->e->ext.tcb;
    cocos__snp_tcb reported = cocos__snp_tcb_split(f->r->reported_tcb, f->e->line);
    cocos__snp_tcb current = cocos__snp_tcb_split(f->r->current_tcb, f->e->line);
    const char *cert_text = tcb_text(f->rows, *cert, f->e->line);

    cocos__row_test(f->rows, SNP_TCB_CERTIFICATE, same_tcb(&reported, cert), "snp.tcb_mismatch",
                    (cocos__said){cert_text, "endorsement certificate"},
                    (cocos__said){tcb_of(f, f->r->reported_tcb), f->by});

    int ordered = tcb_components_at_most(cert, &current) &&
                  cocos__snp_tcb_at_most(f->r->committed_tcb, f->r->current_tcb);
    const char *text =
        cocos__rows_printf(f->rows, "current %s; committed %s", tcb_of(f, f->r->current_tcb),
                           tcb_of(f, f->r->committed_tcb));
    cocos__row_test(
        f->rows, SNP_TCB_ORDER, ordered, "snp.tcb_inconsistent",
        (cocos__said){"current is not below committed or the certificate's", "compiled in"},
        (cocos__said){text, f->by});
    check_tcb_minimum(f, SNP_TCB_MINIMUM, "snp.tcb_too_old", &f->p->min_tcb, f->r->reported_tcb);
    check_tcb_minimum(f, SNP_TCB_LAUNCH, "snp.launch_tcb_too_old", &f->p->min_launch_tcb,
                      f->r->launch_tcb);
}

static const char *firmware_text(cocos__rows *rows, uint32_t version, uint32_t build)
{
    return cocos__rows_printf(rows, "%u.%u build %u", version >> 8, version & 0xff, build);
}

static void check_firmware(const struct fields *f)
{
    const cocos__snp_report *r = f->r;
    const char *current = firmware_text(f->rows, r->current_version, r->current_build);
    cocos__said found = {
        cocos__rows_printf(f->rows, "current %s, committed %s", current,
                           firmware_text(f->rows, r->committed_version, r->committed_build)),
        f->by};
    const cocos__number *build = &f->p->min_build;
    const cocos__number *version = &f->p->min_version;
    /* The build counts within a version. */
    uint64_t now = (uint64_t)r->current_version << 8 | r->current_build;
    uint64_t committed = (uint64_t)r->committed_version << 8 | r->committed_build;
    int low = (build->state == COCOS__RULE_GIVEN && r->current_build < build->value) ||
              (version->state == COCOS__RULE_GIVEN && r->current_version < version->value);

    cocos__said expected = {"committed at most current", "compiled in"};
    if (build->state == COCOS__RULE_GIVEN || version->state == COCOS__RULE_GIVEN)
        expected =
            (cocos__said){cocos__rows_printf(f->rows, "at least %s, and committed at most current",
                                             firmware_text(f->rows, (uint32_t)version->value,
                                                           (uint32_t)build->value)),
                          "policy"};
    cocos__row_test(f->rows, SNP_FIRMWARE, !low && committed <= now, "snp.firmware_version",
                    expected, found);

    int same = committed == now && r->committed_tcb == r->current_tcb;
    if (f->p->provisional.state == COCOS__RULE_ANY ||
        (f->p->provisional.state == COCOS__RULE_GIVEN && f->p->provisional.value))
        cocos__row_skip(f->rows, SNP_PROVISIONAL,
                        (cocos__said){"provisional firmware is permitted", "policy"}, found);
    else
        cocos__row_test(f->rows, SNP_PROVISIONAL, same, "snp.provisional_firmware",
                        (cocos__said){"committed equals current", "default"}, found);
}

/* One bit of the guest's policy: allowed at most, or demanded. */
struct policy_bit {
    size_t id;
    const char *code;
    uint64_t bit;
    int demanded;
};

static const struct policy_bit bits[] = {
    {SNP_POLICY_DEBUG, "snp.policy_debug", COCOS__SNP_POLICY_DEBUG, 0},
    {SNP_POLICY_MIGRATION, "snp.policy_migrate_ma", COCOS__SNP_POLICY_MIGRATE_MA, 0},
    {SNP_POLICY_SMT, "snp.policy_smt", COCOS__SNP_POLICY_SMT, 0},
    {SNP_POLICY_CXL, "snp.policy_cxl", COCOS__SNP_POLICY_CXL, 0},
    {SNP_POLICY_SINGLE_SOCKET, "snp.policy_single_socket", COCOS__SNP_POLICY_SINGLE_SOCKET, 1},
    {SNP_POLICY_AES256, "snp.policy_aes256", COCOS__SNP_POLICY_AES256, 1},
    {SNP_POLICY_RAPL, "snp.policy_rapl", COCOS__SNP_POLICY_RAPL, 1},
    {SNP_POLICY_CIPHERTEXT, "snp.policy_ciphertext_hiding", COCOS__SNP_POLICY_CIPHERTEXT, 1},
    {SNP_POLICY_PAGE_SWAP, "snp.policy_page_swap", COCOS__SNP_POLICY_PAGE_SWAP, 1},
};

static void check_policy_bit(const struct fields *f,
                             const struct policy_bit *b,
                             uint64_t want,
                             const char *origin)
{
    int stated = (want & b->bit) != 0;
    int set = (f->r->policy & b->bit) != 0;
    cocos__said found = {set ? "set" : "not set", f->by};
    static const char *const texts[2][2] = {{"not set", "may be set"}, {"may be unset", "set"}};
    cocos__said expected = {texts[b->demanded][stated], origin};

    /* A bit that may be either way was looked at, but is no check. */
    if (b->demanded == stated)
        cocos__row_test(f->rows, b->id, set == stated, b->code, expected, found);
    else
        cocos__row_skip(f->rows, b->id, expected, found);
}

static void check_policy(const struct fields *f)
{
    const cocos__number *rule = &f->p->guest_policy;
    uint64_t want =
        rule->state == COCOS__RULE_GIVEN ? rule->value : COCOS__SNP_GUEST_POLICY_DEFAULT;
    const char *origin = rule->state == COCOS__RULE_GIVEN ? "policy" : "default";
    uint64_t abi = f->r->policy & 0xffff;
    cocos__said found = {cocos__rows_printf(f->rows, "%" PRIu64 ".%" PRIu64, abi >> 8, abi & 0xff),
                         f->by};

    if (rule->state == COCOS__RULE_ANY) {
        cocos__row_skip(f->rows, SNP_POLICY_ABI, stated_any, found);
        for (size_t i = 0; i < COCOS__ARRAY_LEN(bits); i++)
            cocos__row_skip(f->rows, bits[i].id, stated_any,
                            (cocos__said){f->r->policy & bits[i].bit ? "set" : "not set", f->by});
        return;
    }
    const char *least =
        cocos__rows_printf(f->rows, "at least %" PRIu64 ".%" PRIu64, want >> 8 & 0xff, want & 0xff);
    cocos__row_test(f->rows, SNP_POLICY_ABI, abi >= (want & 0xffff), "snp.policy_abi",
                    (cocos__said){least, origin}, found);
    for (size_t i = 0; i < COCOS__ARRAY_LEN(bits); i++)
        check_policy_bit(f, &bits[i], want, origin);
}

#define PLATFORM_ALLOWED  UINT64_C(0x83) /* SMT, TSME, TIO: only if the policy has them */
#define PLATFORM_DEMANDED UINT64_C(0x3c) /* ECC, RAPL disabled, ciphertext hiding, alias check */

static void check_platform(const struct fields *f)
{
    const cocos__number *rule = &f->p->platform_info;
    uint64_t is = f->r->platform_info;
    cocos__said found = {cocos__rows_printf(f->rows, "0x%" PRIx64, is), f->by};

    if (rule->state != COCOS__RULE_GIVEN) {
        cocos__row_skip(f->rows, SNP_PLATFORM, unruled(rule), found);
        return;
    }
    int ok = !(is & PLATFORM_ALLOWED & ~rule->value) && !(rule->value & PLATFORM_DEMANDED & ~is) &&
             !(is & ~(PLATFORM_ALLOWED | PLATFORM_DEMANDED));
    cocos__row_test(
        f->rows, SNP_PLATFORM, ok, "snp.platform_info",
        (cocos__said){cocos__rows_printf(f->rows, "acceptable to 0x%" PRIx64, rule->value),
                      "policy"},
        found);
}

static void check_vmpl(const struct fields *f)
{
    const cocos__number *rule = &f->p->vmpl;
    cocos__said found = {cocos__rows_printf(f->rows, "%" PRIu32, f->r->vmpl), f->by};

    if (rule->state == COCOS__RULE_ANY)
        cocos__row_skip(f->rows, SNP_VMPL, stated_any, found);
    else
        cocos__row_test(f->rows, SNP_VMPL, f->r->vmpl == rule->value, "snp.vmpl",
                        (cocos__said){cocos__rows_printf(f->rows, "%" PRIu64, rule->value),
                                      rule->state == COCOS__RULE_GIVEN ? "policy" : "default"},
                        found);
}

/* The firmware checked the ID block's signatures at launch; the report names the keys. */
static void check_id_block(const struct fields *f)
{
    const cocos__snp_policy *p = f->p;
    int want_author =
        p->require_author_key.state == COCOS__RULE_GIVEN && p->require_author_key.value;
    int want_id = (p->require_id_block.state == COCOS__RULE_GIVEN && p->require_id_block.value) ||
                  want_author || p->id_keys.state == COCOS__RULE_GIVEN ||
                  p->author_keys.state == COCOS__RULE_GIVEN;
    int enabled = cocos__snp_author_key_enabled(f->r);
    int author = enabled && cocos__match_has(&p->author_keys, f->r->author_key_digest, 48);
    int id = cocos__match_has(&p->id_keys, f->r->id_key_digest, 48);
    cocos__said found_id = {cocos__rows_hex(f->rows, f->r->id_key_digest, 48), f->by};
    cocos__said found_author = {
        enabled ? cocos__rows_hex(f->rows, f->r->author_key_digest, 48) : "no author key", f->by};

    if (want_id && !(want_author && !author))
        cocos__row_test(
            f->rows, SNP_ID_KEY, author || id, "snp.id_key",
            (cocos__said){"a listed id key, or one that a listed author key signed", "policy"},
            found_id);
    else
        cocos__row_skip(f->rows, SNP_ID_KEY,
                        want_id ? (cocos__said){"an ID block by a listed author key", "policy"}
                                : stated_nothing,
                        found_id);
    if (want_author)
        cocos__row_test(f->rows, SNP_AUTHOR_KEY, author, "snp.author_key",
                        (cocos__said){"a listed author key", "policy"}, found_author);
    else
        cocos__row_skip(f->rows, SNP_AUTHOR_KEY, stated_nothing, found_author);
}

static void
check_mitigation(const struct fields *f, size_t id, const cocos__number *rule, uint64_t is)
{
    cocos__said found = {f->r->version < 5 ? "none in this version"
                                           : cocos__rows_printf(f->rows, "0x%" PRIx64, is),
                         f->by};

    if (rule->state == COCOS__RULE_GIVEN)
        cocos__row_test(
            f->rows, id, (is & rule->value) == rule->value, "snp.mitigation_vector",
            (cocos__said){cocos__rows_printf(f->rows, "all bits of 0x%" PRIx64, rule->value),
                          "policy"},
            found);
    else
        cocos__row_skip(f->rows, id, unruled(rule), found);
}

static void check_values(const struct fields *f)
{
    const cocos__snp_report *r = f->r;
    const cocos__snp_policy *p = f->p;
    const struct {
        size_t id;
        const char *code;
        const cocos__match *rule;
        int unset;
        const uint8_t *value;
        size_t size;
    } all[] = {
        {SNP_MEASUREMENT, "snp.measurement", &p->measurement, COCOS__UNSET_MISSING, r->measurement,
         48},
        {SNP_REPORT_DATA, "snp.report_data", &p->report_data, COCOS__UNSET_MISSING, r->report_data,
         64},
        {SNP_HOST_DATA, "snp.host_data", &p->host_data, COCOS__UNSET_FREE, r->host_data, 32},
        {SNP_FAMILY_ID, "snp.family_id", &p->family_id, COCOS__UNSET_FREE, r->family_id, 16},
        {SNP_IMAGE_ID, "snp.image_id", &p->image_id, COCOS__UNSET_FREE, r->image_id, 16},
        {SNP_REPORT_ID, "snp.report_id", &p->report_id, COCOS__UNSET_FREE, r->report_id, 32},
        {SNP_REPORT_ID_MA, "snp.report_id_ma", &p->report_id_ma, COCOS__UNSET_FREE, r->report_id_ma,
         32},
    };

    for (size_t i = 0; i < COCOS__ARRAY_LEN(all); i++)
        cocos__match_check(f->rows, all[i].id, all[i].code, all[i].rule, all[i].unset, all[i].value,
                           all[i].size, f->by);
}

void cocos__snp_check_fields(const cocos__snp_report *r,
                             const cocos__snp_endorsement *e,
                             const cocos__snp_policy *p,
                             cocos__rows *rows)
{
    const struct fields f = {r, e, p, rows, e->kind == COCOS__SNP_VLEK ? "SEV-VLEK" : "SEV-VCEK"};

    check_product(&f);
    check_chip(&f);
    check_tcb(&f);
    check_firmware(&f);
    check_policy(&f);
    check_platform(&f);
    check_vmpl(&f);
    cocos__least_check(rows, SNP_GUEST_SVN, "snp.guest_svn", &p->min_guest_svn, r->guest_svn, f.by);
    check_values(&f);
    check_id_block(&f);
    check_mitigation(&f, SNP_MIT_LAUNCH, &p->launch_mitigations, r->launch_mit);
    check_mitigation(&f, SNP_MIT_CURRENT, &p->current_mitigations, r->current_mit);
}
