/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_EOS_INIT_CMDLINE_H
#define COCOS_EOS_INIT_CMDLINE_H

#include <stddef.h>

/*
 * What the guest takes from its kernel command line, which is measured: the only place where the
 * behaviour of the guest can be chosen (cocos-v1.md, head). Apart from init so that it can be
 * tested.
 */

#define EOS_VALUE_MAX 64 /* longest value of one option */

typedef struct eos_options {
    int env;                           /* cocos.env: mount the share env_share, and require it */
    int certs;                         /* cocos.certs: the same for certs_share */
    int compat;                        /* cocos.compat=1 */
    int unlimited;                     /* cocos.unlimited=1 */
    char require[EOS_VALUE_MAX + 1];   /* cocos.require=NAME[,NAME...]; "": absent */
    char evidence[EOS_VALUE_MAX + 1];  /* cocos.evidence=NAME[,NAME...]; "": absent */
    char max_asset[EOS_VALUE_MAX + 1]; /* cocos.max_asset=SIZE; "": absent */
    char max_total[EOS_VALUE_MAX + 1]; /* cocos.max_total=SIZE; "": absent */
} eos_options;

/*
 * Words that do not begin with "cocos." are the kernel's and passed over. One of ours that is
 * unknown, given twice or has a value of the wrong shape is refused: a policy that approves a
 * command line must be able to read from it what the guest does.
 * Returns 0, or -1 with a sentence in why.
 */
int eos_cmdline_parse(const char *line, eos_options *ret, char *why, size_t why_size);

#define EOS_ARGV_MAX 24

/* Arguments of the agent for these options, NULL-terminated; they point into `o` and constants. */
void eos_agent_argv(const eos_options *o, const char *argv[EOS_ARGV_MAX]);

#endif
