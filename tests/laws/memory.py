#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every public call of libcocos-verify that can fail is under a sweep over failing allocations.

A call that takes `cocos_error **` by its header, and that the map exports, is called in some
tests/unit/*/test_*memory*.c, which sweeps with tests/support/allocfail.h.
"""

import pathlib
import re
import sys

COMMENT = re.compile(r"/\*.*?\*/", re.S)
DECLARATION = re.compile(r"\bCOCOS_API\b[^;{]*?\b(cocos_\w+)\s*\(([^;{]*)\)\s*;", re.S)
FALLIBLE = re.compile(r"\bcocos_error\s*\*\s*\*")


def mapped(text: str) -> set[str]:
    """Of the public nodes: names in the private one have a pattern or two underscores."""
    return set(re.findall(r"^\s*(cocos_[a-z]\w*)\s*;", COMMENT.sub("", text), re.M))


def fallible(text: str) -> set[str]:
    return {name for name, arguments in DECLARATION.findall(COMMENT.sub("", text)) if FALLIBLE.search(arguments)}


def main() -> int:
    root = pathlib.Path.cwd()
    public = mapped((root / "libcocos/libcocos-verify.map").read_text(encoding="utf-8"))
    calls: set[str] = set()
    for header in sorted((root / "include/cocos").glob("*.h")):
        calls |= fallible(header.read_text(encoding="utf-8")) & public
    swept: set[str] = set()
    for test in sorted((root / "tests/unit").glob("*/test_*memory*.c")):
        text = COMMENT.sub("", test.read_text(encoding="utf-8"))
        if '"allocfail.h"' in text:
            swept |= set(re.findall(r"\bcocos_\w+(?=\s*\()", text))
    missing = sorted(calls - swept)
    for name in missing:
        print(f"{name}: takes cocos_error ** and is called in no tests/unit/*/test_*memory*.c: put it under"
              " allocfail_sweep() of tests/support/allocfail.h there")
    print(f"{len(calls)} calls that can fail, {len(missing)} of them not swept")
    return 1 if missing or not calls else 0


if __name__ == "__main__":
    sys.exit(main())
