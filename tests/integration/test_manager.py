# SPDX-License-Identifier: Apache-2.0
"""Enclaves of this machine through cocos-manager, with real libvirt, QEMU and swtpm."""

from __future__ import annotations

import concurrent.futures
import http.client
import json
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

import pytest

from host import BUSYBOX, IMAGE, MANAGER, ROOT, CocosError, Host, Manager, make_initrd, port_is_free

sys.path.insert(0, str(ROOT / "tests/support"))
import schema_check  # noqa: E402

RECORD = json.loads((ROOT / "doc/schema/host-record.schema.json").read_text())

KEY = "-----BEGIN PRIVATE KEY-----\nCANARY\n-----END PRIVATE KEY-----\n"
QUIET = "echo HELLO; exec /bin/busybox sleep 100000\n"
EXHAUSTED, MALFORMED, NOT_FOUND, TIMEOUT, ABORTED, USAGE = -10, -2, -9, -13, -11, -1

pytestmark = [
    pytest.mark.skipif(not MANAGER.exists(), reason="skipped: cocos-manager was not built"),
    pytest.mark.skipif(not (IMAGE / "kernel").exists(), reason="skipped: no guest image"),
    pytest.mark.skipif(not BUSYBOX.exists(), reason="skipped: no busybox"),
    pytest.mark.skipif(shutil.which("qemu-system-x86_64") is None, reason="skipped: no QEMU"),
]


@pytest.fixture(scope="module")
def place():
    """One place for all tests here: libvirt's probing of QEMU takes 8 s, once."""
    base = pathlib.Path(tempfile.mkdtemp(prefix="cm", dir="/tmp"))
    make_initrd(base / "quiet", QUIET)
    make_initrd(base / "panics", None)
    yield base
    shutil.rmtree(base)


@pytest.fixture
def manage(place):
    """Starts managers; afterwards nothing of them may be left."""
    started: list[Manager] = []

    def start(*options: str, initrd: str | pathlib.Path = "quiet", tpm: bool = False) -> Manager:
        options = (*options, "--kernel", str(IMAGE / "kernel"), "--initrd", str(place / initrd))
        options += ("--memory", "128M", "--stop-grace", "0", *(() if tpm else ("--no-tpm",)))
        started.append(Manager(place, *options).start())
        return started[-1]

    yield start
    for manager in started:
        if manager.process:
            with manager.host() as host:
                for enclave in host.list():
                    host.destroy(enclave)
            assert manager.stop() == 0
        manager.nothing_left()


def test_creates_lists_shows_console_and_destroys_without_a_trace(manage, place):
    manager = manage(tpm=True)
    with manager.host() as host:
        made = host.create(cvms_client_key=KEY, cvms_url="10.0.2.2:7001")
        assert made["state"] == "booting" and made["owner"] == f"uid:{os.getuid()}"
        assert 0 < made["create_own_ns"] < 300_000_000
        assert set(host.list()) == {made["id"]}
        assert len(manager.machine_parts()) == 2  # QEMU and swtpm
        share = place / "r" / "vm" / made["id"]
        assert (share / "certs" / "key.pem").stat().st_mode & 0o777 == 0o600
        assert not port_is_free(made["address"])
        # The key is in the share, and neither in libvirt's files nor in the log.
        for path in [*(place / "s").rglob("*"), manager.log]:
            assert not path.is_file() or b"CANARY" not in path.read_bytes(), path
        until = time.monotonic() + 60
        while "HELLO" not in host.console(made["id"]):
            assert time.monotonic() < until
            time.sleep(0.2)
        record = host.destroy(made["id"])
        assert schema_check.faults(record, RECORD, RECORD) == []
        assert record["complete"] and record["claimed_by"] == "host"
        whats = {(row["what"], row["verified"]) for row in record["rows"]}
        assert {("machine", True), ("processes", True), ("secret", True), ("port", True)} <= whats
        assert any(row["name"].endswith("key.pem") for row in record["rows"])
        assert host.list() == {} and port_is_free(made["address"])
        with pytest.raises(CocosError) as refused:
            host.destroy(made["id"])
        assert (refused.value.status, refused.value.code) == (NOT_FOUND, "enclave.unknown")


