// SPDX-License-Identifier: Apache-2.0

package cocos_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	cocos "libcocos/bindings/go"
)

func TestLibraryAndHeadersAreOfOneVersion(t *testing.T) {
	if cocos.Version() != cocos.HeaderVersion {
		t.Fatalf("library %s, headers %s", cocos.Version(), cocos.HeaderVersion)
	}
}

func TestEveryStatusOfTheHeaderHasAKindOfItsOwn(t *testing.T) {
	kinds := map[cocos.Status]error{
		cocos.StatusUsage: cocos.ErrUsage, cocos.StatusMalformed: cocos.ErrMalformed, cocos.StatusUnsupported: cocos.ErrUnsupported,
		cocos.StatusRejected: cocos.ErrRejected, cocos.StatusUndecided: cocos.ErrUndecided,
		cocos.StatusUnauthenticated: cocos.ErrUnauthenticated, cocos.StatusDenied: cocos.ErrDenied, cocos.StatusState: cocos.ErrState,
		cocos.StatusNotFound: cocos.ErrNotFound, cocos.StatusExhausted: cocos.ErrExhausted, cocos.StatusAborted: cocos.ErrAborted,
		cocos.StatusIO: cocos.ErrIO, cocos.StatusTimeout: cocos.ErrTimeout, cocos.StatusBusy: cocos.ErrBusy,
		cocos.StatusCancelled: cocos.ErrCancelled, cocos.StatusMemory: cocos.ErrMemory, cocos.StatusInternal: cocos.ErrInternal,
	}
	rows := regexp.MustCompile(`COCOS_ERR_\w+ = (-\d+)`).FindAllSubmatch(content(t, "../../include/cocos/common.h"), -1)
	if len(rows) != len(kinds) {
		t.Fatalf("%d statuses in the header, %d here", len(rows), len(kinds))
	}
	for _, row := range rows {
		number := must[int](t)(strconv.Atoi(string(row[1])))
		e := &cocos.Error{Status: cocos.Status(number)}
		for status, kind := range kinds {
			if errors.Is(e, kind) != (int(status) == number) {
				t.Errorf("status %d and %v", number, kind)
			}
		}
	}
	if cocos.StatusRejected.ExitCode() != 3 || cocos.StatusRejected.String() != "rejected" {
		t.Error("the exit code of rejected evidence is 3")
	}
}

func TestKeysGoThroughPEMAndBack(t *testing.T) {
	for _, kind := range []cocos.KeyType{cocos.Ed25519, cocos.P256, cocos.P384} {
		key := must[*cocos.Key](t)(cocos.GenerateKey(kind))
		defer key.Close()
		again := must[*cocos.Key](t)(cocos.ParseKey([]byte(must[string](t)(key.PrivatePEM()))))
		public := must[*cocos.Key](t)(cocos.ParseKey([]byte(must[string](t)(key.PublicPEM()))))
		spki := must[*cocos.Key](t)(cocos.KeyFromSPKI(key.SPKI()))
		if key.Type() != kind || !again.IsPrivate() || public.IsPrivate() || !bytes.Equal(again.SPKI(), public.SPKI()) {
			t.Errorf("kind %d", kind)
		}
		if spki.Thumbprint() != sha256.Sum256(key.SPKI()) {
			t.Error("the thumbprint is the SHA-256 of the SPKI")
		}
		path := filepath.Join(t.TempDir(), "key.pem")
		fatal(t, os.WriteFile(path, []byte(must[string](t)(key.PrivatePEM())), 0o600))
		if read := must[*cocos.Key](t)(cocos.ReadKey(path)); read.Thumbprint() != key.Thumbprint() {
			t.Error("a key file has another key")
		}
		_, err := public.PrivatePEM()
		fails(t, err, cocos.ErrUsage, "key.public")
	}
}

