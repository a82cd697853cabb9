/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/report.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "cvms/cvms.pb-c.h"

#define TEXT_MAX 256

/* The table of doc/errors.md, "Log lines of the agent". $w: word, $n and $m: numbers. */
static const struct line {
    int level;
    const char *text;
} lines[] = {
    [COCOS__REPORT_STARTED] = {COCOS_LOG_INFO, "agent started"},
    [COCOS__REPORT_RESUMED] = {COCOS_LOG_WARN, "agent started again within one boot, state $w"},
    [COCOS__REPORT_MANIFEST_ACCEPTED] = {COCOS_LOG_INFO, "manifest accepted: run $n, $m assets"},
    [COCOS__REPORT_MANIFEST_REFUSED] = {COCOS_LOG_WARN, "manifest refused: $w"},
    [COCOS__REPORT_ASSET_COMPLETE] = {COCOS_LOG_INFO, "$w $n complete: $m bytes"},
    [COCOS__REPORT_JOB_ENDED] = {COCOS_LOG_INFO, "job ended: $w"},
    [COCOS__REPORT_RESULT_READY] = {COCOS_LOG_INFO, "result ready: $n bytes"},
    [COCOS__REPORT_RESULT_FETCHED] = {COCOS_LOG_INFO, "result fetched: consumer $n of $m"},
    [COCOS__REPORT_RESULT_WIPED] = {COCOS_LOG_INFO, "result wiped"},
    [COCOS__REPORT_STOPPED] = {COCOS_LOG_INFO, "computation stopped"},
    [COCOS__REPORT_COMMAND_REFUSED] = {COCOS_LOG_WARN, "message from the server refused: $w"},
    [COCOS__REPORT_MESSAGES_LOST] = {COCOS_LOG_WARN, "messages dropped before this one: $n"},
    [COCOS__REPORT_APPROVAL] = {COCOS_LOG_INFO, "approval taken: $n still missing"},
    [COCOS__REPORT_WITHDRAWAL] = {COCOS_LOG_WARN, "a party has withdrawn"},
    [COCOS__REPORT_STATED] = {COCOS_LOG_INFO, "statement signed: start $n of this manifest"},
    [COCOS__REPORT_CLOSED] = {COCOS_LOG_INFO, "closure signed, its key is gone"},
    [COCOS__REPORT_UNPROVEN] = {COCOS_LOG_WARN, "no statement, closure or evidence: $w"},
    [COCOS__REPORT_WIPE_FAILED] = {COCOS_LOG_ERROR, "not everything could be wiped: $w"},
};

static const char *level_name(int level)
{
    static const char *const names[] = {"", "ERROR", "WARN", "INFO", "DEBUG"}; /* protocol.md 3.5 */
    return names[level];
}

static void fill(const struct line *l, const char *word, uint64_t n, uint64_t m, char out[TEXT_MAX])
{
    cocos__buf b __attribute__((cleanup(cocos__buf_done)));

    cocos__buf_init(&b, TEXT_MAX - 1);
    for (const char *p = l->text; *p; p++) {
        if (*p != '$')
            cocos__buf_add_u8(&b, (uint8_t)*p);
        else if (*++p == 'w')
            cocos__buf_add_str(&b, word);
        else
            cocos__buf_printf(&b, "%" PRIu64, *p == 'n' ? n : m);
    }
    snprintf(out, TEXT_MAX, "%.*s", (int)b.len, b.data ? (const char *)b.data : "");
}

static void timestamp(Google__Protobuf__Timestamp *t)
{
    int64_t now = cocos__clock_wall_ns();

    google__protobuf__timestamp__init(t);
    t->seconds = now / COCOS__NS_PER_S;
    t->nanos = (int32_t)(now % COCOS__NS_PER_S);
}

static void push(cocos__queue *q, const Cvms__ClientStreamMessage *m)
{
    uint8_t buf[COCOS__QUEUE_MESSAGE_MAX];

    /* Ids have at most 64 bytes and texts TEXT_MAX, so that a message always fits. */
    if (cvms__client_stream_message__get_packed_size(m) <= sizeof buf)
        cocos__queue_push(q, buf, cvms__client_stream_message__pack(m, buf));
}

void cocos__report_event(cocos__queue *q,
                         const char *computation,
                         const char *type,
                         const char *status)
{
    static char originator[] = "agent";
    Cvms__ClientStreamMessage m = CVMS__CLIENT_STREAM_MESSAGE__INIT;
    Cvms__AgentEvent e = CVMS__AGENT_EVENT__INIT;
    Google__Protobuf__Timestamp t;

    timestamp(&t);
    e.event_type = (char *)type;
    e.status = (char *)status;
    e.computation_id = (char *)computation;
    e.originator = originator;
    e.timestamp = &t;
    m.message_case = CVMS__CLIENT_STREAM_MESSAGE__MESSAGE_AGENT_EVENT;
    m.agent_event = &e;
    cocos__log_fields(COCOS_LOG_INFO, "agent", "event", "state", type, "status", status, NULL);
    push(q, &m);
}

void cocos__report_log(
    cocos__queue *q, int line, const char *computation, const char *word, uint64_t n, uint64_t m)
{
    Cvms__ClientStreamMessage message = CVMS__CLIENT_STREAM_MESSAGE__INIT;
    Cvms__AgentLog log = CVMS__AGENT_LOG__INIT;
    Google__Protobuf__Timestamp t;
    char text[TEXT_MAX];

    fill(&lines[line], word ? word : "", n, m, text);
    cocos__log(lines[line].level, "agent", "%s", text);
    timestamp(&t);
    log.message = text;
    log.level = (char *)level_name(lines[line].level);
    log.computation_id = (char *)computation;
    log.timestamp = &t;
    message.message_case = CVMS__CLIENT_STREAM_MESSAGE__MESSAGE_AGENT_LOG;
    message.agent_log = &log;
    push(q, &message);
}
