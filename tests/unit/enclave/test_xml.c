/* SPDX-License-Identifier: Apache-2.0 */
#include "enclave/libvirt/xml.h"

#include <stdio.h>
#include <string.h>

#include "scratch.h"
#include "suite.h"

#define ID "1b4e28ba-2fa1-11d2-883f-0016d3cca427"

static const cocos__vmm_pair pairs[] = {{"instance", "i"}, {"owner", "a<b>&\"'\n"}};

static cocos__vmm_machine machine(void)
{
    return (cocos__vmm_machine){
        .id = ID,
        .platform = "plain",
        .emulator = "/usr/bin/qemu-system-x86_64",
        .memory = UINT64_C(512) << 20,
        .vcpus = 1,
        .kernel = "/k",
        .initrd = "/i",
        .cmdline = "console=ttyS0 x=<&>",
        .env_dir = "/r/env",
        .certs_dir = "/r/certs",
        .console_socket = "/r/tty",
        .tpm = 1,
        .pairs = pairs,
        .n_pairs = 2,
    };
}

static const char expected[] = "<domain type=\"qemu\">\n"
                               " <name>cocos-" ID "</name>\n"
                               " <uuid>" ID "</uuid>\n"
                               " <metadata>\n"
                               "  <cocos:enclave xmlns:cocos=\"urn:cocos:enclave:1\" instance=\"i\""
                               " owner=\"a&lt;b&gt;&amp;&quot;'&#10;\"/>\n"
                               " </metadata>\n"
                               " <memory unit=\"MiB\">512</memory>\n"
                               " <vcpu>1</vcpu>\n"
                               " <os>\n"
                               "  <type arch=\"x86_64\" machine=\"q35\">hvm</type>\n"
                               "  <kernel>/k</kernel>\n"
                               "  <initrd>/i</initrd>\n"
                               "  <cmdline>console=ttyS0 x=&lt;&amp;&gt;</cmdline>\n"
                               " </os>\n"
                               " <features>\n"
                               "  <acpi/>\n"
                               "  <apic/>\n"
                               " </features>\n"
                               " <cpu mode=\"maximum\"/>\n"
                               " <clock offset=\"utc\"/>\n"
                               " <on_poweroff>destroy</on_poweroff>\n"
                               " <on_reboot>destroy</on_reboot>\n"
                               " <on_crash>destroy</on_crash>\n"
                               " <devices>\n"
                               "  <emulator>/usr/bin/qemu-system-x86_64</emulator>\n"
                               "  <controller type=\"usb\" model=\"none\"/>\n"
                               "  <filesystem type=\"mount\" accessmode=\"mapped\">\n"
                               "   <source dir=\"/r/env\"/>\n"
                               "   <target dir=\"env_share\"/>\n"
                               "   <readonly/>\n"
                               "  </filesystem>\n"
                               "  <filesystem type=\"mount\" accessmode=\"mapped\">\n"
                               "   <source dir=\"/r/certs\"/>\n"
                               "   <target dir=\"certs_share\"/>\n"
                               "   <readonly/>\n"
                               "  </filesystem>\n"
                               "  <interface type=\"user\">\n"
                               "   <model type=\"virtio\"/>\n"
                               "   <rom enabled=\"no\"/>\n"
                               "  </interface>\n"
                               "  <serial type=\"unix\">\n"
                               "   <source mode=\"bind\" path=\"/r/tty\"/>\n"
                               "   <target port=\"0\"/>\n"
                               "  </serial>\n"
                               "  <tpm model=\"tpm-crb\">\n"
                               "   <backend type=\"emulator\" version=\"2.0\"/>\n"
                               "  </tpm>\n"
                               "  <rng model=\"virtio\">\n"
                               "   <backend model=\"random\">/dev/urandom</backend>\n"
                               "  </rng>\n"
                               "  <panic model=\"isa\"/>\n"
                               "  <memballoon model=\"none\"/>\n"
                               "  <video>\n"
                               "   <model type=\"none\"/>\n"
                               "  </video>\n"
                               " </devices>\n"
                               " <seclabel type=\"none\"/>\n"
                               "</domain>\n";

