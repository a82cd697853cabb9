// SPDX-License-Identifier: Apache-2.0

package cocos

/*
#include <cocos/verifier.h>
*/
import "C"

import (
	"time"
	"unsafe"
)

// Judgement is the result over evidence; only Accepted means that it may be believed.
type Judgement int

// Judgements.
const (
	Accepted  Judgement = C.COCOS_ACCEPTED
	Rejected  Judgement = C.COCOS_REJECTED
	Undecided Judgement = C.COCOS_UNDECIDED
)

// String gives the judgement in lower case.
func (j Judgement) String() string {
	switch j {
	case Accepted:
		return "accepted"
	case Rejected:
		return "rejected"
	case Undecided:
		return "undecided"
	}
	return "no judgement"
}

// Outcome of one check.
type Outcome int

// Outcomes.
const (
	Passed       Outcome = C.COCOS_OUTCOME_PASSED
	Failed       Outcome = C.COCOS_OUTCOME_FAILED
	NotChecked   Outcome = C.COCOS_OUTCOME_NOT_CHECKED
	CouldNotTell Outcome = C.COCOS_OUTCOME_UNKNOWN
)

// Row is one check: what was expected and by whom, what was found and who signed it.
type Row struct {
	Name     string
	Outcome  Outcome
	Expected string
	Origin   string // where the expectation comes from
	Found    string
	Signer   string // who signed what was found
	Source   string // the document that asks for the check
	Code     string // of the failure
}

// Verdict is the judgement over evidence.
type Verdict struct {
	Judgement Judgement
	Reason    string // code of the primary reason, "" when accepted
	Simulated bool   // the evidence ends at a root that is no vendor's
	Rows      []Row
	Table     string // for people
	JSON      string // doc/schema/verdict.schema.json
}

// Accepted tells whether the evidence may be believed.
func (v *Verdict) Accepted() bool {
	return v != nil && v.Judgement == Accepted
}

// Row gives the row of one check, nil when there is none.
func (v *Verdict) Row(name string) *Row {
	for i := range v.Rows {
		if v.Rows[i].Name == name {
			return &v.Rows[i]
		}
	}
	return nil
}

// String gives the table.
func (v *Verdict) String() string { return v.Table }

func readRow(v *C.cocos_verdict, i int) Row {
	text := func(which C.int) string { return C.GoString(C.cocos_verdict_row_text(v, C.size_t(i), which)) }
	return Row{
		Name:     text(C.COCOS_ROW_NAME),
		Outcome:  Outcome(C.cocos_verdict_row_outcome(v, C.size_t(i))),
		Expected: text(C.COCOS_ROW_EXPECTED),
		Origin:   text(C.COCOS_ROW_ORIGIN),
		Found:    text(C.COCOS_ROW_FOUND),
		Signer:   text(C.COCOS_ROW_SIGNER),
		Source:   text(C.COCOS_ROW_SOURCE),
		Code:     text(C.COCOS_ROW_CODE),
	}
}

// readVerdict copies a verdict of the library.
func readVerdict(v *C.cocos_verdict) (*Verdict, error) {
	verdict := &Verdict{
		Judgement: Judgement(C.cocos_verdict_judgement(v)),
		Reason:    C.GoString(C.cocos_verdict_reason(v)),
		Simulated: C.cocos_verdict_simulated(v) != 0,
		Rows:      make([]Row, C.cocos_verdict_row_count(v)),
	}
	for i := range verdict.Rows {
		verdict.Rows[i] = readRow(v, i)
	}
	var s *C.char
	var e *C.cocos_error
	if err := check(C.cocos_verdict_to_table(v, &s, &e), e); err != nil {
		return nil, err
	}
	verdict.Table = takeText(s)
	if err := check(C.cocos_verdict_to_json(v, &s, &e), e); err != nil {
		return nil, err
	}
	verdict.JSON = takeText(s)
	return verdict, nil
}

// judged takes what a judging call gave: the verdict, also beside the error of one that is not accepted.
func judged(status C.int, v *C.cocos_verdict, e *C.cocos_error) (*Verdict, error) {
	err := failed(status, e)
	if v == nil {
		if err == nil {
			err = &Error{Status: StatusInternal, Message: "a judgement without a verdict"}
		}
		return nil, err
	}
	defer C.cocos_verdict_free(v)
	verdict, failure := readVerdict(v)
	if failure != nil {
		return nil, failure
	}
	if err != nil {
		err.Verdict = verdict
		return verdict, err
	}
	return verdict, nil
}

// Verifier is a policy made ready to judge.
type Verifier struct{ *object }

func (v *Verifier) owned() *object {
	if v == nil {
		return nil
	}
	return v.object
}

// Close frees the verifier.
func (v *Verifier) Close() error { return v.owned().Close() }

// NewVerifier makes a verifier from a copy of the policy.
func NewVerifier(policy *Policy) (verifier *Verifier, err error) {
	err = policy.owned().read(func(q unsafe.Pointer) error {
		var p *C.cocos_verifier
		var e *C.cocos_error
		if err := check(C.cocos_verifier_new((*C.cocos_policy)(q), &p, &e), e); err != nil {
			return err
		}
		verifier = &Verifier{own(unsafe.Pointer(p), func(p unsafe.Pointer) { C.cocos_verifier_free((*C.cocos_verifier)(p)) })}
		return nil
	})
	return verifier, err
}

// KeepChain verifies the certificates of evidence now and keeps them for later evidence.
func (v *Verifier) KeepChain(evidence *Evidence) error {
	return v.owned().change(func(p unsafe.Pointer) error {
		return evidence.owned().read(func(q unsafe.Pointer) error {
			var e *C.cocos_error
			return check(C.cocos_verifier_keep_chain((*C.cocos_verifier)(p), (*C.cocos_evidence)(q), &e), e)
		})
	})
}

// Verify judges evidence by this machine's clock. The error is nil only when it is accepted; with
// ErrRejected and ErrUndecided there is a verdict too.
func (v *Verifier) Verify(evidence *Evidence) (*Verdict, error) {
	return v.verify(evidence, time.Now(), C.COCOS_TIME_CLOCK)
}

// VerifyAt judges evidence as of another time, and the verdict shows that it was chosen.
func (v *Verifier) VerifyAt(evidence *Evidence, at time.Time) (*Verdict, error) {
	return v.verify(evidence, at, C.COCOS_TIME_CHOSEN)
}

func (v *Verifier) verify(evidence *Evidence, at time.Time, source C.int) (verdict *Verdict, err error) {
	err = v.owned().read(func(p unsafe.Pointer) error {
		return evidence.owned().read(func(q unsafe.Pointer) error {
			var ret *C.cocos_verdict
			var e *C.cocos_error
			status := C.cocos_verifier_verify((*C.cocos_verifier)(p), (*C.cocos_evidence)(q),
				C.int64_t(at.UnixNano()), source, &ret, &e)
			var err error
			verdict, err = judged(status, ret, e)
			return err
		})
	})
	return verdict, err
}
