/* SPDX-License-Identifier: Apache-2.0 */
/* The domain document of one machine, written element by element so that libxml2 does the escaping.
 */
#include "enclave/libvirt/xml.h"

#include <libxml/xmlwriter.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define MIB (UINT64_C(1) << 20)

/* A writer that remembers its first failure, so that a document can be written straight down. */
struct out {
    xmlTextWriterPtr w;
    int failed;
};

static void open_element(struct out *o, const char *name)
{
    o->failed |= xmlTextWriterStartElement(o->w, BAD_CAST name) < 0;
}

static void close_element(struct out *o)
{
    o->failed |= xmlTextWriterEndElement(o->w) < 0;
}

static void attribute(struct out *o, const char *name, const char *value)
{
    o->failed |= xmlTextWriterWriteAttribute(o->w, BAD_CAST name, BAD_CAST value) < 0;
}

static void text(struct out *o, const char *value)
{
    o->failed |= xmlTextWriterWriteString(o->w, BAD_CAST value) < 0;
}

/* <name a='b' c='d'> with up to NULL-terminated pairs; stays open. */
static void open_with(struct out *o, const char *name, ...) __attribute__((sentinel));
static void open_with(struct out *o, const char *name, ...)
{
    va_list ap;

    open_element(o, name);
    va_start(ap, name);
    for (const char *a; (a = va_arg(ap, const char *));)
        attribute(o, a, va_arg(ap, const char *));
    va_end(ap);
}

#define EMPTY(o, ...)                                                                              \
    do {                                                                                           \
        open_with(o, __VA_ARGS__, NULL);                                                           \
        close_element(o);                                                                          \
    } while (0)

static void text_element(struct out *o, const char *name, const char *value)
{
    open_element(o, name);
    text(o, value);
    close_element(o);
}

static void write_metadata(struct out *o, const cocos__vmm_pair *pairs, size_t n)
{
    open_with(o, COCOS__METADATA_PREFIX ":enclave", "xmlns:" COCOS__METADATA_PREFIX,
              COCOS__METADATA_URI, NULL);
    for (size_t i = 0; i < n; i++)
        attribute(o, pairs[i].name, pairs[i].value);
    close_element(o);
}

static void write_firmware(struct out *o, const cocos__vmm_machine *m)
{
    if (!m->firmware)
        return;
    open_with(o, "loader", "readonly", "yes", "type", "pflash", NULL);
    text(o, m->firmware);
    close_element(o);
    open_with(o, "nvram", "template", m->firmware_vars, NULL);
    text(o, m->nvram);
    close_element(o);
}

static void write_os(struct out *o, const cocos__vmm_machine *m)
{
    open_element(o, "os");
    open_with(o, "type", "arch", "x86_64", "machine", "q35", NULL);
    text(o, "hvm");
    close_element(o);
    write_firmware(o, m);
    text_element(o, "kernel", m->kernel);
    text_element(o, "initrd", m->initrd);
    text_element(o, "cmdline", m->cmdline);
    close_element(o);
}

static void write_share(struct out *o, const char *dir, const char *tag)
{
    open_with(o, "filesystem", "type", "mount", "accessmode", "mapped", NULL);
    EMPTY(o, "source", "dir", dir);
    EMPTY(o, "target", "dir", tag);
    open_element(o, "readonly");
    close_element(o);
    close_element(o);
}

/* QEMU listens, so that whoever adopts the machine later can connect again. */
static void write_console(struct out *o, const cocos__vmm_machine *m)
{
    open_with(o, "serial", "type", "unix", NULL);
    EMPTY(o, "source", "mode", "bind", "path", m->console_socket);
    EMPTY(o, "target", "port", "0");
    close_element(o);
}

static void write_tpm(struct out *o, const cocos__vmm_machine *m)
{
    if (!m->tpm)
        return;
    open_with(o, "tpm", "model", "tpm-crb", NULL);
    EMPTY(o, "backend", "type", "emulator", "version", "2.0");
    close_element(o);
}

static void write_devices(struct out *o, const cocos__vmm_machine *m)
{
    open_element(o, "devices");
    text_element(o, "emulator", m->emulator);
    EMPTY(o, "controller", "type", "usb", "model", "none");
    write_share(o, m->env_dir, "env_share");
    write_share(o, m->certs_dir, "certs_share");
    open_with(o, "interface", "type", "user", NULL);
    EMPTY(o, "model", "type", "virtio");
    EMPTY(o, "rom", "enabled", "no");
    close_element(o);
    write_console(o, m);
    write_tpm(o, m);
    open_with(o, "rng", "model", "virtio", NULL);
    open_with(o, "backend", "model", "random", NULL);
    text(o, "/dev/urandom");
    close_element(o);
    close_element(o);
    EMPTY(o, "panic", "model", "isa"); /* a guest with the pvpanic driver says that it panicked */
    EMPTY(o, "memballoon", "model", "none");
    open_element(o, "video");
    EMPTY(o, "model", "type", "none");
    close_element(o);
    close_element(o);
}