static char *render(const cocos__vmm_machine *m)
{
    cocos_error *err = NULL;
    char *xml = NULL;

    assert_ok(cocos__domain_xml(m, &xml, &err), err);
    return xml;
}

START_TEST(renders_the_whole_machine_with_every_text_escaped)
{
    cocos__vmm_machine m = machine();
    char *xml = render(&m);

    ck_assert_str_eq(strstr(xml, "<domain"), expected);
    free(xml);
}
END_TEST

START_TEST(renders_kvm_firmware_and_the_user_that_qemu_runs_as)
{
    cocos__vmm_machine m = machine();

    m.kvm = 1;
    m.tpm = 0;
    m.firmware = "/ovmf/code";
    m.firmware_vars = "/ovmf/vars";
    m.nvram = "/r/nvram";
    m.label = "+7:+8";
    char *xml = render(&m);
    ck_assert_ptr_nonnull(strstr(xml, "<domain type=\"kvm\">"));
    ck_assert_ptr_nonnull(strstr(xml, "<cpu mode=\"host-passthrough\"/>"));
    ck_assert_ptr_nonnull(
        strstr(xml, "<loader readonly=\"yes\" type=\"pflash\">/ovmf/code</loader>"));
    ck_assert_ptr_nonnull(strstr(xml, "<nvram template=\"/ovmf/vars\">/r/nvram</nvram>"));
    ck_assert_ptr_nonnull(strstr(xml, "<seclabel type=\"static\" model=\"dac\" relabel=\"no\">"));
    ck_assert_ptr_nonnull(strstr(xml, "<label>+7:+8</label>"));
    ck_assert_ptr_null(strstr(xml, "<tpm"));
    free(xml);
}
END_TEST

START_TEST(measured_boot_wants_firmware_and_tpm)
{
    cocos__vmm_machine m = machine();
    cocos_error *err = NULL;
    char *xml = NULL;

    m.platform = "vtpm";
    m.tpm = 1;
    assert_fails(cocos__domain_xml(&m, &xml, &err), COCOS_ERR_UNSUPPORTED, "enclave.platform", err);
    m.firmware = "/ovmf/code";
    m.firmware_vars = "/ovmf/vars";
    m.nvram = "/r/nvram";
    xml = render(&m);
    ck_assert_ptr_nonnull(strstr(xml, "<tpm model=\"tpm-crb\">"));
    free(xml);
    xml = NULL;
    m.tpm = 0;
    assert_fails(cocos__domain_xml(&m, &xml, &err), COCOS_ERR_UNSUPPORTED, "enclave.platform", err);
}
END_TEST

START_TEST(refuses_platforms_that_it_does_not_start)
{
    cocos__vmm_machine m = machine();
    cocos_error *err = NULL;
    char *xml = NULL;

    m.platform = "snp";
    assert_fails(cocos__domain_xml(&m, &xml, &err), COCOS_ERR_UNSUPPORTED, "enclave.platform", err);
    ck_assert_ptr_null(xml);
}
END_TEST

START_TEST(reads_back_the_metadata_that_it_wrote)
{
    cocos__vmm_pair got[COCOS__METADATA_PAIRS_MAX];
    cocos_error *err = NULL;
    char *xml = NULL;
    void *doc = NULL;
    size_t n = 0;

    assert_ok(cocos__metadata_xml(pairs, 2, &xml, &err), err);
    assert_ok(cocos__metadata_parse(xml, got, &n, &doc, &err), err);
    ck_assert_uint_eq(n, 2);
    for (size_t i = 0; i < n; i++) {
        ck_assert_str_eq(got[i].name, pairs[i].name);
        ck_assert_str_eq(got[i].value, pairs[i].value);
    }
    cocos__metadata_free(doc);
    free(xml);
}
END_TEST

