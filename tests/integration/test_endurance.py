# SPDX-License-Identifier: Apache-2.0
"""What only shows after many times, at every place, or in every state."""

import json
import os
import pathlib
import random
import subprocess
import time

import pytest

from world import TOOLS, processes_with, until

COPY = "#!/bin/sh\ncat datasets/*-a datasets/*-b > results/both\necho said\n"
RUNS = 50


def state_of(parties, agent):
    return parties.describe(agent)["state"]


def wait_state(parties, agent, *wanted):
    until(lambda: state_of(parties, agent) in wanted, f"state {wanted}")


def fetch(parties, agent, ok=True):
    (parties.folder / "out.zip").unlink(missing_ok=True)
    return parties.at(agent, "--json", "result", parties.key("consumer"), "-f", "out.zip", ok=ok)


# ---- Again and again ----

def held(agent):
    """Descriptors, threads, resident KiB, files of the agent's state."""
    proc = pathlib.Path(f"/proc/{agent.process.pid}")
    return (len(list((proc / "fd").iterdir())), len(list((proc / "task").iterdir())), agent.memory_kib("VmRSS"),
            len(list((agent.folder / "state").rglob("*"))))


def test_nothing_grows_over_fifty_computations(parties, open_cvms, open_agent, jobs):
    first, *others = [parties.manifest(f"n{i}", COPY) for i in range(2)]
    cvms = open_cvms(first)
    # One arena: a second one that malloc opens for a busy moment is no growth of ours.
    agent = open_agent(cvms.address, program=["env", "MALLOC_ARENA_MAX=1", TOOLS / "agent" / "cocos-agent"])
    after = []
    for i in range(RUNS):
        cvms.wait("accepted", count=i + 1)
        parties.upload_all(agent, f"n{i % 2}")
        wait_state(parties, agent, "ConsumingResults")
        if i % 3:  # some are fetched, some are stopped before
            fetch(parties, agent)
        cvms.tell("stop")
        cvms.wait("stopped", count=i + 1)
        time.sleep(0.05)
        after.append(held(agent))
        if i + 1 < RUNS:
            cvms.tell(f"run {(others[0], first)[i % 2]}")
    fds, threads, rss, files = zip(*after)
    print(f"descriptors {fds[10]} -> {fds[-1]}, threads {threads[10]} -> {threads[-1]}, RSS {rss[10]} -> {rss[-1]} KiB")
    assert max(fds[-10:]) <= max(fds[:10]) + 2, fds
    assert max(threads[-10:]) <= max(threads[:10]) + 2, threads
    assert rss[-1] < rss[10] + 2048, rss
    assert max(files[-10:]) <= max(files[:10]), files
    assert not list((agent.folder / "state" / "runs").iterdir())


# ---- Killed in each state ----

def receiving_manifest(parties, agent, cvms):
    return "ReceivingAlgorithm"  # the server is there again and sends it


def receiving_algorithm(parties, agent, cvms):
    cvms.wait("accepted")
    return "ReceivingAlgorithm"


def receiving_data(parties, agent, cvms):
    cvms.wait("accepted")
    parties.at(agent, "algo", "s.algo", parties.key("alg"))
    parties.at(agent, "data", "s-a", parties.key("a"))
    return "ReceivingData"


def running(parties, agent, cvms):
    cvms.wait("accepted")
    parties.upload_all(agent, "s")
    wait_state(parties, agent, "Running", "ConsumingResults")
    return "Failed"


def consuming_results(parties, agent, cvms):
    cvms.wait("accepted")
    parties.upload_all(agent, "s")
    wait_state(parties, agent, "ConsumingResults")
    return "ConsumingResults"


def complete(parties, agent, cvms):
    consuming_results(parties, agent, cvms)
    fetch(parties, agent)
    wait_state(parties, agent, "Complete")
    return "Complete"


def stopped(parties, agent, cvms):
    cvms.wait("accepted")
    parties.upload_all(agent, "s")
    cvms.tell("stop")
    cvms.wait("stopped")
    return "ReceivingAlgorithm"  # a new connection gets the manifest again


@pytest.mark.parametrize("reach", [receiving_manifest, receiving_algorithm, receiving_data, running, consuming_results, complete,
                                   stopped], ids=lambda f: f.__name__)
def test_killed_in_each_state_it_goes_on_or_says_why_not(parties, open_cvms, open_agent, jobs, reach):
    script = COPY if reach is not running else "#!/bin/sh\nsleep 600\n"
    cvms = open_cvms(parties.manifest("s", script))
    agent = open_agent(cvms.address)
    expected = reach(parties, agent, cvms)
    agent.kill()
    agent.again()
    until(lambda: json.loads(parties.at(agent, "--json", "agent", "describe").stdout)["state"] == expected, expected)
    assert not processes_with(str(agent.folder / "state"))[1:], "something of the killed agent still runs"
    if expected.startswith("Receiving"):
        cvms.wait("accepted")
        parties.upload_all(agent, "s")
        wait_state(parties, agent, "ConsumingResults")
    if expected != "Failed":
        fetch(parties, agent)
    stops = len([e for e in cvms.events() if e["event"] == "stopped"])
    cvms.tell("stop")
    cvms.wait("stopped", count=stops + 1)
    assert not list((agent.folder / "state" / "runs").iterdir())


