/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/core.h"

/* The table of doc/errors.md. The first row with a gRPC status is the one it maps back to, except
 * where the second table says otherwise. */
static const struct {
    int status;
    grpc_status_code grpc;
} forward[] = {
    {COCOS_OK, GRPC_STATUS_OK},
    {COCOS_ERR_USAGE, GRPC_STATUS_INVALID_ARGUMENT},
    {COCOS_ERR_MALFORMED, GRPC_STATUS_INVALID_ARGUMENT},
    {COCOS_ERR_UNSUPPORTED, GRPC_STATUS_UNIMPLEMENTED},
    {COCOS_ERR_REJECTED, GRPC_STATUS_FAILED_PRECONDITION},
    {COCOS_ERR_UNDECIDED, GRPC_STATUS_FAILED_PRECONDITION},
    {COCOS_ERR_UNAUTHENTICATED, GRPC_STATUS_UNAUTHENTICATED},
    {COCOS_ERR_DENIED, GRPC_STATUS_PERMISSION_DENIED},
    {COCOS_ERR_STATE, GRPC_STATUS_FAILED_PRECONDITION},
    {COCOS_ERR_NOT_FOUND, GRPC_STATUS_NOT_FOUND},
    {COCOS_ERR_EXHAUSTED, GRPC_STATUS_RESOURCE_EXHAUSTED},
    {COCOS_ERR_ABORTED, GRPC_STATUS_ABORTED},
    {COCOS_ERR_IO, GRPC_STATUS_UNAVAILABLE},
    {COCOS_ERR_TIMEOUT, GRPC_STATUS_DEADLINE_EXCEEDED},
    {COCOS_ERR_BUSY, GRPC_STATUS_UNAVAILABLE},
    {COCOS_ERR_CANCELLED, GRPC_STATUS_CANCELLED},
    {COCOS_ERR_MEMORY, GRPC_STATUS_RESOURCE_EXHAUSTED},
    {COCOS_ERR_INTERNAL, GRPC_STATUS_INTERNAL},
};

grpc_status_code cocos__rpc_status_to_grpc(int status)
{
    for (size_t i = 0; i < COCOS__ARRAY_LEN(forward); i++) {
        if (forward[i].status == status)
            return forward[i].grpc;
    }
    return GRPC_STATUS_INTERNAL;
}

int cocos__rpc_status_from_grpc(grpc_status_code code)
{
    switch (code) {
    case GRPC_STATUS_INVALID_ARGUMENT:
    case GRPC_STATUS_OUT_OF_RANGE:
        return COCOS_ERR_MALFORMED;
    case GRPC_STATUS_FAILED_PRECONDITION:
        return COCOS_ERR_STATE;
    case GRPC_STATUS_ALREADY_EXISTS:
        return COCOS_ERR_BUSY;
    default:
        break;
    }
    for (size_t i = 0; i < COCOS__ARRAY_LEN(forward); i++) {
        if (forward[i].grpc == code)
            return forward[i].status;
    }
    return COCOS_ERR_INTERNAL;
}
