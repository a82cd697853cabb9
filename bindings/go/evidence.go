// SPDX-License-Identifier: Apache-2.0

package cocos

/*
#include <cocos/collateral.h>
#include <cocos/verifier.h>
*/
import "C"

import (
	"encoding/json"
	"errors"
	"os"
	"time"
	"unsafe"
)

// EvidenceKind is a kind of evidence; 0 recognises it by its content.
type EvidenceKind int

// Kinds of evidence.
const (
	EvidenceSNP      EvidenceKind = C.COCOS_EVIDENCE_SNP
	EvidenceTDX      EvidenceKind = C.COCOS_EVIDENCE_TDX
	EvidenceVTPM     EvidenceKind = C.COCOS_EVIDENCE_VTPM
	EvidenceEnvelope EvidenceKind = C.COCOS_EVIDENCE_ENVELOPE
	EvidencePart     EvidenceKind = C.COCOS_EVIDENCE_PART
)

// Part is what may be put beside the evidence itself.
type Part int

// Parts.
const (
	PartCertificates Part = C.COCOS_PART_CERTIFICATES
	PartCertTable    Part = C.COCOS_PART_CERT_TABLE
	PartCRL          Part = C.COCOS_PART_CRL
	PartTCBInfo      Part = C.COCOS_PART_TCB_INFO
	PartQEIdentity   Part = C.COCOS_PART_QE_IDENTITY
	PartTCBChain     Part = C.COCOS_PART_TCB_CHAIN
	PartEventLog     Part = C.COCOS_PART_EVENT_LOG
	PartIMALog       Part = C.COCOS_PART_IMA_LOG
	PartTPMPublic    Part = C.COCOS_PART_TPM_PUBLIC
	PartTPMSignature Part = C.COCOS_PART_TPM_SIGNATURE
	PartTPMPCRs      Part = C.COCOS_PART_TPM_PCRS
	PartTEEReport    Part = C.COCOS_PART_TEE_REPORT
	PartHCLReport    Part = C.COCOS_PART_HCL_REPORT
	PartSVSMManifest Part = C.COCOS_PART_SVSM_MANIFEST
	PartAKCertified  Part = C.COCOS_PART_AK_CERTIFIED
)

// Claim is what evidence in an envelope claims.
type Claim int

// Claims.
const (
	ClaimPurpose      Claim = C.COCOS_CLAIM_PURPOSE
	ClaimChallenge    Claim = C.COCOS_CLAIM_CHALLENGE
	ClaimLeaf         Claim = C.COCOS_CLAIM_LEAF
	ClaimDICE         Claim = C.COCOS_CLAIM_DICE
	ClaimAK           Claim = C.COCOS_CLAIM_AK
	ClaimStatementKey Claim = C.COCOS_CLAIM_STATEMENT_KEY
	ClaimInstance     Claim = C.COCOS_CLAIM_INSTANCE
	ClaimManifest     Claim = C.COCOS_CLAIM_MANIFEST
)

// Field is one decoded field of evidence. Nothing of it is verified.
type Field struct {
	Name    string `json:"name"`
	Value   string `json:"value"`
	Meaning string `json:"meaning"`
}

// Evidence is what a confidential machine shows to be believed, with the material to check it.
type Evidence struct{ *object }

func newEvidence(p *C.cocos_evidence) *Evidence {
	return &Evidence{own(unsafe.Pointer(p), func(p unsafe.Pointer) { C.cocos_evidence_free((*C.cocos_evidence)(p)) })}
}

func (v *Evidence) owned() *object {
	if v == nil {
		return nil
	}
	return v.object
}

// Close frees the evidence.
func (v *Evidence) Close() error { return v.owned().Close() }

// ParseEvidence takes evidence as the device gave it. Only its kind is looked at.
func ParseEvidence(data []byte, kind EvidenceKind) (*Evidence, error) {
	var p *C.cocos_evidence
	var e *C.cocos_error
	d, n := bytesOf(data)
	if err := check(C.cocos_evidence_new(C.int(kind), d, n, &p, &e), e); err != nil {
		return nil, err
	}
	return newEvidence(p), nil
}

// ReadEvidence takes evidence from a file, and recognises its kind.
func ReadEvidence(path string) (*Evidence, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return ParseEvidence(data, 0)
}

// Add puts material beside it: certificates, revocation lists, collateral.
func (v *Evidence) Add(part Part, data []byte) error {
	return v.owned().change(func(p unsafe.Pointer) error {
		var e *C.cocos_error
		d, n := bytesOf(data)
		return check(C.cocos_evidence_add((*C.cocos_evidence)(p), C.int(part), d, n, &e), e)
	})
}

// AddBundle puts beside it all that a bundle holds.
func (v *Evidence) AddBundle(b *Bundle) error {
	return v.owned().change(func(p unsafe.Pointer) error {
		return b.owned().read(func(q unsafe.Pointer) error {
			var e *C.cocos_error
			return check(C.cocos_evidence_add_bundle((*C.cocos_evidence)(p), (*C.cocos_bundle)(q), &e), e)
		})
	})
}

// Expect says what it must claim, as far as the session tells: the verdict shows it.
func (v *Evidence) Expect(claim Claim, value []byte) error {
	return v.owned().change(func(p unsafe.Pointer) error {
		var e *C.cocos_error
		d, n := bytesOf(value)
		return check(C.cocos_evidence_expect((*C.cocos_evidence)(p), C.int(claim), d, n, &e), e)
	})
}

// absent turns "has none" into a nil result.
func absent(data []byte, err error) ([]byte, error) {
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	return data, err
}

