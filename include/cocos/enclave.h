/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COCOS_ENCLAVE_H
#define COCOS_ENCLAVE_H

/*
 * Enclaves, that is virtual machines with an agent in them, on this host or at a manager: create,
 * list, watch, end.
 */

#include <cocos/error.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * A place where enclaves (virtual machines) run: this host, or a manager reached by gRPC. The same
 * calls serve both. Usable from many threads.
 */
typedef struct cocos_host cocos_host;

/** Settings for opening a host. Not thread-safe. */
typedef struct cocos_host_options cocos_host_options;

/** Options with their defaults. @param ret [out, owned] free with cocos_host_options_free().
 * @since 0.1 */
COCOS_API COCOS_NODISCARD int cocos_host_options_new(cocos_host_options **ret, cocos_error **err);
/**
 * Set one option by name; cocos-manager(8) lists them. For a manager: "manager" (address),
 * "ca", "cert", "key" (paths). For this host: "state_dir", "libvirt_uri", "kernel", "initrd",
 * "cmdline", "firmware", "bind", "port_range", "max_vms", "max_vms_per_owner", "accel", "memory",
 * "vcpus", "owner", …
 * @return COCOS_OK; COCOS_ERR_USAGE "option.name" or "option.value"; COCOS_ERR_MEMORY.   @since 0.1
 */
COCOS_API COCOS_NODISCARD int cocos_host_options_set(cocos_host_options *o,
                                                     const char *name,
                                                     const char *value,
                                                     cocos_error **err);
/** NULL is allowed.   @since 0.1 */
COCOS_API void cocos_host_options_free(cocos_host_options *o);

/**
 * Open a host. With option "manager" by gRPC, else this machine's libvirt (loads the private module
 * that ships with the library; its absence is COCOS_ERR_UNSUPPORTED "enclave.module").   @since 0.1
 */
COCOS_API COCOS_NODISCARD int cocos_host_open(const cocos_host_options *o,
                                              int64_t deadline_ns,
                                              cocos_cancel *cancel,
                                              cocos_host **ret,
                                              cocos_error **err);
/** Closes; enclaves go on. NULL is allowed.   @since 0.1 */
COCOS_API void cocos_host_close(cocos_host *h);

/** What is wanted of a new enclave. Not thread-safe. */
typedef struct cocos_enclave_spec cocos_enclave_spec;
/** A wish with nothing set. @param ret [out, owned] free with cocos_enclave_spec_free().
 * @since 0.1 */
COCOS_API COCOS_NODISCARD int cocos_enclave_spec_new(cocos_enclave_spec **ret, cocos_error **err);
/**
 * Set one member by name: "request_id" (32 hex digits; default random), "platform" ("plain", "vtpm"),
 * "memory", "vcpus", "ttl" (Go duration), "image", "wait_ready" (0|1), "cvms_url", "log_level",
 * and, as the content of a PEM file, "cvms_ca", "cvms_client_cert", "cvms_client_key".
 * @return COCOS_OK; COCOS_ERR_USAGE "option.name" or "option.value"; COCOS_ERR_MEMORY.   @since 0.1
 */
COCOS_API COCOS_NODISCARD int cocos_enclave_spec_set(cocos_enclave_spec *s,
                                                     const char *name,
                                                     const char *value,
                                                     cocos_error **err);
/** Wipes keys in it. NULL is allowed.   @since 0.1 */
COCOS_API void cocos_enclave_spec_free(cocos_enclave_spec *s);

/** What is known of one enclave. Immutable. */
typedef struct cocos_enclave_info cocos_enclave_info;

/**
 * Create an enclave; idempotent by request_id. With wait_ready, returns once its agent answers TLS.
 * @param ret [out, owned] free with cocos_enclave_info_free().
 * @return COCOS_OK; COCOS_ERR_EXHAUSTED "enclave.limit" or "enclave.quota"; COCOS_ERR_MALFORMED;
 * COCOS_ERR_TIMEOUT; COCOS_ERR_ABORTED "enclave.crashed", with the tail of the console in the
 * cause; COCOS_ERR_IO.   @since 0.1
 */
COCOS_API COCOS_NODISCARD int cocos_enclave_create(cocos_host *h,
                                                   const cocos_enclave_spec *s,
                                                   int64_t deadline_ns,
                                                   cocos_cancel *cancel,
                                                   cocos_enclave_info **ret,
                                                   cocos_error **err);
