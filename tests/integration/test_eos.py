# SPDX-License-Identifier: Apache-2.0
"""The guest image: the same bytes twice, and an init that runs only what was measured."""

from __future__ import annotations

import filecmp
import hashlib
import json
import os
import pathlib
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator

import pytest

from vm import BOOT_S, Machine

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("COCOS_BUILD_ROOT", ROOT / "build"))

# Issue 3, figures: initramfs, compressed, the kernel apart.
INITRD_MAX = 12_000_000


def build_image(folder: pathlib.Path, *options: str) -> pathlib.Path:
    flags = ["--newest-kernel"] if os.environ.get("CI") else []
    subprocess.run(
        [ROOT / "eos/build.sh", "--build", BUILD, *flags, *options, folder],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return folder


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    return build_image(tmp_path_factory.mktemp("image"))


@pytest.fixture
def shares(tmp_path: pathlib.Path) -> Iterator[tuple[pathlib.Path, pathlib.Path]]:
    env, certs = tmp_path / "env", tmp_path / "certs"
    env.mkdir()
    certs.mkdir()
    (env / "environment").write_text("AGENT_CVM_ID=test\nAGENT_LOG_LEVEL=info\n")
    yield env, certs


def test_two_builds_give_the_same_bytes(image: pathlib.Path, tmp_path: pathlib.Path) -> None:
    again = build_image(tmp_path / "again")
    for name in ("kernel", "initrd", "image.json", "policy.json"):
        assert filecmp.cmp(image / name, again / name, shallow=False), name


def test_record_tells_the_digests_of_the_files(image: pathlib.Path) -> None:
    record = json.loads((image / "image.json").read_text())
    for name in ("kernel", "initrd"):
        data = (image / name).read_bytes()
        assert record[name]["size"] == len(data)
        assert record[name]["sha256"] == hashlib.sha256(data).hexdigest()
        assert record[name]["sha384"] == hashlib.sha384(data).hexdigest()
    assert record["packages"]["crun"] and record["packages"]["busybox-static"]


def test_initrd_keeps_to_its_size(image: pathlib.Path) -> None:
    assert (image / "initrd").stat().st_size <= INITRD_MAX


def wait_tls(machine: Machine) -> ssl.SSLSocket:
    """The agent's port, through QEMU, which accepts long before the guest listens."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    end = time.monotonic() + BOOT_S
    port = machine.port()
    while True:
        try:
            plain = socket.create_connection(("127.0.0.1", port), timeout=5)
            return context.wrap_socket(plain)
        except (OSError, ssl.SSLError):
            assert machine.process.poll() is None, machine.console()
            assert time.monotonic() < end, machine.console()
            time.sleep(0.25)


def test_agent_answers_tls_and_power_button_switches_off(
    image: pathlib.Path, shares: tuple[pathlib.Path, pathlib.Path], tmp_path: pathlib.Path
) -> None:
    with Machine(image, tmp_path, "cocos.env cocos.certs", *shares) as machine:
        with wait_tls(machine) as peer:
            assert peer.version() == "TLSv1.3"
            assert peer.getpeercert(binary_form=True)
        machine.monitor("system_powerdown")
        console = machine.wait_off()
    assert "EOS stopping" in console
    assert "EOS FAIL" not in console


def test_ctrl_alt_del_switches_off(
    image: pathlib.Path, shares: tuple[pathlib.Path, pathlib.Path], tmp_path: pathlib.Path
) -> None:
    with Machine(image, tmp_path, "cocos.env cocos.certs", *shares) as machine:
        machine.wait_console("EOS agent started")
        machine.monitor("sendkey ctrl-alt-delete")
        assert "EOS stopping" in machine.wait_off()


def test_missing_share_ends_the_boot(image: pathlib.Path, tmp_path: pathlib.Path) -> None:
    with Machine(image, tmp_path, "cocos.env") as machine:
        console = machine.wait_off()
    assert "EOS FAIL cannot mount the share env_share" in console
    assert "agent started" not in console


def test_unknown_name_in_the_environment_ends_the_boot(
    image: pathlib.Path, shares: tuple[pathlib.Path, pathlib.Path], tmp_path: pathlib.Path
) -> None:
    (shares[0] / "environment").write_text("AGENT_CVM_ID=test\nLD_PRELOAD=/etc/certs/evil.so\n")
    with Machine(image, tmp_path, "cocos.env cocos.certs", *shares) as machine:
        console = machine.wait_off()
    assert "LD_PRELOAD" in console
    assert "EOS FAIL the agent refused its environment" in console


@pytest.mark.parametrize(
    ("append", "reason"),
    [
        ("cocos.compta=1", "unknown option cocos.compta"),
        ("cocos.compat=yes", "option cocos.compat has the value 1 or is absent"),
    ],
)
def test_command_line_that_is_not_understood_ends_the_boot(
    image: pathlib.Path, tmp_path: pathlib.Path, append: str, reason: str
) -> None:
    with Machine(image, tmp_path, append) as machine:
        console = machine.wait_off()
    assert f"EOS FAIL {reason}" in console
    assert "agent started" not in console


def test_agent_that_keeps_dying_is_given_up(tmp_path: pathlib.Path) -> None:
    image = build_image(tmp_path / "image", "--agent", "/bin/false")
    with Machine(image, tmp_path) as machine:
        console = machine.wait_off()
    assert console.count("EOS agent started") == 7
    assert "EOS FAIL the agent died 7 times in a row" in console
