// SPDX-License-Identifier: Apache-2.0

package cocos

/*
#include <cocos/policy.h>
*/
import "C"

import (
	"os"
	"unsafe"
)

// Policy is what a relying party accepts as evidence: rules of cocos-policy(5). Defaults refuse.
type Policy struct{ *object }

func newPolicy(p *C.cocos_policy) *Policy {
	return &Policy{own(unsafe.Pointer(p), func(p unsafe.Pointer) { C.cocos_policy_free((*C.cocos_policy)(p)) })}
}

func (y *Policy) owned() *object {
	if y == nil {
		return nil
	}
	return y.object
}

// Close frees the policy.
func (y *Policy) Close() error { return y.owned().Close() }

// NewPolicy makes a policy in which no rule is set and only the vendors' roots are trusted.
func NewPolicy() (*Policy, error) {
	var p *C.cocos_policy
	var e *C.cocos_error
	if err := check(C.cocos_policy_new(&p, &e), e); err != nil {
		return nil, err
	}
	return newPolicy(p), nil
}

// ParsePolicy reads the JSON form. Every defect is told: each is what the one before unwraps to.
func ParsePolicy(json []byte) (*Policy, error) {
	var p *C.cocos_policy
	var e *C.cocos_error
	data, size := bytesOf(json)
	if err := check(C.cocos_policy_from_json((*C.char)(unsafe.Pointer(data)), size, &p, &e), e); err != nil {
		return nil, err
	}
	return newPolicy(p), nil
}

// ReadPolicy reads a policy file.
func ReadPolicy(path string) (*Policy, error) {
	json, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return ParsePolicy(json)
}

func (y *Policy) rule(name, value string, f func(p *C.cocos_policy, name, value *C.char, e **C.cocos_error) C.int) error {
	return withText(name, func(name *C.char) error {
		return withText(value, func(value *C.char) error {
			return y.owned().change(func(p unsafe.Pointer) error {
				var e *C.cocos_error
				status := f((*C.cocos_policy)(p), name, value, &e)
				return check(status, e)
			})
		})
	})
}

// Set sets one rule from text, replacing what it said before; "any": this is not checked.
func (y *Policy) Set(rule, value string) error {
	return y.rule(rule, value, func(p *C.cocos_policy, name, value *C.char, e **C.cocos_error) C.int {
		return C.cocos_policy_set(p, name, value, e)
	})
}

// Add adds one more acceptable value to a rule that takes several.
func (y *Policy) Add(rule, value string) error {
	return y.rule(rule, value, func(p *C.cocos_policy, name, value *C.char, e **C.cocos_error) C.int {
		return C.cocos_policy_add(p, name, value, e)
	})
}

// SetBytes sets one rule that takes bytes, such as "snp.report_data".
func (y *Policy) SetBytes(rule string, value []byte) error {
	return withText(rule, func(name *C.char) error {
		return y.owned().change(func(p unsafe.Pointer) error {
			var e *C.cocos_error
			data, size := bytesOf(value)
			return check(C.cocos_policy_set_bytes((*C.cocos_policy)(p), name, data, size, &e), e)
		})
	})
}

// AddRoot trusts these roots (PEM, or one DER) and no others; their verdicts may say simulated.
func (y *Policy) AddRoot(certificates []byte) error {
	return y.owned().change(func(p unsafe.Pointer) error {
		var e *C.cocos_error
		data, size := bytesOf(certificates)
		return check(C.cocos_policy_add_root((*C.cocos_policy)(p), data, size, &e), e)
	})
}

// AddPCRs adds golden PCR values, {"pcr_values": {"sha256": {"0": "hex"}}}.
func (y *Policy) AddPCRs(json []byte) error {
	return y.owned().change(func(p unsafe.Pointer) error {
		var e *C.cocos_error
		data, size := bytesOf(json)
		return check(C.cocos_policy_add_pcrs((*C.cocos_policy)(p), (*C.char)(unsafe.Pointer(data)), size, &e), e)
	})
}

func (y *Policy) text(f func(p *C.cocos_policy, ret **C.char, e **C.cocos_error) C.int) (text string, err error) {
	err = y.owned().read(func(p unsafe.Pointer) error {
		var s *C.char
		var e *C.cocos_error
		status := f((*C.cocos_policy)(p), &s, &e)
		if err := check(status, e); err != nil {
			return err
		}
		text = takeText(s)
		return nil
	})
	return text, err
}

// JSON gives the policy's file form.
func (y *Policy) JSON() (string, error) {
	return y.text(func(p *C.cocos_policy, ret **C.char, e **C.cocos_error) C.int {
		return C.cocos_policy_to_json(p, ret, e)
	})
}

// Explain says in words what is demanded, what an "any" gives away, and what is open.
func (y *Policy) Explain() (string, error) {
	return y.text(func(p *C.cocos_policy, ret **C.char, e **C.cocos_error) C.int {
		return C.cocos_policy_explain(p, ret, e)
	})
}

// ExplainJSON is Explain for programs.
func (y *Policy) ExplainJSON() (string, error) {
	return y.text(func(p *C.cocos_policy, ret **C.char, e **C.cocos_error) C.int {
		return C.cocos_policy_explain_json(p, ret, e)
	})
}
