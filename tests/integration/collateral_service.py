# SPDX-License-Identifier: Apache-2.0
"""One server that plays AMD's key distribution service and Intel's provisioning service, with faults on demand."""

import contextlib
import pathlib
import re
import socket
import ssl
import subprocess
import threading
import urllib.parse

from cli import BUILD

HANG = object()  # takes the request and says nothing
CUT = object()  # closes in the midst of the body


def raw(status=200, body=b"", *headers):
    """The bytes of one answer."""
    head = [f"HTTP/1.1 {status} Told", f"Content-Length: {len(body)}", "Connection: close", *headers]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


class World:
    """Files of tests/support/collateral_world.c, and what the two services answer about them."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        subprocess.run([BUILD / "tests/integration/collateral-world", folder], check=True)
        self.answers = {}
        for line in (self.folder / "index").read_text().splitlines():
            path, file, chain, header = line.split("\t")
            self.answers[path] = self.answer(file, chain if chain != "-" else None, header)

    def read(self, name):
        return (self.folder / name).read_bytes()

    def answer(self, file, chain=None, header="TCB-Info-Issuer-Chain"):
        headers = ["Content-Type: application/octet-stream"]
        if chain:
            headers.append(f"{header}: {urllib.parse.quote(self.read(chain).decode(), safe='')}")
        return raw(200, self.read(file), *headers)


class Service:
    """Serves until it is closed. `instead[path]` is a list of answers that come first, in this order; a function makes one
    of the body that was sent."""

    def __init__(self, answers, certificate=None):
        self.answers, self.instead, self.asked, self.heads = dict(answers), {}, [], []
        self.context = None
        if certificate:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(certificate)
        self.sockets, self.stopped = [], threading.Event()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.url = f"{'https' if certificate else 'http'}://127.0.0.1:{self.port}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                sock = self.listener.accept()[0]
                threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock):
        with contextlib.suppress(OSError), contextlib.closing(sock):
            sock.settimeout(30)
            if self.context:
                sock = self.context.wrap_socket(sock, server_side=True)
            head = b""
            while b"\r\n\r\n" not in head:
                got = sock.recv(4096)
                if not got or got.startswith(b"\x16\x03"):  # TLS, where there is none
                    return
                head += got
            head, _, body = head.partition(b"\r\n\r\n")
            sent = re.search(rb"(?i)content-length: *(\d+)", head)
            while sent and len(body) < int(sent[1]):
                body += sock.recv(4096)
            path = head.split(b" ")[1].decode()
            self.heads.append(head)
            self.asked.append(path)
            answer = self._choose(path)
            self._answer(sock, answer(body) if callable(answer) else answer)

    def _choose(self, path):
        # A proxy is asked for the whole URL.
        path = urllib.parse.urlsplit(path)._replace(scheme="", netloc="").geturl() if "://" in path else path
        waiting = self.instead.get(path)
        if waiting:
            return waiting.pop(0)
        return self.answers.get(path, raw(404))

    def _answer(self, sock, answer):
        if answer is HANG:
            self.stopped.wait(30)
        elif answer is CUT:
            sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nonly so much")
        else:
            sock.sendall(answer)
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_WR)
                while sock.recv(4096):  # until the other side is done, so that nothing is reset
                    pass

    def asks(self):
        """What was asked for since the last call."""
        asked, self.asked = self.asked, []
        return asked

    def close(self):
        self.stopped.set()
        # accept() ends only when the listener is shut down, not when its descriptor is closed.
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


def make_ca(folder, host="IP:127.0.0.1"):
    """A root of its own and a certificate for `host`: paths of the root, and of the server's key and chain."""
    def openssl(*args):
        subprocess.run(["openssl", *args], cwd=folder, check=True, capture_output=True)
    new = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    openssl("req", "-x509", *new, "-subj", "/CN=root", "-keyout", "ca.key", "-out", "ca.pem")
    openssl("req", "-x509", *new, "-subj", "/CN=server", "-addext", f"subjectAltName={host}", "-CA", "ca.pem", "-CAkey",
            "ca.key", "-addext", "basicConstraints=critical,CA:FALSE", "-keyout", "server.key", "-out", "server.crt")
    folder = pathlib.Path(folder)
    (folder / "server.pem").write_bytes((folder / "server.key").read_bytes() + (folder / "server.crt").read_bytes())
    return folder / "ca.pem", folder / "server.pem"


# ---- CBOR, as much as bundles and entries of the cache use ----

def head(major, n):
    for bits, size in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if n < 24:
            return bytes([major << 5 | n])
        if n < 1 << 8 * size:
            return bytes([major << 5 | bits]) + n.to_bytes(size, "big")
    raise ValueError(n)


def encode(value):
    if isinstance(value, int):
        return head(0, value)
    if isinstance(value, bytes):
        return head(2, len(value)) + value
    if isinstance(value, str):
        return head(3, len(value.encode())) + value.encode()
    if isinstance(value, list):
        return head(4, len(value)) + b"".join(map(encode, value))
    return head(5, len(value)) + b"".join(encode(k) + encode(v) for k, v in sorted(value.items()))


def decode(data, at=0):
    """The value, and where the next one stands."""
    major, n = data[at] >> 5, data[at] & 31
    at += 1
    if n >= 24:
        size = 1 << (n - 24)
        n, at = int.from_bytes(data[at:at + size], "big"), at + size
    if major in (2, 3):
        return (bytes(data[at:at + n]) if major == 2 else data[at:at + n].decode()), at + n
    if major == 0:
        return n, at
    items = []
    for _ in range(n * (major - 3)):
        item, at = decode(data, at)
        items.append(item)
    return (items if major == 4 else dict(zip(items[::2], items[1::2]))), at
