# SPDX-License-Identifier: Apache-2.0
"""A connection to an agent: describe, upload, result, watch."""

from __future__ import annotations

import ctypes
import queue
import threading
import warnings
from collections.abc import Callable, Iterator
from ctypes import byref, c_int, c_size_t, c_uint32, c_uint64, c_void_p
from dataclasses import dataclass
from typing import Any, Self

from cocos._case import Approval, Case
from cocos._core import Cancel, Owned, Path, deadline, do, make, path_bytes, text, wait
from cocos._errors import CancelledError, StateError, check
from cocos._key import Key
from cocos._library import AGENT_EVENT_FN, PROGRESS_FN, lib
from cocos._manifest import AssetKind, Manifest
from cocos._verify import Bundle, Evidence, Policy, Verdict, read_verdict

Progress = Callable[[int, int], None]


class NotConfidentialWarning(UserWarning):
    """Data moves to a peer whose evidence was not checked, or is simulated."""


@dataclass(frozen=True)
class Asset:
    """What an agent has of one asset."""

    kind: AssetKind
    index: int
    size: int
    received: int
    complete: bool


@dataclass(frozen=True)
class Description:
    """What an agent says about itself. The manifest and the assets are shown to parties only."""

    instance_id: bytes
    state: str
    computation_id: str
    manifest_digest: bytes | None
    version: str
    compat: bool
    manifest: Manifest | None
    assets: tuple[Asset, ...]
    approvals_missing: tuple[str, ...]


@dataclass(frozen=True)
class Event:
    """One event of a computation."""

    sequence: int
    time_ns: int
    state: str
    what: str
    bytes: int
    ok: bool
    lost: int


class _Options(Owned):
    _free = "cocos_agent_options_free"


class _Info(Owned):
    _free = "cocos_agent_info_free"


class _Testimony(Owned):
    _free = "cocos_agent_testimony_free"

    def case(self, manifest: Manifest) -> Case:
        t = self.handle
        closure = lib.cocos_agent_testimony_closure(t)
        approvals = [
            _bytes("cocos_approval_cbor", lib.cocos_agent_testimony_approval(t, i))
            for i in range(lib.cocos_agent_testimony_approval_count(t))
        ]
        return Case.make(
            manifest,
            statement=_bytes("cocos_statement_cbor", lib.cocos_agent_testimony_statement(t)) or b"",
            evidence=_bytes("cocos_agent_testimony_evidence", t) or b"",
            closure=_bytes("cocos_closure_cbor", closure) if closure else None,
            approvals=[a for a in approvals if a is not None],
        )


class _Upload(Owned):
    _free = "cocos_upload_free"


def _bytes(function: str, handle: int) -> bytes | None:
    """Bytes that belong to an object, None when it has none."""
    size = c_size_t()
    pointer = getattr(lib, function)(handle, byref(size))
    return ctypes.string_at(pointer, size.value) if pointer else None


def _asset(info: int, n: int) -> Asset:
    kind, index, size, received, complete = c_int(), c_uint32(), c_uint64(), c_uint64(), c_int()
    lib.cocos_agent_info_asset(info, n, byref(kind), byref(index), byref(size), byref(received), byref(complete))
    return Asset(AssetKind(kind.value), index.value, size.value, received.value, bool(complete.value))


def _description(info: _Info) -> Description:
    digest = lib.cocos_agent_info_manifest_digest(info.handle)
    manifest = lib.cocos_agent_info_manifest(info.handle)
    count = lib.cocos_agent_info_asset_count(info.handle)
    return Description(
        instance_id=ctypes.string_at(lib.cocos_agent_info_instance_id(info.handle), 16),
        state=text(lib.cocos_agent_info_state(info.handle)),
        computation_id=text(lib.cocos_agent_info_computation_id(info.handle)),
        manifest_digest=ctypes.string_at(digest, 32) if digest else None,
        version=text(lib.cocos_agent_info_version(info.handle)),
        compat=bool(lib.cocos_agent_info_compat(info.handle)),
        manifest=Manifest(manifest, owner=info) if manifest else None,
        assets=tuple(_asset(info.handle, n) for n in range(count)),
        approvals_missing=tuple(
            text(lib.cocos_agent_info_missing(info.handle, n))
            for n in range(lib.cocos_agent_info_missing_count(info.handle))
        ),
    )


