#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a built library exports, what its map lists and what its headers declare are the same.

symbols.py LIBRARY MAP HEADER... : of the map only the public nodes, those without PRIVATE in the name.
symbols.py --private LIBRARY USER... : what LIBRARY exports in its private nodes, some user needs.
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


def symbols(library: pathlib.Path, *options: str) -> list[tuple[str, str]]:
    """Name and version of each."""
    command = ["nm", "-D", "--with-symbol-versions", *options, str(library)]
    out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found = [line.split()[-2:] for line in out.splitlines()]
    return [(s.partition("@")[0], s.partition("@")[2]) for kind, s in found if kind != "A"]


def exported(library: pathlib.Path) -> set[str]:
    """Of the public nodes; a symbol without a version is a fault of its own."""
    public = [(n, v) for n, v in symbols(library, "--defined-only") if "PRIVATE" not in v]
    return {name if version else f"{name} (without a version)" for name, version in public}


def private(library: pathlib.Path, users: list[pathlib.Path]) -> int:
    exports = {name for name, version in symbols(library, "--defined-only") if "PRIVATE" in version}
    needed = {name for user in users for name, _ in symbols(user, "--undefined-only")}
    unused = sorted(exports - needed)
    print("\n".join(f"{name}: exported by {library.name}, needed by nobody" for name in unused))
    print(f"{len(exports)} private symbols, {len(unused)} faults")
    return 1 if unused or not exports else 0


def main() -> int:
    if sys.argv[1] == "--private":
        library, *users = [pathlib.Path(a) for a in sys.argv[2:]]
        return private(library, users)
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
