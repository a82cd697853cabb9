// SPDX-License-Identifier: Apache-2.0

package cocos

/*
#include <cocos/common.h>
#include <cocos/error.h>
*/
import "C"

import (
	"context"
	"time"
)

// wait is a blocking call on its way: a context as the library's deadline and cancel switch.
type wait struct {
	ctx      context.Context
	cancel   *C.cocos_cancel
	deadline C.int64_t
	stop     chan struct{}
	stopped  chan struct{}
}

// begin makes one; closed, which may be nil, cancels like the context. The caller must call end.
func begin(ctx context.Context, closed <-chan struct{}) (*wait, error) {
	if err := ctx.Err(); err != nil {
		return nil, contextError(err)
	}
	cancel := C.cocos_cancel_new()
	if cancel == nil {
		return nil, &Error{Status: StatusExhausted, Code: "memory", Message: "no memory or descriptors for a call"}
	}
	w := &wait{ctx: ctx, cancel: cancel, stop: make(chan struct{}), stopped: make(chan struct{})}
	if at, ok := ctx.Deadline(); ok {
		w.deadline = C.cocos_deadline_in(C.int64_t(time.Until(at)))
	}
	go func() {
		defer close(w.stopped)
		select {
		case <-ctx.Done():
			C.cocos_cancel_trigger(cancel)
		case <-closed:
			C.cocos_cancel_trigger(cancel)
		case <-w.stop:
		}
	}()
	return w, nil
}

func (w *wait) end() {
	close(w.stop)
	<-w.stopped // it may be about to trigger
	C.cocos_cancel_free(w.cancel)
}

// failed is like the function, with the reason of the context where that ended the call.
func (w *wait) failed(status C.int, e *C.cocos_error) *Error {
	err := failed(status, e)
	if err == nil || (err.Status != StatusCancelled && err.Status != StatusTimeout) {
		return err
	}
	err.ctx = w.ctx.Err()
	if _, ok := w.ctx.Deadline(); ok && err.Status == StatusTimeout {
		err.ctx = context.DeadlineExceeded // the library's clock may see it first
	}
	if err.ctx == context.DeadlineExceeded {
		err.Status = StatusTimeout
	}
	return err
}

// waited runs a blocking call of the library.
func waited(ctx context.Context, closed <-chan struct{}, call func(w *wait) error) error {
	w, err := begin(ctx, closed)
	if err != nil {
		return err
	}
	defer w.end()
	return call(w)
}
