# SPDX-License-Identifier: Apache-2.0
"""Evidence, policies and verdicts, with evidence of a hierarchy made for this run."""

from __future__ import annotations

import enum
import json
import os
import pathlib
import re
import subprocess
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

import cocos

ROOT = pathlib.Path(__file__).resolve().parents[3]
MAKER = pathlib.Path(os.environ.get("COCOS_BUILD_ROOT", ROOT / "build")) / "tests" / "integration" / "make-evidence"
AT = datetime(2025, 6, 15, 15, 6, 40, tzinfo=UTC)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    if not MAKER.exists():
        pytest.skip("skipped: make-evidence is not built")
    top = tmp_path_factory.mktemp("evidence")
    subprocess.run([MAKER, top], check=True)
    return top


def snp(top: pathlib.Path) -> cocos.Evidence:
    folder = top / "snp"
    evidence = cocos.Evidence.from_file(folder / "report.bin")
    for name in ("vcek.der", "ask.der", "ark.der"):
        evidence.add(cocos.Part.CERTIFICATES, (folder / name).read_bytes())
    return evidence.add(cocos.Part.CRL, (folder / "crl-0.der").read_bytes())


def tdx(top: pathlib.Path) -> cocos.Evidence:
    folder = top / "tdx"
    parts = {
        "tcb-info.json": cocos.Part.TCB_INFO,
        "qe-identity.json": cocos.Part.QE_IDENTITY,
        "tcb-chain.pem": cocos.Part.TCB_CHAIN,
        "crl-0.der": cocos.Part.CRL,
        "crl-1.der": cocos.Part.CRL,
    }
    evidence = cocos.Evidence.from_file(folder / "quote.bin")
    for name, part in parts.items():
        evidence.add(part, (folder / name).read_bytes())
    return evidence


MAKERS: dict[str, Callable[[pathlib.Path], cocos.Evidence]] = {"snp": snp, "tdx": tdx}


@pytest.mark.parametrize("kind", MAKERS)
def test_good_evidence_is_accepted_and_called_simulated(kind: str, made: pathlib.Path) -> None:
    with MAKERS[kind](made) as evidence, cocos.Policy.from_file(made / kind / "policy.json") as policy:
        verdict = cocos.Verifier(policy).verify(evidence, at=AT)
    assert verdict and verdict.accepted and verdict.simulated and verdict.reason == ""
    assert "SIMULATED" in verdict.table and json.loads(verdict.json)["verdict"] == "accepted"
    data = verdict.row(f"{kind}.report_data")
    assert data.outcome is cocos.Outcome.PASSED and data.origin == "policy" and data.signer
    assert [r.name for r in verdict.rows if r.name.startswith("coverage.")] == [
        "coverage.firmware", "coverage.kernel", "coverage.command_line", "coverage.initrd", "coverage.agent"
    ]


def test_the_clock_is_named_when_no_time_is_chosen(made: pathlib.Path) -> None:
    verifier = cocos.Verifier(cocos.Policy.from_file(made / "snp" / "policy.json"))
    assert verifier.judge(snp(made)).row("time").signer == "the caller's clock"
    assert verifier.judge(snp(made), at=AT).row("time").signer == "chosen by the caller"
    with pytest.raises(ValueError, match="time zone"):
        verifier.judge(snp(made), at=datetime(2025, 6, 15))


@pytest.mark.parametrize("kind", MAKERS)
def test_a_refusal_is_an_exception_with_the_verdict(kind: str, made: pathlib.Path) -> None:
    policy = cocos.Policy.from_file(made / kind / "policy.json").set(f"{kind}.report_data", bytes(64))
    with pytest.raises(cocos.RejectedError) as e:
        cocos.Verifier(policy).verify(MAKERS[kind](made), at=AT)
    verdict = e.value.verdict
    assert verdict is not None and not verdict and verdict.judgement is cocos.Judgement.REJECTED
    assert verdict.reason == e.value.code == verdict.row(f"{kind}.report_data").code
    assert not cocos.Verifier(policy).judge(MAKERS[kind](made), at=AT)
    with pytest.raises(KeyError):
        verdict.row("no.such")


