/* SPDX-License-Identifier: Apache-2.0 */
#include "base/secret.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct cocos__secret {
    uint8_t *data;
    size_t len;
    size_t mapped;
};

void cocos__wipe(void *p, size_t n)
{
    explicit_bzero(p, n);
}

int cocos__secret_new(size_t len, cocos__secret **ret, cocos_error **err)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);

    if (len > SIZE_MAX - page)
        return cocos__fail_memory(err);

    cocos__secret *s = calloc(1, sizeof *s);
    if (!s)
        return cocos__fail_memory(err);

    s->len = len;
    s->mapped = (len / page + 1) * page;
    s->data = mmap(NULL, s->mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (s->data == MAP_FAILED) {
        free(s);
        return cocos__fail_memory(err);
    }

    /* Both are best effort: RLIMIT_MEMLOCK may be 0, and a guest without swap needs no lock. */
    (void)mlock(s->data, s->mapped);
    (void)madvise(s->data, s->mapped, MADV_DONTDUMP);
    *ret = s;
    return COCOS_OK;
}

uint8_t *cocos__secret_data(cocos__secret *s)
{
    return s->data;
}

size_t cocos__secret_len(const cocos__secret *s)
{
    return s->len;
}

void cocos__secret_shrink(cocos__secret *s, size_t len)
{
    if (len >= s->len)
        return;
    cocos__wipe(s->data + len, s->len - len);
    s->len = len;
}

void cocos__secret_free(cocos__secret *s)
{
    if (!s)
        return;
    cocos__wipe(s->data, s->mapped);
    munmap(s->data, s->mapped);
    free(s);
}
