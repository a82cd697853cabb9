/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_CVMS_H
#define COCOS_CVMS_H

/*
 * A computation-management server for development, as a part of another program; cocos-cvms(1) is
 * one.
 */

#include <cocos/collateral.h>
#include <cocos/error.h>
#include <cocos/manifest.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * A computation-management server for development: hands manifests to agents, hears their states
 * and events, asks, stops and disconnects them. Any number of agents; each is known by the id that
 * it sends as metadata `job-id`, or by its address when it sends none. Usable from many threads.
 * What agents say is untrusted: texts are cut and freed of control characters, nothing else.
 */
typedef struct cocos_cvms cocos_cvms;

/** Settings of a server. Not thread-safe. */
typedef struct cocos_cvms_options cocos_cvms_options;

/** Options with their defaults. @param ret [out, owned] free with cocos_cvms_options_free().
 * @since 0.1 */
COCOS_API COCOS_NODISCARD int cocos_cvms_options_new(cocos_cvms_options **ret, cocos_error **err);
/**
 * Set one option by name: "listen" ("host:port", port 0: any free one; "unix:/path"; default
 * "127.0.0.1:7001"); as PEM text: "cert" and "key" (TLS instead of plaintext), "client_ca"
 * (agents must present a certificate from it); and "policy": JSON text, the evidence that an agent
 * must show before it gets a manifest.
 * @return COCOS_OK; COCOS_ERR_USAGE "option.name"; COCOS_ERR_MEMORY.   @since 0.1
 */
COCOS_API COCOS_NODISCARD int cocos_cvms_options_set(cocos_cvms_options *o,
                                                     const char *name,
                                                     const char *value,
                                                     cocos_error **err);
/** What agents' evidence needs to be judged and does not bring along. Copied.   @since 0.1 */
COCOS_API COCOS_NODISCARD int cocos_cvms_options_set_bundle(cocos_cvms_options *o,
                                                            const cocos_bundle *bundle,
                                                            cocos_error **err);
/** Wipes the key in it. NULL is allowed.   @since 0.1 */
COCOS_API void cocos_cvms_options_free(cocos_cvms_options *o);

/** Kinds of events. */
enum cocos_cvms_event {
    COCOS_CVMS_CONNECTED = 1,    /**< name: "agent" or "log-forwarder"; text: address */
    COCOS_CVMS_DISCONNECTED = 2, /**< likewise */
    COCOS_CVMS_MANIFEST = 3,     /**< a manifest was handed out; text: its digest in hex */
    COCOS_CVMS_ACCEPTED = 4,     /**< the agent accepted it */
    COCOS_CVMS_REFUSED = 5,      /**< text: the defects, one a line */
    COCOS_CVMS_STATE = 6,        /**< answer to cocos_cvms_ask_state(); name: state */
    COCOS_CVMS_STOPPED = 7,      /**< answer to cocos_cvms_stop(); text: "" or why not */
    COCOS_CVMS_EVENT = 8,        /**< name: type such as "Running"; text: status */
    COCOS_CVMS_LOG = 9,          /**< name: level; text: message */
    COCOS_CVMS_REPORT = 10,      /**< a report of the vTPM or a token came; text: its size */
    /** Evidence for a fresh challenge; name: "accepted", "refused", or without a policy "not
     * judged" or "none"; text: why, or its size */
    COCOS_CVMS_EVIDENCE = 11
};

/**
 * Hears what happens, from several threads. Texts are borrowed, never NULL. Must not call any
 * function of the server.
 */
typedef void (*cocos_cvms_fn)(void *user,
                              int event,
                              const char *agent,
                              const char *computation_id,
                              const char *name,
                              const char *text);

/**
 * Listen and serve, in threads of its own.
 * @param ret [out, owned] close with cocos_cvms_close().
 * @return COCOS_OK; COCOS_ERR_USAGE; COCOS_ERR_MALFORMED: PEM; COCOS_ERR_IO: address in use; …
 * @since 0.1
 */
COCOS_API COCOS_NODISCARD int cocos_cvms_open(
    const cocos_cvms_options *o, cocos_cvms_fn fn, void *user, cocos_cvms **ret, cocos_error **err);
/** "host:port" or "unix:/path" where it listens. Borrowed.   @since 0.1 */
COCOS_API const char *cocos_cvms_address(const cocos_cvms *c);

/**
 * Hand a manifest to agents. It is sent again whenever the agent reconnects (which is harmless)
 * until another one replaces it.
 * @param agent  id of the agent, connected or not; NULL: every agent without one of its own.
 * @param m      borrowed for the call.
 * @return COCOS_OK; COCOS_ERR_MEMORY; COCOS_ERR_EXHAUSTED "cvms.agents".   @since 0.1
 */
COCOS_API COCOS_NODISCARD int
cocos_cvms_run(cocos_cvms *c, const char *agent, const cocos_manifest *m, cocos_error **err);

/** Ask an agent for its state; the answer is an event.
 *  @param agent  NULL: all. @return COCOS_OK; COCOS_ERR_NOT_FOUND "cvms.agent": not connected.
 * @since 0.1 */
COCOS_API COCOS_NODISCARD int
cocos_cvms_ask_state(cocos_cvms *c, const char *agent, cocos_error **err);
/** Stop a computation.
 *  @param computation_id  NULL: the one whose manifest was handed out last.   @since 0.1 */
COCOS_API COCOS_NODISCARD int
cocos_cvms_stop(cocos_cvms *c, const char *agent, const char *computation_id, cocos_error **err);
/** Tell an agent to disconnect; it comes back after a minute at the earliest.   @since 0.1 */
COCOS_API COCOS_NODISCARD int
cocos_cvms_disconnect(cocos_cvms *c, const char *agent, cocos_error **err);

/** Ends all connections and waits for the threads. NULL is allowed.   @since 0.1 */
COCOS_API void cocos_cvms_close(cocos_cvms *c);

#ifdef __cplusplus
}
#endif
#endif