def test_enclaves_outlive_the_manager_and_are_taken_over(manage):
    manager = manage()
    with manager.host() as host:
        made = host.create(ttl="1h", vcpus="2", request_id="ab" * 16)
    assert manager.stop() == 0
    assert len(manager.machine_parts()) == 1
    manager.start()
    manager.kill()
    manager.start()
    with manager.host() as host:
        known = host.get(made["id"])
        assert {k: known[k] for k in ("owner", "address", "memory", "vcpus", "deadline_ns")} == {
            k: made[k] for k in ("owner", "address", "memory", "vcpus", "deadline_ns")
        }
        assert host.create(ttl="1h", vcpus="2", request_id="ab" * 16)["id"] == made["id"]
        assert host.destroy(made["id"])["complete"]


def test_a_request_id_creates_once_and_is_refused_with_other_fields(manage):
    manager = manage()
    with manager.host() as host, concurrent.futures.ThreadPoolExecutor(4) as pool:
        jobs = [pool.submit(host.create, request_id="11" * 16) for _ in range(4)]
        assert len({job.result()["id"] for job in jobs}) == 1
        with pytest.raises(CocosError) as refused:
            host.create(request_id="11" * 16, vcpus="2")
        assert (refused.value.status, refused.value.code) == (MALFORMED, "enclave.request")
        assert len(host.list()) == 1


def test_32_creates_at_once_against_a_limit_of_4_give_4(manage):
    manager = manage("--max-vms", "4")
    with manager.host() as host, concurrent.futures.ThreadPoolExecutor(32) as pool:
        jobs = [pool.submit(host.create, 120) for _ in range(32)]
        errors = [job.exception() for job in jobs]
        made = [job.result() for job, error in zip(jobs, errors) if error is None]
        assert len(made) == 4
        assert {(e.status, e.code) for e in errors if e} == {(EXHAUSTED, "enclave.limit")}
        assert len({m["address"] for m in made}) == 4
        assert set(host.list()) == {m["id"] for m in made}
        assert host.destroy(made[0]["id"])["complete"]
        host.create()


@pytest.mark.parametrize("seed", range(6))
def test_nothing_is_orphaned_or_lost_when_the_manager_is_killed_at_any_moment(manage, seed):
    chance = random.Random(seed)
    manager = manage(tpm=seed % 2 == 0)
    told: set[str] = set()
    ending: set[str] = set()

    def create_and_destroy() -> None:
        try:
            with manager.host() as host:
                made = host.create(cvms_client_key=KEY)["id"]
                told.add(made)
                time.sleep(chance.uniform(0, 0.5))
                ending.add(made)
                told.discard(host.destroy(made)["id"])
        except CocosError:
            pass

    worker = threading.Thread(target=create_and_destroy)
    worker.start()
    time.sleep(chance.uniform(0, 3.0))
    manager.kill()
    worker.join()
    manager.start()
    with manager.host() as host:
        known = host.list()
        # An id that a client holds is there; one whose end was asked for may have ended, without
        # an answer, before the kill: then nothing of it may be left either.
        assert told - ending <= set(known)
        assert set(manager.machine_parts().values()) <= set(known)
        assert manager.files_of_enclaves() <= set(known)
        for enclave in known:
            if enclave not in manager.machine_parts().values():
                host.wait_state(enclave, {"crashed"}, 20)
            assert host.destroy(enclave)["complete"]
    manager.nothing_left()


def test_a_start_that_libvirt_had_only_begun_does_not_hold_up_the_next_manager(manage, place):
    """What a kill between libvirt's first note of a machine and QEMU leaves: a state file with process id 0."""
    manager = manage(tpm=True)
    with manager.host() as host:
        made = host.create(cvms_client_key=KEY)["id"]
        other = host.create()["id"]
    manager.kill()
    for process, enclave in manager.machine_parts().items():
        if enclave == made and "qemu" in pathlib.Path(f"/proc/{process}/comm").read_text():
            os.kill(process, signal.SIGKILL)
    [state] = (place / "s/libvirt/run/qemu").glob(f"*{made}*.xml")
    text = state.read_text()
    assert re.search(r"<domstatus [^>]*pid='[1-9]", text)
    state.write_text(re.sub(r"(<domstatus [^>]*pid=')[0-9]+", r"\g<1>0", text, count=1))
    manager.start()
    with manager.host() as host:
        assert set(host.list()) == {other} == set(manager.machine_parts().values()) == manager.files_of_enclaves()
        assert host.destroy(other)["complete"]


