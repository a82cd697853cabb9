// SPDX-License-Identifier: Apache-2.0

package cocos

/*
#include <cocos/error.h>
#include <cocos/verifier.h>
#include <stdlib.h>
*/
import "C"

import (
	"context"
	"unsafe"
)

// Status is a kind of failure, as in enum cocos_status.
type Status int

// Kinds of failure.
const (
	StatusUsage           Status = C.COCOS_ERR_USAGE
	StatusMalformed       Status = C.COCOS_ERR_MALFORMED
	StatusUnsupported     Status = C.COCOS_ERR_UNSUPPORTED
	StatusRejected        Status = C.COCOS_ERR_REJECTED
	StatusUndecided       Status = C.COCOS_ERR_UNDECIDED
	StatusUnauthenticated Status = C.COCOS_ERR_UNAUTHENTICATED
	StatusDenied          Status = C.COCOS_ERR_DENIED
	StatusState           Status = C.COCOS_ERR_STATE
	StatusNotFound        Status = C.COCOS_ERR_NOT_FOUND
	StatusExhausted       Status = C.COCOS_ERR_EXHAUSTED
	StatusAborted         Status = C.COCOS_ERR_ABORTED
	StatusIO              Status = C.COCOS_ERR_IO
	StatusTimeout         Status = C.COCOS_ERR_TIMEOUT
	StatusBusy            Status = C.COCOS_ERR_BUSY
	StatusCancelled       Status = C.COCOS_ERR_CANCELLED
	StatusMemory          Status = C.COCOS_ERR_MEMORY
	StatusInternal        Status = C.COCOS_ERR_INTERNAL
)

// String gives the name of the status in lower case.
func (s Status) String() string {
	return C.GoString(C.cocos_status_name(C.int(s)))
}

// ExitCode is what a program ends with, as fixed in doc/errors.md.
func (s Status) ExitCode() int {
	return int(C.cocos_status_exit_code(C.int(s)))
}

type kind struct{ status Status }

func (k kind) Error() string {
	return "cocos: " + k.status.String()
}

// What errors.Is asks an error for. Only ErrRejected means that evidence was judged and refused.
var (
	ErrUsage           error = kind{StatusUsage}           // the caller broke the contract of a call
	ErrMalformed       error = kind{StatusMalformed}       // input does not have the form it must have
	ErrUnsupported     error = kind{StatusUnsupported}     // well formed, but not done by this version
	ErrRejected        error = kind{StatusRejected}        // judged and refused
	ErrUndecided       error = kind{StatusUndecided}       // could not be judged
	ErrUnauthenticated error = kind{StatusUnauthenticated} // no or bad proof of who asks
	ErrDenied          error = kind{StatusDenied}          // known, but without this right
	ErrState           error = kind{StatusState}           // not now
	ErrNotFound        error = kind{StatusNotFound}        // no such thing
	ErrExhausted       error = kind{StatusExhausted}       // a limit, a quota or the disk is full
	ErrAborted         error = kind{StatusAborted}         // fenced or stopped by somebody else
	ErrIO              error = kind{StatusIO}              // the system or the network refused
	ErrTimeout         error = kind{StatusTimeout}         // the deadline passed
	ErrBusy            error = kind{StatusBusy}            // taken; try again
	ErrCancelled       error = kind{StatusCancelled}       // the context ended the call
	ErrMemory          error = kind{StatusMemory}          // out of memory
	ErrInternal        error = kind{StatusInternal}        // a fault of the library
)

// Error is what went wrong. Code is stable and documented; the message is for people.
type Error struct {
	Status   Status
	Code     string // e.g. "snp.measurement"
	Message  string // one sentence
	Check    string // the check that failed, "" when it was none
	Expected string
	Found    string
	Verdict  *Verdict // of what was judged and not accepted, else nil

	cause error
	ctx   error // of a context that ended the call
}

// Error gives the message, which names what a check expected and found, and its code.
func (e *Error) Error() string {
	text := "cocos: " + e.Message
	if e.Code != "" {
		text += " (" + e.Code + ")"
	}
	return text
}

// Unwrap gives the error that led to this one: an *Error, or what a reader or callback of the caller
// returned.
func (e *Error) Unwrap() error {
	return e.cause
}

// Is tells kinds apart: ErrRejected and its like; also the error of a context that ended the call.
func (e *Error) Is(target error) bool {
	if k, ok := target.(kind); ok {
		return k.status == e.Status
	}
	return e.ctx != nil && e.ctx == target
}

// Timeout tells whether a deadline passed, as net.Error does.
func (e *Error) Timeout() bool {
	return e.Status == StatusTimeout
}

func usage(code, message string) *Error {
	return &Error{Status: StatusUsage, Code: code, Message: message}
}

func convert(e *C.cocos_error) *Error {
	err := &Error{
		Status:   Status(C.cocos_error_status(e)),
		Code:     C.GoString(C.cocos_error_code(e)),
		Message:  C.GoString(C.cocos_error_message(e)),
		Check:    C.GoString(C.cocos_error_check(e)),
		Expected: C.GoString(C.cocos_error_expected(e)),
		Found:    C.GoString(C.cocos_error_found(e)),
	}
	if v := C.cocos_verdict_of_error(e); v != nil {
		err.Verdict, _ = readVerdict(v) // without memory for it the error alone
	}
	if cause := C.cocos_error_cause(e); cause != nil {
		err.cause = convert(cause)
	}
	return err
}

// failed takes what a call returned; nil when it succeeded.
func failed(status C.int, e *C.cocos_error) *Error {
	if status == C.COCOS_OK {
		return nil
	}
	if e == nil {
		return &Error{Status: Status(status), Message: Status(status).String()}
	}
	defer C.cocos_error_free(e)
	err := convert(e)
	err.Status = Status(status)
	return err
}

// check is failed as an error.
func check(status C.int, e *C.cocos_error) error {
	if err := failed(status, e); err != nil {
		return err
	}
	return nil
}

func contextError(err error) *Error {
	e := &Error{Status: StatusCancelled, Code: "cancelled", Message: "the context was cancelled", ctx: err}
	if err == context.DeadlineExceeded {
		e.Status, e.Code, e.Message = StatusTimeout, "timeout", "the context's deadline passed"
	}
	return e
}

func freeMemory(p unsafe.Pointer) {
	C.free(p)
}
