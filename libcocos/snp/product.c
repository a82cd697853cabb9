/* SPDX-License-Identifier: Apache-2.0 */
/* Which processor line a report comes from, and what its TCB_VERSION bytes mean. */
#include <string.h>

#include "snp/report.h"

static const char *const names[COCOS__SNP_LINES] = {"unknown", "Milan", "Genoa", "Turin", "Venice"};

/* Combined family and model ranges (AMD 57230, and virtee/sev for the newer ones). */
static const struct {
    uint8_t family;
    uint8_t first;
    uint8_t last;
    uint8_t line;
} ranges[] = {
    {0x19, 0x00, 0x0f, COCOS__SNP_MILAN},  {0x19, 0x10, 0x1f, COCOS__SNP_GENOA},
    {0x19, 0xa0, 0xaf, COCOS__SNP_GENOA}, /* Bergamo, Siena: Genoa's keys */
    {0x1a, 0x00, 0x11, COCOS__SNP_TURIN},  {0x1a, 0x50, 0x57, COCOS__SNP_VENICE},
    {0x1a, 0x90, 0x9f, COCOS__SNP_VENICE}, {0x1a, 0xa0, 0xaf, COCOS__SNP_VENICE},
    {0x1a, 0xc0, 0xc7, COCOS__SNP_VENICE},
};

int cocos__snp_line_of_report(const cocos__snp_report *r)
{
    if (r->version < 3)
        return COCOS__SNP_LINE_UNKNOWN;
    for (size_t i = 0; i < COCOS__ARRAY_LEN(ranges); i++) {
        if (r->family == ranges[i].family && r->model >= ranges[i].first &&
            r->model <= ranges[i].last)
            return ranges[i].line;
    }
    return COCOS__SNP_LINE_UNKNOWN;
}

const char *cocos__snp_line_name(int line)
{
    return line > 0 && line < COCOS__SNP_LINES ? names[line] : names[0];
}

int cocos__snp_line_by_name(const char *name, size_t len)
{
    for (int i = 1; i < COCOS__SNP_LINES; i++) {
        if (strlen(names[i]) == len && memcmp(names[i], name, len) == 0)
            return i;
    }
    return COCOS__SNP_LINE_UNKNOWN;
}

static uint8_t byte(uint64_t tcb, int i)
{
    return (uint8_t)(tcb >> (8 * i));
}

const char *const cocos__snp_tcb_names[COCOS__SNP_TCB_PARTS] = {"bootloader", "tee", "snp",
                                                                "microcode", "fmc"};

int cocos__snp_line_has_fmc(int line)
{
    return line == COCOS__SNP_TURIN || line == COCOS__SNP_VENICE;
}

cocos__snp_tcb cocos__snp_tcb_split(uint64_t tcb, int line)
{
    if (cocos__snp_line_has_fmc(line)) {
        return (cocos__snp_tcb){byte(tcb, 0), byte(tcb, 1),
                                byte(tcb, 2), byte(tcb, 3),
                                byte(tcb, 7), {byte(tcb, 4), byte(tcb, 5), byte(tcb, 6), 0}};
    }
    return (cocos__snp_tcb){0,
                            byte(tcb, 0),
                            byte(tcb, 1),
                            byte(tcb, 6),
                            byte(tcb, 7),
                            {byte(tcb, 2), byte(tcb, 3), byte(tcb, 4), byte(tcb, 5)}};
}

int cocos__snp_tcb_at_most(uint64_t a, uint64_t b)
{
    for (int i = 0; i < 8; i++) {
        if (byte(a, i) > byte(b, i))
            return 0;
    }
    return 1;
}