/** Ask for one enclave. @param ret [out, owned] free with cocos_enclave_info_free(). @return
 * COCOS_OK; COCOS_ERR_NOT_FOUND "enclave.unknown".   @since 0.1 */
COCOS_API COCOS_NODISCARD int cocos_enclave_get(cocos_host *h,
                                                const char *id,
                                                int64_t deadline_ns,
                                                cocos_cancel *cancel,
                                                cocos_enclave_info **ret,
                                                cocos_error **err);

/** A list of enclaves. Immutable. */
typedef struct cocos_enclave_list cocos_enclave_list;
/** List the enclaves that the caller may see. @param ret [out, owned] free with
 * cocos_enclave_list_free().   @since 0.1 */
COCOS_API COCOS_NODISCARD int cocos_enclave_list_get(cocos_host *h,
                                                     int64_t deadline_ns,
                                                     cocos_cancel *cancel,
                                                     cocos_enclave_list **ret,
                                                     cocos_error **err);
/** Number of enclaves in the list.   @since 0.1 */
COCOS_API size_t cocos_enclave_list_count(const cocos_enclave_list *l);
/** Enclave @p i of the list. Borrowed; NULL past the end.   @since 0.1 */
COCOS_API const cocos_enclave_info *cocos_enclave_list_at(const cocos_enclave_list *l, size_t i);
/** NULL is allowed.   @since 0.1 */
COCOS_API void cocos_enclave_list_free(cocos_enclave_list *l);

/** One text by name: "id", "owner", "state", "address", "platform", "image", "reason", "agent_pin"
 * ("sha256:HEX", claimed by the host). Borrowed, "" when not known.   @since 0.1 */
COCOS_API const char *cocos_enclave_info_text(const cocos_enclave_info *i, const char *name);
/** One number by name: "memory" (bytes), "vcpus", "created_ns", "since_ns", "deadline_ns" (wall
 * clock; 0: none), "create_own_ns" (time that was spent in this library). 0 when not known. @since
 * 0.1 */
COCOS_API int64_t cocos_enclave_info_number(const cocos_enclave_info *i, const char *name);
/** All of it as one JSON object. @param ret [out, owned] cocos_free_text().   @since 0.1 */
COCOS_API COCOS_NODISCARD int
cocos_enclave_info_json(const cocos_enclave_info *i, char **ret, cocos_error **err);
/** NULL is allowed.   @since 0.1 */
COCOS_API void cocos_enclave_info_free(cocos_enclave_info *i);

/** One lifecycle event; texts borrowed. @return 0 to go on. */
typedef int (*cocos_enclave_event_fn)(void *user,
                                      uint64_t sequence,
                                      int64_t time_ns,
                                      const char *id,
                                      const char *state,
                                      const char *reason);
/** Follow lifecycle events of one enclave (@p id) or all (NULL), from the first after @p since.
 * @since 0.1 */
COCOS_API COCOS_NODISCARD int cocos_enclave_watch(cocos_host *h,
                                                  const char *id,
                                                  uint64_t since,
                                                  cocos_enclave_event_fn fn,
                                                  void *user,
                                                  int64_t deadline_ns,
                                                  cocos_cancel *cancel,
                                                  cocos_error **err);

/** Bytes of the guest's console: untrusted, may hold anything. @return 0 to go on. */
typedef int (*cocos_enclave_console_fn)(void *user, const uint8_t *data, size_t len);
/** Read the console of an enclave. @param follow 1: wait for more until the enclave ends.   @since
 * 0.1 */
COCOS_API COCOS_NODISCARD int cocos_enclave_console(cocos_host *h,
                                                    const char *id,
                                                    int follow,
                                                    cocos_enclave_console_fn fn,
                                                    void *user,
                                                    int64_t deadline_ns,
                                                    cocos_cancel *cancel,
                                                    cocos_error **err);

/**
 * Stop an enclave and remove everything of it from the host.
 * @param record [out, owned, optional] the host record (JSON, claimed by the host),
 * cocos_free_text().
 * @return COCOS_OK also when parts could not be removed: the record says so ("complete": false).
 *         COCOS_ERR_NOT_FOUND.   @since 0.1
 */
COCOS_API COCOS_NODISCARD int cocos_enclave_destroy(cocos_host *h,
                                                    const char *id,
                                                    int64_t deadline_ns,
                                                    cocos_cancel *cancel,
                                                    char **record,
                                                    cocos_error **err);

#ifdef __cplusplus
}
#endif
#endif
