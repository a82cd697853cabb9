/* SPDX-License-Identifier: Apache-2.0 */
/* Reads back what xml.c wrote into a domain's metadata. */
#include "enclave/libvirt/xml.h"

#include <libxml/parser.h>
#include <string.h>

#define METADATA_SIZE_MAX 65536

static int bad(cocos_error **err, const char *what)
{
    return cocos__fail(err, COCOS_ERR_MALFORMED, "enclave.metadata", "a domain's metadata %s",
                       what);
}

/* An attribute of one text node or none; entities were not loaded, so there is nothing else. */
static int take_attribute(const xmlAttr *a, cocos__vmm_pair *pair)
{
    const xmlNode *t = a->children;

    if (t && (t->next || t->type != XML_TEXT_NODE))
        return 0;
    pair->name = (const char *)a->name;
    pair->value = t && t->content ? (const char *)t->content : "";
    return 1;
}

static int take_attributes(const xmlNode *root,
                           cocos__vmm_pair pairs[COCOS__METADATA_PAIRS_MAX],
                           size_t *n,
                           cocos_error **err)
{
    *n = 0;
    for (const xmlAttr *a = root->properties; a; a = a->next) {
        if (*n == COCOS__METADATA_PAIRS_MAX)
            return bad(err, "has too many attributes");
        if (!take_attribute(a, &pairs[*n]))
            return bad(err, "has an attribute that is not plain text");
        ++*n;
    }
    return COCOS_OK;
}

int cocos__metadata_parse(const char *xml,
                          cocos__vmm_pair pairs[COCOS__METADATA_PAIRS_MAX],
                          size_t *n,
                          void **doc,
                          cocos_error **err)
{
    size_t len = strnlen(xml, METADATA_SIZE_MAX + 1);
    if (len > METADATA_SIZE_MAX)
        return bad(err, "is larger than 64 KiB");

    xmlDocPtr d = xmlReadMemory(xml, (int)len, NULL, NULL,
                                XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
    if (!d)
        return bad(err, "is not XML");

    const xmlNode *root = xmlDocGetRootElement(d);
    int r = root && strcmp((const char *)root->name, "enclave") == 0 && !d->intSubset
                ? take_attributes(root, pairs, n, err)
                : bad(err, "is not the element enclave");
    if (r < 0) {
        xmlFreeDoc(d);
        return r;
    }
    *doc = d;
    return COCOS_OK;
}

void cocos__metadata_free(void *doc)
{
    if (doc)
        xmlFreeDoc(doc);
}
