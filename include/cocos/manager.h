/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_MANAGER_H
#define COCOS_MANAGER_H

/*
 * The manager of enclaves, as a part of another program; cocos-manager(8) is one.
 */

#include <cocos/enclave.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * A manager: the service cocos.v1.Manager over a host, for programs that embed it; cocos-manager is
 * one of them. It works in threads of its own and installs no signal handler.
 */
typedef struct cocos_manager cocos_manager;

/** Settings of a manager. Not thread-safe. */
typedef struct cocos_manager_options cocos_manager_options;

/** Options with their defaults. @param ret [out, owned] free with cocos_manager_options_free().
 * @since 0.1 */
COCOS_API COCOS_NODISCARD int cocos_manager_options_new(cocos_manager_options **ret,
                                                        cocos_error **err);
/**
 * Set one option by name. Repeatable, each adds a listener: "listen" (local: "unix:/path", or "fd:N"
 * for a listening Unix socket that is taken over) and "listen_tls" ("host:port", mutual TLS). Paths of
 * PEM files: "cert", "key", "client_ca". "http": loopback "address:port" of /livez, /readyz and
 * /metrics, default none. "owner_by": "spki" (default) or "subject", what of a client's certificate
 * names an owner. "instance_id": shown by /health.
 * @return COCOS_OK; COCOS_ERR_USAGE "option.name" or "option.value"; COCOS_ERR_MEMORY.   @since 0.1
 */
COCOS_API COCOS_NODISCARD int cocos_manager_options_set(cocos_manager_options *o,
                                                        const char *name,
                                                        const char *value,
                                                        cocos_error **err);
/** NULL is allowed.   @since 0.1 */
COCOS_API void cocos_manager_options_free(cocos_manager_options *o);

/**
 * Serve @p host until cocos_manager_stop(). Callers on a Unix socket own enclaves as "uid:N" (root and
 * the manager's own user see those of everybody), callers by TLS as "spki:HEX" or "subject:NAME".
 * @param host  borrowed; must outlive the manager.
 * @param ret   [out, owned] free with cocos_manager_free().
 * @return COCOS_OK; COCOS_ERR_USAGE; what listening or the TLS material failed with.   @since 0.1
 */
COCOS_API COCOS_NODISCARD int cocos_manager_start(cocos_host *host,
                                                  const cocos_manager_options *o,
                                                  cocos_manager **ret,
                                                  cocos_error **err);
/** Address of listener @p i in the order they were set, "unix:/path" or "host:port" with the real
 *  port. Borrowed; NULL past the last.   @since 0.1 */
COCOS_API const char *cocos_manager_address(const cocos_manager *m, size_t i);
/** "127.0.0.1:port" of the HTTP responder. Borrowed; NULL when there is none.   @since 0.1 */
COCOS_API const char *cocos_manager_http_address(const cocos_manager *m);
/**
 * Take no new calls; wait for running ones until @p deadline_ns, then cancel them. Enclaves go on,
 * creations that were cancelled leave nothing.   @since 0.1
 */
COCOS_API void cocos_manager_stop(cocos_manager *m, int64_t deadline_ns);
/** Stops at once if that was not done. NULL is allowed.   @since 0.1 */
COCOS_API void cocos_manager_free(cocos_manager *m);

#ifdef __cplusplus
}
#endif
#endif