def test_what_is_missing_leaves_it_undecided(made: pathlib.Path) -> None:
    bare = cocos.Evidence.from_file(made / "snp" / "report.bin")
    with pytest.raises(cocos.UndecidedError) as e:
        cocos.Verifier(cocos.Policy.from_file(made / "snp" / "policy.json")).verify(bare, at=AT)
    assert e.value.verdict is not None and e.value.verdict.judgement is cocos.Judgement.UNDECIDED


def test_vendors_roots_do_not_vouch_for_made_evidence(made: pathlib.Path) -> None:
    document = json.loads((made / "snp" / "policy.json").read_text()) | {"roots": "vendor"}
    with pytest.raises(cocos.RejectedError) as e:
        cocos.Verifier(cocos.Policy.from_json(json.dumps(document))).verify(snp(made), at=AT)
    assert e.value.code == "snp.root_untrusted" and e.value.verdict is not None and not e.value.verdict.simulated


def test_every_field_is_shown_and_called_unverified(made: pathlib.Path) -> None:
    with snp(made) as evidence:
        assert evidence.kind is cocos.EvidenceKind.SNP
        fields = {f.name: f for f in evidence.fields}
        assert fields["measurement"].value == "a1" * 48 and fields["measurement"].meaning
        assert "NOT VERIFIED" in evidence.show()
    assert {f.name for f in tdx(made).fields} >= {"mrtd", "report_data"}
    with cocos.Evidence.from_file(made / "vtpm" / "quotes.bin") as quotes:
        assert quotes.kind is cocos.EvidenceKind.VTPM
        assert {f.name for f in quotes.fields} >= {"ak.digest", "quote.nonce", "pcr.sha256.0"}


def test_tpm_quotes_of_a_pinned_key_are_accepted(made: pathlib.Path) -> None:
    policy = cocos.Policy.from_file(made / "vtpm" / "policy.json")
    quotes = cocos.Evidence.from_file(made / "vtpm" / "quotes.bin")
    assert cocos.Verifier(policy).verify(quotes, at=AT).accepted
    with pytest.raises(cocos.RejectedError):
        cocos.Verifier(policy.set("vtpm.nonce", bytes(32))).verify(quotes, at=AT)


def test_garbage_is_no_evidence() -> None:
    with pytest.raises(cocos.UnsupportedError) as e:
        cocos.Evidence.parse(b"nothing")
    assert e.value.code == "evidence.kind"


def test_the_numbers_are_those_of_the_header() -> None:
    header = (ROOT / "include" / "cocos" / "verifier.h").read_text()
    prefixes: dict[type[enum.IntEnum], str] = {cocos.EvidenceKind: "EVIDENCE", cocos.Part: "PART"}
    for numbers, prefix in prefixes.items():
        stated = {n: int(v) for n, v in re.findall(rf"\bCOCOS_{prefix}_(\w+) = (\d+)", header)}
        assert {m.name: int(m) for m in numbers} == stated
    for judgement in cocos.Judgement:
        assert f"COCOS_{judgement.name} = {judgement.value}" in header


def test_policies_go_through_json_and_back() -> None:
    policy = cocos.Policy()
    policy.set("snp.measurement", b"\x01" * 48).add("snp.measurement", b"\x02" * 48)
    policy.set("snp.products", "Milan").set("snp.vmpl", 1).set("snp.permit_provisional", True)
    document = json.loads(policy.to_json())
    assert document["snp"]["measurement"] == ["01" * 48, "02" * 48]
    assert (document["snp"]["vmpl"], document["snp"]["permit_provisional"]) == ("0x1", True)
    assert json.loads(cocos.Policy.from_json(policy.to_json()).to_json()) == document
    assert "snp.vmpl" in policy.explain()
    rules = {r.name: r for r in policy.rules}
    assert (rules["snp.products"].state, rules["snp.products"].says) == ("demanded", "Milan")
    assert (rules["snp.report_data"].state, rules["snp.guest_policy"].state) == ("open", "default")
    assert "tdx.mrtd" not in rules
    pcrs = json.loads(cocos.Policy().add_pcrs(json.dumps({"pcr_values": {"sha256": {"7": "ab" * 32}}})).to_json())
    assert "ab" * 32 in json.dumps(pcrs["vtpm"])
    with pytest.raises(cocos.UsageError) as e:
        policy.set("snp.vmpl", 9)
    assert e.value.code == "policy.value"


