/* SPDX-License-Identifier: Apache-2.0 */
#include "evidence/snp_device.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/clock.h"
#include "base/fd.h"

/* The kernel's header names the members of the last one in two ways, hence our own. */
typedef struct report_request {
    uint8_t data[64];
    uint32_t vmpl;
    uint8_t reserved[28];
} report_request;

typedef struct extended_request {
    report_request report;
    uint64_t certs_address;
    uint32_t certs_len;
} extended_request;

typedef struct guest_request {
    uint8_t version;
    uint64_t request;
    uint64_t response;
    uint32_t firmware_error;
    uint32_t host_error;
} guest_request;

#define GET_EXTENDED_REPORT _IOWR('S', 0x2, guest_request)

#define HOST_INVALID_LENGTH 1 /* GHCB 56421, SNP Extended Guest Request: more pages are needed */
#define HOST_BUSY           2
#define CERTS_MAX           16384 /* SEV_FW_BLOB_MAX_SIZE of the kernel */
#define RESPONSE_SIZE       4000  /* struct snp_report_resp */
#define RESPONSE_REPORT     32    /* AMD 56860, MSG_REPORT_RSP: status, size, reserved, report */
#define REPORT_SIZE         1184
#define STATUS_INVALID      0x16 /* AMD 56860, status codes: INVALID_PARAM */
#define LEVEL_MAX           3
#define PAUSE_NS            (20 * COCOS__NS_PER_MS)

typedef struct exchange {
    guest_request guest;
    extended_request request;
    uint8_t response[RESPONSE_SIZE];
    uint8_t certs[CERTS_MAX] __attribute__((aligned(4096)));
} exchange;

int cocos__snp_device_open(const char *path, int *fd, cocos_error **err)
{
    int f = open(path, O_RDWR | O_CLOEXEC);

    if (f < 0)
        return cocos__fail_errno(err, errno, "evidence.device", "cannot use %s", path);
    *fd = f;
    return COCOS_OK;
}

void cocos__snp_device_close(int fd)
{
    close(fd);
}

static void prepare(exchange *x, const cocos__ask *ask, int level, uint32_t certs_len)
{
    memset(x, 0, sizeof *x);
    memcpy(x->request.report.data, ask->report_data, sizeof ask->report_data);
    x->request.report.vmpl = (uint32_t)level;
    x->request.certs_address = certs_len ? (uint64_t)(uintptr_t)x->certs : 0;
    x->request.certs_len = certs_len;
    x->guest.version = 1;
    x->guest.request = (uint64_t)(uintptr_t)&x->request;
    x->guest.response = (uint64_t)(uintptr_t)x->response;
}

static int fail_ioctl(cocos_error **err, const exchange *x, int errnum)
{
    return cocos__fail(err, COCOS_ERR_IO, "evidence.device",
                       "the processor gave no report: %s; firmware says 0x%x, the host 0x%x",
                       strerror(errnum), (unsigned)x->guest.firmware_error,
                       (unsigned)x->guest.host_error);
}

/* One request, again while the host is busy, or with the room for certificates that it names. */
static int request(int fd, exchange *x, const cocos__ask *ask, int level, cocos_error **err)
{
    uint32_t certs_len = CERTS_MAX;

    for (int wider = 0;;) {
        prepare(x, ask, level, certs_len);
        if (ioctl(fd, GET_EXTENDED_REPORT, &x->guest) == 0)
            return COCOS_OK;
        int errnum = errno;
        if (x->guest.host_error == HOST_INVALID_LENGTH && !wider++ &&
            x->request.certs_len <= CERTS_MAX) {
            certs_len = x->request.certs_len;
            continue;
        }
        if (x->guest.host_error != HOST_BUSY && errnum != EINTR && errnum != EAGAIN &&
            errnum != EBUSY)
            return fail_ioctl(err, x, errnum);
        int r = cocos__ask_pause(ask, PAUSE_NS, err);
        if (r < 0)
            return r;
    }
}

static int take(const exchange *x, cocos__buf *report, cocos__buf *certs, cocos_error **err)
{
    uint32_t status = cocos__u32le(x->response);
    uint32_t size = cocos__u32le(x->response + 4);

    if (status != 0 || size != REPORT_SIZE)
        return cocos__fail(err, COCOS_ERR_IO, "evidence.device",
                           "the processor gave no report: status 0x%x, %u bytes", (unsigned)status,
                           (unsigned)size);
    cocos__buf_add(report, x->response + RESPONSE_REPORT, REPORT_SIZE);
    cocos__buf_add(certs, x->certs, x->request.certs_len <= CERTS_MAX ? x->request.certs_len : 0);
    return report->failed || certs->failed ? cocos__fail_memory(err) : COCOS_OK;
}

/* A level below the guest's own is answered with INVALID_PARAM (AMD 56860, MSG_REPORT_REQ). */
int cocos__snp_device_report(int fd,
                             const cocos__ask *ask,
                             int *level,
                             cocos__buf *report,
                             cocos__buf *certs,
                             cocos_error **err)
{
    COCOS__CLEANUP(cocos__freep)
    exchange *x = aligned_alloc(4096, (sizeof *x + 4095) / 4096 * 4096);
    int at = *level < 0 ? 0 : *level;
    int r;

    if (!x)
        return cocos__fail_memory(err);
    for (;; at++) {
        r = request(fd, x, ask, at, err);
        if (r < 0 || *level >= 0 || at == LEVEL_MAX || cocos__u32le(x->response) != STATUS_INVALID)
            break;
    }
    if (r == COCOS_OK)
        r = take(x, report, certs, err);
    if (r == COCOS_OK)
        *level = at;
    return r;
}
