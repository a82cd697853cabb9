# SPDX-License-Identifier: Apache-2.0
"""A computation-management server that wishes the agent ill: every message is answered, none is believed."""

import json
import os
import random
import re
import time

import pytest

from wire import Client, Server, field, fields, message, varint
from world import until

RUN_REQUEST, CHUNKS, STOP, STATE, EVIDENCE = 2, 1, 3, 4, 100  # ServerStreamMessage
RUN_RESPONSE, STOP_RESPONSE, STATE_RESPONSE = 3, 4, 5  # ClientStreamMessage
TEXTS = (1, 2, 3)
MANIFEST = 100
GOOD = "#!/bin/sh\ncat datasets/*-a datasets/*-b > results/both\n"
ERROR_LINES = re.compile(r"([a-z][a-z0-9_.]*: [^\x00-\x1f\x7f]+\n?)+")

# Where ComputationRunReq has messages: field numbers, as in proto/cvms/cvms.proto.
TREE = {4: {4: {}, 6: {}}, 5: {3: {}, 6: {}}, 6: {}, 7: {}}


@pytest.fixture
def server():
    s = Server()
    yield s
    s.end()


@pytest.fixture
def request_of(open_cvms):
    """The run request that an honest server makes of a manifest."""
    def get(manifest):
        cvms = open_cvms(manifest)
        client = Client(cvms.address, plain=True)
        stream = client.start("/cvms.Service/Process", (b"job-id", b"borrowed"))
        client.send(stream, field(6, b""))
        pieces = b""
        count = 0
        while True:
            client.wait(lambda: len(client.messages[stream]) > count, "the run request")
            kind, content = fields(client.messages[stream][count])[0]
            count += 1
            if kind != CHUNKS:
                continue  # the question for evidence comes first
            piece = dict(fields(content))
            pieces += piece.get(1, b"")
            if piece.get(3):
                break
        client.close()
        cvms.end()
        return pieces
    return get


def refused(server, count):
    """The answer to the count-th request: a refusal that says why by codes."""
    answer = server.answer(RUN_RESPONSE, count)
    text = answer.get(2, b"").decode()
    assert ERROR_LINES.fullmatch(text) and len(text) <= 65536, answer
    return text


def variants_of(number, value, tree):
    """What else a field may hold, as a list of replacements for (number, value)."""
    other = 1 if isinstance(value, bytes) else b"text"
    common = [[], [(number, other)]]
    if isinstance(value, int):
        return [*common, [(number, 1 - value)] if value < 2 else [(number, 0)]]
    if tree is not None and not value:  # empty is as good as absent
        return [[(number, 1)], [(number, b"\xff")]]
    if tree is not None:
        inner = fields(value)
        nested = [[(number, message(inner[:i] + variant + inner[i + 1:]))]
                  for i, (n, v) in enumerate(inner) for variant in variants_of(n, v, tree.get(n))]
        return [*common, [(number, b"\xff")], [(number, b"")], [(number, value[:-1])], *nested]
    return [*common, [(number, b"")], [(number, value + b"x")], [(number, value + b"\0")], [(number, b"\xff\xfe" + value)],
            [(number, b"/" + value + b"\n../..")], [(number, b"A" * 70_000)]]


def hostile_requests(good):
    """The request with one thing wrong, for every field that it has, and with whole groups repeated."""
    pairs = fields(good)
    for i, (number, value) in enumerate(pairs):
        for variant in variants_of(number, value, TREE.get(number)):
            yield f"field {number}", message(pairs[:i] + variant + pairs[i + 1:])
    data_set = next(p for p in pairs if p[0] == 4)
    yield "300 data sets", message(pairs + [data_set] * 300)
    yield "300 consumers", message(pairs + [(6, b"\x0a\x01x")] * 300)
    yield "another id", message([(n, b"other" if n == 1 else v) for n, v in pairs])
    yield "nothing but an id", field(1, "c")
    yield "manifest alone", message([p for p in pairs if p[0] == MANIFEST])
    yield "old fields alone", message([p for p in pairs if p[0] != MANIFEST])
    yield "garbage manifest", message([p for p in pairs if p[0] != MANIFEST] + [(MANIFEST, os.urandom(5000))])
    yield "deep manifest", message([p for p in pairs if p[0] != MANIFEST] + [(MANIFEST, b"\x81" * 1_000_000)])
    yield "empty manifest map", message([p for p in pairs if p[0] != MANIFEST] + [(MANIFEST, b"\xa0")])


def in_chunks(server, data, name="chunked", size=1 << 20):
    for at in range(0, len(data), size):
        server.send(field(CHUNKS, field(1, data[at:at + size]) + field(2, name)))
    server.send(field(CHUNKS, field(2, name) + field(3, 1)))


