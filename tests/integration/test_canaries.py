# SPDX-License-Identifier: Apache-2.0
"""Known bytes in everything that parties own; afterwards no byte that the host can see holds them.

What the host can see of a virtual machine: its console, the shares, every file of the manager,
what the programs log, what the computation-management server is told, and each packet.
"""

import base64
import ctypes
import json
import os
import pathlib
import secrets
import shutil
import socket
import subprocess
import tempfile
import threading
import zipfile

import pytest

from host import BUSYBOX, MANAGER, Manager
from world import BUILD, ROOT, until

KINDS = ("algorithm", "argument", "data", "file-name", "stdout", "stderr", "result", "result-name", "process")


class Capture(threading.Thread):
    """Every packet on the loopback interface."""

    SOL_PACKET, PACKET_STATISTICS, ETH_P_ALL = 263, 6, 3

    def __init__(self):
        super().__init__(daemon=True)
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(self.ETH_P_ALL))
        self.socket.setsockopt(socket.SOL_SOCKET, 33, 64 << 20)  # SO_RCVBUFFORCE
        self.socket.bind(("lo", 0))
        self.socket.settimeout(0.2)
        self.seen = bytearray()
        self.ended = threading.Event()
        self.start()

    def run(self):
        while True:
            try:
                packet = self.socket.recv(1 << 17)
            except TimeoutError:
                if self.ended.is_set():
                    return
                continue
            if len(packet) > 66:  # by Ethernet, IP and TCP a segment begins anew: canaries are shorter than one
                self.seen += packet

    def end(self):
        self.ended.set()
        self.join(30)
        lost = int.from_bytes(self.socket.getsockopt(self.SOL_PACKET, self.PACKET_STATISTICS, 8)[4:], "little")
        self.socket.close()
        assert lost == 0, f"{lost} packets were not captured"
        return bytes(self.seen)


class Canaries:
    """A word for each kind, and the forms in which it could come out."""

    def __init__(self):
        self.words = {kind: "canary" + secrets.token_hex(12) for kind in KINDS}

    def __getitem__(self, kind):
        return self.words[kind]

    def forms(self, kind):
        word = self.words[kind].encode()
        yield word
        yield word.hex().encode()
        yield word.hex().upper().encode()
        yield word.decode().encode("utf-16-le")
        for shift in range(3):
            yield base64.b64encode(b"\0" * shift + word)[4:-4]

    def found(self, data):
        return [kind for kind in KINDS if any(form in data for form in self.forms(kind))]

    def look(self, place, data):
        found = self.found(data)
        assert not found, f"{place} holds {found}"

    def look_below(self, *folders):
        for folder in folders:
            for path in [folder, *folder.rglob("*")]:
                self.look(f"the name {path}", str(path).encode())
                if path.is_file() and not path.is_symlink():
                    self.look(path, path.read_bytes())


def make_certificate(folder):
    """The server's, for this machine as it is called here and in the guest."""
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                    "-subj", "/CN=cvms", "-addext", "subjectAltName=IP:127.0.0.1,IP:10.0.2.2",
                    "-keyout", folder / "cvms.key", "-out", folder / "cvms.pem"], check=True, capture_output=True)
    return "--cert", folder / "cvms.pem", "--key", folder / "cvms.key"


def make_computation(parties, canaries, exit_code=0):
    """All that belongs to parties carries its word. A process's name can turn up in a kernel's message."""
    script = (f"#!/bin/sh\n# {canaries['algorithm']}\necho {canaries['stdout']} $1\necho {canaries['stderr']} >&2\n"
              f"cat datasets/* >results/{canaries['result-name']}\necho {canaries['result']} >>results/{canaries['result-name']}\n"
              f"echo {canaries['stderr']} 2>/dev/null >/dev/console\necho {canaries['stdout']} 2>/dev/null >/dev/kmsg\n"
              f"ln -s /bin/sh tmp/{canaries['process']} 2>/dev/null; tmp/{canaries['process']} -c 'kill -SEGV $$' 2>/dev/null\n"
              f"exit {exit_code}\n")
    algorithm = parties.file("algorithm", script, 0o755)
    name = f"{canaries['file-name']}.csv"
    parties.file(name, f"{canaries['data']}\n")
    parties.cocos("manifest", "new", "--id", "c1", "--algorithm", algorithm, "--algorithm-key", "alg/public.pem",
                  "--args", canaries["argument"], "--data", name, "--data-key", "a/public.pem", "--memory", "64M",
                  "--disk", "16M", "--deadline", "2m", "--consumer", "consumer/public.pem", "-o", "c1.json")
    return parties.folder / "c1.json", name


