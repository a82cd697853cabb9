/* SPDX-License-Identifier: Apache-2.0 */
#include "manager/metrics.h"

#include <stdio.h>
#include <string.h>

#include "suite.h"

static char *text_of(cocos__metrics *m, cocos__buf *b)
{
    cocos__host_stats stats = {.by_state = {0, 1, 2}, .alive = 1};

    cocos__buf_init(b, 1 << 20);
    cocos__metrics_text(m, &stats, b);
    return cocos__buf_cstr(b);
}

static void has(const char *text, const char *line)
{
    char whole[256];

    snprintf(whole, sizeof whole, "\n%s\n", line);
    ck_assert_msg(strstr(text, whole) != NULL, "%s in:\n%s", line, text);
}

START_TEST(counts_calls_failures_and_times)
{
    static cocos__metrics m;
    cocos__buf b;

    cocos__metrics_call(&m, COCOS__METHOD_LIST, COCOS_OK, "");
    cocos__metrics_call(&m, COCOS__METHOD_CREATE, COCOS_ERR_EXHAUSTED, "enclave.limit");
    cocos__metrics_call(&m, COCOS__METHOD_CREATE, COCOS_ERR_EXHAUSTED, "enclave.limit");
    cocos__metrics_call(&m, COCOS__METHOD_CREATE, COCOS_ERR_IO, "some.other");
    cocos__metrics_created(&m, INT64_C(6500000000), 4000000);
    char *text = text_of(&m, &b);
    has(text, "cocos_manager_calls_total{method=\"List\",status=\"ok\"} 1");
    has(text, "cocos_manager_calls_total{method=\"Create\",status=\"exhausted\"} 2");
    has(text, "cocos_manager_create_failures_total{code=\"enclave.limit\"} 2");
    has(text, "cocos_manager_create_failures_total{code=\"other\"} 1");
    has(text, "cocos_manager_enclaves{state=\"booting\"} 1");
    has(text, "cocos_manager_enclaves{state=\"ready\"} 2");
    has(text, "cocos_manager_enclaves{state=\"crashed\"} 0");
    has(text, "cocos_manager_create_seconds_bucket{le=\"3\"} 0");
    has(text, "cocos_manager_create_seconds_bucket{le=\"7\"} 1");
    has(text, "cocos_manager_create_seconds_bucket{le=\"+Inf\"} 1");
    has(text, "cocos_manager_create_seconds_sum 6.500000000");
    has(text, "cocos_manager_create_own_seconds_sum 0.004000000");
    has(text, "cocos_manager_libvirt_up 1");
    cocos__buf_done(&b);
}
END_TEST

/* Whatever statuses and codes come along, the number of lines stays what it is. */
START_TEST(labels_stay_within_a_small_fixed_set)
{
    static cocos__metrics m;
    cocos__buf b;
    size_t lines = 0;

    for (int i = -1000; i < 1000; i++)
        cocos__metrics_call(&m, COCOS__METHOD_CREATE, i, i % 2 ? "enclave.never" : "evil\"}\n");
    for (const char *c = text_of(&m, &b); *c; c++)
        lines += *c == '\n';
    ck_assert_uint_lt(lines, 150);
    ck_assert_ptr_null(strstr(cocos__buf_cstr(&b), "evil"));
    cocos__buf_done(&b);
}
END_TEST

TEST_MAIN(metrics, counts_calls_failures_and_times, labels_stay_within_a_small_fixed_set)
