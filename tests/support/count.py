#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Count test cases: count.py meson testlog.json | junit report.xml | go test.log -> "PASSED FAILED SKIPPED".

One of meson's tests is as many cases as Check says it ran, otherwise one. A line "skipped: why" that a
test prints stands for one case that could not be checked.
"""

from __future__ import annotations

import json
import re
import sys
import xml.etree.ElementTree

CHECK = re.compile(r"^\d+%: Checks: (\d+), Failures: (\d+), Errors: (\d+)", re.M)
GO = re.compile(r"^ *--- (PASS|FAIL|SKIP): ", re.M)
SKIPPED = re.compile(r"^skipped: ", re.M)


def count_meson_test(test: dict) -> tuple[int, int, int]:
    if test["result"] == "SKIP":
        return 0, 0, 1
    output = test.get("stdout", "")
    runs = [tuple(map(int, m)) for m in CHECK.findall(output)]
    good = test["result"] in ("OK", "EXPECTEDFAIL")
    if not runs:
        return int(good), int(not good), 0
    failed = sum(failures + errors for _, failures, errors in runs)
    if not good:
        failed = max(failed, 1)
    skipped = len(SKIPPED.findall(output))
    return sum(checks for checks, _, _ in runs) - failed - skipped, failed, skipped


def count_meson(path: str) -> tuple[int, int, int]:
    with open(path, encoding="utf-8") as f:
        counts = [count_meson_test(json.loads(line)) for line in f if line.strip()]
    return tuple(map(sum, zip(*counts))) if counts else (0, 0, 0)


def count_junit(path: str) -> tuple[int, int, int]:
    suites = xml.etree.ElementTree.parse(path).getroot().iter("testsuite")
    totals = [0, 0, 0]
    for suite in suites:
        total = int(suite.get("tests", 0))
        failed = int(suite.get("failures", 0)) + int(suite.get("errors", 0))
        skipped = int(suite.get("skipped", 0))
        totals = [totals[0] + total - failed - skipped, totals[1] + failed, totals[2] + skipped]
    return tuple(totals)


def count_go(path: str) -> tuple[int, int, int]:
    """What go test -v says: tests, examples, and seeds of fuzz tests."""
    with open(path, encoding="utf-8", errors="replace") as f:
        results = GO.findall(f.read())
    return tuple(results.count(r) for r in ("PASS", "FAIL", "SKIP"))


def main() -> None:
    kind, path = sys.argv[1:]
    print(*{"meson": count_meson, "junit": count_junit, "go": count_go}[kind](path))


main()
