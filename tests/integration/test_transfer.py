# SPDX-License-Identifier: Apache-2.0
"""Uploads and results between the program, the library and a real agent."""

import hashlib
import json
import os
import random
import re
import signal
import subprocess
import threading
import time
import zipfile

import pytest

from cli import COCOS, check
from computation import CuttingProxy, library, resident_kib, wait_for
from world import trusting

MIB = 1 << 20


def error_of(done):
    return check(json.loads(done.stdout), "error")["error"]


def refused(c, exit_code, code, *args, **options):
    done = c.cocos("--json", *args, **options)
    error = error_of(done)
    assert (done.returncode, error["code"]) == (exit_code, code), (done, error)
    return error


def test_a_computation_goes_from_manifest_to_result(computation, jobs):
    c = computation(args=("5000",))
    describe = check(json.loads(c.ok("agent", "describe", c.key("a"), "--json").stdout), "agent describe")
    assert describe["state"] == "ReceivingAlgorithm" and len(describe["assets"]) == 3
    algo = check(json.loads(c.ok("algo", c.algorithm, c.key("alg"), "-a", "bin", "--args", "5000", "--json").stdout), "algo")
    assert algo["uploaded"] == "algorithm" and algo["confidential"] is False
    for n in c.data:
        done = c.ok("data", f"{n}.bin", c.key(n), "--json")
        assert check(json.loads(done.stdout), "data")["name"] == f"{n}.bin"
        assert b"NOT CONFIDENTIAL: peer not attested" in done.stderr
    c.wait_until("ConsumingResults")
    done = check(json.loads(c.ok("result", c.key("consumer"), "-f", "r.zip", "--json").stdout), "result of a computation")
    path = c.root / "r.zip"
    assert done["path"] == str(path) and done["size"] == path.stat().st_size
    assert path.stat().st_mode & 0o777 == 0o600
    with zipfile.ZipFile(path) as z:
        assert len(z.read("big")) == 5000
        assert sorted(z.read("seen").decode().split()) == ["a.bin", "b.bin"]
    lines = c.ok("agent", "watch", c.key("consumer"), "--until", "Complete", "--timeout", "10s", "--json").stdout.splitlines()
    events = [check(json.loads(line), "agent watch") for line in lines]
    assert [e["sequence"] for e in events] == list(range(1, len(events) + 1))


def test_another_key_than_the_pinned_is_refused(computation):
    c = computation()
    refused(c, 6, "tls.pin", "agent", "describe", env={"AGENT_GRPC_PIN": "sha256:" + "0" * 64})


def test_rights_belong_to_keys(computation):
    c = computation()
    refused(c, 6, "auth.key", "data", "a.bin", c.key("stranger"))
    refused(c, 6, "auth.right", "data", "a.bin", c.key("b"), "--index", "0")
    refused(c, 6, "auth.right", "algo", c.algorithm, c.key("a"))
    refused(c, 6, "auth.right", "result", c.key("a"))
    assert c.received("a")["received"] == 0


def test_only_what_the_manifest_names_is_sent(computation):
    c = computation()
    (c.root / "a.bin").write_bytes(b"something else")
    refused(c, 1, "asset.none", "data", "a.bin", c.key("a"))
    error = refused(c, 4, "asset.digest", "data", "a.bin", c.key("a"), "--index", "0")
    assert error["expected"] != error["found"] == hashlib.sha3_256(b"something else").hexdigest()
    refused(c, 2, "algo.type", "algo", c.algorithm, c.key("alg"), "-a", "python")
    refused(c, 2, "algo.args", "algo", c.algorithm, c.key("alg"), "--args", "1001")
    refused(c, 2, "algo.args", "algo", c.algorithm, c.key("alg"), "--args", "1000", "--args", "more")
    refused(c, 2, "data.decompress", "data", "b.bin", c.key("b"), "-d")
    refused(c, 2, "usage.option.value", "data", "b.bin", c.key("b"), "--index", "2")
    assert c.described()["state"] == "ReceivingAlgorithm"


