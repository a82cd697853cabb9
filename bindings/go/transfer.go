// SPDX-License-Identifier: Apache-2.0

package cocos

/*
#include "bridge.h"
*/
import "C"

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime/cgo"
	"unsafe"
)

const (
	statusIO = C.COCOS_ERR_IO
	partSize = 256 << 10 // what the library reads at once
	idleMax  = 100       // reads in a row that may give neither a byte nor an error, as in bufio
)

// Progress is told how far a transfer is, at most ten times a second. An error ends the transfer,
// whose error then unwraps to it.
type Progress func(done, total uint64) error

// UploadOptions may be nil.
type UploadOptions struct {
	Digest   *Digest // nil: the manifest's
	Size     uint64  // bytes; 0: that of an io.Seeker, else the manifest's
	Progress Progress
}

// transfer is what the callbacks of one upload or download work on.
type transfer struct {
	ctx      context.Context
	closed   <-chan struct{}
	reader   io.Reader
	seeker   io.Seeker
	progress Progress
	buffer   []byte
	results  chan result
	failure  error // of the reader; io.EOF at its end
	reason   error // why a callback ended the transfer
	panicked any
}

type result struct {
	n   int
	err error
}

// read is the library's read callback: p is C memory, so the reader, which may keep running when the
// context ends, gets a buffer of Go.
func (t *transfer) read(p []byte) (n int, ok bool) {
	for i := 0; i < idleMax && t.failure == nil; i++ {
		want := len(p)
		if want > len(t.buffer) {
			want = len(t.buffer)
		}
		buffer := t.buffer[:want]
		go func() {
			n, err := t.reader.Read(buffer)
			t.results <- result{n, err}
		}()
		select {
		case r := <-t.results:
			t.failure = r.err
			if r.n < 0 || r.n > want {
				t.reason = usage("asset.read", "the reader gave more than there was room for")
				return 0, false
			}
			if r.n > 0 {
				return copy(p, buffer[:r.n]), true
			}
		case <-t.ctx.Done():
			return 0, false
		case <-t.closed:
			return 0, false
		}
	}
	if t.failure == io.EOF {
		return 0, true
	}
	t.reason = t.failure
	if t.failure == nil {
		t.reason = io.ErrNoProgress
	}
	return 0, false
}

func (t *transfer) seek(offset uint64) (ok bool) {
	defer t.hold(&ok)
	at, err := t.seeker.Seek(int64(offset), io.SeekStart)
	if err == nil && uint64(at) != offset {
		err = errors.New("cocos: the reader went to another place than was asked for")
	}
	t.reason, t.failure = err, nil
	return err == nil
}

func (t *transfer) told(done, total uint64) (ok bool) {
	defer t.hold(&ok)
	if t.progress == nil {
		return true
	}
	t.reason = t.progress(done, total)
	return t.reason == nil
}

// hold keeps a panic of the caller's code out of the frames of the library; done throws it again.
func (t *transfer) hold(ok *bool) {
	if p := recover(); p != nil {
		t.panicked, *ok = p, false
	}
}

// done is the transfer's error: with the reason that a callback gave, or the context.
func (t *transfer) done(w *wait, status C.int, e *C.cocos_error) error {
	err := w.failed(status, e)
	if t.panicked != nil {
		panic(t.panicked)
	}
	if err == nil {
		return nil
	}
	if t.reason != nil {
		err.cause = t.reason
		return err
	}
	if ctx := t.ctx.Err(); ctx != nil && err.Code == "asset.read" {
		return contextError(ctx)
	}
	return err
}

// sizeOf finds the size of what can be sought, and goes to its start.
func sizeOf(r io.Reader) (seeker io.Seeker, size int64) {
	seeker, ok := r.(io.Seeker)
	if !ok {
		return nil, 0
	}
	size, err := seeker.Seek(0, io.SeekEnd)
	if err == nil {
		_, err = seeker.Seek(0, io.SeekStart)
	}
	if err != nil {
		return nil, 0 // a pipe, for example
	}
	return seeker, size
}

// Upload sends an asset in constant memory: bytes go from the reader to the agent, and are nowhere
// kept as a whole. It returns once the agent has checked the digest. What the agent has already, of an
// earlier upload, is not sent again.
//
// The agent must know digest and size beforehand. Unless the options say them, the digest is the
// manifest's, and the size that of an io.Seeker, else the manifest's; the error is "asset.size" when
// nobody states it.
//
// An io.Seeker is read from its beginning (io.NewSectionReader makes one of a part), so that after a
// lost connection the same reader can be given again. Any other reader must hold the asset from its
// first byte on; what the agent has is read and dropped. Going back is not possible then: with a lost
// connection the error is "asset.rewind", and the upload can only go on with a new reader that begins
// at the first byte.
//
// When ctx is done Upload returns at once, also while Read waits; that Read is left behind, and the
// reader may be used again when it has returned.
func (a *Agent) Upload(ctx context.Context, kind AssetKind, index uint32, r io.Reader, key *Key, options *UploadOptions) error {
	if r == nil {
		return usage("usage.null", "there is no reader")
	}
	if options == nil {
		options = &UploadOptions{}
	}
	return a.send(ctx, kind, index, key, options, func(u *C.cocos_upload, t *transfer, handle C.uintptr_t) error {
		var e *C.cocos_error
		seeker, found := sizeOf(r)
		size := C.uint64_t(C.COCOS_SIZE_UNKNOWN)
		if options.Size != 0 {
			size = C.uint64_t(options.Size)
		} else if seeker != nil {
			size = C.uint64_t(found)
		}
		t.reader, t.seeker = r, seeker
		t.buffer, t.results = make([]byte, partSize), make(chan result, 1)
		return check(C.cocos_go_set_reader(u, handle, boolInt(seeker != nil), size, &e), e)
	})
}