func TestErrorsCarryWhatTheLibraryKnows(t *testing.T) {
	_, err := cocos.ReadKey("/nonexistent/key.pem")
	e := fails(t, err, cocos.ErrNotFound, "io.open")
	if !strings.Contains(e.Error(), "/nonexistent/key.pem") || errors.Is(err, cocos.ErrIO) {
		t.Error(err)
	}
	_, err = cocos.ReadKey("a\x00b")
	fails(t, err, cocos.ErrUsage, "usage.text")
	_, err = cocos.ParseDigest("00")
	fails(t, err, cocos.ErrUsage, "usage.digest")
}

// Each defect of a document is the cause of the one before.
func TestErrorsUnwrapToTheirCauses(t *testing.T) {
	_, err := cocos.ParsePolicy([]byte(`{"version": 1, "snp": {"nothing": 1, "neither": 2}}`))
	var pointers []string
	for ; err != nil; err = errors.Unwrap(err) {
		var e *cocos.Error
		if !errors.As(err, &e) {
			t.Fatal(err)
		}
		pointers = append(pointers, e.Check)
	}
	all := strings.Join(pointers, " ")
	if len(pointers) < 2 || !strings.Contains(all, "/snp/nothing") || !strings.Contains(all, "/snp/neither") {
		t.Fatal(pointers)
	}
}

func TestClosedAndMissingObjectsAreRefused(t *testing.T) {
	key := must[*cocos.Key](t)(cocos.GenerateKey(cocos.Ed25519))
	fatal(t, key.Close())
	fatal(t, key.Close())
	_, err := key.PublicPEM()
	fails(t, err, cocos.ErrUsage, "usage.null")
	if key.SPKI() != nil || key.IsPrivate() {
		t.Error("a closed key still says something")
	}
	var none *cocos.Key
	fatal(t, none.Close())
	_, err = none.PublicPEM()
	fails(t, err, cocos.ErrUsage, "usage.null")
	_, err = cocos.NewVerifier(nil)
	fails(t, err, cocos.ErrUsage, "usage.null")
	var empty cocos.Policy
	fails(t, empty.Set("snp.products", "Milan"), cocos.ErrUsage, "usage.null")
}

func TestObjectsSurviveManyHandsAndTheCollector(t *testing.T) {
	key := must[*cocos.Key](t)(cocos.GenerateKey(cocos.Ed25519))
	want := key.Thumbprint()
	var wait sync.WaitGroup
	for i := 0; i < 8; i++ {
		wait.Add(1)
		go func() {
			defer wait.Done()
			for j := 0; j < 50; j++ {
				if got := key.Thumbprint(); got != want && got != [32]byte{} {
					t.Error("another thumbprint")
				}
				_, _ = cocos.ParseKey([]byte(strings.Repeat("x", j))) // leaves errors behind
				lost := must[*cocos.Policy](t)(cocos.NewPolicy())
				_ = lost.Set("snp.products", "Milan")
			}
		}()
	}
	key.Close()
	wait.Wait()
	runtime.GC()
}