def test_a_result_is_not_there_before_its_time(computation):
    c = computation()
    refused(c, 1, "result.early", "result", c.key("consumer"))
    assert not list(c.root.glob("results.zip*"))


def test_the_same_upload_again_changes_nothing(computation):
    c = computation()
    for _ in range(2):
        c.ok("data", "a.bin", c.key("a"))
    assert c.received("a")["complete"]


def test_an_empty_data_set_is_one(computation, jobs):
    c = computation(data={"a": b"", "b": b"x"})
    c.upload_all()
    c.wait_until("ConsumingResults")


def start_big(computation, size, **options):
    """A computation whose data set a has this size, not all zeros."""
    c = computation(start=False, data={"b": b"x"}, **options)
    with open(c.root / "a.bin", "wb") as f:
        block = random.Random(1).randbytes(MIB)
        for _ in range(size // MIB):
            f.write(block)
    c.data = {"a": None, "b": b"x"}
    c.write_manifest("256M")
    return c.start()


def test_an_upload_survives_200_cuts(computation):
    size = 300 * MIB
    c = start_big(computation, size)
    cocos = library()
    digest = cocos.checksum(c.root / "a.bin").digest
    rng = random.Random(7)
    cuts = [rng.randrange(100, 3 * MIB) for _ in range(200)]
    proxy = CuttingProxy(c.address, lambda: cuts.pop() if cuts else None)
    broken = 0
    with cocos.Key.from_file(c.key("a")) as key, pytest.warns(cocos.NotConfidentialWarning):
        while True:
            try:
                with cocos.Agent.connect(proxy.address, pin=c.pin, insecure_no_attestation=True, timeout=10) as agent:
                    agent.upload(cocos.AssetKind.DATASET, c.root / "a.bin", key, digest=digest, timeout=60)
                break
            except (cocos.IOFailedError, cocos.AbortedError, cocos.UnauthenticatedError):
                broken += 1
                assert broken <= 200
    proxy.close()
    assert broken == 200 and c.received("a")["complete"]
    # What a cut loses is at most the part of 1 MiB that was on its way.
    print(f"{broken} cuts, {proxy.forwarded - size} of {size} bytes sent again: {(proxy.forwarded - size) / 200 / MIB:.2f} MiB a cut")
    assert proxy.forwarded - size <= 200 * 1.28 * MIB


def test_an_upload_goes_on_after_the_agent_was_killed(computation):
    size = 256 * MIB
    c = start_big(computation, size)
    child = subprocess.Popen([COCOS, *trusting(["data", c.root / "a.bin", c.key("a")])], env=os.environ | c.env, stderr=subprocess.PIPE)
    wait_for("some bytes", lambda: c.received("a")["received"] > 8 * MIB)
    c.kill_agent()
    assert child.wait(20) == 5, child.stderr.read()
    child.stderr.close()
    c.start_agent()
    before = c.received("a")["received"]
    assert before > 0
    done = c.ok("data", "a.bin", c.key("a"), "-v")
    assert c.received("a")["complete"], done.stderr


def test_the_newer_of_two_uploads_wins(computation):
    c = start_big(computation, 256 * MIB)
    cocos = library()
    first = {}

    def slow(done, total):
        time.sleep(0.2 if done else 0)

    def upload_slowly():
        with cocos.Agent.connect(c.address, pin=c.pin, insecure_no_attestation=True) as agent, cocos.Key.from_file(c.key("a")) as key:
            try:
                agent.upload(cocos.AssetKind.DATASET, c.root / "a.bin", key, progress=slow)
            except cocos.Error as e:
                first["error"] = e

    thread = threading.Thread(target=upload_slowly)
    thread.start()
    wait_for("some bytes", lambda: c.received("a")["received"] > MIB)
    c.ok("data", "a.bin", c.key("a"))
    thread.join(60)
    assert isinstance(first["error"], cocos.AbortedError) and first["error"].code == "upload.fenced"
    assert c.received("a")["complete"]


def test_memory_does_not_grow_with_the_asset(computation):
    c = start_big(computation, 512 * MIB)
    child = subprocess.Popen([COCOS, *trusting(["data", c.root / "a.bin", c.key("a")])], env=os.environ | c.env, stderr=subprocess.DEVNULL)
    peak = 0
    while child.poll() is None:
        try:
            peak = max(peak, resident_kib(child.pid))
        except (AttributeError, FileNotFoundError):
            pass  # it ends just now
        time.sleep(0.05)
    assert child.returncode == 0
    print(f"client: {peak} KiB at most; agent: {resident_kib(c.agent.pid)} KiB")
    if "ASAN_OPTIONS" not in os.environ:
        assert peak < 40 * 1024


def test_ctrl_c_ends_an_upload_that_can_go_on(computation):
    c = start_big(computation, 256 * MIB)
    child = subprocess.Popen([COCOS, *trusting(["data", c.root / "a.bin", c.key("a")])], env=os.environ | c.env, stderr=subprocess.PIPE)
    wait_for("some bytes", lambda: c.received("a")["received"] > MIB)
    child.send_signal(signal.SIGINT)
    _, text = child.communicate(timeout=20)
    assert child.returncode == 130 and b"error: " in text
    c.ok("data", "a.bin", c.key("a"))


def test_a_directory_travels_as_its_zip(computation, jobs):
    c = computation(start=False, data={"b": b"x"})
    (c.root / "a.bin").mkdir()
    (c.root / "a.bin" / "one").write_text("1")
    (c.root / "a.bin" / "two").write_text("2")
    c.data = {"a": None, "b": b"x"}
    c.write_manifest("256M")
    c.start()
    c.upload_all()
    c.wait_until("ConsumingResults")


def test_a_large_result_arrives_after_cuts(computation, jobs):
    size = 100 * MIB
    c = computation(args=(str(size),))
    c.upload_all()
    c.wait_until("ConsumingResults")
    cocos = library()
    path = c.root / "r.zip"
    interrupted = 0

    class Enough(Exception):
        pass

    with cocos.Key.from_file(c.key("consumer")) as key, cocos.Agent.connect(c.address, pin=c.pin, insecure_no_attestation=True) as agent:
        def stop_now(done, total):
            if done > (interrupted + 1) * 10 * MIB:
                raise Enough

        with pytest.warns(cocos.NotConfidentialWarning):
            while True:
                try:
                    got = agent.result(path, key, progress=stop_now if interrupted < 3 else None)
                    break
                except Enough:
                    interrupted += 1
                    assert (c.root / "r.zip.part").stat().st_size >= interrupted * 5 * MIB
                    assert not path.exists()
    assert interrupted == 3 and path.stat().st_size == got > size
    assert not (c.root / "r.zip.part").exists()
    with zipfile.ZipFile(path) as z:
        assert z.testzip() is None and z.getinfo("big").file_size == size


def test_a_failed_job_has_a_result_and_an_error(computation, jobs):
    c = computation(algorithm="hostile", args=("exit", "3"))
    c.upload_all()
    c.wait_until("Failed")
    refused(c, 1, "job.failed", "result", c.key("consumer"))
    with zipfile.ZipFile(c.root / "results.zip") as z:
        assert any(n.startswith("cocos-job/") for n in z.namelist())
    c.cocos("result", c.key("consumer"), "--part", "output", "-f", "output.zip")
    assert not re.search(r"\.part$", " ".join(os.listdir(c.root)))


def test_a_terminal_sees_progress(computation):
    c = start_big(computation, 128 * MIB)
    done = c.ok("data", "a.bin", c.key("a"), "-v")
    shares = [int(x) for x in re.findall(rb"(\d+)%", done.stderr)]
    assert shares == sorted(shares) and shares[-1] == 100 and len(shares) <= 11
    assert b"\r" not in done.stderr
    assert b"%" not in c.ok("data", "b.bin", c.key("b")).stderr

