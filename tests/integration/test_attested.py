# SPDX-License-Identifier: Apache-2.0
"""Proof before data, with simulated evidence: real programs, and machines in the middle between them."""

import contextlib
import json
import select
import socket
import ssl
import subprocess
import threading

import pytest

from collateral_service import encode
from computation import library
from world import BUILD, TOOLS, environment, until

SIM = BUILD / "sim"
MEASURED = "a1" * 48  # what the simulator measures
EVIDENCE = ("--evidence", "sim-snp", "--simulator", str(SIM))
HTTP2 = b"PRI * HTTP/2.0"


@pytest.fixture
def policy(parties):
    """Makes policy files for simulated evidence of a measurement."""
    def make(measurement=MEASURED, name="policy.json"):
        done = parties.cocos("policy", "new", "snp", "--measurement", measurement, "--product", "Milan", "--root",
                             SIM / "snp-root.pem", "--covered-by", "snp.measurement", "--set", "snp.revocation=any")
        return parties.file(name, done.stdout)
    return make


@pytest.fixture
def ready(parties, open_cvms, open_agent):
    """An agent with simulated evidence that has a manifest."""
    cvms = open_cvms(parties.manifest("c1", "#!/bin/sh\ncat datasets/c1-a > results/copy\n"))
    agent = open_agent(cvms.address, options=EVIDENCE)
    cvms.wait("accepted")
    agent.cvms_server = cvms
    return agent


def digest(parties, name="c1"):
    return parties.cocos("manifest", "digest", f"{name}.json", "--json").stdout


def named(parties, name="c1"):
    return json.loads(digest(parties, name))["digest"]


def ask(parties, agent, *args, rules, ok=True, address=None):
    """A command of cocos that judges its agent."""
    done = parties.cocos("--json", *args, "--policy", rules, ok=ok, env={"AGENT_GRPC_URL": address or agent.address})
    return json.loads(done.stdout) if ok else (done.returncode, json.loads(done.stdout)["error"]["code"])


def received(parties, agent):
    return {a["name"]: a["received"] for a in parties.describe(agent)["assets"]}


class Middle:
    """Ends TLS with a key of its own, passes plaintext on to an agent, and remembers what the client said."""

    def __init__(self, identity, target=None):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_3
        self.context.load_cert_chain(identity / "tls-cert.pem", identity / "tls-key.pem")
        self.context.set_alpn_protocols(["h2"])
        self.target, self.heard = target, b""
        self.server = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self.server.getsockname()[1]}"
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                sock, _ = self.server.accept()
            except OSError:
                return
            with contextlib.suppress(OSError), self.context.wrap_socket(sock, server_side=True) as client:
                self.serve(client)

    def serve(self, client):
        if not self.target:
            while chunk := client.recv(65536):
                self.heard += chunk
            return
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.set_alpn_protocols(["h2"])
        host, port = self.target.rsplit(":", 1)
        with socket.create_connection((host, int(port))) as raw, context.wrap_socket(raw) as agent:
            while True:
                ready = [s for s in (client, agent) if s.pending()] or select.select([client, agent], [], [])[0]
                for s in ready:
                    chunk = s.recv(65536)
                    if not chunk:
                        return
                    if s is client:
                        self.heard += chunk
                    (agent if s is client else client).sendall(chunk)

    def close(self):
        self.server.close()


def test_nothing_is_sent_before_the_evidence_was_judged(parties, ready, policy):
    """Whoever answers with silence or garbage hears one question for evidence and no more."""
    middle = Middle(ready.folder / "state")
    code, _ = ask(parties, ready, "data", "c1-a", parties.key("a"), "--manifest-digest", named(parties), "--timeout", "3s",
                  rules=policy(), ok=False, address=middle.address)
    middle.close()
    assert code in (5, 6)
    assert middle.heard[:1] == b"\x01" and HTTP2 not in middle.heard and b"first" not in middle.heard
    assert received(parties, ready)["c1-a"] == 0