// UploadFile sends a file, or a directory as its deterministic zip.
func (a *Agent) UploadFile(ctx context.Context, kind AssetKind, index uint32, path string, key *Key, options *UploadOptions) error {
	if options == nil {
		options = &UploadOptions{}
	}
	return a.send(ctx, kind, index, key, options, func(u *C.cocos_upload, _ *transfer, _ C.uintptr_t) error {
		return withText(path, func(path *C.char) error {
			var e *C.cocos_error
			return check(C.cocos_upload_set_path(u, path, &e), e)
		})
	})
}

func (a *Agent) send(ctx context.Context, kind AssetKind, index uint32, key *Key, options *UploadOptions,
	source func(u *C.cocos_upload, t *transfer, handle C.uintptr_t) error) error {
	return a.call(ctx, func(c *C.cocos_agent_conn, w *wait) error {
		return key.owned().read(func(k unsafe.Pointer) error {
			var u *C.cocos_upload
			var e *C.cocos_error
			if err := check(C.cocos_upload_new(C.int(kind), C.uint32_t(index), &u, &e), e); err != nil {
				return err
			}
			defer C.cocos_upload_free(u)
			t := &transfer{ctx: ctx, closed: a.closed, progress: options.Progress}
			handle := cgo.NewHandle(t)
			defer handle.Delete()
			if err := source(u, t, C.uintptr_t(handle)); err != nil {
				return err
			}
			if options.Digest != nil {
				digest := *options.Digest
				C.cocos_upload_set_digest(u, (*C.uint8_t)(unsafe.Pointer(&digest[0])))
			}
			C.cocos_go_set_progress(u, C.uintptr_t(handle))
			status := C.cocos_agent_upload(c, u, (*C.cocos_key)(k), w.deadline, w.cancel, &e)
			return t.done(w, status, e)
		})
	})
}

// ResultOptions may be nil.
type ResultOptions struct {
	JobOutput bool   // what the job printed, in place of the result
	Nonce     []byte // 8 to 64 bytes that the statement for this consumer will carry
	Progress  Progress
}

// ResultFile fetches the result into a file: written beside it, checked against the digest that the
// agent states, then renamed. A partial file of an earlier call is continued. key is the private key
// of a consumer. The result of a failed job is saved, and the error is "job.failed".
func (a *Agent) ResultFile(ctx context.Context, path string, key *Key, options *ResultOptions) (size uint64, err error) {
	if options == nil {
		options = &ResultOptions{}
	}
	err = a.call(ctx, func(c *C.cocos_agent_conn, w *wait) error {
		return withText(path, func(path *C.char) error {
			return key.owned().read(func(k unsafe.Pointer) error {
				var n C.uint64_t
				var e *C.cocos_error
				t := &transfer{ctx: ctx, progress: options.Progress}
				handle := cgo.NewHandle(t)
				defer handle.Delete()
				if options.Nonce != nil {
					data, size := bytesOf(options.Nonce)
					C.cocos_agent_conn_set_consumer_nonce(c, data, size)
				}
				status := C.cocos_go_download(c, C.uint32_t(boolInt(options.JobOutput)), path, (*C.cocos_key)(k),
					C.uintptr_t(handle), w.deadline, w.cancel, &n, &e)
				size = uint64(n)
				return t.done(w, status, e)
			})
		})
	})
	return size, err
}

// Result fetches the result and writes it, once its digest was checked: a writer never gets a byte
// that is not the agent's. Until then it is in a private file, in $TMPDIR or /var/tmp, that is gone
// when Result returns. It gives the bytes that were written. ResultFile needs no second copy and goes
// on where it was interrupted.
func (a *Agent) Result(ctx context.Context, w io.Writer, key *Key, options *ResultOptions) (written int64, err error) {
	folder, err := os.MkdirTemp(temporary(), "cocos-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(folder)
	path := filepath.Join(folder, "result")
	_, failure := a.ResultFile(ctx, path, key, options)
	f, err := os.Open(path)
	if err != nil {
		if failure != nil {
			return 0, failure
		}
		return 0, err
	}
	defer f.Close()
	if written, err = io.Copy(w, &stoppable{ctx, f}); err != nil {
		return written, err
	}
	return written, failure
}

// temporary is not /tmp, which is often memory.
func temporary() string {
	if dir := os.Getenv("TMPDIR"); filepath.IsAbs(dir) {
		return dir
	}
	return "/var/tmp"
}

// stoppable is a reader that ends with its context.
type stoppable struct {
	ctx context.Context
	r   io.Reader
}

func (s *stoppable) Read(p []byte) (int, error) {
	if err := s.ctx.Err(); err != nil {
		return 0, contextError(err)
	}
	return s.r.Read(p)
}
