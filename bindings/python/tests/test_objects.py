# SPDX-License-Identifier: Apache-2.0
"""Keys, digests, manifests and cancellation."""

from __future__ import annotations

import hashlib
import json
import os
import pathlib
import threading
import time

import pytest

import cocos


@pytest.mark.parametrize("kind", [cocos.KeyType.ED25519, cocos.KeyType.P256, cocos.KeyType.P384])
def test_keys_go_through_pem_and_back(kind: cocos.KeyType) -> None:
    with cocos.Key.generate(kind) as key:
        assert key.type == kind and key.is_private
        again = cocos.Key.from_pem(key.to_pem(private=True).encode())
        public = cocos.Key.from_pem(key.to_pem().encode())
        assert again.is_private and not public.is_private
        assert again.spki == public.spki == key.spki == cocos.Key.from_spki(key.spki).spki
        assert key.thumbprint == hashlib.sha256(key.spki).digest()


def test_garbage_is_no_key() -> None:
    for size in (0, 1, 100, 5000):
        with pytest.raises(cocos.Error):
            cocos.Key.from_pem(os.urandom(size))


def test_checksum_is_sha3(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"abc")
    got = cocos.checksum(path)
    assert got == cocos.Checksum(hashlib.sha3_256(b"abc").digest(), 3)


def manifest_json(key: cocos.Key) -> str:
    pem = key.to_pem()
    return json.dumps(
        {
            "version": 1,
            "id": "test-1",
            "name": "n",
            "algorithm": {"hash": "11" * 32, "user_key": pem, "algo_type": "bin", "algo_args": ["a", "b"]},
            "datasets": [{"filename": "d.csv", "hash": "22" * 32, "size": 5, "user_key": pem}],
            "result_consumers": [{"user_key": pem}],
        }
    )


def test_manifests_keep_their_digest_through_cbor_and_json() -> None:
    with cocos.Key.generate() as key, cocos.Manifest.from_json(manifest_json(key)) as m:
        assert (m.id, m.name, m.algo_type, m.algo_args) == ("test-1", "n", "bin", ["a", "b"])
        assert m.asset_count(cocos.AssetKind.DATASET) == 1
        assert m.asset_name(cocos.AssetKind.DATASET) == "d.csv"
        assert m.asset_size(cocos.AssetKind.DATASET) == 5
        assert m.asset_size(cocos.AssetKind.ALGORITHM) is None
        assert m.asset_digest(cocos.AssetKind.DATASET) == b"\x22" * 32
        assert m.asset_digest(cocos.AssetKind.DATASET, 1) is None
        assert m.digest == hashlib.sha3_256(m.cbor).digest()
        assert cocos.Manifest.from_cbor(m.cbor).digest == m.digest
        assert cocos.Manifest.from_json(m.to_json()).digest == m.digest
        assert m.find_dataset(b"\x22" * 32, None, "other") == 0


def test_defects_of_a_manifest_have_a_code() -> None:
    with pytest.raises(cocos.MalformedError) as e:
        cocos.Manifest.from_json('{"version": 1, "id": "a", "surprise": 1}')
    assert e.value.code.startswith("manifest.")


def test_a_cancel_ends_calls_from_another_thread(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "big"
    with open(path, "wb") as f:
        f.truncate(64 << 30)
    cancel = cocos.Cancel()
    threading.Timer(0.2, cancel.trigger).start()
    begin = time.monotonic()
    with pytest.raises(cocos.CancelledError):
        cocos.checksum(path, cancel=cancel)
    assert time.monotonic() - begin < 10
    assert cancel.triggered
