/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_AGENT_STATE_H
#define COCOS_AGENT_STATE_H

/* The states of one agent (protocol.md 4.4) as a table: pure, no clock, no lock. */

#include "base/error.h"

enum cocos__agent_state {
    COCOS__AGENT_IDLE = 0,
    COCOS__AGENT_RECEIVING_MANIFEST = 1,
    COCOS__AGENT_RECEIVING_ALGORITHM = 2,
    COCOS__AGENT_RECEIVING_DATA = 3,
    COCOS__AGENT_RUNNING = 4,
    COCOS__AGENT_CONSUMING_RESULTS = 5,
    COCOS__AGENT_COMPLETE = 6,
    COCOS__AGENT_FAILED = 7
};

enum cocos__agent_event {
    COCOS__AGENT_START = 1,      /* the program is up */
    COCOS__AGENT_MANIFEST = 2,   /* a manifest was accepted */
    COCOS__AGENT_ALGORITHM = 3,  /* algorithm and requirements are there, data is not */
    COCOS__AGENT_ASSETS = 4,     /* everything is there */
    COCOS__AGENT_JOB_DONE = 5,   /* the job ended well and its result is packed */
    COCOS__AGENT_JOB_FAILED = 6, /* the job failed, was interrupted, or never started */
    COCOS__AGENT_DELIVERED = 7,  /* every consumer has the result */
    COCOS__AGENT_STOP = 8        /* the computation is given up */
};

/* Name on the wire, e.g. "ReceivingData"; "Unknown" for other numbers. Static. */
const char *cocos__agent_state_name(int state);
/* The number for a stored state, or -1 when it is none. */
int cocos__agent_state_valid(int state);

/*
 * The state after `event`. An event that the table does not have in this state is refused with
 * STATE "agent.state" and changes nothing.
 */
int cocos__agent_state_next(int state, int event, int *next, cocos_error **err);

/*
 * What the computation-management server is told on entering a state (protocol.md 4.8); NULL for
 * states that are entered silently.
 */
const char *cocos__agent_state_status(int state);

#endif