@pytest.mark.parametrize("stolen", (False, True))
def test_a_relay_that_owns_another_enclave_or_even_the_key_is_refused(parties, ready, policy, tmp_path, open_agent, stolen):
    """Genuine evidence of the agent, for the connection of somebody else."""
    (tmp_path / "other").mkdir()
    identity = ready.folder / "state"
    if not stolen:
        other = subprocess.Popen([TOOLS / "agent" / "cocos-agent", "--state", tmp_path / "other/state", "--listen",
                                  "127.0.0.1:0", "--cvms", ""], env=environment(), stderr=subprocess.DEVNULL)
        identity = tmp_path / "other/state"
        until(lambda: (identity / "boot_id").exists(), "the other agent has made its key")
        other.terminate()
        other.wait(10)
    middle = Middle(identity, ready.address)
    code, why = ask(parties, ready, "data", "c1-a", parties.key("a"), "--manifest-digest", named(parties), rules=policy(),
                    ok=False, address=middle.address)
    middle.close()
    assert code in (3, 6), why
    assert HTTP2 not in middle.heard and b"first" not in middle.heard
    assert received(parties, ready)["c1-a"] == 0


def test_a_policy_that_does_not_fit_or_says_nothing_is_no_proof(parties, ready, policy):
    other = policy("00" * 48)
    assert ask(parties, ready, "agent", "describe", rules=other, ok=False) == (3, "snp.measurement")
    for json_too in ((), ("--json",)):  # and says what was judged, not its first reason alone
        done = parties.cocos(*json_too, "agent", "describe", "--policy", other, ok=False, env={"AGENT_GRPC_URL": ready.address})
        if json_too:
            verdict = json.loads(done.stdout)["error"]["verdict"]
            assert (verdict["verdict"], verdict["reason"], verdict["simulated"]) == ("rejected", "snp.measurement", True)
            assert {"snp.signature", "envelope.challenge"} <= {c["check"] for c in verdict["checks"] if c["outcome"] == "passed"}
        else:
            text = done.stderr.decode()
            assert "  check: snp.measurement\n" in text and "00" * 48 in text
    empty = parties.file("empty.json", '{"version": 1}')
    code, _ = ask(parties, ready, "agent", "describe", rules=empty, ok=False)
    assert code in (3, 4)
    vendors = json.loads(policy().read_text())
    del vendors["roots"]  # only those of AMD and Intel: a simulation is none
    code, why = ask(parties, ready, "agent", "describe", rules=parties.file("vendors.json", json.dumps(vendors)), ok=False)
    assert (code, why) == (3, "snp.root_untrusted")


def test_an_agent_without_evidence_is_not_talked_to(parties, open_cvms, open_agent, policy):
    cvms = open_cvms(parties.manifest("c1", "#!/bin/sh\n"))
    agent = open_agent(cvms.address)
    cvms.wait("accepted")
    code, why = ask(parties, agent, "agent", "describe", "--timeout", "5s", rules=policy(), ok=False)
    assert code in (5, 6), why


def test_evidence_for_anybody_is_worth_nothing_for_another_purpose_or_nonce(parties, ready, policy):
    rules = policy()
    got = ask(parties, ready, "attestation", "get", "--nonce", "11" * 16, "-o", "e.bin", rules=rules)
    assert got["nonce"] == "11" * 16

    def judged(purpose, nonce):
        return parties.cocos("evidence", "verify", "e.bin", "--policy", rules, "--purpose", purpose, "--nonce", nonce,
                             ok=False).returncode
    assert judged("rpc", "11" * 16) == 0
    assert judged("rpc", "22" * 16) == 3
    for purpose in ("channel-server", "cvms", "statement"):
        assert judged(purpose, "11" * 16) == 3


def test_a_server_with_a_policy_gives_its_manifest_to_proof_only(parties, open_cvms, open_agent, policy):
    path = parties.manifest("c1", "#!/bin/sh\n")
    strict = open_cvms(path, options=("--policy", policy("00" * 48, "other.json")))
    agent = open_agent(strict.address, options=EVIDENCE)
    assert "snp.measurement" in strict.wait("evidence", name="refused")["text"]
    strict.tell("state vm-1")
    assert strict.wait("state")["name"] == "ReceivingManifest"
    assert not [e for e in strict.events() if e["event"] == "manifest"]
    agent.end()
    fitting = open_cvms(path, options=("--policy", policy()))
    agent.cvms = fitting.address
    agent.again()
    fitting.wait("evidence", name="accepted")
    fitting.wait("accepted")


