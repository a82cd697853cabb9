/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_CVMS_OPTIONS_H
#define COCOS_CVMS_OPTIONS_H

#include <cocos/cvms.h>

/* Each NULL until set. */
struct cocos_cvms_options {
    char *listen;
    char *cert;
    char *key;
    char *client_ca;
    char *policy; /* JSON */
    cocos_bundle *bundle;
};

#endif