def test_a_guest_that_panics_is_crashed_with_its_last_words(manage):
    manager = manage(initrd="panics")
    with manager.host() as host:
        made = host.create()
        ended = host.wait_state(made["id"], {"crashed"}, 60)
        assert "panicked" in ended["reason"] and "Kernel panic - not syncing" in ended["reason"]
        until = time.monotonic() + 10
        while manager.machine_parts():
            assert time.monotonic() < until
            time.sleep(0.1)
        assert "Kernel panic" in host.console(made["id"])
        assert host.destroy(made["id"])["complete"]
        with pytest.raises(CocosError) as failed:
            host.create(wait_ready="1")
        assert (failed.value.status, failed.value.code) == (ABORTED, "enclave.crashed")
        assert "Kernel panic" in failed.value.message
        assert host.list() == {}


def test_the_end_of_qemu_is_noticed(manage):
    """At once, on a machine that is not busy; here it only has to be seen, long before any deadline."""
    manager = manage(tpm=True)
    with manager.host() as host:
        made = host.create()
        qemu = [p for p in manager.machine_parts() if "qemu" in pathlib.Path(f"/proc/{p}/comm").read_text()]
        assert len(qemu) == 1
        os.kill(qemu[0], signal.SIGKILL)
        ended = host.wait_state(made["id"], {"crashed"}, 20)
        assert ended["reason"]
        assert host.destroy(made["id"])["complete"]


def test_a_guest_that_never_answers_is_not_left_behind(manage):
    manager = manage()
    with manager.host() as host:
        with pytest.raises(CocosError) as failed:
            host.create(timeout=4, wait_ready="1")
        assert failed.value.status in (TIMEOUT, -15)
        until = time.monotonic() + 15
        while host.list() or manager.machine_parts():
            assert time.monotonic() < until
            time.sleep(0.1)
        manager.nothing_left()


def test_a_guest_that_hangs_in_boot_is_not_left_behind(manage):
    # The kernel waits for ever before it starts init.
    manager = manage("--append", "root=/dev/none rdinit=/none rootwait", "--boot-timeout", "3s")
    with manager.host() as host:
        with pytest.raises(CocosError) as failed:
            host.create(timeout=40, wait_ready="1")
        assert (failed.value.status, failed.value.code) == (TIMEOUT, "enclave.timeout")
        assert "did not answer within boot_timeout" in failed.value.message
        assert host.list() == {}
    manager.nothing_left()


def test_a_deadline_ends_an_enclave_also_when_the_manager_was_away(manage):
    manager = manage()
    with manager.host() as host:
        made = host.create(ttl="6s")
    manager.kill()
    manager.start()
    with manager.host() as host:
        assert made["id"] in host.list()
        until = time.monotonic() + 15
        while host.list():
            assert time.monotonic() < until
            time.sleep(0.1)
    manager.nothing_left()


@pytest.mark.parametrize(
    "members, status, code",
    [
        ({"platform": "snp"}, -3, "enclave.platform"),
        ({"platform": "vtpm"}, -3, "enclave.platform"),  # a manager without virtual TPMs
        ({"memory": "1"}, MALFORMED, "enclave.memory"),
        ({"memory": "16777215T"}, MALFORMED, "enclave.memory"),
        ({"vcpus": "4096"}, MALFORMED, "enclave.vcpus"),
        ({"ttl": "2h"}, MALFORMED, "enclave.ttl"),
        ({"image": "nothing-like-it"}, NOT_FOUND, "enclave.image"),
    ],
)
def test_values_that_the_host_does_not_give_are_refused(manage, members, status, code):
    manager = manage("--max-ttl", "1h")
    with manager.host() as host:
        with pytest.raises(CocosError) as refused:
            host.create(**members)
        assert (refused.value.status, refused.value.code) == (status, code)
        assert host.list() == {}
    manager.nothing_left()