def test_a_server_judges_with_the_collateral_that_it_is_given(parties, open_cvms, open_agent, policy):
    path = parties.manifest("c1", "#!/bin/sh\n")
    rules = json.loads(policy().read_text())
    del rules["snp"]["revocation"]  # must be known
    options = ("--policy", parties.file("strict.json", json.dumps(rules)))
    without = open_cvms(path, options=options)
    agent = open_agent(without.address, options=EVIDENCE)
    assert "snp.crl" in without.wait("evidence", name="refused")["text"]
    agent.end()
    items = [{1: 3, 2: (SIM / "snp-crl.der").read_bytes(), 3: "https://localhost/crl"}]
    bundle = parties.file("bundle", encode({1: 1, 2: 1, 3: "simulator", 4: items}))
    informed = open_cvms(path, options=(*options, "--bundle", bundle))
    agent.cvms = informed.address
    agent.again()
    informed.wait("evidence", name="accepted")
    informed.wait("accepted")


def test_a_manifest_that_was_exchanged_gets_nothing(parties, ready, policy):
    meant = named(parties)
    ready.cvms_server.tell("stop")
    ready.cvms_server.wait("stopped")
    other = parties.manifest("c2", "#!/bin/sh\ncat datasets/* > results/all\n")
    ready.cvms_server.tell(f"run {other}")
    ready.cvms_server.wait("accepted", computation_id="c2")
    parties.file("c1-a", "first\n")
    rules = policy()
    refused = ask(parties, ready, "data", "c1-a", parties.key("a"), "--manifest-digest", meant, rules=rules, ok=False)
    assert refused == (1, "agent.manifest.other")
    assert ask(parties, ready, "data", "c1-a", parties.key("a"), rules=rules, ok=False) == (2, "agent.manifest.unnamed")
    assert set(received(parties, ready).values()) == {0}


def test_attested_tls_in_the_manifest_ends_direct_connections(parties, open_cvms, open_agent, policy):
    path = parties.manifest("c1", "#!/bin/sh\n")
    manifest = json.loads(path.read_text())
    manifest["agent_config"] = {"attested_tls": True}
    path.write_text(json.dumps(manifest))
    cvms = open_cvms(path)
    agent = open_agent(cvms.address, options=EVIDENCE)
    cvms.wait("accepted")
    done = parties.at(agent, "--json", "agent", "describe", ok=False)
    assert json.loads(done.stdout)["error"]["code"] == "rpc.attested"
    assert ask(parties, agent, "agent", "describe", rules=policy())["state"] == "ReceivingAlgorithm"
    agent.kill()
    agent.again()
    done = parties.at(agent, "--json", "agent", "describe", ok=False)
    assert json.loads(done.stdout)["error"]["code"] == "rpc.attested"
    agent.end()
    agent.folder, agent.options = agent.folder / "bare", ()
    agent.folder.mkdir()
    agent.again()
    assert "agent.attestation.none" in cvms.wait("refused")["text"]


def test_nothing_that_the_host_sets_brings_the_old_protocol(parties, tmp_path, ready, policy):
    for line in ("AGENT_COMPAT=1", "COCOS_COMPAT=1", "cocos.compat=1", "AGENT_EVIDENCE=sim-snp"):
        shares = parties.file("environment", f"AGENT_CVM_ID=vm-1\n{line}\n")
        done = subprocess.run([TOOLS / "agent" / "cocos-agent", "--state", tmp_path / "s", "--environment", shares],
                              env=environment(), capture_output=True, timeout=30, check=False)
        assert done.returncode == 4, (line, done.stderr)
    env = environment({"AGENT_COMPAT": "1", "COCOS_COMPAT": "1", "AGENT_GRPC_ATTESTED_TLS": "false"})
    done = subprocess.run([TOOLS / "cli" / "cocos", "--json", "agent", "describe", "--policy", policy(), "--agent-url",
                           ready.address], env=env, capture_output=True, timeout=60, check=True, cwd=parties.folder)
    described = json.loads(done.stdout)
    assert described["compat"] is False and described["verdict"]["verdict"] == "accepted"