/* Secrets of the shares stay readable for this user alone, hence QEMU must run as this user. */
static void write_label(struct out *o, const cocos__vmm_machine *m)
{
    if (!m->label) {
        EMPTY(o, "seclabel", "type", "none");
        return;
    }
    open_with(o, "seclabel", "type", "static", "model", "dac", "relabel", "no", NULL);
    text_element(o, "label", m->label);
    close_element(o);
}

/* Everything that depends on the kind of machine is decided here and nowhere else. */
static int render_platform(struct out *o, const cocos__vmm_machine *m, cocos_error **err)
{
    int measured = strcmp(m->platform, "vtpm") == 0;

    if (!measured && strcmp(m->platform, "plain") != 0)
        return cocos__fail(err, COCOS_ERR_UNSUPPORTED, "enclave.platform",
                           "platform is \"%.32s\"; this version starts \"plain\" and \"vtpm\" "
                           "machines only",
                           m->platform);
    if (measured && (!m->firmware || !m->tpm))
        return cocos__fail(err, COCOS_ERR_UNSUPPORTED, "enclave.platform",
                           "platform is \"vtpm\", which wants OVMF and a virtual TPM");
    EMPTY(o, "cpu", "mode", m->kvm ? "host-passthrough" : "maximum");
    return COCOS_OK;
}

static int write_domain(struct out *o, const cocos__vmm_machine *m, cocos_error **err)
{
    char number[32];

    open_with(o, "domain", "type", m->kvm ? "kvm" : "qemu", NULL);
    char name[8 + COCOS__VMM_ID_LEN];
    snprintf(name, sizeof name, "cocos-%s", m->id);
    text_element(o, "name", name);
    text_element(o, "uuid", m->id);
    open_element(o, "metadata");
    write_metadata(o, m->pairs, m->n_pairs);
    close_element(o);
    open_with(o, "memory", "unit", "MiB", NULL);
    snprintf(number, sizeof number, "%llu", (unsigned long long)(m->memory / MIB));
    text(o, number);
    close_element(o);
    snprintf(number, sizeof number, "%u", (unsigned)m->vcpus);
    text_element(o, "vcpu", number);
    write_os(o, m);
    open_element(o, "features");
    EMPTY(o, "acpi");
    EMPTY(o, "apic");
    close_element(o);
    int r = render_platform(o, m, err);
    if (r < 0)
        return r;
    EMPTY(o, "clock", "offset", "utc");
    text_element(o, "on_poweroff", "destroy");
    text_element(o, "on_reboot", "destroy");
    text_element(o, "on_crash", "destroy");
    write_devices(o, m);
    write_label(o, m);
    close_element(o);
    return COCOS_OK;
}

static char *take_text(xmlBufferPtr b)
{
    return strdup((const char *)xmlBufferContent(b));
}

COCOS__DEFINE_FREEP(buffer_freep, xmlBufferPtr, xmlBufferFree)
COCOS__DEFINE_FREEP(writer_freep, xmlTextWriterPtr, xmlFreeTextWriter)

int cocos__domain_xml(const cocos__vmm_machine *m, char **ret, cocos_error **err)
{
    COCOS__CLEANUP(buffer_freep) xmlBufferPtr b = xmlBufferCreate();
    COCOS__CLEANUP(writer_freep) xmlTextWriterPtr w = b ? xmlNewTextWriterMemory(b, 0) : NULL;
    if (!w)
        return cocos__fail_memory(err);

    struct out o = {w, 0};
    o.failed |= xmlTextWriterSetIndent(w, 1) < 0;
    int r = write_domain(&o, m, err);
    if (r < 0)
        return r;
    o.failed |= xmlTextWriterFlush(w) < 0;

    char *xml = o.failed ? NULL : take_text(b);
    if (!xml)
        return cocos__fail_memory(err);
    *ret = xml;
    return COCOS_OK;
}

int cocos__metadata_xml(const cocos__vmm_pair *pairs, size_t n, char **ret, cocos_error **err)
{
    COCOS__CLEANUP(buffer_freep) xmlBufferPtr b = xmlBufferCreate();
    COCOS__CLEANUP(writer_freep) xmlTextWriterPtr w = b ? xmlNewTextWriterMemory(b, 0) : NULL;
    if (!w)
        return cocos__fail_memory(err);

    struct out o = {w, 0};
    /* libvirt adds prefix and name space itself, from the arguments of virDomainSetMetadata(). */
    open_element(&o, "enclave");
    for (size_t i = 0; i < n; i++)
        attribute(&o, pairs[i].name, pairs[i].value);
    close_element(&o);
    o.failed |= xmlTextWriterFlush(w) < 0;

    char *xml = o.failed ? NULL : take_text(b);
    if (!xml)
        return cocos__fail_memory(err);
    *ret = xml;
    return COCOS_OK;
}
