# SPDX-License-Identifier: Apache-2.0
"""The tests of jobs again, in the guest image, where control groups enforce every limit.

The image is the real one (eos/build.sh) but for its agent: in its place the unit tests of the job
runner are started.
"""

import os
import pathlib
import shutil
import subprocess

import pytest

from vm import Tpm

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("COCOS_BUILD_ROOT", ROOT / "build"))
TESTS = BUILD / "tests" / "unit" / "test-agent-job"
HOSTILE = BUILD / "tests" / "support" / "jobs" / "hostile"

# Exit code 2 makes init switch off instead of starting it again (eos/README.md).
AGENT = """#!/bin/sh
export COCOS_BUILD_ROOT=/tests CK_TIMEOUT_MULTIPLIER=4
for source in /dev/tpm0 /dev/tpmrm0 /sys/kernel/security/tpm0/binary_bios_measurements \
    /sys/kernel/security/integrity/ima/ascii_runtime_measurements /sys/kernel/config/tsm/report; do
    [ -e $source ] && echo "there is $source"
done
/tests/test-agent-job
echo "status $?"
ls /sys/fs/cgroup | grep cocos-job && echo "a control group is left"
ls -A /tmp | grep . && echo "files are left in /tmp"
grep -E 'scratch|world' /proc/mounts && echo "mounts are left"
exit 2
"""


def overlay(folder: pathlib.Path) -> bytes:
    """A second archive: the kernel unpacks it over the first."""
    jobs = folder / "tests" / "tests" / "support" / "jobs"
    jobs.mkdir(parents=True)
    (folder / "usr" / "bin").mkdir(parents=True)
    shutil.copy(HOSTILE, jobs / "hostile")
    shutil.copy(TESTS, folder / "tests" / "test-agent-job")
    agent = folder / "usr" / "bin" / "cocos-agent"
    agent.write_text(AGENT, encoding="ascii")
    agent.chmod(0o755)
    names = subprocess.run(["find", ".", "-mindepth", "1"], cwd=folder, check=True, capture_output=True)
    cpio = ["cpio", "-o", "-H", "newc", "--quiet", "-R", "0:0"]
    return subprocess.run(cpio, cwd=folder, check=True, capture_output=True, input=names.stdout).stdout


@pytest.fixture(name="image", scope="module")
def make_image(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    for program in ("qemu-system-x86_64", "swtpm", "cpio"):
        if not shutil.which(program):
            pytest.skip(f"{program} is not installed")
    folder = tmp_path_factory.mktemp("image")
    flags = ["--newest-kernel"] if os.environ.get("CI") else []  # an archive drops locked versions
    build = [ROOT / "eos" / "build.sh", "--build", BUILD, *flags, "--agent", TESTS, folder / "eos"]
    subprocess.run(build, check=True, timeout=300)
    initrd = folder / "eos" / "initrd"
    padding = b"\0" * (-initrd.stat().st_size % 4)
    with initrd.open("ab") as out:
        out.write(padding + overlay(folder / "overlay"))
    return folder / "eos"


# What makes evidence and that the jobs must not reach (tests/support/jobs/hostile.c).
EVIDENCE = [
    "/dev/tpm0",
    "/dev/tpmrm0",
    "/sys/kernel/security/tpm0/binary_bios_measurements",
    "/sys/kernel/security/integrity/ima/ascii_runtime_measurements",
    "/sys/kernel/config/tsm/report",
]


def test_jobs_are_sealed_and_limited_in_the_guest(image: pathlib.Path, tmp_path: pathlib.Path) -> None:
    command = ["qemu-system-x86_64", "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"]
    command += ["-machine", "q35,accel=tcg", "-cpu", "max", "-m", "1024", "-serial", "stdio"]
    command += ["-netdev", "user,id=n0,restrict=on", "-device", "virtio-net-pci,netdev=n0,romfile="]
    command += ["-kernel", str(image / "kernel"), "-initrd", str(image / "initrd")]
    command += ["-append", "console=ttyS0 quiet loglevel=1 panic=-1"]
    with Tpm(tmp_path) as tpm:
        command += tpm.options
        run = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=400, check=True)
    console = run.stdout.decode("ascii", "replace")
    for source in EVIDENCE:
        assert f"there is {source}" in console, console
    assert "100%: Checks:" in console, console
    assert "status 0" in console, console
    assert " left" not in console.split("status 0")[1], console
    assert "skipped" not in console, console
