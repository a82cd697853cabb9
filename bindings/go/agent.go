// SPDX-License-Identifier: Apache-2.0

package cocos

/*
#include <cocos/computation.h>
*/
import "C"

import (
	"context"
	"sync"
	"time"
	"unsafe"
)

// Options say how to reach an agent and why to trust what answers. Policy is the reason to want;
// everything after InsecureNoAttestation is without effect on what is judged.
type Options struct {
	Policy         *Policy // accept only agents whose evidence this accepts
	Bundle         *Bundle // what that evidence does not bring along, may be nil
	ManifestDigest *Digest // the manifest that is meant: nothing is signed for another one

	Pin        string // "sha256:HEX" of the agent's key
	CA         []byte // roots that certify the agent, PEM
	ClientCert []byte // chain to present, PEM
	ClientKey  []byte // its key, PEM

	// InsecureNoAttestation connects without evidence: NOT CONFIDENTIAL, nobody knows what runs
	// there. Trust then comes from Pin or CA alone, or with Insecure from nothing.
	InsecureNoAttestation bool
	Insecure              bool
}

func (o *Options) fill(c *C.cocos_agent_options, address string) error {
	var e *C.cocos_error
	set := func(text string, f func(text *C.char) C.int) error {
		return withText(text, func(text *C.char) error {
			e = nil
			status := f(text)
			return check(status, e)
		})
	}
	err := set(address, func(s *C.char) C.int { return C.cocos_agent_options_set_address(c, s, &e) })
	if err == nil && o.Pin != "" {
		err = set(o.Pin, func(s *C.char) C.int { return C.cocos_agent_options_set_pin(c, s, &e) })
	}
	if err == nil && o.CA != nil {
		data, size := bytesOf(o.CA)
		err = check(C.cocos_agent_options_set_ca(c, data, size, &e), e)
	}
	if err == nil && (o.ClientCert != nil || o.ClientKey != nil) {
		cert, certSize := bytesOf(o.ClientCert)
		key, keySize := bytesOf(o.ClientKey)
		err = check(C.cocos_agent_options_set_client_cert(c, cert, certSize, key, keySize, &e), e)
	}
	if err == nil && o.Policy != nil {
		err = o.Policy.owned().read(func(p unsafe.Pointer) error {
			return check(C.cocos_agent_options_set_policy(c, (*C.cocos_policy)(p), &e), e)
		})
	}
	if err == nil && o.Bundle != nil {
		err = o.Bundle.owned().read(func(p unsafe.Pointer) error {
			return check(C.cocos_agent_options_set_bundle(c, (*C.cocos_bundle)(p), &e), e)
		})
	}
	if o.ManifestDigest != nil {
		digest := *o.ManifestDigest
		C.cocos_agent_options_set_manifest_digest(c, (*C.uint8_t)(unsafe.Pointer(&digest[0])))
	}
	C.cocos_agent_options_set_insecure_no_attestation(c, boolInt(o.InsecureNoAttestation))
	C.cocos_agent_options_set_insecure(c, boolInt(o.Insecure))
	return err
}

// Agent is a connection to an agent. One call at a time goes over it; others wait for their turn.
type Agent struct {
	conn    *object
	verdict *Verdict
	slot    chan struct{} // whoever has put something in may call
	closed  chan struct{}
	once    sync.Once
}

// Connect connects to "host:port" or "unix:/path", judges the evidence of whoever answers, and learns
// what it does. With a policy nothing but the question for evidence is sent before it was accepted.
func Connect(ctx context.Context, address string, options Options) (*Agent, error) {
	var o *C.cocos_agent_options
	var e *C.cocos_error
	if err := check(C.cocos_agent_options_new(&o, &e), e); err != nil {
		return nil, err
	}
	defer C.cocos_agent_options_free(o)
	if err := options.fill(o, address); err != nil {
		return nil, err
	}
	a := &Agent{slot: make(chan struct{}, 1), closed: make(chan struct{})}
	err := waited(ctx, nil, func(w *wait) error {
		var p *C.cocos_agent_conn
		var e *C.cocos_error
		status := C.cocos_agent_connect(o, w.deadline, w.cancel, &p, &e)
		if err := w.failed(status, e); err != nil {
			return err
		}
		a.conn = own(unsafe.Pointer(p), func(p unsafe.Pointer) { C.cocos_agent_conn_close((*C.cocos_agent_conn)(p)) })
		return nil
	})
	if err != nil {
		return nil, err
	}
	if v := C.cocos_agent_conn_verdict((*C.cocos_agent_conn)(a.conn.p)); v != nil {
		if a.verdict, err = readVerdict(v); err != nil {
			a.Close()
			return nil, err
		}
	}
	return a, nil
}

