# SPDX-License-Identifier: Apache-2.0
"""Manifests, and digests of what they name."""

from __future__ import annotations

import ctypes
import enum
from ctypes import byref, c_size_t, c_uint32, c_uint64, c_void_p
from dataclasses import dataclass
from typing import Any, Self

from cocos._core import Cancel, Owned, Path, make, path_bytes, take_text, text, wait
from cocos._errors import check
from cocos._key import Key
from cocos._library import lib

_SIZE_UNKNOWN = 2**64 - 1


class AssetKind(enum.IntEnum):
    """Kinds of assets."""

    ALGORITHM = 1
    DATASET = 2
    REQUIREMENTS = 3


@dataclass(frozen=True)
class Checksum:
    """SHA3-256 and size of a file, or of a directory's deterministic zip."""

    digest: bytes
    size: int


def checksum(path: Path, *, cancel: Cancel | None = None) -> Checksum:
    """Digest of a file or directory."""

    def call(switch: int) -> Checksum:
        digest = ctypes.create_string_buffer(32)
        size, err = c_uint64(), c_void_p()
        check(lib.cocos_checksum(path_bytes(path), digest, byref(size), switch, byref(err)), err)
        return Checksum(digest.raw, size.value)

    return wait(call, cancel)


class Manifest(Owned):
    """What a computation is. A manifest that exists is valid. Immutable."""

    _free = "cocos_manifest_free"

    def __init__(self, pointer: int | None, owner: Any = None) -> None:
        super().__init__(pointer)
        self._owner = owner  # keeps what a borrowed manifest belongs to

    def close(self) -> None:
        if self._owner is None:
            super().close()
        else:
            self._pointer = None

    @classmethod
    def from_json(cls, json: str | bytes, base: Path | None = None) -> Self:
        """Parse and check the JSON form; `base` is where relative paths in it begin."""
        data = json.encode() if isinstance(json, str) else json
        return cls(make("cocos_manifest_from_json", data, len(data), None if base is None else path_bytes(base)))

    @classmethod
    def from_file(cls, path: Path) -> Self:
        return cls(make("cocos_manifest_from_file", path_bytes(path)))

    @classmethod
    def from_cbor(cls, cbor: bytes) -> Self:
        return cls(make("cocos_manifest_from_cbor", cbor, len(cbor)))

    @property
    def cbor(self) -> bytes:
        """Deterministic CBOR form."""
        size = c_size_t()
        pointer = lib.cocos_manifest_cbor(self.handle, byref(size))
        return ctypes.string_at(pointer, size.value)

    @property
    def digest(self) -> bytes:
        """SHA3-256 of the CBOR form: the manifest digest."""
        return ctypes.string_at(lib.cocos_manifest_digest(self.handle), 32)

    def to_json(self) -> str:
        """JSON form, normalised."""
        ret, err = c_void_p(), c_void_p()
        check(lib.cocos_manifest_to_json(self.handle, byref(ret), byref(err)), err)
        return take_text(ret)

    @property
    def fingerprint(self) -> str:
        """The digest as people compare it aloud: eight groups of five digits, 132 bits."""
        return text(lib.cocos_manifest_fingerprint(self.handle))

    @property
    def id(self) -> str:
        return text(lib.cocos_manifest_id(self.handle))

    @property
    def name(self) -> str:
        return text(lib.cocos_manifest_name(self.handle))

    @property
    def description(self) -> str:
        return text(lib.cocos_manifest_description(self.handle))

    @property
    def algo_type(self) -> str:
        return text(lib.cocos_manifest_algo_type(self.handle))

    @property
    def algo_args(self) -> list[str]:
        count = lib.cocos_manifest_algo_arg_count(self.handle)
        return [text(lib.cocos_manifest_algo_arg(self.handle, i)) for i in range(count)]

    def asset_count(self, kind: AssetKind) -> int:
        return int(lib.cocos_manifest_asset_count(self.handle, int(kind)))

    def asset_name(self, kind: AssetKind, index: int = 0) -> str:
        return text(lib.cocos_manifest_asset_name(self.handle, int(kind), index))

    def asset_digest(self, kind: AssetKind, index: int = 0) -> bytes | None:
        pointer = lib.cocos_manifest_asset_digest(self.handle, int(kind), index)
        return ctypes.string_at(pointer, 32) if pointer else None

    def asset_size(self, kind: AssetKind, index: int = 0) -> int | None:
        """Size that the manifest states, None when it states none."""
        size = int(lib.cocos_manifest_asset_size(self.handle, int(kind), index))
        return None if size == _SIZE_UNKNOWN else size

    def find_dataset(self, digest: bytes, key: Key | None, path: Path) -> int:
        """Index of the data set that a path is: by digest, then owner, then name."""
        index, err = c_uint32(), c_void_p()
        handle = key.handle if key else None
        check(
            lib.cocos_manifest_find_dataset(self.handle, digest, handle, path_bytes(path), byref(index), byref(err)), err
        )
        return index.value