def run_computation(parties, at, canaries, data_name, exit_code=0):
    said = []

    def command(*args, ok=True):
        said.append(parties.cocos(*args, env=at, ok=ok))
        return said[-1]
    command("algo", "algorithm", parties.key("alg"), "--args", canaries["argument"])
    command("data", data_name, parties.key("a"))
    state = "Failed" if exit_code else "ConsumingResults"
    key = parties.key("consumer")
    until(lambda: json.loads(parties.cocos("--json", "agent", "describe", key, env=at).stdout)["state"] == state, state, 120)
    command("result", key, "-f", "out.zip", ok=exit_code == 0)
    with zipfile.ZipFile(parties.folder / "out.zip") as z:
        members = {n: z.read(n) for n in z.namelist()}
    assert canaries["stdout"].encode() in members["cocos-job/stdout"], members
    assert canaries["argument"].encode() in members["cocos-job/stdout"]
    if exit_code == 0:
        result = members[canaries["result-name"]]
        assert canaries["data"].encode() in result and canaries["result"].encode() in result
    for done in said:  # what a terminal shows is the party's own but for what others gave
        canaries.look("the consumer's terminal", done.stderr if done is said[-1] else b"")


@pytest.fixture
def capture():
    if os.geteuid() != 0:
        pytest.skip("skipped: to capture packets needs root")
    made = Capture()
    yield made
    if made.is_alive():
        made.ended.set()


def test_the_search_finds_what_is_there(capture, tmp_path):
    """A canary that is put where the others must not be is found there, in every form."""
    canaries = Canaries()
    word = canaries["data"].encode()
    for form in (word, word.hex().encode(), base64.b64encode(b"ab" + word + b"c"), word.decode().encode("utf-16-le")):
        assert canaries.found(b"..." + form + b"...") == ["data"]
    (tmp_path / canaries["result"]).write_text("")
    with pytest.raises(AssertionError):
        canaries.look_below(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        with socket.create_connection(listener.getsockname()) as sender:
            sender.sendall(word)
            listener.accept()[0].close()
    until(lambda: word in bytes(capture.seen), "the packet is captured")
    assert canaries.found(capture.end()) == ["data"]


@pytest.mark.parametrize("exit_code", [0, 3])
def test_nothing_of_a_plain_agents_computation_gets_out(parties, open_cvms, open_agent, capture, tmp_path, jobs, exit_code):
    canaries = Canaries()
    (tmp_path / "certs").mkdir()
    tls = make_certificate(tmp_path / "certs")
    manifest, name = make_computation(parties, canaries, exit_code)
    cvms = open_cvms(manifest, options=tls)
    agent = open_agent(cvms.address, options=("--certs", tmp_path / "certs", "--cvms-ca", "/etc/certs/cvms.pem", "--log-level", "debug"))
    cvms.wait("accepted")
    run_computation(parties, {"AGENT_GRPC_URL": agent.address, "AGENT_GRPC_PIN": agent.pin}, canaries, name, exit_code)
    for command in ("state", "stop"):
        cvms.tell(command)
    cvms.wait("stopped")
    canaries.look("the agent's log", agent.err.text().encode())
    canaries.look("what the server was told", (cvms.out.text() + cvms.err.text()).encode())
    canaries.look_below(agent.folder / "state")
    agent.end()
    canaries.look_below(agent.folder / "state")
    canaries.look("the network", capture.end())


# ---- The virtual machine ----

@pytest.fixture
def manager():
    if not MANAGER.exists() or not BUSYBOX.exists() or shutil.which("qemu-system-x86_64") is None:
        pytest.skip("skipped: no manager, busybox or QEMU")
    base = pathlib.Path(tempfile.mkdtemp(prefix="cc", dir="/tmp"))
    flags = ["--newest-kernel"] if os.environ.get("CI") else []
    subprocess.run([ROOT / "eos/build.sh", "--build", BUILD, *flags, base / "eos"], check=True, stdout=subprocess.DEVNULL)
    made = Manager(base, "--kernel", str(base / "eos/kernel"), "--initrd", str(base / "eos/initrd"), "--no-tpm").start()
    yield made
    with made.host() as host:
        for enclave in host.list():
            host.destroy(enclave)
    made.stop()
    made.nothing_left()
    shutil.rmtree(base)


def test_nothing_of_a_virtual_machines_computation_gets_out(parties, open_cvms, capture, manager, tmp_path):
    canaries = Canaries()
    tls = make_certificate(tmp_path)
    manifest, name = make_computation(parties, canaries)
    cvms = open_cvms(manifest, options=tls)
    with manager.host() as host:
        info = host.create(timeout=120, cvms_url=f"10.0.2.2:{cvms.port}", cvms_ca=(tmp_path / "cvms.pem").read_text(),
                           log_level="debug", wait_ready="1")
        cvms.wait("accepted")
        run_computation(parties, {"AGENT_GRPC_URL": info["address"], "AGENT_GRPC_PIN": info["agent_pin"]}, canaries, name)
        canaries.look("the console", host.console(info["id"]).encode())
        canaries.look("the description", json.dumps([host.list(), host.get(info["id"])], default=str).encode())
        canaries.look_below(manager.base / "s", manager.base / "r")
        record = host.destroy(info["id"])
    assert record["complete"]
    canaries.look("the host record", json.dumps(record).encode())
    canaries.look_below(manager.base / "s", manager.base / "r")
    canaries.look("the manager's log", manager.log.read_bytes())
    canaries.look("what the server was told", (cvms.out.text() + cvms.err.text()).encode())
    canaries.look("the network", capture.end())
