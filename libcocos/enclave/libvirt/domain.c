/* SPDX-License-Identifier: Apache-2.0 */
/* Calls on single domains. All of them are transient: what does not run leaves nothing in libvirt.
 */
#include "enclave/libvirt/driver.h"

#include <libvirt/libvirt-qemu.h>
#include <libvirt/virterror.h>
#include <stdio.h>
#include <string.h>

#include "enclave/libvirt/xml.h"

int cocos__vmm_start(cocos__vmm *v, const cocos__vmm_machine *m, cocos_error **err)
{
    COCOS__CLEANUP(cocos__freep) char *xml = NULL;
    int r = cocos__domain_xml(m, &xml, err);
    if (r < 0)
        return r;

    COCOS__CLEANUP(cocos__domain_freep) virDomainPtr dom = virDomainCreateXML(v->conn, xml, 0);
    return dom ? COCOS_OK : cocos__fail_libvirt(err, "enclave.start", "the machine does not start");
}

/* QEMU's words (slirp, hostfwd_add) when bind() or listen() refused. */
static int means_taken(const char *reply)
{
    return strstr(reply, "ould not set up host forwarding rule") != NULL;
}

int cocos__vmm_forward(cocos__vmm *v,
                       const char *id,
                       const char *host_address,
                       uint16_t port,
                       uint16_t guest_port,
                       int *taken,
                       cocos_error **err)
{
    COCOS__CLEANUP(cocos__domain_freep) virDomainPtr dom = cocos__vmm_domain(v, id);
    if (!dom)
        return cocos__fail_libvirt(err, "enclave.forward", "no port can be forwarded");

    char command[160];
    COCOS__CLEANUP(cocos__freep) char *reply = NULL;
    snprintf(command, sizeof command, "hostfwd_add hostnet0 tcp:%s:%u-:%u", host_address,
             (unsigned)port, (unsigned)guest_port);
    if (virDomainQemuMonitorCommand(dom, command, &reply, VIR_DOMAIN_QEMU_MONITOR_COMMAND_HMP) < 0)
        return cocos__fail_libvirt(err, "enclave.forward", "no port can be forwarded");

    *taken = reply && means_taken(reply);
    if (!*taken && reply && reply[strspn(reply, " \r\n")] != '\0')
        return cocos__fail(err, COCOS_ERR_IO, "enclave.forward",
                           "QEMU refuses to forward port %u: %.200s", (unsigned)port, reply);
    return COCOS_OK;
}

int cocos__vmm_annotate(
    cocos__vmm *v, const char *id, const cocos__vmm_pair *pairs, size_t n_pairs, cocos_error **err)
{
    COCOS__CLEANUP(cocos__freep) char *xml = NULL;
    int r = cocos__metadata_xml(pairs, n_pairs, &xml, err);
    if (r < 0)
        return r;

    COCOS__CLEANUP(cocos__domain_freep) virDomainPtr dom = cocos__vmm_domain(v, id);
    if (!dom || virDomainSetMetadata(dom, VIR_DOMAIN_METADATA_ELEMENT, xml, COCOS__METADATA_PREFIX,
                                     COCOS__METADATA_URI, VIR_DOMAIN_AFFECT_LIVE) < 0)
        return cocos__fail_libvirt(err, "enclave.metadata",
                                   "the machine's metadata cannot be written");
    return COCOS_OK;
}

static const char *pair_value(const cocos__vmm_pair *pairs, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(pairs[i].name, name) == 0)
            return pairs[i].value;
    return NULL;
}

/* Domains without our metadata are nobody's under the embedded driver, and somebody else's
 * elsewhere. */
