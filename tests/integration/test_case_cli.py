# SPDX-License-Identifier: Apache-2.0
"""cocos manifest approve and cocos case, on a whole case of a hierarchy whose keys are made for this run; the time-stamp
authority is OpenSSL's own."""

import contextlib
import json
import shutil
import subprocess

import pytest

from cli import BUILD, MODULES, check, fails, run, run_json
from collateral_service import CUT, HANG, Service, raw



@pytest.fixture(scope="module")
def made(tmp_path_factory):
    top = tmp_path_factory.mktemp("case")
    subprocess.run([BUILD / "tests/schema/make-case", top], check=True)
    return top


def parts(top):
    """Arguments of 'case make' for the parts that lie there."""
    approvals = [a for n in range(3) for a in ("--approval", top / f"approval-{n}")]
    return [top / "manifest.json", top / "statement", "--evidence", top / "evidence", *approvals, "--closure", top / "closure",
            "--cert", top / "vcek.der", "--cert", top / "ask.der"]


def verdict(exit_code, *args):
    done, plain = run("case", "verify", "--json", *args), run("case", "verify", *args)
    assert done.returncode == plain.returncode == exit_code, (done, plain)
    found = check(json.loads(done.stdout), "case verify")
    assert plain.stdout.decode().startswith(found["verdict"].upper())
    return found


def row(found, name):
    return next(r for r in found["checks"] if r["check"] == name)


def test_a_case_is_made_of_its_parts_and_judged(made, tmp_path):
    done = run_json("case make", "case", "make", *parts(made), "-o", tmp_path / "case")
    assert (tmp_path / "case").read_bytes() == (made / "case").read_bytes()
    assert (done["approvals"], done["closure"]) == (3, True)
    found = verdict(0, tmp_path / "case", "--policy", made / "policy.json")
    assert (row(found, "case.sound")["outcome"], row(found, "case.result")["outcome"]) == ("passed", "not checked")
    assert "claimed only" in row(found, "case.time")["found"]
    found = verdict(0, tmp_path / "case", "--policy", made / "policy.json", "--result", made / "result")
    assert row(found, "case.result")["outcome"] == "passed"


def test_another_result_file_is_not_the_one_though_the_case_is_sound(made, tmp_path):
    (tmp_path / "result").write_bytes((made / "result").read_bytes() + b"\n")
    found = verdict(3, made / "case", "--policy", made / "policy.json", "--result", tmp_path / "result")
    assert (found["reason"], row(found, "case.sound")["outcome"]) == ("case.result", "passed")


def test_a_changed_case_is_refused_and_a_cut_one_is_none(made, tmp_path):
    data = bytearray((made / "case").read_bytes())
    at = data.find((made / "statement").read_bytes()) + 900  # in its signature
    data[at] ^= 1
    (tmp_path / "case").write_bytes(data)
    assert verdict(3, tmp_path / "case", "--policy", made / "policy.json")["reason"] == "cose.signature"
    (tmp_path / "case").write_bytes(data[:-1])
    assert fails(4, "cbor.short", "case", "verify", tmp_path / "case", "--policy", made / "policy.json")


def test_without_closure_or_collateral_it_says_so(made, tmp_path):
    args = [a for a in parts(made) if a not in ("--closure", made / "closure")]
    run_json("case make", "case", "make", *args, "-o", tmp_path / "case")
    found = verdict(0, tmp_path / "case", "--policy", made / "policy.json")
    assert row(found, "case.closure")["outcome"] == "not checked"
    run_json("case make", "case", "make", *args[:10], "-o", tmp_path / "case")
    done = run("case", "verify", tmp_path / "case", "--policy", made / "policy.json")
    assert done.returncode == 4 and b"no endorsement certificate" in done.stdout


def test_the_evidence_is_judged_as_of_the_signing_unless_told(made):
    found = verdict(0, made / "case", "--policy", made / "policy.json")
    assert row(found, "time")["found"] == "2025-06-15T15:06:40Z"
    assert verdict(3, made / "case", "--policy", made / "policy.json", "--at", "2099-01-01T00:00:00Z")["verdict"] == "rejected"
    fails(2, "usage.option.value", "case", "verify", made / "case", "--policy", made / "policy.json", "--at", "yesterday")