// Claim gives what an envelope claims, nil when it is null. Believe it only after a verdict accepted it.
func (v *Evidence) Claim(claim Claim) (data []byte, err error) {
	err = v.owned().read(func(p unsafe.Pointer) error {
		var d *C.uint8_t
		var n C.size_t
		var e *C.cocos_error
		err := check(C.cocos_evidence_claim((*C.cocos_evidence)(p), C.int(claim), &d, &n, &e), e)
		if err == nil {
			data = copyOf(d, n)
		}
		return err
	})
	return absent(data, err)
}

// Find gives one part of an envelope by its media type, nil when it has none.
func (v *Evidence) Find(mediaType string) (data []byte, err error) {
	err = withText(mediaType, func(name *C.char) error {
		return v.owned().read(func(p unsafe.Pointer) error {
			var d *C.uint8_t
			var n C.size_t
			var e *C.cocos_error
			err := check(C.cocos_evidence_find((*C.cocos_evidence)(p), name, &d, &n, &e), e)
			if err == nil {
				data = copyOf(d, n)
			}
			return err
		})
	})
	return absent(data, err)
}

// Data gives the bytes that it was made of.
func (v *Evidence) Data() []byte {
	return get(v.owned(), func(p unsafe.Pointer) []byte {
		var n C.size_t
		d := C.cocos_evidence_data((*C.cocos_evidence)(p), &n)
		return copyOf(d, n)
	})
}

// Kind of the evidence.
func (v *Evidence) Kind() EvidenceKind {
	return get(v.owned(), func(p unsafe.Pointer) EvidenceKind {
		return EvidenceKind(C.cocos_evidence_kind((*C.cocos_evidence)(p)))
	})
}

func (v *Evidence) text(f func(v *C.cocos_evidence, ret **C.char, e **C.cocos_error) C.int) (text string, err error) {
	err = v.owned().read(func(p unsafe.Pointer) error {
		var s *C.char
		var e *C.cocos_error
		status := f((*C.cocos_evidence)(p), &s, &e)
		if err := check(status, e); err != nil {
			return err
		}
		text = takeText(s)
		return nil
	})
	return text, err
}

// Table gives every field with what it means, for people. Nothing of it is verified.
func (v *Evidence) Table() (string, error) {
	return v.text(func(v *C.cocos_evidence, ret **C.char, e **C.cocos_error) C.int {
		return C.cocos_evidence_to_table(v, ret, e)
	})
}

// Fields gives every field with what it means. Nothing of it is verified.
func (v *Evidence) Fields() ([]Field, error) {
	text, err := v.text(func(v *C.cocos_evidence, ret **C.char, e **C.cocos_error) C.int {
		return C.cocos_evidence_to_json(v, ret, e)
	})
	if err != nil {
		return nil, err
	}
	var document struct {
		Fields []Field `json:"fields"`
	}
	err = json.Unmarshal([]byte(text), &document)
	return document.Fields, err
}

// BundleItem is one thing that a bundle holds.
type BundleItem struct {
	Part   Part
	Data   []byte
	Source string
	Until  time.Time // when it ends by its own word; zero when it does not say
}

// Bundle is what 'cocos collateral bundle' wrote: all that one evidence needs to be judged. Nothing
// of it is verified.
type Bundle struct{ *object }

func (b *Bundle) owned() *object {
	if b == nil {
		return nil
	}
	return b.object
}

// Close frees the bundle.
func (b *Bundle) Close() error { return b.owned().Close() }

// ParseBundle reads a bundle; its form only.
func ParseBundle(data []byte) (*Bundle, error) {
	var p *C.cocos_bundle
	var e *C.cocos_error
	d, n := bytesOf(data)
	if err := check(C.cocos_bundle_parse(d, n, &p, &e), e); err != nil {
		return nil, err
	}
	return &Bundle{own(unsafe.Pointer(p), func(p unsafe.Pointer) { C.cocos_bundle_free((*C.cocos_bundle)(p)) })}, nil
}

// ReadBundle reads a bundle file.
func ReadBundle(path string) (*Bundle, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return ParseBundle(data)
}

// CBOR gives the bundle as it is written to a file.
func (b *Bundle) CBOR() []byte {
	return get(b.owned(), func(p unsafe.Pointer) []byte {
		var n C.size_t
		d := C.cocos_bundle_cbor((*C.cocos_bundle)(p), &n)
		return copyOf(d, n)
	})
}

// Kind of evidence that the bundle is for.
func (b *Bundle) Kind() EvidenceKind {
	return get(b.owned(), func(p unsafe.Pointer) EvidenceKind {
		return EvidenceKind(C.cocos_bundle_kind((*C.cocos_bundle)(p)))
	})
}

// Subject says what it was fetched for, for people.
func (b *Bundle) Subject() string {
	return get(b.owned(), func(p unsafe.Pointer) string { return C.GoString(C.cocos_bundle_subject((*C.cocos_bundle)(p))) })
}

// Items of the bundle.
func (b *Bundle) Items() []BundleItem {
	return get(b.owned(), func(p unsafe.Pointer) []BundleItem {
		bundle := (*C.cocos_bundle)(p)
		items := make([]BundleItem, C.cocos_bundle_count(bundle))
		for i := range items {
			var n C.size_t
			at := C.size_t(i)
			data := C.cocos_bundle_data(bundle, at, &n)
			items[i] = BundleItem{
				Part:   Part(C.cocos_bundle_part(bundle, at)),
				Data:   copyOf(data, n),
				Source: C.GoString(C.cocos_bundle_source(bundle, at)),
			}
			if until := C.cocos_bundle_until_ns(bundle, at); until != 0 {
				items[i].Until = time.Unix(0, int64(until))
			}
		}
		return items
	})
}
