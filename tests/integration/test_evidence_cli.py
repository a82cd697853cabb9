# SPDX-License-Identifier: Apache-2.0
"""cocos evidence and cocos policy on genuine evidence of a hierarchy whose keys are made for this run."""

import json
import subprocess

import pytest

from cli import BUILD, ROOT, check, fails, run, run_json

AT = ["--at", "2025-06-15T15:06:40Z"]
SNP_PARTS = [("--cert", "vcek.der"), ("--cert", "ask.der"), ("--crl", "crl-0.der")]
TDX_PARTS = [("--tcb-info", "tcb-info.json"), ("--qe-identity", "qe-identity.json"), ("--tcb-chain", "tcb-chain.pem"),
             ("--crl", "crl-0.der"), ("--crl", "crl-1.der")]
LAYERS = ["coverage.firmware", "coverage.kernel", "coverage.command_line", "coverage.initrd", "coverage.agent"]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    top = tmp_path_factory.mktemp("evidence")
    subprocess.run([BUILD / "tests/integration/make-evidence", top], check=True)
    return top


@pytest.fixture(params=["snp", "tdx"])
def case(request, made):
    """Kind, and the arguments that name evidence and all that is beside it."""
    folder = made / request.param
    name, parts = ("report.bin", SNP_PARTS) if request.param == "snp" else ("quote.bin", TDX_PARTS)
    return request.param, folder, [folder / name, *(x for o, f in parts for x in (o, folder / f))]


def verdict(exit_code, *args):
    """The verdict as JSON; the table agrees with it."""
    done, plain = run("evidence", "verify", "--json", *args), run("evidence", "verify", *args)
    assert done.returncode == plain.returncode == exit_code, done
    found = check(json.loads(done.stdout), "evidence verify")
    assert plain.stdout.decode().startswith(found["verdict"].upper())
    for simulated in (done, plain):
        assert (b"SIMULATED" in simulated.stderr) == found["simulated"]
    return found


def row(found, name):
    return next(r for r in found["checks"] if r["check"] == name)


def changed(path, target, **rules):
    """The policy with other rules; None removes one."""
    document = json.loads(path.read_text())
    for name, value in rules.items():
        section, rule = name.split("__")
        document.setdefault(section, {})[rule] = value
        if value is None:
            del document[section][rule]
    target.write_text(json.dumps(document))
    return target


def test_good_evidence_is_accepted_and_loudly_simulated(case):
    kind, folder, args = case
    found = verdict(0, *args, "--policy", folder / "policy.json", *AT)
    assert (found["verdict"], found["reason"], found["simulated"]) == ("accepted", None, True)
    assert [r["check"] for r in found["checks"] if r["check"] in LAYERS] == LAYERS
    assert row(found, "time")["signer"] == "chosen by the caller"
    assert any(r["outcome"] == "not checked" for r in found["checks"])
    first = run("evidence", "verify", *args, "--policy", folder / "policy.json", *AT).stdout.splitlines()[0]
    assert first.startswith(b"ACCEPTED (SIMULATED")


def test_made_evidence_holds_by_the_clock_too(case):
    kind, folder, args = case
    found = verdict(0, *args, "--policy", folder / "policy.json")
    assert (kind, row(found, "time")["signer"]) == (kind, "the caller's clock")


def test_another_nonce_is_rejected_and_its_own_is_not(case, tmp_path):
    kind, folder, args = case
    policy = changed(folder / "policy.json", tmp_path / "p.json", **{f"{kind}__report_data": None})
    assert verdict(4, *args, "--policy", policy, *AT)["verdict"] == "undecided"
    assert verdict(0, *args, "--policy", policy, *AT, "--nonce", "d1" * 64)["verdict"] == "accepted"
    found = verdict(3, *args, "--policy", policy, *AT, "--nonce", "d2" * 64)
    assert row(found, f"{kind}.report_data")["outcome"] == "failed"
    fails(2, "evidence.claim", "evidence", "verify", *args, "--policy", policy, *AT, "--nonce", "d1" * 63)


def test_claims_stand_for_their_hash(case, tmp_path):
    kind, folder, args = case
    policy = changed(folder / "policy.json", tmp_path / "p.json", **{f"{kind}__report_data": None})
    (tmp_path / "claims").write_bytes(b"not what was hashed")
    found = verdict(3, *args, "--policy", policy, *AT, "--claims", tmp_path / "claims")
    assert row(found, f"{kind}.report_data")["outcome"] == "failed"
    fails(2, "policy.conflict", "evidence", "verify", *args, "--policy", folder / "policy.json", "--claims", tmp_path / "claims")


def test_what_is_not_there_leaves_it_undecided(case):
    kind, folder, args = case
    found = verdict(4, args[0], "--policy", folder / "policy.json", *AT)
    assert (found["verdict"], bool(found["reason"])) == ("undecided", True)


