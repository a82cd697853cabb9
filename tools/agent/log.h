/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_TOOLS_AGENT_LOG_H
#define COCOS_TOOLS_AGENT_LOG_H

/* The agent's log on stderr: text for people, or one JSON object a line. */

/* @return -1: there is no such level. */
int agent_log_start(int json, const char *level);
/* A line of the program itself, with at most two fields (names may be NULL). */
void agent_log_line(const char *message,
                    const char *name1,
                    const char *value1,
                    const char *name2,
                    const char *value2);

#endif
