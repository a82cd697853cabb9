# SPDX-License-Identifier: Apache-2.0
"""Protobuf, HTTP/2 and gRPC frames made by hand, so that they can also be wrong."""

import collections
import socket
import ssl
import struct
import threading
import time

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE = 0, 1, 3, 4, 6, 7, 8
END_STREAM = ACK = 1
END_HEADERS = 4
WINDOW = 65535
FRAME_MAX = 16384
PATIENCE = 20.0

# ---- Protobuf ----


def varint(n):
    out = bytearray()
    while n > 0x7F:
        out.append(n & 0x7F | 0x80)
        n >>= 7
    return bytes(out) + bytes([n])


def field(number, value):
    """Numbers as varints, text and bytes with their length."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def fields(data):
    """[(number, value)] of a message that is well-formed."""
    found, at = [], 0

    def number():
        nonlocal at
        n = shift = 0
        while True:
            n |= (data[at] & 0x7F) << shift
            shift += 7
            at += 1
            if not data[at - 1] & 0x80:
                return n
    while at < len(data):
        tag = number()
        if tag & 7 == 0:
            found.append((tag >> 3, number()))
        else:
            assert tag & 7 == 2, tag
            size = number()
            found.append((tag >> 3, data[at:at + size]))
            at += size
    return found


def message(pairs):
    return b"".join(field(*pair) for pair in pairs)


# ---- HTTP/2 ----


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def hpack_int(n, bits, first=0):
    top = (1 << bits) - 1
    return bytes([first | n]) if n < top else bytes([first | top]) + varint(n - top)


def headers(*pairs):
    """Literals without indexing: every receiver has to take them."""
    return b"".join(b"\0" + hpack_int(len(n), 7) + n + hpack_int(len(v), 7) + v for n, v in pairs)


class HeaderReader:
    """HPACK as far as gRPC's answers use it: text is not Huffman-coded, the static table only by name."""

    STATIC = {8: (b":status", b"200")}

    def __init__(self):
        self.dynamic = collections.deque()

    def entry(self, index):
        if index > 61:
            return self.dynamic[index - 62]
        return self.STATIC.get(index, (b"static-%d" % index, b""))

    def read(self, data):
        at, found = 0, []

        def number(bits):
            nonlocal at
            top = (1 << bits) - 1
            n = data[at] & top
            at += 1
            shift = 0
            while n >= top:
                n += (data[at] & 0x7F) << shift
                shift += 7
                at += 1
                if not data[at - 1] & 0x80:
                    break
            return n

        def text():
            nonlocal at
            size = number(7)
            at += size
            return data[at - size:at]
        while at < len(data):
            first = data[at]
            if first & 0x80:
                found.append(self.entry(number(7)))
                continue
            if first & 0xE0 == 0x20:
                number(5)
                continue
            index = number(6 if first & 0x40 else 4)
            pair = (self.entry(index)[0] if index else text(), text())
            if first & 0x40:
                self.dynamic.appendleft(pair)
            found.append(pair)
        return found


class Connection:
    """One side of an HTTP/2 connection whose frames are read in a thread of its own."""

    def __init__(self, sock, client, greeting=b""):
        self.sock = sock
        if sock.family == socket.AF_INET:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.greeting = greeting  # a server's, to every stream
        self.changed = threading.Condition()
        self.sending = threading.Lock()
        self.credit = collections.defaultdict(lambda: self.initial)
        self.initial = WINDOW
        self.connection_credit = WINDOW
        self.messages = collections.defaultdict(list)  # of a stream, whole
        self.partial = collections.defaultdict(bytes)
        self.headers = collections.defaultdict(dict)
        self.ended = set()
        self.closed = False
        self.reader = HeaderReader()
        self.client = client
        self.write((PREFACE if client else b"") + frame(SETTINGS, 0, 0))
        self.thread = threading.Thread(target=self.read_all, daemon=True)
        self.thread.start()

    def write(self, data):
        with self.sending:
            self.sock.sendall(data)

    def read_exactly(self, size):
        data = b""
        while len(data) < size:
            part = self.sock.recv(size - len(data))
            if not part:
                raise OSError("closed")
            data += part
        return data

    def read_all(self):
        try:
            if not self.client:
                self.read_exactly(len(PREFACE))
            while True:
                head = self.read_exactly(9)
                self.take(head[3], head[4], struct.unpack(">I", head[5:])[0],
                          self.read_exactly(int.from_bytes(head[:3], "big")))
        except (OSError, ValueError):
            pass
        with self.changed:
            self.closed = True
            self.changed.notify_all()

    def take(self, kind, flags, stream, payload):
        if kind == SETTINGS and not flags & ACK:
            self.take_settings(payload)
            self.write(frame(SETTINGS, ACK, 0))
        elif kind == PING and not flags & ACK:
            self.write(frame(PING, ACK, 0, payload))
        elif kind == HEADERS:
            with self.changed:
                self.headers[stream].update(self.reader.read(payload) if self.client else {})
            if self.greeting:
                self.write(frame(HEADERS, END_HEADERS, stream, self.greeting))
        elif kind == DATA:
            self.take_data(stream, payload)
        with self.changed:
            if kind == WINDOW_UPDATE:
                step = struct.unpack(">I", payload)[0]
                if stream:
                    self.credit[stream] += step
                else:
                    self.connection_credit += step
            if kind == RST_STREAM or kind in (HEADERS, DATA) and flags & END_STREAM:
                self.ended.add(stream)
            self.changed.notify_all()

    def take_settings(self, payload):
        for at in range(0, len(payload), 6):
            key, value = struct.unpack(">HI", payload[at:at + 6])
            if key == 4:
                with self.changed:
                    for stream in self.credit:
                        self.credit[stream] += value - self.initial
                    self.initial = value

    def take_data(self, stream, payload):
        if payload:
            size = struct.pack(">I", len(payload))
            self.write(frame(WINDOW_UPDATE, 0, 0, size) + frame(WINDOW_UPDATE, 0, stream, size))
        data = self.partial[stream] + payload
        while len(data) >= 5 and len(data) >= 5 + int.from_bytes(data[1:5], "big"):
            end = 5 + int.from_bytes(data[1:5], "big")
            with self.changed:
                self.messages[stream].append(data[5:end])
            data = data[end:]
        self.partial[stream] = data

    def send(self, stream, data, end=False, prefix=True):
        """A message of gRPC, as flow control lets it through."""
        data = b"\0" + struct.pack(">I", len(data)) + data if prefix else data
        while data:
            with self.changed:
                if not self.changed.wait_for(
                        lambda: min(self.credit[stream], self.connection_credit) > 0 or self.closed or stream in self.ended,
                        PATIENCE):
                    raise TimeoutError("no credit from the other side")
                if self.closed or stream in self.ended:
                    raise OSError("the stream has ended")
                size = min(len(data), FRAME_MAX, self.credit[stream], self.connection_credit)
                self.credit[stream] -= size
                self.connection_credit -= size
            self.write(frame(DATA, 0, stream, data[:size]))
            data = data[size:]
        if end:
            self.write(frame(DATA, END_STREAM, stream))

    def wait(self, condition, what, seconds=PATIENCE):
        with self.changed:
            assert self.changed.wait_for(condition, seconds), f"not within {seconds} s: {what}"

    def close(self):
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.sock.close()
        self.thread.join(5)