START_TEST(refuses_metadata_that_is_not_plain)
{
    static const char *const bad[] = {
        "",
        "<enclave",
        "<other a='b'/>",
        "<!DOCTYPE enclave [<!ENTITY x 'boom'>]><enclave a='&x;'/>",
        "<!DOCTYPE enclave [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><enclave a='1'/>",
    };
    cocos__vmm_pair got[COCOS__METADATA_PAIRS_MAX];
    cocos_error *err = NULL;
    void *doc = NULL;
    size_t n;

    for (size_t i = 0; i < COCOS__ARRAY_LEN(bad); i++)
        assert_fails(cocos__metadata_parse(bad[i], got, &n, &doc, &err), COCOS_ERR_MALFORMED,
                     "enclave.metadata", err);
}
END_TEST

START_TEST(refuses_metadata_with_more_attributes_than_it_holds)
{
    cocos__vmm_pair got[COCOS__METADATA_PAIRS_MAX];
    cocos_error *err = NULL;
    void *doc = NULL;
    char xml[1024] = "<enclave";
    size_t n;

    for (int i = 0; i <= COCOS__METADATA_PAIRS_MAX; i++)
        sprintf(xml + strlen(xml), " a%d='1'", i);
    strcat(xml, "/>");
    assert_fails(cocos__metadata_parse(xml, got, &n, &doc, &err), COCOS_ERR_MALFORMED,
                 "enclave.metadata", err);
}
END_TEST

START_TEST(tells_the_reason_without_the_warnings_before_it)
{
    static const char *const cases[][2] = {
        {"internal error: process exited while connecting to monitor: 2026-01-01T00:00:00Z "
         "qemu-system-x86_64: warning: 'readonly' is deprecated\n"
         "qemu: -x: warning: slow\r\n\nqemu-system-x86_64: -kernel /k: No such file\n",
         "qemu-system-x86_64: -kernel /k: No such file"},
        {"unsupported configuration: no\nsecond line", "unsupported configuration: no second line"},
        {"qemu: warning: only this\n", "qemu: warning: only this"},
        {"", ""},
    };
    char line[512];
    char small[8];

    for (size_t i = 0; i < COCOS__ARRAY_LEN(cases); i++) {
        cocos__libvirt_words(cases[i][0], line, sizeof line);
        ck_assert_str_eq(line, cases[i][1]);
    }
    cocos__libvirt_words("one\ntwo\nthree\nfour", small, sizeof small);
    ck_assert_str_eq(small, "one two");
}
END_TEST

static int is_unfinished(const char *text)
{
    scratch s = scratch_new();
    char path[80];

    scratch_write(&s, "a.xml", text, 0600);
    snprintf(path, sizeof path, "%s/a.xml", s.path);
    int r = cocos__state_file_is_unfinished(path);
    scratch_free(&s);
    return r;
}

START_TEST(tells_the_state_of_a_start_that_was_only_begun)
{
    ck_assert(is_unfinished("<!-- libvirt's -->\n<domstatus state='paused' reason='starting up' "
                            "pid='0'><domain type='qemu'><name>pid='7'</name></domain></domstatus>"));
    ck_assert(!is_unfinished("<domstatus state='running' reason='booted' pid='4711'>"
                             "<domain><name>pid='0'</name></domain></domstatus>"));
    ck_assert(!is_unfinished("<domstatus state='running'/>"));
    ck_assert(!is_unfinished("<network pid='0'/>"));
    ck_assert(!is_unfinished("<domstatus pid='0'"));
    ck_assert(!is_unfinished(""));
    ck_assert(!cocos__state_file_is_unfinished("/nowhere/a.xml"));
}
END_TEST

TEST_MAIN(xml,
          renders_the_whole_machine_with_every_text_escaped,
          renders_kvm_firmware_and_the_user_that_qemu_runs_as,
          measured_boot_wants_firmware_and_tpm,
          refuses_platforms_that_it_does_not_start,
          reads_back_the_metadata_that_it_wrote,
          refuses_metadata_that_is_not_plain,
          refuses_metadata_with_more_attributes_than_it_holds,
          tells_the_reason_without_the_warnings_before_it,
          tells_the_state_of_a_start_that_was_only_begun)