def test_a_tpm_that_is_named_and_not_there_ends_the_agent(tmp_path):
    for options, code in ((("--evidence", "tpm", "--tcti", f"device:{tmp_path}/none"), "evidence.provider"),
                          (("--require", "snp", *EVIDENCE), "evidence.required"),
                          (("--evidence", "sgx"), "evidence.provider")):
        done = subprocess.run([TOOLS / "agent" / "cocos-agent", "--state", tmp_path / "s", "--listen", "127.0.0.1:0", *options],
                              env=environment(), capture_output=True, timeout=60, check=False)
        assert done.returncode == 4 and code in done.stderr.decode(), (options, done.stderr)


def test_a_result_comes_with_its_case_file_also_after_kill_9(parties, ready, policy, jobs):
    rules = policy()
    trust = ("--manifest-digest", named(parties))
    ask(parties, ready, "algo", "c1.algo", parties.key("alg"), *trust, rules=rules)
    for owner in "ab":
        ask(parties, ready, "data", f"c1-{owner}", parties.key(owner), *trust, rules=rules)
    until(lambda: parties.describe(ready)["state"] == "ConsumingResults", "the job has ended")
    ask(parties, ready, "agent", "statement", parties.key("a"), "-o", "early.case", *trust, rules=rules)
    ready.kill()
    ready.again()
    done = ask(parties, ready, "result", parties.key("consumer"), "--case", "r.case", *trust, rules=rules)
    assert done["case"] == "r.case" and done["confidential"] is False and "simulated" in done["warning"]
    ask(parties, ready, "agent", "statement", parties.key("b"), "-o", "late.case", *trust, rules=rules)
    early, case, late = ((parties.folder / f"{n}.case").read_bytes() for n in ("early", "r", "late"))
    assert b"cocos.closure/1" not in early and b"cocos.closure/1" in case and b"cocos.closure/1" in late
    assert all(b"cocos.statement/1" in c and b"cocos-evidence/1" in c for c in (early, case, late))


def test_approvals_signed_offline_gate_the_start_and_the_case_proves_it(parties, open_cvms, open_agent, policy, jobs):
    path = parties.manifest("c1", "#!/bin/sh\ncat datasets/c1-a > results/copy\n", options=("--approval", "consumer"))
    cvms, rules, trust = open_cvms(path), policy(), ("--manifest-digest", named(parties))
    agent = open_agent(cvms.address, options=EVIDENCE)
    cvms.wait("accepted")
    parties.cocos("manifest", "approve", "c1.json", parties.key("consumer"), "--max-runs", "1", "-o", "yes")

    def upload():
        ask(parties, agent, "algo", "c1.algo", parties.key("alg"), *trust, rules=rules)
        for owner in "ab":
            ask(parties, agent, "data", f"c1-{owner}", parties.key(owner), *trust, rules=rules)
    upload()
    waiting = ask(parties, agent, "agent", "describe", parties.key("a"), rules=rules)
    assert waiting["state"] == "ReceivingData" and len(waiting["approvals_missing"]) == 1
    agent.kill()
    agent.again()
    assert ask(parties, agent, "agent", "approve", "yes", rules=rules) == {"withdrawal": False, "missing": 0}
    until(lambda: parties.describe(agent)["state"] == "ConsumingResults", "the job has ended")
    ask(parties, agent, "result", parties.key("consumer"), "-f", "r.zip", "--case", "r.case", *trust, rules=rules)

    def judged(case, result="r.zip"):
        return parties.cocos("case", "verify", case, "--policy", rules, "--result", result, ok=False).returncode
    assert judged("r.case") == 0
    result, case = ((parties.folder / f).read_bytes() for f in ("r.zip", "r.case"))
    parties.file("other.zip", result[:-1] + bytes([result[-1] ^ 1]))
    assert judged("r.case", "other.zip") == 3
    # A certificate of the evidence may be one that nobody needs: the policy has the root itself.
    certs, behind = case.index(b"snp-certs"), case.index(b"statement+cbor")
    for at in [*range(7, certs, 131), *range(behind, len(case), 97)]:
        parties.file("other.case", case[:at] + bytes([case[at] ^ 1]) + case[at + 1:])
        assert judged("other.case") in (3, 4), at

    # The same manifest once more in this boot is more than was approved.
    cvms.tell("stop")
    cvms.wait("stopped")
    cvms.tell(f"run {path}")
    cvms.wait("accepted", count=2)
    upload()
    assert ask(parties, agent, "agent", "approve", "yes", rules=rules)["missing"] == 1
    assert parties.describe(agent)["state"] == "ReceivingData"


