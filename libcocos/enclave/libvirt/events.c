/* SPDX-License-Identifier: Apache-2.0 */
/* What libvirt reports about domains, in the two kinds that matter: gone, and no longer running. */
#include "enclave/libvirt/driver.h"

#include <libvirt/virterror.h>
#include <string.h>

/* virDomainEventStoppedDetailType */
static const char *stopped_text(int detail)
{
    switch (detail) {
    case VIR_DOMAIN_EVENT_STOPPED_SHUTDOWN:
        return "the guest switched itself off";
    case VIR_DOMAIN_EVENT_STOPPED_DESTROYED:
        return "the machine was destroyed";
    case VIR_DOMAIN_EVENT_STOPPED_CRASHED:
        return "the guest panicked";
    case VIR_DOMAIN_EVENT_STOPPED_FAILED:
        return "QEMU ended";
    default:
        return "the machine stopped";
    }
}

static int on_lifecycle(virConnectPtr conn, virDomainPtr dom, int event, int detail, void *user)
{
    cocos__vmm *v = user;
    char id[VIR_UUID_STRING_BUFLEN];
    (void)conn;

    if (virDomainGetUUIDString(dom, id) < 0)
        return 0;
    if (event == VIR_DOMAIN_EVENT_STOPPED)
        v->event(v->user, id, COCOS__VMM_GONE, stopped_text(detail));
    else if (event == VIR_DOMAIN_EVENT_SUSPENDED || event == VIR_DOMAIN_EVENT_CRASHED)
        v->event(v->user, id, COCOS__VMM_PAUSED, "the guest stands still");
    return 0;
}

static void on_io_error(virConnectPtr conn,
                        virDomainPtr dom,
                        const char *path,
                        const char *alias,
                        int action,
                        const char *reason,
                        void *user)
{
    cocos__vmm *v = user;
    char id[VIR_UUID_STRING_BUFLEN];
    (void)conn;
    (void)path;
    (void)alias;
    (void)reason;

    if (action == VIR_DOMAIN_EVENT_IO_ERROR_PAUSE && virDomainGetUUIDString(dom, id) == 0)
        v->event(v->user, id, COCOS__VMM_PAUSED, "an I/O error stopped the guest");
}

int cocos__vmm_events_start(cocos__vmm *v, cocos_error **err)
{
    v->lifecycle =
        virConnectDomainEventRegisterAny(v->conn, NULL, VIR_DOMAIN_EVENT_ID_LIFECYCLE,
                                         VIR_DOMAIN_EVENT_CALLBACK(on_lifecycle), v, NULL);
    v->io_error =
        virConnectDomainEventRegisterAny(v->conn, NULL, VIR_DOMAIN_EVENT_ID_IO_ERROR_REASON,
                                         VIR_DOMAIN_EVENT_CALLBACK(on_io_error), v, NULL);
    if (v->lifecycle < 0 || v->io_error < 0)
        return cocos__fail_libvirt(err, "enclave.libvirt", "libvirt does not report events");
    return COCOS_OK;
}

void cocos__vmm_events_stop(cocos__vmm *v)
{
    if (v->lifecycle >= 0)
        virConnectDomainEventDeregisterAny(v->conn, v->lifecycle);
    if (v->io_error >= 0)
        virConnectDomainEventDeregisterAny(v->conn, v->io_error);
}

virDomainPtr cocos__vmm_domain(cocos__vmm *v, const char *id)
{
    return virDomainLookupByUUIDString(v->conn, id);
}
