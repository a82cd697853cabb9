// SPDX-License-Identifier: Apache-2.0

package cocos

// #include <cocos/key.h>
import "C"

import "unsafe"

// KeyType is a kind of key, each with exactly one signature algorithm.
type KeyType int

// Kinds of keys.
const (
	Ed25519 KeyType = C.COCOS_KEY_ED25519
	P256    KeyType = C.COCOS_KEY_P256
	P384    KeyType = C.COCOS_KEY_P384
	RSA     KeyType = C.COCOS_KEY_RSA
)

// Key is a private or public key of a party.
type Key struct{ *object }

func newKey(p *C.cocos_key) *Key {
	return &Key{own(unsafe.Pointer(p), func(p unsafe.Pointer) { C.cocos_key_free((*C.cocos_key)(p)) })}
}

func (k *Key) owned() *object {
	if k == nil {
		return nil
	}
	return k.object
}

// Close wipes and frees the key.
func (k *Key) Close() error { return k.owned().Close() }

// GenerateKey makes a new private key.
func GenerateKey(kind KeyType) (*Key, error) {
	var p *C.cocos_key
	var e *C.cocos_error
	if err := check(C.cocos_key_generate(C.int(kind), &p, &e), e); err != nil {
		return nil, err
	}
	return newKey(p), nil
}

// ParseKey reads a key from PEM: PKCS#8, PKCS#1, SEC1, SubjectPublicKeyInfo.
func ParseKey(pem []byte) (*Key, error) {
	var p *C.cocos_key
	var e *C.cocos_error
	data, size := bytesOf(pem)
	if err := check(C.cocos_key_from_pem(data, size, &p, &e), e); err != nil {
		return nil, err
	}
	return newKey(p), nil
}

// ReadKey reads a key file as ParseKey does, without its bytes passing through Go's memory.
func ReadKey(path string) (key *Key, err error) {
	err = withText(path, func(path *C.char) error {
		var p *C.cocos_key
		var e *C.cocos_error
		if err := check(C.cocos_key_from_file(path, &p, &e), e); err != nil {
			return err
		}
		key = newKey(p)
		return nil
	})
	return key, err
}

// KeyFromSPKI reads a public key from DER SubjectPublicKeyInfo.
func KeyFromSPKI(der []byte) (*Key, error) {
	var p *C.cocos_key
	var e *C.cocos_error
	data, size := bytesOf(der)
	if err := check(C.cocos_key_from_spki(data, size, &p, &e), e); err != nil {
		return nil, err
	}
	return newKey(p), nil
}

// Type of the key.
func (k *Key) Type() KeyType {
	return get(k.owned(), func(p unsafe.Pointer) KeyType { return KeyType(C.cocos_key_type((*C.cocos_key)(p))) })
}

// IsPrivate tells whether the key can sign.
func (k *Key) IsPrivate() bool {
	return get(k.owned(), func(p unsafe.Pointer) bool { return C.cocos_key_is_private((*C.cocos_key)(p)) != 0 })
}

// SPKI gives the public key as DER SubjectPublicKeyInfo.
func (k *Key) SPKI() []byte {
	return get(k.owned(), func(p unsafe.Pointer) []byte {
		var n C.size_t
		data := C.cocos_key_spki((*C.cocos_key)(p), &n)
		return copyOf(data, n)
	})
}

// Thumbprint is the SHA-256 of SPKI.
func (k *Key) Thumbprint() [32]byte {
	return get(k.owned(), func(p unsafe.Pointer) [32]byte { return digestOf(C.cocos_key_thumbprint((*C.cocos_key)(p))) })
}

// PublicPEM gives the public key as PEM.
func (k *Key) PublicPEM() (string, error) { return k.pem(0) }

// PrivatePEM gives the private key as PKCS#8 PEM. Go may keep copies of it in memory.
func (k *Key) PrivatePEM() (string, error) { return k.pem(1) }

func (k *Key) pem(private C.int) (text string, err error) {
	err = k.owned().read(func(p unsafe.Pointer) error {
		var s *C.char
		var e *C.cocos_error
		if err := check(C.cocos_key_to_pem((*C.cocos_key)(p), private, &s, &e), e); err != nil {
			return err
		}
		text = takeText(s)
		return nil
	})
	return text, err
}
