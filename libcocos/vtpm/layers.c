/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kernel, command line and initrd in a log whose replay gave the registers.
 *
 * Only digests may be believed there. Types and texts are the word of whoever sent the log: the
 * digest of a bad kernel could be passed off as that of some harmless event, and a good one be
 * extended later. So nothing is looked for by its type: every digest that went into the register
 * of images (PCR 4; RTMR1), which firmware extends with each image it starts, must be one that the
 * policy lists, that of a constant or that of a partition table; and every digest in those of files
 * (PCR 8 and 9; RTMR2), where EFI stub and boot loaders put command line and initrd, one that the
 * policy lists. A register that the log does not explain may hold anything.
 */
#include "vtpm/layers.h"

#include <string.h>

#include "crypto/digest.h"

/* What firmware extends beside images; none of it is code. */
static const struct {
    const char *data;
    size_t len;
} constants[] = {
    {"\0\0\0\0", 4},
    {"Calling EFI Application from Boot Option", 40},
    {"Returning from EFI Application from Boot Option", 47},
    {"Exit Boot Services Invocation", 29},
    {"Exit Boot Services Returned with Success", 40},
    {"Exit Boot Services Returned with Failure", 40},
};
#define CONSTANTS COCOS__ARRAY_LEN(constants)

/* What was seen of one bank. */
typedef struct found {
    int bank;
    uint8_t constant[CONSTANTS][COCOS__PCR_MAX];
    size_t kernels; /* listed digests */
    size_t command_lines;
    size_t initrds;
    const uint8_t *odd_image; /* the first digest that nobody listed */
    const uint8_t *odd_file;
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

/*
 * TDX has partition tables (UEFI_GPT_DATA) where it has images. What is hashed of an image begins
 * with "MZ", so no image has the digest of bytes that begin with "EFI PART".
 */
static int is_partition_table(const found *f, const cocos__event *ev, cocos_error **err)
{
    static const char magic[8] = {'E', 'F', 'I', ' ', 'P', 'A', 'R', 'T'};
    uint8_t digest[COCOS__PCR_MAX];

    if (ev->data.len < sizeof magic || memcmp(ev->data.data, magic, sizeof magic) != 0)
        return 0;
    int r = cocos__digest(cocos__bank_digest(f->bank), ev->data.data, ev->data.len, digest, err);
    return r < 0 ? r : memcmp(digest, ev->digest[f->bank], cocos__bank_size(f->bank)) == 0;
}

static int
look_image(const cocos__boot_rules *p, const cocos__event *ev, found *f, cocos_error **err)
{
    const uint8_t *d = ev->digest[f->bank];

    if (cocos__match_has(&p->kernel, d, cocos__bank_size(f->bank))) {
        f->kernels++;
        return COCOS_OK;
    }
    if (f->odd_image || is_constant(f, d))
        return COCOS_OK;
    int r = is_partition_table(f, ev, err);
    if (r == 0)
        f->odd_image = d;
    return r < 0 ? r : COCOS_OK;
}

static void look_file(const cocos__boot_rules *p, const cocos__event *ev, found *f)
{
    const uint8_t *d = ev->digest[f->bank];
    int command_line = cocos__match_has(&p->command_line, d, cocos__bank_size(f->bank));
    int initrd = cocos__match_has(&p->initrd, d, cocos__bank_size(f->bank));

    f->command_lines += command_line != 0;
    f->initrds += initrd != 0;
    if (!command_line && !initrd && !f->odd_file)
        f->odd_file = d;
}

static int look(const cocos__boot_case *c, const cocos__event *ev, found *f, cocos_error **err)
{
    if (!ev->digest[f->bank] || ev->type == EV_NO_ACTION)
        return COCOS_OK;
    if (c->kind->images >> ev->pcr & 1)
        return look_image(c->rules, ev, f, err);
    if (c->kind->files >> ev->pcr & 1)
        look_file(c->rules, ev, f);
    return COCOS_OK;
}

static int
collect(const cocos__boot_case *c, cocos__span data, int bank, found *f, cocos_error **err)
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
        r = look(c, &ev, f, err);
    return r;
}

static cocos__said wanted(const cocos__boot_case *c, const cocos__match *rule)
{
    return (cocos__said){cocos__rows_printf(c->rows, "%zu listed, the first %s, and no other",
                                            rule->count,
                                            cocos__rows_hex(c->rows, rule->values, rule->size)),
                         "policy"};
}

