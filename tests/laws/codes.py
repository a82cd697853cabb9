#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every error code in the sources stands in doc/errors.md, and every code there is in the sources."""

import pathlib
import re
import sys

# A string literal that is the code argument of one of the functions that make errors.
CALL = re.compile(r'\bcocos__fail(?:_check|_errno|_cause)?\s*\(')
CODE = re.compile(r'"([a-z][a-z0-9_-]*(?:\.[a-z0-9_-]+)+|memory|cancelled)"')
ROW = re.compile(r"^\|\s*((?:`[^`]+`[, ]*)+)\|", re.M)


def literals(text):
    """All literals of the form a.b(.c) in a C source: codes also travel through tables and helpers."""
    return set(CODE.findall(text))


def called(text):
    """Codes that are direct arguments of cocos__fail…()."""
    out = set()
    for m in CALL.finditer(text):
        depth, end = 1, m.end()
        while end < len(text) and depth:
            depth += {"(": 1, ")": -1}.get(text[end], 0)
            end += 1
        first = CODE.search(text[m.end():end])
        if first:
            out.add(first.group(1))
    return out


def documented(text):
    out = set()
    for cell in ROW.findall(text.split("## Codes", 1)[1]):
        out |= set(re.findall(r"`([^`]+)`", cell))
    return out


def main():
    root = pathlib.Path.cwd()
    page = documented((root / "doc/errors.md").read_text())
    used, mentioned = {}, set()
    for folder in ("libcocos", "tools"):
        for path in sorted((root / folder).rglob("*.[ch]")):
            text = path.read_text()
            mentioned |= literals(text)
            for code in called(text):
                used.setdefault(code, path)
    faults = [f"{path.relative_to(root)}: code {code} is not in doc/errors.md"
              for code, path in sorted(used.items()) if code not in page]
    faults += [f"doc/errors.md: code {code} is in no source"
               for code in sorted(page - mentioned - {"memory", "cancelled"})]
    for fault in faults:
        print(fault)
    print(f"{len(page)} codes documented, {len(used)} used, {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
