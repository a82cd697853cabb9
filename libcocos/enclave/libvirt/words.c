/* SPDX-License-Identifier: Apache-2.0 */
/* What libvirt says, cut down to the reason: QEMU's warnings stand before it and are no reason. */
#include <stdio.h>
#include <string.h>

#include "enclave/libvirt/xml.h"

static int is_warning(const char *line, size_t n)
{
    static const char mark[] = ": warning: ";
    return memmem(line, n, mark, sizeof mark - 1) != NULL;
}

/* Lines with a word in them, joined by single spaces; with_warnings 0 leaves warnings out. */
static void join_lines(const char *message, int with_warnings, char *out, size_t size)
{
    size_t used = 0;

    out[0] = '\0';
    for (const char *p = message; *p && used + 1 < size;) {
        size_t n = strcspn(p, "\r\n");
        if (n > 0 && (with_warnings || !is_warning(p, n)))
            used += (size_t)snprintf(out + used, size - used, "%s%.*s", used ? " " : "",
                                     n > 1000 ? 1000 : (int)n, p);
        p += n;
        p += strspn(p, "\r\n");
    }
}

void cocos__libvirt_words(const char *message, char *out, size_t size)
{
    join_lines(message, 0, out, size);
    if (out[0] == '\0') /* nothing but warnings is still more than nothing */
        join_lines(message, 1, out, size);
}
