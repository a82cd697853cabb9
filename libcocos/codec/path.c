/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/path.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define STEPS_MAX 40 /* deeper than any document that is read */

struct out {
    char *p;
    size_t left; /* without the NUL */
};

static void put(struct out *o, const char *s)
{
    size_t n = strlen(s);

    if (n > o->left) /* cut for good: no later part may close the gap */
        o->left = 0;
    else {
        memcpy(o->p, s, n);
        o->p += n;
        o->left -= n;
    }
}

static void put_name(struct out *o, const char *name, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        char one[2] = {name[i], '\0'};
        if (name[i] == '~')
            put(o, "~0");
        else if (name[i] == '/')
            put(o, "~1");
        else
            put(o, (unsigned char)name[i] < 0x20 || name[i] == 0x7f ? "?" : one);
    }
}

static void put_step(struct out *o, const cocos__path *step)
{
    char number[32];

    put(o, "/");
    if (step->name) {
        put_name(o, step->name, step->name_len);
        return;
    }
    snprintf(number, sizeof number, "%" PRId64, step->number);
    put(o, number);
}

void cocos__path_print(const cocos__path *path, char *out, size_t size)
{
    const cocos__path *steps[STEPS_MAX];
    struct out o = {out, size - 1};
    size_t n = 0;

    for (; path->up && n < STEPS_MAX; path = path->up)
        steps[n++] = path;
    while (n > 0)
        put_step(&o, steps[--n]);
    *o.p = '\0';
}
