# SPDX-License-Identifier: Apache-2.0
"""Clients that wish a server ill, on every port, while one that works goes on."""

import contextlib
import os
import pathlib
import random
import resource
import shutil
import socket
import ssl
import struct
import subprocess
import tempfile
import threading
import time

import pytest

from host import MANAGER, Manager
from wire import (DATA, END_HEADERS, FRAME_MAX, HEADERS, PING, PREFACE, RST_STREAM, SETTINGS, Client, field, frame,
                  headers, plain_socket, tls)
from world import until

UPLOAD, DESCRIBE, DOWNLOAD, WATCH = (f"/cocos.v1.Agent/{m}" for m in ("Upload", "Describe", "Download", "Watch"))
INVALID, EXHAUSTED, UNAUTHENTICATED, UNIMPLEMENTED = 3, 8, 16, 12
OK_JOB = "#!/bin/sh\necho ok > results/ok\n"
PIECE = 1 << 20


@pytest.fixture
def ready(parties, open_cvms, open_agent):
    """An agent with a manifest of which the first data set is large."""
    cvms = open_cvms(parties.manifest("c1", OK_JOB, data=(os.urandom(1 << 20) * 100, b"x")))
    agent = open_agent(cvms.address)
    cvms.wait("accepted")
    agent.server = cvms
    return agent


def upload_and_attack(parties, agent, attack):
    """The attack runs while a large upload does, which must complete; then the rest must too."""
    upload = parties.start_at(agent, "data", "c1-a", parties.key("a"))
    attack()
    out = upload.communicate(timeout=60)
    assert upload.returncode == 0, out
    assert agent.process.poll() is None
    parties.at(agent, "algo", "c1.algo", parties.key("alg"))
    assert parties.describe(agent)["state"] == "ReceivingData"


connect = plain_socket


def pour(sock, data):
    """What the other side may end at any moment."""
    with contextlib.suppress(OSError, ssl.SSLError):
        sock.sendall(data)
        sock.settimeout(0.2)
        while sock.recv(65536):
            pass
    with contextlib.suppress(OSError):
        sock.close()


def frames_of_ill_will(rng):
    """What follows a good handshake."""
    good = PREFACE + frame(SETTINGS, 0, 0)
    block = headers((b":method", b"POST"), (b":scheme", b"https"), (b":path", DESCRIBE.encode()), (b":authority", b"x"),
                    (b"te", b"trailers"), (b"content-type", b"application/grpc"))
    yield rng.randbytes(5000)
    yield b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
    yield PREFACE[:-3]
    yield good + rng.randbytes(3000)
    yield good + frame(SETTINGS, 0, 0, b"\0\x04\xff\xff\xff\xff")  # a window over its limit
    yield good + frame(SETTINGS, 0, 0, b"\0\x05\0\0\0\0") + frame(SETTINGS, 0, 0, b"x")
    yield good + frame(PING, 0, 0, b"12345678") * 5000
    yield good + frame(SETTINGS, 0, 0, b"\0\x03\0\0\0\x01") * 5000
    yield good + frame(HEADERS, END_HEADERS, 1, rng.randbytes(2000))
    yield good + frame(HEADERS, END_HEADERS, 2, block)  # a server's number
    yield good + frame(DATA, 0, 1, b"data before headers") + frame(9, 0, 1, b"continued")
    yield good + frame(HEADERS, END_HEADERS, 1, block) + struct.pack(">I", 0xFFFFFF)[1:] + b"\0\0\0\0\0\x01"
    yield good + frame(HEADERS, END_HEADERS, 1, block) + frame(DATA, 1, 1, b"\0\xff\xff\xff\xff")
    yield good + frame(HEADERS, END_HEADERS, 1, block) + frame(DATA, 1, 1, b"\x01\0\0\0\x01x")  # said to be compressed
    yield good + frame(HEADERS, END_HEADERS, 1, block) + frame(DATA, 1, 1, b"\0\0\0\0\x01")  # less than said
    yield good + frame(HEADERS, 0, 1, block[:10]) + frame(9, 0, 1, b"") * 20_000  # headers without end
    yield good + b"".join(frame(HEADERS, END_HEADERS, 2 * i + 1, block) + frame(RST_STREAM, 0, 2 * i + 1, b"\0\0\0\x08")
                          for i in range(3000))
    yield good + frame(HEADERS, END_HEADERS, 1, headers(*[(b"x%d" % i, b"y" * 100) for i in range(100)]))