def finish(parties, agent, server, good, name):
    """After all this a good computation must pass."""
    server.send(field(RUN_REQUEST, good))
    until(lambda: server.answers(RUN_RESPONSE)[-1:] == [{1: name.encode()}], "the manifest is accepted")
    parties.upload_all(agent, name)
    until(lambda: parties.describe(agent)["state"] == "ConsumingResults", "the job ends")
    parties.at(agent, "result", parties.key("consumer"), "-f", "out.zip")
    assert agent.process.poll() is None


def test_every_field_of_a_run_request_may_be_wrong(parties, server, open_agent, request_of, jobs):
    good = request_of(parties.manifest("c1", GOOD, options=["--args", "one", "--memory", "64M"]))
    agent = open_agent(server.address)
    server.commands()
    count = 0
    for what, data in hostile_requests(good):
        if data == good:
            continue
        server.send(field(RUN_REQUEST, data))
        count += 1
        try:
            refused(server, count)
        except AssertionError as e:
            raise AssertionError(f"{what}: {data[:400]!r}") from e
        if count % 20 == 0:
            in_chunks(server, data)
            count += 1
            refused(server, count)
    assert count > 100
    assert parties.describe(agent, "stranger")["state"] == "ReceivingManifest"
    print(f"{count} hostile requests refused")
    finish(parties, agent, server, good, "c1")


def test_changed_manifests_are_refused_or_are_another_manifest(parties, server, open_agent, request_of):
    good = request_of(parties.manifest("c1", GOOD))
    agent = open_agent(server.address)
    pairs = fields(good)
    rng = random.Random(7)
    accepted = 0
    for i in range(150):
        manifest = bytearray(next(v for n, v in pairs if n == MANIFEST))
        manifest[rng.randrange(len(manifest))] ^= 1 << rng.randrange(8)
        server.send(field(RUN_REQUEST, message([(n, bytes(manifest) if n == MANIFEST else v) for n, v in pairs])))
        if 2 in server.answer(RUN_RESPONSE, i + 1):
            refused(server, i + 1)
        else:  # a size, a limit: what the old fields do not have
            accepted += 1
            server.send(field(STOP, field(1, "c1")))
            server.answer(STOP_RESPONSE, accepted)
    assert accepted < 50 and agent.process.poll() is None


def test_messages_that_are_none_and_pieces_in_any_order(parties, server, open_agent, request_of, jobs):
    good = request_of(parties.manifest("c1", GOOD))
    agent = open_agent(server.address)
    rng = random.Random(3)
    for data in (b"", b"\xff", b"\x80" * 11, field(77, b"x"), field(1, b"\xff\xff"), varint(2 << 3 | 2) + varint(1 << 60),
                 varint(5 << 3 | 7), field(2, 1), field(101, "new"), field(STOP, b""), field(STOP, field(1, b"\xff\0")),
                 field(STATE, field(1, "x" * 100_000)), field(EVIDENCE, field(1, b"c" * 100_000)),
                 *(rng.randbytes(rng.randrange(1, 3000)) for _ in range(100))):
        server.send(data)
    server.send(field(STATE, field(1, "alive")))
    until(lambda: {1: b"alive", 2: b"ReceivingManifest"} in server.answers(STATE_RESPONSE), "an answer after the garbage")

    # Pieces of three requests among each other, empty ones, the end first: none of it adds up.
    had = len(server.answers(RUN_RESPONSE))
    for name, part, last in (("a", good[:100], 0), ("b", good[:50], 0), ("a", good[100:], 1), ("c", b"", 1), ("b", good[50:], 1),
                             ("x" * 65, good, 1), ("", good[:20], 0), ("\n", good[:-1], 1)):
        server.send(field(CHUNKS, field(1, part) + field(2, name) + field(3, last)))
    until(lambda: len(server.answers(RUN_RESPONSE)) >= had + 5, "answers")
    assert parties.describe(agent)["state"] == "ReceivingManifest"

    # One byte over 4 MiB in pieces: refused. Without an end: it is refused once, and the next request is taken.
    had = len(server.answers(RUN_RESPONSE))
    in_chunks(server, bytes(4 * 1024 * 1024 + 1), "big")
    text = server.answer(RUN_RESPONSE, had + 1)[2]
    assert text.startswith(b"manifest.size: ")
    for _ in range(12):
        server.send(field(CHUNKS, field(1, bytes(1 << 20)) + field(2, "endless")))
    finish(parties, agent, server, good, "c1")
    assert agent.memory_kib() < 80 * 1024, agent.memory_kib()


