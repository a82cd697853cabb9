#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every public header has a page of section 3, every public symbol stands in exactly one, all pages lint.

man3.py INCLUDE PAGE... -- MAP... : pages are built, maps are of the libraries that are built.
"""

from __future__ import annotations

import collections
import pathlib
import re
import shutil
import subprocess
import sys

from symbols import mapped

# mandoc knows only pages that are installed.
IGNORED = re.compile(r"referenced manual not found|lookup failed")


def named(page: pathlib.Path) -> list[str]:
    """Functions of the NAME section."""
    return re.findall(r"^\.Nm (cocos_\w+)", page.read_text(encoding="utf-8"), re.M)


def symbol_faults(pages: list[pathlib.Path], maps: list[pathlib.Path]) -> list[str]:
    public = set().union(*(mapped(m) for m in maps))
    count = collections.Counter(name for page in pages for name in named(page))
    faults = [f"{name}: in {count[name]} pages" for name in sorted(public) if count[name] != 1]
    return faults + [f"{name}: in a page, in no map" for name in sorted(set(count) - public)]


def lint(page: pathlib.Path) -> list[str]:
    out = subprocess.run(["mandoc", "-Tlint", page], capture_output=True, text=True, check=False).stdout
    return [line for line in out.splitlines() if not IGNORED.search(line)]


def main() -> int:
    split = sys.argv.index("--")
    include = pathlib.Path(sys.argv[1])
    pages = [pathlib.Path(a) for a in sys.argv[2:split]]
    maps = [pathlib.Path(a) for a in sys.argv[split + 1 :]]
    have = {page.name for page in pages}
    faults = symbol_faults(pages, maps)
    if len(maps) > 1:  # all libraries are built, hence all headers have their page
        headers = [h.name.split(".")[0] for h in include.glob("*.h*")]
        faults += [f"{h}.h has no page" for h in sorted(headers) if f"cocos-{h}.3" not in have]
    if shutil.which("mandoc"):
        faults += [fault for page in pages for fault in lint(page)]
    else:
        print("not linted: there is no mandoc")
    print("\n".join(faults))
    print(f"{len(pages)} pages, {len(faults)} faults")
    return 1 if faults or not pages else 0


if __name__ == "__main__":
    sys.exit(main())
