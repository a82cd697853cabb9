# SPDX-License-Identifier: Apache-2.0
"""Enclaves on a host, reached through its manager or directly."""

from __future__ import annotations

import ctypes
import json
import os
import queue
import threading
from collections.abc import Iterator
from ctypes import byref, c_void_p
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from cocos._core import Cancel, Owned, deadline, do, make, take_text, text, wait
from cocos._errors import NotFoundError, check
from cocos._library import ENCLAVE_CONSOLE_FN, ENCLAVE_EVENT_FN, lib


class _Options(Owned):
    _free = "cocos_host_options_free"


class _Spec(Owned):
    _free = "cocos_enclave_spec_free"


class _List(Owned):
    _free = "cocos_enclave_list_free"


class _Info(Owned):
    _free = "cocos_enclave_info_free"


@dataclass(frozen=True)
class LifecycleEvent:
    """One step in the life of an enclave."""

    sequence: int
    time_ns: int
    id: str
    state: str
    reason: str


def _default_manager() -> str:
    if url := os.environ.get("MANAGER_GRPC_URL"):
        return url
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    own = f"{runtime}/cocos/manager.sock"
    if os.getuid() != 0 and runtime.startswith("/") and os.path.exists(own):
        return f"unix:{own}"
    return "unix:/run/cocos/manager.sock"