def test_garbage_at_every_stage_on_the_agents_port(parties, ready):
    rng = random.Random(11)

    def attack():
        for i in range(60):
            pour(connect(ready.address), b"\x16\x03\x01" * (i % 2) + rng.randbytes(rng.randrange(1, 3000)))
        for data in frames_of_ill_will(rng):
            pour(tls(ready.address), data)
        for protocol in ((), ("http/1.1",)):
            with contextlib.suppress(OSError, ssl.SSLError):
                tls(ready.address, protocol).close()
    upload_and_attack(parties, ready, attack)


def test_2000_half_open_connections(parties, ready):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 4096:
        pytest.skip(f"skipped: {hard} descriptors are too few")
    resource.setrlimit(resource.RLIMIT_NOFILE, (4096, hard))
    idle = []
    try:
        def attack():
            for _ in range(2000):
                with contextlib.suppress(OSError):
                    idle.append(connect(ready.address))
        upload_and_attack(parties, ready, attack)
        peak = ready.memory_kib()
        print(f"peak {peak} KiB")
        assert peak < 100 * 1024
    finally:
        for s in idle:
            s.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_calls_that_never_send_their_request_keep_no_place(parties, ready):
    """More streams than the agent serves at once, on several connections, none of which says anything."""
    clients = [Client(ready.address) for _ in range(6)]

    def attack():
        for client in clients:
            for i in range(60):
                client.start((UPLOAD, DESCRIBE, DOWNLOAD)[i % 3])
    attack()
    time.sleep(1)
    upload_and_attack(parties, ready, lambda: None)
    for client in clients:
        client.close()


def test_strangers_cannot_fill_the_memory(parties, ready):
    """Messages of almost the largest size that never end, on every stream that there may be."""
    clients = [Client(ready.address) for _ in range(6)]
    begin = b"\0" + struct.pack(">I", PIECE)
    stop = threading.Event()

    def push(client):
        with contextlib.suppress(OSError, TimeoutError):
            for i in range(60):
                stream = client.start(UPLOAD)
                client.send(stream, begin + bytes(PIECE - 1), prefix=False)
                if stop.is_set():
                    return
    threads = [threading.Thread(target=push, args=(c,), daemon=True) for c in clients]
    for t in threads:
        t.start()
    upload_and_attack(parties, ready, lambda: time.sleep(4))
    stop.set()
    peak = ready.memory_kib()
    print(f"peak {peak} KiB")
    for client in clients:
        client.close()
    assert peak < 160 * 1024


