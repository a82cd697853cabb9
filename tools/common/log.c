/* SPDX-License-Identifier: Apache-2.0 */
#include "log.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include <jansson.h>

#include <cocos/common.h>

#include "text.h"
#include "tool.h"

static const char *const levels[] = {"", "error", "warn", "info", "debug"};

static int as_json;

static void now_text(char out[40])
{
    struct timespec ts;
    struct tm tm;
    char base[24];

    clock_gettime(CLOCK_REALTIME, &ts);
    gmtime_r(&ts.tv_sec, &tm);
    strftime(base, sizeof base, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(out, 40, "%s.%03ldZ", base, ts.tv_nsec / 1000000);
}

static void write_json(const char *time,
                       int level,
                       const char *module,
                       const char *message,
                       const cocos_log_field *fields,
                       size_t n)
{
    TOOL_CLEANUP(tool_json_freep) json_t *line = json_object();

    json_object_set_new(line, "time", json_string(time));
    json_object_set_new(line, "level", json_string(levels[level]));
    json_object_set_new(line, "module", json_string(module));
    json_object_set_new(line, "message", tool_json_text(message));
    for (size_t i = 0; i < n; i++)
        json_object_set_new(line, fields[i].name,
                            tool_json_text(fields[i].value ? fields[i].value : ""));
    char *text = json_dumps(line, JSON_COMPACT | JSON_PRESERVE_ORDER);
    if (text)
        fprintf(stderr, "%s\n", text);
    free(text);
}

static void write_text(
    const char *time, int level, const char *message, const cocos_log_field *fields, size_t n)
{
    char clean[1024];

    tool_clean(clean, sizeof clean, message);
    flockfile(stderr);
    fprintf(stderr, "%s %-5s %s", time, levels[level], clean);
    for (size_t i = 0; i < n; i++) {
        tool_clean(clean, sizeof clean, fields[i].value ? fields[i].value : "");
        fprintf(stderr, " %s=%s", fields[i].name, clean);
    }
    fputc('\n', stderr);
    funlockfile(stderr);
}

static void on_log(void *user,
                   int level,
                   const char *module,
                   const char *message,
                   const cocos_log_field *fields,
                   size_t n)
{
    char time[40];

    (void)user;
    now_text(time);
    if (as_json)
        write_json(time, level, module, message, fields, n);
    else
        write_text(time, level, message, fields, n);
}

int tool_log_start(int json, const char *level)
{
    for (int i = 1; i < (int)(sizeof levels / sizeof *levels); i++) {
        if (strcasecmp(levels[i], level) == 0) {
            as_json = json;
            cocos_log_set(on_log, i, NULL);
            return 0;
        }
    }
    return -1;
}

void tool_log_line(const char *message,
                    const char *name1,
                    const char *value1,
                    const char *name2,
                    const char *value2)
{
    cocos_log_field fields[2] = {{name1, value1}, {name2, value2}};

    on_log(NULL, COCOS_LOG_INFO, "program", message, fields, (name1 ? 1 : 0) + (name2 ? 1 : 0));
}
