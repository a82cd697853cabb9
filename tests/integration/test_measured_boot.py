# SPDX-License-Identifier: Apache-2.0
"""Machines that measure their boot: OVMF, a virtual TPM, the guest image, evidence from its agent.

The policy is the one that eos/build.sh writes beside the image. Two machines are booted, the image and one whose agent
differs in a byte; that other layers are refused follows from policies for inputs that differ in a byte, held against the
evidence of the first.
"""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import shutil
import subprocess
import tempfile

import pytest

from cli import COCOS, check, run, run_json
from host import BUILD, MANAGER, ROOT, Host, Manager

OVMF = pathlib.Path("/usr/share/OVMF/OVMF_CODE_4M.fd")
SIMULATOR = BUILD / "sim"
AGENT = BUILD / "tools" / "agent" / "cocos-agent"
EVIDENCE = "cocos.evidence=tpm,sim-snp"
LINE = f"console=ttyS0 quiet loglevel=1 panic=-1 cocos.env cocos.certs {EVIDENCE}"
NONCE = "5a" * 32
LAYERS = {
    "firmware": "vtpm.pcr.0",
    "kernel": "vtpm.kernel",
    "command_line": "vtpm.command_line",
    "initrd": "vtpm.initrd",
    "agent": "vtpm.initrd",
}

pytestmark = [
    pytest.mark.skipif(not (MANAGER.exists() and COCOS.exists()), reason="skipped: manager or cocos was not built"),
    pytest.mark.skipif(not OVMF.exists(), reason="skipped: no OVMF"),
    pytest.mark.skipif(not (SIMULATOR / "snp-root.pem").exists(), reason="skipped: no simulator"),
    pytest.mark.skipif(not shutil.which("qemu-system-x86_64"), reason="skipped: no QEMU"),
    pytest.mark.skipif(not shutil.which("swtpm"), reason="skipped: no swtpm"),
]


@dataclasses.dataclass
class World:
    folder: pathlib.Path  # folder/images/NAME are images
    log: pathlib.Path  # of eos/boot-log.sh
    evidence: dict[str, pathlib.Path]  # of a machine of each image
    record: dict  # of the end of the first machine

    def image(self, name: str) -> pathlib.Path:
        return self.folder / "images" / name


def build_image(to: pathlib.Path, *options: object) -> None:
    flags = ["--newest-kernel"] if os.environ.get("CI") else []
    command = [ROOT / "eos/build.sh", "--build", BUILD, "--simulator", SIMULATOR, *flags, *options, to]
    subprocess.run([str(c) for c in command], check=True, stdout=subprocess.DEVNULL)


def other_agent(to: pathlib.Path) -> pathlib.Path:
    """The agent with one letter of its help changed, one that is in no other text: it runs as before."""
    code = AGENT.read_bytes()
    assert code.count(b"keys of the simulator") == 1
    to.write_bytes(code.replace(b"keys of the simulator", b"Keys of the simulator"))
    to.chmod(0o755)
    return to


def evidence_of(host: Host, image: str, to: pathlib.Path) -> dict:
    """Boot it, fetch evidence from its agent, end it; the host's record."""
    made = host.create(platform="vtpm", image=image, wait_ready="1", cvms_url="10.0.2.2:7001", timeout=300)
    try:
        done = run("attestation", "get", "-o", to, "--nonce", NONCE, "--agent-url", made["address"],
                   "--insecure-no-attestation", "--agent-pin", made["agent_pin"], timeout=120)  # fmt: skip
        assert done.returncode == 0, done.stderr.decode() + host.console(made["id"])
    finally:
        record = host.destroy(made["id"])
    return record


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory):
    top = tmp_path_factory.mktemp("measured")
    (top / "images").mkdir()
    log = top / "boot.log"
    build_image(top / "images" / "other", "--agent", other_agent(top / "cocos-agent"))
    boot_log = [ROOT / "eos/boot-log.sh", top / "images" / "other" / "kernel", log]
    subprocess.run(boot_log, check=True, timeout=400)
    build_image(top / "images" / "good", "--boot-log", log)

    base = pathlib.Path(tempfile.mkdtemp(prefix="mb", dir="/tmp"))  # Unix sockets want short paths
    manager = Manager(base, "--images", top / "images", "--memory", "512M", "--vcpus", "1", "--accel", "tcg",
                      "--append", EVIDENCE, "--boot-timeout", "5m").start()  # fmt: skip
    try:
        with manager.host() as host:
            evidence = {name: top / f"{name}.evidence" for name in ("good", "other")}
            records = [evidence_of(host, name, path) for name, path in evidence.items()]
        yield World(top, log, evidence, records[0])
    finally:
        assert manager.stop() == 0
        manager.nothing_left()
        shutil.rmtree(base)


def judge(exit_code: int, evidence: pathlib.Path, policy: pathlib.Path) -> dict[str, dict]:
    """The rows of the verdict by name; it says that it is simulated."""
    done = run("evidence", "verify", "--json", evidence, "--policy", policy, "--purpose", "rpc", "--nonce", NONCE)
    assert done.returncode == exit_code, done
    found = check(json.loads(done.stdout), "evidence verify")
    assert found["simulated"] is True and b"SIMULATED" in done.stderr
    return {row["check"]: row for row in found["checks"]}