static int list_one(cocos__vmm *v, virDomainPtr dom, cocos__vmm_list_fn fn, void *user)
{
    cocos__vmm_pair pairs[COCOS__METADATA_PAIRS_MAX];
    size_t n = 0;
    void *doc = NULL;
    char id[VIR_UUID_STRING_BUFLEN];

    if (virDomainGetUUIDString(dom, id) < 0)
        return 0;
    COCOS__CLEANUP(cocos__freep)
    char *xml = virDomainGetMetadata(dom, VIR_DOMAIN_METADATA_ELEMENT, COCOS__METADATA_URI, 0);
    if (xml && cocos__metadata_parse(xml, pairs, &n, &doc, NULL) < 0)
        n = 0;

    const char *instance = pair_value(pairs, n, "instance");
    int ours = instance && strcmp(instance, v->instance) == 0;
    int r = 0;
    if (ours || v->embedded)
        r = fn(user, id, ours ? pairs : NULL, ours ? n : 0);
    cocos__metadata_free(doc);
    return r;
}

int cocos__vmm_list(cocos__vmm *v, cocos__vmm_list_fn fn, void *user, cocos_error **err)
{
    virDomainPtr *doms = NULL;
    int n = virConnectListAllDomains(v->conn, &doms, VIR_CONNECT_LIST_DOMAINS_ACTIVE);
    if (n < 0)
        return cocos__fail_libvirt(err, "enclave.libvirt", "libvirt does not list its machines");

    int r = 0;
    for (int i = 0; i < n; i++) {
        if (r == 0)
            r = list_one(v, doms[i], fn, user);
        virDomainFree(doms[i]);
    }
    free(doms);
    return r < 0 ? r : COCOS_OK;
}

void cocos__vmm_shutdown(cocos__vmm *v, const char *id)
{
    COCOS__CLEANUP(cocos__domain_freep) virDomainPtr dom = cocos__vmm_domain(v, id);

    if (dom)
        (void)virDomainShutdownFlags(dom, VIR_DOMAIN_SHUTDOWN_ACPI_POWER_BTN);
}

int cocos__vmm_stop(cocos__vmm *v, const char *id, cocos_error **err)
{
    COCOS__CLEANUP(cocos__domain_freep) virDomainPtr dom = cocos__vmm_domain(v, id);
    if (!dom) {
        const virError *e = virGetLastError();
        if (e && e->code == VIR_ERR_NO_DOMAIN)
            return COCOS_OK;
        return cocos__fail_libvirt(err, "enclave.stop", "the machine cannot be looked up");
    }
    if (virDomainDestroyFlags(dom, VIR_DOMAIN_DESTROY_GRACEFUL) == 0 || virDomainDestroy(dom) == 0)
        return COCOS_OK;

    const virError *e = virGetLastError(); /* it may have ended by itself in between */
    if (e && (e->code == VIR_ERR_NO_DOMAIN || e->code == VIR_ERR_OPERATION_INVALID))
        return COCOS_OK;
    return cocos__fail_libvirt(err, "enclave.stop", "the machine does not stop");
}

int cocos__vmm_exists(cocos__vmm *v, const char *id)
{
    COCOS__CLEANUP(cocos__domain_freep) virDomainPtr dom = cocos__vmm_domain(v, id);
    return dom && virDomainIsActive(dom) == 1;
}

/* QEMU's run states (query-status) out of which a guest does not come by itself. */
int cocos__vmm_broken(cocos__vmm *v, const char *id, char why[64])
{
    static const char *const states[] = {"internal-error", "guest-panicked", "io-error", "shutdown",
                                         "watchdog"};
    COCOS__CLEANUP(cocos__freep) char *reply = NULL;
    COCOS__CLEANUP(cocos__domain_freep) virDomainPtr dom = cocos__vmm_domain(v, id);

    if (!dom || virDomainQemuMonitorCommand(dom, "{\"execute\":\"query-status\"}", &reply, 0) < 0)
        return 0;
    for (size_t i = 0; reply && i < COCOS__ARRAY_LEN(states); i++) {
        char wanted[64];
        snprintf(wanted, sizeof wanted, "\"%s\"", states[i]);
        if (strstr(reply, wanted)) {
            snprintf(why, 64, "%s", states[i]);
            return 1;
        }
    }
    return 0;
}
