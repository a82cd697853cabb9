/* SPDX-License-Identifier: Apache-2.0 */
#include "enclave/values.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "enclave/enclave.h"
#include "suite.h"

START_TEST(reads_sizes_in_powers_of_1024)
{
    uint64_t v;

    ck_assert(cocos__value_size("512", &v) && v == 512);
    ck_assert(cocos__value_size("2048M", &v) && v == UINT64_C(2048) << 20);
    ck_assert(cocos__value_size("1GiB", &v) && v == UINT64_C(1) << 30);
    ck_assert(cocos__value_size("3kB", &v) && v == 3072);
    ck_assert(cocos__value_size("16777215T", &v) && v == UINT64_C(16777215) << 40);
}
END_TEST

START_TEST(refuses_sizes_of_another_form)
{
    static const char *const bad[] = {"",    "M",   "-1",   "1.5G",      "1 M",
                                      "1MM", "1Mi", "0x10", "16777216T", "99999999999999999999"};
    uint64_t v;

    for (size_t i = 0; i < COCOS__ARRAY_LEN(bad); i++)
        ck_assert_msg(!cocos__value_size(bad[i], &v), "%s", bad[i]);
}
END_TEST

/* Values as Go's time.ParseDuration gives them. */
START_TEST(reads_durations_as_go_does)
{
    static const struct {
        const char *text;
        int64_t ns;
    } good[] = {
        {"0", 0},
        {"1h30m", INT64_C(5400000000000)},
        {"1.5s", 1500000000},
        {"300ms", 300000000},
        {"2us", 2000},
        {"2\xc2\xb5s", 2000},
        {"7ns", 7},
        {".5s", 500000000},
        {"1.s", 1000000000},
        {"1m1m", INT64_C(120000000000)},
    };
    int64_t v;

    for (size_t i = 0; i < COCOS__ARRAY_LEN(good); i++) {
        ck_assert_msg(cocos__value_duration(good[i].text, &v), "%s", good[i].text);
        ck_assert_msg(v == good[i].ns, "%s: %lld", good[i].text, (long long)v);
    }
}
END_TEST

START_TEST(refuses_durations_of_another_form)
{
    static const char *const bad[] = {
        "",    "1",        "s",    ".s",    "-1s",
        "+1s", "1 s",      "1d",   "bogus", "1s2",
        "1hh", "3000000h", "1e3s", "1,5s",  "2540400h10m10s9999999999999999999s"};
    int64_t v;

    for (size_t i = 0; i < COCOS__ARRAY_LEN(bad); i++)
        ck_assert_msg(!cocos__value_duration(bad[i], &v), "%s", bad[i]);
}
END_TEST

START_TEST(reads_port_ranges_and_nothing_else)
{
    static const char *const bad[] = {"",          "1",       "1-",    "-2",   "0-5",
                                      "6200-6100", "1-65536", "1-2-3", "a1-2", "1-2b"};
    uint16_t low;
    uint16_t high;

    ck_assert(cocos__value_port_range("6100-6200", &low, &high) && low == 6100 && high == 6200);
    ck_assert(cocos__value_port_range("1-65535", &low, &high) && low == 1 && high == 65535);
    for (size_t i = 0; i < COCOS__ARRAY_LEN(bad); i++)
        ck_assert_msg(!cocos__value_port_range(bad[i], &low, &high), "%s", bad[i]);
}
END_TEST

START_TEST(takes_only_what_fits_into_one_line_of_an_environment_file)
{
    ck_assert(cocos__value_endpoint("10.0.2.2:7001"));
    ck_assert(cocos__value_endpoint("cvms.example.org:1"));
    ck_assert(cocos__value_endpoint("[::1]:7001"));
    ck_assert(!cocos__value_endpoint("host:7001\nAWS_SECRET_ACCESS_KEY=x"));
    ck_assert(!cocos__value_endpoint("host"));
    ck_assert(!cocos__value_endpoint(":7001"));
    ck_assert(!cocos__value_endpoint("host:0"));
    ck_assert(!cocos__value_endpoint("host:70000"));
    ck_assert(!cocos__value_endpoint("a b:7001"));
    ck_assert(!cocos__value_endpoint("$(id):7001"));
    ck_assert(!cocos__value_printable("tab\there", 1, 100));
    ck_assert(!cocos__value_printable("", 1, 100));
    ck_assert(!cocos__value_printable("abcd", 1, 3));
}
END_TEST

