/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/parts.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/thread.h"
#include "compute/client.h"

struct cocos__parts {
    pthread_mutex_t lock;
    unsigned refs; /* the upload's own and one for each part that is out */
    cocos__part *idle;
};

cocos__parts *cocos__parts_new(void)
{
    cocos__parts *p = calloc(1, sizeof *p);

    if (p) {
        pthread_mutex_init(&p->lock, NULL);
        p->refs = 1;
    }
    return p;
}

static void part_free(cocos__part *part)
{
    free(part->data);
    free(part);
}

void cocos__parts_unref(cocos__parts *p)
{
    if (!p)
        return;
    pthread_mutex_lock(&p->lock);
    unsigned left = --p->refs;
    pthread_mutex_unlock(&p->lock);
    if (left > 0)
        return;

    while (p->idle) {
        cocos__part *part = p->idle;
        p->idle = part->next;
        part_free(part);
    }
    pthread_mutex_destroy(&p->lock);
    free(p);
}

static cocos__part *part_new(cocos__parts *p)
{
    cocos__part *part = calloc(1, sizeof *part);

    if (part)
        part->data = malloc(COCOS__PART_SIZE);
    if (!part || !part->data) {
        free(part);
        return NULL;
    }
    part->pool = p;
    return part;
}

cocos__part *cocos__part_take(cocos__parts *p)
{
    cocos__part *part = NULL;

    {
        COCOS__LOCKED(&p->lock);
        p->refs++;
        if (p->idle) {
            part = p->idle;
            p->idle = part->next;
        }
    }
    if (!part)
        part = part_new(p);
    if (!part)
        cocos__parts_unref(p);
    return part;
}

void cocos__part_give(void *user)
{
    cocos__part *part = user;
    cocos__parts *p = part->pool;

    {
        COCOS__LOCKED(&p->lock);
        part->next = p->idle;
        p->idle = part;
    }
    cocos__parts_unref(p);
}
