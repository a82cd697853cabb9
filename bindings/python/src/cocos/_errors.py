# SPDX-License-Identifier: Apache-2.0
"""Failures as exceptions, one class for each kind of enum cocos_status."""

from __future__ import annotations

from ctypes import c_void_p
from typing import TYPE_CHECKING, ClassVar

from cocos._library import lib

if TYPE_CHECKING:
    from cocos._verify import Verdict


class Error(Exception):
    """What went wrong: `code` is stable and documented, the text is for people."""

    status: ClassVar[int] = 0

    def __init__(
        self,
        message: str,
        *,
        code: str = "",
        check: str | None = None,
        expected: str | None = None,
        found: str | None = None,
        cause: Error | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.check = check
        self.expected = expected
        self.found = found
        if cause is not None:
            self.__cause__ = cause

    def __str__(self) -> str:
        text = f"{self.message} ({self.code})" if self.code else self.message
        if self.expected is not None or self.found is not None:
            text += f": expected {self.expected}, found {self.found}"
        return text


class UsageError(Error):
    """The caller broke the contract of a call."""

    status = -1


class MalformedError(Error):
    """Input does not have the form that it must have."""

    status = -2


class UnsupportedError(Error):
    """Well formed, but not something that this version does."""

    status = -3


class RejectedError(Error):
    """Judged and refused. Every other error means that no decision was reached."""

    status = -4
    verdict: Verdict | None = None  # where evidence was judged


class UndecidedError(Error):
    """Could not be judged."""

    status = -5
    verdict: Verdict | None = None  # where evidence was judged


class UnauthenticatedError(Error):
    """No or bad proof of who asks."""

    status = -6


class DeniedError(Error):
    """Known, but without this right."""

    status = -7


class StateError(Error):
    """Not now."""

    status = -8


class NotFoundError(Error):
    """No such thing."""

    status = -9


class ExhaustedError(Error):
    """A limit, a quota or the disk is full."""

    status = -10


class AbortedError(Error):
    """Fenced or stopped by somebody else."""

    status = -11


class IOFailedError(Error):
    """The operating system or the network refused."""

    status = -12


class TimedOutError(Error):
    """The deadline passed."""

    status = -13


class BusyError(Error):
    """Taken; try again."""

    status = -14


class CancelledError(Error):
    """A Cancel was triggered, or a callback asked to stop."""

    status = -15


class OutOfMemoryError(Error):
    """Out of memory."""

    status = -16


class InternalError(Error):
    """A fault of the library."""

    status = -17


_CLASSES: dict[int, type[Error]] = {c.status: c for c in Error.__subclasses__()}


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode("utf-8", "replace")


def _convert(pointer: int | None, status: int) -> Error:
    cause_pointer = lib.cocos_error_cause(pointer)
    kind = _CLASSES.get(lib.cocos_error_status(pointer) or status, InternalError)
    error = kind(
        _text(lib.cocos_error_message(pointer)) or "",
        code=_text(lib.cocos_error_code(pointer)) or "",
        check=_text(lib.cocos_error_check(pointer)),
        expected=_text(lib.cocos_error_expected(pointer)),
        found=_text(lib.cocos_error_found(pointer)),
        cause=_convert(cause_pointer, status) if cause_pointer else None,
    )
    verdict = lib.cocos_verdict_of_error(pointer)
    if verdict and isinstance(error, RejectedError | UndecidedError):
        from cocos._verify import read_verdict  # which needs this module

        error.verdict = read_verdict(verdict)
    return error


def convert(status: int, err: c_void_p) -> Error:
    """The exception for what a call returned; frees the error."""
    try:
        return _convert(err.value, status)
    finally:
        lib.cocos_error_free(err)


def check(status: int, err: c_void_p) -> None:
    """Raise what a call returned; frees the error."""
    if status != 0:
        raise convert(status, err)