def test_killed_at_any_moment_of_a_computation(parties, open_cvms, open_agent, jobs):
    """The parties try again until they are done; whatever the agent was doing, it comes back."""
    cvms = open_cvms(parties.manifest("k", COPY, data=(os.urandom(20 << 20), b"x")))
    agent = open_agent(cvms.address)
    cvms.wait("accepted")
    rng = random.Random(9)
    failed = 0
    for _ in range(12):
        work = [parties.start_at(agent, "algo", "k.algo", parties.key("alg")),
                *(parties.start_at(agent, "data", f"k-{o}", parties.key(o)) for o in "ab")]
        time.sleep(rng.uniform(0, 0.25))
        agent.kill()
        for w in work:
            w.communicate(timeout=30)
        agent.again()
        state = state_of(parties, agent)
        assert state in ("ReceivingAlgorithm", "ReceivingData", "Running", "ConsumingResults", "Failed"), state
        if state == "Failed":  # the job was running: it says so and can be run again
            failed += 1
            assert json.loads(fetch(parties, agent, ok=False).stdout)["error"]["code"] == "job.interrupted"
            done = len([e for e in cvms.events() if e["event"] == "stopped"])
            cvms.tell("stop")
            cvms.wait("stopped", count=done + 1)
            cvms.tell(f"run {parties.folder / 'k.json'}")
            wait_state(parties, agent, "ReceivingAlgorithm")
    if state_of(parties, agent).startswith("Receiving"):
        parties.upload_all(agent, "k")
    wait_state(parties, agent, "ConsumingResults")
    fetch(parties, agent)
    print(f"{failed} jobs were interrupted")


# ---- A full disk, at every fill level ----

@pytest.fixture
def disk(tmp_path):
    if os.geteuid() != 0:
        pytest.skip("skipped: a small disk needs root")
    folder = tmp_path / "state"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "none", folder], check=True)
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def fill(disk, leave):
    """So that this many bytes can still be written."""
    filler = disk / "filler"
    filler.unlink(missing_ok=True)
    free = os.statvfs(disk)
    size = free.f_bavail * free.f_bsize - leave
    if size > 0:
        with filler.open("wb") as f:
            os.posix_fallocate(f.fileno(), 0, size)


@pytest.mark.parametrize("leave", [0, 1, 2, 3, 4, 6, 8, 12, 16, 24, 40, 64, 100, 200], ids=lambda pages: f"{pages}-pages")
def test_with_so_little_disk_it_does_its_work_or_says_why_not(parties, open_cvms, open_agent, disk, jobs, leave):
    """Everything from the manifest to the result on what is left; then with room it must pass."""
    cvms = open_cvms(options=())
    agent = open_agent(cvms.address)
    manifest = parties.manifest("d", COPY, data=(os.urandom(150_000), b"x" * 20_000))
    until(lambda: any(e["event"] == "connected" for e in cvms.events()), "the agent is connected")
    fill(disk, leave * 4096)
    cvms.tell(f"run {manifest}")
    until(lambda: any(e["event"] in ("accepted", "refused") for e in cvms.events()), "an answer")
    accepted = any(e["event"] == "accepted" for e in cvms.events())
    steps = []
    if accepted:
        for args in (("algo", "d.algo", parties.key("alg")), ("data", "d-a", parties.key("a")), ("data", "d-b", parties.key("b"))):
            done = parties.at(agent, "--json", *args, ok=False)
            steps.append("ok" if done.returncode == 0 else json.loads(done.stdout)["error"]["code"])
            assert steps[-1] in ("ok", "asset.space", "io.write"), done
        if steps == ["ok"] * 3:
            wait_state(parties, agent, "ConsumingResults", "Failed")
            done = fetch(parties, agent, ok=False)
            steps.append("ok" if done.returncode == 0 else json.loads(done.stdout)["error"]["code"])
    else:
        steps.append(next(e for e in cvms.events() if e["event"] == "refused")["text"])
    print(leave, accepted, steps)
    assert agent.process.poll() is None
    fill(disk, 1 << 30)
    if "ok" != steps[-1] or len(steps) < 4:
        if accepted:
            parties.upload_all(agent, "d") if state_of(parties, agent).startswith("Receiving") else None
        else:
            cvms.tell(f"run {manifest}")
            cvms.wait("accepted")
            parties.upload_all(agent, "d")
        wait_state(parties, agent, "ConsumingResults", "Failed", "Complete")
        if state_of(parties, agent) == "Failed":
            cvms.tell("stop")
            cvms.wait("stopped")
            cvms.tell(f"run {manifest}")
            cvms.wait("accepted", count=2)
            parties.upload_all(agent, "d")
            wait_state(parties, agent, "ConsumingResults")
        fetch(parties, agent)
    agent.end()
