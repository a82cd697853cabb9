# SPDX-License-Identifier: Apache-2.0
"""Keys of the parties."""

from __future__ import annotations

import ctypes
import enum
from ctypes import byref, c_size_t, c_void_p
from typing import Self

from cocos._core import Owned, Path, make, path_bytes, take_text
from cocos._errors import check
from cocos._library import lib


class KeyType(enum.IntEnum):
    """Kinds of keys, each with exactly one signature algorithm."""

    ED25519 = 1
    P256 = 2
    P384 = 3
    RSA = 4


class Key(Owned):
    """A private or public key. Immutable."""

    _free = "cocos_key_free"

    @classmethod
    def generate(cls, kind: KeyType = KeyType.ED25519) -> Self:
        """Make a new private key."""
        return cls(make("cocos_key_generate", int(kind)))

    @classmethod
    def from_pem(cls, pem: bytes) -> Self:
        return cls(make("cocos_key_from_pem", pem, len(pem)))

    @classmethod
    def from_file(cls, path: Path) -> Self:
        return cls(make("cocos_key_from_file", path_bytes(path)))

    @classmethod
    def from_spki(cls, der: bytes) -> Self:
        """A public key from its DER SubjectPublicKeyInfo."""
        return cls(make("cocos_key_from_spki", der, len(der)))

    @property
    def type(self) -> KeyType:
        return KeyType(lib.cocos_key_type(self.handle))

    @property
    def is_private(self) -> bool:
        return bool(lib.cocos_key_is_private(self.handle))

    @property
    def spki(self) -> bytes:
        """DER SubjectPublicKeyInfo."""
        size = c_size_t()
        pointer = lib.cocos_key_spki(self.handle, byref(size))
        return ctypes.string_at(pointer, size.value)

    @property
    def thumbprint(self) -> bytes:
        """SHA-256 of the SubjectPublicKeyInfo."""
        return ctypes.string_at(lib.cocos_key_thumbprint(self.handle), 32)

    def to_pem(self, private: bool = False) -> str:
        """PEM text: the public key, or with private=True the private one."""
        ret, err = c_void_p(), c_void_p()
        check(lib.cocos_key_to_pem(self.handle, int(private), byref(ret), byref(err)), err)
        return take_text(ret)
