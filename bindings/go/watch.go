// SPDX-License-Identifier: Apache-2.0

package cocos

/*
#include "bridge.h"
*/
import "C"

import (
	"context"
	"errors"
	"runtime/cgo"
	"time"
	"unsafe"
)

// StopWatching ends Watch without an error when its function returns it.
var StopWatching = errors.New("cocos: stop watching")

// Event is one event of a computation.
type Event struct {
	Sequence uint64
	Time     time.Time
	State    string
	What     string
	Bytes    uint64
	OK       bool
	Lost     uint64 // events before this one that the agent does not have any more
}

type watcher struct {
	f        func(Event) error
	reason   error
	panicked any
}

func (w *watcher) event(e Event) (ok bool) {
	defer func() {
		if p := recover(); p != nil {
			w.panicked = p
		}
	}()
	w.reason = w.f(e)
	return w.reason == nil
}

// Watch gives f the computation's events, from the first after since on, until f returns an error,
// which is then Watch's, or the context or the connection ends. The connection is busy meanwhile.
func (a *Agent) Watch(ctx context.Context, key *Key, since uint64, f func(Event) error) error {
	return a.call(ctx, func(c *C.cocos_agent_conn, w *wait) error {
		return key.owned().read(func(k unsafe.Pointer) error {
			var e *C.cocos_error
			events := &watcher{f: f}
			handle := cgo.NewHandle(events)
			defer handle.Delete()
			status := C.cocos_go_watch(c, (*C.cocos_key)(k), C.uint64_t(since), C.uintptr_t(handle), w.deadline, w.cancel, &e)
			err := w.failed(status, e)
			if events.panicked != nil {
				panic(events.panicked)
			}
			if events.reason == StopWatching {
				return nil
			}
			if events.reason != nil {
				return events.reason
			}
			if err != nil {
				return err
			}
			return nil
		})
	})
}