def test_garbage_and_silent_clients_do_not_keep_others_from_being_served(manage):
    manager = manage()
    path = manager.address.removeprefix("unix:")
    silent = []
    for noise in (b"", b"\x16\x03\x01", b"GET / HTTP/1.1\r\n\r\n", os.urandom(5000), b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"):
        s = socket.socket(socket.AF_UNIX)
        s.connect(path)
        s.send(noise)
        silent.append(s)
    with manager.host() as host:
        assert host.list() == {}
    for s in silent:
        s.close()


def ask(address: str, method: str, path: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection(address, timeout=10)
    connection.request(method, path)
    answer = connection.getresponse()
    return answer.status, answer.read().decode()


def test_probes_and_metrics_tell_what_happened(manage):
    manager = manage("--max-vms", "1")
    with manager.host() as host:
        host.create()
        with pytest.raises(CocosError):
            host.create()
        assert ask(manager.http, "GET", "/livez") == (200, "ok\n")
        assert ask(manager.http, "GET", "/readyz") == (200, "ok\n")
        assert ask(manager.http, "POST", "/livez")[0] == 405
        assert ask(manager.http, "GET", "/etc/passwd")[0] == 404
        status, text = ask(manager.http, "GET", "/metrics")
        assert status == 200
        lines = text.splitlines()
        assert 'cocos_manager_enclaves{state="booting"} 1' in lines
        assert 'cocos_manager_calls_total{method="Create",status="ok"} 1' in lines
        assert 'cocos_manager_create_failures_total{code="enclave.limit"} 1' in lines
        assert 'cocos_manager_create_own_seconds_bucket{le="0.3"} 1' in lines


def test_a_second_manager_of_the_same_place_is_refused(manage, place):
    manage()
    done = subprocess.run(
        [MANAGER, "--state", place / "s", "--run", place / "r", "--listen", f"unix:{place}/other", "--http", "none"],
        capture_output=True, timeout=30, check=False,
    )  # fmt: skip
    assert done.returncode == 1 and b"enclave.lock" in done.stderr


def make_certificate(folder: pathlib.Path, name: str, ca: str | None) -> None:
    """A P-256 key and certificate by the openssl program."""
    new = ["openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
           "-subj", f"/CN={name}", "-keyout", f"{name}.key"]  # fmt: skip
    sign = ["-addext", "subjectAltName=IP:127.0.0.1", "-out", f"{name}.pem", "-x509"]
    if ca:
        sign += ["-CA", f"{ca}.pem", "-CAkey", f"{ca}.key", "-addext", "basicConstraints=critical,CA:FALSE"]
    subprocess.run([*new, *sign], cwd=folder, check=True, capture_output=True)


def test_owners_over_tls_see_and_end_only_what_is_theirs(manage, tmp_path):
    for name, ca in (("ca", None), ("server", "ca"), ("alice", "ca"), ("bob", "ca"), ("eve", None)):
        make_certificate(tmp_path, name, ca)
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{s.getsockname()[1]}"
    manager = manage("--listen-tls", address, "--cert", str(tmp_path / "server.pem"), "--key",
                     str(tmp_path / "server.key"), "--client-ca", str(tmp_path / "ca.pem"),
                     "--max-vms-per-owner", "1")  # fmt: skip

    def host(name: str) -> Host:
        files = {"ca": tmp_path / "ca.pem", "cert": tmp_path / f"{name}.pem", "key": tmp_path / f"{name}.key"}
        return Host(manager=address, **{k: str(v) for k, v in files.items()})

    with host("alice") as alice, host("bob") as bob, manager.host() as root:
        made = alice.create()
        assert made["owner"].startswith("spki:")
        assert alice.list().keys() == root.list().keys() == {made["id"]} and bob.list() == {}
        for forbidden in (bob.get, bob.destroy, bob.console):
            with pytest.raises(CocosError) as refused:
                forbidden(made["id"])
            assert (refused.value.status, refused.value.code) == (NOT_FOUND, "enclave.unknown")
        with pytest.raises(CocosError) as refused:
            alice.create()
        assert (refused.value.status, refused.value.code) == (EXHAUSTED, "enclave.quota")
        assert alice.destroy(made["id"])["complete"]
    with pytest.raises(CocosError), host("eve") as eve:
        eve.list()
