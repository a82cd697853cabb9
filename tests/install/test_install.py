# SPDX-License-Identifier: Apache-2.0
"""What a user of the installed library meets: headers, pkg-config files, symbols, programs."""

from __future__ import annotations

import os
import pathlib
import re
import subprocess
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
BUILD = pathlib.Path(os.environ.get("COCOS_BUILD_ROOT", ROOT / "build"))
PROGRAMS = ("cocos", "cocos-cli", "cocos-agent", "cocos-manager", "cocos-cvms")


class Tree:
    """An installed tree below a folder that is not its prefix."""

    def __init__(self, folder: pathlib.Path) -> None:
        subprocess.run(
            ["meson", "install", "-C", BUILD, "--no-rebuild", "--quiet", "--destdir", folder],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        pc = next(folder.rglob("libcocos-verify.pc"))
        self.root = folder
        self.lib = pc.parents[1]
        self.bin = next(folder.rglob("bin/cocos")).parent  # the library may be in lib or lib/TRIPLET
        system = subprocess.check_output(["pkg-config", "--variable=pc_path", "pkg-config"], text=True)
        self.env = os.environ | {
            "LD_LIBRARY_PATH": str(self.lib),
            "PKG_CONFIG_SYSROOT_DIR": str(folder),
            "PKG_CONFIG_LIBDIR": f"{pc.parent}:{system.strip()}",
        }

    def flags(self, *arguments: str) -> list[str]:
        """What pkg-config answers."""
        return subprocess.check_output(["pkg-config", *arguments], env=self.env, text=True).split()


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    return Tree(tmp_path_factory.mktemp("install"))


def run_consumer(tree: Tree, folder: pathlib.Path, package: str, *link: str) -> str:
    """Build the consumer by pkg-config alone, run it against the installed libraries."""
    program = folder / "consumer"
    define = ["-DWITH_LIBCOCOS"] if package == "libcocos" else []
    subprocess.run(
        ["cc", "-std=c99", "-Wall", "-Werror", *define, *tree.flags("--cflags", package),
         HERE / "consumer.c", "-o", program, *link],
        check=True,
    )  # fmt: skip
    return subprocess.check_output([program], env=tree.env, text=True).strip()


def version() -> str:
    return re.search(r"version: '([0-9.]+)'", (ROOT / "meson.build").read_text()).group(1)


@pytest.mark.parametrize("package", ["libcocos", "libcocos-verify"])
def test_consumer_builds_and_runs_against_the_shared_library(
    tree: Tree, tmp_path: pathlib.Path, package: str
) -> None:
    assert run_consumer(tree, tmp_path, package, *tree.flags("--libs", package)) == version()
    assert tree.flags("--modversion", package) == [version()]


def test_verifier_links_static(tree: Tree, tmp_path: pathlib.Path) -> None:
    """The archive, that is: Debian has no static libcbor to go all the way."""
    flags = tree.flags("--static", "--libs", "libcocos-verify")
    archive = ["-l:libcocos-verify.a" if flag == "-lcocos-verify" else flag for flag in flags]
    assert archive != flags
    assert run_consumer(tree, tmp_path, "libcocos-verify", *archive) == version()
    assert "libcocos" not in subprocess.check_output(["ldd", tmp_path / "consumer"], text=True)


def test_verifier_needs_only_its_three_libraries(tree: Tree) -> None:
    dynamic = subprocess.check_output(["readelf", "-d", tree.lib / "libcocos-verify.so"], text=True)
    needed = {name.split(".so")[0] for name in re.findall(r"NEEDED.*\[(.*)\]", dynamic)}
    assert needed <= {"libcrypto", "libcbor", "libjansson", "libc", "libpthread"}, needed


def public_symbols(*maps: str) -> list[str]:
    """Names in the public nodes of the version maps."""
    names: list[str] = []
    for name in maps:
        text = re.sub(r"/\*.*?\*/", "", (ROOT / "libcocos" / name).read_text(), flags=re.S)
        for node, body in re.findall(r"(\w+)\s*\{(.*?)\}", text, flags=re.S):
            if "PRIVATE" not in node:
                names += re.findall(r"^\s*(cocos_\w+);", body, flags=re.M)
    assert names
    return names


# In a process of its own: only libcocos is opened, by its full path.
RESOLVE = """
import ctypes, sys
library = ctypes.CDLL(sys.argv[1])
missing = [name for name in sys.argv[2:] if not hasattr(library, name)]
sys.exit("missing: " + " ".join(missing) if missing else 0)
"""


def test_libcocos_alone_brings_every_public_symbol(tree: Tree) -> None:
    names = public_symbols("libcocos.map", "libcocos-verify.map")
    result = subprocess.run(
        [sys.executable, "-c", RESOLVE, tree.lib / "libcocos.so.0", *names],
        env=tree.env, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize(
    ("library", "map_name"),
    [("libcocos.so", "libcocos.map"), ("libcocos-verify.so", "libcocos-verify.map")],
)
def test_library_exports_what_its_map_says_and_no_more(tree: Tree, library: str, map_name: str) -> None:
    table = subprocess.check_output(["nm", "-D", "--defined-only", tree.lib / library], text=True)
    exported = {line.split()[2].split("@")[0] for line in table.splitlines() if line.split()[1] in "TDBRW"}
    public = {name for name in exported if name.startswith("cocos_") and not name.startswith("cocos__")}
    assert public == set(public_symbols(map_name))
    assert all(name.startswith("cocos_") for name in exported), exported - public


def test_library_has_its_soname(tree: Tree) -> None:
    for name in ("libcocos", "libcocos-verify"):
        dynamic = subprocess.check_output(["readelf", "-d", tree.lib / f"{name}.so"], text=True)
        assert f"[{name}.so.0]" in dynamic


@pytest.mark.parametrize("program", PROGRAMS)
def test_installed_program_tells_its_version(tree: Tree, program: str) -> None:
    result = subprocess.run(
        [tree.bin / program, "--version"], env=tree.env, capture_output=True, text=True, check=True
    )
    assert version() in result.stdout


@pytest.mark.parametrize("program", PROGRAMS)
def test_installed_program_explains_itself(tree: Tree, program: str) -> None:
    result = subprocess.run(
        [tree.bin / program, "--help"], env=tree.env, capture_output=True, text=True, check=True
    )
    # cocos-cli is another name of cocos.
    assert f"Usage: {program.removesuffix('-cli')} " in result.stdout
    assert not result.stderr


def test_every_installed_header_has_its_page_installed(tree: Tree) -> None:
    headers = {h.stem for h in tree.root.rglob("include/cocos/*.h")}
    assert {p.name for p in tree.root.rglob("man3/*.3")} == {f"cocos-{h}.3" for h in headers}


def test_nothing_installed_names_the_build_folder(tree: Tree) -> None:
    for path in tree.root.rglob("*"):
        if not path.is_file():
            continue
        if path.read_bytes().startswith(b"\x7fELF"):
            # Where it looks for libraries; debug information may name the sources.
            assert str(BUILD) not in subprocess.check_output(["readelf", "-d", path], text=True), path
        elif path.suffix != ".a":
            assert str(BUILD).encode() not in path.read_bytes(), path
