/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_MANAGER_METRICS_H
#define COCOS_MANAGER_METRICS_H

/* Counters of a manager in Prometheus' text form. Every label has a small fixed set of values. */

#include <stdatomic.h>
#include <stdint.h>

#include "base/bytes.h"
#include "enclave/enclave.h"

enum cocos__manager_method {
    COCOS__METHOD_CREATE,
    COCOS__METHOD_LIST,
    COCOS__METHOD_GET,
    COCOS__METHOD_WATCH,
    COCOS__METHOD_CONSOLE,
    COCOS__METHOD_DESTROY,
    COCOS__METHOD_COUNT
};

#define COCOS__METRICS_CODES   32
#define COCOS__METRICS_BUCKETS 9

typedef struct cocos__histogram {
    atomic_ullong buckets[COCOS__METRICS_BUCKETS]; /* not cumulative; the last one is +Inf */
    atomic_ullong sum_ns;
} cocos__histogram;

typedef struct cocos__metrics {
    atomic_ullong calls[COCOS__METHOD_COUNT][COCOS__METRICS_CODES];
    atomic_ullong create_failures[COCOS__METRICS_CODES];
    cocos__histogram create_seconds; /* the whole call, as far as it succeeded */
    cocos__histogram create_own_seconds;
} cocos__metrics;

/* One call ended with this status (enum cocos_status); code: the error's, for failed creations. */
void cocos__metrics_call(cocos__metrics *m,
                         enum cocos__manager_method method,
                         int status,
                         const char *code);
void cocos__metrics_created(cocos__metrics *m, int64_t whole_ns, int64_t own_ns);
void cocos__metrics_text(cocos__metrics *m, const cocos__host_stats *stats, cocos__buf *out);

#endif
