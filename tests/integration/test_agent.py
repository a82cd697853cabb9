# SPDX-License-Identifier: Apache-2.0
"""cocos-agent from outside: one computation whole, and everything that may go wrong with it."""

import json
import os
import random
import shutil
import socket
import subprocess
import threading
import zipfile

import pytest

from world import TOOLS, environment, processes_with, until

COPY = "#!/bin/sh\ncat datasets/*-a datasets/*-b > results/both\necho said\n"
# (type, status) in order, for a computation that goes well
WELL = [("ReceivingAlgorithm", "InProgress"), ("ReceivingData", "InProgress"), ("Running", "Starting"),
        ("Running", "InProgress"), ("Running", "Completed"), ("ConsumingResults", "Ready"), ("Complete", "Completed")]


def state(parties, agent):
    return parties.describe(agent)["state"]


def wait_state(parties, agent, wanted):
    until(lambda: state(parties, agent) == wanted, f"state {wanted}")


def result(parties, agent, name="out.zip"):
    parties.at(agent, "result", parties.key("consumer"), "-f", name)
    return zipfile.ZipFile(parties.folder / name)


# ---- The whole way ----

def test_one_computation_from_manifest_to_result(parties, open_cvms, open_agent, jobs):
    manifest = parties.manifest("c1", COPY)
    cvms = open_cvms(manifest)
    agent = open_agent(cvms.address)
    cvms.wait("accepted")
    parties.upload_all(agent, "c1")
    wait_state(parties, agent, "ConsumingResults")
    with result(parties, agent) as z:
        assert z.read("both") == b"first\nsecond\n"
        assert z.read("cocos-job/stdout") == b"said\n"
    cvms.wait("event", name="Complete")
    assert cvms.types() == WELL
    assert state(parties, agent) == "Complete"
    # What was uploaded is gone, and neither log nor server ever saw a word of it.
    kept = [p for p in (agent.folder / "state").rglob("*") if p.is_file()]
    assert not any(b"second" in p.read_bytes() and p.name != "result.zip" for p in kept)
    said = agent.err.text() + cvms.out.text()
    assert "second" not in said and "said" not in said and "c1-a" not in said


def test_stop_and_run_again_without_limit(parties, open_cvms, open_agent, jobs):
    names = [f"r{i}" for i in range(5)]
    manifests = [parties.manifest(n, COPY) for n in names]
    cvms = open_cvms(*manifests)
    agent = open_agent(cvms.address)
    for i, name in enumerate(names):
        cvms.wait("accepted", computation_id=name)
        parties.upload_all(agent, name)
        wait_state(parties, agent, "ConsumingResults")
        assert result(parties, agent, f"{name}.zip").read("both") == b"first\nsecond\n"
        cvms.tell("stop")
        cvms.wait("stopped", count=i + 1)
        assert not list((agent.folder / "state" / "runs").glob("*"))
        cvms.tell("next")


def test_a_failed_job_gives_its_output_and_fails(parties, open_cvms, open_agent, jobs):
    cvms = open_cvms(parties.manifest("f1", "#!/bin/sh\necho half > results/half\necho why >&2\nexit 9\n"))
    agent = open_agent(cvms.address)
    cvms.wait("accepted")
    parties.upload_all(agent, "f1")
    cvms.wait("event", name="Failed")
    done = parties.at(agent, "--json", "result", parties.key("consumer"), "-f", "f.zip", ok=False)
    assert done.returncode == 1 and json.loads(done.stdout)["error"]["code"] == "job.failed"
    with zipfile.ZipFile(parties.folder / "f.zip") as z:
        assert z.read("cocos-job/stderr") == b"why\n" and "half" not in z.namelist()
    assert ("Running", "Failed") in cvms.types()


def test_a_stop_ends_the_whole_process_tree(parties, open_cvms, open_agent, jobs):
    mark = f"mark{random.randrange(10**12)}"
    cvms = open_cvms(parties.manifest("s1", f"#!/bin/sh\ntrap '' TERM\n(sh -c 'while :; do sleep 1; done' {mark}) &\nwait\nsleep 1000\n"))
    agent = open_agent(cvms.address)
    cvms.wait("accepted")
    parties.upload_all(agent, "s1")
    until(lambda: processes_with(mark), "the job runs")
    cvms.tell("state")
    assert cvms.wait("state")["name"] == "Running"
    cvms.tell("stop")
    assert cvms.wait("stopped")["text"] == ""
    assert not processes_with(mark)
    cvms.wait("event", name="Stopped")


