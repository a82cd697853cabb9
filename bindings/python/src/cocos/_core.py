# SPDX-License-Identifier: Apache-2.0
"""What all classes share: owned objects, deadlines, cancellation, calls that wait."""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Callable
from ctypes import byref, c_void_p
from types import TracebackType
from typing import Any, ClassVar, Self, TypeVar

from cocos._errors import UsageError, check
from cocos._library import lib

Path = str | os.PathLike[str]
T = TypeVar("T")


def version() -> str:
    """Version of the library in use."""
    return text(lib.cocos_version())


def text(value: bytes | None) -> str:
    return (value or b"").decode("utf-8", "replace")


def take_text(pointer: c_void_p) -> str:
    """A text that the library handed over."""
    try:
        return text(ctypes.string_at(pointer.value)) if pointer.value else ""
    finally:
        lib.cocos_free_text(pointer)


def path_bytes(path: Path) -> bytes:
    return os.fsencode(path)


def deadline(timeout: float | None) -> int:
    """Seconds from now as a deadline of the library; None waits for ever."""
    return 0 if timeout is None else int(lib.cocos_deadline_in(max(0, int(timeout * 1e9))))


class Owned:
    """An object of the library: freed by close(), at the end of `with`, or when collected."""

    _free: ClassVar[str]

    _pointer: int | None = None  # also when making it failed

    def __init__(self, pointer: int | None) -> None:
        if not isinstance(pointer, int | None):
            raise TypeError(f"{type(self).__name__} is made by its class methods, not of {type(pointer).__name__}")
        self._pointer = pointer

    @property
    def handle(self) -> int:
        if self._pointer is None:
            raise UsageError(f"this {type(self).__name__} is closed", code="usage.null")
        return self._pointer

    def close(self) -> None:
        """Free it; harmless when done already."""
        pointer, self._pointer = self._pointer, None
        if pointer is not None:
            getattr(lib, self._free)(pointer)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self) -> None:
        if getattr(self, "_pointer", None) is not None:
            self.close()


def make(function: str, *arguments: Any) -> int:
    """Call `function(*arguments, &ret, &err)` and give what it made."""
    ret, err = c_void_p(), c_void_p()
    check(getattr(lib, function)(*arguments, byref(ret), byref(err)), err)
    assert ret.value is not None
    return ret.value


def do(function: str, *arguments: Any) -> None:
    """Call `function(*arguments, &err)`."""
    err = c_void_p()
    check(getattr(lib, function)(*arguments, byref(err)), err)


class Cancel(Owned):
    """Ends the calls that were given it, from another thread."""

    _free = "cocos_cancel_free"

    def __init__(self) -> None:
        pointer = lib.cocos_cancel_new()
        if pointer is None:
            raise MemoryError
        super().__init__(pointer)

    def trigger(self) -> None:
        """End every such call, now and later, with CancelledError."""
        lib.cocos_cancel_trigger(self.handle)

    @property
    def triggered(self) -> bool:
        return bool(lib.cocos_cancel_triggered(self.handle))


def wait(call: Callable[[int], T], cancel: Cancel | None = None) -> T:
    """Run call(cancel handle), which may block, so that Ctrl-C in the main thread ends it cleanly."""
    own = cancel or Cancel()
    if threading.current_thread() is not threading.main_thread():
        return call(own.handle)

    result: list[T] = []
    failure: list[BaseException] = []

    def run() -> None:
        try:
            result.append(call(own.handle))
        except BaseException as e:  # handed to the caller below
            failure.append(e)

    thread = threading.Thread(target=run, name="cocos-call")
    thread.start()
    try:
        thread.join()
    except BaseException:
        own.trigger()
        thread.join()
        raise
    if failure:
        raise failure[0]
    return result[0]
