/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_TOOLS_LOG_H
#define COCOS_TOOLS_LOG_H

/* Log of a service on stderr: text for people, or one JSON object a line. */

/* @return -1: there is no such level. */
int tool_log_start(int json, const char *level);
/* A line of the program itself, with at most two fields (names may be NULL). */
void tool_log_line(const char *message,
                    const char *name1,
                    const char *value1,
                    const char *name2,
                    const char *value2);

#endif
