# SPDX-License-Identifier: Apache-2.0
"""Approvals and cases, on a whole case of a hierarchy whose keys are made for this run."""

from __future__ import annotations

import os
import pathlib
import subprocess
from datetime import UTC, datetime

import pytest

import cocos

ROOT = pathlib.Path(__file__).resolve().parents[3]
MAKER = pathlib.Path(os.environ.get("COCOS_BUILD_ROOT", ROOT / "build")) / "tests" / "schema" / "make-case"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    if not MAKER.exists():
        pytest.skip("skipped: make-case is not built")
    top = tmp_path_factory.mktemp("case")
    subprocess.run([MAKER, top], check=True)
    return top


@pytest.fixture
def verifier(made: pathlib.Path) -> cocos.Verifier:
    return cocos.Verifier(cocos.Policy.from_file(made / "policy.json"))


def test_a_case_made_of_its_parts_is_the_case(made: pathlib.Path) -> None:
    with cocos.Case.make(
        cocos.Manifest.from_file(made / "manifest.json"),
        statement=(made / "statement").read_bytes(),
        evidence=(made / "evidence").read_bytes(),
        closure=(made / "closure").read_bytes(),
        approvals=[(made / f"approval-{i}").read_bytes() for i in range(3)],
    ) as case:
        for name in ("vcek.der", "ask.der"):
            case.add_collateral(cocos.Part.CERTIFICATES, (made / name).read_bytes())
        assert bytes(case) == (made / "case").read_bytes()
        assert [a.role for a in case.approvals] == ["algorithm-provider", "data-provider", "consumer"]
        assert case.manifest.digest == case.approvals[0].manifest_digest
        assert case.closure is not None and len(case.closure["wiped"]) == 2
        assert case.result == cocos.checksum(made / "result")
        assert case.statement["computation_id"] == case.manifest.id


def test_two_successes(made: pathlib.Path, verifier: cocos.Verifier) -> None:
    case = cocos.Case.from_file(made / "case")
    verdict = case.verify(verifier, result=cocos.checksum(made / "result"))
    assert verdict and verdict.sound and verdict.simulated and "The case is sound." in verdict.explanation
    assert verdict.row("case.result").outcome is cocos.Outcome.PASSED
    with pytest.raises(cocos.RejectedError) as e:
        case.verify(verifier, result=cocos.Checksum(bytes(32), 20))
    assert isinstance(e.value.verdict, cocos.CaseVerdict)
    assert e.value.code == "case.result" and e.value.verdict.sound and not e.value.verdict


def test_time_is_anchored_or_claimed(made: pathlib.Path, verifier: cocos.Verifier) -> None:
    case = cocos.Case.from_file(made / "case-anchored")
    root = (made / "tsa-root.pem").read_bytes()
    assert case.result is None and case.closure is None
    assert case.judge(verifier, tsa_roots=[root]).row("case.time").outcome is cocos.Outcome.PASSED
    assert case.judge(verifier).row("case.time").outcome is cocos.Outcome.NOT_CHECKED
    assert not case.judge(verifier, at=datetime(2099, 1, 1, tzinfo=UTC))
    assert case.anchor_request[:2] == b"\x30\x39"
    with pytest.raises(cocos.MalformedError):
        case.anchor(b"no stamp")


def test_a_changed_case_is_refused(made: pathlib.Path, verifier: cocos.Verifier) -> None:
    data = bytearray((made / "case").read_bytes())
    data[data.find((made / "statement").read_bytes()) + 900] ^= 1
    with pytest.raises(cocos.RejectedError):
        cocos.Case.parse(bytes(data)).verify(verifier)
    with pytest.raises(cocos.MalformedError):
        cocos.Case.parse(bytes(data[:-1]))


def test_unjudged_words_say_so(made: pathlib.Path) -> None:
    case = cocos.Case.from_file(made / "case")
    assert "NOT JUDGED" in case.explain()
    assert set(case.headings) >= {"people", "project", "setting", "data", "output", "not_proven"}


def test_approvals(made: pathlib.Path) -> None:
    manifest = cocos.Manifest.from_file(made / "manifest.json")
    key = cocos.Key.from_file(made / "data.pem")
    approval = cocos.Approval.sign(
        manifest, key, max_runs=2, not_after=datetime(2027, 1, 1, tzinfo=UTC), policy=cocos.checksum(made / "policy.json")
    )
    approval.verify(manifest)
    again = cocos.Approval.parse(bytes(approval))
    assert (again.role, again.is_withdrawal, again.signer) == ("data-provider", False, key.thumbprint)
    assert (again.says["max_runs"], again.says["not_after"]) == (2, 1798761600)
    assert cocos.Approval.sign(manifest, key, withdraw=True, instance=bytes(16)).is_withdrawal
    with pytest.raises(cocos.DeniedError):
        cocos.Approval.sign(manifest, key, role="consumer")
    assert len(manifest.fingerprint.split()) == 8
