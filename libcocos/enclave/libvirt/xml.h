/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_ENCLAVE_LIBVIRT_XML_H
#define COCOS_ENCLAVE_LIBVIRT_XML_H

#include "enclave/vmm.h"

/* Name space and element of our part of a domain's metadata. */
#define COCOS__METADATA_URI    "urn:cocos:enclave:1"
#define COCOS__METADATA_PREFIX "cocos"

#define COCOS__METADATA_PAIRS_MAX 32

/* The whole domain; caller frees. */
int cocos__domain_xml(const cocos__vmm_machine *m, char **ret, cocos_error **err);

/* <enclave name='value' …/>, as virDomainSetMetadata() takes it; caller frees. */
int cocos__metadata_xml(const cocos__vmm_pair *pairs, size_t n, char **ret, cocos_error **err);

/* The way back. Texts in pairs belong to *doc (an xmlDoc), which cocos__metadata_free() frees. */
int cocos__metadata_parse(const char *xml,
                          cocos__vmm_pair pairs[COCOS__METADATA_PAIRS_MAX],
                          size_t *n,
                          void **doc,
                          cocos_error **err);
void cocos__metadata_free(void *doc);

/* unfinished.c: 1 when this is libvirt's state of a domain whose QEMU was not started yet. */
int cocos__state_file_is_unfinished(const char *path);

/* words.c: libvirt's message as one line, without the lines that are warnings of QEMU. */
void cocos__libvirt_words(const char *message, char *out, size_t size);

#endif
