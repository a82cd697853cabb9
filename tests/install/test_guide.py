# SPDX-License-Identifier: Apache-2.0
"""The commands and programs of doc/guide/verify.md and of README.md, run against an installed tree."""

from __future__ import annotations

import pathlib
import re
import shutil
import subprocess

import pytest

from test_install import BUILD, ROOT, Tree

EXAMPLES = ROOT / "doc" / "examples"


def blocks(path: pathlib.Path) -> list[tuple[str, str]]:
    """Language and text of the fenced blocks, in order."""
    return re.findall(r"^```(\w+)\n(.*?)^```$", path.read_text(), flags=re.S | re.M)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    return Tree(tmp_path_factory.mktemp("install"))


@pytest.fixture
def env(tree: Tree) -> dict[str, str]:
    path = f"{tree.bin}:{BUILD / 'tests' / 'integration'}:{tree.env['PATH']}"
    return tree.env | {
        "PATH": path,
        "EXAMPLES": str(EXAMPLES),
        "PYTHONPATH": str(ROOT / "bindings" / "python" / "src"),
        "COCOS_LIBRARY": str(tree.lib / "libcocos.so.0"),
        "HOME": "/nonexistent",
    }


def run(script: str, folder: pathlib.Path, env: dict[str, str]) -> list[str]:
    """What each part of a script printed, the parts being separated by a mark."""
    done = subprocess.run(
        ["sh", "-eu", "-c", script], cwd=folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    return done.stdout.split("<<part>>\n")


def test_the_guide_does_what_it_says(env: dict[str, str], tmp_path: pathlib.Path) -> None:
    """One shell for all of it, as the reader has; each block of text is an excerpt of what was printed before it."""
    script, expected = "", []
    for language, text in blocks(ROOT / "doc" / "guide" / "verify.md"):
        if language == "sh":
            script += "echo '<<part>>'\n" + text
            expected.append([])
        elif language == "text":
            expected[-1] += text.splitlines()
        else:
            script += f"cat >verify.{'py' if language == 'python' else language} <<'EOF'\n{text}EOF\n"
    parts = run(script, tmp_path, env)[1:]
    assert len(parts) == len(expected) > 6
    for part, lines in zip(parts, expected, strict=True):
        for line in lines:
            assert line in part, part
    assert sum(map(len, expected)) > 10


def compile_and_run(tree: Tree, env: dict[str, str], folder: pathlib.Path, source: str, *link: str) -> str:
    (folder / "readme.c").write_text(source)
    flags = tree.flags("--cflags", "libcocos-verify")
    subprocess.run(["cc", "-std=c99", "-Wall", "-Wextra", "-Werror", *flags, "readme.c", "-o", "readme", *link], cwd=folder, check=True)
    return subprocess.run([folder / "readme"], cwd=folder, env=env, capture_output=True, text=True, check=False).stdout


@pytest.fixture
def evidence(env: dict[str, str], tmp_path: pathlib.Path) -> pathlib.Path:
    run("make-evidence demo", tmp_path, env)
    return tmp_path / "demo" / "snp"


@pytest.mark.parametrize("static", [False, True])
def test_the_c_program_of_the_readme_judges(tree: Tree, env: dict[str, str], evidence: pathlib.Path, static: bool) -> None:
    source = next(text for language, text in blocks(ROOT / "README.md") if language == "c")
    flags = tree.flags(*(["--static"] if static else []), "--libs", "libcocos-verify")
    link = ["-l:libcocos-verify.a" if f == "-lcocos-verify" and static else f for f in flags]
    assert compile_and_run(tree, env, evidence, source, *link) == "accepted\n"
    report = bytearray((evidence / "report.bin").read_bytes())
    report[0x90] ^= 1
    (evidence / "report.bin").write_bytes(report)
    assert compile_and_run(tree, env, evidence, source, *link) == "refused\n"


def test_the_python_lines_of_the_readme_judge(env: dict[str, str], evidence: pathlib.Path) -> None:
    source = next(text for language, text in blocks(ROOT / "README.md") if language == "python")
    (evidence / "readme.py").write_text(source)
    assert "ACCEPTED (SIMULATED" in run("/usr/bin/python3 readme.py", evidence, env)[0]
    shutil.copy(evidence / "crl-0.der", evidence / "report.bin")
    with pytest.raises(AssertionError, match=r"a revocation list comes beside .*\(evidence.kind\)"):
        run("/usr/bin/python3 readme.py", evidence, env)


def test_the_example_refuses_with_the_codes_of_the_program(evidence: pathlib.Path) -> None:
    example = BUILD / "doc" / "examples" / "verify-example"

    def code(*args: object) -> int:
        return subprocess.run([example, *map(str, args)], cwd=evidence, capture_output=True, check=False).returncode

    parts = ["cert=vcek.der", "cert=ask.der", "crl=crl-0.der"]
    assert code("policy.json", "report.bin", *parts) == 0
    assert code("policy.json", "report.bin", *parts[:2]) == 4
    assert code("report.bin", "report.bin") == 4
    assert code("policy.json") == 2
    assert code("policy.json", "nowhere") == 4
    report = bytearray((evidence / "report.bin").read_bytes())
    report[0x90] ^= 1
    (evidence / "report.bin").write_bytes(report)
    assert code("policy.json", "report.bin", *parts) == 3
