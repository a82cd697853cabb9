# SPDX-License-Identifier: Apache-2.0
"""The real programs as processes: a development server, an agent, parties with keys and files."""

import json
import os
import pathlib
import re
import subprocess
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("COCOS_BUILD_ROOT", ROOT / "build"))
TOOLS = BUILD / "tools"
WAIT = float(os.environ.get("COCOS_TEST_WAIT", "30"))
PASSED_ON = ("PATH", "LD_LIBRARY_PATH", "ASAN_OPTIONS", "TSAN_OPTIONS", "UBSAN_OPTIONS")


def environment(more=None):
    """Nobody's settings get in."""
    return {k: os.environ[k] for k in PASSED_ON if k in os.environ} | {"HOME": "/nonexistent", "LC_ALL": "C.UTF-8"} | (more or {})


def until(condition, what, wait=WAIT):
    end = time.monotonic() + wait
    while time.monotonic() < end:
        got = condition()
        if got:
            return got
        time.sleep(0.02)
    raise AssertionError(f"not within {wait} s: {what}")


def trusting(args):
    """Arguments of cocos; commands that talk with an agent, and are not about its evidence, do without it."""
    args = [str(a) for a in args]
    talks = any(a in ("algo", "data", "result", "agent") for a in args[:2])
    return [*args, "--insecure-no-attestation"] if talks and "--policy" not in args else args


class Lines:
    """What a stream says, read in a thread of its own."""

    def __init__(self, stream):
        self.lines = []
        self.thread = threading.Thread(target=self._read, args=(stream,), daemon=True)
        self.thread.start()

    def _read(self, stream):
        for line in stream:
            self.lines.append(line.decode(errors="replace").rstrip("\n"))

    def text(self):
        return "\n".join(self.lines)


class Cvms:
    """cocos-cvms with its events."""

    def __init__(self, *manifests, port=0, options=()):
        self.process = subprocess.Popen(
            [TOOLS / "cvms" / "cocos-cvms", "--json", "--host", "127.0.0.1", "--port", str(port), *options, *manifests],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment())
        self.out, self.err = Lines(self.process.stdout), Lines(self.process.stderr)
        until(lambda: self.out.lines or self.process.poll() is not None, "cocos-cvms listens")
        assert self.out.lines, self.err.text()
        self.address = json.loads(self.out.lines[0])["address"]
        self.port = int(self.address.rsplit(":", 1)[1])

    def events(self):
        return [json.loads(line) for line in list(self.out.lines)]

    def types(self):
        """(type, status) of the agent's events."""
        return [(e["name"], e["text"]) for e in self.events() if e["event"] == "event"]

    def tell(self, command):
        self.process.stdin.write(f"{command}\n".encode())
        self.process.stdin.flush()

    def wait(self, event, count=1, **members):
        def found():
            fit = [e for e in self.events() if e["event"] == event and all(e[k] == v for k, v in members.items())]
            return fit if len(fit) >= count else None
        return until(found, f"event {event} {members}: {self.out.text()}")[-1]

    def end(self):
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait(WAIT)


class Agent:
    """cocos-agent as a plain process; can be killed and started again in the same state."""

    def __init__(self, folder, cvms, options=(), program=None):
        self.folder, self.cvms, self.options = pathlib.Path(folder), cvms, options
        self.program = program or [TOOLS / "agent" / "cocos-agent"]
        self.listen = "127.0.0.1:0"
        self.log = []
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            [*self.program, "--state", self.folder / "state", "--listen", self.listen, "--cvms", self.cvms,
             "--id", "vm-1", "--unlimited", "--log-format", "json", *self.options],
            stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, env=environment())
        self.err = Lines(self.process.stderr)
        self.log.append(self.err)
        line = until(lambda: next((x for x in self.err.lines if '"listening"' in x), None) or
                     self.process.poll() is not None, "cocos-agent listens")
        assert line is not True, self.err.text()
        self.address, self.pin = json.loads(line)["address"], json.loads(line)["pin"]
        self.listen = self.address

    def kill(self):
        """Without warning."""
        self.process.kill()
        self.process.wait(WAIT)

    def again(self):
        self.start()

    def end(self):
        if self.process.poll() is None:
            self.process.terminate()
        assert self.process.wait(WAIT) == 0, self.err.text()

    def memory_kib(self, what="VmHWM"):
        text = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(rf"{what}:\s+(\d+)", text)[1])


class Parties:
    """Keys and files of an algorithm owner, two data owners, a consumer and a stranger."""

    NAMES = ("alg", "a", "b", "consumer", "stranger")

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        for name in self.NAMES:
            (self.folder / name).mkdir()
            self.cocos("keys", "-k", "ed25519", "-o", self.folder / name)

    def cocos(self, *args, env=None, ok=True):
        done = subprocess.run([TOOLS / "cli" / "cocos", *trusting(args)], env=environment(env), capture_output=True,
                              timeout=300, cwd=self.folder, check=False)
        assert done.returncode >= 0, done
        if ok:
            assert done.returncode == 0, done.stdout.decode() + done.stderr.decode()
        return done

    def key(self, name):
        return self.folder / name / "private.pem"

    def file(self, name, content, mode=0o644):
        path = self.folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        path.chmod(mode)
        return path

    def manifest(self, name, script, data=(b"first\n", b"second\n"), options=()):
        """Files <name>.algo, <name>-a, <name>-b and the manifest <name>.json."""
        self.file(f"{name}.algo", script, 0o755)
        args = ["--id", name, "--algorithm", f"{name}.algo", "--algorithm-key", "alg/public.pem"]
        for owner, content in zip("ab", data):
            self.file(f"{name}-{owner}", content)
            args += ["--data", f"{name}-{owner}", "--data-key", f"{owner}/public.pem"]
        self.cocos("manifest", "new", *args, "--consumer", "consumer/public.pem", "-o", f"{name}.json", *options)
        return self.folder / f"{name}.json"

    def at(self, agent, *args, ok=True):
        """A command of cocos for this agent."""
        return self.cocos(*args, env={"AGENT_GRPC_URL": agent.address, "AGENT_GRPC_PIN": agent.pin}, ok=ok)

    def start_at(self, agent, *args):
        """The same, without waiting for its end."""
        env = environment({"AGENT_GRPC_URL": agent.address, "AGENT_GRPC_PIN": agent.pin})
        return subprocess.Popen([TOOLS / "cli" / "cocos", *trusting(args)], env=env, cwd=self.folder,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def upload_all(self, agent, name):
        self.at(agent, "algo", f"{name}.algo", self.key("alg"))
        for owner in "ab":
            self.at(agent, "data", f"{name}-{owner}", self.key(owner))

    def describe(self, agent, key="consumer"):
        return json.loads(self.at(agent, "--json", "agent", "describe", self.key(key)).stdout)


def processes_with(text):
    """Ids of processes whose command line holds the text."""
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if text.encode() in path.read_bytes():
                found.append(int(path.parent.name))
        except OSError:
            pass
    return found


def can_run_jobs():
    return os.geteuid() == 0 and any(os.access(f"{d}/crun", os.X_OK) for d in ("/usr/bin", "/bin", "/usr/local/bin"))