def test_a_local_socket_serves_the_same_computation(parties, open_cvms, open_agent, tmp_path, jobs):
    cvms = open_cvms(parties.manifest("u1", COPY))
    agent = open_agent(cvms.address, options=["--unix", tmp_path / "agent.sock"])
    cvms.wait("accepted")
    network, agent.address = agent.address, f"unix:{tmp_path}/agent.sock"
    assert (tmp_path / "agent.sock").stat().st_mode & 0o777 == 0o600
    parties.upload_all(agent, "u1")
    wait_state(parties, agent, "ConsumingResults")
    agent.address = network
    assert result(parties, agent).read("both") == b"first\nsecond\n"


def test_the_server_is_reached_by_mutual_tls(parties, open_cvms, open_agent, tmp_path):
    if not shutil.which("openssl"):
        pytest.skip("skipped: no openssl to make certificates with")
    certs = tmp_path / "certs"
    certs.mkdir()
    for name, subject in (("ca", "/CN=root"), ("cert", "/CN=agent"), ("server", "/CN=server")):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                        "-keyout", certs / f"{name}.key", "-out", certs / f"{name}.pem", "-subj", subject,
                        "-addext", "subjectAltName=IP:127.0.0.1",
                        *(["-CA", certs / "ca.pem", "-CAkey", certs / "ca.key"] if name != "ca" else [])],
                       check=True, capture_output=True)
    (certs / "cert.key").rename(certs / "key.pem")
    cvms = open_cvms(parties.manifest("t1", COPY), options=["--cert", certs / "server.pem", "--key", certs / "server.key",
                                                           "--client-ca", certs / "ca.pem"])
    names = ["--certs", certs, "--cvms-ca", "/etc/certs/ca.pem"]
    agent = open_agent(cvms.address, options=names)
    until(lambda: agent.err.text().count("no connection") >= 2, "the server wants a certificate")
    assert not [e for e in cvms.events() if e["event"] == "accepted"]
    agent.end()
    agent.options = [*names, "--cvms-cert", "/etc/certs/cert.pem", "--cvms-key", "/etc/certs/key.pem"]
    agent.again()
    cvms.wait("accepted")


# ---- Who may do what ----

def test_strangers_and_wrong_owners_are_refused(parties, open_cvms, open_agent):
    cvms = open_cvms(parties.manifest("w1", COPY))
    agent = open_agent(cvms.address)
    cvms.wait("accepted")
    for command, exit_code in ((("algo", "w1.algo", parties.key("stranger")), 6), (("algo", "w1.algo", parties.key("a")), 6),
                               (("result", parties.key("a")), 6), (("result", parties.key("consumer")), 1)):
        done = parties.at(agent, *command, ok=False)
        assert done.returncode == exit_code, (command, done)
    other = parties.cocos("agent", "describe", env={"AGENT_GRPC_URL": agent.address, "AGENT_GRPC_PIN": "sha256:" + "0" * 64},
                          ok=False)
    assert other.returncode == 6


# ---- Killed without warning ----

def start_big_upload(parties, agent, name):
    upload = parties.start_at(agent, "data", f"{name}-a", parties.key("a"))
    part = lambda: next((p for p in (agent.folder / "state").rglob("dataset-0.part")), None)
    until(lambda: (p := part()) and p.stat().st_size > 5_000_000 or upload.poll() is not None, "the upload is under way")
    return upload


def test_an_upload_goes_on_after_the_agent_was_killed(parties, open_cvms, open_agent, jobs):
    data = os.urandom(1 << 20) * 150
    cvms = open_cvms(parties.manifest("k1", "#!/bin/sh\ncmp -s datasets/k1-a datasets/k1-a && echo same > results/ok\n",
                                      data=(data, b"x")))
    agent = open_agent(cvms.address)
    cvms.wait("accepted")
    upload = start_big_upload(parties, agent, "k1")
    agent.kill()
    assert upload.wait(30) != 0
    upload.communicate()
    agent.again()
    asset = next(a for a in parties.describe(agent)["assets"] if a["kind"] == "dataset" and a["index"] == 0)
    assert 5_000_000 < asset["received"] < len(data), asset
    parties.upload_all(agent, "k1")
    wait_state(parties, agent, "ConsumingResults")
    assert result(parties, agent).read("ok") == b"same\n"


