/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_BASE_CLEANUP_H
#define COCOS_BASE_CLEANUP_H

/* Scoped release (style.md 2.5): COCOS__CLEANUP(freep) T *x = NULL; ... *ret = COCOS__STEAL(x); */

#include <stdlib.h>

#define COCOS__CLEANUP(fn) __attribute__((cleanup(fn)))

#define COCOS__STEAL(p)                                                                            \
    __extension__({                                                                                \
        __typeof__(p) cocos__stolen = (p);                                                         \
        (p) = NULL;                                                                                \
        cocos__stolen;                                                                             \
    })

/* Defines `name` as the cleanup function for variables of type T that `free_fn` frees. */
#define COCOS__DEFINE_FREEP(name, T, free_fn)                                                      \
    static inline void name(T *p)                                                                  \
    {                                                                                              \
        if (*p)                                                                                    \
            free_fn(*p);                                                                           \
    }

static inline void cocos__freep(void *p)
{
    free(*(void **)p);
}

#define COCOS__ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

#endif
