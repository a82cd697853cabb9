// SPDX-License-Identifier: Apache-2.0

package cocos

/*
#include <cocos/computation.h>
#include <cocos/manifest.h>
*/
import "C"

import (
	"context"
	"unsafe"
)

// AssetKind is a kind of asset.
type AssetKind int

// Kinds of assets.
const (
	Algorithm    AssetKind = C.COCOS_ASSET_ALGORITHM
	Dataset      AssetKind = C.COCOS_ASSET_DATASET
	Requirements AssetKind = C.COCOS_ASSET_REQUIREMENTS
)

// Checksum gives the SHA3-256 and the size of a file, or of a directory's deterministic zip.
func Checksum(ctx context.Context, path string) (digest Digest, size uint64, err error) {
	err = waited(ctx, nil, func(w *wait) error {
		return withText(path, func(path *C.char) error {
			var n C.uint64_t
			var e *C.cocos_error
			status := C.cocos_checksum(path, (*C.uint8_t)(unsafe.Pointer(&digest[0])), &n, w.cancel, &e)
			if err := w.failed(status, e); err != nil {
				return err
			}
			size = uint64(n)
			return nil
		})
	})
	return digest, size, err
}

// Manifest is what a computation is. A manifest that exists is valid.
type Manifest struct{ *object }

func newManifest(p *C.cocos_manifest) *Manifest {
	return &Manifest{own(unsafe.Pointer(p), func(p unsafe.Pointer) { C.cocos_manifest_free((*C.cocos_manifest)(p)) })}
}

func (m *Manifest) owned() *object {
	if m == nil {
		return nil
	}
	return m.object
}

// Close frees the manifest.
func (m *Manifest) Close() error { return m.owned().Close() }

// ParseManifest reads and checks the JSON form. base is the directory where relative paths in it
// begin; with "" paths are refused. Every defect is told: each is what the one before unwraps to.
func ParseManifest(json []byte, base string) (manifest *Manifest, err error) {
	err = withText(base, func(dir *C.char) error {
		var p *C.cocos_manifest
		var e *C.cocos_error
		if base == "" {
			dir = nil
		}
		data, size := bytesOf(json)
		if err := check(C.cocos_manifest_from_json((*C.char)(unsafe.Pointer(data)), size, dir, &p, &e), e); err != nil {
			return err
		}
		manifest = newManifest(p)
		return nil
	})
	return manifest, err
}

// ReadManifest reads a JSON manifest file; paths in it are relative to its directory.
func ReadManifest(path string) (manifest *Manifest, err error) {
	err = withText(path, func(path *C.char) error {
		var p *C.cocos_manifest
		var e *C.cocos_error
		if err := check(C.cocos_manifest_from_file(path, &p, &e), e); err != nil {
			return err
		}
		manifest = newManifest(p)
		return nil
	})
	return manifest, err
}

// ManifestFromCBOR reads the deterministic CBOR form.
func ManifestFromCBOR(data []byte) (*Manifest, error) {
	var p *C.cocos_manifest
	var e *C.cocos_error
	d, n := bytesOf(data)
	if err := check(C.cocos_manifest_from_cbor(d, n, &p, &e), e); err != nil {
		return nil, err
	}
	return newManifest(p), nil
}

func manifestCBOR(m *C.cocos_manifest) []byte {
	var n C.size_t
	d := C.cocos_manifest_cbor(m, &n)
	return copyOf(d, n)
}

// copyManifest makes an object of one that belongs to another.
func copyManifest(m *C.cocos_manifest) (*Manifest, error) {
	if m == nil {
		return nil, nil
	}
	return ManifestFromCBOR(manifestCBOR(m))
}

// CBOR gives the deterministic CBOR form.
func (m *Manifest) CBOR() []byte {
	return get(m.owned(), func(p unsafe.Pointer) []byte { return manifestCBOR((*C.cocos_manifest)(p)) })
}

// Digest is the SHA3-256 of CBOR: the number that all parties compare.
func (m *Manifest) Digest() Digest {
	return get(m.owned(), func(p unsafe.Pointer) Digest { return digestOf(C.cocos_manifest_digest((*C.cocos_manifest)(p))) })
}

// JSON gives the JSON form, normalised.
func (m *Manifest) JSON() (text string, err error) {
	err = m.owned().read(func(p unsafe.Pointer) error {
		var s *C.char
		var e *C.cocos_error
		if err := check(C.cocos_manifest_to_json((*C.cocos_manifest)(p), &s, &e), e); err != nil {
			return err
		}
		text = takeText(s)
		return nil
	})
	return text, err
}

func (m *Manifest) text(f func(m *C.cocos_manifest) *C.char) string {
	return get(m.owned(), func(p unsafe.Pointer) string { return C.GoString(f((*C.cocos_manifest)(p))) })
}

// Fingerprint is the digest as people can compare it aloud: eight groups of five digits.
func (m *Manifest) Fingerprint() string {
	return m.text(func(m *C.cocos_manifest) *C.char { return C.cocos_manifest_fingerprint(m) })
}

