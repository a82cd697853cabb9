/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_AGENT_H
#define COCOS_AGENT_H

/*
 * The agent, which takes assets, runs computations and gives results inside a confidential machine,
 * as a part of another program; cocos-agent(8) is one.
 */

#include <cocos/error.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Settings of an agent. Not thread-safe. */
typedef struct cocos_agent_service_options cocos_agent_service_options;

/** Options with their defaults. @param ret [out, owned] free with
 * cocos_agent_service_options_free().   @since 0.1 */
COCOS_API COCOS_NODISCARD int cocos_agent_service_options_new(cocos_agent_service_options **ret,
                                                              cocos_error **err);
/**
 * Set one option by name. "state_dir" (private directory, default /var/lib/cocos/agent), "listen"
 * ("host:port", default 0.0.0.0:7002), "unix" (path of a local socket; default none), "cvms_url"
 * ("host:port" of the computation-management server, default localhost:7001; "" for none),
 * "cvm_id", "certs_dir" (what stands for /etc/certs), "cvms_cert", "cvms_key", "cvms_ca" (names
 * below /etc/certs), "max_asset" and "max_total" (bytes, suffixes K, M, G), "unlimited" (0|1: run
 * jobs also where limits cannot be enforced), "crun" (path of the OCI runtime).
 * What makes evidence: "evidence" (comma list of tpm, snp, tdx, sim-snp, sim-tdx; default: whatever
 * is there, never simulated), "require" (list of those without which there is no start), "tcti" (of
 * the TPM), "vmpl" (of the SNP report, 0 to 3), "tsm_dir", "sev_guest", "tdx_guest", "security_dir"
 * (paths, default: the system's), "simulator" (directory with the keys of the simulator).
 * @param value  text. Copied.
 * @return COCOS_OK; COCOS_ERR_USAGE "option.name" or "option.value"; COCOS_ERR_MEMORY.   @since 0.1
 */
COCOS_API COCOS_NODISCARD int cocos_agent_service_options_set(cocos_agent_service_options *o,
                                                              const char *name,
                                                              const char *value,
                                                              cocos_error **err);
/**
 * Take what a strict guest takes from the file `environment` of its host's share: a few known
 * names, printable values of at most 1 KiB.
 * @param path       the file.
 * @param log_level  [out] AGENT_LOG_LEVEL, "" when absent: free with cocos_free_text().
 * @return COCOS_OK; COCOS_ERR_MALFORMED "environment.name" (the message names it),
 * "environment.value", "environment.line"; COCOS_ERR_EXHAUSTED: larger than 64 KiB;
 * COCOS_ERR_NOT_FOUND; COCOS_ERR_IO.   @since 0.1
 */
COCOS_API COCOS_NODISCARD int cocos_agent_service_options_set_environment(
    cocos_agent_service_options *o, const char *path, char **log_level, cocos_error **err);
/** NULL is allowed.   @since 0.1 */
COCOS_API void cocos_agent_service_options_free(cocos_agent_service_options *o);

/**
 * An agent: takes manifests from a computation-management server, assets from their owners, runs
 * jobs and gives results to consumers. Its state directory belongs to it alone.
 */
typedef struct cocos_agent_service cocos_agent_service;

/**
 * Open the port, take up what an earlier agent of this boot left in the state directory, and begin
 * to connect to the computation-management server. Returns once the port is open. All work is done
 * in threads of its own.
 * @param ret [out, owned] free with cocos_agent_service_free().
 * @return COCOS_OK; COCOS_ERR_BUSY "agent.locked": another agent has the state directory;
 * COCOS_ERR_UNSUPPORTED "evidence.provider", "evidence.required": no such evidence here;
 * COCOS_ERR_IO: directory or port; COCOS_ERR_USAGE; COCOS_ERR_MEMORY.   @since 0.1
 */
COCOS_API COCOS_NODISCARD int cocos_agent_service_start(const cocos_agent_service_options *o,
                                                        cocos_agent_service **ret,
                                                        cocos_error **err);
/** "sha256:HEX" of the port's own key, to be trusted as AGENT_GRPC_PIN. Borrowed.   @since 0.1 */
COCOS_API const char *cocos_agent_service_pin(const cocos_agent_service *s);
/** What makes evidence here, e.g. "snp, tpm"; "none". Borrowed.   @since 0.1 */
COCOS_API const char *cocos_agent_service_platform(const cocos_agent_service *s);
/** "host:port" that the agent listens on. Borrowed.   @since 0.1 */
COCOS_API const char *cocos_agent_service_address(const cocos_agent_service *s);
/**
 * End: no new calls; running calls may end until @p deadline_ns; a running job is ended and counts
 * as interrupted. What the state directory holds stays for the next start of this boot.   @since
 * 0.1
 */
COCOS_API void cocos_agent_service_stop(cocos_agent_service *s, int64_t deadline_ns);
/** Stop if needed, and free. NULL is allowed.   @since 0.1 */
COCOS_API void cocos_agent_service_free(cocos_agent_service *s);

#ifdef __cplusplus
}
#endif
#endif
