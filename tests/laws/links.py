#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every link inside the documentation leads to something, and every test that the threat model names is there."""

import pathlib
import re
import sys

FOLDERS = ("bindings", "doc", "eos", "tests", "tools")
LINK = re.compile(r"\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```.*?^```$|^ {4}[^\n]*$", re.S | re.M)
HEADING = re.compile(r"^#+ +(.+?) *$", re.M)


def anchors(text):
    """As a forge makes them: lower case, punctuation gone, a dash for a space."""
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in HEADING.findall(FENCE.sub("", text))}


def broken(page):
    for target in LINK.findall(FENCE.sub("", page.read_text())):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        path = page.parent / name if name else page
        if not path.exists():
            yield f"{target} is not there"
        elif anchor and anchor not in anchors(path.read_text()):
            yield f"{target}: no such heading"


def missing_tests(page, tests):
    """Names in backticks behind the last bar of a row; an ellipsis stands for any text."""
    files = {str(path.relative_to(tests)) for path in tests.rglob("*")}
    sources = "\n".join(path.read_text() for path in tests.rglob("*") if path.suffix in (".c", ".py"))
    functions = set(re.findall(r"^(?:START_TEST\(|def )(\w+)", sources, re.M))
    for row in re.findall(r"^\|.*\|$", page.read_text(), re.M):
        for name in re.findall(r"`([^`]+)`", row.rsplit("|", 2)[1]):
            if "/" in name or "." in name:
                found = any(name.strip("/") == file or file.endswith("/" + name) for file in files)
            else:
                pattern = re.compile(".*".join(map(re.escape, name.split("…"))))
                found = any(pattern.fullmatch(function) for function in functions)
            if not found and not name.startswith("build/"):
                yield f"{name} is no test"


def main():
    root = pathlib.Path.cwd()
    pages = sorted(root.glob("*.md"))
    pages += sorted(page for folder in FOLDERS for page in (root / folder).rglob("*.md") if "/." not in str(page.relative_to(root)))
    faults = [f"{page.relative_to(root)}: {fault}" for page in pages for fault in broken(page)]
    model = root / "doc/threat-model.md"
    faults += [f"doc/threat-model.md: {fault}" for fault in missing_tests(model, root / "tests")]
    for fault in faults:
        print(fault)
    print(f"{len(pages)} pages, {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
