/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_AGENT_REPORT_H
#define COCOS_AGENT_REPORT_H

/*
 * What the computation-management server and the console are told of a computation: events and log
 * lines from a fixed table, filled with ids, counts, states and codes; never with text of manifest
 * or job (cocos-v1 section 2).
 */

#include <stdint.h>

#include "agent/queue.h"

enum cocos__report_line {
    COCOS__REPORT_STARTED = 1,
    COCOS__REPORT_RESUMED = 2,
    COCOS__REPORT_MANIFEST_ACCEPTED = 3,
    COCOS__REPORT_MANIFEST_REFUSED = 4,
    COCOS__REPORT_ASSET_COMPLETE = 5,
    COCOS__REPORT_JOB_ENDED = 6,
    COCOS__REPORT_RESULT_READY = 7,
    COCOS__REPORT_RESULT_FETCHED = 8,
    COCOS__REPORT_RESULT_WIPED = 9,
    COCOS__REPORT_STOPPED = 10,
    COCOS__REPORT_COMMAND_REFUSED = 11,
    COCOS__REPORT_MESSAGES_LOST = 12,
    COCOS__REPORT_WIPE_FAILED = 13,
    COCOS__REPORT_APPROVAL = 14,
    COCOS__REPORT_WITHDRAWAL = 15,
    COCOS__REPORT_STATED = 16,
    COCOS__REPORT_CLOSED = 17,
    COCOS__REPORT_UNPROVEN = 18
};

/* Serialised ClientStreamMessage with an agent_event, appended to the queue. `computation` may be
 * "". */
void cocos__report_event(cocos__queue *q,
                         const char *computation,
                         const char *type,
                         const char *status);
/*
 * A line of the table to console and queue. `word` is a state or a code, `n` and `m` are numbers; a
 * line takes of them what its text asks for.
 */
void cocos__report_log(
    cocos__queue *q, int line, const char *computation, const char *word, uint64_t n, uint64_t m);

#endif