class Authority:
    """Time-stamps by the openssl program."""

    def __init__(self, made, folder):
        self.made, self.folder = made, folder
        (folder / "tsa.cnf").write_text(f"""[tsa]
default_tsa = here
[here]
serial = {folder}/serial
signer_digest = sha256
default_policy = 1.2.3.4
digests = sha256
""")

    def reply(self, query):
        (self.folder / "q").write_bytes(query)
        subprocess.run(["openssl", "ts", "-reply", "-config", self.folder / "tsa.cnf", "-queryfile", self.folder / "q", "-signer",
                        self.made / "tsa.pem", "-inkey", self.made / "tsa-key.pem", "-out", self.folder / "r"],
                       check=True, capture_output=True)  # fmt: skip
        return (self.folder / "r").read_bytes()

    def answer(self, query):
        return raw(200, self.reply(query), "Content-Type: application/timestamp-reply")


@pytest.fixture
def authority(made, tmp_path_factory):
    return Authority(made, tmp_path_factory.mktemp("tsa"))


def is_anchored(made, case):
    # The token bears today's date, when the report's certificates are valid too.
    found = verdict(0, case, "--policy", made / "policy.json", "--tsa-roots", made / "tsa-root.pem")
    assert row(found, "case.time")["outcome"] == "passed" and "anchored" in row(found, "case.time")["found"]
    found = verdict(0, case, "--policy", made / "policy.json")
    assert row(found, "case.time")["outcome"] == "not checked"


def test_openssl_as_the_authority_anchors_a_case(made, authority, tmp_path):
    shutil.copy(made / "case", tmp_path / "case")
    run_json("case anchor", "case", "anchor", tmp_path / "case", "--request", tmp_path / "q")
    (tmp_path / "r").write_bytes(authority.reply((tmp_path / "q").read_bytes()))
    run_json("case anchor", "case", "anchor", tmp_path / "case", "--reply", tmp_path / "r", "-o", tmp_path / "anchored")
    assert (tmp_path / "case").read_bytes() == (made / "case").read_bytes()
    is_anchored(made, tmp_path / "anchored")
    fails(3, "timestamp.imprint", "case", "anchor", made / "case-anchored", "--reply", tmp_path / "r")
    fails(4, "timestamp.form", "case", "anchor", tmp_path / "case", "--reply", tmp_path / "q")
    for options in ((), ("--tsa", "http://127.0.0.1:1", "--reply", tmp_path / "r"), ("--request", "q", "--reply", tmp_path / "r")):
        fails(2, "usage.option.missing", "case", "anchor", tmp_path / "case", *options)


def other_query(query):
    """The same query over another digest."""
    changed = bytearray(query)
    changed[query.index(bytes.fromhex("0420")) + 2] ^= 1
    return bytes(changed)


def test_an_authority_is_asked_over_the_network(made, authority, tmp_path):
    shutil.copy(made / "case", tmp_path / "case")
    run_json("case anchor", "case", "anchor", made / "case-anchored", "--request", tmp_path / "q")
    other = authority.answer(other_query((tmp_path / "q").read_bytes()))
    with contextlib.closing(Service({"/tsa": authority.answer})) as service:

        def ask(path, *options):
            return ["case", "anchor", tmp_path / "case", "--tsa", service.url + path, *options]

        # Refused, and the file is as it was.
        html, empty = raw(200, b"<p>hello", "Content-Type: text/html"), raw(200, b"", "Content-Type: application/timestamp-reply")
        wrong = raw(200, b"0\0", "Content-Type: application/octet-stream")
        huge = raw(200, bytes(70000), "Content-Type: application/timestamp-reply")
        for exit_code, code, answers in ((3, "timestamp.imprint", [other]), (4, "collateral.type", [html]), (4, "collateral.type", [wrong]),
                                         (4, "timestamp.form", [empty]), (5, "collateral.http", [raw(403)]), (5, "collateral.cut", [CUT]),
                                         (1, "collateral.size", [huge])):  # fmt: skip
            service.instead["/tsa"] = answers * 2
            fails(exit_code, code, *ask("/tsa", "--patience", "0"), env=MODULES)
            assert service.instead["/tsa"] == []
        fails(1, "collateral.none", *ask("/nothing"), env=MODULES)
        service.instead["/tsa"] = [HANG] * 2
        fails(5, "collateral.timeout", *ask("/tsa", "--timeout", "1s"), env=MODULES)
        fails(2, "option.value", "case", "anchor", tmp_path / "case", "--tsa", "tsa.example", env=MODULES)
        assert (tmp_path / "case").read_bytes() == (made / "case").read_bytes()
        # One that is busy is asked again; a redirect keeps what is sent.
        service.instead["/tsa"] = [raw(503, b"", "Retry-After: 1"), raw(307, b"", "Location: /tsa")]
        done = run(*ask("/tsa", "--json"), env=MODULES)
        assert done.returncode == 0, done
        check(json.loads(done.stdout), "case anchor")
        assert b"POST" in service.heads[-1] and b"application/timestamp-query" in service.heads[-1]
    is_anchored(made, tmp_path / "case")


