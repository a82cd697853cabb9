/* SPDX-License-Identifier: Apache-2.0 */
#include "init_cmdline.h"

#include <stdio.h>
#include <string.h>

#include "suite.h"

static int parse(const char *line, eos_options *o, char why[128])
{
    why[0] = '\0';
    return eos_cmdline_parse(line, o, why, 128);
}

static void expect_refused(const char *line, const char *reason)
{
    eos_options o = {.env = 7};
    char why[128];

    ck_assert_msg(parse(line, &o, why) == -1, "accepted: %s", line);
    ck_assert_msg(strstr(why, reason), "%s: says \"%s\", not \"%s\"", line, why, reason);
    ck_assert_msg(o.env == 7, "%s: result written on failure", line);
}

static const char *joined_argv(const eos_options *o)
{
    static char text[1024];
    const char *argv[EOS_ARGV_MAX];

    eos_agent_argv(o, argv);
    text[0] = '\0';
    for (size_t i = 0; argv[i]; i++) {
        strcat(text, i ? " " : "");
        strcat(text, argv[i]);
    }
    return text;
}

START_TEST(takes_nothing_from_a_line_without_our_words)
{
    eos_options o;
    char why[128];

    ck_assert_int_eq(parse("console=ttyS0 quiet panic=-1 cocosenv xcocos.env\n", &o, why), 0);
    ck_assert_str_eq(joined_argv(&o), "cocos-agent --state /var/lib/cocos");
}
END_TEST

START_TEST(takes_every_option)
{
    eos_options o;
    char why[128];

    ck_assert_int_eq(
        parse(
            "cocos.env quiet\tcocos.certs  cocos.compat=1 cocos.unlimited=1 "
            "cocos.require=snp,vtpm cocos.evidence=tpm,sim-snp cocos.max_asset=4G cocos.max_total=17179869184\n",
            &o, why),
        0);
    ck_assert_str_eq(
        joined_argv(&o),
        "cocos-agent --state /var/lib/cocos --environment /etc/cocos/environment "
        "--certs /etc/certs --compat --unlimited --require snp,vtpm --evidence tpm,sim-snp "
        "--simulator /usr/lib/cocos/simulator --max-asset 4G --max-total 17179869184");
}
END_TEST

START_TEST(real_evidence_needs_no_simulator)
{
    eos_options o;
    char why[128];

    ck_assert_int_eq(parse("cocos.evidence=tpm,snp", &o, why), 0);
    ck_assert_str_eq(joined_argv(&o), "cocos-agent --state /var/lib/cocos --evidence tpm,snp");
}
END_TEST

START_TEST(refuses_unknown_option)
{
    expect_refused("quiet cocos.compta=1", "unknown option cocos.compta");
    expect_refused("cocos.", "unknown option");
    expect_refused("cocos.=1", "unknown option");
    expect_refused("cocos.ENV", "unknown option cocos.ENV");
    expect_refused("cocos.envx", "unknown option cocos.envx");
    expect_refused("cocos.en", "unknown option cocos.en");
}
END_TEST

START_TEST(refuses_option_given_twice)
{
    expect_refused("cocos.env cocos.env", "cocos.env is given twice");
    expect_refused("cocos.max_asset=1 quiet cocos.max_asset=2", "cocos.max_asset is given twice");
    expect_refused("cocos.compat=1 cocos.compat=1", "cocos.compat is given twice");
}
END_TEST

START_TEST(refuses_value_of_wrong_shape)
{
    static const char *const lines[] = {
        "cocos.env=1",          "cocos.certs=",
        "cocos.compat",         "cocos.compat=0",
        "cocos.compat=11",      "cocos.unlimited=yes",
        "cocos.require",        "cocos.require=",
        "cocos.require=SNP",    "cocos.require=a;b",
        "cocos.evidence=",      "cocos.evidence=TPM",
        "cocos.max_asset=",     "cocos.max_asset=-1",
        "cocos.max_asset=1T",   "cocos.max_asset=1GG",
        "cocos.max_asset=G",    "cocos.max_total=1G1",
        "cocos.max_total=0x10", "cocos.max_total=12345678901234567890",
    };

    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        eos_options o;
        char why[128];
        ck_assert_msg(parse(lines[i], &o, why) == -1, "accepted: %s", lines[i]);
        ck_assert_msg(strstr(why, "option cocos."), "%s: says \"%s\"", lines[i], why);
    }
}
END_TEST

START_TEST(refuses_value_longer_than_its_field)
{
    char line[256];
    eos_options o;
    char why[128];

    snprintf(line, sizeof line, "cocos.require=%0*d", EOS_VALUE_MAX, 0);
    ck_assert_int_eq(parse(line, &o, why), 0);
    ck_assert_uint_eq(strlen(o.require), EOS_VALUE_MAX);

    snprintf(line, sizeof line, "cocos.require=%0*d", EOS_VALUE_MAX + 1, 0);
    ck_assert_int_eq(parse(line, &o, why), -1);
}
END_TEST

START_TEST(refuses_quotes_because_the_kernel_splits_them_otherwise)
{
    expect_refused("dyndbg=\"file cocos.compat=1\"", "quote");
}
END_TEST

START_TEST(cuts_a_long_unknown_name_in_its_message)
{
    char line[4096];
    eos_options o;
    char why[64];

    memset(line, 'a', sizeof line);
    memcpy(line, "cocos.", 6);
    line[sizeof line - 1] = '\0';
    ck_assert_int_eq(eos_cmdline_parse(line, &o, why, sizeof why), -1);
    ck_assert_uint_lt(strlen(why), sizeof why);
}
END_TEST

TEST_MAIN(init_cmdline,
          takes_nothing_from_a_line_without_our_words,
          takes_every_option,
          real_evidence_needs_no_simulator,
          refuses_unknown_option,
          refuses_option_given_twice,
          refuses_value_of_wrong_shape,
          refuses_value_longer_than_its_field,
          refuses_quotes_because_the_kernel_splits_them_otherwise,
          cuts_a_long_unknown_name_in_its_message)
