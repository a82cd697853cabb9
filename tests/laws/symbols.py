#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a built library exports, what its map lists and what its headers declare are the same.

symbols.py LIBRARY MAP HEADER... : of the map only the public nodes, those without PRIVATE in the name.
"""

import pathlib
import re
import subprocess
import sys

NODE = re.compile(r"(\w+)\s*\{(.*?)\}", re.S)
DECLARATION = re.compile(r"\bCOCOS_API\b([^;{]*?)\b(cocos_\w+)\s*\(", re.S)
COMMENT = re.compile(r"/\*.*?\*/", re.S)


def mapped(path: pathlib.Path) -> set[str]:
    names: set[str] = set()
    for node, body in NODE.findall(COMMENT.sub("", path.read_text(encoding="utf-8"))):
        if "PRIVATE" not in node:
            names |= set(re.findall(r"\b(cocos_\w+)\s*;", body.split("local:")[0]))
    return names


def declared(headers: list[pathlib.Path]) -> set[str]:
    names: set[str] = set()
    for header in headers:
        text = COMMENT.sub("", header.read_text(encoding="utf-8"))
        text = re.sub(r"^\s*#.*$", "", text, flags=re.M)
        names |= {name for _, name in DECLARATION.findall(text)}
    return names


def exported(library: pathlib.Path) -> set[str]:
    """Of the public nodes; a symbol without a version is a fault of its own."""
    command = ["nm", "-D", "--defined-only", "--with-symbol-versions", str(library)]
    out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    names: set[str] = set()
    for line in out.splitlines():
        kind, symbol = line.split()[-2:]
        name, _, version = symbol.partition("@")
        if kind != "A" and "PRIVATE" not in version:
            names.add(name if version else f"{name} (without a version)")
    return names


def main() -> int:
    library, script, *headers = [pathlib.Path(a) for a in sys.argv[1:]]
    in_map = mapped(script)
    faults: list[str] = []
    for other, where in ((declared(headers), "the headers"), (exported(library), library.name)):
        faults += [f"{name}: in {script.name}, not in {where}" for name in sorted(in_map - other)]
        faults += [f"{name}: in {where}, not in {script.name}" for name in sorted(other - in_map)]
    print("\n".join(faults))
    print(f"{len(in_map)} symbols in {script.name}, {len(faults)} faults")
    return 1 if faults or not in_map else 0


if __name__ == "__main__":
    sys.exit(main())