def policy_for(world: World, to: pathlib.Path, **changes: object) -> pathlib.Path:
    """The policy of the image with other inputs; all that is not of the boot stays."""
    inputs = {"kernel": world.image("good") / "kernel", "initrd": world.image("good") / "initrd", "cmdline": LINE}
    inputs |= changes
    options = [o for name, value in inputs.items() for o in (f"--{name}", value)]
    made = run_json("policy new", "policy", "new", *options, "--memory", "512M", "--boot-log", world.log)
    policy = json.loads((world.image("good") / "policy.json").read_text())
    policy["vtpm"] |= {k: made["vtpm"][k] for k in ("kernel", "initrd", "command_line")}
    to.write_text(json.dumps(policy))
    return to


def refused(rows: dict[str, dict], register: str, *layers: str) -> None:
    """The row of this register failed, these layers are not covered, and every layer beside is."""
    assert rows[register]["outcome"] == "failed" and rows[register]["code"] == register, rows[register]
    for layer in LAYERS:
        assert (rows[f"coverage.{layer}"]["outcome"] == "passed") == (layer not in layers), rows[f"coverage.{layer}"]


def test_policy_of_the_build_accepts_with_every_layer_covered(world: World) -> None:
    rows = judge(0, world.evidence["good"], world.image("good") / "policy.json")
    for layer, register in LAYERS.items():
        row = rows[f"coverage.{layer}"]
        assert row["outcome"] == "passed" and row["expected"] == f"covered by {register}", row
    for name in ("vtpm.log.replay", "vtpm.signature", "vtpm.ak.trust", "vtpm.ima", "envelope.signed", "snp.signature"):
        assert rows[name]["outcome"] == "passed", rows[name]


def test_policy_without_a_boot_log_has_no_word_on_firmware(world: World) -> None:
    policy = json.loads((world.image("other") / "policy.json").read_text())
    assert "firmware" not in policy["coverage"]
    assert not any(rule.startswith("pcr") for rule in policy["vtpm"])


def test_machine_with_another_byte_in_its_agent_is_refused(world: World) -> None:
    image, other = (json.loads((world.image(n) / "image.json").read_text()) for n in ("good", "other"))
    assert image["agent"] != other["agent"] and image["agent"]["size"] == other["agent"]["size"]
    assert {k: image[k] for k in ("kernel", "init")} == {k: other[k] for k in ("kernel", "init")}
    # QEMU writes the size of the initrd into the kernel; the command line shares a register with the initrd.
    kernel = () if image["initrd"]["size"] == other["initrd"]["size"] else ("kernel",)
    rows = judge(3, world.evidence["other"], world.image("good") / "policy.json")
    refused(rows, "vtpm.initrd", "initrd", "agent", "command_line", *kernel)
    assert rows["vtpm.command_line"]["outcome"] == "could not tell"


@pytest.mark.parametrize("place", ["first", "middle"])
def test_kernel_with_another_byte_is_refused(world: World, tmp_path: pathlib.Path, place: str) -> None:
    kernel = bytearray((world.image("good") / "kernel").read_bytes())
    kernel[2 if place == "first" else len(kernel) // 2] ^= 1
    (tmp_path / "kernel").write_bytes(kernel)
    policy = policy_for(world, tmp_path / "policy", kernel=tmp_path / "kernel")
    refused(judge(3, world.evidence["good"], policy), "vtpm.kernel", "kernel")


def test_initrd_with_another_byte_is_refused(world: World, tmp_path: pathlib.Path) -> None:
    initrd = bytearray((world.image("good") / "initrd").read_bytes())
    initrd[-1] ^= 1
    (tmp_path / "initrd").write_bytes(initrd)
    policy = policy_for(world, tmp_path / "policy", initrd=tmp_path / "initrd")
    refused(judge(3, world.evidence["good"], policy), "vtpm.initrd", "initrd", "agent", "command_line")


def test_command_line_with_another_character_is_refused(world: World, tmp_path: pathlib.Path) -> None:
    policy = policy_for(world, tmp_path / "policy", cmdline=LINE.replace("loglevel=1", "loglevel=2"))
    refused(judge(3, world.evidence["good"], policy), "vtpm.command_line", "command_line", "initrd", "agent")


def test_other_firmware_is_refused(world: World, tmp_path: pathlib.Path) -> None:
    policy = json.loads((world.image("good") / "policy.json").read_text())
    digest = policy["vtpm"]["pcr.sha256.0"]
    policy["vtpm"]["pcr.sha256.0"] = ("0" if digest[0] != "0" else "1") + digest[1:]
    (tmp_path / "policy").write_text(json.dumps(policy))
    rows = judge(3, world.evidence["good"], tmp_path / "policy")
    assert rows["vtpm.pcr.0"]["outcome"] == "failed" and rows["coverage.firmware"]["outcome"] != "passed"


def test_same_policy_from_the_same_inputs(world: World, tmp_path: pathlib.Path) -> None:
    again = json.loads(policy_for(world, tmp_path / "policy").read_text())
    first = json.loads((world.image("good") / "policy.json").read_text())
    # The build's policy also takes machines of 2 GiB.
    assert set(again["vtpm"]["kernel"]) < set(first["vtpm"]["kernel"])
    assert (again["vtpm"]["initrd"], again["vtpm"]["command_line"]) == (
        first["vtpm"]["initrd"],
        first["vtpm"]["command_line"],
    )
    judge(0, world.evidence["good"], tmp_path / "policy")


def test_copy_of_the_variables_is_wiped_and_its_end_recorded(world: World) -> None:
    rows = {row["what"]: row for row in world.record["rows"]}
    assert world.record["complete"] and rows["firmware"]["name"].endswith("/nvram")
    assert rows["firmware"]["done"] == "overwritten and unlinked" and rows["firmware"]["verified"]