def test_a_job_is_interrupted_when_the_agent_is_killed(parties, open_cvms, open_agent, jobs):
    mark = f"mark{random.randrange(10**12)}"
    cvms = open_cvms(parties.manifest("k2", f"#!/bin/sh\nsh -c 'while :; do sleep 1; done' {mark}\n"))
    agent = open_agent(cvms.address)
    cvms.wait("accepted")
    parties.upload_all(agent, "k2")
    until(lambda: processes_with(mark), "the job runs")
    agent.kill()
    until(lambda: not processes_with(mark), "the job is gone")
    agent.again()
    assert state(parties, agent) == "Failed"
    cvms.wait("event", name="Failed")
    done = parties.at(agent, "--json", "result", parties.key("consumer"), ok=False)
    assert json.loads(done.stdout)["error"]["code"] == "job.interrupted"
    assert not list((agent.folder / "state").rglob("job")) and not list((agent.folder / "state").rglob("assets"))


def test_a_download_goes_on_after_the_agent_was_killed(parties, open_cvms, open_agent, jobs):
    data = os.urandom(1 << 20) * 150
    cvms = open_cvms(parties.manifest("k3", "#!/bin/sh\ncp datasets/k3-a results/big\n", data=(data, b"x")))
    agent = open_agent(cvms.address)
    cvms.wait("accepted")
    parties.upload_all(agent, "k3")
    wait_state(parties, agent, "ConsumingResults")
    fetch = parties.start_at(agent, "result", parties.key("consumer"), "-f", "big.zip")
    part = parties.folder / "big.zip.part"
    until(lambda: part.exists() and part.stat().st_size > 5_000_000 or fetch.poll() is not None, "the download is under way")
    agent.kill()
    fetch.communicate()
    agent.again()
    assert state(parties, agent) in ("ConsumingResults", "Complete")
    with result(parties, agent, "big.zip") as z:
        assert z.read("big") == data
    assert state(parties, agent) == "Complete"


# ---- The server away ----

def test_events_wait_for_a_server_that_comes_back(parties, open_cvms, open_agent, jobs):
    manifest = parties.manifest("g1", COPY)
    cvms = open_cvms(manifest)
    agent = open_agent(cvms.address)
    cvms.wait("accepted")
    cvms.wait("event", name="ReceivingAlgorithm")
    cvms.process.kill()
    cvms.process.wait()
    parties.upload_all(agent, "g1")
    wait_state(parties, agent, "ConsumingResults")
    agent.kill()
    agent.again()
    back = open_cvms(manifest, port=cvms.port)
    back.wait("event", name="ConsumingResults")
    assert back.types() == WELL[1:6]
    back.wait("accepted")
    back.tell("state")
    assert back.wait("state")["name"] == "ConsumingResults"


def test_the_port_opens_without_any_server(parties, open_agent):
    agent = open_agent("127.0.0.1:1")
    done = json.loads(parties.at(agent, "--json", "agent", "describe").stdout)
    assert done["state"] == "ReceivingManifest"


# ---- Cut connections ----

class Cutter(threading.Thread):
    """Carries bytes to the agent and cuts each connection after a number of them."""

    def __init__(self, target):
        super().__init__(daemon=True)
        host, port = target.rsplit(":", 1)
        self.target = (host, int(port))
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.listener.getsockname()[1]
        self.limit, self.sent = None, 0
        self.start()

    def run(self):
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            far = socket.create_connection(self.target)
            limit = self.limit
            threading.Thread(target=self.carry, args=(far, near, None), daemon=True).start()
            threading.Thread(target=self.carry, args=(near, far, limit), daemon=True).start()

    def carry(self, source, sink, limit):
        count = 0
        try:
            while data := source.recv(65536):
                if limit is not None:
                    data = data[:limit - count]
                    self.sent += len(data)
                count += len(data)
                sink.sendall(data)
                if limit is not None and count >= limit:
                    break
        except OSError:
            pass
        for s in (source, sink):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def end(self):
        self.listener.close()


def test_an_upload_survives_cuts_at_random_offsets(parties, open_cvms, open_agent):
    data = os.urandom(1 << 20) * 40
    cvms = open_cvms(parties.manifest("x1", COPY, data=(data, b"x")))
    agent = open_agent(cvms.address)
    cvms.wait("accepted")
    cutter = Cutter(agent.address)
    straight, agent.address = agent.address, cutter.address
    rng = random.Random(5)
    cuts = 0
    while True:
        cutter.limit = rng.randrange(20_000, 8_000_000)
        done = parties.at(agent, "data", "x1-a", parties.key("a"), ok=False)
        if done.returncode == 0:
            break
        assert done.returncode in (1, 5), done
        cuts += 1
        assert cuts < 200
    cutter.end()
    agent.address = straight
    assert cuts > 3
    asset = next(a for a in parties.describe(agent)["assets"] if a["kind"] == "dataset" and a["index"] == 0)
    assert asset["complete"] and asset["received"] == len(data)
    print(f"{cuts} cuts, {cutter.sent - len(data)} bytes of {len(data)} sent again")