# ---- A client ----


def tls(address, alpn=("h2",)):
    """A connection like any client's; whom it reaches is not its concern here."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if alpn:
        context.set_alpn_protocols(list(alpn))
    host, port = address.rsplit(":", 1)
    return context.wrap_socket(socket.create_connection((host, int(port)), timeout=PATIENCE))


def plain_socket(address):
    if address.startswith("unix:"):
        sock = socket.socket(socket.AF_UNIX)
        sock.settimeout(PATIENCE)
        sock.connect(address[len("unix:"):])
        return sock
    host, port = address.rsplit(":", 1)
    return socket.create_connection((host, int(port)), timeout=PATIENCE)


class Client(Connection):
    """gRPC calls of any content over TLS, or plain."""

    def __init__(self, address, plain=False):
        sock = plain_socket(address) if plain else tls(address)
        sock.settimeout(None)
        self.next_stream = 1
        super().__init__(sock, True)

    def start(self, path, *metadata):
        stream, self.next_stream = self.next_stream, self.next_stream + 2
        block = headers((b":method", b"POST"), (b":scheme", b"https"), (b":path", path.encode()), (b":authority", b"x"),
                        (b"te", b"trailers"), (b"content-type", b"application/grpc"), *metadata)
        kinds = [HEADERS] + [9] * (len(block) // FRAME_MAX)
        parts = [block[i:i + FRAME_MAX] for i in range(0, len(block), FRAME_MAX)]
        self.write(b"".join(frame(kinds[i], END_HEADERS if i == len(parts) - 1 else 0, stream, part)
                            for i, part in enumerate(parts)))
        return stream

    def status(self, stream):
        """(grpc-status, cocos-error) once the call has ended; (None, None) when it was reset."""
        self.wait(lambda: stream in self.ended or self.closed, "the call ends")
        found = self.headers[stream]
        code = found.get(b"grpc-status")
        return (int(code) if code is not None else None, found.get(b"cocos-error", b"").decode())

    def call(self, path, *requests, metadata=()):
        stream = self.start(path, *metadata)
        try:
            for i, request in enumerate(requests):
                self.send(stream, request, end=i == len(requests) - 1)
            if not requests:
                self.write(frame(DATA, END_STREAM, stream))
        except OSError:
            pass
        return self.status(stream)


# ---- A server for agents ----


class Server:
    """Stands where the computation-management server is expected, and says what it is told to say."""

    def __init__(self, port=0):
        self.listener = socket.create_server(("127.0.0.1", port))
        self.address = "127.0.0.1:%d" % self.listener.getsockname()[1]
        self.connections = []
        self.greeting = headers((b":status", b"200"), (b"content-type", b"application/grpc"))
        self.thread = threading.Thread(target=self.accept_all, daemon=True)
        self.thread.start()

    def accept_all(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            self.connections.append(Connection(sock, False, self.greeting))

    def commands(self, seconds=PATIENCE):
        """The living connection whose stream takes commands: it begins with an empty report."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for connection in reversed(self.connections):
                if not connection.closed and connection.messages[1][:1] == [field(6, b"")]:
                    return connection
            time.sleep(0.01)
        raise AssertionError("no stream for commands")

    def send(self, data):
        self.commands().send(1, data)

    def answers(self, number):
        """All messages of this field, of all connections."""
        return [dict(fields(value)) for c in list(self.connections) for m in list(c.messages[1])
                for n, value in fields(m) if n == number]

    def answer(self, number, count, seconds=PATIENCE):
        """The count-th message of this field."""
        end = time.monotonic() + seconds
        while len(found := self.answers(number)) < count:
            assert time.monotonic() < end, f"{len(found)} answers in field {number}, not {count}"
            time.sleep(0.005)
        return found[count - 1]

    def end(self):
        self.listener.shutdown(socket.SHUT_RDWR)  # close() alone does not wake the thread that accepts
        self.listener.close()
        self.thread.join(5)
        for connection in self.connections:
            connection.close()
