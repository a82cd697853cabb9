# SPDX-License-Identifier: Apache-2.0
"""cocos evidence and cocos policy from outside, on evidence of the fuzzers' corpus: forged, hence never accepted."""

import json

import pytest

from cli import ROOT, check, fails, run, run_json

import schema_check

CORPUS = ROOT / "tests/fuzz/corpus/evidence"
POLICY = json.loads((ROOT / "doc/schema/policy.schema.json").read_text())
ANY = {"coverage": dict.fromkeys(("firmware", "kernel", "command_line", "initrd", "agent"), "any")}
SNP = {"products": "any", "measurement": "any", "report_data": "any", "revocation": "any"}
TDX = {"fmspc": "any", "mrtd": "any", "report_data": "any", "revocation": "any", "collateral": "any"}


@pytest.fixture
def policy(tmp_path):
    path = tmp_path / "policy.json"
    path.write_text(json.dumps({"version": 1, **ANY, "snp": SNP, "tdx": TDX}))
    return path


def verdict(exit_code, *args):
    done = run("evidence", "verify", "--json", *args)
    assert done.returncode == exit_code, done
    return check(json.loads(done.stdout), "evidence verify")


@pytest.mark.parametrize("name,kind", [("snp-milan-extended", "snp"), ("snp-turin-extended", "snp"), ("tdx-v4", "tdx"), ("tdx-v5", "tdx")])
def test_shows_evidence_of_any_kind(name, kind):
    shown = run_json("evidence show", "evidence", "show", CORPUS / name)
    assert shown["kind"] == kind
    assert "report_data" in [f["name"] for f in shown["fields"]]
    assert b"NOT VERIFIED" in run("evidence", "show", CORPUS / name).stdout


@pytest.mark.parametrize("name,kind", [("snp-milan-extended", "snp"), ("tdx-v4", "tdx")])
def test_rejects_what_no_vendor_vouches_for(name, kind, policy):
    found = verdict(3, CORPUS / name, "--policy", policy, "--at", "2025-06-15T15:06:40Z")
    assert (found["verdict"], found["reason"], found["simulated"]) == ("rejected", f"{kind}.root_untrusted", False)
    plain = run("evidence", "verify", CORPUS / name, "--policy", policy)
    assert plain.returncode == 3 and plain.stdout.startswith(b"REJECTED")


def test_cannot_tell_about_cut_evidence(tmp_path, policy):
    cut = tmp_path / "cut"
    cut.write_bytes((CORPUS / "snp-milan-extended").read_bytes()[:1183])
    assert verdict(4, cut, "--policy", policy)["verdict"] == "undecided"
    fails(4, "snp.format", "evidence", "show", cut)


def test_refuses_what_is_no_evidence(tmp_path, policy):
    text = tmp_path / "text"
    text.write_text("no evidence")
    fails(4, "evidence.kind", "evidence", "show", text)
    fails(2, "usage.option.missing", "evidence", "verify", CORPUS / "tdx-v4")
    fails(2, "usage.option.value", "evidence", "verify", CORPUS / "tdx-v4", "--policy", policy, "--at", "yesterday")


def test_writes_policies_that_it_takes(tmp_path):
    made = run_json("policy new", "policy", "new", "--set", "snp.products=Milan", "--set", "snp.products=Genoa",
                    "--set", "snp.measurement=" + "ab" * 48, "--set", "snp.vmpl=1")
    assert schema_check.faults(made, POLICY, POLICY) == []
    assert made["snp"] == {"products": ["Milan", "Genoa"], "measurement": "ab" * 48, "vmpl": "0x1"}
    path = tmp_path / "p.json"
    path.write_text(json.dumps(made))
    assert run_json("policy check", "policy", "check", path)["well_formed"]
    assert "snp.vmpl" in [r["rule"] for r in run_json("policy explain", "policy", "explain", path)["rules"]]


def test_refuses_policies_by_pointer(tmp_path):
    fails(4, "policy.missing", "policy", "new", "--set", "snp.products=Milan")
    fails(2, "policy.name", "policy", "new", "--set", "snp.nothing=1")
    path = tmp_path / "p.json"
    path.write_text('{"version": 1, "snp": {"products": "any", "measurement": "any", "vmpI": 0}}')
    assert fails(4, "policy.name", "policy", "check", path)["check"] == "/snp/vmpI"
