// SPDX-License-Identifier: Apache-2.0

package cocos

/*
#include <cocos/case.h>
*/
import "C"

import (
	"os"
	"sort"
	"time"
	"unsafe"
)

// textOf runs a call that makes a text of an object.
func textOf(o *object, f func(p unsafe.Pointer, ret **C.char, e **C.cocos_error) C.int) (text string, err error) {
	err = o.read(func(p unsafe.Pointer) error {
		var s *C.char
		var e *C.cocos_error
		status := f(p, &s, &e)
		if err := check(status, e); err != nil {
			return err
		}
		text = takeText(s)
		return nil
	})
	return text, err
}

// Approval is a party's signed approval of one manifest, or the withdrawal of it.
type Approval struct{ *object }

func newApproval(p *C.cocos_approval) *Approval {
	return &Approval{own(unsafe.Pointer(p), func(p unsafe.Pointer) { C.cocos_approval_free((*C.cocos_approval)(p)) })}
}

func (a *Approval) owned() *object {
	if a == nil {
		return nil
	}
	return a.object
}

// Close frees the approval.
func (a *Approval) Close() error { return a.owned().Close() }

// SignApproval signs an approval of exactly this manifest. bounds are the options of
// cocos_approval_options_set() in cocos-case(3), such as "max_runs" or "withdraw"; nil: none.
func SignApproval(manifest *Manifest, key *Key, bounds map[string]string) (approval *Approval, err error) {
	var o *C.cocos_approval_options
	var e *C.cocos_error
	if err := check(C.cocos_approval_options_new(&o, &e), e); err != nil {
		return nil, err
	}
	defer C.cocos_approval_options_free(o)
	if err := setBounds(o, bounds); err != nil {
		return nil, err
	}
	err = manifest.owned().read(func(m unsafe.Pointer) error {
		return key.owned().read(func(k unsafe.Pointer) error {
			var p *C.cocos_approval
			var e *C.cocos_error
			if err := check(C.cocos_approval_sign((*C.cocos_manifest)(m), (*C.cocos_key)(k), o, &p, &e), e); err != nil {
				return err
			}
			approval = newApproval(p)
			return nil
		})
	})
	return approval, err
}