START_TEST(names_of_images_cannot_leave_their_folder)
{
    ck_assert(cocos__value_name("eos-1.2_test"));
    ck_assert(!cocos__value_name(".."));
    ck_assert(!cocos__value_name("."));
    ck_assert(!cocos__value_name("a/b"));
    ck_assert(!cocos__value_name(""));
    ck_assert(
        !cocos__value_name("12345678901234567890123456789012345678901234567890123456789012345"));
}
END_TEST

START_TEST(makes_ids_that_it_recognises)
{
    char a[37];
    char b[37];

    cocos__value_uuid(a);
    cocos__value_uuid(b);
    ck_assert(cocos__value_is_uuid(a));
    ck_assert_int_eq(a[14], '4');
    ck_assert_str_ne(a, b);
    ck_assert(!cocos__value_is_uuid("1B4E28BA-2fa1-11d2-883f-0016d3cca427"));
    ck_assert(!cocos__value_is_uuid("1b4e28ba-2fa1-11d2-883f-0016d3cca42"));
    ck_assert(!cocos__value_is_uuid("../../../../etc/passwd"));
}
END_TEST

/* libvirt and QEMU have another current directory. */
START_TEST(keeps_paths_for_the_hypervisor_as_absolute_ones)
{
    static const struct {
        const char *name;
        enum cocos__host_option which;
        const char *value;
        const char *kept; /* below the current directory when it begins with "./" */
    } cases[] = {
        {"kernel", COCOS__OPT_KERNEL, "eos/kernel", "./eos/kernel"},
        {"initrd", COCOS__OPT_INITRD, "initrd", "./initrd"},
        {"images", COCOS__OPT_IMAGES, "/srv/images", "/srv/images"},
        {"firmware", COCOS__OPT_FIRMWARE, "fw/code.fd", "./fw/code.fd"},
        {"firmware", COCOS__OPT_FIRMWARE, "ovmf", "ovmf"},
        {"ovmf", COCOS__OPT_OVMF, "fw/code.fd", "./fw/code.fd"},
        {"firmware_vars", COCOS__OPT_FIRMWARE_VARS, "vars.fd", "./vars.fd"},
        {"ca", COCOS__OPT_CA, "ca.pem", "ca.pem"},
    };
    cocos_host_options *o = NULL;
    cocos_error *err = NULL;
    char cwd[4096];
    char want[4200];
    char deep[1001];

    ck_assert_ptr_nonnull(getcwd(cwd, sizeof cwd));
    assert_ok(cocos_host_options_new(&o, &err), err);
    for (size_t i = 0; i < COCOS__ARRAY_LEN(cases); i++) {
        int relative = cases[i].kept[0] == '.';
        assert_ok(cocos_host_options_set(o, cases[i].name, cases[i].value, &err), err);
        snprintf(want, sizeof want, "%s%s", relative ? cwd : "",
                 relative ? cases[i].kept + 1 : cases[i].kept);
        ck_assert_str_eq(cocos__host_option(o, cases[i].which), want);
    }
    memset(deep, 'a', sizeof deep - 1);
    deep[sizeof deep - 1] = '\0';
    assert_fails(cocos_host_options_set(o, "kernel", deep, &err), COCOS_ERR_USAGE, "option.value",
                 err);
    cocos_host_options_free(o);
}
END_TEST

TEST_MAIN(values,
          reads_sizes_in_powers_of_1024,
          refuses_sizes_of_another_form,
          reads_durations_as_go_does,
          refuses_durations_of_another_form,
          reads_port_ranges_and_nothing_else,
          takes_only_what_fits_into_one_line_of_an_environment_file,
          names_of_images_cannot_leave_their_folder,
          makes_ids_that_it_recognises,
          keeps_paths_for_the_hypervisor_as_absolute_ones)