// Close ends the connection, and calls that are under way with ErrCancelled.
func (a *Agent) Close() error {
	if a == nil {
		return nil
	}
	a.once.Do(func() { close(a.closed) })
	return a.conn.Close()
}

// Verdict is the judgement over the agent's evidence; nil without attestation.
func (a *Agent) Verdict() *Verdict { return a.verdict }

// Notice says in plain words why what is sent is not confidential: "" when it is. Programs that move
// data show it.
func (a *Agent) Notice() string {
	switch {
	case a.verdict == nil:
		return "NOT CONFIDENTIAL: peer not attested"
	case a.verdict.Simulated:
		return "NOT CONFIDENTIAL: the evidence is simulated"
	}
	return ""
}

// Evidence gives the envelope that was judged; nil without attestation.
func (a *Agent) Evidence() []byte {
	return get(a.owned(), func(p unsafe.Pointer) []byte {
		var n C.size_t
		d := C.cocos_agent_conn_evidence((*C.cocos_agent_conn)(p), &n)
		return copyOf(d, n)
	})
}

func (a *Agent) owned() *object {
	if a == nil {
		return nil
	}
	return a.conn
}

// call waits for its turn and runs a blocking call.
func (a *Agent) call(ctx context.Context, f func(c *C.cocos_agent_conn, w *wait) error) error {
	if a == nil {
		return errClosed()
	}
	select {
	case a.slot <- struct{}{}:
		defer func() { <-a.slot }()
	case <-a.closed:
		return errClosed()
	case <-ctx.Done():
		return contextError(ctx.Err())
	}
	return a.conn.read(func(p unsafe.Pointer) error {
		return waited(ctx, a.closed, func(w *wait) error { return f((*C.cocos_agent_conn)(p), w) })
	})
}

// ConfirmManifest signs from here on requests for this manifest and for no other. An attested
// connection signs none but Describe before.
func (a *Agent) ConfirmManifest(digest Digest) error {
	return a.call(context.Background(), func(c *C.cocos_agent_conn, _ *wait) error {
		var e *C.cocos_error
		return check(C.cocos_agent_confirm_manifest(c, (*C.uint8_t)(unsafe.Pointer(&digest[0])), &e), e)
	})
}

// Attest asks for fresh evidence over a nonce of 8 to 64 bytes, to be kept or judged elsewhere. It
// says nothing about this connection.
func (a *Agent) Attest(ctx context.Context, nonce []byte) (evidence *Evidence, err error) {
	err = a.call(ctx, func(c *C.cocos_agent_conn, w *wait) error {
		var p *C.cocos_evidence
		var e *C.cocos_error
		data, size := bytesOf(nonce)
		status := C.cocos_agent_attest(c, data, size, w.deadline, w.cancel, &p, &e)
		if err := w.failed(status, e); err != nil {
			return err
		}
		evidence = newEvidence(p)
		return nil
	})
	return evidence, err
}

// Approve brings an approval or withdrawal, whoever signed it, and tells how many still stand in the
// way of the start.
func (a *Agent) Approve(ctx context.Context, approval *Approval) (missing int, err error) {
	err = a.call(ctx, func(c *C.cocos_agent_conn, w *wait) error {
		return approval.owned().read(func(p unsafe.Pointer) error {
			var n C.size_t
			var e *C.cocos_error
			status := C.cocos_agent_approve(c, (*C.cocos_approval)(p), w.deadline, w.cancel, &n, &e)
			if err := w.failed(status, e); err != nil {
				return err
			}
			missing = int(n)
			return nil
		})
	})
	return missing, err
}

// Testimony is what an agent says about one run.
type Testimony struct {
	Statement *Statement
	Closure   *Closure // nil before every consumer has the result and the assets are wiped
	Evidence  []byte   // for the key that signed, an envelope; nil where the machine has none
	Approvals []*Approval
}

