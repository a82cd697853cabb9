# SPDX-License-Identifier: Apache-2.0
"""A whole computation on this machine without a VM: computation-management server and agent as plain processes."""

import importlib
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import threading
import time

from cli import BUILD, COCOS, ROOT, run
from world import trusting

AGENT = BUILD / "tools/agent/cocos-agent"
CVMS = BUILD / "tools/cvms/cocos-cvms"
JOBS = BUILD / "tests/support/jobs"
PARTIES = ("alg", "a", "b", "consumer", "stranger")


def wait_for(what, read, seconds=20):
    """The first true answer of read()."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if found := read():
            return found
        time.sleep(0.02)
    raise AssertionError(f"{what} did not come within {seconds} s")


def end(process):
    if process and process.poll() is None:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)


class Computation:
    """Parties with their keys, one algorithm, two data sets; the agent on a port of its own."""

    def __init__(self, root, algorithm="writer", args=("1000",), data=None, memory="256M"):
        self.root = pathlib.Path(root)
        self.data = data or {"a": b"first data set\n" * 1000, "b": b"second\n"}
        self.agent = self.cvms = None
        self.args = args
        for name in PARTIES:
            (self.root / name).mkdir()
            assert run("keys", "-k", "ed25519", "-q", "-o", self.root / name).returncode == 0
        self.algorithm = JOBS / algorithm
        for name, content in self.data.items():
            if content is not None:
                (self.root / f"{name}.bin").write_bytes(content)
        self.write_manifest(memory)

    def key(self, party):
        return self.root / party / "private.pem"

    def write_manifest(self, memory):
        args = [x for a in self.args for x in ("--args", a)]
        data = [x for n in self.data for x in ("--data", f"{n}.bin", "--data-key", f"{n}/public.pem")]
        done = run("manifest", "new", "--id", "c-1", "--algorithm", self.algorithm, "--algorithm-key", "alg/public.pem",
                   *args, *data, "--consumer", "consumer/public.pem", "--memory", memory, "-o", "manifest.json",
                   cwd=self.root)
        assert done.returncode == 0, done.stderr

    def start(self):
        self.cvms = self.spawn("cvms", [CVMS, "--host", "127.0.0.1", "--port", "0", self.root / "manifest.json"])
        self.cvms_address = self.logged("cvms", r"listening on (\S+)")
        self.start_agent()
        return self

    def start_agent(self, listen="127.0.0.1:0"):
        self.agent = self.spawn("agent", [AGENT, "--state", self.root / "state", "--listen", listen, "--unix", self.unix,
                                          "--cvms", self.cvms_address, "--id", "vm-1", "--unlimited"])
        self.address = self.logged("agent", r"address=(\S+) pin")
        self.pin = self.logged("agent", r"pin=(sha256:[0-9a-f]{64})")
        wait_for("the manifest", lambda: self.described()["computation_id"])

    @property
    def unix(self):
        return self.root / "agent.sock"

    def spawn(self, name, command):
        with open(self.root / f"{name}.log", "wb") as log:
            return subprocess.Popen([str(c) for c in command], stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def logged(self, name, pattern):
        path = self.root / f"{name}.log"
        return wait_for(f"{pattern} in {path}", lambda: re.search(pattern, path.read_text())).group(1)

    def kill_agent(self):
        self.agent.send_signal(signal.SIGKILL)
        self.agent.wait(10)

    def stop(self):
        end(self.agent)
        end(self.cvms)

    @property
    def env(self):
        return {"AGENT_GRPC_URL": self.address, "AGENT_GRPC_PIN": self.pin}

    def cocos(self, *args, env=None, **options):
        return run(*trusting(args), env=self.env | (env or {}), cwd=self.root, **options)

    def described(self):
        done = self.cocos("agent", "describe", "--json")
        return json.loads(done.stdout)

    def received(self, name):
        done = self.cocos("agent", "describe", self.key(name), "--json")
        assets = json.loads(done.stdout)["assets"]
        return next(a for a in assets if a["name"] == f"{name}.bin")

    def ok(self, *args, **options):
        done = self.cocos(*args, **options)
        assert done.returncode == 0, (args, done.stderr.decode(), done.stdout.decode())
        return done

    def upload_all(self):
        self.ok("algo", self.algorithm, self.key("alg"))
        for name in self.data:
            self.ok("data", f"{name}.bin", self.key(name))

    def wait_until(self, state):
        self.ok("agent", "watch", self.key("consumer"), "--until", state, "--timeout", "60s", "-q")


class CuttingProxy:
    """Forwards to an address, and cuts each connection after so many bytes towards it."""

    def __init__(self, target, after):
        self.target = target
        self.after = after  # called for each connection: bytes, or None for all
        self.forwarded = 0
        self.server = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self.server.getsockname()[1]}"
        self.thread = threading.Thread(target=self.accept, daemon=True)
        self.thread.start()

    def accept(self):
        while True:
            try:
                client, _ = self.server.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client, self.after()), daemon=True).start()

    def serve(self, client, left):
        host, port = self.target.rsplit(":", 1)
        with client, socket.create_connection((host, int(port))) as agent:
            back = threading.Thread(target=self.copy_back, args=(agent, client), daemon=True)
            back.start()
            try:
                while chunk := client.recv(65536 if left is None else min(65536, left)):
                    agent.sendall(chunk)
                    self.forwarded += len(chunk)
                    left = None if left is None else left - len(chunk)
                    if left == 0:
                        break
            except OSError:
                pass  # the other side went first
            for s in (client, agent):
                try:
                    s.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass  # closed already
            back.join(5)

    @staticmethod
    def copy_back(agent, client):
        try:
            while chunk := agent.recv(65536):
                client.sendall(chunk)
        except OSError:
            pass  # cut

    def close(self):
        self.server.close()


def resident_kib(pid, field="VmHWM"):
    """Peak (VmHWM) or present (VmRSS) resident memory."""
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(rf"^{field}:\s+(\d+) kB", text, re.M).group(1))


def library():
    """The Python binding, over the library that was just built."""
    os.environ.setdefault("COCOS_LIBRARY", str(BUILD / "libcocos/libcocos.so.0"))
    sys.path.insert(0, str(ROOT / "bindings/python/src"))
    return importlib.import_module("cocos")


__all__ = ["AGENT", "COCOS", "CVMS", "Computation", "CuttingProxy", "library", "resident_kib", "wait_for"]
