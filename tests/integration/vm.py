# SPDX-License-Identifier: Apache-2.0
"""A guest under QEMU, driven directly: what init does is seen on its console."""

from __future__ import annotations

import pathlib
import re
import shutil
import socket
import subprocess
import tempfile
import time

# Slow machines get five times what a quiet one needs.
BOOT_S = 60.0


class Tpm:
    """A virtual TPM for one machine, ended by the context manager."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.state = folder / "tpm"
        self.process: subprocess.Popen | None = None

    def __enter__(self) -> "Tpm":
        # Unix sockets want short paths.
        self.state.mkdir()
        self.short = tempfile.mkdtemp(prefix="tpm")
        subprocess.run(
            ["swtpm_setup", "--tpm2", "--tpm-state", self.state, "--pcr-banks", "sha256,sha384"],
            check=True, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        control = f"{self.short}/ctrl"
        self.process = subprocess.Popen(
            ["swtpm", "socket", "--tpm2", "--tpmstate", f"dir={self.state}", "--ctrl", f"type=unixio,path={control}"]
        )
        end = time.monotonic() + BOOT_S
        while not pathlib.Path(control).exists():
            assert self.process.poll() is None and time.monotonic() < end, "swtpm does not start"
            time.sleep(0.02)
        return self

    def __exit__(self, *_: object) -> None:
        if self.process:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.short)

    @property
    def options(self) -> list[str]:
        """For QEMU."""
        return ["-chardev", f"socket,id=tpm,path={self.short}/ctrl", "-tpmdev", "emulator,id=tpm0,chardev=tpm",
                "-device", "tpm-crb,tpmdev=tpm0"]  # fmt: skip


class Machine:
    """One emulated machine; the context manager ends it."""

    def __init__(
        self,
        image: pathlib.Path,
        folder: pathlib.Path,
        append: str = "",
        env_share: pathlib.Path | None = None,
        certs_share: pathlib.Path | None = None,
    ) -> None:
        self.console_path = folder / "console"
        self.monitor_path = folder / "monitor"
        command = [
            "qemu-system-x86_64", "-accel", "tcg", "-cpu", "max", "-machine", "q35", "-m", "512",
            "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
            "-kernel", str(image / "kernel"), "-initrd", str(image / "initrd"),
            "-append", f"console=ttyS0 quiet loglevel=4 panic=-1 {append}",
            "-netdev", "user,id=net,ipv6=off,hostfwd=tcp:127.0.0.1:0-:7002",
            "-device", "virtio-net-pci,netdev=net,romfile=",
            "-object", "rng-random,id=rng,filename=/dev/urandom", "-device", "virtio-rng-pci,rng=rng",
            "-serial", f"file:{self.console_path}",
            "-monitor", f"unix:{self.monitor_path},server=on,wait=off",
        ]  # fmt: skip
        for tag, path in (("env_share", env_share), ("certs_share", certs_share)):
            if path:
                share = f"local,id={tag},path={path},security_model=mapped-xattr,readonly=on"
                command += ["-fsdev", share]
                command += ["-device", f"virtio-9p-pci,fsdev={tag},mount_tag={tag}"]
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )

    def __enter__(self) -> "Machine":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        if self.process.stderr:
            self.process.stderr.close()

    def console(self) -> str:
        """What the guest has written so far."""
        if not self.console_path.exists():
            return ""
        return self.console_path.read_bytes().decode("utf-8", "replace").replace("\r", "")

    def monitor(self, command: str) -> str:
        """One command to QEMU, and its answer."""
        end = time.monotonic() + BOOT_S
        while not self.monitor_path.exists() and self.process.poll() is None and time.monotonic() < end:
            time.sleep(0.02)
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(10)
            s.connect(str(self.monitor_path))
            self._until_prompt(s)
            s.sendall(command.encode() + b"\n")
            return self._until_prompt(s)

    @staticmethod
    def _until_prompt(s: socket.socket) -> str:
        text = b""
        while not text.endswith(b"(qemu) "):
            part = s.recv(4096)
            if not part:
                break
            text += part
        return text.decode()

    def port(self) -> int:
        """The port of this machine that leads to the agent's."""
        found = re.search(r"HOST_FORWARD\]\s+\d+\s+127\.0\.0\.1\s+(\d+)", self.monitor("info usernet"))
        assert found, "QEMU forwards no port"
        return int(found.group(1))

    def wait_console(self, text: str, seconds: float = BOOT_S) -> None:
        """Until the console carries the text."""
        end = time.monotonic() + seconds
        while text not in self.console():
            assert self.process.poll() is None, f"the guest ended without {text!r}:\n{self.console()}"
            assert time.monotonic() < end, f"no {text!r} within {seconds} s:\n{self.console()}"
            time.sleep(0.05)

    def wait_off(self, seconds: float = BOOT_S) -> str:
        """Until the guest has switched itself off; the whole console."""
        try:
            status = self.process.wait(seconds)
        except subprocess.TimeoutExpired as expired:
            raise AssertionError(f"still on after {seconds} s:\n{self.console()}") from expired
        assert status == 0, self.process.stderr.read() if self.process.stderr else status
        return self.console()
