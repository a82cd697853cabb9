# SPDX-License-Identifier: Apache-2.0
"""cocos-manager as a process, and <cocos/enclave.h> by ctypes as its client."""

from __future__ import annotations

import ctypes
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("COCOS_BUILD_ROOT", ROOT / "build"))
IMAGE = pathlib.Path(os.environ.get("COCOS_IMAGE", BUILD / "eos"))
MANAGER = BUILD / "tools" / "manager" / "cocos-manager"
BUSYBOX = pathlib.Path("/bin/busybox")
SECOND = 1_000_000_000


class CocosError(Exception):
    """What a call failed with: status as in common.h, stable code, one sentence."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status, self.code, self.message = status, code, message


def _load() -> ctypes.CDLL:
    lib = ctypes.CDLL(str(BUILD / "libcocos" / "libcocos.so"))
    lib.cocos_error_code.restype = lib.cocos_error_message.restype = ctypes.c_char_p
    lib.cocos_error_code.argtypes = lib.cocos_error_message.argtypes = [ctypes.c_void_p]
    lib.cocos_error_free.argtypes = lib.cocos_free_text.argtypes = [ctypes.c_void_p]
    lib.cocos_deadline_in.restype = ctypes.c_int64
    lib.cocos_deadline_in.argtypes = [ctypes.c_int64]
    lib.cocos_enclave_list_count.restype = ctypes.c_size_t
    lib.cocos_enclave_list_count.argtypes = [ctypes.c_void_p]
    lib.cocos_enclave_list_at.restype = ctypes.c_void_p
    lib.cocos_enclave_list_at.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
    for name in ("host_options_free", "host_close", "enclave_spec_free", "enclave_info_free", "enclave_list_free"):
        getattr(lib, "cocos_" + name).argtypes = [ctypes.c_void_p]
    return lib


LIB = _load()
CONSOLE_FN = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.POINTER(ctypes.c_uint8), ctypes.c_size_t)


def call(name: str, *args: object) -> None:
    """Call a function whose last parameter is cocos_error **; its failure becomes CocosError."""
    err = ctypes.c_void_p()
    status = getattr(LIB, name)(*args, ctypes.byref(err))
    if status < 0:
        code = (LIB.cocos_error_code(err) or b"").decode()
        message = (LIB.cocos_error_message(err) or b"").decode()
        LIB.cocos_error_free(err)
        raise CocosError(status, code, message)


def deadline(seconds: float) -> ctypes.c_int64:
    return ctypes.c_int64(LIB.cocos_deadline_in(int(seconds * SECOND)))


def _text(pointer: ctypes.c_void_p) -> str:
    text = ctypes.string_at(pointer).decode()
    LIB.cocos_free_text(pointer)
    return text


def _info(pointer: int | ctypes.c_void_p) -> dict:
    text = ctypes.c_void_p()
    call("cocos_enclave_info_json", ctypes.c_void_p(getattr(pointer, "value", pointer)), ctypes.byref(text))
    return json.loads(_text(text))


class Host:
    """cocos_host; usable from many threads."""

    def __init__(self, **options: str) -> None:
        made = ctypes.c_void_p()
        self.host = ctypes.c_void_p()
        call("cocos_host_options_new", ctypes.byref(made))
        try:
            for name, value in options.items():
                call("cocos_host_options_set", made, name.encode(), value.encode())
            call("cocos_host_open", made, deadline(30), None, ctypes.byref(self.host))
        finally:
            LIB.cocos_host_options_free(made)

    def close(self) -> None:
        LIB.cocos_host_close(self.host)
        self.host = ctypes.c_void_p()

    def __enter__(self) -> "Host":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def create(self, timeout: float = 60, **members: str) -> dict:
        spec, info = ctypes.c_void_p(), ctypes.c_void_p()
        call("cocos_enclave_spec_new", ctypes.byref(spec))
        try:
            for name, value in members.items():
                call("cocos_enclave_spec_set", spec, name.encode(), value.encode())
            call("cocos_enclave_create", self.host, spec, deadline(timeout), None, ctypes.byref(info))
        finally:
            LIB.cocos_enclave_spec_free(spec)
        try:
            return _info(info)
        finally:
            LIB.cocos_enclave_info_free(info)

    def get(self, enclave: str) -> dict:
        info = ctypes.c_void_p()
        call("cocos_enclave_get", self.host, enclave.encode(), deadline(30), None, ctypes.byref(info))
        try:
            return _info(info)
        finally:
            LIB.cocos_enclave_info_free(info)

    def list(self) -> dict[str, dict]:
        found = ctypes.c_void_p()
        call("cocos_enclave_list_get", self.host, deadline(30), None, ctypes.byref(found))
        try:
            all_of = (
                _info(LIB.cocos_enclave_list_at(found, i)) for i in range(LIB.cocos_enclave_list_count(found))
            )
            return {one["id"]: one for one in all_of}
        finally:
            LIB.cocos_enclave_list_free(found)

    def console(self, enclave: str) -> str:
        parts: list[bytes] = []

        @CONSOLE_FN
        def take(_user: object, data: object, size: int) -> int:
            parts.append(ctypes.string_at(data, size))
            return 0

        call("cocos_enclave_console", self.host, enclave.encode(), 0, take, None, deadline(30), None)
        return b"".join(parts).decode(errors="replace")

    def destroy(self, enclave: str) -> dict:
        record = ctypes.c_void_p()
        call("cocos_enclave_destroy", self.host, enclave.encode(), deadline(60), None, ctypes.byref(record))
        return json.loads(_text(record))

    def wait_state(self, enclave: str, states: set[str], timeout: float) -> dict:
        until = time.monotonic() + timeout
        while True:
            info = self.get(enclave)
            if info["state"] in states:
                return info
            assert time.monotonic() < until, info
            time.sleep(0.05)


def make_initrd(path: pathlib.Path, init: str | None) -> pathlib.Path:
    """An initramfs of busybox and one script; without init the kernel panics."""
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        for name in ("bin", "dev", "proc"):
            (root / name).mkdir()
        if init is not None:
            shutil.copy(BUSYBOX, root / "bin" / "busybox")
            (root / "init").write_text("#!/bin/busybox sh\n" + init)
            (root / "init").chmod(0o755)
        names = "\n".join(str(p.relative_to(root)) for p in sorted(root.rglob("*")))
        with path.open("wb") as out:
            subprocess.run(["cpio", "-o", "-H", "newc", "--quiet"], cwd=root, input=names.encode(), stdout=out, check=True)
    return path


class Manager:
    """cocos-manager in directories of its own; Unix sockets want them short."""

    def __init__(self, base: pathlib.Path, *options: str) -> None:
        self.base = base
        self.options = options
        self.process: subprocess.Popen | None = None
        self.log = base / "log"

    @property
    def address(self) -> str:
        return f"unix:{self.base}/m.sock"

    def start(self) -> "Manager":
        command = [MANAGER, "--state", self.base / "s", "--run", self.base / "r", "--libvirt", "embed",
                   "--listen", self.address, "--http", "127.0.0.1:0", *self.options]  # fmt: skip
        environment = os.environ | {"COCOS_MODULE_DIR": str(BUILD / "libcocos")}
        with self.log.open("ab") as log:
            log.write(b"--- start\n")
            log.flush()
            self.process = subprocess.Popen([str(c) for c in command], stderr=log, env=environment)
        until = time.monotonic() + 60
        while "http=" not in self.last_log():
            assert self.process.poll() is None, self.last_log()
            assert time.monotonic() < until, self.last_log()
            time.sleep(0.02)
        return self

    def last_log(self) -> str:
        return self.log.read_text(errors="replace").rpartition("--- start\n")[2]

    @property
    def http(self) -> str:
        return re.search(r"http=(\S+)", self.last_log())[1]

    def kill(self) -> None:
        if self.process:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
            self.process = None

    def stop(self) -> int:
        self.process.terminate()
        code = self.process.wait(timeout=30)
        self.process = None
        return code

    def host(self) -> Host:
        return Host(manager=self.address)

    # What is really there, whatever the manager says.

    def machine_parts(self) -> dict[int, str]:
        """QEMU and swtpm processes below our directories: process id and the enclave's id."""
        found = {}
        for entry in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
            try:
                args = entry.read_bytes().decode(errors="replace")
            except OSError:
                continue
            program = args.partition("\0")[0].rpartition("/")[2]
            if program.startswith(("qemu-", "swtpm")) and str(self.base) in args:
                ids = re.findall(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", args)
                found[int(entry.parent.name)] = ids[0] if ids else "?"
        return found

    def files_of_enclaves(self) -> set[str]:
        """Ids that are in the name of any file below our directories."""
        pattern = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
        names = (p.name for p in self.base.rglob("*") if p.is_relative_to(self.base))
        return {m[0] for name in names for m in [pattern.search(name)] if m}

    def nothing_left(self) -> None:
        assert self.machine_parts() == {}
        assert self.files_of_enclaves() == set()
        assert list((self.base / "s" / "journal").iterdir()) == []


def port_is_free(address: str) -> bool:
    host, _, port = address.rpartition(":")
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind((host, int(port)))
        except OSError:
            return False
    return True
