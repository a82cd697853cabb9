/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kernel, command line and initrd in a log whose replay gave the quoted PCRs.
 *
 * Only digests may be believed there. Types and texts are the word of whoever sent the log: the
 * digest of a bad kernel could be passed off as that of some harmless event, and a good one be
 * extended later. So nothing is looked for by its type: every digest that went into PCR 4, which
 * firmware extends with each image it starts, must be one that the policy lists or that of a
 * constant; and every digest of PCR 8 and 9, where EFI stub and boot loaders put command line and
 * initrd, one that the policy lists.
 */
#include <stdio.h>
#include <string.h>

#include "crypto/digest.h"
#include "vtpm/checks.h"

#define PCR_IMAGES  4
#define PCR_STRINGS 8
#define PCR_FILES   9

/* What firmware extends into PCR 4 beside images; none of it is code. */
static const struct {
    const char *data;
    size_t len;
} constants[] = {
    {"\0\0\0\0", 4},
    {"Calling EFI Application from Boot Option", 40},
    {"Returning from EFI Application from Boot Option", 47},
};
#define CONSTANTS COCOS__ARRAY_LEN(constants)

/* What was seen of one bank. */
typedef struct found {
    int bank;
    uint8_t constant[CONSTANTS][COCOS__PCR_MAX];
    size_t kernels; /* listed digests */
    size_t command_lines;
    size_t initrds;
    const uint8_t *odd_image; /* the first digest that nobody listed, in PCR 4 */
    const uint8_t *odd_file;  /* in PCR 8 or 9 */
} found;

/* The bank whose digests have the length of the rule's. */
static int bank_of(const cocos__match *rule)
{
    for (int b = COCOS__BANK_SHA256; b < COCOS__BANKS; b++) {
        if (rule->state == COCOS__RULE_GIVEN && cocos__bank_size(b) == rule->size)
            return b;
    }
    return COCOS__BANK_NONE;
}

static int is_constant(const found *f, const uint8_t *digest)
{
    for (size_t i = 0; i < CONSTANTS; i++) {
        if (memcmp(f->constant[i], digest, cocos__bank_size(f->bank)) == 0)
            return 1;
    }
    return 0;
}

static void look(const cocos__vtpm_policy *p, const cocos__event *ev, found *f)
{
    const uint8_t *d = ev->digest[f->bank];
    size_t n = cocos__bank_size(f->bank);

    if (!d || ev->type == EV_NO_ACTION)
        return;
    if (ev->pcr == PCR_IMAGES) {
        if (cocos__match_has(&p->kernel, d, n))
            f->kernels++;
        else if (!is_constant(f, d) && !f->odd_image)
            f->odd_image = d;
    } else if (ev->pcr == PCR_STRINGS || ev->pcr == PCR_FILES) {
        int command_line = cocos__match_has(&p->command_line, d, n);
        int initrd = cocos__match_has(&p->initrd, d, n);
        f->command_lines += command_line != 0;
        f->initrds += initrd != 0;
        if (!command_line && !initrd && !f->odd_file)
            f->odd_file = d;
    }
}

static int
collect(const cocos__vtpm_policy *p, cocos__span data, int bank, found *f, cocos_error **err)
{
    cocos__event ev;
    cocos__log log;

    *f = (found){.bank = bank};
    for (size_t i = 0; i < CONSTANTS; i++) {
        int r = cocos__digest(cocos__bank_digest(bank), constants[i].data, constants[i].len,
                              f->constant[i], err);
        if (r < 0)
            return r;
    }
    int r = cocos__log_open(&log, data, err);
    while (r >= 0 && (r = cocos__log_next(&log, &ev, err)) > 0)
        look(p, &ev, f);
    return r;
}

/* One row: this many listed digests and none besides, in PCRs that were quoted. */
static void layer(cocos__vtpm_state *s,
                  size_t id,
                  const char *code,
                  size_t listed,
                  const uint8_t *odd,
                  const found *f,
                  int quoted)
{
    cocos__said want = {"listed digests and no other", "policy"};

    if (!quoted)
        cocos__row_fail(s->rows, id, code, want,
                        (cocos__said){"the PCR was not quoted in the bank of the policy's digests",
                                      BY_MESSAGE});
    else if (odd)
        cocos__row_fail(
            s->rows, id, code, want,
            (cocos__said){cocos__rows_hex(s->rows, odd, cocos__bank_size(f->bank)), BY_AK});
    else
        cocos__row_test(
            s->rows, id, listed > 0, code, want,
            (cocos__said){listed ? cocos__rows_printf(s->rows, "%zu listed, no other", listed)
                                 : "none",
                          BY_AK});
}

static int has(const uint32_t *proven, int bank, uint32_t mask)
{
    return bank != COCOS__BANK_NONE && (proven[bank] & mask) == mask;
}

static void unstated(cocos__vtpm_state *s, size_t id, const cocos__match *rule)
{
    if (rule->state != COCOS__RULE_GIVEN)
        cocos__row_skip(s->rows, id,
                        rule->state == COCOS__RULE_ANY ? (cocos__said){"any", "policy"}
                                                       : (cocos__said){"nothing stated", "default"},
                        (cocos__said){"not looked at", BY_MESSAGE});
}

static int
check_images(cocos__vtpm_state *s, cocos__span log, const uint32_t *proven, cocos_error **err)
{
    const cocos__vtpm_policy *p = s->policy;
    int bank = bank_of(&p->kernel);
    found f = {.bank = bank};

    if (bank != COCOS__BANK_NONE) {
        int r = collect(p, log, bank, &f, err);
        if (r < 0)
            return r;
    }
    layer(s, VTPM_KERNEL, "vtpm.kernel", f.kernels, f.odd_image, &f,
          has(proven, bank, 1u << PCR_IMAGES));
    return COCOS_OK;
}

static int
check_files(cocos__vtpm_state *s, cocos__span log, const uint32_t *proven, cocos_error **err)
{
    static const uint32_t pcrs = 1u << PCR_STRINGS | 1u << PCR_FILES;
    const cocos__vtpm_policy *p = s->policy;
    int bank = bank_of(p->initrd.state == COCOS__RULE_GIVEN ? &p->initrd : &p->command_line);
    found f = {.bank = bank};

    if (bank != COCOS__BANK_NONE) {
        int r = collect(p, log, bank, &f, err);
        if (r < 0)
            return r;
    }
    if (p->command_line.state == COCOS__RULE_GIVEN)
        layer(s, VTPM_COMMAND_LINE, "vtpm.command_line", f.command_lines, f.odd_file, &f,
              has(proven, bank, pcrs));
    if (p->initrd.state == COCOS__RULE_GIVEN)
        layer(s, VTPM_INITRD, "vtpm.initrd", f.initrds, f.odd_file, &f, has(proven, bank, pcrs));
    return COCOS_OK;
}

int cocos__vtpm_check_boot(cocos__vtpm_state *s,
                           cocos__span log,
                           const uint32_t *proven,
                           cocos_error **err)
{
    const cocos__vtpm_policy *p = s->policy;
    int r = COCOS_OK;

    unstated(s, VTPM_KERNEL, &p->kernel);
    unstated(s, VTPM_COMMAND_LINE, &p->command_line);
    unstated(s, VTPM_INITRD, &p->initrd);
    if (p->kernel.state == COCOS__RULE_GIVEN)
        r = check_images(s, log, proven, err);
    if (r == COCOS_OK &&
        (p->command_line.state == COCOS__RULE_GIVEN || p->initrd.state == COCOS__RULE_GIVEN))
        r = check_files(s, log, proven, err);
    return r;
}