// ID of the computation.
func (m *Manifest) ID() string {
	return m.text(func(m *C.cocos_manifest) *C.char { return C.cocos_manifest_id(m) })
}

// Name, "" when absent.
func (m *Manifest) Name() string {
	return m.text(func(m *C.cocos_manifest) *C.char { return C.cocos_manifest_name(m) })
}

// Description, "" when absent.
func (m *Manifest) Description() string {
	return m.text(func(m *C.cocos_manifest) *C.char { return C.cocos_manifest_description(m) })
}

// AlgoType is "bin", "python", "wasm" or "docker".
func (m *Manifest) AlgoType() string {
	return m.text(func(m *C.cocos_manifest) *C.char { return C.cocos_manifest_algo_type(m) })
}

// AlgoArgs are the arguments of the algorithm.
func (m *Manifest) AlgoArgs() []string {
	return get(m.owned(), func(p unsafe.Pointer) []string {
		manifest := (*C.cocos_manifest)(p)
		args := make([]string, C.cocos_manifest_algo_arg_count(manifest))
		for i := range args {
			args[i] = C.GoString(C.cocos_manifest_algo_arg(manifest, C.size_t(i)))
		}
		return args
	})
}

// AttestedTLS tells whether the manifest asks for attested connections.
func (m *Manifest) AttestedTLS() bool {
	return get(m.owned(), func(p unsafe.Pointer) bool { return C.cocos_manifest_attested_tls((*C.cocos_manifest)(p)) != 0 })
}

// ManifestAsset is an asset as the manifest states it.
type ManifestAsset struct {
	Name   string
	Digest Digest
	Size   uint64
	Sized  bool // the manifest states the size
	Owner  *Key // public key, may be nil
}

// Assets of one kind.
func (m *Manifest) Assets(kind AssetKind) (assets []ManifestAsset, err error) {
	err = m.owned().read(func(p unsafe.Pointer) error {
		manifest := (*C.cocos_manifest)(p)
		assets = make([]ManifestAsset, C.cocos_manifest_asset_count(manifest, C.int(kind)))
		for i := range assets {
			a, at := &assets[i], C.size_t(i)
			a.Name = C.GoString(C.cocos_manifest_asset_name(manifest, C.int(kind), at))
			a.Digest = digestOf(C.cocos_manifest_asset_digest(manifest, C.int(kind), at))
			if size := C.cocos_manifest_asset_size(manifest, C.int(kind), at); size != C.COCOS_SIZE_UNKNOWN {
				a.Size, a.Sized = uint64(size), true
			}
			var err error
			if a.Owner, err = copyKey(C.cocos_manifest_asset_owner(manifest, C.int(kind), at)); err != nil {
				return err
			}
		}
		return nil
	})
	return assets, err
}

// Consumers are the public keys of those who get the result.
func (m *Manifest) Consumers() (keys []*Key, err error) {
	err = m.owned().read(func(p unsafe.Pointer) error {
		manifest := (*C.cocos_manifest)(p)
		keys = make([]*Key, C.cocos_manifest_consumer_count(manifest))
		for i := range keys {
			var err error
			if keys[i], err = copyKey(C.cocos_manifest_consumer(manifest, C.size_t(i))); err != nil {
				return err
			}
		}
		return nil
	})
	return keys, err
}

// copyKey makes an object of a public key that belongs to another.
func copyKey(k *C.cocos_key) (*Key, error) {
	if k == nil {
		return nil, nil
	}
	var n C.size_t
	der := C.cocos_key_spki(k, &n)
	return KeyFromSPKI(copyOf(der, n))
}

// ApprovalsNeeded are the approvals asked for: roles, or thumbprints in hex.
func (m *Manifest) ApprovalsNeeded() []string {
	return get(m.owned(), func(p unsafe.Pointer) []string {
		manifest := (*C.cocos_manifest)(p)
		names := make([]string, C.cocos_manifest_approval_count(manifest))
		for i := range names {
			names[i] = C.GoString(C.cocos_manifest_approval(manifest, C.size_t(i)))
		}
		return names
	})
}

// FindDataset gives the index of the data set that a path is: by digest, then by the owner's key
// (which may be nil), then by name.
func (m *Manifest) FindDataset(digest Digest, key *Key, path string) (index uint32, err error) {
	err = withText(path, func(path *C.char) error {
		return m.owned().read(func(p unsafe.Pointer) error {
			return optional(key.owned(), func(k unsafe.Pointer) error {
				var n C.uint32_t
				var e *C.cocos_error
				status := C.cocos_manifest_find_dataset((*C.cocos_manifest)(p), (*C.uint8_t)(unsafe.Pointer(&digest[0])),
					(*C.cocos_key)(k), path, &n, &e)
				index = uint32(n)
				return check(status, e)
			})
		})
	})
	return index, err
}