def test_limits_by_one(parties, ready):
    client = Client(ready.address)
    assert client.call(DESCRIBE, b"") == (0, "")
    assert client.call(DESCRIBE, bytes(65537)) == (EXHAUSTED, "rpc.message.size")
    over = client.call(UPLOAD, bytes(PIECE + 65))
    assert over[0] == EXHAUSTED, over
    assert client.call(DESCRIBE, b"\xff") == (INVALID, "rpc.message")
    assert client.call(DESCRIBE)[0] == INVALID
    assert client.call("/cocos.v1.Agent/Attest", b"")[0] == INVALID
    assert client.call("/cocos.v1.Agent/Nonsense", b"")[0] == UNIMPLEMENTED
    header = field(1, field(1, 2) + field(3, b"d" * 32) + field(4, 1))
    assert client.call(UPLOAD, header)[0] == UNAUTHENTICATED
    for auth in (b"", b"AAAA", b"A" * 30_000):
        assert client.call(UPLOAD, header, metadata=((b"cocos-auth-bin", auth),))[0] == UNAUTHENTICATED
    twice = ((b"cocos-auth-bin", b"AAAA"),) * 2
    assert client.call(UPLOAD, header, metadata=twice)[0] == UNAUTHENTICATED
    assert client.call(UPLOAD, header, metadata=((b"cocos-auth-bin", b"!!!!"),))[0] != 0  # not base64: reset
    client.close()
    client = Client(ready.address)
    assert client.call(UPLOAD, field(2, b"data first")) == (INVALID, "upload.order")
    assert client.call(UPLOAD, field(1, field(1, 9) + field(3, b"short"))) == (INVALID, "upload.header")
    client.close()
    for size in (140_000, 5_000_000):  # on the wire; between 64 and 128 KiB gRPC answers
        client = Client(ready.address)
        with contextlib.suppress(OSError):
            stream = client.start(DESCRIBE, (b"x-long", b"y" * size))
            client.wait(lambda: client.closed, "the connection is ended")
            assert client.status(stream)[0] is None
        client.close()
    assert ready.memory_kib() < 64 * 1024
    upload_and_attack(parties, ready, lambda: None)


def test_a_stop_waits_for_nobody(parties, ready):
    """Calls that are open, silent, or in the middle of an upload: what the stop wipes is gone at once."""
    client = Client(ready.address)
    for path in (UPLOAD, DESCRIBE, DOWNLOAD, WATCH) * 3:
        client.start(path)
    upload = parties.start_at(ready, "data", "c1-a", parties.key("a"))
    until(lambda: list((ready.folder / "state").rglob("*.part")), "the upload has begun")
    ready.server.tell("stop")
    ready.server.wait("stopped")
    upload.communicate(timeout=30)
    assert not list((ready.folder / "state" / "runs").glob("*"))
    client.close()


def test_readers_that_do_not_read(parties, ready):
    """Answers that nobody takes: neither other calls nor a stop wait for them."""
    clients = [Client(ready.address) for _ in range(3)]
    for client in clients:
        client.take = lambda *_: time.sleep(3600)
        with contextlib.suppress(OSError):
            for _ in range(60):
                stream = client.start(DESCRIBE)
                client.write(frame(DATA, 1, stream, b"\0\0\0\0\0"))
    upload_and_attack(parties, ready, lambda: None)


# ---- A request of another connection ----

class Relay(threading.Thread):
    """Ends a client's TLS with a key of its own and passes everything on over another connection."""

    def __init__(self, folder, target):
        super().__init__(daemon=True)
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
                        "/CN=x", "-keyout", "k.pem", "-out", "c.pem"], cwd=folder, check=True, capture_output=True)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(folder / "c.pem", folder / "k.pem")
        self.context.set_alpn_protocols(["h2"])
        self.target = target
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.listener.getsockname()[1]
        self.carried = b""
        self.start()

    def run(self):
        with contextlib.suppress(OSError):
            while True:
                near = self.context.wrap_socket(self.listener.accept()[0], server_side=True)
                far = tls(self.target)
                for a, b in ((near, far), (far, near)):
                    a.settimeout(None)
                    threading.Thread(target=self.carry, args=(a, b), daemon=True).start()

    def carry(self, source, sink):
        with contextlib.suppress(OSError, ssl.SSLError):
            while data := source.recv(65536):
                self.carried += data
                sink.sendall(data)
        for s in (source, sink):
            with contextlib.suppress(OSError):
                s.shutdown(socket.SHUT_RDWR)