class _Callback:
    """A progress callback whose exception comes out of the call that was given it."""

    def __init__(self, progress: Progress | None) -> None:
        self._progress = progress
        self.failure: BaseException | None = None
        self.pointer: Any = PROGRESS_FN(self._call) if progress else PROGRESS_FN(0)

    def _call(self, user: int | None, done: int, total: int) -> int:
        assert self._progress is not None
        try:
            self._progress(done, total)
        except BaseException as e:  # must not cross the C frames
            self.failure = e
            return 1
        return 0

    def check(self, status: int, err: c_void_p) -> None:
        try:
            check(status, err)
        except CancelledError:
            if self.failure is not None:
                raise self.failure from None
            raise


class Agent(Owned):
    """A connection to an agent. One thread at a time."""

    _free = "cocos_agent_conn_close"

    @classmethod
    def connect(
        cls,
        address: str,
        *,
        pin: str | None = None,
        ca: bytes | None = None,
        client_cert: bytes | None = None,
        client_key: bytes | None = None,
        policy: Policy | None = None,
        bundle: Bundle | None = None,
        manifest_digest: bytes | None = None,
        insecure_no_attestation: bool = False,
        insecure: bool = False,
        timeout: float | None = 60,
        cancel: Cancel | None = None,
    ) -> Self:
        """Connect to "host:port" or "unix:/path".

        Trust comes from evidence that `policy` accepts; nothing but the question for it is sent before. With
        insecure_no_attestation=True it comes from `pin` ("sha256:HEX" of the agent's key) or `ca` (roots, PEM)
        alone, or with insecure=True from nothing. `manifest_digest` names the manifest that is meant, as
        confirm() does later.
        """
        if manifest_digest is not None and len(manifest_digest) != 32:
            raise ValueError("a digest has 32 bytes")
        with _Options(make("cocos_agent_options_new")) as o:
            do("cocos_agent_options_set_address", o.handle, address.encode())
            if pin is not None:
                do("cocos_agent_options_set_pin", o.handle, pin.encode())
            if ca is not None:
                do("cocos_agent_options_set_ca", o.handle, ca, len(ca))
            if client_cert is not None or client_key is not None:
                cert, key = client_cert or b"", client_key or b""
                do("cocos_agent_options_set_client_cert", o.handle, cert, len(cert), key, len(key))
            if policy is not None:
                do("cocos_agent_options_set_policy", o.handle, policy.handle)
            if bundle is not None:
                do("cocos_agent_options_set_bundle", o.handle, bundle.handle)
            if manifest_digest is not None:
                lib.cocos_agent_options_set_manifest_digest(o.handle, manifest_digest)
            lib.cocos_agent_options_set_insecure_no_attestation(o.handle, int(insecure_no_attestation))
            lib.cocos_agent_options_set_insecure(o.handle, int(insecure))
            until = deadline(timeout)
            return cls(wait(lambda switch: make("cocos_agent_connect", o.handle, until, switch), cancel))

    @property
    def verdict(self) -> Verdict | None:
        """The judgement over the agent's evidence; None without attestation."""
        handle = lib.cocos_agent_conn_verdict(self.handle)
        return read_verdict(handle) if handle else None

    def confirm(self, manifest_digest: bytes) -> None:
        """Sign requests for this manifest and no other. An attested connection signs none before."""
        if len(manifest_digest) != 32:
            raise ValueError("a digest has 32 bytes")
        do("cocos_agent_confirm_manifest", self.handle, manifest_digest)

    def _warn(self) -> None:
        verdict = self.verdict
        if verdict is None or verdict.simulated:
            why = "peer not attested" if verdict is None else "the evidence is simulated"
            warnings.warn(f"NOT CONFIDENTIAL: {why}", NotConfidentialWarning, stacklevel=3)

    def describe(
        self, key: Key | None = None, *, timeout: float | None = 60, cancel: Cancel | None = None
    ) -> Description:
        """What the agent says; with a party's private key also the manifest and the assets."""
        handle, until = (key.handle if key else None), deadline(timeout)
        info = wait(lambda switch: make("cocos_agent_describe", self.handle, handle, until, switch), cancel)
        return _description(_Info(info))

    def attest(self, nonce: bytes, *, timeout: float | None = 60, cancel: Cancel | None = None) -> Evidence:
        """Fresh evidence over a nonce of 8 to 64 bytes, to be kept or judged; not about this connection."""
        until = deadline(timeout)
        return Evidence(
            wait(lambda switch: make("cocos_agent_attest", self.handle, nonce, len(nonce), until, switch), cancel)
        )

    @property
    def evidence(self) -> bytes | None:
        """The evidence that was judged, an envelope; None without attestation."""
        return _bytes("cocos_agent_conn_evidence", self.handle)

    def approve(self, approval: Approval, *, timeout: float | None = 60, cancel: Cancel | None = None) -> int:
        """Bring an approval or withdrawal, whoever signed it; how many still stand in the way of the start."""
        missing, until = c_size_t(), deadline(timeout)
        wait(
            lambda switch: do("cocos_agent_approve", self.handle, approval.handle, until, switch, byref(missing)),
            cancel,
        )
        return missing.value

    def set_nonce(self, nonce: bytes) -> None:
        """A nonce of 8 to 64 bytes that the statement for this consumer carries, from the next result() on."""
        if not 8 <= len(nonce) <= 64:
            raise ValueError("a nonce has 8 to 64 bytes")
        lib.cocos_agent_conn_set_consumer_nonce(self.handle, nonce, len(nonce))

    def case(self, key: Key, *, timeout: float | None = 60, cancel: Cancel | None = None) -> Case:
        """What the agent testifies, as a case: with a closure once every consumer has the result.

        Collateral of the day is for Case.add_bundle().
        """
        manifest, until = self.describe(key, timeout=timeout, cancel=cancel).manifest, deadline(timeout)
        if manifest is None:
            raise StateError("the agent shows no manifest to this key", code="agent.manifest.none")
        statement = wait(
            lambda switch: make("cocos_agent_statement", self.handle, key.handle, until, switch), cancel
        )
        with _Testimony(statement) as testimony:
            return testimony.case(manifest)

    def upload(
        self,
        kind: AssetKind,
        path: Path,
        key: Key,
        *,
        index: int = 0,
        digest: bytes | None = None,
        progress: Progress | None = None,
        timeout: float | None = None,
        cancel: Cancel | None = None,
    ) -> None:
        """Send a file or directory; goes on where an earlier upload of it stopped.

        With a known SHA3-256 in `digest` a file is read only once.
        """
        self._warn()
        if digest is not None and len(digest) != 32:
            raise ValueError("a digest has 32 bytes")
        callback = _Callback(progress)
        with _Upload(make("cocos_upload_new", int(kind), index)) as u:
            do("cocos_upload_set_path", u.handle, path_bytes(path))
            if digest is not None:
                lib.cocos_upload_set_digest(u.handle, digest)
            lib.cocos_upload_set_progress(u.handle, callback.pointer, None)
            until = deadline(timeout)

            def call(switch: int) -> None:
                err = c_void_p()
                status = lib.cocos_agent_upload(self.handle, u.handle, key.handle, until, switch, byref(err))
                callback.check(status, err)

            wait(call, cancel)

    def result(
        self,
        path: Path,
        key: Key,
        *,
        part: int = 0,
        progress: Progress | None = None,
        timeout: float | None = None,
        cancel: Cancel | None = None,
    ) -> int:
        """Fetch the result (part 0) or the job's output (part 1) into a file; its size."""
        self._warn()
        callback = _Callback(progress)
        until = deadline(timeout)

        def call(switch: int) -> int:
            size, err = c_uint64(), c_void_p()
            status = lib.cocos_agent_download(
                self.handle,
                part,
                path_bytes(path),
                key.handle,
                callback.pointer,
                None,
                until,
                switch,
                byref(size),
                byref(err),
            )
            callback.check(status, err)
            return size.value

        return wait(call, cancel)

    def watch(self, key: Key, *, since: int = 0, timeout: float | None = None) -> Iterator[Event]:
        """Events from the first after `since` on; ends when the loop over it is left.

        The connection is busy meanwhile.
        """
        events: queue.SimpleQueue[Event | BaseException | None] = queue.SimpleQueue()
        cancel = Cancel()
        until = deadline(timeout)

        def on_event(
            user: int | None, sequence: int, at: int, state: bytes, what: bytes, size: int, ok: int, lost: int
        ) -> int:
            events.put(Event(sequence, at, text(state), text(what), size, bool(ok), lost))
            return 0

        callback = AGENT_EVENT_FN(on_event)

        def run() -> None:
            try:
                do("cocos_agent_watch", self.handle, key.handle, since, callback, None, until, cancel.handle)
                events.put(None)
            except BaseException as e:  # raised in the loop
                events.put(e)

        thread = threading.Thread(target=run, name="cocos-watch")
        thread.start()
        try:
            while (event := events.get()) is not None:
                if isinstance(event, BaseException):
                    raise event
                yield event
        finally:
            cancel.trigger()
            thread.join()
