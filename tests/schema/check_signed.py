#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Approvals, statements, closures, envelopes and cases that the code emits are what their CDDL describes, and what the
CDDL does not describe the code refuses."""

import pathlib
import struct
import subprocess
import sys
import tempfile

from cddl import Cddl, Tag, decode, encode

FILES = {"approval": ["approval-0", "approval-1", "approval-2", "approval-policy", "withdrawal"],
         "statement": ["statement", "statement-without-result"], "closure": ["closure"], "envelope": ["evidence"],
         "case": ["case", "case-anchored"]}


def whole(data):
    value, end = decode(data)
    assert end == len(data) and encode(value) == data, "not in its one encoding"
    return value


def other_values(value):
    """Values of another type, length or range in place of one."""
    if value is None:
        return [0, "", b"\0" * 33, -1, False]
    if isinstance(value, bool):
        return [None, 0, 1]
    if isinstance(value, int):
        return [-1, 0, value + 1, 1 << 63, None, str(value), b""]
    if isinstance(value, bytes):
        return [value[:-1], value + b"\0", b"", None, value.hex(), 0]
    if isinstance(value, str):
        return [value + "x", "", "x" * 300, value.encode(), None, 0]
    return [None, 0, b""]


def changed(value, depth=0):
    """Every value that differs from this one in one place; nested CBOR in byte strings is entered too."""
    yield from other_values(value)
    if isinstance(value, Tag):
        for inner in changed(value.value, depth + 1):
            yield Tag(value.number, inner)
        yield Tag(value.number + 1, value.value)
        yield value.value
    elif isinstance(value, dict):
        for key in value:
            yield {k: v for k, v in value.items() if k != key}
            for inner in changed(value[key], depth + 1):
                yield {**value, key: inner}
        for key in (0, 99, -1, "x"):
            yield {**value, key: 0}
    elif isinstance(value, list):
        for i, item in enumerate(value):
            yield value[:i] + value[i + 1:]
            for inner in changed(item, depth + 1):
                yield [*value[:i], inner, *value[i + 1:]]
        yield [*value, 0]
        yield value + value[-1:]
    elif isinstance(value, bytes) and depth < 6 and len(value) > 2 and value[0] >> 5 in (5, 6):
        try:
            inner, end = decode(value)
        except (LookupError, KeyError, UnicodeDecodeError, MemoryError, OverflowError):
            return
        if end == len(value):
            yield from map(encode, changed(inner, depth + 1))


def show(value):
    """For people: what is encoded within byte strings too."""
    if isinstance(value, Tag):
        return f"{value.number}({show(value.value)})"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{k}: {show(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(show, value)) + "]"
    if isinstance(value, bytes) and len(value) > 2 and value[0] >> 5 in (5, 6):
        try:
            inner, end = decode(value)
            return f"<<{show(inner)}>>" if end == len(value) else value.hex()
        except (LookupError, KeyError, UnicodeDecodeError):
            pass
    return value.hex() if isinstance(value, bytes) else repr(value)


def taken(maker, kind, values):
    """What the code says of each: True where it has the form."""
    encoded = [encode(v) for v in values]
    feed = b"".join(struct.pack(">I", len(e)) + e for e in encoded)
    out = subprocess.run([maker, "--read", kind], input=feed, check=True, stdout=subprocess.PIPE).stdout
    assert len(out) == len(values)
    return [c == ord("1") for c in out]


def main():
    maker, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    rules = Cddl(*(p.read_text() for p in (folder / f"{n}.cddl" for n in ("signed", "approval", "statement", "evidence", "case"))),
                 "manifest = any")
    counts = {}
    with tempfile.TemporaryDirectory() as top:
        subprocess.run([maker, top], check=True)
        for kind, names in FILES.items():
            for name in names:
                good = whole((pathlib.Path(top) / name).read_bytes())
                assert rules.holds(good, kind), f"{name} is not what {kind} describes"
                # A case holds the others, which have their turn: its own members are enough.
                variants = [v for v in changed(good, 6 if kind == "case" else 0)]
                n = counts.setdefault(kind, [0, 0, 0])
                for value, got in zip(variants, taken(maker, kind, variants), strict=True):
                    described = rules.holds(value, kind)
                    assert described or not got, f"{name}: the code takes what the CDDL does not describe: {show(value)}"
                    n[0 if got else 1 if described else 2] += 1
    for kind, n in counts.items():
        assert n[2] > 50, (kind, n)
        print(f"{kind}: {n[0]} changed objects hold, {n[2]} are refused by CDDL and code, {n[1]} by the code alone")
    return 0


if __name__ == "__main__":
    sys.exit(main())