def test_an_uncovered_layer_leaves_it_undecided_unless_any_is_written(case, tmp_path):
    kind, folder, args = case
    policy = changed(folder / "policy.json", tmp_path / "p.json", coverage__kernel=None)
    found = verdict(4, *args, "--policy", policy, *AT)
    assert (found["reason"], row(found, "coverage.kernel")["outcome"]) == ("coverage.missing", "could not tell")
    policy = changed(folder / "policy.json", tmp_path / "p.json", coverage__kernel="any")
    assert row(verdict(0, *args, "--policy", policy, *AT), "coverage.kernel")["outcome"] == "not checked"


def test_time_counts(case):
    kind, folder, args = case
    assert verdict(3, *args, "--policy", folder / "policy.json", "--at", "2099-01-01T00:00:00Z")["verdict"] == "rejected"


def test_a_flipped_bit_is_no_longer_accepted(case, tmp_path):
    kind, folder, args = case
    data = bytearray(args[0].read_bytes())
    data[0x95] ^= 1
    (tmp_path / "flipped").write_bytes(data)
    assert verdict(3, tmp_path / "flipped", *args[1:], "--policy", folder / "policy.json", *AT)["verdict"] == "rejected"


def test_every_field_is_shown_and_called_unverified(case):
    kind, folder, args = case
    shown = run_json("evidence show", "evidence", "show", args[0])
    assert (shown["kind"], shown["verified"]) == (kind, False)
    assert "a1" * 48 in [f["value"] for f in shown["fields"]] and all(f["meaning"] or f["value"] for f in shown["fields"])
    assert run("evidence", "show", "-", stdin=args[0].read_bytes()).stdout == run("evidence", "show", args[0]).stdout


def test_tpm_quotes_are_shown_and_judged(made, tmp_path):
    folder = made / "vtpm"
    fields = run_json("evidence show", "evidence", "show", folder / "quotes.bin")["fields"]
    values = {f["name"]: f["value"] for f in fields}
    policy = json.loads((folder / "policy.json").read_text())
    assert values["ak.digest"] == policy["vtpm"]["ak"] and values["quote.nonce"] == "d1" * 32
    assert {"pcr.sha256.0", "pcr.sha384.23", "event.pcr4", "quote.pcr_digest", "quote.signature"} <= set(values)
    assert values["event_log"] == "11 events"
    args = [folder / "quotes.bin", "--policy", folder / "policy.json", *AT]
    assert verdict(0, *args)["simulated"] is False
    assert verdict(3, *args, "--nonce", "d2" * 32)["verdict"] == "rejected"


def test_a_single_quote_is_shown_alone(made, tmp_path):
    shown = run_json("evidence show", "evidence", "show", made / "vtpm" / "attest.bin")
    assert shown["kind"] == "vtpm"
    assert {f["name"]: f["value"] for f in shown["fields"]}["quote.magic"] == "0xff544347"
    (tmp_path / "cut").write_bytes((made / "vtpm" / "attest.bin").read_bytes()[:-1])
    fails(4, "vtpm.format", "evidence", "show", tmp_path / "cut")


def test_signature_and_keys_are_shown(case):
    kind, folder, args = case
    names = {f["name"] for f in run_json("evidence show", "evidence", "show", args[0])["fields"]}
    assert {"snp": {"signature_r", "signature_s", "key_info"},
            "tdx": {"signature", "attestation_key", "qe_auth_data", "qe_report_data", "qe_attributes"}}[kind] <= names


def test_what_comes_beside_evidence_is_shown_alone_and_not_judged(case):
    kind, folder, args = case
    for option, path in zip(args[1::2], args[2::2]):
        shown = run_json("evidence show", "evidence", "show", path)
        names = {f["name"] for f in shown["fields"]}
        assert shown["kind"] == "part" and "unreadable" not in [f["value"] for f in shown["fields"]]
        assert {"--cert": "certificate", "--tcb-chain": "certificate", "--crl": "crl", "--tcb-info": "platform.level",
                "--qe-identity": "enclave.level"}[option] in names
        fails(4, "evidence.kind", "evidence", "verify", path, "--policy", folder / "policy.json", *AT)


def test_an_ima_list_is_shown_alone_and_not_judged(made, tmp_path):
    path = tmp_path / "list"
    path.write_text(f"10 {'0' * 40} ima-ng sha256:{'ab' * 32} /usr/bin/\x1binit\n")
    shown = run_json("evidence show", "evidence", "show", path)
    rows = {f["name"]: f for f in shown["fields"]}
    assert (shown["kind"], rows["ima_log"]["value"]) == ("part", "1 entries")
    assert rows["ima.pcr10"]["value"] == "sha256:" + "ab" * 32 and '"/usr/bin/?init"' in rows["ima.pcr10"]["meaning"]
    fails(4, "evidence.kind", "evidence", "verify", path, "--policy", made / "vtpm" / "policy.json", *AT)


def test_an_explanation_names_what_is_given_away(made):
    path = made / "vtpm" / "policy.json"
    found = run_json("policy explain", "policy", "explain", path)
    rules = {r["rule"]: r for r in found["rules"]}
    assert found["kinds"] == {"snp": False, "tdx": False, "vtpm": True} and found["roots"] == "vendor"
    assert (rules["coverage.kernel"]["state"], rules["coverage.kernel"]["says"]) == ("given away", "whatever kernel runs is accepted")
    assert rules["vtpm.nonce"] | {"meaning": ""} == {"rule": "vtpm.nonce", "meaning": "", "state": "demanded", "says": "d1" * 32}
    text = run("policy", "explain", path).stdout.decode()
    assert "whatever kernel runs is accepted" in text and "AMD SEV-SNP: nothing is stated" in text


