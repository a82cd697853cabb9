/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include <stdio.h>
#include <string.h>

#include "base/secret.h"
#include "suite.h"

static char seen[512];

static void keep(void *user,
                 int level,
                 const char *module,
                 const char *message,
                 const cocos_log_field *fields,
                 size_t n)
{
    size_t len = strlen(seen);

    (void)user;
    len += (size_t)snprintf(seen + len, sizeof seen - len, "%d %s %s", level, module, message);
    for (size_t i = 0; i < n; i++)
        len += (size_t)snprintf(seen + len, sizeof seen - len, " %s=%s", fields[i].name,
                                fields[i].value);
    snprintf(seen + len, sizeof seen - len, "\n");
}

START_TEST(is_silent_until_asked)
{
    cocos__log(COCOS_LOG_ERROR, "base", "nobody hears");
    ck_assert_str_eq(seen, "");
}
END_TEST

START_TEST(passes_what_is_wanted_with_its_fields)
{
    cocos_error *err = NULL;

    cocos_log_set(keep, COCOS_LOG_INFO, NULL);
    cocos__log(COCOS_LOG_DEBUG, "base", "too detailed");
    cocos__log(COCOS_LOG_WARN, "base", "n=%d", 3);
    cocos__log_fields(COCOS_LOG_INFO, "base", "m", "a", "1", "skipped", NULL, "b", "2", NULL);
    cocos__fail(&err, COCOS_ERR_IO, "x.y", "text");
    cocos__log_error(COCOS_LOG_ERROR, "base", "it broke", err);
    cocos_error_free(err);
    ck_assert_str_eq(seen, "2 base n=3\n3 base m a=1 b=2\n1 base it broke code=x.y error=text\n");
    cocos_log_set(NULL, 0, NULL);
    cocos__log(COCOS_LOG_ERROR, "base", "nobody hears");
    ck_assert_uint_eq(
        strlen(seen),
        strlen("2 base n=3\n3 base m a=1 b=2\n1 base it broke code=x.y error=text\n"));
}
END_TEST

START_TEST(keeps_secrets_on_pages_of_their_own)
{
    cocos_error *err = NULL;
    cocos__secret *s = NULL;

    assert_ok(cocos__secret_new(5000, &s, &err), err);
    memset(cocos__secret_data(s), 0x5a, 5000);
    cocos__secret_shrink(s, 10);
    ck_assert_uint_eq(cocos__secret_len(s), 10);
    ck_assert_uint_eq(cocos__secret_data(s)[9], 0x5a);
    ck_assert_uint_eq(cocos__secret_data(s)[10], 0);
    cocos__secret_free(s);
    cocos__secret_free(NULL);
    assert_fails(cocos__secret_new(SIZE_MAX, &s, &err), COCOS_ERR_MEMORY, "memory", err);
}
END_TEST

TEST_MAIN(log,
          is_silent_until_asked,
          passes_what_is_wanted_with_its_fields,
          keeps_secrets_on_pages_of_their_own)