// Statement fetches the statement with its evidence and the approvals that the agent has. Whether to
// believe the key that signed it is for Case.Verify. key is a party's private key.
func (a *Agent) Statement(ctx context.Context, key *Key) (testimony *Testimony, err error) {
	err = a.call(ctx, func(c *C.cocos_agent_conn, w *wait) error {
		return key.owned().read(func(k unsafe.Pointer) error {
			var t *C.cocos_agent_testimony
			var e *C.cocos_error
			status := C.cocos_agent_statement(c, (*C.cocos_key)(k), w.deadline, w.cancel, &t, &e)
			if err := w.failed(status, e); err != nil {
				return err
			}
			defer C.cocos_agent_testimony_free(t)
			var err error
			testimony, err = readTestimony(t)
			return err
		})
	})
	return testimony, err
}

func readTestimony(t *C.cocos_agent_testimony) (*Testimony, error) {
	var size C.size_t
	var err error
	testimony := &Testimony{}
	evidence := C.cocos_agent_testimony_evidence(t, &size)
	testimony.Evidence = copyOf(evidence, size)
	if testimony.Statement, err = copyStatement(C.cocos_agent_testimony_statement(t)); err != nil {
		return nil, err
	}
	if testimony.Closure, err = copyClosure(C.cocos_agent_testimony_closure(t)); err != nil {
		return nil, err
	}
	for i := C.size_t(0); i < C.cocos_agent_testimony_approval_count(t); i++ {
		approval, err := copyApproval(C.cocos_agent_testimony_approval(t, i))
		if err != nil {
			return nil, err
		}
		testimony.Approvals = append(testimony.Approvals, approval)
	}
	return testimony, nil
}

// Asset is what an agent has of one asset.
type Asset struct {
	Kind     AssetKind
	Index    uint32
	Size     uint64
	Received uint64
	Complete bool
}

// Description is what an agent says about itself. Manifest and assets are shown to parties only.
type Description struct {
	InstanceID       [16]byte // new at every boot
	State            string   // e.g. "ReceivingData"
	ComputationID    string   // "" before there is a manifest
	ManifestDigest   *Digest  // nil before there is a manifest
	Version          string
	Compat           bool
	Manifest         *Manifest
	Assets           []Asset
	ApprovalsMissing []string
}

// Describe asks the agent for its state; with a party's private key also for manifest and assets.
// key may be nil.
func (a *Agent) Describe(ctx context.Context, key *Key) (description *Description, err error) {
	err = a.call(ctx, func(c *C.cocos_agent_conn, w *wait) error {
		return optional(key.owned(), func(k unsafe.Pointer) error {
			var info *C.cocos_agent_info
			var e *C.cocos_error
			status := C.cocos_agent_describe(c, (*C.cocos_key)(k), w.deadline, w.cancel, &info, &e)
			if err := w.failed(status, e); err != nil {
				return err
			}
			defer C.cocos_agent_info_free(info)
			var err error
			description, err = readDescription(info)
			return err
		})
	})
	return description, err
}

func readDescription(info *C.cocos_agent_info) (*Description, error) {
	d := &Description{
		State:         C.GoString(C.cocos_agent_info_state(info)),
		ComputationID: C.GoString(C.cocos_agent_info_computation_id(info)),
		Version:       C.GoString(C.cocos_agent_info_version(info)),
		Compat:        C.cocos_agent_info_compat(info) != 0,
	}
	copy(d.InstanceID[:], copyOf(C.cocos_agent_info_instance_id(info), C.size_t(len(d.InstanceID))))
	if digest := C.cocos_agent_info_manifest_digest(info); digest != nil {
		copied := digestOf(digest)
		d.ManifestDigest = &copied
	}
	for i := C.size_t(0); i < C.cocos_agent_info_missing_count(info); i++ {
		d.ApprovalsMissing = append(d.ApprovalsMissing, C.GoString(C.cocos_agent_info_missing(info, i)))
	}
	for i := C.size_t(0); i < C.cocos_agent_info_asset_count(info); i++ {
		asset, err := readAsset(info, i)
		if err != nil {
			return nil, err
		}
		d.Assets = append(d.Assets, asset)
	}
	var err error
	d.Manifest, err = copyManifest(C.cocos_agent_info_manifest(info))
	return d, err
}

func readAsset(info *C.cocos_agent_info, i C.size_t) (Asset, error) {
	var kind, complete C.int
	var index C.uint32_t
	var size, received C.uint64_t
	if status := C.cocos_agent_info_asset(info, i, &kind, &index, &size, &received, &complete); status != C.COCOS_OK {
		return Asset{}, failed(status, nil)
	}
	return Asset{AssetKind(kind), uint32(index), uint64(size), uint64(received), complete != 0}, nil
}

func timeOf(ns int64) time.Time {
	return time.Unix(0, ns)
}