def test_it_is_explained_in_five_headings_and_what_is_not_proven(made):
    told = run_json("case explain", "case", "explain", made / "case")
    assert (told["verdict"], told["reason"]) == ("not judged", None)
    told = run_json("case explain", "case", "explain", made / "case", "--policy", made / "policy.json", "--result", made / "result")
    assert told["verdict"] == "accepted" and all(told[h] for h in ("people", "project", "setting", "data", "output", "not_proven"))
    assert any("SIMULATED" in line for line in told["setting"])
    text = run("case", "explain", made / "case", "--policy", made / "policy.json").stdout.decode()
    for heading in ("People:", "Project:", "Setting:", "Data:", "Output:", "What is NOT proven"):
        assert f"\n{heading}" in text


def test_approvals_are_signed_without_network_and_within_bounds(made, tmp_path):
    out = tmp_path / "approval"
    done = run_json("manifest approve", "manifest", "approve", made / "manifest.json", made / "data.pem", "-o", out,
                    "--max-runs", "2", "--not-after", "2027-01-01T00:00:00Z", "--policy", made / "policy.json",
                    "--instance", "00" * 16)
    assert (done["kind"], done["role"], done["max_runs"], done["not_after"]) == ("approval", "data-provider", 2, 1798761600)
    assert done["policy_digest"] == run("checksum", made / "policy.json").stdout.decode().strip()
    done = run_json("manifest approve", "manifest", "approve", made / "manifest.json", made / "data.pem", "-o", out, "--withdraw")
    assert done["kind"] == "withdrawal"
    fails(6, "approval.signer", "manifest", "approve", made / "manifest.json", made / "data.pem", "-o", out, "--role", "consumer")
    fails(2, "option.value", "manifest", "approve", made / "manifest.json", made / "data.pem", "-o", out, "--max-runs", "0")
    fails(2, "usage.option.missing", "manifest", "approve", made / "manifest.json", made / "data.pem")


def test_an_approval_beyond_its_bounds_refuses_the_case(made, tmp_path):
    args = parts(made)
    out = tmp_path / "approval"
    run_json("manifest approve", "manifest", "approve", made / "manifest.json", made / "data.pem", "-o", out, "--instance", "00" * 16)
    args[args.index(made / "approval-1")] = out
    run_json("case make", "case", "make", *args, "-o", tmp_path / "case")
    assert verdict(3, tmp_path / "case", "--policy", made / "policy.json")["reason"] == "approval.instance"


def test_the_fingerprint_is_the_digest_in_digits(made):
    done = run_json("manifest digest", "manifest", "digest", made / "manifest.json")
    digest = bytes.fromhex(done["digest"])
    assert done["fingerprint"] == " ".join(f"{int.from_bytes(digest[i:i + 4], 'big') % 100000:05d}" for i in range(0, 32, 4))
    plain = run("manifest", "digest", made / "manifest.json")
    assert plain.stdout.decode() == done["digest"] + "\n" and done["fingerprint"] in plain.stderr.decode()
