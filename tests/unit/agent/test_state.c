/* SPDX-License-Identifier: Apache-2.0 */
#include "suite.h"

#include "agent/state.h"

/* One row a state, one column an event (0: refused), written apart from the table in state.c. */
static const int expected[8][9] = {
    /*                 -  start manifest algorithm assets done failed delivered stop */
    /* Idle */ {0, 1, 0, 0, 0, 0, 0, 0, 0},
    /* ReceivingManifest */ {0, 0, 2, 0, 0, 0, 0, 0, 0},
    /* ReceivingAlgorithm */ {0, 0, 0, 3, 4, 0, 0, 0, 1},
    /* ReceivingData */ {0, 0, 0, 0, 4, 0, 0, 0, 1},
    /* Running */ {0, 0, 0, 0, 0, 5, 7, 0, 1},
    /* ConsumingResults */ {0, 0, 0, 0, 0, 0, 0, 6, 1},
    /* Complete */ {0, 0, 0, 0, 0, 0, 0, 0, 1},
    /* Failed */ {0, 0, 0, 0, 0, 0, 0, 0, 1},
};

START_TEST(takes_exactly_the_transitions_of_the_protocol)
{
    for (int s = 0; s < 8; s++) {
        for (int e = 1; e < 9; e++) {
            cocos_error *err = NULL;
            int next = -1;
            if (expected[s][e]) {
                assert_ok(cocos__agent_state_next(s, e, &next, &err), err);
                ck_assert_int_eq(next, expected[s][e]);
            } else {
                assert_fails(cocos__agent_state_next(s, e, &next, &err), COCOS_ERR_STATE,
                             "agent.state", err);
                ck_assert_int_eq(next, -1);
            }
        }
    }
}
END_TEST

START_TEST(refuses_numbers_that_are_no_state_or_event)
{
    static const int odd[] = {-1, 8, 9, 1000};

    for (size_t i = 0; i < COCOS__ARRAY_LEN(odd); i++) {
        cocos_error *err = NULL;
        int next = -1;
        assert_fails(cocos__agent_state_next(odd[i], 1, &next, &err), COCOS_ERR_STATE,
                     "agent.state", err);
        assert_fails(cocos__agent_state_next(1, odd[i] + 1, &next, &err), COCOS_ERR_STATE,
                     "agent.state", err);
        ck_assert_str_eq(cocos__agent_state_name(odd[i]), "Unknown");
        ck_assert_ptr_null(cocos__agent_state_status(odd[i]));
    }
}
END_TEST

START_TEST(names_states_as_the_old_programs_do)
{
    static const char *const names[] = {
        "Idle",    "ReceivingManifest", "ReceivingAlgorithm", "ReceivingData",
        "Running", "ConsumingResults",  "Complete",           "Failed"};
    for (int s = 0; s < 8; s++)
        ck_assert_str_eq(cocos__agent_state_name(s), names[s]);
}
END_TEST

TEST_MAIN(state,
          takes_exactly_the_transitions_of_the_protocol,
          refuses_numbers_that_are_no_state_or_event,
          names_states_as_the_old_programs_do)