def test_a_relay_that_reads_everything_gets_nothing_done(parties, ready, tmp_path):
    relay = Relay(tmp_path, ready.address)
    for command in (("algo", "c1.algo", parties.key("alg")), ("data", "c1-b", parties.key("b")),
                    ("result", parties.key("consumer"))):
        done = parties.cocos("--json", *command, "--insecure-no-verify", env={"AGENT_GRPC_URL": relay.address}, ok=False)
        assert done.returncode == 6 and b"auth.binding" in done.stdout, done
    assert relay.carried
    assert not any(a["received"] for a in parties.describe(ready)["assets"])
    pinned = parties.cocos("algo", "c1.algo", parties.key("alg"), env={"AGENT_GRPC_URL": relay.address, "AGENT_GRPC_PIN": ready.pin},
                           ok=False)
    assert pinned.returncode == 6
    relay.listener.close()


# ---- Other ports ----

def test_the_computation_management_server_outlives_its_agents(parties, open_cvms, open_agent, jobs):
    cvms = open_cvms(parties.manifest("c2", OK_JOB))
    rng = random.Random(2)
    for _ in range(40):
        pour(connect(cvms.address), rng.randbytes(rng.randrange(1, 3000)))
    for data in frames_of_ill_will(rng):
        pour(connect(cvms.address), data)
    idle = [connect(cvms.address) for _ in range(200)]
    hostile = [Client(cvms.address, plain=True) for _ in range(5)]
    for n, client in enumerate(hostile):
        with contextlib.suppress(OSError, TimeoutError):
            stream = client.start("/cvms.Service/Process", (b"job-id", b"\x01vm-1" if n == 0 else b"ill-%d" % n))
            for message in (b"\xff" * n, field(3, field(2, "e" * 500_000)), field(2, field(1, "\x1b[2J") + field(4, b"x" * 500_000)),
                            field(6, b""), field(5, field(2, "s" * 100)), field(1, b"\x78\x00" * 200_000)):
                client.send(stream, message)
    agent = open_agent(cvms.address)
    cvms.wait("accepted")
    parties.upload_all(agent, "c2")
    until(lambda: parties.describe(agent)["state"] == "ConsumingResults", "the job ends")
    assert "\x1b" not in cvms.out.text() and cvms.process.poll() is None
    for client in hostile:
        client.close()
    for s in idle:
        s.close()


@pytest.mark.skipif(not MANAGER.exists() or not os.access("/usr/bin/qemu-system-x86_64", os.X_OK),
                    reason="skipped: no manager or no QEMU")
def test_the_manager_serves_one_while_others_are_silent_or_garble(tmp_path):
    base = pathlib.Path(tempfile.mkdtemp(prefix="ch", dir="/tmp"))  # the socket's path must be short
    manager = Manager(base, "--kernel", "/bin/true", "--initrd", "/bin/true", "--no-tpm").start()
    silent = [Client(manager.address, plain=True) for _ in range(6)]
    try:
        rng = random.Random(4)
        for data in frames_of_ill_will(rng):
            pour(connect(manager.address), data)
        for client in silent:
            for i in range(60):
                client.start("/cocos.v1.Manager/" + ("Create", "List", "Destroy", "Console")[i % 4])
        time.sleep(0.5)
        good = Client(manager.address, plain=True)
        assert good.call("/cocos.v1.Manager/List", b"") == (0, "")
        assert good.call("/cocos.v1.Manager/Get", field(1, b"\xff"))[0] == INVALID
        assert good.call("/cocos.v1.Manager/Create", field(2, b"a\0b"))[0] == INVALID
        assert good.call("/cocos.v1.Manager/Create", b"\x78\x00" * 30_000)[0] == INVALID
        assert good.call("/cocos.v1.Manager/Destroy", field(1, "../../etc"))[0] not in (0, None)
        idle = [connect(manager.http) for _ in range(300)]
        for data in (b"GET /livez HTTP/9.9\r\n\r\n", b"\0" * 5000, b"GET " + b"x" * 100_000, rng.randbytes(3000)):
            pour(connect(manager.http), data)
        for s in idle:
            s.close()
        with connect(manager.http) as s:
            s.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
            assert s.recv(100).startswith(b"HTTP/1.1 200")
        good.close()
        assert manager.process.poll() is None
    finally:
        for client in silent:
            client.close()
        assert manager.stop() == 0
        shutil.rmtree(base)
