#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Run the algorithm without any enclave and compare: check.py REGRESSION [MODEL_JSON].

With MODEL_JSON (the file out of a result) only that is compared.
"""

import json
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
TOLERANCE = 2e-6  # of numbers printed with six decimals


def differences(found: object, expected: object, where: str = "") -> list[str]:
    if isinstance(expected, dict) and isinstance(found, dict):
        lines = [f"{where}: other members" for _ in "x" if found.keys() != expected.keys()]
        for key in expected.keys() & found.keys():
            lines += differences(found[key], expected[key], f"{where}/{key}")
        return lines
    if isinstance(expected, float) and isinstance(found, float):
        return [] if abs(found - expected) <= TOLERANCE else [f"{where}: {found}, not {expected}"]
    return [] if found == expected else [f"{where}: {found}, not {expected}"]


def run_direct(program: str) -> str:
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / "results").mkdir()
        generate = [sys.executable, str(HERE / "generate.py")]
        subprocess.run([*generate, str(folder / "datasets")], check=True)
        subprocess.run([*generate, str(folder / "again")], check=True)
        for file in (folder / "datasets").iterdir():
            if file.read_bytes() != (folder / "again" / file.name).read_bytes():
                raise SystemExit(f"{file.name} differs from run to run")
        subprocess.run([str(pathlib.Path(program).resolve())], cwd=folder, check=True, timeout=60)
        return (folder / "results" / "model.json").read_text(encoding="ascii")


def main() -> int:
    if len(sys.argv) not in (2, 3):
        print("usage: check.py REGRESSION [MODEL_JSON]", file=sys.stderr)
        return 2
    given = len(sys.argv) == 3
    text = pathlib.Path(sys.argv[2]).read_text(encoding="ascii") if given else run_direct(sys.argv[1])
    expected = json.loads((HERE / "expected.json").read_text(encoding="ascii"))
    lines = differences(json.loads(text), expected)
    print("\n".join(lines) or "the model is the expected one")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