def test_every_defect_of_a_policy_is_told() -> None:
    with pytest.raises(cocos.MalformedError) as e:
        cocos.Policy.from_json('{"version": 1, "snp": {"vmpl": 9, "products": "any"}, "extra": 0}')
    places, error = [], e.value
    while isinstance(error, cocos.Error):
        places.append(error.check)
        error = error.__cause__  # type: ignore[assignment]
    assert places == ["/snp/vmpl", "/extra", "/snp/measurement"]


def test_a_kept_chain_judges_bare_reports(made: pathlib.Path) -> None:
    verifier = cocos.Verifier(cocos.Policy.from_file(made / "snp" / "policy.json"))
    verifier.keep_chain(snp(made))
    bare = cocos.Evidence.from_file(made / "snp" / "report.bin")
    bare.add(cocos.Part.CRL, (made / "snp" / "crl-0.der").read_bytes())
    assert verifier.verify(bare, at=AT).accepted
    assert not verifier.judge(bare, at=AT + timedelta(days=365 * 50))


def test_one_verifier_serves_many_threads(made: pathlib.Path) -> None:
    verifier = cocos.Verifier(cocos.Policy.from_file(made / "snp" / "policy.json"))
    accepted: list[bool] = []

    def run() -> None:
        for _ in range(20):
            accepted.append(verifier.judge(snp(made), at=AT).accepted)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert accepted == [True] * 80


@pytest.mark.parametrize("kind", MAKERS)
def test_a_bundle_takes_the_place_of_single_parts(kind: str, made: pathlib.Path) -> None:
    folder = made / kind
    data = (folder / "bundle").read_bytes()
    bundle = cocos.Bundle.from_file(folder / "bundle")
    assert (bytes(bundle), bundle.kind.name, bundle.subject) == (data, kind.upper(), "made by make-evidence")
    assert len(bundle.items) == (4 if kind == "snp" else 5)
    for item in bundle.items:
        assert item.data == (folder / item.source).read_bytes()
        assert item.until is not None and item.until > AT
    with cocos.Evidence.from_file(next(folder.glob("*.bin"))) as evidence:
        verifier = cocos.Verifier(cocos.Policy.from_file(folder / "policy.json"))
        assert verifier.judge(evidence, at=AT).judgement is cocos.Judgement.UNDECIDED
        assert verifier.verify(evidence.add_bundle(bundle), at=AT)


def test_what_is_no_bundle_or_one_for_another_kind_is_refused(made: pathlib.Path) -> None:
    data = (made / "snp" / "bundle").read_bytes()
    for wrong in (b"", data[:-1], data + b"x", b"\xa0"):
        with pytest.raises(cocos.MalformedError):
            cocos.Bundle.parse(wrong)
    with cocos.Bundle.parse(data) as bundle, pytest.raises(cocos.UsageError) as e:
        cocos.Evidence.from_file(made / "tdx" / "quote.bin").add_bundle(bundle)
    assert e.value.code == "collateral.kind"
    with pytest.raises(cocos.UsageError):
        bytes(bundle)  # closed


@pytest.mark.parametrize("made", [cocos.Evidence, cocos.Policy, cocos.Bundle])
@pytest.mark.parametrize("value", [b"abc", "policy.json"])
def test_an_object_is_not_made_of_bytes_by_its_class(made: type, value: object) -> None:
    with pytest.raises(TypeError, match="class methods"):
        made(value)
