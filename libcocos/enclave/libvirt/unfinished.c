/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Starts that ended with the process of the embedded driver. libvirt writes a domain's state file
 * before QEMU exists, with process id 0; QEMU's own program runs only after the file was written
 * again with its number. Found by the next process, such a file becomes a domain that runs nothing
 * and that no call of libvirt 9.0 can end: its reconnect fails and keeps the domain's job.
 */
#include "enclave/libvirt/driver.h"

#include <dirent.h>
#include <libxml/parser.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "enclave/libvirt/xml.h"

#define PARSE (XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING)

int cocos__state_file_is_unfinished(const char *path)
{
    xmlDocPtr doc = xmlReadFile(path, NULL, PARSE);
    if (!doc)
        return 0;

    xmlNodePtr root = xmlDocGetRootElement(doc);
    int is_state = root && strcmp((const char *)root->name, "domstatus") == 0;
    xmlChar *pid = is_state ? xmlGetNoNsProp(root, (const xmlChar *)"pid") : NULL;
    int unfinished = pid && strcmp((const char *)pid, "0") == 0;
    xmlFree(pid);
    xmlFreeDoc(doc);
    return unfinished;
}

void cocos__vmm_forget_unfinished(const char *root)
{
    char dir[PATH_MAX];
    char path[PATH_MAX + NAME_MAX + 2];

    if ((size_t)snprintf(dir, sizeof dir, "%s/run/qemu", root) >= sizeof dir)
        return;
    DIR *d = opendir(dir);
    if (!d)
        return;
    for (struct dirent *e; (e = readdir(d));) {
        const char *end = strrchr(e->d_name, '.');
        if (!end || strcmp(end, ".xml") != 0)
            continue;
        snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
        if (cocos__state_file_is_unfinished(path))
            (void)unlink(path); /* what else there is of it, adopt.c finds by its id */
    }
    closedir(d);
}
