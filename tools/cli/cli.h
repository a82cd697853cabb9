/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_TOOLS_CLI_H
#define COCOS_TOOLS_CLI_H

/* What the commands of `cocos` share. Each command is one function `int run(tool *)`, see main.c.
 */

#include <cocos/collateral.h>
#include <cocos/computation.h>
#include <cocos/enclave.h>
#include <cocos/measure.h>
#include <cocos/policy.h>

#include "progress.h"
#include "text.h"
#include "tool.h"

#define CLI_FREEP(name, type, fn)                                                                  \
    static inline void name(type **p)                                                              \
    {                                                                                              \
        fn(*p);                                                                                    \
    }
CLI_FREEP(cli_key_freep, cocos_key, cocos_key_free)
CLI_FREEP(cli_manifest_freep, cocos_manifest, cocos_manifest_free)
CLI_FREEP(cli_conn_closep, cocos_agent_conn, cocos_agent_conn_close)
CLI_FREEP(cli_info_freep, cocos_agent_info, cocos_agent_info_free)
CLI_FREEP(cli_upload_freep, cocos_upload, cocos_upload_free)
CLI_FREEP(cli_host_closep, cocos_host, cocos_host_close)
CLI_FREEP(cli_host_options_freep, cocos_host_options, cocos_host_options_free)
CLI_FREEP(cli_spec_freep, cocos_enclave_spec, cocos_enclave_spec_free)
CLI_FREEP(cli_vm_freep, cocos_enclave_info, cocos_enclave_info_free)
CLI_FREEP(cli_vms_freep, cocos_enclave_list, cocos_enclave_list_free)
CLI_FREEP(cli_agent_options_freep, cocos_agent_options, cocos_agent_options_free)
CLI_FREEP(cli_boot_freep, cocos_boot, cocos_boot_free)
CLI_FREEP(cli_text_freep, char, cocos_free_text)
CLI_FREEP(cli_policy_freep, cocos_policy, cocos_policy_free)
CLI_FREEP(cli_bundle_freep, cocos_bundle, cocos_bundle_free)
CLI_FREEP(cli_fetching_freep, cocos_collateral_options, cocos_collateral_options_free)

#define CLI_PEM_MAX  (64 * 1024)
#define CLI_NS_PER_S INT64_C(1000000000)

extern const tool_setting cli_settings[];

/* A key from a PEM file, "-" for stdin. @return 0 or the exit code, reported. */
int cli_key_open(tool *t, const char *path, int want_private, cocos_key **ret);

/* How to fetch, from those options of the command that say it (main.c). *ret is to be freed in any
 * case. @return 0 or the exit code, reported. */
int cli_fetching_options(tool *t, cocos_collateral_options **ret);

/* Connect to the agent that the settings name. @return 0 or the exit code, reported. */
int cli_agent_connect(tool *t, cocos_agent_conn **ret);
/* The same for the manager. */
int cli_manager_connect(tool *t, cocos_host **ret);
/* Once the manifest is known: the one that is meant, or a question to a person at a terminal.
 * @return 0 or the exit code, reported. */
int cli_manifest_confirm(tool *t, cocos_agent_conn *c);
/* "NOT CONFIDENTIAL" on stderr where the peer is not attested, or its evidence is simulated; before
 * the first byte of data moves, whatever the output options say. */
void cli_say_confidential(const tool *t, const cocos_agent_conn *c);
/* The same as members of a document. */
void cli_mark_confidential(json_t *document, const cocos_agent_conn *c);
/* The earlier of --timeout and now + the seconds of a setting. -1: reported. */
int cli_deadline(tool *t, const char *setting, int64_t *deadline_ns);

/* Digest of the old manifest form (protocol.md 4.3). @return 1 digest made, 0 not the old form, -1
 * refused, `why` filled. */
int cli_old_manifest_digest(const char *text,
                            size_t len,
                            const char **why,
                            uint8_t digest[COCOS_DIGEST_SIZE]);

/* What the options of a boot name. @return 0 or the exit code, reported. */
int cli_boot_open(tool *t, cocos_boot **ret);

/* A time such as 2026-01-31T12:00:00Z. @return 0 or the exit code, reported. */
int cli_time_parse(tool *t, const char *option, const char *text, int64_t *time_ns);
/* A whole file, written beside and renamed, so that nobody meets half of one. @return 0 or the exit
 * code, reported. */
int cli_write_file(tool *t, const char *path, const uint8_t *data, size_t len);
/* enum cocos_evidence_kind of a --kind; 0 for NULL. */
int cli_evidence_kind(const char *name);

int cli_keys(tool *t);
int cli_checksum(tool *t);
int cli_manifest_new(tool *t);
int cli_manifest_check(tool *t);
int cli_manifest_digest(tool *t);
int cli_manifest_approve(tool *t);
int cli_case_make(tool *t);
int cli_case_anchor(tool *t);
int cli_case_verify(tool *t);
int cli_case_explain(tool *t);
int cli_algo(tool *t);
int cli_data(tool *t);
int cli_result(tool *t);
int cli_agent_describe(tool *t);
int cli_agent_watch(tool *t);
int cli_agent_approve(tool *t);
int cli_agent_statement(tool *t);
/* What the agent testifies, as a case file. @return 0 or the exit code, reported. */
int cli_case_fetch(tool *t, cocos_agent_conn *conn, const cocos_key *key, const char *path);
int cli_attestation_get(tool *t);
int cli_ima_measurements(tool *t);
int cli_vm_create(tool *t);
int cli_vm_list(tool *t);
int cli_vm_show(tool *t);
int cli_vm_watch(tool *t);
int cli_vm_console(tool *t);
int cli_vm_destroy(tool *t);
/* Every defect of a chain of errors, each as an error of its own; the first decides. Takes it. */
int cli_report_defects(tool *t, cocos_error *err);
/* A policy file in its JSON form. @return 0 or the exit code, reported. */
int cli_policy_open(tool *t, const char *path, cocos_policy **ret);
int cli_evidence_show(tool *t);
int cli_evidence_verify(tool *t);
int cli_measure(tool *t);
int cli_policy_new(tool *t);
int cli_policy_check(tool *t);
int cli_policy_explain(tool *t);
int cli_collateral_bundle(tool *t);
int cli_collateral_show(tool *t);
int cli_config_show(tool *t);
int cli_help(tool *t);
int cli_completion(tool *t);

#endif