func TestManifestsKeepTheirDigestThroughCBORAndJSON(t *testing.T) {
	w := &world{t: t, folder: t.TempDir()}
	key := must[*cocos.Key](t)(cocos.GenerateKey(cocos.Ed25519))
	w.alg, w.data, w.consumer = key, key, key
	w.algorithm = w.file("algo", []byte("#!/bin/sh\n"))
	w.dataset = w.file("patients.csv", []byte("12345"))
	w.writeManifest(terms{content: []byte("12345"), approvals: []string{"consumer"}})
	m := w.manifest
	if m.ID() != "c-1" || m.AlgoType() != "bin" || m.AlgoArgs()[0] != "5000" || m.AttestedTLS() || m.Name() != "" || m.Description() != "" {
		t.Error(m.JSON())
	}
	for _, again := range []*cocos.Manifest{
		must[*cocos.Manifest](t)(cocos.ManifestFromCBOR(m.CBOR())),
		must[*cocos.Manifest](t)(cocos.ParseManifest([]byte(must[string](t)(m.JSON())), "")),
	} {
		if again.Digest() != m.Digest() || again.Fingerprint() != m.Fingerprint() {
			t.Error("another digest")
		}
	}
	if d := must[cocos.Digest](t)(cocos.ParseDigest(m.Digest().String())); d != m.Digest() {
		t.Error("digests do not go through hex")
	}
	assets := must[[]cocos.ManifestAsset](t)(m.Assets(cocos.Dataset))
	digest, size, err := cocos.Checksum(within(t), w.dataset)
	fatal(t, err)
	if len(assets) != 1 || assets[0].Name != "patients.csv" || assets[0].Digest != digest || !assets[0].Sized || assets[0].Size != size ||
		assets[0].Owner.Thumbprint() != key.Thumbprint() {
		t.Errorf("%+v", assets)
	}
	if algorithm := must[[]cocos.ManifestAsset](t)(m.Assets(cocos.Algorithm)); len(algorithm) != 1 || algorithm[0].Sized {
		t.Errorf("%+v", algorithm)
	}
	if keys := must[[]*cocos.Key](t)(m.Consumers()); len(keys) != 1 || keys[0].IsPrivate() {
		t.Error("consumers")
	}
	if i := must[uint32](t)(m.FindDataset(digest, nil, "other")); i != 0 {
		t.Error("the data set is not found by its digest")
	}
	_, err = m.FindDataset(cocos.Digest{}, nil, "other")
	fails(t, err, cocos.ErrNotFound, "asset.none")
	if need := m.ApprovalsNeeded(); len(need) != 1 || need[0] != "consumer" {
		t.Error(need)
	}
}

func TestApprovalsAreSignedForOneManifest(t *testing.T) {
	w := &world{t: t, folder: t.TempDir()}
	key, other := must[*cocos.Key](t)(cocos.GenerateKey(cocos.Ed25519)), must[*cocos.Key](t)(cocos.GenerateKey(cocos.P256))
	w.alg, w.data, w.consumer = other, other, key
	w.algorithm, w.dataset = w.file("algo", []byte("a")), w.file("patients.csv", []byte("12345"))
	w.writeManifest(terms{content: []byte("12345"), approvals: []string{"consumer"}})
	a := must[*cocos.Approval](t)(cocos.SignApproval(w.manifest, key, map[string]string{"role": "consumer", "max_runs": "2"}))
	again := must[*cocos.Approval](t)(cocos.ParseApproval(a.CBOR()))
	fatal(t, again.Verify(w.manifest))
	if again.Role() != "consumer" || again.IsWithdrawal() || again.Signer() != key.Thumbprint() || again.ManifestDigest() != w.manifest.Digest() {
		t.Error(again.JSON())
	}
	if text := must[string](t)(again.JSON()); !strings.Contains(text, "consumer") {
		t.Error(text)
	}
	broken := a.CBOR()
	broken[len(broken)-1] ^= 1
	fails(t, must[*cocos.Approval](t)(cocos.ParseApproval(broken)).Verify(w.manifest), cocos.ErrUnauthenticated, "cose.signature")
	_, err := cocos.SignApproval(w.manifest, key, map[string]string{"surprise": "1"})
	fails(t, err, cocos.ErrUsage, "option.name")
	_, err = cocos.SignApproval(w.manifest, key, map[string]string{"role": "data-provider"})
	fails(t, err, cocos.ErrDenied, "approval.signer")
}

func TestAContextEndsCallsThatWait(t *testing.T) {
	path := filepath.Join(t.TempDir(), "big")
	f := must[*os.File](t)(os.Create(path))
	defer f.Close()
	fatal(t, f.Truncate(64<<30))

	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		time.Sleep(50 * time.Millisecond)
		cancel()
	}()
	_, _, err := cocos.Checksum(ctx, path)
	fails(t, err, cocos.ErrCancelled, "cancelled")
	if !errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}

	ctx, cancel = context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	_, _, err = cocos.Checksum(ctx, path)
	var timeout interface{ Timeout() bool }
	if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, cocos.ErrTimeout) || !errors.As(err, &timeout) || !timeout.Timeout() {
		t.Error(err)
	}
	_, _, err = cocos.Checksum(ctx, path) // has ended before
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}
