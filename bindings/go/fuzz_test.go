// SPDX-License-Identifier: Apache-2.0

package cocos_test

import (
	"errors"
	"path/filepath"
	"testing"

	cocos "libcocos/bindings/go"
)

// FuzzParsers gives any bytes to everything that reads bytes. Each either takes them, and then gives
// back what it took, or fails with a kind and a code. The seeds, those of the fuzzers of the same
// parsers in C, run as a test.
func FuzzParsers(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte(`{"version": 1, "snp": {}}`))
	f.Add([]byte("-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n"))
	f.Add([]byte{0xd2, 0x84, 0x43, 0xa1, 0x01, 0x27, 0xa0, 0x40, 0x40})
	seeds := 0
	for _, name := range []string{"bundle", "cose", "envelope", "evidence", "key_pem", "manifest_cbor", "manifest_json", "policy_json"} {
		for _, path := range must[[]string](f)(filepath.Glob("../../tests/fuzz/corpus/" + name + "/*")) {
			f.Add(content(f, path))
			seeds++
		}
	}
	if seeds < 20 {
		f.Fatalf("only %d seeds", seeds)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		said := func(err error) {
			var e *cocos.Error
			if err != nil && (!errors.As(err, &e) || e.Status == 0 || e.Code == "" || e.Message == "") {
				t.Errorf("an error without kind or code: %#v", err)
			}
		}
		evidence, err := cocos.ParseEvidence(data, 0)
		said(err)
		if err == nil {
			if string(evidence.Data()) != string(data) {
				t.Error("other evidence")
			}
			_, err = evidence.Fields()
			said(err)
			_, err = evidence.Claim(cocos.ClaimPurpose)
			said(err)
			evidence.Close()
		}
		if p, err := cocos.ParsePolicy(data); err == nil {
			_, err = p.Explain()
			said(err)
			p.Close()
		} else {
			said(err)
		}
		if m, err := cocos.ManifestFromCBOR(data); err == nil {
			if string(m.CBOR()) != string(data) {
				t.Error("another manifest")
			}
			m.Close()
		} else {
			said(err)
		}
		_, err = cocos.ParseManifest(data, "")
		said(err)
		_, err = cocos.ParseKey(data)
		said(err)
		_, err = cocos.KeyFromSPKI(data)
		said(err)
		_, err = cocos.ParseBundle(data)
		said(err)
		_, err = cocos.ParseApproval(data)
		said(err)
		_, err = cocos.ParseStatement(data)
		said(err)
		_, err = cocos.ParseClosure(data)
		said(err)
		_, err = cocos.ParseCase(data)
		said(err)
	})
}
