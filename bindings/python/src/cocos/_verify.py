# SPDX-License-Identifier: Apache-2.0
"""Evidence of confidential machines, policies, and verdicts: no network, no clock but the caller's."""

from __future__ import annotations

import enum
import json as _json
import time
from ctypes import byref, c_size_t, c_void_p, string_at
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from cocos._core import Owned, Path, do, make, take_text, text
from cocos._errors import NotFoundError, RejectedError, UndecidedError, check, convert
from cocos._library import lib

_NS = 1_000_000_000


class EvidenceKind(enum.IntEnum):
    """Kinds of evidence."""

    SNP = 1
    TDX = 2
    VTPM = 3
    ENVELOPE = 4
    PART = 5


class Part(enum.IntEnum):
    """What may be put beside the evidence itself."""

    CERTIFICATES = 1
    CERT_TABLE = 2
    CRL = 3
    TCB_INFO = 4
    QE_IDENTITY = 5
    TCB_CHAIN = 6
    EVENT_LOG = 32
    IMA_LOG = 33
    TPM_PUBLIC = 34
    TPM_SIGNATURE = 35
    TPM_PCRS = 36
    TEE_REPORT = 37
    HCL_REPORT = 38
    SVSM_MANIFEST = 39
    AK_CERTIFIED = 40


class Claim(enum.IntEnum):
    """What evidence in an envelope claims; its hash is what the hardware signed."""

    PURPOSE = 1
    CHALLENGE = 2
    LEAF = 3
    DICE = 4
    AK = 5
    STATEMENT_KEY = 6
    INSTANCE = 7
    MANIFEST = 8


class Judgement(enum.IntEnum):
    """Overall judgements; only ACCEPTED means that evidence may be believed."""

    ACCEPTED = 1
    REJECTED = 2
    UNDECIDED = 3


class Outcome(enum.IntEnum):
    """Outcomes of one check."""

    PASSED = 1
    FAILED = 2
    NOT_CHECKED = 3
    COULD_NOT_TELL = 4


@dataclass(frozen=True)
class Field:
    """One decoded field of evidence. Nothing of it is verified."""

    name: str
    value: str
    meaning: str


class Evidence(Owned):
    """What a confidential machine shows to be believed, with the material to check it."""

    _free = "cocos_evidence_free"

    @classmethod
    def parse(cls, data: bytes, kind: EvidenceKind | None = None) -> Self:
        """Take evidence; `kind` None recognises it by its content."""
        return cls(make("cocos_evidence_new", int(kind or 0), data, len(data)))

    @classmethod
    def from_file(cls, path: Path, kind: EvidenceKind | None = None) -> Self:
        with open(path, "rb") as f:
            return cls.parse(f.read(), kind)

    @property
    def data(self) -> bytes:
        """The bytes that it was made of, without what was put beside."""
        size = c_size_t()
        return string_at(lib.cocos_evidence_data(self.handle, byref(size)), size.value)

    def add(self, part: Part, data: bytes) -> Self:
        """Put material beside it: certificates, revocation lists, collateral. Gives itself."""
        do("cocos_evidence_add", self.handle, int(part), data, len(data))
        return self

    def expect(self, claim: Claim, value: bytes | str) -> Self:
        """Say what it must claim, as far as the session tells: the verdict shows it. Gives itself."""
        data = value.encode() if isinstance(value, str) else value
        do("cocos_evidence_expect", self.handle, int(claim), data, len(data))
        return self

    def claim(self, claim: Claim) -> bytes | None:
        """What it claims, None when null. Believe it only after a verdict accepted it."""
        return self._bytes("cocos_evidence_claim", int(claim))

    def find(self, media_type: str) -> bytes | None:
        """One part of an envelope, e.g. "application/vnd.cocos.ima-log"; None when it has none."""
        return self._bytes("cocos_evidence_find", media_type.encode())

    def _bytes(self, function: str, what: int | bytes) -> bytes | None:
        data, size = c_void_p(), c_size_t()
        try:
            do(function, self.handle, what, byref(data), byref(size))
        except NotFoundError:
            return None
        return string_at(data, size.value)

    def add_bundle(self, bundle: Bundle) -> Self:
        """Put beside it all that a bundle holds, which must be for this kind of evidence. Gives itself."""
        do("cocos_evidence_add_bundle", self.handle, bundle.handle)
        return self

    @property
    def kind(self) -> EvidenceKind:
        return EvidenceKind(lib.cocos_evidence_kind(self.handle))

    def show(self) -> str:
        """Every field with what it means, as a table for people. Nothing of it is verified."""
        return _text_of("cocos_evidence_to_table", self.handle)

    @property
    def fields(self) -> list[Field]:
        """Every field with what it means. Nothing of it is verified."""
        document = _json.loads(_text_of("cocos_evidence_to_json", self.handle))
        return [Field(f["name"], f["value"], f["meaning"]) for f in document["fields"]]