def test_any_party_stops_the_run_by_a_withdrawal(parties, open_cvms, open_agent, policy, jobs):
    cvms, rules = open_cvms(parties.manifest("c1", "#!/bin/sh\nsleep 600\n")), policy()
    agent = open_agent(cvms.address, options=EVIDENCE)
    cvms.wait("accepted")
    parties.upload_all(agent, "c1")
    cvms.wait("event", name="Running", text="InProgress")
    parties.cocos("manifest", "approve", "c1.json", parties.key("b"), "--withdraw", "-o", "no")
    assert ask(parties, agent, "agent", "approve", "no", rules=rules)["withdrawal"] is True
    cvms.wait("event", name="Failed")
    trust = ("--manifest-digest", named(parties))
    assert ask(parties, agent, "result", parties.key("consumer"), *trust, rules=rules, ok=False) == (1, "job.withdrawn")
    ask(parties, agent, "agent", "statement", parties.key("a"), "-o", "r.case", *trust, rules=rules)
    told = parties.cocos("case", "explain", "r.case", "--policy", rules, ok=False).stdout.decode()
    assert "withdrew" in told or "withdraw" in told


def test_python_judges_approves_and_gets_the_case(parties, open_cvms, open_agent, policy, jobs):
    cocos = library()
    cvms = open_cvms(parties.manifest("c1", "#!/bin/sh\ncat datasets/c1-b > results/copy\n", options=("--approval", "consumer")))
    agent = open_agent(cvms.address, options=EVIDENCE)
    cvms.wait("accepted")
    rules, manifest = cocos.Policy.from_file(policy()), cocos.Manifest.from_file(parties.folder / "c1.json")
    keys = {n: cocos.Key.from_file(parties.key(n)) for n in ("alg", "a", "b", "consumer")}
    with pytest.raises(cocos.RejectedError) as refused:
        cocos.Agent.connect(agent.address, policy=cocos.Policy.from_file(policy("00" * 48, "other.json")))
    assert refused.value.verdict.reason == refused.value.code == "snp.measurement"
    with cocos.Agent.connect(agent.address, policy=rules) as c:
        assert c.verdict and c.verdict.simulated and c.evidence
        with pytest.raises(cocos.UsageError, match="confirmed"):
            c.upload(cocos.AssetKind.ALGORITHM, parties.folder / "c1.algo", keys["alg"])
        c.confirm(manifest.digest)
        with pytest.warns(cocos.NotConfidentialWarning, match="simulated"):
            c.upload(cocos.AssetKind.ALGORITHM, parties.folder / "c1.algo", keys["alg"])
            for i, owner in enumerate("ab"):
                c.upload(cocos.AssetKind.DATASET, parties.folder / f"c1-{owner}", keys[owner], index=i)
            assert len(c.describe(keys["a"]).approvals_missing) == 1
            assert c.approve(cocos.Approval.sign(manifest, keys["consumer"])) == 0
            until(lambda: c.describe().state == "ConsumingResults", "the job has ended")
            c.set_nonce(b"nonce of Python")
            c.result(parties.folder / "r.zip", keys["consumer"])
        case = c.case(keys["consumer"])
    assert case.closure and case.statement["consumer_nonce"] == b"nonce of Python".hex()
    verdict = case.verify(cocos.Verifier(rules), result=cocos.checksum(parties.folder / "r.zip"))
    assert verdict
