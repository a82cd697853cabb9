/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_TESTS_ALLOCFAIL_H
#define COCOS_TESTS_ALLOCFAIL_H

/*
 * Out of memory at every point of a call: the program's malloc is replaced, for all libraries in
 * it, by one that fails once on demand and counts what is live. Include in one file of a test only.
 *
 *     static int call(void *user, cocos_error **err) { ...; free what it gave; return r; }
 *     ck_assert_uint_gt(allocfail_sweep(call, NULL), 0);
 *
 * Within `call` use abort() and not ck_assert...(), which needs memory itself.
 *
 * With the address sanitizer, which has its own malloc, the call runs once, without failures.
 */

#include <check.h>
#include <stddef.h>
#include <stdlib.h>

#include <cocos/error.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define ALLOCFAIL_ACTIVE 0
#else
#define ALLOCFAIL_ACTIVE 1
#endif

static struct {
    long countdown; /* the allocation that fails; 0: none */
    int hit;
    long live;
} allocfail;

#if ALLOCFAIL_ACTIVE
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);
void __libc_free(void *p);

static int allocfail_now(void)
{
    if (allocfail.countdown == 0 || --allocfail.countdown > 0)
        return 0;
    allocfail.hit = 1;
    return 1;
}

void *malloc(size_t size)
{
    void *p = allocfail_now() ? NULL : __libc_malloc(size);
    allocfail.live += p != NULL;
    return p;
}

void *calloc(size_t n, size_t size)
{
    void *p = allocfail_now() ? NULL : __libc_calloc(n, size);
    allocfail.live += p != NULL;
    return p;
}

void *realloc(void *old, size_t size)
{
    void *p = allocfail_now() ? NULL : __libc_realloc(old, size);
    allocfail.live += !old && p;
    allocfail.live -= old && !p && size == 0;
    return p;
}

void free(void *p)
{
    allocfail.live -= p != NULL;
    __libc_free(p);
}
#endif

typedef int (*allocfail_fn)(void *user, cocos_error **err);

/* With the n-th allocation failing (0: none). Gives how many allocations stayed behind. */
static inline long allocfail_once(allocfail_fn fn, void *user, long n)
{
    cocos_error *err = NULL;
    long before = allocfail.live;

    allocfail.hit = 0;
    allocfail.countdown = n;
    int r = fn(user, &err);
    allocfail.countdown = 0;
    ck_assert_msg(r == COCOS_OK || (r < 0 && err), "allocation %ld: %d without an error", n, r);
    ck_assert_msg(r == COCOS_OK || allocfail.hit, "fails by itself: %s", cocos_error_message(err));
    ck_assert_msg(r != COCOS_OK || !err, "allocation %ld: good, with an error", n);
    cocos_error_free(err);
    return allocfail.live - before;
}

/*
 * Fails each of the first `dense` allocations in turn, then one of `step`, until a run needs no
 * more, and gives how many there are. What stays behind once may be a cache that a library fills; a
 * leak comes back when the same one fails again.
 */
static inline size_t allocfail_sweep_some(allocfail_fn fn, void *user, long dense, long step)
{
    long n = 0;

    (void)allocfail_once(fn, user, 0);
    do {
        n += n < dense ? 1 : step;
        long left = allocfail_once(fn, user, n);
        for (int again = 0; allocfail.hit && left != 0 && again < 3; again++)
            left = allocfail_once(fn, user, n);
        ck_assert_msg(!allocfail.hit || left == 0, "allocation %ld fails: %ld stay behind", n,
                      left);
    } while (allocfail.hit);
    return ALLOCFAIL_ACTIVE ? (size_t)(n - 1) : 1;
}

static inline size_t allocfail_sweep(allocfail_fn fn, void *user)
{
    return allocfail_sweep_some(fn, user, 0, 1);
}

/*
 * Within `call`, for what must be refused whether memory runs out or not: turns the refusal into a
 * success of the call, and ends the program at a yes or at a refusal without an error.
 */
static inline int allocfail_refused(int r, cocos_error **err)
{
    if (r >= 0 || !*err)
        abort();
    cocos_error_free(*err);
    *err = NULL;
    return COCOS_OK;
}

/*
 * Within `call`, for what is refused only by who signed it: ends the program when a lack of memory
 * passes for such a judgement.
 */
static inline int allocfail_judged(int r)
{
    if (r == COCOS_ERR_REJECTED || r == COCOS_ERR_UNDECIDED || r == COCOS_ERR_UNAUTHENTICATED ||
        r == COCOS_ERR_DENIED)
        abort();
    return r;
}

#endif
