# SPDX-License-Identifier: Apache-2.0
"""Approvals of the parties, and case files: where a result comes from, checkable years later."""

from __future__ import annotations

import json as _json
import pathlib
from collections.abc import Iterable
from ctypes import byref, c_size_t, c_void_p, string_at
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from cocos._core import Owned, Path, do, make, take_text, text
from cocos._errors import RejectedError, UndecidedError, check
from cocos._key import Key
from cocos._library import lib
from cocos._manifest import Checksum, Manifest
from cocos._verify import Bundle, Part, Verdict, Verifier, nanoseconds, read_verdict, refusal


def _borrowed(function: str, handle: int) -> bytes:
    """Bytes that belong to an object: `const uint8_t *f(x, size_t *len)`."""
    size = c_size_t()
    pointer = getattr(lib, function)(handle, byref(size))
    return string_at(pointer, size.value)


def _made(function: str, handle: int) -> bytes:
    """Bytes that a call gives out: `int f(x, const uint8_t **data, size_t *len, err)`."""
    data, size, err = c_void_p(), c_size_t(), c_void_p()
    check(getattr(lib, function)(handle, byref(data), byref(size), byref(err)), err)
    return string_at(data.value, size.value)


def _text(function: str, *arguments: Any) -> str:
    ret, err = c_void_p(), c_void_p()
    check(getattr(lib, function)(*arguments, byref(ret), byref(err)), err)
    return take_text(ret)


class _Options(Owned):
    _free = "cocos_approval_options_free"


