// SPDX-License-Identifier: Apache-2.0

package cocos

/*
#cgo pkg-config: libcocos
#include <cocos/common.h>
#include <cocos/key.h>
#include <cocos/version.h>

#if COCOS_VERSION_MAJOR == 0 && COCOS_VERSION_MINOR < 1
#error "libcocos 0.1 or newer is needed: install libcocos-dev"
#endif
*/
import "C"

import (
	"encoding/hex"
	"io"
	"runtime"
	"sync"
	"unsafe"
)

// HeaderVersion is the version of the headers that this program was built with.
const HeaderVersion = C.COCOS_VERSION_STRING

// Version of the library in use.
func Version() string {
	return C.GoString(C.cocos_version())
}

// DigestSize is the size of every digest of the protocol, SHA3-256.
const DigestSize = 32

// Digest is a SHA3-256.
type Digest [DigestSize]byte

// String gives the digest in hex.
func (d Digest) String() string {
	return hex.EncodeToString(d[:])
}

// ParseDigest reads a digest in hex, as 'cocos manifest digest' prints it.
func ParseDigest(text string) (Digest, error) {
	var d Digest
	b, err := hex.DecodeString(text)
	if err != nil || len(b) != DigestSize {
		return d, usage("usage.digest", "a digest is 64 hex digits")
	}
	copy(d[:], b)
	return d, nil
}

// object owns an object of the library. Readers share it; change and close wait for all others.
type object struct {
	mu   sync.RWMutex
	p    unsafe.Pointer // nil: closed
	free func(unsafe.Pointer)
}

var _ io.Closer = (*object)(nil)

func own(p unsafe.Pointer, free func(unsafe.Pointer)) *object {
	o := &object{p: p, free: free}
	runtime.SetFinalizer(o, (*object).Close)
	return o
}

// Close frees the object; harmless when done already.
func (o *object) Close() error {
	if o == nil {
		return nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.p != nil {
		o.free(o.p)
		o.p = nil
		runtime.SetFinalizer(o, nil)
	}
	return nil
}

func errClosed() error {
	return usage("usage.null", "an object that the call needs is nil or closed")
}

// read runs f while the object cannot go away or change.
func (o *object) read(f func(p unsafe.Pointer) error) error {
	if o == nil {
		return errClosed()
	}
	o.mu.RLock()
	defer o.mu.RUnlock()
	if o.p == nil {
		return errClosed()
	}
	return f(o.p)
}

// change runs f while nobody else uses the object.
func (o *object) change(f func(p unsafe.Pointer) error) error {
	if o == nil {
		return errClosed()
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.p == nil {
		return errClosed()
	}
	return f(o.p)
}

// optional is read for an object that may be missing: f gets NULL then. A closed one still fails.
func optional(o *object, f func(p unsafe.Pointer) error) error {
	if o == nil {
		return f(nil)
	}
	return o.read(f)
}

// get is read for what cannot fail but on a closed object, which gives the zero value.
func get[T any](o *object, f func(p unsafe.Pointer) T) (value T) {
	_ = o.read(func(p unsafe.Pointer) error {
		value = f(p)
		return nil
	})
	return value
}

var noBytes [1]byte

// bytesOf gives the library bytes for the length of one call; never NULL.
func bytesOf(b []byte) (*C.uint8_t, C.size_t) {
	if len(b) == 0 {
		return (*C.uint8_t)(unsafe.Pointer(&noBytes[0])), 0
	}
	return (*C.uint8_t)(unsafe.Pointer(&b[0])), C.size_t(len(b))
}

func copyOf(p *C.uint8_t, n C.size_t) []byte {
	if p == nil {
		return nil
	}
	return append(make([]byte, 0, n), unsafe.Slice((*byte)(unsafe.Pointer(p)), n)...)
}

func digestOf(p *C.uint8_t) (d Digest) {
	if p != nil {
		copy(d[:], unsafe.Slice((*byte)(unsafe.Pointer(p)), DigestSize))
	}
	return d
}

// takeText copies a text that the library handed over, and frees it.
func takeText(p *C.char) string {
	defer C.cocos_free_text(p)
	return C.GoString(p)
}

// withText lends the library a NUL-terminated copy.
func withText(s string, f func(p *C.char) error) error {
	for i := 0; i < len(s); i++ {
		if s[i] == 0 {
			return usage("usage.text", "a text has a NUL inside")
		}
	}
	p := C.CString(s)
	defer freeMemory(unsafe.Pointer(p))
	return f(p)
}

func boolInt(b bool) C.int {
	if b {
		return 1
	}
	return 0
}
