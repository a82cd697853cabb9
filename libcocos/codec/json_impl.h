/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_CODEC_JSON_IMPL_H
#define COCOS_CODEC_JSON_IMPL_H

/* The inside of a document, for the files of this module only. */

#include <jansson.h>

struct cocos__json_doc {
    json_t *root;
};

#endif