func setBounds(o *C.cocos_approval_options, bounds map[string]string) error {
	names := make([]string, 0, len(bounds))
	for name := range bounds {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		err := withText(name, func(n *C.char) error {
			return withText(bounds[name], func(value *C.char) error {
				var e *C.cocos_error
				return check(C.cocos_approval_options_set(o, n, value, &e), e)
			})
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// ParseApproval reads an approval or withdrawal. Checks form only.
func ParseApproval(data []byte) (*Approval, error) {
	var p *C.cocos_approval
	var e *C.cocos_error
	d, n := bytesOf(data)
	if err := check(C.cocos_approval_parse(d, n, &p, &e), e); err != nil {
		return nil, err
	}
	return newApproval(p), nil
}

func copyApproval(a *C.cocos_approval) (*Approval, error) {
	if a == nil {
		return nil, nil
	}
	var n C.size_t
	d := C.cocos_approval_cbor(a, &n)
	return ParseApproval(copyOf(d, n))
}

// Verify tells whether a key that the manifest names for this role signed it, for this manifest.
func (a *Approval) Verify(manifest *Manifest) error {
	return a.owned().read(func(p unsafe.Pointer) error {
		return manifest.owned().read(func(m unsafe.Pointer) error {
			var e *C.cocos_error
			return check(C.cocos_approval_verify((*C.cocos_approval)(p), (*C.cocos_manifest)(m), &e), e)
		})
	})
}

// CBOR gives the approval as it is sent and kept.
func (a *Approval) CBOR() []byte {
	return get(a.owned(), func(p unsafe.Pointer) []byte {
		var n C.size_t
		d := C.cocos_approval_cbor((*C.cocos_approval)(p), &n)
		return copyOf(d, n)
	})
}

// IsWithdrawal tells a withdrawal from an approval.
func (a *Approval) IsWithdrawal() bool {
	return get(a.owned(), func(p unsafe.Pointer) bool { return C.cocos_approval_is_withdrawal((*C.cocos_approval)(p)) != 0 })
}

// Role in which it was signed.
func (a *Approval) Role() string {
	return get(a.owned(), func(p unsafe.Pointer) string { return C.GoString(C.cocos_approval_role((*C.cocos_approval)(p))) })
}

// Signer is the thumbprint of the key that signed.
func (a *Approval) Signer() [32]byte {
	return get(a.owned(), func(p unsafe.Pointer) [32]byte { return digestOf(C.cocos_approval_signer((*C.cocos_approval)(p))) })
}

// ManifestDigest is that of the manifest that it is for.
func (a *Approval) ManifestDigest() Digest {
	return get(a.owned(), func(p unsafe.Pointer) Digest {
		return digestOf(C.cocos_approval_manifest_digest((*C.cocos_approval)(p)))
	})
}

// JSON gives all that it says; nothing of it is verified.
func (a *Approval) JSON() (string, error) {
	return textOf(a.owned(), func(p unsafe.Pointer, ret **C.char, e **C.cocos_error) C.int {
		return C.cocos_approval_to_json((*C.cocos_approval)(p), ret, e)
	})
}

// Statement is what the guest says about one run, and what came out.
type Statement struct{ *object }

func (s *Statement) owned() *object {
	if s == nil {
		return nil
	}
	return s.object
}

// Close frees the statement.
func (s *Statement) Close() error { return s.owned().Close() }

// ParseStatement reads a statement. Checks form only; whether to believe it is for Case.Verify.
func ParseStatement(data []byte) (*Statement, error) {
	var p *C.cocos_statement
	var e *C.cocos_error
	d, n := bytesOf(data)
	if err := check(C.cocos_statement_parse(d, n, &p, &e), e); err != nil {
		return nil, err
	}
	return &Statement{own(unsafe.Pointer(p), func(p unsafe.Pointer) { C.cocos_statement_free((*C.cocos_statement)(p)) })}, nil
}

func copyStatement(s *C.cocos_statement) (*Statement, error) {
	if s == nil {
		return nil, nil
	}
	var n C.size_t
	d := C.cocos_statement_cbor(s, &n)
	return ParseStatement(copyOf(d, n))
}

// CBOR gives the statement as it is sent and kept.
func (s *Statement) CBOR() []byte {
	return get(s.owned(), func(p unsafe.Pointer) []byte {
		var n C.size_t
		d := C.cocos_statement_cbor((*C.cocos_statement)(p), &n)
		return copyOf(d, n)
	})
}

// Result gives digest and size of the result; nil when there is none.
func (s *Statement) Result() (digest *Digest, size uint64) {
	_ = s.owned().read(func(p unsafe.Pointer) error {
		if d := C.cocos_statement_result_digest((*C.cocos_statement)(p)); d != nil {
			copied := digestOf(d)
			digest, size = &copied, uint64(C.cocos_statement_result_size((*C.cocos_statement)(p)))
		}
		return nil
	})
	return digest, size
}

// JSON gives all that it says; nothing of it is verified.
func (s *Statement) JSON() (string, error) {
	return textOf(s.owned(), func(p unsafe.Pointer, ret **C.char, e **C.cocos_error) C.int {
		return C.cocos_statement_to_json((*C.cocos_statement)(p), ret, e)
	})
}

// Closure is what the guest wiped before it ended.
type Closure struct{ *object }

func (c *Closure) owned() *object {
	if c == nil {
		return nil
	}
	return c.object
}

// Close frees the closure.
func (c *Closure) Close() error { return c.owned().Close() }

// ParseClosure reads a closure. Checks form only.
func ParseClosure(data []byte) (*Closure, error) {
	var p *C.cocos_closure
	var e *C.cocos_error
	d, n := bytesOf(data)
	if err := check(C.cocos_closure_parse(d, n, &p, &e), e); err != nil {
		return nil, err
	}
	return &Closure{own(unsafe.Pointer(p), func(p unsafe.Pointer) { C.cocos_closure_free((*C.cocos_closure)(p)) })}, nil
}

func copyClosure(c *C.cocos_closure) (*Closure, error) {
	if c == nil {
		return nil, nil
	}
	var n C.size_t
	d := C.cocos_closure_cbor(c, &n)
	return ParseClosure(copyOf(d, n))
}

// CBOR gives the closure as it is sent and kept.
func (c *Closure) CBOR() []byte {
	return get(c.owned(), func(p unsafe.Pointer) []byte {
		var n C.size_t
		d := C.cocos_closure_cbor((*C.cocos_closure)(p), &n)
		return copyOf(d, n)
	})
}

// JSON gives all that it says; nothing of it is verified.
func (c *Closure) JSON() (string, error) {
	return textOf(c.owned(), func(p unsafe.Pointer, ret **C.char, e **C.cocos_error) C.int {
		return C.cocos_closure_to_json((*C.cocos_closure)(p), ret, e)
	})
}

// Case is all that makes one result checkable: manifest, approvals, evidence with what it takes to
// judge it, statement and closure.
type Case struct{ *object }

func newCase(p *C.cocos_case) *Case {
	return &Case{own(unsafe.Pointer(p), func(p unsafe.Pointer) { C.cocos_case_free((*C.cocos_case)(p)) })}
}

func (c *Case) owned() *object {
	if c == nil {
		return nil
	}
	return c.object
}

// Close frees the case.
func (c *Case) Close() error { return c.owned().Close() }

// NewCase begins a case with what Agent.Statement gave. Everything is held to its form; signatures
// are for Case.Verify.
func NewCase(manifest *Manifest, testimony *Testimony) (*Case, error) {
	if testimony == nil {
		return nil, errClosed()
	}
	var file *Case
	envelope, envelopeSize := bytesOf(testimony.Evidence)
	statement := testimony.Statement.CBOR()
	data, size := bytesOf(statement)
	err := manifest.owned().read(func(m unsafe.Pointer) error {
		var p *C.cocos_case
		var e *C.cocos_error
		if err := check(C.cocos_case_new((*C.cocos_manifest)(m), envelope, envelopeSize, data, size, &p, &e), e); err != nil {
			return err
		}
		file = newCase(p)
		return nil
	})
	for _, a := range testimony.Approvals {
		if err == nil {
			err = file.AddApproval(a)
		}
	}
	if err == nil && testimony.Closure != nil {
		err = file.SetClosure(testimony.Closure)
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

// ParseCase reads a case file. Checks form only.
func ParseCase(data []byte) (*Case, error) {
	var p *C.cocos_case
	var e *C.cocos_error
	d, n := bytesOf(data)
	if err := check(C.cocos_case_parse(d, n, &p, &e), e); err != nil {
		return nil, err
	}
	return newCase(p), nil
}

// ReadCase reads a case file.
func ReadCase(path string) (*Case, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return ParseCase(data)
}

func (c *Case) add(data []byte, f func(c *C.cocos_case, d *C.uint8_t, n C.size_t, e **C.cocos_error) C.int) error {
	return c.owned().change(func(p unsafe.Pointer) error {
		var e *C.cocos_error
		d, n := bytesOf(data)
		status := f((*C.cocos_case)(p), d, n, &e)
		return check(status, e)
	})
}

// AddApproval adds an approval or withdrawal.
func (c *Case) AddApproval(a *Approval) error {
	return c.add(a.CBOR(), func(c *C.cocos_case, d *C.uint8_t, n C.size_t, e **C.cocos_error) C.int {
		return C.cocos_case_add_approval(c, d, n, e)
	})
}

// AddCollateral adds what the evidence needs to be judged and does not bring along, as it was valid
// at signing: PartCertificates to PartTCBChain.
func (c *Case) AddCollateral(part Part, data []byte) error {
	return c.add(data, func(c *C.cocos_case, d *C.uint8_t, n C.size_t, e **C.cocos_error) C.int {
		return C.cocos_case_add_collateral(c, C.int(part), d, n, e)
	})
}

// SetClosure puts the closure in.
func (c *Case) SetClosure(closure *Closure) error {
	return c.add(closure.CBOR(), func(c *C.cocos_case, d *C.uint8_t, n C.size_t, e **C.cocos_error) C.int {
		return C.cocos_case_set_closure(c, d, n, e)
	})
}

// Anchor puts a time-stamp authority's answer into the case, after it was asked with AnchorRequest.
func (c *Case) Anchor(reply []byte) error {
	return c.add(reply, func(c *C.cocos_case, d *C.uint8_t, n C.size_t, e **C.cocos_error) C.int {
		return C.cocos_case_anchor(c, d, n, e)
	})
}

func (c *Case) bytes(f func(c *C.cocos_case, d **C.uint8_t, n *C.size_t, e **C.cocos_error) C.int) (data []byte, err error) {
	err = c.owned().change(func(p unsafe.Pointer) error {
		var d *C.uint8_t
		var n C.size_t
		var e *C.cocos_error
		status := f((*C.cocos_case)(p), &d, &n, &e)
		if err := check(status, e); err != nil {
			return err
		}
		data = copyOf(d, n)
		return nil
	})
	return data, err
}

// AnchorRequest gives what to send to a time-stamp authority (RFC 3161).
func (c *Case) AnchorRequest() ([]byte, error) {
	return c.bytes(func(c *C.cocos_case, d **C.uint8_t, n *C.size_t, e **C.cocos_error) C.int {
		return C.cocos_case_anchor_request(c, d, n, e)
	})
}

// CBOR gives the case as it is written to a file.
func (c *Case) CBOR() ([]byte, error) {
	return c.bytes(func(c *C.cocos_case, d **C.uint8_t, n *C.size_t, e **C.cocos_error) C.int {
		return C.cocos_case_cbor(c, d, n, e)
	})
}

// Manifest of the case.
func (c *Case) Manifest() (manifest *Manifest, err error) {
	err = c.owned().read(func(p unsafe.Pointer) error {
		var err error
		manifest, err = copyManifest(C.cocos_case_manifest((*C.cocos_case)(p)))
		return err
	})
	return manifest, err
}

// Statement of the case.
func (c *Case) Statement() (statement *Statement, err error) {
	err = c.owned().read(func(p unsafe.Pointer) error {
		var err error
		statement, err = copyStatement(C.cocos_case_statement((*C.cocos_case)(p)))
		return err
	})
	return statement, err
}

// Closure of the case, nil when there is none.
func (c *Case) Closure() (closure *Closure, err error) {
	err = c.owned().read(func(p unsafe.Pointer) error {
		var err error
		closure, err = copyClosure(C.cocos_case_closure((*C.cocos_case)(p)))
		return err
	})
	return closure, err
}

// Approvals and withdrawals of the case.
func (c *Case) Approvals() (approvals []*Approval, err error) {
	err = c.owned().read(func(p unsafe.Pointer) error {
		file := (*C.cocos_case)(p)
		for i := C.size_t(0); i < C.cocos_case_approval_count(file); i++ {
			a, err := copyApproval(C.cocos_case_approval(file, i))
			if err != nil {
				return err
			}
			approvals = append(approvals, a)
		}
		return nil
	})
	return approvals, err
}

// CaseTerms are what a judge brings beside the policy. nil: all defaults.
type CaseTerms struct {
	TSARoots [][]byte  // believe time-stamps that end at these certificates
	Time     time.Time // judge the evidence at this time; zero: that of the case

	// The result file at hand, by Checksum; nil: none.
	ResultDigest *Digest
	ResultSize   uint64
}

func (t *CaseTerms) fill(c *C.cocos_case_terms) error {
	var e *C.cocos_error
	for _, root := range t.TSARoots {
		data, size := bytesOf(root)
		if err := check(C.cocos_case_terms_add_tsa_root(c, data, size, &e), e); err != nil {
			return err
		}
	}
	if !t.Time.IsZero() {
		if err := check(C.cocos_case_terms_set_time(c, C.int64_t(t.Time.UnixNano()), &e), e); err != nil {
			return err
		}
	}
	if t.ResultDigest != nil {
		digest := *t.ResultDigest
		return check(C.cocos_case_terms_set_result(c, (*C.uint8_t)(unsafe.Pointer(&digest[0])), C.uint64_t(t.ResultSize), &e), e)
	}
	return nil
}

// judge runs cocos_case_verify; the verdict, where there is one, is the caller's.
func (c *Case) judge(v *Verifier, terms *CaseTerms, f func(file *C.cocos_case, status C.int, ret *C.cocos_verdict, e *C.cocos_error) error) error {
	var t *C.cocos_case_terms
	var e *C.cocos_error
	if err := check(C.cocos_case_terms_new(&t, &e), e); err != nil {
		return err
	}
	defer C.cocos_case_terms_free(t)
	if terms != nil {
		if err := terms.fill(t); err != nil {
			return err
		}
	}
	return c.owned().change(func(p unsafe.Pointer) error {
		return v.owned().read(func(q unsafe.Pointer) error {
			var ret *C.cocos_verdict
			var e *C.cocos_error
			status := C.cocos_case_verify((*C.cocos_case)(p), (*C.cocos_verifier)(q), t, &ret, &e)
			return f((*C.cocos_case)(p), status, ret, e)
		})
	})
}

// Verify judges the case offline. The error is nil only when it is sound, and the result, if one was
// given, is the one; with ErrRejected and ErrUndecided there is a verdict too. Rows "case.sound" and
// "case.result" sum up; rows that were not checked are no success.
func (c *Case) Verify(v *Verifier, terms *CaseTerms) (verdict *Verdict, err error) {
	err = c.judge(v, terms, func(_ *C.cocos_case, status C.int, ret *C.cocos_verdict, e *C.cocos_error) error {
		var err error
		verdict, err = judged(status, ret, e)
		return err
	})
	return verdict, err
}

// Explain gives the case in plain words: people, project, setting, data, output, and what is not
// proven. It is judged as by Verify; without a verifier the text says that it was not.
func (c *Case) Explain(v *Verifier, terms *CaseTerms) (string, error) {
	return c.explain(v, terms, func(file *C.cocos_case, verdict *C.cocos_verdict, ret **C.char, e **C.cocos_error) C.int {
		return C.cocos_case_explain(file, verdict, ret, e)
	})
}

// ExplainJSON is Explain as a list of sentences for each heading.
func (c *Case) ExplainJSON(v *Verifier, terms *CaseTerms) (string, error) {
	return c.explain(v, terms, func(file *C.cocos_case, verdict *C.cocos_verdict, ret **C.char, e **C.cocos_error) C.int {
		return C.cocos_case_explain_json(file, verdict, ret, e)
	})
}

func (c *Case) explain(v *Verifier, terms *CaseTerms,
	f func(file *C.cocos_case, verdict *C.cocos_verdict, ret **C.char, e **C.cocos_error) C.int) (text string, err error) {
	explained := func(file *C.cocos_case, verdict *C.cocos_verdict) error {
		var s *C.char
		var e *C.cocos_error
		status := f(file, verdict, &s, &e)
		if err := check(status, e); err != nil {
			return err
		}
		text = takeText(s)
		return nil
	}
	if v == nil {
		err = c.owned().read(func(p unsafe.Pointer) error { return explained((*C.cocos_case)(p), nil) })
		return text, err
	}
	err = c.judge(v, terms, func(file *C.cocos_case, status C.int, ret *C.cocos_verdict, e *C.cocos_error) error {
		if ret == nil {
			return check(status, e)
		}
		defer C.cocos_verdict_free(ret)
		C.cocos_error_free(e)
		return explained(file, ret)
	})
	return text, err
}
