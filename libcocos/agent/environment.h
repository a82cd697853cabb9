/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_AGENT_ENVIRONMENT_H
#define COCOS_AGENT_ENVIRONMENT_H

/*
 * The file `environment` of the host's share (protocol.md 2.4): written by the host, hence hostile.
 * cocos-v1, "Strict is a property of the measured image", says which names a guest takes.
 */

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define COCOS__ENVIRONMENT_FILE_MAX  (64 * 1024)
#define COCOS__ENVIRONMENT_VALUE_MAX 1024

typedef struct cocos__environment {
    char cvm_id[COCOS__ENVIRONMENT_VALUE_MAX + 1];
    char cvms_url[COCOS__ENVIRONMENT_VALUE_MAX + 1];
    char log_level[COCOS__ENVIRONMENT_VALUE_MAX + 1];
    int client_cert; /* 1: the name was there, with its one allowed value */
    int client_key;
    int server_ca;
    unsigned ignored; /* lines with names that are known and without effect here */
} cocos__environment;

/*
 * Fills *env (zeroed first). An unknown or doubled name, a value with another than printable ASCII
 * or over 1 KiB, a line without "=": MALFORMED "environment.name", "environment.value" or
 * "environment.line"; the message holds the name only when that is printable.
 */
int cocos__environment_parse(const uint8_t *data,
                             size_t len,
                             cocos__environment *env,
                             cocos_error **err);

#endif