def test_a_new_policy_accepts_what_it_was_made_for(made, tmp_path):
    folder = made / "snp"
    done = run("policy", "new", "snp", "--product", "Milan", "--measurement", "a1" * 48, "--covered-by", "snp.measurement",
               "--root", folder / "root.pem")
    assert done.returncode == 0, done.stderr
    (tmp_path / "p.json").write_bytes(done.stdout)
    args = [folder / "report.bin", *(x for o, f in SNP_PARTS for x in (o, folder / f)), "--policy", tmp_path / "p.json", *AT]
    assert verdict(0, *args, "--nonce", "d1" * 64)["verdict"] == "accepted"
    assert verdict(4, *args)["reason"]  # without a nonce anybody could have recorded it


def test_new_policies_take_several_values_and_any():
    made = run_json("policy new", "policy", "new", "tdx", "--product", "00806f050000", "--product", "00906ed50000",
                    "--measurement", "any", "--set", "tdx.rtmr1=" + "01" * 48)
    assert made["tdx"] == {"fmspc": ["00806f050000", "00906ed50000"], "mrtd": "any", "rtmr1": "01" * 48}


@pytest.mark.parametrize("code, args", [
    ("usage.arguments", ["sev"] + ["--measurement", "any", "--product", "any"]),
    ("usage.arguments", ["vtpm"]),
    ("usage.arguments", ["--measurement", "any"]),
    ("usage.option.missing", ["snp", "--measurement", "any"]),
    ("usage.option.missing", ["snp"]),
    ("policy.value", ["snp", "--measurement", "any", "--product", "Naples"]),
    ("policy.length", ["snp", "--measurement", "00", "--product", "any"]),
    ("usage.option.value", ["--set", "snp.vmpl"]),
])
def test_policies_that_say_too_little_are_not_written(code, args):
    fails(2, code, "policy", "new", *args)


def test_every_defect_of_a_policy_is_told(tmp_path):
    path = tmp_path / "p.json"
    path.write_text('{"version": 1, "snp": {"vmpl": 9, "products": "any"}, "extra": 0}')
    plain = run("policy", "check", path)
    assert plain.returncode == 4
    assert all(p in plain.stderr for p in (b"/snp/vmpl", b"/extra", b"/snp/measurement"))
    error = fails(4, "policy.value", "policy", "check", path)
    assert [error["check"], *(c["check"] for c in error["causes"])] == ["/snp/vmpl", "/extra", "/snp/measurement"]


def test_rules_that_cannot_hold_together_are_told(tmp_path):
    path = tmp_path / "p.json"
    policy = {"version": 1, "snp": {"products": ["Milan", "Turin"], "measurement": "any", "min_tcb": {"tee": 1, "snp": 24}}}
    path.write_text(json.dumps(policy))
    assert run_json("policy check", "policy", "check", path) == {"well_formed": True}
    says = {r["rule"]: r["says"] for r in run_json("policy explain", "policy", "explain", path)["rules"]}
    assert says["snp.min_tcb"] == "tee 1, snp 24"
    for changed in ({"min_tcb": "0x1"}, {"min_tcb": {"fmc": 1}}):
        path.write_text(json.dumps(policy | {"snp": policy["snp"] | changed}))
        fails(2, "policy.conflict", "policy", "check", path)
    made = run("policy", "new", "snp", "--product", "Turin", "--measurement", "a1" * 48, "--set", "snp.min_tcb=fmc=1,tee=2")
    assert json.loads(made.stdout)["snp"]["min_tcb"] == {"tee": 2, "fmc": 1}


def test_errors_name_the_file(made, tmp_path):
    junk, empty = tmp_path / "junk", tmp_path / "empty"
    junk.write_text("junk")
    empty.write_text("")
    args = ["evidence", "verify", made / "snp/report.bin"]
    policy = ["--policy", made / "snp/policy.json"]
    for file, code, exit_code, command in ((junk, "cbor.short", 4, [*args, *policy, "--bundle", junk]),
                                           (junk, "json.syntax", 4, [*args, "--policy", junk]),
                                           (empty, "evidence.part", 2, [*args, *policy, "--crl", empty]),
                                           (junk, "evidence.part", 2, [*args, *policy, "--event-log", junk]),
                                           (junk, "evidence.kind", 4, ["evidence", "show", junk])):
        assert fails(exit_code, code, *command)["message"].startswith(f"{file}: ")
    single = run("evidence", "verify", made / "vtpm/attest.bin", "--policy", made / "vtpm/policy.json")
    assert single.returncode == 4 and b"without public area, signature or PCR values" in single.stdout


def test_an_envelope_is_shown_as_its_schema_says():
    shown = run_json("evidence show", "evidence", "show", ROOT / "tests/fuzz/corpus/envelope/statement")
    assert shown["kind"] == "envelope" and shown["fields"]
