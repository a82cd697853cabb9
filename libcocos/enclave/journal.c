/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What exists before its domain does: one small file for each creation that is under way. After a
 * crash the entry tells which directory to wipe, also when the runtime directory has changed since.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "enclave/local.h"
#include "enclave/values.h"

#define HEAD "cocos-journal/1\ndir="

static void entry_path(const cocos__local *l, const char *id, char path[300])
{
    snprintf(path, 300, "%s/journal/%s", l->config.state_dir, id);
}

int cocos__journal_add(const cocos__local *l, const cocos__record *r, cocos_error **err)
{
    char path[300];
    char text[400];

    entry_path(l, r->id, path);
    int n = snprintf(text, sizeof text, HEAD "%s\n", r->dir);
    return cocos__write_file(path, text, (size_t)n, 0600, err);
}

int cocos__journal_remove(const cocos__local *l, const char *id, cocos_error **err)
{
    char path[300];

    entry_path(l, id, path);
    if (unlink(path) < 0 && errno != ENOENT)
        return cocos__fail_errno(err, errno, "io.remove", "cannot remove %s", path);
    return COCOS_OK;
}

/* The directory must be one that this program makes: .../vm/ID, whatever else the entry says. */
int cocos__journal_parse(const char *text, size_t len, const char *id, char dir[300])
{
    const size_t head = sizeof HEAD - 1;
    char tail[64];

    if (len <= head + 1 || memcmp(text, HEAD, head) != 0 || text[len - 1] != '\n')
        return 0;
    size_t n = len - head - 1;
    if (n >= 300 || memchr(text + head, '\0', n) || memchr(text + head, '\n', n))
        return 0;
    memcpy(dir, text + head, n);
    dir[n] = '\0';
    size_t t = (size_t)snprintf(tail, sizeof tail, "/vm/%s", id);
    return dir[0] == '/' && n > t && strcmp(dir + n - t, tail) == 0 && !strstr(dir, "/../");
}
