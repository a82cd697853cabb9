/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/state.h"

#include <stddef.h>

/* protocol.md 4.4, and stop from every state that has a computation. */
static const struct transition {
    int from;
    int event;
    int to;
} transitions[] = {
    {COCOS__AGENT_IDLE, COCOS__AGENT_START, COCOS__AGENT_RECEIVING_MANIFEST},
    {COCOS__AGENT_RECEIVING_MANIFEST, COCOS__AGENT_MANIFEST, COCOS__AGENT_RECEIVING_ALGORITHM},
    {COCOS__AGENT_RECEIVING_ALGORITHM, COCOS__AGENT_ALGORITHM, COCOS__AGENT_RECEIVING_DATA},
    {COCOS__AGENT_RECEIVING_ALGORITHM, COCOS__AGENT_ASSETS, COCOS__AGENT_RUNNING},
    {COCOS__AGENT_RECEIVING_ALGORITHM, COCOS__AGENT_STOP, COCOS__AGENT_RECEIVING_MANIFEST},
    {COCOS__AGENT_RECEIVING_DATA, COCOS__AGENT_ASSETS, COCOS__AGENT_RUNNING},
    {COCOS__AGENT_RECEIVING_DATA, COCOS__AGENT_STOP, COCOS__AGENT_RECEIVING_MANIFEST},
    {COCOS__AGENT_RUNNING, COCOS__AGENT_JOB_DONE, COCOS__AGENT_CONSUMING_RESULTS},
    {COCOS__AGENT_RUNNING, COCOS__AGENT_JOB_FAILED, COCOS__AGENT_FAILED},
    {COCOS__AGENT_RUNNING, COCOS__AGENT_STOP, COCOS__AGENT_RECEIVING_MANIFEST},
    {COCOS__AGENT_CONSUMING_RESULTS, COCOS__AGENT_DELIVERED, COCOS__AGENT_COMPLETE},
    {COCOS__AGENT_CONSUMING_RESULTS, COCOS__AGENT_STOP, COCOS__AGENT_RECEIVING_MANIFEST},
    {COCOS__AGENT_COMPLETE, COCOS__AGENT_STOP, COCOS__AGENT_RECEIVING_MANIFEST},
    {COCOS__AGENT_FAILED, COCOS__AGENT_STOP, COCOS__AGENT_RECEIVING_MANIFEST},
};

/* Names of protocol.md 3.4; status on entry of protocol.md 4.8. */
static const struct state {
    const char *name;
    const char *status;
} states[] = {
    [COCOS__AGENT_IDLE] = {"Idle", NULL},
    [COCOS__AGENT_RECEIVING_MANIFEST] = {"ReceivingManifest", NULL},
    [COCOS__AGENT_RECEIVING_ALGORITHM] = {"ReceivingAlgorithm", "InProgress"},
    [COCOS__AGENT_RECEIVING_DATA] = {"ReceivingData", "InProgress"},
    [COCOS__AGENT_RUNNING] = {"Running", "Starting"},
    [COCOS__AGENT_CONSUMING_RESULTS] = {"ConsumingResults", "Ready"},
    [COCOS__AGENT_COMPLETE] = {"Complete", "Completed"},
    [COCOS__AGENT_FAILED] = {"Failed", "Failed"},
};

static const char *const events[] = {
    [COCOS__AGENT_START] = "start",         [COCOS__AGENT_MANIFEST] = "manifest",
    [COCOS__AGENT_ALGORITHM] = "algorithm", [COCOS__AGENT_ASSETS] = "assets",
    [COCOS__AGENT_JOB_DONE] = "job done",   [COCOS__AGENT_JOB_FAILED] = "job failed",
    [COCOS__AGENT_DELIVERED] = "delivered", [COCOS__AGENT_STOP] = "stop",
};

int cocos__agent_state_valid(int state)
{
    return state >= 0 && (size_t)state < COCOS__ARRAY_LEN(states);
}

const char *cocos__agent_state_name(int state)
{
    return cocos__agent_state_valid(state) ? states[state].name : "Unknown";
}

const char *cocos__agent_state_status(int state)
{
    return cocos__agent_state_valid(state) ? states[state].status : NULL;
}

static const char *event_name(int event)
{
    int known = event > 0 && (size_t)event < COCOS__ARRAY_LEN(events);
    return known ? events[event] : "unknown";
}

int cocos__agent_state_next(int state, int event, int *next, cocos_error **err)
{
    for (size_t i = 0; i < COCOS__ARRAY_LEN(transitions); i++) {
        if (transitions[i].from == state && transitions[i].event == event) {
            *next = transitions[i].to;
            return COCOS_OK;
        }
    }
    return cocos__fail(err, COCOS_ERR_STATE, "agent.state", "event \"%s\" has no place in state %s",
                       event_name(event), cocos__agent_state_name(state));
}
