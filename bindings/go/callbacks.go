// SPDX-License-Identifier: Apache-2.0

package cocos

/*
#include <stddef.h>
#include <stdint.h>
*/
import "C"

import (
	"runtime/cgo"
	"unsafe"
)

// The library calls these in the thread of the call that was given the handle (bridge.c).

//export cocosGoRead
func cocosGoRead(handle C.uintptr_t, data *C.uint8_t, size C.size_t, got *C.size_t) C.int {
	t := cgo.Handle(handle).Value().(*transfer)
	n, ok := t.read(unsafe.Slice((*byte)(unsafe.Pointer(data)), size))
	*got = C.size_t(n)
	return boolInt(!ok) * statusIO
}

//export cocosGoSeek
func cocosGoSeek(handle C.uintptr_t, offset C.uint64_t) C.int {
	t := cgo.Handle(handle).Value().(*transfer)
	return boolInt(!t.seek(uint64(offset))) * statusIO
}

//export cocosGoProgress
func cocosGoProgress(handle C.uintptr_t, done, total C.uint64_t) C.int {
	t := cgo.Handle(handle).Value().(*transfer)
	return boolInt(!t.told(uint64(done), uint64(total)))
}

//export cocosGoEvent
func cocosGoEvent(handle C.uintptr_t, sequence C.uint64_t, time C.int64_t, state, what *C.char, bytes C.uint64_t,
	ok C.int, lost C.uint64_t) C.int {
	w := cgo.Handle(handle).Value().(*watcher)
	return boolInt(!w.event(Event{
		Sequence: uint64(sequence),
		Time:     timeOf(int64(time)),
		State:    C.GoString(state),
		What:     C.GoString(what),
		Bytes:    uint64(bytes),
		OK:       ok != 0,
		Lost:     uint64(lost),
	}))
}