@dataclass(frozen=True)
class BundleItem:
    """One thing that a bundle holds. `until`: when it ends by its own word, None when it does not say."""

    part: Part
    data: bytes
    source: str
    until: datetime | None


class Bundle(Owned):
    """What `cocos collateral bundle` wrote: all that one evidence needs to be judged. Nothing of it is verified."""

    _free = "cocos_bundle_free"

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read a bundle; its form only, that of every item too."""
        return cls(make("cocos_bundle_parse", data, len(data)))

    @classmethod
    def from_file(cls, path: Path) -> Self:
        with open(path, "rb") as f:
            return cls.parse(f.read())

    def __bytes__(self) -> bytes:
        """As it is written to a file."""
        size = c_size_t()
        pointer = lib.cocos_bundle_cbor(self.handle, byref(size))
        return string_at(pointer, size.value)

    @property
    def kind(self) -> EvidenceKind:
        return EvidenceKind(lib.cocos_bundle_kind(self.handle))

    @property
    def subject(self) -> str:
        """What it was fetched for, for people."""
        return text(lib.cocos_bundle_subject(self.handle))

    @property
    def items(self) -> list[BundleItem]:
        return [_item(self.handle, i) for i in range(lib.cocos_bundle_count(self.handle))]


@dataclass(frozen=True)
class Rule:
    """What a policy does with one rule; `state` is demanded, given away, open, default or not checked."""

    name: str
    meaning: str
    state: str
    says: str


class Policy(Owned):
    """What a relying party accepts: rules of cocos-policy(5). Defaults refuse."""

    _free = "cocos_policy_free"

    def __init__(self, pointer: int | None = None) -> None:
        super().__init__(make("cocos_policy_new") if pointer is None else pointer)

    @classmethod
    def from_json(cls, json: str | bytes) -> Self:
        """Read the JSON form. Every defect is told: each is the __cause__ of the one before."""
        data = json.encode() if isinstance(json, str) else json
        return cls(make("cocos_policy_from_json", data, len(data)))

    @classmethod
    def from_file(cls, path: Path) -> Self:
        with open(path, "rb") as f:
            return cls.from_json(f.read())

    def set(self, rule: str, value: str | bytes | int | bool) -> Self:
        """Set one rule, replacing what it said before; "any": this is not checked. Gives itself."""
        if isinstance(value, bytes):
            do("cocos_policy_set_bytes", self.handle, rule.encode(), value, len(value))
        else:
            do("cocos_policy_set", self.handle, rule.encode(), _rule_text(value))
        return self

    def add(self, rule: str, value: str | bytes) -> Self:
        """One more acceptable value of a rule that takes several. Gives itself."""
        do("cocos_policy_add", self.handle, rule.encode(), _rule_text(value))
        return self

    def add_root(self, data: bytes) -> Self:
        """Trust these roots (PEM or DER) and no others; their verdicts may say simulated. Gives itself."""
        do("cocos_policy_add_root", self.handle, data, len(data))
        return self

    def add_pcrs(self, json: str | bytes) -> Self:
        """Golden PCR values, {"pcr_values": {"sha256": {"0": "hex"}}}: one more value of each rule. Gives itself."""
        data = json.encode() if isinstance(json, str) else json
        do("cocos_policy_add_pcrs", self.handle, data, len(data))
        return self

    def to_json(self) -> str:
        return _text_of("cocos_policy_to_json", self.handle)

    def explain(self) -> str:
        """In words: what is demanded, what an "any" gives away, what is open, which defaults count."""
        return _text_of("cocos_policy_explain", self.handle)

    @property
    def rules(self) -> list[Rule]:
        """The same, rule by rule."""
        document = _json.loads(_text_of("cocos_policy_explain_json", self.handle))
        return [Rule(r["rule"], r["meaning"], r["state"], r["says"]) for r in document["rules"]]


@dataclass(frozen=True)
class Row:
    """One check: what was expected and by whom, what was found and who signed it."""

    name: str
    outcome: Outcome
    expected: str
    origin: str
    found: str
    signer: str
    source: str
    code: str


@dataclass(frozen=True)
class Verdict:
    """The judgement over evidence. True only when accepted."""

    judgement: Judgement
    reason: str
    simulated: bool
    rows: tuple[Row, ...]
    table: str
    json: str

    @property
    def accepted(self) -> bool:
        return self.judgement is Judgement.ACCEPTED

    def __bool__(self) -> bool:
        return self.accepted

    def __str__(self) -> str:
        return self.table

    def row(self, name: str) -> Row:
        """The row of one check; KeyError when there is none."""
        for r in self.rows:
            if r.name == name:
                return r
        raise KeyError(name)


class Verifier(Owned):
    """A policy made ready to judge. May be used from many threads at once."""

    _free = "cocos_verifier_free"

    def __init__(self, policy: Policy) -> None:
        super().__init__(make("cocos_verifier_new", policy.handle))

    def keep_chain(self, evidence: Evidence) -> None:
        """Verify the certificates of `evidence` now and keep them for later evidence."""
        do("cocos_verifier_keep_chain", self.handle, evidence.handle)

    def verify(self, evidence: Evidence, *, at: datetime | None = None) -> Verdict:
        """The verdict of evidence that is accepted; otherwise RejectedError or UndecidedError with `.verdict`.

        `at` judges as of another time than now, and the verdict shows that it was chosen.
        """
        verdict, error = self._run(evidence, at)
        if error is not None:
            raise error
        return verdict

    def judge(self, evidence: Evidence, *, at: datetime | None = None) -> Verdict:
        """The verdict, whatever it says. It is true only when accepted."""
        return self._run(evidence, at)[0]

    def _run(self, evidence: Evidence, at: datetime | None) -> tuple[Verdict, RejectedError | UndecidedError | None]:
        ret, err = c_void_p(), c_void_p()
        when, source = (time.time_ns(), 1) if at is None else (nanoseconds(at), 2)
        status = lib.cocos_verifier_verify(self.handle, evidence.handle, when, source, byref(ret), byref(err))
        if not ret.value:
            check(status, err)
        try:
            verdict = read_verdict(ret.value)
        finally:
            lib.cocos_verdict_free(ret)
        return verdict, refusal(verdict, status, err)


def refusal(verdict: Verdict, status: int, err: c_void_p) -> RejectedError | UndecidedError | None:
    """What to raise for a verdict that accepts nothing."""
    if status == 0:
        return None
    error = convert(status, err)
    assert isinstance(error, RejectedError | UndecidedError)
    error.verdict = verdict
    return error


def _text_of(function: str, handle: int) -> str:
    ret, err = c_void_p(), c_void_p()
    check(getattr(lib, function)(handle, byref(ret), byref(err)), err)
    return take_text(ret)


def _rule_text(value: str | bytes | int | bool) -> bytes:
    if isinstance(value, bool):
        return b"true" if value else b"false"
    if isinstance(value, int):
        return str(value).encode()
    return value.hex().encode() if isinstance(value, bytes) else value.encode()


def nanoseconds(at: datetime) -> int:
    if at.tzinfo is None:
        raise ValueError("a time without a time zone could mean several: give datetime(..., tzinfo=timezone.utc)")
    return int(at.timestamp()) * _NS + at.microsecond * 1000


def _item(bundle: int, i: int) -> BundleItem:
    size = c_size_t()
    pointer = lib.cocos_bundle_data(bundle, i, byref(size))
    until = lib.cocos_bundle_until_ns(bundle, i) // 1000
    return BundleItem(
        part=Part(lib.cocos_bundle_part(bundle, i)),
        data=string_at(pointer, size.value),
        source=text(lib.cocos_bundle_source(bundle, i)),
        until=datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=until) if until else None,
    )


def _row(verdict: Any, i: int) -> Row:
    name, expected, origin, found, signer, source, code = (
        text(lib.cocos_verdict_row_text(verdict, i, what)) for what in range(1, 8)
    )
    outcome = Outcome(lib.cocos_verdict_row_outcome(verdict, i))
    return Row(name, outcome, expected, origin, found, signer, source, code)


def read_verdict(pointer: Any) -> Verdict:
    """A copy of a verdict of the library."""
    return Verdict(
        judgement=Judgement(lib.cocos_verdict_judgement(pointer)),
        reason=text(lib.cocos_verdict_reason(pointer)),
        simulated=bool(lib.cocos_verdict_simulated(pointer)),
        rows=tuple(_row(pointer, i) for i in range(lib.cocos_verdict_row_count(pointer))),
        table=_text_of("cocos_verdict_to_table", pointer),
        json=_text_of("cocos_verdict_to_json", pointer),
    )
