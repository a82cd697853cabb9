/* SPDX-License-Identifier: Apache-2.0 */
#include "manager/metrics.h"

#include <string.h>

static const char *const methods[COCOS__METHOD_COUNT] = {"Create", "List",    "Get",
                                                         "Watch",  "Console", "Destroy"};

/* Codes of failed creations that are counted by name; the last one stands for all others. */
static const char *const codes[] = {
    "enclave.crashed", "enclave.image",   "enclave.limit",   "enclave.memory",  "enclave.platform",
    "enclave.port",    "enclave.quota",   "enclave.request", "enclave.start",   "enclave.stopped",
    "enclave.timeout", "enclave.ttl",     "enclave.vcpus",   "cancelled",       "memory",
    "option.value",    "enclave.libvirt", "enclave.forward", "enclave.console", "other",
};

#define N_CODES COCOS__ARRAY_LEN(codes)
_Static_assert(N_CODES <= COCOS__METRICS_CODES, "codes fit");

static const int64_t bounds_ms[COCOS__METRICS_BUCKETS - 1] = {10,   100,  300,   1000,
                                                              3000, 7000, 15000, 60000};
static const char *const bounds[COCOS__METRICS_BUCKETS] = {"0.01", "0.1", "0.3", "1",   "3",
                                                           "7",    "15",  "60",  "+Inf"};

static size_t code_index(const char *code)
{
    size_t i = 0;

    while (i < N_CODES - 1 && strcmp(codes[i], code) != 0)
        i++;
    return i;
}

void cocos__metrics_call(cocos__metrics *m,
                         enum cocos__manager_method method,
                         int status,
                         const char *code)
{
    int k = status <= 0 && status > -COCOS__METRICS_CODES ? -status : -COCOS_ERR_INTERNAL;

    atomic_fetch_add(&m->calls[method][k], 1);
    if (method == COCOS__METHOD_CREATE && status < 0)
        atomic_fetch_add(&m->create_failures[code_index(code)], 1);
}

static void observe(cocos__histogram *h, int64_t ns)
{
    size_t i = 0;

    while (i < COCOS__METRICS_BUCKETS - 1 && ns > bounds_ms[i] * 1000000)
        i++;
    atomic_fetch_add(&h->buckets[i], 1);
    atomic_fetch_add(&h->sum_ns, (unsigned long long)(ns > 0 ? ns : 0));
}

void cocos__metrics_created(cocos__metrics *m, int64_t whole_ns, int64_t own_ns)
{
    observe(&m->create_seconds, whole_ns);
    observe(&m->create_own_seconds, own_ns);
}

static void head(cocos__buf *out, const char *name, const char *type, const char *help)
{
    cocos__buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void
write_histogram(cocos__buf *out, cocos__histogram *h, const char *name, const char *help)
{
    unsigned long long total = 0;

    head(out, name, "histogram", help);
    for (size_t i = 0; i < COCOS__METRICS_BUCKETS; i++) {
        total += atomic_load(&h->buckets[i]);
        cocos__buf_printf(out, "%s_bucket{le=\"%s\"} %llu\n", name, bounds[i], total);
    }
    unsigned long long sum = atomic_load(&h->sum_ns);
    cocos__buf_printf(out, "%s_sum %llu.%09llu\n%s_count %llu\n", name, sum / 1000000000,
                      sum % 1000000000, name, total);
}

static void write_calls(cocos__metrics *m, cocos__buf *out)
{
    head(out, "cocos_manager_calls_total", "counter",
         "Calls that ended, by method and kind of outcome.");
    for (size_t i = 0; i < COCOS__METHOD_COUNT; i++)
        for (int k = 0; k < COCOS__METRICS_CODES; k++) {
            unsigned long long n = atomic_load(&m->calls[i][k]);
            if (n || k == 0)
                cocos__buf_printf(out,
                                  "cocos_manager_calls_total{method=\"%s\",status=\"%s\"} %llu\n",
                                  methods[i], cocos_status_name(-k), n);
        }
}

static void write_failures(cocos__metrics *m, cocos__buf *out)
{
    head(out, "cocos_manager_create_failures_total", "counter",
         "Creations that failed, by error code.");
    for (size_t i = 0; i < N_CODES; i++)
        cocos__buf_printf(out, "cocos_manager_create_failures_total{code=\"%s\"} %llu\n", codes[i],
                          (unsigned long long)atomic_load(&m->create_failures[i]));
}

void cocos__metrics_text(cocos__metrics *m, const cocos__host_stats *stats, cocos__buf *out)
{
    const char *state;

    head(out, "cocos_build_info", "gauge", "Version of the library.");
    cocos__buf_printf(out, "cocos_build_info{version=\"%s\"} 1\n", cocos_version());
    head(out, "cocos_manager_libvirt_up", "gauge", "1 while the connection to libvirt holds.");
    cocos__buf_printf(out, "cocos_manager_libvirt_up %d\n", stats->alive);
    head(out, "cocos_manager_enclaves", "gauge", "Enclaves that are known, by state.");
    for (size_t i = 0; (state = cocos__state_at(i)); i++)
        cocos__buf_printf(out, "cocos_manager_enclaves{state=\"%s\"} %llu\n", state,
                          (unsigned long long)stats->by_state[i]);
    write_calls(m, out);
    write_failures(m, out);
    write_histogram(out, &m->create_seconds, "cocos_manager_create_seconds",
                    "Time of successful creations.");
    write_histogram(out, &m->create_own_seconds, "cocos_manager_create_own_seconds",
                    "The part of it that was spent outside of libvirt, QEMU, swtpm and the guest.");
}
