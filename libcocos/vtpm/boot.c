/* SPDX-License-Identifier: Apache-2.0 */
/* An event log against the registers that evidence vouches for. */
#include "vtpm/boot.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "vtpm/layers.h"

#define BY_MESSAGE "evidence"

/* A layer that the policy states is looked for in a log, so the log is needed whatever the policy
 * says of it: who sends the evidence must not choose what is looked at. */
static int log_demanded(const cocos__boot_rules *p)
{
    return (p->require_log.state == COCOS__RULE_GIVEN && p->require_log.value != 0) ||
           p->kernel.state == COCOS__RULE_GIVEN || p->command_line.state == COCOS__RULE_GIVEN ||
           p->initrd.state == COCOS__RULE_GIVEN;
}

static void no_log(const cocos__boot_case *c)
{
    if (log_demanded(c->rules))
        cocos__row_fail(c->rows, c->kind->row_log, c->kind->code.missing,
                        (cocos__said){"an event log", "policy"}, (cocos__said){"none", BY_MESSAGE});
    else
        cocos__row_skip(c->rows, c->kind->row_log, (cocos__said){"no log is demanded", "default"},
                        (cocos__said){"none", BY_MESSAGE});
}

static void unfit(const cocos__boot_case *c, const char *code, const char *found)
{
    cocos__row_fail(c->rows, c->kind->row_log, code,
                    (cocos__said){"a readable log of the quoted registers", "compiled in"},
                    (cocos__said){found, BY_MESSAGE});
}

/* A log that cannot be read: the code is its reader's. */
static int unreadable(const cocos__boot_case *c, const cocos_error *why, cocos_error **err)
{
    const char *text = cocos_error_message(why);
    int algorithm = strcmp(cocos_error_code(why), "vtpm.log_algorithm") == 0;

    if (cocos_error_status(why) != COCOS_ERR_MALFORMED)
        return cocos__fail(err, cocos_error_status(why), "vtpm.log_format", "%s", text);
    unfit(c, algorithm ? c->kind->code.algorithm : c->kind->code.format,
          cocos__rows_foreign(c->rows, text, strlen(text), 200));
    return COCOS_OK;
}

/*
 * Registers of the mask whose value is the one that the log leads to. One without any event is
 * explained as long as nothing was ever extended into it.
 */
static uint32_t explained(const cocos__boot_bank *q, const cocos__replay *r, int bank)
{
    size_t size = cocos__bank_size(bank);
    uint32_t same = 0;

    for (int i = 0; i < COCOS__PCRS; i++) {
        uint32_t bit = UINT32_C(1) << i;
        if ((q->mask & bit) && memcmp(r->pcr[bank][i], q->value[i], size) == 0)
            same |= bit;
    }
    return same;
}

/* Numbers of registers as people write them. */
static const char *numbers(const cocos__boot_case *c, uint32_t mask)
{
    char text[COCOS__PCRS * 3 + 1] = "none";
    size_t n = 0;

    for (unsigned i = 0; i < COCOS__PCRS; i++) {
        if (mask & UINT32_C(1) << i)
            n += (size_t)snprintf(text + n, sizeof text - n, n ? " %u" : "%u",
                                  i - c->kind->first_bit);
    }
    return cocos__rows_printf(c->rows, "%s", text);
}

static int compare(cocos__boot_case *c, const cocos__replay *replay)
{
    cocos__said want = {
        cocos__rows_printf(c->rows, "a replay that gives the quoted %s", c->kind->registers),
        "compiled in"};
    const char *found = cocos__rows_printf(c->rows, "it does, %zu events", replay->events);

    for (int b = 0; b < COCOS__BANKS; b++) {
        if (!c->bank[b].mask || !(replay->banks & 1u << b))
            continue;
        c->proven[b] = explained(&c->bank[b], replay, b);
        uint32_t wrong = replay->touched[b] & c->bank[b].mask & ~c->proven[b];
        if (wrong)
            return cocos__row_test(
                c->rows, c->kind->row_replay, 0, c->kind->code.mismatch, want,
                (cocos__said){cocos__rows_printf(c->rows, "others in bank %s, %s %s",
                                                 cocos__bank_name(b), c->kind->registers,
                                                 numbers(c, wrong)),
                              c->kind->signer});
    }
    return cocos__row_test(c->rows, c->kind->row_replay, 1, NULL, want,
                           (cocos__said){found, c->kind->signer});
}

/* Values that firmware's log does not explain: the kernel, IMA or an agent extended them. */
static void unexplained(const cocos__boot_case *c, const cocos__replay *replay)
{
    uint32_t mask = 0;

    for (int b = 0; b < COCOS__BANKS; b++) {
        if (replay->banks & 1u << b && c->bank[b].mask)
            mask = c->bank[b].mask & ~c->proven[b] & ~c->kind->dynamic;
    }
    cocos__row_skip(
        c->rows, c->kind->row_unexplained,
        (cocos__said){cocos__rows_printf(c->rows, "%s without an event", c->kind->registers),
                      "compiled in"},
        (cocos__said){numbers(c, mask), c->kind->signer});
}

static uint32_t touched(const cocos__replay *r)
{
    uint32_t mask = 0;

    for (int b = 0; b < COCOS__BANKS; b++)
        mask |= r->touched[b];
    return mask;
}

static int check_log(cocos__boot_case *c, cocos__span log, unsigned strong, cocos_error **err)
{
    COCOS__CLEANUP(cocos__error_freep) cocos_error *why = NULL;
    unsigned all = 0;
    cocos__replay replay;

    /* A weak bank is compared too where it is there, but never counts alone. */
    for (int b = 0; b < COCOS__BANKS; b++)
        all |= c->bank[b].mask ? 1u << b : 0;
    if (cocos__log_replay(log, all, &replay, &why) < 0)
        return unreadable(c, why, err);
    if (touched(&replay) & ~c->kind->known) {
        unfit(c, c->kind->code.format, "a record of a register that there is not");
        return COCOS_OK;
    }
    if (!(replay.banks & strong)) {
        unfit(c, c->kind->code.bank, "no digests of a bank that counts");
        return COCOS_OK;
    }
    cocos__row_pass(c->rows, c->kind->row_log,
                    (cocos__said){"a readable log of the quoted registers", "compiled in"},
                    (cocos__said){"it is", BY_MESSAGE});
    if (!compare(c, &replay))
        return COCOS_OK;
    unexplained(c, &replay);
    return cocos__boot_check_layers(c, log, err);
}

int cocos__boot_check(const cocos__boot_kind *kind,
                      const cocos__boot_rules *rules,
                      cocos__span log,
                      const cocos__boot_bank bank[COCOS__BANKS],
                      unsigned strong,
                      cocos__rows *rows,
                      cocos_error **err)
{
    cocos__boot_case c = {.kind = kind, .rules = rules, .bank = bank, .rows = rows};

    if (log.len > 0)
        return check_log(&c, log, strong, err);
    no_log(&c);
    return COCOS_OK;
}