def test_many_small_fields_do_not_become_much_memory(parties, server, open_agent, request_of, jobs):
    good = request_of(parties.manifest("c1", GOOD))
    agent = open_agent(server.address)
    size = 4 * 1024 * 1024 - 1000
    count = 0
    for unit in (b"\x22\x00", b"\x78\x00", b"\x32\x00", field(5, b"")):
        server.send(field(RUN_REQUEST, unit * (size // len(unit))))
        count += 1
        refused(server, count)
        in_chunks(server, unit * (size // len(unit)))
        count += 1
        refused(server, count)
    server.send(field(RUN_REQUEST, field(5, b"\x2a\x00" * (size // 2))))
    refused(server, count + 1)
    server.send(b"\x78\x00" * (4 * 1024 * 1024 - 8))
    server.send(field(STATE, field(1, "alive")))
    server.answer(STATE_RESPONSE, 1)
    peak = agent.memory_kib()
    print(f"peak {peak} KiB")
    finish(parties, agent, server, good, "c1")
    assert peak < 128 * 1024, f"peak {peak} KiB"


def test_a_server_that_floods_does_not_stop_an_upload(parties, server, open_agent, request_of, jobs):
    data = os.urandom(1 << 20) * 60
    good = request_of(parties.manifest("c1", "#!/bin/sh\necho ok > results/ok\n", data=(data, b"x")))
    agent = open_agent(server.address)
    server.send(field(RUN_REQUEST, good))
    server.answer(RUN_RESPONSE, 1)
    upload = parties.start_at(agent, "data", "c1-a", parties.key("a"))
    end = time.monotonic() + 5
    while upload.poll() is None and time.monotonic() < end:
        server.send(field(STATE, field(1, "flood")))
        server.send(field(STOP, field(1, "another")))
        server.send(field(RUN_REQUEST, good[:-1]))
    assert upload.wait(60) == 0, upload.communicate()
    assert parties.describe(agent)["state"] == "ReceivingAlgorithm"
    finish(parties, agent, server, good, "c1")


def test_a_server_that_hangs_up_at_any_moment(parties, server, open_agent, request_of, jobs):
    """Between frames, within one, before the answer: the agent comes back each time."""
    good = request_of(parties.manifest("c1", GOOD))
    agent = open_agent(server.address)
    whole = field(RUN_REQUEST, good)
    for cut in (0, 3, len(whole) // 2, len(whole)):
        connection = server.commands(40)
        if cut:
            connection.send(1, (b"\0" + len(whole).to_bytes(4, "big") + whole)[:cut + 5], prefix=False)
        connection.close()
    until(lambda: len([c for c in server.connections if not c.closed]) >= 1, "the agent comes back", 40)
    server.commands(40)
    finish(parties, agent, server, good, "c1")


WELL = [(b"ReceivingAlgorithm", b"InProgress"), (b"ReceivingData", b"InProgress"), (b"Running", b"Starting"),
        (b"Running", b"InProgress"), (b"Running", b"Completed"), (b"ConsumingResults", b"Ready"), (b"Complete", b"Completed")]


def test_a_server_that_is_away_misses_nothing_and_hears_nothing_twice(parties, open_agent, request_of, jobs):
    """Gone after the manifest, after the algorithm, and while the job runs: events wait, in their order."""
    good = request_of(parties.manifest("c1", "#!/bin/sh\nsleep 1\necho ok > results/ok\n"))
    events, servers = [], [Server()]
    agent = open_agent(servers[0].address)
    port = int(agent.cvms.rsplit(":", 1)[1])

    def away():
        events.extend(servers[-1].answers(2))
        servers[-1].end()

    def back():
        servers.append(Server(port))
        servers[-1].commands(40)
    servers[-1].send(field(RUN_REQUEST, good))
    servers[-1].answer(RUN_RESPONSE, 1)
    servers[-1].answer(2, 1)
    away()
    parties.at(agent, "algo", "c1.algo", parties.key("alg"))
    back()
    servers[-1].answer(2, 1)
    away()
    for owner in "ab":
        parties.at(agent, "data", f"c1-{owner}", parties.key(owner))
    until(lambda: parties.describe(agent)["state"] == "ConsumingResults", "the job ends without the server")
    parties.at(agent, "result", parties.key("consumer"), "-f", "out.zip")
    back()
    until(lambda: len(servers[-1].answers(2)) >= 5, "the other events", 40)
    away()
    assert [(e[1], e[6]) for e in events] == WELL
    assert all(e.get(4, b"") == b"" and e[3] == b"c1" for e in events)
    seen = json.loads(parties.at(agent, "--json", "agent", "watch", parties.key("consumer"), "--until", "Complete").stdout.splitlines()[-1])
    assert seen["state"] == "Complete"
