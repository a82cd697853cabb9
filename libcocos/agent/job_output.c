/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/job_output.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/fd.h"

int cocos__job_output_init(cocos__job_output *o, size_t keep, cocos_error **err)
{
    uint8_t *block = calloc(2, keep); /* untouched pages cost nothing */

    if (!block)
        return cocos__fail_memory(err);
    *o = (cocos__job_output){block, block + keep, keep, 0};
    return COCOS_OK;
}

void cocos__job_output_done(cocos__job_output *o)
{
    uint64_t used = o->total < 2 * o->keep ? o->total : 2 * o->keep;

    if (o->head)
        cocos__wipe(o->head, (size_t)used);
    free(o->head);
    *o = (cocos__job_output){0};
}

static void add_tail(cocos__job_output *o, const uint8_t *data, size_t n)
{
    if (n > o->keep) {
        o->total += n - o->keep;
        data += n - o->keep;
        n = o->keep;
    }
    size_t at = (size_t)((o->total - o->keep) % o->keep);
    size_t first = n < o->keep - at ? n : o->keep - at;
    memcpy(o->tail + at, data, first);
    memcpy(o->tail, data + first, n - first);
    o->total += n;
}

void cocos__job_output_add(cocos__job_output *o, const uint8_t *data, size_t n)
{
    if (o->total < o->keep) {
        size_t room = o->keep - (size_t)o->total;
        size_t first = n < room ? n : room;
        memcpy(o->head + o->total, data, first);
        o->total += first;
        data += first;
        n -= first;
    }
    if (n > 0)
        add_tail(o, data, n);
}

static int write_tail(const cocos__job_output *o, int fd, cocos_error **err)
{
    uint64_t later = o->total - o->keep;

    if (later <= o->keep)
        return cocos__write_full(fd, o->tail, (size_t)later, "job output", err);

    char note[96];
    int n = snprintf(note, sizeof note, "\n[cocos: %llu bytes left out here]\n",
                     (unsigned long long)(later - o->keep));
    size_t at = (size_t)(later % o->keep);
    int r = cocos__write_full(fd, note, (size_t)n, "job output", err);
    if (r == COCOS_OK)
        r = cocos__write_full(fd, o->tail + at, o->keep - at, "job output", err);
    if (r == COCOS_OK)
        r = cocos__write_full(fd, o->tail, at, "job output", err);
    return r;
}

int cocos__job_output_file(const cocos__job_output *o, int *fd, cocos_error **err)
{
    COCOS__CLEANUP(cocos__closep) int f = memfd_create("cocos-job-output", MFD_CLOEXEC);
    if (f < 0 || fchmod(f, 0644) < 0)
        return cocos__fail_errno(err, errno, "job.output", "cannot make an anonymous file");

    uint64_t head = o->total < o->keep ? o->total : o->keep;
    int r = cocos__write_full(f, o->head, (size_t)head, "job output", err);
    if (r == COCOS_OK && o->total > o->keep)
        r = write_tail(o, f, err);
    if (r < 0)
        return r;
    *fd = f;
    f = -1;
    return COCOS_OK;
}
