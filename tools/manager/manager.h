/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_TOOLS_MANAGER_H
#define COCOS_TOOLS_MANAGER_H

#include <cocos/manager.h>

#include "tool.h"

extern const tool_option manager_options[];

/* Options and environment into the two option objects; 0 or an exit code, reported. */
int manager_configure(tool *t, cocos_host_options *host, cocos_manager_options *service);

/* Tell the service manager (sd_notify(3)) that started us, if one did. */
void manager_notify(const char *state);
/* Number of listening sockets that were handed over (sd_listen_fds(3)), from descriptor 3 on. */
int manager_inherited_sockets(void);

#endif