class Approval(Owned):
    """A signed approval or withdrawal of exactly one manifest. Immutable."""

    _free = "cocos_approval_free"

    @classmethod
    def sign(
        cls,
        manifest: Manifest,
        key: Key,
        *,
        role: str | None = None,
        not_after: datetime | None = None,
        max_runs: int | None = None,
        policy: Checksum | None = None,
        instance: bytes | None = None,
        withdraw: bool = False,
    ) -> Self:
        """Sign with a private key that the manifest names; `policy` is the checksum of the policy file you went by."""
        values = {
            "role": role,
            "not_after": None if not_after is None else str(nanoseconds(not_after) // 1_000_000_000),
            "max_runs": None if max_runs is None else str(max_runs),
            "policy": None if policy is None else policy.digest.hex(),
            "instance": None if instance is None else instance.hex(),
            "withdraw": "true" if withdraw else None,
        }
        with _Options(make("cocos_approval_options_new")) as options:
            for name, value in values.items():
                if value is not None:
                    do("cocos_approval_options_set", options.handle, name.encode(), value.encode())
            return cls(make("cocos_approval_sign", manifest.handle, key.handle, options.handle))

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read one. Form only: verify() says whether it counts."""
        return cls(make("cocos_approval_parse", data, len(data)))

    def verify(self, manifest: Manifest) -> None:
        """An exception unless it is for this manifest, by a key that it names for the role."""
        do("cocos_approval_verify", self.handle, manifest.handle)

    def __bytes__(self) -> bytes:
        return _borrowed("cocos_approval_cbor", self.handle)

    @property
    def is_withdrawal(self) -> bool:
        return bool(lib.cocos_approval_is_withdrawal(self.handle))

    @property
    def role(self) -> str:
        return text(lib.cocos_approval_role(self.handle))

    @property
    def signer(self) -> bytes:
        """Thumbprint of the key that signed."""
        return string_at(lib.cocos_approval_signer(self.handle), 32)

    @property
    def manifest_digest(self) -> bytes:
        return string_at(lib.cocos_approval_manifest_digest(self.handle), 32)

    @property
    def says(self) -> dict[str, Any]:
        """All of it, nothing verified."""
        document: dict[str, Any] = _json.loads(_text("cocos_approval_to_json", self.handle))
        return document


@dataclass(frozen=True)
class CaseVerdict(Verdict):
    """The judgement over a case, and the same in plain words."""

    explanation: str

    @property
    def sound(self) -> bool:
        """All checks that were made passed, whatever the result file at hand is."""
        return self.row("case.sound").outcome.name == "PASSED"


class _Terms(Owned):
    _free = "cocos_case_terms_free"


class Case(Owned):
    """All that makes one result checkable: manifest, approvals, evidence, statement, closure."""

    _free = "cocos_case_free"

    @classmethod
    def make(
        cls,
        manifest: Manifest,
        *,
        statement: bytes,
        evidence: bytes,
        closure: bytes | None = None,
        approvals: Iterable[Approval | bytes] = (),
    ) -> Self:
        """Put the parts together, each held to its form."""
        case = cls(make("cocos_case_new", manifest.handle, evidence, len(evidence), statement, len(statement)))
        for approval in approvals:
            data = bytes(approval)
            do("cocos_case_add_approval", case.handle, data, len(data))
        if closure is not None:
            do("cocos_case_set_closure", case.handle, closure, len(closure))
        return case

    @classmethod
    def parse(cls, data: bytes) -> Self:
        return cls(make("cocos_case_parse", data, len(data)))

    @classmethod
    def from_file(cls, path: Path) -> Self:
        return cls.parse(pathlib.Path(path).read_bytes())

    def add_collateral(self, part: Part | int, data: bytes) -> Self:
        """What the evidence needs to be judged, as it is valid now. Gives itself."""
        do("cocos_case_add_collateral", self.handle, int(part), data, len(data))
        return self

    def add_bundle(self, bundle: Bundle) -> Self:
        """All of a bundle. Gives itself."""
        for item in bundle.items:
            self.add_collateral(item.part, item.data)
        return self

    def __bytes__(self) -> bytes:
        return _made("cocos_case_cbor", self.handle)

    @property
    def manifest(self) -> Manifest:
        return Manifest(lib.cocos_case_manifest(self.handle), self)

    @property
    def approvals(self) -> list[Approval]:
        """Approvals and withdrawals, as copies."""
        return [
            Approval.parse(_borrowed("cocos_approval_cbor", lib.cocos_case_approval(self.handle, i)))
            for i in range(lib.cocos_case_approval_count(self.handle))
        ]

    @property
    def statement(self) -> dict[str, Any]:
        """What the guest says; nothing of it is verified."""
        document: dict[str, Any] = _json.loads(
            _text("cocos_statement_to_json", lib.cocos_case_statement(self.handle))
        )
        return document

    @property
    def result(self) -> Checksum | None:
        """Digest and size of the result that the statement is about."""
        statement = lib.cocos_case_statement(self.handle)
        digest = lib.cocos_statement_result_digest(statement)
        return digest and Checksum(string_at(digest, 32), lib.cocos_statement_result_size(statement))

    @property
    def closure(self) -> dict[str, Any] | None:
        """What the guest says that it wiped; nothing of it is verified."""
        closure = lib.cocos_case_closure(self.handle)
        return closure and _json.loads(_text("cocos_closure_to_json", closure))

    @property
    def anchor_request(self) -> bytes:
        """What to send to a time-stamp authority, as application/timestamp-query."""
        return _made("cocos_case_anchor_request", self.handle)

    def anchor(self, reply: bytes) -> Self:
        """Put the authority's answer in. Gives itself."""
        do("cocos_case_anchor", self.handle, reply, len(reply))
        return self

    def verify(
        self,
        verifier: Verifier,
        *,
        result: Checksum | None = None,
        tsa_roots: Iterable[bytes] = (),
        at: datetime | None = None,
    ) -> CaseVerdict:
        """The verdict of a case that is sound and, where `result` is given, about it; otherwise RejectedError or
        UndecidedError with `.verdict`. `tsa_roots` (PEM or DER) are the authorities whose time-stamps are believed."""
        verdict, error = self._run(verifier, result, tsa_roots, at)
        if error is not None:
            raise error
        return verdict

    def judge(
        self,
        verifier: Verifier,
        *,
        result: Checksum | None = None,
        tsa_roots: Iterable[bytes] = (),
        at: datetime | None = None,
    ) -> CaseVerdict:
        """The verdict, whatever it says. It is true only when accepted."""
        return self._run(verifier, result, tsa_roots, at)[0]

    def _run(
        self, verifier: Verifier, result: Checksum | None, tsa_roots: Iterable[bytes], at: datetime | None
    ) -> tuple[CaseVerdict, RejectedError | UndecidedError | None]:
        ret, err = c_void_p(), c_void_p()
        with _Terms(make("cocos_case_terms_new")) as terms:
            if result is not None:
                do("cocos_case_terms_set_result", terms.handle, result.digest, result.size)
            if at is not None:
                do("cocos_case_terms_set_time", terms.handle, nanoseconds(at))
            for root in tsa_roots:
                do("cocos_case_terms_add_tsa_root", terms.handle, root, len(root))
            status = lib.cocos_case_verify(self.handle, verifier.handle, terms.handle, byref(ret), byref(err))
        if not ret.value:
            check(status, err)
        try:
            plain = read_verdict(ret.value)
            verdict = CaseVerdict(**vars(plain), explanation=_text("cocos_case_explain", self.handle, ret))
        finally:
            lib.cocos_verdict_free(ret)
        return verdict, refusal(verdict, status, err)

    def explain(self) -> str:
        """What it says, in plain words and not judged; a verdict has the same with the judgement."""
        return _text("cocos_case_explain", self.handle, None)

    @property
    def headings(self) -> dict[str, Any]:
        """The same as lists of sentences: people, project, setting, data, output, not_proven."""
        document: dict[str, Any] = _json.loads(_text("cocos_case_explain_json", self.handle, None))
        return document
