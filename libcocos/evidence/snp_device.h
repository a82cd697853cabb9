/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_EVIDENCE_SNP_DEVICE_H
#define COCOS_EVIDENCE_SNP_DEVICE_H

/* /dev/sev-guest (Linux, Documentation/virt/coco/sev-guest.rst): extended reports by ioctl. */

#include "evidence/provider.h"

/* NOT_FOUND, DENIED or IO "evidence.device". */
int cocos__snp_device_open(const char *path, int *fd, cocos_error **err);
void cocos__snp_device_close(int fd);

/* A report and its certificates. level: VMPL; -1 becomes the lowest that the processor accepts. */
int cocos__snp_device_report(int fd,
                             const cocos__ask *ask,
                             int *level,
                             cocos__buf *report,
                             cocos__buf *certs,
                             cocos_error **err);

#endif