# ---- Garbage and slow clients ----

def test_garbage_half_open_and_slow_clients_do_no_harm(parties, open_cvms, open_agent):
    cvms = open_cvms(parties.manifest("h1", COPY))
    agent = open_agent(cvms.address)
    cvms.wait("accepted")
    host, port = agent.address.rsplit(":", 1)
    idle = [socket.create_connection((host, int(port))) for _ in range(50)]
    rng = random.Random(1)
    for _ in range(50):
        with socket.create_connection((host, int(port))) as s:
            try:
                s.sendall(rng.randbytes(rng.randrange(1, 4000)))
            except OSError:
                pass
    parties.at(agent, "algo", "h1.algo", parties.key("alg"))
    assert state(parties, agent) == "ReceivingData"
    for s in idle:
        s.close()
    assert agent.process.poll() is None


# ---- Full disk ----

def test_a_full_disk_is_a_clear_error_and_room_ends_it(parties, open_cvms, tmp_path, open_agent):
    if os.geteuid() != 0:
        pytest.skip("skipped: a small disk needs root")
    disk = tmp_path / "state"
    disk.mkdir()
    assert os.system(f"mount -t tmpfs -o size=8m none {disk}") == 0
    try:
        data = os.urandom(6 << 20)
        cvms = open_cvms(parties.manifest("d1", COPY, data=(data, b"x")))
        agent = open_agent(cvms.address)
        cvms.wait("accepted")
        filler = disk / "filler"
        filler.write_bytes(b"\0" * (4 << 20))
        done = parties.at(agent, "--json", "data", "d1-a", parties.key("a"), ok=False)
        assert json.loads(done.stdout)["error"]["code"] == "asset.space"
        # Filled to the last byte: every write of the agent fails now.
        fill = os.open(filler, os.O_WRONLY | os.O_APPEND)
        with pytest.raises(OSError):
            while os.write(fill, b"\0" * 4096):
                pass
        os.close(fill)
        done = parties.at(agent, "--json", "data", "d1-b", parties.key("b"), ok=False)
        assert json.loads(done.stdout)["error"]["code"] == "asset.space"
        assert state(parties, agent) == "ReceivingAlgorithm"
        filler.unlink()
        parties.at(agent, "data", "d1-b", parties.key("b"))
        parties.at(agent, "data", "d1-a", parties.key("a"))
        assert agent.process.poll() is None
        agent.end()
    finally:
        os.system(f"umount -l {disk}")


# ---- What the host may set ----

@pytest.mark.parametrize("text, code", [("LD_PRELOAD=/x\n", "environment.name"), ("AGENT_CVM_ID=a\x01\n", "environment.value"),
                                        ("AGENT_CVM_ID\n", "environment.line")])
def test_an_environment_that_is_not_allowed_stops_the_start(tmp_path, text, code):
    (tmp_path / "environment").write_text(text)
    done = subprocess.run([TOOLS / "agent" / "cocos-agent", "--state", tmp_path / "s", "--listen", "127.0.0.1:0",
                           "--environment", tmp_path / "environment"], env=environment(), capture_output=True, timeout=30)
    assert done.returncode == 4 and code.encode() in done.stderr
    if code == "environment.name":
        assert b"LD_PRELOAD" in done.stderr


@pytest.mark.parametrize("option, code", [(["--compat"], b"agent.unsupported."), (["--require", "snp"], b"evidence.required")])
def test_what_cannot_be_had_is_refused_at_start(tmp_path, option, code):
    done = subprocess.run([TOOLS / "agent" / "cocos-agent", "--state", tmp_path / "s", *option], env=environment(),
                          capture_output=True, timeout=30)
    assert done.returncode == 4 and code in done.stderr


def test_two_agents_do_not_share_a_state_directory(open_agent, tmp_path):
    open_agent("127.0.0.1:1")
    done = subprocess.run([TOOLS / "agent" / "cocos-agent", "--state", tmp_path / "state", "--listen", "127.0.0.1:0"],
                          env=environment(), capture_output=True, timeout=30)
    assert done.returncode == 1 and b"agent.locked" in done.stderr
