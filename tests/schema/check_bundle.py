#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Bundles that the code emits are what bundle.cddl describes, and what it does not describe is refused."""

import pathlib
import re
import subprocess
import sys

from cddl import decode


def head(major, n):
    if n < 24:
        return bytes([major << 5 | n])
    size = next(s for s in (1, 2, 4, 8) if n < 1 << 8 * s)
    return bytes([major << 5 | {1: 24, 2: 25, 4: 26, 8: 27}[size]]) + n.to_bytes(size, "big")


def encode(value):
    if isinstance(value, int):
        return head(0, value)
    if isinstance(value, (bytes, str)):
        raw = value if isinstance(value, bytes) else value.encode()
        return head(2 if isinstance(value, bytes) else 3, len(raw)) + raw
    if isinstance(value, list):
        return head(4, len(value)) + b"".join(map(encode, value))
    return head(5, len(value)) + b"".join(encode(k) + encode(v) for k, v in sorted(value.items()))


def rules(text):
    """Rule name -> {key: type} for maps, else the type; comments dropped. Only the forms of this file."""
    text = re.sub(r";[^\n]*", "", text)
    found = {}
    for name, body in re.findall(r"^([a-z]+) = ((?:\{.*?^\})|(?:[^\n]+))", text, re.S | re.M):
        if body[0] == "{":
            found[name] = {int(k): t.strip() for k, t in re.findall(r"(\d+) => ((?:[^,(\[]|\([^)]*\)|\[[^\]]*\])+),", body)}
        else:
            found[name] = body.strip()
    return found


def holds(value, kind, all_rules):
    if kind in all_rules:
        kind = all_rules[kind]
    if isinstance(kind, dict):
        return isinstance(value, dict) and set(value) == set(kind) and all(holds(value[k], t, all_rules) for k, t in kind.items())
    if kind.isdigit():
        return value == int(kind)
    if kind == "bstr":
        return isinstance(value, bytes)
    if m := re.fullmatch(r"&\((.*)\)", kind):
        return isinstance(value, int) and value in [int(n.split(":")[1]) for n in m[1].split(",")]
    if m := re.fullmatch(r"tstr \.size \((\d+)\.\.(\d+)\)", kind):
        return isinstance(value, str) and int(m[1]) <= len(value.encode()) <= int(m[2])
    if m := re.fullmatch(r"\[(\d+)\*(\d+) (\w+)\]", kind):
        return isinstance(value, list) and int(m[1]) <= len(value) <= int(m[2]) and all(holds(v, m[3], all_rules) for v in value)
    raise SystemExit(f"bundle.cddl says {kind}, which this test does not know")


def variants(good):
    """Changed bundles; about each, the code and the CDDL must agree."""
    item = good[4][0]
    yield good
    for key, values in ((1, [0, 2, "1"]), (2, [0, 1, 2, 3, b""]), (3, ["", "x", "x" * 256, "x" * 257, b"x", 1]),
                        (4, [[], 0, {}, [1]])):
        for value in values:
            if not (key == 2 and value in (1, 2)):  # another kind: the items are no longer its own
                yield good | {key: value}
        yield {k: v for k, v in good.items() if k != key}
    yield good | {5: 0}
    for n in (2, 16, 17):
        yield good | {4: [item | {3: f"{item[3]}{i:02d}"} for i in range(n)]}
    for key, values in ((1, [0, 2, 7, 32, "1"]), (2, ["x", 0]), (3, ["", "x" * 1025, b"x", 0])):
        for value in values:
            yield good | {4: [item | {key: value}]}
        yield good | {4: [{k: v for k, v in item.items() if k != key}]}
    yield good | {4: [item | {3: "x" * 1024}]}
    yield good | {4: [item | {4: 0}]}


def main():
    emit, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    all_rules = rules((folder / "bundle.cddl").read_text())
    assert set(all_rules) == {"bundle", "item", "part"} and set(all_rules["bundle"]) == {1, 2, 3, 4} and set(all_rules["item"]) == {1, 2, 3}, all_rules
    seen, counts = set(), [0, 0]
    for kind in ("snp", "tdx"):
        out = subprocess.run([emit, kind], check=True, stdout=subprocess.PIPE).stdout
        good, end = decode(out)
        assert end == len(out) and encode(good) == out and holds(good, "bundle", all_rules), kind
        seen |= {i[1] for i in good[4]}
        # A list of the first item's form alone, so that a change leaves one fault only.
        good[4] = good[4][:1]
        for v in variants(good):
            want = holds(v, "bundle", all_rules)
            got = subprocess.run([emit, "read"], input=encode(v), check=False).returncode == 0
            assert want == got, f"the CDDL says {want}, the code {got}: {str(v)[:300]}"
            counts[want] += 1
    assert seen == {int(n.split(":")[1]) for n in all_rules["part"][2:-1].split(",")}, seen
    print(f"{counts[1]} bundles hold, {counts[0]} do not: code and CDDL agree")
    return 0


if __name__ == "__main__":
    sys.exit(main())