class Enclave:
    """One enclave as it was when asked for. Leaving a `with` block destroys it."""

    def __init__(self, host: Host, info: int) -> None:
        self._host = host
        ret, err = c_void_p(), c_void_p()
        check(lib.cocos_enclave_info_json(info, byref(ret), byref(err)), err)
        self.info: dict[str, Any] = json.loads(take_text(ret))
        self.id = text(lib.cocos_enclave_info_text(info, b"id"))
        self.state = text(lib.cocos_enclave_info_text(info, b"state"))
        self.address = text(lib.cocos_enclave_info_text(info, b"address"))
        self.agent_pin = text(lib.cocos_enclave_info_text(info, b"agent_pin"))
        self.memory = int(lib.cocos_enclave_info_number(info, b"memory"))
        self.vcpus = int(lib.cocos_enclave_info_number(info, b"vcpus"))

    def __repr__(self) -> str:
        return f"<Enclave {self.id} {self.state} {self.address}>"

    def refresh(self) -> Enclave:
        """The same enclave as it is now."""
        return self._host.get(self.id)

    def destroy(self, *, timeout: float | None = 120) -> dict[str, Any]:
        """Stop it and remove everything of it; the host's record of that."""
        return self._host.destroy(self.id, timeout=timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.destroy()
        except NotFoundError:
            pass  # gone already


class Host(Owned):
    """A place where enclaves run. Usable from many threads."""

    _free = "cocos_host_close"

    @classmethod
    def manager(
        cls,
        address: str | None = None,
        *,
        ca: str | None = None,
        cert: str | None = None,
        key: str | None = None,
        timeout: float | None = 60,
        cancel: Cancel | None = None,
    ) -> Self:
        """A host through its manager: "unix:/path" (default: the usual socket), or "host:port" with TLS files."""
        options = {"manager": address or _default_manager(), "ca": ca, "cert": cert, "key": key}
        return cls._open({k: v for k, v in options.items() if v is not None}, timeout, cancel)

    @classmethod
    def local(cls, *, timeout: float | None = 60, cancel: Cancel | None = None, **options: str) -> Self:
        """This machine, by its libvirt; options as in cocos-manager(8)."""
        return cls._open(options, timeout, cancel)

    @classmethod
    def _open(cls, options: dict[str, str], timeout: float | None, cancel: Cancel | None) -> Self:
        with _Options(make("cocos_host_options_new")) as o:
            for name, value in options.items():
                do("cocos_host_options_set", o.handle, name.encode(), value.encode())
            until = deadline(timeout)
            return cls(wait(lambda switch: make("cocos_host_open", o.handle, until, switch), cancel))

    def create(
        self,
        *,
        server_url: str,
        server_ca: bytes | None = None,
        client_cert: bytes | None = None,
        client_key: bytes | None = None,
        memory: str | None = None,
        vcpus: int | None = None,
        ttl: str | None = None,
        platform: str | None = None,
        image: str | None = None,
        log_level: str | None = None,
        request_id: str | None = None,
        wait_ready: bool = True,
        timeout: float | None = 300,
        cancel: Cancel | None = None,
    ) -> Enclave:
        """Start an enclave whose agent asks `server_url` for its computation."""
        members: dict[str, str | bytes | None] = {
            "cvms_url": server_url,
            "cvms_ca": server_ca,
            "cvms_client_cert": client_cert,
            "cvms_client_key": client_key,
            "memory": memory,
            "vcpus": None if vcpus is None else str(vcpus),
            "ttl": ttl,
            "platform": platform,
            "image": image,
            "log_level": log_level,
            "request_id": request_id,
            "wait_ready": "1" if wait_ready else "0",
        }
        with _Spec(make("cocos_enclave_spec_new")) as spec:
            for name, value in members.items():
                if value is not None:
                    data = value.encode() if isinstance(value, str) else value
                    do("cocos_enclave_spec_set", spec.handle, name.encode(), data)
            until = deadline(timeout)
            info = wait(
                lambda switch: make("cocos_enclave_create", self.handle, spec.handle, until, switch), cancel
            )
        with _Info(info) as owned:
            return Enclave(self, owned.handle)

    def get(self, id: str, *, timeout: float | None = 60, cancel: Cancel | None = None) -> Enclave:
        until = deadline(timeout)
        info = wait(lambda switch: make("cocos_enclave_get", self.handle, id.encode(), until, switch), cancel)
        with _Info(info) as owned:
            return Enclave(self, owned.handle)

    def list(self, *, timeout: float | None = 60, cancel: Cancel | None = None) -> list[Enclave]:
        until = deadline(timeout)
        found = wait(lambda switch: make("cocos_enclave_list_get", self.handle, until, switch), cancel)
        with _List(found) as owned:
            count = lib.cocos_enclave_list_count(owned.handle)
            return [Enclave(self, lib.cocos_enclave_list_at(owned.handle, i)) for i in range(count)]

    def destroy(self, id: str, *, timeout: float | None = 120, cancel: Cancel | None = None) -> dict[str, Any]:
        """Stop an enclave and remove everything of it; the host's record, `complete` when all was removed."""
        until = deadline(timeout)

        def call(switch: int) -> dict[str, Any]:
            record, err = c_void_p(), c_void_p()
            check(
                lib.cocos_enclave_destroy(self.handle, id.encode(), until, switch, byref(record), byref(err)), err
            )
            found: dict[str, Any] = json.loads(take_text(record) or "{}")
            return found

        return wait(call, cancel)

    def console(self, id: str, *, timeout: float | None = 60, cancel: Cancel | None = None) -> bytes:
        """What the guest wrote to its console so far: untrusted bytes."""
        chunks: list[bytes] = []

        def on_data(user: int | None, data: int | None, size: int) -> int:
            chunks.append(ctypes.string_at(data, size) if data else b"")
            return 0

        callback = ENCLAVE_CONSOLE_FN(on_data)
        until = deadline(timeout)
        wait(
            lambda switch: do("cocos_enclave_console", self.handle, id.encode(), 0, callback, None, until, switch),
            cancel,
        )
        return b"".join(chunks)

    def watch(
        self, id: str | None = None, *, since: int = 0, timeout: float | None = None
    ) -> Iterator[LifecycleEvent]:
        """Lifecycle events of one enclave or all; ends when the loop over it is left."""
        events: queue.SimpleQueue[LifecycleEvent | BaseException | None] = queue.SimpleQueue()
        cancel = Cancel()
        until = deadline(timeout)

        def on_event(user: int | None, sequence: int, at: int, name: bytes, state: bytes, reason: bytes) -> int:
            events.put(LifecycleEvent(sequence, at, text(name), text(state), text(reason)))
            return 0

        callback = ENCLAVE_EVENT_FN(on_event)
        which = id.encode() if id is not None else None

        def run() -> None:
            try:
                do("cocos_enclave_watch", self.handle, which, since, callback, None, until, cancel.handle)
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
