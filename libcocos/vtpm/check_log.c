/* SPDX-License-Identifier: Apache-2.0 */
/* The event log against the PCRs that were quoted. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "vtpm/checks.h"

static int rule_needs_log(const cocos__vtpm_policy *p)
{
    return p->kernel.state == COCOS__RULE_GIVEN || p->command_line.state == COCOS__RULE_GIVEN ||
           p->initrd.state == COCOS__RULE_GIVEN;
}

static int log_demanded(const cocos__vtpm_policy *p)
{
    if (p->require_log.state == COCOS__RULE_GIVEN)
        return p->require_log.value != 0;
    return p->require_log.state == COCOS__RULE_UNSET && rule_needs_log(p);
}

static void no_log(cocos__vtpm_state *s)
{
    if (log_demanded(s->policy))
        cocos__row_fail(s->rows, VTPM_LOG, "vtpm.log_missing",
                        (cocos__said){"an event log", "policy"}, (cocos__said){"none", BY_MESSAGE});
    else
        cocos__row_skip(s->rows, VTPM_LOG, (cocos__said){"no log is demanded", "default"},
                        (cocos__said){"none", BY_MESSAGE});
}

/* A log that cannot be read: the code is its reader's. */
static int unreadable(cocos__vtpm_state *s, cocos_error *why, cocos_error **err)
{
    const char *text = cocos_error_message(why);
    const char *code = strcmp(cocos_error_code(why), "vtpm.log_algorithm") == 0
                           ? "vtpm.log_algorithm"
                           : "vtpm.log_format";

    if (cocos_error_status(why) != COCOS_ERR_MALFORMED)
        return cocos__fail(err, cocos_error_status(why), "vtpm.log_format", "%s", text);
    cocos__row_fail(
        s->rows, VTPM_LOG, code, (cocos__said){"a readable log", "compiled in"},
        (cocos__said){cocos__rows_foreign(s->rows, text, strlen(text), 200), BY_MESSAGE});
    return COCOS_OK;
}

/* PCRs of the bank that have events, were quoted, and differ. */
static uint32_t differing(const cocos__replay *r, const cocos__vtpm_quote *q)
{
    size_t size = cocos__bank_size(q->bank);
    uint32_t wrong = 0;

    for (int i = 0; i < COCOS__PCRS; i++) {
        uint32_t bit = UINT32_C(1) << i;
        if ((r->touched[q->bank] & q->mask & bit) &&
            memcmp(r->pcr[q->bank][i], q->pcr[i].data, size) != 0)
            wrong |= bit;
    }
    return wrong;
}

static int compare(cocos__vtpm_state *s, const cocos__replay *replay)
{
    cocos__said want = {"a replay that gives the quoted PCRs", "compiled in"};

    for (int b = 0; b < COCOS__BANKS; b++) {
        if (!s->believed[b] || !(replay->banks & 1u << b))
            continue;
        uint32_t wrong = differing(replay, s->believed[b]);
        if (wrong)
            return cocos__row_test(
                s->rows, VTPM_REPLAY, 0, "vtpm.log_mismatch", want,
                (cocos__said){cocos__rows_printf(s->rows, "others in bank %s, PCRs 0x%06" PRIx32,
                                                 cocos__bank_name(b), wrong),
                              BY_AK});
    }
    return cocos__row_test(
        s->rows, VTPM_REPLAY, 1, NULL, want,
        (cocos__said){cocos__rows_printf(s->rows, "it does, %zu events", replay->events), BY_AK});
}

/* Values that firmware's log does not explain: the kernel, IMA or an agent extended them. */
static void unexplained(cocos__vtpm_state *s, const cocos__replay *replay)
{
    static const uint8_t zeros[COCOS__PCR_MAX];
    static const uint32_t dynamic = 0x7e0000; /* 17 to 22 begin as ones */
    char text[COCOS__PCRS * 3 + 1] = "none";
    size_t n = 0;

    for (int b = COCOS__BANKS - 1; b >= 0; b--) {
        const cocos__vtpm_quote *q = s->believed[b];
        if (!q || !(replay->banks & 1u << b))
            continue;
        for (int i = 0; i < COCOS__PCRS; i++) {
            uint32_t bit = UINT32_C(1) << i;
            if ((q->mask & bit & ~replay->touched[b] & ~dynamic) &&
                memcmp(q->pcr[i].data, zeros, q->pcr[i].len) != 0)
                n += (size_t)snprintf(text + n, sizeof text - n, n ? " %d" : "%d", i);
        }
        break;
    }
    cocos__row_skip(s->rows, VTPM_UNEXPLAINED,
                    (cocos__said){"PCRs without an event", "compiled in"},
                    (cocos__said){cocos__rows_printf(s->rows, "%s", text), BY_AK});
}

static int no_common_bank(cocos__vtpm_state *s)
{
    cocos__row_fail(s->rows, VTPM_LOG, "vtpm.log_bank",
                    (cocos__said){"digests of a bank that was quoted", "compiled in"},
                    (cocos__said){"none of a bank that counts", BY_MESSAGE});
    return COCOS_OK;
}

int cocos__vtpm_check_log(cocos__vtpm_state *s, cocos_error **err)
{
    COCOS__CLEANUP(cocos__error_freep) cocos_error *why = NULL;
    cocos__span log = s->message.event_log.len ? s->message.event_log : s->ev->event_log;
    uint32_t proven[COCOS__BANKS] = {0};
    unsigned all = 0;
    cocos__replay replay;

    if (log.len == 0) {
        no_log(s);
        return COCOS_OK;
    }
    /* SHA-1 is compared too where it is there, but never counts alone. */
    for (int b = 0; b < COCOS__BANKS; b++)
        all |= s->believed[b] ? 1u << b : 0;
    if (cocos__log_replay(log, all, &replay, &why) < 0)
        return unreadable(s, why, err);
    if (!(replay.banks & cocos__vtpm_banks(s)))
        return no_common_bank(s);
    cocos__row_pass(s->rows, VTPM_LOG, (cocos__said){"a readable log", "compiled in"},
                    (cocos__said){"it is", BY_MESSAGE});
    if (!compare(s, &replay))
        return COCOS_OK;
    unexplained(s, &replay);
    for (int b = 0; b < COCOS__BANKS; b++) {
        if (s->believed[b] && (replay.banks & 1u << b))
            proven[b] = s->believed[b]->mask;
    }
    return cocos__vtpm_check_boot(s, log, proven, err);
}
