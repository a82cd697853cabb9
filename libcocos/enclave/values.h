/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_ENCLAVE_VALUES_H
#define COCOS_ENCLAVE_VALUES_H

/* Text forms of what users and clients hand in. The checks return 1 when the text has the form,
 * else 0. */

#include <stddef.h>
#include <stdint.h>

/* 1 when every byte is printable ASCII and there are min..max of them. */
int cocos__value_printable(const char *s, size_t min, size_t max);

/* "512", "512K", "1.5" is refused; powers of 1024; B or iB behind the letter is allowed. 1 when
 * well formed. */
int cocos__value_size(const char *s, uint64_t *bytes);

/* Decimal, no sign, no spaces, at most max. */
int cocos__value_number(const char *s, uint64_t max, uint64_t *ret);

/* Go's time.ParseDuration for what is not negative: "1h30m", "1.5s", "300ms", "0". */
int cocos__value_duration(const char *s, int64_t *ns);

/* "6100-6200", both ends included, 1 <= low <= high <= 65535. */
int cocos__value_port_range(const char *s, uint16_t *low, uint16_t *high);

/* Dotted IPv4 address: what QEMU's user network can listen on. */
int cocos__value_ipv4(const char *s);

/* [A-Za-z0-9._-]{1,64}, and not "." or "..". */
int cocos__value_name(const char *s);

/* A random (version 4) UUID in its text form of 36 characters. */
void cocos__value_uuid(char out[37]);
int cocos__value_is_uuid(const char *s);

/* host:port of the computation-management server: a host name or address, and a port. */
int cocos__value_endpoint(const char *s);

#endif