/* One row: this many listed digests and none besides, in registers that the log explains. */
static void layer(const cocos__boot_case *c,
                  size_t id,
                  const char *code,
                  const cocos__match *rule,
                  size_t listed,
                  const uint8_t *odd,
                  const found *f,
                  uint32_t registers)
{
    cocos__said want = wanted(c, rule);
    int known = f->bank != COCOS__BANK_NONE;
    cocos__said is = {"none", c->kind->signer};

    if (!known || (c->bank[f->bank].mask & registers) != registers)
        is = (cocos__said){"not quoted in the bank of the policy's digests", "evidence"};
    else if ((c->proven[f->bank] & registers) != registers)
        is.text = "a register holds more than the log says";
    else if (odd)
        is.text = cocos__rows_hex(c->rows, odd, cocos__bank_size(f->bank));
    else if (listed) {
        is.text = cocos__rows_printf(c->rows, "%zu listed, no other", listed);
        cocos__row_pass(c->rows, id, want, is);
        return;
    }
    cocos__row_fail(c->rows, id, code, want, is);
}

/*
 * Command line and initrd share their registers. Where one of them is there and the other is not,
 * what nobody listed is in all likelihood the other one: that row fails, and this one cannot tell.
 */
static int is_others(const found *f, size_t own, size_t others, const cocos__match *others_rule)
{
    return f->odd_file && own > 0 && others == 0 && others_rule->state == COCOS__RULE_GIVEN &&
           f->bank != COCOS__BANK_NONE;
}

static void shared_layer(const cocos__boot_case *c,
                         size_t id,
                         const char *code,
                         const cocos__match *rule,
                         size_t own,
                         size_t others,
                         const cocos__match *others_rule,
                         const found *f)
{
    if (!is_others(f, own, others, others_rule) ||
        (c->proven[f->bank] & c->kind->files) != c->kind->files) {
        layer(c, id, code, rule, own, f->odd_file, f, c->kind->files);
        return;
    }
    cocos__row_unknown(c->rows, id, code, wanted(c, rule),
                       (cocos__said){cocos__rows_printf(c->rows,
                                                        "%zu listed; the digest that fails the "
                                                        "other layer of this register",
                                                        own),
                                     c->kind->signer});
}

static void unstated(const cocos__boot_case *c, size_t id, const cocos__match *rule)
{
    if (rule->state != COCOS__RULE_GIVEN)
        cocos__row_skip(c->rows, id,
                        rule->state == COCOS__RULE_ANY ? (cocos__said){"any", "policy"}
                                                       : (cocos__said){"nothing stated", "default"},
                        (cocos__said){"not looked at", "evidence"});
}

static int check_images(const cocos__boot_case *c, cocos__span log, cocos_error **err)
{
    int bank = bank_of(&c->rules->kernel);
    found f = {.bank = bank};
    int r = bank == COCOS__BANK_NONE ? COCOS_OK : collect(c, log, bank, &f, err);

    if (r == COCOS_OK)
        layer(c, c->kind->row_kernel, c->kind->code.kernel, &c->rules->kernel, f.kernels,
              f.odd_image, &f, c->kind->images);
    return r;
}

static int check_files(const cocos__boot_case *c, cocos__span log, cocos_error **err)
{
    const cocos__boot_rules *p = c->rules;
    int bank = bank_of(p->initrd.state == COCOS__RULE_GIVEN ? &p->initrd : &p->command_line);
    found f = {.bank = bank};
    int r = bank == COCOS__BANK_NONE ? COCOS_OK : collect(c, log, bank, &f, err);

    if (r == COCOS_OK && p->command_line.state == COCOS__RULE_GIVEN)
        shared_layer(c, c->kind->row_command_line, c->kind->code.command_line, &p->command_line,
                     f.command_lines, f.initrds, &p->initrd, &f);
    if (r == COCOS_OK && p->initrd.state == COCOS__RULE_GIVEN)
        shared_layer(c, c->kind->row_initrd, c->kind->code.initrd, &p->initrd, f.initrds,
                     f.command_lines, &p->command_line, &f);
    return r;
}

int cocos__boot_check_layers(const cocos__boot_case *c, cocos__span log, cocos_error **err)
{
    const cocos__boot_rules *p = c->rules;
    int r = COCOS_OK;

    unstated(c, c->kind->row_kernel, &p->kernel);
    unstated(c, c->kind->row_command_line, &p->command_line);
    unstated(c, c->kind->row_initrd, &p->initrd);
    if (p->kernel.state == COCOS__RULE_GIVEN)
        r = check_images(c, log, err);
    if (r == COCOS_OK &&
        (p->command_line.state == COCOS__RULE_GIVEN || p->initrd.state == COCOS__RULE_GIVEN))
        r = check_files(c, log, err);
    return r;
}
